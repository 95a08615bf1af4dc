import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
import ruamel.yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pinpoint_events import ConfigurationError
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.cli.put_events._yaml import library, yaml_object

SECRET = "someone@example.com"
TEXT = "text " * 1_000
PREFIX = "Error parsing parameter 'cli-input-yaml': "


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
DATA = st.dictionaries(
    TEXTS,
    st.recursive(
        SCALARS,
        lambda each: st.lists(each) | st.dictionaries(TEXTS, each),
        max_leaves=5,
    ),
)


def read(text: str) -> dict[str, Any]:
    """Return the mapping that a text in YAML is."""
    return yaml_object("cli-input-yaml", text)


def refusal_of(act: Callable[[], object]) -> str:
    """Return what the error says, after a look at what it holds."""
    with pytest.raises(UsageError) as caught:
        act()
    error = caught.value
    assert SECRET not in repr(error)
    assert error.__context__ is None
    assert error.message.startswith(PREFIX)
    return error.message.removeprefix(PREFIX)


class TestValues:
    """What YAML 1.2 says, as the JSON that it stands for."""

    @pytest.mark.parametrize(
        "text, found",
        [
            ("text", "text"),
            ("'1'", "1"),
            ("!!str 1", "1"),
            ("1", 1),
            ("-0x1F", -31),
            ("0o17", 15),
            ("1.5", 1.5),
            ("1e3", 1000.0),
            ("true", True),
            ("False", False),
            ("~", None),
            ("", None),
            ("NO", "NO"),
            ("yes", "yes"),
            ("2026-01-01 00:00:00Z", "2026-01-01 00:00:00Z"),
            ("2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123Z"),
            ("2026-01-01", "2026-01-01"),
            ("[a, [1], {b: c}]", ["a", [1], {"b": "c"}]),
            ("{1: a, true: b, 2026-01-01: c, ~: d}", None),
            ("|\n a\n b\n", "a\nb\n"),
            ('"b\\u00fc \\U0001F388"', "bü 🎈"),
        ],
    )
    def test_are_read(self, text: str, found: object) -> None:
        """Times and keys stay as they are written; `NO` is a country."""
        if found is None and text.startswith("{"):
            found = {"1": "a", "true": "b", "2026-01-01": "c", "~": "d"}
        value = read(f"k: {text}")["k"]
        assert (value, type(value)) == (found, type(found))

    def test_aliases(self) -> None:
        """An alias stands for what it names, each time anew."""
        found = read("a: &x {k: [1]}\nb: *x\nc: &x 2\nd: *x")
        assert found == {"a": {"k": [1]}, "b": {"k": [1]}, "c": 2, "d": 2}
        assert found["a"] is not found["b"]

    def test_merge(self) -> None:
        """What is merged gives way to what stands beside it, or was merged before."""
        found = read(
            "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
            "c: {<<: *a, x: 3}\nd: {x: 3, <<: [*a, *b]}"
        )
        assert found["c"] == {"x": 3, "y": 1}
        assert found["d"] == {"x": 3, "y": 1, "z": 2}

    @settings(max_examples=40)
    @given(value=DATA)
    def test_json(self, value: Any) -> None:
        """JSON is YAML, and means the same."""
        assert read(json.dumps(value)) == value


INVALID = "Invalid YAML received: "
NO_MAPPING = "Invalid type: expecting map, received"
A_MAPPING = "pass one mapping, or file:// and the path of a file that holds one"
NO_MEANING = f"{INVALID}a tag has no meaning in JSON at line 1 column 4"
NO_NUMBER = f"{INVALID}something is tagged a number and is none at line 1 column 4"


class TestRefused:
    """What has no counterpart in JSON, or no end, is reported by its place alone."""

    @pytest.mark.parametrize(
        "text, message",
        [
            ("a: [", f"Invalid YAML received at line 1 column 5; {A_MAPPING}"),
            (
                f"a: '{SECRET}",
                f"Invalid YAML received at line 1 column 24; {A_MAPPING}",
            ),
            (
                f"a: *{SECRET[:7]}",
                f"Invalid YAML received at line 1 column 4; {A_MAPPING}",
            ),
            (
                "a: 1\n--- \nb: 2",
                f"Invalid YAML received at line 2 column 1; {A_MAPPING}",
            ),
            ("a: \x07", f"Invalid YAML received; {A_MAPPING}"),
            (
                f"a: 1\n{SECRET}: 1\n{SECRET}: 2",
                "Invalid YAML received: a key occurs twice at line 3 column 1",
            ),
            (
                f"? [{SECRET}]\n: 1",
                "Invalid YAML received: a key is no text at line 1 column 3",
            ),
            (
                "a: !!python/object/apply:os.system [x]",
                NO_MEANING,
            ),
            (
                "a: !!binary eA==",
                NO_MEANING,
            ),
            (
                "a: !!set {x, y}",
                NO_MEANING,
            ),
            (
                f"a: !!int {SECRET}",
                NO_NUMBER,
            ),
            (
                "a: !!float x",
                NO_NUMBER,
            ),
            (f"a: {'1' * 5_000}", NO_NUMBER),
            ("<<: 1", "Invalid YAML received: << takes a mapping at line 1 column 5"),
            ("<<: [1]", "Invalid YAML received: << takes a mapping at line 1 column 6"),
            ("a: &a [*a]", "Invalid YAML received: it is nested too deeply"),
            (f"a: {'[' * 1_000}", "Invalid YAML received: it is nested too deeply"),
            ("", f"{NO_MAPPING} <class 'NoneType'>; {A_MAPPING}"),
            ("[]", f"{NO_MAPPING} <class 'list'>; {A_MAPPING}"),
            ("text", f"{NO_MAPPING} <class 'str'>; {A_MAPPING}"),
        ],
        ids=lambda text: str(text)[:20],
    )
    def test_is_reported(self, text: str, message: str) -> None:
        """Nothing of the text is repeated."""
        refusal = refusal_of(lambda: read(text))
        assert refusal == message

    @pytest.mark.parametrize("sign", ["[*{0}, *{0}]", "{{<<: [*{0}], k: *{0}}}"])
    def test_bombs(self, sign: str) -> None:
        """Aliases of aliases end at twice what the service takes."""
        lines = [f"a0: &a0 {{x: {TEXT}}}"]
        lines += [
            f"a{number}: &a{number} {sign.format(f'a{number - 1}')}"
            for number in range(1, 40)
        ]
        if sign.startswith("["):
            lines[0] = f"a0: &a0 {TEXT}"
        message = refusal_of(lambda: read("\n".join(lines)))
        assert message.startswith(
            "Invalid YAML received: aliases written out, it has more than 5,000,000 "
            "characters at line "
        )


class TestLibrary:
    """ruamel.yaml, which is optional."""

    def test_is_loaded(self) -> None:
        """It is that one."""
        assert library() is ruamel.yaml

    def test_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it is not installed, the message says how to install it."""
        monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
        with pytest.raises(ConfigurationError) as caught:
            read("a: b")
        assert str(caught.value) == (
            "YAML is read and written by ruamel.yaml, which is not installed; install "
            "it with: pip install 'pinpoint-events[cli]'"
        )
