"""Reads answers by `http.client`, and what it lacks: deadlines, and cuts noticed."""

import http.client
import io
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias

from pinpoint_events.aws.deadline import Deadline, exchange

__all__ = ["REQUEST_ID", "FinalResponse", "Head", "HeadReader"]

REQUEST_ID: Final = "x-amzn-requestid"
"""The header in which a service names the request."""


class Head(NamedTuple):
    """
    The head of an answer.

    Attributes:
        status: HTTP status code.
        headers: Names in lower case.
        body_start: Where the body begins in what was received.
        body_length: Its number of bytes, as stated.
        is_last: Whether the server closes the connection after the answer.
    """

    status: int
    headers: dict[str, str]
    body_start: int
    body_length: int
    is_last: bool


HeadReader: TypeAlias = Callable[[bytes], Head | None]
"""
Takes what was received first, and returns the head of the answer.

None if `FinalResponse` is to read the answer.
"""


class BoundedReader(io.RawIOBase):
    """
    Reads from a socket with a timeout that ends at the deadline of the exchange.

    Args:
        sock: The socket.
        stream: Reads from it.
        received: What was read from it before, and is to be read again.

    Attributes:
        is_over: Whether to read no more than what was received before.
    """

    def __init__(
        self, sock: socket.socket, stream: io.RawIOBase, received: bytes = b""
    ) -> None:
        self._socket = sock
        self._stream = stream
        self._received = io.BytesIO(received)
        self._deadline: Deadline = exchange.deadline
        self.is_over = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer, and return the number of bytes."""
        if number := self._received.readinto(buffer):
            return number
        if self.is_over:
            return None
        return self._deadline.bound(self._socket, self._stream.readinto, buffer)

    def close(self) -> None:
        """Close the stream; the socket is closed by its owner."""
        self._stream.close()
        super().close()


class AnswerReader(io.BufferedReader):
    """
    Reads one answer, and knows what `http.client` does not.

    Bytes that came after the answer belong to no request: then the socket is shut down,
    so that the connection is not used again.

    Attributes:
        is_head_cut: Whether the connection ended within the head: `http.client` takes
            that for the end of the head.
        is_last: Whether nothing that is HTTP comes after this answer.
    """

    is_head_cut: bool = False
    is_last: bool = False

    def __init__(self, sock: socket.socket, raw: BoundedReader) -> None:
        super().__init__(raw)
        self._socket = sock
        self._raw = raw

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line, with its end."""
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            self.is_head_cut = True
        return line

    def close(self) -> None:
        """End the reading; shut the socket down if more has come."""
        if not self.closed:
            self._raw.is_over = True
            if self.is_last or self.peek():
                with suppress(OSError):  # where it is closed already
                    self._socket.shutdown(socket.SHUT_RDWR)
        super().close()


class FinalResponse(http.client.HTTPResponse):
    """
    The answer after those that only announce it, such as 103 Early Hints.

    Args:
        sock: Where it comes from.
        arguments: Those of `HTTPResponse`.
        received: The beginning of the answer, if it was read before.
        options: Those of `HTTPResponse`.
    """

    def __init__(
        self,
        sock: socket.socket,
        *arguments: Any,
        received: bytes = b"",
        **options: Any,
    ) -> None:
        super().__init__(sock, *arguments, **options)
        stream: Any = self.fp
        raw = BoundedReader(sock, stream.detach(), received)
        self._reader = AnswerReader(sock, raw)
        self.fp: Any = self._reader

    def begin(self) -> None:
        """Read the head."""
        self._begin()  # which skips 100 alone
        while self.status in _ANNOUNCEMENTS:
            self.headers: Any = None  # not begun
            self._begin()
        self._reader.is_last = self.status == _SWITCHED

    def _begin(self) -> None:
        is_cut = False
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            # The end may be within the first line, even within the protocol's name.
            start = str(error.args[0])[: len(_PROTOCOL)]
            is_cut = self._reader.is_head_cut and _PROTOCOL.startswith(start)
            if not is_cut:
                raise
        # Raised outside the `except` block so that the original error, which contains
        # received data, is not attached as `__context__`.
        if is_cut or self._reader.is_head_cut:
            raise http.client.IncompleteRead(b"")


_PROTOCOL: Final = "HTTP/"
_SWITCHED: Final = 101  # to another protocol
_ANNOUNCEMENTS: Final = range(102, 200)
