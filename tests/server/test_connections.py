import gc
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.server.clients import (
    EVENT,
    ONE,
    PATH,
    SECONDS,
    answer,
    batch_item,
    connected,
    head,
    post,
    request,
    rest,
)

from pinpoint_events import MemorySender, Quotas
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import Served, create_app, served
from pinpoint_events.server._connections import Connection

BODY = json.dumps(ONE).encode()
CHUNKED = "Transfer-Encoding: chunked"
SOON = 0.2
TOO_LARGE = "the request is larger than 1,000 bytes; send its events in several calls"
HEAD_TOO_LARGE = (
    "the head of the request is larger than 65,536 bytes; shorten its headers"
)
NO_HTTP = "this is no HTTP/1.1 that can be read in one way only; send it anew"
NO_PATH = "no such path; events go to /v1/apps/APPLICATION-ID/events"


class Guarded:
    """An endpoint with tight limits, and the sender behind it."""

    def __init__(self, server: Served, sender: MemorySender) -> None:
        self.server = server
        self.sender = sender

    def serves(self) -> bool:
        """Return whether another client is served as ever."""
        return post(self.server, ONE).status == 202


@contextmanager
def guarded(**limits: Any) -> Iterator[Guarded]:
    """Serve with limits; at the end, the endpoint must serve as ever."""
    sender = MemorySender()
    app = create_app(
        sender, credentials=None, quotas=Quotas(request_bytes=1000), **limits
    )
    with served(app) as server:
        place = Guarded(server, sender)
        yield place
        assert place.serves()


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body of no stated length."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def flood(connection: socket.socket, data: bytes, most: int) -> int:
    """Send the data until the other side has had enough; return how much it took."""
    sent = 0
    try:
        while sent < most:
            sent += connection.send(data)
    except ConnectionError:
        return sent
    raise AssertionError(f"took {sent} bytes and wants more")


class TestBodies:
    """A body is read as far as it may go, and no further."""

    def test_chunked(self) -> None:
        """A body of no stated length is taken."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(CHUNKED))
            connection.sendall(chunk(BODY[:10]) + chunk(BODY[10:]) + chunk(b""))
            assert answer(connection).status == 202

    @pytest.mark.parametrize("is_chunked", [True, False])
    def test_too_large(self, *, is_chunked: bool) -> None:
        """One that is too large is refused; the connection is of use after it."""
        body = b" " * 100_000
        with guarded() as place, connected(place.server) as connection:
            if is_chunked:
                connection.sendall(head(CHUNKED) + chunk(body) + chunk(b""))
            else:
                connection.sendall(request(body))
            got = answer(connection)
            assert got.error == (413, "PayloadTooLargeException", TOO_LARGE)
            connection.sendall(request(BODY))
            assert answer(connection).status == 202

    def test_endless(self) -> None:
        """One without an end is thrown away for a while; then its connection ends."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(CHUNKED))
            flood(connection, chunk(b" " * 65_536), 1_000_000_000)
            assert rest(connection)[:12] in {b"HTTP/1.1 413", b""}

    def test_huge(self) -> None:
        """One that is said to be huge is not waited for."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head("Content-Length: 1000000000000"))
            got = answer(connection)
            assert rest(connection) == b""
        assert got.headers["connection"] == "close"
        assert got.error == (413, "PayloadTooLargeException", TOO_LARGE)

    def test_expected(self) -> None:
        """A client that asks whether to go on is told to."""
        expect = "Expect: 100-continue"
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(expect, f"Content-Length: {len(BODY)}"))
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(BODY)
            assert answer(connection).status == 202

    def test_not_expected(self) -> None:
        """A client that asks with too large a body is told no, and hung up on."""
        expect = "Expect: 100-continue"
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(expect, "Content-Length: 1001"))
            assert answer(connection).status == 413
            assert rest(connection) == b""

    def test_slow(self) -> None:
        """One that does not arrive in time is refused, and its connection ended."""
        with guarded(body_seconds=SOON) as place, connected(place.server) as connection:
            connection.sendall(head("Content-Length: 100") + b"{")
            got = answer(connection)
            assert rest(connection) == b""
        assert got.error == (
            408,
            "RequestTimeoutException",
            (
                "the body did not arrive within 0.2 seconds; send it faster, or its "
                "events in several calls"
            ),
        )

    def test_slow_and_refused(self) -> None:
        """One that is refused is not waited for either."""
        with guarded(body_seconds=SOON) as place, connected(place.server) as connection:
            connection.sendall(head("Content-Length: 100", path="/"))
            got = answer(connection)
            assert rest(connection) == b""
        assert got.error == (404, "NotFoundException", NO_PATH)

    def test_gone(self) -> None:
        """A client that hangs up in the middle leaves nothing behind."""
        with guarded() as place:
            with connected(place.server) as connection:
                connection.sendall(head(f"Content-Length: {len(BODY)}") + BODY[:-1])
            assert place.serves()
            assert len(place.sender.requests) == 1

    def test_gone_while_refused(self) -> None:
        """So does one that hangs up while it is refused."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head("Content-Length: 900", path="/"))

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 900,
            b'{"a":' * 180,
            b'{"BatchItem": "\xff"}',
            b'{"BatchItem": {}, "BatchItem": {}}',
            b"\x01" * 900,
        ],
    )
    def test_malicious(self, body: bytes) -> None:
        """Nesting, bad UTF-8, repeated keys: refused, and the connection is of use."""
        with guarded() as place, connected(place.server) as connection:
            for _ in range(2):
                connection.sendall(request(body))
                assert answer(connection).status == 400
            connection.sendall(request(BODY))
            assert answer(connection).status == 202


class TestHeads:
    """A head is short, comes soon, and is HTTP."""

    @pytest.mark.parametrize(
        "endless",
        [
            b"\r\n",
            b"A",
            b"GET / HTTP/1.1\r\nx: ",
            b"GET / HTTP/1.1\r\n",
            head(CHUNKED) + b"1;",
            head(CHUNKED) + b"0\r\nx: ",
            head(CHUNKED) + b"0\r\n",
        ],
        ids=[
            "lines",
            "method",
            "header",
            "headers",
            "extension",
            "trailer",
            "trailers",
        ],
    )
    def test_endless(self, endless: bytes) -> None:
        """What is neither head nor body is not taken without end."""
        more = {
            b"\r\n": b"\r\n" * 1000,
            b"A": b"A" * 1000,
        }.get(endless, b"x" * 1000)
        if endless.endswith(b"\r\n") and endless != b"\r\n":
            more = b"x: y\r\n" * 100
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(endless)
            assert flood(connection, more, 100_000_000) < 20_000_000
            found = rest(connection)
            assert found[:12] in {b"HTTP/1.1 431", b"HTTP/1.1 400", b""}

    @pytest.mark.parametrize("ending", [b"", b"\r\n\r\n"], ids=["half", "whole"])
    @pytest.mark.parametrize(
        "begun",
        [b"GET / HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n"],
        ids=["value", "name"],
    )
    def test_too_long(self, begun: bytes, ending: bytes) -> None:
        """A head that is too long is told so, and its connection ended."""
        name_ends = b": z" if ending and begun.endswith(b"\n") else b""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(begun + b"y" * 65_537 + name_ends + ending)
            got = answer(connection)
            assert rest(connection) == b""
        assert got.headers["connection"] == "close"
        assert got.headers["access-control-allow-origin"] == "*"
        assert got.error == (
            431,
            "RequestHeaderFieldsTooLargeException",
            HEAD_TOO_LARGE,
        )

    @pytest.mark.parametrize(
        "begun, status_line",
        [
            (b"", b""),
            (b"POST /v1/apps", b""),
            (request(BODY) + b"POST", b"HTTP/1.1 202"),
        ],
        ids=["nothing", "half", "second"],
    )
    def test_slow(self, begun: bytes, status_line: bytes) -> None:
        """A head that does not come, or not to its end, ends the connection."""
        with guarded(head_seconds=SOON) as place, connected(place.server) as connection:
            connection.sendall(begun)
            assert rest(connection)[:12] == status_line

    def test_no_http(self) -> None:
        """What is no HTTP is told so, and its connection ended."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
            got = answer(connection)
            assert rest(connection) == b""
        assert got.headers["connection"] == "close"
        assert got.error == (400, "BadRequestException", NO_HTTP)

    @pytest.mark.parametrize(
        "more",
        [
            ("Content-Length: 5", CHUNKED),
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: -1",),
            (" folded: line",),
        ],
    )
    def test_smuggled(self, more: tuple[str, ...]) -> None:
        """A head that two readers could read in two ways is refused."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(*more) + chunk(BODY) + chunk(b""))
            assert rest(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert place.sender.requests == ()


class TestConnections:
    """A connection ends when it is of no more use, and others go on."""

    def test_half_closed(self) -> None:
        """Who has said all, and hears still, is answered."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(request(BODY))
            connection.shutdown(socket.SHUT_WR)
            assert answer(connection).status == 202
            assert rest(connection) == b""

    def test_half_closed_while_at_work(self) -> None:
        """So it is if the call takes its time."""
        entered, gate = threading.Event(), threading.Event()

        def wait(request: EventsRequest) -> EventsResponse:
            entered.set()
            gate.wait(SECONDS)
            return accepted(request)

        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = wait
            connection.sendall(request(BODY))
            entered.wait(SECONDS)
            connection.shutdown(socket.SHUT_WR)
            assert post(place.server, b"", method="GET", path="/healthz").status == 200
            gate.set()
            assert answer(connection).status == 202
            assert rest(connection) == b""

    @pytest.mark.parametrize(
        "begun", [b"", request(BODY)[:-1], request(BODY)[:40]], ids=["", "body", "head"]
    )
    def test_half_closed_too_early(self, begun: bytes) -> None:
        """Who has not said all can say no more: the connection ends."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(begun)
            connection.shutdown(socket.SHUT_WR)
            assert rest(connection) == b""
            assert place.sender.requests == ()

    def test_idle(self) -> None:
        """A connection on which nothing is asked ends."""
        with guarded(idle_seconds=SOON) as place, connected(place.server) as connection:
            connection.sendall(request(BODY))
            assert answer(connection).status == 202
            assert rest(connection) == b""

    def test_too_many(self) -> None:
        """A client beyond those that there may be is hung up on."""
        with guarded(connections=2) as place:
            with connected(place.server) as one, connected(place.server) as two:
                for connection in (one, two):
                    connection.sendall(request(BODY))
                    assert answer(connection).status == 202
                with connected(place.server) as three:
                    assert rest(three) == b""
            for connection in (one, two):
                connection.close()

    def test_is_forgotten(self) -> None:
        """Nothing of a connection that has ended is left to the garbage collector."""

        def count() -> int:
            return sum(type(each) is Connection for each in gc.get_objects())

        gc.collect()
        before = count()
        gc.disable()
        try:
            with guarded() as place:
                for data in (b"", request(BODY), request(BODY) * 3, request(BODY)[:-1]):
                    for says_goodbye in (True, False):
                        with connected(place.server) as connection:
                            connection.sendall(data)
                            if says_goodbye:
                                connection.shutdown(socket.SHUT_WR)
                                rest(connection)
            assert count() == before
        finally:
            gc.enable()

    def test_ahead(self) -> None:
        """Calls that are sent ahead are answered in order."""
        calls = [batch_item(**{f"e{number}": {"v": EVENT}}) for number in range(20)]
        wire = b"".join(request(json.dumps(call).encode()) for call in calls)
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(wire + head("Content-Length: 0", path="/"))
            found = rest_of_all(connection)
        assert [list(each["Results"]) for each in found] == [
            [f"e{number}"] for number in range(20)
        ]

    def test_too_many_ahead(self) -> None:
        """Beyond so many that wait, none is kept: those are answered, and no more."""
        entered, gate = threading.Event(), threading.Event()

        def wait(request: EventsRequest) -> EventsResponse:
            entered.set()
            gate.wait(SECONDS)
            return accepted(request)

        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = wait
            connection.sendall(request(BODY))
            entered.wait(SECONDS)
            connection.sendall(request(BODY) * 150)
            up = post(place.server, b"", method="GET", path="/healthz")
            assert up.status == 200
            gate.set()
            assert len(rest_of_all(connection)) == 101
            assert len(place.sender.requests) == 101

    @pytest.mark.parametrize(
        "nonsense",
        [
            b"\x00\r\n\r\n",
            head(CHUNKED) + b"no length\r\n",
            head("x: " + "y" * 65_537),
        ],
        ids=["head", "body", "long head"],
    )
    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_nonsense_behind(self, count: int, nonsense: bytes) -> None:
        """Calls that came whole are answered, whatever comes behind them."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(request(BODY) * count)
            connection.sendall(nonsense)
            found = rest_of_all(connection)
        assert len(found) == count
        assert len(place.sender.requests) == count + 1

    def test_nonsense_while_at_work(self) -> None:
        """The call at work is answered; nothing that follows nonsense is looked at."""
        entered, gate = threading.Event(), threading.Event()

        def wait(request: EventsRequest) -> EventsResponse:
            entered.set()
            gate.wait(SECONDS)
            return accepted(request)

        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = wait
            connection.sendall(request(BODY))
            entered.wait(SECONDS)
            for follows in (b"\x00\r\n\r\n", request(BODY)):
                connection.sendall(follows)
                up = post(place.server, b"", method="GET", path="/healthz")
                assert up.status == 200
            gate.set()
            assert len(rest_of_all(connection)) == 1
            assert len(place.sender.requests) == 1

    def test_half_closed_behind(self) -> None:
        """So are they if the client goes in the middle of the next one."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(request(BODY) * 2 + request(BODY)[:-1])
            connection.shutdown(socket.SHUT_WR)
            assert len(rest_of_all(connection)) == 2
            assert len(place.sender.requests) == 2

    @pytest.mark.parametrize("more", [(), ("Connection: close",)])
    def test_unread(self, more: tuple[str, ...]) -> None:
        """A client that does not read what it asked for is hung up on."""
        with guarded(idle_seconds=SOON, connections=1) as place:
            place.sender.answer = long
            with connected(place.server) as connection:
                connection.sendall(request(BODY, *more) + request(BODY))
                while not self.is_alone(place):
                    continue
                assert len(rest(connection)) < 20_000_000
            place.sender.answer = accepted

    @staticmethod
    def is_alone(place: Guarded) -> bool:
        """Return whether there is room for a connection."""
        with connected(place.server) as connection:
            try:
                connection.sendall(request(method="GET", path="/healthz"))
            except ConnectionError:
                return False
            return rest_of_first_line(connection) == b"HTTP/1.1 200 OK"

    def test_read_late(self) -> None:
        """A client that reads late, and reads all, is served as ever."""
        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = long
            connection.sendall(request(BODY))
            assert len(answer(connection).body) > 20_000_000
            place.sender.answer = accepted
            connection.sendall(request(BODY))
            assert answer(connection).status == 202

    def test_upgrade(self) -> None:
        """A client that would rather speak something else is told no."""
        with guarded() as place, connected(place.server) as connection:
            more = ("Connection: Upgrade", "Upgrade: websocket")
            connection.sendall(request(BODY, *more, path=PATH))
            assert rest(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def long(request: EventsRequest) -> EventsResponse:
    """Accept with more words than any connection has room for."""
    item = EventItemResponse(status_code=202, message="x" * 20_000_000)
    return EventsResponse(
        results={
            name: ItemResponse(events_item_response=dict.fromkeys(batch.events, item))
            for name, batch in request.batch_item.items()
        }
    )


def rest_of_first_line(connection: socket.socket) -> bytes:
    """Read until a line ends, or the connection does."""
    try:
        with connection.makefile("rb") as stream:
            return stream.readline().strip()
    except ConnectionError:
        return b""


def rest_of_all(connection: socket.socket) -> list[Any]:
    """Read answers up to the first that is none of a call."""
    found = []
    with connection.makefile("rb") as stream:
        while b" 202 " in stream.readline():
            length = 0
            while (line := stream.readline().strip()) != b"":
                if line.startswith(b"content-length: "):
                    length = int(line[16:])
            found.append(json.loads(stream.read(length)))
    return found
