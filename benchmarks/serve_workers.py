"""
How much more two worker processes take than one: `python -m benchmarks.serve_workers`.

Both are the command itself, `pinpoint-events serve`, with `--workers 1` and with
`--workers 2`, each with signatures verified and its own SQLite store. They get the same
load, in turns: laps of signed requests of 100 events, each event a new row, over the
same number of connections. What counts is events a second by the clock. Afterwards the
rows in the stores are counted.

Two workers need two cores. Where other programs use them, the laps are short and go on
until enough pairs of laps were undisturbed: other programs took a tenth of a core at
most, by what the system says of all processes. The bar is the ratio of the medians of
these; if there are fewer than five, of all pairs, which other programs make smaller.

The load generator shares the machine's cores with the workers. So it makes the requests
before a lap's clock runs, and is one thread that writes them to sockets and reads the
answers as bytes. What it costs nevertheless is printed, as CPU seconds, along with
those of the endpoint's processes.

The exit status is 1 if the bar is missed, or if an event is lost or stored twice.
"""

import argparse
import os
import selectors
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.endpoint import signed_request, usage
from benchmarks.workload import EVENTS

BAR = 1.5
_MIN_QUIET = 5  # pairs
_MAX_OTHERS = 0.1  # cores; the system counts in hundredths of a second
_KEY = {
    "AWS_ACCESS_KEY_ID": "AKIDBENCHMARK",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-no-secret",
}
_COUNT = "SELECT count(*), count(DISTINCT event_id) FROM events"


class Endpoint(NamedTuple):
    """
    An endpoint that runs.

    Attributes:
        workers: How many worker processes serve it.
        url: Its URL.
        store: The file of its store.
        pids: All its processes.
    """

    workers: int
    url: str
    store: Path
    pids: Sequence[int]

    def cpu_seconds(self) -> float:
        """Return the CPU time that its processes have used so far."""
        return sum(usage(pid).seconds for pid in self.pids)


@contextmanager
def endpoint(workers: int, directory: Path) -> Iterator[Endpoint]:
    """Run the command with so many workers."""
    store = directory / f"events-{workers}.db"
    command = [sys.executable, "-m", "pinpoint_events", "serve", "--port", "0"]
    command += ["--to", f"sqlite:///{store.as_posix()}", "--workers", str(workers)]
    environment = {**os.environ, **_KEY}
    environment.pop("AWS_SESSION_TOKEN", None)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            yield Endpoint(workers, url, store, [process.pid, *children(process.pid)])
        finally:
            process.send_signal(signal.SIGTERM)


def children(pid: int) -> list[int]:
    """Return the child processes of a process; none where there is no `/proc`."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in found.read_text().split()] if found.exists() else []


class Connection:
    """
    A connection that sends one request after the other.

    Args:
        url: The endpoint.
    """

    def __init__(self, url: str) -> None:
        port = urlsplit(url).port
        assert port is not None
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A whole request fits in: no write waits for the endpoint.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._received = b""
        self._missing = 0

    def receive(self) -> bool:
        """Receive what has arrived; return whether that completes an answer."""
        part = self.socket.recv(1 << 16)
        assert part, "the endpoint has closed a connection"
        if not self._received:
            head, _, body = part.partition(b"\r\n\r\n")
            assert b" 202 " in head[:20], head
            _, _, length = head.partition(b"content-length: ")
            self._missing = int(length.split(b"\r\n")[0]) - len(body)
        else:
            self._missing -= len(part)
        self._received += part
        if self._missing:
            return False
        assert b'"StatusCode":4' not in self._received, self._received
        self._received = b""
        return True


def send(connections: Sequence[Connection], requests: Sequence[bytes]) -> None:
    """Send requests, one at a time over each connection, and read all answers."""
    waiting = iter(requests)
    with selectors.DefaultSelector() as selector:
        for each, request in zip(connections, waiting, strict=False):
            each.socket.sendall(request)
            selector.register(each.socket, selectors.EVENT_READ, each)
        while selector.get_map():
            for key, _ in selector.select():
                if not key.data.receive():
                    continue
                if (request_left := next(waiting, None)) is None:
                    selector.unregister(key.fileobj)
                else:
                    key.data.socket.sendall(request_left)


class Lap(NamedTuple):
    """
    One lap.

    Attributes:
        seconds: By the clock.
        endpoint_seconds: CPU time of the endpoint.
        load_seconds: CPU time of the load generator.
        other_seconds: CPU time of everything else on the machine.
    """

    seconds: float
    endpoint_seconds: float
    load_seconds: float
    other_seconds: float

    @property
    def is_undisturbed(self) -> bool:
        """Whether other programs left the cores to the endpoint and the load."""
        return self.other_seconds <= _MAX_OTHERS * self.seconds


class Pair(NamedTuple):
    """
    Two laps that follow each other, with the same load.

    Attributes:
        one: With one process.
        several: With several workers.
    """

    one: Lap
    several: Lap

    @property
    def is_undisturbed(self) -> bool:
        """Whether both laps are."""
        return self.one.is_undisturbed and self.several.is_undisturbed


def busy_seconds() -> float:
    """Return the CPU time that all programs have used so far; 0 if it is not known."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    numbers = stat.read_text().split("\n", 1)[0].split()[1:]
    ticks = dict(zip(names, map(int, numbers), strict=False))
    busy = sum(ticks.values()) - ticks["idle"] - ticks["iowait"]
    return float(busy / os.sysconf("SC_CLK_TCK"))


def lap(
    target: Endpoint, connections: Sequence[Connection], serials: Sequence[int]
) -> Lap:
    """Send one lap of requests."""
    requests = [signed_request(target.url, serial) for serial in serials]
    used, own, busy = target.cpu_seconds(), time.process_time(), busy_seconds()
    started = time.perf_counter()
    send(connections, requests)
    seconds = time.perf_counter() - started
    used, own = target.cpu_seconds() - used, time.process_time() - own
    return Lap(seconds, used, own, busy_seconds() - busy - used - own)


def show(workers: int, laps: Sequence[Lap], events: int) -> float:
    """
    Print what the laps of an endpoint come to; return its events a second.

    Args:
        workers: How many processes.
        laps: The laps that count.
        events: In each lap.
    """
    rate = statistics.median(events / each.seconds for each in laps)
    cores = statistics.median(each.endpoint_seconds / each.seconds for each in laps)
    cost = statistics.median(each.endpoint_seconds / events for each in laps)
    load = statistics.median(each.load_seconds / each.seconds for each in laps)
    print(
        f"--workers {workers}: {len(laps)} laps, {rate:,.0f} events/s by the clock; "
        f"the endpoint had {cores:.2f} cores, {cost * 1e6:.1f} us of CPU an event; the "
        f"load {load:.2f} cores"
    )
    return rate


def _is_whole(target: Endpoint, events: int) -> bool:
    with closing(sqlite3.connect(target.store)) as store:
        rows, ids = store.execute(_COUNT).fetchone()
    print(f"--workers {target.workers}: {events:,} events sent, {rows:,} stored")
    return bool(rows == ids == events)


def main() -> int:
    """Print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100, help="in each lap")
    parser.add_argument("--pairs", type=int, default=20, help="undisturbed ones")
    parser.add_argument("--laps", type=int, default=400, help="of each, at most")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets = [
            stack.enter_context(endpoint(workers, directory))
            for workers in (1, options.workers)
        ]
        opened = [
            [Connection(target.url) for _ in range(options.connections)]
            for target in targets
        ]
        for each in (each for connections in opened for each in connections):
            stack.callback(each.socket.close)

        def pair(number: int) -> Pair:
            first = number * options.requests
            serials = range(first, first + options.requests)
            one, several = map(lap, targets, opened, (serials, serials))
            return Pair(one, several)

        # Caches fill, and each endpoint of the workload is stored.
        warm_up = 200 // options.requests + 1
        for number in range(warm_up):
            pair(number)
        pairs: list[Pair] = []
        while (
            len(pairs) < options.laps
            and sum(each.is_undisturbed for each in pairs) < options.pairs
        ):
            pairs.append(pair(warm_up + len(pairs)))
        events = options.requests * EVENTS
        sent = (warm_up + len(pairs)) * events
        are_whole = not [each for each in targets if not _is_whole(each, sent)]
    quiet = [each for each in pairs if each.is_undisturbed]
    print(f"all {len(pairs)} pairs of laps:")
    ratio = compared(options.workers, pairs, events)
    if len(quiet) >= _MIN_QUIET:
        print(f"the {len(quiet)} pairs in which other programs took little:")
        ratio = compared(options.workers, quiet, events)
    else:
        print(f"only {len(quiet)} pairs were undisturbed, too few for a figure")
    holds = ratio >= BAR
    print(f"ratio {ratio:.2f}; bar {BAR}: {'holds' if holds else 'MISSED'}")
    return 0 if holds and are_whole else 1


def compared(workers: int, pairs: Sequence[Pair], events: int) -> float:
    """Print what pairs of laps come to; return the ratio of the events a second."""
    one = show(1, [each.one for each in pairs], events)
    several = show(workers, [each.several for each in pairs], events)
    print(f"ratio {several / one:.2f}")
    return several / one


if __name__ == "__main__":
    sys.exit(main())
