"""Strategies for requests that are over exactly one quota, by exactly one."""

from collections.abc import Callable, Mapping
from typing import Final

import attrs
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.testing._events import events
from pinpoint_events.testing._invalid import InvalidInput
from pinpoint_events.testing._objects import padded
from pinpoint_events.testing._requests import large_request
from pinpoint_events.testing._values import (
    ANY_NAME,
    ANY_TEXT,
    numbered,
)

__all__ = ["over_quota_requests"]

Path = tuple[str | int, ...]

_MAX_LIMIT: Final = 10_000_000  # a larger limit would exhaust memory


def over_quota_requests(
    *, quotas: Quotas | None = None
) -> SearchStrategy[InvalidInput[EventsRequest]]:
    """
    Requests for which `check_quotas` yields one problem: one more than a quota allows.

    Args:
        quotas: The quotas; the documented ones by default. An example is rejected if
            its quota cannot be exceeded without exceeding another.
    """
    return _over_quota_requests(Quotas() if quotas is None else quotas)


@st.composite
def _over_quota_requests(draw: DrawFn, limits: Quotas) -> InvalidInput[EventsRequest]:
    known = {field.name: getattr(limits, field.name) for field in attrs.fields(Quotas)}
    tried = [
        name
        for name, limit in known.items()
        if limit is not None and limit <= _MAX_LIMIT
    ]
    kind = draw(st.sampled_from(tried))
    endpoint_id, event_id = draw(ANY_NAME), draw(ANY_NAME)
    event = draw(events(app_titles=ANY_TEXT, within=limits))
    one_more = known[kind] + 1
    path: Path = ()
    endpoint, of_events = Endpoint(), {event_id: event}
    if kind == "events_per_request":
        of_events = numbered(one_more, event)
    elif kind in _OVER_EVENTS:
        of_events[event_id], path = _OVER_EVENTS[kind](event, one_more)
        path = ("batch_item", endpoint_id, "events", event_id, *path)
    elif kind in _OVER_ENDPOINTS:
        endpoint, path = _OVER_ENDPOINTS[kind](one_more, draw(st.booleans()))
        path = ("batch_item", endpoint_id, "endpoint", *path)
    batch = EventsBatch(endpoint=endpoint, events=of_events)
    request = EventsRequest(batch_item={endpoint_id: batch})
    if kind == "endpoints_per_request":
        empty = EventsBatch(endpoint=Endpoint(), events={})
        request = EventsRequest(batch_item=numbered(one_more, empty))
    if kind == "request_bytes":
        request = large_request(endpoint_id, event, one_more)
    assume([problem.path for problem in check_quotas(request, limits)] == [path])
    return InvalidInput(request, path, kind)


def _large_event(event: Event, size: int) -> tuple[Event, Path]:
    return padded(event, "app_title", size), ()


def _event_of_many(event: Event, count: int) -> tuple[Event, Path]:
    attributes = numbered(count // 2, "")
    metrics = numbered(count - count // 2, 1)
    return attrs.evolve(event, attributes=attributes, metrics=metrics), ()


def _event_of_long_key(event: Event, length: int) -> tuple[Event, Path]:
    key = "k" * length
    return attrs.evolve(event, attributes={key: ""}), ("attributes", key)


def _event_of_long_value(event: Event, length: int) -> tuple[Event, Path]:
    attributes = {"name": "v" * length}
    return attrs.evolve(event, attributes=attributes), ("attributes", "name")


_OVER_EVENTS: Final[Mapping[str, Callable[[Event, int], tuple[Event, Path]]]] = {
    "event_attribute_key_characters": _event_of_long_key,
    "event_attribute_value_characters": _event_of_long_value,
    "event_attributes_and_metrics": _event_of_many,
    "event_bytes": _large_event,
}


def _large_endpoint(size: int, _: bool) -> tuple[Endpoint, Path]:  # noqa: FBT001
    return padded(Endpoint(), "request_id", size), ()


def _endpoint_of_many(count: int, is_user: bool) -> tuple[Endpoint, Path]:  # noqa: FBT001
    lists: dict[str, list[str]] = numbered(count, [])
    endpoint, _ = _endpoint_of(lists, is_user=is_user)
    return endpoint, ()


def _endpoint_of_long_key(length: int, is_user: bool) -> tuple[Endpoint, Path]:  # noqa: FBT001
    key = "k" * length
    return _endpoint_of({key: []}, key, is_user=is_user)


def _endpoint_of_long_value(length: int, is_user: bool) -> tuple[Endpoint, Path]:  # noqa: FBT001
    lists = {"name": ["", "v" * length]}
    return _endpoint_of(lists, "name", 1, is_user=is_user)


def _endpoint_of_many_values(count: int, is_user: bool) -> tuple[Endpoint, Path]:  # noqa: FBT001
    return _endpoint_of({"name": [""] * count}, "name", is_user=is_user)


def _endpoint_of(
    lists: Mapping[str, list[str]], *path: str | int, is_user: bool
) -> tuple[Endpoint, Path]:
    if is_user:
        user = User(user_attributes=lists)
        return Endpoint(user=user), ("user", "user_attributes", *path)
    return Endpoint(attributes=lists), ("attributes", *path)


_OVER_ENDPOINTS: Final[Mapping[str, Callable[[int, bool], tuple[Endpoint, Path]]]] = {
    "endpoint_attribute_key_characters": _endpoint_of_long_key,
    "endpoint_attribute_value_characters": _endpoint_of_long_value,
    "endpoint_attribute_values": _endpoint_of_many_values,
    "endpoint_attributes_and_metrics": _endpoint_of_many,
    "endpoint_bytes": _large_endpoint,
}
