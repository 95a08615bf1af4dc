"""Tests of the head of a request: it is the one that `http.client` writes."""

import http.client
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pinpoint_events.aws.link import Link
from pinpoint_events.aws.request_head import request_head
from pinpoint_events.errors import TransportError, TransportErrorCode
from pinpoint_events.http_messages import HttpRequest
from tests.answer_readers import reader, transport
from tests.http_server import HttpServer

__all__ = ["reader"]


def request(
    path: str = "/v1", headers: dict[str, str] | None = None, method: str = "POST"
) -> HttpRequest:
    """Return a request with a body of two bytes."""
    return HttpRequest(method=method, path=path, headers=headers or {}, body=b"{}")


def head_by_http_client(sent: HttpRequest, host: str) -> bytes | None:
    """Return the head that `http.client` writes; None if it refuses to."""
    connection = http.client.HTTPConnection(host)
    mine, its = socket.socketpair()
    with mine, its:
        connection.sock = mine
        try:
            connection.request(sent.method, sent.path, sent.body, dict(sent.headers))
        except (http.client.InvalidURL, ValueError):
            return None
        return its.recv(65_536).removesuffix(sent.body)


def head_or_none(sent: HttpRequest, host: str) -> bytes | None:
    """Return our head; None if it is refused."""
    try:
        return request_head(sent, host)
    except ValueError:
        return None


NAMES = st.sampled_from(
    ["Host", "accept-encoding", "Content-Length", "X-Mine", "x-%s", "%", "a b", "{}"]
)
TEXTS = st.text(st.characters(max_codepoint=0x17F), max_size=8)


class TestRequestHead:
    """The first line and the headers."""

    def test_whole(self) -> None:
        """What is not given comes first, then the headers in their order."""
        sent = request("/v1/apps/a%2Fb/events", {"X-Mine": "x", "A": "100 %"})
        assert request_head(sent, "[::1]:81") == (
            b"POST /v1/apps/a%2Fb/events HTTP/1.1\r\n"
            b"Host: [::1]:81\r\n"
            b"Accept-Encoding: identity\r\n"
            b"Content-Length: 2\r\n"
            b"X-Mine: x\r\n"
            b"A: 100 %\r\n"
            b"\r\n"
        )

    def test_given(self) -> None:
        """A header that is given is there once."""
        given = {"host": "h", "ACCEPT-ENCODING": "gzip", "content-length": "2"}
        assert request_head(request("", given), "x") == (
            b"POST / HTTP/1.1\r\n"
            b"host: h\r\n"
            b"ACCEPT-ENCODING: gzip\r\n"
            b"content-length: 2\r\n"
            b"\r\n"
        )

    @given(
        path=st.just("/v1") | TEXTS,
        headers=st.dictionaries(NAMES | TEXTS, TEXTS, max_size=4),
        method=st.sampled_from(["POST", "GET", "P%sT", "P\rT"]),
    )
    @example(path="/\x7f", headers={}, method="POST")
    @example(path="/", headers={"A:b": ""}, method="POST")
    @example(path="/", headers={"A": "\xe9"}, method="POST")
    def test_is_that_of_http_client(
        self, path: str, headers: dict[str, str], method: str
    ) -> None:
        """Byte by byte; and what `http.client` refuses is refused."""
        sent = request(path, headers, method)
        ours = head_or_none(sent, "localhost:81")
        # A line break before a space is refused, where `http.client` lets it pass.
        is_folded = any("\r" in value or "\n" in value for value in headers.values())
        # Such a body has no length of its own.
        is_coded = "transfer-encoding" in map(str.lower, headers)
        if is_folded:
            assert ours is None
        elif not is_coded:
            assert ours == head_by_http_client(sent, "localhost:81")

    @pytest.mark.usefixtures("reader")
    @pytest.mark.parametrize(
        "sent",
        [
            request("/v1\r\nX-Planted: 1"),
            request("/v 1"),
            request("/\xe9"),
            request(headers={"X-Mine": "x\r\nX-Planted: 1"}),
            request(headers={"X-Mine": "x\r\n folded"}),
            request(headers={"X-Mine": "x\n"}),
            request(headers={"X-Mine": "\u20ac"}),
            request(headers={"X-Mine\r\nX-Planted": "x"}),
            request(headers={"X-Mine:": "x"}),
            request(headers={"": "x"}),
            request(method="POST / HTTP/1.1\r\nX-Planted:"),
        ],
    )
    def test_is_refused(self, sent: HttpRequest) -> None:
        """Nothing is sent of a request with a line that would not end where it must."""
        with HttpServer() as server:
            to = transport(Link("http", "127.0.0.1", server.port))
            with pytest.raises(TransportError) as caught:
                to.exchange(sent)
            to.close()
        assert caught.value.code is TransportErrorCode.NOT_HTTP
        assert caught.value.__suppress_context__
        assert server.received == []
