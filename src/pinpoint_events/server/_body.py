"""
Reads the body of a request, with a limit of bytes and a timeout.

A client whose request is rejected is usually still sending. If the connection were
closed at once, the client would see a broken pipe instead of the answer. So the rest of
the body is read and discarded, if it is short enough.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, cast

from pinpoint_events.server._answers import RequestError, too_large

__all__ = ["Body", "ClientDisconnected"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_MAX_DISCARDED_BYTES: Final = 16 * 1024 * 1024  # four times what the service takes
_MAX_DISCARD_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 5.0


class ClientDisconnected(Exception):  # noqa: N818 - an event, as in ASGI, not an error
    """The client closed the connection before the request was complete."""


class Body:
    """
    The body of one request.

    Args:
        receive: The `receive` callable of ASGI.
        seconds: Timeout for the whole body.
        bytes_per_second: What must arrive of it on average, after `grace_seconds`.
        grace_seconds: A client may pause, and a slow network needs a while for the
            first bytes.

    Attributes:
        is_read: Whether the body was read to its end.
        arrived_bytes: How much of it has arrived.
        on_bytes: Called with the size of each part that arrives.
    """

    def __init__(
        self,
        receive: Receive,
        seconds: float,
        bytes_per_second: int,
        grace_seconds: float = _GRACE_SECONDS,
    ) -> None:
        self._receive = receive
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second
        self._grace_seconds = grace_seconds
        self._timeout: asyncio.Timeout | None = None
        self._error: RequestError | None = None
        self.is_read = False
        self.arrived_bytes = 0
        self.on_bytes: Callable[[int], None] | None = None

    async def read(self, max_bytes: int) -> tuple[bytes, str]:
        """
        Return the body and its SHA-256 in hexadecimal.

        Raises:
            RequestError: If it has more than `max_bytes`, takes too long, or is ended.
            ClientDisconnected: If the connection ends before the body does.
        """
        body = bytearray()
        digest = hashlib.sha256()
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(self._deadline(started)) as self._timeout:
                while not self.is_read:
                    chunk = await self._chunk()
                    if len(body) + len(chunk) > max_bytes:
                        raise too_large(max_bytes)
                    body += chunk
                    digest.update(chunk)
                    self._count(len(chunk))
                    if self._error is None:
                        self._timeout.reschedule(self._deadline(started))
        except TimeoutError:
            raise self._reason(started) from None
        return bytes(body), digest.hexdigest()

    def end(self, error: RequestError) -> None:
        """Make `read`, which has begun, raise an error."""
        self._error = error
        cast("asyncio.Timeout", self._timeout).reschedule(0.0)

    def _count(self, count: int) -> None:
        self.arrived_bytes += count
        if self.on_bytes is not None:
            self.on_bytes(count)

    def _deadline(self, started: float) -> float:
        expected = self.arrived_bytes / self._bytes_per_second
        return started + min(self._seconds, self._grace_seconds + expected)

    def _reason(self, started: float) -> RequestError:
        # Given away: with its traceback, it would be in a reference cycle with this
        # object, and keep what has arrived.
        error, self._error = self._error, None
        return error or self._too_slow(started)

    def _too_slow(self, started: float) -> RequestError:
        if self._deadline(started) < started + self._seconds:
            message = (
                f"the body arrives at less than {self._bytes_per_second:,} bytes per "
                "second; send it faster"
            )
        else:
            message = (
                f"the body did not arrive within {self._seconds:g} seconds; send it "
                "faster, or its events in several calls"
            )
        return RequestError(408, message, closes=True)

    async def discard(self, length: int) -> bool:
        """
        Read and discard the rest of the body.

        Args:
            length: The `Content-Length`, in bytes; 0 if there is none.

        Returns:
            Whether it was read to its end; if not, the connection cannot be reused.
        """
        if length > _MAX_DISCARDED_BYTES:
            return False
        size = 0
        try:
            async with asyncio.timeout(min(self._seconds, _MAX_DISCARD_SECONDS)):
                while not self.is_read and size <= _MAX_DISCARDED_BYTES:
                    size += len(await self._chunk())
        except (TimeoutError, ClientDisconnected):
            return False
        return self.is_read

    async def wait_for_disconnect(self) -> None:
        """Wait until the connection has ended; call it after the body was read."""
        await self._receive()

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        self.is_read = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
