"""The faults that apply to the records of one call."""

from collections.abc import Collection
from typing import Final

import attrs

from pinpoint_events.server.faults import (
    DropRecord,
    FailRecord,
    Reshard,
    ThrottleShard,
)

__all__ = ["NO_PUT_FAULTS", "PutFaults", "RecordFault"]

RecordFault = DropRecord | FailRecord | Reshard | ThrottleShard


@attrs.frozen
class PutFaults:
    """
    The faults that apply to the records of one call; positions count from 1.

    Attributes:
        faults: The faults, in the order in which they were added.
    """

    faults: tuple[RecordFault, ...] = ()

    def failure_at(self, position: int) -> FailRecord | None:
        """Return the first fault that rejects the record at a position."""
        return next(
            (
                each
                for each in self.faults
                if isinstance(each, FailRecord) and _matches(each.positions, position)
            ),
            None,
        )

    def throttles(self, shard_id: str) -> bool:
        """Return whether a shard takes nothing in."""
        return any(
            isinstance(each, ThrottleShard) and each.shard_id in {None, shard_id}
            for each in self.faults
        )

    def reshards_before(self, position: int) -> bool:
        """Return whether the shard of the record at a position is split before it."""
        return any(
            isinstance(each, Reshard) and each.position == position
            for each in self.faults
        )

    def drops(self, position: int) -> bool:
        """Return whether the result at a position is left out of the answer."""
        return any(
            isinstance(each, DropRecord) and _matches(each.positions, position)
            for each in self.faults
        )


def _matches(positions: Collection[int], position: int) -> bool:
    return not positions or position in positions


NO_PUT_FAULTS: Final = PutFaults()
