"""
What one line says: endpoints with their events, and what of it is refused.

A line holds one event, a whole request, a call with a request in it, or a record of
Pinpoint's event stream. What is refused
is reported with all its problems.
"""

import hashlib
import uuid
from typing import Any, Final, TypeVar

from pinpoint_events.data_quotas import of_endpoint, of_endpoint_data, of_event_data
from pinpoint_events.errors import ValidationError
from pinpoint_events.loader.items import (
    EVENT_MEMBERS,
    NOTES,
    UNTOUCHED,
    Content,
    Item,
    Rejection,
    checked_name,
    rejection,
)
from pinpoint_events.loader.lines import Line
from pinpoint_events.loader.records import MAX_BYTES, is_stream_record, layout_problem
from pinpoint_events.loader.requests import (
    CALL_MEMBER,
    REQUEST_MEMBER,
    call_content,
    request_content,
)
from pinpoint_events.loader.stream_records import stream_content
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire import from_wire
from pinpoint_events.wire.json_text import decode_request, json_problem
from pinpoint_events.wire.reading_requests import repeated_keys, unknown_key

__all__ = ["EventIds", "content"]

T = TypeVar("T")

_TOO_LARGE: Final = 413

_KNOWN: Final = (*EVENT_MEMBERS, REQUEST_MEMBER, CALL_MEMBER)
_NAMESPACE: Final = uuid.UUID("8b5f2d4e-6c1a-4f7b-9a33-0d2e57c1f6b8")


class EventIds:
    """
    Makes ids that are the same whenever a file is loaded.

    Each is a UUID, version 5 (RFC 9562), of the file's identity, the line's number and
    its text; in a document, of the number and text of the record; where records run
    together in a line, of the byte at which one begins as well. With the text in it,
    two files that begin alike do not take each other's ids for events that differ.
    """

    def __init__(self, identity: str) -> None:
        """Make ids for the lines of one file."""
        namespace = uuid.uuid5(_NAMESPACE, identity)
        self._hash = hashlib.sha1(namespace.bytes, usedforsecurity=False)

    def of(self, line: Line) -> str:
        """Return the id of the event in a line."""
        hashed = self._hash.copy()
        hashed.update(b"%d " % (line.record or line.number))
        if line.offset is not None:
            hashed.update(b"%d " % line.offset)
        hashed.update(line.text)
        # Not by `uuid.UUID`, which takes three times as long.
        digits = hashed.hexdigest()
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}"
            f"-{variant}{digits[17:20]}-{digits[20:32]}"
        )


def content(
    line: Line, ids: EventIds, quotas: Quotas, application_id: str | None = None
) -> Content:
    """
    Return what a line says.

    Args:
        line: The line; not a blank one.
        ids: Makes the id of an event that has none.
        quotas: The limits of endpoints; those of events are the builder's.
        application_id: The application that events go to; None if that is not known.
    """
    data = _record(line)
    if isinstance(data, Rejection):
        return Content((), (data,))
    for note in NOTES:
        # So that the file of what was not accepted can itself be loaded.
        data.pop(note, None)
    if is_stream_record(data):
        return stream_content(data, ids.of(line), quotas, application_id)
    if CALL_MEMBER in data:
        return call_content(data, quotas, application_id)
    if REQUEST_MEMBER in data:
        return request_content(data, quotas)
    return _event(data, line, ids, quotas)


def _record(line: Line) -> dict[str, Any] | Rejection:
    """Return the members of the object in a line; or why there is none."""
    if line.is_cut:
        problem = json_problem(
            ProblemCode.LINE_TOO_LONG, allowed=MAX_BYTES, unit="bytes"
        )
        return Rejection(_TOO_LARGE, str(problem), {})
    try:
        data = decode_request(line.text)
    except ValidationError as error:
        layout = layout_problem(line.text)
        problems = error.problems if layout is None else [json_problem(layout)]
        return rejection(map(_in_a_line, problems), {})
    if not isinstance(data, dict):
        problem = json_problem(
            ProblemCode.NOT_AN_OBJECT, actual=type(data).__qualname__, allowed=_KNOWN
        )
        return rejection([problem], {})
    return data


def _in_a_line(problem: Problem) -> Problem:
    # The report names the line of the file: only the column or byte within it is left.
    return problem._replace(at=problem.at[-1:])


# --- One event ------------------------------------------------------------------------


def _event(data: dict[str, Any], line: Line, ids: EventIds, quotas: Quotas) -> Content:
    problems = repeated_keys(data, ProblemCode.DUPLICATE_MEMBER)
    problems += [unknown_key(key, _KNOWN) for key in data if key not in EVENT_MEMBERS]
    endpoint_id = _name(data, "EndpointId", problems)
    has_id = data.get("EventId") is not None
    event_id = _name(data, "EventId", problems) if has_id else ids.of(line)
    endpoint = None
    if data.get("Endpoint") is not None:
        endpoint = _object(Endpoint, data["Endpoint"], "Endpoint", problems)
        if endpoint is None:
            over = of_endpoint_data(data["Endpoint"], quotas)
        else:
            over = of_endpoint(endpoint, quotas)
        problems += [problem.below("Endpoint") for problem in over]
    event = None
    if data.get("Event") is None:
        problems.append(_missing("Event"))
    else:
        event = _object(Event, data["Event"], "Event", problems)
    if event is None or problems:
        over = of_event_data(data.get("Event"), quotas)
        problems += [problem.below("Event") for problem in over]
        return Content((), (rejection(problems, data),))
    if endpoint == UNTOUCHED:
        endpoint = None
    return Content((Item(endpoint_id, endpoint, {event_id: event}),))


def _missing(member: str) -> Problem:
    return json_problem(ProblemCode.MISSING, (member,))


def _name(data: dict[str, Any], member: str, problems: list[Problem]) -> str:
    """Return an id; an empty one, and its problem to the others, if it is none."""
    if data.get(member) is None:
        problems.append(_missing(member))
        return ""
    name, found = checked_name(data[member], member)
    problems += found
    return name


def _object(
    cls: type[T], data: object, member: str, problems: list[Problem]
) -> T | None:
    try:
        return from_wire(cls, data)
    except ValidationError as error:
        problems += [problem.below(member) for problem in error.problems]
        return None
