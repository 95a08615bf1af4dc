import io
import json
import logging
import os
import re
import ssl
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import pinpoint_events
from pinpoint_events.cli import main
from pinpoint_events.cli._version import version_text
from tests.aws import KEYS, aws
from tests.http_server import (
    CUT,
    REQUEST_ID,
    SILENCE,
    Answer,
    HttpServer,
    answered,
)
from tests.samples import DATA, ROOT
from tests.test_cli_put_events import (
    ACCEPTED,
    MIXED_MESSAGES,
    MIXED_REQUEST,
    REQUEST,
    SECRET,
    TEXT,
    Put,
    keys,
    mixed,
    put,
)

__all__ = ["aws", "keys", "put"]

APP = ("--application-id", "my-app")
SENT = (*APP, "--events-request", TEXT)
PEM = DATA / "tls" / "localhost.pem"
MIXED = ("--application-id", "a", "--events-request", json.dumps(MIXED_REQUEST))


class TestPage:
    """docs/how-to/use-the-command-line.md."""

    def test_names_each_option(self, put: Put) -> None:
        """What help names stands on the page, and each exit code, too."""
        page = ROOT / "docs" / "how-to" / "use-the-command-line.md"
        text = page.read_text(encoding="utf-8")
        code, out, err = put("--help")
        assert (code, err) == (0, [])
        options = re.findall(r"^  (--[a-z-]+)", out, re.MULTILINE)
        codes = re.findall(r"^  (\d+)  ", out, re.MULTILINE)
        assert len(options) > 20
        assert codes == ["0", "3", "252", "253", "254", "255"]
        assert [name for name in options if f"`{name}`" not in text] == []
        assert [code for code in codes if f"| {code} |" not in text] == []


class TestTogether:
    """Options that contradict each other are reported before anything is done."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--endpoint-url", "http://localhost"),
            ("--region", "eu-west-1"),
            ("--profile", "mine"),
            ("--no-sign-request",),
            ("--no-verify-ssl",),
            ("--ca-bundle", "ca.pem"),
            ("--cli-read-timeout", "0"),
            ("--cli-connect-timeout", "5"),
        ],
        ids=lambda arguments: arguments[0],
    )
    @pytest.mark.parametrize("to", ["sqlite:///events.db", "pinpoint://a", "memory:"])
    def test_two_places(self, put: Put, to: str, arguments: tuple[str, ...]) -> None:
        """A URL says all of where to send."""
        code, out, err = put(*SENT, "--to", to, *arguments)
        assert (code, out, err[0]) == (
            252,
            "",
            (
                f"argument {arguments[0]}: not allowed with argument --to, whose URL "
                "says all of where to send; region and endpoint_url may stand in a "
                "pinpoint:// URL, the rest in AWS' environment variables"
            ),
        )

    def test_two_inputs(self, put: Put) -> None:
        """There is one whole input."""
        both = ("--cli-input-json", "{}", "--cli-input-yaml", "{}")
        message = "Only one --cli-input- parameter may be specified."
        assert put(*both) == (252, "", [message])

    @pytest.mark.parametrize("name", ["--cli-input-json", "--cli-input-yaml"])
    def test_two_readers(self, put: Put, name: str) -> None:
        """Standard input is read once."""
        message = (
            "Only one parameter may be read from standard input; put the other into a "
            "file, and pass file:// and its path"
        )
        assert put(name, "-", "--events-request", "-") == (252, "", [message])

    @pytest.mark.parametrize("seconds", ["-1", "31536001"])
    @pytest.mark.parametrize("name", ["--cli-read-timeout", "--cli-connect-timeout"])
    def test_timeouts(self, put: Put, name: str, seconds: str) -> None:
        """A timeout is some time."""
        code, out, err = put(*SENT, name, seconds)
        assert (code, out, err[0]) == (
            252,
            "",
            f"argument {name}: {seconds} is not from 0 (wait for a day) to 31,536,000",
        )

    @pytest.mark.parametrize("url", ["bogus", "", "//host", f"{SECRET}/x"])
    def test_endpoint_url(self, put: Put, url: str) -> None:
        """A URL without a scheme is none; it is not repeated."""
        message = (
            "Bad value for --endpoint-url: scheme is missing. Must be of the form "
            "http://<hostname>/ or https://<hostname>/"
        )
        assert put(*SENT, "--endpoint-url", url) == (252, "", [message])

    @pytest.mark.parametrize("url", ["http://[", "ftp://host"])
    def test_unusable_endpoint_url(
        self, put: Put, keys: pytest.MonkeyPatch, url: str
    ) -> None:
        """What else is wrong with a URL is reported by the sender."""
        code, out, err = put(*SENT, "--endpoint-url", url)
        assert (code, out) == (253, "")
        assert err[0].startswith("the endpoint URL is not usable; write it as ")

    def test_version(self, put: Put) -> None:
        """The AWS CLI takes this option anywhere."""
        assert put("--version") == (0, f"{version_text()}\n", [])

    def test_without_effect(self, put: Put) -> None:
        """What there is no counterpart of here does no harm."""
        names = ("--no-cli-pager", "--no-paginate", "--no-cli-auto-prompt")
        words = ("--color", "off", "--cli-binary-format", "raw-in-base64-out")
        assert put(*SENT, "--to", "memory:", *names, *words) == (0, ACCEPTED, [])

    @pytest.mark.parametrize(
        "name, words",
        [
            ("--color", "on, off, auto"),
            ("--cli-binary-format", "base64, raw-in-base64-out"),
        ],
    )
    def test_without_effect_but_checked(self, put: Put, name: str, words: str) -> None:
        """A slip in them is reported, as by the AWS CLI."""
        code, out, err = put(*SENT, name, "blue")
        assert (code, out, err[0]) == (
            252,
            "",
            f"argument {name}: Found invalid choice 'blue'; expected one of {words}",
        )


class TestStandardInput:
    """`-` for the request and for the whole input."""

    def given(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        """Put a text on standard input."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    @pytest.mark.parametrize(
        "text", [f"{TEXT}\n", "BatchItem={e-1={Endpoint={},Events={}}}\n"]
    )
    def test_request(
        self, put: Put, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        """JSON or shorthand syntax."""
        self.given(monkeypatch, text)
        code, out, err = put("--to", "memory:", "--events-request", "-")
        assert (code, err) == (0, [])
        assert '"e-1"' in out

    @pytest.mark.parametrize("name", ["--cli-input-json", "--cli-input-yaml"])
    def test_whole_input(
        self, put: Put, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """JSON or YAML, of which JSON is a part."""
        whole = {"ApplicationId": "a", "EventsRequest": REQUEST}
        self.given(monkeypatch, json.dumps(whole))
        assert put("--to", "memory:", name, "-") == (0, ACCEPTED, [])


class TestYamlInput:
    """`--cli-input-yaml`."""

    def test_sends(self, put: Put) -> None:
        """A time needs no quotes, and an id of digits is one."""
        text = (
            "EventsRequest:\n  BatchItem:\n    1:\n      Endpoint: {}\n      Events:\n"
            "        2: {EventType: x, Timestamp: 2026-01-01 00:00:00.5Z}\n"
        )
        code, out, err = put("--to", "memory:", "--cli-input-yaml", text)
        (found,) = json.loads(out)["EventsResponse"]["Results"].items()
        assert (code, err, found[0]) == (0, [], "1")
        assert list(found[1]["EventsItemResponse"]) == ["2"]


class TestShorthand:
    """Shorthand syntax in `--events-request`."""

    def test_problem(self, put: Put) -> None:
        """What is wrong is reported by its place."""
        message = (
            "Error parsing parameter '--events-request': Expected: '=', received: "
            "'EOF' for input: at character 15; pass JSON, shorthand syntax, or "
            "file://PATH for what stands in a file"
        )
        request = ("--events-request", f"BatchItem={{a={'{'}")
        assert put("--to", "memory:", *request) == (252, "", [message])

    @pytest.mark.parametrize(
        "text, message",
        [
            (
                "",
                (
                    "received: 'EOF' for input: at character 1; there is nothing in "
                    "it; pass JSON, shorthand syntax, or file://PATH"
                ),
            ),
            (
                "file://empty",
                (
                    "received: 'EOF' for input: at character 1; there is nothing in "
                    "it; pass JSON, shorthand syntax, or file://PATH"
                ),
            ),
            (
                "request.json",
                (
                    "received: 'EOF' for input: at character 13; pass JSON, shorthand "
                    "syntax, or file://PATH for what stands in a file"
                ),
            ),
            (
                "'{\"BatchItem\": {}}'",
                (
                    "received: ''' for input: at character 1; JSON begins with {; "
                    "leave out the quotes that this shell passes on"
                ),
            ),
        ],
        ids=["nothing", "empty file", "name of a file", "quotes"],
    )
    def test_mistakes(
        self,
        put: Put,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        text: str,
        message: str,
    ) -> None:
        """What is no shorthand syntax was mostly meant to be something else."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "empty").write_bytes(b"\n")
        start = "Error parsing parameter '--events-request': Expected: '=', "
        request = ("--to", "memory:", "--events-request", text)
        assert put(*request) == (252, "", [start + message])

    def test_of_a_file(self, put: Put, tmp_path: Path) -> None:
        """A value may stand in a file that is not there."""
        request = f"BatchItem={{e={{Endpoint={{Address@=file://{tmp_path}/no}}}}}}"
        code, out, (message,) = put("--to", "memory:", "--events-request", request)
        assert (code, out) == (252, "")
        assert message.startswith(
            "Error parsing parameter '--events-request': Unable to load paramfile file://"
        )


class TestPlace:
    """Where a request goes, and how."""

    def test_region_and_url(self, put: Put, aws: pytest.MonkeyPatch) -> None:
        """They go before the environment's."""
        for name, value in {**KEYS, "AWS_REGION": "eu-west-1"}.items():
            aws.setenv(name, value)
        aws.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with HttpServer() as server:
            place = ("--region", "us-east-1", "--endpoint-url", server.url)
            assert put(*SENT, *place) == (0, ACCEPTED, [])
        (received,) = server.received
        assert "/us-east-1/mobiletargeting/" in received.headers["Authorization"]

    def test_region_by_variables(
        self, put: Put, aws: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """`AWS_REGION` goes before `AWS_DEFAULT_REGION`, and both before a profile."""
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-west-3\n")
        for name, value in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-2"}.items():
            aws.setenv(name, value)
        aws.setenv("AWS_REGION", "eu-west-1")
        with HttpServer() as server:
            aws.setenv("AWS_ENDPOINT_URL", server.url)
            assert put(*SENT) == (0, ACCEPTED, [])
            aws.setenv("AWS_REGION", "")
            assert put(*SENT) == (0, ACCEPTED, [])
            aws.delenv("AWS_DEFAULT_REGION")
            assert put(*SENT) == (0, ACCEPTED, [])
        scopes = [each.headers["Authorization"] for each in server.received]
        assert [re.findall("/(eu-west-.)/", scope) for scope in scopes] == [
            ["eu-west-1"],
            ["eu-west-2"],
            ["eu-west-3"],
        ]

    def test_nothing_is_left_out(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """An empty name is none, as in a script whose variable is not set."""
        with HttpServer() as server:
            place = ("--region", "", "--profile", "", "--endpoint-url", server.url)
            assert put(*SENT, *place) == (0, ACCEPTED, [])

    def test_profile(self, put: Put, aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Keys and region are the profile's."""
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text(
            "[profile mine]\nregion = eu-west-2\naws_access_key_id = AKIDMINE\n"
            "aws_secret_access_key = secret\n"
        )
        with HttpServer() as server:
            place = ("--profile", "mine", "--endpoint-url", server.url)
            assert put(*SENT, *place) == (0, ACCEPTED, [])
        (received,) = server.received
        assert "Credential=AKIDMINE/" in received.headers["Authorization"]
        assert "/eu-west-2/mobiletargeting/" in received.headers["Authorization"]

    @pytest.mark.parametrize("has_file", [False, True])
    @pytest.mark.parametrize(
        "arguments, message",
        [
            (("--profile", "nope"), "The config profile (nope) could not be found; "),
            (
                ("--region", "bad region"),
                "Provided region_name 'bad region' doesn't match a supported format; ",
            ),
        ],
    )
    def test_names_that_are_none(
        self,
        put: Put,
        keys: pytest.MonkeyPatch,
        tmp_path: Path,
        arguments: tuple[str, ...],
        message: str,
        *,
        has_file: bool,
    ) -> None:
        """They end as every fault of the environment does."""
        if has_file:
            (tmp_path / ".aws").mkdir()
            (tmp_path / ".aws" / "config").write_text("[default]\noutput = json\n")
        code, out, (line,) = put(*SENT, *arguments)
        assert (code, out) == (253, "")
        assert line.startswith(message)

    def test_no_signature(self, put: Put, aws: pytest.MonkeyPatch) -> None:
        """No keys are needed, and none are sent."""
        with HttpServer() as server:
            place = ("--region", "eu-west-1", "--endpoint-url", server.url)
            assert put(*SENT, *place, "--no-sign-request") == (0, ACCEPTED, [])
        assert "Authorization" not in server.received[0].headers

    @pytest.mark.parametrize(
        "arguments, is_trusted",
        [
            ((), False),
            (("--no-verify-ssl",), True),
            (("--ca-bundle", str(PEM)), True),
            (("--ca-bundle", str(PEM.with_name("other.pem"))), False),
            (("--ca-bundle", str(PEM.with_name("other.pem")), "--no-verify-ssl"), True),
        ],
    )
    def test_certificates(
        self,
        put: Put,
        keys: pytest.MonkeyPatch,
        arguments: tuple[str, ...],
        *,
        is_trusted: bool,
    ) -> None:
        """Whose certificate is trusted."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(PEM, PEM.with_suffix(".key"))
        with HttpServer(tls=tls) as server:
            url = f"https://localhost:{server.port}"
            code, out, err = put(*SENT, "--endpoint-url", url, *arguments)
        if is_trusted:
            assert (code, out, err) == (0, ACCEPTED, [])
        else:
            assert (code, out, len(err)) == (255, "", 1)
            assert "is not trusted" in err[0]

    def test_no_certificates(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A bundle that is none is reported with the name of what named it."""
        place = ("--endpoint-url", "https://localhost:1")
        path = str(tmp_path)
        message = f"the CA bundle {path!r} cannot be read; correct "
        named = put(*SENT, *place, "--ca-bundle", path)
        keys.setenv("AWS_CA_BUNDLE", path)
        set_ = put(*SENT, *place)
        assert named == (253, "", [f"{message}--ca-bundle"])
        assert set_ == (253, "", [f"{message}AWS_CA_BUNDLE"])

    def test_timeouts(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """A service that says nothing is waited for so long."""
        with HttpServer(SILENCE) as server:
            place = ("--endpoint-url", server.url, "--cli-read-timeout", "1")
            code, out, (message,) = put(*SENT, *place, "--cli-connect-timeout", "0")
        assert (code, out) == (255, "")
        assert message == (
            f'Read timeout on endpoint URL: "{server.url}/v1/apps/my-app/events": the '
            "events may have been accepted; send them again, or raise "
            "--cli-read-timeout"
        )

    def test_timeouts_of_a_url(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """With --to there is no option for them, and no advice to take one."""
        keys.setenv("AWS_MAX_ATTEMPTS", "1")

        def times_out(*_: object) -> None:
            raise TimeoutError

        keys.setattr("socket.socket.connect", times_out)
        to = "pinpoint://my-app?endpoint_url=http://127.0.0.1:1"
        assert put(*SENT, "--to", to) == (
            255,
            "",
            [
                (
                    'Connect timeout on endpoint URL: "http://127.0.0.1:1/v1/apps/my-app/'
                    'events": check network and endpoint URL'
                )
            ],
        )

    @pytest.mark.parametrize(
        "answer, message",
        [
            (
                CUT,
                (
                    "Connection was closed before we received a valid response from "
                    'endpoint URL: "{url}": the connection to '
                ),
            ),
            (Answer(raw=b"no HTTP\r\n\r\n"), "what {origin} answers is no HTTP; "),
        ],
    )
    def test_connections(
        self, put: Put, keys: pytest.MonkeyPatch, answer: Answer, message: str
    ) -> None:
        """What the AWS CLI has words for is reported in them first."""
        keys.setenv("AWS_MAX_ATTEMPTS", "1")
        with HttpServer(answer) as server:
            code, out, (line,) = put(*SENT, "--endpoint-url", server.url)
        assert (code, out) == (255, "")
        url = f"{server.url}/v1/apps/my-app/events"
        assert line.startswith(message.format(url=url, origin=server.url))

    def test_no_connection(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """So is a place without a server."""
        keys.setenv("AWS_MAX_ATTEMPTS", "1")
        code, out, (line,) = put(*SENT, "--endpoint-url", "http://127.0.0.1:1")
        assert (code, out) == (255, "")
        assert line.startswith(
            'Could not connect to the endpoint URL: "http://127.0.0.1:1/v1/apps/my-app/'
            'events": no connection to http://127.0.0.1:1 ('
        )


class TestFailOnItemError:
    """`--fail-on-item-error` makes an exit code of what is reported of items."""

    def test_of_items(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """The answer is printed all the same."""
        with HttpServer(default=mixed) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            code, out, err = put(*MIXED, "--fail-on-item-error")
        assert (code, err) == (3, MIXED_MESSAGES)
        assert "EventsResponse" in json.loads(out)

    def test_of_none(self, put: Put) -> None:
        """Where all was accepted, there is none."""
        arguments = ("--to", "memory:", "--fail-on-item-error")
        assert put(*SENT, *arguments) == (0, ACCEPTED, [])

    def test_without_reader(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """Nor is it success where standard output is closed early."""
        reading, writing = os.pipe()
        os.close(reading)
        with HttpServer(default=mixed) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            with os.fdopen(writing, "w") as pipe, redirect_stdout(pipe):
                assert put(*MIXED, "--fail-on-item-error") == (3, "", MIXED_MESSAGES)


class TestDebug:
    """`--debug` shows sizes, attempts, hosts and ids; no payload and no secret."""

    def lines(self, err: list[str]) -> list[str]:
        """Return what the log says, without its times."""
        return [line.partition(" - pinpoint_events - ")[2] for line in err]

    def test_of_the_service(
        self, capsys: pytest.CaptureFixture[str], keys: pytest.MonkeyPatch
    ) -> None:
        """Each attempt is reported, and what came of it."""
        keys.setenv("AWS_MAX_ATTEMPTS", "2")
        request = json.loads(TEXT)
        endpoint = {"Address": SECRET, "ChannelType": "EMAIL"}
        request["BatchItem"]["e-1"]["Endpoint"] = endpoint
        arguments = (*APP, "--events-request", json.dumps(request), "--debug")
        with HttpServer(Answer(503)) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            code = main(["put-events", *arguments])
        out, err = capsys.readouterr()
        size = len(server.received[0].body)
        host = f"127.0.0.1:{server.port}"
        lines = self.lines(err.splitlines())
        (again,) = [line for line in lines if line.startswith("INFO - sending again")]
        lines.remove(again)
        assert (code, out) == (0, ACCEPTED)
        assert lines == [
            (
                f"DEBUG - request is sound version='{pinpoint_events.__version__}' "
                f"endpoints=1 events=1 bytes={size}"
            ),
            f"DEBUG - sending attempt='attempt=1; max=2' host='{host}' bytes={size}",
            f"DEBUG - answered status=503 bytes=2 request_id='{REQUEST_ID}'",
            f"DEBUG - sending attempt='attempt=2; max=2' host='{host}' bytes={size}",
            f"DEBUG - answered status=202 bytes=165 request_id='{REQUEST_ID}'",
        ]
        for secret in (SECRET, *KEYS.values(), "tapped"):
            assert secret not in err

    def test_request_id(
        self, keys: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A server may call a request what it likes; it fills no terminal with it."""
        head = f"HTTP/1.1 202 Fine\r\nx-amzn-RequestId: {'r' * 5000}\r\n"
        raw = f"{head}Content-Length: 2\r\n\r\n{{}}".encode()
        with HttpServer(Answer(raw=raw)) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            main(["put-events", *SENT, "--debug"])
        lines = capsys.readouterr().err.splitlines()
        (line,) = [each for each in lines if " - answered status=202 " in each]
        assert line.endswith(f" request_id='{'r' * 60}'")

    def test_of_another_place(self, put: Put) -> None:
        """It works for whatever is sent to."""
        code, out, err = put(*SENT, "--to", "memory:", "--debug")
        (line,) = self.lines(err)
        assert (code, out) == (0, ACCEPTED)
        assert line.startswith("DEBUG - request is sound ")

    def test_of_a_url(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """So it does where a URL says that it is the service."""
        with HttpServer() as server:
            to = f"pinpoint://my-app?endpoint_url={server.url}"
            code, out, err = put(*SENT, "--to", to, "--debug")
        assert (code, out, len(err)) == (0, ACCEPTED, 3)

    def test_is_quiet_without(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """Without it, nothing of the log is shown, and no other log changes."""
        keys.setenv("AWS_MAX_ATTEMPTS", "2")
        log = logging.getLogger("pinpoint_events")
        before = (log.level, list(log.handlers))
        with HttpServer(Answer(503)) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            assert put(*SENT) == (0, ACCEPTED, [])
        assert (log.level, log.handlers) == before


class TestSeveralAnswers:
    """Items that came back retryable are sent again, which the AWS CLI leaves out."""

    def test_are_put_together(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """What is printed is what is known in the end."""
        keys.setenv("AWS_MAX_ATTEMPTS", "2")
        taken = {"StatusCode": 202, "Message": "Accepted"}
        busy = {"StatusCode": 500}
        first = {"EndpointItemResponse": taken, "EventsItemResponse": {"v-1": busy}}
        with HttpServer(answered({"e-1": first})) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            assert put(*SENT) == (0, ACCEPTED, [])
        assert len(server.received) == 2
