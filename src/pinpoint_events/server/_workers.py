"""
Worker threads that an endpoint can end, whatever they do.

They differ from `concurrent.futures` in two ways. Its threads are joined when the
interpreter ends, so that a sender that never returns would keep the process alive;
these are not. And a job that is cancelled before it has begun leaves its queue at once,
with the call that it holds: otherwise the memory of calls that were given up would grow
for as long as all workers are busy.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from pinpoint_events.server._answers import unavailable

__all__ = ["Workers", "in_new_thread"]

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """
    A number of threads, started when they are needed.

    They end when `close` is called, or this object is dropped.

    Args:
        count: How many.
        name: The beginning of their names.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._queue = _Queue()
        self._threads: list[threading.Thread] = []
        weakref.finalize(self, self._queue.close).atexit = False

    def submit(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """
        Run a function in one of the threads.

        Raises:
            RequestError: If the workers are closed.
        """
        future: Future[T] = Future()
        queue = self._queue
        with queue.changed:
            if queue.is_closed:
                raise unavailable("this endpoint has ended; send it to another")
            queue.jobs.append((future, lambda: function(*args, **kwargs)))
            if len(self._threads) < min(self._count, queue.busy + len(queue.jobs)):
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=queue.work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
            queue.changed.notify()
        future.add_done_callback(queue.forget)
        return future

    def close(self, ends_at: float) -> int:
        """
        Accept no more jobs, and finish those that were accepted.

        Args:
            ends_at: How long to wait for them, by `time.monotonic`. Those that have not
                begun by then are cancelled.

        Returns:
            How many are not finished.
        """
        queue = self._queue
        queue.close()
        with queue.changed:
            queue.changed.wait_for(
                lambda: not queue.busy and not queue.jobs,
                max(0.0, ends_at - time.monotonic()),
            )
            waiting = list(queue.jobs)
            busy = queue.busy
        # Outside the lock: their callbacks take it, and so do the threads.
        cancelled = sum(future.cancel() for future, _ in waiting)
        if not busy:
            for thread in self._threads:
                thread.join()
        return busy + cancelled


class _Queue:
    """The state that the threads share; they do not keep the `Workers` alive."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.jobs: deque[_Job] = deque()
        self.busy = 0
        self.is_closed = False

    def work(self) -> None:
        """Run jobs, until the end."""
        while (job := self._next()) is not None:
            _run(*job)
            del job  # not kept while there is no other
            with self.changed:
                self.busy -= 1
                self._tell_of_end()

    def _next(self) -> "_Job | None":
        """Wait for a job; return None at the end."""
        with self.changed:
            while not self.jobs:
                if self.is_closed:
                    return None
                self.changed.wait()
            self.busy += 1
            return self.jobs.popleft()

    def forget(self, future: Future[Any]) -> None:
        """Drop the job of a future if it was cancelled."""
        if future.cancelled():
            with self.changed:
                self.jobs = deque(job for job in self.jobs if job[0] is not future)
                self._tell_of_end()

    def close(self) -> None:
        """End the threads after the jobs that are there."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def _tell_of_end(self) -> None:
        if self.is_closed:  # else only threads wait, and not for this
            self.changed.notify_all()


_Job = tuple[Future[Any], Callable[[], Any]]


def in_new_thread(name: str, function: Callable[[], T]) -> Future[T]:
    """Run a function in a thread that does not keep the process from ending."""
    future: Future[T] = Future()
    threading.Thread(
        target=_run, args=(future, function), name=name, daemon=True
    ).start()
    return future


def _run(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
        future.set_exception(error)
        del future  # or it would keep this frame, and so itself, by the traceback
    else:
        future.set_result(result)
