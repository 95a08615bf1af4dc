"""
The senders to streams send what boto3 sends for the same, and read answers as it does.

The reference is boto3's `put_records` and `put_record_batch`, with the same data.
"""

import json
from collections.abc import Iterator
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinpoint_events.errors import ServiceError
from pinpoint_events.model.response import Outcome
from pinpoint_events.senders import FirehoseSender, KinesisSender
from tests.aws import KEYS, aws
from tests.clients import client
from tests.http_server import Answer, HttpServer, Received
from tests.samples import event, request

__all__ = ["aws"]

ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/events"
EVENTS = {
    "e": ["", "x", "é☃"],
    "f/ü☃": ['"\\\n', "\u2028"],
}
SENT = request(
    **{
        endpoint_id: {str(number): event() for number in range(len(texts))}
        for endpoint_id, texts in EVENTS.items()
    }
)
DATA = [
    (endpoint_id, text.encode()) for endpoint_id, texts in EVENTS.items()
    for text in texts
]  # fmt: skip
ok_kinesis = Answer(
    200,
    json.dumps(
        {
            "FailedRecordCount": 0,
            "Records": [{"SequenceNumber": "1", "ShardId": "s"}] * len(DATA),
        }
    ).encode(),
)
ok_firehose = Answer(
    200,
    json.dumps(
        {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}] * len(DATA)}
    ).encode(),
)


@pytest.fixture(autouse=True)
def _keys(aws: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        aws.setenv(name, value)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """Serve on loopback."""
    with HttpServer() as serving:
        yield serving


def text_of(arrival: Any) -> bytes:
    """Return the data of an event's record."""
    return EVENTS[arrival.endpoint_id][int(arrival.event_id)].encode()


def signed(received: Received) -> tuple[str, str, set[str]]:
    """Return key id with credential scope, signed headers, and the other names."""
    scope, names, _ = received.headers["Authorization"].split(", ")
    return scope[:-28] + scope[-20:], names, {*received.headers}


def signature_of(received: Received, service: str, url: str) -> str:
    """Return the signature that botocore makes for a request at the same time."""
    _, names, _ = received.headers["Authorization"].split(", ")
    again = AWSRequest(
        "POST",
        f"{url}{received.target}",
        headers={
            name: received.headers[name]
            for name in names.removeprefix("SignedHeaders=").split(";")
        },
        data=received.body,
    )
    again.context["timestamp"] = received.headers["X-Amz-Date"]
    key = Credentials(
        KEYS["AWS_ACCESS_KEY_ID"],
        KEYS["AWS_SECRET_ACCESS_KEY"],
        received.headers["X-Amz-Security-Token"],
    )
    signer = botocore.auth.SigV4Auth(key, service, "eu-west-1")
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return str(signer.signature(text, again))


@pytest.mark.parametrize("token", [None, "a/token=="])
class TestOnTheWire:
    """What arrives is what a boto3 client sends for the same."""

    def check(self, server: HttpServer, service: str) -> None:
        """Compare the two requests."""
        first, second = server.received
        assert second[:2] == first[:2]
        assert json.loads(second.body) == json.loads(first.body)
        assert signed(second) == signed(first)
        for name in (
            "Host",
            "Accept-Encoding",
            "Content-Type",
            "X-Amz-Security-Token",
            "X-Amz-Target",
        ):
            assert second.headers[name] == first.headers[name]
        for received in (first, second):
            found = received.headers["Authorization"].partition("Signature=")[2]
            assert found == signature_of(received, service, server.url)

    @pytest.mark.parametrize("stream", ["events", ARN])
    def test_kinesis(
        self,
        stream: str,
        token: str | None,
        server: HttpServer,
        aws: pytest.MonkeyPatch,
    ) -> None:
        """Same records and keys, same headers, signed alike."""
        if token is not None:
            aws.setenv("AWS_SESSION_TOKEN", token)
        server.default = lambda _: ok_kinesis
        theirs = client(server.url, "kinesis", region_name="eu-west-1")
        theirs.put_records(
            Records=[{"Data": data, "PartitionKey": key} for key, data in DATA],
            **{"StreamARN" if stream == ARN else "StreamName": stream},
        )
        theirs.close()
        with KinesisSender(stream, endpoint_url=server.url, format=text_of) as sender:
            sender.put_events(SENT).raise_for_failures(SENT)
        self.check(server, "kinesis")

    def test_firehose(
        self, token: str | None, server: HttpServer, aws: pytest.MonkeyPatch
    ) -> None:
        """The same."""
        if token is not None:
            aws.setenv("AWS_SESSION_TOKEN", token)
        server.default = lambda _: ok_firehose
        theirs = client(server.url, "firehose", region_name="eu-west-1")
        theirs.put_record_batch(
            DeliveryStreamName="events",
            Records=[{"Data": data + b"\n"} for _, data in DATA],
        )
        theirs.close()
        with FirehoseSender(
            "events", endpoint_url=server.url, format=text_of
        ) as sender:
            sender.put_events(SENT).raise_for_failures(SENT)
        self.check(server, "firehose")


CODES = st.sampled_from(
    [
        "ProvisionedThroughputExceededException",
        "InternalFailure",
        "ServiceUnavailableException",
        "KMSAccessDeniedException",
        "something new",
    ]
)
FAILED = st.builds(
    lambda code, message: {"ErrorCode": code, **message},
    CODES,
    st.just({}) | st.builds(lambda text: {"ErrorMessage": text}, st.text(max_size=9)),
)
RESULTS = st.lists(
    st.none() | FAILED, min_size=len(DATA), max_size=len(DATA)
)  # fmt: skip


class TestAnswers:
    """An answer means what boto3 makes of it."""

    @settings(
        max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(results=RESULTS, is_kinesis=st.booleans())
    def test_records(
        self, results: list[Any], server: HttpServer, *, is_kinesis: bool
    ) -> None:
        """A record without an error code is accepted; code and message are kept."""
        name = "Records" if is_kinesis else "RequestResponses"
        taken = {"SequenceNumber": "1", "ShardId": "s", "RecordId": "r"}
        body = {
            name: [each or taken for each in results],
            ("FailedRecordCount" if is_kinesis else "FailedPutCount"): sum(
                each is not None for each in results
            ),
        }
        server.default = lambda _: Answer(200, json.dumps(body).encode())
        records = [{"Data": b"x", "PartitionKey": "k"}] * len(DATA)
        sender: KinesisSender | FirehoseSender
        if is_kinesis:
            theirs = client(server.url, "kinesis", region_name="eu-west-1")
            answer = theirs.put_records(StreamName="s", Records=records)
            sender = KinesisSender("s", endpoint_url=server.url, retry=None)
        else:
            theirs = client(server.url, "firehose", region_name="eu-west-1")
            answer = theirs.put_record_batch(
                DeliveryStreamName="s", Records=[{"Data": b"x"}] * len(DATA)
            )
            sender = FirehoseSender("s", endpoint_url=server.url, retry=None)
        theirs.close()
        with sender:
            response = sender.put_events(SENT)
        outcomes = [
            each for each in response.outcomes(SENT) if each.event_id is not None
        ]
        for theirs, ours in zip(answer[name], outcomes, strict=True):
            code = theirs.get("ErrorCode")
            assert (ours.outcome is Outcome.ACCEPTED) == (code is None)
            if code is not None:
                message = theirs.get("ErrorMessage")
                assert ours.response is not None
                assert ours.response.message == (
                    f"{code}: {message}" if message else code
                )

    @pytest.mark.parametrize("is_kinesis", [True, False])
    @pytest.mark.parametrize(
        "status, code",
        [
            (400, "ResourceNotFoundException"),
            (400, "InvalidArgumentException"),
            (400, "ProvisionedThroughputExceededException"),
            (400, "AccessDeniedException"),
            (400, "com.amazon.coral.service#ExpiredTokenException"),
            (400, "KMSDisabledException"),
            (500, "InternalFailure"),
            (503, "ServiceUnavailableException"),
        ],
    )
    def test_errors(
        self, server: HttpServer, status: int, code: str, *, is_kinesis: bool
    ) -> None:
        """An error has the same status, code, message and request id."""
        body = json.dumps({"__type": code, "message": "because of it"}).encode()
        server.default = lambda _: Answer(status, body)
        if is_kinesis:
            theirs = client(server.url, "kinesis", region_name="eu-west-1")
            records = [{"Data": b"x", "PartitionKey": "k"}]
            with pytest.raises(ClientError) as their:
                theirs.put_records(StreamName="s", Records=records)
        else:
            theirs = client(server.url, "firehose", region_name="eu-west-1")
            with pytest.raises(ClientError) as their:
                theirs.put_record_batch(
                    DeliveryStreamName="s", Records=[{"Data": b"x"}]
                )
        theirs.close()
        cls = KinesisSender if is_kinesis else FirehoseSender
        with (
            cls("s", endpoint_url=server.url, retry=None) as sender,
            pytest.raises(ServiceError) as ours,
        ):
            sender.put_events(SENT)
        response = their.value.response
        metadata = response["ResponseMetadata"]
        assert ours.value.code == response["Error"]["Code"]
        assert ours.value.status == metadata["HTTPStatusCode"]
        assert ours.value.request_id == metadata["RequestId"]
        assert response["Error"]["Message"] in str(ours.value)
