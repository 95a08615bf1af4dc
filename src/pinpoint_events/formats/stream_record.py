"""
The record that Pinpoint wrote to Kinesis and Firehose for each event.

Sources, each read in November 2026:

- *documented*: Amazon Pinpoint developer guide, "Streaming app event data", and its
  pages on campaigns, journeys, e-mail and SMS;
- *observed*: a record of a web application of 2022, one of an Android application of
  2019/20, and what consumers published by AWS read;
- *inferred*: from what senders sent and records hold. `docs/formats.md` says which
  member is which.

A record is written from values alone: the time of arrival and the stored endpoint are
arguments. Whether the endpoint is the one of the request or the stored, merged one is
the caller's choice; Pinpoint's was the stored one.

A record is read leniently, so that archives can be replayed: what cannot be read is
kept aside under its own name, and only what is no record at all is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from pinpoint_events.formats._writing import (
    EVENT_VERSION,
    application,
    application_key,
    checked_event,
    client,
    locale,
    milliseconds,
    named,
    session,
)
from pinpoint_events.formats.event_ids import with_event_id
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import FrozenMap, dict_inside
from pinpoint_events.model.endpoint import Demographic, Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.wire import to_json, to_wire
from pinpoint_events.wire.json_text import encode

if TYPE_CHECKING:
    from pinpoint_events.formats.record import StreamRecord

__all__ = ["StreamRecordWriter", "from_stream_record", "to_stream_record"]

_NOTHING_KNOWN: Final = Demographic()
_SESSION_ID: Final = "session_id"


def to_stream_record(  # noqa: PLR0913 - each is a part of the record
    endpoint_id: str,
    event: Event,
    endpoint: Endpoint | None = None,
    *,
    application_id: str,
    arrived_at: datetime | str,
    account_id: str | None = None,
    event_id: str | None = None,
    event_id_attribute: str | None = None,
) -> dict[str, Any]:
    """
    Return the record that Pinpoint wrote for an event, `event_version` 3.1.

    Times are whole milliseconds since 1970, except within `endpoint`. The name of the
    platform is lower-cased under `device`; the locale is split into code, country and
    language. Whole metrics of events stay whole; metrics of endpoints are written as
    Pinpoint stored them, with a fraction. What is not known is left out, but `sdk`,
    `device`, `platform`, `session`, `attributes` and `metrics` are always objects.

    Args:
        endpoint_id: The endpoint's id, a key of `EventsRequest.batch_item`.
        event: The event.
        endpoint: The endpoint as it is stored; `Endpoint()` if nothing is known but its
            id. With None the record has no `endpoint`.
        application_id: The application.
        arrived_at: When the event arrived. A `datetime` with a time zone or an ISO 8601
            string; truncated to milliseconds.
        account_id: The AWS account; left out by default.
        event_id: The event's id, for `event_id_attribute`. The record has no other
            place for it.
        event_id_attribute: The name of an attribute that receives the event id, so that
            consumers recognise an event that arrives twice; None for none. It counts
            towards the quotas of an event.

    Returns:
        Plain dicts, lists, strings and numbers, which share nothing with the arguments.

    Raises:
        ValidationError: With all problems of the arguments, or if the attribute for the
            event id already has another value.
    """
    moment = to.time(arrived_at)
    event = checked_event(
        endpoint_id,
        event,
        endpoint,
        event_id,
        event_id_attribute,
        application_id=to.required_text(application_id),
        arrived_at=moment,
        account_id=to.text(account_id),
    )
    demographic = _demographic(endpoint)
    record = {
        "event_type": event.event_type,
        "event_timestamp": milliseconds(event.timestamp),
        "arrival_timestamp": milliseconds(moment),
        "event_version": EVENT_VERSION,
        "application": application(application_id, event, demographic),
        "client": client(endpoint_id),
        "device": device(demographic),
        "session": session(event.session, _SESSION_ID, milliseconds),
        "attributes": dict(event.attributes),
        "metrics": dict(event.metrics),
    }
    if endpoint is not None:
        record["endpoint"] = to_wire(_stored(endpoint)) | _ids(
            endpoint_id, application_id
        )
    if account_id is not None:
        record["awsAccountId"] = account_id
    return record


def _demographic(endpoint: Endpoint | None) -> Demographic:
    found = None if endpoint is None else endpoint.demographic
    return found or _NOTHING_KNOWN


def device(demographic: Demographic) -> dict[str, Any]:
    """Return the object `device`: what a record says of it outside of `endpoint`."""
    code, platform = demographic.locale, demographic.platform
    return named(
        locale=None if code is None else locale(code),
        make=demographic.make,
        model=demographic.model,
        platform=named(
            name=None if platform is None else platform.lower(),
            version=demographic.platform_version,
        ),
    )


def _stored(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint with the metrics that Pinpoint stored."""
    if not endpoint.metrics:
        return endpoint
    # Observed: counts that JavaScript sent as `1` are `1.0` here.
    metrics = {name: float(number) for name, number in endpoint.metrics.items()}
    return attrs.evolve(endpoint, metrics=metrics)


def _ids(endpoint_id: str, application_id: str) -> dict[str, str]:
    """Return what `endpoint` has beside the members of the endpoint."""
    # Not `CohortId` and `CreationDate`: only Pinpoint knew them.
    return {"ApplicationId": application_id, "Id": endpoint_id}


class StreamRecordWriter:
    """
    Writes the records of one application as JSON, as fast as it can.

    What `to_json` would write of `to_stream_record` is put together from parts. Those
    that only the endpoint determines are written once for all its events.

    Args:
        application_id: The application.
        account_id: The AWS account; None to leave it out.
        event_id_attribute: The attribute that receives the event id; None for none.
    """

    def __init__(
        self,
        application_id: str,
        account_id: str | None = None,
        event_id_attribute: str | None = None,
    ) -> None:
        """Keep what all records have in common."""
        self._application_id = application_id
        self._event_id_attribute = event_id_attribute
        self._tail = b"}"
        if account_id is not None:
            self._tail = b',"awsAccountId":' + encode(account_id) + b"}"

    def records(
        self,
        endpoint_id: str,
        endpoint: Endpoint | None,
        events: Mapping[str, Event],
        arrived_at: datetime,
    ) -> list[bytes]:
        """
        Return the record of each event, in their order.

        Args:
            endpoint_id: The endpoint's id.
            endpoint: The endpoint, as `to_stream_record` takes it.
            events: Event id to event.
            arrived_at: When they arrived, a time of the model.

        Raises:
            ValidationError: If the attribute for the event id already has another
                value.
        """
        demographic = _demographic(endpoint)
        of_client, of_device = encode(client(endpoint_id)), encode(device(demographic))
        middle = b',"client":%b,"device":%b,"session":' % (of_client, of_device)
        tail = self._tail
        if endpoint is not None:
            members = to_json(_stored(endpoint)).removesuffix(b"}")
            separator = b"," if len(members) > len(b"{") else b""
            ids = encode(_ids(endpoint_id, self._application_id)).removeprefix(b"{")
            tail = b',"endpoint":' + members + separator + ids + tail
        arrival = b',"arrival_timestamp":%d,"event_version":"%b","application":' % (
            milliseconds(arrived_at),
            EVENT_VERSION.encode(),
        )
        attribute = self._event_id_attribute
        # Most events of an endpoint are of the same application and session.
        last_key: object = None
        last_session: object = _NO_SESSION_YET
        of_application = of_session = b""
        found = []
        of_endpoint = dict_inside(events) if isinstance(events, FrozenMap) else events
        for event_id, event in of_endpoint.items():
            attributes = dict_inside(event.attributes)
            if attribute is not None and attributes.get(attribute) != event_id:
                # The same, in a tenth of the time.
                if attribute in attributes:
                    with_event_id(event, event_id, attribute)  # raises
                attributes = {**attributes, attribute: event_id}
            key = application_key(event)
            if key != last_key:
                last_key = key
                of_application = encode(
                    application(self._application_id, event, demographic)
                )
            if event.session is not last_session:
                last_session = event.session
                of_session = encode(session(event.session, _SESSION_ID, milliseconds))
            found.append(
                b'{"event_type":%b,"event_timestamp":%d%b%b%b%b,"attributes":%b'
                b',"metrics":%b%b'
                % (
                    encode(event.event_type),
                    milliseconds(event.timestamp),
                    arrival,
                    of_application,
                    middle,
                    of_session,
                    encode(attributes),
                    encode(dict_inside(event.metrics)),
                    tail,
                )
            )
        return found


_NO_SESSION_YET: Final = object()


def from_stream_record(record: Mapping[str, Any] | str | bytes) -> "StreamRecord":
    """
    Return what a record of an event stream says.

    The endpoint is found as an object or as JSON text, under `endpoint` or under
    `client_context.custom.endpoint`; where neither is there, what the record says of
    device and application version becomes an endpoint. Times of a session are
    milliseconds, also as text, or ISO 8601. Members that are unknown, and values that
    the model does not accept, are kept in `StreamRecord.extra`; null counts as left
    out. Records of campaigns, journeys, e-mail and SMS are read as far as they have
    members of an event.

    The transformation that AWS published for S3 divides both timestamps by 1,000. A
    record is read so if both are seconds of the years from 2014 on; as milliseconds
    they would be of the years 1970 to 1973, long before Pinpoint.

    Args:
        record: A dict, or JSON text; bytes are UTF-8.

    Raises:
        ValidationError: If it is no such record: not JSON, no object, without a type, a
            time, an application or an endpoint id; or a record of Mobile Analytics,
            Pinpoint's predecessor. The paths are in the record's own names.
    """
    # Imported here: senders only write records.
    from pinpoint_events.formats._reading import read_record  # noqa: PLC0415

    return read_record(record, device)
