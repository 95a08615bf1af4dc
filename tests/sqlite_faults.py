"""
Faults of one SQLite file, and the death of the process, at any statement.

SQLite still does the work: a connection of this module runs a statement, or raises the
error that SQLite would raise. Some errors end the transaction: then it is rolled back
first. (SQLite, "Transaction", 3, "Response To Errors Within A Transaction".)
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, cast

__all__ = ["CODES", "Fault", "Faults", "Killed"]

T = TypeVar("T")

CODES: Final = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
)
_MOST_PAGES: Final = 2**30 - 2
# How statements begin that begin a transaction to write.
_WRITES: Final = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")


class Killed(KeyboardInterrupt):
    """
    The process is killed.

    A `KeyboardInterrupt`, which the code under test lets through everywhere.
    """


class Fault(NamedTuple):
    """
    What happens at a statement.

    Attributes:
        after: How many statements run before.
        code: Of the error; None if the process is killed.
        is_late: Whether the statement runs before the process is killed; of an error,
            whether SQLite rolls back the transaction by itself.
        times: How many statements fail.
        of: Which statements count, and fail: each `statement`; each `write`, that is in
            a transaction that writes; or each `commit` of such a transaction.
    """

    after: int
    code: int | None
    is_late: bool = False
    times: int = 1
    of: str = "statement"


class _Connection(sqlite3.Connection):
    """A connection whose statements may fail."""

    faults: "Faults"
    is_limited = False
    is_writing = False  # a transaction, or a statement that is one by itself
    is_alone = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement, unless it fails."""
        run = super().execute
        return self.faults.run(self, sql, lambda: run(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run a statement for each of the parameters, unless it fails."""
        run = super().executemany
        return self.faults.run(self, sql, lambda: run(sql, parameters))

    def quietly(self, sql: str) -> list[Any]:
        """Run a statement that does not fail."""
        return super().execute(sql).fetchall()

    def limit(self, *, is_full: bool) -> None:
        """Let SQLite refuse to add pages, as on a full disk."""
        if is_full != self.is_limited:
            self.is_limited = is_full
            self.quietly(f"PRAGMA max_page_count = {1 if is_full else _MOST_PAGES}")


class Faults:
    """
    The faults of one file.

    Args:
        path: The file.
        application_id: Of its header; a file without it is not damaged, but new.

    Attributes:
        is_disk_full: Whether the file cannot grow.
        is_dead: Whether the process was killed. Each statement raises `Killed` then.
    """

    def __init__(self, path: Path, application_id: int) -> None:
        self.is_disk_full = False
        self.is_dead = False
        self._path = path
        self._application_id = application_id
        self._fault: Fault | None = None
        self._count = 0  # of statements since the fault was armed
        self._is_paused = False
        self._connections: list[_Connection] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Give each connection to the file that is opened these faults."""
        connect = sqlite3.connect

        def opened(path: Any, **options: Any) -> sqlite3.Connection:
            if self._is_paused or path != self._path:
                plain: sqlite3.Connection = connect(path, **options)
                return plain
            connection: _Connection = connect(path, factory=_Connection, **options)
            connection.faults = self
            self._connections.append(connection)
            return connection

        sqlite3.connect = cast("Any", opened)
        try:
            yield
        finally:
            sqlite3.connect = connect

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let nothing fail, and count no statements."""
        self._is_paused, before = True, self._is_paused
        try:
            yield
        finally:
            self._is_paused = before

    def arm(self, fault: Fault) -> None:
        """Let a statement fail."""
        self._fault, self._count = fault, 0

    def stop(self) -> None:
        """Let nothing fail from now on."""
        self._fault = None
        self.is_disk_full = False

    def kill(self) -> NoReturn:
        """Kill the process."""
        self.is_dead = True
        raise Killed

    def bury(self) -> None:
        """Close what the process had open, without another statement; revive it."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self.is_dead = False
        self._fault = None

    def run(self, connection: _Connection, sql: str, act: Callable[[], T]) -> T:
        """Run a statement of a connection, or let it fail."""
        if self._is_paused:
            return act()
        if self.is_dead:
            raise Killed
        connection.limit(is_full=self.is_disk_full)
        fault = self._due(connection, sql)
        if fault is None:
            return act()
        if fault.code is None:
            if fault.is_late:
                with suppress(sqlite3.Error):
                    act()
            self.kill()
        is_over = fault.is_late or fault.code == sqlite3.SQLITE_CORRUPT
        if connection.in_transaction and (is_over or sql == "ROLLBACK"):
            connection.quietly("ROLLBACK")
        raise self._error(connection, fault.code)

    def _due(self, connection: _Connection, sql: str) -> Fault | None:
        fault = self._fault
        if not connection.in_transaction:
            connection.is_writing = sql.startswith(_WRITES)
            connection.is_alone = sql.startswith(_WRITES[1:])
        is_end = sql == "COMMIT" or connection.is_alone
        kinds = {
            "statement": True,
            "write": connection.is_writing,
            "commit": connection.is_writing and is_end,
        }
        if fault is None or not kinds[fault.of]:
            return None
        number, self._count = self._count, self._count + 1
        if number < fault.after:
            return None
        if number >= fault.after + fault.times - 1:
            self._fault = None
        return fault

    def _error(self, connection: _Connection, code: int) -> sqlite3.Error:
        kind = sqlite3.OperationalError
        error: sqlite3.DatabaseError = kind("as the test says")
        if code == sqlite3.SQLITE_CORRUPT:
            ((application_id,),) = connection.quietly("PRAGMA application_id")
            if application_id == self._application_id:
                error = sqlite3.DatabaseError("as the test says")
            else:
                code = sqlite3.SQLITE_IOERR_READ
        error.sqlite_errorcode = code
        error.sqlite_errorname = f"test {code}"
        return error
