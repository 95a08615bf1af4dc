"""
Processes that serve one endpoint together, and the parent that keeps them running.

The parent opens the listening socket, forks the workers, and then only waits: for a
signal, for a worker that ends, for the time to start another one. It has no thread, no
event loop, no sender and no connection to a store, so that it may fork at any time. The
workers are forked, not spawned: they inherit the socket and all that was read and
checked, start within milliseconds, and need neither the command line nor the
environment again.

Two kinds of pipes connect them:

- One pipe for all. The parent has the only write end and writes nothing. When it closes
  that end, or dies, also by `kill -9`, all workers see the end of the pipe, and stop as
  after SIGTERM. So no worker outlives the parent, and the parent need not send signals:
  Ctrl-C and systemd send theirs to the workers, too, and a worker's second signal ends
  it at once.
- One pipe for each worker. The worker has the only write end, and writes a byte when it
  accepts connections. The end of this pipe is that of the worker.

Signals are blocked while the parent forks, and stay blocked in the worker until it
handles them: in between, it would run the parent's handlers.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, NoReturn

import attrs

from pinpoint_events.errors import ConfigurationError, defect_text
from pinpoint_events.server._connection_shares import ConnectionShares
from pinpoint_events.server.running import SIGNALS, WorkerPlace

__all__ = ["Ended", "Report", "RestartPauses", "Work", "supervise"]

# A signal to all processes may reach a worker before the parent: then none is started.
_FIRST_PAUSE_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 30.0
_SOUND_SECONDS: Final = 10.0  # a worker that lived so long ended for a new reason
_SHARE_OF_STOP: Final = 0.99  # before, a worker that can ends itself
_FAILED: Final = 255  # exit code of a worker; as that of the commands

Report = Callable[[int, str, Mapping[str, object]], None]
"""Logs a line: its level, its message, and its details."""

Work = Callable[[WorkerPlace, Callable[[], None]], object]
"""Serves in a worker; calls the second argument when it accepts connections."""


class Ended(NamedTuple):
    """
    How the workers ended.

    Attributes:
        number: The number of the signal.
        is_complete: Whether all of them finished the calls that they had accepted.
    """

    number: int
    is_complete: bool


class RestartPauses:
    """
    How long a worker is not started again: longer each time, if it ends soon again.

    Otherwise, workers that cannot run would use a core with their starts alone.
    """

    def __init__(self) -> None:
        self._last: dict[int, float] = {}

    def after(self, index: int, lived_seconds: float) -> float:
        """Return the seconds to wait after the worker of an index has ended."""
        last = 0.0 if lived_seconds >= _SOUND_SECONDS else self._last.get(index, 0.0)
        pause = min(max(2 * last, _FIRST_PAUSE_SECONDS), _MAX_PAUSE_SECONDS)
        self._last[index] = pause
        return pause


def supervise(  # noqa: PLR0913 - independent settings, three of them by name
    work: Work,
    count: int,
    sock: socket.socket,
    *,
    started: Callable[[], None],
    report: Report,
    stop_seconds: float,
    fork: Callable[[], int] | None = None,
) -> Ended:
    """
    Run worker processes until SIGINT or SIGTERM; start another one for each that ends.

    It must be called in the main thread. A second signal ends all processes at once.

    Args:
        work: What a worker does until its place's `parent` can be read. It inherits all
            that this process has.
        count: How many workers.
        sock: The listening socket; closed at the end.
        started: Called once, when all workers accept connections.
        report: Logs what happens to workers. It must leave nothing behind that workers
            would inherit.
        stop_seconds: How long the end may take; workers that still run then are killed.
        fork: Forks; by default `os.fork`, which not every system has.

    Raises:
        ConfigurationError: If a worker cannot be started, or ends before all of them
            accept connections.
    """
    with contextlib.ExitStack() as stack:
        shares = ConnectionShares(count)
        stack.callback(shares.close)
        parent = _Parent(work, shares, report, fork or os.fork)
        stack.callback(parent.close)
        stack.enter_context(parent.handling_signals())
        try:
            parent.start(count)
            if not parent.signals:
                started()
            parent.keep_running()
        finally:
            sock.close()  # the system now refuses connections, once all have done so
            is_complete = parent.stop(stop_seconds)
    return Ended(parent.signals[0], is_complete)


@attrs.define(eq=False)
class _Worker:
    """
    A worker, as its parent sees it.

    Attributes:
        pid: Its process id.
        index: Its place among the workers, from 0.
        started_at: When it was started, by `time.monotonic`.
        accepts: Whether it accepts connections.
    """

    pid: int
    index: int
    started_at: float
    accepts: bool = False


class _Parent:
    """
    Starts workers, and waits for them.

    Args:
        work: What a worker does.
        shares: The workers' shares of the connections.
        report: Logs what happens to workers.
        fork: Forks.

    Attributes:
        signals: The numbers of the signals that were received.
    """

    signals: list[int]

    def __init__(
        self,
        work: Work,
        shares: ConnectionShares,
        report: Report,
        fork: Callable[[], int],
    ) -> None:
        self.signals = []
        self._work = work
        self._shares = shares
        self._report = report
        self._fork = fork
        self._workers: dict[int, _Worker] = {}  # by the read end of each one's pipe
        self._due: dict[int, float] = {}  # when to start the worker of an index
        self._pauses = RestartPauses()
        self._have_started = False
        self._is_stopping = False
        self._are_complete = True
        self._parent_read, self._parent_write = os.pipe()
        self._woken, self._waker = socket.socketpair()
        self._woken.settimeout(0)
        self._waker.settimeout(0)

    def close(self) -> None:
        """Close what the parent has open."""
        os.close(self._parent_read)
        self._woken.close()
        self._waker.close()

    # --- Signals ----------------------------------------------------------------------

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Note signals within the block, and wake from waits by them."""
        before = {each: signal.getsignal(each) for each in (*SIGNALS, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        # Ignored, as a process may inherit it, the exit codes of workers would be lost.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in SIGNALS:
            signal.signal(each, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)

    def _handle(self, number: int, _: Any) -> None:
        self.signals.append(number)
        if len(self.signals) > 1:  # pragma: no cover - ends the process
            for each in self._workers.values():
                os.kill(each.pid, signal.SIGKILL)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    # --- Starting ---------------------------------------------------------------------

    def start(self, count: int) -> None:
        """
        Start workers, and return when all accept connections, or a signal comes.

        Raises:
            ConfigurationError: If one cannot be started, or ends.
        """
        for index in range(count):
            try:
                self._start(index)
            except OSError as error:
                message = f"cannot start {count} worker processes: {error.strerror}"
                raise ConfigurationError(f"{message}; start fewer") from error
        while not all(each.accepts for each in self._workers.values()):
            if self.signals:
                return
            self._wait(None)
        self._have_started = True

    def _start(self, index: int) -> None:
        readable, writable = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = self._fork()
            if pid == 0:  # pragma: no cover - in the worker
                self._become_worker(index, writable, readable)
            self._workers[readable] = _Worker(pid, index, time.monotonic())
        except OSError:
            os.close(readable)
            raise
        finally:
            os.close(writable)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _become_worker(
        self, index: int, writable: int, readable: int
    ) -> NoReturn:  # pragma: no cover - in the worker
        code = _FAILED
        try:
            signal.set_wakeup_fd(-1)
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            for other in (self._parent_write, readable, *self._workers):
                os.close(other)
            self._woken.close()
            self._waker.close()
            place = WorkerPlace(self._shares.of(index), self._parent_read)
            self._work(place, lambda: _tell(writable))
            code = 0
        except BaseException as error:  # noqa: BLE001 - the worker ends in any case
            self._log(
                logging.ERROR, "worker process failed", problem=defect_text(error)
            )
        finally:
            # Not by an exception: what the parent does when it ends is not for workers.
            os._exit(code)

    def keep_running(self) -> None:
        """Start another worker for each that ends, until a signal comes."""
        while not self.signals:
            now = time.monotonic()
            for index in [each for each, due in self._due.items() if due <= now]:
                del self._due[index]
                try:
                    self._start(index)
                except OSError as error:
                    self._put_off(index, 0.0)
                    message = "worker process cannot be started; trying again"
                    self._log(logging.ERROR, message, problem=error.strerror)
            due = min(self._due.values(), default=None)
            self._wait(None if due is None else due - time.monotonic())

    def _put_off(self, index: int, lived_seconds: float) -> float:
        """Note when to start a worker again; return the seconds until then."""
        pause = self._pauses.after(index, lived_seconds)
        self._due[index] = time.monotonic() + pause
        return pause

    # --- Waiting ----------------------------------------------------------------------

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal or a worker, for some seconds at most."""
        # By `poll`, which needs no file handle: when the system has none left, this
        # process waits on, and its workers have nothing to inherit.
        with selectors.PollSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for readable in self._workers:
                selector.register(readable, selectors.EVENT_READ)
            found = selector.select(None if seconds is None else max(0.0, seconds))
        for key, _ in found:
            if key.fd == self._woken.fileno():
                self._woken.recv(64)
            elif os.read(key.fd, 1):
                worker = self._workers[key.fd]
                worker.accepts = True
                message = "worker process accepts connections"
                self._log(logging.INFO, message, pid=worker.pid)
            else:
                self._note_end(key.fd)

    def _note_end(self, readable: int) -> None:
        """
        Note that a worker has ended.

        Raises:
            ConfigurationError: If not all workers have accepted connections so far.
        """
        worker = self._workers.pop(readable)
        os.close(readable)
        _, status = os.waitpid(worker.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._shares.of(worker.index).leave()
        if self._is_stopping or self.signals:
            self._are_complete &= code == 0
            return
        reason = f"exit code {code}" if code >= 0 else f"signal {-code}"
        if not self._have_started:
            message = f"a worker process has ended before it accepted calls: {reason}"
            raise ConfigurationError(f"{message}; the lines above may say why")
        pause = self._put_off(worker.index, time.monotonic() - worker.started_at)
        message = "worker process ended; starting another"
        self._log(
            logging.WARNING, message, pid=worker.pid, reason=reason, pause_seconds=pause
        )

    def _log(self, level: int, message: str, **details: object) -> None:
        extra = {f"pinpoint_events.{name}": value for name, value in details.items()}
        self._report(level, message, extra)

    # --- Stopping ---------------------------------------------------------------------

    def stop(self, seconds: float) -> bool:
        """
        End the workers; return whether all have finished what they had accepted.

        Args:
            seconds: How long that may take.
        """
        self._is_stopping = True
        os.close(self._parent_write)
        ends_at = time.monotonic() + seconds * _SHARE_OF_STOP
        while self._workers and (left := ends_at - time.monotonic()) > 0:
            self._wait(left)
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGKILL)
            message = "worker process killed, as its time to end was over"
            self._log(logging.ERROR, message, pid=worker.pid)
        while self._workers:
            self._wait(None)
        return self._are_complete


def _tell(writable: int) -> None:  # pragma: no cover - in the worker
    with contextlib.suppress(OSError):  # the parent has ended
        os.write(writable, b"1")
