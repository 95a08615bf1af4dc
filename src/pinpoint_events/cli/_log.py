"""The library's log on standard error: one line per record, without payload."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events.cli import _console as console

__all__ = ["log_lines"]

_log = logging.getLogger("pinpoint_events")

_PREFIX: Final = "pinpoint_events."


@contextmanager
def log_lines(message_format: str, level: int) -> Iterator[None]:
    """
    Print the library's log from `level` on, within the block.

    Args:
        message_format: The format of a message, for `logging.Formatter`; the record's
            details follow it.
        level: Of the `logging` module.
    """
    handler = _LogLines()
    handler.setFormatter(logging.Formatter(message_format))
    before = _log.level
    _log.addHandler(handler)
    _log.setLevel(level)
    try:
        yield
    finally:
        _log.setLevel(before)
        _log.removeHandler(handler)


class _LogLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        details = [
            f"{name.removeprefix(_PREFIX)}={value!r}"
            for name, value in vars(record).items()
            if name.startswith(_PREFIX)
        ]
        console.message(" ".join([self.format(record), *details]))
