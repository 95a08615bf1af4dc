"""What an endpoint logs and answers where a call failed, without any of its payload."""

import logging
from typing import Final

from pinpoint_events.errors import (
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    ServiceError,
    StoreError,
    StoreErrorCode,
    ValidationError,
    defect_text,
)
from pinpoint_events.problems import ProblemCode
from pinpoint_events.server._answers import RequestError, bad_request, unavailable
from pinpoint_events.server._authentication_errors import AuthenticationError
from pinpoint_events.server._exchange import Exchange

__all__ = ["details_of", "log_failure", "request_error", "sender_of"]

_log = logging.getLogger("pinpoint_events")

_ERROR_STATUSES: Final = range(400, 600)
# What an operator mends while clients send again. Nothing was stored.
_MENDED_LATER: Final = frozenset(
    {
        StoreErrorCode.CANNOT_OPEN,
        StoreErrorCode.MOVED,
        StoreErrorCode.READ_ONLY,
    }
)


def sender_of(exchange: Exchange, request_id: str) -> dict[str, str]:
    """Return what the log says of a request: its id, and who sent it."""
    return _named(
        request_id=request_id,
        peer=exchange.peer,
        access_key_id=exchange.access_key_id,
    )


def details_of(error: RequestError) -> dict[str, str]:
    """Return what the log says of why a request was rejected."""
    key_id = error.access_key_id if isinstance(error, AuthenticationError) else None
    return _named(
        access_key_id=key_id,
        code=error.code,
        # Another server's message may contain data.
        reason=None if error.is_foreign else error.message.partition("\n")[0],
    )


def _named(**details: str | None) -> dict[str, str]:
    return {
        f"pinpoint_events.{name}": value
        for name, value in details.items()
        if value is not None
    }


def log_failure(error: Exception, details: dict[str, str]) -> None:
    """Log an exception of a sender, unless it says that the call is at fault."""
    is_refusal = isinstance(error, ServiceError) and error.status in _ERROR_STATUSES
    if is_refusal or isinstance(error, ValidationError):
        return
    # The text of a foreign exception may contain data.
    is_ours = isinstance(error, PinpointEventsError)
    problem = str(error) if is_ours else defect_text(error)
    _log.error("not sent", extra={"pinpoint_events.problem": problem, **details})


def request_error(error: Exception) -> RequestError:
    """Return the answer to an exception of a sender."""
    if isinstance(error, ServiceError) and error.status in _ERROR_STATUSES:
        # Another server's code may be invalid in a header, its message in UTF-8.
        is_name = error.code.isascii() and error.code.isidentifier()
        return RequestError(
            error.status,
            error.message.encode("utf-8", "replace").decode(),
            code=error.code if is_name else None,
            retry_after_seconds=error.retry_after_seconds,
            is_foreign=True,
        )
    if isinstance(error, QuotaExceededError):
        codes = {problem.code for problem in error.problems}
        status = 413 if ProblemCode.REQUEST_TOO_LARGE in codes else 400
        return RequestError(status, str(error))
    if isinstance(error, ValidationError):
        return bad_request(str(error))
    if isinstance(error, SenderError) and (
        error.is_retry_safe
        or (isinstance(error, StoreError) and error.code in _MENDED_LATER)
    ):
        message = "the events could not be kept; send them again"
        return unavailable(message, error.retry_after_seconds)
    message = "the events could not be kept; the log of the endpoint says why"
    return RequestError(500, message)
