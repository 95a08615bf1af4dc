"""Every operation of Firehose, called by boto3 through real sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.streams import (
    NOON,
    Streams,
    answer_of,
    code_of,
    error_of,
    serving,
)

from pinpoint_events.errors import StoreError
from pinpoint_events.server import Firehose

ARN = "arn:aws:firehose:us-east-1:123456789012:deliverystream/d"
NOT_FOUND = "ResourceNotFoundException"
VALIDATION = "ValidationException"
S3 = {"RoleARN": "arn:aws:iam::123456789012:role/r", "BucketARN": "arn:aws:s3:::b"}


@pytest.fixture
def streams() -> Iterator[Streams]:
    """A stream `d`."""
    with serving() as found:
        found.delivery.create_delivery_stream(DeliveryStreamName="d")
        yield found


def data(streams: Streams) -> list[bytes]:
    """Return the data of the records that arrived."""
    return [each.data for each in streams.firehose.records("d")]


class TestStreams:
    """Streams are created, described, listed and deleted."""

    def test_described(self, streams: Streams) -> None:
        """A stream is active at once."""
        answer = streams.delivery.describe_delivery_stream(DeliveryStreamName="d")
        assert answer_of(answer) == {
            "DeliveryStreamDescription": {
                "CreateTimestamp": NOON,
                "DeliveryStreamARN": ARN,
                "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
                "DeliveryStreamName": "d",
                "DeliveryStreamStatus": "ACTIVE",
                "DeliveryStreamType": "DirectPut",
                "Destinations": [{"DestinationId": "destinationId-000000000001"}],
                "HasMoreDestinations": False,
                "VersionId": "1",
            }
        }

    @pytest.mark.parametrize("kind", ["S3Destination", "ExtendedS3Destination"])
    @pytest.mark.parametrize("more", [{}, {"Prefix": "p/"}])
    def test_destination(
        self, streams: Streams, kind: str, more: dict[str, str]
    ) -> None:
        """A destination in S3 is described."""
        answer = streams.delivery.create_delivery_stream(
            DeliveryStreamName="e",
            DeliveryStreamType="DirectPut",
            **{f"{kind}Configuration": {**S3, **more}},
        )
        assert answer["DeliveryStreamARN"] == ARN[:-1] + "e"
        found = streams.delivery.describe_delivery_stream(DeliveryStreamName="e")
        (destination,) = found["DeliveryStreamDescription"]["Destinations"]
        assert destination[f"{kind}Description"] == {
            **S3,
            **more,
            "BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 5},
            "CompressionFormat": "UNCOMPRESSED",
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        }

    def test_not_created(self, streams: Streams) -> None:
        """A name is taken once; other sources are not served."""
        create = streams.delivery.create_delivery_stream
        taken = code_of(create, DeliveryStreamName="d")
        assert taken == "ResourceInUseException"
        other = {"DeliveryStreamType": "KinesisStreamAsSource"}
        assert code_of(create, DeliveryStreamName="e", **other) == VALIDATION
        assert code_of(create, DeliveryStreamName="x" * 65) == VALIDATION
        assert streams.firehose.create_stream("d") == ARN
        assert streams.firehose.stream_names == ("d",)

    def test_listed(self, streams: Streams) -> None:
        """Streams are listed by name, in pages."""
        for name in "ca":
            streams.firehose.create_stream(name)
        listed = streams.delivery.list_delivery_streams
        assert answer_of(listed(Limit=2)) == {
            "DeliveryStreamNames": ["a", "c"],
            "HasMoreDeliveryStreams": True,
        }
        assert answer_of(listed(ExclusiveStartDeliveryStreamName="c")) == {
            "DeliveryStreamNames": ["d"],
            "HasMoreDeliveryStreams": False,
        }

    def test_deleted(self, streams: Streams) -> None:
        """A deleted stream is gone with its records."""
        streams.delivery.delete_delivery_stream(DeliveryStreamName="d")
        assert error_of(
            streams.delivery.describe_delivery_stream, DeliveryStreamName="d"
        ) == (400, NOT_FOUND, "Firehose d under account 123456789012 not found.")


class TestPutting:
    """Records are taken, each for itself."""

    def test_put_record_batch(self, streams: Streams) -> None:
        """Each record gets an id, by its position."""
        answer = streams.delivery.put_record_batch(
            DeliveryStreamName="d", Records=[{"Data": b"a"}, {"Data": b""}]
        )
        ids = [each.record_id for each in streams.firehose.records("d")]
        assert answer_of(answer) == {
            "Encrypted": False,
            "FailedPutCount": 0,
            "RequestResponses": [{"RecordId": each} for each in ids],
        }
        assert data(streams) == [b"a", b""]

    def test_put_record(self, streams: Streams) -> None:
        """One record is answered with its id."""
        answer = streams.delivery.put_record(
            DeliveryStreamName="d", Record={"Data": b"a"}
        )
        (record,) = streams.firehose.records("d")
        expected = {"Encrypted": False, "RecordId": record.record_id}
        assert answer_of(answer) == expected
        assert record.arrived_at == NOON

    def test_limits(self, streams: Streams) -> None:
        """500 records, 4 MiB, and 1,000 KiB a record before Base64."""
        put = streams.delivery.put_record_batch
        largest = {"Data": b"x" * 1_024_000}
        rest = {"Data": b"x" * (4 * 1024 * 1024 - 4 * 1_024_000)}
        put(DeliveryStreamName="d", Records=[largest] * 4 + [rest])
        assert len(data(streams)) == 5
        over = [*[largest] * 4, {"Data": rest["Data"] + b"x"}]
        code = code_of(put, DeliveryStreamName="d", Records=over)
        assert code == "InvalidArgumentException"
        too_large = {"Data": largest["Data"] + b"x"}
        code, message = error_of(put, DeliveryStreamName="d", Records=[too_large])[1:]
        assert code == VALIDATION
        assert "'records.1.member.data'" in message
        one = {"DeliveryStreamName": "d", "Record": too_large}
        assert code_of(streams.delivery.put_record, **one) == VALIDATION
        many = [{"Data": b""}] * 501
        assert code_of(put, DeliveryStreamName="d", Records=many) == VALIDATION
        put(DeliveryStreamName="d", Records=many[:500])

    def test_refused(self, streams: Streams) -> None:
        """Members must be complete, and the stream exist."""
        put = streams.delivery.put_record
        assert code_of(put, DeliveryStreamName="d") == VALIDATION
        assert code_of(put, Record={"Data": b""}) == VALIDATION
        assert code_of(put, DeliveryStreamName="x", Record={"Data": b""}) == NOT_FOUND


class TestStore:
    """With a file, a restart loses nothing."""

    def test_restarted(self, tmp_path: Path) -> None:
        """Streams, destinations and records are there again."""
        file = tmp_path / "streams.db"
        with serving(file) as streams:
            create = streams.delivery.create_delivery_stream
            create(DeliveryStreamName="d", S3DestinationConfiguration=S3)
            for name in ("gone", "plain"):
                create(DeliveryStreamName=name)
                one = {"DeliveryStreamName": name, "Record": {"Data": b"x"}}
                streams.delivery.put_record(**one)
            streams.delivery.delete_delivery_stream(DeliveryStreamName="gone")
            for each in (b"1", b"2"):
                one = {"DeliveryStreamName": "d", "Record": {"Data": each}}
                streams.delivery.put_record(**one)
            described = streams.delivery.describe_delivery_stream(
                DeliveryStreamName="d"
            )
            records = streams.firehose.records("d")
        with serving(file) as streams:
            assert streams.firehose.stream_names == ("d", "plain")
            found = streams.delivery.describe_delivery_stream(DeliveryStreamName="d")
            assert answer_of(found) == answer_of(described)
            assert streams.firehose.records("d") == records
            streams.delivery.put_record(DeliveryStreamName="d", Record={"Data": b"3"})
            assert data(streams) == [b"1", b"2", b"3"]

    def test_failed(self, tmp_path: Path) -> None:
        """What could not be written was not taken, and is not there afterwards."""
        file = tmp_path / "streams.db"
        with serving(file) as streams:
            streams.firehose.create_stream("d")
            file.rename(tmp_path / "moved.db")
            one = {"DeliveryStreamName": "d", "Record": {"Data": b"1"}}
            status, code, _ = error_of(streams.delivery.put_record, **one)
            assert (status, code) == (503, "ServiceUnavailableException")
            with pytest.raises(StoreError):
                streams.firehose.records("d")
            (tmp_path / "moved.db").rename(file)
            assert data(streams) == []

    def test_closed(self) -> None:
        """Without a file, there is nothing to close."""
        firehose = Firehose()
        firehose.close()
        firehose.create_stream("d")
        assert firehose.records("d") == ()
