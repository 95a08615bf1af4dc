"""
An SQLite file that many threads and processes write at the same time.

Each process has one connection, which its threads use in turn. SQLite forbids using a
connection in the child of a fork, and even having one open there: its record of the
file locks is wrong in the child, which can corrupt the file. (SQLite, "How To Corrupt
An SQLite Database File", 2.6.) So a fork first closes the connection, and each process
opens a new one when it next needs it.

The file is in WAL mode with `synchronous = NORMAL`: what was committed survives the
death of the process, also by `kill -9`. After a power failure the file is intact, but
the last commits may be missing.

If the file alone is moved while it is open, its log (the `-wal` file) and the index of
the log (`-shm`) stay behind. SQLite then neither copies nor deletes the log when it
closes the file; it deletes it when it creates a file at that path, and applies it to
another file that was put there. ("How To Corrupt", 1.4 and 2.4.) So closing copies the
log, and deletes both, unless they are another file's by now. And before a file is
opened, those that were at its path before are closed, as the index cannot be shared.
"""

import errno
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, cast

from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.problems import file_text
from pinpoint_events.storage.fork_lock import ForkLock
from pinpoint_events.storage.registry import Registry
from pinpoint_events.storage.waiting import seconds_left

__all__ = ["Schema", "SqliteFile"]

_PRIMARY_CODE: Final = 0xFF  # the higher bits of an SQLite result code are details

_WRITE_SECONDS: Final = 5.0  # more than any write takes, without waits for others

# SQLite's default is 4,096 bytes. With twice that, fewer pages are written, and an
# index to which ids are added in random order splits them less often. Measured with
# `SqliteSender`: 0.8 of the processor time with up to 400,000 events in the file, 0.95
# with up to 800,000.
_PAGE_BYTES: Final = 8_192
# SQLite's default is 1,000 pages. Successive transactions change the same pages of an
# index; with a longer log each is copied once for many changes. Measured with
# `SqliteSender`: with 1,000 pages, storing takes 1.1 to 1.2 of the processor time.
_LOG_PAGES: Final = 8_000  # 64 MB
# Signals are handled between waits of this length: SQLite's own wait ignores them.
_WAIT_SECONDS: Final = 0.25
# That of waits to begin. Within one wait, SQLite looks at the lock less and less often,
# after up to 0.1 s. Another process that writes all the time leaves it free for less.
_BEGIN_WAIT_SECONDS: Final = 0.001

_BESIDE: Final = ("-wal", "-shm")  # ends of the names of SQLite's other files

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
# A connection cannot create the files that it needs beside the file, or not write them.
_NO_PLACE: Final = frozenset(
    {
        StoreErrorCode.CANNOT_OPEN,
        StoreErrorCode.FULL,
        StoreErrorCode.IO,
        StoreErrorCode.READ_ONLY,
    }
)
# A later attempt may succeed: the transaction that failed has left nothing behind.
_RETRY_SAFE: Final = frozenset({StoreErrorCode.LOCKED, StoreErrorCode.FULL})
_WORDS: Final = {
    StoreErrorCode.CANNOT_OPEN: (
        "cannot be opened; check its directory, and that this user may write there"
    ),
    StoreErrorCode.CLOSED: "is closed; open it again",
    StoreErrorCode.CORRUPT: (
        "is damaged; move it away, and see what `sqlite3 FILE .recover` finds in it"
    ),
    StoreErrorCode.FOREIGN: "belongs to another program; choose another path",
    StoreErrorCode.FULL: "has no room to grow; free disk space, then try again",
    StoreErrorCode.IO: "cannot be read or written; check its disk",
    StoreErrorCode.LOCKED: (
        "is locked by another writer, and has been for {timeout:g} s; try again"
    ),
    StoreErrorCode.MOVED: (
        "was moved, deleted or replaced while in use; open it again, and close it in "
        "all processes first the next time"
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
        "it; open it after the fork"
    ),
}
_UNREAD_LOG: Final = (
    "has a log that cannot be read in its place; copy the file, with those beside it "
    "(-wal, -journal), into a directory where this user may write, and open the copy"
)


_NO_HANDLES: Final = (
    "cannot be opened, as this process has as many files open as it may; close those "
    "that are not used, or raise the limit (`ulimit -n`)"
)
_HANDLES: Final = 4  # file, log, index of the log, directory


class Schema(NamedTuple):
    """
    The content and layout of a file.

    Attributes:
        application_id: A number in the file's header that identifies the kind of file;
            not 0. (SQLite, "PRAGMA application_id".)
        version: The version of the statements, from 1.
        statements: SQL that creates the tables, indexes and views in an empty file.
        migrations: Version to the function that turns a file of that version into one
            of the next. All that are needed run in one transaction.
        page_bytes: Size of a page of a new file: a power of two, 512 to 65,536. A file
            that exists keeps its own.
        log_pages: How many pages the log (the `-wal` file) may have before a commit
            copies them into the file.
    """

    application_id: int
    version: int
    statements: Sequence[str]
    migrations: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType(
        {}
    )
    page_bytes: int = _PAGE_BYTES
    log_pages: int = _LOG_PAGES


class SqliteFile:
    """
    An SQLite file with one schema.

    It is opened, and created if it does not exist, by the constructor. Safe to use from
    several threads, and after a `fork` in both processes.

    Args:
        path: The file; an absolute path.
        schema: Its content; an empty file gets it, a file with another is refused.
        timeout_seconds: How long to wait for other writers, in this process and in
            others; less within a block of `waiting_until` that ends before.
        creates: Whether to create a file that does not exist, and fill an empty one;
            otherwise both are refused.
        writes: Whether anything is ever written. Otherwise the file is only read, on a
            full disk or in a directory that is read-only, too, and beside writers; one
            that needs a migration is refused.

    Raises:
        StoreError: If the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        timeout_seconds: float,
        *,
        creates: bool = True,
        writes: bool = True,
    ) -> None:
        self.path = path
        self._schema = schema
        self._creates = creates and writes
        self._writes = writes
        self._timeout_seconds = timeout_seconds
        self._lock = ForkLock(
            self._disconnect, wait_seconds=timeout_seconds + _WRITE_SECONDS
        )
        self._connection: sqlite3.Connection | None = None
        # Of the thread in an `exclusive` block: its connection, and what has undone it.
        self._held: sqlite3.Connection | None = None
        self._failure: BaseException | None = None
        self._pid = 0
        self._identity: tuple[int, int] | None = None
        self._beside: dict[str, tuple[int, int] | None] = {}
        self._is_dropped = False
        self._is_closed = False
        _files.add(self)
        try:
            with self.transaction(writes=writes):
                pass  # an unusable file is reported now, not at its first use
        except BaseException:
            self.close()
            raise

    def transaction(
        self, *, writes: bool = True
    ) -> AbstractContextManager[sqlite3.Connection]:
        """
        Yield the connection in a transaction: commit it, or roll back on an exception.

        In an `exclusive` block of this thread it is a part of that block's transaction.

        Args:
            writes: Whether it may write, and so must wait for other writers.

        Raises:
            StoreError: If the file cannot be used. `MOVED` may also mean that it was
                moved meanwhile, and has taken the transaction along.
        """
        if self._held is not None and self._lock.is_held():
            return self._part(self._held)
        return self._whole(writes=writes)

    @contextmanager
    def _whole(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction that begins and ends with the block."""
        started = time.monotonic()
        if not self._lock.acquire(seconds_left(self._timeout_seconds)):
            raise self._error(StoreErrorCode.LOCKED, timeout=self._waited(started))
        try:
            connection = self._connected()
            with self._begun(connection, writes=writes):
                yield connection
            # A file that was deleted after the check above still takes writes, and is
            # gone when it is closed.
            if writes and self._is_moved:
                raise self._error(StoreErrorCode.MOVED)
        except sqlite3.Error as error:
            raise self._sqlite_error(error, self._waited(started)) from error
        finally:
            self._lock.lock.release()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """
        Hold one transaction that writes over all those that this thread begins within.

        They are committed together at the end of the block. If one raises, the block is
        undone, even if the exception is caught: the end of the block, and each further
        transaction in it, raises it again. A block in another one is a part of it.

        Raises:
            StoreError: As `transaction` does.
        """
        with self.transaction() as connection:
            if self._held is not None:
                yield
                return
            self._held = connection
            try:
                yield
                self._raise_failure()
            finally:
                self._held = self._failure = None

    @contextmanager
    def _part(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """Yield the connection; undo the `exclusive` block if this one raises."""
        self._raise_failure()
        started = time.monotonic()
        try:
            self._check_process()
            yield connection
        except sqlite3.Error as error:
            self._failure = self._sqlite_error(error, self._waited(started))
            raise self._failure from error
        except BaseException as error:
            self._failure = error
            raise

    def _raise_failure(self) -> None:
        # A savepoint could undo a part alone, but makes each of them 1.1 times as slow.
        if self._failure is not None:
            raise self._failure

    def run(self, statement: str, parameters: Sequence[object]) -> int:
        """
        Run one statement that writes, as a transaction.

        It takes half of the time of `transaction`: SQLite begins and commits itself.

        Returns:
            The number of the row that it has inserted, if it has.

        Raises:
            StoreError: As `transaction` does.
        """
        started = time.monotonic()
        if not self._lock.acquire(seconds_left(self._timeout_seconds)):
            raise self._error(StoreErrorCode.LOCKED, timeout=self._waited(started))
        try:
            connection = self._connection
            if connection is None or self._pid != os.getpid():
                connection = self._connected()
            try:
                cursor = connection.execute(statement, parameters)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                with self._begun(connection, writes=True):  # waits for other writers
                    cursor = connection.execute(statement, parameters)
            number = cursor.lastrowid or 0
            if self._is_moved:
                raise self._error(StoreErrorCode.MOVED)
        except sqlite3.Error as error:
            raise self._sqlite_error(error, self._waited(started)) from error
        else:
            return number
        finally:
            self._lock.lock.release()

    def _waited(self, started: float) -> float:
        """Return the seconds of a wait, rounded: the timeout, or what it was cut to."""
        return round(min(self._timeout_seconds, time.monotonic() - started), 2)

    @contextmanager
    def _begun(self, connection: sqlite3.Connection, *, writes: bool) -> Iterator[None]:
        """Commit what a block does, or roll it back."""
        try:
            self._begin(connection, writes=writes)
            yield
            self._check_process()
            connection.execute("COMMIT")
        except BaseException:
            # Fails where SQLite has rolled back already, and in the child of a fork.
            with suppress(sqlite3.Error, StoreError):
                self._check_process()
                connection.execute("ROLLBACK")
            raise

    def _begin(self, connection: sqlite3.Connection, *, writes: bool) -> None:
        """Begin a transaction, and wait for other writers if necessary."""
        deadline = time.monotonic() + seconds_left(self._timeout_seconds)
        while True:
            try:
                if writes:
                    connection.execute("BEGIN IMMEDIATE")
                else:
                    connection.execute("BEGIN")
                    # Only now it waits, while another process recovers the file.
                    connection.execute("SELECT count(*) FROM sqlite_master")
                break
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= deadline:
                    raise
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close this process' connection after the current transaction."""
        with self._lock:
            self._is_closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection; the caller holds the lock."""
        if self._connection is not None and self._pid == os.getpid():
            if self._is_moved:
                self._take_log_along(self._connection)
            self._connection.close()
            self._connection = None

    def _take_log_along(self, connection: sqlite3.Connection) -> None:
        """Copy the log of a file that was moved into it, if it was left behind."""
        if not self._is_behind("-wal"):
            return
        with suppress(sqlite3.Error, OSError):
            self._set_wait(connection, _WAIT_SECONDS)
            ((is_busy, *_),) = connection.execute("PRAGMA wal_checkpoint(FULL)")
            if is_busy:  # another process reads from the log
                return
            for end in filter(self._is_behind, self._beside):
                self._path_beside(end).unlink()

    def _is_behind(self, end: str) -> bool:
        """Return whether the file beside the path is still that of the connection."""
        known = self._beside.get(end)
        return known is not None and known == _identity_of(self._path_beside(end))

    def _path_beside(self, end: str) -> Path:
        return Path(f"{self.path}{end}")

    def _connected(self) -> sqlite3.Connection:
        """Return the connection, opened if needed; the caller holds the lock."""
        if self._is_closed:
            raise self._error(StoreErrorCode.CLOSED)
        if self._is_dropped and self._is_moved:
            raise self._error(StoreErrorCode.MOVED)
        if self._connection is None:
            self._drop_others()
            self._connection = self._open()
            self._is_dropped = False
            self._pid, self._identity = os.getpid(), _identity_of(self.path)
            self._beside = {
                end: _identity_of(self._path_beside(end)) for end in _BESIDE
            }
        self._check_process()
        if self._is_moved:
            raise self._error(StoreErrorCode.MOVED)
        return self._connection

    def _check_process(self) -> None:
        """Raise an error in the child of a fork: the connection is the parent's."""
        if self._pid != os.getpid():
            raise self._error(StoreErrorCode.UNSAFE_FORK)

    @property
    def _is_moved(self) -> bool:
        return self._identity != _identity_of(self.path)

    def _drop_others(self) -> None:
        """Close the connections of this process to files that were at the path."""
        started = time.monotonic()
        for other in _files:
            if other is self or other.path != self.path:
                continue
            if not other.drop_if_moved(seconds_left(self._timeout_seconds)):
                raise self._error(StoreErrorCode.LOCKED, timeout=self._waited(started))

    def drop_if_moved(self, timeout_seconds: float) -> bool:
        """
        Close the connection to a file that is no longer at its path.

        Returns:
            Whether it is closed; not if a transaction lasts longer than the timeout.
        """
        # Without a connection it may be waiting here, too, for the one that calls this.
        if self._connection is None or not self._is_moved:
            return True
        if not self._lock.acquire(timeout_seconds):
            return False
        try:
            self._is_dropped = True
            self._disconnect()
        finally:
            self._lock.lock.release()
        return True

    def _open(self) -> sqlite3.Connection:
        if not self._writes:
            return self._open_to_read()
        if _exists(self.path) and not self._may_write():
            self._refuse_to_write()
        return self._connect("rwc" if self._creates else "rw", self._prepare)

    def _refuse_to_write(self) -> NoReturn:
        """
        Raise the error of a read-only file, or that of its schema if it is another one.

        SQLite must not open it to write: it would leave a log and an index that have
        the mode of the file, and keep it read-only when its mode is changed back.
        """
        if not self._has_log:
            self._connect("ro&immutable=1", self._prepare_to_read).close()
        raise self._error(StoreErrorCode.READ_ONLY)

    def _open_to_read(self) -> sqlite3.Connection:
        if self._may_write_beside():
            try:
                # With `ro` it would leave the files beside it behind.
                return self._connect("rw", self._prepare_to_read)
            except sqlite3.OperationalError as error:
                code = _code_of(error)
                if code not in _NO_PLACE:
                    raise
                if self._has_log:
                    raise self._error(code, words=_UNREAD_LOG) from error
        # Needs no lock and no other file. A process that opened it just now writes to
        # its log first, and so does not change what is read here.
        return self._connect("ro&immutable=1", self._prepare_to_read)

    def _connect(
        self, mode: str, prepare: Callable[[sqlite3.Connection], None]
    ) -> sqlite3.Connection:
        connect = (
            partial(sqlite3.connect, self.path)
            if mode == "rwc"
            else partial(sqlite3.connect, f"{self.path.as_uri()}?mode={mode}", uri=True)
        )
        connection = connect(
            timeout=min(self._timeout_seconds, _WAIT_SECONDS),
            isolation_level=None,  # no implicit transactions
            check_same_thread=False,  # `_lock` lets one thread in at a time
        )
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _may_write(self) -> bool:
        """Return whether this user may write the file."""
        as_sqlite = os.access in os.supports_effective_ids
        return os.access(self.path, os.W_OK, effective_ids=as_sqlite)

    def _may_write_beside(self) -> bool:
        """
        Return whether to let SQLite create files beside the file to read it.

        Of a user who may only read the file, they would keep others from writing it.
        """
        return self._may_write() or any(
            _exists(self._path_beside(end)) for end in (*_BESIDE, "-journal")
        )

    @property
    def _has_log(self) -> bool:
        """Whether the file alone may not be all that was committed."""
        return any(map(self._bytes_beside, ("-wal", "-journal")))

    def _bytes_beside(self, end: str) -> int:
        """Return how many bytes a file beside this one has; 0 without one."""
        try:
            return self._path_beside(end).stat().st_size
        except OSError:
            return 0

    def _prepare_to_read(self, connection: sqlite3.Connection) -> None:
        """Refuse a file with another schema; change nothing."""
        connection.execute("PRAGMA query_only = 1")
        self._begin(connection, writes=False)
        self._check_schema(connection)
        connection.execute("COMMIT")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Create the schema in an empty file; refuse a file with another schema."""
        # Before anything that writes, so that a refused file stays as it is.
        self._begin(connection, writes=False)
        self._check_schema(connection)
        connection.execute("COMMIT")
        # Has an effect on an empty file only, and not once it is in WAL mode.
        connection.execute(f"PRAGMA page_size = {self._schema.page_bytes}")
        self._use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._schema.log_pages}")
        # Beside a reader the log grows; once it is copied, its file is cut to this.
        limit = self._schema.log_pages * self._schema.page_bytes
        connection.execute(f"PRAGMA journal_size_limit = {limit}")
        self._begin(connection, writes=True)
        # Checked again: another process may have created or migrated it meanwhile.
        version = self._check_schema(connection)
        if version == 0:
            for statement in self._schema.statements:
                connection.execute(statement)
        else:
            for older in range(version, self._schema.version):
                self._schema.migrations[older](connection)
        # Written in any case: that shows whether the file is writable.
        connection.execute(f"PRAGMA application_id = {self._schema.application_id}")
        connection.execute(f"PRAGMA user_version = {self._schema.version}")
        connection.execute("COMMIT")

    def _check_schema(self, connection: sqlite3.Connection) -> int:
        """
        Return the version of the file, 0 if it is empty.

        Raises:
            StoreError: If it cannot be brought to the version of the schema.
        """
        ((application_id,),) = connection.execute("PRAGMA application_id")
        ((version,),) = connection.execute("PRAGMA user_version")
        ((count,),) = connection.execute("SELECT count(*) FROM sqlite_master")
        if (application_id, version, count) == (0, 0, 0):
            if not self._creates:
                raise self._error(StoreErrorCode.NOT_A_DATABASE)
            return 0
        if application_id != self._schema.application_id:
            raise self._error(StoreErrorCode.FOREIGN)
        known = self._schema.version
        migrations = self._schema.migrations if self._writes else {}
        if version > known or any(
            older not in migrations for older in range(version, known)
        ):
            raise self._error(
                StoreErrorCode.OTHER_VERSION,
                version=version,
                known=known,
            )
        return cast("int", version)

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """
        Set WAL mode, which the file keeps.

        A file system without shared memory keeps the rollback journal, which is as safe
        but slower. Two connections that set the mode at the same time would block each
        other until their timeouts, so this does not wait for the lock but retries.
        """
        deadline = time.monotonic() + seconds_left(self._timeout_seconds)
        connection.execute("PRAGMA busy_timeout = 0")
        mode = None
        while mode is None:
            try:
                ((mode,),) = connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - not a secret
        # With a rollback journal, to commit means to wait, too: for those who read.
        is_wal = mode == "wal"
        self._set_wait(connection, _BEGIN_WAIT_SECONDS if is_wal else _WAIT_SECONDS)

    def _set_wait(self, connection: sqlite3.Connection, seconds: float) -> None:
        """Set how long SQLite waits for a lock before it reports that it is busy."""
        milliseconds = int(min(self._timeout_seconds, seconds) * 1000)
        connection.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def _sqlite_error(self, error: sqlite3.Error, waited: float) -> StoreError:
        code = _code_of(error)
        if code is StoreErrorCode.CANNOT_OPEN and _lacks_handles():
            message = f"the store {file_text(str(self.path))} {_NO_HANDLES}"
            return StoreError(message, code=code)
        return self._error(
            code,
            timeout=waited,
            name=getattr(error, "sqlite_errorname", type(error).__name__),
        )

    def _error(
        self, code: StoreErrorCode, words: str | None = None, **facts: object
    ) -> StoreError:
        text = (words or _WORDS[code]).format(**facts)
        message = f"the store {file_text(str(self.path))} {text}"
        return StoreError(message, is_retry_safe=code in _RETRY_SAFE, code=code)


# Of this process, to find those of one path.
_files: Final = Registry[SqliteFile]()


def _code_of(error: sqlite3.Error) -> StoreErrorCode:
    return _CODES.get(_primary_code(error), StoreErrorCode.OTHER)


def _exists(path: Path) -> bool:
    """Return whether a file exists, as far as this user may know."""
    return os.path.exists(path)  # noqa: PTH110 - `Path.exists` may raise


def _lacks_handles() -> bool:
    """Return whether the process may not open as many files as SQLite does."""
    opened: list[int] = []
    try:
        for _ in range(_HANDLES):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 - closed below
    except OSError as error:
        return error.errno in {errno.EMFILE, errno.ENFILE}
    finally:
        for handle in opened:
            os.close(handle)
    return False


def _is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) == sqlite3.SQLITE_BUSY


def _primary_code(error: sqlite3.Error) -> int:
    # Errors that the standard library raises itself have no code.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - half of the time of `path.stat()`
    except OSError:
        return None
    return status.st_dev, status.st_ino
