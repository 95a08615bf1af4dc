"""
Parses the body of a call, rejects invalid items, and composes the answer.

The model decides, by `from_wire`, whether an item is valid; the functions behind
`check_quotas` decide whether it is within the quotas. This module decides only what a
problem belongs to: one endpoint, one event, or the call as a whole. Messages are the
service's, where they are known (facts, section 1.4).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import is_
from typing import Any, Final

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._converters import has_surrogate
from pinpoint_events.model._problem_counts import few_problems
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import (
    Quotas,
    endpoint_problems,
    event_check,
    request_problems,
)
from pinpoint_events.server._answers import bad_request
from pinpoint_events.server._json_parts import check_json_parts
from pinpoint_events.server._naive_times import complete_with_utc
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.json_text import decode_request, json_problem
from pinpoint_events.wire.names import in_wire_names

__all__ = ["ParsedRequest", "RequestReader"]

_BAD_REQUEST: Final = 400
_EMPTY_ENDPOINT: Final = Endpoint()
_EMPTY_ITEM_RESPONSE: Final = ItemResponse()
_NO_EVENTS: Final[Mapping[str, Event]] = {}
_MAX_MESSAGE_CHARACTERS: Final = 1_000
# Of an endpoint or event. The longest in use are e-mail addresses, of 254 at most
# (RFC 5321, 4.5.3.1.3); ids are keys of every index of a store, and of the answer.
_MAX_ID_CHARACTERS: Final = 256
_MAX_PROBLEMS: Final = 5  # of one item, in full; further ones are only counted

# How much longer an event can become by parsing and writing it: `1e15` becomes a number
# of 18 characters, a time without colons gets them.
_MAX_GROWTH: Final = 4

# The service's messages, as its users have quoted them (facts, section 1.4).
_SERVICE_MESSAGES: Final[Mapping[ProblemCode, str]] = {
    ProblemCode.DURATION_MISMATCH: (
        "Session duration in milliseconds must be equal to the difference of start and "
        "stop timestamp"
    ),
    ProblemCode.MISSING_CHANNEL_TYPE: "Missing ChannelType",
}
_NO_DURATION: Final = "Session start and stop timestamp's exist but duration is null"

Item = tuple[str, str | None]
"""An endpoint id, and the id of one of its events, or None for the endpoint."""


class ParsedRequest:
    """
    The request of one call, with the items that are rejected.

    Attributes:
        endpoints: Endpoint id to the update to send, in the order of the request.
        events: Endpoint id to its events to send.
    """

    def __init__(
        self, layout: Mapping[str, Sequence[str]], request: EventsRequest
    ) -> None:
        self._layout = layout
        self._request = request
        self.endpoints: dict[str, Endpoint] = {
            name: batch.endpoint for name, batch in request.batch_item.items()
        }
        self.events: dict[str, Mapping[str, Event]] = {
            name: batch.events for name, batch in request.batch_item.items()
        }
        self._rejected_endpoints: dict[str, EndpointItemResponse] = {}
        self._rejected_events: dict[Item, EventItemResponse] = {}

    @property
    def count(self) -> int:
        """How many endpoints and events it has, rejected ones included."""
        return sum(1 + len(event_ids) for event_ids in self._layout.values())

    @property
    def items(self) -> Iterator[Item]:
        """Each endpoint, then its events, in the order of the request."""
        for name, event_ids in self._layout.items():
            yield name, None
            for event_id in event_ids:
                yield name, event_id

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to send."""
        return not any(
            events or name not in self._rejected_endpoints
            for name, events in self.events.items()
        )

    def reject(self, item: Item, message: str, status_code: int = _BAD_REQUEST) -> None:
        """Reject an item, so that it is not sent; the first rejection counts."""
        name, event_id = item
        if event_id is None:
            rejected = EndpointItemResponse(status_code=status_code, message=message)
            self._rejected_endpoints.setdefault(name, rejected)
            self.endpoints[name] = _EMPTY_ENDPOINT
        else:
            response = EventItemResponse(status_code=status_code, message=message)
            self._rejected_events.setdefault(item, response)
            events = self.events[name]
            if not isinstance(events, dict):
                events = self.events[name] = dict(events)
            events.pop(event_id, None)

    def request_to_send(
        self, updates: Mapping[str, Endpoint], names: Collection[str] | None = None
    ) -> EventsRequest | None:
        """
        Return the request to send; None if no item is left.

        Args:
            updates: Endpoint id to the update to send instead of that in `endpoints`;
                endpoints that the request does not name come last.
            names: The ids of the endpoints to send, with their events; None for all.
        """
        read = self._request.batch_item
        batches: dict[str, EventsBatch] = {}
        listed = self.endpoints if names is None else names
        for name in dict.fromkeys((*listed, *updates)):
            endpoint = updates.get(name, self.endpoints.get(name, _EMPTY_ENDPOINT))
            events = self.events.get(name, _NO_EVENTS)
            known = read.get(name)
            is_as_read = (
                known is not None
                and known.endpoint is endpoint
                and known.events is events
            )
            if known is not None and is_as_read:
                batches[name] = known
                continue
            if (
                events
                or endpoint != _EMPTY_ENDPOINT
                or name not in self._rejected_endpoints
            ):
                batches[name] = EventsBatch(endpoint=endpoint, events=events)
        if not batches:
            return None
        if len(batches) == len(read) and all(map(is_, batches.values(), read.values())):
            return self._request  # so that its JSON need not be written again
        return EventsRequest(batch_item=batches)

    def response(
        self, sender_response: EventsResponse, dropped: Collection[Item] = ()
    ) -> EventsResponse:
        """
        Return the answer to the request.

        Args:
            sender_response: The sender's response; items that it lacks stay out.
            dropped: Further items to leave out.
        """
        merged = {name for name, _ in (*self._rejected_events, *dropped)}
        merged |= self._rejected_endpoints.keys()
        results: dict[str, ItemResponse] = {}
        for name, event_ids in self._layout.items():
            item = sender_response.results.get(name)
            if name in merged:
                item = self._merged_item(
                    name, event_ids, item or _EMPTY_ITEM_RESPONSE, dropped
                )
            if item is not None:
                results[name] = item
        return EventsResponse(results=results)

    def _merged_item(
        self,
        name: str,
        event_ids: Sequence[str],
        sender_item: ItemResponse,
        dropped: Collection[Item],
    ) -> ItemResponse:
        """Return the sender's answers for an endpoint, merged with the rejections."""
        bare = sender_item.status_code
        of_endpoint = (
            sender_item.endpoint_item_response
            if bare is None
            else EndpointItemResponse(status_code=bare)
        )
        of_events: dict[str, EventItemResponse] = {}
        for event_id in event_ids:
            response = self._rejected_events.get((name, event_id))
            if response is None and bare is not None:
                response = EventItemResponse(status_code=bare)
            elif response is None:
                response = sender_item.events_item_response.get(event_id)
            if response is not None and (name, event_id) not in dropped:
                of_events[event_id] = response
        return ItemResponse(
            endpoint_item_response=None
            if (name, None) in dropped
            else self._rejected_endpoints.get(name, of_endpoint),
            events_item_response=of_events,
        )


class RequestReader:
    """
    Parses bodies, and rejects the items that violate rules or quotas.

    Args:
        quotas: The limits that calls are checked against.
        reads_naive_times_as_utc: Whether times without a zone are in UTC; if not, they
            are invalid.
    """

    def __init__(
        self, quotas: Quotas, *, reads_naive_times_as_utc: bool = False
    ) -> None:
        self._quotas = quotas
        self._reads_naive_times_as_utc = reads_naive_times_as_utc
        self._event_problems = event_check(quotas, each_once=True)

    def read(self, body: bytes) -> ParsedRequest:
        """
        Return the parsed request, in which single items may be rejected.

        Raises:
            RequestError: If the call is rejected as a whole.
        """
        check_json_parts(body)
        try:
            data = decode_request(body)
        except ValidationError as error:
            raise bad_request(_message(error.problems)) from None
        self._check_counts(data)
        if self._reads_naive_times_as_utc:
            complete_with_utc(data)
        rejected: dict[Item, str] = {}
        if b"StopTimestamp" in body or b"\\u" in body:  # it may be escaped
            rejected.update(_missing_durations(data))
        layout, request = _read(data, rejected)
        parsed = ParsedRequest(layout, request)
        for item, message in rejected.items():
            parsed.reject(item, message)
        self._check_quotas(parsed, len(body))
        return parsed

    def _check_counts(self, data: Any) -> None:
        """Reject a call of too many items, or of long ids, before any is checked."""
        batches = _members(_members(data).get("BatchItem"))
        count = sum(len(events) for _, events in _events(data))
        over = request_problems(count, 0, self._quotas, endpoints=len(batches))
        if over:
            raise bad_request(_message(list(map(in_wire_names, over))))
        _check_ids(data)

    def _check_quotas(self, parsed: ParsedRequest, size: int) -> None:
        limit = self._quotas.event_bytes
        is_small = limit is None or _MAX_GROWTH * size <= limit
        check = self._event_problems
        for name, endpoint in parsed.endpoints.items():
            if endpoint != _EMPTY_ENDPOINT:
                size = len(to_json(endpoint))
                over = endpoint_problems(
                    endpoint, size, self._quotas, most=_MAX_PROBLEMS
                )
                if over:
                    parsed.reject(
                        (name, None), _message(list(map(in_wire_names, over)))
                    )
            for event_id, event in list(parsed.events[name].items()):
                problems = check(event, 0 if is_small else len(to_json(event)))
                if problems:
                    parsed.reject((name, event_id), _event_message(problems))


def _event_message(problems: Sequence[Problem]) -> str:
    return _joined(list(dict.fromkeys(map(_event_problem_message, problems))))


def _event_problem_message(problem: Problem) -> str:
    """Return the service's message for an event over a quota, else this package's."""
    limit = problem.allowed
    match problem.code:
        case ProblemCode.KEY_TOO_LONG:
            return f"Event attribute key length should be less than {limit}."
        case ProblemCode.VALUE_TOO_LONG:
            return f"Event attribute value length should be less than {limit}"
        case ProblemCode.TOO_MANY_ATTRIBUTES:
            return (
                f"Number of attributes per event submitted should be less than {limit}."
            )
        case _:
            return str(in_wire_names(problem))


def _check_ids(data: Any) -> None:
    """Reject a call with an id that is too long."""
    paths: list[tuple[str, ...]] = [
        ("BatchItem", name) for name in _members(_members(data).get("BatchItem"))
    ]
    for name, events in _events(data):
        paths += [("BatchItem", name, "Events", event_id) for event_id in events]
    long = [path for path in paths if len(path[-1]) > _MAX_ID_CHARACTERS]
    if long:
        problems = [
            json_problem(
                ProblemCode.KEY_TOO_LONG,
                path,
                actual=len(path[-1]),
                allowed=_MAX_ID_CHARACTERS,
                unit="characters",
            )
            for path in long[:_MAX_PROBLEMS]
        ]
        more = len(long) - len(problems)
        raise bad_request(_joined(list(map(str, problems)), more))


def _members(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _events(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield endpoint id and events of each batch that has an object of events."""
    for name, batch in _members(_members(data).get("BatchItem")).items():
        events = batch.get("Events") if isinstance(batch, dict) else None
        if isinstance(events, dict):
            yield name, events


def _missing_durations(data: Any) -> Iterator[tuple[Item, str]]:
    """
    Yield the events whose session has a stop time, but no duration.

    The service rejects them. The model does not: it computes the duration, so that only
    the JSON shows that it is missing.
    """
    for name, events in _events(data):
        for event_id, event in events.items():
            session = event.get("Session") if isinstance(event, dict) else None
            if (
                isinstance(session, dict)
                and session.get("StopTimestamp") is not None
                and session.get("Duration") is None
            ):
                yield (name, event_id), _NO_DURATION


def _read(
    data: Any, rejected: dict[Item, str]
) -> tuple[Mapping[str, Sequence[str]], EventsRequest]:
    """
    Return the ids in the request, and a model of its valid items.

    Args:
        data: The request.
        rejected: Items to skip, with the message of each; invalid items are added.
    """
    layout = {name: list(events) for name, events in _events(data)}
    if rejected:
        data = _without_items(data, rejected)
    while True:
        try:
            with few_problems(_MAX_PROBLEMS):
                return layout, from_wire(EventsRequest, data)
        except ValidationError as error:
            found = _by_item(error.problems, data)
        rejected.update((item, _message(problems)) for item, problems in found.items())
        data = _without_items(data, found)


def _by_item(
    problems: Sequence[Problem], data: Any
) -> Mapping[Item, Sequence[Problem]]:
    """
    Return the problems of each item, with paths relative to the item.

    Raises:
        RequestError: If one of them concerns the call as a whole.
    """
    found: dict[Item, list[Problem]] = {}
    of_call = []
    for problem in problems:
        item, depth = _item_of(problem.path, data)
        if item is None:
            of_call.append(problem)
        else:
            within = problem._replace(path=problem.path[depth:])
            found.setdefault(item, []).append(within)
    if of_call:
        raise bad_request(_message(of_call))
    return found


def _item_of(path: tuple[str | int, ...], data: Any) -> tuple[Item | None, int]:
    """Return the item that a path leads into, and the length of the item's path."""
    match path:
        case ("BatchItem", str(name), "Endpoint", *_):
            # A missing endpoint is not an item, so the problem is the call's.
            if data["BatchItem"][name].get("Endpoint") is not None:
                return (name, None), 3
        case ("BatchItem", str(name), "Events", str(event_id), *_):
            # An answer cannot contain an id that UTF-8 cannot encode.
            if not has_surrogate(event_id):
                return (name, event_id), 4
    return None, 0


def _without_items(data: Any, items: Collection[Item]) -> Any:
    """Return the request without some of its items."""
    batches = dict(data["BatchItem"])
    for name in {name for name, _ in items}:
        batch = dict(batches[name])
        if (name, None) in items:
            batch["Endpoint"] = {}
        batch["Events"] = {
            event_id: event
            for event_id, event in batch["Events"].items()
            if (name, event_id) not in items
        }
        batches[name] = batch
    return {**data, "BatchItem": batches}


def _message(problems: Sequence[Problem]) -> str:
    """Return the message for problems: the service's if known, else this package's."""
    known = [each for each in problems if each.code is not ProblemCode.MORE_PROBLEMS]
    others = [
        each.actual for each in problems if each.code is ProblemCode.MORE_PROBLEMS
    ]
    counted = [count for count in others if isinstance(count, int)]
    more = sum(counted)
    # Messages are longer than problems: none is made that is not shown.
    shown: dict[str, None] = {}
    for position, problem in enumerate(known):
        if len(shown) == _MAX_PROBLEMS:
            more += len(known) - position
            break
        shown[_problem_message(problem)] = None
    return _joined(list(shown), more, is_cut=len(counted) < len(others))


def _problem_message(problem: Problem) -> str:
    return _SERVICE_MESSAGES.get(problem.code) or str(problem)


def _joined(messages: Sequence[str], more: int = 0, *, is_cut: bool = False) -> str:
    """
    Return one message.

    Args:
        messages: Those to show.
        more: How many others there are.
        is_cut: Whether there are further ones that were not counted.
    """
    text = "; ".join(messages)
    if is_cut:
        text += f"; and at least {more + 1} more"
    elif more:
        text += f"; and {more} more"
    if len(text) > _MAX_MESSAGE_CHARACTERS:
        text = text[: _MAX_MESSAGE_CHARACTERS - 1] + "…"
    return text
