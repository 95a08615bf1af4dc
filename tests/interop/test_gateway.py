"""
`serve --to kinesis://...` as a gateway: unmodified clients of Pinpoint reach a stream.

Each test is run with each of the clients of `clients.py`.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment, takes_long
from tests.interop.clients import Client, opened
from tests.interop.engines import Engine, running
from tests.interop.reading import ID, data_of, objects_of
from tests.interop.serving import KEY
from tests.interop.test_clients import ACCEPTED, CLIENTS, batch, event
from tests.server.streams import client_of
from tests.server.test_serve import serving

__all__ = ["aws"]


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


@pytest.fixture(scope="module", params=CLIENTS)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Each client, started once."""
    with opened(request.param, tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a Kinesis, a Firehose and an S3."""
    with running("moto", tmp_path_factory.mktemp("engine")) as found:
        yield found


@contextmanager
def gateway(cwd: Path, to: str) -> Iterator[str]:
    """Run the program in a directory, and yield its URL."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--to", to],
        cwd=cwd,
        encoding="utf-8",
        env=environment(**KEYS),
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def expected(application_id: str) -> dict[str, Any]:
    """Return the record of the event that `request_of` has, but for its arrival."""
    return {
        "event_type": "bought",
        "event_timestamp": 1789992000123,
        "event_version": "3.1",
        "application": {"app_id": application_id, "sdk": {}},
        "client": {"client_id": "Zoë ☃"},
        "device": {"platform": {}},
        "session": {},
        "attributes": {"sku": "A-1", ID: "v"},
        "metrics": {"price": 9.5, "count": 2},
        "endpoint": {
            "ApplicationId": application_id,
            "Id": "Zoë ☃",
            "Address": "zoe@example.com",
            "ChannelType": "EMAIL",
            # By the endpoint rules: an address is active.
            "EndpointStatus": "ACTIVE",
            "User": {"UserId": "u-1"},
        },
    }


def request_of() -> dict[str, Any]:
    """Return a request with an event of an endpoint, and one that is refused."""
    endpoint = {
        "Address": "zoe@example.com",
        "ChannelType": "EMAIL",
        "User": {"UserId": "u-1"},
    }
    bought = event(
        "bought", Attributes={"sku": "A-1"}, Metrics={"price": 9.5, "count": 2}
    )
    long = event(Attributes={"note": "x" * 201})
    return {"BatchItem": {"Zoë ☃": batch(endpoint, v=bought, w=long)}}


def check(client: Client, url: str, application_id: str) -> None:
    """Send the request, and check what is answered to each item."""
    outcome = client.put_events(url, KEY, application_id, request_of())
    assert outcome.refused is None
    assert outcome.results is not None
    found = outcome.results["Zoë ☃"]
    assert found["EndpointItemResponse"] == ACCEPTED
    assert found["EventsItemResponse"]["v"] == ACCEPTED
    assert found["EventsItemResponse"]["w"]["StatusCode"] == 400


def without_arrival(data: bytes) -> dict[str, Any]:
    """Return a record without the time of its arrival."""
    record: dict[str, Any] = json.loads(data)
    assert isinstance(record.pop("arrival_timestamp"), int)
    return record


class TestGateway:
    """The event that a client of Pinpoint puts is in the stream, as Pinpoint's was."""

    def test_kinesis(self, client: Client, engine: Engine, tmp_path: Path) -> None:
        """Any application has its records in the one stream."""
        stream = f"gateway-{client.name}"
        kinesis = engine.client("kinesis")
        kinesis.create_stream(StreamName=stream, ShardCount=2)
        to = (
            f"kinesis://{stream}?region=us-east-1&endpoint_url={engine.url}"
            f"&event_id_attribute={ID}"
        )
        with gateway(tmp_path, to) as url:
            for application_id in ("shop", "blog"):
                check(client, url, application_id)
        found = [without_arrival(each) for each in data_of(kinesis, stream)]
        assert found == [expected("shop"), expected("blog")]

    def test_firehose(self, client: Client, engine: Engine, tmp_path: Path) -> None:
        """And in the bucket of a Firehose, a record in each line."""
        stream = f"gateway-{client.name}"
        engine.client("s3").create_bucket(Bucket=stream)
        engine.client("firehose").create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "BucketARN": f"arn:aws:s3:::{stream}",
                "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            },
        )
        to = (
            f"firehose://{stream}?region=us-east-1&endpoint_url={engine.url}"
            f"&event_id_attribute={ID}"
        )
        with gateway(tmp_path, to) as url:
            check(client, url, "shop")
        (found,) = objects_of(engine.client("s3"), stream).splitlines()
        assert without_arrival(found) == expected("shop")

    @takes_long
    def test_throttled(self, client: Client, tmp_path: Path) -> None:
        """A record that the stream throttles is sent again; the client sees nothing."""
        fault = {"fault": "fail_record", "positions": [1], "calls": [1]}
        text = json.dumps({"faults": [fault]})
        (tmp_path / "faults.json").write_text(text, encoding="utf-8")
        options = ("--kinesis", "events", "--faults", "faults.json")
        with serving(tmp_path, *options, **KEYS) as (server, _):
            to = (
                f"kinesis://events?region=us-east-1&endpoint_url={server.url}"
                f"&event_id_attribute={ID}"
            )
            with gateway(tmp_path, to) as url:
                check(client, url, "shop")
            kinesis = client_of(server.url, "kinesis")
            (found,) = data_of(kinesis, "events")
        assert without_arrival(found) == expected("shop")
