"""What a call has used is freed when it is answered, without the garbage collector."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest
from tests.commands import takes_long
from tests.server.clients import (
    KEY,
    ONE,
    SECONDS,
    answer,
    connected,
    head,
    post,
    request,
    rest,
)
from tests.server.signing import sent
from tests.server.test_app import Failing

from pinpoint_events import MemorySender, StoreError, TransportError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import (
    Credentials,
    Cut,
    FailCall,
    Kinesis,
    Served,
    create_app,
    served,
)

FORGER = Credentials(KEY.access_key_id, "another-secret")


@contextmanager
def without_garbage() -> Iterator[None]:
    """Check that the block leaves no error and no frame in a reference cycle."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = BaseException, FrameType
        found = [repr(each) for each in gc.garbage if isinstance(each, kinds)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert found == []


def check(
    call: Callable[[Served], object], sender: Any = None, **settings: Any
) -> None:
    """Make a call three times, and look for what is left of it."""
    settings = {"credentials": None, **settings}
    app = create_app(MemorySender() if sender is None else sender, **settings)
    with served(app) as server:
        post(server, ONE)  # what is made once stays
        with without_garbage():
            for _ in range(3):
                call(server)
            # One that is answered after those have ended within, too.
            post(server, b"", method="GET", path="/healthz")


def sends(body: Any, status: int, *more: str) -> Callable[[Served], None]:
    """Return a function that sends a call, and expects a status."""

    def call(server: Served) -> None:
        assert post(server, body, *more).status == status

    return call


class TestCycles:
    """Calls of all outcomes leave nothing."""

    @takes_long
    @pytest.mark.parametrize(
        "body, status, more",
        [
            (ONE, 202, ()),
            (b"{", 400, ()),
            (b"[" * 300_000, 400, ()),
            (b"{}", 400, ()),
            ("x".encode("utf-16"), 415, ()),
            (ONE, 415, ("Content-Type: text/xml",)),
            (b" " * 4_000_001, 413, ()),
        ],
    )
    def test_bodies(self, body: Any, status: int, more: tuple[str, ...]) -> None:
        """Sound and unsound bodies."""
        check(sends(body, status, *more))

    @pytest.mark.parametrize(
        "error, status",
        [
            (StoreError("full"), 500),
            (TransportError("away", is_retry_safe=True), 503),
            (RuntimeError("word"), 500),
        ],
    )
    @takes_long
    def test_senders(self, error: Exception, status: int) -> None:
        """Senders that fail."""
        app = create_app(Failing(error), credentials=None)
        with served(app) as server:
            assert post(server, ONE).status == status
            error.__traceback__ = None
            with without_garbage():
                assert post(server, ONE).status == status
                error.__traceback__ = None  # it is the test's, and raised again

    def test_unknown_applications(self) -> None:
        """Applications that are not there."""

        def opener(name: str) -> MemorySender:
            if name != "shop":
                raise LookupError(name)
            return MemorySender()

        def call(server: Served) -> None:
            assert post(server, ONE, path="/v1/apps/none/events").status == 404

        check(call, opener)

    def test_forged(self) -> None:
        """Forged calls, found out by the head or by the body."""

        def call(server: Served) -> None:
            for tells_hash in (True, False):
                now = datetime.now(UTC)
                wire = sent(key=FORGER, moment=now, tells_hash=tells_hash)
                with connected(server) as connection:
                    connection.sendall(wire.raw)
                    assert answer(connection).status == 403

        check(call, credentials=KEY)

    def test_slow(self) -> None:
        """Bodies that do not arrive in time."""

        def call(server: Served) -> None:
            with connected(server) as connection:
                connection.sendall(head("Content-Length: 9") + b"{")
                assert answer(connection).status == 408

        check(call, body_seconds=0.05)

    def test_slowest(self) -> None:
        """Bodies that make room for others."""

        def call(server: Served) -> None:
            with connected(server) as first, connected(server) as second:
                first.sendall(head("Content-Length: 9") + b"{")
                second.sendall(head("Content-Length: 9") + b"{")
                assert answer(first).status == 503

        check(call, unproven=1)

    def test_gone(self) -> None:
        """Clients that hang up."""

        def call(server: Served) -> None:
            with connected(server) as connection:
                connection.sendall(head("Content-Length: 9") + b"{")

        check(call)

    def test_given_up(self) -> None:
        """Calls that cannot begin in time."""
        entered, gate = threading.Event(), threading.Event()

        def wait(sent_request: EventsRequest) -> EventsResponse:
            entered.set()
            assert gate.wait(SECONDS)
            return accepted(sent_request)

        sender = MemorySender()
        app = create_app(sender, credentials=None, workers=1, call_seconds=0.1)
        with served(app) as server, connected(server) as first:
            post(server, ONE)
            sender.answer = wait
            first.sendall(sent_one())
            assert entered.wait(SECONDS)
            with without_garbage():
                assert post(server, ONE).status == 503
            gate.set()
            assert answer(first).status == 202

    def test_faults(self) -> None:
        """Faults that are asked for."""

        def call(server: Served) -> None:
            assert post(server, ONE).status == 500
            with connected(server) as connection:
                connection.sendall(sent_one())
                rest(connection)

        app = create_app(MemorySender(), credentials=None)
        with served(app) as server:
            post(server, ONE)
            fails, cuts = [[n for n in range(2, 8) if n % 2 == each] for each in (0, 1)]
            app.faults.add(FailCall(status=500, calls=[n - 1 for n in fails]))
            app.faults.add(Cut(where="before", calls=[n - 1 for n in cuts]))
            with without_garbage():
                for _ in range(3):
                    call(server)

    def test_streams(self) -> None:
        """Calls of Kinesis."""

        def call(server: Served) -> None:
            lines = (
                "Content-Type: application/x-amz-json-1.1",
                "X-Amz-Target: Kinesis_20131202.DescribeStream",
            )
            assert post(server, b"{", *lines, path="/").status == 400
            none = b'{"StreamName":"none"}'
            assert post(server, none, *lines, path="/").status == 400

        check(call, kinesis=Kinesis())


def sent_one() -> bytes:
    """Return the bytes of an unsigned call."""
    return request(json.dumps(ONE).encode())
