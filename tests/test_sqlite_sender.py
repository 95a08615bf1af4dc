import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count as count_from
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.errors import ConfigurationError, StoreError, StoreErrorCode
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    Location,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.senders import SqliteSender
from pinpoint_events.senders._sqlite_schema import SCHEMA
from pinpoint_events.senders._stored_texts import (
    EndpointTexts,
    canonical_text,
    content_number,
)
from pinpoint_events.testing import strategies
from pinpoint_events.wire import from_json, to_json
from pinpoint_events.wire.writing import time_text
from tests.commands import takes_long
from tests.samples import (
    DATA,
    ENDPOINT,
    EVENT,
    NO_QUOTAS,
    NOON,
    REQUEST,
    event,
    request,
)
from tests.sender_contract import in_child, needs_fork
from tests.stores import writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that does not exist yet."""
    return tmp_path / "events.db"


@pytest.fixture
def sender(path: Path) -> Iterator[SqliteSender]:
    """Open a sender into that file."""
    with SqliteSender(path) as sender:
        yield sender


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSender]:
    """Open a sender for many examples of one property."""
    path = tmp_path_factory.mktemp("common") / "events.db"
    with SqliteSender(path, quotas=NO_QUOTAS) as sender:
        yield sender


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows that another program gets."""
    with closing(sqlite3.connect(path)) as store:
        return store.execute(sql).fetchall()


def one(path: Path, view: str) -> dict[str, Any]:
    """Return the only row of a view, by the names of its columns."""
    with closing(sqlite3.connect(path)) as store:
        cursor = store.execute(f"SELECT * FROM {view}")
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
    return dict(zip(names, row, strict=True))


def update(endpoint: Endpoint, endpoint_id: str = "e") -> EventsRequest:
    """Return a request that updates an endpoint, and has no events."""
    batch = EventsBatch(endpoint=endpoint, events={})
    return EventsRequest(batch_item={endpoint_id: batch})


def count(path: Path) -> int:
    """Return how many events are in the file, which is not damaged."""
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    ((number,),) = rows(path, "SELECT count(*) FROM events")
    return int(number)


def failure(act: Callable[[], object]) -> StoreError:
    """Return the error that the call raises."""
    with pytest.raises(StoreError) as caught:
        act()
    return caught.value


class TestViews:
    """The two views are the documented interface to the file."""

    @pytest.mark.parametrize("view", ["endpoints", "events"])
    def test_are_documented(self, view: str, sender: SqliteSender) -> None:
        """The docstring of the class names their columns, in their order."""
        docstring = " ".join((SqliteSender.__doc__ or "").split())
        (listed,) = re.findall(rf"- `{view}`: ([^.]*)\.", docstring)
        documented = re.sub(r" \([^)]*\)", "", listed).split(", ")
        info = f"SELECT name FROM pragma_table_info('{view}')"
        assert documented == [name for (name,) in rows(sender.path, info)]


class TestEvents:
    """The view `events` has all members of an event."""

    def test_whole(self, sender: SqliteSender, path: Path) -> None:
        """Each member has its own column."""
        before = time_text(datetime.now(UTC))
        sender.put_events(REQUEST)
        row = one(path, "events")
        assert before <= row.pop("received_at") <= time_text(datetime.now(UTC))
        assert row == {
            "application_id": "local",
            "endpoint_id": "e-1",
            "event_id": "v-1",
            "event_type": "catalog.item_viewed",
            "timestamp": "2026-09-21T12:00:00.123Z",
            "attributes": '{"item":"sku-17","note":""}',
            "metrics": '{"price":12.5,"position":3}',
            "session_id": "c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77",
            "session_start_timestamp": "2026-09-21T11:59:40.115Z",
            "session_stop_timestamp": "2026-09-21T12:00:00.123Z",
            "session_duration": 20_008,
            "client_sdk_version": "0.1.0",
            "app_package_name": "com.example.shop",
            "app_title": "Shop",
            "app_version_code": "420",
            "sdk_name": "example-sender",
            "sequence": 1,
            "json": to_json(EVENT).decode(),
        }

    def test_least(self, sender: SqliteSender, path: Path) -> None:
        """A member that is not given is NULL, or an empty object."""
        sender.put_events(request(e={"v": event()}))
        row = one(path, "events")
        given = {name: value for name, value in row.items() if value is not None}
        del given["received_at"]
        assert given == {
            "application_id": "local",
            "endpoint_id": "e",
            "event_id": "v",
            "event_type": "tapped",
            "timestamp": "2026-09-21T12:00:00.123Z",
            "attributes": "{}",
            "metrics": "{}",
            "sequence": 1,
            "json": '{"EventType":"tapped","Timestamp":"2026-09-21T12:00:00.123Z"}',
        }

    @pytest.mark.parametrize("cls, prefix", [(Event, ""), (Session, "session_")])
    def test_columns(self, cls: type[Any], prefix: str, sender: SqliteSender) -> None:
        """Each member of the model has a column."""
        columns = rows(sender.path, "SELECT name FROM pragma_table_info('events')")
        names = {prefix + field.name for field in attrs.fields(cls)} - {"session"}
        assert names <= {name for (name,) in columns}

    def test_numbers(self, sender: SqliteSender, path: Path) -> None:
        """Whole numbers stay whole, and the largest are exact."""
        metrics = {"whole": 2**53, "part": 0.1, "whole float": 2.0}
        sender.put_events(request(e={"v": event(metrics=metrics)}))
        sql = "SELECT key, value, type FROM events, json_each(events.metrics)"
        assert rows(path, sql) == [
            ("whole", 2**53, "integer"),
            ("part", 0.1, "real"),
            ("whole float", 2.0, "real"),
        ]

    def test_query(self, sender: SqliteSender, path: Path) -> None:
        """Attributes are found by SQLite's JSON functions, in any language."""
        found = event(attributes={"Wörter": 'ein "Zitat"'})
        sender.put_events(request(e={"yes": found, "no": event()}))
        sql = """
            SELECT event_id FROM events
            WHERE json_extract(attributes, '$.Wörter') = 'ein "Zitat"'
        """
        assert rows(path, sql) == [("yes",)]

    @pytest.mark.parametrize("name", ["büro", 'it\'s "quoted"', "a\0b", " ", "x" * 999])
    def test_ids(self, name: str, path: Path) -> None:
        """Any text is an id."""
        with SqliteSender(path, application_id=name) as sender:
            sender.put_events(
                EventsRequest(
                    batch_item={
                        name: EventsBatch(endpoint=ENDPOINT, events={name: EVENT})
                    }
                )
            )
        row = one(path, "events")
        assert (row["application_id"], row["endpoint_id"], row["event_id"]) == (
            name,
        ) * 3

    def test_order(self, sender: SqliteSender, path: Path) -> None:
        """`sequence` is the order of arrival, also within a request."""
        sender.put_events(request(b={"2": event(), "1": event()}, a={"3": event()}))
        sender.put_events(request(b={"0": event()}))
        sql = "SELECT endpoint_id, event_id FROM events ORDER BY sequence"
        assert rows(path, sql) == [("b", "2"), ("b", "1"), ("a", "3"), ("b", "0")]


class TestOnce:
    """An event with the same ids and content is stored once; with another, twice."""

    def test_equal_content(self, sender: SqliteSender, path: Path) -> None:
        """A repeat is accepted and not stored, in whatever order its keys are."""
        metrics = {"a": 1, "b": 2.5}
        sender.put_events(request(e={"v": event(metrics=metrics)}))
        first = one(path, "events")
        again = request(e={"v": event(metrics={"b": 2.5, "a": 1.0})})
        for _ in range(2):
            sender.put_events(again).raise_for_failures(again)
        assert one(path, "events") == first

    def test_other_content(self, sender: SqliteSender, path: Path) -> None:
        """Callers that use one id for ever lose nothing, and repeats stay repeats."""
        kinds = ("opened", "closed", "bought")
        for kind in (*kinds, *kinds):
            sent = request(e={"MyEvents": event(kind)})
            sender.put_events(sent).raise_for_failures(sent)
        sql = "SELECT event_id, event_type, sequence FROM events ORDER BY sequence"
        found = rows(path, sql)
        assert [row[:2] for row in found] == [("MyEvents", kind) for kind in kinds]
        assert len({sequence for *_, sequence in found}) == 3

    @pytest.mark.parametrize("is_known", [True, False])
    def test_contents_with_the_same_number(
        self, sender: SqliteSender, path: Path, *, is_known: bool
    ) -> None:
        """Two contents are compared themselves, not the numbers made from them."""
        sender.put_events(request(e={"v": event("first")}))
        other = request(e={"v": event("other")})
        sender.put_events(other)
        stored = "other" if is_known else "planted"
        with closing(sqlite3.connect(path)) as store, store:
            store.execute(
                "UPDATE event SET json = replace(json, 'other', ?) WHERE variant > 0",
                (stored,),
            )
        sender.put_events(other)
        found = rows(path, "SELECT event_type FROM events ORDER BY sequence")
        kinds = ["first", stored, *([] if is_known else ["other"])]
        assert [kind for (kind,) in found] == kinds

    @given(one=strategies.events(), other=strategies.events())
    def test_content_is_that_of_equal_events(self, one: Event, other: Event) -> None:
        """Texts mean the same just if the events are equal."""
        backwards = attrs.evolve(
            one,
            attributes=dict(reversed(list(one.attributes.items()))),
            metrics={
                key: float(value) for key, value in reversed(list(one.metrics.items()))
            },
        )
        assert one == backwards
        content, same, others = (
            canonical_text(to_json(each).decode()) for each in (one, backwards, other)
        )
        assert content == same
        assert (content == others) is (one == other)
        assert content_number(content) == content_number(same) > 0

    def test_among_new_events(self, sender: SqliteSender, path: Path) -> None:
        """The new events of a request are stored, whichever are copies."""
        sender.put_events(request(e={"2": event()}))
        sender.put_events(request(e={"1": event(), "2": event(), "3": event()}))
        found = rows(path, "SELECT event_id FROM events ORDER BY sequence")
        assert found == [("2",), ("1",), ("3",)]

    def test_of_other_endpoints(self, sender: SqliteSender, path: Path) -> None:
        """The same id under another endpoint is another event."""
        sender.put_events(request(a={"v": event()}, b={"v": event()}))
        assert count(path) == 2

    def test_of_other_applications(self, sender: SqliteSender, path: Path) -> None:
        """One file can hold several applications, each with its own data."""
        sender.put_events(REQUEST)
        with SqliteSender(path, application_id="other") as other:
            other.put_events(REQUEST)
        sql = "SELECT application_id, event_id FROM events ORDER BY 1"
        assert rows(path, sql) == [("local", "v-1"), ("other", "v-1")]
        sql = "SELECT application_id, endpoint_id FROM endpoints ORDER BY 1"
        assert rows(path, sql) == [("local", "e-1"), ("other", "e-1")]


class TestEndpoints:
    """The view `endpoints` has all members of an endpoint."""

    def test_whole(self, sender: SqliteSender, path: Path) -> None:
        """Each member has its own column."""
        before = time_text(datetime.now(UTC))
        sender.put_events(REQUEST)
        row = one(path, "endpoints")
        created_at = row.pop("created_at")
        assert before <= created_at <= time_text(datetime.now(UTC))
        assert row.pop("updated_at") == created_at
        assert row == {
            "application_id": "local",
            "endpoint_id": "e-1",
            "channel_type": "EMAIL",
            "address": "someone@example.com",
            "endpoint_status": "ACTIVE",
            "opt_out": "NONE",
            "effective_date": "2026-09-21T12:00:00.123Z",
            "request_id": "2d7c1f2e-1111-4222-8333-444455556666",
            "attributes": '{"interests":["tools","bücher"]}',
            "metrics": '{"visits":4,"spent":99.5}',
            "user_id": "u-1",
            "user_attributes": '{"tier":["gold"],"teams":[]}',
            "app_version": "4.2.0",
            "locale": "de_DE",
            "make": "Acme",
            "model": "A1",
            "model_version": "A1-2026",
            "platform": "ANDROID",
            "platform_version": "15",
            "timezone": "Europe/Berlin",
            "city": "Bonn",
            "country": "DE",
            "latitude": 50.7,
            "longitude": 7.1,
            "postal_code": "53111",
            "region": "Nordrhein-Westfalen",
            "json": to_json(ENDPOINT).decode(),
        }

    def test_least(self, sender: SqliteSender, path: Path) -> None:
        """An endpoint that has only events has a row, too."""
        sender.put_events(request(e={"v": event()}))
        row = one(path, "endpoints")
        given = {name: value for name, value in row.items() if value is not None}
        del given["created_at"], given["updated_at"]
        assert given == {
            "application_id": "local",
            "endpoint_id": "e",
            "attributes": "{}",
            "metrics": "{}",
            "user_attributes": "{}",
            "json": "{}",
        }

    @pytest.mark.parametrize("cls", [Endpoint, Demographic, Location, User])
    def test_columns(self, cls: type[Any], sender: SqliteSender) -> None:
        """Each member of the model has a column."""
        columns = rows(sender.path, "SELECT name FROM pragma_table_info('endpoints')")
        parts = {"demographic", "location", "user"}
        names = {field.name for field in attrs.fields(cls)} - parts
        assert names <= {name for (name,) in columns}

    def test_merged(self, sender: SqliteSender, path: Path) -> None:
        """Members that an update leaves out keep their value."""
        sender.put_events(REQUEST)
        changes = Endpoint(
            channel_type=ChannelType.PUSH,
            attributes={"interests": ["cars"]},
            location=Location(city="Köln"),
        )
        sender.put_events(update(changes, "e-1"))
        stored = from_json(Endpoint, one(path, "endpoints")["json"])
        assert stored == merged(ENDPOINT, changes)

    def test_unchanged(self, sender: SqliteSender, path: Path) -> None:
        """An update that changes nothing leaves the row as it is, with its times."""
        sender.put_events(REQUEST)
        before = one(path, "endpoints")
        for changes in (Endpoint(), ENDPOINT, Endpoint(location=Location(city="Bonn"))):
            sender.put_events(update(changes, "e-1"))
            assert one(path, "endpoints") == before

    def test_updated_at(self, sender: SqliteSender, path: Path) -> None:
        """It is the time of the last change; `created_at` stays."""
        sender.put_events(update(Endpoint(request_id="0")))
        before = one(path, "endpoints")
        attempts = 0
        while one(path, "endpoints")["updated_at"] == before["updated_at"]:
            attempts += 1
            sender.put_events(update(Endpoint(request_id=f"{attempts}")))
        after = one(path, "endpoints")
        assert after["created_at"] == before["created_at"] < after["updated_at"]

    @given(updates=st.lists(strategies.endpoints(), max_size=2))
    def test_any_updates(self, common: SqliteSender, updates: list[Endpoint]) -> None:
        """The stored endpoint is all updates merged, one after the other."""
        name = f"e-{next(NUMBERS)}"
        expected = Endpoint()
        for changes in (expected, *updates):
            expected = merged(expected, changes)
            common.put_events(update(changes, name))
        sql = f"SELECT json FROM endpoints WHERE endpoint_id = '{name}'"
        ((stored,),) = rows(common.path, sql)
        assert from_json(Endpoint, stored) == expected

    def test_nul_characters(self, sender: SqliteSender, path: Path) -> None:
        """Ids, addresses and user ids are compared whole, also behind a NUL."""
        endpoints = {
            "e": Endpoint(address="a", channel_type="EMAIL", opt_out="ALL"),
            "e\0": Endpoint(
                address="a\0b",
                channel_type="EMAIL",
                opt_out="NONE",
                user=User(user_id="u\0"),
            ),
        }
        for name, endpoint in endpoints.items():
            sender.put_events(update(endpoint, name))
        sender.put_events(update(Endpoint(request_id="r"), "e\0"))
        found = sender.find_endpoints(ids=["e\0"])
        assert found == {"e\0": attrs.evolve(endpoints["e\0"], request_id="r")}
        assert sender.find_endpoints(addresses=["a\0b"]) == found
        assert sender.find_endpoints(user_ids=["u\0"]) == found
        assert sender.find_endpoints(user_ids=["u"]) == {}
        assert list(sender.find_endpoints(addresses=["a"])) == ["e"]
        sql = "SELECT address, user_id FROM endpoints ORDER BY created_at"
        assert rows(path, sql) == [("a", None), ("a\0b", "u\0")]

    @pytest.mark.parametrize("count", [1, 7, 8, 9, 512, 513, 2000])
    def test_lists_of_any_length(self, sender: SqliteSender, count: int) -> None:
        """All of a list are looked for, and each is found once, the oldest first."""
        for name in ("z", "a"):
            sender.put_events(
                update(Endpoint(address=name, channel_type="EMAIL"), name)
            )
        names = [f"e-{number}" for number in range(count - 1)]
        found = sender.find_endpoints(ids=[*names, "a"], addresses=["a", "z", *names])
        assert list(found) == ["z", "a"]


NUMBERS = count_from()


class TestFile:
    """The file is an ordinary one, at the given path."""

    def test_is_created_at_once(self, sender: SqliteSender, path: Path) -> None:
        """It has its views before anything is sent."""
        assert count(path) == 0
        assert rows(path, "SELECT count(*) FROM endpoints") == [(0,)]

    def test_is_opened_again(self, path: Path) -> None:
        """Another sender adds to what the last one stored."""
        for name in ("first", "second"):
            with SqliteSender(path) as sender:
                sender.put_events(request(e={name: event()}))
        assert count(path) == 2

    def test_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A path is text or a path object; a relative one is resolved at once."""
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        for name in ("a.db", Path("b.db")):
            with SqliteSender(name) as sender:
                assert sender.path == tmp_path / name
        with SqliteSender("c.db") as sender:
            monkeypatch.chdir(tmp_path / "elsewhere")
            assert in_child_or_here(lambda: sender.put_events(REQUEST))
        assert count(tmp_path / "c.db") == 1
        assert list(Path().iterdir()) == []

    @pytest.mark.parametrize("wrong", ["", ":memory:", "memory:", "Memory:"])
    def test_no_file(self, wrong: str) -> None:
        """A path that SQLite would not take for a file is refused."""
        with pytest.raises(ConfigurationError) as caught:
            SqliteSender(wrong)
        assert str(caught.value) == (
            f"{wrong!r} names no file; pass a path, or use MemorySender for tests"
        )

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite:///x.db",
            "SQLite:x.db",
            "pinpoint://a",
            "firehose://x",
            "file:///x.db",
            "file:x.db?mode=ro",
        ],
    )
    def test_url(self, url: str) -> None:
        """A URL is not taken for a path."""
        with pytest.raises(ConfigurationError) as caught:
            SqliteSender(url)
        assert str(caught.value) == (
            "path is a URL; pass a path, or pass the URL to open_sender()"
        )

    @pytest.mark.parametrize("wrong", ["planted\0", "planted\ud800"])
    def test_character_that_no_path_has(self, wrong: str) -> None:
        """It is refused, and not shown: it may be data."""
        with pytest.raises(ConfigurationError) as caught:
            SqliteSender(wrong)
        assert caught.value.__cause__ is None
        assert str(caught.value) == (
            "path has a character that no path can have; pass another path"
        )

    @pytest.mark.parametrize(
        "wrong", ['{"Address": "planted/x"}', "planted\n/x", "no/<planted>"]
    )
    def test_data_in_place_of_a_path(self, wrong: str) -> None:
        """What does not look like a path is not shown."""
        with pytest.raises(StoreError) as caught:
            SqliteSender(wrong)
        assert str(caught.value).startswith(
            "the store at a path that is not shown cannot be opened"
        )

    def test_no_path(self) -> None:
        """Another type is refused as any wrong setting is."""
        with pytest.raises(ConfigurationError, match="path is of type int; pass a"):
            SqliteSender(7)  # type: ignore[arg-type] # the fact under test

    @pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 86_401])
    def test_timeout(self, seconds: float, path: Path) -> None:
        """An invalid timeout is refused, and no file is created."""
        with pytest.raises(ConfigurationError) as caught:
            SqliteSender(path, timeout_seconds=seconds)
        message = f"timeout_seconds is {seconds}; pass 0 to 86400"
        assert str(caught.value) == message
        assert not path.exists()

    @pytest.mark.parametrize("seconds", ["5", None, True])
    def test_timeout_of_another_type(self, seconds: Any, path: Path) -> None:
        """No number is refused as a wrong number is."""
        with pytest.raises(ConfigurationError) as caught:
            SqliteSender(path, timeout_seconds=seconds)
        kind = type(seconds).__name__
        message = f"timeout_seconds is of type {kind}; pass a number"
        assert str(caught.value) == message
        assert not path.exists()

    def test_repr(self, sender: SqliteSender, path: Path) -> None:
        """It shows path and application."""
        assert repr(sender) == f"SqliteSender({str(path)!r}, application_id='local')"


def in_child_or_here(act: Callable[[], object]) -> bool:
    """Call it in the child of a fork, or here where the system has no fork."""
    if hasattr(os, "fork"):
        return in_child(act)
    act()
    return True


class TestStoreError:
    """A file that cannot be used is a `StoreError` with a code."""

    def test_when_opened(self, tmp_path: Path) -> None:
        """The constructor raises it, and leaves nothing behind."""
        path = tmp_path / "none" / "events.db"
        error = failure(lambda: SqliteSender(path))
        assert (error.code, error.is_retry_safe) == (StoreErrorCode.CANNOT_OPEN, False)
        assert list(tmp_path.iterdir()) == []

    def test_when_sent(self, path: Path) -> None:
        """So does `put_events`; the same request can be sent again."""
        with SqliteSender(path, timeout_seconds=0.01) as sender:
            with writing(path):
                error = failure(lambda: sender.put_events(REQUEST))
            assert (error.code, error.is_retry_safe) == (StoreErrorCode.LOCKED, True)
            assert count(path) == 0
            sender.put_events(REQUEST)
        assert count(path) == 1

    def test_reading_does_not_wait(self, path: Path) -> None:
        """Endpoints are found while another program writes."""
        with SqliteSender(path, timeout_seconds=0) as sender:
            sender.put_events(REQUEST)
            with writing(path):
                found = sender.find_endpoints(ids=list(REQUEST.batch_item))
            assert list(found) == list(REQUEST.batch_item)

    def test_application_id(self, path: Path) -> None:
        """The file identifies itself, to the program `file` for one."""
        SqliteSender(path).close()
        assert path.read_bytes()[68:72] == b"PptE"


class TestNothingHalfWritten:
    """A request is stored whole or not at all."""

    LARGE = EventsRequest(
        batch_item={
            "e-1": EventsBatch(
                endpoint=Endpoint(request_id="new"),
                events={
                    f"large-{n}": event(
                        attributes={f"text-{key}": "x" * 200 for key in range(15)}
                    )
                    for n in range(100)
                },
            )
        }
    )

    def test_full(self, sender: SqliteSender, path: Path) -> None:
        """A store that cannot grow keeps what it has, and works again once it can."""
        sender.put_events(REQUEST)
        before = one(path, "endpoints")
        with sender._file.transaction() as connection:
            ((pages,),) = connection.execute("PRAGMA page_count")
        limit(sender, pages + 10)
        error = failure(lambda: sender.put_events(self.LARGE))
        assert (error.code, error.is_retry_safe) == (StoreErrorCode.FULL, True)
        assert one(path, "endpoints") == before
        assert count(path) == 1
        limit(sender, 1_000_000)
        sender.put_events(self.LARGE).raise_for_failures(self.LARGE)
        assert count(path) == 101

    def test_endpoint_that_cannot_be_read(
        self, sender: SqliteSender, path: Path
    ) -> None:
        """A row with foreign content is reported by its id, without the content."""
        sender.put_events(request(e={"v": event()}))
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("""UPDATE endpoint SET json = '{"Planted":"secret"}'""")
        wrong = EventsRequest(
            batch_item={
                "new": REQUEST.batch_item["e-1"],
                "e": REQUEST.batch_item["e-1"],
            }
        )
        error = failure(lambda: sender.put_events(wrong))
        assert error.code is StoreErrorCode.UNREADABLE_ROW
        assert error.message == (
            f"the store {str(path)!r} has something under the endpoint id 'e' that "
            "this release of pinpoint_events cannot read; use the release that wrote "
            "it, or delete the row"
        )
        assert error.__suppress_context__
        assert count(path) == 1
        # The row is read only where an update must be merged into it.
        sender.put_events(request(e={"w": event()}))
        assert count(path) == 2


def limit(sender: SqliteSender, pages: int) -> None:
    """Limit the file to so many pages, as SQLite's own tests do."""
    with sender._file.transaction() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


# Sends requests of ten events once a line arrives; prints the number of each.
WRITER = """
import sys
from pinpoint_events import BatchBuilder, Endpoint, Event, SqliteSender

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with SqliteSender(path, timeout_seconds=60) as sender:
    for number in range(count):
        builder = BatchBuilder()
        builder.endpoint("shared", Endpoint(metrics={f"{name}-{number}": number}))
        for place in range(9):
            builder.event(Event("tapped"), event_id=f"{name}-{number}-{place}")
        builder.event(
            Event("same", timestamp="2026-09-21T12:00:00Z"),
            event_id=f"the same in all {number}",
        )
        request = builder.build()
        sender.put_events(request).raise_for_failures(request)
        print(number, flush=True)
"""


def writer(path: Path, name: str, requests: int) -> subprocess.Popen[str]:
    """Start a process that writes once it receives a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(requests)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen[str]) -> None:
    """Send the line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


class TestProcesses:
    """Any number of processes write one file at the same time."""

    def test_at_the_same_time(self, path: Path) -> None:
        """They create the file together, and nothing is lost."""
        writers = [writer(path, name, 20) for name in "abc"]
        for each in writers:
            start(each)
        for each in writers:
            each.communicate()
        assert [each.returncode for each in writers] == [0, 0, 0]
        # Nine events of each request are its own, and one is the same in all.
        assert count(path) == 3 * 20 * 9 + 20
        stored = from_json(Endpoint, one(path, "endpoints")["json"])
        assert stored.metrics == {
            f"{name}-{number}": number for name in "abc" for number in range(20)
        }

    def test_killed(self, path: Path) -> None:
        """After a kill, answered requests are stored, and none in part."""
        process = writer(path, "a", 1_000_000)
        with process:
            start(process)
            assert process.stdout is not None
            answered = [int(process.stdout.readline()) for _ in range(40)]
            process.kill()
            answered += [int(line) for line in process.stdout]
        assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
        found = count(path)
        assert found % 10 == 0
        assert 0 <= found // 10 - len(answered) <= 1
        sql = (
            "SELECT DISTINCT substr(event_id, 3, instr(substr(event_id, 3), '-') - 1) "
        )
        numbers = rows(path, sql + "FROM events WHERE event_type = 'tapped'")
        assert set(answered) <= {int(number) for (number,) in numbers}
        stored = from_json(Endpoint, one(path, "endpoints")["json"])
        assert len(stored.metrics) == found // 10
        with SqliteSender(path) as sender:
            sender.put_events(REQUEST)
        assert count(path) == found + 1


class TestMigration:
    """A store of the format before is taken over, whole or not at all."""

    @pytest.fixture
    def older(self, path: Path) -> Path:
        """Make a store of format 1."""
        with closing(sqlite3.connect(path)) as store:
            store.executescript((DATA / "store-version-1.sql").read_text())
            store.execute("CREATE VIEW own AS SELECT event_id FROM events")
            store.commit()
        return path

    def test_keeps_everything(self, older: Path) -> None:
        """Both views show what they did, and views of the user's own still work."""
        before = {
            view: rows(older, f"SELECT * FROM {view}") for view in ("events", "own")
        }
        with SqliteSender(older) as sender:
            assert sender.find_endpoints(addresses=["a\0b"]).keys() == {"e-1"}
            assert sender.find_endpoints(addresses=["a"]).keys() == {"e-2"}
            assert sender.find_endpoints(user_ids=["u\0"]).keys() == {"e-2"}
            for view, found in before.items():
                assert rows(older, f"SELECT * FROM {view}") == found
            sql = "SELECT application_id, endpoint_id, address, user_id FROM endpoints"
            assert sorted(rows(older, sql)) == [
                ("local", "e-1", "a\0b", "u-1"),
                ("local", "e-2", "a", "u\0"),
                ("other", "e-1", None, None),
            ]
        assert rows(older, "PRAGMA user_version") == [(3,)]
        assert rows(older, "PRAGMA integrity_check") == [("ok",)]
        assert rows(older, "PRAGMA foreign_key_check") == []

    def test_has_the_schema_of_a_new_store(
        self, older: Path, tmp_path: Path, path: Path
    ) -> None:
        """Afterwards it is as one that this release has made."""
        new = tmp_path / "new.db"
        for each in (older, new):
            SqliteSender(each).close()
        sql = "SELECT type, name FROM sqlite_master WHERE name <> 'own' ORDER BY name"
        assert rows(older, sql) == rows(new, sql)
        for table in ("event", "endpoint"):
            sql = f"SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')"
            assert rows(older, sql) == rows(new, sql)

    def test_keeps_objects_of_the_user(self, older: Path) -> None:
        """Indexes and triggers are as they were, and no trigger saw the migration."""
        with closing(sqlite3.connect(older)) as store:
            store.executescript("""
                CREATE INDEX "my ""index" ON event (received_at);
                CREATE UNIQUE INDEX mine ON Event (endpoint, event_id) WHERE id < 0;
                CREATE INDEX of_endpoint ON endpoint (created_at);
                CREATE TABLE event_1 (what TEXT);
                CREATE TABLE Event_1_ (what TEXT);
                CREATE TRIGGER arrived AFTER INSERT ON event
                BEGIN INSERT INTO event_1 VALUES (new.event_id); END;
                CREATE TRIGGER changed AFTER UPDATE ON endpoint
                BEGIN INSERT INTO event_1 VALUES (new.endpoint_id); END;
                CREATE TRIGGER deleted INSTEAD OF DELETE ON events
                BEGIN DELETE FROM event WHERE id = old.sequence; END;
            """)
        sql = """
            SELECT type, name, sql FROM sqlite_master
            WHERE type = 'trigger' OR tbl_name LIKE 'event_1%'
            OR name IN ('my "index', 'mine', 'of_endpoint') ORDER BY name
        """
        before = rows(older, sql)
        assert len(before) == 8
        with SqliteSender(older) as sender:
            assert rows(older, sql) == before
            assert rows(older, "SELECT * FROM event_1") == []
            sender.put_events(request(**{"e-1": {"v-new": event()}}))
        assert ("v-new",) in rows(older, "SELECT * FROM event_1")

    def test_object_that_cannot_be_made_again(self, older: Path) -> None:
        """Then nothing is migrated, and nothing is lost."""
        with closing(sqlite3.connect(older)) as store:
            store.create_function("own", 1, str, deterministic=True)
            store.execute("CREATE INDEX mine ON event (own(event_id))")
            store.commit()
        sql = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        before = rows(older, sql), rows(older, "SELECT * FROM events")
        with pytest.raises(StoreError) as caught:
            SqliteSender(older)
        assert "no such function: own" in str(caught.value.__cause__)
        assert (rows(older, sql), rows(older, "SELECT * FROM events")) == before
        assert rows(older, "PRAGMA user_version") == [(1,)]

    @pytest.mark.parametrize(
        "gone",
        [
            "VIEW events",
            "VIEW endpoints",
            "INDEX endpoint_address",
            "INDEX endpoint_user",
        ],
    )
    def test_without_an_object_that_the_user_dropped(
        self, gone: str, older: Path
    ) -> None:
        """It is there again."""
        with closing(sqlite3.connect(older)) as store:
            store.execute(f"DROP {gone}")
            store.commit()
        SqliteSender(older).close()
        kind, name = gone.lower().split()
        sql = f"SELECT type FROM sqlite_master WHERE name = '{name}'"
        assert rows(older, sql) == [(kind,)]

    def test_goes_on(self, older: Path) -> None:
        """
        Repeats of older events are known; the same ids with other content are new.

        The sequence goes on behind that of the older events.
        """
        old = Event(
            "tapped", timestamp="2026-11-01T00:00:00Z", metrics={"a": 1, "b": 2}
        )
        with SqliteSender(older) as sender:
            sender.put_events(request(**{"e-1": {"v-1": old}}))
            sender.put_events(request(**{"e-1": {"v-1": event("other")}}))
        sql = (
            "SELECT event_type, sequence FROM events WHERE endpoint_id = 'e-1' "
            "AND application_id = 'local' ORDER BY sequence"
        )
        assert rows(older, sql) == [("tapped", 1), ("closed", 5), ("other", 6)]

    @takes_long
    def test_killed_in_the_middle(self, older: Path) -> None:
        """A process that dies leaves the older format, and the next one migrates it."""
        with closing(sqlite3.connect(older)) as store, store:
            store.execute("""
                INSERT INTO event (endpoint, event_id, json, received_at)
                WITH RECURSIVE number (n) AS (
                    SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 80000
                )
                SELECT 1, 'n-' || n, json_object('EventType', 'e', 'Attributes',
                json_object('text', hex(zeroblob(50)))), '' FROM number
            """)
        before = rows(older, "SELECT * FROM events ORDER BY sequence")
        log = older.with_name(f"{older.name}-wal")
        source = "import sys; from pinpoint_events import SqliteSender\n"
        source += "SqliteSender(sys.argv[1])"
        with closing(sqlite3.connect(older)) as reader:
            # While there is a reader, the log stays, and so the process has one.
            reader.execute("SELECT 1 FROM event").fetchone()
            size = log.stat().st_size
            with subprocess.Popen([sys.executable, "-c", source, older]) as process:
                while log.stat().st_size < size + 1_000_000:
                    assert process.poll() is None
                process.kill()
        assert rows(older, "PRAGMA user_version") == [(1,)]
        assert rows(older, "SELECT * FROM events ORDER BY sequence") == before
        with SqliteSender(older):
            assert rows(older, "SELECT * FROM events ORDER BY sequence") == before
        assert rows(older, "PRAGMA user_version") == [(3,)]


class TestMigrationOfViews:
    """A store whose views cut texts at a NUL gets those that do not."""

    @pytest.fixture
    def older(self, path: Path) -> Path:
        """Make a store of format 2."""
        with closing(sqlite3.connect(path)) as store:
            store.executescript((DATA / "store-version-2.sql").read_text())
            store.executescript("""
                CREATE VIEW own AS SELECT event_type FROM events;
                CREATE TRIGGER deleted INSTEAD OF DELETE ON events
                BEGIN DELETE FROM event WHERE id = old.sequence; END;
            """)
        return path

    def test_shows_texts_whole(self, older: Path) -> None:
        """The rows are as they were."""
        sql = "SELECT json FROM events UNION ALL SELECT json FROM endpoints"
        before = rows(older, sql)
        SqliteSender(older).close()
        assert rows(older, sql) == before
        found = "SELECT event_type, session_id, app_title FROM events"
        assert rows(older, found) == [
            ("tapped\0twice", "s\0t", "\\u0000 \uffff0 \uffff1"),
            ("tapped", None, None),
        ]
        assert rows(older, "SELECT address, make, user_id FROM endpoints") == [
            ("a\0b", "m\0n", "u\0")
        ]
        assert rows(older, "PRAGMA user_version") == [(3,)]

    def test_keeps_objects_of_the_user(self, older: Path) -> None:
        """Views that use ours, and triggers on ours."""
        sql = "SELECT name, sql FROM sqlite_master WHERE name IN ('own', 'deleted')"
        before = rows(older, sql)
        SqliteSender(older).close()
        assert sorted(rows(older, sql)) == sorted(before)
        with closing(sqlite3.connect(older)) as store, store:
            store.execute("DELETE FROM events WHERE event_id = 'v-2'")
        assert rows(older, "SELECT * FROM own") == [("tapped\0twice",)]

    @pytest.mark.parametrize("view", ["events", "endpoints"])
    def test_without_a_view(self, view: str, older: Path) -> None:
        """A view that the user dropped is there again."""
        with closing(sqlite3.connect(older)) as store:
            store.execute(f"DROP VIEW {view}")
        SqliteSender(older).close()
        assert rows(older, f"SELECT count(*) > 0 FROM {view}") == [(1,)]


TEXTS = st.text(st.sampled_from('\0\1\\"u0000\uffff1\n'), min_size=1) | st.text(
    min_size=1
)


class TestWholeTexts:
    """The views show every text as it was sent."""

    @given(TEXTS, TEXTS, TEXTS)
    def test_any(self, first: str, second: str, third: str) -> None:
        """Whatever characters it has."""
        session = Session(id=second, start_timestamp=NOON)
        event_text = to_json(Event(first, session=session, app_title=third))
        endpoint = Endpoint(
            demographic=Demographic(make=first), location=Location(city=second)
        )
        texts = to_json(endpoint).decode(), event_text.decode()
        with closing(sqlite3.connect(":memory:")) as store:
            for statement in SCHEMA.statements:
                store.execute(statement)
            sql = "INSERT INTO endpoint VALUES (1, 'app', 'e', ?, '', '', NULL, NULL)"
            store.execute(sql, texts[:1])
            store.execute("INSERT INTO event VALUES (1, 1, 'v', 0, ?, '')", texts[1:])
            found = store.execute(
                "SELECT event_type, session_id, app_title FROM events"
            )
            assert found.fetchall() == [(first, second, third)]
            found = store.execute("SELECT make, city, region FROM endpoints")
            assert found.fetchall() == [(first, second, None)]


class TestExclusive:
    """Reads and writes of a thread can be one transaction."""

    def test_read_and_write(self, path: Path) -> None:
        """What was found does not change; all requests are stored at the end."""
        with (
            SqliteSender(path, timeout_seconds=0.01) as sender,
            SqliteSender(path, timeout_seconds=0.01) as other,
        ):
            with sender.exclusive():
                assert sender.find_endpoints(ids=["e"]) == {}
                assert (
                    failure(lambda: other.put_events(update(ENDPOINT))).code
                    is StoreErrorCode.LOCKED
                )
                sender.put_events(update(ENDPOINT))
                assert sender.find_endpoints(ids=["e"]) == {"e": ENDPOINT}
                sender.check_ready()
                sender.put_events(request(e={"v": event()}))
                assert other.find_endpoints(ids=["e"]) == {}
                assert count(path) == 0
            assert other.find_endpoints(ids=["e"]) == {"e": ENDPOINT}
        assert count(path) == 1

    def test_request_that_fails(self, sender: SqliteSender, path: Path) -> None:
        """It undoes the others, even if its error is caught."""
        sender.put_events(update(ENDPOINT, "bad"))
        with closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE endpoint SET json = 'bad'")

        def put() -> None:
            with sender.exclusive():
                sender.put_events(request(e={"v": event()}))
                failure(lambda: sender.put_events(update(ENDPOINT, "bad")))

        assert failure(put).code is StoreErrorCode.UNREADABLE_ROW
        assert count(path) == 0
        sender.put_events(request(e={"v": event()}))
        assert count(path) == 1

    def test_closed(self, path: Path) -> None:
        """A closed sender begins none."""
        sender = SqliteSender(path)
        sender.close()

        def begin() -> None:
            with sender.exclusive():
                pytest.fail("it should not begin")

        assert failure(begin).code is StoreErrorCode.CLOSED


class TestMemory:
    """What a sender remembers of endpoints is bounded, and gone when it is closed."""

    def test_texts(self) -> None:
        """The oldest are forgotten; what is asked for is right all the same."""
        known = EndpointTexts(1_000)
        stored = to_json(Endpoint(request_id="stored")).decode()
        for number in range(100):
            text = to_json(Endpoint(metrics={f"m-{number}": 1})).decode()
            for _ in range(2):
                assert (
                    known.merged(stored, text)
                    == to_json(
                        Endpoint(request_id="stored", metrics={f"m-{number}": 1})
                    ).decode()
                )
            held = sum(2 * sum(map(len, key)) for key in known._known)
            assert held == known._bytes <= 1_000
        known.clear()
        assert known._known == {}

    def test_is_released(self, path: Path) -> None:
        """A closed sender keeps no text."""
        sender = SqliteSender(path)
        sender.put_events(update(ENDPOINT))
        sender.put_events(update(Endpoint(request_id="r")))
        assert sender._texts._known
        sender.close()
        assert sender._texts._known == {}


class TestThreads:
    """Threads of one process take turns."""

    def test_merge(self, sender: SqliteSender, path: Path) -> None:
        """No update of an endpoint is lost."""
        barrier = threading.Barrier(8)

        def send(thread: int) -> None:
            barrier.wait()
            for number in range(10):
                sender.put_events(update(Endpoint(metrics={f"{thread}-{number}": 1})))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        assert len(json.loads(one(path, "endpoints")["metrics"])) == 80


@needs_fork
class TestFork:
    """Both processes go on sending after a fork."""

    def test_while_threads_write(self, sender: SqliteSender, path: Path) -> None:
        """Children of forks write, and so do the threads that write meanwhile."""
        is_over = threading.Event()
        sent = [0, 0]

        def send(thread: int) -> None:
            while not is_over.is_set():
                sender.put_events(request(e={f"{thread}-{sent[thread]}": event()}))
                sent[thread] += 1

        def send_in_child(number: int) -> None:
            for part in range(3):
                part_request = request(e={f"child-{number}-{part}": event()})
                sender.put_events(part_request).raise_for_failures(part_request)

        with ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(send, number) for number in range(2)]
            try:
                for number in range(10):
                    assert in_child(partial(send_in_child, number))
            finally:
                is_over.set()
            for thread in threads:
                thread.result()
        assert count(path) == sum(sent) + 30

    def test_parent_is_closed_first(self, path: Path) -> None:
        """What a child writes is stored, also when the parent closes first."""
        sender = SqliteSender(path)
        sender.put_events(request(e={"before": event()}))
        may_close, has_closed = os.pipe(), os.pipe()

        def send_in_child() -> None:
            sender.put_events(request(e={"child": event()}))
            os.write(may_close[1], b"!")
            assert os.read(has_closed[0], 1) == b"!"
            sender.put_events(request(e={"child, later": event()}))

        def close() -> None:
            assert os.read(may_close[0], 1) == b"!"
            sender.close()
            os.write(has_closed[1], b"!")

        with ThreadPoolExecutor() as pool:
            closed = pool.submit(close)
            assert in_child(send_in_child)
            closed.result()
        for end in (*may_close, *has_closed):
            os.close(end)
        assert count(path) == 3
