"""
A recorder in use for long, with outages: what it holds stays the same.

It sends to an endpoint in another process, which ends connections in an outage. Run
`python -m tests.recorder.endurance --events 1000000 --outages 1000` for the whole of
it, and once more with `--spool none`; it prints what the process holds after each
tenth, and fails if it grows.
"""

import argparse
import gc
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.aws import KEYS
from tests.samples import ROOT

from pinpoint_events import Event, Recorder, TransportError

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


class Endpoint:
    """An endpoint in another process, which can be away."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.to = f"pinpoint://shop?region=eu-west-1&endpoint_url={self._read()}"

    def tell(self, line: str) -> None:
        """Let it be `away`, or `back`, from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        assert self._read() == line

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip()


@contextmanager
def serving() -> Iterator[Endpoint]:
    """Serve an endpoint within the block; its process ends with standard input."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.recorder.failing_endpoint"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Endpoint(process)


def rounds(
    endpoint: Endpoint, spool: Path | None, events: int, outages: int
) -> Iterator[Held]:
    """Record events, with outages between them; yield what is held, ten times."""
    # Each outage is a line, which no one reads here.
    logging.getLogger("pinpoint_events").addHandler(logging.NullHandler())
    errors: queue.SimpleQueue[Exception] = queue.SimpleQueue()
    recorder = Recorder(
        endpoint.to, spool=spool, flush_seconds=0.05, on_error=errors.put
    )
    event = Event("tapped", attributes={"where": "menu"}, metrics={"price": 9.5})
    per_outage = max(events // outages, 1)
    for outage in range(outages):
        endpoint.tell("away")
        for number in range(per_outage):
            recorder.record(f"user-{number % 50}", event)
        assert isinstance(errors.get(timeout=60), TransportError)
        endpoint.tell("back")
        assert recorder.flush(60)
        if (outage + 1) % max(outages // _PARTS, 1) == 0:
            yield held()
    stats = recorder.stats()
    assert stats.delivered == stats.recorded == per_outage * outages
    assert errors.empty()
    recorder.close()


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
    parser.add_argument("--spool", choices=["file", "none"], default="file")
    options = parser.parse_args()
    os.environ.update(KEYS)
    with tempfile.TemporaryDirectory() as directory, serving() as endpoint:
        spool = Path(directory, "spool.db") if options.spool == "file" else None
        found = []
        for each in rounds(endpoint, spool, options.events, options.outages):
            found.append(each)
            megabytes = each.memory_bytes / 1e6
            print(  # noqa: T201 - the report
                f"{each.threads} threads, {each.handles} handles, {megabytes:.1f} MB",
                flush=True,
            )
    return 1 if grown(found) else 0


if __name__ == "__main__":
    sys.exit(main())
