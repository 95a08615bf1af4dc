"""The faults that the endpoint simulates."""

from pathlib import Path
from typing import TYPE_CHECKING

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.errors import ValidationError

if TYPE_CHECKING:
    from pinpoint_events.server import Faults

__all__ = ["read_faults"]


def read_faults(path: str | None) -> "Faults | None":
    """
    Return the faults of a file; None without a file.

    Raises:
        UsageError: If it cannot be read.
        ValidationError: If it is invalid.
    """
    from pinpoint_events.server import Faults  # noqa: PLC0415 - not for help

    if path is None:
        return None
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        message = f"argument --faults: {path!r} cannot be read: {error.strerror}"
        raise UsageError(
            f"{message}; name another, or let this user read it"
        ) from error
    try:
        return Faults.from_json(text)
    except ValidationError as error:
        raise ValidationError([each.below(path) for each in error.problems]) from None
