"""
Sessions as Pinpoint's SDKs write them.

`_session.start` and `_session.resume` carry the session's id and start, `_session.stop`
and `_session.pause` its stop and duration as well, and all events between them its id
and start. (AWS Amplify's libraries for Android and Swift, `SessionClient`.)
"""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Protocol, Self

import attrs

from pinpoint_events.builder import new_event_id
from pinpoint_events.model.event import Event, Session

__all__ = ["SessionRecorder"]

_START: Final = "_session.start"
_STOP: Final = "_session.stop"
_PAUSE: Final = "_session.pause"
_RESUME: Final = "_session.resume"


class _Record(Protocol):
    """`Recorder.record`."""

    def __call__(
        self, endpoint_id: str, event: Event, *, event_id: str | None = None
    ) -> str: ...


def _now() -> datetime:
    return datetime.now(UTC)


class SessionRecorder:
    """
    Records the events of one session; made by `Recorder.session`.

    As a context manager it stops the session at the end. Not thread-safe; a session
    belongs to one user. Where `pause`, `resume` or `stop` raises an exception, as
    `Recorder.record` does, the session stays as it was, and it may be called again.

    Raises:
        SpoolFullError: If there is no room for the start of the session.
        ValidationError: If the endpoint's id is of the wrong type or empty.
    """

    def __init__(
        self,
        record: _Record,
        endpoint_id: str,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._record = record
        self._endpoint_id = endpoint_id
        self._now = now
        self._session = Session(id=new_event_id(), start_timestamp=now())
        self._is_paused = False
        self._is_stopped = False
        self.record(self._event(_START))

    @property
    def session(self) -> Session:
        """The session, with its id and start."""
        return self._session

    def record(self, event: Event, *, event_id: str | None = None) -> str:
        """
        Record an event of the session, as `Recorder.record` does.

        An event that has a session keeps it.

        Returns:
            The event id.

        Raises:
            ValidationError: As `Recorder.record` does, and so for the other errors.
        """
        # What is no event is refused by the recorder.
        if getattr(event, "session", self) is None:
            event = attrs.evolve(event, session=self._session)
        return self._record(self._endpoint_id, event, event_id=event_id)

    def pause(self) -> None:
        """Record that the session is paused; if it is, or has stopped, do nothing."""
        if not self._is_paused and not self._is_stopped:
            self.record(self._ended(_PAUSE))
            self._is_paused = True

    def resume(self) -> None:
        """Record that a paused session goes on; another one does so anyway."""
        if self._is_paused and not self._is_stopped:
            self.record(self._event(_RESUME))
            self._is_paused = False

    def stop(self) -> None:
        """Record that the session stops; if it has, do nothing."""
        if not self._is_stopped:
            self.record(self._ended(_STOP))
            self._is_stopped = True

    def _event(self, event_type: str) -> Event:
        return Event(event_type, timestamp=self._now(), session=self._session)

    def _ended(self, event_type: str) -> Event:
        # Not before the start, should the clock have been set back.
        now = max(self._now(), self._session.start_timestamp)
        session = attrs.evolve(self._session, stop_timestamp=now)
        return Event(event_type, timestamp=now, session=session)

    def __enter__(self) -> Self:
        """Return the session's recorder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the session."""
        self.stop()
