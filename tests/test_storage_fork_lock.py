import gc
import os
import signal
import subprocess
import sys
import threading
import weakref

import pytest

from pinpoint_events.storage import fork_lock
from pinpoint_events.storage.fork_lock import ForkLock
from tests.sender_contract import in_child, needs_fork

at_fork: list[threading.Event] = []
"""Events that are set when a fork begins, before it acquires the locks."""


def begin_fork() -> None:
    """Set the events."""
    for event in at_fork:
        event.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=begin_fork)


class Counter:
    """Counts how often a fork calls it."""

    def __init__(self) -> None:
        self.forks = 0
        self.lock = ForkLock(self.count)

    def count(self) -> None:
        """Count one."""
        self.forks += 1


def held_elsewhere(lock: ForkLock, release: threading.Event) -> threading.Thread:
    """Hold the lock in another thread until `release` is set."""
    is_held = threading.Event()

    def hold() -> None:
        with lock:
            is_held.set()
            assert release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(30)
    return thread


class TestForkLock:
    """Without a fork it is an ordinary lock."""

    def test_timeout(self) -> None:
        """While another thread holds it, `acquire` returns False after the timeout."""
        lock = ForkLock()
        release = threading.Event()
        thread = held_elsewhere(lock, release)
        assert not lock.acquire(0.001)
        release.set()
        thread.join()
        assert lock.acquire(0.001)
        lock.release()

    def test_is_released_by_an_error(self) -> None:
        """A `with` block that fails releases it."""
        lock = ForkLock()
        with pytest.raises(ZeroDivisionError), lock:
            _ = 1 // 0
        assert lock.acquire(0.001)
        lock.release()


@needs_fork
class TestFork:
    """After a fork the lock is free in both processes."""

    def test_is_free_in_both(self) -> None:
        """What was free stays free."""
        lock = ForkLock()
        assert in_child(lambda: self.use(lock))
        self.use(lock)

    def test_waits_for_the_holder(self) -> None:
        """A fork waits until the thread that holds the lock releases it."""
        lock = ForkLock(wait_seconds=30)
        release = threading.Event()
        thread = held_elsewhere(lock, release)
        at_fork.append(release)
        assert in_child(lambda: self.use(lock))
        at_fork.clear()
        thread.join()

    def test_does_not_wait_for_ever(self) -> None:
        """A thread that forks while it holds the lock itself goes on with it."""
        counter = Counter()
        counter.lock = ForkLock(counter.count, wait_seconds=0.001)
        with counter.lock:
            assert in_child(lambda: None)
            assert not counter.lock.acquire(0.001)
        assert counter.forks == 0
        self.use(counter.lock)

    def test_calls_before_fork(self) -> None:
        """The method is called before each fork, in the parent, with the lock held."""
        counter = Counter()
        assert in_child(lambda: self.expect_forks(counter, 1))
        assert in_child(lambda: self.expect_forks(counter, 2))
        assert counter.forks == 2

    def test_does_not_keep_its_object_alive(self) -> None:
        """An object that was dropped is collected; a fork calls its method no more."""
        counter = Counter()
        dropped = weakref.ref(counter)
        lock = counter.lock
        del counter
        gc.collect()
        assert dropped() is None
        assert in_child(lambda: self.use(lock))

    def test_two_threads_fork(self) -> None:
        """Threads that fork at the same time take turns."""
        counter = Counter()
        went_well: list[bool] = []

        def fork() -> None:
            went_well.extend(in_child(lambda: self.use(counter.lock)) for _ in range(5))

        threads = [threading.Thread(target=fork) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert went_well == [True] * 20
        assert counter.forks == 20
        self.use(counter.lock)

    def test_fork_of_a_c_program(self) -> None:
        """Where only the hooks for after the fork run, they do nothing."""
        counter = Counter()
        fork_lock._release_all()
        self.use(counter.lock)

    def use(self, lock: ForkLock) -> None:
        """Acquire and release the lock, or fail."""
        assert lock.acquire(10)
        lock.release()

    def expect_forks(self, counter: Counter, count: int) -> None:
        """Fail unless so many forks were counted."""
        assert counter.forks == count


class TestWithoutFork:
    """Systems that cannot fork have nothing to register."""

    def test_registers_nothing(self) -> None:
        """The replacement for the registration calls nothing."""
        counter = Counter()
        fork_lock._register_nothing(before=counter.count)
        assert counter.forks == 0


# A thread that logs for the first time while it holds a lock, and a fork meanwhile.
LOGGING = """
import os, threading, time
from pinpoint_events.storage.fork_lock import ForkLock
import logging
lock, is_held, begins = ForkLock(), threading.Event(), threading.Event()

def log():
    with lock:
        is_held.set()
        begins.wait()
        logging.getLogger("another").info("logged")

threading.Thread(target=log).start()
is_held.wait()
os.register_at_fork(before=begins.set)
started = time.monotonic()
if os.fork():
    os.wait()
    print(time.monotonic() - started)
"""


@needs_fork
class TestLogging:
    """A fork acquires the locks of `logging` after these."""

    def test_thread_that_logs(self) -> None:
        """It may do so while a fork waits for its lock, which takes no time."""
        command = [sys.executable, "-W", "ignore", "-c", LOGGING]
        out = subprocess.run(command, capture_output=True, check=True, timeout=60)
        assert float(out.stdout) < 4  # a fork that waits in vain gives up after 5


class _RaisedError(Exception):
    """What a signal handler raises."""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")
def test_interrupted_wait() -> None:
    """A handler that raises ends the wait; the lock is that of the other thread."""

    def handle(*_: object) -> None:
        raise _RaisedError

    lock = ForkLock()
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.lock:
            held.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(_RaisedError):
            lock.acquire(10)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not lock.is_held()
    leave.set()
    thread.join()
    assert lock.acquire(1)
    assert not lock.acquire(1)  # by the thread that holds it
    lock.release()
