"""`Recorder`: takes events, delivers them in the background, and keeps the books."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Final, NoReturn, Self, SupportsIndex

import attrs

from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import (
    ConfigurationError,
    SpoolFullError,
    StoreError,
    StoreErrorCode,
)
from pinpoint_events.item_texts import checked_endpoint, checked_event, event_writer
from pinpoint_events.model._converters import (
    instance_of,
    number_map,
    required_text,
    text_map,
)
from pinpoint_events.model._immutable import Refused, raise_if_invalid
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event, Session
from pinpoint_events.quotas import quotas_of
from pinpoint_events.recorder.dispatcher import Rules
from pinpoint_events.recorder.items import DropReason, Item, ItemCounts
from pinpoint_events.recorder.memory_spool import MemorySpool
from pinpoint_events.recorder.open_recorders import add_open, remove_open
from pinpoint_events.recorder.options import (
    OnFull,
    check_functions,
    check_limits,
    check_seconds,
    check_timeout,
    spool_path,
)
from pinpoint_events.recorder.process_end import at_end, not_at_end
from pinpoint_events.recorder.reports import DroppedItem, Hooks, RejectedItem, Reports
from pinpoint_events.recorder.safe_spool import SafeSpool
from pinpoint_events.recorder.sender_source import sender_source
from pinpoint_events.recorder.sessions import SessionRecorder
from pinpoint_events.recorder.spool_place import SpoolPlace
from pinpoint_events.recorder.worker import Worker
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["Recorder", "RecorderStats"]

_MAX_BYTES: Final = 256_000_000
_MEMORY_BYTES: Final = 64_000_000  # in place of a file that cannot be used
_ROOM_SECONDS: Final = 0.05  # until another look whether other processes made room


@attrs.frozen(kw_only=True)
class RecorderStats(ItemCounts):
    """
    What became of the events that were recorded.

    `recorded == delivered + rejected + sum(dropped.values()) + pending`, always. With a
    file they are those of all processes that ever used it, and of what this process has
    in memory; without one, those of this process.

    Attributes:
        recorded: Events that were recorded.
        delivered: Those that the sender's answers accept.
        rejected: Those that were refused for good; dead letters.
        dropped: `DropReason` to those that were given up for it; only reasons with any.
        pending: Those that wait to be delivered.
        endpoints: The same of the updates of endpoints.
        spool_error: Why the spool's file cannot be used, so that events are kept in
            memory only; None if it can be, there is none, or the file of another
            application has taken its place.
    """

    endpoints: ItemCounts = attrs.field(factory=ItemCounts)
    spool_error: StoreErrorCode | None = None


class Recorder:
    """
    Takes events from any thread, process or coroutine, and delivers them later.

    `record()` stores the event in the spool, an SQLite file that all processes of the
    application share, and returns; it never waits for the network. One thread of one of
    the processes delivers what is in the file. What is not delivered when the
    processes end, or are killed, is delivered by the next one that records with this
    file, or that calls `start()`.

    Each event is delivered at least once. One may arrive twice, with the same event id,
    if a process is killed, or the connection is cut, between its arrival and the note
    in the file that it has arrived.

        >>> from pinpoint_events import Event, MemorySender, Recorder
        >>> sender = MemorySender()
        >>> with Recorder(sender, spool=None) as recorder:
        ...     _ = recorder.record("user-1", Event("purchase"))
        ...     recorder.flush(timeout=10)
        True
        >>> [event.event_type for event in sender.events.values()]
        ['purchase']

    Safe to use from several threads, and after a `fork` in both processes.

    Args:
        sender: Where to: a URL for `open_sender`, which the thread opens; a function
            without arguments that returns a sender, which the thread calls; or a
            sender, which is not closed.
        spool: The file, created if it does not exist, in a directory that exists. None
            keeps events in memory: what is not delivered when the process ends is lost.
        application_id: The application that the events are for, where neither URL nor
            sender names one.
        on_full: What to do if the spool is full: `block` until there is room, for
            `block_seconds` at most, and then raise; `raise` at once; `drop_newest`, the
            event itself; or `drop_oldest`, those that have waited longest.
        block_seconds: How long to wait for room; 0 or more.
        max_bytes: Bytes of the file that waiting and rejected events may take, at least
            100,000; SQLite's log takes up to 32 MB more. Rejected ones make room first.
            Without a file, bytes of memory.
        max_age: Events that wait for longer are dropped; by default none are.
        flush_events: Events are delivered once so many wait, at least 1.
        flush_seconds: Or once the first has waited for so long.
        exit_seconds: How long the end of the process may be delayed to deliver; several
            recorders delay it by the longest of theirs.
        attributes: Attributes of every event that does not have its own.
        metrics: Likewise.
        session: Likewise.
        on_rejected: Called for each item that was refused for good.
        on_dropped: Called for each item that the recorder gave up; not for those that
            an operator deletes.
        on_error: Called when an outage begins, when the file or its lock file cannot be
            used, and for defects. All three are called mostly in the thread that
            delivers, but not within one another; what they raise is logged.

    Raises:
        ConfigurationError: If an argument is invalid, the directory of the file does
            not exist, the file is another program's, it has events of another
            application or is the one that the events are sent to, or another recorder
            of this process sends them elsewhere.
        ValidationError: If `attributes`, `metrics` or `session` is invalid.
    """

    # For tests, whose subclass sets them: without a thread, `flush` delivers.
    _has_thread: ClassVar[bool] = True
    _time: Time = Time()
    _spool_timeout_seconds: ClassVar[float] = 1.0

    def __init__(  # noqa: PLR0913 - each of them can be set by itself
        self,
        sender: str | Sender | Callable[[], Sender],
        *,
        spool: str | os.PathLike[str] | None,
        application_id: str | None = None,
        on_full: OnFull = "block",
        block_seconds: float = 5.0,
        max_bytes: int = _MAX_BYTES,
        max_age: timedelta | None = None,
        flush_events: int = 100,
        flush_seconds: float = 1.0,
        exit_seconds: float = 2.0,
        attributes: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        session: Session | None = None,
        on_rejected: Callable[[RejectedItem], object] | None = None,
        on_dropped: Callable[[DroppedItem], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        check_limits(on_full, max_bytes, max_age, flush_events)
        check_seconds(
            block_seconds=block_seconds,
            flush_seconds=flush_seconds,
            exit_seconds=exit_seconds,
        )
        check_functions(
            on_rejected=on_rejected, on_dropped=on_dropped, on_error=on_error
        )
        self._source = sender_source(sender, application_id)
        self._on_full = on_full
        self._block_seconds = block_seconds
        self._exit_seconds = exit_seconds
        self._rules = Rules(
            flush_events,
            flush_seconds,
            None if max_age is None else max_age // timedelta(milliseconds=1),
        )
        self._quotas = quotas_of(sender)
        self._write_event = event_writer(self._quotas)
        self.set_defaults(attributes=attributes, metrics=metrics, session=session)
        self._reports = Reports(Hooks(on_rejected, on_dropped, on_error))
        self._spool = self._opened_spool(spool, max_bytes)
        self._lock = ForkLock()
        self._worker: Worker | None = None
        self._new = 0  # recorded by this process since the thread was last woken
        self._is_closed = False
        self._closer: tuple[int, int] | None = None  # ids of process and thread
        self._is_over = False
        self._was_delivered: bool | None = None  # what `close` returned

    @property
    def application_id(self) -> str:
        """The application that the events are for."""
        return self._source.application_id

    def _opened_spool(
        self, spool: str | os.PathLike[str] | None, max_bytes: int
    ) -> SafeSpool:
        if spool is None:
            return SafeSpool(None, MemorySpool(max_bytes), self._reports, self._time)
        path = spool_path(spool)
        place = SpoolPlace(
            path,
            self.application_id,
            max_bytes,
            self._spool_timeout_seconds,
        )
        memory = MemorySpool(min(max_bytes, _MEMORY_BYTES))
        if self._source.url == f"sqlite:///{path}":
            raise ConfigurationError(
                "spool is the file that the events are sent to; pass another path"
            )
        add_open(self, path, self._source.url)
        try:
            return SafeSpool(place, memory, self._reports, self._time)
        except BaseException:
            remove_open(self)
            raise

    def set_defaults(
        self,
        *,
        attributes: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        session: Session | None = None,
    ) -> None:
        """
        Set what each event gets that does not have its own, from now on.

        Args:
            attributes: Attributes; those of an event are kept.
            metrics: Likewise.
            session: The session of events without one.

        Raises:
            ValidationError: With all problems of the arguments.
        """
        texts: Any = text_map(attributes)
        numbers: Any = number_map(metrics)
        checked = None if session is None else instance_of(Session, session)
        raise_if_invalid(attributes=texts, metrics=numbers, session=checked)
        self._attributes, self._metrics, self._session = texts, numbers, session
        self._has_defaults = bool(texts or numbers or session)

    # --- Recording --------------------------------------------------------------------

    def record(
        self, endpoint_id: str, event: Event, *, event_id: str | None = None
    ) -> str:
        """
        Record an event; when this returns, the spool has it.

        Args:
            endpoint_id: The endpoint that it belongs to; not empty.
            event: The event.
            event_id: Your id of it, not empty; a random UUID by default.

        Returns:
            The event id.

        Raises:
            ValidationError: If an argument is of the wrong type or empty.
            QuotaExceededError: If the event is over a quota.
            SpoolFullError: If there is no room, and `on_full` is `raise` or `block`. At
                once if an empty spool has no room for it either.
        """
        # Any: the converter is typed as if it never returned `Refused`.
        name: Any = required_text(endpoint_id)
        key: Any = required_text(new_event_id() if event_id is None else event_id)
        given: Any = event
        if type(given) is not Event or type(name) is Refused or type(key) is Refused:
            checked = instance_of(Event, given)
            raise_if_invalid(endpoint_id=name, event=checked, event_id=key)
        if self._has_defaults:
            event = self._with_defaults(event)
        text = self._write_event(event)
        if text is None:
            text = checked_event(event, self._quotas, ["event"])
        self._keep(name, key, text.decode(), event)
        return str(key)

    def identify(self, endpoint_id: str, endpoint: Endpoint) -> None:
        """
        Record the data of an endpoint, which is created or updated.

        Args:
            endpoint_id: Your id of it; not empty.
            endpoint: Its data; members that it does not have keep their values.

        Raises:
            ValidationError: If an argument is of the wrong type or empty.
            QuotaExceededError: If the endpoint is over a quota.
            SpoolFullError: As for `record`.
        """
        name: Any = required_text(endpoint_id)
        raise_if_invalid(endpoint_id=name, endpoint=instance_of(Endpoint, endpoint))
        text = checked_endpoint(endpoint, self._quotas, ["endpoint"])
        self._keep(name, None, text.decode(), endpoint)

    def session(self, endpoint_id: str) -> SessionRecorder:
        """
        Start a session of an endpoint; its events carry the session.

            >>> from pinpoint_events import Event, MemorySender, Recorder
            >>> recorder = Recorder(MemorySender(), spool=None)
            >>> with recorder.session("user-1") as session:
            ...     _ = session.record(Event("tapped"))
            >>> recorder.stats().recorded
            3

        Args:
            endpoint_id: The endpoint; not empty.

        Returns:
            What records the events of the session.

        Raises:
            SpoolFullError: As `record`; no session is started.
            ValidationError: If the id is of the wrong type or empty.
        """
        return SessionRecorder(self.record, endpoint_id)

    def _with_defaults(self, event: Event) -> Event:
        return attrs.evolve(
            event,
            attributes={**self._attributes, **event.attributes},
            metrics={**self._metrics, **event.metrics},
            session=event.session or self._session,
        )

    def _keep(
        self,
        endpoint_id: str,
        event_id: str | None,
        text: str,
        model: Event | Endpoint,
    ) -> None:
        if self._is_closed:
            self._spool.memory.count_dropped(event_id, DropReason.CLOSED)
            self._reports.dropped([(endpoint_id, event_id)], DropReason.CLOSED)
            return
        worker = self._running_worker()
        try:
            self._spool.add(endpoint_id, event_id, text, model)
        except SpoolFullError as error:
            item = endpoint_id, event_id, text, model
            self._keep_when_full(worker, item, error)
        if self._is_over:  # closed by another thread meanwhile
            self._report_lost(self._spool.memory.drop_all())
        self._new += 1
        if self._new >= self._rules.flush_events:
            self._new = 0
            worker.wake()

    def _keep_when_full(
        self,
        worker: Worker,
        item: tuple[str, str | None, str, Event | Endpoint],
        error: SpoolFullError,
    ) -> None:
        endpoint_id, event_id, text, _ = item
        end = self._time.monotonic() + self._block_seconds
        while True:
            if self._on_full == "drop_newest" or (
                self._on_full == "drop_oldest"
                # One that takes half of the room is not worth all others.
                and (2 * len(text) > error.max_bytes or not self._drop_oldest())
            ):
                self._spool.count_dropped(event_id, DropReason.FULL)
                self._reports.dropped([(endpoint_id, event_id)], DropReason.FULL)
                return
            if self._on_full == "block":
                left = end - self._time.monotonic()
                never_fits = error.event_bytes is not None
                if left <= 0 or never_fits or worker.is_this_thread:
                    raise error
                worker.wait_for_room(min(left, _ROOM_SECONDS))
            elif self._on_full == "raise":
                raise error
            try:
                self._spool.add(*item)
            except SpoolFullError as still:
                error = still
            else:
                return

    def _drop_oldest(self) -> bool:
        dropped = self._spool.drop_oldest()
        self._reports.dropped(
            ((item.endpoint_id, item.event_id) for item in dropped), DropReason.FULL
        )
        return bool(dropped)

    # --- Delivering -------------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to deliver, before anything is recorded.

        The first `record()` does so by itself. Call this in a process that is to
        deliver what earlier ones left in the spool.

        Raises:
            ConfigurationError: If the recorder is closed.
        """
        if self._is_closed:
            raise ConfigurationError(
                "the recorder is closed; make another one, and close it once nothing "
                "more is recorded"
            )
        self._running_worker()

    def flush(self, timeout: float = 10.0) -> bool:
        """
        Deliver what was recorded before, and wait for it.

        Args:
            timeout: How many seconds to wait, at most.

        Returns:
            Whether nothing of it is pending; all was accepted, rejected or dropped.

        Raises:
            ConfigurationError: If `timeout` is no number of seconds.
        """
        check_timeout(timeout)
        return self._running_worker().flush(timeout)

    async def aflush(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - as flush
        """Do what `flush` does, and let other tasks run meanwhile."""
        return await asyncio.to_thread(self.flush, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """
        Deliver what was recorded, then end the thread and close the spool.

        What is not delivered in time stays in the file, for the next process; without a
        file it is dropped. If another process delivers what is in the file, this one
        does not wait for it. What is recorded afterwards is dropped. Another call waits
        for the first, and returns the same; not so one of a hook.

        Args:
            timeout: How many seconds to wait, at most.

        Returns:
            Whether nothing was pending; False, too, if another thread still closes it.

        Raises:
            ConfigurationError: If `timeout` is no number of seconds; nothing is closed.
        """
        check_timeout(timeout)
        if not self._is_closer():
            return self._wait_for_closer(timeout)
        not_at_end(self)
        worker = self._worker_here
        end = self._time.monotonic() + timeout
        was_delivered = False
        try:
            was_delivered = self._deliver_last(worker, timeout)
        finally:  # also after Ctrl-C
            if worker is not None:
                worker.stop(max(0.0, end - self._time.monotonic()))
            self._end()
            self._was_delivered = was_delivered
        return was_delivered

    def _is_closer(self) -> bool:
        """Return whether the call has to close the recorder: it is the first."""
        with self._lock.lock:
            # A fork leaves the thread that closes it in the parent.
            is_closing = self._closer is not None and self._closer[0] == os.getpid()
            if is_closing or self._was_delivered is not None:
                return False
            self._is_closed = True
            self._closer = os.getpid(), threading.get_ident()
            return True

    def _wait_for_closer(self, timeout: float) -> bool:
        worker = self._worker_here
        # It waits for this thread: the call is that of a hook or a signal handler.
        is_awaited = (os.getpid(), threading.get_ident()) == self._closer or (
            worker is not None and worker.is_this_thread
        )
        if not is_awaited:  # in real time, for a test too: another thread takes it
            Time().wait(timeout, lambda: self._was_delivered is not None)
        return bool(self._was_delivered)

    def _deliver_last(self, worker: Worker | None, timeout: float) -> bool:
        if worker is not None:
            return worker.flush(timeout, only_here=True)
        events, endpoints = self._spool.books()
        return not events.pending and not endpoints.pending

    def _end(self) -> None:
        self._is_over = True
        remove_open(self)
        self._report_lost(self._spool.close())
        self._reports.end()

    async def aclose(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - as close
        """Do what `close` does, and let other tasks run meanwhile."""
        return await asyncio.to_thread(self.close, timeout)

    def process_will_end(self) -> None:
        """Begin to deliver; called before any recorder is waited for at the end."""
        worker = self._worker_here
        if not self._is_closed and worker is not None:
            worker.ask()

    def process_ends(self, passed_seconds: float = 0.0) -> None:
        """
        Deliver within `exit_seconds`; called when the process ends.

        Args:
            passed_seconds: How much of that time other recorders have taken.
        """
        worker = self._worker_here
        if self._is_closed or worker is None:
            return
        if not worker.is_finished:  # a child by spawn ends twice
            seconds = max(0.0, self._exit_seconds - passed_seconds)
            end = self._time.monotonic() + seconds
            worker.flush(seconds, only_here=True)
            # A request that is sent when the process ends would be sent again.
            worker.finish(max(0.0, end - self._time.monotonic()))
        self._report_lost(self._spool.memory.drop_all())
        self._reports.end()

    def _report_lost(self, items: Iterable[Item]) -> None:
        self._reports.dropped(
            ((item.endpoint_id, item.event_id) for item in items), DropReason.EXIT
        )

    def stats(self) -> RecorderStats:
        """Return what became of the events that were recorded."""
        events, endpoints = self._spool.books()
        error = self._spool.error
        return RecorderStats(
            recorded=events.recorded,
            delivered=events.delivered,
            rejected=events.rejected,
            dropped=events.dropped,
            pending=events.pending,
            endpoints=endpoints,
            spool_error=error.code if isinstance(error, StoreError) else None,
        )

    @property
    def _worker_here(self) -> Worker | None:
        """The worker, unless it is that of the process that this is a fork of."""
        worker = self._worker
        return worker if worker is not None and worker.pid == os.getpid() else None

    def _running_worker(self) -> Worker:
        worker = self._worker_here
        if worker is not None and (worker.has_thread or not self._has_thread):
            return worker
        with self._lock.lock:
            worker = self._worker_here
            if worker is None:
                worker = Worker(
                    self._spool,
                    self._source.open,
                    self._rules,
                    self._reports,
                    closes_sender=self._source.is_ours,
                    time=self._time,
                )
                # Before it is started: a signal handler that records makes no other.
                self._worker = worker
            if self._has_thread and not self._is_closed:
                at_end(self)
                try:
                    worker.start()
                except (
                    BaseException
                ):  # of a signal handler: the next call makes another
                    self._worker = None
                    raise
        return worker

    def __enter__(self) -> Self:
        """Begin to deliver, as `start`; return the recorder itself."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the recorder."""
        self.close()

    async def __aenter__(self) -> Self:
        """Begin to deliver, as `start`; return the recorder itself."""
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the recorder."""
        await self.aclose()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to pickle or copy: threads and locks cannot be."""
        raise TypeError(
            "cannot pickle or copy a Recorder; make one in each process, with the same "
            "spool"
        )

    def __repr__(self) -> str:
        return f"<Recorder of {self.application_id!r}>"
