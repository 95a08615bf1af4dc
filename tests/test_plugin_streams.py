"""The fixtures `kinesis_stream` and `firehose_stream`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pinpoint_events.server import FailRecord, ShardLimits
from pinpoint_events.testing import FirehoseStream, KinesisStream, PinpointServer
from pinpoint_events.testing._streams import serving_firehose, serving_kinesis

SECOND = "shardId-000000000001"
THIRD = "shardId-000000000002"


def put(*data: bytes, key: str = "k") -> Any:
    """Put records with a client of the environment's settings."""
    records = [{"Data": each, "PartitionKey": key} for each in data]
    client = boto3.client("kinesis")
    return client.put_records(StreamName="events", Records=records)


def deliver(*data: bytes) -> Any:
    """Put records with a client of the environment's settings."""
    records = [{"Data": each} for each in data]
    client = boto3.client("firehose")
    return client.put_record_batch(DeliveryStreamName="events", Records=records)


def failure(assertion: Any, *args: Any, **named: Any) -> str:
    """Return the message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **named)
    return str(caught.value)


class TestKinesisStream:
    """A stream for one test, with assertions."""

    def test_arrived(self, kinesis_stream: KinesisStream) -> None:
        """boto3 finds it without configuration; the order counts within a key."""
        put(b'{"n": 1}', b'{"n": 2}')
        put(b'{"n": 3}', key="other")
        kinesis_stream.assert_json_arrived({"n": 3}, {"n": 2}, {"n": 1})
        found = kinesis_stream.assert_json_arrived(
            {"n": 1}, {"n": 2}, partition_key="k"
        )
        assert [each.data for each in found] == [b'{"n": 1}', b'{"n": 2}']
        kinesis_stream.assert_arrived(b'{"n": 3}', partition_key="other")
        kinesis_stream.assert_arrived(b'{"n": 2}', b'{"n": 3}', b'{"n": 1}')
        assert kinesis_stream.json == ({"n": 1}, {"n": 2}, {"n": 3})
        assert repr(kinesis_stream).startswith("<KinesisStream 'events' at http://")
        assert repr(kinesis_stream).endswith(": 3 records>")

    def test_resharded(self, kinesis_stream: KinesisStream) -> None:
        """Records are in order over the shards that their key had."""
        put(b"1")
        kinesis_stream.split()
        put(b"2")
        kinesis_stream.merge(SECOND, THIRD)
        put(b"3")
        kinesis_stream.assert_arrived(b"1", b"2", b"3", partition_key="k")
        shards = kinesis_stream.shards
        assert [[each.data for each in found] for found in shards.values()] == [
            [b"1"],
            [b"2"],
            [b"3"],
        ]
        assert kinesis_stream.open_shard_ids == ("shardId-000000000003",)
        kinesis_stream.split("shardId-000000000003")
        assert len(kinesis_stream.open_shard_ids) == 2

    def test_failed(self, kinesis_stream: KinesisStream) -> None:
        """A failure shows what is missing, unexpected, or in another order."""
        kinesis_stream.assert_nothing_arrived()
        put(b"1", b"2")
        assert failure(kinesis_stream.assert_nothing_arrived) == (
            "expected no records, 2 records arrived"
        )
        assert failure(kinesis_stream.assert_arrived, b"2", b"3", b"3") == (
            "expected 3 records, 2 arrived\n"
            "  missing: b'3'\n"
            "  missing: b'3'\n"
            "  unexpected: b'1'"
        )
        found = failure(kinesis_stream.assert_arrived, b"2", b"1", partition_key="k")
        assert found == "expected 2 records, 2 arrived\n  in another order"
        found = failure(kinesis_stream.assert_arrived, *[b"1"] * 13)
        assert found.endswith("  and 2 more missing\n  unexpected: b'2'")
        put(b"no JSON")
        found = failure(kinesis_stream.assert_json_arrived, 1)
        assert found == "a record of 7 bytes is not JSON"

    def test_faults(self, kinesis_stream: KinesisStream) -> None:
        """Faults and limits are those of the test."""
        kinesis_stream.faults.add(FailRecord(positions=[1]))
        assert put(b"1", b"2")["FailedRecordCount"] == 1
        kinesis_stream.faults.clear()
        kinesis_stream.limits = ShardLimits(bytes_per_second=1)
        assert kinesis_stream.limits == ShardLimits(bytes_per_second=1)
        assert put(b"3", b"4")["FailedRecordCount"] == 1
        kinesis_stream.assert_arrived(b"2", b"3")

    def test_isolated(self, kinesis_stream: KinesisStream) -> None:
        """Each test has a new stream, and no faults."""
        kinesis_stream.assert_nothing_arrived()
        assert kinesis_stream.faults.active == ()
        assert kinesis_stream.limits == ShardLimits()

    def test_client_arguments(
        self, kinesis_stream: KinesisStream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They lead a client there, whatever the environment says."""
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
        client = boto3.Session().client(**kinesis_stream.client_arguments)
        found = client.describe_stream_summary(StreamARN=kinesis_stream.arn)
        assert found["StreamDescriptionSummary"]["StreamName"] == kinesis_stream.name

    def test_other_key(self, kinesis_stream: KinesisStream) -> None:
        """Signatures are verified."""
        wrong = {**kinesis_stream.client_arguments, "aws_secret_access_key": "x"}
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            boto3.client(**wrong).list_streams()


class TestFirehoseStream:
    """A stream for one test, with assertions."""

    def test_arrived(self, firehose_stream: FirehoseStream) -> None:
        """boto3 finds it without configuration; the order counts."""
        firehose_stream.assert_nothing_arrived()
        deliver(b"1", b"2")
        found = firehose_stream.assert_arrived(b"1", b"2")
        assert found == firehose_stream.records
        assert firehose_stream.assert_json_arrived(1, 2) == found
        found_failure = failure(firehose_stream.assert_arrived, b"2", b"1")
        assert found_failure == "expected 2 records, 2 arrived\n  in another order"
        assert firehose_stream.arn.endswith(":deliverystream/events")

    def test_faults(self, firehose_stream: FirehoseStream) -> None:
        """Faults are those of the test."""
        firehose_stream.faults.add(FailRecord(positions=[2]))
        assert deliver(b"1", b"2")["FailedPutCount"] == 1
        firehose_stream.assert_arrived(b"1")
        assert repr(firehose_stream).endswith(": 1 record>")


class TestTogether:
    """The fixtures can be used in one test, and leave nothing behind."""

    def test_all(
        self,
        pinpoint_server: PinpointServer,
        kinesis_stream: KinesisStream,
        firehose_stream: FirehoseStream,
    ) -> None:
        """Each client finds its endpoint."""
        put(b"1")
        deliver(b"2")
        kinesis_stream.assert_arrived(b"1")
        firehose_stream.assert_arrived(b"2")
        pinpoint_server.assert_nothing_sent()

    def test_gone(self) -> None:
        """Without a fixture, nothing leads to an endpoint."""
        assert not [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]

    def test_port(self) -> None:
        """A port that is taken is not used."""
        with serving_kinesis() as first:
            port = int(first.url.rpartition(":")[2])
            with serving_kinesis(port) as second, serving_firehose(port) as third:
                assert len({first.url, second.url, third.url}) == 3

    def test_in_a_project(self, tmp_path: Path) -> None:
        """Tests of a project find the fixtures; the port stays from test to test."""
        (tmp_path / "test_it.py").write_text(
            "import sys\n"
            "URLS = set()\n"
            "def test_one(kinesis_stream):\n"
            "    URLS.add(kinesis_stream.url)\n"
            "    assert 'boto3' not in sys.modules\n"
            "def test_two(kinesis_stream, firehose_stream):\n"
            "    assert {kinesis_stream.url} == URLS\n"
        )
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert "2 passed" in ran.stdout, ran.stdout
