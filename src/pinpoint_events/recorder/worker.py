"""
The thread that delivers: one for each recorder and process, begun when first needed.

It looks at the spools a few times a second, and delivers what is due. It is a daemon,
and holds no lock while it sends, so that it never delays the end of the process, nor a
`fork`; a fork only waits, a second at most, while it opens the sender.
"""

import math
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from pinpoint_events.errors import StoreError
from pinpoint_events.recorder._loading import loading
from pinpoint_events.recorder.dispatcher import Dispatcher, Rules
from pinpoint_events.recorder.items import HIGHEST_ID
from pinpoint_events.recorder.reports import Reports
from pinpoint_events.recorder.safe_spool import SafeSpool
from pinpoint_events.recorder.spool import Spool
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders.protocol import Sender

__all__ = ["Worker"]

# How often the spool is looked at, for what other processes recorded or ask for.
_LOOK_SECONDS: Final = 0.25
_LEAST_SECONDS: Final = 0.01  # between two looks
_START_SECONDS: Final = 1.0  # between two attempts to start the thread
_AWAIT_SECONDS: Final = 0.05  # until another look whether something was delivered


class Worker:
    """
    Delivers what is in the spools of one process.

    Its thread is begun by `start`. Without one, `flush` delivers in the thread that
    calls it.

    Args:
        spool: The spools.
        sender: Opens the sender; called in the thread that delivers.
        rules: When to deliver.
        reports: Calls the hooks, and writes the log.
        closes_sender: Whether to close the sender at the end.
        time: The clocks, the sleep and the randomness.
    """

    def __init__(  # noqa: PLR0913 - each is another matter
        self,
        spool: SafeSpool,
        sender: Callable[[], Sender],
        rules: Rules,
        reports: Reports,
        *,
        closes_sender: bool,
        time: Time,
    ) -> None:
        self.pid: int = os.getpid()
        self._spool = spool
        self._rules = rules
        self._reports = reports
        self._closes_sender = closes_sender
        self._time = time
        self._dispatcher = Dispatcher(
            spool, sender, rules, reports, on_settled=self._notify, time=time
        )
        # Not an `Event`, which a signal handler that raises can leave locked for ever.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._progress = threading.Condition()
        self._busy = threading.Lock()  # of the thread that delivers
        self._thread: threading.Thread | None = None
        self._start_at = -math.inf
        self._stepping: int | None = None  # the thread that delivers now
        self._is_asked = False
        self._is_full = False

    # --- What the recorder asks -------------------------------------------------------

    def start(self) -> None:
        """Begin the thread, unless the interpreter is about to end."""
        # Before version 3.12 of Python a thread that is started now never runs, and the
        # caller waits for it for ever.
        if self.has_thread or sys.is_finalizing() or self._dispatcher.is_stopped():
            return
        now = self._time.monotonic()
        if now < self._start_at:
            return
        self._start_at = now + _START_SECONDS  # should the system have no thread now
        thread = threading.Thread(
            target=self._run, name="pinpoint-events-recorder", daemon=True
        )
        try:
            self._thread = thread
            thread.start()
        except RuntimeError:  # "can't create new thread at interpreter shutdown"
            self._thread = None
        except BaseException:  # of a signal handler: the next call begins another one
            self._thread = None
            self._dispatcher.stop()
            raise

    def wake(self) -> None:
        """Look at the spools now."""
        if self._wake.empty():
            self._wake.put(None)

    def ask(self) -> None:
        """Deliver what is due as for a `flush`, without a wait for it."""
        self._is_asked = True
        self.wake()

    def flush(self, timeout: float, *, only_here: bool = False) -> bool:
        """
        Deliver what is recorded by now.

        Args:
            timeout: How many seconds to wait for it.
            only_here: Do not wait if another process has the claim to deliver.

        Returns:
            Whether all of it has ended: it was accepted, refused or dropped.
        """
        end = self._time.monotonic() + timeout
        looks = self._dispatcher.looks
        marks: list[tuple[Spool, int]] = []
        generation = -1
        while True:
            if generation != self._spool.generation:  # the spools are others now
                generation = self._spool.generation
                marks = [(spool, self._mark(spool)) for spool in self._spool.spools]
                self._is_asked = True
            if self._has_ended(marks, generation):
                return True
            # A hook would wait for its own thread; at the end of the interpreter no
            # thread runs any more, and one may have stopped anywhere.
            if self.is_this_thread or sys.is_finalizing():
                return False
            if self._dispatcher.is_stopped():
                return False
            if not self.has_thread:
                self._step_alone(timeout)
                if self._has_ended(marks, generation):
                    return True
            left = end - self._time.monotonic()
            # Only a look shows who has the claim now.
            has_looked = self._dispatcher.looks != looks
            if left <= 0 or (only_here and has_looked and self._is_elsewhere):
                return False
            if self.has_thread:
                self._await_progress(min(left, _AWAIT_SECONDS))
            else:
                self._time.wait(min(left, _AWAIT_SECONDS), self._dispatcher.is_stopped)

    def _has_ended(self, marks: Sequence[tuple[Spool, int]], generation: int) -> bool:
        # Of a file that is gone, `is_known` tells whether anything waits there.
        there = self._spool.spools
        is_pending = any(self._has_pending(*mark) for mark in marks if mark[0] in there)
        # Asked afterwards: what was in memory may be in the file now.
        has_ended = not is_pending and self._spool.is_known(generation)
        if has_ended:
            self._spool.books()  # in case the file is gone when it is looked at again
        return has_ended

    @property
    def is_this_thread(self) -> bool:
        """Whether the caller is the thread that delivers."""
        return self._stepping == threading.get_ident()

    @property
    def has_thread(self) -> bool:
        """Whether the thread runs."""
        # Not by its `is_alive`: before version 3.13 of Python a signal handler that
        # raises there makes it say False for ever.
        return self._thread is not None

    @property
    def _is_elsewhere(self) -> bool:
        """Whether another process delivers, and nothing is in the memory of this."""
        return not self._dispatcher.has_claim and not self._has_pending(
            self._spool.memory, self._spool.memory.highest_id
        )

    def wait_for_room(self, seconds: float) -> None:
        """Wait until something was delivered, but not for longer."""
        self._is_full = True
        if self.has_thread:
            self._await_progress(seconds)
        else:
            self._step_alone(seconds)
            self._time.wait(seconds, self._dispatcher.is_stopped)

    def _notify(self) -> None:
        """Wake the threads that wait for something to be settled."""
        with self._progress:
            self._progress.notify_all()

    def _await_progress(self, seconds: float) -> None:
        with self._progress:
            self.wake()
            self._progress.wait(seconds)

    @property
    def is_finished(self) -> bool:
        """Whether `finish` was called."""
        return self._dispatcher.is_stopped()

    def finish(self, timeout: float) -> None:
        """End the thread, after the request that it sends now; let others deliver."""
        self._dispatcher.stop()
        self.wake()
        thread = self._thread
        if thread is not None:
            with suppress(RuntimeError):  # it is this thread, or is about to start
                thread.join(_waitable(timeout))
        if not self.has_thread:
            self._dispatcher.release_claim()

    def stop(self, timeout: float) -> None:
        """Do so, and close the sender."""
        self.finish(timeout)
        if self._closes_sender:
            self._dispatcher.close_sender()

    # --- The thread -------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._deliver()
        finally:
            # Another one, if the start of this was interrupted.
            if self._thread is threading.current_thread():
                self._thread = None

    def _deliver(self) -> None:
        with ExitStack() as stack:
            with loading():
                stack.enter_context(self._dispatcher.metrics.without_tracing())
            while not self._dispatcher.is_stopped() and self.pid == os.getpid():
                with suppress(queue.Empty):
                    self._wake.get(timeout=self._seconds_to_look())
                try:
                    self.step()
                except BaseException as error:  # noqa: BLE001 - the thread goes on
                    self._reports.defect(error)
                    self._time.wait(_LOOK_SECONDS, self._dispatcher.is_stopped)

    def _seconds_to_look(self) -> float:
        return max(_LEAST_SECONDS, min(self._rules.flush_seconds, _LOOK_SECONDS))

    def _step_alone(self, seconds: float) -> None:
        """Deliver in this thread: the interpreter is about to end, or for tests."""
        until = self._time.monotonic() + seconds
        if self._busy.acquire(timeout=_waitable(seconds)):
            self._busy.release()
            with self._dispatcher.metrics.without_tracing():
                self.step(until)

    def step(self, until: float = math.inf) -> None:
        """
        Deliver what is due; one thread at a time.

        Args:
            until: When to send no more, by the monotonic clock, after one request.
        """
        with self._busy:
            self._stepping = threading.get_ident()
            is_asked, self._is_asked = self._is_asked, False
            is_full, self._is_full = self._is_full, False
            try:
                self._dispatcher.step(until, is_asked=is_asked, is_full=is_full)
            finally:
                self._stepping = None

    def _mark(self, spool: Spool) -> int:
        """
        Ask for the delivery of what is in a spool.

        Returns:
            The number of its newest item; one above all if it cannot be read.
        """
        highest = HIGHEST_ID
        try:
            highest = spool.highest_id
            if highest and not self._dispatcher.has_claim:
                spool.ask_for_flush(highest)
        except StoreError as error:
            self._spool.set_aside(error, spool)
        return highest

    def _has_pending(self, spool: Spool, up_to: int) -> bool:
        try:
            return spool.has_pending(up_to)
        except StoreError as error:
            self._spool.set_aside(error, spool)
            return True


def _waitable(seconds: float) -> float:
    """Return so many seconds, within what a lock or a thread can be waited for."""
    return max(0.0, min(seconds, threading.TIMEOUT_MAX))
