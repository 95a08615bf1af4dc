"""The library's log on standard error: a line a record, with none of the payload."""

import logging
from typing import Final

from pinpoint_events.cli import _console as console

__all__ = ["LogLines"]

_PREFIX: Final = "pinpoint_events."


class LogLines(logging.Handler):
    """
    Writes the constant message of a record, and its details behind it.

    Args:
        form: The form of the message, as `logging.Formatter` takes it.
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(form))

    def emit(self, record: logging.LogRecord) -> None:
        details = [
            f"{name.removeprefix(_PREFIX)}={value!r}"
            for name, value in vars(record).items()
            if name.startswith(_PREFIX)
        ]
        console.message(" ".join([self.format(record), *details]))
