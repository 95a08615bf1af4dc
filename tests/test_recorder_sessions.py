from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pinpoint_events import Event, Recorder, Session, SpoolFullError, ValidationError
from pinpoint_events.recorder import SessionRecorder
from pinpoint_events.testing import RecordingRecorder

START = datetime(2026, 9, 21, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the time that is set."""
        return self.now


def sent(recorder: RecordingRecorder) -> list[tuple[str, datetime, Session | None]]:
    """Return type, time and session of each event, in order."""
    return [
        (each.event.event_type, each.event.timestamp, each.event.session)
        for each in recorder.sent
    ]


class TestSession:
    """A session is written as Pinpoint's SDKs write it."""

    def test_whole(self) -> None:
        """Stop and pause have the stop time and duration, all else the start alone."""
        recorder, clock = RecordingRecorder(), Clock()
        session = SessionRecorder(recorder.record, "user-1", clock)
        clock.now += timedelta(seconds=1)
        session.record(Event("tapped", timestamp=clock.now))
        clock.now += timedelta(seconds=1)
        session.pause()
        clock.now += timedelta(seconds=1)
        session.resume()
        clock.now += timedelta(seconds=1)
        session.stop()

        running = session.session
        assert running == Session(id=running.id, start_timestamp=START)

        def ended(seconds: int) -> Session:
            return Session(
                id=running.id,
                start_timestamp=START,
                stop_timestamp=START + timedelta(seconds=seconds),
                duration=1000 * seconds,
            )

        assert sent(recorder) == [
            ("_session.start", START, running),
            ("tapped", START + timedelta(seconds=1), running),
            ("_session.pause", START + timedelta(seconds=2), ended(2)),
            ("_session.resume", START + timedelta(seconds=3), running),
            ("_session.stop", START + timedelta(seconds=4), ended(4)),
        ]
        assert {each.endpoint_id for each in recorder.sent} == {"user-1"}

    def test_with(self) -> None:
        """As a context manager it stops at the end, and each has an id of its own."""
        recorder = RecordingRecorder()
        with recorder.session("user-1") as one:
            pass
        with recorder.session("user-1") as other:
            pass
        assert one.session.id != other.session.id
        assert [event_type for event_type, *_ in sent(recorder)] == [
            "_session.start",
            "_session.stop",
        ] * 2

    def test_what_has_no_effect(self) -> None:
        """Resuming what runs, pausing what is paused, and all after the stop."""
        recorder = RecordingRecorder()
        session = recorder.session("user-1")
        session.resume()
        session.pause()
        session.pause()
        session.stop()
        session.stop()
        session.pause()
        session.resume()
        assert [event_type for event_type, *_ in sent(recorder)] == [
            "_session.start",
            "_session.pause",
            "_session.stop",
        ]

    def test_clock_is_set_back(self) -> None:
        """A session does not end before it began."""
        recorder, clock = RecordingRecorder(), Clock()
        session = SessionRecorder(recorder.record, "user-1", clock)
        clock.now -= timedelta(days=1)
        session.stop()
        (_, (_, _, stopped)) = sent(recorder)
        assert stopped is not None
        assert stopped.duration == 0

    def test_cannot_be_recorded(self) -> None:
        """What there was no room for changes nothing, and can be called again."""
        recorder = RecordingRecorder(max_bytes=100_000, on_full="raise")
        session = recorder.session("user-1")

        def call_when_full(call: Callable[[], None]) -> None:
            with suppress(SpoolFullError):
                while True:
                    recorder.record("user-1", Event("x"))
            with pytest.raises(SpoolFullError):
                call()
            assert recorder.flush()
            call()
            call()

        for call in (session.pause, session.resume, session.stop):
            call_when_full(call)
        types = [event_type for event_type, *_ in sent(recorder) if event_type != "x"]
        assert types == [
            "_session.start",
            "_session.pause",
            "_session.resume",
            "_session.stop",
        ]

    def test_an_event_keeps_its_own(self) -> None:
        """An event that has a session is recorded with that."""
        recorder = RecordingRecorder()
        own = Session(id="own", start_timestamp=START)
        with recorder.session("user-1") as session:
            session.record(Event("tapped", session=own), event_id="v-1")
        (tapped,) = recorder.events_of("tapped")
        assert tapped.session == own

    def test_invalid(self) -> None:
        """What cannot be recorded is refused as by `record`."""
        recorder = RecordingRecorder()
        wrong: Any = 1
        with pytest.raises(ValidationError):
            recorder.session("")
        session = recorder.session("user-1")
        with pytest.raises(ValidationError):
            session.record(wrong)

    def test_default_session(self) -> None:
        """The session of a session recorder goes before the recorder's default."""
        default = Session(id="default", start_timestamp=START)
        recorder = RecordingRecorder(session=default)
        recorder.record("user-1", Event("one"))
        with recorder.session("user-1") as session:
            session.record(Event("two"))
        (one,) = recorder.events_of("one")
        (two,) = recorder.events_of("two")
        assert one.session == default
        assert two.session == session.session


def test_recorder_is_typed() -> None:
    """`Recorder.session` returns it."""
    assert isinstance(RecordingRecorder().session("user-1"), SessionRecorder)
    assert issubclass(RecordingRecorder, Recorder)
