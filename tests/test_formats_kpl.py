"""Tests of KPL aggregation, with AWS' own package as the oracle."""

import sys
from hashlib import md5
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events import (
    KinesisRecord,
    Problem,
    ProblemCode,
    aggregate_records,
    deaggregate_record,
)
from pinpoint_events.formats.kpl import MAX_BYTES, KplAggregator
from pinpoint_events.problems import Expected
from pinpoint_events.testing import strategies
from tests.drawn import costly
from tests.samples import facts_of

# The package puts its directory before all others, to find its own modules.
_PATH: Final = sys.path.copy()
from aws_kinesis_agg import aggregator as oracle  # noqa: E402 - see above
from aws_kinesis_agg import deaggregator as other_way  # noqa: E402 - see above

sys.path[:] = _PATH

MAGIC: Final = b"\xf3\x89\x9a\xc2"
ONE: Final = KinesisRecord(partition_key="k", data=b"data")
TWO: Final = KinesisRecord(partition_key="k", data=b"data2", explicit_hash_key="5")


def framed(message: bytes) -> bytes:
    """Return a message with magic and digest, as consumers expect them."""
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


def packed(records: list[KinesisRecord]) -> bytes:
    """Return the records packed into one, whatever their size."""
    ours = KplAggregator(sys.maxsize)
    for record in records:
        assert ours.add(record)
    return ours.packed()


lists = st.lists(strategies.kinesis_records(), min_size=1, max_size=8)


class TestOracle:
    """
    The bytes are those of AWS' own package, and it takes them apart.

    https://github.com/awslabs/kinesis-aggregation
    """

    @given(records=lists)
    def test_packing(self, records: list[KinesisRecord]) -> None:
        """Both write the same bytes."""
        theirs = oracle.AggRecord()
        for record in records:
            assert theirs.add_user_record(
                record.partition_key, record.data, record.explicit_hash_key
            )
        assert packed(records) == theirs.get_contents()[2]

    @given(records=lists)
    def test_unpacking(self, records: list[KinesisRecord]) -> None:
        """It finds the same keys and data, in order."""
        raw = {
            "SequenceNumber": "1",
            "PartitionKey": "k",
            "ApproximateArrivalTimestamp": 0,
            "Data": packed(records),
        }
        found = [*other_way.iter_deaggregate_records([raw], "Boto3")]
        assert [
            (each["kinesis"]["partitionKey"], each["kinesis"]["data"]) for each in found
        ] == [
            (each.partition_key, other_way.base64.b64encode(each.data))
            for each in records
        ]


class TestFormat:
    """
    The published format.

    `aggregation-format.md` of the KPL.
    """

    def test_golden(self) -> None:
        """Magic, both tables of keys, the records, and the digest."""
        message = (
            b"\n\x01k"  # partition keys
            b"\x12\x015"  # explicit hash keys
            b"\x1a\x08\x08\x00\x1a\x04data"
            b"\x1a\x0b\x08\x00\x10\x00\x1a\x05data2"
        )
        assert packed([ONE, TWO]) == framed(message)

    def test_long_numbers(self) -> None:
        """Counts of more than seven bits take more bytes."""
        records = [attrs.evolve(ONE, partition_key=str(n)) for n in range(300)]
        (found,) = aggregate_records(records)
        assert deaggregate_record(found) == tuple(records)

    @given(records=lists)
    def test_round_trip(self, records: list[KinesisRecord]) -> None:
        """What is packed comes out again, in order."""
        whole = KinesisRecord(partition_key="k", data=packed(records))
        assert deaggregate_record(whole) == tuple(records)

    def test_other_fields(self) -> None:
        """Tags and unknown fields of every type are skipped."""
        fields = (
            b"\x1a\x0e\x08\x00\x1a\x04data\x22\x04\n\x02ab"  # a tag
            b"\x20\x05"  # a number
            b"\x29" + bytes(8) + b"\x35" + bytes(4) + b"\x3a\x01x"
        )
        whole = KinesisRecord(partition_key="k", data=framed(b"\n\x01k" + fields))
        assert deaggregate_record(whole) == (ONE,)

    @pytest.mark.parametrize(
        "message",
        [
            b"\n",
            b"\n\x05k",
            b"\x08\x05",
            b"\x1a\x02\x08\x00",
            b"\x1a\x08\x08\x00\x1a\x04data",
            b"\n\x01k\x1a\x04\x08\x00\x18\x01",
            b"\n\x01k\x1a\x07\n\x01k\x1a\x02da",
            b"\n\x01\xff",
            b"\x12\x01\xff",
            b"\x0a\x00\x1a\x06\x08\x00\x1a\x02da",
            b"\x0b",
            b"\xff" * 11,
            b"\x18\x01",
            b"\x10\x01",
        ],
    )
    def test_no_such_message(self, message: bytes) -> None:
        """A record with another message is returned as it is."""
        whole = KinesisRecord(partition_key="k", data=framed(message))
        assert deaggregate_record(whole) == (whole,)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b'{"event_type":"tapped"}',
            MAGIC,
            MAGIC + bytes(16),
            framed(b"\n\x01k")[:-1],
            framed(b"\n\x01k")[4:],
        ],
    )
    def test_not_packed(self, data: bytes) -> None:
        """A record without magic, or a damaged one, is returned as it is."""
        whole = KinesisRecord(partition_key="k", data=data)
        assert deaggregate_record(whole) == (whole,)

    @costly
    @given(data=st.binary(max_size=60))
    def test_robustness(self, data: bytes) -> None:
        """Whatever a message holds, records come out."""
        whole = KinesisRecord(partition_key="k", data=framed(data))
        found = deaggregate_record(whole)
        assert all(type(each) is KinesisRecord for each in found)


class TestAggregateRecords:
    """Records are packed into as few as their order allows."""

    @given(records=lists, max_bytes=st.integers(1, 20_000))
    def test_laws(self, records: list[KinesisRecord], max_bytes: int) -> None:
        """Each comes out once and in order, and no packed one is too large."""
        found = aggregate_records(records, max_bytes=max_bytes)
        parts = [deaggregate_record(each) for each in found]
        assert [each for part in parts for each in part] == records
        for each, part in zip(found, parts, strict=True):
            first = part[0]
            assert each.partition_key == first.partition_key
            assert each.explicit_hash_key == first.explicit_hash_key
            size = len(each.data) + len(each.partition_key.encode())
            assert size <= max_bytes or part == (each,)

    @given(records=lists)
    def test_size(self, records: list[KinesisRecord]) -> None:
        """The size that is kept up is that of the packed record, and it is used up."""
        ours = KplAggregator()
        for record in records:
            ours.add(record)
            key = records[0].partition_key.encode()
            assert ours.size_bytes == len(ours.packed()) + len(key)
        assert len(ours) == len(records)
        if len(records) > 1:
            exact = ours.size_bytes
            assert len(aggregate_records(records, max_bytes=exact)) == 1
            assert len(aggregate_records(records, max_bytes=exact - 1)) > 1

    def test_single(self) -> None:
        """A record that is packed with no other stays as it is, of any size."""
        large = KinesisRecord(partition_key="k", data=bytes(MAX_BYTES + 1))
        assert aggregate_records([ONE]) == (ONE,)
        assert aggregate_records([large, ONE]) == (large, ONE)
        assert aggregate_records([]) == ()

    def test_take_from_nothing(self) -> None:
        """There is nothing to take before a record was added."""
        ours = KplAggregator()
        with pytest.raises(RuntimeError) as caught:
            ours.take()
        assert str(caught.value) == "no record was added"

    def test_arguments(self) -> None:
        """All problems of the arguments are reported together."""
        loose: Any = aggregate_records
        assert facts_of(lambda: loose([ONE, {}, 5], max_bytes=None)) == [
            "max_bytes: wrong_type NoneType not integer",
            "records[1]: not_an_instance dict KinesisRecord",
            "records[2]: not_an_instance int KinesisRecord",
        ]
        assert facts_of(lambda: loose([], max_bytes=0)) == [
            "max_bytes: limit_not_positive 0 > 1"
        ]
        loose = deaggregate_record
        assert facts_of(lambda: loose(b"data")) == [
            "record: not_an_instance bytes KinesisRecord"
        ]


class TestKinesisRecord:
    """A record is a value."""

    def test_arguments(self) -> None:
        """All problems of the arguments are reported together."""
        loose: Any = KinesisRecord
        assert facts_of(
            lambda: loose(partition_key="", data="text", explicit_hash_key=5)
        ) == [
            "partition_key: empty",
            "data: wrong_type str not bytes",
            "explicit_hash_key: wrong_type int not text",
        ]
        assert loose(partition_key="k", data=bytearray(b"data")) == ONE

    def test_remedy(self) -> None:
        """Text is to be encoded."""
        problem = Problem(
            ProblemCode.WRONG_TYPE, actual="str", allowed=Expected.BYTES, kind="text"
        )
        assert problem.remedy == "encode it, as in value.encode()"
