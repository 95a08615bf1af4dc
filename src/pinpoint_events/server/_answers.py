"""
What the endpoint says over HTTP: the service's statuses, names, headers and bodies.

The names are those of the service's model, and of API Gateway before it where the model
has none (facts, section 1.5). Headers for browsers are those that AWS sends them.
"""

import math
from collections.abc import Mapping, Sequence
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
    "head_too_large",
    "headers_of",
    "method_not_allowed",
    "not_found",
    "refusal_answer",
    "too_large",
    "too_many_headers",
    "unavailable",
    "unsupported_media_type",
]

_JSON: Final = (b"content-type", b"application/json")

# What each answer has, so that a page of another origin can read it.
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
        # Each by name: the wildcard does not stand for `authorization` (Fetch standard,
        # "CORS-preflight fetch").
        b"access-control-allow-headers",
        (
            b"amz-sdk-invocation-id, amz-sdk-request, authorization, content-type, "
            b"x-amz-content-sha256, x-amz-date, x-amz-security-token, "
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
_SERVER_ERRORS: Final = 5  # hundred


def default_code(status: int) -> str:
    """Return the default name of an error with this status."""
    is_of_server = status // 100 == _SERVER_ERRORS
    other = "InternalServerErrorException" if is_of_server else _CODES[400]
    return _CODES.get(status, other)


class RequestError(Exception):
    """
    A call that is refused as a whole; its answer.

    Attributes:
        status: HTTP status.
        code: Name of the error, for `x-amzn-ErrorType`.
        message: What is wrong, without any of the payload.
        retry_after_seconds: How long to wait before another try; None says nothing.
        closes: Whether the connection is closed after it.
        headers: What goes beside those that each refusal has.
    """

    status: int
    code: str
    message: str
    retry_after_seconds: float | None
    closes: bool
    headers: tuple[tuple[bytes, bytes], ...]

    def __init__(  # noqa: PLR0913 - each is one part of an answer, all but two by name
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        closes: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.code = default_code(status) if code is None else code
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.closes = closes
        self.headers = headers


def bad_request(message: str) -> RequestError:
    """Return the answer to a call that cannot be read, or is against the rules."""
    return RequestError(400, message)


def not_found(
    message: str = "no such path; events go to /v1/apps/APPLICATION-ID/events",
) -> RequestError:
    """Return the answer where there is nothing."""
    return RequestError(404, message)


def method_not_allowed(method: str, allowed: Sequence[str]) -> RequestError:
    """Return the answer to a method that this path has not."""
    message = f"{shortened(method)} is not allowed here, {' or '.join(allowed)} is"
    return RequestError(
        405, message, headers=((b"allow", ", ".join(allowed).encode()),)
    )


def too_large(limit: int) -> RequestError:
    """Return the answer to a body that is longer than a call may be."""
    message = (
        f"the request is larger than {limit:,} bytes; send its events in several calls"
    )
    return RequestError(413, message)


def head_too_large(limit: int) -> RequestError:
    """Return the answer to a head that is longer than one may be."""
    message = (
        f"the head of the request is larger than {limit:,} bytes; shorten its headers"
    )
    return RequestError(431, message, closes=True)


def too_many_headers(count: int, limit: int) -> RequestError:
    """Return the answer to a head of very many headers."""
    message = f"the request has {count} headers; at most {limit}; leave some out"
    return RequestError(431, message, closes=True)


def unsupported_media_type(message: str) -> RequestError:
    """Return the answer to a body in a form that is not taken."""
    return RequestError(415, message)


def unavailable(message: str, retry_after_seconds: float | None = None) -> RequestError:
    """Return the answer to a call that is worth sending again later."""
    wait = 1.0 if retry_after_seconds is None else retry_after_seconds
    return RequestError(503, message, retry_after_seconds=wait)


@attrs.frozen
class Answer:
    """
    What is sent back.

    Attributes:
        status: HTTP status.
        body: JSON text.
        headers: What goes beside those that each answer has.
        closes: Whether the connection is closed after it.
    """

    status: int
    body: bytes = attrs.field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = (_JSON,)
    closes: bool = False


def headers_of(
    answer: Answer, request_id: str, *, closes: bool
) -> list[tuple[bytes, bytes]]:
    """Return all headers of an answer but the date, which takes a clock."""
    headers = [
        *answer.headers,
        *_HEADERS,
        (b"x-amzn-requestid", request_id.encode()),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    if closes:
        headers.append((b"connection", b"close"))
    return headers


def refusal_answer(refused: RequestError, request_id: str) -> Answer:
    """Return the answer to a call that is refused as a whole, in the service's form."""
    headers = (_JSON, (b"x-amzn-errortype", refused.code.encode()), *refused.headers)
    if refused.retry_after_seconds is not None:
        wait = math.ceil(refused.retry_after_seconds)
        headers = (*headers, (b"retry-after", b"%d" % wait))
    body = encode({"Message": refused.message, "RequestID": request_id})
    return Answer(refused.status, body, headers, closes=refused.closes)
