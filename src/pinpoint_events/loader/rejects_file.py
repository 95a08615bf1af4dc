"""
The file of what was not accepted: one line for each, in the order of the input.

Its lines hold the events themselves, in the form that `load` reads, so that they can be
corrected and loaded again. That is payload: only the file's owner may read it.
"""

import errno
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pinpoint_events.errors import LoadError, LoadErrorCode

__all__ = ["BINARY", "NO_FOLLOW", "RejectsFile"]

# Not on Windows, where line ends would be changed, and links need special rights.
BINARY: Final[int] = getattr(os, "O_BINARY", 0)
NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)


class RejectsFile:
    """
    The file, open for writing.

    Args:
        path: The file.
        known: How many bytes of it the checkpoint of an earlier run knows of; what that
            run wrote behind them will come again, and is dropped. None if there was no
            such run: then nothing may be in the file.

    Attributes:
        size: How many bytes it has.

    Raises:
        LoadError: If something is in the file, or it is not that of the earlier run.
    """

    size: int

    def __init__(self, path: str, known: int | None) -> None:
        self._path = path
        self.size = known or 0
        try:
            number = _opened(path)
        except OSError as error:
            message = f"{path!r} cannot be written: {error.strerror}"
            raise LoadError(LoadErrorCode.REJECTED_UNUSABLE, message, path) from error
        self._file = os.fdopen(number, "wb")
        status = os.fstat(number)
        # Of devices and pipes, there is nothing to keep.
        self._is_regular = stat.S_ISREG(status.st_mode)
        if not self._is_regular:
            return
        if _is_of_another_user(status):
            self._refuse("belongs to another user; name another file")
        _make_private(number)
        if known is None and status.st_size:
            self._refuse("has something in it; move it away, or name another file")
        if status.st_size < self.size:
            self._refuse(
                "has fewer bytes than the checkpoint knows of; pass the file of the "
                "earlier run, or another checkpoint"
            )
        self._file.seek(self.size)
        self._file.truncate()

    def _refuse(self, message: str) -> None:
        self._file.close()
        raise LoadError(
            LoadErrorCode.REJECTED_UNUSABLE, f"{self._path!r} {message}", self._path
        )

    def write(self, record: Mapping[str, Any]) -> None:
        """
        Write a line.

        Raises:
            LoadError: If that is not possible.
        """
        # In ASCII: a line may have lone surrogates, and no encoding takes those.
        line = f"{json.dumps(record, separators=(',', ':'))}\n".encode()
        try:
            self._file.write(line)
        except OSError as error:
            raise self._unwritable(error) from error
        self.size += len(line)

    def sync(self) -> None:
        """
        Bring all that was written to the disk.

        Raises:
            LoadError: If that is not possible.
        """
        try:
            self._file.flush()
            if self._is_regular:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> LoadError:
        message = f"{self._path!r} cannot be written: {error.strerror}"
        return LoadError(LoadErrorCode.OUTPUT_UNWRITABLE, message, self._path)

    def close(self) -> None:
        """Close the file; what `sync` has not brought to the disk may be lost."""
        # Not by its own method, which would try again what could not be written.
        self._file.raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_OWNER_ALONE: Final = 0o600


def _opened(path: str) -> int:
    """
    Open the file for writing, with its rights from the first moment on.

    A link is followed to a device or a pipe only, as `/dev/stdout` is one: someone may
    have planted it, and what it leads to would be overwritten.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | NO_FOLLOW | BINARY
        return os.open(path, flags, _OWNER_ALONE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        is_link_to_file = stat.S_ISREG(Path(path).stat().st_mode)
        if is_link_to_file:
            raise
    number = os.open(path, os.O_WRONLY | BINARY)
    if stat.S_ISREG(os.fstat(number).st_mode):  # planted meanwhile
        os.close(number)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return number


def _leave(number: int, mode: int) -> None:
    """Leave the rights as they are: on Windows, files have none of these."""


def _make_private(number: int) -> None:
    change: Callable[[int, int], None] = getattr(os, "fchmod", _leave)
    change(number, _OWNER_ALONE)


def _is_of_another_user(status: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and status.st_uid != os.geteuid()
