"""
Standard output and standard error: always UTF-8, and flushed after each write.

Other programs read the output, so its bytes do not depend on the locale. A message is
one line. Neither moves a terminal's cursor: there, control characters are escaped.
"""

import io
import os
import re
import sys
from typing import Final, TextIO

__all__ = ["OutputClosedError", "OutputError", "flush", "message", "out", "use_utf8"]


class OutputError(Exception):
    """Standard output cannot be written, for example on a full disk."""


class OutputClosedError(OutputError):
    """The reader of standard output has closed the pipe, as `head` does."""


def use_utf8() -> None:
    """Set standard output and standard error to UTF-8 and Unix line endings."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    if isinstance(sys.stderr, io.TextIOWrapper):
        # Messages may quote arguments, which may hold bytes that are not UTF-8.
        sys.stderr.reconfigure(
            encoding="utf-8", errors="backslashreplace", newline="\n"
        )


def out(text: str) -> None:
    """
    Write one or more lines to standard output.

    Raises:
        OutputError: If standard output cannot be written.
    """
    _write(f"{text}\n")


def flush() -> None:
    """
    Write what is left in the buffer, such as argparse's help.

    Raises:
        OutputError: If standard output cannot be written.
    """
    _write("")


def _write(text: str) -> None:
    # None if the process has no standard output, as under pythonw.
    stream: TextIO | None = sys.stdout
    if stream is None:
        return
    if text and stream.isatty():
        # Pipes and files get what a server or a file said unchanged; a terminal would
        # act on it.
        text = _CONTROL.sub(_json_escaped, text)
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        _discard(stream)
        if isinstance(error, BrokenPipeError):
            raise OutputClosedError("standard output is closed") from error
        message = f"standard output cannot be written: {error.strerror}"
        raise OutputError(message) from error


def _discard(stream: TextIO) -> None:
    """Redirect the stream to the null device: the interpreter flushes it at exit."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, stream.fileno())
    os.close(null_device)


def message(text: str) -> None:
    """Write one line to standard error, with unprintable characters escaped."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    joined = " ".join(line.strip() for line in text.splitlines())
    try:
        stream.write(f"{printable(joined)}\n")
        stream.flush()
    except OSError:
        _discard(stream)  # the exit code alone can report it


def printable(text: str) -> str:
    """Return a text with unprintable characters escaped."""
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


# What a terminal may act on: C0 and C1 without tab and line feed, DEL, the marks that
# change the direction of text, and line and paragraph separators.
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
