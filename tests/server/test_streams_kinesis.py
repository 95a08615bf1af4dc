"""Every operation of Kinesis, called by boto3 through real sockets."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.server.streams import (
    FIRST,
    FOURTH,
    HALF,
    HIGH,
    LOW,
    NO_LIMITS,
    NOON,
    SECOND,
    THIRD,
    Streams,
    answer_of,
    code_of,
    error_of,
    knows_record_size,
    serving,
)

from pinpoint_events.errors import ConfigurationError, StoreError
from pinpoint_events.server import Kinesis, ShardLimits
from pinpoint_events.server.streams.shard import sequence_number

MIB = 1024 * 1024
EXCEEDED = "ProvisionedThroughputExceededException"
NOT_FOUND = "ResourceNotFoundException"
INVALID = "InvalidArgumentException"
VALIDATION = "ValidationException"
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/s"


@pytest.fixture
def streams() -> Iterator[Streams]:
    """A stream `s` with one shard, whose throughput has no limit."""
    with serving(limits=NO_LIMITS) as found:
        found.client.create_stream(StreamName="s", ShardCount=1)
        yield found


@pytest.fixture
def limited() -> Iterator[Streams]:
    """A stream `s` with two shards, and the throughput of real ones."""
    with serving() as found:
        found.client.create_stream(StreamName="s", ShardCount=2)
        yield found


def shards(streams: Streams, **members: Any) -> list[str]:
    """Return the ids of the shards that are listed."""
    found = streams.client.list_shards(StreamName="s", **members)
    return [each["ShardId"] for each in found["Shards"]]


class TestStreams:
    """Streams are created, described, listed and deleted."""

    @knows_record_size
    def test_described(self, streams: Streams) -> None:
        """A stream is active at once, and described by name or ARN."""
        client = streams.client
        common = {
            "EncryptionType": "NONE",
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "RetentionPeriodHours": 24,
            "StreamARN": ARN,
            "StreamCreationTimestamp": NOON,
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
            "StreamName": "s",
            "StreamStatus": "ACTIVE",
        }
        summary = client.describe_stream_summary(StreamARN=ARN, StreamName="s")
        assert answer_of(summary) == {
            "StreamDescriptionSummary": {
                **common,
                "ConsumerCount": 0,
                "MaxRecordSizeInKiB": 1024,
                "OpenShardCount": 1,
            }
        }
        assert answer_of(client.describe_stream(StreamARN=ARN)) == {
            "StreamDescription": {
                **common,
                "HasMoreShards": False,
                "Shards": [
                    {
                        "HashKeyRange": {"StartingHashKey": LOW, "EndingHashKey": HIGH},
                        "SequenceNumberRange": {
                            "StartingSequenceNumber": sequence_number(0)
                        },
                        "ShardId": FIRST,
                    }
                ],
            }
        }
        client.get_waiter("stream_exists").wait(StreamName="s")

    def test_described_in_pages(self, streams: Streams) -> None:
        """`Limit` and `ExclusiveStartShardId` page through the shards."""
        streams.client.create_stream(StreamName="many", ShardCount=3)
        page = streams.client.describe_stream(
            StreamName="many", Limit=1, ExclusiveStartShardId=FIRST
        )["StreamDescription"]
        assert [each["ShardId"] for each in page["Shards"]] == [SECOND]
        assert page["HasMoreShards"]

    @knows_record_size
    def test_on_demand(self, streams: Streams) -> None:
        """A stream on demand begins with four shards, and is not resharded."""
        client = streams.client
        mode = {"StreamMode": "ON_DEMAND"}
        client.create_stream(
            StreamName="d", StreamModeDetails=mode, MaxRecordSizeInKiB=2048
        )
        client.create_stream(StreamName="e", ShardCount=2, StreamModeDetails=mode)
        found = [
            client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            for name in "de"
        ]
        assert [each["OpenShardCount"] for each in found] == [4, 2]
        assert found[0]["MaxRecordSizeInKiB"] == 2048
        assert (
            code_of(
                client.split_shard,
                StreamName="d",
                ShardToSplit=FIRST,
                NewStartingHashKey="9",
            )
            == VALIDATION
        )

    def test_not_created(self, streams: Streams) -> None:
        """Names, modes and numbers are checked; a name is taken once."""
        create = streams.client.create_stream
        assert code_of(create, StreamName="s", ShardCount=1) == "ResourceInUseException"
        assert code_of(create, StreamName="a b", ShardCount=1) == VALIDATION
        assert code_of(create, StreamName="a") == VALIDATION
        assert code_of(create, StreamName="a", ShardCount=0) == VALIDATION
        assert code_of(create, ShardCount=1) == VALIDATION
        assert (
            code_of(create, StreamName="a", ShardCount=20_000)
            == "LimitExceededException"
        )
        assert streams.kinesis.stream_names == ("s",)

    def test_listed(self, streams: Streams) -> None:
        """Streams are listed by name, in pages."""
        client = streams.client
        for name in ("b", "a"):
            client.create_stream(StreamName=name, ShardCount=1)
        page = answer_of(client.list_streams(Limit=2))
        assert page["StreamNames"] == ["a", "b"]
        assert page["HasMoreStreams"]
        rest = answer_of(client.list_streams(NextToken=page["NextToken"]))
        assert rest == {
            "HasMoreStreams": False,
            "StreamNames": ["s"],
            "StreamSummaries": [
                {
                    "StreamARN": ARN,
                    "StreamCreationTimestamp": NOON,
                    "StreamModeDetails": {"StreamMode": "PROVISIONED"},
                    "StreamName": "s",
                    "StreamStatus": "ACTIVE",
                }
            ],
        }
        after = client.list_streams(ExclusiveStartStreamName="a")
        assert after["StreamNames"] == ["b", "s"]

    def test_deleted(self, streams: Streams) -> None:
        """A deleted stream is gone with its records."""
        streams.client.delete_stream(StreamName="s")
        assert error_of(streams.client.describe_stream, StreamName="s") == (
            400,
            NOT_FOUND,
            "Stream s under account 123456789012 not found.",
        )

    def test_named(self, streams: Streams) -> None:
        """A stream is named by name or ARN; both must agree."""
        describe = streams.client.describe_stream_summary
        assert code_of(describe) == INVALID
        assert code_of(describe, StreamName="t", StreamARN=ARN) == INVALID
        other = ARN.replace("123456789012", "999999999999")
        assert code_of(describe, StreamARN=other) == NOT_FOUND
        assert code_of(describe, StreamARN=ARN + "x") == NOT_FOUND


class TestPutting:
    """Records are taken, each for itself."""

    def test_put_records(self, streams: Streams) -> None:
        """Each record gets a sequence number, by its position."""
        answer = answer_of(streams.put(b"a", b"b"))
        assert answer == {
            "EncryptionType": "NONE",
            "FailedRecordCount": 0,
            "Records": [
                {"SequenceNumber": sequence_number(1), "ShardId": FIRST},
                {"SequenceNumber": sequence_number(2), "ShardId": FIRST},
            ],
        }
        assert streams.read() == [b"a", b"b"]

    def test_put_record(self, streams: Streams) -> None:
        """One record is answered with its own place."""
        answer = streams.client.put_record(
            StreamARN=ARN, Data=b"", PartitionKey="k", ExplicitHashKey=HIGH
        )
        assert answer_of(answer) == {
            "EncryptionType": "NONE",
            "SequenceNumber": sequence_number(1),
            "ShardId": FIRST,
        }
        assert streams.read() == [b""]

    def test_routed(self, limited: Streams) -> None:
        """The shard follows from the explicit hash key, or the partition key."""
        records = [
            {"Data": b"x", "PartitionKey": "0"},  # its MD5 begins with cf
            {"Data": b"x", "PartitionKey": "3", "ExplicitHashKey": LOW},
            {"Data": b"x", "PartitionKey": "0", "ExplicitHashKey": str(HALF - 1)},
            {"Data": b"x", "PartitionKey": "0", "ExplicitHashKey": str(HALF)},
            {"Data": b"x", "PartitionKey": "0", "ExplicitHashKey": HIGH},
        ]
        answer = limited.client.put_records(StreamName="s", Records=records)
        found = [each["ShardId"] for each in answer["Records"]]
        assert found == [SECOND, FIRST, FIRST, SECOND, SECOND]

    def test_number_of_records(self, streams: Streams) -> None:
        """500 records at most, one at least."""
        assert len(streams.put(*[b"x"] * 500)["Records"]) == 500
        put = streams.client.put_records
        many = [{"Data": b"x", "PartitionKey": "k"}] * 501
        assert code_of(put, StreamName="s", Records=many) == VALIDATION
        assert code_of(put, StreamName="s", Records=[]) == VALIDATION
        assert code_of(put, StreamName="s") == VALIDATION
        assert len(streams.kinesis.records("s")) == 500

    @knows_record_size
    def test_record_size(self, streams: Streams) -> None:
        """1 MiB with the partition key, unless the stream takes more."""
        put = streams.client.put_record
        largest = b"x" * (MIB - 2)
        put(StreamName="s", Data=largest, PartitionKey="é")
        too_large = {"StreamName": "s", "Data": largest + b"x", "PartitionKey": "é"}
        status, code, message = error_of(put, **too_large)
        assert (status, code) == (400, VALIDATION)
        assert message == (
            "1 validation error detected: Value at 'data' failed to satisfy "
            "constraint: Member must have length less than or equal to 1048576, with "
            "the partition key"
        )
        message = error_of(
            streams.client.put_records,
            StreamName="s",
            Records=[
                {"Data": b"x", "PartitionKey": "k"},
                {"Data": largest + b"x", "PartitionKey": "kk"},
            ],
        )[2]
        assert "records.2.member.data" in message
        streams.client.update_max_record_size(StreamARN=ARN, MaxRecordSizeInKiB=1025)
        put(**too_large)

    @knows_record_size
    def test_largest_record(self, streams: Streams) -> None:
        """10 MiB with the partition key is the most that a stream can take."""
        update = streams.client.update_max_record_size
        assert code_of(update, StreamARN=ARN, MaxRecordSizeInKiB=1023) == VALIDATION
        assert code_of(update, StreamARN=ARN, MaxRecordSizeInKiB=10_241) == VALIDATION
        update(StreamARN=ARN, MaxRecordSizeInKiB=10_240)
        largest = b"x" * (10 * MIB - 1)
        assert streams.put(largest)["FailedRecordCount"] == 0
        put = streams.client.put_records
        one = {"Data": largest + b"x", "PartitionKey": "k"}
        assert code_of(put, StreamName="s", Records=[one]) == VALIDATION
        assert streams.read() == [largest]

    def test_call_size(self, streams: Streams) -> None:
        """10 MiB a call, with the partition keys in UTF-8."""
        data = b"x" * (MIB - 4)
        records = [{"Data": data, "PartitionKey": "éé"}] * 10
        put = streams.client.put_records
        assert put(StreamName="s", Records=records)["FailedRecordCount"] == 0
        records.append({"Data": b"", "PartitionKey": "k"})
        assert code_of(put, StreamName="s", Records=records) == INVALID

    def test_keys(self, streams: Streams) -> None:
        """Partition keys have 1 to 256 characters; hash keys are below 2**128."""
        put = streams.client.put_record
        put(StreamName="s", Data=b"", PartitionKey="𝄞" * 256)
        for key in ("", "x" * 257):
            found = code_of(put, StreamName="s", Data=b"", PartitionKey=key)
            assert found == VALIDATION
        for key, code in (("01", VALIDATION), (str(2**128), INVALID), ("", VALIDATION)):
            entry = {"Data": b"", "PartitionKey": "k", "ExplicitHashKey": key}
            assert code_of(put, StreamName="s", **entry) == code

    def test_throughput(self, limited: Streams) -> None:
        """A shard takes 1,000 records a second, each for itself."""
        assert limited.put(*[b"x"] * 500)["FailedRecordCount"] == 0
        assert limited.put(*[b"x"] * 499)["FailedRecordCount"] == 0
        answer = limited.put(b"1", b"2", b"3")
        assert answer["FailedRecordCount"] == 2
        assert answer["Records"][2] == {
            "ErrorCode": EXCEEDED,
            "ErrorMessage": (
                f"Rate exceeded for shard {SECOND} in stream s under account "
                "123456789012."
            ),
        }
        status, code, _ = error_of(
            limited.client.put_record, StreamName="s", Data=b"", PartitionKey="k"
        )
        assert (status, code) == (400, EXCEEDED)
        other = {"Data": b"", "PartitionKey": "k", "ExplicitHashKey": LOW}
        limited.client.put_record(StreamName="s", **other)
        limited.clock.advance(0.002)
        assert limited.put(b"4", b"5", b"6")["FailedRecordCount"] == 1
        assert limited.read(SECOND)[-3:] == [b"1", b"4", b"5"]

    @knows_record_size
    def test_bytes(self, limited: Streams) -> None:
        """A shard takes 1 MiB a second; large records are paid for later."""
        limited.client.update_max_record_size(StreamARN=ARN, MaxRecordSizeInKiB=10_240)
        assert limited.put(b"x" * 5 * MIB)["FailedRecordCount"] == 0
        limited.clock.advance(3.9)
        assert limited.put(b"x")["FailedRecordCount"] == 1
        limited.clock.advance(0.2)
        assert limited.put(b"x")["FailedRecordCount"] == 0

    def test_limits_set(self, limited: Streams) -> None:
        """The limits can be changed while it serves."""
        limited.kinesis.limits = ShardLimits(records_per_second=1)
        assert limited.put(b"1", b"2")["FailedRecordCount"] == 1
        limited.kinesis.limits = NO_LIMITS
        assert limited.kinesis.limits == NO_LIMITS
        assert limited.put(b"2", b"3")["FailedRecordCount"] == 0


class TestReading:
    """A consumer reads a shard from a position on."""

    def test_records(self, streams: Streams) -> None:
        """Records have their data, key, number and arrival, in milliseconds."""
        streams.clock.now += timedelta(microseconds=1500)
        streams.put(b"a", key="é")
        answer = streams.client.get_records(ShardIterator=streams.iterator())
        assert answer["Records"] == [
            {
                "ApproximateArrivalTimestamp": NOON + timedelta(milliseconds=1),
                "Data": b"a",
                "EncryptionType": "NONE",
                "PartitionKey": "é",
                "SequenceNumber": sequence_number(1),
            }
        ]
        assert answer["MillisBehindLatest"] == 0

    def test_pages(self, streams: Streams) -> None:
        """Each answer has the iterator of the next; how far behind it is, too."""
        streams.put(b"1", b"2", b"3")
        streams.clock.advance(2)
        get = streams.client.get_records
        first = get(ShardIterator=streams.iterator(), Limit=2)
        assert [each["Data"] for each in first["Records"]] == [b"1", b"2"]
        assert first["MillisBehindLatest"] == 2000
        second = get(ShardIterator=first["NextShardIterator"])
        assert [each["Data"] for each in second["Records"]] == [b"3"]
        assert second["MillisBehindLatest"] == 0
        streams.put(b"4")
        third = get(ShardIterator=second["NextShardIterator"])
        assert [each["Data"] for each in third["Records"]] == [b"4"]

    @knows_record_size
    def test_page_size(self, streams: Streams) -> None:
        """An answer has 10 MiB at most, but at least one record."""
        streams.client.update_max_record_size(StreamARN=ARN, MaxRecordSizeInKiB=10_240)
        streams.put(b"x" * 6 * MIB)
        streams.put(b"y" * 6 * MIB)
        answer = streams.client.get_records(ShardIterator=streams.iterator())
        assert [each["Data"][:1] for each in answer["Records"]] == [b"x"]
        assert answer["MillisBehindLatest"] == 1

    def test_iterators(self, streams: Streams) -> None:
        """Each type begins where it says."""
        first = streams.put(b"1", b"2")["Records"][0]["SequenceNumber"]
        streams.clock.advance(10)
        streams.put(b"3")

        def read(kind: str, **more: Any) -> list[bytes]:
            iterator = streams.iterator(FIRST, kind, **more)
            found = streams.client.get_records(ShardIterator=iterator)["Records"]
            return [each["Data"] for each in found]

        assert read("TRIM_HORIZON") == [b"1", b"2", b"3"]
        assert read("LATEST") == []
        number = {"StartingSequenceNumber": first}
        assert read("AT_SEQUENCE_NUMBER", **number) == [b"1", b"2", b"3"]
        assert read("AFTER_SEQUENCE_NUMBER", **number) == [b"2", b"3"]
        assert read("AT_TIMESTAMP", Timestamp=NOON + timedelta(seconds=1)) == [b"3"]
        assert read("AT_TIMESTAMP", Timestamp=NOON) == [b"1", b"2", b"3"]
        streams.clock.advance(10)
        later = NOON + timedelta(seconds=15)
        assert read("AT_TIMESTAMP", Timestamp=later) == []

    def test_no_iterator(self, streams: Streams) -> None:
        """A type needs what it says; numbers must be of the shard, times past."""
        number = streams.put(b"1")["Records"][0]["SequenceNumber"]
        past = str(int(number) + 1)
        get = streams.client.get_shard_iterator
        for kind, more in (
            ("AT_SEQUENCE_NUMBER", {}),
            ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": "1"}),
            ("AFTER_SEQUENCE_NUMBER", {"StartingSequenceNumber": past}),
            ("LATEST", {"StartingSequenceNumber": number}),
            ("TRIM_HORIZON", {"StartingSequenceNumber": number}),
            ("AT_TIMESTAMP", {}),
            ("AT_TIMESTAMP", {"Timestamp": NOON + timedelta(seconds=1)}),
        ):
            members = {"StreamName": "s", "ShardId": FIRST, "ShardIteratorType": kind}
            assert code_of(get, **members, **more) == INVALID
        wrong = {"StreamName": "s", "ShardIteratorType": "LATEST"}
        assert code_of(get, ShardId=SECOND, **wrong) == NOT_FOUND
        assert code_of(get, **wrong) == VALIDATION

    def test_old_iterator(self, streams: Streams) -> None:
        """An iterator expires, and ends with its stream or shard."""
        get = streams.client.get_records
        iterator = streams.iterator()
        streams.clock.advance(301)
        assert code_of(get, ShardIterator=iterator) == "ExpiredIteratorException"
        iterator = streams.iterator()
        streams.client.create_stream(StreamName="two", ShardCount=2)
        of_second = streams.iterator(SECOND, stream="two")
        for name in ("s", "two"):
            streams.client.delete_stream(StreamName=name)
        assert code_of(get, ShardIterator=iterator) == NOT_FOUND
        streams.client.create_stream(StreamName="two", ShardCount=1)
        assert code_of(get, ShardIterator=of_second) == NOT_FOUND
        assert code_of(get, ShardIterator="none") == INVALID
        assert code_of(get) == VALIDATION


class TestResharding:
    """Shards are split and merged; consumers find their way."""

    def test_split(self, streams: Streams) -> None:
        """The parent ends with its children; it stays listed and readable."""
        streams.put(b"before")
        number = {"StartingSequenceNumber": sequence_number(1)}
        streams.client.split_shard(
            StreamName="s", ShardToSplit=FIRST, NewStartingHashKey=str(HALF)
        )
        streams.put(b"after")  # the MD5 of its key begins with 8c
        answer = answer_of(streams.client.get_records(ShardIterator=streams.iterator()))
        assert "NextShardIterator" not in answer
        assert answer["ChildShards"] == [
            {
                "HashKeyRange": {
                    "StartingHashKey": LOW,
                    "EndingHashKey": str(HALF - 1),
                },
                "ParentShards": [FIRST],
                "ShardId": SECOND,
            },
            {
                "HashKeyRange": {"StartingHashKey": str(HALF), "EndingHashKey": HIGH},
                "ParentShards": [FIRST],
                "ShardId": THIRD,
            },
        ]
        assert [streams.read(each) for each in (FIRST, SECOND, THIRD)] == [
            [b"before"],
            [],
            [b"after"],
        ]
        page = streams.client.get_records(ShardIterator=streams.iterator(), Limit=1)
        assert "NextShardIterator" not in page
        end = streams.iterator(FIRST, "AFTER_SEQUENCE_NUMBER", **number)
        assert streams.client.get_records(ShardIterator=end)["Records"] == []

    def test_merge(self, limited: Streams) -> None:
        """Two parents have one child."""
        limited.client.merge_shards(
            StreamName="s", ShardToMerge=FIRST, AdjacentShardToMerge=SECOND
        )
        *_, child = limited.client.list_shards(StreamName="s")["Shards"]
        assert child == {
            "AdjacentParentShardId": SECOND,
            "HashKeyRange": {"StartingHashKey": LOW, "EndingHashKey": HIGH},
            "ParentShardId": FIRST,
            "SequenceNumberRange": {"StartingSequenceNumber": sequence_number(4)},
            "ShardId": THIRD,
        }
        for shard_id in (FIRST, SECOND):
            iterator = limited.iterator(shard_id)
            (found,) = limited.client.get_records(ShardIterator=iterator)["ChildShards"]
            assert found["ParentShards"] == [FIRST, SECOND]

    def test_closed_with_more(self, streams: Streams) -> None:
        """A closed shard has iterators until its last record."""
        streams.put(b"1", b"2")
        streams.kinesis.split_shard("s", FIRST)
        first = streams.client.get_records(ShardIterator=streams.iterator(), Limit=1)
        assert "ChildShards" not in first
        second = streams.client.get_records(ShardIterator=first["NextShardIterator"])
        assert [each["Data"] for each in second["Records"]] == [b"2"]
        assert len(second["ChildShards"]) == 2

    def test_update_shard_count(self, streams: Streams) -> None:
        """The number of open shards is at most doubled or halved."""
        update = streams.client.update_shard_count
        wanted = {"StreamName": "s", "ScalingType": "UNIFORM_SCALING"}
        assert answer_of(update(TargetShardCount=2, **wanted)) == {
            "CurrentShardCount": 1,
            "StreamARN": ARN,
            "StreamName": "s",
            "TargetShardCount": 2,
        }
        too_many = code_of(update, TargetShardCount=5, **wanted)
        assert too_many == "LimitExceededException"
        assert code_of(update, **wanted) == VALIDATION

    def test_not_resharded(self, streams: Streams) -> None:
        """Shards must be there, and members complete."""
        client = streams.client
        split = {"StreamName": "s", "ShardToSplit": SECOND}
        assert code_of(client.split_shard, NewStartingHashKey="9", **split) == NOT_FOUND
        assert code_of(client.split_shard, **split) == VALIDATION
        merge = {"StreamName": "s", "ShardToMerge": FIRST}
        assert code_of(client.merge_shards, **merge) == VALIDATION


class TestListShards:
    """Shards are listed in pages, and by when they were open."""

    @pytest.fixture
    def resharded(self, streams: Streams) -> Streams:
        """One shard, split after 10 s; its second half after 20."""
        streams.clock.advance(10)
        streams.kinesis.split_shard("s", FIRST)
        streams.clock.advance(10)
        streams.kinesis.split_shard("s", THIRD)
        return streams

    @pytest.mark.parametrize(
        "wanted, expected",
        [
            ({"Type": "FROM_TRIM_HORIZON"}, [0, 1, 2, 3, 4]),
            ({"Type": "AT_TRIM_HORIZON"}, [0]),
            ({"Type": "AT_LATEST"}, [1, 3, 4]),
            ({"Type": "AFTER_SHARD_ID", "ShardId": SECOND}, [2, 3, 4]),
            ({"Type": "AT_TIMESTAMP", "Timestamp": 5}, [0]),
            ({"Type": "AT_TIMESTAMP", "Timestamp": 15}, [1, 2]),
            ({"Type": "FROM_TIMESTAMP", "Timestamp": 15}, [1, 2, 3, 4]),
        ],
    )
    def test_filters(
        self, resharded: Streams, wanted: dict[str, Any], expected: list[int]
    ) -> None:
        """Each filter of the API reference, with times from the stream's start."""
        if "Timestamp" in wanted:
            time = NOON + timedelta(seconds=wanted["Timestamp"])
            wanted = {**wanted, "Timestamp": time}
        found = shards(resharded, ShardFilter=wanted)
        assert found == [f"shardId-{index:012}" for index in expected]
        page = resharded.client.list_shards(
            StreamName="s", ShardFilter=wanted, MaxResults=1
        )
        listed = page["Shards"]
        while "NextToken" in page:
            page = resharded.client.list_shards(NextToken=page["NextToken"])
            listed += page["Shards"]
        assert [each["ShardId"] for each in listed] == found

    def test_after(self, resharded: Streams) -> None:
        """A list may begin behind a shard."""
        assert shards(resharded, ExclusiveStartShardId=THIRD)[0] == FOURTH

    def test_refused(self, streams: Streams) -> None:
        """Filters need what belongs to them; tokens go alone."""
        list_shards = streams.client.list_shards
        for wanted in (
            {"Type": "AFTER_SHARD_ID"},
            {"Type": "AT_LATEST", "ShardId": FIRST},
            {"Type": "AT_TIMESTAMP"},
            {"Type": "AT_LATEST", "Timestamp": NOON},
        ):
            found = code_of(list_shards, StreamName="s", ShardFilter=wanted)
            assert found == INVALID
        assert code_of(list_shards, StreamName="s", ShardFilter={}) == VALIDATION
        assert code_of(list_shards, StreamName="s", NextToken="x") == INVALID
        for token in ("x", "W10="):
            assert code_of(list_shards, NextToken=token) == INVALID


class TestStore:
    """With a file, a restart loses nothing."""

    def test_unreadable(self, tmp_path: Path) -> None:
        """A file that was opened is closed where it cannot be read."""

        def broken() -> datetime:
            raise ZeroDivisionError

        store = tmp_path / "s.db"
        with pytest.raises(ZeroDivisionError):
            Kinesis(store, clock=broken)
        assert not store.with_name("s.db-wal").exists()

    @knows_record_size
    def test_restarted(self, tmp_path: Path) -> None:
        """Streams, shards, records and iterators are there again."""
        file = tmp_path / "streams.db"
        with serving(file) as streams:
            client = streams.client
            client.create_stream(StreamName="s", ShardCount=2)
            client.create_stream(StreamName="gone", ShardCount=1)
            client.put_record(StreamName="gone", Data=b"x", PartitionKey="k")
            client.delete_stream(StreamName="gone")
            client.update_max_record_size(StreamARN=ARN, MaxRecordSizeInKiB=2048)
            streams.put(b"1", key="é")
            streams.kinesis.merge_shards("s", FIRST, SECOND)
            streams.put(b"2")
            before = client.list_shards(StreamName="s")["Shards"]
            summary = answer_of(client.describe_stream_summary(StreamName="s"))
            records = streams.kinesis.records("s")
            iterator = streams.iterator(THIRD)
        with serving(file) as streams:
            client = streams.client
            assert streams.kinesis.stream_names == ("s",)
            assert client.list_shards(StreamName="s")["Shards"] == before
            assert answer_of(client.describe_stream_summary(StreamName="s")) == summary
            assert streams.kinesis.records("s") == records
            found = client.get_records(ShardIterator=iterator)["Records"]
            assert [each["Data"] for each in found] == [b"2"]
            streams.put(b"3")
            assert streams.read(THIRD) == [b"2", b"3"]

    def test_failed(self, tmp_path: Path) -> None:
        """What could not be written was not taken, and is not there afterwards."""
        file = tmp_path / "streams.db"
        with serving(file) as streams:
            streams.client.create_stream(StreamName="s", ShardCount=1)
            streams.put(b"1")
            (tmp_path / "streams.db").rename(tmp_path / "moved.db")
            status, code, message = error_of(
                streams.client.put_record, StreamName="s", Data=b"2", PartitionKey="k"
            )
            assert (status, code) == (503, "ServiceUnavailableException")
            assert message == "the events could not be kept; send them again"
            with pytest.raises(StoreError):
                streams.kinesis.records("s")
            (tmp_path / "moved.db").rename(tmp_path / "streams.db")
            assert [each.data for each in streams.kinesis.records("s")] == [b"1"]
            streams.put(b"3")
            assert streams.read() == [b"1", b"3"]


class TestPython:
    """A test reads and changes a Kinesis without a client."""

    def test_create_stream(self) -> None:
        """A stream is created once."""
        kinesis = Kinesis()
        arn = kinesis.create_stream("s", shards=2)
        assert kinesis.create_stream("s") == arn == ARN
        assert kinesis.open_shard_ids("s") == (FIRST, SECOND)
        kinesis.close()

    @pytest.mark.parametrize(
        "members, message",
        [
            ({"account_id": "1"}, "account_id has not 12 digits; give it 12"),
            ({"account_id": "x" * 12}, "account_id has not 12 digits; give it 12"),
            ({"region": ""}, "region: is empty; at least 1 character; give it a name"),
        ],
    )
    def test_refused(self, members: dict[str, str], message: str) -> None:
        """ARNs need an account and a region."""
        with pytest.raises(ConfigurationError) as caught:
            Kinesis(**members)  # type: ignore[arg-type] # any of them
        assert str(caught.value) == message
