"""
What a recorder reports: calls of the application's hooks, and log lines.

A log line is written for an outage, not for each attempt, and holds no event, address
or id. Its text says what a person needs: where logging is not configured, Python prints
the text of warnings, and nothing of `extra`.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    StoreError,
    defect_text,
)
from pinpoint_events.problems import file_text
from pinpoint_events.recorder.items import DropReason, Item, Refusal

__all__ = ["DroppedItem", "Hooks", "RejectedItem", "Reports"]

_log = logging.getLogger("pinpoint_events")

_SECONDS_BETWEEN: Final = 60.0  # lines of one kind
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class RejectedItem(NamedTuple):
    """
    An event, or the update of an endpoint, that was refused for good.

    A file keeps its content among the dead letters: `pinpoint-events spool show`.

    Attributes:
        endpoint_id: The endpoint that it belongs to.
        event_id: The event's id; None for the update of an endpoint.
        code: The status code of its answer, or that of a problem, as text;
            `unreported` if no answer mentions it; or the name of the error of its
            request.
        message: The service's message, or that of the problem; empty without any.
        attempts: How often it was sent and failed while others did not.
    """

    endpoint_id: str
    event_id: str | None
    code: str
    message: str
    attempts: int


class DroppedItem(NamedTuple):
    """
    An event, or the update of an endpoint, that was given up without an answer.

    Attributes:
        endpoint_id: The endpoint that it belongs to.
        event_id: The event's id; None for the update of an endpoint.
        reason: Why.
    """

    endpoint_id: str
    event_id: str | None
    reason: DropReason


class Hooks(NamedTuple):
    """The application's functions; None where it has none."""

    on_rejected: Callable[[RejectedItem], object] | None
    on_dropped: Callable[[DroppedItem], object] | None
    on_error: Callable[[Exception], object] | None


class Reports:
    """
    Calls the application's hooks, and writes the log.

    An exception of a hook is logged, once a minute, and has no other effect. While one
    runs, its thread calls no other: a hook that records would drop, and be called,
    without end.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._thread = threading.local()
        self._written: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()
        self._latest: dict[str, tuple[int, str, Mapping[str, object]]] = {}
        self._pid = os.getpid()
        self._interrupted_at: float | None = None
        self._spool_fails = False
        self._spool_reported_at = -_SECONDS_BETWEEN

    def rejected(self, items: Iterable[tuple[Item, Refusal]]) -> None:
        """Report items that were refused."""
        for item, refusal in items:
            self._line(
                "rejected",
                "recorded items were rejected: %(count)d (latest code: %(code)s)",
                {"code": refusal.code},
            )
            given = RejectedItem(
                item.endpoint_id, item.event_id, *refusal, item.attempts
            )
            self._call(self._hooks.on_rejected, given)

    def dropped(
        self, items: Iterable[tuple[str, str | None]], reason: DropReason
    ) -> None:
        """Report items, by endpoint id and event id, that were given up."""
        given = list(items)
        if given:
            self._line(
                f"dropped:{reason}",
                "recorded items were dropped: %(count)d (reason: %(code)s)",
                {"code": reason},
                count=len(given),
            )
        for endpoint_id, event_id in given:
            self._call(
                self._hooks.on_dropped, DroppedItem(endpoint_id, event_id, reason)
            )

    def interrupted(self, error: BaseException) -> None:
        """Report an outage, when it begins."""
        if self._interrupted_at is None:
            self._interrupted_at = time.monotonic()
            _log.warning(
                "recorded events wait: they cannot be delivered now (%s)",
                _reason(error),
                extra=_extra(_details(error)),
            )
            self._call(self._hooks.on_error, error)

    def resumed(self) -> None:
        """Report that an outage is over."""
        if self._interrupted_at is not None:
            seconds = round(time.monotonic() - self._interrupted_at, 1)
            self._interrupted_at = None
            _log.info(
                "recorded events are delivered again, after %.1f s",
                seconds,
                extra=_extra({"seconds": seconds}),
            )

    def spool_failed(self, error: Exception) -> None:
        """
        Report that the file of the spool cannot be used, when that begins.

        A disk that is nearly full fails again and again: that is reported once a
        minute.
        """
        now = time.monotonic()
        is_known = self._spool_fails
        if not is_known and now - self._spool_reported_at >= _SECONDS_BETWEEN:
            self._spool_fails = True
            self._spool_reported_at = now
            _log.warning(
                "the spool's file cannot be used: events are kept in memory only (%s)",
                _reason_of_file(error),
                extra=_extra(_details(error)),
            )
            self._call(self._hooks.on_error, error)

    def claim_failed(self, error: Exception) -> None:
        """Report that no process can claim the delivery: events wait in the file."""
        message = (
            "the lock file of the spool cannot be used: no event is delivered "
            "(%(reason)s)"
        )
        details = {"error": type(error).__name__, "reason": _reason_of_file(error)}
        if self._line("claim", message, details):
            self._call(self._hooks.on_error, error)

    def spool_works(self) -> None:
        """Report that the file of the spool can be used again."""
        self._spool_fails = False
        self._line(
            "spool works", "the spool's file can be used again", level=logging.INFO
        )

    def defect(self, error: BaseException) -> None:
        """Report an error that the recorder itself did not expect."""
        self._line("defect", "a recorder failed, and goes on: %(place)s", _place(error))
        self._call(self._hooks.on_error, error)

    def _call(self, hook: Callable[[Any], object] | None, given: object) -> None:
        if hook is None or getattr(self._thread, "is_in_hook", False):
            return
        try:
            self._thread.is_in_hook = True
            hook(given)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - of the application's function
            self._line("hook", "a hook of a recorder failed: %(place)s", _place(error))
        finally:
            self._thread.is_in_hook = False

    def end(self) -> None:
        """Write how many lines were left out, as there may be no later ones."""
        self._forget_parent()
        for kind in list(self._left_out):
            count = self._left_out.pop(kind, 0)
            if count:  # else another thread has just written it
                self._write(*self._latest[kind], count)

    def _forget_parent(self) -> None:
        """Leave to the parent of a fork what it has left out."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._left_out.clear()

    def _line(
        self,
        kind: str,
        message: str,
        details: Mapping[str, object] = _NOTHING,
        *,
        count: int = 1,
        level: int = logging.WARNING,
    ) -> bool:
        """
        Write a line, once a minute for each kind, and how many were left out.

        Args:
            kind: What lines of one minute have in common.
            message: The text; it may have the details in it, and `%(count)d`.
            details: What differs between lines of a kind.
            count: How many items it is about.
            level: Of the `logging` module.

        Returns:
            Whether it was written.
        """
        self._forget_parent()
        now = time.monotonic()
        last = self._written.get(kind)
        if last is not None and now - last < _SECONDS_BETWEEN:
            self._latest[kind] = level, message, details
            self._left_out[kind] += count
            return False
        self._written[kind] = now
        self._write(level, message, details, count + self._left_out.pop(kind, 0))
        return True

    @staticmethod
    def _write(
        level: int, message: str, details: Mapping[str, object], count: int
    ) -> None:
        extra = _extra({**details, "others": count - 1})
        _log.log(level, message, {**details, "count": count}, extra=extra)


def _extra(details: Mapping[str, object]) -> dict[str, object]:
    """Return details as the attributes of a log record."""
    return {f"pinpoint_events.{name}": value for name, value in details.items()}


def _reason(error: BaseException) -> str:
    """Return the reason as the text of a line has it: no message of others'."""
    # Those of this package that name a path, a setting and the remedy, and no data.
    if isinstance(error, ConfigurationError | StoreError):
        return str(error)
    if not isinstance(error, PinpointEventsError):
        return defect_text(error)
    return ", ".join(str(value) for value in _details(error).values())


def _reason_of_file(error: BaseException) -> str:
    """Return the reason why a file of the spool cannot be used, with its path."""
    if isinstance(error, OSError) and error.errno is not None:
        path = error.filename
        where = f": {file_text(path)}" if isinstance(path, str) else ""
        return f"{os.strerror(error.errno)}{where}"
    return _reason(error)


def _details(error: BaseException) -> dict[str, object]:
    """Return what to log of an error: no message of others', which may hold data."""
    if not isinstance(error, PinpointEventsError):
        return _place(error)
    details: dict[str, object] = {"error": type(error).__name__}
    code = getattr(error, "code", None)
    if code is not None:
        details["code"] = str(code)
    return details


def _place(error: BaseException) -> dict[str, object]:
    """Return where an error was raised, which is a defect."""
    return {"error": type(error).__name__, "place": defect_text(error)}
