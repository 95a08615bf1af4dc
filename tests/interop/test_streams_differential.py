"""
Our Kinesis and Firehose answer as those do that others wrote, wherever they are right.

boto3 makes the same calls to ours and to an engine; answers are compared: their form,
error codes, hash keys, the order of records, and which shard has them. What an engine
gets wrong is listed with the reason. A call that is listed must differ: what an engine
gets right one day leaves the list.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.aws import aws
from tests.interop.engines import ENGINES, Engine, running
from tests.interop.test_stream_engines import new_delivery, to_s3, wait_for
from tests.server.streams import (
    FIRST,
    HALF,
    NO_LIMITS,
    SECOND,
    THIRD,
    Clock,
    serving,
)

__all__ = ["aws"]

UNKNOWN: Final = "shardId-000000000009"
LAST_HASH_KEY: Final = 2**128 - 1
MIB: Final = 1_048_576
FUTURE: Final = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


@pytest.fixture(scope="module")
def ours() -> Iterator[Any]:
    """Ours, with the time of this machine."""
    with serving(limits=NO_LIMITS, clock=Clock(datetime.now(UTC))) as found:
        yield found


@pytest.fixture(scope="module", params=ENGINES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """Each engine."""
    with running(request.param, tmp_path_factory.mktemp("engine")) as found:
        yield found


@pytest.fixture(scope="module")
def theirs(engine: Engine) -> Any:
    """A client of it that checks nothing."""
    return engine.client("kinesis", parameter_validation=False)


_COUNT = iter(range(1_000_000))


def new_stream(client: Any, shards: int, *, is_split: bool = False) -> str:
    """Create a stream, and return its name once it is there."""
    name = f"s-{next(_COUNT)}"
    client.create_stream(StreamName=name, ShardCount=shards)
    wait_for(client, name)
    if is_split:
        middle = str(2**128 // shards // 2)
        client.split_shard(
            StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=middle
        )
        wait_for(client, name)
    return name


class Case(NamedTuple):
    """
    One call, to a new stream.

    Attributes:
        operation: Boto3's name of the operation.
        members: Its members, without the name of the stream.
        shards: How many shards the stream has; 0 for no stream.
        is_split: Whether its first shard was split.
        stream: Its name, with {} for a number that no other has; that of the new stream
            if None; "" for no such member.
    """

    operation: str
    members: Mapping[str, Any] = {}
    shards: int = 2
    is_split: bool = False
    stream: str | None = None


def record(data: bytes = b"x", key: str = "k", **members: Any) -> dict[str, Any]:
    """Return a record of a call."""
    return {"Data": data, "PartitionKey": key, **members}


def put(*records: dict[str, Any], **more: Any) -> Case:
    """Return a call that puts records."""
    return Case("put_records", {"Records": list(records)}, **more)


def put_one(**more: Any) -> Case:
    """Return a call that puts one record."""
    return Case("put_record", record(**more))


def split(hash_key: object, shard: str = FIRST, **more: Any) -> Case:
    """Return a call that splits a shard."""
    members = {"ShardToSplit": shard, "NewStartingHashKey": str(hash_key)}
    return Case("split_shard", members, **more)


def merge(first: str, second: str, **more: Any) -> Case:
    """Return a call that merges shards."""
    members = {"ShardToMerge": first, "AdjacentShardToMerge": second}
    return Case("merge_shards", members, **more)


def iterator(kind: str, shard: str = FIRST, **members: Any) -> Case:
    """Return a call for an iterator."""
    return Case(
        "get_shard_iterator", {"ShardId": shard, "ShardIteratorType": kind, **members}
    )


AT: Final = "AT_SEQUENCE_NUMBER"
NONE: Final[dict[str, Any]] = {"shards": 0, "stream": "none"}

CASES: Final[Mapping[str, Case]] = {
    "put": put(record()),
    "put: no stream": put(record(), **NONE),
    "put: 500 records": put(*[record()] * 500),
    "put: 501 records": put(*[record()] * 501),
    "put: no records": put(),
    "put: records absent": Case("put_records"),
    "put: key 256": put(record(key="x" * 256)),
    "put: key 257": put(record(key="x" * 257)),
    "put: key 256 beyond the BMP": put(record(key="\U0001f600" * 256)),
    "put: key empty": put(record(key="")),
    "put: key absent": put({"Data": b"x"}),
    "put: data empty": put(record(b"")),
    "put: data absent": put({"PartitionKey": "k"}),
    "put: hash 2**128": put(record(ExplicitHashKey=str(2**128))),
    "put: hash 2**128-1": put(record(ExplicitHashKey=str(2**128 - 1))),
    "put: hash -1": put(record(ExplicitHashKey="-1")),
    "put: hash 01": put(record(ExplicitHashKey="01")),
    "put: 1 MiB": put(record(bytes(MIB - 1))),
    "put: 1 MiB without key": put(record(bytes(MIB))),
    "put: over 1 MiB": put(record(bytes(MIB + 1))),
    "put: 4 MB": put(*[record(bytes(1_000_000))] * 4),
    "put: 6 MB": put(*[record(bytes(1_000_000))] * 6),
    "put: 11 MB": put(*[record(bytes(1_000_000))] * 11),
    "put one": put_one(),
    "put one: no stream": Case("put_record", record(), **NONE),
    "put one: key 257": put_one(key="x" * 257),
    "put one: hash 2**128": put_one(ExplicitHashKey=str(2**128)),
    "put one: over 1 MiB": put_one(data=bytes(MIB + 1)),
    "create": Case("create_stream", {"ShardCount": 1}, 0, stream="created-{}"),
    "create: there": Case("create_stream", {"ShardCount": 1}),
    "create: 0 shards": Case("create_stream", {"ShardCount": 0}, 0, stream="zero-{}"),
    "create: shards absent": Case("create_stream", {}, 0, stream="none-said-{}"),
    "create: blank": Case("create_stream", {"ShardCount": 1}, 0, stream="a b"),
    "create: 129": Case("create_stream", {"ShardCount": 1}, 0, stream="x" * 129),
    "delete": Case("delete_stream"),
    "delete: no stream": Case("delete_stream", **NONE),
    "describe: no stream": Case("describe_stream", **NONE),
    "describe: limit 0": Case("describe_stream", {"Limit": 0}),
    "summary: no stream": Case("describe_stream_summary", **NONE),
    "list: no stream": Case("list_shards", **NONE),
    "list: no name": Case("list_shards", {}, 0, stream=""),
    "list: name and token": Case("list_shards", {"NextToken": "abc"}),
    "list: max 0": Case("list_shards", {"MaxResults": 0}),
    "list: max 10001": Case("list_shards", {"MaxResults": 10_001}),
    "split": split(5),
    "split: no stream": split(5, **NONE),
    "split: no shard": split(5, UNKNOWN),
    "split: no name of a shard": split(5, "x y"),
    "split: at the start": split(0),
    "split: behind the start": split(1),
    "split: outside": split(HALF + 5),
    "split: at the end": split(HALF - 1),
    "split: no number": split("abc"),
    "split: closed": split(5, shards=1, is_split=True),
    "merge": merge(FIRST, SECOND),
    "merge: no stream": merge(FIRST, SECOND, **NONE),
    "merge: no shard": merge(FIRST, UNKNOWN),
    "merge: with itself": merge(FIRST, FIRST),
    "merge: not adjacent": merge(FIRST, THIRD, shards=4),
    "merge: high first": merge(SECOND, FIRST),
    "merge: closed": merge(FIRST, SECOND, is_split=True),
    "iterator": iterator("TRIM_HORIZON"),
    "iterator: no stream": iterator("LATEST")._replace(shards=0, stream="none"),
    "iterator: no shard": iterator("LATEST", UNKNOWN),
    "iterator: no type": iterator("NEWEST"),
    "iterator: number absent": iterator(AT),
    "iterator: latest with number": iterator("LATEST", StartingSequenceNumber="5"),
    "iterator: number abc": iterator(AT, StartingSequenceNumber="abc"),
    "iterator: number of no stream": iterator(AT, StartingSequenceNumber="5"),
    "iterator: time absent": iterator("AT_TIMESTAMP"),
    "iterator: in the future": iterator("AT_TIMESTAMP", Timestamp=FUTURE),
}

# Engine to reason to the calls that it answers otherwise than the service does.
WRONG: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "kinesalite": {
        "a pattern is anchored at one end": ["put: hash -1", "put: hash 01"],
        "counts UTF-16": ["put: key 256 beyond the BMP"],
        "counts no keys": ["put: 1 MiB without key"],
        "limits of before October 2025": ["put: 6 MB", "put: 11 MB"],
        "reshards closed shards": ["split: closed", "merge: closed"],
        "an order that is not documented": ["merge: high first"],
    },
    "kinesis-local": {
        "no limit of a call, nor of single records": [
            "put: 501 records",
            "put: no records",
            "put: 1 MiB without key",
            "put: over 1 MiB",
        ],
        "counts UTF-16": ["put: key 256 beyond the BMP"],
        "another error for members outside the model's constraints": [
            "put: records absent",
            "put: key 257",
            "put: key empty",
            "put: key absent",
            "put: data absent",
            "put: hash -1",
            "put: hash 01",
            "put one: key 257",
            "put one: over 1 MiB",
            "create: 0 shards",
            "create: blank",
            "create: 129",
            "describe: limit 0",
            "split: no name of a shard",
            "iterator: no type",
            "iterator: number abc",
        ],
        "fails": ["list: max 0", "split: no number"],
        "does not check": [
            "create: shards absent",
            "list: max 10001",
            "split: at the start",
            "split: behind the start",
            "iterator: latest with number",
            "iterator: number of no stream",
            "iterator: in the future",
        ],
        "an order that is not documented": ["merge: high first"],
    },
    "moto": {
        "limits of before October 2025": ["put: 6 MB"],
        "another error for members outside the model's constraints": [
            "put: key 257",
            "put: key absent",
            "put one: key 257",
            "list: no name",
            "split: no name of a shard",
            "iterator: no type",
        ],
        "fails": [
            "put: records absent",
            "put: hash 2**128-1",
            "put: hash -1",
            "create: 0 shards",
            "create: shards absent",
            "iterator: number absent",
            "iterator: number abc",
        ],
        "does not check": [
            "put: no records",
            "put: key empty",
            "put: data absent",
            "put: hash 01",
            "put one: over 1 MiB",
            "create: blank",
            "create: 129",
            "describe: limit 0",
            "list: name and token",
            "list: max 0",
            "list: max 10001",
            "split: behind the start",
            "iterator: latest with number",
            "iterator: number of no stream",
            "iterator: time absent",
            "iterator: in the future",
        ],
        "reshards closed shards, or has another error": [
            "split: closed",
            "merge: closed",
        ],
        "an order that is not documented": ["merge: high first"],
    },
    "ministack": {
        "limits of before October 2025": ["put: 6 MB", "put: 11 MB"],
        "counts no keys": ["put: 1 MiB without key"],
        "another error": [
            "list: no name",
            "split: no name of a shard",
            "split: at the start",
            "split: outside",
            "iterator: time absent",
        ],
        "fails": ["list: max 0", "split: no number", "merge: with itself"],
        "does not check": [
            "put: no records",
            "put: records absent",
            "put: key empty",
            "put: key absent",
            "put: data absent",
            "put: hash 2**128",
            "put: hash -1",
            "put: hash 01",
            "put one: hash 2**128",
            "create: shards absent",
            "create: blank",
            "create: 129",
            "describe: limit 0",
            "list: max 10001",
            "split: behind the start",
            "split: at the end",
            "merge: not adjacent",
            "iterator: latest with number",
            "iterator: number absent",
            "iterator: number abc",
            "iterator: number of no stream",
            "iterator: in the future",
        ],
        "a split parent vanishes": ["split: closed", "merge: closed"],
    },
}


# Calls that take kinesis-local seconds for each MB.
SLOW: Final = {"kinesis-local": {"put: 4 MB", "put: 6 MB", "put: 11 MB"}}


def answer_to(case: Case, client: Any) -> str:
    """Return what a call is answered with: `taken`, or the code of the error."""
    members = dict(case.members)
    if case.stream is None:
        members["StreamName"] = new_stream(client, case.shards, is_split=case.is_split)
    elif case.stream:
        members["StreamName"] = case.stream.format(next(_COUNT))
    try:
        getattr(client, case.operation)(**members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "taken"


class TestCalls:
    """Single calls: what is taken, and which error there is."""

    def test_calls(self, ours: Any, engine: Engine, theirs: Any) -> None:
        """Ours answers as the engine does, except where that is wrong."""
        found = {
            name: (answer_to(case, ours.client), answer_to(case, theirs))
            for name, case in CASES.items()
            if name not in SLOW.get(engine.name, ())
        }
        wrong = {name for names in WRONG[engine.name].values() for name in names}
        differing = {name: both for name, both in found.items() if len({*both}) > 1}
        unexpected = {name: found[name] for name in differing.keys() ^ wrong}
        assert unexpected == {}


# --- Sequences of calls ---


class Numbers:
    """Sequence numbers, compared by their order alone."""

    def __init__(self) -> None:
        self.of_shard: dict[str, list[int]] = {}

    def add(self, shard: str, number: str) -> int:
        """Return which number of its shard it is, from 0."""
        known = self.of_shard.setdefault(shard, [])
        assert not known or int(number) > known[-1]
        known.append(int(number))
        return len(known) - 1


class Stream:
    """A stream at one of the two, and the operations on it."""

    def __init__(self, client: Any, shards: int) -> None:
        self.client = client
        self.name = new_stream(client, shards)
        self.numbers = Numbers()

    def put(self, records: Sequence[dict[str, Any]]) -> Any:
        """Put records; return shard and place of each."""
        answer = self.client.put_records(StreamName=self.name, Records=records)
        found = [
            (each["ShardId"], self.numbers.add(each["ShardId"], each["SequenceNumber"]))
            for each in answer["Records"]
        ]
        return answer["FailedRecordCount"], found

    def shards(self) -> list[Any]:
        """Return the shards, in the order of their ids, and what they were."""
        found = self.client.list_shards(StreamName=self.name)["Shards"]
        return [
            (
                each["ShardId"],
                each["HashKeyRange"],
                each.get("ParentShardId"),
                each.get("AdjacentParentShardId"),
                "EndingSequenceNumber" in each["SequenceNumberRange"],
            )
            for each in sorted(found, key=lambda each: str(each["ShardId"]))
        ]

    def open_shards(self) -> list[Any]:
        """Return the open shards, by their hash keys."""
        found = [each for each in self.shards() if not each[-1]]
        return sorted(found, key=lambda each: int(each[1]["StartingHashKey"]))

    def split(self, position: int, part: int) -> str:
        """Split an open shard, at a part of its hash keys in hundredths."""
        found = self.open_shards()
        shard, keys, *_ = found[position % len(found)]
        first, last = int(keys["StartingHashKey"]), int(keys["EndingHashKey"])
        if last - first < 4:
            return "none"
        at = first + 2 + (last - first - 3) * part // 100
        return self.done("split_shard", ShardToSplit=shard, NewStartingHashKey=str(at))

    def merge(self, position: int) -> str:
        """Merge two adjacent open shards, if there are two."""
        found = self.open_shards()
        if len(found) == 1:
            return "none"
        position %= len(found) - 1
        first, second = found[position][0], found[position + 1][0]
        members = {"ShardToMerge": first, "AdjacentShardToMerge": second}
        return self.done("merge_shards", **members)

    def done(self, operation: str, **members: Any) -> str:
        """Call an operation, and wait until the stream is active."""
        getattr(self.client, operation)(StreamName=self.name, **members)
        wait_for(self.client, self.name)
        return "done"

    def read(self, shard: str, limit: int) -> Any:
        """Return all records of a shard, in pages of so many."""
        iterator = self.iterator(shard, "TRIM_HORIZON")
        pages: list[list[tuple[str, bytes]]] = []
        while iterator:
            answer = self.client.get_records(ShardIterator=iterator, Limit=limit)
            if not answer["Records"]:
                break
            assert len(pages) < 100
            pages.append(
                [(each["PartitionKey"], each["Data"]) for each in answer["Records"]]
            )
            iterator = answer.get("NextShardIterator")
        return pages

    def read_from(self, shard: str, position: int, *, is_after: bool) -> Any:
        """Return what is from a record on, or after it."""
        known = self.numbers.of_shard.get(shard)
        if not known:
            return None
        number = str(known[position % len(known)])
        kind = "AFTER_SEQUENCE_NUMBER" if is_after else AT
        iterator = self.iterator(shard, kind, StartingSequenceNumber=number)
        records = self.client.get_records(ShardIterator=iterator)["Records"]
        return [each["Data"] for each in records]

    def iterator(self, shard: str, kind: str, **members: Any) -> str:
        """Return an iterator."""
        answer = self.client.get_shard_iterator(
            StreamName=self.name, ShardId=shard, ShardIteratorType=kind, **members
        )
        return str(answer["ShardIterator"])


HASH_KEYS = st.none() | st.integers(0, LAST_HASH_KEY - 1) | st.sampled_from([0, HALF])
RECORDS = st.lists(
    st.builds(
        lambda data, key, hash_key: (
            record(data, key)
            if hash_key is None
            else record(data, key, ExplicitHashKey=str(hash_key))
        ),
        st.binary(max_size=20),
        st.text("abcé☃", min_size=1, max_size=10),
        HASH_KEYS,
    ),
    min_size=1,
    max_size=10,
)
PUTS = st.tuples(st.just("put"), RECORDS)
SPLITS = st.tuples(st.just("split"), st.integers(0, 9), st.integers(0, 100))
MERGES = st.tuples(st.just("merge"), st.integers(0, 9))

few = settings(
    max_examples=15,
    # Without shrinking, which takes minutes here.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What resharding does to a stream, as measured: after a split, moto puts into the
# closed parent, and ministack lists it no more.
RESHARDS: Final = {"kinesalite", "kinesis-local"}
# Iterators at sequence numbers find nothing there.
NOT_BY_NUMBER: Final = {"ministack"}
# Divides one hash key too few among the shards that a stream begins with.
NOT_EVEN: Final = {"kinesis-local"}


class TestSequences:
    """Calls one after the other: what a stream comes to."""

    @few
    @given(data=st.data(), shards=st.integers(1, 5), limit=st.integers(1, 7))
    def test_streams(
        self,
        ours: Any,
        engine: Engine,
        theirs: Any,
        data: st.DataObject,
        shards: int,
        limit: int,
    ) -> None:
        """Every answer is the same, and so are all shards and records in the end."""
        shards = 1 if engine.name in NOT_EVEN else shards
        both = [Stream(client, shards) for client in (ours.client, theirs)]
        kinds = PUTS | SPLITS | MERGES if engine.name in RESHARDS else PUTS
        for name, *arguments in data.draw(st.lists(kinds, max_size=8)):
            mine, their = (getattr(each, name)(*arguments) for each in both)
            assert mine == their
        mine, their = (each.shards() for each in both)
        assert mine == their
        for shard, *_ in mine:
            mine, their = (each.read(shard, limit) for each in both)
            assert mine == their
            for is_after in () if engine.name in NOT_BY_NUMBER else (False, True):
                mine, their = (
                    each.read_from(shard, limit, is_after=is_after) for each in both
                )
                assert mine == their


@pytest.mark.parametrize("engine", ["moto", "ministack"], indirect=True)
class TestFirehose:
    """The calls of Firehose, at engines that have one."""

    @few
    @given(data=st.lists(st.binary(max_size=20), min_size=1, max_size=10))
    def test_batches(self, ours: Any, engine: Engine, data: list[bytes]) -> None:
        """Each record is taken, and has an id that no other has."""
        mine = f"d-{next(_COUNT)}"
        ours.firehose.create_stream(mine)
        theirs = new_delivery(engine)
        for client, name in (
            (ours.client_of("firehose"), mine),
            (engine.client("firehose"), theirs),
        ):
            answer = client.put_record_batch(
                DeliveryStreamName=name, Records=[{"Data": each} for each in data]
            )
            assert answer["FailedPutCount"] == 0
            ids = {each["RecordId"] for each in answer["RequestResponses"]}
            assert len(ids) == len(data)
            assert {frozenset(each) for each in answer["RequestResponses"]} == {
                frozenset({"RecordId"})
            }

    def test_errors(self, ours: Any, engine: Engine) -> None:
        """A stream that is not there, and one that is."""
        stream = new_delivery(engine)
        ours.firehose.create_stream(stream)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("describe_delivery_stream", {"DeliveryStreamName": "none"}),
            ("delete_delivery_stream", {"DeliveryStreamName": "none"}),
            ("put_record", {"DeliveryStreamName": "none", "Record": {"Data": b"x"}}),
            (
                "put_record_batch",
                {"DeliveryStreamName": "none", "Records": [{"Data": b"x"}]},
            ),
            ("create_delivery_stream", to_s3(stream)),
        ]
        found = []
        for client in (ours.client_of("firehose"), engine.client("firehose")):
            codes = []
            for operation, members in calls:
                with pytest.raises(ClientError) as caught:
                    getattr(client, operation)(**members)
                codes.append(caught.value.response["Error"]["Code"])
            found.append(codes)
        assert found[0] == found[1]
