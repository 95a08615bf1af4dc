"""
The file that a killed run is continued from.

It says how far each file was taken, and holds the books and the size of the file of
what was not accepted at just that point. It is replaced as a whole, so that there is
always an old one or a new one, and never half of one.
"""

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import attrs

from pinpoint_events.cli._console import OutputError
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.loader.books import Books
from pinpoint_events.loader.lines import BEGINNING, Position

__all__ = ["Checkpoint"]

_FORMAT: Final = "pinpoint-events load"
_VERSION: Final = 1
_MOST_BYTES: Final = 64_000_000  # hundreds of thousands of files
_DAMAGED: Final = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@attrs.define
class Checkpoint:
    """
    What is settled.

    Attributes:
        place: Where it went.
        positions: How far each file was taken, in the order of the command line.
        books: What became of all that was taken.
        rejected_bytes: Size of the file of what was not accepted; None if there was
            none so far.
    """

    place: str
    positions: list[Position]
    books: Books = attrs.field(factory=Books)
    rejected_bytes: int | None = None

    @classmethod
    def read(cls, path: str | None, files: Sequence[str], place: str) -> Self:
        """
        Return what earlier runs have settled; nothing, if there is no such file yet.

        Args:
            path: The file; None for none.
            files: Those to load. There may be more than in the earlier run.
            place: Where to.

        Raises:
            UsageError: If the file is no checkpoint, or one of more files, or of
                another place.
        """
        text = b"" if path is None else _content(path)
        settled = cls(place, [])
        if text:  # not as `mktemp` has made it
            try:
                settled = cls._from_json(text)
            except _DAMAGED:
                # From None: whatever the file is, it may be somebody's data.
                raise UsageError(
                    f"argument --checkpoint: {path!r} is no checkpoint of this "
                    "release; name another file"
                ) from None
        missing = len(files) - len(settled.positions)
        if missing < 0:
            count = len(settled.positions)
            raise UsageError(
                f"argument --checkpoint: {path!r} is of {count} files, and "
                f"{len(files)} are given; pass the same files in the same order, or "
                "another checkpoint"
            )
        if settled.place != place:
            # What is not there would count as loaded.
            raise UsageError(
                f"argument --checkpoint: {path!r} is of {settled.place!r}, and --to is "
                "another place; pass the same place, or another checkpoint"
            )
        settled.positions += [BEGINNING] * missing
        return settled

    @classmethod
    def _from_json(cls, text: bytes) -> Self:
        data: Any = json.loads(text)
        if (data["Format"], data["Version"]) != (_FORMAT, _VERSION):
            raise ValueError
        positions = [
            Position(
                lines=_count(each["Lines"]),
                bytes=_count(each["Bytes"]),
                digest=str(each["Digest"]),
                identity=str(each["FirstLine"]),
            )
            for each in data["Files"]
        ]
        size = data["RejectedBytes"]
        return cls(
            str(data["To"]),
            positions,
            Books.from_wire(data["Books"]),
            None if size is None else _count(size),
        )

    def write(self, path: str, files: Sequence[str]) -> None:
        """
        Replace the file, and bring the new one to the disk.

        Raises:
            OutputError: If that is not possible.
        """
        data = {
            "Format": _FORMAT,
            "Version": _VERSION,
            "To": self.place,
            "Files": [
                {
                    "Name": name,
                    "Lines": position.lines,
                    "Bytes": position.bytes,
                    "Digest": position.digest,
                    "FirstLine": position.identity,
                }
                for name, position in zip(files, self.positions, strict=True)
            ],
            "Books": self.books.to_wire(),
            "RejectedBytes": self.rejected_bytes,
        }
        # Beside it, under a name that nobody gives to a file of his own.
        new = Path(f"{path}.pinpoint-events-new")
        try:
            with new.open("wb") as file:
                file.write(f"{json.dumps(data, indent=4)}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            told = f"the checkpoint {path!r} cannot be written: {error.strerror}"
            raise OutputError(told) from error


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError
    return number


def _content(path: str) -> bytes:
    """Return what is in the file; nothing if there is none."""
    try:
        with Path(path).open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                # It would be replaced by one, /dev/null too.
                raise UsageError(f"argument --checkpoint: {path!r} is no file")
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        told = f"argument --checkpoint: {path!r} cannot be read: {error.strerror}"
        raise UsageError(told) from error
