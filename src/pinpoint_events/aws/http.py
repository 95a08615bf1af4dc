"""
HTTP connections: one signed request out, one complete answer in.

Without a proxy, connections are kept and used again: `direct`. Through a proxy, urllib3
is used, as in botocore: `proxied`. Either way TLS, timeouts and proxies are set up as
in botocore.
"""

import math
from typing import Protocol

from pinpoint_events.aws.direct import Direct
from pinpoint_events.aws.link import Link
from pinpoint_events.http_messages import HttpRequest, HttpResponse

__all__ = ["Transport", "transport"]


class Transport(Protocol):
    """Sends one request at a time on each thread, as many as there are threads."""

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        """
        Send a request and return the complete answer to it.

        Args:
            request: With all its headers.
            seconds: The longest time to take, over all waits. It does not bound the
                look-up of an address, which the system does.

        Raises:
            TransportError: If none arrived.
            InvalidResponseError: If it is too large to be one.
        """
        ...

    def close(self) -> None:
        """Close the connections; those in use are closed after it."""
        ...


def transport(link: Link) -> Transport:
    """
    Return what sends to a service.

    Raises:
        ConfigurationError: If certificates cannot be read.
    """
    if link.proxy is None:
        return Direct(link)
    # Imported here: most connections are direct.
    from pinpoint_events.aws.proxied import Proxied  # noqa: PLC0415

    return Proxied(link, link.proxy)
