import json
import logging
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

import pytest
from tests.commands import takes_long
from tests.server.clients import (
    EVENT,
    ONE,
    SECONDS,
    Got,
    answer,
    batch_item,
    connected,
    post,
    request,
)

from pinpoint_events import MemorySender, Quotas, SqliteSender
from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.server import (
    BareStatus,
    Cut,
    FailItem,
    Served,
    create_app,
    served,
)
from pinpoint_events.server._application import ReadCall
from pinpoint_events.server._applications import _SenderSlot
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.server._request_reader import RequestReader

CALLS = 24
EVENTS = json.dumps(ONE).encode()
REJECTED = {"BatchItem": {"e": {"Endpoint": {"OptOut": ""}, "Events": {"v": {}}}}}


def stored(path: Path) -> list[str]:
    """Return the event ids in a store, sorted."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT event_id FROM events ORDER BY event_id")
        return [event_id for (event_id,) in rows]


def remove(path: Path) -> None:
    """Remove a store, as an operator does."""
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def move(path: Path) -> None:
    """Move a store away, as an operator does who rotates it."""
    for each in path.parent.glob(f"{path.name}*"):
        each.rename(each.with_name(f"old-{each.name}"))


def move_file(path: Path) -> None:
    """Move the file alone, and leave its log behind."""
    path.rename(path.with_name(f"old-{path.name}"))


def put(server: Served, event_id: str, application_id: str = "shop") -> Got:
    """Send a call of one event."""
    path = f"/v1/apps/{application_id}/events"
    return post(server, batch_item(e={event_id: EVENT}), path=path)


@pytest.mark.skipif(sys.platform == "win32", reason="no file in use can be moved")
class TestMovedStore:
    """A store that was moved or removed is opened again; no call fails for it."""

    @pytest.mark.parametrize(
        "slip, kept",
        [(remove, None), (move, "old-events.db"), (move_file, "old-events.db")],
    )
    def test_one_call(
        self,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        slip: Callable[[Path], None],
        kept: str | None,
    ) -> None:
        """The call that finds it out is kept in the new store, and so are others."""
        path = tmp_path / "events.db"
        app = create_app(lambda _: SqliteSender(path), credentials=None)
        with served(app) as server:
            assert put(server, "before").status == 202
            slip(path)
            assert put(server, "first").status == 202
            assert put(server, "second").status == 202
        assert stored(path) == ["first", "second"]
        if kept is not None:
            assert stored(tmp_path / kept) == ["before"]
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage() == "store moved or deleted; opening it again"
        assert vars(record)["pinpoint_events.application_id"] == "shop"

    @pytest.mark.parametrize("slip", [remove, move, move_file])
    def test_many_calls(self, tmp_path: Path, slip: Callable[[Path], None]) -> None:
        """So it is with calls that come at once, of several applications."""
        path = tmp_path / "events.db"

        def opened(name: str) -> SqliteSender:
            return SqliteSender(path, application_id=name)

        app = create_app(opened, credentials=None)
        with served(app) as server, ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in range(CALLS)]
            for round_ in range(5):
                for number, client in enumerate(clients):
                    body = json.dumps(batch_item(e={f"{round_}-{number}": EVENT}))
                    target = f"/v1/apps/{'shop' if number % 2 else 'forum'}/events"
                    client.sendall(request(body.encode(), path=target))
                assert {answer(client).status for client in clients} == {202}
                if round_ < 4:
                    slip(path)
        assert stored(path) == sorted(f"4-{number}" for number in range(CALLS))

    @takes_long
    def test_while_calls_come(self, tmp_path: Path) -> None:
        """A store that is moved at any time loses no event that was answered."""
        path = tmp_path / "events.db"
        app = create_app(lambda _: SqliteSender(path), credentials=None)
        accepted: list[str] = []
        done = threading.Event()

        def send() -> None:
            with connected(server) as client:
                number = 0
                while not done.is_set():
                    number += 1
                    body = json.dumps(batch_item(e={str(number): EVENT})).encode()
                    client.sendall(request(body))
                    assert answer(client).status == 202
                    accepted.append(str(number))

        with served(app) as server:
            sending = threading.Thread(target=send)
            sending.start()
            for number in range(10):
                count = len(accepted)
                while len(accepted) < count + 5:
                    pass
                path.rename(tmp_path / f"old-{number}")
            done.set()
            sending.join()
        files = [tmp_path / f"old-{number}" for number in range(10)]
        files += [path] if path.exists() else []  # no call may have come since
        assert {name for file in files for name in stored(file)} == set(accepted)

    def test_no_directory(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """While it cannot be created, calls are worth sending again."""
        path = tmp_path / "stores" / "events.db"
        path.parent.mkdir()
        app = create_app(lambda _: SqliteSender(path), credentials=None)
        with served(app) as server:
            assert put(server, "before").status == 202
            path.parent.rename(tmp_path / "old")
            assert put(server, "lost").status == 503
            assert put(server, "lost").status == 503
            path.parent.mkdir()
            assert put(server, "after").status == 202
        assert stored(path) == ["after"]
        errors = [
            vars(each)["pinpoint_events.problem"]
            for each in caplog.records
            if each.levelno == logging.ERROR
        ]
        message = "cannot be opened; check its directory, and that this user may write "
        assert errors == [f"the store {str(path)!r} {message}there"] * 2

    def test_passed_in(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A sender that was passed in is its owner's: the log says what to do."""
        path = tmp_path / "events.db"
        with SqliteSender(path) as sender:
            app = create_app(sender, credentials=None)
            with served(app) as server:
                assert put(server, "before").status == 202
                remove(path)
                got = put(server, "lost")
        assert got.status == 503
        assert got.headers["retry-after"] == "1"
        assert not path.exists()
        (record,) = caplog.records
        assert " was moved, deleted or replaced while in use; open it again" in str(
            vars(record)["pinpoint_events.problem"]
        )

    def test_again_and_again(self) -> None:
        """A call is processed twice at most; the senders before are closed."""
        opened: list[MemorySender] = []

        def gone(_: EventsRequest) -> EventsResponse:
            raise StoreError("gone", code=StoreErrorCode.MOVED)

        def senders(_: str) -> MemorySender:
            assert all(each._is_closed for each in opened)
            opened.append(MemorySender(answer=gone))
            return opened[-1]

        with served(create_app(senders, credentials=None)) as server:
            assert put(server, "v").status == 503
        assert [len(each.requests) for each in opened] == [1, 1]

    def test_several_calls_at_a_time(self) -> None:
        """A sender that several calls use at a time is not closed under them."""
        opened: list[Any] = []

        class Blind:
            """A sender that cannot look up endpoints."""

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                self.close()

            def close(self) -> None:
                """Close nothing."""

            def put_events(self, _: EventsRequest) -> EventsResponse:
                """Fail as if a store behind it had been moved."""
                raise StoreError("gone", code=StoreErrorCode.MOVED)

        def senders(_: str) -> Any:
            opened.append(Blind())
            return opened[-1]

        with served(create_app(senders, credentials=None)) as server:
            assert put(server, "v").status == 503
        assert len(opened) == 1


class TestNothingToSend:
    """What has nothing to send opens no sender, as that may create a store."""

    @pytest.fixture
    def app(self, tmp_path: Path) -> Any:
        """An endpoint with a store for each application."""

        def opened(name: str) -> SqliteSender:
            return SqliteSender(tmp_path / f"{name}.db", application_id=name)

        return create_app(opened, credentials=None)

    @takes_long
    def test_garbage(self, app: Any, tmp_path: Path) -> None:
        """Four hundred bodies that are no JSON leave no file."""
        with served(app) as server, connected(server) as client:
            for number in range(400):
                client.sendall(request(b"garbage", path=f"/v1/apps/{number}/events"))
                assert answer(client).status == 400
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("data", [{"BatchItem": {}}, REJECTED])
    def test_nothing_valid(self, app: Any, tmp_path: Path, data: Any) -> None:
        """Nor does a call in which no item is valid; it has its answer."""
        with served(app) as server:
            got = post(server, data)
        assert got.status == 202
        assert got.json["Results"].keys() == data["BatchItem"].keys()
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "fault",
        [
            BareStatus(status_code=500),
            Cut(where="before", is_taken=False),
            FailItem(),
        ],
    )
    def test_faults(self, app: Any, tmp_path: Path, fault: Any) -> None:
        """Nor does a call of which faults let nothing be accepted."""
        data = {"BatchItem": {"e": {"Endpoint": {}, "Events": {"v": EVENT}}}}
        app.faults.add(fault)
        if isinstance(fault, FailItem):
            app.faults.add(FailItem(of="endpoint"))
        with served(app) as server, connected(server) as client:
            client.sendall(request(json.dumps(data).encode()))
            client.recv(65536)
        assert list(tmp_path.iterdir()) == []

    def test_something(self, app: Any, tmp_path: Path) -> None:
        """An endpoint of which nothing is said is something."""
        with served(app) as server:
            assert post(server, batch_item(e={})).status == 202
        assert [each.name for each in tmp_path.glob("*.db")] == ["shop.db"]


class TestSlot:
    """The sender of an application that calls use at the same time."""

    def test_lost_twice(self) -> None:
        """Of calls that find the store moved, the first closes its sender."""
        opened: list[MemorySender] = []

        def senders(_: str) -> MemorySender:
            opened.append(MemorySender())
            return opened[-1]

        slot, deadline = _SenderSlot("shop"), CallDeadline(SECONDS)
        before = slot.application(senders, deadline)
        slot.lose(before, deadline)
        with pytest.raises(StoreError) as caught:
            before.put(ReadCall(RequestReader(Quotas()).read(EVENTS), 0), deadline)
        assert caught.value.code is StoreErrorCode.MOVED
        assert slot.is_open
        slot.close()  # without a sender
        after = slot.application(senders, deadline)
        slot.lose(before, deadline)
        assert slot.application(senders, deadline) is after
        assert [each._is_closed for each in opened] == [True, False]
