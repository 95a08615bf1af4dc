"""
The senders to Kinesis and Firehose, against servers that others wrote.

Whatever was accepted is read back by boto3, from shards or from S3, and equals what was
sent. Each engine is used for what it gets right.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.aws import aws
from tests.interop.engines import ENGINES, KEY, REGION, Engine, running
from tests.interop.reading import (
    ID,
    accepted_ids,
    data_of,
    events_of,
    ids_of,
    objects_of,
    records_of,
    sent_events,
    shards_of,
)
from tests.samples import ENDPOINT, EVENT, event, request

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import SenderError
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import Outcome
from pinpoint_events.put_records import FIREHOSE
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry
from pinpoint_events.senders import FirehoseSender, KinesisSender
from pinpoint_events.testing import strategies

__all__ = ["aws"]

ATTEMPTS = Retry(attempts=10)
WIDE = Quotas(
    events_per_request=None,
    request_bytes=None,
    event_bytes=None,
    event_attribute_value_characters=None,
)
ROLE = "arn:aws:iam::123456789012:role/firehose"
engines = settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# There was no Pinpoint before 1974: times of a record may be in seconds.
requests = strategies.events_requests(within=Quotas()).filter(
    lambda made: all(
        each.timestamp.year not in range(1970, 1974)
        for batch in made.batch_item.values()
        for each in batch.events.values()
    )
)


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


Start = Callable[[str], Engine]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start an engine, once; all are killed in the end."""
    found: dict[str, Any] = {}

    def started(name: str) -> Engine:
        if name not in found:
            place = running(name, tmp_path_factory.mktemp("engine"))
            found[name] = place, place.__enter__()
        engine: Engine = found[name][1]
        return engine

    yield started
    for place, _ in found.values():
        place.__exit__(None, None, None)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, start: Start) -> Engine:
    """Each engine."""
    return start(request.param)


_COUNT = iter(range(1_000_000))


def new_stream(client: Any, shards: int = 2) -> str:
    """Create a stream with a name that no other has, and return it once it is there."""
    name = f"stream-{next(_COUNT)}"
    client.create_stream(StreamName=name, ShardCount=shards)
    wait_for(client, name)
    return name


def wait_for(client: Any, stream: str) -> dict[str, Any]:
    """Ask until a stream is active, and return its description."""
    for _ in range(10_000):
        answer = client.describe_stream(StreamName=stream)["StreamDescription"]
        if answer["StreamStatus"] == "ACTIVE":
            found: dict[str, Any] = answer
            return found
    raise AssertionError(f"{stream} is not active")


def new_delivery(engine: Engine) -> str:
    """Create a delivery stream into a bucket of the same name, and return the name."""
    name = f"delivery-{next(_COUNT)}"
    engine.client("s3").create_bucket(Bucket=name)
    engine.client("firehose").create_delivery_stream(**to_s3(name))
    return name


def to_s3(name: str) -> dict[str, Any]:
    """Return the members of a delivery stream into a bucket of the same name."""
    return {
        "DeliveryStreamName": name,
        "ExtendedS3DestinationConfiguration": {
            "BucketARN": f"arn:aws:s3:::{name}",
            "RoleARN": ROLE,
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        },
    }


def to(engine: Engine, stream: str, **options: Any) -> KinesisSender:
    """Return a sender to a Kinesis stream."""
    given: dict[str, Any] = {"application_id": "shop", "region": REGION}
    more = {"endpoint_url": engine.url, "credentials": KEY}
    return KinesisSender(stream, **(given | more | options))


def to_delivery(engine: Engine, stream: str, **options: Any) -> FirehoseSender:
    """Return a sender to a Firehose stream."""
    given: dict[str, Any] = {"application_id": "shop", "region": REGION}
    more = {"endpoint_url": engine.url, "credentials": KEY}
    return FirehoseSender(stream, **(given | more | options))


def many(count: int, endpoints: int = 7, first: int = 0) -> EventsRequest:
    """Return a request of so many events, over so many endpoints."""
    builder = BatchBuilder(quotas=WIDE)
    for number in range(first, first + count):
        name = f"e-{number % endpoints}"
        builder.add(name, event(), event_id=f"v-{number}")
    return builder.build()


class TestKinesis:
    """Whatever is accepted is in the stream, as it was sent."""

    @engines
    @given(sent=requests, aggregate=st.booleans())
    def test_any_request(
        self, engine: Engine, sent: EventsRequest, *, aggregate: bool
    ) -> None:
        """Any event, of any endpoint, in a record or packed with others."""
        client = engine.client("kinesis")
        stream = new_stream(client)
        with to(engine, stream, aggregate=aggregate) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        assert events_of(data_of(client, stream)) == sent_events(sent)

    @pytest.mark.parametrize("aggregate", [False, True])
    def test_many(self, engine: Engine, *, aggregate: bool) -> None:
        """More events than a call takes; those of an endpoint are in order."""
        client = engine.client("kinesis")
        stream = new_stream(client, shards=4)
        sent = many(1_234)
        with to(engine, stream, aggregate=aggregate, event_id_attribute=ID) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        shards = records_of(client, stream)
        assert sum(map(bool, shards.values())) > 1
        found = list(ids_of(data_of(client, stream)))
        assert sorted(found) == sorted(f"v-{number}" for number in range(1_234))
        for batch in sent.batch_item.values():
            assert [each for each in found if each in batch.events] == list(
                batch.events
            )

    @pytest.mark.parametrize("name", ["moto", "kinesis-local", "ministack"])
    def test_arn(self, start: Start, name: str) -> None:
        """A stream is found by its ARN; the records have its account."""
        engine = start(name)
        client = engine.client("kinesis")
        stream = new_stream(client)
        arn = wait_for(client, stream)["StreamARN"]
        sent = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={"v": EVENT})}
        )
        with to(engine, arn, region=None) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        (data,) = data_of(client, stream)
        assert events_of([data]) == sent_events(sent)
        account_id = arn.split(":")[4]
        assert f'"awsAccountId":"{account_id}"'.encode() in data

    def test_large_records(self, start: Start) -> None:
        """A stream that takes larger records is asked, and gets them."""
        engine = start("kinesis-local")
        client = engine.client("kinesis", read_timeout=120)
        stream = new_stream(client)
        large = event(attributes={"text": "x" * 1_100_000})
        sent = request(e={"v": event(), "w": large})
        with to(engine, stream, quotas=WIDE) as sender:
            response = sender.put_events(sent)
            assert accepted_ids(sent, response) == ["v"]
            outcome = response.results["e"].events_item_response["w"]
            assert outcome.status_code == 413
        client.update_max_record_size(
            StreamARN=wait_for(client, stream)["StreamARN"], MaxRecordSizeInKiB=2_048
        )
        wait_for(client, stream)
        with to(engine, stream, quotas=WIDE) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        found = events_of(data_of(client, stream))
        assert found == sent_events(sent) + sent_events(request(e={"v": event()}))

    def test_resharded(self, start: Start) -> None:
        """While shards are split and merged, all arrive, once."""
        engine = start("kinesalite")
        client = engine.client("kinesis")
        stream = new_stream(client, shards=1)
        is_done = threading.Event()
        are_sent = threading.Semaphore(0)
        sent: list[str] = []

        def send() -> None:
            with to(engine, stream, event_id_attribute=ID) as sender:
                number = 0
                while not is_done.is_set():
                    batch = many(50, endpoints=20, first=number)
                    response = sender.put_events(batch)
                    response.raise_for_failures(batch)
                    sent.extend(accepted_ids(batch, response))
                    number += 50
                    are_sent.release()

        thread = threading.Thread(target=send)
        thread.start()
        try:
            for _ in range(3):
                wait_for_calls(are_sent, 3)
                (only,) = open_shards(client, stream)
                keys = only["HashKeyRange"]
                middle = int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])
                client.split_shard(
                    StreamName=stream,
                    ShardToSplit=only["ShardId"],
                    NewStartingHashKey=str((middle + 1) // 2),
                )
                wait_for(client, stream)
                wait_for_calls(are_sent, 3)
                first, second = (
                    each["ShardId"] for each in open_shards(client, stream)
                )
                client.merge_shards(
                    StreamName=stream, ShardToMerge=first, AdjacentShardToMerge=second
                )
                wait_for(client, stream)
            wait_for_calls(are_sent, 3)
        finally:
            is_done.set()
            thread.join()
        shards = records_of(client, stream)
        assert [bool(each) for each in shards.values()] == [True] * 10
        assert ids_of(data_of(client, stream)) == Counter(sent)

    def test_killed(self, tmp_path: Path) -> None:
        """A server that is killed and comes back keeps what it accepted."""
        with running("kinesalite", tmp_path) as engine:
            client = engine.client("kinesis")
            stream = new_stream(client)
            sender = to(engine, stream, event_id_attribute=ID, retry=ATTEMPTS)
            accepted: list[str] = []
            are_sent = threading.Semaphore(0)
            is_done = threading.Event()

            def send() -> None:
                number = 0
                while not is_done.is_set():
                    batch = many(20, first=number)
                    number += 20
                    try:
                        response = sender.put_events(batch)
                    except SenderError:
                        continue  # none was answered
                    finally:
                        are_sent.release()
                    accepted.extend(accepted_ids(batch, response))

            thread = threading.Thread(target=send)
            thread.start()
            try:
                for _ in range(2):
                    wait_for_calls(are_sent, 10)
                    port = engine.port
                    engine.kill()
                    engine.start(port)
                wait_for_calls(are_sent, 10)
            finally:
                is_done.set()
                thread.join()
                sender.close()
            found = ids_of(data_of(client, stream))
            assert not Counter(accepted) - found
            assert max(found.values()) <= ATTEMPTS.attempts


def wait_for_calls(are_sent: threading.Semaphore, count: int) -> None:
    """Wait until a thread that sends has ended so many calls more."""
    for _ in range(count):
        assert are_sent.acquire(timeout=60)


def open_shards(client: Any, stream: str) -> list[dict[str, Any]]:
    """Return the open shards of a stream, by their hash keys."""
    found = [
        each
        for each in shards_of(client, stream)
        if "EndingSequenceNumber" not in each["SequenceNumberRange"]
    ]
    return sorted(found, key=lambda each: int(each["HashKeyRange"]["StartingHashKey"]))


class LargeRecords(FirehoseSender):
    """Sends what is too large for the service, so that the service fails it."""

    _call = FIREHOSE._replace(max_record_bytes=2_000_000)


class TestFirehose:
    """Whatever is accepted is in the bucket, as it was sent."""

    @pytest.fixture(params=["moto", "ministack"])
    def engine(self, request: pytest.FixtureRequest, start: Start) -> Engine:
        """Each engine that delivers into S3."""
        return start(request.param)

    @engines
    @given(sent=requests)
    def test_any_request(self, engine: Engine, sent: EventsRequest) -> None:
        """Any event, of any endpoint, as a line."""
        stream = new_delivery(engine)
        with to_delivery(engine, stream) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        found = objects_of(engine.client("s3"), stream)
        assert found.endswith(b"\n") == bool(found)
        assert events_of(found.splitlines()) == sent_events(sent)

    def test_many(self, engine: Engine) -> None:
        """More events than a call takes, in order."""
        stream = new_delivery(engine)
        sent = many(1_234, endpoints=1)
        with to_delivery(engine, stream, event_id_attribute=ID) as sender:
            sender.put_events(sent).raise_for_failures(sent)
        found = objects_of(engine.client("s3"), stream).splitlines()
        assert sorted(ids_of(found)) == sorted(f"v-{number}" for number in range(1_234))

    def test_failed_alone(self, start: Start) -> None:
        """A record that the service fails is that event's answer."""
        engine = start("ministack")
        stream = new_delivery(engine)
        large = b"x" * 1_025_000
        formats = {"v": b"1\n", "w": large, "x": b"3\n"}
        sent = request(e={each: event() for each in formats})
        with LargeRecords(
            stream,
            region=REGION,
            endpoint_url=engine.url,
            credentials=KEY,
            format=lambda arrival: formats[arrival.event_id],
            retry=None,
        ) as sender:
            response = sender.put_events(sent)
        assert accepted_ids(sent, response) == ["v", "x"]
        failed = response.results["e"].events_item_response["w"]
        assert failed.outcome is Outcome.RETRYABLE
        assert (failed.message or "").startswith("ServiceUnavailableException")
