"""
Honest clients of an endpoint under load: signed calls, sent again as SDKs do.

In the open loop, calls are due at a fixed rate, whatever the endpoint does, and each
latency counts from when its call was due. A loop that waits for an answer before it
sends the next call would send, and measure, little while the endpoint is slow.
"""

import asyncio
import itertools
import json
import math
import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import attrs
from tests.server.machine_speed import MachineSpeed
from tests.server.quick_calls import signed_call

# In a call. Events are more rows in the store, updates of known endpoints are not: so
# calls cost the endpoint more than these clients, and an hour of them fills no disk.
EVENTS = 2
_ENDPOINTS = 10

_ALL_ENDPOINTS = 1_000
_ACCEPTED = b'"StatusCode":202'
# Each with separate connections: that others are connected does not help a client.
_CLIENTS = 32
# Clients come and go: each connects anew now and then, and not all at the same time.
_CALLS_PER_CONNECTION = 20  # on average
# Fewer than the calls that an endpoint takes at a time: honest clients alone are never
# too many.
_CALLS_AT_A_TIME = 64
_ATTEMPT_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.05
_MAX_DELAY_SECONDS = 1.0


_EVENT = {
    "EventType": "tapped",
    "Timestamp": "2026-09-21T12:00:00.123Z",
    "Attributes": {"screen": "start"},
    "Session": {"Id": "s-1", "StartTimestamp": "2026-09-21T12:00:00.000Z"},
}


@attrs.define(eq=False)
class Window:
    """
    The calls that were due within a stretch of time.

    Args:
        speed: Tells which calls met a moment in which the machine itself was slow.

    Attributes:
        due: How many.
        disturbed: Of how many the latency says nothing about the endpoint.
        latencies: Seconds from when a call was due to its 202, of the others.
        lags: Seconds from when a call was due to when this load began with it: how late
            the load itself was.
        repeats: Attempts beyond the first one, by what they followed.
    """

    speed: MachineSpeed
    due: int = 0
    disturbed: int = 0
    latencies: list[float] = attrs.field(factory=list)
    lags: list[float] = attrs.field(factory=list)
    repeats: Counter[str] = attrs.field(factory=Counter)

    def note_answer(self, due: float) -> None:
        """Take note that a call has its 202 now."""
        now = time.monotonic()
        if self.speed.has_disturbed(due, now):
            self.disturbed += 1
        else:
            self.latencies.append(now - due)

    @property
    def measured(self) -> int:
        """How many calls tell about the endpoint: those without a 202, too."""
        return self.due - self.disturbed

    @property
    def unanswered(self) -> int:
        """How many calls have no 202 yet."""
        return self.measured - len(self.latencies)

    @property
    def median(self) -> float:
        """The latency of half of the calls."""
        return _percentile(self.latencies, 0.5, of=self.measured)

    @property
    def p99(self) -> float:
        """The latency of 99 of 100 calls, at most; infinite without a 202."""
        return _percentile(self.latencies, 0.99, of=self.measured)

    @property
    def late(self) -> float:
        """How late the load was with 99 of 100 calls, at most."""
        return _percentile(self.lags, 0.99, of=self.due)


def _percentile(values: list[float], share: float, *, of: int) -> float:
    """Return the value that a share of so many keep; those missing are infinite."""
    position = max(math.ceil(share * of), 1) - 1
    return sorted(values)[position] if position < len(values) else math.inf


@attrs.define(eq=False)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_usable(self) -> bool:
        return not (self.reader.at_eof() or self.writer.is_closing())


class HonestClients:
    """
    Clients that take turns with their calls.

    Args:
        host: The endpoint's host.
        port: The endpoint's port.

        speed: Watches the machine meanwhile.

    Attributes:
        window: What calls that become due now are counted in.
        accepted: The serial numbers of the calls whose items were all accepted.
        refused: Statuses and answers that an honest client should never see.
    """

    def __init__(self, host: str, port: int, speed: MachineSpeed) -> None:
        self._address = host, port
        self._host = f"{host}:{port}"
        self._idle: list[deque[_Connection]] = [deque() for _ in range(_CLIENTS)]
        self._free = asyncio.Semaphore(_CALLS_AT_A_TIME)
        self._random = random.Random(0)
        self._serial = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.window = Window(speed)
        self.accepted: set[int] = set()
        self.refused: Counter[str] = Counter()

    async def capacity(self, seconds: float, clients: int) -> float:
        """Return how many calls a second are answered: in the slowest of four parts."""
        started = time.monotonic()
        counts: Counter[int] = Counter()

        async def client() -> None:
            while (now := time.monotonic()) < started + seconds:
                await self._call(now, self.window)
                counts[int((time.monotonic() - started) / seconds * 4)] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(client())
        # A shared machine is not always as fast as in its best moments.
        return min(counts[part] for part in range(4)) / (seconds / 4)

    @property
    def in_progress(self) -> int:
        """How many calls are due and not answered."""
        return len(self._tasks)

    async def send(self, calls_per_second: float) -> None:
        """Send at a fixed rate, until cancelled; then the calls in progress end too."""
        started = time.monotonic()
        count = 0
        try:
            while True:
                due = started + count / calls_per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                count += 1
                self.window.due += 1
                task = asyncio.create_task(self._call(due, self.window))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._close_idle()

    def accepted_ids(self) -> set[str]:
        """Return the ids of all accepted events."""
        return {event_id for serial in self.accepted for event_id in _event_ids(serial)}

    async def _call(self, due: float, window: Window) -> None:
        """Send one call until it is accepted."""
        window.lags.append(time.monotonic() - due)
        serial, self._serial = self._serial, self._serial + 1
        body = _body(serial)
        idle = self._idle[serial % _CLIENTS]
        for attempt in itertools.count():
            try:
                status, answer = await self._attempt(body, idle)
            except (OSError, EOFError) as error:  # a TimeoutError is an OSError
                reason = type(error).__name__
            else:
                if status == 202:
                    self._note_answer(serial, answer)
                    window.note_answer(due)
                    return
                reason = str(status)
                if status != 503:
                    self.refused[f"{status} {answer.decode()[:200]}"] += 1
                    return
            window.repeats[reason] += 1
            most = min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(attempt, 9))
            await asyncio.sleep(self._random.uniform(0, most))

    def _note_answer(self, serial: int, answer: bytes) -> None:
        if answer.count(_ACCEPTED) == EVENTS + _ENDPOINTS:
            self.accepted.add(serial)
        else:
            self.refused[f"202 {answer.decode()[:200]}"] += 1

    async def _attempt(
        self, body: bytes, idle: deque[_Connection]
    ) -> tuple[int, bytes]:
        # The wait for others is over before the time runs: calls that gave up while
        # they wait would be sent again, and a load that is behind would stay behind.
        async with self._free, asyncio.timeout(_ATTEMPT_SECONDS):
            return await self._exchange(signed_call(self._host, body), idle)

    async def _exchange(
        self, request: bytes, idle: deque[_Connection]
    ) -> tuple[int, bytes]:
        connection = await self._connection(idle)
        try:
            connection.writer.write(request)
            head = await connection.reader.readuntil(b"\r\n\r\n")
            status, length, closes = _parsed(head)
            answer = await connection.reader.readexactly(length)
        except BaseException:
            connection.writer.transport.abort()
            raise
        if closes or self._random.random() < 1 / _CALLS_PER_CONNECTION:
            connection.writer.close()
        else:
            idle.append(connection)
        return status, answer

    async def _connection(self, idle: deque[_Connection]) -> _Connection:
        """Return an idle connection that the endpoint has not closed, or a new one."""
        while idle:
            connection = idle.popleft()
            if connection.is_usable:
                return connection
            connection.writer.close()
        return _Connection(*await asyncio.open_connection(*self._address))

    def _close_idle(self) -> None:
        for idle in self._idle:
            while idle:
                idle.pop().writer.close()


def _body(serial: int) -> bytes:
    names = [
        f"honest-{number % _ALL_ENDPOINTS}"
        for number in range(serial * _ENDPOINTS, (serial + 1) * _ENDPOINTS)
    ]
    batch: dict[str, Any] = {
        name: {"Endpoint": _update(name), "Events": {}} for name in names
    }
    batch[names[0]]["Events"] = dict.fromkeys(_event_ids(serial), _EVENT)
    return json.dumps({"BatchItem": batch}).encode()


def _update(name: str) -> dict[str, Any]:
    return {"Address": name, "ChannelType": "CUSTOM", "OptOut": "NONE"}


def _event_ids(serial: int) -> Iterator[str]:
    """Return the ids of a call's events."""
    return (f"{serial}-{number}" for number in range(EVENTS))


def _parsed(head: bytes) -> tuple[int, int, bool]:
    """Return status, length of the body, and whether the connection ends."""
    first, *lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines if line)
    closes = headers.get(b"connection") == b"close"
    return int(first.split()[1]), int(headers[b"content-length"]), closes
