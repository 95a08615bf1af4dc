import json
from typing import Any

import botocore.session
import pytest
from botocore.utils import ArgumentGenerator

from pinpoint_events.cli import main, skeleton
from tests.samples import ROOT


def generated(shape_of: str, *, use_member_names: bool) -> Any:
    """Return what the AWS CLI prints: it asks botocore for it, as is done here."""
    loader = botocore.session.Session().get_service_model("pinpoint")
    shape = getattr(loader.operation_model("PutEvents"), shape_of)
    generator = ArgumentGenerator(use_member_names=use_member_names)
    return json.loads(json.dumps(generator.generate_skeleton(shape)))


def as_printed(data: Any) -> str:
    """Return data as the AWS CLI prints them."""
    return f"{json.dumps(data, indent=4)}\n"


class TestInput:
    """`--generate-cli-skeleton`, and the same with `input`."""

    @pytest.mark.parametrize("arguments", [(), ("input",)], ids=["bare", "input"])
    def test_is_the_aws_clis(
        self, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is botocore's, byte for byte, but the channel type is always the same."""
        code = main(["put-events", "--generate-cli-skeleton", *arguments])
        expected = generated("input_shape", use_member_names=False)
        batch = expected["EventsRequest"]["BatchItem"]["KeyName"]
        batch["Endpoint"]["ChannelType"] = "PUSH"
        assert (code, *capsys.readouterr()) == (0, as_printed(expected), "")

    def test_does_not_read_the_other_options(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is printed does not depend on them, so they may be wrong or missing."""
        arguments = ["--application-id", "", "--events-request", "{bad"]
        code = main(["put-events", *arguments, "--generate-cli-skeleton"])
        assert (code, *capsys.readouterr()) == (0, as_printed(skeleton.INPUT), "")

    def test_reads_the_whole_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Like the AWS CLI, it parses `--cli-input-json` all the same."""
        arguments = ["--generate-cli-skeleton", "input", "--cli-input-json", "{}"]
        code = main(["put-events", *arguments])
        assert (code, *capsys.readouterr()) == (0, as_printed(skeleton.INPUT), "")

    def test_refuses_a_bad_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The input that cannot be read is told, and nothing is printed."""
        code = main(["put-events", "--generate-cli-skeleton", "--cli-input-json={bad"])
        told = (
            "Error parsing parameter 'cli-input-json': Invalid JSON: Expecting "
            "property name enclosed in double quotes at line 1 column 2; pass a JSON "
            "object, or file:// and the path of a file that holds one\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", told)


class TestOutput:
    """`--generate-cli-skeleton output`."""

    def test_is_the_aws_clis(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It is botocore's, byte for byte."""
        request = ROOT / "examples" / "request-all-members.json"
        code = main(
            [
                *("put-events", "--generate-cli-skeleton", "output"),
                *(
                    "--application-id",
                    "my-app",
                    "--events-request",
                    f"file://{request}",
                ),
            ]
        )
        expected = generated("output_shape", use_member_names=True)
        assert (code, *capsys.readouterr()) == (0, as_printed(expected), "")

    def test_refuses_missing_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What would be missing for sending is missing here."""
        code = main(["put-events", "--generate-cli-skeleton", "output"])
        out, err = capsys.readouterr()
        told, usage = err.splitlines()
        assert (code, out, told) == (
            252,
            "",
            "the following arguments are required: --application-id, --events-request",
        )
        assert usage.startswith("usage: pinpoint-events put-events ")

    def test_checks_the_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A request that would be refused is refused here."""
        whole = {"ApplicationId": "my-app", "EventsRequest": {"BatchItem": []}}
        arguments = ["--cli-input-json", json.dumps(whole)]
        code = main(["put-events", *arguments, "--generate-cli-skeleton", "output"])
        told = (
            "Parameter validation failed:\n"
            "EventsRequest.BatchItem: is of type list; a mapping; pass a dict\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", told)

    def test_checks_the_quotas(self, capsys: pytest.CaptureFixture[str]) -> None:
        """So is one that no sender sends."""
        event = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00Z"}
        events = {f"v-{number}": event for number in range(101)}
        request = {"BatchItem": {"e-1": {"Endpoint": {}, "Events": events}}}
        code = main(
            [
                *("put-events", "--generate-cli-skeleton", "output"),
                *("--application-id", "my-app"),
                *("--events-request", json.dumps(request)),
            ]
        )
        told = (
            "Parameter validation failed:\n"
            "101 events; at most 100; let build_all() split it\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", told)

    def test_is_told_apart_from_other_words(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """There are these two, and no third."""
        code = main(["put-events", "--generate-cli-skeleton", "outptu"])
        out, err = capsys.readouterr()
        told, usage = err.splitlines()
        assert (code, out, told) == (
            252,
            "",
            (
                "argument --generate-cli-skeleton: Found invalid choice 'outptu'; "
                "maybe you meant: output"
            ),
        )
        assert usage.startswith("usage: pinpoint-events put-events ")
