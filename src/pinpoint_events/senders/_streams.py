"""What the senders to Kinesis and Firehose have in common: events become records."""

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model._immutable import dict_inside
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
    ACCEPTED,
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
from pinpoint_events.senders._blocking import Time, log_attempt
from pinpoint_events.senders._known_endpoints import ACCEPTED_ENDPOINT, KnownEndpoints
from pinpoint_events.senders._record_writers import RecordFormat, record_writer
from pinpoint_events.senders._signed_calls import Exchange, SignedCalls
from pinpoint_events.senders._stream_name import StreamName
from pinpoint_events.senders.observer import AttemptObserver
from pinpoint_events.senders.protocol import BaseSender, checked_application_id

__all__ = ["STREAM_QUOTAS", "Key", "Packed", "StreamSender", "checked_switch"]


STREAM_QUOTAS: Final = Quotas(
    events_per_request=None,
    endpoints_per_request=None,
    request_bytes=None,
    event_bytes=None,
)
"""Those of PutEvents for items; a stream has no limit of a request, but of a call."""

_EMPTY: Final = Endpoint()
_TOO_LARGE: Final = 413
_UNAVAILABLE: Final = 503

Key = tuple[str, str]
"""Endpoint id and event id."""


class Packed(NamedTuple):
    """
    The records to send, and the keys of the events in each.

    Attributes:
        records: The records.
        keys: As many collections of keys.
    """

    records: Sequence[Record]
    keys: Sequence[Sequence[Key]]


class StreamSender(BaseSender):
    """
    Sends each event as a record, by calls that answer for each record.

    A subclass says which call it is, and what a record needs beside its data.
    """

    keeps_repeats: ClassVar[bool] = True  # `load` asks
    messaging_system: ClassVar[str]  # as the metrics of a recorder name it

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

    # --- What a subclass decides ---

    @abstractmethod
    def _records_of(
        self, endpoint_id: str, events: Iterable[Event], contents: Iterable[bytes]
    ) -> Iterable[Record]:
        """Return the record of each event of an endpoint, from its content."""

    def _stream_members(self, stream: StreamName) -> Mapping[str, str]:
        """Return the members of a call that name the stream."""
        return {self._call.stream_member: stream.name}

    def _max_record_bytes(self, size: int) -> int:  # noqa: ARG002 - Kinesis uses it
        """Return the most bytes of a record, where one of this size is to be sent."""
        return self._call.max_record_bytes

    def _packed(self, records: Mapping[Key, Record]) -> Packed:
        """Return the records to send for these events."""
        return Packed(list(records.values()), [(key,) for key in records])

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
        records, answers = self._records(request, carried.endpoints)
        packed = self._packed(records)
        addresses = [
            each.address for each in carried.endpoints.values() if each.address
        ]
        request_id = None
        calls = list(runs(packed.records, self._call))
        is_one_call = len(calls) == 1 and len(records) == request.event_count
        for number, positions in enumerate(calls):
            keys = [key for each in positions for key in packed.keys[each]]
            whole = request if is_one_call else _request_of(keys)

            def send(part: EventsRequest, exchange: Exchange) -> EventsResponse:
                to_send = packed
                if part is not request:
                    left = {key: records[key] for key in _keys_of(part)}
                    to_send = self._packed(left)
                return self._send(part, exchange, to_send, deadline)

            try:
                response = self._calls.run(
                    whole, send, hidden=lambda _: addresses, deadline=deadline
                )
            except PinpointEventsError as error:
                if number == 0:
                    raise
                unsent = [each for rest in calls[number + 1 :] for each in rest]
                rest = [key for each in unsent for key in packed.keys[each]]
                answers.add_failed(error, keys, rest)
                break
            request_id = response.request_id
            answers.add(response)
        return answers.response(request, carried.responses, request_id)

    def _records(
        self, request: EventsRequest, endpoints: Mapping[str, Endpoint]
    ) -> tuple[dict[Key, Record], "_Answers"]:
        """Return the records of the events, and the answers to those too large."""
        arrived_at = datetime.fromtimestamp(self._time.now(), UTC)
        records: dict[Key, Record] = {}
        answers = _Answers()
        usual = self._call.max_record_bytes
        for endpoint_id, batch in request.batch_item.items():
            contents = self._writer.records(
                endpoint_id, endpoints[endpoint_id], batch.events, arrived_at
            )
            events = dict_inside(batch.events)
            made = self._records_of(endpoint_id, events.values(), contents)
            for event_id, record in zip(events, made, strict=True):
                size = record.size
                if size > usual and size > (most := self._max_record_bytes(size)):
                    answers.add_too_large(endpoint_id, event_id, size, most)
                else:
                    records[endpoint_id, event_id] = record
        return records, answers

    def _send(
        self,
        part: EventsRequest,
        exchange: Exchange,
        to_send: Packed,
        deadline: float,
    ) -> EventsResponse:
        """Send the records of a part by one call, and return what became of them."""
        sent, keys = to_send
        self._sending(sent, deadline)
        answer = records_answer(
            self._call,
            len(sent),
            exchange(records_request(self._call, self._members, sent)),
        )
        self._sent(sent, answer)
        responses = answer.responses or ()
        results: dict[str, dict[str, EventItemResponse]] = {}
        if responses.count(ACCEPTED) == len(sent):
            for endpoint_id, batch in part.batch_item.items():
                results[endpoint_id] = dict.fromkeys(batch.events, ACCEPTED)
        else:
            for each, response in zip(keys, responses, strict=False):
                for endpoint_id, event_id in each:
                    results.setdefault(endpoint_id, {})[event_id] = response
        return EventsResponse(
            results={
                endpoint_id: ItemResponse(
                    endpoint_item_response=ACCEPTED_ENDPOINT, events_item_response=found
                )
                for endpoint_id, found in results.items()
            },
            request_id=answer.request_id,
        )

    def _error_of(self, request: HttpRequest, response: HttpResponse) -> ServiceError:
        return stream_error(request, response, self._call.action)

    def _close(self) -> None:
        self._calls.close()
        self._endpoints.close()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.application_id!r} to {self.stream!r} at "
            f"{self._calls.url!r}>"
        )


def checked_switch(name: str, given: object) -> bool:
    """
    Return an option that is on or off.

    Raises:
        ConfigurationError: If it is neither True nor False.
    """
    if not isinstance(given, bool):
        raise ConfigurationError(
            f"{name} is of type {type(given).__qualname__}; pass True or False"
        )
    return given


def _keys_of(request: EventsRequest) -> Iterator[Key]:
    for endpoint_id, batch in request.batch_item.items():
        for event_id in batch.events:
            yield endpoint_id, event_id


_ANY_EVENT: Final = Event("_", timestamp=datetime(1970, 1, 1, tzinfo=UTC))


def _request_of(keys: Iterable[Key]) -> EventsRequest:
    """
    Return a request with the keys of these events, from which retries choose.

    Their records are sent, so the events in it are empty.
    """
    events: dict[str, dict[str, Event]] = {}
    for endpoint_id, event_id in keys:
        events.setdefault(endpoint_id, {})[event_id] = _ANY_EVENT
    return EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(endpoint=_EMPTY, events=found)
            for endpoint_id, found in events.items()
        }
    )


class _Answers:
    """The answers to the events of a request, from one call or several."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, EventItemResponse]] = {}
        # Where one call has all answers of an endpoint, its object is taken over.
        self._whole: dict[str, ItemResponse] = {}

    def add(self, response: EventsResponse) -> None:
        """Add those of a call."""
        for endpoint_id, item in dict_inside(response.results).items():
            if endpoint_id in self._found:
                self._whole.pop(endpoint_id, None)
            else:
                self._whole[endpoint_id] = item
            found = self._found.setdefault(endpoint_id, {})
            found.update(dict_inside(item.events_item_response))

    def add_too_large(
        self, endpoint_id: str, event_id: str, size: int, most: int
    ) -> None:
        """Add that of an event that no record can hold."""
        self._found.setdefault(endpoint_id, {})[event_id] = EventItemResponse(
            status_code=_TOO_LARGE,
            message=f"{size:,} bytes as a record; at most {most:,}; shorten its "
            "values, or make it several events",
        )

    def add_failed(
        self, error: PinpointEventsError, failed: Iterable[Key], unsent: Iterable[Key]
    ) -> None:
        """
        Add those of events whose call failed, after others were answered.

        An error would hide what became of the others. Events that may have been
        accepted get no answer: they are unreported.
        """
        kind = error.code if isinstance(error, ServiceError) else type(error).__name__
        problem = {"problem": type(error).__name__}
        log_attempt(logging.WARNING, "a later call of the request failed", problem)
        for keys, message in (
            (() if may_be_accepted(error) else failed, f"the call failed: {kind}"),
            (unsent, f"not sent, because a call before failed: {kind}"),
        ):
            response = EventItemResponse(status_code=_UNAVAILABLE, message=message)
            for endpoint_id, event_id in keys:
                self._found.setdefault(endpoint_id, {})[event_id] = response

    def response(
        self,
        request: EventsRequest,
        of_store: Mapping[str, EndpointItemResponse | None],
        request_id: str | None,
    ) -> EventsResponse:
        """Return the answer to the whole request."""
        results = {}
        for endpoint_id, batch in request.batch_item.items():
            found = self._found.get(endpoint_id, {})
            of_endpoint = (
                of_store[endpoint_id]
                if endpoint_id in of_store
                else _carried(batch, found)
            )
            item = self._whole.get(endpoint_id)
            if (
                item is None
                or item.endpoint_item_response is not of_endpoint
                or len(item.events_item_response) < len(found)
            ):
                item = ItemResponse(
                    endpoint_item_response=of_endpoint, events_item_response=found
                )
            results[endpoint_id] = item
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
    outcomes = {each.outcome: each for each in set(answers.values())}
    again = outcomes.get(Outcome.RETRYABLE)
    if again is not None:
        return EndpointItemResponse(
            status_code=again.status_code, message=again.message
        )
    is_whole = len(answers) == len(batch.events) and Outcome.UNREPORTED not in outcomes
    return ACCEPTED_ENDPOINT if is_whole else None
