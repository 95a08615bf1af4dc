from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.endpoints.rules import EndpointUpdates, apply_rules
from pinpoint_events.endpoints.seen import SeenEndpoints
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
    """A sender that can look up its endpoints, with the rules applied to it."""

    def __init__(self, sender: MemorySender | SqliteSender) -> None:
        self.sender = sender

    def put(self, **updates: Endpoint) -> EndpointUpdates:
        """Apply the rules to updates, send the result, and return it."""
        result = apply_rules(updates, self.sender, is_complete=True)
        batches = {
            name: EventsBatch(endpoint=update, events={})
            for name, update in result.updates.items()
        }
        self.sender.put_events(EventsRequest(batch_item=batches))
        return result

    def endpoint(self, name: str) -> Endpoint:
        """Return the stored endpoint."""
        return self.sender.find_endpoints(ids=[name])[name]

    def statuses(self, *names: str) -> list[EndpointStatus | None]:
        """Return the status of each endpoint."""
        return [self.endpoint(name).endpoint_status for name in names]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Each kind of sender that can look up its endpoints."""
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
    """Return the id of its user."""
    return None if endpoint.user is None else endpoint.user.user_id


class TestCreated:
    """An endpoint is created ACTIVE, and opted out of everything."""

    def test_defaults(self, store: Store) -> None:
        """A new endpoint gets a status and an opt-out if it has none."""
        store.put(e=email())
        assert store.endpoint("e") == email(endpoint_status=ACTIVE, opt_out=OptOut.ALL)

    def test_given(self, store: Store) -> None:
        """A new endpoint keeps the status and opt-out that it gives."""
        update = email(endpoint_status=INACTIVE, opt_out=OptOut.NONE)
        store.put(e=update)
        assert store.endpoint("e") == update

    def test_empty_update(self, store: Store) -> None:
        """An empty update has no effect."""
        update = {"e": Endpoint()}
        assert apply_rules(update, store.sender, is_complete=True) == ({}, {})

    def test_incomplete_knowledge(self) -> None:
        """An endpoint that may exist already is not opted out."""
        result = apply_rules({"e": email()}, SeenEndpoints(), is_complete=False)
        assert result == ({"e": email(endpoint_status=ACTIVE)}, {})


class TestUpdated:
    """An update makes an endpoint ACTIVE again."""

    def test_becomes_active(self, store: Store) -> None:
        """Any update does, unless it gives a status; the opt-out stays."""
        store.put(e=email(endpoint_status=INACTIVE, opt_out=OptOut.NONE))
        store.put(e=Endpoint(attributes={"a": ["b"]}))
        assert store.endpoint("e") == email(
            endpoint_status=ACTIVE, opt_out=OptOut.NONE, attributes={"a": ["b"]}
        )

    def test_same_again(self, store: Store) -> None:
        """A repeated update changes nothing."""
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
        """Within a request, the last one is the active one."""
        store.put(a=email(), b=email(), c=email("other@example.com"))
        assert store.statuses("a", "b", "c") == [INACTIVE, ACTIVE, ACTIVE]

    def test_repeated_in_one_request(self, store: Store) -> None:
        """An endpoint that was the active one loses to a later one in the request."""
        store.put(a=email())
        store.put(a=email(), b=email())
        assert store.statuses("a", "b") == [INACTIVE, ACTIVE]

    def test_moved_away(self, store: Store) -> None:
        """Other endpoints of the address that an endpoint leaves stay as they are."""
        store.put(a=email("a"))
        store.put(b=email("b"))
        store.put(b=email("a"))
        assert store.statuses("a", "b") == [INACTIVE, ACTIVE]
        assert store.endpoint("b").address == "a"

    def test_inactive_by_its_update(self, store: Store) -> None:
        """An endpoint that its update makes INACTIVE takes no address."""
        store.put(a=email())
        store.put(b=email(endpoint_status=INACTIVE))
        assert store.statuses("a", "b") == [ACTIVE, INACTIVE]

    def test_inactive_already(self, store: Store) -> None:
        """An endpoint that is INACTIVE already is not updated again."""
        store.put(a=email())
        store.put(b=email())
        assert list(store.put(c=email()).updates) == ["b", "c"]


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
        """The 16th is refused, and not updated."""
        self.fill(store, *PUSH_SERVICES)
        result = store.put(late=of_user(channel), other=email())
        assert result.refused == {"late": TOO_MANY}
        assert list(result.updates) == ["other"]
        assert len(store.sender.find_endpoints(user_ids=["u"])) == 15

    @pytest.mark.parametrize("channel", PUSH_SERVICES)
    def test_makes_room(self, store: Store, channel: str) -> None:
        """A push endpoint replaces the oldest one, which loses its user."""
        self.fill(store, *PUSH_SERVICES)
        assert store.put(late=of_user(channel)).refused == {}
        gone = store.endpoint("e5")
        assert (gone.endpoint_status, user_id(gone)) == (INACTIVE, "")
        found = store.sender.find_endpoints(user_ids=["u"])
        assert len(found) == 15
        assert "late" in found

    def test_comes_back(self, store: Store) -> None:
        """An endpoint that lost its user can get it back by an update."""
        self.fill(store, *PUSH_SERVICES)
        store.put(late=of_user("GCM", effective_date=datetime.now(UTC)))
        store.put(e5=of_user("GCM"))
        assert user_id(store.endpoint("e5")) == "u"
        assert store.statuses("e5", "e4") == [ACTIVE, INACTIVE]

    def test_no_room(self, store: Store) -> None:
        """Without a push endpoint to replace, a push endpoint is refused too."""
        self.fill(store)
        assert store.put(late=of_user("GCM")).refused == {"late": TOO_MANY}

    def test_undated_is_the_oldest(self, store: Store) -> None:
        """An endpoint without an effective date goes first."""
        self.fill(store, *PUSH_SERVICES)
        store.put(e2=of_user("GCM", user_id="another"))
        store.put(undated=of_user("GCM"))
        store.put(late=of_user("GCM"))
        assert user_id(store.endpoint("undated")) == ""

    def test_own_endpoint(self, store: Store) -> None:
        """An endpoint that the user has already can be updated."""
        self.fill(store)
        assert store.put(e3=of_user(attributes={"a": []})).refused == {}

    def test_no_user(self, store: Store) -> None:
        """Endpoints without a user, or with the empty user id, are not counted."""
        many = {f"e{n}": of_user(user_id="") for n in range(20)}
        many |= {f"f{n}": Endpoint(user=User()) for n in range(20)}
        assert store.put(**many).refused == {}


class Counting:
    """Counts the endpoints that were found."""

    def __init__(self, known: FindsEndpoints) -> None:
        """Find those of another."""
        self.known = known
        self.found = 0

    def find_endpoints(self, **wanted: Any) -> Mapping[str, Endpoint]:
        """Find, and count."""
        found = self.known.find_endpoints(**wanted)
        self.found += len(found)
        return found


class TestCost:
    """A call costs the endpoints that change, not those that are at an address."""

    @pytest.fixture(params=["memory", "sqlite", "seen"])
    def known(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[FindsEndpoints]:
        """Give 50 endpoints at one address, one of them active, and of one user."""
        inactive = {f"e{n}": INACTIVE for n in range(49)}
        endpoints = {
            name: of_user("EMAIL", address="x", endpoint_status=status)
            for name, status in {**inactive, "active": ACTIVE}.items()
        }
        if request.param == "seen":
            seen = SeenEndpoints()
            for name, endpoint in endpoints.items():
                seen.remember(name, endpoint)
            yield seen
            return
        is_memory = request.param == "memory"
        with MemorySender() if is_memory else SqliteSender(tmp_path / "x") as sender:
            batches = {
                name: EventsBatch(endpoint=endpoint, events=cast("Any", {}))
                for name, endpoint in endpoints.items()
            }
            sender.put_events(EventsRequest(batch_item=batches))
            yield sender

    def put(self, known: FindsEndpoints, **updates: Endpoint) -> tuple[list[str], int]:
        """Return what an update changes, and how many endpoints it looked at."""
        counting = Counting(known)
        found = apply_rules(updates, counting, is_complete=True)
        return list(found.updates), counting.found

    def test_new(self, known: FindsEndpoints) -> None:
        """A new endpoint looks at the active one that it replaces."""
        new = Endpoint(channel_type=ChannelType.EMAIL, address="x")
        assert self.put(known, new=new) == (["active", "new"], 1)

    def test_known(self, known: FindsEndpoints) -> None:
        """A known one looks at itself too, and not at others of its user."""
        attributes = Endpoint(attributes={"a": []})
        assert self.put(known, active=attributes) == (["active"], 2)
        assert self.put(known, e7=attributes) == (["active", "e7"], 2)

    def test_inactive(self, known: FindsEndpoints) -> None:
        """One that becomes INACTIVE looks at no other."""
        inactive = Endpoint(endpoint_status=INACTIVE)
        assert self.put(known, active=inactive) == (["active"], 1)


class TestLaws:
    """After any sequence of updates, the rules hold."""

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
