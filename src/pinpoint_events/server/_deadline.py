"""
One time for all that a call may wait for, and one for the end of an endpoint.

A call waits for a thread that parses it, for a worker, for the calls of its application
before it, and for the store. If each of these waits had a timeout, calls at a locked
store would be answered one timeout after the other. So a call has one deadline, which
every wait is cut to.

A call has begun when its sender is called. From then on its outcome is awaited: an
answer at the deadline would say that nothing was sent, which is not known. Until then
it can be given up. It does one of the two, never both, although different threads
decide.

The end has one time, too: first for the calls in progress, then for closing the stores,
then for the process to end, whatever has not finished.
"""

import threading
import time
from typing import Final, NamedTuple

from pinpoint_events.server._answers import RequestError, unavailable

__all__ = ["CallDeadline", "StopDeadlines"]

_SHARE_OF_CALLS: Final = 0.9  # closing a store copies its log: 64 MB
_SHARE_OF_STORES: Final = 0.95
_SHARE_OF_PROCESS: Final = 0.97  # then there is time for a line of the log


class CallDeadline:
    """
    The deadline of one call, which begins before it or is given up.

    Args:
        seconds: How long the call may wait, from now.

    Attributes:
        at: Until when, by `time.monotonic`.
    """

    __slots__ = ("_decided", "_has_begun", "_seconds", "at")

    at: float

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self._seconds = seconds
        self._decided = threading.Lock()  # taken by who is first
        self._has_begun = False

    @property
    def seconds_left(self) -> float:
        """How long it may still wait."""
        return max(0.0, self.at - time.monotonic())

    def begin(self) -> None:
        """
        Begin; beginning again, in the same thread, does nothing.

        Raises:
            RequestError: If the time is over.
        """
        if self._has_begun:
            return
        if not self.seconds_left or not self._decided.acquire(blocking=False):
            raise self.error()
        self._has_begun = True

    def give_up(self) -> bool:
        """Give the call up; return False if it has begun."""
        return self._decided.acquire(blocking=False)

    def acquire(self, lock: threading.Lock) -> None:
        """
        Acquire a lock.

        Raises:
            RequestError: If the time is over before it is free.
        """
        if not lock.acquire(timeout=self.seconds_left):
            raise self.error()

    def error(self) -> RequestError:
        """Return the answer to a call whose time is over."""
        message = (
            f"the call could not begin within {self._seconds:g} seconds; send it again "
            "later"
        )
        return unavailable(message)


class StopDeadlines(NamedTuple):
    """
    The deadlines of an endpoint's end, by `time.monotonic`.

    Attributes:
        calls: Until when calls in progress are awaited.
        stores: Until when stores are closed.
        process: When the process ends, whatever has not ended by then.
        all: When it must have ended.
    """

    calls: float
    stores: float
    process: float
    all: float

    @classmethod
    def within(cls, seconds: float) -> "StopDeadlines":
        """Return the deadlines of an end that begins now."""
        now = time.monotonic()
        return cls(
            now + seconds * _SHARE_OF_CALLS,
            now + seconds * _SHARE_OF_STORES,
            now + seconds * _SHARE_OF_PROCESS,
            now + seconds,
        )
