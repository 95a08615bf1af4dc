"""
A web application that records 50 events for each request, and answers its process id.

Settings are those of `tests/recorder/ending.py`, and nothing is delivered before the
end, as there. With `CLOSE_SECONDS`, the ASGI application closes the recorder in its
lifespan.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from pinpoint_events import Event, Recorder

EVENTS_EACH = 50

recorder = Recorder(
    os.environ["TO"],
    spool=os.environ["SPOOL"],
    exit_seconds=float(os.environ["EXIT_SECONDS"]),
    flush_events=1_000_000,
    flush_seconds=3_600.0,
)


def record(query: str) -> bytes:
    """Record the events of a request."""
    first = int(parse_qs(query)["first"][0])
    for number in range(first, first + EVENTS_EACH):
        recorder.record("user-1", Event("tapped"), event_id=f"web-{number}")
    return str(os.getpid()).encode()


def wsgi(
    environ: dict[str, Any], start_response: Callable[..., object]
) -> Iterable[bytes]:
    """Answer a request of WSGI."""
    body = record(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer a request of ASGI, or take part in the lifespan."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if "CLOSE_SECONDS" in os.environ:
            await recorder.aclose(float(os.environ["CLOSE_SECONDS"]))
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = record(scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
