"""
The lines of a stream, and the records that run together in a line, one by one.

Amazon Data Firehose leaves records in S3 without anything between them, so a file of
any size may be a single line. Of such a line, no more is held than the longest line may
have.

A record with a fault has no known end. The next one begins at a brace behind a brace,
with the name of a member, or wherever something begins as the first record does: no
string of JSON has a quote there that is not escaped.
"""

import re
from itertools import pairwise
from typing import Final

from pinpoint_events.loader.first_look import Readable
from pinpoint_events.loader.records import (
    BYTE_ORDER_MARK,
    MAX_BYTES,
    behind_blanks,
    end_of_value,
)

__all__ = ["Pieces"]

_BETWEEN: Final = re.compile(rb"\}[ \t\r]*\{")
_NAME: Final = r'"(?:[^"\\]|\\.){0,200}"'
_BEGINNING: Final = re.compile(rf"\{{[ \t\r]*{_NAME}")
_NEXT: Final = rf"\}}[ \t\r]*(?=\{{[ \t\r]*(?:{_NAME}[ \t\r]*:|\}}))"
_ESCAPING: Final = "surrogateescape"  # so that each byte is one again


class Pieces:
    """Reads a stream piece by piece; between them, nothing of it is left out."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._pending: list[bytes] = []  # the next one last
        self._open = b""  # the beginning of a record that is not yet read

    def read(self) -> tuple[bytes, bool]:
        """
        Return the next piece, and whether it is only the beginning of a long line.

        A piece is a line or a record in it, with the line break if the line ends with
        it. At the end it is empty.
        """
        if self._pending:
            return self._pending.pop(), False
        data = self._open
        data += self._stream.readline(MAX_BYTES + 1 - len(data))
        self._open = b""
        is_ended = len(data) <= MAX_BYTES or data.endswith(b"\n")
        if not _BETWEEN.search(data):
            return data, not is_ended
        starts = _starts(data, is_ended=is_ended)
        if not starts:
            return data, not is_ended
        parts = [data[start:end] for start, end in pairwise([0, *starts, len(data)])]
        if not is_ended:
            self._open = parts.pop()
        self._pending = parts[::-1]
        return self.read()


def _starts(data: bytes, *, is_ended: bool) -> list[int]:
    """
    Return where in a line the records behind the first one begin.

    Args:
        data: The line, or a part of it that begins with a record.
        is_ended: Whether the line ends with it.
    """
    text = data.decode(errors=_ESCAPING)
    at = behind_blanks(text, 1 if data.startswith(BYTE_ORDER_MARK) else 0)
    starts: list[int] = []
    written, offset = 0, 0
    while text.startswith("{", at):
        end = end_of_value(text, at)
        behind = None if end is None else behind_blanks(text, end)
        if behind is None or (behind < len(text) and text[behind] != "{"):
            # A fault; or the next part of the line has the rest of it.
            is_rest_here = is_ended or not starts
            found = _next(text).search(text, at + 1 if end is None else end - 1)
            if found is None or not is_rest_here:
                break
            behind = found.end()
        at = behind
        if at < len(text):
            offset += len(text[written:at].encode(errors=_ESCAPING))
            written = at
            starts.append(offset)
    return starts


def _next(text: str) -> re.Pattern[str]:
    """Return what finds the beginning of a record behind one with a fault."""
    first = _BEGINNING.search(text)
    if first is None:
        return re.compile(_NEXT)
    return re.compile(rf"{_NEXT}|(?={re.escape(first[0])})")
