"""
The open connections of one served endpoint, in the order in which they make room.

An endpoint has room for a limited number of connections, and of bytes that clients do
not read. Where it is exhausted, the connection that is of least use is closed:

- one whose client sends requests ahead of the answers, or waits for a turn, the longest
  first: clients that are served do neither, and while reading is paused, a closed
  connection is not noticed;
- if there is none, an idle one, which has no complete head of a request: silent since
  it began, between two requests, or within a head. The one that has been idle longest
  comes first;
- if there is no such one either, one whose client does not read its answer, the longest
  first.

A connection that is nothing of this is busy, and stays. Everything here takes constant
time: a `dict` keeps the order of insertion.
"""

from typing import Final, Protocol

__all__ = ["Closable", "OpenConnections"]

_MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024


class Closable(Protocol):
    """A connection that can be closed to make room."""

    def abort(self) -> None:
        """Close the connection at once, and free what it holds."""
        ...


class OpenConnections:
    """
    The connections of one endpoint; for one thread, the event loop's.

    Args:
        max_unread_bytes: How many bytes of answers may wait for clients to read them.
    """

    def __init__(self, max_unread_bytes: int = _MAX_UNREAD_BYTES) -> None:
        self._max_unread_bytes = max_unread_bytes
        self._unread_bytes = 0
        self._idle: dict[Closable, None] = {}
        self._unread: dict[Closable, int] = {}
        self._ahead: dict[Closable, None] = {}

    def set_idle(self, connection: Closable) -> None:
        """Take note of a connection that is idle from now on."""
        self._idle.pop(connection, None)
        self._idle[connection] = None

    def set_busy(self, connection: Closable) -> None:
        """Take note of a connection that has a request."""
        self._idle.pop(connection, None)

    def set_unread(self, connection: Closable, size: int) -> None:
        """
        Take note of a client that does not read its answer.

        If there are too many bytes that are not read, the connections that have waited
        longest are closed; this one stays.

        Args:
            connection: The client's connection.
            size: How many bytes wait to be read.
        """
        self.set_read(connection)
        self._unread[connection] = size
        self._unread_bytes += size
        while self._unread_bytes > self._max_unread_bytes and len(self._unread) > 1:
            self._close(next(iter(self._unread)))

    def set_read(self, connection: Closable) -> None:
        """Take note of a client that has read its answer."""
        self._unread_bytes -= self._unread.pop(connection, 0)

    def set_ahead(self, connection: Closable, *, is_ahead: bool) -> None:
        """Take note whether a client sends ahead of the answers, or of its turn."""
        if is_ahead:
            self._ahead.setdefault(connection)
        else:
            self._ahead.pop(connection, None)

    def remove(self, connection: Closable) -> None:
        """Forget a connection."""
        self.set_busy(connection)
        self.set_read(connection)
        self.set_ahead(connection, is_ahead=False)

    def close_one(self) -> bool:
        """Close the connection of least use; return whether there was any."""
        for connections in (self._ahead, self._idle, self._unread):
            for connection in connections:
                self._close(connection)
                return True
        return False

    def _close(self, connection: Closable) -> None:
        self.remove(connection)
        connection.abort()
