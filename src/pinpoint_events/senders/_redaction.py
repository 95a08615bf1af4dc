"""Errors of the service, without the secrets of the request that it quotes."""

from collections.abc import Iterable, Iterator

from pinpoint_events.errors import Redaction, ServiceError
from pinpoint_events.model.request import EventsRequest

__all__ = ["addresses", "redacted"]


def addresses(request: EventsRequest) -> Iterator[str]:
    """Yield the addresses of the request's endpoints."""
    for batch in request.batch_item.values():
        if batch.endpoint.address:
            yield batch.endpoint.address


def redacted(error: ServiceError, secrets: Iterable[str]) -> ServiceError:
    """Return the error with the secrets hidden in its message."""
    hide = Redaction(secrets)
    safe = type(error)(
        error.status,
        hide(error.code),
        hide(error.message),
        None if error.request_id is None else hide(error.request_id),
        error.retry_after_seconds,
    )
    # A sender may know more of these than the status says.
    safe.is_retry_safe = error.is_retry_safe
    safe.operation = error.operation
    safe.remedy = error.remedy
    return safe
