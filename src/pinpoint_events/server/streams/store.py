"""
One SQLite file that keeps streams, so that a restart loses nothing that was taken.

Each call is one transaction, written before the call is answered. The file can be read
with plain SQL while the endpoint serves.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pinpoint_events.server.streams.delivery_stream import (
    DeliveryRecord,
    DeliveryStream,
)
from pinpoint_events.server.streams.limits import ShardLimits
from pinpoint_events.server.streams.shard import (
    HashKeyRange,
    Shard,
    ShardRecord,
    sequence_number,
    shard_id_of,
)
from pinpoint_events.server.streams.stream import Stream
from pinpoint_events.server.streams.throughput import ShardThroughput
from pinpoint_events.storage.paths import path_text
from pinpoint_events.storage.sqlite_file import Schema, SqliteFile
from pinpoint_events.wire.json_text import decode, encode

__all__ = ["StreamsFile"]

_TIMEOUT_SECONDS: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# Times are microseconds since 1970. Hash keys have up to 39 digits, more than an
# integer of SQLite; numbers of a stream's counter fit.
_SCHEMA: Final = Schema(
    application_id=0x50455354,
    version=1,
    statements=(
        """
        CREATE TABLE streams (
            name TEXT PRIMARY KEY,
            created_at INTEGER NOT NULL,
            mode TEXT NOT NULL,
            record_kib INTEGER NOT NULL,
            next_number INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE shards (
            stream TEXT NOT NULL REFERENCES streams (name),
            shard INTEGER NOT NULL,
            starting_hash_key TEXT NOT NULL,
            ending_hash_key TEXT NOT NULL,
            parent INTEGER,
            adjacent_parent INTEGER,
            first_number INTEGER NOT NULL,
            last_number INTEGER,
            opened_at INTEGER NOT NULL,
            closed_at INTEGER,
            PRIMARY KEY (stream, shard)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE stream_records (
            stream TEXT NOT NULL,
            shard INTEGER NOT NULL,
            number INTEGER NOT NULL,
            partition_key TEXT NOT NULL,
            arrived_at INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (stream, number)
        )
        """,
        """
        CREATE TABLE delivery_streams (
            name TEXT PRIMARY KEY,
            created_at INTEGER NOT NULL,
            destination TEXT
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE delivery_records (
            stream TEXT NOT NULL REFERENCES delivery_streams (name),
            number INTEGER NOT NULL,
            arrived_at INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (stream, number)
        )
        """,
    ),
)


class StreamsFile:
    """
    A file of streams and delivery streams.

    Args:
        path: The file; created if it does not exist.

    Raises:
        StoreError: If it cannot be used.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = SqliteFile(
            Path(path_text(path)).absolute(), _SCHEMA, _TIMEOUT_SECONDS
        )

    @property
    def path(self) -> Path:
        """The file's absolute path."""
        return self._file.path

    def check(self) -> None:
        """
        Begin to write, and write nothing.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._file.transaction():
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # --- Kinesis ----------------------------------------------------------------------

    def streams(self, limits: ShardLimits, now: datetime) -> list[Stream]:
        """
        Return all streams, with their shards and records.

        Raises:
            StoreError: If the file cannot be used.
        """
        found: dict[str, Stream] = {}
        with self._file.transaction(writes=False) as connection:
            for name, created_at, mode, record_kib, number in connection.execute(
                "SELECT name, created_at, mode, record_kib, next_number FROM streams"
            ):
                stream = Stream(name, _time(created_at), mode=mode, limits=limits)
                stream.record_kib, stream.next_number = record_kib, number
                found[name] = stream
            for name, *values in connection.execute(
                "SELECT stream, shard, starting_hash_key, ending_hash_key, parent, "
                "adjacent_parent, first_number, last_number, opened_at, closed_at "
                "FROM shards ORDER BY stream, shard"
            ):
                index, start, end, parent, adjacent, first, last, opened, closed = (
                    values
                )
                shard = Shard(
                    index=index,
                    hash_keys=HashKeyRange(int(start), int(end)),
                    first=first,
                    opened_at=_time(opened),
                    throughput=ShardThroughput(limits, now),
                    parents=tuple(p for p in (parent, adjacent) if p is not None),
                    last=last,
                    closed_at=None if closed is None else _time(closed),
                )
                found[name].shards.append(shard)
            for name, index, number, key, arrived_at, data in connection.execute(
                "SELECT stream, shard, number, partition_key, arrived_at, data "
                "FROM stream_records ORDER BY stream, number"
            ):
                record = ShardRecord(
                    shard_id=shard_id_of(index),
                    sequence_number=sequence_number(number),
                    partition_key=key,
                    data=data,
                    arrived_at=_time(arrived_at),
                )
                found[name].shards[index].records.append(record)
        return list(found.values())

    def save_stream(self, stream: Stream) -> None:
        """
        Write what changed in a stream since it was saved.

        Raises:
            StoreError: If it cannot be written.
        """
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO streams VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "record_kib = excluded.record_kib, next_number = excluded.next_number",
                (
                    stream.name,
                    _number(stream.created_at),
                    stream.mode,
                    stream.record_kib,
                    stream.next_number,
                ),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_shard_row(stream.name, each) for each in stream.unsaved_shards),
            )
            connection.executemany(
                "INSERT INTO stream_records VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        stream.name,
                        int(each.shard_id.rpartition("-")[2]),
                        each.number,
                        each.partition_key,
                        _number(each.arrived_at),
                        each.data,
                    )
                    for each in stream.unsaved_records
                ),
            )

    def delete_stream(self, name: str) -> None:
        """
        Delete a stream with all its records.

        Raises:
            StoreError: If it cannot be written.
        """
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM stream_records WHERE stream = ?", (name,))
            connection.execute("DELETE FROM shards WHERE stream = ?", (name,))
            connection.execute("DELETE FROM streams WHERE name = ?", (name,))

    # --- Firehose ---------------------------------------------------------------------

    def delivery_streams(self) -> list[DeliveryStream]:
        """
        Return all delivery streams, with their records.

        Raises:
            StoreError: If the file cannot be used.
        """
        found: dict[str, DeliveryStream] = {}
        with self._file.transaction(writes=False) as connection:
            for name, created_at, text in connection.execute(
                "SELECT name, created_at, destination FROM delivery_streams"
            ):
                destination = None if text is None else decode(text)
                found[name] = DeliveryStream(name, _time(created_at), destination)
            for name, number, arrived_at, data in connection.execute(
                "SELECT stream, number, arrived_at, data FROM delivery_records "
                "ORDER BY stream, number"
            ):
                record = DeliveryRecord(
                    number=number, data=data, arrived_at=_time(arrived_at)
                )
                found[name].records.append(record)
        return list(found.values())

    def save_delivery_stream(self, stream: DeliveryStream) -> None:
        """
        Write what changed in a delivery stream since it was saved.

        Raises:
            StoreError: If it cannot be written.
        """
        destination = stream.destination
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO delivery_streams VALUES (?, ?, ?)",
                (
                    stream.name,
                    _number(stream.created_at),
                    None if destination is None else encode(destination).decode(),
                ),
            )
            connection.executemany(
                "INSERT INTO delivery_records VALUES (?, ?, ?, ?)",
                (
                    (stream.name, each.number, _number(each.arrived_at), each.data)
                    for each in stream.unsaved_records
                ),
            )

    def delete_delivery_stream(self, name: str) -> None:
        """
        Delete a delivery stream with all its records.

        Raises:
            StoreError: If it cannot be written.
        """
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM delivery_records WHERE stream = ?", (name,))
            connection.execute("DELETE FROM delivery_streams WHERE name = ?", (name,))


def _shard_row(stream: str, shard: Shard) -> tuple[object, ...]:
    parent, adjacent = (*shard.parents, None, None)[:2]
    keys, closed_at = shard.hash_keys, shard.closed_at
    return (
        stream,
        shard.index,
        str(keys.start),
        str(keys.end),
        parent,
        adjacent,
        shard.first,
        shard.last,
        _number(shard.opened_at),
        None if closed_at is None else _number(closed_at),
    )


def _number(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _time(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
