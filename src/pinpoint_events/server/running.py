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
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Final

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server.app import App

try:
    import uvicorn

    from pinpoint_events.server._connections import Connection
except ImportError as _missing:
    _told = (
        "the endpoint needs the extra `server`; "
        "run: pip install 'pinpoint-events[server]'"
    )
    raise ConfigurationError(_told) from _missing

__all__ = ["Served", "is_loopback", "listener", "run", "served"]

_BACKLOG: Final = 128
_MOST_PORT: Final = 65_535
_STOP_SECONDS: Final = 30.0  # for clients that do not read what they asked for


class _Server(uvicorn.Server):
    """uvicorn's server, which here starts and stops without looking at a clock."""

    def __init__(self, app: App) -> None:
        if app.is_closed:
            message = "this endpoint was served and has ended; make one with create_app"
            raise ConfigurationError(message)
        config = uvicorn.Config(
            app,
            date_header=False,  # the application's clock may be another
            http=Connection,
            lifespan="on",
            log_config=None,
            loop="none",
            proxy_headers=False,  # nobody's word for who is at the other end
            server_header=False,
            timeout_keep_alive=app.limits.idle_seconds,  # type: ignore[arg-type] # asyncio takes any number
            ws="none",
        )
        super().__init__(config)
        self._stopping = asyncio.Event()

    async def serve_on(self, sock: socket.socket, started: Callable[[], None]) -> None:
        """Serve until `stop` is called, then finish what was accepted."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[sock])
        try:
            started()
            await self._stopping.wait()
        finally:
            await self._finish()

    async def _finish(self) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                # A call that was sent ahead begins when the one before it has ended.
                while tasks := set(self.server_state.tasks):
                    await asyncio.wait(tasks)
        await self.lifespan.shutdown()

    def stop(self) -> None:
        """Stop; a call that is at work is finished first."""
        self._stopping.set()


class Served:
    """
    An endpoint that is being served.

    Attributes:
        app: The endpoint.
        url: Where it is.
    """

    app: App
    url: str

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url


@contextlib.contextmanager
def served(app: App, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """
    Serve an endpoint from a separate thread, as long as the `with` block lasts.

    At its end, what was accepted is finished first. An endpoint is served once.

    Args:
        app: The endpoint.
        host: Name or address to listen at.
        port: Port to listen at; 0 takes a free one.

    Raises:
        ConfigurationError: If it cannot listen there, or was served before.
        OSError: If there are not enough file descriptors.
    """
    running: Future[tuple[asyncio.AbstractEventLoop, _Server]] = Future()
    ended: Future[None] = Future()

    async def serve() -> None:
        server = _Server(app)
        found = asyncio.get_running_loop(), server
        await server.serve_on(sock, lambda: running.set_result(found))

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again, where it is awaited
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
            yield Served(app, _url(sock))
        finally:
            loop.call_soon_threadsafe(server.stop)
            thread.join()
            ended.result()


def run(app: App, sock: socket.socket, *, started: Callable[[str], None]) -> int:
    """
    Serve an endpoint from the main thread, until SIGINT or SIGTERM.

    What was accepted is finished then. A second signal ends the process at once, as if
    nobody had asked to hear of it.

    Args:
        app: The endpoint.
        sock: Where it listens: a `listener`.
        started: Called with its URL, once it answers.

    Returns:
        The number of the signal.
    """
    url = _url(sock)
    received: list[int] = []

    async def serve() -> None:
        server = _Server(app)
        loop = asyncio.get_running_loop()

        def stop(number: int, _: Any) -> None:
            received.append(number)
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            loop.call_soon_threadsafe(server.stop)

        for each in _SIGNALS:
            signal.signal(each, stop)
        await server.serve_on(sock, lambda: started(url))

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        asyncio.run(serve())
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    return received[0]


# Windows sends SIGBREAK for Ctrl-Break, and to end a group of processes.
_SIGNALS: Final = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK")
    if hasattr(signal, name)
]


def listener(host: str, port: int) -> socket.socket:
    """
    Return a socket that listens; port 0 takes a free one.

    Raises:
        ConfigurationError: If it cannot listen there.
    """
    # Some systems would take the rest of a division.
    if not 0 <= port <= _MOST_PORT:
        raise _cannot_listen(host, port, "")
    try:
        ((family, *_, address), *_) = socket.getaddrinfo(
            host.removeprefix("[").removesuffix("]"),  # as it is written in a URL
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or ""
        # Python names the place once more behind it.
        raise _cannot_listen(host, port, reason.partition(" (while")[0]) from error


def _cannot_listen(host: str, port: int, reason: str) -> ConfigurationError:
    why = reason or "no such address or port"
    message = f"cannot listen at {host!r}, port {port}: {why}; choose another"
    return ConfigurationError(message)


def is_loopback(sock: socket.socket) -> bool:
    """Return whether only this machine reaches the socket."""
    return ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}"
