"""Where the file of a spool is, how it is opened, and what is done if it is damaged."""

import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from pinpoint_events.errors import ConfigurationError, StoreError, StoreErrorCode
from pinpoint_events.problems import file_text
from pinpoint_events.recorder._claim import Claim, claim_path
from pinpoint_events.recorder._schema import SCHEMA
from pinpoint_events.recorder.file_spool import FileSpool

__all__ = ["SpoolPlace"]

# Of an SQLite file, up to the number that identifies what kind of file it is.
# (SQLite, "Database File Format", 1.3.)
_APPLICATION_ID_AT: Final = 68
_HEADER_BYTES: Final = 72
# Of the names of the file, its log, and the index of the log.
_ENDS: Final = ("", "-wal", "-shm")

# What a file of another program may raise; a damaged spool raises the last two, too.
_MISTAKES: Final = {
    StoreErrorCode.FOREIGN: "belongs to another program",
    StoreErrorCode.NOT_A_DATABASE: "is no SQLite database",
    StoreErrorCode.CORRUPT: "is a damaged file of another program",
}


class SpoolPlace(NamedTuple):
    """
    Where the file of a spool is, and how it is opened.

    Attributes:
        path: The file; an absolute path.
        application_id: The application that the items are for.
        max_bytes: How many bytes of the file may be in use, not counting its log.
        timeout_seconds: How long to wait for other writers.
    """

    path: Path
    application_id: str
    max_bytes: int
    timeout_seconds: float

    def open(self) -> FileSpool:
        """
        Return the spool, created if it does not exist.

        Raises:
            ConfigurationError: If the file has items of another application.
            StoreError: If the file cannot be used.
        """
        # Readable by this user alone: it holds events and addresses. SQLite gives its
        # other files the same mode.
        with suppress(OSError):
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
            os.close(os.open(self.path, flags, 0o600))
        return FileSpool(
            self.path,
            self.application_id,
            max_bytes=self.max_bytes,
            timeout_seconds=self.timeout_seconds,
        )

    def identity(self) -> tuple[int, int] | None:
        """Return what tells the file from another at its path; None without one."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def move_aside(self, identity: tuple[int, int] | None) -> None:
        """
        Rename a damaged spool, with its log, so that a new one takes its place.

        Of several processes one does so, the others find the new one. A file that is
        no spool stays where it is.

        Args:
            identity: That of the damaged file.

        Raises:
            OSError: If it cannot be renamed.
        """
        claim = Claim(claim_path(self.path))
        if not claim.take():
            return  # the process that delivers renames it
        try:
            if identity is None or self.identity() != identity or not self._is_spool():
                return
            target = self._unused_name()
            for end in _ENDS:
                path = Path(f"{self.path}{end}")
                if path.exists():
                    path.rename(f"{target}{end}")
        finally:
            claim.close()

    def _unused_name(self) -> str:
        """Return a name for a damaged file; two may be damaged in the same second."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        name = target = f"{self.path}.damaged-{moment}"
        numbers = count(2)
        while any(Path(f"{target}{end}").exists() for end in _ENDS):
            target = f"{name}-{next(numbers)}"
        return target

    def check_mistake(self, error: StoreError) -> None:
        """
        Raise `ConfigurationError` if a file cannot be opened because it is no spool.

        Args:
            error: That of opening it.
        """
        mistake = _MISTAKES.get(error.code)
        if mistake is None:
            return
        if error.code is not StoreErrorCode.FOREIGN:
            with suppress(OSError):
                # A spool that was in use has the file of its claim beside it.
                if self._is_spool() or claim_path(self.path).exists():
                    return
        # Imported here: only a mistake needs it.
        from pinpoint_events.senders._sqlite_schema import SCHEMA as STORE  # noqa: PLC0415

        with suppress(OSError):
            if self._header_id() == STORE.application_id:
                mistake = "is a store of events, as of SqliteSender"
        raise ConfigurationError(
            f"spool is a file that is no spool: {file_text(str(self.path))} {mistake}; "
            "pass another path"
        ) from error

    def _is_spool(self) -> bool:
        return self._header_id() == SCHEMA.application_id

    def _header_id(self) -> int:
        with self.path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        return int.from_bytes(header[_APPLICATION_ID_AT:], "big")
