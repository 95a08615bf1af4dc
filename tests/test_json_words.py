import pytest

from pinpoint_events import Endpoint, EventsRequest, ValidationError
from pinpoint_events._json_words import in_json_words, in_wire_names
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


class TestInWireNames:
    """A problem of an object is told to who writes JSON with the service's names."""

    @pytest.mark.parametrize(
        "path, named",
        [
            (
                ("user", "user_attributes", "events", 0),
                "User.UserAttributes['events'][0]",
            ),
            (("attributes", "user_attributes"), "Attributes['user_attributes']"),
            (("session", "start_timestamp"), "Session.StartTimestamp"),
            (
                ("batch_item", "attributes", "events", "e_v", "app_title"),
                "BatchItem['attributes'].Events['e_v'].AppTitle",
            ),
        ],
        ids=range(4),
    )
    def test_path(self, path: tuple[str | int, ...], named: str) -> None:
        """Members are renamed at any depth, and no key is."""
        problem = Problem(path, "is empty")
        assert str(in_wire_names(problem)) == f"{named}: is empty"

    def test_no_path(self) -> None:
        """A problem of the whole stays as it is."""
        problem = Problem((), "101 events", "at most 100")
        assert in_wire_names(problem) == problem
