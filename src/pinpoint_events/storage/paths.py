"""Paths of files that callers give, checked before a file is opened."""

import os

from pinpoint_events.errors import ConfigurationError

__all__ = ["path_text"]


def path_text(path: str | os.PathLike[str]) -> str:
    """
    Return a path as text.

    Raises:
        ConfigurationError: If it is no path, or has a character that none can have. It
            does not show the path, which may be a value that was passed in its place.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        kind = type(path).__qualname__
        raise ConfigurationError(
            f"path is of type {kind}; pass a str or Path"
        ) from None
    if not _is_usable(text):
        raise ConfigurationError(
            "path has a character that no path can have; pass another path"
        )
    return text


def _is_usable(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
