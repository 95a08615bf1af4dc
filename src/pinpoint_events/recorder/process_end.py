"""
What runs when a process ends in the usual way: by returning, `sys.exit` or an error.

Functions of `atexit` run in reverse order. The one here is registered when this module
is loaded, as `Recorder` is imported, so that what the application's later ones record
is delivered, too.

A child of `multiprocessing` ends by other functions than `atexit`'s, which it skips.
Nothing runs if a process is killed, by SIGTERM without a handler, too, or leaves by
`os._exit`.
"""

import atexit
import os
import sys
import time
from contextlib import suppress
from typing import Final, Protocol

__all__ = ["at_end", "not_at_end"]


class Ends(Protocol):
    """What wants to know of the end of the process."""

    def process_will_end(self) -> None:
        """Begin with what is left to do, without a wait."""
        ...

    def process_ends(self, passed_seconds: float) -> None:
        """Do it within a bounded time, of which so much has passed."""
        ...


# Not by weak references: what was recorded outlives the recorder.
_ending: Final[set[Ends]] = set()
_registered: Final[set[int]] = set()  # ids of processes


def at_end(what: Ends) -> None:
    """Call its `process_ends` when this process ends."""
    _ending.add(what)
    pid = os.getpid()
    if pid in _registered:
        return
    _registered.add(pid)
    multiprocessing = sys.modules.get("multiprocessing.process")
    if (  # pragma: no branch - coverage measures no children
        multiprocessing is not None and multiprocessing.parent_process() is not None
    ):  # pragma: no cover - only in a child
        # It is loaded in every child, which runs its finalizers at the end.
        util = sys.modules["multiprocessing.util"]
        util.Finalize(None, _end, exitpriority=0)


def not_at_end(what: Ends) -> None:
    """Do not call it: nothing is left to do."""
    _ending.discard(what)


def _end() -> None:
    # All of them begin before the first one is waited for: together they take no longer
    # than the one that may take longest.
    started = time.monotonic()
    ending = list(_ending)
    for each in ending:
        with suppress(Exception):  # so that the others have their turn
            each.process_will_end()
    for each in ending:
        with suppress(Exception):
            each.process_ends(time.monotonic() - started)


atexit.register(_end)  # a `fork` keeps it
