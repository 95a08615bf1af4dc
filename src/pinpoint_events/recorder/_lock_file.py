"""The file next to a spool by whose lock delivery is claimed, and who may open it."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["LOCK_END", "open_lock_file"]

LOCK_END: Final = "-deliverer"
"""What its name has behind that of the spool."""

_MODE: Final = 0o600  # that of a new spool
_WITHOUT_EXECUTION: Final = 0o666


def open_lock_file(path: Path) -> int:
    """
    Open the file for its lock; return the descriptor.

    It is created, if it does not exist, with mode and owner of the spool, as SQLite
    does with its own files. A user who could read it could lock it, and so stop the
    delivery.

    Raises:
        OSError: If it cannot be opened.
    """
    spool = path.with_name(path.name.removesuffix(LOCK_END))
    try:
        status = spool.stat()
    except OSError:
        return os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    mode = stat.S_IMODE(status.st_mode) & _WITHOUT_EXECUTION
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    with suppress(OSError):  # on file systems without modes
        path.chmod(mode)  # the umask has narrowed it, and others may share the spool
    if hasattr(os, "fchown"):  # pragma: no branch - Linux in CI
        with suppress(OSError):  # only root may give it to the owner of the spool
            os.fchown(descriptor, status.st_uid, status.st_gid)
    return descriptor
