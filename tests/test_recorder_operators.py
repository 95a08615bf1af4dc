import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pinpoint_events import (
    Event,
    EventsRequest,
    EventsResponse,
    ItemCounts,
    MemorySender,
    SqliteSender,
    StoreError,
    StoreErrorCode,
    loader,
)
from pinpoint_events.loader.content import EventIds, content
from pinpoint_events.loader.lines import Line
from pinpoint_events.quotas import Quotas
from pinpoint_events.recorder.items import Item, Refusal
from pinpoint_events.recorder.operators import (
    DeadLetter,
    KindCounts,
    Selection,
    SpoolFile,
)
from pinpoint_events.recorder.spool_lines import DeadLetterLines, line_of
from tests.commands import environment
from tests.sender_contract import in_child, needs_fork
from tests.spools import changed, dead_spool, offline, picky, recorder, waiting_spool
from tests.stores import writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that does not exist yet."""
    return tmp_path / "events.spool"


def dead(spool: SpoolFile, **chosen: object) -> list[str | None]:
    """Return the event ids of dead letters."""
    return [each.item.event_id for each in spool.rejected(Selection(**chosen))]  # type: ignore[arg-type]


def waiting(spool: SpoolFile, **chosen: object) -> list[str | None]:
    """Return the event ids of what waits."""
    return [item.event_id for item in spool.pending(Selection(**chosen))]  # type: ignore[arg-type]


def counts_of(spool: SpoolFile) -> tuple[ItemCounts, ItemCounts]:
    """Return the books of a spool, which balance."""
    status = spool.status()
    assert status.balances
    assert status.events.balances
    assert status.endpoints.balances
    return status.events, status.endpoints


class TestOpening:
    """Only what is a spool is opened, and nothing is created."""

    def test_missing(self, path: Path) -> None:
        """A file that does not exist is refused, and not created."""
        with pytest.raises(StoreError) as caught:
            SpoolFile(path)
        assert caught.value.code is StoreErrorCode.CANNOT_OPEN
        assert list(path.parent.iterdir()) == []

    @pytest.mark.parametrize(
        "content, code",
        [
            (b"", StoreErrorCode.NOT_A_DATABASE),
            (b"no database " * 100, StoreErrorCode.NOT_A_DATABASE),
        ],
        ids=["empty", "text"],
    )
    def test_of_another_kind(
        self, path: Path, content: bytes, code: StoreErrorCode
    ) -> None:
        """What is no spool stays as it is."""
        path.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            SpoolFile(path)
        assert caught.value.code is code
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]

    def test_of_another_program(self, path: Path) -> None:
        """A store of events is no spool."""
        SqliteSender(path).close()
        with pytest.raises(StoreError) as caught:
            SpoolFile(path)
        assert caught.value.code is StoreErrorCode.FOREIGN

    def test_of_another_version(self, path: Path) -> None:
        """A spool of a later release is left to it."""
        dead_spool(path)
        changed(path, "PRAGMA user_version = 99")
        with pytest.raises(StoreError) as caught:
            SpoolFile(path)
        assert caught.value.code is StoreErrorCode.OTHER_VERSION

    def test_damaged(self, path: Path) -> None:
        """Damage is reported; the connection is closed."""
        dead_spool(path)
        changed(path, "DROP TABLE application")
        with pytest.raises(StoreError) as caught:
            SpoolFile(path)
        assert caught.value.code is StoreErrorCode.OTHER
        assert [
            each.name for each in path.parent.iterdir() if "-wal" in each.name
        ] == []

    def test_without_an_application(self, path: Path) -> None:
        """A recorder that was killed while it created the file leaves none in it."""
        waiting_spool(path, 0)
        changed(path, "DELETE FROM application")
        with SpoolFile(path) as spool:
            assert spool.application_id is None
            assert spool.status().application_id is None

    def test_a_name_with_special_characters(self, tmp_path: Path) -> None:
        """What means something in a URL is a part of the name."""
        path = dead_spool(tmp_path / "50%20 ?mode=memory#ü.spool")
        with SpoolFile(str(path)) as spool:
            assert spool.application_id == "local"


class TestStatus:
    """What became of all items, and the proof."""

    def test_of_dead_letters(self, path: Path) -> None:
        """The ledger's counts, and what is kept, by code."""
        with SpoolFile(dead_spool(path)) as spool:
            status = spool.status()
        assert status.application_id == "local"
        assert status.events == ItemCounts(recorded=5, delivered=3, rejected=2)
        assert status.endpoints == ItemCounts(recorded=2, delivered=1, rejected=1)
        assert status.waiting == (0, 0)
        assert status.dead_letters == (2, 1)
        assert status.codes == {"400": 2, "410": 1}
        assert status.oldest_pending_at is None
        assert 4_096 <= status.used_bytes <= path.stat().st_size
        assert status.balances

    def test_of_what_waits(self, path: Path) -> None:
        """What waits is counted row by row, and the oldest one's time is known."""
        with SpoolFile(waiting_spool(path)) as spool:
            status = spool.status()
            (oldest, *_) = spool.pending()
        assert status.events == ItemCounts(recorded=3, pending=3)
        assert status.endpoints == ItemCounts(recorded=1, pending=1)
        assert status.waiting == (3, 1)
        assert status.oldest_pending_at == oldest.recorded_at

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM item WHERE event_id = 'w-0'",
            "UPDATE ledger SET count = 0 WHERE name = 'rejected'",
        ],
        ids=["waiting", "rejected"],
    )
    def test_of_books_that_do_not_balance(self, path: Path, sql: str) -> None:
        """A row that is gone, or a count that is too small, is found."""
        dead_spool(path)
        waiting_spool(path)
        changed(path, sql)
        with SpoolFile(path) as spool:
            assert not spool.status().balances


class TestDelivering:
    """Whether a process delivers, which asking does not change."""

    def test_of_this_process(self, path: Path) -> None:
        """Its recorder keeps the claim, also if the file has another name as well."""
        link = path.with_name("link")
        with recorder(path) as (one, _):
            one.record("e", Event("good"))
            assert one.flush(20)
            with SpoolFile(path) as spool:
                assert spool.is_delivering
            link.symlink_to(path.name)
            link.with_name("link-deliverer").symlink_to(f"{path.name}-deliverer")
            with SpoolFile(link) as spool:
                assert spool.is_delivering
            assert status_elsewhere(path) == "True"
        with SpoolFile(path) as spool:
            assert spool.is_delivering is False

    def test_of_another_process(self, path: Path) -> None:
        """A process that is killed delivers no more."""
        with delivering_elsewhere(path) as process, SpoolFile(path) as spool:
            assert spool.is_delivering
            assert spool.status().is_delivering
            process.kill()
            process.wait()
            assert spool.is_delivering is False

    @needs_fork
    def test_of_the_parent(self, path: Path) -> None:
        """A child of a fork sees the claim of its parent, and does not end it."""
        with recorder(path) as (one, _):
            one.record("e", Event("good"))
            assert one.flush(20)

            def ask() -> None:
                with SpoolFile(path) as spool:
                    assert spool.is_delivering

            in_child(ask)
            assert status_elsewhere(path) == "True"

    def test_of_none(self, path: Path) -> None:
        """Where no file of a claim is, none is created."""
        dead_spool(path)
        claim = path.with_name("events.spool-deliverer")
        claim.unlink()
        with SpoolFile(path) as spool:
            assert spool.is_delivering is False
        assert not claim.exists()

    def test_of_another_spool(self, path: Path) -> None:
        """The claims of this process are told apart."""
        with recorder(path) as (one, _):
            one.record("e", Event("good"))
            assert one.flush(20)
            with SpoolFile(dead_spool(path.with_name("other"))) as spool:
                assert spool.is_delivering is False

    def test_unknown(self, path: Path) -> None:
        """Where it cannot be opened, that is not known."""
        dead_spool(path)
        claim = path.with_name("events.spool-deliverer")
        claim.unlink()
        claim.symlink_to(claim.name)
        with SpoolFile(path) as spool:
            assert spool.status().is_delivering is None


ASK = """
import sys
from pinpoint_events.recorder.operators import SpoolFile
with SpoolFile(sys.argv[1]) as spool:
    print(spool.is_delivering)
"""
DELIVER = """
import sys
from pinpoint_events import Event, MemorySender, Recorder
recorder = Recorder(MemorySender(), spool=sys.argv[1], exit_seconds=0)
recorder.record("e", Event("good"))
print(recorder.flush(20), flush=True)
sys.stdin.read()
"""


def status_elsewhere(path: Path) -> str:
    """Return what another process finds out."""
    command = [sys.executable, "-c", ASK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def delivering_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that delivers, to the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", DELIVER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


class TestLooking:
    """Items, and which of them are meant."""

    def test_dead_letters(self, path: Path) -> None:
        """Each has what was recorded, and why and when it was rejected."""
        with SpoolFile(dead_spool(path, bad=1)) as spool:
            event, endpoint = spool.rejected()
        at, refused_at = event.item.recorded_at, event.refused_at
        text = (
            '{"EventType":"bad","Timestamp":"2026-09-21T12:00:00.123Z",'
            '"Attributes":{"mail":"ada@example.com"}}'
        )
        assert event == DeadLetter(
            Item(event.item.id, "user-1", "b-0", text, at, 0),
            Refusal("400", "no such\ntype"),
            refused_at,
        )
        assert at <= refused_at
        assert endpoint.item[1:4] == ("x", None, '{"OptOut":"ALL"}')
        assert endpoint.refusal == ("410", "gone")

    def test_many(self, path: Path) -> None:
        """They are read in parts; each is there once, in order."""
        dead_spool(path, bad=1_100, good=0)
        with SpoolFile(path) as spool:
            assert dead(spool) == [*(f"b-{n}" for n in range(1_100)), None]

    def test_what_is_settled_does_not_wait(self, path: Path) -> None:
        """The newest row, which stays for its number, is no item."""
        with SpoolFile(dead_spool(path)) as spool:
            assert waiting(spool) == []
            assert spool.count_pending()[0] == (0, 0)

    @pytest.mark.parametrize(
        "chosen, found",
        [
            ({}, ["b-0", "b-1", None]),
            ({"codes": ("410",)}, [None]),
            ({"codes": ("410", "400")}, ["b-0", "b-1", None]),
            ({"endpoint_ids": ("user-1",)}, ["b-0", "b-1"]),
            ({"event_ids": ("b-1", "b-7")}, ["b-1"]),
            ({"event_ids": ("b-1",), "codes": ("410",)}, []),
            ({"before": 0}, []),
        ],
        ids=str,
    )
    def test_chosen(
        self, path: Path, chosen: dict[str, object], found: list[str | None]
    ) -> None:
        """All parts of a selection apply, and any value of a part."""
        with SpoolFile(dead_spool(path)) as spool:
            assert dead(spool, **chosen) == found
            counts, _ = spool.count_rejected(Selection(**chosen))  # type: ignore[arg-type]
            assert counts == (len(found) - found.count(None), found.count(None))

    def test_chosen_by_time(self, path: Path) -> None:
        """Dead letters go by when they were rejected, others by the recording."""
        dead_spool(path)
        waiting_spool(path)
        changed(path, "UPDATE dead_letter SET refused_at = 7 WHERE event_id = 'b-1'")
        changed(path, "UPDATE item SET recorded_at = 7 WHERE event_id = 'w-1'")
        with SpoolFile(path) as spool:
            assert dead(spool, before=8) == ["b-1"]
            assert dead(spool, before=7) == []
            assert waiting(spool, before=8) == ["w-1"]
            assert waiting(spool, endpoint_ids=("other",)) == []


class TestPutBack:
    """Dead letters wait again: `rejected` falls, `pending` grows, `recorded` stays."""

    def test_all(self, path: Path) -> None:
        """They are behind all others, as new, and the books balance."""
        dead_spool(path)
        waiting_spool(path, 1)
        changed(path, "UPDATE dead_letter SET attempts = 10, recorded_at = 7")
        with SpoolFile(path) as spool:
            assert spool.put_back() == KindCounts(2, 1)
            assert counts_of(spool) == (
                ItemCounts(recorded=6, delivered=3, pending=3),
                ItemCounts(recorded=3, delivered=1, pending=2),
            )
            assert dead(spool) == []
            assert waiting(spool) == ["w-0", None, "b-0", "b-1", None]
            assert {item.attempts for item in spool.pending()} == {0}
            assert min(item.recorded_at for item in spool.pending()) > 7

    def test_some(self, path: Path) -> None:
        """Those that are not meant stay dead letters."""
        with SpoolFile(dead_spool(path)) as spool:
            assert spool.put_back(Selection(event_ids=("b-1",))) == (1, 0)
            assert (dead(spool), waiting(spool)) == (["b-0", None], ["b-1"])
            assert spool.put_back(Selection(codes=("500",))) == (0, 0)

    def test_many(self, path: Path) -> None:
        """They are put back in parts; none is lost, or put back twice."""
        with SpoolFile(dead_spool(path, bad=1_100, good=0)) as spool:
            assert spool.put_back() == (1_100, 1)
            assert waiting(spool) == [*(f"b-{n}" for n in range(1_100)), None]
            counts_of(spool)

    def test_beside_a_recorder(self, path: Path) -> None:
        """The recorder that runs sends them; its stats say so."""
        with recorder(path, flush_seconds=1_000) as (one, sender):
            event_id = one.record("user-1", Event("bad"))
            assert one.flush(20)
            assert one.stats().rejected == 1
            sent = threading.Event()

            def accept(request: EventsRequest) -> EventsResponse:
                sent.set()
                return MemorySender().put_events(request)

            sender.answer = accept
            with SpoolFile(path) as spool:
                assert spool.put_back() == (1, 0)
                assert sent.wait(20)  # although nobody else asks for a delivery
                assert one.flush(20)
                assert counts_of(spool)[0] == ItemCounts(recorded=1, delivered=1)
            assert [each for _, each in sender.events] == [event_id]
            assert one.stats().delivered == 1

    def test_what_is_rejected_again(self, path: Path) -> None:
        """It is a dead letter again, counted once, and not put back for ever."""
        with recorder(path) as (one, _), SpoolFile(path) as spool:
            one.record("user-1", Event("bad"), event_id="b-0")
            for _ in range(3):
                assert one.flush(20)
                assert counts_of(spool)[0] == ItemCounts(recorded=1, rejected=1)
                assert spool.put_back() == (1, 0)
            assert one.flush(20)
            assert dead(spool) == ["b-0"]

    def test_what_comes_meanwhile(self, path: Path) -> None:
        """What is rejected between two parts is not put back by this call."""
        dead_spool(path, bad=600)
        again = (
            "CREATE TRIGGER again AFTER DELETE ON dead_letter BEGIN "
            "INSERT INTO dead_letter SELECT (SELECT max(id) FROM dead_letter) + 1, "
            "OLD.endpoint_id, OLD.event_id, OLD.json, 0, 0, '400', '', 0; "
            "UPDATE ledger SET count = count + 1 WHERE name = 'rejected'; END"
        )
        with SpoolFile(path) as spool:
            changed(path, again)
            assert spool.put_back() == (600, 1)
            assert sum(spool.count_rejected()[0]) == 601

    def test_locked(self, path: Path) -> None:
        """If another program holds the lock for too long, nothing is changed."""
        with SpoolFile(dead_spool(path), timeout_seconds=0.01) as spool:
            before = counts_of(spool)
            with writing(path), pytest.raises(StoreError) as caught:
                spool.put_back()
            assert caught.value.code is StoreErrorCode.LOCKED
            assert counts_of(spool) == before


class TestPurge:
    """What is deleted is gone, and accounted for."""

    def test_pending(self, path: Path) -> None:
        """It counts as dropped, with a reason of its own."""
        with SpoolFile(waiting_spool(path)) as spool:
            _, up_to = spool.count_pending()
            assert spool.purge_pending(Selection(), up_to) == (3, 1)
            dropped = {"purged": 3}
            assert counts_of(spool) == (
                ItemCounts(recorded=3, dropped=dropped),
                ItemCounts(recorded=1, dropped={"purged": 1}),
            )
            assert waiting(spool) == []

    def test_rejected(self, path: Path) -> None:
        """It counts as rejected for ever."""
        with SpoolFile(dead_spool(path)) as spool:
            before = counts_of(spool)
            _, up_to = spool.count_rejected()
            assert spool.purge_rejected(Selection(codes=("400",)), up_to) == (2, 0)
            assert dead(spool) == [None]
            assert counts_of(spool) == before

    def test_what_comes_meanwhile(self, path: Path) -> None:
        """What was not there when it was counted is not deleted."""
        with SpoolFile(dead_spool(path, bad=1)) as spool:
            _, up_to = spool.count_rejected()
            _, newest = spool.count_pending()
            with recorder(path) as (one, sender):
                one.record("user-1", Event("bad"), event_id="late")
                assert one.flush(20)
                sender.answer = offline
                one.record("user-1", Event("good"), event_id="later")
                spool.purge_rejected(Selection(), up_to)
                spool.purge_pending(Selection(), newest)
            assert (dead(spool), waiting(spool)) == (["late"], ["later"])

    def test_beside_a_recorder(self, path: Path) -> None:
        """What the recorder has read, and sends all the same, is counted once."""
        with recorder(path) as (one, sender), SpoolFile(path) as spool:

            def purge(request: EventsRequest) -> EventsResponse:
                spool.purge_pending(Selection(), spool.count_pending()[1])
                return picky(request)

            sender.answer = purge
            one.record("user-1", Event("good"))
            assert one.flush(20)
            one.record("user-1", Event("good"))
            sender.answer = picky
            assert one.flush(20)
            purged = {"purged": 1}
            assert counts_of(spool)[0] == ItemCounts(
                recorded=2, delivered=1, dropped=purged
            )
            assert one.stats().recorded == 2


class TestSettle:
    """Dead letters that were accepted: `rejected` falls, `delivered` grows."""

    def test_once(self, path: Path) -> None:
        """Each counts once, however often it is settled."""
        with SpoolFile(dead_spool(path)) as spool:
            items = [each.item for each in spool.rejected()]
            spool.settle(items[1:])
            spool.settle(items[1:])
            assert counts_of(spool) == (
                ItemCounts(recorded=5, delivered=4, rejected=1),
                ItemCounts(recorded=2, delivered=2),
            )
            assert dead(spool) == ["b-0"]

    def test_another_under_its_number(self, path: Path) -> None:
        """A later dead letter with the number of one that was deleted stays."""
        with SpoolFile(dead_spool(path, bad=1)) as spool:
            items = [each.item for each in spool.rejected()]
            spool.purge_rejected(Selection(), spool.count_rejected()[1])
            with recorder(path) as (one, _):
                one.record("user-1", Event("bad"), event_id="late")
                assert one.flush(20)
            (late,) = spool.rejected()
            assert late.item.id == items[0].id
            spool.settle(items)
            assert dead(spool) == ["late"]
            counts_of(spool)


def read_by_loader(line: bytes) -> object:
    """Return what the loader finds in a line."""
    return content(Line(1, line, is_cut=False), EventIds("x"), Quotas())


class TestLines:
    """Items as lines that the loader reads."""

    def test_forms(self, path: Path) -> None:
        """An event is a line, an endpoint a request; why it was rejected is beside."""
        with SpoolFile(dead_spool(path, bad=1)) as spool:
            event, endpoint = (
                line_of(each.item, each.refusal) for each in spool.rejected()
            )
        assert event == (
            b'{"Outcome":"rejected","Code":400,"Message":"no such\\ntype",'
            b'"EndpointId":"user-1","EventId":"b-0","Event":{"EventType":"bad",'
            b'"Timestamp":"2026-09-21T12:00:00.123Z",'
            b'"Attributes":{"mail":"ada@example.com"}}}'
        )
        assert endpoint == (
            b'{"Outcome":"rejected","Code":410,"Message":"gone",'
            b'"BatchItem":{"x":{"Endpoint":{"OptOut":"ALL"},"Events":{}}}}'
        )

    @pytest.mark.parametrize("code", ["400", "text_too_long"])
    def test_loader_reads_them(self, code: str) -> None:
        """With and without the reason, the loader finds the same."""
        text = '{"EventType": "ü",\n"Timestamp": "2026-09-21T12:00:00.123Z"}'
        item = Item(1, 'e"\n1', "v-1", text, 0, 0)
        plain = line_of(item)
        assert b"\n" not in plain
        found = read_by_loader(plain)
        assert found == read_by_loader(line_of(item, Refusal(code, "x")))
        event = Event("ü", timestamp="2026-09-21T12:00:00.123Z")
        assert found == (((item.endpoint_id, None, {"v-1": event}),), ())


KILLED = """
import os, sys
from pinpoint_events import SqliteSender
from pinpoint_events.cli import _loading
from pinpoint_events.cli import main
from pinpoint_events.senders import sqlite

class Killed(SqliteSender):
    def put_events(self, request):
        super().put_events(request)
        os.kill(os.getpid(), 9)

sqlite.SqliteSender = Killed
main(["spool", "replay", sys.argv[1], "--to", "sqlite:///" + sys.argv[2]])
"""


class TestDeadLetterLines:
    """Dead letters are kept until they are accepted."""

    def test_by_the_public_loader(self, path: Path) -> None:
        """They are a file like any other."""
        sender = MemorySender(answer=picky)
        with SpoolFile(dead_spool(path)) as spool:
            lines = DeadLetterLines(spool, Selection())
            assert lines.readable()
            totals = loader.load([lines], sender)  # type: ignore[list-item]
            assert totals.events.read == 2
            assert dead(spool) == ["b-0", "b-1", None]

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signal kills")
    def test_killed_between_sending_and_settling(self, path: Path) -> None:
        """They are sent again, with the same ids: a store that knows ids has one."""
        store = path.with_name("store.db")
        dead_spool(path)
        command = [sys.executable, "-c", KILLED, str(path), str(store)]
        killed = subprocess.run(command, check=False, env=environment())
        assert killed.returncode == -signal.SIGKILL
        with SpoolFile(path) as spool:
            assert dead(spool) == ["b-0", "b-1", None]
            assert events_in(store) == ["b-0", "b-1"]
            again = [sys.executable, "-m", "pinpoint_events", "spool", "replay"]
            command = [*again, str(path), "--to", f"sqlite:///{store}"]
            subprocess.run(command, check=True, env=environment(), capture_output=True)
            assert dead(spool) == []
            assert counts_of(spool) == (
                ItemCounts(recorded=5, delivered=5),
                ItemCounts(recorded=2, delivered=2),
            )
        assert events_in(store) == ["b-0", "b-1"]


def events_in(store: Path) -> Sequence[str]:
    """Return the ids of the events in a store."""
    with closing(sqlite3.connect(store)) as connection:
        query = "SELECT event_id FROM events ORDER BY event_id"
        return [event_id for (event_id,) in connection.execute(query)]
