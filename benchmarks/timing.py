"""
Laps: what a piece of work cost once, in CPU and in wall time.

The garbage collector runs as it does for users, and what it takes is part of the lap.
It is emptied before each lap, so that no side pays for what another has left behind.
"""

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Lap(NamedTuple):
    """What one unit of work cost: an event, or a process."""

    cpu_seconds: float
    wall_seconds: float


class Pair(NamedTuple):
    """Two laps, one right after the other."""

    ours: Lap
    theirs: Lap


class Side(NamedTuple):
    """
    One of the two that are compared.

    Attributes:
        run: Does the work once.
        events: How many events that is.
    """

    run: Callable[[], Any]
    events: int


def lap(side: Side, *, collects: bool = True) -> Lap:
    """
    Run one side once.

    Args:
        side: The side.
        collects: Whether the garbage collector runs meanwhile.
    """
    gc.collect()
    if not collects:
        gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    side.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    gc.enable()
    return Lap(cpu / side.events, wall / side.events)


def resident_bytes() -> int:
    """Return how much memory of this process is resident, as Linux says."""
    _, pages, *_ = Path("/proc/self/statm").read_text().split()
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
