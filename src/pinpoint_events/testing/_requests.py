"""Strategies for batches and requests, and for builders that hold some."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import ValidationError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing import _endpoints, _events, _quotas
from pinpoint_events.testing._objects import fitted, padded
from pinpoint_events.testing._quotas import fitted_batch, fitted_request
from pinpoint_events.testing._values import (
    ANY_NAME,
    around,
    either,
    mostly,
    numbered,
)
from pinpoint_events.wire import to_json

__all__ = ["batch_builders", "events_batches", "events_requests"]

_FEW_EVENTS: Final = 3
_FEW_BATCHES: Final = 3
_LARGE_EVENT_BYTES: Final = 900_000
_MAX_EVENTS: Final = 200  # in a batch that is drawn at a quota
_MAX_BYTES: Final = 4_000_000  # of a request that is drawn at a quota


_ENDPOINT: Final = _endpoints.endpoints()
_EVENT: Final = _events.events()
_QUOTAS: Final = _quotas.quotas()


def _event_counts(limit: int | None) -> list[int]:
    """Return counts of events, the lowest first: examples shrink to it."""
    return [1] if limit is None or limit > _MAX_EVENTS else [1, *around(limit)]


def events_batches(
    *,
    endpoints: SearchStrategy[Endpoint] | None = None,
    event_ids: SearchStrategy[str] | None = None,
    events: SearchStrategy[Event] | None = None,
    min_size: int = 0,
    max_size: int | None = None,
    within: Quotas | None = None,
) -> SearchStrategy[EventsBatch]:
    """
    Any batch: an endpoint, and none, a few, or as many events as a request may have.

    Args:
        endpoints: Endpoints.
        event_ids: Ids of events, not empty. If given, there are only a few events.
        events: Events.
        min_size: Minimum number of events.
        max_size: Maximum number of events; None for any number.
        within: Quotas that neither the endpoint nor an event exceeds; None for no
            quotas.
    """
    each = either(events, _EVENT)
    few: SearchStrategy[dict[str, Event]] = st.dictionaries(
        either(event_ids, ANY_NAME),
        each,
        min_size=min_size,
        max_size=min_size + _FEW_EVENTS if max_size is None else max_size,
    )
    limit = (within or Quotas()).events_per_request
    counts = [
        number
        for number in _event_counts(limit)
        if min_size <= number and (max_size is None or number <= max_size)
    ]
    if counts and event_ids is None:
        # One event repeated, so that many take no longer to draw than a few.
        many = st.builds(numbered, st.sampled_from(counts), each.filter(_is_small))
        few = mostly(few, many, one_in=16)
    made = st.builds(EventsBatch, endpoint=either(endpoints, _ENDPOINT), events=few)
    if within is None:
        return made

    def fit(batch: EventsBatch) -> EventsBatch | None:
        left = fitted_batch(within, batch)
        return None if len(left.events) < min_size else left

    return fitted(made, fit)


def _is_small(event: Event) -> bool:
    """Return whether a hundred copies of the event fit in memory."""
    return len(to_json(event)) <= _SMALL_EVENT_BYTES


_SMALL_EVENT_BYTES: Final = 50_000
_BATCH: Final = events_batches()


def events_requests(
    *,
    endpoint_ids: SearchStrategy[str] | None = None,
    batches: SearchStrategy[EventsBatch] | None = None,
    min_size: int = 0,
    max_size: int | None = None,
    within: Quotas | None = None,
) -> SearchStrategy[EventsRequest]:
    """
    Any request: none or a few endpoints, each with any events.

    Some requests have exactly as many events or bytes as the quotas allow, or one fewer
    or more.

    Args:
        endpoint_ids: Ids of endpoints, not empty.
        batches: Batches.
        min_size: Minimum number of endpoints.
        max_size: Maximum number of endpoints; None for any number.
        within: Quotas that no request exceeds, by `check_quotas`; None for no quotas.
    """
    ids = either(endpoint_ids, ANY_NAME)
    made = st.builds(
        EventsRequest,
        batch_item=st.dictionaries(
            ids,
            either(batches, _BATCH),
            min_size=min_size,
            max_size=min_size + _FEW_BATCHES if max_size is None else max_size,
        ),
    )
    if batches is None and min_size <= 1 and max_size != 0:
        sizes = _request_sizes(within)
        if sizes:
            large = st.builds(large_request, ids, _EVENT, st.sampled_from(sizes))
            made = mostly(made, large, one_in=24)
    if within is None:
        return made

    def fit(request: EventsRequest) -> EventsRequest | None:
        left = fitted_request(within, request)
        return None if left is None or len(left.batch_item) < min_size else left

    return fitted(made, fit)


def _request_sizes(within: Quotas | None) -> list[int]:
    limit = (within or Quotas()).request_bytes
    if limit is None or limit > _MAX_BYTES:
        return []
    # 0 pads nothing, and comes first so that large examples shrink to it.
    return [0, *around(limit)] if within is None else [0, limit - 1, limit]


def large_request(endpoint_id: str, event: Event, size: int) -> EventsRequest:
    """Return a request of this size, if possible, with no event over its quota."""
    large = padded(event, "app_title", _LARGE_EVENT_BYTES)
    ids = [f"event-{number}" for number in range(size // _LARGE_EVENT_BYTES + 1)]

    def request_with(last: Event) -> EventsRequest:
        events = {**dict.fromkeys(ids, large), ids[-1]: last}
        batch = EventsBatch(endpoint=Endpoint(), events=events)
        return EventsRequest(batch_item={endpoint_id: batch})

    missing = size - len(to_json(request_with(event)))
    return request_with(padded(event, "app_title", len(to_json(event)) + missing))


def batch_builders(
    *,
    quotas: SearchStrategy[Quotas] | None = None,
    endpoint_ids: SearchStrategy[str] | None = None,
    endpoints: SearchStrategy[Endpoint] | None = None,
    event_ids: SearchStrategy[str] | None = None,
    events: SearchStrategy[Event] | None = None,
    max_size: int = 8,
) -> SearchStrategy[BatchBuilder]:
    """
    Any builder, with none or a few endpoints and events, added one by one.

    Endpoints are added before, between and after their events. What the builder rejects
    is not in it. It may be empty, or hold more than one request can. The ids that it
    generates for events added later are numbered, so that a test is repeatable.

    Args:
        quotas: The builder's quotas.
        endpoint_ids: Ids of endpoints, not empty. One to three of them are used, in
            turn.
        endpoints: Endpoints.
        event_ids: Ids of events, not empty.
        events: Events.
        max_size: Maximum number of steps. Some steps add one event as many times as a
            request may have events.
    """
    return _batch_builders(
        either(quotas, _QUOTAS),
        either(endpoint_ids, ANY_NAME),
        either(endpoints, _ENDPOINT),
        either(event_ids, ANY_NAME),
        either(events, _EVENT),
        max_size,
    )


@st.composite
def _batch_builders(
    draw: DrawFn,
    quotas: SearchStrategy[Quotas],
    endpoint_ids: SearchStrategy[str],
    endpoints: SearchStrategy[Endpoint],
    event_ids: SearchStrategy[str],
    events: SearchStrategy[Event],
    max_size: int,
) -> BatchBuilder:
    within = draw(quotas)
    numbers = count(1)
    builder = BatchBuilder(quotas=within, new_event_id=lambda: f"new-{next(numbers)}")
    ids = draw(st.lists(endpoint_ids, min_size=1, max_size=3))
    steps = st.one_of(
        st.builds(_endpoint_step, endpoints),
        st.builds(
            _event_step,
            mostly(
                st.just(1), st.sampled_from(_event_counts(within.events_per_request))
            ),
            event_ids,
            events,
        ),
    )
    at = st.tuples(st.integers(0, len(ids) - 1), steps)
    for position, step in draw(st.lists(at, max_size=max_size)):
        step(builder, ids, position)
    return builder


Step = Callable[[BatchBuilder, Sequence[str], int], None]


def _endpoint_step(endpoint: Endpoint) -> Step:
    def step(builder: BatchBuilder, ids: Sequence[str], position: int) -> None:
        with suppress(ValidationError):
            builder.endpoint(ids[position], endpoint)

    return step


def _event_step(times: int, event_id: str, event: Event) -> Step:
    """Add the event this many times, to the endpoints in turn from the position on."""

    def step(builder: BatchBuilder, ids: Sequence[str], position: int) -> None:
        for number in range(times if _is_small(event) else 1):
            endpoint_id = ids[(position + number) % len(ids)]
            numbered_id = f"{event_id}-{number}" if number else event_id
            with suppress(ValidationError):
                builder.add(endpoint_id, event, event_id=numbered_id)

    return step
