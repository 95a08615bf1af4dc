"""Formats a response as the AWS CLI does: the modelled members, in their order."""

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
    Return the data to print for a response.

    For a single response of the service, the data are the members as received, because
    `EventsResponse` does not distinguish an empty mapping from a missing one.
    Otherwise, as for merged responses, they are those of `EventsResponse`.

    Args:
        response: The response.
        response_bodies: The bodies of the service's HTTP responses.
    """
    if len(response_bodies) == 1:
        described = _described_members(response_bodies[0])
        if described is not None:
            return {"EventsResponse": described}
    data = to_wire(response)
    for item in data.get("Results", {}).values():
        if not isinstance(item, dict):
            continue  # a bare status code
        if "EndpointItemResponse" in item:
            members = item["EndpointItemResponse"]
            item["EndpointItemResponse"] = _sorted_by_name(members)
        event_responses = item.get("EventsItemResponse", {})
        for event_id, members in event_responses.items():
            event_responses[event_id] = _sorted_by_name(members)
    return {"EventsResponse": data}


def _sorted_by_name(members: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(members.items()))


class _UnexpectedShapeError(Exception):
    """A value is not an object, where the service's model has an object."""


def _described_members(body: bytes) -> dict[str, Any] | None:
    """Return the members that the service's model has; None if the shape differs."""
    try:
        found: dict[str, Any] = _members(decode(body) if body else {}, Results=_results)
    except (_UnexpectedShapeError, ValidationError):
        return None
    return found


def _members(data: Any, **readers: Any) -> Any:
    """Return the members with these names that exist, in this order."""
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
