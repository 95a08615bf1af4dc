import asyncio
import importlib
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from errno import EMFILE
from pathlib import Path
from typing import Any

import pytest
from tests.commands import takes_long
from tests.server.clients import (
    ONE,
    SECONDS,
    answer,
    connected,
    head,
    post,
    request,
    rest,
)

from pinpoint_events import BatchBuilder, Event, MemorySender, SqliteSender
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import Served, create_app, served
from pinpoint_events.server.listening import listener
from pinpoint_events.server.running import _has_gone, _woken_by_signals, run

BODY = json.dumps(ONE).encode()


class Gate:
    """Holds calls up at the sender until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.sender = MemorySender(answer=self.answer)

    def answer(self, request: EventsRequest) -> EventsResponse:
        """Answer once the gate is open."""
        self.entered.set()
        assert self.opened.wait(SECONDS)
        return accepted(request)


def refuses(port: int) -> bool:
    """Return whether no one listens there any more."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return True
    return False


@contextmanager
def exhausted() -> Iterator[None]:
    """Leave this process no file handle within the block, but those that it closes."""
    import resource

    free = os.dup(0)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestServed:
    """An endpoint is served from a separate thread, as long as it is needed."""

    def test_url(self) -> None:
        """It answers within the block, and is gone behind it."""
        app = create_app(MemorySender(), credentials=None)
        with served(app) as server:
            assert server.app is app
            assert post(server, ONE).status == 202
            port = int(server.url.removeprefix("http://127.0.0.1:"))
        assert refuses(port)

    def test_port(self) -> None:
        """A port can be asked for, and be had again at once."""
        with listener("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        for _ in range(2):
            app = create_app(MemorySender(), credentials=None)
            with served(app, port=port) as server:
                assert server.url == f"http://127.0.0.1:{port}"
                assert post(server, ONE).status == 202

    def test_many(self) -> None:
        """Several endpoints are served at a time, apart from each other."""
        one, two = MemorySender(), MemorySender()
        with (
            served(create_app(one, credentials=None)) as first,
            served(create_app(two, credentials=None)) as second,
        ):
            assert post(first, ONE).status == 202
            assert post(second, {"BatchItem": {}}).status == 202
        assert (len(one.requests), len(two.requests)) == (1, 0)

    def test_error_in_the_block(self) -> None:
        """An error within the block ends the endpoint, too."""
        with (
            pytest.raises(RuntimeError, match="mine"),
            served(create_app(MemorySender(), credentials=None)) as server,
        ):
            raise RuntimeError("mine")
        assert refuses(int(server.url.rpartition(":")[2]))

    def test_twice(self) -> None:
        """One that has ended is not served again: its stores are closed."""
        app = create_app(MemorySender(), credentials=None)
        with served(app):
            pass
        with pytest.raises(ConfigurationError) as caught, served(app):
            pass
        message = "this endpoint was served and has ended; make one with create_app"
        assert str(caught.value) == message

    def test_no_endpoint(self) -> None:
        """Another application cannot be served."""
        app: Any = accepted
        with pytest.raises(ConfigurationError, match="of type function"), served(app):
            pass

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
    def test_cannot_start(self) -> None:
        """What it lacks is told to who starts it, and its socket is given back."""
        script = """if True:
            import os, resource
            from pinpoint_events import MemorySender
            from pinpoint_events.server import create_app, served

            def start():
                with served(create_app(MemorySender(), credentials=None)):
                    pass

            start()  # loads what it needs
            free = os.dup(0)
            os.close(free)
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            for extra in range(1, 3):
                resource.setrlimit(resource.RLIMIT_NOFILE, (free + extra, most))
                try:
                    start()
                except OSError as error:
                    print(error.strerror)
                assert os.dup(0) == free
                os.close(free)
        """
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        message = f"{os.strerror(EMFILE)}\n"
        # On standard error, asyncio tells of a loop that it could not make.
        assert (done.returncode, done.stdout) == (0, message * 2)

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
    def test_exhausted(self, caplog: pytest.LogCaptureFixture) -> None:
        """Without file handles, idle connections make room; calls at work go on."""
        gate = Gate()
        app = create_app(gate.sender, credentials=None)
        with served(app) as server, ExitStack() as stack:
            address = "127.0.0.1", int(server.url.rpartition(":")[2])
            post(server, b"", method="GET", path="/healthz")  # loads what it needs
            at_work = stack.enter_context(connected(server))
            idle = stack.enter_context(connected(server))
            for each in (idle, at_work):
                each.sendall(request(method="GET", path="/healthz"))
                assert answer(each).status == 200
            clients = [stack.enter_context(socket.socket()) for _ in range(2)]
            at_work.sendall(request(BODY))
            assert gate.entered.wait(SECONDS)
            with exhausted():
                for each in clients:
                    each.settimeout(SECONDS)
                    each.connect(address)
                    each.sendall(request(BODY))
                assert rest(idle) == b""
                gate.opened.set()
                assert answer(at_work).status == 202
                assert [answer(each).status for each in clients] == [202, 202]
                assert rest(at_work) == b""
        assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
            ("WARNING", "a connection cannot be accepted; idle ones are closed for it")
        ]
        assert vars(caplog.records[0])["pinpoint_events.problem"] == os.strerror(EMFILE)

    def test_finishes(self) -> None:
        """What came whole is finished, sent ahead or not; what came half is not."""
        gate = Gate()
        app = create_app(gate.sender, credentials=None)
        ready, leave = threading.Event(), threading.Event()
        servers: list[Served] = []

        def serve() -> None:
            with served(app) as server:
                servers.append(server)
                ready.set()
                assert leave.wait(SECONDS)

        thread = threading.Thread(target=serve)
        thread.start()
        assert ready.wait(SECONDS)
        (server,) = servers
        with (
            connected(server) as complete,
            connected(server) as late,
            connected(server) as idle,
            connected(server) as half,
        ):
            complete.sendall(request(BODY) * 2 + request(BODY)[:-1])
            late.sendall(request(BODY))
            half.sendall(head("Content-Length: 100") + b"{")
            assert gate.entered.wait(SECONDS)
            assert post(server, b"", method="GET", path="/healthz").status == 200
            leave.set()
            assert rest(idle) == b""
            assert rest(half) == b""
            assert refuses(int(server.url.rpartition(":")[2]))
            late.sendall(request(BODY))
            gate.opened.set()
            received = rest(complete)
            assert rest(late).count(b"HTTP/1.1 202 Accepted\r\n") == 1
        thread.join(SECONDS)
        assert received.count(b"HTTP/1.1 202 Accepted\r\n") == 2
        assert len(gate.sender.requests) == 3


class TestWakingUp:
    """Signals end the wait of an event loop."""

    def test_other_loops(self) -> None:
        """Loops that see to that themselves are left alone."""
        before = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(before)
        loop = asyncio.AbstractEventLoop()  # type: ignore[abstract] # asyncio makes it
        with _woken_by_signals(loop):
            now = signal.set_wakeup_fd(before)
        assert now == before


class TestGone:
    """Clients that close without a request cost next to nothing."""

    @pytest.mark.parametrize(
        "kind, has_gone",
        [("silent", False), ("sent", False), ("closed", True), ("sent all", False)],
    )
    def test_seen(self, kind: str, *, has_gone: bool) -> None:
        """What a client did is seen without reading it."""
        ours, client = socket.socketpair()
        ours.settimeout(0)
        with ours, client:
            if kind.startswith("sent"):
                client.sendall(b"x")
            if kind in {"closed", "sent all"}:
                client.shutdown(socket.SHUT_WR)
            assert _has_gone(ours) is has_gone
            if kind.startswith("sent"):
                assert ours.recv(9) == b"x"

    def test_reset(self) -> None:
        """One that has reset the connection is gone, too."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client:
                ours, _ = server.accept()
                linger = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            with ours:
                ours.settimeout(0)
                assert _has_gone(ours)

    def test_flood(self) -> None:
        """Others are served after as many as there may be connections, and more."""
        app = create_app(MemorySender(), credentials=None, connections=20)
        with served(app) as server, connected(server) as idle:
            for _ in range(100):
                with connected(server):
                    pass
            idle.sendall(request(BODY))
            assert answer(idle).status == 202


class TestStopInTime:
    """The end takes so long, whatever a sender does."""

    def test_stuck_sender(self, caplog: pytest.LogCaptureFixture) -> None:
        """A call whose sender does not return is given up, without an answer."""
        gate = Gate()
        app = create_app(gate.sender, credentials=None, stop_seconds=0.5)
        with ExitStack() as clients:
            with served(app) as server:
                client = clients.enter_context(connected(server))
                client.sendall(request(BODY))
                assert gate.entered.wait(SECONDS)
                started = time.monotonic()
            assert time.monotonic() - started < 5
            assert rest(client) == b""
        assert app.unfinished == 1
        (record,) = caplog.records
        assert record.getMessage() == "stopped with calls in progress"
        assert vars(record)["pinpoint_events.count"] == 1
        gate.opened.set()

    def test_stuck_close(self, caplog: pytest.LogCaptureFixture) -> None:
        """So is a sender that cannot be closed; those that can are."""
        gate = threading.Event()
        closed: list[str] = []

        class Sticky(MemorySender):
            def _close(self) -> None:
                if self.application_id == "sticky":
                    assert gate.wait(SECONDS)
                closed.append(self.application_id)

        def opened(name: str) -> MemorySender:
            return Sticky(application_id=name)

        app = create_app(opened, credentials=None, stop_seconds=0.5)
        with served(app) as server:
            for name in ("shop", "sticky"):
                assert post(server, ONE, path=f"/v1/apps/{name}/events").status == 202
        assert app.unfinished == 1
        assert closed == ["shop"]
        gate.set()

    def test_waiting_calls(self) -> None:
        """A call that has not begun is answered with 503 while the endpoint ends."""
        gate = Gate()
        app = create_app(
            gate.sender, credentials=None, call_seconds=1.0, stop_seconds=SECONDS
        )
        with ExitStack() as clients:
            with served(app) as server:
                first = clients.enter_context(connected(server))
                first.sendall(request(BODY))
                assert gate.entered.wait(SECONDS)
                others = [clients.enter_context(connected(server)) for _ in range(20)]
                for each in others:
                    each.sendall(request(BODY))
                idle = clients.enter_context(connected(server))
                assert post(server, b"", method="GET", path="/healthz").status == 200

                def release() -> None:
                    assert rest(idle) == b""  # the end has begun
                    assert {answer(each).status for each in others} == {503}
                    gate.opened.set()

                ending = threading.Thread(target=release)
                ending.start()
            ending.join(SECONDS)
            assert answer(first).status == 202
        assert app.unfinished == 0
        assert len(gate.sender.requests) == 1


class TestRun:
    """An endpoint is served from the main thread until a signal comes."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signal(self, number: signal.Signals) -> None:
        """A signal ends it, and is handled as before afterwards."""
        before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        urls: list[str] = []
        statuses: list[int] = []
        app = create_app(MemorySender(), credentials=None)

        def started(url: str) -> None:
            urls.append(url)

            def use() -> None:
                statuses.append(post(Served(app, url), ONE).status)
                os.kill(os.getpid(), number)

            threading.Thread(target=use).start()

        with listener("127.0.0.1", 0) as sock:
            port = sock.getsockname()[1]
            assert run(app, sock, started=started) == number
        assert urls == [f"http://127.0.0.1:{port}"]
        assert statuses == [202]
        after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        assert after == before

    @pytest.mark.parametrize("kind", ["sender", "loop"])
    def test_endless(self, caplog: pytest.LogCaptureFixture, kind: str) -> None:
        """When its time is over, the process ends, whatever does not return."""
        entered, gate = threading.Event(), threading.Event()
        codes: list[int] = []

        def hang(_: object = None) -> Any:
            entered.set()
            # Python handles a signal between such waits, not always within one.
            while not gate.wait(0.01):
                pass
            return accepted(BatchBuilder().add("e", Event("v")).build())

        def now() -> datetime:
            if kind == "loop":
                hang()
            return datetime.now(UTC)

        app = create_app(
            MemorySender(answer=hang), credentials=None, clock=now, stop_seconds=0.5
        )

        def end(code: int) -> None:
            codes.append(code)
            gate.set()

        def started(url: str) -> None:
            def use() -> None:
                with connected(Served(app, url)) as client:
                    client.sendall(request(BODY))
                    assert entered.wait(SECONDS)
                    os.kill(os.getpid(), signal.SIGTERM)
                    rest(client)

            threading.Thread(target=use).start()

        with listener("127.0.0.1", 0) as sock:
            run(app, sock, started=started, end_process=end)
        assert codes[0] == 255  # a process has ended there
        record = next(each for each in caplog.records if each.levelname == "ERROR")
        assert (
            record.getMessage()
            == {
                "sender": "stopped with calls in progress",
                "loop": "stopped in the middle of its end, as its time was over",
            }[kind]
        )

    @pytest.mark.skipif(os.name != "posix", reason="asyncio does so on Windows")
    def test_wakes(self) -> None:
        """A signal that comes just before the event loop waits wakes it."""
        found: list[int] = []

        def started(_: str) -> None:
            found.append(signal.set_wakeup_fd(-1))
            signal.set_wakeup_fd(found[0])
            os.kill(os.getpid(), signal.SIGTERM)

        app = create_app(MemorySender(), credentials=None)
        with listener("127.0.0.1", 0) as sock:
            run(app, sock, started=started)
        assert found[0] != -1
        assert signal.set_wakeup_fd(-1) == -1

    def test_untold(self, caplog: pytest.LogCaptureFixture) -> None:
        """Where its URL cannot be told, it ends as ever, with the error."""

        def started(_: str) -> None:
            raise RuntimeError("standard output is closed")

        app = create_app(MemorySender(), credentials=None)
        with (
            listener("127.0.0.1", 0) as sock,
            pytest.raises(RuntimeError, match="standard output is closed"),
        ):
            run(app, sock, started=started)
        assert caplog.records == []


PROGRAM = """
import sys
from pinpoint_events import SqliteSender
from pinpoint_events.server import create_app
from pinpoint_events.server.listening import listener
from pinpoint_events.server.running import run

class Slow(SqliteSender):
    def _put_events(self, request):
        print("entered", flush=True)
        sys.stdin.readline()
        return super()._put_events(request)

with Slow(sys.argv[1]) as sender, listener("127.0.0.1", 0) as sock:
    app = create_app(sender, credentials=None)
    number = run(app, sock, started=lambda url: print(url, flush=True))
    print("ended by", number, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")
class TestProcess:
    """What holds for a separate process."""

    def start(self, tmp_path: Path) -> "subprocess.Popen[str]":
        """Run an endpoint whose sender waits for a line on standard input."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "events.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self, process: "subprocess.Popen[str]") -> str:
        """Return the next line that it prints."""
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def test_finishes(self, tmp_path: Path) -> None:
        """A call at work when the signal comes is finished, stored and answered."""
        with self.start(tmp_path) as process:
            server: Any = Served(None, self.line(process))  # type: ignore[arg-type] # no application here
            with connected(server) as connection:
                connection.sendall(request(BODY))
                assert self.line(process) == "entered"
                process.send_signal(signal.SIGTERM)
                port = int(server.url.rpartition(":")[2])
                while not refuses(port):
                    pass
                assert process.stdin is not None
                process.stdin.write("go on\n")
                process.stdin.flush()
                assert answer(connection).status == 202
            assert self.line(process) == f"ended by {int(signal.SIGTERM)}"
            assert process.wait(SECONDS) == 0
        with SqliteSender(tmp_path / "events.db") as sender:
            assert list(sender.find_endpoints(ids=["e"])) == ["e"]

    def test_second_signal(self, tmp_path: Path) -> None:
        """A second signal ends the process, whatever is at work."""
        with self.start(tmp_path) as process:
            server: Any = Served(None, self.line(process))  # type: ignore[arg-type] # no application here
            with connected(server) as connection:
                connection.sendall(request(BODY))
                assert self.line(process) == "entered"
                process.send_signal(signal.SIGTERM)
                while not refuses(int(server.url.rpartition(":")[2])):
                    pass
                process.send_signal(signal.SIGINT)
                assert process.wait(SECONDS) == -signal.SIGINT


ENDLESS = """
import logging, sys, threading, time
from datetime import UTC, datetime
from pinpoint_events import MemorySender, open_sender
from pinpoint_events.server import create_app
from pinpoint_events.server.running import listener, run

kind, url = sys.argv[1:]
logging.basicConfig(format="%(message)s", level=logging.ERROR)

def hang(*_):
    print("entered", flush=True)
    while True:
        time.sleep(3600)

def now():
    return hang() if kind == "loop" else datetime.now(UTC)

def opened(name):
    if kind == "sender":
        return MemorySender(answer=hang)
    return open_sender(url or "memory:", application_id=name)

app = create_app(opened, credentials=None, clock=now, stop_seconds=1.5)
with listener("127.0.0.1", 0) as sock:
    run(app, sock, started=lambda url: print(url, flush=True))
print("ended")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")
class TestEndless:
    """The process ends when its time is over, with 255, and says so in one line."""

    def start(self, kind: str, url: str = "") -> "subprocess.Popen[str]":
        """Run an endpoint with something that never returns."""
        return subprocess.Popen(
            [sys.executable, "-c", ENDLESS, kind, url],
            env={
                **os.environ,
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "secret",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: "subprocess.Popen[str]") -> tuple[int, str, str]:
        """Stop it in time; return exit code, output and messages."""
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
        assert time.monotonic() - started < 5
        return process.returncode, out, err

    @pytest.mark.parametrize(
        "kind, message",
        [
            ("sender", "stopped with calls in progress\n"),
            ("loop", "stopped in the middle of its end, as its time was over\n"),
        ],
    )
    @takes_long
    def test_stuck(self, kind: str, message: str) -> None:
        """A sender may hang, or what the event loop calls."""
        with self.start(kind) as process:
            assert process.stdout is not None
            server: Any = Served(None, process.stdout.readline().strip())  # type: ignore[arg-type] # no application here
            with connected(server) as connection:
                connection.sendall(request(BODY))
                assert process.stdout.readline() == "entered\n"
                assert self.ended(process) == (255, "", message)
                assert rest(connection) == b""

    @takes_long
    def test_locked_store(self, tmp_path: Path) -> None:
        """Calls that wait for a store end with the process; what it has, it keeps."""
        path = tmp_path / "events.db"
        with self.start("store", f"sqlite:///{path}") as process, ExitStack() as stack:
            assert process.stdout is not None
            server: Any = Served(None, process.stdout.readline().strip())  # type: ignore[arg-type] # no application here
            assert post(server, ONE).status == 202
            lock = stack.enter_context(
                closing(sqlite3.connect(path, isolation_level=None))
            )
            lock.execute("BEGIN IMMEDIATE")
            clients = [stack.enter_context(connected(server)) for _ in range(24)]
            for client in clients:
                client.sendall(request(BODY))
            assert post(server, b"", method="GET", path="/healthz").status == 200
            code, _, err = self.ended(process)
            assert {rest(client) for client in clients} == {b""}
            lock.execute("ROLLBACK")
            assert lock.execute("SELECT event_id FROM events").fetchall() == [("v",)]
        assert (code, err) == (255, "stopped with calls in progress\n")

    @takes_long
    def test_gateway(self) -> None:
        """The endpoint behind a gateway may accept connections, and never answer."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            behind = f"http%3A%2F%2F127.0.0.1%3A{silent.getsockname()[1]}"
            url = f"pinpoint://shop?region=eu-west-1&endpoint_url={behind}"
            with self.start("gateway", url) as process:
                assert process.stdout is not None
                server: Any = Served(None, process.stdout.readline().strip())  # type: ignore[arg-type] # no application here
                with connected(server) as connection:
                    connection.sendall(request(BODY))
                    silent.settimeout(SECONDS)
                    asked, _ = silent.accept()
                    with asked:
                        code, _, err = self.ended(process)
                    assert rest(connection) == b""
        assert (code, err) == (255, "stopped with calls in progress\n")


MISSING = (
    "the endpoint needs the extra `server`; run: pip install 'pinpoint-events[server]'"
)


class TestMissingExtra:
    """Without the packages of the extra, one is told how to install it."""

    def test_process(self, tmp_path: Path) -> None:
        """The application can be made all the same, for another ASGI server."""
        (tmp_path / "uvicorn.py").write_text("raise ImportError('not installed')\n")
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
            "from pinpoint_events import errors, server, MemorySender\n"
            "server.create_app(MemorySender(), credentials=None)\n"
            "try:\n    server.served\n"
            "except errors.ConfigurationError as error:\n    print(error)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert ran.stdout == f"{MISSING}\n"

    def test_import(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The module that runs the endpoint says so when it is imported."""
        monkeypatch.delitem(sys.modules, "pinpoint_events.server.running")
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        with pytest.raises(ConfigurationError) as raised:
            importlib.import_module("pinpoint_events.server.running")
        assert str(raised.value) == MISSING
