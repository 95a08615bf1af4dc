"""
One application with one tracker: a separate process of `losses`.

It prints how many of its calls returned, in one line, when it has recorded.
"""

import argparse
import contextlib
import os
import signal
import time
from typing import Final

from benchmarks.recorders.trackers import WARM_UP, Tracker, make, purchases

_HANGS_AFTER_SECONDS: Final = 10.0

HANGS: Final = "hangs"
"""The second word of the line if the child of a fork was ended by force."""

_kept: Final[list[Tracker]] = []
"""To the end of the process, as quick starts have it: in a global name."""


def main() -> None:
    """Do what the first argument names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("act", choices=["exit", "sigterm", "fork", "flush"])
    parser.add_argument("--tracker", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--spool", required=True)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--stays-seconds", type=float, default=0)
    options = parser.parse_args()
    tracker = make(options.tracker, options.url, options.spool)
    _kept.append(tracker)
    if options.act == "flush":
        tracker.flush()
        print(0, flush=True)
    elif options.act == "fork":
        # A tracker that an application has made and used before its server forks.
        tracker.record(WARM_UP)
        tracker.flush()
        _fork(tracker, options.events)
    else:
        print(_recorded(tracker, options.events), flush=True)
        if options.act == "sigterm":
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(options.stays_seconds)


def _recorded(tracker: Tracker, events: int) -> int:
    recorded = 0
    for purchase in purchases(0, events):
        # Some send in the call, and raise if nothing answers.
        with contextlib.suppress(Exception):
            tracker.record(purchase)
            recorded += 1
    return recorded


def _fork(tracker: Tracker, events: int) -> None:
    child = os.fork()
    if child == 0:
        recorded = _recorded(tracker, events)
        tracker.flush()
        print(recorded, flush=True)
        os._exit(0)  # as the children of `multiprocessing` end
    deadline = time.monotonic() + _HANGS_AFTER_SECONDS
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(events, HANGS, flush=True)


if __name__ == "__main__":
    main()
