import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest
from tests.commands import needs_posix, takes_long
from tests.server.clients import (
    ACCEPTED,
    EVENT,
    SECONDS,
    Got,
    answer,
    batch_item,
    connected,
    request,
)
from tests.server.test_serve import serving
from tests.stores import writing

from pinpoint_events import MemorySender, SqliteSender
from pinpoint_events.server import Served, create_app, served

CALLS = 16
PROCESSES = 4
ROUNDS = 8
MAX_ENDPOINTS = 15  # of a user
TOO_MANY = {
    "StatusCode": 400,
    "Message": f"Exceeded maximum endpoint per user count:{MAX_ENDPOINTS}",
}


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows that another program gets."""
    with closing(sqlite3.connect(path)) as store:
        return store.execute(sql).fetchall()


def event_ids(path: Path) -> list[str]:
    """Return the ids of all events in a store, in the order of their arrival."""
    sql = "SELECT event_id FROM events ORDER BY sequence"
    return [event_id for (event_id,) in rows(path, sql)]


def of_user(user_id: str) -> Mapping[str, Any]:
    """Return an endpoint of a user."""
    return {"Endpoint": {"User": {"UserId": user_id}}, "Events": {}}


def at_address(address: str) -> Mapping[str, Any]:
    """Return an endpoint at an address."""
    return {"Endpoint": {"Address": address, "ChannelType": "SMS"}, "Events": {}}


def one_event(endpoint_id: str, event_id: str) -> bytes:
    """Return a call of one event."""
    return json.dumps(batch_item(**{endpoint_id: {event_id: EVENT}})).encode()


@needs_posix
class TestProcesses:
    """The rules hold for all processes that write to a store."""

    @takes_long
    def test_together(self, tmp_path: Path) -> None:
        """No user has more than 15 endpoints; at each address, one is ACTIVE."""
        path = tmp_path / "events.db"
        together = threading.Barrier(PROCESSES)

        def send(server: Served) -> list[Any]:
            results = []
            with connected(server) as client:
                for number in range(ROUNDS):
                    batches = {
                        f"{server.url}-{number}-{part}": of_user(f"user-{number}")
                        for part in range(4)
                    }
                    name = f"{server.url}-{number}"
                    batches[name] = at_address(f"address-{number}")
                    body = json.dumps({"BatchItem": batches}).encode()
                    together.wait(SECONDS)
                    client.sendall(request(body))
                    results += answer(client).json["Results"].values()
            return [each["EndpointItemResponse"] for each in results]

        with ExitStack() as stack, ThreadPoolExecutor(PROCESSES) as pool:
            servers = []
            for _ in range(PROCESSES):  # one after the other, as each opens the store
                running = serving(tmp_path, "--no-auth")
                servers.append(stack.enter_context(running)[0])
            found = [each for part in pool.map(send, servers) for each in part]
        sql = "SELECT count(*) FROM endpoints WHERE user_id <> '' GROUP BY user_id"
        assert rows(path, sql) == [(MAX_ENDPOINTS,)] * ROUNDS
        sql = """
            SELECT sum(endpoint_status = 'ACTIVE'), count(*) FROM endpoints
            WHERE address IS NOT NULL GROUP BY address
        """
        assert rows(path, sql) == [(1, PROCESSES)] * ROUNDS
        assert found.count(TOO_MANY) == ROUNDS  # 16 endpoints are sent for each user
        assert sum(each["StatusCode"] == 202 for each in found) == len(found) - ROUNDS

    @takes_long
    def test_killed(self, tmp_path: Path) -> None:
        """Of a process that is killed, each accepted call is in the store, once."""
        path = tmp_path / "events.db"
        accepted: list[str] = []
        sent: set[str] = set()

        def send(server: Served, name: str) -> None:
            with suppress(OSError, IndexError), connected(server) as client:
                for number in count():
                    event_id = f"{name}-{number}"
                    sent.add(event_id)
                    client.sendall(request(one_event(name, event_id)))
                    if answer(client).status == 202:  # an IndexError if it is cut
                        accepted.append(event_id)

        for life in range(3):
            with (
                serving(tmp_path, "--no-auth") as (server, process),
                ThreadPoolExecutor(CALLS) as pool,
            ):
                known = len(accepted)
                for number in range(CALLS):
                    pool.submit(send, server, f"{life}-{number}")
                while len(accepted) < known + 200:
                    pass
                process.kill()
        found = event_ids(path)
        assert set(accepted) <= set(found) <= sent
        with serving(tmp_path, "--no-auth") as (server, _), connected(server) as client:
            for each in sorted(sent):  # as clients do that got no answer
                name, _, _ = each.rpartition("-")
                client.sendall(request(one_event(name, each)))
                assert answer(client).status == 202
        assert sorted(event_ids(path)) == sorted(sent)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


class TestGroups:
    """Calls that wait for a store share a transaction."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Name a store."""
        return tmp_path / "events.db"

    @pytest.fixture
    def sender(self, path: Path) -> Iterator[SqliteSender]:
        """Open the store."""
        with SqliteSender(path) as sender:
            yield sender

    def sent_together(
        self, sender: SqliteSender, bodies: Sequence[bytes]
    ) -> Sequence[Got]:
        """Send calls that wait for the first of them, and that for the store."""
        app = create_app(sender, credentials=None, workers=CALLS)
        applications: Any = app._applications
        groups = applications._one._groups
        with served(app) as server, ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in bodies]
            with writing(sender.path):
                for number, (client, body) in enumerate(
                    zip(clients, bodies, strict=True)
                ):
                    client.sendall(request(body))
                    while not groups._is_busy or len(groups._waiting) < number:
                        pass
            return [answer(client) for client in clients]

    def test_order(self, sender: SqliteSender, path: Path) -> None:
        """They are stored in the order of their arrival."""
        names = [f"v-{number}" for number in range(CALLS)]
        found = self.sent_together(sender, [one_event("e", name) for name in names])
        assert [each.status for each in found] == [202] * CALLS
        assert event_ids(path) == names

    def test_rules(self, sender: SqliteSender, path: Path) -> None:
        """The rules are applied to each, with what those before it have changed."""
        batches = {f"e-{number}": dict(of_user("u")) for number in range(CALLS)}
        for name, each in batches.items():
            each["Events"] = {f"v-{name}": EVENT}
        bodies = [
            json.dumps({"BatchItem": {name: each}}).encode()
            for name, each in batches.items()
        ]
        found = [each.json["Results"] for each in self.sent_together(sender, bodies)]
        assert found == [
            {
                name: {
                    "EndpointItemResponse": ACCEPTED
                    if number < MAX_ENDPOINTS
                    else TOO_MANY,
                    "EventsItemResponse": {f"v-{name}": ACCEPTED},
                }
            }
            for number, name in enumerate(batches)
        ]
        sql = "SELECT count(*) FROM endpoints WHERE user_id = 'u'"
        assert rows(path, sql) == [(MAX_ENDPOINTS,)]
        assert event_ids(path) == [f"v-{name}" for name in batches]

    def test_rejected_endpoint(self, sender: SqliteSender, path: Path) -> None:
        """Of an endpoint without events that the rules reject, nothing is stored."""
        batches = {f"e-{number}": of_user("u") for number in range(MAX_ENDPOINTS + 1)}
        body = json.dumps({"BatchItem": batches}).encode()
        (got,) = self.sent_together(sender, [body])
        last = got.json["Results"][f"e-{MAX_ENDPOINTS}"]
        assert last["EndpointItemResponse"] == TOO_MANY
        assert rows(path, "SELECT count(*) FROM endpoints") == [(MAX_ENDPOINTS,)]

    def test_unreadable_row(
        self, sender: SqliteSender, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A call for an endpoint that cannot be read fails alone."""
        update = {"BatchItem": {"bad": at_address("a")}}
        bad = json.dumps(update).encode()
        assert self.sent_together(sender, [bad])[0].status == 202
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE endpoint SET json = 'bad'")
        bodies = [one_event("e", f"v-{number}") for number in range(CALLS)]
        bodies[CALLS // 2] = bad
        found = [each.status for each in self.sent_together(sender, bodies)]
        assert [number for number, each in enumerate(found) if each != 202] == [
            CALLS // 2
        ]
        assert found[CALLS // 2] == 500
        assert len(event_ids(path)) == CALLS - 1
        (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        problem = str(vars(record)["pinpoint_events.problem"])
        assert "has something under the endpoint id 'bad'" in problem

    @pytest.mark.parametrize("room", [0, 6])
    @takes_long
    def test_full(self, sender: SqliteSender, path: Path, room: int) -> None:
        """If there is no more room, a call is stored whole and accepted, or neither."""
        with sender._file.transaction() as connection:
            ((pages,),) = connection.execute("PRAGMA page_count")
            limit = f"PRAGMA max_page_count = {pages + room}"
            connection.execute(limit).fetchall()
        event = {**EVENT, "Attributes": {"text": "x" * 200}}
        ids = [[f"{call}-{part}" for part in range(30)] for call in range(CALLS)]
        bodies = [
            json.dumps(batch_item(e=dict.fromkeys(each, event))).encode()
            for each in ids
        ]
        found = [each.status for each in self.sent_together(sender, bodies)]
        assert set(found) == ({202, 503} if room else {503})
        stored = event_ids(path)
        accepted = [
            each
            for part, status in zip(ids, found, strict=True)
            for each in part
            if status == 202
        ]
        assert stored == accepted
        with sender._file.transaction() as connection:
            connection.execute("PRAGMA max_page_count = 1000000").fetchall()
        again = [each.status for each in self.sent_together(sender, bodies)]
        assert again == [202] * CALLS
        assert sorted(event_ids(path)) == sorted(chain(*ids))

    def test_large(self, sender: SqliteSender, path: Path) -> None:
        """One of many endpoints is stored in parts, between others."""
        names = [f"e-{number}" for number in range(250)]
        has_event = {*names[:50], *names[-50:]}
        large = batch_item(
            **{name: {"v": EVENT} if name in has_event else {} for name in names}
        )
        bodies = [one_event("e", "a"), json.dumps(large).encode(), one_event("e", "b")]
        found = self.sent_together(sender, bodies)
        assert [each.status for each in found] == [202] * 3
        assert found[1].json["Results"].keys() == set(names)
        stored = event_ids(path)
        assert stored[0] == "a"
        assert stored.index("b") == 51  # behind the first part
        assert len(stored) == 102


class TestWithoutTransactions:
    """A sender that finds endpoints, but has no transactions, gets one call a time."""

    def test_rules(self) -> None:
        """The rules hold for calls that come at once, also for those of many parts."""
        sender = MemorySender()
        bodies = [
            json.dumps(
                {
                    "BatchItem": {
                        f"{call}-{number}": of_user(f"u-{number}")
                        for number in range(150)
                    }
                }
            ).encode()
            for call in range(CALLS)
        ]
        app = create_app(sender, credentials=None)
        with served(app) as server, ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in bodies]
            for client, body in zip(clients, bodies, strict=True):
                client.sendall(request(body))
            found = [answer(client) for client in clients]
        assert {each.status for each in found} == {202}
        items = [
            each["EndpointItemResponse"]
            for got in found
            for each in got.json["Results"].values()
        ]
        assert items.count(TOO_MANY) == 150 * (CALLS - MAX_ENDPOINTS)
        assert len(sender.endpoints) == 150 * MAX_ENDPOINTS
