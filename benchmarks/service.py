"""
A stand-in for the service that costs next to nothing, in a separate process.

It reads each request to its end and answers with the next of the prepared answers, from
the first again on each connection. So a client that sends the batches in their order
gets the answer to each, and what is measured is the client.
"""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from benchmarks.environment import ROOT
from benchmarks.workload import BATCHES, accepted, answer, values

ONE_EVENT = "one-event"
"""The application whose answers tell of `event-1` of the endpoint `user-1`, no more."""


@contextmanager
def service() -> Iterator[str]:
    """Run the stand-in, and yield its URL."""
    command = [sys.executable, "-m", "benchmarks.service"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _serve(connection: socket.socket, answers: list[bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one_event = _answer(accepted({"user-1": ["event-1"]}))
    with connection:
        served = 0
        received = b""
        while chunk := connection.recv(_MAX_BYTES):
            received += chunk
            head, blank, body = received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if not blank or length is None or len(body) < int(length[1]):
                continue
            received = b""
            target = _TARGET.search(head)
            if target is not None:
                connection.sendall(_records_answer(target[1], body.count(b'"Data":')))
                continue
            is_one_event = ONE_EVENT.encode() in head
            connection.sendall(
                one_event if is_one_event else answers[served % len(answers)]
            )
            served += 1


_MAX_BYTES = 1 << 20
_LENGTH = re.compile(rb"(?i)\ncontent-length: *(\d+)")
_TARGET = re.compile(rb"(?i)\nx-amz-target: *\w+\.(\w+)")


@cache
def _records_answer(operation: bytes, count: int) -> bytes:
    """Return the answer by which all records are taken, of PutRecords or the other."""
    if operation == b"PutRecords":
        number = "49543463076548007577105092703039560359975228518395019266"
        taken = {"SequenceNumber": number, "ShardId": "shardId-000000000000"}
        return _answer({"FailedRecordCount": 0, "Records": [taken] * count})
    record_id = "0bqVnLtK6m0nCUBZJDGkfVpYFNVXvEQOGjDLf8L9HTDZ4tXZ7vGwHbT7L1wzAAbg"
    taken = {"RecordId": record_id}
    return _answer({"FailedPutCount": 0, "RequestResponses": [taken] * count})


def _answer(said: Any) -> bytes:
    body = json.dumps(said).encode()
    return (
        b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n"
        b"x-amzn-requestid: 6a1b7c22-0000-4000-8000-000000000000\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


def main() -> None:
    """Serve until terminated; the first line of output is the URL."""
    answers = [_answer(answer(values(batch))) for batch in range(BATCHES)]
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, answers), daemon=True).start()


if __name__ == "__main__":
    main()
