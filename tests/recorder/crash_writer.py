"""
A process to be killed: `python -m tests.recorder.crash_writer ROLE NAME SEED ACKS`.

As `writer` it records events, and appends the id of each to a file once `record()` has
returned; as `deliverer` it only delivers; both until standard input ends. As `last` it
delivers what is left, and writes the books to standard output. `TO` and `SPOOL` are in
the environment.

What the recorder logs goes to standard error, except for the scripted faults of the
destination: so a spool that fails, or a defect, is seen there.
"""

import json
import logging
import os
import random
import select
import sys

from pinpoint_events import Event, Recorder, errors

MOST_AT_ONCE = 10
LONGEST_PAUSE_SECONDS = 0.02
LAST_SECONDS = 120.0
REJECTED = "400"


def write(recorder: Recorder, name: str, seed: str, acks: str) -> None:
    """Record events, and acknowledge them, until standard input ends."""
    rng = random.Random(seed)
    number = 0
    file = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while not has_ended(rng.uniform(0, LONGEST_PAUSE_SECONDS)):
        for _ in range(rng.randint(1, MOST_AT_ONCE)):
            event_id = f"{name}-{number}"
            user = f"user-{rng.randint(1, 50)}"
            recorder.record(user, Event("tapped"), event_id=event_id)
            os.write(file, f"{event_id}\n".encode())
            number += 1


def has_ended(seconds: float) -> bool:
    """Return whether standard input ends within some seconds."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def is_unexpected(line: logging.LogRecord) -> bool:
    """Return whether a log line is about anything but a fault of the destination."""
    error = getattr(errors, str(vars(line).get("pinpoint_events.error")), Exception)
    is_of_call = issubclass(error, errors.TransportError | errors.ServiceError)
    is_of_item = vars(line).get("pinpoint_events.code") == REJECTED
    return not (is_of_call or is_of_item)


def main() -> None:
    """Do what the arguments say."""
    lines = logging.StreamHandler()
    lines.addFilter(is_unexpected)
    logging.basicConfig(handlers=[lines])
    role, *more = sys.argv[1:]
    recorder = Recorder(
        os.environ["TO"],
        spool=os.environ["SPOOL"],
        application_id="shop",
        flush_seconds=0.1,
    )
    if role == "writer":
        write(recorder, *more)
        return
    recorder.start()
    if role == "deliverer":
        sys.stdin.read()
        return
    is_done = recorder.flush(LAST_SECONDS)
    stats = recorder.stats()
    books = {
        "is_done": is_done,
        "recorded": stats.recorded,
        "delivered": stats.delivered,
        "rejected": stats.rejected,
        "dropped": sum(stats.dropped.values()),
        "pending": stats.pending,
        "spool_error": stats.spool_error,
    }
    sys.stdout.write(json.dumps(books))


if __name__ == "__main__":
    main()
