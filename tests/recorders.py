"""A recorder without a thread, whose time passes only by waiting."""

from typing import Self

from pinpoint_events.recorder import Recorder
from pinpoint_events.recorder.worker import Worker
from tests.fake_time import FakeTime

__all__ = ["OnDemandRecorder"]


class OnDemandRecorder(Recorder):
    """Delivers when `flush()`, `close()` or `step()` are called, and never else."""

    _has_thread = False
    _spool_timeout_seconds = 0.0
    _time: FakeTime

    def __new__(cls, *args: object, **options: object) -> Self:
        """Give each of them a time of its own."""
        recorder = super().__new__(cls)
        recorder._time = FakeTime()
        return recorder

    def crash(self) -> None:
        """Lose what is in memory, and let go of the file, as a killed process does."""
        if self._spool.file is not None:
            self._spool.file.close()

    @property
    def worker(self) -> Worker:
        """What delivers."""
        return self._running_worker()

    def step(self, seconds: float = 0.0) -> None:
        """Let time pass, then deliver what is due, as its thread does."""
        self.pass_time(seconds)
        self.worker.step()

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._time.seconds += seconds
