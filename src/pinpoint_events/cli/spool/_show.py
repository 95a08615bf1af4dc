"""The action `show`: the items of a spool, without their content."""

import json
from argparse import Namespace
from itertools import islice
from typing import Any

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import SUCCESS
from pinpoint_events.cli._parser import Parser
from pinpoint_events.cli._table import table
from pinpoint_events.cli.spool import _options as shared
from pinpoint_events.recorder.items import Item
from pinpoint_events.recorder.operators import DeadLetter, KindCounts, SpoolFile

__all__ = ["run"]

_LIMIT = 100
_COLUMNS = {
    "RejectedAt": "rejected",
    "RecordedAt": "recorded",
    "EndpointId": "endpoint",
    "EventId": "event",
    "EventType": "type",
    "Attempts": "attempts",
    "Code": "code",
    "Message": "message",
    "Content": "content",
}


def run(program: str, arguments: list[str]) -> int:
    """
    Print items.

    Returns:
        The exit code: 0.
    """
    parser = _parser(program)
    options = shared.parsed(parser, arguments)
    if options.limit < 1:
        parser.error(f"argument --limit: {options.limit} is not at least 1")
    with shared.opened(options.path, writes=False) as spool:
        total, rows = _read(spool, options)
    count = sum(total)
    if options.output == "json":
        console.out(shared.json_text({"Total": count, "Items": rows}))
    elif rows:
        names = [name for name in _COLUMNS if name in rows[0]]
        cells = [[_cell(row[name]) for name in names] for row in rows]
        console.out(table([[_COLUMNS[name] for name in names], *cells]))
    else:
        console.out("no pending items" if options.pending else "no dead letters")
    if len(rows) < count:
        console.message(
            f"{len(rows):,} of {count:,} items; --limit NUMBER shows more, and export "
            "writes all"
        )
    return SUCCESS


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Show the dead letters of a spool: what was rejected for good, "
        "with code and\nmessage. Their content is shown only if you ask for it.",
        example=f"{program} events.spool --code 400 --limit 10",
    )
    add = parser.add_argument
    shared.add_path(parser)
    add("--pending", action="store_true", help="show what is pending instead")
    shared.add_selection(parser)
    add(
        "--limit",
        metavar="NUMBER",
        type=int,
        default=_LIMIT,
        help=f"how many items, the oldest first (default: {_LIMIT})",
    )
    add(
        "--content",
        action="store_true",
        help="show what the events and endpoints hold, too: it may be personal data",
    )
    shared.add_output(parser)
    return parser


def _read(
    spool: SpoolFile, options: Namespace
) -> tuple[KindCounts, list[dict[str, Any]]]:
    """Return how many items there are, and the first of them."""
    chosen = shared.selected(options)
    if options.pending:
        total, _ = spool.count_pending(chosen)
        return total, [
            _item(each, with_content=options.content)
            for each in islice(spool.pending(chosen), options.limit)
        ]
    total, _ = spool.count_rejected(chosen)
    return total, [
        _dead_letter(each, with_content=options.content)
        for each in islice(spool.rejected(chosen), options.limit)
    ]


def _item(item: Item, *, with_content: bool) -> dict[str, Any]:
    content = _content_of(item)
    is_object = isinstance(content, dict)
    row = {
        "RecordedAt": shared.time_of(item.recorded_at),
        "EndpointId": item.endpoint_id,
        "EventId": item.event_id,
        "EventType": content.get("EventType") if is_object else None,
        "Attempts": item.attempts,
    }
    return {**row, "Content": content} if with_content else row


def _dead_letter(dead_letter: DeadLetter, *, with_content: bool) -> dict[str, Any]:
    item, refusal, refused_at = dead_letter
    return {
        "RejectedAt": shared.time_of(refused_at),
        **_item(item, with_content=with_content),
        "Code": refusal.code,
        "Message": refusal.message,
    }


def _content_of(item: Item) -> Any:
    try:
        return json.loads(item.text)
    except ValueError:
        return item.text  # it may have been rejected for that


def _cell(value: Any) -> str | int:
    if isinstance(value, int):
        return value
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return console.printable(" ".join(text.split()))
