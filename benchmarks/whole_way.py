"""
From constructor calls to a typed answer, over loopback, against boto3's client.

boto3 is fed with dicts that are ready-made: building them is not held against it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from benchmarks.timing import Side
from benchmarks.workload import APPLICATION_ID, BATCHES, EVENTS, built, values
from pinpoint_events import EventsResponse, PinpointSender, to_wire


@contextmanager
def sides(url: str) -> Iterator[tuple[Side, Side]]:
    """
    Yield this library and boto3, each with a separate connection.

    Args:
        url: Of the stand-in for the service.
    """
    batches = [values(number) for number in range(BATCHES)]
    dicts: list[Any] = [to_wire(built(batch).build()) for batch in batches]
    client = boto3.client("pinpoint", endpoint_url=url)

    with PinpointSender(APPLICATION_ID, endpoint_url=url) as sender:

        def ours() -> list[EventsResponse]:
            return [sender.put_events(built(batch).build()) for batch in batches]

        def theirs() -> list[Any]:
            return [
                client.put_events(ApplicationId=APPLICATION_ID, EventsRequest=batch)
                for batch in dicts
            ]

        yield Side(ours, BATCHES * EVENTS), Side(theirs, BATCHES * EVENTS)
    client.close()
