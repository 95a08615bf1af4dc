"""
Tests of the words of problems: the one place that pins each sentence.

Everywhere else, tests compare codes and facts.
"""

import builtins
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import hypothesis
import pytest
from hypothesis import given

from pinpoint_events import (
    BatchBuilder,
    Endpoint,
    Event,
    EventItemResponse,
    EventsBatch,
    EventsRequest,
    ItemResponse,
    Quotas,
    User,
    from_json,
    from_stream_record,
    from_wire,
    to_json,
)
from pinpoint_events.events import purchase
from pinpoint_events.formats.event_ids import with_event_id
from pinpoint_events.model._value_kinds import (
    CLASSES_BY_KIND,
    KIND_BY_NAME,
    value_kind,
)
from pinpoint_events.problems import Audience, Expected, Problem, ProblemCode
from pinpoint_events.problems._paths import aws_cli_path_text
from pinpoint_events.problems.catalogues import CATALOGUES
from pinpoint_events.retry import Retry
from pinpoint_events.senders import MemorySender
from pinpoint_events.server.faults import FailCall, read_faults
from pinpoint_events.testing import strategies
from pinpoint_events.wire.json_text import decode_request
from tests.samples import ROOT, problems_of, request

C: Final = ProblemCode

TIME: Final = "2026-11-24T09:30:00.000Z"
SESSION: Final = {"Id": "s", "StartTimestamp": TIME}


def of_event(**members: object) -> Callable[[], object]:
    """Return a call that reads an event with these members."""
    event = {"EventType": "purchase", "Timestamp": TIME, **members}
    return lambda: from_wire(Event, event)


def of_quota(one: Event) -> Callable[[], object]:
    """Return a call that adds an event to a request."""
    return lambda: BatchBuilder().add("e", one, event_id="v")


def two_endpoints() -> None:
    """Give two endpoints for one id."""
    first = Endpoint(address="a@example.com", channel_type="EMAIL", opt_out="ALL")
    BatchBuilder().endpoint("e", first).endpoint("e", Endpoint(channel_type="EMAIL"))


def too_many_endpoints() -> None:
    """Build one request of more endpoints than a request may have."""
    builder = BatchBuilder()
    for number in range(1_001):
        builder.endpoint(str(number), Endpoint())
    builder.build()


def too_many_events() -> None:
    """Build one request of more events than a request may have."""
    builder = BatchBuilder()
    for number in range(101):
        builder.add("e", Event("t", timestamp=TIME), event_id=str(number))
    builder.build()


def too_large(build: Callable[[BatchBuilder], object]) -> Callable[[], object]:
    """Return a call that builds a request of one event, one byte too large."""

    def call() -> object:
        builder = BatchBuilder(quotas=Quotas(event_bytes=None))
        rest = len(to_json(request(e={"v": Event("t", timestamp=TIME)})))
        event = Event("t" * (4_000_002 - rest), timestamp=TIME)
        return build(builder.add("e", event, event_id="v"))

    return call


# For each code, a call of the library that reports such a problem.
CALLS: Final[Mapping[ProblemCode, Callable[[], object]]] = {
    C.WRONG_TYPE: of_event(AppTitle=5),
    C.WRONG_TYPE_OF_VALUE: lambda: from_wire(Endpoint, {"OptOut": 5}),
    C.NOT_AN_INSTANCE: lambda: Event("purchase", session=cast("Any", "s")),
    C.PLAIN_DATA: lambda: EventsBatch(endpoint=cast("Any", {}), events={}),
    C.BARE_TEXT: lambda: from_wire(Endpoint, {"Attributes": {"tier": "gold"}}),
    C.NUMBER_AS_TIME: of_event(Timestamp=1.5),
    C.EMPTY: of_event(EventType=""),
    C.LONE_SURROGATE: of_event(Attributes={"note": "\ud800"}),
    C.NOT_ISO_8601: of_event(Timestamp="yesterday"),
    C.NO_TIME_OF_DAY: of_event(Timestamp="2026-11-24"),
    C.NO_TIME_ZONE: of_event(Timestamp="2026-11-24T09:30:00"),
    C.TIME_OUT_OF_RANGE: of_event(Timestamp="0001-01-01T00:00:00+01:00"),
    C.NEGATIVE_DURATION: of_event(Session={**SESSION, "Duration": -5}),
    C.INTEGER_TOO_LARGE: of_event(Session={**SESSION, "Duration": 2**56}),
    C.METRIC_TOO_LARGE: of_event(Metrics={"n": 2**60}),
    C.NOT_FINITE: of_event(Metrics={"n": math.nan}),
    C.ANGLE_OUT_OF_RANGE: lambda: from_wire(Endpoint, {"Location": {"Latitude": 91}}),
    C.NUMBER_OUT_OF_RANGE: lambda: FailCall(status=700),
    C.UNKNOWN_VALUE: lambda: from_wire(Endpoint, {"OptOut": "all"}),
    C.WRONG_KEY_TYPE: lambda: from_wire(Endpoint, {"Attributes": {5: []}}),
    C.EMPTY_KEY: lambda: EventsRequest(
        batch_item={"": EventsBatch(endpoint=Endpoint(), events={})}
    ),
    C.LONE_SURROGATE_IN_KEY: of_event(Metrics={"\ud800": 1}),
    C.DUPLICATE_KEY: lambda: from_json(
        Endpoint, b'{"Attributes": {"sku": [], "sku": []}}'
    ),
    C.MISSING_CHANNEL_TYPE: lambda: from_wire(Endpoint, {"Address": "a@example.com"}),
    C.MISSING_PRICE: lambda: purchase("p", quantity=1, store="Apple"),
    C.STOP_BEFORE_START: of_event(
        Session={**SESSION, "StopTimestamp": "2026-11-24T09:29:58.500Z"}
    ),
    C.DURATION_MISMATCH: of_event(
        Session={
            **SESSION,
            "StopTimestamp": "2026-11-24T09:30:00.010Z",
            "Duration": 9,
        }
    ),
    C.STATUS_CODE_NOT_ALONE: lambda: ItemResponse(
        status_code=202, events_item_response={"v": EventItemResponse(status_code=202)}
    ),
    C.MISSING: lambda: from_wire(Event, {"Timestamp": TIME}),
    C.UNKNOWN_KEY: lambda: from_wire(
        EventsBatch, {"Endpont": {}, "Endpoint": {}, "Events": {}}
    ),
    C.DUPLICATE_MEMBER: lambda: read_faults(
        decode_request(b'{"faults": [], "faults": []}')
    ),
    C.WRAPPED_REQUEST: lambda: from_wire(
        EventsRequest, {"EventsRequest": {}, "BatchItem": {}}
    ),
    C.SET_BY_SERVICE: lambda: from_wire(Endpoint, {"CohortId": "48"}),
    C.NOT_AN_OBJECT: lambda: from_wire(Endpoint, {"User": []}),
    C.ALREADY_AN_OBJECT: lambda: from_wire(User, User()),
    C.NOT_JSON: lambda: from_json(Event, b'{"a":}'),
    C.NOT_UTF8: lambda: from_json(Event, b'{"a": "\xff"}'),
    C.JSON_TOO_DEEP: lambda: from_json(Event, b"[" * 200_000),
    C.JSON_NUMBER_TOO_LONG: lambda: from_json(Event, b"9" * 10_000),
    C.JSON_CONSTANT: lambda: from_json(Event, b"NaN"),
    C.TOO_MANY_EVENTS: too_many_events,
    C.TOO_MANY_ENDPOINTS: too_many_endpoints,
    C.REQUEST_TOO_LARGE: too_large(BatchBuilder.build),
    C.EVENT_TOO_LARGE: of_quota(Event("t" * 1_000_000, timestamp=TIME)),
    C.ENDPOINT_TOO_LARGE: lambda: BatchBuilder().endpoint(
        "e", Endpoint(request_id="r" * 15_000)
    ),
    C.EVENT_WITH_ENDPOINT_TOO_LARGE: too_large(BatchBuilder.build_all),
    C.TOO_MANY_ATTRIBUTES: of_quota(
        Event("t", attributes={f"name-{number}": "" for number in range(41)})
    ),
    C.TOO_MANY_VALUES: lambda: BatchBuilder().endpoint(
        "e", Endpoint(attributes={"tier": ["gold"] * 51})
    ),
    C.KEY_TOO_LONG: of_quota(Event("t", attributes={"k" * 51: ""})),
    C.VALUE_TOO_LONG: of_quota(Event("t", attributes={"note": "v" * 201})),
    C.EMPTY_BUILDER: lambda: BatchBuilder().build(),
    C.NO_CURRENT_ENDPOINT: lambda: BatchBuilder().event(Event("t")),
    C.ENDPOINT_DIFFERS: two_endpoints,
    C.EVENT_ID_TAKEN: lambda: (
        BatchBuilder()
        .add("e", Event("t"), event_id="v")
        .add("e", Event("u"), event_id="v")
    ),
    C.BUILDER_NOT_BUILT: lambda: cast("Any", MemorySender()).put_events(BatchBuilder()),
    C.SEVERAL_REQUESTS: lambda: cast("Any", MemorySender()).put_events(
        (request(e={"v": Event("t")}),)
    ),
    C.LIMIT_NOT_POSITIVE: lambda: Quotas(event_bytes=0),
    C.ATTEMPTS_NOT_POSITIVE: lambda: Retry(attempts=0),
    C.SECONDS_NOT_POSITIVE: lambda: Retry(deadline_seconds=-1.5),
    C.NOT_A_FAULT: lambda: read_faults({"faults": [5]}),
    C.NOT_POSITIVE_INTEGERS: lambda: FailCall(calls=[0]),
    C.NOT_HEADER_TEXT: lambda: FailCall(code="ü"),
    C.MOBILE_ANALYTICS_RECORD: lambda: from_stream_record({"application_key": "a"}),
    C.ATTRIBUTE_TAKEN: lambda: with_event_id(
        Event("t", attributes={"event_id": "mine"}), "v", "event_id"
    ),
    C.SET_BY_ARGUMENT: lambda: purchase(
        "p",
        quantity=1,
        store="Apple",
        formatted_price="$1",
        attributes={"_store": "mine"},
    ),
    C.MORE_PROBLEMS: of_event(Attributes={str(number): 5 for number in range(101)}),
}


# What `load` reports in its file of events that were not accepted, as text.
OF_LOAD: Final = {
    C.LINE_TOO_LONG: Problem(C.LINE_TOO_LONG, allowed=8_000_000, unit="bytes"),
    C.SEVERAL_RECORDS: Problem(C.SEVERAL_RECORDS),
    C.COMMA_AFTER_RECORD: Problem(C.COMMA_AFTER_RECORD),
    C.CALL_WITHOUT_REQUEST: Problem(C.CALL_WITHOUT_REQUEST, ("ApplicationId",)),
    C.STREAM_RECORD: Problem(C.STREAM_RECORD, unit="a campaign"),
    C.OTHER_APPLICATION: Problem(C.OTHER_APPLICATION, ("ApplicationId",)),
}


def example(code: ProblemCode) -> Problem:
    """Return the problem of this code that the library reports."""
    if code in OF_LOAD:
        return OF_LOAD[code]
    (problem, *_) = (each for each in problems_of(CALLS[code]) if each.code is code)
    return problem


EXAMPLES: Final = {code: example(code) for code in ProblemCode}


def cells(section: str) -> list[list[str]]:
    """Return the cells of the table under a heading of docs/problems.md."""
    page = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    (text,) = re.findall(
        rf"^## {section}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL
    )
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [
        [cell.strip().strip("`").strip() for cell in row.strip("|").split(" | ")]
        for row in rows
    ]


KINDS: Final = (
    {*CLASSES_BY_KIND, *KIND_BY_NAME.values(), "mixed", "plain"}
    | {"aware_datetime", "naive_datetime", "naive_timestamp"}
) - {"datetime"}


def wrong_type(expected: str, found: str) -> Problem:
    """Return the problem of a value of a type, or of any type of a kind."""
    problem = Problem(C.WRONG_TYPE, actual=found, allowed=Expected(expected))
    if found in KINDS:
        return problem._replace(actual="object", kind=found)
    if found in dir(builtins):
        return problem._replace(kind=value_kind(getattr(builtins, found)()))
    return problem


# The page of the documentation pins each sentence once; no other test repeats them.
PYTHON: Final = {row[0]: row[2] for row in cells("Codes")}
JSON: Final = dict(cells("For those who write JSON"))
COMMAND_LINE: Final = dict(cells("At the command line"))
TYPES: Final = cells("Wrong types")


class TestSentences:
    """What each audience reads; nothing outside this class pins a sentence."""

    @pytest.mark.parametrize("code", ProblemCode)
    def test_python(self, code: ProblemCode) -> None:
        """Callers of constructors, builders and senders read Python's terms."""
        problem = EXAMPLES[code]._replace(audience=Audience.PYTHON, path=())
        assert str(problem) == PYTHON[code]

    @pytest.mark.parametrize("code", ProblemCode)
    def test_json(self, code: ProblemCode) -> None:
        """Those who write JSON read its terms."""
        problem = EXAMPLES[code]._replace(audience=Audience.JSON, path=())
        assert str(problem) == JSON.get(code, PYTHON[code])

    @pytest.mark.parametrize("code", ProblemCode)
    def test_command_line(self, code: ProblemCode) -> None:
        """Users of the command read JSON's words, opened as the AWS CLI's are."""
        problem = EXAMPLES[code]._replace(audience=Audience.COMMAND_LINE)
        path = f"{aws_cli_path_text(problem.path)}: " if problem.path else ""
        usual = path + JSON.get(code, PYTHON[code])
        assert str(problem) == COMMAND_LINE.get(code, usual)

    @pytest.mark.parametrize(
        "member, option",
        [
            ("ApplicationId", "--application-id"),
            ("EventsRequest", "--events-request"),
        ],
    )
    def test_what_an_option_can_give(self, member: str, option: str) -> None:
        """A missing member of the whole input names its option."""
        problem = Problem(C.MISSING, (member,), audience=Audience.COMMAND_LINE)
        assert str(problem) == (
            f'Missing required parameter in input: "{member}"; pass {option}, or '
            f"{member} in --cli-input-json"
        )

    def test_request_in_place_of_the_input(self) -> None:
        """A request that was taken for the whole input has an option too."""
        problem = Problem(
            C.UNKNOWN_KEY,
            ("BatchItem",),
            allowed=("ApplicationId", "EventsRequest"),
            audience=Audience.COMMAND_LINE,
        )
        assert str(problem) == (
            'Unknown parameter in input: "BatchItem", must be one of: ApplicationId, '
            "EventsRequest; pass what holds it with --events-request"
        )

    @pytest.mark.parametrize(
        "expected, actual, python, json", TYPES, ids=range(len(TYPES))
    )
    def test_types(self, expected: str, actual: str, python: str, json: str) -> None:
        """A wrong type has a remedy that fits what was expected and what was found."""
        problem = wrong_type(expected, actual)
        assert str(problem) == python
        assert str(problem._replace(audience=Audience.JSON)) == json

    @pytest.mark.parametrize(
        "at, place", [((3, 7), "line 3 column 7"), ((7,), "column 7")]
    )
    def test_places_in_a_text(self, at: tuple[int, ...], place: str) -> None:
        """A text of one line needs no line number."""
        problem = Problem(C.NOT_JSON, actual="Extra data", at=at)
        assert problem.problem == f"is not JSON: Extra data at {place}"

    def test_key_without_a_near_one(self) -> None:
        """Where no name is near, the key is to be left out."""
        problem = Problem(C.UNKNOWN_KEY, ("x",), allowed=("EventType",))
        assert problem.remedy == "leave it out"


class TestCatalogues:
    """Every audience has words for everything."""

    @pytest.mark.parametrize("audience", Audience)
    def test_are_complete(self, audience: Audience) -> None:
        """Each code and each expected type has its words."""
        catalogue = CATALOGUES[audience]
        assert set(catalogue.templates) == set(ProblemCode)
        assert set(catalogue.expected) == set(Expected)
        assert set(catalogue.type_remedies) == set(Expected)
        assert all(None in each for each in catalogue.type_remedies.values())

    def test_examples_are_complete(self) -> None:
        """The page has each code, in the order of the enum, and each expected type."""
        assert list(EXAMPLES) == list(PYTHON) == list(ProblemCode)
        rows = [(expected, found) for expected, found, _, _ in TYPES]
        assert rows == [
            (expected, found or "object")
            for expected in Expected
            for found in sorted(
                {
                    found
                    for audience in (Audience.PYTHON, Audience.JSON)
                    for found in CATALOGUES[audience].type_remedies[expected]
                },
                key=lambda found: found or "object",
            )
        ]

    def test_no_sentence_is_pinned_twice(self) -> None:
        """A table of differences has no sentence that is the usual one."""
        assert all(PYTHON[code] != words for code, words in JSON.items())

    @pytest.mark.parametrize("audience", Audience)
    def test_say_what_is_wrong_and_more(self, audience: Audience) -> None:
        """No template is empty, and each but one has a limit or a remedy."""
        for words in CATALOGUES[audience].templates.values():
            assert words.problem
        for code in set(ProblemCode) - {C.MORE_PROBLEMS}:
            problem = EXAMPLES[code]._replace(audience=audience)
            is_cut_short = audience is Audience.COMMAND_LINE and not problem.path
            assert problem.limit or problem.remedy or is_cut_short

    @pytest.mark.parametrize("code", ProblemCode)
    def test_json_has_no_words_of_python(self, code: ProblemCode) -> None:
        """Those who write JSON need not know Python."""
        for audience in (Audience.JSON, Audience.COMMAND_LINE):
            words = EXAMPLES[code]._replace(audience=audience).words
            assert not _OF_PYTHON.search("; ".join(words))

    @pytest.mark.parametrize("expected", Expected)
    def test_json_has_no_types_of_python(self, expected: Expected) -> None:
        """Neither where a type is wrong."""
        catalogue = CATALOGUES[Audience.JSON]
        texts = [catalogue.expected[expected]]
        texts += catalogue.type_remedies[expected].values()
        texts += catalogue.types.values()
        assert not any(map(_OF_PYTHON.search, texts))

    @hypothesis.example(Problem(C.UNKNOWN_KEY, ("x",), audience=Audience.COMMAND_LINE))
    @given(problem=strategies.problems())
    def test_any_facts_have_words(self, problem: Problem) -> None:
        """A sentence is made whatever the facts are, and never fails."""
        assert str(problem)
        assert problem.problem


_OF_PYTHON = re.compile(
    r"\b(None|NoneType|True|False|bool|datetime|dict|float|int|list|pass|str|timedelta"
    r"|tuple|tzinfo|kwargs?)\b|\w\(|\w="
)
