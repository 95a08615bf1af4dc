"""A sender for tests: it keeps requests in memory, and answers as you choose."""

from collections.abc import Callable, Collection
from typing import cast

from pinpoint_events.endpoints.index import EndpointIndex
from pinpoint_events.endpoints.merge import merged
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.senders.protocol import (
    DEFAULT_APPLICATION_ID,
    BaseSender,
    check_lists,
    checked_application_id,
)
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["MemorySender"]


class MemorySender(BaseSender):
    """
    Keeps everything in memory, for tests to inspect.

    `endpoints`, `events` and `accepted_events` have the items that the answers accept,
    by the same rules as in `SqliteSender`. `requests` has all requests, also those that
    were refused, and those for which `answer` raised.

        >>> from pinpoint_events import (
        ...     BatchBuilder, Event, EventsRequest, EventsResponse, MemorySender,
        ...     TransportError,
        ... )
        >>> sender = MemorySender()
        >>> builder = BatchBuilder().add("user-1", Event("purchase"), event_id="v-1")
        >>> response = sender.put_events(builder.build())
        >>> sender.events["user-1", "v-1"].event_type
        'purchase'

    To test how your code handles a failure, set the answer:

        >>> def busy(request: EventsRequest) -> EventsResponse:
        ...     raise TransportError("the network is down", is_retry_safe=True)
        >>> sender.answer = busy

    Safe to use from several threads. After a `fork` each process has its own copy. The
    content can be read after `close()`, too.

    Args:
        application_id: The application that the requests are for.
        answer: Called with each request; returns the answer to it, or raises. By
            default every item is accepted.
        quotas: The limits of requests and their items.

    Attributes:
        application_id: As given.
        answer: As given; can be set at any time.
        quotas: As given.

    Raises:
        ConfigurationError: If the application id is empty, `answer` cannot be called,
            or `quotas` is of another type; from `put_events`, if `answer` returns
            anything but an `EventsResponse`.
    """

    application_id: str
    answer: Callable[[EventsRequest], EventsResponse]

    def __init__(
        self,
        *,
        application_id: str = DEFAULT_APPLICATION_ID,
        answer: Callable[[EventsRequest], EventsResponse] = accepted,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(quotas)
        if not callable(answer):
            raise ConfigurationError(
                f"answer is of type {type(answer).__qualname__}; pass a function that "
                "takes the request and returns an EventsResponse, or raises"
            )
        self.application_id = checked_application_id(application_id)
        self.answer = answer
        self._lock = ForkLock()
        self.clear()

    def clear(self) -> None:
        """Delete everything that was sent."""
        with self._lock:
            self._requests: list[EventsRequest] = []
            self._endpoints: dict[str, Endpoint] = {}
            self._positions: dict[str, int] = {}  # of each in `_endpoints`
            self._index = EndpointIndex()
            self._events: dict[tuple[str, str, Event], None] = {}

    @property
    def requests(self) -> tuple[EventsRequest, ...]:
        """All requests, in order of arrival."""
        with self._lock:
            return tuple(self._requests)

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """Endpoint id to endpoint, with all accepted updates merged."""
        with self._lock:
            return self._endpoints.copy()

    @property
    def events(self) -> dict[tuple[str, str], Event]:
        """
        (endpoint id, event id) to the accepted event.

        Where others with the same ids and other content were accepted, to the first;
        `accepted_events` has them all.
        """
        found: dict[tuple[str, str], Event] = {}
        for endpoint_id, event_id, event in self.accepted_events:
            found.setdefault((endpoint_id, event_id), event)
        return found

    @property
    def accepted_events(self) -> tuple[tuple[str, str, Event], ...]:
        """
        Endpoint id, event id and event of each accepted event, in order of arrival.

        An event that arrived again, with the same ids and content, is there once.
        """
        with self._lock:
            return tuple(self._events)

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
        active_addresses: Collection[str] = (),
    ) -> dict[str, Endpoint]:
        """
        Return stored endpoints by endpoint id, the oldest first.

        An endpoint is returned if it matches any of the arguments.

        Args:
            ids: Endpoint ids.
            addresses: Addresses of endpoints.
            user_ids: Ids of users.
            active_addresses: Addresses of endpoints that are not INACTIVE.

        Raises:
            ValidationError: If an argument is no collection of `str`.
        """
        check_lists(
            ids=ids,
            addresses=addresses,
            user_ids=user_ids,
            active_addresses=active_addresses,
        )
        with self._lock:
            found = self._index.find(
                addresses=addresses,
                active_addresses=active_addresses,
                user_ids=user_ids,
            )
            found.update(name for name in ids if name in self._endpoints)
            oldest_first = sorted(found, key=self._positions.__getitem__)
            return {name: self._endpoints[name] for name in oldest_first}

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        with self._lock:
            self._requests.append(request)
        # Outside the lock: `answer` may read what was sent before.
        response = self.answer(request)
        given: object = response
        if not isinstance(given, EventsResponse):
            raise ConfigurationError(
                f"answer returned a value of type {type(given).__qualname__}; return "
                "an EventsResponse, or raise"
            )
        with self._lock:
            for endpoint_id, event_id, item, _, outcome in response.outcomes(request):
                if outcome is not Outcome.ACCEPTED:
                    continue
                if event_id is None:
                    update = cast("Endpoint", item)
                    before = self._endpoints.get(endpoint_id)
                    after = merged(before or update, update)
                    self._positions.setdefault(endpoint_id, len(self._positions))
                    self._endpoints[endpoint_id] = after
                    self._index.change(endpoint_id, before, after)
                else:
                    self._events[endpoint_id, event_id, cast("Event", item)] = None
        return response

    def __repr__(self) -> str:
        with self._lock:
            return (
                f"<{type(self).__name__} of {self.application_id!r}: "
                f"{len(self._requests)} requests, {len(self._endpoints)} endpoints, "
                f"{len(self._events)} events>"
            )
