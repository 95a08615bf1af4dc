import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import ConfigurationError, StoreError, StoreErrorCode
from pinpoint_events.senders import (
    FirehoseSender,
    KinesisSender,
    MemorySender,
    PinpointSender,
    SqliteSender,
    open_sender,
)
from pinpoint_events.senders.url import _parts, sqlite_path
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment
from tests.http_server import HttpServer
from tests.samples import REQUEST

__all__ = ["aws"]

FORMS = (
    "memory:, pinpoint://APPLICATION_ID, sqlite:///FILE, kinesis://STREAM, "
    "firehose://STREAM"
)
ONE = (
    '{"BatchItem": {"e": {"Endpoint": {}, "Events": {"v": {"EventType": "t", '
    '"Timestamp": "2026-11-24T09:30:00Z"}}}}}'
)


def opened(url: str, kind: type[Any], **arguments: str) -> Any:
    """Open a sender, close it, and return it if it has this type."""
    with open_sender(url, **arguments) as sender:
        assert type(sender) is kind
        return sender


def refusal(url: str, application_id: str | None = None) -> str:
    """Return why the URL is refused."""
    with pytest.raises(ConfigurationError) as caught:
        open_sender(url, application_id=application_id)
    assert caught.value.__cause__ is None
    return str(caught.value)


class TestSqlite:
    """
    `sqlite:///` and a path.

    (SQLAlchemy, "Database URLs".)
    """

    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Work in an empty directory."""
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_relative(self, here: Path) -> None:
        """Three slashes begin a path relative to the working directory."""
        sender = opened("sqlite:///Events.db", SqliteSender)
        assert sender.path == here / "Events.db"
        assert sender.application_id == "local"

    def test_absolute(self, here: Path) -> None:
        """Four slashes begin an absolute path."""
        path = here / "a" / "b.db"
        path.parent.mkdir()
        sender = opened(f"sqlite:///{path}", SqliteSender)
        assert sender.path == path
        assert path.is_file()

    def test_drive(self, here: Path) -> None:
        """A drive follows three slashes; without drives, it is a directory."""
        if sys.platform != "win32":
            (here / "C:").mkdir()
        sender = opened("sqlite:///C:/x.db", SqliteSender)
        assert sender.path == Path("C:/x.db").absolute()

    @pytest.mark.parametrize("scheme", ["sqlite", "SQLite", "SQLITE"])
    def test_case_of_the_scheme(self, scheme: str, here: Path) -> None:
        """The scheme is not case-sensitive, as in all URLs."""
        assert opened(f"{scheme}:///x.db", SqliteSender).path == here / "x.db"

    @pytest.mark.parametrize(
        "written, meant",
        [
            ("a%20b.db", "a b.db"),
            ("a b.db", "a b.db"),
            ("b%C3%BCro.db", "büro.db"),
            ("büro.db", "büro.db"),
            ("100%25.db", "100%.db"),
            ("what%23.db", "what#.db"),
            ("a+b.db", "a+b.db"),
            ("a@b:c.db", "a@b:c.db"),
        ],
    )
    def test_names(self, written: str, meant: str, here: Path) -> None:
        """Names are percent-decoded; characters that are not reserved are kept."""
        assert opened(f"sqlite:///{written}", SqliteSender).path == here / meant

    def test_application(self) -> None:
        """The argument names the application."""
        sender = opened("sqlite:///x.db", SqliteSender, application_id="shop")
        assert sender.application_id == "shop"

    def test_missing_directory(self, here: Path) -> None:
        """A file that cannot be created is a `StoreError`."""
        with pytest.raises(StoreError) as caught:
            open_sender("sqlite:///nowhere/x.db")
        assert caught.value.code is StoreErrorCode.CANNOT_OPEN

    @pytest.mark.parametrize(
        "url, problem",
        [
            ("sqlite:x.db", "does not begin with sqlite:///"),
            ("sqlite:/x.db", "does not begin with sqlite:///"),
            ("sqlite://x.db", "does not begin with sqlite:///"),
            ("sqlite://host/x.db", "does not begin with sqlite:///"),
            ("sqlite://", "does not begin with sqlite:///"),
            ("sqlite:", "does not begin with sqlite:///"),
        ],
    )
    def test_slashes(self, url: str, problem: str) -> None:
        """Any other number of slashes is refused; the message shows the right ones."""
        assert refusal(url) == (
            f"this sqlite URL {problem}; write sqlite:///relative.db or "
            "sqlite:////absolute/path.db"
        )

    @pytest.mark.parametrize("path", ["", ":memory:", "%3Amemory%3A"])
    def test_no_file(self, path: str) -> None:
        """A database in memory is refused: it would be lost with the sender."""
        assert refusal(f"sqlite:///{path}") == (
            "this sqlite URL names no file; write sqlite:///FILE, or memory: to keep "
            "nothing"
        )

    def test_no_options(self, here: Path) -> None:
        """SQLite URLs have no options."""
        assert refusal("sqlite:///x.db?timeout=3") == (
            "this sqlite URL has the query key 'timeout', and takes none; leave out "
            "what follows ?"
        )
        assert list(here.iterdir()) == []

    def test_empty_query(self, here: Path) -> None:
        """A question mark without a query has no effect."""
        assert opened("sqlite:///x.db?", SqliteSender).path == here / "x.db"

    def test_empty_application(self) -> None:
        """An empty application id is refused."""
        assert refusal("sqlite:///x.db", "") == (
            "application_id: is empty; at least 1 character; pass that of your "
            "Pinpoint project"
        )


class TestMemory:
    """`memory:` opens a `MemorySender`."""

    @pytest.mark.parametrize("url", ["memory:", "memory://", "MEMORY:"])
    def test_is_opened(self, url: str) -> None:
        """It may have slashes."""
        assert opened(url, MemorySender).application_id == "local"

    def test_application(self) -> None:
        """The argument names the application."""
        sender = opened("memory:", MemorySender, application_id="shop")
        assert sender.application_id == "shop"

    @pytest.mark.parametrize(
        "url", ["memory:x", "memory://x", "memory:///", "memory:/"]
    )
    def test_names_nothing(self, url: str) -> None:
        """It takes no name."""
        assert refusal(url) == (
            "this memory URL names something; write memory: and nothing more"
        )


class TestPinpoint:
    """`pinpoint://` and an application id."""

    @pytest.fixture(autouse=True)
    def settings(self, aws: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        """Set keys in the environment, and nothing else."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        return aws

    def test_is_sent_there(self) -> None:
        """Requests go to the region and endpoint URL of the query."""
        with HttpServer() as server:
            url = f"pinpoint://App-1?region=eu-west-1&endpoint_url={server.url}"
            with open_sender(url) as sender:
                sender.put_events(REQUEST).raise_for_failures(REQUEST)
            (received,) = server.received
        assert received.target == "/v1/apps/App-1/events"
        assert "/eu-west-1/mobiletargeting/" in received.headers["Authorization"]

    def test_encoded(self) -> None:
        """Both may be percent-encoded; a plus sign is not a space."""
        with HttpServer() as server:
            endpoint_url = quote(f"{server.url}/a", safe="")
            url = f"pinpoint://a%2F%C3%BC+B?region=eu%2Dwest-1&endpoint_url={endpoint_url}"
            with open_sender(url) as sender:
                sender.put_events(REQUEST)
            (received,) = server.received
        assert received.target == "/a/v1/apps/a%2F%C3%BC%2BB/events"

    @pytest.mark.parametrize(
        "place", ["AbC", "AbC/", "AbC?", "AbC/?", "%41bC", "AbC?endpoint_url=http://h"]
    )
    def test_application(self, place: str, settings: pytest.MonkeyPatch) -> None:
        """It keeps its case; settings that are left out are read as AWS' tools do."""
        settings.setenv("AWS_REGION", "eu-west-1")
        shown = repr(opened(f"pinpoint://{place}", PinpointSender))
        assert shown.startswith("<PinpointSender of 'AbC' to ")

    @pytest.mark.parametrize("url", ["pinpoint://", "pinpoint:///", "pinpoint://App"])
    def test_argument(self, url: str, settings: pytest.MonkeyPatch) -> None:
        """The argument may name the application, or repeat the one of the URL."""
        settings.setenv("AWS_REGION", "eu-west-1")
        shown = repr(opened(url, PinpointSender, application_id="App"))
        assert shown.startswith("<PinpointSender of 'App' to ")

    def test_no_region(self) -> None:
        """Without a region anywhere, the sender's own error is raised."""
        assert refusal("pinpoint://app").startswith("no region is known; ")

    def test_no_application(self) -> None:
        """Without an application id anywhere, the URL is refused."""
        assert refusal("pinpoint://?region=eu-west-1") == (
            "this pinpoint URL names no application; write pinpoint://APPLICATION_ID, "
            "or pass application_id"
        )

    @pytest.mark.parametrize("argument", ["App", ""])
    def test_two_applications(self, argument: str) -> None:
        """URL and argument must name the same application, in the same case."""
        assert refusal("pinpoint://app", argument) == (
            f"this pinpoint URL names the application 'app', and the argument "
            f"{argument!r}; leave one of them out"
        )

    @pytest.mark.parametrize(
        "url",
        [
            "pinpoint:app",
            "pinpoint:",
            "pinpoint:/app",
            "pinpoint://a/b",
            "pinpoint://a:1",
        ],
    )
    def test_form(self, url: str) -> None:
        """It holds nothing but the application id."""
        assert refusal(url) == (
            "this pinpoint URL is not pinpoint://APPLICATION_ID?region=REGION&"
            "endpoint_url=URL; write / in the id as %2F, and : as %3A"
        )


class TestQuery:
    """Unknown or malformed options are refused."""

    def test_unknown_key(self) -> None:
        """The message for an unknown key names the nearest."""
        assert refusal("pinpoint://app?Regoin=eu-west-1") == (
            "this pinpoint URL has the query key 'Regoin', which is not known; it "
            "takes region and endpoint_url; did you mean region?"
        )

    def test_case_of_keys(self) -> None:
        """Keys are case-sensitive."""
        assert "did you mean endpoint_url?" in refusal("pinpoint://app?Endpoint_URL=x")

    def test_key_twice(self) -> None:
        """A repeated key is refused: one of the two would have no effect."""
        assert refusal("pinpoint://app?region=a&region=a") == (
            "this pinpoint URL has region twice; leave one out"
        )

    def test_empty_value(self) -> None:
        """An empty value is refused."""
        assert refusal("pinpoint://app?region=&endpoint_url=http://h") == (
            "this pinpoint URL has an empty region; leave it out, or give it"
        )

    @pytest.mark.parametrize("region", ["eu west", "-eu", "eu-", "7", "x" * 64, "eü"])
    def test_no_region(self, region: str) -> None:
        """A region becomes part of a host name, and may have only its characters."""
        assert refusal(f"pinpoint://app?region={region}&endpoint_url=http://h") == (
            "this pinpoint URL has a region that is none; write eu-west-1, say"
        )

    @pytest.mark.parametrize("query", ["region", "region=eu-west-1&x"])
    def test_no_value(self, query: str) -> None:
        """A part without = is refused."""
        assert refusal(f"pinpoint://app?{query}") == (
            "this pinpoint URL has a part of its query without =; write NAME=VALUE, "
            "and & as %26"
        )


class TestSecrets:
    """Credentials are not allowed in a URL, and are never in a message."""

    @pytest.mark.parametrize(
        "url",
        [
            "pinpoint://AKID:planted@app",
            "pinpoint://planted@app?region=eu-west-1",
            "pinpoint://AKID:planted@/",
            "sqlite://AKID:planted@/x.db",
            "memory://planted@",
        ],
    )
    def test_user_info(self, url: str) -> None:
        """User-info is refused, with the remedy."""
        scheme = url.partition(":")[0]
        assert refusal(url) == (
            f"this {scheme} URL has an @ before its path; credentials never stand in a "
            "URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
            "write @ in a name as %40"
        )

    @pytest.mark.parametrize(
        "url",
        [
            "AKID:planted@app",
            "planted:AKID@app",
            "pinpoint://AKID:planted/more@app",
            "pinpoint://app?region=planted&region=planted",
            "pinpoint://app?key=planted",
            "pinpoint://app?planted",
            "pinpoint://app?region=%planted",
            "pinpoint://app?region=planted%ff",
            "pinpoint://app?region=eu-west-1&endpoint_url=http://u:planted@h",
            "pinpoint://app?region=planted x&endpoint_url=http://h",
            "pinpoint://app#planted",
            "sqlite:///x.db?key=planted",
            "postgres://AKID:planted@host/db",
            "planted",
        ],
    )
    def test_are_not_repeated(self, url: str) -> None:
        """In no error is a value or user-info in the message."""
        assert "planted" not in refusal(url)


class TestOtherPackages:
    """Schemes of other packages, by entry point."""

    SENDER = """
from pinpoint_events import MemorySender

class ShoutingSender(MemorySender):
    def put_events(self, request):
        print("SENT", request.event_count)
        return super().put_events(request)

def open_shouting(url, *, application_id=None):
    print("OPENED", url, application_id)
    return ShoutingSender()
"""

    @pytest.fixture
    def package(self, tmp_path: Path) -> dict[str, str]:
        """Install a package that has a sender; return the environment with it."""
        (tmp_path / "shouting.py").write_text(self.SENDER)
        info = tmp_path / "shouting-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(
            "[pinpoint_events.senders]\nshout = shouting:open_shouting\n"
        )
        path = os.pathsep.join(filter(None, (str(tmp_path), *sys.path)))
        return environment(PYTHONPATH=path)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("put-events", "--to", "shout:loud", "--events-request", ONE),
            ("load", "--to", "SHOUT:loud", "events.jsonl"),
        ],
        ids=["put-events", "load"],
    )
    def test_commands_reach_it(
        self, package: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        """`--to` takes a URL of such a scheme."""
        (tmp_path / "events.jsonl").write_text(f"{ONE}\n")
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=package,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        url = arguments[2]
        assert f"OPENED {url} None\nSENT 1\n" in done.stdout

    def test_from_python(
        self,
        package: dict[str, str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """`open_sender` finds it, and it has no SQLite path."""
        assert package
        monkeypatch.syspath_prepend(str(tmp_path))
        with open_sender("shout:loud", application_id="shop") as sender:
            assert type(sender).__name__ == "ShoutingSender"
        assert capsys.readouterr().out == "OPENED shout:loud shop\n"
        assert sqlite_path("shout:loud") is None

    def test_ours_come_first(self, package: dict[str, str], tmp_path: Path) -> None:
        """No package takes a scheme of this one's over, and unknown ones stay so."""
        names = tmp_path / "shouting-1.0.dist-info" / "entry_points.txt"
        names.write_text("[pinpoint_events.senders]\nmemory = shouting:open_shouting\n")
        source = (
            "from pinpoint_events import open_sender; print(open_sender('memory:'))"
        )
        done = subprocess.run(
            [sys.executable, "-c", source],
            env=package,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("<MemorySender ")


class TestText:
    """Any text is either accepted or a `ConfigurationError`."""

    @pytest.mark.parametrize("scheme", ["sqlit", "pinpiont", "memmory", "kafka", "s3"])
    def test_unknown_scheme(self, scheme: str) -> None:
        """The message for an unknown scheme names the known ones and the nearest."""
        near = {"sqlit": "sqlite", "pinpiont": "pinpoint", "memmory": "memory"}
        guess = f"; did you mean {near[scheme]}?" if scheme in near else ""
        assert refusal(f"{scheme}://x") == (
            f"this URL is not understood: the scheme '{scheme}' is not known; write "
            f"one of {FORMS}{guess}"
        )

    @pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
    def test_url_of_an_endpoint(self, scheme: str) -> None:
        """The message for an HTTP URL says where to put it."""
        assert refusal(f"{scheme}://127.0.0.1:8080") == (
            f"this URL is not understood: the scheme '{scheme}' is not known; write "
            f"one of {FORMS}; a PutEvents "
            "endpoint is pinpoint://APPLICATION_ID?endpoint_url=URL"
        )

    @pytest.mark.parametrize("wrong", [None, Path("events.db")])
    def test_no_text(self, wrong: Any) -> None:
        """A path object is not a URL."""
        assert refusal(wrong) == (
            f"the URL is of type {type(wrong).__name__}; write one of {FORMS}"
        )

    def test_unknown_scheme_without_slashes(self) -> None:
        """What may be a name before a password is not shown."""
        assert refusal("memry:") == (
            "this URL is not understood: its scheme is not known; write one of "
            f"{FORMS}; did you mean memory?"
        )

    @pytest.mark.parametrize(
        "text", ["", "events.db", "/var/events.db", "C:\\x.db", "C:/x.db", "://x", ":"]
    )
    def test_no_url(self, text: str) -> None:
        """A path is not a URL; the message says how to write one."""
        assert refusal(text) == (
            f"this is no URL; write one of {FORMS}; a file is sqlite:///FILE"
        )

    def test_fragment(self) -> None:
        """A fragment has no meaning; # must be encoded."""
        assert refusal("sqlite:///what#.db") == (
            "this sqlite URL has a fragment; write # as %23"
        )

    @pytest.mark.parametrize("end", ["\n", "\r", "\t", "\0", "\x7f"])
    def test_control_character(self, end: str) -> None:
        """A line break after a URL is not part of a file name."""
        assert refusal(f"sqlite:///x.db{end}") == (
            "this sqlite URL has a control character in it; percent-encode it"
        )

    def test_null_byte(self) -> None:
        """No file name has a null byte, however it is written."""
        assert refusal("sqlite:///x%00.db") == (
            "path has a character that no path can have; pass another path"
        )

    @pytest.mark.parametrize("text", ["%", "%4", "%zz", "a%4gb"])
    def test_wrong_escape(self, text: str) -> None:
        """A percent sign must begin an escape."""
        assert refusal(f"sqlite:///{text}") == (
            "this sqlite URL has a % that begins no escape; percent-encode names in "
            "UTF-8, and % itself as %25"
        )

    def test_wrong_encoding(self) -> None:
        """Escapes must be UTF-8."""
        assert refusal("sqlite:///b%FCro.db") == (
            "this sqlite URL has escapes that are no UTF-8; percent-encode names in "
            "UTF-8, and % itself as %25"
        )

    @given(name=st.text(st.characters(codec="utf-8"), min_size=1))
    def test_every_name_can_be_written(self, name: str) -> None:
        """Percent-encoded, any text passes unchanged."""
        encoded = quote(name, safe="")
        parts = _parts(f"pinpoint://{encoded}?region={encoded}")
        assert parts.authority == encoded
        assert parts.options == {"region": name}


class TestStreams:
    """URLs of streams."""

    ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"

    def test_kinesis(self, aws: pytest.MonkeyPatch) -> None:
        """The stream, and what else the sender takes."""
        url = (
            "kinesis://clicks?region=eu-west-1&endpoint_url=http://127.0.0.1:1"
            "&format=put_events&event_id_attribute=id"
        )
        sender = opened(url, KinesisSender, application_id="shop")
        assert repr(sender) == (
            "<KinesisSender of 'shop' to 'clicks' at 'http://127.0.0.1:1'>"
        )

    def test_firehose(self, aws: pytest.MonkeyPatch) -> None:
        """The application is `local` if nothing names it."""
        sender = opened("firehose://clicks/?region=eu-west-1", FirehoseSender)
        assert sender.application_id == "local"

    @pytest.mark.parametrize("name", ["", "s"])
    def test_arn(self, aws: pytest.MonkeyPatch, name: str) -> None:
        """An ARN goes into the query, in place of the name or with it."""
        sender = opened(f"kinesis://{name}?stream_arn={self.ARN}", KinesisSender)
        assert "123456789012.data-kinesis.eu-west-1" in repr(sender)

    @pytest.mark.parametrize(
        "url, message",
        [
            ("kinesis:clicks", "is not kinesis://STREAM"),
            ("kinesis://clicks/more", "is not kinesis://STREAM"),
            ("firehose://", "names no stream"),
            (f"kinesis://other?stream_arn={ARN}", "not the one of stream_arn"),
            ("kinesis://clicks?region=eu.west", "has a region that is none"),
            (
                "kinesis://clicks?stream=x",
                "it takes region, endpoint_url, stream_arn",
            ),
        ],
    )
    def test_refused(self, url: str, message: str) -> None:
        """Each wrong part is named."""
        assert message in refusal(url)
