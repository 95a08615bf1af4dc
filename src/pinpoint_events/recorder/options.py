"""The options of a recorder: what they may be."""

import math
import os
import stat
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeGuard, get_args

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import file_text
from pinpoint_events.storage.paths import is_url, path_text

__all__ = [
    "OnFull",
    "check_functions",
    "check_limits",
    "check_seconds",
    "check_timeout",
    "spool_path",
]

OnFull = Literal["block", "drop_newest", "drop_oldest", "raise"]
"""What `record()` does if the spool is full."""

_LEAST_BYTES: Final = 100_000
_MOST_SECONDS: Final = 1e6
_NO_FILES: Final = frozenset({"", ":memory:", "memory:"})
_SEPARATORS: Final = tuple(filter(None, (os.sep, os.altsep)))


def check_limits(
    on_full: object, max_bytes: object, max_age: object, flush_events: object
) -> None:
    """Raise `ConfigurationError` if one of them is invalid."""
    if on_full not in get_args(OnFull):
        raise ConfigurationError(
            f"on_full is none of {', '.join(get_args(OnFull))}; choose one of them"
        )
    if not _is_whole(max_bytes) or max_bytes < _LEAST_BYTES:
        raise ConfigurationError(
            f"max_bytes is no whole number of at least {_LEAST_BYTES:,}"
        )
    if max_age is not None and not (
        isinstance(max_age, timedelta) and max_age > timedelta()
    ):
        raise ConfigurationError(
            "max_age is no time above zero; pass a timedelta, or None to keep events"
        )
    if not _is_whole(flush_events) or flush_events < 1:
        raise ConfigurationError("flush_events is no whole number above zero")


def check_seconds(**seconds: object) -> None:
    """Raise `ConfigurationError` if one of them is no number of seconds."""
    for name, value in seconds.items():
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not 0 <= value < _MOST_SECONDS
        ):
            raise ConfigurationError(f"{name} is no number of seconds")


def check_timeout(timeout: object) -> None:
    """
    Raise `ConfigurationError` if it is no number of seconds.

    What is left of a time may be negative, and infinity waits for as long as it takes.
    """
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        with suppress(OverflowError):  # of an integer that no float can hold
            if not math.isnan(timeout):
                return
    raise ConfigurationError("timeout is no number of seconds")


def check_functions(**functions: object) -> None:
    """Raise `ConfigurationError` if one of them is neither a function nor None."""
    for name, value in functions.items():
        if value is not None and not callable(value):
            raise ConfigurationError(
                f"{name} is of type {type(value).__qualname__}; pass a function"
            )


def spool_path(spool: str | os.PathLike[str]) -> Path:
    """
    Return the absolute path of a spool's file, as a process may change its directory.

    The file is not opened. What may be otherwise a moment later, such as who may write
    it, is no mistake.

    Raises:
        ConfigurationError: If it is no path, or no file can ever be there.
    """
    text = path_text(spool, "spool")
    if text.casefold() in _NO_FILES:
        raise ConfigurationError(
            "spool names no file; pass a path, or None to keep events in memory"
        )
    if is_url(text):
        raise ConfigurationError(
            "spool is a URL; pass the path of a file; the URL of the destination is "
            "the first argument"
        )
    path = Path(text)
    if text.startswith("~") and (len(path.parts) > 1 or text == "~"):
        raise ConfigurationError(
            "spool begins with ~, which only a shell replaces; pass "
            "Path(spool).expanduser()"
        )
    path = path.absolute()
    mode = _mode_of(path)
    if text.endswith(_SEPARATORS) or (mode and stat.S_ISDIR(mode)):
        raise ConfigurationError(
            f"spool is a directory, {file_text(str(path))}; pass the path of a file "
            "in it"
        )
    if mode and not stat.S_ISREG(mode):
        raise ConfigurationError(
            f"spool is no regular file, {file_text(str(path))}; pass another path, or "
            "None to keep events in memory"
        )
    if mode is None:
        directory = path.resolve().parent  # a link may lead elsewhere
        parent = _mode_of(directory)
        if parent is None or (parent and not stat.S_ISDIR(parent)):
            raise ConfigurationError(
                "spool is in a directory that does not exist, "
                f"{file_text(str(directory))}; create it, and let the users whose "
                "processes record write there"
            )
    return path


def _mode_of(path: Path) -> int | None:
    """Return the type and mode of a file; None without one, 0 if that is not shown."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return 0


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
