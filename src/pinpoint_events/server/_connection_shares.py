"""
Connections shared out evenly among processes that accept from one socket.

The system wakes all processes that wait for a listening socket. The first one to accept
gets the connection, and an awake one gets all that arrive at the same moment: of few
connections that stay open, one process may have nearly all, and the others no work.

So each process publishes how many connections it has, in memory that all share. One
that has more than another leaves an arriving connection to that one for a moment. If no
one has taken it by then, as the other process is busy or has stopped, it takes it, and
all others that have arrived.

The numbers are hints: they are written and read without a lock, and a wrong one makes
the shares uneven for a moment.
"""

import asyncio
import mmap
import socket
from collections.abc import Callable
from typing import Any, Final

__all__ = ["ConnectionShare", "ConnectionShares", "WatchedConnections"]

_NUMBER_BYTES: Final = 4
_NOT_ACCEPTING: Final = -1
# An idle process takes a connection within 0.2 ms, and one at work at a switch of its
# threads, after 1 ms or some; where other programs need the cores, it takes longer.
_WAIT_SECONDS: Final = 0.001
_MAX_WAIT_SECONDS: Final = 0.1  # in all: a busy process wakes up late from each wait
_SLACK: Final = 16  # with so many connections, a process may have one more than another


class ConnectionShares:
    """
    The numbers of connections of some processes.

    It must be made before the processes are forked.

    Args:
        count: How many processes.
    """

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, count * _NUMBER_BYTES)
        self._numbers = memoryview(self._memory).cast("i")
        for index in range(count):
            self.of(index).leave()

    def of(self, index: int) -> "ConnectionShare":
        """Return the share of the process with this index, from 0."""
        return ConnectionShare(self._numbers, index)

    def close(self) -> None:
        """Release the memory."""
        self._numbers.release()
        self._memory.close()


class ConnectionShare:
    """
    The share of one process.

    Args:
        numbers: How many connections each process has.
        index: That of this process.
    """

    def __init__(self, numbers: memoryview, index: int) -> None:
        self._numbers = numbers
        self._index = index
        self._takes_all = False

    def publish(self, count: int) -> None:
        """Say how many connections this process has."""
        self._numbers[self._index] = count

    def leave(self) -> None:
        """Say that this process does not accept any more."""
        self._numbers[self._index] = _NOT_ACCEPTING

    @property
    def is_larger(self) -> bool:
        """Whether this process has more connections than another that accepts."""
        own = self._numbers[self._index]
        fewest = min(each for each in self._numbers if each != _NOT_ACCEPTING)
        return bool(own > fewest + fewest // _SLACK)

    async def accept(self, sock: socket.socket) -> socket.socket:
        """
        Return the next connection that is for this process; it does not block.

        Args:
            sock: A listening socket that does not block.

        Raises:
            OSError: If a connection cannot be accepted.
        """
        while True:
            await _readable(sock)
            if not self._takes_all:
                await self._leave_to_others()
            try:
                client, _ = sock.accept()
            except BlockingIOError:  # another process has taken it
                self._takes_all = False
                continue
            client.settimeout(0)
            return client

    async def _leave_to_others(self) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _MAX_WAIT_SECONDS
        while loop.time() < ends_at:
            if not self.is_larger:
                return
            await asyncio.sleep(_WAIT_SECONDS)
        self._takes_all = True


class WatchedConnections(set[Any]):
    """
    A set that tells of changes, as far as uvicorn and this package change it.

    Args:
        changed: Called after each change.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed

    def add(self, element: Any) -> None:
        super().add(element)
        self._changed()

    def discard(self, element: Any) -> None:
        super().discard(element)
        self._changed()


async def _readable(sock: socket.socket) -> None:
    """Wait until there may be a connection to accept."""
    loop = asyncio.get_running_loop()
    found = asyncio.Event()
    loop.add_reader(sock, found.set)
    try:
        await found.wait()
    finally:
        loop.remove_reader(sock)
