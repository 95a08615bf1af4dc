"""
Faults in the members of a class, with the path at which each is reported.

The faults of a member follow from its type, so a new member of a known type needs no
change here.
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
    """Stands for an existing key of the mapping, or for a new key if it is empty."""

    ANY = "name"


class _AddedItem(NamedTuple):
    """An item to add to a mapping."""

    key: Any
    value: Any


class Fault(NamedTuple):
    """
    Members that make an object invalid.

    Attributes:
        members: Name to value; `Fault.planted` returns the values that replace those of
            an object.
        path: The path at which the fault is reported.
        kind: A short description.
    """

    members: dict[str, Any]
    path: tuple[Any, ...]
    kind: str

    def planted(self, members: dict[str, Any]) -> "Fault":
        """Return the fault for an object with these valid members."""
        changed: dict[str, Any] = {}
        path = self.path
        for name, value in self.members.items():
            changed[name] = value
            if isinstance(value, _AddedItem):
                held = members.get(name) or {}
                key = value.key
                if key is _Key.ANY:
                    key = next(iter(held), key.value)
                    path = tuple(key if part is _Key.ANY else part for part in path)
                changed[name] = {**held, key: value.value}
        return Fault(changed, path, self.kind)


class _Bad(NamedTuple):
    """An invalid value of a member, with the path of the fault within the value."""

    value: Any
    path: tuple[Any, ...]
    kind: str


@cache
def faults(cls: Any) -> SearchStrategy[Fault]:
    """Return the faults in arguments of the class."""
    each: list[SearchStrategy[Fault]] = []
    for field in attrs.fields(cls):
        bad = _bad_values(field, _PYTHON)
        each.append(bad.map(partial(_fault_of, field.name)))
    return one_each([*each, *_BROKEN_RULES.get(cls, ())])


@cache
def wire_faults(cls: Any) -> SearchStrategy[Fault]:
    """Return faults in JSON data of the class; None means a missing member."""
    each: list[SearchStrategy[Fault]] = []
    for field in attrs.fields(cls):
        bad = _bad_values(field, _JSON)
        each.append(bad.map(partial(_fault_of, field.name)).map(_wire_fault))
        # JSON needs an event's timestamp: the time of reading would be the wrong one.
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
    each += [rule.map(_wire_fault) for rule in _BROKEN_RULES.get(cls, ())]
    return one_each([*each, _unknown_keys(cls).map(_unknown_member)])


def _fault_of(name: str, bad: _Bad) -> Fault:
    return Fault({name: bad.value}, (name, *bad.path), bad.kind)


def _wire_fault(fault: Fault) -> Fault:
    members = {
        wire_name(key): _wire_value(value) for key, value in fault.members.items()
    }
    name, *rest = fault.path
    return Fault(members, (wire_name(name), *rest), fault.kind)


def _wire_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _unknown_keys(cls: type[Any]) -> SearchStrategy[str]:
    """Return keys that are not members of the class; some resemble members."""
    known = [field.name for field in attrs.fields(cls)]
    names = [wire_name(name) for name in known]
    similar = {
        *known,
        *map(str.lower, names),
        *map(str.upper, names),
        "EventsRequest",
        "",
    }
    others = ANY_TEXT.filter(lambda text: text not in names)
    return st.sampled_from(sorted(similar - {*names})) | others


def _unknown_member(key: str) -> Fault:
    return Fault({key: "text"}, (key,), "a member that is not known")


# --- Rules between members ------------------------------------------------------------

# Of sessions, in milliseconds.
_LENGTHS: Final = st.integers(1, 10) | st.integers(1, 10**12)
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


def _bare_code_with_responses(code: int) -> Fault:
    members = {"status_code": code, "endpoint_item_response": EndpointItemResponse()}
    kind = "a bare status code beside item responses"
    return Fault(members, ("status_code",), kind)


_BROKEN_RULES: Final[Mapping[type[Any], Sequence[SearchStrategy[Fault]]]] = {
    Endpoint: [st.builds(_no_channel, ANY_TEXT)],
    ItemResponse: [st.builds(_bare_code_with_responses, integers())],
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
"""Values by the type that they have after JSON is parsed."""

_PYTHON: Final[Mapping[type[Any], SearchStrategy[Any]]] = {
    **_JSON,
    bytes: st.just(b"text"),
    date: st.just(date(2026, 11, 24)),
    Decimal: st.just(Decimal("1.50000000000000000001")),  # no float
    set: st.builds(lambda: {"text"}),
}
"""The same, and values of types that only Python callers can pass."""

Values = Mapping[type[Any], SearchStrategy[Any]]


def _bad(
    kind: str, values: SearchStrategy[Any], *path: str | int
) -> SearchStrategy[_Bad]:
    return values.map(lambda value: _Bad(value, path, kind))


def _wrong_type(values: Values, *right: type[Any]) -> SearchStrategy[_Bad]:
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
"""Further faults of single members, by name."""


def _bad_values(field: "attrs.Attribute[Any]", values: Values) -> SearchStrategy[_Bad]:
    """Return invalid values of the member."""
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
        return _wrong_type(values, str) | _BAD_TEXT
    if kind is datetime:
        bad = _wrong_type(values, str) | _BAD_TIME
        return bad | _NAIVE if values is _PYTHON else bad
    if kind is int:
        if float in kinds:
            return _wrong_type(values, int, float) | _BAD_NUMBER
        return _wrong_type(values, int) | _LARGE_INTEGER
    if issubclass(kind, StrEnum):
        return _wrong_type(values, str) | _bad_word(kind)
    # A class of the model, which is an object in JSON.
    return _wrong_type(values) if values is _PYTHON else _wrong_type(values, dict)


def _bad_mappings(item: Any, values: Values) -> SearchStrategy[_Bad]:
    """Return mappings with one fault in a key or a value, and values of other types."""
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
            _wrong_type(values, dict),
            st.builds(_with_key, st.one_of(keys), good),
            _bad_items(item, values).map(_with_value),
        ]
    )


def _with_key(bad: _Bad, value: Any) -> _Bad:
    path = (bad.value,) if isinstance(bad.value, str) else ()
    return _Bad(_AddedItem(bad.value, value), path, f"{bad.kind} as a key")


def _with_value(bad: _Bad) -> _Bad:
    return _Bad(_AddedItem(_Key.ANY, bad.value), (_Key.ANY, *bad.path), bad.kind)


def _bad_items(item: Any, values: Values) -> SearchStrategy[_Bad]:
    none = _bad("None inside a mapping", st.none())
    if get_origin(item) is not tuple:
        kinds = get_args(item) or (item,)
        return none | _bad_single(kinds, values)
    bare = _bad("a str where a list of str belongs", ANY_TEXT)
    wrong = _bad("None inside a list", st.none()) | _bad_single((str,), values)
    few = st.lists(ANY_TEXT, max_size=2)
    inside = st.builds(_in_list, few, wrong, few)
    return one_each([none, bare, _wrong_type(values, list, str), inside])


def _in_list(before: list[str], bad: _Bad, after: list[str]) -> _Bad:
    return _Bad([*before, bad.value, *after], (len(before),), bad.kind)


_GOOD_ITEMS: Final[Mapping[Any, SearchStrategy[Any]]] = {
    str: st.just("text"),
    int | float: st.just(1),
    Event: st.just(Event("event", timestamp=datetime(2026, 11, 24, tzinfo=UTC))),
    EventItemResponse: st.just(EventItemResponse()),
    EventsBatch: st.just(EventsBatch(endpoint=Endpoint(), events={})),
    ItemResponse: st.just(ItemResponse()),
}
