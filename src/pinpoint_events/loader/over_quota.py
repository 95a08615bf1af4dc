"""
Quotas of endpoints and events that are refused anyway, so that all are reported.

An event that is sound is measured when it is packed. One that is refused for something
else is never packed, and what is wrong with it may keep it from being an object at all:
then only its names and texts are measured, because its size is that of the object.
"""

from datetime import UTC, datetime
from typing import Any, Final

from pinpoint_events.errors import ValidationError
from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Problem
from pinpoint_events.quotas import Quotas, endpoint_problems, event_check
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.names import in_wire_names
from pinpoint_events.wire.reading_answers import read_text

__all__ = ["of_endpoint", "of_endpoint_data", "of_event_data"]

_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ANY: Final = "-"  # in place of what is missing or wrong


def of_endpoint(endpoint: Endpoint, quotas: Quotas) -> list[Problem]:
    """Return the quotas that an endpoint exceeds."""
    over = endpoint_problems(endpoint, len(to_json(endpoint)), quotas)
    return [in_wire_names(problem) for problem in over]


def of_endpoint_data(data: Any, quotas: Quotas) -> list[Problem]:
    """Return the quotas that what a line says of an endpoint exceeds."""
    try:
        return of_endpoint(from_wire(Endpoint, data), quotas)
    except ValidationError:
        user = _members(_members(data).get("User"))
        measured = Endpoint(
            attributes=_text_lists(_members(data).get("Attributes")),
            metrics=_numbers(_members(data).get("Metrics")),
            user=User(user_attributes=_text_lists(user.get("UserAttributes"))),
        )
    return [in_wire_names(each) for each in endpoint_problems(measured, 0, quotas)]


def of_event_data(data: Any, quotas: Quotas) -> list[Problem]:
    """Return the quotas that what a line says of an event exceeds."""
    try:
        event = from_wire(Event, data)
        size = len(to_json(event))
    except ValidationError:
        attributes = _members(_members(data).get("Attributes"))
        event = Event(
            _ANY,
            timestamp=_SOME_TIME,
            attributes={key: read_text(each) or "" for key, each in attributes.items()},
            metrics=_numbers(_members(data).get("Metrics")),
        )
        size = 0
    return [in_wire_names(each) for each in event_check(quotas)(event, size)]


def _members(data: Any) -> dict[str, Any]:
    """Return the members of an object under names that the model takes."""
    if not isinstance(data, dict):
        return {}
    return {read_text(key) or _ANY: value for key, value in data.items()}


def _numbers(data: Any) -> dict[str, int]:
    return dict.fromkeys(_members(data), 0)


def _text_lists(data: Any) -> dict[str, list[str]]:
    return {
        key: [read_text(text) or "" for text in texts] if type(texts) is list else []
        for key, texts in _members(data).items()
    }
