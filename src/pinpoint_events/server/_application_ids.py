"""The application ids that calls may name."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote_to_bytes

from pinpoint_events.server._answers import not_found

__all__ = ["ApplicationIds", "application_id_of"]

_MAX_CHARACTERS: Final = 256  # the service's ids have 32
# Of ids that are passed to a function, which may make a file name or a URL of them.
_PLAIN: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_UNKNOWN: Final = "no such application; check its id"


class ApplicationIds:
    """
    The application ids that are permitted.

    Args:
        listed: All of them; None permits any.
        only_plain: Whether all but plain ids are unknown, listed or not.
    """

    def __init__(self, listed: Collection[str] | None, *, only_plain: bool) -> None:
        self._listed = None if listed is None else frozenset(listed)
        self._only_plain = only_plain

    def check(self, application_id: str) -> None:
        """
        Reject an id that is not permitted.

        Raises:
            RequestError: If it is not.
        """
        if self._listed is not None and application_id not in self._listed:
            raise not_found(_UNKNOWN)
        if self._only_plain and not _PLAIN.fullmatch(application_id):
            raise not_found(f"{_UNKNOWN}: at most 64 letters, digits, _ and -")


def application_id_of(quoted: bytes) -> str:
    """
    Return the application id that a path names.

    Raises:
        RequestError: If no application can have it.
    """
    try:
        name = unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        message = "the application id is not UTF-8; percent-encode it in UTF-8"
        raise not_found(message) from None
    if len(name) > _MAX_CHARACTERS or not name.isprintable():
        raise not_found(
            f"{_UNKNOWN}: printable and at most {_MAX_CHARACTERS} characters"
        )
    return name
