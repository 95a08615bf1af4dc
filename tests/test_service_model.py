"""Tests that all of PutEvents in the service's own model has its counterpart here."""

from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import attrs
import botocore.loaders
import botocore.model
import pytest

from pinpoint_events import errors
from pinpoint_events.errors import ServiceError
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model._immutable import FrozenMap
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
from pinpoint_events.put_events import http_request
from pinpoint_events.service_errors import service_error
from pinpoint_events.wire.names import wire_name
from tests.samples import REQUEST, example

SERVICE = botocore.model.ServiceModel(
    botocore.loaders.Loader().load_service_model("pinpoint", "service-2")
)
PUT_EVENTS = SERVICE.operation_model("PutEvents")

CLASSES: dict[str, type[Any]] = {
    "EndpointDemographic": Demographic,
    "EndpointItemResponse": EndpointItemResponse,
    "EndpointLocation": Location,
    "EndpointUser": User,
    "Event": Event,
    "EventItemResponse": EventItemResponse,
    "EventsBatch": EventsBatch,
    "EventsRequest": EventsRequest,
    "EventsResponse": EventsResponse,
    "ItemResponse": ItemResponse,
    "PublicEndpoint": Endpoint,
    "Session": Session,
}

# Where ours says more than the service's model, which has no times or enums of these.
CLOSER_TYPES: dict[str, type[Any]] = {
    "Event.Timestamp": datetime,
    "PublicEndpoint.EffectiveDate": datetime,
    "PublicEndpoint.EndpointStatus": EndpointStatus,
    "PublicEndpoint.OptOut": OptOut,
    "Session.StartTimestamp": datetime,
    "Session.StopTimestamp": datetime,
}

# Ours, which the service's model has in its text only, or the body has not.
OWN_MEMBERS = {
    "EventsResponse": {"RequestId"},  # from the HTTP headers
    "ItemResponse": {"StatusCode"},  # "or a status code, 202 or 400"
}


def reached(shape: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return all structures that can be reached from a shape, by name."""
    if shape.type_name == "structure":
        if shape.name not in found:
            found[shape.name] = shape
            for member in shape.members.values():
                reached(member, found)
    elif shape.type_name == "map":
        reached(shape.value, found)
    elif shape.type_name == "list":
        reached(shape.member, found)
    return found


STRUCTURES = {
    **reached(PUT_EVENTS.input_shape.members["EventsRequest"], {}),
    **reached(PUT_EVENTS.output_shape.members["EventsResponse"], {}),
}


def expected_type(place: str, shape: Any) -> Any:
    """Return the Python type that a member of this shape must have."""
    if place in CLOSER_TYPES:
        assert shape.type_name == "string"
        return CLOSER_TYPES[place]
    if shape.type_name == "structure":
        return CLASSES[shape.name]
    if shape.type_name == "map":
        assert shape.key.type_name == "string"
        return FrozenMap[expected_type(place, shape.value)]  # type: ignore[misc]
    if shape.type_name == "list":
        return tuple[expected_type(place, shape.member), ...]  # type: ignore[misc]
    if getattr(shape, "enum", None):
        return ChannelType
    # A double may be whole, and stays so.
    return {"string": str, "integer": int, "double": int | float}[shape.type_name]


def own_type(field: "attrs.Attribute[Any]") -> Any:
    """Return the type of a field, None left out of it."""
    if get_origin(field.type) is not UnionType:
        return field.type
    kinds = [kind for kind in get_args(field.type) if kind is not NoneType]
    found = kinds[0]
    for kind in kinds[1:]:
        found |= kind
    return found


def test_structures() -> None:
    """Each structure that PutEvents takes or returns is a class here."""
    assert set(STRUCTURES) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
class TestMembers:
    """Each class has the members of its structure, and no other."""

    def test_names(self, name: str) -> None:
        """Names follow by one rule: the PascalCase of ours is theirs."""
        fields = {wire_name(field.name) for field in attrs.fields(CLASSES[name])}
        assert fields - OWN_MEMBERS.get(name, set()) == set(STRUCTURES[name].members)

    def test_types(self, name: str) -> None:
        """Types say the same, or more where the service has texts for all."""
        fields = {wire_name(each.name): each for each in attrs.fields(CLASSES[name])}
        members = STRUCTURES[name].members
        assert {key: own_type(fields[key]) for key in members} == {
            key: expected_type(f"{name}.{key}", shape) for key, shape in members.items()
        }

    def test_required(self, name: str) -> None:
        """What is required there must be given here, but for the time, which is now."""
        required = {
            wire_name(field.name)
            for field in attrs.fields(CLASSES[name])
            if field.default is attrs.NOTHING
        }
        if name == "Event":
            required.add("Timestamp")
        assert required == set(STRUCTURES[name].required_members)


class TestEnums:
    """Each enum has the values that the service documents."""

    def test_channel_types(self) -> None:
        """All 13 of them, in the order of the service's model."""
        shape: Any = SERVICE.shape_for("ChannelType")
        assert [str(member) for member in ChannelType] == shape.enum
        assert len(ChannelType) == 13

    @pytest.mark.parametrize(
        "member, enum", [("EndpointStatus", EndpointStatus), ("OptOut", OptOut)]
    )
    def test_texts_with_values(self, member: str, enum: type[StrEnum]) -> None:
        """The service's model has them in its text only."""
        text = STRUCTURES["PublicEndpoint"].members[member].documentation
        assert [value for value in enum if value not in text] == []

    def test_no_other_enum(self) -> None:
        """No other member has values of its own."""
        found = {
            f"{name}.{key}"
            for name, shape in STRUCTURES.items()
            for key, member in shape.members.items()
            if getattr(member, "enum", None)
        }
        assert found == {"PublicEndpoint.ChannelType"}


class TestOperation:
    """Method, path, answers and errors of the call are the service's."""

    def test_request(self) -> None:
        """The path is filled as botocore fills it."""
        sent = http_request("app-id", REQUEST)
        assert PUT_EVENTS.http == {
            "method": sent.method,
            "requestUri": sent.path.replace("app-id", "{application-id}"),
            "responseCode": 202,
        }

    @pytest.mark.parametrize(
        "shape", PUT_EVENTS.error_shapes, ids=lambda each: each.name
    )
    def test_errors(self, shape: Any) -> None:
        """Each error that the service documents has a separate class here."""
        status = shape.metadata["error"]["httpStatusCode"]
        error = service_error(HttpResponse(status=status, headers={}, body=b""))
        assert type(error) is not ServiceError
        assert type(error).__name__ == {
            "TooManyRequestsException": "TooManyRequestsError",
            "InternalServerErrorException": "InternalServerError",
        }.get(shape.name, shape.name.replace("Exception", "Error"))
        assert set(shape.members) == {"Message", "RequestID"}

    def test_every_error_class_is_documented(self) -> None:
        """And there is no class for what the service does not have."""
        classes = {
            name
            for name in errors.__all__
            if issubclass(getattr(errors, name), ServiceError)
            and name != "ServiceError"
        }
        assert len(classes) == len(PUT_EVENTS.error_shapes)


def test_example_uses_every_member() -> None:
    """`examples/request-all-members.json` leaves no member of a request out."""
    found: dict[str, set[str]] = {}

    def note(shape: Any, data: Any) -> None:
        if shape.type_name == "structure":
            found.setdefault(shape.name, set()).update(data)
            for key, value in data.items():
                note(shape.members[key], value)
        elif shape.type_name == "map":
            for value in data.values():
                note(shape.value, value)

    shape = PUT_EVENTS.input_shape.members["EventsRequest"]
    note(shape, example("request-all-members.json"))
    assert found == {
        name: set(structure.members) for name, structure in reached(shape, {}).items()
    }
