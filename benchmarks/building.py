"""
Building at length: what an event costs, and what it takes up, in a large builder.

From constructor calls to requests within quotas.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.timing import Side
from benchmarks.workload import (
    EVENTS,
    EVENTS_PER_ENDPOINT,
    EndpointValues,
    built,
    values,
)
from pinpoint_events import to_wire

FEW = 1_000
MANY = 100_000


def _endpoints(events: int) -> list[EndpointValues]:
    """Return the plain values of so many events."""
    batches = range(events // EVENTS)
    return [endpoint for number in batches for endpoint in values(number)]


@contextmanager
def sides(many: int = MANY) -> Iterator[tuple[Side, Side]]:
    """
    Yield the same number of events in one builder, and in builders of 1,000.

    Args:
        many: How many in all.
    """
    whole = _endpoints(many)
    part = FEW // EVENTS_PER_ENDPOINT
    parts = [whole[start : start + part] for start in range(0, len(whole), part)]
    yield (
        Side(lambda: len(built(whole).build_all()), many),
        Side(lambda: [len(built(part).build_all()) for part in parts], many),
    )


def bytes_per_event(events: int, keep: Callable[[list[EndpointValues]], object]) -> int:
    """
    Return what is still held of each event once the plain values are gone.

    Args:
        events: How many to try it with.
        keep: Makes of the values what is held.
    """
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    held = keep(_endpoints(events))
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held
    return round((after - before) / events)


def memory_text(events: int = 10_000) -> str:
    """Return in words what an event takes up in memory."""
    in_builder = bytes_per_event(events, built)
    in_requests = bytes_per_event(events, lambda values: built(values).build_all())
    as_dicts = bytes_per_event(
        events, lambda values: list(map(to_wire, built(values).build_all()))
    )
    return (
        f"Memory of an event and its strings: {in_builder:,} bytes in a builder, "
        f"{in_requests:,} in built requests, {as_dicts:,} as dicts for boto3."
    )
