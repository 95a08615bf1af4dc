"""
Answers, read leniently: any answer of the service can be read.

Unknown keys are ignored, and a member of a wrong type counts as left out.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pinpoint_events.compiled import core
from pinpoint_events.errors import ValidationError
from pinpoint_events.model._converters import MAX_INTEGER
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.wire.names import no_object

__all__ = ["READERS", "item_in_python", "read_text"]

_CODE_DIGITS: Final = 9  # more than any status code has


def _read_code(value: Any) -> int | None:
    if isinstance(value, str):
        is_code = value.isascii() and value.isdigit() and len(value) <= _CODE_DIGITS
        return int(value) if is_code else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and abs(value) <= MAX_INTEGER:
        return value
    return None


def read_text(value: Any) -> str | None:
    """Return the text, lone surrogates replaced; None for anything but a text."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode(errors="replace").decode()


R = TypeVar("R", EndpointItemResponse, EventItemResponse)


def _make_response_reader(cls: type[R]) -> Callable[[Any, Any], R]:
    def read(data: Any, _: Any) -> R:
        if isinstance(data, Mapping):
            return cls(
                status_code=_read_code(data.get("StatusCode")),
                message=read_text(data.get("Message")),
            )
        return cls(status_code=_read_code(data))

    return read


_read_endpoint_response: Final = _make_response_reader(EndpointItemResponse)
_read_event_response: Final = _make_response_reader(EventItemResponse)


def _read_item(data: Any, _: Any) -> ItemResponse:
    item: ItemResponse | None = None
    if core is not None:
        item = core.read_item(data, ItemResponse)
    return item_in_python(data) if item is None else item


def item_in_python(data: Any) -> ItemResponse:
    """Return the answer of an endpoint, read by what the compiled part replaces."""
    if not isinstance(data, Mapping):
        return ItemResponse(status_code=_read_code(data))
    of_endpoint = data.get("EndpointItemResponse")
    return ItemResponse(
        endpoint_item_response=None
        if of_endpoint is None
        else _read_endpoint_response(of_endpoint, None),
        events_item_response=_read_event_responses(data.get("EventsItemResponse")),
    )


def _read_event_responses(data: Any) -> dict[str, EventItemResponse]:
    if not isinstance(data, Mapping):
        return {}
    # Most events have the same answer as the one before; they share one object.
    last: Any = None
    item = EventItemResponse()
    results: dict[str, EventItemResponse] = {}
    for key, value in data.items():
        name = key if type(key) is str and key.isascii() else read_text(key)
        if name is None:
            continue
        if last is None or value != last:
            item = _read_event_response(value, None)
            # True equals 1, and is not a status code.
            last = None if item.status_code in _LIKE_BOOL else value
        results[name] = item
    return results


_LIKE_BOOL: Final = frozenset({None, 0, 1})


def _read_response(data: Any, _: Any) -> EventsResponse:
    if not isinstance(data, Mapping):
        raise ValidationError([no_object(EventsResponse, data)])
    if isinstance(data.get("EventsResponse"), Mapping):
        data = data["EventsResponse"]
    results = data.get("Results")
    if not isinstance(results, Mapping):
        return EventsResponse()
    return EventsResponse(
        results={
            name: _read_item(item, None)
            for key, item in results.items()
            if (name := read_text(key)) is not None
        }
    )


READERS: Final[Mapping[type[Any], Callable[[Any, Any], Any]]] = {
    EndpointItemResponse: _read_endpoint_response,
    EventItemResponse: _read_event_response,
    EventsResponse: _read_response,
    ItemResponse: _read_item,
}
"""For each class of the answer, the function that reads it."""
