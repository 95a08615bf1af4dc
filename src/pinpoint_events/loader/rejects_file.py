"""
The file of what was not accepted: one line for each, in the order of the input.

Its lines hold the events themselves, in the form that `load` reads, so that they can be
corrected and loaded again. That is payload: only the file's owner may read it.
"""

import errno
import io
import json
import os
import select
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

from pinpoint_events.errors import LoadError, LoadErrorCode

__all__ = ["BINARY", "NO_FOLLOW", "NO_WAIT", "RejectsFile"]

# Not on Windows, where line ends would be changed, and links need special rights.
BINARY: Final[int] = getattr(os, "O_BINARY", 0)
LINK: Final = "a symbolic link, which is not followed; name the file itself"
NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
# Opening a pipe would wait until another program opens its other end.
NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)

# A pipe that has room has room for so many bytes; more would wait. (POSIX, `write`.)
_PIECE_BYTES: Final[int] = getattr(select, "PIPE_BUF", 512)


def _ready(_: io.RawIOBase) -> bool:
    """Leave the waiting to the write."""
    return True


class RejectsFile:
    """
    The file, open for writing.

    Args:
        path: The file.
        known: How many bytes of it the checkpoint of an earlier run knows of; what that
            run wrote behind them will come again, and is dropped. None if there was no
            such run: then nothing may be in the file.
        wait_for_room: Called before each write to a pipe or device, to wait until it
            takes bytes; returns False if the run is to end instead.

    Attributes:
        size: How many bytes it has.

    Raises:
        LoadError: If something is in the file, or it is not that of the earlier run.
    """

    size: int

    def __init__(
        self,
        path: str,
        known: int | None,
        wait_for_room: Callable[[io.RawIOBase], bool] = _ready,
    ) -> None:
        self._path = path
        self._wait_for_room = wait_for_room
        self.size = known or 0
        try:
            number = _opened(path)
        except OSError as error:
            message = f"{path!r} {_reason(path, error)}"
            raise LoadError(LoadErrorCode.REJECTED_UNUSABLE, message, path) from error
        self._file = os.fdopen(number, "wb")
        status = os.fstat(number)
        # Of devices and pipes, there is nothing to keep.
        self._is_regular = stat.S_ISREG(status.st_mode)
        if not self._is_regular:
            return
        # A file that is refused stays as it is, its permissions too.
        if _is_of_another_user(status):
            self._refuse("belongs to another user; name another file")
        if status.st_nlink > 1:
            self._refuse("has another name as well (a hard link); name another file")
        if known is None and status.st_size:
            self._refuse("has something in it; move it away, or name another file")
        if status.st_size < self.size:
            self._refuse(
                "has fewer bytes than the checkpoint knows of; pass the file of the "
                "earlier run, or another checkpoint"
            )
        _make_private(number)
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
        self.write_line(json.dumps(record, separators=(",", ":")).encode())

    def write_line(self, text: bytes) -> None:
        """
        Write a line that is JSON already.

        Raises:
            LoadError: If that is not possible.
        """
        line = text + b"\n"
        try:
            if self._is_regular:
                self._file.write(line)
            else:
                self._pass_on(memoryview(line))
        except OSError as error:
            raise self._unwritable(error.strerror) from error
        self.size += len(line)

    def _pass_on(self, line: memoryview) -> None:
        """Write to a pipe or device, each time as much as it takes without waiting."""
        raw = cast("io.RawIOBase", self._file.raw)
        while line:
            if not self._wait_for_room(raw):
                raise self._unwritable("its reader takes nothing, and the run is ended")
            written = raw.write(line[:_PIECE_BYTES])
            line = line[written or 0 :]

    def sync(self) -> None:
        """
        Bring all that was written to the disk.

        Raises:
            LoadError: If that is not possible.
        """
        if not self._is_regular:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error.strerror) from error

    def _unwritable(self, reason: str | None) -> LoadError:
        message = f"{self._path!r} cannot be written: {reason}"
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
    Open the file for writing, with its permissions from the first moment on.

    A link is followed to a device or a pipe only, as `/dev/stdout` is one: someone may
    have planted it, and what it leads to would be overwritten.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | NO_FOLLOW | NO_WAIT | BINARY
        return os.open(path, flags, _OWNER_ALONE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        is_link_to_file = stat.S_ISREG(Path(path).stat().st_mode)
        if is_link_to_file:
            raise
    number = os.open(path, os.O_WRONLY | NO_WAIT | BINARY)
    if stat.S_ISREG(os.fstat(number).st_mode):  # planted meanwhile
        os.close(number)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return number


def _reason(path: str, error: OSError) -> str:
    """Return why a file could not be opened, and what to do."""
    is_pipe = error.errno == errno.ENXIO and stat.S_ISFIFO(Path(path).stat().st_mode)
    if is_pipe:
        return "is a pipe that no program reads; start its reader, or name a file"
    if error.errno == errno.ELOOP or Path(path).is_symlink():
        return f"is {LINK}"
    return f"cannot be written: {error.strerror}"


def _leave(number: int, mode: int) -> None:
    """Leave the permissions as they are: Windows has none of this kind."""


def _make_private(number: int) -> None:
    change: Callable[[int, int], None] = getattr(os, "fchmod", _leave)
    change(number, _OWNER_ALONE)


def _is_of_another_user(status: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and status.st_uid != os.geteuid()
