"""Loading files from Python."""

import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

from pinpoint_events.errors import LoadError, LoadErrorCode, PinpointEventsError
from pinpoint_events.loader.file_names import STDIN
from pinpoint_events.loader.limits import IN_FLIGHT, MAX_IN_FLIGHT
from pinpoint_events.loader.loading import Load, Plan, run_plan
from pinpoint_events.loader.stopping import Stop
from pinpoint_events.loader.totals import Totals
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import Refused, raise_if_invalid
from pinpoint_events.problems import Expected, Problem, ProblemCode
from pinpoint_events.senders.protocol import Sender

__all__ = ["LoadProgress", "Path", "Source", "load"]

Path: TypeAlias = str | os.PathLike[str]
Source: TypeAlias = Path | BinaryIO


class LoadProgress(NamedTuple):
    """
    How far a run is.

    Attributes:
        bytes_read: Bytes of the files that were read in this run, as they are stored.
        totals: What became of the lines, in this run and those it continues.
    """

    bytes_read: int
    totals: Totals


def load(  # noqa: PLR0913 - each is a separate option
    files: Iterable[Source],
    sender: Sender,
    *,
    checkpoint: Path | None = None,
    rejected: Path | None = None,
    progress: Callable[[LoadProgress], object] | None = None,
    in_flight: int = IN_FLIGHT,
    source_id: str | None = None,
    destination: str = "",
) -> Totals:
    """
    Send the events of files of JSON Lines, in requests within the quotas.

    A file may also be one JSON document of at most 8,000,000 bytes: a line's content,
    or an array of those. Records of Pinpoint's event stream are read, on lines or run
    together; those that Pinpoint itself wrote, as of campaigns, count as rejected.

    Args:
        files: Paths, or binary files open for reading, which stay open. Compressed by
            gzip or not.
        sender: Where to. Several threads call it; it stays open.
        checkpoint: A file that says how far the run is. If it exists, the run continues
            from there; the files must then be the same ones, in the same order.
        rejected: A new file for all that was not accepted, with reason, file and line.
            Without it, an event that may be sent again ends the run.
        progress: Called after each batch, and ten times a second while one is awaited,
            in another thread. An exception from it ends the run and is raised.
        in_flight: Requests in flight at a time, 1 to 64.
        source_id: What ids of events without one are derived from, for one file; the
            first line that is not blank, or first record, if None.
        destination: A name for where the sender sends to, kept in the checkpoint: a run
            that continues must have the same.

    Returns:
        What became of all lines, in this run and those it continues.

    Raises:
        LoadError: If the files were not loaded to their end; see its `code`.
        ValidationError: If an argument is of another type, or out of range.
        ValueError: If `source_id` is given for more than one file.
        KeyboardInterrupt: After what was in flight is settled and the checkpoint is
            written. A second one is raised at once.
    """
    found = _files(files)
    raise_if_invalid(
        files=found,
        sender=_sender(sender),
        checkpoint=_path(checkpoint),
        rejected=_path(rejected),
        progress=None if progress is None else to.function(progress),
        in_flight=_in_flight(in_flight),
        source_id=None if source_id is None else to.required_text(source_id),
        destination="" if destination == "" else to.required_text(destination),
    )
    sources: list[Source] = found
    if source_id is not None and len(sources) > 1:
        raise ValueError("source_id is for a single file")
    names = [_name(source) for source in sources]
    streams = {
        index: source
        for index, source in enumerate(sources)
        if not isinstance(source, str | os.PathLike)
    }
    with Stop() as stop:
        reports = _Reports(progress, stop)
        run = partial(
            run_plan,
            Plan(names, in_flight, source_id, streams),
            sender,
            checkpoint=None if checkpoint is None else os.fspath(checkpoint),
            rejected=None if rejected is None else os.fspath(rejected),
            destination=destination,
            stopping=stop,
            reports=reports,
        )
        done = _in_thread(run, stop)
        trouble = reports.error or done.trouble
    if trouble is not None:
        raise _with_totals(trouble, done.totals)
    return done.totals


def _files(files: object) -> Any:
    is_one = isinstance(files, _PATHS) or hasattr(files, "read")
    if is_one or not isinstance(files, Iterable):
        return to.wrong_type(files, Expected.FILES)
    found = list(files)
    problems = [
        problem.below(position)
        for position, file in enumerate(found)
        if not _is_file(file)
        for problem in to.wrong_type(file, Expected.FILE).problems
    ]
    return Refused(*problems) if problems else found


_PATHS: Final = (str, bytes, os.PathLike)


def _is_file(file: object) -> bool:
    is_binary = hasattr(file, "read") and not isinstance(file, io.TextIOBase)
    return is_binary or isinstance(file, str | os.PathLike)


def _sender(sender: object) -> Any:
    can_send = callable(getattr(sender, "put_events", None))
    is_sender = can_send and not isinstance(sender, type)
    return sender if is_sender else to.wrong_type(sender, Expected.SENDER)


def _path(path: object) -> Any:
    is_path = path is None or isinstance(path, str | os.PathLike)
    return path if is_path else to.wrong_type(path, Expected.PATH)


def _in_flight(value: Any) -> Any:
    sound: Any = to.integer(value)
    if sound is None:
        return to.wrong_type(value, Expected.INTEGER)
    if type(sound) is Refused or 1 <= sound <= MAX_IN_FLIGHT:
        return sound
    problem = Problem(
        ProblemCode.NUMBER_OUT_OF_RANGE,
        actual=sound,
        allowed=(1, MAX_IN_FLIGHT),
        unit="a whole number",
    )
    return Refused(problem)


class _Reports:
    """Hands the progress to the caller, and nothing else."""

    def __init__(
        self, progress: Callable[[LoadProgress], object] | None, stop: Stop
    ) -> None:
        self.error: Exception | None = None
        self._progress = progress
        self._stop = stop

    def continues(self, totals: Totals, *, may_repeat: bool) -> None:
        """Do nothing."""

    def show(self, consumed: int, totals: Totals) -> None:
        """Call back."""
        if self._progress is None or self.error is not None:
            return
        try:
            self._progress(LoadProgress(consumed, totals.copy()))
        except Exception as error:  # noqa: BLE001 - raised when all is settled
            self.error = error
            self._stop.stop()

    def not_accepted(self, text: str) -> None:
        """Do nothing."""

    def more_not_accepted(self) -> None:
        """Do nothing."""

    def interrupted(self) -> None:
        """Do nothing."""


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        # A file of this name; pathlib would drop the directory again.
        return os.path.join(os.curdir, name) if name == STDIN else name  # noqa: PTH118
    return str(getattr(source, "name", "stream"))


def _in_thread(run: Callable[[], Load], stop: Stop) -> Load:
    """Run in another thread, so that Ctrl-C leaves no batch half settled."""
    ended: Future[Load] = Future()

    def settle() -> None:
        try:
            ended.set_result(run())
        except BaseException as error:  # noqa: BLE001 - raised by `result`
            ended.set_exception(error)

    Thread(target=settle, name="pinpoint-events-load", daemon=True).start()
    try:
        return ended.result()
    except KeyboardInterrupt:
        stop.stop()
        ended.result()
        raise


def _with_totals(error: BaseException, totals: Totals) -> BaseException:
    if isinstance(error, LoadError):
        known = LoadError(error.code, error.message, error.path, error.place, totals)
        known.__cause__ = error.__cause__
        return known
    if isinstance(error, PinpointEventsError):
        failed = LoadError(LoadErrorCode.SENDER_FAILED, str(error), totals=totals)
        failed.__cause__ = error
        return failed
    return error
