"""
What can be wrong with the members of a class, and where it is reported.

A fault is known by the type of the member that gets it, so that a new member of a known
type is covered without a word here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, get_args, get_origin

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.model._converters import MAX_INTEGER
from pinpoint_events.model._immutable import FrozenMap
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    ItemResponse,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing._values import (
    ANY_TEXT,
    integers,
    one_each,
    times,
)
from pinpoint_events.wire import to_wire
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.writing import is_model

__all__ = ["Fault", "Path", "faults", "wire_faults"]

Path = tuple[str | int, ...]


class _Key(Enum):
    """Stands for a key that the mapping has already, or else for a new one."""

    ANY = "name"


class _Into(NamedTuple):
    """What a mapping gets besides what is in it."""

    key: Any
    value: Any


class Fault(NamedTuple):
    """
    Members that make an object unsound.

    Attributes:
        members: Name to value; `Fault.planted` tells what of the object it replaces.
        path: Where it is reported.
        kind: What is wrong, in a few words.
    """

    members: dict[str, Any]
    path: tuple[Any, ...]
    kind: str

    def planted(self, members: dict[str, Any]) -> "Fault":
        """Return the fault as it is among these sound members."""
        changed: dict[str, Any] = {}
        path = self.path
        for name, value in self.members.items():
            changed[name] = value
            if isinstance(value, _Into):
                held = members.get(name) or {}
                key = value.key
                if key is _Key.ANY:
                    key = next(iter(held), key.value)
                    path = tuple(key if part is _Key.ANY else part for part in path)
                changed[name] = {**held, key: value.value}
        return Fault(changed, path, self.kind)


class _Bad(NamedTuple):
    """A value that a member does not take, and where in the value the fault is."""

    value: Any
    path: tuple[Any, ...]
    kind: str


@cache
def faults(cls: Any) -> SearchStrategy[Fault]:
    """Return what is wrong in arguments of the class."""
    each: list[SearchStrategy[Fault]] = []
    for field in attrs.fields(cls):
        bad = _bad_values(field, _PYTHON)
        each.append(bad.map(partial(_fault_of, field.name)))
    return one_each([*each, *_BROKEN_RULES.get(cls, ())])


@cache
def wire_faults(cls: Any) -> SearchStrategy[Fault]:
    """Return what is wrong in plain data of the class; None is for what is missing."""
    each: list[SearchStrategy[Fault]] = []
    for field in attrs.fields(cls):
        bad = _bad_values(field, _JSON)
        each.append(bad.map(partial(_fault_of, field.name)).map(_on_the_wire))
        # The time of reading is no substitute for the time of the event.
        if field.default is attrs.NOTHING or (cls, field.name) == (Event, "timestamp"):
            name = wire_name(field.name)
            kind = "a member that is missing"
            each.append(
                st.builds(
                    Fault,
                    st.builds(dict, **{name: st.none()}),
                    st.just((name,)),
                    st.just(kind),
                )
            )
    each += [rule.map(_on_the_wire) for rule in _BROKEN_RULES.get(cls, ())]
    return one_each([*each, _strangers(cls).map(_unknown_member)])


def _fault_of(name: str, bad: _Bad) -> Fault:
    return Fault({name: bad.value}, (name, *bad.path), bad.kind)


def _on_the_wire(fault: Fault) -> Fault:
    members = {wire_name(key): _wired(value) for key, value in fault.members.items()}
    name, *rest = fault.path
    return Fault(members, (wire_name(name), *rest), fault.kind)


def _wired(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _strangers(cls: type[Any]) -> SearchStrategy[str]:
    """Return keys that are no member of the class, though some nearly are."""
    known = [field.name for field in attrs.fields(cls)]
    names = [wire_name(name) for name in known]
    near = {*known, *map(str.lower, names), *map(str.upper, names), "EventsRequest", ""}
    others = ANY_TEXT.filter(lambda text: text not in names)
    return st.sampled_from(sorted(near - {*names})) | others


def _unknown_member(key: str) -> Fault:
    return Fault({key: "text"}, (key,), "a member that is not known")


# --- Rules between members ------------------------------------------------------------

_LENGTHS: Final = st.integers(1, 10) | st.integers(1, 10**12)  # of sessions, in ms
_START: Final = times(
    min_value=datetime(100, 1, 1, tzinfo=UTC),
    max_value=datetime(9900, 1, 1, tzinfo=UTC),
)


def _stop_before_start(stop: datetime, length: int) -> Fault:
    start = stop + timedelta(milliseconds=length)
    members = {"start_timestamp": start, "stop_timestamp": stop, "duration": None}
    return Fault(members, ("stop_timestamp",), "a stop before the start")


def _wrong_duration(start: datetime, length: int, wrong: int) -> Fault:
    stop = start + timedelta(milliseconds=length)
    duration = wrong + (wrong >= length)
    members = {"start_timestamp": start, "stop_timestamp": stop, "duration": duration}
    kind = "a duration that is not stop minus start"
    return Fault(members, ("duration",), kind)


def _no_channel(address: str) -> Fault:
    members = {"address": address, "channel_type": None}
    return Fault(members, ("channel_type",), "an address without a channel type")


def _bare_code_beside_responses(code: int) -> Fault:
    members = {"status_code": code, "endpoint_item_response": EndpointItemResponse()}
    kind = "a bare status code beside item responses"
    return Fault(members, ("status_code",), kind)


_BROKEN_RULES: Final[Mapping[type[Any], Sequence[SearchStrategy[Fault]]]] = {
    Endpoint: [st.builds(_no_channel, ANY_TEXT)],
    ItemResponse: [st.builds(_bare_code_beside_responses, integers())],
    Session: [
        st.builds(_stop_before_start, _START, _LENGTHS),
        st.builds(_wrong_duration, _START, _LENGTHS, _LENGTHS),
    ],
}


# --- Values of the wrong kind ---------------------------------------------------------

_JSON: Final[Mapping[type[Any], SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: st.integers(-1, 1),
    float: st.sampled_from([0.0, 1.5]),
    str: st.sampled_from(["", "1", "text"]),
    list: st.builds(list) | st.builds(lambda: ["text"]),
    dict: st.builds(dict) | st.builds(lambda: {"Name": "text"}),
}
"""Values by the type that JSON reads them as."""

_PYTHON: Final[Mapping[type[Any], SearchStrategy[Any]]] = {
    **_JSON,
    bytes: st.just(b"text"),
    date: st.just(date(2026, 11, 24)),
    Decimal: st.just(Decimal("1.50000000000000000001")),  # no float
    set: st.builds(lambda: {"text"}),
}
"""Values that a caller in Python may pass besides."""

Values = Mapping[type[Any], SearchStrategy[Any]]


def _bad(
    kind: str, values: SearchStrategy[Any], *path: str | int
) -> SearchStrategy[_Bad]:
    return values.map(lambda value: _Bad(value, path, kind))


def _other_than(values: Values, *right: type[Any]) -> SearchStrategy[_Bad]:
    wrong = [strategy for kind, strategy in values.items() if kind not in right]
    return _bad("a value of the wrong type", one_each(wrong))


def _surrogates() -> SearchStrategy[str]:
    lone = st.characters(categories=["Cs"])
    return st.builds("{}{}{}".format, ANY_TEXT, lone, ANY_TEXT)


_BAD_TEXT: Final = _bad("a lone surrogate", _surrogates())
_EMPTY: Final = _bad("an empty text", st.just(""))
_NONE: Final = _bad("None", st.none())
_LARGE_INTEGER: Final = _bad(
    "an int beyond 2**53",
    st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63, 2**64, 10**400])
    | st.integers(MAX_INTEGER + 1),
)
_BAD_NUMBER: Final = st.one_of(
    _bad(
        "NaN or an infinity",
        st.sampled_from([float(x) for x in ("nan", "inf", "-inf")]),
    ),
    _LARGE_INTEGER,
)
_BAD_TIME: Final = st.one_of(
    _bad(
        "a time that is none",
        st.sampled_from(
            ["", "now", "2026-13-01T00:00:00Z", "1790000000", "24.11.2026"]
        ),
    ),
    _bad("a time without a zone", st.datetimes().map(datetime.isoformat)),
    _bad("a time outside the years", st.just("9999-12-31T23:59:59-01:00")),
)
_NAIVE: Final = _bad("a time without a zone", st.datetimes())


def _bad_word(enum: type[StrEnum]) -> SearchStrategy[_Bad]:
    cased = st.sampled_from([member.lower() for member in enum])
    words = cased | ANY_TEXT.filter(lambda word: word not in list(enum))
    return _bad("a word that is not known", words)


def _out_of_range(bound: int) -> SearchStrategy[_Bad]:
    beyond = st.floats(bound, exclude_min=True, allow_infinity=False)
    over = beyond | st.integers(bound + 1, MAX_INTEGER)
    return _bad("degrees out of range", over | over.map(lambda angle: -angle))


_LOW_LIMIT: Final = _bad("a limit below 1", st.integers(-MAX_INTEGER, 0))
_BAD_NAMED: Final[Mapping[str, SearchStrategy[_Bad]]] = {
    **{field.name: _LOW_LIMIT for field in attrs.fields(Quotas)},
    "duration": _bad("a negative length", st.integers(-MAX_INTEGER, -1)),
    "latitude": _out_of_range(90),
    "longitude": _out_of_range(180),
}
"""What else is wrong for single members, by their names."""


def _bad_values(field: "attrs.Attribute[Any]", values: Values) -> SearchStrategy[_Bad]:
    """Return what the member does not take."""
    is_optional = get_origin(field.type) is UnionType
    kinds = get_args(field.type) if is_optional else (field.type,)
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if get_origin(kinds[0]) is FrozenMap:
        (item,) = get_args(kinds[0])
        return _bad_mappings(item, values)
    bad = [_bad_single(kinds, values)]
    if kinds == (str,) and not is_optional:
        bad.append(_EMPTY)
    if not is_optional and values is _PYTHON:
        bad.append(_NONE)
    if field.name in _BAD_NAMED:
        bad.append(_BAD_NAMED[field.name])
    return one_each(bad)


def _bad_single(kinds: tuple[Any, ...], values: Values) -> SearchStrategy[_Bad]:
    (kind, *_) = kinds
    if kind is str:
        return _other_than(values, str) | _BAD_TEXT
    if kind is datetime:
        bad = _other_than(values, str) | _BAD_TIME
        return bad | _NAIVE if values is _PYTHON else bad
    if kind is int:
        if float in kinds:
            return _other_than(values, int, float) | _BAD_NUMBER
        return _other_than(values, int) | _LARGE_INTEGER
    if issubclass(kind, StrEnum):
        return _other_than(values, str) | _bad_word(kind)
    # One of our classes, which is an object on the wire.
    return _other_than(values) if values is _PYTHON else _other_than(values, dict)


def _bad_mappings(item: Any, values: Values) -> SearchStrategy[_Bad]:
    """Return mappings with one fault in a key or in a value, and what is no mapping."""
    good = _GOOD_ITEMS.get(item, st.builds(lambda: ["text"]))
    if values is _JSON and is_model(item):
        good = good.map(to_wire)
    keys = [_BAD_TEXT]
    if item in {Event, EventsBatch}:
        keys.append(_EMPTY)
    if values is _PYTHON:
        keys.append(_bad("no text", st.sampled_from([None, 1, b"name"])))
    return one_each(
        [
            _other_than(values, dict),
            st.builds(_with_key, st.one_of(keys), good),
            _bad_items(item, values).map(_with_value),
        ]
    )


def _with_key(bad: _Bad, value: Any) -> _Bad:
    path = (bad.value,) if isinstance(bad.value, str) else ()
    return _Bad(_Into(bad.value, value), path, f"{bad.kind} as a key")


def _with_value(bad: _Bad) -> _Bad:
    return _Bad(_Into(_Key.ANY, bad.value), (_Key.ANY, *bad.path), bad.kind)


def _bad_items(item: Any, values: Values) -> SearchStrategy[_Bad]:
    none = _bad("None inside a mapping", st.none())
    if get_origin(item) is not tuple:
        kinds = get_args(item) or (item,)
        return none | _bad_single(kinds, values)
    bare = _bad("a str where a list of str belongs", ANY_TEXT)
    wrong = _bad("None inside a list", st.none()) | _bad_single((str,), values)
    few = st.lists(ANY_TEXT, max_size=2)
    inside = st.builds(_among, few, wrong, few)
    return one_each([none, bare, _other_than(values, list, str), inside])


def _among(before: list[str], bad: _Bad, after: list[str]) -> _Bad:
    return _Bad([*before, bad.value, *after], (len(before),), bad.kind)


_GOOD_ITEMS: Final[Mapping[Any, SearchStrategy[Any]]] = {
    str: st.just("text"),
    int | float: st.just(1),
    Event: st.just(Event("event", timestamp=datetime(2026, 11, 24, tzinfo=UTC))),
    EventItemResponse: st.just(EventItemResponse()),
    EventsBatch: st.just(EventsBatch(endpoint=Endpoint(), events={})),
    ItemResponse: st.just(ItemResponse()),
}
