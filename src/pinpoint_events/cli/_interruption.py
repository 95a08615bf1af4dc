"""
Ctrl-C and SIGTERM: reading stops, and requests in flight are finished.

A read may block on a pipe into which nothing is written. So the signal handler raises
during reads, and only then; this loses nothing, because a line counts when it is taken,
not when it is read. A second signal has its default effect: it ends the process at
once.

A signal that arrives just before a read blocks would not interrupt that read. So
`wait_for` waits, before the read, for the input and for a byte that each signal writes.
(Python, `signal.set_wakeup_fd`.)
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

from pinpoint_events.loader.stopping import Interrupted, has_room

__all__ = ["Interruption"]

T = TypeVar("T")


class Interruption:
    """
    Handles both signals within a `with` block, if in the main thread.

    Python runs signal handlers in the main thread only.

    Attributes:
        is_received: Whether a signal was received.
    """

    is_received: bool

    def __init__(self) -> None:
        self.is_received = False
        self._is_reading = False
        self._previous_handlers: dict[signal.Signals, Any] = {}
        self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
        self._wakeup_sender.settimeout(0)  # a signal handler must not block

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            descriptor = self._wakeup_sender.fileno()
            self._previous_wakeup_fd = signal.set_wakeup_fd(
                descriptor, warn_on_full_buffer=False
            )
            for each in (signal.SIGINT, signal.SIGTERM):
                self._previous_handlers[each] = signal.signal(each, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each, handler in self._previous_handlers.items():
            signal.signal(each, handler)
        if self._previous_handlers:
            signal.set_wakeup_fd(self._previous_wakeup_fd)
        self._wakeup_receiver.close()
        self._wakeup_sender.close()

    def _handle(self, _: int, __: FrameType | None) -> None:
        for each in self._previous_handlers:
            signal.signal(each, signal.SIG_DFL)
        self.is_received = True
        if self._is_reading:
            raise Interrupted

    def during(self, read: Callable[[], T]) -> T:
        """
        Return the result of a read.

        Raises:
            Interrupted: If a signal was received before the read, or during it.
        """
        try:
            self._is_reading = True
            self.check()
            return read()
        finally:
            # A signal received here still raises; a second one has its default effect.
            self._is_reading = False

    def wait_for(self, file: io.RawIOBase) -> None:
        """Return when there is something to read, or a signal was received."""
        # Not every file has a descriptor, and Windows can select sockets only; in these
        # cases the read itself blocks.
        with suppress(OSError, ValueError):
            select.select([file.fileno(), self._wakeup_receiver.fileno()], [], [])

    def wait_for_room(self, file: io.RawIOBase) -> bool:
        """Return whether the file takes bytes; False if a signal was received first."""
        return has_room(file, self._wakeup_receiver)

    def check(self) -> None:
        """
        Do nothing.

        Raises:
            Interrupted: If a signal was received.
        """
        if self.is_received:
            raise Interrupted
