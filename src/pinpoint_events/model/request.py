"""
Requests: events, grouped by the endpoints that they belong to.

The shapes are the service's `EventsBatch` and `EventsRequest`: Amazon Pinpoint API
reference, `apps/application-id/events`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, final

import attrs

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import FrozenMap, Immutable, raise_if_invalid
from pinpoint_events.model._registration import compiled_as
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.response import EventsResponse, Outcome, has_retryable

if TYPE_CHECKING:
    from pinpoint_events.quotas import Quotas

__all__ = ["EventsBatch", "EventsRequest", "part_with"]


def _endpoint(value: Endpoint) -> Endpoint:
    endpoint: Endpoint = to.instance_of(Endpoint, value)
    return endpoint


compiled_as("model", _endpoint)


def _events(value: Mapping[str, Event] | None) -> FrozenMap[Event]:
    events: FrozenMap[Event] = to.object_map(value, Event)
    return events


compiled_as("model_map", _events)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class EventsBatch(Immutable):
    """
    One endpoint and its events.

    Attributes:
        endpoint: The endpoint's data to store; `Endpoint()` leaves the stored data.
        events: Event id to event. You choose the id; it is the event's key in the
            answer.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    endpoint: Endpoint = attrs.field(converter=_endpoint)
    events: FrozenMap[Event] = attrs.field(converter=_events)


def _batch_item(value: Mapping[str, EventsBatch] | None) -> FrozenMap[EventsBatch]:
    batches: FrozenMap[EventsBatch] = to.object_map(value, EventsBatch)
    return batches


compiled_as("model_map", _batch_item)


class _Remembered(Immutable):
    """
    What is remembered of a request, so that it is found out once.

    Its JSON text, and the quotas that it is known to be within.
    """

    __slots__ = ("_json", "_quotas")

    _json: bytes
    _quotas: object


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class EventsRequest(_Remembered):
    """
    The endpoints and events of one call.

    It does not check quotas: `check_quotas` and every sender do.

    Attributes:
        batch_item: Endpoint id to batch.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    batch_item: FrozenMap[EventsBatch] = attrs.field(converter=_batch_item)

    def events(self) -> Iterator[tuple[str, str, Event]]:
        """Yield endpoint id, event id and event of each event, in their order."""
        for endpoint_id, batch in self.batch_item.items():
            for event_id, event in batch.events.items():
                yield endpoint_id, event_id, event

    @property
    def event_count(self) -> int:
        """The number of events, over all endpoints."""
        return sum(len(batch.events) for batch in self.batch_item.values())

    def split(self, quotas: "Quotas | None" = None) -> "tuple[EventsRequest, ...]":
        """
        Return the same endpoints and events as requests within the quotas.

        The items are cut into consecutive runs, each as long as the quotas allow. Each
        request has the whole `Endpoint` of each endpoint in it.

        Args:
            quotas: The limits; the documented ones by default.

        Raises:
            QuotaExceededError: If a single endpoint or event exceeds a quota.
            ValidationError: If `quotas` is of another type.
        """
        # Imported here: the builder is above the model.
        from pinpoint_events.builder import BatchBuilder  # noqa: PLC0415 - above

        builder = BatchBuilder() if quotas is None else BatchBuilder(quotas=quotas)
        builder.add_request(self)
        return builder.build_all() if builder else ()

    def retry(
        self, response: EventsResponse, *, unreported: bool = False
    ) -> "EventsRequest | None":
        """
        Return the request that is still worth sending after this answer, or None.

        It has the items that came back retryable. An endpoint that is itself retryable
        is sent whole, any other as `Endpoint()`. An endpoint without events is included
        only if it is itself retryable.

        Args:
            response: The answer to this request.
            unreported: Whether to include items that the answer does not mention. They
                may have been accepted, and would then arrive twice.

        Raises:
            ValidationError: If it is no answer.
        """
        raise_if_invalid(response=to.instance_of(EventsResponse, response))
        if not unreported and not has_retryable(response):
            return None  # the usual case, and every sender asks
        wanted = {Outcome.RETRYABLE, Outcome.UNREPORTED} if unreported else _RETRYABLE
        return part_with(self, response, wanted)


_RETRYABLE = frozenset({Outcome.RETRYABLE})


def part_with(
    request: EventsRequest, response: EventsResponse, wanted: Collection[Outcome]
) -> EventsRequest | None:
    """
    Return the items of a request that have one of these outcomes; None if none has.

    An endpoint that has another outcome is `Endpoint()`, and is left out if none of its
    events is wanted.
    """
    found: dict[str, tuple[Endpoint, dict[str, Event]]] = {}
    for endpoint_id, event_id, _, _, outcome in response.outcomes(request):
        if outcome not in wanted:
            continue
        batch = request.batch_item[endpoint_id]
        _, events = found.setdefault(endpoint_id, (Endpoint(), {}))
        if event_id is None:
            found[endpoint_id] = (batch.endpoint, events)
        else:
            events[event_id] = batch.events[event_id]
    if not found:
        return None
    return EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(endpoint=whole, events=events)
            for endpoint_id, (whole, events) in found.items()
        }
    )
