"""
What the commands print: UTF-8, whatever the locale says, and flushed at once.

Output is for other programs, so its bytes do not depend on the machine. Messages are
one line each. Nothing in either moves a terminal's cursor: what is not printable is
escaped there.
"""

import io
import os
import re
import sys
from typing import Final, TextIO

__all__ = ["OutputClosedError", "OutputError", "flush", "message", "out", "use_utf8"]


class OutputError(Exception):
    """Standard output cannot be written, as on a full disk."""


class OutputClosedError(OutputError):
    """Whoever reads standard output has read enough, as `head` does."""


def use_utf8() -> None:
    """Let standard output and standard error write UTF-8 and Unix line ends."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    if isinstance(sys.stderr, io.TextIOWrapper):
        # Arguments may hold bytes that are no text.
        sys.stderr.reconfigure(
            encoding="utf-8", errors="backslashreplace", newline="\n"
        )


def out(text: str) -> None:
    """
    Write a line, or several, to standard output.

    Raises:
        OutputError: If that is not possible.
    """
    _write(f"{text}\n")


def flush() -> None:
    """
    Write what is left in the buffer, such as argparse's help.

    Raises:
        OutputError: If that is not possible.
    """
    _write("")


def _write(text: str) -> None:
    # None where the process was started without one, as by pythonw.
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
    """Let what is in the buffer go nowhere: the interpreter flushes it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def message(text: str) -> None:
    """Write one line to standard error; what is not printable in it is escaped."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    words = " ".join(line.strip() for line in text.splitlines())
    shown = "".join(each if each.isprintable() else _escaped(each) for each in words)
    try:
        stream.write(f"{shown}\n")
        stream.flush()
    except OSError:
        _discard(stream)  # there is nowhere left to say so but the exit code


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


# What a terminal may act on: C0 and C1 without tab and line feed, DEL, the marks that
# change the direction of text, and line and paragraph separators.
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
