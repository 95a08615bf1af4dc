"""
Calls that may be forged until their bodies have arrived.

Most signers do not state the hash of the body, so that anyone who knows an access key
id can begin a call that looks right until its body is complete. Such calls, and
unsigned ones, are counted apart from those that a key's owner has sent for certain. If
there are too many, or too many bytes of them, the slowest one ends. So calls that
arrive, as those of real clients do, displace calls that do not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events.server._answers import unavailable
from pinpoint_events.server._body import Body

__all__ = ["Unproven"]

_MAX_BYTES: Final = 32 * 1024 * 1024  # of all of them: eight of the largest calls
# The rate of a call says something about its client only after a while.
_GRACE_SECONDS: Final = 1.0


class Unproven:
    """
    The calls that are not proven yet.

    Args:
        most: How many there may be at a time.
        max_bytes: How many bytes of their bodies may be held at a time. One body alone
            may have more.
        clock: Returns seconds.
    """

    def __init__(
        self,
        most: int,
        max_bytes: int = _MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes = 0
        self._bodies: dict[Body, float] = {}  # to when each began, the oldest first

    @contextmanager
    def arriving(self, body: Body) -> Iterator[None]:
        """Count a call in while its body is read; end the slowest if it is too many."""
        if len(self._bodies) >= self._most:
            self._end_slowest()
        self._bodies[body] = self._clock()
        body.on_bytes = self._count
        try:
            yield
        finally:
            self._remove(body)

    def _count(self, count: int) -> None:
        self._bytes += count
        while self._bytes > self._max_bytes and len(self._bodies) > 1:
            self._end_slowest()

    def _remove(self, body: Body) -> None:
        if self._bodies.pop(body, None) is not None:
            body.on_bytes = None
            self._bytes -= body.arrived_bytes

    def _end_slowest(self) -> None:
        now = self._clock()
        rates = {
            body: body.arrived_bytes / (now - began)
            for body, began in self._bodies.items()
            if now - began > _GRACE_SECONDS
        }
        oldest = next(iter(self._bodies))
        slowest = min(rates, key=rates.__getitem__, default=oldest)
        self._remove(slowest)
        message = (
            "too many calls arrive at a time, and this one was the slowest; send it "
            "again later"
        )
        slowest.end(unavailable(message, closes=True))
