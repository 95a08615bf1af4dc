"""
From the body of a call to what is to be sent, and from the sender's answer to ours.

The model decides, by `from_wire`, whether an item is valid, and the functions behind
`check_quotas` whether it is within the quotas. This module decides only whose fault a
problem is: that of one endpoint, of one event, or of the call as a whole. It has the
service's own messages, where they are known (facts, section 1.4).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import is_
from typing import Any, Final

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._converters import has_surrogate
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
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.json_text import decode_request
from pinpoint_events.wire.names import in_wire_names

__all__ = ["Call", "RequestReader"]

_BAD_REQUEST: Final = 400
_NOTHING: Final = Endpoint()
_NO_ANSWER: Final = ItemResponse()
_NO_EVENTS: Final[Mapping[str, Event]] = {}
_MESSAGE_CHARACTERS: Final = 1_000
_PROBLEMS: Final = 5  # of one item, written in full; the rest is counted

# How much longer an event can get by being read and written: `1e15` becomes a number of
# 18 characters, a time without its colons gets them.
_GROWTH: Final = 4

# The service's own words, as its users have quoted them (facts, section 1.4).
_SERVICE_WORDS: Final[Mapping[ProblemCode, str]] = {
    ProblemCode.DURATION_MISMATCH: (
        "Session duration in milliseconds must be equal to the difference of start and "
        "stop timestamp"
    ),
    ProblemCode.MISSING_CHANNEL_TYPE: "Missing ChannelType",
}
_NO_DURATION: Final = "Session start and stop timestamp's exist but duration is null"

Item = tuple[str, str | None]
"""An endpoint's id, and the id of one of its events or None for itself."""


class Call:
    """
    One call: what it asks for, and what is refused of it.

    Attributes:
        endpoints: Endpoint id to what is to be sent of it, in the order of the call.
        events: Endpoint id to those of its events that are to be sent.
    """

    def __init__(
        self, layout: Mapping[str, Sequence[str]], request: EventsRequest
    ) -> None:
        self._layout = layout
        self._read = request
        self.endpoints = {
            name: batch.endpoint for name, batch in request.batch_item.items()
        }
        self.events: dict[str, Mapping[str, Event]] = {
            name: batch.events for name, batch in request.batch_item.items()
        }
        self._refused_endpoints: dict[str, EndpointItemResponse] = {}
        self._refused_events: dict[Item, EventItemResponse] = {}

    @property
    def items(self) -> Iterator[Item]:
        """Each endpoint, then its events, in the order of the call."""
        for name, event_ids in self._layout.items():
            yield name, None
            for event_id in event_ids:
                yield name, event_id

    def refuse(self, item: Item, message: str, status_code: int = _BAD_REQUEST) -> None:
        """Take an item out of what is to be sent; the first refusal counts."""
        name, event_id = item
        if event_id is None:
            said = EndpointItemResponse(status_code=status_code, message=message)
            self._refused_endpoints.setdefault(name, said)
            self.endpoints[name] = _NOTHING
        else:
            response = EventItemResponse(status_code=status_code, message=message)
            self._refused_events.setdefault(item, response)
            events = self.events[name]
            if not isinstance(events, dict):
                events = self.events[name] = dict(events)
            events.pop(event_id, None)

    def request(self, says: Mapping[str, Endpoint]) -> EventsRequest | None:
        """
        Return what is to be sent; None if nothing is left.

        Args:
            says: Endpoint id to what is to be sent of it, where that differs from the
                call; endpoints that the call does not name come after its own.
        """
        read = self._read.batch_item
        batches: dict[str, EventsBatch] = {}
        for name in dict.fromkeys((*self.endpoints, *says)):
            endpoint = says.get(name, self.endpoints.get(name, _NOTHING))
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
            if events or endpoint != _NOTHING or name not in self._refused_endpoints:
                batches[name] = EventsBatch(endpoint=endpoint, events=events)
        if not batches:
            return None
        if len(batches) == len(read) and all(map(is_, batches.values(), read.values())):
            return self._read  # its text need not be written again
        return EventsRequest(batch_item=batches)

    def response(
        self, sent: EventsResponse, dropped: Collection[Item] = ()
    ) -> EventsResponse:
        """
        Return the answer to the call.

        Args:
            sent: The answer to what was sent. What it leaves out, this one leaves out.
            dropped: Items to leave out as well.
        """
        own = {name for name, _ in (*self._refused_events, *dropped)}
        own |= self._refused_endpoints.keys()
        results: dict[str, ItemResponse] = {}
        for name, event_ids in self._layout.items():
            item = sent.results.get(name)
            if name in own:
                item = self._merged_item(name, event_ids, item or _NO_ANSWER, dropped)
            if item is not None:
                results[name] = item
        return EventsResponse(results=results)

    def _merged_item(
        self,
        name: str,
        event_ids: Sequence[str],
        sent: ItemResponse,
        dropped: Collection[Item],
    ) -> ItemResponse:
        """Return what was answered to an endpoint's items, and what is said here."""
        bare = sent.status_code
        of_endpoint = (
            sent.endpoint_item_response
            if bare is None
            else EndpointItemResponse(status_code=bare)
        )
        of_events: dict[str, EventItemResponse] = {}
        for event_id in event_ids:
            response = self._refused_events.get((name, event_id))
            if response is None and bare is not None:
                response = EventItemResponse(status_code=bare)
            elif response is None:
                response = sent.events_item_response.get(event_id)
            if response is not None and (name, event_id) not in dropped:
                of_events[event_id] = response
        return ItemResponse(
            endpoint_item_response=None
            if (name, None) in dropped
            else self._refused_endpoints.get(name, of_endpoint),
            events_item_response=of_events,
        )


class RequestReader:
    """
    Reads bodies, and refuses of each what is against rules or quotas.

    Args:
        quotas: The limits to hold calls against.
    """

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._event_problems = event_check(quotas)

    def read(self, body: bytes) -> Call:
        """
        Return the call, in which single items may be refused.

        Raises:
            RequestError: If it is refused as a whole.
        """
        try:
            data = decode_request(body)
        except ValidationError as error:
            raise bad_request(_words(error.problems)) from None
        self._limit(data)
        refused: dict[Item, str] = {}
        if b"StopTimestamp" in body or b"\\u" in body:  # which may spell it as well
            refused.update(_sessions_without_duration(data))
        layout, request = _read(data, refused)
        call = Call(layout, request)
        for item, message in refused.items():
            call.refuse(item, message)
        self._check(call, len(body))
        return call

    def _limit(self, data: Any) -> None:
        """Refuse more events than one call may have, before they are looked at."""
        count = sum(len(events) for _, events in _events(data))
        over = request_problems(count, 0, self._quotas)
        if over:
            raise bad_request(_words(list(map(in_wire_names, over))))

    def _check(self, call: Call, size: int) -> None:
        most = self._quotas.event_bytes
        is_small = most is None or _GROWTH * size <= most
        check = self._event_problems
        for name, endpoint in call.endpoints.items():
            if endpoint != _NOTHING:
                over = endpoint_problems(endpoint, len(to_json(endpoint)), self._quotas)
                if over:
                    call.refuse((name, None), _words(list(map(in_wire_names, over))))
            for event_id, event in list(call.events[name].items()):
                problems = check(event, 0 if is_small else len(to_json(event)))
                if problems:
                    call.refuse((name, event_id), _event_words(problems))


def _event_words(problems: Sequence[Problem]) -> str:
    return _joined(list(dict.fromkeys(map(_event_word, problems))))


def _event_word(problem: Problem) -> str:
    """Return the service's words for what an event is over, or ours."""
    most = problem.allowed
    match problem.code:
        case ProblemCode.KEY_TOO_LONG:
            return f"Event attribute key length should be less than {most}."
        case ProblemCode.VALUE_TOO_LONG:
            return f"Event attribute value length should be less than {most}"
        case ProblemCode.TOO_MANY_ATTRIBUTES:
            return (
                f"Number of attributes per event submitted should be less than {most}."
            )
        case _:
            return str(in_wire_names(problem))


def _events(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield endpoint id and events of each batch that has the shape of one."""
    batches = data.get("BatchItem") if isinstance(data, dict) else None
    for name, batch in batches.items() if isinstance(batches, dict) else ():
        events = batch.get("Events") if isinstance(batch, dict) else None
        if isinstance(events, dict):
            yield name, events


def _sessions_without_duration(data: Any) -> Iterator[tuple[Item, str]]:
    """
    Yield what the service refuses, and the model derives for who builds a session.

    Only the wire tells the two apart.
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
    data: Any, refused: dict[Item, str]
) -> tuple[Mapping[str, Sequence[str]], EventsRequest]:
    """
    Return the ids in the call, and the model of what is sound of it.

    Args:
        data: The call.
        refused: Items to pass over; those that are found unsound are added.
    """
    layout = {name: list(events) for name, events in _events(data)}
    if refused:
        data = _without(data, refused)
    while True:
        try:
            return layout, from_wire(EventsRequest, data)
        except ValidationError as error:
            found = _by_item(error.problems, data)
        refused.update((item, _words(problems)) for item, problems in found.items())
        data = _without(data, found)


def _by_item(
    problems: Sequence[Problem], data: Any
) -> Mapping[Item, Sequence[Problem]]:
    """
    Return the problems of each item, their paths from there.

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
        raise bad_request(_words(of_call))
    return found


def _item_of(path: tuple[str | int, ...], data: Any) -> tuple[Item | None, int]:
    """Return whose problem it is, by its path, and how long the path to it is."""
    match path:
        case ("BatchItem", str(name), "Endpoint", *_):
            # Missing is no item of the request; it lacks one.
            if data["BatchItem"][name].get("Endpoint") is not None:
                return (name, None), 3
        case ("BatchItem", str(name), "Events", str(event_id), *_):
            # What UTF-8 cannot hold, an answer cannot name.
            if not has_surrogate(event_id):
                return (name, event_id), 4
    return None, 0


def _without(data: Any, items: Collection[Item]) -> Any:
    """Return the call without some of its items."""
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


def _words(problems: Sequence[Problem]) -> str:
    """Return what is wrong: the service's words where it has some, ours where not."""
    return _joined(list(dict.fromkeys(map(_word, problems))))


def _word(problem: Problem) -> str:
    return _SERVICE_WORDS.get(problem.code) or str(problem)


def _joined(sentences: Sequence[str]) -> str:
    text = "; ".join(sentences[:_PROBLEMS])
    if len(sentences) > _PROBLEMS:
        text += f"; and {len(sentences) - _PROBLEMS} more"
    if len(text) > _MESSAGE_CHARACTERS:
        text = text[: _MESSAGE_CHARACTERS - 1] + "…"
    return text
