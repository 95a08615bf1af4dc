"""
Attackers of an endpoint: each returns when it has connected, and goes on in tasks.

`python -m tests.server.attackers HOST PORT STORE NAME...` runs those with these names,
at the lowest priority: real attackers take no processor time from the endpoint's
machine.
"""

import asyncio
import itertools
import json
import os
import socket
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from tests.server.quick_calls import PATH, forged_head, presigned_head, signed_call


class Target(NamedTuple):
    """
    What is attacked.

    Attributes:
        host: The endpoint's host.
        port: The endpoint's port.
        store: The file of its store.
        tasks: Those of the attackers, which never end.
    """

    host: str
    port: int
    store: str
    tasks: asyncio.TaskGroup

    @property
    def header(self) -> str:
        """The value of `Host`."""
        return f"{self.host}:{self.port}"


Attacker = Callable[[Target], Coroutine[Any, Any, None]]
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter

_BODY_BYTES: Final = 3_990_000  # a call may have 4,000,000
_HEAD_BYTES: Final = 60_000  # a head may have 64 KiB
_CALLS_AT_A_TIME: Final = 79  # with the endpoint's defaults: 15 served, 64 waiting
_LOCK_SECONDS: Final = 6.0  # more than the 5 s that a store waits for other writers
_GET: Final = b"GET /healthz HTTP/1.1\r\nhost: endpoint\r\n\r\n"


async def _connect(
    target: Target,
    count: int,
    use: Callable[[Reader, Writer], Awaitable[None]],
    *,
    pause_seconds: float = 0.25,
    receives_bytes: int | None = None,
) -> None:
    """Keep so many connections in use; open each again when it has ended."""
    loop = asyncio.get_running_loop()

    async def keep_one(connected: asyncio.Event) -> None:
        while True:
            with suppress(OSError, EOFError):
                sock = socket.socket()
                if receives_bytes is not None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives_bytes)
                sock.setblocking(False)  # noqa: FBT003 - the argument has no name
                await loop.sock_connect(sock, (target.host, target.port))
                reader, writer = await asyncio.open_connection(sock=sock)
                connected.set()
                try:
                    await use(reader, writer)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(pause_seconds)

    connections = [asyncio.Event() for _ in range(count)]
    for each in connections:
        target.tasks.create_task(keep_one(each))
    for each in connections:
        await each.wait()


async def _read_answer(reader: Reader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, rest = head.partition(b"content-length: ")
    await reader.readexactly(int(rest.split(b"\r\n")[0]))


def _read_nothing(writer: Writer) -> None:
    transport: Any = writer.transport  # typeshed calls it one for writing only
    transport.pause_reading()


async def _send_repeatedly(writer: Writer, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()


async def _send_slowly(writer: Writer, data: Iterable[int], seconds: float) -> None:
    for each in data:
        writer.write(bytes([each]))
        await writer.drain()
        await asyncio.sleep(seconds)


# --- With a key: calls within the limits of size, expensive to serve ------------------


async def many_items(target: Target) -> None:
    """Send calls of 400,000 endpoints, each of which is a number."""
    await _send_calls(target, _filled('{"BatchItem":{', '"%d":1', "}}"))


async def deep_json(target: Target) -> None:
    """Send calls of JSON that is nested nearly as deeply as Python reads it."""
    deep = "[" * 900 + "]" * 900
    await _send_calls(target, _filled('{"BatchItem":{', f'"%d":{deep}', "}}"))


async def empty_lists(target: Target) -> None:
    """Send calls of a million empty lists."""
    start = '{"BatchItem":{"e":{"Endpoint":{},"Events":{"v":['
    await _send_calls(target, _filled(start, "[]", "]}}}}"))


async def one_address(target: Target) -> None:
    """Send calls of 1,000 endpoints at one address, which deactivate each other."""
    update = {"Address": "same", "ChannelType": "CUSTOM"}
    batch = {f"attacker-{n}": {"Endpoint": update, "Events": {}} for n in range(1_000)}
    await _send_calls(target, json.dumps({"BatchItem": batch}).encode())


async def _send_calls(target: Target, body: bytes) -> None:
    async def use(reader: Reader, writer: Writer) -> None:
        while True:
            writer.write(signed_call(target.header, body))
            await writer.drain()
            await _read_answer(reader)

    await _connect(target, 4, use)


def _filled(start: str, item: str, end: str) -> bytes:
    """Return a text with as many items as fit into a body; %d becomes their number."""
    size = len(start) + len(end)
    items: list[str] = []
    for number in itertools.count():
        text = item.replace("%d", str(number))
        size += len(text) + 1
        if size > _BODY_BYTES:
            return (start + ",".join(items) + end).encode()
        items.append(text)
    raise AssertionError  # never: it counts without an end


async def long_queries(target: Target) -> None:
    """Send presigned calls with 60,000 empty parameters."""

    async def use(reader: Reader, writer: Writer) -> None:
        while True:
            await _send_long_query(target, reader, writer)

    await _connect(target, 10, use, pause_seconds=0)


async def long_queries_anew(target: Target) -> None:
    """Send such calls, each on a new connection."""
    await _connect(target, 10, partial(_send_long_query, target), pause_seconds=0)


async def _send_long_query(target: Target, reader: Reader, writer: Writer) -> None:
    writer.write(presigned_head(target.header, "&" * _HEAD_BYTES) + b"{}")
    await writer.drain()
    await _read_answer(reader)


# --- Without a key: requests whose answers are not read -------------------------------


async def pipelined_heads(target: Target) -> None:
    """Send requests with heads of 60 KB, one after the other."""
    padding = b"x-padding: " + b"x" * _HEAD_BYTES
    request = b"POST %b HTTP/1.1\r\nhost: endpoint\r\ncontent-length: 0\r\n%b\r\n\r\n"
    await _send_unread(target, request % (PATH.encode(), padding))


async def pipelined_gets(target: Target) -> None:
    """Send tiny requests, one after the other."""
    await _send_unread(target, _GET * 20)


async def many_headers(target: Target) -> None:
    """Send heads of 10,000 headers."""
    head = b"POST %b HTTP/1.1\r\nhost: endpoint\r\n%b\r\n"
    await _send_unread(target, head % (PATH.encode(), b"a:b\r\n" * 10_000))


async def _send_unread(target: Target, request: bytes) -> None:
    async def use(_: Reader, writer: Writer) -> None:
        _read_nothing(writer)
        await _send_repeatedly(writer, request)

    await _connect(target, 50, use)


async def unread_answers(target: Target) -> None:
    """Keep 400 connections, each with 50 answers that do not fit into its buffer."""

    async def use(_: Reader, writer: Writer) -> None:
        _read_nothing(writer)
        writer.write(_GET * 50)
        # Writing shows when the endpoint has closed the connection.
        await _send_slowly(writer, itertools.cycle(_GET), 0.5)

    await _connect(target, 400, use, receives_bytes=1)


# --- With a known key id: forged calls that wait for their bodies ---------------------


async def absent_bodies(target: Target) -> None:
    """Send more forged heads than calls can wait, and no bodies."""

    async def use(reader: Reader, writer: Writer) -> None:
        writer.write(forged_head(target.header, 1_000))
        await reader.read()

    await _connect(target, 2 * _CALLS_AT_A_TIME, use)


async def slow_bodies(target: Target) -> None:
    """Send the bodies of forged calls a byte at a time."""

    async def use(_: Reader, writer: Writer) -> None:
        writer.write(forged_head(target.header, 1_000))
        await _send_slowly(writer, b" " * 1_000, 0.1)

    await _connect(target, 2 * _CALLS_AT_A_TIME, use)


# --- Without a key: connections -------------------------------------------------------


async def silent_connections(target: Target) -> None:
    """Keep 600 connections, where 500 are allowed, and send nothing."""

    async def use(reader: Reader, _: Writer) -> None:
        await reader.read()

    await _connect(target, 600, use)


async def slow_heads(target: Target) -> None:
    """Send 600 heads, a byte at a time."""

    async def use(_: Reader, writer: Writer) -> None:
        head = itertools.chain(_GET.removesuffix(b"\r\n"), itertools.cycle(b"x"))
        await _send_slowly(writer, head, 0.5)

    await _connect(target, 600, use)


async def connect_and_close(target: Target) -> None:
    """Connect, and close at once."""

    async def use(_: Reader, __: Writer) -> None:
        pass

    await _connect(target, 20, use, pause_seconds=0)


# --- Without a key: what is hardly HTTP -----------------------------------------------


async def chunk_extensions(target: Target) -> None:
    """Send endless bodies in chunks of a byte, each with an extension of 1 KB."""
    await _send_endless(target, b"1;" + b"x" * 1_000 + b"\r\n \r\n")


async def small_chunks(target: Target) -> None:
    """Send endless bodies in chunks of 16 bytes."""
    await _send_endless(target, (b"10\r\n" + b" " * 16 + b"\r\n") * 100)


async def endless_trailers(target: Target) -> None:
    """Send trailers without an end."""
    await _send_endless(target, b"a: b\r\n" * 100, first=b"0\r\n")


async def _send_endless(target: Target, data: bytes, first: bytes = b"") -> None:
    head = f"POST {PATH} HTTP/1.1\r\nhost: endpoint\r\ntransfer-encoding: chunked\r\n"

    async def use(_: Reader, writer: Writer) -> None:
        writer.write(head.encode() + b"\r\n" + first)
        await _send_repeatedly(writer, data)

    await _connect(target, 20, use)


async def rejected_bodies(target: Target) -> None:
    """Send 16 MB to a path that does not exist."""
    size = 16_000_000
    head = f"POST /no/path HTTP/1.1\r\nhost: endpoint\r\ncontent-length: {size}\r\n\r\n"
    part = bytes(100_000)

    async def use(reader: Reader, writer: Writer) -> None:
        writer.write(head.encode())
        for _ in range(size // len(part)):
            writer.write(part)
            await writer.drain()
        await _read_answer(reader)

    await _connect(target, 10, use)


async def garbage(target: Target) -> None:
    """Send random bytes, and greetings of TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(
        incoming, outgoing, server_hostname="endpoint"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()

    async def use(reader: Reader, writer: Writer) -> None:
        writer.write(hello if os.urandom(1) < b"\x80" else os.urandom(4_096))
        await reader.read()

    await _connect(target, 20, use, pause_seconds=0)


# --- With the store's file ------------------------------------------------------------


async def locked_store(target: Target) -> None:
    """Hold the lock for writing, and give it back for twice the time."""
    store = sqlite3.connect(target.store, timeout=60, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")

    async def take_turns() -> None:
        while True:
            await asyncio.sleep(_LOCK_SECONDS)
            store.execute("ROLLBACK")
            await asyncio.sleep(2 * _LOCK_SECONDS)
            store.execute("BEGIN IMMEDIATE")

    target.tasks.create_task(take_turns())


ATTACKERS: Final[tuple[Attacker, ...]] = (
    many_items,
    deep_json,
    empty_lists,
    one_address,
    long_queries,
    long_queries_anew,
    pipelined_heads,
    pipelined_gets,
    many_headers,
    unread_answers,
    absent_bodies,
    slow_bodies,
    silent_connections,
    slow_heads,
    connect_and_close,
    chunk_extensions,
    small_chunks,
    endless_trailers,
    rejected_bodies,
    garbage,
    locked_store,
)


async def _attack(host: str, port: str, store: str, *names: str) -> None:
    by_name = {each.__name__: each for each in ATTACKERS}
    async with asyncio.TaskGroup() as tasks:
        target = Target(host, int(port), store, tasks)
        for name in names:
            await by_name[name](target)
        sys.stdout.write("attacking\n")
        sys.stdout.flush()
        await asyncio.Event().wait()  # without any name, too


if __name__ == "__main__":
    os.nice(19)
    asyncio.run(_attack(*sys.argv[1:]))
