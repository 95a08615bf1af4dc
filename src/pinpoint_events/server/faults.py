"""
What shall go wrong, and when: a script for tests of those who send.

    >>> from pinpoint_events.server import Cut, FailCall, Faults
    >>> faults = Faults([FailCall(status=503, calls=[1]), Cut(where="inside")])

The same as a file, for `pinpoint-events serve --faults FILE`:

```json
{"faults": [
    {"fault": "fail_call", "status": 503, "calls": [1]},
    {"fault": "cut", "where": "inside"}
]}
```

Calls are counted from 1, from when the fault was added; each call that is well signed
counts. So are items, over all calls: those that are events, or those that are
endpoints. A fault without numbers meets all of them.
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
    "FailCall",
    "FailItem",
    "Fault",
    "ShiftClock",
    "Throttle",
    "read_faults",
]

_ACCEPTED: Final = 202
_MOST_SECONDS: Final = 10_000_000  # about four months


def _number(value: Any, least: float, most: float, kinds: tuple[type, ...]) -> Any:
    takes_fractions = float in kinds
    if type(value) not in kinds:
        expected = Expected.NUMBER if takes_fractions else Expected.INTEGER
        return to.wrong_type(value, expected)
    if least <= value <= most:
        return value
    if abs(value) > to.MAX_INTEGER and type(value) is int:
        return to.too_large(value)
    return Refused(
        Problem(
            ProblemCode.NUMBER_OUT_OF_RANGE,
            actual=value,
            allowed=(least, most),
            unit="a number" if takes_fractions else "a whole number",
        )
    )


def _word(value: Any, words: tuple[str, ...]) -> Any:
    if isinstance(value, str) and value in words:
        return value
    return Refused(_unknown_word(value, words))


def _unknown_word(value: Any, words: tuple[str, ...]) -> Problem:
    if isinstance(value, str):
        return to.unknown_value(value, words)
    return to.wrong_type_of_value(value, words)


# As in the model's classes, the types say what a built fault holds.


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
    seconds: float = _number(value, 0, _MOST_SECONDS, (int, float))
    return seconds


def _optional_seconds(value: float | None) -> float | None:
    return None if value is None else _seconds(value)


def _shift(value: float) -> float:
    seconds: float = _number(value, -_MOST_SECONDS, _MOST_SECONDS, (int, float))
    return seconds


def _kind_of_item(value: str) -> str:
    kind: str = _word(value, ("event", "endpoint"))
    return kind


def _place(value: str) -> str:
    place: str = _word(value, ("before", "inside", "after"))
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
    Refuse whole calls; nothing of them is taken.

    Attributes:
        status: HTTP status, 400 to 599.
        code: Name of the error; the service's name for the status if left out.
        message: The message of the answer.
        retry_after_seconds: What `Retry-After` asks for; no such header if left out.
        calls: Which calls; all if left out.
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


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailItem(Fault):
    """
    Refuse single items; they are not taken, the others are.

    Attributes:
        status_code: What is answered for the item, 400 to 599.
        message: The message of the answer.
        of: `event` or `endpoint`: what is counted.
        items: Which of them; all if left out.
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
    Wait before a call is judged.

    Attributes:
        seconds: For how long.
        calls: Which calls; all if left out.
    """

    seconds: float = attrs.field(converter=_seconds)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Throttle(Fault):
    """
    Refuse calls above a rate, with 429; nothing of them is taken.

    Attributes:
        calls_per_second: The rate. The service's own is 15.
        burst: How many calls may come at once after a pause.
    """

    calls_per_second: float = attrs.field(converter=_rate)
    burst: int = attrs.field(default=1, converter=_burst)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Cut(Fault):
    """
    End the connection.

    Attributes:
        where: `before` the answer, `inside` it, or `after` it, though nothing in it
            said that the connection would end.
        is_taken: Whether what the call asks for is done all the same.
        calls: Which calls; all if left out.
    """

    where: str = attrs.field(converter=_place)
    is_taken: bool = attrs.field(default=True, converter=_flag)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class BareStatus(Fault):
    """
    Answer a bare number for each endpoint, as the service's model allows.

    Attributes:
        status_code: The number. With 202 the items are taken, else they are not.
        calls: Which calls; all if left out.
    """

    status_code: int = attrs.field(default=_ACCEPTED, converter=_status_of_item)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class DropIds(Fault):
    """
    Leave items out of the answer, though they are taken.

    Attributes:
        of: `event` or `endpoint`: what is counted.
        items: Which of them; all if left out.
    """

    of: str = attrs.field(default="event", converter=_kind_of_item)
    items: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class ShiftClock(Fault):
    """
    Let the endpoint's clock be wrong, for signatures and in the `Date` of its answers.

    Attributes:
        seconds: How far it is ahead; behind, if negative.
    """

    seconds: float = attrs.field(converter=_shift)


KINDS: Final[Mapping[str, type[Fault]]] = {
    "bare_status": BareStatus,
    "cut": Cut,
    "delay": Delay,
    "drop_ids": DropIds,
    "fail_call": FailCall,
    "fail_item": FailItem,
    "shift_clock": ShiftClock,
    "throttle": Throttle,
}


def read_faults(data: Any) -> list[Fault]:
    """
    Return the faults of a file.

    Raises:
        ValidationError: With all that is wrong with it.
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


def _read_fault(data: Any) -> Fault:
    if not isinstance(data, dict):
        raise ValidationError([json_problem(ProblemCode.NOT_A_FAULT)])
    kind = data.get("fault")
    if kind is None:
        raise ValidationError([json_problem(ProblemCode.NOT_A_FAULT)])
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    problems = repeated_keys(data, ProblemCode.DUPLICATE_MEMBER)
    if cls is None:
        found = _unknown_word(kind, tuple(KINDS)).below("fault")
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
        # A file names the members as Python does.
        raise ValidationError(
            problem._replace(audience=Audience.JSON) for problem in error.problems
        ) from None
    return fault
