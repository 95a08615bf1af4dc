"""An answer as the AWS CLI has it: what the service described, in its own order."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pinpoint_events.errors import ValidationError
from pinpoint_events.wire import to_wire
from pinpoint_events.wire.json_text import decode
from pinpoint_events.wire.reading_answers import read_text

if TYPE_CHECKING:
    from pinpoint_events.model.response import EventsResponse

__all__ = ["answer_data"]


def answer_data(
    response: "EventsResponse", response_bodies: Sequence[bytes]
) -> dict[str, Any]:
    """
    Return an answer as it is printed.

    Where a single answer came from the service, it is that, member for member: a typed
    answer does not tell an empty mapping from one that is missing. Else it is the typed
    answer, as where several answers were put together.

    Args:
        response: The answer.
        response_bodies: The bodies that the service answered with.
    """
    if len(response_bodies) == 1:
        came = _as_it_came(response_bodies[0])
        if came is not None:
            return {"EventsResponse": came}
    answer = to_wire(response)
    for item in answer.get("Results", {}).values():
        if not isinstance(item, dict):
            continue  # a bare status code stays as it is
        if "EndpointItemResponse" in item:
            of_endpoint = item["EndpointItemResponse"]
            item["EndpointItemResponse"] = _in_alphabetical_order(of_endpoint)
        of_events = item.get("EventsItemResponse", {})
        for event_id, of_event in of_events.items():
            of_events[event_id] = _in_alphabetical_order(of_event)
    return {"EventsResponse": answer}


def _in_alphabetical_order(members: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(members.items()))


class _UnexpectedShapeError(Exception):
    """The answer has something else where the service describes an object."""


def _as_it_came(body: bytes) -> dict[str, Any] | None:
    """Return the members that the service describes; None if they are not like that."""
    try:
        found: dict[str, Any] = _members(decode(body) if body else {}, Results=_results)
    except (_UnexpectedShapeError, ValidationError):
        return None
    return found


def _members(data: Any, **readers: Any) -> Any:
    """Return the members of these names that there are, in this order."""
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise _UnexpectedShapeError
    return {
        name: read(data[name])
        for name, read in readers.items()
        if data.get(name) is not None
    }


def _each(data: Any, read: Any) -> dict[str | None, Any]:
    if not isinstance(data, Mapping):
        raise _UnexpectedShapeError
    return {read_text(key): read(value) for key, value in data.items()}


def _results(data: Any) -> Any:
    return _each(data, _item)


def _item(data: Any) -> Any:
    return _members(data, EndpointItemResponse=_outcome, EventsItemResponse=_outcomes)


def _outcomes(data: Any) -> Any:
    return _each(data, _outcome)


def _outcome(data: Any) -> Any:
    return _members(data, Message=_message, StatusCode=_status_code)


def _message(data: Any) -> Any:
    return read_text(data) if isinstance(data, str) else data


def _status_code(data: Any) -> int:
    try:
        return int(data)
    except (OverflowError, TypeError, ValueError):
        raise _UnexpectedShapeError from None
