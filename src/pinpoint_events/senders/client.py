"""Sends through a client that the caller made: boto3's, botocore's, or one like it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import attrs

from pinpoint_events.errors import (
    ConfigurationError,
    InvalidResponseError,
    PinpointEventsError,
    QuotaExceededError,
    ServiceError,
    ValidationError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.put_events import events_response
from pinpoint_events.quotas import (
    Quotas,
    is_within,
    item_problems,
    request_problems,
)
from pinpoint_events.senders._redaction import addresses, redacted
from pinpoint_events.senders.protocol import BaseSender, checked_application_id
from pinpoint_events.wire import from_wire, to_wire
from pinpoint_events.wire.reading_answers import read_text

__all__ = ["ClientSender", "PutEventsClient"]

_SESSION_TOKEN: Final = re.compile(r"x-amz-security-token:\s*(\S+)", re.IGNORECASE)


class PutEventsClient(Protocol):
    """What `ClientSender` needs of a client."""

    def put_events(self, *args: Any, **kwargs: Any) -> Any:
        """Send `EventsRequest` to `ApplicationId`, and return what boto3 returns."""
        ...


class ClientSender(BaseSender):
    """
    Sends through a client of boto3 or botocore, or an object that behaves like one.

    The client stays the caller's: nothing on it is changed, and closing the sender does
    not close it. Credentials, region, timeouts and retries are the client's; this
    sender adds no retry. So a request that failed as a whole was sent again
    as often as the client's config says, and items that came back retryable were not:
    send `request.retry(response)`.

    Answers and errors are those of `PinpointSender`, but for two. Botocore takes a 2xx
    whose body is not JSON for an empty answer, and so everything in it counts as
    unreported. And an answer that botocore cannot read, a bare number in place of an
    item's response, is read here nevertheless, or is an `InvalidResponseError`.

    The quota of bytes is held against the text that botocore writes, which is larger
    than that of `to_json`.

    Thread-safe as the client is: boto3's clients are. Whether it may be used after a
    `fork` is up to the client, too; boto3 does not promise it.

    Args:
        client: What has `put_events(ApplicationId=..., EventsRequest=...)`, as
            `boto3.client("pinpoint")` has.
        application_id: The Pinpoint project; boto3 calls it `ApplicationId`.
        quotas: The limits of requests and their items.

    Attributes:
        application_id: As given.
        quotas: As given.

    Raises:
        ConfigurationError: If the client has no `put_events`, the application id is
            empty, or `quotas` is of another type.
    """

    application_id: str

    def __init__(
        self,
        client: PutEventsClient,
        application_id: str,
        *,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(quotas)
        self.application_id = checked_application_id(application_id)
        if not callable(getattr(client, "put_events", None)):
            raise ConfigurationError(
                f"a client of type {type(client).__qualname__} has no put_events(); "
                'pass boto3.client("pinpoint"), or an object like it'
            )
        self._client = client

    def _refuse_over_quota(self, request: EventsRequest) -> None:
        # As botocore writes it: blanks after separators, escapes for all but ASCII.
        size = len(json.dumps(to_wire(request)))
        over = request_problems(
            request.event_count,
            size,
            self.quotas,
            endpoints=len(request.batch_item),
        )
        if not is_within(request, self.quotas):
            over += item_problems(request, size, self.quotas)
        if over:
            raise QuotaExceededError(over)

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        try:
            answer = self._client.put_events(
                ApplicationId=self.application_id, EventsRequest=to_wire(request)
            )
        except Exception as error:
            outcome = _outcome_of(error)
            if outcome is None:
                raise  # no failure to send: a defect, or what a fake client is for
        else:
            return _response(answer)
        # Out here, what is raised has no error of botocore's in its context: those
        # hold the request, and the service's words as they came.
        return _answered(request, outcome)

    def __repr__(self) -> str:
        kind = type(self._client).__qualname__
        return f"<ClientSender of {self.application_id!r} through a client {kind!r}>"


def _outcome_of(error: Exception) -> HttpResponse | PinpointEventsError | None:
    # Loaded here, because only a client that fails needs botocore for certain.
    from pinpoint_events.senders._botocore_answer import unread_answer  # noqa: PLC0415
    from pinpoint_events.senders._client_errors import typed_error  # noqa: PLC0415

    return unread_answer(error) or typed_error(error)


def _answered(
    request: EventsRequest, outcome: HttpResponse | PinpointEventsError
) -> EventsResponse:
    try:
        if isinstance(outcome, HttpResponse):
            return events_response(outcome)
        raise outcome
    except ServiceError as error:
        failure = error
    # Out here for the same reason.
    tokens = _SESSION_TOKEN.findall(failure.message)
    raise redacted(failure, (*tokens, *addresses(request)))


def _response(answer: Any) -> EventsResponse:
    """Return what boto3's answer says, whatever of it there is."""
    try:
        response = from_wire(EventsResponse, answer)
    except ValidationError:
        raise InvalidResponseError(
            f"the client returned an object of type {type(answer).__qualname__}, and "
            "no dict as boto3 does; the events may have been accepted"
        ) from None
    metadata = answer.get("ResponseMetadata")
    if isinstance(metadata, Mapping):
        request_id = read_text(metadata.get("RequestId"))
        return attrs.evolve(response, request_id=request_id)
    return response
