"""The action `export`: items as JSON Lines, for `load`."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import SUCCESS
from pinpoint_events.cli._parser import Parser, UsageError
from pinpoint_events.cli.spool import _options as shared
from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.rejects_file import RejectsFile
from pinpoint_events.recorder.items import Item, Refusal, count_kinds
from pinpoint_events.recorder.operators import KindCounts, Selection, SpoolFile
from pinpoint_events.recorder.spool_lines import line_of

__all__ = ["run"]

_AT_A_TIME: Final = 500  # lines in a write
_STDOUT: Final = "-"


def run(program: str, arguments: list[str]) -> int:
    """
    Write items.

    Returns:
        The exit code: 0.
    """
    parser = _parser(program)
    options = shared.parsed(parser, arguments)
    is_all = not options.pending and not options.rejected
    with shared.opened(options.path, writes=False) as spool:
        items = _items(
            spool,
            shared.selected(options),
            with_rejected=options.rejected or is_all,
            # Only dead letters have a code.
            with_pending=options.pending or (is_all and not options.code),
        )
        if options.file in {None, _STDOUT}:
            counts = _write(
                items, lambda lines: console.out(b"\n".join(lines).decode())
            )
        else:
            counts = _write_file(options.file, items)
    console.message(f"{shared.in_words(counts)} exported")
    return SUCCESS


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Write the items of a spool as JSON Lines, in the form that "
        "`pinpoint-events\nload` reads: dead letters, then what is pending. Nothing "
        "is removed. Lines of\ndead letters also have the members Outcome, Code and "
        "Message, which `load`\npasses over.",
        example=f"{program} events.spool --rejected --file rejected.jsonl",
    )
    add = parser.add_argument
    shared.add_path(parser)
    add("--pending", action="store_true", help="only what is pending")
    add("--rejected", action="store_true", help="only dead letters")
    shared.add_selection(parser)
    add(
        "--file",
        metavar="FILE",
        help="a new file to write, for its owner's eyes only (default: standard "
        "output)",
    )
    return parser


def _items(
    spool: SpoolFile, chosen: Selection, *, with_rejected: bool, with_pending: bool
) -> Iterator[tuple[Item, Refusal | None]]:
    if with_rejected:
        for item, refusal, _ in spool.rejected(chosen):
            yield item, refusal
    if with_pending:
        for item in spool.pending(chosen):
            yield item, None


def _write(
    items: Iterator[tuple[Item, Refusal | None]],
    write: Callable[[list[bytes]], object],
) -> KindCounts:
    events = endpoints = 0
    while part := list(islice(items, _AT_A_TIME)):
        write([line_of(*each) for each in part])
        more_events, more_endpoints = count_kinds(item for item, _ in part)
        events += more_events
        endpoints += more_endpoints
    return KindCounts(events, endpoints)


def _write_file(path: str, items: Iterator[tuple[Item, Refusal | None]]) -> KindCounts:
    try:
        with RejectsFile(path, None) as file:

            def write(lines: list[bytes]) -> None:
                for line in lines:
                    file.write_line(line)

            counts = _write(items, write)
            file.sync()
    except LoadError as error:
        if error.code is LoadErrorCode.REJECTED_UNUSABLE:
            raise UsageError(f"argument --file: {error.message}") from error.__cause__
        raise console.OutputError(error.message) from error.__cause__
    return counts
