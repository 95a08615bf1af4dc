"""
Reading a stream of Kinesis, without the sending: requests, answers, and which shard.

A stream is read shard by shard, each by an iterator that every answer renews. A shard
that was split or merged ends; its children hold what came after. So that records of one
partition key are read in their order, a shard is read after all of its parents.

Source: Amazon Kinesis API reference, "ListShards", "GetShardIterator", "GetRecords" and
"DescribeStreamSummary", read 2026-11-29.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pinpoint_events.errors import InvalidResponseError, InvalidResponseErrorCode
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.put_records import KINESIS, operation_request
from pinpoint_events.wire.json_text import decode_object, encode

__all__ = [
    "FROM_NOW",
    "FROM_START",
    "READ_ACTIONS",
    "ListedShard",
    "Position",
    "ReadRecord",
    "RecordsPage",
    "ShardOrder",
    "after",
    "from_time",
    "iterator_of",
    "iterator_request",
    "listed_shards",
    "most_record_bytes",
    "page_of",
    "page_request",
    "shards_request",
    "summary_request",
]

READ_ACTIONS: Final = (
    "kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords"
)
_TARGET: Final = "Kinesis_20131202."
# Of the 10,000 that are allowed: the answer stays below what a connection reads.
_MOST_RECORDS: Final = 1_000
_KIB: Final = 1_024


class Position(NamedTuple):
    """
    Where in a shard to begin.

    Attributes:
        kind: `ShardIteratorType`.
        members: What the type needs.
    """

    kind: str
    members: Mapping[str, Any]


FROM_NOW: Final = Position("LATEST", {})
FROM_START: Final = Position("TRIM_HORIZON", {})


def from_time(moment: datetime) -> Position:
    """Return the position of the first record that arrived at this time or later."""
    return Position("AT_TIMESTAMP", {"Timestamp": moment.timestamp()})


def after(sequence_number: str) -> Position:
    """Return the position behind a record."""
    kind = "AFTER_SEQUENCE_NUMBER"
    return Position(kind, {"StartingSequenceNumber": sequence_number})


class ListedShard(NamedTuple):
    """
    A shard of a stream.

    Attributes:
        id: Its id.
        parents: The ids of the shards of which it is a part, or that were merged.
        is_open: Whether it takes records.
        hash_keys: The first and the last hash of its range.
    """

    id: str
    parents: frozenset[str]
    is_open: bool
    hash_keys: tuple[int, int]


class ReadRecord(NamedTuple):
    """
    A record that was read from a stream.

    Attributes:
        shard_id: The shard that holds it.
        sequence_number: Its number, unique within the stream.
        partition_key: The key that chose the shard.
        data: Its content.
        arrived_at: When Kinesis received it; None if it does not say.
    """

    shard_id: str
    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: datetime | None


class RecordsPage(NamedTuple):
    """
    Consecutive records of a shard.

    Attributes:
        records: The records; there may be none although more follow.
        iterator: What reads on; None at the end of a shard that was closed.
        is_at_tip: Whether nothing newer was there.
    """

    records: tuple[ReadRecord, ...]
    iterator: str | None
    is_at_tip: bool


# --- Requests -------------------------------------------------------------------------


def shards_request(stream: Mapping[str, str], token: str | None) -> HttpRequest:
    """
    Return the request for a page of the list of shards.

    Args:
        stream: The members that name the stream.
        token: The `NextToken` of the page before; None for the first.
    """
    return _request("ListShards", stream if token is None else {"NextToken": token})


def iterator_request(
    stream: Mapping[str, str], shard_id: str, position: Position
) -> HttpRequest:
    """Return the request for an iterator."""
    kind, members = position
    named = {**stream, "ShardId": shard_id, "ShardIteratorType": kind, **members}
    return _request("GetShardIterator", named)


def page_request(stream: Mapping[str, str], iterator: str) -> HttpRequest:
    """Return the request for records."""
    # The name is in the iterator; by ARN, the account would not be.
    arn = {name: value for name, value in stream.items() if name == "StreamARN"}
    members = {**arn, "ShardIterator": iterator, "Limit": _MOST_RECORDS}
    return _request("GetRecords", members)


def summary_request(stream: Mapping[str, str]) -> HttpRequest:
    """Return the request for a stream's summary."""
    return _request("DescribeStreamSummary", stream)


def _request(operation: str, members: Mapping[str, Any]) -> HttpRequest:
    return operation_request(_TARGET + operation, encode(dict(members)))


# --- Answers --------------------------------------------------------------------------


def listed_shards(response: HttpResponse) -> tuple[list[ListedShard], str | None]:
    """
    Return the shards of a page, and the token of the next one.

    Raises:
        InvalidResponseError: If the answer has another form.
    """
    answer = _answer(response)
    try:
        shards = [_shard(each) for each in answer["Shards"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _unreadable(response) from None
    token = answer.get("NextToken")
    return shards, token if isinstance(token, str) else None


def _shard(said: Any) -> ListedShard:
    parents = said.get("ParentShardId"), said.get("AdjacentParentShardId")
    end = said["SequenceNumberRange"].get("EndingSequenceNumber")
    hash_keys = said["HashKeyRange"]
    return ListedShard(
        said["ShardId"],
        frozenset(filter(None, parents)),
        end is None,
        (int(hash_keys["StartingHashKey"]), int(hash_keys["EndingHashKey"])),
    )


def iterator_of(response: HttpResponse) -> str:
    """
    Return the iterator.

    Raises:
        InvalidResponseError: If the answer has another form.
    """
    iterator = _answer(response).get("ShardIterator")
    if isinstance(iterator, str):
        return iterator
    raise _unreadable(response)


def page_of(shard_id: str, response: HttpResponse) -> RecordsPage:
    """
    Return the records of an answer.

    Raises:
        InvalidResponseError: If the answer has another form.
    """
    answer = _answer(response)
    try:
        records = tuple(_record(shard_id, each) for each in answer["Records"])
    except (AttributeError, Base64Error, KeyError, TypeError, ValueError):
        raise _unreadable(response) from None
    iterator = answer.get("NextShardIterator")
    is_open = isinstance(iterator, str)
    is_at_tip = answer.get("MillisBehindLatest") == 0 and not records
    return RecordsPage(records, iterator if is_open else None, is_at_tip)


def _record(shard_id: str, said: Any) -> ReadRecord:
    arrived = said.get("ApproximateArrivalTimestamp")
    is_number = isinstance(arrived, int | float)
    return ReadRecord(
        shard_id,
        said["SequenceNumber"],
        said["PartitionKey"],
        a2b_base64(said["Data"]),
        datetime.fromtimestamp(arrived, UTC) if is_number else None,
    )


def most_record_bytes(response: HttpResponse) -> int:
    """
    Return the most bytes of a record that a stream takes, from its summary.

    Raises:
        InvalidResponseError: If the answer has another form.
    """
    summary = _answer(response).get("StreamDescriptionSummary")
    if not isinstance(summary, Mapping):
        raise _unreadable(response)
    kib = summary.get("MaxRecordSizeInKiB")
    most = kib * _KIB if type(kib) is int else 0
    return max(most, KINESIS.max_record_bytes)


def _answer(response: HttpResponse) -> Mapping[str, Any]:
    answer = decode_object(response.body)
    if answer is None:
        raise _unreadable(response)
    return answer


def _unreadable(response: HttpResponse) -> InvalidResponseError:
    return InvalidResponseError(
        f"the answer (HTTP {response.status}, {len(response.body):,} bytes) is not one "
        "of Kinesis; check the endpoint URL",
        code=InvalidResponseErrorCode.UNREADABLE,
    )


# --- Which shard ----------------------------------------------------------------------


class ShardOrder:
    """
    Which shards of a stream to read, and where in each to begin.

    Args:
        start: Where to begin in the shards that are there at first. Those that come
            later are read from their beginning.
    """

    def __init__(self, start: Position) -> None:
        self._start = start
        self._parents: dict[str, frozenset[str]] = {}
        self._read: set[str] = set()  # begun or ended
        self._ended: set[str] = set()
        self._first: frozenset[str] | None = None

    def list(self, shards: Iterable[ListedShard]) -> None:
        """Take over the list of all shards."""
        for shard in shards:
            self._parents.setdefault(shard.id, shard.parents)
            is_old = self._first is None and not shard.is_open
            if is_old and self._start is FROM_NOW:
                self._read.add(shard.id)
                self._ended.add(shard.id)
        if self._first is None:
            self._first = frozenset(self._parents)

    def begin(self) -> dict[str, Position]:
        """Return shards whose turn has come, each once, with the position to begin."""
        found = {
            shard_id: self._start if shard_id in (self._first or ()) else FROM_START
            for shard_id, parents in self._parents.items()
            if shard_id not in self._read
            and not any(each in self._parents for each in parents - self._ended)
        }
        self._read.update(found)
        return found

    def end(self, shard_id: str) -> None:
        """Note that a shard was read to its end; list the shards again after it."""
        self._ended.add(shard_id)

    @property
    def is_complete(self) -> bool:
        """Whether every shard is being read, or was."""
        return self._read >= self._parents.keys()
