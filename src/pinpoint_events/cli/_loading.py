"""
The run of the loader at the command line, of `load` and of `spool replay --to`.

It prints the progress to standard error and the totals to standard output, and its end
has an exit code.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import INTERRUPTED, NOT_ALL_ACCEPTED, SUCCESS
from pinpoint_events.cli._destination import destination_errors
from pinpoint_events.cli._interruption import Interruption
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.cli._progress import Progress
from pinpoint_events.errors import LoadError, LoadErrorCode, SenderError
from pinpoint_events.loader.first_look import REFUSED
from pinpoint_events.loader.ledger import Keeper
from pinpoint_events.loader.loading import Plan, run_plan
from pinpoint_events.loader.totals import Totals
from pinpoint_events.senders.url import open_sender

__all__ = ["run_load", "summary"]

_OPTIONS: Final = {
    LoadErrorCode.CHECKPOINT_UNREADABLE: "--checkpoint",
    LoadErrorCode.CHECKPOINT_UNWRITABLE: "--checkpoint",
    LoadErrorCode.CHECKPOINT_INVALID: "--checkpoint",
    LoadErrorCode.CHECKPOINT_OF_MORE_FILES: "--checkpoint",
    LoadErrorCode.CHECKPOINT_OF_ANOTHER_PLACE: "--checkpoint",
    LoadErrorCode.REJECTED_UNUSABLE: "--rejected",
}


def summary(totals: Totals, is_all_read: bool) -> str:  # noqa: FBT001 - a callback
    """Return the totals as JSON."""
    return json.dumps({**totals.to_wire(), "AllRead": is_all_read}, indent=4)


def run_load(  # noqa: PLR0913 - each is a separate option
    plan: Plan,
    *,
    to: str,
    application_id: str | None,
    checkpoint: str | None = None,
    rejected: str | None = None,
    destination: str = "",
    total_bytes: int | None = None,
    how_to_go_on: Callable[[], str],
    summary_of: Callable[[Totals, bool], str] = summary,
    keeper: Keeper | None = None,
) -> int:
    """
    Load files, and print the totals.

    Args:
        plan: What to load.
        to: The URL of the destination.
        application_id: The application, if the URL does not name it.
        checkpoint: As for `run_plan`.
        rejected: As for `run_plan`.
        destination: As for `run_plan`.
        total_bytes: Size of all files; None if it is unknown.
        how_to_go_on: Returns what to print if not everything was read.
        summary_of: Returns the totals as text; called with whether all was read.
        keeper: As for `run_plan`.

    Returns:
        The exit code: 0 if everything was accepted, 3 if everything was read and not
        all of it accepted, 130 if the run was interrupted.

    Raises:
        UsageError: If a file cannot be read.
        PinpointEventsError: If the run cannot continue.
        OutputError: If a file cannot be written.
    """
    with (
        destination_errors(to),
        open_sender(to, application_id=application_id) as sender,
        Interruption() as interruption,
    ):
        progress = Progress(total_bytes)
        try:
            load = run_plan(
                plan,
                sender,
                checkpoint=checkpoint,
                rejected=rejected,
                destination=destination,
                stopping=interruption,
                reports=progress,
                keeper=keeper,
            )
        except LoadError as error:
            raise _command_line_error(error) from error.__cause__
        progress.end(load.consumed, load.totals)
        is_all_read = load.is_all_read and load.trouble is None
        # A closed pipe does not change the exit code.
        with suppress(console.OutputClosedError):
            console.out(summary_of(load.totals, is_all_read))
        # Of a file that must be changed first, the error below says how to go on.
        if not is_all_read and getattr(load.trouble, "code", None) not in REFUSED:
            console.message(how_to_go_on())
        if load.trouble is not None:
            raise _command_line_error(load.trouble)
    if not is_all_read:
        return INTERRUPTED
    return SUCCESS if load.totals.is_all_accepted else NOT_ALL_ACCEPTED


def _command_line_error(error: BaseException) -> BaseException:
    """Return the error in the command line's terms, of a class with its exit code."""
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
    option = _OPTIONS.get(error.code)
    return UsageError(message if option is None else f"argument {option}: {message}")
