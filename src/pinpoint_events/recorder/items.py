"""What a spool holds, and the books that say what became of it."""

import time
from collections.abc import Container, Iterable, Mapping
from typing import Final, NamedTuple

import attrs

from pinpoint_events.model._immutable import FrozenMap, frozen_map
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import WordEnum

__all__ = [
    "HIGHEST_ID",
    "OLDEST",
    "Books",
    "DropReason",
    "Item",
    "ItemCounts",
    "Refusal",
    "Settlement",
    "now_milliseconds",
]

HIGHEST_ID: Final = 2**63 - 1
"""The highest number that an item may have."""
OLDEST: Final = 1_000
"""How many items are dropped at a time, to make room."""


def now_milliseconds() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Item(NamedTuple):
    """
    An event, or the update of an endpoint, that waits to be delivered.

    Attributes:
        id: Its number in the spool, which grows in the order of recording.
        endpoint_id: The endpoint that it belongs to.
        event_id: The event id; None for the update of an endpoint.
        text: The event or endpoint as JSON.
        recorded_at: When it was recorded, in milliseconds since 1970.
        attempts: How often it was sent and failed while other items did not.
        model: The event or endpoint that the text was written from, if it was by this
            process and is still known.
    """

    id: int
    endpoint_id: str
    event_id: str | None
    text: str
    recorded_at: int
    attempts: int
    model: Event | Endpoint | None = None


class DropReason(WordEnum):
    """
    Why a recorder gave an item up before there was an answer to it.

    Attributes:
        CLOSED: It was recorded after the recorder was closed.
        EXIT: The process ended, or the recorder was closed, and it was in memory only.
        FULL: The spool was full.
        PURGED: An operator deleted it.
        TOO_OLD: It waited for longer than `max_age`.
    """

    CLOSED = "closed"
    EXIT = "exit"
    FULL = "full"
    PURGED = "purged"
    TOO_OLD = "too_old"


class Refusal(NamedTuple):
    """
    Why an item was refused for good.

    Attributes:
        code: The status code of its answer, or that of a problem, as text;
            `unreported` if no answer mentions it; or the name of the error of its
            request.
        message: What the answer says.
    """

    code: str
    message: str


@attrs.frozen
class Settlement:
    """
    What became of items; what is not in it stays as it was.

    Attributes:
        delivered: Items that were accepted.
        refused: Items that were refused for good, with the reason.
        failed: Items that failed while others did not, and are sent again.
        dropped: Items that are given up, with the reason.
    """

    delivered: tuple[Item, ...] = ()
    refused: tuple[tuple[Item, Refusal], ...] = ()
    failed: tuple[Item, ...] = ()
    dropped: tuple[tuple[Item, DropReason], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delivered or self.refused or self.failed or self.dropped)

    def of(self, ids: Container[int]) -> "Settlement":
        """Return what became of items with these numbers."""
        return Settlement(
            tuple(item for item in self.delivered if item.id in ids),
            tuple(pair for pair in self.refused if pair[0].id in ids),
            tuple(item for item in self.failed if item.id in ids),
            tuple(pair for pair in self.dropped if pair[0].id in ids),
        )

    @property
    def ended(self) -> tuple[Item, ...]:
        """The items that do not wait any more."""
        return (
            *self.delivered,
            *(item for item, _ in self.refused),
            *(item for item, _ in self.dropped),
        )


def _frozen(counts: Mapping[str, int]) -> FrozenMap[int]:
    frozen: FrozenMap[int] = frozen_map(FrozenMap, dict(counts))
    return frozen


@attrs.frozen(kw_only=True)
class ItemCounts:
    """
    What became of the items of one kind: each is counted in `recorded` and once more.

    Attributes:
        recorded: Items that were recorded.
        delivered: Those that the sender's answers accept.
        rejected: Those that were refused for good.
        dropped: `DropReason` to those that were given up for it; only reasons with any.
        pending: Those that wait to be delivered.
    """

    recorded: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: FrozenMap[int] = attrs.field(factory=dict, converter=_frozen)
    pending: int = 0

    @property
    def balances(self) -> bool:
        """Whether every item that was recorded is counted once more."""
        ended = self.delivered + self.rejected + sum(self.dropped.values())
        return self.recorded == ended + self.pending

    def plus(self, other: "ItemCounts") -> "ItemCounts":
        """Return the counts of two spools together."""
        reasons = {*self.dropped, *other.dropped}
        return ItemCounts(
            recorded=self.recorded + other.recorded,
            delivered=self.delivered + other.delivered,
            rejected=self.rejected + other.rejected,
            dropped={
                reason: self.dropped.get(reason, 0) + other.dropped.get(reason, 0)
                for reason in sorted(reasons)
            },
            pending=self.pending + other.pending,
        )


class Books(NamedTuple):
    """
    The counts of a spool.

    Attributes:
        events: Those of events.
        endpoints: Those of updates of endpoints.
    """

    events: ItemCounts = ItemCounts()
    endpoints: ItemCounts = ItemCounts()

    def plus(self, other: "Books") -> "Books":
        """Return the counts of two spools together."""
        return Books(
            self.events.plus(other.events), self.endpoints.plus(other.endpoints)
        )


def count_kinds(items: Iterable[Item]) -> tuple[int, int]:
    """Return how many of the items are events, and how many updates of endpoints."""
    are_endpoints = [item.event_id is None for item in items]
    endpoints = sum(are_endpoints)
    return len(are_endpoints) - endpoints, endpoints
