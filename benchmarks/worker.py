"""
One comparison in a separate process: `python -m benchmarks.worker NAME`.

It gets ready, runs both sides once to warm up, and then answers each line of its input
with one of its output: the laps of a round. So the rows of the table take turns, round
by round, and none of them runs among the modules and objects of another.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.environment import KEYS, PURE_VARIABLE, ROOT, environment
from benchmarks.timing import Lap, Pair, Side, lap

WITHOUT_FAST = "--without-msgspec"
PURE = "--pure"
"""Without the compiled part."""
COMPILED = "--compiled"
"""With the compiled part; an error where it is not in use."""


class Worker:
    """The other end of such a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def round(self) -> list[Pair]:
        """Run one round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker ended early; its errors stand above")
        return [Pair(Lap(*ours), Lap(*theirs)) for ours, theirs in json.loads(line)]


@contextmanager
def worker(home: Path, *arguments: str) -> Iterator[Worker]:
    """
    Start such a process, and end it after the block.

    Args:
        home: A directory without configuration files.
        arguments: Its arguments.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", *arguments],
        cwd=ROOT,
        env=environment(home, KEYS),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Worker(process)


def main() -> None:
    """Run a comparison until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--url", default="")
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument(WITHOUT_FAST, action="store_true")
    of_speedups = parser.add_mutually_exclusive_group()
    of_speedups.add_argument(PURE, action="store_true")
    of_speedups.add_argument(COMPILED, action="store_true")
    options = parser.parse_args()
    if options.pure:
        # The package reads it when it is imported, which is later.
        os.environ[PURE_VARIABLE] = "1"
    if options.without_msgspec:
        # From here on, importing it fails as if it were not installed.
        sys.modules["msgspec"] = None  # type: ignore[assignment]
    if options.pure or options.compiled:
        _check_speedups(is_used=options.compiled)
    collects = options.name != "building"
    with _sides(options.name, options.url, options.events) as (ours, theirs):
        ours.run()
        theirs.run()
        for round_number, _ in enumerate(sys.stdin):
            pairs = []
            for turn in range(round_number, round_number + options.pairs):
                sides = [ours, theirs][:: 1 if turn % 2 else -1]
                laps = [lap(side, collects=collects) for side in sides]
                pairs.append(laps[:: 1 if turn % 2 else -1])
            print(json.dumps(pairs), flush=True)


def _check_speedups(*, is_used: bool) -> None:
    """Check that the compiled part is in use, or that it is not."""
    import pinpoint_events  # noqa: PLC0415

    if pinpoint_events.speedups().is_used is not is_used:
        raise AssertionError(f"the compiled part is in use: {not is_used}")


def _sides(name: str, url: str, many: int) -> AbstractContextManager[tuple[Side, Side]]:
    """Return what makes the two sides; each imports only what it needs."""
    if name == "whole_way":
        from benchmarks import whole_way  # noqa: PLC0415

        return whole_way.sides(url)
    if name in {"limit_from_values", "limit_from_dicts"}:
        from benchmarks import limit  # noqa: PLC0415

        return limit.sides(url, from_values=name == "limit_from_values")
    if name in {"kinesis", "firehose", "bare"}:
        from benchmarks import streams  # noqa: PLC0415

        return {
            "kinesis": streams.kinesis,
            "firehose": streams.firehose,
            "bare": streams.bare,
        }[name](url)
    if name == "building":
        from benchmarks import building  # noqa: PLC0415

        return building.sides(many)
    from benchmarks import encoding  # noqa: PLC0415

    return encoding.sides(by_builder=name == "encoding_by_builder")


if __name__ == "__main__":
    main()
