import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from operator import le
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pinpoint_events.errors import (
    BadRequestError,
    InternalServerError,
    InvalidResponseError,
    PayloadTooLargeError,
    SpoolFullError,
    StoreError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.recorder import DroppedItem, OnFull, RecorderStats, RejectedItem
from pinpoint_events.recorder._schema import SCHEMA
from pinpoint_events.recorder.file_spool import FileSpool
from pinpoint_events.recorder.items import Books, DropReason, Settlement
from pinpoint_events.senders import MemorySender
from pinpoint_events.wire import to_json
from tests.recorders import OnDemandRecorder
from tests.samples import event
from tests.sqlite_faults import CODES, Fault, Faults, Killed
from tests.stores import writing

MAX_BYTES = 100_000
LARGE = {f"k{number}": "x" * 200 for number in range(40)}
ERRORS: list[Exception] = [
    BadRequestError(400, "BadRequestException"),
    PayloadTooLargeError(413, "PayloadTooLargeException"),
    TooManyRequestsError(429, "TooManyRequestsException"),
    InternalServerError(500, "InternalServerErrorException"),
    TransportError("down", code=TransportErrorCode.CONNECT),
    TransportError("cut", code=TransportErrorCode.CONNECTION_CLOSED),
    InvalidResponseError("no JSON"),
    StoreError("the store of the sender"),
    RuntimeError("of others"),
]
STATUSES = st.lists(
    st.sampled_from([202, 202, 400, 429, 500, None]), min_size=1, max_size=4
)
NAMES = st.sampled_from("abc")


class Death(NamedTuple):
    """
    The process is killed while it sends.

    Attributes:
        statuses: What the service answers before; None if it gets no request.
    """

    statuses: list[int | None] | None


ANSWERS = st.lists(
    STATUSES
    | st.sampled_from(ERRORS)
    | st.builds(Death, STATUSES)
    | st.just(Death(None)),
    max_size=5,
)
CODE = st.sampled_from([None] * len(CODES) + [*CODES])


def faults(of: str, statements: int) -> st.SearchStrategy[Fault]:
    """Return faults at one of so many statements."""
    return st.builds(
        Fault,
        after=st.sampled_from(range(statements)),
        code=CODE,
        is_late=st.booleans(),
        times=st.sampled_from([1, 1, 2, 3, 30]),
        of=st.just(of),
    )


FAULTS = st.one_of(
    st.none(), faults("statement", 12), faults("write", 12), faults("commit", 4)
)


class RecorderModel(RuleBasedStateMachine):
    """
    A recorder, its sender and its file, and what may happen to them.

    Each statement of SQLite may fail, and the process may be killed at each, and while
    it sends. Then a new process opens the file.

    The model knows each event that was recorded, what the sender accepted, and what the
    hooks were told. It looks into all files that ever were the spool's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        directory = self.resources.enter_context(TemporaryDirectory())
        self.directory = Path(directory)
        self.path = self.directory / "spool.db"
        self.numbers = count(1)
        self.recorded: set[str] = set()
        self.accepted: set[str] = set()
        self.requests: dict[str | None, int] = {}  # by which they were, the last time
        # Accepted, and not settled when the process ended: may be accepted again.
        self.unsettled: set[str] = set()
        self.doubles: set[str] = set()  # accepted again without such a reason
        self.rejected: list[str] = []
        self.dropped: list[str] = []
        self.lost: set[str] = set()  # in memory when the process was killed
        self.twice: set[str] = (
            set()
        )  # in two places: of a file that was moved, and here
        self.is_whole = True  # whether the books have everything
        self.in_flight: str | None = None  # the event that is being recorded
        # The recorder and which of its files, at the last look, and the counts.
        self.looked_at: tuple[object, ...] = ()
        self.counted: tuple[int, ...] = ()
        self.lock: ExitStack | None = None
        self.answers: Iterator[Any] = iter(())
        self.sender = MemorySender(answer=self.answer)
        self.faults = Faults(self.path, SCHEMA.application_id)
        self.resources.enter_context(self.faults.installed())

    def answer(self, request: EventsRequest) -> EventsResponse:
        """Answer as the rule says that is running."""
        given = next(self.answers, [202])
        if isinstance(given, Exception):
            raise given
        if isinstance(given, Death):
            if given.statuses is not None:
                self.responded(request, given.statuses)
            self.faults.kill()
        return self.responded(request, given)

    def responded(
        self, request: EventsRequest, given: Sequence[int | None]
    ) -> EventsResponse:
        """Accept what has the status 202."""
        statuses = self.statuses(given)
        results = {}
        accepted: set[str] = set()
        for endpoint_id, batch in request.batch_item.items():
            updated = next(statuses)
            of_events = {name: next(statuses) for name in batch.events}
            accepted |= {name for name, code in of_events.items() if code == 202}
            results[endpoint_id] = ItemResponse(
                endpoint_item_response=EndpointItemResponse(status_code=updated),
                events_item_response={
                    name: EventItemResponse(status_code=code)
                    for name, code in of_events.items()
                    if code is not None
                },
            )
        self.accept(accepted)
        return EventsResponse(results=results)

    def accept(self, names: set[str]) -> None:
        """Note what is accepted of a request, and what is so for another time."""
        self.doubles |= names & self.accepted - self.unsettled
        self.unsettled -= names
        self.accepted |= names
        self.requests.update(dict.fromkeys(names, next(self.numbers)))

    @staticmethod
    def statuses(given: Sequence[int | None]) -> Iterator[int | None]:
        """Yield them over and over."""
        while True:
            yield from given

    # --- What the recorder tells ------------------------------------------------------

    def on_rejected(self, item: RejectedItem) -> None:
        """Note it."""
        if item.event_id is not None:
            self.rejected.append(item.event_id)

    def on_dropped(self, item: DroppedItem) -> None:
        """Note it."""
        if item.event_id is not None:
            self.dropped.append(item.event_id)

    # --- What the application does ----------------------------------------------------

    @initialize(
        has_file=st.sampled_from([True, True, True, False]),
        on_full=st.sampled_from(["drop_oldest", "drop_newest", "raise", "block"]),
        flush_events=st.integers(1, 5),
    )
    def begin(self, *, has_file: bool, on_full: OnFull, flush_events: int) -> None:
        """Choose how to record."""
        self.has_file = has_file
        self.options: dict[str, Any] = {
            "on_full": on_full,
            "flush_events": flush_events,
            "block_seconds": 0.1,
        }
        self.open()

    def open(self) -> None:
        """Open a recorder; a directory at its path would be refused."""
        self.remove_directory()
        try:
            self.recorder = self.opened()
        except Killed:
            self.faults.bury()
            self.recorder = self.opened()

    def opened(self) -> OnDemandRecorder:
        """Return a new recorder."""
        return OnDemandRecorder(
            self.sender,
            spool=self.path if self.has_file else None,
            max_bytes=MAX_BYTES,
            on_rejected=self.on_rejected,
            on_dropped=self.on_dropped,
            **self.options,
        )

    @rule(
        endpoint_id=NAMES,
        is_large=st.booleans(),
        many=st.integers(1, 4),
        fault=FAULTS,
    )
    def record(
        self, *, endpoint_id: str, is_large: bool, many: int, fault: Fault | None
    ) -> None:
        """Record events."""
        attributes = LARGE if is_large else {}
        with self.mortal(fault):
            for _ in range(many):
                self.in_flight = f"v-{next(self.numbers)}"
                before = len(self.dropped)
                try:
                    self.recorder.record(
                        endpoint_id,
                        event(attributes=attributes),
                        event_id=self.in_flight,
                    )
                except SpoolFullError:
                    assert self.options["on_full"] in {"raise", "block"}
                else:
                    self.recorded.add(self.in_flight)
                if self.options["on_full"] in {"raise", "block"}:
                    assert len(self.dropped) == before

    @rule(endpoint_id=NAMES, number=st.integers(0, 2), fault=FAULTS)
    def identify(self, *, endpoint_id: str, number: int, fault: Fault | None) -> None:
        """Record the update of an endpoint."""
        endpoint = Endpoint(attributes={"n": [f"{number}"]})
        with self.mortal(fault):
            try:
                self.recorder.identify(endpoint_id, endpoint)
            except SpoolFullError:
                assert self.options["on_full"] in {"raise", "block"}

    @rule(
        answers=ANSWERS,
        seconds=st.sampled_from([0.0, 0.3, 3.0, 70.0]),
        fault=FAULTS,
    )
    def deliver(
        self, *, answers: list[Any], seconds: float, fault: Fault | None
    ) -> None:
        """Let time pass, and deliver what is due."""
        with self.mortal(fault, answers):
            self.recorder.step(seconds)

    @rule(many=st.integers(1, 4), once=st.booleans(), answers=ANSWERS, fault=FAULTS)
    def record_and_deliver(
        self, *, many: int, once: bool, answers: list[Any], fault: Fault | None
    ) -> None:
        """Record events, and deliver them, in one step or in several."""
        self.record(endpoint_id="a", is_large=False, many=many, fault=None)
        if once:
            self.deliver(answers=answers, seconds=70.0, fault=fault)
        else:
            self.flush(answers=answers, fault=fault)

    @rule(answers=ANSWERS, fault=FAULTS)
    def flush(self, *, answers: list[Any], fault: Fault | None) -> None:
        """Deliver at once; if that succeeds, nothing waits."""
        with self.mortal(fault, answers):
            if self.recorder.flush(0.2):
                stats = self.stats()
                assert (stats.pending, stats.endpoints.pending) == (0, 0)

    @rule(answers=ANSWERS, seconds=st.sampled_from([0.0, 0.2]), fault=FAULTS)
    def close_and_reopen(
        self, *, answers: list[Any], seconds: float, fault: Fault | None
    ) -> None:
        """Close the recorder, and open another."""
        with self.mortal(fault, answers):
            is_known = self.stats().spool_error is None
            is_done = self.recorder.close(seconds)
            stats = self.stats()
            assert stats.balances
            assert stats.endpoints.balances
            if is_done and is_known:
                assert stats.pending == 0
            self.recorder.record("a", event(), event_id="late")
            assert self.dropped.pop() == "late"
            if not self.has_file or self.stats().spool_error is not None:
                self.is_whole = False
            self.is_whole &= stats.recorded == self.stats().recorded - 1
            self.note_unsettled()
            self.open()

    # --- What ends the process --------------------------------------------------------

    @rule()
    def disk(self) -> None:
        """Let the disk be full, or have room again."""
        self.faults.is_disk_full = not self.faults.is_disk_full

    def has_something(self) -> bool:
        """Return whether anything waits in the file, or in memory."""
        return self.stats().pending > 0

    @precondition(has_something)
    @rule()
    def crash(self) -> None:
        """Kill the process, and start another."""
        with self.mortal():
            self.faults.kill()

    @contextmanager
    def mortal(
        self, fault: Fault | None = None, answers: Sequence[Any] = ()
    ) -> Iterator[None]:
        """
        Let a statement fail; if the process is killed, start another.

        Args:
            fault: The fault; if fewer statements are run, it waits for later ones.
            answers: Those of the service; then it accepts everything.
        """
        if fault is not None:
            self.faults.arm(fault)
        self.answers = iter(answers)
        self.in_flight = None
        file, ledger = identity_of(self.path), self.ledger()
        told = len(self.dropped)
        is_pristine = self.recorder._spool.memory.books() == Books()
        try:
            yield
            assert not self.faults.is_dead
        except Killed:
            is_pristine &= self.recorder._spool.memory.books() == Books()
            self.is_whole &= is_pristine
            self.note_killed()
            if identity_of(self.path) == file:
                self.note_untold(ledger, told, is_exact=is_pristine)
            self.open()
        finally:
            self.answers = iter(())

    def note_killed(self) -> None:
        """Note what the process takes along: what is in memory, and only there."""
        spool = self.recorder._spool
        items = spool.memory.read(0, 1_000_000)
        if self.has_file and items:
            assert spool.error is not None
        self.recorder.crash()
        self.faults.bury()
        here = {item.event_id for item in items if item.event_id is not None}
        self.lost |= here - self.waiting()
        self.note_unsettled()

    def note_unsettled(self) -> None:
        """Note what was accepted and waits in the file: the next process sends it."""
        self.unsettled |= self.accepted & set(self.in_files().get(self.path, ()))

    def note_untold(self, before: dict[str, int], told: int, *, is_exact: bool) -> None:
        """
        Note what ended in the file before the process was killed, and told no one.

        Args:
            before: The ledger of the file before.
            told: How much of what was dropped was told before.
            is_exact: Whether all that was dropped is in the ledger.
        """
        after = self.ledger()
        name = self.in_flight
        if name is not None and name in self.waiting():
            self.recorded.add(name)
        ended = {*self.rejected, *self.dropped, *self.lost, *self.accepted}
        missing = self.recorded - ended - self.waiting()
        refused = missing & self.dead_letters()
        self.rejected += refused
        dropped = missing - refused
        self.dropped += dropped
        count = dropped_in(after) - dropped_in(before)
        if is_exact:
            count -= len(self.dropped) - len(dropped) - told
            if name and name not in self.recorded and count == len(dropped) + 1:
                self.recorded.add(name)
                self.dropped.append(name)
                count -= 1
            assert count == len(dropped)
        else:
            assert count >= len(dropped)

    # --- What others do ---------------------------------------------------------------

    def has_usable_file(self) -> bool:
        """Return whether others can use the file now."""
        return self.has_file and self.lock is None and self.path.is_file()

    def other(self, act: Callable[[FileSpool], None]) -> None:
        """Use the file as another process does."""
        with self.faults.paused():
            spool = FileSpool(
                self.path,
                self.recorder.application_id,
                max_bytes=MAX_BYTES,
                timeout_seconds=0.0,
            )
            try:
                act(spool)
            finally:
                spool.close()

    @precondition(has_usable_file)
    @rule(endpoint_id=NAMES)
    def other_records(self, *, endpoint_id: str) -> None:
        """Another process records an event."""
        event_id = f"o-{next(self.numbers)}"

        def record(spool: FileSpool) -> None:
            try:
                spool.add(endpoint_id, event_id, to_json(event()).decode(), event())
            except SpoolFullError:
                return
            self.recorded.add(event_id)

        self.other(record)

    @precondition(has_usable_file)
    @rule(many=st.integers(1, 3))
    def other_purges(self, *, many: int) -> None:
        """An operator deletes items."""

        def purge(spool: FileSpool) -> None:
            items = spool.read(0, many)
            dropped = tuple((item, DropReason.PURGED) for item in items)
            for item, _ in spool.settle(Settlement(dropped=dropped)).dropped:
                if item.event_id is not None:
                    self.dropped.append(item.event_id)

        self.other(purge)

    @precondition(has_usable_file)
    @rule()
    def other_locks(self) -> None:
        """Another program holds the write lock."""
        self.lock = ExitStack()
        with self.faults.paused():
            self.lock.enter_context(writing(self.path))

    @precondition(lambda self: self.lock is not None)
    @rule()
    def other_unlocks(self) -> None:
        """It is released."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    @precondition(has_usable_file)
    @rule(puts_directory=st.booleans())
    def move(self, *, puts_directory: bool) -> None:
        """Move the file away, and perhaps put something else there."""
        self.is_whole = False
        target = f"old-{next(self.numbers)}.db"
        for end in ("", "-wal", "-shm"):
            path = self.path.with_name(f"spool.db{end}")
            if path.exists():
                path.rename(self.directory / f"{target}{end}")
        if puts_directory:
            self.path.mkdir()

    @precondition(lambda self: self.path.is_dir())
    @rule()
    def remove_directory(self) -> None:
        """Let a file be created."""
        if self.path.is_dir():
            self.path.rmdir()

    # --- What holds always ------------------------------------------------------------

    def stats(self) -> RecorderStats:
        """Return those of the recorder, without a fault."""
        with self.faults.paused():
            return self.recorder.stats()

    def rows(self, path: Path, statement: str) -> list[tuple[Any, ...]]:
        """Return what is in a file; nothing if it has no tables yet."""
        with self.faults.paused(), closing(sqlite3.connect(path)) as store:
            ((count,),) = store.execute("SELECT count(*) FROM sqlite_master")
            return store.execute(statement).fetchall() if count else []

    def rows_here(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what is in the file at the path; nothing without one."""
        return self.rows(self.path, statement) if self.path.is_file() else []

    def ledger(self) -> dict[str, int]:
        """Return the counts of events that the file has."""
        return dict(
            self.rows_here("SELECT name, count FROM ledger WHERE subject = 'event'")
        )

    def dead_letters(self) -> set[str | None]:
        """Return the event ids of what the file has refused."""
        return {name for (name,) in self.rows_here("SELECT event_id FROM dead_letter")}

    def in_files(self) -> dict[Path, list[str | None]]:
        """Return the event ids of what waits in each file; None for endpoints."""
        return {
            path: [
                name
                for (name,) in self.rows(
                    path, "SELECT event_id FROM item WHERE NOT is_settled"
                )
            ]
            for pattern in ("*.db", "*.damaged-*")
            for path in self.directory.glob(pattern)
            if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        }

    def waiting(self) -> set[str | None]:
        """Return the event ids of what waits in any file."""
        return {name for names in self.in_files().values() for name in names}

    @invariant()
    def books_balance(self) -> None:
        """All that was recorded is counted once more, and pending is what waits."""
        if list(self.directory.glob("*.damaged-*")):
            self.is_whole = False
        stats = self.stats()
        assert stats.balances
        assert stats.endpoints.balances
        if stats.spool_error is not None:
            return
        memory = self.recorder._spool.memory.read(0, 1_000_000)
        here = self.in_files().get(self.path, [])
        waiting = [item.event_id for item in memory] + here
        assert stats.pending == sum(name is not None for name in waiting)
        assert stats.endpoints.pending == waiting.count(None)
        assert self.accepted.intersection(waiting) <= self.unsettled
        if self.is_whole:
            assert stats.recorded == len(self.recorded)
            assert stats.rejected == len(self.rejected)
            assert sum(stats.dropped.values()) == len(self.dropped)

    @invariant()
    def books_grow(self) -> None:
        """No count becomes less as long as the file is the same, read or not."""
        stats = self.stats()
        is_only = not self.in_files().keys() - {self.path}
        here = self.recorder, is_only or self.recorder._spool.file
        before = self.counted if here == self.looked_at else ()
        self.looked_at = here
        self.counted = (
            stats.recorded,
            stats.delivered,
            stats.rejected,
            sum(stats.dropped.values()),
        )
        assert all(map(le, before, self.counted))

    @invariant()
    def none_is_sent_again(self) -> None:
        """
        What was accepted is sent again only if the process ended meanwhile.

        That can be no more than one request: until it is settled, no other is sent.
        """
        assert not self.doubles
        here = self.accepted.intersection(self.in_files().get(self.path, ()))
        unsettled = here - self.unsettled - self.twice
        assert len({self.requests[name] for name in unsettled}) <= 1

    @invariant()
    def all_are_known(self) -> None:
        """Each event has one end, or waits."""
        in_memory = {
            item.event_id for item in self.recorder._spool.memory.read(0, 1_000_000)
        }
        places: list[set[str | None]] = [
            in_memory,
            *(set(names) for names in self.in_files().values()),
        ]
        seen: set[str] = set()
        for names in places:
            here = {name for name in names if name is not None}
            self.twice |= seen & here
            seen |= here
        rejected, dropped = set(self.rejected), set(self.dropped)
        known = rejected | dropped | seen | self.lost | self.accepted
        assert self.recorded <= known, self.recorded - known
        assert len(rejected) + len(dropped) >= len(rejected | dropped)
        once = rejected & dropped | (rejected | dropped) & seen
        assert once <= self.twice
        assert sorted(set(self.rejected) - self.twice) == sorted(
            name for name in self.rejected if name not in self.twice
        )

    def teardown(self) -> None:
        """Once the faults have stopped, all is delivered."""
        try:
            # Not after another failure, which it would hide.
            if sys.exc_info()[0] is None and hasattr(self, "recorder"):
                self.end()
        finally:
            if self.lock is not None:
                self.lock.close()
            if hasattr(self, "recorder"):
                self.faults.bury()
                self.recorder.crash()
            self.resources.close()

    def end(self) -> None:
        """Stop the faults, and deliver."""
        self.faults.stop()
        self.other_unlocks()
        self.remove_directory()
        self.answers = iter(())
        for _ in range(20):
            self.recorder.step(70.0)
            if self.recorder.flush(0.0):
                break
        stats = self.recorder.stats()
        assert (stats.spool_error, stats.pending) == (None, 0)
        assert stats.endpoints.pending == 0
        self.books_balance()
        self.all_are_known()
        self.none_is_sent_again()
        assert self.recorder.close(0.0)


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another at its path; None without one."""
    return (path.stat().st_dev, path.stat().st_ino) if path.exists() else None


def dropped_in(ledger: Mapping[str, int]) -> int:
    """Return how many were dropped, by the ledger of a file."""
    return sum(n for name, n in ledger.items() if name.startswith("dropped:"))


TestRecorderModel = RecorderModel.TestCase
TestRecorderModel.settings = settings(
    max_examples=2 * settings().max_examples,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
