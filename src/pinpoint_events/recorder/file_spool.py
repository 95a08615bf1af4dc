"""
A spool in an SQLite file, which all processes of an application share.

Every process adds items. One at a time delivers them: that which has the claim.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Final, NamedTuple

import attrs

from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import ConfigurationError, SpoolFullError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import file_text
from pinpoint_events.recorder._claim import Claim
from pinpoint_events.recorder._schema import SCHEMA
from pinpoint_events.recorder.items import (
    Books,
    DropReason,
    Item,
    ItemCounts,
    Settlement,
    count_kinds,
)
from pinpoint_events.storage.sqlite_file import SqliteFile

__all__ = [
    "FileSpool",
    "SpoolPlace",
    "books_in",
    "claim_path",
    "put_back_in",
    "settle_again_in",
    "settle_in",
    "used_bytes_in",
]

_ADD: Final = (
    "INSERT INTO item (endpoint_id, event_id, json, recorded_at) VALUES (?, ?, ?, ?)"
)
_READ: Final = (
    "SELECT id, endpoint_id, event_id, json, recorded_at, attempts FROM item "
    "WHERE id > ? AND NOT is_settled ORDER BY id LIMIT ?"
)
_HIGHEST: Final = "SELECT coalesce(max(id), 0) FROM item"
_IS_PENDING: Final = "SELECT 1 FROM item WHERE id <= ? AND NOT is_settled LIMIT 1"
_DELETE: Final = (
    "DELETE FROM item WHERE id IN (SELECT value FROM json_each(?)) AND NOT is_settled "
    "AND id < (SELECT max(id) FROM item) RETURNING id"
)
# The newest row keeps its number from being used again.
_KEEP: Final = (
    "UPDATE item SET is_settled = 1, json = '' "
    "WHERE id IN (SELECT value FROM json_each(?)) AND NOT is_settled "
    "AND id = (SELECT max(id) FROM item) RETURNING id"
)
_DELETE_KEPT: Final = (
    "DELETE FROM item WHERE is_settled AND id < (SELECT max(id) FROM item)"
)
_FAILED: Final = "UPDATE item SET attempts = ? WHERE id = ?"
_COUNT: Final = (
    "INSERT INTO ledger (subject, name, count) VALUES (?, ?, ?) "
    "ON CONFLICT (subject, name) DO UPDATE SET count = count + excluded.count"
)
_REFUSE: Final = (
    "INSERT INTO dead_letter (endpoint_id, event_id, json, recorded_at, attempts, "
    "code, message, refused_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_FORGET: Final = (
    "DELETE FROM dead_letter WHERE id IN "
    "(SELECT id FROM dead_letter ORDER BY id LIMIT ?)"
)
_ADD_AGAIN: Final = (
    "INSERT INTO item (endpoint_id, event_id, json, recorded_at, attempts) "
    "VALUES (?, ?, ?, ?, ?)"
)

EVENT: Final = "event"
ENDPOINT: Final = "endpoint"
_STORED: Final = "stored"  # of endpoints: rows that they have taken
_UNSTORED: Final = "unstored"  # recorded, and ended without a row
STORED_AGAIN: Final = "stored again"  # rejected once, and put back
_DELIVERED: Final = "delivered"
REJECTED: Final = "rejected"
_DROPPED: Final = "dropped:"
# Of an item, beside its text and its ids: numbers, and what SQLite adds.
_ROW_BYTES: Final = 32
_SPARE_BYTES: Final = 8_192  # two pages: rows do not fill theirs
# The file is measured each time that an eighth of the room that was left is used up.
_SHARE: Final = 8
_MOST_GRANTED_BYTES: Final = 256_000  # as each process measures by itself
_OLDEST: Final = 1_000  # items that are dropped at a time
_MOST_RECENT: Final = 2_000

# Of an SQLite file, up to the number that identifies what kind of file it is.
# (SQLite, "Database File Format", 1.3.)
_APPLICATION_ID_AT: Final = 68
_HEADER_BYTES: Final = 72


class SpoolPlace(NamedTuple):
    """
    Where the file of a spool is, and how it is opened.

    Attributes:
        path: The file; an absolute path.
        application_id: The application that the items are for.
        max_bytes: How many bytes of the file may be in use, without the log beside it.
        timeout_seconds: How long to wait for other writers.
    """

    path: Path
    application_id: str
    max_bytes: int
    timeout_seconds: float

    def open(self) -> "FileSpool":
        """
        Return the spool, created if it does not exist.

        Raises:
            ConfigurationError: If the file has items of another application.
            StoreError: If the file cannot be used.
        """
        # Readable by this user alone: it holds events and addresses. SQLite gives its
        # other files the same mode.
        with suppress(OSError):
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
            os.close(os.open(self.path, flags, 0o600))
        return FileSpool(
            self.path,
            self.application_id,
            max_bytes=self.max_bytes,
            timeout_seconds=self.timeout_seconds,
        )

    def identity(self) -> tuple[int, int] | None:
        """Return what tells the file from another at its path; None without one."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def move_aside(self, identity: tuple[int, int] | None) -> None:
        """
        Rename a damaged spool, with its log, so that a new one takes its place.

        Of several processes one does so, the others find the new one. A file that is
        no spool stays where it is.

        Args:
            identity: That of the damaged file.

        Raises:
            OSError: If it cannot be renamed.
        """
        claim = Claim(claim_path(self.path))
        if not claim.take():
            return  # the process that delivers renames it
        try:
            if identity is None or self.identity() != identity or not self._is_spool():
                return
            end = time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime())
            for beside in ("", "-wal", "-shm"):
                path = Path(f"{self.path}{beside}")
                if path.exists():
                    path.rename(f"{self.path}.{end}{beside}")
        finally:
            claim.release()

    def _is_spool(self) -> bool:
        with self.path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        found = int.from_bytes(header[_APPLICATION_ID_AT:], "big")
        return found == SCHEMA.application_id


def claim_path(path: Path) -> Path:
    """Return the path of the file by whose lock delivery is claimed."""
    # One for each file, however it is named.
    target = path.resolve()
    return target.with_name(f"{target.name}-deliverer")


class FileSpool:
    """
    A spool in a file.

    It is opened, and created if it does not exist, by the constructor. Safe to use from
    several threads and processes, and after a `fork` in both.

    Args:
        path: The file; an absolute path.
        application_id: The application that the items are for.
        max_bytes: How many bytes of the file may be in use, without the log beside it.
        timeout_seconds: How long to wait for other writers.

    Attributes:
        spool_id: The same for as long as the file is the same.

    Raises:
        ConfigurationError: If the file has items of another application.
        StoreError: If the file cannot be used.
    """

    spool_id: str

    def __init__(
        self,
        path: Path,
        application_id: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
    ) -> None:
        self._max_bytes = max_bytes
        self._granted_bytes = 0
        # Of this process, so that it need not read them from their texts again.
        self._recent: dict[int, Event | Endpoint] = {}
        self._is_closed = False
        self._claim = Claim(claim_path(path))
        self._file = SqliteFile(path, SCHEMA, timeout_seconds)
        try:
            self._check_application(application_id)
        except BaseException:
            self._file.close()
            raise

    def _check_application(self, application_id: str) -> None:
        with self._file.transaction() as connection:
            found = connection.execute(
                "SELECT id, spool_id FROM application"
            ).fetchone()
            if found is None:
                found = application_id, new_event_id()
                connection.execute("INSERT INTO application VALUES (?, ?, 0)", found)
            name, self.spool_id = found
            if name != application_id:
                raise ConfigurationError(
                    f"the spool {file_text(str(self._file.path))} has events of "
                    "another application; give each application a separate spool"
                )

    # --- What applications do ---------------------------------------------------------

    def add(
        self,
        endpoint_id: str,
        event_id: str | None,
        text: str,
        model: Event | Endpoint,
    ) -> None:
        """
        Store an event, or the update of an endpoint; when this returns, it is kept.

        Raises:
            SpoolFullError: If there is no room.
            StoreError: If the file cannot be used.
        """
        size = sum(map(_size, (endpoint_id, event_id or "", text))) + _ROW_BYTES
        if size > self._granted_bytes:
            self._measure(size)
        row = endpoint_id, event_id, text, _now_milliseconds()
        if event_id is not None:
            number = self._file.run(_ADD, row)
            if self._claim.is_held and len(self._recent) < _MOST_RECENT:
                self._recent[number] = model
        else:
            with self._file.transaction() as connection:
                connection.execute(_ADD, row)
                connection.execute(_COUNT, (ENDPOINT, _STORED, 1))
        self._granted_bytes -= size

    def _measure(self, size: int) -> None:
        with self._file.transaction() as connection:
            used = used_bytes_in(connection)
            # What was refused makes room for what is not yet sent.
            while used + size + _SPARE_BYTES > self._max_bytes:
                if not connection.execute(_FORGET, (_OLDEST,)).rowcount:
                    raise SpoolFullError(used, self._max_bytes)
                used = used_bytes_in(connection)
        room = self._max_bytes - used - _SPARE_BYTES
        self._granted_bytes = max(size, min(room // _SHARE, _MOST_GRANTED_BYTES))

    def count_dropped(self, event_id: str | None, reason: DropReason) -> None:
        """Count an item that was recorded, and dropped before it was stored."""
        subject = ENDPOINT if event_id is None else EVENT
        with self._file.transaction() as connection:
            connection.execute(_COUNT, (subject, f"{_DROPPED}{reason}", 1))
            connection.execute(_COUNT, (subject, _UNSTORED, 1))

    def oldest(self) -> list[Item]:
        """Return the items to drop first, to make room; none if there are none."""
        return self.read(0, _OLDEST)

    # --- What the deliverer does ------------------------------------------------------

    def claim(self) -> bool:
        """
        Claim the delivery, which one process at a time has; return whether.

        Raises:
            OSError: If the file of the claim cannot be opened.
        """
        return not self._is_closed and self._claim.take()

    def ask_for_flush(self, up_to: int) -> None:
        """Ask the process that delivers for items up to this number."""
        self._file.run(
            "UPDATE application SET flush_up_to = max(flush_up_to, ?)", (up_to,)
        )

    @property
    def flush_up_to(self) -> int:
        """The highest number that was asked for."""
        return self._number("SELECT max(flush_up_to) FROM application")

    @property
    def highest_id(self) -> int:
        """The number of the newest item; 0 if there never was one."""
        return self._number(_HIGHEST)

    def _number(self, statement: str) -> int:
        with self._file.transaction(writes=False) as connection:
            return int(connection.execute(statement).fetchone()[0])

    def read(self, after: int, limit: int) -> list[Item]:
        """Return items with greater numbers, the oldest first."""
        with self._file.transaction(writes=False) as connection:
            items = [Item(*row) for row in connection.execute(_READ, (after, limit))]
        recent = self._recent
        if not recent or not items:
            return items
        found = [item._replace(model=recent.pop(item.id, None)) for item in items]
        # Those that were dropped before they were read.
        for number in [each for each in list(recent) if each < items[-1].id]:
            recent.pop(number, None)
        return found

    def settle(self, settlement: Settlement) -> Settlement:
        """Write down what became of items, and return what was written."""
        if not settlement:
            return settlement
        with self._file.transaction() as connection:
            return settle_in(connection, settlement)

    def has_pending(self, up_to: int) -> bool:
        """Return whether an item with a number up to this one waits."""
        with self._file.transaction(writes=False) as connection:
            return connection.execute(_IS_PENDING, (up_to,)).fetchone() is not None

    def books(self) -> Books:
        """Return what became of all items."""
        with self._file.transaction(writes=False) as connection:
            return books_in(connection)

    def check_writable(self) -> None:
        """Write something that changes nothing."""
        self._file.run("UPDATE application SET flush_up_to = flush_up_to", ())

    def take(self, items: Sequence[Item], books: Books) -> None:
        """Take over the items and books of another spool."""
        with self._file.transaction() as connection:
            connection.executemany(_ADD_AGAIN, [item[1:6] for item in items])
            _, endpoints = count_kinds(items)
            if endpoints:
                connection.execute(_COUNT, (ENDPOINT, _STORED, endpoints))
            for subject, counts in zip((EVENT, ENDPOINT), books, strict=True):
                ended = {
                    _DELIVERED: counts.delivered,
                    REJECTED: counts.rejected,
                    **{f"{_DROPPED}{why}": n for why, n in counts.dropped.items()},
                }
                ended[_UNSTORED] = sum(ended.values())
                connection.executemany(
                    _COUNT, [(subject, name, n) for name, n in ended.items() if n]
                )

    def close(self) -> None:
        """Close the file, and give the claim up; what is in the file stays."""
        self._is_closed = True
        self._claim.release()
        self._file.close()


def used_bytes_in(connection: Connection) -> int:
    """Return how many bytes of the file are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _removed(connection: Connection, items: Sequence[Item]) -> set[int]:
    """Remove items, and return the numbers of those that were still there."""
    ids = json.dumps([item.id for item in items])
    gone = {number for (number,) in connection.execute(_DELETE, (ids,)).fetchall()}
    return gone.union(
        number for (number,) in connection.execute(_KEEP, (ids,)).fetchall()
    )


def _count(
    connection: Connection, name: str, items: Iterable[Item], *, sign: int = 1
) -> None:
    """Count items in the ledger."""
    for subject, count in zip((EVENT, ENDPOINT), count_kinds(items), strict=True):
        if count:
            connection.execute(_COUNT, (subject, name, sign * count))


def settle_in(connection: Connection, settlement: Settlement) -> Settlement:
    """Write down what became of items, in a transaction; return what was written."""
    ended = settlement.of(_removed(connection, settlement.ended))
    _count(connection, _DELIVERED, ended.delivered)
    _count(connection, REJECTED, [item for item, _ in ended.refused])
    now = _now_milliseconds()
    connection.executemany(
        _REFUSE, [(*item[1:6], *why, now) for item, why in ended.refused]
    )
    for reason in DropReason:
        given_up = [item for item, why in ended.dropped if why is reason]
        _count(connection, f"{_DROPPED}{reason}", given_up)
    connection.execute(_DELETE_KEPT)
    connection.executemany(
        _FAILED, [(item.attempts, item.id) for item in settlement.failed]
    )
    return attrs.evolve(ended, failed=settlement.failed)


def put_back_in(connection: Connection, rejected: Sequence[Item]) -> None:
    """
    Let dead letters that were deleted wait again, in the same transaction.

    They are recorded once, and take a second row. Their attempts and their wait start
    anew, as otherwise `max_age` could drop them before they are sent.
    """
    now = _now_milliseconds()
    connection.executemany(_ADD, [(*item[1:4], now) for item in rejected])
    _count(connection, REJECTED, rejected, sign=-1)
    _count(connection, STORED_AGAIN, rejected)
    _count(connection, _STORED, (item for item in rejected if item.event_id is None))


def settle_again_in(connection: Connection, rejected: Sequence[Item]) -> None:
    """Count dead letters that were deleted as delivered, in the same transaction."""
    _count(connection, REJECTED, rejected, sign=-1)
    _count(connection, _DELIVERED, rejected)


def books_in(connection: Connection) -> Books:
    """Return the books of the spool of a connection, in a transaction."""
    (highest,) = connection.execute(_HIGHEST).fetchone()
    ledger: dict[str, dict[str, int]] = {EVENT: {}, ENDPOINT: {}}
    for subject, name, count in connection.execute(
        "SELECT subject, name, count FROM ledger"
    ):
        ledger[subject][name] = count
    endpoints = ledger[ENDPOINT].pop(_STORED, 0)
    return Books(
        _counts(ledger[EVENT], highest - endpoints),
        _counts(ledger[ENDPOINT], endpoints),
    )


def _counts(ledger: Mapping[str, int], rows: int) -> ItemCounts:
    """
    Return the counts of one kind.

    Args:
        ledger: Its part of the ledger.
        rows: How many rows its items have taken.
    """
    dropped = {
        name.removeprefix(_DROPPED): count
        for name, count in ledger.items()
        if name.startswith(_DROPPED)
    }
    recorded = rows + ledger.get(_UNSTORED, 0) - ledger.get(STORED_AGAIN, 0)
    delivered, rejected = ledger.get(_DELIVERED, 0), ledger.get(REJECTED, 0)
    ended = delivered + rejected + sum(dropped.values())
    return ItemCounts(
        recorded=recorded,
        delivered=delivered,
        rejected=rejected,
        dropped=dropped,
        # Not counted row by row: a spool may have millions.
        pending=recorded - ended,
    )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _now_milliseconds() -> int:
    return time.time_ns() // 1_000_000
