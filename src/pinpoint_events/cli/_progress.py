"""
Progress of `load`: a bar on a terminal, and a line every ten seconds elsewhere.

Both go to standard error; standard output has the summary alone.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO

from pinpoint_events.cli import _console as console
from pinpoint_events.loader.totals import Totals

__all__ = ["Progress"]

_BAR_SECONDS: Final = 0.1  # ten updates a second look smooth
_LINE_SECONDS: Final = 10.0  # keeps a log readable
_BAR_COLUMNS: Final = 30
_COLUMNS: Final = 80  # if the terminal's width is unknown
_MIN_SECONDS: Final = 0.001  # avoids division by zero


class Progress:
    """
    Prints the progress of a run.

    Args:
        total: Bytes of all files; None if unknown.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        total: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._read_before = 0  # events read by earlier runs
        self._clock = clock
        self._started = clock()
        # None if the process has no standard error, as under pythonw.
        self._bar = sys.stderr if sys.stderr and sys.stderr.isatty() else None
        self._interval = _LINE_SECONDS if self._bar is None else _BAR_SECONDS
        self._due = self._started + self._interval
        self._columns = 0  # width of the bar that the terminal shows

    def show(self, consumed: int, totals: Totals) -> None:
        """
        Print the progress if the interval has passed.

        Args:
            consumed: Bytes of the files that were read.
            totals: Totals of this run and earlier ones.
        """
        now = self._clock()
        if now >= self._due:
            self._due = now + self._interval
            self._print(consumed, totals)

    def end(self, consumed: int, totals: Totals) -> None:
        """Print the final progress, and end the bar's line."""
        self._print(consumed, totals)
        if self._bar is not None:
            _write(self._bar, "\n")
            self._columns = 0

    def continues(self, totals: Totals, *, may_repeat: bool) -> None:
        """Print how many events earlier runs have loaded, and what may arrive twice."""
        self._read_before = totals.events.read
        self._print_message(
            f"going on behind {self._read_before:,} events of earlier runs"
        )
        if may_repeat:
            self._print_message(
                "events that were on their way when the last run ended may be in the "
                "stream twice"
            )

    def not_accepted(self, text: str) -> None:
        """Print the message for an item that was not accepted."""
        self._print_message(text)

    def more_not_accepted(self) -> None:
        """Print where all items that were not accepted can be found."""
        self._print_message(
            "what else is not accepted is counted; --rejected FILE has all"
        )

    def interrupted(self) -> None:
        """Print that a signal was received, and what it does."""
        self._print_message(
            "interrupted: what is on its way is waited for; a second signal ends at "
            "once"
        )

    def _print_message(self, text: str) -> None:
        if self._bar is not None and self._columns:
            _write(self._bar, f"\r{' ' * self._columns}\r")
            self._columns = 0
        console.message(text)

    def _print(self, consumed: int, totals: Totals) -> None:
        count = totals.events.read
        seconds = max(self._clock() - self._started, _MIN_SECONDS)
        parts = [f"{count:,} events"]
        if totals.events.not_accepted:
            parts.append(f"{totals.events.not_accepted:,} not accepted")
        parts.append(f"{(count - self._read_before) / seconds:,.0f}/s")
        fraction = None
        if self._total:
            fraction = min(consumed / self._total, 1.0)
            parts.insert(0, f"{fraction:.0%}")
        message = ", ".join(parts)
        if self._bar is None:
            console.message(message)
            return
        if fraction is not None:
            done = round(fraction * _BAR_COLUMNS)
            message = f"[{'#' * done}{'-' * (_BAR_COLUMNS - done)}] {message}"
        # Some terminals begin a new line after the last column, so it stays empty.
        message = message[: _columns_of(self._bar) - 1]
        _write(self._bar, f"\r{message.ljust(self._columns)}")
        self._columns = len(message)


def _columns_of(terminal: TextIO) -> int:
    """Return the terminal's width; `shutil` takes standard output's, maybe a file."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS


def _write(stream: TextIO, text: str) -> None:
    # The terminal may be closed during the run, as after a lost SSH connection.
    with suppress(OSError):
        stream.write(text)
        stream.flush()
