"""A clock for tests."""

from collections.abc import Callable

from pinpoint_events.senders._blocking import Time


class FakeTime(Time):
    """A time that passes only by waiting, which takes none."""

    def __init__(self, random: float = 1.0) -> None:
        self.seconds = 1_000_000.0
        self.waits: list[float] = []
        self._random = random

    def now(self) -> float:
        """Return the time that the waits have come to."""
        return self.seconds

    def monotonic(self) -> float:
        """Return the same."""
        return self.seconds

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Note how long, and be there."""
        self.waits.append(seconds)
        self.seconds += seconds

    def random(self) -> float:
        """Return the same number each time."""
        return self._random
