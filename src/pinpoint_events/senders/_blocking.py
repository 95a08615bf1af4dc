"""Drives a `RetryCall` by sending and sleeping: the blocking way."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from pinpoint_events.errors import (
    PinpointEventsError,
    SenderError,
    ServiceError,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.retry import Done, RetryCall, Send, Step, Wait

__all__ = ["ClockCorrected", "NotSent", "Time", "log_attempt", "quiet_attempts", "run"]

_log = logging.getLogger("pinpoint_events")
_is_quiet: ContextVar[bool] = ContextVar("attempts are of no interest", default=False)


@contextmanager
def quiet_attempts() -> Iterator[None]:
    """Log attempts at level debug: the caller tries again itself, and reports that."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


def log_attempt(level: int, message: str, details: Mapping[str, object]) -> None:
    """Log that an attempt failed, or that there is another one."""
    level = logging.DEBUG if _is_quiet.get() else level
    extra = {f"pinpoint_events.{name}": value for name, value in details.items()}
    _log.log(level, message, extra=extra)


class Time:
    """The clocks, the sleep and the randomness of a sender."""

    def now(self) -> float:
        """Return the seconds since 1970, by this machine's clock."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set."""
        return time.monotonic()

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Wait, or until it is over."""
        # Looked at again and again: the lock of an event might be locked by a `fork`.
        end = self.monotonic() + seconds
        while not is_over() and (left := end - self.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return random.random()  # noqa: S311 - spreads waits, protects no secret


_LOOK_SECONDS: Final = 0.1


class NotSent(Exception):  # noqa: N818 - caught by `run` alone
    """An attempt could not be made."""

    def __init__(self, error: PinpointEventsError) -> None:
        """Keep why."""
        super().__init__(error)
        self.error = error


class ClockCorrected(Exception):  # noqa: N818 - caught by `run` alone
    """The service refused our time; the clock is corrected now."""

    def __init__(self, error: ServiceError) -> None:
        """Keep the service's error."""
        super().__init__(error)
        self.error = error


def run(
    call: RetryCall,
    send: Callable[[EventsRequest, int, float], EventsResponse],
    source: Time,
    is_closed: Callable[[], bool],
) -> EventsResponse:
    """
    Return the answer to a call, after all attempts.

    Args:
        call: The steps.
        send: Sends a request once; its other arguments are the number of the attempt,
            from 1, and the seconds that are left. It may raise `ClockCorrected` and
            `NotSent`.
        source: The clocks.
        is_closed: Whether the sender is closed: then no further attempt is made.

    Raises:
        PinpointEventsError: The error of the last attempt, if nothing was ever
            answered.
    """
    step: Step = call.start()
    while True:
        match step:
            case Send(request, attempt):
                step = _sent(call, send, request, attempt, source)
            case Wait(seconds, attempt):
                details = {"attempt": attempt, "wait_seconds": seconds}
                log_attempt(logging.INFO, "sending again", details)
                source.wait(seconds, is_closed)
                step = call.ended(_CLOSED) if is_closed() else call.waited()
            case Done(response):
                return response
            case _:  # GiveUp
                raise step.error


def _sent(
    call: RetryCall,
    send: Callable[[EventsRequest, int, float], EventsResponse],
    request: EventsRequest,
    attempt: int,
    source: Time,
) -> Step:
    try:
        response = send(request, attempt, call.deadline - source.monotonic())
    except ClockCorrected as corrected:
        failure: PinpointEventsError = corrected.error
        step = call.clock_corrected(corrected.error, now=source.monotonic())
    except NotSent as not_sent:
        failure = not_sent.error
        step = call.not_sent(failure, now=source.monotonic(), random=source.random())
    except PinpointEventsError as error:
        failure = error
        step = call.failed(failure, now=source.monotonic(), random=source.random())
    else:
        return call.answered(response, now=source.monotonic(), random=source.random())
    if isinstance(step, Done):
        # The response says what became of the items before; that sending some of them
        # again failed is nowhere else.
        problem = {"problem": type(failure).__name__}
        log_attempt(logging.WARNING, "not sent again", problem)
    return step


_CLOSED: Final = SenderError("the sender was closed before the request was sent")
