"""The head of a request, as `http.client` writes it."""

import re
from functools import lru_cache
from typing import Final

from pinpoint_events.http_messages import HttpRequest

__all__ = ["request_head"]

# As in http.client (RFC 9110, section 5.1, is stricter).
_NAME: Final = re.compile(r"[^:\s][^:\r\n]*")


def request_head(request: HttpRequest, host: str) -> bytes:
    """
    Return the first line and the headers of a request.

    Args:
        request: Its headers may leave out `Host`, `Accept-Encoding` and
            `Content-Length`.
        host: With the port, if that is not the default one.

    Raises:
        ValueError: If a part cannot be sent, or would end its line.
    """
    headers = request.headers
    path = request.path or "/"
    template = _template(request.method, host, tuple(headers))
    values = "".join(headers.values())
    if not _is_visible(path) or "\r" in values or "\n" in values:
        raise ValueError("a header or the path has characters that cannot be sent")
    text = template % (path, len(request.body), *headers.values())
    return text.encode("latin-1")


# The requests of a sender have the same names; some values are secret, and not kept.
@lru_cache(maxsize=64)
def _template(method: str, host: str, names: tuple[str, ...]) -> str:
    """Return a head with places for the path, the body's length, and the values."""
    if not (_is_visible(method) and _is_visible(host) and all(map(_is_name, names))):
        raise ValueError("a method, host or header name that cannot be sent")
    given = {name.lower() for name in names}
    # Where the length is given, the place for it writes nothing.
    unused = "%.0s" if "content-length" in given else ""
    lines = [f"{_escaped(method)} %s HTTP/1.1{unused}"]
    if "host" not in given:
        lines.append(f"Host: {_escaped(host)}")
    if "accept-encoding" not in given:
        lines.append("Accept-Encoding: identity")
    if not unused:
        lines.append("Content-Length: %d")
    lines += [f"{_escaped(name)}: %s" for name in names]
    return "\r\n".join([*lines, "", ""])


def _is_name(name: str) -> bool:
    return name.isascii() and _NAME.fullmatch(name) is not None


def _is_visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
