"""Items of a spool, packed into requests within the quotas of a sender."""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import QuotaExceededError, ValidationError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.quotas import Quotas, bound, event_check
from pinpoint_events.recorder.items import Item, Refusal
from pinpoint_events.wire import from_json

__all__ = ["Key", "Parcel", "packed", "refusal_of"]

Key = tuple[str, str | None]
"""Endpoint id, and event id; None for the endpoint itself."""

_FRAME_BYTES: Final = 64  # of an item, in addition to its ids and text; at most


class Parcel(NamedTuple):
    """
    What is sent together.

    Attributes:
        request: The request; None if there is nothing to send.
        items: What its parts were made of. Equal items are sent once.
        refused: Items that cannot be sent.
    """

    request: EventsRequest | None
    items: Mapping[Key, Sequence[Item]]
    refused: Sequence[tuple[Item, Refusal]]

    @property
    def all_items(self) -> list[Item]:
        """The items, in the order in which they were recorded."""
        return sorted(item for items in self.items.values() for item in items)


def packed(
    waiting: deque[Item], quotas: Quotas, *, most_events: int, most_bytes: int
) -> Parcel:
    """
    Take items out of a queue, and return them as a request.

    An item that contradicts an earlier one stays for the next request, and so do all
    later ones of its endpoint: what an endpoint does is sent in the order in which it
    was recorded. It contradicts if it has the same id and another content, or if it
    gives an address to another endpoint.

    Args:
        waiting: The queue; items that do not fit stay in it, in their order.
        quotas: Those of each item.
        most_events: How many events the request may have.
        most_bytes: How many bytes.
    """
    packer = _Packer(quotas, most_events, most_bytes)
    left: list[Item] = []
    while waiting and not packer.is_full:
        item = waiting.popleft()
        if not packer.take(item):
            left.append(item)
    waiting.extendleft(reversed(left))
    return packer.parcel()


class _Packer:
    """A request in the making."""

    def __init__(self, quotas: Quotas, most_events: int, most_bytes: int) -> None:
        self._builder = BatchBuilder(quotas=quotas)
        self._check_event = event_check(quotas)
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._most_endpoints = bound(quotas.endpoints_per_request)
        self._items: dict[Key, list[Item]] = {}
        self._refused: list[tuple[Item, Refusal]] = []
        self._endpoints: set[str] = set()
        self._held: set[str] = set()  # endpoints whose items go into the next request
        self._addresses: set[str] = set()
        self.is_full = False

    def take(self, item: Item) -> bool:
        """Return whether the item is in the request, or refused; else it stays."""
        if item.endpoint_id in self._held:
            return False
        key = item.endpoint_id, item.event_id
        known = self._items.get(key)
        if known is not None:
            if known[0].text == item.text:
                known.append(item)
                return True
            self._held.add(item.endpoint_id)
            return False
        text = item.text.encode()
        if not self._has_room_for(item, len(text)):
            self.is_full = True
            return False
        try:
            is_taken = self._add(item, text)
        except ValidationError as error:
            self._refused.append((item, refusal_of(error)))
            return True
        if is_taken:
            self._items[key] = [item]
            self._endpoints.add(item.endpoint_id)
        else:
            self._held.add(item.endpoint_id)
        return is_taken

    def _has_room_for(self, item: Item, size: int) -> bool:
        if not self._items:
            return True
        # An id is written in JSON, where a character takes at most 6 bytes.
        size += _FRAME_BYTES + 6 * (len(item.endpoint_id) + len(item.event_id or ""))
        is_new = item.endpoint_id not in self._endpoints
        return (
            len(self._builder) + (item.event_id is not None) <= self._most_events
            and len(self._items) < self._most_events + self._most_endpoints
            and len(self._endpoints) + is_new <= self._most_endpoints
            and self._builder.size_bytes + size <= self._most_bytes
        )

    def _add(self, item: Item, text: bytes) -> bool:
        """
        Add an item, unless it contradicts.

        Raises:
            ValidationError: If its text cannot be read, or it is over a quota.
        """
        if item.event_id is not None:
            model = item.model
            # The recorder knows the usual quotas; the sender may have others.
            if type(model) is Event and not self._check_event(model, len(text)):
                self._builder._add_written(  # noqa: SLF001 - of no use to others
                    item.endpoint_id, model, item.event_id, text
                )
            else:
                event = from_json(Event, text)
                self._builder.add(item.endpoint_id, event, event_id=item.event_id)
            return True
        endpoint = from_json(Endpoint, text)
        address = endpoint.address
        if address and address in self._addresses:
            return False  # an endpoint is updated once, so it is another's
        self._builder.endpoint(item.endpoint_id, endpoint)
        if address:
            self._addresses.add(address)
        return True

    def parcel(self) -> Parcel:
        """Return the request."""
        try:
            request = self._builder.build() if self._builder else None
        except QuotaExceededError as error:  # one item that is too large by itself
            refusal = refusal_of(error)
            self._refused += [(item, refusal) for item in chain(*self._items.values())]
            return Parcel(None, {}, self._refused)
        return Parcel(request, self._items, self._refused)


def refusal_of(error: ValidationError) -> Refusal:
    """Return what a dead letter says of an item that breaks a rule or quota."""
    codes = sorted({str(problem.code) for problem in error.problems})
    return Refusal(codes[0], str(error))
