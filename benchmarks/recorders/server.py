"""
The server that all trackers send to, in a separate process.

It takes every protocol: each purchase has a serial number, which is found in the body
whatever the format around it. It counts what it has received before it answers, so that
a client that has gone away meanwhile loses nothing by it.
"""

import argparse
import base64
import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final, NamedTuple

from benchmarks.environment import ROOT

_SERIAL: Final = re.compile(rb"serial-(\d{9})")
_SNOWPLOW: Final = "/com.snowplowanalytics.snowplow/"
_SETTLED_SECONDS: Final = 0.1


class Counts(NamedTuple):
    """
    What a server has received.

    Attributes:
        events: How many different events.
        repeats: How many more of the same.
        requests: In how many requests.
    """

    events: int
    repeats: int
    requests: int


class Server(NamedTuple):
    """
    A running server.

    Attributes:
        port: Where it listens, on the loopback interface.
    """

    port: int

    @property
    def url(self) -> str:
        """Its URL."""
        return url_of(self.port)

    def counts(self) -> Counts:
        """Return what it has received."""
        connection = HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", "/counts")
            return Counts(*json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def settled_counts(self) -> Counts:
        """Return the same, once what was under way has been read."""
        counts = self.counts()
        while True:
            time.sleep(_SETTLED_SECONDS)
            newer = self.counts()
            if newer == counts:
                return counts
            counts = newer


def url_of(port: int) -> str:
    """Return the URL of a server that listens there."""
    return f"http://127.0.0.1:{port}"


def free_port() -> int:
    """Return a port on which nothing listens: connections to it are refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def server(port: int = 0, delay_seconds: float = 0) -> Iterator[Server]:
    """
    Run a server, and end it after the block.

    Args:
        port: Where it listens; by default, any free port.
        delay_seconds: How long it waits before each answer.
    """
    command = [sys.executable, "-m", "benchmarks.recorders.server"]
    with subprocess.Popen(
        [*command, f"--port={port}", f"--delay-seconds={delay_seconds}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.terminate()


def serials(path: str, encoding: str, body: bytes) -> list[int]:
    """
    Return the serial numbers of the events in a body.

    Args:
        path: The path of the request.
        encoding: Its content encoding; empty for none.
        body: Its body as received.
    """
    if encoding == "gzip":
        body = gzip.decompress(body)
    if path.startswith(_SNOWPLOW):
        # It has each event's content in base64, inside the JSON of a batch.
        texts = [each.get("ue_px", "") for each in json.loads(body)["data"]]
        body = b"\n".join(base64.urlsafe_b64decode(text) for text in texts)
    return [int(found) for found in _SERIAL.findall(body)]


def answer(path: str, body: bytes) -> tuple[int, bytes]:
    """Return the status and the body by which everything is taken."""
    if path.startswith("/v1/apps/"):
        taken = {"StatusCode": 202, "Message": "Accepted"}
        results = {
            endpoint_id: {
                "EndpointItemResponse": taken,
                "EventsItemResponse": dict.fromkeys(batch["Events"], taken),
            }
            for endpoint_id, batch in json.loads(body)["BatchItem"].items()
        }
        return 202, json.dumps({"Results": results}).encode()
    if path == "/v1/traces":
        return 200, b""  # an empty message of protocol buffers
    if path == "/2/httpapi":
        return 200, b'{"code":200}'
    return 200, b'{"status":1,"success":true}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    delay_seconds: ClassVar[float] = 0
    _guard: ClassVar = threading.Lock()
    _seen: ClassVar[set[int]] = set()
    _received: ClassVar[list[int]] = [0, 0]  # events, requests

    def do_POST(self) -> None:
        """Count the events, wait, and take them."""
        body = self.rfile.read(int(self.headers["content-length"]))
        found = serials(self.path, self.headers.get("content-encoding", ""), body)
        with self._guard:
            self._seen.update(found)
            self._received[0] += len(found)
            self._received[1] += 1
        time.sleep(self.delay_seconds)
        self._answer(*answer(self.path, body))

    def do_GET(self) -> None:
        """Answer with the counts."""
        with self._guard:
            events, requests = self._received
            counts = Counts(len(self._seen), events - len(self._seen), requests)
        self._answer(200, json.dumps(counts).encode())

    def _answer(self, status: int, body: bytes) -> None:
        # In one piece: a client that waits for the rest of an answer is not idle.
        self.wfile.write(
            b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (status, len(body), body)
        )

    def log_message(self, *_: object) -> None:
        """Print nothing: the output is for the port."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Print nothing: clients that are killed reset their connections."""


def main() -> None:
    """Serve until terminated; the first line of output is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-seconds", type=float, default=0)
    options = parser.parse_args()
    _Handler.delay_seconds = options.delay_seconds
    with _Server(("127.0.0.1", options.port), _Handler) as running:
        print(running.server_address[1], flush=True)
        running.serve_forever()


if __name__ == "__main__":
    main()
