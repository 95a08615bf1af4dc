import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

import pinpoint_events.recorder as recorder_package
from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ConfigurationErrorCode,
    ForbiddenError,
    InternalServerError,
    StoreErrorCode,
    TransportError,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.recorder import (
    DroppedItem,
    DropReason,
    Recorder,
    RecorderStats,
    process_end,
)
from pinpoint_events.recorder._loading import loading
from pinpoint_events.senders import MemorySender
from pinpoint_events.senders._accepted import accepted
from tests.commands import takes_long
from tests.recorders import OnDemandRecorder
from tests.samples import NO_QUOTAS, event
from tests.stores import writing
from tests.threads import BegunThreads


@pytest.fixture
def sender() -> MemorySender:
    """Make a sender that accepts everything."""
    return MemorySender()


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Name a file, or none."""
    return tmp_path / "spool.db" if request.param == "file" else None


class TestWhenToDeliver:
    """A recorder delivers when enough waits, or has waited for long enough."""

    @pytest.fixture
    def recorder(
        self, sender: MemorySender, spool: Path | None
    ) -> Iterator[OnDemandRecorder]:
        """Open a recorder that delivers three events, or after two seconds."""
        recorder = OnDemandRecorder(
            sender, spool=spool, flush_events=3, flush_seconds=2.0
        )
        yield recorder
        recorder.close()

    def test_waits_for_more(
        self, recorder: OnDemandRecorder, sender: MemorySender
    ) -> None:
        """One event alone waits for others."""
        recorder.record("e", event())
        recorder.step()
        recorder.step(1.0)
        assert sender.requests == ()

    def test_enough(self, recorder: OnDemandRecorder, sender: MemorySender) -> None:
        """The third is delivered together with those before it."""
        for number in range(3):
            recorder.record("e", event(), event_id=f"{number}")
        recorder.step()
        assert [request.event_count for request in sender.requests] == [3]

    def test_after_a_time(
        self, recorder: OnDemandRecorder, sender: MemorySender
    ) -> None:
        """What has waited for `flush_seconds` is delivered, however little it is."""
        recorder.step()
        recorder.record("e", event())
        for _ in range(9):
            recorder.step(0.25)
        assert [request.event_count for request in sender.requests] == [1]


class TestOnDemand:
    """Without a thread, `flush` and `close` deliver in the thread that calls them."""

    def test_flush(self, sender: MemorySender, spool: Path | None) -> None:
        """All that was recorded is delivered, and no time passes."""
        recorder = OnDemandRecorder(sender, spool=spool)
        recorder.record("e", event(), event_id="v")
        assert recorder.flush()
        assert list(sender.events) == [("e", "v")]
        assert recorder._time.waits == []
        recorder.close()

    def test_flush_waits_for_the_sender(
        self, sender: MemorySender, spool: Path | None
    ) -> None:
        """An outage is waited for; what is left then is pending."""
        answers = iter([TransportError("down"), TransportError("down")])

        def answer(request: EventsRequest) -> EventsResponse:
            for error in answers:
                raise error
            return accepted(request)

        sender.answer = answer
        recorder = OnDemandRecorder(sender, spool=spool)
        recorder.record("e", event())
        assert not recorder.flush(0.4)
        assert recorder.stats().pending == 1
        assert recorder.flush(5)
        assert (recorder.stats().delivered, recorder.stats().pending) == (1, 0)
        recorder.close()

    def test_hook_that_flushes(self, spool: Path | None) -> None:
        """A hook that calls `flush` does not wait for itself."""
        flushed: list[bool] = []
        sender = MemorySender(answer=lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
        recorder: OnDemandRecorder = OnDemandRecorder(
            sender,
            spool=spool,
            on_error=lambda _: flushed.append(recorder.flush(9.0)),
        )
        recorder.record("e", event())
        recorder.step(5)
        assert flushed == [False]
        assert recorder._time.waits == []
        sender.answer = accepted
        recorder.close()

    def test_full(self, sender: MemorySender) -> None:
        """What blocks for room delivers what takes it."""
        recorder = OnDemandRecorder(sender, spool=None, max_bytes=100_000)
        large = event(attributes={f"k{number}": "x" * 200 for number in range(40)})
        for _ in range(20):
            recorder.record("e", large)
        assert recorder.close()
        assert len(sender.events) == 20


class TestSettling:
    """What became of items is written down once, whatever happens to the file."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Name the file."""
        return tmp_path / "spool.db"

    def test_locked(self, sender: MemorySender, path: Path) -> None:
        """
        What was sent and could not be written is not sent again.

        Nothing else of the file is sent until it is; what is in memory is.
        """
        recorder = OnDemandRecorder(sender, spool=path, flush_seconds=0.0)
        for number in range(101):
            recorder.record("e", event(), event_id=f"{number}")
        with writing(path):
            recorder.step()
            recorder.record("e", event(), event_id="in memory")
            recorder.step(0.1)
            assert [request.event_count for request in sender.requests] == [100, 1]
            assert list(sender.events)[-1] == ("e", "in memory")
            assert recorder.stats().pending == 101
        recorder.step(2.0)
        assert [request.event_count for request in sender.requests] == [100, 1, 1]
        assert recorder.stats() == RecorderStats(recorded=102, delivered=102)
        recorder.close()

    def test_locked_again(self, sender: MemorySender, path: Path) -> None:
        """It is tried until it succeeds."""
        recorder = OnDemandRecorder(sender, spool=path, flush_seconds=0.0)
        recorder.record("e", event())
        for _ in range(3):
            with writing(path):
                recorder.step(70.0)
            recorder.pass_time(70.0)
        recorder.step()
        assert len(sender.requests) == 1
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        recorder.close()

    def test_too_old(self, path: Path) -> None:
        """What is too old ends once the file can be written, also without a sender."""

        def no_sender() -> MemorySender:
            raise ConfigurationError("no region")

        recorder = OnDemandRecorder(no_sender, spool=path, max_age=timedelta(seconds=1))
        recorder.record("e", event())
        recorder.pass_time(time.time())  # to a time after that of the event
        with writing(path):
            recorder.step()
            assert recorder.stats() == RecorderStats(
                recorded=1, pending=1, spool_error=StoreErrorCode.LOCKED
            )
        recorder.step(2.0)
        assert recorder.stats() == RecorderStats(recorded=1, dropped={"too_old": 1})
        recorder.close()

    def test_dropped_meanwhile(self, spool: Path | None) -> None:
        """An item that is dropped while it is sent is told as dropped, and no more."""
        told: list[object] = []

        def answer(request: EventsRequest) -> EventsResponse:
            assert recorder._drop_oldest()
            raise BadRequestError(400, "BadRequestException")

        recorder: OnDemandRecorder = OnDemandRecorder(
            MemorySender(answer=answer),
            spool=spool,
            on_rejected=told.append,
            on_dropped=told.append,
        )
        recorder.record("e", event(), event_id="v")
        assert recorder.flush()
        assert told == [DroppedItem("e", "v", DropReason.FULL)]
        assert recorder.stats() == RecorderStats(recorded=1, dropped={"full": 1})
        recorder.close()

    def test_interrupted(self, sender: MemorySender, spool: Path | None) -> None:
        """A Ctrl-C while a request is sent leaves its items where they are."""

        def answer(request: EventsRequest) -> EventsResponse:
            raise KeyboardInterrupt

        sender.answer = answer
        recorder = OnDemandRecorder(sender, spool=spool)
        recorder.record("e", event(), event_id="v")
        with pytest.raises(KeyboardInterrupt):
            recorder.flush()
        sender.answer = accepted
        assert recorder.flush()
        assert list(sender.events) == [("e", "v")]
        recorder.close()

    def test_replaced(self, sender: MemorySender, path: Path) -> None:
        """What could not be written is not written into another file."""
        recorder = OnDemandRecorder(sender, spool=path, flush_seconds=0.0)
        recorder.record("e", event())
        with writing(path):
            recorder.step()
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).rename(path.with_name(f"old.db{end}"))
        recorder.record("e", event())
        recorder.step(70.0)  # finds that it was moved
        recorder.step(70.0)
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        assert [request.event_count for request in sender.requests] == [1, 1]
        recorder.close()


class TestFlushed:
    """`flush` and `close` say whether anything waits."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Name the file."""
        return tmp_path / "spool.db"

    def test_file_is_gone(self, sender: MemorySender, path: Path) -> None:
        """As long as there is no file in place of one that is gone, no one knows."""
        recorder = OnDemandRecorder(sender, spool=path)
        recorder.record("e", event())
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).rename(path.with_name(f"old.db{end}"))
        path.mkdir()
        assert not recorder.flush(3.0)
        recorder.record("e", event())
        assert not recorder.flush(3.0)
        assert len(sender.requests) == 1
        path.rmdir()
        assert recorder.flush(70.0)
        recorder.close()

    def test_directory_is_gone(self, sender: MemorySender, tmp_path: Path) -> None:
        """If nothing waited in it, a file that is gone keeps no one waiting."""
        directory = tmp_path / "spools"
        directory.mkdir()
        recorder = OnDemandRecorder(sender, spool=directory / "spool.db")
        recorder.record("e", event())
        assert recorder.flush(3.0)
        shutil.rmtree(directory)
        for recorded in (2, 3):
            recorder.record("e", event())
            assert recorder.flush(3.0)
            assert recorder.stats() == RecorderStats(
                recorded=recorded,
                delivered=recorded,
                spool_error=StoreErrorCode.CANNOT_OPEN,
            )
        assert recorder.close(3.0)

    def test_moves_into_the_file(self, sender: MemorySender, path: Path) -> None:
        """What moves from memory into the file meanwhile waits there."""

        def answer(request: EventsRequest) -> EventsResponse:
            raise TransportError("down")

        sender.answer = answer
        recorder = OnDemandRecorder(sender, spool=path)
        recorder.start()
        with writing(path):
            recorder.record("e", event())
        assert not recorder.flush(3.0)
        assert recorder.stats() == RecorderStats(recorded=1, pending=1)
        recorder.close(0.0)

    def test_there_was_no_file(self, sender: MemorySender, path: Path) -> None:
        """A file that never could be used has nothing that was recorded."""
        path.with_name("spool.db-wal").mkdir()
        recorder = OnDemandRecorder(sender, spool=path)
        recorder.record("e", event())
        assert recorder.flush(1.0)
        assert len(sender.requests) == 1
        assert recorder.close(1.0)

    def test_file_cannot_be_written(self, path: Path) -> None:
        """What is in a file that is locked waits."""
        recorder = OnDemandRecorder(MemorySender(), spool=path)
        recorder.record("e", event())
        with writing(path):
            assert not recorder.flush(0.3)
        assert recorder.flush()
        recorder.close()

    def test_nothing_recorded(self, sender: MemorySender, path: Path) -> None:
        """One that has recorded nothing knows what others have left."""

        def answer(request: EventsRequest) -> EventsResponse:
            raise TransportError("down")

        sender.answer = answer
        first = OnDemandRecorder(sender, spool=path)
        first.record("e", event())
        assert not first.close(0.0)
        assert not OnDemandRecorder(sender, spool=path).close()
        sender.answer = accepted
        last = OnDemandRecorder(sender, spool=path)
        last.start()
        assert last.close()
        assert OnDemandRecorder(sender, spool=path).close()


CANNOT_SEND = (
    TransportError("down"),
    ForbiddenError(403, "ForbiddenException"),
    InternalServerError(500, "InternalServerErrorException"),
    ConfigurationError("no key", ConfigurationErrorCode.NO_CREDENTIALS),
    ConfigurationError("no config"),
)


class TestTurns:
    """Of several recorders on one file, none that cannot send keeps others from it."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Name the file."""
        return tmp_path / "spool.db"

    @pytest.fixture(params=CANNOT_SEND, ids=range(5))
    def cut_off(
        self, path: Path, request: pytest.FixtureRequest
    ) -> Iterator[OnDemandRecorder]:
        """Open a recorder that has the claim, an event, and cannot send."""

        def answer(_: EventsRequest) -> EventsResponse:
            raise request.param

        recorder = OnDemandRecorder(
            MemorySender(answer=answer), spool=path, flush_seconds=0.0
        )
        recorder.record("e", event(), event_id="its own")
        recorder.step()
        yield recorder
        recorder.close(0.0)

    def test_after_a_while(
        self, sender: MemorySender, path: Path, cut_off: OnDemandRecorder
    ) -> None:
        """Another one delivers what the first cannot, once its waits are long."""
        other = OnDemandRecorder(sender, spool=path, flush_seconds=0.0)
        other.record("e", event(), event_id="of the other")
        other.step()
        assert sender.requests == ()
        for _ in range(60):
            cut_off.step(1.0)
        other.step()
        assert list(sender.events) == [("e", "its own"), ("e", "of the other")]
        assert other.close()

    def test_with_many(
        self, sender: MemorySender, path: Path, cut_off: OnDemandRecorder
    ) -> None:
        """Whatever waits."""
        for number in range(500):
            cut_off.record("e", event(), event_id=f"{number}")
        other = OnDemandRecorder(sender, spool=path, flush_seconds=0.0)
        for _ in range(15):
            cut_off.step(1.0)
            other.step(1.0)
        assert len(sender.events) == 501
        assert other.close()

    def test_asked(
        self, sender: MemorySender, path: Path, cut_off: OnDemandRecorder
    ) -> None:
        """... or at once, if the other one asks for it."""
        other = OnDemandRecorder(sender, spool=path)
        other.record("e", event(), event_id="of the other")
        assert not other.flush(0.0)
        cut_off.step()
        assert other.flush(0.0)
        assert list(sender.events) == [("e", "its own"), ("e", "of the other")]
        assert other.close()

    def test_asked_when_it_can(self, path: Path, cut_off: OnDemandRecorder) -> None:
        """Who is asked does not wait for the end of an outage."""
        other = OnDemandRecorder(MemorySender(), spool=path)
        for _ in range(8):
            cut_off.step(1.0)
        first = cut_off.worker._dispatcher._sender
        assert isinstance(first, MemorySender)
        first.answer = accepted
        assert not other.flush(0.0)
        cut_off.step()
        assert list(first.events) == [("e", "its own")]
        assert other.close()

    def test_each_once(
        self, sender: MemorySender, path: Path, cut_off: OnDemandRecorder
    ) -> None:
        """What another one has delivered meanwhile is not sent again."""
        first = cut_off.worker._dispatcher._sender
        assert isinstance(first, MemorySender)
        for _ in range(60):
            cut_off.step(1.0)
        other = OnDemandRecorder(sender, spool=path)
        assert other.flush()
        other.close()
        first.answer = accepted
        cut_off.record("e", event(), event_id="later")
        assert cut_off.flush()
        assert list(first.events) == [("e", "later")]
        assert cut_off.stats() == RecorderStats(recorded=2, delivered=2)

    def test_end_of_the_process(self, sender: MemorySender, path: Path) -> None:
        """What others record while a process ends is theirs to deliver."""
        ending = OnDemandRecorder(sender, spool=path)
        ending.record("e", event())
        ending.process_ends()
        other = OnDemandRecorder(sender, spool=path)
        other.record("e", event())
        assert other.flush(0.0)
        assert other.close()
        ending.close()


class TestFull:
    """What does not fit is dropped, or makes room."""

    def test_not_for_one(self, spool: Path | None) -> None:
        """An event that takes half of the room does not drive out the others."""
        recorder = OnDemandRecorder(
            MemorySender(quotas=NO_QUOTAS),
            spool=spool,
            max_bytes=100_000,
            on_full="drop_oldest",
        )
        for number in range(30):
            recorder.record("e", event(), event_id=f"{number}")
        recorder.record("e", event(attributes={"k": "x" * 99_000}))
        assert recorder.stats() == RecorderStats(
            recorded=31, dropped={"full": 1}, pending=30
        )
        recorder.close()


class TestWhatSendersRaise:
    """Nothing that a sender, a hook or a meter raises ends the delivery."""

    @takes_long
    def test_cancelled(self, spool: Path | None) -> None:
        """An exception that is no `Exception` is treated as an outage."""
        errors: list[BaseException] = [asyncio.CancelledError()]

        def answer(request: EventsRequest) -> EventsResponse:
            if errors:
                raise errors.pop()
            return accepted(request)

        sender = MemorySender(answer=answer)
        with Recorder(sender, spool=spool) as recorder:
            recorder.record("e", event())
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(recorded=1, delivered=1)

    def test_system_exit(self, spool: Path | None) -> None:
        """The thread goes on after `SystemExit`, of a sender and of a hook."""
        errors: list[BaseException] = [SystemExit(1)]

        def answer(request: EventsRequest) -> EventsResponse:
            if errors:
                raise errors.pop()
            raise BadRequestError(400, "BadRequestException")

        def leave(item: object) -> None:
            raise SystemExit(1)

        sender = MemorySender(answer=answer)
        with Recorder(sender, spool=spool, on_rejected=leave) as recorder:
            recorder.record("e", event())
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(recorded=1, rejected=1)

    def test_interrupted_close(self, sender: MemorySender) -> None:
        """After Ctrl-C in `close` the recorder is closed, and its events counted."""

        def interrupt(request: EventsRequest) -> EventsResponse:
            raise KeyboardInterrupt

        sender.answer = interrupt
        dropped: list[DroppedItem] = []
        recorder = OnDemandRecorder(sender, spool=None, on_dropped=dropped.append)
        recorder.record("e", event(), event_id="v")
        with pytest.raises(KeyboardInterrupt):
            recorder.close()
        assert not recorder.close()
        assert recorder.stats() == RecorderStats(recorded=1, dropped={"exit": 1})
        assert dropped == [DroppedItem("e", "v", DropReason.EXIT)]

    def test_hook_is_interrupted(self, sender: MemorySender) -> None:
        """Ctrl-C in a hook is not swallowed."""

        def interrupt(item: object) -> None:
            raise KeyboardInterrupt

        recorder = OnDemandRecorder(sender, spool=None, on_dropped=interrupt)
        recorder.close()
        with pytest.raises(KeyboardInterrupt):
            recorder.record("e", event())

    def test_no_thread_at_first(
        self, sender: MemorySender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the system has no thread to give, a later call starts it."""
        failures = [RuntimeError("can't start new thread")]
        start = threading.Thread.start

        def fail_once(thread: threading.Thread) -> None:
            if failures:
                raise failures.pop()
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", fail_once)
        begun = BegunThreads()
        recorder = Recorder(sender, spool=None)
        recorder.record("e", event())
        recorder.record("e", event())
        assert len(begun) == 0
        assert recorder.flush(0)  # in this thread
        recorder._running_worker()._start_at = 0.0
        recorder.record("e", event())
        assert len(begun) == 1
        assert recorder.flush()
        assert recorder.close(float("inf"))


class TestRetries:
    """The file is tried again, however much there is to deliver."""

    def test_in_a_long_step(self, tmp_path: Path) -> None:
        """A step ends when it is time to try the file again."""
        path = tmp_path / "spool.db"

        def answer(request: EventsRequest) -> EventsResponse:
            if len(sender.requests) == 1:
                with writing(path):
                    recorder.record("e", event(), event_id="late")
                recorder.pass_time(100.0)
            return accepted(request)

        sender = MemorySender(answer=answer)
        recorder = OnDemandRecorder(sender, spool=path, flush_events=1)
        for number in range(250):
            recorder.record("e", event(), event_id=f"{number}")
        recorder.step()
        assert len(sender.requests) == 1
        assert recorder.stats().spool_error is not None
        recorder.step()
        assert recorder.stats() == RecorderStats(recorded=251, delivered=251)
        recorder.close()

    def test_sender_is_opened_late(self, spool: Path | None) -> None:
        """A process with nothing to send opens no sender."""
        made: list[MemorySender] = []

        def make() -> MemorySender:
            made.append(MemorySender())
            return made[0]

        recorder = OnDemandRecorder(make, spool=spool)
        recorder.step()
        recorder.step(5.0)
        assert made == []
        recorder.record("e", event())
        recorder.step(5.0)
        assert len(made) == 1
        recorder.close()

    def test_without_a_pause(self, sender: MemorySender) -> None:
        """`flush_seconds=0` is as often as the thread looks."""
        with Recorder(sender, spool=None, flush_seconds=0) as recorder:
            recorder.record("e", event())
            assert recorder.flush()


class TestEnds:
    """What runs when a process ends, called in this one."""

    def test_process_ends(self, sender: MemorySender, spool: Path | None) -> None:
        """What waits is delivered; what cannot be is lost if it is in memory alone."""
        dropped: list[DroppedItem] = []
        recorder = OnDemandRecorder(sender, spool=spool, on_dropped=dropped.append)
        recorder.process_will_end()
        recorder.process_ends()  # it was not used
        recorder.record("e", event(), event_id="1")
        recorder.process_ends()
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        sender.answer = fail
        recorder.record("e", event(), event_id="2")
        recorder.process_ends()
        lost = [] if spool else [DroppedItem("e", "2", DropReason.EXIT)]
        assert dropped == lost
        recorder.close(0)
        recorder.process_will_end()
        recorder.process_ends()  # it is closed

    def test_all_end(self, sender: MemorySender) -> None:
        """Each recorder of the process has its turn."""
        recorder = OnDemandRecorder(sender, spool=None)
        recorder.record("e", event())
        process_end.at_end(recorder)
        process_end.at_end(recorder)
        process_end._end()
        process_end.not_at_end(recorder)
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        recorder.close()

    def test_late_thread(self, sender: MemorySender) -> None:
        """A thread that has recorded while another closed loses it, and is told."""
        dropped: list[DroppedItem] = []
        recorder = OnDemandRecorder(sender, spool=None, on_dropped=dropped.append)
        recorder._is_over = True
        recorder.record("e", event(), event_id="v")
        assert dropped == [DroppedItem("e", "v", DropReason.EXIT)]
        recorder.close()


class TestThread:
    """The thread begins once."""

    def test_begins_once(self, sender: MemorySender) -> None:
        """Starting it again does nothing."""
        recorder = Recorder(sender, spool=None)
        recorder.start()
        begun = BegunThreads()
        recorder._running_worker().start()
        assert len(begun) == 0
        recorder.close()

    def test_interrupted(
        self, sender: MemorySender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If a signal handler raises meanwhile, the next call begins another one."""
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", interrupt)
            recorder = Recorder(sender, spool=None)
            with pytest.raises(KeyboardInterrupt):
                recorder.record("e", event())
        recorder.record("e", event())
        assert recorder.flush()
        recorder.close()

    def test_interrupted_afterwards(
        self, sender: MemorySender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """... also if the thread runs by then: it ends, and leaves the other alone."""
        start = threading.Thread.start
        first: list[threading.Thread] = []

        def start_and_interrupt(thread: threading.Thread) -> None:
            start(thread)
            first.append(thread)
            raise KeyboardInterrupt

        recorder = Recorder(sender, spool=None)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start_and_interrupt)
            with pytest.raises(KeyboardInterrupt):
                recorder.record("e", event())
        recorder.record("e", event())
        recorder._running_worker().wake()
        first[0].join(10)
        assert not first[0].is_alive()
        assert recorder.flush()
        recorder.close()

    def test_interrupted_again(
        self, sender: MemorySender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """... also where an earlier call could not begin it."""
        recorder = Recorder(sender, spool=None)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            recorder.record("e", event())
            patch.setattr(threading.Thread, "start", interrupt)
            recorder._running_worker()._start_at = 0.0
            with pytest.raises(KeyboardInterrupt):
                recorder.record("e", event())
        recorder.record("e", event())
        assert recorder.flush()
        # The event whose call was interrupted was not kept, and is not counted.
        assert recorder.stats() == RecorderStats(recorded=2, delivered=2)
        recorder.close()

    def test_records_meanwhile(
        self, sender: MemorySender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A signal handler that records while it begins gets no second thread."""
        recorder = Recorder(sender, spool=None)
        start = threading.Thread.start

        def start_slowly(thread: threading.Thread) -> None:
            recorder.record("e", event())
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_slowly)
        begun = BegunThreads()
        recorder.record("e", event())
        assert len(begun) == 1
        assert recorder.close()
        assert recorder.stats() == RecorderStats(recorded=2, delivered=2)

    def test_not_after_the_end(self, sender: MemorySender) -> None:
        """A closed recorder begins no thread."""
        recorder = Recorder(sender, spool=None)
        recorder.close()
        begun = BegunThreads()
        recorder.record("e", event())
        assert recorder.flush()
        assert len(begun) == 0

    def test_is_not_used_again(self, sender: MemorySender) -> None:
        """A closed recorder is not started again, in any way."""
        recorder = Recorder(sender, spool=None)
        with recorder:
            pass

        async def enter() -> None:
            async with recorder:
                raise AssertionError

        for begin in (
            recorder.start,
            recorder.__enter__,
            lambda: asyncio.run(enter()),
        ):
            with pytest.raises(ConfigurationError) as caught:
                begin()
            assert str(caught.value) == (
                "the recorder is closed; make another one, and close it once nothing "
                "more is recorded"
            )

    @pytest.mark.parametrize("timeout", [float("inf"), 0.0, -1.0, -2.0])
    def test_alone_for_any_time(self, sender: MemorySender, timeout: float) -> None:
        """A flush without a thread takes any number of seconds."""
        recorder = OnDemandRecorder(sender, spool=None)
        recorder.record("e", event())
        assert recorder.flush(timeout)
        recorder.close(timeout)

    def test_alone_beside_another(self, sender: MemorySender) -> None:
        """A flush without a thread waits for one that another thread has begun."""
        entered, leave = threading.Event(), threading.Event()

        def slow(request: EventsRequest) -> EventsResponse:
            entered.set()
            leave.wait(10)
            return accepted(request)

        sender.answer = slow
        recorder = OnDemandRecorder(sender, spool=None)
        recorder.record("e", event())
        thread = threading.Thread(target=recorder.flush)
        thread.start()
        entered.wait(10)
        recorder.worker._step_alone(0.01)
        assert len(sender.requests) == 1
        leave.set()
        thread.join()
        assert recorder.stats().delivered == 1
        recorder.close()

    def test_claim_cannot_be_opened(self, sender: MemorySender, tmp_path: Path) -> None:
        """Without the lock file nothing is delivered, and that is reported."""
        (tmp_path / "spool.db-deliverer").mkdir()
        errors: list[Exception] = []
        recorder = OnDemandRecorder(
            sender, spool=tmp_path / "spool.db", on_error=errors.append
        )
        recorder.record("e", event())
        assert not recorder.flush(0.1)
        assert [type(error) for error in errors] == [IsADirectoryError]
        assert recorder.stats() == RecorderStats(recorded=1, pending=1)
        recorder.close(0)

    def test_imports_in_turn(self) -> None:
        """A thread that imports does not wait for another for long."""
        with loading(), ThreadPoolExecutor() as threads:
            assert threads.submit(_import).result(10)


def _import() -> bool:
    with loading():
        return True


def fail(request: EventsRequest) -> EventsResponse:
    """Answer nothing."""
    raise TransportError("the network is down")


def interrupt(*_: object) -> None:
    """Raise as Ctrl-C."""
    raise KeyboardInterrupt


def no_thread(*_: object) -> None:
    """Raise as a system that has no thread to give."""
    raise RuntimeError("can't start new thread")


def test_names() -> None:
    """The package lists its public names."""
    assert {"Recorder", "flush_in_time"} <= set(dir(recorder_package))
