"""
A soak of the endpoint: honest clients at half of its capacity, beside attackers.

Half of the capacity is what keeps the processor of the endpoint busy half of the time.

It runs only if `PINPOINT_EVENTS_SOAK_SECONDS` says for how long; `nox -s soak` sets 60.
One process and two worker processes get half of that time each. The phases share it.
What comes on top is the time after each phase until all honest calls have their
answers, and the endpoint has given its memory back.
"""

import asyncio
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import pytest
from tests.commands import COMMAND, environment
from tests.server import attackers
from tests.server.attackers import ATTACKERS, Attacker
from tests.server.honest_clients import EVENTS, HonestClients, Window
from tests.server.machine_speed import MachineSpeed
from tests.server.quick_calls import KEY_ID, SECRET

SECONDS: Final = float(os.environ.get("PINPOINT_EVENTS_SOAK_SECONDS") or 0)
WORKERS: Final = (1, 2)
# Those that make processes meet: at the store, at the listening socket, in the limits
# that each has for itself. What one process bears, two do.
OF_SEVERAL: Final = (
    attackers.one_address,
    attackers.pipelined_gets,
    attackers.absent_bodies,
    attackers.silent_connections,
    attackers.connect_and_close,
    attackers.garbage,
    attackers.locked_store,
)
ROOT: Final = Path(__file__).parents[2]

# What the endpoint promises.
MAX_SLOWDOWN: Final = 5.0  # of the p99, compared with that of no attack
MAX_GROWTH: Final = 1.5  # of the resident memory, when an attack is over
MAX_STOP_SECONDS: Final = 30.0

# No p99 below this is too slow: where attackers, honest clients and the endpoint share
# two cores, any of them may have to wait for some time slices of the others.
LOW_P99_SECONDS: Final = 0.1
# A machine with other users stalls at times. A phase that was too slow is repeated:
# what an attacker causes, it causes again.
ATTEMPTS: Final = 5
ANSWER_SECONDS: Final = 60.0  # for late answers, after an attack, and for its start
MEMORY_SECONDS: Final = 10.0  # for memory, after those
# Calls at a time: while the capacity is measured, and when a phase may begin.
CLIENTS: Final = 16
LOCKED_SECONDS: Final = 8.0  # as long as the lock is held, and somewhat longer

# At SIGTERM: all that keeps connections, calls and answers unfinished.
LAST: Final = (
    attackers.pipelined_heads,
    attackers.unread_answers,
    attackers.absent_bodies,
    attackers.slow_bodies,
    attackers.silent_connections,
    attackers.slow_heads,
)


@attrs.define(eq=False)
class Endpoint:
    """
    The processes of an endpoint.

    Attributes:
        process: The first one.
        workers: How many serve: the first one alone, or so many children of it.
        peak_bytes: The most memory that was seen.
    """

    process: "subprocess.Popen[str]"
    workers: int
    host: str
    port: int
    store: Path
    peak_bytes: int = 0

    def pids(self) -> list[int]:
        """Return the processes that serve."""
        first = self.process.pid
        if self.workers == 1:
            return [first]
        with suppress(OSError):
            children = Path(f"/proc/{first}/task/{first}/children").read_text()
            return [int(each) for each in children.split()]
        return []

    def resident_bytes(self) -> int:
        """Return how much memory the processes have now; 0 if they have ended."""
        pages = 0
        for pid in self.pids():
            with suppress(OSError, IndexError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        size = pages * os.sysconf("SC_PAGE_SIZE")
        self.peak_bytes = max(self.peak_bytes, size)
        return size

    def processor_seconds(self) -> float:
        """Return how much time of the processors the processes have used."""
        ticks = 0
        for pid in self.pids():
            with suppress(OSError):
                _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
                ticks += sum(int(each) for each in fields.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    async def watch(self) -> None:
        """Look at the memory, until cancelled."""
        while True:
            self.resident_bytes()
            await asyncio.sleep(0.05)

    async def stop(self) -> tuple[int | None, float]:
        """Send SIGTERM; return the exit code, or None, and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(self.process.wait, 2 * MAX_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        return code, time.monotonic() - started


@contextmanager
def serving(directory: Path, workers: int) -> Iterator[Endpoint]:
    """
    Run the endpoint as a user would, with its log in a file.

    One process has a separate core. Workers share all cores with their clients: that
    they run at the same time is what they are tested for.
    """
    store = directory / "events.db"
    keys = directory / "keys"
    keys.write_text(
        f"[any]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    arguments = ["--to", f"sqlite:///{store}", "--credentials", str(keys)]
    arguments += ["--workers", str(workers)]
    log = directory / "log"
    with ExitStack() as stack:
        stderr = stack.enter_context(log.open("w"))
        core, others = stack.enter_context(separate_core())
        if workers == 1:
            os.sched_setaffinity(0, core)  # for the child
        process = stack.enter_context(
            subprocess.Popen(
                [*COMMAND, "serve", "--port", "0", *arguments],
                cwd=directory,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        )
        stack.callback(process.kill)
        if workers == 1:
            os.sched_setaffinity(0, others)
        assert process.stdout is not None
        parts = urlsplit(process.stdout.readline().strip())
        assert parts.port is not None, log.read_text()
        yield Endpoint(process, workers, parts.hostname or "", parts.port, store)


@contextmanager
def separate_core() -> Iterator[tuple[set[int], set[int]]]:
    """
    Yield a core for the endpoint, and those for all others.

    Attackers and honest clients are usually on other machines: they take no processor
    time from the endpoint. `benchmarks/endpoint.py` measures in the same way.
    """
    before = os.sched_getaffinity(0)
    core = {max(before)}
    try:
        yield core, before - core or core
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def attacking(
    endpoint: Endpoint, chosen: Sequence[Attacker]
) -> AsyncIterator[None]:
    """Run attackers, all in one process, as long as the block lasts."""
    target = [endpoint.host, str(endpoint.port), str(endpoint.store)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", attackers.__name__, *target),
        *(each.__name__ for each in chosen),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            assert await process.stdout.readline() == b"attacking\n"
        yield
        assert process.returncode is None, "an attacker has ended"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def running(*coroutines: "asyncio.Task[None]") -> AsyncIterator[None]:
    """Cancel tasks at the end of the block, and wait for them."""
    try:
        yield
    finally:
        for each in coroutines:
            each.cancel()
        await asyncio.gather(*coroutines, return_exceptions=True)


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so, for some seconds at most."""
    deadline = time.monotonic() + seconds
    # The system tells no one when a process has given memory back.
    while not is_so() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


@attrs.define(eq=False)
class Soak:
    """
    One soak.

    Args:
        endpoint: What is attacked.
        show: Prints a line.

    Attributes:
        failures: What the endpoint has promised and not kept.
    """

    endpoint: Endpoint
    show: Callable[[str], None]
    failures: list[str] = attrs.field(factory=list)
    _speed: MachineSpeed = attrs.field(factory=MachineSpeed)
    _max_p99: float = 0.0
    _max_bytes: float = math.inf

    async def run(self) -> None:
        """Go through all phases, and stop the endpoint."""
        async with running(asyncio.create_task(self._speed.watch())):
            await self._run()

    async def _run(self) -> None:
        clients = HonestClients(self.endpoint.host, self.endpoint.port, self._speed)
        is_one = self.endpoint.workers == 1
        chosen = ATTACKERS if is_one else OF_SEVERAL
        phases = len(chosen) + (7 if is_one else 8)
        share = SECONDS / len(WORKERS) / phases
        capacity = await clients.capacity(2 * share, CLIENTS)
        rate = await self._half(clients, capacity, 2 * share)
        self.show(
            f"capacity: {capacity:.0f} calls/s of {EVENTS} events; "
            f"honest clients send {rate:.0f} calls/s"
        )
        self.show(
            f"{'attacker':20}{'calls':>7}{'left':>7}{'again':>7}{'late':>7}{'p50':>8}"
            f"{'p99':>8}"
            f"{'peak MB':>9}{'then MB':>9}{'after s':>9}"
        )
        async with running(
            asyncio.create_task(clients.send(rate)),
            asyncio.create_task(self.endpoint.watch()),
        ):
            windows = [await self._phase(clients, "none", share) for _ in range(2)]
            p99 = min(each.p99 for each in windows)
            self._max_p99 = max(MAX_SLOWDOWN * p99, LOW_P99_SECONDS)
            self._max_bytes = MAX_GROWTH * self.endpoint.resident_bytes()
            for attacker in chosen:
                await self._attack(clients, attacker, share)
            if not is_one:
                await self._kill(clients, share)
            await self._stop(share)
        if clients.refused:
            self.failures.append(f"honest calls were rejected: {clients.refused}")
        self._check_store(clients)
        self._check_log()

    async def _half(
        self, clients: HonestClients, capacity: float, seconds: float
    ) -> float:
        """
        Return how many calls a second take half of the endpoint's processor time.

        That is less than half of the capacity: calls of clients that wait for each
        other arrive together, and share a transaction; those at a fixed rate do not.
        """
        rate = capacity / 2
        async with running(asyncio.create_task(clients.send(rate))):
            before = self.endpoint.processor_seconds()
            await asyncio.sleep(seconds)
            used = (self.endpoint.processor_seconds() - before) / seconds
        return rate * min(1.0, self.endpoint.workers / 2 / used)

    async def _attack(
        self, clients: HonestClients, attacker: Attacker, seconds: float
    ) -> None:
        name = attacker.__name__
        if attacker is attackers.locked_store:
            # Nothing can be stored meanwhile: of the honest calls, none is on time.
            await self._phase(clients, name, max(seconds, LOCKED_SECONDS), attacker)
            return
        found = []
        for _ in range(ATTEMPTS):
            window = await self._phase(clients, name, seconds, attacker)
            # The load waits for no answer before it begins with a call. If it is late,
            # that is the machine's doing, not the endpoint's.
            if window.p99 <= self._max_p99 + window.late:
                return
            found.append(
                f"{window.p99 * 1e3:.0f} ms (load late by {window.late * 1e3:.0f} ms)"
            )
        self.failures.append(
            f"{name}: honest p99 of {', '.join(found)}; "
            f"at most {self._max_p99 * 1e3:.0f} ms more than that"
        )

    async def _kill(self, clients: HonestClients, seconds: float) -> None:
        """Kill a worker while it serves: what it has answered is stored."""
        victim, *others = self.endpoint.pids()
        loop = asyncio.get_running_loop()
        killing = loop.call_later(seconds / 2, os.kill, victim, signal.SIGKILL)
        await self._phase(clients, "killed worker", seconds)
        killing.cancel()
        await _until(
            lambda: len(self.endpoint.pids()) == self.endpoint.workers, ANSWER_SECONDS
        )
        after = self.endpoint.pids()
        if victim in after or not {*others} < {*after}:
            self.failures.append(f"{victim} was killed; before {others}, then {after}")

    async def _phase(
        self, clients: HonestClients, name: str, seconds: float, *chosen: Attacker
    ) -> Window:
        """Measure the calls that are due in these seconds, and let them end."""
        endpoint = self.endpoint
        assert endpoint.process.poll() is None, "the endpoint has ended"
        window = Window(self._speed)
        async with attacking(endpoint, chosen):
            endpoint.peak_bytes = 0
            clients.window = window
            await asyncio.sleep(seconds)
            clients.window = Window(self._speed)
            peak_bytes = endpoint.peak_bytes
        ended = time.monotonic()
        # Those that became due since then, too: they would delay the next phase.
        await _until(
            lambda: not window.unanswered and clients.in_progress <= CLIENTS,
            ANSWER_SECONDS,
        )
        await _until(
            lambda: endpoint.resident_bytes() <= self._max_bytes, MEMORY_SECONDS
        )
        resident = endpoint.resident_bytes()
        self.show(
            f"{name:20}{window.due:7}{window.measured:7}{window.repeats.total():7}"
            f"{window.late * 1e3:7.1f}"
            f"{window.median * 1e3:8.1f}"
            f"{window.p99 * 1e3:8.1f}"
            f"{peak_bytes / 1e6:9.0f}{resident / 1e6:9.0f}"
            f"{time.monotonic() - ended:9.1f}"
        )
        if window.unanswered:
            self.failures.append(
                f"{name}: {window.unanswered} honest calls without an answer after "
                f"{ANSWER_SECONDS:.0f} s; repeated after {dict(window.repeats)}"
            )
        if resident > self._max_bytes:
            self.failures.append(
                f"{name}: {resident / 1e6:.0f} MB are resident when it is over; at "
                f"most {self._max_bytes / 1e6:.0f} MB"
            )
            # Attackers that follow are blamed for what they add.
            self._max_bytes = MAX_GROWTH * resident
        return window

    async def _stop(self, seconds: float) -> None:
        """Stop the endpoint while all are sending."""
        async with attacking(self.endpoint, LAST):
            await asyncio.sleep(seconds)
            code, seconds = await self.endpoint.stop()
        self.show(f"exit code {code}, {seconds:.1f} s after SIGTERM")
        if code != 0 or seconds > MAX_STOP_SECONDS:
            self.failures.append(
                f"exit code {code}, {seconds:.1f} s after SIGTERM; it should be 0, "
                f"within {MAX_STOP_SECONDS:.0f} s"
            )

    def _check_store(self, clients: HonestClients) -> None:
        """Each accepted event is stored, and none is stored twice."""
        with closing(sqlite3.connect(self.endpoint.store)) as store:
            rows = store.execute(
                "SELECT event_id, count(*) FROM events GROUP BY event_id"
            )
            counts = dict(rows.fetchall())
        lost = clients.accepted_ids() - counts.keys()
        doubled = sorted(each for each, count in counts.items() if count > 1)
        self.show(
            f"{len(clients.accepted) * EVENTS} events accepted, {len(lost)} of them "
            f"lost; {len(counts)} stored, {len(doubled)} of them more than once"
        )
        if lost:
            self.failures.append(f"lost events, such as {sorted(lost)[:3]}")
        if doubled:
            self.failures.append(f"doubled events, such as {doubled[:3]}")

    def _check_log(self) -> None:
        """No input of any client causes an error that the endpoint does not handle."""
        log = self.endpoint.store.with_name("log").read_text()
        if "Traceback" in log:
            _, _, text = log.partition("Traceback")
            self.failures.append(f"in the log: Traceback{text[:2_000]}")


@pytest.mark.skipif(not SECONDS, reason="PINPOINT_EVENTS_SOAK_SECONDS is not set")
@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read as Linux shows it"
)
class TestSoak:
    """No attacker takes the endpoint away from honest clients."""

    @pytest.mark.parametrize("workers", WORKERS)
    def test_attackers(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int
    ) -> None:
        """Honest calls stay fast, and memory bounded; no event is lost or doubled."""

        def show(line: str) -> None:
            with capsys.disabled():
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()

        show(f"\n{workers} worker(s)")
        with serving(tmp_path, workers) as endpoint:
            soak = Soak(endpoint, show)
            asyncio.run(soak.run())
        assert not soak.failures, "\n".join(soak.failures)
