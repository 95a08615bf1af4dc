"""
The senders of all applications, and the part of a call that may block.

This code runs in worker threads. If a sender can look up its endpoints, the calls of
one application are processed one after the other: the rules are applied to a call, and
the call is stored, before the next one begins. Otherwise two simultaneous calls could
each add the last endpoint that a user may have. This can still happen if another
process writes to the same store.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final, cast

from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.endpoints.rules import apply_rules
from pinpoint_events.endpoints.seen import SeenEndpoints
from pinpoint_events.errors import defect_text
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, ItemResponse, Outcome
from pinpoint_events.quotas import quotas_of, remember_quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.server._active_faults import CallFaults, Faults
from pinpoint_events.server._answers import not_found
from pinpoint_events.server._request_reader import ParsedRequest, RequestReader
from pinpoint_events.wire import to_json

__all__ = ["Applications", "Senders", "is_one_sender"]

_log = logging.getLogger("pinpoint_events")

Senders = Sender | Callable[[str], Sender]
"""One sender for all applications, or a callable that opens one by application id."""

_ACCEPTED: Final = 202
_MAX_OPEN: Final = 100  # senders; each may hold files and connections
_EMPTY_RESPONSE: Final = EventsResponse()
_EMPTY_ENDPOINT: Final = Endpoint()


def is_one_sender(senders: Senders) -> bool:
    """Return whether it is one sender, and not a callable that opens them."""
    # A sender class passes the first check, but is a callable.
    return isinstance(senders, Sender) and not isinstance(senders, type)


class Applications:
    """
    The senders of all applications that calls have named.

    Args:
        senders: One sender, or a callable that opens one by application id.
        reader: Parses the bodies of calls.
        faults: The active faults.
    """

    def __init__(self, senders: Senders, reader: RequestReader, faults: Faults) -> None:
        is_one = is_one_sender(senders)
        self._one = _Application(cast("Sender", senders)) if is_one else None
        self._open = cast("Callable[[str], Sender]", senders)
        self._reader = reader
        self._faults = faults
        self._lock = threading.Lock()
        self._slots: dict[str, _SenderSlot] = {}

    def read(self, body: bytes) -> ParsedRequest:
        """
        Return the parsed request of a call.

        Raises:
            RequestError: If the call is rejected as a whole.
        """
        return self._reader.read(body)

    def answer(
        self, application_id: str, parsed: ParsedRequest, faults: CallFaults
    ) -> bytes:
        """
        Send the items of a call, and return the body of its answer.

        Raises:
            RequestError: If the call is rejected as a whole.
            PinpointEventsError: If the sender raises it.
        """
        if self._one is not None:
            return self._answer(self._one, parsed, faults)
        slot = self._acquired(application_id)
        try:
            return self._answer(slot.application(self._open), parsed, faults)
        finally:
            self._release(application_id, slot)

    def _answer(
        self, application: "_Application", parsed: ParsedRequest, faults: CallFaults
    ) -> bytes:
        failed, dropped = self._faults.next_items(parsed.items)
        for item, fault in failed.items():
            parsed.reject(item, fault.message, fault.status_code)
        bare = faults.bare_status
        is_taken = bare in {None, _ACCEPTED} and (
            faults.cut is None or faults.cut.is_taken
        )
        sent = application.put(parsed) if is_taken else _EMPTY_RESPONSE
        answer = parsed.response(sent, dropped)
        if bare is not None:
            item_response = ItemResponse(status_code=bare)
            answer = EventsResponse(
                results=dict.fromkeys(parsed.endpoints, item_response)
            )
        return b'{"Results":{}}' if not answer.results else to_json(answer)

    def _acquired(self, application_id: str) -> "_SenderSlot":
        idle = None
        with self._lock:
            slot = self._slots.pop(application_id, None)
            if slot is None:
                idle = self._idle() if len(self._slots) >= _MAX_OPEN else None
                slot = _SenderSlot(application_id)
            self._slots[application_id] = slot  # last: most recently used
            slot.calls += 1
        if idle is not None:
            idle.close()
        return slot

    def _idle(self) -> "_SenderSlot | None":
        """Remove and return the least recently used idle slot, if there is one."""
        # If none is idle, the worker threads bound how many more are opened.
        idle = (name for name, slot in self._slots.items() if not slot.calls)
        name = next(idle, None)
        return None if name is None else self._slots.pop(name)

    def _release(self, application_id: str, slot: "_SenderSlot") -> None:
        with self._lock:
            slot.calls -= 1
            if not slot.calls and not slot.is_open:
                self._slots.pop(application_id, None)

    def close(self) -> None:
        """Close the senders that were opened here, but not one that was passed in."""
        with self._lock:
            slots, self._slots = self._slots, {}
        for slot in slots.values():
            slot.close()


class _SenderSlot:
    """
    Holds an application's sender: opened by the first call, closed when idle.

    Attributes:
        calls: How many calls use it now; guarded by the lock of `Applications`.
    """

    def __init__(self, application_id: str) -> None:
        self.calls = 0
        self._id = application_id
        # Opening may take a while; it must not block calls of other applications.
        self._lock = threading.Lock()
        self._application: _Application | None = None

    @property
    def is_open(self) -> bool:
        """Whether the sender is open."""
        return self._application is not None

    def application(self, open_sender: Callable[[str], Sender]) -> "_Application":
        """
        Return the application; open its sender if this is the first call.

        Raises:
            RequestError: If there is no such application.
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
        """Close the sender of an open slot; no call waits for it, so log a failure."""
        try:
            cast("_Application", self._application).sender.close()
        except Exception as error:  # noqa: BLE001 - the sender may be foreign
            _log.error(
                "not closed", extra={"pinpoint_events.problem": defect_text(error)}
            )


class _Application:
    """One application: its sender and its known endpoints."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._seen = SeenEndpoints()
        self._is_complete = isinstance(sender, FindsEndpoints)
        self._known: FindsEndpoints = (
            sender if isinstance(sender, FindsEndpoints) else self._seen
        )
        self._lock = threading.Lock()

    def put(self, parsed: ParsedRequest) -> EventsResponse:
        """Send the items that are not rejected, with the updates that the rules add."""
        with self._lock:
            updates, rejected = apply_rules(
                parsed.endpoints, self._known, is_complete=self._is_complete
            )
            for name, message in rejected.items():
                parsed.reject((name, None), message)
            request = parsed.request_to_send(updates)
            if request is None:
                return _EMPTY_RESPONSE
            # Judged as it was received; what the rules add to it counts for no quota.
            remember_quotas(request, quotas_of(self.sender))
            if self._is_complete:
                return self.sender.put_events(request)
        response = self.sender.put_events(request)
        self._remember(request, response)
        return response

    def _remember(self, request: EventsRequest, response: EventsResponse) -> None:
        for name, event_id, item, _, outcome in response.outcomes(request):
            is_accepted = event_id is None and outcome is Outcome.ACCEPTED
            if is_accepted and isinstance(item, Endpoint) and item != _EMPTY_ENDPOINT:
                with self._lock:
                    self._seen.remember(name, item)
