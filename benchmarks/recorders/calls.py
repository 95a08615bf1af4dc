"""
What a call costs the caller: the recorder, durable and volatile, beside Segment.

One call makes the event, from text and a number, and records it. Each side has separate
processes, and they take turns, lap by lap. After each lap everything is sent, outside
its clock, so that no lap of the others runs meanwhile, and no queue is full: Segment's
takes 10,000 by default, and no lap has as many. The server answers all at once, and
tells at the end whether all events have arrived.

Times of single calls are taken, by one clock around each; a median of calls is not
moved by what a thread in the background takes now and then, the mean and p99 are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Final, NamedTuple

from benchmarks.environment import ROOT
from benchmarks.recorders.losses import variables
from benchmarks.recorders.server import server
from benchmarks.recorders.trackers import (
    DURABLE,
    SEGMENT,
    VOLATILE,
    Purchase,
    Tracker,
    make,
    purchases,
)
from benchmarks.table import Bar, lines

_THREADS: Final = 8
_PROCESSES: Final = 4

_BARS: Final = {DURABLE: Bar.within(1.5), VOLATILE: Bar.within(0.5)}
"""Of the medians with one thread, against Segment's."""


class Lap(NamedTuple):
    """
    Calls of one process, one right after the other.

    Attributes:
        nanoseconds: What each call took.
        cpu_seconds: What the process took for them, and to send everything.
    """

    nanoseconds: list[int]
    cpu_seconds: float

    @classmethod
    def joined(cls, laps: Sequence["Lap"]) -> "Lap":
        """Return laps that ran at the same time, as one."""
        return cls(
            [each for lap in laps for each in lap.nanoseconds],
            sum(lap.cpu_seconds for lap in laps),
        )


class Shape(NamedTuple):
    """
    How the calls of a lap are spread.

    Attributes:
        title: The same in words.
        processes: Over how many processes.
        threads: Over how many threads of each.
        share: What part of the calls of a lap each thread makes.
    """

    title: str
    processes: int
    threads: int
    share: float


_ONE: Final = Shape("1 thread", 1, 1, 1)
_SHAPES: Final = (
    _ONE,
    Shape(f"{_THREADS} threads", 1, _THREADS, 0.5),
    Shape(f"{_PROCESSES} processes", _PROCESSES, 1, 1),
)


class Side(NamedTuple):
    """
    A tracker, and the interpreter of the environment that has it.

    Attributes:
        tracker: Its name.
        python: The interpreter.
    """

    tracker: str
    python: Path


class Measured(NamedTuple):
    """
    All laps of one side in one shape.

    Attributes:
        tracker: The name of the side.
        laps: One for each round.
        ratio: The median of our medians, each divided by that of Segment's lap in the
            same round; None without Segment.
    """

    tracker: str
    laps: list[Lap]
    ratio: float | None

    def holds(self, shape: Shape) -> bool:
        """Whether its bar holds, if it has one in this shape."""
        bar = self._bar(shape)
        return bar is None or self.ratio is None or self.ratio <= bar.most

    def _bar(self, shape: Shape) -> Bar | None:
        # Without Segment, there is nothing to compare with.
        has_bar = shape is _ONE and self.ratio is not None
        return _BARS.get(self.tracker) if has_bar else None

    def row(self, shape: Shape) -> tuple[str, ...]:
        """Return its row in the table."""
        calls = [each / 1e3 for lap in self.laps for each in lap.nanoseconds]
        medians = [median(lap.nanoseconds) / 1e3 for lap in self.laps]
        cpu = fmean(lap.cpu_seconds / len(lap.nanoseconds) for lap in self.laps) * 1e6
        bar = self._bar(shape)
        return (
            shape.title,
            self.tracker,
            f"{median(medians):.1f}",
            f"{fmean(calls):.1f}",
            f"{p99(calls):.0f}",
            f"{cpu:.1f}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if bar is None else bar.text,
            "" if bar is None else ("yes" if self.holds(shape) else "**no**"),
        )


def p99(costs: Sequence[float]) -> float:
    """Return the cost that 99 of 100 calls do not exceed."""
    return quantiles(costs, n=100, method="inclusive")[-1]


def table(sides: Sequence[Side], rounds: int, calls: int) -> tuple[str, bool]:
    """
    Measure, and return the table, and whether all bars hold.

    Args:
        sides: Segment first, if it is among them.
        rounds: How many laps of each side in each shape.
        calls: How many calls a lap has with one thread.

    Raises:
        RuntimeError: If not all events of a side have arrived.
    """
    rows: list[tuple[str, ...]] = []
    hold = True
    for shape in _SHAPES:
        print(f"calls: {shape.title}", file=sys.stderr)
        for measured in _measured(sides, shape, rounds, calls):
            rows.append(measured.row(shape))
            hold = hold and measured.holds(shape)
    head = (
        "callers",
        "tracker",
        "median us",
        "mean us",
        "p99 us",
        "CPU us, sent",
        "ratio of medians",
        "bar",
        "holds",
    )
    return lines(head, ("---", "---", *("---:",) * 5, "---", "---"), rows), hold


def _measured(
    sides: Sequence[Side], shape: Shape, rounds: int, calls: int
) -> Iterator[Measured]:
    each_thread = max(2, round(calls * shape.share))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(server()) for _ in sides]
        teams = [
            [
                stack.enter_context(_caller(home, side, url, number, shape.threads))
                for number in range(shape.processes)
            ]
            for side, url in zip(sides, [each.url for each in servers], strict=True)
        ]
        laps: list[list[Lap]] = [[] for _ in sides]
        for turn in range(-1, rounds):
            # Each side is first, second and last equally often.
            for place in range(len(sides)):
                index = (turn + place) % len(sides)
                lap = _lap(teams[index], each_thread)
                if turn >= 0:  # before, to warm up
                    laps[index].append(lap)
        expected = (rounds + 1) * each_thread * shape.threads * shape.processes
        for side, running in zip(sides, servers, strict=True):
            arrived = running.settled_counts().events
            if arrived != expected:
                raise RuntimeError(f"{side.tracker}: {arrived} of {expected} arrived")
    theirs = laps[0] if sides[0].tracker == SEGMENT else None
    for side, ours in zip(sides, laps, strict=True):
        yield Measured(
            side.tracker, ours, None if theirs is None else _ratio(ours, theirs)
        )


def _ratio(ours: list[Lap], theirs: list[Lap]) -> float:
    return median(
        median(our_lap.nanoseconds) / median(their_lap.nanoseconds)
        for our_lap, their_lap in zip(ours, theirs, strict=True)
    )


def _lap(team: Sequence["subprocess.Popen[str]"], calls: int) -> Lap:
    """Let all processes of a side run at the same time."""
    for process in team:
        assert process.stdin is not None
        process.stdin.write(f"{calls}\n")
        process.stdin.flush()
    laps = []
    for process in team:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("a process ended early; its errors stand above")
        laps.append(Lap(*json.loads(line)))
    return Lap.joined(laps)


@contextmanager
def _caller(
    home: Path, side: Side, url: str, number: int, threads: int
) -> Iterator["subprocess.Popen[str]"]:
    """Start a process of a side; all of a side share one spool, if they have any."""
    spool = home / f"{side.tracker}.db"
    with subprocess.Popen(
        [
            str(side.python),
            *("-m", "benchmarks.recorders.calls"),
            *("--tracker", side.tracker),
            *("--url", url),
            *("--spool", str(spool)),
            *("--number", str(number)),
            *("--threads", str(threads)),
        ],
        cwd=ROOT,
        env=variables(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def _timed(tracker: Tracker, values: Sequence[Purchase], costs: list[int]) -> None:
    record, clock = tracker.record, time.perf_counter_ns
    for purchase in values:
        began = clock()
        record(purchase)
        costs.append(clock() - began)


def main() -> None:
    """Run a lap for each line of input, which says how many calls a thread makes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracker", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--spool", required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    tracker = make(options.tracker, options.url, options.spool)
    first = options.number * 100_000_000
    for line in sys.stdin:
        calls = int(line)
        parts = [
            list(purchases(first + number * calls, calls))
            for number in range(options.threads)
        ]
        first += calls * options.threads
        costs: list[list[int]] = [[] for _ in parts]
        cpu_seconds = time.process_time()
        if len(parts) == 1:
            _timed(tracker, parts[0], costs[0])
        else:
            _by_threads(tracker, parts, costs)
        tracker.flush()
        cpu_seconds = time.process_time() - cpu_seconds
        print(json.dumps([list(chain(*costs)), cpu_seconds]), flush=True)


def _by_threads(
    tracker: Tracker, parts: Sequence[Sequence[Purchase]], costs: list[list[int]]
) -> None:
    """Let threads start together, each with its part of the events."""
    barrier = threading.Barrier(len(parts))

    def run(number: int) -> None:
        barrier.wait()
        _timed(tracker, parts[number], costs[number])

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
