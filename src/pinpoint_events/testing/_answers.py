"""Strategies for answers: typed, and as the service may write them."""

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

_FEW_EVENTS: Final = 4  # of which each has a different response
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
        outcomes: What the codes mean.
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
    Anything that an answer may say of an endpoint.

    Args:
        status_codes: Status codes.
        messages: The service's words.
    """
    return _item_responses(EndpointItemResponse, status_codes, messages)


def event_item_responses(
    *,
    status_codes: SearchStrategy[int | None] | None = None,
    messages: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[EventItemResponse]:
    """
    Anything that an answer may say of an event.

    Args:
        status_codes: Status codes.
        messages: The service's words.
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
    Anything that an answer may say of an endpoint and its events.

    Args:
        endpoint_item_responses: What it says of the endpoint.
        events_item_responses: What it says of the events, by their ids; an empty id is
            possible in an answer.
        status_codes: Bare codes that stand for all of it; `st.nothing()` for none.
    """
    of_events = st.dictionaries(ANY_TEXT, _EVENT_ITEM, max_size=_FEW_EVENTS)
    whole = st.builds(
        ItemResponse,
        endpoint_item_response=either(
            endpoint_item_responses, optional(_ENDPOINT_ITEM)
        ),
        events_item_response=either(events_item_responses, of_events),
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
    Any answer, to whatever request.

    Args:
        results: What became of endpoints and their events, by the endpoints' ids.
        request_ids: The service's ids of the call.
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
    What may have become of any endpoint or event.

    Args:
        outcomes: What did.
    """
    return _item_outcomes(either(outcomes, _OUTCOME), _EVENT, _ENDPOINT)


def outcomes_without_items(
    *, outcomes: SearchStrategy[Outcome]
) -> SearchStrategy[ItemOutcome]:
    """Return the same without the items, as in errors, which carry none."""
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
    Any answer to the request: each item accepted, rejected, retryable or unreported.

    Items may be missing, an endpoint and its events may have one bare code, and there
    may be items that nobody asked about.

    Args:
        request: What is answered.
        outcomes: What becomes of an item, drawn for one after the other; anything if
            left out.
        request_ids: The service's ids of the call.
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
    said = outcomes.flatmap(_said)
    results: dict[str, ItemResponse] = {}
    # What nobody asked about, unless somebody did.
    results.update(draw(_UNASKED_RESULTS))
    for endpoint_id, batch in request.batch_item.items():
        results.pop(endpoint_id, None)
        item = _bare_item(draw(said)) if draw(st.booleans()) else None
        if item is None:
            item = draw(_items(said, batch.events))
        if item != ItemResponse() or draw(st.booleans()):
            results[endpoint_id] = item
    return EventsResponse(results=results, request_id=draw(request_ids))


_UNASKED_EVENTS: Final = st.dictionaries(ANY_NAME, _EVENT_ITEM, max_size=1)
_UNASKED_RESULTS: Final = st.dictionaries(
    ANY_NAME, item_responses(events_item_responses=_UNASKED_EVENTS), max_size=1
)

# A status code and a message; None for an item that is missing.
_Said = tuple[int | None, str | None] | None


@cache
def _said(outcome: Outcome) -> SearchStrategy[_Said]:
    said: SearchStrategy[_Said] = st.tuples(_code_of(outcome), _OPTIONAL_MESSAGE)
    return optional(said) if outcome is Outcome.UNREPORTED else said


@cache
def _code_of(outcome: Outcome) -> SearchStrategy[int | None]:
    codes = _CODES[outcome]
    return optional(codes) if outcome is Outcome.UNREPORTED else codes


def _bare_item(said: _Said) -> ItemResponse:
    return ItemResponse(status_code=None if said is None else said[0])


@st.composite
def _items(
    draw: DrawFn, said: SearchStrategy[_Said], events: Mapping[str, Event]
) -> ItemResponse:
    of_events = draw(_UNASKED_EVENTS)
    # Of many, as of a full request, each has one of a few responses, in turn.
    responses = [draw(said) for _ in range(min(len(events), _FEW_EVENTS))]
    for event_id, of_event in zip(events, cycle(responses), strict=False):
        of_events.pop(event_id, None)
        if of_event is not None:
            code, message = of_event
            of_events[event_id] = EventItemResponse(status_code=code, message=message)
    of_endpoint = draw(said)
    if of_endpoint is None:
        return ItemResponse(events_item_response=of_events)
    code, message = of_endpoint
    return ItemResponse(
        endpoint_item_response=EndpointItemResponse(status_code=code, message=message),
        events_item_response=of_events,
    )


# --- As the service may write them ----------------------------------------------------


def wire_responses_to(
    request: EventsRequest, *, outcomes: SearchStrategy[Outcome] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """
    Any answer to the request, as plain data, in any form that is known of the service.

    Args:
        request: What is answered.
        outcomes: What becomes of an item; anything if left out.
    """
    return responses_to(request, outcomes=outcomes).flatmap(wire_forms)


def wire_forms(response: EventsResponse) -> SearchStrategy[dict[str, Any]]:
    """
    Any form in which the service may write this answer; `from_wire` reads it as equal.

    Codes are numbers, whole floats or digits; bare, where there is no message; what is
    missing is left out, null, or an empty object; and there are members that nobody
    knows. All of it is plain JSON.

    Args:
        response: The answer.
    """
    return _wire_forms(response)


@st.composite
def _wire_forms(draw: DrawFn, response: EventsResponse) -> dict[str, Any]:
    results = {key: draw(_item_forms(item)) for key, item in response.results.items()}
    data: dict[str, Any] = draw(_UNKNOWN)
    if results:
        return {**data, "Results": results}
    return {**data, **draw(_absent("Results"))}


_UNKNOWN: Final[SearchStrategy[dict[str, Any]]] = st.dictionaries(
    st.sampled_from(["RequestID", "results", "Retry", ""]),
    st.none() | st.integers(0, 9) | st.builds(dict, StatusCode=st.just(500)),
    max_size=1,
)


def _absent(*names: str) -> SearchStrategy[dict[str, Any]]:
    """Return the ways in which members are not there."""
    absent: SearchStrategy[Any] = st.none() | st.builds(dict)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, absent))


def _code_forms(code: int | None) -> SearchStrategy[Any]:
    if code is None:
        no_codes = [None, "", "Accepted", "4 04", "-1", "1" * 10, 2.5]
        return st.sampled_from(no_codes) | st.builds(list)
    forms: list[Any] = [code, float(code)]
    if 0 <= code < _LEAST_NO_CODE:
        forms.append(str(code))
    return st.sampled_from(forms)


_LEAST_NO_CODE: Final = 10**9


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
    return {**data, **draw(_absent("Message"))}


@st.composite
def _item_forms(draw: DrawFn, item: ItemResponse) -> Any:
    if item.status_code is not None:
        return draw(_code_forms(item.status_code))
    if item == ItemResponse() and draw(st.booleans()):
        return draw(_code_forms(None))
    data = draw(_UNKNOWN)
    of_endpoint = item.endpoint_item_response
    if of_endpoint is not None:
        # Not null, which would be none at all.
        forms = _item_response_forms(of_endpoint).filter(_is_there)
        data["EndpointItemResponse"] = draw(forms)
    elif draw(st.booleans()):
        data["EndpointItemResponse"] = None
    if not item.events_item_response:
        return {**data, **draw(_absent("EventsItemResponse"))}
    # Equal responses are written alike: a hundred are not drawn one by one.
    responses = item.events_item_response
    written = {
        each: draw(_item_response_forms(each))
        for each in dict.fromkeys(responses.values())
    }
    data["EventsItemResponse"] = {
        key: deepcopy(written[responses[key]]) for key in responses
    }
    return data


def _is_there(form: Any) -> bool:
    return form is not None
