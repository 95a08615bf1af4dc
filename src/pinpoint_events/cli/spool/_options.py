"""Options, and words, that the actions of `spool` share."""

import json
import stat
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pinpoint_events.cli._parser import Parser, UsageError, invalid_choice
from pinpoint_events.cli._table import table
from pinpoint_events.recorder.operators import KindCounts, Selection, SpoolFile
from pinpoint_events.wire.writing import time_text

__all__ = [
    "add_output",
    "add_path",
    "add_selection",
    "counts_json",
    "counts_table",
    "in_words",
    "json_text",
    "moment_of",
    "opened",
    "parsed",
    "selected",
    "shown_path",
    "time_of",
]

_FORMATS: Final = ["table", "json"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def add_path(parser: Parser) -> None:
    """Add the argument for the file."""
    parser.add_argument(
        "path", metavar="PATH", help="the file of the spool, which must exist"
    )


def add_output(parser: Parser) -> None:
    """Add the option for the output format."""
    parser.add_argument(
        "--output",
        metavar="FORMAT",
        default="table",
        help="table, or json (default: table)",
    )


def add_selection(parser: Parser) -> None:
    """Add the options for which items are meant."""
    add = parser.add_argument
    add(
        "--code",
        metavar="CODE",
        action="append",
        default=[],
        help="only dead letters with this code, such as 400; may be repeated",
    )
    add(
        "--endpoint-id",
        metavar="ID",
        action="append",
        default=[],
        help="only items of this endpoint; may be repeated",
    )
    add(
        "--event-id",
        metavar="ID",
        action="append",
        default=[],
        help="only the event with this id; may be repeated",
    )


def parsed(parser: Parser, arguments: list[str]) -> Namespace:
    """
    Return the parsed arguments.

    Raises:
        UsageError: If they are wrong.
    """
    options = parser.parse_known_or_fail(arguments)
    output = getattr(options, "output", "table")
    if output not in _FORMATS:
        parser.error(invalid_choice("--output", output, _FORMATS))
    if options.path == "":
        parser.error("argument PATH: is empty; name the file of the spool")
    if getattr(options, "pending", False) and getattr(options, "code", None):
        parser.error("argument --code: only dead letters have one; leave it out")
    return options


def selected(options: Namespace, older_than: timedelta | None = None) -> Selection:
    """Return which items are meant."""
    before = None
    if older_than is not None:
        now = datetime.now(UTC) - _EPOCH
        before = (now - older_than) // timedelta(milliseconds=1)
    return Selection(
        endpoint_ids=tuple(options.endpoint_id),
        event_ids=tuple(options.event_id),
        codes=tuple(options.code),
        before=before,
    )


def opened(path: str, *, writes: bool) -> SpoolFile:
    """
    Open a spool.

    Args:
        path: The file.
        writes: Whether the action changes anything.

    Raises:
        UsageError: If there is no such file.
        StoreError: If it is no spool, or cannot be used.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        message = f"argument PATH: {path!r}: {error.strerror}"
        raise UsageError(message) from error
    except ValueError as error:
        message = f"argument PATH: {path!r}: a null character is in no file's name"
        raise UsageError(message) from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"argument PATH: {path!r} is no file; name that of a spool")
    return SpoolFile(path, writes=writes)


def shown_path(spool: SpoolFile) -> str:
    """Return how messages name a spool."""
    return repr(str(spool.path))


def moment_of(milliseconds: int) -> datetime:
    """Return the time so many milliseconds after the beginning of 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def time_of(milliseconds: int) -> str:
    """Return the same as text."""
    return time_text(moment_of(milliseconds))


def json_text(data: Mapping[str, Any]) -> str:
    """Return data as JSON for the output."""
    return json.dumps(data, indent=4, ensure_ascii=False)


def counts_json(counts: KindCounts) -> dict[str, int]:
    """Return counts as they are in JSON."""
    return {"Events": counts.events, "Endpoints": counts.endpoints}


def counts_table(rows: Mapping[str, KindCounts]) -> str:
    """Return counts as a table."""
    lines = [(name, *counts) for name, counts in rows.items()]
    return table([("", "events", "endpoints"), *lines])


def in_words(counts: KindCounts) -> str:
    """Return counts in a sentence."""
    return " and ".join(
        f"{count:,} {name}{'' if count == 1 else 's'}"
        for name, count in (("event", counts.events), ("endpoint", counts.endpoints))
    )
