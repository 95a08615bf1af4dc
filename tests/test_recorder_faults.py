"""Full disks, other versions, clocks that jump, many processes."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from pinpoint_events import (
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
    RecorderStats,
    StoreErrorCode,
    TransportError,
)
from pinpoint_events.senders._accepted import accepted
from tests.commands import takes_long
from tests.fake_time import FakeTime
from tests.recorders import OnDemandRecorder
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
        pytest.skip("this user may not mount a disk")
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


class JumpingTime(FakeTime):
    """A wall clock that is set, beside a clock that never is."""

    def __init__(self) -> None:
        super().__init__()
        self.jump = 0.0

    def now(self) -> float:
        """Return the time, as it is set."""
        return self.seconds + self.jump


class TestClock:
    """A clock that is set makes no item old."""

    def test_jumps(self, tmp_path: Path) -> None:
        """Ten years forward and back again, nothing is dropped; an hour drops it."""
        time = JumpingTime()

        class Timed(Recorder):
            _has_thread = False
            _time = time

        sender = MemorySender(answer=away)
        recorder = Timed(
            sender, spool=tmp_path / "spool.db", max_age=timedelta(minutes=30)
        )
        recorder.record("user-1", EVENT)
        for jump in (3e8, -3e8, 0):
            time.jump = jump
            recorder.flush(1)
            assert recorder.stats() == RecorderStats(recorded=1, pending=1)
        time.seconds += 3_600 * 24 * 365 * 60  # recorded by the clock of this machine
        recorder.flush(1)
        assert recorder.stats() == RecorderStats(recorded=1, dropped={"too_old": 1})
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
