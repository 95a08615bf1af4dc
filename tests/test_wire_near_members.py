"""Tests of what is suggested for an unknown member."""

from typing import Any, Final

import attrs
import pytest

from pinpoint_events import (
    Demographic,
    Endpoint,
    Event,
    EventsBatch,
    EventsRequest,
    Location,
    Session,
    User,
    ValidationError,
    from_wire,
)
from pinpoint_events.problems import ProblemCode
from pinpoint_events.wire.names import wire_name

CLASSES: Final = (
    Demographic,
    Endpoint,
    Event,
    EventsBatch,
    EventsRequest,
    Location,
    Session,
    User,
)
MEMBERS: Final = {
    cls: [wire_name(field.name) for field in attrs.fields(cls) if field.init]
    for cls in CLASSES
}


def suggested(cls: type[Any], key: str) -> tuple[str, ...]:
    """Return what is suggested for a key that an object should not have."""
    with pytest.raises(ValidationError) as caught:
        from_wire(cls, {key: "x"})
    (problem,) = (
        each
        for each in caught.value.problems
        if each.code is ProblemCode.UNKNOWN_KEY and each.path == (key,)
    )
    return problem.nearest


class TestMembersOfOtherObjects:
    """A member of another object is named with its path."""

    @pytest.mark.parametrize(
        "cls, key, near",
        [
            (Endpoint, "UserAttributes", ("User.UserAttributes",)),
            (Endpoint, "UserAtributes", ("User.UserAttributes",)),
            (Endpoint, "user_attributes", ("User.UserAttributes",)),
            (Endpoint, "UserId", ("User.UserId",)),
            (Endpoint, "userId", ("User.UserId",)),
            (Endpoint, "AppVersion", ("Demographic.AppVersion",)),
            (Endpoint, "DemographicMake", ("Demographic.Make",)),
            (Endpoint, "City", ("Location.City",)),
            (Event, "SessionId", ("Session.Id",)),
            (Event, "StartTimestamp", ("Session.StartTimestamp",)),
            (EventsBatch, "EventType", ("Events[...].EventType",)),
            (EventsRequest, "Events", ("BatchItem[...].Events",)),
        ],
    )
    def test_inside(self, cls: type[Any], key: str, near: tuple[str, ...]) -> None:
        """The path begins at the object."""
        assert suggested(cls, key) == near

    @pytest.mark.parametrize(
        "cls, key, near",
        [
            (User, "Address", ("Endpoint.Address",)),
            (User, "Attributes", ("Endpoint.Attributes", "UserAttributes")),
            (
                Session,
                "Timestamp",
                ("Event.Timestamp", "StopTimestamp", "StartTimestamp"),
            ),
            (Event, "Endpoint", ("EventsBatch.Endpoint",)),
            (Location, "Locale", ("Endpoint.Demographic.Locale",)),
            (Event, "UserId", ("EventsBatch.Endpoint.User.UserId",)),
        ],
    )
    def test_around(self, cls: type[Any], key: str, near: tuple[str, ...]) -> None:
        """The path begins at the class of an object around it."""
        assert suggested(cls, key) == near

    def test_where_several_have_it(self) -> None:
        """All places that are as near are named."""
        assert suggested(EventsBatch, "Attributes") == (
            "Endpoint.Attributes",
            "Events[...].Attributes",
        )

    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_member(self, cls: type[Any]) -> None:
        """What belongs elsewhere is found, and never mistaken for a similar member."""
        others = {name for names in MEMBERS.values() for name in names}
        set_by_service = {"Id"} if cls is Endpoint else set()
        for name in others - set(MEMBERS[cls]) - set_by_service:
            near = suggested(cls, name)
            assert name == "Id" or near[0].endswith(f".{name}")
            assert name != "Id" or near == ()

    @pytest.mark.parametrize("key", ["EndpointId", "EventId"])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_ids(self, cls: type[Any], key: str) -> None:
        """They are keys, and no member takes their place."""
        assert suggested(cls, key) == ()
