"""Errors of the service, without the secrets of the request that it quotes."""

from collections.abc import Iterable, Iterator

from pinpoint_events.errors import ServiceError, redacted_text
from pinpoint_events.model.request import EventsRequest

__all__ = ["addresses", "redacted"]


def addresses(request: EventsRequest) -> Iterator[str]:
    """Yield the addresses of the request's endpoints."""
    for batch in request.batch_item.values():
        if batch.endpoint.address:
            yield batch.endpoint.address


def redacted(error: ServiceError, secrets: Iterable[str]) -> ServiceError:
    """Return the error with the secrets hidden in its message."""
    known = tuple(secrets)
    return type(error)(
        error.status,
        redacted_text(error.code, known),
        redacted_text(error.message, known),
        None if error.request_id is None else redacted_text(error.request_id, known),
        error.retry_after_seconds,
    )
