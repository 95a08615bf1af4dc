"""
How a run is ended early: no more is read, and what is in flight is finished.

Reading may wait for a pipe into which nothing is written. So `wait_for` waits for the
input and for a byte that `stop` sends.
"""

import io
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self, TypeVar

__all__ = ["Interrupted", "Stop", "Stopping", "has_room"]

T = TypeVar("T")


def has_room(file: io.RawIOBase, stopping: socket.socket) -> bool:
    """Return whether a file takes bytes, as soon as it does or the run is to end."""
    # As for reading, below: where it cannot be waited for, the write waits by itself.
    with suppress(OSError, ValueError):
        return bool(select.select([stopping], [file], [])[1])
    return True


class Interrupted(BaseException):
    """The run is to end."""


class Stopping(Protocol):
    """What the engine asks for whether to end early."""

    def during(self, read: Callable[[], T]) -> T:
        """Return what is read; raises `Interrupted` if the run is to end."""

    def wait_for(self, file: io.RawIOBase) -> None:
        """Return when there is something to read, or the run is to end."""

    def wait_for_room(self, file: io.RawIOBase) -> bool:
        """Return whether the file takes bytes, or the run is to end instead."""

    def check(self) -> None:
        """Raise `Interrupted` if the run is to end."""


class Stop:
    """Ends a run when another thread calls `stop`."""

    def __init__(self) -> None:
        self._is_set = False
        self._receiving, self._sending = socket.socketpair()

    def stop(self) -> None:
        """End the run."""
        self._is_set = True
        self._sending.send(b"\0")

    def during(self, read: Callable[[], T]) -> T:
        """Return what is read; raises `Interrupted` if the run is to end."""
        self.check()
        return read()

    def wait_for(self, file: io.RawIOBase) -> None:
        """Return when there is something to read; raises `Interrupted` at a stop."""
        # Not every file has a number, and Windows can wait for sockets only; there, the
        # read waits by itself.
        with suppress(OSError, ValueError):
            select.select([file.fileno(), self._receiving.fileno()], [], [])
        self.check()

    def wait_for_room(self, file: io.RawIOBase) -> bool:
        """Return whether the file takes bytes, or the run is to end instead."""
        return has_room(file, self._receiving)

    def check(self) -> None:
        """Raise `Interrupted` if the run is to end."""
        if self._is_set:
            raise Interrupted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._receiving.close()
        self._sending.close()
