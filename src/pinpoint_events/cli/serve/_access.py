"""Where the endpoint listens, and whose calls it accepts."""

from argparse import Namespace
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import shortened

if TYPE_CHECKING:
    import socket

    from pinpoint_events.server import Keys

__all__ = [
    "allowed_hosts",
    "check_no_auth",
    "listening_socket",
    "read_keys",
]

_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 8080


def listening_socket(options: Namespace) -> "AbstractContextManager[socket.socket]":
    """
    Return the socket to listen on.

    Raises:
        ConfigurationError: If it cannot be used.
    """
    from pinpoint_events.server.listening import (  # noqa: PLC0415 - not for help
        inherited,
        listener,
        unix_listener,
    )

    if options.uds is not None:
        return unix_listener(options.uds)
    if options.fd is not None:
        return inherited(options.fd)
    port = _DEFAULT_PORT if options.port is None else options.port
    return listener(options.host or _DEFAULT_HOST, port)


def read_keys(path: str | None) -> "Keys":
    """
    Return the keys of a file, or, without one, that of the environment.

    Raises:
        ConfigurationError: If there is no usable key.
    """
    from pinpoint_events.server import Keys  # noqa: PLC0415 - not for help

    if path is not None:
        return Keys.from_file(path)
    try:
        return Keys.from_environment()
    except ConfigurationError as error:
        message = (
            f"{error}; or give keys with --credentials FILE, or take calls from anyone "
            "with --no-auth"
        )
        raise ConfigurationError(message) from None


def allowed_hosts(options: Namespace) -> list[str]:
    """Return the names of hosts that unsigned calls may name."""
    from pinpoint_events.server._hosts import (  # noqa: PLC0415 - not for help
        is_host_name,
    )

    names = options.allow_host or []
    for name in names:
        if not is_host_name(name):
            raise UsageError(
                f"argument --allow-host: {shortened(name)} is no name of a host; write "
                "it without a scheme and a port, as events.example.com"
            )
    host = options.host or _DEFAULT_HOST
    listened = [host] if is_host_name(host) else []
    return [*names, *listened]


def check_no_auth(listener: "socket.socket", *, is_forced: bool) -> None:
    """
    Warn that calls need no signature.

    Raises:
        UsageError: If other machines can reach the socket, and that is not forced.
    """
    from pinpoint_events.server.listening import is_local  # noqa: PLC0415

    if not is_local(listener) and not is_forced:
        message = (
            "--no-auth is for loopback addresses: at this one, anyone who reaches the "
            "machine could write; give keys, or add --force-no-auth"
        )
        raise UsageError(message)
    console.message("WARNING: --no-auth: calls are accepted from anyone, signed or not")
