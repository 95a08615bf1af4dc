"""
Lines packed into requests within the quotas.

A batch begins and ends between two lines of one file. In it, nothing contradicts: where
a line says something else of an endpoint than a line before it, gives its address to
another endpoint, or has another event under the same id, it goes into the next batch,
and the place that it is sent to decides what that means.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.loader.items import (
    UNTOUCHED,
    Content,
    Item,
    Rejection,
    line_members,
    rejection,
)
from pinpoint_events.loader.lines import Position
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.quotas import Quotas, bound
from pinpoint_events.wire import to_wire
from pinpoint_events.wire.names import in_wire_names

__all__ = ["Batch", "Entry", "Packer", "contradict"]

K = TypeVar("K")
V = TypeVar("V")


class Entry(NamedTuple):
    """
    What one line asks to send.

    Attributes:
        line: The line's number.
        endpoint_id: The endpoint's id.
        event_id: The event's; None for an endpoint of which something is said.
    """

    line: int
    endpoint_id: str
    event_id: str | None


class Batch(NamedTuple):
    """
    What is sent together, and counted together.

    Attributes:
        file: Index of the file that the lines stand in.
        position: How far the file is taken with these lines.
        requests: To be sent one after the other; nearly always one, or none.
        entries: What is in the requests, in the order of the lines.
        endpoints: Endpoint id to what is said of the endpoint.
        events: Endpoint id and event id to event.
        rejections: Number of the line, and what of it is not sent.
        owners: Address to the id of the endpoint that has it.
    """

    file: int
    position: Position
    requests: tuple[EventsRequest, ...]
    entries: Sequence[Entry]
    endpoints: Mapping[str, Endpoint]
    events: Mapping[tuple[str, str], Event]
    rejections: Sequence[tuple[int, Rejection]]
    owners: Mapping[str, str]


class Packer:
    """Packs lines of one file into batches, one after the other."""

    def __init__(self, file: int, quotas: Quotas) -> None:
        """Start with an empty batch."""
        self._file = file
        self._builder = BatchBuilder(quotas=quotas)
        self._most_events = bound(quotas.events_per_request)
        self._most_bytes = bound(quotas.request_bytes)
        self._start()

    def _start(self) -> None:
        self._builder.clear()
        self._endpoints: dict[str, Endpoint] = {}
        self._owners: dict[str, str] = {}
        self._events: dict[tuple[str, str], Event] = {}
        self._entries: list[Entry] = []
        self._rejections: list[tuple[int, Rejection]] = []
        self._lines = 0
        self._bytes = 0

    def has_room_for(self, content: Content, size: int) -> bool:
        """
        Return whether a line may still go into this batch; into an empty one, any may.

        Args:
            content: What the line says.
            size: Bytes of its text: about what it adds to a request.
        """
        if self._lines == 0:
            return True
        count = sum(len(item.events) for item in content.items)
        if (
            self._lines >= self._most_events
            or len(self._builder) + count > self._most_events
            or self._bytes + size > self._most_bytes
        ):
            return False
        return not any(map(self._contradicts, content.items))

    def _contradicts(self, item: Item) -> bool:
        endpoint_id, endpoint, events = item
        if endpoint is not None:
            said = self._endpoints.get(endpoint_id)
            if said is not None and said != endpoint:
                return True
            # A service keeps an address active for the endpoint that had it last.
            owner = self._owners.get(endpoint.address or "")
            if owner is not None and owner != endpoint_id:
                return True
        for event_id, event in events.items():
            found = self._events.get((endpoint_id, event_id))
            if found is not None and found != event:
                return True
        return False

    def add(self, line: int, content: Content, size: int) -> None:
        """Add what a line says."""
        self._lines += 1
        self._bytes += size
        self._rejections += [(line, each) for each in content.rejections]
        for item in content.items:
            self._add(line, item)

    def _add(self, line: int, item: Item) -> None:
        endpoint_id, endpoint, events = item
        refused = 0
        for event_id, event in events.items():
            try:
                self._builder.add(endpoint_id, event, event_id=event_id)
            except QuotaExceededError as error:
                refused += 1
                self._rejections.append((line, _over_quota(error, item, event_id)))
            else:
                self._events[endpoint_id, event_id] = event
                self._entries.append(Entry(line, endpoint_id, event_id))
        # Nothing is said of an endpoint all of whose events were refused.
        if endpoint is not None and (refused < len(events) or not events):
            self._builder.endpoint(endpoint_id, endpoint)
            if endpoint_id not in self._endpoints:
                self._endpoints[endpoint_id] = endpoint
                if endpoint.address:
                    self._owners[endpoint.address] = endpoint_id
                self._entries.append(Entry(line, endpoint_id, None))

    def close(self, position: Position) -> Batch | None:
        """Return the batch, None if no line is in it, and start the next one."""
        if self._lines == 0:
            return None
        requests = self._builder.build_all() if self._builder else ()
        batch = Batch(
            self._file,
            position,
            requests,
            self._entries,
            self._endpoints,
            self._events,
            self._rejections,
            self._owners,
        )
        self._start()
        return batch


def _over_quota(error: QuotaExceededError, item: Item, event_id: str) -> Rejection:
    # The builder's paths begin with its own four parts, down to the event.
    problems = [
        in_wire_names(problem._replace(path=problem.path[4:])).below("Event")
        for problem in error.problems
    ]
    endpoint = to_wire(item.endpoint or UNTOUCHED)
    event = to_wire(item.events[event_id])
    return rejection(
        problems, line_members(item.endpoint_id, event_id, endpoint, event)
    )


def contradict(one: Batch, other: Batch) -> bool:
    """Return whether it makes a difference which of two batches arrives first."""
    return (
        _differ(one.endpoints, other.endpoints)
        or _differ(one.owners, other.owners)
        or _differ(one.events, other.events)
    )


def _differ(one: Mapping[K, V], other: Mapping[K, V]) -> bool:
    return any(one[key] != other[key] for key in one.keys() & other.keys())
