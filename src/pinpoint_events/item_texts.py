"""
The JSON text of the events and endpoints that are within the quotas.

A writer, from the compiled part where that is used, returns None for what it does not
know to be within the quotas: `checked_event` and `checked_endpoint` examine that in
detail, and raise.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from pinpoint_events.compiled import core
from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Problem
from pinpoint_events.quotas import (
    Quotas,
    bound,
    endpoint_problems,
    event_check,
    is_endpoint_within,
)
from pinpoint_events.wire import to_json
from pinpoint_events.wire.api import writer
from pinpoint_events.wire.json_text import encode

__all__ = [
    "checked_endpoint",
    "checked_event",
    "endpoint_writer",
    "endpoint_writer_in_python",
    "event_writer",
    "event_writer_in_python",
]


def event_writer(quotas: Quotas) -> Callable[..., bytes | None]:
    """
    Return a function that writes the events that are within the quotas.

    It takes an event, and optionally its id; it returns the JSON text of the event,
    with an id that of the member `"id":event`. For anything else, and for what it does
    not know to be within the quotas, it returns None.
    """
    if core is None:
        return event_writer_in_python(quotas)
    write: Callable[..., bytes | None] = core.limited_writer(
        Event,
        bound(quotas.event_bytes),
        bound(quotas.event_attributes_and_metrics),
        bound(quotas.event_attribute_key_characters),
        bound(quotas.event_attribute_value_characters),
        sys.maxsize,
    )
    return write


def event_writer_in_python(quotas: Quotas) -> Callable[..., bytes | None]:
    """Return the function that the compiled part replaces."""
    check = event_check(quotas)
    members_of = writer(Event, shares=True)

    def write(event: Any, event_id: str | None = None) -> bytes | None:
        if type(event) is not Event:
            return None
        text = encode(members_of(event))
        if check(event, len(text)):
            return None
        if event_id is None:
            return text
        if type(event_id) is str and event_id and event_id.isascii():
            return b"%b:%b" % (encode(event_id), text)
        return None

    return write


def endpoint_writer(quotas: Quotas) -> Callable[[Endpoint], bytes | None]:
    """Return such a function for endpoints, which are written without their ids."""
    if core is None:
        return endpoint_writer_in_python(quotas)
    write: Callable[[Endpoint], bytes | None] = core.limited_writer(
        Endpoint,
        bound(quotas.endpoint_bytes),
        bound(quotas.endpoint_attributes_and_metrics),
        bound(quotas.endpoint_attribute_key_characters),
        bound(quotas.endpoint_attribute_value_characters),
        bound(quotas.endpoint_attribute_values),
    )
    return write


def endpoint_writer_in_python(quotas: Quotas) -> Callable[[Endpoint], bytes | None]:
    """Return the function that the compiled part replaces."""

    def write(endpoint: Endpoint) -> bytes | None:
        text = to_json(endpoint)
        return text if is_endpoint_within(endpoint, len(text), quotas) else None

    return write


def checked_event(event: Event, quotas: Quotas, path: Sequence[str]) -> bytes:
    """
    Return the JSON text of an event.

    Raises:
        QuotaExceededError: If it is over a quota; its problems are below the path.
    """
    text = to_json(event)
    _refuse(event_check(quotas)(event, len(text)), path)
    return text


def checked_endpoint(endpoint: Endpoint, quotas: Quotas, path: Sequence[str]) -> bytes:
    """
    Return the JSON text of an endpoint.

    Raises:
        QuotaExceededError: If it is over a quota; its problems are below the path.
    """
    text = to_json(endpoint)
    _refuse(endpoint_problems(endpoint, len(text), quotas), path)
    return text


def _refuse(over: Sequence[Problem], path: Sequence[str]) -> None:
    if over:
        raise QuotaExceededError(problem.below(*path) for problem in over)
