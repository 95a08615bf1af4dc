"""Tests of the two readers of answers: both have the same result for all bytes."""

import socket
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pinpoint_events.aws.answer_reader import Head, HeadReader
from pinpoint_events.aws.deadline import Deadline, exchange
from pinpoint_events.aws.direct import Connection, load_head_reader
from pinpoint_events.aws.fast_answer_reader import read_head
from pinpoint_events.aws.link import Link
from pinpoint_events.errors import InvalidResponseError, TransportError
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from tests.answer_readers import HEAD_READERS, direct
from tests.commands import takes_long

LINK: Final = Link("http", "127.0.0.1", 1, read_timeout=0.001)
ORDINARY: Final = (
    b"HTTP/1.1 202 Accepted\r\n"
    b"Content-Length: 3\r\n"
    b"Connection: keep-alive\r\n"
    b"x-amzn-RequestId: r-1\r\n"
    b"\r\n"
    b"abc"
)


class Result(NamedTuple):
    """
    What became of an exchange.

    Attributes:
        answer: What was returned.
        error: Class, code and request id of what was raised.
        is_kept: Whether the connection may be used again after an answer.
    """

    answer: HttpResponse | None
    error: tuple[object, ...] | None
    is_kept: bool


def result(
    read: HeadReader | None,
    *pieces: bytes,
    ends: bool = False,
    method: str = "POST",
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> Result:
    """
    Return what becomes of an answer by one reader.

    All of the answer is there before it is read, so a wait is a wait for ever.

    Args:
        read: Reads heads; None for `http.client`.
        pieces: The answer.
        ends: Whether the connection ends after it.
        method: That of the request.
        kind: Of the socket.
    """
    to = direct(LINK, read)
    request = HttpRequest(method=method, path="/", headers={}, body=b"")
    exchange.deadline = deadline = Deadline(60)
    mine, its = socket.socketpair(type=kind)
    connection = Connection(LINK, None)
    connection.sock = mine
    mine.settimeout(LINK.read_timeout)
    answer = None
    error = None
    with mine, its:
        for piece in pieces:
            its.sendall(piece)
        if ends:
            its.shutdown(socket.SHUT_WR)
        try:
            answer = to._answer(connection, request, deadline)
        except (InvalidResponseError, TransportError) as raised:
            error = (type(raised), raised.code, raised.request_id)
        is_kept = connection.sock is not None and not connection.is_readable
    return Result(answer, error, is_kept=error is None and is_kept)


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return a head with these lines."""
    return b"\r\n".join([status, *lines, b"", b""])


LENGTH: Final = b"Content-Length: 3"
STATUS_LINES: Final = [
    *(b"HTTP/1.1 %d Said" % status for status in (200, 202, 204, 304, 400, 503, 999)),
    *(b"HTTP/1.1 %d Said" % status for status in (100, 101, 102, 103, 199)),
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 200 \xe9\t\0",
    b"HTTP/1.1 200 \x1c",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 200OK",
    b"HTTP/1.1\t200 OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 20 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 +200 OK",
    b"HTTP/1.1 two OK",
    b"HTTP/1.1 ",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.9 200 OK",
    b"HTTP/2 200 OK",
    b"HTTP/0.9 200 OK",
    b"http/1.1 200 OK",
    b"ICY 200 OK",
    b" HTTP/1.1 200 OK",
    b"\r\nHTTP/1.1 200 OK",
    b"\nHTTP/1.1 200 OK",
    b"HTTP/1.1 200 O\rK",
    b"HTTP/1.1 200 O\nK: 1",
    b"SSH-2.0-planted",
    b"",
]
FIELDS: Final = [
    LENGTH,
    b"content-length: 3",
    b"Content-Length:3",
    b"Content-Length: 3 \t",
    b"Content-Length: 003",
    b"Content-Length: 0",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: 1_0",
    b"Content-Length: 3, 3",
    b"Content-Length: three",
    b"Content-Length:",
    b"Content-Length: 4",
    b"Content-Length: 16777217",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length : 3",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: CHUNKED",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding:",
    b"Connection: close",
    b"Connection: Close, x",
    b"Connection: keep-alive",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"x-amzn-RequestId: r-1",
    b"X-Amzn-Requestid: r-2",
    b"Date: Mon, 30 Nov 2026 10:00:00 GMT",
    b"Empty:",
    b"Blank:  \t ",
    b"Spaces:  a  b \t",
    b"Latin: \xe9\xff\x85",
    b"Control: a\0b\x0b\x0c\x1c",
    b"Delete: \x7f",
    b"Return: a\rB: c",
    b"Feed: a\nB: c",
    b"Folded: a\r\n b",
    b"Folded: a\r\n\tb",
    b" Leading: a",
    b"Na me: a",
    b"Na(me: a",
    b"N\xe9: a",
    b": no name",
    b"no colon",
    b"From me: a",
    b"Long: " + b"a" * 5_000,
    b"Longer: " + b"a" * 66_000,
    b"",
]
BODIES: Final = [
    b"",
    b"abc",
    b"ab",
    b"abcd",
    b"abc" + ORDINARY,
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3;x=y\r\nabc\r\n0\r\nTrailer: a\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"03\r\nabc\r\n0\r\n\r\nmore",
    b"-3\r\nabc\r\n0\r\n\r\n",
    b"+3\r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"x\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcde0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"3\r\nab",
    b"3",
    b"fffffffffffffffff\r\nabc",
    b"3" + b" " * 66_000 + b"\r\nabc\r\n0\r\n\r\n",
]
CATALOGUE: Final = [
    *(head(LENGTH, status=line) + b"abc" for line in STATUS_LINES),
    *(head(status=line) + body for line in STATUS_LINES for body in BODIES[:2]),
    *(head(field, LENGTH) + b"abc" for field in FIELDS),
    *(head(LENGTH, field) + b"abc" for field in FIELDS),
    *(head(field) + body for field in FIELDS for body in BODIES),
    *(head(b"Transfer-Encoding: chunked", LENGTH) + body for body in BODIES),
    *(head(*[b"A%d: b" % n for n in range(count)], LENGTH) + b"abc"
      for count in (62, 63, 64, 97, 98, 99, 100, 101)),
    head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 204 No") + BODIES[-2],
    *(head(*[b"A: b"] * count, LENGTH) + b"abc" for count in (2, 98, 99, 100)),
    *(ORDINARY[:end] for end in range(len(ORDINARY))),
    ORDINARY.replace(b"\r\n", b"\n"),
    head(b"Link: </a>", status=b"HTTP/1.1 103 Early Hints") * 2 + ORDINARY,
    head(status=b"HTTP/1.1 100 Continue") + ORDINARY,
    b"\0" * 70_000,
]  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Generate answers that are put together of parts, and changed here and there."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5))
    if draw(st.booleans()):
        fields.insert(0, LENGTH)
    raw = head(*fields, status=draw(st.sampled_from(STATUS_LINES)))
    raw += draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, min(len(raw), 400)))
        end = start + draw(st.integers(0, 3))
        put = draw(
            st.binary(max_size=2)
            | st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"0", b"HTTP"])
        )
        raw = raw[:start] + put + raw[end:]
    if draw(st.booleans()):
        raw = raw[: draw(st.integers(0, len(raw)))]
    return raw


class TestSameResult:
    """Status, headers, body, error, and what becomes of the connection."""

    @pytest.mark.parametrize("ends", [False, True], ids=["open", "ends"])
    @takes_long
    def test_of_each_known_answer(self, *, ends: bool) -> None:
        """Those that are known to be read differently by readers of HTTP."""
        assert [
            raw
            for raw in CATALOGUE
            if result(None, raw, ends=ends) != result(read_head, raw, ends=ends)
        ] == []

    @given(raw=answers(), ends=st.booleans())
    @example(raw=ORDINARY, ends=False)
    def test_of_changed_answers(self, raw: bytes, *, ends: bool) -> None:
        """Those that are put together at random, and damaged."""
        assert result(read_head, raw, ends=ends) == result(None, raw, ends=ends)

    @pytest.mark.skipif(sys.platform != "linux", reason="sockets that keep pieces")
    @pytest.mark.parametrize("ends", [False, True], ids=["open", "ends"])
    def test_in_pieces(self, *, ends: bool) -> None:
        """Wherever the network divides an answer."""
        whole = ORDINARY + b"more"
        splits: list[Sequence[bytes]] = [
            (whole[:first], whole[first:second], whole[second:])
            for first in range(1, len(whole) - 2)
            for second in range(first + 1, len(whole) - 1, 7)
        ]
        splits += [(ORDINARY[:at], ORDINARY[at:]) for at in range(1, len(ORDINARY))]
        kind = socket.SOCK_SEQPACKET
        assert [
            pieces
            for pieces in splits
            if result(None, *pieces, ends=ends, kind=kind)
            != result(read_head, *pieces, ends=ends, kind=kind)
        ] == []

    @pytest.mark.parametrize("raw", [head(LENGTH), head(LENGTH) + b"abc"])
    def test_of_head(self, raw: bytes) -> None:
        """The answer to HEAD has no body, whatever length it states."""
        by_http_client = result(None, raw, method="HEAD")
        assert by_http_client.answer is not None
        assert by_http_client.answer.body == b""
        assert result(read_head, raw, method="HEAD") == by_http_client


@pytest.mark.parametrize("read", HEAD_READERS.values(), ids=HEAD_READERS)
class TestKept:
    """A connection is used again if the answer has ended, and nothing came after it."""

    @pytest.mark.parametrize(
        "raw, is_kept",
        [
            (ORDINARY, True),
            (ORDINARY + b"\0", False),
            (ORDINARY.replace(b"keep-alive", b"close"), False),
            (ORDINARY.replace(b"keep-alive", b"x, CLOSE"), False),
            (ORDINARY.replace(b"HTTP/1.1", b"HTTP/1.0"), True),
            (head(LENGTH, status=b"HTTP/1.0 200 OK") + b"abc", False),
            (head(b"Transfer-Encoding: chunked") + BODIES[5], True),
            (head(status=b"HTTP/1.1 204 No"), True),
            (head(status=b"HTTP/1.1 101 Switching"), False),
        ],
    )
    def test_after(self, read: HeadReader | None, raw: bytes, *, is_kept: bool) -> None:
        """What the answer says of it counts, for HTTP/1.0 the other way round."""
        found = result(read, raw)
        assert found.answer is not None
        assert found.is_kept is is_kept


class TestReadHead:
    """httptools reads ordinary answers; all others are left to `http.client`."""

    def test_ordinary(self) -> None:
        """Status, headers, and where the body is."""
        headers = {
            "content-length": "3",
            "connection": "keep-alive",
            "x-amzn-requestid": "r-1",
        }
        start = len(ORDINARY) - 3
        assert read_head(ORDINARY) == Head(202, headers, start, 3, is_last=False)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            ORDINARY[:-4],
            b"\r\n" + ORDINARY,
            head(LENGTH, status=b"HTTP/1.0 200 OK"),
            head(LENGTH, status=b"HTTP/1.1 103 Early Hints"),
            head(LENGTH, status=b"HTTP/1.1 204 No Content"),
            head(LENGTH, b"Folded: a\r\n b"),
            head(LENGTH, b"A: b", b"a: c"),
            head(LENGTH, *[b"A%d: b" % n for n in range(64)]),
            head(b"Transfer-Encoding: chunked"),
            head(),
        ],
    )
    def test_others(self, raw: bytes) -> None:
        """Part of a head, other versions, chunks, no length, names that occur twice."""
        assert read_head(raw) is None


class TestLoadHeadReader:
    """The fast reader is there if httptools is."""

    def test_installed(self) -> None:
        """The extra `fast` installs it."""
        assert load_head_reader() is read_head

    def test_not_installed(self) -> None:
        """Without it there is none, and `http.client` reads."""
        assert load_head_reader("no_such_package") is None
