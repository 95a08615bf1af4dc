import asyncio
import copy
import gc
import logging
import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events import (
    ChannelType,
    ConfigurationError,
    DroppedItem,
    DropReason,
    Endpoint,
    EndpointItemResponse,
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    ItemCounts,
    ItemResponse,
    MemorySender,
    PinpointSender,
    ProblemCode,
    QuotaExceededError,
    Quotas,
    Recorder,
    RecorderStats,
    RejectedItem,
    Sender,
    Session,
    SpoolFullError,
    SqliteSender,
    StoreErrorCode,
    TransportError,
    ValidationError,
)
from pinpoint_events.recorder import OnFull, open_recorders
from pinpoint_events.recorder.operators import SpoolFile
from pinpoint_events.senders._accepted import accepted
from tests.aws import KEYS, aws
from tests.commands import needs_posix
from tests.recorders import OnDemandRecorder
from tests.stores import writing
from tests.threads import BegunThreads

__all__ = ["aws"]

TIMESTAMP = "2026-09-21T12:00:00.123Z"
EVENT = Event("purchase", timestamp=TIMESTAMP, attributes={"sku": "A-1"})
ADA = Endpoint(channel_type=ChannelType.EMAIL, address="ada@example.com")
SMALL = 100_000  # the least that max_bytes may be

# What the log says.
OUTAGE = "recorded events wait: they cannot be delivered now"
NO_FILE = "the spool's file cannot be used: events are kept in memory only"
BROKEN = "cannot be read or written; check its disk"


def away(request: EventsRequest) -> EventsResponse:
    """Answer nothing, as a network that is down."""
    raise TransportError("the network is down", is_retry_safe=True)


def refusing(*event_ids: str) -> Callable[[EventsRequest], EventsResponse]:
    """Return an answer that rejects some events, and accepts all else."""

    def answer(request: EventsRequest) -> EventsResponse:
        accepted = EndpointItemResponse(status_code=202)
        return EventsResponse(
            results={
                endpoint_id: ItemResponse(
                    endpoint_item_response=accepted,
                    events_item_response={
                        event_id: EventItemResponse(
                            status_code=400 if event_id in event_ids else 202,
                            message="Missing x" if event_id in event_ids else None,
                        )
                        for event_id in batch.events
                    },
                )
                for endpoint_id, batch in request.batch_item.items()
            }
        )

    return answer


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Return a spool of each kind."""
    return tmp_path / "spool.db" if request.param == "file" else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a spool's file."""
    return tmp_path / "spool.db"


@pytest.fixture
def sender() -> Iterator[MemorySender]:
    """Return a sender that accepts everything."""
    with MemorySender() as sender:
        yield sender


class TestRecord:
    """What is recorded is delivered, and counted."""

    def test_delivers(self, sender: MemorySender, spool: Path | None) -> None:
        """An event arrives under the id that `record` returns."""
        with Recorder(sender, spool=spool) as recorder:
            event_id = recorder.record("user-1", EVENT)
            assert recorder.flush()
        assert sender.events == {("user-1", event_id): EVENT}

    def test_counts(self, sender: MemorySender, spool: Path | None) -> None:
        """Events and updates of endpoints are counted apart."""
        with Recorder(sender, spool=spool) as recorder:
            recorder.identify("user-1", ADA)
            for number in range(3):
                recorder.record("user-1", EVENT, event_id=f"v-{number}")
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(
                recorded=3, delivered=3, endpoints=ItemCounts(recorded=1, delivered=1)
            )
        assert sender.endpoints == {"user-1": ADA}

    def test_by_url(self, tmp_path: Path) -> None:
        """A URL is opened when there is something to deliver, and closed at the end."""
        store = tmp_path / "events.db"
        with Recorder(f"sqlite:///{store}", spool=None) as recorder:
            assert not store.exists()
            recorder.record("user-1", EVENT, event_id="v-1")
            assert recorder.flush()
        with sqlite3.connect(store) as connection:
            rows = connection.execute("SELECT endpoint_id, event_id FROM events")
            assert rows.fetchall() == [("user-1", "v-1")]
        connection.close()

    def test_a_relative_url_is_that_of_the_directory_it_was_given_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A daemon that changes its directory afterwards writes the same file."""
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path)
        with Recorder("sqlite:///events.db", spool="spool.db") as recorder:
            monkeypatch.chdir(tmp_path / "other")
            recorder.record("user-1", EVENT)
            assert recorder.flush()
        assert list((tmp_path / "other").iterdir()) == []
        assert (tmp_path / "events.db").exists()

    def test_by_function(self, spool: Path | None) -> None:
        """A function is called once, in the thread that delivers."""
        made: list[tuple[MemorySender, str]] = []

        def make() -> Sender:
            made.append((MemorySender(), threading.current_thread().name))
            return made[-1][0]

        with Recorder(make, spool=spool) as recorder:
            assert made == []
            recorder.record("user-1", EVENT, event_id="v-1")
            assert recorder.flush()
        ((opened, thread),) = made
        assert thread == "pinpoint-events-recorder"
        assert opened.events == {("user-1", "v-1"): EVENT}

    def test_by_a_class(self) -> None:
        """A class is a function that makes a sender."""
        with Recorder(MemorySender, spool=None) as recorder:
            recorder.record("user-1", EVENT)
            assert recorder.flush()

    def test_by_a_function_for_another_application(self) -> None:
        """The sender that it makes has to be that of the recorder's application."""
        errors: list[Exception] = []
        with Recorder(
            lambda: MemorySender(application_id="other"),
            spool=None,
            application_id="shop",
            on_error=errors.append,
        ) as recorder:
            recorder.record("user-1", EVENT)
            assert not recorder.flush(0.5)
            recorder.close(0)
        (error,) = errors
        assert isinstance(error, ConfigurationError)

    def test_by_a_function_that_makes_no_sender(self) -> None:
        """What else a function returns is an error, and the events wait."""
        errors: list[Exception] = []

        def wrong() -> Any:
            return 1

        with Recorder(wrong, spool=None, on_error=errors.append) as recorder:
            recorder.record("user-1", EVENT)
            assert not recorder.flush(0.5)
            recorder.close(0)
        (error,) = errors
        assert isinstance(error, ConfigurationError)

    def test_defaults(self, sender: MemorySender) -> None:
        """Global attributes, metrics and session apply where an event has no own."""
        session = Session(id="s-1", start_timestamp=TIMESTAMP)
        with Recorder(
            sender,
            spool=None,
            attributes={"sku": "none", "plan": "pro"},
            metrics={"load": 0.5},
            session=session,
        ) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            recorder.set_defaults()
            recorder.record("user-1", EVENT, event_id="v-2")
            assert recorder.flush()
        assert sender.events["user-1", "v-1"] == Event(
            "purchase",
            timestamp=TIMESTAMP,
            attributes={"sku": "A-1", "plan": "pro"},
            metrics={"load": 0.5},
            session=session,
        )
        assert sender.events["user-1", "v-2"] == EVENT

    def test_from_many_threads(self, sender: MemorySender, spool: Path | None) -> None:
        """64 threads record at the same time; nothing is lost or doubled."""
        with Recorder(sender, spool=spool) as recorder:

            def record(thread: int) -> None:
                for number in range(20):
                    recorder.record(f"u-{thread}", EVENT, event_id=f"v-{number}")

            threads = [threading.Thread(target=record, args=[n]) for n in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert recorder.flush(30)
            assert recorder.stats() == RecorderStats(recorded=1280, delivered=1280)
        assert len(sender.events) == 1280

    @pytest.mark.parametrize("method", [Recorder.aflush, Recorder.aclose])
    def test_in_coroutines(
        self,
        method: Callable[[Recorder, float], Awaitable[bool]],
        sender: MemorySender,
        spool: Path | None,
    ) -> None:
        """In asyncio, `record` is called directly, and waiting lets other tasks run."""
        others_ran = threading.Event()

        def answer(request: EventsRequest) -> EventsResponse:
            assert others_ran.wait(20)
            return accepted(request)

        async def run() -> None:
            others_ran.set()

        async def main() -> bool:
            async with Recorder(sender, spool=spool) as recorder:
                recorder.record("user-1", EVENT, event_id="v-1")
                other = asyncio.create_task(run())  # runs when this one waits
                is_done = await method(recorder, 5.0)
                await other
                return is_done

        sender.answer = answer
        assert asyncio.run(main())
        assert sender.events == {("user-1", "v-1"): EVENT}


class TestOtherSchemes:
    """A URL of another package's scheme names no application."""

    def test_application(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is that of the argument, or `local`; the thread calls the opener."""
        (tmp_path / "whispering.py").write_text(
            "from pinpoint_events import MemorySender\n"
            "def open_whispering(url, *, application_id):\n"
            "    return MemorySender(application_id=application_id or 'local')\n"
        )
        info = tmp_path / "whispering-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: whispering\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(
            "[pinpoint_events.senders]\nwhisper = whispering:open_whispering\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        assert Recorder("whisper:low", spool=None).application_id == "local"
        with Recorder("whisper:low", spool=None, application_id="shop") as recorder:
            assert recorder.application_id == "shop"
            recorder.record("user-1", EVENT)
            assert recorder.flush()


class TestValidation:
    """A mistake is reported where it is made, and nothing is recorded."""

    def test_arguments(self, sender: MemorySender) -> None:
        """All problems of the arguments come at once."""
        wrong: Any = 1
        with Recorder(sender, spool=None) as recorder:
            with pytest.raises(ValidationError) as caught:
                recorder.record("", wrong, event_id="")
            assert {(each.code, each.path) for each in caught.value.problems} == {
                (ProblemCode.EMPTY, ("endpoint_id",)),
                (ProblemCode.EMPTY, ("event_id",)),
                (ProblemCode.NOT_AN_INSTANCE, ("event",)),
            }
            with pytest.raises(ValidationError):
                recorder.identify("user-1", wrong)
            assert recorder.stats() == RecorderStats()

    def test_quotas(self, sender: MemorySender) -> None:
        """An event or endpoint over a quota is refused before it is recorded."""
        with Recorder(sender, spool=None) as recorder:
            with pytest.raises(QuotaExceededError) as caught:
                recorder.record("user-1", Event("x", attributes={"a": "b" * 201}))
            (problem,) = caught.value.problems
            assert problem.code is ProblemCode.VALUE_TOO_LONG
            assert problem.path == ("event", "attributes", "a")
            with pytest.raises(QuotaExceededError) as caught:
                recorder.identify("user-1", Endpoint(attributes={"a": ["b" * 101]}))
            (problem,) = caught.value.problems
            assert problem.path == ("endpoint", "attributes", "a", 0)
            assert recorder.stats() == RecorderStats()

    @pytest.mark.parametrize(
        "options",
        [
            {"on_full": "drop"},
            {"max_bytes": 99_999},
            {"max_bytes": True},
            {"max_age": 5},
            {"max_age": timedelta()},
            {"flush_events": 0},
            {"flush_events": 1.5},
            {"flush_seconds": -1},
            {"block_seconds": "1"},
            {"exit_seconds": float("inf")},
            {"on_error": 1},
            {"application_id": ""},
        ],
        ids=str,
    )
    def test_options(self, options: dict[str, Any]) -> None:
        """Options that cannot be used are refused by the constructor."""
        with pytest.raises(ConfigurationError):
            Recorder(MemorySender(), spool=None, **options)

    @pytest.mark.parametrize("spool", ["", b""], ids=["str", "bytes"])
    def test_empty_path(self, spool: Any) -> None:
        """An empty path, as of a setting that is missing, is no file."""
        with pytest.raises(ConfigurationError) as caught:
            Recorder(MemorySender(), spool=spool)
        assert str(caught.value) == (
            "spool names no file; pass a path, or None to keep events in memory"
        )

    @pytest.mark.parametrize(
        "sender",
        [1, "no url", "memory:x", "pinpoint://", "sqlite:///", "kinesis://", "a b://"],
    )
    def test_senders(self, sender: Any) -> None:
        """So is what is no sender, by its text alone: nothing is opened."""
        with pytest.raises(ConfigurationError):
            Recorder(sender, spool=None)

    def test_defaults(self) -> None:
        """Defaults are checked as those of an event are."""
        wrong: Any = {"a": 1}
        with pytest.raises(ValidationError) as caught:
            Recorder(MemorySender(), spool=None, attributes=wrong)
        (problem,) = caught.value.problems
        assert problem.path == ("attributes", "a")


class TestApplication:
    """A spool has the events of one application."""

    @pytest.mark.parametrize(
        "sender,application_id,named",
        [
            (MemorySender(), None, "local"),
            (MemorySender(), "shop", "shop"),
            (MemorySender(application_id="shop"), None, "shop"),
            ("memory:", "shop", "shop"),
            ("pinpoint://shop?region=eu-west-1", None, "shop"),
            ("kinesis://stream", None, "local"),
            (MemorySender, "shop", "shop"),
            (MemorySender, None, "local"),
        ],
        ids=str,
    )
    def test_is_named(
        self, sender: Any, application_id: str | None, named: str
    ) -> None:
        """By the argument, the sender or the URL."""
        recorder = Recorder(sender, spool=None, application_id=application_id)
        assert recorder.application_id == named
        assert repr(recorder) == f"<Recorder of {named!r}>"

    def test_contradicts(self) -> None:
        """An argument that contradicts the sender is refused."""
        sender = MemorySender(application_id="shop")
        with pytest.raises(ConfigurationError):
            Recorder(sender, spool=None, application_id="other")

    def test_is_that_of_the_spool(self, sender: MemorySender, path: Path) -> None:
        """A file with the events of another application is refused."""
        Recorder(sender, spool=path, application_id="shop").close()
        with pytest.raises(ConfigurationError) as caught:
            Recorder(sender, spool=path, application_id="other")
        assert str(caught.value).startswith(f"the spool '{path}'")


class TestRejected:
    """Items that are refused are kept, counted and reported; the others arrive."""

    def test_is_reported(self, sender: MemorySender, spool: Path | None) -> None:
        """The hook gets ids, code, message and attempts."""
        sender.answer = refusing("v-1")
        rejected: list[RejectedItem] = []
        with Recorder(sender, spool=spool, on_rejected=rejected.append) as recorder:
            for number in range(3):
                recorder.record("user-1", EVENT, event_id=f"v-{number}")
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(
                recorded=3, delivered=2, rejected=1
            )
        assert rejected == [RejectedItem("user-1", "v-1", "400", "Missing x", 0)]

    def test_hides_addresses(self, sender: MemorySender) -> None:
        """A message that quotes the address of an endpoint is kept without it."""

        def quoting(request: EventsRequest) -> EventsResponse:
            message = "ada@example.com is no address"
            refused = EndpointItemResponse(status_code=400, message=message)
            return EventsResponse(
                results={"user-1": ItemResponse(endpoint_item_response=refused)}
            )

        sender.answer = quoting
        rejected: list[RejectedItem] = []
        with Recorder(sender, spool=None, on_rejected=rejected.append) as recorder:
            recorder.identify("user-1", ADA)
            assert recorder.flush()
        (item,) = rejected
        assert item.message.endswith(" is no address")
        assert "ada" not in item.message

    def test_hook_fails(
        self, sender: MemorySender, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A hook that raises harms nothing, and is logged without its message."""
        sender.answer = refusing("v-0", "v-1")

        def fail(item: RejectedItem) -> None:
            raise ValueError("secret")

        with Recorder(sender, spool=None, on_rejected=fail) as recorder:
            for number in range(3):
                recorder.record("user-1", EVENT, event_id=f"v-{number}")
            assert recorder.flush()
        line = fail.__code__.co_firstlineno + 1
        place = f"unexpected ValueError in line {line} of {__file__}"
        assert [record.message for record in caplog.records] == [
            "recorded items were rejected: 1 (latest code: 400)",
            f"a hook of a recorder failed: {place}",
            "recorded items were rejected: 1 (latest code: 400)",
            f"a hook of a recorder failed: {place}",
        ]
        assert "secret" not in str([vars(record) for record in caplog.records])

    def test_every_hook_fails(self, sender: MemorySender, spool: Path | None) -> None:
        """Whatever is called in the caller's thread raises nothing there either."""
        called: list[str] = []

        def fail(given: object) -> None:
            called.append(type(given).__name__)
            raise ValueError("secret")

        sender.answer = away
        recorder = Recorder(
            sender,
            spool=spool,
            max_bytes=SMALL,
            on_full="drop_newest",
            on_rejected=fail,
            on_dropped=fail,
            on_error=fail,
        )
        while not recorder.stats().dropped:
            recorder.record("user-1", Event("x", attributes={"a": "b" * 200}))
        assert not recorder.flush(0.2)
        recorder.close(0)
        recorder.record("user-1", EVENT)
        assert {"DroppedItem", "TransportError"} <= set(called)
        assert recorder.stats().dropped["closed"] == 1

    def test_hook_fails_in_the_constructor(self, path: Path) -> None:
        """A file that cannot be used is reported there."""
        called: list[Exception] = []

        def fail(error: Exception) -> None:
            called.append(error)
            raise error

        OnDemandRecorder(MemorySender(), spool=path).close()
        with writing(path):
            recorder = OnDemandRecorder(MemorySender(), spool=path, on_error=fail)
            recorder.record("user-1", EVENT)
        assert len(called) == 1
        assert recorder.close()


class TestOutage:
    """What cannot be delivered waits, and the application goes on."""

    def test_waits(self, sender: MemorySender, spool: Path | None) -> None:
        """Events wait while the network is down, and arrive afterwards."""
        sender.answer = away
        errors: list[Exception] = []
        with Recorder(sender, spool=spool, on_error=errors.append) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            assert not recorder.flush(0.2)
            assert recorder.stats() == RecorderStats(recorded=1, pending=1)
            del sender.answer
            sender.answer = refusing()
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        assert [type(error) for error in errors] == [TransportError]

    def test_is_logged_once(
        self, sender: MemorySender, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An outage has two log lines, whatever the number of attempts."""
        caplog.set_level("INFO")
        sender.answer = away
        with Recorder(sender, spool=None) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            for _ in range(3):
                assert not recorder.flush(0.2)
            sender.answer = refusing()
            assert recorder.flush()
        assert len(sender.requests) >= 4
        seconds = vars(caplog.records[-1])["pinpoint_events.seconds"]
        assert [record.message for record in caplog.records] == [
            f"{OUTAGE} (TransportError, other)",
            f"recorded events are delivered again, after {seconds:.1f} s",
        ]
        first: Any = caplog.records[0]
        assert vars(first)["pinpoint_events.error"] == "TransportError"
        assert vars(first)["pinpoint_events.code"] == "other"

    @pytest.mark.parametrize("is_url", [True, False])
    def test_retries_of_the_sender_are_logged_at_debug(
        self, *, is_url: bool, aws: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nor has an outage more lines where the sender tries again itself."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        to = f"pinpoint://shop?region=eu-west-1&endpoint_url={url}"
        with PinpointSender("shop", region="eu-west-1", endpoint_url=url) as sender:
            recorder = OnDemandRecorder(to if is_url else sender, spool=None)
            recorder.record("user-1", EVENT)
            caplog.set_level("DEBUG", logger="pinpoint_events")
            assert not recorder.flush(20)
            lines = [(line.levelno, line.message) for line in caplog.records]
            again = (logging.DEBUG, "sending again")
            assert len(lines) > lines.count(again) >= 6
            assert [line for line in lines if line != again] == [
                (logging.WARNING, f"{OUTAGE} (TransportError, connect)")
            ]
            recorder.close(0)

    def test_close_keeps_what_is_in_the_file(
        self, sender: MemorySender, path: Path
    ) -> None:
        """What is not delivered in time is delivered by the next recorder."""
        sender.answer = away
        with Recorder(sender, spool=path) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            assert not recorder.close(0.1)
            assert not recorder.close()  # again
        assert recorder.stats() == RecorderStats(recorded=1, pending=1)
        sender.answer = refusing()
        with Recorder(sender, spool=path) as following:
            assert following.flush()
            assert following.stats() == RecorderStats(recorded=1, delivered=1)
        assert sender.events == {("user-1", "v-1"): EVENT}

    def test_close_drops_what_is_in_memory(self, sender: MemorySender) -> None:
        """Without a file it is lost, counted and reported."""
        sender.answer = away
        dropped: list[DroppedItem] = []
        recorder = Recorder(sender, spool=None, on_dropped=dropped.append)
        recorder.record("user-1", EVENT, event_id="v-1")
        assert not recorder.close(0)
        assert recorder.stats() == RecorderStats(recorded=1, dropped={"exit": 1})
        assert dropped == [DroppedItem("user-1", "v-1", DropReason.EXIT)]

    def test_recording_after_close(self, sender: MemorySender, path: Path) -> None:
        """It raises nothing; the event is dropped, counted and reported."""
        dropped: list[DroppedItem] = []
        recorder = Recorder(sender, spool=path, on_dropped=dropped.append)
        recorder.record("user-1", EVENT, event_id="v-1")
        recorder.close()
        recorder.record("user-1", EVENT, event_id="v-2")
        assert recorder.stats() == RecorderStats(
            recorded=2, delivered=1, dropped={"closed": 1}
        )
        assert dropped == [DroppedItem("user-1", "v-2", DropReason.CLOSED)]

    def test_too_old(self, sender: MemorySender, spool: Path | None) -> None:
        """Items that wait for longer than `max_age` are dropped."""
        sender.answer = away
        dropped: list[DroppedItem] = []
        with Recorder(
            sender,
            spool=spool,
            max_age=timedelta(milliseconds=200),
            on_dropped=dropped.append,
        ) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            while recorder.stats().pending:
                recorder.flush(0.1)
            assert recorder.stats() == RecorderStats(recorded=1, dropped={"too_old": 1})
        assert dropped == [DroppedItem("user-1", "v-1", DropReason.TOO_OLD)]

    def test_too_old_without_a_sender(self, spool: Path | None) -> None:
        """... also as long as no sender can be opened."""

        def no_sender() -> MemorySender:
            raise ConfigurationError("no region")

        with Recorder(
            no_sender, spool=spool, max_age=timedelta(milliseconds=200)
        ) as recorder:
            for _ in range(3):
                recorder.record("user-1", EVENT)
            while recorder.stats().pending:
                recorder.flush(0.1)
            assert recorder.stats() == RecorderStats(recorded=3, dropped={"too_old": 3})


def fill(recorder: Recorder) -> SpoolFullError:
    """Record until the spool is full, and return the error."""
    event = Event("x", attributes={f"a{n}": "b" * 200 for n in range(20)})
    for number in range(1_000):
        try:
            recorder.record("user-1", event)
        except SpoolFullError as error:
            assert number == recorder.stats().pending
            return error
    raise AssertionError("the spool is not bounded")


def used_bytes(path: Path) -> int:
    """Return how many bytes of a file are in use."""
    with SpoolFile(path) as spool:
        return spool.status().used_bytes


class TestFull:
    """A spool is bounded in bytes; what happens at the bound is chosen."""

    def test_raise(self, sender: MemorySender, spool: Path | None) -> None:
        """`raise` tells the caller at once; the event is not recorded."""
        sender.answer = away
        recorder = Recorder(sender, spool=spool, max_bytes=SMALL, on_full="raise")
        error = fill(recorder)
        assert error.max_bytes == SMALL
        assert SMALL - 15_000 < error.used_bytes <= SMALL
        stats = recorder.stats()
        assert stats.balances
        assert stats.pending == stats.recorded
        recorder.close(0)

    def test_block(self, sender: MemorySender, spool: Path | None) -> None:
        """`block` waits until there is room."""
        with Recorder(sender, spool=spool, max_bytes=SMALL) as recorder:
            event = Event("x", attributes={f"a{n}": "b" * 200 for n in range(20)})
            for number in range(100):
                recorder.record("user-1", event, event_id=f"v-{number}")
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(recorded=100, delivered=100)

    def test_block_ends(self, sender: MemorySender, spool: Path | None) -> None:
        """... but not for longer than it may, and does not press an absent service."""
        sender.answer = away
        recorder = Recorder(sender, spool=spool, max_bytes=SMALL, block_seconds=0.6)
        assert fill(recorder).max_bytes == SMALL
        assert 1 <= len(sender.requests) <= 3
        recorder.close(0)

    @pytest.mark.parametrize("size", [99_900, 200_000])
    def test_never_fits(self, spool: Path | None, size: int) -> None:
        """What an empty spool cannot take either is refused at once, and says so."""
        quotas = Quotas(event_attribute_value_characters=None)
        large = Event("x", attributes={"a": "b" * size})
        waits = Recorder(
            MemorySender(answer=away, quotas=quotas),
            spool=spool,
            max_bytes=SMALL,
            block_seconds=3_600,
        )
        with pytest.raises(SpoolFullError) as caught:
            waits.record("user-1", large)
        needed = caught.value.event_bytes
        assert needed is not None
        assert size < needed < size + 10_000
        assert str(caught.value) == (
            f"the event needs {needed:,} bytes, more than an empty spool has with a "
            "max_bytes of 100,000; raise max_bytes"
        )
        assert waits.stats() == RecorderStats()
        waits.close(0)

    def test_never_fits_beside_the_tables(self, path: Path) -> None:
        """The tables of an empty file take room, too."""
        quotas = Quotas(event_attribute_value_characters=None)
        recorder = Recorder(MemorySender(quotas=quotas), spool=path, max_bytes=SMALL)
        with pytest.raises(SpoolFullError) as caught:
            recorder.record("user-1", Event("x", attributes={"a": "b" * 85_000}))
        assert caught.value.event_bytes is not None
        recorder.close()

    def test_fits_later(self, sender: MemorySender, spool: Path | None) -> None:
        """What fits once others are delivered waits for it, and is no such case."""
        sender.answer = away
        recorder = Recorder(sender, spool=spool, max_bytes=SMALL, on_full="raise")
        error = fill(recorder)
        assert error.event_bytes is None
        assert str(error) == (
            f"the spool has {error.used_bytes:,} bytes; at most 100,000; find out why "
            "events are not delivered (`stats()`, `pinpoint-events spool status`), or "
            "raise max_bytes"
        )
        recorder.close(0)

    @pytest.mark.parametrize("on_full", ["drop_newest", "drop_oldest"])
    def test_drop(
        self, sender: MemorySender, spool: Path | None, on_full: OnFull
    ) -> None:
        """`drop_newest` keeps what it has; `drop_oldest` what has waited least."""
        sender.answer = away
        dropped: list[DroppedItem] = []
        recorder = Recorder(
            sender,
            spool=spool,
            max_bytes=SMALL,
            on_full=on_full,
            on_dropped=dropped.append,
        )
        event = Event("x", attributes={f"a{n}": "b" * 200 for n in range(20)})
        ids = [recorder.record("user-1", event) for _ in range(40)]
        stats = recorder.stats()
        assert stats.balances
        assert stats.recorded == 40
        assert stats.dropped == {"full": len(dropped)}
        expected = {
            "drop_newest": ids[stats.pending :],
            "drop_oldest": ids[: len(dropped)],
        }
        assert [item.event_id for item in dropped] == expected[on_full]
        assert {item.reason for item in dropped} == {DropReason.FULL}
        recorder.close(0)

    @pytest.mark.parametrize("on_full", ["drop_newest", "drop_oldest", "raise"])
    def test_locked_file(
        self, sender: MemorySender, path: Path, on_full: OnFull
    ) -> None:
        """The bound holds, and the books are exact, however often the file fails."""
        sender.answer = away
        recorder = OnDemandRecorder(
            sender, spool=path, max_bytes=SMALL, on_full=on_full
        )
        event = Event("x", attributes={f"a{n}": "b" * 200 for n in range(20)})
        refused = 0

        def record(count: int) -> None:
            nonlocal refused
            for _ in range(count):
                try:
                    recorder.record("user-1", event)
                except SpoolFullError:
                    refused += 1

        record(10)
        for _ in range(3):
            with writing(path):
                record(40)
                assert recorder.stats().spool_error is StoreErrorCode.LOCKED
            recorder.step(100)
            stats = recorder.stats()
            assert stats.spool_error is None
            assert stats.balances
            assert SMALL / 2 < used_bytes(path) <= SMALL
        assert recorder.stats().recorded + refused == 10 + 3 * 40
        recorder.close(0)


class TestHooks:
    """A hook may record."""

    def test_records(self, sender: MemorySender, spool: Path | None) -> None:
        """What is dropped within a hook is counted, and no hook is called for it."""
        dropped: list[DroppedItem] = []

        def report(item: DroppedItem) -> None:
            dropped.append(item)
            recorder.record("operators", Event("dropped"), event_id="inner")

        recorder = Recorder(sender, spool=spool, on_dropped=report)
        recorder.close()
        recorder.record("user-1", EVENT, event_id="v-1")
        recorder.record("user-1", EVENT, event_id="v-2")
        assert dropped == [
            DroppedItem("user-1", "v-1", DropReason.CLOSED),
            DroppedItem("user-1", "v-2", DropReason.CLOSED),
        ]
        assert recorder.stats() == RecorderStats(recorded=4, dropped={"closed": 4})

    def test_of_another_thread(self, sender: MemorySender) -> None:
        """While a hook runs, those of other threads are called."""
        dropped: list[str | None] = []

        def report(item: DroppedItem) -> None:
            dropped.append(item.event_id)
            if item.event_id == "v-1":
                other = threading.Thread(
                    target=recorder.record, args=["user-1", EVENT], kwargs=inner
                )
                other.start()
                other.join()

        inner = {"event_id": "v-2"}
        recorder = Recorder(sender, spool=None, on_dropped=report)
        recorder.close()
        recorder.record("user-1", EVENT, event_id="v-1")
        assert dropped == ["v-1", "v-2"]


SPOOL_MISTAKES = {
    "type": "spool is of type int; pass a str or Path",
    "character": "spool has a character that no path can have; pass another path",
    "no file": ("spool names no file; pass a path, or None to keep events in memory"),
    "URL": (
        "spool is a URL; pass the path of a file; the URL of the destination is the "
        "first argument"
    ),
    "home": (
        "spool begins with ~, which only a shell replaces; pass "
        "Path(spool).expanduser()"
    ),
    "directory": "spool is a directory, {directory}; pass the path of a file in it",
    "not regular": (
        "spool is no regular file, '/dev/null'; pass another path, or None to keep "
        "events in memory"
    ),
    "no directory": (
        "spool is in a directory that does not exist, {directory}; create it, and let "
        "the users whose processes record write there"
    ),
    "no database": (
        "spool is a file that is no spool: {file} is no SQLite database; pass another "
        "path"
    ),
    "store": (
        "spool is a file that is no spool: {file} is a store of events, as of "
        "SqliteSender; pass another path"
    ),
    "other": (
        "spool is a file that is no spool: {file} belongs to another program; pass "
        "another path"
    ),
}


class TestSpoolPath:
    """A spool that can never be one is refused by the constructor, by its name."""

    @pytest.mark.parametrize(
        "mistake,spool",
        [
            ("type", 3),
            ("character", "a\0b"),
            ("no file", ""),
            ("no file", ":memory:"),
            ("no file", "memory:"),
            ("URL", "sqlite:///events.db"),
            ("URL", "file:x.db"),
            ("URL", "kinesis://stream"),
            ("home", "~"),
            ("home", "~/x.db"),
            ("home", "~ada/x.db"),
            ("directory", "."),
            ("directory", "new/"),
            ("not regular", "/dev/null"),
            ("no directory", "none/spool.db"),
            ("no directory", "link.db"),
            ("no directory", "notes/spool.db"),
            ("no database", "notes"),
            ("no database", Path("notes")),
            ("store", "events.db"),
            ("other", "other.db"),
        ],
    )
    def test_is_refused(
        self, mistake: str, spool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is wrong, and what to do, is said; a file that exists is not changed."""
        monkeypatch.chdir(tmp_path)
        Path("notes").write_text("my notes\n" * 1_000)
        Path("link.db").symlink_to(tmp_path / "none" / "spool.db")
        SqliteSender("events.db").close()
        with closing(sqlite3.connect("other.db")) as other:
            other.execute("CREATE TABLE item (id INTEGER)")
        before = {
            each: each.read_bytes() for each in tmp_path.iterdir() if each.exists()
        }
        with pytest.raises(ConfigurationError) as caught:
            Recorder("memory:", spool=spool)
        directory = {".": ".", "new/": "new", "notes/spool.db": "notes"}
        shown = tmp_path / directory.get(str(spool), "none")
        assert str(caught.value) == SPOOL_MISTAKES[mistake].format(
            directory=repr(str(shown)), file=repr(str(tmp_path / str(spool)))
        )
        after = {
            each: each.read_bytes() for each in tmp_path.iterdir() if each.exists()
        }
        assert after == before

    def test_is_taken(
        self,
        sender: MemorySender,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Unusual names are, and links, and an empty file."""
        monkeypatch.chdir(tmp_path)
        Path("empty.db").touch()
        Path("link.db").symlink_to("target.db")
        for name in ("~x.db", "events", "a:b.db", "empty.db", "link.db"):
            with Recorder(sender, spool=name) as recorder:
                assert recorder.stats().spool_error is None
            assert Path(name).is_file()


class TestLog:
    """Where logging is not configured, Python prints the text of warnings."""

    PROGRAM = """
import logging, os, sys
from pinpoint_events import Event, MemorySender, Recorder, TransportError

def away(request):
    raise TransportError("secret", is_retry_safe=True)

if len(sys.argv) > 2:
    logging.getLogger("pinpoint_events").addHandler(logging.NullHandler())
recorder = Recorder(
    MemorySender(answer=away), spool=sys.argv[1], on_full="drop_newest", exit_seconds=0
)
for number in range(500):
    recorder.record("secret", Event("secret"), event_id="secret")
recorder.flush(0.1)
"""

    def printed(self, path: Path, *options: str) -> list[str]:
        """Return what a program prints whose spool cannot be used."""
        path.with_name(f"{path.name}-wal").mkdir()
        ran = subprocess.run(
            [sys.executable, "-c", self.PROGRAM, path, *options],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        assert ran.stdout == ""
        return ran.stderr.splitlines()

    def test_is_printed(self, path: Path) -> None:
        """It says what fails, why, and at the end how much is lost, and no more."""
        assert self.printed(path) == [
            f"{NO_FILE} (the store '{path}' {BROKEN})",
            f"{OUTAGE} (TransportError, other)",
            "recorded items were dropped: 500 (reason: exit)",
        ]

    def test_is_silenced(self, path: Path) -> None:
        """By a handler of the application's."""
        assert self.printed(path, "silenced") == []

    def test_the_rest_at_the_end(
        self, sender: MemorySender, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What no line has counted is counted by one when the recorder is closed."""
        recorder = Recorder(sender, spool=None)
        reports = recorder._reports
        for item in range(6):
            reports.dropped([("user-1", f"v-{item}")], DropReason.FULL)
        reports._written["dropped:full"] -= 60.0
        for item in range(4):
            reports.dropped([("user-1", f"v-{item}")] * 2, DropReason.FULL)
        recorder.close()
        recorder.close()
        assert [
            (record.message, vars(record)["pinpoint_events.others"])
            for record in caplog.records
        ] == [
            ("recorded items were dropped: 1 (reason: full)", 0),
            ("recorded items were dropped: 7 (reason: full)", 6),
            ("recorded items were dropped: 6 (reason: full)", 5),
        ]

    def test_in_a_child(
        self, sender: MemorySender, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What the parent of a fork has left out is counted by the parent alone."""
        recorder = Recorder(sender, spool=None)
        for _ in range(2):
            recorder._reports.dropped([("user-1", "v-1")], DropReason.FULL)
        recorder._reports._pid = 0
        recorder.close()
        assert len(caplog.records) == 1


class TestBrokenFile:
    """A file that cannot be used is reported once; recording goes on in memory."""

    def test_cannot_be_used(
        self, sender: MemorySender, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Such as one whose log cannot be written."""
        (tmp_path / "spool.db-wal").mkdir()
        errors: list[Any] = []
        with Recorder(
            sender, spool=tmp_path / "spool.db", on_error=errors.append
        ) as recorder:
            assert recorder.stats().spool_error is StoreErrorCode.IO
            recorder.record("user-1", EVENT, event_id="v-1")
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(
                recorded=1, delivered=1, spool_error=StoreErrorCode.IO
            )
        assert sender.events == {("user-1", "v-1"): EVENT}
        assert [error.code for error in errors] == [StoreErrorCode.IO]
        assert [record.message for record in caplog.records] == [
            f"{NO_FILE} (the store '{tmp_path / 'spool.db'}' {BROKEN})"
        ]

    @needs_posix
    def test_symbolic_link_to_itself(self, sender: MemorySender, path: Path) -> None:
        """A path that leads to no file is such a one, too."""
        path.symlink_to(path)
        errors: list[Any] = []
        with Recorder(sender, spool=path, on_error=errors.append) as recorder:
            recorder.record("user-1", EVENT)
            assert recorder.flush()
            assert recorder.stats().spool_error is StoreErrorCode.CANNOT_OPEN
        assert [error.code for error in errors] == [StoreErrorCode.CANNOT_OPEN]

    def test_cannot_be_looked_for(self, sender: MemorySender, tmp_path: Path) -> None:
        """One of which the system does not say whether it exists is no mistake."""
        with Recorder(sender, spool=tmp_path / ("x" * 300)) as recorder:
            assert recorder.stats().spool_error is StoreErrorCode.CANNOT_OPEN

    def test_beginning_is_damaged(self, sender: MemorySender, path: Path) -> None:
        """A spool that SQLite no longer takes for a database stays as it is."""
        Recorder(sender, spool=path).close()
        content = bytes(20) + path.read_bytes()[20:]
        for damaged, claim in ((content, False), (bytes(len(content)), True)):
            path.write_bytes(damaged)
            if claim:  # what a recorder that delivered has left
                path.with_name("spool.db-deliverer").touch()
            with Recorder(sender, spool=path) as recorder:
                recorder.record("user-1", EVENT)
                assert recorder.flush()
                assert recorder.stats().spool_error is StoreErrorCode.NOT_A_DATABASE
            assert path.read_bytes() == damaged

    def test_is_locked(self, sender: MemorySender, path: Path) -> None:
        """What is recorded meanwhile moves into the file when it is free again."""
        sender.answer = away
        with Recorder(sender, spool=path) as recorder:
            with writing(path):
                recorder.record("user-1", EVENT, event_id="v-1")
                assert recorder.stats().spool_error is StoreErrorCode.LOCKED
            while recorder.stats().spool_error is not None:
                recorder.flush(0.1)
            assert recorder.stats() == RecorderStats(recorded=1, pending=1)
            recorder.close(0)
        with sqlite3.connect(path) as connection:
            rows = connection.execute("SELECT event_id FROM item").fetchall()
        connection.close()
        assert rows == [("v-1",)]

    def test_is_damaged(self, sender: MemorySender, path: Path) -> None:
        """It is renamed, so that it can be examined, and a new one takes its place."""
        sender.answer = away
        with Recorder(sender, spool=path) as recorder:
            for _ in range(100):
                recorder.record("user-1", EVENT)
            recorder.close(0)
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\x5a" * (size - 4096))
        sender.answer = refusing()
        with Recorder(sender, spool=path) as recorder:
            while not list(path.parent.glob("spool.db.damaged-*")):
                recorder.record("user-1", EVENT)
                recorder.flush(0.1)
            while recorder.stats().spool_error is not None:
                recorder.flush(0.1)
            assert recorder.flush()
            assert recorder.stats().balances


class TestSharing:
    """Several recorders share a file; one of them delivers."""

    def test_the_other_delivers(self, path: Path) -> None:
        """What one records, the one that has the claim delivers, when it is asked."""
        first, second = MemorySender(), MemorySender()
        with (
            Recorder(first, spool=path) as one,
            Recorder(second, spool=path, flush_seconds=60) as other,
        ):
            one.record("user-1", EVENT, event_id="v-1")
            assert one.flush()
            other.record("user-1", EVENT, event_id="v-2")
            assert other.flush()
            assert one.stats() == other.stats()
            assert other.stats() == RecorderStats(recorded=2, delivered=2)
        assert {**first.events, **second.events} == {
            ("user-1", "v-1"): EVENT,
            ("user-1", "v-2"): EVENT,
        }

    def test_takes_over(self, path: Path) -> None:
        """When the one that delivers is closed, another takes over."""
        first, second = MemorySender(), MemorySender()
        one = Recorder(first, spool=path)
        one.record("user-1", EVENT, event_id="v-1")
        assert one.flush()
        with Recorder(second, spool=path) as other:
            one.close()
            other.record("user-1", EVENT, event_id="v-2")
            assert other.flush()
        assert first.events == {("user-1", "v-1"): EVENT}
        assert second.events == {("user-1", "v-2"): EVENT}


class TestDestinations:
    """Recorders of one process that share a file send to the same place."""

    def test_another_url(self, path: Path, tmp_path: Path) -> None:
        """Another URL is refused, by whatever name the file is given."""
        link = tmp_path / "link.db"
        link.symlink_to(path)
        orders, clicks = (f"sqlite:///{tmp_path}/{name}.db" for name in ("o", "c"))
        recorder = Recorder(orders, spool=path)
        for spool in (path, link):
            with pytest.raises(ConfigurationError) as caught:
                Recorder(clicks, spool=spool)
            assert str(caught.value) == (
                f"spool is the file '{spool}', from which another recorder of this "
                "process sends to another URL; give each destination a separate spool"
            )
        recorder.close()

    def test_the_same(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same URL is taken, and so are senders, whose place is not known."""
        monkeypatch.chdir(tmp_path)
        recorders = [
            Recorder(to, spool=path)
            for to in (
                "sqlite:///o.db",
                MemorySender(),
                f"sqlite:///{tmp_path}/o.db",
                MemorySender,
                "sqlite:///o.db",
            )
        ]
        for recorder in recorders:
            recorder.close()

    def test_one_after_the_other(self, path: Path, tmp_path: Path) -> None:
        """A recorder that is closed, or that nobody has, does not count."""
        first, second, third = (f"sqlite:///{tmp_path}/{name}.db" for name in "abc")
        Recorder(first, spool=path).close()
        with pytest.raises(ConfigurationError):
            Recorder(first, spool=path, application_id="another")
        with warnings.catch_warnings():
            # From Python 3.13 on: that nobody has closed it. That is what we are after.
            warnings.simplefilter("ignore", ResourceWarning)
            Recorder(second, spool=path)
            gc.collect()
        Recorder(third, spool=path).close()
        assert path.resolve() not in open_recorders._open

    def test_store(self, path: Path) -> None:
        """The file of the spool is not that of the store."""
        with pytest.raises(ConfigurationError) as caught:
            Recorder(f"sqlite:///{path}", spool=path)
        assert str(caught.value) == (
            "spool is the file that the events are sent to; pass another path"
        )
        assert not path.exists()


MANY = """
import atexit, sys, time
started = []
atexit.register(lambda: print(time.monotonic() - started[0]))
from pinpoint_events import Event, MemorySender, Recorder, TransportError

def away(request):
    raise TransportError("down", is_retry_safe=True)

sent = MemorySender()
senders = [*(MemorySender(answer=away) for _ in range(15)), sent]
for sender in senders:
    recorder = Recorder(sender, spool=None, exit_seconds=1, flush_seconds=3_600)
    recorder.record("user-1", Event("x"))
atexit.register(lambda: started.append(time.monotonic()))
"""


class TestMany:
    """A process that makes a recorder for each request is warned, and ends."""

    def test_is_warned(self, tmp_path: Path) -> None:
        """Once, when there are more on one file than any process needs."""
        program = """
import sys
from pinpoint_events import MemorySender, Recorder
for spool in (*["few.db"] * 8, *["many.db"] * 12, None, None):
    Recorder(MemorySender(), spool=spool).start()
"""
        ran = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            text=True,
            timeout=60,
        )
        assert ran.stderr == (
            "9 recorders of this process are open on one spool: make one, and keep it\n"
        )

    def test_is_warned_here(
        self,
        path: Path,
        sender: MemorySender,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The line has their number."""
        monkeypatch.setattr(open_recorders, "_warned", set())
        recorders = [Recorder(sender, spool=path) for _ in range(10)]
        for recorder in recorders:
            recorder.start()
        (line,) = caplog.records
        assert vars(line)["pinpoint_events.count"] == 9
        for recorder in recorders:
            recorder.close()

    def test_end_together(self) -> None:
        """The end takes no longer than for one of them."""
        ran = subprocess.run(
            [sys.executable, "-c", MANY],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
        assert float(ran.stdout) < 10.0


class TestFlush:
    """Events are delivered by number, by age, and on demand."""

    def test_by_number(self, sender: MemorySender, spool: Path | None) -> None:
        """As soon as so many wait."""
        recorder = Recorder(sender, spool=spool, flush_events=5, flush_seconds=3600)
        for number in range(5):
            recorder.record("user-1", EVENT, event_id=f"v-{number}")
        while recorder.stats().pending:
            os.sched_yield()
        assert len(sender.events) == 5
        recorder.close()

    def test_by_age(self, sender: MemorySender, spool: Path | None) -> None:
        """When the first has waited for so long."""
        recorder = Recorder(sender, spool=spool, flush_seconds=0.05)
        recorder.record("user-1", EVENT, event_id="v-1")
        while recorder.stats().pending:
            os.sched_yield()
        assert len(sender.events) == 1
        recorder.close()

    def test_in_a_hook(self, sender: MemorySender, spool: Path | None) -> None:
        """A hook that flushes does not wait for itself."""
        sender.answer = refusing("v-1")
        flushed: list[bool] = []
        with Recorder(
            sender,
            spool=spool,
            on_rejected=lambda _: flushed.append(recorder.flush(60)),
        ) as recorder:
            recorder.record("user-1", EVENT, event_id="v-1")
            assert recorder.flush()
        assert flushed == [True]

    def test_of_nothing(self, sender: MemorySender, spool: Path | None) -> None:
        """It is done at once."""
        with Recorder(sender, spool=spool) as recorder:
            assert recorder.flush(0)


class TestClose:
    """A recorder is closed once, and each call says what came of it."""

    @pytest.mark.parametrize(
        "timeout", [None, "1", True, float("nan"), 10**400, timedelta(seconds=1)]
    )
    def test_wrong_timeout(self, timeout: Any, sender: MemorySender) -> None:
        """A timeout that is none is refused, and the recorder stays open."""
        recorder = Recorder(sender, spool=None, flush_seconds=3600)
        recorder.record("user-1", EVENT)
        calls: list[Callable[[], object]] = [
            lambda: recorder.flush(timeout),
            lambda: recorder.close(timeout),
            lambda: asyncio.run(recorder.aflush(timeout)),
            lambda: asyncio.run(recorder.aclose(timeout)),
        ]
        for call in calls:
            with pytest.raises(ConfigurationError) as caught:
                call()
            assert str(caught.value) == "timeout is no number of seconds"
        recorder.record("user-1", EVENT)
        assert recorder.close()
        assert recorder.stats() == RecorderStats(recorded=2, delivered=2)

    def test_again(self, sender: MemorySender, spool: Path | None) -> None:
        """A later call returns what the first did."""
        recorder = Recorder(sender, spool=spool)
        assert [recorder.close(), recorder.close()] == [True, True]
        sender.answer = away
        recorder = Recorder(sender, spool=spool)
        recorder.record("user-1", EVENT)
        assert [recorder.close(0.1), recorder.close()] == [False, False]

    def test_by_two_threads(self, sender: MemorySender, spool: Path | None) -> None:
        """A second call waits for the first, within its own timeout."""
        is_sent, answers = threading.Event(), threading.Event()

        def answer(request: EventsRequest) -> EventsResponse:
            is_sent.set()
            answers.wait(60)
            return refusing()(request)

        sender.answer = answer
        recorder = Recorder(sender, spool=spool, flush_seconds=3600)
        recorder.record("user-1", EVENT)
        results: list[bool] = []
        first = threading.Thread(target=lambda: results.append(recorder.close(60)))
        first.start()
        assert is_sent.wait(60)
        assert not recorder.close(0.1)
        assert recorder.stats().pending == 1
        answers.set()
        assert recorder.close(60)
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        first.join()
        assert results == [True]

    def test_by_a_hook(self, sender: MemorySender) -> None:
        """A hook that closes a recorder while it is closed does not wait for itself."""
        sender.answer = refusing("v-1")
        closed: list[bool] = []
        recorder = Recorder(
            sender,
            spool=None,
            flush_seconds=3600,
            on_rejected=lambda _: closed.append(recorder.close(1000)),
        )
        recorder.record("user-1", EVENT, event_id="v-1")
        assert recorder.close(60)
        assert closed == [False]

        sender.answer = away
        recorder = Recorder(
            sender,
            spool=None,
            on_dropped=lambda _: closed.append(recorder.close(1000)),
        )
        recorder.record("user-1", EVENT)
        assert not recorder.close(0)
        assert closed == [False, False]

    def test_in_a_child(self, sender: MemorySender, path: Path) -> None:
        """A fork while another thread closes it leaves a recorder that can be."""
        is_sent, answers = threading.Event(), threading.Event()

        def answer(request: EventsRequest) -> EventsResponse:
            is_sent.set()
            answers.wait(60)
            return refusing()(request)

        sender.answer = answer
        recorder = Recorder(sender, spool=path, flush_seconds=3600)
        recorder.record("user-1", EVENT)
        first = threading.Thread(target=lambda: recorder.close(60))
        first.start()
        assert is_sent.wait(60)
        child = os.fork()
        if child == 0:  # pragma: no cover - coverage measures the parent
            os._exit(0 if [recorder.close(), recorder.close()] == [False] * 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        answers.set()
        first.join()
        assert recorder.close()


class TestForks:
    """A recorder works in both processes after a fork."""

    def test_both_record(self, tmp_path: Path, path: Path) -> None:
        """What parent and child record is delivered, once."""
        store = tmp_path / "events.db"
        recorder = Recorder(f"sqlite:///{store}", spool=path)
        recorder.record("user-1", EVENT, event_id="before")
        child = os.fork()
        if child == 0:  # pragma: no cover - coverage measures the parent
            recorder.record("user-1", EVENT, event_id="child")
            os._exit(0)
        recorder.record("user-1", EVENT, event_id="parent")
        assert os.waitpid(child, 0)[1] == 0
        assert recorder.flush()
        assert recorder.stats() == RecorderStats(recorded=3, delivered=3)
        recorder.close()
        with SqliteSender(store) as sender, sqlite3.connect(store) as connection:
            rows = connection.execute("SELECT event_id FROM events").fetchall()
            assert sender.application_id == "local"
        connection.close()
        assert sorted(rows) == [("before",), ("child",), ("parent",)]

    def test_memory_is_the_parents(self, sender: MemorySender) -> None:
        """A child begins with an empty memory."""
        sender.answer = away
        recorder = Recorder(sender, spool=None)
        recorder.record("user-1", EVENT)
        child = os.fork()
        if child == 0:  # pragma: no cover - coverage measures the parent
            recorder.record("user-1", EVENT)
            stats = recorder.stats()
            os._exit(0 if stats == RecorderStats(recorded=1, pending=1) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert recorder.stats() == RecorderStats(recorded=1, pending=1)
        recorder.close(0)


class TestObject:
    """A recorder is one object of one process."""

    def test_is_not_copied(self, sender: MemorySender) -> None:
        """It cannot be pickled or copied."""
        recorder = Recorder(sender, spool=None)
        for action in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                action(recorder)

    def test_starts_no_thread(self, sender: MemorySender, path: Path) -> None:
        """Before it is used, it has no thread."""
        begun = BegunThreads()
        recorder = Recorder(sender, spool=path)
        assert len(begun) == 0
        recorder.start()
        assert len(begun) == 1
        recorder.close()
        assert len(begun) == 0
