"""Where an endpoint listens."""

import os
import socket
import stat
from contextlib import closing
from errno import EADDRINUSE
from pathlib import Path

import pytest
from tests.server.clients import ONE, post

from pinpoint_events import MemorySender
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import create_app, served
from pinpoint_events.server.listening import (
    inherited,
    is_local,
    listener,
    unix_listener,
    url_of,
)

needs_unix = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets"
)


class TestAddress:
    """An address and a port."""

    def test_taken(self) -> None:
        """A port that is taken cannot be had."""
        with listener("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError) as raised:
                listener("127.0.0.1", port)
        assert str(raised.value) == (
            f"cannot listen at '127.0.0.1', port {port}: {os.strerror(EADDRINUSE)}; "
            "choose another"
        )

    @pytest.mark.parametrize(
        "host, port", [("no such host", 0), ("127.0.0.1", 65_536), ("\ud800", 0)]
    )
    def test_nonsense(self, host: str, port: int) -> None:
        """So it is with what is no address, or no port."""
        with pytest.raises(ConfigurationError, match="cannot listen at "):
            listener(host, port)

    def test_loopback(self) -> None:
        """It is known whether others than this machine reach it."""
        with listener("127.0.0.1", 0) as inside, listener("0.0.0.0", 0) as outside:
            assert is_local(inside)
            assert not is_local(outside)

    @pytest.mark.skipif(
        not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(),
        reason="there is no IPv6",
    )
    def test_version_6(self) -> None:
        """Addresses of version 6 have their brackets, and may be given with them."""
        app = create_app(MemorySender(), credentials=None)
        with served(app, host="[::1]") as server:
            assert server.url.startswith("http://[::1]:")
            assert post(server, ONE).status == 202


@needs_unix
class TestUnixSocket:
    """A file, for a proxy on the same machine."""

    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """A path that is short enough, whatever the directory of the tests is."""
        monkeypatch.chdir(tmp_path)
        return "endpoint.sock"

    def test_made_and_removed(self, path: str) -> None:
        """The file is there as long as the endpoint listens."""
        with unix_listener(path) as sock:
            assert stat.S_ISSOCK(Path(path).stat().st_mode)
            assert url_of(sock) == f"unix:{path}"
            assert is_local(sock)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
        assert not Path(path).exists()

    def test_left_behind(self, path: str) -> None:
        """One that nobody listens at is replaced."""
        with closing(socket.socket(socket.AF_UNIX)) as dead:
            dead.bind(path)
        with unix_listener(path), socket.socket(socket.AF_UNIX) as client:
            client.connect(path)

    def test_in_use(self, path: str) -> None:
        """One that another endpoint listens at is not."""
        with unix_listener(path), socket.socket(socket.AF_UNIX) as client:
            with pytest.raises(ConfigurationError) as raised, unix_listener(path):
                pass
            client.connect(path)
        assert str(raised.value) == (
            "cannot listen at the file 'endpoint.sock': another program listens there; "
            "end it, or choose another"
        )

    def test_replaced(self, path: str) -> None:
        """At its end, an endpoint leaves the file of another alone."""
        with unix_listener(path):
            Path(path).rename("moved")
            with unix_listener(path):
                pass
            Path(path).write_text("mine")
        assert Path(path).read_text() == "mine"

    def test_other_file(self, path: str) -> None:
        """Another kind of file is never removed."""
        Path(path).write_text("mine")
        with pytest.raises(ConfigurationError) as raised, unix_listener(path):
            pass
        assert str(raised.value) == (
            "cannot listen at the file 'endpoint.sock': it is another kind of file; "
            "choose another"
        )
        assert Path(path).read_text() == "mine"

    @pytest.mark.parametrize(
        "path, message",
        [
            ("x" * 200, "the path of the Unix socket has 200 bytes; at most 10"),
            ("none/endpoint.sock", "cannot listen at the file 'none/endpoint.sock': "),
            ("a\0b", "cannot listen at the file at a path that is not shown: "),
        ],
    )
    def test_nonsense(self, tmp_path: Path, path: str, message: str) -> None:
        """So it is with what is too long, or no path."""
        with pytest.raises(ConfigurationError) as raised, unix_listener(path):
            pass
        assert str(raised.value).startswith(message)


class TestOtherSystems:
    """Not every system has Unix sockets in Python."""

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there are none, another place must do."""
        monkeypatch.delattr(socket, "AF_UNIX", raising=False)
        with pytest.raises(ConfigurationError) as raised, unix_listener("file"):
            pass
        assert str(raised.value) == (
            "there are no Unix sockets here; listen at an address"
        )
        with listener("127.0.0.1", 0) as sock:
            assert is_local(sock)
            assert url_of(sock).startswith("http://127.0.0.1:")


class TestInherited:
    """A socket that another program has opened."""

    def test_number(self) -> None:
        """It is known by the number of its file descriptor."""
        opened = listener("127.0.0.1", 0)
        with inherited(opened.detach()) as sock:
            assert url_of(sock).startswith("http://127.0.0.1:")
            with socket.create_connection(sock.getsockname()):
                pass

    @pytest.mark.parametrize("number", [-1, 1_000_000, 10**30])
    def test_nothing(self, number: int) -> None:
        """There may be nothing under a number."""
        with pytest.raises(ConfigurationError) as raised:
            inherited(number)
        assert str(raised.value) == (
            f"file descriptor {number} is no listening socket; let the program that "
            "starts this one open it, such as systemd with a socket unit"
        )

    def test_other_files(self, tmp_path: Path) -> None:
        """A file, and a socket that does not listen, are left open."""
        with (
            (tmp_path / "file").open("w") as file,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket() as silent,
        ):
            for each in (file, datagrams, silent):
                with pytest.raises(ConfigurationError, match="is no listening socket"):
                    inherited(each.fileno())
                os.fstat(each.fileno())
