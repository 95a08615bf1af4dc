"""
Tests of the words of problems: the one place that pins each sentence.

Everywhere else, tests compare codes and facts.
"""

import re
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given

from pinpoint_events.problems import Audience, Expected, Problem, ProblemCode
from pinpoint_events.problems._paths import aws_cli_path_text
from pinpoint_events.problems.catalogues import CATALOGUES
from pinpoint_events.testing import strategies
from tests.samples import ROOT

C: Final = ProblemCode

# A problem of each code, with the facts that it really has.
EXAMPLES: Final[Mapping[ProblemCode, Problem]] = {
    problem.code: problem
    for problem in (
        Problem(C.WRONG_TYPE, ("app_title",), actual="int", allowed=Expected.TEXT),
        Problem(
            C.WRONG_TYPE_OF_VALUE,
            ("opt_out",),
            actual="int",
            allowed=("ALL", "NONE"),
            unit="OptOut",
            nearest=("ALL",),
        ),
        Problem(C.NOT_AN_INSTANCE, ("session",), actual="str", unit="Session"),
        Problem(C.PLAIN_DATA, ("endpoint",), actual="dict", unit="Endpoint"),
        Problem(C.BARE_TEXT, ("attributes", "tier"), actual="str"),
        Problem(C.NUMBER_AS_TIME, ("timestamp",), actual="float"),
        Problem(C.EMPTY, ("event_type",)),
        Problem(C.LONE_SURROGATE, ("attributes", "note")),
        Problem(C.NOT_ISO_8601, ("timestamp",)),
        Problem(C.NO_TIME_ZONE, ("timestamp",)),
        Problem(C.TIME_OUT_OF_RANGE, ("timestamp",)),
        Problem(C.NEGATIVE_DURATION, ("duration",), actual=-5, unit="ms"),
        Problem(C.INTEGER_TOO_LARGE, ("duration",), actual=57, unit="bits"),
        Problem(C.METRIC_TOO_LARGE, ("metrics", "n"), actual=61, unit="bits"),
        Problem(C.NOT_FINITE, ("metrics", "n"), actual="nan"),
        Problem(C.ANGLE_OUT_OF_RANGE, ("latitude",), allowed=90, unit="degrees"),
        Problem(
            C.NUMBER_OUT_OF_RANGE,
            ("status",),
            actual=700,
            allowed=(400, 599),
            unit="a whole number",
        ),
        Problem(
            C.UNKNOWN_VALUE,
            ("opt_out",),
            actual="all",
            allowed=("ALL", "NONE"),
            unit="OptOut",
            nearest=("ALL",),
        ),
        Problem(C.WRONG_KEY_TYPE, ("attributes",), actual="int"),
        Problem(C.EMPTY_KEY, ("events", "")),
        Problem(C.LONE_SURROGATE_IN_KEY, ("metrics", "\ud800")),
        Problem(C.DUPLICATE_KEY, ("attributes", "sku")),
        Problem(C.MISSING_CHANNEL_TYPE, ("channel_type",)),
        Problem(C.STOP_BEFORE_START, ("stop_timestamp",), actual=1_500, unit="ms"),
        Problem(C.DURATION_MISMATCH, ("duration",), actual=9, allowed=10, unit="ms"),
        Problem(C.STATUS_CODE_NOT_ALONE, ("status_code",)),
        Problem(C.MISSING, ("EventType",)),
        Problem(
            C.UNKNOWN_KEY,
            ("EventTyp",),
            allowed=("EventType", "Timestamp"),
            nearest=("EventType",),
        ),
        Problem(C.DUPLICATE_MEMBER, ("Event",)),
        Problem(C.WRAPPED_REQUEST, ("EventsRequest",), allowed=("BatchItem",)),
        Problem(
            C.NOT_AN_OBJECT,
            ("User",),
            actual="list",
            allowed=("UserId", "UserAttributes"),
            unit="User",
        ),
        Problem(
            C.ALREADY_AN_OBJECT,
            actual="User",
            allowed=("UserId", "UserAttributes"),
            unit="User",
        ),
        Problem(C.NOT_JSON, actual="Expecting value", at=(1, 5)),
        Problem(C.NOT_UTF8, actual=6, unit="bytes"),
        Problem(C.JSON_TOO_DEEP),
        Problem(C.JSON_NUMBER_TOO_LONG),
        Problem(C.JSON_CONSTANT, actual="NaN"),
        Problem(C.TOO_MANY_EVENTS, actual=101, allowed=100, unit="events"),
        Problem(C.REQUEST_TOO_LARGE, actual=4_000_001, allowed=4_000_000, unit="bytes"),
        Problem(C.EVENT_TOO_LARGE, actual=1_000_001, allowed=1_000_000, unit="bytes"),
        Problem(C.ENDPOINT_TOO_LARGE, actual=15_001, allowed=15_000, unit="bytes"),
        Problem(
            C.EVENT_WITH_ENDPOINT_TOO_LARGE,
            ("batch_item", "e"),
            actual=4_000_001,
            allowed=4_000_000,
            unit="bytes",
        ),
        Problem(C.TOO_MANY_ATTRIBUTES, actual=41, allowed=40, unit="names"),
        Problem(
            C.TOO_MANY_VALUES,
            ("attributes", "tier"),
            actual=51,
            allowed=50,
            unit="values",
        ),
        Problem(
            C.KEY_TOO_LONG,
            ("attributes", "note"),
            actual=51,
            allowed=50,
            unit="characters",
        ),
        Problem(
            C.VALUE_TOO_LONG,
            ("attributes", "note"),
            actual=201,
            allowed=200,
            unit="characters",
        ),
        Problem(C.EMPTY_BUILDER),
        Problem(C.NO_CURRENT_ENDPOINT, ("event",)),
        Problem(
            C.ENDPOINT_DIFFERS,
            ("batch_item", "e", "endpoint"),
            actual=("address", "opt_out"),
        ),
        Problem(C.EVENT_ID_TAKEN, ("batch_item", "e", "events", "v")),
        Problem(C.BUILDER_NOT_BUILT, ("request",)),
        Problem(C.LIMIT_NOT_POSITIVE, ("event_bytes",), actual=0, allowed=1),
        Problem(C.ATTEMPTS_NOT_POSITIVE, ("attempts",), actual=0),
        Problem(C.SECONDS_NOT_POSITIVE, ("deadline_seconds",), actual=-1.5),
        Problem(C.NOT_A_FAULT, ("faults", 0)),
        Problem(C.NOT_POSITIVE_INTEGERS, ("calls",)),
        Problem(C.NOT_HEADER_TEXT, ("code",)),
        Problem(C.LINE_TOO_LONG, allowed=1_000_000, unit="bytes"),
        Problem(C.MORE_PROBLEMS),
    )
}


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
        assert "; ".join(filter(None, EXAMPLES[code].words)) == PYTHON[code]

    @pytest.mark.parametrize("code", ProblemCode)
    def test_json(self, code: ProblemCode) -> None:
        """Those who write JSON read its terms."""
        problem = EXAMPLES[code]._replace(audience=Audience.JSON)
        words = "; ".join(filter(None, problem.words))
        assert words == JSON.get(code, PYTHON[code])

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
        problem = Problem(C.WRONG_TYPE, actual=actual, allowed=Expected(expected))
        assert "; ".join(problem.words) == python
        assert "; ".join(problem._replace(audience=Audience.JSON).words) == json

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
        assert {row[0] for row in TYPES} == set(Expected)

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
            assert problem.limit or is_cut_short

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

    @given(problem=strategies.problems())
    def test_any_facts_have_words(self, problem: Problem) -> None:
        """A sentence is made whatever the facts are, and never fails."""
        assert str(problem)
        assert problem.problem


_OF_PYTHON = re.compile(
    r"\b(None|NoneType|True|False|bool|datetime|dict|float|int|list|pass|str|timedelta"
    r"|tuple|tzinfo|kwargs?)\b|\w\(|\w="
)
