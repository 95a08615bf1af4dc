"""
A line with a whole request, by itself or in the shape of boto3's call.

Nothing is sent of an event whose own members, or whose endpoint, are wrong; the other
events of the request are sent. What is refused is reported with all its problems: those
of the line, of its endpoint, and of the event.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Final

from pinpoint_events.data_quotas import of_endpoint, of_endpoint_data, of_event_data
from pinpoint_events.errors import ValidationError
from pinpoint_events.loader.items import (
    UNTOUCHED,
    Content,
    Item,
    Rejection,
    application_problems,
    line_members,
    rejection,
)
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire import from_wire
from pinpoint_events.wire.json_text import json_problem
from pinpoint_events.wire.reading_requests import repeated_keys, unknown_key

__all__ = ["CALL_MEMBER", "REQUEST_MEMBER", "call_content", "request_content"]

REQUEST_MEMBER: Final = "BatchItem"
CALL_MEMBER: Final = "EventsRequest"
_APPLICATION: Final = "ApplicationId"
_CALL_MEMBERS: Final = (_APPLICATION, CALL_MEMBER)


def call_content(
    data: dict[str, Any], quotas: Quotas, application_id: str | None
) -> Content:
    """
    Return what a line in the shape of boto3's call says.

    Args:
        data: The line.
        quotas: The limits.
        application_id: The application that events go to; None if that is not known.
    """
    problems = repeated_keys(data, ProblemCode.DUPLICATE_MEMBER)
    problems += [
        unknown_key(key, _CALL_MEMBERS) for key in data if key not in _CALL_MEMBERS
    ]
    given = data.get(_APPLICATION)
    problems += application_problems(given, application_id, _APPLICATION)
    request = data[CALL_MEMBER]
    if not isinstance(request, dict):
        problems += _problems_of(EventsRequest, request, CALL_MEMBER)
        return Content((), (rejection(problems, data),))
    return request_content(request, quotas, call=data, call_problems=problems)


def request_content(
    data: dict[str, Any],
    quotas: Quotas,
    *,
    call: Mapping[str, Any] | None = None,
    call_problems: Sequence[Problem] = (),
) -> Content:
    """
    Return what a whole request says.

    Args:
        data: The request.
        quotas: The limits of endpoints; those of events are the builder's.
        call: The call that the request is in; None if it is in none.
        call_problems: What is wrong with the call itself. Then nothing is sent.
    """
    if not call_problems:
        found = _sound_content(data, quotas)
        if found is not None:
            return found
    path = () if call is None else (CALL_MEMBER,)
    batches = data.get(REQUEST_MEMBER)
    around = data
    if isinstance(batches, dict):
        around = _replaced(data, {REQUEST_MEMBER: {}})
    problems = [*call_problems, *_problems_of(EventsRequest, around, *path)]
    if call is None:
        problems = [_beside_batches(problem) for problem in problems]
    repeated, more = _repeated(batches, *path, REQUEST_MEMBER)
    problems += more
    items: list[Item] = []
    rejections: list[Rejection] = []
    for endpoint_id, batch in batches.items() if isinstance(batches, dict) else ():
        reader = _BatchReader(
            endpoint_id,
            batch,
            (*path, REQUEST_MEMBER),
            quotas,
            [*problems, *repeated.get(endpoint_id, ())],
        )
        # Where the call is at fault, what is written down stays in its shape: it must
        # not lose the application that it is for.
        keeper = call if call_problems else None
        item, refused = reader.read(keeper)
        items += item
        rejections += refused
    if problems and not rejections:
        # At least one, so that the line is counted.
        whole = rejection(problems, data if call is None else call)
        return Content((), (whole,))
    return Content(tuple(items), tuple(rejections))


def _beside_batches(problem: Problem) -> Problem:
    """Return the problem of an ApplicationId in a request, in the terms of a line."""
    if problem.code is ProblemCode.UNKNOWN_KEY and problem.path == (_APPLICATION,):
        return json_problem(ProblemCode.CALL_WITHOUT_REQUEST, problem.path)
    return problem


def _sound_content(data: dict[str, Any], quotas: Quotas) -> Content | None:
    """Return what a request says in which nothing is wrong; None if something is."""
    try:
        request = from_wire(EventsRequest, data)
    except ValidationError:
        return None
    items = []
    for endpoint_id, batch in request.batch_item.items():
        if of_endpoint(batch.endpoint, quotas):
            return None
        items.append(_item(endpoint_id, batch))
    return Content(tuple(items))


def _item(endpoint_id: str, batch: EventsBatch) -> Item:
    says_nothing = batch.events and batch.endpoint == UNTOUCHED
    endpoint = None if says_nothing else batch.endpoint
    return Item(endpoint_id, endpoint, batch.events)


class _BatchReader:
    """
    Reads one endpoint of a request, and each of its events by itself.

    One by one, because of a whole request at most a hundred problems are reported.

    Args:
        endpoint_id: The key of the batch.
        batch: What it is.
        path: Where in the line the key is.
        quotas: The limits.
        problems: What is wrong with what it is in.
    """

    def __init__(
        self,
        endpoint_id: str,
        batch: Any,
        path: tuple[str, ...],
        quotas: Quotas,
        problems: list[Problem],
    ) -> None:
        self._id = endpoint_id
        self._batch = batch
        self._path = (*path, endpoint_id)
        self._quotas = quotas
        events = batch.get("Events") if isinstance(batch, dict) else None
        self._events: dict[str, Any] = events if isinstance(events, dict) else {}
        self._problems = [*problems, *self._own_problems()]

    def _own_problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the endpoint and around the events."""
        around = self._batch
        if self._events:
            around = _replaced(around, {"Events": {}})
        in_a_request = {REQUEST_MEMBER: {self._id: around}}
        yield from _problems_of(EventsRequest, in_a_request, *self._path[:-2])
        if isinstance(self._batch, dict):
            over = of_endpoint_data(self._batch.get("Endpoint"), self._quotas)
            for problem in over:
                yield problem.below(*self._path, "Endpoint")

    def read(
        self, call: Mapping[str, Any] | None
    ) -> tuple[list[Item], list[Rejection]]:
        """
        Return what is sound, and what is refused.

        Args:
            call: The call in whose shape to write down what is refused; None for the
                form of a line.
        """
        repeated, more = _repeated(self._events, *self._path, "Events")
        problems = [*self._problems, *more]
        if not self._events and problems:
            whole = self._in_shape(call, self._batch)
            return [], [rejection(problems, whole, is_event=False)]
        sound, rejections = {}, []
        for event_id, event in self._events.items():
            own = [*repeated.get(event_id, ()), *self._event_problems(event_id, event)]
            if not problems and not own:
                sound[event_id] = event
                continue
            over = of_event_data(event, self._quotas)
            own += [each.below(*self._path, "Events", event_id) for each in over]
            members = self._members(call, event_id, event)
            rejections.append(rejection([*problems, *own], members))
        if not sound and self._events:
            return [], rejections
        kept = {"Endpoint": self._batch["Endpoint"], "Events": sound}
        return [_item(self._id, from_wire(EventsBatch, kept))], rejections

    def _event_problems(self, event_id: str, event: Any) -> list[Problem]:
        alone = {"Endpoint": {}, "Events": {event_id: event}}
        return _problems_of(EventsBatch, alone, *self._path)

    def _members(
        self, call: Mapping[str, Any] | None, event_id: str, event: Any
    ) -> Mapping[str, Any]:
        if call is None:
            endpoint = self._batch.get("Endpoint", {})
            return line_members(self._id, event_id, endpoint, event)
        return self._in_shape(call, {**self._batch, "Events": {event_id: event}})

    def _in_shape(self, call: Mapping[str, Any] | None, batch: Any) -> dict[str, Any]:
        request = {REQUEST_MEMBER: {self._id: batch}}
        return request if call is None else {**call, CALL_MEMBER: request}


def _problems_of(cls: type[Any], data: Any, *path: str) -> list[Problem]:
    """Return what is wrong with data of a class, at a path of the line."""
    try:
        from_wire(cls, data)
    except ValidationError as error:
        return [problem.below(*path) for problem in error.problems]
    return []


def _repeated(data: Any, *path: str) -> tuple[dict[str, list[Problem]], list[Problem]]:
    """Return the problem of each key that occurs twice, and what is none of a key's."""
    of_key: dict[str, list[Problem]] = {}
    others = []
    for problem in repeated_keys(data):
        if problem.path:
            of_key[str(problem.path[-1])] = [problem.below(*path)]
        else:
            others.append(problem.below(*path))
    return of_key, others


def _replaced(data: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with other members; it knows which keys occur twice, as before."""
    changed = copy(data)
    changed.update(members)
    return changed
