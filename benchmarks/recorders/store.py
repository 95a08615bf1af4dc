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
_PROBE: Final = 1_000  # events that are recorded, of which the cost is taken
_DELIVERED: Final = 10_000  # events that are delivered for it, where so many wait
_VOLATILE_PENDING: Final = 5_000
"""So many may wait in memory before the caller waits for them."""


_LEAST_EVENTS: Final = 10_000  # a second
# Of those with the fewest events that wait. A cost that grows with their number would
# be hundreds of times as much; other work on the machine may double that of a delivery.
_MOST_RECORD: Final = 1.5
_MOST_DELIVERY: Final = 3.0
_MOST_OPENING_MS: Final = 1_000.0


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


class Table(NamedTuple):
    """
    A table, and its bars.

    Attributes:
        text: The table.
        hold: Whether all its bars hold.
    """

    text: str
    hold: bool


def tables(sizes: Sizes) -> Table:
    """Measure, and return the tables, and whether all bars hold."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        print("store: events a second", file=sys.stderr)
        sustained = []
        for name in (DURABLE, VOLATILE):
            spool = home / "sustained.db" if name == DURABLE else _NO_SPOOL
            wall, cpu = _run(home, "sustained", spool, str(sizes.events))
            sustained.append((name, sizes.events, wall, cpu))
        print("store: cost where others wait", file=sys.stderr)
        spool = home / "backlog.db"
        backlogs = _run(home, "backlog", spool, *map(str, sizes.backlogs))
        print("store: opening", file=sys.stderr)
        opening = [
            (waiting, *_opened(home, path))
            for waiting, path in ((0, home / "new.db"), (backlogs[-1][0], spool))
        ]
    found = (
        sustained_table(sustained),
        backlog_table(backlogs),
        opening_table(opening),
    )
    return Table(
        "\n\n".join(table.text for table in found), all(table.hold for table in found)
    )


def sustained_table(measured: Sequence[tuple[str, int, float, float]]) -> Table:
    """Return the table of recorders: name, events, wall and CPU seconds for them."""
    rates = [events / wall for _, events, wall, _ in measured]
    rows = [
        (
            name,
            f"{events:,}",
            f"{rate:,.0f}",
            f"{cpu / events * 1e6:.1f}",
            f"at least {_LEAST_EVENTS:,}/s",
            _yes(rate >= _LEAST_EVENTS),
        )
        for (name, events, _, cpu), rate in zip(measured, rates, strict=True)
    ]
    head = ("recorder", "events", "events/s", "CPU us an event", "bar", "holds")
    text = lines(head, ("---", *("---:",) * 3, "---", "---"), rows)
    return Table(text, all(rate >= _LEAST_EVENTS for rate in rates))


def backlog_table(backlogs: Sequence[Sequence[float]]) -> Table:
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
        "bar",
        "holds",
    )
    hold = [
        record <= _MOST_RECORD * first_record and cpu <= _MOST_DELIVERY * first_delivery
        for _, record, _, _, cpu in backlogs
    ]
    rows = [
        (
            f"{waiting:,}",
            f"{record:.1f}",
            f"{record / first_record:.2f}",
            f"{slow:.0f}",
            f"{wall:.1f}",
            f"{cpu:.1f}",
            f"{cpu / first_delivery:.2f}",
            f"at most {_MOST_RECORD:g} and {_MOST_DELIVERY:g}",
            _yes(is_flat),
        )
        for (waiting, record, slow, wall, cpu), is_flat in zip(
            backlogs, hold, strict=True
        )
    ]
    return Table(lines(head, (*("---:",) * 7, "---", "---"), rows), all(hold))


def opening_table(opening: Sequence[tuple[int, float, float, float]]) -> Table:
    """Return the table of opening a file: events in it, two times in ms, memory."""
    rows = [
        (
            f"{waiting:,}",
            f"{opened:.1f}",
            f"{first:.1f}",
            f"{megabytes:.1f}",
            f"less than {_MOST_OPENING_MS:,.0f} ms",
            _yes(opened < _MOST_OPENING_MS),
        )
        for waiting, opened, first, megabytes in opening
    ]
    head = ("waiting", "open, ms", "first record, ms", "memory, MB", "bar", "holds")
    text = lines(head, (*("---:",) * 4, "---", "---"), rows)
    return Table(text, all(opened < _MOST_OPENING_MS for _, opened, *_ in opening))


def _yes(holds: object) -> str:
    return "yes" if holds else "**no**"


def _opened(home: Path, spool: Path) -> tuple[float, float, float]:
    runs = [_run(home, "opening", spool) for _ in range(3)]
    opened, first, grown = (median(values) for values in zip(*runs, strict=True))
    return opened * 1e3, first * 1e3, grown / 1e6


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
        delivery = gate.let(min(level, _DELIVERED))
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
