"""
From typed batches to accepted records of a stream, over loopback, against boto3.

boto3 is fed with ready records, which have the same bytes: building and writing them is
not held against it. Each call has as many records as the services take.

`python -m benchmarks.streams` sends a million events, and compares what an event costs
at the end and at the beginning, in CPU and in memory.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from botocore.credentials import Credentials

from benchmarks.environment import KEYS, environment
from benchmarks.service import service
from benchmarks.timing import Side, resident_bytes
from benchmarks.workload import EVENTS, built, values
from pinpoint_events import (
    BatchBuilder,
    EventsRequest,
    EventsResponse,
    FirehoseSender,
    KinesisSender,
    Quotas,
)
from pinpoint_events.aws.http import transport
from pinpoint_events.aws.settings import Arguments, find_settings
from pinpoint_events.aws.signer import Signer
from pinpoint_events.formats.stream_record import StreamRecordWriter
from pinpoint_events.put_records import KINESIS, Record, records_request
from pinpoint_events.senders._stream_name import StreamName
from pinpoint_events.senders.kinesis import kinesis_service

STREAM = "benchmark"
RECORDS = 500
"""Records of a call: the most that PutRecords and PutRecordBatch take."""
CALLS = 4

_WIDE = Quotas(events_per_request=RECORDS)
_SECONDS = 10.0


def request(number: int) -> EventsRequest:
    """Return a request of as many events as a call has records."""
    builder = BatchBuilder(quotas=_WIDE)
    parts = RECORDS // EVENTS
    for part in range(number * parts, (number + 1) * parts):
        builder.add_request(built(values(part)).build())
    return builder.build()


def records_of(asked: EventsRequest, end: bytes = b"") -> list[Record]:
    """Return the records that the senders write for a request."""
    writer = StreamRecordWriter("local")
    found = []
    for endpoint_id, batch in asked.batch_item.items():
        event = next(iter(batch.events.values()))
        contents = writer.records(
            endpoint_id, batch.endpoint, batch.events, event.timestamp
        )
        found += [Record(data + end, endpoint_id) for data in contents]
    return found


@contextmanager
def kinesis(url: str) -> Iterator[tuple[Side, Side]]:
    """
    Yield `KinesisSender` and boto3's `put_records`.

    Args:
        url: Of the local substitute for the service.
    """
    client = boto3.client("kinesis", endpoint_url=url)
    with KinesisSender(STREAM, endpoint_url=url) as sender:
        yield _sides(
            sender,
            lambda records: client.put_records(StreamName=STREAM, Records=records),
            lambda record: {"Data": record.data, "PartitionKey": record.partition_key},
        )
    client.close()


@contextmanager
def firehose(url: str) -> Iterator[tuple[Side, Side]]:
    """
    Yield `FirehoseSender` and boto3's `put_record_batch`.

    Args:
        url: Of the local substitute for the service.
    """
    client = boto3.client("firehose", endpoint_url=url)
    with FirehoseSender(STREAM, endpoint_url=url) as sender:
        yield _sides(
            sender,
            lambda records: client.put_record_batch(
                DeliveryStreamName=STREAM, Records=records
            ),
            lambda record: {"Data": record.data + b"\n"},
        )
    client.close()


def _sides(
    sender: KinesisSender | FirehoseSender,
    put: Callable[[Any], Any],
    ready_record: Callable[[Record], dict[str, Any]],
) -> tuple[Side, Side]:
    typed = [request(number) for number in range(CALLS)]
    ready = [[ready_record(each) for each in records_of(asked)] for asked in typed]

    def ours() -> list[EventsResponse]:
        return [sender.put_events(each) for each in typed]

    def theirs() -> list[Any]:
        return [put(each) for each in ready]

    return Side(ours, CALLS * RECORDS), Side(theirs, CALLS * RECORDS)


@contextmanager
def bare(url: str) -> Iterator[tuple[Side, Side]]:
    """
    Yield `KinesisSender`, and the least that any client does: sign and send a body.

    Args:
        url: Of the local substitute for the service.
    """
    stream = StreamName(STREAM)
    service_of_stream = kinesis_service(stream)
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
    settings = find_settings(
        service_of_stream, Arguments("us-east-1", url, None, credentials, None, None)
    )
    signer, link = Signer(service_of_stream, settings), transport(settings.link)
    typed = [request(number) for number in range(CALLS)]
    named = {"StreamName": STREAM}
    ready = [records_request(KINESIS, named, records_of(each)) for each in typed]

    def theirs() -> list[Any]:
        return [
            link.exchange(signer.sign(each, time.time(), {}).request, _SECONDS)
            for each in ready
        ]

    with KinesisSender(STREAM, endpoint_url=url) as sender:

        def ours() -> list[EventsResponse]:
            return [sender.put_events(each) for each in typed]

        yield Side(ours, CALLS * RECORDS), Side(theirs, CALLS * RECORDS)
    link.close()


# --- At length ------------------------------------------------------------------------


def main() -> int:
    """Send many events, print what they cost, and return whether the bar holds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streams", description=__doc__
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, service() as url:
        os.environ.update(environment(Path(home), KEYS))
        costs, sizes = _sent(url, options.events // RECORDS)
    tenth = max(1, len(costs) // 10)
    first, last = median(costs[:tenth]), median(costs[-tenth:])
    print(
        f"{options.events:,} events: {first * 1e6:.1f} us of CPU an event in the first "
        f"tenth, {last * 1e6:.1f} us in the last, {last / first:.2f} times as much; "
        f"resident memory {sizes[tenth - 1]:.1f} MB after the first tenth, "
        f"{sizes[-1]:.1f} MB at the end"
    )
    return 0 if last / first <= _FLAT else 1


_FLAT = 1.1


def _sent(url: str, calls: int) -> tuple[list[float], list[float]]:
    """Build and send one request after the other; return cost and memory after each."""
    costs, sizes = [], []
    with KinesisSender(STREAM, endpoint_url=url) as sender:
        for number in range(calls):
            began = time.process_time()
            asked = request(number)
            sender.put_events(asked).raise_for_failures(asked)
            costs.append((time.process_time() - began) / RECORDS)
            sizes.append(resident_bytes() / 1e6)
    return costs, sizes


if __name__ == "__main__":
    sys.exit(main())
