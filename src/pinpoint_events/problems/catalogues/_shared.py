"""
How a catalogue turns facts into words, and the words that all catalogues share.

A catalogue maps each code to templates. In a template, `{actual}`, `{allowed}`,
`{unit}` and `{nearest}` are the facts as they are shown, `{position}` and `{byte}` are
the place in a text, and `{type}` and `{expected}` name types in the language of the
audience.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pinpoint_events.problems._codes import Expected
from pinpoint_events.problems._codes import ProblemCode as C
from pinpoint_events.problems._paths import shortened
from pinpoint_events.problems._problem import Problem, Words

__all__ = ["SHARED", "TIME_FORM", "Catalogue", "expected", "shown"]

TIME_FORM: Final = "2026-11-24T09:30:00.000Z"


class Catalogue(NamedTuple):
    """
    The words for one audience.

    Attributes:
        templates: For each code, its words.
        types: Python's name of a type to its name here; other types keep theirs.
        expected: What a value should have been, in words.
        type_remedies: What to do about a type where another one is expected, by its
            name or by its kind; under None for every type that is not listed.
        time_remedies: What to do about a number that is given for a time, by its unit;
            `{value}` is the number.
        choose: What to do about a word that resembles no known one.
    """

    templates: Mapping[C, Words]
    types: Mapping[str, str]
    expected: Mapping[Expected, str]
    type_remedies: Mapping[Expected, Mapping[str | None, str]]
    time_remedies: Mapping[str, str]
    choose: str

    def words(self, problem: Problem) -> Words:
        """Return what a problem says."""
        templates = self.templates[problem.code]
        facts = self._facts(problem)
        return Words(*(template.format_map(facts) for template in templates))

    def _facts(self, problem: Problem) -> dict[str, Any]:
        actual = str(problem.actual)
        nearest = " or ".join(problem.nearest)
        facts: dict[str, Any] = {
            "actual": shown(problem.actual),
            "allowed": shown(problem.allowed),
            "byte": f"{problem.at[0]:,}" if problem.at else "",
            "example": "".join(problem.nearest[:1]),
            "expected": "",
            "nearest": f"did you mean {nearest}?" if nearest else "",
            "naive": _NAIVE.get(problem.kind, "value"),
            "position": _position(problem.at),
            "word": "no known value" if problem.actual is None else shortened(actual),
            "guess": f"did you mean {nearest}?" if nearest else self.choose,
            "unit_remedy": self.time_remedies.get(problem.unit, "").format(
                value="float(value)" if problem.kind else "value"
            ),
            "suggestion": f"did you mean {nearest}?" if nearest else "leave it out",
            "type": self.types.get(actual, f"of type {actual}"),
            "type_remedy": "",
            "unit": problem.unit,
            "with_article": _with_article(problem.unit),
        }
        if isinstance(problem.allowed, Expected):
            facts["expected"] = self.expected[problem.allowed]
            remedies = self.type_remedies[problem.allowed]
            by_kind = remedies.get(problem.kind)
            facts["type_remedy"] = remedies.get(actual) or by_kind or remedies[None]
        return facts


# pandas' own conversion to local time needs the name of the zone.
_NAIVE: Final = {"naive_timestamp": "value.to_pydatetime()"}


def expected(problem: Problem, words: Words) -> str:
    """Return the limit as a sentence has it: after "expected" where it is a thing."""
    is_thing = problem.code in _THINGS and words.limit
    return f"expected {words.limit}" if is_thing else words.limit


# What their limit names could stand in place of what was found.
_THINGS: Final = frozenset(
    {
        C.ALREADY_AN_OBJECT,
        C.BARE_TEXT,
        C.BUILDER_NOT_BUILT,
        C.CALL_WITHOUT_REQUEST,
        C.COMMA_AFTER_RECORD,
        C.MOBILE_ANALYTICS_RECORD,
        C.NOT_AN_INSTANCE,
        C.NOT_AN_OBJECT,
        C.NOT_A_FAULT,
        C.NOT_POSITIVE_INTEGERS,
        C.NUMBER_AS_TIME,
        C.OTHER_APPLICATION,
        C.PLAIN_DATA,
        C.SEVERAL_RECORDS,
        C.SEVERAL_REQUESTS,
        C.STREAM_RECORD,
        C.UNKNOWN_KEY,
        C.UNKNOWN_VALUE,
        C.WRAPPED_REQUEST,
        C.WRONG_KEY_TYPE,
        C.WRONG_TYPE,
        C.WRONG_TYPE_OF_VALUE,
    }
)


def shown(fact: Any) -> str:
    """Return a fact as messages show it: numbers grouped, names joined by commas."""
    match fact:
        case int():
            return f"{fact:,}"
        case (int() | float() as least, int() | float() as most):
            return f"{least:,} to {most:,}"
        case tuple():
            return ", ".join(fact)
        case _:
            return str(fact)


def _position(at: tuple[int, ...]) -> str:
    """Return line and column, or the column alone."""
    names = ("line", "column")[2 - len(at) :]
    return " ".join(f"{name} {number}" for name, number in zip(names, at, strict=True))


def _with_article(name: str) -> str:
    """Return the name of a class as it is read in a sentence."""
    return f"{'an' if name[:1] in set('AEIO') else 'a'} {name}"


# Words that fit every audience.
SHARED: Final[Mapping[C, Words]] = {
    C.EMPTY: Words("is empty", "at least 1 character", "give it a name"),
    C.NO_TIME_OF_DAY: Words(
        "is a date without a time of day",
        "a time with its zone or offset",
        f"add the time of day, and Z or the offset, as in {TIME_FORM}",
    ),
    C.TIME_OUT_OF_RANGE: Words(
        "is out of range", "years 1 to 9999 in UTC", "correct the time"
    ),
    C.NEGATIVE_DURATION: Words(
        "is {actual} ms", "0 to 2**53 milliseconds", "leave it out to have it derived"
    ),
    C.NOT_FINITE: Words("is {actual}", "a finite number", "leave it out"),
    C.ANGLE_OUT_OF_RANGE: Words(
        "is out of range",
        "-{allowed} to {allowed} degrees",
        "check the unit and the order",
    ),
    C.UNKNOWN_VALUE: Words("is {word}", "one of {allowed}", "{guess}"),
    C.EMPTY_KEY: Words("the key is empty", "at least 1 character", "give it a name"),
    C.STOP_BEFORE_START: Words(
        "is {actual} ms before the start",
        "not before the start",
        "check that the two are not swapped",
    ),
    C.STATUS_CODE_NOT_ALONE: Words(
        "is given together with item responses",
        "either a status code or item responses",
        "leave it out",
    ),
    C.MISSING: Words("is missing", "a required member", "add it"),
    C.UNKNOWN_KEY: Words("is not known", "one of {allowed}", "{suggestion}"),
    C.SET_BY_SERVICE: Words("is set by the service alone", "", "leave it out"),
    C.DUPLICATE_MEMBER: Words("occurs twice", "each member once", "drop one"),
    C.NOT_JSON: Words(
        "is not JSON: {actual} at {position}",
        "a JSON text in UTF-8",
        "correct it there, or fetch the whole of it",
    ),
    C.NOT_UTF8: Words(
        "is not UTF-8 at byte {byte}", "a JSON text in UTF-8", "encode it in UTF-8"
    ),
    C.JSON_TOO_DEEP: Words(
        "is JSON nested too deeply",
        "fewer levels of objects and arrays",
        "check the program that wrote it",
    ),
    C.JSON_NUMBER_TOO_LONG: Words(
        "has a number of thousands of digits",
        "whole numbers within +-2**53",
        "check the program that wrote it",
    ),
    C.JSON_CONSTANT: Words(
        "is not JSON: {actual} is no number",
        "a finite number",
        "leave the member out",
    ),
    C.EVENT_TOO_LARGE: Words(
        "{actual} bytes",
        "at most {allowed}",
        "shorten its values, or make it several events",
    ),
    C.ENDPOINT_TOO_LARGE: Words(
        "{actual} bytes",
        "at most {allowed}",
        "shorten its values or leave some out",
    ),
    C.EVENT_WITH_ENDPOINT_TOO_LARGE: Words(
        "{actual} bytes", "at most {allowed}", "shorten the event or its endpoint"
    ),
    C.TOO_MANY_ATTRIBUTES: Words(
        "{actual} attributes and metrics together",
        "at most {allowed}",
        "leave some out",
    ),
    C.TOO_MANY_VALUES: Words("{actual} values", "at most {allowed}", "leave some out"),
    C.KEY_TOO_LONG: Words(
        "{actual} characters in the key", "at most {allowed}", "shorten it"
    ),
    C.VALUE_TOO_LONG: Words(
        "{actual} characters", "at most {allowed}", "shorten the value or drop the key"
    ),
    C.NOT_HEADER_TEXT: Words(
        "cannot be sent in a header", "printable ASCII, not empty", "correct it"
    ),
    C.LINE_TOO_LONG: Words(
        "more than {allowed} bytes", "at most {allowed}", "write one event in a line"
    ),
    C.SEVERAL_RECORDS: Words(
        "is several JSON values", "one record in a line", "begin a line at each"
    ),
    C.COMMA_AFTER_RECORD: Words(
        "is a JSON record with a comma after it",
        "one record in a line",
        "remove the comma",
    ),
    C.CALL_WITHOUT_REQUEST: Words(
        "is not known here",
        "it beside EventsRequest",
        "leave it out, or put BatchItem into EventsRequest",
    ),
    C.STREAM_RECORD: Words(
        "is a record of {unit}, which Pinpoint itself wrote",
        "a record of an event that an application sent",
        "keep it elsewhere: it is no event to send again",
    ),
    C.MOBILE_ANALYTICS_RECORD: Words(
        "is a record of Mobile Analytics, Pinpoint's predecessor",
        "a record of Pinpoint's event stream",
        "convert it: it has other members",
    ),
    C.ATTRIBUTE_TAKEN: Words(
        "already has another value than the event id",
        "an attribute for the event id alone",
        "choose another name for it",
    ),
    C.OTHER_APPLICATION: Words(
        "is another application than events are sent to",
        "the application id of the destination",
        "load it to that application, as with --application-id",
    ),
    C.MORE_PROBLEMS: Words("has more problems", "", "correct these first"),
}
