"""Opens the sender that the options and AWS settings choose."""

import logging
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pinpoint_events.cli._destination import destination_errors
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    PinpointEventsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.senders.observer import Attempt
from pinpoint_events.senders.pinpoint import PinpointSender
from pinpoint_events.senders.protocol import Sender

__all__ = ["profile_setting", "sender_to", "to_service"]

_log = logging.getLogger("pinpoint_events")

_SUCCESS_CLASS: Final = 2  # of status codes: 2xx

# The AWS CLI's messages, which replace the library's.
_MESSAGES: Final = {
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
_CONNECTION_MESSAGES: Final = {
    TransportErrorCode.CONNECT: "Could not connect to the endpoint URL",
    TransportErrorCode.CONNECT_TIMEOUT: "Connect timeout on endpoint URL",
    TransportErrorCode.CONNECTION_CLOSED: (
        "Connection was closed before we received a valid response from endpoint URL"
    ),
    TransportErrorCode.NAME_RESOLUTION: "Could not connect to the endpoint URL",
    TransportErrorCode.READ_TIMEOUT: "Read timeout on endpoint URL",
}
# Replaces the library's message, whose remedy is a setting of botocore's config.
_TIMEOUT_REMEDIES: Final = {
    TransportErrorCode.CONNECT_TIMEOUT: (
        "check network and endpoint URL",
        "--cli-connect-timeout",
    ),
    TransportErrorCode.READ_TIMEOUT: (
        "the events may have been accepted; send them again",
        "--cli-read-timeout",
    ),
}
_MAX_REQUEST_ID_CHARACTERS: Final = 60  # the service's have 36; others may be longer


@contextmanager
def sender_to(
    options: Namespace, application_id: str | None
) -> Iterator[tuple[Sender, list[bytes]]]:
    """
    Yield the sender, and a list to which the bodies of successful responses are added.

    Raises:
        ConfigurationError: If a setting is missing or invalid.
    """
    if options.to is None:
        with (
            to_service(options, application_id) as sender,
            _observed(sender, takes_timeouts=True) as observed,
        ):
            yield observed
        return
    from pinpoint_events.senders.url import open_sender  # noqa: PLC0415

    with (
        destination_errors(options.to),
        open_sender(options.to, application_id=application_id) as opened,
    ):
        if not isinstance(opened, PinpointSender):
            yield opened, []
            return
        # --to excludes the timeout options.
        with _observed(opened, takes_timeouts=False) as observed:
            yield observed


@contextmanager
def to_service(
    options: Namespace, application_id: str | None
) -> Iterator[PinpointSender]:
    """Yield the sender to the service; raises the errors of `sender_to`."""
    with (
        _aws_cli_messages(bundle=options.ca_bundle, region=options.region),
        PinpointSender(
            # The checks of the input exclude None.
            cast("str", application_id),
            # In AWS CLI version 2, AWS_REGION precedes AWS_DEFAULT_REGION.
            region=options.region or os.environ.get("AWS_REGION") or None,
            endpoint_url=options.endpoint_url,
            session=_session(options),
            config=_config(options),
            verify=False if options.no_verify_ssl else options.ca_bundle,
        ) as sender,
    ):
        yield sender


def profile_setting(options: Namespace, name: str) -> str | None:
    """Return a setting of the profile that only the AWS CLI reads; None if absent."""
    import botocore.exceptions  # noqa: PLC0415 - slow
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
    raise ConfigurationError(message, code)


def _session(options: Namespace) -> Any:
    if not options.profile:
        return None
    import botocore.session  # noqa: PLC0415 - slow

    return botocore.session.Session(profile=options.profile)


def _config(options: Namespace) -> Any:
    arguments: dict[str, Any] = {}
    for name in ("connect_timeout", "read_timeout"):
        seconds = getattr(options, f"cli_{name}")
        if seconds is not None:
            arguments[name] = seconds or None  # None waits for ever
    if options.no_sign_request:
        from botocore import UNSIGNED  # noqa: PLC0415 - slow

        arguments["signature_version"] = UNSIGNED
    if not arguments:
        return None
    from botocore.config import Config  # noqa: PLC0415 - slow

    return Config(**arguments)


@contextmanager
def _aws_cli_messages(
    *, bundle: str | None = None, region: str | None = None
) -> Iterator[None]:
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
    if code is ConfigurationErrorCode.INVALID_REGION:
        shown = "" if region is None else f" {region!r}"
        message = (
            f"Provided region_name{shown} doesn't match a supported format; correct "
            "--region, AWS_REGION or the profile"
        )
    if code in _MESSAGES:
        message = _MESSAGES[code]
    raise ConfigurationError(message, code)


class _DebugObserver:
    """
    Logs each HTTP request at DEBUG, and keeps the bodies of successful responses.

    The command prints the response as the service wrote it; `EventsResponse` does not
    distinguish an empty mapping from a missing one.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def sending(self, attempt: Attempt) -> None:
        number, max_attempts = attempt.number, attempt.max_attempts
        details = {
            "pinpoint_events.attempt": f"attempt={number}; max={max_attempts}",
            "pinpoint_events.host": urlsplit(attempt.url).netloc,
            "pinpoint_events.bytes": attempt.request_bytes,
        }
        _log.debug("sending", extra=details)

    def answered(self, attempt: Attempt, response: HttpResponse) -> None:
        del attempt
        if response.status // 100 == _SUCCESS_CLASS:
            self.bodies.append(response.body)
        request_id = response.headers.get("x-amzn-requestid", "")
        details = {
            "pinpoint_events.status": response.status,
            "pinpoint_events.bytes": len(response.body),
            "pinpoint_events.request_id": request_id[:_MAX_REQUEST_ID_CHARACTERS],
        }
        _log.debug("answered", extra=details)

    def failed(self, attempt: Attempt, error: PinpointEventsError) -> None:
        """Do nothing: the command prints the last error."""


@contextmanager
def _observed(
    sender: PinpointSender, *, takes_timeouts: bool
) -> Iterator[tuple[Sender, list[bytes]]]:
    """
    Yield the sender and the bodies of its responses.

    Connection errors get the AWS CLI's messages.

    Args:
        sender: The sender.
        takes_timeouts: Whether the timeout options apply to it.
    """
    observer = sender.observer = _DebugObserver()
    try:
        yield sender, observer.bodies
    except TransportError as error:
        raise _connection_error(
            error, sender.events_url, takes_timeouts=takes_timeouts
        ) from error


def _connection_error(
    error: TransportError, url: str, *, takes_timeouts: bool
) -> TransportError:
    message = error.message
    remedies = _TIMEOUT_REMEDIES.get(error.code)
    if remedies is not None:
        remedy, option = remedies
        message = f"{remedy}, or raise {option}" if takes_timeouts else remedy
    prefix = _CONNECTION_MESSAGES.get(error.code)
    if prefix is not None:
        message = f'{prefix}: "{url}": {message}'
    return TransportError(
        message,
        error.is_retry_safe,
        error.retry_after_seconds,
        error.request_id,
        code=error.code,
    )
