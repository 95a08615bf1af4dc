"""
Reads the body of a request: never more than it may have, and not for ever.

A client that is refused is still sending, as a rule. If the connection were closed at
once, it would see a broken pipe instead of the answer; so what it sends is read to its
end and thrown away, if that end is near.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from pinpoint_events.server._answers import RequestError, too_large

__all__ = ["Body", "ClientGone"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_THROWN_AWAY_BYTES: Final = 16 * 1024 * 1024  # four times what the service takes
_THROWN_AWAY_SECONDS: Final = 5.0


class ClientGone(Exception):  # noqa: N818 - nobody's error
    """The client hung up before the request was complete."""


class Body:
    """
    The body of one request.

    Args:
        receive: ASGI's.
        seconds: How long the whole body may take.

    Attributes:
        is_read: Whether it was read to its end.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self.is_read = False

    async def read(self, most: int) -> tuple[bytes, str]:
        """
        Return the body and its SHA-256 in hexadecimal.

        Raises:
            RequestError: If it has more bytes, or takes too long.
            ClientGone: If it ends before its end.
        """
        body = bytearray()
        digest = hashlib.sha256()
        try:
            async with asyncio.timeout(self._seconds):
                while not self.is_read:
                    chunk = await self._chunk()
                    if len(body) + len(chunk) > most:
                        raise too_large(most)
                    body += chunk
                    digest.update(chunk)
        except TimeoutError:
            message = (
                f"the body did not arrive within {self._seconds:g} seconds; send it "
                "faster, or its events in several calls"
            )
            raise RequestError(408, message, closes=True) from None
        return bytes(body), digest.hexdigest()

    async def throw_away(self, length: int) -> bool:
        """
        Read what is left, and forget it.

        Args:
            length: How long the body is said to be.

        Returns:
            Whether it was read to its end: if not, the connection is of no more use.
        """
        if length > _THROWN_AWAY_BYTES:
            return False
        size = 0
        try:
            async with asyncio.timeout(min(self._seconds, _THROWN_AWAY_SECONDS)):
                while not self.is_read and size <= _THROWN_AWAY_BYTES:
                    size += len(await self._chunk())
        except (TimeoutError, ClientGone):
            return False
        return self.is_read

    async def wait_for_end(self) -> None:
        """Wait for the end of the connection, once the body was read."""
        await self._receive()

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        self.is_read = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
