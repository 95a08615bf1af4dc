import gc
import threading
import time
import weakref
from concurrent.futures import Future

import pytest
from tests.server.clients import SECONDS

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._workers import Workers, _run, in_new_thread


def soon() -> float:
    """Return a time by which anything has happened."""
    return time.monotonic() + SECONDS


class Held:
    """A job that holds its worker until it is told to end."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()

    def __call__(self) -> str:
        """Wait."""
        self.entered.release()
        assert self.gate.wait(SECONDS)
        return threading.current_thread().name


class TestWorkers:
    """Jobs run in so many threads, in their order."""

    def test_result(self) -> None:
        """A job returns a value, or raises."""
        workers = Workers(1, "some")
        assert workers.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 7, 0).result(SECONDS)
        assert workers.close(soon()) == 0

    def test_threads(self) -> None:
        """There are no more threads than jobs at a time, nor than were asked for."""
        workers, held = Workers(2, "some"), Held()
        for _ in range(3):
            assert workers.submit(lambda: 1).result(SECONDS) == 1
        jobs = [workers.submit(held) for _ in range(3)]
        assert held.entered.acquire(timeout=SECONDS)
        assert held.entered.acquire(timeout=SECONDS)
        assert not held.entered.acquire(blocking=False)
        held.gate.set()
        names = {job.result(SECONDS) for job in jobs}
        assert names <= {"some_0", "some_1"}
        assert workers.close(soon()) == 0

    def test_cancelled(self) -> None:
        """A job that is cancelled in its queue never runs, and is dropped at once."""
        workers, held = Workers(1, "some"), Held()
        workers.submit(held)
        assert held.entered.acquire(timeout=SECONDS)
        other = Held()
        dropped = weakref.ref(other)
        waiting = workers.submit(other)
        del other
        assert waiting.cancel()
        gc.collect()
        assert dropped() is None
        held.gate.set()
        assert workers.close(soon()) == 0

    def test_cancelled_at_the_last_moment(self) -> None:
        """Nor does one that is cancelled when a thread has just taken it."""
        future: Future[int] = Future()
        future.cancel()
        ran: list[int] = []
        _run(future, lambda: ran.append(1))
        assert ran == []

    def test_close(self) -> None:
        """Jobs that were accepted are finished, and there is no further one."""
        workers, held = Workers(1, "some"), Held()
        jobs = [workers.submit(held), workers.submit(lambda: "last")]
        held.gate.set()
        assert workers.close(soon()) == 0
        assert [job.result(0) for job in jobs] == ["some_0", "last"]
        with pytest.raises(RequestError) as caught:
            workers.submit(held)
        assert caught.value.status == 503

    def test_close_in_time(self) -> None:
        """What has not ended by then is counted; what has not begun never does."""
        workers, held = Workers(1, "some"), Held()
        running, waiting = workers.submit(held), workers.submit(held)
        assert held.entered.acquire(timeout=SECONDS)
        assert workers.close(time.monotonic()) == 2
        assert waiting.cancelled()
        held.gate.set()
        assert running.result(SECONDS) == "some_0"
        assert workers.close(soon()) == 0

    def test_dropped(self) -> None:
        """The threads end with the object, too."""
        workers = Workers(1, "some")
        thread = workers.submit(threading.current_thread).result(SECONDS)
        del workers
        gc.collect()
        thread.join(SECONDS)
        assert not thread.is_alive()

    def test_do_not_hold_the_process(self) -> None:
        """Python does not join the threads when it ends."""
        workers = Workers(1, "some")
        assert workers.submit(threading.current_thread).result(SECONDS).daemon
        alone = in_new_thread("alone", threading.current_thread).result(SECONDS)
        assert (alone.name, alone.daemon) == ("alone", True)
        assert workers.close(soon()) == 0
