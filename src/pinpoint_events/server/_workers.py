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
from queue import SimpleQueue
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
        weakref.finalize(self, self._queue.close, count).atexit = False

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
        with queue.lock:
            if queue.is_closed:
                raise unavailable("this endpoint has ended; send it to another")
            queue.add((future, lambda: function(*args, **kwargs)))
            if len(self._threads) < min(self._count, queue.busy + len(queue.jobs)):
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=queue.work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
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
        queue.close(self._count)
        queue.has_ended.wait(max(0.0, ends_at - time.monotonic()))
        with queue.lock:
            waiting = list(queue.jobs)
            busy = queue.busy
        # Outside the lock: their callbacks take it, and so do the threads.
        cancelled = sum(future.cancel() for future, _ in waiting)
        if queue.has_ended.is_set():
            for thread in self._threads:
                thread.join()
        return busy + cancelled


class _Queue:
    """
    The state that the threads share; they do not keep the `Workers` alive.

    Threads wait for a token, and then take the first job: a condition would take twice
    as long. There is a token for each job. That of a job that was cancelled is spare,
    and serves for the next one.
    """

    def __init__(self) -> None:
        # Reentrant: the end of a `Workers` may come in the middle of anything.
        self.lock = threading.RLock()
        self.jobs: deque[_Job] = deque()
        self.busy = 0
        self.is_closed = False
        self.has_ended = threading.Event()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._spare = 0

    def add(self, job: "_Job") -> None:
        """Add a job; the caller holds the lock."""
        self.jobs.append(job)
        if self._spare:
            self._spare -= 1
        else:
            self._tokens.put(None)

    def work(self) -> None:
        """Run jobs, until the end."""
        while True:
            self._tokens.get()
            with self.lock:
                if self.jobs:
                    self.busy += 1
                    job = self.jobs.popleft()
                elif self.is_closed:
                    return
                else:
                    self._spare -= 1
                    continue
            _run(*job)
            del job  # not kept while there is no other
            with self.lock:
                self.busy -= 1
                self._look_for_end()

    def forget(self, future: Future[Any]) -> None:
        """Drop the job of a future if it was cancelled."""
        if future.cancelled():
            with self.lock:
                left = deque(job for job in self.jobs if job[0] is not future)
                self._spare += len(self.jobs) - len(left)
                self.jobs = left
                self._look_for_end()

    def close(self, threads: int) -> None:
        """End the threads after the jobs that are there."""
        with self.lock:
            self.is_closed = True
            for _ in range(threads):
                self._tokens.put(None)
            self._look_for_end()

    def _look_for_end(self) -> None:
        if self.is_closed and not self.busy and not self.jobs:
            self.has_ended.set()


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
