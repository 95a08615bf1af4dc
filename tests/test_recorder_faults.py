"""Full disks, other versions, clocks that jump, many processes."""

import errno
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

import pytest

import pinpoint_events
from pinpoint_events import (
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
    RecorderStats,
    StoreError,
    StoreErrorCode,
    TransportError,
)
from pinpoint_events.recorder import ItemCounts
from pinpoint_events.senders._accepted import accepted
from tests.commands import needs_posix, piped, takes_long
from tests.fake_time import FakeTime
from tests.recorders import OnDemandRecorder
from tests.sender_contract import in_child, needs_fork
from tests.spools import waiting_spool
from tests.stores import (
    JournalConnection,
    ordinary_user,
    read_only,
    shared_directory,
)
from tests.threads import BegunThreads

EVENT = Event("purchase", attributes={"sku": "A-1"})
LARGE = Event("x", attributes={f"a{n}": "b" * 200 for n in range(30)})


def away(request: EventsRequest) -> EventsResponse:
    """Answer nothing, as a network that is down."""
    raise TransportError("the network is down", is_retry_safe=True)


def recover(recorder: Recorder) -> None:
    """Wait until the file can be used again."""
    while recorder.stats().spool_error is not None:
        recorder.flush(0.1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a disk of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        reason = "this user may not mount a disk; run this test by `unshare -Urm`"
        if os.environ.get("PINPOINT_EVENTS_MOUNT") == "required":  # CI sets it
            pytest.fail(reason)
        pytest.skip(reason)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1_000)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


class TestFullDisk:
    """A disk without room loses nothing."""

    def test_full(self, small_disk: Path) -> None:
        """Events go on in memory, and move into the file when there is room again."""
        filler = small_disk / "filler"
        sender = MemorySender(answer=away)
        recorder = Recorder(sender, spool=small_disk / "spool.db")
        recorder.record("user-1", EVENT, event_id="before")
        fill(filler)
        ids = [recorder.record("user-1", LARGE) for _ in range(20)]
        assert recorder.stats() == RecorderStats(
            recorded=21, pending=21, spool_error=StoreErrorCode.FULL
        )
        filler.unlink()
        recover(recorder)
        assert recorder.stats() == RecorderStats(recorded=21, pending=21)
        sender.answer = accepted
        assert recorder.flush()
        recorder.close()
        assert sorted(sender.events) == sorted(
            ("user-1", event_id) for event_id in ("before", *ids)
        )

    def test_full_when_settling(self, small_disk: Path) -> None:
        """What was delivered and cannot be noted is not sent again meanwhile."""
        filler = small_disk / "filler"

        def answer(request: EventsRequest) -> EventsResponse:
            fill(filler)
            return accepted(request)

        sender = MemorySender(answer=answer)
        recorder = Recorder(sender, spool=small_disk / "spool.db", flush_seconds=60)
        for number in range(50):
            recorder.record("user-1", LARGE, event_id=f"v-{number}")
        flushed = recorder.flush(1)
        sender.answer = accepted
        filler.unlink()
        recover(recorder)
        assert recorder.flush()
        assert recorder.stats() == RecorderStats(recorded=50, delivered=50)
        sent = [each for request in sender.requests for each in request.events()]
        assert len(sent) == 50, flushed
        recorder.close()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the text of each warning."""
    return [
        line.getMessage() for line in caplog.records if line.levelno == logging.WARNING
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
class TestReadOnly:
    """A spool that may only be read is reported once, and loses nothing."""

    @pytest.fixture
    def directory(self) -> Iterator[Path]:
        """Create a directory of an ordinary user, as whom the test runs."""
        with shared_directory() as shared, ordinary_user():
            directory = shared / "spools"
            directory.mkdir()
            yield directory

    @pytest.fixture
    def errors(self) -> list[Exception]:
        """Collect what the recorder reports."""
        return []

    @staticmethod
    def recorder(path: Path, errors: list[Exception]) -> OnDemandRecorder:
        """Open a spool."""
        return OnDemandRecorder(MemorySender(), spool=path, on_error=errors.append)

    @staticmethod
    def delivered(recorder: Recorder) -> list[tuple[str, ...]]:
        """Return the event ids of each request."""
        sender = recorder._source.open()
        assert isinstance(sender, MemorySender)
        return [
            tuple(event_id for _, event_id, _ in request.events())
            for request in sender.requests
        ]

    def check_report(
        self, path: Path, errors: list[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        """One error was reported, and one line written."""
        (error,) = errors
        assert isinstance(error, StoreError)
        assert error.code is StoreErrorCode.READ_ONLY
        (warning,) = warnings_of(caplog)
        assert warning == (
            "the spool's file cannot be used: events are kept in memory only (the "
            f"store '{path}' is read-only; allow this user to write the file and its "
            "directory)"
        )

    @pytest.mark.parametrize("which", ["file", "directory", "both"])
    def test_when_opened(
        self,
        which: str,
        directory: Path,
        errors: list[Exception],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """It stays as it is, with what waits in it, until it can be written."""
        path = waiting_spool(directory / "spool.db")
        paths = {"file": [path], "directory": [directory], "both": [path, directory]}
        before = path.read_bytes()
        caplog.clear()
        with read_only(*paths[which]):
            recorder = self.recorder(path, errors)
            for event_id in ("m-0", "m-1"):
                recorder.record("w", EVENT, event_id=event_id)
                assert recorder.flush(1)
                recorder.step(100)
            assert recorder.stats() == RecorderStats(
                recorded=2, delivered=2, spool_error=StoreErrorCode.READ_ONLY
            )
            recorder.record("w", EVENT, event_id="m-2")
            assert path.read_bytes() == before
        assert recorder.flush()
        waited = ItemCounts(recorded=1, delivered=1)
        stats = RecorderStats(recorded=6, delivered=6, endpoints=waited)
        assert recorder.stats() == stats
        assert sorted(chain(*self.delivered(recorder))) == [
            *("m-0", "m-1", "m-2", "w-0", "w-1", "w-2")
        ]
        self.check_report(path, errors, caplog)
        assert recorder.close()
        with self.recorder(path, errors) as other:
            assert other.stats() == stats

    def test_directory_turns(
        self,
        directory: Path,
        errors: list[Exception],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """
        A file that keeps a journal needs its directory for each transaction.

        What waits in it is read, and a request of it sent: no second one, as the file
        cannot take note that it was.
        """
        connect = partial(sqlite3.connect, factory=JournalConnection)
        monkeypatch.setattr(sqlite3, "connect", connect)
        path = directory / "spool.db"
        recorder = self.recorder(path, errors)
        recorder.record("w", EVENT, event_id="first")
        assert recorder.flush()
        waiting = [f"w-{number:03}" for number in range(150)]
        for event_id in waiting:
            recorder.record("w", EVENT, event_id=event_id)
        with read_only(directory):
            recorder.record("w", EVENT, event_id="m-0")
            for _ in range(3):
                assert not recorder.flush(1)
                recorder.step(100)
            assert self.delivered(recorder) == [
                ("first",),
                tuple(waiting[:100]),
                ("m-0",),
            ]
            assert recorder.stats() == RecorderStats(
                recorded=152,
                delivered=2,
                pending=150,
                spool_error=StoreErrorCode.READ_ONLY,
            )
            recorder.record("w", EVENT, event_id="m-1")
        assert recorder.flush()
        assert recorder.stats() == RecorderStats(recorded=153, delivered=153)
        sent = list(chain(*self.delivered(recorder)))
        assert sorted(sent) == sorted(["first", *waiting, "m-0", "m-1"])
        self.check_report(path, errors, caplog)
        assert recorder.close()

    @needs_fork
    def test_file_turns(
        self, directory: Path, errors: list[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A file that is opened again after a fork, and may not be written any more."""
        path = directory / "spool.db"
        recorder = self.recorder(path, errors)
        recorder.record("w", EVENT, event_id="w-0")
        with read_only(path):
            in_child(lambda: None)
            recorder.record("w", EVENT, event_id="m-0")
            for _ in range(3):
                assert not recorder.flush(1)
                recorder.step(100)
            assert self.delivered(recorder) == [("m-0",)]
            stats = recorder.stats()
            assert stats.spool_error is StoreErrorCode.READ_ONLY
        assert recorder.flush()
        assert recorder.stats() == RecorderStats(recorded=2, delivered=2)
        assert self.delivered(recorder) == [("m-0",), ("w-0",)]
        self.check_report(path, errors, caplog)
        assert recorder.close()


class Commanded:
    """
    A process that records and delivers; see `tests.recorder.commanded`.

    Args:
        spool: The file that processes share.
        store: Where this one delivers to.
        options: More arguments.
        package: A directory with another version of the package.
    """

    def __init__(
        self, spool: Path, store: Path, *options: str, package: Path | None = None
    ) -> None:
        module = (sys.executable, "-m", "tests.recorder.commanded")
        env = dict(os.environ)
        if package is not None:
            env["PYTHONPATH"] = str(package)
        self._process = piped([*module, str(spool), str(store), *options], env)
        self.version = self.line()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, should the test have failed before."""
        self._process.kill()
        self._process.communicate()

    def send(self, command: str) -> None:
        """Begin with a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """Return the next line that it writes; an empty one ends a command."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip()

    def answer(self) -> list[str]:
        """Return what it writes until a command is done."""
        return list(iter(self.line, ""))

    def do(self, command: str) -> list[str]:
        """Do a command, and return what it writes."""
        self.send(command)
        return self.answer()

    def stats(self) -> dict[str, Any]:
        """Return the counts of events that are not zero."""
        (text,) = self.do("stats")
        stats: dict[str, Any] = json.loads(text)
        return {name: value for name, value in stats.items() if value}

    def end(self) -> str:
        """Let it deliver what is left, and return what it writes to standard error."""
        _, errors = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        return str(errors)

    def kill(self) -> list[str]:
        """Kill it, and return what it has written."""
        self._process.kill()
        output, _ = self._process.communicate(timeout=60)
        return str(output).split()


def change(path: Path, old: str, new: str) -> None:
    """Change a file of source text in one place."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def named(*counts: tuple[str, int]) -> list[str]:
    """Return the ids of events that were recorded by these names."""
    return [f"{name}-{number}" for name, count in counts for number in range(count)]


def stored(store: Path) -> list[str]:
    """Return the ids of the events in a store."""
    with closing(sqlite3.connect(store)) as connection:
        return [text for (text,) in connection.execute("SELECT event_id FROM events")]


class TestReplacedFile:
    """What was sent of a file is settled in that file, and in no other."""

    def test_moved_when_settling(self, tmp_path: Path) -> None:
        """The items of the new file have the same numbers, and are sent."""
        path = tmp_path / "spool.db"
        sent: list[str] = []

        def move(request: EventsRequest) -> EventsResponse:
            if not sent:
                for end in ("", "-wal", "-shm"):
                    path.with_name(f"spool.db{end}").rename(tmp_path / f"old{end}")
            sent.extend(
                event_id
                for batch in request.batch_item.values()
                for event_id in batch.events
            )
            return accepted(request)

        recorder = OnDemandRecorder(MemorySender(answer=move), spool=path)
        recorder.record("user-1", EVENT, event_id="old")
        recorder.step(100)
        assert recorder.stats().spool_error is StoreErrorCode.MOVED
        recorder.record("user-1", EVENT, event_id="new")
        assert recorder.flush(10)
        assert sent == ["old", "new"]
        assert recorder.stats() == RecorderStats(recorded=1, delivered=1)
        recorder.close(0)


class TestVersions:
    """Two versions of the package may meet at one spool."""

    def test_newer_file(self, tmp_path: Path) -> None:
        """A file that a later version made stays as it is; memory takes its place."""
        path = tmp_path / "spool.db"
        Recorder(MemorySender(), spool=path).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
            connection.commit()
        before = path.read_bytes()
        sender = MemorySender()
        with Recorder(sender, spool=path) as recorder:
            recorder.record("user-1", EVENT)
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(
                recorded=1, delivered=1, spool_error=StoreErrorCode.OTHER_VERSION
            )
        assert path.read_bytes() == before

    def test_newer_event(self, tmp_path: Path) -> None:
        """An event with a member that this version does not know is a dead letter."""
        path = tmp_path / "spool.db"
        Recorder(MemorySender(), spool=path).close()
        text = '{"EventType":"x","Timestamp":"2026-09-21T12:00:00.123Z","Mood":"good"}'
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "INSERT INTO item (endpoint_id, event_id, json, recorded_at) "
                "VALUES ('user-1', 'v-1', ?, 0)",
                [text],
            )
            connection.commit()
        sender = MemorySender()
        with Recorder(sender, spool=path) as recorder:
            recorder.record("user-1", EVENT, event_id="v-2")
            assert recorder.flush()
            assert recorder.stats() == RecorderStats(
                recorded=2, delivered=1, rejected=1
            )
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT event_id, code, json FROM dead_letter")
            assert rows.fetchall() == [("v-1", "unknown_key", text)]

    @staticmethod
    def later_package(directory: Path, *, has_new_format: bool) -> Path:
        """Return where a copy of the package is that claims to be a later version."""
        package = directory / "later" / "pinpoint_events"
        source = Path(pinpoint_events.__file__).parent
        shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
        change(package / "__init__.py", f'"{pinpoint_events.__version__}"', '"999.0"')
        if has_new_format:
            # As a version does that keeps more of each dead letter.
            add = "ALTER TABLE dead_letter ADD COLUMN note TEXT"
            change(
                package / "recorder" / "_schema.py",
                "version=1,",
                f"version=2, migrations={{1: lambda file: file.execute({add!r})}},",
            )
        return package.parent

    def test_later_version(self, tmp_path: Path) -> None:
        """Two versions record and deliver at the same time; all arrives, once."""
        later = self.later_package(tmp_path, has_new_format=False)
        spool, *stores = (tmp_path / f"{name}.db" for name in ("spool", "old", "new"))
        with ExitStack() as stack:
            old, new, again = (
                stack.enter_context(Commanded(spool, stores[number], package=package))
                for number, package in ((0, None), (1, later), (0, None))
            )
            assert (old.version, new.version) == (pinpoint_events.__version__, "999.0")
            assert old.do("flush") == ["True"]
            for name, process in (("old", old), ("new", new)):
                process.send(f"record {name} 100")
            assert old.answer() == named(("old", 100))
            assert new.answer() == named(("new", 100))
            assert new.do("flush") == ["True"]
            assert old.end() == ""
            # What is recorded by both from now on, the later one delivers, or another
            # one of the old version, whichever has the claim.
            for name, process in (("again", again), ("more", new)):
                process.send(f"record {name} 100")
            assert again.answer() == named(("again", 100))
            assert new.answer() == named(("more", 100))
            assert again.do("flush") == ["True"]
            assert again.end() == ""
            assert new.do("record last 1") == ["last-0"]
            assert new.do("flush") == ["True"]
            assert new.stats() == {"recorded": 401, "delivered": 401}
            assert new.end() == ""
        by_old, by_new = map(stored, stores)
        assert by_old
        assert by_new
        assert sorted(by_old + by_new) == sorted(
            named(
                ("old", 100), ("new", 100), ("again", 100), ("more", 100), ("last", 1)
            )
        )

    def test_later_format(self, tmp_path: Path) -> None:
        """
        A later version may change the format while earlier ones use the file.

        Those go on; if they open it then, memory takes its place.
        """
        later = self.later_package(tmp_path, has_new_format=True)
        spool, *stores = (tmp_path / f"{name}.db" for name in ("spool", "old", "new"))
        with ExitStack() as stack:

            def opened(store: Path, package: Path | None = None) -> Commanded:
                return stack.enter_context(Commanded(spool, store, package=package))

            old = opened(stores[0])
            assert old.do("record before 50") == named(("before", 50))
            new = opened(stores[1], later)
            assert new.do("flush") == ["True"]
            late = opened(stores[0])
            for name, process in (("old", old), ("new", new), ("late", late)):
                process.send(f"record {name} 50")
            assert old.answer() == named(("old", 50))
            assert new.answer() == named(("new", 50))
            assert late.answer() == []
            assert late.do("flush") == ["True"]
            assert late.stats() == {
                "recorded": 50,
                "delivered": 50,
                "spool_error": "other_version",
            }
            assert late.end() == (
                "the spool's file cannot be used: events are kept in memory only (the "
                f"store '{spool}' has version 2 of its format, and this release of "
                "pinpoint_events knows version 1; use a release that knows it, or "
                "choose another path)\n"
            )
            assert old.end() == ""
            assert new.do("record last 1") == ["last-0"]
            assert new.do("flush") == ["True"]
            assert new.stats() == {"recorded": 151, "delivered": 151}
            assert new.end() == ""
        assert sorted(chain(*map(stored, stores))) == sorted(
            named(("before", 50), ("old", 50), ("new", 50), ("late", 50), ("last", 1))
        )


class JumpingTime(FakeTime):
    """A wall clock that is set, beside a clock that never is."""

    def __init__(self, jump: float = 0.0) -> None:
        super().__init__()
        self.seconds = time.time()  # by which the spool notes when items are recorded
        self.jump = jump

    def now(self) -> float:
        """Return the time, as it is set."""
        return self.seconds + self.jump


TEN_YEARS = 3e8


class TestClock:
    """What a clock that is set means for the age of items."""

    @staticmethod
    def recorder(path: Path, clock: JumpingTime) -> Recorder:
        """Return one that gives items up after half an hour, and cannot send any."""

        class Timed(Recorder):
            _has_thread = False
            _time = clock

        sender = MemorySender(answer=away)
        return Timed(sender, spool=path, max_age=timedelta(minutes=30))

    @staticmethod
    def is_dropped(recorder: Recorder) -> bool:
        """Return whether the one event is too old now; else it waits."""
        recorder.flush(1)
        dropped = RecorderStats(recorded=1, dropped={"too_old": 1})
        assert recorder.stats() in {dropped, RecorderStats(recorded=1, pending=1)}
        return recorder.stats() == dropped

    def test_jumps(self, tmp_path: Path) -> None:
        """Ten years forward and back again, nothing is dropped; an hour drops it."""
        clock = JumpingTime()
        recorder = self.recorder(tmp_path / "spool.db", clock)
        recorder.record("user-1", EVENT)
        for jump in (TEN_YEARS, -TEN_YEARS, 0):
            clock.jump = jump
            assert not self.is_dropped(recorder)
        clock.seconds += 3_600
        assert self.is_dropped(recorder)
        recorder.close(0)

    def test_recorded_while_set_back(self, tmp_path: Path) -> None:
        """An event of that time seems too old once the clock is right again."""
        clock = JumpingTime(TEN_YEARS)
        recorder = self.recorder(tmp_path / "spool.db", clock)
        recorder.start()
        clock.jump = 0
        recorder.record("user-1", EVENT)
        assert not self.is_dropped(recorder)
        clock.jump = TEN_YEARS
        assert self.is_dropped(recorder)
        recorder.close(0)

    def test_recorded_before_it_was_set(self, tmp_path: Path) -> None:
        """It seems so to the next process, too, which is started when it is right."""
        path = tmp_path / "spool.db"
        for jump, is_dropped in ((0, False), (TEN_YEARS, True)):
            recorder = self.recorder(path, JumpingTime(jump))
            if not jump:
                recorder.record("user-1", EVENT)
            assert self.is_dropped(recorder) is is_dropped
            recorder.close(0)

    def test_recorded_while_ahead(self, tmp_path: Path) -> None:
        """An event that seems to be of the future is kept."""
        path = tmp_path / "spool.db"
        for jump in (0, -TEN_YEARS):
            recorder = self.recorder(path, JumpingTime(jump))
            if not jump:
                recorder.record("user-1", EVENT)
            assert not self.is_dropped(recorder)
            recorder.close(0)


# SQLite without shared memory between processes, as on some network file systems.
_WITHOUT_LOG = """
import sqlite3, sys
from functools import partial
connect = sqlite3.connect
sqlite3.connect = lambda path, **options: connect(
    f"file:{path}?vfs=unix-dotfile", uri=True, **options
)
from pinpoint_events import Event, Recorder
recorder = Recorder(f"sqlite:///{sys.argv[2]}", spool=sys.argv[1])
for number in range(50):
    recorder.record("user-1", Event("x"), event_id=f"v-{number}")
assert recorder.flush(30)
stats = recorder.stats()
assert (stats.recorded, stats.delivered, stats.spool_error) == (50, 50, None), stats
with recorder._spool.file._file.transaction() as connection:
    print(connection.execute("PRAGMA journal_mode").fetchone()[0])
recorder.close()
"""

_WRITER = """
import sys
from pinpoint_events import Event, Recorder
recorder = Recorder(f"sqlite:///{sys.argv[2]}", spool=sys.argv[1])
for number in range(int(sys.argv[4])):
    recorder.record(sys.argv[3], Event("x"), event_id=f"v-{number}")
assert recorder.stats().spool_error is None
"""


def run(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a Python process."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite has no such VFS there")
def test_file_system_without_log(tmp_path: Path) -> None:
    """Where SQLite cannot have its log, it keeps a journal; nothing else differs."""
    process = run(_WITHOUT_LOG, tmp_path / "spool.db", tmp_path / "events.db")
    output, errors = process.communicate(timeout=60)
    assert (output, errors) == ("delete\n", "")


@needs_posix
def test_killed_without_log(tmp_path: Path) -> None:
    """There, too, nothing that was recorded is lost with a process that is killed."""
    spool, store = tmp_path / "spool.db", tmp_path / "events.db"
    acknowledged = []
    with ExitStack() as stack:
        deliverer, killed, other = (
            stack.enter_context(Commanded(spool, store, "--journal")) for _ in range(3)
        )
        assert deliverer.do("flush") == ["True"]
        for number in range(20):
            killed.send(f"record killed-{number} 5")
            other.send(f"record other-{number} 5")
            acknowledged += killed.answer() + other.answer()
        killed.send("record killed 1000000")
        acknowledged.append(killed.line())
        acknowledged += killed.kill()
        assert other.do("flush") == ["True"]
        other.end()
        assert deliverer.do("flush") == ["True"]
        books = deliverer.stats()
        deliverer.end()
    arrived = stored(store)
    assert acknowledged
    assert set(acknowledged) <= set(arrived)
    assert {f"other-{n}-{each}" for n in range(20) for each in range(5)} <= set(arrived)
    # The file may have an event whose `record` did not return. What the killed process
    # sent from memory, had it waited too long for the file, is in no books.
    assert books == {"recorded": books["recorded"], "delivered": books["recorded"]}
    assert len(acknowledged) <= books["recorded"] <= len(arrived)
    with closing(sqlite3.connect(spool)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@takes_long
def test_many_processes(tmp_path: Path) -> None:
    """8 processes record into one file at the same time; all of it arrives, once."""
    spool, store = tmp_path / "spool.db", tmp_path / "events.db"
    processes = [run(_WRITER, spool, store, f"u-{n}", 100) for n in range(8)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert errors == ""
    with Recorder(f"sqlite:///{store}", spool=spool) as recorder:
        assert recorder.flush(30)
        assert recorder.stats() == RecorderStats(recorded=800, delivered=800)
    with closing(sqlite3.connect(store)) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events")
    assert count == 800


def _handles() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - faster


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux shows handles so")
def test_nothing_leaks(tmp_path: Path) -> None:
    """Threads and file handles are as many after outages and restarts as before."""
    sender = MemorySender()
    path = tmp_path / "spool.db"

    def use() -> None:
        recorder = Recorder(sender, spool=path, flush_seconds=0.01)
        for number in range(30):
            sender.answer = away if number % 3 == 0 else accepted
            recorder.record("user-1", EVENT)
            recorder.flush(0.01)
        sender.answer = accepted
        assert recorder.flush()
        assert recorder.close()

    use()
    begun, handles = BegunThreads(), _handles()
    for _ in range(10):
        use()
    assert (len(begun), _handles()) == (0, handles)
