"""
What of the recorded events arrives: a table of trackers and situations.

Each cell is an application in a process of its own, with a server of its own. After it
has ended, another process of the same application starts, sends what it finds, and
ends. Only a tracker with a file can find anything.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import Final, NamedTuple

from benchmarks.environment import KEYS, ROOT, environment
from benchmarks.recorders.program import HANGS
from benchmarks.recorders.server import Server, free_port, server, url_of
from benchmarks.recorders.trackers import DURABLE
from benchmarks.table import lines

_PATIENCE_SECONDS: Final = 5.0  # between SIGTERM and SIGKILL
_HEAD_START_SECONDS: Final = 5.0  # for the one that was started before


class Situation(NamedTuple):
    """
    What happens to an application after it has recorded.

    Attributes:
        title: The head of its column.
        act: What it does (`program`).
        share: What part of the events it records.
        runs: How often it is run. At the exit of some trackers, what arrives depends
            on how far a thread has come.
        delay_seconds: How long the server waits before each answer.
        away_seconds: For how long after the recording the server is away; infinite if
            it comes back after the application has ended.
        stays_seconds: How long the application goes on before it exits.
    """

    title: str
    act: str
    share: float = 1.0
    runs: int = 1
    delay_seconds: float = 0.0
    away_seconds: float = 0.0
    stays_seconds: float = 0.0

    def events_of(self, events: int) -> int:
        """Return how many it records where others record so many."""
        return max(1, round(events * self.share))

    @property
    def waits(self) -> bool:
        """Whether an application mostly waits, so that several may run at once."""
        return bool(self.delay_seconds or self.away_seconds)


_UNTIL_EXIT: Final = float("inf")
_NEXT: Final = Situation("the next process", "flush")

SITUATIONS: Final = (
    Situation("exit without flush", "exit", runs=3),
    Situation("SIGTERM", "sigterm", runs=3),
    Situation("flush in a forked child, tracker used before", "fork", share=0.1),
    Situation("exit, answers take 400 ms", "exit", delay_seconds=0.4),
    Situation(
        "server away for 3 s, exit after 15 s",
        "exit",
        away_seconds=3,
        stays_seconds=15,
    ),
    Situation("server away until the exit", "exit", away_seconds=_UNTIL_EXIT),
)

QUICK: Final = tuple(  # each once, and none in which an application mostly waits
    situation._replace(runs=1) for situation in SITUATIONS if not situation.waits
)


class Outcome(NamedTuple):
    """
    What arrived.

    Attributes:
        at_once: How many different events before the application had ended.
        later: How many after the next process had ended.
        repeats: How many arrived once more.
        raised: How many calls raised an error.
        note: How the application was ended, if by force.
    """

    at_once: int
    later: int
    repeats: int
    raised: int
    note: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say."""
        notes = (
            f"{self.repeats:,} twice" if self.repeats else "",
            f"{self.raised:,} calls raise" if self.raised else "",
            self.note,
        )
        return tuple(filter(None, notes))


def cell(arrived: Sequence[int], outcomes: Sequence[Outcome]) -> str:
    """
    Return the text of a cell.

    Args:
        arrived: How many arrived in each run.
        outcomes: The outcomes of the runs.
    """
    least, most = min(arrived), max(arrived)
    number = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    notes = dict.fromkeys(note for outcome in outcomes for note in outcome.notes)
    return ", ".join([number, *notes])


class Application(NamedTuple):
    """
    How the applications of one tracker are started.

    Attributes:
        python: The interpreter of the environment that has it.
        tracker: Its name.
        limit_seconds: When one that does not end is ended by force.
    """

    python: Path
    tracker: str
    limit_seconds: float

    def outcome(self, situation: Situation, events: int) -> Outcome:
        """Run it in a situation, with so many events to record."""
        port = free_port()
        running = Server(port)
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            home = Path(directory)

            def serve() -> None:
                stack.enter_context(server(port, situation.delay_seconds))

            if not situation.away_seconds:
                serve()
            with self._started(home, port, situation, events) as process:
                words = self._first_line(process, home)
                if 0 < situation.away_seconds < _UNTIL_EXIT:
                    time.sleep(situation.away_seconds)
                    serve()
                note = self._ended(process)
            if situation.away_seconds == _UNTIL_EXIT:
                serve()
            at_once = running.settled_counts()
            with self._started(home, port, _NEXT, 0) as process:
                self._first_line(process, home)
                self._ended(process)
            counts = running.settled_counts()
        if not words:
            note = f"still recording after {self.limit_seconds:g} s"
        return Outcome(
            at_once.events,
            counts.events,
            counts.repeats,
            events - int(words[0]) if words else 0,
            HANGS if HANGS in words else note,
        )

    def _first_line(self, process: "subprocess.Popen[str]", home: Path) -> list[str]:
        """Return its words; none if the process was ended by force before it."""
        assert process.stdout is not None
        timer = Timer(self.limit_seconds, process.terminate)
        timer.start()
        try:
            words = process.stdout.readline().split()
        finally:
            timer.cancel()
        if not words and process.wait() != -signal.SIGTERM:
            errors = _errors(home).read_text().strip().splitlines()
            raise RuntimeError(f"{self.tracker}: {errors[-1] if errors else 'failed'}")
        return words

    def _ended(self, process: "subprocess.Popen[str]") -> str:
        """Wait for its end; return a note if it was ended by force."""
        try:
            process.wait(self.limit_seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_SECONDS)
            process.kill()
            return f"ended by force after {self.limit_seconds:g} s"
        return ""

    @contextmanager
    def _started(
        self, home: Path, port: int, situation: Situation, events: int
    ) -> Iterator["subprocess.Popen[str]"]:
        with (
            _errors(home).open("w") as errors,
            subprocess.Popen(
                [
                    str(self.python),
                    *("-m", "benchmarks.recorders.program", situation.act),
                    *("--tracker", self.tracker),
                    *("--url", url_of(port)),
                    *("--spool", str(home / "spool.db")),
                    *("--events", str(events)),
                    *("--stays-seconds", str(situation.stays_seconds)),
                ],
                cwd=ROOT,
                env=variables(home),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()


def variables(home: Path) -> dict[str, str]:
    """Return the environment of all trackers: keys, and no proxy."""
    settings = environment(home, KEYS)
    return {
        name: text for name, text in settings.items() if "proxy" not in name.lower()
    }


def _errors(home: Path) -> Path:
    return home / "errors.txt"


def table(
    applications: Sequence[Application],
    events: int,
    situations: Sequence[Situation] = SITUATIONS,
) -> tuple[str, bool]:
    """
    Run all applications in all situations.

    Args:
        applications: One of each tracker.
        events: How many events each records.
        situations: The columns.

    Returns:
        The table, and whether all events of the recorder with a file arrived.
    """
    hold = True
    columns = [_column(applications, situation, events) for situation in situations]
    rows: list[tuple[str, ...]] = []
    for application, *outcomes in zip(applications, *columns, strict=True):
        name = application.tracker
        # What the next process sends again is told in its row.
        firsts = [[run._replace(repeats=0) for run in runs] for runs in outcomes]
        at_once = [cell([run.at_once for run in runs], runs) for runs in firsts]
        later = [cell([run.later for run in runs], runs) for runs in outcomes]
        if name == DURABLE:
            hold = all(
                run.later == situation.events_of(events)
                for situation, runs in zip(situations, outcomes, strict=True)
                for run in runs
            )
            rows += [
                (f"{name}: at once", *at_once),
                (f"{name}: after the next process", *later),
            ]
        else:
            rows.append((name, *later))
    heads = [
        f"{situation.title} ({situation.events_of(events):,})"
        for situation in situations
    ]
    return lines(["tracker", *heads], ["---", *["---"] * len(heads)], rows), hold


def _column(
    applications: Sequence[Application], situation: Situation, events: int
) -> list[list[Outcome]]:
    """Return the outcomes of the runs of each application."""
    print(f"losses: {situation.title}", file=sys.stderr)
    events = situation.events_of(events)
    with ThreadPoolExecutor(len(applications)) as pool:
        columns = []
        for application in applications:
            columns.append(pool.submit(_outcomes, application, situation, events))
            # One after the other, but for those that only wait: what arrives within
            # the second or two that some give themselves depends on the load.
            wait(columns[-1:], _HEAD_START_SECONDS if situation.waits else None)
        return [column.result() for column in columns]


def _outcomes(
    application: Application, situation: Situation, events: int
) -> list[Outcome]:
    return [application.outcome(situation, events) for _ in range(situation.runs)]
