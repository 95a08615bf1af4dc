"""
Until when the current work may wait for others that use a file.

An endpoint answers each call within a time, whatever the call waits for. It knows that
time, and the file knows that it waits; between them are senders whose protocol has no
argument for it. So it is a context variable: `waiting_until` sets it for a block, and
files wait no longer than it says, nor than their own timeouts.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["seconds_left", "waiting_until"]

_until: Final[ContextVar[float | None]] = ContextVar(
    "pinpoint_events.waiting_until", default=None
)


@contextmanager
def waiting_until(monotonic_seconds: float | None) -> Iterator[None]:
    """
    Limit the waits of this thread, or of this task, within the block.

    Args:
        monotonic_seconds: The end of all waits, by `time.monotonic`; None for no limit,
            also within a block that has one.
    """
    token = _until.set(monotonic_seconds)
    try:
        yield
    finally:
        _until.reset(token)


def seconds_left(timeout_seconds: float) -> float:
    """Return how long to wait now: the timeout, or less if the limit comes before."""
    until = _until.get()
    if until is None:
        return timeout_seconds
    return min(timeout_seconds, max(0.0, until - time.monotonic()))
