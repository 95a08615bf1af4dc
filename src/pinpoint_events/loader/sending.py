"""Sending a batch, and what became of each of its items: by an answer or an error."""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from pinpoint_events.errors import (
    BadRequestError,
    InvalidResponseError,
    PayloadTooLargeError,
    PinpointEventsError,
    ServiceError,
    ValidationError,
)
from pinpoint_events.loader.items import BAD_REQUEST
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.senders.protocol import Sender

__all__ = ["Answer", "Failure", "Key", "failures", "send", "trouble_in"]

Answer: TypeAlias = EventsResponse | PinpointEventsError
Key: TypeAlias = tuple[str, str | None]
"""Endpoint id, and event id; None for the endpoint itself."""

# The request itself is at fault, and the next one need not be. Any other error says
# that the next would fare no better: credentials, application, network, store.
_OF_THE_REQUEST: Final = (BadRequestError, PayloadTooLargeError, ValidationError)


class Failure(NamedTuple):
    """
    What became of an item that was not accepted.

    Attributes:
        outcome: In one word.
        code: HTTP status of the item, or of the call; None if there was none.
        message: The service's words, or the error's; None if there are none.
        batch: The endpoint and events that it was sent in.
    """

    outcome: Outcome
    code: int | None
    message: str | None
    batch: EventsBatch


def send(sender: Sender, requests: Sequence[EventsRequest]) -> tuple[Answer, ...]:
    """Send one after the other; those behind one that stops the run are not sent."""
    answers: list[Answer] = []
    for request in requests:
        try:
            answers.append(sender.put_events(request))
        except PinpointEventsError as error:
            answers.append(error)
            if not isinstance(error, _OF_THE_REQUEST):
                break
    return tuple(answers)


def trouble_in(answers: Sequence[Answer]) -> PinpointEventsError | None:
    """Return the error that stops the run, if there is one: it is the last answer."""
    for answer in answers[-1:]:
        if not isinstance(answer, (EventsResponse, *_OF_THE_REQUEST)):
            return answer
    return None


def failures(
    requests: Sequence[EventsRequest], answers: Sequence[Answer]
) -> dict[Key, Failure]:
    """
    Return what became of each item that was not accepted.

    Of a request that was not sent it is what became of the one before it.
    """
    found: dict[Key, Failure] = {}
    for number, request in enumerate(requests):
        answer = answers[min(number, len(answers) - 1)]
        if isinstance(answer, EventsResponse):
            for endpoint_id, event_id, _, response, outcome in answer.outcomes(request):
                if outcome is not Outcome.ACCEPTED:
                    code = None if response is None else response.status_code
                    said = None if response is None else response.message
                    batch = request.batch_item[endpoint_id]
                    found[endpoint_id, event_id] = Failure(outcome, code, said, batch)
        else:
            outcome, code = _meaning(answer)
            for endpoint_id, batch in request.batch_item.items():
                failure = Failure(outcome, code, str(answer), batch)
                found[endpoint_id, None] = failure
                found.update({(endpoint_id, each): failure for each in batch.events})
    return found


def _meaning(error: PinpointEventsError) -> tuple[Outcome, int | None]:
    """Return what an error says of all items of a request, and its HTTP status."""
    if isinstance(error, ValidationError):
        return Outcome.REJECTED, BAD_REQUEST
    code = error.status if isinstance(error, ServiceError) else None
    if isinstance(error, _OF_THE_REQUEST):
        return Outcome.REJECTED, code
    if isinstance(error, InvalidResponseError):
        return Outcome.UNREPORTED, None
    return Outcome.RETRYABLE, code
