"""
The claim of one process to deliver what is in a spool.

It is a lock of the operating system on a file next to the spool. The system releases it
when the process ends, however it ends, and a child of a `fork` does not inherit it. It
needs no clock, and so no time after which it expires: a process that is stopped for an
hour goes on where it was.

On POSIX such a lock belongs to the process, not to the object that took it, and is lost
when the process closes the file anywhere. So there is one claim for each file and
process, which is why they are registered.

Who takes it leaves a mark in the file. A process that has released it, and finds its
own mark when it takes it again, knows that no other has delivered meanwhile.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from pinpoint_events.builder import new_event_id
from pinpoint_events.recorder._lock_file import LOCK_END, open_lock_file
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["Claim", "claim_path", "is_claimed"]

if sys.platform == "win32":  # pragma: no cover - Linux in CI
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _lock_shared = _lock
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock_shared(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


_guard: Final = ForkLock()
_held: Final[dict[Path, tuple[int, int]]] = {}  # to process id and file descriptor


def is_claimed(path: Path) -> bool:
    """
    Return whether a process holds the claim.

    To find out, a shared lock is taken and released: others that ask at the same moment
    do not see it, and a process that wants the claim gets it at its next attempt.

    Args:
        path: The file to lock; it is not created.

    Raises:
        OSError: If the file cannot be opened.
    """
    with _guard.lock:
        try:
            status = os.stat(path)  # noqa: PTH116 - as `fstat` below
        except FileNotFoundError:
            return False
        # Opened and closed by any path, it would lose the lock that this process has.
        for owner, held in _held.values():
            if owner == os.getpid() and os.path.samestat(os.fstat(held), status):
                return True
        descriptor = os.open(path, os.O_RDONLY)
        try:
            _lock_shared(descriptor)
        except OSError:
            return True
        finally:
            os.close(descriptor)
    return False


def claim_path(path: Path) -> Path:
    """Return the path of the file by whose lock delivery is claimed."""
    # One for each file, however it is named.
    target = path.resolve()
    return target.with_name(f"{target.name}{LOCK_END}")


class Claim:
    """
    A claim that may be taken, until it is closed.

    Args:
        path: The file to lock; created if it does not exist.

    Attributes:
        takeovers: How often it was taken after another claim on the file had been held.
    """

    def __init__(self, path: Path) -> None:
        self.takeovers: int = 0
        # One for each file, however it is named.
        self._path = path.resolve()
        self._name = new_event_id()
        self._pid: int | None = None
        self._is_closed = False

    @property
    def is_held(self) -> bool:
        """Whether this object holds it, in this process."""
        return self._pid == os.getpid()

    def take(self) -> bool:
        """
        Take it; return whether it is held now. Once closed, it cannot be taken.

        Raises:
            OSError: If the file cannot be opened.
        """
        if self.is_held:
            return True
        with _guard.lock:
            self._forget_parents()
            if self._is_closed or self._path in _held:
                return False
            descriptor = open_lock_file(self._path)
            try:
                _lock(descriptor)
            except OSError:
                os.close(descriptor)  # another process holds it
                return False
            self._pid = os.getpid()
            _held[self._path] = self._pid, descriptor
            self._mark(descriptor)
            return True

    def _mark(self, descriptor: int) -> None:
        mark = f"{self._name} {self._pid}".encode()
        # A disk that is full, or fails, keeps no one from delivering.
        with suppress(OSError):
            if os.read(descriptor, 2 * len(mark)) == mark:
                return
        self.takeovers += 1
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, mark)

    def release(self) -> None:
        """Let others take it."""
        with _guard.lock:
            if not self.is_held:
                return
            _, descriptor = _held.pop(self._path)
            self._pid = None
            os.close(descriptor)

    def close(self) -> None:
        """Release it for good: another thread may be about to take it."""
        self._is_closed = True
        self.release()

    @staticmethod
    def _forget_parents() -> None:
        """Close what a parent process held; its locks are its own."""
        pid = os.getpid()
        for path, (owner, descriptor) in list(_held.items()):
            if owner != pid:
                del _held[path]
                os.close(descriptor)
