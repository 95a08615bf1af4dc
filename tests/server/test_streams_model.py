from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from tests.server.streams import FIRST, HALF, NOON, SECOND

from pinpoint_events.server import ShardLimits
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server.streams.iterators import (
    Position,
    read_iterator,
    written_iterator,
)
from pinpoint_events.server.streams.limits import HASH_KEYS
from pinpoint_events.server.streams.shard import (
    HashKeyRange,
    hash_key_of,
    number_of,
    sequence_number,
    uniform_starts,
)
from pinpoint_events.server.streams.stream import Stream
from pinpoint_events.server.streams.throughput import ShardThroughput, TokenBucket


def stream_of(shards: int = 1) -> Stream:
    """Return a stream."""
    stream = Stream("s", NOON)
    stream.open_first(shards, NOON)
    return stream


def ranges(stream: Stream) -> list[tuple[int, int]]:
    """Return the ranges of the open shards."""
    return [(each.hash_keys.start, each.hash_keys.end) for each in stream.open_shards]


class TestHashKeys:
    """Where a record goes, as "PutRecords" of the API reference describes."""

    def test_md5(self) -> None:
        """The hash key is the MD5 of the partition key in UTF-8, big-endian."""
        assert hash_key_of("") == 0xD41D8CD98F00B204E9800998ECF8427E

    @pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
    def test_uniform(self, count: int) -> None:
        """Shards of equal size cover all hash keys, each once."""
        starts = uniform_starts(count)
        assert starts[0] == 0
        widths = {b - a for a, b in pairwise(starts)}
        assert len(widths) <= 1
        found = ranges(stream_of(count))
        assert found[0][0] == 0
        assert found[-1][1] == HASH_KEYS - 1
        assert all(end + 1 == start for (_, end), (start, _) in pairwise(found))

    def test_shown(self) -> None:
        """Hash keys are answered as texts."""
        shown = {"StartingHashKey": "0", "EndingHashKey": "9"}
        assert HashKeyRange(0, 9).shown == shown

    def test_sequence_number(self) -> None:
        """A sequence number has 56 digits, and gives its number back."""
        assert len(sequence_number(0)) == len(sequence_number(2**63)) == 56
        assert number_of(sequence_number(17)) == 17


class TestTokenBucket:
    """A shard takes one second's worth at once, as Kinesis's quotas say."""

    def test_refilled(self) -> None:
        """What was taken comes back with time, up to the size of the bucket."""
        bucket = TokenBucket(10, NOON)
        bucket.take(10)
        assert not bucket.has(1, NOON)
        later = NOON + timedelta(seconds=0.1)
        assert bucket.has(1, later)
        assert not bucket.has(2, later)
        much_later = NOON + timedelta(hours=1)
        assert bucket.has(10, much_later)
        bucket.take(10)
        assert not bucket.has(1, much_later)

    def test_debt(self) -> None:
        """What is larger than the bucket needs a full one, and takes its time."""
        bucket = TokenBucket(10, NOON)
        assert bucket.has(30, NOON)
        bucket.take(30)
        assert not bucket.has(1, NOON + timedelta(seconds=2))
        assert bucket.has(1, NOON + timedelta(seconds=2.1))

    def test_clock_goes_back(self) -> None:
        """A clock that goes back takes nothing away."""
        bucket = TokenBucket(10, NOON)
        assert bucket.has(10, NOON - timedelta(seconds=5))

    def test_both_limits(self) -> None:
        """A record must be within both limits; a rejected one counts for neither."""
        limits = ShardLimits(records_per_second=2, bytes_per_second=100)
        shard = ShardThroughput(limits, NOON)
        assert shard.takes(60, NOON)
        assert not shard.takes(60, NOON)
        assert shard.takes(40, NOON)
        assert not shard.takes(0, NOON)

    def test_off(self) -> None:
        """Each limit can be switched off."""
        limits = ShardLimits(records_per_second=None, bytes_per_second=None)
        shard = ShardThroughput(limits, NOON)
        assert all(shard.takes(2**30, NOON) for _ in range(3))


class TestStream:
    """Shards are split and merged; closed ones stay."""

    def test_split(self) -> None:
        """The parent closes; its children divide its hash keys."""
        stream = stream_of()
        (parent,) = stream.open_shards
        stream.take(parent, "k", b"before", NOON)
        stream.split(parent, HALF, NOON)
        assert ranges(stream) == [(0, HALF - 1), (HALF, HASH_KEYS - 1)]
        assert (parent.first, parent.last) == (0, 2)
        assert [each.first for each in stream.open_shards] == [3, 4]
        assert [each.parents for each in stream.shards] == [(), (0,), (0,)]
        assert stream.children(parent) == stream.open_shards
        assert [each.data for each in stream.records] == [b"before"]

    @pytest.mark.parametrize("hash_key", [0, 1, HASH_KEYS - 1])
    def test_split_outside(self, hash_key: int) -> None:
        """There must be room for two, as kinesalite recorded from the service."""
        stream = stream_of()
        with pytest.raises(RequestError) as caught:
            stream.split(stream.shards[0], hash_key, NOON)
        assert caught.value.code == "InvalidArgumentException"
        assert len(stream.shards) == 1

    def test_merge(self) -> None:
        """Two adjacent shards, in either order, become one with two parents."""
        stream = stream_of(3)
        stream.merge(stream.shards[1], stream.shards[0], NOON)
        assert len(ranges(stream)) == 2
        assert stream.shards[3].parents == (1, 0)
        assert stream.shards[3].hash_keys.start == 0

    def test_merge_apart(self) -> None:
        """Others are not merged."""
        stream = stream_of(3)
        with pytest.raises(RequestError) as caught:
            stream.merge(stream.shards[0], stream.shards[2], NOON)
        assert caught.value.code == "InvalidArgumentException"
        with pytest.raises(RequestError):
            stream.merge(stream.shards[0], stream.shards[0], NOON)

    def test_closed(self) -> None:
        """A closed shard is neither split nor merged."""
        stream = stream_of(2)
        stream.split_in_half(stream.shards[0], NOON)
        first, second = stream.shards[:2]
        changes: list[Callable[[], None]] = [
            lambda: stream.split_in_half(first, NOON),
            lambda: stream.merge(first, second, NOON),
            lambda: stream.merge(second, first, NOON),
        ]
        for change in changes:
            with pytest.raises(RequestError) as caught:
                change()
            assert caught.value.code == "ResourceInUseException"

    @pytest.mark.parametrize("steps", [[2, 4, 3, 2, 1], [2, 3, 5, 7, 4]])
    def test_scale(self, steps: list[int]) -> None:
        """The open shards have equal sizes afterwards, and at most two parents."""
        stream = stream_of()
        for target in steps:
            stream.scale(target, NOON)
            assert [start for start, _ in ranges(stream)] == uniform_starts(target)
        assert all(len(each.parents) <= 2 for each in stream.shards)

    @pytest.mark.parametrize("target", [1, 9])
    def test_scale_too_far(self, target: int) -> None:
        """Twice as many at most, half as many at least."""
        stream = stream_of(4)
        with pytest.raises(RequestError) as caught:
            stream.scale(target, NOON)
        assert caught.value.code == "LimitExceededException"

    def test_scale_to_the_same(self) -> None:
        """Nothing happens if the shards are as they should be."""
        stream = stream_of(4)
        stream.scale(4, NOON)
        assert len(stream.shards) == 4

    def test_unknown_shard(self) -> None:
        """An unknown shard is reported by its id."""
        stream = stream_of()
        assert stream.shard(FIRST) is stream.shards[0]
        with pytest.raises(RequestError) as caught:
            stream.shard(SECOND)
        assert caught.value.code == "ResourceNotFoundException"

    def test_small_shard(self) -> None:
        """A shard with too few hash keys cannot be halved."""
        stream = stream_of()
        stream.split(stream.shards[0], 5, NOON)
        stream.split(stream.shards[1], 2, NOON)
        assert [each.can_be_halved for each in stream.shards] == [
            *(True, True, True, False, False)
        ]


class TestIterator:
    """An iterator is an opaque text, and valid for five minutes."""

    def test_read(self) -> None:
        """It gives its position back, to its last moment."""
        position = Position("s" * 128, 3, 17)
        text = written_iterator(position, NOON)
        assert len(text) <= 512
        assert read_iterator(text, NOON + timedelta(seconds=300)) == position

    def test_expired(self) -> None:
        """Then it has expired."""
        text = written_iterator(Position("s", 0, 0), NOON)
        with pytest.raises(RequestError) as caught:
            read_iterator(text, NOON + timedelta(seconds=301))
        assert caught.value.code == "ExpiredIteratorException"

    @pytest.mark.parametrize("text", ["?", "AAAA", "W10=", "W1tdLDEsMiwzXQ==", "é"])
    def test_invalid(self, text: str) -> None:
        """What is none is an invalid argument."""
        with pytest.raises(RequestError) as caught:
            read_iterator(text, NOON)
        assert caught.value.code in {
            "ExpiredIteratorException",
            "InvalidArgumentException",
        }
