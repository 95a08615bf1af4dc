"""
AWS SDK for JavaScript uses our Kinesis and Firehose, unmodified.

One option is set: the handler of HTTP/1.1, because its client of Kinesis speaks HTTP/2.
"""

import base64
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.aws import aws
from tests.interop.clients import node_running
from tests.server.streams import FIRST, HALF, SECOND, THIRD

from pinpoint_events.server import (
    Credentials,
    Cut,
    FailCall,
    FailRecord,
    Reshard,
    ShardLimits,
)
from pinpoint_events.testing import FirehoseStream, KinesisStream

__all__ = ["aws"]

THROTTLED = "ProvisionedThroughputExceededException"


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


@pytest.fixture(scope="module")
def node() -> Iterator["subprocess.Popen[str]"]:
    """The SDK, in a process."""
    with node_running("streams.mjs", "client-kinesis", "client-firehose") as process:
        yield process


class Sdk:
    """The SDK's client of a stream."""

    def __init__(
        self, node: "subprocess.Popen[str]", service: str, url: str, key: Credentials
    ) -> None:
        self._node = node
        self._common = {
            "service": service,
            "url": url,
            "accessKeyId": key.access_key_id,
            "secretAccessKey": key.secret_access_key,
        }

    def reply(self, operation: str, **members: Any) -> Any:
        """Return what came of a call."""
        call = {**self._common, "operation": operation, "input": members}
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(f"{json.dumps(call)}\n")
        self._node.stdin.flush()
        return json.loads(self._node.stdout.readline())

    def call(self, operation: str, **members: Any) -> Any:
        """Return the answer to a call that succeeds."""
        reply = self.reply(operation, **members)
        assert "error" not in reply, reply
        return reply["output"]


def record(data: bytes, key: str = "k", **members: Any) -> dict[str, Any]:
    """Return a record of a call."""
    text = base64.b64encode(data).decode()
    return {"Data": text, "PartitionKey": key, **members}


def data_of(records: list[dict[str, Any]]) -> list[bytes]:
    """Return the data of records."""
    return [base64.b64decode(each["Data"]) for each in records]


class TestKinesis:
    """A producer, and a simple consumer."""

    @pytest.fixture
    def sdk(self, node: "subprocess.Popen[str]", kinesis_stream: KinesisStream) -> Sdk:
        """Return a client."""
        return Sdk(node, "kinesis", kinesis_stream.url, kinesis_stream.credentials)

    def read(self, sdk: Sdk, shard_id: str, stream: str = "events") -> list[bytes]:
        """Return the data of all records of a shard."""
        iterator = sdk.call(
            "GetShardIterator",
            StreamName=stream,
            ShardId=shard_id,
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        found = []
        while iterator:
            answer = sdk.call("GetRecords", ShardIterator=iterator, Limit=2)
            if not answer["Records"]:
                break
            found += data_of(answer["Records"])
            iterator = answer.get("NextShardIterator")
        return found

    def test_put_and_read(self, sdk: Sdk, kinesis_stream: KinesisStream) -> None:
        """Put, list shards, read, by name and by ARN."""
        answer = sdk.call(
            "PutRecords",
            StreamName="events",
            Records=[record(b"1"), record(b"\xff\x00"), record("☃".encode(), "é☃")],
        )
        assert answer["FailedRecordCount"] == 0
        assert {each["ShardId"] for each in answer["Records"]} == {FIRST}
        one = sdk.call("PutRecord", StreamARN=kinesis_stream.arn, **record(b"4"))
        assert one["ShardId"] == FIRST
        (shard,) = sdk.call("ListShards", StreamARN=kinesis_stream.arn)["Shards"]
        assert shard["HashKeyRange"] == {
            "StartingHashKey": "0",
            "EndingHashKey": str(2**128 - 1),
        }
        data = [b"1", b"\xff\x00", "☃".encode(), b"4"]
        assert self.read(sdk, FIRST) == data
        kinesis_stream.assert_arrived(*data)

    def test_streams(self, sdk: Sdk) -> None:
        """Create, describe, split, merge, delete."""
        sdk.call("CreateStream", StreamName="other", ShardCount=1)
        sdk.call("PutRecord", StreamName="other", **record(b"1"))
        sdk.call(
            "SplitShard",
            StreamName="other",
            ShardToSplit=FIRST,
            NewStartingHashKey=str(HALF),
        )
        sdk.call("PutRecord", StreamName="other", **record(b"2", ExplicitHashKey="0"))
        sdk.call(
            "MergeShards",
            StreamName="other",
            ShardToMerge=SECOND,
            AdjacentShardToMerge=THIRD,
        )
        sdk.call("PutRecord", StreamName="other", **record(b"3"))
        shards = sdk.call("ListShards", StreamName="other")["Shards"]
        found = [self.read(sdk, each["ShardId"], "other") for each in shards]
        assert found == [[b"1"], [b"2"], [], [b"3"]]
        summary = sdk.call("DescribeStreamSummary", StreamName="other")
        assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 1
        assert sdk.call("ListStreams")["StreamNames"] == ["events", "other"]
        sdk.call("DeleteStream", StreamName="other")
        reply = sdk.reply("DescribeStream", StreamName="other")
        assert reply["error"]["name"] == "ResourceNotFoundException"
        assert reply["error"]["status"] == 400

    def test_faults(self, sdk: Sdk, kinesis_stream: KinesisStream) -> None:
        """Single records fail, a shard throttles, a stream is resharded in a call."""
        kinesis_stream.faults.add(
            FailRecord(positions=[2], error_code="InternalFailure", calls=[1]),
            Reshard(position=3, calls=[1]),
        )
        records = [record(data, ExplicitHashKey="0") for data in (b"1", b"2", b"3")]
        answer = sdk.call("PutRecords", StreamName="events", Records=records)
        assert answer["FailedRecordCount"] == 1
        assert [each.get("ErrorCode") for each in answer["Records"]] == [
            None,
            "InternalFailure",
            None,
        ]
        assert [each.get("ShardId") for each in answer["Records"]] == [
            FIRST,
            None,
            SECOND,
        ]
        kinesis_stream.limits = ShardLimits(records_per_second=1)
        answer = sdk.call("PutRecords", StreamName="events", Records=records[:2])
        assert answer["Records"][1]["ErrorCode"] == THROTTLED

    def test_sent_again(self, sdk: Sdk, kinesis_stream: KinesisStream) -> None:
        """Calls that fail, or whose answer is lost, are sent again by the SDK."""
        kinesis_stream.faults.add(
            FailCall(status=500, calls=[1]), Cut(where="before", calls=[2])
        )
        reply = sdk.reply("PutRecord", StreamName="events", **record(b"1"))
        assert reply["attempts"] == 3
        kinesis_stream.assert_arrived(b"1", b"1")

    def test_wrong_key(
        self, node: "subprocess.Popen[str]", kinesis_stream: KinesisStream
    ) -> None:
        """Signatures are verified."""
        key = Credentials(kinesis_stream.credentials.access_key_id, "wrong")
        sdk = Sdk(node, "kinesis", kinesis_stream.url, key)
        reply = sdk.reply("ListStreams")
        assert reply["error"]["name"] == "InvalidSignatureException"
        assert reply["error"]["status"] == 400


class TestFirehose:
    """A producer."""

    @pytest.fixture
    def sdk(
        self, node: "subprocess.Popen[str]", firehose_stream: FirehoseStream
    ) -> Sdk:
        """Return a client."""
        return Sdk(node, "firehose", firehose_stream.url, firehose_stream.credentials)

    def test_put(self, sdk: Sdk, firehose_stream: FirehoseStream) -> None:
        """Put one record, and several, of which one fails."""
        firehose_stream.faults.add(FailRecord(positions=[2], calls=[2]))
        one = {"Data": base64.b64encode(b"1").decode()}
        assert sdk.call("PutRecord", DeliveryStreamName="events", Record=one)[
            "RecordId"
        ]
        answer = sdk.call(
            "PutRecordBatch", DeliveryStreamName="events", Records=[one] * 3
        )
        assert answer["FailedPutCount"] == 1
        assert answer["RequestResponses"][1]["ErrorCode"] == (
            "ServiceUnavailableException"
        )
        firehose_stream.assert_arrived(b"1", b"1", b"1")

    def test_streams(self, sdk: Sdk) -> None:
        """Create, describe, list, delete."""
        sdk.call("CreateDeliveryStream", DeliveryStreamName="other")
        found = sdk.call("DescribeDeliveryStream", DeliveryStreamName="other")
        assert found["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
        names = sdk.call("ListDeliveryStreams")["DeliveryStreamNames"]
        assert names == ["events", "other"]
        sdk.call("DeleteDeliveryStream", DeliveryStreamName="other")
        reply = sdk.reply("DescribeDeliveryStream", DeliveryStreamName="other")
        assert reply["error"]["name"] == "ResourceNotFoundException"
