"""A record of a stream as lines of text."""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pinpoint_events.errors import ValidationError
from pinpoint_events.formats.kpl import KinesisRecord, deaggregate_record
from pinpoint_events.formats.stream_record import from_stream_record
from pinpoint_events.get_records import ReadRecord
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.wire import from_json
from pinpoint_events.wire.json_text import decode, encode
from pinpoint_events.wire.writing import time_text

__all__ = ["event_lines", "json_lines"]


def json_lines(record: ReadRecord) -> Iterator[str]:
    """Yield each record that is packed in one, as JSON."""
    for data in _packed(record):
        yield _json_line(data)


def event_lines(record: ReadRecord, event_id_attribute: str | None) -> Iterator[str]:
    """
    Yield a line for each event of a record, and one for what is no event.

    Args:
        record: The record.
        event_id_attribute: The attribute that has the event id; None for none.
    """
    for data in _packed(record):
        lines = [
            _event_line(*found, record.arrived_at)
            for found in _events_in(data, event_id_attribute)
        ]
        yield from lines or [_other_line(data, record)]


def _packed(record: ReadRecord) -> Iterator[bytes]:
    whole = KinesisRecord(partition_key=record.partition_key, data=record.data)
    for each in deaggregate_record(whole):
        yield each.data


def _events_in(
    data: bytes, event_id_attribute: str | None
) -> list[tuple[str, str | None, Event]]:
    """Return endpoint id, event id and event; none if the data has another form."""
    try:
        found = from_stream_record(data)
    except ValidationError:
        pass
    else:
        event_id = found.event.attributes.get(event_id_attribute or "")
        return [(found.endpoint_id, event_id, found.event)]
    try:
        return list(from_json(EventsRequest, data).events())
    except ValidationError:
        return []


def _event_line(
    endpoint_id: str, event_id: str | None, event: Event, arrived_at: datetime | None
) -> str:
    words = [
        time_text(arrived_at or event.timestamp),
        _word(event.event_type),
        _word(endpoint_id),
        "-" if event_id is None else _word(event_id),
    ]
    words += [f"{_word(k)}={_word(v)}" for k, v in event.attributes.items()]
    words += [f"{_word(name)}={value}" for name, value in event.metrics.items()]
    return " ".join(words)


def _other_line(data: bytes, record: ReadRecord) -> str:
    time = "-" if record.arrived_at is None else time_text(record.arrived_at)
    key = _word(record.partition_key)
    return f"{time} ? no event: {len(data):,} bytes with the partition key {key}"


def _word(text: str) -> str:
    """Return a text as it is, or in quotes where it would be mistaken otherwise."""
    return text if _PLAIN.fullmatch(text) else _encoded(text)


_PLAIN: Final = re.compile(r"[^\s\x00-\x1f\x7f\"=]+")


def _json_line(data: bytes) -> str:
    """Return JSON as it is; else an object that has the bytes in base64."""
    try:
        value = decode(data)
    except ValidationError:
        return _encoded({"Data": b64encode(data).decode()})
    text = data.decode().strip()
    return _encoded(value) if "\n" in text or "\r" in text else text


def _encoded(value: Any) -> str:
    return encode(value).decode()
