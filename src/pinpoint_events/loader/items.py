"""What a line says, as values: endpoints with their events, and what is refused."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pinpoint_events.model._converters import required_text
from pinpoint_events.model._immutable import Refused
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Audience, Problem, ProblemCode
from pinpoint_events.wire.json_text import json_problem

__all__ = [
    "BAD_REQUEST",
    "EVENT_MEMBERS",
    "NOTES",
    "UNTOUCHED",
    "Content",
    "Item",
    "Rejection",
    "application_problems",
    "checked_name",
    "line_members",
    "rejection",
]

BAD_REQUEST: Final = 400

NOTES: Final = ("Outcome", "Code", "Message", "File", "Line")
"""The members beside an event in the file of those that were not accepted."""

EVENT_MEMBERS: Final = ("EndpointId", "EventId", "Endpoint", "Event")
"""The members of a line with one event."""

UNTOUCHED: Final = Endpoint()
"""An endpoint of which nothing is said."""


class Item(NamedTuple):
    """
    An endpoint, and events of it.

    Attributes:
        endpoint_id: Its id.
        endpoint: What is said of it; None if nothing is.
        events: Event id to event.
    """

    endpoint_id: str
    endpoint: Endpoint | None
    events: Mapping[str, Event]


class Rejection(NamedTuple):
    """
    What is not sent.

    Attributes:
        code: HTTP status that an endpoint would answer it with.
        message: What is wrong, one line for each problem.
        members: What the line says of it, as it was written; empty if that is no JSON.
        is_event: Whether it counts as an event, and not as an endpoint without events.
    """

    code: int
    message: str
    members: Mapping[str, Any]
    is_event: bool = True


class Content(NamedTuple):
    """What one line says."""

    items: tuple[Item, ...]
    rejections: tuple[Rejection, ...] = ()


def line_members(
    endpoint_id: str, event_id: str, endpoint: Any, event: Any
) -> dict[str, Any]:
    """Return an event as the members of a line."""
    values = (endpoint_id, event_id, endpoint, event)
    return dict(zip(EVENT_MEMBERS, values, strict=True))


def rejection(
    problems: Iterable[Problem], members: Mapping[str, Any], *, is_event: bool = True
) -> Rejection:
    """
    Return the rejection of what has problems.

    Args:
        problems: What is wrong with it.
        members: What the line says of it.
        is_event: Whether it counts as an event.
    """
    return Rejection(BAD_REQUEST, "\n".join(map(str, problems)), members, is_event)


def checked_name(value: Any, member: str) -> tuple[str, list[Problem]]:
    """Return a name or id, empty if it is none, and what is wrong with it."""
    # Any: the converter may refuse, which its type does not show.
    checked: Any = required_text(value)
    if type(checked) is not Refused:
        return checked, []
    return "", [
        problem.below(member)._replace(audience=Audience.JSON)
        for problem in checked.problems
    ]


def application_problems(given: Any, expected: str | None, *path: str) -> list[Problem]:
    """
    Return what is wrong with the application that a line is for.

    Args:
        given: What the line names; None if it names none.
        expected: The application that events go to; None if that is not known.
        path: Where in the line it is named.
    """
    if given is None:
        return []
    name, problems = checked_name(given, path[-1])
    if not problems and expected is not None and name != expected:
        problems = [json_problem(ProblemCode.OTHER_APPLICATION, path[-1:])]
    return [problem.below(*path[:-1]) for problem in problems]
