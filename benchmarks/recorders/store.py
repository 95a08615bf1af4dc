"""
From `record()` to the store, in one process: three tables, of this library alone.

How many events a second go through the recorder into an SQLite store; what an event
costs where many others wait; and what it takes to open a file in which many wait.

Each measurement is a process: `python -m benchmarks.recorders.store NAME`.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, Self

from benchmarks.environment import ROOT
from benchmarks.recorders.calls import p99
from benchmarks.recorders.losses import variables
from benchmarks.recorders.trackers import (
    DURABLE,
    FLUSH_SECONDS,
    VOLATILE,
    of_recorder,
    purchases,
)
from benchmarks.table import lines
from benchmarks.timing import resident_bytes
from benchmarks.workload import accepted
from pinpoint_events import EventsRequest, EventsResponse, Recorder, from_wire

_NO_SPOOL: Final = "-"
_NO_LIMIT: Final = 1 << 40  # bytes of a spool
_PROBE: Final = 1_000  # events, of which the cost is taken
_VOLATILE_PENDING: Final = 5_000
"""So many may wait in memory before the caller waits for them."""


class Sizes(NamedTuple):
    """
    How much is measured.

    Attributes:
        events: How many events go into the store.
        backlogs: How many events wait, in rising order.
    """

    events: int
    backlogs: tuple[int, ...]


FULL: Final = Sizes(100_000, (1_000, 10_000, 100_000, 1_000_000))
QUICK: Final = Sizes(2_000, (1_000, 2_000))


def tables(sizes: Sizes) -> str:
    """Measure, and return the tables."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        print("store: events a second", file=sys.stderr)
        sustained = [_sustained_row(home, name, sizes) for name in (DURABLE, VOLATILE)]
        print("store: cost where others wait", file=sys.stderr)
        spool = home / "backlog.db"
        backlogs = _run(home, "backlog", spool, *map(str, sizes.backlogs))
        print("store: opening", file=sys.stderr)
        opening = [
            _opening_row(home, "none", home / "new.db"),
            _opening_row(home, f"{backlogs[-1][0]:,}", spool),
        ]
    return "\n\n".join(
        (
            lines(
                ("recorder", "events", "events/s", "CPU us an event"),
                ("---", *("---:",) * 3),
                sustained,
            ),
            _backlog_table(backlogs),
            lines(
                ("waiting", "open, ms", "first record, ms", "memory, MB"),
                ("---:",) * 4,
                opening,
            ),
        )
    )


def _sustained_row(home: Path, name: str, sizes: Sizes) -> tuple[str, ...]:
    spool = home / "sustained.db" if name == DURABLE else _NO_SPOOL
    wall, cpu = _run(home, "sustained", spool, str(sizes.events))
    return (
        name,
        f"{sizes.events:,}",
        f"{sizes.events / wall:,.0f}",
        f"{cpu / sizes.events * 1e6:.1f}",
    )


def _backlog_table(backlogs: Sequence[Sequence[float]]) -> str:
    """Return the table of the cost of an event, each also as a ratio to the first."""
    _, first_record, _, _, first_delivery = backlogs[0]
    head = (
        "waiting",
        "record, median us",
        "ratio",
        "p99 us",
        "deliver us",
        "CPU us",
        "ratio of CPU",
    )
    rows = [
        (
            f"{waiting:,}",
            f"{record:.1f}",
            f"{record / first_record:.2f}",
            f"{slow:.0f}",
            f"{wall:.1f}",
            f"{cpu:.1f}",
            f"{cpu / first_delivery:.2f}",
        )
        for waiting, record, slow, wall, cpu in backlogs
    ]
    return lines(head, ("---:",) * len(head), rows)


def _opening_row(home: Path, waiting: str, spool: Path) -> tuple[str, ...]:
    runs = [_run(home, "opening", spool) for _ in range(3)]
    opened, first, grown = (median(values) for values in zip(*runs, strict=True))
    return waiting, f"{opened * 1e3:.1f}", f"{first * 1e3:.1f}", f"{grown / 1e6:.1f}"


def _run(home: Path, name: str, spool: Path | str, *numbers: str) -> Any:
    with tempfile.TemporaryDirectory(dir=home) as directory:
        done = subprocess.run(
            [
                sys.executable,
                *("-m", "benchmarks.recorders.store", name, str(spool)),
                *numbers,
            ],
            cwd=ROOT,
            env=variables(Path(directory)) | {"TMPDIR": directory},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout)


class Call(NamedTuple):
    """
    The end of a call.

    Attributes:
        wall_seconds: By the clock.
        cpu_seconds: Of the thread that delivers.
        events: How many events had been accepted by then.
    """

    wall_seconds: float
    cpu_seconds: float
    events: int


class Gate:
    """
    A sender that waits in its calls until it may go on, and accepts everything.

    So events wait for as long as is wanted, and no retry and no pause is measured.

    Attributes:
        calls: The ends of all calls.
        called: Set when the first call arrives.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.called = threading.Event()
        self._accepted = 0
        self._limit = 0
        self._changed = threading.Condition()

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Wait, and accept everything."""
        self.called.set()
        ids = {name: list(batch.events) for name, batch in request.batch_item.items()}
        with self._changed:
            self._changed.wait_for(lambda: self._accepted < self._limit)
            self._accepted += sum(map(len, ids.values()))
            self.calls.append(
                Call(time.perf_counter(), time.thread_time(), self._accepted)
            )
            self._changed.notify_all()
        return from_wire(EventsResponse, accepted(ids))

    def let(self, events: int) -> Call:
        """
        Accept so many more events, in whole requests.

        Returns:
            What an event took between the ends of two calls: the medians.
        """
        with self._changed:
            first = len(self.calls)
            self._limit = self._accepted + events
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._accepted >= self._limit)
            pairs = list(pairwise(self.calls[first:]))
        counts = [after.events - before.events for before, after in pairs]
        return Call(
            median(
                (after.wall_seconds - before.wall_seconds) / count
                for (before, after), count in zip(pairs, counts, strict=True)
            ),
            median(
                (after.cpu_seconds - before.cpu_seconds) / count
                for (before, after), count in zip(pairs, counts, strict=True)
            ),
            events,
        )

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        """Return the sender itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def _sustained(spool: str | None, events: int) -> list[float]:
    """Return wall and CPU seconds for so many events, from the first to the store."""
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory) / "store.db"
        values = list(purchases(0, events))
        recorder = Recorder(f"sqlite:///{store}", spool=spool)
        record = of_recorder(recorder).record
        wall, cpu = time.perf_counter(), time.process_time()
        for number, purchase in enumerate(values):
            record(purchase)
            if spool is None and number % _VOLATILE_PENDING == 0:
                recorder.flush(FLUSH_SECONDS)
        is_empty = recorder.flush(20 * FLUSH_SECONDS)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        recorder.close(FLUSH_SECONDS)
        with closing(sqlite3.connect(store)) as connection:
            ((stored,),) = connection.execute("SELECT count(*) FROM events")
    if not is_empty or stored != events:
        raise RuntimeError(f"{stored} of {events} events are in the store")
    return [wall, cpu]


def _backlog(spool: str, levels: Sequence[int]) -> Iterator[tuple[float, ...]]:
    """Yield each level with median and p99 of recording, and the cost of delivery."""
    gate = Gate()
    recorder = Recorder(gate, spool=spool, max_bytes=_NO_LIMIT)
    record = of_recorder(recorder).record
    waiting = recorded = 0
    for level in levels:
        for purchase in purchases(recorded, level - waiting):
            record(purchase)
        recorded += level - waiting
        costs = []
        for purchase in list(purchases(recorded, _PROBE)):
            began = time.perf_counter_ns()
            record(purchase)
            costs.append((time.perf_counter_ns() - began) / 1e3)
        recorded += _PROBE
        delivery = gate.let(_PROBE)
        waiting = recorded - gate.calls[-1].events
        yield (
            level,
            median(costs),
            p99(costs),
            delivery.wall_seconds * 1e6,
            delivery.cpu_seconds * 1e6,
        )


def _opening(spool: str) -> list[float]:
    """Return seconds to open and to record once, and by how much the process grew."""
    gate, (purchase,) = Gate(), purchases(0, 1)
    before = resident_bytes()
    began = time.perf_counter()
    recorder = Recorder(gate, spool=spool, max_bytes=_NO_LIMIT)
    opened = time.perf_counter()
    of_recorder(recorder).record(purchase)
    recorded = time.perf_counter()
    gate.called.wait(FLUSH_SECONDS)
    return [opened - began, recorded - opened, resident_bytes() - before]


def main() -> None:
    """Measure what the first argument names, and print the numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["sustained", "backlog", "opening"])
    parser.add_argument("spool")
    parser.add_argument("numbers", type=int, nargs="*")
    options = parser.parse_args()
    found: Any
    if options.name == "sustained":
        spool = None if options.spool == _NO_SPOOL else options.spool
        found = _sustained(spool, options.numbers[0])
    elif options.name == "backlog":
        found = list(_backlog(options.spool, options.numbers))
    else:
        found = _opening(options.spool)
    print(json.dumps(found), flush=True)
    os._exit(0)  # the spool stays as it is, and the gate is still closed


if __name__ == "__main__":
    main()
