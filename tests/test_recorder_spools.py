import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events.errors import (
    ConfigurationError,
    StoreError,
    StoreErrorCode,
)
from pinpoint_events.recorder import spool_place
from pinpoint_events.recorder._claim import Claim, _held
from pinpoint_events.recorder.file_spool import FileSpool
from pinpoint_events.recorder.items import (
    Books,
    DropReason,
    Item,
    ItemCounts,
    Refusal,
    Settlement,
)
from pinpoint_events.recorder.memory_spool import MemorySpool
from pinpoint_events.wire import to_json
from tests.samples import event
from tests.sender_contract import in_child, needs_fork
from tests.spool_contract import (
    REFUSAL,
    SpoolContract,
    SpoolPlace,
    add_endpoint,
    add_event,
    everything,
    fill,
    names,
)
from tests.stores import writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that does not exist yet."""
    return tmp_path / "spool.db"


class Files:
    """Opens spools in files, and closes them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: list[FileSpool] = []

    def spool(
        self, max_bytes: int = 1_000_000, application_id: str = "app-1"
    ) -> FileSpool:
        """Open the file."""
        spool = FileSpool(
            self.path, application_id, max_bytes=max_bytes, timeout_seconds=0.05
        )
        self._opened.append(spool)
        return spool

    def place(self) -> spool_place.SpoolPlace:
        """Return where the file is."""
        return spool_place.SpoolPlace(self.path, "app-1", 1_000_000, 0.05)

    def close(self) -> None:
        """Close what was opened."""
        for spool in self._opened:
            spool.close()


@pytest.fixture
def files(path: Path) -> Iterator[Files]:
    """Open spools in one file."""
    files = Files(path)
    yield files
    files.close()


@pytest.fixture
def spool(files: Files) -> FileSpool:
    """Open a spool in that file."""
    return files.spool()


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows that another program gets."""
    with closing(sqlite3.connect(path)) as store:
        return store.execute(sql).fetchall()


def size_of(path: Path) -> int:
    """Return how many bytes of a file are in use."""
    ((size,),) = rows(
        path,
        "SELECT (p.page_count - f.freelist_count) * s.page_size FROM "
        "pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s",
    )
    return int(size)


class TestFileSpool(SpoolContract):
    """A spool in a file keeps to the contract."""

    @pytest.fixture
    def place(self, files: Files) -> SpoolPlace:
        """Name the place."""
        return files


class TestMemorySpool(SpoolContract):
    """A spool in memory keeps to it, too."""

    @pytest.fixture
    def place(self) -> SpoolPlace:
        """Name the place."""

        class Memory:
            def spool(self, max_bytes: int = 1_000_000) -> MemorySpool:
                return MemorySpool(max_bytes)

        return Memory()

    def test_move(self) -> None:
        """What it hands over is gone; its numbers go on."""
        memory = MemorySpool(1_000_000)
        add_event(memory, "1")
        memory.count_dropped("2", DropReason.FULL)
        taken: list[object] = []
        memory.move(lambda items, books: taken.extend((names(list(items)), books)))
        assert taken == [
            [("e", "1")],
            Books(ItemCounts(recorded=2, dropped={"full": 1}, pending=1)),
        ]
        assert memory.books() == Books()
        add_event(memory, "3")
        assert [item.id for item in everything(memory)] == [2]

    def test_move_that_fails(self) -> None:
        """If it is not taken, it stays."""
        memory = MemorySpool(1_000_000)
        add_event(memory, "1")

        def take(*_: object) -> None:
            raise StoreError("full")

        with pytest.raises(StoreError):
            memory.move(take)
        assert names(everything(memory)) == [("e", "1")]

    def test_drop_all(self) -> None:
        """What is left at the end is dropped, and told."""
        memory = MemorySpool(1_000_000)
        add_event(memory, "1")
        add_endpoint(memory, "e")
        assert names(memory.drop_all()) == [("e", "1"), ("e", None)]
        assert memory.drop_all() == []
        assert memory.books() == Books(
            ItemCounts(recorded=1, dropped={"exit": 1}),
            ItemCounts(recorded=1, dropped={"exit": 1}),
        )

    def test_long_queue(self) -> None:
        """What was delivered before does not slow down a look at what waits."""
        long, short = MemorySpool(10**9), MemorySpool(10**9)
        for number in range(50_000):
            long.add("e", f"{number}", "{}", event())
        short.add("e", "0", "{}", event())
        *delivered, last = long.read(0, 50_000)
        long.settle(Settlement(delivered=tuple(delivered)))
        assert long.read(0, 10) == long.read(last.id - 1, 10) == [last]

        def seconds(spool: MemorySpool, act: Callable[[MemorySpool], object]) -> float:
            """Return how long the fastest of some calls takes."""
            times = []
            for _ in range(30):
                started = time.perf_counter()
                act(spool)
                times.append(time.perf_counter() - started)
            return min(times)

        for act in (
            lambda spool: spool.has_pending(10**9),
            lambda spool: spool.read(0, 10),
        ):
            assert seconds(long, act) < 20 * seconds(short, act)

    def test_holes(self) -> None:
        """Items in the middle may end first; numbers go on after all have ended."""
        memory = MemorySpool(1_000_000)
        for number in range(5):
            add_event(memory, f"{number}")
        first, *middle, last = everything(memory)
        memory.settle(Settlement(delivered=tuple(middle)))
        assert everything(memory) == [first, last]
        assert memory.read(first.id, 1) == [last]
        assert memory.has_pending(first.id)
        memory.settle(Settlement(delivered=(first,)))
        assert not memory.has_pending(last.id - 1)
        memory.settle(Settlement(delivered=(last,)))
        assert not memory.has_pending(10**9)
        add_event(memory, "5")
        assert [item.id for item in everything(memory)] == [6]

    @needs_fork
    def test_fork(self) -> None:
        """A child begins with an empty one: the parent delivers what is in its own."""
        memory = MemorySpool(1_000_000)
        add_event(memory, "1")

        def use() -> None:
            assert memory.books() == Books()
            add_event(memory, "2")
            assert names(everything(memory)) == [("e", "2")]

        assert in_child(use)
        assert names(everything(memory)) == [("e", "1")]
        memory._pid = 0  # in this process, too: coverage does not see the child
        assert memory.highest_id == 1
        use()


class TestFile:
    """What is in a file stays there."""

    def test_reopened(self, files: Files, spool: FileSpool) -> None:
        """Items, attempts and books are those of before."""
        add_event(spool, "1")
        add_event(spool, "2")
        add_endpoint(spool, "e")
        spool.count_dropped("3", DropReason.FULL)
        first, second, _ = everything(spool)
        spool.settle(
            Settlement(delivered=(first,), failed=(second._replace(attempts=4),))
        )
        books, spool_id = spool.books(), spool.spool_id
        spool.close()
        again = files.spool()
        assert again.spool_id == spool_id
        assert again.books() == books
        assert [(item.id, item.attempts) for item in everything(again)] == [
            (2, 4),
            (3, 0),
        ]

    @pytest.mark.parametrize("ends", ["delivered", "refused", "dropped"])
    def test_numbers(self, files: Files, ends: str) -> None:
        """No number is used twice, even if all has ended and the file is reopened."""
        used: list[int] = []
        for number in range(4):
            spool = files.spool()
            assert spool.highest_id == len(used)
            for each in range(number):
                add_event(spool, f"{number}-{each}")
            items = everything(spool)
            used += [item.id for item in items]
            spool.settle(
                {
                    "delivered": Settlement(delivered=tuple(items)),
                    "refused": Settlement(
                        refused=tuple((item, REFUSAL) for item in items)
                    ),
                    "dropped": Settlement(
                        dropped=tuple((item, DropReason.FULL) for item in items)
                    ),
                }[ends]
            )
            spool.close()
        assert used == [1, 2, 3, 4, 5, 6]

    def test_nothing_is_left(self, path: Path, spool: FileSpool) -> None:
        """Of what has ended at most one row is left, without its text."""
        for number in range(50):
            add_event(spool, f"{number}")
        for item in reversed(everything(spool)):
            spool.settle(Settlement(delivered=(item,)))
        assert rows(path, "SELECT id, json, is_settled FROM item") == [(50, "", 1)]
        add_event(spool, "50")
        (last,) = everything(spool)
        spool.settle(Settlement(delivered=(last,)))
        assert rows(path, "SELECT id FROM item") == [(51,)]

    def test_another_application(self, files: Files, spool: FileSpool) -> None:
        """A file is of one application; another is refused, and changes nothing."""
        add_event(spool, "1")
        with pytest.raises(ConfigurationError) as caught:
            files.spool(application_id="app-2")
        assert str(caught.value) == (
            f"the spool {str(files.path)!r} has events of another application; give "
            "each application a separate spool"
        )
        assert names(everything(files.spool())) == [("e", "1")]

    def test_another_program(self, files: Files) -> None:
        """A database of another program is refused, and stays as it is."""
        with closing(sqlite3.connect(files.path)) as store:
            store.execute("CREATE TABLE mine (a)")
        with pytest.raises(StoreError) as caught:
            files.spool()
        assert caught.value.code is StoreErrorCode.FOREIGN
        assert rows(files.path, "SELECT name FROM sqlite_master") == [("mine",)]

    def test_bound(self, files: Files) -> None:
        """The file does not outgrow its bound."""
        spool = files.spool(500_000)
        fill(spool, "€" * 500)
        assert 400_000 < size_of(files.path) <= 500_000

    def test_dead_letters_make_room(self, files: Files) -> None:
        """What was refused is forgotten first, the oldest before the others."""
        spool = files.spool(300_000)
        for number in range(100):
            add_event(spool, f"{number}", text="x" * 1_000)
        refused = tuple((item, REFUSAL) for item in everything(spool))
        spool.settle(Settlement(refused=refused))
        assert len(rows(files.path, "SELECT id FROM dead_letter")) == 100
        fill(spool, "x" * 1_000)
        assert rows(files.path, "SELECT id FROM dead_letter") == []
        counts = spool.books().events
        assert (counts.rejected, counts.recorded - counts.pending) == (100, 100)

    def test_dead_letter(self, files: Files, spool: FileSpool) -> None:
        """It has all of the item, and why it was refused."""
        add_event(spool, "1")
        (item,) = everything(spool)
        again = item._replace(attempts=10)
        spool.settle(Settlement(refused=((again, Refusal("500", "why")),)))
        ((*found, refused_at),) = rows(
            files.path,
            "SELECT endpoint_id, event_id, json, recorded_at, attempts, code, message, "
            "refused_at FROM dead_letter",
        )
        assert found == [
            *("e", "1", to_json(event()).decode(), item.recorded_at, 10),
            *("500", "why"),
        ]
        assert refused_at >= item.recorded_at

    def test_take(self, files: Files, spool: FileSpool) -> None:
        """Items and books of a spool in memory are added to those of the file."""
        memory = MemorySpool(1_000_000)
        add_event(spool, "0")
        for number in range(1, 6):
            add_event(memory, f"{number}")
        add_endpoint(memory, "e")
        items = everything(memory)
        memory.settle(
            Settlement(
                delivered=(items[0],),
                refused=((items[1], REFUSAL),),
                failed=(items[2]._replace(attempts=2),),
                dropped=((items[3], DropReason.TOO_OLD),),
            )
        )
        memory.count_dropped(None, DropReason.FULL)
        books = spool.books().plus(memory.books())
        memory.move(spool.take)
        assert spool.books() == books
        assert books.events.balances
        assert books.endpoints.balances
        assert [
            (item.id, item.event_id, item.attempts) for item in everything(spool)
        ] == [
            (1, "0", 0),
            (2, "3", 2),
            (3, "5", 0),
            (4, None, 0),
        ]

    def test_take_nothing(self, spool: FileSpool) -> None:
        """An empty one changes nothing."""
        MemorySpool(1_000_000).move(spool.take)
        assert spool.books() == Books()

    def test_many_models(self, spool: FileSpool) -> None:
        """Only some thousands of models are kept; each is that of its item."""
        assert spool.claim()
        for number in range(2_010):
            add_event(spool, f"{number}", text=f"{number}")
        items = spool.read(0, 3_000)
        known = [item for item in items if item.model is not None]
        assert 0 < len(known) <= 2_000
        assert [to_json(item.model).decode() for item in known if item.model] == [
            item.text for item in known
        ]
        assert spool._recent == {}

    def test_models_of_dropped_items(self, spool: FileSpool) -> None:
        """The model of an item that was dropped unread is forgotten."""
        assert spool.claim()
        for number in range(3):
            add_event(spool, f"{number}")
        first = Item(1, "e", "0", "", 0, 0)
        spool.settle(Settlement(dropped=((first, DropReason.FULL),)))
        assert [item.model for item in everything(spool)] == [event(), event()]
        assert spool._recent == {}


class TestTwoProcesses:
    """Processes share a file; here they are two spools of one file."""

    def test_share(self, files: Files) -> None:
        """Each sees what the other records, and what becomes of it."""
        one, two = files.spool(), files.spool()
        add_event(one, "1")
        add_event(two, "2")
        add_event(one, "3")
        assert names(everything(two)) == [("e", "1"), ("e", "2"), ("e", "3")]
        first, *rest = everything(one)
        assert one.settle(Settlement(delivered=(first,)))
        assert not two.settle(Settlement(delivered=(first,)))
        assert everything(two) == rest
        assert one.books() == two.books()

    def test_ask_for_flush(self, files: Files) -> None:
        """Who delivers is asked by the file; a later, lower number changes nothing."""
        one, two = files.spool(), files.spool()
        one.ask_for_flush(7)
        two.ask_for_flush(3)
        assert (one.take_flush_request(), two.take_flush_request()) == (7, 0)

    @needs_fork
    def test_claim(self, files: Files, spool: FileSpool) -> None:
        """One of them delivers; when its process ends, another may."""
        assert spool.claim()
        assert spool.claim()

        def lose() -> None:
            assert not spool.claim()
            assert not files.spool().claim()

        assert in_child(lose)
        spool.close()

        def win() -> None:
            assert files.spool().claim()

        assert in_child(win)
        assert files.spool().claim()

    def test_claim_of_one_process(self, files: Files, path: Path) -> None:
        """Of two spools of one process one has it, until it is closed."""
        one, two = files.spool(), files.spool()
        link = path.with_name("link")
        link.symlink_to(path.parent, target_is_directory=True)
        other = Claim(link / "spool.db-deliverer")
        assert one.claim()
        assert not two.claim()
        assert not other.take()
        one.close()
        assert not one.claim()
        assert two.claim()

    def test_claim_again(self, path: Path) -> None:
        """Who releases it knows whether another one has had it meanwhile."""
        file = path.with_name("spool.db-deliverer")
        one, two = Claim(file), Claim(file)
        assert one.take()
        one.release()
        assert one.take()
        assert one.takeovers == 1
        one.release()
        assert two.take()
        two.release()
        assert one.take()
        assert (one.takeovers, two.takeovers) == (2, 1)
        one.close()
        one.release()
        assert not one.take()

    @needs_fork
    def test_claim_of_a_child(self, path: Path) -> None:
        """A child with the same object counts as another one."""
        claim = Claim(path.with_name("spool.db-deliverer"))
        assert claim.take()
        claim.release()

        def take() -> None:
            assert claim.take()

        assert in_child(take)
        assert claim.take()
        assert claim.takeovers == 2
        claim.close()

    def test_claim_after_close(self, path: Path) -> None:
        """A thread that was about to take it leaves it to others."""
        file = path.with_name("spool.db-deliverer")
        one, two = Claim(file), Claim(file)
        one.close()
        assert not one.take()
        assert two.take()
        two.close()

    def test_claim_of_another_process(self, files: Files, path: Path) -> None:
        """What another process has cannot be taken, until it ends."""
        code = """
import sys
from pathlib import Path
from pinpoint_events.recorder._claim import Claim
print(Claim(Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""
        spool = files.spool()
        with subprocess.Popen(
            [sys.executable, "-c", code, path.with_name("spool.db-deliverer")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "True\n"
            assert not spool.claim()
            other.communicate()
        assert spool.claim()

    def test_claim_of_a_parent(self, files: Files, path: Path) -> None:
        """A child of a fork forgets what its parent has, and may take it later."""
        file = path.with_name("spool.db-deliverer").resolve()
        _held[file] = 0, os.open(file, os.O_RDWR | os.O_CREAT)  # as of process 0
        assert files.spool().claim()
        assert _held[file][0] == os.getpid()

    def test_claim_that_cannot_be_opened(self, files: Files, path: Path) -> None:
        """A lock file that is none is reported."""
        path.with_name("spool.db-deliverer").mkdir()
        with pytest.raises(OSError, match="directory"):
            files.spool().claim()

    @needs_fork
    def test_fork(self, files: Files, spool: FileSpool) -> None:
        """After a fork both sides add."""
        add_event(spool, "1")
        assert in_child(lambda: add_event(spool, "2"))
        add_event(spool, "3")
        assert names(everything(spool)) == [("e", "1"), ("e", "2"), ("e", "3")]

    def test_killed(self, path: Path) -> None:
        """What was added before a kill is there."""
        code = """
import os, signal, sys
from pathlib import Path
from pinpoint_events.recorder.file_spool import FileSpool
from tests.spool_contract import add_event
spool = FileSpool(Path(sys.argv[1]), "a", max_bytes=10**6, timeout_seconds=1)
assert spool.claim()
for number in range(20):
    add_event(spool, f"{number}")
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run([sys.executable, "-c", code, path], check=False)
        assert done.returncode == -9
        spool = FileSpool(path, "a", max_bytes=10**6, timeout_seconds=1)
        assert spool.claim()
        assert len(everything(spool)) == 20
        assert spool.books().events == ItemCounts(recorded=20, pending=20)
        spool.close()


class TestUnusable:
    """A file that cannot be used changes nothing."""

    def test_locked(self, files: Files, spool: FileSpool) -> None:
        """What another program locks can be read, and not written."""
        add_event(spool, "1")
        items = tuple(everything(spool))
        with writing(files.path):
            for act in (
                lambda: add_event(spool, "2"),
                lambda: spool.settle(Settlement(delivered=items)),
                lambda: spool.count_dropped("3", DropReason.FULL),
            ):
                with pytest.raises(StoreError) as caught:
                    act()
                assert caught.value.code is StoreErrorCode.LOCKED
            assert everything(spool) == list(items)
        assert spool.books().events == ItemCounts(recorded=1, pending=1)

    def test_move_aside(self, files: Files, spool: FileSpool, path: Path) -> None:
        """It is renamed with what is in it, and a new one takes its place."""
        add_event(spool, "1")
        place = files.place()
        identity = place.identity()
        spool.close()
        place.move_aside(identity)
        (moved,) = path.parent.glob("spool.db.damaged-*Z")
        assert len(rows(moved, "SELECT id FROM item")) == 1
        assert not path.exists()
        assert files.spool().claim()

    def test_move_aside_twice(self, files: Files, path: Path) -> None:
        """One that is damaged in the same second does not replace the first."""
        for event_id in ("1", "2", "3"):
            spool = files.spool()
            add_event(spool, event_id)
            spool.close()
            files.place().move_aside(files.place().identity())
        moved = path.parent.glob("spool.db.damaged-*")
        found = [rows(each, "SELECT event_id FROM item") for each in moved]
        assert sorted(found) == [[("1",)], [("2",)], [("3",)]]

    def test_move_aside_that_fails(self, files: Files, path: Path) -> None:
        """If it cannot be renamed, the claim is given up nevertheless."""
        if os.geteuid() == 0:
            path = path.with_name("x" * 236)
            files.path = path  # with the end it is too long a name
        files.spool().close()
        path.parent.chmod(0o500)
        with pytest.raises(OSError, match=r"\[Errno"):
            files.place().move_aside(files.place().identity())
        path.parent.chmod(0o700)
        assert files.spool().claim()

    def test_too_damaged_to_open(self, files: Files, path: Path) -> None:
        """A file whose schema is damaged can be renamed; the next one is new."""
        spool = files.spool()
        add_event(spool, "1")
        spool.close()
        damaged = bytearray(path.read_bytes())
        damaged[100:4_000] = b"\xff" * 3_900
        path.write_bytes(damaged)
        with pytest.raises(StoreError) as caught:
            files.spool()
        assert caught.value.code is StoreErrorCode.CORRUPT
        files.place().move_aside(files.place().identity())
        (moved,) = path.parent.glob("spool.db.damaged-*Z")
        assert moved.read_bytes() == damaged
        again = files.spool()
        assert again.claim()
        assert again.books() == Books()

    def test_delivered_elsewhere(self, files: Files, path: Path) -> None:
        """It is renamed by the process that delivers alone."""
        spool = files.spool()
        assert spool.claim()
        files.place().move_aside(files.place().identity())
        assert path.exists()

    def test_is_another(self, files: Files, path: Path) -> None:
        """A file that took its place meanwhile, or is no spool, stays there."""
        files.spool().close()
        files.place().move_aside((0, 0))
        files.place().move_aside(None)
        assert path.exists()
        path.unlink()
        assert files.place().identity() is None
        path.write_text("my notes")
        files.place().move_aside(files.place().identity())
        assert path.read_text() == "my notes"


class TestPlace:
    """Where the file is."""

    @pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX'")
    def test_mode(self, files: Files) -> None:
        """A new file is readable by its user alone, and so are SQLite's other files."""
        spool = files.place().open()
        add_event(spool, "1")
        assert spool.claim()
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in files.path.parent.iterdir()
        }
        spool.close()
        assert modes == {
            "spool.db": 0o600,
            "spool.db-deliverer": 0o600,
            "spool.db-wal": 0o600,
            "spool.db-shm": 0o600,
        }

    @pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX'")
    @pytest.mark.parametrize("mode", [0o660, 0o640, 0o666])
    def test_mode_of_others(self, files: Files, path: Path, mode: int) -> None:
        """The lock file is for those whom the spool is for, whatever the umask."""
        path.touch()
        path.chmod(mode)
        spool = files.place().open()
        umask = os.umask(0o077)
        try:
            assert spool.claim()
        finally:
            os.umask(umask)
        lock = path.with_name("spool.db-deliverer")
        assert stat.S_IMODE(lock.stat().st_mode) == mode
        lock.chmod(0o600)
        spool.close()
        assert files.spool().claim()
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600

    @pytest.mark.skipif(
        os.name != "posix" or os.geteuid() != 0, reason="root alone gives files away"
    )
    def test_owner(self, files: Files, path: Path) -> None:
        """What root makes belongs to the owner of the spool, who delivers later."""
        path.touch()
        os.chown(path, 12_345, 12_345)
        spool = files.spool()
        assert spool.claim()
        status = path.with_name("spool.db-deliverer").stat()
        assert (status.st_uid, status.st_gid) == (12_345, 12_345)

    @pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX'")
    def test_mode_without_spool(self, path: Path) -> None:
        """If the spool is gone, it is that of a new one."""
        lock = path.with_name("spool.db-deliverer")
        claim = Claim(lock)
        assert claim.take()
        claim.close()
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600

    @pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX'")
    def test_link(self, files: Files, path: Path) -> None:
        """By a link it is the same file: one of them delivers."""
        spool = files.spool()
        assert spool.claim()
        link = path.with_name("link.db")
        link.symlink_to(path)
        files.path = link
        other = files.spool()
        assert other.spool_id == spool.spool_id
        assert not other.claim()

    def test_memory_counts_bytes(self) -> None:
        """In memory a character may take four bytes."""
        texts = {"ascii": "x" * 1_000, "other": "x" * 999 + "\U0001f600"}
        used = {}
        for name, text in texts.items():
            spool = MemorySpool(10_000_000)
            spool.add("e", "v", text, event())
            used[name] = spool._used_bytes
        assert used["other"] - used["ascii"] > 2_900
