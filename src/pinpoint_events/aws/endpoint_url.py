"""What an endpoint URL says: whether it is usable, its host, and its region."""

import re
from string import ascii_letters, digits
from typing import Any, Final
from urllib.parse import urlsplit

from pinpoint_events.aws._botocore import is_endpoint_url
from pinpoint_events.aws.service import Service
from pinpoint_events.errors import ConfigurationError

__all__ = ["PORTS", "place_of", "region_of"]

PORTS: Final = {"http": 80, "https": 443}
_LETTERS: Final = frozenset(ascii_letters + digits)
_HOST_CHARACTERS: Final = _LETTERS | {*"-.:[]"}
_PATH_CHARACTERS: Final = _LETTERS | {*"-._~/%"}  # which need no encoding

# `PREFIX.eu-west-1.amazonaws.com`, with its FIPS, dual-stack and VPC variants.
_AWS_HOST: Final = (
    r"(?:.+\.)?{prefix}(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?"
    r"(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)


def place_of(url: Any) -> dict[str, Any]:
    """Return scheme, host and port of an endpoint URL; raise if it is not usable."""
    place = _place_or_none(url) if isinstance(url, str) else None
    if place is None:
        raise ConfigurationError(
            "the endpoint URL is not usable; write it as https://host[:port][/path], "
            "in ASCII, without credentials, query or fragment"
        )
    return place


def _place_or_none(url: str) -> dict[str, Any] | None:
    try:
        is_url = is_endpoint_url(url)
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    usual_port = PORTS.get(parts.scheme)
    is_plain = (
        _HOST_CHARACTERS.issuperset(parts.netloc)
        and _PATH_CHARACTERS.issuperset(parts.path)
        and not (parts.query or parts.fragment)
    )
    if not is_url or usual_port is None or not is_plain:
        return None
    port = None if port == usual_port else port
    return {"scheme": parts.scheme, "host": parts.hostname, "port": port}


def region_of(service: Service, url: str | None) -> str | None:
    """Return the region in the host name of an AWS endpoint; None if it has none."""
    host = urlsplit(url or "").hostname or ""  # in lower case
    prefix = re.escape(service.endpoint_prefix)
    found = re.fullmatch(_AWS_HOST.format(prefix=prefix), host)
    return found[1] if found else None
