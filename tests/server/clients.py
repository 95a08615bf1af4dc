"""Clients of a served endpoint: boto3, and bare sockets that may do as they like."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from pinpoint_events.server import Credentials, Served

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PATH = "/v1/apps/shop/events"
TIMESTAMP = "2026-09-21T12:00:00.123Z"
EVENT = {"EventType": "tapped", "Timestamp": TIMESTAMP}
ACCEPTED = {"StatusCode": 202, "Message": "Accepted"}
SECONDS = 20.0  # for anything to happen; nothing here waits so long


class Got(NamedTuple):
    """
    An answer.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        body: Its bytes, as many as arrived.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message of an error, whose body has the service's form."""
        assert self.json["RequestID"] == self.headers["x-amzn-requestid"]
        assert self.json.keys() == {"Message", "RequestID"}
        return self.status, self.headers["x-amzn-errortype"], self.json["Message"]


def batch_item(**events_of: Any) -> dict[str, Any]:
    """Return a call of endpoints about which nothing is said, by their ids."""
    return {
        "BatchItem": {
            name: {"Endpoint": {}, "Events": events}
            for name, events in events_of.items()
        }
    }


ONE: dict[str, Any] = batch_item(e={"v": EVENT})
"""A call with one event."""


@contextmanager
def connected(server: Served) -> Iterator[socket.socket]:
    """Open a connection to the endpoint."""
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        connection.settimeout(SECONDS)
        yield connection


def head(*more: str, method: str = "POST", path: str = PATH) -> bytes:
    """Return the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *more]
    return "\r\n".join([*lines, "\r\n"]).encode()


def request(
    body: bytes = b"", *more: str, method: str = "POST", path: str = PATH
) -> bytes:
    """Return a whole request."""
    length = f"Content-Length: {len(body)}"
    return head(length, *more, method=method, path=path) + body


def answer(connection: socket.socket) -> Got:
    """Read one answer."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return Got(status, headers, stream.read(int(headers["content-length"])))


def rest(connection: socket.socket) -> bytes:
    """Read until the other side ends the connection."""
    found = b""
    try:
        while data := connection.recv(65536):
            found += data
    except ConnectionError:
        return found
    return found


def post(
    server: Served, data: Any, *more: str, method: str = "POST", path: str = PATH
) -> Got:
    """Send one request on a separate connection; what is no bytes, as JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    with connected(server) as connection:
        connection.sendall(request(body, *more, method=method, path=path))
        return answer(connection)


def boto3_client(server: Served, key: Credentials = KEY, **config: Any) -> Any:
    """Return boto3's client for the endpoint; it sends once."""
    return boto3.client(
        "pinpoint",
        region_name="eu-west-1",
        endpoint_url=server.url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token=key.session_token,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )
