"""
The compiled part and the functions in Python that it replaces: no difference.

Both are in one process: the constructor in Python is `__new__`, which a call of a
registered class replaces. `PINPOINT_EVENTS_DIFFERENTIAL` sets how many constructions
each law draws.
"""

import math
import os
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.compiled import core
from pinpoint_events.errors import ValidationError
from pinpoint_events.item_texts import (
    endpoint_writer,
    endpoint_writer_in_python,
    event_writer,
    event_writer_in_python,
)
from pinpoint_events.model._immutable import Immutable, fields_of
from pinpoint_events.model._registration import is_compiled
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing import strategies
from pinpoint_events.wire.api import text_in_python
from pinpoint_events.wire.json_text import encode
from pinpoint_events.wire.reading_answers import item_in_python
from pinpoint_events.wire.writing import time_text

pytestmark = pytest.mark.skipif(core is None, reason="the compiled part is not used")

many = settings(max_examples=int(os.environ.get("PINPOINT_EVENTS_DIFFERENTIAL", "400")))

CLASSES: Final = (
    Event,
    Session,
    Endpoint,
    Demographic,
    Location,
    User,
    EventsBatch,
    EventsRequest,
    EventItemResponse,
    EndpointItemResponse,
    ItemResponse,
    EventsResponse,
    Quotas,
)


class Text(str):
    """A str that is none."""

    __slots__ = ()


class Unequal(str):
    """A str that equals no other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Whole(int):
    """An int that is none."""


class Fraction(float):
    """A float that is none."""


class Moment(datetime):
    """A datetime that is none."""


class Members(dict[Any, Any]):
    """A dict that is none."""


class Other(StrEnum):
    """An enum with a word of another."""

    EMAIL = "EMAIL"


class BrokenZone(ZoneInfo):
    """A time zone that has no offset to tell."""

    def utcoffset(self, _: datetime | None, /) -> timedelta:
        """Fail."""
        raise RuntimeError("not today")


NOON: Final = datetime(2026, 9, 21, 12, 0, 0, 123_000, tzinfo=UTC)
TIMES: Final[list[Any]] = [
    NOON,
    NOON.replace(microsecond=999_999, fold=1),
    NOON.replace(tzinfo=None),
    NOON.astimezone(ZoneInfo("Europe/Berlin")),
    NOON.astimezone(timezone(timedelta(hours=-5))),
    NOON.replace(tzinfo=timezone(timedelta(0))),
    NOON.replace(tzinfo=BrokenZone("UTC")),
    Moment(2026, 9, 21, 12, tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
    date(2026, 9, 21),
    "2026-09-21T12:00:00.123Z",
    "2026-09-21T12:00:00Z",
    "2026-02-29T12:00:00.000Z",
    "2026-09-21T24:00:00.000Z",
    "2026-09-21T12:60:00.000Z",
    "0000-09-21T12:00:00.000Z",
    "2026-09-21T12:00:00.1234Z",
    "2026-09-21t12:00:00.123z",
    "2026-09-21T12:00:00,123Z",
    "2026-09-21T12:00:00.12 Z",
    "+026-09-21T12:00:00.123Z",
    "2026-09-21T12:00:00.123+02:00",
    "2026-09-21T12:00:00.123",
    "2026-09-21",
    "٢٠٢٦-09-21T12:00:00.123Z",
    Text("2026-09-21T12:00:00.123Z"),
    1_758_456_000,
]
NUMBERS: Final[list[Any]] = [
    *(0, 1, -1, True, 90, 91, 180, 181, 202, 2**53, -(2**53), 2**53 + 1, 10**400),
    *(0.0, -0.0, 9.99, 90.0, 90.5, -180.0, 1e22, 5e-324, math.nan, math.inf, -math.inf),
    *(Whole(5), Fraction(1.5)),
]
TEXTS: Final[list[Any]] = [
    *("", "a", "Grüße", "€", "😀", "\ud800", "x\udfffy", "\x00", '"\\\n\x1f\x7f', "  "),
    *(Text(""), Text("a"), b"a", ChannelType.EMAIL, Other.EMAIL, OptOut.ALL),
    *("EMAIL", "email", "ALL", "ACTIVE", "SMS", EndpointStatus.ACTIVE),
]
OTHERS: Final[list[Any]] = [
    *(None, attrs.NOTHING, object, (), [], {}, set(), timedelta(seconds=1)),
    *(Event("e", timestamp=NOON), Session(id="s", start_timestamp=NOON), Endpoint()),
    *(Demographic(make="m"), Location(city="c"), User(user_id="u"), ItemResponse()),
    *(EventItemResponse(status_code=202), EndpointItemResponse()),
    EventsBatch(endpoint=Endpoint(), events={}),
    Event("e", timestamp=NOON, attributes={"a": "b"}, metrics={"m": 1}).attributes,
    Event("e", timestamp=NOON, attributes={"a": "b"}, metrics={"m": 1}).metrics,
    User(user_attributes={"a": ["b"]}).user_attributes,
    EventsBatch(endpoint=Endpoint(), events={"v": Event("e", timestamp=NOON)}).events,
]
# Each as a dict: those of the model were checked when they were made.
MAPPINGS: Final[list[Any]] = [
    *({"": Event("e", timestamp=NOON)}, {Text("v"): Event("e", timestamp=NOON)}),
    *({"\ud800": Event("e", timestamp=NOON)}, {"v": Endpoint()}),
    {"": EventsBatch(endpoint=Endpoint(), events={})},
    *({"": EventItemResponse()}, {"": ItemResponse()}),
    *({"a": ["b", "c"]}, {"a": ("b",)}, {"a": []}, {"": [""]}, {"a": "b"}),
    *({"a": ["\ud800"]}, {"a": ["b", Text("x")]}, {"a": [OptOut.ALL]}, {"a": [None]}),
    *({"a": (Text("x"),)}, {"\ud800": ["a"]}, {Text("a"): ["a"]}, {1: ["a"]}),
    *({"\ud800": "a"}, {Text("a"): "a"}, {"a": "\ud800"}, {"a": Text("x")}, {"": ""}),
    *({"\ud800": 1}, {Text("a"): 1}, {"a": True}, {"a": math.nan}, {"a": 2**53 + 1}),
]


def one_of(some: list[Any]) -> SearchStrategy[Any]:
    """Return a strategy for values that need not be hashable."""
    return st.integers(0, len(some) - 1).map(some.__getitem__)


any_text = st.text(st.characters(exclude_categories=())) | st.text()
numbers = one_of(NUMBERS) | st.floats() | st.integers()
values: SearchStrategy[Any] = st.one_of(
    one_of(TIMES),
    one_of(TEXTS),
    one_of(OTHERS),
    numbers,
    any_text,
    st.datetimes(timezones=st.just(UTC) | st.none()),
)
keys = one_of([*TEXTS, None, 1]) | any_text
mappings: SearchStrategy[Any] = st.one_of(
    st.dictionaries(keys, one_of(TEXTS) | any_text, max_size=4),
    st.dictionaries(keys, numbers, max_size=4),
    st.dictionaries(
        keys,
        st.lists(one_of(TEXTS) | any_text, max_size=3) | st.tuples(any_text) | values,
        max_size=3,
    ),
    st.dictionaries(keys, one_of(OTHERS), max_size=3),
)
odd_mappings = mappings.flatmap(
    lambda data: st.sampled_from(
        [data, Members(data), OrderedDict(data), list(data.items())]
    )
)
arguments = values | mappings | odd_mappings


@st.composite
def constructions(draw: st.DrawFn) -> tuple[type[Any], list[Any], dict[str, Any]]:
    """Draw a class, and arguments that are mostly sound for its fields."""
    cls = draw(st.sampled_from(CLASSES))
    sound = attrs.fields_dict(cls)
    base = draw(st.from_type(cls)) if cls is not Quotas else Quotas()
    given: dict[str, Any] = {
        name: getattr(base, name) for name in sound if draw(st.integers(0, 9)) > 0
    }
    for name in draw(st.lists(st.sampled_from(sorted(sound)), max_size=2)):
        given[name] = draw(arguments)
    for name in list(given):
        # Mappings of the model are taken as they are; dicts are copied and checked.
        if hasattr(given[name], "_data") and draw(st.booleans()):
            given[name] = {
                draw(keys) if draw(st.integers(0, 19)) == 0 else key: list(value)
                if type(value) is tuple and draw(st.booleans())
                else value
                for key, value in given[name].items()
            }
    if draw(st.integers(0, 29)) == 0:
        given[draw(st.sampled_from(["unknown", "_hash", "self", "cls"]))] = 1
    by_position: list[Any] = []
    if draw(st.integers(0, 4)) == 0:
        by_position = draw(st.lists(values, max_size=2))
    elif "event_type" in given and draw(st.booleans()):
        by_position = [given.pop("event_type")]
    return cls, by_position, dict(draw(st.permutations(list(given.items()))))


def outcome(make: Callable[[], Any]) -> Any:
    """Return all that can be told of an object, or of the error in its place."""
    try:
        made = make()
    except ValidationError as error:
        return type(error), str(error), error.problems
    except Exception as error:  # noqa: BLE001 - all are compared
        return type(error), str(error)
    return shape(made), repr(made), hash(made)


def shape(value: Any) -> Any:
    """Return the exact types and content of a value, down to the last one."""
    if isinstance(value, Immutable):
        names = [field.name for field in fields_of(type(value))]
        return type(value), [shape(getattr(value, name)) for name in names]
    if hasattr(value, "_data"):
        items = [(type(key), key, shape(item)) for key, item in value._data.items()]
        return type(value), type(value._data), items
    if isinstance(value, tuple):
        return type(value), [shape(each) for each in value]
    if isinstance(value, datetime):
        return type(value), value.isoformat(), value.tzinfo is UTC, value.fold
    if isinstance(value, float):
        return type(value), struct.pack("d", value)
    return type(value), value


def is_now(field: "attrs.Attribute[Any]", given: dict[str, Any]) -> bool:
    """Return whether a field gets the current time, which differs between two calls."""
    return field.name == "timestamp" and given.get("timestamp", attrs.NOTHING) is (
        attrs.NOTHING
    )


class TestConstructors:
    """A call of a class does what its constructor in Python does."""

    @pytest.mark.parametrize("cls", CLASSES)
    def test_is_registered(self, cls: type[Any]) -> None:
        """Every class of the model is."""
        assert is_compiled(cls)

    @many
    @given(constructions())
    def test_same_outcome(self, drawn: tuple[Any, list[Any], dict[str, Any]]) -> None:
        """The object, its hash and repr are the same, or the error and its problems."""
        cls, by_position, given = drawn
        if any(is_now(field, given) for field in attrs.fields(cls)):
            given["timestamp"] = NOON
        compiled = outcome(partial(cls, *by_position, **given))
        python = outcome(partial(cls.__new__, cls, *by_position, **given))
        assert compiled == python

    @pytest.mark.parametrize("cls", CLASSES)
    def test_each_value(self, cls: Any) -> None:
        """So it is for each odd value in each field."""
        fields = attrs.fields(cls)
        required: dict[str, Any] = {
            "event_type": "e",
            "timestamp": NOON,
            "id": "s",
            "start_timestamp": NOON,
            "endpoint": Endpoint(),
            "events": {},
            "batch_item": {},
        }
        least = {f.name: required[f.name] for f in fields if f.name in required}
        for field in fields:
            for value in (*TIMES, *NUMBERS, *TEXTS, *OTHERS, *MAPPINGS):
                given = {**least, field.name: value}
                if is_now(field, given):
                    continue
                compiled = outcome(partial(cls, **given))
                python = outcome(partial(cls.__new__, cls, **given))
                assert compiled == python, (field.name, type(value))

    @pytest.mark.parametrize("as_name", [str, Text, Unequal])
    def test_names(self, as_name: type[str]) -> None:
        """Names are compared by their text, as those are that were read from a file."""
        cls: Any = Event
        usual = {"timestamp": NOON, "attributes": {"a": "b"}, "app_title": "t"}
        for more in ("app_version_code", "unknown", "app_titl", "\ud800"):
            given = {**usual, more: "1"}
            row = {as_name("".join(list(name))): v for name, v in given.items()}
            compiled = outcome(partial(cls, "e", **row))
            assert compiled == outcome(partial(cls.__new__, cls, "e", **row))

    def test_names_of_a_file(self) -> None:
        """No function in Python is called for them."""
        given: dict[str, Any] = {"timestamp": NOON, "app_title": "t", "metrics": {}}
        row = {"".join(list(name)): value for name, value in given.items()}
        assert not any(name is other for name in row for other in given)
        called = []

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call":
                called.append(frame.f_code.co_name)

        sys.setprofile(note)
        try:
            event = Event("e", **row)
        finally:
            sys.setprofile(None)
        assert called == []
        assert event == Event("e", **given)

    def test_copies(self) -> None:
        """What is changed afterwards does not change the object."""
        attributes, values_of = {"a": "b"}, {"a": ["b"]}
        event = Event("e", timestamp=NOON, attributes=attributes)
        user = User(user_attributes=values_of)
        attributes["a"] = "c"
        values_of["a"].append("c")
        assert event.attributes == {"a": "b"}
        assert user.user_attributes == {"a": ("b",)}

    def test_clock_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error of the clock is that of the call."""

        class Stopped(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Stopped":
                raise OSError("the clock stands still")

        monkeypatch.setattr("pinpoint_events.model._converters.datetime", Stopped)
        with pytest.raises(OSError, match="stands still"):
            Event("e")


class TestTexts:
    """What C writes are the bytes that Python writes."""

    @many
    @given(
        st.sampled_from(
            [Event, Session, Endpoint, User, Location, EventsBatch, EventsRequest]
        ).flatmap(st.from_type)
    )
    def test_objects(self, obj: Any) -> None:
        """Each object of a request has the same text."""
        assert core.text_of(obj) == text_in_python(obj)

    @many
    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_floats(self, number: float) -> None:
        """Every float has the same digits."""
        for value in (number, round(number, 2), number / 1000, number * 1000):
            if math.isfinite(value):
                check_number(value)

    @many
    @given(st.integers(-(10**15), 10**15), st.integers(0, 9))
    def test_decimals(self, digits: int, decimals: int) -> None:
        """Those that people write as decimals, too, and their neighbours."""
        number = digits / 10**decimals
        for value in (
            number,
            math.nextafter(number, math.inf),
            math.nextafter(number, -math.inf),
        ):
            check_number(value)

    @many
    @given(st.integers(0, 2**64 - 1))
    def test_bits(self, bits: int) -> None:
        """So do those of any bits."""
        (number,) = struct.unpack("d", struct.pack("Q", bits))
        if math.isfinite(number):
            check_number(number)

    @many
    @given(st.text())
    def test_characters(self, text: str) -> None:
        """Every text is escaped alike, as a value, as a key and as an id."""
        event = Event("e", timestamp=NOON, attributes={text: text})
        assert core.text_of(event) == text_in_python(event)

    def test_each_character(self) -> None:
        """So is every character."""
        characters = [chr(n) for n in range(0x110000) if not 0xD800 <= n < 0xE000]
        for start in range(0, len(characters), 5_000):
            text = "".join(characters[start : start + 5_000])
            event = Event("e", timestamp=NOON, attributes={"a": text})
            assert core.text_of(event) == text_in_python(event)

    @many
    @given(st.datetimes(timezones=st.just(UTC)))
    def test_times(self, moment: datetime) -> None:
        """A time has the same text, that of a subclass, too."""
        assert core.time_text(moment) == time_text(moment)
        other: Moment = Moment.fromisoformat(moment.isoformat())
        assert core.time_text(other) == time_text(moment)

    def test_no_time(self) -> None:
        """Anything else is an error."""
        with pytest.raises(TypeError, match="str is no time"):
            core.time_text("2026-09-21T12:00:00.123Z")

    def test_foreign(self) -> None:
        """What is no object of a request is left to Python."""
        others: list[Any] = [None, {}, EventsResponse(), Quotas()]
        for other in others:
            assert core.text_of(other) is None

    def test_tampered_with(self) -> None:
        """An object with a slot that was deleted, or holds nonsense, is left to it."""
        for name, value in (
            ("event_type", 5),
            ("timestamp", "now"),
            ("attributes", {}),
            ("session", Endpoint()),
            ("attributes", None),
        ):
            event = Event("e", timestamp=NOON)
            object.__setattr__(event, name, value)
            assert core.text_of(event) is None or value is None
        event = Event("e", timestamp=NOON)
        object.__delattr__(event, "event_type")
        assert core.text_of(event) is None


def check_number(number: float) -> None:
    """Check that a metric is written as the encoder writes it."""
    event = Event("e", timestamp=NOON, metrics={"m": number})
    text = core.text_of(event)
    assert text == text_in_python(event)
    assert b'{"m":' + encode(number) + b"}" in text


def near(*sizes: int) -> SearchStrategy[int | None]:
    """Return a strategy for bounds that such sizes just keep, or just exceed."""
    bounds = {max(1, size + more) for size in sizes for more in (-1, 0, 1)}
    just = st.sampled_from(sorted(bounds)) if bounds else st.none()
    return st.none() | just | st.integers(1, 60)


class TestLimits:
    """An item is written just if Python finds it within the quotas."""

    @many
    @given(
        strategies.events(),
        st.none() | any_text | st.sampled_from([Text("v"), 1]),
        st.data(),
    )
    def test_events(self, event: Event, event_id: Any, data: st.DataObject) -> None:
        """Events, alone and after their ids."""
        names = [*event.attributes, *event.metrics]
        quotas = Quotas(
            event_bytes=data.draw(near(len(text_in_python(event)))),
            event_attributes_and_metrics=data.draw(near(len(names))),
            event_attribute_key_characters=data.draw(near(*map(len, names))),
            event_attribute_value_characters=data.draw(
                near(*map(len, event.attributes.values()))
            ),
        )
        in_c, in_python = event_writer(quotas), event_writer_in_python(quotas)
        assert in_c(event) == in_python(event)
        text = in_c(event, event_id) if event_id is not None else in_c(event)
        if text is not None and event_id is not None:
            assert text.partition(in_c(event) or b"")[0] == encode(event_id) + b":"
        if type(event_id) is str and event_id.isascii():
            assert text == in_python(event, event_id)

    @many
    @given(strategies.endpoints(), st.data())
    def test_endpoints(self, endpoint: Endpoint, data: st.DataObject) -> None:
        """Endpoints, with their users."""
        user = endpoint.user or User()
        texts = [*endpoint.attributes.items(), *user.user_attributes.items()]
        names = [*(name for name, _ in texts), *endpoint.metrics]
        every = [len(value) for _, values_of in texts for value in values_of]
        quotas = Quotas(
            endpoint_bytes=data.draw(near(len(text_in_python(endpoint)))),
            endpoint_attributes_and_metrics=data.draw(near(len(names))),
            endpoint_attribute_key_characters=data.draw(near(*map(len, names))),
            endpoint_attribute_value_characters=data.draw(near(*every)),
            endpoint_attribute_values=data.draw(
                near(*(len(values_of) for _, values_of in texts))
            ),
        )
        in_c, in_python = endpoint_writer(quotas), endpoint_writer_in_python(quotas)
        text = in_python(endpoint)
        if endpoint == Endpoint() and quotas.endpoint_bytes == 1:  # `{}` is allowed
            assert text is None
        assert in_c(endpoint) == text

    def test_others(self) -> None:
        """What is no such item is left to Python, and wrong calls are errors."""
        write = event_writer(Quotas())
        event: Any = Event("e", timestamp=NOON)
        assert write(Endpoint()) is None
        assert write(event, "") is None
        assert write(event, Text("v")) is None
        with pytest.raises(TypeError, match="pass an object"):
            write()
        with pytest.raises(TypeError, match="pass an object"):
            write(event, "v", 1)


answers = st.fixed_dictionaries(
    {},
    optional={
        "StatusCode": st.sampled_from([202, 400, 429, 500, True, None, "5"]) | numbers,
        "Message": st.sampled_from(["Accepted", "Bad", None, 5, "\ud800"]) | any_text,
        "Other": st.none(),
    },
) | one_of([None, 202, "x", [], Members()])
usual = st.fixed_dictionaries(
    {
        "StatusCode": st.sampled_from([202, 400]),
        "Message": st.just("Accepted") | any_text,
    }
)


class TestAnswers:
    """Answers are read alike."""

    @many
    @given(
        usual | answers,
        st.dictionaries(any_text, usual | answers, max_size=6)
        | st.dictionaries(any_text, usual, max_size=6)
        | one_of([None, [], Members()]),
        st.sampled_from([{}, {"EndpointItemResponse": None}, {"Other": 1}]),
    )
    def test_items(self, endpoint: Any, events: Any, other: dict[str, Any]) -> None:
        """The item is the same, and equal neighbours of its events are one object."""
        data = {"EndpointItemResponse": endpoint, "EventsItemResponse": events, **other}
        read = core.read_item(data, ItemResponse)
        if read is None:
            return
        python = item_in_python(data)
        assert outcome(lambda: read) == outcome(lambda: python)
        in_c, in_python = read.events_item_response, python.events_item_response
        assert list(in_c) == list(in_python)
        assert len(set(map(id, in_c.values()))) <= len(set(map(id, in_python.values())))

    def test_usual(self) -> None:
        """The usual answer is read in C."""
        taken = {"StatusCode": 202, "Message": "Accepted"}
        data = {
            "EndpointItemResponse": taken,
            "EventsItemResponse": {f"v{n}": dict(taken) for n in range(5)},
        }
        read = core.read_item(data, ItemResponse)
        assert read == item_in_python(data)
        assert len(set(map(id, read.events_item_response.values()))) == 1
        without = {**data, "EventsItemResponse": []}
        others: list[Any] = [[], {}, without, Members(data)]
        for other in others:
            assert core.read_item(other, ItemResponse) is None
        for cls in (dict, EventsResponse, EventItemResponse):
            assert core.read_item(data, cls) is None
