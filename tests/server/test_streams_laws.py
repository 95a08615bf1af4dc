"""What Kinesis promises, over any order of calls."""

import base64
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.server.streams import NOON, Clock

from pinpoint_events.server import (
    FailRecord,
    Kinesis,
    Reshard,
    ShardLimits,
    ThrottleShard,
)
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server.streams.limits import HASH_KEYS
from pinpoint_events.server.streams.put_faults import NO_PUT_FAULTS, PutFaults
from pinpoint_events.wire.json_text import decode, encode

HASH_KEYS_OF_RECORDS = st.integers(0, HASH_KEYS - 1) | st.sampled_from(
    [0, 1, HASH_KEYS // 2 - 1, HASH_KEYS // 2, HASH_KEYS - 1]
)
FAULTS = st.just(NO_PUT_FAULTS) | st.builds(
    lambda *faults: PutFaults(faults),
    st.builds(FailRecord, positions=st.lists(st.integers(1, 5), min_size=1)),
    st.builds(Reshard, position=st.integers(1, 5)),
    st.builds(ThrottleShard, shard_id=st.just("shardId-000000000000")),
)

UNIFORM = "UNIFORM_SCALING"


def encode_data(text: str) -> str:
    """Return a text as the data of a record is sent."""
    return base64.b64encode(text.encode()).decode()


def decode_data(data: str) -> str:
    """Return the text of a record's data."""
    return base64.b64decode(data).decode()


class KinesisMachine(RuleBasedStateMachine):
    """
    Puts, splits, merges, scaling, restarts; then a consumer that begins at the start.

    The consumer follows the children of each shard, as the developer guide describes
    ("Data routing, data persistence, and shard state after a reshard").
    """

    file: Path | None = None

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(NOON)
        # Small limits, so that calls are throttled.
        self.limits = ShardLimits(records_per_second=4, bytes_per_second=100)
        self.kinesis = self.opened()
        self.kinesis.create_stream("s", shards=2)
        self.count = 0
        self.taken: list[tuple[str, int, str]] = []

    def opened(self) -> Kinesis:
        """Return the Kinesis, with what its file has."""
        return Kinesis(self.file, limits=self.limits, clock=self.clock)

    def call(
        self, operation: str, faults: PutFaults = NO_PUT_FAULTS, **members: Any
    ) -> Any:
        """Call an operation; return its answer."""
        if operation != "GetRecords":
            members = {"StreamName": "s", **members}
        answer = self.kinesis.answer(operation, encode(members), faults)
        return decode(answer) if answer else None

    @initialize(shards=st.integers(1, 4))
    def scaled(self, shards: int) -> None:
        """Begin with another number of shards."""
        self.call("UpdateShardCount", TargetShardCount=shards, ScalingType=UNIFORM)

    @rule(keys=st.lists(HASH_KEYS_OF_RECORDS, min_size=1, max_size=6), faults=FAULTS)
    def put(self, keys: list[int], faults: PutFaults) -> None:
        """Put records, each with data that no other has."""
        ids = [f"{self.count + position}" for position in range(len(keys))]
        self.count += len(keys)
        records = [
            {
                "Data": encode_data(each),
                "PartitionKey": "k",
                "ExplicitHashKey": str(key),
            }
            for each, key in zip(ids, keys, strict=True)
        ]
        answer = self.call("PutRecords", faults, Records=records)
        assert len(answer["Records"]) == len(records)
        failed = 0
        for name, result in zip(ids, answer["Records"], strict=True):
            if "ErrorCode" in result:
                failed += 1
                assert "SequenceNumber" not in result
            else:
                number = int(result["SequenceNumber"])
                self.taken.append((result["ShardId"], number, name))
        assert answer["FailedRecordCount"] == failed

    @rule(number=st.integers(0, 100))
    def split(self, number: int) -> None:
        """Split one of the open shards."""
        shards = self.kinesis.open_shard_ids("s")
        with_room = shards[number % len(shards)]
        # A shard that was halved too often has no room.
        with suppress(RequestError):
            self.kinesis.split_shard("s", with_room)

    @precondition(lambda self: len(self.kinesis.open_shard_ids("s")) > 1)
    @rule(number=st.integers(0, 100))
    def merge(self, number: int) -> None:
        """Merge two neighbours."""
        shards = self.kinesis.open_shard_ids("s")
        first = number % (len(shards) - 1)
        self.kinesis.merge_shards("s", shards[first], shards[first + 1])

    @rule(factor=st.sampled_from([0.5, 1, 1.5, 2]))
    def scale(self, factor: float) -> None:
        """Change the number of open shards."""
        count = len(self.kinesis.open_shard_ids("s"))
        target = max(-(-count // 2), min(16, round(count * factor)))
        self.call("UpdateShardCount", TargetShardCount=target, ScalingType=UNIFORM)

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.file is not None)
    @rule()
    def restart(self) -> None:
        """Begin again with what the file has."""
        self.kinesis.close()
        self.kinesis = self.opened()

    @invariant()
    def open_shards_cover_all_hash_keys(self) -> None:
        """Each hash key belongs to exactly one open shard."""
        wanted = {"Type": "AT_LATEST"}
        ranges = sorted(
            (int(keys["StartingHashKey"]), int(keys["EndingHashKey"]))
            for shard in self.call("ListShards", ShardFilter=wanted)["Shards"]
            for keys in [shard["HashKeyRange"]]
        )
        expected = 0
        for start, end in ranges:
            assert start == expected
            expected = end + 1
        assert expected == HASH_KEYS

    def teardown(self) -> None:
        """Read all: each record that was taken, once, in order; and nothing else."""
        read: dict[str, list[tuple[int, str]]] = defaultdict(list)
        wanted = {"Type": "AT_TRIM_HORIZON"}
        waiting = [
            each["ShardId"]
            for each in self.call("ListShards", ShardFilter=wanted)["Shards"]
        ]
        seen: set[str] = set()
        while waiting:
            shard_id = waiting.pop(0)
            if shard_id in seen:
                continue
            seen.add(shard_id)
            iterator = self.call(
                "GetShardIterator", ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator is not None:
                answer = self.call("GetRecords", ShardIterator=iterator, Limit=3)
                for record in answer["Records"]:
                    number = int(record["SequenceNumber"])
                    read[shard_id].append((number, decode_data(record["Data"])))
                waiting += [each["ShardId"] for each in answer.get("ChildShards", ())]
                iterator = answer.get("NextShardIterator")
                if not answer["Records"] and not answer["MillisBehindLatest"]:
                    break
        expected: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for shard_id, number, name in self.taken:
            expected[shard_id].append((number, name))
        assert read == {shard: sorted(found) for shard, found in expected.items()}
        assert all(found == sorted(found) for found in expected.values())
        self.kinesis.close()


class StoredKinesisMachine(KinesisMachine):
    """The same, with a file."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory()
        self.file = Path(self._directory.name) / "streams.db"
        super().__init__()

    def teardown(self) -> None:
        """Read all; remove the file."""
        try:
            super().teardown()
        finally:
            self._directory.cleanup()


TestKinesis: Any = KinesisMachine.TestCase
TestStoredKinesis: Any = StoredKinesisMachine.TestCase
TestStoredKinesis.settings = settings(max_examples=20)
