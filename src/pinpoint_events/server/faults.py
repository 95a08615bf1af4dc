"""
Faults that an endpoint simulates, for tests of clients.

    >>> from pinpoint_events.server import Cut, FailCall, Faults
    >>> faults = Faults([FailCall(status=503, calls=[1]), Cut(where="inside")])

The same as a file, for `pinpoint-events serve --faults FILE`:

```json
{"faults": [
    {"fault": "fail_call", "status": 503, "calls": [1]},
    {"fault": "cut", "where": "inside"}
]}
```

Each fault counts calls from 1, from when it was added; each call with a valid signature
counts. Faults of items count events, or endpoints, over all calls. A fault without
numbers applies to all of them.

`operations` names the operations that a fault counts and applies to, as IAM policies
do: `kinesis:PutRecords`, or `PutRecords` of any service; all if left out.

Faults of records are for Kinesis and Firehose. They count calls that put records
(`PutRecord`, `PutRecords`, `PutRecordBatch`), and positions within each call from 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import Immutable, Refused, fields_of
from pinpoint_events.problems import Audience, Expected, Problem, ProblemCode
from pinpoint_events.wire.json_text import json_problem
from pinpoint_events.wire.reading_requests import repeated_keys, unknown_key

__all__ = [
    "KINDS",
    "BareStatus",
    "Cut",
    "Delay",
    "DropIds",
    "DropRecord",
    "FailCall",
    "FailItem",
    "FailRecord",
    "Fault",
    "Reshard",
    "ShiftClock",
    "Throttle",
    "ThrottleShard",
    "read_faults",
]

_ACCEPTED: Final = 202
_MAX_SECONDS: Final = 10_000_000  # about four months


def _number(value: Any, minimum: float, maximum: float, kinds: tuple[type, ...]) -> Any:
    takes_fractions = float in kinds
    if type(value) not in kinds:
        expected = Expected.MEASURE if takes_fractions else Expected.INTEGER
        return to.wrong_type(value, expected)
    if minimum <= value <= maximum:
        return value
    if abs(value) > to.MAX_INTEGER and type(value) is int:
        return to.too_large(value)
    return Refused(
        Problem(
            ProblemCode.NUMBER_OUT_OF_RANGE,
            actual=value,
            allowed=(minimum, maximum),
            unit="a number" if takes_fractions else "a whole number",
        )
    )


def _choice(value: Any, choices: tuple[str, ...]) -> Any:
    if isinstance(value, str) and value in choices:
        return value
    return Refused(_unknown_choice(value, choices))


def _unknown_choice(value: Any, choices: tuple[str, ...]) -> Problem:
    if isinstance(value, str):
        return to.unknown_value(value, choices)
    return to.wrong_type_of_value(value, choices)


# As in the model's converters, return types state what a finished fault holds.


def _numbers(value: Sequence[int]) -> tuple[int, ...]:
    given: Any = value
    sound: Any
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        sound = to.wrong_type(given, Expected.INTEGERS)
    elif all(type(number) is int and number > 0 for number in given):
        sound = tuple(given)
    else:
        sound = Refused(
            Problem(ProblemCode.NOT_POSITIVE_INTEGERS, allowed=Expected.INTEGERS)
        )
    numbers: tuple[int, ...] = sound
    return numbers


def _names(value: Sequence[str]) -> tuple[str, ...]:
    given: Any = value
    sound: Any
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        sound = to.wrong_type(given, Expected.TEXTS)
    elif all(isinstance(name, str) for name in given):
        sound = tuple(map(str, given))
    else:
        wrong = next(name for name in given if not isinstance(name, str))
        sound = to.wrong_type(wrong, Expected.TEXTS)
    names: tuple[str, ...] = sound
    return names


def _position(value: int) -> int:
    position: int = _number(value, 1, 500, (int,))
    return position


def _status_of_error(value: int) -> int:
    status: int = _number(value, 400, 599, (int,))
    return status


def _status_of_item(value: int) -> int:
    status: int = _number(value, 100, 599, (int,))
    return status


def _burst(value: int) -> int:
    burst: int = _number(value, 1, 1_000_000, (int,))
    return burst


def _rate(value: float) -> float:
    rate: float = _number(value, 0.001, 1_000_000, (int, float))
    return rate


def _seconds(value: float) -> float:
    seconds: float = _number(value, 0, _MAX_SECONDS, (int, float))
    return seconds


def _optional_seconds(value: float | None) -> float | None:
    return None if value is None else _seconds(value)


def _shift(value: float) -> float:
    seconds: float = _number(value, -_MAX_SECONDS, _MAX_SECONDS, (int, float))
    return seconds


def _kind_of_item(value: str) -> str:
    kind: str = _choice(value, ("event", "endpoint"))
    return kind


def _place(value: str) -> str:
    place: str = _choice(value, ("before", "inside", "after"))
    return place


def _header_text(value: str | None) -> str | None:
    sound: Any = to.text(value)
    is_sound = sound is None or type(sound) is Refused or _is_plain(sound)
    if not is_sound:
        sound = Refused(Problem(ProblemCode.NOT_HEADER_TEXT))
    text: str | None = sound
    return text


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and text.strip() != ""


def _flag(value: bool) -> bool:  # noqa: FBT001 - a field's converter
    sound: Any = value
    if type(sound) is not bool:
        sound = to.wrong_type(sound, Expected.BOOLEAN)
    flag: bool = sound
    return flag


class Fault(Immutable):
    """Base of all faults."""

    __slots__ = ()


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailCall(Fault):
    """
    Reject whole calls; none of their items are accepted.

    Attributes:
        status: HTTP status, 400 to 599.
        code: Name of the error; the service's name for the status if left out.
        message: The message of the answer.
        retry_after_seconds: Value of `Retry-After`; no such header if left out.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    status: int = attrs.field(default=500, converter=_status_of_error)
    code: str | None = attrs.field(default=None, converter=_header_text)
    message: str = attrs.field(
        default="a fault was asked for", converter=to.required_text
    )
    retry_after_seconds: float | None = attrs.field(
        default=None, converter=_optional_seconds
    )
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailItem(Fault):
    """
    Reject single items; the others are accepted.

    Attributes:
        status_code: The status code of the item, 400 to 599.
        message: The message of the item.
        of: The kind of items: `event` or `endpoint`.
        items: Numbers of the items of this kind; all if left out.
    """

    status_code: int = attrs.field(default=500, converter=_status_of_error)
    message: str = attrs.field(
        default="a fault was asked for", converter=to.required_text
    )
    of: str = attrs.field(default="event", converter=_kind_of_item)
    items: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Delay(Fault):
    """
    Wait before a call is processed.

    Attributes:
        seconds: How long to wait.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    seconds: float = attrs.field(converter=_seconds)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Throttle(Fault):
    """
    Reject calls above a rate, with 429; none of their items are accepted.

    Attributes:
        calls_per_second: The rate. That of the service is 15.
        burst: How many calls are accepted at once after a pause.
        operations: Names of the operations; all if left out.
    """

    calls_per_second: float = attrs.field(converter=_rate)
    burst: int = attrs.field(default=1, converter=_burst)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Cut(Fault):
    """
    End the connection.

    Attributes:
        where: `before` the answer, `inside` it, or `after` it, although the answer has
            no `Connection: close`.
        is_taken: Whether the items are accepted nevertheless.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    where: str = attrs.field(converter=_place)
    is_taken: bool = attrs.field(default=True, converter=_flag)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class BareStatus(Fault):
    """
    Answer a bare number for each endpoint, as the service's model allows.

    Attributes:
        status_code: The number. With 202 the items are accepted, else they are not.
        calls: Numbers of the calls; all if left out.
    """

    status_code: int = attrs.field(default=_ACCEPTED, converter=_status_of_item)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class DropIds(Fault):
    """
    Leave items out of the answer, although they are accepted.

    Attributes:
        of: The kind of items: `event` or `endpoint`.
        items: Numbers of the items of this kind; all if left out.
    """

    of: str = attrs.field(default="event", converter=_kind_of_item)
    items: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class ShiftClock(Fault):
    """
    Shift the endpoint's clock, for signatures and the `Date` of its answers.

    Attributes:
        seconds: How far the clock is ahead; negative if it is behind.
    """

    seconds: float = attrs.field(converter=_shift)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailRecord(Fault):
    """
    Reject single records of Kinesis or Firehose by their position in a call.

    The other records of the call are taken. `PutRecord` has one record, in position 1:
    its call fails with the error.

    Attributes:
        error_code: `ProvisionedThroughputExceededException` or `InternalFailure` of
            Kinesis, `ServiceUnavailableException` or `InternalFailure` of Firehose, or
            any other; if left out, the first of the service.
        message: The message of the record's result.
        positions: Positions in the call, from 1; all if left out.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    error_code: str | None = attrs.field(default=None, converter=_header_text)
    message: str = attrs.field(
        default="a fault was asked for", converter=to.required_text
    )
    positions: Sequence[int] = attrs.field(default=(), converter=_numbers)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class DropRecord(Fault):
    """
    Leave results out of the answer, although their records are taken.

    The answer then has fewer results than the call has records.

    Attributes:
        positions: Positions in the call, from 1; all if left out.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    positions: Sequence[int] = attrs.field(default=(), converter=_numbers)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class ThrottleShard(Fault):
    """
    Reject each record of a shard of Kinesis, as if its throughput were exhausted.

    Attributes:
        shard_id: The shard, such as `shardId-000000000000`; all if left out.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    shard_id: str | None = attrs.field(default=None, converter=_header_text)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Reshard(Fault):
    """
    Split a shard of Kinesis in the middle of a call.

    The shard of the record in the position is split in half before the record is taken:
    the records before it are in the parent, it is in a child. A shard that is too small
    is not split.

    Attributes:
        position: Position in the call, from 1 to 500.
        calls: Numbers of the calls; all if left out.
        operations: Names of the operations; all if left out.
    """

    position: int = attrs.field(default=2, converter=_position)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)
    operations: Sequence[str] = attrs.field(default=(), converter=_names)


KINDS: Final[Mapping[str, type[Fault]]] = {
    "bare_status": BareStatus,
    "cut": Cut,
    "delay": Delay,
    "drop_ids": DropIds,
    "drop_record": DropRecord,
    "fail_call": FailCall,
    "fail_item": FailItem,
    "fail_record": FailRecord,
    "reshard": Reshard,
    "shift_clock": ShiftClock,
    "throttle": Throttle,
    "throttle_shard": ThrottleShard,
}


def read_faults(data: Any) -> list[Fault]:
    """
    Return the faults in the decoded JSON of a file.

    Raises:
        ValidationError: With all problems of the file.
    """
    known = ("faults",)
    if not isinstance(data, dict):
        problem = json_problem(
            ProblemCode.NOT_AN_OBJECT, actual=type(data).__qualname__, allowed=known
        )
        raise ValidationError([problem])
    problems = [
        *repeated_keys(data, ProblemCode.DUPLICATE_MEMBER),
        *(unknown_key(key, known) for key in data if key not in known),
    ]
    listed = data.get("faults")
    if "faults" not in data:
        problems.append(json_problem(ProblemCode.MISSING, known))
    elif not isinstance(listed, list):
        kind = type(listed).__qualname__
        problems.append(
            json_problem(
                ProblemCode.WRONG_TYPE, known, actual=kind, allowed=Expected.LIST
            )
        )
    if not isinstance(listed, list):
        listed = []
    faults = []
    for position, each in enumerate(listed):
        try:
            faults.append(_read_fault(each))
        except ValidationError as error:
            problems += [p.below("faults", position) for p in error.problems]
    if problems:
        raise ValidationError(problems)
    return faults


def _no_fault(data: object) -> Problem:
    return json_problem(ProblemCode.NOT_A_FAULT, actual=type(data).__qualname__)


def _read_fault(data: Any) -> Fault:
    if not isinstance(data, dict):
        raise ValidationError([_no_fault(data)])
    kind = data.get("fault")
    if kind is None:
        raise ValidationError([_no_fault(data)])
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    problems = repeated_keys(data, ProblemCode.DUPLICATE_MEMBER)
    if cls is None:
        found = _unknown_choice(kind, tuple(KINDS)).below("fault")
        raise ValidationError([*problems, found._replace(audience=Audience.JSON)])
    fields = fields_of(cls)
    names = tuple(field.name for field in fields)
    members = {key: value for key, value in data.items() if key != "fault"}
    problems += [unknown_key(key, names) for key in members if key not in names]
    problems += [
        json_problem(ProblemCode.MISSING, (field.name,))
        for field in fields
        if field.default is attrs.NOTHING and field.name not in members
    ]
    if problems:
        raise ValidationError(problems)
    build: Any = cls
    try:
        fault: Fault = build(**members)
    except ValidationError as error:
        # The members of the file have the same names as the attributes.
        raise ValidationError(
            problem._replace(audience=Audience.JSON) for problem in error.problems
        ) from None
    return fault
