"""
The unmodified clients, each behind the same method.

boto3 is among the tools for tests. The others are looked for:

- aws-requests-auth, which signs calls of requests, and sends the hash of the body in
  a header that it does not sign, is installed by the group `interop`;
- `PINPOINT_EVENTS_AWS` names the executable of the AWS CLI, in a virtual environment of
  its own, because each release pins the botocore of its day;
- `PINPOINT_EVENTS_NODE_MODULES` names a `node_modules` with AWS SDK for JavaScript v3
  in it; `js/node_modules`, where `npm ci` puts it, if that is not set.

Tests of a client that is missing are skipped; with `PINPOINT_EVENTS_INTEROP=required`,
as in CI, they fail.
"""

import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.aws_cli import AwsCli

from pinpoint_events.server import Credentials

HERE = Path(__file__).parent
REGION = "eu-west-1"


class Refused(NamedTuple):
    """
    A call that was refused as a whole, as the client reports it.

    Attributes:
        name: Of the error.
        message: What is wrong.
        status: HTTP status; None where the client does not report it.
    """

    name: str
    message: str
    status: int | None


class CallOutcome(NamedTuple):
    """
    The outcome of a call, as the client reports it.

    Attributes:
        results: What became of each endpoint, as the service's model has it.
        refused: Why the whole call was refused.
        attempts: How often it was sent; None where the client does not report it.
    """

    results: Mapping[str, Any] | None
    refused: Refused | None
    attempts: int | None


class Client(Protocol):
    """A client, unmodified, with its own settings."""

    name: str

    def put_events(
        self, url: str, key: Credentials, application_id: str, request: object
    ) -> CallOutcome:
        """Call the endpoint at the URL once, in the way of this client."""
        ...


class Boto3:
    """boto3."""

    name = "boto3"

    def put_events(
        self, url: str, key: Credentials, application_id: str, request: object
    ) -> CallOutcome:
        """Call by a client of a separate session."""
        session = boto3.Session(
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            region_name=REGION,
        )
        client = session.client("pinpoint", endpoint_url=url)
        try:
            output = client.put_events(
                ApplicationId=application_id, EventsRequest=request
            )
        except ClientError as error:
            output = error.response
        metadata = output["ResponseMetadata"]
        attempts = metadata["RetryAttempts"] + 1
        if "Error" in output:
            code, message = output["Error"]["Code"], output["Error"]["Message"]
            refused = Refused(code, message, metadata["HTTPStatusCode"])
            return CallOutcome(None, refused, attempts)
        return CallOutcome(output["EventsResponse"]["Results"], None, attempts)


class Aws:
    """The AWS CLI, all calls in one process."""

    name = "aws"

    _REFUSED = re.compile(
        r"An error occurred \((\w+)\) when calling the PutEvents operation"
        r"(?: \(reached max retries: \d+\))?: (.+)"
    )

    def __init__(self, command: AwsCli, cwd: Path) -> None:
        """Use a command that is running in a directory."""
        self._command = command
        self._file = cwd / "request.json"

    def put_events(
        self, url: str, key: Credentials, application_id: str, request: object
    ) -> CallOutcome:
        """Call with a request in a file, because it may be longer than a command."""
        self._file.write_text(json.dumps(request), encoding="utf-8")
        ran = self._command.run(
            [
                *("pinpoint", "put-events", "--endpoint-url", url),
                *("--application-id", application_id),
                *("--events-request", self._file.as_uri()),
            ],
            {
                "AWS_ACCESS_KEY_ID": key.access_key_id,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            },
        )
        if ran.code == 0:
            results = json.loads(ran.out)["EventsResponse"]["Results"]
            return CallOutcome(results, None, None)
        match = self._REFUSED.search(ran.err)
        assert match is not None, ran.err
        return CallOutcome(None, Refused(match[1], match[2], None), None)


class Requests:
    """requests, with the signatures of aws-requests-auth."""

    name = "requests"

    def put_events(
        self, url: str, key: Credentials, application_id: str, request: object
    ) -> CallOutcome:
        """Call once, without retries."""
        import requests
        from aws_requests_auth.aws_auth import AWSRequestsAuth

        auth = AWSRequestsAuth(
            aws_access_key=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            aws_token=key.session_token,
            aws_host=urlsplit(url).netloc,
            aws_region=REGION,
            aws_service="mobiletargeting",
        )
        with warnings.catch_warnings():
            # It calls `datetime.utcnow`, which Python 3.12 deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = requests.post(
                f"{url}/v1/apps/{quote(application_id, safe='')}/events",
                data=json.dumps(request),
                headers={"content-type": "application/json"},
                auth=auth,
                timeout=60,
            )
        outcome = answer.json()
        if answer.ok:
            return CallOutcome(outcome["Results"], None, 1)
        name = answer.headers["x-amzn-ErrorType"]
        return CallOutcome(
            None, Refused(name, outcome["Message"], answer.status_code), 1
        )


class JavaScript:
    """AWS SDK for JavaScript v3, all calls in one process."""

    name = "javascript"

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Use a process of `put_events.mjs`."""
        self._process = process

    def put_events(
        self, url: str, key: Credentials, application_id: str, request: object
    ) -> CallOutcome:
        """Call by a separate client."""
        call = {
            "url": url,
            "accessKeyId": key.access_key_id,
            "secretAccessKey": key.secret_access_key,
            "input": {"ApplicationId": application_id, "EventsRequest": request},
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(call)}\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        attempts = reply["attempts"]
        if "error" in reply:
            return CallOutcome(None, Refused(**reply["error"]), attempts)
        return CallOutcome(reply["output"]["Results"], None, attempts)


@contextmanager
def opened(name: str, cwd: Path) -> Iterator[Client]:
    """Yield the client of that name, at work in a directory; skip or fail without."""
    if name == "boto3":
        yield Boto3()
    elif name == "requests":
        if find_spec("aws_requests_auth") is None:
            missing("NO AWS-REQUESTS-AUTH: install the dependency group `interop`")
        yield Requests()
    elif name == "aws":
        executable = os.environ.get("PINPOINT_EVENTS_AWS")
        if not executable:
            missing(
                "NO AWS CLI: install awscli into a separate virtual environment, "
                "and set PINPOINT_EVENTS_AWS to its `aws`"
            )
        with AwsCli(executable, cwd) as command:
            yield Aws(command, cwd)
    else:
        with node_running("put_events.mjs", "client-pinpoint") as process:
            yield JavaScript(process)


@contextmanager
def node_running(script: str, *packages: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a script of `js/`, which needs packages of AWS SDK for JavaScript."""
    node = shutil.which("node")
    if node is None:
        missing("NO NODE: install Node.js 20 or newer")
    modules = node_modules()
    if not all((modules / "@aws-sdk" / each).is_dir() for each in packages):
        missing(
            "NO AWS SDK FOR JAVASCRIPT: run `npm ci` in tests/interop/js, or set "
            "PINPOINT_EVENTS_NODE_MODULES to where it is installed"
        )
    with subprocess.Popen(
        [node, str(HERE / "js" / script), str(modules)],
        encoding="utf-8",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.communicate(timeout=60)


def node_modules() -> Path:
    """Return where the packages of `js/package.json` are, if they are installed."""
    named = os.environ.get("PINPOINT_EVENTS_NODE_MODULES")
    return Path(named) if named else HERE / "js" / "node_modules"


def missing(reason: str) -> NoReturn:
    """Skip a test for want of a client; fail it where all of them must be there."""
    if os.environ.get("PINPOINT_EVENTS_INTEROP") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
