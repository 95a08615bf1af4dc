import threading
import time

from pinpoint_events.storage.waiting import seconds_left, waiting_until


class TestWaitingUntil:
    """Waits within a block end with it."""

    def test_no_limit(self) -> None:
        """Outside of a block, a timeout is what it is."""
        assert seconds_left(5.0) == 5.0

    def test_limit(self) -> None:
        """Within, it is cut to what is left of the time, down to none."""
        now = time.monotonic()
        with waiting_until(now + 60):
            assert 0 < seconds_left(100.0) <= 60
            assert seconds_left(5.0) == 5.0
            with waiting_until(now - 1):
                assert seconds_left(5.0) == 0.0
            with waiting_until(None):
                assert seconds_left(100.0) == 100.0
            assert seconds_left(100.0) <= 60
        assert seconds_left(100.0) == 100.0

    def test_thread(self) -> None:
        """It is the thread's own."""
        found: list[float] = []
        with waiting_until(time.monotonic()):
            thread = threading.Thread(target=lambda: found.append(seconds_left(5.0)))
            thread.start()
            thread.join()
        assert found == [5.0]
