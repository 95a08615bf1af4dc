"""A served Kinesis and Firehose whose clock a test sets, and boto3's clients of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import create_loader
from tests.server.clients import KEY

from pinpoint_events.server import (
    App,
    Credentials,
    Faults,
    Firehose,
    Kinesis,
    ShardLimits,
    create_app,
    served,
)

NOON = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
NO_LIMITS = ShardLimits(records_per_second=None, bytes_per_second=None)
FIRST = "shardId-000000000000"
SECOND = "shardId-000000000001"
THIRD = "shardId-000000000002"
FOURTH = "shardId-000000000003"
LOW, HIGH = "0", str(2**128 - 1)
HALF = 2**127


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Streams:
    """A served Kinesis and Firehose, and clients of them that send once."""

    def __init__(
        self, url: str, app: App, kinesis: Kinesis, firehose: Firehose, clock: Clock
    ) -> None:
        self.url = url
        self.app = app
        self.faults: Faults = app.faults
        self.kinesis = kinesis
        self.firehose = firehose
        self.clock = clock
        self.client = self.client_of("kinesis")
        self.delivery = self.client_of("firehose")

    def client_of(self, service: str, key: Credentials = KEY, **config: Any) -> Any:
        """Return boto3's client of a service."""
        return client_of(self.url, service, key, **config)

    def put(self, *data: bytes, stream: str = "s", key: str = "k") -> Any:
        """Put records with one partition key; return the answer."""
        records = [{"Data": each, "PartitionKey": key} for each in data]
        return self.client.put_records(StreamName=stream, Records=records)

    def read(self, shard_id: str = FIRST, stream: str = "s") -> list[bytes]:
        """Return the data of a shard from its beginning."""
        iterator = self.iterator(shard_id, stream=stream)
        records = self.client.get_records(ShardIterator=iterator)["Records"]
        return [record["Data"] for record in records]

    def iterator(
        self,
        shard_id: str = FIRST,
        kind: str = "TRIM_HORIZON",
        stream: str = "s",
        **more: Any,
    ) -> str:
        """Return an iterator of a shard."""
        return str(
            self.client.get_shard_iterator(
                StreamName=stream, ShardId=shard_id, ShardIteratorType=kind, **more
            )["ShardIterator"]
        )


def client_of(url: str, service: str, key: Credentials = KEY, **config: Any) -> Any:
    """Return boto3's client of a service, which sends once and checks nothing."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token=key.session_token,
        config=Config(
            retries={"total_max_attempts": 1}, parameter_validation=False, **config
        ),
    )


_KINESIS = create_loader().load_service_model("kinesis", "service-2")
knows_record_size = pytest.mark.skipif(
    "UpdateMaxRecordSize" not in _KINESIS["operations"],
    reason="this botocore knows no size of the records of a stream",
)
"""For tests that set it by boto3."""


@contextmanager
def serving(
    store: Path | None = None,
    limits: ShardLimits = ShardLimits(),  # noqa: B008 - immutable
    clock: Clock | None = None,
) -> Iterator[Streams]:
    """Serve both within the block."""
    time = Clock() if clock is None else clock
    kinesis = Kinesis(store, limits=limits, clock=time)
    firehose = Firehose(store, clock=time)
    app = create_app(kinesis=kinesis, firehose=firehose, credentials=KEY)
    with served(app) as server:
        yield Streams(server.url, app, kinesis, firehose, time)


def error_of(call: Any, *args: Any, **members: Any) -> tuple[int, str, str]:
    """Return status, code and message of the error that a call is answered with."""
    client = call.__self__
    with pytest.raises(client.exceptions.ClientError) as caught:
        call(*args, **members)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return status, response["Error"]["Code"], response["Error"]["Message"]


def code_of(call: Any, **members: Any) -> str:
    """Return the code of the error that a call is answered with."""
    return error_of(call, **members)[1]


def answer_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what boto3 adds."""
    return {key: each for key, each in response.items() if key != "ResponseMetadata"}
