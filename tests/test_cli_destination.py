import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pinpoint_events.cli import main
from tests.aws import KEYS, aws

__all__ = ["aws"]

REQUEST: dict[str, Any] = {"BatchItem": {"e": {"Endpoint": {}, "Events": {}}}}
COMMANDS = {
    "load": ["load", "a.jsonl"],
    "put-events": ["put-events", "--events-request", json.dumps(REQUEST)],
    "serve": ["serve", "--no-auth", "--port", "0"],
}
NO_REGIONS = ["eu-west1", "eu-west-1a", "eu west", "eu-west-1\n", "é", "x" * 80]


class TestSettings:
    """What AWS settings lack is reported alike by all commands that take a URL."""

    @pytest.fixture(params=COMMANDS)
    def command(
        self,
        request: pytest.FixtureRequest,
        aws: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> list[str]:
        """Return a command without its destination."""
        aws.chdir(tmp_path)
        Path("a.jsonl").write_text(json.dumps(REQUEST), encoding="utf-8")
        return COMMANDS[request.param]

    @pytest.mark.parametrize(
        "url, addition",
        [
            ("pinpoint://my-app", "?region"),
            ("pinpoint://my-app?endpoint_url=http://127.0.0.1:1", "&region"),
        ],
    )
    def test_no_region(
        self,
        command: list[str],
        capsys: pytest.CaptureFixture[str],
        url: str,
        addition: str,
    ) -> None:
        """The remedy is to change the URL, because there is no option for it."""
        assert main([*command, "--to", url]) == 253
        assert capsys.readouterr() == (
            "",
            (
                f"You must specify a region: add {addition}=eu-west-1 to the URL, or "
                "set AWS_REGION, or region in the profile of the AWS config file\n"
            ),
        )

    @pytest.mark.parametrize("region", NO_REGIONS)
    def test_region_of_a_url(
        self, command: list[str], capsys: pytest.CaptureFixture[str], region: str
    ) -> None:
        """A name that no region has is a fault of the environment."""
        url = f"pinpoint://my-app?region={quote(region)}"
        assert main([*command, "--to", url]) == 253
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "region" in err
        assert region not in err

    @pytest.mark.parametrize("region", NO_REGIONS)
    def test_region_of_a_variable(
        self,
        command: list[str],
        aws: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        region: str,
    ) -> None:
        """So it is in a variable."""
        aws.setenv("AWS_DEFAULT_REGION", region)
        assert main([*command, "--to", "pinpoint://my-app"]) == 253
        assert capsys.readouterr() == (
            "",
            (
                "Provided region_name doesn't match a supported format; correct region "
                "in the URL, AWS_REGION or the profile\n"
            ),
        )

    def test_profile(
        self,
        command: list[str],
        aws: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """So is a profile that no file has."""
        aws.setenv("AWS_PROFILE", "nope")
        assert main([*command, "--to", "pinpoint://my-app?region=eu-west-1"]) == 253
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("The config profile (nope) could not be found; ")

    @pytest.mark.parametrize("name", ["load", "put-events"])
    def test_no_credentials(
        self,
        name: str,
        aws: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """The remedy names no option that --to excludes."""
        aws.chdir(tmp_path)
        Path("a.jsonl").write_text(json.dumps(REQUEST), encoding="utf-8")
        to = ("--to", "pinpoint://my-app?region=eu-west-1")
        assert main([*COMMANDS[name], *to]) == 253
        assert capsys.readouterr().err.splitlines()[-1] == (
            "Unable to locate credentials: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
        )

    @pytest.mark.parametrize("region", NO_REGIONS[2:])  # an endpoint may use the others
    def test_region_of_signatures(
        self,
        aws: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        region: str,
    ) -> None:
        """So it is in the option of serve, for which no call can be signed."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        options = ("--to", "memory:", "--port", "0", "--region", region)
        assert main(["serve", *options]) == 253
        assert capsys.readouterr() == (
            "",
            (
                "argument --region: no region has such a name; pass one that calls are "
                "signed for, such as eu-west-1, or leave it out\n"
            ),
        )

    @pytest.mark.parametrize("region", NO_REGIONS)
    def test_region_of_an_option(
        self,
        aws: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        region: str,
    ) -> None:
        """The option of put-events as well; its message shows what was passed."""
        aws.chdir(tmp_path)
        for name, value in KEYS.items():
            aws.setenv(name, value)
        to = ("--application-id", "my-app", "--region", region)
        assert main([*COMMANDS["put-events"], *to]) == 253
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"Provided region_name {region!r} doesn't match ")
