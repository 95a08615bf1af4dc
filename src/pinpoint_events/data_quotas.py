"""
Quotas of data that is refused anyway, so that all its problems are reported at once.

What is sound is measured as an object. What is wrong with other data may keep it from
being an object at all: then only its names and texts are measured, because its size is
that of the object.
"""

from datetime import UTC, datetime
from typing import Any, Final

from pinpoint_events.errors import ValidationError
from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Problem
from pinpoint_events.quotas import (
    Quotas,
    endpoint_problems,
    event_check,
    request_problems,
)
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.names import in_wire_names
from pinpoint_events.wire.reading_answers import read_text

__all__ = ["of_endpoint", "of_endpoint_data", "of_event_data", "of_request_data"]

_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ANY: Final = "-"  # in place of what is missing or wrong


def of_request_data(data: Any, quotas: Quotas) -> list[Problem]:
    """
    Return the quotas that data of a request exceeds, those of its items included.

    Its bytes are not measured.
    """
    count = 0
    problems = []
    batches = _members(data).get("BatchItem")
    batches = batches if isinstance(batches, dict) else {}
    for endpoint_id, batch in batches.items():
        path = ("BatchItem", endpoint_id)
        over = of_endpoint_data(_members(batch).get("Endpoint"), quotas)
        problems += [each.below(*path, "Endpoint") for each in over]
        events = _members(batch).get("Events")
        for event_id, event in events.items() if isinstance(events, dict) else ():
            count += 1
            over = of_event_data(event, quotas)
            problems += [each.below(*path, "Events", event_id) for each in over]
    of_all = request_problems(count, 0, quotas, endpoints=len(batches))
    return [*map(in_wire_names, of_all), *problems]


def of_endpoint(endpoint: Endpoint, quotas: Quotas) -> list[Problem]:
    """Return the quotas that an endpoint exceeds."""
    over = endpoint_problems(endpoint, len(to_json(endpoint)), quotas)
    return [in_wire_names(problem) for problem in over]


def of_endpoint_data(data: Any, quotas: Quotas) -> list[Problem]:
    """Return the quotas that data of an endpoint exceeds."""
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
    """Return the quotas that data of an event exceeds."""
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
