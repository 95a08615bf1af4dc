"""
Processes that record are killed at random, and no event is lost.

The processes share one spool, and send to an endpoint with faults: calls that fail,
events that are rejected, and answers that are lost after all is accepted. One of them
after the other is killed by SIGKILL, and another begins. At last one process delivers
what is left. By then each fault was used, and events have arrived again.

Run `python -m tests.recorder.crashes --kills 100 --seed 1` for more of it.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

import attrs
from tests.aws import KEYS
from tests.commands import environment
from tests.recorder.endings import APPLICATION_ID, KEY, to, until
from tests.samples import ROOT

from pinpoint_events import EventsRequest, EventsResponse, SqliteSender
from pinpoint_events.server import (
    Cut,
    DropIds,
    DropRecord,
    FailCall,
    FailItem,
    FailRecord,
    Fault,
    Faults,
    Kinesis,
    Reshard,
    ShardLimits,
    create_app,
    served,
)
from pinpoint_events.server._active_faults import PUT_EVENTS, CallFaults

ROLES: Final = ("writer", "writer", "deliverer")
LONGEST_LIFE_SECONDS: Final = 1.2  # of a process, until the next one is killed
END_SECONDS: Final = 150.0
STREAM: Final = "events"
ID: Final = "event_id"
# Each fault has a number up to this one. Each run has so many calls, and more events.
EARLY: Final = 8
# Of calls, or of events: one in so many has a fault of a kind.
RARE: Final = 25
QUITE_RARE: Final = 100
VERY_RARE: Final = 2_000


@attrs.define
class Destination:
    """
    What the processes send to.

    Attributes:
        to: The URL of its sender.
        arrived: Returns how often each event arrived, by its id.
        script: Its faults.
        rejects: Whether it rejects some events.
    """

    to: str
    arrived: Callable[[], Counter[str]]
    script: "Script"
    rejects: bool = False


class Script(Faults):
    """
    Faults that count how often each was used.

    Attributes:
        calls: How many calls there were.
        used: How many calls, or items, had a fault, by the description of the fault.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.calls = 0
        self.used: Counter[str] = Counter(dict.fromkeys(map(described, faults), 0))
        self._used_lock = Lock()  # items are counted in several threads

    def next_call(
        self, now: datetime, operation: str = PUT_EVENTS, *, puts_records: bool = False
    ) -> CallFaults:
        """Count the faults that apply to a call."""
        found = super().next_call(now, operation, puts_records=puts_records)
        self.calls += 1
        self._count(found.fail_call, found.cut, *found.put.faults)
        return found

    def next_items(
        self, items: Iterable[tuple[str, str | None]]
    ) -> tuple[dict[tuple[str, str | None], FailItem], set[tuple[str, str | None]]]:
        """Count the faults that apply to items."""
        failed, dropped = super().next_items(items)
        (drops,) = (each for each in self.active if isinstance(each, DropIds))
        self._count(*failed.values(), *[drops] * len(dropped))
        return failed, dropped

    def _count(self, *faults: Fault | None) -> None:
        with self._used_lock:
            self.used.update(described(each) for each in faults if each is not None)


def described(fault: Fault) -> str:
    """Return a fault as text, without its numbers."""
    shown = ("status", "status_code", "where", "is_taken", "position", "positions")
    values = [getattr(fault, name) for name in shown if hasattr(fault, name)]
    return " ".join(map(str, [type(fault).__name__, *values]))


class CountingSender(SqliteSender):
    """Counts how often each event is accepted; the store has it once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, application_id=APPLICATION_ID)
        self.counts: Counter[str] = Counter()

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Count the events of a request that is stored."""
        response = super().put_events(request)
        self.counts.update(event_id for _, event_id, _ in request.events())
        return response


@contextmanager
def store(rng: random.Random, directory: Path) -> Iterator[Destination]:
    """Serve PutEvents, with faults, into an SQLite file."""
    early = early_numbers(rng)
    script = Script(
        [
            FailCall(status=429, calls=numbers(rng, early)),
            FailCall(status=500, calls=numbers(rng, early)),
            Cut(where="before", is_taken=True, calls=numbers(rng, early)),
            Cut(where="before", is_taken=False, calls=numbers(rng, early)),
            Cut(where="inside", is_taken=True, calls=numbers(rng, early)),
            FailItem(status_code=503, items=numbers(rng, early, VERY_RARE)),
            FailItem(status_code=400, items=range(20, 4_000, QUITE_RARE)),
            DropIds(items=numbers(rng, early, VERY_RARE)),
        ]
    )
    with CountingSender(directory / "events.db") as sender:
        app = create_app(sender, credentials=KEY, faults=script)

        def arrived() -> Counter[str]:
            with closing(sqlite3.connect(directory / "events.db")) as connection:
                rows = connection.execute(
                    "SELECT event_id, count(*) FROM events GROUP BY event_id"
                ).fetchall()
            # An event that arrives again is found by its id, and stored once.
            assert {count for _, count in rows} <= {1}
            assert {event_id for event_id, _ in rows} == sender.counts.keys()
            return sender.counts

        with served(app) as server:
            yield Destination(to(server.url), arrived, script, rejects=True)


@contextmanager
def stream(rng: random.Random, _: Path) -> Iterator[Destination]:
    """Serve Kinesis, with faults."""
    early = early_numbers(rng)
    # In position 1, as a call may have one record only.
    script = Script(
        [
            FailCall(status=500, calls=numbers(rng, early)),
            Cut(where="before", is_taken=True, calls=numbers(rng, early)),
            Cut(where="before", is_taken=False, calls=numbers(rng, early)),
            FailRecord(positions=[1, 3], calls=numbers(rng, early)),
            DropRecord(positions=[1, 2], calls=numbers(rng, early)),
            Reshard(position=1, calls=[next(early)]),
            Reshard(position=2, calls=numbers(rng, early, 4 * RARE)),
        ]
    )
    kinesis = Kinesis(
        limits=ShardLimits(records_per_second=None, bytes_per_second=None)
    )
    kinesis.create_stream(STREAM)
    app = create_app(kinesis=kinesis, credentials=KEY, faults=script)

    def arrived() -> Counter[str]:
        records = kinesis.records(STREAM)
        return Counter(json.loads(each.data)["attributes"][ID] for each in records)

    with served(app) as server:
        query = f"region=eu-west-1&endpoint_url={server.url}&event_id_attribute={ID}"
        yield Destination(f"kinesis://{STREAM}?{query}", arrived, script)


def early_numbers(rng: random.Random) -> Iterator[int]:
    """Return low numbers in any order, for one fault each: one hides another."""
    return iter(rng.sample(range(1, EARLY + 1), EARLY))


def numbers(rng: random.Random, early: Iterator[int], one_in: int = RARE) -> list[int]:
    """Return numbers of calls, or of events, that have a fault; a low one, too."""
    most = 4_000 * one_in // RARE
    return [next(early), *rng.sample(range(one_in, most), most // one_in)]


DESTINATIONS: Final = {"store": store, "stream": stream}


@attrs.define
class Crashes:
    """
    Processes that share a spool.

    Attributes:
        failures: What was promised and not kept.
    """

    directory: Path
    rng: random.Random
    destination: Destination
    show: Callable[[str], None]
    failures: list[str] = attrs.field(factory=list)
    _started: int = 0

    @property
    def _spool(self) -> Path:
        return self.directory / "spool.db"

    def run(self, kills: int) -> None:
        """Kill processes, let the last ones end in the usual way, and deliver."""
        with ExitStack() as stack:
            processes = [self._start(stack, role) for role in ROLES]
            for _ in range(kills):
                place = self.rng.randrange(len(processes))
                try:
                    processes[place].wait(self.rng.uniform(0, LONGEST_LIFE_SECONDS))
                except subprocess.TimeoutExpired:
                    processes[place].kill()
                    processes[place].wait()
                    processes[place] = self._start(stack, ROLES[place])
                else:
                    self.failures.append(f"a process has ended:\n{self._log()}")
                    return
            # Those that are left go on until each fault had its turn.
            until(lambda: self.destination.script.calls >= EARLY)
            for each in processes:
                assert each.stdin is not None
                each.stdin.close()
            codes = [each.wait(END_SECONDS) for each in processes]
        if any(codes) or self._log():
            self.failures.append(f"processes have ended with {codes}:\n{self._log()}")

    def _start(self, stack: ExitStack, role: str) -> "subprocess.Popen[bytes]":
        self._started += 1
        name = f"p{self._started}"
        seed = str(self.rng.random())
        process = stack.enter_context(
            subprocess.Popen(
                [*self._command(role), name, seed, str(self.directory / f"{name}.ack")],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stderr=stack.enter_context((self.directory / "log").open("ab")),
            )
        )
        stack.callback(process.kill)
        return process

    @staticmethod
    def _command(role: str) -> list[str]:
        return [sys.executable, "-m", "tests.recorder.crash_writer", role]

    def _environment(self) -> dict[str, str]:
        return environment(**KEYS, TO=self.destination.to, SPOOL=str(self._spool))

    def _log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8")

    def last(self) -> dict[str, Any]:
        """Let a last process deliver what is left; return its books."""
        ran = subprocess.run(
            self._command("last"),
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=END_SECONDS,
            check=True,
        )
        books: dict[str, Any] = json.loads(ran.stdout)
        return books

    def check(self, books: dict[str, Any]) -> None:
        """Compare what was acknowledged, what arrived, and the books."""
        destination = self.destination
        arrived = destination.arrived()
        acked = {
            line
            for path in self.directory.glob("*.ack")
            for line in path.read_text(encoding="utf-8").splitlines()
        }
        pending, rejected = self._rows()
        ended = arrived.keys() | set(rejected)
        doubles = sum(count - 1 for count in arrived.values())
        self.show(
            f"{self._started} processes; {len(acked)} events acknowledged, "
            f"{books['recorded']} recorded, {len(arrived)} arrived, {doubles} of them "
            f"again, {len(rejected)} were rejected; {books}"
        )
        script = destination.script
        self.show(f"{script.calls} calls; faults used: {dict(script.used)}")
        facts = {
            "no acknowledged event is lost": acked <= ended,
            "some were acknowledged": bool(acked),
            "no more were acknowledged than recorded": len(acked) <= books["recorded"],
            "each recorded event has arrived, or was rejected": len(ended)
            == books["recorded"],
            "each was rejected once": len(rejected) == len(set(rejected)),
            "some were, where some are": bool(rejected) == destination.rejects,
            "the books balance": books["recorded"]
            == sum(books[n] for n in ("delivered", "rejected", "dropped", "pending")),
            "the rows are as the books say": (pending, len(rejected))
            == (books["pending"], books["rejected"]),
            "nothing is left": books["is_done"] and books["pending"] == 0,
            "nothing was dropped": books["dropped"] == 0,
            "the file could be used": books["spool_error"] is None,
            "some have arrived again": doubles > 0,
            **{f"{fault} was used": n > 0 for fault, n in script.used.items()},
        }
        self.failures += [
            f"not so: {fact}" for fact, is_so in facts.items() if not is_so
        ]
        if lost := sorted(acked - ended):
            self.failures.append(f"{len(lost)} lost events, such as {lost[:3]}")

    def _rows(self) -> tuple[int, list[str]]:
        """Return how many items wait, and the ids of those that were rejected."""
        with closing(sqlite3.connect(self._spool)) as connection:
            (pending,) = connection.execute(
                "SELECT count(*) FROM item WHERE NOT is_settled"
            ).fetchone()
            rejected = connection.execute("SELECT event_id FROM dead_letter").fetchall()
        return pending, [event_id for (event_id,) in rejected]


def crash(
    name: str, kills: int, seed: int, directory: Path, show: Callable[[str], None]
) -> list[str]:
    """Kill processes that send to a destination; return what was not kept."""
    rng = random.Random(f"{name} {seed}")
    show(f"{name}: seed {seed}, {kills} kills")
    with DESTINATIONS[name](rng, directory) as destination:
        crashes = Crashes(directory, rng, destination, show)
        crashes.run(kills)
        crashes.check(crashes.last())
    return [f"{name}, seed {seed}: {failure}" for failure in crashes.failures]


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorder.crashes")
    parser.add_argument("--kills", type=int, default=100, help="of each destination")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args(arguments)
    failures = []
    for name in DESTINATIONS:
        with tempfile.TemporaryDirectory() as directory:
            failures += crash(name, options.kills, options.seed, Path(directory), say)
    say("\n".join(failures) or "nothing was lost")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
