"""
What is done with a batch once it is known what became of it.

Three things agree at every moment: the totals, the file of what was not accepted, and
the checkpoint. All three are of the lines up to one point.

A batch that is not settled holds that point back: one of which something was neither
taken, nor refused for good, nor written to the file. What comes behind it is counted in
the totals of this run, and comes again in the next.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from pinpoint_events.errors import LoadError, LoadErrorCode, StoreError
from pinpoint_events.loader.batch import Batch, Entry
from pinpoint_events.loader.checkpoint import Checkpoint
from pinpoint_events.loader.file_names import shown
from pinpoint_events.loader.items import NOTES, line_members
from pinpoint_events.loader.rejects_file import RejectsFile
from pinpoint_events.loader.sending import (
    Answer,
    Failure,
    Key,
    failures,
    trouble_in,
)
from pinpoint_events.loader.totals import Totals
from pinpoint_events.model.response import Outcome
from pinpoint_events.wire import to_wire

__all__ = ["Keeper", "Ledger", "Reports"]

_MAX_SHOWN: Final = 20  # failures reported one by one, where no file takes them
_OPEN: Final = frozenset({Outcome.RETRYABLE, Outcome.UNREPORTED})


class Reports(Protocol):
    """What a run reports while it goes on."""

    def continues(self, totals: Totals, *, may_repeat: bool) -> None:
        """
        Take the totals of the earlier runs that this one continues.

        Args:
            totals: Their totals.
            may_repeat: Whether the destination keeps what arrives twice.
        """

    def show(self, consumed: int, totals: Totals) -> None:
        """Take the bytes read in this run, and the totals."""

    def not_accepted(self, text: str) -> None:
        """Take one line on an item that no file takes; it has no payload."""

    def more_not_accepted(self) -> None:
        """Note that there are more of them, which are only counted."""

    def interrupted(self) -> None:
        """Note that no more is read, and that what is in flight is awaited."""


class Keeper(Protocol):
    """
    What the lines come from, if it keeps each of them until it is accepted.

    Then nothing is lost that is not accepted, and no such event ends the run.
    """

    def settle(self, accepted: Sequence[int], up_to: int) -> None:
        """
        Take the numbers of lines that were accepted as a whole.

        Args:
            accepted: Their numbers.
            up_to: The last line of which it is known what became of it.

        Raises:
            StoreError: If that cannot be written down, which ends the run.
        """


class _Note(NamedTuple):
    """
    Something that was not accepted.

    Attributes:
        line: Number of its line.
        outcome: What it came to.
        code: HTTP status; None if there was none.
        message: Why; None if that is not known.
        members: It itself, in the form of a line.
        is_event: Whether it is an event, and not an endpoint alone.
    """

    line: int
    outcome: Outcome
    code: int | None
    message: str | None
    members: dict[str, Any]
    is_event: bool

    def text(self, name: str) -> str:
        """Return it in one line, without any of the payload."""
        message = f"{shown(name)}, line {self.line:,}: {self.outcome}"
        if not self.is_event:
            message += " (the endpoint)"
        if self.code is not None:
            message += f" ({self.code})"
        return message if self.message is None else f"{message}: {self.message}"


class Ledger:
    """
    Settles batches, in the order of their lines.

    Args:
        files: Names of all files.
        settled: What earlier runs have settled; changed as this one goes on.
        path: Of the checkpoint; None for none.
        rejected: The file for what is not accepted; None to tell of it only.
        reports: Takes what is not accepted, if no file does.

    Attributes:
        totals: Of this run and the earlier ones.
        settled: What is settled.
        save_seconds: Between two checkpoints; each waits for the disk.
        keeper: What the lines come from, if it keeps what is not accepted.
    """

    totals: Totals
    settled: Checkpoint
    save_seconds: float = 0.2
    keeper: Keeper | None = None

    def __init__(
        self,
        files: Sequence[str],
        settled: Checkpoint,
        path: str | None,
        rejected: RejectsFile | None,
        reports: Reports,
    ) -> None:
        self.totals = settled.totals.copy()
        self.settled = settled
        self._files = files
        self._path = path
        self._rejected = rejected
        self._reports = reports
        self._is_held_back = False
        self._shown = 0
        self._saved_at = time.monotonic()
        if rejected is not None:
            settled.rejected_bytes = rejected.size

    def settle(self, batch: Batch, answers: Sequence[Answer]) -> Exception | None:
        """
        Settle a batch.

        Returns:
            What stops the run; None if nothing does.
        """
        was_held_back, self._is_held_back = self._is_held_back, True
        failed = failures(batch.requests, answers)
        self._count(batch, failed)
        notes = sorted(_notes(batch, failed), key=lambda note: note.line)
        trouble: Exception | None = trouble_in(answers)
        name = self._files[batch.file]
        try:
            if self.keeper is not None:
                accepted = _accepted_lines(batch, failed)
                self.keeper.settle(accepted, batch.position.lines)
            if self._rejected is not None:
                self._write(name, notes, self._rejected)
            elif trouble is None:
                self._tell(name, notes)
                trouble = None if self.keeper else _left_open(name, notes)
            if trouble is None and not was_held_back:
                self._is_held_back = False
                self._advance(batch)
        except (LoadError, StoreError) as error:
            # What the file takes after that, it would take behind a gap. And some of
            # what is settled may not be in it: the last checkpoint is right, and a new
            # one would not be.
            self._rejected = None
            self._path = None
            trouble = error
        return trouble

    def hold_back(self) -> None:
        """Let nothing be settled any more: a batch is missing."""
        self._is_held_back = True

    def begin(self) -> None:
        """
        Write the checkpoint before anything is sent.

        If it cannot be written, no later run could continue from it.

        Raises:
            LoadError: If that is not possible.
        """
        if self._path is None:
            return
        try:
            self.settled.write(self._path, self._files)
        except LoadError as error:
            raise LoadError(
                LoadErrorCode.CHECKPOINT_UNWRITABLE,
                f"{error.message}; name a file in a directory that can be written",
                error.path,
            ) from error.__cause__

    def save(self) -> None:
        """
        Write the checkpoint, and what was not accepted, down to the disk.

        Raises:
            LoadError: If that is not possible.
        """
        if self._rejected is not None:
            self._rejected.sync()
        if self._path is not None:
            self.settled.write(self._path, self._files)
        self._saved_at = time.monotonic()

    def _count(self, batch: Batch, failed: dict[Key, Failure]) -> None:
        events, endpoints = self.totals.events, self.totals.endpoints
        for _, endpoint_id, event_id in batch.entries:
            account = endpoints if event_id is None else events
            failure = failed.get((endpoint_id, event_id))
            account.count(Outcome.ACCEPTED if failure is None else failure.outcome)
        for _, rejection in batch.rejections:
            account = events if rejection.is_event else endpoints
            account.count(Outcome.REJECTED)

    def _advance(self, batch: Batch) -> None:
        self.settled.positions[batch.file] = batch.position
        self.settled.totals = self.totals.copy()
        if self._rejected is not None:
            self.settled.rejected_bytes = self._rejected.size
        if time.monotonic() - self._saved_at >= self.save_seconds:
            self.save()

    def _write(self, name: str, notes: Sequence[_Note], file: RejectsFile) -> None:
        for note in notes:
            about = (note.outcome, note.code, note.message, name, note.line)
            file.write({**dict(zip(NOTES, about, strict=True)), **note.members})

    def _tell(self, name: str, notes: Sequence[_Note]) -> None:
        for note in notes:
            self._shown += 1
            if self._shown <= _MAX_SHOWN:
                self._reports.not_accepted(note.text(name))
            elif self._shown == _MAX_SHOWN + 1:
                self._reports.more_not_accepted()


def _accepted_lines(batch: Batch, failed: dict[Key, Failure]) -> list[int]:
    """Return the numbers of the lines of which everything was accepted."""
    others = {line for line, _ in batch.rejections}
    others |= {
        line
        for line, endpoint_id, event_id in batch.entries
        if (endpoint_id, event_id) in failed
    }
    return sorted({entry.line for entry in batch.entries} - others)


def _notes(batch: Batch, failed: dict[Key, Failure]) -> Iterator[_Note]:
    for line, (code, message, members, is_event) in batch.rejections:
        yield _Note(line, Outcome.REJECTED, code, message, dict(members), is_event)
    if not failed:
        return
    for entry in batch.entries:
        failure = failed.get((entry.endpoint_id, entry.event_id))
        if failure is not None:
            yield _Note(
                entry.line,
                failure.outcome,
                failure.code,
                failure.message,
                _members(entry, failure),
                entry.event_id is not None,
            )


def _members(entry: Entry, failure: Failure) -> dict[str, Any]:
    """Return what was sent, in the form of a line."""
    endpoint = to_wire(failure.batch.endpoint)
    if entry.event_id is None:
        return {"BatchItem": {entry.endpoint_id: {"Endpoint": endpoint, "Events": {}}}}
    event = to_wire(failure.batch.events[entry.event_id])
    return line_members(entry.endpoint_id, entry.event_id, endpoint, event)


def _left_open(name: str, notes: Sequence[_Note]) -> LoadError | None:
    """
    Return the error for what is not settled, because nothing keeps it.

    Services that say nothing of endpoints are not held to it.
    """
    for note in notes:
        if note.outcome in _OPEN and (note.is_event or note.code is not None):
            return LoadError(LoadErrorCode.NOT_SETTLED, note.text(name), name)
    return None
