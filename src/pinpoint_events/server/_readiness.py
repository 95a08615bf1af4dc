"""
Whether an endpoint can keep events now, for load balancers: `GET /readyz`.

Anyone may ask, so an answer must not be costly: stores are looked at once a second at
most, however many ask. That happens in a separate thread, as the workers may all be
busy, and has a deadline, as a store may be locked, or its disk hang. Reasons are codes:
they contain no path, no key and nothing of a call.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

from pinpoint_events.errors import StoreError
from pinpoint_events.senders.protocol import ChecksReadiness
from pinpoint_events.server._answers import Answer, RequestError, method_not_allowed
from pinpoint_events.server._deadline import CallDeadline
from pinpoint_events.server._workers import Workers
from pinpoint_events.wire.json_text import encode

__all__ = ["Readiness", "check_sender", "readiness_answer", "reason_of"]

_log = logging.getLogger("pinpoint_events")

_FRESH_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 1.0
# SQLite looks at a lock each quarter of a second: so the reason is known in time.
_WAIT_SECONDS: Final = 0.5
_TIMED_OUT: Final = "timed_out"

_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
)


class Readiness:
    """Checks the stores, not more often than needed."""

    def __init__(self) -> None:
        self._worker = Workers(1, "pinpoint-events-readiness")
        self._job: Future[frozenset[str]] | None = None
        self._started_at = 0.0
        self._found: frozenset[str] = frozenset()

    async def reasons(
        self, check: Callable[[CallDeadline], Collection[str]]
    ) -> frozenset[str]:
        """
        Return why events cannot be kept, as of a second ago at most.

        Args:
            check: Returns that; called in a thread, with the time that it may wait.
        """
        job, now = self._job, time.monotonic()
        if job is None or (job.done() and now - self._started_at >= _FRESH_SECONDS):
            self._started_at = now
            job = self._job = self._worker.submit(self._run, check)
        seconds_left = self._started_at + _ANSWER_SECONDS - now
        if not job.done() and seconds_left > 0:
            await asyncio.wait([asyncio.wrap_future(job)], timeout=seconds_left)
        return job.result() if job.done() else frozenset({_TIMED_OUT})

    def _run(self, check: Callable[[CallDeadline], Collection[str]]) -> frozenset[str]:
        deadline = CallDeadline(_WAIT_SECONDS)
        found = frozenset(check(deadline))
        if found != self._found:
            self._found = found
            level = logging.WARNING if found else logging.INFO
            message = "not ready" if found else "ready again"
            _log.log(level, message, extra={"pinpoint_events.reasons": sorted(found)})
        return found

    def close(self) -> None:
        """End the thread, unless it is stuck."""
        self._worker.close(0.0)


def readiness_answer(
    method: str, reasons: Collection[str], warnings: Collection[str]
) -> Answer:
    """
    Return the answer to the question whether the endpoint is ready.

    Raises:
        RequestError: If the method is another than GET or HEAD.
    """
    if method not in {"GET", "HEAD"}:
        raise method_not_allowed(method, ["GET"])
    found = {
        "status": "unready" if reasons else "ready",
        "reasons": sorted(reasons),
        "warnings": sorted(warnings),
    }
    return Answer(503 if reasons else 200, encode(found), _HEADERS)


def check_sender(sender: object, min_free_bytes: int) -> Iterator[str]:
    """
    Yield why a sender cannot keep events.

    Raises:
        Exception: If its own check raises it; see `reason_of`.
    """
    if isinstance(sender, ChecksReadiness):
        sender.check_ready()
    path = getattr(sender, "path", None)
    if isinstance(path, Path):
        with suppress(OSError):  # where the directory is gone, the check above says so
            if shutil.disk_usage(path.parent).free < min_free_bytes:
                yield "disk_low"


def reason_of(error: Exception) -> str:
    """Return the code for the error of a check."""
    if isinstance(error, StoreError):
        return f"store_{error.code.value}"
    if isinstance(error, RequestError):  # its time is over
        return _TIMED_OUT
    return "sender_failed"
