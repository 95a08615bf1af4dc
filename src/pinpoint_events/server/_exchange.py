"""One request of the endpoint: its head, its body, and what is sent as its answer."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from pinpoint_events.server._answers import (
    Answer,
    RequestError,
    error_answer,
    unsupported_media_type,
)
from pinpoint_events.server._body import Body
from pinpoint_events.server._hosts import checked_host
from pinpoint_events.server.faults import Cut
from pinpoint_events.server.sigv4 import Pending
from pinpoint_events.server.streams.http import error_answer as operation_error_answer

__all__ = ["CUT", "NEXT_AT_ONCE", "Exchange", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CUT: Final = "pinpoint_events.cut"
"""ASGI extension: a function that ends the connection after the bytes sent so far."""

NEXT_AT_ONCE: Final = "pinpoint_events.next_at_once"
"""ASGI extension: a function that lets the next request be read without a turn."""

_OTHER_CHARSET: Final = "send JSON in UTF-8"
_MAX_DIGITS: Final = 20  # of a number of 64 bits
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
        self.host = ""  # as `check_framing` finds it
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
    def peer(self) -> str | None:
        """Address and port of the client; None over a Unix socket."""
        client = self.scope.get("client")
        if client is None:
            return None
        host, port = client
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def is_proven(self) -> bool:
        """Whether the head alone shows that a key's owner sent the request."""
        return self.pending is not None and self.pending.is_proven

    @property
    def access_key_id(self) -> str | None:
        """The access key id that the request names, if it is a known one."""
        return None if self.pending is None else self.pending.access_key_id

    @property
    def origin(self) -> bytes | None:
        """The `Origin`, which browsers send; None if it is absent."""
        return self._by_name.get(b"origin")

    @property
    def content_length(self) -> int:
        """The `Content-Length`; 0 if it is absent or not a number."""
        length = self.header(b"content-length")
        # As many digits as any length needs: Python reads some thousands at most.
        return int(length[:_MAX_DIGITS]) if length.isdigit() else 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends its body."""
        return self.header(b"expect").lower() == b"100-continue"

    def error_answer(self, error: RequestError, request_id: str) -> Answer:
        """Return the answer for an error, in the form of the service."""
        if self.is_operation:
            return operation_error_answer(error)
        return error_answer(error, request_id)

    def check_framing(self) -> None:
        """
        Check what says for whom a request is, and where its body ends.

        Raises:
            RequestError: If the `Host` is missing or wrong, or the body is encoded
                otherwise than in chunks.
        """
        codings = self._values(b"transfer-encoding")
        if codings and b",".join(codings).strip().lower() != b"chunked":
            message = "send the body in chunks, or with its Content-Length, not encoded"
            raise RequestError(415, message, closes=True)
        http_version = self.scope.get("http_version", "1.1")
        self.host = checked_host(self._values(b"host"), http_version)

    def _values(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each == name]

    def check_content_headers(
        self, types: frozenset[bytes], remedy: str = "send application/json"
    ) -> None:
        """Reject a body that is not JSON in UTF-8, according to its headers."""
        media_type, _, rest = self.header(b"content-type").lower().partition(b";")
        if media_type.strip() not in types:
            raise unsupported_media_type(remedy)
        charset = rest.partition(b"charset=")[2].partition(b";")[0].strip(b' "')
        if charset and charset not in _UTF8:
            raise unsupported_media_type(_OTHER_CHARSET)
        if self.header(b"content-encoding").lower() not in {b"", b"identity"}:
            raise unsupported_media_type("send the body without a content encoding")

    def check_body(self, body: bytes, sha256_hex: str) -> None:
        """
        Verify the signature with the body that arrived, and check its encoding.

        Raises:
            RequestError: If the signature is not valid, or the body is in UTF-16 or
                UTF-32, whatever its headers say.
        """
        if self.pending is not None:
            self.pending.finish(sha256_hex)
        if not json.detect_encoding(body).startswith("utf-8"):
            raise unsupported_media_type(_OTHER_CHARSET)

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

    def read_next_at_once(self) -> None:
        """Let the connection's next request wait for no other client's."""
        read = self._extension(NEXT_AT_ONCE)
        if read is not None:
            read()

    def _extension(self, name: str) -> Callable[[], object] | None:
        found: Callable[[], object] | None = self.scope.get("extensions", {}).get(name)
        return found

    async def _end_connection(self) -> None:
        end = self._extension(CUT)
        if end is None:
            # Another server, without this extension: an exception makes it disconnect.
            raise ConnectionError("a fault asked for the end of this connection")
        end()
        await self.body.wait_for_disconnect()
