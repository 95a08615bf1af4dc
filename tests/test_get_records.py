"""Reading a stream of Kinesis, without sending: answers, and the order of shards."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import InvalidResponseError, InvalidResponseErrorCode
from pinpoint_events.get_records import (
    FROM_NOW,
    FROM_START,
    ListedShard,
    Position,
    RecordsPage,
    ShardOrder,
    after,
    from_time,
    iterator_of,
    iterator_request,
    listed_shards,
    most_record_bytes,
    page_of,
    page_request,
    shards_request,
    summary_request,
)
from pinpoint_events.http_messages import HttpResponse

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
BY_NAME = {"StreamName": "s"}
BY_ARN = {"StreamARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/s"}


def answer(body: Any) -> HttpResponse:
    """Return an answer of 200."""
    return HttpResponse(status=200, headers={}, body=json.dumps(body).encode())


class TestRequests:
    """What goes out."""

    @pytest.mark.parametrize(
        "request_, target, members",
        [
            (summary_request(BY_ARN), "DescribeStreamSummary", BY_ARN),
            (shards_request(BY_NAME, None), "ListShards", BY_NAME),
            (shards_request(BY_NAME, "n"), "ListShards", {"NextToken": "n"}),
            (
                iterator_request(BY_ARN, "shard-1", FROM_NOW),
                "GetShardIterator",
                {**BY_ARN, "ShardId": "shard-1", "ShardIteratorType": "LATEST"},
            ),
            (
                iterator_request(BY_NAME, "shard-1", from_time(NOON)),
                "GetShardIterator",
                {
                    **BY_NAME,
                    "ShardId": "shard-1",
                    "ShardIteratorType": "AT_TIMESTAMP",
                    "Timestamp": NOON.timestamp(),
                },
            ),
            (
                iterator_request(BY_NAME, "shard-1", after("17")),
                "GetShardIterator",
                {
                    **BY_NAME,
                    "ShardId": "shard-1",
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "StartingSequenceNumber": "17",
                },
            ),
            (
                page_request(BY_NAME, "it"),
                "GetRecords",
                {"ShardIterator": "it", "Limit": 1_000},
            ),
            (
                page_request(BY_ARN, "it"),
                "GetRecords",
                {**BY_ARN, "ShardIterator": "it", "Limit": 1_000},
            ),
        ],
    )
    def test_members(self, request_: Any, target: str, members: Any) -> None:
        """Each has the members of its operation."""
        assert request_.headers["X-Amz-Target"] == f"Kinesis_20131202.{target}"
        assert json.loads(request_.body) == members


class TestAnswers:
    """What comes back."""

    def test_page(self) -> None:
        """Records with their bytes and times."""
        said = {
            "Records": [
                {"SequenceNumber": "1", "PartitionKey": "k", "Data": "YQ=="},
                {
                    "SequenceNumber": "2",
                    "PartitionKey": "k",
                    "Data": "",
                    "ApproximateArrivalTimestamp": NOON.timestamp(),
                },
            ],
            "NextShardIterator": "next",
            "MillisBehindLatest": 0,
        }
        page = page_of("shard-1", answer(said))
        assert page.iterator == "next"
        assert not page.is_at_tip  # as long as there are records, more may follow
        assert page.records == (
            ("shard-1", "1", "k", b"a", None),
            ("shard-1", "2", "k", b"", NOON),
        )

    @pytest.mark.parametrize(
        "said, page",
        [
            (
                {"Records": [], "NextShardIterator": "n", "MillisBehindLatest": 0},
                RecordsPage((), "n", is_at_tip=True),
            ),
            (
                {"Records": [], "NextShardIterator": "n", "MillisBehindLatest": 5},
                RecordsPage((), "n", is_at_tip=False),
            ),
            ({"Records": []}, RecordsPage((), None, is_at_tip=False)),
            (
                {"Records": [], "NextShardIterator": None},
                RecordsPage((), None, is_at_tip=False),
            ),
        ],
    )
    def test_empty_page(self, said: Any, page: RecordsPage) -> None:
        """There may be more later, or never."""
        assert page_of("shard-1", answer(said)) == page

    @pytest.mark.parametrize(
        "summary, most",
        [
            ({"MaxRecordSizeInKiB": 2_048}, 2_097_152),
            ({"MaxRecordSizeInKiB": 512}, 1_048_576),
            ({"MaxRecordSizeInKiB": "2048"}, 1_048_576),
            ({}, 1_048_576),
        ],
    )
    def test_summary(self, summary: Any, most: int) -> None:
        """What a stream does not say is the limit of most streams."""
        said = answer({"StreamDescriptionSummary": summary})
        assert most_record_bytes(said) == most

    @pytest.mark.parametrize(
        "read", [listed_shards, iterator_of, page_of, most_record_bytes]
    )
    @pytest.mark.parametrize(
        "said",
        [
            5,
            [],
            {},
            {"Shards": [{}], "Records": [{}], "ShardIterator": 5},
            {"Shards": [5], "Records": [5]},
            {"Shards": 5, "Records": 5},
            {
                "Shards": [
                    {
                        "ShardId": "s",
                        "SequenceNumberRange": {},
                        "HashKeyRange": {
                            "StartingHashKey": "x",
                            "EndingHashKey": "y",
                        },
                    }
                ],
                "Records": [{"SequenceNumber": "1", "PartitionKey": "k", "Data": "x"}],
            },
        ],
    )
    def test_unreadable(self, read: Any, said: Any) -> None:
        """Another form is an error that shows nothing of it."""
        arguments = ("shard-1",) if read is page_of else ()
        with pytest.raises(InvalidResponseError) as caught:
            read(*arguments, answer(said))
        assert caught.value.code is InvalidResponseErrorCode.UNREADABLE
        assert str(caught.value).startswith("the answer (HTTP 200, ")
        with pytest.raises(InvalidResponseError):
            read(*arguments, HttpResponse(status=200, headers={}, body=b"<html>"))


def shard(name: str, *parents: str, is_open: bool = True) -> ListedShard:
    """Return a shard with all hash keys."""
    return ListedShard(name, frozenset(parents), is_open, (0, 2**128 - 1))


class TestShardOrder:
    """A shard's turn comes after its parents."""

    def test_from_now(self) -> None:
        """Closed shards are not read; shards that come later are read whole."""
        order = ShardOrder(FROM_NOW)
        old = [shard("a", is_open=False), shard("b", "a")]
        order.list(old)
        assert order.begin() == {"b": FROM_NOW}
        assert order.begin() == {}
        before = order.is_complete
        order.list([*old, shard("c", "b"), shard("d", "b")])
        assert (before, order.is_complete) == (True, False)
        assert order.begin() == {}  # as b has not ended
        order.end("b")
        assert order.begin() == {"c": FROM_START, "d": FROM_START}

    def test_merged(self) -> None:
        """A merged shard waits for both of its parents."""
        order = ShardOrder(FROM_START)
        order.list([shard("a"), shard("b"), shard("ab", "a", "b")])
        assert order.begin() == {"a": FROM_START, "b": FROM_START}
        order.end("a")
        assert order.begin() == {}
        order.end("b")
        assert order.begin() == {"ab": FROM_START}

    def test_parents_that_are_gone(self) -> None:
        """After a stream's retention, a parent is no longer listed."""
        order = ShardOrder(from_time(NOON))
        order.list([shard("b", "a")])
        assert order.begin() == {"b": from_time(NOON)}

    @given(
        st.sampled_from([FROM_START, from_time(NOON)]),
        st.lists(st.integers(0, 20), min_size=1, max_size=12),
        st.randoms(use_true_random=False),
    )
    def test_every_shard_once(
        self, start: Position, splits: list[int], random: Any
    ) -> None:
        """Law: each shard is read exactly once, and none before its parents ended."""
        shards = {"0": shard("0")}
        for number in splits:
            parent = sorted(shards)[number % len(shards)]
            child = f"{len(shards)}"
            shards[child] = shard(child, parent)
        order = ShardOrder(start)
        order.list(shards.values())
        begun: list[str] = []
        ended: set[str] = set()
        while not order.is_complete or len(ended) < len(begun):
            for each in order.begin():
                assert shards[each].parents <= ended
                begun.append(each)
            running = [each for each in begun if each not in ended]
            done = random.choice(running)
            order.end(done)
            ended.add(done)
        assert sorted(begun) == sorted(shards)
