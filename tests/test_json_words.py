import pytest

from pinpoint_events import Endpoint, EventsRequest, ValidationError
from pinpoint_events._json_words import in_json_words
from pinpoint_events.errors import Problem
from pinpoint_events.wire import from_wire


class TestInJsonWords:
    """A problem says what to write; which function to call is of no use in JSON."""

    def test_says_what_to_write(self) -> None:
        """Path and what was found stay, and limit and remedy are those of JSON."""
        with pytest.raises(ValidationError) as caught:
            from_wire(EventsRequest, {"BatchItem": {"e": {"Endpoint": {"OptOut": 1}}}})
        first, second = map(in_json_words, caught.value.problems)
        assert str(first) == (
            "BatchItem['e'].Endpoint.OptOut: is of type int; a text in quotes; write "
            'one of its words, as in "ALL"'
        )
        assert str(second) == (
            "BatchItem['e'].Events: is missing; a required member; add it"
        )

    def test_python_says_the_other(self) -> None:
        """Who writes Python reads its own words for the same."""
        with pytest.raises(ValidationError) as caught:
            Endpoint(opt_out=1)  # type: ignore[arg-type]
        (problem,) = caught.value.problems
        assert "pass one, as in OptOut.ALL" in str(problem)
        assert "OptOut" not in in_json_words(problem).remedy

    def test_keeps_what_is_clear(self) -> None:
        """Other words stay as they are."""
        problem = Problem(("a",), "201 characters", "at most 200", "shorten it")
        assert in_json_words(problem) == problem
