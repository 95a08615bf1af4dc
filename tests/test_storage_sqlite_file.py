import ctypes
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events.errors import StoreError, StoreErrorCode
from pinpoint_events.storage.sqlite_file import Schema, SqliteFile
from pinpoint_events.storage.waiting import waiting_until
from tests.samples import ROOT
from tests.sender_contract import in_child, needs_fork
from tests.stores import ordinary_user, read_only, shared_directory, writing

SCHEMA = Schema(
    application_id=0x6E6F7465,  # `note`
    version=2,
    statements=[
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
        "CREATE VIEW texts AS SELECT text FROM note ORDER BY id",
    ],
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that does not exist yet."""
    return tmp_path / "notes.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqliteFile]:
    """Open that file."""
    with opened(path) as file:
        yield file


def opened(
    path: Path, timeout_seconds: float = 5.0, schema: Schema = SCHEMA
) -> "closing[SqliteFile]":
    """Open a file, and close it at the end of the block."""
    return closing(SqliteFile(path, schema, timeout_seconds))


def add(file: SqliteFile, *texts: str) -> None:
    """Add notes in one transaction."""
    with file.transaction() as connection:
        rows = [(text,) for text in texts]
        connection.executemany("INSERT INTO note (text) VALUES (?)", rows)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows that another program gets."""
    with closing(sqlite3.connect(path)) as other:
        return other.execute(sql).fetchall()


def texts(path: Path) -> list[str]:
    """Return the notes in the file, which is not damaged."""
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    return [text for (text,) in query(path, "SELECT text FROM texts")]


WORDS = {
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
        "is locked by another writer, and has been for 0.01 s; try again"
    ),
    StoreErrorCode.MOVED: (
        "was moved, deleted or replaced while in use; open it again, and close it in "
        "all processes first the next time"
    ),
    StoreErrorCode.NOT_A_DATABASE: (
        "is no SQLite database; choose another path, or move the file away"
    ),
    StoreErrorCode.OTHER: (
        "cannot be used (SQLITE_ERROR); the cause of this error tells more"
    ),
    StoreErrorCode.OTHER_VERSION: (
        "has version 3 of its format, and this release of pinpoint_events knows "
        "version 2; use a release that knows it, or choose another path"
    ),
    StoreErrorCode.READ_ONLY: (
        "is read-only; allow this user to write the file and its directory"
    ),
    StoreErrorCode.UNSAFE_FORK: (
        "was in use when the process forked, or something other than Python forked "
        "it; open it after the fork"
    ),
}


def failed(path: Path, act: Callable[[], object]) -> StoreErrorCode:
    """Return the code of the call's error; its other facts follow from the code."""
    with pytest.raises(StoreError) as caught:
        act()
    error = caught.value
    assert error.message == f"the store {str(path)!r} {WORDS[error.code]}"
    is_retry_safe = error.code in {StoreErrorCode.FULL, StoreErrorCode.LOCKED}
    assert error.is_retry_safe == is_retry_safe
    return error.code


def use(path: Path, timeout_seconds: float = 5.0) -> None:
    """Open a file, add a note and close it."""
    with opened(path, timeout_seconds) as file:
        add(file, "used")


class TestOpen:
    """A file is created with its schema, or opened with what is in it."""

    def test_is_created(self, file: SqliteFile, path: Path) -> None:
        """The constructor creates file and schema."""
        assert texts(path) == []

    def test_empty_file(self, path: Path) -> None:
        """An empty file gets the schema."""
        path.touch()
        use(path)
        assert texts(path) == ["used"]

    def test_is_opened_again(self, path: Path) -> None:
        """What was committed is in the file when it is opened again."""
        use(path)
        use(path)
        assert texts(path) == ["used", "used"]

    def test_header(self, path: Path) -> None:
        """Application id and version are in the header, for `file` and others."""
        use(path)
        assert query(path, "PRAGMA application_id") == [(SCHEMA.application_id,)]
        assert query(path, "PRAGMA user_version") == [(SCHEMA.version,)]
        assert path.read_bytes()[68:72] == b"note"

    def test_default_layout(self, file: SqliteFile, path: Path) -> None:
        """By default pages have 8,192 bytes, and the log up to 8,000 of them."""
        assert query(path, "PRAGMA page_size") == [(8_192,)]
        assert self.log_pages(file) == 8_000

    def test_layout(self, path: Path) -> None:
        """The schema sets the size of pages and log."""
        schema = SCHEMA._replace(page_bytes=512, log_pages=7)
        with opened(path, schema=schema) as file:
            assert query(path, "PRAGMA page_size") == [(512,)]
            assert self.log_pages(file) == 7
        with opened(path) as file:
            assert query(path, "PRAGMA page_size") == [(512,)]
            assert self.log_pages(file) == 8_000

    @staticmethod
    def log_pages(file: SqliteFile) -> int:
        """Return at how many pages the log is copied into the file."""
        with file.transaction() as connection:
            ((pages,),) = connection.execute("PRAGMA wal_autocheckpoint")
        return int(pages)


class TestOpenExisting:
    """With `creates=False`, only a file that has the schema is opened."""

    def test_missing(self, path: Path) -> None:
        """A file that does not exist is refused, and not created."""
        with pytest.raises(StoreError) as caught:
            SqliteFile(path, SCHEMA, 5.0, creates=False)
        assert caught.value.code is StoreErrorCode.CANNOT_OPEN
        assert not path.exists()

    def test_empty(self, path: Path) -> None:
        """An empty file stays empty."""
        path.touch()
        with pytest.raises(StoreError) as caught:
            SqliteFile(path, SCHEMA, 5.0, creates=False)
        assert caught.value.code is StoreErrorCode.NOT_A_DATABASE
        assert path.read_bytes() == b""

    def test_that_has_it(self, path: Path, file: SqliteFile) -> None:
        """Any other file is used as it would be otherwise."""
        add(file, "first")
        with closing(SqliteFile(path, SCHEMA, 5.0, creates=False)) as other:
            add(other, "second")
        assert texts(path) == ["first", "second"]


class TestTransaction:
    """A transaction is kept whole or not at all."""

    def test_is_rolled_back(self, file: SqliteFile, path: Path) -> None:
        """An exception in the block undoes all of it, and is not replaced."""

        def fail() -> None:
            with file.transaction() as connection:
                connection.execute("INSERT INTO note (text) VALUES ('lost')")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        add(file, "kept")
        assert texts(path) == ["kept"]

    def test_readers_do_not_wait(self, file: SqliteFile, path: Path) -> None:
        """A reader sees the state at its begin, whatever is written meanwhile."""
        add(file, "before")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert len(reader.execute("SELECT * FROM note").fetchall()) == 1
            add(file, "meanwhile")
            assert len(reader.execute("SELECT * FROM note").fetchall()) == 1
            reader.execute("COMMIT")
            assert len(reader.execute("SELECT * FROM note").fetchall()) == 2

    def test_wal(self, file: SqliteFile, path: Path) -> None:
        """The file is in WAL mode."""
        assert query(path, "PRAGMA journal_mode") == [("wal",)]


class TestExclusive:
    """The transactions of a thread in an exclusive block are one."""

    def test_is_committed_at_its_end(self, file: SqliteFile, path: Path) -> None:
        """Each sees what those before it have written; others see it at the end."""
        with file.exclusive():
            add(file, "a")
            add(file, "b")
            with file.transaction(writes=False) as connection:
                found = connection.execute("SELECT text FROM texts").fetchall()
            assert found == [("a",), ("b",)]
            assert texts(path) == []
        assert texts(path) == ["a", "b"]

    def test_others_wait(self, path: Path) -> None:
        """No other thread or program writes meanwhile."""
        with opened(path, 0.01) as file, opened(path, 0.01) as other:
            with ThreadPoolExecutor() as pool, file.exclusive():
                for each in (file, other):
                    found = pool.submit(failed, path, partial(add, each, "a"))
                    assert found.result() is StoreErrorCode.LOCKED
            add(other, "b")
        assert texts(path) == ["b"]

    def test_waits(self, path: Path) -> None:
        """It begins to write at once, and so waits for other writers, up to a limit."""
        with (
            opened(path, 60) as file,
            writing(path),
            waiting_until(time.monotonic() + 0.1),
            pytest.raises(StoreError) as caught,
            file.exclusive(),
        ):
            pytest.fail("it should not begin")
        assert caught.value.code is StoreErrorCode.LOCKED

    def test_raises(self, file: SqliteFile, path: Path) -> None:
        """An exception in the block undoes it, and is not replaced."""

        def fail() -> None:
            with file.exclusive():
                add(file, "lost")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        add(file, "kept")
        assert texts(path) == ["kept"]

    def test_transaction_raises(self, file: SqliteFile, path: Path) -> None:
        """If one of its transactions raises, it is undone, and raises it at its end."""

        def fail() -> None:
            with file.transaction():
                raise ZeroDivisionError

        def fail_within() -> None:
            with file.exclusive():
                add(file, "lost")
                for act in (fail, fail, partial(add, file, "lost, too")):
                    with pytest.raises(ZeroDivisionError):
                        act()

        with pytest.raises(ZeroDivisionError):
            fail_within()
        add(file, "kept")
        assert texts(path) == ["kept"]

    def test_sqlite_fails(self, file: SqliteFile, path: Path) -> None:
        """So it is with an error of SQLite, which may have undone the block itself."""
        with file.transaction() as connection:
            ((pages,),) = connection.execute("PRAGMA page_count")
            connection.execute(f"PRAGMA max_page_count = {pages + 10}").fetchall()

        def fill() -> None:
            with file.exclusive():
                add(file, "lost")
                found = failed(path, partial(add, file, *["long" * 9_999] * 99))
                assert found is StoreErrorCode.FULL
                assert failed(path, partial(add, file, "b")) is StoreErrorCode.FULL

        assert failed(path, fill) is StoreErrorCode.FULL
        add(file, "kept")
        assert texts(path) == ["kept"]

    def test_within_another(self, file: SqliteFile, path: Path) -> None:
        """A block in another one is a part of it."""
        with file.exclusive():
            with file.exclusive():
                add(file, "a")
            add(file, "b")
            assert texts(path) == []
        assert texts(path) == ["a", "b"]

    def test_raises_within_another(self, file: SqliteFile, path: Path) -> None:
        """If it raises, the other one is undone, too."""

        def fail() -> None:
            with file.exclusive():
                raise ZeroDivisionError

        def fail_within() -> None:
            with file.exclusive():
                add(file, "lost")
                with pytest.raises(ZeroDivisionError):
                    fail()

        with pytest.raises(ZeroDivisionError):
            fail_within()
        assert texts(path) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="no file in use can be moved")
    def test_moved_meanwhile(self, file: SqliteFile, path: Path) -> None:
        """A file that is moved in the middle is reported at the end."""

        def move() -> None:
            with file.exclusive():
                add(file, "a")
                path.rename(path.with_name("moved"))

        assert failed(path, move) is StoreErrorCode.MOVED

    @needs_fork
    def test_fork_within(self, file: SqliteFile, path: Path) -> None:
        """The child of a fork in the block neither writes nor commits."""
        with ExitStack() as stack:
            stack.enter_context(file.exclusive())
            add(file, "a")

            def write_in_child() -> None:
                act = partial(add, file, "child")
                assert failed(path, act) is StoreErrorCode.UNSAFE_FORK

            def end_in_child() -> None:
                assert failed(path, stack.close) is StoreErrorCode.UNSAFE_FORK

            assert in_child(write_in_child)
            assert in_child(end_in_child)
            add(file, "b")
            assert texts(path) == []
        assert texts(path) == ["a", "b"]

    @needs_fork
    def test_fork_waits(self, file: SqliteFile, path: Path) -> None:
        """A fork by another thread waits for the end, and the child goes on writing."""
        with ThreadPoolExecutor() as pool:
            with file.exclusive():
                add(file, "a")
                forked = pool.submit(in_child, partial(add, file, "child"))
                add(file, "b")
            assert forked.result()
        assert texts(path) == ["a", "b", "child"]


class TestLocked:
    """A file that is locked for longer than the timeout is reported as retryable."""

    def test_by_another_program(self, path: Path) -> None:
        """The transaction fails after the timeout; a later one succeeds."""
        with opened(path, 0.01) as file:
            with writing(path):
                found = failed(path, lambda: add(file, "a"))
            assert found is StoreErrorCode.LOCKED
            add(file, "b")
        assert texts(path) == ["b"]

    def test_waits(self, path: Path) -> None:
        """Within the timeout a transaction waits for the lock."""
        with opened(path, 60) as file, ThreadPoolExecutor() as pool:
            with writing(path):
                later = pool.submit(add, file, "a")
            later.result()
        assert texts(path) == ["a"]

    def test_reads_do_not_wait(self, path: Path) -> None:
        """A transaction that does not write needs no lock."""
        with (
            opened(path, 0) as file,
            writing(path),
            file.transaction(writes=False) as connection,
        ):
            assert connection.execute("SELECT * FROM note").fetchall() == []

    def test_when_opened(self, path: Path) -> None:
        """Opening fails in the same way."""
        use(path)
        with writing(path):
            assert failed(path, lambda: use(path, 0.01)) is StoreErrorCode.LOCKED

    def test_in_rollback_mode(self, path: Path) -> None:
        """A reader blocks the change from rollback to WAL mode."""
        use(path)
        assert query(path, "PRAGMA journal_mode = DELETE") == [("delete",)]
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM note").fetchall()
            assert failed(path, lambda: use(path, 0.01)) is StoreErrorCode.LOCKED
        use(path)
        assert query(path, "PRAGMA journal_mode") == [("wal",)]

    def test_by_another_thread(self, path: Path) -> None:
        """Threads of one process wait for each other up to the timeout."""
        with opened(path, 0.01) as file:
            with ThreadPoolExecutor() as pool, file.transaction():
                found = pool.submit(failed, path, lambda: add(file, "a")).result()
            assert found is StoreErrorCode.LOCKED
            add(file, "b")

    @pytest.mark.parametrize("other", ["program", "thread"])
    def test_in_less_time(self, path: Path, other: str) -> None:
        """A caller may have less time; the message has what was waited."""
        with opened(path, 60) as file, ThreadPoolExecutor() as pool:
            held = writing(path) if other == "program" else file.transaction()

            def late() -> StoreError:
                with (
                    waiting_until(time.monotonic() + 0.3),
                    pytest.raises(StoreError) as caught,
                ):
                    add(file, "a")
                return caught.value

            with held:
                error = pool.submit(late).result()
            add(file, "b")
        assert error.code is StoreErrorCode.LOCKED
        waited = error.message.rpartition("has been for ")[2]
        assert 0.3 <= float(waited.removesuffix(" s; try again")) < 5
        assert texts(path) == ["b"]

    def test_opened_in_less_time(self, path: Path) -> None:
        """So it is where opening waits."""
        use(path)
        with (
            writing(path),
            waiting_until(time.monotonic() + 0.1),
            pytest.raises(StoreError) as caught,
        ):
            use(path, 60)
        assert caught.value.code is StoreErrorCode.LOCKED


class TestRefused:
    """A file that cannot be used is refused when opened, and left as it is."""

    def test_no_directory(self, tmp_path: Path) -> None:
        """Directories are not created."""
        path = tmp_path / "none" / "notes.db"
        assert failed(path, lambda: use(path)) is StoreErrorCode.CANNOT_OPEN
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(os.name != "posix", reason="the limit is POSIX'")
    @pytest.mark.parametrize("free", [0, 1, 2])
    def test_no_handle(self, path: Path, free: int) -> None:
        """A process that has too many files open is not sent to the directory."""
        import resource

        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + free, before[1]))
        try:
            with pytest.raises(StoreError) as caught:
                use(path)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert caught.value.code is StoreErrorCode.CANNOT_OPEN
        assert str(caught.value) == (
            f"the store '{path}' cannot be opened, as this process has as many files "
            "open as it may; close those that are not used, or raise the limit "
            "(`ulimit -n`)"
        )

    def test_directory(self, tmp_path: Path) -> None:
        """A directory cannot be opened."""
        assert failed(tmp_path, lambda: use(tmp_path)) is StoreErrorCode.CANNOT_OPEN

    @pytest.mark.parametrize("size", [2, 99, 100, 5000])
    def test_not_a_database(self, path: Path, size: int) -> None:
        """A file of another kind is not changed."""
        path.write_bytes(b"!" * size)
        assert failed(path, lambda: use(path)) is StoreErrorCode.NOT_A_DATABASE
        assert path.read_bytes() == b"!" * size

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TABLE note (id)",
            "PRAGMA application_id = 7",
            "PRAGMA user_version = 2",
        ],
    )
    def test_foreign(self, path: Path, sql: str) -> None:
        """A database of another program is not changed, nor is its mode."""
        query(path, sql)
        before = path.read_bytes()
        assert failed(path, lambda: use(path)) is StoreErrorCode.FOREIGN
        assert path.read_bytes() == before

    def test_migrations(self, path: Path) -> None:
        """Each turns the file into one of the next version, in their order."""
        with opened(path, schema=SCHEMA) as file:
            add(file, "kept")

        def add_note(text: str) -> Callable[[sqlite3.Connection], None]:
            def migrate(connection: sqlite3.Connection) -> None:
                connection.execute("INSERT INTO note (text) VALUES (?)", (text,))

            return migrate

        migrations = {number: add_note(f"to {number + 1}") for number in (1, 2, 3)}
        newer = SCHEMA._replace(version=4, migrations=migrations)
        for _ in range(2):
            with opened(path, schema=newer):
                assert texts(path) == ["kept", "to 3", "to 4"]
        assert query(path, "PRAGMA user_version") == [(4,)]

    def test_failed_migration(self, path: Path) -> None:
        """The file stays as it is, as after the death of the process."""
        with opened(path, schema=SCHEMA) as file:
            add(file, "kept")

        def fail(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM note")
            connection.execute("INSERT INTO none DEFAULT VALUES")

        newer = SCHEMA._replace(version=3, migrations={2: fail})
        with pytest.raises(StoreError) as caught:
            SqliteFile(path, newer, 1.0)
        assert caught.value.code is StoreErrorCode.OTHER
        assert texts(path) == ["kept"]
        assert query(path, "PRAGMA user_version") == [(2,)]

    def test_older_version(self, path: Path) -> None:
        """An older format is refused where a migration is missing."""
        use(path)
        query(path, "PRAGMA user_version = 1")
        with pytest.raises(StoreError) as caught:
            use(path)
        assert caught.value.code is StoreErrorCode.OTHER_VERSION

    def test_newer_version(self, path: Path) -> None:
        """A newer format is refused, and not changed."""
        use(path)
        query(path, "PRAGMA user_version = 3")
        before = path.read_bytes()
        assert failed(path, lambda: use(path)) is StoreErrorCode.OTHER_VERSION
        assert path.read_bytes() == before


@pytest.fixture
def shared() -> Iterator[Path]:
    """Create a directory that other users can access."""
    with shared_directory() as directory:
        yield directory


@pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
class TestReadOnly:
    """A file that may not be written is refused when opened."""

    @pytest.mark.parametrize("modes", [(0o777, 0o444), (0o555, 0o666), (0o555, 0o444)])
    def test_file_or_directory(self, shared: Path, modes: tuple[int, int]) -> None:
        """SQLite has to write both."""
        path = shared / "notes.db"
        use(path)
        directory_mode, file_mode = modes
        path.chmod(file_mode)
        shared.chmod(directory_mode)
        with ordinary_user():
            found = failed(path, lambda: use(path))
        assert found is StoreErrorCode.READ_ONLY
        shared.chmod(0o777)
        assert texts(path) == ["used"]

    def test_directory_that_may_not_be_entered(self, shared: Path) -> None:
        """It cannot be found out whether the file exists."""
        path = shared / "notes.db"
        use(path)
        shared.chmod(0o000)
        with ordinary_user():
            codes = [failed(path, lambda: use(path)), failed(path, lambda: read(path))]
        shared.chmod(0o777)
        assert codes == [StoreErrorCode.CANNOT_OPEN] * 2

    @pytest.mark.parametrize("has_log", [False, True])
    def test_nothing_is_left(self, shared: Path, *, has_log: bool) -> None:
        """No file is created beside it that would outlast its being read-only."""
        path = shared / "notes.db"
        with ordinary_user():
            use(path)
            if has_log:
                log_alone(path)
            before = beside(path)
            with read_only(path):
                assert failed(path, lambda: use(path)) is StoreErrorCode.READ_ONLY
            assert beside(path) == before
            use(path)

    def test_another_schema(self, shared: Path) -> None:
        """A file of another program is refused as such."""
        path = shared / "notes.db"
        with ordinary_user():
            with opened(path, schema=SCHEMA._replace(application_id=7)):
                pass
            with read_only(path):
                assert failed(path, lambda: use(path)) is StoreErrorCode.FOREIGN


def read(path: Path, timeout_seconds: float = 0.01) -> list[str]:
    """Return the notes, without writing anything."""
    with (
        closing(SqliteFile(path, SCHEMA, timeout_seconds, writes=False)) as file,
        file.transaction(writes=False) as connection,
    ):
        rows = connection.execute("SELECT text FROM texts").fetchall()
    return [text for (text,) in rows]


def beside(path: Path) -> dict[str, bytes]:
    """Return the files of a directory, with their contents."""
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def log_alone(path: Path) -> None:
    """Leave a file and its log as after a kill, but without the index of the log."""
    copy = path.with_name("copy.db")
    with opened(path) as file:
        add(file, "first", "second")
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
    path.unlink()
    for end in ("", "-wal"):
        Path(f"{copy}{end}").rename(f"{path}{end}")


class TestReads:
    """With `writes=False` a file is read where nothing can be written."""

    def test_reads(self, path: Path) -> None:
        """The file stays as it is, and nothing is left beside it."""
        use(path)
        before = beside(path)
        assert read(path) == ["used"]
        assert beside(path) == before

    def test_writes_nothing(self, path: Path) -> None:
        """Whatever is tried."""
        use(path)
        with closing(SqliteFile(path, SCHEMA, 0.01, writes=False)) as file:
            found = failed(path, lambda: add(file, "more"))
        assert found is StoreErrorCode.READ_ONLY
        assert texts(path) == ["used"]

    def test_beside_a_writer(self, path: Path, file: SqliteFile) -> None:
        """What is committed is read, however long another program writes."""
        add(file, "first")
        with writing(path) as other:
            other.execute("INSERT INTO note (text) VALUES ('second')")
            assert read(path) == ["first"]

    def test_locked(self, path: Path) -> None:
        """A file without a log, which another program locks, is waited for."""
        use(path)
        query(path, "PRAGMA journal_mode = DELETE")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert failed(path, lambda: read(path)) is StoreErrorCode.LOCKED
        assert read(path) == ["used"]

    @pytest.mark.parametrize("content", [None, b"", b"my notes\n" * 1_000])
    def test_no_file_of_ours(self, path: Path, content: bytes | None) -> None:
        """What is none of ours is refused, and stays as it is."""
        if content is not None:
            path.write_bytes(content)
        expected = (
            StoreErrorCode.CANNOT_OPEN
            if content is None
            else StoreErrorCode.NOT_A_DATABASE
        )
        assert failed(path, lambda: read(path)) is expected
        assert beside(path) == ({} if content is None else {path.name: content})

    @pytest.mark.parametrize("version", [1, 3])
    def test_other_version(self, path: Path, version: int) -> None:
        """A newer file is refused, and an older one, which would have to change."""
        use(path)
        query(path, f"PRAGMA user_version = {version}")
        migrates = SCHEMA._replace(migrations={1: lambda _: None})
        with pytest.raises(StoreError) as caught:
            SqliteFile(path, migrates, 5.0, writes=False)
        assert caught.value.code is StoreErrorCode.OTHER_VERSION
        assert query(path, "PRAGMA user_version") == [(version,)]

    @pytest.mark.skipif(sys.platform == "win32", reason="it has no resource limits")
    def test_full_disk(self, path: Path) -> None:
        """On a full disk: nothing can be written beside the file."""
        import resource

        use(path)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            assert read(path) == ["used"]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert texts(path) == ["used"]

    @pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
    @pytest.mark.parametrize("modes", [(0o777, 0o444), (0o555, 0o666), (0o555, 0o444)])
    def test_read_only(self, shared: Path, modes: tuple[int, int]) -> None:
        """By a user who may only read, and who leaves nothing in the way of others."""
        path = shared / "notes.db"
        use(path)
        directory_mode, file_mode = modes
        path.chmod(file_mode)
        shared.chmod(directory_mode)
        with ordinary_user():
            assert read(path) == ["used"]
        assert list(beside(path)) == ["notes.db"]

    @pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
    def test_read_only_beside_a_writer(self, shared: Path) -> None:
        """What is still in the log of a running process is read, too."""
        path = shared / "notes.db"
        with opened(path) as file:
            add(file, "first")
            for each in shared.iterdir():
                each.chmod(0o444)
            shared.chmod(0o555)
            with ordinary_user():
                assert read(path) == ["first"]

    @pytest.mark.skipif(sys.platform == "win32", reason="permissions work differently")
    def test_log_that_cannot_be_read(self, shared: Path) -> None:
        """A log without its index is read where the index can be created."""
        path = shared / "notes.db"
        log_alone(path)
        shared.chmod(0o555)
        for each in shared.iterdir():
            each.chmod(0o444)
        with ordinary_user(), pytest.raises(StoreError) as caught:
            read(path)
        assert str(caught.value) == (
            f"the store '{path}' has a log that cannot be read in its place; copy the "
            "file, with those beside it (-wal, -journal), into a directory where this "
            "user may write, and open the copy"
        )
        assert caught.value.code is StoreErrorCode.CANNOT_OPEN
        shared.chmod(0o777)
        assert read(path) == ["first", "second"]


LARGE = ["x" * 3_000] * 100


class TestFailingWrites:
    """A write that fails leaves the file as it was, and usable."""

    def test_full(self, file: SqliteFile, path: Path) -> None:
        """A file that cannot grow is reported as retryable."""
        add(file, "before")
        # `max_page_count` is how SQLite's own tests fill a disk.
        with file.transaction() as connection:
            ((pages,),) = connection.execute("PRAGMA page_count")
            connection.execute(f"PRAGMA max_page_count = {pages + 10}").fetchall()
        assert failed(path, lambda: add(file, *LARGE)) is StoreErrorCode.FULL
        assert texts(path) == ["before"]
        with file.transaction() as connection:
            connection.execute("PRAGMA max_page_count = 1000000").fetchall()
        add(file, *LARGE)
        assert texts(path) == ["before", *LARGE]

    @pytest.mark.skipif(sys.platform == "win32", reason="it has no resource limits")
    def test_disk_fails(self, file: SqliteFile, path: Path) -> None:
        """A write that the operating system refuses is an I/O error."""
        import resource

        add(file, "before")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            found = failed(path, lambda: add(file, *LARGE))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert found is StoreErrorCode.IO
        assert texts(path) == ["before"]
        add(file, *LARGE)
        assert texts(path) == ["before", *LARGE]

    def test_corrupt(self, path: Path) -> None:
        """A damaged file is reported, and not changed."""
        with opened(path) as file:
            add(file, *LARGE)
        intact = path.read_bytes()
        damaged = intact[:4096] + b"\xff" * (len(intact) - 4096)
        path.write_bytes(damaged)
        assert failed(path, lambda: use(path)) is StoreErrorCode.CORRUPT
        assert path.read_bytes()[4096:] == damaged[4096:]

    def test_other(self, file: SqliteFile, path: Path) -> None:
        """Any other error has SQLite's name in the message, and is the cause."""
        query(path, "DROP TABLE note")
        with pytest.raises(StoreError) as caught:
            add(file, "a")
        assert str(caught.value.__cause__) == "no such table: note"
        assert failed(path, lambda: add(file, "a")) is StoreErrorCode.OTHER


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be moved")
class TestMoved:
    """A file that is no longer at its path is not written: the data would be lost."""

    def test_deleted(self, file: SqliteFile, path: Path) -> None:
        """A deleted file is reported."""
        path.unlink()
        assert failed(path, lambda: add(file, "a")) is StoreErrorCode.MOVED

    def test_replaced(self, file: SqliteFile, path: Path) -> None:
        """A file that has replaced it is not written."""
        path.rename(path.with_suffix(".old"))
        use(path)
        assert failed(path, lambda: add(file, "a")) is StoreErrorCode.MOVED
        assert texts(path) == ["used"]

    @pytest.mark.parametrize("is_replaced", [False, True])
    def test_log_left_behind(self, path: Path, *, is_replaced: bool) -> None:
        """A file that is moved alone has all of its transactions once it is closed."""
        old, other = path.with_name("old.db"), path.with_name("other.db")
        with opened(other) as file:
            add(file, "other")
        with opened(path) as file:
            add(file, "a")
            path.rename(old)
            if is_replaced:
                other.rename(path)
        use(path)
        assert texts(old) == ["a"]
        assert texts(path) == [*(["other"] if is_replaced else []), "used"]

    def test_opened_beside(self, path: Path) -> None:
        """Those that have the old file open take no part in the new one."""
        old = path.with_name("old.db")
        with opened(path) as one, opened(path) as two:
            add(one, "a")
            add(two, "b")
            path.rename(old)
            with opened(path) as new:
                add(new, "c")
                for file in (one, two):
                    act = partial(add, file, "d")
                    assert failed(path, act) is StoreErrorCode.MOVED
                add(new, "e")
            path.unlink()
            old.rename(path)
            add(one, "f")
        assert texts(path) == ["a", "b", "f"]

    def test_opened_beside_a_transaction(self, path: Path) -> None:
        """A new file is not opened while the old one is at work."""
        with opened(path) as file, file.transaction():
            path.rename(path.with_name("old.db"))
            with ThreadPoolExecutor() as threads:
                other = threads.submit(use, path, 0.01)
                assert failed(path, other.result) is StoreErrorCode.LOCKED
            path.with_name("old.db").rename(path)

    def test_log_of_another(self, path: Path) -> None:
        """The log of another file that is at its path now is left alone."""
        old = path.with_name("old.db")
        with opened(path) as file:
            add(file, "a")
            for end in ("", "-wal", "-shm"):
                path.with_name(f"{path.name}{end}").rename(f"{old}{end}")
            with opened(path) as another:
                add(another, "b")
                file.close()
                add(another, "c")
        assert texts(old) == ["a"]
        assert texts(path) == ["b", "c"]

    def test_deleted_meanwhile(self, file: SqliteFile, path: Path) -> None:
        """A file that is deleted in the middle of a transaction is reported, too."""

        def write() -> None:
            with file.transaction() as connection:
                path.unlink()
                connection.execute("INSERT INTO note (text) VALUES ('lost')")

        assert failed(path, write) is StoreErrorCode.MOVED
        assert failed(path, lambda: add(file, "a")) is StoreErrorCode.MOVED


class TestClose:
    """A closed file is not opened again."""

    def test_use_after_close(self, path: Path) -> None:
        """A transaction after `close` is refused; a second `close` does nothing."""
        file = SqliteFile(path, SCHEMA, 1.0)
        file.close()
        file.close()
        assert failed(path, lambda: add(file, "a")) is StoreErrorCode.CLOSED

    def test_waits_for_the_transaction(self, path: Path) -> None:
        """A transaction in progress is committed before the file is closed."""
        file = SqliteFile(path, SCHEMA, 1.0)
        with ThreadPoolExecutor() as pool:
            with file.transaction() as connection:
                closed = pool.submit(file.close)
                connection.execute("INSERT INTO note (text) VALUES ('last')")
            closed.result()
        assert texts(path) == ["last"]

    def test_leaves_one_file(self, path: Path) -> None:
        """When the last connection is closed, the log is copied into the file."""
        use(path)
        assert [each.name for each in path.parent.iterdir()] == ["notes.db"]


# Opens the file when a line arrives, and prints the number of each note it has added.
WRITER = """
import sys
from pathlib import Path
from pinpoint_events.storage.sqlite_file import Schema, SqliteFile
from pinpoint_events.storage.waiting import waiting_until

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
file = SqliteFile(Path(path), Schema({schema}), 60)
for number in range(count):
    with file.transaction() as connection:
        for half in "ab":
            text = f"{{name}}-{{number}}-{{half}}"
            connection.execute("INSERT INTO note (text) VALUES (?)", (text,))
    print(number, flush=True)
file.close()
""".format(schema=", ".join(map(repr, SCHEMA[:3])))


def writer(path: Path, name: str, count: int) -> "subprocess.Popen[str]":
    """Start a process that writes once it receives a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: "subprocess.Popen[str]") -> None:
    """Send the line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


class TestWaits:
    """Waits for other writers."""

    def test_in_several_parts(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wait is as long as the timeout, whatever SQLite itself waits."""
        monkeypatch.setattr("pinpoint_events.storage.sqlite_file._WAIT_SECONDS", 0.01)
        with (
            opened(path, timeout_seconds=0.1) as file,
            closing(sqlite3.connect(path, isolation_level=None)) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError) as caught:
                add(file, "x")
            assert caught.value.code is StoreErrorCode.LOCKED
            other.execute("ROLLBACK")
            add(file, "y")
            assert texts(path) == ["y"]

    def test_interrupted(self, path: Path) -> None:
        """Ctrl-C ends a wait at once, however long the timeout is."""
        source = """
import sys
from pathlib import Path
from tests.test_storage_sqlite_file import SCHEMA, SqliteFile

file = SqliteFile(Path(sys.argv[1]), SCHEMA, 600)
print("open", flush=True)
sys.stdin.readline()
print("waiting", flush=True)
with file.transaction():
    pass
"""
        command = [sys.executable, "-c", source, str(path)]
        with (
            subprocess.Popen(
                command,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
            ) as process,
            closing(sqlite3.connect(path, isolation_level=None)) as other,
        ):
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            other.execute("BEGIN IMMEDIATE")
            start(process)
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert err.endswith("KeyboardInterrupt\n")

    def test_log_is_cut(self, path: Path) -> None:
        """What the log has grown to beside a reader, it does not keep."""
        schema = SCHEMA._replace(log_pages=10)
        log = path.with_name(f"{path.name}-wal")
        with (
            opened(path, schema=schema) as file,
            closing(sqlite3.connect(path)) as other,
        ):
            add(file, "first", "second")
            reading = other.execute("SELECT * FROM note")
            reading.fetchone()
            for _ in range(10):
                add(file, *["x" * 8_000] * 10)
            assert log.stat().st_size > 80 * schema.page_bytes
            reading.close()
            other.close()
            for _ in range(3):
                add(file, "last")
            assert log.stat().st_size <= 11 * schema.page_bytes


class TestProcesses:
    """Any number of processes write one file at the same time."""

    def test_at_the_same_time(self, path: Path) -> None:
        """They create the file together, and no note is lost."""
        writers = [writer(path, name, 20) for name in "xyz"]
        for each in writers:
            start(each)
        for each in writers:
            each.communicate()
        assert [each.returncode for each in writers] == [0, 0, 0]
        assert sorted(texts(path)) == sorted(
            f"{name}-{number}-{half}"
            for name in "xyz"
            for number in range(20)
            for half in "ab"
        )

    def test_killed(self, path: Path) -> None:
        """After a kill, what was committed is in the file, and nothing in part."""
        process = writer(path, "x", 1_000_000)
        with process:
            start(process)
            assert process.stdout is not None
            committed = [int(process.stdout.readline()) for _ in range(40)]
            process.kill()
            committed += [int(line) for line in process.stdout]
        assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
        found = texts(path)
        assert found == [
            f"x-{n}-{half}" for n in range(len(found) // 2) for half in "ab"
        ]
        assert 0 <= len(found) // 2 - len(committed) <= 1
        use(path)
        assert texts(path) == [*found, "used"]


@needs_fork
class TestFork:
    """
    No connection is open in the child of a fork.

    (SQLite, "How To Corrupt An SQLite Database File", 2.6.)
    """

    def test_while_threads_write(self, file: SqliteFile, path: Path) -> None:
        """Children of forks write, and so do the threads that wrote meanwhile."""
        is_over = threading.Event()
        written = [0, 0]

        def write(thread: int) -> None:
            while not is_over.is_set():
                add(file, f"thread-{thread}")
                written[thread] += 1

        with ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(write, thread) for thread in range(2)]
            try:
                for number in range(10):
                    assert in_child(partial(add, file, f"child-{number}"))
            finally:
                is_over.set()
            for thread in threads:
                thread.result()
        found = texts(path)
        assert [found.count(f"thread-{thread}") for thread in range(2)] == written
        assert [found.count(f"child-{number}") for number in range(10)] == [1] * 10

    def test_connection_in_a_child(self, file: SqliteFile, path: Path) -> None:
        """A child that has a connection, as after a fork by C code, does not use it."""

        def fork() -> int:
            # PyDLL holds the lock of the interpreter during the call.
            return int(ctypes.PyDLL(None).fork())

        def use_in_child() -> None:
            assert (
                failed(path, lambda: add(file, "child")) is StoreErrorCode.UNSAFE_FORK
            )
            file.close()

        add(file, "before")
        assert in_child(use_in_child, fork)
        add(file, "parent")
        assert texts(path) == ["before", "parent"]

    def test_known_by_its_number(
        self, file: SqliteFile, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the process that opened the connection uses it."""
        add(file, "before")
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 0)
            act = partial(add, file, "child")
            assert failed(path, act) is StoreErrorCode.UNSAFE_FORK
        add(file, "parent")
        assert texts(path) == ["before", "parent"]


class TestRun:
    """One statement, as a transaction."""

    def test_number(self, file: SqliteFile, path: Path) -> None:
        """It returns the number of the row."""
        insert = "INSERT INTO note (text) VALUES (?)"
        assert [file.run(insert, [text]) for text in ("a", "b")] == [1, 2]
        assert texts(path) == ["a", "b"]

    def test_beside_another_thread(self, path: Path) -> None:
        """It waits for other threads, and no longer than it may."""
        with opened(path, 0.01) as file, ThreadPoolExecutor() as threads:
            with file.transaction():
                ran = threads.submit(file.run, "DELETE FROM note", ())
                assert failed(path, ran.result) is StoreErrorCode.LOCKED
            file.run("DELETE FROM note", ())

    def test_beside_another_program(self, file: SqliteFile, path: Path) -> None:
        """It waits for other programs that write, and is done when they are."""
        with ThreadPoolExecutor() as threads:
            with writing(path):
                insert = "INSERT INTO note (text) VALUES ('a')"
                ran = threads.submit(file.run, insert, ())
                with pytest.raises(TimeoutError):  # it waits by SQLite, then by itself
                    ran.result(0.5)
            assert ran.result(10) == 1
        assert texts(path) == ["a"]

    def test_fails(self, file: SqliteFile) -> None:
        """A statement that is none is an error, and changes nothing."""
        with pytest.raises(StoreError) as caught:
            file.run("DELETE FROM nothing", ())
        assert caught.value.code is StoreErrorCode.OTHER
