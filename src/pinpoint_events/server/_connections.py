"""
What a connection may do: all code that depends on uvicorn's internals is here.

uvicorn, with httptools as its parser, serves a trusted proxy well, and trusts whoever
sends. This adds what an endpoint on an open port needs, and what faults need:

- a head of more than 64 KiB ends the connection, and so does as much of anything that
  is neither head nor body: chunk extensions, trailers, empty lines;
- a head must be complete some seconds after it began, and after the connection did;
- an answer that is not read ends the connection, kept alive or not;
- who closes its side after a complete request still gets its answer;
- what cannot be read is refused in the service's form; where answers are due, those are
  the last instead;
- so many requests are sent ahead of their answers and no more;
- there are so many connections and no more;
- who asks for another protocol is answered, and hung up on;
- the application can end the connection.

The tests in `tests/server/test_connections.py` hold it to that with real sockets, so
that a uvicorn that changed is noticed.
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
    head_too_large,
    headers_of,
    refusal_answer,
)
from pinpoint_events.server.app import CUT, MOST_HEAD_BYTES, Limits

__all__ = ["Connection"]

# Behind one that is not answered yet. Each is kept with its headers, and the server
# reads on whenever it begins with the next: without a limit, a client that sends faster
# than it is answered takes all memory. Clients of AWS send none ahead.
_MOST_AHEAD: Final = 100


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
        self._is_deaf = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._calls: deque[RequestResponseCycle] = deque()

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
            self._head_timer = self._end_in(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_no_head()
        self._expect_no_reader()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for call in self._calls:  # the base class tells the last one alone
            call.disconnected = not call.response_complete
            call.message_event.set()
        # It and its calls hold each other: cut that, and nothing is left of them when
        # the last one has ended. The collector of such circles comes seldom.
        self._calls.clear()
        self.pipeline.clear()
        # The base class has None there before the first call, too, and a type without.
        self.scope = self.cycle = None  # type: ignore[assignment]

    def _is_lost(self) -> bool:
        return self not in self.connections

    def _end_in(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)

    def _expect_no_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _expect_no_reader(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def data_received(self, data: bytes) -> None:
        if not self._hears():
            return
        self._unread_bytes += len(data)
        super().data_received(data)
        if not self._hears():
            return
        if self._unread_bytes > MOST_HEAD_BYTES:
            self._refuse(head_too_large(MOST_HEAD_BYTES))
        elif self._head_timer is None and self._is_in_head and self._waits_for_more():
            self._head_timer = self._end_in(self._limits.head_seconds)

    def _hears(self) -> bool:
        return not self._is_deaf and not self.transport.is_closing()

    def _waits_for_more(self) -> bool:
        # The first bytes may have come in one piece with the request before.
        return self._has_begun or self._unread_bytes > 0

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()
        extensions: Any = {CUT: self.transport.close}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _MOST_AHEAD:
            # The parser stops, and what it read last is refused with what follows.
            raise asyncio.QueueFull
        self._is_in_head = False
        self._has_begun = False
        self._unread_bytes = 0
        self._expect_no_head()
        super().on_headers_complete()
        while self._calls and self._calls[0].response_complete:
            self._calls.popleft()
        self._calls.append(self.cycle)
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

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its words are not ours
        message = "this is no HTTP/1.1 that can be read in one way only; send it anew"
        self._refuse(bad_request(message))

    def _refuse(self, refused: RequestError) -> None:
        """Refuse what cannot be read; if an answer is due, that is the last instead."""
        due = self._last_due()
        if due is not None:
            due.keep_alive = False
            return
        request_id = new_event_id()
        answer = refusal_answer(refused, request_id)
        headers = headers_of(answer, request_id, closes=True)
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = STATUS_LINE[answer.status] + b"".join(lines)
        self.transport.write(head + b"\r\n" + answer.body)
        self.transport.close()
        self._expect_reader()

    def _last_due(self) -> RequestResponseCycle | None:
        """Hear no more; return the last whole call that waits for its answer."""
        self._is_deaf = True
        self._expect_no_head()
        due = None
        for call in self._calls:
            if not call.more_body and not call.response_complete:
                due = call
        if due is not None and self.cycle is not due:
            # An incomplete request is behind others, and was not looked at.
            self.pipeline.popleft()
            self.cycle = due
        return due

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() and not self._is_lost():
            self._expect_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._expect_no_reader()

    def _expect_reader(self) -> None:
        """End the connection, in a while, if the client does not read its answer."""
        self._expect_no_reader()
        self._reader_timer = self._end_in(self._limits.idle_seconds)

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio asks for it
        due = self._last_due()
        if due is None:
            self._expect_reader()
            return False
        due.keep_alive = False
        return True

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        # What has not arrived whole has not been accepted.
        due = self._last_due()
        cycle: Any = self.cycle
        if due is not None:
            due.keep_alive = False
        elif cycle is not None and cycle.more_body:
            self.transport.abort()
        else:
            self.transport.close()
