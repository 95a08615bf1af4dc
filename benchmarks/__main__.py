"""
Measure all rows in turns, and print the table: `python -m benchmarks`.

The exit status tells whether all bars hold. Where the compiled part is not installed,
the rows that need it are left out, and it is 1. For Linux and macOS: what a whole
process took is asked of `wait4`.
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
from benchmarks.environment import SPEEDUPS, speedups_version, write_profile
from benchmarks.service import service
from benchmarks.table import Bar, Result, Row, markdown
from benchmarks.timing import Pair
from benchmarks.worker import COMPILED, PURE, WITHOUT_FAST, worker

_ROUNDS = 20
_PAIRS = 5  # a round, of rows whose laps are short

_EVENT = ("us an event", 1e6)
_PROCESS = ("ms a process", 1e3)

_COMPILED_WAY = "whole way, with `fast` and the compiled part"
_BY_BUILDER = "the same by the builder, with quotas and exact sizes"

# Each row, and the arguments of the worker that measures it.
_OF_WORKERS = {
    Row(_COMPILED_WAY, "boto3", *_EVENT, Bar.times_less(6)): ("whole_way", COMPILED),
    Row(_COMPILED_WAY, "the limit, from plain values", *_EVENT, Bar.within(2)): (
        "limit_from_values",
        COMPILED,
    ),
    Row(_COMPILED_WAY, "the limit, from ready dicts", *_EVENT): (
        "limit_from_dicts",
        COMPILED,
    ),
    Row("whole way, with `fast`", "boto3", *_EVENT, Bar.times_less(3.4)): (
        "whole_way",
        PURE,
    ),
    Row("whole way, without `fast`", "boto3", *_EVENT, Bar.times_less(2.2)): (
        "whole_way",
        PURE,
        WITHOUT_FAST,
    ),
    Row("Kinesis, from typed events", "boto3, ready bytes", *_EVENT, Bar.within(1)): (
        "kinesis",
    ),
    Row("Firehose, from typed events", "boto3, ready bytes", *_EVENT, Bar.within(1)): (
        "firehose",
    ),
    Row("Kinesis, from typed events", "a ready body, signed", *_EVENT): ("bare",),
    Row(
        "construct, check, encode, with the compiled part",
        "pydantic",
        *_EVENT,
        Bar.within(0.35),
    ): ("encoding_by_model", COMPILED),
    Row(
        f"{_BY_BUILDER}, with the compiled part", "pydantic", *_EVENT, Bar.within(1.2)
    ): ("encoding_by_builder", COMPILED),
    Row("construct, check, encode", "pydantic", *_EVENT, Bar.within(1.2)): (
        "encoding_by_model",
        PURE,
    ),
    Row(_BY_BUILDER, "pydantic", *_EVENT, Bar.within(1.2)): (
        "encoding_by_builder",
        PURE,
    ),
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
    left_out = _left_out()
    for row in left_out:
        print(
            f"left out: {row.what}, against {row.peer}: {SPEEDUPS} is not installed",
            file=sys.stderr,
        )
    results = _measured(rounds, 2_000 if options.quick else building.MANY, left_out)
    print(f"{_machine()}; {rounds} rounds.\n")
    print(markdown(results))
    print(f"\n{building.memory_text()}")
    if options.quick:
        return 0
    return 0 if not left_out and all(result.holds for result in results) else 1


def _left_out() -> list[Row]:
    """Return the rows that need the compiled part, where it is not installed."""
    if speedups_version() is not None:
        return []
    return [row for row, arguments in _OF_WORKERS.items() if COMPILED in arguments]


def _measured(rounds: int, many: int, left_out: list[Row]) -> list[Result]:
    with ExitStack() as stack:
        measures = dict(_measures(stack, many, left_out))
        pairs: dict[Row, list[Pair]] = {row: [] for row in measures}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for row, measure in measures.items():
                pairs[row] += measure()
    return [Result.of(row, measured) for row, measured in pairs.items()]


def _measures(
    stack: ExitStack, many: int, left_out: list[Row]
) -> Iterator[tuple[Row, Callable[[], list[Pair]]]]:
    """Yield each row with what measures it once, ready and warm."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    configured = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    write_profile(configured)
    url = stack.enter_context(service())

    def of_worker(*arguments: str) -> Callable[[], list[Pair]]:
        return stack.enter_context(worker(home, *arguments)).round

    pairs = ("--pairs", str(_PAIRS))
    for row, arguments in _OF_WORKERS.items():
        if row not in left_out:
            yield row, of_worker(*arguments, "--url", url, *pairs)
    built = f"building {many:,} events", "1,000 at a time"
    many_of = "building", "--events", str(many)
    yield Row(*built, *_EVENT, Bar.within(1.3)), of_worker(*many_of, PURE)
    if not left_out:
        # No bar: what does not fit into the processor's cache takes as long as before,
        # and the rest less.
        what, peer = built
        row = Row(f"{what}, with the compiled part", peer, *_EVENT)
        yield row, of_worker(*many_of, COMPILED)
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
    names = ["attrs", "cattrs", "msgspec", "orjson", "boto3", "botocore", "pydantic"]
    if speedups_version() is not None:
        names.append(SPEEDUPS)
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores; {libraries}"
    )


if __name__ == "__main__":
    sys.exit(main())
