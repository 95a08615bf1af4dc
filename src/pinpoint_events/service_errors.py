"""
What an error answer of an AWS service means, whichever service it is.

Read as botocore reads it: the code from the header or the body, the wait in three ways.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from pinpoint_events.errors import (
    BadRequestError,
    ForbiddenError,
    InternalServerError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    TooManyRequestsError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.wire.json_text import decode_object
from pinpoint_events.wire.reading_answers import read_text

__all__ = ["request_id_of", "service_error"]

_ERROR_CLASSES: Final[Mapping[int, type[ServiceError]]] = {
    400: BadRequestError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    413: PayloadTooLargeError,
    429: TooManyRequestsError,
}
_SERVER_ERRORS: Final = 5  # hundred
_MESSAGE_CHARACTERS: Final = 1_000  # the longest message seen has about 100
_WAIT_DIGITS: Final = 9  # 30 years of seconds; more is no wait that anyone means


def service_error(response: HttpResponse) -> ServiceError:
    """Return the error of an answer other than 2xx."""
    said = decode_object(response.body) or {}  # a proxy's page, or nothing
    status = response.status
    kind = InternalServerError if status // 100 == _SERVER_ERRORS else ServiceError
    message = read_text(said.get("Message")) or read_text(said.get("message")) or ""
    return _ERROR_CLASSES.get(status, kind)(
        status,
        _code(response, said) or str(status),
        message[:_MESSAGE_CHARACTERS],
        request_id_of(response, said),
        _retry_after_seconds(response.headers),
    )


def _code(response: HttpResponse, said: Mapping[str, Any]) -> str:
    # As botocore reads it: the header, else the body; a URL may follow the name and a
    # namespace may go before it.
    named = (response.headers.get("x-amzn-errortype"), said.get("__type"))
    for code in (*named, said.get("code")):
        if name := (read_text(code) or "").split(":")[0].rpartition("#")[2].strip():
            return name[:_MESSAGE_CHARACTERS]
    return ""


def request_id_of(response: HttpResponse, said: Mapping[str, Any]) -> str | None:
    """Return the service's id of the call: of the headers, else of the body."""
    headers = response.headers
    found = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    return read_text(found or said.get("RequestID")) or None


def _retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long the service asks to wait; it has three ways to say so."""
    milliseconds = headers.get("x-amz-retry-after", "").strip()
    if _is_wait(milliseconds):
        return int(milliseconds) / 1000
    wait = headers.get("retry-after", "").strip()
    if _is_wait(wait):
        return float(wait)
    try:
        until = parsedate_to_datetime(wait)
        now = parsedate_to_datetime(headers["date"])
        return max(0.0, (until - now).total_seconds())
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def _is_wait(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _WAIT_DIGITS
