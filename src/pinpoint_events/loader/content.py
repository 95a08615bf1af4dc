"""
What one line says: endpoints with their events, and what of it is refused.

A line holds one event, or a whole request. Nothing is sent of an event whose own
members, or whose endpoint, are wrong; the other events of a request go their way.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from pinpoint_events.errors import ValidationError
from pinpoint_events.loader.lines import MOST_BYTES, Line
from pinpoint_events.model._converters import required_text
from pinpoint_events.model._immutable import Refused
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.problems import Audience, Problem, ProblemCode
from pinpoint_events.quotas import Quotas, endpoint_problems
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.json_text import decode_request, json_problem
from pinpoint_events.wire.names import in_wire_names
from pinpoint_events.wire.reading_requests import repeated_keys, unknown_key

__all__ = [
    "BAD_REQUEST",
    "NOTES",
    "Content",
    "EventIds",
    "Item",
    "Rejection",
    "content",
    "line_members",
    "rejection",
]

T = TypeVar("T")

BAD_REQUEST: Final = 400
_TOO_LARGE: Final = 413

NOTES: Final = ("Outcome", "Code", "Message", "File", "Line")
"""The members beside an event in the file of those that were not accepted."""

_EVENT_MEMBERS: Final = ("EndpointId", "EventId", "Endpoint", "Event")
_KNOWN: Final = frozenset(_EVENT_MEMBERS)
_REQUEST_MEMBER: Final = "BatchItem"

_NAMESPACE: Final = uuid.UUID("8b5f2d4e-6c1a-4f7b-9a33-0d2e57c1f6b8")
_UNTOUCHED: Final = Endpoint()


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


class EventIds:
    """
    Makes ids that are the same whenever a file is loaded.

    Each is a UUID, version 5 (RFC 9562), of the file's identity, the line's number and
    its text. With the text in it, two files that begin alike do not take each other's
    ids for events that differ.
    """

    def __init__(self, identity: str) -> None:
        """Make ids for the lines of one file."""
        namespace = uuid.uuid5(_NAMESPACE, identity)
        self._hash = hashlib.sha1(namespace.bytes, usedforsecurity=False)

    def of(self, line: Line) -> str:
        """Return the id of the event in a line."""
        hashed = self._hash.copy()
        hashed.update(b"%d " % line.number)
        hashed.update(line.text)
        # Not by `uuid.UUID`, which takes three times as long.
        digits = hashed.hexdigest()
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}"
            f"-{variant}{digits[17:20]}-{digits[20:32]}"
        )


def content(line: Line, ids: EventIds, quotas: Quotas) -> Content:
    """
    Return what a line says.

    Args:
        line: The line; not a blank one.
        ids: Makes the id of an event that has none.
        quotas: The limits of endpoints; those of events are the builder's.
    """
    if line.is_cut:
        problem = json_problem(
            ProblemCode.LINE_TOO_LONG, allowed=MOST_BYTES, unit="bytes"
        )
        return Content((), (Rejection(_TOO_LARGE, str(problem), {}),))
    try:
        data = decode_request(line.text)
    except ValidationError as error:
        return Content((), (rejection(map(_in_a_line, error.problems), {}),))
    if not isinstance(data, dict):
        problem = json_problem(
            ProblemCode.NOT_AN_OBJECT,
            actual=type(data).__qualname__,
            allowed=(*_EVENT_MEMBERS, _REQUEST_MEMBER),
        )
        return Content((), (rejection([problem], {}),))
    for note in NOTES:
        # So that the file of what was not accepted can itself be loaded.
        data.pop(note, None)
    if _REQUEST_MEMBER in data:
        return _request(data, quotas)
    return _event(data, line, ids, quotas)


def line_members(
    endpoint_id: str, event_id: str, endpoint: Any, event: Any
) -> dict[str, Any]:
    """Return an event as the members of a line."""
    values = (endpoint_id, event_id, endpoint, event)
    return dict(zip(_EVENT_MEMBERS, values, strict=True))


def _in_a_line(problem: Problem) -> Problem:
    # The report names the line of the file: only the column or byte within it is left.
    return problem._replace(at=problem.at[-1:])


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


def _over_quota(endpoint: Endpoint, quotas: Quotas, *path: str) -> list[Problem]:
    over = endpoint_problems(endpoint, len(to_json(endpoint)), quotas)
    return [in_wire_names(problem).below(*path) for problem in over]


# --- One event ------------------------------------------------------------------------


def _event(data: dict[str, Any], line: Line, ids: EventIds, quotas: Quotas) -> Content:
    problems = [*repeated_keys(data, ProblemCode.DUPLICATE_MEMBER), *_unknown(data)]
    endpoint_id = _name(data, "EndpointId", problems)
    has_id = data.get("EventId") is not None
    event_id = _name(data, "EventId", problems) if has_id else ids.of(line)
    endpoint = None
    if data.get("Endpoint") is not None:
        endpoint = _object(Endpoint, data["Endpoint"], "Endpoint", problems)
    if endpoint is not None:
        problems += _over_quota(endpoint, quotas, "Endpoint")
    event = None
    if data.get("Event") is None:
        problems.append(_missing("Event"))
    else:
        event = _object(Event, data["Event"], "Event", problems)
    if event is None or problems:
        return Content((), (rejection(problems, data),))
    if endpoint == _UNTOUCHED:
        endpoint = None
    return Content((Item(endpoint_id, endpoint, {event_id: event}),))


def _unknown(data: dict[str, Any]) -> Iterator[Problem]:
    known = (*_EVENT_MEMBERS, _REQUEST_MEMBER)
    for key in data:
        if key not in _KNOWN:
            yield unknown_key(key, known)


def _missing(member: str) -> Problem:
    return json_problem(ProblemCode.MISSING, (member,))


def _name(data: dict[str, Any], member: str, problems: list[Problem]) -> str:
    """Return an id; an empty one, and its problem to the others, if it is none."""
    if data.get(member) is None:
        problems.append(_missing(member))
        return ""
    # Any: the converter may refuse, which its type does not show.
    checked: Any = required_text(data[member])
    if type(checked) is Refused:
        problems += [
            problem.below(member)._replace(audience=Audience.JSON)
            for problem in checked.problems
        ]
        return ""
    name: str = checked
    return name


def _object(
    cls: type[T], data: object, member: str, problems: list[Problem]
) -> T | None:
    try:
        return from_wire(cls, data)
    except ValidationError as error:
        problems += [problem.below(member) for problem in error.problems]
        return None


# --- A whole request ------------------------------------------------------------------


def _request(data: dict[str, Any], quotas: Quotas) -> Content:
    batches: Any = data[_REQUEST_MEMBER]
    rejections: list[Rejection] = []
    try:
        request = from_wire(EventsRequest, data)
    except ValidationError as error:
        found: dict[tuple[str, ...], list[Problem]] = {}
        for problem in error.problems:
            found.setdefault(_owner(problem), []).append(problem)
        if () in found:
            return Content((), _refused_line(data, found[()]))
        sound = _sound_batches(batches, found, rejections)
        request = from_wire(EventsRequest, {_REQUEST_MEMBER: sound})
    items = []
    for endpoint_id, batch in request.batch_item.items():
        path = (_REQUEST_MEMBER, endpoint_id, "Endpoint")
        over = _over_quota(batch.endpoint, quotas, *path)
        if over:
            rejections += _refused_batch(endpoint_id, batches[endpoint_id], over)
            continue
        says_nothing = batch.events and batch.endpoint == _UNTOUCHED
        endpoint = None if says_nothing else batch.endpoint
        items.append(Item(endpoint_id, endpoint, batch.events))
    return Content(tuple(items), tuple(rejections))


def _owner(problem: Problem) -> tuple[str, ...]:
    """
    Return whose matter a problem is.

    That of an event, by its two ids; of an endpoint with all its events, by its id; or
    of the whole line.
    """
    match [str(part) for part in problem.path]:
        case [_, endpoint_id, "Events", event_id, *_]:
            return endpoint_id, event_id
        case [member, endpoint_id, *_] if member == _REQUEST_MEMBER:
            return (endpoint_id,)
        case _:
            return ()


def _sound_batches(
    batches: dict[str, Any],
    found: Mapping[tuple[str, ...], list[Problem]],
    rejections: list[Rejection],
) -> dict[str, Any]:
    """Return what is right, as it was written, and add the rest to the rejections."""
    sound: dict[str, Any] = {}
    for endpoint_id, batch in batches.items():
        if (endpoint_id,) in found:
            problems = found[endpoint_id,]
            rejections += _refused_batch(endpoint_id, batch, problems)
            continue
        events = {}
        for event_id, event in batch["Events"].items():
            if (endpoint_id, event_id) in found:
                members = _members(endpoint_id, batch, event_id)
                rejections.append(rejection(found[endpoint_id, event_id], members))
            else:
                events[event_id] = event
        if events or not batch["Events"]:
            sound[endpoint_id] = {"Endpoint": batch["Endpoint"], "Events": events}
    return sound


def _members(endpoint_id: str, batch: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Return an event of a request as the members of a line."""
    endpoint = batch.get("Endpoint", {})
    return line_members(endpoint_id, event_id, endpoint, batch["Events"][event_id])


def _events_in(batch: object) -> Mapping[str, Any]:
    events = batch.get("Events") if isinstance(batch, dict) else None
    return events if isinstance(events, dict) else {}


def _refused_batch(
    endpoint_id: str, batch: Any, problems: Iterable[Problem]
) -> list[Rejection]:
    problems = list(problems)
    refused = [
        rejection(problems, _members(endpoint_id, batch, event_id))
        for event_id in _events_in(batch)
    ]
    if refused:
        return refused
    members = {_REQUEST_MEMBER: {endpoint_id: batch}}
    return [rejection(problems, members, is_event=False)]


def _refused_line(
    data: dict[str, Any], problems: list[Problem]
) -> tuple[Rejection, ...]:
    batches = data[_REQUEST_MEMBER]
    refused = [
        rejection(problems, _members(endpoint_id, batch, event_id))
        for endpoint_id, batch in (batches.items() if isinstance(batches, dict) else ())
        for event_id in _events_in(batch)
    ]
    # At least one, so that the line is in the books.
    return tuple(refused) or (rejection(problems, data),)
