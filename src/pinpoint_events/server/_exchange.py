"""One request of the endpoint: its head, its body, and what is sent as its answer."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from pinpoint_events.server._answers import (
    Answer,
    RequestError,
    error_answer,
    unsupported_media_type,
)
from pinpoint_events.server._body import Body
from pinpoint_events.server.faults import Cut
from pinpoint_events.server.sigv4 import Pending
from pinpoint_events.server.streams.http import error_answer as operation_error_answer

__all__ = ["CUT", "Exchange", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CUT: Final = "pinpoint_events.cut"
"""ASGI extension: a function that ends the connection after the bytes sent so far."""

_UTF8: Final = frozenset({b"utf-8", b"utf8", b"us-ascii"})


class Exchange:
    """One request, and the state of its processing."""

    def __init__(self, scope: Scope, body: Body) -> None:
        self.scope = scope
        self.body = body
        self.method: str = scope["method"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._by_name: dict[bytes, bytes] = dict(self.headers)
        self.raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.application_id = ""
        self.cut: Cut | None = None
        self.is_operation = False
        self.pending: Pending | None = None

    @property
    def path(self) -> bytes:
        """The path relative to `root_path`, where the application is mounted."""
        return self.raw_path.removeprefix(self.scope.get("root_path", "").encode())

    @property
    def head_bytes(self) -> int:
        """Size of the head, without method, version and separators."""
        parts = sum([len(name) + len(value) for name, value in self.headers])
        query: bytes = self.scope.get("query_string", b"")
        return parts + len(self.raw_path) + len(query)

    def header(self, name: bytes) -> bytes:
        """Return a header's value; empty if absent, the last if repeated."""
        return self._by_name.get(name, b"")

    @property
    def content_length(self) -> int:
        """The `Content-Length`; 0 if it is absent or not a number."""
        length = self.header(b"content-length")
        return int(length) if length.isdigit() else 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends its body."""
        return self.header(b"expect").lower() == b"100-continue"

    def error_answer(self, error: RequestError, request_id: str) -> Answer:
        """Return the answer for an error, in the form of the service."""
        if self.is_operation:
            return operation_error_answer(error)
        return error_answer(error, request_id)

    def check_content_headers(
        self, types: frozenset[bytes], remedy: str = "send application/json"
    ) -> None:
        """Reject a body that is not JSON in UTF-8, according to its headers."""
        media_type, _, rest = self.header(b"content-type").lower().partition(b";")
        if media_type.strip() not in types:
            raise unsupported_media_type(remedy)
        charset = rest.partition(b"charset=")[2].partition(b";")[0].strip(b' "')
        if charset and charset not in _UTF8:
            raise unsupported_media_type("send JSON in UTF-8")
        if self.header(b"content-encoding").lower() not in {b"", b"identity"}:
            raise unsupported_media_type("send the body without a content encoding")

    async def send(
        self, start: MutableMapping[str, Any], body: bytes, send: Send
    ) -> None:
        """Send the answer, or as much of it as a fault leaves of it."""
        cut = self.cut
        where = None if cut is None else cut.where
        if where != "before":
            await send(start)
        if where == "inside":
            half = body[: len(body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        if where in {None, "after"}:
            await send({"type": "http.response.body", "body": body})
        if where is not None:
            await self._end_connection()

    async def _end_connection(self) -> None:
        end = self.scope.get("extensions", {}).get(CUT)
        if end is None:
            # Another server, without this extension: an exception makes it disconnect.
            raise ConnectionError("a fault asked for the end of this connection")
        end()
        await self.body.wait_for_disconnect()
