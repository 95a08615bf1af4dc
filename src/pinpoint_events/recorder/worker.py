"""
The thread that delivers: one for each recorder and process, begun when first needed.

It looks at the spools a few times a second, and delivers what waits if there is enough
of it, if it has waited long enough, or if it is asked to. It is a daemon, and holds no
lock while it sends, so that it never delays the end of the process, nor a `fork`.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from pinpoint_events.errors import StoreError
from pinpoint_events.quotas import packing_quotas
from pinpoint_events.recorder.delivery import Delivery
from pinpoint_events.recorder.items import Settlement
from pinpoint_events.recorder.metrics import Metrics
from pinpoint_events.recorder.pace import Pace
from pinpoint_events.recorder.reports import Reports
from pinpoint_events.recorder.safe_spool import SafeSpool
from pinpoint_events.recorder.spool import Spool
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders.protocol import Sender

__all__ = ["Rules", "Worker"]

# How often the spool is looked at, for what other processes recorded or ask for.
_LOOK_SECONDS: Final = 0.25
_ABOVE_ALL: Final = 2**63 - 1
_AWAIT_SECONDS: Final = 0.05  # until another look whether something was delivered


class Rules(NamedTuple):
    """
    When to deliver.

    Attributes:
        flush_events: At once, when so many items wait.
        flush_seconds: Otherwise after so long.
        max_age_milliseconds: Items that are older are dropped; None keeps them.
    """

    flush_events: int
    flush_seconds: float
    max_age_milliseconds: int | None


class Worker:
    """
    Delivers what is in the spools of one process.

    Its thread is begun by `start`. Without one, `flush` delivers in the thread that
    calls it.

    Args:
        spool: The spools.
        sender: Opens the sender; called in the thread that delivers.
        rules: When to deliver.
        reports: Told what happens.
        closes_sender: Whether to close the sender at the end.
        time: The clocks, the sleep and the randomness.
    """

    def __init__(  # noqa: PLR0913 - each is another matter
        self,
        spool: SafeSpool,
        sender: Callable[[], Sender],
        rules: Rules,
        reports: Reports,
        *,
        closes_sender: bool,
        time: Time,
    ) -> None:
        self.pid = os.getpid()
        self._spool = spool
        self._open_sender = sender
        self._rules = rules
        self._reports = reports
        self._closes_sender = closes_sender
        self._sender: Sender | None = None
        self._time = time
        self._pace = Pace(time.random)
        self._clock = _Clock(time)
        self._metrics = Metrics()
        self._deliveries: dict[Spool, Delivery] = {}
        # By the spool that the items are in, which has to be a file.
        self._unsettled: list[tuple[str, Settlement]] = []
        self._wake = threading.Event()
        self._progress = threading.Condition()
        self._busy = threading.Lock()  # of the thread that delivers
        self._thread: threading.Thread | None = None
        self._stepping: int | None = None  # the thread that delivers now
        self._is_asked = False
        self._is_over = False
        self._started = time.monotonic()
        # When there was nothing to deliver in a spool, the last time.
        self._delivered_at: dict[Spool, float] = {}
        self.has_claim = False

    # --- What the recorder asks -------------------------------------------------------

    def start(self) -> None:
        """Begin the thread, unless the interpreter is about to end."""
        if self._thread is not None:
            return
        thread = threading.Thread(
            target=self._run, name="pinpoint-events-recorder", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # "can't create new thread at interpreter shutdown"
            return
        self._thread = thread

    def wake(self) -> None:
        """Look at the spools now."""
        self._wake.set()

    def flush(self, timeout: float, *, only_here: bool = False) -> bool:
        """
        Deliver what is recorded by now.

        Args:
            timeout: How many seconds to wait for it.
            only_here: Do not wait for another process to deliver.

        Returns:
            Whether all of it has ended: it was accepted, refused or dropped.
        """
        end = self._time.monotonic() + timeout
        marks: list[tuple[Spool, int]] = []
        generation = -1
        while True:
            if generation != self._spool.generation:  # the spools are others now
                generation = self._spool.generation
                marks = [(spool, self._mark(spool)) for spool in self._spool.spools]
                self._is_asked = True
            if self._has_ended(marks, generation):
                return True
            if self.is_this_thread:
                return False  # called by a hook, which would wait for itself
            if not self._has_thread:
                self._step_alone(timeout)
                if self._has_ended(marks, generation):
                    return True
            left = end - self._time.monotonic()
            if left <= 0 or (only_here and self._is_elsewhere):
                return False
            if self._has_thread:
                self._await_progress(min(left, _AWAIT_SECONDS))
            else:
                self._time.wait(min(left, _AWAIT_SECONDS), self._is_stopped)

    def _has_ended(self, marks: Sequence[tuple[Spool, int]], generation: int) -> bool:
        is_pending = any(self._has_pending(*mark) for mark in marks)
        # Asked afterwards: what was in memory may be in the file now.
        return not is_pending and self._spool.is_known(generation)

    @property
    def is_this_thread(self) -> bool:
        """Whether the caller is the thread that delivers."""
        return self._stepping == threading.get_ident()

    @property
    def _has_thread(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _is_stopped(self) -> bool:
        return self._is_over

    @property
    def _is_elsewhere(self) -> bool:
        """Whether another process delivers, and nothing is in the memory of this."""
        return not self.has_claim and not self._has_pending(
            self._spool.memory, self._spool.memory.highest_id
        )

    def wait_for_room(self, seconds: float) -> None:
        """Ask for a delivery, and wait until there was one, but not for longer."""
        self._is_asked = True
        if self._has_thread:
            self._await_progress(seconds)
        else:
            self._step_alone(seconds)
            self._time.wait(seconds, self._is_stopped)

    def _await_progress(self, seconds: float) -> None:
        with self._progress:
            self._wake.set()
            self._progress.wait(seconds)

    def stop(self, timeout: float) -> None:
        """End the thread, after what it does now, and close the sender."""
        self._is_over = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        if self._closes_sender and self._sender is not None:
            self._sender.close()

    # --- The thread -------------------------------------------------------------------

    def _run(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(self._metrics.without_tracing())
            while not self._is_over and self.pid == os.getpid():
                self._wake.wait(self._seconds_to_look())
                self._wake.clear()
                try:
                    self.step()
                except Exception as error:  # noqa: BLE001 - the thread goes on
                    self._reports.defect(error)
                    self._time.wait(_LOOK_SECONDS, self._is_stopped)

    def _seconds_to_look(self) -> float:
        return min(self._rules.flush_seconds, _LOOK_SECONDS)

    def _step_alone(self, seconds: float) -> None:
        """Deliver in this thread: the interpreter is about to end, or for tests."""
        if self._busy.acquire(timeout=seconds):
            self._busy.release()
            with self._metrics.without_tracing():
                self.step()

    def step(self) -> None:
        """Deliver what is due; one thread at a time."""
        with self._busy:
            self._stepping = threading.get_ident()
            try:
                self._step()
            finally:
                self._stepping = None

    def _step(self) -> None:
        is_asked, self._is_asked = self._is_asked, False
        if is_asked:
            self._pace.try_now()
            self._spool.recover_now()
        if self._spool.recover():
            self._deliveries.clear()  # which knew the items by other numbers
            self._delivered_at.clear()
        self._settle_again()
        for spool in self._spool.spools:
            if self._may_deliver(spool):
                self._deliver(spool, is_asked=is_asked)

    def _may_deliver(self, spool: Spool) -> bool:
        try:
            is_claimed = spool.claim()
        except OSError as error:
            self._reports.spool_failed(error)
            return False
        if spool is not self._spool.memory:
            self.has_claim = is_claimed
        return is_claimed

    def _deliver(self, spool: Spool, *, is_asked: bool) -> None:
        """Deliver what is due of one spool, until nothing is or it has to wait."""
        delivery = self._delivery_of(spool)
        if delivery is None:
            return
        try:
            if not self._is_due(spool, delivery, is_asked=is_asked):
                return
            while not self._is_over and not self._is_blocked(spool):
                wanted = delivery.wanted
                if wanted:
                    delivery.offer(spool.read(delivery.cursor, wanted))
                now = self._time.monotonic()
                if not delivery.has_ready(now):
                    break
                seconds = self._pace.wait_seconds(now)
                if seconds > _LOOK_SECONDS or (seconds and self._pace.is_interrupted):
                    return
                if seconds:
                    self._time.wait(seconds, self._is_stopped)
                self._send(spool, delivery)
            self._delivered_at[spool] = self._time.monotonic()
        except StoreError as error:
            self._spool.set_aside(error, spool)
        except BaseException:
            delivery.reset()  # what was about to be sent is read again
            raise

    def _is_blocked(self, spool: Spool) -> bool:
        """Return whether what was sent of a file is not written there yet."""
        return bool(self._unsettled) and spool is not self._spool.memory

    def _is_due(self, spool: Spool, delivery: Delivery, *, is_asked: bool) -> bool:
        now = self._time.monotonic()
        if is_asked or delivery.has_ready(now):
            return True
        new = spool.highest_id - delivery.cursor
        if new <= 0:
            self._delivered_at[spool] = now
            return False
        delivered_at = self._delivered_at.get(spool, self._started)
        return (
            new >= self._rules.flush_events
            or now - delivered_at >= self._rules.flush_seconds
            or spool.flush_up_to > delivery.cursor
        )

    def _delivery_of(self, spool: Spool) -> Delivery | None:
        delivery = self._deliveries.get(spool)
        if delivery is None:
            sender = self._opened()
            if sender is None:
                return None
            delivery = Delivery(
                packing_quotas(sender),
                self._pace,
                max_age_milliseconds=self._rules.max_age_milliseconds,
                clock=self._clock.milliseconds,
            )
            self._deliveries[spool] = delivery
        return delivery

    def _opened(self) -> Sender | None:
        if self._sender is None:
            if self._pace.wait_seconds(self._time.monotonic()):
                return None
            try:
                self._sender = self._open_sender()
            except Exception as error:  # noqa: BLE001 - of a function of the user's
                self._pace.failed(self._time.monotonic())
                self._reports.interrupted(error)
        return self._sender

    def _send(self, spool: Spool, delivery: Delivery) -> None:
        parcel, settlement = delivery.next_parcel(self._time.monotonic())
        self._settle(spool, settlement)
        if parcel.request is None:
            return
        sender = self._sender
        assert sender is not None  # noqa: S101 - a delivery has one
        started = self._time.monotonic()
        self._pace.sent(started)
        error: Exception | None = None
        try:
            response = sender.put_events(parcel.request)
            settlement = delivery.answered(parcel, response, self._time.monotonic())
        except Exception as raised:  # noqa: BLE001 - of a sender of the user's
            error = raised
            settlement = delivery.raised(parcel, error, self._time.monotonic())
        seconds = self._time.monotonic() - started
        self._metrics.sent(len(settlement.delivered), seconds, error)
        if error is not None and self._pace.is_interrupted:
            self._reports.interrupted(error)
        elif error is None and not self._pace.is_interrupted:
            self._reports.resumed()
        self._settle(spool, settlement)

    # --- The books --------------------------------------------------------------------

    def _settle(self, spool: Spool, settlement: Settlement) -> None:
        """Write down what became of items; if that fails, again later."""
        if not settlement:
            return
        try:
            written = spool.settle(settlement)
        except StoreError as error:
            # Nothing else of the file is sent until it is written: it would be sent
            # again.
            spool_id = getattr(spool, "spool_id", "")
            self._unsettled.append((spool_id, settlement))
            self._spool.set_aside(error, spool)
            return
        self._told(written)

    def _told(self, settlement: Settlement) -> None:
        with self._progress:
            self._progress.notify_all()
        self._reports.rejected(settlement.refused)
        for item, reason in settlement.dropped:
            self._reports.dropped([(item.endpoint_id, item.event_id)], reason)

    def _settle_again(self) -> None:
        """Write down what could not be written, if the file is still the same one."""
        file = self._spool.file
        if file is None or self._spool.error is not None:
            return
        unsettled, self._unsettled = self._unsettled, []
        for spool_id, settlement in unsettled:
            if spool_id == file.spool_id:
                self._settle(file, settlement)

    def _mark(self, spool: Spool) -> int:
        """
        Ask for the delivery of what is in a spool.

        Returns:
            The number of its newest item; one above all if it cannot be read.
        """
        highest = _ABOVE_ALL
        try:
            highest = spool.highest_id
            if highest and not self.has_claim:
                spool.ask_for_flush(highest)
        except StoreError as error:
            self._spool.set_aside(error, spool)
        return highest

    def _has_pending(self, spool: Spool, up_to: int) -> bool:
        try:
            return spool.has_pending(up_to)
        except StoreError as error:
            self._spool.set_aside(error, spool)
            return True


class _Clock:
    """
    The wall clock, for the age of items.

    A clock that is set forward while the process runs makes no item older: the time
    since the start is measured by a clock that is never set, too.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._started = time.now()
        self._started_monotonic = time.monotonic()

    def milliseconds(self) -> int:
        """Return the milliseconds since 1970."""
        passed = self._time.monotonic() - self._started_monotonic
        return int(min(self._time.now(), self._started + passed) * 1000)
