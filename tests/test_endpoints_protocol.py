import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from pinpoint_events.endpoints.protocol import FindsEndpoints, WritesExclusively
from pinpoint_events.model.endpoint import ChannelType, Endpoint, EndpointStatus, User
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.senders._sqlite_schema import IS_NOT_INACTIVE
from pinpoint_events.senders.memory import MemorySender
from pinpoint_events.senders.sqlite import SqliteSender


@pytest.fixture(params=["memory", "sqlite"])
def sender(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[MemorySender | SqliteSender]:
    """Open each kind of sender that can look up its endpoints."""
    with (
        MemorySender()
        if request.param == "memory"
        else SqliteSender(tmp_path / "events.db")
    ) as sender:
        yield sender


def put(sender: MemorySender | SqliteSender, **endpoints: Endpoint) -> None:
    """Send endpoints without events."""
    batches = {
        name: EventsBatch(endpoint=endpoint, events={})
        for name, endpoint in endpoints.items()
    }
    sender.put_events(EventsRequest(batch_item=batches))


A = Endpoint(channel_type=ChannelType.EMAIL, address="a")
B = Endpoint(user=User(user_id="u"))
C = Endpoint(channel_type=ChannelType.EMAIL, address="c", user=User(user_id="u"))


class TestFindEndpoints:
    """Senders find endpoints by id, address and user."""

    def test_protocol(self, sender: MemorySender | SqliteSender) -> None:
        """`MemorySender` and `SqliteSender` have the method."""
        assert isinstance(sender, FindsEndpoints)

    def test_exclusive(self, sender: MemorySender | SqliteSender) -> None:
        """`SqliteSender` can keep others from writing meanwhile."""
        is_exclusive = isinstance(sender, WritesExclusively)
        assert is_exclusive is isinstance(sender, SqliteSender)

    def test_found(self, sender: MemorySender | SqliteSender) -> None:
        """Each argument finds endpoints; each is returned once, the oldest first."""
        put(sender, a=A, b=B, c=C)
        find = sender.find_endpoints
        assert list(find(ids=["c", "a", "unknown"])) == ["a", "c"]
        assert list(find(addresses=["a", "c"])) == ["a", "c"]
        assert list(find(user_ids=["u", "unknown"])) == ["b", "c"]
        assert list(find(ids=["c"], addresses=["c"], user_ids=["u"])) == ["b", "c"]
        assert find() == {}
        assert find(ids=["a"]) == {"a": A}

    def test_active(self, sender: MemorySender | SqliteSender) -> None:
        """Of an address, those that are not INACTIVE can be found alone."""
        inactive = attrs.evolve(A, endpoint_status=EndpointStatus.INACTIVE)
        text = '","EndpointStatus":"INACTIVE"'
        quoting = attrs.evolve(A, request_id=text, attributes={"EndpointStatus": []})
        put(sender, a=A, b=inactive, c=quoting)
        put(sender, d=attrs.evolve(A, endpoint_status=EndpointStatus.ACTIVE))
        find = sender.find_endpoints
        assert list(find(active_addresses=["a", "x"])) == ["a", "c", "d"]
        assert list(find(active_addresses=["a"], ids=["b"])) == ["a", "b", "c", "d"]
        put(sender, a=inactive, b=Endpoint(endpoint_status=EndpointStatus.ACTIVE))
        assert list(find(active_addresses=["a"])) == ["b", "c", "d"]
        assert list(find(addresses=["a"])) == ["a", "b", "c", "d"]

    def test_by_index(self, tmp_path: Path) -> None:
        """SQLite reads no row of an endpoint at the address that is INACTIVE."""
        path = tmp_path / "events.db"
        with SqliteSender(path) as sender, closing(sqlite3.connect(path)) as store:
            put(sender, a=A)
            plan = store.execute(
                "EXPLAIN QUERY PLAN SELECT json FROM endpoint "
                "WHERE application_id = ? AND address IN (?, ?) "
                f"AND {IS_NOT_INACTIVE}",
                ("default", "a", "b"),
            )
            assert "INDEX endpoint_active_address (" in plan.fetchone()[-1]

    def test_older_store(self, tmp_path: Path) -> None:
        """A store of version 2 gets the index."""
        path = tmp_path / "events.db"
        with SqliteSender(path) as sender:
            put(sender, a=A)
        with closing(sqlite3.connect(path)) as store:
            store.executescript(
                "DROP INDEX endpoint_active_address; PRAGMA user_version = 2"
            )
        with SqliteSender(path) as sender, closing(sqlite3.connect(path)) as store:
            assert list(sender.find_endpoints(active_addresses=["a"])) == ["a"]
            named = "SELECT 1 FROM sqlite_master WHERE name = 'endpoint_active_address'"
            assert store.execute(named).fetchall() == [(1,)]

    def test_applications_are_apart(self, tmp_path: Path) -> None:
        """An application finds its own endpoints only, also in a shared file."""
        path = tmp_path / "events.db"
        with (
            SqliteSender(path, application_id="one") as one,
            SqliteSender(path, application_id="two") as two,
        ):
            put(one, c=C)
            wanted: Any = {"ids": ["c"], "addresses": ["c"], "user_ids": ["u"]}
            assert one.find_endpoints(**wanted) == {"c": C}
            assert two.find_endpoints(**wanted) == {}
