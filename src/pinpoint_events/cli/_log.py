"""The library's log on standard error: one line per record, without payload."""

import logging
from typing import Final

from pinpoint_events.cli import _console as console

__all__ = ["LogLines"]

_PREFIX: Final = "pinpoint_events."


class LogLines(logging.Handler):
    """
    Writes the message of each record, followed by the record's details.

    Args:
        message_format: The format of the message, for `logging.Formatter`.
    """

    def __init__(self, message_format: str) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(message_format))

    def emit(self, record: logging.LogRecord) -> None:
        details = [
            f"{name.removeprefix(_PREFIX)}={value!r}"
            for name, value in vars(record).items()
            if name.startswith(_PREFIX)
        ]
        console.message(" ".join([self.format(record), *details]))
