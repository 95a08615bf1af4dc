"""
How processes end that record: what the page `docs/exits.md` says, and how it is tested.

`ENDINGS` are the rows of the tables of that page. A test runs a process that ends in
one of these ways, and compares what arrives with the row.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final, NamedTuple

import pytest
from tests.aws import KEYS, aws
from tests.commands import environment, piped
from tests.samples import ROOT

from pinpoint_events import MemorySender, Recorder
from pinpoint_events.recorder import RecorderStats
from pinpoint_events.server import App, Credentials, Faults, create_app, served

__all__ = ["aws"]  # and all that is below

EVENTS: Final = 1_000
APPLICATION_ID: Final = "shop"
KEY: Final = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
SECONDS: Final = 60.0  # for anything to happen; nothing here takes so long
# Enough for every delivery that is to succeed, on a busy machine, too. An end that
# hangs takes so long.
AMPLE_EXIT_SECONDS: Final = 30.0
EXIT_SECONDS: Final = 2.0  # the default
CLOSE_SECONDS: Final = 10.0  # the default
# What a recorder may take beyond its bound, on a machine that is busy with other work
# for moments. Less than the bound itself: a wait that is twice as long is seen.
LATE_SECONDS: Final = 1.9
# Of the end of an interpreter, without what a recorder does, on such a machine.
SLACK_SECONDS: Final = 10.0

ALL: Final = "all"
NOTHING: Final = "nothing more"
PART: Final = "what is answered in time"
LOST: Final = "lost"
AT_ONCE: Final = "at once"
DEFAULT: Final = "`exit_seconds`, 2 s"
OF_EACH: Final = f"{DEFAULT}, of each"
CLOSES: Final = "10 s"
TIME_LEFT: Final = "the time left"
NO_END: Final = "-"


class Ending(NamedTuple):
    """
    A row of the page.

    Attributes:
        how: How the process ends.
        at_once: What of the waiting events is delivered by then.
        after: What is once the next process has the file.
        takes: How long the end takes at most.
    """

    how: str
    at_once: str
    after: str
    takes: str


FILE: Final = {
    "returns": Ending("returns, without `close()`", ALL, ALL, DEFAULT),
    "sys_exit": Ending("`sys.exit`", ALL, ALL, DEFAULT),
    "raises": Ending("an exception that nothing catches", ALL, ALL, DEFAULT),
    "interrupted": Ending("Ctrl-C (SIGINT)", ALL, ALL, DEFAULT),
    "terminated_handled": Ending(
        "SIGTERM, with a handler that calls `sys.exit`", ALL, ALL, DEFAULT
    ),
    "terminated": Ending("SIGTERM, without a handler", NOTHING, ALL, AT_ONCE),
    "os_exit": Ending("`os._exit`", NOTHING, ALL, AT_ONCE),
    "killed": Ending("`kill -9`", NOTHING, ALL, AT_ONCE),
    "forks_before": Ending(
        "`os.fork` before the first event; both processes record, and return",
        ALL,
        ALL,
        OF_EACH,
    ),
    "forks_after": Ending(
        "`os.fork` after it; both record, and return", ALL, ALL, OF_EACH
    ),
    "fork": Ending("a child of `multiprocessing` by fork", ALL, ALL, OF_EACH),
    "forkserver": Ending("... by forkserver", ALL, ALL, OF_EACH),
    "spawn": Ending("... by spawn", ALL, ALL, OF_EACH),
    "atexit_after": Ending(
        "events of an `atexit` handler that was registered after "
        "`from pinpoint_events import Recorder`, even if they are the first",
        ALL,
        ALL,
        DEFAULT,
    ),
    "atexit_before": Ending(
        "events of one that was registered before it", NOTHING, ALL, AT_ONCE
    ),
    "finalizer": Ending(
        "events of a `__del__` that runs at the end of the interpreter, if they are "
        "not the first",
        NOTHING,
        ALL,
        AT_ONCE,
    ),
    "away": Ending("the server is away", NOTHING, ALL, DEFAULT),
    "slow": Ending("the server answers after 400 ms", PART, ALL, DEFAULT),
    "frozen": Ending(
        "AWS Lambda freezes the process, and continues it later", ALL, ALL, NO_END
    ),
    "flushes": Ending(
        "a handler for AWS Lambda ends with `flush_in_time`", ALL, ALL, TIME_LEFT
    ),
    "gevent": Ending("a process that gevent has patched returns", ALL, ALL, DEFAULT),
    "gunicorn": Ending(
        "gunicorn with `preload_app` and two workers, SIGTERM", ALL, ALL, DEFAULT
    ),
    "uvicorn": Ending("uvicorn with two workers, SIGTERM", NOTHING, ALL, AT_ONCE),
    "uvicorn_lifespan": Ending(
        "... with `aclose()` in the application's lifespan", ALL, ALL, CLOSES
    ),
    "celery": Ending("Celery's prefork pool, SIGTERM", NOTHING, ALL, AT_ONCE),
    "celery_signal": Ending(
        "... with `close()` at its signal `worker_process_shutdown`", ALL, ALL, CLOSES
    ),
}
"""With a file, by the names of the tests."""

MEMORY: Final = {
    name: FILE[name]._replace(after=ALL if FILE[name].at_once == ALL else LOST)
    for name in (
        *("returns", "terminated", "os_exit", "killed", "forks_before", "forks_after"),
        *("fork", "forkserver", "spawn", "atexit_after", "atexit_before", "finalizer"),
        "away",
    )
}
"""With `spool=None`."""


# Exit codes that are not 0.
CODES: Final = {
    "sys_exit": 3,
    "raises": 1,
    "terminated": -signal.SIGTERM,
    "os_exit": 3,
    "killed": -signal.SIGKILL,
}
# Names of the processes that record, where there are several.
NAMES: Final = {
    "forks_before": ("parent", "child"),
    "forks_after": ("parent", "child", "later"),
    "fork": ("parent", "child"),
    "forkserver": ("parent", "child"),
    "spawn": ("parent", "child"),
}
# Those that run no exit function.
ABRUPT: Final = ("terminated", "os_exit", "killed")
# What `tests/recorder/ending.py` does by itself.
WAYS: Final = (
    *("returns", "sys_exit", "raises", "interrupted", "terminated_handled"),
    *("terminated", "os_exit", "killed", "forks_before", "forks_after"),
    *("fork", "forkserver", "spawn", "atexit_after", "atexit_before", "finalizer"),
)


class Ended(NamedTuple):
    """
    A process that has ended.

    Attributes:
        code: Its exit code; of a signal, the negative number.
        seconds: How long it took, since the first of its processes was about to end.
        waits: How long the recorder of each of its processes took of it; of those that
            run exit functions.
        said: What it wrote, but for when that was.
        err: What it wrote to standard error.
    """

    code: int
    seconds: float
    waits: list[float]
    said: list[str]
    err: str


class Endpoint(NamedTuple):
    """
    A PutEvents endpoint in this process.

    Attributes:
        app: The endpoint.
        url: Where it is.
        sender: Receives what is accepted.
    """

    app: App
    url: str
    sender: MemorySender

    @property
    def to(self) -> str:
        """The URL of its sender."""
        return to(self.url)

    @property
    def arrived(self) -> set[str]:
        """The ids of the events that were accepted."""
        return {event_id for _, event_id in self.sender.events}

    @property
    def doubles(self) -> int:
        """How many events were accepted again."""
        requests = self.sender.requests
        return sum(each.event_count for each in requests) - len(self.sender.events)


def to(url: str) -> str:
    """Return the URL of the sender to an endpoint."""
    return f"pinpoint://{APPLICATION_ID}?region=eu-west-1&endpoint_url={url}"


@contextmanager
def serving(*faults: Any) -> Iterator[Endpoint]:
    """Serve an endpoint within the block."""
    sender = MemorySender(application_id=APPLICATION_ID)
    app = create_app(sender, credentials=KEY, faults=Faults(faults))
    with served(app) as server:
        yield Endpoint(app, server.url, sender)


def settings(
    url: str, spool: Path | None, *, exit_seconds: float | None = AMPLE_EXIT_SECONDS
) -> dict[str, str]:
    """Return the environment of a process that records; None is the default."""
    return environment(
        **KEYS,
        TO=to(url),
        SPOOL="" if spool is None else str(spool),
        EXIT_SECONDS="" if exit_seconds is None else str(exit_seconds),
        # From version 3.12 on, Python warns of each fork beside a thread.
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )


@contextmanager
def started(
    way: str, env: dict[str, str], *command: str
) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that records and ends, and kill what is left of it."""
    program = command or (sys.executable, "-m", "tests.recorder.ending", way)
    with piped(program, env) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: "subprocess.Popen[str]") -> Ended:
    """Wait for the end of a process."""
    out, err = process.communicate(timeout=SECONDS)
    ended = time.monotonic()
    said = []
    began: dict[str, float] = {}
    waits: dict[str, float] = {}
    for line in out.splitlines():
        match line.split():
            case ["ends", pid, seconds]:
                began[pid] = float(seconds)
            case ["ended", pid, seconds] if pid in began:
                # A child by spawn says so twice: it runs all exit functions.
                waits[pid] = float(seconds) - began[pid]
            case ["ended", *_]:  # it does not record
                pass
            case _:
                said.append(line)
    return Ended(
        process.returncode,
        ended - min(began.values(), default=ended),
        list(waits.values()),
        said,
        err,
    )


def run(way: str, env: dict[str, str]) -> Ended:
    """Run a process that records and ends in a way, to its end."""
    with started(way, env) as process:
        return wait_for(process)


def recorded(*names: str) -> set[str]:
    """Return the ids of the events of the processes with these names."""
    return {f"{name}-{n}" for name in names for n in range(EVENTS)}


def next_process(endpoint: Endpoint, spool: Path) -> RecorderStats:
    """Deliver, in this process, what others left; return the books."""
    with Recorder(endpoint.to, spool=spool) as recorder:
        assert recorder.flush(SECONDS)
        return recorder.stats()


def until(is_so: Any, seconds: float = SECONDS) -> None:
    """
    Wait until something is so.

    Raises:
        AssertionError: If it never is.
    """
    deadline = time.monotonic() + seconds
    never = Event()
    while not is_so():
        assert time.monotonic() < deadline, "it never happens"
        never.wait(0.01)


@pytest.fixture(autouse=True)
def keys(aws: pytest.MonkeyPatch) -> None:
    """Set the endpoint's key in the environment, and remove all other settings."""
    for name, value in KEYS.items():
        aws.setenv(name, value)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Serve an endpoint without faults."""
    with serving() as found:
        yield found


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Return the path of a file that does not exist."""
    return tmp_path / "spool.db"


def delivered_of(ending: Ending, way: str) -> set[str]:
    """Return the ids of the events that are delivered by the end."""
    return {ALL: recorded(*names_of(way)), NOTHING: set[str]()}[ending.at_once]


def most_seconds(ending: Ending) -> float:
    """Return how long an end may take at most, in a test."""
    seconds = {
        AT_ONCE: 0.0,
        DEFAULT: EXIT_SECONDS,
        OF_EACH: 2 * EXIT_SECONDS,
        CLOSES: CLOSE_SECONDS,
    }
    return seconds[ending.takes] + SLACK_SECONDS


def check_waits(ended: Ended, way: str, seconds: float) -> None:
    """Check that the recorder of each process took no longer, and was measured."""
    expected = 0 if way in ABRUPT else 2 if way in NAMES else 1
    assert len(ended.waits) == expected
    assert all(each <= seconds + LATE_SECONDS for each in ended.waits)


def names_of(way: str) -> tuple[str, ...]:
    """Return the names of the processes that record."""
    return NAMES.get(way, ("parent",))


def check(ended: Ended, way: str) -> None:
    """Check exit code and standard error: a process writes no exception but its own."""
    if way == "interrupted":  # differs with the version of Python
        assert ended.code in {1, -signal.SIGINT}
    else:
        assert ended.code == CODES.get(way, 0), ended.err
    expected = {"raises": "LookupError: it fails", "interrupted": "KeyboardInterrupt"}
    last = ended.err.strip().splitlines()[-1:]
    assert last == ([expected[way]] if way in expected else []), ended.err


def nowhere() -> str:
    """Return a URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """Listen at a URL within the block, and answer nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def in_time(table: dict[str, Ending]) -> list[str]:
    """Return the ways of a table in which a recorder delivers at the end."""
    return [
        way for way in WAYS if way in table and table[way].takes in {DEFAULT, OF_EACH}
    ]


def rows(page: str) -> list[Ending]:
    """Return the rows of the tables of a page, without their heads."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]
    heads = {"delivered at once", "---"}
    return [Ending(*row) for row in cells if len(row) == 4 and row[1] not in heads]
