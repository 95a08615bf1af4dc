"""
`pinpoint-events demo`: builds a batch, and stores it in SQLite.

It sends a request that was recorded from an Android app, with ids replaced, and two
more events. All ids are constant, so that a second run shows how the store handles
events that it already has.
"""

import os
import sqlite3
from contextlib import closing
from importlib import resources
from textwrap import fill
from typing import Final

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.cli import _console as console
from pinpoint_events.cli._parser import Parser
from pinpoint_events.cli._table import table
from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.endpoint import ChannelType, Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.senders.sqlite import SqliteSender
from pinpoint_events.senders.url import sqlite_path
from pinpoint_events.wire import from_json

__all__ = ["run"]

_APPLICATION_ID: Final = "pinpoint-events-demo"
_URL: Final = "sqlite:///pinpoint-events-demo.db"
# Fixed, so that a second run repeats the events of the first.
_FIRST: Final = "2026-09-21T12:00:00.000Z"
_SECOND: Final = "2026-09-21T12:04:30.000Z"
_COLUMNS: Final = 80  # the default width of a terminal
_INDENT: Final = "   "
_ID_COLUMNS: Final = 12  # enough of a UUID to recognise it

_ENDPOINTS: Final = """
    SELECT endpoint_id, channel_type, user_id, platform, country
    FROM endpoints WHERE application_id = ? ORDER BY created_at, endpoint_id
"""
_EVENTS: Final = """
    SELECT event_id, event_type, timestamp, attributes
    FROM events WHERE application_id = ? ORDER BY sequence
"""


def run(program: str, arguments: list[str]) -> int:
    """
    Build, check and store a batch, and print the outcome.

    Returns:
        The exit code: 0.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: If the store cannot be used.
    """
    parser = Parser(
        prog=program,
        description="Build and check a small batch, store it in SQLite, and show the\n"
        "outcome. Needs no network and no AWS account, and can be run again.",
        example=program,
    )
    help_of_to = f"the store; {_URL} if left out"
    parser.add_argument("--to", metavar="URL", default=_URL, help=help_of_to)
    options = parser.parse_known_or_fail(arguments)
    path = sqlite_path(options.to)
    if path is None:
        message = "the demo shows what is in SQLite; pass sqlite:///FILE"
        parser.error(f"argument --to: {message}")
    with SqliteSender(path, application_id=_APPLICATION_ID) as sender:
        builder = _builder()
        _show_building(builder)
        _show_sending(builder.build(), sender)
    return 0


def _builder() -> BatchBuilder:
    """Return a builder with the recorded request, and two events of a customer."""
    file = resources.files(__package__).joinpath("demo-request.json")
    recorded = from_json(EventsRequest, file.read_bytes())
    builder = BatchBuilder()
    builder.add_request(recorded)
    ada = Endpoint(
        channel_type=ChannelType.EMAIL,
        address="ada@example.com",
        user=User(user_id="ada"),
    )
    return (
        builder.endpoint("customer-1", ada)
        .event(
            Event("cart.filled", timestamp=_FIRST, attributes={"sku": "A-1"}),
            event_id="event-1",
        )
        .event(
            Event("order.paid", timestamp=_SECOND, metrics={"price": 9.99}),
            event_id="event-2",
        )
    )


def _show_building(builder: BatchBuilder) -> None:
    console.out(
        "1. A request that an Android app really sent, and two events built here:\n"
        f"   {len(builder)} events, {builder.size_bytes:,} bytes, types and limits "
        "checked. One more was refused:\n"
    )
    too_long = Event("order.shipped", attributes={"note": "fragile! " * 25})
    try:
        builder.event(too_long, event_id="event-3")
    except QuotaExceededError as error:
        message = str(error)
        console.out(
            fill(message, _COLUMNS, initial_indent=_INDENT, subsequent_indent=_INDENT)
        )


def _show_sending(request: EventsRequest, sender: SqliteSender) -> None:
    _, *before = _stored(sender, _EVENTS)
    response = sender.put_events(request)
    path = repr(
        os.fspath(sender.path)
    )  # repr: a path may hold bytes that are not UTF-8
    console.out(f"\n2. Sent to {path}.\n   The answer, item by item:\n")
    answers = [("endpoint", "event", "outcome")]
    for each in response.outcomes(request):
        what = "(the endpoint)" if each.event_id is None else _short(each.event_id)
        answers.append((_short(each.endpoint_id), what, each.outcome))
    console.out(table(answers, indent=_INDENT))
    console.out("\n3. In the store, by its SQL views `endpoints` and `events`:\n")
    console.out(table(_stored(sender, _ENDPOINTS), indent=_INDENT))
    _, *after = events = _stored(sender, _EVENTS)
    console.out(f"\n{table(events, indent=_INDENT)}")
    new, count = len(after) - len(before), request.event_count
    rest = {count: ".", 0: ": all were already stored."}.get(
        new, "; the others were already stored."
    )
    console.out(
        f"\n{new} of {count} events are new{rest}\nRun the demo again, and none is new."
    )


def _stored(sender: SqliteSender, query: str) -> list[tuple[str, ...]]:
    """Return the columns' names, then the rows, as a plain SQL query gives them."""
    with closing(sqlite3.connect(sender.path)) as store:
        found = store.execute(query, (sender.application_id,))
        names = tuple(name for name, *_ in found.description)
        rows = [tuple(value or "" for value in row) for row in found]
    return [names, *((_short(row_id), *values) for row_id, *values in rows)]


def _short(name: str) -> str:
    is_long = len(name) > _ID_COLUMNS
    return f"{name[: _ID_COLUMNS - 2]}.." if is_long else name
