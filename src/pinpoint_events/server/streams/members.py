"""
Reads the members of a call, and checks the constraints of the service model.

A member of the wrong type ends the reading at once, as at AWS. Values outside the
constraints are collected: one error reports all of them. Messages name members, never
their values.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pinpoint_events.errors import ValidationError
from pinpoint_events.server._json_parts import check_json_parts
from pinpoint_events.server.streams.refusals import (
    serialization_error,
    validation_error,
)
from pinpoint_events.wire.json_text import decode

__all__ = ["NAME", "Members", "blob", "read_body"]

T = TypeVar("T")

NAME: Final = re.compile("[a-zA-Z0-9_.-]+")
_HASH_KEY: Final = re.compile(r"0|([1-9]\d{0,38})", re.ASCII)
_SEQUENCE_NUMBER: Final = re.compile(r"0|([1-9]\d{0,128})", re.ASCII)
_MAX_SHOWN: Final = 10  # problems in a message


def read_body(body: bytes) -> "Members":
    """
    Return the members of a call.

    Raises:
        RequestError: If the body is not a JSON object, or has too many parts.
    """
    check_json_parts(body)
    try:
        data = decode(body)
    except ValidationError:
        raise serialization_error("the body is not JSON; send a JSON object") from None
    if not isinstance(data, dict):
        raise serialization_error("the body is no JSON object; send one")
    return Members(data)


def blob(value: Any, path: str) -> bytes:
    """
    Return the bytes of a member in Base64.

    Raises:
        RequestError: If it is not Base64.
    """
    if not isinstance(value, str):
        raise _wrong_type(path, "a string in Base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        message = f"'{path}' is not Base64; encode the data"
    raise serialization_error(message)


class Members:
    """
    The members of a JSON object, read one by one.

    Call `check` after reading, before any value is used.

    Args:
        data: The object.
        path: Where it is in the call, with a full stop at the end; empty for the call.
        problems: Where to collect problems.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        path: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self._data = data
        self._path = path
        self._problems: list[str] = [] if problems is None else problems

    def check(self) -> None:
        """
        Reject the call if a value was outside its constraints.

        Raises:
            RequestError: With the first problems.
        """
        if self._problems:
            raise validation_error(self._problems[:_MAX_SHOWN])

    def has(self, name: str) -> bool:
        """Return whether a member is there, and not null."""
        return self._data.get(name) is not None

    def text(
        self,
        name: str,
        *,
        longest: int | None = None,
        shortest: int = 1,
        pattern: "re.Pattern[str] | None" = None,
        choices: Sequence[str] = (),
    ) -> str | None:
        """Return a string; None if it is absent."""
        value: str | None = self._typed(name, str, "a string")
        if value is None:
            return None
        if longest is not None and len(value) > longest:
            self._report(name, f"have length less than or equal to {longest}")
        if len(value) < shortest:
            self._report(name, f"have length greater than or equal to {shortest}")
        if pattern is not None and not pattern.fullmatch(value):
            self._report(name, f"satisfy regular expression pattern: {pattern.pattern}")
        if choices and value not in choices:
            self._report(name, f"satisfy enum value set: [{', '.join(choices)}]")
        return value

    def required_text(
        self,
        name: str,
        *,
        longest: int | None = None,
        pattern: "re.Pattern[str] | None" = None,
        choices: Sequence[str] = (),
    ) -> str:
        """Return a string; report it if it is absent."""
        value = self.text(name, longest=longest, pattern=pattern, choices=choices)
        return self._required(name, value, "")

    def hash_key(self, name: str) -> int | None:
        """Return a hash key, which may be too large; None if it is absent."""
        text = self.text(name, pattern=_HASH_KEY)
        return int(text) if text and _HASH_KEY.fullmatch(text) else None

    def required_hash_key(self, name: str) -> int:
        """Return a hash key; report it if it is absent."""
        found = self.hash_key(name)
        if found is None:
            self.required_text(name)
            return 0
        return found

    def sequence_number(self, name: str) -> str | None:
        """Return a sequence number; None if it is absent."""
        return self.text(name, pattern=_SEQUENCE_NUMBER)

    def integer(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number; None if it is absent."""
        value: int | None = self._typed(name, int, "a whole number")
        if value is None:
            return None
        if type(value) is bool:
            raise _wrong_type(self._path + _shown(name), "a whole number")
        if value < least:
            self._report(name, f"have value greater than or equal to {least}")
        if value > most:
            self._report(name, f"have value less than or equal to {most}")
        return value

    def required_integer(self, name: str, *, least: int, most: int) -> int:
        """Return a whole number; report it if it is absent."""
        return self._required(name, self.integer(name, least=least, most=most), least)

    def time(self, name: str) -> datetime | None:
        """Return a time, which is sent in seconds since 1970; None if it is absent."""
        value = self._typed(name, (int, float), "a number of seconds since 1970")
        if value is None:
            return None
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            message = f"'{self._path}{_shown(name)}' is no time; send seconds"
        raise serialization_error(message)

    def object(self, name: str) -> "Members | None":
        """Return the members of an object; None if it is absent."""
        value = self._typed(name, dict, "an object")
        if value is None:
            return None
        return Members(value, f"{self._path}{_shown(name)}.", self._problems)

    def report_missing(self, name: str) -> None:
        """Report that a member is absent."""
        self._report(name, "not be null")

    def objects(self, name: str, *, most: int) -> "list[Members]":
        """Return the members of each object of a list; it must not be empty."""
        value = self._typed(name, list, "a list")
        if value is None:
            self.report_missing(name)
            return []
        if not value:
            self._report(name, "have length greater than or equal to 1")
        if len(value) > most:
            self._report(name, f"have length less than or equal to {most}")
            return []  # each of too many would be checked for nothing
        path = self._path + _shown(name)
        found = []
        for position, each in enumerate(value, 1):
            where = f"{path}.{position}.member"
            if not isinstance(each, dict):
                raise _wrong_type(where, "an object")
            found.append(Members(each, f"{where}.", self._problems))
        return found

    def data(self, name: str, *, longest: int) -> bytes:
        """Return bytes; report them if they are absent or too many."""
        value = self._data.get(name)
        if value is None:
            return self._required(name, None, b"")
        found = blob(value, self._path + _shown(name))
        if len(found) > longest:
            self._report(name, f"have length less than or equal to {longest}")
        return found

    def _typed(self, name: str, kinds: Any, expected: str) -> Any:
        value = self._data.get(name)
        if value is None or isinstance(value, kinds):
            return value
        raise _wrong_type(self._path + _shown(name), expected)

    def _required(self, name: str, value: T | None, default: T) -> T:
        if value is None:
            self.report_missing(name)
            return default
        return value

    def _report(self, name: str, constraint: str) -> None:
        self._problems.append(
            f"Value at '{self._path}{_shown(name)}' failed to satisfy constraint: "
            f"Member must {constraint}"
        )


def _shown(name: str) -> str:
    """Return a member's name as AWS's messages have it."""
    return name[:1].lower() + name[1:]


def _wrong_type(path: str, expected: str) -> Exception:
    return serialization_error(f"'{path}' is not {expected}; send that")
