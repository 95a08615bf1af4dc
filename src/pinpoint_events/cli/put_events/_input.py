"""Reads the application id and the request from the options that give input."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from pinpoint_events.cli.put_events._values import (
    json_object,
    parameter_error,
    read_value,
    text_value,
)
from pinpoint_events.errors import ValidationError
from pinpoint_events.problems import Audience, Problem, ProblemCode

if TYPE_CHECKING:
    from pinpoint_events.model.request import EventsRequest

__all__ = ["checked_input", "members"]

_MEMBERS: Final = ("ApplicationId", "EventsRequest")


def checked_input(options: Namespace) -> "tuple[str | None, EventsRequest]":
    """
    Return the application id, None if only the URL names it, and the request.

    Raises:
        UsageError: If an option's value cannot be read.
        ValidationError: If the input is invalid, with all problems; of a dry run, with
            the quotas that it exceeds as well.
    """
    # Imported here: a skeleton should not pay for importing them.
    from pinpoint_events.model._converters import required_text  # noqa: PLC0415
    from pinpoint_events.model._immutable import Refused  # noqa: PLC0415
    from pinpoint_events.model.request import EventsRequest  # noqa: PLC0415
    from pinpoint_events.wire import from_wire  # noqa: PLC0415
    from pinpoint_events.wire.json_text import json_problem  # noqa: PLC0415
    from pinpoint_events.wire.reading_requests import repeated_keys  # noqa: PLC0415

    found = members(options)
    problems = [
        json_problem(ProblemCode.UNKNOWN_KEY, (key,), allowed=_MEMBERS)
        for key in found
        if key not in _MEMBERS
    ]
    problems += repeated_keys(found, ProblemCode.DUPLICATE_MEMBER)
    # Any: the converter may return `Refused`, which its annotation does not show.
    application_id: Any = found.get("ApplicationId")
    if application_id is not None:
        application_id = required_text(application_id)
        if type(application_id) is Refused:
            problems += [
                each.below("ApplicationId")._replace(audience=Audience.JSON)
                for each in application_id.problems
            ]
    elif options.to is None and not options.dry_run:
        problems.append(json_problem(ProblemCode.MISSING, ("ApplicationId",)))
    request = None
    if found.get("EventsRequest") is None:
        problems.append(json_problem(ProblemCode.MISSING, ("EventsRequest",)))
    else:
        try:
            request = from_wire(EventsRequest, found["EventsRequest"])
        except ValidationError as error:
            problems += [each.below("EventsRequest") for each in error.problems]
    if request is None or problems:
        if options.dry_run:
            problems += _quota_problems(found.get("EventsRequest"))
        raise ValidationError(problems)
    return application_id, request


def _quota_problems(request: Any) -> list[Problem]:
    from pinpoint_events.data_quotas import of_request_data  # noqa: PLC0415
    from pinpoint_events.quotas import Quotas  # noqa: PLC0415

    found = of_request_data(request, Quotas())
    return [each.below("EventsRequest") if each.path else each for each in found]


def members(options: Namespace) -> dict[str, Any]:
    """
    Return the input's members by name, unchecked.

    As in the AWS CLI, the option of a member replaces that member of `--cli-input-json`
    or `--cli-input-yaml`.

    Raises:
        UsageError: If an option's value cannot be read.
    """
    found: dict[str, Any] = {}
    if options.cli_input_json is not None:
        name = "cli-input-json"
        found = json_object(name, read_value(name, options.cli_input_json))
    elif options.cli_input_yaml is not None:
        from pinpoint_events.cli.put_events._yaml import yaml_object  # noqa: PLC0415

        name = "cli-input-yaml"
        found = yaml_object(name, read_value(name, options.cli_input_yaml))
    if options.application_id is not None:
        value = text_value("--application-id", options.application_id)
        # A text file ends with a line break, which is not part of the id.
        found["ApplicationId"] = value.rstrip("\r\n")
    if options.events_request is not None:
        name = "--events-request"
        found["EventsRequest"] = _structure(
            name, read_value(name, options.events_request)
        )
    return found


def _structure(option: str, text: str) -> dict[str, Any]:
    """Parse JSON if the text begins with { or [, and else shorthand syntax."""
    if text.lstrip().startswith(("{", "[")):
        return json_object(option, text, not_an_object="Invalid JSON")
    import pinpoint_events.cli.put_events._shorthand as shorthand  # noqa: PLC0415
    from pinpoint_events.cli.put_events import skeleton  # noqa: PLC0415

    try:
        found = shorthand.parsed(text, lambda value: text_value(option, value))
    except shorthand.ShorthandSyntaxError as problem:
        message = f"{problem}; {_remedy(text)}"
    else:
        model = skeleton.INPUT["EventsRequest"]
        return {key: shorthand.with_types(found[key], model.get(key)) for key in found}
    raise parameter_error(option, message)


def _remedy(text: str) -> str:
    """Return the remedy for a text that is neither JSON nor shorthand syntax."""
    if not text.strip():
        return "there is nothing in it; pass JSON, shorthand syntax, or file://PATH"
    if text.lstrip("'\" \t").startswith("{"):
        return "JSON begins with {; leave out the quotes that this shell passes on"
    return "pass JSON, shorthand syntax, or file://PATH for what stands in a file"
