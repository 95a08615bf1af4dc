"""Bodies that arrive slowly, and calls that may be forged until they have arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.server.clients import (
    KEY,
    ONE,
    SECONDS,
    answer,
    boto3_client,
    connected,
    head,
    rest,
)
from tests.server.signing import sent

from pinpoint_events import MemorySender
from pinpoint_events.server import Credentials, Served, create_app, served
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._body import Body
from pinpoint_events.server._unproven import Unproven

FORGER = Credentials(KEY.access_key_id, "another-secret")
TOO_MANY = (
    503,
    "ServiceUnavailableException",
    (
        "too many calls arrive at a time, and this one was the slowest; send it again "
        "later"
    ),
)


@contextmanager
def crowded(unproven: int, **settings: Any) -> Iterator[tuple[Served, MemorySender]]:
    """Serve an endpoint with few places for calls that are not proven."""
    sender = MemorySender()
    app = create_app(sender, credentials=KEY, unproven=unproven, **settings)
    with served(app) as server:
        yield server, sender


def begun(key: Credentials, *, tells_hash: bool = False) -> bytes:
    """Return a signed call without the last byte of its body."""
    return sent(key=key, moment=datetime.now(UTC), tells_hash=tells_hash).raw[:-1]


class TestForged:
    """Who knows an access key id can begin calls, but keeps nobody out."""

    def test_make_room(self) -> None:
        """Each that is too many ends the oldest, and calls that arrive are served."""
        with crowded(2) as (server, sender), ExitStack() as stack:
            forged = [stack.enter_context(connected(server)) for _ in range(4)]
            for connection in forged:
                connection.sendall(begun(FORGER))
            ended = [answer(connection) for connection in forged[:2]]
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            ended.append(answer(forged[2]))
            assert [rest(connection) for connection in forged[:3]] == [b""] * 3
        assert [each.error for each in ended] == [TOO_MANY] * 3
        assert {each.headers["retry-after"] for each in ended} == {"1"}
        assert list(sender.events) == [("e", "v")]

    def test_leave_calls_of_keys_alone(self) -> None:
        """A call that is signed with the hash of its body keeps its place."""
        with crowded(1) as (server, _), ExitStack() as stack:
            proven, *forged = [stack.enter_context(connected(server)) for _ in range(4)]
            proven.sendall(begun(KEY, tells_hash=True))
            for connection in forged:
                connection.sendall(begun(FORGER))
            assert [answer(each).status for each in forged[:2]] == [503, 503]
            proven.sendall(b"}")
            assert answer(proven).status == 202

    def test_unsigned(self) -> None:
        """Where calls need no signature, none of them is proven."""
        sender = MemorySender()
        app = create_app(sender, credentials=None, unproven=1)
        with served(app) as server, connected(server) as first:
            first.sendall(head("Content-Length: 9"))
            with connected(server) as second:
                second.sendall(head("Content-Length: 9"))
                got = answer(first)
        assert got.error == TOO_MANY


class Clock:
    """Seconds, set by a test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


class Sending:
    """A client that sends parts of a body, or waits for ever."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()

    def send(self, part: bytes, *, is_last: bool = False) -> None:
        """Send a part."""
        self.parts.put_nowait((part, is_last))

    async def receive(self) -> MutableMapping[str, Any]:
        """Return the next part, as ASGI servers do."""
        part, is_last = await self.parts.get()
        return {"type": "http.request", "body": part, "more_body": not is_last}


def body_of(client: Sending, **settings: Any) -> Body:
    """Return the body that a client sends."""
    return Body(client.receive, SECONDS, 1_000, **settings)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test in an event loop."""

    async def whole() -> None:
        async with asyncio.timeout(SECONDS):
            await test()

    asyncio.run(whole())


class Crowd:
    """Calls whose bodies arrive; each is read by a task."""

    def __init__(self, unproven: Unproven) -> None:
        self.unproven = unproven
        self.clients: list[Sending] = []
        self.tasks: list[asyncio.Task[bytes]] = []

    async def add(self, size: int = 0) -> None:
        """Begin a call, and let so many bytes arrive."""
        client = Sending()
        body = body_of(client)

        async def read() -> bytes:
            with self.unproven.arriving(body):
                return (await body.read(1_000_000))[0]

        self.clients.append(client)
        self.tasks.append(asyncio.create_task(read()))
        await self.settle()
        await self.send(-1, b"-" * size)

    async def send(self, number: int, part: bytes, *, is_last: bool = False) -> None:
        """Let a part arrive."""
        if part or is_last:
            self.clients[number].send(part, is_last=is_last)
        await self.settle()

    async def settle(self) -> None:
        """Let the tasks do all that they can do now."""
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def ended(self) -> list[int]:
        """The numbers of the calls that were rejected."""
        return [
            number
            for number, task in enumerate(self.tasks)
            if task.done() and not task.cancelled()
            if isinstance(task.exception(), RequestError)
        ]

    def cancel(self) -> None:
        """End all of them."""
        for task in self.tasks:
            task.cancel()


class TestUnproven:
    """The slowest goes: in number, and in bytes."""

    def test_slowest(self) -> None:
        """Of those that have had time, the one with the fewest bytes in its time."""

        async def test() -> None:
            clock = Clock()
            crowd = Crowd(Unproven(3, clock=clock))
            await crowd.add(size=900)
            clock.now += 8.0
            await crowd.add(size=100)
            await crowd.add(size=300)
            clock.now += 2.0
            await crowd.add()  # 90, 50 and 150 bytes per second before it
            assert crowd.ended == [1]
            await crowd.add()  # the one before has had no time yet
            assert crowd.ended == [0, 1]
            crowd.cancel()

        run(test)

    def test_oldest(self) -> None:
        """Where none has had time, the oldest."""

        async def test() -> None:
            crowd = Crowd(Unproven(2, clock=Clock()))
            for size in (500, 0, 0, 0):
                await crowd.add(size)
            assert crowd.ended == [0, 1]
            crowd.cancel()

        run(test)

    def test_bytes(self) -> None:
        """Their bytes are bounded together, but one alone may have more."""

        async def test() -> None:
            crowd = Crowd(Unproven(9, max_bytes=1_000, clock=Clock()))
            await crowd.add(size=2_000)
            assert crowd.ended == []
            await crowd.add()
            await crowd.send(1, b"-")
            assert crowd.ended == [0]
            await crowd.send(1, b"-" * 900)
            await crowd.add(size=99)
            assert crowd.ended == [0]
            await crowd.send(2, b"-")
            assert crowd.ended == [0, 1]
            await crowd.send(2, b"!", is_last=True)
            assert crowd.tasks[2].result() == b"-" * 100 + b"!"
            crowd.cancel()

        run(test)

    def test_own_bytes(self) -> None:
        """It may be the one whose bytes are too many."""

        async def test() -> None:
            clock = Clock()
            crowd = Crowd(Unproven(9, max_bytes=1_000, clock=clock))
            await crowd.add(size=10)
            clock.now += 10.0
            await crowd.add(size=980)
            clock.now += 2.0
            await crowd.send(0, b"-" * 20)
            assert crowd.ended == [0]
            crowd.cancel()

        run(test)

    def test_places_are_given_back(self) -> None:
        """One that has arrived, or is gone, makes room."""

        async def test() -> None:
            crowd = Crowd(Unproven(2, max_bytes=10, clock=Clock()))
            await crowd.add(size=6)
            await crowd.send(0, b"", is_last=True)
            await crowd.add(size=6)
            crowd.tasks[1].cancel()
            await crowd.add(size=4)
            await crowd.add(size=6)
            assert crowd.ended == []
            crowd.cancel()

        run(test)


class TestRate:
    """A body arrives at a minimum rate, so that few bytes occupy nothing for long."""

    def test_silent(self) -> None:
        """After a pause at the start, it must go on."""

        async def test() -> None:
            client = Sending()
            client.send(b"-")
            with pytest.raises(RequestError) as raised:
                await body_of(client, grace_seconds=0.05).read(9)
            assert (raised.value.status, raised.value.closes) == (408, True)
            assert raised.value.message == (
                "the body arrives at less than 1,000 bytes per second; send it faster"
            )

        run(test)

    def test_fast(self) -> None:
        """What has arrived is time earned."""

        async def test() -> None:
            client = Sending()
            client.send(b"-" * 1_000_000)
            body = body_of(client, grace_seconds=0.001)
            reading = asyncio.create_task(body.read(2_000_000))
            await asyncio.sleep(0.01)  # longer than the pause
            client.send(b"!", is_last=True)
            content, _ = await reading
            assert (len(content), body.arrived_bytes) == (1_000_001, 1_000_001)

        run(test)
