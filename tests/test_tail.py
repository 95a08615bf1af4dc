"""The command `tail`, and the reader behind it, at a Kinesis on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.credentials import Credentials

from pinpoint_events.cli import main
from pinpoint_events.errors import (
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.get_records import FROM_NOW, FROM_START
from pinpoint_events.readers.kinesis import KinesisReader
from pinpoint_events.senders import KinesisSender
from pinpoint_events.server import FailCall, ShiftClock
from pinpoint_events.testing import KinesisStream
from tests.aws import aws
from tests.commands import COMMAND, needs_posix, takes_long
from tests.fake_time import FakeTime
from tests.http_server import Answer, HttpServer
from tests.samples import event, request

__all__ = ["aws"]


def url_of(stream: KinesisStream, **options: str) -> str:
    """Return the URL of a stream, for `tail` and `open_sender`."""
    query = {"region": stream.region, "endpoint_url": stream.url, **options}
    pairs = "&".join(f"{name}={value}" for name, value in query.items())
    return f"kinesis://{stream.name}?{pairs}"


def sender(stream: KinesisStream, **options: Any) -> KinesisSender:
    """Open a sender, which finds its settings in the environment."""
    return KinesisSender(stream.name, **options)


def put(stream: KinesisStream, *numbers: int, **options: Any) -> None:
    """Send an event with each of the numbers, all of one endpoint."""
    sent = request(e={f"v-{n}": event("tap", metrics={"n": n}) for n in numbers})
    with sender(stream, **options) as to:
        to.put_events(sent).raise_for_failures(sent)


def tailed(
    stream: KinesisStream, capsys: pytest.CaptureFixture[str], *options: str, **url: str
) -> list[str]:
    """Return the lines that `tail` prints to the end of the stream."""
    assert main(["tail", url_of(stream, **url), "--no-follow", *options]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def numbers_in(lines: list[str]) -> list[int]:
    """Return the metric of each event, of its line or its JSON."""
    return [
        json.loads(line)["metrics"]["n"]
        if line[0] == "{"
        else int(line.rpartition("n=")[2])
        for line in lines
    ]


class TestLines:
    """What is shown of a record."""

    def test_event(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Time, type, endpoint, event id, attributes and metrics, in one line."""
        tapped = event(
            "cart tap\n", attributes={"sku": "A-1", "a=b": 'c "d"'}, metrics={"n": 1.5}
        )
        sent = request(**{"user 1": {"v-1": tapped}})
        with sender(kinesis_stream, event_id_attribute="id") as to:
            to.put_events(sent)
        (record,) = kinesis_stream.records
        arrived = record.arrived_at.isoformat(timespec="milliseconds")
        (line,) = tailed(
            kinesis_stream, capsys, "--since", "start", event_id_attribute="id"
        )
        assert line == (
            f'{arrived.replace("+00:00", "Z")} "cart tap\\n" "user 1" v-1 sku=A-1 '
            '"a=b"="c \\"d\\"" id=v-1 n=1.5'
        )
        (line,) = tailed(kinesis_stream, capsys, "--since", "start")
        assert line.split()[5] == "-"

    def test_put_events(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A record that is a request has the event id in any case."""
        put(kinesis_stream, 1, format="put_events")
        (line,) = tailed(kinesis_stream, capsys, "--since", "start")
        assert line.split(" ", 1)[1] == "tap e v-1 n=1"

    def test_amplify(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So is Amplify's envelope shown."""
        put(kinesis_stream, 1, format="amplify_envelope")
        (line,) = tailed(kinesis_stream, capsys, "--since", "start")
        assert line.split(" ", 1)[1] == "tap e - n=1"

    def test_others(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is no event is counted; as JSON, it is what it is."""
        client = boto3.client(**kinesis_stream.client_arguments)
        for key, data in (
            ("k 1", b"\xff\n"),
            ("k", b"[1,\n2]"),
            ("k", b' {"a": 1.0}\n'),
        ):
            client.put_record(
                StreamName=kinesis_stream.name, Data=data, PartitionKey=key
            )
        lines = tailed(kinesis_stream, capsys, "--since", "start")
        assert [line.split(" ", 1)[1] for line in lines] == [
            '? no event: 2 bytes with the partition key "k 1"',
            "? no event: 6 bytes with the partition key k",
            "? no event: 12 bytes with the partition key k",
        ]
        options = ("--since", "start", "--format", "json")
        assert tailed(kinesis_stream, capsys, *options) == [
            '{"Data":"/wo="}',
            "[1,2]",
            '{"a": 1.0}',
        ]

    def test_aggregated(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Records that are packed in one are shown one by one."""
        put(kinesis_stream, 1, 2, 3, aggregate=True)
        assert len(kinesis_stream.records) == 1
        for form in ("line", "json"):
            options = ("--since", "start", "--format", form)
            lines = tailed(kinesis_stream, capsys, *options)
            assert numbers_in(lines) == [1, 2, 3]

    def test_json_can_be_loaded(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As JSON, a record is exactly what consumers see."""
        put(kinesis_stream, 1)
        (line,) = tailed(kinesis_stream, capsys, "--since", "start", "--format", "json")
        assert line.encode() == kinesis_stream.data[0]


class TestPlace:
    """Where it begins, and where it goes on."""

    def test_from_now(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """By default what was there is not shown."""
        put(kinesis_stream, 1)
        assert tailed(kinesis_stream, capsys) == []

    @pytest.mark.parametrize(
        "since",
        [
            "1h",
            "2020-01-01T00:00:00Z",
            "90s",
            "1d",
            "3m",
            "999999d",
            "0001-01-01T00:00:00+14:00",
        ],
    )
    def test_from_a_time(
        self,
        kinesis_stream: KinesisStream,
        capsys: pytest.CaptureFixture[str],
        since: str,
    ) -> None:
        """A time, or how long ago."""
        put(kinesis_stream, 1)
        lines = tailed(kinesis_stream, capsys, "--since", since)
        assert numbers_in(lines) == [1]

    def test_from_a_later_time(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What arrived before is not shown."""
        put(kinesis_stream, 1)
        (record,) = kinesis_stream.records
        between = record.arrived_at + timedelta(milliseconds=1)
        while datetime.now(UTC) <= between + timedelta(milliseconds=1):
            pass
        put(kinesis_stream, 2)
        lines = tailed(kinesis_stream, capsys, "--since", between.isoformat())
        assert numbers_in(lines) == [2]

    def test_shards_that_were_split(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Parents come first, so the order of an endpoint's events holds."""
        put(kinesis_stream, 1, 2)
        kinesis_stream.split()
        put(kinesis_stream, 3)
        kinesis_stream.split(kinesis_stream.open_shard_ids[-1])
        kinesis_stream.merge(*kinesis_stream.open_shard_ids[:2])
        put(kinesis_stream, 4)
        lines = tailed(kinesis_stream, capsys, "--since", "start")
        assert numbers_in(lines) == [1, 2, 3, 4]

    def test_count(
        self, kinesis_stream: KinesisStream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It ends after so many lines, although it follows."""
        put(kinesis_stream, *range(5))
        options = ["--since", "start", "--count", "3"]
        assert main(["tail", url_of(kinesis_stream), *options]) == 0
        assert numbers_in(capsys.readouterr().out.splitlines()) == [0, 1, 2]

    @pytest.mark.parametrize("operation", ["ListShards", "GetShardIterator"])
    @takes_long
    def test_failures_that_pass(
        self,
        kinesis_stream: KinesisStream,
        capsys: pytest.CaptureFixture[str],
        operation: str,
    ) -> None:
        """A call that fails is made again."""
        put(kinesis_stream, 1)
        failure = FailCall(
            status=400, code="LimitExceededException", operations=[operation], calls=[1]
        )
        kinesis_stream.faults.add(failure)
        lines = tailed(kinesis_stream, capsys, "--since", "start")
        assert numbers_in(lines) == [1]


@contextmanager
def running(stream: KinesisStream, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `tail` as a process."""
    command = [*COMMAND, "tail", url_of(stream), *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class TestProcess:
    """As a program, which follows the stream."""

    @needs_posix
    def test_interrupted(
        self, kinesis_stream: KinesisStream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """130: what was read before a signal is shown whole."""
        put(kinesis_stream, 1)
        ours, theirs = os.pipe()
        shown: list[str] = []

        def interrupt() -> None:
            with os.fdopen(ours) as lines:
                shown.append(lines.readline())
                os.kill(os.getpid(), signal.SIGINT)
                shown.extend(lines)

        watching = threading.Thread(target=interrupt)
        watching.start()
        with os.fdopen(theirs, "w") as out:
            monkeypatch.setattr(sys, "stdout", out)
            code = main(["tail", url_of(kinesis_stream), "--since", "start"])
        watching.join()
        assert (code, numbers_in(shown)) == (130, [1])

    @needs_posix
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_follows(self, kinesis_stream: KinesisStream, number: int) -> None:
        """It shows what comes, over a split, until a signal ends it."""
        put(kinesis_stream, 1)
        with running(kinesis_stream, "--since", "start") as process:
            assert process.stdout is not None
            assert numbers_in([process.stdout.readline()]) == [1]
            put(kinesis_stream, 2)
            assert numbers_in([process.stdout.readline()]) == [2]
            kinesis_stream.split()
            put(kinesis_stream, 3)
            assert numbers_in([process.stdout.readline()]) == [3]
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (130, "", "")

    def test_closed_pipe(self, kinesis_stream: KinesisStream) -> None:
        """It ends with the reader of its output, as `head`."""
        put(kinesis_stream, 1)
        with running(kinesis_stream, "--since", "start") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            put(kinesis_stream, 2)
            assert process.wait(timeout=30) == 0

    def test_gone(self, kinesis_stream: KinesisStream, tmp_path: Path) -> None:
        """254: there is no such stream."""
        url = url_of(kinesis_stream).replace(kinesis_stream.name, "other", 1)
        done = subprocess.run(
            [*COMMAND, "tail", url], capture_output=True, text=True, check=False
        )
        assert done.returncode == 254
        assert done.stderr.startswith(
            "An error occurred (ResourceNotFoundException) when calling the ListShards "
            "operation: "
        )


class TestRefused:
    """What it does not take."""

    @pytest.mark.parametrize(
        "arguments, code, message",
        [
            (
                ["memory:"],
                253,
                "this memory URL names no stream that can be read; write kinesis://",
            ),
            (["kinesis://"], 253, "this kinesis URL names no stream; write "),
            (
                ["kinesis://s", "--since", "yesterday"],
                252,
                "argument --since: is no time with a zone; pass now, start, ",
            ),
            (
                ["kinesis://s", "--since", "2026-11-29T09:30:00"],
                252,
                "argument --since: is no time with a zone; pass now, start, ",
            ),
            (
                ["kinesis://s", "--count", "0"],
                252,
                "argument --count: 0 is not at least 1",
            ),
            (
                ["kinesis://s", "--format", "xml"],
                252,
                "argument --format: is neither line nor json; pass one of them",
            ),
        ],
    )
    def test_arguments(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        code: int,
        message: str,
    ) -> None:
        """The message says what to write."""
        assert main(["tail", *arguments]) == code
        assert capsys.readouterr().err.startswith(message)

    def test_no_region(
        self, capsys: pytest.CaptureFixture[str], aws: pytest.MonkeyPatch
    ) -> None:
        """253: the remedy is the command line's."""
        assert main(["tail", "kinesis://s"]) == 253
        assert capsys.readouterr().err.startswith(
            "You must specify a region: add ?region=eu-west-1 to the URL"
        )

    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Help has an example."""
        assert main(["tail", "--help"]) == 0
        assert "example:\n  pinpoint-events tail " in capsys.readouterr().out


def said(answer: Any) -> Answer:
    """Return an answer of 200."""
    return Answer(200, json.dumps(answer).encode())


def listed(name: str, parent: str | None = None, **numbers: str) -> dict[str, Any]:
    """Return a shard as a list has it."""
    return {
        "ShardId": name,
        "ParentShardId": parent,
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1", **numbers},
    }


class Quick(KinesisReader):
    """A reader whose waits take no time."""

    _time: ClassVar[FakeTime]


def quick(url: str) -> Quick:
    """Open such a reader, from now."""
    Quick._time = FakeTime()
    key = Credentials("AKID", "secret")
    return Quick("s", start=FROM_NOW, region="x-1", endpoint_url=url, credentials=key)


class TestReader:
    """The reader alone."""

    def reader(self, stream: KinesisStream, **options: Any) -> KinesisReader:
        """Open a reader."""
        key = stream.credentials
        given = {
            "start": FROM_START,
            "region": stream.region,
            "endpoint_url": stream.url,
            "credentials": Credentials(key.access_key_id, key.secret_access_key),
            **options,
        }
        return KinesisReader(stream.name, **given)

    def read_all(self, reader: KinesisReader) -> list[bytes]:
        """Read to the tip."""
        found: list[bytes] = []
        while not reader.is_at_tip:
            found += [each.data for each in reader.read(lambda: False)]
        return found

    def after_expiry(
        self, stream: KinesisStream, reader: KinesisReader, number: int
    ) -> list[int]:
        """Let the iterator expire, put a number, and return what is read next."""
        expired = FailCall(
            status=400,
            code="ExpiredIteratorException",
            operations=["GetRecords"],
            calls=[1],
        )
        stream.faults.add(expired)
        put(stream, number)
        found: list[Any] = []
        while not found:
            found += reader.read(lambda: False)
        return [json.loads(each.data)["metrics"]["n"] for each in found]

    @takes_long
    def test_expired_iterator(self, kinesis_stream: KinesisStream) -> None:
        """It goes on behind the last record, and shows none twice."""
        put(kinesis_stream, 1, 2)
        with self.reader(kinesis_stream) as reader:
            assert len(self.read_all(reader)) == 2
            assert self.after_expiry(kinesis_stream, reader, 3) == [3]

    @takes_long
    def test_expired_iterator_of_now(self, kinesis_stream: KinesisStream) -> None:
        """What came while the iterator expired is not skipped."""
        put(kinesis_stream, 1)
        with self.reader(kinesis_stream, start=FROM_NOW) as reader:
            assert self.read_all(reader) == []
            assert self.after_expiry(kinesis_stream, reader, 2)[-1] == 2

    def test_late_children(self) -> None:
        """Where every shard has ended, the list is asked for until it has others."""
        closed = listed("shard-1", EndingSequenceNumber="9")
        server = HttpServer(
            said({"Shards": [closed], "NextToken": "more"}),
            said({"Shards": [listed("shard-0", EndingSequenceNumber="5")]}),
            said({"Shards": [closed, listed("shard-2", "shard-1")]}),
            said({"ShardIterator": "it"}),
            Answer(400, b'{"__type": "AccessDeniedException"}'),
        )
        with server, quick(server.url) as reader:
            assert reader.read(lambda: False) == ()
            assert not reader.is_at_tip
            with pytest.raises(ForbiddenError) as caught:
                reader.read(lambda: False)
        assert caught.value.operation == "GetRecords"
        assert str(caught.value).endswith(
            "is allowed kinesis:ListShards, kinesis:GetShardIterator and "
            "kinesis:GetRecords on this stream; request 8f3c-0001"
        )
        assert len(server.received) == 5

    def test_wrong_clock(self, kinesis_stream: KinesisStream) -> None:
        """The clock is corrected by the answer that rejects the signature."""
        put(kinesis_stream, 1)
        kinesis_stream.faults.add(ShiftClock(seconds=3_600))
        with self.reader(kinesis_stream) as reader:
            assert len(self.read_all(reader)) == 1

    def test_clock_that_jumps(self) -> None:
        """A clock that was corrected and is wrong again is an error."""
        wrong = [
            Answer(400, b'{"__type": "InvalidSignatureException"}', {"Date": date})
            for date in (
                "Mon, 12 Jan 1970 23:46:40 GMT",
                "Mon, 12 Jan 1970 03:46:40 GMT",
            )
        ]
        with (
            HttpServer(*wrong) as server,
            quick(server.url) as reader,
            pytest.raises(ForbiddenError),
        ):
            reader.read(lambda: False)
        assert len(server.received) == 2

    def test_ends_to_wait(self, kinesis_stream: KinesisStream) -> None:
        """A wait ends when it is over."""
        over = threading.Event()
        with self.reader(kinesis_stream) as reader:
            assert self.read_all(reader) == []
            over.set()
            assert reader.read(over.is_set) == ()

    def test_service_error(self, kinesis_stream: KinesisStream) -> None:
        """What does not pass is raised at once, with the operation."""
        key = kinesis_stream.credentials
        with (
            KinesisReader(
                "other",
                start=FROM_NOW,
                region=kinesis_stream.region,
                endpoint_url=kinesis_stream.url,
                credentials=Credentials(key.access_key_id, key.secret_access_key),
            ) as reader,
            pytest.raises(NotFoundError) as caught,
        ):
            reader.read(lambda: False)
        assert caught.value.operation == "ListShards"

    def test_nothing_there(self) -> None:
        """A host that cannot be reached is an error after as long as a call takes."""
        with (
            quick("http://127.0.0.1:1") as reader,
            pytest.raises(TransportError) as caught,
        ):
            self.read_all(reader)
        assert sum(reader._time.waits) == 20
        assert caught.value.code is TransportErrorCode.CONNECT
        assert str(caught.value) == (
            "no answer from http://127.0.0.1:1 (connect); check the network, the "
            "region and the endpoint URL"
        )

    def test_region_of_the_arn(self, kinesis_stream: KinesisStream) -> None:
        """Region and ARN must agree."""
        with pytest.raises(ConfigurationError, match="region is not that of the"):
            KinesisReader(kinesis_stream.arn, start=FROM_NOW, region="eu-west-9")
