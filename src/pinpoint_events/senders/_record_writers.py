"""What a record of a stream holds: the formats by name, or a function of the user's."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.formats.amplify_envelope import AmplifyEnvelopeWriter
from pinpoint_events.formats.event_ids import with_event_id
from pinpoint_events.formats.stream_record import StreamRecordWriter
from pinpoint_events.model._problem_counts import nearest
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.wire import to_json
from pinpoint_events.wire.json_text import encode

__all__ = ["Arrival", "RecordFormat", "RecordWriter", "record_writer"]


class Arrival(NamedTuple):
    """
    An event on its way into a stream: what a `format` of your own gets.

    Attributes:
        application_id: The application.
        endpoint_id: The endpoint's id.
        endpoint: The endpoint, merged with what an endpoint store has of it.
        event_id: The event's id.
        event: The event; it has its id as an attribute, if the sender adds it.
        arrived_at: When the sender got it.
        account_id: The AWS account of the stream; None if it is not known.
    """

    application_id: str
    endpoint_id: str
    endpoint: Endpoint
    event_id: str
    event: Event
    arrived_at: datetime
    account_id: str | None


RecordFormat = str | Callable[[Arrival], bytes | str | Mapping[str, Any]]
"""The name of a format, or a function that returns the content of a record."""


class RecordWriter(Protocol):
    """Writes the records of an endpoint's events."""

    def records(
        self,
        endpoint_id: str,
        endpoint: Endpoint | None,
        events: Mapping[str, Event],
        arrived_at: datetime,
    ) -> list[bytes]:
        """Return the content of each event's record, in their order."""
        ...


class _Common(NamedTuple):
    """What all records of a sender have in common."""

    application_id: str
    account_id: str | None
    event_id_attribute: str | None


class _PutEventsWriter:
    """Writes each event as a request of PutEvents that has only this event."""

    def __init__(self, common: _Common) -> None:
        self._common = common

    def records(
        self,
        endpoint_id: str,
        endpoint: Endpoint | None,
        events: Mapping[str, Event],
        arrived_at: datetime,  # noqa: ARG002 - a request has no time of arrival
    ) -> list[bytes]:
        found = []
        for event_id, event in events.items():
            batch = EventsBatch(
                endpoint=endpoint or Endpoint(),
                events={event_id: _with_id(event, event_id, self._common)},
            )
            found.append(to_json(EventsRequest(batch_item={endpoint_id: batch})))
        return found


class _OwnWriter:
    """Calls a function of the user's for each event."""

    def __init__(self, write: Callable[[Arrival], object], common: _Common) -> None:
        self._write = write
        self._common = common

    def records(
        self,
        endpoint_id: str,
        endpoint: Endpoint | None,
        events: Mapping[str, Event],
        arrived_at: datetime,
    ) -> list[bytes]:
        common = self._common
        return [
            _content(
                self._write(
                    Arrival(
                        common.application_id,
                        endpoint_id,
                        endpoint or Endpoint(),
                        event_id,
                        _with_id(event, event_id, common),
                        arrived_at,
                        common.account_id,
                    )
                )
            )
            for event_id, event in events.items()
        ]


def _with_id(event: Event, event_id: str, common: _Common) -> Event:
    attribute = common.event_id_attribute
    return event if attribute is None else with_event_id(event, event_id, attribute)


def _content(written: object) -> bytes:
    match written:
        case bytes():
            return written
        case str():
            return written.encode()
        case Mapping():
            return encode(dict(written))
        case _:
            raise ConfigurationError(
                f"format returned a {type(written).__qualname__}; return bytes, a str, "
                "or a dict to write as JSON"
            )


_WRITERS: Final[Mapping[str, Callable[[_Common], RecordWriter]]] = {
    "amplify_envelope": lambda common: AmplifyEnvelopeWriter(
        common.application_id, common.event_id_attribute
    ),
    "put_events": _PutEventsWriter,
    "stream_record": lambda common: StreamRecordWriter(*common),
}


def record_writer(
    written: RecordFormat,
    application_id: str,
    account_id: str | None,
    event_id_attribute: str | None,
) -> RecordWriter:
    """
    Return the writer of a format.

    Args:
        written: The format: one of the names, or a function.
        application_id: The application.
        account_id: The AWS account; None to leave it out.
        event_id_attribute: The attribute that receives the event id; None for none.

    Raises:
        ConfigurationError: If there is no such format.
    """
    common = _Common(application_id, account_id, event_id_attribute)
    if isinstance(written, str) and written in _WRITERS:
        return _WRITERS[written](common)
    if callable(written):
        return _OwnWriter(written, common)
    word: object = written
    near = nearest(word, list(_WRITERS)) if isinstance(word, str) else ()
    guess = f"; did you mean {near[0]}?" if near else ""
    raise ConfigurationError(
        f"format is not known; pass {', '.join(_WRITERS)}, or a function that takes "
        f"an Arrival{guess}"
    )
