"""How calls of Kinesis and Firehose arrive, and how they are refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.clients import (
    KEY,
    ONE,
    Got,
    boto3_client,
    connected,
    head,
    post,
    rest,
)
from tests.server.streams import Streams, client_of, code_of, error_of, serving

from pinpoint_events import MemorySender
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import (
    Credentials,
    Firehose,
    Kinesis,
    Served,
    create_app,
    served,
)
from pinpoint_events.server.streams.http import JSON_TYPE_REMEDY

JSON = "Content-Type: application/x-amz-json-1.1"
LIST = "X-Amz-Target: Kinesis_20131202.ListStreams"
TARGETS = "Firehose_20150804, Kinesis_20131202"


@pytest.fixture
def open_server() -> Iterator[Served]:
    """Both services, for calls without signatures."""
    app = create_app(kinesis=Kinesis(), firehose=Firehose(), credentials=None)
    with served(app) as server:
        yield server


def sent(server: Served, body: Any, *headers: str, **line: str) -> Got:
    """Post to the path of both services."""
    return post(server, body, *headers, **{"path": "/", **line})


def refused(got: Got) -> tuple[int, str, str]:
    """Return status, code and message of an error in the services' form."""
    assert got.headers["content-type"] == "application/x-amz-json-1.1"
    found = got.json
    assert found.keys() == {"__type", "message"}
    assert got.headers["x-amzn-errortype"] == found["__type"]
    return got.status, found["__type"], found["message"]


class TestCalls:
    """A call is `POST /`, with the operation in a header."""

    def test_served(self, open_server: Served) -> None:
        """It is answered in JSON 1.1."""
        got = sent(open_server, {}, JSON, LIST)
        assert got.status == 200
        assert got.headers["content-type"] == "application/x-amz-json-1.1"
        assert got.json == {
            "HasMoreStreams": False,
            "StreamNames": [],
            "StreamSummaries": [],
        }

    def test_empty_answer(self, open_server: Served) -> None:
        """An operation without output has an empty body."""
        create = "X-Amz-Target: Kinesis_20131202.CreateStream"
        stream = {"StreamName": "s", "ShardCount": 1}
        got = sent(open_server, stream, f"{JSON}; charset=utf-8", create)
        assert (got.status, got.body) == (200, b"")

    @pytest.mark.parametrize(
        "body, headers, expected",
        [
            (
                {},
                [JSON],
                (
                    400,
                    "UnknownOperationException",
                    f"X-Amz-Target names no service here; it must begin with {TARGETS}",
                ),
            ),
            (
                {},
                [JSON, f"{LIST}s"],
                (
                    400,
                    "UnknownOperationException",
                    "kinesis has no such operation here",
                ),
            ),
            (
                b"\xa0",
                ["Content-Type: application/x-amz-cbor-1.1", LIST],
                (
                    415,
                    "UnsupportedMediaTypeException",
                    JSON_TYPE_REMEDY,
                ),
            ),
            (
                b"{",
                [JSON, LIST],
                (
                    400,
                    "SerializationException",
                    "the body is not JSON; send a JSON object",
                ),
            ),
        ],
        ids=["target", "operation", "cbor", "json"],
    )
    def test_refused(
        self,
        open_server: Served,
        body: Any,
        headers: list[str],
        expected: tuple[int, str, str],
    ) -> None:
        """What is wrong is answered in the services' form."""
        assert refused(sent(open_server, body, *headers)) == expected

    def test_method(self, open_server: Served) -> None:
        """Other methods are refused; a preflight of a browser is answered."""
        got = sent(open_server, b"", JSON, LIST, method="PUT")
        assert refused(got)[:2] == (405, "MethodNotAllowedException")
        assert got.headers["allow"] == "POST, OPTIONS"
        got = sent(open_server, b"", method="OPTIONS")
        assert got.status == 200
        assert "x-amz-target" in got.headers["access-control-allow-headers"]

    def test_too_large(self, open_server: Served) -> None:
        """A body of more than 16 MiB is refused before it is read."""
        with connected(open_server) as connection:
            lines = ("Content-Length: 16777217", "Expect: 100-continue", JSON, LIST)
            connection.sendall(head(*lines, path="/"))
            answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 413 ")
        body = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert body["__type"] == "RequestEntityTooLargeException"

    def test_http2(self, open_server: Served) -> None:
        """HTTP/2, which AWS SDK for JavaScript takes for Kinesis, is refused."""
        with connected(open_server) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert rest(connection).startswith(b"HTTP/1.1 400 ")

    def test_no_services(self) -> None:
        """Without them, the path does not exist."""
        app = create_app(MemorySender(), credentials=None)
        with served(app) as server:
            assert sent(server, {}, JSON, LIST).status == 404

    def test_one_service(self) -> None:
        """Only what was passed in is served."""
        with served(create_app(firehose=Firehose(), credentials=None)) as server:
            code, message = refused(sent(server, {}, JSON, LIST))[1:]
            assert code == "UnknownOperationException"
            assert message.endswith(" it must begin with Firehose_20150804")
            assert post(server, ONE).status == 404


class TestTogether:
    """PutEvents, Kinesis and Firehose share a port."""

    def test_together(self) -> None:
        """Each client finds its service."""
        sender = MemorySender()
        app = create_app(
            sender, kinesis=Kinesis(), firehose=Firehose(), credentials=KEY
        )
        with served(app) as server:
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            client_of(server.url, "kinesis").create_stream(StreamName="s", ShardCount=1)
            delivery = client_of(server.url, "firehose")
            delivery.create_delivery_stream(DeliveryStreamName="d")
        assert len(sender.requests) == 1

    def test_nothing(self) -> None:
        """There must be something to serve."""
        with pytest.raises(ConfigurationError) as caught:
            create_app(credentials=None)
        assert str(caught.value) == (
            "there is nothing to serve; pass senders, kinesis or firehose"
        )

    def test_ended(self, tmp_path: Path) -> None:
        """An endpoint that has ended closes its stores, and says so."""
        kinesis = Kinesis(tmp_path / "streams.db")
        app = create_app(kinesis=kinesis, credentials=None)
        with served(app):
            pass
        assert app.is_closed


class TestSignatures:
    """Signatures are verified as for PutEvents; each service has its name."""

    @pytest.fixture
    def streams(self) -> Iterator[Streams]:
        """Both services, with a key."""
        with serving() as found:
            yield found

    def test_verified(self, streams: Streams) -> None:
        """A key that is known, and no other; errors have status 400."""
        other = Credentials(KEY.access_key_id, "another-secret")
        client = streams.client_of("kinesis", other)
        status, code, message = error_of(client.list_streams)
        assert (status, code) == (400, "InvalidSignatureException")
        assert "another-secret" not in message
        unknown = streams.client_of("firehose", Credentials("AKIDOTHER", "x"))
        status, code, _ = error_of(unknown.list_delivery_streams)
        assert (status, code) == (400, "UnrecognizedClientException")

    def test_unsigned(self, streams: Streams) -> None:
        """A call must be signed."""
        server = Served(streams.app, streams.url)
        assert refused(sent(server, {}, JSON, LIST)) == (
            400,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )

    def test_scope(self, streams: Streams) -> None:
        """A signature for the one service is not valid for the other."""
        client = streams.client
        events = client.meta.events

        def to_firehose(request: Any, **_: Any) -> None:
            request.headers["X-Amz-Target"] = "Firehose_20150804.ListDeliveryStreams"

        events.register("before-sign.kinesis.ListStreams", to_firehose)
        _, code, message = error_of(client.list_streams)
        assert code == "InvalidSignatureException"
        assert "'firehose', not 'kinesis'" in message

    def test_region(self) -> None:
        """The region may be restricted, as for PutEvents."""
        app = create_app(kinesis=Kinesis(), credentials=KEY, region="eu-west-1")
        with served(app) as server:
            client = client_of(server.url, "kinesis")
            assert code_of(client.list_streams) == "InvalidSignatureException"
