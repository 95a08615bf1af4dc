"""The command `serve` with `--kinesis` and `--firehose`, as a program."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.aws import KEYS, aws
from tests.commands import needs_posix, run
from tests.server.clients import ONE, boto3_client, post
from tests.server.streams import client_of
from tests.server.test_serve import ended, here, serving

from pinpoint_events.cli import main
from pinpoint_events.server import Firehose, Kinesis
from pinpoint_events.server.listening import listener

__all__ = ["aws", "here"]

NO_STREAM = (
    "names no stream; write 1 to 128 letters, digits, _ . -, and if needed a colon and "
    "1 to 500 shards"
)
NO_DELIVERY_STREAM = "names no stream; write 1 to 64 letters, digits, _ . -"
NO_STREAMS = (
    "--streams-store is for --kinesis and --firehose; add one of them, or leave it out"
)
EMPTY_STORE = "argument --streams-store: is empty; give it a value, or leave it out"


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


def put(client: Any, *data: bytes) -> None:
    """Put records into the stream `shop`."""
    records = [{"Data": each, "PartitionKey": "k"} for each in data]
    assert not client.put_records(StreamName="shop", Records=records)[
        "FailedRecordCount"
    ]


def read(client: Any) -> list[bytes]:
    """Return the data of all records of the stream `shop`."""
    found = []
    for shard in client.list_shards(StreamName="shop")["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName="shop",
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        records = client.get_records(ShardIterator=iterator)["Records"]
        found += [record["Data"] for record in records]
    return found


@needs_posix
class TestProcess:
    """The command serves streams as a program."""

    def test_on_its_own(self, tmp_path: Path) -> None:
        """PutEvents is not served, and no store of events is created."""
        with serving(
            tmp_path, "--kinesis", "shop:2", "--kinesis=other", "--firehose", **KEYS
        ) as (server, process):
            client = client_of(server.url, "kinesis")
            assert client.list_streams()["StreamNames"] == ["other", "shop"]
            assert len(client.list_shards(StreamName="shop")["Shards"]) == 2
            delivery = client_of(server.url, "firehose")
            assert delivery.list_delivery_streams()["DeliveryStreamNames"] == []
            assert post(server, ONE).status == 404
            assert ended(process, signal.SIGTERM) == (0, "", "")
        assert list(tmp_path.iterdir()) == []

    def test_beside(self, tmp_path: Path) -> None:
        """With `--to`, PutEvents is served, too."""
        options = ("--to", "sqlite:///e.db", "--firehose", "d", "--region", "eu-west-1")
        with serving(tmp_path, *options, **KEYS) as (server, process):
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            assert post(server, ONE).status == 403
            assert ended(process, signal.SIGTERM) == (0, "", "")
        assert (tmp_path / "e.db").exists()

    def test_killed(self, tmp_path: Path) -> None:
        """A server that is killed has lost nothing that it acknowledged."""
        options = ("--kinesis", "shop", "--firehose", "d", "--streams-store", "s.db")
        for number in range(3):
            with serving(tmp_path, *options, **KEYS) as (server, process):
                client = client_of(server.url, "kinesis")
                before = [b"%d" % each for each in range(number)]
                assert read(client) == before
                put(client, b"%d" % number)
                client_of(server.url, "firehose").put_record(
                    DeliveryStreamName="d", Record={"Data": b"%d" % number}
                )
                process.kill()
                process.wait()
        with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
            found = connection.execute(
                "SELECT stream, data FROM delivery_records ORDER BY number"
            ).fetchall()
        assert found == [("d", b"0"), ("d", b"1"), ("d", b"2")]

    def test_faults(self, tmp_path: Path) -> None:
        """A file of faults may name operations and positions."""
        (tmp_path / "faults.json").write_text(
            '{"faults": [{"fault": "fail_record", "positions": [1], "calls": [1]}]}'
        )
        with serving(
            tmp_path, "--kinesis", "shop", "--faults", "faults.json", **KEYS
        ) as (server, _):
            client = client_of(server.url, "kinesis")
            records = [{"Data": b"x", "PartitionKey": "k"}] * 2
            answer = client.put_records(StreamName="shop", Records=records)
            assert answer["FailedRecordCount"] == 1
            put(client, b"x")


class TestOptions:
    """Options are checked before anything is served."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (["--kinesis", "a b"], f"argument --kinesis: 'a b' {NO_STREAM}"),
            (["--kinesis", "a:501"], f"argument --kinesis: 'a:501' {NO_STREAM}"),
            (["--firehose", "é"], f"argument --firehose: 'é' {NO_DELIVERY_STREAM}"),
            (["--streams-store", "s.db"], NO_STREAMS),
            (["--kinesis", "a", "--streams-store", ""], EMPTY_STORE),
        ],
        ids=["name", "shards", "firehose", "store", "empty"],
    )
    def test_refused(
        self,
        arguments: list[str],
        message: str,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The message says what is wrong, with a remedy."""
        monkeypatch.chdir(tmp_path)
        assert main(["serve", "--port", "0", "--no-auth", *arguments]) == 252
        err = capsys.readouterr().err
        assert err.replace("\n", " ").find(message) >= 0
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("here")
    def test_streams_are_made(self, tmp_path: Path) -> None:
        """They are in the store before anything is served: here, the port is taken."""
        store = tmp_path / "streams.db"
        with listener("127.0.0.1", 0) as other:
            port = str(other.getsockname()[1])
            streams = ("--kinesis", "a:2", "--kinesis", "--firehose", "b")
            options = ("--port", port, "--no-auth", "--streams-store", str(store))
            assert main(["serve", *streams, *options]) == 253
        kinesis, firehose = Kinesis(store), Firehose(store)
        assert kinesis.stream_names == ("a",)
        assert len(kinesis.open_shard_ids("a")) == 2
        assert firehose.stream_names == ("b",)
        kinesis.close()
        firehose.close()

    def test_no_store(self, tmp_path: Path) -> None:
        """A store that cannot be used ends the command."""
        ran = run(
            *("serve", "--port", "0", "--kinesis", "a", "--streams-store", "x/s.db"),
            cwd=tmp_path,
            AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
            AWS_SECRET_ACCESS_KEY="secret",
        )
        assert ran.code == 255
        assert "s.db' cannot be opened" in ran.err
