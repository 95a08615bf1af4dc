"""
Ctrl-C and SIGTERM: no more is read, and what is on its way is finished.

Reading may wait for a pipe into which nobody writes. So there, and only there, a signal
raises; nothing is lost by that, because a line counts when it is taken, and not when it
is read. A second signal does what it does by default: it ends the process at once.

A signal may come in the very moment before a read begins to wait, which then would not
notice. So the waiting is not left to the read: `wait_for` waits for the input and for a
byte that arrives with each signal. (Python, `signal.set_wakeup_fd`.)
"""

import io
import select
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from pinpoint_events.loader.stopping import Interrupted

__all__ = ["Interruption"]

T = TypeVar("T")


class Interruption:
    """
    Listens to both signals within a `with` block; in the main thread, where they come.

    Attributes:
        has_come: Whether there was one.
    """

    has_come: bool

    def __init__(self) -> None:
        self.has_come = False
        self._raises = False
        self._before: dict[signal.Signals, Any] = {}
        self._bytes_arrive, self._bytes_depart = socket.socketpair()
        self._bytes_depart.settimeout(0)  # a handler must not wait

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            number = self._bytes_depart.fileno()
            self._woken_before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
            for each in (signal.SIGINT, signal.SIGTERM):
                self._before[each] = signal.signal(each, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        if self._before:
            signal.set_wakeup_fd(self._woken_before)
        self._bytes_arrive.close()
        self._bytes_depart.close()

    def _handle(self, _: int, __: FrameType | None) -> None:
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
        self.has_come = True
        if self._raises:
            raise Interrupted

    def during(self, read: Callable[[], T]) -> T:
        """
        Return what is read.

        Raises:
            Interrupted: If a signal has come, or comes meanwhile.
        """
        try:
            self._raises = True
            self.check()
            return read()
        finally:
            # A signal that comes just here raises too, once: the next one is not ours.
            self._raises = False

    def wait_for(self, file: io.RawIOBase) -> None:
        """Return when there is something to read, or a signal has come."""
        # Not every file has a number, and Windows can wait for sockets only; there, the
        # read waits by itself.
        with suppress(OSError, ValueError):
            select.select([file.fileno(), self._bytes_arrive.fileno()], [], [])

    def check(self) -> None:
        """
        Do nothing.

        Raises:
            Interrupted: If a signal has come.
        """
        if self.has_come:
            raise Interrupted
