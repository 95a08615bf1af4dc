"""What is delivered when servers stop that run an application in several processes."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.commands import takes_long
from tests.interop.clients import missing
from tests.recorder.endings import (
    ALL,
    AMPLE_EXIT_SECONDS,
    EVENTS,
    FILE,
    NOTHING,
    SECONDS,
    Endpoint,
    aws,
    endpoint,
    keys,
    most_seconds,
    next_process,
    recorded,
    settings,
    spool,
    started,
    until,
    wait_for,
)
from tests.samples import ROOT

__all__ = ["aws", "endpoint", "keys", "spool"]

pytestmark = takes_long

EVENTS_EACH = 50  # of a request or task
SERVER_SECONDS = 10.0  # to stop, without a recorder; Celery takes up to seven
PATCHED = """
from gevent import monkey
monkey.patch_all()
import runpy
runpy.run_module("tests.recorder.ending", run_name="__main__", alter_sys=True)
"""
GUNICORN = (
    *("-m", "gunicorn", "tests.interop.recording_app:wsgi", "--preload"),
    *("--workers", "2", "--bind", "127.0.0.1:0"),
)
UVICORN = (
    *("-m", "uvicorn", "tests.interop.recording_app:asgi"),
    *("--workers", "2", "--port", "0"),
)
CELERY = (
    *("-m", "celery", "--app", "tests.interop.recording_tasks", "worker"),
    *("--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


@contextmanager
def running(
    log: Path, env: dict[str, str], *command: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server with its log in a file; kill what is left of it."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=env, stdout=file, stderr=file
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def call(log: Path) -> int:
    """Let both processes of a server record; return how many events they did."""
    until(lambda: port_in(log) and is_listening(port_in(log)))
    pids: set[bytes] = set()
    number = 0
    while len(pids) < 2 or number < EVENTS:
        assert number < 100 * EVENTS, "only one process answers"
        url = f"http://127.0.0.1:{port_in(log)}/?first={number}"
        with urlopen(url, timeout=SECONDS) as answer:
            pids.add(answer.read())
        number += EVENTS_EACH
    return number


def port_in(log: Path) -> int:
    """Return the port that a server has written into its log; 0 before that."""
    found = re.findall(r"http://127\.0\.0\.1:(\d+)", log.read_text())
    return int(found[0]) if found else 0


def is_listening(port: int) -> bool:
    """Return whether connections are accepted: uvicorn says so too early."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def stop(process: "subprocess.Popen[bytes]") -> float:
    """Stop a server as a process manager does; return how many seconds it takes."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(SECONDS)
    return time.monotonic() - started


def check(
    name: str, endpoint: Endpoint, spool: Path, count: int, seconds: float
) -> None:
    """Compare the end with the row of the page; let the next process deliver."""
    assert seconds <= most_seconds(FILE[name]) + SERVER_SECONDS
    everything = {f"web-{number}" for number in range(count)}
    at_once = {ALL: everything, NOTHING: set[str]()}[FILE[name].at_once]
    assert endpoint.arrived == at_once
    stats = next_process(endpoint, spool)
    assert endpoint.arrived == everything
    assert endpoint.doubles == 0
    assert (stats.recorded, stats.delivered) == (count, count)


def needs(package: str) -> None:
    """Skip a test for want of a server, or fail it."""
    if find_spec(package) is None:
        missing(f"NO {package.upper()}: install the dependency group `interop`")


class TestGevent:
    """A process in which gevent has patched the standard library."""

    def test_returns(self, endpoint: Endpoint, spool: Path) -> None:
        """A thread that is a greenlet delivers all at the end."""
        needs("gevent")
        command = sys.executable, "-c", PATCHED, "returns"
        with started("returns", settings(endpoint.url, spool), *command) as process:
            ended = wait_for(process)
        assert (ended.code, ended.err) == (0, "")
        assert FILE["gevent"].at_once == ALL
        assert ended.seconds <= most_seconds(FILE["gevent"])
        assert endpoint.arrived == recorded("parent")
        next_process(endpoint, spool)
        assert endpoint.doubles == 0


class TestGunicorn:
    """A recorder that is made before gunicorn forks its workers."""

    def test_sigterm(self, endpoint: Endpoint, spool: Path, tmp_path: Path) -> None:
        """The worker that has the claim delivers what both have recorded."""
        needs("gunicorn")
        log = tmp_path / "log"
        with running(log, settings(endpoint.url, spool), *GUNICORN) as process:
            count = call(log)
            assert endpoint.arrived == set()
            seconds = stop(process)
        check("gunicorn", endpoint, spool, count, seconds)


class TestUvicorn:
    """A recorder in each worker of uvicorn."""

    @pytest.mark.parametrize("name", ["uvicorn", "uvicorn_lifespan"])
    def test_sigterm(
        self, name: str, endpoint: Endpoint, spool: Path, tmp_path: Path
    ) -> None:
        """Its workers die of SIGTERM in the end, so that a lifespan has to deliver."""
        log = tmp_path / "log"
        env = settings(endpoint.url, spool)
        if name == "uvicorn_lifespan":
            env["CLOSE_SECONDS"] = str(AMPLE_EXIT_SECONDS)
        with running(log, env, *UVICORN) as process:
            count = call(log)
            assert endpoint.arrived == set()
            seconds = stop(process)
        check(name, endpoint, spool, count, seconds)


class TestCelery:
    """A recorder in each process of Celery's prefork pool."""

    @pytest.mark.parametrize("name", ["celery", "celery_signal"])
    def test_sigterm(
        self, name: str, endpoint: Endpoint, spool: Path, tmp_path: Path
    ) -> None:
        """Its processes leave by `os._exit`, so that a signal of its has to deliver."""
        needs("celery")
        broker = tmp_path / "broker"
        broker.mkdir()
        env = {**settings(endpoint.url, spool), "BROKER": str(broker)}
        if name == "celery_signal":
            env["CLOSE_SECONDS"] = str(AMPLE_EXIT_SECONDS)
        with running(tmp_path / "log", env, *CELERY) as process:
            sending = [sys.executable, "-m", "tests.interop.recording_tasks"]
            subprocess.run(sending, cwd=ROOT, env=env, timeout=SECONDS, check=True)
            until(lambda: rows_in(spool) == EVENTS)
            assert endpoint.arrived == set()
            seconds = stop(process)
        check(name, endpoint, spool, EVENTS, seconds)


def rows_in(spool: Path) -> int:
    """Return how many events wait in a file."""
    with closing(sqlite3.connect(spool)) as connection:
        count: int = connection.execute("SELECT count(*) FROM item").fetchone()[0]
    return count
