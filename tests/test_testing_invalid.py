"""Tests of the strategies for input that is refused: that they reach every fault."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given

from pinpoint_events.model.endpoint import Endpoint, Location, User
from pinpoint_events.model.event import Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EventsResponse, ItemResponse
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.testing import strategies
from pinpoint_events.testing._faults import Fault, faults, wire_faults
from pinpoint_events.testing.strategies import InvalidInput
from pinpoint_events.wire import from_wire
from tests.commands import takes_long
from tests.drawn import costly, minimal, missing
from tests.samples import problems_of

WRONG = "a value of the wrong type"
SURROGATE = "a lone surrogate"
IN_MAPPING = "None inside a mapping"


def kind(invalid: InvalidInput[Any] | Fault) -> str:
    """Return what is wrong."""
    return invalid.kind


class TestArguments:
    """Each fault that issue 2 lists, and each member."""

    @pytest.mark.parametrize(
        "cls, kinds",
        [
            (
                Session,
                {
                    WRONG,
                    "None",
                    SURROGATE,
                    "an empty text",
                    "a time that is none",
                    "a time without a zone",
                    "a time outside the years",
                    "a negative length",
                    "an int beyond 2**53",
                    "a stop before the start",
                    "a duration that is not stop minus start",
                },
            ),
            (
                Location,
                {WRONG, SURROGATE, "NaN or an infinity", "degrees out of range"},
            ),
            (
                User,
                {
                    WRONG,
                    SURROGATE,
                    f"{SURROGATE} as a key",
                    "no text as a key",
                    IN_MAPPING,
                    "None inside a list",
                    "a str where a list of str belongs",
                },
            ),
            (
                Endpoint,
                {"a word that is not known", "an address without a channel type"},
            ),
            (EventsBatch, {WRONG, "None", IN_MAPPING, "an empty text as a key"}),
            (ItemResponse, {WRONG, "a bare status code beside item responses"}),
            (Quotas, {WRONG, "a limit below 1", "an int beyond 2**53"}),
        ],
        ids=lambda value: getattr(value, "__name__", ""),
    )
    def test_kinds(self, cls: Any, kinds: set[str]) -> None:
        """Every kind of fault is drawn."""
        assert not missing(faults(cls), kind, kinds)

    def test_members(self) -> None:
        """Every member gets a fault."""
        names = {field.name for field in attrs.fields(Endpoint)}
        assert not missing(faults(Endpoint), lambda fault: fault.path[0], names)

    @pytest.mark.parametrize("cls", [Endpoint, ItemResponse])
    def test_one_problem(self, cls: Any) -> None:
        """Where members depend on each other, a fault of one is no fault of another."""
        names = {field.name for field in attrs.fields(cls)}

        def member(invalid: InvalidInput[dict[str, Any]]) -> object:
            (problem,) = problems_of(lambda: cls(**invalid.data))
            return problem.path[0]

        assert not missing(strategies.invalid_arguments(cls), member, names)

    @takes_long
    def test_bool_as_a_number(self) -> None:
        """A bool is among what is no number."""

        def latitude(fault: Fault) -> str:
            return type(fault.members.get("latitude")).__name__

        assert not missing(faults(Location), latitude, {"bool", "str", "Decimal"})

    def test_minimal(self) -> None:
        """What is left of a failing example has the fault, and nothing else."""
        invalid = minimal(
            strategies.invalid_arguments(User),
            lambda invalid: invalid.kind == "a str where a list of str belongs",
        )
        data = {"user_id": None, "user_attributes": {"name": ""}}
        assert invalid == (
            data,
            ("user_attributes", "name"),
            "a str where a list of str belongs",
        )

    @pytest.mark.parametrize("cls", [int, InvalidInput])
    def test_foreign_class(self, cls: type[Any]) -> None:
        """Other classes have no strategy."""
        with pytest.raises(TypeError) as caught:
            strategies.invalid_arguments(cls)
        assert str(caught.value) == f"{cls.__qualname__} is no class of the model"


class TestWireData:
    """Faults anywhere in plain data."""

    @pytest.mark.parametrize(
        "cls, kinds",
        [
            (
                Session,
                {
                    WRONG,
                    SURROGATE,
                    "an empty text",
                    "a member that is missing",
                    "a member that is not known",
                    "a time without a zone",
                    "a time that is none",
                    "a stop before the start",
                    "a duration that is not stop minus start",
                },
            ),
            (EventsBatch, {"a member that is missing"}),
            (
                Endpoint,
                {"a word that is not known", "an address without a channel type"},
            ),
            (Location, {"degrees out of range", "NaN or an infinity"}),
        ],
        ids=["Session", "EventsBatch", "Endpoint", "Location"],
    )
    def test_kinds(self, cls: Any, kinds: set[str]) -> None:
        """Every kind of fault is drawn."""
        assert not missing(wire_faults(cls), kind, kinds)

    def test_depths(self) -> None:
        """Faults are in the request itself, and in all that is in it."""

        def place(invalid: InvalidInput[dict[str, Any]]) -> tuple[str | int, ...]:
            return (*invalid.path[2:3], *invalid.path[4:5])

        places = {(), ("Endpoint",), ("Events",), ("Events", "Session")}
        assert not missing(strategies.invalid_wire_requests(), place, places)

    def test_one_problem(self) -> None:
        """Where members depend on each other, a fault of one is no fault of another."""

        def member(invalid: InvalidInput[dict[str, Any]]) -> object:
            (problem,) = problems_of(lambda: from_wire(Endpoint, invalid.data))
            return problem.path[0]

        endpoints = strategies.invalid_wire_data(Endpoint)
        assert not missing(endpoints, member, {"Address", "ChannelType", "User"})

    def test_left_out_and_null(self) -> None:
        """A member that is missing is left out, or null."""

        def absence(invalid: InvalidInput[dict[str, Any]]) -> tuple[str, bool]:
            return invalid.kind, "Id" in invalid.data

        kind = "a member that is missing"
        sessions = strategies.invalid_wire_data(Session)
        assert not missing(sessions, absence, {(kind, False), (kind, True)})

    @pytest.mark.parametrize("cls", [EventsResponse, Quotas, int])
    def test_foreign_class(self, cls: type[Any]) -> None:
        """What is answered is read leniently, and has no strategy here."""
        with pytest.raises(TypeError) as caught:
            strategies.invalid_wire_data(cls)
        assert str(caught.value) == f"{cls.__qualname__} is no class of what is sent"


class TestJson:
    """Faults of the text itself."""

    def test_kinds(self) -> None:
        """Every kind of fault is drawn."""
        kinds = {
            "a comma too many",
            "a key that occurs twice",
            "a number that is none",
            "a text that ends early",
            "a text that goes on",
            "no UTF-8",
            "no text",
        }
        assert not missing(strategies.invalid_json_requests(), kind, kinds)

    @costly
    @given(invalid=strategies.invalid_json_requests())
    def test_key_twice(self, invalid: InvalidInput[bytes]) -> None:
        """A key that occurs twice does so in the text, at that place alone."""
        if invalid.kind != "a key that occurs twice":
            return
        twice: list[str] = []

        def look(members: list[tuple[str, Any]]) -> dict[str, Any]:
            names = [name for name, _ in members]
            twice.extend(name for name in {*names} if names.count(name) > 1)
            return dict(members)

        json.loads(invalid.data, object_pairs_hook=look)
        assert {*twice} == {invalid.path[-1]}


class TestOverQuota:
    """Requests over one quota, by one."""

    def test_every_quota(self) -> None:
        """Each quota is exceeded."""
        names = {field.name for field in attrs.fields(Quotas)}
        assert not missing(strategies.over_quota_requests(), kind, names)

    def test_users(self) -> None:
        """Those of attributes are exceeded by endpoints and by their users."""
        requests = strategies.over_quota_requests()
        assert not missing(
            requests,
            lambda invalid: invalid.path[3:4],
            {(), ("attributes",), ("user",)},
        )

    @costly
    @given(
        invalid=strategies.over_quota_requests(
            quotas=Quotas(
                events_per_request=3,
                request_bytes=None,
                event_bytes=None,
                endpoint_bytes=20,
                endpoint_attributes_and_metrics=None,
            )
        )
    )
    def test_other_quotas(self, invalid: InvalidInput[EventsRequest]) -> None:
        """Quotas of one's own are exceeded in the same way, but none that is off."""
        quotas = Quotas(
            events_per_request=3,
            request_bytes=None,
            event_bytes=None,
            endpoint_bytes=20,
            endpoint_attributes_and_metrics=None,
        )
        (problem,) = check_quotas(invalid.data, quotas)
        assert problem.path == invalid.path
        assert getattr(quotas, invalid.kind) is not None
