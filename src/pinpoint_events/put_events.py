"""
The call, without the sending: what goes out, and what an answer means.

Functions of values. Time, connections, credentials and patience are the senders'.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import attrs

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    QuotaExceededError,
    ServiceError,
    TooManyRequestsError,
    ValidationError,
    shortened,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.quotas import Quotas, request_problems
from pinpoint_events.wire import decode, from_wire, read_text, to_json

__all__ = [
    "HttpRequest",
    "HttpResponse",
    "events_response",
    "http_request",
    "merged_response",
    "path_of",
    "refuse_over_quota",
    "service_error",
]

_ERROR_CLASSES: Final[Mapping[int, type[ServiceError]]] = {
    400: BadRequestError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    413: PayloadTooLargeError,
    429: TooManyRequestsError,
}
_SUCCESS: Final = 2  # hundred
_SERVER_ERRORS: Final = 5  # hundred
_MESSAGE_CHARACTERS: Final = 1_000  # the longest message seen has about 100
_WAIT_DIGITS: Final = 9  # 30 years of seconds; more is no wait that anybody means


@attrs.frozen(kw_only=True)
class HttpRequest:
    """
    A request, before it is signed.

    Attributes:
        method: HTTP method.
        path: Percent-encoded path; what the endpoint URL has of one comes before it.
        headers: Names in any case.
        body: The bytes to send; left out of the `repr`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class HttpResponse:
    """
    A complete answer.

    Attributes:
        status: HTTP status code.
        headers: Names in lower case.
        body: The bytes that came; left out of the `repr`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


def refuse_over_quota(request: EventsRequest, quotas: Quotas) -> None:
    """
    Raise if the request as a whole is more than the service takes.

    Raises:
        QuotaExceededError: With every violation of the request quotas.
    """
    count = sum(len(batch.events) for batch in request.batch_item.values())
    over = request_problems(count, len(to_json(request)), quotas)
    if over:
        raise QuotaExceededError(over)


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
        told = "the application id is empty or dots; pass that of your Pinpoint project"
        raise ConfigurationError(told)
    return f"/v1/apps/{quote(application_id, safe='')}/events"


def events_response(response: HttpResponse) -> EventsResponse:
    """
    Return what the answer says, whatever of it there is.

    Raises:
        ServiceError: If the service refused the whole request.
        InvalidResponseError: If it says yes with a body that is no JSON object.
    """
    if response.status // 100 != _SUCCESS:
        raise service_error(response)
    request_id = _request_id(response, {})
    if not response.body.strip():
        return EventsResponse(request_id=request_id)
    try:
        answer = from_wire(EventsResponse, decode(response.body))
    except ValidationError:
        told = (
            f"the answer (HTTP {response.status}, {len(response.body):,} bytes of "
            f"{_content_type(response)}) is no JSON object; the events may have been "
            "taken; check the endpoint URL"
        )
        # From None: the error above says where in the text, and no more.
        raise InvalidResponseError(told, request_id=request_id) from None
    return attrs.evolve(answer, request_id=request_id)


def _content_type(response: HttpResponse) -> str:
    stated = response.headers.get("content-type")
    return shortened(stated) if stated else "no stated type"


def service_error(response: HttpResponse) -> ServiceError:
    """Return the error that an answer other than 2xx stands for."""
    said = _members(response.body)
    status = response.status
    kind = InternalServerError if status // 100 == _SERVER_ERRORS else ServiceError
    message = read_text(said.get("Message")) or read_text(said.get("message")) or ""
    return _ERROR_CLASSES.get(status, kind)(
        status,
        _code(response, said) or str(status),
        message[:_MESSAGE_CHARACTERS],
        _request_id(response, said),
        _retry_after_seconds(response.headers),
    )


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        said = decode(body)
    except ValidationError:
        return {}  # a proxy's page, or nothing
    return said if isinstance(said, Mapping) else {}


def _code(response: HttpResponse, said: Mapping[str, Any]) -> str:
    # As botocore reads it: the header, else the body; a URL may follow the name and a
    # namespace may go before it.
    named = (response.headers.get("x-amzn-errortype"), said.get("__type"))
    for code in (*named, said.get("code")):
        if name := (read_text(code) or "").split(":")[0].rpartition("#")[2].strip():
            return name[:_MESSAGE_CHARACTERS]
    return ""


def _request_id(response: HttpResponse, said: Mapping[str, Any]) -> str | None:
    headers = response.headers
    found = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    return read_text(found or said.get("RequestID")) or None


def _retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long the service asks to wait; it has three ways to say so."""
    milliseconds = headers.get("x-amz-retry-after", "").strip()
    if _is_wait(milliseconds):
        return int(milliseconds) / 1000
    wait = headers.get("retry-after", "").strip()
    if _is_wait(wait):
        return float(wait)
    try:
        until = parsedate_to_datetime(wait)
        now = parsedate_to_datetime(headers["date"])
        return max(0.0, (until - now).total_seconds())
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def _is_wait(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _WAIT_DIGITS


def merged_response(
    request: EventsRequest,
    first: EventsResponse,
    sent_again: EventsRequest,
    second: EventsResponse,
) -> EventsResponse:
    """
    Return what is known after some items of a request were sent a second time.

    An item that the second answer leaves out keeps its first response.

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
        if response is None:
            continue
        # Events take an empty endpoint along where the endpoint itself is not sent
        # again: that this was accepted says nothing of the endpoint.
        if event_id is None and item != request.batch_item[endpoint_id].endpoint:
            continue
        if event_id is None and _is_settled(known[endpoint_id, None]):
            continue
        known[endpoint_id, event_id] = response
    results = dict(first.results)
    for endpoint_id in sent_again.batch_item:
        events = request.batch_item[endpoint_id].events
        results[endpoint_id] = ItemResponse(
            endpoint_item_response=known[endpoint_id, None],
            events_item_response={
                event_id: known[endpoint_id, event_id]
                for event_id in events
                if known[endpoint_id, event_id] is not None
            },
        )
    request_id = second.request_id or first.request_id
    return EventsResponse(results=results, request_id=request_id)


def _is_settled(response: EndpointItemResponse | EventItemResponse | None) -> bool:
    return response is not None and response.outcome in _SETTLED


_SETTLED: Final = frozenset({Outcome.ACCEPTED, Outcome.REJECTED})
