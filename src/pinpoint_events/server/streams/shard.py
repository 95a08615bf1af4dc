"""
One shard: a range of hash keys, and the records whose keys are in it.

Whatever happens in a stream gets the next number of one counter: a shard opens, a
record arrives, a shard closes. A sequence number is that number added to a constant
that gives it the 56 digits of real ones. So numbers rise within a shard, are unique in
the stream, and those of a child are larger than all of its parents.
"""

import hashlib
from datetime import datetime
from typing import Final

import attrs

from pinpoint_events.server.streams.limits import HASH_KEYS
from pinpoint_events.server.streams.throughput import ShardThroughput

__all__ = [
    "HashKeyRange",
    "Shard",
    "ShardRecord",
    "hash_key_of",
    "number_of",
    "sequence_number",
    "shard_id_of",
    "uniform_starts",
]

_BASE: Final = 49_650 * 10**51
_MIN_HALVED: Final = 4


def sequence_number(number: int) -> str:
    """Return the sequence number of a number of the stream's counter."""
    return str(_BASE + number)


def number_of(text: str) -> int:
    """Return the number of the stream's counter; negative if it is too small."""
    return int(text) - _BASE


def shard_id_of(index: int) -> str:
    """Return the id of the shard that was opened as the n-th, from 0."""
    return f"shardId-{index:012}"


def hash_key_of(partition_key: str) -> int:
    """Return the hash key of a partition key: its MD5, as a number."""
    digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest)


def uniform_starts(count: int) -> list[int]:
    """Return where the ranges of so many shards of equal size begin."""
    width = HASH_KEYS // count
    return [position * width for position in range(count)]


@attrs.frozen
class HashKeyRange:
    """
    A range of hash keys.

    Attributes:
        start: The first.
        end: The last.
    """

    start: int
    end: int

    @property
    def shown(self) -> dict[str, str]:
        """The range as operations answer it."""
        return {"StartingHashKey": str(self.start), "EndingHashKey": str(self.end)}


@attrs.frozen(kw_only=True)
class ShardRecord:
    """
    One record of a stream.

    Attributes:
        shard_id: The shard that it is in.
        sequence_number: Its sequence number.
        partition_key: Its partition key.
        data: Its data.
        arrived_at: When it was taken.
    """

    shard_id: str
    sequence_number: str
    partition_key: str = attrs.field(repr=False)
    data: bytes = attrs.field(repr=False)
    arrived_at: datetime

    @property
    def number(self) -> int:
        """Its number of the stream's counter."""
        return number_of(self.sequence_number)

    @property
    def size(self) -> int:
        """Its size as Kinesis counts it: data and partition key, in bytes."""
        return len(self.data) + len(self.partition_key.encode())


@attrs.define(kw_only=True, eq=False)
class Shard:
    """
    One shard.

    Attributes:
        index: Its number, in the order in which shards were opened, from 0.
        hash_keys: The hash keys of its records.
        first: The number at which it opened.
        opened_at: When it opened.
        throughput: What it may still take in.
        parents: The shards that it was made from: none, or one that was split, or two
            that were merged.
        last: The number at which it closed; None if it is open.
        closed_at: When it closed.
        records: Its records, in order.
    """

    index: int
    hash_keys: HashKeyRange
    first: int
    opened_at: datetime
    throughput: ShardThroughput
    parents: tuple[int, ...] = ()
    last: int | None = None
    closed_at: datetime | None = None
    records: list[ShardRecord] = attrs.Factory(list)

    @property
    def id(self) -> str:
        """Its id."""
        return shard_id_of(self.index)

    @property
    def is_open(self) -> bool:
        """Whether it takes records."""
        return self.last is None

    @property
    def can_be_halved(self) -> bool:
        """Whether it has enough hash keys for a split in the middle."""
        return self.hash_keys.end - self.hash_keys.start >= _MIN_HALVED
