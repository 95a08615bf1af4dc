"""Several processes that serve one endpoint, and the parent that keeps them running."""

import asyncio
import errno
import json
import os
import re
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
import pytest
from tests.commands import COMMAND, environment, needs_posix, takes_long
from tests.sender_contract import needs_fork
from tests.server.clients import (
    ONE,
    SECONDS,
    Got,
    answer,
    batch_item,
    connected,
    post,
    request,
    rest,
)

from pinpoint_events import MemorySender
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import Served, create_app
from pinpoint_events.server._connection_shares import ConnectionShares
from pinpoint_events.server.listening import listener
from pinpoint_events.server.running import WorkerPlace, run
from pinpoint_events.server.worker_processes import (
    Ended,
    RestartPauses,
    Work,
    supervise,
)

HEALTH = request(method="GET", path="/healthz")


def refuses(port: int) -> bool:
    """Return whether no one listens there any more."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return True
    return False


class TestShares:
    """Processes leave connections to those that have fewer."""

    @pytest.fixture
    def shares(self) -> Iterator[ConnectionShares]:
        """Those of three processes."""
        shares = ConnectionShares(3)
        yield shares
        shares.close()

    @pytest.mark.parametrize(
        "own, others, is_larger",
        [
            (0, (None, None), False),
            (1, (None, None), False),
            (1, (1, None), False),
            (2, (1, None), True),
            (2, (1, 2), True),
            (1, (2, 2), False),
            (17, (16, 17), False),
            (18, (16, 18), True),
        ],
    )
    def test_compared(
        self,
        shares: ConnectionShares,
        own: int,
        others: Sequence[int | None],
        *,
        is_larger: bool,
    ) -> None:
        """Those that do not accept, not yet or no more, are left out."""
        for index, count in enumerate(others, 1):
            shares.of(index).publish(9)
            shares.of(index).leave()
            if count is not None:
                shares.of(index).publish(count)
        shares.of(0).publish(own)
        assert shares.of(0).is_larger is is_larger

    def test_left_in_vain(self, shares: ConnectionShares) -> None:
        """What no other process takes is taken, with all that arrived meanwhile."""
        shares.of(0).publish(5)
        shares.of(1).publish(0)

        async def accept(sock: socket.socket) -> list[socket.socket]:
            share = shares.of(0)
            return [await share.accept(sock) for _ in range(3)]

        with listener("127.0.0.1", 0) as sock, ExitStack() as stack:
            sock.settimeout(0)
            for _ in range(3):
                stack.enter_context(socket.create_connection(sock.getsockname()))
            for each in asyncio.run(accept(sock)):
                stack.enter_context(each)

    def test_taken_by_another(self, shares: ConnectionShares) -> None:
        """Where another process was faster, the next connection is waited for."""
        shares.of(0).publish(0)

        async def accept(sock: socket.socket, stack: ExitStack) -> None:
            loop = asyncio.get_running_loop()
            accepting = loop.create_task(shares.of(0).accept(sock))
            await asyncio.sleep(0)
            address = sock.getsockname()
            # Within one turn of the loop: there is one, and it has gone.
            stack.enter_context(socket.create_connection(address))
            loop.call_soon(lambda: stack.enter_context(sock.accept()[0]))
            for _ in range(10):
                await asyncio.sleep(0)
            stack.enter_context(socket.create_connection(address))
            stack.enter_context(await accepting)

        with listener("127.0.0.1", 0) as sock, ExitStack() as stack:
            sock.settimeout(0)
            asyncio.run(accept(sock, stack))


class TestPlace:
    """An endpoint that is served in the place of a worker."""

    def test_parent_ends(self) -> None:
        """The end of the parent counts as SIGTERM; the share shows the connections."""
        shares = ConnectionShares(2)
        read, write = os.pipe()
        app = create_app(MemorySender(), credentials=None)
        seen: list[tuple[int, ...]] = []

        def numbers() -> tuple[int, ...]:
            return tuple(shares._numbers)  # what another process sees

        def started(url: str) -> None:
            seen.append(numbers())

            def use() -> None:
                server = Served(app, url)
                with connected(server) as one, connected(server) as two:
                    for each in (one, two):
                        each.sendall(HEALTH)
                        assert answer(each).status == 200
                    seen.append(numbers())
                    os.close(write)
                    assert rest(one) == b""

            threading.Thread(target=use).start()

        with listener("127.0.0.1", 0) as sock:
            place = WorkerPlace(shares.of(1), read)
            number = run(app, sock, started=started, place=place)
        os.close(read)
        assert number == signal.SIGTERM
        assert [*seen, numbers()] == [(-1, -1), (-1, 2), (-1, -1)]
        shares.close()

    def test_gone_clients(self) -> None:
        """Clients that have gone count for nothing."""
        shares = ConnectionShares(1)
        read, write = os.pipe()
        app = create_app(MemorySender(), credentials=None)

        def started(url: str) -> None:
            def use() -> None:
                server = Served(app, url)
                with connected(server) as one:
                    linger = struct.pack("ii", 1, 0)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                for _ in range(5):
                    with connected(server):
                        pass
                with connected(server) as last:
                    last.sendall(HEALTH)
                    assert answer(last).status == 200
                    while shares._numbers[0] != 1:
                        pass
                os.kill(os.getpid(), signal.SIGINT)

            threading.Thread(target=use).start()

        with listener("127.0.0.1", 0) as sock:
            place = WorkerPlace(shares.of(0), read)
            assert run(app, sock, started=started, place=place) == signal.SIGINT
        # A parent that ends later changes nothing.
        os.close(write)
        os.close(read)
        shares.close()


class TestPauses:
    """Workers that end soon are started again later and later."""

    def test_grow(self) -> None:
        """Pauses double up to half a minute; a worker that lived begins anew."""
        pauses = RestartPauses()
        assert [pauses.after(0, 1.0) for _ in range(11)] == [
            *(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6),
            *(30.0, 30.0),
        ]
        assert pauses.after(1, 1.0) == 0.1
        assert pauses.after(0, 10.0) == 0.1
        assert pauses.after(0, 9.9) == 0.2


@attrs.define(eq=False)
class Parent:
    """
    This process as a parent of workers, which write lines into a pipe.

    Attributes:
        lines: What they wrote.
        reports: What was logged in this process: message and details.
    """

    lines: IO[str]
    _write: int
    reports: list[tuple[str, dict[str, object]]] = attrs.field(factory=list)

    def tell(self, *words: object) -> None:
        """Write a line; in a worker."""
        os.write(self._write, f"{' '.join(map(str, words))}\n".encode())

    def report(self, _: int, message: str, details: Mapping[str, object]) -> None:
        """Note what is logged."""
        prefix = len("pinpoint_events.")
        found = {name[prefix:]: value for name, value in details.items()}
        self.reports.append((message, found))
        if message == "worker process failed":  # in a worker
            self.tell("failed", *found.values())

    def supervise(
        self,
        work: Work,
        count: int = 2,
        *,
        started: Callable[[], None] = lambda: None,
        stop_seconds: float = SECONDS,
        fork: Callable[[], int] | None = None,
    ) -> Ended:
        """Run workers until a signal comes."""
        with listener("127.0.0.1", 0) as sock:
            return supervise(
                work,
                count,
                sock,
                started=started,
                report=self.report,
                stop_seconds=stop_seconds,
                fork=fork,
            )

    @property
    def pauses(self) -> list[object]:
        """The pauses before workers were started again."""
        return [
            details["pause_seconds"]
            for message, details in self.reports
            if message == "worker process ended; starting another"
        ]


@contextmanager
def acting(act: Callable[[], None]) -> Iterator[None]:
    """Act in a thread, and then send SIGTERM to this process."""

    def work() -> None:
        try:
            act()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(SECONDS)


@needs_fork
# From Python 3.12 on: this process has threads. The parent of `serve` has none.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
class TestSupervise:
    """A parent keeps its workers running, until a signal comes."""

    @pytest.fixture
    def parent(self) -> Iterator[Parent]:
        """This process."""
        before = [
            signal.getsignal(each)
            for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
        ]
        read, write = os.pipe()
        with os.fdopen(read, encoding="utf-8") as lines:
            yield Parent(lines, write)
            os.close(write)
        after = [
            signal.getsignal(each)
            for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
        ]
        assert after == before
        assert signal.set_wakeup_fd(-1) == -1
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, 0)  # there is none

    def test_no_file_handles(
        self, parent: Parent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To wait needs none: it goes on when the system has none left."""

        def no_handle(*_: object) -> None:
            raise OSError(errno.ENFILE, "Too many open files in system")

        def work(place: WorkerPlace, started: Callable[[], None]) -> None:
            started()
            parent.tell(os.getpid())
            os.read(place.parent, 1)

        def act() -> None:
            for _ in range(2):
                parent.lines.readline()

        for name in ("epoll", "kqueue", "devpoll"):
            monkeypatch.setattr(select, name, no_handle, raising=False)
        with acting(act):
            assert parent.supervise(work) == (signal.SIGTERM, True)

    def test_keeps_running(self, parent: Parent) -> None:
        """A worker that is killed is replaced; all end when the parent does."""

        def work(place: WorkerPlace, started: Callable[[], None]) -> None:
            started()
            parent.tell(os.getpid())
            os.read(place.parent, 1)
            parent.tell("ended")

        def act() -> None:
            pids = [int(parent.lines.readline()) for _ in range(2)]
            os.kill(pids[0], signal.SIGKILL)
            assert int(parent.lines.readline()) not in pids

        with acting(act):
            ended = parent.supervise(work)
        assert ended == (signal.SIGTERM, True)
        assert [parent.lines.readline() for _ in range(2)] == ["ended\n"] * 2
        (_, details) = next(each for each in parent.reports if "reason" in each[1])
        assert details["reason"] == "signal 9"
        accepting = [each for each in parent.reports if each[1].keys() == {"pid"}]
        assert [message for message, _ in accepting] == [
            "worker process accepts connections"
        ] * 3

    def test_ends_again_and_again(self, parent: Parent) -> None:
        """Pauses grow, and a signal ends them."""

        def fork() -> int:
            if len(parent.pauses) == 3:
                raise OSError(errno.EAGAIN, "no room for a process")
            return os.fork()

        def report(level: int, message: str, details: Mapping[str, object]) -> None:
            Parent.report(parent, level, message, details)
            if message == "worker process cannot be started; trying again":
                os.kill(os.getpid(), signal.SIGTERM)

        with listener("127.0.0.1", 0) as sock:
            ended = supervise(
                lambda _, started: started(),
                1,
                sock,
                started=lambda: None,
                report=report,
                stop_seconds=SECONDS,
                fork=fork,
            )
        assert ended == (signal.SIGTERM, True)
        assert parent.pauses == [0.1, 0.2, 0.4]
        assert parent.reports[-1] == (
            "worker process cannot be started; trying again",
            {"problem": "no room for a process"},
        )

    def test_fails_at_start(self, parent: Parent) -> None:
        """A worker that ends before all accept connections ends all, with an error."""

        def work(place: WorkerPlace, started: Callable[[], None]) -> None:
            # One fails, the other one waits.
            if place.share._index == 0:
                raise LookupError
            started()
            os.read(place.parent, 1)

        with pytest.raises(ConfigurationError) as raised:
            parent.supervise(work)
        assert str(raised.value) == (
            "a worker process has ended before it accepted calls: exit code 255; the "
            "lines above may say why"
        )
        assert parent.lines.readline().startswith("failed unexpected LookupError")

    def test_cannot_start(self, parent: Parent) -> None:
        """Where there cannot be so many processes, those that there are end."""
        forks: list[int] = []

        def work(place: WorkerPlace, started: Callable[[], None]) -> None:
            started()
            os.read(place.parent, 1)

        def fork() -> int:
            if forks:
                raise OSError(errno.EAGAIN, "no room for a process")
            forks.append(os.fork())
            return forks[0]

        with pytest.raises(ConfigurationError) as raised:
            parent.supervise(work, fork=fork)
        assert str(raised.value) == (
            "cannot start 2 worker processes: no room for a process; start fewer"
        )

    def test_signal_at_start(self, parent: Parent) -> None:
        """A signal that comes before all accept connections ends them."""
        are_started: list[bool] = []

        def work(place: WorkerPlace, _: Callable[[], None]) -> None:
            parent.tell("there")
            os.read(place.parent, 1)

        def act() -> None:
            parent.lines.readline()

        with acting(act):
            ended = parent.supervise(work, started=lambda: are_started.append(True))
        assert ended == (signal.SIGTERM, True)
        assert are_started == []

    def test_untold(self, parent: Parent) -> None:
        """Where the URL cannot be told, all end, with the error."""

        def work(place: WorkerPlace, started: Callable[[], None]) -> None:
            started()
            os.read(place.parent, 1)

        def fail() -> None:
            raise RuntimeError("standard output is closed")

        with pytest.raises(RuntimeError, match="standard output is closed"):
            parent.supervise(work, started=fail)

    def test_stuck(self, parent: Parent) -> None:
        """A worker that does not end in time is killed, and counts as incomplete."""

        def work(_: WorkerPlace, started: Callable[[], None]) -> None:
            signal.alarm(30)  # if nothing else ends it
            started()
            parent.tell("there")
            while True:
                signal.pause()

        def act() -> None:
            parent.lines.readline()

        with acting(act):
            ended = parent.supervise(work, 1, stop_seconds=0.2)
        assert ended == (signal.SIGTERM, False)
        message, _ = parent.reports[-1]
        assert message == "worker process killed, as its time to end was over"


# --- The command ----------------------------------------------------------------------

_ACCEPTS = re.compile(r"worker process accepts connections pid=(\d+)\n")


@attrs.define(eq=False)
class Serving:
    """
    The command with two workers.

    Attributes:
        process: The parent.
        url: What it has printed.
        log: The lines of its standard error that no one has taken.
    """

    process: "subprocess.Popen[str]"
    url: str
    log: list[str] = attrs.field(factory=list)

    @property
    def server(self) -> Any:
        """Where it is, for clients."""
        return Served(None, self.url)  # type: ignore[arg-type] # none here

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def line(self, pattern: "re.Pattern[str]") -> "re.Match[str]":
        """Take the first line from the log that matches; wait for it if needed."""
        assert self.process.stderr is not None
        for index, line in enumerate(self.log):
            if found := pattern.search(line):
                del self.log[index]
                return found
        for line in self.process.stderr:
            if found := pattern.search(line):
                return found
            self.log.append(line)
        raise AssertionError(self.log)

    def pid_of(self, got: Got) -> int:
        """Return the process id of the worker that has answered."""
        request_id = re.escape(got.headers["x-amzn-requestid"])
        pattern = rf" (\d+) INFO answered .* request_id='{request_id}'"
        return int(self.line(re.compile(pattern))[1])

    def workers(self, count: int = 2) -> list[int]:
        """Return the process ids of the workers that started since the last call."""
        return [int(self.line(_ACCEPTS)[1]) for _ in range(count)]

    def client_of_each(
        self, pids: Sequence[int], stack: ExitStack
    ) -> dict[int, socket.socket]:
        """Return a client of each worker, by process id."""
        found: dict[int, socket.socket] = {}
        # On a busy machine, a worker may get more than its share.
        while not found.keys() >= {*pids}:
            client = stack.enter_context(self.connected())
            client.sendall(HEALTH)
            found[self.pid_of(answer(client))] = client
        return found

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Open a connection."""
        if self.url.startswith("http:"):
            with connected(self.server) as client:
                yield client
            return
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SECONDS)
            client.connect(self.url.removeprefix("unix:"))
            yield client

    def end(self) -> tuple[int, str]:
        """Wait until no process is left; return exit code and output after the URL."""
        assert self.process.stderr is not None
        # The workers have the other ends of both pipes, too.
        out, err = self.process.communicate(timeout=SECONDS)
        self.log += err.splitlines(keepends=True)
        return self.process.returncode, out


@contextmanager
def serving(
    cwd: Path,
    *more: str,
    place: Sequence[str] = ("--port", "0"),
    pass_fds: Sequence[int] = (),
) -> Iterator[Serving]:
    """Run the command with two workers, in a separate process group."""
    with subprocess.Popen(
        [*COMMAND, "serve", *place, "--workers=2", "--no-auth", "--verbose", *more],
        cwd=cwd,
        pass_fds=pass_fds,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Serving(process, process.stdout.readline().strip())
        finally:
            process.kill()  # the workers notice


@contextmanager
def locked(store: Path) -> Iterator[sqlite3.Connection]:
    """Keep writers of a store waiting."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def one(name: str) -> bytes:
    """Return a call with one event, whose id is given."""
    event = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00.123Z"}
    return request(json.dumps(batch_item(e={name: event})).encode())


def stored(store: Path) -> list[str]:
    """Return the ids of all stored events, sorted."""
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT event_id FROM events ORDER BY event_id")
        return [event_id for (event_id,) in rows]


@contextmanager
def open_calls(
    running: Serving, store: Path
) -> Iterator[tuple[list[socket.socket], Callable[[], None]]]:
    """Yield clients, one of each worker, whose calls wait, and what ends the wait."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(running.server)) for _ in range(2)]
        for each in clients:  # each is accepted, and has read nothing of a call
            each.sendall(HEALTH)
            assert answer(each).status == 200
        lock = stack.enter_context(locked(store))
        for name, each in zip("ab", clients, strict=True):
            each.sendall(one(name))
        yield clients, lock.close


@needs_posix
@needs_fork
class TestCommand:
    """`serve --workers 2`, briefly."""

    def test_both_serve(self, tmp_path: Path) -> None:
        """Two connections are served by two processes; SIGTERM ends all."""
        with serving(tmp_path) as running:
            pids = running.workers()
            with ExitStack() as stack:
                clients = running.client_of_each(pids, stack)
                for name, pid in zip("12", pids, strict=True):
                    clients[pid].sendall(one(name))
                    got = answer(clients[pid])
                    assert (got.status, running.pid_of(got)) == (202, pid)
            running.process.send_signal(signal.SIGTERM)
            assert running.end() == (0, "")
            assert running.process.pid not in pids
            assert refuses(running.port)
        assert stored(tmp_path / "events.db") == ["1", "2"]


@needs_posix
@needs_fork
@takes_long
class TestEnds:
    """How processes end."""

    def test_killed_worker(self, tmp_path: Path) -> None:
        """A worker that is killed is replaced; the other one serves meanwhile."""
        with serving(tmp_path) as running:
            pids = running.workers()
            with ExitStack() as stack:
                clients = running.client_of_each(pids, stack)
                os.kill(pids[0], signal.SIGKILL)
                assert rest(clients[pids[0]]) == b""
                clients[pids[1]].sendall(one("1"))
                assert answer(clients[pids[1]]).status == 202
                ended = re.compile(
                    f" {running.process.pid} WARNING worker process ended; starting "
                    f"another pid={pids[0]} reason='signal 9' pause_seconds=0.1\n"
                )
                running.line(ended)
                (fresh,) = running.workers(1)
                client = running.client_of_each([fresh], stack)[fresh]
                client.sendall(one("2"))
                assert answer(client).status == 202
            running.process.send_signal(signal.SIGTERM)
            assert running.end() == (0, "")
        assert stored(tmp_path / "events.db") == ["1", "2"]

    def test_stopped_worker(self, tmp_path: Path) -> None:
        """A worker that gets SIGTERM finishes its calls, and is replaced, too."""
        with serving(tmp_path) as running:
            pids = running.workers()
            os.kill(pids[0], signal.SIGTERM)
            running.line(re.compile(f"another pid={pids[0]} reason='exit code 0'"))
            running.workers(1)
            assert post(running.server, ONE).status == 202
            running.process.send_signal(signal.SIGTERM)
            assert running.end() == (0, "")

    def test_killed_parent(self, tmp_path: Path) -> None:
        """Without a parent, workers finish their calls, and end."""
        store = tmp_path / "events.db"
        with serving(tmp_path) as running:
            running.workers()
            with open_calls(running, store) as (clients, unlock):
                running.process.kill()
                while not refuses(running.port):
                    pass
                unlock()
                assert [answer(each).status for each in clients] == [202, 202]
            assert running.end()[0] == -signal.SIGKILL
            with listener("127.0.0.1", running.port):
                pass
        assert stored(store) == ["a", "b"]

    @pytest.mark.parametrize(
        "number, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
    )
    @pytest.mark.parametrize("is_for_group", [False, True])
    def test_finishes(
        self, tmp_path: Path, number: int, code: int, *, is_for_group: bool
    ) -> None:
        """Calls are finished, also where all processes get the signal, as by Ctrl-C."""
        store = tmp_path / "events.db"
        with serving(tmp_path) as running:
            running.workers()
            with open_calls(running, store) as (clients, unlock):
                kill = os.killpg if is_for_group else os.kill
                kill(running.process.pid, number)
                while not refuses(running.port):
                    pass
                unlock()
                assert [answer(each).status for each in clients] == [202, 202]
            assert running.end() == (code, "")
        assert stored(store) == ["a", "b"]

    @pytest.mark.parametrize("is_for_group", [False, True])
    def test_second_signal(self, tmp_path: Path, *, is_for_group: bool) -> None:
        """A second signal ends all processes at once."""
        store = tmp_path / "events.db"
        with serving(tmp_path) as running:
            running.workers()
            with open_calls(running, store) as (clients, _):
                kill = os.killpg if is_for_group else os.kill
                kill(running.process.pid, signal.SIGTERM)
                while not refuses(running.port):
                    pass
                kill(running.process.pid, signal.SIGTERM)
                assert running.end() == (-signal.SIGTERM, "")
                assert [rest(each) for each in clients] == [b"", b""]
        assert stored(store) == []


@needs_posix
@needs_fork
@takes_long
class TestPlaces:
    """Where several processes can listen."""

    def test_unix_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """At a Unix socket, whose file is gone in the end."""
        monkeypatch.chdir(tmp_path)  # the path from here is short enough
        with serving(tmp_path, place=("--uds", "endpoint.sock")) as running:
            assert running.url == "unix:endpoint.sock"
            pids = running.workers()
            with ExitStack() as stack:
                clients = running.client_of_each(pids, stack)
                for name, client in zip("12", clients.values(), strict=True):
                    client.sendall(one(name))
                    assert answer(client).status == 202
            running.process.send_signal(signal.SIGTERM)
            assert running.end() == (0, "")
        assert not (tmp_path / "endpoint.sock").exists()
        assert stored(tmp_path / "events.db") == ["1", "2"]

    def test_inherited_socket(self, tmp_path: Path) -> None:
        """At a socket that another program has opened, and keeps."""
        with listener("127.0.0.1", 0) as sock:
            number = sock.fileno()
            place = ("--fd", str(number))
            for _ in range(2):
                with serving(tmp_path, place=place, pass_fds=[number]) as running:
                    assert running.port == sock.getsockname()[1]
                    assert post(running.server, ONE).status == 202
                    running.process.send_signal(signal.SIGTERM)
                    assert running.end() == (0, "")

    def test_ready(self, tmp_path: Path) -> None:
        """Each worker answers health checks for itself."""
        with serving(tmp_path) as running:
            pids = running.workers()
            with ExitStack() as stack:
                for client in running.client_of_each(pids, stack).values():
                    client.sendall(request(method="GET", path="/readyz"))
                    assert answer(client).status == 200
