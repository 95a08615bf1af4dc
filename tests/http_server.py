"""
A real HTTP server on loopback: it records what arrives and answers as it is told.

Keep-alive HTTP/1.1 with `TCP_NODELAY`, a thread for each connection. Tests and
benchmarks use it in their own process; run as a program, it serves until its standard
input ends, and prints its port first.
"""

import json
import socket
import ssl
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

REQUEST_ID = "8f3c-0001"


class Received(NamedTuple):
    """One request, as it arrived."""

    method: str
    target: str
    headers: "Message[str, str]"
    body: bytes
    connection: int


class Answer(NamedTuple):
    """
    One answer.

    Attributes:
        status: HTTP status.
        body: Its bytes.
        headers: What goes beside `Content-Length` and the request id.
        raw: These bytes instead of all that; the connection is closed after them.
        is_silent: Say nothing, or no more than `raw`, until the other side hangs up.
        is_early: Answer without reading the body of the request, and hang up.
        closes: Close the connection after the answer, without having said so.
    """

    status: int = 202
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    raw: bytes | None = None
    is_silent: bool = False
    is_early: bool = False
    closes: bool = False


CUT = Answer(raw=b"")
"""The connection ends where the answer should be."""
SILENCE = Answer(is_silent=True)


def accepted(received: Received) -> Answer:
    """Return the answer that takes every item of the request."""
    taken = {"StatusCode": 202, "Message": "Accepted"}
    batch = json.loads(received.body)["BatchItem"]
    results = {
        endpoint_id: {
            "EndpointItemResponse": taken,
            "EventsItemResponse": dict.fromkeys(item["Events"], taken),
        }
        for endpoint_id, item in batch.items()
    }
    return answered(results)


def answered(results: Mapping[str, Any], **more: Any) -> Answer:
    """Return a 202 with these results."""
    return Answer(body=json.dumps({"Results": results}).encode(), **more)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet of who hangs up in the middle of a handshake."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class HttpServer:
    """
    A server within a `with` block.

    Attributes:
        received: What arrived, in order.
        answers: What to answer, first to last, each once; `accepted` after that.
        connections: How many connections were opened so far.
    """

    def __init__(
        self,
        *answers: Answer | Callable[[Received], Answer],
        tls: ssl.SSLContext | None = None,
        default: Callable[[Received], Answer] = accepted,
    ) -> None:
        self.received: list[Received] = []
        self.answers = deque(answers)
        self.connections = 0
        self.default = default
        self._server = _QuietServer(("127.0.0.1", 0), self._handler(tls))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer_to(self, received: Received) -> Answer:
        """Record a request and return the answer that is due."""
        self.received.append(received)
        answer = self.answers.popleft() if self.answers else self.default
        return answer if isinstance(answer, Answer) else answer(received)

    def is_next_early(self) -> bool:
        """Return whether the next answer is due before the request is read."""
        following = self.answers[0] if self.answers else None
        return isinstance(following, Answer) and following.is_early

    def _handler(  # noqa: C901 - the methods of one class
        self, tls: ssl.SSLContext | None
    ) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body leave in one piece

            def setup(self) -> None:
                owner.connections += 1
                self._connection = owner.connections
                if tls is not None:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the other side hung up

            def finish(self) -> None:
                try:
                    super().finish()
                except OSError:
                    self.rfile.close()
                if tls is not None:
                    self.connection.close()  # the server knows only what is below it

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                is_early = owner.is_next_early()
                body = b"" if is_early else self.rfile.read(length)
                received = Received(
                    self.command, self.path, self.headers, body, self._connection
                )
                self._write(owner.answer_to(received))
                self.close_connection = self.close_connection or is_early

            do_GET = do_POST  # noqa: N815 - the name that http.server looks for

            def do_CONNECT(self) -> None:
                """Serve as a proxy: note what is asked for, then tunnel to it."""
                received = Received(
                    self.command, self.path, self.headers, b"", self._connection
                )
                answer = owner.answer_to(received)
                if answer.status != 200:
                    self._write(answer)
                    return
                host, port = self.path.rsplit(":", 1)
                with socket.create_connection((host, int(port))) as to:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    self.wfile.flush()
                    back = threading.Thread(target=_pump, args=(to, self.connection))
                    back.start()
                    _pump(self.connection, to)
                    back.join()
                self.close_connection = True

            def _write(self, answer: Answer) -> None:
                if answer.raw is not None or answer.is_silent:
                    self.wfile.write(answer.raw or b"")
                    self.wfile.flush()
                    if answer.is_silent:
                        self.rfile.read(1)
                    self.close_connection = True
                    return
                head = {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(answer.body)),
                    "x-amzn-RequestId": REQUEST_ID,
                    **answer.headers,
                }
                lines = [f"HTTP/1.1 {answer.status} Said"]
                lines += [f"{name}: {value}" for name, value in head.items()]
                self.wfile.write("\r\n".join([*lines, "\r\n"]).encode() + answer.body)
                self.wfile.flush()
                self.close_connection = self.close_connection or answer.closes

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
                """Keep quiet."""

        return Handler


def _pump(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one of the two hung up


if __name__ == "__main__":
    with HttpServer() as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
