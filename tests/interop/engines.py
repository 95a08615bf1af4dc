"""
Servers of Kinesis, Firehose and S3 that others wrote, each as a program on loopback.

None of them is the real service: what each gets right and wrong was measured, and tests
use an engine only for what it gets right. Where they are found:

- `PINPOINT_EVENTS_MOTO` and `PINPOINT_EVENTS_MINISTACK` name the executables
  `moto_server` and `ministack`, each in a separate virtual environment, because both
  pin a botocore;
- kinesalite and kinesis-local are in the same `node_modules` as AWS SDK for JavaScript.

Tests of an engine that is missing are skipped; with `PINPOINT_EVENTS_INTEROP=required`,
as in CI, they fail.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from tests.commands import environment
from tests.interop.clients import missing, node_modules

__all__ = ["ENGINES", "KEY", "REGION", "Engine", "running"]

REGION: Final = "us-east-1"
KEY: Final = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

_SECONDS: Final = 60  # until it listens; it takes one
_POLL_SECONDS: Final = 0.02
_STARTS: Final = 5  # another program may take the port that was free


class _Program(NamedTuple):
    """How an engine is started."""

    command: Sequence[str]
    settings: Mapping[str, str]
    cwd: Path


class Engine:
    """
    A program that serves.

    Attributes:
        name: Which engine.
        port: Where it listens.
        url: The URL.
    """

    def __init__(self, name: str, cwd: Path) -> None:
        self.name = name
        self.port = 0
        self._log = cwd / f"{name}.log"
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, **config: Any) -> Any:
        """Return boto3's client of a service, which sends each call once."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=KEY.access_key,
            aws_secret_access_key=KEY.secret_key,
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                **config,
            ),
        )

    def start(self, port: int = 0) -> None:
        """Start it at a port, or at one that is free, and wait until it listens."""
        for _ in range(_STARTS):
            self.port = port or _free_port()
            program = _PROGRAMS[self.name](self.port, self._cwd)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    program.command,
                    cwd=program.cwd,
                    env=environment(**program.settings),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if self._listens(self._process):
                return
            self.kill()
        raise AssertionError(f"{self.name} did not start:\n{self._log.read_text()}")

    def _listens(self, process: "subprocess.Popen[bytes]") -> bool:
        """Return whether it accepts a connection before it ends."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                pass
            else:
                return process.poll() is None
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return False
        return False

    def kill(self) -> None:
        """Kill it, as a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def _moto(port: int, cwd: Path) -> _Program:
    executable = _executable("MOTO", "moto_server")
    return _Program([executable, "-H", "127.0.0.1", "-p", str(port)], {}, cwd)


def _ministack(port: int, cwd: Path) -> _Program:
    executable = _executable("MINISTACK", "ministack")
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "HOME": str(cwd)}
    return _Program([executable], settings, cwd)


def _executable(variable: str, name: str) -> str:
    found = os.environ.get(f"PINPOINT_EVENTS_{variable}")
    if not found:
        missing(
            f"NO {variable}: install it into a separate virtual environment, and set "
            f"PINPOINT_EVENTS_{variable} to its `{name}`"
        )
    return found


def _kinesalite(port: int, cwd: Path) -> _Program:
    script = _package("kinesalite") / "cli.js"
    options = ("--port", str(port), "--path", str(cwd / "kinesalite"))
    durations = ("--createStreamMs", "5", "--updateStreamMs", "5")
    more = ("--deleteStreamMs", "5", "--shardLimit", "100000")
    return _Program([_node(), str(script), *options, *durations, *more], {}, cwd)


def _kinesis_local(port: int, cwd: Path) -> _Program:
    settings = {
        "CREATE_STREAM_DURATION": "5ms",
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(_free_port()),
        "LOG_LEVEL": "ERROR",
        "MERGE_SHARDS_DURATION": "5ms",
        "SHARD_LIMIT": "100000",
        "SPLIT_SHARD_DURATION": "5ms",
    }
    # It reads its certificate from the working directory.
    return _Program([_node(), "main.js"], settings, _package("kinesis-local"))


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        missing("NO NODE: install Node.js 20 or newer")
    return found


def _package(name: str) -> Path:
    found = node_modules() / name
    if not found.is_dir():
        missing(
            f"NO {name.upper()}: run `npm ci` in tests/interop/js, or set "
            "PINPOINT_EVENTS_NODE_MODULES to where it is installed"
        )
    return found


_PROGRAMS: Final = {
    "kinesalite": _kinesalite,
    "kinesis-local": _kinesis_local,
    "ministack": _ministack,
    "moto": _moto,
}
ENGINES: Final = tuple(_PROGRAMS)


@contextmanager
def running(name: str, cwd: Path) -> Iterator[Engine]:
    """Run an engine within the block; skip or fail the test without it."""
    engine = Engine(name, cwd)
    try:
        engine.start()
        yield engine
    finally:
        engine.kill()
