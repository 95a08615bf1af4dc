"""
The event id, copied into an attribute of the event.

Pinpoint's stream has no event id, so a consumer cannot recognise an event that arrives
twice. In an attribute, the id reaches every consumer. The attribute counts towards the
quotas of an event: check them after the copy.
"""

from typing import Any

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._immutable import dict_inside
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import Problem, ProblemCode

__all__ = ["with_event_id", "with_event_ids"]


def with_event_id(event: Event, event_id: str, attribute: str) -> Event:
    """
    Return the event with its id as one of its attributes.

    Args:
        event: The event; returned as it is if it already has the attribute.
        event_id: Its id.
        attribute: The name of the attribute.

    Raises:
        ValidationError: If the attribute already has another value.
    """
    found = dict_inside(event.attributes).get(attribute)
    if found == event_id:
        return event
    if found is not None:
        path = ("attributes", attribute)
        raise ValidationError([Problem(ProblemCode.ATTRIBUTE_TAKEN, path)])
    attributes: Any = event.attributes | {attribute: event_id}
    return attrs.evolve(event, attributes=attributes)


def with_event_ids(request: EventsRequest, attribute: str) -> EventsRequest:
    """
    Return the request with the id of each event as one of its attributes.

    Args:
        request: The request.
        attribute: The name of the attribute.

    Raises:
        ValidationError: With a problem for each event in which the attribute already
            has another value.
    """
    problems: list[Problem] = []
    batches: dict[str, EventsBatch] = {}
    for endpoint_id, batch in dict_inside(request.batch_item).items():
        events: dict[str, Event] = {}
        for event_id, event in dict_inside(batch.events).items():
            try:
                events[event_id] = with_event_id(event, event_id, attribute)
            except ValidationError as error:
                place = ("batch_item", endpoint_id, "events", event_id)
                problems += [problem.below(*place) for problem in error.problems]
        batches[endpoint_id] = attrs.evolve(batch, events=events)
    if problems:
        raise ValidationError(problems)
    return EventsRequest(batch_item=batches)
