"""
A recorder in a process: `python -m tests.recorder.commanded SPOOL STORE [--journal]`.

It does what standard input says, a command in a line, until that ends: `flush`, `stats`
or `record NAME COUNT`. What it writes for a command ends with an empty line. `record`
writes the id of each event once the file has it. With `--journal`, SQLite works as on
a file system without shared memory.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from functools import partial

from tests.stores import JournalConnection

import pinpoint_events
from pinpoint_events import Event, Recorder

COUNTS = ("recorded", "delivered", "rejected", "pending", "spool_error")


def results(recorder: Recorder, command: str, *more: str) -> Iterator[object]:
    """Do what a command says, and yield what to write."""
    if command == "flush":
        yield recorder.flush(30)
    elif command == "stats":
        stats = recorder.stats()
        counts = {name: getattr(stats, name) for name in COUNTS if getattr(stats, name)}
        yield json.dumps({**counts, "dropped": dict(stats.dropped)})
    else:
        name, count = more
        for number in range(int(count)):
            event_id = recorder.record("u", Event("x"), event_id=f"{name}-{number}")
            if recorder._spool.is_durable:
                yield event_id


def write(text: object) -> None:
    """Write a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Do what standard input says."""
    spool, store, *options = sys.argv[1:]
    if options:
        sqlite3.connect = partial(  # type: ignore[assignment]
            sqlite3.connect, factory=JournalConnection
        )
    write(pinpoint_events.__version__)
    with Recorder(f"sqlite:///{store}", spool=spool, flush_seconds=0.01) as recorder:
        for line in sys.stdin:
            for result in results(recorder, *line.split()):
                write(result)
            write("")


if __name__ == "__main__":
    main()
