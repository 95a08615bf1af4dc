"""
The file that a killed run is continued from.

It says how far each file was taken, and holds the totals and the size of the file of
what was not accepted at just that point. It is replaced as a whole, so that there is
always an old one or a new one, and never half of one.
"""

import json
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import attrs

from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.lines import BEGINNING, Position
from pinpoint_events.loader.rejects_file import BINARY, LINK, NO_FOLLOW, NO_WAIT
from pinpoint_events.loader.totals import Totals

__all__ = ["Checkpoint"]

_FORMAT: Final = "pinpoint-events load"
_VERSION: Final = 1
_MAX_BYTES: Final = 64_000_000  # hundreds of thousands of files
_DAMAGED: Final = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@attrs.define
class Checkpoint:
    """
    What is settled.

    Attributes:
        place: Where it went.
        positions: How far each file was taken, in the order of the command line.
        totals: What became of all that was taken.
        rejected_bytes: Size of the file of what was not accepted; None if there was
            none so far.
    """

    place: str
    positions: list[Position]
    totals: Totals = attrs.field(factory=Totals)
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
            LoadError: If the file is no checkpoint, or one of more files, or of
                another place.
        """
        text = b"" if path is None else _content(path)
        settled = cls(place, [])
        if text:  # not as `mktemp` has made it
            try:
                settled = cls._from_json(text)
            except _DAMAGED:
                # From None: whatever the file is, it may be someone's data.
                raise LoadError(
                    LoadErrorCode.CHECKPOINT_INVALID,
                    f"{path!r} is no checkpoint of this release; name another file",
                    path,
                ) from None
        missing = len(files) - len(settled.positions)
        if missing < 0:
            count = len(settled.positions)
            raise LoadError(
                LoadErrorCode.CHECKPOINT_OF_MORE_FILES,
                f"{path!r} is of {count} files, and {len(files)} are given; pass the "
                "same files in the same order, or another checkpoint",
                path,
            )
        if settled.place != place:
            # What is not there would count as loaded.
            raise LoadError(
                LoadErrorCode.CHECKPOINT_OF_ANOTHER_PLACE,
                f"{path!r} is of {settled.place!r}, and the destination is another "
                "place; pass the same place, or another checkpoint",
                path,
                settled.place,
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
            Totals.from_wire(data["Books"]),
            None if size is None else _count(size),
        )

    def write(self, path: str, files: Sequence[str]) -> None:
        """
        Replace the file, and bring the new one to the disk.

        Raises:
            LoadError: If that is not possible.
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
            "Books": self.totals.to_wire(),
            "RejectedBytes": self.rejected_bytes,
        }
        try:
            # In the same directory, so that it can replace the old one; under a name
            # that cannot be guessed, so that no link can be planted there.
            directory = Path(path).parent
            number, new = tempfile.mkstemp(prefix=".pinpoint-events-", dir=directory)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(f"{json.dumps(data, indent=4)}\n".encode())
                    file.flush()
                    os.fsync(file.fileno())
                Path(new).replace(path)
            except BaseException:
                Path(new).unlink(missing_ok=True)
                raise
        except OSError as error:
            message = f"the checkpoint {path!r} cannot be written: {error.strerror}"
            raise LoadError(LoadErrorCode.OUTPUT_UNWRITABLE, message, path) from error


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError
    return number


def _content(path: str) -> bytes:
    """Return what is in the file; nothing if there is none."""
    try:
        number = os.open(path, os.O_RDONLY | NO_FOLLOW | NO_WAIT | BINARY)
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                # It would be replaced by one, /dev/null too.
                raise LoadError(
                    LoadErrorCode.CHECKPOINT_INVALID, f"{path!r} is no file", path
                )
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        is_link = Path(path).is_symlink()
        reason = f"is {LINK}" if is_link else f"cannot be read: {error.strerror}"
        message = f"{path!r} {reason}"
        raise LoadError(LoadErrorCode.CHECKPOINT_UNREADABLE, message, path) from error
