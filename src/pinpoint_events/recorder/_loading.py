"""
A lock to hold while a thread imports modules.

A fork copies a module that another thread is importing as it is: half loaded, and
locked by a thread that does not exist in the child. So forks wait for this lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["loading"]

# A fork that could not wait for as long as an import took leaves the lock locked.
_WAIT_SECONDS: Final = 1.0

# Nor does a fork wait for longer: a sender function of the application's may block.
_lock: Final = ForkLock(wait_seconds=_WAIT_SECONDS)


@contextmanager
def loading() -> Iterator[None]:
    """Let forks wait until the block ends."""
    is_acquired = _lock.acquire(_WAIT_SECONDS)
    try:
        yield
    finally:
        if is_acquired:
            _lock.release()
