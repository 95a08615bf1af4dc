"""
The programs of the how-to pages, each with the server that its page starts it with.

Events go to `pinpoint-events serve`. The servers are installed by the group `interop`.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from tests.aws import KEYS
from tests.commands import environment, needs_posix, takes_long
from tests.interop.clients import missing
from tests.interop.serving import SECONDS, Endpoint, serving

from pinpoint_events import Recorder, RecorderStats

# gunicorn and Celery's processes are of POSIX.
pytestmark = [needs_posix, takes_long]

ROOT = Path(__file__).parents[2]
EVENTS = 40  # half of them before the first delivery, half right before the end
STARTED = r"Listening at: (http://\S+)|running on (http://\S+)|(celery@\S+ ready)"

# Runs in a process of its own, beside the worker.
DELAY = """
import sys
from shop import app, buy

app.conf.broker_transport_options = {"data_folder_out": "data_in"}
for n in range(int(sys.argv[1]), int(sys.argv[2])):
    buy.delay(f"o-{n}", "2026-11-23T09:00:00Z", f"user-{n % 5}", "A-1", 9.99)
"""
# AWS Lambda may end the process whenever no invocation is under way.
INVOKE = """
import json, os, signal
from shop import handler

class Context:
    def get_remaining_time_in_millis(self):
        return 30_000

for n in range(40):
    body = json.dumps({"user": f"user-{n % 5}", "sku": f"A-{n}", "price": 9.99})
    assert handler({"body": body}, Context())["statusCode"] == 201
os.kill(os.getpid(), signal.SIGKILL)
"""


PROGRAM = re.compile(r"`(\w+\.py)`:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^## Run it\n\n```shell\nexport .*\n(.*)\n```$", re.MULTILINE)


class Application:
    """
    The program of a page, in a directory of its own.

    Attributes:
        cwd: The directory.
        spool: Its file.
        command: What the page starts it with; empty if it is started by others.
    """

    def __init__(self, page: str, cwd: Path, url: str) -> None:
        self.cwd = cwd
        self.spool = cwd / "events-spool.db"
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
        program = PROGRAM.search(text)
        assert program
        (cwd / program[1]).write_text(program[2], encoding="utf-8")
        command = COMMAND.search(text)
        self.command = shlex.split(command[1]) if command else []
        self._to = (
            f"pinpoint://shop?region=eu-west-1&endpoint_url={quote(url, safe='')}"
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a module of this environment."""
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.cwd,
            encoding="utf-8",
            env=environment(
                **KEYS,
                BROKER_URL="filesystem://",
                EVENTS_SPOOL=str(self.spool),
                EVENTS_URL=self._to,
                PYTHONPATH=os.pathsep.join(sys.path),
                SECRET_KEY="any-secret",
            ),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *command: str) -> int:
        """Run a module of this environment to its end, and return its exit code."""
        with self.start(*command) as process:
            _, err = process.communicate(timeout=SECONDS)
        assert err == ""
        return process.returncode

    @contextmanager
    def serving(self, *command: str) -> Iterator[str]:
        """Run a server; at the end it gets SIGTERM, and has to end by itself."""
        with self.start(*command) as process, ExitStack() as stack:
            stack.callback(process.kill)
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                started = re.search(STARTED, line)
                if started:
                    break
            else:
                raise AssertionError("".join(lines))
            rest = threading.Thread(target=lines.extend, args=[process.stderr])
            rest.start()
            yield next(filter(None, started.groups()))
            process.terminate()
            code = process.wait(SECONDS)
            rest.join()
            # uvicorn ends itself by the signal that it was sent.
            assert code in {0, -15}, "".join(lines)
            assert "Traceback" not in "".join(lines)

    def stats(self) -> RecorderStats:
        """Return the books of the spool."""
        recorder = Recorder(self._to, spool=self.spool)
        try:
            return recorder.stats()
        finally:
            recorder.close()

    def wait_until(self, holds: Callable[[RecorderStats], bool]) -> None:
        """Wait until the books of the spool are as they should be."""
        end = time.monotonic() + SECONDS
        while not holds(self.stats()):
            assert time.monotonic() < end, self.stats()
            time.sleep(0.05)  # another process is awaited, which cannot tell

    def deliver_the_rest(self) -> None:
        """Do what the next start of the application does."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in KEYS.items():
                patch.setenv(name, value)
            with Recorder(self._to, spool=self.spool) as recorder:
                assert recorder.flush(SECONDS)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """An endpoint that the applications deliver to."""
    (tmp_path / "endpoint").mkdir()
    with serving(tmp_path / "endpoint") as found:
        yield found


@pytest.fixture
def make(tmp_path: Path, endpoint: Endpoint) -> Callable[[str], Application]:
    """Return what makes the application of a page."""
    return lambda page: Application(page, tmp_path, endpoint.url)


Make = Callable[[str], Application]


def check(application: Application, endpoint: Endpoint) -> None:
    """Assert that each event has arrived, once, and that the books balance."""
    stats = application.stats()
    assert stats == RecorderStats(recorded=EVENTS, delivered=EVENTS)
    stored = endpoint.stored("shop")
    assert len({event_id for _, event_id, _ in stored}) == len(stored) == EVENTS
    assert {event_type for *_, event_type in stored} == {"purchase"}
    of_users = [sum(user == f"user-{n}" for user, *_ in stored) for n in range(5)]
    assert of_users == [EVENTS // 5] * 5


def wait_for(url: str) -> None:
    """Wait until a worker accepts connections; uvicorn names its port before."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    end = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)  # another process is awaited, which cannot tell
        else:
            return


def buy(url: str, numbers: range) -> None:
    """Call the shop."""
    for number in numbers:
        bought = {"user": f"user-{number % 5}", "sku": f"A-{number}", "price": 9.99}
        request = urllib.request.Request(
            f"{url}/purchases",
            json.dumps(bought).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            assert answer.status == 201
            assert json.load(answer)["sku"] == f"A-{number}"


@pytest.mark.parametrize(
    "framework, anywhere",
    [
        ("flask", "--bind=127.0.0.1:0"),
        ("django", "--bind=127.0.0.1:0"),
        ("fastapi", "--port=0"),
    ],
)
def test_web_application(
    make: Make, endpoint: Endpoint, framework: str, anywhere: str
) -> None:
    """It delivers while it runs, and loses nothing when it is stopped."""
    application = make(f"use-with-{framework}")
    server, *options = application.command
    for name in (framework, server):
        if find_spec(name) is None:
            missing(f"NO {name.upper()}: install the dependency group `interop`")
    with application.serving(server, anywhere, *options) as url:
        wait_for(url)
        buy(url, range(EVENTS // 2))
        application.wait_until(lambda stats: stats.delivered == EVENTS // 2)
        buy(url, range(EVENTS // 2, EVENTS))
    stats = application.stats()
    assert stats.balances
    assert stats.recorded == EVENTS
    application.deliver_the_rest()
    check(application, endpoint)


def test_celery(make: Make, endpoint: Endpoint) -> None:
    """So does a worker with several processes."""
    if find_spec("celery") is None:
        missing("NO CELERY: install the dependency group `interop`")
    application = make("use-with-celery")
    for name in ("data_in", "data_out"):
        (application.cwd / name).mkdir()
    (application.cwd / "delay.py").write_text(DELAY, encoding="utf-8")
    with application.serving(*application.command, "--loglevel=INFO"):
        assert application.run("delay", "0", str(EVENTS // 2)) == 0
        application.wait_until(lambda stats: stats.delivered == EVENTS // 2)
        assert application.run("delay", str(EVENTS // 2), str(EVENTS)) == 0
        application.wait_until(lambda stats: stats.recorded == EVENTS)
    assert application.stats().balances
    application.deliver_the_rest()
    check(application, endpoint)


def test_script(make: Make, endpoint: Endpoint) -> None:
    """All is delivered when it ends, and a second run changes nothing."""
    application = make("use-in-a-script")
    lines = [
        f"o-{n},2026-11-23T09:00:{n:02}Z,user-{n % 5},A-{n},9.99" for n in range(EVENTS)
    ]
    text = "\n".join(["id,time,user,sku,price", *lines])
    (application.cwd / "orders.csv").write_text(text, encoding="utf-8")
    assert application.command == ["python", "report_orders.py", "orders.csv"]
    assert application.run("report_orders", "orders.csv") == 0
    check(application, endpoint)
    before = endpoint.stored("shop")
    assert application.run("report_orders", "orders.csv") == 0
    assert application.stats() == RecorderStats(
        recorded=2 * EVENTS, delivered=2 * EVENTS
    )
    assert endpoint.stored("shop") == before


def test_script_without_spool(make: Make) -> None:
    """What is in memory only when it ends is lost, and it says so."""
    application = make("use-in-a-script")
    program = application.cwd / "report_orders.py"
    text = program.read_text(encoding="utf-8")
    program.write_text(
        text.replace("timeout=60", "timeout=0")
        .replace('os.environ["EVENTS_URL"]', "lambda: None")
        .replace("on_rejected", "flush_seconds=9, on_rejected"),
        encoding="utf-8",
    )
    (application.cwd / "orders.csv").write_text(
        "id,time,user,sku,price\no-1,2026-11-23T09:00:00Z,user-1,A-1,1\n",
        encoding="utf-8",
    )
    application.spool.with_name("events-spool.db-wal").mkdir()
    with application.start("report_orders", "orders.csv") as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "1 events are lost: io"


def test_lambda(make: Make, endpoint: Endpoint) -> None:
    """All is delivered when the handler returns; the process may end at once."""
    application = make("use-with-aws-lambda")
    (application.cwd / "invoke.py").write_text(INVOKE, encoding="utf-8")
    assert application.run("invoke") == -9
    check(application, endpoint)
