"""
The input that all rows share: plain values, different in every event of every batch.

A batch is 100 events over 10 endpoints, each event with 3 attributes, 2 metrics and a
session: about 36 KB on the wire.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pinpoint_events import (
    BatchBuilder,
    ChannelType,
    Endpoint,
    Event,
    EventsBatch,
    EventsRequest,
    Session,
)

ENDPOINTS = 10
EVENTS_PER_ENDPOINT = 10
EVENTS = ENDPOINTS * EVENTS_PER_ENDPOINT
APPLICATION_ID = "0123456789abcdef0123456789abcdef"
BATCHES = 8  # more than one, so that no row can live on what it kept of the last call

_START = datetime(2026, 11, 1, 12, 0, 0, 123_000, tzinfo=UTC)


class EventValues(NamedTuple):
    """What an application knows of an event before it reports it."""

    event_id: str
    timestamp: datetime
    attributes: dict[str, str]
    metrics: dict[str, int | float]
    session_id: str
    session_start: datetime


class EndpointValues(NamedTuple):
    """The same for an endpoint and its events."""

    endpoint_id: str
    address: str
    events: list[EventValues]


def values(batch: int) -> list[EndpointValues]:
    """Return the plain values of one batch."""
    return [
        EndpointValues(
            endpoint_id=f"6f1e1c54-93a5-4b9c-9d2e-{batch:04}{place:08}",
            address=f"user-{batch}-{place}@example.com",
            events=[
                _event_values(batch, place, number)
                for number in range(EVENTS_PER_ENDPOINT)
            ],
        )
        for place in range(ENDPOINTS)
    ]


def _event_values(batch: int, place: int, number: int) -> EventValues:
    serial = (batch * ENDPOINTS + place) * EVENTS_PER_ENDPOINT + number
    moment = _START + timedelta(milliseconds=serial * 1_237)
    return EventValues(
        event_id=f"0c9b1a34-77d2-4f0e-8d15-{serial:012}",
        timestamp=moment,
        attributes={
            "sku": f"A-{serial}",
            "campaign": f"autumn-{batch}-{place}-{number}",
            "referrer": f"https://www.example.com/{serial}",
        },
        metrics={"price": 9.99 + serial / 8, "quantity": serial % 7 + 1},
        session_id=f"6a1b7c22-93a5-4b9c-9d2e-{serial:012}",
        session_start=moment - timedelta(milliseconds=60_000 + serial),
    )


def built(endpoints: list[EndpointValues]) -> BatchBuilder:
    """Return a builder with the batch: what a user of this library writes."""
    builder = BatchBuilder()
    for endpoint_id, address, events in endpoints:
        builder.endpoint(
            endpoint_id, Endpoint(channel_type=ChannelType.EMAIL, address=address)
        )
        for event_id, moment, attributes, metrics, session_id, start in events:
            builder.event(
                Event(
                    "purchase",
                    timestamp=moment,
                    attributes=attributes,
                    metrics=metrics,
                    session=Session(id=session_id, start_timestamp=start),
                ),
                event_id=event_id,
            )
    return builder


def modelled(endpoints: list[EndpointValues]) -> EventsRequest:
    """Return the batch by constructors alone, without a builder."""
    return EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(
                endpoint=Endpoint(channel_type=ChannelType.EMAIL, address=address),
                events={
                    event_id: Event(
                        "purchase",
                        timestamp=moment,
                        attributes=attributes,
                        metrics=metrics,
                        session=Session(id=session_id, start_timestamp=start),
                    )
                    for event_id, moment, attributes, metrics, session_id, start in (
                        events
                    )
                },
            )
            for endpoint_id, address, events in endpoints
        }
    )


def answer(endpoints: list[EndpointValues]) -> dict[str, Any]:
    """Return what the service answers when it takes the whole batch."""
    return accepted(
        {
            endpoint.endpoint_id: [event.event_id for event in endpoint.events]
            for endpoint in endpoints
        }
    )


def accepted(event_ids: dict[str, list[str]]) -> dict[str, Any]:
    """
    Return the answer by which everything is taken.

    Args:
        event_ids: Endpoint id to the ids of its events.
    """
    taken = {"StatusCode": 202, "Message": "Accepted"}
    return {
        "Results": {
            endpoint_id: {
                "EndpointItemResponse": taken,
                "EventsItemResponse": dict.fromkeys(ids, taken),
            }
            for endpoint_id, ids in event_ids.items()
        }
    }
