"""Strategies for invalid input: with exactly one fault, at a known path."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args, get_origin

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model._immutable import FrozenMap
from pinpoint_events.model._member_types import member_type
from pinpoint_events.model.endpoint import Demographic, Endpoint, Location, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing import _answers, _endpoints, _events, _quotas, _requests
from pinpoint_events.testing._faults import Path, faults, wire_faults
from pinpoint_events.testing._values import (
    ANY_NAME,
    ANY_TEXT,
    attribute_lists,
    attributes,
    metrics,
    name_of,
    optional,
)
from pinpoint_events.wire import to_wire
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.writing import is_model

__all__ = [
    "InvalidInput",
    "invalid_arguments",
    "invalid_json_requests",
    "invalid_wire_data",
    "invalid_wire_requests",
]

T = TypeVar("T")


class InvalidInput(NamedTuple, Generic[T]):
    """
    Input with exactly one fault.

    Attributes:
        data: The input: arguments, plain data, JSON text, or a request over a quota.
        path: The path of the one problem that is reported.
        kind: A short description of the fault; for a quota, its name.
    """

    data: T
    path: Path
    kind: str


# Valid objects, from fast strategies: no value is as large as a quota.
_TEXTS: Final = attributes(keys=ANY_NAME)
_NUMBERS: Final = metrics(keys=ANY_NAME)
_LISTS: Final = attribute_lists(keys=ANY_NAME)
_USER: Final = _endpoints.users(user_attributes=_LISTS)
_ENDPOINT: Final = _endpoints.endpoints(
    attributes=_LISTS,
    metrics=_NUMBERS,
    request_ids=ANY_TEXT,
    users=optional(_USER),
)
_EVENT: Final = _events.events(attributes=_TEXTS, metrics=_NUMBERS, app_titles=ANY_TEXT)
_BATCH: Final = _requests.events_batches(endpoints=_ENDPOINT, events=_EVENT, max_size=2)
_VALID: Final[Mapping[type[Any], SearchStrategy[Any]]] = {
    Demographic: _endpoints.demographics(),
    Endpoint: _ENDPOINT,
    EndpointItemResponse: _answers.endpoint_item_responses(),
    Event: _EVENT,
    EventItemResponse: _answers.event_item_responses(),
    EventsBatch: _BATCH,
    EventsRequest: _requests.events_requests(batches=_BATCH, min_size=1, max_size=2),
    EventsResponse: _answers.events_responses(),
    ItemResponse: _answers.item_responses(),
    Location: _endpoints.locations(),
    Quotas: _quotas.quotas(),
    Session: _events.sessions(),
    User: _USER,
}


def _valid(cls: type[Any]) -> SearchStrategy[Any]:
    if cls not in _VALID:
        raise TypeError(f"{name_of(cls)} is no class of the model")
    return _VALID[cls]


def invalid_arguments(
    cls: type[Any],
) -> SearchStrategy[InvalidInput[dict[str, Any]]]:
    """
    Keyword arguments for which the class raises a ValidationError with one problem.

    No arguments are missing or unknown, which is a TypeError, as for any function.

    Args:
        cls: A class of the model, or `Quotas`.

    Raises:
        TypeError: If it is any other class.
    """
    return _invalid_arguments(cls, _valid(cls))


@st.composite
def _invalid_arguments(
    draw: DrawFn, cls: Any, objects: SearchStrategy[Any]
) -> InvalidInput[dict[str, Any]]:
    valid = draw(objects)
    names = [field.name for field in attrs.fields(cls)]
    arguments = {name: getattr(valid, name) for name in names}
    fault = draw(faults(cls)).planted(arguments)
    arguments |= _adjustments(cls, fault.path[0], arguments) | fault.members
    return InvalidInput(arguments, fault.path, fault.kind)


def _adjustments(cls: type[Any], name: Any, members: dict[str, Any]) -> dict[str, Any]:
    """Return changes with which a fault of the member breaks no other rule."""
    if cls is Endpoint and name == "address":
        return {"channel_type": members["channel_type"] or "CUSTOM"}
    if cls is ItemResponse and name == "status_code":
        return {"endpoint_item_response": None, "events_item_response": {}}
    return {"status_code": None} if cls is ItemResponse else {}


def invalid_wire_data(
    cls: type[Any],
) -> SearchStrategy[InvalidInput[dict[str, Any]]]:
    """
    JSON data for which `from_wire` raises a ValidationError with one problem.

    The fault is anywhere in the data, including nested objects. The data are plain
    JSON, except for NaN and infinities, which Python callers can pass.

    Args:
        cls: A class of a request. The classes of a response accept any dict.

    Raises:
        TypeError: If it is any other class.
    """
    if cls not in _REQUEST_CLASSES:
        raise TypeError(f"{name_of(cls)} is no class of what is sent")
    return _invalid_wire_data(cls, _valid(cls))


@st.composite
def _invalid_wire_data(
    draw: DrawFn, cls: type[Any], valid: SearchStrategy[Any]
) -> InvalidInput[dict[str, Any]]:
    data: dict[str, Any] = to_wire(draw(valid))
    objects = list(_objects(cls, data, ()))
    kind: Any
    kind, members, path = objects[draw(st.sampled_from(range(len(objects))))]
    fault = draw(wire_faults(kind)).planted(members)
    if fault.path[0] == "Address":
        # Without a channel type, an address would be a second problem.
        members["ChannelType"] = "CUSTOM"
    members |= fault.members
    if members[fault.path[0]] is None and draw(st.booleans()):
        del members[fault.path[0]]
    return InvalidInput(data, (*path, *fault.path), fault.kind)


_REQUEST_CLASSES: Final = frozenset(
    {Demographic, Endpoint, Event, EventsBatch, EventsRequest, Location, Session, User}
)


def invalid_wire_requests() -> SearchStrategy[InvalidInput[dict[str, Any]]]:
    """JSON data of a request for which `from_wire` raises an error with one problem."""
    return invalid_wire_data(EventsRequest)


def _objects(
    cls: type[Any], data: dict[str, Any], path: Path
) -> Iterator[tuple[type[Any], dict[str, Any], Path]]:
    """Yield each object in the data with its class and its path."""
    yield cls, data, path
    for field in attrs.fields(cls):
        name = wire_name(field.name)
        kind = member_type(field)
        if name not in data:
            continue
        if is_model(kind):
            yield from _objects(kind, data[name], (*path, name))
        elif get_origin(kind) is FrozenMap and is_model(get_args(kind)[0]):
            for key, value in data[name].items():
                yield from _objects(get_args(kind)[0], value, (*path, name, key))


# --- As JSON --------------------------------------------------------------------------


@st.composite
def invalid_json_requests(draw: DrawFn) -> InvalidInput[bytes]:
    """JSON texts of a request for which `from_json` raises one problem."""
    data = to_wire(draw(_valid(EventsRequest)))
    if draw(st.booleans()):
        objects = list(_dicts(data, ()))
        where, path = objects[draw(st.sampled_from(range(len(objects))))]
        key = draw(st.sampled_from(list(where)))
        text = _with_key_twice(data, where, key)
        return InvalidInput(text, (*path, key), "a key that occurs twice")
    text = _text(data).encode()
    kind, invalid = draw(
        st.sampled_from(
            [
                ("a text that ends early", text[:-1]),
                ("a text that goes on", text + b"}"),
                ("no UTF-8", text[:2] + b"\xff" + text[2:]),
                ("a number that is none", b'{"BatchItem":NaN}'),
                ("a comma too many", text[:-1] + b",}"),
                ("no text", b""),
            ]
        )
    )
    return InvalidInput(invalid, (), kind)


def _dicts(data: Any, path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield each object in the data that is not empty, with its path."""
    if not isinstance(data, dict) or not data:
        return
    yield data, path
    for key, value in data.items():
        yield from _dicts(value, (*path, key))


def _with_key_twice(data: Any, where: dict[str, Any], key: str) -> bytes:
    """Write the data as JSON, with the key twice in `where`, an object within them."""
    placeholder = "\ud800"  # no valid text contains it
    where[placeholder] = where[key]
    text = _text(data).replace(_text(placeholder), _text(key))
    return text.encode()


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)
