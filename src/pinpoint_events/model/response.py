"""
Answers: the outcome of each endpoint and each event.

The shapes are the service's `EventsResponse`, `ItemResponse`, `EndpointItemResponse`
and `EventItemResponse`: Amazon Pinpoint API reference, `apps/application-id/events`.
All members are optional, in the reference and in real answers.
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, final

import attrs

from pinpoint_events.errors import ItemsFailedError, Redaction, is_retryable
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import (
    FrozenMap,
    Immutable,
    dict_inside,
    raise_if_invalid,
)
from pinpoint_events.model._registration import compiled_as
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Problem, ProblemCode, WordEnum

if TYPE_CHECKING:
    from pinpoint_events.model.request import EventsRequest

__all__ = [
    "EndpointItemResponse",
    "EventItemResponse",
    "EventsResponse",
    "ItemOutcome",
    "ItemResponse",
    "Outcome",
]


class Outcome(WordEnum):
    """
    The outcome of one item, by its status code.

    Attributes:
        ACCEPTED: 202.
        REJECTED: Any other 4xx: the item itself is at fault.
        RETRYABLE: 429 and 5xx: worth sending again.
        UNREPORTED: No code, or any other. The item may have been accepted.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETRYABLE = "retryable"
    UNREPORTED = "unreported"

    @classmethod
    def of(cls, status_code: int | None) -> "Outcome":
        """Return the outcome of a status code."""
        if status_code == _ACCEPTED:
            return cls.ACCEPTED
        if status_code is None:
            return cls.UNREPORTED
        if is_retryable(status_code):
            return cls.RETRYABLE
        is_client_error = status_code // 100 == _CLIENT_ERRORS
        return cls.REJECTED if is_client_error else cls.UNREPORTED


_ACCEPTED: Final = 202
_CLIENT_ERRORS: Final = 4  # hundred


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class EndpointItemResponse(Immutable):
    """
    The answer for an endpoint's own data.

    Attributes:
        status_code: 202 if it was accepted; None if the service gave none.
        message: The service's message, such as `Accepted`.
    """

    status_code: int | None = attrs.field(default=None, converter=to.integer)
    message: str | None = attrs.field(default=None, converter=to.text)

    @property
    def outcome(self) -> Outcome:
        """The outcome of the status code."""
        return Outcome.of(self.status_code)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class EventItemResponse(Immutable):
    """
    The answer for one event.

    Attributes:
        status_code: 202 if it was accepted; None if the service gave none.
        message: The service's message, such as `Accepted`.
    """

    status_code: int | None = attrs.field(default=None, converter=to.integer)
    message: str | None = attrs.field(default=None, converter=to.text)

    @property
    def outcome(self) -> Outcome:
        """The outcome of the status code."""
        return Outcome.of(self.status_code)


def _endpoint_response(
    value: EndpointItemResponse | None,
) -> EndpointItemResponse | None:
    return None if value is None else to.instance_of(EndpointItemResponse, value)


compiled_as("optional_model", _endpoint_response)


def _event_responses(
    value: Mapping[str, EventItemResponse] | None,
) -> FrozenMap[EventItemResponse]:
    responses: FrozenMap[EventItemResponse] = to.object_map(
        value, EventItemResponse, names=False
    )
    return responses


compiled_as("model_map", _event_responses)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class ItemResponse(Immutable):
    """
    The answer for one endpoint and its events; the two are independent.

    Attributes:
        endpoint_item_response: That of the endpoint itself; None if there is none.
        events_item_response: Event id to the answer for the event.
        status_code: Set only when the answer is a bare number in place of the other
            two. It then applies to the endpoint and all its events.
    """

    endpoint_item_response: EndpointItemResponse | None = attrs.field(
        default=None, converter=_endpoint_response
    )
    events_item_response: FrozenMap[EventItemResponse] = attrs.field(
        default=to.NO_OBJECTS, converter=_event_responses
    )
    status_code: int | None = attrs.field(default=None, converter=to.integer)

    _rule_kept_if: ClassVar = ("status_code",)

    def _broken_rule(self) -> Problem | None:
        if self.status_code is None:
            return None
        if self.endpoint_item_response is None and not self.events_item_response:
            return None
        return Problem(ProblemCode.STATUS_CODE_NOT_ALONE, ("status_code",))


def _results(value: Mapping[str, ItemResponse] | None) -> FrozenMap[ItemResponse]:
    results: FrozenMap[ItemResponse] = to.object_map(value, ItemResponse, names=False)
    return results


compiled_as("model_map", _results)


class ItemOutcome(NamedTuple):
    """
    One item of a request, and its outcome.

    Attributes:
        endpoint_id: The endpoint's key in the request.
        event_id: The event's key; None for the endpoint itself.
        item: The `Endpoint` or `Event` as it was sent; None within an error, which
            carries no payload.
        response: The service's answer for it; None if there was none.
        outcome: The outcome of the answer.
    """

    endpoint_id: str
    event_id: str | None
    item: Endpoint | Event | None
    response: EndpointItemResponse | EventItemResponse | None
    outcome: Outcome


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class EventsResponse(Immutable):
    """
    The answer to one request.

    HTTP success says almost nothing: the outcome is here, item by item.

    Attributes:
        results: Endpoint id to the answer for it and its events.
        request_id: The service's id of the call, from the HTTP headers; None if it gave
            none. Not compared.
    """

    results: FrozenMap[ItemResponse] = attrs.field(
        default=to.NO_OBJECTS, converter=_results
    )
    request_id: str | None = attrs.field(default=None, converter=to.text, eq=False)

    def outcomes(self, request: "EventsRequest") -> tuple[ItemOutcome, ...]:
        """
        Return the outcome of each item of the request that this answers.

        Each endpoint, then its events, in the order of the request. An item that the
        answer leaves out is `Outcome.UNREPORTED`.

        Raises:
            ValidationError: If it is no request.
        """
        return tuple(self._outcomes(request))

    def _outcomes(self, request: "EventsRequest") -> Iterator[ItemOutcome]:
        # Imported here: requests are above their answers.
        from pinpoint_events.model.request import EventsRequest  # noqa: PLC0415

        raise_if_invalid(request=to.instance_of(EventsRequest, request))
        for endpoint_id, batch in request.batch_item.items():
            item = self.results.get(endpoint_id, _NOTHING)
            of_endpoint = item.endpoint_item_response
            of_all = None
            if item.status_code is not None:
                of_endpoint = EndpointItemResponse(status_code=item.status_code)
                of_all = EventItemResponse(status_code=item.status_code)
            yield ItemOutcome(
                endpoint_id, None, batch.endpoint, of_endpoint, outcome_of(of_endpoint)
            )
            of_events = dict_inside(item.events_item_response)
            for event_id, event in dict_inside(batch.events).items():
                of_event = of_all or of_events.get(event_id)
                yield ItemOutcome(
                    endpoint_id, event_id, event, of_event, outcome_of(of_event)
                )

    def rejected(self, request: "EventsRequest") -> tuple[ItemOutcome, ...]:
        """Return the items of the request that were rejected."""
        return self._with(Outcome.REJECTED, request)

    def retryable(self, request: "EventsRequest") -> tuple[ItemOutcome, ...]:
        """Return the items of the request that are worth sending again."""
        return self._with(Outcome.RETRYABLE, request)

    def unreported(self, request: "EventsRequest") -> tuple[ItemOutcome, ...]:
        """Return the items of the request that this does not mention."""
        return self._with(Outcome.UNREPORTED, request)

    def _with(
        self, outcome: Outcome, request: "EventsRequest"
    ) -> tuple[ItemOutcome, ...]:
        return tuple(
            each for each in self._outcomes(request) if each.outcome is outcome
        )

    def raise_for_failures(self, request: "EventsRequest") -> None:
        """
        Raise unless every item of the request was accepted.

        Raises:
            ItemsFailedError: With the outcomes of the items that were not accepted.
            ValidationError: If it is no request.
        """
        failed = failures(self, request)
        if failed:
            raise ItemsFailedError(failed)


def failures(
    response: EventsResponse, request: "EventsRequest"
) -> tuple[ItemOutcome, ...]:
    """
    Return the outcome of each item that was not accepted, safe for messages and logs.

    The service may quote the request: addresses are hidden in its messages.
    """
    failed = [
        outcome
        for outcome in response.outcomes(request)
        if outcome.outcome is not Outcome.ACCEPTED
    ]
    hide = Redaction(
        batch.endpoint.address
        for batch in request.batch_item.values()
        if batch.endpoint.address is not None
    )
    messages = {
        outcome.response.message
        for outcome in failed
        if outcome.response is not None and outcome.response.message is not None
    }
    safe = {message: hide(message) for message in messages}
    return tuple(
        outcome._replace(response=_with_message(outcome.response, safe))
        for outcome in failed
    )


def _with_message(
    response: EndpointItemResponse | EventItemResponse | None, safe: Mapping[str, str]
) -> EndpointItemResponse | EventItemResponse | None:
    if response is None or response.message is None:
        return response
    message = safe[response.message]
    if message == response.message:
        return response
    return attrs.evolve(response, message=message)


_NOTHING: Final = ItemResponse()


def outcome_of(response: EndpointItemResponse | EventItemResponse | None) -> Outcome:
    return Outcome.UNREPORTED if response is None else response.outcome


_STATUS_CODE: Final = attrgetter("status_code")


def has_retryable(response: EventsResponse) -> bool:
    """Return whether any item of the answer is retryable."""
    codes: set[int | None] = set()
    for item in dict_inside(response.results).values():
        of_events = dict_inside(item.events_item_response).values()
        codes.add(item.status_code)
        codes.update(map(_STATUS_CODE, of_events))
        if item.endpoint_item_response is not None:
            codes.add(item.endpoint_item_response.status_code)
    return any(code is not None and is_retryable(code) for code in codes)
