"""
What to send next, and what an answer means for each item: it does no I/O.

Its owner offers the items of a spool in their order, asks for the next parcel, sends
it, and tells what came of it. Each time it returns what became of items: a `Settlement`
for the spool. An item without one stays in the spool, and in this object.

The rules:

- An item ends when it was accepted, was refused, or is too old.
- Not being able to send (no connection, 5xx, missing credentials, a locked store) and
  being throttled says nothing about items: all stay, and no attempt is counted.
- An item that comes back, or that the answer does not mention, has failed if others of
  its request are accepted or refused. It waits for longer each time, and the others go
  on without it; only later updates of the same endpoint wait with it. After
  `MAX_ATTEMPTS` it is refused.
- If a request is refused as a whole, its halves are sent, and so on, until the item
  that is at fault is alone: it is refused, and no other. A request that was too large
  also makes the next ones smaller.
- Where it is not clear whose fault it is (a sender raises what it should not, or a
  service fails again and again once it has read a request), the halves are sent as
  well. An item that is alone with the fault is a suspect: it waits like one that
  failed, and is sent alone again, in turns with new items, so that no number of
  suspects delays the others for long. The attempt counts only if other requests were
  accepted meanwhile, and do not mostly fail, as in an outage that lets a few through.
  As long as they do, suspects are sent together.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final, NamedTuple

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    PayloadTooLargeError,
    PinpointEventsError,
    Redaction,
    SenderError,
    ServiceError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
    ValidationError,
)
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.quotas import Quotas, bound
from pinpoint_events.recorder.items import DropReason, Item, Refusal, Settlement
from pinpoint_events.recorder.pace import Pace
from pinpoint_events.recorder.packing import Parcel, packed, refusal_of
from pinpoint_events.senders._redaction import addresses
from pinpoint_events.wire import to_json

__all__ = ["MAX_ATTEMPTS", "Delivery"]

MAX_ATTEMPTS: Final = 10
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 60.0
_DOUBLINGS: Final = 6  # by then a wait has its full length
# Items that failed and wait here; while there are more, no new ones are read.
_MOST_FAILED: Final = 2_000
# The longest wait while it is found out which items are at fault: that takes up to 200
# requests for 100 items.
_SEARCH_SECONDS: Final = 2.0
_THROTTLED: Final = 429
_GROWTH: Final = 1.1
_LEAST_BYTES: Final = 10_000
_SUSPICIOUS: Final = 3  # failures one after the other
# Of about the last 32 requests without suspects, so many may have failed: an item
# that such an outage makes fail ten times is one in thousands.
_MOST_FAILING: Final = 0.5
_REMEMBERED: Final = 32
# If more of them fail than where a third of all items are at fault, it is an outage.
_ALL_BUT_OUT: Final = 0.75
_SUSPECTS_TOGETHER: Final = 10  # then: no more, as others wait meanwhile

# The service has read the request, and failed.
_RECEIVED: Final = frozenset(
    {
        TransportErrorCode.CONNECTION_CLOSED,
        TransportErrorCode.DEADLINE,
        TransportErrorCode.READ_TIMEOUT,
    }
)
# A proxy may refuse the content of one item by 403, and `KinesisSender` may find no
# partition key for one event.
_OF_SERVICE_OR_ITEM: Final = (ConfigurationError, InvalidResponseError, ServiceError)
# The items are at fault, or one of them is.
_OF_THE_ITEMS: Final = (BadRequestError, PayloadTooLargeError, ValidationError)


class _Suspect(NamedTuple):
    """
    What is known of an item that was alone with a fault.

    Attributes:
        accepted: How many requests were accepted before.
        times: How often it was.
    """

    accepted: int
    times: int


class Delivery:
    """
    The delivery of one spool to one sender. Not thread-safe.

    Args:
        quotas: Those to pack requests by.
        pace: The waits between requests.
        max_age_milliseconds: Items that are older are dropped; None keeps them.
        clock: Returns the milliseconds since 1970.
    """

    def __init__(
        self,
        quotas: Quotas,
        pace: Pace,
        *,
        max_age_milliseconds: int | None,
        clock: Callable[[], int],
    ) -> None:
        self._quotas = quotas
        self._pace = pace
        self._max_age = max_age_milliseconds
        self._clock = clock
        self._most_events = bound(quotas.events_per_request)
        self._most_bytes = bound(quotas.request_bytes)
        self.cursor: int = 0
        self._waiting: deque[Item] = deque()  # in the order of recording
        self._groups: list[deque[Item]] = []  # parts of refused requests
        # Heaps by the end of their waits.
        self._failed: list[tuple[float, Item]] = []
        self._suspected: list[tuple[float, Item]] = []
        self._suspects: dict[int, _Suspect] = {}  # by the id of the item
        self._is_turn_of_suspects = False
        self._accepted = 0
        self._failing = 0.0  # the share of requests without suspects that fail

    @property
    def wanted(self) -> int:
        """How many items to offer now."""
        if len(self._failed) + len(self._suspected) >= _MOST_FAILED:
            # One new item shows whether the service works; then the others count.
            return int(self._pace.is_interrupted and not self._waiting)
        return max(0, 2 * self._most_events - len(self._waiting))

    def offer(self, items: Sequence[Item]) -> None:
        """Take items with greater numbers than all before, in their order."""
        if items:
            self._waiting.extend(items)
            self.cursor = items[-1].id

    @property
    def has_waiting(self) -> bool:
        """Whether there is anything to send, apart from items that failed."""
        return bool(self._waiting or self._groups)

    def has_ready(self, now: float) -> bool:
        """Return whether there is anything to send, but for the pace."""
        return self.has_waiting or _is_due(self._failed, now) or self._has_suspect(now)

    def _has_suspect(self, now: float) -> bool:
        return _is_due(self._suspected, now)

    def try_now(self) -> None:
        """Let suspects wait no longer if nothing is accepted, as in an outage."""
        if self._pace.is_interrupted:
            waiting = sorted(item for _, item in self._suspected)
            self._suspected = [(-math.inf, item) for item in waiting]

    def next_parcel(self, now: float) -> tuple[Parcel, Settlement]:
        """Return what to send next, and the items that end without being sent."""
        if not self._groups:
            self._choose(now)
        queue = self._groups[-1] if self._groups else self._waiting
        dropped = self._too_old(queue)
        parcel = packed(
            queue,
            self._quotas,
            most_events=self._most_events,
            most_bytes=self._most_bytes,
        )
        if self._groups and not self._groups[-1]:
            self._groups.pop()
        return parcel, Settlement(refused=tuple(parcel.refused), dropped=dropped)

    def _choose(self, now: float) -> None:
        """Let what is next be all that waits, or one suspect: they take turns."""
        due = []
        while _is_due(self._failed, now):
            due.append(heapq.heappop(self._failed)[1])
        self._wait_again(due)
        self._let_updates_wait()
        # New items show better whether the service works, until it has accepted some.
        may_count = self._is_turn_of_suspects and self._may_count_next()
        if self._has_suspect(now) and (may_count or not self._waiting):
            self._groups.append(deque(self._next_suspects(now)))
            self._is_turn_of_suspects = False
        else:
            self._is_turn_of_suspects = True

    def _next_suspects(self, now: float) -> list[Item]:
        """Take one suspect, or some where it is more likely that none is at fault."""
        items: list[Item] = []
        while self._has_suspect(now) and len(items) < _SUSPECTS_TOGETHER:
            is_last = self._failing < _ALL_BUT_OUT or not self._may_count_next()
            if items and is_last:
                break
            items.append(heapq.heappop(self._suspected)[1])
        return sorted(items)

    def _may_count_next(self) -> bool:
        """Whether others were accepted since the next suspect was alone at fault."""
        if not self._suspected:
            return False
        return self._suspects[self._suspected[0][1].id].accepted < self._accepted

    def _too_old(self, queue: deque[Item]) -> tuple[tuple[Item, DropReason], ...]:
        if self._max_age is None:
            return ()
        oldest = self._clock() - self._max_age
        dropped = []
        while queue and queue[0].recorded_at < oldest:
            dropped.append((queue.popleft(), DropReason.TOO_OLD))
        self._forget(item for item, _ in dropped)
        return tuple(dropped)

    def _let_updates_wait(self) -> None:
        """Let updates of endpoints wait for earlier ones, which they would precede."""
        until_of = {
            item.endpoint_id: until
            for until, item in chain(self._failed, self._suspected)
            if item.event_id is None
        }
        if not until_of:
            return
        others: deque[Item] = deque()
        for item in self._waiting:
            until = until_of.get(item.endpoint_id)
            if until is None or item.event_id is not None:
                others.append(item)
            else:
                self._wait_until(until, item)
        self._waiting = others

    # --- What came of it --------------------------------------------------------------

    def answered(
        self, parcel: Parcel, response: EventsResponse, now: float
    ) -> Settlement:
        """Return what became of the items by the answer to their request."""
        found = _results(parcel, response)
        has_ended = bool(found.delivered or found.refused)
        if has_ended or not found.throttled:
            self._note(parcel, has_failed=not has_ended)
        self._accepted += has_ended
        self._forget(found.delivered)
        self._forget(item for item, _ in found.refused)
        if found.throttled:
            self._pace.throttled(now)
            self._put_back(found.throttled)
        back = (*found.failed, *found.unreported)
        if back and not has_ended:
            again = self._not_answered(back, now)
        else:
            self._pace.answered()
            again = self._failed_alone(back, now)
            if not found.throttled:
                self._pace.accepted()
                self._grow()
        return Settlement(
            tuple(found.delivered), (*found.refused, *again.refused), again.failed
        )

    def raised(self, parcel: Parcel, error: BaseException, now: float) -> Settlement:
        """Return what became of the items by the error of their request."""
        if isinstance(error, TooManyRequestsError):
            self._pace.throttled(now, error.retry_after_seconds)
            self._put_back(parcel.all_items)
            return Settlement()
        if isinstance(error, _OF_THE_ITEMS):
            return self._refused_as_a_whole(parcel, error)
        self._note(parcel, has_failed=True)
        if isinstance(error, PinpointEventsError):
            wait = error.retry_after_seconds if isinstance(error, SenderError) else None
            if _was_received(error):
                refusal = Refusal(type(error).__name__, str(error))
                back = [(item, refusal) for item in parcel.all_items]
                return self._not_answered(back, now, wait)
            self._pace.failed(now, wait)
        else:
            # Its message may hold data.
            refusal = Refusal(type(error).__name__, "")
            back = [(item, refusal) for item in parcel.all_items]
            return self._unclear(back, now)
        self._put_back(parcel.all_items)
        return Settlement()

    def _note(self, parcel: Parcel, *, has_failed: bool) -> None:
        if self._suspects and any(
            item.id in self._suspects for item in parcel.all_items
        ):
            return
        self._failing += (has_failed - self._failing) / _REMEMBERED

    def _not_answered(
        self,
        back: Sequence[tuple[Item, Refusal]],
        now: float,
        wait_seconds: float | None = None,
    ) -> Settlement:
        """Keep the items of an outage, unless it lasts: then one may be its cause."""
        if self._pace.failures + 1 >= _SUSPICIOUS or any(
            item.attempts or item.id in self._suspects for item, _ in back
        ):
            return self._unclear(back, now, wait_seconds)
        self._pace.failed(now, wait_seconds)
        self._put_back([item for item, _ in back])
        return Settlement()

    def _refused_as_a_whole(
        self, parcel: Parcel, error: ServiceError | ValidationError
    ) -> Settlement:
        self._pace.accepted()
        if isinstance(error, PayloadTooLargeError):
            self._shrink(parcel)
        items = parcel.all_items
        if len(parcel.items) > 1:
            self._halve(items)
            return Settlement()
        self._accepted += 1
        self._forget(items)
        refusal = (
            refusal_of(error)
            if isinstance(error, ValidationError)
            else Refusal(str(error.status), str(error))
        )
        return Settlement(refused=tuple((item, refusal) for item in items))

    def _unclear(
        self,
        back: Sequence[tuple[Item, Refusal]],
        now: float,
        wait_seconds: float | None = None,
    ) -> Settlement:
        """Find out whether an item is at fault, and which."""
        if len({item[1:3] for item, _ in back}) > 1:
            self._halve(sorted(item for item, _ in back))
            self._pace.failed(now, wait_seconds, longest_seconds=_SEARCH_SECONDS)
            return Settlement()
        at_fault: list[tuple[Item, Refusal]] = []
        for item, refusal in back:
            known = self._suspects.get(item.id, _Suspect(self._accepted, 0))
            self._suspects[item.id] = _Suspect(self._accepted, known.times + 1)
            if known.accepted < self._accepted and self._failing < _MOST_FAILING:
                at_fault.append((item, refusal))
            else:
                self._wait(item, now)
        if not at_fault or wait_seconds:
            longest = _SEARCH_SECONDS if self.has_waiting else math.inf
            self._pace.failed(now, wait_seconds, longest_seconds=longest)
        return self._failed_alone(at_fault, now)

    def _failed_alone(
        self, items: Sequence[tuple[Item, Refusal]], now: float
    ) -> Settlement:
        """Count an attempt of each item, which is sent again later, or refused."""
        again: list[Item] = []
        refused: list[tuple[Item, Refusal]] = []
        for before, refusal in items:
            item = before._replace(attempts=before.attempts + 1)
            if item.attempts >= MAX_ATTEMPTS:
                self._forget([item])
                refused.append((item, refusal))
            else:
                again.append(item)
                self._wait(item, now)
        return Settlement(refused=tuple(refused), failed=tuple(again))

    def _wait(self, item: Item, now: float) -> None:
        suspect = self._suspects.get(item.id)
        times = item.attempts if suspect is None else suspect.times
        seconds = _FIRST_WAIT_SECONDS * 2 ** min(times - 1, _DOUBLINGS)
        self._wait_until(now + min(seconds, _LONGEST_WAIT_SECONDS), item)

    def _wait_until(self, until: float, item: Item) -> None:
        heap = self._suspected if item.id in self._suspects else self._failed
        heapq.heappush(heap, (until, item))

    def _forget(self, items: Iterable[Item]) -> None:
        """Forget what is known of items that have ended."""
        if self._suspects:
            for item in items:
                self._suspects.pop(item.id, None)

    def _put_back(self, items: Sequence[Item]) -> None:
        """Let items be the next ones."""
        if self._groups:  # which are later ones
            self._groups.append(deque(sorted(items)))
            return
        self._wait_again([item for item in items if item.id not in self._suspects])
        for item in items:
            if item.id in self._suspects:
                self._wait_until(-math.inf, item)

    def _wait_again(self, items: Sequence[Item]) -> None:
        if items:
            self._waiting = deque(sorted((*items, *self._waiting)))

    def _halve(self, items: Sequence[Item]) -> None:
        middle = len(items) // 2
        self._groups += [deque(items[middle:]), deque(items[:middle])]

    def _shrink(self, parcel: Parcel) -> None:
        assert parcel.request is not None  # noqa: S101 - it was sent
        size = len(to_json(parcel.request))
        self._most_bytes = max(min(size, self._most_bytes) // 2, _LEAST_BYTES)

    def _grow(self) -> None:
        most = bound(self._quotas.request_bytes)
        if self._most_bytes < most:
            self._most_bytes = min(most, int(self._most_bytes * _GROWTH))


class _Results(NamedTuple):
    """The items of a parcel by what an answer says of them."""

    delivered: list[Item]
    refused: list[tuple[Item, Refusal]]
    throttled: list[Item]
    failed: list[tuple[Item, Refusal]]
    unreported: list[tuple[Item, Refusal]]


def _results(parcel: Parcel, response: EventsResponse) -> _Results:
    assert parcel.request is not None  # noqa: S101 - it was sent
    found = _Results([], [], [], [], [])
    to_of = {
        Outcome.REJECTED: found.refused,
        Outcome.RETRYABLE: found.failed,
        Outcome.UNREPORTED: found.unreported,
    }
    hide = Redaction(addresses(parcel.request))
    for endpoint_id, event_id, _, answer, outcome in response.outcomes(parcel.request):
        items = parcel.items.get((endpoint_id, event_id), ())
        status = None if answer is None else answer.status_code
        if outcome is Outcome.ACCEPTED:
            found.delivered.extend(items)
        elif status == _THROTTLED:
            found.throttled.extend(items)
        else:
            message = "" if answer is None else hide(answer.message or "")
            refusal = Refusal("unreported" if status is None else str(status), message)
            to_of[outcome].extend((item, refusal) for item in items)
    return found


def _was_received(error: PinpointEventsError) -> bool:
    """Return whether an item may be the cause of an error of its request."""
    if isinstance(error, TransportError):
        return error.code in _RECEIVED
    if isinstance(error, ConfigurationError) and error.code is not None:
        return False  # region or credentials, whatever is sent
    return isinstance(error, _OF_SERVICE_OR_ITEM)


def _is_due(heap: Sequence[tuple[float, Item]], now: float) -> bool:
    return bool(heap) and heap[0][0] <= now
