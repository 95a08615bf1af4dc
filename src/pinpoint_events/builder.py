"""
Events in, requests within quotas out.

A builder keeps the JSON text of each event: it writes the text anyway to know its exact
size, and so the finished request has its body ready. The texts are `bytes` in dicts,
which the garbage collector does not visit.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, NoReturn, Self, SupportsIndex

import attrs

from pinpoint_events.errors import QuotaExceededError, ValidationError
from pinpoint_events.item_texts import (
    checked_endpoint,
    checked_event,
    endpoint_writer,
    event_writer,
)
from pinpoint_events.model._converters import function, instance_of, required_text
from pinpoint_events.model._immutable import Refused, raise_if_invalid
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import Quotas, bound, remember_quotas, request_problems
from pinpoint_events.wire.api import remember_json
from pinpoint_events.wire.json_text import encode

__all__ = ["BatchBuilder", "new_event_id"]

# The JSON text around and between the parts of a request and of a batch.
_REQUEST: Final = (b'{"BatchItem":{', b"}}")
_BATCH: Final = (b':{"Endpoint":', b',"Events":{', b"}}")
_EMPTY_REQUEST_BYTES: Final = sum(map(len, _REQUEST))
_EMPTY_BATCH_BYTES: Final = sum(map(len, _BATCH))

_UNTOUCHED: Final = Endpoint()
_UNTOUCHED_TEXT: Final = b"{}"


def new_event_id() -> str:
    """
    Return a random UUID (version 4) as text.

    `uuid.uuid4()` would spend most of its time on an object that is not needed.
    """
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}"
        f"-{variant}{digits[17:20]}-{digits[20:]}"
    )


def _with_id(event_id: str, text: bytes) -> bytes:
    return b"%b:%b" % (encode(event_id), text)


class _Batch:
    """One endpoint and its events, with the text of each."""

    __slots__ = ("endpoint", "endpoint_text", "events", "id", "id_text", "texts")

    def __init__(self, endpoint_id: str) -> None:
        self.id = endpoint_id
        self.id_text = encode(endpoint_id)
        self.endpoint: Endpoint | None = None
        self.endpoint_text = _UNTOUCHED_TEXT
        self.events: dict[str, Event] = {}
        self.texts: dict[str, bytes] = {}

    @property
    def frame_bytes(self) -> int:
        """Bytes of the batch without its events."""
        return _EMPTY_BATCH_BYTES + len(self.id_text) + len(self.endpoint_text)

    def text(self, texts: Iterable[bytes]) -> bytes:
        """Return the batch with these of its events' texts."""
        before, between, after = _BATCH
        events = b",".join(texts)
        return b"".join(
            (self.id_text, before, self.endpoint_text, between, events, after)
        )


class BatchBuilder:
    """
    Collects endpoints and events, checks each, and builds requests from them.

    Each method returns the builder itself, so calls can be chained, and a forgotten
    assignment loses nothing. A call that raises leaves the builder unchanged. A builder
    is not thread-safe; the requests that it builds are.

    Args:
        quotas: The limits of the requests to build.
        new_event_id: Returns the id of an event that is added without one; by default
            a random UUID.

    Raises:
        ValidationError: If `quotas` or `new_event_id` is of another type.
    """

    def __init__(
        self,
        *,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
        new_event_id: Callable[[], str] = new_event_id,
    ) -> None:
        raise_if_invalid(
            quotas=instance_of(Quotas, quotas), new_event_id=function(new_event_id)
        )
        self._quotas = quotas
        self._write_event = event_writer(quotas)
        self._write_endpoint = endpoint_writer(quotas)
        self._new_event_id = new_event_id
        self.clear()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to pickle or copy: the copies would share mutable state."""
        message = "cannot pickle or copy a BatchBuilder; copy the request of build()"
        raise TypeError(message)

    def clear(self) -> Self:
        """Remove all endpoints and events."""
        self._batches: dict[str, _Batch] = {}
        # Endpoint and event id of each arrival; an endpoint alone has no event id.
        self._arrived_at: list[str] = []
        self._arrived: list[str | None] = []
        self._current: str | None = None
        self._endpoint_arrivals = 0
        self._size_bytes = _EMPTY_REQUEST_BYTES
        return self

    def endpoint(self, endpoint_id: str, endpoint: Endpoint | None = None) -> Self:
        """
        Set the endpoint that the following events belong to.

        Args:
            endpoint_id: Your id of it; not empty.
            endpoint: Data of the endpoint to store; None changes neither what the
                service has stored nor what an earlier call gave.

        Raises:
            ValidationError: If an earlier call gave other data for this endpoint. After
                any error there is no current endpoint, so that no event is added to
                the wrong one.
            QuotaExceededError: If the endpoint is over a quota.
        """
        self._current = None
        # Any: a converter may return problems, which its return type does not say.
        name: Any = required_text(endpoint_id)
        given = None if endpoint is None else instance_of(Endpoint, endpoint)
        if type(name) is Refused or type(given) is Refused:
            raise_if_invalid(endpoint_id=name, endpoint=given)
        if endpoint is not None:
            self._put_endpoint(name, endpoint)
        self._current = name
        return self

    def _put_endpoint(self, endpoint_id: str, endpoint: Endpoint) -> None:
        text = self._endpoint_text(endpoint_id, endpoint)
        if text is None:
            return
        batch = self._batches.get(endpoint_id)
        if batch is None:
            batch = self._new_batch(endpoint_id)
            self._arrived_at.append(endpoint_id)
            self._arrived.append(None)
            self._endpoint_arrivals += 1
        self._size_bytes += len(text) - len(batch.endpoint_text)
        batch.endpoint, batch.endpoint_text = endpoint, text

    def _endpoint_text(self, endpoint_id: str, endpoint: Endpoint) -> bytes | None:
        """
        Return the text of an endpoint to put in; None if it is there already.

        Raises:
            ValidationError: If it cannot be put in; nothing is changed.
        """
        batch = self._batches.get(endpoint_id)
        if batch is not None and batch.endpoint is not None:
            if batch.endpoint == endpoint:
                return None
            members = tuple(
                field.name
                for field in attrs.fields(Endpoint)
                if getattr(batch.endpoint, field.name) != getattr(endpoint, field.name)
            )
            path = ("batch_item", endpoint_id, "endpoint")
            raise ValidationError(
                [Problem(ProblemCode.ENDPOINT_DIFFERS, path, actual=members)]
            )
        text = self._write_endpoint(endpoint)
        if text is not None:
            return text
        path = ("batch_item", endpoint_id, "endpoint")
        return checked_endpoint(endpoint, self._quotas, path)

    def _new_batch(self, endpoint_id: str) -> _Batch:
        batch = _Batch(endpoint_id)
        self._size_bytes += batch.frame_bytes + bool(self._batches)
        self._batches[endpoint_id] = batch
        return batch

    def event(self, event: Event, *, event_id: str | None = None) -> Self:
        """
        Add an event of the current endpoint; see `add`.

        Raises:
            ValidationError: If no endpoint is current, and as `add` does.
        """
        name = self._current
        if name is None:
            raise ValidationError(
                [Problem(ProblemCode.NO_CURRENT_ENDPOINT, ("event",))]
            )
        key = self._new_event_id() if event_id is None else event_id
        # Nearly every event takes the short way: this is called for each.
        text = self._write_event(event, key)
        batch = self._batches.get(name)
        if text is None or (batch is not None and key in batch.events):
            self._add(name, key, event)
        else:
            self._append(batch or self._new_batch(name), key, event, text)
        return self

    def add(
        self, endpoint_id: str, event: Event, *, event_id: str | None = None
    ) -> Self:
        """
        Add an event to the given endpoint; the current endpoint stays as it is.

        Args:
            endpoint_id: The endpoint that it belongs to; not empty.
            event: The event.
            event_id: Your id of it, not empty, which is its key in the answer; a new
                one by default. Adding an equal event under the same id changes nothing.

        Raises:
            ValidationError: If an argument is of the wrong type or empty, or if the id
                is taken by another event of this endpoint.
            QuotaExceededError: If the event is over a quota.
        """
        key = self._new_event_id() if event_id is None else event_id
        self._add(required_text(endpoint_id), key, event)
        return self

    def _add(self, name: Any, key: Any, event: Any) -> None:
        """Add an event; `name` is what the converter returned for the endpoint's id."""
        key = required_text(key)
        if type(event) is not Event or type(name) is Refused or type(key) is Refused:
            checked = instance_of(Event, event)
            raise_if_invalid(endpoint_id=name, event_id=key, event=checked)
        text = self._event_text(name, key, event)
        if text is not None:
            self._put_event(name, key, event, text)

    def _event_text(self, name: str, key: str, event: Event) -> bytes | None:
        """
        Return the text of an event to add, after its id; None if it is there already.

        Raises:
            ValidationError: If it cannot be added; nothing is changed.
        """
        batch = self._batches.get(name)
        path = ("batch_item", name, "events", key)
        if batch is not None and key in batch.events:
            if batch.events[key] == event:
                return None
            raise ValidationError([Problem(ProblemCode.EVENT_ID_TAKEN, path)])
        text = self._write_event(event, key)
        if text is not None:
            return text
        return _with_id(key, checked_event(event, self._quotas, path))

    def _put_event(self, name: str, key: str, event: Event, text: bytes) -> None:
        batch = self._batches.get(name) or self._new_batch(name)
        self._append(batch, key, event, text)

    def _append(self, batch: _Batch, key: str, event: Event, text: bytes) -> None:
        events = batch.events
        self._size_bytes += len(text) + 1 if events else len(text)
        events[key] = event
        batch.texts[key] = text
        self._arrived_at.append(batch.id)
        self._arrived.append(key)

    def _add_written(
        self, endpoint_id: str, event: Event, event_id: str, text: bytes
    ) -> None:
        """Add a new event that was checked, and written by `to_json`, before."""
        self._put_event(endpoint_id, event_id, event, _with_id(event_id, text))

    def add_request(self, request: EventsRequest) -> Self:
        """
        Add everything in a request; the current endpoint stays as it is.

        An endpoint that the request gives as `Endpoint()`, with events, is left as it
        is.

        Raises:
            ValidationError: With all problems, if an argument is of the wrong type, or
                if an endpoint or an event id of the request is taken by another.
            QuotaExceededError: With all problems, if items are over a quota, and there
                is no other problem.
        """
        raise_if_invalid(request=instance_of(EventsRequest, request))
        problems: list[Problem] = []
        is_over_only = True
        puts: list[Callable[[], None]] = []
        for endpoint_id, batch in request.batch_item.items():
            try:
                if batch.endpoint != _UNTOUCHED or not batch.events:
                    self._endpoint_text(endpoint_id, batch.endpoint)
                    puts.append(
                        partial(self._put_endpoint, endpoint_id, batch.endpoint)
                    )
            except ValidationError as error:
                problems += error.problems
                is_over_only &= isinstance(error, QuotaExceededError)
            for event_id, event in batch.events.items():
                try:
                    text = self._event_text(endpoint_id, event_id, event)
                except ValidationError as error:
                    problems += error.problems
                    is_over_only &= isinstance(error, QuotaExceededError)
                else:
                    if text is not None:
                        puts.append(
                            partial(self._put_event, endpoint_id, event_id, event, text)
                        )
        if problems:
            kind = QuotaExceededError if is_over_only else ValidationError
            raise kind(problems)
        for put in puts:
            put()
        return self

    def events(self) -> Iterator[tuple[str, str, Event]]:
        """Yield endpoint id, event id and event of each event, in order of arrival."""
        for endpoint_id, event_id in zip(self._arrived_at, self._arrived, strict=True):
            if event_id is not None:
                yield endpoint_id, event_id, self._batches[endpoint_id].events[event_id]

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self._arrived) - self._endpoint_arrivals

    def __bool__(self) -> bool:
        """Return whether there is anything to build; an endpoint alone is enough."""
        return bool(self._batches)

    def __repr__(self) -> str:
        return (
            f"<BatchBuilder of {len(self)} events at {len(self._batches)} endpoints, "
            f"{self._size_bytes} bytes>"
        )

    @property
    def size_bytes(self) -> int:
        """Exactly `len(to_json(builder.build()))`."""
        return self._size_bytes

    def build(self) -> EventsRequest:
        """
        Return everything as one request; the builder stays as it is.

        Raises:
            QuotaExceededError: If it exceeds quotas of a request; with all of them.
            ValidationError: If the builder is empty.
        """
        self._refuse_empty()
        over = request_problems(
            len(self),
            self._size_bytes,
            self._quotas,
            endpoints=len(self._batches),
        )
        if over:
            raise QuotaExceededError(over)
        return self._request(0, len(self._arrived))

    def build_all(self) -> tuple[EventsRequest, ...]:
        """
        Return everything as requests within the quotas; the builder stays as it is.

        The arrivals are cut into consecutive runs, each as long as the quotas allow.
        Each request carries the whole `Endpoint` of each endpoint in it.

        Raises:
            QuotaExceededError: If a single event with its endpoint exceeds a quota.
            ValidationError: If the builder is empty.
        """
        self._refuse_empty()
        return tuple(self._request(start, stop) for start, stop in self._runs())

    def _refuse_empty(self) -> None:
        if not self._batches:
            raise ValidationError([Problem(ProblemCode.EMPTY_BUILDER)])

    def _stands_alone(self, position: int) -> bool:
        """Return whether the arrival is an endpoint that still has no events."""
        return not self._batches[self._arrived_at[position]].events

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Yield the first arrival of each request, and the one after its last."""
        most_events = bound(self._quotas.events_per_request)
        most_endpoints = bound(self._quotas.endpoints_per_request)
        most_bytes = bound(self._quotas.request_bytes)
        start = count = 0
        size = _EMPTY_REQUEST_BYTES
        events_of: dict[str, int] = {}  # endpoint id -> events of it in this run
        for position, event_id in enumerate(self._arrived):
            if event_id is None and not self._stands_alone(position):
                continue
            endpoint_id = self._arrived_at[position]
            is_event = event_id is not None
            added = self._added_bytes(endpoint_id, event_id, events_of)
            is_full = (
                count + is_event > most_events
                or size + added > most_bytes
                or (endpoint_id not in events_of and len(events_of) >= most_endpoints)
            )
            if is_full:
                if events_of:
                    yield start, position
                start, count, size, events_of = position, 0, _EMPTY_REQUEST_BYTES, {}
                added = self._added_bytes(endpoint_id, event_id, events_of)
                over = request_problems(is_event, size + added, self._quotas)
                if over:
                    path = ("batch_item", endpoint_id)
                    code = ProblemCode.EVENT_WITH_ENDPOINT_TOO_LARGE
                    raise QuotaExceededError(
                        problem._replace(code=code, path=path) for problem in over
                    )
            count += is_event
            size += added
            events_of[endpoint_id] = events_of.get(endpoint_id, 0) + is_event
        yield start, len(self._arrived)

    def _added_bytes(
        self, endpoint_id: str, event_id: str | None, events_of: dict[str, int]
    ) -> int:
        """Return the bytes that the arrival adds to the request of its run."""
        batch = self._batches[endpoint_id]
        size = 0
        if endpoint_id not in events_of:
            size += batch.frame_bytes + bool(events_of)
        if event_id is not None:
            size += len(batch.texts[event_id]) + bool(events_of.get(endpoint_id))
        return size

    def _request(self, start: int, stop: int) -> EventsRequest:
        ids_of: dict[str, list[str]] = {}  # endpoint id -> ids of its events
        for position in range(start, stop):
            endpoint_id, event_id = self._arrived_at[position], self._arrived[position]
            if event_id is not None:
                ids_of.setdefault(endpoint_id, []).append(event_id)
            elif self._stands_alone(position):
                ids_of[endpoint_id] = []
        batch_item: dict[str, EventsBatch] = {}
        texts: list[bytes] = []
        for endpoint_id, event_ids in ids_of.items():
            batch = self._batches[endpoint_id]
            events, texts_of = batch.events, batch.texts
            if len(event_ids) != len(events):
                events = {event_id: events[event_id] for event_id in event_ids}
                texts_of = {event_id: texts_of[event_id] for event_id in event_ids}
            batch_item[endpoint_id] = EventsBatch(
                endpoint=batch.endpoint or _UNTOUCHED, events=events
            )
            texts.append(batch.text(texts_of.values()))
        before, after = _REQUEST
        text = b"".join((before, b",".join(texts), after))
        request = EventsRequest(batch_item=batch_item)
        remember_json(request, text)
        remember_quotas(request, self._quotas)
        return request
