import attrs
import pytest
from hypothesis import given

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.testing import strategies
from tests.samples import ENDPOINT


class TestMembers:
    """
    Member by member, what an update does to a stored endpoint.

    (API reference, `apps/application-id/endpoints/endpoint-id`.)
    """

    @pytest.mark.parametrize("name", [field.name for field in attrs.fields(Endpoint)])
    def test_absent_members_stay(self, name: str) -> None:
        """A member that the update leaves out keeps its value."""
        stored = attrs.evolve(
            Endpoint(channel_type=ChannelType.SMS), **{name: getattr(ENDPOINT, name)}
        )
        after = merged(stored, Endpoint(channel_type=ChannelType.PUSH, opt_out="ALL"))
        if name not in {"channel_type", "opt_out"}:
            assert getattr(after, name) == getattr(ENDPOINT, name)
        assert (after.channel_type, after.opt_out) == (ChannelType.PUSH, OptOut.ALL)

    @pytest.mark.parametrize("name", [field.name for field in attrs.fields(Endpoint)])
    def test_named_members_are_taken(self, name: str) -> None:
        """A new endpoint has each member of the update."""
        channel = {"channel_type": ChannelType.EMAIL} if name == "address" else {}
        update = Endpoint(**{**channel, name: getattr(ENDPOINT, name)})
        assert merged(Endpoint(), update) == update

    def test_single_values_are_replaced(self) -> None:
        """A single value is replaced."""
        stored = Endpoint(
            address="old@example.com",
            channel_type=ChannelType.EMAIL,
            effective_date="2026-09-21T12:00:00Z",
            endpoint_status=EndpointStatus.ACTIVE,
            request_id="r-1",
        )
        update = Endpoint(
            address="+15550100",
            channel_type=ChannelType.SMS,
            effective_date="2026-09-22T12:00:00Z",
            endpoint_status=EndpointStatus.INACTIVE,
            request_id="r-2",
        )
        assert merged(stored, update) == update

    def test_channel_alone(self) -> None:
        """A new channel keeps the address of the old one."""
        stored = Endpoint(address="+15550100", channel_type=ChannelType.SMS)
        assert merged(stored, Endpoint(channel_type=ChannelType.VOICE)) == Endpoint(
            address="+15550100", channel_type=ChannelType.VOICE
        )

    def test_empty_text(self) -> None:
        """An empty text is a value."""
        stored = Endpoint(request_id="r-1")
        assert merged(stored, Endpoint(request_id="")) == Endpoint(request_id="")

    def test_demographic_and_location(self) -> None:
        """They are merged member by member."""
        stored = Endpoint(
            demographic=Demographic(make="Acme", model="A1"),
            location=Location(city="Bonn", latitude=50.7),
        )
        update = Endpoint(
            demographic=Demographic(model="A2", locale="de_DE"),
            location=Location(latitude=0, country="DE"),
        )
        assert merged(stored, update) == Endpoint(
            demographic=Demographic(make="Acme", model="A2", locale="de_DE"),
            location=Location(city="Bonn", latitude=0, country="DE"),
        )

    def test_empty_parts(self) -> None:
        """A part without members changes no stored part; a new endpoint gets it."""
        update = Endpoint(demographic=Demographic(), location=Location(), user=User())
        assert merged(ENDPOINT, update) == ENDPOINT
        assert merged(Endpoint(), update) == update

    def test_attributes(self) -> None:
        """A named attribute has its whole list replaced, the others stay."""
        stored = Endpoint(attributes={"teams": ["a", "b"], "tier": ["gold"]})
        update = Endpoint(attributes={"teams": ["c"], "lists": []})
        assert merged(stored, update) == Endpoint(
            attributes={"teams": ["c"], "tier": ["gold"], "lists": []}
        )

    def test_emptied_attribute(self) -> None:
        """A named attribute with an empty list has no values afterwards."""
        stored = Endpoint(attributes={"teams": ["a"]})
        update = Endpoint(attributes={"teams": []})
        assert merged(stored, update) == update

    def test_metrics(self) -> None:
        """They are merged by name; zero is a value."""
        stored = Endpoint(metrics={"visits": 4, "spent": 1.5})
        update = Endpoint(metrics={"visits": 0, "new": 2})
        assert merged(stored, update) == Endpoint(
            metrics={"visits": 0, "spent": 1.5, "new": 2}
        )

    def test_user(self) -> None:
        """The id and each named user attribute are merged separately."""
        stored = Endpoint(user=User(user_id="u", user_attributes={"a": ["1"]}))
        update = Endpoint(user=User(user_attributes={"a": ["2"], "b": ["3"]}))
        assert merged(stored, update) == Endpoint(
            user=User(user_id="u", user_attributes={"a": ["2"], "b": ["3"]})
        )

    def test_unchanged(self) -> None:
        """An update that changes nothing returns the stored object itself."""
        update = Endpoint(location=Location(city="Bonn"), metrics={"visits": 4})
        assert merged(ENDPOINT, update) is ENDPOINT


class TestLaws:
    """Updates merge in any grouping."""

    @given(stored=strategies.endpoints())
    def test_identity(self, stored: Endpoint) -> None:
        """`Endpoint()` is the identity on both sides."""
        assert merged(stored, Endpoint()) == stored
        assert merged(Endpoint(), stored) == stored

    @given(stored=strategies.endpoints(), update=strategies.endpoints())
    def test_again(self, stored: Endpoint, update: Endpoint) -> None:
        """The same update a second time changes nothing."""
        once = merged(stored, update)
        assert merged(once, update) == once

    @given(
        first=strategies.endpoints(),
        second=strategies.endpoints(),
        third=strategies.endpoints(),
    )
    def test_grouping(self, first: Endpoint, second: Endpoint, third: Endpoint) -> None:
        """Updates can be merged with each other first."""
        one_by_one = merged(merged(first, second), third)
        assert one_by_one == merged(first, merged(second, third))
