"""
The number of files that this process may have open.

Each connection is one, and each sender with a SQLite store has three: the database, its
write-ahead log, and the index of that log.
"""

import importlib
import sys
from typing import Any, Final

_resource: Any
try:
    _resource = importlib.import_module("resource")
except ImportError:  # Windows, which has no such limit
    _resource = None

__all__ = ["fitting_connections", "needed_files", "raised_limit"]

# More than an endpoint needs, and what macOS allows. Some systems allow a billion.
_ENOUGH: Final = 10_240
_FILES_OF_SENDERS: Final = 100 * 3
_FILES_OF_PROCESS: Final = 50  # event loop, keys, streams, connections that end


def raised_limit() -> int:
    """
    Raise the limit of open files as far as it helps, and return it.

    The limit is the whole process's: this is for programs, not for a library.
    """
    if _resource is None:
        return sys.maxsize
    soft, hard = _resource.getrlimit(_resource.RLIMIT_NOFILE)
    limit = _number(soft)
    wanted = min(_number(hard), _ENOUGH)
    if limit < wanted:
        _resource.setrlimit(_resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return limit


def _number(limit: int) -> int:
    return sys.maxsize if limit == _resource.RLIM_INFINITY else limit


def needed_files(connections: int) -> int:
    """Return how many files so many connections need, with senders and process."""
    return connections + _FILES_OF_SENDERS + _FILES_OF_PROCESS


def fitting_connections(connections: int, limit: int) -> int:
    """
    Return how many of the connections may be open within a limit of files.

    At least half of the limit is for connections: few endpoints have 100 senders.
    """
    return min(connections, max(limit - needed_files(0), limit // 2))
