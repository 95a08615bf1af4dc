"""The words for callers of constructors, builders and senders."""

from collections.abc import Mapping
from typing import Final

from pinpoint_events.problems._codes import Expected
from pinpoint_events.problems._codes import ProblemCode as C
from pinpoint_events.problems._problem import Words
from pinpoint_events.problems.catalogues._shared import SHARED, TIME_FORM, Catalogue

__all__ = ["PYTHON"]

_SPLIT: Final = "split it: by split() of a request, or build_all() of a builder"
_DECODE: Final = "decode the bytes it came from with their own encoding"
_LIMITED: Final = "at most {allowed}"
_A_TIME: Final = "a datetime with a time zone, or an ISO 8601 str"
_STR: Final = "convert it with str()"
_FLOAT: Final = "convert it with float(), or make it an attribute"
_DECODED: Final = "decode it, and convert it with float()"
_NUMBER: Final = "pass its value, if that is a number: value.value"
_TEXT_REMEDIES: Final[Mapping[str | None, str]] = {
    "missing": "leave it out",
    "enum": "pass its value, as in str(value.value)",
    "buffer": "decode it, as in bytes(value).decode()",
    "bytes": "decode it, as in value.decode()",
    "mapping": "give each key its own attribute, or pass json.dumps(value)",
    "sequence": (
        'join its items, as in ", ".join(map(str, value)), or give each item its own '
        "attribute"
    ),
    "mixed": (
        "make a str of each item and join them, or give each item its own attribute"
    ),
    "aware_datetime": "pass value.isoformat()",
    "naive_datetime": "pass value.isoformat()",
    "naive_timestamp": "pass value.isoformat()",
    "date": "pass value.isoformat()",
    "timedelta": "pass str(value.total_seconds())",
    "number": _STR,
    "plain": _STR,
    None: "pass a str",
}
_TIMES: Final[Mapping[str, str]] = {
    "s": "convert it with datetime.fromtimestamp({value}, UTC)",
    "ms": "convert milliseconds with datetime.fromtimestamp({value} / 1e3, UTC)",
    "us": "convert microseconds with datetime.fromtimestamp({value} / 1e6, UTC)",
    "ns": "convert nanoseconds with datetime.fromtimestamp({value} / 1e9, UTC)",
    "": "pass a datetime with tzinfo",
}

PYTHON: Final = Catalogue(
    templates={
        **SHARED,
        C.WRONG_TYPE: Words("is {type}", "{expected}", "{type_remedy}"),
        C.NOT_AN_INSTANCE: Words(
            "is {type}", "{with_article}", "build it with {unit}(...)"
        ),
        C.PLAIN_DATA: Words(
            "is {type}",
            "{with_article}",
            "build it with {unit}(...) or from_wire({unit}, ...)",
        ),
        C.BARE_TEXT: Words("is {type}", "a list of str", "put it in a list: [value]"),
        C.NUMBER_AS_TIME: Words(
            "is {type}",
            _A_TIME,
            "{unit_remedy}",
        ),
        C.LONE_SURROGATE: Words(
            "has a lone surrogate", "text that UTF-8 can hold", _DECODE
        ),
        C.NOT_ISO_8601: Words(
            "is not an ISO 8601 time",
            f"a form such as {TIME_FORM}",
            "pass a datetime with tzinfo",
        ),
        C.NO_TIME_ZONE: Words(
            "has no time zone",
            "a time with its zone or offset",
            "if it is local time, pass {naive}.astimezone(); if it is UTC, "
            "value.replace(tzinfo=UTC); end a text with Z or its offset",
        ),
        C.INTEGER_TOO_LARGE: Words(
            "has {actual} bits", "an int within +-2**53", "pass a smaller one"
        ),
        C.METRIC_TOO_LARGE: Words(
            "has {actual} bits",
            "an int within +-2**53",
            "pass float(value), which may round it, or make it an attribute",
        ),
        C.NUMBER_OUT_OF_RANGE: Words(
            "is {actual}", "{unit} from {allowed}", "correct it"
        ),
        C.WRONG_KEY_TYPE: Words("a key is {type}", "keys of type str", "{type_remedy}"),
        C.LONE_SURROGATE_IN_KEY: Words(
            "the key has a lone surrogate", "text that UTF-8 can hold", _DECODE
        ),
        C.DUPLICATE_KEY: Words("occurs twice", "each key once", "rename one"),
        C.MISSING_CHANNEL_TYPE: Words(
            "is missing",
            "an address needs its channel",
            "say which, as in ChannelType.EMAIL",
        ),
        C.MISSING_PRICE: Words(
            "is missing",
            "a purchase needs price and currency, or formatted_price",
            'pass both, as in price=9.99, currency="USD"',
        ),
        C.DURATION_MISMATCH: Words(
            "is {actual} ms, but stop minus start is {allowed} ms",
            "exactly the difference, in whole milliseconds",
            "leave it out to have it derived",
        ),
        C.SET_BY_ARGUMENT: Words(
            "is set by the argument {example}",
            "",
            "pass it there, or choose another name",
        ),
        C.WRONG_TYPE_OF_VALUE: Words(
            "is {type}",
            "{with_article} or its wire string",
            "pass one, as in {unit}.{example}",
        ),
        C.WRAPPED_REQUEST: Words(
            "is not known", "one of {allowed}", "pass the value of EventsRequest"
        ),
        C.NOT_AN_OBJECT: Words(
            "is {type}", "a dict with the keys {allowed}", "pass a dict"
        ),
        C.ALREADY_AN_OBJECT: Words(
            "is {type}", "a dict with the keys {allowed}", "pass to_wire() of it"
        ),
        C.TOO_MANY_EVENTS: Words("{actual} events", _LIMITED, _SPLIT),
        C.TOO_MANY_ENDPOINTS: Words("{actual} endpoints", _LIMITED, _SPLIT),
        C.REQUEST_TOO_LARGE: Words("{actual} bytes", _LIMITED, _SPLIT),
        C.EMPTY_BUILDER: Words("the builder is empty", "at least one event", "add one"),
        C.NO_CURRENT_ENDPOINT: Words(
            "comes before any endpoint",
            "an event belongs to an endpoint",
            "call endpoint() first, or add()",
        ),
        C.ENDPOINT_DIFFERS: Words(
            "differs in {actual} from the endpoint given before",
            "one endpoint for each id",
            "give it once, or begin another request",
        ),
        C.EVENT_ID_TAKEN: Words(
            "already has another event", "one event for each id", "use another id"
        ),
        C.BUILDER_NOT_BUILT: Words(
            "is of type BatchBuilder",
            "an EventsRequest",
            "call build() on it, or build_all()",
        ),
        C.SEVERAL_REQUESTS: Words(
            "is {type}",
            "an EventsRequest",
            "send each, or pass all of them to put_all()",
        ),
        C.LIMIT_NOT_POSITIVE: Words(
            "is {actual}", "at least 1", "pass None to switch it off"
        ),
        C.ATTEMPTS_NOT_POSITIVE: Words(
            "is {actual}", "a whole number, at least 1", "pass retry=None to send once"
        ),
        C.SECONDS_NOT_POSITIVE: Words(
            "is {actual}",
            "a finite number of seconds, above 0",
            "correct it, or leave it out",
        ),
        C.NOT_A_FAULT: Words(
            "is not a fault",
            "an object of a class such as FailCall or Delay",
            "pass one, as in FailCall(calls=[1])",
        ),
        C.NOT_POSITIVE_INTEGERS: Words(
            "has an item that is not a whole number from 1 on",
            "a list of ints from 1 on",
            "correct it",
        ),
    },
    types={"NoneType": "None"},
    expected={
        Expected.ATTEMPTS: "a whole number, at least 1",
        Expected.BOOLEAN: "True or False",
        Expected.BYTES: "bytes",
        Expected.DURATION: "an int of milliseconds, or a timedelta",
        Expected.FILE: "a path, or a file opened with 'rb'",
        Expected.FILES: "a list of paths, or of files opened with 'rb'",
        Expected.FUNCTION: "a function",
        Expected.INTEGER: "an int",
        Expected.INTEGERS: "a list of ints from 1 on",
        Expected.JSON: "None, a bool, a number, a str, a list or a dict",
        Expected.LIST: "a list",
        Expected.MAPPING: "a mapping",
        Expected.MEASURE: "an int or a float",
        Expected.NAME: "a str",
        Expected.NUMBER: "an int or a float",
        Expected.PATH: "a path",
        Expected.SECONDS: "a finite number of seconds, above 0",
        Expected.SENDER: "a sender",
        Expected.TEXT: "a str",
        Expected.TEXTS: "a list of str",
        Expected.TIME: _A_TIME,
    },
    type_remedies={
        Expected.ATTEMPTS: {None: "pass an int, or leave it out"},
        Expected.BOOLEAN: {None: "pass True or False"},
        Expected.BYTES: {
            "text": "encode it, as in value.encode()",
            None: "pass bytes",
        },
        Expected.DURATION: {None: "pass timedelta(milliseconds=...)"},
        Expected.FILE: {None: "pass a str, a Path or such a file"},
        Expected.FILES: {
            "text": "put it in a list: [value]",
            "plain": "put it in a list: [value]",
            None: "pass a list of them",
        },
        Expected.FUNCTION: {None: "pass one, or leave it out"},
        Expected.INTEGER: {None: "pass a whole number"},
        Expected.INTEGERS: {None: "pass a list, as in [1, 2]"},
        Expected.JSON: {None: "convert it to one of these"},
        Expected.LIST: {None: "pass a list"},
        Expected.MAPPING: {None: "pass a dict"},
        Expected.MEASURE: {
            "enum": _NUMBER,
            "bytes": _DECODED,
            "text": "convert it with float()",
            "number": "convert it with float(), which may round it",
            "bool": "pass one number",
            None: "pass one number",
        },
        Expected.NAME: {
            **_TEXT_REMEDIES,
            "NoneType": "give it a name",
            "missing": "give it a name",
            "mapping": "pass one str",
            "mixed": "pass one str",
            "sequence": "pass one str",
        },
        Expected.NUMBER: {
            "NoneType": "leave it out",
            "missing": "leave it out",
            "bool": "pass 1 or 0, or make it an attribute",
            "enum": _NUMBER,
            "bytes": _DECODED,
            "text": _FLOAT,
            "number": "convert it with float(), which rounds it, or with str() for an "
            "attribute",
            "mapping": "give each key its own metric",
            "mixed": "give each item its own metric",
            "sequence": "give each item its own metric",
            "aware_datetime": "pass value.timestamp()",
            "naive_datetime": "if it is local time, pass value.timestamp(); if it is "
            "UTC, value.replace(tzinfo=UTC).timestamp()",
            "naive_timestamp": "if it is local time, pass "
            "value.to_pydatetime().timestamp(); if it is UTC, value.timestamp()",
            "timedelta": "pass value.total_seconds()",
            None: "pass an int or a float",
        },
        Expected.PATH: {
            "bytes": "decode it, as in os.fsdecode(value)",
            None: "pass a str or a Path",
        },
        Expected.SECONDS: {None: "pass a number, or leave it out"},
        Expected.SENDER: {
            "text": "open it, as in open_sender(value)",
            None: "pass one, as in SqliteSender(path)",
        },
        Expected.TEXT: {"NoneType": "leave it out", **_TEXT_REMEDIES},
        Expected.TEXTS: {
            "NoneType": "leave it out",
            "missing": "leave it out",
            "mapping": "give each key its own attribute",
            "buffer": "decode it, and put it in a list: [bytes(value).decode()]",
            "bytes": "decode it, and put it in a list: [value.decode()]",
            "sequence": "pass list(map(str, value))",
            "number": "convert it with str(), and put it in a list: [str(value)]",
            None: "make it a list of str",
        },
        Expected.TIME: {
            "NoneType": "pass datetime.now(UTC), if it is now",
            "missing": "leave it out, if it may be left out; else give the time",
            "date": "pass datetime(value.year, value.month, value.day, tzinfo=UTC)",
            None: "pass a datetime with tzinfo",
        },
    },
    time_remedies=_TIMES,
    choose="pass one of them",
)
