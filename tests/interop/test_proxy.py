"""nginx with TLS in front of `serve --uds`, configured as the docs say."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment
from tests.interop.clients import missing
from tests.interop.serving import KEY, Endpoint
from tests.interop.test_clients import accepted, large, one

from pinpoint_events import BatchBuilder, Event, PinpointSender

__all__ = ["aws"]

ROOT = Path(__file__).parents[2]
TLS = ROOT / "tests" / "data" / "tls"
SECONDS = 20  # for nginx to listen; it takes a fraction of one
SOCKET = "/run/pinpoint-events/endpoint.sock"


def documented() -> str:
    """Return the configuration in the docs."""
    text = (ROOT / "docs/how-to/run-an-endpoint.md").read_text(encoding="utf-8")
    (found,) = re.findall("^```nginx\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(found)


def configuration(directory: Path, port: int) -> str:
    """Return the documented configuration, with files and port of a test."""
    text = documented()
    for old, new in (
        (SOCKET, str(directory / "endpoint.sock")),
        ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("/etc/nginx/events.example.com.pem", str(TLS / "localhost.pem")),
        ("/etc/nginx/events.example.com.key", str(TLS / "localhost.key")),
    ):
        assert old in text
        text = text.replace(old, new)
    # Its workers run as another user otherwise, who must not write to the socket.
    user = "user root;" if os.geteuid() == 0 else ""
    paths = "".join(
        f"{name}_temp_path {directory / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{user}\ndaemon off;\npid {directory / 'pid'};\nerror_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n"
    )


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def endpoint(directory: Path) -> Iterator[Endpoint]:
    """The program, which listens on a Unix socket."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--uds", "endpoint.sock"],
        cwd=directory,
        encoding="utf-8",
        env=environment(**KEYS),
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "unix:endpoint.sock\n"
            yield Endpoint("", directory / "events.db")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def proxy(directory: Path, endpoint: Endpoint) -> Iterator[str]:
    """Nginx in front of it; its URL."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if nginx is None:
        missing("there is no nginx; install it (Debian: nginx-light)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = directory / "nginx.conf"
    config.write_text(configuration(directory, port), encoding="utf-8")
    with running([nginx, "-p", str(directory), "-c", str(config)], port):
        yield f"https://localhost:{port}"


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until it listens, and to the end of the block."""
    with subprocess.Popen(command) as process:
        try:
            while True:
                assert process.poll() is None
                try:
                    socket.create_connection(("127.0.0.1", port), SECONDS).close()
                except ConnectionRefusedError:
                    continue
                break
            yield
        finally:
            process.terminate()


@pytest.fixture
def client(proxy: str, aws: pytest.MonkeyPatch) -> Any:
    """boto3's client, which verifies the certificate."""
    return boto3.client(
        "pinpoint",
        region_name="eu-west-1",
        endpoint_url=proxy,
        aws_access_key_id=KEY.access_key_id,
        aws_secret_access_key=KEY.secret_access_key,
        verify=str(TLS / "localhost.pem"),
    )


class TestNginx:
    """Calls reach the endpoint as they were signed."""

    def test_boto3(self, client: Any, endpoint: Endpoint) -> None:
        """Also with a path that has characters to be encoded, again and again."""
        for application_id in ("shop", "a b/ü~+%", "shop"):
            found = client.put_events(ApplicationId=application_id, EventsRequest=one())
            assert found["EventsResponse"]["Results"] == {"ada": accepted("v")}
        for application_id in ("shop", "a b/ü~+%"):
            assert endpoint.stored(application_id) == [("ada", "v", "tapped")]

    def test_large(self, client: Any, endpoint: Endpoint) -> None:
        """Also with a body of nearly 4 MB, which nginx keeps in a file."""
        client.put_events(ApplicationId="large", EventsRequest=large(260))
        assert len(endpoint.endpoint_ids("large")) == 260

    def test_own_sender(
        self, proxy: str, endpoint: Endpoint, aws: pytest.MonkeyPatch
    ) -> None:
        """Also by this package's own sender."""
        aws.setenv("AWS_CA_BUNDLE", str(TLS / "localhost.pem"))
        for name, value in KEYS.items():
            aws.setenv(name, value)
        request = BatchBuilder().add("ada", Event("tapped"), event_id="v").build()
        with PinpointSender("own", region="eu-west-1", endpoint_url=proxy) as sender:
            sender.put_events(request).raise_for_failures(request)
        assert endpoint.stored("own") == [("ada", "v", "tapped")]

    def test_wrong_secret(self, proxy: str, client: Any) -> None:
        """A signature is checked as ever."""
        forger = boto3.client(
            "pinpoint",
            region_name="eu-west-1",
            endpoint_url=proxy,
            aws_access_key_id=KEY.access_key_id,
            aws_secret_access_key="another-secret",
            verify=str(TLS / "localhost.pem"),
        )
        with pytest.raises(client.exceptions.ClientError, match="does not match"):
            forger.put_events(ApplicationId="shop", EventsRequest=one())
