"""
No secret, and nothing of what is sent, gets into an error, a log or an object's `repr`.

Secrets are planted in every place that can hold one. Then each way in which a call can
end is taken, and everything that was said meanwhile is searched.
"""

import base64
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from pinpoint_events.errors import PinpointEventsError
from pinpoint_events.model.endpoint import ChannelType, Endpoint, Location, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders import MemorySender, PinpointSender
from pinpoint_events.wire import to_json
from tests.aws import aws
from tests.clients import LOADER
from tests.commands import takes_long
from tests.fake_time import FakeTime
from tests.http_server import CUT, SILENCE, Answer, HttpServer, Received, accepted
from tests.recorders import OnDemandRecorder
from tests.stores import writing

__all__ = ["aws"]

KEY_ID = "AKIDPLANTEDINTHEENV"
SECRET = "planted/secret+key=of-the-environment"
TOKEN = "planted-token/" + "of+the+environment=" * 40
PROXY_PASSWORD = "planted-proxy-password"
SECRETS = {
    "key id": KEY_ID,
    "secret key": SECRET,
    "session token": TOKEN,
    "start of the token": TOKEN[:30],
    "proxy password": PROXY_PASSWORD,
    "proxy header": base64.b64encode(f"me:{PROXY_PASSWORD}".encode()).decode(),
}
PAYLOAD = {
    "address": "planted-address@example.com",
    "endpoint attribute": "planted-interest",
    "city": "planted-city",
    "user id": "planted-user",
    "user attribute": "planted-team",
    "event attribute": "planted-note",
    "session": "planted-session",
}
NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
REQUEST = EventsRequest(
    batch_item={
        "e-1": EventsBatch(
            endpoint=Endpoint(
                channel_type=ChannelType.EMAIL,
                address=PAYLOAD["address"],
                attributes={"interests": [PAYLOAD["endpoint attribute"]]},
                location=Location(city=PAYLOAD["city"]),
                user=User(
                    user_id=PAYLOAD["user id"],
                    user_attributes={"teams": [PAYLOAD["user attribute"]]},
                ),
            ),
            events={
                "v-1": Event(
                    "tapped",
                    attributes={"note": PAYLOAD["event attribute"]},
                    session=Session(id=PAYLOAD["session"], start_timestamp=NOON),
                )
            },
        )
    }
)


def quoting(received: Received) -> Answer:
    """Return what AWS says when it refuses a signature: the request as it came."""
    lines = [f"{name.lower()}:{value}" for name, value in received.headers.items()]
    sent = "\n".join(lines)
    message = f"The Canonical String for this request should have been\n{sent}"
    body = json.dumps({"message": message, "address": PAYLOAD["address"]}).encode()
    headers = {"x-amzn-ErrorType": f"SignatureDoesNotMatch{KEY_ID}"}
    return Answer(status=403, body=body, headers=headers)


def blaming(received: Received) -> Answer:
    """Return a refusal that quotes an address."""
    said = f"Cannot send to {PAYLOAD['address']}, key {KEY_ID}, secret {SECRET}."
    return Answer(status=400, body=json.dumps({"Message": said}).encode())


def misplacing(received: Received) -> Answer:
    """Return a refusal with a secret where the id of the request belongs."""
    return Answer(status=400, headers={"x-amzn-RequestId": f"r-{TOKEN}"})


def echoing(received: Received) -> Answer:
    """Return the whole request with a status that is a failure."""
    return Answer(status=500, body=received.body + TOKEN.encode())


def echoing_success(received: Received) -> Answer:
    """Return the whole request, and some more, in place of an answer."""
    return Answer(body=b"<html>" + received.body + TOKEN.encode())


def cut_short(received: Received) -> Answer:
    """Return a part of an answer that quotes the request."""
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n"
    return Answer(raw=head + received.body + TOKEN.encode())


def gibberish(received: Received) -> Answer:
    """Return no HTTP, but what was sent."""
    return Answer(raw=TOKEN.encode() + received.body)


ENDINGS: dict[str, Callable[[Received], Answer]] = {
    "accepted": accepted,
    "403": quoting,
    "400": blaming,
    "misplaced": misplacing,
    "500": echoing,
    "503": lambda _: Answer(status=503),
    "page": echoing_success,
    "cut": lambda _: CUT,
    "cut short": cut_short,
    "silence": lambda _: SILENCE,
    "gibberish": gibberish,
}


class Log(logging.Handler):
    """Keeps everything that anyone logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, the error with it, and all else that the record has."""
        self.lines.extend([self.format(record), repr(record.__dict__)])


@pytest.fixture
def log() -> Iterator[Log]:
    """Listen to every logger, at its lowest level."""
    root = logging.getLogger()
    named = [
        logging.getLogger(name)
        for name in [*logging.root.manager.loggerDict]
        if name.startswith(("botocore", "urllib3", "pinpoint_events"))
    ]
    levels = [(logger, logger.level) for logger in [root, *named]]
    handler = Log()
    root.addHandler(handler)
    for logger, _ in levels:
        logger.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _planted(aws: pytest.MonkeyPatch) -> None:
    aws.setattr("botocore.session.create_loader", lambda _: LOADER)
    aws.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    aws.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    aws.setenv("AWS_SESSION_TOKEN", TOKEN)
    aws.setenv("AWS_DEFAULT_REGION", "eu-west-1")


class PatientSender(PinpointSender):
    """A sender whose waits take no time."""

    _time = FakeTime()


def said_by(error: BaseException) -> Iterator[str]:
    """Yield all that an error, and what it is chained to, says."""
    yield "".join(traceback.format_exception(error))
    yield repr(pickle.loads(pickle.dumps(error)).__dict__)
    following: BaseException | None = error
    while following is not None:
        yield str(following)
        yield repr(following)
        yield repr(following.args)
        yield repr(vars(following))
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def said_meanwhile(log: Log, **arguments: Any) -> tuple[list[str], bool]:
    """Return everything that is said while a request is sent, and if that failed."""
    said = []
    failed = False
    try:
        with PatientSender("app", **arguments) as sender:
            said.append(repr(sender))
            said.append(repr(sender.put_events(REQUEST)))
    except PinpointEventsError as error:
        failed = True
        said.extend(said_by(error))
    return [*said, *log.lines], failed


def check(said: list[str]) -> None:
    """Check that nothing that was planted was said."""
    text = "\n".join(said)
    found = [
        name for name, planted in {**SECRETS, **PAYLOAD}.items() if planted in text
    ]
    assert found == []


class TestLeaks:
    """However a call ends, no one learns from it what is no one's business."""

    @pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
    @pytest.mark.parametrize("has_session", [False, True])
    def test_when_it_ends(
        self,
        ending: Callable[[Received], Answer],
        log: Log,
        *,
        has_session: bool,
    ) -> None:
        """Success, refusals, failures and nonsense, by both ways to settings."""
        # Silence ends by a timeout, which only a config can shorten.
        is_silent = ending is ENDINGS["silence"]
        config = Config(read_timeout=0.05) if has_session or is_silent else None
        with HttpServer(default=ending) as server:
            said, failed = said_meanwhile(log, endpoint_url=server.url, config=config)
        assert failed is (ending is not accepted)
        check(said)

    @pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
    @takes_long
    def test_when_it_ends_behind_a_proxy(
        self,
        ending: Callable[[Received], Answer],
        log: Log,
        aws: pytest.MonkeyPatch,
    ) -> None:
        """The same through a proxy that has a password."""
        with HttpServer(default=ending) as server:
            aws.setenv("HTTP_PROXY", f"http://me:{PROXY_PASSWORD}@{server.url[7:]}")
            said, failed = said_meanwhile(
                log,
                endpoint_url="http://pinpoint.test",
                config=Config(read_timeout=0.05),
            )
            assert server.received
        assert failed is (ending is not accepted)
        check(said)

    @pytest.mark.parametrize("status", [403, 407])
    def test_when_a_proxy_refuses(
        self, status: int, log: Log, aws: pytest.MonkeyPatch
    ) -> None:
        """A tunnel that is refused."""
        with HttpServer(default=lambda _: Answer(status=status)) as server:
            aws.setenv("HTTPS_PROXY", f"http://me:{PROXY_PASSWORD}@{server.url[7:]}")
            said, failed = said_meanwhile(log)
        assert failed
        check(said)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"endpoint_url": f"https://me:{PROXY_PASSWORD}@host"},
            {"endpoint_url": f"https://host?{PROXY_PASSWORD}"},
            {"config": Config(proxies={"https": f"ftp://me:{PROXY_PASSWORD}@host"})},
            {"config": Config(proxies={"https": f"http://m\u00e9:{PROXY_PASSWORD}@h"})},
            {"credentials": (KEY_ID, SECRET)},
            {"session": SECRET},
            {"config": SECRET},
            {"retry": SECRET},
        ],
    )
    def test_when_an_argument_is_wrong(
        self, arguments: dict[str, Any], log: Log
    ) -> None:
        """What is refused is not repeated."""
        said, failed = said_meanwhile(log, **arguments)
        assert failed
        check(said)

    @pytest.mark.parametrize("ending", ["\n", "\r\nX-Evil: 1", "\u00e9"])
    def test_when_a_token_fits_into_no_header(
        self, ending: str, log: Log, aws: pytest.MonkeyPatch
    ) -> None:
        """A token with a line break at its end is a usual mistake."""
        aws.setenv("AWS_SESSION_TOKEN", TOKEN + ending)
        said, failed = said_meanwhile(log, endpoint_url="http://127.0.0.1:1")
        assert failed
        check(said)

    @pytest.mark.parametrize("name", ["config", "credentials"])
    def test_when_a_file_is_broken(self, name: str, log: Log, tmp_path: Path) -> None:
        """A line that cannot be read may be the one with the secret."""
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / name).write_text(f"aws_secret_access_key = {SECRET}\n")
        said, failed = said_meanwhile(log)
        assert failed
        check(said)

    def test_when_there_are_no_credentials(
        self, log: Log, aws: pytest.MonkeyPatch
    ) -> None:
        """Half of a pair may be there."""
        aws.delenv("AWS_ACCESS_KEY_ID")
        said, failed = said_meanwhile(log)
        assert failed
        check(said)

    @pytest.mark.parametrize("planted", [*SECRETS.values(), *PAYLOAD.values()])
    def test_is_a_test_that_finds_them(self, planted: str, log: Log) -> None:
        """What is planted would be found: in a log, and in what an error stands on."""
        logging.getLogger("botocore.any").debug("said %s", planted)
        failure = PinpointEventsError("failed")
        failure.__cause__ = ValueError(planted)
        for said in (log.lines, list(said_by(failure))):
            with pytest.raises(AssertionError):
                check(said)


IDS = ("planted-endpoint", "planted-event")


def fail(given: object) -> None:
    """Fail as a hook, with all that it was given."""
    raise ValueError(repr(given), *IDS, *PAYLOAD.values())


def record_and_say(recorder: OnDemandRecorder, log: Log) -> list[str]:
    """Record, deliver, and return everything that is said, but to hooks."""
    endpoint_id, event_id = IDS
    batch = REQUEST.batch_item["e-1"]
    recorder.identify(endpoint_id, batch.endpoint)
    recorder.record(endpoint_id, batch.events["v-1"], event_id=event_id)
    said = [repr(recorder), str(recorder.flush(5.0)), str(recorder.stats())]
    recorder.close(0)
    recorder.record(endpoint_id, batch.events["v-1"], event_id=event_id)
    return [*said, *log.lines]


def check_recorder(said: list[str]) -> None:
    """Check that nothing that was planted was said, and no id."""
    check(said)
    text = "\n".join(said)
    assert [each for each in IDS if each in text] == []


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Name a file, or none."""
    return tmp_path / "spool.db" if request.param == "file" else None


class TestRecorderLeaks:
    """What a recorder logs tells of no event either."""

    @pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
    def test_when_a_delivery_ends(
        self, ending: Callable[[Received], Answer], log: Log, spool: Path | None
    ) -> None:
        """Success, refusals, outages and nonsense; hooks fail with what they know."""
        config = Config(read_timeout=0.05) if ending is ENDINGS["silence"] else None
        with HttpServer(default=ending) as server:
            recorder = OnDemandRecorder(
                PatientSender("app", endpoint_url=server.url, config=config),
                spool=spool,
                on_rejected=fail,
                on_dropped=fail,
                on_error=fail,
            )
            said = record_and_say(recorder, log)
        assert "recorded items were dropped" in "".join(log.lines)
        check_recorder(said)

    def test_when_a_sender_is_defective(self, log: Log, spool: Path | None) -> None:
        """The message of an error that is not ours may hold anything."""

        def answer(request: EventsRequest) -> EventsResponse:
            raise KeyError(to_json(request), *IDS)

        sender = MemorySender(answer=answer)
        recorder = OnDemandRecorder(sender, spool=spool, on_error=fail)
        said = record_and_say(recorder, log)
        assert "KeyError" in "".join(log.lines)
        check_recorder(said)

    def test_when_the_spool_fails(self, log: Log, tmp_path: Path) -> None:
        """Neither SQLite's statement nor its values."""
        path = tmp_path / "spool.db"
        recorder = OnDemandRecorder(MemorySender(), spool=path, on_error=fail)
        with writing(path):
            said = record_and_say(recorder, log)
        assert "the spool's file cannot be used" in "".join(log.lines)
        check_recorder(said)
