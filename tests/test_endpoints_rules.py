from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pinpoint_events.endpoints.rules import (
    EndpointDirectory,
    SeenEndpoints,
    Update,
    updated,
)
from pinpoint_events.model.endpoint import (
    ChannelType,
    Endpoint,
    EndpointStatus,
    OptOut,
    User,
)
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.senders.memory import MemorySender
from pinpoint_events.senders.sqlite import SqliteSender

ACTIVE = EndpointStatus.ACTIVE
INACTIVE = EndpointStatus.INACTIVE
PUSH_SERVICES = ["ADM", "APNS", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM"]
OTHER_CHANNELS = ["APNS_SANDBOX", "CUSTOM", "EMAIL", "IN_APP", "PUSH", "SMS", "VOICE"]
TOO_MANY = "Exceeded maximum endpoint per user count:15"


class Store:
    """A sender that knows its endpoints, and what is told to it."""

    def __init__(self, sender: MemorySender | SqliteSender) -> None:
        self.sender = sender

    def put(self, **endpoints: Endpoint) -> Update:
        """Update endpoints as the endpoint does; return what came of it."""
        update = updated(endpoints, self.sender, knows_all=True)
        batches = {
            name: EventsBatch(endpoint=one, events={})
            for name, one in update.says.items()
        }
        self.sender.put_events(EventsRequest(batch_item=batches))
        return update

    def endpoint(self, name: str) -> Endpoint:
        """Return what is known of an endpoint."""
        return self.sender.find_endpoints(ids=[name])[name]

    def statuses(self, *names: str) -> list[EndpointStatus | None]:
        """Return the status of each endpoint."""
        return [self.endpoint(name).endpoint_status for name in names]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of sender that knows its endpoints."""
    sender: MemorySender | SqliteSender = (
        MemorySender()
        if request.param == "memory"
        else SqliteSender(tmp_path / "events.db")
    )
    with sender:
        yield Store(sender)


def email(address: str = "someone@example.com", **members: Any) -> Endpoint:
    """Return an endpoint with an address."""
    return Endpoint(channel_type=ChannelType.EMAIL, address=address, **members)


def of_user(channel: str = "EMAIL", user_id: str = "u", **members: Any) -> Endpoint:
    """Return an endpoint of a user."""
    return Endpoint(channel_type=channel, user=User(user_id=user_id), **members)


def user_id(endpoint: Endpoint) -> str | None:
    """Return whose endpoint it is."""
    return None if endpoint.user is None else endpoint.user.user_id


class TestFindEndpoints:
    """A sender that knows its endpoints finds them by id, address and user."""

    def test_protocol(self, store: Store) -> None:
        """The senders with a memory of their own are directories."""
        assert isinstance(store.sender, EndpointDirectory)

    def test_found(self, store: Store) -> None:
        """Each is found by each, and once, the oldest first."""
        store.put(a=email("a"), b=of_user(), c=email("c", user=User(user_id="u")))
        find = store.sender.find_endpoints
        assert list(find(ids=["c", "a", "nobody"])) == ["a", "c"]
        assert list(find(addresses=["a", "c"])) == ["a", "c"]
        assert list(find(user_ids=["u", "nobody"])) == ["b", "c"]
        assert list(find(ids=["c"], addresses=["c"], user_ids=["u"])) == ["b", "c"]
        assert find() == {}
        assert find(ids=["a"])["a"] == store.endpoint("a")

    def test_applications_are_apart(self, tmp_path: Path) -> None:
        """In one file, an application sees its own endpoints only."""
        path = tmp_path / "events.db"
        with (
            SqliteSender(path, application_id="one") as one,
            SqliteSender(path, application_id="two") as two,
        ):
            Store(one).put(a=email("x", user=User(user_id="u")))
            wanted: Any = {"ids": ["a"], "addresses": ["x"], "user_ids": ["u"]}
            assert list(one.find_endpoints(**wanted)) == ["a"]
            assert two.find_endpoints(**wanted) == {}


class TestCreated:
    """An endpoint is created ACTIVE, and opted out of everything."""

    def test_defaults(self, store: Store) -> None:
        """What a new endpoint leaves out is said for it."""
        store.put(e=email())
        assert store.endpoint("e") == email(endpoint_status=ACTIVE, opt_out=OptOut.ALL)

    def test_said(self, store: Store) -> None:
        """What a new endpoint says of itself holds."""
        said = email(endpoint_status=INACTIVE, opt_out=OptOut.NONE)
        store.put(e=said)
        assert store.endpoint("e") == said

    def test_nothing_said(self, store: Store) -> None:
        """Of an endpoint about which nothing is said, nothing follows."""
        assert updated({"e": Endpoint()}, store.sender, knows_all=True) == ({}, {})

    def test_unknown_to_who_does_not_know_all(self) -> None:
        """Who does not know whether an endpoint is new does not opt it out."""
        update = updated({"e": email()}, SeenEndpoints(), knows_all=False)
        assert update.says == {"e": email(endpoint_status=ACTIVE)}


class TestUpdated:
    """An update makes an endpoint ACTIVE again."""

    def test_becomes_active(self, store: Store) -> None:
        """Any update does, unless it says otherwise; the opt-out stays."""
        store.put(e=email(endpoint_status=INACTIVE, opt_out=OptOut.NONE))
        store.put(e=Endpoint(attributes={"a": ["b"]}))
        assert store.endpoint("e") == email(
            endpoint_status=ACTIVE, opt_out=OptOut.NONE, attributes={"a": ["b"]}
        )

    def test_same_again(self, store: Store) -> None:
        """What is known already changes nothing."""
        store.put(e=email())
        before = store.endpoint("e")
        assert store.put(e=email()).refused == {}
        assert store.endpoint("e") == before


class TestAddress:
    """Each other endpoint of an updated endpoint's address becomes INACTIVE."""

    def test_taken_over(self, store: Store) -> None:
        """The endpoint that was updated last is the active one."""
        store.put(a=email())
        store.put(b=email())
        assert store.statuses("a", "b") == [INACTIVE, ACTIVE]
        store.put(a=Endpoint(metrics={"visits": 1}))
        assert store.statuses("a", "b") == [ACTIVE, INACTIVE]

    def test_in_one_request(self, store: Store) -> None:
        """Within a request, the last one is."""
        store.put(a=email(), b=email(), c=email("other@example.com"))
        assert store.statuses("a", "b", "c") == [INACTIVE, ACTIVE, ACTIVE]

    def test_repeated_in_one_request(self, store: Store) -> None:
        """An endpoint that was the active one loses to a later one in the request."""
        store.put(a=email())
        store.put(a=email(), b=email())
        assert store.statuses("a", "b") == [INACTIVE, ACTIVE]

    def test_moved_away(self, store: Store) -> None:
        """Who leaves an address leaves it to the others as they are."""
        store.put(a=email("a"))
        store.put(b=email("b"))
        store.put(b=email("a"))
        assert store.statuses("a", "b") == [INACTIVE, ACTIVE]
        assert store.endpoint("b").address == "a"

    def test_inactive_by_its_own_words(self, store: Store) -> None:
        """An endpoint that says it is INACTIVE takes no address."""
        store.put(a=email())
        store.put(b=email(endpoint_status=INACTIVE))
        assert store.statuses("a", "b") == [ACTIVE, INACTIVE]

    def test_said_of_no_other(self, store: Store) -> None:
        """An endpoint that is INACTIVE already is not said to be so again."""
        store.put(a=email())
        store.put(b=email())
        assert list(store.put(c=email()).says) == ["b", "c"]


class TestUser:
    """A user has 15 endpoints."""

    @staticmethod
    def fill(store: Store, *channels: str) -> None:
        """Give the user 15 endpoints, the last of them with the oldest date."""
        noon = datetime(2026, 9, 21, 12, tzinfo=UTC)
        named = [*channels, *["EMAIL"] * 15][:15]
        store.put(
            **{
                f"e{number}": of_user(
                    channel, effective_date=noon - timedelta(days=number)
                )
                for number, channel in enumerate(named)
            }
        )

    @pytest.mark.parametrize("channel", OTHER_CHANNELS)
    def test_refused(self, store: Store, channel: str) -> None:
        """The 16th is refused, and nothing is said of it."""
        self.fill(store, *PUSH_SERVICES)
        update = store.put(late=of_user(channel), other=email())
        assert update.refused == {"late": TOO_MANY}
        assert list(update.says) == ["other"]
        assert len(store.sender.find_endpoints(user_ids=["u"])) == 15

    @pytest.mark.parametrize("channel", PUSH_SERVICES)
    def test_makes_room(self, store: Store, channel: str) -> None:
        """For one of a push service, the oldest of such goes, and loses its user."""
        self.fill(store, *PUSH_SERVICES)
        update = store.put(late=of_user(channel))
        assert update.refused == {}
        gone = store.endpoint("e5")
        assert (gone.endpoint_status, user_id(gone)) == (INACTIVE, "")
        found = store.sender.find_endpoints(user_ids=["u"])
        assert len(found) == 15
        assert "late" in found

    def test_comes_back(self, store: Store) -> None:
        """Who had to go can come back, by saying whose it is."""
        self.fill(store, *PUSH_SERVICES)
        store.put(late=of_user("GCM", effective_date=datetime.now(UTC)))
        store.put(e5=of_user("GCM"))
        assert user_id(store.endpoint("e5")) == "u"
        assert store.statuses("e5", "e4") == [ACTIVE, INACTIVE]

    def test_no_room(self, store: Store) -> None:
        """Where no endpoint of a push service can go, one of such is refused too."""
        self.fill(store)
        assert store.put(late=of_user("GCM")).refused == {"late": TOO_MANY}

    def test_undated_is_the_oldest(self, store: Store) -> None:
        """An endpoint without an effective date goes first."""
        self.fill(store, *PUSH_SERVICES)
        store.put(e2=of_user("GCM", user_id="somebody"))
        store.put(undated=of_user("GCM"))
        store.put(late=of_user("GCM"))
        assert user_id(store.endpoint("undated")) == ""

    def test_known_ones_are_no_further_ones(self, store: Store) -> None:
        """An endpoint that the user has already can be updated."""
        self.fill(store)
        assert store.put(e3=of_user(attributes={"a": []})).refused == {}

    def test_nobody_is_no_user(self, store: Store) -> None:
        """Endpoints without a user, or with the empty id for one, are not counted."""
        many = {f"e{n}": of_user(user_id="") for n in range(20)}
        many |= {f"f{n}": Endpoint(user=User()) for n in range(20)}
        assert store.put(**many).refused == {}


class TestLaws:
    """Whatever is said, in calls of whatever size, the rules hold afterwards."""

    @given(
        st.lists(
            st.dictionaries(
                st.integers(0, 39).map("e{}".format),
                st.builds(
                    Endpoint,
                    address=st.none() | st.sampled_from("xyz"),
                    channel_type=st.sampled_from(["GCM", "EMAIL"]),
                    endpoint_status=st.none() | st.sampled_from(EndpointStatus),
                    user=st.builds(User, user_id=st.none() | st.sampled_from("uv")),
                ),
                max_size=18,
            ),
            max_size=2,
        )
    )
    @example([{f"e{n}": of_user("GCM", address="x") for n in range(40)}])
    def test_any_calls(self, calls: list[dict[str, Endpoint]]) -> None:
        """An address has one active endpoint at most, and a user 15."""
        with MemorySender() as sender:
            for call in calls:
                Store(sender).put(**call)
            known = sender.find_endpoints(
                addresses=["x", "y", "z"], user_ids=["u", "v"]
            ).values()
        active = [one.address for one in known if one.endpoint_status is ACTIVE]
        users = list(map(user_id, known))
        assert max(map(active.count, "xyz")) <= 1
        assert max(map(users.count, "uv")) <= 15


class TestSeenEndpoints:
    """What was seen last is known, for senders that cannot be asked."""

    def test_found(self) -> None:
        """Endpoints are found by what was said last of them."""
        seen = SeenEndpoints()
        seen.remember("a", email("x", user=User(user_id="u")))
        seen.remember("b", email("x"))
        seen.remember("a", email("y"))
        assert seen.find_endpoints(addresses=["x"]) == {"b": email("x")}
        assert list(seen.find_endpoints(ids=["a", "c"])) == ["a"]
        assert list(seen.find_endpoints(user_ids=["u"])) == ["a"]
        assert list(seen.find_endpoints(addresses=["y", "x"])) == ["a", "b"]

    def test_bound(self) -> None:
        """Who was not updated for the longest is forgotten, by all names."""
        seen = SeenEndpoints(most=2)
        for name in ("a", "b", "a", "c"):
            seen.remember(name, email(name, user=User(user_id=name)))
        everything: Any = {
            "ids": "abc",
            "addresses": "abc",
            "user_ids": "abc",
        }
        assert list(seen.find_endpoints(**everything)) == ["a", "c"]

    def test_rules(self) -> None:
        """The rules hold for what was seen."""
        seen = SeenEndpoints()
        seen.remember("a", email(endpoint_status=ACTIVE))
        update = updated({"b": email()}, seen, knows_all=False)
        assert update.says == {
            "a": Endpoint(endpoint_status=INACTIVE),
            "b": email(endpoint_status=ACTIVE),
        }
