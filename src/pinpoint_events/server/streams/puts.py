"""
`PutRecord` and `PutRecords`: what a record may be, where it goes, and what comes of it.

A call with any record outside the limits is rejected as a whole. Of a call within them,
each record is taken or rejected for itself, in order.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server.streams.limits import (
    CALL_RECORDS,
    HASH_KEYS,
    KIB,
    LARGEST_RECORD_KIB,
    PARTITION_KEY_CHARACTERS,
    STREAM_CALL_BYTES,
)
from pinpoint_events.server.streams.members import Members
from pinpoint_events.server.streams.put_faults import PutFaults
from pinpoint_events.server.streams.refusals import invalid_argument, validation_error
from pinpoint_events.server.streams.service import Call
from pinpoint_events.server.streams.shard import ShardRecord, hash_key_of
from pinpoint_events.server.streams.stream import Stream

__all__ = ["EXCEEDED", "INTERNAL_FAILURE", "put_record", "put_records"]

EXCEEDED: Final = "ProvisionedThroughputExceededException"
INTERNAL_FAILURE: Final = "InternalFailure"

_StreamOf = Callable[[Members], Stream]


class _Entry(NamedTuple):
    """One record of a call."""

    data: bytes
    partition_key: str
    hash_key: int | None

    @property
    def size(self) -> int:
        return len(self.data) + len(self.partition_key.encode())


class _Failure(NamedTuple):
    """What became of a record that was not taken."""

    code: str
    message: str


def put_record(stream_of: _StreamOf, call: Call, account_id: str) -> dict[str, Any]:
    """Serve `PutRecord`."""
    entry = _read_entry(call.members)
    stream = stream_of(call.members)
    _check_entries([entry], stream, is_one=True)
    (result,) = _put([entry], stream, call.now, call.faults, account_id)
    if isinstance(result, _Failure):
        status = 500 if result.code == INTERNAL_FAILURE else 400
        raise RequestError(status, result.message, code=result.code)
    return {
        "EncryptionType": "NONE",
        "SequenceNumber": result.sequence_number,
        "ShardId": result.shard_id,
    }


def put_records(stream_of: _StreamOf, call: Call, account_id: str) -> dict[str, Any]:
    """Serve `PutRecords`."""
    listed = call.members.objects("Records", most=CALL_RECORDS)
    entries = [_read_entry(each) for each in listed]
    stream = stream_of(call.members)
    _check_entries(entries, stream, is_one=False)
    results = _put(entries, stream, call.now, call.faults, account_id)
    failed = sum(isinstance(each, _Failure) for each in results)
    shown = [
        {"ErrorCode": each.code, "ErrorMessage": each.message}
        if isinstance(each, _Failure)
        else {"SequenceNumber": each.sequence_number, "ShardId": each.shard_id}
        for position, each in enumerate(results, 1)
        if not call.faults.drops(position)
    ]
    return {"EncryptionType": "NONE", "FailedRecordCount": failed, "Records": shown}


def _read_entry(members: Members) -> _Entry:
    data = members.data("Data", longest=LARGEST_RECORD_KIB * KIB)
    key = members.required_text("PartitionKey", longest=PARTITION_KEY_CHARACTERS)
    return _Entry(data, key, members.hash_key("ExplicitHashKey"))


def _check_entries(entries: list[_Entry], stream: Stream, *, is_one: bool) -> None:
    largest = stream.record_kib * KIB
    problems = []
    total = 0
    for position, entry in enumerate(entries, 1):
        size = entry.size
        total += size
        if size > largest:
            where = "data" if is_one else f"records.{position}.member.data"
            problems.append(
                f"Value at '{where}' failed to satisfy constraint: Member must have "
                f"length less than or equal to {largest}, with the partition key"
            )
        if entry.hash_key is not None and entry.hash_key >= HASH_KEYS:
            message = (
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: "
                "[0, 2^128-1]."
            )
            raise invalid_argument(message)
    if problems:
        raise validation_error(problems[:10])
    if total > STREAM_CALL_BYTES:
        message = (
            f"Records size exceeds {STREAM_CALL_BYTES // KIB // KIB} MB limit, with "
            "partition keys; send them in several calls"
        )
        raise invalid_argument(message)


def _put(
    entries: list[_Entry],
    stream: Stream,
    now: datetime,
    faults: PutFaults,
    account_id: str,
) -> list[ShardRecord | _Failure]:
    results: list[ShardRecord | _Failure] = []
    for position, entry in enumerate(entries, 1):
        key = entry.hash_key
        hash_key = hash_key_of(entry.partition_key) if key is None else key
        shard = stream.shard_for(hash_key)
        if faults.reshards_before(position) and shard.can_be_halved:
            stream.split_in_half(shard, now)
            shard = stream.shard_for(hash_key)
        failure = faults.failure_at(position)
        if failure is not None:
            code = failure.error_code or EXCEEDED
            results.append(_Failure(code, failure.message))
        elif faults.throttles(shard.id) or not shard.throughput.takes(entry.size, now):
            message = (
                f"Rate exceeded for shard {shard.id} in stream {stream.name} under "
                f"account {account_id}."
            )
            results.append(_Failure(EXCEEDED, message))
        else:
            record = stream.take(shard, entry.partition_key, entry.data, now)
            results.append(record)
    return results
