"""
`pinpoint-events put-events`: one request, sent as `aws pinpoint put-events` sends it.

Options, precedence, output and exit codes are those of AWS CLI version 2. What differs
stands in the documentation's page on the command.
"""

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final, cast

from pinpoint_events.cli import _console as console
from pinpoint_events.cli import skeleton
from pinpoint_events.cli._parser import Parser, invalid_choice
from pinpoint_events.errors import Problem, ValidationError, outcome_text

if TYPE_CHECKING:
    from pinpoint_events.model.request import EventsRequest
    from pinpoint_events.model.response import EventsResponse
    from pinpoint_events.senders.protocol import Sender

__all__ = ["answer_text", "run"]

_OPTIONS: Final = {
    "ApplicationId": "--application-id",
    "EventsRequest": "--events-request",
}


def run(program: str, arguments: list[str]) -> int:
    """
    Send a request and print the answer.

    Returns:
        The exit code: 0 when there was an answer, also if it refuses some of the items.
        Each of those is told on standard error.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: For anything else that is.
    """
    parser = _parser(program)
    options = parser.parse_known_or_fail(arguments)
    wanted = options.generate_cli_skeleton
    if wanted not in {None, "input", "output"}:
        name = "--generate-cli-skeleton"
        parser.error(invalid_choice(name, wanted, ["input", "output"]))
    if wanted == "input":
        _refuse_bad_file(options)
        console.out(_json_text(skeleton.INPUT))
        return 0
    _refuse_missing(parser, options)
    application_id, request = _input(options)
    if wanted == "output":
        # What every sender does first.
        from pinpoint_events.put_events import refuse_over_quota  # noqa: PLC0415
        from pinpoint_events.quotas import Quotas  # noqa: PLC0415

        refuse_over_quota(request, Quotas())
        console.out(_json_text(skeleton.OUTPUT))
        return 0
    with _sender(options.to, application_id) as sender:
        response = sender.put_events(request)
    try:
        console.out(answer_text(response))
    except console.OutputClosedError:
        raise
    except console.OutputError as error:
        told = f"{error}; the request was sent, and the answer is lost"
        raise console.OutputError(told) from error
    finally:
        # Also where nobody can read the answer.
        _tell_failures(request, response)
    return 0


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Send one request of events, and print what became of each.",
        example=f"{program} --application-id my-app \\\n"
        "      --events-request file://request.json --to sqlite:///events.db",
    )
    add = parser.add_argument
    add(
        "--application-id",
        metavar="ID",
        help="the Pinpoint project; may stand in the URL of --to instead",
    )
    add(
        "--events-request",
        metavar="JSON",
        help="the request, as JSON or as file://PATH",
    )
    add(
        "--cli-input-json",
        metavar="JSON",
        help="both of the above in one object, ApplicationId and EventsRequest, as "
        "JSON or as file://PATH; what is given by its own option replaces what "
        "stands here",
    )
    add(
        "--generate-cli-skeleton",
        metavar="WHICH",
        nargs="?",
        const="input",
        help="send nothing; print all members of the input (`input`, or nothing), or "
        "check the input and print a sample of an answer (`output`)",
    )
    add(
        "--to",
        metavar="URL",
        help="where to send: pinpoint://ID?region=..., sqlite:///FILE, ...; the "
        "service itself if left out",
    )
    return parser


def _refuse_bad_file(options: Namespace) -> None:
    if options.cli_input_json is not None:
        from pinpoint_events.cli._input import json_value  # noqa: PLC0415

        json_value("cli-input-json", options.cli_input_json)


def _refuse_missing(parser: Parser, options: Namespace) -> None:
    if options.cli_input_json is not None:
        return  # what is missing may stand there
    missing = []
    if options.application_id is None and options.to is None:
        missing.append("--application-id")
    if options.events_request is None:
        missing.append("--events-request")
    if missing:
        told = f"the following arguments are required: {', '.join(missing)}"
        parser.error(told)


def _input(options: Namespace) -> "tuple[str | None, EventsRequest]":
    """
    Return the application id, None if it is left to the URL, and the request.

    Raises:
        UsageError: If something cannot be read.
        ValidationError: With all that is wrong with what was read.
    """
    # Here, not above: a skeleton is printed without them.
    from pinpoint_events.model._converters import required_text  # noqa: PLC0415
    from pinpoint_events.model._immutable import Refused  # noqa: PLC0415
    from pinpoint_events.model.request import EventsRequest  # noqa: PLC0415
    from pinpoint_events.wire import from_wire  # noqa: PLC0415

    members, problems = _members(options)
    # Any: the converter may refuse, which its type does not show.
    application_id: Any = members.get("ApplicationId")
    if application_id is not None:
        application_id = required_text(application_id)
        if type(application_id) is Refused:
            problems += [
                each.below("ApplicationId") for each in application_id.problems
            ]
    elif options.to is None:
        problems.append(_missing("ApplicationId"))
    request = None
    if members.get("EventsRequest") is None:
        problems.append(_missing("EventsRequest"))
    else:
        try:
            request = from_wire(EventsRequest, members["EventsRequest"])
        except ValidationError as error:
            problems += [each.below("EventsRequest") for each in error.problems]
    if request is None or problems:
        raise ValidationError(problems)
    return application_id, request


def _members(options: Namespace) -> tuple[dict[str, Any], list[Problem]]:
    """Return the two values, as they were given, and what is wrong beside them."""
    from pinpoint_events.cli._input import json_value, text_value  # noqa: PLC0415

    members: dict[str, Any] = {}
    problems = []
    if options.cli_input_json is not None:
        members = json_value("cli-input-json", options.cli_input_json)
        choices = f"one of {', '.join(_OPTIONS)}"
        problems = [
            Problem((key,), "is not known", choices)
            for key in members
            if key not in _OPTIONS
        ]
        twice = getattr(members, "keys_twice", ())
        problems += [Problem((key,), "stands twice", "", "drop one") for key in twice]
    if options.application_id is not None:
        given = text_value("--application-id", options.application_id)
        # A file that holds one line ends with a line break, which belongs to no id.
        members["ApplicationId"] = given.rstrip("\r\n")
    if options.events_request is not None:
        members["EventsRequest"] = json_value(
            "--events-request", options.events_request
        )
    return members, problems


def _missing(member: str) -> Problem:
    remedy = f"pass {_OPTIONS[member]}, or {member} in --cli-input-json"
    return Problem((member,), "is missing", "", remedy)


def _sender(url: str | None, application_id: str | None) -> "Sender":
    """Return the sender to the URL; to the service, by the AWS settings, if None."""
    if url is not None:
        from pinpoint_events.senders.url import open_sender  # noqa: PLC0415

        return open_sender(url, application_id=application_id)
    from pinpoint_events.senders.pinpoint import PinpointSender  # noqa: PLC0415

    # `_input` refused None where there is no URL.
    return PinpointSender(cast("str", application_id))


def answer_text(response: "EventsResponse") -> str:
    """
    Return an answer as the AWS CLI prints it.

    Members stand in alphabetical order, as in botocore's description of the service. A
    bare status code, over which the AWS CLI stumbles, stands as it came.
    """
    from pinpoint_events.wire import to_wire  # noqa: PLC0415

    answer = to_wire(response)
    for item in answer.get("Results", {}).values():
        if not isinstance(item, dict):
            continue
        if "EndpointItemResponse" in item:
            of_endpoint = item["EndpointItemResponse"]
            item["EndpointItemResponse"] = _in_alphabetical_order(of_endpoint)
        of_events = item.get("EventsItemResponse", {})
        for event_id, of_event in of_events.items():
            of_events[event_id] = _in_alphabetical_order(of_event)
    return _json_text({"EventsResponse": answer})


def _in_alphabetical_order(members: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(members.items()))


def _json_text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=4, ensure_ascii=False)


def _tell_failures(request: "EventsRequest", response: "EventsResponse") -> None:
    """Tell of each item that was not accepted, in one line."""
    from pinpoint_events.model.response import failures  # noqa: PLC0415

    for each in failures(response, request):
        console.message(outcome_text(each))
