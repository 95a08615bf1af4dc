"""Requests that say wrongly, or twice, for whom they are and where they end."""

import json
from collections.abc import Iterator

import pytest
from tests.server.clients import (
    KEY,
    ONE,
    PATH,
    Got,
    answer,
    connected,
    head,
    post,
    rest,
)

from pinpoint_events import MemorySender
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import Served, create_app, served


@pytest.fixture
def sender() -> MemorySender:
    """Where events go."""
    return MemorySender()


@pytest.fixture
def place(sender: MemorySender) -> Iterator[Served]:
    """An endpoint for anyone."""
    with served(create_app(sender, credentials=None)) as server:
        yield server


class TestFraming:
    """For whom a request is, and where its body ends, can be read in one way only."""

    @pytest.mark.parametrize(
        "lines, found",
        [
            ([], "is there 0 times"),
            (["Host: localhost", "Host: localhost"], "is there 2 times"),
            (["Host: localhost", "host: evil.example"], "is there 2 times"),
            (["Host:"], "names no host"),
            (["Host: a b"], "names no host"),
            (["Host: localhost, localhost"], "names no host"),
            (["Host: http://localhost"], "names no host"),
            (["Host: user@localhost"], "names no host"),
            (["Host: localhost/path"], "names no host"),
            (["Host: localhost:port"], "names no host"),
            (["Host: [::1"], "names no host"),
            (["Host: [1]"], "names no host"),
            (["Host: a..b"], "names no host"),
            ([f"Host: {'a' * 254}"], "names no host"),
            (["Host: l\xf6calhost"], "names no host"),
        ],
    )
    @pytest.mark.parametrize("path", [PATH, "/healthz", "/"])
    def test_host(self, place: Served, path: str, lines: list[str], found: str) -> None:
        """A missing, repeated or impossible `Host` is refused (RFC 9112, 3.2)."""
        method = "GET" if path == "/healthz" else "POST"
        head = [f"{method} {path} HTTP/1.1", *lines, "Content-Length: 0", "\r\n"]
        with connected(place) as connection:
            connection.sendall("\r\n".join(head).encode("latin-1"))
            assert answer(connection).error == (
                400,
                "BadRequestException",
                f"the Host header {found}; send one, as in the URL",
            )

    @pytest.mark.parametrize(
        "host", ["LOCALHOST:80", "shop.localhost", "127.0.0.1", "[::1]:8080", "[::1]:"]
    )
    def test_hosts(self, place: Served, host: str) -> None:
        """This machine has many names."""
        with connected(place) as connection:
            lines = [f"POST {PATH} HTTP/1.1", f"Host: {host}", "Content-Length: 2"]
            connection.sendall("\r\n".join([*lines, "\r\n{}"]).encode())
            assert "BatchItem" in answer(connection).error[2]

    def test_old_client(self, place: Served) -> None:
        """HTTP/1.0 knows no `Host`."""
        with connected(place) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert answer(connection).status == 200

    @pytest.mark.parametrize(
        "lines",
        [
            ["Transfer-Encoding: gzip, chunked"],
            ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
        ],
    )
    def test_transfer_encoding(self, place: Served, lines: list[str]) -> None:
        """A body comes in chunks or with its length; it is not compressed."""
        with connected(place) as connection:
            connection.sendall(head(*lines) + b"0\r\n\r\n")
            got = answer(connection)
            assert rest(connection) == b""
        assert got.error == (
            415,
            "UnsupportedMediaTypeException",
            "send the body in chunks, or with its Content-Length, not encoded",
        )

    def test_chunked(self, place: Served) -> None:
        """Chunks are welcome, in either case."""
        body = json.dumps(ONE).encode()
        with connected(place) as connection:
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            connection.sendall(head("Transfer-Encoding: Chunked") + chunks)
            assert answer(connection).status == 202

    @pytest.mark.parametrize(
        "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
    )
    def test_other_encodings(self, place: Served, encoding: str) -> None:
        """A body says by its first bytes that it is not UTF-8."""
        got = post(place, json.dumps(ONE).encode(encoding))
        expected = (415, "UnsupportedMediaTypeException", "send JSON in UTF-8")
        assert got.error == expected

    def test_byte_order_mark(self, place: Served) -> None:
        """That of UTF-8 is ignored."""
        assert post(place, json.dumps(ONE).encode("utf-8-sig")).status == 202


class TestForeignPages:
    """Where calls may be unsigned, no page of another site can cause one."""

    def post_as(self, server: Served, host: str, *more: str) -> Got:
        """Send a call to a host."""
        lines = [f"POST {PATH} HTTP/1.1", f"Host: {host}", *more]
        body = json.dumps(ONE).encode()
        lines.append(f"Content-Length: {len(body)}")
        with connected(server) as connection:
            connection.sendall("\r\n".join([*lines, "\r\n"]).encode() + body)
            return answer(connection)

    @pytest.mark.parametrize(
        "host", ["evil.example", "localhost.evil.example", "evil.example:80", "shop"]
    )
    def test_host(self, place: Served, sender: MemorySender, host: str) -> None:
        """The name of another site may resolve to this machine."""
        status, code, message = self.post_as(place, host).error
        assert (status, code) == (403, "ForbiddenException")
        named = host.partition(":")[0]
        assert message.startswith(f"the Host header names '{named}', and without ")
        assert sender.requests == ()

    @pytest.mark.parametrize(
        "origin, named",
        [
            ("https://evil.example", "'evil.example'"),
            ("http://203.0.113.5:8080", "'203.0.113.5'"),
            ("null", "'a page without a site'"),
            ("http://localhost.evil.example", "'localhost.evil.example'"),
            ("http://127.0.0.1@evil.example", "'a page without a site'"),
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "OPTIONS"])
    def test_origin(
        self,
        place: Served,
        sender: MemorySender,
        method: str,
        origin: str,
        named: str,
    ) -> None:
        """Nor may its page call this machine by its address."""
        got = post(place, ONE, f"Origin: {origin}", method=method)
        assert got.error[:2] == (403, "ForbiddenException")
        assert got.error[2].startswith(f"the Origin header names {named}, and without")
        assert sender.requests == ()

    @pytest.mark.parametrize(
        "origin",
        ["http://localhost:3000", "https://shop.localhost", "http://127.0.0.1:5173"],
    )
    def test_own_pages(self, place: Served, origin: str) -> None:
        """A page of this machine may call it: so applications are developed."""
        assert post(place, ONE, f"Origin: {origin}").status == 202

    def test_same_site(self, place: Served) -> None:
        """So may one that came from the same address."""
        got = self.post_as(place, "203.0.113.5", "Origin: http://203.0.113.5:3")
        assert got.status == 202

    def test_given_names(self) -> None:
        """Names that the endpoint is given are its own."""
        hosts = ["Events.Example.com"]
        app = create_app(MemorySender(), credentials=None, hosts=hosts)
        with served(app) as server:
            origin = "Origin: https://events.example.com"
            assert self.post_as(server, "events.example.com:8080").status == 202
            assert self.post_as(server, "127.0.0.1", origin).status == 202
            assert self.post_as(server, "example.com").status == 403

    def test_signed(self) -> None:
        """No page can sign a call: where signatures are checked, they say who may."""
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            origin = "Origin: https://shop.example"
            got = self.post_as(server, "events.example.com", origin)
            assert got.error[1] == "MissingAuthenticationTokenException"
            preflight = post(server, b"", origin, method="OPTIONS")
            assert preflight.status == 200

    def test_health(self, place: Served) -> None:
        """A load balancer may call it by any name."""
        with connected(place) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: balancer\r\n\r\n")
            assert answer(connection).status == 200

    @pytest.mark.parametrize("name", ["http://a.example", "a.example:80", "", "a b"])
    def test_no_names(self, name: str) -> None:
        """A name is no URL."""
        with pytest.raises(ConfigurationError) as raised:
            create_app(MemorySender(), credentials=None, hosts=[name])
        assert str(raised.value) == (
            "hosts has a text that is no name of a host; pass names without a scheme "
            "and a port, such as events.example.com"
        )
