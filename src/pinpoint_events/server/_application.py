"""
One application: the rules are applied to its calls, and its sender sends them.

If the sender can look up its endpoints, calls are processed one after the other: the
rules are applied to a call, and the call is stored, before the next one begins.
Otherwise two simultaneous calls could each add the last endpoint that a user may have.
If the sender has transactions, both are done in one, so that it holds for all processes
that write to the store; and calls that wait for each other share a transaction.

A call of many endpoints is stored in parts, and calls that wait are processed between
two parts. If a part fails, the call fails: its client sends it again, and what was
stored is recognised as a repeat.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Final, NamedTuple, cast

import attrs

from pinpoint_events.endpoints.protocol import FindsEndpoints, WritesExclusively
from pinpoint_events.endpoints.rules import apply_rules
from pinpoint_events.endpoints.seen import SeenEndpoints
from pinpoint_events.errors import StoreError, StoreErrorCode, defect_text
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, ItemResponse, Outcome
from pinpoint_events.quotas import quotas_of, remember_quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.server._call_groups import CallGroups
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.server._request_reader import ParsedRequest

__all__ = ["Application", "ReadCall"]

_log = logging.getLogger("pinpoint_events")

# How much is stored at a time, of one call or several, while others wait: so many
# endpoints take 5 ms, so many items as long, and so many bytes less.
_ENDPOINTS_AT_A_TIME: Final = 50
_ITEMS_AT_A_TIME: Final = 1_000
_BYTES_AT_A_TIME: Final = 512 * 1024
# Calls of this process take turns, but other processes have to find the store unlocked.
# They look every millisecond.
_PAUSE_SECONDS: Final = 0.003
_EMPTY_RESPONSE: Final = EventsResponse()
_EMPTY_ENDPOINT: Final = Endpoint()


@attrs.frozen(eq=False)
class ReadCall:
    """
    A call whose body is read.

    Attributes:
        parsed: Its request.
        size: Bytes of its body.
    """

    parsed: ParsedRequest
    size: int

    @property
    def count(self) -> int:
        """How many endpoints and events it has, rejected ones included."""
        return self.parsed.count


class Application:
    """
    One application: its sender and its known endpoints.

    Attributes:
        sender: The sender.
        is_exclusive: Whether one call at a time uses the sender.
        has_ended: Whether the sender is closed, as its store was moved.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._seen = SeenEndpoints()
        self.is_exclusive = isinstance(sender, FindsEndpoints)
        self._known: FindsEndpoints = (
            sender if isinstance(sender, FindsEndpoints) else self._seen
        )
        self._has_transactions = isinstance(sender, WritesExclusively)
        self._groups: CallGroups[_Stored] = CallGroups(self._transaction)
        self._lock = threading.Lock()  # guards `_seen`
        self.has_ended = False

    def put(self, call: ReadCall, deadline: CallDeadline) -> EventsResponse:
        """
        Send the items that are not rejected, with the updates that the rules add.

        Raises:
            RequestError: If the time is over before the sender is called.
            PinpointEventsError: If the sender raises it.
        """
        parsed = call.parsed
        names = list(parsed.endpoints)
        if not self.is_exclusive:
            request = self._next_request(parsed, names, deadline)
            if request is None:
                return _EMPTY_RESPONSE
            response = self.sender.put_events(request)
            self._remember(request, response)
            return response
        results: dict[str, ItemResponse] = {}
        for start in range(0, len(names), _ENDPOINTS_AT_A_TIME):
            if start:
                time.sleep(_PAUSE_SECONDS)
            part = names[start : start + _ENDPOINTS_AT_A_TIME]
            stored = self._put_part(call, part, deadline)
            _reject(parsed, stored.rejected)
            results.update(stored.response.results)
        return EventsResponse(results=results)

    def _put_part(
        self, call: ReadCall, names: Sequence[str], deadline: CallDeadline
    ) -> "_Stored":
        """Send some endpoints of a call, and their events, exclusively."""
        if self._has_transactions:
            store = partial(self._store, call.parsed, names)
            return self._groups.run(store, _share(call, names), deadline)
        with self._groups.alone(deadline):
            self._check_open()
            return self._store(call.parsed, names, deadline)

    def _transaction(self) -> AbstractContextManager[object]:
        self._check_open()
        return cast("WritesExclusively", self.sender).exclusive()

    def _check_open(self) -> None:
        """Raise an error if the sender is closed; it is the caller's turn."""
        if self.has_ended:
            message = "its store was moved while the call waited"
            raise StoreError(message, code=StoreErrorCode.MOVED)

    def _store(
        self,
        parsed: ParsedRequest,
        names: Collection[str],
        deadline: CallDeadline | None = None,
    ) -> "_Stored":
        """
        Apply the rules to some endpoints, and send them; it is the caller's turn.

        Args:
            parsed: The request; it is left as it is, as a rollback may follow.
            names: The endpoints.
            deadline: To begin the call, if it has not begun.
        """
        request, rejected = self._request_of(parsed, names)
        if request is None:
            return _Stored(_EMPTY_RESPONSE, rejected)
        if deadline is not None:
            deadline.begin()
        return _Stored(self.sender.put_events(request), rejected)

    def _next_request(
        self, parsed: ParsedRequest, names: Collection[str], deadline: CallDeadline
    ) -> EventsRequest | None:
        """Return the request to send, made exclusively."""
        deadline.acquire(self._lock)
        try:
            request, rejected = self._request_of(parsed, names)
        finally:
            self._lock.release()
        _reject(parsed, rejected)
        if request is not None:
            deadline.begin()
        return request

    def _request_of(
        self, parsed: ParsedRequest, names: Collection[str]
    ) -> tuple[EventsRequest | None, Mapping[str, str]]:
        """Apply the rules; return what to send, and endpoints that they reject."""
        updates, rejected = apply_rules(
            {name: parsed.endpoints[name] for name in names},
            self._known,
            is_complete=self.is_exclusive,
        )
        if rejected:
            # Of a rejected endpoint, its events are sent.
            names = [
                name for name in names if name not in rejected or parsed.events[name]
            ]
            updates = {
                **dict.fromkeys(rejected.keys() & names, _EMPTY_ENDPOINT),
                **updates,
            }
        request = parsed.request_to_send(updates, names)
        if request is not None:
            # Judged as it was received; what the rules add counts for no quota.
            remember_quotas(request, quotas_of(self.sender))
        return request, rejected

    def end(self, deadline: CallDeadline) -> None:
        """
        Close the sender between two calls; those that follow raise `MOVED`.

        Raises:
            RequestError: If the time is over before it is free.
        """
        with self._groups.alone(deadline):
            self.has_ended = True
            self.close()

    def close(self) -> None:
        """Close the sender; no call waits for it, so log a failure."""
        try:
            self.sender.close()
        except Exception as error:  # noqa: BLE001 - the sender may be foreign
            _log.error(
                "not closed", extra={"pinpoint_events.problem": defect_text(error)}
            )

    def _remember(self, request: EventsRequest, response: EventsResponse) -> None:
        for name, event_id, item, _, outcome in response.outcomes(request):
            is_accepted = event_id is None and outcome is Outcome.ACCEPTED
            if is_accepted and isinstance(item, Endpoint) and item != _EMPTY_ENDPOINT:
                with self._lock:
                    self._seen.remember(name, item)


class _Stored(NamedTuple):
    """
    What came of a part of a call.

    Attributes:
        response: The sender's answer.
        rejected: Endpoints that the rules reject, with the message of each.
    """

    response: EventsResponse
    rejected: Mapping[str, str]


def _reject(parsed: ParsedRequest, rejected: Mapping[str, str]) -> None:
    for name, message in rejected.items():
        parsed.reject((name, None), message)


def _share(call: ReadCall, names: Sequence[str]) -> float:
    """Return how much of what is stored at a time these endpoints of a call are."""
    events = call.parsed.events
    items = len(names) + sum(len(events[name]) for name in names)
    return max(
        len(names) / _ENDPOINTS_AT_A_TIME,
        items / _ITEMS_AT_A_TIME,
        call.size / _BYTES_AT_A_TIME,
    )
