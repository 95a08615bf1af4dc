"""How much was read, and its outcomes."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

from pinpoint_events.model.response import Outcome

__all__ = ["OutcomeCounts", "Totals"]


@attrs.define
class OutcomeCounts:
    """
    The outcomes of one kind of items, counted.

    Attributes:
        by_outcome: Outcome to the number of items with it.
    """

    by_outcome: dict[Outcome, int] = attrs.field(
        factory=lambda: dict.fromkeys(Outcome, 0)
    )

    def count(self, outcome: Outcome) -> None:
        """Count one more."""
        self.by_outcome[outcome] += 1

    @property
    def read(self) -> int:
        """The number of all items."""
        return sum(self.by_outcome.values())

    @property
    def not_accepted(self) -> int:
        """The number of items that were not accepted."""
        return self.read - self.by_outcome[Outcome.ACCEPTED]

    def to_wire(self) -> dict[str, int]:
        """Return the counts by their names in the summary."""
        counts = {
            outcome.capitalize(): count for outcome, count in self.by_outcome.items()
        }
        return {"Read": self.read, **counts}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """
        Return the counts that `to_wire` wrote.

        Raises:
            KeyError, TypeError, ValueError: If they are malformed or do not balance.
        """
        counts = cls({each: data[each.capitalize()] for each in Outcome})
        numbers = counts.by_outcome.values()
        if any(type(count) is not int or count < 0 for count in numbers):
            raise ValueError
        if counts.read != data["Read"]:
            raise ValueError
        return counts


@attrs.define
class Totals:
    """
    How much was read from files, and its outcomes.

    Attributes:
        events: Of events. A line that cannot be read counts as one event.
        endpoints: Of endpoints whose data was sent.
    """

    events: OutcomeCounts = attrs.field(factory=OutcomeCounts)
    endpoints: OutcomeCounts = attrs.field(factory=OutcomeCounts)

    @property
    def is_all_accepted(self) -> bool:
        """Whether everything was accepted."""
        return self.events.not_accepted == self.endpoints.not_accepted == 0

    def to_wire(self) -> dict[str, Any]:
        """Return both under their names in the summary."""
        return {
            "Events": self.events.to_wire(),
            "Endpoints": self.endpoints.to_wire(),
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Return the totals that `to_wire` wrote; raise as `OutcomeCounts` does."""
        return cls(
            OutcomeCounts.from_wire(data["Events"]),
            OutcomeCounts.from_wire(data["Endpoints"]),
        )

    def copy(self) -> Self:
        """Return an independent copy."""
        return self.from_wire(self.to_wire())
