"""What a file is found to be that `load` does not read, and what to do about it."""

from typing import NamedTuple

from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.file_names import shown

__all__ = ["Finding"]


class Finding(NamedTuple):
    """
    Why a file is refused as a whole.

    Attributes:
        code: The kind.
        what: What the file is, as a predicate.
        remedy: What to do. A command in backticks reads the file from standard input
            and writes one that `load` reads, as the tests show.
    """

    code: LoadErrorCode
    what: str
    remedy: str

    def error(self, name: str) -> LoadError:
        """Return the error for a file of this name."""
        message = f"{shown(name)} {self.what}; {self.remedy}"
        return LoadError(self.code, message, name)
