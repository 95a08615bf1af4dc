"""
Sending again: when it is worth it, how long to wait before, and when to stop.

One loop serves a whole call. As long as nothing was answered it repeats the request;
once something was, it repeats only the items that came back retryable, and from then on
it always ends with an answer. It follows the AWS SDKs' standard mode: waits that double
up to a ceiling, each shortened at random so that clients do not come back all together,
and a budget of failures, so that a service in trouble is not made to work harder.
Sources: AWS SDKs and Tools Reference Guide, "Retry behavior", and botocore 1.44.
"""

import logging
import random
import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final, final

import attrs

from pinpoint_events.errors import (
    PinpointEventsError,
    SenderError,
    ServiceError,
    TooManyRequestsError,
)
from pinpoint_events.model._converters import MAX_INTEGER, too_large, wrong_type
from pinpoint_events.model._immutable import Immutable, Refused
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.problems import Expected, Problem, ProblemCode
from pinpoint_events.put_events import merged_response

__all__ = ["Retry"]

_log = logging.getLogger("pinpoint_events")
# Else Python prints warnings to standard error where nobody set up logging.
_log.addHandler(logging.NullHandler())

_BASE_SECONDS: Final = 0.05
_THROTTLED_BASE_SECONDS: Final = 1.0
_MAX_SECONDS: Final = 20.0
_DOUBLINGS: Final = 9  # by then every wait is at its ceiling

_BUDGET: Final = 500
_COST: Final = 14
_THROTTLED_COST: Final = 5

_TOO_MANY_REQUESTS: Final = 429

# Under these names the service may mean our clock. A signature is refused for other
# reasons too, hence the distance; the service itself takes five minutes.
_SKEW_CODES: Final = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_SKEW_SECONDS: Final = 240.0


def _attempts(value: int) -> int:
    # Any: what is refused is no int.
    sound: Any = value
    if not isinstance(sound, int) or isinstance(sound, bool):
        sound = wrong_type(sound, Expected.ATTEMPTS)
    elif sound < 1:
        sound = _refused(sound, ProblemCode.ATTEMPTS_NOT_POSITIVE)
    attempts: int = sound
    return attempts


def _seconds(value: float) -> float:
    sound: Any = value
    if not isinstance(sound, int | float) or isinstance(sound, bool):
        sound = wrong_type(sound, Expected.SECONDS)
    elif not 0 < sound <= sys.float_info.max:
        sound = _refused(sound, ProblemCode.SECONDS_NOT_POSITIVE)
    seconds: float = sound
    return seconds


def _refused(number: float, code: ProblemCode) -> Refused:
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        return too_large(number)
    return Refused(Problem(code, actual=number))


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Retry(Immutable):
    """
    How often and how long a sender tries.

    Sent again are a whole request that got 429, 5xx or no answer, and then the items
    that came back retryable, alone. Copies may arrive twice: the service has no key to
    recognise them by. `AWS_RETRY_MODE` is not read; `AWS_MAX_ATTEMPTS` is where a
    sender is given no `Retry`.

    Attributes:
        attempts: HTTP requests for one call, in all; 1 sends once, as `retry=None`.
        deadline_seconds: After this time from the start of a call no further attempt
            begins. One that has begun is bounded by the timeouts of the connection.

    Raises:
        ValidationError: If one of them is no number above zero, or `attempts` no whole
            one.
    """

    attempts: int = attrs.field(default=3, converter=_attempts)
    deadline_seconds: float = attrs.field(default=90.0, converter=_seconds)


class Time:
    """The clocks, the waiting and the randomness of a sender."""

    def now(self) -> float:
        """Return the seconds since 1970, by this machine's clock."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return random.random()  # noqa: S311 - spreads waits, hides nothing


class Clock:
    """The time that requests are signed with: this machine's, once corrected."""

    def __init__(self, source: Time) -> None:
        """Trust the machine, until the service says otherwise."""
        self._source = source
        self._ahead_seconds = 0.0  # the service's clock, seen from this machine's

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._source.now() + self._ahead_seconds

    def is_corrected_by(self, error: ServiceError, date: str | None) -> bool:
        """
        Return whether an answer shows that the clock was wrong, and correct it.

        Args:
            error: What the service refused the request with.
            date: The `Date` header of that answer.
        """
        if error.code not in _SKEW_CODES or date is None:
            return False
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (OverflowError, ValueError):
            return False
        if abs(told - self.now()) < _SKEW_SECONDS:
            return False
        self._ahead_seconds = told - self._source.now()
        _log.warning(
            "clock corrected", extra={"pinpoint_events.seconds": self._ahead_seconds}
        )
        return True


class ClockCorrected(Exception):  # noqa: N818 - good news, for the loop below only
    """The service refused our time; the clock is corrected now."""

    def __init__(self, error: ServiceError) -> None:
        """Keep what the service said."""
        super().__init__(error)
        self.error = error


class Resender:
    """
    Sends until it is done, or until it is not worth going on.

    One for each sender: its calls share the budget. Threads may share it too. The
    budget may then lose count of a call, which does it no harm, and keeps it free of a
    lock that a `fork` could leave locked.
    """

    retry: Retry
    time: Time
    budget: int

    def __init__(self, retry: Retry | None, source: Time) -> None:
        """Start with a full budget."""
        self.retry = _ONCE if retry is None else retry
        self.time = source
        self.budget = _BUDGET

    def answer(
        self,
        request: EventsRequest,
        send: Callable[[EventsRequest, int], EventsResponse],
    ) -> EventsResponse:
        """
        Return what became of each item, after all attempts.

        Args:
            request: The whole request.
            send: Sends it, or a part of it, once; its other argument numbers the
                attempt, from 1. It may raise `ClockCorrected`.

        Raises:
            PinpointEventsError: What `send` raised last, if nothing was ever answered.
        """
        call = _Call(self, send)
        answer = call.send(request)
        while (rest := request.retry(answer)) is not None:
            if not call.waits(is_throttled=_is_throttled(answer, rest)):
                return answer
            try:
                response = call.send(rest)
            except PinpointEventsError:
                return answer  # what is known of the other items must not get lost
            answer = merged_response(request, answer, rest, response)
        self.budget = min(_BUDGET, self.budget + call.cost)
        return answer


class _Call:
    """The attempts of one call."""

    def __init__(
        self, owner: Resender, send: Callable[[EventsRequest, int], EventsResponse]
    ) -> None:
        self._owner = owner
        self._send = send
        self._attempt = 1
        self._ends = owner.time.monotonic() + owner.retry.deadline_seconds
        self._is_clock_corrected = False
        self.cost = 1  # what success gives back to the budget

    def send(self, part: EventsRequest) -> EventsResponse:
        """Send until there is an answer; raise if there will be none."""
        while True:
            try:
                return self._send(part, self._attempt)
            except ClockCorrected as corrected:
                if self._is_clock_corrected or not self._goes_on(0.0):
                    raise corrected.error from None
                self._is_clock_corrected = True
            except SenderError as error:
                is_throttled = isinstance(error, TooManyRequestsError)
                asked = error.retry_after_seconds or 0.0
                if not error.is_retry_safe or not self.waits(
                    is_throttled=is_throttled, at_least=asked
                ):
                    raise

    def waits(self, *, is_throttled: bool, at_least: float = 0.0) -> bool:
        """Wait for the next attempt, or return False because there is none."""
        base = _THROTTLED_BASE_SECONDS if is_throttled else _BASE_SECONDS
        cost = _THROTTLED_COST if is_throttled else _COST
        if self._owner.budget < cost:
            return False
        longest = min(_MAX_SECONDS, base * 2 ** min(self._attempt - 1, _DOUBLINGS))
        wait = max(at_least, longest * self._owner.time.random())
        if not self._goes_on(wait):
            return False
        self._owner.budget -= cost
        self.cost = cost
        return True

    def _goes_on(self, wait: float) -> bool:
        owner = self._owner
        if self._attempt >= owner.retry.attempts:
            return False
        if owner.time.monotonic() + wait > self._ends:
            return False
        _log.warning(
            "sending again",
            extra={
                "pinpoint_events.attempt": self._attempt + 1,
                "pinpoint_events.wait_seconds": wait,
            },
        )
        owner.time.sleep(wait)
        self._attempt += 1
        return True


def _is_throttled(answer: EventsResponse, rest: EventsRequest) -> bool:
    return any(
        outcome.response is not None
        and outcome.response.status_code == _TOO_MANY_REQUESTS
        for outcome in answer.outcomes(rest)
    )


_ONCE: Final = Retry(attempts=1)
