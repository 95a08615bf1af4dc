import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from pinpoint_events.errors import (
    ConfigurationError,
    SpoolFullError,
    StoreError,
    StoreErrorCode,
)
from pinpoint_events.recorder.file_spool import FileSpool
from pinpoint_events.recorder.items import Books, DropReason, Settlement
from pinpoint_events.recorder.memory_spool import MemorySpool
from pinpoint_events.recorder.reports import Hooks, Reports
from pinpoint_events.recorder.safe_spool import SafeSpool
from pinpoint_events.recorder.spool_place import SpoolPlace
from tests.fake_time import FakeTime
from tests.spool_contract import (
    REFUSAL,
    add_event,
    everything,
    fill,
    names,
)
from tests.stores import writing


class Case:
    """A safe spool, its file, its clock, and what it reports."""

    def __init__(self, path: Path, max_bytes: int = 1_000_000) -> None:
        self.path = path
        self.time = FakeTime()
        self.errors: list[Exception] = []
        self.place = SpoolPlace(path, "app-1", max_bytes, 0.0)
        self.spool = SafeSpool(
            self.place,
            MemorySpool(1_000_000),
            Reports(Hooks(None, None, self.errors.append)),
            self.time,
        )

    @property
    def codes(self) -> list[StoreErrorCode | None]:
        """The codes of what was reported."""
        return [getattr(error, "code", None) for error in self.errors]

    def recover(self, seconds: float = 100.0) -> bool:
        """Let time pass, and try the file again."""
        self.time.seconds += seconds
        return self.spool.recover()

    def waiting(self) -> list[list[tuple[str, str | None]]]:
        """Return what each of the spools has."""
        return [names(everything(spool)) for spool in self.spool.spools]

    def balance(self) -> tuple[int, int]:
        """Return how many events were recorded, and are pending."""
        events = self.spool.books().events
        assert events.balances
        return events.recorded, events.pending


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that does not exist yet."""
    return tmp_path / "spool.db"


@pytest.fixture
def case(path: Path) -> Iterator[Case]:
    """Open the file."""
    case = Case(path)
    yield case
    case.spool.close()


def add(case: Case, *event_ids: str) -> None:
    """Record events."""
    for event_id in event_ids:
        add_event(case.spool, event_id)  # type: ignore[arg-type] # adds as they do


def in_file(case: Case) -> list[tuple[str, str | None]]:
    """Return what is in the file."""
    spool = case.place.open()
    found = names(everything(spool))
    spool.close()
    return found


def move_away(path: Path) -> Path:
    """Rename a file, and those beside it."""
    target = path.with_name("old.db")
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).rename(f"{target}{end}")
    return target


def damage(path: Path) -> None:
    """Overwrite a file that is not open, except for the first page of each table."""
    content = path.read_bytes()
    kept = 6 * 4_096
    path.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))


class TestFile:
    """As long as the file can be used, all is in it."""

    def test_is_used(self, case: Case) -> None:
        """Nothing is in memory."""
        add(case, "1", "2")
        assert case.spool.is_durable
        assert case.waiting() == [[("e", "1"), ("e", "2")], []]
        assert case.balance() == (2, 2)
        assert not case.recover()
        assert case.spool.file is case.spool.spools[0]
        assert not case.spool.is_unknown

    def test_none(self) -> None:
        """Without a file, all is in memory."""
        spool = SafeSpool(
            None, MemorySpool(10_000), Reports(Hooks(None, None, None)), FakeTime()
        )
        spool.count_dropped("1", DropReason.FULL)
        assert not spool.is_durable
        assert not spool.recover()
        assert spool.drop_oldest() == []
        assert spool.books().events.dropped == {"full": 1}
        assert spool.close() == []

    def test_of_another_application(self, case: Case) -> None:
        """That is a mistake of the configuration, and not passed over."""
        with pytest.raises(ConfigurationError):
            SafeSpool(
                SpoolPlace(case.path, "app-2", 10**6, 0.0),
                MemorySpool(1),
                Reports(Hooks(None, None, None)),
                FakeTime(),
            )


class TestLocked:
    """A file that another program locks is tried again."""

    def test_is_used_again(self, case: Case) -> None:
        """Meanwhile events are in memory; then they move into the file."""
        add(case, "1")
        with writing(case.path):
            add(case, "2")
            case.spool.count_dropped("3", DropReason.FULL)
            assert case.spool.error is not None
            assert case.waiting() == [[("e", "1")], [("e", "2")]]
            assert case.balance() == (3, 2)
            assert not case.recover()
        assert case.recover()
        assert case.spool.is_durable
        assert case.waiting() == [[("e", "1"), ("e", "2")], []]
        assert case.balance() == (3, 2)
        assert case.codes == [StoreErrorCode.LOCKED]

    def test_count_dropped(self, case: Case) -> None:
        """What is dropped while it is locked is counted in memory."""
        with writing(case.path):
            case.spool.count_dropped("1", DropReason.FULL)
        assert case.balance() == (1, 0)
        assert case.recover()
        assert case.spool.books().events.dropped == {"full": 1}

    def test_drop_oldest(self, case: Case) -> None:
        """Nothing of a locked file can be dropped; of memory it can."""
        add(case, "1")
        with writing(case.path):
            assert case.spool.drop_oldest() == []
            add(case, "2")
            assert names(case.spool.drop_oldest()) == [("e", "2")]
        assert case.recover()
        assert names(case.spool.drop_oldest()) == [("e", "1")]
        assert case.spool.books().events.dropped == {"full": 2}

    def test_waits_longer(self, case: Case) -> None:
        """The waits double up to a minute."""
        path = case.path
        add(case, "1")
        move_away(path)
        path.mkdir()
        add(case, "2")
        tries: list[float] = []
        for _ in range(1_000):
            case.time.seconds += 0.5
            before = case.spool.file
            case.spool.recover()
            if case.spool._retry_at > case.time.seconds and (
                before is not None or not tries or tries[-1] != case.spool._retry_at
            ):
                tries.append(case.spool._retry_at)
        waits = [round(after - before) for before, after in pairwise(tries)]
        assert waits[-1] in {60, 61}
        assert waits == sorted(waits)
        path.rmdir()
        assert case.recover()
        assert case.waiting() == [[("e", "2")], []]

    @pytest.mark.parametrize("seconds, wait", [(59, 60), (61, 1), (3_600, 1)])
    def test_waits_anew(self, case: Case, seconds: int, wait: int) -> None:
        """Once it has worked for more than a minute, the first wait is short again."""
        with writing(case.path):
            add(case, "1")
            for _ in range(10):
                assert not case.recover(60)
        assert case.recover(60)
        for _ in range(seconds * 4):  # as the thread does
            assert not case.recover(0.25)
        with writing(case.path):
            add(case, "2")
        assert not case.recover(wait - 0.25)
        assert case.recover(0.25)

    def test_close(self, case: Case) -> None:
        """At the end the file is tried once more, so that nothing is lost."""
        with writing(case.path):
            add(case, "1")
        assert case.spool.close() == []
        assert in_file(case) == [("e", "1")]
        assert case.balance() == (1, 1)

    def test_close_while_locked(self, case: Case) -> None:
        """If that fails, what is in memory is dropped."""
        with writing(case.path):
            add(case, "1")
            assert names(case.spool.close()) == [("e", "1")]
        assert case.spool.books().events.dropped == {"exit": 1}

    def test_close_soon_after(self, case: Case) -> None:
        """What was added to memory while the file was opened moves into it, too."""
        add_event(case.spool.memory, "1")
        assert case.spool.close() == []
        assert case.balance() == (1, 1)

    def test_locked_at_close(self, case: Case) -> None:
        """Unless the file is locked just then."""
        add_event(case.spool.memory, "1")
        with writing(case.path):
            assert names(case.spool.close()) == [("e", "1")]


class TestRoom:
    """One limit is for the file and for what is in memory until it moves there."""

    @staticmethod
    def used(case: Case) -> int:
        """Return how many bytes of the file are in use."""
        assert case.spool.file is not None
        case.spool.books()
        return case.spool.file.used_bytes

    @staticmethod
    def fill(case: Case, text: str = "") -> int:
        """Add events until there is no room."""
        return fill(case.spool, text)  # type: ignore[arg-type] # adds as they do

    def test_full_file(self, path: Path) -> None:
        """As long as a full file is locked, memory takes nothing, however often."""
        case = Case(path, 200_000)
        self.fill(case, "x" * 1_000)
        recorded = case.balance()
        for _ in range(3):
            with writing(path):
                assert self.fill(case, "x" * 1_000) == 0
                with pytest.raises(SpoolFullError) as caught:
                    add(case, "1")
                assert caught.value.max_bytes == 200_000
            assert case.recover()
        assert case.balance() == recorded
        assert self.used(case) <= 200_000
        case.spool.close()

    @pytest.mark.parametrize("letter", ["x", "ß", "€", "😀"])
    @pytest.mark.parametrize("length", [20, 700, 2_100, 4_100, 9_000])
    def test_memory(self, path: Path, letter: str, length: int) -> None:
        """Memory takes what the file has room for, and all of it moves there."""
        case = Case(path, 200_000)
        add(case, "1")
        text = letter * (length // len(letter.encode()))
        with writing(path):
            taken = self.fill(case, text)
        assert taken * (2 * length + 700) > 140_000
        assert case.recover()
        assert case.balance() == (1 + taken, 1 + taken)
        assert self.used(case) <= 200_000
        case.spool.close()

    def test_last_measure(self, path: Path) -> None:
        """What was added since the file was last measured counts, too."""
        case = Case(path, 200_000)
        for _ in range(9):
            with writing(path):
                for number in range(20):
                    add_event(case.spool, f"{number}", text="x" * 900)  # type: ignore[arg-type]
            assert case.recover()
            if self.used(case) > 160_000:
                break
        with writing(path):
            self.fill(case, "x" * 900)
        assert case.recover()
        assert self.used(case) <= 200_000
        self.fill(case, "x" * 900)
        assert self.used(case) <= 200_000
        case.spool.close()

    def test_dead_letters(self, path: Path) -> None:
        """They make room for what was in memory."""
        case = Case(path, 200_000)
        self.fill(case, "x" * 1_000)
        assert case.spool.file is not None
        refused = tuple((item, REFUSAL) for item in everything(case.spool.file))
        case.spool.file.settle(Settlement(refused=refused))
        with writing(path):
            taken = self.fill(case, "x" * 1_000)
        assert taken > 60
        assert case.recover()
        assert case.balance() == (len(refused) + taken, taken)
        assert self.used(case) <= 200_000
        case.spool.close()

    def test_replaced_file(self, path: Path) -> None:
        """If a new file takes the place of a full one, it has all the room."""
        case = Case(path, 200_000)
        self.fill(case, "x" * 1_000)
        move_away(path)
        assert self.fill(case, "x" * 1_000) > 50
        assert case.recover()
        assert self.used(case) <= 200_000
        case.spool.close()

    def test_replaced_later(self, path: Path) -> None:
        """Also if there can be no file at first."""
        case = Case(path, 200_000)
        self.fill(case, "x" * 1_000)
        move_away(path)
        path.mkdir()
        add(case, "1")
        assert not case.recover()
        assert self.fill(case, "x" * 1_000) > 50
        path.rmdir()
        assert case.recover()
        assert self.used(case) <= 200_000
        case.spool.close()


class TestMoved:
    """A file that was moved away is replaced by a new one."""

    def test_is_replaced(self, case: Case) -> None:
        """What was in it stays there; the books are those of the new one."""
        add(case, "1")
        assert case.balance() == (1, 1)
        old = move_away(case.path)
        assert case.balance() == (1, 1)
        add(case, "2")
        assert case.balance() == (2, 2)
        assert case.recover()
        assert case.waiting() == [[("e", "2")], []]
        assert case.balance() == (1, 1)
        assert case.codes == [StoreErrorCode.MOVED]
        with closing(sqlite3.connect(old)) as store:
            assert store.execute("SELECT event_id FROM item").fetchall() == [("1",)]

    def test_cannot_be_replaced(self, case: Case) -> None:
        """As long as there is no file, it is not known what waits in the old one."""
        add(case, "1")
        move_away(case.path)
        case.path.mkdir()
        add(case, "2")
        assert not case.recover()
        assert case.spool.is_unknown
        assert case.spool.file is None
        assert case.waiting() == [[("e", "2")]]
        case.path.rmdir()
        assert case.recover()
        assert not case.spool.is_unknown

    def test_of_another_application(self, case: Case) -> None:
        """One of another application is not used, and stays as it is."""
        add(case, "1")
        move_away(case.path)
        other = FileSpool(case.path, "app-2", max_bytes=10**6, timeout_seconds=0)
        add(case, "2")
        assert not case.recover()
        assert names(everything(other)) == []
        other.close()
        assert case.waiting() == [[("e", "2")]]

    def test_late_error(self, case: Case) -> None:
        """An error of the old file, seen late, does not put the new one aside."""
        add(case, "1")
        file = case.spool.file
        move_away(case.path)
        add(case, "2")
        assert case.recover()
        assert file is not None
        case.spool.set_aside(StoreError("late"), file)
        assert case.spool.is_durable


class TestClosedMeanwhile:
    """A thread that was about to recover when another one closed the spool."""

    def test_opens_nothing(self, case: Case, path: Path) -> None:
        """A file that it opens then is closed again, and no error is reported."""

        class ClosesOnce(FakeTime):
            acts = iter([case.spool.close])

            def monotonic(self) -> float:
                for act in self.acts:
                    act()
                return super().monotonic()

        add(case, "1")
        move_away(path)
        add(case, "2")
        case.spool.books()
        assert case.codes == [StoreErrorCode.MOVED]
        case.spool._time = later = ClosesOnce()
        later.seconds = case.time.seconds + 100
        assert not case.spool.recover()
        assert case.codes == [StoreErrorCode.MOVED]
        assert case.spool._file is not None
        assert not case.spool._file.claim()
        other = case.place.open()
        assert other.claim()
        assert names(everything(other)) == [("e", "2")]
        other.close()


class TestDamaged:
    """A damaged file is renamed, by the process that delivers."""

    @staticmethod
    def damaged(path: Path) -> Case:
        """Open a file that is damaged."""
        first = Case(path)
        for number in range(200):
            add(first, f"{number}")
        first.spool.close()
        damage(path)
        return Case(path)

    @staticmethod
    def touch(case: Case) -> None:
        """Use it until the damage is found."""
        with pytest.raises(StoreError) as caught:
            everything(case.spool.spools[0])
        assert caught.value.code is StoreErrorCode.CORRUPT
        case.spool.set_aside(caught.value, case.spool.file)

    def test_is_renamed(self, path: Path) -> None:
        """A new file takes what comes."""
        case = self.damaged(path)
        self.touch(case)
        add(case, "new")
        assert case.recover()
        assert case.codes == [StoreErrorCode.CORRUPT]
        assert case.waiting() == [[("e", "new")], []]
        assert case.balance() == (1, 1)
        (aside,) = path.parent.glob("spool.db.damaged-*Z")
        assert b"\xff" * 4_096 in aside.read_bytes()
        case.spool.close()

    def test_cannot_be_opened(self, path: Path) -> None:
        """One that is too damaged to be opened is renamed, too."""
        Case(path).spool.close()
        path.write_bytes(path.read_bytes()[:4_096] + b"\xff" * 8_192)
        case = Case(path)
        assert case.codes == [StoreErrorCode.CORRUPT]
        add(case, "new")
        assert case.recover()
        assert len(list(path.parent.glob("spool.db.damaged-*Z"))) == 1
        assert case.waiting() == [[("e", "new")], []]
        case.spool.close()

    def test_elsewhere(self, path: Path) -> None:
        """Another process does not rename it."""
        case = self.damaged(path)
        self.touch(case)
        assert case.spool.file is not None
        other = case.spool.file._claim.__class__(
            path.with_name("spool.db-deliverer").resolve()
        )
        assert other.take()
        case.recover()
        assert list(path.parent.glob("spool.db.damaged-*Z")) == []
        other.close()
        case.spool.close()

    def test_claim_cannot_be_opened(self, path: Path) -> None:
        """If the claim cannot be taken, the file is closed all the same."""
        case = self.damaged(path)
        self.touch(case)
        file = case.spool.file
        path.with_name("spool.db-deliverer").mkdir()
        assert not case.recover()
        assert file is not None
        with pytest.raises(StoreError) as caught:
            everything(file)
        assert caught.value.code is StoreErrorCode.CLOSED
        case.spool.close()

    def test_books(self, path: Path) -> None:
        """Books that cannot be read stay as they were."""
        case = Case(path)
        add(case, "1")
        assert case.balance() == (1, 1)
        move_away(path)
        for _ in range(2):
            assert case.balance() == (1, 1)
        case.spool.close()


class TestBooks:
    """Each reading of the books counts every item once, also while items move."""

    def test_move_meanwhile(self, case: Case) -> None:
        """What moves after the file was read, and before memory is, is counted."""

        class Moving(FileSpool):
            """Lets memory move into the file each time that its books were read."""

            def books(self) -> Books:
                found = super().books()
                case.recover()
                return found

        add(case, "1")
        with writing(case.path):
            add(case, "2", "3")
        assert case.spool.file is not None
        case.spool.file.__class__ = Moving
        assert case.balance() == (3, 3)
        assert case.waiting() == [[("e", "1"), ("e", "2"), ("e", "3")], []]
        add_event(case.spool.memory, "late")
        assert case.balance() == (4, 4)
        assert case.spool.memory.books() == Books()

    def test_unreadable_afterwards(self, case: Case) -> None:
        """If the file cannot be read after a move, what moved is counted."""
        with writing(case.path):
            add(case, "1")
        assert case.recover()
        move_away(case.path)
        assert case.balance() == (1, 1)
        add(case, "2")
        assert case.balance() == (2, 2)


class TestDropOldest:
    """The oldest make room, if the spool is full."""

    def test_ended_meanwhile(self, case: Case) -> None:
        """Only what was really dropped is returned."""
        add(case, "1", "2")
        assert case.spool.file is not None
        first, _ = everything(case.spool.file)

        class Racing(FileSpool):
            """Delivers what is about to be dropped."""

            def oldest(self) -> list[object]:  # type: ignore[override]
                items = super().oldest()
                if first in items:
                    self.settle(Settlement(delivered=(first,)))
                return list(items)

        case.spool.file.__class__ = Racing
        assert names(case.spool.drop_oldest()) == [("e", "2")]
        assert case.spool.books().events.delivered == 1

    def test_all_ended_meanwhile(self, case: Case) -> None:
        """If all of them have ended, the next ones are."""
        add(case, "1", "2")
        assert case.spool.file is not None
        known = everything(case.spool.file)

        class Racing(FileSpool):
            """Says once what has just ended."""

            def oldest(self) -> list[object]:  # type: ignore[override]
                items = super().oldest()
                if known[0] in items:
                    self.settle(Settlement(delivered=tuple(known)))
                    return [*known]
                return list(items)

        case.spool.file.__class__ = Racing
        assert case.spool.drop_oldest() == []
        assert case.spool.books().events.delivered == 2


class TestLateItems:
    """What a thread adds to memory while memory moves into the file moves as well."""

    def test_moves(self, case: Case) -> None:
        """At the next look."""
        add_event(case.spool.memory, "late")
        assert case.recover()
        assert case.waiting() == [[("e", "late")], []]
        assert not case.recover()
        assert case.balance() == (1, 1)

    def test_locked(self, case: Case) -> None:
        """If the file cannot be written, they wait in memory."""
        add_event(case.spool.memory, "late")
        with writing(case.path):
            assert not case.recover()
        assert case.codes == [StoreErrorCode.LOCKED]
        assert case.recover()
        assert case.balance() == (1, 1)


NO_FILE = "the spool's file cannot be used: events are kept in memory only"


class TestReports:
    """A failure that lasts is reported."""

    def test_soon_after_another(self) -> None:
        """Within a minute of the last one it is not, and afterwards it is."""
        errors: list[Exception] = []
        reports = Reports(Hooks(None, None, errors.append))
        first, second = StoreError("1"), StoreError("2")
        reports.spool_failed(first)
        reports.spool_failed(first)
        reports.spool_works()
        reports.spool_failed(second)
        assert errors == [first]
        reports._spool_reported_at -= 60.0
        reports.spool_failed(second)
        reports.spool_failed(second)
        assert errors == [first, second]

    def test_ends_within_its_log(self) -> None:
        """A handler that ends it, too, finds each count once."""
        reports = Reports(Hooks(None, None, None))
        reasons = DropReason.FULL, DropReason.TOO_OLD
        for _ in range(3):
            for reason in reasons:
                reports.dropped([("e", "v")], reason)
        lines: list[tuple[object, object]] = []

        class Ending(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                facts = vars(record)
                lines.append(
                    (facts["pinpoint_events.code"], facts["pinpoint_events.others"])
                )
                reports.end()

        log = logging.getLogger("pinpoint_events")
        handler = Ending()
        log.addHandler(handler)
        try:
            reports.end()
        finally:
            log.removeHandler(handler)
        assert lines == [(reason, 1) for reason in reasons]

    def test_claim(self, caplog: pytest.LogCaptureFixture) -> None:
        """A lock file that cannot be used is another matter, and mutes none."""
        errors: list[Exception] = []
        reports = Reports(Hooks(None, None, errors.append))
        path = "/var/lib/shop/spool.db-deliverer"
        claim = PermissionError(errno.EACCES, "Permission denied", path)
        file = StoreError("the store is broken")
        reports.claim_failed(claim)
        reports.claim_failed(claim)
        reports.spool_failed(file)
        assert errors == [claim, file]
        start = "the lock file of the spool cannot be used"
        assert [record.message for record in caplog.records] == [
            f"{start}: no event is delivered (Permission denied: '{path}')",
            f"{NO_FILE} (the store is broken)",
        ]
