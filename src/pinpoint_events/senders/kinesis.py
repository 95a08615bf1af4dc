"""Sends events to an Amazon Kinesis data stream, each as a record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, TypeVar

from pinpoint_events.aws.service import Service
from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.errors import (
    ConfigurationError,
    InvalidResponseError,
)
from pinpoint_events.formats.kpl import KinesisRecord, KplAggregator
from pinpoint_events.get_records import (
    listed_shards,
    most_record_bytes,
    shards_request,
    summary_request,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.event import Event
from pinpoint_events.put_records import (
    KINESIS,
    MAX_KEY_CHARACTERS,
    Record,
    RecordsAnswer,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry
from pinpoint_events.senders._record_writers import RecordFormat
from pinpoint_events.senders._shard_rates import Shard, ShardRates
from pinpoint_events.senders._signed_calls import DEFAULT_RETRY
from pinpoint_events.senders._stream_name import StreamName, stream_name
from pinpoint_events.senders._streams import (
    STREAM_QUOTAS,
    Key,
    Packed,
    StreamSender,
    checked_switch,
)
from pinpoint_events.senders.observer import AttemptObserver
from pinpoint_events.senders.protocol import DEFAULT_APPLICATION_ID

__all__ = [
    "PLAIN_REGIONS",
    "KinesisSender",
    "PartitionKey",
    "kinesis_members",
    "kinesis_service",
]

T = TypeVar("T")

PartitionKey = Callable[[str, Event], str]
"""Returns the partition key of an event, by endpoint id and event."""

_KIB: Final = 1_024
# Amazon Kinesis developer guide, "Large records", read 2026-11-23.
_LARGEST_RECORD: Final = 10_240 * _KIB
_THROTTLED: Final = 429
_MAX_SHARD_PAGES: Final = 10  # of up to 1,000 shards
_SECONDS_WITHOUT_ANSWER: Final = 60.0  # about the stream


class KinesisSender(StreamSender):
    """
    Sends each event to a Kinesis data stream, as one record.

    By default a record is the one that Amazon Pinpoint wrote to the stream of an
    application, so that its consumers go on.

    A call of Kinesis answers for each record, and this answer becomes that of its
    event: 429 for `ProvisionedThroughputExceededException`, 500 for `InternalFailure`.
    Only records that failed are sent again, in their order. After a record was
    throttled, the sender slows down to what the record's shard takes; it looks up the
    shards for this, if it may (`kinesis:ListShards`). Records arrive at least once: one
    whose answer was lost is sent again.

    Settings, credentials, retries and threads are those of `PinpointSender`.

    Args:
        stream: The name of the stream, or its ARN, if it is another account's.
        application_id: The application that records name.
        partition_key: Returns the partition key of an event, by endpoint id and event;
            1 to 256 characters. By default the endpoint id, which keeps an endpoint's
            events in one shard; of one that is too long, its SHA-256.
        format: What a record holds: `stream_record`, `amplify_envelope`, `put_events`
            (a request of this event alone), or a function that takes an `Arrival` and
            returns bytes, a str, or a dict to write as JSON.
        endpoints: Where endpoints are stored and looked up, such as a `SqliteSender`:
            records then carry the stored endpoint, merged with what is sent. Without
            it, they carry what is sent with their event.
        event_id_attribute: The name of an attribute that receives the event id, for
            consumers to recognise duplicates by. It counts towards the quotas.
        aggregate: Whether events of the same partition key are packed into one record,
            in the format of the Kinesis Producer Library. Consumers must unpack it.
        max_record_bytes: The most bytes of a record, data and partition key: the limit
            of the stream. By default 1 MiB, and the stream is asked for more when a
            record needs it (`kinesis:DescribeStreamSummary`).
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

    messaging_system = "aws_kinesis"
    _call = KINESIS

    def __init__(  # noqa: PLR0913 - each is a separate option
        self,
        stream: str,
        *,
        application_id: str = DEFAULT_APPLICATION_ID,
        partition_key: PartitionKey | None = None,
        format: RecordFormat = "stream_record",  # noqa: A002 - the user's word for it
        endpoints: FindsEndpoints | str | None = None,
        event_id_attribute: str | None = None,
        aggregate: bool = False,
        max_record_bytes: int | None = None,
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
        found = stream_name(stream, "kinesis")
        if partition_key is not None and not callable(partition_key):
            raise ConfigurationError(
                f"partition_key is of type {type(partition_key).__qualname__}; pass a "
                "function of endpoint id and event, or None for the endpoint id"
            )
        self._key_of = partition_key
        self._is_aggregating = checked_switch("aggregate", aggregate)
        self._known_record_bytes = _record_bytes(max_record_bytes)
        self._rates = ShardRates()
        # By what is asked: not before, by the monotonic clock.
        self._ask_at: dict[str, float] = {}
        super().__init__(
            kinesis_service(found),
            found,
            (region, endpoint_url, session, credentials, config, verify),
            application_id=application_id,
            written=format,
            endpoints=endpoints,
            event_id_attribute=event_id_attribute,
            retry=retry,
            observer=observer,
            quotas=quotas,
        )

    def _stream_members(self, stream: StreamName) -> Mapping[str, str]:
        return kinesis_members(stream)

    def _records_of(
        self, endpoint_id: str, events: Iterable[Event], contents: Iterable[bytes]
    ) -> Iterable[Record]:
        key_of = self._key_of
        if key_of is None:
            is_short = len(endpoint_id) <= MAX_KEY_CHARACTERS
            key = endpoint_id if is_short else sha256(endpoint_id.encode()).hexdigest()
            return [Record(data, key) for data in contents]
        return [
            Record(data, _checked_key(key_of(endpoint_id, event)))
            for event, data in zip(events, contents, strict=True)
        ]

    # --- Size of records ---

    def _max_record_bytes(self, size: int) -> int:
        if self._known_record_bytes is None and size <= _LARGEST_RECORD:
            question = summary_request(self._members)
            self._known_record_bytes = self._asked(question, most_record_bytes)
        return self._known_record_bytes or KINESIS.max_record_bytes

    def _asked(
        self, question: HttpRequest, read: Callable[[HttpResponse], T]
    ) -> T | None:
        """
        Return what Kinesis says of the stream; None if it does not.

        Then it is not asked again for a minute.
        """
        target, now = question.headers["X-Amz-Target"], self._time.monotonic()
        if now < self._ask_at.get(target, 0.0):
            return None
        response = self._calls.ask(question)
        if response is not None:
            with suppress(InvalidResponseError):
                return read(response)
        self._ask_at[target] = now + _SECONDS_WITHOUT_ANSWER
        return None

    # --- Aggregation ---

    def _packed(self, records: Mapping[Key, Record]) -> Packed:
        if not self._is_aggregating:
            return super()._packed(records)
        by_partition: dict[str, list[Key]] = {}
        for key, record in records.items():
            by_partition.setdefault(record.partition_key, []).append(key)
        most = self._known_record_bytes or KINESIS.max_record_bytes
        packed: list[Record] = []
        keys: list[Sequence[Key]] = []
        for partition_key, group in by_partition.items():
            aggregator = KplAggregator(most)
            inside: list[Key] = []
            for key in group:
                data = records[key].data
                one = KinesisRecord(partition_key=partition_key, data=data)
                if not aggregator.add(one):
                    packed.append(_taken(aggregator))
                    keys.append(inside)
                    inside = []
                    aggregator.add(one)
                inside.append(key)
            packed.append(_taken(aggregator))
            keys.append(inside)
        return Packed(packed, keys)

    # --- Rates ---

    def _sending(self, records: Sequence[Record], deadline: float) -> None:
        if not self._rates.is_limiting:
            return
        sizes: dict[str, list[int]] = {}
        for record in records:
            sizes.setdefault(record.partition_key, []).append(record.size)
        now = self._time.monotonic()
        # The call itself needs time as well: one that is never made learns nothing.
        most = max(0.0, deadline - now) / 2
        seconds = min(self._rates.seconds_for(sizes, now), most)
        self._time.wait(seconds, lambda: self._is_closed)

    def _sent(self, records: Sequence[Record], answer: RecordsAnswer) -> None:
        if answer.responses is None:
            return
        throttled = [
            record.partition_key
            for record, response in zip(records, answer.responses, strict=True)
            if response.status_code == _THROTTLED
        ]
        is_limiting = self._rates.is_limiting
        is_resharded = is_limiting and not self._rates.has(answer.shards)
        if is_resharded or (throttled and not is_limiting):
            self._know_shards()
        if throttled or self._rates.is_limiting:
            self._rates.learn(throttled, answer.shards, self._time.monotonic())

    def _know_shards(self) -> None:
        shards: list[Shard] = []
        token = None
        for _ in range(_MAX_SHARD_PAGES):
            question = shards_request(self._members, token)
            found = self._asked(question, listed_shards)
            if found is None:
                # Rates of shards that may have ended would never be dropped.
                self._rates.know(())
                return
            page, token = found
            shards += [Shard(each.id, *each.hash_keys) for each in page if each.is_open]
            if token is None:
                break
        self._rates.know(shards)


def _record_bytes(given: object) -> int | None:
    if given is None or (type(given) is int and 0 < given <= _LARGEST_RECORD):
        return given
    raise ConfigurationError(
        f"max_record_bytes is not from 1 to {_LARGEST_RECORD:,}; pass the stream's "
        "limit in bytes, or None"
    )


def _checked_key(key: object) -> str:
    if isinstance(key, str) and 0 < len(key) <= MAX_KEY_CHARACTERS:
        return key
    raise ConfigurationError(
        "partition_key returned no str of 1 to 256 characters; shorten it, as by a hash"
    )


def _taken(aggregator: KplAggregator) -> Record:
    record = aggregator.take()
    return Record(record.data, record.partition_key)


def kinesis_members(stream: StreamName) -> dict[str, str]:
    """Return the members of a call that name the stream."""
    if stream.arn is not None:
        return {"StreamARN": stream.arn}
    return {"StreamName": stream.name}


def kinesis_service(stream: StreamName) -> Service:
    """Return Kinesis, as far as this stream is concerned."""
    return Service(
        name="kinesis",
        endpoint_prefix="kinesis",
        signing_name="kinesis",
        service_id="Kinesis",
        protocol="json",
        # A stream that is named by its ARN has a host of its account.
        plain_regions=PLAIN_REGIONS if stream.arn is None else frozenset(),
        operation="put_records",
        arguments={
            "Records": [{"Data": b"", "PartitionKey": "-"}],
            **kinesis_members(stream),
        },
    )


# AWS General Reference, "Kinesis Data Streams endpoints", read 2026-11-28; in others
# botocore is asked.
PLAIN_REGIONS: Final = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "me-south-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
