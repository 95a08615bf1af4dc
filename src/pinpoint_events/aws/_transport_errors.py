"""What an exchange that failed is raised as: one function for each error code."""

import socket
import ssl
from typing import Final

from pinpoint_events.aws.deadline import Deadline
from pinpoint_events.aws.link import Link
from pinpoint_events.errors import (
    InvalidResponseError,
    InvalidResponseErrorCode,
    TransportError,
    TransportErrorCode,
)

__all__ = [
    "MAX_ANSWER_BYTES",
    "cut_off",
    "no_proxy",
    "not_connected",
    "not_http",
    "not_trusted",
    "timed_out",
    "too_large",
    "too_late",
]

# The answer to the largest request that the service takes, one with as many endpoints
# as go into 4 MB, has about 10 MB.
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


def not_connected(link: Link, error: OSError) -> TransportError:
    """Return the error for a connection that could not be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return not_trusted(link, error.verify_message.rstrip("."))
    if isinstance(error, TimeoutError):
        code = TransportErrorCode.CONNECT_TIMEOUT
        message = (
            f"no connection to {link.origin} {_within(link.connect_timeout)}; check "
            "network and endpoint URL, or raise connect_timeout in the config"
        )
    elif isinstance(error, socket.gaierror):
        code = TransportErrorCode.NAME_RESOLUTION
        message = (
            f"no address is known for {link.host}; check region, endpoint URL and DNS"
        )
    elif isinstance(error, ssl.SSLError):
        code = TransportErrorCode.TLS
        message = (
            f"no TLS connection to {link.origin} "
            f"({error.reason or 'no reason given'}); check that the endpoint URL is "
            "right to begin with https"
        )
    else:
        code = TransportErrorCode.CONNECT
        message = (
            f"no connection to {link.origin} ({error.strerror or 'no reason given'}); "
            "check network, region and endpoint URL"
        )
    return TransportError(message, is_retry_safe=True, code=code)


def not_trusted(link: Link, reason: str) -> TransportError:
    """Return the error for a certificate that cannot be verified."""
    message = (
        f"the certificate of {link.origin} is not trusted ({reason}); check the "
        "endpoint URL, or name the CA bundle to trust in AWS_CA_BUNDLE"
    )
    return TransportError(message, code=TransportErrorCode.CERTIFICATE_NOT_TRUSTED)


def _within(seconds: float | None) -> str:
    return "in time" if seconds is None else f"within {seconds:g} s"


def _unanswered(
    message: str, code: TransportErrorCode, request_id: str | None
) -> TransportError:
    return TransportError(message, is_retry_safe=True, request_id=request_id, code=code)


def too_late(link: Link, request_id: str | None = None) -> TransportError:
    """Return the error for an exchange that was not over at its deadline."""
    message = (
        f"no complete answer from {link.origin} {_within(link.call_seconds)}, the "
        "deadline of the call; the events may have been accepted; send them again, or "
        "raise deadline_seconds of Retry"
    )
    return _unanswered(message, TransportErrorCode.DEADLINE, request_id)


def timed_out(link: Link, request_id: str | None, deadline: Deadline) -> TransportError:
    """Return the error for a wait that was too long, by the timeout or in all."""
    if deadline.is_over:
        return too_late(link, request_id)
    message = (
        f"no complete answer from {link.origin} {_within(link.read_timeout)}; the "
        "events may have been accepted; send them again, or raise read_timeout in the "
        "config"
    )
    return _unanswered(message, TransportErrorCode.READ_TIMEOUT, request_id)


def cut_off(link: Link, request_id: str | None = None) -> TransportError:
    """Return the error for a connection that ended before the answer did."""
    message = (
        f"the connection to {link.origin} ended before the answer did; the events may "
        "have been accepted; send them again"
    )
    return _unanswered(message, TransportErrorCode.CONNECTION_CLOSED, request_id)


def not_http(link: Link) -> TransportError:
    """Return the error for an answer that is not HTTP."""
    message = (
        f"what {link.origin} answers is no HTTP; check scheme and port of the endpoint "
        "URL"
    )
    return TransportError(message, code=TransportErrorCode.NOT_HTTP)


def no_proxy(link: Link) -> TransportError:
    """Return the error for a proxy that makes no connection."""
    message = (
        f"the proxy makes no connection to {link.origin}; check its URL and "
        "credentials in HTTPS_PROXY or the config, or name the host in NO_PROXY"
    )
    return TransportError(message, is_retry_safe=True, code=TransportErrorCode.PROXY)


def too_large(link: Link, request_id: str | None) -> InvalidResponseError:
    """Return the error for an answer of more than `MAX_ANSWER_BYTES`."""
    message = (
        f"the answer of {link.origin} has more than {MAX_ANSWER_BYTES:,} bytes; the "
        "events may have been accepted; check the endpoint URL"
    )
    return InvalidResponseError(
        message, request_id=request_id, code=InvalidResponseErrorCode.TOO_LARGE
    )
