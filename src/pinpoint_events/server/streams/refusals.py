"""
Errors of Kinesis and Firehose, by the names of their service models.

Messages name the member, the measure and the limit. They contain no data of a record,
no partition key and no hash key.
"""

from collections.abc import Sequence

from pinpoint_events.server._answers import RequestError

__all__ = [
    "expired_iterator",
    "internal_failure",
    "invalid_argument",
    "limit_exceeded",
    "resource_in_use",
    "resource_not_found",
    "serialization_error",
    "unknown_operation",
    "validation_error",
]


def _bad_request(code: str, message: str) -> RequestError:
    return RequestError(400, message, code=code)


def resource_not_found(message: str) -> RequestError:
    """Return the error for a stream or shard that does not exist."""
    return _bad_request("ResourceNotFoundException", message)


def resource_in_use(message: str) -> RequestError:
    """Return the error for a name that is taken, or a shard that is closed."""
    return _bad_request("ResourceInUseException", message)


def invalid_argument(message: str) -> RequestError:
    """Return the error for a value that does not fit the state of the stream."""
    return _bad_request("InvalidArgumentException", message)


def limit_exceeded(message: str) -> RequestError:
    """Return the error for more of something than an account may have."""
    return _bad_request("LimitExceededException", message)


def expired_iterator(message: str) -> RequestError:
    """Return the error for an iterator that is too old."""
    return _bad_request("ExpiredIteratorException", message)


def serialization_error(message: str) -> RequestError:
    """Return the error for a body that cannot be read."""
    return _bad_request("SerializationException", message)


def unknown_operation(message: str) -> RequestError:
    """Return the error for an operation that is not served."""
    return _bad_request("UnknownOperationException", message)


def validation_error(problems: Sequence[str]) -> RequestError:
    """Return the error for members outside the constraints of the service model."""
    count = len(problems)
    noun = "error" if count == 1 else "errors"
    message = f"{count} validation {noun} detected: {'; '.join(problems)}"
    return _bad_request("ValidationException", message)


def internal_failure(message: str) -> RequestError:
    """Return the error for a failure of the service."""
    return RequestError(500, message, code="InternalFailure")
