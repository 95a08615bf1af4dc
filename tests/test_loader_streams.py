"""Loading files into a stream, which keeps what arrives twice."""

import json
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from pinpoint_events.loader import LoadProgress, load
from pinpoint_events.model.response import Outcome
from pinpoint_events.senders import KinesisSender
from pinpoint_events.server import Kinesis, ShardLimits
from pinpoint_events.testing import KinesisStream
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment, takes_long
from tests.http_server import CUT, Answer, HttpServer, Received
from tests.test_cli import needs_posix
from tests.test_cli_load import account, lines, loaded, write

__all__ = ["aws"]

UNLIMITED = ShardLimits(records_per_second=None, bytes_per_second=None)
BATCH = 500


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.chdir(tmp_path)


def test_requests_fill_a_call(kinesis_stream: KinesisStream) -> None:
    """A request has as many events as a call takes: memory does not grow with files."""
    kinesis_stream.limits = UNLIMITED
    write(Path("a"), lines(1_234))
    accepted: list[int] = []

    def progress(found: LoadProgress) -> None:
        accepted.append(found.totals.events.by_outcome[Outcome.ACCEPTED])

    key = kinesis_stream.credentials
    with KinesisSender(
        kinesis_stream.name,
        region=kinesis_stream.region,
        endpoint_url=kinesis_stream.url,
        credentials=Credentials(key.access_key_id, key.secret_access_key),
    ) as sender:
        load(["a"], sender, progress=progress)
    assert sorted({*accepted} - {0}) == [500, 1_000, 1_234]
    assert len(kinesis_stream.data) == 1_234


class Gateway:
    """
    A server in front of a stream, which kills the loading process at a given call.

    Attributes:
        kinesis: The Kinesis that has the stream.
        process: The process.
        kill_at: Number of the call, from 1.
        kill_before: Whether to kill it before the records are taken, and not after.
    """

    process: "subprocess.Popen[bytes]"

    def __init__(self) -> None:
        self.kinesis = Kinesis(limits=UNLIMITED)
        self.kinesis.create_stream("s", shards=2)
        self._lock = threading.Lock()
        self.kill_at = 0
        self.kill_before = False

    def __call__(self, received: Received) -> Answer:
        """Put records, and answer."""
        with self._lock:
            self.kill_at -= 1
            kills = self.kill_at == 0
        if kills and self.kill_before:
            self.process.kill()
            return CUT
        body = self.kinesis.answer("PutRecords", received.body)
        if kills:
            self.process.kill()
            return CUT
        return Answer(200, body)

    def numbers(self) -> Counter[int]:
        """Return the numbers of the events in the stream, and how often each is."""
        return Counter(
            int(json.loads(record.data)["attributes"]["number"])
            for record in self.kinesis.records("s")
        )


def start(server: HttpServer, in_flight: int) -> "subprocess.Popen[bytes]":
    """Start loading in a separate process."""
    to = f"kinesis://s?region=eu-west-1&endpoint_url={server.url}"
    options = ("--checkpoint", "c", "--in-flight", str(in_flight))
    return subprocess.Popen(
        [*COMMAND, "load", "a", "--to", to, *options],
        env=environment(**KEYS),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@needs_posix
@pytest.mark.parametrize("in_flight", [1, 3])
@takes_long
def test_killed(in_flight: int) -> None:
    """Nothing is missing; twice are at most the requests in flight, and it says so."""
    count = 20 * BATCH
    write(Path("a"), lines(count))
    gateway = Gateway()
    kills = ((5, False), (6, True))
    with HttpServer(default=gateway) as server:
        for gateway.kill_at, gateway.kill_before in kills:
            gateway.process = start(server, in_flight)
            with gateway.process as process:
                process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
        with start(server, in_flight) as process:
            out, err = process.communicate(timeout=60)
            found = loaded(process.returncode, out.decode(), err.decode())
    assert (found.code, found.events) == (0, account(count))
    assert found.err[1] == (
        "events that were on their way when the last run ended may be in the stream "
        "twice"
    )
    numbers = gateway.numbers()
    assert numbers.keys() == set(range(count))
    twice = sum(numbers.values()) - count
    assert 0 < twice <= len(kills) * 2 * in_flight * BATCH
