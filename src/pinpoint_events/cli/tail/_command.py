"""Reads the command line of `tail`, and prints records until it ends."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._ago import length_of
from pinpoint_events.cli._codes import INTERRUPTED, SUCCESS
from pinpoint_events.cli._destination import destination_errors
from pinpoint_events.cli._parser import Parser
from pinpoint_events.get_records import FROM_NOW, FROM_START, Position, from_time

if TYPE_CHECKING:
    from pinpoint_events.get_records import ReadRecord

__all__ = ["run"]

_FORMATS: Final = ("line", "json")
# A stream keeps records for 365 days at most (Amazon Kinesis developer guide, "Changing
# the data retention period"). Times long before are none to Python, or to the service.
_LONGEST_AGO: Final = timedelta(days=366)


def run(program: str, arguments: list[str]) -> int:
    """
    Print records until interrupted, or until there are as many as wanted.

    Returns:
        The exit code: 0 if it ended by itself, 130 if it was interrupted.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: If the stream cannot be read.
        OutputError: If standard output cannot be written.
    """
    parser = _parser(program)
    options = parser.parse_known_or_fail(arguments)
    start = _position(parser, options.since)
    if options.count is not None and options.count < 1:
        parser.error(f"argument --count: {options.count} is not at least 1")
    if options.format not in _FORMATS:
        parser.error("argument --format: is neither line nor json; pass one of them")
    # Imported here: --help should not pay for importing them.
    from pinpoint_events.cli._interruption import Interruption  # noqa: PLC0415
    from pinpoint_events.cli.tail._lines import (  # noqa: PLC0415
        event_lines,
        json_lines,
    )
    from pinpoint_events.loader.stopping import Interrupted  # noqa: PLC0415
    from pinpoint_events.readers.kinesis import KinesisReader  # noqa: PLC0415
    from pinpoint_events.senders.url import kinesis_stream  # noqa: PLC0415

    stream, of_url = kinesis_stream(options.stream)
    event_id_attribute = of_url.get("event_id_attribute")

    def lines(record: "ReadRecord") -> Iterator[str]:
        if options.format == "json":
            return json_lines(record)
        return event_lines(record, event_id_attribute)

    left = options.count
    with destination_errors(options.stream):
        opened = KinesisReader(
            stream,
            start=start,
            region=of_url.get("region"),
            endpoint_url=of_url.get("endpoint_url"),
        )
    with opened as reader, Interruption() as interruption:
        while not (options.no_follow and reader.is_at_tip):
            try:
                records = interruption.during(
                    lambda: reader.read(lambda: interruption.is_received)
                )
            except Interrupted:
                return INTERRUPTED
            # Out here, so that no line is cut.
            for line in (line for record in records for line in lines(record)):
                console.out(line)
                if left is not None and (left := left - 1) == 0:
                    return SUCCESS
    return SUCCESS


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Show the records of a Kinesis stream as they come, also those "
        "that are packed\nby aggregation. Ctrl-C ends it.",
        example=f"{program} 'kinesis://events?region=eu-west-1' --since 10m",
    )
    add = parser.add_argument
    add(
        "stream",
        metavar="URL",
        help="the stream, as in --to of other commands: kinesis://STREAM?region=...",
    )
    add(
        "--since",
        metavar="WHEN",
        default="now",
        help="where to begin: now, start, a time with a zone as in "
        "2026-11-29T09:30:00Z, or how long ago as in 30s, 10m, 2h and 1d (default: "
        "now)",
    )
    add(
        "--format",
        metavar="FORMAT",
        default="line",
        help="line: time, type, endpoint, event id, attributes and metrics of each "
        "event; json: each record as it is, in a line (default: line)",
    )
    add(
        "--count",
        metavar="NUMBER",
        type=int,
        help="end after so many lines",
    )
    add(
        "--no-follow",
        action="store_true",
        help="end when all that is there has been read",
    )
    return parser


def _position(parser: Parser, since: str) -> Position:
    if since in {"now", "start"}:
        return FROM_NOW if since == "now" else FROM_START
    length = length_of(since)
    if length is not None:
        return from_time(datetime.now(UTC) - min(length, _LONGEST_AGO))
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        parser.error(
            "argument --since: is no time with a zone; pass now, start, a time as in "
            "2026-11-29T09:30:00Z, or how long ago as in 10m"
        )
    return from_time(max(moment, datetime.now(UTC) - _LONGEST_AGO))
