"""
What to send again, and when: a state machine that never sleeps and reads no clock.

A `RetryCall` serves one call. Its owner asks for the next step, does it, and says what
came of it and what time it is:

    step = call.start()
    Send(request, attempt)     send it, then call answered(), failed(), not_sent() or
                               clock_corrected()
    Wait(seconds, attempt)     wait, then call waited()
    Done(response)             return it
    GiveUp(error)              raise it

A wait may be ended early by ended(), when the sender is closed.

While nothing was answered, the whole request is sent again. Once something was, only
the items that came back retryable are, and the call ends with a response, never with an
error: what is known of the other items must not get lost.

Any attempt without an answer may have been accepted, the first as well as a later one.
A later answer settles an item of it by accepting or rejecting it. An item that ends
retryable in spite of that, or that no later attempt was made for, is left out of the
response: it is unreported, and not to be sent once more without a decision. The same
holds for an item that is sent again and left out of the answer.

An error of an attempt is what a call ends with, and not a later failure to find
credentials: the events may have been accepted. Likewise, once they may have been, that
error stays: a later refusal of the whole request says nothing of the earlier attempt.

Invariants: there are at most `Retry.attempts` attempts; no attempt begins after the
deadline, and no wait goes beyond it; an item that was accepted or rejected is not sent
again; the response has the last answer to each item.

The rules are those of the AWS SDKs' standard mode: waits that double up to a ceiling,
each shortened at random so that clients do not return all at once, and a budget of
failures, so that a service in trouble does not get more load. Sources: AWS SDKs and
Tools Reference Guide, "Retry behavior", and botocore 1.44.
"""

import sys
from typing import Any, Final, NamedTuple, final

import attrs

from pinpoint_events.errors import (
    InvalidResponseError,
    PinpointEventsError,
    SenderError,
    ServiceError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.model._converters import MAX_INTEGER, too_large, wrong_type
from pinpoint_events.model._immutable import Immutable, Refused
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.problems import Expected, Problem, ProblemCode
from pinpoint_events.put_events import merged_response, without

__all__ = [
    "Done",
    "GiveUp",
    "Retry",
    "RetryBudget",
    "RetryCall",
    "Send",
    "Step",
    "Wait",
    "may_be_accepted",
]

_BASE_SECONDS: Final = 0.05
_THROTTLED_BASE_SECONDS: Final = 1.0
_MAX_SECONDS: Final = 20.0
_DOUBLINGS: Final = 9  # by then every wait is at its ceiling

_BUDGET: Final = 500
_COST: Final = 14
_THROTTLED_COST: Final = 5

_TOO_MANY_REQUESTS: Final = 429


def _attempts(value: int) -> int:
    # Any: a refused value is no int.
    sound: Any = value
    if not isinstance(sound, int) or isinstance(sound, bool):
        sound = wrong_type(sound, Expected.ATTEMPTS)
    elif not 1 <= sound <= MAX_INTEGER:
        sound = _refused(sound, ProblemCode.ATTEMPTS_NOT_POSITIVE, Expected.ATTEMPTS)
    attempts: int = sound
    return attempts


def _seconds(value: float) -> float:
    sound: Any = value
    if not isinstance(sound, int | float) or isinstance(sound, bool):
        sound = wrong_type(sound, Expected.SECONDS)
    elif not 0 < sound <= sys.float_info.max:
        sound = _refused(sound, ProblemCode.SECONDS_NOT_POSITIVE, Expected.SECONDS)
    seconds: float = sound
    return seconds


def _refused(number: float, code: ProblemCode, allowed: Expected) -> Refused:
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        return too_large(number)
    return Refused(Problem(code, actual=number, allowed=allowed))


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Retry(Immutable):
    """
    How often and how long a sender tries.

    A whole request is sent again after 429, 5xx or no answer, then only the items that
    came back retryable. They may arrive twice: the service has no key to recognise
    duplicates by. `AWS_RETRY_MODE` is not read; `AWS_MAX_ATTEMPTS` applies if a sender
    is given no `Retry`.

    Attributes:
        attempts: HTTP requests for one call, in all; 1 sends once, as `retry=None`.
        deadline_seconds: The longest time of a call, from its start: attempts, waits
            between them, and every wait for the service, however slowly it answers.
            The look-up of its address by the system is not bounded, nor is a proxy's
            second address. The default is below the 29 to 30 s after which gateways
            and web servers give up on a request.

    Raises:
        ValidationError: If one of them is no number above zero, or `attempts` no whole
            one.
    """

    attempts: int = attrs.field(default=3, converter=_attempts)
    deadline_seconds: float = attrs.field(default=20.0, converter=_seconds)


class Send(NamedTuple):
    """
    Send this.

    Attributes:
        request: The whole request, or the part of it that is sent again.
        attempt: The number of the attempt, from 1.
    """

    request: EventsRequest
    attempt: int


class Wait(NamedTuple):
    """
    Wait before the next attempt.

    Attributes:
        seconds: How long.
        attempt: The number of the next attempt.
    """

    seconds: float
    attempt: int


class Done(NamedTuple):
    """
    The call is over.

    Attributes:
        response: The answer to the whole request.
    """

    response: EventsResponse


class GiveUp(NamedTuple):
    """
    The call is over, and nothing was ever answered.

    Attributes:
        error: The error to raise.
    """

    error: PinpointEventsError


Step = Send | Wait | Done | GiveUp


class RetryBudget:
    """
    The failures that a sender may still cause, shared by its calls.

    Threads may share it without a lock: a count may get lost, which does no harm, and a
    `fork` cannot leave a lock locked.
    """

    def __init__(self) -> None:
        self.left = _BUDGET


class RetryCall:
    """
    The steps of one call.

    Args:
        request: The whole request.
        retry: How often and how long to try; None sends once.
        budget: Shared by the calls of a sender.
        now: The time of the start, in seconds of a monotonic clock.
        deadline: When the call must have ended, by the same clock, if it is part of a
            longer one; by default when `retry` says.

    Attributes:
        deadline: When the call must have ended, by the same clock.
    """

    deadline: float

    def __init__(
        self,
        request: EventsRequest,
        retry: Retry | None,
        budget: RetryBudget,
        *,
        now: float,
        deadline: float | None = None,
    ) -> None:
        self._retry = retry = _ONCE if retry is None else retry
        self._budget = budget
        self._request = request
        self._part = request
        self._attempt = 1
        self._response: EventsResponse | None = None
        self._error: PinpointEventsError | None = None  # of the last attempt
        # Endpoint id and event id of what may have been accepted without an answer; a
        # later refusal does not say that it was not.
        self._uncertain: set[tuple[str, str | None]] = set()
        self._is_clock_corrected = False
        self._given_back = 1  # by success, to the budget
        self.deadline = now + retry.deadline_seconds if deadline is None else deadline

    def start(self) -> Send:
        """Return the first step."""
        return Send(self._part, self._attempt)

    def answered(self, response: EventsResponse, *, now: float, random: float) -> Step:
        """
        Return the step after an answer to the part that was sent.

        Args:
            response: The answer.
            now: The time, by the monotonic clock.
            random: A random number from 0 to 1.
        """
        if self._response is None:
            self._response = response
        else:
            self._response = merged_response(
                self._request, self._response, self._part, response
            )
        rest = self._request.retry(self._response)
        if rest is None:
            self._budget.left = min(_BUDGET, self._budget.left + self._given_back)
            return self._done(self._response)
        self._part = rest
        wait = self._wait(now, random, is_throttled=_is_throttled(self._response, rest))
        return wait or self._done(self._response)

    def failed(self, error: PinpointEventsError, *, now: float, random: float) -> Step:
        """
        Return the step after an attempt that got no answer; see `answered`.

        Args:
            error: Why.
            now: The time, by the monotonic clock.
            random: A random number from 0 to 1.
        """
        is_uncertain = may_be_accepted(error)
        # A later refusal says nothing of an attempt that may have been accepted.
        if is_uncertain or not self._uncertain:
            self._error = error
        if is_uncertain:
            for endpoint_id, batch in self._part.batch_item.items():
                self._uncertain.add((endpoint_id, None))
                self._uncertain.update((endpoint_id, name) for name in batch.events)
        return self.not_sent(error, now=now, random=random)

    def not_sent(
        self, error: PinpointEventsError, *, now: float, random: float
    ) -> Step:
        """
        Return the step after an attempt that could not be made, as without credentials.

        Args:
            error: Why.
            now: The time, by the monotonic clock.
            random: A random number from 0 to 1.
        """
        wait = None
        if isinstance(error, SenderError) and error.is_retry_safe:
            wait = self._wait(
                now,
                random,
                is_throttled=isinstance(error, TooManyRequestsError),
                at_least=error.retry_after_seconds or 0.0,
            )
        return wait or self._given_up(error)

    def clock_corrected(self, error: ServiceError, *, now: float) -> Step:
        """
        Return the step after the service refused our time, and it was corrected.

        Args:
            error: The service's error.
            now: The time, by the monotonic clock.
        """
        if self._is_clock_corrected or not self._may_go_on(now):
            return self._given_up(error)
        self._is_clock_corrected = True
        return Wait(0.0, self._attempt + 1)

    def ended(self, error: PinpointEventsError) -> Done | GiveUp:
        """
        Return the last step, where no further attempt may be made.

        Args:
            error: Why, to raise if no attempt was made.
        """
        return self._given_up(error)

    def waited(self) -> Send:
        """Return the step after a wait."""
        self._attempt += 1
        return Send(self._part, self._attempt)

    def _given_up(self, error: PinpointEventsError) -> Done | GiveUp:
        if self._response is None:
            return GiveUp(self._error or error)
        return self._done(self._response)

    def _done(self, response: EventsResponse) -> Done:
        if not self._uncertain:
            return Done(response)
        return Done(without(response, self._request, self._uncertain))

    def _may_go_on(self, at: float) -> bool:
        return self._attempt < self._retry.attempts and at <= self.deadline

    def _wait(
        self, now: float, random: float, *, is_throttled: bool, at_least: float = 0.0
    ) -> Wait | None:
        """Return the wait before the next attempt; None if there is none."""
        base = _THROTTLED_BASE_SECONDS if is_throttled else _BASE_SECONDS
        cost = _THROTTLED_COST if is_throttled else _COST
        if self._budget.left < cost:
            return None
        longest = min(_MAX_SECONDS, base * 2 ** min(self._attempt - 1, _DOUBLINGS))
        seconds = max(at_least, longest * random)
        if not self._may_go_on(now + seconds):
            return None
        self._budget.left -= cost
        self._given_back = cost
        return Wait(seconds, self._attempt + 1)


def may_be_accepted(error: PinpointEventsError) -> bool:
    """Return whether the service may have accepted a request of which this became."""
    if isinstance(error, TransportError):
        return error.code not in _NOT_ACCEPTED
    return isinstance(error, InvalidResponseError)


_NOT_ACCEPTED: Final = frozenset(
    {
        TransportErrorCode.CERTIFICATE_NOT_TRUSTED,
        TransportErrorCode.CONNECT,
        TransportErrorCode.CONNECT_TIMEOUT,
        TransportErrorCode.NAME_RESOLUTION,
        TransportErrorCode.NOT_HTTP,
        TransportErrorCode.PROXY,
        TransportErrorCode.TLS,
    }
)


def _is_throttled(answer: EventsResponse, rest: EventsRequest) -> bool:
    return any(
        outcome.response is not None
        and outcome.response.status_code == _TOO_MANY_REQUESTS
        for outcome in answer.outcomes(rest)
    )


_ONCE: Final = Retry(attempts=1)
