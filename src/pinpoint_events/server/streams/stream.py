"""
A stream: its shards, open and closed, and what happens to them.

No I/O and no clock: each method that needs the time takes it. The hash keys of the open
shards cover all hash keys, each once. Only the open shards take records; a closed one
stays listed, and readable. What changed since the last `saved` is kept, so that a store
can write it.

Differences from the service: a stream is active as soon as it is created, split or
merged, and records do not expire.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pinpoint_events.server.streams.limits import (
    DEFAULT_RECORD_KIB,
    HASH_KEYS,
    ShardLimits,
)
from pinpoint_events.server.streams.refusals import (
    invalid_argument,
    limit_exceeded,
    resource_in_use,
    resource_not_found,
)
from pinpoint_events.server.streams.shard import (
    HashKeyRange,
    Shard,
    ShardRecord,
    sequence_number,
    uniform_starts,
)
from pinpoint_events.server.streams.throughput import ShardThroughput

__all__ = ["ON_DEMAND", "PROVISIONED", "Stream"]

ON_DEMAND: Final = "ON_DEMAND"
PROVISIONED: Final = "PROVISIONED"


class Stream:
    """
    One stream.

    Args:
        name: Its name.
        created_at: When it was created.
        mode: `PROVISIONED` or `ON_DEMAND`.
        limits: What each shard takes in.

    Attributes:
        name: Its name.
        created_at: When it was created.
        mode: Its capacity mode.
        record_kib: The largest record that it takes, in KiB.
        next_number: What its counter gives next.
        shards: All its shards, in the order in which they were opened.
        unsaved_records: Records that were taken since the last `saved`.
        unsaved_shards: Shards that were opened or closed since then.
    """

    name: str
    created_at: datetime
    mode: str
    record_kib: int
    next_number: int
    shards: list[Shard]
    unsaved_records: list[ShardRecord]
    unsaved_shards: list[Shard]

    def __init__(
        self,
        name: str,
        created_at: datetime,
        *,
        mode: str = PROVISIONED,
        limits: ShardLimits = ShardLimits(),  # noqa: B008 - immutable
    ) -> None:
        self.name = name
        self.created_at = created_at
        self.mode = mode
        self.record_kib = DEFAULT_RECORD_KIB
        self.next_number = 0
        self.shards = []
        self.unsaved_records = []
        self.unsaved_shards = []
        self._limits = limits
        self._open_shards: list[Shard] | None = None  # to be found again

    @property
    def open_shards(self) -> list[Shard]:
        """The open shards, in the order of their hash keys."""
        if self._open_shards is None:
            found = [shard for shard in self.shards if shard.is_open]
            self._open_shards = sorted(found, key=_start)
        return self._open_shards

    @property
    def records(self) -> Iterator[ShardRecord]:
        """All records: shard by shard, and in order within each."""
        return (record for shard in self.shards for record in shard.records)

    def shard(self, shard_id: str) -> Shard:
        """
        Return a shard, open or closed.

        Raises:
            RequestError: If there is none with this id.
        """
        for shard in self.shards:
            if shard.id == shard_id:
                return shard
        message = f"Shard {shard_id} in stream {self.name} does not exist"
        raise resource_not_found(message)

    def shard_for(self, hash_key: int) -> Shard:
        """Return the open shard that takes records with this hash key."""
        found = self.open_shards
        return found[bisect_right(found, hash_key, key=_start) - 1]

    def children(self, shard: Shard) -> list[Shard]:
        """Return the shards that were made from a shard."""
        return [each for each in self.shards if shard.index in each.parents]

    def saved(self) -> None:
        """Forget what changed: a store has written it, or there is none."""
        self.unsaved_records = []
        self.unsaved_shards = []

    def set_limits(self, limits: ShardLimits, now: datetime) -> None:
        """Give each shard other limits, as if it had been idle before."""
        self._limits = limits
        for shard in self.shards:
            shard.throughput = ShardThroughput(limits, now)

    # --- Records ----------------------------------------------------------------------

    def take(
        self, shard: Shard, partition_key: str, data: bytes, now: datetime
    ) -> ShardRecord:
        """Append a record to an open shard."""
        record = ShardRecord(
            shard_id=shard.id,
            sequence_number=sequence_number(self._counted()),
            partition_key=partition_key,
            data=data,
            arrived_at=now,
        )
        shard.records.append(record)
        self.unsaved_records.append(record)
        return record

    def records_from(self, shard: Shard, number: int) -> Iterator[ShardRecord]:
        """Return the records of a shard from a number of the counter on."""
        start = bisect_left(shard.records, number, key=lambda record: record.number)
        return (shard.records[each] for each in range(start, len(shard.records)))

    # --- Shards -----------------------------------------------------------------------

    def open_first(self, count: int, now: datetime) -> None:
        """Open so many shards of equal size, in a stream without shards."""
        starts = uniform_starts(count)
        for start, after in zip(starts, [*starts[1:], HASH_KEYS], strict=True):
            self._open(HashKeyRange(start, after - 1), (), now)

    def split(self, shard: Shard, hash_key: int, now: datetime) -> None:
        """
        Close a shard, and open two in its place.

        Args:
            shard: The shard.
            hash_key: Where the second of the two begins.
            now: The current time.

        Raises:
            RequestError: If the shard is closed, or has no room for two there.
        """
        self._check_open(shard)
        keys = shard.hash_keys
        # The service wants more than one hash key below the new start, too (a message
        # that mhart/kinesalite recorded from it, in `actions/splitShard.js`).
        if not keys.start + 1 < hash_key < keys.end:
            message = (
                f"NewStartingHashKey of SplitShard for shard {shard.id} in stream "
                f"{self.name} is not both greater than one plus the shard's "
                f"StartingHashKey {keys.start} and less than the shard's EndingHashKey "
                f"{keys.end}"
            )
            raise invalid_argument(message)
        self._split(shard, hash_key, now)

    def merge(self, first: Shard, second: Shard, now: datetime) -> None:
        """
        Close two adjacent shards, and open one in their place.

        Raises:
            RequestError: If one is closed, or they are not adjacent.
        """
        self._check_open(first)
        self._check_open(second)
        low, high = sorted((first, second), key=_start)
        if low.hash_keys.end + 1 != high.hash_keys.start:
            message = (
                f"Shards {first.id} and {second.id} in stream {self.name} are not an "
                "adjacent pair of shards eligible for merging"
            )
            raise invalid_argument(message)
        self._merge(first, second, now)

    def split_in_half(self, shard: Shard, now: datetime) -> None:
        """
        Split an open shard in the middle of its hash keys.

        Raises:
            RequestError: If it has too few hash keys.
        """
        keys = shard.hash_keys
        self.split(shard, (keys.start + keys.end + 1) // 2, now)

    def scale(self, target: int, now: datetime) -> None:
        """
        Split and merge until there are so many open shards, of equal size.

        Raises:
            RequestError: If that are more than twice, or less than half, as many.
        """
        count = len(self.open_shards)
        direction = (
            "up over double"
            if target > 2 * count
            else "down below half"
            if 2 * target < count
            else None
        )
        if direction is not None:
            message = (
                f"UpdateShardCount cannot scale {direction} your current open shard "
                f"count. Current open shard count: {count} Target shard count: {target}"
            )
            raise limit_exceeded(message)
        starts = uniform_starts(target)
        for start in starts[1:]:
            shard = self.shard_for(start)
            if shard.hash_keys.start != start:
                self._split(shard, start, now)
        for start, after in zip(starts, [*starts[1:], HASH_KEYS], strict=True):
            while (low := self.shard_for(start)).hash_keys.end < after - 1:
                self._merge(low, self.shard_for(low.hash_keys.end + 1), now)

    def _split(self, shard: Shard, hash_key: int, now: datetime) -> None:
        self._close(shard, now)
        keys = shard.hash_keys
        self._open(HashKeyRange(keys.start, hash_key - 1), (shard.index,), now)
        self._open(HashKeyRange(hash_key, keys.end), (shard.index,), now)

    def _merge(self, first: Shard, second: Shard, now: datetime) -> None:
        self._close(first, now)
        self._close(second, now)
        both = (first.hash_keys, second.hash_keys)
        keys = HashKeyRange(min(k.start for k in both), max(k.end for k in both))
        self._open(keys, (first.index, second.index), now)

    def _check_open(self, shard: Shard) -> None:
        if not shard.is_open:
            message = (
                f"Shard {shard.id} in stream {self.name} is closed; name an open shard"
            )
            raise resource_in_use(message)

    def _open(
        self, keys: HashKeyRange, parents: tuple[int, ...], now: datetime
    ) -> None:
        shard = Shard(
            index=len(self.shards),
            hash_keys=keys,
            first=self._counted(),
            opened_at=now,
            throughput=ShardThroughput(self._limits, now),
            parents=parents,
        )
        self.shards.append(shard)
        self.unsaved_shards.append(shard)
        self._open_shards = None

    def _close(self, shard: Shard, now: datetime) -> None:
        shard.last = self._counted()
        shard.closed_at = now
        self.unsaved_shards.append(shard)
        self._open_shards = None

    def _counted(self) -> int:
        number = self.next_number
        self.next_number += 1
        return number


def _start(shard: Shard) -> int:
    return shard.hash_keys.start
