"""Sound objects of every class, for tests that say something of all of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.problems import Problem, path_text
from pinpoint_events.quotas import Quotas

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
NO_QUOTAS = Quotas(**{field.name: None for field in attrs.fields(Quotas)})
NOON = datetime(2026, 9, 21, 12, 0, 0, 123_000, tzinfo=UTC)

EVENT_TEXT = '{"EventType":"_session.start","Timestamp":"2026-09-21T12:00:00.123Z"}'


def event(event_type: str = "tapped", **members: Any) -> Event:
    """Return an event whose time is always the same."""
    return Event(event_type, timestamp=NOON, **members)


def request(**events_of: dict[str, Event]) -> EventsRequest:
    """Return a request of endpoints about which nothing is said, by their ids."""
    return EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(endpoint=Endpoint(), events=events)
            for endpoint_id, events in events_of.items()
        }
    )


def problems_of(act: Callable[[], object]) -> list[Problem]:
    """Return what the one error says that the act raises."""
    try:
        act()
    except ValidationError as error:
        return list(error.problems)
    raise AssertionError("no ValidationError was raised")


def facts_of(act: Callable[[], object]) -> list[str]:
    """Return path, code and facts of those problems: `path: code actual > allowed`."""
    return [fact_text(problem) for problem in problems_of(act)]


def fact_text(problem: Problem) -> str:
    """
    Return path, code and facts of a problem, for comparison.

    Names that are allowed are left out: they are those of an enum or a class.
    """
    text = (
        f"{path_text(problem.path)}: {problem.code}" if problem.path else problem.code
    )
    if problem.actual is not None:
        text += f" {problem.actual}"
    if isinstance(problem.allowed, str):
        text += f" not {problem.allowed}"
    elif problem.allowed is not None and not isinstance(problem.allowed, tuple):
        text += f" > {problem.allowed}"
    if problem.unit:
        text += f" {problem.unit}"
    if problem.nearest:
        text += f" near {' or '.join(problem.nearest)}"
    if problem.at:
        text += f" at {problem.at}"
    return text


def golden(name: str) -> bytes:
    """Return a file of `tests/data`, byte by byte."""
    return (DATA / name).read_bytes()


def example(name: str) -> Any:
    """Return what the JSON file of `examples` says."""
    return json.loads((ROOT / "examples" / name).read_bytes())


DEMOGRAPHIC = Demographic(
    app_version="4.2.0",
    locale="de_DE",
    make="Acme",
    model="A1",
    model_version="A1-2026",
    platform="ANDROID",
    platform_version="15",
    timezone="Europe/Berlin",
)
LOCATION = Location(
    city="Bonn",
    country="DE",
    latitude=50.7,
    longitude=7.1,
    postal_code="53111",
    region="Nordrhein-Westfalen",
)
USER = User(user_id="u-1", user_attributes={"tier": ["gold"], "teams": []})
ENDPOINT = Endpoint(
    address="someone@example.com",
    attributes={"interests": ["tools", "bücher"]},
    channel_type=ChannelType.EMAIL,
    demographic=DEMOGRAPHIC,
    effective_date=NOON,
    endpoint_status=EndpointStatus.ACTIVE,
    location=LOCATION,
    metrics={"visits": 4, "spent": 99.5},
    opt_out=OptOut.NONE,
    request_id="2d7c1f2e-1111-4222-8333-444455556666",
    user=USER,
)
SESSION = Session(
    id="c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77",
    start_timestamp="2026-09-21T11:59:40.115Z",
    stop_timestamp=NOON,
    duration=20_008,
)
EVENT = Event(
    "catalog.item_viewed",
    timestamp=NOON,
    attributes={"item": "sku-17", "note": ""},
    metrics={"price": 12.5, "position": 3},
    session=SESSION,
    client_sdk_version="0.1.0",
    app_package_name="com.example.shop",
    app_title="Shop",
    app_version_code="420",
    sdk_name="example-sender",
)
BATCH = EventsBatch(endpoint=ENDPOINT, events={"v-1": EVENT})
REQUEST = EventsRequest(batch_item={"e-1": BATCH})
ENDPOINT_ITEM_RESPONSE = EndpointItemResponse(status_code=202, message="Accepted")
EVENT_ITEM_RESPONSE = EventItemResponse(status_code=400, message="Missing x")
ITEM_RESPONSE = ItemResponse(
    endpoint_item_response=ENDPOINT_ITEM_RESPONSE,
    events_item_response={"v-1": EVENT_ITEM_RESPONSE},
)
RESPONSE = EventsResponse(results={"e-1": ITEM_RESPONSE, "e-2": ItemResponse()})

MODEL_OBJECTS = (
    DEMOGRAPHIC,
    LOCATION,
    USER,
    ENDPOINT,
    SESSION,
    EVENT,
    BATCH,
    REQUEST,
    ENDPOINT_ITEM_RESPONSE,
    EVENT_ITEM_RESPONSE,
    ITEM_RESPONSE,
    RESPONSE,
)
OBJECTS = (*MODEL_OBJECTS, Quotas(events_per_request=50, event_bytes=None))
"""One object of each class, every member set, as far as its class allows it."""
