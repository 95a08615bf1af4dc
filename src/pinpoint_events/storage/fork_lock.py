"""
Locks that a `fork` leaves in order.

A fork copies the memory, and of the threads only the one that forks. A lock that some
other thread holds at that moment stays held in the child for ever, and what the lock
guards may be half changed there. So a fork first takes all these locks, and lets go of
them on both sides.
"""

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Final

__all__ = ["ForkLock"]

_WAIT_SECONDS: Final = 5.0


class ForkLock:
    """
    A lock, not reentrant, that is free in the child of a fork.

    A fork waits for whoever holds it, though not for ever: a thread that forks while it
    holds the lock itself, in a signal handler, must not wait for itself.

    Args:
        before_fork: A method that each fork calls first, with the lock held. It does
            not keep its object alive.
        wait_seconds: How long a fork waits for the lock.
    """

    def __init__(
        self,
        before_fork: Callable[[], None] | None = None,
        *,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._lock = threading.Lock()
        self._wait_seconds = wait_seconds
        self._before_fork: Callable[[], Callable[[], None] | None] = (
            _nothing if before_fork is None else weakref.WeakMethod(before_fork)
        )
        _locks.add(self)

    def acquire(self, timeout_seconds: float) -> bool:
        """Take the lock, and return whether that took no longer than so."""
        return self._lock.acquire(timeout=timeout_seconds)

    def release(self) -> None:
        """Let go of the lock."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def hold(self) -> bool:
        """Take the lock for a fork, and return whether that was possible."""
        if not self._lock.acquire(timeout=self._wait_seconds):
            return False
        before_fork = self._before_fork()
        if before_fork is not None:
            before_fork()
        return True


def _nothing() -> None:
    return None


_locks: Final = weakref.WeakSet[ForkLock]()
_one_fork: Final = threading.Lock()  # two threads that fork at a time do so in turn
_held: "Final[list[ForkLock | threading.Lock]]" = []


def _take_all() -> None:
    _one_fork.acquire()
    _held.append(_one_fork)
    _held.extend(lock for lock in list(_locks) if lock.hold())


def _let_go_of_all() -> None:
    # Nothing is held where a C program forked, and told Python afterwards only.
    held = _held.copy()
    _held.clear()
    for lock in reversed(held):
        lock.release()


def _no_fork(**_: Callable[[], None]) -> None:
    """Stand in for `os.register_at_fork` on systems that have none, as Windows."""


_register = getattr(os, "register_at_fork", _no_fork)
_register(
    before=_take_all, after_in_parent=_let_go_of_all, after_in_child=_let_go_of_all
)
