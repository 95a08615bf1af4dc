"""
Measure all rows in turns, and print the table: `python -m benchmarks`.

The exit status tells whether all bars hold. For Linux and macOS: what a whole process
took is asked of `wait4`.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks import building
from benchmarks.cold_start import COLD_STARTS, ColdStart
from benchmarks.environment import write_profile
from benchmarks.service import service
from benchmarks.table import Bar, Result, Row, markdown
from benchmarks.timing import Pair
from benchmarks.worker import WITHOUT_FAST, worker

_ROUNDS = 20
_PAIRS = 5  # a round, of rows whose laps are short

_EVENT = ("us an event", 1e6)
_PROCESS = ("ms a process", 1e3)

_WHOLE_WAY = {
    Row("whole way, with `fast`", "boto3", *_EVENT, Bar.times_less(3)): (),
    Row("whole way, without `fast`", "boto3", *_EVENT, Bar.times_less(2.2)): (
        WITHOUT_FAST,
    ),
}
_STREAMS = {
    Row("Kinesis, from typed events", "boto3, ready bytes", *_EVENT, Bar.within(1)): (
        "kinesis"
    ),
    Row("Firehose, from typed events", "boto3, ready bytes", *_EVENT, Bar.within(1)): (
        "firehose"
    ),
    Row("Kinesis, from typed events", "a ready body, signed", *_EVENT): "bare",
}
_ENCODING = {
    Row(
        "construct, check, encode", "pydantic", *_EVENT, Bar.within(1.2)
    ): "encoding_by_model",
    Row(
        "the same by the builder, with quotas and exact sizes",
        "pydantic",
        *_EVENT,
        Bar.within(1.2),
    ): "encoding_by_builder",
}


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often")
    parser.add_argument(
        "--quick", action="store_true", help="one round, to see that all of it runs"
    )
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    results = _measured(rounds, 2_000 if options.quick else building.MANY)
    print(f"{_machine()}; {rounds} rounds.\n")
    print(markdown(results))
    print(f"\n{building.memory_text()}")
    return 0 if options.quick or all(result.holds for result in results) else 1


def _measured(rounds: int, many: int) -> list[Result]:
    with ExitStack() as stack:
        measures = dict(_measures(stack, many))
        pairs: dict[Row, list[Pair]] = {row: [] for row in measures}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for row, measure in measures.items():
                pairs[row] += measure()
    return [Result.of(row, measured) for row, measured in pairs.items()]


def _measures(
    stack: ExitStack, many: int
) -> Iterator[tuple[Row, Callable[[], list[Pair]]]]:
    """Yield each row with what measures it once, ready and warm."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    configured = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    write_profile(configured)
    url = stack.enter_context(service())

    def of_worker(*arguments: str) -> Callable[[], list[Pair]]:
        return stack.enter_context(worker(home, *arguments)).round

    pairs = ("--pairs", str(_PAIRS))
    for row, options in _WHOLE_WAY.items():
        yield row, of_worker("whole_way", "--url", url, *pairs, *options)
    for row, name in _STREAMS.items():
        yield row, of_worker(name, "--url", url, *pairs)
    for row, name in _ENCODING.items():
        yield row, of_worker(name, *pairs)
    yield (
        Row(f"building {many:,} events", "1,000 at a time", *_EVENT, Bar.within(1.3)),
        of_worker("building", "--events", str(many)),
    )
    for cold_start in COLD_STARTS:
        run = partial(
            cold_start.run, configured if cold_start.has_profile else home, url
        )
        run()
        yield _row(cold_start), run


def _row(cold_start: ColdStart) -> Row:
    most = cold_start.most
    bar = None if most is None else Bar.within(most)
    return Row(cold_start.what, cold_start.peer, *_PROCESS, bar)


def _machine() -> str:
    libraries = ", ".join(
        f"{name} {version(name)}"
        for name in ("attrs", "cattrs", "msgspec", "boto3", "botocore", "pydantic")
    )
    return (
        f"Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores; {libraries}"
    )


if __name__ == "__main__":
    sys.exit(main())
