"""The words for those who write JSON: they say what to write, in JSON's own terms."""

from collections.abc import Mapping
from typing import Final

from pinpoint_events.problems._codes import Expected
from pinpoint_events.problems._codes import ProblemCode as C
from pinpoint_events.problems._problem import Words
from pinpoint_events.problems.catalogues._shared import SHARED, TIME_FORM, Catalogue

__all__ = ["JSON"]

_LIMITED: Final = "at most {allowed}"
_SPLIT: Final = "send it in several requests"
_ESCAPES: Final = r"correct its \u escapes"
_A_TIME: Final = f"a string such as {TIME_FORM}"
_QUOTE: Final = "write it in quotes"
_UNQUOTE: Final = "write it without quotes"
_OBJECT: Final = "write it as {{...}}"
_TEXT_REMEDIES: Final[Mapping[str | None, str]] = {
    "NoneType": "leave it out",
    "dict": "write one string",
    "list": "write one string",
    "tuple": "write one string",
    None: _QUOTE,
}
_WHOLE_REMEDIES: Final[Mapping[str | None, str]] = {
    "float": "write it without a decimal point",
    "str": "write it without quotes and decimal point",
    None: "write one whole number",
}

JSON: Final = Catalogue(
    templates={
        **SHARED,
        C.WRONG_TYPE: Words("is {type}", "{expected}", "{type_remedy}"),
        C.WRONG_TYPE_OF_VALUE: Words(
            "is {type}", "a string", 'write one of its values, as in "{example}"'
        ),
        C.NOT_AN_INSTANCE: Words("is {type}", "an object", _OBJECT),
        C.PLAIN_DATA: Words("is {type}", "{with_article}", "correct its members"),
        C.BARE_TEXT: Words(
            "is {type}", "an array of strings", "put it in an array: [...]"
        ),
        C.NUMBER_AS_TIME: Words(
            "is {type}", _A_TIME, "write date and time of day, in quotes"
        ),
        C.LONE_SURROGATE: Words(
            "has a lone surrogate", "text that UTF-8 can hold", _ESCAPES
        ),
        C.NOT_ISO_8601: Words(
            "is not an ISO 8601 time",
            f"a form such as {TIME_FORM}",
            "write it in that form",
        ),
        C.NO_TIME_ZONE: Words(
            "has no time zone",
            "a time with its zone or offset",
            "end it with Z if it is in UTC, else with its offset, as in +02:00",
        ),
        C.NEGATIVE_DURATION: Words(
            "is {actual} ms", "0 to 2**53 milliseconds", "correct it"
        ),
        C.INTEGER_TOO_LARGE: Words(
            "has {actual} bits", "a whole number within +-2**53", "write a smaller one"
        ),
        C.METRIC_TOO_LARGE: Words(
            "has {actual} bits",
            "a whole number within +-2**53",
            "write it with a decimal point, or as a string under Attributes",
        ),
        C.NUMBER_OUT_OF_RANGE: Words(
            "is {actual}", "{unit} from {allowed}", "correct it"
        ),
        C.WRONG_KEY_TYPE: Words("a key is {type}", "keys that are strings", _QUOTE),
        C.LONE_SURROGATE_IN_KEY: Words(
            "the key has a lone surrogate", "text that UTF-8 can hold", _ESCAPES
        ),
        C.DUPLICATE_KEY: Words(
            "occurs twice", "each key once", "rename one, or put both into one object"
        ),
        C.MISSING_CHANNEL_TYPE: Words(
            "is missing",
            "an address needs its channel",
            'say which, as in "ChannelType": "EMAIL"',
        ),
        C.MISSING_PRICE: Words(
            "is missing",
            "a purchase needs _item_price and _currency, or _item_price_formatted",
            "add what is missing",
        ),
        C.DURATION_MISMATCH: Words(
            "is {actual} ms, but stop minus start is {allowed} ms",
            "exactly the difference, in whole milliseconds",
            "correct it",
        ),
        C.SET_BY_ARGUMENT: Words(
            "is set by {example}", "", "leave it out, or choose another name"
        ),
        C.WRAPPED_REQUEST: Words(
            "is not known", "one of {allowed}", "send the value of EventsRequest"
        ),
        C.NOT_AN_OBJECT: Words(
            "is {type}", "an object with members of {allowed}", _OBJECT
        ),
        C.ALREADY_AN_OBJECT: Words(
            "is {type}",
            "an object with members of {allowed}",
            "convert it to its JSON form first",
        ),
        C.TOO_MANY_EVENTS: Words("{actual} events", _LIMITED, _SPLIT),
        C.TOO_MANY_ENDPOINTS: Words("{actual} endpoints", _LIMITED, _SPLIT),
        C.REQUEST_TOO_LARGE: Words("{actual} bytes", _LIMITED, _SPLIT),
        C.EMPTY_BUILDER: Words("is empty", "at least one event", "add one"),
        C.NO_CURRENT_ENDPOINT: Words(
            "comes before any endpoint",
            "an event belongs to an endpoint",
            "write it under an endpoint",
        ),
        C.ENDPOINT_DIFFERS: Words(
            "differs in {actual} from the endpoint given before",
            "one endpoint for each id",
            "write it once",
        ),
        C.EVENT_ID_TAKEN: Words(
            "already has another event", "one event for each id", "use another id"
        ),
        C.BUILDER_NOT_BUILT: Words("is not a request", "an object", _OBJECT),
        C.SEVERAL_REQUESTS: Words("is {type}", "an object", "send each"),
        C.LIMIT_NOT_POSITIVE: Words(
            "is {actual}", "at least 1", "write null to switch it off"
        ),
        C.ATTEMPTS_NOT_POSITIVE: Words(
            "is {actual}", "a whole number, at least 1", "write 1 to send once"
        ),
        C.SECONDS_NOT_POSITIVE: Words(
            "is {actual}", "a finite number of seconds, above 0", "correct it"
        ),
        C.NOT_A_FAULT: Words(
            "is not a fault",
            "an object with the name of its kind under `fault`",
            'write one, as in {{"fault": "fail_call"}}',
        ),
        C.NOT_POSITIVE_INTEGERS: Words(
            "has an item that is not a whole number from 1 on",
            "an array of whole numbers from 1 on",
            "correct it",
        ),
    },
    types={
        "NoneType": "null",
        "bool": "a boolean",
        "dict": "an object",
        "float": "a number",
        "int": "a number",
        "list": "an array",
        "str": "a string",
        "tuple": "an array",
    },
    expected={
        Expected.ATTEMPTS: "a whole number, at least 1",
        Expected.BOOLEAN: "true or false",
        Expected.BYTES: "bytes",
        Expected.DURATION: "a whole number of milliseconds",
        Expected.FILE: "a path",
        Expected.FILES: "an array of paths",
        Expected.FUNCTION: "a function",
        Expected.INTEGER: "a whole number",
        Expected.INTEGERS: "an array of whole numbers from 1 on",
        Expected.JSON: "any JSON value",
        Expected.LIST: "an array",
        Expected.MAPPING: "an object",
        Expected.MEASURE: "a number",
        Expected.NAME: "a string",
        Expected.NUMBER: "a number",
        Expected.PATH: "a path",
        Expected.SECONDS: "a finite number of seconds, above 0",
        Expected.SENDER: "a destination",
        Expected.TEXT: "a string",
        Expected.TEXTS: "an array of strings",
        Expected.TIME: _A_TIME,
    },
    type_remedies={
        Expected.ATTEMPTS: _WHOLE_REMEDIES,
        Expected.BOOLEAN: {None: "write true or false, without quotes"},
        Expected.BYTES: {None: "write bytes"},
        Expected.DURATION: _WHOLE_REMEDIES,
        Expected.FILE: {None: _QUOTE},
        Expected.FILES: {None: "write an array of strings"},
        Expected.FUNCTION: {None: "leave it out"},
        Expected.INTEGER: _WHOLE_REMEDIES,
        Expected.INTEGERS: {None: "write an array, as in [1, 2]"},
        Expected.JSON: {None: "write it as JSON"},
        Expected.LIST: {None: "write it as [...]"},
        Expected.MAPPING: {None: _OBJECT.format()},
        Expected.MEASURE: {"str": _UNQUOTE, None: "write one number"},
        Expected.NAME: {**_TEXT_REMEDIES, "NoneType": "give it a name"},
        Expected.NUMBER: {
            "NoneType": "leave it out",
            "bool": "write 1 or 0, or make it an attribute",
            "str": _UNQUOTE,
            None: "write one number",
        },
        Expected.PATH: {None: _QUOTE},
        Expected.SENDER: {None: "write its URL"},
        Expected.SECONDS: {"str": _UNQUOTE, None: "write one number"},
        Expected.TEXT: _TEXT_REMEDIES,
        Expected.TEXTS: {"NoneType": "leave it out", None: "write an array of strings"},
        Expected.TIME: {None: "write it in that form"},
    },
    time_remedies={},
    choose="write one of them",
)
