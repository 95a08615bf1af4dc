"""
How fast each shard of a stream may be sent to: learned from what it throttles.

A shard takes 1,000 records and 1 MB a second (Amazon Kinesis developer guide, "Quotas
and limits", read 2026-11-23), from all its writers together. A shard that throttled a
record gets a token bucket, which is empty then and is filled at a part of these rates.
The part is halved with each throttled answer and grows with each answer that is not;
when it is whole again, the bucket is dropped. Until a shard throttles, nothing waits.

A state machine: it never sleeps, and the time is an argument. Threads may share it
without a lock: a lost update changes a rate a little.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import md5
from typing import Final, NamedTuple

__all__ = ["Shard", "ShardRates"]

_RECORDS_A_SECOND: Final = 1_000.0
_BYTES_A_SECOND: Final = 1_000_000.0
_LEAST: Final = 1 / 64
_GROWTH: Final = 1 / 32
_LONGEST_WAIT: Final = 10.0  # seconds


class Shard(NamedTuple):
    """
    A shard that is open.

    Attributes:
        id: Its id.
        first: The first hash of its range.
        last: The last one.
    """

    id: str
    first: int
    last: int


class _Bucket:
    def __init__(self, now: float) -> None:
        self.part = 1.0
        self._seconds = 0.0  # of the whole rate that it holds; below 0 if owed
        self._at = now

    def halve(self, now: float) -> None:
        self._fill(now)
        self.part = max(_LEAST, self.part / 2)
        self._seconds = max(min(0.0, self._seconds), -_LONGEST_WAIT * self.part)

    def _fill(self, now: float) -> None:
        # It never holds more than a second's worth: a pause saves up no burst.
        passed = max(0.0, now - self._at) * self.part
        self._seconds, self._at = min(self.part, self._seconds + passed), now

    def take(self, records: int, size: int, now: float) -> float:
        """Take tokens, and return the seconds to wait for them: ten at most."""
        self._fill(now)
        self._seconds -= max(records / _RECORDS_A_SECOND, size / _BYTES_A_SECOND)
        # What is counted may never be sent, as at the end of a deadline: without a
        # bound, calls would owe more with each try than time pays back.
        self._seconds = max(self._seconds, -_LONGEST_WAIT * self.part)
        return max(0.0, -self._seconds / self.part)


class ShardRates:
    """The rates of the shards of one stream."""

    def __init__(self) -> None:
        self._shards: Sequence[Shard] = ()
        self._buckets: dict[str, _Bucket] = {}

    @property
    def is_limiting(self) -> bool:
        """Whether any shard has a rate now."""
        return bool(self._buckets)

    def know(self, shards: Iterable[Shard]) -> None:
        """Take over which shards are open; rates of the others are dropped."""
        self._shards = tuple(shards)
        ids = {shard.id for shard in self._shards}
        self._buckets = {k: v for k, v in self._buckets.items() if k in ids}

    def has(self, shard_ids: Iterable[str | None]) -> bool:
        """Return whether all these shards are known to be open."""
        ids = {shard.id for shard in self._shards}
        return all(each is None or each in ids for each in shard_ids)

    def shard_of(self, partition_key: str) -> str | None:
        """Return the id of the shard that has a key's hash; None if it is not known."""
        digest = md5(partition_key.encode(), usedforsecurity=False).digest()
        number = int.from_bytes(digest, "big")
        for shard in self._shards:
            if shard.first <= number <= shard.last:
                return shard.id
        return None

    def seconds_for(self, sizes: Mapping[str, Sequence[int]], now: float) -> float:
        """
        Return how long to wait before sending, and count it as sent.

        Args:
            sizes: Partition key to the bytes of each of its records.
            now: The time, in seconds of a monotonic clock.
        """
        wait = 0.0
        for shard_id, (records, size) in self._by_shard(sizes).items():
            bucket = self._buckets.get(shard_id)
            if bucket is not None:
                wait = max(wait, bucket.take(records, size, now))
        return wait

    def _by_shard(
        self, sizes: Mapping[str, Sequence[int]]
    ) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for key, each in sizes.items():
            shard_id = self.shard_of(key)
            if shard_id is not None:
                records, size = found.get(shard_id, (0, 0))
                found[shard_id] = (records + len(each), size + sum(each))
        return found

    def learn(
        self, throttled_keys: Iterable[str], accepted: Iterable[str | None], now: float
    ) -> None:
        """
        Learn from the answer to a call.

        Args:
            throttled_keys: The partition keys of records that were throttled.
            accepted: The shards that accepted records.
            now: The time, in seconds of a monotonic clock.
        """
        throttled = {self.shard_of(key) for key in set(throttled_keys)} - {None}
        for shard_id in throttled:
            name = str(shard_id)
            bucket = self._buckets.setdefault(name, _Bucket(now))
            bucket.halve(now)
        for shard_id in set(accepted) - throttled:
            found = self._buckets.get(shard_id or "")
            if found is not None:
                found.part += _GROWTH
                if found.part >= 1:
                    self._buckets.pop(shard_id or "", None)
