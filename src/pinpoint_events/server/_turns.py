"""
Turns: those that ask for more than others go on one after the other, at a limited rate.

Clients that send requests ahead of the answers could keep the event loop busy with
little more than their own requests: each answer would be followed by the next request
at once, on hundreds of connections. AWS clients send one request at a time. So could
clients whose requests are rejected, which costs them nothing: a request may have a head
of 64 KiB.
"""

import asyncio
from typing import Final, Protocol

__all__ = ["Turns", "Waiting"]

# A request without a signature takes a tenth of that; with a head of 64 KiB, a third.
_SECONDS: Final = 0.004


class Waiting(Protocol):
    """Something that goes on when it is its turn."""

    def go_on(self) -> None:
        """Do what is next."""
        ...


class Turns:
    """
    Gives turns, in the order of asking; for one thread, the event loop's.

    Args:
        seconds: How long after one turn the next one is.
    """

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._waiting: dict[Waiting, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, waiting: Waiting) -> None:
        """Ask for a turn; asking again while one waits does nothing."""
        self._waiting.setdefault(waiting)
        self._wait_for_next()

    def leave(self, waiting: Waiting) -> None:
        """Ask for no turn any more."""
        self._waiting.pop(waiting, None)

    def _wait_for_next(self) -> None:
        if self._timer is None and self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._give)

    def _give(self) -> None:
        self._timer = None
        waiting = next(iter(self._waiting), None)
        if waiting is not None:
            del self._waiting[waiting]
            self._wait_for_next()
            waiting.go_on()
