"""The compiled part refuses to register what it could not serve, and names it."""

from typing import Any

import pytest

from pinpoint_events.compiled import core

pytestmark = pytest.mark.skipif(core is None, reason="the compiled part is not used")


class Slots:
    """A class with two slots."""

    __slots__ = ("_hash", "a")


class NoSlots:
    """A class with none."""

    _hash = None


def field(kind: str = "text", name: str = "a", **facts: Any) -> tuple[Any, ...]:
    """Return the facts of a field."""
    names = ("of", "members", "low", "high", "standard", "factory", "is_keyword")
    usual = (None, None, 0, 0, (None,), None, True)
    found = dict(zip(names, usual, strict=True)) | facts
    return (name, kind, *found.values())


class TestClasses:
    """Classes, fields and names."""

    @pytest.mark.parametrize(
        "facts, message",
        [
            (field("colour"), "no kind of field is named colour"),
            (field(name="b"), "b"),
            (field(name="__doc__"), "__doc__ is no slot"),
            (field("model"), "field a has no class, or no members"),
            (field("member", of=str), "field a has no class, or no members"),
            (
                field("member", of=str, members=[]),
                "field a has no class, or no members",
            ),
        ],
    )
    def test_fields(self, facts: tuple[Any, ...], message: str) -> None:
        """A field needs a known kind, a slot, and the class that its kind is about."""
        with pytest.raises((AttributeError, TypeError, ValueError), match=message):
            core.register_class(Slots, (facts,), Slots, ())
        assert Slots() is not None

    def test_too_many(self) -> None:
        """There are 16 fields at most."""
        with pytest.raises(ValueError, match="too many fields"):
            core.register_class(Slots, (field(),) * 17, Slots, ())

    def test_no_slots(self) -> None:
        """The class has a slot for its hash."""
        with pytest.raises(TypeError, match="_hash is no slot"):
            core.register_class(NoSlots, (), NoSlots, ())

    def test_rule(self) -> None:
        """A rule is about fields of the class."""
        with pytest.raises(ValueError, match="no field is named 'b'"):
            core.register_class(Slots, (field(),), Slots, ("b",))

    def test_names(self) -> None:
        """Names are for fields of a class that is registered."""
        with pytest.raises(ValueError, match="the class is not registered"):
            core.name_fields(Slots, {"a": "A"})
        with pytest.raises(ValueError, match="the class is not registered"):
            core.limited_writer(Slots, 1, 1, 1, 1, 1)

    def test_maps(self) -> None:
        """A mapping has slots for its dict and its hash."""
        with pytest.raises(ValueError, match="no kind of field is named colour"):
            core.register_map("colour", Slots, None)
        with pytest.raises(AttributeError, match="_data"):
            core.register_map("text_map", Slots, None)
