import gc
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
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
from pinpoint_events.errors import StoreError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import Served, create_app, running, served
from pinpoint_events.server._connections import Connection
from pinpoint_events.server._turns import Turns

BODY = json.dumps(ONE).encode()
CHUNKED = "Transfer-Encoding: chunked"
SOON = 0.2
TOO_LARGE = "the request is larger than 1,000 bytes; send its events in several calls"
HEAD_TOO_LARGE = (
    "the head of the request is larger than 65,536 bytes; shorten its headers"
)
CHUNKS_TOO_SMALL = (
    "sizes, extensions and trailers of the body's chunks are 4,096 bytes more than a "
    "16th of the body; send larger chunks, or no chunks"
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


class Gate:
    """Holds calls up at the sender until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def answer(self, request: EventsRequest) -> EventsResponse:
        """Answer once the gate is open."""
        self.entered.set()
        assert self.opened.wait(SECONDS)
        return accepted(request)


@contextmanager
def held() -> Iterator[tuple[Guarded, Gate]]:
    """Serve one client at a time, whose calls are held up."""
    gate = Gate()
    with guarded(connections=1) as place:
        place.sender.answer = gate.answer
        yield place, gate


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body of no stated length."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def flood(connection: socket.socket, data: bytes, most: int) -> int:
    """Send the data until the other side has had enough; return how much it took."""
    sent = 0
    try:
        while sent < most:
            # From where the last part ended, so that chunks stay whole.
            sent += connection.send(data[sent % len(data) :])
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

    @pytest.mark.parametrize("size", [1, 16, 60])
    def test_small_chunks(self, size: int) -> None:
        """Of small chunks, those of a long body end the connection."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(CHUNKED))
            assert flood(connection, chunk(b" " * size), 100_000_000) < 10_000_000
            assert rest(connection)[:12] in {b"HTTP/1.1 400", b""}

    def test_too_many_small_chunks(self) -> None:
        """The answer says what to do."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(CHUNKED) + chunk(b" ") * 900)
            error = (400, "BadRequestException", CHUNKS_TOO_SMALL)
            assert answer(connection).error == error

    @pytest.mark.parametrize("size, count", [(1, 700), (128, 60_000)])
    def test_chunks_in_proportion(self, size: int, count: int) -> None:
        """A few small chunks are taken, and any number of those of a usual size."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(CHUNKED) + chunk(b" " * size) * count + chunk(b""))
            assert answer(connection).status == (400 if size == 1 else 413)
            connection.sendall(request(BODY))
            assert answer(connection).status == 202

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

    @pytest.mark.parametrize("ending", [b"", b"\r\n"], ids=["half", "whole"])
    def test_too_many_headers(self, ending: bytes) -> None:
        """One with too many headers is told so, as soon as they are there."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 102 + ending)
            got = answer(connection)
            assert rest(connection) == b""
        assert got.headers["connection"] == "close"
        assert got.error == (
            431,
            "RequestHeaderFieldsTooLargeException",
            "the request has more than 100 headers; leave some out",
        )

    def test_trailers(self) -> None:
        """What follows a body of no stated length is no part of the head."""
        wire = head(CHUNKED) + chunk(BODY) + b"0\r\ncontent-encoding: gzip\r\n\r\n"
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(wire)
            assert answer(connection).status == 202

    def test_long_number(self) -> None:
        """A length with more digits than Python reads is no length."""
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(head(f"Content-Length: {'0' * 5000}1") + b"x")
            got = answer(connection)
            assert rest(connection) == b""
        assert got.error == (400, "BadRequestException", NO_HTTP)

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

    @pytest.mark.parametrize(
        "begun", [b"", b"POST /v1/apps", b"\r\n"], ids=["silent", "head", "line"]
    )
    def test_too_many(self, begun: bytes) -> None:
        """A client beyond those that there may be takes the place of an idle one."""
        with (
            guarded(connections=2) as place,
            connected(place.server) as one,
            connected(place.server) as two,
        ):
            for connection in (two, one):  # so the other is idle longer
                connection.sendall(request(BODY))
                assert answer(connection).status == 202
            one.sendall(begun)
            with connected(place.server) as three:
                three.sendall(request(BODY))
                assert answer(three).status == 202
                assert rest(two) == b""
                one.sendall(request(BODY)[len(begun.strip()) :])
                assert answer(one).status == 202
                with connected(place.server) as four:
                    assert rest(three) == b""
                    four.sendall(request(BODY))
                    assert answer(four).status == 202

    def test_too_many_silent(self) -> None:
        """Clients that connect and say nothing shut no one out."""
        with guarded(connections=3) as place, ExitStack() as stack:
            silent = [stack.enter_context(connected(place.server)) for _ in range(30)]
            assert place.serves()
            assert [rest(each) for each in silent[:-2]] == [b""] * 28

    def test_too_many_at_work(self) -> None:
        """Where every client waits for an answer, a further one is hung up on."""
        with held() as (place, gate), connected(place.server) as one:
            one.sendall(request(BODY))
            gate.entered.wait(SECONDS)
            with connected(place.server) as two:
                assert rest(two) == b""
            gate.opened.set()
            assert answer(one).status == 202

    def test_too_many_ahead(self) -> None:
        """But not if one of them sends requests ahead: that one is."""
        with held() as (place, gate), connected(place.server) as one:
            one.sendall(request(BODY) * 2)
            gate.entered.wait(SECONDS)
            post(place.server, b"", method="GET", path="/healthz")
            assert rest(one) == b""
            gate.opened.set()

    def test_too_many_unread(self) -> None:
        """Nor if one of them does not read: that one is."""
        with guarded(connections=1) as place, connected(place.server) as one:
            place.sender.answer = long
            one.sendall(request(BODY) + head("Content-Length: 9"))
            assert one.recv(1) == b"H"
            place.sender.answer = accepted
            assert place.serves()
            assert len(rest(one)) < 20_000_000

    def test_is_forgotten(self) -> None:
        """Nothing of a connection that has ended is left to the garbage collector."""
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
        """Calls that are sent ahead are answered in order, however many they are."""
        calls = [batch_item(**{f"e{number}": {"v": EVENT}}) for number in range(300)]
        wire = b"".join(request(json.dumps(call).encode()) for call in calls)
        with guarded() as place, connected(place.server) as connection:
            connection.sendall(wire + head("Content-Length: 0", path="/"))
            found = rest_of_all(connection)
        assert [list(each["Results"]) for each in found] == [
            [f"e{number}"] for number in range(300)
        ]

    @pytest.mark.parametrize(
        "first, status, is_at_once",
        [
            (request(BODY), 202, True),
            (request(b"{"), 400, False),
            (request(BODY, path="/v1/apps"), 404, False),
            (request(method="GET", path="/healthz"), 200, False),
            (request(method="OPTIONS"), 200, False),
        ],
        ids=["served", "malformed", "elsewhere", "health", "preflight"],
    )
    def test_turns(
        self,
        monkeypatch: pytest.MonkeyPatch,
        first: bytes,
        status: int,
        *,
        is_at_once: bool,
    ) -> None:
        """
        Who was served goes on at once; others take turns with others of their kind.

        Here turns are so long that none comes, until the endpoint stops.
        """
        monkeypatch.setattr(running, "Turns", lambda: Turns(SECONDS))
        with ExitStack() as stack:
            with guarded() as place:
                connection = stack.enter_context(connected(place.server))
                connection.sendall(first)
                assert answer(connection).status == status
                connection.sendall(request(BODY))
                connection.settimeout(SOON)
                if is_at_once:
                    assert answer(connection).status == 202
                    return
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(SECONDS)
            assert answer(connection).status == 202

    def test_turn_after_overload(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who was sent away, through no fault of theirs, goes on at once."""
        monkeypatch.setattr(running, "Turns", lambda: Turns(SECONDS))

        def locked(_: EventsRequest) -> EventsResponse:
            raise StoreError("the store is locked", is_retry_safe=True)

        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = locked
            connection.sendall(request(BODY))
            assert answer(connection).status == 503
            place.sender.answer = accepted
            connection.sendall(request(BODY))
            assert answer(connection).status == 202

    def test_piecemeal(self) -> None:
        """It does not matter in which pieces requests arrive."""
        wire = (
            request(BODY)
            + head(CHUNKED)
            + chunk(BODY)
            + b"0\r\nx: y\r\n\r\n"
            + request(method="GET", path="/healthz")
            + b"\r\n"
            + request(BODY)
        )
        with guarded() as place:
            for size in (1, 2, 3, 7):
                with connected(place.server) as connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for start in range(0, len(wire), size):
                        connection.sendall(wire[start : start + size])
                    connection.shutdown(socket.SHUT_WR)
                    assert statuses(rest(connection)) == [202, 202, 200, 202]

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
            *calls, last = statuses(rest(connection))
        assert calls == [202] * count
        assert last in {400, 431}
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
            received = rest(connection)
            assert statuses(received) == [202, 400]
            assert NO_HTTP.encode() in received
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
        before = count()
        with guarded(idle_seconds=SOON) as place:
            place.sender.answer = long
            with connected(place.server) as connection:
                connection.sendall(request(BODY, *more) + request(BODY))
                assert connection.recv(1) == b"H"
                while count() > before:
                    continue
                assert len(rest(connection)) < 20_000_000
            place.sender.answer = accepted

    def test_unread_in_all(self) -> None:
        """Answers that many clients do not read are not all kept."""
        with guarded() as place, ExitStack() as stack:
            place.sender.answer = long
            clients = [stack.enter_context(connected(place.server)) for _ in range(5)]
            for each in clients:
                each.sendall(request(BODY))
                assert each.recv(1) == b"H"
            assert len(rest(clients[0])) < 20_000_000
            place.sender.answer = accepted

    def test_read_late_and_last(self) -> None:
        """A client that reads late, and wants no more, gets all of its answer."""
        with guarded() as place, connected(place.server) as connection:
            place.sender.answer = long
            connection.sendall(request(BODY, "Connection: close"))
            assert len(answer(connection).body) > 20_000_000
            assert rest(connection) == b""
            place.sender.answer = accepted

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


PROGRAM = """if True:
    import sys
    from pinpoint_events import MemorySender
    from pinpoint_events.server import create_app, served

    with served(create_app(MemorySender(), credentials=None)) as server:
        print(server.url, flush=True)
        sys.stdin.read()
"""
STATUS = Path("/proc/self/status")


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell")
class TestMemory:
    """Clients that only send take little memory: 64 KiB ahead, and one request."""

    @staticmethod
    def peak(process: "subprocess.Popen[str]") -> int:
        """Return how many bytes of memory a process has had at most."""
        text = Path(f"/proc/{process.pid}/status").read_text()
        (line,) = [each for each in text.splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    @pytest.mark.parametrize(
        "wire",
        [
            request(BODY, "x: " + "y" * 60_000),
            head(method="GET", path="/" + "u" * 60_000),
            request(BODY, *(f"x{each}: {'y' * 600}" for each in range(95))),
        ],
        ids=["long", "path", "many"],
    )
    def test_ahead(self, wire: bytes) -> None:
        """They send as much as is taken, and read nothing."""
        with (
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as process,
            ExitStack() as stack,
        ):
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            server = Served(None, url)  # type: ignore[arg-type] # none here
            assert post(server, b"", method="GET", path="/healthz").status == 200
            before = self.peak(process)
            clients = [stack.enter_context(connected(server)) for _ in range(20)]
            for each in clients:
                each.settimeout(0)
            data = memoryview(wire * (9_000_000 // len(wire)))
            unsent = dict.fromkeys(clients, data)
            while self.send_some(unsent):
                up = post(server, b"", method="GET", path="/healthz")
                assert up.status == 200
            assert self.peak(process) - before < 30_000_000

    @staticmethod
    def send_some(unsent: dict[socket.socket, memoryview]) -> int:
        """Send what is taken at once; return how much that is."""
        size = 0
        for client, data in list(unsent.items()):
            try:
                sent = client.send(data)
            except BlockingIOError:
                continue
            except ConnectionError:
                del unsent[client]
                continue
            size += sent
            unsent[client] = data[sent:]
        return size


def long(request: EventsRequest) -> EventsResponse:
    """Accept with more words than any connection has room for."""
    item = EventItemResponse(status_code=202, message="x" * 20_000_000)
    return EventsResponse(
        results={
            name: ItemResponse(events_item_response=dict.fromkeys(batch.events, item))
            for name, batch in request.batch_item.items()
        }
    )


def count() -> int:
    """Return how many connections there are in this process."""
    return sum(type(each) is Connection for each in gc.get_objects())


def statuses(received: bytes) -> list[int]:
    """Return the status of each answer."""
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


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
