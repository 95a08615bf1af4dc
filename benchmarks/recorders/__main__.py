"""
Measure the recorder side by side with other event trackers, and print the tables.

`python -m benchmarks.recorders` measures three things: what a call costs the caller,
how fast events reach a store, and what of them arrives when something goes wrong. The
other trackers are installed into a virtual environment that is made when it is missing;
that needs a package index. The exit status tells whether all bars hold. For Linux.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

from benchmarks.environment import ROOT
from benchmarks.recorders import calls, losses, store
from benchmarks.recorders.peers import PACKAGES, PeersError, peers_python
from benchmarks.recorders.trackers import DURABLE, OURS, PEERS, SEGMENT, VOLATILE

_ROUNDS = 20
_LIMIT_SECONDS = 60.0  # for an application to end by itself
_TABLES = ("calls", "store", "losses")


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recorders", description=__doc__
    )
    parser.add_argument(
        "--quick", action="store_true", help="few events, to see that all of it runs"
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="laps of each side")
    parser.add_argument("--only", choices=["ours", "peers"], help="one side alone")
    parser.add_argument(
        "--table", choices=_TABLES, action="append", help="only this one; repeatable"
    )
    parser.add_argument(
        "--peers-environment",
        type=Path,
        default=ROOT / ".venv-peers",
        metavar="DIRECTORY",
        help="where the other trackers are, or are to be installed",
    )
    options = parser.parse_args()
    tables = options.table or _TABLES
    pythons = dict.fromkeys(OURS, Path(sys.executable))
    if options.only == "peers":
        pythons = {}
    # The store is measured with this library alone.
    if options.only != "ours" and set(tables) != {"store"}:
        try:
            python = peers_python(options.peers_environment.absolute())
        except PeersError as error:
            parser.exit(1, f"{parser.prog}: {error}\n")
        pythons = dict.fromkeys(PEERS, python) | pythons
    print(_machine(), "\n", sep="")
    hold = True
    if "calls" in tables:
        sides = [
            calls.Side(name, pythons[name])
            for name in (SEGMENT, DURABLE, VOLATILE)
            if name in pythons
        ]
        rounds, each = (2, 50) if options.quick else (options.rounds, 1_000)
        text, hold = calls.table(sides, rounds, each)
        print(text, "\n", sep="", flush=True)
    if "store" in tables and options.only != "peers":
        stored = store.tables(store.QUICK if options.quick else store.FULL)
        print(stored.text, "\n", sep="", flush=True)
        hold = hold and stored.hold
    if "losses" in tables:
        applications = [
            losses.Application(python, name, _LIMIT_SECONDS)
            for name, python in pythons.items()
        ]
        size = (100, losses.QUICK) if options.quick else (1_000, losses.SITUATIONS)
        text, is_all = losses.table(applications, *size)
        print(text)
        hold = hold and is_all
    return 0 if options.quick or hold else 1


def _machine() -> str:
    lines = PACKAGES.read_text().splitlines()
    peers = [line.replace("==", " ") for line in lines if not line.startswith("#")]
    return (
        f"Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores; {', '.join(peers)}"
    )


if __name__ == "__main__":
    sys.exit(main())
