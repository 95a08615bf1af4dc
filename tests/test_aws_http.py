import gc
import gzip
import os
import pkgutil
import socket
import ssl
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import wait_for_read

from pinpoint_events.aws._transport_errors import MAX_ANSWER_BYTES
from pinpoint_events.aws.answer_reader import AnswerReader, BoundedReader, HeadReader
from pinpoint_events.aws.deadline import Deadline, exchange
from pinpoint_events.aws.direct import Direct, load_head_reader
from pinpoint_events.aws.fast_answer_reader import read_head
from pinpoint_events.aws.http import Transport
from pinpoint_events.aws.link import Link, Proxy
from pinpoint_events.errors import (
    ConfigurationError,
    InvalidResponseError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.http_messages import HttpRequest
from tests.answer_readers import reader, transport
from tests.aws import aws
from tests.http_server import CUT, REQUEST_ID, SILENCE, Answer, HttpServer

__all__ = ["aws", "reader"]

TLS = Path(__file__).parent / "data" / "tls"
PEM = str(TLS / "localhost.pem")
KEY = str(TLS / "localhost.key")
CERT = (PEM, KEY)
OTHER = (str(TLS / "other.pem"), str(TLS / "other.key"))
REQUEST = HttpRequest(
    method="POST",
    path="/v1/apps/a%2Fb/events",
    headers={"Content-Type": "application/json", "X-Mine": "x"},
    body=b'{"BatchItem":{}}',
)
HALF = "HTTP/1.1 202 OK\r\nx-amzn-RequestId: r-1\r\nContent-Length: 9\r\n\r\n"
UNLIMITED = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: r-1\r\n\r\n"
BACKWARDS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-7\r\nplanted\r\n"


def fine(_: object) -> Answer:
    """Return an answer to anything."""
    return Answer(body=b"fine")


def server_tls(cert: tuple[str, str] = CERT, *, asks: bool = False) -> ssl.SSLContext:
    """Return what a server needs to speak TLS, and to ask for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*cert)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(PEM)
    return context


@contextmanager
def linked(server: HttpServer, **more: Any) -> Iterator[Transport]:
    """Yield what sends to a server."""
    scheme = server.url.partition(":")[0]
    link = Link(scheme, "127.0.0.1", server.port, **more)
    to = transport(link)
    try:
        yield to
    finally:
        to.close()


def raised(act: Callable[[], object], kind: type[TransportError]) -> TransportError:
    """Return the error that an act raises."""
    with pytest.raises(kind) as caught:
        act()
    return caught.value


def raised_after(*answers: Answer, **more: Any) -> tuple[TransportError, str]:
    """Return the error that the first answer causes, and the URL that it came from."""
    with HttpServer(*answers, default=fine) as server, linked(server, **more) as to:
        return raised(lambda: to.exchange(REQUEST), TransportError), server.url


@contextmanager
def deaf_port() -> Iterator[int]:
    """Yield a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that no one listens to, and that no one else can take."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.mark.usefixtures("reader")
class TestExchange:
    """One request out, one whole answer in."""

    def test_carries_all(self) -> None:
        """Method, target, headers and body arrive; status, headers and body return."""
        answered = Answer(status=418, body=b"tea", headers={"X-Theirs": "y"})
        with HttpServer(answered) as server, linked(server) as to:
            answer = to.exchange(REQUEST)
        assert (answer.status, answer.body) == (418, b"tea")
        assert answer.headers == {
            "content-type": "application/json",
            "content-length": "3",
            "x-amzn-requestid": REQUEST_ID,
            "x-theirs": "y",
        }
        (received,) = server.received
        assert received[:2] == ("POST", "/v1/apps/a%2Fb/events")
        assert received.body == REQUEST.body
        assert dict(received.headers) == {
            "Host": f"127.0.0.1:{server.port}",
            "Accept-Encoding": "identity",
            "Content-Length": "16",
            "Content-Type": "application/json",
            "X-Mine": "x",
        }

    def test_keeps_its_connection(self) -> None:
        """Requests one after the other share a connection."""
        with HttpServer(default=fine) as server, linked(server) as to:
            for _ in range(3):
                to.exchange(REQUEST)
        assert [received.connection for received in server.received] == [1, 1, 1]

    def test_follows_no_redirect(self) -> None:
        """What is signed for one host is not for another."""
        moved = Answer(status=307, headers={"Location": "http://127.0.0.1:1/"})
        with HttpServer(moved) as server, linked(server) as to:
            assert to.exchange(REQUEST).status == 307

    @pytest.mark.parametrize(
        "raw",
        [
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
            ),
            b"HTTP/1.1 200 OK\r\n\r\nabc",
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        ],
    )
    def test_reads_every_form_of_body(self, raw: bytes) -> None:
        """In chunks, or up to the end of the connection."""
        with HttpServer(Answer(raw=raw)) as server, linked(server) as to:
            answer = to.exchange(REQUEST)
            assert (answer.status, answer.body) == (200, b"abc")

    @pytest.mark.parametrize("status", [b"102 Processing", b"103 Early Hints"])
    def test_waits_for_the_answer_that_is_announced(self, status: bytes) -> None:
        """What only says that there will be an answer is none."""
        announced = (b"HTTP/1.1 " + status + b"\r\nLink: <a>\r\n\r\n") * 2
        final = b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nabc"
        raw = Answer(raw=announced + final)
        with HttpServer(raw) as server, linked(server) as to:
            answer = to.exchange(REQUEST)
        assert (answer.status, answer.body) == (202, b"abc")
        assert "link" not in answer.headers

    def test_takes_another_language_for_an_answer(self) -> None:
        """101 is final: nothing that is HTTP comes after it."""
        switched = Answer(raw=b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        with HttpServer(switched) as server, linked(server) as to:
            assert to.exchange(REQUEST).status == 101

    def test_reads_no_body_where_there_is_none(self) -> None:
        """204 ends with its head, and the connection serves on."""
        nothing = Answer(status=204, body=b"")
        with HttpServer(nothing, default=fine) as server, linked(server) as to:
            assert to.exchange(REQUEST).body == b""
            to.exchange(REQUEST)
        assert server.connections == 1

    def test_sets_options_of_sockets(self) -> None:
        """Small packets leave at once; other options are set, too."""
        keep_alive = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        no_delay = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            HttpServer(default=fine) as server,
            linked(server, socket_options=(no_delay, keep_alive)) as to,
        ):
            to.exchange(REQUEST)
            used: socket.socket = to._idle[0].sock  # type: ignore[attr-defined]
            assert used.getsockopt(*no_delay[:2]) != 0
            assert used.getsockopt(*keep_alive[:2]) != 0

    def test_hears_an_answer_that_comes_early(self) -> None:
        """A service that refuses in the middle of the body is heard out."""
        large = HttpRequest(
            method="POST", path="/", headers={}, body=bytes(32 * 1024 * 1024)
        )
        early = Answer(status=413, body=b"no", is_early=True)
        with HttpServer(early, default=fine) as server, linked(server) as to:
            assert to.exchange(large).status == 413
            to.exchange(REQUEST)
        assert server.connections == 2


@contextmanager
def scripted(
    *replies: bytes, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[int]]]:
    """
    Yield the port of a server that answers with these bytes, and a list.

    The list gets the number of the connection of each request. A connection stays open
    after a reply, unless the reply is empty or does not end its head.
    """
    following = deque(replies)
    served: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection:
            received = b""
            while following and (chunk := connection.recv(65_536)):
                received += chunk
                if not received.endswith(REQUEST.body):
                    continue
                received = b""
                served.append(number)
                reply = following.popleft()
                connection.sendall(reply)
                if b"\r\n\r\n" not in reply:
                    return
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            for number in range(1, 99):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(
                    threading.Thread(target=serve, args=(connection, number))
                )
                threads[-1].start()

        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield listener.getsockname()[1], served
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()  # no connection is left open


@contextmanager
def linked_to(port: int, *, is_proxied: bool) -> Iterator[Transport]:
    """Yield what sends to a port, or through the proxy there."""
    link = Link("http", "127.0.0.1", port)
    if is_proxied:
        proxy = Proxy(f"http://127.0.0.1:{port}", {})
        link = Link("http", "service", None, proxy=proxy)
    to = transport(link)
    try:
        yield to
    finally:
        to.close()


def reply(body: bytes) -> bytes:
    """Return an answer as it goes over the wire."""
    return b"HTTP/1.1 202 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("is_proxied", [False, True])
@pytest.mark.usefixtures("reader")
class TestOneAnswerForEachRequest:
    """No request gets the answer to another one, directly or through a proxy."""

    HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    def test_announced(self, *, is_proxied: bool) -> None:
        """What comes after a 103 is the answer, and the connection serves on."""
        replies = (self.HINTS * 2 + reply(b"one"), reply(b"two"))
        with (
            scripted(*replies) as (port, served),
            linked_to(port, is_proxied=is_proxied) as to,
        ):
            assert [to.exchange(REQUEST).body for _ in range(2)] == [b"one", b"two"]
        assert served == [1, 1]

    @pytest.mark.parametrize("more", [reply(b"late"), b"HTTP/1.1 2", b"\0"])
    def test_more_than_the_answer(self, more: bytes, *, is_proxied: bool) -> None:
        """A connection with bytes that no one asked for is not used again."""
        replies = (reply(b"one") + more, reply(b"two"))
        with (
            scripted(*replies) as (port, served),
            linked_to(port, is_proxied=is_proxied) as to,
        ):
            assert [to.exchange(REQUEST).body for _ in range(2)] == [b"one", b"two"]
        assert served == [1, 2]

    def test_switched(self, *, is_proxied: bool) -> None:
        """After 101 a connection speaks another protocol, and is closed."""
        switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
        with (
            scripted(switched, reply(b"two")) as (port, served),
            linked_to(port, is_proxied=is_proxied) as to,
        ):
            assert to.exchange(REQUEST).status == 101
            assert to.exchange(REQUEST).body == b"two"
        assert served == [1, 2]

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 202 OK\r\n",
            b"HTTP/1.1 202 OK\r\nx-amzn-RequestId: r-1\r\n",
            b"HTTP/1.1 202 OK\r\nContent-Length: 0",
            b"HTTP/1.1 202 OK",
            b"HTTP/1.1 20",
            b"HTTP/1.1 ",
            b"HTTP/1",
            b"HT",
        ],
    )
    def test_cut_within_the_head(self, head: bytes, *, is_proxied: bool) -> None:
        """It is no empty answer: the connection ended before the answer did."""
        with (
            scripted(head) as (port, _),
            linked_to(port, is_proxied=is_proxied) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.CONNECTION_CLOSED
        assert error.is_retry_safe

    def test_encoded(self, *, is_proxied: bool) -> None:
        """A body with a content encoding stays as it came."""
        body = gzip.compress(b"{}")
        head = b"HTTP/1.1 202 OK\r\nContent-Encoding: gzip\r\n"
        head += b"Content-Length: %d\r\n\r\n"
        with (
            scripted(head % len(body) + body) as (port, _),
            linked_to(port, is_proxied=is_proxied) as to,
        ):
            answer = to.exchange(REQUEST)
        assert answer.body == body
        assert answer.headers["content-encoding"] == "gzip"


class TestReaders:
    """`http.client` reads first answers, httptools later ones if it is installed."""

    def test_installed(self) -> None:
        """It is loaded when a connection is used again: loading takes its time."""
        with HttpServer(default=fine) as server, linked(server) as to:
            used: list[HeadReader | None] = []
            for _ in range(3):
                assert to.exchange(REQUEST).body == b"fine"
                used.append(to._read_head)  # type: ignore[attr-defined]
        assert used == [None, read_head, read_head]
        assert server.connections == 1

    def test_not_installed(self) -> None:
        """`http.client` reads all of them."""
        with HttpServer(default=fine) as server:
            link = Link("http", "127.0.0.1", server.port)
            to = Direct(link, load=lambda: load_head_reader("no_such_package"))
            assert [to.exchange(REQUEST).body for _ in range(3)] == [b"fine"] * 3
            assert to._read_head is None
            to.close()


def test_reader_is_closed_twice() -> None:
    """Closing it again looks for no more bytes."""
    exchange.deadline = Deadline(1)
    mine, its = socket.socketpair()
    with mine, its:
        stream: Any = mine.makefile("rb")
        answer = AnswerReader(mine, BoundedReader(mine, stream.detach()))
        answer.close()
        answer.close()
        assert its.send(b"x") == 1  # the connection is open


@pytest.mark.usefixtures("reader")
class TestConnections:
    """They are kept for later, and shared by no one."""

    def test_are_replaced_when_the_service_hung_up(self) -> None:
        """A connection that ended meanwhile is no reason to fail."""
        leaving = Answer(body=b"bye", closes=True)
        with HttpServer(leaving, default=fine) as server, linked(server) as to:
            to.exchange(REQUEST)
            assert wait_for_read(to._idle[0].sock, 5)  # type: ignore[attr-defined]
            to.exchange(REQUEST)
        assert [received.connection for received in server.received] == [1, 2]

    def test_of_another_process_are_not_used(self) -> None:
        """As if a `fork` had copied it: a new one is opened."""
        with HttpServer(default=fine) as server, linked(server) as to:
            to.exchange(REQUEST)
            to._idle[0].process = -1  # type: ignore[attr-defined]
            to.exchange(REQUEST)
        assert server.connections == 2

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    @pytest.mark.parametrize("proxied", ["", "proxied"])
    def test_are_opened_anew_after_a_fork(self, proxied: str) -> None:
        """Parent and child go on, each with connections of its own."""
        with HttpServer(default=fine) as server:
            script = [sys.executable, "-c", FORKING, str(server.port), proxied]
            subprocess.run(script, check=True, timeout=60, env=child_environment())
        used = [(r.headers["X-Who"], r.connection) for r in server.received]
        assert used == [
            ("parent", 1),
            ("child", 2),
            ("child", 2),
            ("parent", 1),
        ]

    def test_serve_threads(self) -> None:
        """Each answer goes to the thread that asked, and few connections are opened."""

        def echo(received: Any) -> Answer:
            return Answer(body=received.body)

        wrong: list[bytes] = []

        def ask(number: int, to: Transport) -> None:
            for turn in range(50):
                body = b"%d-%d" % (number, turn)
                request = HttpRequest(method="POST", path="/", headers={}, body=body)
                if to.exchange(request).body != body:
                    wrong.append(body)

        with HttpServer(default=echo) as server, linked(server) as to:
            threads = [threading.Thread(target=ask, args=(n, to)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []
        assert len(server.received) == 400
        assert server.connections <= 8

    def test_are_kept_up_to_a_number(self) -> None:
        """What is more is closed after its answer."""
        both = threading.Barrier(2)

        def together(_: object) -> Answer:
            both.wait(10)
            return Answer()

        with (
            HttpServer(default=together) as server,
            linked(server, max_connections=1) as to,
        ):
            threads = [
                threading.Thread(target=to.exchange, args=(REQUEST,)) for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert server.connections == 2
            assert len(to._idle) == 1  # type: ignore[attr-defined]

    def test_are_closed(self) -> None:
        """Closing closes those that wait, and those in use when they are done."""
        with HttpServer(default=fine) as server, linked(server) as to:
            to.exchange(REQUEST)
            (idle,) = to._idle  # type: ignore[attr-defined]
            to.close()
            assert idle.sock is None
            to.exchange(REQUEST)
            assert not to._idle  # type: ignore[attr-defined]
            to.close()

    @pytest.mark.parametrize(
        "steps",
        [
            ["socket.socket.setsockopt"],
            ["socket.socket.sendall"],
            ["socket.socket.recv", "socket.SocketIO.readinto"],
        ],
        ids=["connecting", "sending", "receiving"],
    )
    @pytest.mark.parametrize(
        "error, becomes",
        [(OSError, TransportError), (KeyboardInterrupt, KeyboardInterrupt)],
    )
    def test_are_closed_by_failures(
        self,
        steps: list[str],
        error: type[BaseException],
        becomes: type[BaseException],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nothing is left open, not even by Ctrl-C in the middle of something."""

        def failing(step: str) -> Callable[..., object]:
            whole: Any = pkgutil.resolve_name(step)

            def fails(*given: object) -> object:
                if threading.current_thread() is threading.main_thread():
                    raise error
                return whole(*given)  # it is the server's

            return fails

        with HttpServer(default=fine) as server, linked(server) as to:
            for step in steps:
                monkeypatch.setattr(step, failing(step))
            with pytest.raises(becomes):
                to.exchange(REQUEST)
            monkeypatch.undo()
            assert not to._idle  # type: ignore[attr-defined]
            gc.collect()  # an open socket would warn, and warnings are errors

    def test_are_closed_with_half_a_request(self) -> None:
        """What was sent in part is not completed by the next request."""
        large = HttpRequest(
            method="POST", path="/", headers={}, body=bytes(32 * 1024 * 1024)
        )
        with deaf_port() as port:
            to = transport(Link("http", "127.0.0.1", port, read_timeout=0.1))
            error = raised(lambda: to.exchange(large), TransportError)
            assert error.code is TransportErrorCode.READ_TIMEOUT
            assert not to._idle  # type: ignore[attr-defined]
            to.close()

    def test_go_with_their_owner(self) -> None:
        """Who is dropped without a word leaves no open connection."""
        with HttpServer(default=fine) as server:
            to = transport(Link("http", "127.0.0.1", server.port))
            to.exchange(REQUEST)
            idle = to._idle  # type: ignore[attr-defined]
            (connection,) = idle
            del to
            gc.collect()
            assert connection.sock is None


FORKING = """
import os, sys
from pinpoint_events.http_messages import HttpRequest
from pinpoint_events.aws.http import transport
from pinpoint_events.aws.link import Link, Proxy

port = int(sys.argv[1])
proxy = Proxy(f"http://127.0.0.1:{port}", {}) if sys.argv[2] else None
to = transport(Link("http", "127.0.0.1", port, proxy=proxy))


def send(who):
    to.exchange(HttpRequest(method="POST", path="/", headers={"X-Who": who}, body=b""))


send("parent")
child = os.fork()
if not child:
    send("child")
    send("child")
    to.close()
    os._exit(0)
os.waitpid(child, 0)
send("parent")
to.close()
"""


def child_environment() -> dict[str, str]:
    """Return an environment in which warnings are errors."""
    return {**os.environ, "PYTHONWARNINGS": "error"}


@pytest.mark.usefixtures("reader")
class TestNoConnection:
    """Where there is no connection, the error says why, and what to look at."""

    def test_refused(self) -> None:
        """No one listens."""
        with closed_port() as port:
            to = transport(Link("http", "127.0.0.1", port))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert isinstance(error.__cause__, ConnectionRefusedError)
        assert str(error) == (
            f"no connection to http://127.0.0.1:{port} "
            f"({error.__cause__.strerror}); check network, region and endpoint URL"
        )
        assert error.is_retry_safe

    def test_without_a_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system gives none now and then."""

        def fails(*_: object) -> None:
            raise OSError

        monkeypatch.setattr("socket.socket.connect", fails)
        to = transport(Link("http", "127.0.0.1", 1))
        assert str(raised(lambda: to.exchange(REQUEST), TransportError)) == (
            "no connection to http://127.0.0.1:1 (no reason given); check network, "
            "region and endpoint URL"
        )

    def test_unknown_name(self) -> None:
        """The host has no address."""
        to = transport(Link("http", "fe80::1%no-such-interface", 80))
        error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            "no address is known for fe80::1%no-such-interface; check region, endpoint "
            "URL and DNS"
        )
        assert error.is_retry_safe

    def test_in_time(self) -> None:
        """The other side does not get to a connection."""
        with deaf_port() as port:
            link = Link("https", "127.0.0.1", port, verify=PEM, connect_timeout=0.05)
            to = transport(link)
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"no connection to https://127.0.0.1:{port} within 0.05 s; check network "
            "and endpoint URL, or raise connect_timeout in the config"
        )
        assert error.is_retry_safe

    def test_in_the_time_of_the_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who waits for ever is told by the system that it is enough."""

        def fails(*_: object) -> None:
            raise TimeoutError

        monkeypatch.setattr("socket.socket.connect", fails)
        to = transport(Link("http", "127.0.0.1", 1, connect_timeout=None))
        assert str(raised(lambda: to.exchange(REQUEST), TransportError)) == (
            "no connection to http://127.0.0.1:1 in time; check network and endpoint "
            "URL, or raise connect_timeout in the config"
        )

    def test_over_tls(self) -> None:
        """The port speaks something else."""
        with HttpServer(default=fine) as server:
            to = transport(Link("https", "127.0.0.1", server.port, verify=PEM))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert isinstance(error.__cause__, ssl.SSLError)
        assert str(error) == (
            f"no TLS connection to https://127.0.0.1:{server.port} "
            f"({error.__cause__.reason}); check that the endpoint URL is right to "
            "begin with https"
        )
        assert error.is_retry_safe


@pytest.mark.usefixtures("reader")
class TestCodes:
    """Each kind of failure has its code."""

    def test_connect(self) -> None:
        """The port is closed."""
        with closed_port() as port:
            to = transport(Link("http", "127.0.0.1", port))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.CONNECT

    def test_connect_timeout(self) -> None:
        """The TLS handshake gets no answer."""
        with deaf_port() as port:
            link = Link("https", "127.0.0.1", port, verify=PEM, connect_timeout=0.05)
            error = raised(lambda: transport(link).exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.CONNECT_TIMEOUT

    def test_name_resolution(self) -> None:
        """The host has no address."""
        to = transport(Link("http", "fe80::1%no-such-interface", 80))
        error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.NAME_RESOLUTION

    def test_tls(self) -> None:
        """The port speaks plain HTTP."""
        with HttpServer(default=fine) as server:
            to = transport(Link("https", "127.0.0.1", server.port, verify=PEM))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.TLS

    def test_certificate(self) -> None:
        """The certificate of the server is not among those that are trusted."""
        with HttpServer(default=fine, tls=server_tls()) as server:
            to = transport(Link("https", "127.0.0.1", server.port))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.CERTIFICATE_NOT_TRUSTED

    def test_proxy(self) -> None:
        """The port of the proxy is closed."""
        with closed_port() as port:
            proxy = Proxy(f"http://127.0.0.1:{port}", {})
            to = transport(Link("http", "127.0.0.1", 1, proxy=proxy))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.code is TransportErrorCode.PROXY

    @pytest.mark.parametrize(
        "answer, code",
        [
            (CUT, TransportErrorCode.CONNECTION_CLOSED),
            (SILENCE, TransportErrorCode.READ_TIMEOUT),
            (Answer(raw=b"no HTTP at all\r\n\r\n"), TransportErrorCode.NOT_HTTP),
        ],
        ids=["cut", "silence", "no HTTP"],
    )
    def test_answer(self, answer: Answer, code: TransportErrorCode) -> None:
        """The answer stops, does not come, or is none."""
        error, _ = raised_after(answer, read_timeout=0.05)
        assert error.code is code


@pytest.mark.usefixtures("reader")
class TestNoAnswer:
    """Where a connection brings no whole answer, the events may have been accepted."""

    def test_at_all(self) -> None:
        """The connection ends where the answer should be."""
        error, url = raised_after(CUT)
        assert str(error) == (
            f"the connection to {url} ended before the answer did; the events may have "
            "been accepted; send them again"
        )
        assert error.is_retry_safe

    @pytest.mark.parametrize(
        "rest", [b"Content-Length: 9\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n5"]
    )
    def test_to_the_end(self, rest: bytes) -> None:
        """It ends within the answer, whose request id is known by then."""
        head = b"HTTP/1.1 202 Accepted\r\nx-amzn-RequestId: r-1\r\n"
        error, url = raised_after(Answer(raw=head + rest))
        assert str(error) == (
            f"the connection to {url} ended before the answer did; the events may have "
            "been accepted; send them again (request id r-1)"
        )
        assert error.is_retry_safe
        assert error.__cause__ is None
        assert error.__suppress_context__

    def test_in_time(self) -> None:
        """The service is silent for too long."""
        error, url = raised_after(SILENCE, read_timeout=0.05)
        assert str(error) == (
            f"no complete answer from {url} within 0.05 s; the events may have been "
            "accepted; send them again, or raise read_timeout in the config"
        )
        assert error.is_retry_safe

    def test_in_time_to_the_end(self) -> None:
        """It falls silent within the answer."""
        raw = b"HTTP/1.1 202 OK\r\nx-amzn-RequestId: r-1\r\nContent-Length: 9\r\n\r\na"
        error, url = raised_after(Answer(raw=raw, is_silent=True), read_timeout=0.05)
        assert str(error) == (
            f"no complete answer from {url} within 0.05 s; the events may have been "
            "accepted; send them again, or raise read_timeout in the config (request "
            "id r-1)"
        )

    @pytest.mark.parametrize(
        "raw",
        [
            b"SSH-2.0-planted\r\n",
            b"HTTP/1.1 planted\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X-Planted: a\r\n" * 200 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"planted" * 10_000 + b"\r\n\r\n",
            BACKWARDS,
        ],
    )
    def test_that_is_http(self, raw: bytes) -> None:
        """What speaks another language will do so the next time, too."""
        error, url = raised_after(Answer(raw=raw))
        assert str(error) == (
            f"what {url} answers is no HTTP; check scheme and port of the endpoint URL"
        )
        assert not error.is_retry_safe
        assert error.__cause__ is None
        assert error.__suppress_context__


OVERSIZED = {
    "stated": UNLIMITED[:-2] + b"Content-Length: %d\r\n\r\n" % (MAX_ANSWER_BYTES + 1),
    "to the end": UNLIMITED + bytes(MAX_ANSWER_BYTES + 1),
    "in chunks": UNLIMITED[:-2]
    + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (1 << 40)
    + bytes(MAX_ANSWER_BYTES + 1),
}


@pytest.mark.usefixtures("reader")
class TestTooLarge:
    """An answer has an end, and not too far."""

    @pytest.mark.parametrize("raw", OVERSIZED.values(), ids=OVERSIZED)
    @pytest.mark.parametrize("is_proxied", [False, True])
    def test_is_refused(self, raw: bytes, *, is_proxied: bool) -> None:
        """No more is read than an answer can have, however it is sent."""
        with HttpServer(Answer(raw=raw, is_silent=True)) as server:
            proxy = Proxy(server.url, {}) if is_proxied else None
            to = transport(Link("http", "127.0.0.1", server.port, proxy=proxy))
            with pytest.raises(InvalidResponseError) as caught:
                to.exchange(REQUEST)
            to.close()
        assert str(caught.value) == (
            f"the answer of {server.url} has more than 16,777,216 bytes; the events "
            "may have been accepted; check the endpoint URL (request id r-1)"
        )
        assert not caught.value.is_retry_safe

    @pytest.mark.parametrize("head", [UNLIMITED, None])
    def test_is_not_the_largest(self, head: bytes | None) -> None:
        """The bound itself is within it."""
        body = bytes(MAX_ANSWER_BYTES)
        answer = Answer(body=body) if head is None else Answer(raw=head + body)
        with HttpServer(answer) as server, linked(server) as to:
            assert to.exchange(REQUEST).body == body


@pytest.mark.usefixtures("reader")
class TestTls:
    """Certificates are verified, by the bundle that is named."""

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
    def test_trusts_a_bundle(self, host: str) -> None:
        """A service with a certificate of the bundle is who it says."""
        with HttpServer(tls=server_tls(), default=fine) as server:
            to = transport(Link("https", host, server.port, verify=PEM))
            assert to.exchange(REQUEST).body == b"fine"
            assert to.exchange(REQUEST).body == b"fine"
            to.close()
        assert server.connections == 1

    @pytest.mark.parametrize("size", [2_000, 8_192, 16_000])
    def test_notices_more_than_the_answer(self, size: int) -> None:
        """Nor does what OpenSSL has decrypted wait for the next request."""
        # http.client reads 8,192 bytes at a time, OpenSSL a record of 16,384.
        first = reply(bytes(size))
        first = reply(bytes(2 * size - len(first)))
        assert len(first) == size
        replies = (first + reply(b"late"), reply(b"two"))
        with scripted(*replies, tls=server_tls()) as (port, served):
            link = Link("https", "127.0.0.1", port, verify=PEM)
            with closing(transport(link)) as to:
                to.exchange(REQUEST)
                assert to.exchange(REQUEST).body == b"two"
        assert served == [1, 2]

    @pytest.mark.parametrize(
        "cert, verify, reason",
        [
            (CERT, OTHER[0], "self-signed certificate"),
            (CERT, True, "self-signed certificate"),
            (
                OTHER,
                OTHER[0],
                "IP address mismatch, certificate is not valid for '127.0.0.1'",
            ),
        ],
    )
    def test_trusts_nobody_else(
        self, cert: tuple[str, str], verify: str, reason: str
    ) -> None:
        """A certificate of another bundle, or for another host, will not do."""
        with HttpServer(tls=server_tls(cert)) as server:
            to = transport(Link("https", "127.0.0.1", server.port, verify=verify))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"the certificate of {server.url} is not trusted ({reason}); check the "
            "endpoint URL, or name the CA bundle to trust in AWS_CA_BUNDLE"
        )
        assert not error.is_retry_safe
        assert server.received == []

    def test_may_trust_anybody(self) -> None:
        """Without verification any certificate will do."""
        with HttpServer(tls=server_tls(OTHER), default=fine) as server:
            to = transport(Link("https", "127.0.0.1", server.port, verify=False))
            assert to.exchange(REQUEST).body == b"fine"
            to.close()

    def test_shows_a_certificate(self, tmp_path: Path) -> None:
        """One of its own is shown to who asks, from one file or two."""
        both = tmp_path / "both.pem"
        both.write_bytes(Path(PEM).read_bytes() + Path(KEY).read_bytes())
        tls = server_tls(asks=True)
        with HttpServer(tls=tls, default=fine) as server:
            for shown in (CERT, str(both)):
                with linked(server, verify=PEM, client_cert=shown) as to:
                    assert to.exchange(REQUEST).body == b"fine"
            with linked(server, verify=PEM) as to:
                raised(lambda: to.exchange(REQUEST), TransportError)

    @pytest.mark.parametrize(
        "options, what",
        [
            (
                {"verify": "/no/such.pem"},
                "the CA bundle '/no/such.pem' cannot be read; correct AWS_CA_BUNDLE",
            ),
            (
                {"verify": KEY},
                f"the CA bundle {KEY!r} cannot be read; correct AWS_CA_BUNDLE",
            ),
            (
                {"verify": PEM, "client_cert": ("/no/such.pem", KEY)},
                (
                    "the client certificate '/no/such.pem' cannot be read; correct "
                    "client_cert"
                ),
            ),
        ],
    )
    def test_reads_files_at_once(self, options: Any, what: str) -> None:
        """A file that is none of certificates is told before anything is sent."""
        with pytest.raises(ConfigurationError) as caught:
            transport(Link("https", "127.0.0.1", 1, **options))
        assert str(caught.value) == what


@pytest.mark.usefixtures("aws")
class TestProxies:
    """Proxies are used as botocore uses them."""

    HEADERS = {"Proxy-Authorization": "Basic planted"}  # noqa: RUF012 - never changed

    def test_tunnel_to_https(self) -> None:
        """What goes to `https` is tunnelled; the proxy's password goes no further."""
        connect = Answer(status=200)
        with (
            HttpServer(tls=server_tls(), default=fine) as server,
            HttpServer(connect) as through,
            linked(server, verify=PEM, proxy=Proxy(through.url, self.HEADERS)) as to,
        ):
            for _ in range(2):
                answer = to.exchange(REQUEST)
                assert (answer.status, answer.body) == (202, b"fine")
                assert answer.headers["x-amzn-requestid"] == REQUEST_ID
        (asked,) = through.received
        assert asked[:2] == ("CONNECT", f"127.0.0.1:{server.port}")
        assert asked.headers["Proxy-Authorization"] == "Basic planted"
        for received in server.received:
            assert received[:2] == ("POST", REQUEST.path)
            assert received.body == REQUEST.body
            assert "Proxy-Authorization" not in received.headers

    @pytest.mark.parametrize("bundle", [PEM, None])
    def test_may_speak_tls_themselves(self, bundle: str | None) -> None:
        """A tunnel within TLS; the proxy's own bundle counts for it, else ours."""
        with (
            HttpServer(tls=server_tls(), default=fine) as server,
            HttpServer(Answer(status=200), tls=server_tls()) as through,
            linked(
                server, verify=PEM, proxy=Proxy(through.url, {}, ca_bundle=bundle)
            ) as to,
        ):
            assert to.exchange(REQUEST).body == b"fine"
        assert [received.method for received in through.received] == ["CONNECT"]

    def test_may_be_trusted_with_https(self) -> None:
        """A proxy that is trusted gets the request itself."""
        with HttpServer(default=fine, tls=server_tls(asks=True)) as through:
            proxy = Proxy(through.url, {}, PEM, CERT, forwards_https=True)
            to = transport(Link("https", "no-such-host", None, PEM, proxy=proxy))
            assert to.exchange(REQUEST).body == b"fine"
            to.close()
        (received,) = through.received
        assert received[:2] == ("POST", f"https://no-such-host{REQUEST.path}")

    def test_forward_http(self) -> None:
        """What goes to `http` is asked for by its whole URL."""
        with HttpServer(default=fine) as through:
            proxy = Proxy(through.url, self.HEADERS)
            to = transport(Link("http", "::1", 81, proxy=proxy))
            assert to.exchange(REQUEST).body == b"fine"
            to.close()
            to.close()
        (received,) = through.received
        assert received[:2] == ("POST", f"http://[::1]:81{REQUEST.path}")
        assert received.headers["Proxy-Authorization"] == "Basic planted"

    @pytest.mark.parametrize("status", [403, 407, 502])
    def test_may_refuse(self, status: int) -> None:
        """What a proxy refuses is told without its password."""
        with HttpServer(Answer(status=status)) as through:
            proxy = Proxy(f"http://me:planted@127.0.0.1:{through.port}", self.HEADERS)
            to = transport(Link("https", "no-such-host", None, PEM, proxy=proxy))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        self.check_refused(error)

    def test_may_be_away(self) -> None:
        """So is one that no one finds."""
        with closed_port() as port:
            proxy = Proxy(f"http://me:planted@127.0.0.1:{port}", self.HEADERS)
            to = transport(Link("https", "no-such-host", None, PEM, proxy=proxy))
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        self.check_refused(error)

    @staticmethod
    def check_refused(error: TransportError) -> None:
        """Check that an error says what to look at, and nothing more."""
        assert str(error) == (
            "the proxy makes no connection to https://no-such-host; check its URL and "
            "credentials in HTTPS_PROXY or the config, or name the host in NO_PROXY"
        )
        assert error.is_retry_safe
        assert error.__cause__ is None
        assert error.__suppress_context__

    @pytest.mark.parametrize(
        "cert, reason",
        [
            (CERT, "self-signed certificate"),
            (OTHER, "hostname '127.0.0.1' doesn't match 'other.example.com'"),
        ],
    )
    def test_do_not_hide_wrong_certificates(
        self, cert: tuple[str, str], reason: str
    ) -> None:
        """The service's certificate is verified through a tunnel, too."""
        with (
            HttpServer(tls=server_tls(cert)) as server,
            HttpServer(Answer(status=200)) as through,
            linked(server, verify=OTHER[0], proxy=Proxy(through.url, {})) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"the certificate of {server.url} is not trusted ({reason}); check the "
            "endpoint URL, or name the CA bundle to trust in AWS_CA_BUNDLE"
        )
        assert not error.is_retry_safe
        assert server.received == []

    @pytest.mark.parametrize("cert", [CERT, OTHER])
    def test_are_verified_themselves(self, cert: tuple[str, str]) -> None:
        """A proxy that speaks TLS has to be who it says, by name."""
        with (
            HttpServer(tls=server_tls(), default=fine) as server,
            HttpServer(Answer(status=200), tls=server_tls(cert)) as through,
            linked(
                server,
                verify=PEM,
                proxy=Proxy(
                    f"https://localhost:{through.port}", {}, ca_bundle=OTHER[0]
                ),
            ) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error).startswith("the proxy makes no connection to ")
        assert through.received == []

    def test_may_lead_to_anybody(self) -> None:
        """Without verification any certificate will do, through a tunnel, too."""
        with (
            HttpServer(tls=server_tls(OTHER), default=fine) as server,
            HttpServer(Answer(status=200)) as through,
            linked(server, verify=False, proxy=Proxy(through.url, {})) as to,
            pytest.warns(InsecureRequestWarning),
        ):
            assert to.exchange(REQUEST).body == b"fine"

    def test_must_not_count_backwards(self) -> None:
        """A chunk of a negative size is no HTTP through a proxy either."""
        with (
            HttpServer(Answer(raw=BACKWARDS)) as through,
            linked(through, proxy=Proxy(through.url, {})) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"what {through.url} answers is no HTTP; check scheme and port of the "
            "endpoint URL"
        )
        assert not error.is_retry_safe

    def test_deliver_answers_whole(self) -> None:
        """An answer shorter than it says is cut, even if what is there is JSON."""
        raw = HALF.encode() + b"{}"
        with (
            HttpServer(Answer(raw=raw)) as through,
            linked(through, proxy=Proxy(through.url, {})) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"the connection to {through.url} ended before the answer did; the events "
            "may have been accepted; send them again (request id r-1)"
        )
        assert error.is_retry_safe

    def test_may_fall_silent(self) -> None:
        """No answer in time is none."""
        with (
            HttpServer(SILENCE) as through,
            linked(through, read_timeout=0.05, proxy=Proxy(through.url, {})) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert str(error) == (
            f"no complete answer from {through.url} within 0.05 s; the events may have "
            "been accepted; send them again, or raise read_timeout in the config"
        )

    @pytest.mark.parametrize("head, request_id", [("", None), (HALF, "r-1")])
    def test_do_not_hide_an_end(self, head: str, request_id: str | None) -> None:
        """Half an answer is none."""
        with (
            HttpServer(Answer(raw=head.encode()), tls=server_tls()) as server,
            HttpServer(Answer(status=200)) as through,
            linked(server, verify=PEM, proxy=Proxy(through.url, {})) as to,
        ):
            error = raised(lambda: to.exchange(REQUEST), TransportError)
        assert error.message == (
            f"the connection to {server.url} ended before the answer did; the events "
            "may have been accepted; send them again"
        )
        assert error.request_id == request_id
        assert error.is_retry_safe
