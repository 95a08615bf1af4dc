import contextlib
import io
import json
import logging
import pickle
import socket
import ssl
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import botocore.exceptions
import botocore.model
import botocore.parsers
import botocore.session
import pytest
import urllib3
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    ServiceError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.model.endpoint import ChannelType, Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.senders import ClientSender, PinpointSender
from pinpoint_events.senders._botocore_answer import PLACE
from pinpoint_events.senders._client_errors import typed_error
from pinpoint_events.testing import strategies
from pinpoint_events.wire import from_wire, to_json, to_wire
from tests.aws import KEYS, aws
from tests.clients import LOADER, client
from tests.http_server import (
    CUT,
    REQUEST_ID,
    SILENCE,
    Answer,
    HttpServer,
    answered,
)
from tests.samples import NO_QUOTAS, REQUEST, event, request

__all__ = ["aws"]

ONE = request(e={"v": event()})


@pytest.fixture(autouse=True)
def _keys(aws: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        aws.setenv(name, value)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """Serve on loopback."""
    with HttpServer() as server:
        yield server


@pytest.fixture
def boto(server: HttpServer) -> Iterator[Any]:
    """Make a boto3 client that sends there."""
    with contextlib.closing(client(server.url)) as made:
        yield made


@pytest.fixture
def sender(boto: Any) -> ClientSender:
    """Make a sender through that client."""
    return ClientSender(boto, "app-1")


class FakeClient:
    """No more of a client than the sender needs; it returns, or raises, what it has."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []
        self.is_closed = False

    def close(self) -> None:
        """Note that it was closed."""
        self.is_closed = True

    def put_events(self, **arguments: Any) -> Any:
        """Note the call."""
        self.calls.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def failure(sender: ClientSender, sent: EventsRequest = ONE) -> PinpointEventsError:
    """Return the error that sending ends with; no error of botocore's is behind it."""
    with pytest.raises(PinpointEventsError) as caught:
        sender.put_events(sent)
    assert caught.value.__cause__ is None
    assert isinstance(caught.value.__context__, PinpointEventsError | None)
    return caught.value


class TestSending:
    """The client gets what boto3 takes, and sends it its own way."""

    def test_call(self) -> None:
        """It is one call with two arguments, in plain dicts."""
        fake = FakeClient({"EventsResponse": {"Results": {"e": None}}})
        ClientSender(fake, "app-1").put_events(ONE)
        assert fake.calls == [{"ApplicationId": "app-1", "EventsRequest": to_wire(ONE)}]
        assert type(fake.calls[0]["EventsRequest"]["BatchItem"]["e"]) is dict

    def test_bytes(self, sender: ClientSender, server: HttpServer) -> None:
        """What arrives is what the client alone would have sent."""
        sender.put_events(REQUEST)
        (received,) = server.received
        assert received.target == "/v1/apps/app-1/events"
        assert json.loads(received.body) == to_wire(REQUEST)

    def test_answer(self, sender: ClientSender) -> None:
        """The answer has its items, and the request id from the headers."""
        response = sender.put_events(ONE)
        took = ItemResponse(
            endpoint_item_response=EndpointItemResponse(
                status_code=202, message="Accepted"
            ),
            events_item_response={
                "v": EventItemResponse(status_code=202, message="Accepted")
            },
        )
        assert response == EventsResponse(results={"e": took})
        assert response.request_id == REQUEST_ID

    def test_client_is_left_open(self) -> None:
        """It is the caller's: closing the sender does not close it."""
        fake = FakeClient({})
        with ClientSender(fake, "app-1") as sender:
            sender.put_events(ONE)
        assert not fake.is_closed

    def test_retries_are_the_clients(self, server: HttpServer) -> None:
        """A whole request is sent again as the client's config says, and no more."""
        busy = Answer(status=503, body=b"{}")
        server.answers.extend([busy, busy, busy])
        retrying = client(server.url, retries={"total_max_attempts": 2})
        with contextlib.closing(retrying):
            error = failure(ClientSender(retrying, "app-1"))
        assert isinstance(error, InternalServerError)
        assert len(server.received) == 2

    def test_items_are_not_sent_again(
        self, sender: ClientSender, server: HttpServer
    ) -> None:
        """An item that came back retryable is left to the caller."""
        item = {"EventsItemResponse": {"v": {"StatusCode": 500}}}
        server.answers.append(answered({"e": item}))
        response = sender.put_events(ONE)
        assert response.outcomes(ONE)[1].outcome is Outcome.RETRYABLE
        assert len(server.received) == 1
        again = ONE.retry(response)
        assert again is not None
        sender.put_events(again).raise_for_failures(again)


class TestQuota:
    """The quota of bytes is held against the text that botocore writes."""

    @given(endpoint=strategies.endpoints(), sent=strategies.events())
    @settings(
        max_examples=25,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
        ],
    )
    def test_is_the_text_that_is_sent(
        self, boto: Any, server: HttpServer, endpoint: Endpoint, sent: Any
    ) -> None:
        """What is measured is as long as what arrives."""
        batch = EventsBatch(endpoint=endpoint, events={"v": sent})
        whole = EventsRequest(batch_item={"e": batch})
        ClientSender(boto, "app-1", quotas=NO_QUOTAS).put_events(whole)
        assert len(server.received[-1].body) == len(json.dumps(to_wire(whole)))

    @pytest.fixture
    def sender(self, boto: Any) -> ClientSender:
        """Return a sender that checks nothing but the bytes of requests."""
        return ClientSender(
            boto, "app-1", quotas=attrs.evolve(NO_QUOTAS, request_bytes=4_000_000)
        )

    def test_at_the_limit(self, sender: ClientSender, server: HttpServer) -> None:
        """A text of exactly 4,000,000 bytes is sent."""
        whole = sized(4_000_000)
        sender.put_events(whole).raise_for_failures(whole)
        assert len(server.received[0].body) == 4_000_000

    def test_over_the_limit(self, sender: ClientSender, server: HttpServer) -> None:
        """One byte more is refused, though `to_json` writes less than half of it."""
        whole = sized(4_000_001)
        assert len(to_json(whole)) < 2_000_000
        with pytest.raises(QuotaExceededError) as caught:
            sender.put_events(whole)
        assert str(caught.value) == (
            "4,000,001 bytes; at most 4,000,000; split it: by split() of a request, "
            "or build_all() of a builder"
        )
        assert server.received == []


def sized(size: int) -> EventsRequest:
    """Return a request that is so long as botocore writes it."""
    text = "ü" * 600_000  # two bytes in UTF-8, six as an escape
    whole = request(e={"v": event(attributes={"text": text})})
    more = size - len(json.dumps(to_wire(whole)))
    return request(e={"v": event(attributes={"text": text + "x" * more})})


class TestShapes:
    """Whatever there is of an answer, it is read, and never crashes."""

    @pytest.mark.parametrize(
        "body",
        [b"", b"{}", b'{"Results":null}', b'{"Results":{}}', b'{"Other":1}', b"<html>"],
    )
    def test_nothing(
        self, body: bytes, sender: ClientSender, server: HttpServer
    ) -> None:
        """Where nothing is said, everything is unreported."""
        server.answers.append(Answer(body=body))
        response = sender.put_events(ONE)
        assert response == EventsResponse()
        assert response.request_id == REQUEST_ID
        outcomes = [each.outcome for each in response.outcomes(ONE)]
        assert outcomes == [Outcome.UNREPORTED] * 2

    @pytest.mark.parametrize(
        "results",
        [
            {"e": None},
            {"e": {"EventsItemResponse": None}},
            {"e": {"EventsItemResponse": {"v": None}}},
            {"e": {"EndpointItemResponse": None}},
            {"e": {"EndpointItemResponse": {"StatusCode": None, "Message": None}}},
        ],
    )
    def test_null(
        self, results: Mapping[str, Any], sender: ClientSender, server: HttpServer
    ) -> None:
        """A null is nothing at every depth."""
        server.answers.append(answered(results))
        outcomes = sender.put_events(ONE).outcomes(ONE)
        assert [each.outcome for each in outcomes] == [Outcome.UNREPORTED] * 2

    def test_some(self, sender: ClientSender, server: HttpServer) -> None:
        """Codes as text and unknown members are read as far as they go."""
        item = {"EventsItemResponse": {"v": {"StatusCode": "400", "Extra": 1}}}
        server.answers.append(answered({"e": item, "other": {}}))
        response = sender.put_events(ONE)
        assert response.results["e"] == ItemResponse(
            events_item_response={"v": EventItemResponse(status_code=400)}
        )
        assert set(response.results) == {"e", "other"}

    @pytest.mark.parametrize("status", [200, 202, 207])
    def test_success(
        self, status: int, sender: ClientSender, server: HttpServer
    ) -> None:
        """Every 2xx is an answer."""
        server.answers.append(answered({"e": {}}, status=status))
        assert sender.put_events(ONE) == EventsResponse(results={"e": ItemResponse()})

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"EventsResponse": None},
            {"EventsResponse": {}},
            {"EventsResponse": {"Results": None}},
            {"EventsResponse": {"Results": []}, "ResponseMetadata": None},
            {"ResponseMetadata": {}},
        ],
    )
    def test_of_a_fake(self, answer: Mapping[str, Any]) -> None:
        """A fake client needs to say nothing."""
        response = ClientSender(FakeClient(answer), "app-1").put_events(ONE)
        assert response == EventsResponse()
        assert response.request_id is None

    @pytest.mark.parametrize("answer", [None, 202, "taken", [("Results", {})]])
    def test_no_answer(self, answer: object) -> None:
        """What is no dict is no answer; the events may have been accepted."""
        error = failure(ClientSender(FakeClient(answer), "app-1"))
        kind = type(answer).__qualname__
        assert type(error) is InvalidResponseError
        assert str(error) == (
            f"the client returned an object of type {kind}, and no dict as boto3 does; "
            "the events may have been accepted"
        )
        assert not error.is_retry_safe

    @given(answer=strategies.events_responses())
    def test_any(self, answer: EventsResponse) -> None:
        """What boto3 makes of any answer is read as the answer itself would be."""
        body = {"EventsResponse": to_wire(answer)}
        response = ClientSender(FakeClient(body), "app-1").put_events(ONE)
        assert response == from_wire(EventsResponse, to_wire(answer))


class TestBareNumbers:
    """
    What botocore cannot read is read here nevertheless.

    (Facts, 6.3: a bare number in `Results` ends its parser with an AttributeError.)
    """

    def test_canary(self, boto: Any, server: HttpServer) -> None:
        """Botocore keeps the answer in the place where `_botocore_answer` looks."""
        server.answers.append(answered({"e": 202}))
        with pytest.raises(AttributeError) as caught:
            boto.put_events(ApplicationId="a", EventsRequest=to_wire(ONE))
        module, function, variable = PLACE
        (found,) = [
            frame.f_locals[variable]
            for frame, _ in traceback.walk_tb(caught.value.__traceback__)
            if frame.f_globals["__name__"] == module
            and frame.f_code.co_name == function
        ]
        assert found["status_code"] == 202
        assert found["body"] == b'{"Results": {"e": 202}}'
        assert found["headers"]["X-Amzn-RequestId"] == REQUEST_ID

    def test_number_for_an_endpoint(
        self, sender: ClientSender, server: HttpServer
    ) -> None:
        """It stands for the endpoint and its events, as in every other sender."""
        server.answers.append(answered({"e": 202}))
        response = sender.put_events(ONE)
        assert response == EventsResponse(results={"e": ItemResponse(status_code=202)})
        assert response.request_id == REQUEST_ID
        response.raise_for_failures(ONE)

    @pytest.mark.parametrize(
        "results",
        [
            {"e": "429"},
            {"e": {"EndpointItemResponse": 202, "EventsItemResponse": {"v": 400}}},
            {"e": {"EventsItemResponse": {"v": {"StatusCode": "soon"}}}},
            {"e": {"EventsItemResponse": {"v": {"StatusCode": [202]}}}},
            {"e": {"EventsItemResponse": [1]}},
            {"e": [], "f": True},
            [1],
            "taken",
        ],
    )
    def test_other_shapes(
        self, results: Any, sender: ClientSender, server: HttpServer
    ) -> None:
        """So is everything else over which botocore stumbles."""
        server.answers.append(answered(results))
        response = sender.put_events(ONE)
        assert response == from_wire(EventsResponse, {"Results": results})
        assert response.request_id == REQUEST_ID

    @pytest.mark.parametrize("body", [b"[1]", b'"taken"', b"7"])
    def test_no_object(
        self, body: bytes, sender: ClientSender, server: HttpServer
    ) -> None:
        """JSON that is no object says nothing, and that is an error everywhere."""
        server.answers.append(Answer(body=body))
        error = failure(sender)
        assert type(error) is InvalidResponseError
        assert str(error) == (
            f"the answer (HTTP 202, {len(body)} bytes of 'application/json') is no "
            f"JSON object; the events may have been accepted; check the endpoint URL "
            f"(request id {REQUEST_ID})"
        )
        assert not error.is_retry_safe

    def test_where_the_answer_is_not_found(self) -> None:
        """A botocore that keeps it elsewhere gives an error that says what is known."""
        error = failure(ClientSender(ParserOfTheFuture(), "app-1"))
        assert type(error) is InvalidResponseError
        assert str(error) == (
            "botocore cannot read the answer; the events may have been accepted; "
            "PinpointSender can read it"
        )
        assert not error.is_retry_safe

    def test_where_it_has_another_form(self) -> None:
        """So does one that keeps something else in that place."""
        namespace = {"__name__": PLACE[0], "client": ParserOfTheFuture()}
        source = f"def {PLACE[1]}():\n    {PLACE[2]} = {{'status': 202}}\n"
        exec(source + "    return client.put_events()", namespace)
        other = FunctionClient(namespace[PLACE[1]])
        error = failure(ClientSender(other, "app-1"))
        assert type(error) is InvalidResponseError

    def test_hook_that_fails(
        self, boto: Any, sender: ClientSender, server: HttpServer
    ) -> None:
        """A hook of the caller's own, called with the answer, may fail as it likes."""

        def hook(**arguments: Any) -> None:
            raise AttributeError("the hook's own")

        boto.meta.events.register("before-parse.pinpoint.PutEvents", hook)
        with pytest.raises(AttributeError) as caught:
            sender.put_events(ONE)
        assert str(caught.value) == "the hook's own"
        assert len(server.received) == 1


class FunctionClient:
    """Has a function for a method."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def put_events(self, **arguments: Any) -> Any:
        """Call it."""
        return self.function()


class ParserOfTheFuture:
    """Fails within botocore's parser, by a function that no client calls first."""

    def put_events(self, **arguments: Any) -> Any:
        """Parse a bare number."""
        parser = botocore.parsers.create_parser("rest-json")
        model = LOADER.load_service_model("pinpoint", "service-2")
        shapes = botocore.model.ServiceModel(model)
        return parser._parse_shape(shapes.shape_for("ItemResponse"), 202)


REFUSALS: list[tuple[int, type[ServiceError]]] = [
    (400, BadRequestError),
    (403, ForbiddenError),
    (404, NotFoundError),
    (405, MethodNotAllowedError),
    (409, ServiceError),
    (413, PayloadTooLargeError),
    (429, TooManyRequestsError),
    (500, InternalServerError),
    (503, InternalServerError),
]


class TestRefusals:
    """A request that is refused as a whole is the same error in every sender."""

    @pytest.mark.parametrize("status, kind", REFUSALS)
    def test_class(
        self,
        status: int,
        kind: type[ServiceError],
        sender: ClientSender,
        server: HttpServer,
    ) -> None:
        """The class is that of the status, whatever the service calls it."""
        headers = {"x-amzn-ErrorType": "SomeException:http://x/", "Retry-After": "7"}
        body = b'{"Message":"No.","RequestID":"in the body"}'
        server.answers.append(Answer(status=status, body=body, headers=headers))
        error = failure(sender)
        assert type(error) is kind
        assert isinstance(error, ServiceError)
        assert (error.status, error.code, error.message) == (
            status,
            "SomeException",
            "No.",
        )
        assert error.request_id == REQUEST_ID
        assert error.retry_after_seconds == 7
        assert error.is_retry_safe == (status in {429, 500, 503})

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(status=400, body=b'{"message":"small"}'),
            Answer(status=400, body=b'{"Message":"m","RequestID":"r"}'),
            Answer(status=400, body=b'{"__type":"a.b#NamedException","Message":"m"}'),
            Answer(status=403, body=b'{"code":"AccessDenied","message":"m"}'),
            Answer(
                status=400,
                body=b'{"Message":"m"}',
                headers={"x-amzn-ErrorType": "BadRequestException"},
            ),
            Answer(
                status=429,
                body=b"{}",
                headers={"x-amz-retry-after": "1500"},
            ),
            Answer(status=500, body=b""),
            Answer(status=502, body=b"<html>", headers={"Content-Type": "text/html"}),
            Answer(status=503, body=b"busy", headers={"Content-Type": "text/plain"}),
            Answer(status=404, body='{"Message":"größer"}'.encode()),
            Answer(status=404, body=b'{"Message":"\\ud800"}'),
            Answer(status=400, body=b'{"Message":7,"__type":["x"]}'),
            Answer(status=400, body=b"[1]"),
            Answer(status=307, body=b"", headers={"Location": "http://127.0.0.1:9/"}),
        ],
        ids=lambda answer: f"{answer.status} {answer.body!r}",
    )
    def test_same_as_in_the_other_sender(
        self, answer: Answer, sender: ClientSender, server: HttpServer
    ) -> None:
        """Status, code, words, id and waiting time are those of PinpointSender."""
        errors = []
        url = server.url
        with PinpointSender("a", region="x-1", endpoint_url=url, retry=None) as other:
            for each in (sender, other):
                server.answers.extend([answer])
                with pytest.raises(SenderError) as caught:
                    each.put_events(ONE)
                errors.append((type(caught.value), caught.value.args))
                server.answers.clear()
        assert errors[0] == errors[1]

    @pytest.mark.parametrize(
        "said, status, code",
        [
            ({"Error": {"Code": "429", "Message": "m"}}, 429, "429"),
            ({"Error": {"Code": "AccessDenied"}}, 0, "AccessDenied"),
            ({"Error": {"Code": "999"}}, 0, "999"),
            ({}, 0, "0"),
            ({"Error": None, "ResponseMetadata": None}, 0, "0"),
            ({"ResponseMetadata": {"HTTPStatusCode": 400}}, 400, "400"),
            ({"ResponseMetadata": {"HTTPHeaders": {"X": 1}}}, 0, "0"),
        ],
    )
    def test_made_by_hand(self, said: dict[str, Any], status: int, code: str) -> None:
        """An error that a fake client raises need not have everything in it."""
        # With text in place of None, which is all that botocore's constructor wants.
        error = ClientError({}, "PutEvents")
        error.response = said
        failed = failure(ClientSender(FakeClient(error), "app-1"))
        assert isinstance(failed, ServiceError)
        assert (failed.status, failed.code) == (status, code)

    def test_of_a_stubber(self, sender: ClientSender, boto: Any) -> None:
        """Botocore's own means to fake an error leads to the same."""
        with Stubber(boto) as stubber:
            stubber.add_client_error(
                "put_events", "TooManyRequestsException", "Slow down.", 429
            )
            error = failure(sender)
        assert type(error) is TooManyRequestsError
        assert error.args[:3] == (429, "TooManyRequestsException", "Slow down.")

    def test_pickles(self, sender: ClientSender, server: HttpServer) -> None:
        """An error goes from process to process, without anything of botocore's."""
        server.answers.append(Answer(status=400, body=b'{"Message":"No."}'))
        error = failure(sender)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args) == (type(error), error.args)


class TestStubber:
    """A test that is wrong fails as botocore tells it, and is no failure to send."""

    def test_no_answer_was_prepared(self, sender: ClientSender, boto: Any) -> None:
        """So does a call that no one expected."""
        with (
            Stubber(boto),
            pytest.raises(botocore.exceptions.UnStubbedResponseError),
        ):
            sender.put_events(ONE)

    def test_other_arguments_were_expected(
        self, sender: ClientSender, boto: Any
    ) -> None:
        """So does a call with other arguments than expected."""
        with Stubber(boto) as stubber:
            expected = {"ApplicationId": "other", "EventsRequest": to_wire(ONE)}
            stubber.add_response("put_events", {"EventsResponse": {}}, expected)
            with pytest.raises(AssertionError):
                sender.put_events(ONE)

    def test_answer(self, sender: ClientSender, boto: Any) -> None:
        """A prepared answer is read as any other."""
        with Stubber(boto) as stubber:
            answer: Any = {"EventsResponse": {"Results": {"e": {}}}}
            stubber.add_response("put_events", answer)
            response = sender.put_events(ONE)
        assert response == EventsResponse(results={"e": ItemResponse()})


class TestNoAnswer:
    """Where no answer arrived, no one knows what became of the events."""

    MESSAGE = (
        "the client got no answer ({}); the events may have been accepted; check "
        "network and endpoint URL, and the timeouts and certificates in the client's "
        "config"
    )

    def test_no_connection(self) -> None:
        """No one listens there."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with contextlib.closing(client(url)) as boto:
                error = failure(ClientSender(boto, "app-1"))
        assert type(error) is TransportError
        assert str(error) == self.MESSAGE.format("EndpointConnectionError")
        assert error.code is TransportErrorCode.CONNECT
        assert error.is_retry_safe

    def test_cut(self, sender: ClientSender, server: HttpServer) -> None:
        """The connection ends in place of an answer."""
        server.answers.append(CUT)
        error = failure(sender)
        assert type(error) is TransportError
        assert str(error) == self.MESSAGE.format("ConnectionClosedError")
        assert error.code is TransportErrorCode.CONNECTION_CLOSED
        assert error.is_retry_safe

    def test_silence(self, server: HttpServer) -> None:
        """No answer comes in time."""
        server.answers.append(SILENCE)
        with contextlib.closing(client(server.url, read_timeout=0.05)) as boto:
            error = failure(ClientSender(boto, "app-1"))
        assert type(error) is TransportError
        assert str(error) == self.MESSAGE.format("ReadTimeoutError")
        assert error.code is TransportErrorCode.READ_TIMEOUT
        assert error.is_retry_safe

    @pytest.mark.parametrize(
        "reason, code, is_safe",
        [
            (
                ssl.SSLCertVerificationError(),
                TransportErrorCode.CERTIFICATE_NOT_TRUSTED,
                False,
            ),
            (ssl.SSLError(), TransportErrorCode.TLS, True),
        ],
        ids=["certificate", "handshake"],
    )
    def test_tls(
        self, reason: ssl.SSLError, code: TransportErrorCode, *, is_safe: bool
    ) -> None:
        """A certificate that is not trusted is not worth a second try."""
        wrapped = urllib3.exceptions.SSLError(reason)
        raised = botocore.exceptions.SSLError(endpoint_url="https://h", error=wrapped)
        error = failure(ClientSender(FakeClient(raised), "app-1"))
        assert type(error) is TransportError
        assert (error.code, error.is_retry_safe) == (code, is_safe)

    @pytest.mark.parametrize(
        "raised, code",
        [
            (
                botocore.exceptions.ConnectTimeoutError(endpoint_url="https://h"),
                TransportErrorCode.CONNECT_TIMEOUT,
            ),
            (
                botocore.exceptions.ProxyConnectionError(proxy_url="https://h"),
                TransportErrorCode.PROXY,
            ),
            (
                botocore.exceptions.EndpointConnectionError(
                    endpoint_url="https://h", error=socket.gaierror()
                ),
                TransportErrorCode.NAME_RESOLUTION,
            ),
            (
                botocore.exceptions.HTTPClientError(error="unknown"),
                TransportErrorCode.OTHER,
            ),
        ],
        ids=["connect timeout", "proxy", "DNS", "other"],
    )
    def test_code(self, raised: Exception, code: TransportErrorCode) -> None:
        """The class of botocore's error decides the code."""
        error = failure(ClientSender(FakeClient(raised), "app-1"))
        assert isinstance(error, TransportError)
        assert (error.code, error.is_retry_safe) == (code, True)


class TestSettings:
    """What the client lacks is reported when it is first used."""

    MESSAGE = (
        "the client cannot send ({}); check its credentials and the profile they come "
        "from, its region and its config"
    )

    def test_no_credentials(self, aws: pytest.MonkeyPatch, server: HttpServer) -> None:
        """There are no keys."""
        for name in KEYS:
            aws.delenv(name)
        with contextlib.closing(client(server.url)) as boto:
            error = failure(ClientSender(boto, "app-1"))
        assert type(error) is ConfigurationError
        assert str(error) == self.MESSAGE.format("NoCredentialsError")
        assert server.received == []

    @pytest.mark.parametrize(
        "raised",
        [
            botocore.exceptions.NoRegionError(),
            botocore.exceptions.PartialCredentialsError(
                provider="env", cred_var="planted"
            ),
            botocore.exceptions.CredentialRetrievalError(
                provider="process", error_msg="planted"
            ),
            ClientError(
                {"Error": {"Code": "Denied", "Message": "planted"}}, "AssumeRole"
            ),
        ],
    )
    def test_others(self, raised: Exception) -> None:
        """So are all errors of botocore's that stand for no answer of PutEvents."""
        error = failure(ClientSender(FakeClient(raised), "app-1"))
        assert type(error) is ConfigurationError
        assert str(error) == self.MESSAGE.format(type(raised).__name__)

    def test_client_of_another_service(self, server: HttpServer) -> None:
        """EventBridge has a put_events, too, and it is another one."""
        with contextlib.closing(client(server.url, "events")) as boto:
            error = failure(ClientSender(boto, "app-1"))
        assert type(error) is ConfigurationError
        assert str(error) == (
            "the client does not take a request of PutEvents; pass one of "
            'boto3.client("pinpoint")'
        )
        assert server.received == []

    def test_no_client(self) -> None:
        """What has no put_events is refused at once."""
        with pytest.raises(ConfigurationError) as caught:
            ClientSender("pinpoint", "app-1")  # type: ignore[arg-type] # the fact
        assert str(caught.value) == (
            "a client of type str has no put_events(); pass "
            'boto3.client("pinpoint"), or an object like it'
        )

    def test_no_application(self) -> None:
        """An empty application id is refused at once."""
        with pytest.raises(ConfigurationError):
            ClientSender(FakeClient({}), "")

    def test_repr(self) -> None:
        """It shows the application, and what kind of client it is."""
        sender = ClientSender(FakeClient({}), "app-1")
        shown = "<ClientSender of 'app-1' through a client 'FakeClient'>"
        assert repr(sender) == shown
        assert sender.application_id == "app-1"


class TestDefects:
    """What is no failure to send is not made to look like one."""

    @pytest.mark.parametrize(
        "raised", [RuntimeError("a defect"), AttributeError("x"), KeyError("Results")]
    )
    def test_of_a_fake(self, raised: Exception) -> None:
        """What else a client raises reaches the caller as it is."""
        with pytest.raises(type(raised)) as caught:
            ClientSender(FakeClient(raised), "app-1").put_events(ONE)
        assert caught.value is raised
        assert typed_error(raised) is None


class TestSecrets:
    """Messages and tracebacks have nothing of what was sent."""

    ADDRESS = "planted-address@example.com"
    TOKEN = "planted-token-0123456789"

    @pytest.mark.parametrize("length", [0, 900])
    def test_what_the_service_quotes(
        self, length: int, sender: ClientSender, server: HttpServer
    ) -> None:
        """Address and session token are hidden, also where a long message is cut."""
        words = (
            f"{'x' * length} x-amz-security-token:{self.TOKEN}\n {self.ADDRESS} "
            f"{'x' * 10} {self.ADDRESS}"
        )
        body = json.dumps({"Message": words}).encode()
        server.answers.append(Answer(status=403, body=body))
        shown = self.shown(sender)
        assert "planted" not in shown
        assert "[hidden]" in shown

    @pytest.mark.parametrize(
        "answer",
        [
            CUT,
            Answer(body=b'{"Results":{"e":7,"planted":1}}'),
            Answer(body=b'["planted"]'),
        ],
    )
    def test_other_ends(
        self, answer: Answer, sender: ClientSender, server: HttpServer
    ) -> None:
        """However it ends, nothing of it gets into a traceback or a log line."""
        server.answers.append(answer)
        assert "planted" not in self.shown(sender)

    def shown(self, sender: ClientSender) -> str:
        """Return all that a user sees of a failure: traceback, repr, our log lines."""
        endpoint = Endpoint(address=self.ADDRESS, channel_type=ChannelType.EMAIL)
        batch = EventsBatch(
            endpoint=endpoint, events={"v": event(attributes={"a": "planted"})}
        )
        log = io.StringIO()
        handler = logging.StreamHandler(log)
        logger = logging.getLogger("pinpoint_events")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            sender.put_events(EventsRequest(batch_item={"e": batch}))
        except PinpointEventsError as error:
            text = "".join(traceback.format_exception(error))
            return text + repr(error) + repr(error.args) + log.getvalue()
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        return log.getvalue()
