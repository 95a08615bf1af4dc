import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from pinpoint_events.recorder import DroppedItem, OnFull, RejectedItem
from pinpoint_events.recorder.file_spool import FileSpool
from pinpoint_events.recorder.items import DropReason, Settlement
from pinpoint_events.senders import MemorySender
from pinpoint_events.wire import to_json
from tests.drawn import costly
from tests.recorders import OnDemandRecorder
from tests.samples import event
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


class RecorderModel(RuleBasedStateMachine):
    """
    A recorder, its sender and its file, and what may happen to them.

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
        self.rejected: list[str] = []
        self.dropped: list[str] = []
        self.lost: set[str] = set()  # in memory when the process was killed
        self.twice: set[str] = (
            set()
        )  # in two places: of a file that was moved, and here
        self.is_whole = True  # whether the books have everything
        self.lock: ExitStack | None = None
        self.answers: Iterator[Any] = iter(())
        self.sender = MemorySender(answer=self.answer)

    def answer(self, request: EventsRequest) -> EventsResponse:
        """Answer as the rule says that is running."""
        given = next(self.answers, [202])
        if isinstance(given, Exception):
            raise given
        statuses = self.statuses(given)
        results = {}
        for endpoint_id, batch in request.batch_item.items():
            updated = next(statuses)
            of_events = {name: next(statuses) for name in batch.events}
            self.accepted |= {name for name, code in of_events.items() if code == 202}
            results[endpoint_id] = ItemResponse(
                endpoint_item_response=EndpointItemResponse(status_code=updated),
                events_item_response={
                    name: EventItemResponse(status_code=code)
                    for name, code in of_events.items()
                    if code is not None
                },
            )
        return EventsResponse(results=results)

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
        self.recorder = OnDemandRecorder(
            self.sender,
            spool=self.path if self.has_file else None,
            max_bytes=MAX_BYTES,
            on_rejected=self.on_rejected,
            on_dropped=self.on_dropped,
            **self.options,
        )

    @rule(endpoint_id=NAMES, is_large=st.booleans(), many=st.integers(1, 4))
    def record(self, *, endpoint_id: str, is_large: bool, many: int) -> None:
        """Record events."""
        for _ in range(many):
            event_id = f"v-{next(self.numbers)}"
            attributes = LARGE if is_large else {}
            before = len(self.dropped)
            try:
                self.recorder.record(
                    endpoint_id, event(attributes=attributes), event_id=event_id
                )
            except SpoolFullError:
                assert self.options["on_full"] in {"raise", "block"}
            else:
                self.recorded.add(event_id)
            if self.options["on_full"] in {"raise", "block"}:
                assert len(self.dropped) == before

    @rule(endpoint_id=NAMES, number=st.integers(0, 2))
    def identify(self, *, endpoint_id: str, number: int) -> None:
        """Record the update of an endpoint."""
        try:
            self.recorder.identify(
                endpoint_id, Endpoint(attributes={"n": [f"{number}"]})
            )
        except SpoolFullError:
            assert self.options["on_full"] in {"raise", "block"}

    @rule(
        answers=st.lists(STATUSES | st.sampled_from(ERRORS), max_size=5),
        seconds=st.sampled_from([0.0, 0.3, 3.0, 70.0]),
    )
    def deliver(self, *, answers: list[Any], seconds: float) -> None:
        """Let time pass, and deliver what is due."""
        self.answers = iter(answers)
        self.recorder.step(seconds)
        self.answers = iter(())

    @rule(answers=st.lists(STATUSES | st.sampled_from(ERRORS), max_size=5))
    def flush(self, *, answers: list[Any]) -> None:
        """Deliver at once; if that succeeds, nothing waits."""
        self.answers = iter(answers)
        if self.recorder.flush(0.2):
            stats = self.recorder.stats()
            assert (stats.pending, stats.endpoints.pending) == (0, 0)
        self.answers = iter(())

    @rule(seconds=st.sampled_from([0.0, 0.2]))
    def close_and_reopen(self, *, seconds: float) -> None:
        """Close the recorder, and open another."""
        is_known = self.recorder.stats().spool_error is None
        is_done = self.recorder.close(seconds)
        stats = self.recorder.stats()
        assert stats.balances
        assert stats.endpoints.balances
        if is_done and is_known:
            assert stats.pending == 0
        self.recorder.record("a", event(), event_id="late")
        assert self.dropped.pop() == "late"
        if not self.has_file or self.recorder.stats().spool_error is not None:
            self.is_whole = False
        self.is_whole &= stats.recorded == self.recorder.stats().recorded - 1
        self.open()

    @rule()
    def crash(self) -> None:
        """Kill the process, and start another."""
        memory = self.recorder._spool.memory
        items = memory.read(0, 1_000_000)
        self.lost |= {item.event_id for item in items if item.event_id is not None}
        if memory.books() != type(memory.books())():
            self.is_whole = False
        self.recorder.crash()
        self.open()

    # --- What others do ---------------------------------------------------------------

    def has_usable_file(self) -> bool:
        """Return whether others can use the file now."""
        return self.has_file and self.lock is None and self.path.is_file()

    def other(self, act: Callable[[FileSpool], None]) -> None:
        """Use the file as another process does."""
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

    @rule()
    def remove_directory(self) -> None:
        """Let a file be created."""
        if self.path.is_dir():
            self.path.rmdir()

    # --- What holds always ------------------------------------------------------------

    def in_files(self) -> dict[Path, list[str | None]]:
        """Return the event ids of what waits in each file; None for endpoints."""
        found: dict[Path, list[str | None]] = {}
        for path in self.directory.glob("*.db"):
            if path.is_file():
                with closing(sqlite3.connect(path)) as store:
                    rows = store.execute(
                        "SELECT event_id FROM item WHERE NOT is_settled"
                    ).fetchall()
                found[path] = [name for (name,) in rows]
        return found

    @invariant()
    def books_balance(self) -> None:
        """All that was recorded is counted once more, and pending is what waits."""
        stats = self.recorder.stats()
        assert stats.balances
        assert stats.endpoints.balances
        if stats.spool_error is not None:
            return
        memory = self.recorder._spool.memory.read(0, 1_000_000)
        waiting = [item.event_id for item in memory]
        waiting += self.in_files().get(self.path, [])
        assert stats.pending == sum(name is not None for name in waiting)
        assert stats.endpoints.pending == waiting.count(None)
        if self.is_whole:
            assert stats.recorded == len(self.recorded)
            assert stats.rejected == len(self.rejected)
            assert sum(stats.dropped.values()) == len(self.dropped)

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
                self.recorder.crash()
            self.resources.close()

    def end(self) -> None:
        """Stop the faults, and deliver."""
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
        assert self.recorder.close(0.0)


TestRecorderModel = RecorderModel.TestCase
TestRecorderModel.settings = settings(
    costly,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
