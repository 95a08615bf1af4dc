import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.samples import event
from tests.samples import request as events
from tests.server.clients import SECONDS
from tests.server.test_cycles import without_garbage
from tests.stores import writing

from pinpoint_events import SqliteSender
from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._call_groups import CallGroups
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.storage.waiting import waiting_until

SHARE = 0.25  # of a group: four jobs fill it


def stored(path: Path) -> list[str]:
    """Return the ids of the events that another program finds, in their order."""
    with closing(sqlite3.connect(path)) as store:
        found = store.execute("SELECT event_id FROM events ORDER BY sequence")
        return [event_id for (event_id,) in found]


class Calls:
    """
    Calls to one store, each in a thread, in a known order.

    Args:
        path: The store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sender = SqliteSender(path)
        self.begun = 0  # transactions
        self.groups: CallGroups[list[str]] = CallGroups(self._transaction)
        self._threads = ThreadPoolExecutor(16)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.begun += 1
        with self.sender.exclusive():
            yield

    def put(self, name: str) -> list[str]:
        """Store an event; return what others found in the store before the commit."""
        self.sender.put_events(events(e={name: event()}))
        return stored(self.path)

    def start(
        self,
        act: Callable[[], list[str]],
        share: float = SHARE,
        seconds: float = SECONDS,
    ) -> "Future[list[str]]":
        """Begin a call in a thread, and return when it waits, or is processed."""
        waiting = len(self.groups._waiting)
        deadline = CallDeadline(seconds)
        future = self._threads.submit(self.groups.run, act, share, deadline)
        self._await(waiting + 1, future)
        return future

    def _await(self, count: int, future: "Future[Any]") -> None:
        while len(self.groups._waiting) < count and not future.done():
            pass

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let calls wait for a call that is in progress as long as the block lasts."""
        entered, gate = threading.Event(), threading.Event()

        def hold() -> None:
            with self.groups.alone(CallDeadline(SECONDS)):
                entered.set()
                assert gate.wait(SECONDS)

        holding = self._threads.submit(hold)
        assert entered.wait(SECONDS)
        try:
            yield
        finally:
            gate.set()
        holding.result()

    def close(self) -> None:
        """Wait for all calls."""
        self._threads.shutdown()
        self.sender.close()
        # Nothing of a call is kept.
        assert not self.groups._waiting
        assert not self.groups._is_busy


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    """Open a store."""
    with closing(Calls(tmp_path / "events.db")) as calls:
        yield calls


def fail(calls: Calls) -> list[str]:
    """Store something, and fail."""
    calls.put("half")
    raise ZeroDivisionError


class TestGroup:
    """Jobs that wait for each other are processed in one transaction."""

    def test_one_alone(self, calls: Calls) -> None:
        """A job that waits for no other one is processed at once."""
        deadline = CallDeadline(SECONDS)
        assert calls.groups.run(partial(calls.put, "a"), SHARE, deadline) == []
        assert not deadline.give_up()  # it has begun
        assert stored(calls.path) == ["a"]

    def test_together(self, calls: Calls) -> None:
        """They are answered after the commit; each sees what those before it did."""
        names = ["a", "b", "c"]
        seen = []

        def act(name: str) -> list[str]:
            seen.append((name, list(calls.sender.find_endpoints(ids=names))))
            calls.sender.put_events(events(**{name: {name: event()}}))
            return stored(calls.path)

        with calls.held():
            found = [calls.start(partial(act, name)) for name in names]
            assert calls.begun == 0
        assert [each.result() for each in found] == [[], [], []]
        assert calls.begun == 1
        assert seen == [("a", []), ("b", ["a"]), ("c", ["a", "b"])]
        assert stored(calls.path) == names

    def test_arrives_meanwhile(self, calls: Calls) -> None:
        """A job that arrives while a group is processed is one of it."""
        later = []

        def act() -> list[str]:
            later.append(calls.start(partial(calls.put, "b")))
            return calls.put("a")

        assert calls.start(act).result() == []
        assert later[0].result() == []
        assert calls.begun == 1
        assert stored(calls.path) == ["a", "b"]

    def test_is_bounded(self, calls: Calls) -> None:
        """What does not fit is in the next group, in the order of arrival."""
        shares = {"a": 0.5, "b": 0.4, "c": 0.2, "d": 0.1, "large": 8.0, "e": 0.1}
        with calls.held():
            found = [
                calls.start(partial(calls.put, name), share)
                for name, share in shares.items()
            ]
        assert [each.result() for each in found] == [
            [],
            [],
            ["a", "b"],
            ["a", "b"],
            ["a", "b", "c", "d"],
            ["a", "b", "c", "d", "large"],
        ]
        assert calls.begun == 4
        assert stored(calls.path) == list(shares)

    def test_alone(self, calls: Calls) -> None:
        """What has to be alone is so, in its turn, and in no transaction."""
        found = []

        def be_alone() -> list[str]:
            with calls.groups.alone(CallDeadline(SECONDS)):
                found.append(stored(calls.path))
                return calls.put("between")

        with calls.held():
            before = calls.start(partial(calls.put, "a"))
            alone = calls._threads.submit(be_alone)
            calls._await(2, alone)
            after = calls.start(partial(calls.put, "b"))
        assert before.result() == []
        assert alone.result() == ["a", "between"]
        assert after.result() == ["a", "between"]
        assert found == [["a"]]


class TestFailures:
    """A job fails alone; what concerns the transaction fails all of them."""

    def test_of_one(self, calls: Calls) -> None:
        """Nothing of it is stored, and all of the others."""
        with calls.held():
            first = calls.start(partial(calls.put, "a"))
            bad = calls.start(partial(fail, calls))
            last = calls.start(partial(calls.put, "b"))
        assert isinstance(bad.exception(), ZeroDivisionError)
        assert (first.result(), last.result()) == ([], ["a"])
        assert calls.begun == 4  # that of two, then one for each
        assert stored(calls.path) == ["a", "b"]

    def test_alone(self, calls: Calls) -> None:
        """One that is alone in its group is not processed again."""
        assert isinstance(
            calls.start(partial(fail, calls)).exception(), ZeroDivisionError
        )
        assert calls.begun == 1
        assert stored(calls.path) == []

    @pytest.fixture
    def uncommittable(self, calls: Calls) -> Callable[[], list[str]]:
        """Return a job after which SQLite refuses to commit."""
        with calls.sender._file.transaction() as connection:
            pass
        connection.execute("PRAGMA foreign_keys = ON")

        def act() -> list[str]:
            with calls.sender._file.transaction() as connection:
                # It looks for the endpoint at the commit.
                connection.execute("PRAGMA defer_foreign_keys = ON")
                connection.execute(
                    "INSERT INTO event (endpoint, event_id, variant, json, received_at)"
                    "VALUES (9, hex(randomblob(9)), 0, '', '')"
                )
            return []

        return act

    def check(self, error: BaseException | None) -> None:
        """Check that it is the error of the commit."""
        assert isinstance(error, StoreError)
        assert error.code is StoreErrorCode.OTHER
        assert str(error.__cause__) == "FOREIGN KEY constraint failed"

    def test_of_commit(
        self, calls: Calls, uncommittable: Callable[[], list[str]]
    ) -> None:
        """If the commit fails, all fail, and nothing is stored, whatever they did."""
        with calls.held():
            found = [
                calls.start(act)
                for act in (partial(calls.put, "a"), uncommittable, uncommittable)
            ]
        for each in found:
            self.check(each.exception())
        assert calls.begun == 1
        assert stored(calls.path) == []
        calls.start(partial(calls.put, "b")).result()
        assert stored(calls.path) == ["b"]

    def test_of_a_later_commit(
        self, calls: Calls, uncommittable: Callable[[], list[str]]
    ) -> None:
        """If it fails when a job is processed again, that one fails alone."""
        with calls.held():
            first = calls.start(uncommittable)
            bad = calls.start(partial(fail, calls))
            last = calls.start(partial(calls.put, "a"))
        self.check(first.exception())
        assert isinstance(bad.exception(), ZeroDivisionError)
        assert last.result() == []
        assert stored(calls.path) == ["a"]

    def test_of_begin(self, calls: Calls) -> None:
        """If the store is locked, the first one fails; the others have their turn."""

        def first() -> list[str]:
            with waiting_until(time.monotonic() + 0.1):
                return calls.groups.run(
                    partial(calls.put, "a"), SHARE, CallDeadline(SECONDS)
                )

        with writing(calls.path):
            leader = calls._threads.submit(first)
            while not calls.begun:
                pass
            second = calls.start(partial(calls.put, "b"))
            error = leader.exception()
        assert isinstance(error, StoreError)
        assert error.code is StoreErrorCode.LOCKED
        assert second.result() == []
        assert stored(calls.path) == ["b"]


class TestDeadlines:
    """A job is begun before its deadline, or not at all."""

    def test_while_it_waits(self, calls: Calls) -> None:
        """It is withdrawn: it is not processed later."""
        with calls.held():
            late = calls.start(partial(calls.put, "late"), seconds=0.1)
            error = late.exception()
            on_time = calls.start(partial(calls.put, "a"))
        assert isinstance(error, RequestError)
        assert error.status == 503
        on_time.result()
        assert stored(calls.path) == ["a"]

    def test_before_it_begins(self, calls: Calls) -> None:
        """One that was given up, as its connection ended, is not processed either."""
        given_up = [CallDeadline(SECONDS) for _ in range(2)]
        with calls.held():
            first = calls.start(partial(calls.put, "a"))
            found = [
                calls._threads.submit(
                    calls.groups.run, partial(calls.put, "late"), SHARE, each
                )
                for each in given_up
            ]
            calls._await(3, found[0])
            last = calls.start(partial(calls.put, "b"))
            for each in given_up:
                assert each.give_up()
        for late in found:
            assert isinstance(late.exception(), RequestError)
        assert first.result() == last.result() == []
        assert stored(calls.path) == ["a", "b"]
        assert calls.begun == 1

    def test_before_its_turn(self, calls: Calls) -> None:
        """So it is if it would be the first of a group; that begins no transaction."""
        deadline = CallDeadline(SECONDS)
        assert deadline.give_up()
        with pytest.raises(RequestError):
            calls.groups.run(partial(calls.put, "late"), SHARE, deadline)
        assert calls.begun == 0

    def test_after_it_has_begun(self, calls: Calls) -> None:
        """The outcome of one that another thread processes is awaited."""
        seconds = 0.1
        ends_at = time.monotonic() + 5 * seconds

        def act() -> list[str]:
            while time.monotonic() < ends_at:
                pass
            return calls.put("b")

        with calls.held():
            first = calls.start(partial(calls.put, "a"))
            second = calls.start(act, seconds=seconds)
        assert first.result() == second.result() == []
        assert stored(calls.path) == ["a", "b"]

    def test_alone(self, calls: Calls) -> None:
        """What waits to be alone has a deadline, too."""
        with (
            calls.held(),
            pytest.raises(RequestError),
            calls.groups.alone(CallDeadline(0.01)),
        ):
            pytest.fail("it should not begin")


class TestMemory:
    """Nothing of a job is kept after its answer."""

    def test_result(self, calls: Calls) -> None:
        """Neither what it was called with nor what it returned."""

        class Big:
            """Something that a call uses."""

        kept: list[weakref.ref[Big]] = []

        def start() -> "Future[list[str]]":
            big = Big()
            kept.append(weakref.ref(big))
            return calls.start(lambda: [*calls.put("a"), repr(big)])

        with without_garbage():
            with calls.held():
                found = [start() for _ in range(3)]
            for each in found:
                each.result()
            del found, each
            calls._threads.shutdown()
            assert [each() for each in kept] == [None] * 3

    def test_errors(self, calls: Calls) -> None:
        """Errors leave no reference cycle, be they of one job or of all."""
        calls.sender.put_events(events(e={"v": event()}))
        with without_garbage():
            with calls.held():
                late = calls.start(partial(calls.put, "a"), seconds=0.01)
                assert isinstance(late.exception(), RequestError)
                found = [calls.start(partial(fail, calls)) for _ in range(2)]
            for each in found:
                assert isinstance(each.exception(), ZeroDivisionError)
            calls.sender.close()
            with calls.held():
                found = [calls.start(partial(calls.put, "a")) for _ in range(2)]
            for each in found:
                assert isinstance(each.exception(), StoreError)
            del late, found, each
            calls._threads.shutdown()
