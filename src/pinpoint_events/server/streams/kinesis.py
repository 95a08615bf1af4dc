"""
Kinesis: its streams, and what each operation answers.

Operations, members and errors are those of the service model, version 2013-12-02. What
a record may be, and where it goes, is in `_puts.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from pinpoint_events.server._settings import check_settings, kind_of
from pinpoint_events.server.streams.limits import (
    ACCOUNT_SHARDS,
    DEFAULT_RECORD_KIB,
    LARGEST_RECORD_KIB,
    ON_DEMAND_SHARDS,
    ShardLimits,
)
from pinpoint_events.server.streams.members import NAME, Members
from pinpoint_events.server.streams.puts import put_record, put_records
from pinpoint_events.server.streams.reading import get_records, get_shard_iterator
from pinpoint_events.server.streams.refusals import (
    invalid_argument,
    limit_exceeded,
    resource_in_use,
    resource_not_found,
    validation_error,
)
from pinpoint_events.server.streams.service import (
    Call,
    Service,
    arn,
    epoch_seconds,
    utc_now,
)
from pinpoint_events.server.streams.shard import ShardRecord
from pinpoint_events.server.streams.shard_lists import list_shards, shard_description
from pinpoint_events.server.streams.store import StreamsFile
from pinpoint_events.server.streams.stream import ON_DEMAND, PROVISIONED, Stream

__all__ = ["Kinesis"]

_NAME_CHARACTERS: Final = 128
_MAX_LIST: Final = 10_000
_DEFAULT_STREAMS: Final = 100
_DEFAULT_SHARDS: Final = 100
_RETENTION_HOURS: Final = 24


class Kinesis(Service[Stream]):
    """
    A Kinesis on this machine, which fails on purpose; for `create_app`.

    Safe to use from several threads.

    Args:
        store: The file to keep streams in; None keeps them in memory.
        limits: What each shard takes in.
        region: The region in ARNs.
        account_id: The account in ARNs.
        clock: Returns the current time, with a time zone.

    Raises:
        ConfigurationError: If region or account id are invalid.
        StoreError: If the file cannot be used.
    """

    signing_name: ClassVar[str] = "kinesis"
    target: ClassVar[str] = "Kinesis_20131202"
    puts: ClassVar[frozenset[str]] = frozenset({"PutRecord", "PutRecords"})

    def __init__(
        self,
        store: str | Path | None = None,
        *,
        limits: ShardLimits = ShardLimits(),  # noqa: B008 - immutable
        region: str = "us-east-1",
        account_id: str = "123456789012",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        check_settings(limits=kind_of(ShardLimits, limits))
        self._limits = limits
        super().__init__(store, region=region, account_id=account_id, clock=clock)

    # --- For Python -------------------------------------------------------------------

    @property
    def limits(self) -> ShardLimits:
        """What each shard takes in; may be set."""
        return self._limits

    @limits.setter
    def limits(self, limits: ShardLimits) -> None:
        with self._exclusive():
            self._limits = limits
            for stream in self._streams.values():
                stream.set_limits(limits, self._clock())

    def create_stream(self, name: str, *, shards: int = 1) -> str:
        """
        Create a stream, if there is none with this name, and return its ARN.

        Args:
            name: Its name: 1 to 128 letters, digits, and `_.-`.
            shards: How many shards it begins with.

        Raises:
            RequestError: If name or number are invalid.
        """
        members = Members({"StreamName": name, "ShardCount": shards})
        with self._exclusive():
            if name not in self._streams:
                self._create(members, self._clock())
        return self.arn_of(name)

    def arn_of(self, name: str) -> str:
        """Return the ARN of a stream, whether or not it exists."""
        return arn(self, f"stream/{name}")

    def records(self, name: str) -> tuple[ShardRecord, ...]:
        """
        Return the records of a stream: shard by shard, in order within each.

        Raises:
            RequestError: If there is no such stream.
        """
        with self._exclusive():
            return tuple(self._named(name).records)

    def open_shard_ids(self, name: str) -> tuple[str, ...]:
        """
        Return the ids of a stream's open shards, in the order of their hash keys.

        Raises:
            RequestError: If there is no such stream.
        """
        with self._exclusive():
            return tuple(shard.id for shard in self._named(name).open_shards)

    def split_shard(self, name: str, shard_id: str) -> None:
        """
        Split a shard in the middle.

        Raises:
            RequestError: If there is no such stream or open shard.
        """
        with self._exclusive():
            stream = self._named(name)
            stream.split_in_half(stream.shard(shard_id), self._clock())

    def merge_shards(self, name: str, shard_id: str, adjacent_shard_id: str) -> None:
        """
        Merge two adjacent shards.

        Raises:
            RequestError: If there are no such stream and open, adjacent shards.
        """
        with self._exclusive():
            stream = self._named(name)
            pair = stream.shard(shard_id), stream.shard(adjacent_shard_id)
            stream.merge(*pair, self._clock())

    # --- The store --------------------------------------------------------------------

    def _stored(self, file: StreamsFile) -> Iterable[Stream]:
        return file.streams(self._limits, self._clock())

    def _save(self) -> None:
        for stream in self._streams.values():
            if stream.unsaved_shards or stream.unsaved_records:
                self._save_stream(stream)

    def _save_stream(self, stream: Stream) -> None:
        self._write(lambda file: file.save_stream(stream))
        stream.saved()

    # --- Streams ----------------------------------------------------------------------

    def _named(self, name: str) -> Stream:
        found = self._streams.get(name)
        if found is None:
            message = f"Stream {name} under account {self.account_id} not found."
            raise resource_not_found(message)
        return found

    def _stream(self, members: Members) -> Stream:
        """Return the stream that a call names, by name or ARN or both."""
        name = members.text("StreamName", longest=_NAME_CHARACTERS, pattern=NAME)
        full = members.text("StreamARN", longest=2048)
        members.check()
        if full is not None:
            by_arn = full.rpartition("/")[2]
            if name not in {None, by_arn}:
                message = "StreamName and StreamARN name two streams; leave one out"
                raise invalid_argument(message)
            if full != self.arn_of(by_arn):
                message = "No stream here has this StreamARN; check account and region"
                raise resource_not_found(message)
            name = by_arn
        if name is None:
            raise invalid_argument("Either StreamName or StreamARN must be specified.")
        return self._named(name)

    @property
    def _shard_count(self) -> int:
        return sum(len(stream.open_shards) for stream in self._streams.values())

    def _check_shard_count(self, more: int) -> None:
        if self._shard_count + more > ACCOUNT_SHARDS:
            message = (
                f"This request would exceed the shard limit of {ACCOUNT_SHARDS} for "
                f"the account {self.account_id} in {self.region}"
            )
            raise limit_exceeded(message)

    # --- Operations -------------------------------------------------------------------

    @property
    def _operations(self) -> Mapping[str, Callable[[Call], Any]]:
        return {
            "CreateStream": self._create_stream,
            "DeleteStream": self._delete_stream,
            "DescribeStream": self._describe_stream,
            "DescribeStreamSummary": self._describe_stream_summary,
            "GetRecords": self._get_records,
            "GetShardIterator": self._get_shard_iterator,
            "ListShards": self._list_shards,
            "ListStreams": self._list_streams,
            "MergeShards": self._merge_shards,
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
            "SplitShard": self._split_shard,
            "UpdateMaxRecordSize": self._update_max_record_size,
            "UpdateShardCount": self._update_shard_count,
        }

    def _create_stream(self, call: Call) -> None:
        self._create(call.members, call.now)

    def _create(self, members: Members, now: datetime) -> None:
        name = members.required_text(
            "StreamName", longest=_NAME_CHARACTERS, pattern=NAME
        )
        details = members.object("StreamModeDetails")
        modes = (PROVISIONED, ON_DEMAND)
        mode = PROVISIONED
        if details is not None:
            mode = details.required_text("StreamMode", choices=modes)
        record_kib = members.integer(
            "MaxRecordSizeInKiB", least=DEFAULT_RECORD_KIB, most=LARGEST_RECORD_KIB
        )
        most = 2**31 - 1
        if mode == PROVISIONED:
            count = members.required_integer("ShardCount", least=1, most=most)
        else:
            given = members.integer("ShardCount", least=1, most=most)
            count = ON_DEMAND_SHARDS if given is None else given
        members.check()
        if name in self._streams:
            message = f"Stream {name} under account {self.account_id} already exists."
            raise resource_in_use(message)
        self._check_shard_count(count)
        stream = Stream(name, now, mode=mode, limits=self._limits)
        stream.record_kib = record_kib or DEFAULT_RECORD_KIB
        stream.open_first(count, now)
        self._streams[name] = stream

    def _delete_stream(self, call: Call) -> None:
        stream = self._stream(call.members)
        self._write(lambda file: file.delete_stream(stream.name))
        del self._streams[stream.name]

    def _describe_stream(self, call: Call) -> dict[str, Any]:
        members = call.members
        limit = members.integer("Limit", least=1, most=_MAX_LIST)
        after = members.text("ExclusiveStartShardId", longest=128, pattern=NAME)
        stream = self._stream(members)
        shards = [each for each in stream.shards if after is None or each.id > after]
        shown = shards[: limit or _DEFAULT_SHARDS]
        return {
            "StreamDescription": {
                **self._common_description(stream),
                "HasMoreShards": len(shown) < len(shards),
                "Shards": [shard_description(each) for each in shown],
            }
        }

    def _describe_stream_summary(self, call: Call) -> dict[str, Any]:
        stream = self._stream(call.members)
        return {
            "StreamDescriptionSummary": {
                **self._common_description(stream),
                "ConsumerCount": 0,
                "MaxRecordSizeInKiB": stream.record_kib,
                "OpenShardCount": len(stream.open_shards),
            }
        }

    def _common_description(self, stream: Stream) -> dict[str, Any]:
        return {
            **self._listed(stream),
            "EncryptionType": "NONE",
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "RetentionPeriodHours": _RETENTION_HOURS,
        }

    def _listed(self, stream: Stream) -> dict[str, Any]:
        return {
            "StreamARN": self.arn_of(stream.name),
            "StreamCreationTimestamp": epoch_seconds(stream.created_at),
            "StreamModeDetails": {"StreamMode": stream.mode},
            "StreamName": stream.name,
            "StreamStatus": "ACTIVE",
        }

    def _list_streams(self, call: Call) -> dict[str, Any]:
        members = call.members
        limit = members.integer("Limit", least=1, most=_MAX_LIST)
        after = members.text("ExclusiveStartStreamName", longest=_NAME_CHARACTERS)
        token = members.text("NextToken")
        members.check()
        after = after if token is None else token
        names = [
            each for each in sorted(self._streams) if after is None or each > after
        ]
        shown = names[: limit or _DEFAULT_STREAMS]
        found: dict[str, Any] = {
            "HasMoreStreams": len(shown) < len(names),
            "StreamNames": shown,
            "StreamSummaries": [self._listed(self._streams[name]) for name in shown],
        }
        if found["HasMoreStreams"]:
            found["NextToken"] = shown[-1]
        return found

    def _list_shards(self, call: Call) -> dict[str, Any]:
        return list_shards(self._stream, call.members)

    def _split_shard(self, call: Call) -> None:
        members = call.members
        shard_id = members.required_text("ShardToSplit", longest=128, pattern=NAME)
        start = members.required_hash_key("NewStartingHashKey")
        stream = self._provisioned(members, "SplitShard")
        shard = stream.shard(shard_id)
        self._check_shard_count(1)
        stream.split(shard, start, call.now)

    def _merge_shards(self, call: Call) -> None:
        members = call.members
        first = members.required_text("ShardToMerge", longest=128, pattern=NAME)
        second = members.required_text(
            "AdjacentShardToMerge", longest=128, pattern=NAME
        )
        stream = self._provisioned(members, "MergeShards")
        stream.merge(stream.shard(first), stream.shard(second), call.now)

    def _update_shard_count(self, call: Call) -> dict[str, Any]:
        members = call.members
        target = members.required_integer(
            "TargetShardCount", least=1, most=ACCOUNT_SHARDS
        )
        members.required_text("ScalingType", choices=("UNIFORM_SCALING",))
        stream = self._provisioned(members, "UpdateShardCount")
        before = len(stream.open_shards)
        self._check_shard_count(target - before)
        stream.scale(target, call.now)
        return {
            "CurrentShardCount": before,
            "StreamARN": self.arn_of(stream.name),
            "StreamName": stream.name,
            "TargetShardCount": target,
        }

    def _provisioned(self, members: Members, operation: str) -> Stream:
        stream = self._stream(members)
        if stream.mode != PROVISIONED:
            raise validation_error(
                [f"{operation} is only for streams with capacity mode {PROVISIONED}"]
            )
        return stream

    def _update_max_record_size(self, call: Call) -> None:
        size = call.members.required_integer(
            "MaxRecordSizeInKiB", least=DEFAULT_RECORD_KIB, most=LARGEST_RECORD_KIB
        )
        stream = self._stream(call.members)
        stream.record_kib = size
        self._save_stream(stream)

    def _put_record(self, call: Call) -> dict[str, Any]:
        return put_record(self._stream, call, self.account_id)

    def _put_records(self, call: Call) -> dict[str, Any]:
        return put_records(self._stream, call, self.account_id)

    def _get_shard_iterator(self, call: Call) -> dict[str, Any]:
        return get_shard_iterator(self._stream, call)

    def _get_records(self, call: Call) -> dict[str, Any]:
        return get_records(self._named, call)
