"""
The senders of all applications, and the part of a call that may block.

This code runs in worker threads. If a store was moved or deleted, the call that notices
it closes the sender, opens another, and is processed again, as nothing of it is in the
new store. This needs a sender that a function opened, and that one call at a time uses,
as those that can look up their endpoints. The old sender is closed before the new one
is opened: SQLite must not have two files of one name open.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar, cast

from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.model.response import EventsResponse, ItemResponse
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.server._active_faults import CallFaults, Faults
from pinpoint_events.server._answers import not_found
from pinpoint_events.server._application import Application, ReadCall
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.server._readiness import check_sender, reason_of
from pinpoint_events.server._request_reader import RequestReader
from pinpoint_events.storage.waiting import waiting_until
from pinpoint_events.wire import to_json

__all__ = ["Applications", "Senders", "is_one_sender"]

_log = logging.getLogger("pinpoint_events")

Senders = Sender | Callable[[str], Sender]
"""One sender for all applications, or a callable that opens one by application id."""

_ACCEPTED: Final = 202
_MAX_OPEN: Final = 100  # senders; each may hold files and connections
_EMPTY_RESPONSE: Final = EventsResponse()

T = TypeVar("T")


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
        self._one = Application(cast("Sender", senders)) if is_one else None
        self._open = cast("Callable[[str], Sender]", senders)
        self._reader = reader
        self._faults = faults
        self._lock = threading.Lock()
        self._slots: dict[str, _SenderSlot] = {}

    def read(self, body: bytes) -> ReadCall:
        """
        Read the body of a call.

        Raises:
            RequestError: If the call is rejected as a whole.
        """
        return ReadCall(self._reader.read(body), len(body))

    def answer(
        self,
        application_id: str,
        call: ReadCall,
        faults: CallFaults,
        deadline: CallDeadline,
    ) -> bytes:
        """
        Send the items of a call, and return the body of its answer.

        Raises:
            RequestError: If the call is rejected as a whole, or its time is over.
            PinpointEventsError: If the sender raises it.
        """
        parsed = call.parsed
        failed, dropped = self._faults.next_items(parsed.items)
        for item, fault in failed.items():
            parsed.reject(item, fault.message, fault.status_code)
        bare = faults.bare_status
        is_taken = bare in {None, _ACCEPTED} and (
            faults.cut is None or faults.cut.is_taken
        )
        # Nothing to send opens no sender, as that may create a store.
        if is_taken and not parsed.is_empty:
            with waiting_until(deadline.at):
                sent = self._put(application_id, call, deadline)
        else:
            sent = _EMPTY_RESPONSE
        answer = parsed.response(sent, dropped)
        if bare is not None:
            item_response = ItemResponse(status_code=bare)
            answer = EventsResponse(
                results=dict.fromkeys(parsed.endpoints, item_response)
            )
        return b'{"Results":{}}' if not answer.results else to_json(answer)

    def _put(
        self, application_id: str, call: ReadCall, deadline: CallDeadline
    ) -> EventsResponse:
        if self._one is not None:
            return self._one.put(call, deadline)
        slot = self._acquired(application_id)
        try:
            return self._on_store(
                slot, deadline, lambda application: application.put(call, deadline)
            )
        finally:
            self._release(application_id, slot)

    def _on_store(
        self,
        slot: "_SenderSlot",
        deadline: CallDeadline,
        act: Callable[[Application], T],
    ) -> T:
        """Act on the sender of a slot; once more on a new one if its store is gone."""
        application = slot.application(self._open, deadline)
        try:
            return act(application)
        except StoreError as error:
            if error.code is not StoreErrorCode.MOVED or not application.is_exclusive:
                raise
        slot.lose(application, deadline)
        return act(slot.application(self._open, deadline))

    def unready(self, deadline: CallDeadline, min_free_bytes: int) -> set[str]:
        """
        Return why the senders that are open cannot keep events.

        A store that was moved is opened again, as by a call: otherwise no call might
        come that does.

        Args:
            deadline: How long to wait.
            min_free_bytes: The least room on the disk of a store.
        """

        def check(application: Application) -> set[str]:
            try:
                return set(check_sender(application.sender, min_free_bytes))
            except StoreError:
                if application.has_ended:
                    return set()  # closed meanwhile, by a call that opens another
                raise

        with waiting_until(deadline.at):
            if self._one is not None:
                return check(self._one)
            found: set[str] = set()
            for application_id, slot in self._all_open():
                try:
                    # Each locked store would take a little more time.
                    if deadline.seconds_left or not found:
                        found |= self._on_store(slot, deadline, check)
                except Exception as error:  # noqa: BLE001 - the sender may be foreign
                    found.add(reason_of(error))
                finally:
                    self._release(application_id, slot)
        return found

    def _all_open(self) -> "list[tuple[str, _SenderSlot]]":
        """Return the slots that are open; each must be released."""
        with self._lock:
            found = [each for each in self._slots.items() if each[1].is_open]
            for _, slot in found:
                slot.calls += 1
        return found

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
        # Those at work last: closing them may take for ever.
        for slot in sorted(slots.values(), key=lambda slot: slot.calls):
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
        self._application: Application | None = None
        self._is_lost = False

    @property
    def is_open(self) -> bool:
        """Whether the sender is open, or was until its store was moved."""
        return self._application is not None or self._is_lost

    def application(
        self, open_sender: Callable[[str], Sender], deadline: CallDeadline
    ) -> Application:
        """
        Return the application; open its sender if that is not done.

        Raises:
            RequestError: If there is no such application, or the time is over.
            PinpointEventsError: If the sender cannot be opened.
        """
        deadline.acquire(self._lock)
        try:
            if self._application is None:
                try:
                    self._application = Application(open_sender(self._id))
                except LookupError:
                    raise not_found("no such application; check its id") from None
                self._is_lost = False
            return self._application
        finally:
            self._lock.release()

    def lose(self, application: Application, deadline: CallDeadline) -> None:
        """
        Close the sender of an application whose store was moved.

        Raises:
            RequestError: If the time is over before it is free.
        """
        deadline.acquire(self._lock)
        try:
            if self._application is application:
                application.end(deadline)
                self._application = None
                self._is_lost = True
                _log.warning(
                    "store moved or deleted; opening it again",
                    extra={"pinpoint_events.application_id": self._id},
                )
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the sender of a slot, if it is open."""
        if self._application is not None:
            self._application.close()
