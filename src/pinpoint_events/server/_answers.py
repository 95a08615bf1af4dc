"""
HTTP responses of the endpoint: the service's statuses, error names, headers, bodies.

Error names are those of the service's model; where it has none, those of API Gateway,
which was in front of the service (facts, section 1.5). CORS headers are those of AWS.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import attrs

from pinpoint_events.problems import shortened
from pinpoint_events.wire.json_text import encode

__all__ = [
    "PREFLIGHT_HEADERS",
    "Answer",
    "RequestError",
    "bad_request",
    "default_code",
    "error_answer",
    "head_too_large",
    "headers_of",
    "method_not_allowed",
    "not_found",
    "too_large",
    "too_many_headers",
    "unavailable",
    "unsupported_media_type",
]

_JSON: Final = (b"content-type", b"application/json")

# CORS: a page of another origin can read each answer and these headers of it.
_HEADERS: Final = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"date, retry-after, x-amzn-errortype, x-amzn-requestid",
    ),
)

PREFLIGHT_HEADERS: Final = (
    (b"access-control-allow-methods", b"OPTIONS, POST"),
    (
        # All are listed: the wildcard does not match `authorization` (Fetch standard,
        # "CORS-preflight fetch").
        b"access-control-allow-headers",
        (
            b"amz-sdk-invocation-id, amz-sdk-request, authorization, content-type, "
            b"x-amz-content-sha256, x-amz-date, x-amz-security-token, x-amz-target, "
            b"x-amz-user-agent, x-amzn-trace-id"
        ),
    ),
    (b"access-control-max-age", b"86400"),
)

_CODES: Final[Mapping[int, str]] = {
    400: "BadRequestException",
    403: "ForbiddenException",
    404: "NotFoundException",
    405: "MethodNotAllowedException",
    408: "RequestTimeoutException",
    413: "PayloadTooLargeException",
    415: "UnsupportedMediaTypeException",
    429: "TooManyRequestsException",
    431: "RequestHeaderFieldsTooLargeException",
    503: "ServiceUnavailableException",
}
_SERVER_ERROR_CLASS: Final = 5  # 5xx


def default_code(status: int) -> str:
    """Return the default name of an error with this status."""
    is_server_error = status // 100 == _SERVER_ERROR_CLASS
    other = "InternalServerErrorException" if is_server_error else _CODES[400]
    return _CODES.get(status, other)


class RequestError(Exception):
    """
    A call is rejected as a whole; the attributes describe its answer.

    Attributes:
        status: HTTP status.
        code: Name of the error, for `x-amzn-ErrorType`.
        message: What is wrong, without any of the payload.
        retry_after_seconds: How long to wait before a retry; None sends no header.
        closes: Whether the endpoint closes the connection after the answer.
        headers: Headers in addition to those of every error.
        is_foreign: Whether another server has written the message; then it may contain
            anything.
    """

    status: int
    code: str
    message: str
    retry_after_seconds: float | None
    closes: bool
    headers: tuple[tuple[bytes, bytes], ...]
    is_foreign: bool

    def __init__(  # noqa: PLR0913 - each is one part of an answer, all but two by name
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        closes: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        is_foreign: bool = False,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.code = default_code(status) if code is None else code
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.closes = closes
        self.headers = headers
        self.is_foreign = is_foreign


def bad_request(message: str) -> RequestError:
    """Return the error for a call that is malformed or invalid."""
    return RequestError(400, message)


def not_found(
    message: str = "no such path; events go to /v1/apps/APPLICATION-ID/events",
) -> RequestError:
    """Return the error for an unknown path or application."""
    return RequestError(404, message)


def method_not_allowed(method: str, allowed: Sequence[str]) -> RequestError:
    """Return the error for a method that the path does not support."""
    message = f"{shortened(method)} is not allowed here, {' or '.join(allowed)} is"
    return RequestError(
        405, message, headers=((b"allow", ", ".join(allowed).encode()),)
    )


def too_large(limit: int) -> RequestError:
    """Return the error for a body that is longer than the limit."""
    message = (
        f"the request is larger than {limit:,} bytes; send its events in several calls"
    )
    return RequestError(413, message)


def head_too_large(limit: int) -> RequestError:
    """Return the error for a head that is longer than the limit."""
    message = (
        f"the head of the request is larger than {limit:,} bytes; shorten its headers"
    )
    return RequestError(431, message, closes=True)


def framing_too_large(limit: int) -> RequestError:
    """Return the error for a body whose chunks are small, or carry much else."""
    message = (
        f"sizes, extensions and trailers of the body's chunks are {limit:,} bytes more "
        "than a 16th of the body; send larger chunks, or no chunks"
    )
    return RequestError(400, message, closes=True)


def too_many_headers(limit: int) -> RequestError:
    """Return the error for a head with too many headers."""
    message = f"the request has more than {limit} headers; leave some out"
    return RequestError(431, message, closes=True)


def unsupported_media_type(message: str) -> RequestError:
    """Return the error for a content type or encoding that is not supported."""
    return RequestError(415, message)


def unavailable(
    message: str, retry_after_seconds: float | None = None, *, closes: bool = False
) -> RequestError:
    """Return the error for a call that may succeed later."""
    wait = 1.0 if retry_after_seconds is None else retry_after_seconds
    return RequestError(503, message, retry_after_seconds=wait, closes=closes)


@attrs.frozen
class Answer:
    """
    An HTTP response.

    Attributes:
        status: HTTP status.
        body: JSON text.
        headers: Headers in addition to those of every answer.
        closes: Whether the endpoint closes the connection after it.
    """

    status: int
    body: bytes = attrs.field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)
    closes: bool = False

    @property
    def is_rejection(self) -> bool:
        """Whether it says that the client is at fault."""
        return HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR


def headers_of(
    answer: Answer, request_id: str, *, closes: bool
) -> list[tuple[bytes, bytes]]:
    """Return all headers of an answer except `Date`, which needs a clock."""
    headers = [
        *answer.headers,
        *_HEADERS,
        (b"x-amzn-requestid", request_id.encode()),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    if closes:
        headers.append((b"connection", b"close"))
    return headers


def error_answer(error: RequestError, request_id: str) -> Answer:
    """Return the answer for an error, in the service's format."""
    headers = (_JSON, (b"x-amzn-errortype", error.code.encode()), *error.headers)
    if error.retry_after_seconds is not None:
        wait = math.ceil(error.retry_after_seconds)
        headers = (*headers, (b"retry-after", b"%d" % wait))
    body = encode({"Message": error.message, "RequestID": request_id})
    return Answer(error.status, body, headers, closes=error.closes)
