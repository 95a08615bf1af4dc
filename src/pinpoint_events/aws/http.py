"""
HTTP connections: one signed request out, one complete answer in.

Without a proxy, connections of the standard library are kept and used again: for a
request of 36 KB they take 140 us of CPU, where urllib3's pool takes 240 and botocore's
HTTP session 370. Through a proxy, urllib3 is used, as in botocore. Either way TLS,
timeouts and proxies are set up as in botocore.

A timeout bounds one wait for the network; the deadline of an exchange bounds all of
them, interim answers and a body that arrives byte by byte included.

Connections belong to the process that opened them: after a `fork`, the child's first
request opens a new one. No lock is held that a `fork` could leave locked.
"""

import http.client
import io
import ipaddress
import math
import os
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.util import wait_for_read

from pinpoint_events.aws._botocore import create_urllib3_context, get_cert_path
from pinpoint_events.aws._transport_errors import (
    MAX_ANSWER_BYTES,
    cut_off,
    no_proxy,
    not_connected,
    not_http,
    not_trusted,
    silent,
    too_large,
    too_late,
)
from pinpoint_events.aws.endpoint_url import PORTS
from pinpoint_events.aws.link import Link, Proxy
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    TransportError,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse

__all__ = ["Transport", "transport"]

_REQUEST_ID: Final = "x-amzn-requestid"


class Transport(Protocol):
    """Sends one request at a time on each thread, as many as there are threads."""

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        """
        Send a request and return the complete answer to it.

        Args:
            request: With all its headers.
            seconds: The longest time to take, over all waits. It does not bound the
                look-up of an address, which the system does.

        Raises:
            TransportError: If none arrived.
            InvalidResponseError: If it is too large to be one.
        """
        ...

    def close(self) -> None:
        """Close the connections; those in use are closed after it."""
        ...


def transport(link: Link) -> Transport:
    """
    Return what sends to a service.

    Raises:
        ConfigurationError: If certificates cannot be read.
    """
    return _Direct(link) if link.proxy is None else _Proxied(link, link.proxy)


def _tls(
    verify: bool | str,  # noqa: FBT001 - botocore's own name and values
    client_cert: str | tuple[str, str] | None,
    *,
    checks_host: bool,
) -> ssl.SSLContext:
    context: ssl.SSLContext = create_urllib3_context()
    context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.check_hostname = checks_host
        path = get_cert_path(verify)
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise ConfigurationError(
                f"the CA bundle {path!r} cannot be read; correct AWS_CA_BUNDLE",
                ConfigurationErrorCode.CA_BUNDLE_UNREADABLE,
            ) from error
    else:
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        paths = (client_cert,) if isinstance(client_cert, str) else client_cert
        try:
            context.load_cert_chain(*paths)
        except OSError as error:
            raise ConfigurationError(
                f"the client certificate {paths[0]!r} cannot be read; correct "
                "client_cert"
            ) from error
    return context


class _Deadline:
    """When an exchange must be over, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def bounded(self, timeout: float | None) -> float | None:
        """Return a timeout that does not go beyond the deadline."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left == math.inf:
            return timeout
        return left if timeout is None else min(timeout, left)


# The deadline of the exchange in each thread: urllib3 makes its responses itself.
_exchange: Final = threading.local()


class _BoundedReader(io.RawIOBase):
    """Reads from a socket with a timeout that ends at the deadline of the exchange."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase) -> None:
        self._socket = sock
        self._stream = stream
        self._timeout = sock.gettimeout()
        self._deadline: _Deadline = _exchange.deadline
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return None
        timeout = self._deadline.bounded(self._timeout)
        if timeout == self._timeout:
            return self._stream.readinto(buffer)
        # Only near the deadline: the call takes as long as the reading itself.
        self._socket.settimeout(timeout)
        try:
            return self._stream.readinto(buffer)
        finally:
            self._socket.settimeout(self._timeout)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _AnswerReader(io.BufferedReader):
    """
    Reads one answer, and knows what `http.client` does not.

    Bytes that came after the answer belong to no request: then the socket is shut down,
    so that the connection is not used again.

    Attributes:
        is_head_cut: Whether the connection ended within the head: `http.client` takes
            that for the end of the head.
        is_last: Whether nothing that is HTTP comes after this answer.
    """

    is_head_cut = False
    is_last = False

    def __init__(self, sock: socket.socket, raw: _BoundedReader) -> None:
        super().__init__(raw)
        self._socket = sock
        self._raw = raw

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            self.is_head_cut = True
        return line

    def close(self) -> None:
        if not self.closed:
            self._raw.is_over = True
            if self.is_last or self.peek():
                with suppress(OSError):  # where it is closed already
                    self._socket.shutdown(socket.SHUT_RDWR)
        super().close()


class _FinalResponse(http.client.HTTPResponse):
    """The answer after those that only announce it, such as 103 Early Hints."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        stream: Any = self.fp
        self._reader = _AnswerReader(sock, _BoundedReader(sock, stream.detach()))
        self.fp = self._reader

    def begin(self) -> None:
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
        # Out of the handler: what was received is in its error.
        if is_cut or self._reader.is_head_cut:
            raise http.client.IncompleteRead(b"")


_PROTOCOL: Final = "HTTP/"
_SWITCHED: Final = 101  # to another protocol
_ANNOUNCEMENTS: Final = range(102, 200)


class _Connection(http.client.HTTPConnection):
    """
    A connection that knows its process, and reads with a separate timeout.

    It connects by itself: `http.client` gives each address of a host, and the TLS
    handshake, all of the time that was left at the beginning.
    """

    response_class = _FinalResponse

    def __init__(self, link: Link, tls: ssl.SSLContext | None) -> None:
        super().__init__(link.host, link.port or PORTS[link.scheme])
        self._link = link
        self._tls = tls
        self.process = os.getpid()

    def connect(self) -> None:
        link = self._link
        deadline: _Deadline = _exchange.deadline
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [each[4] for each in found]
        self.sock = _first_reached(addresses, deadline, link.connect_timeout)
        for option in link.socket_options:
            self.sock.setsockopt(*option)
        if self._tls is not None:
            self.sock.settimeout(deadline.bounded(link.connect_timeout))
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(link.read_timeout)


def _first_reached(
    addresses: Iterable[Any], deadline: _Deadline, timeout: float | None
) -> socket.socket:
    """
    Return a socket that is connected to the first address that answers.

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


class _Direct:
    """Connections to the service itself."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._context = None
        if link.scheme == "https":
            self._context = _tls(link.verify, link.client_cert, checks_host=True)
        self._idle: deque[_Connection] = deque()
        self._is_closed = False
        # Closes the connections of a sender that is dropped without `close()`.
        weakref.finalize(self, _close_all, self._idle)

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        _exchange.deadline = _Deadline(seconds)
        connection = self._idle_connection() or self._connected()
        try:
            answer = self._answer(connection, request)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._keep(connection)
        return answer

    def _idle_connection(self) -> _Connection | None:
        process = os.getpid()
        while True:
            # Not checked for emptiness first: another thread may be faster.
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            # A readable idle socket means that the server has closed it.
            if connection.process == process and not wait_for_read(connection.sock, 0):
                return connection
            connection.close()

    def _keep(self, connection: _Connection) -> None:
        if len(self._idle) < self._link.max_connections:
            self._idle.append(connection)
        else:
            connection.close()
        if self._is_closed:
            _close_all(self._idle)  # closed meanwhile, by another thread

    def _connected(self) -> _Connection:
        link = self._link
        connection = _Connection(link, self._context)
        try:
            connection.connect()
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
            if isinstance(error, TimeoutError) and _exchange.deadline.is_over:
                raise too_late(link) from error
            raise not_connected(link, error) from error
        return connection

    def _answer(self, connection: _Connection, request: HttpRequest) -> HttpResponse:
        is_cut_off = False
        request_id = None
        try:
            try:
                self._send(connection, request)
            except (BrokenPipeError, ConnectionResetError):
                is_cut_off = True  # the server may have answered before it closed
            with connection.getresponse() as response:
                named = response.getheaders()
                headers = {name.lower(): value for name, value in named}
                request_id = headers.get(_REQUEST_ID)
                body = _body(response)
        except TimeoutError as error:
            raise _timed_out(self._link, request_id) from error
        except OSError as error:
            raise cut_off(self._link, request_id) from error
        # From None, both: the errors contain received data.
        except http.client.IncompleteRead:
            raise cut_off(self._link, request_id) from None
        # A chunk of a negative size ends in a ValueError.
        except (http.client.HTTPException, ValueError):
            raise not_http(self._link) from None
        if body is None:
            raise too_large(self._link, request_id)
        if is_cut_off:
            connection.close()
        return HttpResponse(status=response.status, headers=headers, body=body)

    def _send(self, connection: _Connection, request: HttpRequest) -> None:
        timeout = _exchange.deadline.bounded(self._link.read_timeout)
        is_near = timeout != self._link.read_timeout
        if is_near:
            connection.sock.settimeout(timeout)
        connection.request(
            request.method, request.path, request.body, dict(request.headers)
        )
        if is_near:
            connection.sock.settimeout(self._link.read_timeout)

    def close(self) -> None:
        self._is_closed = True
        _close_all(self._idle)


def _body(response: http.client.HTTPResponse) -> bytes | None:
    """Return the whole body, or None if it is too large."""
    # An answer that states its length is read to its end, or it counts as cut. Others
    # are read up to one byte more than they may have.
    if response.length is None:
        body = response.read(MAX_ANSWER_BYTES + 1)
        return None if len(body) > MAX_ANSWER_BYTES else body
    return None if response.length > MAX_ANSWER_BYTES else response.read()


def _close_all(connections: deque[_Connection]) -> None:
    while True:
        try:
            connections.pop().close()
        except IndexError:
            return


class _HttpConnection(urllib3.connection.HTTPConnection):
    """urllib3's connection, reading with the deadline."""

    response_class = _FinalResponse


class _HttpsConnection(urllib3.connection.HTTPSConnection):
    """The same over TLS."""

    response_class = _FinalResponse


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Proxied:
    """Connections through a proxy."""

    def __init__(self, link: Link, proxy: Proxy) -> None:
        self._link = link
        self._proxy = proxy
        # Where it is trusted with what goes to `https`, TLS ends at the proxy.
        forwards_https = proxy.forwards_https and proxy.url.startswith("https:")
        context = None
        if link.scheme == "https" and not forwards_https:
            # urllib3 itself checks whose the certificate is.
            context = _tls(link.verify, link.client_cert, checks_host=False)
        proxy_context = None
        if proxy.ca_bundle or proxy.client_cert or forwards_https:
            proxy_context = _tls(
                proxy.ca_bundle or link.verify,
                proxy.client_cert,
                # An old urllib3 cannot have it checked for addresses.
                checks_host=not _is_address(urlsplit(proxy.url).hostname or ""),
            )
        self._options: dict[str, Any] = {
            "ca_certs": get_cert_path(link.verify) if link.verify else None,
            "cert_reqs": "CERT_REQUIRED" if link.verify else "CERT_NONE",
            "maxsize": link.max_connections,
            "proxy_headers": proxy.headers,
            "proxy_ssl_context": proxy_context,
            "socket_options": list(link.socket_options),
            "ssl_context": context,
            "use_forwarding_for_https": forwards_https,
        }
        # By process id. Those of a parent process stay untouched: threads that do not
        # exist in the child may hold their locks.
        self._managers: dict[int, urllib3.ProxyManager] = {}

    def _manager(self) -> urllib3.ProxyManager:
        process = os.getpid()
        manager = self._managers.get(process)
        if manager is None:
            manager = urllib3.ProxyManager(self._proxy.url, **self._options)
            pools = {"http": _HttpPool, "https": _HttpsPool}
            manager.pool_classes_by_scheme = pools
            manager = self._managers.setdefault(process, manager)
        return manager

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        link = self._link
        request_id = None
        _exchange.deadline = deadline = _Deadline(seconds)
        try:
            response = self._manager().urlopen(
                request.method,
                link.origin + request.path,
                body=request.body,
                headers=dict(request.headers),
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(
                    connect=deadline.bounded(link.connect_timeout),
                    read=deadline.bounded(link.read_timeout),
                ),
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
            named = response.headers.items()
            headers = {name.lower(): value for name, value in named}
            request_id = headers.get(_REQUEST_ID)
            body = self._body(response, request_id)
        # From None, all of them: urllib3's errors contain the connection, and so the
        # proxy's credentials.
        except urllib3.exceptions.ProxyError as error:
            if deadline.is_over:
                raise too_late(link) from None
            # urllib3's name for every connection that ends before an answer, too.
            is_cut = isinstance(error.original_error, ConnectionError)
            raise (cut_off(link) if is_cut else no_proxy(link)) from None
        except (TimeoutError, urllib3.exceptions.TimeoutError):
            raise _timed_out(link, request_id) from None
        except urllib3.exceptions.SSLError as error:
            cause = error.args[0]
            if isinstance(cause, OSError):
                raise not_connected(link, cause) from None
            raise not_trusted(link, str(cause)) from None
        except urllib3.exceptions.HTTPError:
            raise cut_off(link, request_id) from None
        except ValueError:  # a chunk of a negative size
            raise not_http(link) from None
        response.release_conn()
        return HttpResponse(status=response.status, headers=headers, body=body)

    def _body(
        self, response: urllib3.response.BaseHTTPResponse, request_id: str | None
    ) -> bytes:
        is_small = (response.length_remaining or 0) <= MAX_ANSWER_BYTES
        body = response.read(MAX_ANSWER_BYTES + 1) if is_small else b""
        if is_small and response.length_remaining:
            # Asked for a number of bytes, urllib3 takes the end for the end.
            response.close()
            raise cut_off(self._link, request_id)
        if len(body) > MAX_ANSWER_BYTES or not is_small:
            response.close()
            raise too_large(self._link, request_id)
        return body

    def close(self) -> None:
        manager = self._managers.pop(os.getpid(), None)
        if manager is not None:
            manager.clear()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _timed_out(link: Link, request_id: str | None) -> TransportError:
    if _exchange.deadline.is_over:
        return too_late(link, request_id)
    return silent(link, request_id)
