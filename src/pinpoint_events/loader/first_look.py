"""
What a file holds, by its beginning: JSON Lines, one JSON document, or something else.

It is JSON Lines if its first line is a record by itself. A document over several lines
is read whole. What `load` cannot read at all is refused once, before anything is sent,
and not line by line.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from pinpoint_events.errors import LoadErrorCode, ValidationError
from pinpoint_events.loader.binary import HEAD_BYTES, binary
from pinpoint_events.loader.envelopes import envelope_of_start
from pinpoint_events.loader.findings import Finding
from pinpoint_events.loader.layouts import of_array, of_object, of_records
from pinpoint_events.loader.other_text import (
    MOST_LINES,
    form_of_line,
    form_of_lines,
    is_record,
)
from pinpoint_events.loader.records import (
    BYTE_ORDER_MARK,
    MAX_BYTES,
    Element,
    elements,
    is_unfinished,
    scalar,
)

__all__ = ["REFUSED", "Document", "Readable", "Rejoined", "look"]

REFUSED: Final = frozenset(
    {
        LoadErrorCode.INPUT_COMPRESSED,
        LoadErrorCode.INPUT_CONCATENATED,
        LoadErrorCode.INPUT_DOCUMENT_INVALID,
        LoadErrorCode.INPUT_DOCUMENT_TOO_LARGE,
        LoadErrorCode.INPUT_NOT_JSON,
        LoadErrorCode.INPUT_NOT_TEXT,
        LoadErrorCode.INPUT_STREAM_RECORDS,
        LoadErrorCode.INPUT_WRAPPED,
    }
)
"""The codes of errors for a file that must be changed before it can be loaded."""


class Readable(Protocol):
    """What a file is read by."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return a line, or so many bytes of it; none at the end."""


class Rejoined:
    """A stream with what was read of it put back."""

    def __init__(self, ahead: bytes, stream: Readable) -> None:
        self._ahead = io.BytesIO(ahead)
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""
        return self._ahead.read(size) or self._stream.read(size)

    def readline(self, size: int, /) -> bytes:
        """Return a line, or so many bytes of it; none at the end."""
        line = self._ahead.readline(size)
        if line.endswith(b"\n") or len(line) == size:
            return line
        return line + self._stream.readline(size - len(line))


class Document(NamedTuple):
    """
    A file that is one JSON document.

    Attributes:
        data: All of it.
        elements: Its records.
    """

    data: bytes
    elements: Sequence[Element]


def look(name: str, stream: Readable) -> tuple[Readable, Document | None]:
    """
    Return the stream, at its beginning again, and the document, if it is one.

    Args:
        name: The name of the file.
        stream: The file, uncompressed.

    Raises:
        LoadError: If it is nothing that `load` reads.
    """
    beginning = _Beginning(stream)
    found = beginning.look()
    if isinstance(found, Finding):
        raise found.error(name)
    return Rejoined(bytes(beginning.ahead), stream), found


class _Beginning:
    """
    The beginning of a file, as far as it must be read.

    Args:
        stream: The file.

    Attributes:
        ahead: What was read of it.
    """

    ahead: bytearray

    def __init__(self, stream: Readable) -> None:
        self.ahead = bytearray()
        self._stream = stream
        self._first = self._next_line() or b""
        self._end_of_first = len(self.ahead)

    def look(self) -> Finding | Document | None:
        """Return why it is refused, or the document that it is; None for lines."""
        first = self._first
        if not first:
            return self._of_bytes()
        found = self._of_bytes() or form_of_line(first) or of_records(first)
        if found is not None or is_record(first) or scalar(first):
            return found
        is_array = first.startswith(b"[")
        if len(first) > MAX_BYTES and not is_array:
            return envelope_of_start(first)
        if is_array or is_unfinished(first):
            self._read_on(MAX_BYTES + 1)
            whole = self._of_whole()
            if whole is not None:
                return whole
        return self._of_lines()

    def _next_line(self) -> bytes | None:
        """Read the next line that is not blank; return None at the end."""
        while len(self.ahead) <= MAX_BYTES:
            line = self._stream.readline(MAX_BYTES + 1)
            if not line:
                break
            text = line if self.ahead else line.removeprefix(BYTE_ORDER_MARK)
            self.ahead += line
            text = text.strip()
            if text:
                return text
        return None

    def _read_on(self, size: int) -> None:
        """Read until so many bytes were read, or to the end."""
        ahead = self.ahead
        while len(ahead) < size and (data := self._stream.read(size - len(ahead))):
            ahead += data

    def _of_bytes(self) -> Finding | None:
        """Return what it is, if it is no text, as far as was read."""
        found = binary(bytes(self.ahead[:HEAD_BYTES]), self._first)
        if found is None:
            return None
        # What ends a line of text may be anywhere in other data.
        self._read_on(HEAD_BYTES)
        return binary(bytes(self.ahead[:HEAD_BYTES]), self._first)

    def _of_whole(self) -> Finding | Document | None:
        """Return what all of it is; None if it is lines, and the first one at fault."""
        data, first = bytes(self.ahead), self._first
        text = data.removeprefix(BYTE_ORDER_MARK).strip()
        problem = None
        if len(data) <= MAX_BYTES:
            try:
                found = elements(data)
            except ValidationError as error:
                problem = error.problems[0]
            else:
                start = data[found[0].start : found[0].end] if found else b""
                is_array = first.startswith(b"[")
                return of_records(start, in_array=is_array) or Document(data, found)
        rest = data[self._end_of_first :].lstrip()
        second = rest.partition(b"\n")[0].strip()
        if first.startswith(b"["):
            return of_array(text, first, second, problem)
        if not rest or is_record(second):
            return None
        return of_records(text, is_line=False) or of_object(text, problem)

    def _of_lines(self) -> Finding | None:
        """Return what is said by the lines behind a first one that is no record."""
        lines = [self._first]
        for line in self._lines():
            lines.append(line)
            if b"\0" in line or is_record(line) or len(lines) == MOST_LINES:
                break
        if 1 < len(lines) < MOST_LINES and len(self.ahead) > MAX_BYTES:
            return None  # the last one may be a record that is cut
        return self._of_bytes() or form_of_lines(lines)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines behind the first one that are not blank."""
        for line in bytes(self.ahead[self._end_of_first :]).split(b"\n"):
            if line.strip():
                yield line.strip()
        while (text := self._next_line()) is not None:
            yield text
