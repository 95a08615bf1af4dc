"""Faults of records, and of calls of Kinesis and Firehose."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from tests.samples import facts_of
from tests.server.streams import (
    FIRST,
    NO_LIMITS,
    NOON,
    SECOND,
    THIRD,
    Streams,
    answer_of,
    code_of,
    error_of,
    serving,
)

from pinpoint_events.server import (
    Cut,
    Delay,
    DropRecord,
    FailCall,
    FailRecord,
    Faults,
    Reshard,
    ShiftClock,
    Throttle,
    ThrottleShard,
)
from pinpoint_events.server.streams.put_faults import PutFaults

EXCEEDED = "ProvisionedThroughputExceededException"
UNAVAILABLE = "ServiceUnavailableException"
FAILED = {"ErrorMessage": "a fault was asked for"}


@pytest.fixture
def streams() -> Iterator[Streams]:
    """A stream `s` with one shard, and a Firehose stream `d`."""
    with serving(limits=NO_LIMITS) as found:
        found.kinesis.create_stream("s")
        found.firehose.create_stream("d")
        yield found


def arrived(streams: Streams) -> list[bytes]:
    """Return the data of the records of `s`."""
    return [each.data for each in streams.kinesis.records("s")]


def put_batch(streams: Streams, *data: bytes) -> Any:
    """Put records into `d`; return the answer."""
    records = [{"Data": each} for each in data]
    return streams.delivery.put_record_batch(DeliveryStreamName="d", Records=records)


def codes(answer: Any) -> list[str | None]:
    """Return the error code in each position."""
    results = answer.get("Records") or answer["RequestResponses"]
    return [each.get("ErrorCode") for each in results]


class TestValues:
    """Faults of records are values, checked when they are made."""

    def test_refused(self) -> None:
        """All problems of a fault are reported at once."""
        assert facts_of(
            lambda: FailRecord(
                error_code="é",
                message="",
                positions=[0],
                calls="1",  # type: ignore[arg-type]
                operations="PutRecords",
            )
        ) == [
            "error_code: not_header_text",
            "message: empty",
            "positions: not_positive_integers not integers",
            "calls: wrong_type str not integers",
            "operations: wrong_type str not texts",
        ]
        assert facts_of(lambda: Reshard(position=501)) == [
            "position: number_out_of_range 501 a whole number"
        ]
        assert facts_of(lambda: FailCall(operations=[1])) == [  # type: ignore[list-item]
            "operations: wrong_type int not texts"
        ]

    def test_json(self) -> None:
        """A file has the same faults."""
        text = """{"faults": [
            {"fault": "fail_record", "error_code": "InternalFailure", "positions": [2]},
            {"fault": "drop_record", "positions": [3]},
            {"fault": "throttle_shard", "shard_id": "shardId-000000000000"},
            {"fault": "reshard", "position": 4, "calls": [1]},
            {"fault": "fail_call", "operations": ["kinesis:PutRecords"]}
        ]}"""
        assert Faults.from_json(text).active == (
            FailRecord(error_code="InternalFailure", positions=[2]),
            DropRecord(positions=[3]),
            ThrottleShard(shard_id=FIRST),
            Reshard(position=4, calls=[1]),
            FailCall(operations=["kinesis:PutRecords"]),
        )


class TestOperations:
    """A fault counts, and applies to, the operations that it names."""

    def test_named(self) -> None:
        """By the name alone, or with its service."""
        faults = Faults(
            [
                FailCall(status=501, operations=["PutRecord"], calls=[2]),
                FailCall(status=502, operations=["kinesis:PutRecord"]),
                FailCall(status=503, operations=["PutEvents"]),
            ]
        )

        def status(operation: str) -> int | None:
            found = faults.next_call(NOON, operation).fail_call
            return None if found is None else found.status

        assert status("firehose:PutRecord") is None
        assert status("firehose:PutRecords") is None
        assert status("firehose:PutRecord") == 501
        assert status("kinesis:PutRecord") == 502
        assert status("mobiletargeting:PutEvents") == 503

    def test_records(self) -> None:
        """Faults of records count calls that put records only."""
        fault = FailRecord(calls=[1])
        faults = Faults([fault])
        assert faults.next_call(NOON, "kinesis:ListStreams").put == PutFaults()
        found = faults.next_call(NOON, "kinesis:PutRecord", puts_records=True)
        assert found.put == PutFaults((fault,))
        found = faults.next_call(NOON, "kinesis:PutRecord", puts_records=True)
        assert found.put == PutFaults()

    def test_throttle(self, streams: Streams) -> None:
        """A rate of calls may be of one operation."""
        fault = Throttle(calls_per_second=0.001, operations=["ListStreams"])
        streams.faults.add(fault)
        streams.client.list_streams()
        status, code, _ = error_of(streams.client.list_streams)
        assert (status, code) == (429, "ThrottlingException")
        streams.put(b"1")


class TestFailRecord:
    """Single records fail; the others are taken."""

    @pytest.mark.parametrize("code", [EXCEEDED, "InternalFailure"])
    def test_kinesis(self, streams: Streams, code: str) -> None:
        """The n-th position of a call fails with either code."""
        streams.faults.add(FailRecord(error_code=code, positions=[2], calls=[2]))
        assert codes(streams.put(b"0", b"0")) == [None, None]
        answer = streams.put(b"1", b"2", b"3")
        assert answer["FailedRecordCount"] == 1
        assert answer["Records"][1] == {"ErrorCode": code, **FAILED}
        assert arrived(streams) == [b"0", b"0", b"1", b"3"]

    @pytest.mark.parametrize("code", [UNAVAILABLE, "InternalFailure"])
    def test_firehose(self, streams: Streams, code: str) -> None:
        """The same with Firehose."""
        streams.faults.add(FailRecord(error_code=code, positions=[1]))
        answer = put_batch(streams, b"1", b"2")
        assert answer["FailedPutCount"] == 1
        assert answer["RequestResponses"][0] == {"ErrorCode": code, **FAILED}
        assert [each.data for each in streams.firehose.records("d")] == [b"2"]

    def test_default(self, streams: Streams) -> None:
        """If left out, the code is that of throttling, and all positions fail."""
        streams.faults.add(FailRecord())
        assert codes(streams.put(b"1", b"2")) == [EXCEEDED, EXCEEDED]
        assert codes(put_batch(streams, b"1")) == [UNAVAILABLE]
        assert arrived(streams) == []

    def test_put_record(self, streams: Streams) -> None:
        """A call with one record fails."""
        one = {"StreamName": "s", "Data": b"", "PartitionKey": "k"}
        delivered = {"DeliveryStreamName": "d", "Record": {"Data": b""}}
        for code, status, delivered_status in (
            (None, 400, 503),
            ("InternalFailure", 500, 500),
            ("Other", 400, 400),
        ):
            streams.faults.add(FailRecord(error_code=code))
            found = error_of(streams.client.put_record, **one)
            assert found == (status, code or EXCEEDED, FAILED["ErrorMessage"])
            found = error_of(streams.delivery.put_record, **delivered)
            expected = code or UNAVAILABLE
            assert found == (delivered_status, expected, FAILED["ErrorMessage"])
            streams.faults.clear()
        assert arrived(streams) == []


class TestDropRecord:
    """Results are missing from the answer."""

    def test_dropped(self, streams: Streams) -> None:
        """The records are taken, and the count disagrees with the call."""
        streams.faults.add(DropRecord(positions=[2]))
        assert len(streams.put(b"1", b"2", b"3")["Records"]) == 2
        assert len(put_batch(streams, b"1", b"2", b"3")["RequestResponses"]) == 2
        assert arrived(streams) == [b"1", b"2", b"3"]
        assert len(streams.firehose.records("d")) == 3


class TestThrottleShard:
    """A shard takes nothing in."""

    def test_one(self, streams: Streams) -> None:
        """Its records fail; those of others are taken."""
        streams.kinesis.split_shard("s", FIRST)
        streams.faults.add(ThrottleShard(shard_id=THIRD, calls=[1]))
        records = [
            {"Data": b"1", "PartitionKey": "k", "ExplicitHashKey": "0"},
            {"Data": b"2", "PartitionKey": "k"},
        ]
        answer = streams.client.put_records(StreamName="s", Records=records)
        assert codes(answer) == [None, EXCEEDED]
        assert THIRD in answer["Records"][1]["ErrorMessage"]
        assert codes(streams.put(b"3")) == [None]

    def test_all(self, streams: Streams) -> None:
        """Without an id, no shard does."""
        streams.faults.add(ThrottleShard())
        assert codes(streams.put(b"1")) == [EXCEEDED]
        assert codes(put_batch(streams, b"1")) == [None]


class TestReshard:
    """A shard is split in the middle of a call."""

    def test_between_positions(self, streams: Streams) -> None:
        """Records before the position are in the parent, the rest in a child."""
        streams.faults.add(Reshard(position=3, calls=[1]))
        answer = streams.put(b"1", b"2", b"3", b"4")
        found = [each["ShardId"] for each in answer["Records"]]
        assert found == [FIRST, FIRST, THIRD, THIRD]
        assert streams.kinesis.open_shard_ids("s") == (SECOND, THIRD)
        assert [each["ShardId"] for each in streams.put(b"5", b"6", b"7")["Records"]]

    def test_too_small(self, streams: Streams) -> None:
        """A shard that cannot be halved stays."""
        split = streams.client.split_shard
        split(StreamName="s", ShardToSplit=FIRST, NewStartingHashKey="3")
        streams.faults.add(Reshard(position=1))
        one = {"Data": b"", "PartitionKey": "k", "ExplicitHashKey": "0"}
        assert streams.client.put_record(StreamName="s", **one)["ShardId"] == SECOND


class TestCalls:
    """Faults of calls are those of PutEvents."""

    def test_failed(self, streams: Streams) -> None:
        """Any error of the service: internal, limits, expired tokens."""
        expired = "The security token included in the request is expired"
        for fault, expected in (
            (FailCall(), (500, "InternalFailure", FAILED["ErrorMessage"])),
            (
                FailCall(status=400, code="LimitExceededException", message="no"),
                (400, "LimitExceededException", "no"),
            ),
            (
                FailCall(status=400, code="ExpiredTokenException", message=expired),
                (400, "ExpiredTokenException", expired),
            ),
            (
                FailCall(status=503, retry_after_seconds=1.5),
                (503, UNAVAILABLE, FAILED["ErrorMessage"]),
            ),
        ):
            streams.faults.clear()
            streams.faults.add(fault)
            assert error_of(streams.client.list_streams) == expected
            assert error_of(streams.delivery.list_delivery_streams) == expected

    def test_answer_lost(self, streams: Streams) -> None:
        """The records are taken, and the client never learns of it."""
        streams.faults.add(Cut(where="before", calls=[1]))
        with pytest.raises(ConnectionClosedError):
            streams.put(b"before")
        # boto3 takes a body that ends too early for an empty one.
        streams.faults.add(Cut(where="inside", calls=[1]))
        with suppress(ConnectionClosedError):  # older ones tell
            assert answer_of(streams.put(b"inside")) == {}
        assert arrived(streams) == [b"before", b"inside"]

    def test_not_taken(self, streams: Streams) -> None:
        """Or they are not."""
        streams.faults.add(Cut(where="before", is_taken=False, calls=[1]))
        with pytest.raises(ConnectionClosedError):
            streams.put(b"1")
        streams.faults.add(Cut(where="after", is_taken=False, calls=[1]))
        one = {"StreamName": "s", "Data": b"", "PartitionKey": "k"}
        assert code_of(streams.client.put_record, **one) == "InternalFailure"
        assert arrived(streams) == []

    def test_delayed(self, streams: Streams) -> None:
        """A call waits before it is processed."""
        client = streams.client_of("kinesis", read_timeout=0.1)
        streams.faults.add(Delay(seconds=0.4, operations=["ListStreams"]))
        with pytest.raises(ReadTimeoutError):
            client.list_streams()
        assert answer_of(client.list_shards(StreamName="s"))["Shards"]

    def test_clock(self, streams: Streams) -> None:
        """A signature of another time is rejected, with 400."""
        streams.faults.add(ShiftClock(seconds=600))
        status, code, _ = error_of(streams.client.list_streams)
        assert (status, code) == (400, "InvalidSignatureException")
