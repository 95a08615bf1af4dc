"""Paths of files that callers give, checked before a file is opened."""

import os
import re
from typing import Final

from pinpoint_events.errors import ConfigurationError

__all__ = ["is_url", "path_text"]

# `file:` is SQLite's own; other texts before a colon may be names of files.
_URL: Final = re.compile("(?i)(sqlite|file):|[a-z][a-z0-9+.-]+://")


def path_text(path: str | os.PathLike[str], name: str = "path") -> str:
    """
    Return a path as text.

    Args:
        path: The path.
        name: The argument that it was given as, for messages.

    Raises:
        ConfigurationError: If it is no path, or has a character that none can have. It
            does not show the path, which may be a value that was passed in its place.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        kind = type(path).__qualname__
        raise ConfigurationError(
            f"{name} is of type {kind}; pass a str or Path"
        ) from None
    if not _is_usable(text):
        raise ConfigurationError(
            f"{name} has a character that no path can have; pass another path"
        )
    return text


def is_url(text: str) -> bool:
    """Return whether a text is a URL, which was passed in place of a path."""
    return _URL.match(text) is not None


def _is_usable(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
