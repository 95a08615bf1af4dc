"""
The call, without the sending: what goes out, and what an answer means.

Functions of values. Time, connections, credentials and patience are the senders'.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import quote

import attrs

from pinpoint_events.errors import (
    ConfigurationError,
    InvalidResponseError,
    InvalidResponseErrorCode,
    ValidationError,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EventsResponse,
    ItemResponse,
    Outcome,
    outcome_of,
)
from pinpoint_events.problems import shortened
from pinpoint_events.service_errors import request_id_of, service_error
from pinpoint_events.wire import from_wire, to_json
from pinpoint_events.wire.json_text import decode

__all__ = [
    "events_response",
    "http_request",
    "merged_response",
    "path_of",
    "without",
]

_SUCCESS: Final = 2  # hundred


def http_request(application_id: str, request: EventsRequest) -> HttpRequest:
    """
    Return what to send, to be signed.

    Raises:
        ConfigurationError: If the application id is empty, or a step of a path.
    """
    return HttpRequest(
        method="POST",
        path=path_of(application_id),
        headers={"Content-Type": "application/json"},
        body=to_json(request),
    )


def path_of(application_id: str) -> str:
    """
    Return where an application takes its events, percent-encoded.

    Raises:
        ConfigurationError: If the application id is empty, or a step of a path.
    """
    if application_id in {"", ".", ".."}:
        message = (
            "the application id is empty or dots; pass that of your Pinpoint project"
        )
        raise ConfigurationError(message)
    return f"/v1/apps/{quote(application_id, safe='')}/events"


def events_response(response: HttpResponse) -> EventsResponse:
    """
    Return what the answer says, whatever of it there is.

    Raises:
        ServiceError: If the service rejected the whole request.
        InvalidResponseError: If it says yes with a body that is no JSON object.
    """
    if response.status // 100 != _SUCCESS:
        raise service_error(response)
    request_id = request_id_of(response, {})
    if not response.body.strip():
        return EventsResponse(request_id=request_id)
    try:
        answer = from_wire(EventsResponse, decode(response.body))
    except ValidationError:
        message = (
            f"the answer (HTTP {response.status}, {len(response.body):,} bytes of "
            f"{_content_type(response)}) is no JSON object; the events may have been "
            "accepted; check the endpoint URL"
        )
        # From None: the error above says where in the text, and no more.
        raise InvalidResponseError(
            message, request_id=request_id, code=InvalidResponseErrorCode.NOT_JSON
        ) from None
    return attrs.evolve(answer, request_id=request_id)


def _content_type(response: HttpResponse) -> str:
    stated = response.headers.get("content-type")
    return shortened(stated) if stated else "no stated type"


def merged_response(
    request: EventsRequest,
    first: EventsResponse,
    sent_again: EventsRequest,
    second: EventsResponse,
) -> EventsResponse:
    """
    Return what is known after some items of a request were sent a second time.

    An item that the second answer leaves out has no response any more: it may have been
    accepted.

    Args:
        request: The whole request.
        first: The answer to it.
        sent_again: The part of it that was sent again: `request.retry(first)`.
        second: The answer to that.
    """
    known: dict[tuple[str, str | None], Any] = {
        (outcome.endpoint_id, outcome.event_id): outcome.response
        for outcome in first.outcomes(request)
    }
    for endpoint_id, event_id, item, response, _ in second.outcomes(sent_again):
        before = known[endpoint_id, event_id]
        if response is None and outcome_of(before) is not Outcome.RETRYABLE:
            continue
        # Events take an empty endpoint along where the endpoint itself is not sent
        # again: that this was accepted says nothing of the endpoint.
        if event_id is None and item != request.batch_item[endpoint_id].endpoint:
            continue
        if event_id is None and outcome_of(before) in _SETTLED:
            continue
        known[endpoint_id, event_id] = response
    results = dict(first.results)
    for endpoint_id in sent_again.batch_item:
        names = (None, *request.batch_item[endpoint_id].events)
        results[endpoint_id] = _item({name: known[endpoint_id, name] for name in names})
    request_id = second.request_id or first.request_id
    return EventsResponse(results=results, request_id=request_id)


def without(
    response: EventsResponse,
    request: EventsRequest,
    items: AbstractSet[tuple[str, str | None]],
) -> EventsResponse:
    """
    Return an answer without what it says of some items, where they are not accepted.

    Args:
        response: The answer to the whole request.
        request: The whole request.
        items: Endpoint id and event id; None for the endpoint itself.
    """
    known: dict[str, dict[str | None, Any]] = {}
    changed = set()
    for endpoint_id, event_id, _, answered, outcome in response.outcomes(request):
        is_left_out = (
            outcome is not Outcome.ACCEPTED and (endpoint_id, event_id) in items
        )
        if is_left_out:
            changed.add(endpoint_id)
        known.setdefault(endpoint_id, {})[event_id] = None if is_left_out else answered
    results = dict(response.results)
    results.update((endpoint_id, _item(known[endpoint_id])) for endpoint_id in changed)
    return attrs.evolve(response, results=results)


def _item(known: Mapping[str | None, Any]) -> ItemResponse:
    """Return the answers of an endpoint by event id; under None that of its own."""
    answers: dict[Any, Any] = {k: v for k, v in known.items() if v is not None}
    return ItemResponse(
        endpoint_item_response=answers.pop(None, None), events_item_response=answers
    )


_SETTLED: Final = frozenset({Outcome.ACCEPTED, Outcome.REJECTED})
