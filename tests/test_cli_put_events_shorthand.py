import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.cli.put_events import skeleton
from pinpoint_events.cli.put_events._shorthand import (
    ShorthandSyntaxError,
    parsed,
    with_types,
)

SECRET = "someone@example.com"


def content(name: str) -> str:
    """Return what a file holds, in this place."""
    return f"<{name}>"


def read(text: str) -> dict[str, Any]:
    """Return what a text in shorthand syntax says."""
    return parsed(text, content)


class TestSyntax:
    """Texts, lists and hashes; `tests/test_cli_differential.py` has the AWS CLI's."""

    @pytest.mark.parametrize(
        "text, found",
        [
            ("a=b", {"a": "b"}),
            ("a=", {"a": ""}),
            ("a = b c \n", {"a": "b c"}),
            ("a=b,c=d", {"a": "b", "c": "d"}),
            ("a=b,c,d=e", {"a": ["b", "c"], "d": "e"}),
            ("a=b,'c', \"d\" ,e=f", {"a": ["b", "c", "d"], "e": "f"}),
            ("a=b=c,d", {"a": ["b=c", "d"]}),
            ("a=[],b={}", {"a": [], "b": {}}),
            ("a=[b,[c,{d=e}]]", {"a": ["b", ["c", {"d": "e"}]]}),
            ("a={b={c=[d]},e=f,}", {"a": {"b": {"c": ["d"]}, "e": "f"}}),
            ("a={b=,c=''}", {"a": {"b": "", "c": ""}}),
            (r"a='it\'s \\ {[,=]}'", {"a": r"it's \ {[,=]}"}),
            (r'a="\"b\" \\"', {"a": '"b" \\'}),
            (r"a=b\,c\d", {"a": r"b,c\d"}),
            ("a-b_c.d#e/f:g={h=🎈}", {"a-b_c.d#e/f:g": {"h": "🎈"}}),
            ("a@=b,c=d", {"a": "<b>", "c": "d"}),
            ("a={b@='c'},d=[e]", {"a": {"b": "<c>"}, "d": ["e"]}),
            ("a@=b,c", {"a": ["<b>", "<c>"]}),
        ],
    )
    def test_read(self, text: str, found: dict[str, Any]) -> None:
        """Each sign has its meaning, and blanks around it have none."""
        assert read(text) == found

    @pytest.mark.parametrize(
        "text, message",
        [
            ("", "Expected: '=', received: 'EOF' for input: at character 1"),
            ("a", "Expected: '=', received: 'EOF' for input: at character 2"),
            ("=", None),
            (f"a{SECRET}", "Expected: '=', received: 'e' for input: at character 10"),
            ("a={", "Expected: '=', received: 'EOF' for input: at character 4"),
            ("a={b=c", "Expected: ',', received: 'EOF' for input: at character 7"),
            ("a=[b", "Expected: ',', received: 'EOF' for input: at character 5"),
            ("a={}}", "Expected: ',', received: '}' for input: at character 5"),
            ("a='b", "Expected: '<single quoted>', received: '<none>' for input: at"),
            ('a=b,"c', "Expected: '<double quoted>', received: '<none>' for input: at"),
            (
                "a=b,",
                "Expected: '<second>', received: '<none>' for input: at character 5",
            ),
            ("a=b,[c]", "Expected: '<second>', received: '<none>' for input: at char"),
            (
                "a=b,a=c",
                (
                    "Second instance of a key encountered for input: at character 5. "
                    'This is often because there is a preceding "," instead of a space.'
                ),
            ),
            ("a={b=1,b=2}", "Second instance of a key encountered for input: at char"),
            (f"a={'{b=' * 100_000}", "shorthand syntax nested too deeply"),
        ],
        ids=lambda text: str(text)[:20],
    )
    def test_problems(self, text: str, message: str | None) -> None:
        """What is expected is reported, and where; the text itself is not repeated."""
        if message is None:
            assert read(text) == {"": ""}
            return
        with pytest.raises(ShorthandSyntaxError) as caught:
            read(text)
        assert str(caught.value).startswith(message)
        assert SECRET not in str(caught.value)

    @given(text=st.text("ab=,[]{}'\"\\@ \n🎈", max_size=30))
    def test_ends(self, text: str) -> None:
        """Whatever the text, there is an answer, or a problem."""
        try:
            found = read(text)
        except ShorthandSyntaxError:
            return
        assert json.dumps(found)

    _PLAIN = st.text("abc .-é\\'\"{}[]=,", max_size=5)
    _VALUES = st.recursive(
        _PLAIN,
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(st.text("ab", min_size=1, max_size=2), each, max_size=3)
        ),
        max_leaves=6,
    )

    @given(value=_VALUES)
    def test_round_trip(self, value: Any) -> None:
        """Whatever is written with quotes is read again."""
        assert read(f"a={written(value)}") == {"a": value}


def written(value: Any) -> str:
    """Return a value in shorthand syntax."""
    if isinstance(value, dict):
        pairs = (f"{key}={written(each)}" for key, each in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    text: str = value
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class TestTypes:
    """Texts become what the service's description says."""

    MODEL = skeleton.INPUT["EventsRequest"]

    def typed(self, batch: Any) -> Any:
        """Return one batch, as it is after that."""
        request = with_types({"BatchItem": {"e": batch}}, self.MODEL)
        return request["BatchItem"]["e"]

    def test_numbers(self) -> None:
        """Where the service has a double it is one, else a whole number."""
        event = {"Metrics": {"m": "1"}, "Session": {"Duration": "5"}}
        found = self.typed(
            {"Endpoint": {"Location": {"Latitude": "-1e1"}}, "Events": {"v": event}}
        )
        location = found["Endpoint"]["Location"]
        event = found["Events"]["v"]
        assert repr(location["Latitude"]) == "-10.0"
        assert repr(event["Metrics"]["m"]) == "1.0"
        assert repr(event["Session"]["Duration"]) == "5"

    def test_lists(self) -> None:
        """One text is a list of one; a list stays."""
        attributes = {"a": "x", "b": ["x", "y"]}
        found = self.typed({"Endpoint": {"Attributes": attributes}})
        assert found["Endpoint"]["Attributes"] == {"a": ["x"], "b": ["x", "y"]}

    @pytest.mark.parametrize(
        "batch",
        [
            "text",
            {"Endpoint": ["list"]},
            {"Endpoint": {"Bogus": {"a": ["1"]}, "Metrics": {"m": "x", "n": ["1"]}}},
            {"Endpoint": {"Attributes": {"a": {"b": "c"}}, "Address": ["a"]}},
        ],
    )
    def test_what_does_not_fit(self, batch: Any) -> None:
        """It stays as it is, for the request's own rules to refuse."""
        assert self.typed(batch) == batch
