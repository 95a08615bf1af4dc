"""
The limits of a connection; all code that depends on uvicorn's internals is here.

uvicorn, with httptools as its parser, is made for a trusted proxy in front of it, and
limits its clients little. This module adds what an endpoint on an open port, and its
faults, need:

- a request is parsed when those before it have been answered, and it is its
  connection's turn: until then, at most 64 KiB of what follows are kept, unparsed, and
  no more is read. It is at once if the last answer was to a call that was served, and
  its client had waited for it;
- a head of more than 64 KiB, or of more than 100 headers, ends the connection, and so
  do 64 KiB of empty lines, and of a body in chunks 4 KiB of what is not body beyond a
  16th of it: sizes, extensions, trailers;
- a head must be complete within a timeout, which runs from its first byte, and for the
  first head from the start of the connection;
- a client that does not read its answer is disconnected, keep-alive or not;
- a client that closes its side after a complete request still gets the answer;
- a request that cannot be parsed is rejected in the service's format;
- the number of connections is limited: a new one replaces one that is of no use;
- a request to upgrade to another protocol is answered, and the connection closed;
- the application can end the connection.

The parser cannot be stopped where a request ends. So it gets its input in parts, none
of which goes beyond the end of a request: a head, and the trailers of a chunked body,
end at the first empty line, and a body of known length has that length.

The tests in `tests/server/test_connections.py` check all of this with real sockets, so
that they notice a change in uvicorn.
"""

import asyncio
import contextlib
import socket
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
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
    framing_too_large,
    head_too_large,
    headers_of,
    too_many_headers,
)
from pinpoint_events.server._exchange import CUT, NEXT_AT_ONCE
from pinpoint_events.server._limits import MAX_HEAD_BYTES, MAX_HEADERS, Limits
from pinpoint_events.server._open_connections import OpenConnections
from pinpoint_events.server._turns import Turns

__all__ = ["Connection"]

# What is read at a time, and so what is kept at most. asyncio would read 256 KiB. Of
# what has no known length, less: it may be small chunks, and others wait meanwhile.
_MAX_READ_BYTES: Final = 64 * 1024
_FIRST_READ_BYTES: Final = 8 * 1024
# Of answers, before a further answer waits for the client to read.
_MAX_UNREAD_BYTES: Final = 16 * 1024
# Small chunks take a hundred times as long as the same bytes in a large one. So there
# may be 800 of them, which take 1 ms, and then a body of chunks of 100 bytes. Most
# clients send chunks of kilobytes.
_MAX_FRAMING_BYTES: Final = 4 * 1024
_FRAMING_SHARE: Final = 16
_EMPTY_LINE: Final = b"\n\r\n"  # the parser requires CRLF, except behind HTTP/0.9's URL


class _Flow(FlowControl):
    """uvicorn's control of the flow; does not resume reading while bytes are kept."""

    is_held = False

    def hold(self, *, is_held: bool) -> None:
        """Read no more, or read again."""
        self.is_held = is_held
        if is_held:
            self.pause_reading()
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read again, unless held."""
        if not self.is_held:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """One connection to a client."""

    flow: _Flow

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        open_connections: OpenConnections,
        turns: Turns,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.access_log = False
        app: Any = config.app
        self._limits: Limits = app.limits
        self._open_connections = open_connections
        self._turns = turns
        self.headers = []  # those of the head, or of the trailers, that is parsed
        self._kept = b""
        self._last_parsed = b""  # its last two bytes
        self._unparsed_body_bytes = 0  # where the length is known
        self._unread_bytes = 0
        self._is_in_head = True
        self._has_begun = False
        self._is_next_at_once = True
        self._ignores_input = False
        self._is_stopping = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connected: Any = transport
        # asyncio sets this only if the listening socket names its protocol. Without it,
        # the second half of an answer waits for the client's ACK, 40 ms on Linux.
        sock = connected.get_extra_info("socket")
        if sock.family in {socket.AF_INET, socket.AF_INET6}:
            # Some systems refuse it if the client has gone.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.set_write_buffer_limits(high=_MAX_UNREAD_BYTES)
        super().connection_made(connected)
        self._read_at_a_time(_FIRST_READ_BYTES)
        self.flow = _Flow(connected)
        is_full = len(self.connections) > self._limits.connections
        if is_full and not self._open_connections.close_one():
            self.abort()
            return
        self._open_connections.set_idle(self)
        self._head_timer = self._abort_after(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_connections.remove(self)
        self._turns.leave(self)
        self._cancel_head_timer()
        self._cancel_write_timer()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        # The connection and its cycle reference each other. Without the references,
        # they are freed when the cycle ends; the garbage collector runs seldom.
        # The base class sets None, too, before the first request; its type omits it.
        self.scope = self.cycle = None  # type: ignore[assignment]
        self._kept = b""

    def abort(self) -> None:
        """Close the connection at once, and free its place."""
        self.connections.discard(self)
        self.transport.abort()

    def _abort_after(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_write_timer(self) -> None:
        self._open_connections.set_read(self)
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    # --- Reading ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._ignores_input or self.transport.is_closing():
            return
        self._kept += data
        if self._takes_turn():
            self._unset_keepalive_if_required()
            self._hold(is_held=True)
            self._turns.ask(self)
        else:
            self._parse_kept()

    def _takes_turn(self) -> bool:
        """Whether what follows the last answer waits for a turn."""
        is_between = self._is_in_head and not self._has_begun and self._due() is None
        return is_between and not self._is_next_at_once

    def _read_next_at_once(self) -> None:
        self._is_next_at_once = True

    def _parse_kept(self) -> None:
        """Parse what was kept, up to the end of a request; keep the rest."""
        self._unset_keepalive_if_required()
        data, place = self._kept, 0
        while place < len(data) and self._parses():
            end = self._end_of_part(data, place)
            self._parse(data[place:end])
            place = end
        if place < len(data) and not self.transport.is_closing():
            self._kept = data[place:]
            self._hold(is_held=True)
            return
        self._kept = b""
        if self.flow.is_held:
            self._hold(is_held=False)
        if self._head_timer is None and self._is_in_head and self._awaits_head():
            self._head_timer = self._abort_after(self._limits.head_seconds)

    def _hold(self, *, is_held: bool) -> None:
        self._open_connections.set_ahead(self, is_ahead=is_held)
        self.flow.hold(is_held=is_held)

    def _parses(self) -> bool:
        return self._due() is None and not self.transport.is_closing()

    def _end_of_part(self, data: bytes, place: int) -> int:
        """Return where the part ends that can hold the end of one request at most."""
        if self._unparsed_body_bytes:
            return min(place + self._unparsed_body_bytes, len(data))
        before = self._last_parsed
        # An empty line may have begun in the part before.
        found = (before + data[place : place + 2]).find(_EMPTY_LINE)
        if found >= 0:
            return place + found + len(_EMPTY_LINE) - len(before)
        found = data.find(_EMPTY_LINE, place)
        return len(data) if found < 0 else found + len(_EMPTY_LINE)

    def _parse(self, part: bytes) -> None:
        body_bytes = self._unparsed_body_bytes
        self._unread_bytes += len(part)
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            pass  # the request ends with its head; what follows is not parsed
        except httptools.HttpParserError:
            self._reject(self._unparsable())
            return
        if body_bytes:
            self._unparsed_body_bytes = body_bytes - len(part)
        before = self._last_parsed if len(part) == 1 else b""
        self._last_parsed = before[-1:] + part[-2:]
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._reject(head_too_large(MAX_HEAD_BYTES))
        elif self._unread_bytes > _MAX_FRAMING_BYTES and not self._is_in_head:
            self._reject(framing_too_large(_MAX_FRAMING_BYTES))

    def _unparsable(self) -> RequestError:
        if len(self.headers) > MAX_HEADERS:
            return too_many_headers(MAX_HEADERS)
        message = "this is no HTTP/1.1 that can be read in one way only; send it anew"
        return bad_request(message)

    def _awaits_head(self) -> bool:
        # The first bytes may have arrived together with the previous request.
        return self._has_begun or self._unread_bytes > 0

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()
        extensions: Any = {
            CUT: self.transport.close,
            NEXT_AT_ONCE: self._read_next_at_once,
        }
        self.scope["extensions"] = extensions

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            # The parser stops: it would call this for each of ten thousand headers.
            raise OverflowError

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._has_begun = False
        self._unread_bytes = 0
        self._is_next_at_once = False
        self._cancel_head_timer()
        self._open_connections.set_busy(self)
        is_upgrade = self.parser.should_upgrade()
        if not is_upgrade:  # of a request to upgrade, the parser reads no body
            for name, value in self.headers:
                if name == b"content-length":
                    self._unparsed_body_bytes = int(value)
                    self._read_at_a_time(_MAX_READ_BYTES)
        super().on_headers_complete()
        if is_upgrade:
            self.cycle.keep_alive = False
        # For trailers, which are no part of the head that the client has signed.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        size = len(body)
        self._unread_bytes -= size + size // _FRAMING_SHARE
        self._unread_bytes = max(0, self._unread_bytes)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._read_at_a_time(_FIRST_READ_BYTES)
        self._is_in_head = True
        self._unread_bytes = 0
        self.headers = []
        super().on_message_complete()

    def _read_at_a_time(self, size: int) -> None:
        transport: Any = self.transport
        transport.max_size = size

    # --- Answering --------------------------------------------------------------------

    def _due(self) -> RequestResponseCycle | None:
        """Return the request whose answer is due, if there is one."""
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            return None
        is_due = cycle.response_started or not cycle.more_body
        return cycle if is_due else None

    def _reject(self, error: RequestError) -> None:
        """Answer with an error, and close the connection."""
        self._cancel_head_timer()
        # The client may take its time to read the answer.
        self.headers = []
        self.scope = None  # type: ignore[assignment] # as before the first request
        request_id = new_event_id()
        answer = error_answer(error, request_id)
        headers = headers_of(answer, request_id, closes=True)
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = STATUS_LINE[answer.status] + b"".join(lines)
        self.transport.write(head + b"\r\n" + answer.body)
        self.transport.close()
        self._start_write_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._start_write_timer()
            return
        if self._is_stopping:
            self.shutdown()
        elif self._kept:
            self._turns.ask(self)
        else:
            self._open_connections.set_idle(self)

    def go_on(self) -> None:
        """Parse what the client has sent ahead of this turn."""
        self._parse_kept()
        if self._due() is None and not self.transport.is_closing():
            self._open_connections.set_idle(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_write_timer()
        if self.transport.is_closing():
            self._start_write_timer()  # for what is left of the last answer

    def _start_write_timer(self) -> None:
        """End the connection after a timeout if the client does not read its answer."""
        self._cancel_write_timer()
        self._write_timer = self._abort_after(self._limits.idle_seconds)
        size = self.transport.get_write_buffer_size()
        self._open_connections.set_unread(self, size)

    # --- Ending -----------------------------------------------------------------------

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio uses the result
        self._ignores_input = True
        self._cancel_head_timer()
        due = self._due()
        if due is None:
            self._start_write_timer()
            return False
        due.keep_alive = False
        return True

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """End the connection after the answers to what has arrived completely."""
        self._ignores_input = self._is_stopping = True
        self._cancel_head_timer()
        if self._due() is None:
            self._parse_kept()
        due = self._due()
        if due is None:
            self.transport.close()
        elif not self._kept:  # which may be complete requests
            due.keep_alive = False
