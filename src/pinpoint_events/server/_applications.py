"""
Each application's sender, and what goes through it: the part that may block.

It runs in worker threads. Where a sender knows its endpoints, one call of an
application is judged and stored before the next one is judged: two calls at a time
could each add a user's last endpoint. Another process that writes the same store can
do so all the same.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, cast

from pinpoint_events.endpoints.rules import EndpointDirectory, SeenEndpoints, updated
from pinpoint_events.errors import defect_text
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, ItemResponse, Outcome
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.server._answers import not_found
from pinpoint_events.server._calls import Call, Reader
from pinpoint_events.server._script import CallFaults, Faults
from pinpoint_events.wire import to_json

__all__ = ["Applications", "Senders"]

_log = logging.getLogger("pinpoint_events")

Senders = Sender | Callable[[str], Sender]
"""One sender for every application, or what opens one by the application's id."""

_ACCEPTED: Final = 202
_MOST_OPEN: Final = 100  # at a time: each may hold some files or connections
_NOTHING: Final = EventsResponse()
_UNTOUCHED: Final = Endpoint()


class Applications:
    """
    The senders of all applications that were asked for.

    Args:
        senders: One sender, or what opens one.
        quotas: The limits to hold calls against.
        faults: What shall go wrong.
    """

    def __init__(self, senders: Senders, quotas: Quotas, faults: Faults) -> None:
        # A class has the methods of its objects, but it is what opens them.
        is_one = isinstance(senders, Sender) and not isinstance(senders, type)
        self._one = _Application(cast("Sender", senders)) if is_one else None
        self._open = cast("Callable[[str], Sender]", senders)
        self._reader = Reader(quotas)
        self._faults = faults
        self._lock = threading.Lock()
        self._known: dict[str, _Place] = {}

    def answer(self, application_id: str, body: bytes, faults: CallFaults) -> bytes:
        """
        Do what a call asks for, and return the body of the answer to it.

        Raises:
            CallRefused: If the call is refused as a whole.
            PinpointEventsError: If the sender raises that.
        """
        if self._one is not None:
            return self._answer(self._one, body, faults)
        place = self._taken(application_id)
        try:
            return self._answer(place.application(self._open), body, faults)
        finally:
            self._give_back(application_id, place)

    def _answer(
        self, application: "_Application", body: bytes, faults: CallFaults
    ) -> bytes:
        call = self._reader.read(body)
        failed, dropped = self._faults.of_items(call.items)
        for item, fault in failed.items():
            call.refuse(item, fault.message, fault.status_code)
        bare = faults.bare_status
        is_taken = bare in {None, _ACCEPTED} and (
            faults.cut is None or faults.cut.is_taken
        )
        sent = application.put(call) if is_taken else _NOTHING
        answer = call.response(sent, dropped)
        if bare is not None:
            item_response = ItemResponse(status_code=bare)
            answer = EventsResponse(
                results=dict.fromkeys(call.endpoints, item_response)
            )
        return b'{"Results":{}}' if not answer.results else to_json(answer)

    def _taken(self, application_id: str) -> "_Place":
        idle = None
        with self._lock:
            place = self._known.pop(application_id, None)
            if place is None:
                idle = self._idle() if len(self._known) >= _MOST_OPEN else None
                place = _Place(application_id)
            self._known[application_id] = place  # as the one that was used last
            place.calls += 1
        if idle is not None:
            idle.close()
        return place

    def _idle(self) -> "_Place | None":
        """Take out the place that was not used for the longest; it is made anew."""
        # No more calls are at work at a time than there are workers.
        idle = (name for name, place in self._known.items() if not place.calls)
        name = next(idle, None)
        return None if name is None else self._known.pop(name)

    def _give_back(self, application_id: str, place: "_Place") -> None:
        with self._lock:
            place.calls -= 1
            if not place.calls and not place.is_open:
                self._known.pop(application_id, None)

    def close(self) -> None:
        """Close the senders that were opened here; not the one that was handed in."""
        with self._lock:
            known, self._known = self._known, {}
        for place in known.values():
            place.close()


class _Place:
    """
    Where an application's sender is: opened by the first call, closed when idle.

    Attributes:
        calls: How many are at work on it; guarded by the lock of all places.
    """

    def __init__(self, application_id: str) -> None:
        self.calls = 0
        self._id = application_id
        # Of its own: opening may take a while, and concerns this application alone.
        self._lock = threading.Lock()
        self._application: _Application | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a sender."""
        return self._application is not None

    def application(self, open_sender: Callable[[str], Sender]) -> "_Application":
        """
        Return the application, its sender open.

        Raises:
            CallRefused: If there is no such application.
            PinpointEventsError: If the sender cannot be opened.
        """
        with self._lock:
            if self._application is None:
                try:
                    self._application = _Application(open_sender(self._id))
                except LookupError:
                    raise not_found("no such application; check its id") from None
            return self._application

    def close(self) -> None:
        """Close the sender of an open place; what fails then is nobody's call."""
        try:
            cast("_Application", self._application).sender.close()
        except Exception as error:  # noqa: BLE001 - a sender may be anybody's
            _log.error(
                "not closed", extra={"pinpoint_events.problem": defect_text(error)}
            )


class _Application:
    """One application: its sender, and what is known of its endpoints."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._seen = SeenEndpoints()
        self._knows_all = isinstance(sender, EndpointDirectory)
        self._directory: EndpointDirectory = (
            sender if isinstance(sender, EndpointDirectory) else self._seen
        )
        self._turn: AbstractContextManager[object] = (
            threading.Lock() if self._knows_all else nullcontext()
        )

    def put(self, call: Call) -> EventsResponse:
        """Send what is not refused, and what follows from it for other endpoints."""
        with self._turn:
            update = updated(call.endpoints, self._directory, knows_all=self._knows_all)
            for name, message in update.refused.items():
                call.refuse((name, None), message)
            request = call.request(update.says)
            if request is None:
                return _NOTHING
            response = self.sender.put_events(request)
        if not self._knows_all:
            self._remember(request, response)
        return response

    def _remember(self, request: EventsRequest, response: EventsResponse) -> None:
        for name, event_id, item, _, outcome in response.outcomes(request):
            is_taken = event_id is None and outcome is Outcome.ACCEPTED
            if is_taken and isinstance(item, Endpoint) and item != _UNTOUCHED:
                self._seen.remember(name, item)
