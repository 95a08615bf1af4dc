"""What a stream or a bucket has, read by boto3, and what its records say."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pinpoint_events.formats import (
    KinesisRecord,
    StreamRecord,
    deaggregate_record,
    from_stream_record,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome

__all__ = [
    "ID",
    "Said",
    "accepted_ids",
    "data_of",
    "events_of",
    "ids_of",
    "objects_of",
    "records_of",
    "sent_events",
    "shards_of",
    "unpacked",
]

ID = "event_id"
"""The attribute that has the event id, where a test asks for it."""


class Said(NamedTuple):
    """An event and its endpoint, as a record has them."""

    endpoint_id: str
    endpoint: Endpoint | None
    event: Event


def shards_of(client: Any, stream: str, **more: Any) -> list[dict[str, Any]]:
    """Return all shards of a stream, page by page."""
    answer = client.list_shards(StreamName=stream, **more)
    found: list[dict[str, Any]] = answer["Shards"]
    while "NextToken" in answer:
        answer = client.list_shards(NextToken=answer["NextToken"])
        found += answer["Shards"]
    return found


def records_of(client: Any, stream: str) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each shard of a stream, open or closed, in order."""
    return {
        shard["ShardId"]: list(_records_of_shard(client, stream, shard["ShardId"]))
        for shard in shards_of(client, stream)
    }


def _records_of_shard(
    client: Any, stream: str, shard_id: str
) -> Iterator[dict[str, Any]]:
    iterator = client.get_shard_iterator(
        StreamName=stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while iterator:
        answer = client.get_records(ShardIterator=iterator)
        yield from answer["Records"]
        if not answer["Records"] and not answer.get("MillisBehindLatest"):
            return
        iterator = answer.get("NextShardIterator")


def unpacked(records: Iterable[dict[str, Any]]) -> list[bytes]:
    """Return the data of records, of aggregated ones that of those inside."""
    return [
        inside.data
        for record in records
        for inside in deaggregate_record(
            KinesisRecord(partition_key=record["PartitionKey"], data=record["Data"])
        )
    ]


def data_of(client: Any, stream: str) -> list[bytes]:
    """Return the data of all records of a stream, unpacked."""
    shards = records_of(client, stream).values()
    return [data for records in shards for data in unpacked(records)]


def objects_of(client: Any, bucket: str) -> bytes:
    """Return the content of all objects in a bucket, one after the other."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return b"".join(
        client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys
    )


def _read(data: bytes) -> StreamRecord:
    found = from_stream_record(data)
    assert isinstance(found, StreamRecord)
    return found


def events_of(data: Iterable[bytes]) -> Counter[Said]:
    """Return what records say, and how often."""
    read = map(_read, data)
    return Counter(Said(each.endpoint_id, each.endpoint, each.event) for each in read)


def sent_events(request: EventsRequest) -> Counter[Said]:
    """Return what the records of a request are to say."""
    return Counter(
        Said(endpoint_id, batch.endpoint, event)
        for endpoint_id, batch in request.batch_item.items()
        for event in batch.events.values()
    )


def ids_of(data: Iterable[bytes]) -> Counter[str]:
    """Return the event ids in records, and how often each is there."""
    return Counter(_read(each).event.attributes[ID] for each in data)


def accepted_ids(request: EventsRequest, response: EventsResponse) -> list[str]:
    """Return the ids of the events that were accepted."""
    return [
        each.event_id
        for each in response.outcomes(request)
        if each.event_id is not None and each.outcome is Outcome.ACCEPTED
    ]
