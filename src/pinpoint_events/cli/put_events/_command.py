"""Runs `put-events`: parses options, sends the request, prints the response."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import INPUT_IS_WRONG, NOT_ALL_ACCEPTED, SUCCESS
from pinpoint_events.cli.put_events import skeleton
from pinpoint_events.cli.put_events._options import parsed
from pinpoint_events.cli.put_events._output import Output, chosen_output
from pinpoint_events.errors import outcome_text

if TYPE_CHECKING:
    from pinpoint_events.model.request import EventsRequest
    from pinpoint_events.model.response import EventsResponse

__all__ = ["run"]


def run(program: str, arguments: list[str]) -> int:
    """
    Send a request and print the answer, or print a skeleton or a plan.

    Returns:
        The exit code: 0 if there is a response, even if some items were not accepted;
        3 in that case with `--fail-on-item-error`. Standard error has a line for each
        of these items.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: If anything else is wrong.
    """
    options = parsed(program, arguments)
    if options.generate_cli_skeleton in {"input", "yaml-input"}:
        return _print_input_skeleton(options)
    output = chosen_output(options)
    # Imported here: a skeleton should not pay for importing it.
    from pinpoint_events.cli.put_events._input import checked_input  # noqa: PLC0415

    application_id, request = checked_input(options)
    if options.dry_run:
        return _print_plan(request, output)
    if options.generate_cli_skeleton == "output":
        return _print_output_skeleton(options, application_id, request, output)
    return _send(options, application_id, request, output)


def _print_input_skeleton(options: Namespace) -> int:
    from pinpoint_events.cli.put_events._input import members  # noqa: PLC0415

    members(options)  # raises if the input cannot be read
    if options.generate_cli_skeleton == "input":
        console.out(Output().text(skeleton.INPUT))
    else:
        console.out(skeleton.input_as_yaml())
    return SUCCESS


def _print_output_skeleton(
    options: Namespace,
    application_id: str | None,
    request: "EventsRequest",
    output: Output,
) -> int:
    """Make all checks that need no sending, and print a sample answer."""
    from pinpoint_events.quotas import Quotas, refuse_over_quota  # noqa: PLC0415

    if options.to is None:
        from pinpoint_events.cli.put_events._sender import to_service  # noqa: PLC0415

        with to_service(options, application_id):
            pass
    refuse_over_quota(request, Quotas())
    _print(output, skeleton.OUTPUT)
    return SUCCESS


def _print_plan(request: "EventsRequest", output: Output) -> int:
    from pinpoint_events.cli.put_events._dry_run import plan  # noqa: PLC0415

    found = plan(request)
    _print(output, {"Plan": found})
    return INPUT_IS_WRONG if found["Faults"] else SUCCESS


def _send(
    options: Namespace,
    application_id: str | None,
    request: "EventsRequest",
    output: Output,
) -> int:
    from pinpoint_events.cli.put_events._answer import answer_data  # noqa: PLC0415
    from pinpoint_events.cli.put_events._log import debug_log  # noqa: PLC0415
    from pinpoint_events.cli.put_events._sender import sender_to  # noqa: PLC0415

    with (
        debug_log(request, is_enabled=options.debug),
        sender_to(options, application_id) as (sender, response_bodies),
    ):
        response = sender.put_events(request)
    try:
        _print(output, answer_data(response, response_bodies))
    except console.OutputClosedError:
        pass  # the request was sent; only the output is cut off
    except console.OutputError as error:
        message = f"{error}; the request was sent, and the answer is lost"
        raise console.OutputError(message) from error
    finally:
        # Also if the response cannot be printed.
        has_failures = _report_failures(request, response)
    return NOT_ALL_ACCEPTED if has_failures and options.fail_on_item_error else SUCCESS


def _print(output: Output, data: dict[str, Any]) -> None:
    text = output.text(data)
    if text:
        console.out(text)


def _report_failures(request: "EventsRequest", response: "EventsResponse") -> bool:
    """Print a line for each item that was not accepted; return whether there is one."""
    from pinpoint_events.model.response import failures  # noqa: PLC0415

    failed = failures(response, request)
    for each in failed:
        console.message(outcome_text(each))
    return bool(failed)
