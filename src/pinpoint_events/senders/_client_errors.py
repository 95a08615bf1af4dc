"""What the errors of a boto3 client mean."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import responses
from typing import Any, Final

from botocore import exceptions as botocore
from urllib3.exceptions import NameResolutionError

from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    ServiceError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.service_errors import service_error
from pinpoint_events.wire.json_text import encode
from pinpoint_events.wire.reading_answers import read_text

__all__ = ["typed_error"]

_OPERATION: Final = "PutEvents"
_STATUS: Final = re.compile("[1-5][0-9]{2}")  # where there is no name, botocore says it


def typed_error(error: Exception) -> PinpointEventsError | None:
    """
    Return this package's error for one that a client raised.

    Returns:
        None for what is no failure to send: errors of botocore's `Stubber`, which tell
        that a test is wrong, and errors that are not botocore's.
    """
    if isinstance(error, botocore.StubResponseError):
        return None
    if isinstance(error, botocore.ClientError) and error.operation_name == _OPERATION:
        return _service_error(error.response)
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        code = _transport_code(error)
        return TransportError(
            f"the client got no answer ({type(error).__name__}); the events may have "
            "been accepted; check network and endpoint URL, and the timeouts and "
            "certificates in the client's config",
            # Sending again does not make a certificate trusted.
            is_retry_safe=code is not TransportErrorCode.CERTIFICATE_NOT_TRUSTED,
            code=code,
        )
    if isinstance(error, botocore.ParamValidationError):
        return ConfigurationError(
            "the client does not take a request of PutEvents; pass one of "
            'boto3.client("pinpoint")'
        )
    if isinstance(error, botocore.BotoCoreError | botocore.ClientError):
        return ConfigurationError(
            f"the client cannot send ({type(error).__name__}); check its credentials "
            "and the profile they come from, its region and its config"
        )
    return None


def _transport_code(error: Exception) -> TransportErrorCode:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TransportErrorCode.CERTIFICATE_NOT_TRUSTED
        if isinstance(cause, NameResolutionError | socket.gaierror):
            return TransportErrorCode.NAME_RESOLUTION
    for cls, code in _CODES.items():
        if isinstance(error, cls):
            return code
    return TransportErrorCode.OTHER


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was raised for, or holds as its reason."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        # Botocore keeps what it wraps in `kwargs`, urllib3 in `args` or `reason`.
        kwargs = getattr(cause, "kwargs", None)
        waiting += [cause.__cause__, cause.__context__, *cause.args]
        waiting += [_mapping(kwargs).get("error"), getattr(cause, "reason", None)]


# Connect timeouts come first: botocore has them among the errors of connections too.
_CODES: Final = {
    botocore.ConnectTimeoutError: TransportErrorCode.CONNECT_TIMEOUT,
    botocore.ReadTimeoutError: TransportErrorCode.READ_TIMEOUT,
    botocore.ProxyConnectionError: TransportErrorCode.PROXY,
    botocore.SSLError: TransportErrorCode.TLS,
    botocore.EndpointConnectionError: TransportErrorCode.CONNECT,
    botocore.ConnectionClosedError: TransportErrorCode.CONNECTION_CLOSED,
}


def _service_error(said: Mapping[str, Any]) -> ServiceError:
    """Return the error for an answer, put together again from what botocore made."""
    details = _mapping(said.get("Error"))
    metadata = _mapping(said.get("ResponseMetadata"))
    headers = {
        str(name).lower(): str(value)
        for name, value in _mapping(metadata.get("HTTPHeaders")).items()
    }
    code = read_text(details.get("Code")) or ""
    status = metadata.get("HTTPStatusCode")
    if not isinstance(status, int):
        status = int(code) if _STATUS.fullmatch(code) else 0
    message = read_text(details.get("Message"))
    # Where the service gave no message, botocore takes the phrase that belongs to the
    # status, or all of what is no JSON, such as a proxy's page.
    is_json = "json" in headers.get("content-type", "json")
    if not is_json or (code == str(status) and message == responses.get(status)):
        message = None
    request_id = read_text(metadata.get("RequestId"))
    body = encode({"__type": code, "Message": message, "RequestID": request_id})
    return service_error(HttpResponse(status=status, headers=headers, body=body))


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
