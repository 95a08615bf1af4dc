"""Drives a `RetryCall` by sending and sleeping: the blocking way."""

import logging
import random
import time
from collections.abc import Callable

from pinpoint_events.errors import PinpointEventsError, ServiceError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.retry import Done, RetryCall, Send, Step, Wait

__all__ = ["ClockCorrected", "Time", "run"]

_log = logging.getLogger("pinpoint_events")
# Else Python prints warnings to standard error if logging is not configured.
_log.addHandler(logging.NullHandler())


class Time:
    """The clocks, the sleep and the randomness of a sender."""

    def now(self) -> float:
        """Return the seconds since 1970, by this machine's clock."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        return random.random()  # noqa: S311 - spreads waits, protects no secret


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
) -> EventsResponse:
    """
    Return the answer to a call, after all attempts.

    Args:
        call: The steps.
        send: Sends a request once; its other arguments are the number of the attempt,
            from 1, and the seconds that are left. It may raise `ClockCorrected`.
        source: The clocks.

    Raises:
        PinpointEventsError: The last error of `send`, if nothing was ever answered.
    """
    step: Step = call.start()
    while True:
        match step:
            case Send(request, attempt):
                step = _sent(call, send, request, attempt, source)
            case Wait(seconds, attempt):
                _log.warning(
                    "sending again",
                    extra={
                        "pinpoint_events.attempt": attempt,
                        "pinpoint_events.wait_seconds": seconds,
                    },
                )
                source.sleep(seconds)
                step = call.waited()
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
        return call.clock_corrected(corrected.error, now=source.monotonic())
    except PinpointEventsError as error:
        return call.failed(error, now=source.monotonic(), random=source.random())
    return call.answered(response, now=source.monotonic(), random=source.random())
