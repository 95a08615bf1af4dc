"""Tests of a problem as a value: its facts, its place, and that it travels."""

import copy
import pickle
import subprocess
import sys

import pytest

from pinpoint_events.problems import (
    Audience,
    Expected,
    Problem,
    ProblemCode,
    Words,
    path_text,
    shortened,
)
from pinpoint_events.problems._paths import aws_cli_path_text
from pinpoint_events.wire.names import in_wire_names

LONG = Problem(
    ProblemCode.VALUE_TOO_LONG,
    ("attributes", "note"),
    actual=201,
    allowed=200,
    unit="characters",
)


class TestProblem:
    """Programs read code, path and facts; people read its words."""

    def test_facts(self) -> None:
        """Each fact is an attribute; `limit` is the words, `allowed` the number."""
        assert LONG.code is ProblemCode.VALUE_TOO_LONG
        assert str(LONG.code) == "value_too_long"
        assert (LONG.actual, LONG.allowed, LONG.unit) == (201, 200, "characters")
        assert (LONG.nearest, LONG.at) == ((), ())
        assert LONG.audience is Audience.PYTHON

    def test_words(self) -> None:
        """The three parts of the sentence are attributes as well."""
        words = Words("201 characters", "at most 200", LONG.remedy)
        assert LONG.words == words
        assert (LONG.problem, LONG.limit) == words[:2]
        assert str(LONG) == "attributes['note']: " + "; ".join(words)

    def test_empty_words_are_left_out(self) -> None:
        """A sentence has no empty parts."""
        assert str(Problem(ProblemCode.MORE_PROBLEMS)) == (
            "has more problems; correct these first"
        )

    def test_below(self) -> None:
        """Seen from further up, the path is longer and the rest the same."""
        below = LONG.below("batch_item", "e", "events", "v")
        assert below.path == ("batch_item", "e", "events", "v", "attributes", "note")
        assert below._replace(path=LONG.path) == LONG

    def test_is_a_value(self) -> None:
        """It compares and hashes by its facts, and cannot be changed."""
        same = Problem(*LONG)
        assert same == LONG
        assert hash(same) == hash(LONG)
        assert same.below("x") != LONG
        with pytest.raises(AttributeError):
            LONG.code = ProblemCode.EMPTY  # type: ignore[misc]

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickles(self, protocol: int) -> None:
        """Whole, and with its type."""
        again = pickle.loads(pickle.dumps(LONG, protocol))
        assert again == LONG
        assert type(again) is Problem
        assert type(again.code) is ProblemCode
        assert copy.deepcopy(LONG) == LONG

    def test_words_are_loaded_when_shown(self) -> None:
        """A process that shows no problem does not load the catalogues."""
        program = (
            "import sys; from pinpoint_events import Event, ValidationError\n"
            "try: Event('')\n"
            "except ValidationError as error: problem = error.problems[0]\n"
            "name = 'pinpoint_events.problems.catalogues'\n"
            "assert name not in sys.modules\n"
            "str(problem)\n"
            "assert name in sys.modules"
        )
        subprocess.run([sys.executable, "-c", program], check=True)


class TestPaths:
    """A path reads like code; keys are quoted, and never long."""

    @pytest.mark.parametrize(
        "path, text",
        [
            (("timestamp",), "timestamp"),
            (("session", "start_timestamp"), "session.start_timestamp"),
            (("attributes", "note"), "attributes['note']"),
            (("attributes", "attributes"), "attributes['attributes']"),
            (("user", "user_attributes", "tier", 2), "user.user_attributes['tier'][2]"),
            (
                ("batch_item", "e", "events", "v", "metrics", "n"),
                "batch_item['e'].events['v'].metrics['n']",
            ),
            (
                ("BatchItem", "e1", "Events", "v1", "Session", "StartTimestamp"),
                "BatchItem['e1'].Events['v1'].Session.StartTimestamp",
            ),
            (
                ("Results", "e", "EventsItemResponse", "v"),
                "Results['e'].EventsItemResponse['v']",
            ),
            (("BatchItem", "it's"), """BatchItem["it's"]"""),
            (("BatchItem", ""), "BatchItem['']"),
            (("Metrics", "ü"), "Metrics['ü']"),
            (("Event Type",), "['Event Type']"),
            (("Session", "1d"), "Session['1d']"),
            (("x" * 60,), "x" * 60),
            (("x" * 61,), "['" + "x" * 59 + "…']"),
            (("Events", "y" * 1_000_000), "Events['" + "y" * 59 + "…']"),
        ],
        ids=range(16),
    )
    def test_text(self, path: tuple[str | int, ...], text: str) -> None:
        """Members are joined by points, keys and positions stand in brackets."""
        assert path_text(path) == text
        assert str(Problem(ProblemCode.MISSING, path)).startswith(f"{text}: ")

    @pytest.mark.parametrize(
        "path",
        [("Attributes", "\ud800"), ("\udfff",), ("BatchItem", "a\nb\x1b[2J\u202e")],
        ids=["key", "member", "control"],
    )
    def test_odd_keys_are_escaped(self, path: tuple[str, ...]) -> None:
        """What no terminal or file could take is shown by its number."""
        line = path_text(path)
        assert line.encode().decode() == line
        assert line.isprintable()

    def test_of_the_aws_cli(self) -> None:
        """The AWS CLI joins keys by points too; odd and long ones are quoted."""
        path = ("Events", "a.b", "x" * 100, "", 3, "v-1:@_")
        assert aws_cli_path_text(path) == (
            f"Events['a.b']['{'x' * 59}…'][''][3].v-1:@_"
        )

    def test_shortened(self) -> None:
        """A text is quoted, and cut to its limit."""
        assert shortened("e-1") == "'e-1'"
        assert shortened("abcdef", 4) == "'abc…'"


class TestInWireNames:
    """A problem of an object becomes one of the JSON that the object stands for."""

    @pytest.mark.parametrize(
        "path, named",
        [
            (
                ("user", "user_attributes", "events", 0),
                ("User", "UserAttributes", "events", 0),
            ),
            (("attributes", "user_attributes"), ("Attributes", "user_attributes")),
            (("session", "start_timestamp"), ("Session", "StartTimestamp")),
            (
                ("batch_item", "attributes", "events", "e_v", "app_title"),
                ("BatchItem", "attributes", "Events", "e_v", "AppTitle"),
            ),
            ((), ()),
        ],
        ids=range(5),
    )
    def test_path(
        self, path: tuple[str | int, ...], named: tuple[str | int, ...]
    ) -> None:
        """Members are renamed at any depth, and no key is; facts stay."""
        problem = Problem(
            ProblemCode.WRONG_TYPE, path, actual="int", allowed=Expected.TEXT
        )
        assert in_wire_names(problem) == problem._replace(
            path=named, audience=Audience.JSON
        )
