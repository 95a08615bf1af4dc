import json
import sys
from pathlib import Path
from typing import Any

import jmespath
import pytest

from pinpoint_events.cli.put_events._output import Output
from tests.aws import aws
from tests.http_server import Answer, HttpServer
from tests.test_cli_put_events import ACCEPTED, TEXT, Put, keys, put

__all__ = ["aws", "keys", "put"]

TO_MEMORY = ("--events-request", TEXT, "--to", "memory:")
YAML = """\
EventsResponse:
  Results:
    e-1:
      EndpointItemResponse:
        Message: Accepted
        StatusCode: 202
      EventsItemResponse:
        v-1:
          Message: Accepted
          StatusCode: 202
"""
ITS_SYNTAX = "jmespath.org has its syntax"
AS_TEXT = "ENDPOINTITEMRESPONSE\tAccepted\t202\nV-1\tAccepted\t202\n"


def shown(format: str, data: Any, query: str | None = None) -> str:  # noqa: A002 - its name
    """Return data as they are printed."""
    compiled = None if query is None else jmespath.compile(query)
    return Output(format, compiled).text(data)


class TestFormats:
    """`tests/test_cli_differential.py` has the AWS CLI's own output beside ours."""

    @pytest.mark.parametrize(
        "data, printed",
        [
            ({}, ""),
            ([], ""),
            ([[]], ""),
            (None, "None"),
            (True, "True"),
            ("a\tb", "a\tb"),
            ([1, None, "x"], "1\tNone\tx"),
            ([[1, 2], 3, [4]], "3\n1\t2\n4"),
            ({"b": 1, "a": "x"}, "x\t1"),
            ({"b": {"d": 1, "c": {}}, "a": 2}, "2\nB\t1"),
            ({"k": [1, 2]}, "K\t1\nK\t2"),
            ({"k": [[1], 2]}, "K\t2\nK\t1"),
            (
                {"k": [{"x": 1, "z": [1]}, {"y": 2, "x": {"w": 3}}, 4]},
                "K\t1\t\nZ\t1\nK\t{'w': 3}\t2\n4",
            ),
        ],
    )
    def test_text(self, data: Any, printed: str) -> None:
        """Values between tabs, behind the names of what they belong to."""
        assert shown("text", data) == printed

    @pytest.mark.parametrize("name", ["json", "yaml"])
    @pytest.mark.parametrize(
        "data, printed",
        [({}, ""), (None, "null"), ("bü", '"bü"'), (1.5, "1.5"), (True, "true")],
    )
    def test_scalars(self, name: str, data: Any, printed: str) -> None:
        """One value alone is JSON, also where the rest is YAML; nothing is nothing."""
        assert shown(name, data) == printed

    def test_yaml(self) -> None:
        """Keys are sorted, what looks like another type is quoted, text is kept."""
        data = {"b": ["1", 1, None], "a": {"2026-01-01": "yes"}, "é🎈": "a: b"}
        assert shown("yaml", data) == (
            "a:\n  '2026-01-01': yes\nb:\n- '1'\n- 1\n- null\né🎈: 'a: b'"
        )

    def test_yaml_of_a_list(self) -> None:
        """A list alone is one, too."""
        assert shown("yaml", ["a", {}]) == "- a\n- {}"


class TestOutputOption:
    """`--output`, the variable, the profile, in this order."""

    @pytest.mark.parametrize(
        "name, printed", [("json", ACCEPTED), ("yaml", YAML), ("text", AS_TEXT)]
    )
    def test_formats(self, put: Put, name: str, printed: str) -> None:
        """All three say the same."""
        assert put(*TO_MEMORY, "--output", name) == (0, printed, [])

    def test_unknown(self, put: Put) -> None:
        """Others are reported, with the nearest."""
        code, out, err = put(*TO_MEMORY, "--output", "yml")
        assert (code, out, err[0]) == (
            252,
            "",
            "argument --output: Found invalid choice 'yml'; maybe you meant: yaml",
        )

    def test_of_the_environment(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """The variable counts wherever the request goes."""
        keys.setenv("AWS_DEFAULT_OUTPUT", "text")
        assert put(*TO_MEMORY) == (0, AS_TEXT, [])
        assert put(*TO_MEMORY, "--output", "json") == (0, ACCEPTED, [])

    def test_unknown_of_the_environment(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A format that cannot be written is reported before anything is sent."""
        keys.setenv("AWS_DEFAULT_OUTPUT", "table")
        path = tmp_path / "events.db"
        to = f"sqlite:///{path}"
        assert put("--events-request", TEXT, "--to", to) == (
            253,
            "",
            [
                (
                    "Unknown output type: 'table', by AWS_DEFAULT_OUTPUT or the "
                    "profile; pass --output with one of json, yaml, text"
                )
            ],
        )
        assert not path.exists()

    def sent(self, put: Put, *arguments: str) -> str:
        """Return what is printed when the service is sent a request."""
        request = ("--application-id", "a", "--events-request", TEXT)
        with HttpServer() as server:
            place = ("--endpoint-url", server.url)
            code, out, err = put(*request, *place, *arguments)
        assert (code, err) == (0, [])
        return out

    def test_of_a_profile(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The profile is the one that is asked for; a file elsewhere counts."""
        path = tmp_path / ".aws" / "config"
        path.parent.mkdir()
        key_lines = "aws_access_key_id = a\naws_secret_access_key = b\n"
        path.write_text(
            "[default]\noutput = text\n"
            f"[profile plain]\nregion = eu-west-1\n{key_lines}"
            f"[profile other]\noutput = yaml\n{key_lines}"
        )
        assert self.sent(put) == AS_TEXT
        assert self.sent(put, "--output", "json") == ACCEPTED
        assert self.sent(put, "--profile", "other") == YAML
        assert self.sent(put, "--profile", "plain") == ACCEPTED
        path.rename(tmp_path / "elsewhere")
        assert self.sent(put) == ACCEPTED
        keys.setenv("WHERE", str(tmp_path))
        keys.setenv("AWS_CONFIG_FILE", "$WHERE/elsewhere")
        assert self.sent(put) == AS_TEXT
        # Where nothing is sent to the service, its files are not read.
        assert put(*TO_MEMORY) == (0, ACCEPTED, [])

    def test_of_a_broken_file(
        self, put: Put, keys: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A file that cannot be read is named; no line of it is quoted."""
        path = tmp_path / "config"
        path.write_text("someone@example.com")
        keys.setenv("AWS_CONFIG_FILE", str(path))
        code, out, err = put("--application-id", "a", "--events-request", TEXT)
        assert (code, out, err) == (
            253,
            "",
            [f"Unable to parse config file: {path}; correct the AWS config file"],
        )

    def test_without_a_home(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """Where there is no home directory, there is no file."""
        keys.setenv("AWS_CONFIG_FILE", "~no-such-user/config")
        assert self.sent(put) == ACCEPTED

    def test_without_the_library(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """YAML that cannot be written is reported before anything is sent."""
        keys.setitem(sys.modules, "ruamel.yaml", None)
        code, out, err = put(*TO_MEMORY, "--output", "yaml")
        assert (code, out, len(err)) == (253, "", 1)
        assert err[0].endswith("install it with: pip install 'pinpoint-events[cli]'")


class TestQuery:
    """`--query` prints a part."""

    def test_part(self, put: Put) -> None:
        """It is asked of the whole answer."""
        query = ("--query", 'EventsResponse.Results."e-1".EventsItemResponse')
        code, out, err = put(*TO_MEMORY, *query)
        assert (code, err) == (0, [])
        assert json.loads(out) == {"v-1": {"Message": "Accepted", "StatusCode": 202}}

    def test_nothing(self, put: Put, keys: pytest.MonkeyPatch) -> None:
        """An empty object prints nothing, as by the AWS CLI."""
        with HttpServer(Answer(body=b"{}")) as server:
            keys.setenv("AWS_ENDPOINT_URL", server.url)
            arguments = ("--application-id", "a", "--events-request", "BatchItem={}")
            assert put(*arguments, "--query", "EventsResponse") == (0, "", [])

    @pytest.mark.parametrize(
        "query, message",
        [
            (
                "a.[[",
                (
                    "Bad value for --query a.[[: Invalid jmespath expression: "
                    f"Incomplete expression; {ITS_SYNTAX}"
                ),
            ),
            (
                "a b",
                (
                    "Bad value for --query a b: Unexpected token: b: Parse error at "
                    'column 2, token "b" (UNQUOTED_IDENTIFIER); an id with other '
                    "characters than letters, digits and _ needs double quotes, as in "
                    'EventsResponse.Results."user-1"'
                ),
            ),
            (
                "",
                (
                    "Bad value for --query : Invalid JMESPath expression: cannot be "
                    f"empty; {ITS_SYNTAX}"
                ),
            ),
            (
                "a.#",
                (
                    "Bad value for --query a.#: Bad jmespath expression: Unknown token "
                    "#; an id with other characters than letters, digits and _ needs "
                    'double quotes, as in EventsResponse.Results."user-1"'
                ),
            ),
            (
                "nope(@)",
                (
                    "Bad value for --query nope(@): Unknown function: nope(); "
                    f"{ITS_SYNTAX}"
                ),
            ),
            (
                "length()",
                (
                    "Bad value for --query length(): Expected 1 argument for function "
                    f"length(), received 0; {ITS_SYNTAX}"
                ),
            ),
            (
                "(" * 10_000,
                (
                    f"Bad value for --query {'(' * 59}…: it is nested too deeply; "
                    f"{ITS_SYNTAX}"
                ),
            ),
        ],
        ids=lambda text: text[:10],
    )
    def test_refused(self, put: Put, tmp_path: Path, query: str, message: str) -> None:
        """A query that is none is reported before anything is sent."""
        path = tmp_path / "events.db"
        to = ("--events-request", TEXT, "--to", f"sqlite:///{path}")
        assert put(*to, "--query", query) == (252, "", [message])
        assert not path.exists()

    def test_refused_by_the_answer(self, put: Put) -> None:
        """One that does not fit the answer leaves it unprinted, which is reported."""
        query = ("--query", "keys(EventsResponse.Nothing)")
        assert put(*TO_MEMORY, *query) == (
            255,
            "",
            [
                (
                    "Bad value for --query: it does not apply to the output "
                    "(JMESPathTypeError); the request was sent, and the answer is lost"
                )
            ],
        )
