import gzip
import hashlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events.errors import LoadError
from pinpoint_events.loader.file_names import shown
from pinpoint_events.loader.lines import BEGINNING, Line, Lines, Position
from pinpoint_events.loader.records import MAX_BYTES
from tests.test_cli import needs_posix


def read(path: Path, start: Position = BEGINNING) -> tuple[list[Line], Position]:
    """Return the lines behind a position, all of them taken, and the next position."""
    found = []
    with Lines(str(path), start) as lines:
        while (line := lines.read()) is not None:
            found.append(line)
            lines.take()
        return found, lines.position


def refused(path: Path, start: Position = BEGINNING) -> str:
    """Return why a file cannot be read."""
    with pytest.raises(LoadError) as caught:
        read(path, start)
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that is not there yet."""
    return tmp_path / "events.jsonl"


class TestLines:
    """A file as numbered lines."""

    def test_text(self, path: Path) -> None:
        """Ends of any kind, spaces and a byte order mark belong to no line's text."""
        path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n  {"b": 2} \n{"c": 3}')
        found, position = read(path)
        assert found == [
            Line(1, b'{"a": 1}', is_cut=False),
            Line(2, b"", is_cut=False),
            Line(3, b'{"b": 2}', is_cut=False),
            Line(4, b'{"c": 3}', is_cut=False),
        ]
        assert position == Position(
            4,
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
            hashlib.sha256(b'{"a": 1}').hexdigest(),
        )

    def test_empty(self, path: Path) -> None:
        """A file with nothing in it has no lines, and stays at its beginning."""
        path.touch()
        assert read(path) == ([], BEGINNING)

    def test_reading_is_not_taking(self, path: Path) -> None:
        """A line that was not taken is read again, and is not in the position."""
        path.write_bytes(b"1\n2\n")
        with Lines(str(path)) as lines:
            lines.read()
            assert lines.position == BEGINNING._replace(identity=lines.identity)
            lines.take()
            lines.read()
            position = lines.position
        assert (position.lines, position.bytes) == (1, 2)
        assert read(path, position)[0] == [Line(2, b"2", is_cut=False)]

    def test_identity(self, path: Path) -> None:
        """A file is known by its first line, wherever it lies and however it grows."""
        path.write_bytes(b'\n\n"first"\n')
        moved = path.with_suffix(".gz")
        moved.write_bytes(gzip.compress(b'\r\n\r\n"first"\r\n"second"\r\n'))
        identities = {read(each)[1].identity for each in (path, moved)}
        assert identities == {hashlib.sha256(b'"first"').hexdigest()}

    @pytest.mark.parametrize("end", [b"", b"\n", b"\n2"])
    @pytest.mark.parametrize("more", [0, 1, 100_000])
    def test_longest(self, path: Path, end: bytes, more: int) -> None:
        """A line may be so long; of a longer one, the beginning is kept."""
        path.write_bytes(b"1" * (MAX_BYTES + more) + end)
        (first, *rest), position = read(path)
        is_cut = bool(more)
        assert first == Line(1, b"1" * (MAX_BYTES + is_cut), is_cut)
        assert rest == ([Line(2, b"2", is_cut=False)] if b"2" in end else [])
        assert position.digest == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_gzip(self, path: Path) -> None:
        """It is known by its content, not by its name, and may have many members."""
        path.write_bytes(gzip.compress(b"1\n2") + gzip.compress(b"3\n"))
        found, position = read(path)
        assert [line.text for line in found] == [b"1", b"23"]
        assert position.bytes == 5
        with Lines(str(path)) as lines:
            lines.read()
            assert lines.consumed == path.stat().st_size

    def test_one_byte(self, path: Path) -> None:
        """A file that is too short to be gzip is none."""
        path.write_bytes(b"7")
        assert read(path)[0] == [Line(1, b"7", is_cut=False)]


class TestPosition:
    """Going on where an earlier run ended."""

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    def test_of_a_file_that_has_grown(self, path: Path, compress: object) -> None:
        """Only what is new is read, and is numbered on."""
        assert callable(compress)
        path.write_bytes(compress(b"1\n2\n"))
        _, position = read(path)
        path.write_bytes(compress(b"1\n2\n3\n"))
        found, after = read(path, position)
        assert found == [Line(3, b"3", is_cut=False)]
        assert (after.lines, after.identity) == (3, position.identity)

    def test_whose_last_line_was_not_ended(self, path: Path) -> None:
        """Its end is no line of its own; what was added to the line has its number."""
        path.write_bytes(b"1\n2")
        _, position = read(path)
        path.write_bytes(b"1\n2\n3\n")
        assert read(path, position)[0] == [
            Line(2, b"", is_cut=False),
            Line(3, b"3", is_cut=False),
        ]
        path.write_bytes(b"1\n22\n3\n")
        assert read(path, position)[0][0] == Line(2, b"2", is_cut=False)

    @pytest.mark.parametrize("content", [b"", b"1\n", b"1\n9\n3\n"])
    def test_of_another_file(self, path: Path, content: bytes) -> None:
        """What was loaded must still stand there, down to the last byte."""
        path.write_bytes(b"1\n2\n")
        _, position = read(path)
        path.write_bytes(content)
        assert refused(path, position) == (
            f"{str(path)!r} is not the file that the checkpoint knows: its first 2 "
            "lines are others; pass the same files in the same order, or another "
            "checkpoint"
        )


class TestUnreadable:
    """What ends the reading is reported with the file and the line."""

    def test_no_such_file(self, path: Path) -> None:
        """There was one when the command began, and now there is none."""
        message = f"{str(path)!r} cannot be read: No such file or directory"
        assert refused(path) == message

    def test_cut_gzip(self, path: Path) -> None:
        """The lines before are read."""
        whole = gzip.compress(b"".join(b"%d\n" % each for each in range(1000)))
        path.write_bytes(whole[:-20])
        assert re.fullmatch(
            re.escape(f"{str(path)!r} cannot be read beyond line ")
            + r"\d{1,3}: its gzip data end too early; get the whole file",
            refused(path),
        )

    @pytest.mark.parametrize("place", [2, 30, -6])
    def test_damaged_gzip(self, path: Path, place: int) -> None:
        """Head, data and checksum are all looked at."""
        content = bytearray(gzip.compress(bytes(range(100, 130))))
        content[place] ^= 0xFF
        path.write_bytes(content)
        message = refused(path).replace(" beyond line 1", "")
        assert message == (
            f"{str(path)!r} cannot be read: its gzip data are damaged; "
            "get the file anew"
        )

    def test_damaged_before_the_position(self, path: Path) -> None:
        """A file may also be damaged in what was taken of it before."""
        content = gzip.compress(f'"{os.urandom(3000).hex()}"\n'.encode())
        path.write_bytes(content)
        _, position = read(path)
        path.write_bytes(content[:1000])
        assert refused(path, position) == (
            f"{str(path)!r} cannot be read: its gzip data end too early; "
            "get the whole file"
        )

    @needs_posix
    def test_file_system(self, path: Path) -> None:
        """The error of the operating system is reported."""
        path.mkdir()
        message = f"{str(path)!r} cannot be read: Is a directory"
        assert refused(path) == message


class Reluctant(io.RawIOBase):
    """A pipe that has something to read each other time only, and does not wait."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)
        self._is_ready = True

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read a byte, or nothing."""
        self._is_ready = not self._is_ready
        if not self._is_ready:
            return None
        data = self._content.read(1)
        buffer[: len(data)] = data
        return len(data)


class TestStandardInput:
    """A single dash."""

    def test_stays_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not ours to close."""
        stream = io.TextIOWrapper(io.BytesIO(b"1\n"))
        monkeypatch.setattr(sys, "stdin", stream)
        assert read(Path("-"))[0] == [Line(1, b"1", is_cut=False)]
        assert not stream.closed

    def test_that_does_not_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is not there yet is not taken for the end."""
        stream = io.TextIOWrapper(io.BufferedReader(Reluctant(b"1\n2\n")))
        monkeypatch.setattr(sys, "stdin", stream)
        assert [line.text for line in read(Path("-"))[0]] == [b"1", b"2"]

    def test_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process may have been started without one."""
        monkeypatch.setattr(sys, "stdin", None)
        assert refused(Path("-")) == "there is no standard input; name a file"

    def test_in_messages(self) -> None:
        """It has a name there; files have theirs, in quotes."""
        assert (shown("-"), shown("a b")) == ("standard input", "'a b'")
