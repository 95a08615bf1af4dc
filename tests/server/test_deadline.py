import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.server.clients import (
    ONE,
    SECONDS,
    Got,
    answer,
    connected,
    post,
    request,
)
from tests.stores import writing

from pinpoint_events import MemorySender, SqliteSender
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import Kinesis, Served, create_app, served
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._deadline import CallDeadline

CALLS = 24  # more than there are workers
LATE = (
    503,
    "ServiceUnavailableException",
    "the call could not begin within 0.5 seconds; send it again later",
)
LOCKED = (
    503,
    "ServiceUnavailableException",
    "the events could not be kept; send them again",
)
EVENTS = json.dumps(ONE).encode()


def answers_at_once(server: Served, sent: bytes) -> tuple[list[Got], float]:
    """Send a request on each of many connections; return the answers, and the time."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(CALLS)]
        started = time.monotonic()
        for client in clients:
            client.sendall(sent)
        found = [answer(client) for client in clients]
        return found, time.monotonic() - started


class TestLockedStore:
    """Calls that wait for another writer are answered together, not in turn."""

    @pytest.mark.parametrize("opens", [False, True], ids=["passed", "opened"])
    def test_all_at_once(self, tmp_path: Path, *, opens: bool) -> None:
        """Each has one time for all waits: for a worker, for others, for the store."""
        path = tmp_path / "events.db"
        with SqliteSender(path) as sender:
            senders = (lambda _: SqliteSender(path)) if opens else sender
            app = create_app(senders, credentials=None, call_seconds=0.5)
            with served(app) as server:
                assert post(server, ONE).status == 202
                with writing(path):
                    found, seconds = answers_at_once(server, request(EVENTS))
                assert post(server, ONE).status == 202
        assert {each.error for each in found} == {LATE, LOCKED}
        assert {each.headers["retry-after"] for each in found} == {"1"}
        assert 0.5 <= seconds < 3  # one after the other: 12

    def test_while_it_is_opened(self, tmp_path: Path) -> None:
        """So it is if the store is locked when the first call opens it."""
        path = tmp_path / "events.db"
        SqliteSender(path).close()
        app = create_app(
            lambda _: SqliteSender(path), credentials=None, call_seconds=0.5
        )
        with served(app) as server, writing(path):
            found, seconds = answers_at_once(server, request(EVENTS))
        assert {each.status for each in found} == {503}
        assert seconds < 3

    def test_streams(self, tmp_path: Path) -> None:
        """The store of streams holds up calls no longer either."""
        path = tmp_path / "streams.db"
        kinesis = Kinesis(path)
        kinesis.create_stream("s")
        app = create_app(kinesis=kinesis, credentials=None, call_seconds=0.5)
        body = {"StreamName": "s", "Data": "YQ==", "PartitionKey": "k"}
        sent = request(
            json.dumps(body).encode(),
            "Content-Type: application/x-amz-json-1.1",
            "X-Amz-Target: Kinesis_20131202.PutRecord",
            path="/",
        )
        with served(app) as server:
            with writing(path):
                found, seconds = answers_at_once(server, sent)
            assert [each.status for each in found] == [503] * CALLS
            (got, *_), _ = answers_at_once(server, sent)
            assert got.status == 200
        assert seconds < 3


class Stuck:
    """A sender that holds each call until it is told to go on."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.sender = MemorySender(answer=self.answer)

    def answer(self, request: EventsRequest) -> EventsResponse:
        """Wait."""
        self.entered.release()
        assert self.gate.wait(SECONDS)
        return accepted(request)


class TestBegun:
    """A call that its sender has is not given up."""

    def test_outcome(self) -> None:
        """Its outcome is awaited beyond the deadline; those behind it are given up."""
        stuck = Stuck()
        app = create_app(stuck.sender, credentials=None, call_seconds=0.5)
        with served(app) as server, connected(server) as first:
            first.sendall(request(EVENTS))
            assert stuck.entered.acquire(timeout=SECONDS)
            assert post(server, ONE).error == LATE
            stuck.gate.set()
            assert answer(first).status == 202
        assert len(stuck.sender.requests) == 1

    def test_no_worker(self) -> None:
        """A call that no worker has is given up, and reaches no sender later."""
        stuck = Stuck()
        app = create_app(
            lambda _: stuck.sender, credentials=None, workers=1, call_seconds=0.5
        )
        with served(app) as server, connected(server) as first:
            first.sendall(request(EVENTS))
            assert stuck.entered.acquire(timeout=SECONDS)
            found, _ = answers_at_once(server, request(EVENTS))
            assert {each.error for each in found} == {LATE}
            stuck.gate.set()
            assert answer(first).status == 202
            assert post(server, ONE).status == 202
        assert len(stuck.sender.requests) == 2

    def test_opening(self) -> None:
        """A call whose sender is not open yet has not begun."""
        gate = threading.Event()
        opened: list[MemorySender] = []

        def senders(_: str) -> MemorySender:
            assert gate.wait(SECONDS)
            opened.append(MemorySender())
            return opened[-1]

        app = create_app(senders, credentials=None, call_seconds=0.5)
        with served(app) as server:
            assert post(server, ONE).error == LATE
            gate.set()
            assert post(server, ONE).status == 202
        (sender,) = opened
        assert len(sender.requests) == 1


class TestCallDeadline:
    """A call begins, or is given up; never both."""

    def test_begin(self) -> None:
        """One that has begun is not given up, and may begin again."""
        deadline = CallDeadline(SECONDS)
        deadline.begin()
        deadline.begin()
        assert not deadline.give_up()

    def test_give_up(self) -> None:
        """One that was given up does not begin."""
        deadline = CallDeadline(SECONDS)
        assert deadline.give_up()
        with pytest.raises(RequestError):
            deadline.begin()

    def test_over(self) -> None:
        """Nor does one whose time is over, whether or not anyone has noticed."""
        deadline = CallDeadline(1e-9)
        with pytest.raises(RequestError):
            deadline.begin()
        assert deadline.give_up()
