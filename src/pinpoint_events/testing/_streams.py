"""A Kinesis and a Firehose stream for one test, with assertions about their records."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from pinpoint_events.server import (
    Credentials,
    DeliveryRecord,
    Faults,
    Firehose,
    Kinesis,
    ShardLimits,
    ShardRecord,
    create_app,
)
from pinpoint_events.testing._serving import CREDENTIALS, REGION, served_on

__all__ = ["FirehoseStream", "KinesisStream", "serving_firehose", "serving_kinesis"]

_NAME: Final = "events"
_MAX_SHOWN: Final = 10  # differences in a message


class _ServedStream(ABC):
    """
    What a stream of Kinesis and one of Firehose have in common.

    Attributes:
        name: The name of the stream.
        arn: Its ARN.
        url: The URL of the endpoint.
        credentials: The only key that it accepts.
        region: The region that clients are configured with.
        faults: The faults to inject; can be changed at any time.
    """

    _SERVICE: ClassVar[str]

    name: str
    arn: str
    url: str
    credentials: Credentials
    region: str
    faults: Faults

    def __init__(self, url: str, arn: str, faults: Faults) -> None:
        self.name = _NAME
        self.arn = arn
        self.url = url
        self.credentials = CREDENTIALS
        self.region = REGION
        self.faults = faults

    @property
    def client_arguments(self) -> dict[str, Any]:
        """
        The arguments of `boto3.client` and of a boto3 or botocore session's client.

        `boto3.client(**stream.client_arguments)` sends to the endpoint, whatever the
        environment says.
        """
        return {
            "service_name": self._SERVICE,
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": self.credentials.access_key_id,
            "aws_secret_access_key": self.credentials.secret_access_key,
        }

    @property
    @abstractmethod
    def data(self) -> tuple[bytes, ...]:
        """The data of all records that arrived."""

    @property
    def json(self) -> tuple[Any, ...]:
        """
        The data of all records that arrived, read as JSON.

        Raises:
            AssertionError: If a record is not JSON.
        """
        return tuple(map(_decoded, self.data))

    def assert_nothing_arrived(self) -> None:
        """
        Fail if any record arrived.

        Raises:
            AssertionError: With the number of records.
        """
        __tracebackhide__ = True
        count = len(self.data)
        if count:
            raise AssertionError(f"expected no records, {_records(count)} arrived")

    def __repr__(self) -> str:
        shown = _records(len(self.data))
        return f"<{type(self).__name__} {self.name!r} at {self.url}: {shown}>"


class KinesisStream(_ServedStream):
    """
    A Kinesis stream on this machine; the fixture `kinesis_stream`.

    It begins with one shard, which takes 1 MB and 1,000 records a second, as real ones
    do; `limits` changes that.

    Attributes:
        kinesis: The whole Kinesis, for other streams.
    """

    _SERVICE = "kinesis"

    kinesis: Kinesis

    def __init__(self, url: str, faults: Faults, kinesis: Kinesis) -> None:
        super().__init__(url, kinesis.create_stream(_NAME), faults)
        self.kinesis = kinesis

    @property
    def limits(self) -> ShardLimits:
        """What each shard takes in; may be set."""
        return self.kinesis.limits

    @limits.setter
    def limits(self, limits: ShardLimits) -> None:
        self.kinesis.limits = limits

    @property
    def records(self) -> tuple[ShardRecord, ...]:
        """All records that arrived, shard by shard, in order within each."""
        return self.kinesis.records(self.name)

    @property
    def shards(self) -> Mapping[str, tuple[ShardRecord, ...]]:
        """The records of each shard that has any, in order."""
        found: dict[str, tuple[ShardRecord, ...]] = {}
        for record in self.records:
            found[record.shard_id] = (*found.get(record.shard_id, ()), record)
        return found

    @property
    def open_shard_ids(self) -> tuple[str, ...]:
        """The ids of the open shards, in the order of their hash keys."""
        return self.kinesis.open_shard_ids(self.name)

    @property
    def data(self) -> tuple[bytes, ...]:
        """The data of all records that arrived, in the order of `records`."""
        return tuple(record.data for record in self.records)

    def split(self, shard_id: str | None = None) -> None:
        """
        Split a shard in the middle.

        Args:
            shard_id: The shard; the first open one if left out.
        """
        self.kinesis.split_shard(self.name, shard_id or self.open_shard_ids[0])

    def merge(self, shard_id: str, adjacent_shard_id: str) -> None:
        """Merge two adjacent shards."""
        self.kinesis.merge_shards(self.name, shard_id, adjacent_shard_id)

    def assert_arrived(
        self, *data: bytes, partition_key: str | None = None
    ) -> tuple[ShardRecord, ...]:
        """
        Fail unless exactly these records arrived; return them.

        The order counts with a partition key: Kinesis keeps no other.

        Args:
            data: The data of each record.
            partition_key: The partition key whose records count; any if left out.

        Raises:
            AssertionError: With what is missing, unexpected, or in another order.
        """
        __tracebackhide__ = True
        found = self._records_of(partition_key)
        shown = tuple(record.data for record in found)
        _compare(shown, data, is_ordered=partition_key is not None)
        return found

    def assert_json_arrived(
        self, *values: Any, partition_key: str | None = None
    ) -> tuple[ShardRecord, ...]:
        """
        Fail unless exactly records with these JSON values arrived; return them.

        The order counts with a partition key: Kinesis keeps no other.

        Args:
            values: The value of each record.
            partition_key: The partition key whose records count; any if left out.

        Raises:
            AssertionError: With what is missing, unexpected, or in another order.
        """
        __tracebackhide__ = True
        found = self._records_of(partition_key)
        shown = tuple(_decoded(record.data) for record in found)
        _compare(shown, values, is_ordered=partition_key is not None)
        return found

    def _records_of(self, partition_key: str | None) -> tuple[ShardRecord, ...]:
        found = [
            record
            for record in self.records
            if partition_key in {None, record.partition_key}
        ]
        # A child's records come after all of its parents'.
        return tuple(sorted(found, key=lambda record: record.number))


class FirehoseStream(_ServedStream):
    """
    A Firehose stream on this machine; the fixture `firehose_stream`.

    Attributes:
        firehose: The whole Firehose, for other streams.
    """

    _SERVICE = "firehose"

    firehose: Firehose

    def __init__(self, url: str, faults: Faults, firehose: Firehose) -> None:
        super().__init__(url, firehose.create_stream(_NAME), faults)
        self.firehose = firehose

    @property
    def records(self) -> tuple[DeliveryRecord, ...]:
        """All records that arrived, in order."""
        return self.firehose.records(self.name)

    @property
    def data(self) -> tuple[bytes, ...]:
        """The data of all records that arrived, in order."""
        return tuple(record.data for record in self.records)

    def assert_arrived(self, *data: bytes) -> tuple[DeliveryRecord, ...]:
        """
        Fail unless exactly these records arrived, in this order; return them.

        Args:
            data: The data of each record.

        Raises:
            AssertionError: With what is missing, unexpected, or in another order.
        """
        __tracebackhide__ = True
        _compare(self.data, data, is_ordered=True)
        return self.records

    def assert_json_arrived(self, *values: Any) -> tuple[DeliveryRecord, ...]:
        """
        Fail unless exactly records with these JSON values arrived, in this order.

        Args:
            values: The value of each record.

        Returns:
            The records.

        Raises:
            AssertionError: With what is missing, unexpected, or in another order.
        """
        __tracebackhide__ = True
        _compare(self.json, values, is_ordered=True)
        return self.records


def _decoded(data: bytes) -> Any:
    __tracebackhide__ = True
    try:
        return json.loads(data)
    except ValueError:
        message = f"a record of {len(data)} bytes is not JSON"
    raise AssertionError(message)


def _compare(
    found: Iterable[Any], expected: Iterable[Any], *, is_ordered: bool
) -> None:
    """Raise unless both have the same values, as often, and in order if it counts."""
    __tracebackhide__ = True
    arrived, missing, unexpected = list(found), list(expected), []
    if arrived == missing:
        return
    count = len(missing)
    for each in arrived:
        if each in missing:
            missing.remove(each)
        else:
            unexpected.append(each)
    if not missing and not unexpected and not is_ordered:
        return
    lines = [f"expected {_records(count)}, {len(arrived)} arrived"]
    for what, values in (("missing", missing), ("unexpected", unexpected)):
        lines += [f"  {what}: {each!r}" for each in values[:_MAX_SHOWN]]
        if len(values) > _MAX_SHOWN:
            lines.append(f"  and {len(values) - _MAX_SHOWN} more {what}")
    if not missing and not unexpected:
        lines.append("  in another order")
    raise AssertionError("\n".join(lines))


def _records(number: int) -> str:
    return f"{number} record" if number == 1 else f"{number} records"


@contextmanager
def serving_kinesis(port: int = 0) -> Iterator[KinesisStream]:
    """
    Serve a Kinesis with one stream on a free port of this machine within the block.

    Args:
        port: The port to use if it is free; 0 for any.

    Raises:
        ConfigurationError: If the extra `server` is missing.
    """
    kinesis, faults = Kinesis(), Faults()
    app = create_app(kinesis=kinesis, credentials=CREDENTIALS, faults=faults)
    with served_on(app, port) as url:
        yield KinesisStream(url, faults, kinesis)


@contextmanager
def serving_firehose(port: int = 0) -> Iterator[FirehoseStream]:
    """
    Serve a Firehose with one stream on a free port of this machine within the block.

    Args:
        port: The port to use if it is free; 0 for any.

    Raises:
        ConfigurationError: If the extra `server` is missing.
    """
    firehose, faults = Firehose(), Faults()
    app = create_app(firehose=firehose, credentials=CREDENTIALS, faults=faults)
    with served_on(app, port) as url:
        yield FirehoseStream(url, faults, firehose)
