"""
From typed batches to accepted records of a stream, over loopback, against boto3.

boto3 is fed with records that are ready: their bytes are those that this library
writes. Each call has as many records as the services take.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from benchmarks.timing import Side
from benchmarks.workload import BATCHES, EVENTS, built, values
from pinpoint_events import (
    BatchBuilder,
    EventsRequest,
    KinesisSender,
    Quotas,
)

STREAM = "benchmark"
RECORDS = 500
"""Records of a call: the most that PutRecords and PutRecordBatch take."""

_WIDE = Quotas(events_per_request=RECORDS)


def requests() -> list[EventsRequest]:
    """Return requests of as many events as a call has records."""
    parts = RECORDS // EVENTS
    return [
        _joined([built(values(number * parts + part)).build() for part in range(parts)])
        for number in range(BATCHES // 2)
    ]


def _joined(parts: list[EventsRequest]) -> EventsRequest:
    builder = BatchBuilder(quotas=_WIDE)
    for part in parts:
        builder.add_request(part)
    return builder.build()


@contextmanager
def kinesis(url: str) -> Iterator[tuple[Side, Side]]:
    """
    Yield `KinesisSender` and boto3's `put_records`.

    Args:
        url: Of the stand-in for the service.
    """
    typed = requests()
    with KinesisSender(STREAM, endpoint_url=url) as sender:
        ready = [
            [
                {"Data": data, "PartitionKey": key}
                for data, key in records_of(sender, each)
            ]
            for each in typed
        ]
        client = boto3.client("kinesis", endpoint_url=url)
        yield _sides(
            sender,
            typed,
            ready,
            lambda records: client.put_records(StreamName=STREAM, Records=records),
        )
        client.close()
