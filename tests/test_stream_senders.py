"""The senders to Kinesis and Firehose, against the streams of the pytest fixtures."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import boto3
import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    TransportError,
    ValidationError,
)
from pinpoint_events.formats import KinesisRecord, deaggregate_record, to_stream_record
from pinpoint_events.loader import load
from pinpoint_events.model.endpoint import ChannelType, Demographic, Endpoint, User
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EndpointItemResponse, Outcome
from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry
from pinpoint_events.senders import (
    Arrival,
    Attempt,
    FirehoseSender,
    HttpResponse,
    KinesisSender,
    MemorySender,
    Sender,
    SqliteSender,
    open_sender,
)
from pinpoint_events.senders._streams import STREAM_QUOTAS
from pinpoint_events.server import (
    Cut,
    FailCall,
    FailRecord,
    Faults,
    Keys,
    Kinesis,
    ShardLimits,
    create_app,
    served,
)
from pinpoint_events.testing import FirehoseStream, KinesisStream
from pinpoint_events.wire import from_json
from tests.aws import KEYS, aws
from tests.commands import takes_long
from tests.fake_time import FakeTime
from tests.http_server import Answer, HttpServer
from tests.samples import ENDPOINT, event, request
from tests.sender_contract import Place, SenderContract
from tests.server.streams import knows_record_size
from tests.test_senders import Opened

__all__ = ["aws"]

THROTTLED = "ProvisionedThroughputExceededException"
WIDE = Quotas(
    events_per_request=None,
    endpoints_per_request=None,
    request_bytes=None,
    event_bytes=None,
    event_attribute_value_characters=None,
)


def keys_of(stream: KinesisStream | FirehoseStream) -> Credentials:
    """Return botocore's form of the only key that a stream accepts."""
    key = stream.credentials
    return Credentials(key.access_key_id, key.secret_access_key)


class StreamPlace(Opened):
    """A stream on loopback, of which the records have the event ids."""

    def __init__(self, cls: Any, stream: Any) -> None:
        super().__init__()
        self.cls = cls
        self.stream = stream

    def sender(self, **options: Any) -> Sender:
        """Open a sender to the stream."""
        return self.opened(
            self.cls(
                self.stream.name,
                application_id="app-1",
                region=self.stream.region,
                endpoint_url=self.stream.url,
                credentials=keys_of(self.stream),
                event_id_attribute="event_id",
                **options,
            )
        )

    def arrived(self) -> list[tuple[str, str]]:
        """Return the ids in the records."""
        return sorted(
            (each["client"]["client_id"], each["attributes"]["event_id"])
            for each in self.stream.json
        )


class StreamContract(SenderContract):
    """What holds of all senders; a stream has no limit of a request."""

    def test_too_many_events(self, sender: Sender, place: Place) -> None:
        """However many events become as many calls as they need."""
        many = request(e={f"v-{number:04}": event() for number in range(1_001)})
        sender.put_events(many).raise_for_failures(many)
        assert place.arrived() == [("e", f"v-{number:04}") for number in range(1_001)]

    def test_too_many_bytes(self, sender: Sender, place: Place) -> None:
        """The quotas of items hold."""
        large = event(attributes={"text": "x" * 4_000_000})
        with pytest.raises(QuotaExceededError) as caught:
            sender.put_events(request(e={"v": large}))
        codes = {problem.code for problem in caught.value.problems}
        assert codes == {ProblemCode.VALUE_TOO_LONG}
        assert place.arrived() == []

    def test_own_quotas(self, place: Place) -> None:
        """The quotas can be set."""
        long = request(e={f"v-{number}": event() for number in range(3)})
        narrow = place.sender(quotas=Quotas(events_per_request=2))
        with pytest.raises(QuotaExceededError):
            narrow.put_events(long)
        assert place.arrived() == []


class TestKinesisContract(StreamContract):
    """The sender to Kinesis keeps the contract."""

    @pytest.fixture
    def place(self, kinesis_stream: KinesisStream) -> Iterator[Place]:
        """Return a stream that takes in as much as comes."""
        kinesis_stream.limits = ShardLimits(
            records_per_second=None, bytes_per_second=None
        )
        with StreamPlace(KinesisSender, kinesis_stream) as place:
            yield place


class TestFirehoseContract(StreamContract):
    """The sender to Firehose keeps the contract."""

    @pytest.fixture
    def place(self, firehose_stream: FirehoseStream) -> Iterator[Place]:
        """Return a stream."""
        with StreamPlace(FirehoseSender, firehose_stream) as place:
            yield place


@pytest.fixture
def stream(kinesis_stream: KinesisStream) -> KinesisStream:
    """Return a Kinesis stream that takes in as much as comes."""
    kinesis_stream.limits = ShardLimits(records_per_second=None, bytes_per_second=None)
    return kinesis_stream


def to(stream: KinesisStream, **options: Any) -> KinesisSender:
    """Return a sender to the stream."""
    given: dict[str, Any] = {
        "application_id": "shop",
        "region": stream.region,
        "endpoint_url": stream.url,
        "credentials": keys_of(stream),
    }
    return KinesisSender(stream.name, **(given | options))


def many(count: int, endpoints: int = 1) -> EventsRequest:
    """Return a request of so many events, over so many endpoints."""
    builder = BatchBuilder(quotas=WIDE)
    for number in range(count):
        name = f"e-{number % endpoints}"
        builder.add(name, event(attributes={"n": str(number)}), event_id=f"v-{number}")
    return builder.build()


def numbers(stream: KinesisStream) -> list[int]:
    """Return the numbers of the events that arrived, in their order."""
    return [int(each["attributes"]["n"]) for each in stream.json]


class TestRecords:
    """What a record holds."""

    def test_stream_record(self, stream: KinesisStream) -> None:
        """By default that of Pinpoint, with the account of the ARN."""
        sent = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={"v": event()})}
        )
        with (
            to(stream, region=None) as named,
            KinesisSender(
                stream.arn,
                application_id="shop",
                endpoint_url=stream.url,
                credentials=keys_of(stream),
            ) as by_arn,
        ):
            for sender in (named, by_arn):
                sender.put_events(sent).raise_for_failures(sent)
        for found, account_id in zip(stream.json, (None, "123456789012"), strict=True):
            arrived = found["arrival_timestamp"] / 1000
            assert found == to_stream_record(
                "e",
                event(),
                ENDPOINT,
                application_id="shop",
                arrived_at=datetime.fromtimestamp(arrived, UTC),
                account_id=account_id,
            )

    def test_put_events(self, stream: KinesisStream) -> None:
        """A request of this event alone can be loaded, or sent, as it is."""
        sent = request(e={"v": event()}, f={"w": event()})
        with to(stream, format="put_events") as sender:
            sender.put_events(sent).raise_for_failures(sent)
        found = [from_json(EventsRequest, data) for data in stream.data]
        assert found == [request(e={"v": event()}), request(f={"w": event()})]

    def test_amplify_envelope(self, stream: KinesisStream) -> None:
        """The other record of AWS."""
        with to(stream, format="amplify_envelope") as sender:
            sender.put_events(request(e={"v": event()}))
        assert "endpoint" not in stream.json[0]

    @pytest.mark.parametrize(
        "write, data",
        [
            (lambda arrival: b"\xff", b"\xff"),
            (lambda arrival: arrival.endpoint_id, b"e"),
            (lambda arrival: {"id": arrival.event_id}, b'{"id":"v"}'),
        ],
    )
    def test_own_format(self, stream: KinesisStream, write: Any, data: bytes) -> None:
        """A function returns bytes, text or a dict."""
        with to(stream, format=write) as sender:
            sender.put_events(request(e={"v": event()}))
        assert stream.data == (data,)

    def test_own_format_gets_all(self, stream: KinesisStream) -> None:
        """It has everything that is known of the event."""
        found: list[Arrival] = []

        def write(arrival: Arrival) -> bytes:
            found.append(arrival)
            return b"-"

        with to(stream, format=write, event_id_attribute="id") as sender:
            sender.put_events(request(e={"v": event()}))
        (arrival,) = found
        assert arrival[:5] == (
            "shop", "e", Endpoint(), "v", event(attributes={"id": "v"})
        )  # fmt: skip

    def test_own_format_of_another_type(self, stream: KinesisStream) -> None:
        """Anything else is refused before anything is sent."""
        with (
            to(stream, format=lambda _: 5) as sender,
            pytest.raises(ConfigurationError, match="format returned a int"),
        ):
            sender.put_events(request(e={"v": event()}))
        stream.assert_nothing_arrived()

    def test_event_id(self, stream: KinesisStream) -> None:
        """It is an attribute, which counts towards the quotas."""
        with to(stream, event_id_attribute="id") as sender:
            sender.put_events(request(e={"v": event()}))
            taken = request(e={"v": event(attributes={"id": "other"})})
            with pytest.raises(ValidationError) as caught:
                sender.put_events(taken)
            full = {f"k-{number}": "v" for number in range(40)}
            with pytest.raises(QuotaExceededError):
                sender.put_events(request(e={"v": event(attributes=full)}))
        assert caught.value.problems[0].code is ProblemCode.ATTRIBUTE_TAKEN
        assert stream.json[0]["attributes"] == {"id": "v"}

    def test_line_breaks(self, firehose_stream: FirehoseStream) -> None:
        """Firehose's records end with one, unless that is switched off."""
        for newline, end in ((True, b"}\n"), (False, b"}}")):
            with FirehoseSender(
                firehose_stream.name,
                newline=newline,
                endpoint_url=firehose_stream.url,
                region=firehose_stream.region,
                credentials=keys_of(firehose_stream),
            ) as sender:
                sender.put_events(request(e={"v": event()}))
            assert firehose_stream.data[-1].endswith(end)


class TestPartitionKeys:
    """Which shard an event goes to."""

    def test_endpoint(self, stream: KinesisStream) -> None:
        """By default the endpoint id; of a long one, its hash."""
        with to(stream) as sender:
            sender.put_events(
                request(**{"e": {"v": event()}, "x" * 256: {"v": event()}})
            )
            sender.put_events(request(**{"x" * 257: {"v": event()}}))
        keys = [record.partition_key for record in stream.records]
        assert keys[:2] == ["e", "x" * 256]
        assert len(keys[2]) == 64

    def test_own(self, stream: KinesisStream) -> None:
        """Or what a function says."""
        with to(stream, partition_key=lambda name, each: each.event_type) as sender:
            sender.put_events(request(e={"v": event("tap")}))
        assert stream.records[0].partition_key == "tap"

    @pytest.mark.parametrize("key", ["", "x" * 257, 5, None])
    def test_unusable(self, stream: KinesisStream, key: Any) -> None:
        """What is no key is refused before anything is sent."""
        with (
            to(stream, partition_key=lambda *_: key) as sender,
            pytest.raises(ConfigurationError, match="partition_key returned no str"),
        ):
            sender.put_events(request(e={"v": event()}))
        stream.assert_nothing_arrived()


class TestFailures:
    """What becomes of records that fail."""

    def test_single_records(self, stream: KinesisStream) -> None:
        """Only they are sent again, in their order."""
        stream.faults.add(FailRecord(positions=[2, 4], calls=[1]))
        sent = many(5)
        with to(stream) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert numbers(stream) == [0, 2, 4, 1, 3]

    def test_codes(self, stream: KinesisStream) -> None:
        """Each error has a status, and its words are the event's message."""
        stream.faults.add(
            FailRecord(error_code=THROTTLED, positions=[1]),
            FailRecord(error_code="InternalFailure", positions=[2]),
        )
        sent = many(3)
        with to(stream, retry=None) as sender:
            response = sender.put_events(sent)
        of_events = response.results["e-0"].events_item_response
        assert [each.status_code for each in of_events.values()] == [429, 500, 202]
        assert (of_events["v-0"].message or "").startswith("ProvisionedThroughput")
        again = sent.retry(response)
        assert again is not None
        assert again.batch_item["e-0"].events.keys() == {"v-0", "v-1"}

    def test_endpoint_goes_with_its_events(self, stream: KinesisStream) -> None:
        """Where no store has it, it is sent again while one of its events is."""
        sent = EventsRequest(
            batch_item={
                "e": EventsBatch(
                    endpoint=ENDPOINT, events={"v": event(), "w": event("other")}
                )
            }
        )
        stream.faults.add(FailRecord(positions=[2], calls=[1]))
        with to(stream, retry=None) as sender:
            response = sender.put_events(sent)
            again = sent.retry(response)
            assert again is not None
            assert again.batch_item["e"].endpoint == ENDPOINT
            sender.put_events(again).raise_for_failures(again)
        assert [each["endpoint"]["Id"] for each in stream.json] == ["e", "e"]
        first, second = (each["endpoint"] for each in stream.json)
        assert first == second

    def test_lost_answer(self, stream: KinesisStream) -> None:
        """Records whose answer was lost are sent again, and arrive twice."""
        stream.faults.add(Cut(where="before", calls=[1]))
        sent = many(2)
        with to(stream) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert sorted(numbers(stream)) == [0, 0, 1, 1]

    def test_later_call_fails(self, stream: KinesisStream) -> None:
        """What was answered before is not hidden by an error."""
        stream.faults.add(FailCall(status=500, calls=[2]))
        sent = many(1_200)
        with to(stream, retry=None) as sender:
            response = sender.put_events(sent)
        outcomes = [each.outcome for each in response.outcomes(sent)][1:]
        assert outcomes[:500] == [Outcome.ACCEPTED] * 500
        assert outcomes[500:] == [Outcome.RETRYABLE] * 700
        assert len(stream.data) == 500

    def test_later_answer_is_lost(self, stream: KinesisStream) -> None:
        """Records that may have been accepted are unreported, the rest retryable."""
        stream.faults.add(Cut(where="before", calls=[2]))
        sent = many(1_200)
        with to(stream, retry=None) as sender:
            response = sender.put_events(sent)
        outcomes = [each.outcome for each in response.outcomes(sent)][1:]
        assert outcomes[500:1000] == [Outcome.UNREPORTED] * 500
        assert outcomes[1000:] == [Outcome.RETRYABLE] * 200

    def test_refused_after_a_lost_answer(self, stream: KinesisStream) -> None:
        """A later refusal does not make rejected what may have been accepted."""
        stream.faults.add(Cut(where="before", calls=[2]))
        stream.faults.add(FailCall(status=400, calls=[3]))
        sent = many(1_200)
        with to(stream, retry=Retry(attempts=2)) as sender:
            response = sender.put_events(sent)
        outcomes = [each.outcome for each in response.outcomes(sent)][1:]
        assert outcomes[500:1000] == [Outcome.UNREPORTED] * 500
        assert outcomes[1000:] == [Outcome.RETRYABLE] * 200
        assert len(stream.data) == 1_000

    def test_first_call_fails(self, stream: KinesisStream) -> None:
        """Nothing was answered: it raises."""
        stream.faults.add(FailCall(status=500))
        with to(stream, retry=None) as sender, pytest.raises(SenderError) as caught:
            sender.put_events(many(600))
        assert caught.value.is_retry_safe

    def test_no_such_stream(self, stream: KinesisStream) -> None:
        """It says what to check."""
        with (
            KinesisSender(
                "other",
                region=stream.region,
                endpoint_url=stream.url,
                credentials=keys_of(stream),
            ) as sender,
            pytest.raises(NotFoundError, match="stream's name or ARN"),
        ):
            sender.put_events(many(1))

    def test_wrong_key(self, stream: KinesisStream) -> None:
        """It names the permission."""
        wrong = Credentials("AKIDEXAMPLE", "wrong")
        with (
            to(stream, credentials=wrong) as sender,
            pytest.raises(ForbiddenError, match="kinesis:PutRecords"),
        ):
            sender.put_events(many(1))


class TestSizes:
    """The limits of calls and records."""

    def test_too_large(self, stream: KinesisStream) -> None:
        """An event that fits in no record is rejected alone."""
        large = event(attributes={"n": "x" * 1_100_000})
        sent = request(e={"v": event(attributes={"n": "1"}), "w": large})
        with to(stream, quotas=WIDE) as sender:
            response = sender.put_events(sent)
        (outcome,) = response.rejected(sent)
        assert (
            outcome.event_id,
            outcome.response and outcome.response.status_code,
        ) == (
            "w",
            413,
        )
        assert numbers(stream) == [1]

    def test_too_large_for_firehose(self, firehose_stream: FirehoseStream) -> None:
        """Its limit is 1,000 KiB, with the line break."""
        place = StreamPlace(FirehoseSender, firehose_stream)
        sent = request(e={"v": event(), "w": event(attributes={"n": "x" * 1_024_000})})
        with place, place.sender(quotas=WIDE) as sender:
            assert [each[1] for each in sender.put_events(sent).rejected(sent)] == ["w"]
        assert len(firehose_stream.data) == 1

    @knows_record_size
    def test_larger_limit_of_the_stream(self, stream: KinesisStream) -> None:
        """The stream is asked; or the limit is given."""
        with closing(boto3.client(**stream.client_arguments)) as client:
            client.update_max_record_size(
                StreamARN=stream.arn, MaxRecordSizeInKiB=2_048
            )
        sent = request(e={"v": event(attributes={"n": "1" * 1_100_000})})
        with (
            to(stream, quotas=WIDE) as asking,
            to(stream, quotas=WIDE, max_record_bytes=2_000_000) as given,
        ):
            for sender in (asking, asking, given):
                sender.put_events(sent).raise_for_failures(sent)
        assert len(stream.data) == 3

    def test_limit_that_is_not_told(self, aws: pytest.MonkeyPatch) -> None:
        """It is that of most streams meanwhile, and asked for again after a minute."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        taken = {"Records": [{"SequenceNumber": "1", "ShardId": "shardId-1"}]}
        answers = [
            (400, {"__type": "AccessDeniedException"}),
            (200, {"StreamDescriptionSummary": 5}),
            (200, {"StreamDescriptionSummary": {"MaxRecordSizeInKiB": 2_048}}),
            (200, taken),
        ]
        sent = request(e={"v": event(attributes={"n": "1" * 1_100_000})})
        with (
            HttpServer(
                *(Answer(status, json.dumps(each).encode()) for status, each in answers)
            ) as server,
            _SlowSender(
                "s", region="x-1", endpoint_url=server.url, retry=None, quotas=WIDE
            ) as sender,
        ):
            outcomes = []
            for seconds in (0, 59, 2, 61):
                _SlowSender.time.seconds += seconds
                (_, found) = sender.put_events(sent).outcomes(sent)
                outcomes.append(found.outcome)
            assert len(server.received) == 4
        rejected = [Outcome.REJECTED] * 3
        assert outcomes == [*rejected, Outcome.ACCEPTED]

    def test_bytes_of_a_call(self, stream: KinesisStream) -> None:
        """Records that are too many bytes for one call are several."""
        sent = request(
            e={f"v-{n}": event(attributes={"n": "1" * 900_000}) for n in range(13)}
        )
        with to(stream, quotas=WIDE) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert len(stream.data) == 13

    def test_shape(self, stream: KinesisStream) -> None:
        """A sender says what one call takes."""
        with to(stream) as sender:
            assert sender.events_per_call == 500


class TestAggregation:
    """Several events in one record."""

    def test_by_key(self, stream: KinesisStream) -> None:
        """Those of one partition key are packed, and share its outcome."""
        sent = many(20, endpoints=2)
        stream.faults.add(FailRecord(positions=[2], calls=[1]))
        with to(stream, aggregate=True) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert [each.partition_key for each in stream.records] == ["e-0", "e-1"]
        packed = [
            KinesisRecord(partition_key=each.partition_key, data=each.data)
            for each in stream.records
        ]
        found = [
            json.loads(inside.data)["attributes"]["n"]
            for record in packed
            for inside in deaggregate_record(record)
        ]
        assert found == [str(n) for n in (*range(0, 20, 2), *range(1, 20, 2))]

    def test_in_several(self, stream: KinesisStream) -> None:
        """As many records as they need."""
        sent = many(20)
        with to(stream, aggregate=True, max_record_bytes=2_000) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert 1 < len(stream.data) < 20
        sizes = [len(each.data) + len(each.partition_key) for each in stream.records]
        assert max(sizes) <= 2_000


class Counted:
    """Counts the attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    def sending(self, attempt: Attempt) -> None:
        """Count it."""
        self.attempts += 1

    def answered(self, attempt: Attempt, response: HttpResponse) -> None:
        """Do nothing."""

    def failed(self, attempt: Attempt, error: PinpointEventsError) -> None:
        """Do nothing."""


class TestLoad:
    """`load` packs what a call takes."""

    def test_calls(self, stream: KinesisStream, tmp_path: Path) -> None:
        """Of 500 events each, although a request has no limit."""
        path = tmp_path / "events.jsonl"
        line = json.dumps(
            {
                "EndpointId": "e",
                "Event": {"EventType": "tap", "Timestamp": "2026-11-29T09:30:00Z"},
            }
        )
        path.write_text(f"{line}\n" * 1_200)
        stream.limits = ShardLimits(records_per_second=None)
        counted = Counted()
        with to(stream, observer=counted) as sender:
            totals = load([path], sender)
        assert totals.is_all_accepted
        assert len(stream.records) == 1_200
        assert counted.attempts == 3


class TestEndpoints:
    """Records carry the endpoint of a store."""

    def test_merged(self, stream: KinesisStream, tmp_path: Path) -> None:
        """What is stored, merged with what is sent, by the service's rules."""
        with (
            SqliteSender(tmp_path / "endpoints.db") as store,
            to(stream, endpoints=store) as sender,
        ):
            known = Endpoint(
                channel_type=ChannelType.EMAIL,
                address="a@example.com",
                demographic=Demographic(make="Acme"),
            )
            first = EventsRequest(
                batch_item={"e": EventsBatch(endpoint=known, events={"v": event()})}
            )
            sender.put_events(first).raise_for_failures(first)
            later = request(e={"w": event()})
            sender.put_events(later).raise_for_failures(later)
        for each in stream.json:
            assert each["device"]["make"] == "Acme"
            assert each["endpoint"]["EndpointStatus"] == "ACTIVE"
            assert each["endpoint"]["OptOut"] == "ALL"

    def test_url(self, stream: KinesisStream, tmp_path: Path) -> None:
        """A URL is opened for the same application, and closed with the sender."""
        path = tmp_path / "endpoints.db"
        sent = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={"v": event()})}
        )
        url = f"kinesis://{stream.name}?region={stream.region}"
        stored = quote(f"sqlite:///{path}", safe="")
        with open_sender(
            f"{url}&endpoint_url={stream.url}&endpoints={stored}", application_id="shop"
        ) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        with SqliteSender(path, application_id="shop") as store:
            assert store.find_endpoints(ids=["e"]).keys() == {"e"}
        assert not list(tmp_path.glob("*-wal"))

    def test_url_of_no_store(self, stream: KinesisStream) -> None:
        """What the URL names must find endpoints."""
        other = "firehose://s?region=x-1&endpoint_url=http://127.0.0.1:1"
        with pytest.raises(ConfigurationError, match="is of type FirehoseSender"):
            to(stream, endpoints=other)

    def test_store_that_only_finds(self, stream: KinesisStream) -> None:
        """It is read, and what is sent is merged for the record."""

        class Found:
            def find_endpoints(self, **_: object) -> dict[str, Endpoint]:
                return {"e": Endpoint(demographic=Demographic(make="Acme"))}

        sent = EventsRequest(
            batch_item={
                "e": EventsBatch(
                    endpoint=Endpoint(demographic=Demographic(model="A1")),
                    events={"v": event()},
                )
            }
        )
        with to(stream, endpoints=Found()) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert stream.json[0]["device"]["make"] == "Acme"
        assert stream.json[0]["device"]["model"] == "A1"

    def test_refused(self, stream: KinesisStream) -> None:
        """A rule that refuses an endpoint refuses no event."""
        store = MemorySender()
        with to(stream, endpoints=store) as sender:
            responses = [
                sender.put_events(
                    EventsRequest(
                        batch_item={
                            f"e-{number}": EventsBatch(
                                endpoint=Endpoint(user=User(user_id="u")),
                                events={"v": event()},
                            )
                        }
                    )
                )
                for number in range(16)
            ]
        of_last = responses[-1].results["e-15"]
        assert of_last.endpoint_item_response is not None
        assert of_last.endpoint_item_response.status_code == 400
        assert of_last.events_item_response["v"].outcome is Outcome.ACCEPTED
        assert len(stream.data) == 16

    def test_of_the_store(self, stream: KinesisStream) -> None:
        """What the store answers is the endpoint's outcome."""
        store = MemorySender()
        sent = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={})}
        )
        with to(stream, endpoints=store) as sender:
            response = sender.put_events(sent)
        assert response.results["e"].endpoint_item_response == EndpointItemResponse(
            status_code=202, message="Accepted"
        )
        assert store.endpoints.keys() == {"e"}
        stream.assert_nothing_arrived()

    def test_no_store(self, stream: KinesisStream) -> None:
        """What finds no endpoints is refused."""
        with pytest.raises(ConfigurationError, match="has no find_endpoints"):
            to(stream, endpoints={})

    def test_endpoint_in_no_record(
        self, stream: KinesisStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without a store and an event it goes nowhere, which is logged once."""
        sent = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={})}
        )
        with to(stream) as sender, caplog.at_level(logging.WARNING):
            for _ in range(3):
                sender.put_events(sent)
        found = [each.getMessage() for each in caplog.records]
        assert found == ["endpoint without events is in no record; see `endpoints`"]


class _SlowSender(KinesisSender):
    """A sender whose waits take no time."""

    time: ClassVar = FakeTime()
    _time = time


class TestRates:
    """A stream that throttles is sent to more slowly."""

    @takes_long
    def test_learned(self, kinesis_stream: KinesisStream) -> None:
        """After some calls nothing is throttled any more, and all arrives."""
        kinesis_stream.limits = ShardLimits(records_per_second=1_000)
        sent = many(600)
        with to(kinesis_stream, retry=Retry(attempts=9)) as sender:
            for _ in range(3):
                sender.put_events(sent).raise_for_failures(sent)
        assert len(kinesis_stream.data) == 1_800

    def test_resharded(self, kinesis_stream: KinesisStream) -> None:
        """New shards are looked up when they answer."""
        kinesis_stream.limits = ShardLimits(records_per_second=1_000)
        sent = many(700, endpoints=50)
        with to(kinesis_stream, retry=Retry(attempts=9)) as sender:
            sender.put_events(sent).raise_for_failures(sent)
            kinesis_stream.split()
            sender.put_events(sent).raise_for_failures(sent)
        assert len(kinesis_stream.data) == 1_400

    def test_pages(self, aws: pytest.MonkeyPatch) -> None:
        """Shards are listed page by page; closed ones are left out."""
        for name, value in KEYS.items():
            aws.setenv(name, value)

        def shard(number: int, first: int, last: int, **numbers: str) -> Any:
            return {
                "ShardId": f"shardId-{number}",
                "HashKeyRange": {
                    "StartingHashKey": str(first),
                    "EndingHashKey": str(last),
                },
                "SequenceNumberRange": {"StartingSequenceNumber": "1", **numbers},
            }

        closed = shard(0, 0, 2**128 - 1, EndingSequenceNumber="9")
        pages = [
            {"Shards": [closed, shard(1, 0, 2**127 - 1)], "NextToken": "n"},
            {"Shards": [shard(2, 2**127, 2**128 - 1)]},
        ]
        throttled = {"Records": [{"ErrorCode": THROTTLED}]}
        taken = {"Records": [{"SequenceNumber": "1", "ShardId": "shardId-1"}]}
        answers = [throttled, *pages, taken]
        with (
            HttpServer(
                *(Answer(200, json.dumps(each).encode()) for each in answers)
            ) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, observer=None
            ) as sender,
        ):
            assert sender.observer is None
            sent = many(1)
            sender.put_events(sent).raise_for_failures(sent)
            assert len(server.received) == 4
            assert json.loads(server.received[2].body) == {"NextToken": "n"}

    def test_endless_pages(self, aws: pytest.MonkeyPatch) -> None:
        """Not more than ten pages are asked for."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        throttled = {"Records": [{"ErrorCode": THROTTLED}]}
        page = {"Shards": [], "NextToken": "n"}
        with (
            HttpServer(
                Answer(200, json.dumps(throttled).encode()),
                default=lambda _: Answer(200, json.dumps(page).encode()),
            ) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, retry=None
            ) as sender,
        ):
            sender.put_events(many(1))
        assert len(server.received) == 11

    @pytest.mark.parametrize("page", [{"Shards": [{}]}, {"Shards": 5}, {}, []])
    def test_unreadable_page(self, aws: pytest.MonkeyPatch, page: Any) -> None:
        """A list that cannot be read is as none, and is not asked for again."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        throttled = {"Records": [{"ErrorCode": THROTTLED}]}
        answers = [throttled, page, throttled]
        with (
            HttpServer(
                *(Answer(200, json.dumps(each).encode()) for each in answers)
            ) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, retry=None
            ) as sender,
        ):
            sender.put_events(many(1))
            sender.put_events(many(1))
        assert len(server.received) == 3

    @takes_long
    def test_without_permission(self, aws: pytest.MonkeyPatch) -> None:
        """Where shards may not be listed, only the attempts wait."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        throttled = {
            "FailedRecordCount": 1,
            "Records": [{"ErrorCode": THROTTLED}],
        }
        taken = {"Records": [{"SequenceNumber": "1", "ShardId": "shardId-1"}]}
        with (
            HttpServer(
                Answer(200, json.dumps(throttled).encode()),
                Answer(400, b'{"__type": "AccessDeniedException"}'),
                Answer(200, json.dumps(throttled).encode()),
                Answer(200, json.dumps(taken).encode()),
            ) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, retry=Retry(attempts=5)
            ) as sender,
        ):
            sent = many(1)
            sender.put_events(sent).raise_for_failures(sent)
        targets = [each.headers["x-amz-target"] for each in server.received]
        assert [each.rpartition(".")[2] for each in targets] == [
            "PutRecords",
            "ListShards",
            "PutRecords",
            "PutRecords",
        ]

    def test_is_sent_in_time(self, aws: pytest.MonkeyPatch) -> None:
        """However slow a shard was, half of the time is left for the call itself."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        whole = {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}
        numbers = {"StartingSequenceNumber": "1"}
        shard = {
            "ShardId": "shardId-1",
            "HashKeyRange": whole,
            "SequenceNumberRange": numbers,
        }
        throttled = {"Records": [{"ErrorCode": THROTTLED}] * 500}
        listed = {"Shards": [shard]}
        taken = {
            "Records": [{"SequenceNumber": "1", "ShardId": "shardId-1"}] * 500,
        }
        answers = [throttled, listed, *[throttled] * 9, taken]
        retry = Retry(attempts=1, deadline_seconds=20)
        sent = many(500)
        with (
            HttpServer(
                *(Answer(200, json.dumps(each).encode()) for each in answers)
            ) as server,
            _SlowSender(
                "s", region="x-1", endpoint_url=server.url, retry=retry
            ) as sender,
        ):
            for _ in range(10):
                sender.put_events(sent)
            sender.put_events(sent).raise_for_failures(sent)
        assert max(_SlowSender.time.waits) <= 10

    def test_reshards_unlisted(self, aws: pytest.MonkeyPatch) -> None:
        """Rates of shards that may have ended are dropped; later it asks again."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        shard = {
            "ShardId": "shardId-1",
            "HashKeyRange": {
                "StartingHashKey": "0",
                "EndingHashKey": str(2**128 - 1),
            },
            "SequenceNumberRange": {"StartingSequenceNumber": "1"},
        }
        throttled = {"Records": [{"ErrorCode": THROTTLED}]}
        listed = {"Shards": [shard]}
        other = {"Records": [{"SequenceNumber": "2", "ShardId": "shardId-2"}]}
        answers: list[tuple[int, Any]] = [
            (200, throttled),
            (200, listed),
            (200, other),
            (500, {"__type": "InternalFailure"}),
            (200, throttled),  # within a minute
            (200, throttled),
            (200, listed),
        ]
        with (
            HttpServer(
                *(Answer(status, json.dumps(each).encode()) for status, each in answers)
            ) as server,
            _SlowSender(
                "s", region="x-1", endpoint_url=server.url, retry=None
            ) as sender,
        ):
            sender.put_events(many(1))
            sender.put_events(many(1))
            assert not sender._rates.is_limiting
            sender.put_events(many(1))
            _SlowSender.time.seconds += 61
            sender.put_events(many(1))
        targets = [each.headers["x-amz-target"] for each in server.received]
        assert [each.rpartition(".")[2] for each in targets] == [
            "PutRecords",
            "ListShards",
            "PutRecords",
            "ListShards",
            "PutRecords",
            "PutRecords",
            "ListShards",
        ]


class TestAnswers:
    """Answers of other forms."""

    def answered(self, aws: pytest.MonkeyPatch, *answers: Any) -> Any:
        """Return the outcomes of two events after these answers."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        texts = [
            Answer(200, each if isinstance(each, bytes) else json.dumps(each).encode())
            for each in answers
        ]
        sent = many(2)
        with (
            HttpServer(*texts) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, retry=None
            ) as sender,
        ):
            response = sender.put_events(sent)
        return [each.outcome for each in response.outcomes(sent)][1:]

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"Records": None},
            {"Records": []},
            {"Records": [{"SequenceNumber": "1"}]},
            {"Records": [{"SequenceNumber": "1"}] * 3},
            {"Records": [5, {}]},
        ],
        ids=range(6),
    )
    def test_unreported(self, aws: pytest.MonkeyPatch, answer: Any) -> None:
        """Results that are not one for each record are assigned to none."""
        assert self.answered(aws, answer) == [Outcome.UNREPORTED] * 2

    def test_unknown_code(self, aws: pytest.MonkeyPatch) -> None:
        """A code that is not known is worth another attempt; a bad record is not."""
        results = [{"ErrorCode": "Other"}, {"ErrorCode": "InvalidArgumentException"}]
        outcomes = self.answered(aws, {"Records": results})
        assert outcomes == [Outcome.RETRYABLE, Outcome.REJECTED]

    @pytest.mark.parametrize("answer", [b"<html>", b"", b"[]"])
    def test_no_object(self, aws: pytest.MonkeyPatch, answer: bytes) -> None:
        """What is no JSON object is an error."""
        with pytest.raises(InvalidResponseError, match="may have been accepted"):
            self.answered(aws, answer)

    @pytest.mark.parametrize(
        "answer", [b"<html>", b"[]", b"{}", b'{"StreamDescriptionSummary": {}}']
    )
    def test_limit_that_is_not_said(
        self, aws: pytest.MonkeyPatch, answer: bytes
    ) -> None:
        """The default one holds."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        sent = request(e={"v": event(attributes={"n": "x" * 1_100_000})})
        with (
            HttpServer(Answer(200, answer)) as server,
            KinesisSender(
                "s", region="x-1", endpoint_url=server.url, quotas=WIDE
            ) as sender,
        ):
            assert len(sender.put_events(sent).rejected(sent)) == 1

    def test_unreachable(self, aws: pytest.MonkeyPatch) -> None:
        """Without a connection the limit is not asked for twice, and sending fails."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        with KinesisSender(
            "s",
            region="x-1",
            endpoint_url="http://127.0.0.1:1",
            quotas=WIDE,
            retry=None,
        ) as sender:
            large = request(e={"v": event(attributes={"n": "x" * 1_100_000})})
            assert len(sender.put_events(large).rejected(large)) == 1
            with pytest.raises(TransportError):
                sender.put_events(many(1))


class TestSettings:
    """What a sender is made with."""

    @pytest.mark.parametrize(
        "cls, option", [(KinesisSender, "aggregate"), (FirehoseSender, "newline")]
    )
    def test_no_truth(self, cls: Any, option: str) -> None:
        """A switch is True or False; the text `no` would be neither."""
        with pytest.raises(ConfigurationError) as caught:
            cls("s", region="x-1", **{option: "no"})
        assert str(caught.value) == f"{option} is of type str; pass True or False"

    @pytest.mark.parametrize(
        "stream, message",
        [
            ("", "no name of 1 to 128"),
            ("a b", "no name of 1 to 128"),
            (5, "stream is of type int"),
            ("kinesis://s", "pass it to open_sender"),
            ("arn:aws:firehose:eu-west-1:123456789012:deliverystream/s", "no ARN"),
        ],
    )
    def test_stream(self, stream: Any, message: str) -> None:
        """A name or an ARN of Kinesis."""
        with pytest.raises(ConfigurationError, match=message):
            KinesisSender(stream, region="eu-west-1")

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"format": "stream_recrod"}, "did you mean stream_record"),
            ({"format": 5}, "format is not known"),
            ({"partition_key": "user"}, "partition_key is of type str"),
            ({"event_id_attribute": ""}, "event_id_attribute is no name"),
            ({"max_record_bytes": 0}, "max_record_bytes is not from 1 to 10,485,760"),
            ({"max_record_bytes": True}, "max_record_bytes"),
            ({"retry": 3}, "retry is of type int"),
        ],
    )
    def test_options(self, options: Any, message: str) -> None:
        """Each wrong one is named."""
        with pytest.raises(ConfigurationError, match=message):
            KinesisSender("s", region="eu-west-1", **options)

    def test_region_of_the_arn(self, aws: pytest.MonkeyPatch) -> None:
        """It counts; another one contradicts it."""
        arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"
        with KinesisSender(arn) as sender:
            assert "data-kinesis.eu-west-1" in repr(sender)
        with pytest.raises(ConfigurationError, match="stream's ARN, eu-west-1"):
            KinesisSender(arn, region="us-east-1")
        firehose = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s"
        with FirehoseSender(firehose) as other:
            assert "firehose.eu-west-1.amazonaws.com" in repr(other)

    def test_default_quotas(self) -> None:
        """Those of items are PutEvents'."""
        assert STREAM_QUOTAS.event_attribute_value_characters == 200
        assert STREAM_QUOTAS.events_per_request is None
        assert STREAM_QUOTAS.endpoints_per_request is None


class TestExpiringCredentials:
    """Credentials that expire while a request is sent."""

    class Rotating:
        """Keys that expire: of each, the server knows only the newest."""

        def __init__(self, file: Path) -> None:
            self.file = file
            self.now = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
            self.number = 0
            self.credentials = RefreshableCredentials.create_from_metadata(
                self.renew(), self.renew, "test"
            )
            # It asks the machine's clock unless it is given another.
            self.credentials._time_fetcher = lambda: self.now

        def renew(self) -> dict[str, str]:
            """Return a new key, which replaces the one before."""
            self.number += 1
            key, secret, token = (f"{each}{self.number}" for each in ("A", "s", "t"))
            # Replaced, so that the server never reads half of it.
            new = self.file.with_suffix(".new")
            new.write_text(
                f"[k]\naws_access_key_id={key}\naws_secret_access_key={secret}\n"
                f"aws_session_token={token}\n"
            )
            new.replace(self.file)
            expires = self.now + timedelta(hours=1)
            return {
                "access_key": key,
                "secret_key": secret,
                "token": token,
                "expiry_time": expires.isoformat(),
            }

        def expire(self) -> None:
            """Let an hour pass."""
            self.now += timedelta(hours=1)

    @pytest.fixture
    def keys(self, tmp_path: Path, aws: pytest.MonkeyPatch) -> Rotating:
        """Return the keys."""
        return self.Rotating(tmp_path / "keys")

    @pytest.fixture
    def served_stream(self, keys: Rotating) -> Iterator[tuple[str, Kinesis, Faults]]:
        """Return a server that reads them, with a stream `s`."""
        unlimited = ShardLimits(records_per_second=None, bytes_per_second=None)
        kinesis, faults = Kinesis(limits=unlimited), Faults()
        kinesis.create_stream("s")
        known = Keys.from_file(keys.file)
        app = create_app(kinesis=kinesis, credentials=known, faults=faults)
        with served(app) as server:
            yield server.url, kinesis, faults

    def test_renewed(
        self, keys: Rotating, served_stream: tuple[str, Kinesis, Faults]
    ) -> None:
        """They are renewed between two calls of one request."""
        url, kinesis, _ = served_stream
        sent = many(1_600)

        class Expiring:
            def sending(self, attempt: Attempt) -> None:
                """Do nothing."""

            def answered(self, attempt: Attempt, response: Any) -> None:
                """Let the key of this call expire."""
                keys.expire()

            def failed(self, attempt: Attempt, error: Any) -> None:
                """Do nothing."""

        with KinesisSender(
            "s",
            region="us-east-1",
            endpoint_url=url,
            credentials=keys.credentials,
            observer=Expiring(),
        ) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert len(kinesis.records("s")) == 1_600
        assert keys.number == 4

    def test_expired(
        self, keys: Rotating, served_stream: tuple[str, Kinesis, Faults]
    ) -> None:
        """What was refused for it is sent again, once, after they are renewed."""
        url, kinesis, faults = served_stream
        faults.add(FailCall(status=400, code="ExpiredTokenException", calls=[2]))
        sent = many(1_200)
        with KinesisSender(
            "s", region="us-east-1", endpoint_url=url, credentials=keys.credentials
        ) as sender:
            response = sender.put_events(sent)
            again = sent.retry(response)
            assert again is not None
            assert len(again.batch_item["e-0"].events) == 700
            failed = response.results["e-0"].events_item_response["v-1100"]
            assert failed.message == (
                "not sent, because a call before failed: ExpiredTokenException"
            )
            keys.expire()
            sender.put_events(again).raise_for_failures(again)
        assert len(kinesis.records("s")) == 1_200
        assert keys.number == 2

    def test_expired_at_once(
        self, keys: Rotating, served_stream: tuple[str, Kinesis, Faults]
    ) -> None:
        """Nothing was answered: it raises, and says what to do."""
        url, kinesis, faults = served_stream
        faults.add(FailCall(status=400, code="ExpiredTokenException", calls=[1]))
        sent = many(3)
        with KinesisSender(
            "s", region="us-east-1", endpoint_url=url, credentials=keys.credentials
        ) as sender:
            with pytest.raises(ForbiddenError, match="renew the credentials"):
                sender.put_events(sent)
            keys.expire()
            sender.put_events(sent).raise_for_failures(sent)
        assert len(kinesis.records("s")) == 3
