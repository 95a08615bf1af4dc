"""The action `replay`: dead letters are sent again."""

from argparse import Namespace
from typing import BinaryIO, cast

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import SUCCESS
from pinpoint_events.cli._parser import Parser, UsageError
from pinpoint_events.cli._table import table
from pinpoint_events.cli.spool import _options as shared
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.loader.limits import IN_FLIGHT
from pinpoint_events.loader.totals import Totals
from pinpoint_events.recorder.operators import SpoolFile
from pinpoint_events.senders.protocol import DEFAULT_APPLICATION_ID

__all__ = ["run"]


def run(program: str, arguments: list[str]) -> int:
    """
    Send dead letters again.

    Returns:
        The exit code: 0 without `--to`; with it, as of `load`.
    """
    parser = _parser(program)
    options = shared.parsed(parser, arguments)
    if options.application_id is not None and options.to is None:
        parser.error("argument --application-id: is for --to, which is missing")
    with shared.opened(options.path, writes=True) as spool:
        if options.to is None:
            return _put_back(spool, options)
        return _send(spool, options)


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Put dead letters back into the queue, so that the application "
        "sends them again,\nbehind all that is pending.\n\n"
        "With --to they are sent from here instead, as `load` sends the events of\n"
        "files. Those that are accepted then count as delivered; all others stay dead\n"
        "letters.",
        example=f"{program} events.spool --code 400",
    )
    add = parser.add_argument
    shared.add_path(parser)
    shared.add_selection(parser)
    add(
        "--to",
        metavar="URL",
        help="a destination to send to now: sqlite:///FILE, pinpoint://ID?region=..., "
        "...",
    )
    add(
        "--application-id",
        metavar="ID",
        help="the application to send to (default: the spool's)",
    )
    shared.add_output(parser)
    return parser


def _put_back(spool: SpoolFile, options: Namespace) -> int:
    counts = spool.put_back(shared.selected(options))
    if options.output == "json":
        console.out(shared.json_text({"PutBack": shared.counts_json(counts)}))
    else:
        console.out(shared.counts_table({"put back": counts}))
    if sum(counts) and not spool.is_delivering:
        console.message(
            "no process delivers now; they are sent once the application runs, or "
            "another that calls Recorder.start()"
        )
    return SUCCESS


def _send(spool: SpoolFile, options: Namespace) -> int:
    application_id = _application_id(spool, options)
    # Imported here: --help should not pay for importing them.
    from pinpoint_events.cli import _loading  # noqa: PLC0415
    from pinpoint_events.loader.loading import Plan  # noqa: PLC0415
    from pinpoint_events.recorder.spool_lines import DeadLetterLines  # noqa: PLC0415

    lines = DeadLetterLines(spool, shared.selected(options))
    name = f"dead letters of {options.path}"
    summary = _loading.summary if options.output == "json" else _table
    return _loading.run_load(
        # A cast: the loader reads a binary file by the methods that a raw one has.
        Plan([name], IN_FLIGHT, streams={0: cast("BinaryIO", lines)}),
        to=options.to,
        application_id=application_id,
        how_to_go_on=_how_to_go_on,
        summary_of=summary,
        keeper=lines,
    )


def _application_id(spool: SpoolFile, options: Namespace) -> str | None:
    """
    Return the application to send to, which is the spool's unless an option says.

    Raises:
        UsageError: If the URL names another one.
        ConfigurationError: If the URL is invalid.
    """
    from pinpoint_events.senders.url import application_of  # noqa: PLC0415

    own = spool.application_id
    if options.application_id is not None or own in {None, DEFAULT_APPLICATION_ID}:
        given: str | None = options.application_id
        return given
    try:
        application_of(options.to, own)
    except ConfigurationError:
        application_of(options.to, None)  # raises what is wrong with the URL itself
        raise UsageError(
            f"argument --to: names another application than the spool's, {own!r}; "
            "pass --application-id too, to send there all the same"
        ) from None
    return own


def _how_to_go_on() -> str:
    return (
        "not everything was sent; what was not accepted is still in the spool, so the "
        "same command goes on from here"
    )


def _table(totals: Totals, is_all_read: bool) -> str:  # noqa: FBT001 - a callback
    kinds = {"events": totals.events, "endpoints": totals.endpoints}
    names = ["", *totals.events.to_wire()]
    rows: list[list[str | int]] = [
        [name, *counts.to_wire().values()] for name, counts in kinds.items()
    ]
    text = table([[name.lower() for name in names], *rows])
    return text if is_all_read else f"{text}\nnot all were read"
