"""
Runs an endpoint: in a separate thread for tests, or in the main thread as a program.

    >>> import pinpoint_events.server as endpoint
    >>> from pinpoint_events import MemorySender
    >>> app = endpoint.create_app(MemorySender(), credentials=None)
    >>> with endpoint.served(app) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
"""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model import _converters as to
from pinpoint_events.server._connection_shares import (
    ConnectionShare,
    WatchedConnections,
)
from pinpoint_events.server._open_connections import OpenConnections
from pinpoint_events.server._settings import check_settings, count
from pinpoint_events.server._turns import Turns
from pinpoint_events.server.app import App
from pinpoint_events.server.listening import listener, url_of

try:
    import uvicorn
    from uvicorn.server import ServerState

    from pinpoint_events.server._connections import Connection
except ImportError as _missing:
    _message = (
        "the endpoint needs the extra `server`; "
        "run: pip install 'pinpoint-events[server]'"
    )
    raise ConfigurationError(_message) from _missing

__all__ = ["SIGNALS", "Served", "WorkerPlace", "run", "served"]

_log = logging.getLogger("pinpoint_events")

_ACCEPTED_AT_A_TIME: Final = 16
_ACCEPT_REST_SECONDS: Final = 0.001  # a connection takes 0.3 ms of the processor
_ACCEPT_PAUSE_SECONDS: Final = 0.1  # until there may be file handles again
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_REPORT_SECONDS: Final = 60.0
_GIVEN_UP: Final = 255  # exit code; as that of the commands for any other error


class _Server:
    """
    Accepts connections, and starts and stops by events, without polling.

    Args:
        app: The endpoint.
        share: The share of this process where several accept from one socket.
    """

    def __init__(self, app: App, share: ConnectionShare | None = None) -> None:
        if app.is_closed:
            message = "this endpoint was served and has ended; make one with create_app"
            raise ConfigurationError(message)
        self._config = uvicorn.Config(
            app,
            http=Connection,
            lifespan="on",
            log_config=None,
            loop="none",
            proxy_headers=False,  # anyone can send them
            timeout_keep_alive=app.limits.idle_seconds,  # type: ignore[arg-type] # asyncio takes any number
            ws="none",
        )
        self._app = app
        self._state = ServerState()
        self._open_connections = OpenConnections()
        self._turns = Turns()
        self._connecting: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._next_report = 0.0
        self._share = share
        if share is not None:
            self._state.connections = WatchedConnections(self._publish)

    def _publish(self) -> None:
        """Tell the other processes how many connections this one has."""
        if self._share is not None:
            count = len(self._state.connections) + len(self._connecting)
            self._share.publish(count)

    async def serve_on(self, sock: socket.socket, started: Callable[[], None]) -> None:
        """Serve until `stop` is called, then finish the accepted calls."""
        self._config.load()
        lifespan = self._config.lifespan_class(self._config)
        await lifespan.startup()

        def connection() -> Connection:
            return Connection(
                self._config,
                self._state,
                lifespan.state,
                self._open_connections,
                self._turns,
            )

        accepting = asyncio.create_task(self._accept(sock, connection))
        accepting.add_done_callback(lambda _: self.stop())
        try:
            started()
            await self._stopping.wait()
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting
            if self._share is not None:
                self._share.leave()
                self._share = None
            sock.close()
            await self._finish()
            await lifespan.shutdown()

    async def _accept(
        self, sock: socket.socket, connection: Callable[[], Connection]
    ) -> None:
        """
        Accept connections.

        asyncio's servers do so, too. But when there are no file handles left, they log
        an error for each connection that they could accept, several times a second.
        """
        loop = asyncio.get_running_loop()
        sock.settimeout(0)
        self._publish()
        accepted = 0
        while True:
            try:
                client = await self._accept_one(sock)
            except OSError as error:
                await self._make_room(error)
                continue
            accepted += 1
            if _has_gone(client):
                client.close()
            else:
                task = loop.create_task(self._connect(client, connection))
                self._connecting.add(task)
                self._publish()
                task.add_done_callback(self._connected)
                if len(self._connecting) >= _ACCEPTED_AT_A_TIME:
                    # Otherwise, more connections than there may be would be accepted
                    # before the first of them makes room; and a flood of them would
                    # leave no time for anything else.
                    await asyncio.wait(self._connecting)
                    await asyncio.sleep(_ACCEPT_REST_SECONDS)
            if accepted % _ACCEPTED_AT_A_TIME == 0:
                # Accepting does not wait while there are clients.
                await asyncio.sleep(0)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        self._publish()

    async def _accept_one(self, sock: socket.socket) -> socket.socket:
        if self._share is not None:
            return await self._share.accept(sock)
        client, _ = await asyncio.get_running_loop().sock_accept(sock)
        return client

    async def _connect(
        self, client: socket.socket, connection: Callable[[], Connection]
    ) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the client has gone
            await loop.connect_accepted_socket(connection, client)

    async def _make_room(self, error: OSError) -> None:
        """Close a connection that is of little use, or wait for another to end."""
        self._report(error)
        if error.errno in _EXHAUSTED and self._open_connections.close_one():
            await asyncio.sleep(0)  # it is closed then
        else:
            await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)

    def _report(self, error: OSError) -> None:
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            _log.warning(
                "a connection cannot be accepted; idle ones are closed for it",
                extra={"pinpoint_events.problem": error.strerror},
            )

    async def _finish(self) -> None:
        deadline = self._app.begin_stop().calls
        await asyncio.gather(*self._connecting)  # accepted just before
        for connection in list(self._state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline - time.monotonic()):
                # A pipelined call starts a new task after the one before it.
                while tasks := set(self._state.tasks):
                    await asyncio.wait(tasks)
        # Calls that are given up get no answer, as their outcome is not known.
        for connection in list(self._state.connections):
            connection.transport.abort()

    def stop(self) -> None:
        """Stop, after the calls in progress."""
        self._stopping.set()


def _has_gone(client: socket.socket) -> bool:
    """
    Return whether a client has closed its side without a request.

    To find out takes a tenth of the time of making a connection of it.
    """
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Served:
    """
    An endpoint that is being served.

    Attributes:
        app: The endpoint.
        url: Its URL, for clients.
    """

    app: App
    url: str

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url


@contextlib.contextmanager
def served(app: App, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """
    Serve an endpoint in a separate thread, for the duration of the `with` block.

    At the end of the block, accepted calls are finished first, within the
    `stop_seconds` of the endpoint. If some cannot be, as a sender does not return, the
    log says how many; their threads end with the process. An endpoint can be served
    only once.

    Args:
        app: The endpoint.
        host: Name or address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        ConfigurationError: If it cannot listen there, or was served before, or an
            argument is of another type.
        OSError: If there are not enough file descriptors.
    """
    given: object = app
    if not isinstance(given, App):
        kind = type(given).__qualname__
        raise ConfigurationError(f"app is of type {kind}; make it with create_app()")
    check_settings(host=to.required_text(host), port=count(port, 0))
    running: Future[tuple[asyncio.AbstractEventLoop, _Server]] = Future()
    ended: Future[None] = Future()

    async def serve() -> None:
        server = _Server(app)
        found = asyncio.get_running_loop(), server
        await server.serve_on(sock, lambda: running.set_result(found))

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            ended.set_exception(error)
        else:
            ended.set_result(None)

    with listener(host, port) as sock:
        thread = threading.Thread(
            target=work, name="pinpoint-events-server", daemon=True
        )
        thread.start()
        either: list[Future[Any]] = [running, ended]
        wait(either, return_when=FIRST_COMPLETED)
        if ended.done():
            ended.result()  # raises: it could not start
        loop, server = running.result()
        try:
            yield Served(app, url_of(sock))
        finally:
            loop.call_soon_threadsafe(server.stop)
            thread.join()
            ended.result()


class WorkerPlace(NamedTuple):
    """
    What a worker process has in common with others, and with their parent.

    Attributes:
        share: Its share of the connections.
        parent: A file descriptor that can be read when the worker has to stop: the read
            end of a pipe that the parent closes, and the system if the parent dies.
    """

    share: ConnectionShare
    parent: int


def run(
    app: App,
    sock: socket.socket,
    *,
    started: Callable[[str], None],
    end_process: Callable[[int], object] = os._exit,
    place: WorkerPlace | None = None,
) -> int:
    """
    Serve an endpoint in the main thread, until SIGINT or SIGTERM.

    Then the accepted calls are finished, within the `stop_seconds` of the endpoint. If
    some cannot be, as a sender does not return, the process ends at once after that
    time, with exit code 255; what was answered is kept. A second signal has its default
    action, which ends the process at once. On Windows, SIGBREAK counts too.

    Args:
        app: The endpoint.
        sock: A listening socket, from the module `listening`.
        started: Called with the URL, as `url_of` writes it, when the endpoint accepts
            connections.
        end_process: Ends the process with an exit code, whatever its threads do.
        place: That of this process among several that serve the endpoint. The end of
            their parent then counts as SIGTERM.

    Returns:
        The number of the signal.
    """
    url = url_of(sock)
    received: list[int] = []
    last_resort = _LastResort(app, end_process)

    async def serve() -> None:
        server = _Server(app, None if place is None else place.share)
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            received.append(number)
            last_resort.begin()
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(server.stop)

        def handle(number: int, _: Any) -> None:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            stop(number)

        for each in SIGNALS:
            signal.signal(each, handle)
        if place is not None:
            # Held back while the worker started: see `worker_processes`.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            _at_end_of(place.parent, lambda: stop(signal.SIGTERM))
        with _woken_by_signals(loop):
            await server.serve_on(sock, lambda: started(url))

    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        asyncio.run(serve())
        _end_if_unfinished(app, end_process)
    finally:
        last_resort.cancel()
        for each, handler in before.items():
            signal.signal(each, handler)
    return received[0]


def _at_end_of(parent: int, act: Callable[[], None]) -> None:
    """Act when the parent has ended, in a thread: the event loop may be stuck."""

    def wait_for_end() -> None:
        os.read(parent, 1)
        act()

    name = "pinpoint-events-parent"
    threading.Thread(target=wait_for_end, name=name, daemon=True).start()


@contextlib.contextmanager
def _woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """
    Let signals end the wait of an event loop.

    Python runs a signal handler between its instructions. If the signal comes after
    the last one before the loop waits for the network, it would run when the next
    client connects.
    """
    if not isinstance(loop, asyncio.SelectorEventLoop):  # Windows': it does so itself
        yield
        return
    readable, writable = socket.socketpair()
    with readable, writable:
        readable.settimeout(0)
        writable.settimeout(0)
        loop.add_reader(readable, readable.recv, 64)
        before = signal.set_wakeup_fd(writable.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(readable)


class _LastResort:
    """
    Ends the process when the time to stop is over, also where the event loop is stuck.

    Its thread exists before it is needed: a signal handler may interrupt anything, and
    so must not start one.
    """

    def __init__(self, app: App, end_process: Callable[[int], object]) -> None:
        self._app = app
        self._end_process = end_process
        self._begun: SimpleQueue[None] = SimpleQueue()
        self._is_cancelled = threading.Event()
        name = "pinpoint-events-last-resort"
        threading.Thread(target=self._wait, name=name, daemon=True).start()

    def begin(self) -> None:
        """Begin the time; for a signal handler."""
        self._begun.put(None)  # reentrant, as `queue` documents

    def cancel(self) -> None:
        """Do nothing any more."""
        self._is_cancelled.set()
        self._begun.put(None)

    def _wait(self) -> None:
        self._begun.get()
        if self._is_cancelled.is_set():
            return
        seconds_left = self._app.begin_stop().process - time.monotonic()
        if not self._is_cancelled.wait(seconds_left):
            _end(self._app, self._end_process, _TIME_IS_OVER)


_TIME_IS_OVER: Final = "stopped in the middle of its end, as its time was over"


def _end_if_unfinished(app: App, end_process: Callable[[int], object]) -> None:
    """End the process if threads still work: they may hold what others wait for."""
    if app.unfinished:
        _end(app, end_process)


def _end(
    app: App, end_process: Callable[[int], object], message: str | None = None
) -> None:
    """End the process without waiting for its threads; log the message before."""

    def speak() -> None:
        if message is not None:
            _log.error(message)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()

    # In a thread: it may be the log that is stuck.
    words = threading.Thread(target=speak, daemon=True)
    words.start()
    words.join(max(0.0, app.begin_stop().all - time.monotonic()))
    end_process(_GIVEN_UP)


# Windows sends SIGBREAK for Ctrl-Break, and to end a process group.
SIGNALS: Final = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK")
    if hasattr(signal, name)
]
