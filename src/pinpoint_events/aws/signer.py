"""Completes requests with their headers, and signs them (AWS Signature Version 4)."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pinpoint_events.aws._botocore import SignatureTemplate
from pinpoint_events.aws.credentials import FrozenCredentials
from pinpoint_events.aws.service import Service
from pinpoint_events.aws.settings import Settings
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.http_messages import HttpRequest

__all__ = ["SignedRequest", "Signer"]


class SignedRequest(NamedTuple):
    """
    A request that can be sent.

    Attributes:
        request: With all its headers, and the path from the root of the host.
        secrets: Its parts that must not get into a message, should the service quote
            them.
    """

    request: HttpRequest
    secrets: tuple[str, ...]


class Signer:
    """
    Completes and signs the requests of one sender.

    Safe to use from several threads.

    Args:
        service: The service that requests go to.
        settings: Where they go, and with which credentials.

    Raises:
        ConfigurationError: If the user agent cannot be sent.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._path_prefix = urlsplit(settings.url).path.removesuffix("/")
        self._host = settings.link.origin.partition("//")[2]
        self._template: tuple[object, SignatureTemplate] | None = None
        if not _is_header_text(settings.user_agent):
            raise ConfigurationError(
                "the user agent is not printable ASCII; correct user_agent, "
                "user_agent_extra and user_agent_appid"
            )

    def sign(
        self, request: HttpRequest, at: float, unsigned: Mapping[str, str]
    ) -> SignedRequest:
        """
        Return the request, ready to send.

        Args:
            request: With the headers and the path of the call.
            at: The time to sign with, in seconds since 1970.
            unsigned: Headers to add without signing them.

        Raises:
            ConfigurationError: If there are no credentials, or they cannot be sent.
        """
        path = self._path_prefix + request.path
        headers = {"Host": self._host, **request.headers}
        secrets: tuple[str, ...] = ()
        if self._settings.credentials is not None:
            credentials = self._settings.credentials()
            template = self._template_for(request.method, path, headers, credentials)
            signing, signature = template.sign(at, request.body)
            headers = {**headers, **signing}
            found = (
                credentials.secret_key,
                credentials.token,
                credentials.access_key,
                signature,
            )
            secrets = tuple(filter(None, found))
        headers = {**headers, "User-Agent": self._settings.user_agent, **unsigned}
        complete = HttpRequest(
            method=request.method, path=path, headers=headers, body=request.body
        )
        return SignedRequest(complete, secrets)

    def _template_for(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        credentials: FrozenCredentials,
    ) -> SignatureTemplate:
        """Return the last template if it fits; else make another one."""
        key = (method, path, headers, credentials)
        known = self._template
        if known is not None and known[0] == key:
            return known[1]
        _check(credentials)
        template = SignatureTemplate(
            credentials,
            self._service.signing_name,
            self._settings.region,
            method=method,
            url=self._settings.link.origin + path,
            headers=headers,
        )
        self._template = (key, template)
        return template


def _check(credentials: FrozenCredentials) -> None:
    # Any: a credential process may have printed a number.
    secret: Any = credentials.secret_key
    is_secret = isinstance(secret, str) and secret.isprintable()
    in_headers = (credentials.access_key, credentials.token or "")
    if not (is_secret and all(map(_is_header_text, in_headers))):
        raise ConfigurationError(
            "the AWS access key id, secret key or session token is no text, or has a "
            "character that it cannot have; look for a line break around it"
        )


def _is_header_text(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()
