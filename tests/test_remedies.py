"""Every remedy that callers in Python read is followed once, with its own value."""

import json
import os
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as datetime_time
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from io import BytesIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from unittest.mock import Mock
from uuid import UUID

import pytest

from pinpoint_events import (
    BatchBuilder,
    ChannelType,
    Endpoint,
    Event,
    EventItemResponse,
    EventsRequest,
    ItemResponse,
    KinesisRecord,
    Location,
    MemorySender,
    OptOut,
    Quotas,
    Retry,
    Session,
    StreamRecord,
    ValidationError,
    from_json,
    from_wire,
    open_sender,
    to_wire,
)
from pinpoint_events.events import purchase
from pinpoint_events.loader import load
from pinpoint_events.problems import Audience, Expected, ProblemCode
from pinpoint_events.problems.catalogues import CATALOGUES
from pinpoint_events.server import FailCall
from pinpoint_events.server.faults import Cut, FailItem, read_faults
from tests.samples import event, request

C: Final = ProblemCode
PYTHON: Final = CATALOGUES[Audience.PYTHON]
TIME: Final = "2026-11-24T09:30:00.000Z"
MOMENT: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SECONDS: Final = 1_795_512_600  # the same moment


class Plan(Enum):
    """An enum that is no str."""

    PRO = "pro"
    SIZE = 3


class NAType:
    """As pandas has it, by its name."""


class BrokenZone(tzinfo):
    """A time zone that fails."""

    def dst(self, moment: datetime | None) -> None:
        """Return nothing."""

    def tzname(self, moment: datetime | None) -> None:
        """Return nothing."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Fail."""
        message = "no offset"
        raise LookupError(message)


class Timestamp(datetime):
    """As pandas has it: a naive one is taken for UTC, and no zone for the local one."""

    def to_pydatetime(self) -> datetime:
        """Return a datetime."""
        return datetime.combine(self.date(), self.time())

    def timestamp(self) -> float:
        """Return the seconds since 1970."""
        return self.to_pydatetime().replace(tzinfo=UTC).timestamp()

    def astimezone(self, tz: tzinfo | None = None) -> NoReturn:
        """Refuse."""
        message = "tz_convert() takes exactly 2 positional arguments (1 given)"
        raise TypeError(message)


class Account:
    """An object of the caller's."""

    name = "ada"


class Followed(NamedTuple):
    """
    A mistake, and what its remedy says to do.

    Attributes:
        mistake: A call that is refused.
        remedy: A call as the remedy says; it is not refused.
    """

    mistake: Callable[[], object]
    remedy: Callable[[], object]


loose: Any = Event
person: Any = Endpoint
PAIRS: Final = (("k", "v"),)
ITEMS: Final = ["a", "b"]
TRUE: Final = True
EVERYTHING: Final = MemorySender()
NAIVE: Final = datetime(2026, 11, 24, 9, 30)  # noqa: DTZ001 - the mistake
STAMP: Final = Timestamp(2026, 11, 24, 9, 30)
LOCAL: Final = NAIVE.astimezone()


def attribute(value: Any) -> Any:
    """Return what an attribute makes of a value."""
    return loose("t", attributes={"k": value}).attributes["k"]


def metric(value: Any) -> Any:
    """Return what a metric makes of a value."""
    return loose("t", metrics={"k": value}).metrics["k"]


def angle(value: Any) -> Any:
    """Return what a latitude makes of a value."""
    return Location(latitude=value).latitude


def moment(value: Any) -> Any:
    """Return what a timestamp makes of a value."""
    return loose("t", timestamp=value).timestamp


def texts(value: Any) -> Any:
    """Return what an endpoint's attribute makes of a value."""
    return person(attributes={"k": value}).attributes["k"]


def two_endpoints() -> EventsRequest:
    """Return a request of two endpoints."""
    one = Endpoint(request_id="r")
    return BatchBuilder().endpoint("e", one).endpoint("f", one).build()


def many(count: int) -> EventsRequest:
    """Return a request of so many events."""
    return request(e={f"v-{number}": event() for number in range(count)})


def sent(one: Any) -> Any:
    """Send something by a sender that takes everything."""
    return MemorySender().put_events(one)


def items(value: Any) -> Any:
    """Return a fault of these items."""
    return FailItem(items=value)


def data(value: Any) -> Any:
    """Return a Kinesis record with this content."""
    return KinesisRecord(partition_key="k", data=value)


def extra(value: Any) -> Any:
    """Return a stream record that has this besides."""
    return StreamRecord(
        application_id="a", endpoint_id="e", event=event(), extra={"more": value}
    )


LINES: Final = b""
NO_LINES: Final = Path("/dev/null")
LOOSE_BUILDER: Final[Any] = BatchBuilder


def loaded(files: Any, sender: Any = EVERYTHING, **options: Any) -> Any:
    """Load files."""
    return load(files, sender, **options)


# By what is expected and what kind of value was found.
TYPES: Final[dict[tuple[Expected, str | None], Followed]] = {
    (Expected.ATTEMPTS, None): Followed(
        lambda: Retry(attempts="3"),  # type: ignore[arg-type]
        lambda: Retry(attempts=3),
    ),
    (Expected.BOOLEAN, None): Followed(
        lambda: Cut(where="before", is_taken="yes"),  # type: ignore[arg-type]
        lambda: Cut(where="before", is_taken=True),
    ),
    (Expected.BYTES, "text"): Followed(lambda: data("text"), lambda: data(b"text")),
    (Expected.BYTES, None): Followed(lambda: data([1]), lambda: data(bytes([1]))),
    (Expected.DURATION, None): Followed(
        lambda: Session(id="s", start_timestamp=TIME, duration=1.5),  # type: ignore[arg-type]
        lambda: Session(
            id="s", start_timestamp=TIME, duration=timedelta(milliseconds=1.5)
        ),
    ),
    (Expected.FILE, None): Followed(
        lambda: loaded([5]), lambda: loaded([BytesIO(LINES)])
    ),
    (Expected.FILES, "text"): Followed(
        lambda: loaded(str(NO_LINES)), lambda: loaded([str(NO_LINES)])
    ),
    (Expected.FILES, "plain"): Followed(
        lambda: loaded(NO_LINES), lambda: loaded([NO_LINES])
    ),
    (Expected.FILES, None): Followed(
        lambda: loaded(5), lambda: loaded([BytesIO(LINES)])
    ),
    (Expected.FUNCTION, None): Followed(
        lambda: LOOSE_BUILDER(new_event_id="v"), BatchBuilder
    ),
    (Expected.INTEGER, None): Followed(
        lambda: EventItemResponse(status_code=202.0),  # type: ignore[arg-type]
        lambda: EventItemResponse(status_code=202),
    ),
    (Expected.INTEGERS, None): Followed(lambda: items("12"), lambda: items([1, 2])),
    (Expected.JSON, None): Followed(
        lambda: extra({1, 2}), lambda: extra(sorted({1, 2}))
    ),
    (Expected.LIST, None): Followed(
        lambda: read_faults({"faults": 5}), lambda: read_faults({"faults": []})
    ),
    (Expected.MAPPING, None): Followed(
        lambda: loose("t", attributes=PAIRS),
        lambda: loose("t", attributes=dict(PAIRS)),
    ),
    (Expected.MEASURE, "bool"): Followed(lambda: angle(TRUE), lambda: angle(1)),
    (Expected.MEASURE, "bytes"): Followed(
        lambda: angle(b"1.5"), lambda: angle(float(b"1.5".decode()))
    ),
    (Expected.MEASURE, "enum"): Followed(
        lambda: angle(Plan.SIZE), lambda: angle(Plan.SIZE.value)
    ),
    (Expected.MEASURE, "number"): Followed(
        lambda: angle(Decimal(1) / 3), lambda: angle(float(Decimal(1) / 3))
    ),
    (Expected.MEASURE, "text"): Followed(
        lambda: angle("9.99"), lambda: angle(float("9.99"))
    ),
    (Expected.MEASURE, None): Followed(lambda: angle([1.0]), lambda: angle(1.0)),
    (Expected.NAME, "NoneType"): Followed(lambda: loose(None), lambda: loose("t")),
    (Expected.NAME, "missing"): Followed(lambda: loose(NAType()), lambda: loose("t")),
    (Expected.NAME, "mapping"): Followed(lambda: loose({}), lambda: loose("t")),
    (Expected.NAME, "sequence"): Followed(lambda: loose(["t"]), lambda: loose("t")),
    (Expected.NAME, "mixed"): Followed(lambda: loose([None]), lambda: loose("t")),
    (Expected.NAME, "enum"): Followed(
        lambda: loose(Plan.PRO), lambda: loose(str(Plan.PRO.value))
    ),
    (Expected.NAME, "bytes"): Followed(
        lambda: loose(b"t"), lambda: loose(b"t".decode())
    ),
    (Expected.NAME, "buffer"): Followed(
        lambda: loose(memoryview(b"t")), lambda: loose(bytes(memoryview(b"t")).decode())
    ),
    (Expected.NAME, "aware_datetime"): Followed(
        lambda: loose(MOMENT), lambda: loose(MOMENT.isoformat())
    ),
    (Expected.NAME, "naive_timestamp"): Followed(
        lambda: loose(STAMP), lambda: loose(STAMP.isoformat())
    ),
    (Expected.NAME, "naive_datetime"): Followed(
        lambda: loose(NAIVE), lambda: loose(NAIVE.isoformat())
    ),
    (Expected.NAME, "date"): Followed(
        lambda: loose(MOMENT.date()), lambda: loose(MOMENT.date().isoformat())
    ),
    (Expected.NAME, "timedelta"): Followed(
        lambda: loose(timedelta(1)), lambda: loose(str(timedelta(1).total_seconds()))
    ),
    (Expected.NAME, "number"): Followed(lambda: loose(5), lambda: loose(str(5))),
    (Expected.NAME, "plain"): Followed(
        lambda: loose(UUID(int=5)), lambda: loose(str(UUID(int=5)))
    ),
    (Expected.NAME, None): Followed(
        lambda: loose(Account()), lambda: loose(Account().name)
    ),
    (Expected.NUMBER, "NoneType"): Followed(lambda: metric(None), lambda: loose("t")),
    (Expected.NUMBER, "missing"): Followed(
        lambda: metric(NAType()), lambda: loose("t")
    ),
    (Expected.NUMBER, "bool"): Followed(lambda: metric(TRUE), lambda: metric(1)),
    (Expected.NUMBER, "enum"): Followed(
        lambda: metric(Plan.SIZE), lambda: metric(Plan.SIZE.value)
    ),
    (Expected.NUMBER, "bytes"): Followed(
        lambda: metric(b"1.5"), lambda: metric(float(b"1.5".decode()))
    ),
    (Expected.NUMBER, "text"): Followed(
        lambda: metric("9.99"), lambda: metric(float("9.99"))
    ),
    (Expected.NUMBER, "number"): Followed(
        lambda: metric(Decimal(1) / 3), lambda: metric(float(Decimal(1) / 3))
    ),
    (Expected.NUMBER, "mapping"): Followed(
        lambda: metric({"a": 1}), lambda: loose("t", metrics={"a": 1})
    ),
    (Expected.NUMBER, "sequence"): Followed(
        lambda: metric([1, 2]), lambda: loose("t", metrics={"k1": 1, "k2": 2})
    ),
    (Expected.NUMBER, "mixed"): Followed(
        lambda: metric([1, None]), lambda: loose("t", metrics={"k1": 1})
    ),
    (Expected.NUMBER, "aware_datetime"): Followed(
        lambda: metric(MOMENT), lambda: metric(MOMENT.timestamp())
    ),
    (Expected.NUMBER, "naive_timestamp"): Followed(
        lambda: metric(STAMP), lambda: metric(STAMP.to_pydatetime().timestamp())
    ),
    (Expected.NUMBER, "naive_datetime"): Followed(
        lambda: metric(NAIVE), lambda: metric(NAIVE.replace(tzinfo=UTC).timestamp())
    ),
    (Expected.NUMBER, "timedelta"): Followed(
        lambda: metric(timedelta(1)), lambda: metric(timedelta(1).total_seconds())
    ),
    (Expected.NUMBER, None): Followed(lambda: metric(Account()), lambda: metric(1)),
    (Expected.PATH, "bytes"): Followed(
        lambda: loaded([], rejected=b"/dev/null"),
        lambda: loaded([], rejected=os.fsdecode(b"/dev/null")),
    ),
    (Expected.PATH, None): Followed(
        lambda: loaded([], rejected=5), lambda: loaded([], rejected="/dev/null")
    ),
    (Expected.SECONDS, None): Followed(
        lambda: Retry(deadline_seconds="9"),  # type: ignore[arg-type]
        lambda: Retry(deadline_seconds=9),
    ),
    (Expected.SENDER, "text"): Followed(
        lambda: loaded([], "memory:"), lambda: loaded([], open_sender("memory:"))
    ),
    (Expected.SENDER, None): Followed(
        lambda: loaded([], None), lambda: loaded([], MemorySender())
    ),
    (Expected.TEXT, "NoneType"): Followed(lambda: attribute(None), lambda: loose("t")),
    (Expected.TEXT, "missing"): Followed(
        lambda: attribute(NAType()), lambda: loose("t")
    ),
    (Expected.TEXT, "enum"): Followed(
        lambda: attribute(Plan.SIZE), lambda: attribute(str(Plan.SIZE.value))
    ),
    (Expected.TEXT, "bytes"): Followed(
        lambda: attribute(b"v"), lambda: attribute(b"v".decode())
    ),
    (Expected.TEXT, "mapping"): Followed(
        lambda: attribute({"a": "b"}), lambda: attribute(json.dumps({"a": "b"}))
    ),
    (Expected.TEXT, "sequence"): Followed(
        lambda: attribute(ITEMS), lambda: attribute(", ".join(map(str, ITEMS)))
    ),
    (Expected.TEXT, "mixed"): Followed(
        lambda: attribute([b"a", Plan.PRO]),
        lambda: attribute(", ".join((b"a".decode(), str(Plan.PRO.value)))),
    ),
    (Expected.TEXT, "buffer"): Followed(
        lambda: attribute(memoryview(b"v")),
        lambda: attribute(bytes(memoryview(b"v")).decode()),
    ),
    (Expected.TEXT, "aware_datetime"): Followed(
        lambda: attribute(MOMENT), lambda: attribute(MOMENT.isoformat())
    ),
    (Expected.TEXT, "naive_timestamp"): Followed(
        lambda: attribute(STAMP), lambda: attribute(STAMP.isoformat())
    ),
    (Expected.TEXT, "naive_datetime"): Followed(
        lambda: attribute(NAIVE), lambda: attribute(NAIVE.isoformat())
    ),
    (Expected.TEXT, "date"): Followed(
        lambda: attribute(MOMENT.date()), lambda: attribute(MOMENT.date().isoformat())
    ),
    (Expected.TEXT, "timedelta"): Followed(
        lambda: attribute(timedelta(1)),
        lambda: attribute(str(timedelta(1).total_seconds())),
    ),
    (Expected.TEXT, "number"): Followed(
        lambda: attribute(9.99), lambda: attribute(str(9.99))
    ),
    (Expected.TEXT, "plain"): Followed(
        lambda: attribute(Path("a")), lambda: attribute(str(Path("a")))
    ),
    (Expected.TEXT, None): Followed(
        lambda: attribute(Account()), lambda: attribute(Account().name)
    ),
    (Expected.TEXTS, "NoneType"): Followed(lambda: texts(None), person),
    (Expected.TEXTS, "missing"): Followed(lambda: texts(NAType()), person),
    (Expected.TEXTS, "mapping"): Followed(
        lambda: texts({"a": ["b"]}), lambda: person(attributes={"a": ["b"]})
    ),
    (Expected.TEXTS, "sequence"): Followed(
        lambda: texts({1, 2}), lambda: texts(list(map(str, {1, 2})))
    ),
    (Expected.TEXTS, "number"): Followed(lambda: texts(5), lambda: texts([str(5)])),
    (Expected.TEXTS, "bytes"): Followed(
        lambda: texts(b"v"), lambda: texts([b"v".decode()])
    ),
    (Expected.TEXTS, "buffer"): Followed(
        lambda: texts(memoryview(b"v")),
        lambda: texts([bytes(memoryview(b"v")).decode()]),
    ),
    (Expected.TEXTS, None): Followed(
        lambda: texts(Account()), lambda: texts([Account().name])
    ),
    (Expected.TIME, "NoneType"): Followed(
        lambda: moment(None), lambda: moment(datetime.now(UTC))
    ),
    (Expected.TIME, "missing"): Followed(lambda: moment(NAType()), lambda: loose("t")),
    (Expected.TIME, "date"): Followed(
        lambda: moment(date(2026, 11, 24)),
        lambda: moment(datetime(2026, 11, 24, tzinfo=UTC)),
    ),
    (Expected.TIME, None): Followed(lambda: moment(Account()), lambda: moment(MOMENT)),
}

NUMBERS_AS_TIMES: Final = {
    "s": lambda value: datetime.fromtimestamp(value, UTC),
    "ms": lambda value: datetime.fromtimestamp(value / 1e3, UTC),
    "us": lambda value: datetime.fromtimestamp(value / 1e6, UTC),
    "ns": lambda value: datetime.fromtimestamp(value / 1e9, UTC),
}


class Whole:
    """A number that is no int, as those of NumPy."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        """Return it as an int."""
        return self.number

    def __le__(self, other: int) -> bool:
        """Compare it."""
        return self.number <= other

    def __lt__(self, other: int) -> bool:
        """Compare it."""
        return self.number < other

    def __ge__(self, other: int) -> bool:
        """Compare it."""
        return self.number >= other

    def __truediv__(self, other: float) -> float:
        """Divide it."""
        return self.number / other


# Values of further classes: the kind by which the remedy is chosen, and what an
# attribute is to make of what the remedy says.
AS_TEXTS: Final[list[tuple[Any, str, str]]] = [
    (Fraction(1, 3), "number", "1/3"),
    (True, "number", "True"),
    (ip_address("192.0.2.1"), "plain", "192.0.2.1"),
    (ip_network("192.0.2.0/24"), "plain", "192.0.2.0/24"),
    (datetime_time(9, 30), "plain", "09:30:00"),
    (range(3), "sequence", "0, 1, 2"),
    ([1, 2.5], "sequence", "1, 2.5"),
    ({"a": 1}.keys(), "sequence", "a"),
    (array("i", [1, 2]), "sequence", "1, 2"),
    ([UUID(int=5), "a"], "sequence", f"{UUID(int=5)}, a"),
]


class Sizeless:
    """A collection that is none, as an array of NumPy that is one number."""

    def __contains__(self, item: object) -> bool:
        """Deny it."""
        return False

    def __iter__(self) -> Iterator[Any]:
        """Refuse."""
        message = "iteration over a 0-d array"
        raise TypeError(message)

    def __len__(self) -> int:
        """Refuse."""
        message = "len() of unsized object"
        raise TypeError(message)

    def __str__(self) -> str:
        """Return the number."""
        return "5.5"


def bought(**arguments: Any) -> Event:
    """Return an event of a purchase, with further arguments."""
    return purchase("p", quantity=1, store="Apple", formatted_price="$1", **arguments)


# Those that say what to do with a value of which the test may make another one. The
# others say no more than to correct, to shorten or to leave out.
CODES: Final[dict[ProblemCode, Followed]] = {
    C.NOT_AN_INSTANCE: Followed(
        lambda: loose("t", session="s"),
        lambda: loose("t", session=Session(id="s", start_timestamp=TIME)),
    ),
    C.PLAIN_DATA: Followed(
        lambda: loose("t", session={"Id": "s", "StartTimestamp": TIME}),
        lambda: loose(
            "t", session=from_wire(Session, {"Id": "s", "StartTimestamp": TIME})
        ),
    ),
    C.BARE_TEXT: Followed(lambda: texts("gold"), lambda: texts(["gold"])),
    C.LONE_SURROGATE: Followed(
        lambda: attribute("caf\udce9"),
        lambda: attribute(
            "caf\udce9".encode("utf-8", "surrogateescape").decode("cp1252")
        ),
    ),
    C.NO_TIME_OF_DAY: Followed(
        lambda: moment("2026-11-24"), lambda: moment("2026-11-24T09:30:00Z")
    ),
    C.NOT_ISO_8601: Followed(lambda: moment("yesterday"), lambda: moment(MOMENT)),
    C.INTEGER_TOO_LARGE: Followed(
        lambda: EventItemResponse(status_code=2**60),
        lambda: EventItemResponse(status_code=500),
    ),
    C.METRIC_TOO_LARGE: Followed(lambda: metric(2**60), lambda: metric(float(2**60))),
    C.WRONG_KEY_TYPE: Followed(
        lambda: loose("t", attributes={5: "v"}),
        lambda: loose("t", attributes={str(5): "v"}),
    ),
    C.MISSING_CHANNEL_TYPE: Followed(
        lambda: Endpoint(address="a@example.com"),
        lambda: Endpoint(address="a@example.com", channel_type=ChannelType.EMAIL),
    ),
    C.MISSING_PRICE: Followed(
        lambda: purchase("p", quantity=1, store="Apple", price=9.99),
        lambda: purchase("p", quantity=1, store="Apple", price=9.99, currency="USD"),
    ),
    C.SET_BY_ARGUMENT: Followed(
        lambda: bought(attributes={"_locale": "en_US"}),
        lambda: bought(locale="en_US"),
    ),
    C.DURATION_MISMATCH: Followed(
        lambda: Session(id="s", start_timestamp=TIME, stop_timestamp=TIME, duration=9),
        lambda: Session(id="s", start_timestamp=TIME, stop_timestamp=TIME),
    ),
    C.NEGATIVE_DURATION: Followed(
        lambda: Session(id="s", start_timestamp=TIME, duration=-5),
        lambda: Session(id="s", start_timestamp=TIME),
    ),
    C.STOP_BEFORE_START: Followed(
        lambda: Session(
            id="s", start_timestamp=MOMENT, stop_timestamp=MOMENT - timedelta(1)
        ),
        lambda: Session(
            id="s", start_timestamp=MOMENT - timedelta(1), stop_timestamp=MOMENT
        ),
    ),
    C.WRONG_TYPE_OF_VALUE: Followed(
        lambda: person(opt_out=5), lambda: person(opt_out=OptOut.ALL)
    ),
    C.UNKNOWN_VALUE: Followed(
        lambda: person(channel_type="email"), lambda: person(channel_type="EMAIL")
    ),
    C.SET_BY_SERVICE: Followed(
        lambda: from_wire(Endpoint, {"Id": "7"}), lambda: from_wire(Endpoint, {})
    ),
    C.WRAPPED_REQUEST: Followed(
        lambda: from_wire(EventsRequest, {"EventsRequest": {"BatchItem": {}}}),
        lambda: from_wire(EventsRequest, {"BatchItem": {}}),
    ),
    C.NOT_AN_OBJECT: Followed(
        lambda: from_wire(Endpoint, []), lambda: from_wire(Endpoint, {})
    ),
    C.ALREADY_AN_OBJECT: Followed(
        lambda: from_wire(Endpoint, Endpoint()),
        lambda: from_wire(Endpoint, to_wire(Endpoint())),
    ),
    C.NOT_UTF8: Followed(
        lambda: from_json(Endpoint, '{"Address": "ü"}'.encode("latin-1")),
        lambda: from_json(
            Endpoint, '{"Address": "ü", "ChannelType": "EMAIL"}'.encode()
        ),
    ),
    C.TOO_MANY_EVENTS: Followed(
        lambda: sent(many(250)), lambda: [sent(part) for part in many(250).split()]
    ),
    C.TOO_MANY_ENDPOINTS: Followed(
        lambda: MemorySender(quotas=Quotas(endpoints_per_request=1)).put_events(
            two_endpoints()
        ),
        lambda: MemorySender(quotas=Quotas(endpoints_per_request=1)).put_all(
            BatchBuilder(quotas=Quotas(endpoints_per_request=1)).add_request(
                two_endpoints()
            )
        ),
    ),
    C.REQUEST_TOO_LARGE: Followed(
        lambda: MemorySender(quotas=Quotas(request_bytes=500)).put_events(many(9)),
        lambda: MemorySender(quotas=Quotas(request_bytes=500)).put_all(
            BatchBuilder(quotas=Quotas(request_bytes=500)).add_request(many(9))
        ),
    ),
    C.EMPTY_BUILDER: Followed(
        lambda: BatchBuilder().build(),
        lambda: BatchBuilder().add("e", Event("t")).build(),
    ),
    C.NO_CURRENT_ENDPOINT: Followed(
        lambda: BatchBuilder().event(Event("t")),
        lambda: BatchBuilder().endpoint("e").event(Event("t")),
    ),
    C.ENDPOINT_DIFFERS: Followed(
        lambda: (
            BatchBuilder()
            .endpoint("e", Endpoint(request_id="1"))
            .endpoint("e", Endpoint(request_id="2"))
        ),
        lambda: BatchBuilder().endpoint("e", Endpoint(request_id="2")),
    ),
    C.EVENT_ID_TAKEN: Followed(
        lambda: (
            BatchBuilder()
            .add("e", Event("t"), event_id="v")
            .add("e", Event("u"), event_id="v")
        ),
        lambda: (
            BatchBuilder()
            .add("e", Event("t"), event_id="v")
            .add("e", Event("u"), event_id="w")
        ),
    ),
    C.BUILDER_NOT_BUILT: Followed(
        lambda: sent(BatchBuilder().add("e", Event("t"))),
        lambda: sent(BatchBuilder().add("e", Event("t")).build()),
    ),
    C.SEVERAL_REQUESTS: Followed(
        lambda: sent((many(1), many(2))),
        lambda: MemorySender().put_all((many(1), many(2))),
    ),
    C.LIMIT_NOT_POSITIVE: Followed(
        lambda: Quotas(event_bytes=0), lambda: Quotas(event_bytes=None)
    ),
    C.ATTEMPTS_NOT_POSITIVE: Followed(lambda: Retry(attempts=0), MemorySender),
    C.NOT_A_FAULT: Followed(
        lambda: read_faults({"faults": [5]}), lambda: FailCall(calls=[1])
    ),
    C.STATUS_CODE_NOT_ALONE: Followed(
        lambda: ItemResponse(
            status_code=202,
            events_item_response={"v": EventItemResponse(status_code=202)},
        ),
        lambda: ItemResponse(
            events_item_response={"v": EventItemResponse(status_code=202)}
        ),
    ),
}
# They say to correct it, to shorten it, or to leave it out, and how is obvious.
PLAIN: Final = {
    C.ANGLE_OUT_OF_RANGE,
    C.ATTRIBUTE_TAKEN,
    C.DUPLICATE_KEY,
    C.CALL_WITHOUT_REQUEST,
    C.COMMA_AFTER_RECORD,
    C.DUPLICATE_MEMBER,
    C.EMPTY,
    C.EMPTY_KEY,
    C.ENDPOINT_TOO_LARGE,
    C.EVENT_TOO_LARGE,
    C.EVENT_WITH_ENDPOINT_TOO_LARGE,
    C.JSON_CONSTANT,
    C.JSON_NUMBER_TOO_LONG,
    C.JSON_TOO_DEEP,
    C.KEY_TOO_LONG,
    C.LINE_TOO_LONG,
    C.LONE_SURROGATE_IN_KEY,
    C.MISSING,
    C.MOBILE_ANALYTICS_RECORD,
    C.MORE_PROBLEMS,
    C.NOT_FINITE,
    C.NOT_HEADER_TEXT,
    C.NOT_JSON,
    C.NOT_POSITIVE_INTEGERS,
    C.NUMBER_OUT_OF_RANGE,
    C.OTHER_APPLICATION,
    C.SECONDS_NOT_POSITIVE,
    C.SEVERAL_RECORDS,
    C.STREAM_RECORD,
    C.TIME_OUT_OF_RANGE,
    C.TOO_MANY_ATTRIBUTES,
    C.TOO_MANY_VALUES,
    C.UNKNOWN_KEY,
    C.VALUE_TOO_LONG,
}


class TestRemedies:
    """What a remedy says leads to no other mistake."""

    @pytest.mark.parametrize(
        "expected, kind", TYPES, ids=lambda part: str(part or "object")
    )
    def test_wrong_types(self, expected: Expected, kind: str | None) -> None:
        """The remedy goes by the value, and what comes out of it is taken."""
        followed = TYPES[expected, kind]
        with pytest.raises(ValidationError) as caught:
            followed.mistake()
        (problem,) = caught.value.problems
        remedies = PYTHON.type_remedies[expected]
        assert problem.code is C.WRONG_TYPE
        assert problem._replace(audience=Audience.PYTHON).remedy == remedies[kind]
        followed.remedy()

    def test_wrong_types_are_complete(self) -> None:
        """Each entry of the catalogue is there."""
        assert TYPES.keys() == {
            (expected, kind)
            for expected, remedies in PYTHON.type_remedies.items()
            for kind in remedies
        }

    @pytest.mark.parametrize("code", CODES)
    def test_codes(self, code: ProblemCode) -> None:
        """What comes out of the remedy is taken."""
        with pytest.raises(ValidationError) as caught:
            CODES[code].mistake()
        assert code in {problem.code for problem in caught.value.problems}
        CODES[code].remedy()

    def test_codes_are_complete(self) -> None:
        """Each code is there, or its remedy is plain."""
        others = {C.NO_TIME_ZONE, C.NUMBER_AS_TIME, C.WRONG_TYPE}
        assert set(ProblemCode) == CODES.keys() | PLAIN | others
        assert not CODES.keys() & PLAIN

    @pytest.mark.parametrize(
        "value, unit",
        [
            (SECONDS, "s"),
            (SECONDS + 0.5, "s"),
            (SECONDS * 10**3 + 989, "ms"),
            (SECONDS * 10**6 + 989_000, "us"),
            (SECONDS * 10**9 + 989_000_000, "ns"),
            (0, "s"),
            (-62_135_596_800, "s"),
            (-62_135_596_801, "ms"),
            (253_402_300_798 * 10**9, "ns"),
            (Whole(SECONDS * 10**3), "ms"),
        ],
        ids=range(10),
    )
    def test_numbers_as_times(self, value: Any, unit: str) -> None:
        """The remedy is for the unit that the number is in."""
        with pytest.raises(ValidationError) as caught:
            moment(value)
        (problem,) = caught.value.problems
        assert problem.code is C.NUMBER_AS_TIME
        assert problem.remedy == PYTHON.time_remedies[unit].format(value="value")
        found = moment(NUMBERS_AS_TIMES[unit](value))
        scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        assert found.timestamp() == pytest.approx(value / scale, abs=0.001)

    @pytest.mark.parametrize("number", [Decimal("1795512600.5"), Fraction(SECONDS)])
    @pytest.mark.parametrize(
        "unit, scale", [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]
    )
    def test_exact_numbers_as_times(
        self, number: Decimal | Fraction, unit: str, scale: int
    ) -> None:
        """`fromtimestamp` takes no Decimal and no Fraction: float() comes first."""
        value = number * scale
        with pytest.raises(ValidationError) as caught:
            moment(value)
        (problem,) = caught.value.problems
        assert problem.code is C.NUMBER_AS_TIME
        assert problem.remedy == PYTHON.time_remedies[unit].format(value="float(value)")
        found = moment(NUMBERS_AS_TIMES[unit](float(value)))
        assert found.timestamp() == pytest.approx(float(number), abs=0.001)

    @pytest.mark.parametrize(
        "fixed, expected",
        [
            (NAIVE.replace(tzinfo=UTC), MOMENT),
            (NAIVE.astimezone(), LOCAL),
            (f"{NAIVE.isoformat()}Z", MOMENT),
        ],
        ids=["UTC", "local", "text"],
    )
    def test_times_without_a_zone(self, fixed: Any, expected: datetime) -> None:
        """Local times stay what they are, and are not taken for UTC."""
        for value in (NAIVE, NAIVE.isoformat()):
            with pytest.raises(ValidationError) as caught:
                moment(value)
            assert caught.value.problems[0].code is C.NO_TIME_ZONE
        assert moment(fixed) == expected

    def test_timestamps_of_pandas(self) -> None:
        """Their own methods would not take them for local time."""
        with pytest.raises(ValidationError) as caught:
            moment(STAMP)
        (problem,) = caught.value.problems
        assert problem.code is C.NO_TIME_ZONE
        assert "pass value.to_pydatetime().astimezone();" in problem.remedy
        assert moment(STAMP.to_pydatetime().astimezone()) == LOCAL
        assert moment(STAMP.replace(tzinfo=UTC)) == MOMENT
        assert metric(STAMP.to_pydatetime().timestamp()) == LOCAL.timestamp()
        assert metric(STAMP.timestamp()) == SECONDS

    def test_enum(self) -> None:
        """`str()` of it would send `Plan.PRO`."""
        assert attribute(Plan.PRO.value) == "pro"
        with pytest.raises(ValidationError) as caught:
            attribute(Plan.PRO)
        assert "str()" not in str(caught.value)

    @pytest.mark.parametrize(
        "value, kind, text",
        [*AS_TEXTS, (Sizeless(), "plain", "5.5")],
        ids=lambda part: part if isinstance(part, str) else "",
    )
    def test_values_as_texts(self, value: Any, kind: str, text: str) -> None:
        """Whatever has a text as its class writes it, and whatever has such items."""
        with pytest.raises(ValidationError) as caught:
            attribute(value)
        (problem,) = caught.value.problems
        assert (problem.code, problem.kind) == (C.WRONG_TYPE, kind)
        assert problem.remedy == PYTHON.type_remedies[Expected.TEXT][kind]
        by_remedy = ", ".join(map(str, value)) if kind == "sequence" else str(value)
        assert attribute(by_remedy) == text

    @pytest.mark.parametrize(
        "value, kind",
        [(Mock(), ""), (object(), ""), (Event, ""), ([b"a"], "mixed"), ([[]], "mixed")],
    )
    def test_values_without_text(self, value: Any, kind: str) -> None:
        """What `str()` returns of them is no text that anyone means."""
        with pytest.raises(ValidationError) as caught:
            attribute(value)
        (problem,) = caught.value.problems
        assert problem.kind == kind
        assert "str(" not in problem.remedy

    def test_naive_time_as_metric(self) -> None:
        """Local time and UTC differ, and only the caller knows which one it is."""
        assert metric(NAIVE.replace(tzinfo=UTC).timestamp()) == SECONDS
        assert metric(NAIVE.timestamp()) == LOCAL.timestamp()
        for value in (NAIVE, NAIVE.replace(tzinfo=BrokenZone())):
            with pytest.raises(ValidationError) as caught:
                metric(value)
            assert caught.value.problems[0].kind == "naive_datetime"

    @pytest.mark.parametrize(
        "value, shown",
        [
            ("Infinity", "inf"),
            ("-Infinity", "-inf"),
            ("NaN", "nan"),
            ("sNaN", "nan"),
        ],
    )
    def test_decimals_that_are_not_finite(self, value: str, shown: str) -> None:
        """Each is called by its name."""
        for take in (metric, angle):
            with pytest.raises(ValidationError) as caught:
                take(Decimal(value))
            (problem,) = caught.value.problems
            assert (problem.code, problem.actual) == (C.NOT_FINITE, shown)

    @pytest.mark.parametrize("value", [2**60, -(2**60), Decimal(91), 1e300])
    def test_angles_out_of_range(self, value: Any) -> None:
        """As float, or as an attribute, it would be no angle either."""
        with pytest.raises(ValidationError) as caught:
            angle(value)
        assert caught.value.problems[0].code is C.ANGLE_OUT_OF_RANGE

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            1e30,
            10**400,
            Decimal("NaN"),
            Decimal("Infinity"),
            TRUE,
        ],
        ids=str,
    )
    def test_numbers_that_are_no_times(self, value: Any) -> None:
        """No conversion makes a time of them."""
        with pytest.raises(ValidationError) as caught:
            moment(value)
        assert caught.value.problems[0].remedy == "pass a datetime with tzinfo"

    @pytest.mark.parametrize("bits", [54, 1023, 1024, 1025, 20_000])
    def test_large_metrics(self, bits: int) -> None:
        """`float()` is named for ints that it takes."""
        for value in (2**bits - 1, 1 - 2**bits):
            with pytest.raises(ValidationError) as caught:
                metric(value)
            (problem,) = caught.value.problems
            if "float(value)" in problem.remedy:
                assert metric(float(value)) == float(value)
            else:
                assert (problem.code, bits > 1023) == (C.INTEGER_TOO_LARGE, True)

    def test_fractions(self) -> None:
        """The message for numbers that no float equals says that it rounds."""
        for value in (Decimal("0.1000000000000000000001"), Fraction(1, 3)):
            with pytest.raises(ValidationError, match="which rounds it"):
                metric(value)
