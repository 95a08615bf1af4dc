"""What other programs, permissions and file systems do to a store."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

__all__ = [
    "JournalConnection",
    "ordinary_user",
    "read_only",
    "shared_directory",
    "writing",
]

_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of a store, as another program."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")


@contextmanager
def shared_directory() -> Iterator[Path]:
    """Create a directory that other users can access."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o777)
    yield directory
    directory.chmod(0o777)
    shutil.rmtree(directory)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Switch from root, which ignores permissions, to an ordinary user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def read_only(*paths: Path) -> Iterator[None]:
    """Let no one but root write files or directories of this user."""
    modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & ~_WRITE)
    try:
        yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


class JournalConnection(sqlite3.Connection):
    """
    A connection to a file that keeps a rollback journal.

    So SQLite answers where processes cannot share memory, as on some network file
    systems. To be passed as `factory` to `sqlite3.connect`.
    """

    def execute(self, sql: str, /, *parameters: Any) -> sqlite3.Cursor:
        """Keep the journal."""
        keeps = sql.replace("journal_mode = WAL", "journal_mode = DELETE")
        return super().execute(keeps, *parameters)
