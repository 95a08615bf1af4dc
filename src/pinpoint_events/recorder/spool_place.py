"""Where the file of a spool is, how it is opened, and what is done if it is damaged."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pinpoint_events.recorder._claim import Claim, claim_path
from pinpoint_events.recorder._schema import SCHEMA
from pinpoint_events.recorder.file_spool import FileSpool

__all__ = ["SpoolPlace"]

# Of an SQLite file, up to the number that identifies what kind of file it is.
# (SQLite, "Database File Format", 1.3.)
_APPLICATION_ID_AT: Final = 68
_HEADER_BYTES: Final = 72


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
            end = time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime())
            for end_of_name in ("", "-wal", "-shm"):
                path = Path(f"{self.path}{end_of_name}")
                if path.exists():
                    path.rename(f"{self.path}.{end}{end_of_name}")
        finally:
            claim.close()

    def _is_spool(self) -> bool:
        with self.path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        found = int.from_bytes(header[_APPLICATION_ID_AT:], "big")
        return found == SCHEMA.application_id
