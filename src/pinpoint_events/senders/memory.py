"""A sender for tests: it keeps what it is sent, and answers as it is told."""

from collections.abc import Callable, Collection
from typing import cast

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.senders.protocol import BaseSender, checked_application_id
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["MemorySender"]


class MemorySender(BaseSender):
    """
    Keeps everything in memory, for tests to look at.

    Of each request, `endpoints` and `events` get what the answer says is accepted, by
    the same rules as in `SqliteSender`. `requests` has all of them, also those that
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

    To see how your code meets a failure, say what shall be answered:

        >>> def busy(request: EventsRequest) -> EventsResponse:
        ...     raise TransportError("the network is down", is_retry_safe=True)
        >>> sender.answer = busy

    Safe to use from several threads. After a `fork` each process goes on with its own
    copy. What was kept can be looked at after `close()`, too.

    Args:
        application_id: The application that the requests are for.
        answer: Called with each request; returns the answer to it, or raises.
            Everything is accepted if left out.

    Attributes:
        application_id: As given.
        answer: As given; can be set at any time.

    Raises:
        ConfigurationError: If the application id is empty.
    """

    application_id: str
    answer: Callable[[EventsRequest], EventsResponse]

    def __init__(
        self,
        *,
        application_id: str = "local",
        answer: Callable[[EventsRequest], EventsResponse] = accepted,
    ) -> None:
        super().__init__()
        self.application_id = checked_application_id(application_id)
        self.answer = answer
        self._lock = ForkLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything that was sent."""
        with self._lock:
            self._requests: list[EventsRequest] = []
            self._endpoints: dict[str, Endpoint] = {}
            self._events: dict[tuple[str, str], Event] = {}

    @property
    def requests(self) -> tuple[EventsRequest, ...]:
        """All requests, in the order in which they came."""
        with self._lock:
            return tuple(self._requests)

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """Endpoint id to what is known of it, all accepted updates merged."""
        with self._lock:
            return self._endpoints.copy()

    @property
    def events(self) -> dict[tuple[str, str], Event]:
        """(endpoint id, event id) to the accepted event; of copies, the first."""
        with self._lock:
            return self._events.copy()

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
    ) -> dict[str, Endpoint]:
        """
        Return endpoint id to what is known of each that is meant, the oldest first.

        Args:
            ids: Those with one of these ids are meant,
            addresses: and those with one of these addresses,
            user_ids: and those of one of these users.
        """
        return {
            endpoint_id: endpoint
            for endpoint_id, endpoint in self.endpoints.items()
            if endpoint_id in ids
            or endpoint.address in addresses
            or (endpoint.user is not None and endpoint.user.user_id in user_ids)
        }

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        with self._lock:
            self._requests.append(request)
        # Not under the lock: it may look at what was sent before.
        response = self.answer(request)
        with self._lock:
            for endpoint_id, event_id, item, _, outcome in response.outcomes(request):
                if outcome is not Outcome.ACCEPTED:
                    continue
                if event_id is None:
                    update = cast("Endpoint", item)
                    known = self._endpoints.get(endpoint_id, update)
                    self._endpoints[endpoint_id] = merged(known, update)
                else:
                    event = cast("Event", item)
                    self._events.setdefault((endpoint_id, event_id), event)
        return response

    def __repr__(self) -> str:
        with self._lock:
            return (
                f"<{type(self).__name__} of {self.application_id!r}: "
                f"{len(self._requests)} requests, {len(self._endpoints)} endpoints, "
                f"{len(self._events)} events>"
            )
