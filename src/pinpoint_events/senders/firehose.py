"""Sends events to an Amazon Data Firehose stream, each as a record."""

from collections.abc import Iterable
from typing import Any, Final

from pinpoint_events.aws.service import Service
from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.model.event import Event
from pinpoint_events.put_records import FIREHOSE, Record
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry
from pinpoint_events.senders._record_writers import RecordFormat
from pinpoint_events.senders._signed_calls import DEFAULT_RETRY
from pinpoint_events.senders._stream_name import stream_name
from pinpoint_events.senders._streams import (
    STREAM_QUOTAS,
    StreamSender,
    checked_switch,
)
from pinpoint_events.senders.kinesis import PLAIN_REGIONS
from pinpoint_events.senders.observer import AttemptObserver
from pinpoint_events.senders.protocol import DEFAULT_APPLICATION_ID

__all__ = ["FirehoseSender"]

_SERVICE: Final = Service(
    name="firehose",
    endpoint_prefix="firehose",
    signing_name="firehose",
    service_id="Firehose",
    protocol="json",
    plain_regions=PLAIN_REGIONS,
    operation="put_record_batch",
    arguments={"DeliveryStreamName": "-", "Records": [{"Data": b""}]},
)


class FirehoseSender(StreamSender):
    """
    Sends each event to a Firehose stream, as one record.

    By default a record is the one that Amazon Pinpoint wrote to the stream of an
    application, so that its consumers go on, and a line break follows it: Firehose
    puts records into a file one after the other, without anything between them.

    A call of Firehose answers for each record, and this answer becomes that of its
    event: 503 for `ServiceUnavailableException`, 500 for `InternalFailure`. Only
    records that failed are sent again, in their order. Records arrive at least once:
    one whose answer was lost is sent again.

    Settings, credentials, retries and threads are those of `PinpointSender`.

    Args:
        stream: The name of the stream, or its ARN. Firehose takes no other account's.
        application_id: The application that records name.
        format: What a record holds, as in `KinesisSender`.
        newline: Whether a line break follows each record.
        endpoints: Where endpoints are stored and looked up, as in `KinesisSender`.
        event_id_attribute: The name of an attribute that receives the event id, as in
            `KinesisSender`.
        region: AWS region; by default that of the ARN, then of the settings.
        endpoint_url: Where to send, in place of the region's own endpoint.
        session: A session of boto3 or botocore to take settings and credentials from.
        credentials: Botocore's `Credentials`, in place of the session's.
        config: A `botocore.config.Config`, as `PinpointSender` takes it.
        verify: As in boto3.
        retry: How often and how long to try; None sends once.
        observer: Watches each HTTP request; see `AttemptObserver`.
        quotas: The limits of items and requests. By default a request may have any
            number of events: it becomes as many calls as it needs.

    Attributes:
        application_id: As given.
        stream: The name of the stream.
        observer: As given; it may be set at any time.
        quotas: As given.

    Raises:
        ConfigurationError: If a setting is missing, unknown or unusable.
    """

    messaging_system = "aws_firehose"
    _call = FIREHOSE

    def __init__(  # noqa: PLR0913 - each is a separate option
        self,
        stream: str,
        *,
        application_id: str = DEFAULT_APPLICATION_ID,
        format: RecordFormat = "stream_record",  # noqa: A002 - the user's word for it
        newline: bool = True,
        endpoints: FindsEndpoints | str | None = None,
        event_id_attribute: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        credentials: Any = None,
        config: Any = None,
        verify: bool | str | None = None,
        retry: Retry | None = DEFAULT_RETRY,
        observer: AttemptObserver | None = None,
        quotas: Quotas = STREAM_QUOTAS,
    ) -> None:
        """Look up the settings; nothing is sent yet."""
        self._end = b"\n" if checked_switch("newline", newline) else b""
        super().__init__(
            _SERVICE,
            stream_name(stream, "firehose"),
            (region, endpoint_url, session, credentials, config, verify),
            application_id=application_id,
            written=format,
            endpoints=endpoints,
            event_id_attribute=event_id_attribute,
            retry=retry,
            observer=observer,
            quotas=quotas,
        )

    def _records_of(
        self,
        endpoint_id: str,  # noqa: ARG002 - for the keys of Kinesis
        events: Iterable[Event],  # noqa: ARG002 - the same
        contents: Iterable[bytes],
    ) -> Iterable[Record]:
        return [Record(data + self._end) for data in contents]
