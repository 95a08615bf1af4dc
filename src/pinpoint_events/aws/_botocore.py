"""
What this package uses of botocore beyond its documented interface.

Nothing else in the package imports these names. `tests/test_aws_botocore.py` fails when
a release of botocore changes one of them; the page on dependencies lists them.
"""

import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from hmac import HMAC
from types import SimpleNamespace
from typing import Any, Final

import botocore
from botocore.auth import EMPTY_SHA256_HASH, SIGV4_TIMESTAMP, SigV4Auth
from botocore.httpsession import (
    ProxyConfiguration,
    create_urllib3_context,
    get_cert_path,
)
from botocore.useragent import UserAgentString
from botocore.utils import (
    get_environ_proxies,
    is_valid_endpoint_url,
    is_valid_ipv6_endpoint_url,
    validate_region_name,
)

from pinpoint_events.aws.signing_key import signing_mac

__all__ = [
    "ProxyConfiguration",
    "SignatureTemplate",
    "create_urllib3_context",
    "credentials_of",
    "environment_user_agent",
    "get_cert_path",
    "get_environ_proxies",
    "given_options",
    "is_endpoint_url",
    "renew_refresh_lock",
    "validate_region_name",
]


def environment_user_agent(extra: str) -> str:
    """Return the user agent of a botocore session that knows only the environment."""
    agent = UserAgentString.from_environment().set_session_config(
        "Botocore", botocore.__version__, extra
    )
    text: str = agent.to_string()
    return text


def is_endpoint_url(url: str) -> bool:
    """Return whether botocore accepts an endpoint URL."""
    return bool(is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url))


def given_options(config: Any) -> Mapping[str, Any]:
    """Return the options that a config was made with, without the defaults."""
    options: Mapping[str, Any] = {} if config is None else config._user_provided_options
    return options


def credentials_of(session: Any) -> Any:
    """Return the credentials that a session has; None before it looks for any."""
    return session._credentials


def renew_refresh_lock(credentials: Any) -> None:
    """Unlock credentials whose refresh a `fork` has interrupted, in the child."""
    if hasattr(credentials, "_refresh_lock"):
        credentials._refresh_lock = threading.Lock()


class SignatureTemplate:
    """
    The parts of a signature that are the same in all requests of a sender.

    The canonical request and the headers are made once, with placeholders for the time,
    and completed for each request: botocore spends most of its time on headers, which
    do not change. `SigV4Auth.add_auth` is not used, because it logs the canonical
    request with the session token at DEBUG.

    Args:
        credentials: botocore's frozen credentials, or an object with their attributes.
        signing_name: The service's name in signatures.
        region: The region to sign for.
        method: HTTP method.
        url: URL of the requests, without a query.
        headers: The headers to sign.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the signature
        self,
        credentials: Any,
        signing_name: str,
        region: str,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
    ) -> None:
        self._auth = SigV4Auth(credentials, signing_name, region)
        self._signing_name = signing_name
        self._region = region
        self._known_mac = _NO_DAY  # the day, and what signs on it
        # The attributes of an `AWSRequest` that the signer reads.
        request = SimpleNamespace(
            method=method,
            url=url,
            params={},
            headers=dict(headers),
            body=b"",
            context={"timestamp": _TIME},
        )
        self._auth._modify_request_before_signing(request)
        canonical = self._auth.canonical_request(request)
        self._around_time = canonical.removesuffix(EMPTY_SHA256_HASH).split(_TIME)
        self._auth._inject_signature_to_request(request, "")
        self._headers = {
            name: value
            for name, value in request.headers.items()
            if name not in headers
        }

    def sign(self, at: float, body: bytes) -> tuple[dict[str, str], str]:
        """
        Return the headers that sign a request, and the signature.

        Args:
            at: The time, in seconds since 1970.
            body: The request's body.
        """
        timestamp = time.strftime(SIGV4_TIMESTAMP, time.gmtime(at))
        canonical = timestamp.join(self._around_time) + sha256(body).hexdigest()
        request = SimpleNamespace(context={"timestamp": timestamp})
        to_sign = self._auth.string_to_sign(request, canonical)
        mac = self._mac(timestamp[:8]).copy()
        mac.update(to_sign.encode())
        signature = mac.hexdigest()
        headers = {
            name: value.replace(_TIME, timestamp).replace(_DAY, timestamp[:8])
            for name, value in self._headers.items()
        }
        headers["Authorization"] += signature
        return headers, signature

    def _mac(self, day: str) -> HMAC:
        known, mac = self._known_mac
        if known != day:
            scope = (day, self._region, self._signing_name, "aws4_request")
            mac = signing_mac(self._auth.credentials.secret_key, scope)
            self._known_mac = day, mac
        return mac


# Placeholders that cannot occur elsewhere: paths are percent-encoded, and headers
# printable.
_DAY: Final = "\x01" * 8
_TIME: Final = _DAY * 2
_NO_DAY: Final = ("", HMAC(b"", digestmod="sha256"))
