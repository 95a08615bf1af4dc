"""
How long a command takes to start: `python -m benchmarks.command_start`.

Whole processes, from start to exit: ours and the AWS CLI's, one right after the other.
The bars are for those that send nothing: what they take is the start. One more sends an
event to a server on loopback. Two tables: the time, and the most memory of a process.
`PINPOINT_EVENTS_AWS` names the AWS CLI's executable. The exit status tells whether the
bars hold. For Linux and macOS: what a whole process took is asked of `wait4`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.environment import KEYS, ROOT, environment
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


class Memory(NamedTuple):
    """The most memory of a process: medians over all pairs, in MB."""

    what: str
    ours: float
    theirs: float
    ratio: float
    bar: Bar | None

    @classmethod
    def of(
        cls, what: str, peaks: tuple[list[int], list[int]], bar: Bar | None
    ) -> "Memory":
        """Return the medians; a ratio is that of two runs next to each other."""
        ours, theirs = (median(sizes) / 1e6 for sizes in peaks)
        ratio = median(our / their for our, their in zip(*peaks, strict=True))
        return cls(what, ours, theirs, ratio, bar)

    @property
    def holds(self) -> bool:
        """Whether the ratio is within the bar."""
        return self.bar is None or self.ratio <= self.bar.most

    def line(self) -> str:
        """Return the row of the table in Markdown."""
        numbers = f"{self.ours:.1f} | {self.theirs:.1f} | {self.ratio:.2f}"
        bar, verdict = "", ""
        if self.bar is not None:
            bar, verdict = self.bar.text, "yes" if self.holds else "**no**"
        return f"| {self.what} | AWS CLI | MB | {numbers} | {bar} | {verdict} |"


_HEAD_OF_MEMORY = """\
| what | against | unit | most | theirs | ratio | bar | holds |
| --- | --- | --- | ---: | ---: | ---: | --- | --- |"""


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
    memories = []
    with tempfile.TemporaryDirectory() as home, service() as url:
        settings = {**KEYS, "AWS_ENDPOINT_URL": url}
        for what, arguments in {**STARTS, **SEND}.items():
            commands = Commands(aws, arguments, Path(home), settings)
            pairs, peaks = commands.measured(options.rounds)
            bar = _BAR if what in STARTS else None
            row = Row(what, "AWS CLI", "ms a process", 1e3, bar)
            results.append(Result.of(row, pairs))
            memories.append(Memory.of(what, peaks, bar))
    print(markdown(results))
    print()
    print("\n".join([_HEAD_OF_MEMORY, *(each.line() for each in memories)]))
    holds = [*(each.holds for each in results), *(each.holds for each in memories)]
    return 0 if all(holds) else 1


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
        # Bytecode is kept, whatever the environment says, and outside the tree.
        bytecode = {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.home / "bytecode"),
        }
        variables = environment(self.home, self.settings | bytecode)
        # As installed.
        script = str(Path(sys.executable).with_name("pinpoint-events"))
        our_command = [script, "put-events", *self.arguments]
        their_command = [self.aws, "pinpoint", "put-events", *self.arguments]
        pairs = []
        peaks: tuple[list[int], list[int]] = ([], [])
        with Starter() as starter:
            starter.run(our_command, variables)
            starter.run(their_command, variables)
            for _ in range(rounds):
                ours = starter.run(our_command, variables)
                theirs = starter.run(their_command, variables)
                pairs.append(Pair(ours.lap, theirs.lap))
                peaks[0].append(ours.peak_bytes)
                peaks[1].append(theirs.peak_bytes)
        return pairs, peaks


class Starter:
    """The process that starts the others, within a `with` block."""

    def __init__(self) -> None:
        """Start it: without site, which would make it larger."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "starter.py")],
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def run(self, command: list[str], variables: dict[str, str]) -> Run:
        """Run a command to its end; what it prints goes nowhere."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([command, variables])}\n")
        self._process.stdin.flush()
        status, cpu_seconds, wall_seconds, peak_bytes = json.loads(
            self._process.stdout.readline()
        )
        if status != 0:
            raise RuntimeError(f"{' '.join(command)} failed; run it to see why")
        return Run(Lap(cpu_seconds, wall_seconds), peak_bytes)


if __name__ == "__main__":
    sys.exit(main())
