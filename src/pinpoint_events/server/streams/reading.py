"""`GetShardIterator` and `GetRecords`: reading a shard from a position on."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pinpoint_events.server.streams.iterators import (
    Position,
    read_iterator,
    written_iterator,
)
from pinpoint_events.server.streams.limits import READ_BYTES, READ_RECORDS
from pinpoint_events.server.streams.members import NAME, Members
from pinpoint_events.server.streams.refusals import (
    invalid_argument,
    resource_not_found,
)
from pinpoint_events.server.streams.service import Call, epoch_seconds
from pinpoint_events.server.streams.shard import Shard, ShardRecord, number_of
from pinpoint_events.server.streams.stream import Stream

__all__ = ["get_records", "get_shard_iterator"]

_AT: Final = "AT_SEQUENCE_NUMBER"
_AFTER: Final = "AFTER_SEQUENCE_NUMBER"
_AT_TIMESTAMP: Final = "AT_TIMESTAMP"
_LATEST: Final = "LATEST"
_TRIM_HORIZON: Final = "TRIM_HORIZON"


def get_shard_iterator(
    stream_of: Callable[[Members], Stream], call: Call
) -> dict[str, Any]:
    """Serve `GetShardIterator`."""
    members = call.members
    shard_id = members.required_text("ShardId", longest=128, pattern=NAME)
    kind = members.required_text(
        "ShardIteratorType",
        choices=(_AT, _AFTER, _TRIM_HORIZON, _LATEST, _AT_TIMESTAMP),
    )
    sequence = members.sequence_number("StartingSequenceNumber")
    time = members.time("Timestamp")
    stream = stream_of(members)
    shard = stream.shard(shard_id)
    if sequence is not None and kind in {_TRIM_HORIZON, _LATEST}:
        # The service says so (a message that mhart/kinesalite recorded from it).
        message = f"StartingSequenceNumber goes with {_AT} and {_AFTER} only"
        raise invalid_argument(message)
    if kind == _TRIM_HORIZON:
        number = shard.first
    elif kind == _LATEST:
        number = stream.next_number
    elif kind == _AT_TIMESTAMP:
        number = _number_at_time(stream, shard, time, call.now)
    else:
        number = _number_at(stream, shard, sequence) + (kind == _AFTER)
    position = Position(stream.name, shard.index, number)
    return {"ShardIterator": written_iterator(position, call.now)}


def _number_at(stream: Stream, shard: Shard, sequence: str | None) -> int:
    if sequence is None:
        message = "StartingSequenceNumber is missing; this iterator type needs it"
        raise invalid_argument(message)
    number = number_of(sequence)
    last = stream.next_number - 1 if shard.last is None else shard.last
    if not shard.first <= number <= last:
        message = (
            "StartingSequenceNumber used in GetShardIterator on shard "
            f"{shard.id} in stream {stream.name} is invalid: it is not one of this "
            "shard"
        )
        raise invalid_argument(message)
    return number


def _number_at_time(
    stream: Stream, shard: Shard, time: datetime | None, now: datetime
) -> int:
    if time is None:
        raise invalid_argument("Timestamp is missing; this iterator type needs it")
    if time > now:
        raise invalid_argument("Timestamp cannot be greater than the current time")
    return next(
        (record.number for record in shard.records if record.arrived_at >= time),
        stream.next_number,
    )


def get_records(stream_named: Callable[[str], Stream], call: Call) -> dict[str, Any]:
    """Serve `GetRecords`."""
    members = call.members
    text = members.required_text("ShardIterator", longest=512)
    limit = members.integer("Limit", least=1, most=READ_RECORDS)
    members.text("StreamARN", longest=2048)
    members.check()
    position = read_iterator(text, call.now)
    stream = stream_named(position.stream)
    if not 0 <= position.shard < len(stream.shards):
        raise resource_not_found("The shard of this iterator does not exist")
    shard = stream.shards[position.shard]
    found, number = _page(stream, shard, position.number, limit or READ_RECORDS)
    is_behind = next(stream.records_from(shard, number), None) is not None
    answer: dict[str, Any] = {
        "MillisBehindLatest": _milliseconds_behind(found, call.now) if is_behind else 0,
        "Records": [_shown(record) for record in found],
    }
    if shard.is_open or is_behind:
        following = position._replace(number=number)
        answer["NextShardIterator"] = written_iterator(following, call.now)
    else:
        answer["ChildShards"] = [
            {
                "HashKeyRange": each.hash_keys.shown,
                "ParentShards": [stream.shards[index].id for index in each.parents],
                "ShardId": each.id,
            }
            for each in stream.children(shard)
        ]
    return answer


def _page(
    stream: Stream, shard: Shard, number: int, limit: int
) -> tuple[list[ShardRecord], int]:
    """Return the next records, and where those behind them begin."""
    found: list[ShardRecord] = []
    size = 0
    for record in stream.records_from(shard, number):
        size += record.size
        if len(found) == limit or (found and size > READ_BYTES):
            break
        found.append(record)
    return found, found[-1].number + 1 if found else number


def _milliseconds_behind(found: list[ShardRecord], now: datetime) -> int:
    # There are further records, so at least one was found.
    return max(1, round((now - found[-1].arrived_at).total_seconds() * 1000))


def _shown(record: ShardRecord) -> dict[str, Any]:
    return {
        "ApproximateArrivalTimestamp": epoch_seconds(record.arrived_at),
        "Data": base64.b64encode(record.data).decode(),
        "EncryptionType": "NONE",
        "PartitionKey": record.partition_key,
        "SequenceNumber": record.sequence_number,
    }
