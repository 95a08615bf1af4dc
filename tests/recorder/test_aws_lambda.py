"""`flush_in_time`, with an object of one method in place of Lambda's context."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from tests.samples import EVENT

from pinpoint_events import (
    ConfigurationError,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.recorder import flush_in_time

NO_CONTEXT = (
    "context is of type dict; pass the one that AWS Lambda passes to the handler"
)


def context(milliseconds: int) -> Any:
    """Return a context of an invocation that has so much time left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)


def fail(request: EventsRequest) -> EventsResponse:
    """Fail as a server that is away."""
    raise TransportError("away", code=TransportErrorCode.CONNECT_TIMEOUT)


class TestFlushInTime:
    """A handler flushes within the time that its invocation has left."""

    def test_delivers(self) -> None:
        """What was recorded is delivered."""
        sender = MemorySender()
        with Recorder(sender, spool=None, flush_seconds=60) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            assert flush_in_time(recorder, context(30_000))
            assert list(sender.events) == [("user-1", "v-1")]

    @pytest.mark.parametrize(
        "milliseconds, margin, most",
        [(500, 0.5, 0.0), (100, 0.5, 0.0), (600, 0.3, 0.3), (2_000, 1.9, 0.1)],
    )
    def test_ends_in_time(self, milliseconds: int, margin: float, most: float) -> None:
        """It waits no longer than until the margin, and not at all if that is over."""
        recorder = Recorder(MemorySender(answer=fail), spool=None, exit_seconds=0)
        recorder.record("user-1", EVENT)
        started = time.monotonic()
        is_done = flush_in_time(recorder, context(milliseconds), margin_seconds=margin)
        assert not is_done
        assert time.monotonic() - started < most + 2.0
        assert recorder.stats().pending == 1
        recorder.close(0)

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                {"recorder": MemorySender()},
                "recorder is of type MemorySender; pass a Recorder",
            ),
            (
                {"context": {}},
                NO_CONTEXT,
            ),
            *(
                ({"margin_seconds": value}, "margin_seconds is no number from 0 to 900")
                for value in ("1", None, True, -0.1, 901, float("nan"))
            ),
        ],
        ids=str,
    )
    def test_wrong_arguments(self, arguments: dict[str, Any], message: str) -> None:
        """An argument of another type is refused by its name."""
        recorder = Recorder(MemorySender(), spool=None)
        given: dict[str, Any] = {"recorder": recorder, "context": context(1_000)}
        with pytest.raises(ConfigurationError) as caught:
            flush_in_time(**{**given, **arguments})
        assert str(caught.value) == message
