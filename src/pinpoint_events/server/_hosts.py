"""
The `Host` of a request, and who may call an endpoint that checks no signatures.

A web page cannot sign calls, but its browser sends whatever it asks for. Where calls
may be unsigned, a page of a foreign site could write to an endpoint on the machine of
its reader in two ways: it calls the endpoint by its address, and its browser names the
site in `Origin`; or it lets its site's name resolve to that address (DNS
rebinding), and its browser names the site in `Host`. So both headers may name only
hosts that are known. An IP address in `Host` is one: it is not resolved.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final

from pinpoint_events.problems import shortened
from pinpoint_events.server._answers import RequestError, bad_request

__all__ = ["AllowedHosts", "checked_host", "is_host_name"]

_MAX_NAME: Final = 253  # characters of a domain name (RFC 1035, 2.3.4, as text)
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.ASCII)
# RFC 9112, 3.2: the authority of the URL, without user information.
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+(?:%25[a-z0-9_.-]+)?\]|[^\[\]:]+)(?::\d*)?")
_ORIGIN: Final = re.compile("[a-z][a-z0-9+.-]*://(.+)")
_LOCAL: Final = "localhost"


def is_host_name(text: str) -> bool:
    """Return whether a text is the name or address of a host, without a port."""
    return _host_of(text) == text.lower()


def checked_host(values: Sequence[bytes], http_version: str) -> str:
    """
    Return the host that a request names, in lower case; "" if it names none.

    Args:
        values: Of all its `Host` headers.
        http_version: In HTTP/1.0, there need not be one.

    Raises:
        RequestError: If the header is missing, repeated, or names no host.
    """
    if not values and http_version == "1.0":
        return ""
    host = _host_of(values[0].decode("latin-1")) if len(values) == 1 else None
    if host is None:
        found = "names no host" if len(values) == 1 else f"is there {len(values)} times"
        raise bad_request(f"the Host header {found}; send one, as in the URL")
    return host


class AllowedHosts:
    """
    The hosts that unsigned calls may name: this machine, and names that are given.

    Args:
        names: Names besides `localhost` and IP addresses, without ports.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)

    def check(self, host: str, origin: bytes | None) -> None:
        """
        Refuse a call that a web page of a foreign site could have caused.

        Args:
            host: From `checked_host`.
            origin: The `Origin` header; None if there is none.

        Raises:
            RequestError: If one of them is foreign.
        """
        if host and not (_is_address(host) or self._is_known(host)):
            raise _foreign("Host", host)
        if origin is None:
            return
        found = _ORIGIN.fullmatch(origin.decode("latin-1").lower())
        named = None if found is None else _host_of(found[1])
        is_ours = named is not None and (
            named == host or _is_loopback(named) or self._is_known(named)
        )
        if not is_ours:
            raise _foreign("Origin", named or "a page without a site")

    def _is_known(self, host: str) -> bool:
        is_local = host == _LOCAL or host.endswith(f".{_LOCAL}")
        return is_local or host in self._names


def _foreign(header: str, host: str) -> RequestError:
    message = (
        f"the {header} header names {shortened(host)}, and without signatures only "
        "this machine's addresses, localhost and the names that this endpoint was "
        "given are served: sign the call, or give the endpoint that name"
    )
    return RequestError(403, message)


def _host_of(text: str) -> str | None:
    """Return the host of an authority, in lower case, without its port; None if bad."""
    found = _HOST.fullmatch(text.lower())
    if found is None:
        return None
    host = found[1]
    if host.startswith("["):
        return host if _is_address(host) else None
    is_name = len(host) <= _MAX_NAME and _NAME.fullmatch(host) and ".." not in host
    return host if is_name else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    return _address(host) is not None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_loopback
