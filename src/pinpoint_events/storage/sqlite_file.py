"""
A file of SQLite that many threads and processes write at the same time.

Each process has one connection, which its threads use in turn. SQLite forbids to take a
connection into the child of a fork, and even to have one open there: what it knows of
its file locks is then wrong in the child, and a file can be lost by it. (SQLite, "How
To Corrupt An SQLite Database File", 2.6.) So a fork first closes the connection, and
each side opens one when it next needs it.

The file is in WAL mode with `synchronous = NORMAL`: what was committed outlives the
death of the process, however sudden; when the power fails, the file stays whole, but
the last commits may be missing.
"""

import os
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["Schema", "SqliteFile"]

_PRIMARY_CODE: Final = 0xFF  # the rest of an SQLite result code tells details

_WRITE_SECONDS: Final = 5.0  # more than any write takes that need not wait for others

# Twice SQLite's own: fewer pages are written, and an index in which ids arrive in no
# order splits them less often. Storing an event takes 0.8 of the processor time with up
# to 400,000 events in the file, 0.95 with up to 800,000.
_PAGE_BYTES: Final = 8_192
# How far the log beside the file may grow before it is copied into the file: 64 MB.
# Events touch the same pages of an index again and again, and then each is copied once.
# With SQLite's own 1,000 pages, storing takes 1.1 to 1.2 of the processor time.
_CHECKPOINT_PAGES: Final = 8_000

# By primary result code.
_CODES: Final = {
    sqlite3.SQLITE_BUSY: StoreErrorCode.LOCKED,
    sqlite3.SQLITE_LOCKED: StoreErrorCode.LOCKED,
    sqlite3.SQLITE_FULL: StoreErrorCode.FULL,
    sqlite3.SQLITE_IOERR: StoreErrorCode.IO,
    sqlite3.SQLITE_READONLY: StoreErrorCode.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: StoreErrorCode.CANNOT_OPEN,
    sqlite3.SQLITE_NOTADB: StoreErrorCode.NOT_A_DATABASE,
    sqlite3.SQLITE_CORRUPT: StoreErrorCode.CORRUPT,
}
# A later attempt may succeed: the transaction that failed has left nothing behind.
_RETRY_SAFE: Final = frozenset({StoreErrorCode.LOCKED, StoreErrorCode.FULL})
_WORDS: Final = {
    StoreErrorCode.CANNOT_OPEN: (
        "cannot be opened; check its directory, and that this user may write there"
    ),
    StoreErrorCode.CLOSED: "is closed; open a new sender",
    StoreErrorCode.CORRUPT: (
        "is damaged; move it away, and see what `sqlite3 FILE .recover` finds in it"
    ),
    StoreErrorCode.FOREIGN: "belongs to another program; choose another path",
    StoreErrorCode.FULL: "has no room to grow; free disk space, then send again",
    StoreErrorCode.IO: "cannot be read or written; check its disk",
    StoreErrorCode.LOCKED: (
        "is locked by another writer, and has been for {timeout:g} s; send again"
    ),
    StoreErrorCode.MOVED: (
        "was moved, deleted or replaced while in use; open a new sender, and close all "
        "senders first the next time"
    ),
    StoreErrorCode.NOT_A_DATABASE: (
        "is no SQLite database; choose another path, or move the file away"
    ),
    StoreErrorCode.OTHER: (
        "cannot be used ({name}); the cause of this error tells more"
    ),
    StoreErrorCode.OTHER_VERSION: (
        "has version {version} of its format, and this release of pinpoint_events "
        "knows version {known}; use a release that knows it, or choose another path"
    ),
    StoreErrorCode.READ_ONLY: (
        "is read-only; allow this user to write the file and its directory"
    ),
    StoreErrorCode.UNSAFE_FORK: (
        "was in use when the process forked, or something other than Python forked "
        "it; open the sender after the fork"
    ),
}


class Schema(NamedTuple):
    """
    What a file holds.

    Attributes:
        application_id: Says in the file's header whose it is. (SQLite, "PRAGMA
            application_id".)
        version: Goes up with each release that changes the statements.
        statements: SQL that makes the tables, indexes and views in an empty file.
    """

    application_id: int
    version: int
    statements: Sequence[str]


class SqliteFile:
    """
    One file, opened and made ready at once.

    Args:
        path: The file; an absolute path.
        schema: What it holds; an empty file gets it, another one is refused.
        timeout_seconds: How long to wait for other writers, of this process and of
            others.

    Raises:
        StoreError: If the file cannot be used.
    """

    def __init__(self, path: Path, schema: Schema, timeout_seconds: float) -> None:
        self.path = path
        self._schema = schema
        self._timeout_seconds = timeout_seconds
        self._lock = ForkLock(
            self._disconnect, wait_seconds=timeout_seconds + _WRITE_SECONDS
        )
        self._connection: sqlite3.Connection | None = None
        self._pid = 0
        self._file: tuple[int, int] | None = None
        self._is_closed = False
        with self.transaction():
            pass  # a file that is of no use is better refused now than later

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """
        Yield the connection; keep what is done with it, or nothing if that raises.

        Args:
            writes: Whether it may write, and so has to wait for other writers.

        Raises:
            StoreError: If the file cannot be used.
        """
        if not self._lock.acquire(self._timeout_seconds):
            raise self._error(StoreErrorCode.LOCKED, timeout=self._timeout_seconds)
        try:
            connection = self._connected()
            try:
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Where SQLite has rolled back by itself, there is nothing to do.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._sqlite_error(error) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection of this process, when its transaction has ended."""
        with self._lock:
            self._is_closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection; the caller holds the lock."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._is_closed:
            raise self._error(StoreErrorCode.CLOSED)
        if self._connection is None:
            self._connection = self._open()
            self._pid, self._file = os.getpid(), _file_at(self.path)
        if self._pid != os.getpid():
            raise self._error(StoreErrorCode.UNSAFE_FORK)
        if self._file != _file_at(self.path):
            raise self._error(StoreErrorCode.MOVED)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self._timeout_seconds,
            isolation_level=None,  # transactions begin and end where it is written here
            check_same_thread=False,  # the lock lets one thread in at a time
        )
        try:
            self._make_ready(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_ready(self, connection: sqlite3.Connection) -> None:
        """Put tables and views into an empty file; refuse one that is not ours."""
        connection.execute("BEGIN")  # all that is read is of one moment
        self._refuse_foreign(connection)
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a file yet empty
        self._use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("BEGIN IMMEDIATE")
        # Asked again: others may have been faster.
        if self._refuse_foreign(connection):
            for statement in self._schema.statements:
                connection.execute(statement)
        # Also where they stand already: it shows whether the file can be written.
        connection.execute(f"PRAGMA application_id = {self._schema.application_id}")
        connection.execute(f"PRAGMA user_version = {self._schema.version}")
        connection.execute("COMMIT")

    def _refuse_foreign(self, connection: sqlite3.Connection) -> bool:
        """Return whether the file is empty; raise if what is in it is not ours."""
        ((owner,),) = connection.execute("PRAGMA application_id")
        ((version,),) = connection.execute("PRAGMA user_version")
        ((count,),) = connection.execute("SELECT count(*) FROM sqlite_master")
        if (owner, version, count) == (0, 0, 0):
            return True
        if owner != self._schema.application_id:
            raise self._error(StoreErrorCode.FOREIGN)
        if version != self._schema.version:
            raise self._error(
                StoreErrorCode.OTHER_VERSION,
                version=version,
                known=self._schema.version,
            )
        return False

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """
        Set the mode, which the file keeps.

        A file system that cannot do it keeps the older mode, which is as safe, and
        slower. Two that set it at the same time would wait for each other; so this does
        not wait, but tries again.
        """
        ends = time.monotonic() + self._timeout_seconds
        connection.execute("PRAGMA busy_timeout = 0")
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                is_busy = _primary_code(error) == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > ends:
                    raise
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - hides nothing
        milliseconds = int(self._timeout_seconds * 1000)
        connection.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def _sqlite_error(self, error: sqlite3.Error) -> StoreError:
        return self._error(
            _CODES.get(_primary_code(error), StoreErrorCode.OTHER),
            timeout=self._timeout_seconds,
            name=getattr(error, "sqlite_errorname", type(error).__name__),
        )

    def _error(self, code: StoreErrorCode, **facts: object) -> StoreError:
        message = f"the store {str(self.path)!r} {_WORDS[code].format(**facts)}"
        return StoreError(message, is_retry_safe=code in _RETRY_SAFE, code=code)


def _primary_code(error: sqlite3.Error) -> int:
    # What the standard library raises by itself has none.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
