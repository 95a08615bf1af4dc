"""
Connections to the service itself.

They are kept and used again, without `http.client`'s connection or a pool. The answers
of a connection that is used again are read by httptools where it is installed; the
first ones, and all others, by `http.client`.

Connections belong to the process that opened them: after a `fork`, the child's first
request opens a new one. No lock is held that a `fork` could leave locked.
"""

import math
import os
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import cache
from http.client import HTTPException, IncompleteRead
from importlib import import_module
from typing import Any, Final

from urllib3.util import wait_for_read

from pinpoint_events.aws._transport_errors import (
    MAX_ANSWER_BYTES,
    cut_off,
    not_connected,
    not_http,
    timed_out,
    too_large,
    too_late,
)
from pinpoint_events.aws.answer_reader import REQUEST_ID, FinalResponse, HeadReader
from pinpoint_events.aws.deadline import Deadline, exchange
from pinpoint_events.aws.endpoint_url import PORTS
from pinpoint_events.aws.link import Link
from pinpoint_events.aws.request_head import request_head
from pinpoint_events.aws.tls import tls_context
from pinpoint_events.http_messages import HttpRequest, HttpResponse

__all__ = ["Direct", "load_head_reader"]

# Up to here, to copy a body behind its head takes less time than a second system call.
_COPIED_BYTES: Final = 64 * 1024
# More than a TLS record has: what OpenSSL has decrypted is not left with it, where
# nothing would tell that it is there.
_RECEIVED_BYTES: Final = 64 * 1024


@cache
def load_head_reader(package: str = "httptools") -> HeadReader | None:
    """
    Return what reads the heads of ordinary answers.

    Args:
        package: What it needs; None is returned if that is not installed.
    """
    try:
        import_module(package)
    except ImportError:
        return None
    from pinpoint_events.aws.fast_answer_reader import read_head  # noqa: PLC0415

    return read_head


class Connection:
    """
    A connection that knows its process, and reads with a separate timeout.

    Args:
        link: The way to the service.
        tls: None for plain HTTP.

    Attributes:
        sock: None if it is not open.
        process: The id of the process that opened it.
        request_id: What the service calls the request under way, once it is known.
    """

    def __init__(self, link: Link, tls: ssl.SSLContext | None) -> None:
        self._link = link
        self._tls = tls
        self.sock: Any = None  # a socket, except before and after
        self.process: int = os.getpid()
        self.request_id: str | None = None

    def connect(self, deadline: Deadline) -> None:
        """
        Open it.

        Raises:
            OSError: If that is not possible, or not in time.
        """
        link = self._link
        port = link.port or PORTS[link.scheme]
        found = socket.getaddrinfo(link.host, port, type=socket.SOCK_STREAM)
        addresses = [each[4] for each in found]
        self.sock = first_reached(addresses, deadline, link.connect_timeout)
        for option in link.socket_options:
            self.sock.setsockopt(*option)
        if self._tls is not None:
            self.sock.settimeout(deadline.bounded(link.connect_timeout))
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=link.host)
        self.sock.settimeout(link.read_timeout)

    @property
    def is_readable(self) -> bool:
        """Whether anything has come, if only the end."""
        # What OpenSSL has decrypted is no longer in the socket.
        is_decrypted = self._tls is not None and self.sock.pending() > 0
        return is_decrypted or wait_for_read(self.sock, 0)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send bytes, all of them."""
        deadline.bound(self.sock, self.sock.sendall, data)

    def receive(self, deadline: Deadline) -> bytes:
        """Return what came, up to a number of bytes; none at the end."""
        received: bytes = deadline.bound(self.sock, self.sock.recv, _RECEIVED_BYTES)
        return received

    def close(self) -> None:
        """Close it; again without effect."""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()


def first_reached(
    addresses: Iterable[Any], deadline: Deadline, timeout: float | None
) -> socket.socket:
    """
    Return a socket that is connected to the first address that answers.

    `socket.create_connection` would give each address of a host all of the time that
    was left at the beginning.

    Raises:
        OSError: That of the last address, if none does.
    """
    failure = OSError("the host has no address")
    for host, port, *_ in addresses:
        try:
            return socket.create_connection((host, port), deadline.bounded(timeout))
        except OSError as error:
            failure = error
    try:
        raise failure
    finally:
        del failure  # which refers to this frame


class Direct:
    """
    Sends over connections to the service itself.

    Args:
        link: The way to the service.
        read_head: Reads the heads of ordinary answers; None to load it when a
            connection is used again: that takes 3 ms, which a program that sends once
            need not wait for.
        load: Returns such a reader, or None if there is none.
    """

    def __init__(
        self,
        link: Link,
        read_head: HeadReader | None = None,
        load: Callable[[], HeadReader | None] = load_head_reader,
    ) -> None:
        self._link = link
        self._host = link.origin.partition("//")[2]
        self._read_head = read_head
        self._load = load
        self._tls = None
        if link.scheme == "https":
            self._tls = tls_context(link.verify, link.client_cert, checks_host=True)
        self._idle: deque[Connection] = deque()
        self._is_closed = False
        # Closes the connections of a sender that is dropped without `close()`.
        weakref.finalize(self, _close_all, self._idle)

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        """Send a request and return the complete answer, as `Transport` says."""
        exchange.deadline = deadline = Deadline(seconds)
        connection = self._idle_connection()
        if connection is None:
            connection = self._connected(deadline)
        elif self._read_head is None:
            self._read_head = self._load()
        try:
            answer = self._answer(connection, request, deadline)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._keep(connection)
        return answer

    def _idle_connection(self) -> Connection | None:
        process = os.getpid()
        while True:
            # Not checked for emptiness first: another thread may be faster.
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # A readable idle socket means that the server has closed it.
            if connection.process == process and not connection.is_readable:
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) < self._link.max_connections:
            self._idle.append(connection)
        else:
            connection.close()
        if self._is_closed:
            _close_all(self._idle)  # closed meanwhile, by another thread

    def _connected(self, deadline: Deadline) -> Connection:
        link = self._link
        connection = Connection(link, self._tls)
        try:
            connection.connect(deadline)
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
            if isinstance(error, TimeoutError) and deadline.is_over:
                raise too_late(link) from error
            raise not_connected(link, error) from error
        return connection

    def _answer(
        self, connection: Connection, request: HttpRequest, deadline: Deadline
    ) -> HttpResponse:
        link = self._link
        connection.request_id = None
        is_cut_off = False
        try:
            try:
                self._send(connection, request, deadline)
            except (BrokenPipeError, ConnectionResetError):
                is_cut_off = True  # the server may have answered before it closed
            answer = self._read(connection, request.method, deadline)
        except TimeoutError as error:
            raise timed_out(link, connection.request_id, deadline) from error
        except OSError as error:
            raise cut_off(link, connection.request_id) from error
        # From None, both: the errors contain received data.
        except IncompleteRead:
            raise cut_off(link, connection.request_id) from None
        # A chunk of a negative size ends in a ValueError.
        except (HTTPException, ValueError):
            raise not_http(link) from None
        if answer is None:
            raise too_large(link, connection.request_id)
        if is_cut_off:
            connection.close()
        return answer

    def _send(
        self, connection: Connection, request: HttpRequest, deadline: Deadline
    ) -> None:
        head = request_head(request, self._host)
        if len(request.body) <= _COPIED_BYTES:
            connection.send(head + request.body, deadline)
        else:
            connection.send(head, deadline)
            connection.send(request.body, deadline)

    def _read(
        self, connection: Connection, method: str, deadline: Deadline
    ) -> HttpResponse | None:
        """Return the whole answer, or None if it is too large."""
        # The answer to HEAD states the length of a body that does not come.
        if self._read_head is None or method == "HEAD":
            return _read_by_http_client(connection, method)
        received = connection.receive(deadline)
        head = self._read_head(received)
        if head is None:
            return _read_by_http_client(connection, method, received)
        connection.request_id = head.headers.get(REQUEST_ID)
        if head.body_length > MAX_ANSWER_BYTES:
            return None
        end = head.body_start + head.body_length
        if len(received) < end:
            received = _completed(connection, received, end, deadline)
        # Bytes that came after the answer belong to no request.
        if head.is_last or len(received) > end:
            connection.close()
        body = received[head.body_start : end]
        return HttpResponse(status=head.status, headers=head.headers, body=body)

    def close(self) -> None:
        """Close the connections, as `Transport` says."""
        self._is_closed = True
        _close_all(self._idle)


def _completed(
    connection: Connection, received: bytes, end: int, deadline: Deadline
) -> bytes:
    """Return what was received, and what comes until it has that many bytes."""
    # One buffer: a list of pieces could take many times the memory of their bytes.
    whole = bytearray(received)
    while len(whole) < end:
        received = connection.receive(deadline)
        if not received:
            raise IncompleteRead(b"")
        whole += received
    return bytes(whole)


def _read_by_http_client(
    connection: Connection, method: str, received: bytes = b""
) -> HttpResponse | None:
    with FinalResponse(connection.sock, method=method, received=received) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        connection.request_id = headers.get(REQUEST_ID)
        is_last = response.will_close
        body = _body(response)
    if is_last:
        connection.close()
    if body is None:
        return None
    return HttpResponse(status=response.status, headers=headers, body=body)


def _body(response: FinalResponse) -> bytes | None:
    """Return the whole body, or None if it is too large."""
    # An answer that states its length is read to its end, or it counts as cut. Others
    # are read up to one byte more than they may have. Chunks are read even where an
    # answer has no body, such as 204.
    if response.length is None or response.chunked:
        body = response.read(MAX_ANSWER_BYTES + 1)
        return None if len(body) > MAX_ANSWER_BYTES else body
    return None if response.length > MAX_ANSWER_BYTES else response.read()


def _close_all(connections: deque[Connection]) -> None:
    while True:
        try:
            connections.pop().close()
        except IndexError:
            return
