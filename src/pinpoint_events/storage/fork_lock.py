"""
A lock that stays usable after a `fork`.

A fork copies the memory, but only the thread that calls it. A lock that another thread
holds at that moment stays locked in the child for ever, and the data that it guards may
be half changed there. So a fork first acquires all these locks, and then releases them
in both processes.

A fork acquires the locks of `logging`, too. These here must come first: the thread that
holds one may log something before it releases it. What was registered last is called
first, so `logging` has to be loaded before.
"""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, cast

from pinpoint_events.storage.registry import Registry

__all__ = ["ForkLock"]

_WAIT_SECONDS: Final = 5.0


class ForkLock:
    """
    A lock that is free in the child of a fork. `acquire` is not reentrant; `with` is.

    A fork waits until the lock is free, but only for a limited time: a thread that
    forks while it holds the lock itself, as in a signal handler, would wait for ever.

    Args:
        before_fork: A method that each fork calls first, with the lock held. The lock
            does not keep the method's object alive.
        wait_seconds: How long a fork waits for the lock.

    Attributes:
        lock: The lock itself. `with` acquires and releases it without a step in Python,
            between which a signal handler could raise and leave it locked for ever. So
            does its `release`.
        is_held: Returns whether this thread holds it.
    """

    def __init__(
        self,
        before_fork: Callable[[], None] | None = None,
        *,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        # Reentrant only so that it knows whether this thread holds it.
        self.lock: threading.RLock = threading.RLock()
        self.is_held: Callable[[], bool] = cast("Any", self.lock)._is_owned  # noqa: SLF001
        self._wait_seconds = wait_seconds
        self._before_fork: Callable[[], Callable[[], None] | None] = (
            _no_method if before_fork is None else weakref.WeakMethod(before_fork)
        )
        _locks.add(self)

    def acquire(self, timeout_seconds: float) -> bool:
        """
        Acquire the lock.

        Returns:
            False if that takes longer than the timeout, or if this thread holds it, as
            in a signal handler.
        """
        if self.is_held():
            return False
        try:
            return self.lock.acquire(timeout=timeout_seconds)
        except BaseException:  # of a signal handler, perhaps after it was acquired
            if self.is_held():  # pragma: no cover - by chance
                self.lock.release()
            raise

    def release(self) -> None:
        """Release the lock."""
        self.lock.release()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lock.release()

    def acquire_for_fork(self) -> bool:
        """Acquire the lock and call `before_fork`; return False after the wait."""
        if not self.acquire(self._wait_seconds):
            return False
        before_fork = self._before_fork()
        if before_fork is not None:
            before_fork()
        return True


def _no_method() -> None:
    return None


_locks: Final = Registry[ForkLock]()
_one_fork: Final = threading.Lock()  # threads that fork at the same time take turns
_held: "Final[list[ForkLock | threading.Lock]]" = []


def _acquire_all() -> None:
    _one_fork.acquire()
    _held.append(_one_fork)
    _held.extend(lock for lock in _locks if lock.acquire_for_fork())


def _release_all() -> None:
    # Empty where a C program forked and called only Python's hooks for after the fork.
    held = _held.copy()
    _held.clear()
    for lock in reversed(held):
        lock.release()


def _register_nothing(**_: Callable[[], None]) -> None:
    """Stand in for `os.register_at_fork` on systems that cannot fork, as Windows."""


logging.getLogger("pinpoint_events")  # see above
_register = getattr(os, "register_at_fork", _register_nothing)
_register(
    before=_acquire_all, after_in_parent=_release_all, after_in_child=_release_all
)
