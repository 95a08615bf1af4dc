"""Those that ask for more than others go on one after the other."""

import asyncio

from tests.server.clients import SECONDS

from pinpoint_events.server._turns import Turns


class Asking:
    """Something that takes note of its turns, and may ask for another."""

    def __init__(self, name: str, turns: Turns, took: "asyncio.Queue[str]") -> None:
        self.name = name
        self.turns = turns
        self.took = took
        self.more = 0

    def go_on(self) -> None:
        """Take the turn."""
        self.took.put_nowait(self.name)
        if self.more:
            self.more -= 1
            self.turns.ask(self)


def taken(
    seconds: float, times: dict[str, int], *, leaves: str = ""
) -> tuple[list[str], float]:
    """Return whose turn it was, in order, and how long that took."""

    async def run() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        turns = Turns(seconds)
        took: asyncio.Queue[str] = asyncio.Queue()
        asking = [Asking(name, turns, took) for name in times]
        for each in asking:
            each.more = times[each.name] - 1
            turns.ask(each)
            turns.ask(each)  # which does nothing
            if each.name == leaves:
                turns.leave(each)
        count = sum(each for name, each in times.items() if name != leaves)
        async with asyncio.timeout(SECONDS):
            return [await took.get() for _ in range(count)], loop.time() - started

    return asyncio.run(run())


class TestTurns:
    """Turns are fair, and not all at once."""

    def test_order(self) -> None:
        """Whoever asks again waits for the others."""
        took, _ = taken(0.001, {"a": 3, "b": 1, "c": 2})
        assert took == ["a", "b", "c", "a", "c", "a"]

    def test_rate(self) -> None:
        """There is time between two turns."""
        _, seconds = taken(0.01, {"a": 2, "b": 3})
        assert seconds > 5 * 0.01 * 0.9  # a little less: clocks have a resolution

    def test_leave(self) -> None:
        """Who has gone gets no turn; the others do."""
        took, _ = taken(0.001, {"a": 2, "b": 1}, leaves="a")
        assert took == ["b"]

    def test_all_leave(self) -> None:
        """A turn for which nobody is left is over; those who ask later get theirs."""

        async def run() -> str:
            turns = Turns(0.001)
            took: asyncio.Queue[str] = asyncio.Queue()
            gone = Asking("gone", turns, took)
            turns.ask(gone)
            turns.leave(gone)
            loop = asyncio.get_running_loop()
            later = loop.create_future()
            loop.call_later(0.01, later.set_result, None)
            await later
            turns.ask(Asking("late", turns, took))
            async with asyncio.timeout(SECONDS):
                return await took.get()

        assert asyncio.run(run()) == "late"
