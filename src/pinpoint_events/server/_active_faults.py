"""The active faults of an endpoint, with the calls and items that each has counted."""

import threading
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._converters import wrong_type
from pinpoint_events.model._immutable import raise_if_invalid
from pinpoint_events.problems import Expected, Problem, ProblemCode
from pinpoint_events.server.faults import (
    KINDS,
    BareStatus,
    Cut,
    Delay,
    DropIds,
    DropRecord,
    FailCall,
    FailItem,
    FailRecord,
    Fault,
    Reshard,
    ShiftClock,
    Throttle,
    ThrottleShard,
    read_faults,
)
from pinpoint_events.server.streams.put_faults import NO_PUT_FAULTS, PutFaults
from pinpoint_events.wire.json_text import decode_request

__all__ = ["PUT_EVENTS", "CallFaults", "Faults"]

PUT_EVENTS: Final = "mobiletargeting:PutEvents"


class _ActiveFault:
    """A fault and its counters since it was added."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.count = 0
        self.tokens: float | None = None
        self.filled: datetime | None = None

    def applies(self, numbers: Collection[int]) -> bool:
        """Count one more, and return whether the fault applies to it."""
        self.count += 1
        return not numbers or self.count in numbers

    def has_room(self, fault: Throttle, now: datetime) -> bool:
        """Return whether one more call is within the rate, and count it if so."""
        tokens = float(fault.burst) if self.tokens is None else self.tokens
        if self.filled is not None:
            passed = max(0.0, (now - self.filled).total_seconds())
            tokens = min(fault.burst, tokens + passed * fault.calls_per_second)
        self.filled = now
        has_room = tokens >= 1
        self.tokens = tokens - 1 if has_room else tokens
        return has_room


class CallFaults(NamedTuple):
    """
    The faults that apply to one call.

    Attributes:
        delay_seconds: How long to wait before processing the call.
        fail_call: The error to reject the call with; None to process it.
        cut: Where to end the connection; None to keep it.
        bare_status: The bare number to answer for each endpoint; None for full items.
        put: The faults that apply to the records of the call.
    """

    delay_seconds: float = 0.0
    fail_call: FailCall | None = None
    cut: Cut | None = None
    bare_status: int | None = None
    put: PutFaults = NO_PUT_FAULTS


_NO_FAULTS: Final = CallFaults()


class Faults:
    """
    The faults of an endpoint; they can be changed while it serves.

    Safe to use from several threads.

    Args:
        faults: The first faults.

    Raises:
        ValidationError: If one of them is not a fault.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        given: object = faults
        if not isinstance(given, Iterable):
            raise_if_invalid(faults=wrong_type(given, Expected.LIST))
        self._lock = threading.Lock()
        self._active: list[_ActiveFault] = []
        self.add(*faults)

    @classmethod
    def from_json(cls, text: bytes | str) -> "Faults":
        """
        Return the faults in the text of a JSON file.

        Raises:
            ValidationError: With all problems of the file.
        """
        return cls(read_faults(decode_request(text)))

    def add(self, *faults: Fault) -> None:
        """Append faults; each counts from now on."""
        problems = [
            Problem(
                ProblemCode.NOT_A_FAULT,
                ("faults", position),
                actual=type(fault).__qualname__,
            )
            for position, fault in enumerate(faults)
            if type(fault) not in KINDS.values()
        ]
        if problems:
            raise ValidationError(problems)
        with self._lock:
            self._active += map(_ActiveFault, faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active = []

    @property
    def active(self) -> tuple[Fault, ...]:
        """All current faults, in the order in which they were added."""
        with self._lock:
            return tuple(active.fault for active in self._active)

    @property
    def clock_shift_seconds(self) -> float:
        """How many seconds the endpoint's clock is ahead."""
        active = self._active
        if not active:
            return 0.0
        faults = [each.fault for each in active]
        return sum(each.seconds for each in faults if isinstance(each, ShiftClock))

    def next_call(
        self, now: datetime, operation: str = PUT_EVENTS, *, puts_records: bool = False
    ) -> CallFaults:
        """
        Count one more call, and return the faults that apply to it.

        If several faults reject it, or end its connection, the first one applies.

        Args:
            now: The current time.
            operation: What the call is for, as IAM policies name it.
            puts_records: Whether it puts records of Kinesis or Firehose.
        """
        if not self._active:
            return _NO_FAULTS
        found = _NO_FAULTS
        with self._lock:
            for active in self._active:
                if not _is_for(active.fault, operation):
                    continue
                found = _with_fault(found, active, now)
                if puts_records:
                    found = _with_record_fault(found, active)
        return found

    def next_items(
        self, items: Iterable[tuple[str, str | None]]
    ) -> tuple[dict[tuple[str, str | None], FailItem], set[tuple[str, str | None]]]:
        """
        Count items; return which to reject, and which to leave out of the answer.

        Args:
            items: The endpoint id, and the event id or None, of each.
        """
        failed: dict[tuple[str, str | None], FailItem] = {}
        dropped: set[tuple[str, str | None]] = set()
        with self._lock:
            active = [
                (each, fault)
                for each in self._active
                if isinstance(fault := each.fault, FailItem | DropIds)
            ]
            for item in items if active else ():
                of = "endpoint" if item[1] is None else "event"
                for each, fault in active:
                    if fault.of != of or not each.applies(fault.items):
                        continue
                    if isinstance(fault, FailItem):
                        failed.setdefault(item, fault)
                    else:
                        dropped.add(item)
        return failed, dropped


def _is_for(fault: Fault, operation: str) -> bool:
    names: Collection[str] = getattr(fault, "operations", ())
    return not names or operation in names or operation.rpartition(":")[2] in names


def _with_record_fault(found: CallFaults, active: _ActiveFault) -> CallFaults:
    fault = active.fault
    if not isinstance(fault, DropRecord | FailRecord | Reshard | ThrottleShard):
        return found
    if not active.applies(fault.calls):
        return found
    return found._replace(put=PutFaults((*found.put.faults, fault)))


def _with_fault(found: CallFaults, active: _ActiveFault, now: datetime) -> CallFaults:
    match active.fault:
        case FailCall() as fault if active.applies(fault.calls):
            return found._replace(fail_call=found.fail_call or fault)
        case Delay() as fault if active.applies(fault.calls):
            return found._replace(delay_seconds=found.delay_seconds + fault.seconds)
        case Cut() as fault if active.applies(fault.calls):
            return found._replace(cut=found.cut or fault)
        case BareStatus() as fault if active.applies(fault.calls):
            return found._replace(bare_status=found.bare_status or fault.status_code)
        case Throttle() as fault if found.fail_call is None:
            if not active.has_room(fault, now):
                fail_call = FailCall(status=429, message="Too Many Requests")
                return found._replace(fail_call=fail_call)
    return found
