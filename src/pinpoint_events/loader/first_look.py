"""
What a file holds, by its beginning: JSON Lines, one JSON document, or something else.

It is JSON Lines if its first line is a record by itself. A document over several lines
is read whole. What `load` cannot read at all is refused once, before anything is sent,
and not line by line.
"""

import codecs
import io
import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pinpoint_events.errors import LoadError, LoadErrorCode, ValidationError
from pinpoint_events.loader.file_names import shown
from pinpoint_events.loader.records import (
    BYTE_ORDER_MARK,
    MAX_BYTES,
    Element,
    elements,
    first_record,
    is_stream_record,
    is_unfinished,
)

__all__ = ["REFUSED", "Document", "Readable", "Rejoined", "look"]

REFUSED: Final = frozenset(
    {
        LoadErrorCode.INPUT_COMPRESSED,
        LoadErrorCode.INPUT_CONCATENATED,
        LoadErrorCode.INPUT_DOCUMENT_INVALID,
        LoadErrorCode.INPUT_DOCUMENT_TOO_LARGE,
        LoadErrorCode.INPUT_NOT_TEXT,
        LoadErrorCode.INPUT_STREAM_RECORDS,
    }
)
"""The codes of errors for a file that must be changed before it can be loaded."""

# How each begins; those of text formats are not among them.
_FOREIGN: Final = (
    (rb"PK(\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive", "unpack it"),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "decompress it, as with zstd -d"),
    (rb"[\x50-\x5f]\x2a\x4d\x18", "compressed by zstd", "decompress it"),
    (rb"\xff\x06\x00\x00sNaPpY", "compressed by Snappy", "decompress it"),
    (rb"\x04\x22\x4d\x18", "compressed by LZ4", "decompress it, as with lz4 -d"),
    (rb"BZh[1-9]", "compressed by bzip2", "decompress it, as with bunzip2"),
    (rb"\xfd7zXZ\x00", "compressed by xz", "decompress it, as with unxz"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (rb"Rar!\x1a\x07", "a RAR archive", "unpack it"),
    (rb"(?s).{257}ustar", "a tar archive", "unpack it"),
    (rb"PAR1", "a Parquet file", "convert it to JSON Lines"),
    (rb"Obj\x01", "an Avro file", "convert it to JSON Lines"),
    (rb"ORC\x00?", "an ORC file", "convert it to JSON Lines"),
)
_HEAD_BYTES: Final = 512  # a block of a tar archive, the longest head to look at
_BEFORE_A_RECORD: Final = re.compile(rb"[^{\[]{0,16}[{\[]?")


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
    ahead = bytearray()
    first = b""
    while not first and len(ahead) <= MAX_BYTES:
        line = stream.readline(MAX_BYTES + 1)
        if not line:
            break
        text = line if ahead else line.removeprefix(BYTE_ORDER_MARK)
        ahead += line
        first = text.strip()
    _refuse_foreign(name, bytes(ahead[:_HEAD_BYTES]), first)
    _refuse_records(name, first)
    if not (is_unfinished(first) or first.startswith(b"[")):
        return Rejoined(bytes(ahead), stream), None
    end_of_first = len(ahead)
    while len(ahead) <= MAX_BYTES:
        data = stream.read(MAX_BYTES + 1 - len(ahead))
        if not data:
            break
        ahead += data
    whole = bytes(ahead)
    document = _document(name, whole, first, whole[end_of_first:].lstrip())
    return Rejoined(whole, stream), document


def _document(name: str, data: bytes, first: bytes, rest: bytes) -> Document | None:
    """
    Return the document; None if the file is lines, and the first one is at fault.

    Args:
        name: The name of the file.
        data: Its text, or more of it than a document may have.
        first: Its first line.
        rest: What is behind that line.
    """
    is_too_large = len(data) > MAX_BYTES
    problem = None
    if not is_too_large:
        try:
            found = elements(data)
        except ValidationError as error:
            problem = error.problems[0]
        else:
            if found:
                _refuse_records(name, data[found[0].start : found[0].end])
            return Document(data, found)
    if not rest or not is_unfinished(first) or _is_lines(first, rest):
        return None
    _refuse_records(name, data.removeprefix(BYTE_ORDER_MARK).strip())
    if is_too_large:
        raise LoadError(
            LoadErrorCode.INPUT_DOCUMENT_TOO_LARGE,
            f"{shown(name)} holds JSON over several lines, and has more than "
            f"{MAX_BYTES:,} bytes; write each record on a line, {_HOW}",
            name,
        )
    raise LoadError(
        LoadErrorCode.INPUT_DOCUMENT_INVALID,
        f"{shown(name)} holds JSON over several lines, and {problem}",
        name,
    )


def _is_lines(first: bytes, rest: bytes) -> bool:
    """Return whether the second line is a record by itself, and so the first is cut."""
    second = first_record(rest.partition(b"\n")[0].strip())
    return first.startswith(b"{") and second is not None and not second[1]


def _refuse_foreign(name: str, head: bytes, first: bytes) -> None:
    """
    Raise if a file is no text in UTF-8.

    Args:
        name: The name of the file.
        head: Its first bytes.
        first: Its first line that is not blank.
    """
    for pattern, what, remedy in _FOREIGN:
        if re.match(pattern, head, re.DOTALL):
            raise LoadError(
                LoadErrorCode.INPUT_COMPRESSED,
                f"{shown(name)} is {what}; {remedy}: load reads text, compressed by "
                "gzip or not",
                name,
            )
    encoding = json.detect_encoding(first[:4])
    if not encoding.startswith("utf-8"):
        raise LoadError(
            LoadErrorCode.INPUT_NOT_TEXT,
            f"{shown(name)} is in {encoding[:6].upper()}, as Windows PowerShell writes "
            "files; save it in UTF-8, as with `Out-File -Encoding utf8`",
            name,
        )
    is_binary = b"\0" in head or b"\0" in first[:_HEAD_BYTES]
    try:
        # Of text in another encoding, only the lines that are not ASCII are refused.
        before = _BEFORE_A_RECORD.match(first)
        codecs.getincrementaldecoder("utf-8")().decode(before[0] if before else b"")
    except UnicodeDecodeError:
        is_binary = True
    if is_binary:
        raise LoadError(
            LoadErrorCode.INPUT_NOT_TEXT,
            f"{shown(name)} is no text in UTF-8; if it is compressed, decompress it: "
            "load reads text, compressed by gzip or not",
            name,
        )


def _refuse_records(name: str, text: bytes) -> None:
    """Raise if a text begins with what is no record of a line."""
    found = first_record(text)
    if found is None:
        return
    record, behind = found
    are_of_stream = is_stream_record(record)
    if behind.startswith(("{", "[")):
        records = _OF_STREAM if are_of_stream else "JSON records"
        form = _EVENT_FORM if are_of_stream else _HOW
        raise LoadError(
            LoadErrorCode.INPUT_CONCATENATED,
            f"{shown(name)} holds {records} that are not each on a line, as Amazon "
            "Data Firehose leaves them in S3; reading them comes with a later release; "
            f"until then, write one record per line, {form}",
            name,
        )
    if are_of_stream:
        raise LoadError(
            LoadErrorCode.INPUT_STREAM_RECORDS,
            f"{shown(name)} holds {_OF_STREAM}, which are no events to send; "
            f"write each event on a line, {_EVENT_FORM}",
            name,
        )


_OF_STREAM: Final = "records of Pinpoint's event stream"
_EVENT_FORM: Final = 'as {"EndpointId": ..., "Event": {"EventType": ...}}'
_HOW: Final = "as `jq -c .` does, or `jq -c '.[]'` with an array"
