"""
What a connection may do: all that is built on the inside of uvicorn stands here.

uvicorn, with httptools as its parser, serves a trusted proxy well, and trusts whoever
sends. This adds what an endpoint on an open port needs, and what faults need:

- a head of more than 64 KiB ends the connection, and so does as much of anything that
  is neither head nor body: chunk extensions, trailers, empty lines;
- a head must be complete some seconds after it began, and after the connection did;
- an answer that is not read ends the connection, when it would have to be kept alive;
- who closes its side after a complete request still gets its answer;
- there are so many connections and no more;
- who asks for another protocol is answered, and hung up on;
- the application can end the connection.

The tests in `tests/server/test_connections.py` hold it to that with real sockets, so
that a uvicorn that changed is noticed.
"""

import asyncio
import socket
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pinpoint_events.server.app import CUT, Limits

__all__ = ["Connection"]

_UNREAD_BYTES: Final = 64 * 1024

_MESSAGE: Final = b'{"Message":"Request Header Fields Too Large"}'
_TOO_LONG: Final = b"\r\n".join(
    (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-type: application/json",
        b"x-amzn-errortype: RequestHeaderFieldsTooLargeException",
        b"content-length: %d" % len(_MESSAGE),
        b"connection: close",
        b"",
        _MESSAGE,
    )
)


class Connection(HttpToolsProtocol):
    """One connection to a client."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = False
        app: Any = config.app
        self._limits: Limits = app.limits
        self._unread_bytes = 0
        self._is_in_head = True
        self._has_begun = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made: Any = transport
        # asyncio does so where the listening socket names its protocol. Without it, the
        # second half of an answer waits for the client, 40 ms on Linux.
        made.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        super().connection_made(made)
        if len(self.connections) > self._limits.connections:
            made.abort()
        else:
            self._timer = self.loop.call_later(self._limits.head_seconds, made.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unread_bytes > _UNREAD_BYTES:
            self.transport.write(_TOO_LONG)
            self.transport.close()
        elif self._timer is None and self._is_in_head and self._waits_for_more():
            self._timer = self.loop.call_later(
                self._limits.head_seconds, self.transport.abort
            )

    def _waits_for_more(self) -> bool:
        # The first bytes may have come in one piece with the request before.
        return self._has_begun or self._unread_bytes > 0

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()
        extensions: Any = {CUT: self._cut}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._has_begun = False
        self._unread_bytes = 0
        self._stop_timer()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # The parser reads no body then, and no further request.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_head = True
        self._unread_bytes = 0
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio asks for it
        # uvicorn has it so that there is always one; at first there is none.
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        # What has not arrived whole has not been accepted.
        cycle: Any = self.cycle
        if cycle is not None and cycle.more_body:
            self.transport.abort()
        else:
            super().shutdown()

    def _cut(self) -> None:
        self.cycle.keep_alive = False
        self.transport.close()
