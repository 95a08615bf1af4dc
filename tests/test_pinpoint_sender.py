import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import botocore
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from pinpoint_events import __version__
from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    PayloadTooLargeError,
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    ServiceError,
    TooManyRequestsError,
    TransportError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders import Attempt, AttemptObserver, PinpointSender, Retry
from pinpoint_events.wire import from_wire, to_json, to_wire
from tests.aws import KEYS, aws
from tests.clients import LOADER, client
from tests.fake_time import FakeTime
from tests.http_server import (
    CUT,
    REQUEST_ID,
    Answer,
    HttpServer,
    Received,
    answered,
)
from tests.samples import DATA, REQUEST, event, request

__all__ = ["aws"]

TWO = request(e={"v": event(), "w": event()})
BUSY = Answer(status=503, body=b"{}")
MINE = DATA / "tls" / "localhost.pem"
OTHER = DATA / "tls" / "other.pem"


def answer(**codes: int) -> Answer:
    """Return an answer with these codes for events of the endpoint `e`."""
    events = {name: {"StatusCode": code} for name, code in codes.items()}
    result = {
        "EndpointItemResponse": {"StatusCode": 202},
        "EventsItemResponse": events,
    }
    return answered({"e": result})


def results(said: Answer) -> EventsResponse:
    """Return what an answer means."""
    return from_wire(EventsResponse, json.loads(said.body))


class PatientSender(PinpointSender):
    """A sender whose waits take no time."""

    _time = FakeTime()


@pytest.fixture(autouse=True)
def _keys(aws: pytest.MonkeyPatch) -> None:
    aws.setattr("botocore.session.create_loader", lambda _: LOADER)
    for name, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        aws.setenv(name, value)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """Serve on loopback."""
    with HttpServer() as serving:
        yield serving


def error_of(
    server: HttpServer, sent: EventsRequest = REQUEST, **arguments: Any
) -> PinpointEventsError:
    """Return what a sender to the server raises."""
    arguments = {"retry": None, **arguments}
    with (
        PatientSender("app", endpoint_url=server.url, **arguments) as sender,
        pytest.raises(PinpointEventsError) as caught,
    ):
        sender.put_events(sent)
    return caught.value


def signed(received: Received) -> tuple[str, str, set[str]]:
    """Return key id with credential scope, signed headers, and the other names."""
    scope, names, _ = received.headers["Authorization"].split(", ")
    return scope[:-28] + scope[-20:], names, {*received.headers}


class TestOnTheWire:
    """What arrives is what a boto3 client sends for the same."""

    @pytest.mark.parametrize(
        "application_id",
        [
            "6d0d4f1b2c3a4e5f8091a2b3c4d5e6f7",
            "a b",
            "a/b",
            "a?b#c",
            "%41",
            "a+b;c=d&e",
            "~-._*",
            "bücher",
            "...",
        ],
    )
    @pytest.mark.parametrize("token", [None, "a/token=="])
    def test_is_what_boto3_sends(
        self,
        application_id: str,
        token: str | None,
        server: HttpServer,
        aws: pytest.MonkeyPatch,
    ) -> None:
        """Same path, same JSON, same headers, signed alike for the same scope."""
        if token is not None:
            aws.setenv("AWS_SESSION_TOKEN", token)
        theirs = client(server.url, region_name="eu-west-1", retries=None)
        theirs.put_events(ApplicationId=application_id, EventsRequest=to_wire(REQUEST))
        theirs.close()
        with PinpointSender(application_id, endpoint_url=server.url) as sender:
            sender.put_events(REQUEST)
        first, second = server.received
        assert second[:2] == first[:2]
        assert json.loads(second.body) == json.loads(first.body)
        assert signed(second) == signed(first)
        for name in ("Host", "Accept-Encoding", "Content-Type", "X-Amz-Security-Token"):
            assert second.headers[name] == first.headers[name]
        assert "Expect" not in second.headers

    @pytest.mark.parametrize("path", ["", "/", "/stage", "/stage/", "/a%2Fb//c"])
    def test_goes_below_the_endpoints_path(self, path: str, server: HttpServer) -> None:
        """An endpoint may be part of a larger site."""
        theirs = client(server.url + path, region_name="eu-west-1")
        theirs.put_events(ApplicationId="app", EventsRequest={"BatchItem": {}})
        theirs.close()
        with PinpointSender("app", endpoint_url=server.url + path) as sender:
            sender.put_events(REQUEST)
        assert server.received[0].target == server.received[1].target

    def test_names_the_library(self, server: HttpServer) -> None:
        """The user agent is botocore's, with this library in it."""
        with PinpointSender("app", endpoint_url=server.url) as sender:
            sender.put_events(REQUEST)
        agent = server.received[0].headers["User-Agent"]
        assert agent.startswith(f"Botocore/{botocore.__version__} ua/2.")
        assert agent.endswith(f" lib/pinpoint_events#{__version__}")

    def test_may_be_unsigned(self, server: HttpServer, aws: pytest.MonkeyPatch) -> None:
        """A local endpoint may want no signature, and then no keys are needed."""
        for name in KEYS:
            aws.delenv(name)
        config = Config(signature_version=botocore.UNSIGNED)
        with PinpointSender("app", endpoint_url=server.url, config=config) as sender:
            sender.put_events(REQUEST)
        headers = server.received[0].headers
        assert "Authorization" not in headers
        assert "X-Amz-Date" not in headers

    def test_may_go_through_a_proxy(
        self, server: HttpServer, aws: pytest.MonkeyPatch
    ) -> None:
        """Proxies of the environment are used."""
        aws.setenv("HTTP_PROXY", server.url)
        with PinpointSender("app", endpoint_url="http://pinpoint.test") as sender:
            sender.put_events(REQUEST)
        (received,) = server.received
        assert received.target == "http://pinpoint.test/v1/apps/app/events"
        assert received.headers["Host"] == "pinpoint.test"


class TestArguments:
    """What is wrong with a sender is told when it is made."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                {"application_id": ""},
                (
                    "application_id: is empty; at least 1 character; pass that of your "
                    "Pinpoint project"
                ),
            ),
            (
                {"application_id": ".."},
                (
                    "the application id is empty or dots; pass that of your Pinpoint "
                    "project"
                ),
            ),
            (
                {"retry": 3},
                "retry is of type int; pass a Retry, or None to send once",
            ),
            (
                {"verify": 0},
                (
                    "verify is of type int; pass False, or the path of a CA bundle, or "
                    "leave it out"
                ),
            ),
            (
                {"verify": " "},
                (
                    "the path of the CA bundle is empty; correct ca_bundle, "
                    "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, or leave it out"
                ),
            ),
            (
                {"endpoint_url": "localhost:8000"},
                (
                    "the endpoint URL is not usable; write it as "
                    "https://host[:port][/path], in ASCII, without credentials, query "
                    "or fragment"
                ),
            ),
        ],
    )
    def test_are_checked(self, arguments: Mapping[str, Any], message: str) -> None:
        """Each says what to do."""
        with pytest.raises(ConfigurationError) as caught:
            PinpointSender(**{"application_id": "app", **arguments})
        assert str(caught.value) == message

    def test_need_no_credentials_yet(
        self, server: HttpServer, aws: pytest.MonkeyPatch
    ) -> None:
        """Credentials that are missing are told by the first request."""
        for name in KEYS:
            aws.delenv(name)
        assert str(error_of(server)) == (
            "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
        )
        assert server.received == []

    def test_may_be_credentials(self, server: HttpServer) -> None:
        """Credentials of one's own sign, with their token."""
        keys = Credentials("AKIDMINE", "secret", "token")
        with PinpointSender("app", endpoint_url=server.url, credentials=keys) as sender:
            sender.put_events(REQUEST)
        headers = server.received[0].headers
        assert "Credential=AKIDMINE/" in headers["Authorization"]
        assert headers["X-Amz-Security-Token"] == "token"

    def test_are_shown(self) -> None:
        """A sender shows where it sends, and nothing that is secret."""
        shown = "<PinpointSender of 'app' to 'http://127.0.0.1:1/x'>"
        assert repr(PinpointSender("app", endpoint_url="http://127.0.0.1:1/x")) == shown

    def test_application_id(self) -> None:
        """The application is kept as it was given."""
        sender = PinpointSender("app", endpoint_url="http://127.0.0.1:1")
        assert sender.application_id == "app"


class TestVerify:
    """Whose certificates are trusted, as boto3's argument of that name has it."""

    def is_trusted(self, **arguments: Any) -> bool:
        """Return whether requests go to a server with a self-signed certificate."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(MINE, MINE.with_suffix(".key"))
        with HttpServer(tls=tls) as server:
            url = f"https://localhost:{server.port}"
            with PinpointSender("app", endpoint_url=url, **arguments) as sender:
                try:
                    sender.put_events(REQUEST)
                except TransportError as error:
                    return "is not trusted" not in str(error)
            return True

    def test_switch(self) -> None:
        """It is not, unless all are."""
        assert not self.is_trusted()
        assert not self.is_trusted(verify=True)
        assert self.is_trusted(verify=False)

    def test_bundle(self, aws: pytest.MonkeyPatch) -> None:
        """A path goes before that of the settings."""
        aws.setenv("AWS_CA_BUNDLE", str(OTHER))
        assert not self.is_trusted()
        assert self.is_trusted(verify=str(MINE))
        aws.setenv("AWS_CA_BUNDLE", str(MINE))
        assert self.is_trusted()
        assert not self.is_trusted(verify=str(OTHER))


class TestFailures:
    """Failures are typed, carry the request id, and say what to do."""

    @pytest.mark.parametrize(
        "status, kind",
        [
            (400, BadRequestError),
            (403, ForbiddenError),
            (404, NotFoundError),
            (410, ServiceError),
            (413, PayloadTooLargeError),
            (429, TooManyRequestsError),
            (500, InternalServerError),
            (307, ServiceError),
        ],
    )
    def test_have_a_type(
        self, status: int, kind: type[ServiceError], server: HttpServer
    ) -> None:
        """The status chooses it; code, words and request id are the service's."""
        body = b'{"Message":"No, because."}'
        headers = {"x-amzn-ErrorType": "SomethingException"}
        server.answers.append(Answer(status=status, body=body, headers=headers))
        error = error_of(server)
        assert type(error) is kind
        assert isinstance(error, ServiceError)
        assert (error.status, error.code) == (status, "SomethingException")
        assert (error.message, error.request_id) == ("No, because.", REQUEST_ID)

    def test_may_be_no_answer(self, server: HttpServer) -> None:
        """The connection may end before the answer."""
        server.answers.append(CUT)
        assert isinstance(error_of(server), TransportError)

    def test_may_be_an_answer_that_says_nothing(self, server: HttpServer) -> None:
        """A page instead of JSON is no answer to the events."""
        server.answers.append(Answer(body=b"<html>"))
        error = error_of(server)
        assert type(error) is InvalidResponseError
        assert error.request_id == REQUEST_ID

    def test_may_come_before_sending(self, server: HttpServer) -> None:
        """More events than the service takes are not sent."""
        many = request(e={f"v{number}": event() for number in range(101)})
        assert isinstance(error_of(server, many), QuotaExceededError)
        assert server.received == []

    def test_stay_those_of_an_attempt(self, server: HttpServer) -> None:
        """Credentials that fail after it do not hide that it may have been accepted."""

        class Expiring:
            """Credentials that are found once."""

            found = 0

            def get_frozen_credentials(self) -> Credentials:
                self.found += 1
                if self.found > 1:
                    raise RuntimeError("planted")
                return Credentials("AKIDEXAMPLE", "secret")

        server.answers.append(CUT)
        with (
            PinpointSender(
                "app",
                region="eu-west-1",
                endpoint_url=server.url,
                credentials=Expiring(),
            ) as sender,
            pytest.raises(TransportError) as caught,
        ):
            sender.put_events(REQUEST)
        assert "may have been accepted" in str(caught.value)
        assert len(server.received) == 1

    def test_close_ends_the_retries_of_other_threads(self, server: HttpServer) -> None:
        """What was answered is returned; nothing is sent any more."""
        is_answered = threading.Event()

        def busy(_: Received) -> Answer:
            is_answered.set()
            return Answer(status=503, headers={"Retry-After": "60"})

        server.default = busy
        sender = PinpointSender("app", region="eu-west-1", endpoint_url=server.url)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(sender.put_events, REQUEST)
            assert is_answered.wait(30)
            sender.close()
            with pytest.raises(InternalServerError):
                sent.result(30)
        assert len(server.received) == 1

    def test_may_be_a_closed_sender(self, server: HttpServer) -> None:
        """After `close` there is nothing to send by."""
        sender = PinpointSender("app", endpoint_url=server.url)
        sender.close()
        with pytest.raises(SenderError) as caught:
            sender.put_events(REQUEST)
        assert str(caught.value) == "this PinpointSender is closed; open a new one"


class TestRetries:
    """The request, and then its items, are sent again."""

    def test_send_the_whole_and_then_a_part(self, server: HttpServer) -> None:
        """One answer comes out of all that was sent."""
        server.answers.extend([BUSY, CUT, answer(v=500, w=202), answer(v=202)])
        retry = Retry(attempts=4)
        with PatientSender("app", endpoint_url=server.url, retry=retry) as sender:
            assert sender.put_events(TWO) == results(answer(v=202, w=202))
        sent = [json.loads(received.body) for received in server.received]
        alone = to_wire(request(e={"v": event()}))
        assert sent == [to_wire(TWO)] * 3 + [alone]

    def test_are_numbered(self, server: HttpServer) -> None:
        """The attempts of a call are known by its id, as those of AWS' own SDKs."""
        server.answers.extend([BUSY, answer(v=202, w=202)])
        with PatientSender("app", endpoint_url=server.url) as sender:
            sender.put_events(TWO)
            sender.put_events(TWO)
        headers = [received.headers for received in server.received]
        assert [header["amz-sdk-request"] for header in headers] == [
            "attempt=1; max=3",
            "attempt=2; max=3",
            "attempt=1; max=3",
        ]
        first, second, third = (header["amz-sdk-invocation-id"] for header in headers)
        assert first == second != third

    @pytest.mark.parametrize(
        "arguments, sent",
        [({}, 2), ({"retry": Retry()}, 3), ({"retry": None}, 1)],
    )
    def test_are_as_many_as_the_environment_says(
        self,
        arguments: Mapping[str, Any],
        sent: int,
        server: HttpServer,
        aws: pytest.MonkeyPatch,
    ) -> None:
        """`AWS_MAX_ATTEMPTS` counts where no `Retry` is given, a default one even."""
        aws.setenv("AWS_MAX_ATTEMPTS", "2")
        server.answers.extend([BUSY] * 5)
        with (
            PatientSender("app", endpoint_url=server.url, **arguments) as sender,
            pytest.raises(InternalServerError),
        ):
            sender.put_events(REQUEST)
        assert len(server.received) == sent

    @pytest.mark.parametrize(
        "config, retry, seconds",
        [
            (None, [], 20),
            (None, [None], 20),
            (Config(read_timeout=7), [], 20),
            (Config(read_timeout=60), [], 60),
            (Config(read_timeout=60, connect_timeout=9), [None], 69),
            (Config(read_timeout=None), [], 86_400),
            (Config(read_timeout=60), [Retry(deadline_seconds=3)], 3),
        ],
        ids=range(7),
    )
    def test_have_time_for_one_attempt(
        self, config: Any, retry: list[Any], seconds: float, server: HttpServer
    ) -> None:
        """A call is as short as a server needs it, unless timeouts say otherwise."""
        options = {"retry": retry[0]} if retry else {}
        with PinpointSender(
            "app", endpoint_url=server.url, config=config, **options
        ) as sender:
            assert sender._calls.retry.deadline_seconds == seconds

    def test_wait_as_long_as_the_service_asks(self, server: HttpServer) -> None:
        """`Retry-After` is honoured."""

        class Sender(PinpointSender):
            _time = FakeTime()

        server.answers.append(Answer(status=429, headers={"Retry-After": "17"}))
        with Sender("app", endpoint_url=server.url) as sender:
            sender.put_events(REQUEST)
        assert Sender._time.waits == [17.0]


class TestClock:
    """A clock that is wrong is corrected by the service's."""

    NOW = 1_790_000_000.0

    @pytest.fixture
    def sender(self, server: HttpServer) -> Iterator[PinpointSender]:
        """Return a sender on a machine whose clock is two hours slow."""

        class Sender(PinpointSender):
            _time = FakeTime()

        Sender._time.seconds = self.NOW - 7200
        with Sender("app", endpoint_url=server.url) as sender:
            yield sender

    def refused(self, code: str = "RequestTimeTooSkewed") -> Answer:
        """Return the refusal of a request that is not of this time."""
        date = {"Date": formatdate(self.NOW, usegmt=True)}
        return Answer(status=403, headers={"x-amzn-ErrorType": code, **date})

    def test_signs_again(self, sender: PinpointSender, server: HttpServer) -> None:
        """The request is signed for the service's time, and so are later ones."""
        server.answers.append(self.refused())
        sender.put_events(REQUEST)
        sender.put_events(REQUEST)
        dates = [received.headers["X-Amz-Date"] for received in server.received]
        assert dates == ["20260921T121320Z", "20260921T141320Z", "20260921T141320Z"]

    def test_is_not_corrected_by_an_answer_to_an_unsigned_request(
        self, server: HttpServer
    ) -> None:
        """Its time was not looked at."""
        server.answers.append(self.refused())
        unsigned = Config(signature_version=botocore.UNSIGNED)
        with (
            PinpointSender("app", endpoint_url=server.url, config=unsigned) as sender,
            pytest.raises(ForbiddenError),
        ):
            sender.put_events(REQUEST)
        assert len(server.received) == 1

    def test_does_so_once(self, sender: PinpointSender, server: HttpServer) -> None:
        """A service that still refuses means something else."""
        server.answers.extend([self.refused("SignatureDoesNotMatch")] * 3)
        with pytest.raises(ForbiddenError) as caught:
            sender.put_events(REQUEST)
        assert caught.value.code == "SignatureDoesNotMatch"
        assert len(server.received) == 2


def run(script: str, **environ: str) -> str:
    """Run a script in a separate process, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "error", **environ},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.stdout


class TestLoading:
    """Botocore is loaded late, and as little of it as will do."""

    def test_waits_for_a_sender(self) -> None:
        """Who only names the class does not load botocore."""
        script = (
            "import sys; from pinpoint_events import PinpointSender\n"
            "print('botocore' in sys.modules, 'urllib3' in sys.modules)"
        )
        assert run(script) == "False False\n"

    @pytest.mark.skipif(
        sys.platform in {"darwin", "win32"}, reason="a session is always asked"
    )
    def test_needs_no_session(self, server: HttpServer) -> None:
        """Keys in the environment and no files: no session is loaded."""
        script = (
            "import sys; from pinpoint_events import *\n"
            "with PinpointSender('app') as sender:\n"
            "    request = BatchBuilder().add('e', Event('x'), event_id='v').build()\n"
            "    print(sender.put_events(request).results['e'].status_code)\n"
            "loaded = {'botocore.session', 'botocore.client', 'botocore.config'}\n"
            "print(loaded & {*sys.modules})"
        )
        assert run(script, AWS_ENDPOINT_URL=server.url) == "None\nset()\n"

    def test_prints_nothing(self, server: HttpServer) -> None:
        """A program that sets up no logging sees nothing of retries."""
        server.answers.append(Answer(status=500))
        script = (
            "import sys; sys.stderr = sys.stdout\n"
            "from pinpoint_events import *\n"
            "with PinpointSender('app') as sender:\n"
            "    sender.put_events(BatchBuilder().add('e', Event('x')).build())\n"
            "print('done')"
        )
        assert run(script, AWS_ENDPOINT_URL=server.url) == "done\n"
        assert len(server.received) == 2

    def test_leaves_nothing_open(self, server: HttpServer) -> None:
        """A sender that no one closed ends with its process, without a warning."""
        script = (
            "from pinpoint_events import *\n"
            "sender = PinpointSender('app')\n"
            "sender.put_events(BatchBuilder().add('e', Event('x')).build())\n"
            "print('done')"
        )
        assert run(script, AWS_ENDPOINT_URL=server.url) == "done\n"


class Recorder:
    """An observer that keeps what it was called with."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._failure = failure

    def _keep(self, *call: Any) -> None:
        self.calls.append(call)
        if self._failure is not None:
            raise self._failure

    def sending(self, attempt: Attempt) -> None:
        """Keep the attempt."""
        self._keep("sending", attempt)

    def answered(self, attempt: Attempt, response: HttpResponse) -> None:
        """Keep the status."""
        self._keep("answered", attempt, response.status)

    def failed(self, attempt: Attempt, error: PinpointEventsError) -> None:
        """Keep the class of the error."""
        self._keep("failed", attempt, type(error))


class TestObserver:
    """An observer watches each HTTP request, and changes none."""

    def test_sees_each_attempt(self, server: HttpServer) -> None:
        """Before it is sent, and with its answer or error after."""
        observer: AttemptObserver = (recorder := Recorder())
        server.answers.extend([BUSY, CUT])
        size = len(to_json(REQUEST))
        with PatientSender("app", endpoint_url=server.url, observer=observer) as sender:
            sender.put_events(REQUEST)
        url = f"{server.url}/v1/apps/app/events"
        attempts = [Attempt(number, 3, url, size) for number in (1, 2, 3)]
        assert recorder.calls == [
            ("sending", attempts[0]),
            ("answered", attempts[0], 503),
            ("sending", attempts[1]),
            ("failed", attempts[1], TransportError),
            ("sending", attempts[2]),
            ("answered", attempts[2], 202),
        ]

    def test_may_be_set_later(self, server: HttpServer) -> None:
        """The attribute counts, and None watches nothing."""
        recorder = Recorder()
        with PatientSender("app", endpoint_url=server.url) as sender:
            sender.put_events(REQUEST)
            assert sender.observer is None
            sender.observer = recorder
            assert sender.observer is recorder
            sender.put_events(REQUEST)
        assert [call[0] for call in recorder.calls] == ["sending", "answered"]

    def test_does_no_harm(
        self, server: HttpServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its exceptions are logged by their place, and the call goes on."""
        observer = Recorder(RuntimeError("someone@example.com"))
        with PatientSender("app", endpoint_url=server.url, observer=observer) as sender:
            response = sender.put_events(REQUEST)
        response.raise_for_failures(REQUEST)
        assert [record.getMessage() for record in caplog.records] == [
            "observer failed",
            "observer failed",
        ]
        problems = [
            vars(record)["pinpoint_events.problem"] for record in caplog.records
        ]
        assert all(each.startswith("unexpected RuntimeError") for each in problems)
        assert "someone" not in "".join(problems)
