"""
The command `load`: events from files of JSON Lines, of any size, into a sender.

Each event is accounted for: the summary balances, also when the run was killed and went
on from its checkpoint.
"""

import json
import os
import stat
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import INTERRUPTED, NOT_ALL_ACCEPTED, SUCCESS
from pinpoint_events.cli._parser import Parser, UsageError
from pinpoint_events.errors import LoadError, LoadErrorCode, SenderError
from pinpoint_events.loader.limits import IN_FLIGHT, MOST_IN_FLIGHT

if TYPE_CHECKING:
    from pinpoint_events.loader.totals import Totals

__all__ = ["run"]

_STDIN: Final = "-"
_OPTION_OF: Final = {
    LoadErrorCode.CHECKPOINT_UNREADABLE: "--checkpoint",
    LoadErrorCode.CHECKPOINT_INVALID: "--checkpoint",
    LoadErrorCode.CHECKPOINT_OF_MORE_FILES: "--checkpoint",
    LoadErrorCode.CHECKPOINT_OF_ANOTHER_PLACE: "--checkpoint",
    LoadErrorCode.REJECTED_UNUSABLE: "--rejected",
}


def run(program: str, arguments: list[str]) -> int:
    """
    Load files, and print a summary.

    Returns:
        The exit code: 0 when everything was accepted, 3 when everything was read and
        not all of it accepted, 130 when it was interrupted.

    Raises:
        UsageError: If the command line is wrong, or a file cannot be read.
        PinpointEventsError: If it cannot go on.
        OutputError: If a file cannot be written.
    """
    parser = _parser(program)
    options = parser.parse_known_or_fail(arguments)
    _refuse_contradictions(parser, options)
    total = _total_bytes(options.files)
    # Here, because help does not need them.
    from pinpoint_events.cli._interruption import Interruption  # noqa: PLC0415
    from pinpoint_events.cli._progress import Progress  # noqa: PLC0415
    from pinpoint_events.loader.first_look import REFUSED  # noqa: PLC0415
    from pinpoint_events.loader.loading import Plan, run_plan  # noqa: PLC0415
    from pinpoint_events.senders.url import open_sender  # noqa: PLC0415

    with (
        open_sender(options.to, application_id=options.application_id) as sender,
        Interruption() as interruption,
    ):
        progress = Progress(total)
        try:
            load = run_plan(
                Plan(options.files, options.in_flight, options.source_id),
                sender,
                checkpoint=options.checkpoint,
                rejected=options.rejected,
                destination=_place(options),
                stopping=interruption,
                reports=progress,
            )
        except LoadError as error:
            raise _for_users(error) from error.__cause__
        progress.end(load.consumed, load.totals)
        is_all_read = load.is_all_read and load.trouble is None
        # Who reads no more of it still gets the exit code.
        with suppress(console.OutputClosedError):
            console.out(_summary(load.totals, is_all_read=is_all_read))
        # Of a file that must be changed first, the error below says how to go on.
        if not is_all_read and getattr(load.trouble, "code", None) not in REFUSED:
            console.message(_how_to_go_on(options))
        if load.trouble is not None:
            raise _for_users(load.trouble)
    if not is_all_read:
        return INTERRUPTED
    return SUCCESS if load.totals.is_all_accepted else NOT_ALL_ACCEPTED


def _for_users(error: BaseException) -> BaseException:
    """Return an error in the command's words, of a class that has its exit code."""
    if not isinstance(error, LoadError):
        return error
    message = error.message
    match error.code:
        case LoadErrorCode.OUTPUT_UNWRITABLE:
            return console.OutputError(message)
        case LoadErrorCode.NOT_SETTLED:
            return SenderError(
                f"{message}; load again later, or pass --rejected FILE to write such "
                "events down and go on"
            )
        case LoadErrorCode.CHECKPOINT_OF_ANOTHER_PLACE:
            message = (
                f"{error.path!r} is of {error.place!r}, and --to is another place; "
                "pass the same place, or another checkpoint"
            )
    option = _OPTION_OF.get(error.code)
    return UsageError(message if option is None else f"argument {option}: {message}")


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Load events from files of JSON Lines to wherever a URL says, and "
        "print what\nbecame of them. A line holds one event,\n\n"
        '  {"EndpointId": "user-1", "Event": {"EventType": "tap", "Timestamp": ...}}\n'
        "\nwith EventId and Endpoint if you like, or a whole request,\n\n"
        '  {"BatchItem": {"user-1": {"Endpoint": {}, "Events": {...}}}}\n\n'
        "or a call, with the request under EventsRequest. A file may also be one JSON\n"
        "document, indented or not: one of these, or an array of them.",
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
        help="where events go: sqlite:///FILE, pinpoint://ID?region=..., ...",
    )
    add(
        "--application-id",
        metavar="ID",
        help="the Pinpoint project; may be in the URL instead",
    )
    add(
        "--rejected",
        metavar="FILE",
        help="a new file for all that was not accepted, with reason, file and line; it "
        "can be corrected and loaded in its turn",
    )
    add(
        "--checkpoint",
        metavar="FILE",
        help="a file that remembers how far it is: after a kill, the same command goes "
        "on from there",
    )
    add(
        "--in-flight",
        metavar="NUMBER",
        type=int,
        default=IN_FLIGHT,
        help=f"requests on their way at a time, from 1 to {MOST_IN_FLIGHT} "
        f"({IN_FLIGHT} if left out)",
    )
    add(
        "--source-id",
        metavar="TEXT",
        help="what new event ids are made of, beside number and text of the line; the "
        "file's first line if left out",
    )
    return parser


def _refuse_contradictions(parser: Parser, options: Namespace) -> None:
    # Here, because help does not need it.
    from pinpoint_events.senders.url import sqlite_path  # noqa: PLC0415

    number = options.in_flight
    if not 1 <= number <= MOST_IN_FLIGHT:
        parser.error(
            f"argument --in-flight: {number} is not from 1 to {MOST_IN_FLIGHT}"
        )
    if options.files.count(_STDIN) > 1:
        parser.error(f"argument FILE: {_STDIN} is given more than once")
    if options.source_id is not None and len(options.files) > 1:
        parser.error("argument --source-id: is for a single FILE, and there are more")
    if options.source_id is not None:
        _refuse_unfit(parser, options.source_id)
    # One of them would be written while it is read, or by two at once.
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


def _refuse_unfit(parser: Parser, source_id: str) -> None:
    from pinpoint_events.model._converters import has_surrogate  # noqa: PLC0415

    if not source_id:
        parser.error("argument --source-id: is empty; leave it out")
    if has_surrogate(source_id):  # as which bytes come that are no text
        parser.error("argument --source-id: is no text in UTF-8")


def _is_same(one: str, other: str) -> bool:
    with suppress(ValueError):  # no file has a name with a null character
        return os.path.realpath(one) == os.path.realpath(other)
    return False


def _place(options: Namespace) -> str:
    """
    Return where it goes, for the checkpoint: without the address of an endpoint.

    That may change between two runs, and what is behind it stay.
    """
    base, _, query = options.to.partition("?")
    kept = [each for each in query.split("&") if not each.startswith("endpoint_url=")]
    place = f"{base}?{'&'.join(kept)}" if any(kept) else base
    application_id = options.application_id
    return place if application_id is None else f"{place} ({application_id})"


def _total_bytes(files: Sequence[str]) -> int | None:
    """
    Return the bytes of all files; None if that is not known, as of pipes.

    Raises:
        UsageError: If there is no such file.
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


def _summary(totals: "Totals", *, is_all_read: bool) -> str:
    return json.dumps({**totals.to_wire(), "AllRead": is_all_read}, indent=4)


def _how_to_go_on(options: Namespace) -> str:
    if options.checkpoint is not None:
        return "not everything was loaded; the same command goes on from here"
    return (
        "not everything was loaded; load it again, which makes no second copy where "
        "ids are known"
    )
