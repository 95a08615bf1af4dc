"""The way to a service: host, timeouts, certificates, proxy."""

import socket
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["KEEP_ALIVE", "NO_DELAY", "Link", "Proxy"]

# Else the kernel holds back the end of a request until the start of it is confirmed,
# which the other side delays: 40 ms instead of less than one.
NO_DELAY: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
KEEP_ALIVE: Final = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


# No attrs classes here: making one takes a hundredth of the time to a first answer.


class Proxy(NamedTuple):
    """
    A proxy, as botocore understands one.

    Attributes:
        url: With its user-info, if it has one.
        headers: What it requires, credentials among it.
        ca_bundle: Path of the certificates to trust a proxy by that is itself `https`.
        client_cert: What to show to such a proxy: a path, or one of it and of its key.
        forwards_https: Whether such a proxy is trusted with what goes to `https` hosts.
    """

    url: str
    headers: Mapping[str, str]
    ca_bundle: str | None = None
    client_cert: str | tuple[str, str] | None = None
    forwards_https: bool = False

    def __repr__(self) -> str:
        """Return no more than that it is one: the rest has passwords in it."""
        return "Proxy(...)"


class Link(NamedTuple):
    """
    The way to the service.

    Attributes:
        scheme: `http` or `https`.
        host: Name or address, without brackets.
        port: None for the scheme's own.
        verify: Whether to verify certificates, or by which bundle.
        client_cert: What to show: a path, or one of the certificate and of its key.
        connect_timeout: In seconds; None waits for ever. The default is more than a
            connection to another continent takes, with two packets lost.
        read_timeout: In seconds; None waits for ever. The service answers within one.
        max_connections: How many to keep for later.
        socket_options: What `setsockopt` takes.
        proxy: None to go directly.
        call_seconds: The deadline of a call, of which an exchange gets what is left;
            only messages name it.
    """

    scheme: str
    host: str
    port: int | None
    verify: bool | str = True
    client_cert: str | tuple[str, str] | None = None
    connect_timeout: float | None = 5.0
    read_timeout: float | None = 10.0
    max_connections: int = 10
    socket_options: tuple[tuple[int, int, int], ...] = NO_DELAY
    proxy: Proxy | None = None
    call_seconds: float | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}"
