"""
How long the fixture `pinpoint_server` takes: `python -m benchmarks.fixture_start`.

From asking for it to an endpoint that answers, with the environment set, as a test of a
user waits for it; and how long its end takes. Beside it, in turns, the smallest ASGI
application that uvicorn can serve from a thread. What is loaded once, before the first
test, is measured in separate processes. The exit status tells whether a start takes
less than 100 ms, by the median; the longest is printed as well.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from typing import Any, NamedTuple

import uvicorn

from pinpoint_events.testing._serving import serving
from pinpoint_events.testing.plugin import _client_environment

_ROUNDS = 50
_PROCESSES = 5
_BAR_SECONDS = 0.1
_LOAD = """\
import time
import pytest
started = time.perf_counter()
import pinpoint_events.testing._serving
import pinpoint_events.server.running
print(time.perf_counter() - started)
"""


class Times(NamedTuple):
    """Seconds of one start, and of the end after it."""

    start: float
    end: float


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fixture_start", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often")
    options = parser.parse_args()
    for served in (fixture, bare):
        measured(served)  # what is loaded when it is first needed
    ours: list[Times] = []
    theirs: list[Times] = []
    for _ in range(options.rounds):
        ours.append(measured(fixture))
        theirs.append(measured(bare))
    starts = [each.start for each in ours]
    holds = median(starts) < _BAR_SECONDS
    print("| what | pinpoint_server, ms | bare uvicorn, ms | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for what, index in (("start", 0), ("end", 1)):
        our, their = (median(each[index] for each in side) for side in (ours, theirs))
        print(f"| {what} | {our * 1e3:.1f} | {their * 1e3:.1f} | {our / their:.2f} |")
    print()
    print(f"a start takes less than 100 ms: {'yes' if holds else '**no**'}")
    print(f"the longest of {len(starts)}: {max(starts) * 1e3:.1f} ms")
    print(f"loaded once, before the first test: {loading() * 1e3:.0f} ms")
    return 0 if holds else 1


def measured(served: Callable[[], AbstractContextManager[Any]]) -> Times:
    """Return what a start and its end took, in wall time."""
    before = time.perf_counter()
    with served():
        started = time.perf_counter()
        ending = time.perf_counter()
    return Times(started - before, time.perf_counter() - ending)


@contextmanager
def fixture() -> Iterator[None]:
    """Do what the fixture does."""
    with serving() as server, _client_environment("PINPOINT", server):
        yield


async def _answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer any call with nothing."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextmanager
def bare() -> Iterator[None]:
    """Serve next to nothing from a thread, and wait until it listens."""
    is_ready = threading.Event()
    config = uvicorn.Config(_answer, log_config=None, lifespan="off", ws="none")

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            is_ready.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(config)
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
        thread.start()
        is_ready.wait()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


def loading() -> float:
    """Return the seconds that it takes to load the endpoint, in a new process."""
    command = [sys.executable, "-c", _LOAD]
    return median(
        float(subprocess.run(command, capture_output=True, check=True).stdout)
        for _ in range(_PROCESSES)
    )


if __name__ == "__main__":
    sys.exit(main())
