"""What the senders to Kinesis and Firehose have in common: events become records."""

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, NamedTuple

from pinpoint_events.aws.service import Service
from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    ServiceError,
)
from pinpoint_events.formats.event_ids import with_event_ids
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.put_records import (
    Record,
    RecordsAnswer,
    RecordsCall,
    records_answer,
    records_request,
    runs,
    stream_error,
)
from pinpoint_events.quotas import Quotas, refuse_over_quota
from pinpoint_events.retry import Retry, may_be_accepted
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders._known_endpoints import ACCEPTED_ENDPOINT, KnownEndpoints
from pinpoint_events.senders._record_writers import RecordFormat, record_writer
from pinpoint_events.senders._signed_calls import Exchange, SignedCalls
from pinpoint_events.senders._stream_name import StreamName
from pinpoint_events.senders.observer import AttemptObserver
from pinpoint_events.senders.protocol import BaseSender, checked_application_id

__all__ = ["STREAM_QUOTAS", "Item", "Packed", "StreamSender"]

_log = logging.getLogger("pinpoint_events")

STREAM_QUOTAS: Final = Quotas(
    events_per_request=None, request_bytes=None, event_bytes=None
)
"""Those of PutEvents for items; a stream has no limit of a request, but of a call."""

_EMPTY: Final = Endpoint()
_TOO_LARGE: Final = 413
_NOT_SENT: Final = 503

Key = tuple[str, str]  # endpoint id, event id


class Item(NamedTuple):
    """An event of a request, and its record."""

    endpoint_id: str
    event_id: str
    record: Record


class Packed(NamedTuple):
    """A record as it is sent, and the events in it."""

    record: Record
    items: Sequence[Item]


class StreamSender(BaseSender):
    """
    Sends each event as a record, by calls that answer for each record.

    A subclass says which call it is, and what a record needs beside its data.
    """

    application_id: str
    stream: str
    _call: ClassVar[RecordsCall]
    _time: ClassVar[Time] = Time()

    def __init__(  # noqa: PLR0913 - each is a part of both senders
        self,
        service: Service,
        stream: StreamName,
        arguments: tuple[Any, ...],
        *,
        application_id: str,
        written: RecordFormat,
        endpoints: FindsEndpoints | str | None,
        event_id_attribute: str | None,
        retry: Retry | None,
        observer: AttemptObserver | None,
        quotas: Quotas,
    ) -> None:
        super().__init__(quotas)
        self.application_id = checked_application_id(application_id)
        self.stream = stream.name
        given: object = event_id_attribute
        if given is not None and not (isinstance(given, str) and given):
            raise ConfigurationError(
                "event_id_attribute is no name; pass the name of an attribute, or None"
            )
        self._event_id_attribute = event_id_attribute
        self._writer = record_writer(
            written, self.application_id, stream.account_id, event_id_attribute
        )
        region, *others = arguments
        self._calls = SignedCalls(
            service,
            (stream.region_or(region), *others),
            retry,
            self._time,
            self._error_of,
        )
        self._members = self._stream_members(stream)
        self.observer = observer
        # Last: what it opens would stay open after an error here.
        self._endpoints = KnownEndpoints(endpoints, self.application_id)

    @property
    def observer(self) -> AttemptObserver | None:
        """Watches each HTTP request; see `AttemptObserver`."""
        return self._calls.observer

    @observer.setter
    def observer(self, observer: AttemptObserver | None) -> None:
        self._calls.observer = observer

    @property
    def events_per_call(self) -> int:
        """The most events that one call to the service takes."""
        return self._call.max_records

    @property
    def bytes_per_call(self) -> int:
        """The most bytes of records that one call to the service takes."""
        return self._call.max_bytes

    # --- What a subclass decides ---

    @abstractmethod
    def _record(self, endpoint_id: str, event: Event, data: bytes) -> Record:
        """Return the record of an event."""

    def _stream_members(self, stream: StreamName) -> Mapping[str, str]:
        """Return the members of a call that name the stream."""
        return {self._call.stream_member: stream.name}

    def _max_record_bytes(self, size: int) -> int:  # noqa: ARG002 - Kinesis uses it
        """Return the most bytes of a record, where one of this size is to be sent."""
        return self._call.max_record_bytes

    def _packed(self, items: Sequence[Item]) -> list[Packed]:
        """Return the records to send for these events."""
        return [Packed(item.record, (item,)) for item in items]

    def _sending(self, records: Sequence[Record], deadline: float) -> None:
        """Wait until these records may be sent."""

    def _sent(self, records: Sequence[Record], answer: RecordsAnswer) -> None:
        """Learn from an answer."""

    # --- One request ---

    def _refuse_over_quota(self, request: EventsRequest) -> None:
        super()._refuse_over_quota(request)
        if self._event_id_attribute is not None:
            refuse_over_quota(
                with_event_ids(request, self._event_id_attribute), self.quotas
            )

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        deadline = self._time.monotonic() + self._calls.retry.deadline_seconds
        carried = self._endpoints.apply(request)
        items, answers = self._items(request, carried.endpoints)
        packed = self._packed(items)
        by_key = {(item.endpoint_id, item.event_id): item for item in items}
        addresses = [
            each.address for each in carried.endpoints.values() if each.address
        ]
        request_id = None
        left = list(runs([each.record for each in packed], self._call))
        for number, positions in enumerate(left):
            chunk = [item for each in positions for item in packed[each].items]
            try:
                response = self._calls.run(
                    _request_of(chunk),
                    lambda part, exchange: self._send(part, exchange, by_key, deadline),
                    hidden=lambda _: addresses,
                    deadline=deadline,
                )
            except PinpointEventsError as error:
                if number == 0:
                    raise
                unsent = [each for rest in left[number + 1 :] for each in rest]
                rest = [item for each in unsent for item in packed[each].items]
                answers.update(_not_sent(error, chunk, rest))
                break
            request_id = response.request_id
            for endpoint_id, item_response in response.results.items():
                for event_id, found in item_response.events_item_response.items():
                    answers[endpoint_id, event_id] = found
        return _response(request, answers, carried.responses, request_id)

    def _items(
        self, request: EventsRequest, endpoints: Mapping[str, Endpoint]
    ) -> tuple[list[Item], dict[Key, EventItemResponse]]:
        """Return the events with their records, and the answer to those too large."""
        arrived_at = datetime.fromtimestamp(self._time.now(), UTC)
        items = []
        too_large: dict[Key, EventItemResponse] = {}
        for endpoint_id, batch in request.batch_item.items():
            contents = self._writer.records(
                endpoint_id, endpoints[endpoint_id], batch.events, arrived_at
            )
            for (event_id, event), data in zip(
                batch.events.items(), contents, strict=True
            ):
                record = self._record(endpoint_id, event, data)
                size = record.size
                most = self._call.max_record_bytes
                if size > most and size > (most := self._max_record_bytes(size)):
                    too_large[endpoint_id, event_id] = EventItemResponse(
                        status_code=_TOO_LARGE,
                        message=f"{size:,} bytes as a record; at most {most:,}; "
                        "shorten its values, or make it several events",
                    )
                else:
                    items.append(Item(endpoint_id, event_id, record))
        return items, too_large

    def _send(
        self,
        part: EventsRequest,
        exchange: Exchange,
        by_key: Mapping[Key, Item],
        deadline: float,
    ) -> EventsResponse:
        """Send the records of a part by one call, and return what became of them."""
        packed = self._packed([by_key[key] for key in _keys_of(part)])
        records = [each.record for each in packed]
        self._sending(records, deadline)
        answer = records_answer(
            self._call,
            len(records),
            exchange(records_request(self._call, self._members, records)),
        )
        self._sent(records, answer)
        if answer.responses is None:
            return EventsResponse(request_id=answer.request_id)
        results: dict[str, dict[str, EventItemResponse]] = {}
        for each, response in zip(packed, answer.responses, strict=True):
            for item in each.items:
                results.setdefault(item.endpoint_id, {})[item.event_id] = response
        return EventsResponse(
            results={
                endpoint_id: ItemResponse(
                    endpoint_item_response=ACCEPTED_ENDPOINT, events_item_response=found
                )
                for endpoint_id, found in results.items()
            },
            request_id=answer.request_id,
        )

    def _error_of(self, response: HttpResponse) -> ServiceError:
        return stream_error(self._call.operation, self._call.action, response)

    def _close(self) -> None:
        self._calls.close()
        self._endpoints.close()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.application_id!r} to {self.stream!r} at "
            f"{self._calls.url!r}>"
        )


def _keys_of(request: EventsRequest) -> Iterator[Key]:
    for endpoint_id, batch in request.batch_item.items():
        for event_id in batch.events:
            yield endpoint_id, event_id


_ANY_EVENT: Final = Event("_", timestamp=datetime(1970, 1, 1, tzinfo=UTC))


def _request_of(items: Sequence[Item]) -> EventsRequest:
    """
    Return a request that stands for these events, for retries to choose from.

    What is sent are their records, so the events in it are empty.
    """
    events: dict[str, dict[str, Event]] = {}
    for item in items:
        events.setdefault(item.endpoint_id, {})[item.event_id] = _ANY_EVENT
    return EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(endpoint=_EMPTY, events=found)
            for endpoint_id, found in events.items()
        }
    )


def _not_sent(
    error: PinpointEventsError, failed: Sequence[Item], unsent: Sequence[Item]
) -> dict[Key, EventItemResponse]:
    """
    Return the answers to events whose call failed, after others were answered.

    An error would hide what became of the others. Events that may have been accepted
    get no answer: they are unreported.
    """
    kind = error.code if isinstance(error, ServiceError) else type(error).__name__
    _log.warning("not sent", extra={"pinpoint_events.problem": type(error).__name__})
    response = EventItemResponse(status_code=_NOT_SENT, message=f"not sent: {kind}")
    found = [*(() if may_be_accepted(error) else failed), *unsent]
    return {(item.endpoint_id, item.event_id): response for item in found}


def _response(
    request: EventsRequest,
    answers: Mapping[Key, EventItemResponse],
    of_store: Mapping[str, EndpointItemResponse | None],
    request_id: str | None,
) -> EventsResponse:
    """Return the answer to the whole request."""
    results = {}
    for endpoint_id, batch in request.batch_item.items():
        found = {
            event_id: answers[endpoint_id, event_id]
            for event_id in batch.events
            if (endpoint_id, event_id) in answers
        }
        of_endpoint = (
            of_store[endpoint_id] if endpoint_id in of_store else _carried(batch, found)
        )
        results[endpoint_id] = ItemResponse(
            endpoint_item_response=of_endpoint, events_item_response=found
        )
    return EventsResponse(results=results, request_id=request_id)


def _carried(
    batch: EventsBatch, answers: Mapping[str, EventItemResponse]
) -> EndpointItemResponse | None:
    """
    Return the answer to an endpoint that only the records of its events carry.

    While one of them is to be sent again, or may be, so is the endpoint: a record that
    goes out without it would lack its data.
    """
    if batch.endpoint == _EMPTY:
        return ACCEPTED_ENDPOINT
    outcomes = {each.outcome: each for each in answers.values()}
    again = outcomes.get(Outcome.RETRYABLE)
    if again is not None:
        return EndpointItemResponse(
            status_code=again.status_code, message=again.message
        )
    is_whole = len(answers) == len(batch.events) and Outcome.UNREPORTED not in outcomes
    return ACCEPTED_ENDPOINT if is_whole else None
