"""
Jobs of several threads, one after the other, and several of them in one transaction.

To begin and commit a transaction of SQLite takes a part of the time that a call takes,
and all of it if the call is small. So the thread of a call that meets another one in
progress waits, and the thread whose turn it is processes the calls that wait, too: in
the order of their arrival, so that each sees what those before it have stored. They are
answered after the commit.

- A thread waits for the lock of its job, until another thread has processed the job,
  or it is its turn to process a group. There is no separate thread.
- A job whose deadline passes while it waits is withdrawn. One that another thread has
  begun is not: its outcome is awaited.
- A group is bounded: a job that does not fit into it waits for the next one, and so do
  those behind it. A job that fills a group is alone in it.
- If a job raises, the transaction is rolled back, and each job of the group is
  processed again, in a separate transaction: so a job fails alone. If the transaction
  cannot be begun or committed, all jobs of the group fail with that error.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar, cast

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.storage.waiting import waiting_until

__all__ = ["CallGroups"]

T = TypeVar("T")


class CallGroups(Generic[T]):
    """
    Gives turns to the threads of calls, in the order of their arrival.

    Args:
        transaction: Begins a transaction: what is done in the block is kept at its end,
            all or nothing. For `run` alone.
    """

    def __init__(
        self, transaction: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._transaction = transaction
        self._lock = threading.Lock()  # guards the two below
        self._is_busy = False
        self._waiting: dict[_Job[T], None] = {}

    def run(self, act: Callable[[], T], share: float, deadline: CallDeadline) -> T:
        """
        Call a function in a transaction, and return its result after the commit.

        Args:
            act: Called in any thread; again if the transaction was rolled back.
            share: How much of a group it fills: 1 or more for all of it.
            deadline: That of its call, which begins before the transaction does.

        Raises:
            RequestError: If the time is over before the call begins.
            Exception: If the function or the transaction raises it.
        """
        job = _Job(act, share, deadline)
        if self._is_turn_of(job):
            try:
                self._process_group(job)
            finally:
                self._end_turn()
        return job.outcome()

    @contextmanager
    def alone(self, deadline: CallDeadline) -> Iterator[None]:
        """
        Keep all others waiting for the length of a block, which is in no transaction.

        Raises:
            RequestError: If the time is over before it is its turn.
        """
        job: _Job[T] = _Job(None, math.inf, deadline)
        self._is_turn_of(job)  # as it fits into no group
        try:
            yield
        finally:
            self._end_turn()

    def _is_turn_of(self, job: "_Job[T]") -> bool:
        """
        Wait until it is the turn of a job, or another thread has processed it.

        Returns:
            Whether it is its turn.

        Raises:
            RequestError: If the time is over before either.
        """
        with self._lock:
            if not self._is_busy:
                self._is_busy = True
                return True
            self._waiting[job] = None
        if not job.signal.acquire(timeout=job.deadline.seconds_left):
            with self._lock:
                if job in self._waiting:
                    del self._waiting[job]
                    raise job.deadline.error()
            job.signal.acquire()
        return not job.is_processed

    def _end_turn(self) -> None:
        with self._lock:
            job = next(iter(self._waiting), None)
            if job is None:
                self._is_busy = False
                return
            del self._waiting[job]
        job.signal.release()

    def _process_group(self, first: "_Job[T]") -> None:
        """Process a job, and those that arrive until the group is full."""
        group = [first]
        try:
            first.deadline.begin()
            with self._transaction():
                job: _Job[T] | None = first
                room = 1.0
                while job is not None:
                    job.process()
                    room -= job.share
                    job = self._next(room)
                    if job is not None:
                        group.append(job)
        except _JobError:
            if len(group) > 1:
                for each in group:
                    self._process_again(each)
        except BaseException as error:  # noqa: BLE001 - raised again in each thread
            for each in group:
                each.error = error
        for each in group[1:]:
            each.end()

    def _next(self, room: float) -> "_Job[T] | None":
        """Return the next job if it fits; it is begun."""
        while True:
            with self._lock:
                job = next(iter(self._waiting), None)
                if job is None or job.share > room:
                    return None
                del self._waiting[job]
            try:
                job.deadline.begin()
            except RequestError as error:
                job.error = error
                job.end()
            else:
                return job

    def _process_again(self, job: "_Job[T]") -> None:
        """Process a job in a separate transaction."""
        job.error = None
        try:
            with waiting_until(job.deadline.at), self._transaction():
                job.process()
        except _JobError:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in its thread
            job.error = error


class _JobError(Exception):
    """A job has raised, and keeps the error."""


class _Job(Generic[T]):
    """
    What a thread has to do.

    Args:
        act: The function to call; None if the thread itself does something.
        share: How much of a group it fills.
        deadline: That of its call.

    Attributes:
        signal: Locked until the job is processed, or it is its turn.
        is_processed: Whether another thread has processed it.
        error: What it failed with.
    """

    __slots__ = (
        "_act",
        "_result",
        "deadline",
        "error",
        "is_processed",
        "share",
        "signal",
    )

    def __init__(
        self, act: Callable[[], T] | None, share: float, deadline: CallDeadline
    ) -> None:
        self._act = act
        self._result: T | None = None
        self.share = share
        self.deadline = deadline
        self.signal = threading.Lock()
        self.signal.acquire()
        self.is_processed = False
        self.error: BaseException | None = None

    def process(self) -> None:
        """
        Call the function, and keep its result or error.

        Raises:
            _JobError: If the function raises anything.
        """
        try:
            self._result = cast("Callable[[], T]", self._act)()
        except BaseException as error:  # noqa: BLE001 - raised again in its thread
            self.error = error
        if self.error is not None:
            raise _JobError

    def end(self) -> None:
        """Let its thread go on."""
        self.is_processed = True
        self.signal.release()

    def outcome(self) -> T:
        """Return the result, or raise the error."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # a reference cycle, as its traceback has this frame
        return cast("T", self._result)
