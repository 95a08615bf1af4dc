"""
The limits of a connection; all code that depends on uvicorn's internals is here.

uvicorn, with httptools as its parser, is made for a trusted proxy in front of it, and
limits its clients little. This module adds what an endpoint on an open port, and its
faults, need:

- a head of more than 64 KiB ends the connection, and so do 64 KiB of anything that is
  neither head nor body: chunk extensions, trailers, empty lines;
- a head must be complete within a timeout, which runs from its first byte, and for the
  first head from the start of the connection;
- a client that does not read its answer is disconnected, keep-alive or not;
- a client that closes its side after a complete request still gets the answer;
- a request that cannot be parsed is rejected in the service's format; if earlier
  requests wait for answers, the connection ends after those answers instead;
- the number of pipelined requests is limited;
- the number of connections is limited;
- a request to upgrade to another protocol is answered, and the connection closed;
- the application can end the connection.

The tests in `tests/server/test_connections.py` check all of this with real sockets, so
that they notice a change in uvicorn.
"""

import asyncio
import socket
from collections import deque
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from pinpoint_events.builder import new_event_id
from pinpoint_events.server._answers import (
    RequestError,
    bad_request,
    error_answer,
    head_too_large,
    headers_of,
)
from pinpoint_events.server._exchange import CUT
from pinpoint_events.server.app import MAX_HEAD_BYTES, Limits

__all__ = ["Connection"]

# Requests behind one without an answer. uvicorn keeps each with its headers, and reads
# on whenever it begins with the next one: without a limit, a client that sends faster
# than it gets answers fills the memory. AWS clients do not pipeline.
_MAX_PIPELINED: Final = 100


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
        self._ignores_input = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._cycles: deque[RequestResponseCycle] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connected: Any = transport
        # asyncio sets this only if the listening socket names its protocol. Without it,
        # the second half of an answer waits for the client's ACK, 40 ms on Linux.
        sock = connected.get_extra_info("socket")
        if sock.family in {socket.AF_INET, socket.AF_INET6}:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(connected)
        if len(self.connections) > self._limits.connections:
            connected.abort()
        else:
            self._head_timer = self._abort_after(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_head_timer()
        self._cancel_write_timer()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for cycle in self._cycles:  # the base class does so for the last one only
            cycle.disconnected = not cycle.response_complete
            cycle.message_event.set()
        # The connection and its cycles reference each other. Without the references,
        # they are freed when the last cycle ends; the garbage collector runs seldom.
        self._cycles.clear()
        self.pipeline.clear()
        # The base class sets None, too, before the first request; its type omits it.
        self.scope = self.cycle = None  # type: ignore[assignment]

    def _is_lost(self) -> bool:
        return self not in self.connections

    def _abort_after(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def data_received(self, data: bytes) -> None:
        if not self._accepts_input():
            return
        self._unread_bytes += len(data)
        super().data_received(data)
        if not self._accepts_input():
            return
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._reject(head_too_large(MAX_HEAD_BYTES))
        elif self._head_timer is None and self._is_in_head and self._awaits_head():
            self._head_timer = self._abort_after(self._limits.head_seconds)

    def _accepts_input(self) -> bool:
        return not self._ignores_input and not self.transport.is_closing()

    def _awaits_head(self) -> bool:
        # The first bytes may have arrived together with the previous request.
        return self._has_begun or self._unread_bytes > 0

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()
        extensions: Any = {CUT: self.transport.close}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _MAX_PIPELINED:
            # The parser stops; this request and those that follow are rejected.
            raise asyncio.QueueFull
        self._is_in_head = False
        self._has_begun = False
        self._unread_bytes = 0
        self._cancel_head_timer()
        super().on_headers_complete()
        while self._cycles and self._cycles[0].response_complete:
            self._cycles.popleft()
        self._cycles.append(self.cycle)
        if self.parser.should_upgrade():
            # The parser then reads neither a body nor a further request.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_head = True
        self._unread_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text
        message = "this is no HTTP/1.1 that can be read in one way only; send it anew"
        self._reject(bad_request(message))

    def _reject(self, error: RequestError) -> None:
        """
        Answer with an error, and close the connection.

        If an earlier request still waits for its answer, that answer is the last one.
        """
        due = self._stop_reading()
        if due is not None:
            due.keep_alive = False
            return
        request_id = new_event_id()
        answer = error_answer(error, request_id)
        headers = headers_of(answer, request_id, closes=True)
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = STATUS_LINE[answer.status] + b"".join(lines)
        self.transport.write(head + b"\r\n" + answer.body)
        self.transport.close()
        self._start_write_timer()

    def _stop_reading(self) -> RequestResponseCycle | None:
        """Ignore further input; return the last complete request without an answer."""
        self._ignores_input = True
        self._cancel_head_timer()
        due = None
        for cycle in self._cycles:
            if not cycle.more_body and not cycle.response_complete:
                due = cycle
        if due is not None and self.cycle is not due:
            # An incomplete request is behind others, and was not started.
            self.pipeline.popleft()
            self.cycle = due
        return due

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() and not self._is_lost():
            self._start_write_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_write_timer()

    def _start_write_timer(self) -> None:
        """End the connection after a timeout if the client does not read its answer."""
        self._cancel_write_timer()
        self._write_timer = self._abort_after(self._limits.idle_seconds)

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio uses the result
        due = self._stop_reading()
        if due is None:
            self._start_write_timer()
            return False
        due.keep_alive = False
        return True

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        # A request that has not arrived completely has not been accepted.
        due = self._stop_reading()
        cycle: Any = self.cycle
        if due is not None:
            due.keep_alive = False
        elif cycle is not None and cycle.more_body:
            self.transport.abort()
        else:
            self.transport.close()
