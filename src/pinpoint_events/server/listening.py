"""
Where an endpoint listens: an address, a Unix socket, or a socket that it inherits.

A Unix socket is a file, which only a proxy on the same machine can reach, and who may
is a matter of the file's permissions. An inherited socket is opened by another program,
such as systemd, which keeps connections waiting while the endpoint restarts.
"""

import contextlib
import ipaddress
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import file_text

__all__ = ["inherited", "is_local", "listener", "unix_listener", "url_of"]

_BACKLOG: Final = 2048  # at most; the system may allow fewer
_MAX_PORT: Final = 65_535
_MAX_UNIX_BYTES: Final = 107 if sys.platform == "linux" else 103  # of a path


def listener(host: str, port: int) -> socket.socket:
    """
    Return a listening socket; port 0 takes a free port.

    Raises:
        ConfigurationError: If it cannot listen there.
    """
    # Some systems accept a larger port, modulo 65,536.
    if not 0 <= port <= _MAX_PORT:
        raise _cannot_listen(host, port, "")
    try:
        ((family, *_, address), *_) = socket.getaddrinfo(
            host.removeprefix("[").removesuffix("]"),  # brackets, as in a URL
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or ""
        # Python appends the address, which the message has already.
        raise _cannot_listen(host, port, reason.partition(" (while")[0]) from error


def _cannot_listen(host: str, port: int, reason: str) -> ConfigurationError:
    why = reason or "no such address or port"
    message = f"cannot listen at {host!r}, port {port}: {why}; choose another"
    return ConfigurationError(message)


def _unix_family() -> int | None:
    # Windows has none in Python.
    return getattr(socket, "AF_UNIX", None)


@contextlib.contextmanager
def unix_listener(path: str) -> Iterator[socket.socket]:
    """
    Listen at a Unix socket, and remove its file at the end.

    A file that an endpoint left behind, as after `kill -9`, is replaced. The file's
    permissions are those of the umask; a client needs to be allowed to write to it.

    Raises:
        ConfigurationError: If it cannot listen there.
    """
    family = _unix_family()
    if family is None:
        raise ConfigurationError("there are no Unix sockets here; listen at an address")
    size = len(os.fsencode(path))
    if size > _MAX_UNIX_BYTES:
        raise ConfigurationError(
            f"the path of the Unix socket has {size} bytes; at most {_MAX_UNIX_BYTES}; "
            "choose a shorter one"
        )
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            _remove_left_behind(path, family)
            sock.bind(path)
            sock.listen(_BACKLOG)
            made = Path(path).stat()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no path"
            raise _cannot_listen_at(path, f"{why}; choose another") from error
        try:
            yield sock
        finally:
            # Not if another endpoint has replaced it meanwhile.
            with contextlib.suppress(OSError):
                if os.path.samestat(made, Path(path).stat()):
                    Path(path).unlink()


def _remove_left_behind(path: str, family: int) -> None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _cannot_listen_at(path, "it is another kind of file; choose another")
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()  # no process listens there any more
            return
    raise _cannot_listen_at(
        path, "another program listens there; end it, or choose another"
    )


def _cannot_listen_at(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"cannot listen at the file {file_text(path)}: {why}")


def inherited(number: int) -> socket.socket:
    """
    Return the listening socket that another program has opened.

    Args:
        number: Its file descriptor; systemd's first is 3.

    Raises:
        ConfigurationError: If it is no listening socket of a stream.
    """
    try:
        sock = socket.socket(fileno=number)
    except (OSError, ValueError, OverflowError) as error:
        raise _not_inherited(number) from error
    is_stream = sock.type == socket.SOCK_STREAM
    is_known = sock.family in {socket.AF_INET, socket.AF_INET6, _unix_family()}
    if not (is_stream and is_known and _listens(sock)):
        sock.detach()  # it stays open: another program has opened it
        raise _not_inherited(number)
    return sock


def _listens(sock: socket.socket) -> bool:
    # Not every system knows this option of a socket.
    option = getattr(socket, "SO_ACCEPTCONN", None)
    return option is None or bool(sock.getsockopt(socket.SOL_SOCKET, option))


def _not_inherited(number: int) -> ConfigurationError:
    return ConfigurationError(
        f"file descriptor {number} is no listening socket; let the program that starts "
        "this one open it, such as systemd with a socket unit"
    )


def is_local(sock: socket.socket) -> bool:
    """Return whether only this machine can reach the socket."""
    if sock.family == _unix_family():
        return True
    return ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback


def url_of(sock: socket.socket) -> str:
    """Return the URL of a listening socket; for a Unix socket, `unix:` and its path."""
    if sock.family == _unix_family():
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}"
