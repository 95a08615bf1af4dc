"""
A recorder in use for long, with outages: what it holds stays the same.

Run `python -m tests.recorder.endurance --events 1000000 --outages 1000` for the whole
of it; it prints what the process holds after each tenth, and fails if it grows.
"""

import argparse
import gc
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from pinpoint_events import (
    Event,
    EventsRequest,
    EventsResponse,
    Recorder,
    TransportError,
)
from pinpoint_events.senders import Sender, SqliteSender

__all__ = ["Held", "held", "rounds"]

_PARTS = 10
_GROWTH = 1.15  # of memory: what the interpreter keeps varies a little
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4_096


class Held(NamedTuple):
    """What the process holds."""

    threads: int
    handles: int
    memory_bytes: int


def held() -> Held:
    """Return what this process holds, as Linux shows it."""
    gc.collect()
    resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return Held(
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - no objects for each
        int(resident) * _PAGE_BYTES,
    )


class Failing:
    """A sender that can be away."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.is_away = False

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Send, unless it is away."""
        if self.is_away:
            raise TransportError("the network is down", is_retry_safe=True)
        return self._sender.put_events(request)

    def close(self) -> None:
        """Close the sender."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rounds(directory: Path, events: int, outages: int) -> Iterator[Held]:
    """Record events, with outages between them; yield what is held, ten times."""
    sender = Failing(SqliteSender(directory / "events.db"))
    # Each outage is a line, which no one reads here.
    logging.getLogger("pinpoint_events").addHandler(logging.NullHandler())
    recorder = Recorder(sender, spool=directory / "spool.db", flush_seconds=0.05)
    event = Event("tapped", attributes={"where": "menu"}, metrics={"price": 9.5})
    per_outage = max(events // outages, 1)
    for outage in range(outages):
        sender.is_away = True
        for number in range(per_outage):
            recorder.record(f"user-{number % 50}", event)
        recorder.flush(0.01)
        sender.is_away = False
        assert recorder.flush(60)
        if (outage + 1) % max(outages // _PARTS, 1) == 0:
            yield held()
    stats = recorder.stats()
    assert stats.delivered == stats.recorded == per_outage * outages
    assert recorder.close()
    sender.close()


def grown(found: list[Held]) -> bool:
    """Return whether the process holds more at the end than after the first rounds."""
    first, last = found[1], found[-1]
    return (
        last.threads > first.threads
        or last.handles > first.handles
        or last.memory_bytes > _GROWTH * first.memory_bytes
    )


def main() -> int:
    """Run it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorder.endurance")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--outages", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        found = []
        for each in rounds(Path(directory), options.events, options.outages):
            found.append(each)
            megabytes = each.memory_bytes / 1e6
            print(  # noqa: T201 - the report
                f"{each.threads} threads, {each.handles} handles, {megabytes:.1f} MB",
                flush=True,
            )
    return 1 if grown(found) else 0


if __name__ == "__main__":
    sys.exit(main())
