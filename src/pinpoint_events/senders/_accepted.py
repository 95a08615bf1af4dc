"""The answer that accepts every item."""

from typing import Final

from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)

__all__ = ["accepted"]

# Status and message as in the service's answers.
_ENDPOINT: Final = EndpointItemResponse(status_code=202, message="Accepted")
_EVENT: Final = EventItemResponse(status_code=202, message="Accepted")


def accepted(request: EventsRequest) -> EventsResponse:
    """Return the service's answer when it accepts every endpoint and event."""
    return EventsResponse(
        results={
            endpoint_id: ItemResponse(
                endpoint_item_response=_ENDPOINT,
                events_item_response=dict.fromkeys(batch.events, _EVENT),
            )
            for endpoint_id, batch in request.batch_item.items()
        }
    )
