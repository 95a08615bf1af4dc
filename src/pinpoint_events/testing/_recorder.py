"""A recorder with assertions about the events that were recorded."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, final

from pinpoint_events.recorder import Recorder
from pinpoint_events.senders._blocking import Time
from pinpoint_events.testing._recording import (
    RecordingSender,
    SentEvent,
    SentEvents,
    count_not_accepted,
)

__all__ = ["RecordingRecorder"]


class _SkippingTime(Time):
    """The time, except that a wait takes none: it sets the monotonic clock forward."""

    # Not the wall clock: what is recorded later would be older than it is.

    def __init__(self) -> None:
        self._skipped = 0.0

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set back."""
        return super().monotonic() + self._skipped

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:  # noqa: ARG002 - nothing happens meanwhile
        """Let the seconds have passed."""
        self._skipped += seconds


@final
class RecordingRecorder(SentEvents, Recorder):
    """
    A `Recorder` in memory, with assertions about what was recorded.

    It has no thread: events are delivered when the test looks at them, or calls
    `flush`. Nor does any method sleep: a wait, as after a failure, is over at once, and
    counts towards the timeouts as if it had taken its time. `flush` and `close` wait in
    this way, and send again; a look at the events sends what need not wait.

        >>> from pinpoint_events import Event
        >>> from pinpoint_events.testing import RecordingRecorder
        >>> recorder = RecordingRecorder()
        >>> _ = recorder.record("user-1", Event("purchase"), event_id="v-1")
        >>> recorder.stats().pending
        1
        >>> (sent,) = recorder.assert_sent("purchase", times=1)
        >>> sent.endpoint_id, sent.event_id
        ('user-1', 'v-1')
        >>> recorder.stats().delivered
        1

    Args:
        sender: Takes the events; its `answer` may be set. A new one by default.
        **options: Those of `Recorder`, without `spool`.

    Attributes:
        sender: As given.
    """

    _has_thread: ClassVar[bool] = False

    sender: RecordingSender

    def __init__(self, sender: RecordingSender | None = None, **options: Any) -> None:
        self._time = _SkippingTime()
        self.sender = RecordingSender() if sender is None else sender
        super().__init__(self.sender, spool=None, **options)

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, in the order of arrival; delivers first."""
        before = -1
        while (pending := self._pending) and pending != before:
            before = pending
            self.flush(timeout=0)  # which sends one request
        return self.sender.sent

    @property
    def _pending(self) -> int:
        stats = self.stats()
        return stats.pending + stats.endpoints.pending

    @property
    def _not_accepted(self) -> int:
        return count_not_accepted(self.sender)

    @property
    def _dropped(self) -> Mapping[str, int]:
        return self.stats().dropped
