import json
from typing import Any

import botocore.session
import pytest
import ruamel.yaml
from botocore.utils import ArgumentGenerator

from pinpoint_events.cli import main
from pinpoint_events.cli.put_events import skeleton
from tests.aws import aws
from tests.samples import ROOT

__all__ = ["aws"]


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

    def test_does_not_check_the_other_options(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is printed does not depend on them; they may be unsound or missing."""
        arguments = ["--application-id", "", "--events-request", '{"Bogus": 1}']
        code = main(["put-events", *arguments, "--generate-cli-skeleton"])
        assert (code, *capsys.readouterr()) == (0, as_printed(skeleton.INPUT), "")

    def test_reads_the_whole_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Like the AWS CLI, it parses `--cli-input-json` all the same."""
        arguments = ["--generate-cli-skeleton", "input", "--cli-input-json", "{}"]
        code = main(["put-events", *arguments])
        assert (code, *capsys.readouterr()) == (0, as_printed(skeleton.INPUT), "")

    def test_refuses_a_bad_request(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An option that cannot be read is reported, as by the AWS CLI."""
        code = main(["put-events", "--generate-cli-skeleton", "--events-request", "{"])
        message = (
            "Error parsing parameter '--events-request': Invalid JSON: Expecting "
            "property name enclosed in double quotes at line 1 column 2; pass a JSON "
            "object, or file:// and the path of a file that holds one\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", message)

    def test_refuses_a_bad_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The input that cannot be read is reported, and nothing is printed."""
        code = main(["put-events", "--generate-cli-skeleton", "--cli-input-json={bad"])
        message = (
            "Error parsing parameter 'cli-input-json': Invalid JSON: Expecting "
            "property name enclosed in double quotes at line 1 column 2; pass a JSON "
            "object, or file:// and the path of a file that holds one\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", message)


class TestYamlInput:
    """`--generate-cli-skeleton yaml-input`."""

    def test_is_the_same_input(self, capsys: pytest.CaptureFixture[str]) -> None:
        """As YAML it says what the other says as JSON."""
        code = main(["put-events", "--generate-cli-skeleton", "yaml-input"])
        out, err = capsys.readouterr()
        read = ruamel.yaml.YAML(typ="safe", pure=True).load(out)
        assert (code, err) == (0, "")
        assert read == skeleton.INPUT
        assert out.endswith(" when the event occurred.\n")

    def test_comments(self) -> None:
        """Each member is described; those are required that botocore requires."""
        service = botocore.session.Session().get_service_model("pinpoint")
        required: list[str] = []
        names: list[str] = []

        def walk(shape: Any) -> None:
            for name, member in getattr(shape, "members", {}).items():
                names.append(name)
                if name in shape.required_members:
                    required.append(name)
                walk(member)
            if shape.type_name == "map":
                walk(shape.value)

        walk(service.operation_model("PutEvents").input_shape)
        lines = skeleton.input_as_yaml().splitlines()
        described = [line for line in lines if "#" in line]
        keys = [line.partition(":")[0].strip() for line in described]
        assert keys == names
        assert required == [
            key
            for key, line in zip(keys, described, strict=True)
            if "# [REQUIRED] " in line
        ]
        types = ", ".join(service.shape_for("ChannelType").enum)
        assert f" Valid values are: {types}." in "\n".join(lines)


class TestOutput:
    """`--generate-cli-skeleton output`."""

    @pytest.fixture(autouse=True)
    def _region(self, aws: pytest.MonkeyPatch) -> None:
        aws.setenv("AWS_REGION", "eu-west-1")

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

    def test_needs_a_region(
        self, capsys: pytest.CaptureFixture[str], aws: pytest.MonkeyPatch
    ) -> None:
        """What has to be known for sending has to be known here, but for keys."""
        aws.delenv("AWS_REGION")
        request = '{"BatchItem": {}}'
        arguments = ["--application-id", "a", "--events-request", request]
        code = main(["put-events", *arguments, "--generate-cli-skeleton", "output"])
        message = (
            "You must specify a region: pass --region, or set AWS_REGION, or region in "
            "the profile of the AWS config file\n"
        )
        assert (code, *capsys.readouterr()) == (253, "", message)

    def test_of_another_place(
        self, capsys: pytest.CaptureFixture[str], aws: pytest.MonkeyPatch
    ) -> None:
        """A URL says all, and nothing is opened."""
        aws.delenv("AWS_REGION")
        arguments = ["--events-request", "BatchItem={}", "--to", "sqlite:///no/such.db"]
        code = main(["put-events", *arguments, "--generate-cli-skeleton", "output"])
        assert (code, *capsys.readouterr()) == (0, as_printed(skeleton.OUTPUT), "")

    def test_as_yaml(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing is abbreviated, though the same stands in it twice."""
        arguments = ["--events-request", "BatchItem={}", "--to", "memory:"]
        wanted = ["--generate-cli-skeleton", "output", "--output", "yaml"]
        code = main(["put-events", *arguments, *wanted])
        out, err = capsys.readouterr()
        assert (code, err, out.count("StatusCode: 0")) == (0, "", 2)

    def test_refuses_missing_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What would be missing for sending is missing here."""
        code = main(["put-events", "--generate-cli-skeleton", "output"])
        out, err = capsys.readouterr()
        message, usage = err.splitlines()
        assert (code, out, message) == (
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
        message = (
            "Parameter validation failed:\n"
            "Invalid type for parameter EventsRequest.BatchItem, type: <class 'list'>; "
            "expected an object; write it as {...}\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", message)

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
        message = (
            "Parameter validation failed:\n"
            "101 events; at most 100; send it in parts, or as JSON Lines with "
            "`pinpoint-events load`\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", message)

    def test_is_told_apart_from_other_words(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """There are these three, and no fourth."""
        code = main(["put-events", "--generate-cli-skeleton", "outptu"])
        out, err = capsys.readouterr()
        message, usage = err.splitlines()
        assert (code, out, message) == (
            252,
            "",
            (
                "argument --generate-cli-skeleton: Found invalid choice 'outptu'; "
                "maybe you meant: output"
            ),
        )
        assert usage.startswith("usage: pinpoint-events put-events ")
