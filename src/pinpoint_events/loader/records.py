"""
JSON records, where they begin and end in a text, and what kind they are.

The standard library's reader tells where a value ends, which msgspec does not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas, bound
from pinpoint_events.wire.json_text import utf8_text, with_problems

__all__ = [
    "BYTE_ORDER_MARK",
    "MAX_BYTES",
    "Element",
    "behind_blanks",
    "elements",
    "end_of_value",
    "first_element",
    "first_record",
    "is_mobile_analytics_record",
    "is_stream_record",
    "is_unfinished",
    "layout_problem",
    "scalar",
]

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # as Windows' own editor saves UTF-8

# The service takes 4 MB; what is more than that in a line are spaces and escapes.
MAX_BYTES: Final = 2 * bound(Quotas().request_bytes)
"""Bytes of the longest line, and of the largest document over several lines."""


class _Number(str):
    """A number as text: Python refuses some of them, which is up to one record."""

    __slots__ = ()


_DECODER: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number)
_PLAIN_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_RECORD: Final = ("{", "[")

# Of a record: Pinpoint developer guide, "Streaming app event data", read 2026-11-28;
# and of its predecessor, Mobile Analytics, which wrote `application_key`.
_STREAM_MEMBERS: Final = frozenset(
    {
        "application",
        "application_key",
        "arrival_timestamp",
        "awsAccountId",
        "client",
        "client_context",
        "event_timestamp",
        "event_version",
    }
)
_FEW: Final = 2  # others write `event_type` too, but not with two of these


class Element(NamedTuple):
    """
    A record in a JSON document: an element of its array, or the document itself.

    Attributes:
        line: The line of the document in which it begins, from 1.
        start: Its first byte.
        end: The byte behind it.
        last_line: The line in which it ends.
    """

    line: int
    start: int
    end: int
    last_line: int


def end_of_value(text: str, at: int) -> int | None:
    """Return where the value ends that begins there; None if it is none, or half."""
    try:
        return _PLAIN_DECODER.raw_decode(text, at)[1]
    except (json.JSONDecodeError, RecursionError):
        return None


def first_record(text: bytes) -> tuple[Any, str] | None:
    """
    Return the object or array that a text begins with, and the text behind it.

    None if it begins with something else, or with half of one.
    """
    line = text.decode(errors="replace")
    if not line.startswith(_RECORD):
        return None
    try:
        record, end = _DECODER.raw_decode(line)
    except (json.JSONDecodeError, RecursionError):
        return None
    return record, line[end:].lstrip()


def first_element(text: bytes) -> tuple[Any, str] | None:
    """
    Return the first element of an array that a text begins with, and what is behind.

    None if it has none, or only a part of one.
    """
    line = text.decode(errors="replace")
    try:
        record, end = _DECODER.raw_decode(line, behind_blanks(line, 1))
    except (json.JSONDecodeError, RecursionError):
        return None
    return record, line[behind_blanks(line, end) :]


def scalar(text: bytes) -> tuple[str] | tuple[()]:
    """Return the string, number or constant that a text is, as text; or nothing."""
    line = text.decode(errors="replace")
    if line.startswith(_RECORD):
        return ()
    try:
        return (str(_DECODER.decode(line)),)
    except json.JSONDecodeError:
        return ()


def layout_problem(text: bytes) -> ProblemCode | None:
    """Return what is wrong with a line that has more in it than a record."""
    found = first_record(text)
    behind = "" if found is None else found[1]
    if behind == ",":
        return ProblemCode.COMMA_AFTER_RECORD
    # Objects that follow each other are taken apart before.
    is_several = behind.removeprefix(",").lstrip().startswith(_RECORD)
    return ProblemCode.SEVERAL_RECORDS if is_several else None


def is_unfinished(text: bytes) -> bool:
    """Return whether a line is the beginning of a record that goes on in the next."""
    line = text.decode(errors="replace")
    if not line.startswith(_RECORD):
        return False
    try:
        _DECODER.raw_decode(line)
    except json.JSONDecodeError as error:
        return error.pos >= len(line)
    except RecursionError:
        pass
    return False


def is_stream_record(record: Any) -> bool:
    """Return whether it is a record of Pinpoint's stream, or its predecessor's."""
    if not isinstance(record, Mapping) or "event_type" not in record:
        return False
    return len(_STREAM_MEMBERS & record.keys()) >= _FEW


def is_mobile_analytics_record(record: Any) -> bool:
    """Return whether a record of a stream is one of Pinpoint's predecessor."""
    return "application_key" in record and "application" not in record


def elements(data: bytes) -> tuple[Element, ...]:
    """
    Return the elements of a document that is an array; of any other, the whole.

    Raises:
        ValidationError: If it is not one JSON document in UTF-8.
    """
    return with_problems(partial(_elements, data))


def _elements(data: bytes) -> tuple[Element, ...]:
    text = utf8_text(data)
    found = []
    line, position = 1, 0
    offset = len(data) - len(data.removeprefix(BYTE_ORDER_MARK))
    for start, end in _spans(text):
        line += text.count("\n", position, start)
        offset += len(text[position:start].encode())
        size = len(text[start:end].encode())
        last_line = line + text.count("\n", start, end)
        found.append(Element(line, offset, offset + size, last_line))
        line, position, offset = last_line, end, offset + size
    return tuple(found)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each element begins and ends."""
    at = behind_blanks(text, 0)
    if not text.startswith("[", at):
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
    else:
        at = behind_blanks(text, at + 1)
        is_more = not text.startswith("]", at)
        while is_more:
            _, end = _DECODER.raw_decode(text, at)
            yield at, end
            at = behind_blanks(text, end)
            is_more = text.startswith(",", at)
            if is_more:
                at = behind_blanks(text, at + 1)
        if not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        end = at + 1
    end = behind_blanks(text, end)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def behind_blanks(text: str, at: int) -> int:
    """Return where the first character is that is not blank, or the end."""
    found = _BLANK.match(text, at)
    return at if found is None else found.end()
