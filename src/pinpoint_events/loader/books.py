"""What was read, and what became of it, counted."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

from pinpoint_events.model.response import Outcome

__all__ = ["Account", "Books"]


@attrs.define
class Account:
    """
    The count of one kind of things.

    Attributes:
        became: Outcome to how many came to it.
    """

    became: dict[Outcome, int] = attrs.field(factory=lambda: dict.fromkeys(Outcome, 0))

    def count(self, outcome: Outcome) -> None:
        """Count one more."""
        self.became[outcome] += 1

    @property
    def read(self) -> int:
        """How many there were, in all."""
        return sum(self.became.values())

    @property
    def not_accepted(self) -> int:
        """How many came to anything but being accepted."""
        return self.read - self.became[Outcome.ACCEPTED]

    def to_wire(self) -> dict[str, int]:
        """Return the counts under the names that the summary has."""
        counts = {outcome.capitalize(): count for outcome, count in self.became.items()}
        return {"Read": self.read, **counts}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """
        Return the account that `to_wire` wrote.

        Raises:
            KeyError, TypeError, ValueError: If it is none, or does not balance.
        """
        account = cls({each: data[each.capitalize()] for each in Outcome})
        counts = account.became.values()
        if any(type(count) is not int or count < 0 for count in counts):
            raise ValueError
        if account.read != data["Read"]:
            raise ValueError
        return account


@attrs.define
class Books:
    """
    The accounts of events, and of endpoints of which something was said.

    A line from which nothing can be read stands for one event.
    """

    events: Account = attrs.field(factory=Account)
    endpoints: Account = attrs.field(factory=Account)

    @property
    def is_all_accepted(self) -> bool:
        """Whether everything that was read was accepted."""
        return self.events.not_accepted == self.endpoints.not_accepted == 0

    def to_wire(self) -> dict[str, Any]:
        """Return both accounts."""
        return {
            "Events": self.events.to_wire(),
            "Endpoints": self.endpoints.to_wire(),
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Return the books that `to_wire` wrote; raises as the account's does."""
        return cls(
            Account.from_wire(data["Events"]), Account.from_wire(data["Endpoints"])
        )

    def copy(self) -> Self:
        """Return books of their own, with the same counts."""
        return self.from_wire(self.to_wire())
