"""
The words for users of `put-events`: those of JSON, opened as the AWS CLI opens its own.

The AWS CLI says what is missing, unknown or of a wrong type in three sentences (AWS CLI
version 2, botocore's `ParamValidationError`); scripts that look for them find them here
too. Its names of types are Python's.
"""

from typing import Final

from pinpoint_events.problems._codes import ProblemCode as C
from pinpoint_events.problems._paths import aws_cli_path_text, shortened
from pinpoint_events.problems._problem import Problem, Words
from pinpoint_events.problems.catalogues._json import JSON
from pinpoint_events.problems.catalogues._shared import expected, shown

__all__ = ["COMMAND_LINE", "command_line_sentence"]

_LOAD: Final = "send it in parts, or as JSON Lines with `pinpoint-events load`"

COMMAND_LINE: Final = JSON._replace(
    templates={
        **JSON.templates,
        C.NOT_JSON: Words("Invalid JSON: {actual} at {position}"),
        C.NOT_UTF8: Words("Invalid JSON: not UTF-8 at byte {byte}"),
        C.JSON_TOO_DEEP: Words("Invalid JSON: nested too deeply"),
        C.JSON_NUMBER_TOO_LONG: Words(
            "Invalid JSON: it has a number of thousands of digits"
        ),
        C.JSON_CONSTANT: Words("Invalid JSON: {actual} is no number"),
        C.TOO_MANY_EVENTS: JSON.templates[C.TOO_MANY_EVENTS]._replace(remedy=_LOAD),
        C.TOO_MANY_ENDPOINTS: JSON.templates[C.TOO_MANY_ENDPOINTS]._replace(
            remedy=_LOAD
        ),
        C.REQUEST_TOO_LARGE: JSON.templates[C.REQUEST_TOO_LARGE]._replace(remedy=_LOAD),
    },
)

# Members of the whole input, which options can give as well.
_OPTIONS: Final = {
    "ApplicationId": "--application-id",
    "EventsRequest": "--events-request",
}


def command_line_sentence(problem: Problem) -> str:
    """Return a problem in one line."""
    words = COMMAND_LINE.words(problem)
    limit, remedy = expected(problem, words), words.remedy
    if not problem.path:
        return "; ".join(filter(None, (words.problem, limit, remedy)))
    where = aws_cli_path_text(problem.path)
    parent = aws_cli_path_text(problem.path[:-1]) or "input"
    name = f'"{shortened(str(problem.path[-1]))[1:-1]}"'
    opening = f"{where}: {words.problem}"
    match problem.code:
        case C.MISSING | C.MISSING_CHANNEL_TYPE:
            opening = f"Missing required parameter in {parent}: {name}"
            if problem.path[0] in _OPTIONS and len(problem.path) == 1:
                option = _OPTIONS[str(problem.path[0])]
                limit = ""
                remedy = f"pass {option}, or {problem.path[0]} in --cli-input-json"
        case C.UNKNOWN_KEY | C.WRAPPED_REQUEST:
            choices = shown(problem.allowed)
            opening = (
                f"Unknown parameter in {parent}: {name}, must be one of: {choices}"
            )
            limit = ""
            if problem.path == ("BatchItem",):
                remedy = "pass what holds it with --events-request"
        case (
            C.WRONG_TYPE
            | C.WRONG_TYPE_OF_VALUE
            | C.BARE_TEXT
            | C.NUMBER_AS_TIME
            | C.NOT_AN_OBJECT
        ):
            opening = (
                f"Invalid type for parameter {where}, type: <class '{problem.actual}'>"
            )
    return "; ".join(filter(None, (opening, limit, remedy)))
