from typing import Any

from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.endpoints.rules import apply_rules
from pinpoint_events.endpoints.seen import SeenEndpoints
from pinpoint_events.model.endpoint import ChannelType, Endpoint, EndpointStatus, User

ACTIVE = EndpointStatus.ACTIVE
INACTIVE = EndpointStatus.INACTIVE


def email(address: str = "someone@example.com", **members: Any) -> Endpoint:
    """Return an endpoint with an address."""
    return Endpoint(channel_type=ChannelType.EMAIL, address=address, **members)


class TestSeenEndpoints:
    """The endpoints seen last, for senders that cannot look up endpoints."""

    def test_protocol(self) -> None:
        """They are looked up as those of a sender are."""
        assert isinstance(SeenEndpoints(), FindsEndpoints)

    def test_found(self) -> None:
        """Endpoints are found by their current members, in the order of their ids."""
        seen = SeenEndpoints()
        seen.remember("a", email("x", user=User(user_id="u")))
        seen.remember("b", email("x"))
        seen.remember("a", email("y"))
        assert seen.find_endpoints(addresses=["x"]) == {"b": email("x")}
        assert list(seen.find_endpoints(ids=["a", "c"])) == ["a"]
        assert list(seen.find_endpoints(user_ids=["u"])) == ["a"]
        assert list(seen.find_endpoints(addresses=["y", "x"])) == ["a", "b"]

    def test_bound(self) -> None:
        """The least recently updated endpoint is dropped, from all indexes."""
        seen = SeenEndpoints(max_endpoints=2)
        for name in ("a", "b", "a", "c"):
            seen.remember(name, email(name, user=User(user_id=name)))
        for everything in ({"ids": "abc"}, {"addresses": "abc"}, {"user_ids": "abc"}):
            arguments: Any = everything
            assert list(seen.find_endpoints(**arguments)) == ["a", "c"]

    def test_active(self) -> None:
        """Of an address, those that are not INACTIVE can be found alone."""
        seen = SeenEndpoints()
        seen.remember("a", email("x"))
        seen.remember("b", email("x", endpoint_status=ACTIVE))
        seen.remember("a", Endpoint(endpoint_status=INACTIVE))
        assert list(seen.find_endpoints(active_addresses=["x"])) == ["b"]
        assert list(seen.find_endpoints(addresses=["x"])) == ["a", "b"]

    def test_rules(self) -> None:
        """The rules apply to the endpoints that were seen."""
        seen = SeenEndpoints()
        seen.remember("a", email(endpoint_status=ACTIVE))
        result = apply_rules({"b": email()}, seen, is_complete=False)
        assert result.updates == {
            "a": Endpoint(endpoint_status=INACTIVE),
            "b": email(endpoint_status=ACTIVE),
        }
