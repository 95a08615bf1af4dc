"""
How long a command takes to start: `python -m benchmarks.command_start`.

Whole processes, from start to exit: ours and the AWS CLI's, one right after the other.
The bar is for those that send nothing: what they take is the start. One more sends an
event to a server on loopback. `PINPOINT_EVENTS_AWS` names the AWS CLI's executable. The
exit status tells whether the bar holds. For Linux and macOS: what a whole process took
is asked of `wait4`.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.environment import KEYS, environment
from benchmarks.service import service
from benchmarks.table import Bar, Result, Row, markdown
from benchmarks.timing import Lap, Pair

_ROUNDS = 20
_BAR = Bar(0.5, "less than half")
_REQUEST = (
    "BatchItem={e1={Endpoint={},Events={v1={EventType=x,"
    "Timestamp=2026-01-01T00:00:00Z}}}}"
)
STARTS = {
    "version": ("--version",),
    "skeleton of the input": ("--generate-cli-skeleton",),
}
SEND = {"one event sent": ("--application-id", "a", "--events-request", _REQUEST)}


class Run(NamedTuple):
    """What one process cost."""

    lap: Lap
    peak_bytes: int


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.command_start", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often")
    options = parser.parse_args()
    aws = os.environ.get("PINPOINT_EVENTS_AWS")
    if aws is None:
        parser.error("PINPOINT_EVENTS_AWS names no executable of the AWS CLI")
    results = []
    memory = []
    with tempfile.TemporaryDirectory() as home, service() as url:
        settings = {**KEYS, "AWS_ENDPOINT_URL": url}
        for what, arguments in {**STARTS, **SEND}.items():
            commands = Commands(aws, arguments, Path(home), settings)
            pairs, peaks = commands.measured(options.rounds)
            bar = _BAR if what in STARTS else None
            row = Row(what, "AWS CLI", "ms a process", 1e3, bar)
            results.append(Result.of(row, pairs))
            ours, theirs = (median(sizes) / 1e6 for sizes in peaks)
            memory.append(f"{what}: {ours:.1f} MB at most, theirs {theirs:.1f} MB")
    print(markdown(results))
    print("\n" + "\n".join(memory))
    return 0 if all(result.holds for result in results) else 1


class Commands(NamedTuple):
    """
    The same command of both sides.

    Attributes:
        aws: Executable of the AWS CLI.
        arguments: Behind `put-events`.
        home: The user's directory.
        settings: Environment variables.
    """

    aws: str
    arguments: tuple[str, ...]
    home: Path
    settings: dict[str, str]

    def measured(self, rounds: int) -> tuple[list[Pair], tuple[list[int], list[int]]]:
        """
        Run both in turns.

        Returns:
            What each pair cost, and the peak memory of our processes and of theirs.
        """
        # Bytecode is kept, whatever whoever measures has set, and out of the tree.
        bytecode = {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.home / "bytecode"),
        }
        variables = environment(self.home, self.settings | bytecode)
        # As installed.
        script = str(Path(sys.executable).with_name("pinpoint-events"))
        our_command = [script, "put-events", *self.arguments]
        their_command = [self.aws, "pinpoint", "put-events", *self.arguments]
        run(our_command, variables)
        run(their_command, variables)
        pairs = []
        peaks: tuple[list[int], list[int]] = ([], [])
        for _ in range(rounds):
            ours = run(our_command, variables)
            theirs = run(their_command, variables)
            pairs.append(Pair(ours.lap, theirs.lap))
            peaks[0].append(ours.peak_bytes)
            peaks[1].append(theirs.peak_bytes)
        return pairs, peaks


def run(command: list[str], variables: dict[str, str]) -> Run:
    """Run a command to its end; what it prints goes nowhere."""
    nowhere = [
        (os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)
    ]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, variables, file_actions=nowhere)
    _, status, usage = os.wait4(process, 0)
    wall_seconds = time.perf_counter() - began
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} failed; run it to see why")
    # macOS tells bytes, others kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(Lap(cpu_seconds, wall_seconds), usage.ru_maxrss * unit)


if __name__ == "__main__":
    sys.exit(main())
