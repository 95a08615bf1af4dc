"""Tests of the deadline of an exchange: it bounds every wait, however it is made up."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pinpoint_events.aws.deadline import Deadline
from pinpoint_events.aws.direct import first_reached
from pinpoint_events.aws.link import Link, Proxy
from pinpoint_events.errors import (
    InternalServerError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.http_messages import HttpRequest
from pinpoint_events.retry import Retry
from pinpoint_events.senders.pinpoint import PinpointSender
from tests.answer_readers import reader, transport
from tests.aws import KEYS, aws
from tests.commands import takes_long
from tests.samples import REQUEST as EVENTS

__all__ = ["aws", "reader"]

REQUEST = HttpRequest(method="POST", path="/", headers={"Host": "h"}, body=b"{}")
HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n"

Script = Callable[[socket.socket, threading.Event], None]


def drips(text: bytes) -> Script:
    """Return what sends a text byte by byte, ten a second, for a minute."""

    def script(connection: socket.socket, ended: threading.Event) -> None:
        for byte in text.ljust(600, b"x"):
            connection.sendall(bytes([byte]))
            if ended.wait(0.1):
                return

    return script


def drips_body(connection: socket.socket, ended: threading.Event) -> None:
    """Send the head at once, and the body byte by byte."""
    connection.sendall(HEAD)
    drips(b"")(connection, ended)


def announces(connection: socket.socket, ended: threading.Event) -> None:
    """Send interim answers for ever."""
    while not ended.wait(0.05):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def keeps_silent(connection: socket.socket, ended: threading.Event) -> None:
    """Send nothing."""
    del connection
    ended.wait(60)


SCRIPTS: dict[str, Script] = {
    "head": drips(b"HTTP/1.1 202 Accepted\r\n"),
    "body": drips_body,
    "interim answers": announces,
    "silence": keeps_silent,
}


@contextmanager
def serving(script: Script) -> Iterator[int]:
    """Yield the port of a server that follows the script on each connection."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            try:
                script(connection, ended)
            except OSError:
                return  # the client has closed the connection

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join()


@pytest.mark.parametrize("is_proxied", [False, True], ids=["direct", "proxied"])
@pytest.mark.usefixtures("reader")
class TestExchange:
    """An exchange ends at its deadline, on both ways to the service."""

    @takes_long
    @pytest.mark.parametrize("name", SCRIPTS)
    def test_ends(self, name: str, *, is_proxied: bool) -> None:
        """However slowly the answer comes; each byte is within the read timeout."""
        with serving(SCRIPTS[name]) as port:
            link = Link("http", "127.0.0.1", port, read_timeout=30.0)
            if is_proxied:
                proxy = Proxy(f"http://127.0.0.1:{port}", {})
                link = Link("http", "service", None, read_timeout=30.0, proxy=proxy)
            to = transport(link)
            began = time.monotonic()
            with pytest.raises(TransportError) as caught:
                to.exchange(REQUEST, 0.5)
            seconds = time.monotonic() - began
            to.close()
        assert caught.value.code is TransportErrorCode.DEADLINE
        assert caught.value.is_retry_safe
        assert 0.4 < seconds < 5

    def test_is_over_before_it_begins(self, *, is_proxied: bool) -> None:
        """Nothing is sent then."""
        proxy = Proxy("http://127.0.0.1:1", {}) if is_proxied else None
        to = transport(Link("http", "127.0.0.1", 1, proxy=proxy))
        with pytest.raises(TransportError) as caught:
            to.exchange(REQUEST, -1.0)
        assert caught.value.code is TransportErrorCode.DEADLINE

    def test_read_timeout_holds(self, *, is_proxied: bool) -> None:
        """A timeout nearer than the deadline ends the exchange, by its own code."""
        with serving(keeps_silent) as port:
            link = Link("http", "127.0.0.1", port, read_timeout=0.2)
            if is_proxied:
                proxy = Proxy(f"http://127.0.0.1:{port}", {})
                link = Link("http", "service", None, read_timeout=0.2, proxy=proxy)
            to = transport(link)
            with pytest.raises(TransportError) as caught:
                to.exchange(REQUEST, 60.0)
            to.close()
        assert caught.value.code is TransportErrorCode.READ_TIMEOUT


@pytest.mark.parametrize(
    "scheme, name", [("http", "head"), ("http", "silence"), ("https", "silence")]
)
@takes_long
def test_tunnel_ends(scheme: str, name: str) -> None:
    """So does the wait for a proxy that is to open a tunnel, with TLS and without."""
    with serving(SCRIPTS[name]) as port:
        proxy = Proxy(f"{scheme}://127.0.0.1:{port}", {})
        to = transport(Link("https", "service", None, read_timeout=30.0, proxy=proxy))
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            to.exchange(REQUEST, 0.5)
        seconds = time.monotonic() - began
        to.close()
    assert caught.value.code is TransportErrorCode.DEADLINE
    assert 0.4 < seconds < 5


class TestAddresses:
    """The addresses of a host share the time that is left."""

    @pytest.mark.skipif(
        sys.platform != "linux",
        reason="other systems accept more connections than the backlog",
    )
    def test_silent(self) -> None:
        """Several that do not answer take no longer than one."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            address = listener.getsockname()
            with socket.create_connection(address):  # which fills the queue
                began = time.monotonic()
                with pytest.raises(TimeoutError):
                    first_reached([address] * 20, Deadline(0.5), 30.0)
                seconds = time.monotonic() - began
        assert 0.4 < seconds < 5

    def test_next(self) -> None:
        """An address that refuses leads to the next one."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            addresses = [("127.0.0.1", 1), listener.getsockname()]
            reached = first_reached(addresses, Deadline(30), 30.0)
            with reached:
                assert reached.getpeername() == listener.getsockname()

    def test_none(self) -> None:
        """A host without addresses is not reached."""
        with pytest.raises(OSError, match="the host has no address"):
            first_reached([], Deadline(30), None)


class TestSender:
    """The deadline of `Retry` bounds a whole call."""

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_ends(self, name: str, aws: pytest.MonkeyPatch) -> None:
        """Attempts that drip do not outlast it, however many there may be."""
        for key, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
            aws.setenv(key, value)
        retry = Retry(attempts=5, deadline_seconds=0.5)
        with serving(SCRIPTS[name]) as port:
            url = f"http://127.0.0.1:{port}"
            began = time.monotonic()
            with (
                PinpointSender("app", endpoint_url=url, retry=retry) as sender,
                pytest.raises(TransportError) as caught,
            ):
                sender.put_events(EVENTS)
            assert time.monotonic() - began < 5
        assert caught.value.code is TransportErrorCode.DEADLINE
        assert str(caught.value) == (
            f"no complete answer from {url} within 0.5 s, the deadline of the call; "
            "the events may have been accepted; send them again, or raise "
            "deadline_seconds of Retry"
        )

    def test_what_was_answered_stays(self, aws: pytest.MonkeyPatch) -> None:
        """A connection serves again after an exchange whose deadline was near."""
        for key, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
            aws.setenv(key, value)

        def fails(connection: socket.socket, ended: threading.Event) -> None:
            answer = b"HTTP/1.1 500 Error\r\nContent-Length: 2\r\n\r\n{}"
            connection.sendall(answer)
            while not ended.is_set() and connection.recv(65_536):
                connection.sendall(answer)

        with (
            serving(fails) as port,
            PinpointSender(
                "app",
                endpoint_url=f"http://127.0.0.1:{port}",
                retry=Retry(attempts=1, deadline_seconds=2.0),
            ) as sender,
        ):
            for _ in range(3):
                with pytest.raises(InternalServerError):
                    sender.put_events(EVENTS)
