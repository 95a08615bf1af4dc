"""Large calls have threads of their own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.server.clients import SECONDS

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._lanes import Lanes

LARGE = 1_000_000
LARGE_BODY = b" " * LARGE
MANY_OBJECTS = b"{}" * 2_000


@contextmanager
def lanes() -> Iterator[Lanes]:
    """Make lanes with one worker, and close them."""
    found = Lanes(1)
    try:
        yield found
    finally:
        found.close(time.monotonic() + SECONDS)


class TestLanes:
    """No call waits behind a large one."""

    @pytest.mark.parametrize(
        "body", [LARGE_BODY, MANY_OBJECTS], ids=["bytes", "objects"]
    )
    def test_others_are_read(self, body: bytes) -> None:
        """A small body is read while large ones are, of many bytes or objects."""
        gate = threading.Event()
        with lanes() as found:
            large = [found.read(body, gate.wait, SECONDS) for _ in range(3)]
            assert found.read(b"{}", lambda: "read").result(SECONDS) == "read"
            assert not any(each.done() for each in large)
            gate.set()
            assert all(each.result(SECONDS) for each in large)

    @pytest.mark.parametrize("size, items", [(LARGE, 1), (10, 1_000)])
    def test_others_are_served(self, size: int, items: int) -> None:
        """A small call is served while a large one is, of many bytes or items."""
        gate = threading.Event()
        with lanes() as found:
            large = found.serve(size, items, gate.wait, SECONDS)
            assert found.serve(10, 1, lambda: "served").result(SECONDS) == "served"
            assert not large.done()
            gate.set()
            assert large.result(SECONDS)

    def test_large_ones_wait(self) -> None:
        """One large call is served at a time."""
        entered, gate = threading.Event(), threading.Event()
        with lanes() as found:
            first = found.serve(LARGE, 1, gate.wait, SECONDS)
            second = found.serve(10, 1_000, entered.set)
            found.serve(10, 1, lambda: None).result(SECONDS)
            assert not entered.is_set()
            gate.set()
            assert first.result(SECONDS)
            second.result(SECONDS)

    def test_rest(self) -> None:
        """Its thread rests for as long as it worked, if others came meanwhile."""
        entered, gate = threading.Event(), threading.Event()
        took: list[float] = []

        def work() -> None:
            started = time.monotonic()
            entered.set()
            assert gate.wait(SECONDS)
            took.append(time.monotonic() - started)

        with lanes() as found:
            first = found.serve(LARGE, 1, work)
            assert entered.wait(SECONDS)
            for _ in range(100):  # takes some time
                found.serve(10, 1, lambda: None).result(SECONDS)
            ended = time.monotonic()
            gate.set()
            first.result(SECONDS)
            assert time.monotonic() - ended >= min(took[0], 0.5)

    def test_no_rest(self) -> None:
        """It does not, if none came; nor when the endpoint ends."""
        entered, gate = threading.Event(), threading.Event()

        def work() -> None:
            entered.set()
            assert gate.wait(SECONDS)

        found = Lanes(1)
        large = found.read(LARGE_BODY, work)
        assert entered.wait(SECONDS)
        found.read(b"{}", lambda: None).result(SECONDS)
        threading.Timer(0.01, gate.set).start()
        assert found.close(time.monotonic() + SECONDS) == 0
        large.result(SECONDS)
        with pytest.raises(RequestError):
            found.read(LARGE_BODY, work)
