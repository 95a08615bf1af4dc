"""
How many events a second the endpoint takes: `python -m benchmarks.endpoint`.

The endpoint is the command itself, `pinpoint-events serve`, in a separate process,
with signatures verified and an SQLite store behind it. Where there is `taskset`, it has
one core to itself and this load generator another. The load of a round is made before
its clock runs: signed requests of 100 events, as bytes, each with other event ids,
so that every event is a new row. They are sent over sockets that stay open to the end.
Afterwards the rows in the store are counted.

With `--kinesis`, it is a gateway: events are sent to a local substitute for Kinesis,
which shares the core of the load generator.

What counts is the processor time that the endpoint's process takes for an event: the
events that one core takes in a second are its inverse. Before and after each round, a
piece of plain Python is timed on the endpoint's core, too: it tells how fast that core
is in the moment. Where others share the machine, that changes by half, many times in a
second; so rounds are short, and what counts is the median of those in which the core
ran at 90 % of its best, or more, before and after.

With `--compare`, two endpoints take rounds in turns, each with a separate store: one
with the compiled part, and one without it (`PINPOINT_EVENTS_PURE=1`). Both rounds of a
pair meet about the same core, so all pairs count: by the median of their ratios, as a
median of one side may be of a faster core than that of the other. The exit status is 1
if it is over the bar.
"""

import argparse
import json
import math
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.service import service
from benchmarks.workload import EVENTS, built, values
from pinpoint_events import to_wire

_KEY = ("AKIDBENCHMARK", "a-secret-that-is-no-secret")
_PATH = "/v1/apps/benchmark/events"
_PREFIX = b"(serial)-"
_FULL_SPEED = 0.9
_WARM_UP = 200  # requests: each endpoint twice
_MAX_RATIO = 0.85  # of the processor time with the compiled part to that without it


class Usage(NamedTuple):
    """What a process has used so far."""

    seconds: float
    resident_bytes: int


def usage(pid: int) -> Usage:
    """Return what Linux says of a process; zeros elsewhere."""
    process = Path(f"/proc/{pid}")
    threads = [*process.glob("task/*/schedstat")]  # which count in nanoseconds
    if not threads:
        return Usage(0.0, 0)
    spent = sum(int(thread.read_text().split()[0]) for thread in threads)
    pages = int((process / "statm").read_text().split()[1])
    return Usage(spent / 1e9, pages * os.sysconf("SC_PAGE_SIZE"))


def _on_core(core: int) -> list[str]:
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        return []
    return ["taskset", "-c", str(core)]


def _stay_on(core: int) -> None:
    if _on_core(core):
        os.sched_setaffinity(0, {core})


@contextmanager
def endpoint(
    to: str, *, core: int, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, int]]:
    """Run the endpoint, and yield its URL and process id."""
    command = [sys.executable, "-m", "pinpoint_events", "serve", "--port", "0"]
    command += ["--to", to]
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": _KEY[0],
        "AWS_SECRET_ACCESS_KEY": _KEY[1],
        **variables,
    }
    environment.pop("AWS_SESSION_TOKEN", None)
    with subprocess.Popen(
        [*_on_core(core), *command], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


@cache
def _body(batch: int) -> bytes:
    """Return the body of a request, whose event ids begin with the prefix."""
    wire = to_wire(built(values(batch)).build())
    for each in wire["BatchItem"].values():
        each["Events"] = {
            f"{_PREFIX.decode()}{event_id[9:]}": event
            for event_id, event in each["Events"].items()
        }
    return json.dumps(wire).encode()


def signed_request(url: str, serial: int) -> bytes:
    """Return a whole signed request of 100 events that no one has sent before."""
    body = _body(serial % 100).replace(_PREFIX, b"%08x-" % serial)
    headers = {"Content-Type": "application/json", "User-Agent": "Boto3/1.44.5"}
    request = AWSRequest("POST", url + _PATH, headers=headers, data=body)
    SigV4Auth(Credentials(*_KEY), "mobiletargeting", "us-east-1").add_auth(request)
    lines = [f"POST {_PATH} HTTP/1.1", f"host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class Clients:
    """
    Connections to the endpoint, each with a separate thread.

    Args:
        url: The endpoint.
        count: How many.
    """

    def __init__(self, url: str, count: int) -> None:
        port = urlsplit(url).port
        assert port is not None
        with ExitStack() as stack:
            self._threads = stack.enter_context(ThreadPoolExecutor(count))
            self._connections = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(count)
            ]
            for each in self._connections:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self._open.close()

    def send(self, requests: Sequence[bytes]) -> float:
        """Send requests over all of them, and return the seconds it took."""
        started = time.perf_counter()
        count = len(self._connections)
        parts = [requests[start::count] for start in range(count)]
        for _ in self._threads.map(send, self._connections, parts):
            pass  # what went wrong there is raised here
        return time.perf_counter() - started


def send(connection: socket.socket, requests: Sequence[bytes]) -> None:
    """Send requests one after the other over one connection."""
    with connection.makefile("rb") as stream:
        for request in requests:
            connection.sendall(request)
            status = stream.readline()
            assert b" 202 " in status, status
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answer = stream.read(length)
            assert b'"StatusCode":4' not in answer, answer


def speed() -> float:
    """Return how often the endpoint's core does a piece of plain Python in a second."""
    _stay_on(1)
    started = time.process_time()
    sum(number for number in range(200_000))
    ended = time.process_time()
    _stay_on(0)
    return 1 / (ended - started)


class Round(NamedTuple):
    """What one round has shown."""

    microseconds: float
    seconds: float
    speed: float
    resident_bytes: int


class Endpoint:
    """
    A running endpoint, and the clients that load it.

    Args:
        stack: Ends both.
        to: Where the endpoint sends events to.
        connections: How many clients.
        variables: Environment variables of the endpoint.

    Attributes:
        url: Its URL.
        sent: How many requests were sent to it.
        rounds: What its rounds have shown.
    """

    def __init__(
        self, stack: ExitStack, to: str, connections: int, **variables: str
    ) -> None:
        running = endpoint(to, core=1, variables=variables)
        self.url, self._pid = stack.enter_context(running)
        self._clients = stack.enter_context(Clients(self.url, connections))
        self.sent = 0
        self.rounds: list[Round] = []
        self._clients.send(self._next(_WARM_UP))

    def _next(self, count: int) -> Sequence[bytes]:
        first = self.sent
        self.sent += count
        return [signed_request(self.url, first + number) for number in range(count)]

    def run_round(self, count: int) -> None:
        """Send one round of requests."""
        requests = self._next(count)
        before = speed()
        start = usage(self._pid)
        seconds = self._clients.send(requests)
        end = usage(self._pid)
        slower = min(before, speed())
        spent = (end.seconds - start.seconds) / (count * EVENTS) * 1e6
        self.rounds.append(Round(spent, seconds, slower, end.resident_bytes))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20, help="in each round")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--connections", type=int, default=4)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--kinesis", action="store_true", help="as a gateway")
    chosen.add_argument(
        "--compare", action="store_true", help="with the compiled part and without it"
    )
    options = parser.parse_args()
    _stay_on(0)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.compare:
            sys.exit(compare(stack, directory, options))
        store = directory / "events.db"
        to = f"sqlite:///{store.as_posix()}"
        if options.kinesis:
            stand_in = stack.enter_context(service())
            to = f"kinesis://benchmark?region=us-east-1&endpoint_url={stand_in}"
        with ExitStack() as inner:
            measured = Endpoint(inner, to, options.connections)
            scheme = to.partition(":")[0]
            print(f"{measured.url}, requests of {EVENTS} events, signed, to {scheme}")
            for _ in range(options.rounds):
                measured.run_round(options.requests)
        stored = None if options.kinesis else _count(store)
    show(measured.rounds, options.requests * EVENTS)
    sent = measured.sent * EVENTS
    print(f"{sent:,} events sent", "" if stored is None else f"{stored:,} stored")


def compare(stack: ExitStack, directory: Path, options: argparse.Namespace) -> int:
    """Print the figures with the compiled part and without it; return the status."""
    with_it, without_it = (
        Endpoint(
            stack,
            f"sqlite:///{(directory / name).as_posix()}.db",
            options.connections,
            PINPOINT_EVENTS_PURE=pure,
        )
        for name, pure in (("compiled", ""), ("pure", "1"))
    )
    for number in range(options.rounds):
        pair = [with_it, without_it]
        for each in reversed(pair) if number % 2 else pair:
            each.run_round(options.requests)
    for name, each in (("with", with_it), ("without", without_it)):
        median = statistics.median(one.microseconds for one in each.rounds)
        rate = f"{1e6 / median:,.0f}" if median else "unknown"  # Linux alone tells it
        print(f"{name} the compiled part: {median:.1f} us an event, {rate} events/s")
    ratios = [
        one.microseconds / other.microseconds if other.microseconds else math.inf
        for one, other in zip(with_it.rounds, without_it.rounds, strict=True)
    ]
    ratio = statistics.median(ratios)
    is_held = ratio <= _MAX_RATIO
    print(
        f"median of the ratios of {len(ratios)} pairs: {ratio:.2f}, at most "
        f"{_MAX_RATIO}: {'holds' if is_held else 'does not hold'}"
    )
    return 0 if is_held else 1


def _count(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events")
    return int(count)


def show(rounds: Sequence[Round], events: int) -> None:
    """Print the rounds, each of so many events, and what they come to."""
    best_speed = max(each.speed for each in rounds)
    for each in rounds[:: max(1, len(rounds) // 20)]:
        print(
            f"{each.microseconds:5.1f} us of processor time an event, "
            f"{events / each.seconds:>7,.0f} events/s by the clock, "
            f"resident {each.resident_bytes / 1e6:.1f} MB, "
            f"core at {each.speed / best_speed:.0%} of its best"
        )
    last = rounds[-len(rounds) // 4 :]  # by then, the store is at its largest
    for name, chosen in (
        ("undisturbed", _undisturbed(rounds, best_speed)),
        ("undisturbed, in the last quarter", _undisturbed(last, best_speed)),
        ("all", rounds),
    ):
        value = statistics.median([each.microseconds for each in chosen] or [0.0])
        if value:  # Linux alone tells it
            print(
                f"{name}, {len(chosen)} rounds: {value:.1f} us an event, "
                f"{1e6 / value:,.0f} events/s on one core"
            )


def _undisturbed(rounds: Sequence[Round], best_speed: float) -> Sequence[Round]:
    return [each for each in rounds if each.speed > _FULL_SPEED * best_speed]


if __name__ == "__main__":
    main()
