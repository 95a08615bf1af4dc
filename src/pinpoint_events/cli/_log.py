"""The library's log on standard error: one line per record, without payload."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from pinpoint_events.cli import _console as console
from pinpoint_events.errors import defect_text

__all__ = ["Repeats", "log_lines"]

_log = logging.getLogger("pinpoint_events")

_PREFIX: Final = "pinpoint_events."
_MAX_KINDS: Final = 100
_OTHER_KIND: Final = "other messages"


class _Kind(NamedTuple):
    """What records have in common that differ in their details."""

    name: str
    level: int
    message: str


class Repeats:
    """
    Tells which record is the first of its kind in a period, and counts the others.

    Args:
        seconds: Length of a period; each kind's begins with its first record.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._started: dict[_Kind, float] = {}
        self._counts: dict[_Kind, int] = {}

    def is_first(self, record: logging.LogRecord) -> bool:
        """Return whether a record is the first of its kind; count it if not."""
        kind = _Kind(record.name, record.levelno, _first_line(str(record.msg)))
        if kind not in self._started and len(self._started) >= _MAX_KINDS:
            kind = kind._replace(message=_OTHER_KIND)
        if kind not in self._started:
            self._started[kind] = self._clock()
            self._counts[kind] = 0
            return True
        self._counts[kind] += 1
        return False

    def ended(self, *, is_last: bool = False) -> Iterator[logging.LogRecord]:
        """
        Yield a record for each kind that was repeated, once its period has ended.

        Args:
            is_last: Whether all periods end now.
        """
        now = self._clock()
        for kind, started in list(self._started.items()):
            seconds = now - started
            if is_last or seconds >= self._seconds:
                del self._started[kind]
                count = self._counts.pop(kind)
                message = f"{kind.message}: {count:,} more in the last {seconds:.0f} s"
                if count:
                    yield _record(kind.name, kind.level, message)


@contextmanager
def log_lines(
    message_format: str, level: int, repeats: Repeats | None = None
) -> Iterator[None]:
    """
    Print the library's log from `level` on, within the block.

    Args:
        message_format: The format of a message, for `logging.Formatter`; the record's
            details follow it.
        level: Of the `logging` module.
        repeats: Limits warnings and errors to one of a kind in a period, and those of
            other packages, too, which are printed without traceback. None prints all
            records of the library, and no others.
    """
    handler = _LogLines(repeats)
    handler.setFormatter(logging.Formatter(message_format))
    log = _log if repeats is None else logging.getLogger()
    before = _log.level
    log.addHandler(handler)
    _log.setLevel(level)
    try:
        yield
    finally:
        _log.setLevel(before)
        log.removeHandler(handler)
        handler.print_ended(is_last=True)


class _LogLines(logging.Handler):
    def __init__(self, repeats: Repeats | None) -> None:
        super().__init__()
        self._repeats = repeats

    def emit(self, record: logging.LogRecord) -> None:
        self.print_ended()
        repeats = self._repeats if record.levelno >= logging.WARNING else None
        if repeats is None or repeats.is_first(record):
            is_ours = _is_ours(record.name)
            self._print(record if is_ours else _without_data(record))

    def print_ended(self, *, is_last: bool = False) -> None:
        """Print how often records were repeated whose period has ended."""
        if self._repeats is not None:
            for record in self._repeats.ended(is_last=is_last):
                self._print(record)

    def _print(self, record: logging.LogRecord) -> None:
        details = [
            f"{name.removeprefix(_PREFIX)}={value!r}"
            for name, value in vars(record).items()
            if name.startswith(_PREFIX)
        ]
        console.message(" ".join([self.format(record), *details]))


def _without_data(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of another package, in which an exception may hold data."""
    found = _record(record.name, record.levelno, _first_line(record.getMessage()))
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, Exception):
        is_raised = error.__traceback__ is not None
        problem = defect_text(error) if is_raised else type(error).__qualname__
        setattr(found, f"{_PREFIX}problem", problem)
    return found


def _record(name: str, level: int, message: str) -> logging.LogRecord:
    text = message if _is_ours(name) else f"{name}: {message}"
    return logging.LogRecord(name, level, "", 0, text, (), None)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == _log.name


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
