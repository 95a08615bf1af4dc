"""
The endpoint as an ASGI 3 application.

It uses no web framework. A framework helps little with three paths and one format of
errors, and it gets in the way of the requirements: the unchanged bytes of the request,
for the signature; a limit on the bytes read of each body; connections that end where a
test wants it.

Blocking code runs in worker threads, one call in each. The number of calls that wait
for a worker is limited; calls beyond the limit are rejected before their body is read.
So memory use is bounded. The time that they wait is limited, too, by one deadline for
each call (see `_deadline.py`).

Bodies are parsed by a few threads that do nothing else. Parsing needs the interpreter
all the time, so that more threads would not make it faster, but would hold the memory
of more calls; and a call that is expensive to parse occupies no worker.
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Final, TypeVar, cast

from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import StoreError
from pinpoint_events.server._active_faults import CallFaults, Faults
from pinpoint_events.server._answers import (
    PREFLIGHT_HEADERS,
    Answer,
    RequestError,
    head_too_large,
    headers_of,
    method_not_allowed,
    not_found,
    too_large,
    too_many_headers,
    unavailable,
)
from pinpoint_events.server._application_ids import ApplicationIds, application_id_of
from pinpoint_events.server._applications import Applications
from pinpoint_events.server._body import Body, ClientDisconnected, Receive
from pinpoint_events.server._deadline import CallDeadline, StopDeadlines
from pinpoint_events.server._exchange import Exchange, Scope, Send
from pinpoint_events.server._failures import (
    details_of,
    log_failure,
    request_error,
    sender_of,
)
from pinpoint_events.server._hosts import AllowedHosts
from pinpoint_events.server._lanes import READERS, Lanes
from pinpoint_events.server._limits import MAX_HEAD_BYTES, MAX_HEADERS, Limits
from pinpoint_events.server._readiness import (
    Readiness,
    check_sender,
    readiness_answer,
    reason_of,
)
from pinpoint_events.server._unproven import Unproven
from pinpoint_events.server._workers import Workers, in_new_thread
from pinpoint_events.server.sigv4 import SignedRequest, Verifier
from pinpoint_events.server.streams.http import (
    JSON_TYPE_REMEDY,
    JSON_TYPES,
    Services,
    Target,
    ok,
)
from pinpoint_events.server.streams.limits import BODY_BYTES
from pinpoint_events.server.streams.refusals import internal_failure
from pinpoint_events.storage.waiting import waiting_until

__all__ = ["App"]

_log = logging.getLogger("pinpoint_events")

_EVENTS: Final = re.compile(rb"/v1/apps/([^/]+)/events(/legacy)?", re.ASCII)
_HEALTH: Final = b"/healthz"
_READINESS: Final = b"/readyz"
_OPERATIONS: Final = frozenset({b"", b"/"})  # of Kinesis and Firehose
_JSON_TYPES: Final = frozenset(
    {b"", b"application/json", b"application/x-amz-json-1.1"}
)
# `navigator.sendBeacon`, used while a page unloads, sends a text as `text/plain`.
_BEACON_TYPES: Final = _JSON_TYPES | {b"text/plain"}


T = TypeVar("T")


class App:
    """
    The endpoint; made by `create_app`.

    Attributes:
        faults: Faults to simulate; can be changed at any time.
        limits: The limits of the endpoint.
        is_closed: Whether it is closed; it cannot be served again then.
        unfinished: How many calls and stores it gave up when it was closed.
    """

    faults: Faults
    limits: Limits
    is_closed: bool
    unfinished: int

    def __init__(  # noqa: PLR0913 - its parts, all but two by name
        self,
        applications: Applications | None,
        verifier: Verifier | None,
        *,
        services: Services,
        hosts: AllowedHosts | None,
        ids: ApplicationIds,
        faults: Faults,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self.faults = faults
        self._applications = applications
        self._services = services
        self._verifier = verifier
        self._hosts = hosts
        self._ids = ids
        self._clock = clock
        self.limits = limits
        self.is_closed = False
        self.unfinished = 0
        self._stop: StopDeadlines | None = None
        self._lanes = Lanes(limits.workers)
        self._keys_reader = Workers(1, "pinpoint-events-keys")
        self._readiness = Readiness()
        # Parsed calls take more memory than their bodies: few wait for a worker.
        self._parsed = threading.Semaphore(limits.workers + READERS)
        self._free_slots = limits.workers + limits.waiting
        self._unproven = Unproven(limits.unproven)
        self._last_date: tuple[datetime | None, bytes] = (None, b"")

    @property
    def is_open_to_anyone(self) -> bool:
        """Whether calls are accepted unsigned."""
        return self._verifier is None

    def begin_stop(self) -> StopDeadlines:
        """Begin the time that the end may take, if it has not begun; return its end."""
        if self._stop is None:
            self._stop = StopDeadlines.within(self.limits.stop_seconds)
        return self._stop

    def close(self) -> None:
        """
        Finish the calls in progress; then close what it has opened.

        That takes `stop_seconds` at most. Calls that have not ended by then, as a
        sender does not return, are given up: the log says how many, and their threads
        do not keep the process from ending.
        """
        self.is_closed = True
        stop = self.begin_stop()
        left = self._lanes.close(stop.calls)
        # In a thread: a store that a call still holds cannot be closed.
        closing = in_new_thread("pinpoint-events-closer", self._close_stores)
        seconds_left = max(0.0, stop.stores - time.monotonic())
        left += len(wait([closing], seconds_left).not_done)
        self._keys_reader.close(0.0)
        self._readiness.close()
        self.unfinished += left
        if left:
            _log.error(
                "stopped with calls in progress", extra={"pinpoint_events.count": left}
            )
        if closing.done():
            closing.result()  # raises what a store failed with

    def _close_stores(self) -> None:
        if self._applications is not None:
            self._applications.close()
        self._services.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan protocol of ASGI."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
                continue
            # Not in the default executor, which is joined when the process ends.
            ended = in_new_thread("pinpoint-events-end", self.close)
            await asyncio.wrap_future(ended)
            await send({"type": "lifespan.shutdown.complete"})
            return

    def _now(self) -> datetime:
        shift = self.faults.clock_shift_seconds
        now = self._clock()
        return now + timedelta(seconds=shift) if shift else now

    # --- One request ------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = new_event_id()
        limits = self.limits
        body = Body(receive, limits.body_seconds, limits.body_bytes_per_second)
        exchange = Exchange(scope, body)
        # Not the error itself: with its traceback, and with this frame, it would be a
        # reference cycle, and keep all that the call has used.
        reason: dict[str, str] = {}
        try:
            answer = await self._answer(exchange)
        except RequestError as error:
            answer = exchange.error_answer(error, request_id)
            reason = details_of(error)
        except ClientDisconnected:
            _log.info("client gone", extra=sender_of(exchange, request_id))
            return
        except asyncio.CancelledError:
            if not self.is_closed:
                raise
            return  # given up at the end, with its connection; `close` logs the count
        except Exception as error:  # noqa: BLE001 - senders and clocks may be foreign
            log_failure(error, sender_of(exchange, request_id))
            refusal = request_error(error)
            answer = exchange.error_answer(refusal, request_id)
            reason = details_of(refusal)
        closes = answer.closes
        if not body.is_read and not closes:
            closes = exchange.expects_continue or not await body.discard(
                exchange.content_length
            )
        headers = headers_of(answer, request_id, closes=closes)
        start = {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(b"date", self._date()), *headers],
        }
        if scope["method"] == "POST" and not answer.is_rejection:
            exchange.read_next_at_once()
        await exchange.send(start, answer.body, send)
        _log.info(
            "answered",
            extra={
                "pinpoint_events.application_id": exchange.application_id,
                "pinpoint_events.bytes": len(answer.body),
                "pinpoint_events.method": scope["method"],
                "pinpoint_events.seconds": time.perf_counter() - started,
                "pinpoint_events.status": answer.status,
                **sender_of(exchange, request_id),
                **reason,
            },
        )

    def _date(self) -> bytes:
        now = self._now().astimezone(UTC).replace(microsecond=0)
        second, text = self._last_date
        if now != second:
            text = format_datetime(now, usegmt=True).encode()
            self._last_date = (now, text)
        return text

    async def _answer(self, exchange: Exchange) -> Answer:
        if len(exchange.headers) > MAX_HEADERS:
            raise too_many_headers(MAX_HEADERS)
        if exchange.head_bytes > MAX_HEAD_BYTES:
            raise head_too_large(MAX_HEAD_BYTES)
        exchange.check_framing()
        path = exchange.path
        if path == _HEALTH:
            return _health(exchange.method)
        if path == _READINESS:
            reasons = await self._unready()
            return readiness_answer(exchange.method, reasons, self._warnings())
        if self._hosts is not None:
            self._hosts.check(exchange.host, exchange.origin)
        if self._services and path in _OPERATIONS:
            exchange.is_operation = True
            return await self._answer_operation(exchange)
        found = _EVENTS.fullmatch(path)
        if found is None or self._applications is None:
            raise not_found()
        exchange.application_id = application_id_of(found[1])
        if exchange.method == "OPTIONS":
            return Answer(200, b"", PREFLIGHT_HEADERS)
        if exchange.method != "POST":
            raise method_not_allowed(exchange.method, ["POST", "OPTIONS"])
        return await self._put_events(exchange, is_beacon=found[2] is not None)

    async def _unready(self) -> set[str]:
        """Return why no call should be sent here."""
        if self._stop is not None:
            return {"stopping"}
        reasons = set(await self._readiness.reasons(self._check_stores))
        if self._free_slots <= 0:
            reasons.add("calls_full")
        if self._verifier is not None and self._verifier.keys.is_stale:
            reasons.add("keys_stale")
        return reasons

    def _warnings(self) -> set[str]:
        """Return what an operator should know of an endpoint that serves."""
        found = {
            "faults": bool(self.faults.active),
            "keys_failing": self._verifier is not None
            and self._verifier.keys.is_failing,
            "no_auth": self.is_open_to_anyone,
        }
        return {name for name, is_so in found.items() if is_so}

    def _check_stores(self, deadline: CallDeadline) -> set[str]:
        """Return why events cannot be kept; in a thread."""
        if self._verifier is not None:
            self._verifier.keys.refresh()  # as a call does; else no call might come
        room = self.limits.min_free_bytes
        found: set[str] = set()
        if self._applications is not None:
            try:
                found |= self._applications.unready(deadline, room)
            except Exception as error:  # noqa: BLE001 - the sender may be foreign
                found.add(reason_of(error))
        with waiting_until(deadline.at):
            for service in self._services:
                try:
                    found |= set(check_sender(service, room))
                except StoreError as error:
                    found.add(reason_of(error))
        return found

    async def _put_events(self, exchange: Exchange, *, is_beacon: bool) -> Answer:
        await self._verify_head(exchange, self._verifier)
        exchange.check_content_headers(_BEACON_TYPES if is_beacon else _JSON_TYPES)
        return await self._serve_body(
            exchange, self.limits.body_bytes, partial(self._send_events, exchange)
        )

    async def _answer_operation(self, exchange: Exchange) -> Answer:
        if exchange.method == "OPTIONS":
            return Answer(200, b"", PREFLIGHT_HEADERS)
        if exchange.method != "POST":
            raise method_not_allowed(exchange.method, ["POST", "OPTIONS"])
        target = self._services.target(exchange.header(b"x-amz-target"))
        await self._verify_head(exchange, target.verifier)
        exchange.check_content_headers(JSON_TYPES, JSON_TYPE_REMEDY)
        return await self._serve_body(
            exchange, BODY_BYTES, partial(self._serve_operation, exchange, target)
        )

    async def _verify_head(self, exchange: Exchange, verifier: Verifier | None) -> None:
        if self.is_closed:
            raise unavailable("this endpoint has ended; send it to another")
        if verifier is None:
            return
        if verifier.keys.is_due:
            # Outside of the event loop: a file may be large, or on a slow disk.
            deadline = CallDeadline(self.limits.call_seconds)
            await _outcome(self._keys_reader.submit(verifier.keys.refresh), deadline)
        if verifier.keys.is_stale:
            raise unavailable("this endpoint cannot read its keys; send it later")
        request = SignedRequest(
            exchange.method,
            exchange.raw_path,
            exchange.scope.get("query_string", b""),
            exchange.headers,
        )
        exchange.pending = verifier.begin(request, self._now())

    async def _serve_body(
        self,
        exchange: Exchange,
        max_bytes: int,
        serve: Callable[[bytes], Awaitable[Answer]],
    ) -> Answer:
        """Read the body of a call, and serve the call, within the limits."""
        if exchange.content_length > max_bytes:
            raise too_large(max_bytes)
        body = exchange.body
        if exchange.is_proven:
            with self._slot():
                content, digest = await body.read(max_bytes)
                exchange.check_body(content, digest)
                return await serve(content)
        self._check_room()
        with self._unproven.arriving(body):
            content, digest = await body.read(max_bytes)
        exchange.check_body(content, digest)
        with self._slot():
            return await serve(content)

    def _check_room(self) -> None:
        if self._free_slots <= 0:
            limit = self.limits.workers + self.limits.waiting
            message = (
                f"there are {limit} calls at a time, and no more; send it again later"
            )
            raise unavailable(message)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        self._check_room()
        self._free_slots -= 1
        try:
            yield
        finally:
            self._free_slots += 1

    async def _send_events(self, exchange: Exchange, body: bytes) -> Answer:
        faults = self.faults.next_call(self._now())
        await _apply_faults(exchange, faults)
        self._ids.check(exchange.application_id)
        deadline = CallDeadline(self.limits.call_seconds)
        sending = await _outcome(
            self._lanes.read(
                body, self._read, exchange.application_id, body, faults, deadline
            ),
            deadline,
        )
        return Answer(202, await _outcome(sending.pop(), deadline))

    def _read(
        self,
        application_id: str,
        body: bytes,
        faults: CallFaults,
        deadline: CallDeadline,
    ) -> list[Future[bytes]]:
        """
        Parse a call, and hand it over to a worker.

        Returns:
            A list with the job, for its only user to take: no frame may keep a job that
            may fail, see `_outcome`.
        """
        applications = cast("Applications", self._applications)
        if not self._parsed.acquire(timeout=deadline.seconds_left):
            raise deadline.error()
        try:
            parsed = applications.read(body)
            sending = self._lanes.serve(
                len(body),
                parsed.count,
                applications.answer,
                application_id,
                parsed,
                faults,
                deadline,
            )
        except BaseException:
            self._parsed.release()
            raise
        # Also if it is cancelled before it has begun.
        sending.add_done_callback(lambda _: self._parsed.release())
        return [sending]

    async def _serve_operation(
        self, exchange: Exchange, target: Target, body: bytes
    ) -> Answer:
        faults = self.faults.next_call(
            self._now(), target.name, puts_records=target.puts_records
        )
        await _apply_faults(exchange, faults)
        if faults.cut is not None and not faults.cut.is_taken:
            raise internal_failure("a fault asked for a call that is not served")
        deadline = CallDeadline(self.limits.call_seconds)
        return ok(
            await _outcome(
                self._lanes.serve(
                    len(body), 0, _serve_target, target, body, faults, deadline
                ),
                deadline,
            )
        )


async def _outcome(future: "Future[T]", deadline: CallDeadline) -> T:
    """
    Wait for what a thread does for a call.

    No frame that its error passes may keep a future: a future references its error, the
    error its traceback, and the traceback each frame with all that the call has used.
    Only the garbage collector frees such a cycle, and it runs seldom.

    Raises:
        RequestError: If the call has not begun at its deadline.
    """
    waiting = [asyncio.wrap_future(future)]
    is_late = False

    def end_wait() -> None:
        nonlocal is_late
        if not waiting[0].done() and deadline.give_up():
            is_late = True
            waiting[0].cancel()  # and so the job, unless a thread works at it

    # Not `asyncio.wait`, which takes three times as long.
    loop = asyncio.get_running_loop()
    timer = loop.call_later(deadline.seconds_left, end_wait)
    try:
        return await waiting[0]
    except asyncio.CancelledError:
        if is_late:
            raise deadline.error() from None
        raise
    finally:
        timer.cancel()
        waiting.clear()
        del future


def _serve_target(
    target: Target, body: bytes, faults: CallFaults, deadline: CallDeadline
) -> bytes:
    deadline.begin()  # its own waits end at the deadline
    with waiting_until(deadline.at):
        return target.service.answer(target.operation, body, faults.put)


async def _apply_faults(exchange: Exchange, faults: CallFaults) -> None:
    """
    Apply the faults that precede the processing of a call.

    Raises:
        RequestError: If one of them rejects the call.
    """
    exchange.cut = faults.cut
    if faults.delay_seconds:
        await asyncio.sleep(faults.delay_seconds)
    fail_call = faults.fail_call
    if fail_call is not None:
        raise RequestError(
            fail_call.status,
            fail_call.message,
            code=fail_call.code,
            retry_after_seconds=fail_call.retry_after_seconds,
        )


def _health(method: str) -> Answer:
    if method not in {"GET", "HEAD"}:
        raise method_not_allowed(method, ["GET"])
    return Answer(200, b'{"status":"ok"}')
