"""
The envelope of Amplify's event enrichment clients, which AWS calls Pinpoint-compatible.

Amplify's clients for Swift, Android and Flutter write it since the summer of 2026, for
events that an application sends to Kinesis or Firehose itself. It resembles Pinpoint's
record, also in its `event_version`, but not in all members: read in the source of
`AmplifyEventEnrichmentClient`, `EnrichedEvent`, of Amplify for Swift.

    member                  Pinpoint's record             this envelope
    arrival_timestamp       the service's clock           event_timestamp
    session, the id         session_id                    id
    session, the times      milliseconds                  ISO 8601
    client.user_id          never                         if it is known
    device.locale           code, country, language       code
    device.platform         always; name lower-cased      if known; name as given
    attributes, metrics     always                        if there are any
    endpoint, awsAccountId  yes                           no
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pinpoint_events.formats._writing import (
    EVENT_VERSION,
    application,
    checked_event,
    client,
    milliseconds,
    named,
    session,
)
from pinpoint_events.formats.event_ids import with_event_id
from pinpoint_events.model import _converters as to
from pinpoint_events.model.endpoint import Demographic, Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.wire.json_text import encode
from pinpoint_events.wire.writing import time_text

if TYPE_CHECKING:
    from pinpoint_events.formats.record import StreamRecord

__all__ = ["AmplifyEnvelopeWriter", "from_amplify_envelope", "to_amplify_envelope"]


def to_amplify_envelope(  # noqa: PLR0913 - each is a part of the record
    endpoint_id: str,
    event: Event,
    endpoint: Endpoint | None = None,
    *,
    application_id: str,
    event_id: str | None = None,
    event_id_attribute: str | None = None,
) -> dict[str, Any]:
    """
    Return the envelope that Amplify's event clients write for an event.

    It has of the endpoint only its demographic, without model version and time zone,
    and the id of its user.

    Args:
        endpoint_id: The endpoint's id.
        event: The event.
        endpoint: The endpoint; None if nothing is known but its id.
        application_id: The application.
        event_id: The event's id, for `event_id_attribute`.
        event_id_attribute: The name of an attribute that receives the event id; None
            for none. It counts towards the quotas of an event.

    Returns:
        Plain dicts, strings and numbers, which share nothing with the arguments.

    Raises:
        ValidationError: With all problems of the arguments, or if the attribute for the
            event id already has another value.
    """
    event = checked_event(
        endpoint_id,
        event,
        endpoint,
        event_id,
        event_id_attribute,
        application_id=to.required_text(application_id),
    )
    return _envelope(endpoint_id, event, endpoint or Endpoint(), application_id)


def _envelope(
    endpoint_id: str, event: Event, endpoint: Endpoint, application_id: str
) -> dict[str, Any]:
    demographic = endpoint.demographic or Demographic()
    user_id = None if endpoint.user is None else endpoint.user.user_id
    moment = milliseconds(event.timestamp)
    envelope = {
        "event_type": event.event_type,
        "event_timestamp": moment,
        "arrival_timestamp": moment,
        "event_version": EVENT_VERSION,
        "application": application(application_id, event, demographic),
        "client": client(endpoint_id, user_id=user_id),
        "device": _device(demographic),
        # An event of Amplify's is always in a session; this one need not be.
        "session": session(event.session, "id", time_text),
    }
    if event.attributes:
        envelope["attributes"] = dict(event.attributes)
    if event.metrics:
        envelope["metrics"] = dict(event.metrics)
    return envelope


def _device(demographic: Demographic) -> dict[str, Any]:
    code = demographic.locale
    platform = named(name=demographic.platform, version=demographic.platform_version)
    return named(
        locale=None if code is None else {"code": code},
        make=demographic.make,
        model=demographic.model,
        platform=platform or None,
    )


class AmplifyEnvelopeWriter:
    """
    Writes the envelopes of one application as JSON.

    Args:
        application_id: The application.
        event_id_attribute: The attribute that receives the event id; None for none.
    """

    def __init__(
        self, application_id: str, event_id_attribute: str | None = None
    ) -> None:
        """Keep what all envelopes have in common."""
        self._application_id = application_id
        self._event_id_attribute = event_id_attribute

    def records(
        self,
        endpoint_id: str,
        endpoint: Endpoint | None,
        events: Mapping[str, Event],
        arrived_at: datetime,  # noqa: ARG002 - as `StreamRecordWriter` takes it
    ) -> list[bytes]:
        """
        Return the envelope of each event, in their order.

        Args:
            endpoint_id: The endpoint's id.
            endpoint: The endpoint, as `to_amplify_envelope` takes it.
            events: Event id to event.
            arrived_at: Not written: an envelope arrives when its event happens.

        Raises:
            ValidationError: If the attribute for the event id already has another
                value.
        """
        known = endpoint or Endpoint()
        found = []
        for event_id, given in events.items():
            event = given
            if self._event_id_attribute is not None:
                event = with_event_id(event, event_id, self._event_id_attribute)
            envelope = _envelope(endpoint_id, event, known, self._application_id)
            found.append(encode(envelope))
        return found


def from_amplify_envelope(
    envelope: Mapping[str, Any] | str | bytes,
) -> "StreamRecord":
    """
    Return what an envelope of Amplify's event clients says.

    It is read as leniently as `from_stream_record` reads, and either of them takes the
    other's form of a session. The endpoint is what the envelope says of device,
    application version and user; None if it says nothing of them.

    Args:
        envelope: A dict, or JSON text; bytes are UTF-8.

    Raises:
        ValidationError: If it is no such envelope: not JSON, no object, without a type,
            a time, an application or an endpoint id. The paths are in the envelope's
            own names.
    """
    # Imported here: senders only write envelopes.
    from pinpoint_events.formats._reading import read_record  # noqa: PLC0415

    return read_record(envelope, _device)
