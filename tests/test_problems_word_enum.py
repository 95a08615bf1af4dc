"""Tests of the enums whose members are words."""

import traceback
from typing import Any

import pytest

from pinpoint_events import OptOut
from pinpoint_events.problems import WordEnum
from tests.test_silence import ENUMS


@pytest.mark.parametrize("enum", ENUMS.values(), ids=ENUMS)
def test_members(enum: Any) -> None:
    """A member, and its word, are that member."""
    assert issubclass(enum, WordEnum)
    for member in enum:
        assert enum(member) is member
        assert enum(str(member)) is member


@pytest.mark.parametrize("enum", ENUMS.values(), ids=ENUMS)
@pytest.mark.parametrize(
    "value", ["planted", b"planted", ["planted"], None], ids=range(4)
)
def test_other_words(enum: Any, value: object) -> None:
    """The error names the enum and its members, and not the value."""
    with pytest.raises(ValueError, match=enum.__name__) as caught:
        enum(value)
    lines = traceback.format_exception(caught.value)
    assert not any("planted" in line for line in lines)


@pytest.mark.parametrize("enum", ENUMS.values(), ids=ENUMS)
@pytest.mark.parametrize(
    "words", [(), ("planted", "x"), ("planted", "x", "y")], ids=len
)
def test_other_numbers_of_words(enum: Any, words: tuple[str, ...]) -> None:
    """An enum takes one word; Python's functional API is not reached."""
    with pytest.raises(
        TypeError, match=f"^{enum.__name__} takes one argument, a word$"
    ):
        enum(*words)
    with pytest.raises(TypeError, match="takes one argument"):
        enum("planted", names="x")
    first = next(iter(enum))
    assert enum(value=str(first)) is first


@pytest.mark.parametrize(
    "value, message",
    [
        (
            "planted",
            "OptOut: is no known value; expected one of ALL, NONE; pass one of them",
        ),
        (
            5,
            (
                "OptOut: is of type int; expected an OptOut or its wire string; pass "
                "one, as in OptOut.ALL"
            ),
        ),
    ],
)
def test_message(value: Any, message: str) -> None:
    """In the words of problems."""
    with pytest.raises(ValueError, match=r"^OptOut: ") as caught:
        OptOut(value)
    assert str(caught.value) == message
