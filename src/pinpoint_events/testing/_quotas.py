"""
Strategies for quotas, and functions that bring values within quotas.

Values are truncated rather than rejected and drawn again: a value that was too long
then has exactly the maximum length, so that values at a bound are frequent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import (
    Quotas,
    endpoint_problems,
    event_check,
    request_problems,
)
from pinpoint_events.testing._values import either, integers, optional
from pinpoint_events.wire import to_json

__all__ = ["quotas"]

_FIELDS: Final = tuple(field.name for field in attrs.fields(Quotas))


def quotas(
    *,
    limits: SearchStrategy[int | None] | None = None,
    **single: SearchStrategy[int | None],
) -> SearchStrategy[Quotas]:
    """
    Any quotas: the documented ones, low ones, and any others.

    Args:
        limits: Each limit that is not given by name; None disables a limit.
        single: A limit by its name, as in `events_per_request=st.just(3)`.
    """
    low = st.integers(1, 5) | st.integers(1, 1000)
    each = either(limits, st.one_of(optional(integers(min_value=1)), low))
    some = st.builds(Quotas, **{**dict.fromkeys(_FIELDS, each), **single})
    if limits is not None:
        return some
    return st.builds(Quotas, **single) | some


def fitted_event(within: Quotas, event: Event) -> Event | None:
    """Return the event reduced to the quotas; None if that is impossible."""
    key_length = within.event_attribute_key_characters
    value_length = within.event_attribute_value_characters
    attributes = {
        key[:key_length]: v[:value_length] for key, v in event.attributes.items()
    }
    kept, numbers = _first(
        within.event_attributes_and_metrics, attributes, event.metrics
    )
    event = attrs.evolve(event, attributes=kept, metrics=numbers)
    check = event_check(within)
    for smaller in _smaller_events(event):
        if not check(smaller, len(to_json(smaller))):
            return smaller
    return None


def _smaller_events(event: Event) -> Iterator[Event]:
    yield event
    count = len(event.attributes) + len(event.metrics)
    while count:
        count //= 2
        attributes, metrics = _first(count, event.attributes, event.metrics)
        yield attrs.evolve(event, attributes=attributes, metrics=metrics)
    yield Event(event.event_type, timestamp=event.timestamp)
    yield Event(event.event_type[:1], timestamp=event.timestamp)


def fitted_endpoint(within: Quotas, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint reduced to the quotas; `Endpoint()` is always within them."""
    user = endpoint.user
    attributes, metrics, of_user = _first(
        within.endpoint_attributes_and_metrics,
        _truncated(within, endpoint.attributes),
        endpoint.metrics,
        {} if user is None else _truncated(within, user.user_attributes),
    )
    if user is not None:
        user = attrs.evolve(user, user_attributes=of_user)
    endpoint = attrs.evolve(endpoint, attributes=attributes, metrics=metrics, user=user)
    return next(
        smaller
        for smaller in _smaller_endpoints(endpoint)
        if not endpoint_problems(smaller, len(to_json(smaller)), within)
    )


def _smaller_endpoints(endpoint: Endpoint) -> Iterator[Endpoint]:
    yield endpoint
    user = None if endpoint.user is None else User(user_id=endpoint.user.user_id)
    yield (endpoint := attrs.evolve(endpoint, attributes={}, metrics={}, user=user))
    yield Endpoint(endpoint_status=endpoint.endpoint_status, opt_out=endpoint.opt_out)
    yield Endpoint()


def _truncated(
    within: Quotas, lists: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    key_length = within.endpoint_attribute_key_characters
    value_length = within.endpoint_attribute_value_characters
    maximum = within.endpoint_attribute_values
    return {
        key[:key_length]: [text[:value_length] for text in texts[:maximum]]
        for key, texts in lists.items()
    }


def _first(maximum: int | None, *mappings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the mappings with at most this many members in total."""
    kept: list[dict[str, Any]] = []
    for mapping in mappings:
        left = None if maximum is None else maximum - sum(map(len, kept))
        kept.append(dict(list(mapping.items())[:left]))
    return kept


def fitted_batch(within: Quotas, batch: EventsBatch) -> EventsBatch:
    """Return the batch reduced to the quotas."""
    # A batch of many events repeats a few, so each different event is fitted once.
    fitted = {each: fitted_event(within, each) for each in {*batch.events.values()}}
    events = {key: fitted[event] for key, event in batch.events.items()}
    return EventsBatch(
        endpoint=fitted_endpoint(within, batch.endpoint),
        events={key: event for key, event in events.items() if event is not None},
    )


def fitted_request(within: Quotas, request: EventsRequest) -> EventsRequest | None:
    """Return the request reduced to the quotas; None if even an empty one is not."""
    # The builder computes the size after each step.
    builder = BatchBuilder(quotas=within)
    fits = not request_problems(0, builder.size_bytes, within)
    batches: dict[str, EventsBatch] = {}
    for endpoint_id, whole in request.batch_item.items():
        batch = fitted_batch(within, whole)
        builder.endpoint(endpoint_id, batch.endpoint)
        if request_problems(
            len(builder), builder.size_bytes, within, endpoints=len(batches) + 1
        ):
            break
        events: dict[str, Event] = {}
        for event_id, event in batch.events.items():
            builder.event(event, event_id=event_id)
            if request_problems(len(builder), builder.size_bytes, within):
                break
            events[event_id] = event
        batches[endpoint_id] = attrs.evolve(batch, events=events)
    return EventsRequest(batch_item=batches) if fits else None
