"""
A file, or standard input, as numbered lines of bounded length.

Records that run together in a line are read one by one; they have its number. A file
that is one JSON document has its records in place of lines: the elements of its
array, or the whole. They are read, taken and numbered as lines are.

What was taken of a file is known by its digest. A later run reads it again and compares
before it goes on behind it, so that it never skips a line that was not loaded. That
works for a pipe and for compressed files too, where seeking is impossible, and reading
costs far less than loading did.
"""

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, Self, cast

from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.file_names import STDIN, shown
from pinpoint_events.loader.first_look import Document, Readable, look
from pinpoint_events.loader.pieces import Pieces
from pinpoint_events.loader.records import BYTE_ORDER_MARK

__all__ = ["BEGINNING", "Line", "Lines", "Position"]

_GZIP: Final = b"\x1f\x8b"  # how a member begins; RFC 1952, 2.3.1
_BLOCK_BYTES: Final = 65_536
_READ1_BYTES: Final = 1_048_576  # more than the buffer of a stream usually has


_UNREADABLE: Final = (OSError, EOFError, zlib.error)


class Position(NamedTuple):
    """
    How far a file was taken.

    Attributes:
        lines: So many lines,
        bytes: of so many bytes, uncompressed,
        digest: whose SHA-256 this is.
        identity: By what the file is known again; empty while only blank lines were
            taken.
    """

    lines: int
    bytes: int
    digest: str
    identity: str


BEGINNING: Final = Position(0, 0, hashlib.sha256().hexdigest(), "")


class Line(NamedTuple):
    """
    One line, or one record of a document.

    Attributes:
        number: Counted from 1, blank lines too; that in which a record begins.
        text: Without spaces around it, and without the byte order mark of a file.
        is_cut: Whether it is longer than any line may be, and this is its beginning.
        record: Which record of the document it is, from 1; None for a line.
        offset: In a line of records that run together, the byte of the file at which
            this one begins; None for the first one, and where a line is one record.
    """

    number: int
    text: bytes
    is_cut: bool
    record: int | None = None
    offset: int | None = None


class _Counted(io.RawIOBase):
    """A stream whose first bytes were looked at, and whose bytes are counted."""

    def __init__(
        self, file: io.RawIOBase, wait_for: Callable[[io.RawIOBase], None]
    ) -> None:
        super().__init__()
        self._file = file
        self._wait_for = wait_for
        # A stream that the caller opened may have a buffer: its `read` would wait until
        # that is full, and waiting for the file does not see what is in it.
        self._read1: Callable[[int], bytes | None] | None = getattr(file, "read1", None)
        self._is_buffer_empty = True
        ahead = b""
        while len(ahead) < len(_GZIP):
            data = self._read(len(_GZIP) - len(ahead))
            if not data:
                break
            ahead += data
        self._ahead = memoryview(ahead)
        self.is_gzip = ahead.startswith(_GZIP)
        self.consumed = 0

    def _read(self, most: int) -> bytes:
        """Return bytes as soon as there are some: at most so many, or a full buffer."""
        read: Callable[[int], bytes | None] = self._read1 or self._file.read
        size = most if self._read1 is None else _READ1_BYTES
        if self._is_buffer_empty:
            self._wait_for(self._file)
        # None is not the end: it comes from a pipe that is set not to wait.
        while (data := read(size)) is None:
            self._wait_for(self._file)
        self._is_buffer_empty = self._read1 is None or len(data) < size
        return data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ahead = self._ahead or memoryview(self._read(len(buffer)))
        data, self._ahead = ahead[: len(buffer)], ahead[len(buffer) :]
        buffer[: len(data)] = data
        self.consumed += len(data)
        return len(data)


def _not_at_all(_: io.RawIOBase) -> None:
    """Leave the waiting to the read."""


class Lines:
    """
    The lines of one file, uncompressed if its first bytes are those of gzip.

    Reading and taking are two steps: a line that was read is part of `position` only
    when it was taken.

    Args:
        name: The file's path, or `-` for standard input.
        start: How far it was taken by an earlier run.
        wait_for: Called before each read, to wait until there is something to read.
        stream: The file, open for reading; None to open it by its name.

    Attributes:
        name: As given.
        identity: By what the file is known again, wherever it lies: SHA-256 of its
            first line that is not blank, or of the first record of a document. It stays
            when the file is moved, compressed, or grows. Empty as long as no such line
            was read.

    Raises:
        LoadError: If it cannot be read, or is not what was taken so far.
    """

    name: str
    identity: str

    def __init__(
        self,
        name: str,
        start: Position = BEGINNING,
        wait_for: Callable[[io.RawIOBase], None] = _not_at_all,
        stream: BinaryIO | None = None,
    ) -> None:
        self._stays_open = name == STDIN or stream is not None
        self.name = name
        self.identity = start.identity if start.bytes else ""
        self._number = 0
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._is_continued = False  # the beginning of the line was taken before
        self._ahead = (self._number, self._bytes, self._hash, False)
        try:
            self._file = _opened(name) if stream is None else _raw(stream)
        except OSError as error:
            raise self._unreadable(error) from error
        self._stream: Readable
        self._document: Document | None
        self._next = 0  # of the records of the document
        try:
            self._counted = _Counted(self._file, wait_for)
            buffered: Any = io.BufferedReader(self._counted, _BLOCK_BYTES)
            is_gzip = self._counted.is_gzip
            plain = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
            self._stream, self._document = look(name, plain)
            self._pieces = Pieces(self._stream)
            self._go_to(start)
        except _UNREADABLE as error:
            self.close()
            raise self._unreadable(error) from error
        except BaseException:
            self.close()
            raise

    def _unreadable(self, error: Exception) -> LoadError:
        beyond = f" beyond line {self._number:,}" if self._number else ""
        message = f"{shown(self.name)} cannot be read{beyond}"
        return LoadError(
            LoadErrorCode.INPUT_UNREADABLE, f"{message}: {_reason(error)}", self.name
        )

    def _go_to(self, start: Position) -> None:
        """Take what an earlier run took, and compare."""
        last = b"\n"
        while self._bytes < start.bytes:
            data = self._stream.read(min(_BLOCK_BYTES, start.bytes - self._bytes))
            if not data:
                break
            self._bytes += len(data)
            self._hash.update(data)
            last = data[-1:]
        if self.position.digest != start.digest:
            raise LoadError(
                LoadErrorCode.INPUT_CHANGED,
                f"{shown(self.name)} is not the file that the checkpoint knows: its "
                f"first {start.lines:,} lines are others; pass the same files in the "
                "same order, or another checkpoint",
                self.name,
            )
        self._number = start.lines
        self._is_continued = last != b"\n"

    @property
    def consumed(self) -> int:
        """How many bytes of the file itself were read, compressed or not."""
        return self._counted.consumed

    @property
    def position(self) -> Position:
        """How far the file was taken."""
        return Position(
            self._number, self._bytes, self._hash.hexdigest(), self.identity
        )

    def read(self) -> Line | None:
        """
        Return the line behind those that were taken; None at the end.

        Raises:
            LoadError: If the file cannot be read any further.
        """
        if self._document is not None:
            return self._read_record(self._document)
        try:
            data, is_cut = self._pieces.read()
            size = len(data)
            ahead = self._hash.copy()
            ahead.update(data)
            is_whole = not is_cut
            while not is_whole:
                part = self._stream.readline(_BLOCK_BYTES)
                ahead.update(part)
                size += len(part)
                is_whole = not part or part.endswith(b"\n")
        except _UNREADABLE as error:
            raise self._unreadable(error) from error
        if not data:
            return None
        number = self._number + (not self._is_continued)
        text = data
        if self._bytes == 0:
            text = text.removeprefix(BYTE_ORDER_MARK)
        text = text.strip()
        if text and not self.identity:
            self.identity = hashlib.sha256(text).hexdigest()
        is_continued = not is_cut and not data.endswith(b"\n")
        self._ahead = (number, self._bytes + size, ahead, is_continued)
        if self._is_continued and text.startswith(b"{"):
            return Line(number, text, is_cut, offset=self._bytes)
        return Line(number, text, is_cut)

    def _read_record(self, document: Document) -> Line | None:
        """Return the record behind those that were taken; None at the end."""
        data, records = document
        while self._next < len(records) and records[self._next].end <= self._bytes:
            self._next += 1
        if self._next == len(records):
            return None
        line, start, end, last_line = records[self._next]
        text = data[start:end]
        if self._next == 0:
            self.identity = hashlib.sha256(text).hexdigest()
        if self._next == len(records) - 1:
            # With it, all of the file is taken.
            last_line += data.count(b"\n", end) - data.endswith(b"\n")
            end = len(data)
        ahead = self._hash.copy()
        ahead.update(memoryview(data)[self._bytes : end])
        self._ahead = (last_line, end, ahead, False)
        return Line(line, text, is_cut=False, record=self._next + 1)

    def take(self) -> None:
        """Take the line that was read last."""
        self._number, self._bytes, self._hash, self._is_continued = self._ahead

    def close(self) -> None:
        """Close the file; what was open before stays open."""
        if not self._stays_open:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _opened(name: str) -> io.RawIOBase:
    """Return a file without any buffer: in one, what there is to read would hide."""
    if name != STDIN:
        return Path(name).open("rb", buffering=0)
    # None where the process was started without one, as by pythonw.
    if sys.stdin is None:
        raise LoadError(
            LoadErrorCode.INPUT_UNREADABLE, "there is no standard input; name a file"
        )
    return cast("io.RawIOBase", getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))


def _raw(stream: BinaryIO) -> io.RawIOBase:
    """Return a stream as it is: what its buffer holds is part of the input."""
    return cast("io.RawIOBase", stream)


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "its gzip data end too early; get the whole file"
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return "its gzip data are damaged; get the file anew"
    # Of the system's errors only the words: the message has the path already.
    return str(getattr(error, "strerror", None) or type(error).__name__)
