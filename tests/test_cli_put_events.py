import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from pathlib import Path
from queue import Queue
from typing import Any

import attrs
import pytest

from pinpoint_events import Endpoint
from pinpoint_events.cli import main
from pinpoint_events.wire.names import wire_name
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment, run
from tests.http_server import (
    CUT,
    REQUEST_ID,
    Answer,
    HttpServer,
    Received,
    accepted,
    answered,
)
from tests.test_cli import FULL, needs_a_full_device, needs_posix

__all__ = ["aws"]

SECRET = "someone@example.com"
EVENT = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00.123Z"}
REQUEST = {"BatchItem": {"e-1": {"Endpoint": {}, "Events": {"v-1": EVENT}}}}
TEXT = json.dumps(REQUEST)
ACCEPTED = """\
{
    "EventsResponse": {
        "Results": {
            "e-1": {
                "EndpointItemResponse": {
                    "Message": "Accepted",
                    "StatusCode": 202
                },
                "EventsItemResponse": {
                    "v-1": {
                        "Message": "Accepted",
                        "StatusCode": 202
                    }
                }
            }
        }
    }
}
"""
Put = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def put(capsys: pytest.CaptureFixture[str]) -> Put:
    """A function that runs the command; it gives code, output, and lines of errors."""

    def put_events(*arguments: str) -> tuple[int, str, list[str]]:
        code = main(["put-events", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert SECRET not in out + err
        return code, out, err.splitlines()

    return put_events


@pytest.fixture
def keys(aws: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with credentials and a region, and one attempt for each call."""
    settings = {**KEYS, "AWS_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in settings.items():
        aws.setenv(name, value)
    return aws


def file_of(directory: Path, data: object) -> str:
    """Write data as a file of JSON, and return the option's value that names it."""
    path = directory / "input.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return f"file://{path}"


class TestSending:
    """A request goes to the URL, or to the service; the answer is printed."""

    def test_to_sqlite(self, put: Put, tmp_path: Path) -> None:
        """The application id is kept with the events."""
        path = tmp_path / "events.db"
        to = f"--to=sqlite:///{path}"
        arguments = ("--application-id", "my-app", "--events-request", TEXT)
        assert put(*arguments, to) == (0, ACCEPTED, [])
        with closing(sqlite3.connect(path)) as store:
            found = store.execute("SELECT application_id, event_id FROM events")
            assert found.fetchall() == [("my-app", "v-1")]

    def test_needs_no_application_id(self, put: Put) -> None:
        """Where the URL says all, the application id need not be given."""
        arguments = ("--events-request", TEXT, "--to", "memory:")
        assert put(*arguments) == (0, ACCEPTED, [])

    def test_to_the_service(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """Without a URL, AWS settings say where to send and who sends."""
        with HttpServer() as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            arguments = ("--application-id", "a/b c", "--events-request", TEXT)
            assert put(*arguments) == (0, ACCEPTED, [])
        (received,) = server.received
        scope = "/eu-west-1/mobiletargeting/aws4_request, "
        assert (received.method, received.target) == (
            "POST",
            "/v1/apps/a%2Fb%20c/events",
        )
        assert json.loads(received.body) == REQUEST
        assert scope in received.headers["Authorization"]

    def test_to_an_endpoint(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """A URL says where the service is; the application id may stand in both."""
        with HttpServer() as server:
            to = f"pinpoint://my-app?region=us-east-1&endpoint_url={server.url}"
            arguments = ("--events-request", TEXT, "--to", to)
            assert put(*arguments) == (0, ACCEPTED, [])
            assert put(*arguments, "--application-id", "my-app") == (0, ACCEPTED, [])
        assert [received.target for received in server.received] == [
            "/v1/apps/my-app/events",
            "/v1/apps/my-app/events",
        ]

    def test_as_a_process(self, tmp_path: Path) -> None:
        """Input and output are UTF-8, whatever language the shell is set to."""
        batch: dict[str, Any] = {"Endpoint": {}, "Events": {}}
        request = {"BatchItem": {"bücher-é": batch}}
        path = tmp_path / "request.json"
        path.write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")
        ran = run(
            *("put-events", "--to", "memory:", "--events-request", f"file://{path}"),
            cwd=tmp_path,
            LC_ALL="C",
            PYTHONCOERCECLOCALE="0",
            PYTHONIOENCODING="ascii",
            PYTHONUTF8="0",
        )
        assert (ran.code, ran.err) == (0, "")
        assert list(json.loads(ran.out)["EventsResponse"]["Results"]) == ["bücher-é"]
        assert '"bücher-é"' in ran.out

    @needs_posix
    def test_from_standard_input(self, tmp_path: Path) -> None:
        """A pipe serves as a file."""
        ran = subprocess.run(
            [
                *(*COMMAND, "put-events", "--to", "memory:"),
                *("--cli-input-json", "file:///dev/stdin"),
            ],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=environment(),
            input=json.dumps({"EventsRequest": REQUEST}).encode(),
            timeout=60,
        )
        assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (0, ACCEPTED, b"")

    @needs_posix
    def test_without_standard_output(self, tmp_path: Path) -> None:
        """Where the shell closed it, the store does not take its place."""
        script = 'exec "$@" >&-'
        to = "sqlite:///events.db"
        ran = subprocess.run(
            [
                *("sh", "-c", script, "sh", *COMMAND, "put-events"),
                *("--to", to, "--events-request", TEXT),
            ],
            check=False,
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.PIPE,
            timeout=60,
        )
        assert (ran.returncode, ran.stderr) == (0, b"")
        with closing(sqlite3.connect(tmp_path / "events.db")) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert store.execute("SELECT event_id FROM events").fetchall() == [("v-1",)]


class TestInput:
    """What is given by its own option replaces what stands in the whole input."""

    def test_whole(self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """`--cli-input-json` has both."""
        whole = file_of(tmp_path, {"ApplicationId": "whole", "EventsRequest": REQUEST})
        with HttpServer() as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            assert put("--cli-input-json", whole) == (0, ACCEPTED, [])
        assert server.received[0].target == "/v1/apps/whole/events"

    def test_own_options_win(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The request is replaced whole, so nothing of the other one is even read."""
        other = {"BatchItem": {"e-2": {"Endpoint": {"Bogus": 1}}}}
        whole = file_of(tmp_path, {"ApplicationId": "whole", "EventsRequest": other})
        with HttpServer() as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            own = ("--application-id", "own", "--events-request", TEXT)
            assert put(*own, "--cli-input-json", whole) == (0, ACCEPTED, [])
        assert server.received[0].target == "/v1/apps/own/events"
        assert json.loads(server.received[0].body) == REQUEST

    def test_each_alone(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """One of the two may stand in the whole input, the other beside it."""
        with HttpServer() as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            only_id = file_of(tmp_path, {"ApplicationId": "whole"})
            arguments = ("--cli-input-json", only_id, "--events-request", TEXT)
            assert put(*arguments) == (0, ACCEPTED, [])
            only_request = file_of(tmp_path, {"EventsRequest": REQUEST})
            arguments = ("--cli-input-json", only_request, "--application-id", "own")
            assert put(*arguments) == (0, ACCEPTED, [])
        assert [received.target for received in server.received] == [
            "/v1/apps/whole/events",
            "/v1/apps/own/events",
        ]

    def test_forms(self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The last of two is taken; `=` and the start of a name will do."""
        path = tmp_path / "id.txt"
        path.write_bytes(b"from-a-file\r\n")
        with HttpServer() as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            first = ("--application-id", "first", "--events-request", "{}")
            last = (f"--app=file://{path}", f"--events={TEXT}")
            assert put(*first, *last) == (0, ACCEPTED, [])
        assert server.received[0].target == "/v1/apps/from-a-file/events"

    @pytest.mark.parametrize(
        "arguments, problems",
        [
            (
                ["--cli-input-json", "{}"],
                [
                    (
                        'Missing required parameter in input: "ApplicationId"; pass '
                        "--application-id, or ApplicationId in --cli-input-json"
                    ),
                    (
                        'Missing required parameter in input: "EventsRequest"; pass '
                        "--events-request, or EventsRequest in --cli-input-json"
                    ),
                ],
            ),
            (
                ["--cli-input-json", '{"EventsRequest": null}', "--to", "memory:"],
                [
                    (
                        'Missing required parameter in input: "EventsRequest"; pass '
                        "--events-request, or EventsRequest in --cli-input-json"
                    )
                ],
            ),
            (
                [
                    "--cli-input-json",
                    '{"Bogus": 1, "ApplicationId": "a", "ApplicationId": 2}',
                    "--events-request",
                    TEXT,
                ],
                [
                    (
                        'Unknown parameter in input: "Bogus", must be one of: '
                        "ApplicationId, EventsRequest; leave it out"
                    ),
                    "ApplicationId: occurs twice; each member once; drop one",
                    (
                        "Invalid type for parameter ApplicationId, type: <class "
                        "'int'>; expected a string; write it in quotes"
                    ),
                ],
            ),
            (
                ["--cli-input-json", TEXT, "--to", "memory:"],
                [
                    (
                        'Unknown parameter in input: "BatchItem", must be one of: '
                        "ApplicationId, EventsRequest; pass what holds it with "
                        "--events-request"
                    ),
                    (
                        'Missing required parameter in input: "EventsRequest"; pass '
                        "--events-request, or EventsRequest in --cli-input-json"
                    ),
                ],
            ),
            (
                ["--application-id", "", "--events-request", TEXT],
                ["ApplicationId: is empty; at least 1 character; give it a name"],
            ),
            (
                ["--application-id", "a\udcff", "--events-request", TEXT],
                [
                    (
                        "ApplicationId: has a lone surrogate; text that UTF-8 can "
                        "hold; correct its \\u escapes"
                    )
                ],
            ),
            (
                [
                    "--events-request",
                    (
                        '{"BatchItem": {"e": {"Endpoint": {"Attributes": '
                        '{"k": ["a", 1], "a b": 1}}, "Events": {}}}}'
                    ),
                    "--to",
                    "memory:",
                ],
                [
                    (
                        "Invalid type for parameter "
                        "EventsRequest.BatchItem.e.Endpoint.Attributes.k[1], type: "
                        "<class 'int'>; expected a string; write it in quotes"
                    ),
                    (
                        "Invalid type for parameter "
                        "EventsRequest.BatchItem.e.Endpoint.Attributes['a b'], type: "
                        "<class 'int'>; expected an array of strings; write an array "
                        "of strings"
                    ),
                ],
            ),
            (
                ["--cli-input-json", '{"EventsRequest": []}', "--to", "memory:"],
                [
                    (
                        "Invalid type for parameter EventsRequest, type: <class "
                        "'list'>; expected an object with members of BatchItem; "
                        "write it as {...}"
                    )
                ],
            ),
        ],
    )
    def test_refused(self, put: Put, arguments: list[str], problems: list[str]) -> None:
        """All problems are reported, each in one line, and nothing is sent."""
        assert put(*arguments) == (252, "", ["Parameter validation failed:", *problems])

    def test_refused_request(self, put: Put) -> None:
        """The AWS CLI's messages are used where it has some; no value is repeated."""
        endpoint = {"Address": SECRET, "Bogus": SECRET}
        event = f'{{"Metrics": {{"m": "{SECRET}"}}, "Metrics": {{}}}}'
        batch = (
            f'{{"Endpoint": {json.dumps(endpoint)}, "Events": {{"v\\n1": {event}}}}}'
        )
        request = f'{{"BatchItem": {{"e-1": {batch}}}}}'
        code, out, err = put("--to", "memory:", "--events-request", request)
        where = "EventsRequest.BatchItem.e-1"
        event_at = f"{where}.Events['v\\n1']"
        members = ", ".join(wire_name(each.name) for each in attrs.fields(Endpoint))
        assert (code, out, err[0]) == (252, "", "Parameter validation failed:")
        missing = "Missing required parameter in"
        assert "\n".join(err[1:]) == (
            f'Unknown parameter in {where}.Endpoint: "Bogus", must be one of: '
            f"{members}; leave it out\n"
            f'{missing} {where}.Endpoint: "ChannelType"; an address needs its channel; '
            'say which, as in "ChannelType": "EMAIL"\n'
            f"{event_at}.Metrics: occurs twice; each key once; rename one, or put both "
            "into one object\n"
            f'{missing} {event_at}: "EventType"; a required member; add it\n'
            f'{missing} {event_at}: "Timestamp"; a required member; add it'
        )

    def test_over_quota(self, put: Put, tmp_path: Path) -> None:
        """What is too much for one request is not sent, to whatever place."""
        events = {f"v-{number}": EVENT for number in range(101)}
        request = {"BatchItem": {"e-1": {"Endpoint": {}, "Events": events}}}
        path = tmp_path / "events.db"
        to = f"sqlite:///{path}"
        assert put("--events-request", json.dumps(request), "--to", to) == (
            252,
            "",
            [
                "Parameter validation failed:",
                (
                    "101 events; at most 100; send it in parts, or as JSON Lines with "
                    "`pinpoint-events load`"
                ),
            ],
        )
        with closing(sqlite3.connect(path)) as store:
            assert store.execute("SELECT * FROM events").fetchall() == []


def mixed(received: Received) -> Answer:
    """Answer one event in each way there is."""
    events = {
        "taken": {"StatusCode": 202, "Message": "Accepted"},
        "refused": {"StatusCode": 400, "Message": "Missing\nsome\x1b[2Jthing"},
        "busy": {"StatusCode": 500},
    }
    return answered({"e-1": {"EventsItemResponse": events}})


MIXED_REQUEST = {
    "BatchItem": {
        "e-1": {
            "Endpoint": {},
            "Events": dict.fromkeys(["taken", "refused", "busy", "lost"], EVENT),
        }
    }
}
MIXED_MESSAGES = [
    "BatchItem['e-1'].Endpoint: unreported",
    "BatchItem['e-1'].Events['refused']: rejected (400): Missing some\ufffd[2Jthing",
    "BatchItem['e-1'].Events['busy']: retryable (500)",
    "BatchItem['e-1'].Events['lost']: unreported",
]


class TestFailures:
    """Exit codes tell whose turn it is; one line tells what to do."""

    def mixed_arguments(self, server: HttpServer) -> list[str]:
        """Return arguments that send a request with an item for each outcome."""
        to = f"pinpoint://my-app?endpoint_url={server.url}"
        return ["--to", to, "--events-request", json.dumps(MIXED_REQUEST)]

    def test_of_items(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """An answer is success; each item that is not accepted is reported."""
        with HttpServer(default=mixed) as server:
            code, out, err = put(*self.mixed_arguments(server))
        (results,) = json.loads(out)["EventsResponse"]["Results"].values()
        assert (code, err) == (0, MIXED_MESSAGES)
        assert list(results["EventsItemResponse"]) == ["taken", "refused", "busy"]

    @needs_a_full_device
    def test_of_items_and_output(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """They are reported also where the answer itself cannot be printed."""
        with HttpServer(default=mixed) as server:
            arguments = self.mixed_arguments(server)
            with FULL.open("w", encoding="utf-8") as full, redirect_stdout(full):
                code, _, err = put(*arguments)
        assert code == 255
        assert err == [
            *MIXED_MESSAGES,
            (
                "standard output cannot be written: No space left on device; the "
                "request was sent, and the answer is lost"
            ),
        ]

    def test_of_items_and_reader(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """And where standard output is closed early."""
        reading, writing = os.pipe()
        os.close(reading)
        with HttpServer(default=mixed) as server:
            arguments = self.mixed_arguments(server)
            with os.fdopen(writing, "w") as pipe, redirect_stdout(pipe):
                assert put(*arguments) == (0, "", MIXED_MESSAGES)

    def test_of_the_request(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """The service's refusal is reported in the AWS CLI's words, with what to do."""
        body = json.dumps({"Message": f"no {SECRET} here", "RequestID": "r"}).encode()
        headers = {"x-amzn-ErrorType": "ForbiddenException"}
        request = json.loads(TEXT)
        request["BatchItem"]["e-1"]["Endpoint"] = {
            "Address": SECRET,
            "ChannelType": "EMAIL",
        }
        with HttpServer(Answer(403, body, headers), Answer(404)) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            app = ("--application-id", "my-app")
            answers = [
                put(*app, "--events-request", json.dumps(request)),
                put(*app, "--events-request", TEXT),
            ]
        forbidden = (
            "An error occurred (ForbiddenException) when calling the PutEvents "
            "operation: no [hidden] here; check credentials, region and clock, and "
            "that the caller is allowed mobiletargeting:PutEvents on this application "
            f"(request id {REQUEST_ID})"
        )
        not_found = (
            "An error occurred (404) when calling the PutEvents operation: HTTP 404; "
            "check application id, region and endpoint URL; AWS ended Pinpoint's event "
            "collection on 2026-10-30: send to a PutEvents endpoint of your own "
            "(`pinpoint-events serve`), or keep events in SQLite with SqliteSender "
            f"(request id {REQUEST_ID})"
        )
        assert answers == [(254, "", [forbidden]), (254, "", [not_found])]

    def test_of_the_connection(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """Without an answer nothing is known, which is neither's turn."""
        with HttpServer(CUT) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            arguments = ("--application-id", "a", "--events-request", TEXT)
            code, out, err = put(*arguments)
        assert (code, out, len(err)) == (255, "", 1)
        assert server.url in err[0]

    def test_of_the_answer(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """A page in place of an answer is no answer."""
        with HttpServer(Answer(200, b"<html>")) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            arguments = ("--application-id", "a", "--events-request", TEXT)
            code, out, err = put(*arguments)
        assert (code, out, len(err)) == (255, "", 1)
        assert "is no JSON object; the events may have been accepted" in err[0]

    def test_of_the_store(self, put: Put, tmp_path: Path) -> None:
        """A store that cannot be used is reported by its path."""
        to = f"sqlite:///{tmp_path}"
        code, out, err = put("--events-request", TEXT, "--to", to)
        assert (code, out, len(err)) == (255, "", 1)
        assert err[0].startswith(f"the store {str(tmp_path)!r} ")

    @pytest.mark.parametrize(
        "to", ["events.db", "pinpoint://a:b@c", f"memory:?{SECRET}", "mysql://x", ""]
    )
    def test_of_the_url(self, put: Put, to: str) -> None:
        """A URL that is not understood is the environment's fault, and not shown."""
        arguments = ("--events-request", TEXT, "--to", to)
        code, out, err = put(*arguments)
        assert (code, out, len(err)) == (253, "", 1)

    def test_of_two_ids(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """An id that differs from the URL's is refused."""
        to = ("--to", "pinpoint://one?region=eu-west-1")
        request = ("--events-request", TEXT)
        code, out, err = put("--application-id", "two", *request, *to)
        assert (code, out, len(err)) == (253, "", 1)

    def test_of_the_region(self, put: Put, aws: pytest.MonkeyPatch) -> None:
        """No region is the AWS CLI's 253."""
        arguments = ("--application-id", "a", "--events-request", TEXT)
        code, out, err = put(*arguments)
        assert (code, out, len(err)) == (253, "", 1)
        assert "region" in err[0]

    def test_of_credentials(self, put: Put, aws: pytest.MonkeyPatch) -> None:
        """So is having no credentials."""
        aws.setenv("AWS_REGION", "eu-west-1")
        arguments = ("--application-id", "a", "--events-request", TEXT)
        code, out, err = put(*arguments)
        assert (code, out, len(err)) == (253, "", 1)
        assert "credentials" in err[0]

    @needs_posix
    def test_interrupted(self, tmp_path: Path) -> None:
        """Ctrl-C while the service takes its time ends with 130 and an empty line."""
        started: Queue[int] = Queue()

        def interrupt(received: Received) -> Answer:
            # To the process that waits for this answer.
            os.kill(started.get(), signal.SIGINT)
            return accepted(received)

        with HttpServer(interrupt) as server:
            # Whoever runs tests in the background ignores the signal, and so would its
            # children.
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            process = subprocess.Popen(
                [
                    *(*COMMAND, "put-events", "--application-id", "my-app"),
                    *("--events-request", TEXT),
                ],
                cwd=tmp_path,
                env=environment(
                    **KEYS, AWS_REGION="eu-west-1", AWS_ENDPOINT_URL=server.url
                ),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            signal.signal(signal.SIGINT, before)
            started.put(process.pid)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, b"", b"\n")
