"""
How far it is: a bar on a terminal, and a line from time to time elsewhere.

Both go to standard error; the summary has standard output for itself.
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

_BAR_SECONDS: Final = 0.1  # ten times a second looks steady
_LINE_SECONDS: Final = 10.0  # so that a log stays readable
_BAR_COLUMNS: Final = 30
_COLUMNS: Final = 80  # of a terminal that does not tell
_LEAST_SECONDS: Final = 0.001  # to divide by


class Progress:
    """
    Tells how far a run is.

    Args:
        total: Bytes of all files; None if that is not known.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        total: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._before = 0  # events that earlier runs have read
        self._clock = clock
        self._started = clock()
        # None where the process was started without standard error, as by pythonw.
        self._bar = sys.stderr if sys.stderr and sys.stderr.isatty() else None
        self._every = _LINE_SECONDS if self._bar is None else _BAR_SECONDS
        self._due = self._started + self._every
        self._columns = 0  # of the bar in the terminal's last line

    def show(self, consumed: int, totals: Totals) -> None:
        """
        Tell how far it is, when it is time to.

        Args:
            consumed: So many bytes of the files were read.
            totals: So many events were read, of this run and earlier ones.
        """
        now = self._clock()
        if now >= self._due:
            self._due = now + self._every
            self._tell(consumed, totals)

    def end(self, consumed: int, totals: Totals) -> None:
        """Tell how far it came."""
        self._tell(consumed, totals)
        if self._bar is not None:
            _write(self._bar, "\n")
            self._columns = 0

    def continues(self, totals: Totals) -> None:
        """Tell how much earlier runs have loaded."""
        self._before = totals.events.read
        self._message(f"going on behind {self._before:,} events of earlier runs")

    def not_accepted(self, text: str) -> None:
        """Tell of one item that was not accepted."""
        self._message(text)

    def more_not_accepted(self) -> None:
        """Tell where all of them can be read."""
        self._message("what else is not accepted is counted; --rejected FILE has all")

    def interrupted(self) -> None:
        """Tell what a signal does."""
        self._message(
            "interrupted: what is on its way is waited for; a second signal ends at "
            "once"
        )

    def _message(self, text: str) -> None:
        if self._bar is not None and self._columns:
            _write(self._bar, f"\r{' ' * self._columns}\r")
            self._columns = 0
        console.message(text)

    def _tell(self, consumed: int, totals: Totals) -> None:
        count = totals.events.read
        seconds = max(self._clock() - self._started, _LEAST_SECONDS)
        parts = [f"{count:,} events"]
        if totals.events.not_accepted:
            parts.append(f"{totals.events.not_accepted:,} not accepted")
        parts.append(f"{(count - self._before) / seconds:,.0f}/s")
        share = None
        if self._total:
            share = min(consumed / self._total, 1.0)
            parts.insert(0, f"{share:.0%}")
        message = ", ".join(parts)
        if self._bar is None:
            console.message(message)
            return
        if share is not None:
            done = round(share * _BAR_COLUMNS)
            message = f"[{'#' * done}{'-' * (_BAR_COLUMNS - done)}] {message}"
        # One column is left free: in the last one, some terminals begin a new line.
        message = message[: _columns_of(self._bar) - 1]
        _write(self._bar, f"\r{message.ljust(self._columns)}")
        self._columns = len(message)


def _columns_of(terminal: TextIO) -> int:
    """Return its width; `shutil` would ask standard output, which may be a file."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS


def _write(stream: TextIO, text: str) -> None:
    # A terminal may be closed while the run goes on, as after a lost connection.
    with suppress(OSError):
        stream.write(text)
        stream.flush()
