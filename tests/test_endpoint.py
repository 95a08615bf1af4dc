"""Tests of endpoints, and of what belongs to them."""

from enum import StrEnum

import attrs
import pytest

from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.problems import ProblemCode
from tests.samples import (
    DEMOGRAPHIC,
    ENDPOINT,
    LOCATION,
    NOON,
    USER,
    facts_of,
    problems_of,
)


class TestEndpoint:
    """An endpoint says as much as is known; all of it is optional."""

    @pytest.mark.parametrize("cls", [Demographic, Endpoint, Location, User])
    def test_all_is_optional(
        self, cls: type[Demographic | Endpoint | Location | User]
    ) -> None:
        """Members that are not given are None; mappings are empty, and not None."""
        members = attrs.asdict(cls(), recurse=False)
        assert all(value is None or value == {} for value in members.values())

    def test_members(self) -> None:
        """All members are kept as they were given, lists as tuples."""
        assert attrs.asdict(ENDPOINT, recurse=False) == {
            "address": "someone@example.com",
            "attributes": {"interests": ("tools", "bücher")},
            "channel_type": ChannelType.EMAIL,
            "demographic": DEMOGRAPHIC,
            "effective_date": NOON,
            "endpoint_status": EndpointStatus.ACTIVE,
            "location": LOCATION,
            "metrics": {"visits": 4, "spent": 99.5},
            "opt_out": OptOut.NONE,
            "request_id": "2d7c1f2e-1111-4222-8333-444455556666",
            "user": USER,
        }

    @pytest.mark.parametrize("address", ["", "a@example.com"])
    def test_address_needs_its_channel(self, address: str) -> None:
        """The service refuses an address of which it does not know what it is."""
        assert facts_of(lambda: Endpoint(address=address)) == [
            "channel_type: missing_channel_type"
        ]
        assert Endpoint(address=address, channel_type="EMAIL").address == address

    def test_channel_needs_no_address(self) -> None:
        """The stored address of the endpoint is left as it is."""
        assert Endpoint(channel_type="SMS").address is None

    def test_faulty_address_and_channel(self) -> None:
        """A channel that is given, but unknown, is one problem."""
        (problem,) = problems_of(
            lambda: Endpoint(address="a@example.com", channel_type="POST")
        )
        assert problem.code is ProblemCode.UNKNOWN_VALUE
        assert problem.path == ("channel_type",)


class TestEnums:
    """Enums are texts: their members equal the words on the wire."""

    @pytest.mark.parametrize("enum", [ChannelType, EndpointStatus, OptOut])
    def test_members_are_their_texts(self, enum: type[StrEnum]) -> None:
        """Name, value and text are one."""
        for member in enum:
            assert member.name == member.value == str(member) == member
