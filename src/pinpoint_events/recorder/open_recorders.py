"""
The open recorders of this process, by the spool that they share.

Which of them delivers an event is not known before, so all of one file must send to the
same place. In a child of a `fork` the recorders of the parent are open, too.
"""

import logging
import os
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import file_text
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["add_open", "remove_open"]

_log = logging.getLogger("pinpoint_events")

_USUAL: Final = 8  # on one file; more are made for each request, or never closed

_guard: Final = ForkLock()
_warned: Final[set[int]] = set()  # ids of processes
# To the URL of each. By weak references: a recorder that was neither used nor closed is
# not open for ever.
_open: Final[dict[Path, WeakKeyDictionary[object, str | None]]] = {}


def add_open(recorder: object, path: Path, url: str | None) -> None:
    """
    Add a recorder, until it is removed or there is no reference to it.

    A warning is logged, once for each process, if there are unusually many.

    Args:
        recorder: The recorder.
        path: The file of its spool; an absolute path.
        url: Where it sends to; None if that is a sender or a function.

    Raises:
        ConfigurationError: If an open recorder with this file sends to another URL.
    """
    with _guard.lock:
        _forget_unused()
        file = Path(os.path.realpath(path))  # takes links that lead nowhere, too
        others = _open.setdefault(file, WeakKeyDictionary())
        if url is not None and not set(others.values()) <= {url, None}:
            raise ConfigurationError(
                f"spool is the file {file_text(str(path))}, from which another "
                "recorder of this process sends to another URL; give each destination "
                "a separate spool"
            )
        others[recorder] = url
        count = len(others)
    if count > _USUAL and os.getpid() not in _warned:
        _warned.add(os.getpid())
        _log.warning(
            "%d recorders of this process are open on one spool: make one, and keep it",
            count,
            extra={"pinpoint_events.count": count},
        )


def remove_open(recorder: object) -> None:
    """Remove a recorder that is closed, if it was added."""
    with _guard.lock:
        for recorders in _open.values():
            recorders.pop(recorder, None)
        _forget_unused()


def _forget_unused() -> None:
    """Forget files without an open recorder; the caller holds the lock."""
    for path in [path for path, recorders in _open.items() if not recorders]:
        del _open[path]
