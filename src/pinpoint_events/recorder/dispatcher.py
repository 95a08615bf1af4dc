"""
Delivers what is due of the spools of a process, in whatever thread calls it.

It is due if there is enough of it, if it has waited long enough, or if it is asked for.
Only the process that has the claim delivers what is in a file.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from pinpoint_events.errors import StoreError
from pinpoint_events.quotas import packing_quotas
from pinpoint_events.recorder._loading import loading
from pinpoint_events.recorder.delivery import Delivery
from pinpoint_events.recorder.items import HIGHEST_ID, DropReason, Settlement
from pinpoint_events.recorder.metrics import Metrics
from pinpoint_events.recorder.pace import Pace
from pinpoint_events.recorder.reports import Reports
from pinpoint_events.recorder.safe_spool import SafeSpool
from pinpoint_events.recorder.spool import Spool
from pinpoint_events.senders._blocking import Time, quiet_attempts
from pinpoint_events.senders.protocol import Sender

__all__ = ["Dispatcher", "Rules"]

_READ_ITEMS: Final = 500  # at a time, to drop those that are too old
_LONGEST_WAIT_SECONDS: Final = 0.25  # within a step; for longer ones it ends
# After so long a process lets others have the claim: it may be the only one that cannot
# send.
_LONG_OUTAGE_SECONDS: Final = 10.0
_REST_SECONDS: Final = 5.0  # from the claim, at least


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


class Dispatcher:
    """
    Delivers from the spools of one process. One thread at a time may call `step`.

    Args:
        spool: The spools.
        sender: Opens the sender; called by the first step that has something to send.
        rules: When to deliver.
        reports: Calls the hooks, and writes the log.
        on_settled: Called when something was settled.
        time: The clocks, the sleep and the randomness.

    Attributes:
        has_claim: Whether this process delivers what is in the file, as far as known.
        looks: How often the claims were tried.
        metrics: What is measured.
    """

    def __init__(  # noqa: PLR0913 - each is another matter
        self,
        spool: SafeSpool,
        sender: Callable[[], Sender],
        rules: Rules,
        reports: Reports,
        *,
        on_settled: Callable[[], None],
        time: Time,
    ) -> None:
        self.has_claim: bool = False
        self.looks: int = 0
        self.metrics: Metrics = Metrics()
        self._spool = spool
        self._open_sender = sender
        self._rules = rules
        self._reports = reports
        self._on_settled = on_settled
        self._sender: Sender | None = None
        self._time = time
        self._pace = Pace(time.random)
        self._clock = _Clock(time)
        self._deliveries: dict[Spool, Delivery] = {}
        # By the spool that the items are in, which has to be a file.
        self._unsettled: list[tuple[str, Settlement]] = []
        self._is_over = False
        self._started = time.monotonic()
        self._claims = 0  # of the file, when its delivery was last looked at
        self._claim_at = self._started  # not before
        self._flush_up_to = 0  # in the file: what other processes ask for
        # When there was nothing to deliver in a spool, the last time.
        self._delivered_at: dict[Spool, float] = {}

    def stop(self) -> None:
        """Let the current step be the last one; any thread may call this."""
        self._is_over = True

    def is_stopped(self) -> bool:
        """Return whether `stop` was called."""
        return self._is_over

    def release_claim(self) -> None:
        """Let other processes deliver."""
        if self._spool.file is not None:
            self._spool.file.release_claim()

    def close_sender(self) -> None:
        """Close the sender, if it was opened."""
        if self._sender is not None:
            self._sender.close()

    def step(self, until: float, *, is_asked: bool, is_full: bool) -> None:
        """
        Deliver what is due.

        Args:
            until: When to send no more, by the monotonic clock, after one request.
            is_asked: Whether someone asks for it, who need not wait for the end of an
                outage.
            is_full: Whether someone waits for room.
        """
        if is_asked:
            self._try_now()
            self._claim_at = self._time.monotonic()
            self._spool.recover_now()
        if self._spool.recover():
            self._deliveries.clear()  # which knew the items by other numbers
            self._delivered_at.clear()
            self._flush_up_to = 0
        self._settle_again()
        claimed = [each for each in self._spool.spools if self._may_deliver(each)]
        self.looks += 1
        for spool in claimed:
            is_asked_here = self._is_asked_by_others(spool)
            self._deliver(spool, until, is_due=is_asked or is_full)
            if spool is not self._spool.memory:
                self._let_others_try(spool, is_asked=is_asked_here)

    def _may_deliver(self, spool: Spool) -> bool:
        if spool is self._spool.memory:
            return spool.claim()
        is_claimed = False
        if self._time.monotonic() >= self._claim_at:
            try:
                is_claimed = spool.claim()
            except OSError as error:
                self._reports.claim_failed(error)
        self.has_claim = is_claimed
        if is_claimed and spool.claims != self._claims:
            self._claims = spool.claims
            self._deliveries.pop(spool, None)  # another process has delivered
        return is_claimed

    def _is_asked_by_others(self, spool: Spool) -> bool:
        """Return whether another process asks now, which need not wait, either."""
        try:
            up_to = spool.take_flush_request()
        except StoreError as error:
            self._spool.set_aside(error, spool)
            return False
        if up_to:
            self._flush_up_to = up_to
            self._try_now()
        return up_to > 0

    def _try_now(self) -> None:
        """Do not wait for the end of an outage."""
        for delivery in self._deliveries.values():
            delivery.try_now()
        self._pace.try_now()

    def _let_others_try(self, spool: Spool, *, is_asked: bool) -> None:
        """Release the claim for as long as this process has to wait by itself."""
        if not self._pace.is_interrupted or self._unsettled:
            return
        now = self._time.monotonic()
        wait = self._pace.wait_seconds(now)
        if is_asked or self._pace.outage_seconds(now) > _LONG_OUTAGE_SECONDS:
            spool.release_claim()
            self.has_claim = False
            self._claim_at = now + max(wait, _REST_SECONDS)

    def _deliver(self, spool: Spool, until: float, *, is_due: bool) -> None:
        """Deliver what is due of one spool, until nothing is or it has to wait."""
        try:
            if spool not in self._deliveries and not spool.has_pending(HIGHEST_ID):
                self._delivered_at[spool] = self._time.monotonic()
                return  # a process with nothing to send needs no sender
        except StoreError as error:
            self._spool.set_aside(error, spool)
            return
        delivery = self._delivery_of(spool)
        try:
            if delivery is None:
                self._drop_too_old(spool)
            elif is_due or self._is_due(spool, delivery):
                self._deliver_all(spool, delivery, until)
        except StoreError as error:
            self._spool.set_aside(error, spool)
        except BaseException:
            self._deliveries.pop(spool, None)  # what was about to be sent is read again
            raise

    def _drop_too_old(self, spool: Spool) -> None:
        """Drop what is too old while there is no sender to deliver it."""
        max_age = self._rules.max_age_milliseconds
        if max_age is None:
            return
        oldest = self._clock.milliseconds() - max_age
        while (first := spool.read(0, 1)) and first[0].recorded_at < oldest:
            old = [
                (item, DropReason.TOO_OLD)
                for item in spool.read(0, _READ_ITEMS)
                if item.recorded_at < oldest
            ]
            self._settle(spool, Settlement(dropped=tuple(old)))
            if self._unsettled:
                return

    def _deliver_all(self, spool: Spool, delivery: Delivery, until: float) -> None:
        # Only what waits now: a thread that records at the same time adds a few items
        # after each request, and would make all requests small.
        newest = spool.highest_id
        while not self._is_over and not self._is_blocked(spool):
            if self._spool.is_retry_due:
                return  # the next step tries the file again
            if delivery.cursor >= newest and not delivery.has_waiting:
                newest = spool.highest_id
                if newest - delivery.cursor < self._rules.flush_events:
                    newest = delivery.cursor
            wanted = min(delivery.wanted, newest - delivery.cursor)
            if wanted > 0:
                delivery.offer(spool.read(delivery.cursor, wanted))
            now = self._time.monotonic()
            if not delivery.has_ready(now):
                break
            if not self._wait_for_turn(now):
                return
            self._send(spool, delivery)
            if self._time.monotonic() >= until:
                return
        self._delivered_at[spool] = self._time.monotonic()

    def _wait_for_turn(self, now: float) -> bool:
        """Wait as the pace says; return False if that takes too long for a step."""
        seconds = self._pace.wait_seconds(now)
        is_long = seconds > _LONGEST_WAIT_SECONDS
        if is_long or (seconds and self._pace.is_interrupted):
            return False
        if seconds:
            self._time.wait(seconds, self.is_stopped)
        return True

    def _is_blocked(self, spool: Spool) -> bool:
        """Return whether what was sent of a file is not written there yet."""
        return bool(self._unsettled) and spool is not self._spool.memory

    def _is_due(self, spool: Spool, delivery: Delivery) -> bool:
        now = self._time.monotonic()
        if delivery.has_ready(now):
            return True
        new = spool.highest_id - delivery.cursor
        if new <= 0:
            self._delivered_at[spool] = now
            return False
        delivered_at = self._delivered_at.get(spool, self._started)
        return (
            new >= self._rules.flush_events
            or now - delivered_at >= self._rules.flush_seconds
            or (spool is not self._spool.memory and self._flush_up_to > delivery.cursor)
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
                with loading():
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
        error: BaseException | None = None
        try:
            with quiet_attempts():
                response = sender.put_events(parcel.request)
            settlement = delivery.answered(parcel, response, self._time.monotonic())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:  # noqa: BLE001 - of a sender of the user's
            error = raised
            settlement = delivery.raised(parcel, error, self._time.monotonic())
        seconds = self._time.monotonic() - started
        self._settle(spool, settlement)
        self.metrics.sent(sender, settlement, seconds, error)
        if error is not None and self._pace.is_interrupted:
            self._reports.interrupted(error)
        elif error is None and not self._pace.is_interrupted:
            self._reports.resumed()

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
        self._report(written)

    def _report(self, settlement: Settlement) -> None:
        self._on_settled()
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
