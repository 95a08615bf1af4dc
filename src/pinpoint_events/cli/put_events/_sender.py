"""Whom a request is given to, by the options and AWS settings."""

import logging
import os
import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urljoin

from pinpoint_events.aws.http import Transport
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    PinpointEventsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.senders.pinpoint import PinpointSender
from pinpoint_events.senders.protocol import Sender

__all__ = ["profile_setting", "sender_to", "to_service"]

_log = logging.getLogger("pinpoint_events")

_SUCCESS: Final = 2  # hundred

# What the library says to Python users, in the AWS CLI's words.
_WORDS: Final = {
    ConfigurationErrorCode.NO_REGION: (
        "You must specify a region: pass --region, or set AWS_REGION, or region in the "
        "profile of the AWS config file"
    ),
    ConfigurationErrorCode.NO_CREDENTIALS: (
        "Unable to locate credentials: set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or pass --profile, or give the machine a role"
    ),
}
# Put before the URL and the library's message.
_WORDS_OF_CONNECTIONS: Final = {
    TransportErrorCode.CONNECT: "Could not connect to the endpoint URL",
    TransportErrorCode.CONNECT_TIMEOUT: "Connect timeout on endpoint URL",
    TransportErrorCode.CONNECTION_CLOSED: (
        "Connection was closed before we received a valid response from endpoint URL"
    ),
    TransportErrorCode.NAME_RESOLUTION: "Could not connect to the endpoint URL",
    TransportErrorCode.READ_TIMEOUT: "Read timeout on endpoint URL",
}
_RAISE_IN_CONFIG: Final = re.compile(", or raise (connect|read)_timeout in the config")
_RAISE_BY_OPTION: Final = r", or raise --cli-\1-timeout"
_MOST_OF_A_REQUEST_ID: Final = 60  # the service's have 36; others' may be of any length
# AWS CLI version 2 does not count these among the faults of an environment.
_NO_FAULT_OF_THE_ENVIRONMENT: Final = (
    ConfigurationErrorCode.INVALID_REGION,
    ConfigurationErrorCode.PROFILE_NOT_FOUND,
)


@contextmanager
def sender_to(
    options: Namespace, application_id: str | None
) -> Iterator[tuple[Sender, list[bytes]]]:
    """
    Yield the sender, and the bodies that the service answers it with, once it does.

    Raises:
        ConfigurationError: If settings do not allow to send.
        PinpointEventsError: If there is no such profile or region.
    """
    if options.to is None:
        with to_service(options, application_id) as sender:
            yield sender, _heard_by(sender, _RAISE_BY_OPTION)
        return
    from pinpoint_events.senders.url import open_sender  # noqa: PLC0415

    with (
        _in_words_of_the_aws_cli(),
        open_sender(options.to, application_id=application_id) as opened,
    ):
        # No remedy for timeouts: --to allows none of those options.
        heard = _heard_by(opened, "") if isinstance(opened, PinpointSender) else []
        yield opened, heard


@contextmanager
def to_service(
    options: Namespace, application_id: str | None
) -> Iterator[PinpointSender]:
    """Yield the sender to the service itself; errors are those of `sender_to`."""
    with (
        _in_words_of_the_aws_cli(bundle=options.ca_bundle),
        PinpointSender(
            # The input was refused if it is None.
            cast("str", application_id),
            # By AWS CLI version 2, the second goes before AWS_DEFAULT_REGION.
            region=options.region or os.environ.get("AWS_REGION") or None,
            endpoint_url=options.endpoint_url,
            session=_session(options),
            config=_config(options),
            verify=False if options.no_verify_ssl else options.ca_bundle,
        ) as sender,
    ):
        yield sender


def profile_setting(options: Namespace, name: str) -> str | None:
    """Return what the profile says of a setting that is the AWS CLI's own."""
    import botocore.exceptions  # noqa: PLC0415 - slow to load
    import botocore.session  # noqa: PLC0415

    session = _session(options) or botocore.session.Session()
    try:
        setting: str | None = session.get_scoped_config().get(name)
    except botocore.exceptions.BotoCoreError as error:
        message = f"{str(error).rstrip('.')}; correct the AWS config file"
        code = (
            ConfigurationErrorCode.PROFILE_NOT_FOUND
            if isinstance(error, botocore.exceptions.ProfileNotFound)
            else None
        )
    else:
        return setting
    # Raised outside the `except` block: the original error may quote a line of a file.
    with _in_words_of_the_aws_cli():
        raise ConfigurationError(message, code)


def _session(options: Namespace) -> Any:
    if not options.profile:
        return None
    import botocore.session  # noqa: PLC0415 - slow to load

    return botocore.session.Session(profile=options.profile)


def _config(options: Namespace) -> Any:
    arguments: dict[str, Any] = {}
    for name in ("connect_timeout", "read_timeout"):
        seconds = getattr(options, f"cli_{name}")
        if seconds is not None:
            arguments[name] = seconds or None  # for ever
    if options.no_sign_request:
        from botocore import UNSIGNED  # noqa: PLC0415 - slow to load

        arguments["signature_version"] = UNSIGNED
    if not arguments:
        return None
    from botocore.config import Config  # noqa: PLC0415 - slow to load

    return Config(**arguments)


@contextmanager
def _in_words_of_the_aws_cli(*, bundle: str | None = None) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        code = error.code
        message = error.message
    else:
        return
    # Raised outside the `except` block so that the original error, which may quote
    # a line of a file, is not attached as `__context__`.
    if bundle is not None and code is ConfigurationErrorCode.CA_BUNDLE_UNREADABLE:
        message = f"the CA bundle {bundle!r} cannot be read; correct --ca-bundle"
    if code in _WORDS:
        message = _WORDS[code]
    if code in _NO_FAULT_OF_THE_ENVIRONMENT:
        raise PinpointEventsError(message)
    raise ConfigurationError(message, code)


def _heard_by(sender: PinpointSender, remedy: str) -> list[bytes]:
    transport = sender._transport  # noqa: SLF001 - `_Listener` says why
    url = sender._url  # noqa: SLF001 - as above
    listener = _Listener(transport, url, remedy)
    sender._transport = listener  # noqa: SLF001 - as above
    return listener.heard


class _Listener:
    """
    Stands between a sender and its connections.

    A typed answer does not say how it was written, and a sender does not say how often
    it tried. Both are the command's business alone, and so there is no public way.

    Args:
        transport: The connections.
        url: Where they lead.
        remedy: What to say in place of raising a timeout in botocore's config.
    """

    def __init__(self, transport: Transport, url: str, remedy: str) -> None:
        self._transport = transport
        self._url = url
        self._remedy = remedy
        self.heard: list[bytes] = []

    def exchange(self, request: HttpRequest) -> HttpResponse:
        call = {
            "pinpoint_events.attempt": request.headers["amz-sdk-request"],
            "pinpoint_events.host": request.headers["Host"],
            "pinpoint_events.bytes": len(request.body),
        }
        _log.debug("sending", extra=call)
        try:
            response = self._transport.exchange(request)
        except TransportError as error:
            raise self._error_in_words_of_the_aws_cli(error, request.path) from error
        if response.status // 100 == _SUCCESS:
            self.heard.append(response.body)
        request_id = response.headers.get("x-amzn-requestid", "")
        answer = {
            "pinpoint_events.status": response.status,
            "pinpoint_events.bytes": len(response.body),
            "pinpoint_events.request_id": request_id[:_MOST_OF_A_REQUEST_ID],
        }
        _log.debug("answered", extra=answer)
        return response

    def _error_in_words_of_the_aws_cli(
        self, error: TransportError, path: str
    ) -> TransportError:
        message = _RAISE_IN_CONFIG.sub(self._remedy, error.message)
        words = _WORDS_OF_CONNECTIONS.get(error.code)
        if words is not None:
            message = f'{words}: "{urljoin(self._url, path)}": {message}'
        return TransportError(
            message,
            error.is_retry_safe,
            error.retry_after_seconds,
            error.request_id,
            error.code,
        )

    def close(self) -> None:
        self._transport.close()
