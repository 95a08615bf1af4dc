"""
A token bucket for each shard.

A bucket holds what the shard may take in one second, and is filled continuously. A
record is taken if the bucket has enough for it. A record that is larger than the whole
bucket needs a full one, and leaves a debt: the shard takes nothing until the time that
the record needed has passed. This is how Kinesis describes large records: a stream
"temporarily bursts" beyond its throughput, and then returns to it. (Developer guide,
"Handle large records", read on 2026-11-28.)
"""

from datetime import datetime

from pinpoint_events.server.streams.limits import ShardLimits

__all__ = ["ShardThroughput", "TokenBucket"]


class TokenBucket:
    """
    A bucket with one second's worth of tokens.

    Args:
        per_second: How many tokens it gets a second, and holds at most.
        now: The current time.
    """

    __slots__ = ("_filled_at", "_per_second", "_tokens")

    def __init__(self, per_second: float, now: datetime) -> None:
        self._per_second = per_second
        self._tokens = per_second
        self._filled_at = now

    def has(self, amount: float, now: datetime) -> bool:
        """Return whether an amount can be taken now."""
        passed = (now - self._filled_at).total_seconds()
        self._filled_at = now
        gained = max(0.0, passed) * self._per_second
        self._tokens = min(self._per_second, self._tokens + gained)
        return self._tokens >= min(amount, self._per_second)

    def take(self, amount: float) -> None:
        """Take an amount; the bucket may get a debt."""
        self._tokens -= amount


class ShardThroughput:
    """
    What one shard may still take in.

    Args:
        limits: Its limits.
        now: The current time.
    """

    __slots__ = ("_bytes", "_records")

    def __init__(self, limits: ShardLimits, now: datetime) -> None:
        self._records = _bucket(limits.records_per_second, now)
        self._bytes = _bucket(limits.bytes_per_second, now)

    def takes(self, size: int, now: datetime) -> bool:
        """Return whether a record of so many bytes is within the limits; count it."""
        amounts = ((self._records, 1), (self._bytes, size))
        found = [(bucket, each) for bucket, each in amounts if bucket is not None]
        if not all(bucket.has(amount, now) for bucket, amount in found):
            return False
        for bucket, amount in found:
            bucket.take(amount)
        return True


def _bucket(per_second: float | None, now: datetime) -> TokenBucket | None:
    return None if per_second is None else TokenBucket(per_second, now)
