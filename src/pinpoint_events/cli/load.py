"""
The command `load`: sends the events in JSON Lines files of any size.

The summary accounts for each event, also if the run was killed and continued from its
checkpoint.
"""

import os
import stat
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from pinpoint_events.cli._parser import Parser, UsageError
from pinpoint_events.loader.limits import IN_FLIGHT, MAX_IN_FLIGHT

__all__ = ["run"]

_STDIN: Final = "-"


def run(program: str, arguments: list[str]) -> int:
    """
    Load files, and print a summary.

    Returns:
        The exit code: 0 if everything was accepted, 3 if everything was read and not
        all of it accepted, 130 if the run was interrupted.

    Raises:
        UsageError: If the command line is wrong, or a file cannot be read.
        PinpointEventsError: If the run cannot continue.
        OutputError: If a file cannot be written.
    """
    parser = _parser(program)
    options = parser.parse_known_or_fail(arguments)
    _check_options(parser, options)
    total = _total_bytes(options.files)
    # Imported here: --help should not pay for importing them.
    from pinpoint_events.cli._loading import run_load  # noqa: PLC0415
    from pinpoint_events.loader.loading import Plan  # noqa: PLC0415

    return run_load(
        Plan(options.files, options.in_flight, options.source_id),
        to=options.to,
        application_id=options.application_id,
        checkpoint=options.checkpoint,
        rejected=options.rejected,
        destination=_destination(options),
        total_bytes=total,
        how_to_go_on=partial(_resume_hint, options),
    )


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Send the events in JSON Lines files to the destination that a URL "
        "names, and\nprint a summary. A line holds one event,\n\n"
        '  {"EndpointId": "user-1", "Event": {"EventType": "tap", "Timestamp": ...}}\n'
        "\nwith EventId and Endpoint optional, or a whole request,\n\n"
        '  {"BatchItem": {"user-1": {"Endpoint": {}, "Events": {...}}}}\n\n'
        "or a call, with the request under EventsRequest, or a record of Pinpoint's\n"
        "event stream. A file may also be one JSON document, indented or not: one of\n"
        "these, or an array of them; or what Firehose left in S3: records without\n"
        "anything between them.",
        example=f"{program} events.jsonl.gz --to sqlite:///events.db \\\n"
        "      --rejected rejected.jsonl --checkpoint events.checkpoint",
    )
    add = parser.add_argument
    add(
        "files",
        metavar="FILE",
        nargs="+",
        help="a file, compressed by gzip or not; - for standard input",
    )
    add(
        "--to",
        metavar="URL",
        required=True,
        help="the destination: sqlite:///FILE, pinpoint://ID?region=..., ...",
    )
    add(
        "--application-id",
        metavar="ID",
        help="the Pinpoint project; may be in the URL instead",
    )
    add(
        "--rejected",
        metavar="FILE",
        help="a new file for everything that was not accepted, with reason, file and "
        "line; it can be corrected and loaded",
    )
    add(
        "--checkpoint",
        metavar="FILE",
        help="a file that records the progress: after an interruption or a kill, the "
        "same command continues from there",
    )
    add(
        "--in-flight",
        metavar="NUMBER",
        type=int,
        default=IN_FLIGHT,
        help=f"how many requests are in flight at a time, from 1 to {MAX_IN_FLIGHT} "
        f"(default: {IN_FLIGHT})",
    )
    add(
        "--source-id",
        metavar="TEXT",
        help="the file's identity, from which new event ids are derived together with "
        "the line's number and text (default: the file's first line)",
    )
    return parser


def _check_options(parser: Parser, options: Namespace) -> None:
    # Imported here: --help should not pay for importing it.
    from pinpoint_events.senders.url import sqlite_path  # noqa: PLC0415

    number = options.in_flight
    if not 1 <= number <= MAX_IN_FLIGHT:
        parser.error(f"argument --in-flight: {number} is not from 1 to {MAX_IN_FLIGHT}")
    if options.files.count(_STDIN) > 1:
        parser.error(f"argument FILE: {_STDIN} is given more than once")
    if options.source_id is not None and len(options.files) > 1:
        parser.error("argument --source-id: is for a single FILE, and there are more")
    if options.source_id is not None:
        _check_source_id(parser, options.source_id)
    _check_outputs(parser, options)
    # Otherwise a file would be written while it is read, or by two writers at once.
    names = {f"FILE {name!r}": name for name in options.files if name != _STDIN}
    for role, path in (
        ("--to", sqlite_path(options.to)),
        ("--rejected", options.rejected),
        ("--checkpoint", options.checkpoint),
    ):
        if path is None:
            continue
        for other, name in names.items():
            if _is_same(name, path):
                parser.error(f"{other} and {role} name the same file")
        names[role] = path


def _check_outputs(parser: Parser, options: Namespace) -> None:
    for name in ("--checkpoint", "--rejected"):
        if getattr(options, name.removeprefix("--")) == _STDIN:
            # Standard output has the summary.
            parser.error(f"argument {name}: {_STDIN} names no file; pass a path")


def _check_source_id(parser: Parser, source_id: str) -> None:
    from pinpoint_events.model._converters import has_surrogate  # noqa: PLC0415

    if not source_id:
        parser.error("argument --source-id: is empty; leave it out")
    if has_surrogate(source_id):  # how Python decodes arguments that are not UTF-8
        parser.error("argument --source-id: is no text in UTF-8")


def _is_same(one: str, other: str) -> bool:
    with suppress(ValueError):  # a path with a null character names no file
        return os.path.realpath(one) == os.path.realpath(other)
    return False


def _destination(options: Namespace) -> str:
    """
    Return the destination for the checkpoint: the URL without `endpoint_url`.

    The address of an endpoint may change between runs while its store stays the same.
    """
    base, _, query = options.to.partition("?")
    kept = [each for each in query.split("&") if not each.startswith("endpoint_url=")]
    place = f"{base}?{'&'.join(kept)}" if any(kept) else base
    application_id = options.application_id
    return place if application_id is None else f"{place} ({application_id})"


def _total_bytes(files: Sequence[str]) -> int | None:
    """
    Return the size of all files in bytes; None if it is unknown, as for pipes.

    Raises:
        UsageError: If a file does not exist, or is a directory.
    """
    total: int | None = 0
    for name in files:
        if name == _STDIN:
            total = None
            continue
        try:
            status = Path(name).stat()
        except OSError as error:
            message = f"argument FILE: {name!r}: {error.strerror}"
            raise UsageError(message) from error
        except ValueError as error:
            message = f"argument FILE: {name!r}: a null character is in no file's name"
            raise UsageError(message) from error
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"argument FILE: {name!r} is a directory; name its files")
        if total is not None:
            total = total + status.st_size if stat.S_ISREG(status.st_mode) else None
    return total


def _resume_hint(options: Namespace) -> str:
    if options.checkpoint is not None and Path(options.checkpoint).exists():
        return "not everything was loaded; the same command goes on from here"
    return (
        "not everything was loaded; load it again, which makes no second copy where "
        "ids are known"
    )
