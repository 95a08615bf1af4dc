import json
import logging
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.commands import takes_long
from tests.server.clients import (
    KEY,
    ONE,
    SECONDS,
    answer,
    connected,
    head,
    post,
    request,
    rest,
)
from tests.stores import writing

from pinpoint_events import MemorySender, MultiSender, ShadowSender, SqliteSender
from pinpoint_events.errors import SenderError, StoreError, StoreErrorCode
from pinpoint_events.senders import ChecksReadiness
from pinpoint_events.server import (
    FailCall,
    Firehose,
    Keys,
    Kinesis,
    Served,
    create_app,
    served,
)

needs_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="no file in use can be moved"
)


def ready(server: Served) -> tuple[int, Any]:
    """Ask whether the endpoint is ready; return status and body."""
    got = post(server, b"", method="GET", path="/readyz")
    return got.status, got.json


def eventually(server: Served, wanted: tuple[int, Any]) -> bool:
    """Ask until the answer is the wanted one; each is a second old at most."""
    end = time.monotonic() + SECONDS
    while (found := ready(server)) != wanted and time.monotonic() < end:
        pass
    return found == wanted


def answer_of(*reasons: str, warnings: tuple[str, ...] = ()) -> tuple[int, Any]:
    """Return the answer with these reasons."""
    status = "unready" if reasons else "ready"
    body = {"status": status, "reasons": [*reasons], "warnings": [*warnings]}
    return 503 if reasons else 200, body


class TestAnswer:
    """Anyone may ask, without a signature."""

    def test_ready(self) -> None:
        """An endpoint that can keep events says so, and caches keep no answer."""
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            got = post(server, b"", method="GET", path="/readyz")
            assert (got.status, got.headers["cache-control"]) == (200, "no-store")
            assert got.headers["content-type"] == "application/json"
            assert got.body == b'{"status":"ready","reasons":[],"warnings":[]}'

    def test_head(self) -> None:
        """Its head says the same."""
        with (
            served(create_app(MemorySender(), credentials=KEY)) as server,
            connected(server) as client,
        ):
            client.sendall(head("Connection: close", method="HEAD", path="/readyz"))
            found = rest(client)
        assert found.startswith(b"HTTP/1.1 200 ")
        assert found.endswith(b"\r\n\r\n")

    def test_method(self) -> None:
        """It is asked, not told."""
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            assert post(server, b"", path="/readyz").status == 405

    def test_warnings(self) -> None:
        """Faults and unsigned calls are told, and do not keep calls away."""
        app = create_app(MemorySender(), credentials=None)
        with served(app) as server:
            assert ready(server) == answer_of(warnings=("no_auth",))
            app.faults.add(FailCall())
            assert ready(server) == answer_of(warnings=("faults", "no_auth"))

    def test_log(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The log says when it changes, once."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        path = tmp_path / "events.db"
        with (
            SqliteSender(path) as sender,
            served(create_app(sender, credentials=KEY)) as server,
        ):
            with writing(path):
                assert eventually(server, answer_of("store_locked"))
                assert eventually(server, answer_of("store_locked"))
            assert eventually(server, answer_of())
        lines = [
            (each.levelname, each.getMessage(), vars(each)["pinpoint_events.reasons"])
            for each in caplog.records
            if each.getMessage() != "answered"
        ]
        assert lines == [
            ("WARNING", "not ready", ["store_locked"]),
            ("INFO", "ready again", []),
        ]


class TestStores:
    """It is ready if the stores that are open can be written."""

    @pytest.mark.parametrize("opens", [False, True])
    @takes_long
    def test_locked(self, tmp_path: Path, *, opens: bool) -> None:
        """A locked store is known within a second."""
        path = tmp_path / "events.db"
        with SqliteSender(path) as sender:
            senders = (lambda _: SqliteSender(path)) if opens else sender
            app = create_app(senders, credentials=None)
            with served(app) as server:
                assert post(server, ONE).status == 202
                with writing(path):
                    started = time.monotonic()
                    found = ready(server)
                    seconds = time.monotonic() - started
                assert found == answer_of("store_locked", warnings=("no_auth",))
                assert seconds < 1.5
                assert eventually(server, answer_of(warnings=("no_auth",)))

    @needs_posix
    @takes_long
    def test_moved(self, tmp_path: Path) -> None:
        """A store that was moved is opened again, or it says that it cannot be."""
        path = tmp_path / "stores" / "events.db"
        path.parent.mkdir()
        app = create_app(lambda _: SqliteSender(path), credentials=None)
        fine = answer_of(warnings=("no_auth",))
        with served(app) as server:
            assert post(server, ONE).status == 202
            path.parent.rename(tmp_path / "old")
            assert eventually(
                server, answer_of("store_cannot_open", warnings=("no_auth",))
            )
            path.parent.mkdir()
            assert eventually(server, fine)
            path.rename(tmp_path / "moved.db")
            while not path.exists():
                assert ready(server) == fine

    @needs_posix
    def test_passed_in(self, tmp_path: Path) -> None:
        """One that was passed in is not opened again."""
        path = tmp_path / "events.db"
        with (
            SqliteSender(path) as sender,
            served(create_app(sender, credentials=KEY)) as server,
        ):
            path.unlink()
            assert ready(server) == answer_of("store_moved")

    def test_disk(self, tmp_path: Path) -> None:
        """It needs room on the disk of the store."""
        with SqliteSender(tmp_path / "events.db") as sender:
            app = create_app(sender, credentials=KEY, min_free_bytes=2**53)
            with served(app) as server:
                assert ready(server) == answer_of("disk_low")

    def test_streams(self, tmp_path: Path) -> None:
        """Stores of streams are looked at, too."""
        path = tmp_path / "streams.db"
        app = create_app(kinesis=Kinesis(path), firehose=Firehose(), credentials=KEY)
        with served(app) as server, writing(path):
            assert ready(server) == answer_of("store_locked")

    def test_sound_streams(self, tmp_path: Path) -> None:
        """A store of streams that can be written makes it ready; a full disk not."""
        for room, wanted in ((0, answer_of()), (2**53, answer_of("disk_low"))):
            kinesis = Kinesis(tmp_path / "streams.db")
            app = create_app(kinesis=kinesis, credentials=KEY, min_free_bytes=room)
            with served(app) as server:
                assert ready(server) == wanted

    def test_nothing_is_written(self, tmp_path: Path) -> None:
        """The check changes nothing."""
        path = tmp_path / "events.db"
        log = path.with_name("events.db-wal")
        with SqliteSender(path) as sender:
            before = path.read_bytes(), log.read_bytes()
            sender.check_ready()
            assert (path.read_bytes(), log.read_bytes()) == before

    def test_first_of_several(self, tmp_path: Path) -> None:
        """Of several senders the first one counts."""
        path = tmp_path / "events.db"
        for kind in (MultiSender, lambda *two: ShadowSender(*two, report=bool)):
            with (
                SqliteSender(path, timeout_seconds=0) as store,
                kind(store, MemorySender()) as first,
                kind(MemorySender(), store) as second,
                writing(path),
            ):
                assert isinstance(first, ChecksReadiness)
                with pytest.raises(SenderError):
                    first.check_ready()
                second.check_ready()


class Checked(MemorySender):
    """A sender of the user's, with a check."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.count = 0
        self.error: Exception | None = None

    def check_ready(self) -> None:
        """Count, wait, and raise what was asked for."""
        self.count += 1
        assert self.gate.wait(SECONDS)
        if self.error is not None:
            raise self.error


class TestChecks:
    """A check costs little, and holds up nothing."""

    def test_at_most_each_second(self) -> None:
        """However many ask, it is made once a second."""
        sender = Checked()
        started = time.monotonic()
        with served(create_app(sender, credentials=KEY)) as server:
            for _ in range(100):
                assert ready(server) == answer_of()
            assert sender.count <= 1 + time.monotonic() - started
            count = sender.count
            while sender.count == count:
                assert ready(server) == answer_of()

    def test_hangs(self) -> None:
        """One that does not return is answered in time; calls are served meanwhile."""
        sender = Checked()
        sender.gate.clear()
        with served(create_app(sender, credentials=None)) as server:
            late = answer_of("timed_out", warnings=("no_auth",))
            started = time.monotonic()
            assert ready(server) == late
            assert time.monotonic() - started < 3
            assert post(server, ONE).status == 202
            assert [ready(server) for _ in range(10)] == [late] * 10
            assert sender.count == 1
            sender.gate.set()
            assert eventually(server, answer_of(warnings=("no_auth",)))

    def test_fails(self) -> None:
        """What it raises is told as a code, and not shown."""
        sender = Checked()
        sender.error = OSError("planted")
        with served(create_app(lambda _: sender, credentials=None)) as server:
            assert ready(server) == answer_of(warnings=("no_auth",))
            assert post(server, ONE).status == 202
            assert eventually(server, answer_of("sender_failed", warnings=("no_auth",)))


class TestEndpoint:
    """It is ready if the endpoint itself can take calls."""

    def test_calls(self) -> None:
        """There must be room for a call; the workers may all be busy."""
        gate, entered = threading.Event(), threading.Event()

        def wait(_: Any) -> Any:
            entered.set()
            assert gate.wait(SECONDS)
            raise SenderError("late")

        app = create_app(
            MemorySender(answer=wait), credentials=None, workers=1, waiting=0
        )
        fine = answer_of(warnings=("no_auth",))
        with served(app) as server:
            assert ready(server) == fine
            with connected(server) as other:
                other.sendall(
                    request(b'{"BatchItem":{"e":{"Endpoint":{},"Events":{}}}}')
                )
                assert entered.wait(SECONDS)
                assert ready(server) == answer_of("calls_full", warnings=("no_auth",))
                gate.set()
            assert eventually(server, fine)

    @takes_long
    def test_keys(self, tmp_path: Path) -> None:
        """Keys must be readable, or at least not stale; asking reads them again."""
        path = tmp_path / "keys"
        text = "[a]\naws_access_key_id = A\naws_secret_access_key = b\n"
        path.write_text(text)
        keys = Keys.from_file(path, stale_seconds=1.5)
        with served(create_app(MemorySender(), credentials=keys)) as server:
            assert ready(server) == answer_of()
            path.write_text("no key")
            assert eventually(server, answer_of(warnings=("keys_failing",)))
            assert eventually(
                server, answer_of("keys_stale", warnings=("keys_failing",))
            )
            path.write_text(text)
            assert eventually(server, answer_of())

    def test_stopping(self) -> None:
        """An endpoint that is about to end is not ready."""
        app = create_app(MemorySender(), credentials=KEY)
        with ExitStack() as stack:
            server = stack.enter_context(served(app))
            app.begin_stop()
            assert ready(server) == answer_of("stopping")


def gone(_: Any) -> Any:
    """Answer as a store that was moved."""
    raise StoreError("gone", code=StoreErrorCode.MOVED)


class TestRaces:
    """What calls do meanwhile is no reason."""

    def test_two_locked(self, tmp_path: Path) -> None:
        """The time is for all stores together."""

        def opened(name: str) -> SqliteSender:
            return SqliteSender(tmp_path / name, application_id=name)

        app = create_app(opened, credentials=None)
        with served(app) as server, ExitStack() as stack:
            for name in ("a", "b"):
                assert post(server, ONE, path=f"/v1/apps/{name}/events").status == 202
            for name in ("a", "b"):
                stack.enter_context(writing(tmp_path / name))
            assert ready(server) == answer_of("store_locked", warnings=("no_auth",))

    def test_closed_meanwhile(self) -> None:
        """A sender that a call replaces is not looked at."""
        asked, closed = threading.Event(), threading.Event()

        class Replaced(MemorySender):
            def check_ready(self) -> None:
                asked.set()
                assert closed.wait(SECONDS)
                raise StoreError("closed", code=StoreErrorCode.CLOSED)

            def _close(self) -> None:
                closed.set()

        first = Replaced()
        senders = [MemorySender(), first]
        app = create_app(lambda _: senders.pop(), credentials=None)
        with served(app) as server:
            assert post(server, ONE).status == 202
            first.answer = gone
            found: list[Any] = []
            asking = threading.Thread(target=lambda: found.append(ready(server)))
            asking.start()
            assert asked.wait(SECONDS)
            assert post(server, ONE).status == 202
            asking.join()
        assert found == [answer_of(warnings=("no_auth",))]

    def test_opening(self) -> None:
        """A sender that takes long to open again is not ready."""
        gate = threading.Event()
        opened: list[MemorySender] = []

        def senders(_: str) -> MemorySender:
            if opened:
                assert gate.wait(SECONDS)
            opened.append(MemorySender())
            return opened[-1]

        app = create_app(senders, credentials=None)
        with served(app) as server, connected(server) as client:
            assert post(server, ONE).status == 202
            opened[0].answer = gone
            client.sendall(request(json.dumps(ONE).encode()))
            assert eventually(server, answer_of("timed_out", warnings=("no_auth",)))
            gate.set()
            assert answer(client).status == 202
            assert eventually(server, answer_of(warnings=("no_auth",)))
