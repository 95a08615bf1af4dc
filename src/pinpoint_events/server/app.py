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
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from functools import partial
from typing import Any, Final, Literal, TypeVar, cast

from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    StoreError,
)
from pinpoint_events.model import _converters as to
from pinpoint_events.problems import Expected
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.senders.url import is_region_name
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
from pinpoint_events.server._application_ids import (
    ApplicationIds,
    application_id_of,
)
from pinpoint_events.server._applications import Applications, Senders, is_one_sender
from pinpoint_events.server._body import Body, ClientDisconnected, Receive
from pinpoint_events.server._deadline import CallDeadline, StopDeadlines
from pinpoint_events.server._exchange import Exchange, Scope, Send
from pinpoint_events.server._failures import (
    details_of,
    log_failure,
    request_error,
    sender_of,
)
from pinpoint_events.server._hosts import AllowedHosts, is_host_name
from pinpoint_events.server._lanes import READERS, Lanes
from pinpoint_events.server._limits import MAX_HEAD_BYTES, MAX_HEADERS, Limits
from pinpoint_events.server._readiness import (
    Readiness,
    check_sender,
    readiness_answer,
    reason_of,
)
from pinpoint_events.server._request_reader import RequestReader
from pinpoint_events.server._settings import (
    check_settings,
    count,
    kind_of,
    list_of,
    seconds,
)
from pinpoint_events.server._unproven import Unproven
from pinpoint_events.server._workers import Workers, in_new_thread
from pinpoint_events.server.keys import Credentials, Keys
from pinpoint_events.server.sigv4 import (
    SignedRequest,
    Verifier,
)
from pinpoint_events.server.streams.firehose import Firehose
from pinpoint_events.server.streams.http import (
    JSON_TYPE_REMEDY,
    JSON_TYPES,
    Services,
    Target,
    ok,
)
from pinpoint_events.server.streams.kinesis import Kinesis
from pinpoint_events.server.streams.limits import BODY_BYTES
from pinpoint_events.server.streams.refusals import internal_failure
from pinpoint_events.storage.waiting import waiting_until

__all__ = ["App", "create_app"]

# The log of a store grows to 64 MB, and is then copied into its file.
DEFAULT_MIN_FREE_BYTES: Final = 128 * 1024 * 1024
_MOST_BYTES: Final = 2**53

_log = logging.getLogger("pinpoint_events")

_EVENTS: Final = re.compile(rb"/v1/apps/([^/]+)/events(/legacy)?", re.ASCII)
_HEALTH: Final = b"/healthz"
_READINESS: Final = b"/readyz"
_OPERATIONS: Final = frozenset({b"", b"/"})  # of Kinesis and Firehose
_MAX_BYTES: Final = 64 * 1024 * 1024  # of a body, where the quota is off
_JSON_TYPES: Final = frozenset(
    {b"", b"application/json", b"application/x-amz-json-1.1"}
)
# `navigator.sendBeacon`, used while a page unloads, sends a text as `text/plain`.
_BEACON_TYPES: Final = _JSON_TYPES | {b"text/plain"}


T = TypeVar("T")


class _Default(Enum):
    FROM_ENVIRONMENT = "the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


FROM_ENVIRONMENT: Final = _Default.FROM_ENVIRONMENT


def utc_now() -> datetime:
    """Return the current time of this machine, in UTC."""
    return datetime.now(UTC)


def create_app(  # noqa: PLR0913 - independent settings, each with a default
    senders: Senders | None = None,
    *,
    kinesis: Kinesis | None = None,
    firehose: Firehose | None = None,
    credentials: Keys
    | Credentials
    | Iterable[Credentials]
    | Literal[_Default.FROM_ENVIRONMENT]
    | None = FROM_ENVIRONMENT,
    quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    region: str | None = None,
    applications: Iterable[str] | None = None,
    any_application_id: bool = False,
    hosts: Iterable[str] = (),
    naive_times: Literal["utc"] | None = None,
    faults: Faults | None = None,
    clock: Callable[[], datetime] = utc_now,
    workers: int = 15,
    waiting: int = 64,
    connections: int = 500,
    head_seconds: float = 20.0,
    body_seconds: float = 30.0,
    body_bytes_per_second: int = 1_000,
    unproven: int = 64,
    idle_seconds: float = 75.0,
    call_seconds: float = 5.0,
    stop_seconds: float = 30.0,
    min_free_bytes: int = DEFAULT_MIN_FREE_BYTES,
) -> "App":
    """
    Return an endpoint for PutEvents, Kinesis or Firehose, an ASGI 3 application.

    Args:
        senders: Where events of PutEvents go: one sender for all application ids, or a
            function that opens a sender for an application id and raises a
            `LookupError` for an unknown one. The endpoint closes the senders that the
            function opens: when it ends, or when 100 are open and another is needed; it
            opens them again for further calls. One sender that is passed in stays open.
            None does not serve PutEvents.
        kinesis: Serves the operations of Kinesis; closed when the endpoint ends.
        firehose: Serves the operations of Firehose; closed when the endpoint ends.
        credentials: The keys that calls may be signed with. If left out, the key in the
            environment. None accepts all calls, signed or not.
        quotas: The limits that calls are checked against.
        region: The only region that signatures may be for; None accepts any.
        applications: The application ids that may be called; None permits all that
            `senders` knows.
        any_application_id: Whether a function `senders` is called with ids of any form,
            such as `../other`. Otherwise, it is called with plain ids only: at most 64
            letters, digits, `-` and `_`, which can be a part of a file name.
        hosts: Names of this endpoint in URLs of clients. Where calls may be unsigned,
            those that name another host are rejected: a web page could have caused
            them. IP addresses, `localhost` and names that end in `.localhost` need not
            be listed.
        naive_times: How to read times without a zone, such as `2026-09-21T12:00:00`:
            `"utc"` as UTC. None rejects the events and endpoints that have one, as the
            service did.
        faults: Faults to simulate, for tests.
        clock: Returns the current time, with a time zone; by default the machine's.
        workers: How many calls are processed at a time. Each may use memory of a few
            times its size, which is 4 MB at most, and 16 MiB for Kinesis and Firehose.
            The service processes 15 at a time.
        waiting: How many further calls may wait at a time.
        connections: How many clients may be connected at a time; a further one takes
            the place of the one that has been idle longest. This limit, `head_seconds`
            and `idle_seconds` apply where this package runs the endpoint; another ASGI
            server has its own.
        head_seconds: How long the head of a request may take to arrive.
        body_seconds: How long the body of a call may take to arrive.
        body_bytes_per_second: How fast a body must arrive on average, after its first 5
            seconds.
        unproven: How many calls may arrive at a time whose head does not prove who sent
            them: unsigned ones, and those whose signature does not cover
            `X-Amz-Content-Sha256`. If there are more, the slowest one is rejected.
            Together they hold 32 MiB.
        idle_seconds: How long a connection is kept without a request.
        call_seconds: How long a call that has arrived may wait, for a worker, for other
            calls of its application and for other writers of its store together. Then
            it is answered with 503. A call that a sender has begun to send is not: its
            outcome is awaited, and senders have their own timeouts.
        stop_seconds: How long the end of the endpoint may take. Calls that have not
            ended by then are given up, and the log says how many.
        min_free_bytes: With less room on the disk of a store, the endpoint says that it
            is not ready (`GET /readyz`); calls are served all the same.

    Raises:
        ConfigurationError: If `credentials`, or the environment, has no usable key, if
            no region has the name `region`, if a setting is of another type or out of
            range, or if there is nothing to serve.
    """
    given_times: object = naive_times
    if given_times is not None and given_times != "utc":
        message = "naive_times is another value than 'utc' or None; pass one of them"
        raise ConfigurationError(message)
    listed = None if applications is None else list_of(str, applications)
    known_hosts = list_of(str, hosts)
    check_settings(
        applications=listed,
        any_application_id=kind_of(bool, any_application_id),
        hosts=known_hosts,
        senders=None if senders is None else _sound_senders(senders),
        kinesis=None if kinesis is None else kind_of(Kinesis, kinesis),
        firehose=None if firehose is None else kind_of(Firehose, firehose),
        quotas=to.instance_of(Quotas, quotas),
        region=to.text(region),
        faults=None if faults is None else kind_of(Faults, faults),
        clock=to.function(clock),
        workers=count(workers),
        waiting=count(waiting, 0),
        connections=count(connections),
        head_seconds=seconds(head_seconds),
        body_seconds=seconds(body_seconds),
        body_bytes_per_second=count(body_bytes_per_second),
        unproven=count(unproven),
        idle_seconds=seconds(idle_seconds),
        call_seconds=seconds(call_seconds),
        stop_seconds=seconds(stop_seconds),
        min_free_bytes=count(min_free_bytes, 0, _MOST_BYTES),
    )
    if region is not None and not is_region_name(region):
        # Without the region: it may be a value that got into its place.
        raise ConfigurationError(
            "the region has a name that no region has; pass one that calls are signed "
            "for, such as eu-west-1, or None for any",
            ConfigurationErrorCode.INVALID_REGION,
        )
    if not all(map(is_host_name, known_hosts)):
        message = (
            "hosts has a text that is no name of a host; pass names without a scheme "
            "and a port, such as events.example.com"
        )
        raise ConfigurationError(message)
    if senders is None and kinesis is None and firehose is None:
        message = "there is nothing to serve; pass senders, kinesis or firehose"
        raise ConfigurationError(message)
    keys = _keys(credentials)
    script = Faults() if faults is None else faults
    limits = Limits(
        body_bytes=quotas.request_bytes or _MAX_BYTES,
        workers=workers,
        waiting=waiting,
        connections=connections,
        head_seconds=head_seconds,
        body_seconds=body_seconds,
        body_bytes_per_second=body_bytes_per_second,
        unproven=unproven,
        idle_seconds=idle_seconds,
        call_seconds=call_seconds,
        stop_seconds=stop_seconds,
        min_free_bytes=min_free_bytes,
    )
    reader = RequestReader(quotas, reads_naive_times_as_utc=naive_times == "utc")
    services = [each for each in (kinesis, firehose) if each is not None]
    takes_any = any_application_id or senders is None or is_one_sender(senders)
    return App(
        None if senders is None else Applications(senders, reader, script),
        None if keys is None else Verifier(keys, region=region),
        services=Services(services, keys, region),
        hosts=AllowedHosts(known_hosts) if keys is None else None,
        ids=ApplicationIds(listed, only_plain=not takes_any),
        faults=script,
        clock=clock,
        limits=limits,
    )


def _sound_senders(senders: object) -> Any:
    is_sound = isinstance(senders, Sender) or callable(senders)
    return senders if is_sound else to.wrong_type(senders, Expected.SENDER)


def _keys(
    credentials: Keys
    | Credentials
    | Iterable[Credentials]
    | Literal[_Default.FROM_ENVIRONMENT]
    | None,
) -> Keys | None:
    if credentials is None or isinstance(credentials, Keys):
        return credentials
    if isinstance(credentials, _Default):
        try:
            return Keys.from_environment()
        except ConfigurationError as error:
            message = (
                f"{error}; or pass credentials=Keys.from_file(...), or None to accept "
                "calls from anyone"
            )
            raise ConfigurationError(message) from None
    if isinstance(credentials, Credentials):
        return Keys([credentials])
    return Keys(credentials)


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
