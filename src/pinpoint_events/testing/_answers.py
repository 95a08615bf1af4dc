"""Strategies for responses: typed, and as JSON data of the service."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from itertools import cycle
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemOutcome,
    ItemResponse,
    Outcome,
)
from pinpoint_events.testing._endpoints import endpoints
from pinpoint_events.testing._events import events
from pinpoint_events.testing._values import (
    ANY_NAME,
    ANY_TEXT,
    either,
    integers,
    optional,
)

__all__ = [
    "endpoint_item_responses",
    "event_item_responses",
    "events_responses",
    "item_outcomes",
    "item_responses",
    "outcomes",
    "responses_to",
    "status_codes",
    "wire_forms",
    "wire_responses_to",
]

_OUTCOME: Final = st.sampled_from(Outcome)
_REQUEST_ID: Final = optional(ANY_TEXT)
_CODES: Final[Mapping[Outcome, SearchStrategy[int]]] = {
    Outcome.ACCEPTED: st.just(202),
    Outcome.REJECTED: st.sampled_from([400, 403, 404, 413, 428, 430, 499])
    | st.integers(400, 428)
    | st.integers(430, 499),
    Outcome.RETRYABLE: st.sampled_from([429, 500, 503, 599]) | st.integers(500, 599),
    Outcome.UNREPORTED: st.sampled_from(
        [0, -1, 100, 200, 201, 203, 207, 301, 399, 600, -202, -429, 4290]
    )
    | integers().filter(lambda code: Outcome.of(code) is Outcome.UNREPORTED),
}

_FEW_EVENTS: Final = 4  # each with a different response
_MESSAGES: Final = (
    "Accepted",
    "accepted",
    "Number of attributes per event submitted should be less than 40.",
    "Missing ChannelType",
)


def outcomes() -> SearchStrategy[Outcome]:
    """Any outcome."""
    return st.sampled_from(Outcome)


def status_codes(
    *, outcomes: SearchStrategy[Outcome] | None = None
) -> SearchStrategy[int]:
    """
    Any status code of an item: those of the service, and any int within +-2**53.

    Args:
        outcomes: The outcomes that the codes mean.
    """
    return either(outcomes, _OUTCOME).flatmap(_CODES.__getitem__)


_OPTIONAL_MESSAGE: Final = optional(st.sampled_from(_MESSAGES) | ANY_TEXT)


R = TypeVar("R", EndpointItemResponse, EventItemResponse)


def _item_responses(
    cls: type[R],
    status_codes: SearchStrategy[int | None] | None,
    messages: SearchStrategy[str | None] | None,
) -> SearchStrategy[R]:
    return st.builds(
        cls,
        status_code=either(status_codes, _OPTIONAL_CODE),
        message=either(messages, _OPTIONAL_MESSAGE),
    )


def endpoint_item_responses(
    *,
    status_codes: SearchStrategy[int | None] | None = None,
    messages: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[EndpointItemResponse]:
    """
    Any item response for an endpoint.

    Args:
        status_codes: Status codes.
        messages: The service's messages.
    """
    return _item_responses(EndpointItemResponse, status_codes, messages)


def event_item_responses(
    *,
    status_codes: SearchStrategy[int | None] | None = None,
    messages: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[EventItemResponse]:
    """
    Any item response for an event.

    Args:
        status_codes: Status codes.
        messages: The service's messages.
    """
    return _item_responses(EventItemResponse, status_codes, messages)


_OPTIONAL_CODE: Final = optional(status_codes())


def item_responses(
    *,
    endpoint_item_responses: SearchStrategy[EndpointItemResponse | None] | None = None,
    events_item_responses: (
        SearchStrategy[Mapping[str, EventItemResponse]] | None
    ) = None,
    status_codes: SearchStrategy[int] | None = None,
) -> SearchStrategy[ItemResponse]:
    """
    Any response for an endpoint and its events.

    Args:
        endpoint_item_responses: Item responses for the endpoint.
        events_item_responses: Item responses for the events, by event id; a response
            may have an empty id.
        status_codes: Bare codes in place of item responses; `st.nothing()` for none.
    """
    event_responses = st.dictionaries(ANY_TEXT, _EVENT_ITEM, max_size=_FEW_EVENTS)
    whole = st.builds(
        ItemResponse,
        endpoint_item_response=either(
            endpoint_item_responses, optional(_ENDPOINT_ITEM)
        ),
        events_item_response=either(events_item_responses, event_responses),
    )
    bare = either(status_codes, _CODE)
    return whole | st.builds(ItemResponse, status_code=bare)


_EVENT: Final = optional(events())
_ENDPOINT: Final = optional(endpoints())
_CODE: Final = status_codes()
_ENDPOINT_ITEM: Final = endpoint_item_responses()
_EVENT_ITEM: Final = event_item_responses()


def events_responses(
    *,
    results: SearchStrategy[Mapping[str, ItemResponse]] | None = None,
    request_ids: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[EventsResponse]:
    """
    Any response, to any request.

    Args:
        results: Responses for endpoints and their events, by endpoint id.
        request_ids: The service's request ids.
    """
    any_results = st.dictionaries(ANY_TEXT, item_responses(), max_size=3)
    return st.builds(
        EventsResponse,
        results=either(results, any_results),
        request_id=either(request_ids, _REQUEST_ID),
    )


def item_outcomes(
    *, outcomes: SearchStrategy[Outcome] | None = None
) -> SearchStrategy[ItemOutcome]:
    """
    Any outcome of an endpoint or event, with its item.

    Args:
        outcomes: Outcomes.
    """
    return _item_outcomes(either(outcomes, _OUTCOME), _EVENT, _ENDPOINT)


def outcomes_without_items(
    *, outcomes: SearchStrategy[Outcome]
) -> SearchStrategy[ItemOutcome]:
    """Return the same without the items, as in errors, which have none."""
    return _item_outcomes(outcomes, st.none(), st.none())


@st.composite
def _item_outcomes(
    draw: DrawFn,
    outcomes: SearchStrategy[Outcome],
    events: SearchStrategy[Event | None],
    endpoints: SearchStrategy[Endpoint | None],
) -> ItemOutcome:
    is_event = draw(st.booleans())
    outcome = draw(outcomes)
    code = draw(_code_of(outcome))
    message = draw(_OPTIONAL_MESSAGE)
    kind = EventItemResponse if is_event else EndpointItemResponse
    response = kind(status_code=code, message=message)
    is_missing = code is None and draw(st.booleans())
    return ItemOutcome(
        draw(ANY_NAME),
        draw(ANY_NAME) if is_event else None,
        draw(events if is_event else endpoints),
        None if is_missing else response,
        outcome,
    )


def responses_to(
    request: EventsRequest,
    *,
    outcomes: SearchStrategy[Outcome] | None = None,
    request_ids: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[EventsResponse]:
    """
    Any response to the request: each item accepted, rejected, retryable or unreported.

    Items may be missing, an endpoint and its events may share one bare status code, and
    there may be items that are not in the request.

    Args:
        request: The request.
        outcomes: Outcomes, drawn for one item after the other; any by default.
        request_ids: The service's request ids.
    """
    return _responses_to(
        request,
        either(outcomes, _OUTCOME),
        either(request_ids, _REQUEST_ID),
    )


@st.composite
def _responses_to(
    draw: DrawFn,
    request: EventsRequest,
    outcomes: SearchStrategy[Outcome],
    request_ids: SearchStrategy[str | None],
) -> EventsResponse:
    pairs = outcomes.flatmap(_codes_and_messages)
    results: dict[str, ItemResponse] = {}
    # Items that are not in the request; the loop below removes any that are.
    results.update(draw(_EXTRA_RESULTS))
    for endpoint_id, batch in request.batch_item.items():
        results.pop(endpoint_id, None)
        item = _bare_item(draw(pairs)) if draw(st.booleans()) else None
        if item is None:
            item = draw(_items(pairs, batch.events))
        if item != ItemResponse() or draw(st.booleans()):
            results[endpoint_id] = item
    return EventsResponse(results=results, request_id=draw(request_ids))


_EXTRA_EVENTS: Final = st.dictionaries(ANY_NAME, _EVENT_ITEM, max_size=1)
_EXTRA_RESULTS: Final = st.dictionaries(
    ANY_NAME, item_responses(events_item_responses=_EXTRA_EVENTS), max_size=1
)

# A status code and a message; None for a missing item.
_CodeAndMessage = tuple[int | None, str | None] | None


@cache
def _codes_and_messages(outcome: Outcome) -> SearchStrategy[_CodeAndMessage]:
    pairs: SearchStrategy[_CodeAndMessage]
    pairs = st.tuples(_code_of(outcome), _OPTIONAL_MESSAGE)
    return optional(pairs) if outcome is Outcome.UNREPORTED else pairs


@cache
def _code_of(outcome: Outcome) -> SearchStrategy[int | None]:
    codes = _CODES[outcome]
    return optional(codes) if outcome is Outcome.UNREPORTED else codes


def _bare_item(pair: _CodeAndMessage) -> ItemResponse:
    return ItemResponse(status_code=None if pair is None else pair[0])


@st.composite
def _items(
    draw: DrawFn, pairs: SearchStrategy[_CodeAndMessage], events: Mapping[str, Event]
) -> ItemResponse:
    event_responses = draw(_EXTRA_EVENTS)
    # Many events, as in a full request, get a few responses in turn: drawing is slow.
    responses = [draw(pairs) for _ in range(min(len(events), _FEW_EVENTS))]
    for event_id, event_response in zip(events, cycle(responses), strict=False):
        event_responses.pop(event_id, None)
        if event_response is not None:
            code, message = event_response
            event_responses[event_id] = EventItemResponse(
                status_code=code, message=message
            )
    endpoint_response = draw(pairs)
    if endpoint_response is None:
        return ItemResponse(events_item_response=event_responses)
    code, message = endpoint_response
    return ItemResponse(
        endpoint_item_response=EndpointItemResponse(status_code=code, message=message),
        events_item_response=event_responses,
    )


# --- As JSON data of the service ------------------------------------------------------


def wire_responses_to(
    request: EventsRequest, *, outcomes: SearchStrategy[Outcome] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """
    Any response to the request, as JSON data in any known form of the service.

    Args:
        request: The request.
        outcomes: Outcomes of items; any by default.
    """
    return responses_to(request, outcomes=outcomes).flatmap(wire_forms)


def wire_forms(response: EventsResponse) -> SearchStrategy[dict[str, Any]]:
    """
    Any JSON data for this response; `from_wire` reads them as an equal response.

    Codes are integers, whole floats or strings of digits, and bare if there is no
    message. A missing member is left out, null, or an empty object. There may be
    unknown members. The data are plain JSON.

    Args:
        response: The response.
    """
    return _wire_forms(response)


@st.composite
def _wire_forms(draw: DrawFn, response: EventsResponse) -> dict[str, Any]:
    results = {key: draw(_item_forms(item)) for key, item in response.results.items()}
    data: dict[str, Any] = draw(_UNKNOWN)
    if results:
        return {**data, "Results": results}
    return {**data, **draw(_missing("Results"))}


_UNKNOWN: Final[SearchStrategy[dict[str, Any]]] = st.dictionaries(
    st.sampled_from(["RequestID", "results", "Retry", ""]),
    st.none() | st.integers(0, 9) | st.builds(dict, StatusCode=st.just(500)),
    max_size=1,
)


def _missing(*names: str) -> SearchStrategy[dict[str, Any]]:
    """Return the ways in which members can be missing."""
    missing: SearchStrategy[Any] = st.none() | st.builds(dict)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, missing))


def _code_forms(code: int | None) -> SearchStrategy[Any]:
    if code is None:
        no_codes = [None, "", "Accepted", "4 04", "-1", "1" * 10, 2.5]
        return st.sampled_from(no_codes) | st.builds(list)
    forms: list[Any] = [code, float(code)]
    if 0 <= code < _MIN_UNREADABLE:
        forms.append(str(code))
    return st.sampled_from(forms)


_MIN_UNREADABLE: Final = 10**9


@st.composite
def _item_response_forms(
    draw: DrawFn, response: EndpointItemResponse | EventItemResponse
) -> Any:
    if response.message is None and draw(st.booleans()):
        return draw(_code_forms(response.status_code))
    data = draw(_UNKNOWN)
    if response.status_code is not None or draw(st.booleans()):
        data["StatusCode"] = draw(_code_forms(response.status_code))
    if response.message is not None:
        return {**data, "Message": response.message}
    return {**data, **draw(_missing("Message"))}


@st.composite
def _item_forms(draw: DrawFn, item: ItemResponse) -> Any:
    if item.status_code is not None:
        return draw(_code_forms(item.status_code))
    if item == ItemResponse() and draw(st.booleans()):
        return draw(_code_forms(None))
    data = draw(_UNKNOWN)
    endpoint_response = item.endpoint_item_response
    if endpoint_response is not None:
        # Not null, which means that there is no response.
        forms = _item_response_forms(endpoint_response).filter(_is_present)
        data["EndpointItemResponse"] = draw(forms)
    elif draw(st.booleans()):
        data["EndpointItemResponse"] = None
    if not item.events_item_response:
        return {**data, **draw(_missing("EventsItemResponse"))}
    # Equal responses get the same form: drawing a hundred forms is slow.
    responses = item.events_item_response
    written = {
        each: draw(_item_response_forms(each))
        for each in dict.fromkeys(responses.values())
    }
    data["EventsItemResponse"] = {
        key: deepcopy(written[responses[key]]) for key in responses
    }
    return data


def _is_present(form: Any) -> bool:
    return form is not None
