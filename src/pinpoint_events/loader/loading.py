"""
The run: lines into batches, several of them on their way, settled in order.

One thread reads, packs and settles; the others only send. Batches are settled in the
order of their lines, whichever is answered first: so what is settled is all that is
before one point of the input, and nothing behind it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.batch import Batch, Packer, contradict
from pinpoint_events.loader.checkpoint import Checkpoint
from pinpoint_events.loader.content import EventIds, content
from pinpoint_events.loader.first_look import REFUSED
from pinpoint_events.loader.ledger import Keeper, Ledger, Reports
from pinpoint_events.loader.lines import Line, Lines
from pinpoint_events.loader.rejects_file import RejectsFile
from pinpoint_events.loader.sending import Answer, send
from pinpoint_events.loader.stopping import Interrupted, Stopping
from pinpoint_events.loader.totals import Totals
from pinpoint_events.quotas import packing_quotas
from pinpoint_events.senders.protocol import (
    Sender,
    keeps_repeats,
    named_application_of,
)

__all__ = ["Load", "Plan", "run_plan"]

_OF_THE_INPUT: Final = REFUSED | {
    LoadErrorCode.INPUT_CHANGED,
    LoadErrorCode.INPUT_UNREADABLE,
}
_LOOK_SECONDS: Final = 0.1  # from a signal to what it does, while a request is awaited


class Plan(NamedTuple):
    """
    What to load, and how.

    Attributes:
        files: Paths, or `-`, in their order.
        in_flight: How many requests may be on their way at a time.
        source_id: The file's name in new event ids; None to derive it from its content.
        streams: Index of a file to the file, where it is open already.
    """

    files: Sequence[str]
    in_flight: int
    source_id: str | None = None
    streams: Mapping[int, BinaryIO] = MappingProxyType({})


class _InFlight(NamedTuple):
    batch: Batch
    answers: "Future[tuple[Answer, ...]]"


class Load:
    """
    One run.

    Args:
        plan: What to load.
        sender: Where to.
        ledger: What is settled so far; settles what is sent.
        interruption: Says when to end early.
        reports: Takes how far it is.

    Attributes:
        consumed: Bytes of the files that were read.
        is_all_read: Whether everything was read, and nothing of it taken back.
        trouble: Why it stopped early; None if it did not, or was interrupted.
    """

    consumed: int
    is_all_read: bool
    trouble: BaseException | None

    def __init__(
        self,
        plan: Plan,
        sender: Sender,
        ledger: Ledger,
        interruption: Stopping,
        reports: Reports,
    ) -> None:
        self.consumed = 0
        self.is_all_read = False
        self.trouble = None
        self._plan = plan
        self._sender = sender
        self._quotas = packing_quotas(sender)
        self._application_id = named_application_of(sender)
        self._ledger = ledger
        self._interruption = interruption
        self._reports = reports
        self._pending: deque[_InFlight] = deque()

    @property
    def totals(self) -> Totals:
        """What became of all lines, in this run and those it continues."""
        return self._ledger.totals

    def run(self) -> None:
        """
        Load all files, or as far as that goes.

        Raises:
            LoadError: If the checkpoint cannot be written; nothing was sent then.
        """
        self._ledger.begin()
        with ThreadPoolExecutor(self._plan.in_flight) as pool:
            try:
                for index, name in enumerate(self._plan.files):
                    self._load(index, name, pool)
                self.is_all_read = True
                while self._pending:
                    self._await_oldest()
            except Interrupted:
                self._cancel()
                self._reports.interrupted()
            except LoadError as error:
                self.trouble = error
                if error.code not in _OF_THE_INPUT:  # what is before it is loaded
                    self._cancel()
            except Exception as error:  # noqa: BLE001 - raised again, after the summary
                self.trouble = error
                self._cancel()
            while self._pending:
                self.trouble = self._settle_oldest() or self.trouble
        try:
            self._ledger.save()
        except LoadError as error:
            self.trouble = self.trouble or error

    def _load(self, index: int, name: str, pool: ThreadPoolExecutor) -> None:
        start = self._ledger.settled.positions[index]
        packer = Packer(index, self._quotas)
        before = self.consumed
        opening = partial(
            Lines,
            name,
            start,
            self._interruption.wait_for,
            self._plan.streams.get(index),
        )
        with self._interruption.during(opening) as lines:
            ids = None
            while (line := self._next(lines, packer, pool)) is not None:
                self.consumed = before + lines.consumed
                if line.text:
                    # Here, because it goes by the first line that is not blank.
                    ids = ids or EventIds(self._plan.source_id or lines.identity)
                    found = content(line, ids, self._quotas, self._application_id)
                    if not packer.has_room_for(found, len(line.text)):
                        self._send(packer.close(lines.position), pool)
                    packer.add(line.number, found, len(line.text))
                lines.take()
            self.consumed = before + lines.consumed
            self._send(packer.close(lines.position), pool)

    def _next(
        self, lines: Lines, packer: Packer, pool: ThreadPoolExecutor
    ) -> Line | None:
        try:
            return self._interruption.during(lines.read)
        except LoadError:
            # What is before the damage is sound.
            self._send(packer.close(lines.position), pool)
            raise

    def _send(self, batch: Batch | None, pool: ThreadPoolExecutor) -> None:
        """Send a batch as soon as it is its turn."""
        if batch is None:
            return
        # What is not settled is sent again after a kill.
        while self._pending and self._pending[0].answers.done():
            self._await_oldest()
        # As many wait for a thread as have one, so that no thread waits for a batch.
        while len(self._pending) >= 2 * self._plan.in_flight:
            self._await_oldest()
        # What contradicts must arrive in the order of the lines.
        while any(contradict(each.batch, batch) for each in self._pending):
            self._await_oldest()
        answers = pool.submit(send, self._sender, batch.requests)
        self._pending.append(_InFlight(batch, answers))

    def _await_oldest(self) -> None:
        """
        Settle the oldest batch.

        Raises:
            Interrupted: If a signal comes meanwhile; the batch is then on its way yet.
            Exception: What stops the run.
        """
        answers = self._pending[0].answers
        while not wait((answers,), _LOOK_SECONDS).done:
            self._interruption.check()
            self._reports.show(self.consumed, self._ledger.totals)
        self._interruption.check()
        trouble = self._settle_oldest()
        if trouble is not None:
            raise trouble

    def _settle_oldest(self) -> BaseException | None:
        """Settle the oldest batch, and return what stops the run, if something does."""
        batch, answers = self._pending.popleft()
        trouble = answers.exception()
        if trouble is None:
            trouble = self._ledger.settle(batch, answers.result())
        else:
            self._ledger.hold_back()
        self._reports.show(self.consumed, self._ledger.totals)
        return trouble

    def _cancel(self) -> None:
        """Take back what no thread has begun to send: it counts as unread."""
        while self._pending and self._pending[-1].answers.cancel():
            self._pending.pop()
            self.is_all_read = False


def run_plan(  # noqa: PLR0913 - each is a separate option
    plan: Plan,
    sender: Sender,
    *,
    checkpoint: str | None,
    rejected: str | None,
    destination: str,
    stopping: Stopping,
    reports: Reports,
    keeper: Keeper | None = None,
) -> Load:
    """
    Continue from a checkpoint, if there is one, and return the run when it is over.

    Args:
        plan: What to load.
        sender: Where to.
        checkpoint: Path of the checkpoint; None for none.
        rejected: Path of the file for what is not accepted; None for none.
        destination: The name of where the sender sends to, in the checkpoint.
        stopping: Says when to end early.
        reports: Takes how far it is.
        keeper: What the lines come from, if it keeps what is not accepted.

    Raises:
        LoadError: If nothing was begun; of later errors the run has the `trouble`.
    """
    settled = Checkpoint.read(checkpoint, plan.files, destination)
    with ExitStack() as stack:
        file = None
        if rejected is not None:
            known = settled.rejected_bytes
            opened = RejectsFile(rejected, known, stopping.wait_for_room)
            file = stack.enter_context(opened)
        may_repeat = keeps_repeats(sender)
        if settled.totals.events.read:
            reports.continues(settled.totals, may_repeat=may_repeat)
        ledger = Ledger(plan.files, settled, checkpoint, file, reports)
        ledger.keeper = keeper
        if may_repeat:
            # So that no more is sent again than was in flight.
            ledger.save_seconds = 0
        load = Load(plan, sender, ledger, stopping, reports)
        load.run()
    return load
