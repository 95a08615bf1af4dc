"""
Cold starts as whole processes: what a script, a hook or a Lambda function waits for.

Each program runs from start to exit, and the operating system's own account says what
it took. The disk cache is warm and all bytecode is compiled: each has run before.
"""

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.environment import KEYS, PROFILE, environment
from benchmarks.timing import Lap, Pair

_PAIRS = 3

_TOUCH_EVERY_NAME = """\
from pinpoint_events import (
    ChannelType, Demographic, Endpoint, EndpointItemResponse, EndpointStatus, Event,
    EventItemResponse, EventsBatch, EventsRequest, EventsResponse, ItemOutcome,
    ItemResponse, Location, OptOut, Outcome, Session, User,
)
import sys
assert "botocore" not in sys.modules
"""

_ENCODE = """\
from pinpoint_events import BatchBuilder, ChannelType, Endpoint, Event, to_json
builder = BatchBuilder()
builder.endpoint(
    "user-1", Endpoint(channel_type=ChannelType.EMAIL, address="ada@example.com")
)
builder.event(
    Event("purchase", attributes={"sku": "A-1"}, metrics={"price": 9.99}),
    event_id="event-1",
)
request = builder.build()
"""
_ENCODE_ALONE = f"""\
{_ENCODE}
import sys
assert len(to_json(request)) == builder.size_bytes
assert "botocore" not in sys.modules
"""
_SEND = f"""\
{_ENCODE}
import sys
from pinpoint_events import PinpointSender
with PinpointSender("one-event", endpoint_url=sys.argv[1]) as sender:
    response = sender.put_events(request)
response.raise_for_failures(request)
"""

_MAKE_CLIENT = """\
import boto3, sys
client = boto3.client("pinpoint", endpoint_url=sys.argv[1])
"""
_SEND_BY_BOTO3 = f"""\
{_MAKE_CLIENT}
from datetime import UTC, datetime
answer = client.put_events(
    ApplicationId="one-event",
    EventsRequest={{
        "BatchItem": {{
            "user-1": {{
                "Endpoint": {{"ChannelType": "EMAIL", "Address": "ada@example.com"}},
                "Events": {{
                    "event-1": {{
                        "EventType": "purchase",
                        "Timestamp": datetime.now(UTC).isoformat(),
                        "Attributes": {{"sku": "A-1"}},
                        "Metrics": {{"price": 9.99}},
                    }}
                }},
            }}
        }}
    }},
)
results = answer["EventsResponse"]["Results"]
assert results["user-1"]["EventsItemResponse"]["event-1"]["StatusCode"] == 202
"""


_SEND_RECORD = f"""\
{_ENCODE}
import sys
from pinpoint_events import KinesisSender
with KinesisSender("events", endpoint_url=sys.argv[1]) as sender:
    response = sender.put_events(request)
response.raise_for_failures(request)
"""
_SEND_RECORD_BY_BOTO3 = """\
import boto3, json, sys
client = boto3.client("kinesis", endpoint_url=sys.argv[1])
answer = client.put_records(
    StreamName="events",
    Records=[
        {
            "Data": json.dumps({"event_type": "purchase"}).encode(),
            "PartitionKey": "user-1",
        }
    ],
)
assert answer["Records"][0]["SequenceNumber"]
"""


class ColdStart(NamedTuple):
    """
    Two programs that do the same.

    Attributes:
        what: What they do.
        ours: The source of the one that uses this library.
        peer: Name of what the other one uses.
        theirs: The source of the other one.
        most: The largest ratio of the two that will do; None where any will.
        has_profile: Whether keys and region stand in configuration files, under a
            profile; otherwise in the environment, and there are no such files.
    """

    what: str
    ours: str
    peer: str
    theirs: str
    most: float | None = None
    has_profile: bool = False

    def run(self, home: Path, url: str) -> list[Pair]:
        """
        Run each from start to exit, one right after the other, a few times.

        The times of whole processes vary by a quarter: one pair a round is too few.

        Args:
            home: The user's directory.
            url: Of the stand-in for the service.
        """
        settings = PROFILE if self.has_profile else KEYS
        # Bytecode is kept, whatever the environment says, and outside the tree.
        bytecode = {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        }
        variables = environment(home, settings | bytecode)
        return [
            Pair(_run(self.ours, url, variables), _run(self.theirs, url, variables))
            for _ in range(_PAIRS)
        ]


def _run(source: str, url: str, variables: dict[str, str]) -> Lap:
    arguments = [sys.executable, "-c", source, url]
    began = time.perf_counter()
    process = os.posix_spawn(sys.executable, arguments, variables)
    _, status, usage = os.wait4(process, 0)
    wall_seconds = time.perf_counter() - began
    if status != 0:
        raise RuntimeError("a program failed; its errors stand above")
    return Lap(usage.ru_utime + usage.ru_stime, wall_seconds)


COLD_STARTS = (
    ColdStart(
        "cold start: import, touch every model name",
        _TOUCH_EVERY_NAME,
        "an empty program",
        "pass",
    ),
    ColdStart(
        "cold start: build and encode one request",
        _ENCODE_ALONE,
        "boto3, a client made",
        _MAKE_CLIENT,
    ),
    ColdStart(
        "cold start: first answer, keys in the environment",
        _SEND,
        "boto3",
        _SEND_BY_BOTO3,
        most=0.65,
    ),
    ColdStart(
        "cold start: first record in Kinesis, keys in the environment",
        _SEND_RECORD,
        "boto3",
        _SEND_RECORD_BY_BOTO3,
        most=0.75,
    ),
    ColdStart(
        "cold start: first answer, config file and profile",
        _SEND,
        "boto3",
        _SEND_BY_BOTO3,
        most=1.1,
        has_profile=True,
    ),
)
