"""Tests of what each kind of member takes, and what it says of all else."""

from collections import OrderedDict, UserDict, UserString
from collections.abc import ItemsView, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any
from unittest.mock import MagicMock, Mock
from zoneinfo import ZoneInfo

import pytest

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
    ItemResponse,
)
from pinpoint_events.problems import ProblemCode
from tests.samples import NOON, event, facts_of, problems_of


class _LyingText(str):
    """Says that it is plain and harmless, whatever it holds."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a lie"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("a lie")

    def __len__(self) -> int:
        return 1

    def isascii(self) -> bool:
        return True

    def encode(self, encoding: str = "", errors: str = "") -> bytes:
        return b"a lie"


class _LyingInt(int):
    """Says that it is within any bounds."""

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True

    def __int__(self) -> int:
        return 0


class _LyingFloat(float):
    """Says that it is finite and small."""

    def __sub__(self, other: object) -> float:
        return 0.0

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True

    def __float__(self) -> float:
        return 0.0


class _LyingTime(datetime):
    """Says that it is another moment, in another zone."""

    def utcoffset(self) -> timedelta:
        return timedelta(0)

    def astimezone(self, tz: tzinfo | None = None) -> Any:
        return "a lie"

    def date(self) -> Any:
        return "a lie"

    def replace(self, *_: Any, **__: Any) -> Any:
        return "a lie"


class _LyingLength(timedelta):
    """Says that it is any number of milliseconds."""

    def __floordiv__(self, other: Any) -> Any:
        return "a lie"


class _Zone(tzinfo):
    """A time zone that does not do its duty, or is further away than there is one."""

    def __init__(self, offset: timedelta | None) -> None:
        self.offset = offset

    def dst(self, moment: datetime | None) -> None:
        """Nothing is known."""

    def tzname(self, moment: datetime | None) -> None:
        """Nothing is known."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if self.offset is None:
            raise NotImplementedError
        return self.offset


class _OddMapping(Mapping[Any, Any]):
    """Yields its pairs as they are, a key twice if need be."""

    def __init__(self, *pairs: tuple[Any, Any]) -> None:
        self.pairs = pairs

    def __getitem__(self, key: Any) -> Any:
        return dict(self.pairs)[key]

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self.pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def items(self) -> Any:
        return list(self.pairs)


class Colour(StrEnum):
    """Someone else's enum."""

    RED = "red"


class Level(IntEnum):
    """Someone else's numbers."""

    HIGH = 3


def make(value: Any) -> str | None:
    """Return what an optional text makes of the value."""
    return Demographic(make=value).make


def moment(value: Any) -> datetime:
    """Return what a time makes of the value."""
    return Event("tapped", timestamp=value).timestamp


def length(value: Any) -> int | None:
    """Return what a duration makes of the value."""
    return Session(id="s", start_timestamp=NOON, duration=value).duration


def code(value: Any) -> int | None:
    """Return what a whole number makes of the value."""
    return EndpointItemResponse(status_code=value).status_code


def number(value: Any) -> int | float:
    """Return what a metric makes of the value."""
    return event(metrics={"n": value}).metrics["n"]


class TestText:
    """Text is any str that UTF-8 can hold."""

    @pytest.mark.parametrize("text", ["", " ", "a", "bücher", "\0", "\U0010ffff", None])
    def test_is_kept(self, text: str | None) -> None:
        """Empty text too, and None, which means that the member is left out."""
        assert make(text) == text

    @pytest.mark.parametrize(
        "value, text",
        [(_LyingText("ö"), "ö"), (Colour.RED, "red")],
        ids=["lie", "enum"],
    )
    def test_of_a_subclass_the_text_is_kept(self, value: str, text: str) -> None:
        """What it holds counts, and not what it says; and it becomes a plain str."""
        kept = make(value)
        assert type(kept) is str
        assert kept.encode() == text.encode()

    @pytest.mark.parametrize(
        "value, line",
        [
            (b"bytes", "make: wrong_type bytes not text"),
            (bytearray(b"b"), "make: wrong_type bytearray not text"),
            (1, "make: wrong_type int not text"),
            (True, "make: wrong_type bool not text"),
            (["a"], "make: wrong_type list not text"),
            (UserString("a"), "make: wrong_type UserString not text"),
            (Mock(spec=str), "make: wrong_type Mock not text"),
            ("\ud800", "make: lone_surrogate"),
            ("a\udfffb", "make: lone_surrogate"),
            (_LyingText("\ud800"), "make: lone_surrogate"),
        ],
        ids=range(10),
    )
    def test_all_else_is_a_problem(self, value: object, line: str) -> None:
        """The problem names the type, and never the value."""
        assert facts_of(lambda: make(value)) == [line]

    @pytest.mark.parametrize(
        "value, line",
        [
            ("", "event_type: empty"),
            (None, "event_type: wrong_type NoneType not name"),
            (
                _LyingText(""),
                "event_type: empty",
            ),
            ("\udc00", "event_type: lone_surrogate"),
        ],
        ids=["empty", "None", "lie", "surrogate"],
    )
    def test_names_are_not_empty(self, value: Any, line: str) -> None:
        """What must be named must have a name."""
        assert facts_of(lambda: Event(value)) == [line]

    @pytest.mark.parametrize("name", ["x", " ", "bücher", "_session.start"])
    def test_names_are_kept(self, name: str) -> None:
        """Any text but the empty one is a name."""
        assert Event(name).event_type == name


class TestTime:
    """A time is a moment: kept in UTC, truncated to milliseconds."""

    @pytest.mark.parametrize(
        "value, text",
        [
            (NOON, "2026-09-21T12:00:00.123000+00:00"),
            (NOON.replace(microsecond=123_999), "2026-09-21T12:00:00.123000+00:00"),
            (NOON.replace(microsecond=999), "2026-09-21T12:00:00+00:00"),
            (NOON.replace(microsecond=0), "2026-09-21T12:00:00+00:00"),
            (
                NOON.astimezone(timezone(timedelta(hours=5, minutes=45))),
                "2026-09-21T12:00:00.123000+00:00",
            ),
            (
                datetime(
                    1900, 1, 1, tzinfo=timezone(timedelta(seconds=1, microseconds=1))
                ),
                "1899-12-31T23:59:58.999000+00:00",
            ),
            (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00+00:00"),
            (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999000+00:00"),
            ("2026-09-21T12:00:00.123456Z", "2026-09-21T12:00:00.123000+00:00"),
            ("2026-09-21T12:00:00.123456789Z", "2026-09-21T12:00:00.123000+00:00"),
            ("2026-09-21T14:00:00+02:00", "2026-09-21T12:00:00+00:00"),
            ("2026-09-21T14:00:00+0200", "2026-09-21T12:00:00+00:00"),
            ("2026-09-21 12:00Z", "2026-09-21T12:00:00+00:00"),
            ("20260921T120000Z", "2026-09-21T12:00:00+00:00"),
            (_LyingText("2026-09-21T12:00Z"), "2026-09-21T12:00:00+00:00"),
        ],
        ids=range(15),
    )
    def test_is_kept(self, value: datetime | str, text: str) -> None:
        """From any time zone; digits beyond milliseconds are cut off."""
        kept = moment(value)
        assert kept.isoformat() == text
        assert kept.tzinfo is UTC

    @pytest.mark.parametrize("fold, hour", [(0, 0), (1, 1)])
    def test_hour_that_comes_twice(self, fold: int, hour: int) -> None:
        """When clocks go back, `fold` selects one of the two hours."""
        given = datetime(2026, 10, 25, 2, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
        assert moment(given) == datetime(2026, 10, 25, hour, tzinfo=UTC)

    def test_of_a_subclass_the_moment_is_kept(self) -> None:
        """What it holds counts, and not what its methods say; it becomes a datetime."""
        given = _LyingTime(2026, 9, 21, 14, tzinfo=timezone(timedelta(hours=2)))
        kept = moment(given)
        assert type(kept) is datetime
        assert kept == datetime(2026, 9, 21, 12, tzinfo=UTC)

    def test_default_is_now(self) -> None:
        """The default of an event's time is when it is built, in whole milliseconds."""
        before = datetime.now(UTC)
        built = Event("tapped").timestamp
        assert before - timedelta(milliseconds=1) < built <= datetime.now(UTC)
        assert built.tzinfo is UTC
        assert built.microsecond % 1000 == 0

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "now",
            "2026-09-21T24:00:61Z",
            "2016-12-31T23:59:60Z",
            "2026-02-29T12:00:00Z",
            "2026-09-21T12:00:00+24:00",
            "1790000000",
            "2026-09-21T12:00:00Z\n",
            "2026-09-21T12:00:00.\ud800Z",
            "x" * 100_000,
            "2026-09-21T12:00:00.\u0665Z",
            "\u0662\u0660\u0662\u0666-09-21T12:00:00Z",
            "2026-09-21T12:00:00+\u0660\u0662:00",
            "2026-09-21T\uff11\uff12:00:00Z",
            "2026-09-21\u200f12:00:00Z",
            "2026-09-21T12:00:00Z\u200e",
        ],
        ids=range(16),
    )
    def test_text_that_is_no_time(self, value: str) -> None:
        """Leap seconds are among it, and digits that are not those of ISO 8601."""
        assert facts_of(lambda: moment(value)) == ["timestamp: not_iso_8601"]

    @pytest.mark.parametrize(
        "value",
        [
            NOON.replace(tzinfo=None),
            "2026-09-21T12:00:00",
            NOON.replace(tzinfo=_Zone(None)),
            NOON.replace(tzinfo=_Zone(timedelta(days=1))),
            _LyingTime(2026, 9, 21),
        ],
        ids=["naive", "text", "idle zone", "zone beyond a day", "lie"],
    )
    def test_without_zone(self, value: datetime | str) -> None:
        """A naive time could be any of a day's moments: there is no local guess."""
        assert facts_of(lambda: moment(value)) == ["timestamp: no_time_zone"]

    @pytest.mark.parametrize(
        "value",
        [
            "2026-09-21",
            "20260921",
            "2026-W39",
            "2026W39",
            "2026-W39-1",
            "2026W391",
            "2026-09-21+02:00",
            "2026-09-21-0500",
            "20260921+02",
            _LyingText("2026-09-21"),
        ],
    )
    def test_without_time_of_day(self, value: str) -> None:
        """An offset alone does not make a time of a date."""
        assert facts_of(lambda: moment(value)) == ["timestamp: no_time_of_day"]

    @pytest.mark.parametrize(
        "value",
        [
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        ],
        ids=["too early", "too late", "datetime"],
    )
    def test_out_of_range(self, value: datetime | str) -> None:
        """A moment before year 1 or after year 9999 in UTC cannot be kept."""
        assert facts_of(lambda: moment(value)) == ["timestamp: time_out_of_range years"]

    @pytest.mark.parametrize(
        "value, facts",
        [
            (1_790_000_000, "number_as_time int s"),
            (1_790_000_000_000.5, "number_as_time float ms"),
            (Level.HIGH, "number_as_time Level s"),
            (NOON.date(), "wrong_type date not time"),
            (NOON.time(), "wrong_type time not time"),
            (Mock(spec=datetime), "wrong_type Mock not time"),
            (date, "wrong_type type not time"),
        ],
        ids=range(7),
    )
    def test_all_else_is_a_problem(self, value: object, facts: str) -> None:
        """Numbers too: they could be seconds or milliseconds."""
        assert facts_of(lambda: moment(value)) == [f"timestamp: {facts}"]

    def test_none_where_a_time_must_be(self) -> None:
        """None is no way to say now, and a session has no other start."""
        assert facts_of(lambda: moment(None)) == [
            "timestamp: wrong_type NoneType not time"
        ]

    def test_none_where_a_time_may_be(self) -> None:
        """Nothing is said then."""
        assert Endpoint(effective_date=None).effective_date is None


class TestDuration:
    """A duration is a whole number of milliseconds, none below zero."""

    @pytest.mark.parametrize(
        "value, milliseconds",
        [
            (None, None),
            (0, 0),
            (20_008, 20_008),
            (2**53, 2**53),
            (Level.HIGH, 3),
            (_LyingInt(5), 5),
            (timedelta(0), 0),
            (timedelta(seconds=20, milliseconds=8), 20_008),
            (timedelta(microseconds=999), 0),
            (timedelta(microseconds=1_999), 1),
            (_LyingLength(seconds=1), 1_000),
        ],
        ids=range(11),
    )
    def test_is_kept(self, value: object, milliseconds: int | None) -> None:
        """An int of milliseconds, or a timedelta, cut to whole milliseconds."""
        kept = length(value)
        assert kept == milliseconds
        assert type(kept) in {int, type(None)}

    @pytest.mark.parametrize(
        "value, facts",
        [
            (-1, "negative_duration -1 ms"),
            (timedelta(microseconds=-1), "negative_duration -1 ms"),
            (_LyingInt(-1), "negative_duration -1 ms"),
            (-(2**53), f"negative_duration {-(2**53)} ms"),
            (timedelta.min, "integer_too_large 57 bits"),
            (2**53 + 1, "integer_too_large 54 bits"),
            (timedelta.max, "integer_too_large 57 bits"),
        ],
        ids=range(7),
    )
    def test_out_of_range(self, value: object, facts: str) -> None:
        """A session cannot take less than no time."""
        assert facts_of(lambda: length(value)) == [f"duration: {facts}"]

    @pytest.mark.parametrize("value", [1.0, True, "1", Decimal(1)], ids=range(4))
    def test_all_else_is_a_problem(self, value: object) -> None:
        """A float would have to be rounded, a bool is a mistake."""
        kind = type(value).__name__
        assert facts_of(lambda: length(value)) == [
            f"duration: wrong_type {kind} not duration"
        ]


class TestInteger:
    """A whole number is one that every JSON reader keeps."""

    @pytest.mark.parametrize("value", [None, 0, -1, 2**53, -(2**53)])
    def test_is_kept(self, value: int | None) -> None:
        """From -2**53 to 2**53."""
        assert code(value) == value

    @pytest.mark.parametrize("value", [Level.HIGH, _LyingInt(3)], ids=["enum", "lie"])
    def test_of_a_subclass_the_number_is_kept(self, value: int) -> None:
        """It becomes a plain int."""
        kept = code(value)
        assert type(kept) is int
        assert kept == 3

    @pytest.mark.parametrize(
        "value, line",
        [
            (2**53 + 1, "status_code: integer_too_large 54 bits"),
            (-(2**53) - 1, "status_code: integer_too_large 54 bits"),
            (_LyingInt(2**60), "status_code: integer_too_large 61 bits"),
            (202.0, "status_code: wrong_type float not integer"),
            (True, "status_code: wrong_type bool not integer"),
            ("202", "status_code: wrong_type str not integer"),
        ],
        ids=range(6),
    )
    def test_all_else_is_a_problem(self, value: object, line: str) -> None:
        """Numbers are reported by their size, and not shown."""
        assert facts_of(lambda: code(value)) == [line]


class TestNumber:
    """A metric is an int or a float that JSON can carry."""

    @pytest.mark.parametrize(
        "value",
        [0, 1, -(2**53), 2**53, 0.5, 1.0, -1e308, 5e-324, 1e22],
        ids=repr,
    )
    def test_is_kept(self, value: float) -> None:
        """An int stays an int, a float a float."""
        kept = number(value)
        assert (type(kept), kept) == (type(value), value)

    @pytest.mark.parametrize(
        "value, plain",
        [
            (Level.HIGH, 3),
            (_LyingInt(5), 5),
            (_LyingFloat(0.5), 0.5),
        ],
        ids=range(3),
    )
    def test_of_a_subclass_the_number_is_kept(self, value: float, plain: float) -> None:
        """What it holds counts, and not what its methods say."""
        kept = number(value)
        assert (type(kept), kept) == (type(plain), plain)

    @pytest.mark.parametrize(
        "text, plain", [("9.99", 9.99), ("1E+3", 1000.0), ("-0.10", -0.1), ("5", 5.0)]
    )
    def test_decimal(self, text: str, plain: float) -> None:
        """A Decimal is taken where the float is written as it is."""
        kept = number(Decimal(text))
        assert (type(kept), kept) == (float, plain)

    @pytest.mark.parametrize(
        "text",
        ["0.1000000000000000055511151231257827", "9007199254740993"],
    )
    def test_decimal_that_a_float_would_round(self, text: str) -> None:
        """Others are refused: nothing is rounded without a word."""
        assert facts_of(lambda: number(Decimal(text))) == [
            "metrics['n']: wrong_type Decimal not number"
        ]

    @pytest.mark.parametrize(
        "value", [Decimal("1E+400"), Decimal("-1E+400"), Fraction(10**400), -(10**400)]
    )
    def test_beyond_floats(self, value: Any) -> None:
        """What is too large for a float is not to be converted to one."""
        (fact,) = facts_of(lambda: number(value))
        assert fact.split()[1] in {"not_finite", "integer_too_large"}

    def test_class_of_the_same_name(self) -> None:
        """The name alone makes no Decimal."""
        impostor = type("Decimal", (), {})
        assert facts_of(lambda: number(impostor())) == [
            "metrics['n']: wrong_type Decimal not number"
        ]

    def test_index(self) -> None:
        """NumPy's integers are numbers, by `__index__`; a mock is none."""

        class Whole:
            def __init__(self, number: int) -> None:
                self.number = number

            def __index__(self) -> int:
                if self.number < 0:
                    raise TypeError("an array of several numbers")
                return self.number

        kept = number(Whole(7))
        assert (type(kept), kept) == (int, 7)
        assert (length(Whole(7)), code(Whole(202))) == (7, 202)
        assert facts_of(lambda: number(Whole(2**60))) == [
            "metrics['n']: metric_too_large 61 bits"
        ]
        for value in (Whole(-1), MagicMock()):
            (problem,) = problems_of(partial(number, value))
            assert problem.code is ProblemCode.WRONG_TYPE

    @pytest.mark.parametrize(
        "value, facts",
        [
            (float("nan"), "not_finite nan"),
            (float("inf"), "not_finite inf"),
            (float("-inf"), "not_finite -inf"),
            (_LyingFloat("nan"), "not_finite nan"),
            (
                2**53 + 1,
                "metric_too_large 54 bits",
            ),
            (
                -(10**5000),
                "integer_too_large 16610 bits",
            ),
            (
                _LyingInt(2**60),
                "metric_too_large 61 bits",
            ),
            (
                True,
                "wrong_type bool not number",
            ),
            (
                Decimal(1) / 3,
                "wrong_type Decimal not number",
            ),
            (
                Decimal("NaN"),
                "not_finite nan",
            ),
            (
                Fraction(1, 3),
                "wrong_type Fraction not number",
            ),
            (
                "1",
                "wrong_type str not number",
            ),
            (
                1j,
                "wrong_type complex not number",
            ),
            (None, "wrong_type NoneType not number"),
        ],
        ids=range(14),
    )
    def test_all_else_is_a_problem(self, value: object, facts: str) -> None:
        """A bool too: it is an int to Python, and a mistake to everyone else."""
        assert facts_of(lambda: number(value)) == [f"metrics['n']: {facts}"]


class TestDegrees:
    """Latitude and longitude are numbers within their bounds, which belong to them."""

    @pytest.mark.parametrize("value", [None, 90, -90, 0, 50.7, _LyingInt(3)])
    def test_latitude(self, value: float | None) -> None:
        """From -90 to 90 degrees."""
        assert Location(latitude=value).latitude == value

    @pytest.mark.parametrize("value", [None, 180, -180.0, 90.000001])
    def test_longitude(self, value: float | None) -> None:
        """From -180 to 180 degrees."""
        assert Location(longitude=value).longitude == value

    @pytest.mark.parametrize(
        "latitude, longitude",
        [
            (90.000001, 180.000001),
            (-91, -181),
            (2**53, -(2**53)),
            (_LyingFloat(91), _LyingFloat(181)),
        ],
    )
    def test_out_of_range(self, latitude: float, longitude: float) -> None:
        """Often the two were taken for each other."""
        assert facts_of(lambda: Location(latitude=latitude, longitude=longitude)) == [
            "latitude: angle_out_of_range > 90 degrees",
            "longitude: angle_out_of_range > 180 degrees",
        ]

    @pytest.mark.parametrize(
        "value, facts",
        [
            (float("nan"), "not_finite nan"),
            (
                True,
                "wrong_type bool not measure",
            ),
            (
                "50.7",
                "wrong_type str not measure",
            ),
        ],
        ids=range(3),
    )
    def test_all_else_is_a_problem(self, value: Any, facts: str) -> None:
        """The rules of metrics hold for angles."""
        assert facts_of(lambda: Location(latitude=value)) == [f"latitude: {facts}"]


class TestEnums:
    """A member of an enum, or its exact wire string, is taken."""

    @pytest.mark.parametrize("member", ChannelType)
    def test_channel_types(self, member: ChannelType) -> None:
        """Both give the member."""
        assert Endpoint(channel_type=member).channel_type is member
        assert Endpoint(channel_type=member.value).channel_type is member

    @pytest.mark.parametrize("member", [*EndpointStatus, *OptOut])
    def test_others(self, member: EndpointStatus | OptOut) -> None:
        """The same holds for status and opt-out."""
        name = "endpoint_status" if isinstance(member, EndpointStatus) else "opt_out"
        loose: Any = Endpoint
        assert getattr(loose(**{name: member}), name) is member
        assert getattr(loose(**{name: str(member)}), name) is member

    def test_of_a_subclass_the_text_counts(self) -> None:
        """A str that lies is taken for what it holds."""
        assert Endpoint(channel_type=_LyingText("SMS")).channel_type is ChannelType.SMS

    @pytest.mark.parametrize(
        "word, shown, near",
        [
            ("email", "email", "EMAIL"),
            ("Sms", "Sms", "SMS"),
            ("apns", "apns", "APNS"),  # although others resemble it
            ("APNS-SANDBOX", "APNS-SANDBOX", "APNS_SANDBOX or APNS_VOIP_SANDBOX"),
            ("IN_APP ", "IN_APP ", "IN_APP"),
            ("VOIP", "VOIP", "APNS_VOIP or APNS_VOIP_SANDBOX"),
            ("sandbox", "sandbox", "APNS_SANDBOX or APNS_VOIP_SANDBOX"),
            (_LyingText("email"), "email", "EMAIL"),
        ],
        ids=range(8),
    )
    def test_nearest_names(self, word: str, shown: str, near: str) -> None:
        """Other case too is a problem, which names the nearest."""
        assert facts_of(lambda: Endpoint(channel_type=word)) == [
            f"channel_type: unknown_value {shown} ChannelType near {near}"
        ]

    @pytest.mark.parametrize(
        "word", ["", "x" * 1_000_000, "\ud800", "a\nb", "secret", "WEB", "MMS", "RCS"]
    )
    def test_words_unlike_any(self, word: str) -> None:
        """Nothing is suggested that is far, and nothing of the word is kept."""
        (problem,) = problems_of(lambda: Endpoint(channel_type=word))
        assert (problem.actual, problem.nearest) == (None, ())
        assert not word or word not in str(problem)
        assert str(problem).encode()

    @pytest.mark.parametrize("word", ["true", "none", "all", "NONEE", "", "ALLE"])
    def test_no_guess_what_somebody_wants(self, word: str) -> None:
        """A wrong guess would opt someone in or out, or end a subscription."""
        loose: Any = Endpoint
        for problem in problems_of(
            lambda: loose(opt_out=word, endpoint_status=word.replace("N", "ACTIVE N"))
        ):
            assert (problem.actual, problem.nearest) == (None, ())

    @pytest.mark.parametrize(
        "value, facts",
        [(1, "int"), (True, "bool"), (b"SMS", "bytes"), (Mock(spec=str), "Mock")],
        ids=range(4),
    )
    def test_all_else_is_a_problem(self, value: Any, facts: str) -> None:
        """The problem names the type."""
        assert facts_of(lambda: Endpoint(channel_type=value)) == [
            f"channel_type: wrong_type_of_value {facts} ChannelType near PUSH"
        ]

    def test_are_named_with_their_article(self) -> None:
        """The problem is an English sentence."""
        loose: Any = Endpoint
        assert facts_of(lambda: loose(endpoint_status=1, opt_out=1)) == [
            "endpoint_status: wrong_type_of_value int EndpointStatus near ACTIVE",
            "opt_out: wrong_type_of_value int OptOut near ALL",
        ]


class TestMappings:
    """Members of many names take any mapping of str."""

    @pytest.mark.parametrize(
        "empty", [None, {}, UserDict()], ids=["None", "dict", "user"]
    )
    def test_empty(self, empty: Any) -> None:
        """None is the empty mapping: no such member is ever None."""
        built = event(attributes=empty, metrics=empty)
        assert built.attributes == {}
        assert built.metrics == {}
        assert Endpoint(attributes=empty).attributes == {}
        assert User(user_attributes=empty).user_attributes == {}
        assert EventsBatch(endpoint=Endpoint(), events=empty).events == {}
        assert ItemResponse(events_item_response=empty).events_item_response == {}

    @pytest.mark.parametrize(
        "given",
        [
            {"b": "1", "a": "2"},
            OrderedDict([("b", "1"), ("a", "2")]),
            UserDict({"b": "1", "a": "2"}),
            MappingProxyType({"b": "1", "a": "2"}),
            {Colour("red").replace("red", "b"): "1", _LyingText("a"): _LyingText("2")},
            _OddMapping(("b", "1"), ("a", "2")),
        ],
        ids=range(6),
    )
    def test_any_mapping(self, given: Mapping[str, str]) -> None:
        """Order is kept; keys and values become plain."""
        kept = event(attributes=given).attributes
        assert list(kept.items()) == [("b", "1"), ("a", "2")]
        assert {type(text) for pair in kept.items() for text in pair} == {str}

    @pytest.mark.parametrize("key", ["", "ö", " ", "a" * 1000, "attributes", "0"])
    def test_any_key(self, key: str) -> None:
        """Attributes and metrics may have any name; quotas are checked elsewhere."""
        built = event(attributes={key: "ö"}, metrics={key: 1.5})
        assert built.attributes == {key: "ö"}
        assert built.metrics == {key: 1.5}
        assert Endpoint(attributes={key: ["ö"]}).attributes == {key: ("ö",)}

    @pytest.mark.parametrize(
        "value, facts",
        [
            ([("a", "1")], "list"),
            ("a", "str"),
            ({"a"}, "set"),
            (ItemsView({}), "ItemsView"),
            (1, "int"),
        ],
        ids=range(5),
    )
    def test_all_else_is_a_problem(self, value: Any, facts: str) -> None:
        """Pairs are no mapping."""
        line = f"wrong_type {facts} not mapping"
        assert facts_of(lambda: event(attributes=value, metrics=value)) == [
            f"attributes: {line}",
            f"metrics: {line}",
        ]
        assert facts_of(lambda: User(user_attributes=value)) == [
            f"user_attributes: {line}"
        ]

    def test_faulty_keys(self) -> None:
        """Each faulty key is a problem, and so is its faulty value."""
        loose: Any = {1: "v", "\ud800": 5, b"k": "v", None: None, "ok": "v"}
        assert facts_of(lambda: event(attributes=loose)) == [
            "attributes: wrong_key_type int not text",
            "attributes['\\ud800']: lone_surrogate_in_key",
            "attributes['\\ud800']: wrong_type int not text",
            "attributes: wrong_key_type bytes not text",
            "attributes: wrong_key_type NoneType not text",
        ]

    def test_faulty_values(self) -> None:
        """Each faulty value is a problem under its key."""
        loose: Any = {"a": 1, "b": None, "c": "\udfff", "d": ["x"], "e": "fine"}
        assert facts_of(lambda: event(attributes=loose)) == [
            "attributes['a']: wrong_type int not text",
            "attributes['b']: wrong_type NoneType not text",
            "attributes['c']: lone_surrogate",
            "attributes['d']: wrong_type list not text",
        ]

    def test_key_that_comes_twice(self) -> None:
        """A mapping may yield a key twice, or two of one text: neither vanishes."""
        twice = _OddMapping(("a", "1"), ("b", "2"), (_LyingText("a"), "3"))
        assert facts_of(lambda: event(attributes=twice)) == [
            "attributes['a']: duplicate_key"
        ]

    def test_metrics_in_a_mixed_dict(self) -> None:
        """One faulty number does not hide another, nor a faulty key."""
        loose: Any = {"a": 1, "b": True, 2: 2, "c": float("inf")}
        assert facts_of(lambda: event(metrics=loose)) == [
            "metrics['b']: wrong_type bool not number",
            "metrics: wrong_key_type int not text",
            "metrics['c']: not_finite inf",
        ]


class TestLists:
    """Attributes of endpoints and users hold lists of text."""

    @pytest.mark.parametrize(
        "given, kept",
        [
            ([], ()),
            (["a", "b"], ("a", "b")),
            (("a", "ö"), ("a", "ö")),
            ([_LyingText("a"), Colour.RED], ("a", "red")),
        ],
        ids=range(4),
    )
    def test_sequences_become_tuples(
        self, given: Sequence[str], kept: tuple[str, ...]
    ) -> None:
        """Of plain str; an empty list is one."""
        built = Endpoint(
            attributes={"names": given}, user=User(user_attributes={"names": given})
        )
        assert built.attributes["names"] == kept
        assert built.user is not None
        assert built.user.user_attributes["names"] == kept
        assert {type(text) for text in built.attributes["names"]} <= {str}

    @pytest.mark.parametrize(
        "value, facts",
        [
            ("gold", "bare_text str"),
            (
                _LyingText("gold"),
                "bare_text _LyingText",
            ),
            (None, "wrong_type NoneType not texts"),
            (b"gold", "wrong_type bytes not texts"),
            (bytearray(), "wrong_type bytearray not texts"),
            ({"gold"}, "wrong_type set not texts"),
            (
                iter(["a"]),
                "wrong_type list_iterator not texts",
            ),
            ({"a": "b"}, "wrong_type dict not texts"),
            (5, "wrong_type int not texts"),
        ],
        ids=range(9),
    )
    def test_all_else_is_a_problem(self, value: Any, facts: str) -> None:
        """A bare text too: it would be a list of its letters."""
        assert facts_of(lambda: Endpoint(attributes={"tier": value})) == [
            f"attributes['tier']: {facts}"
        ]

    def test_faulty_items(self) -> None:
        """Each faulty item is a problem at its position."""
        loose: Any = ["a", 1, None, "\ud800", "b", ["c"]]
        assert facts_of(lambda: User(user_attributes={"tier": loose})) == [
            "user_attributes['tier'][1]: wrong_type int not text",
            "user_attributes['tier'][2]: wrong_type NoneType not text",
            "user_attributes['tier'][3]: lone_surrogate",
            "user_attributes['tier'][5]: wrong_type list not text",
        ]


class TestObjects:
    """Where an object of a class belongs, no other thing will do."""

    @pytest.mark.parametrize(
        "member, value, facts",
        [
            ("user", {}, "plain_data dict User"),
            ("location", Mock(spec=Location), "not_an_instance Mock Location"),
            ("demographic", User(), "not_an_instance User Demographic"),
        ],
    )
    def test_single(self, member: str, value: object, facts: str) -> None:
        """Plain data has a remedy different from that of other objects."""
        loose: Any = Endpoint
        assert facts_of(lambda: loose(**{member: value})) == [f"{member}: {facts}"]

    def test_mapping_of_objects(self) -> None:
        """Each id and each object under it is looked at."""
        loose: Any = {"v": event(), "": event(), "w": {}, 1: event(), "ö": None}
        assert facts_of(lambda: EventsBatch(endpoint=Endpoint(), events=loose)) == [
            "events['']: empty_key",
            "events['w']: plain_data dict Event",
            "events: wrong_key_type int not text",
            "events['ö']: not_an_instance NoneType Event",
        ]

    def test_ids_may_be_any_text(self) -> None:
        """Text beyond ASCII as well."""
        batch = EventsBatch(endpoint=Endpoint(), events={"ö": event()})
        assert EventsRequest(batch_item={"\U0001f600": batch}).batch_item == {
            "\U0001f600": batch
        }

    def test_ids_in_an_answer_may_be_empty(self) -> None:
        """An answer is what it is."""
        taken = EventItemResponse(status_code=202)
        assert ItemResponse(events_item_response={"": taken}).events_item_response == {
            "": taken
        }
