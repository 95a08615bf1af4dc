"""
Tells the compiled part what the classes of the model are.

A class is registered with what its constructor in Python is made of: the name, default
and slot of each field, and the kind of its values, which its converter states.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

import attrs

from pinpoint_events.compiled import core
from pinpoint_events.model._member_types import member_type

__all__ = ["compiled_as", "is_compiled", "register_class", "register_map"]


# Converter to the name of its kind, and the bounds of its ints.
_kinds: Final[dict[Any, tuple[str, int, int]]] = {}


def compiled_as(
    kind: str, converter: Callable[..., Any], low: int = 0, high: int = 0
) -> None:
    """
    State what the compiled part does in place of a converter.

    A new rule of the converter needs a new number of the interface, see `compiled`.

    Args:
        kind: The name of a kind, in `speedups/src/core/classes.c`: which values are
            taken as they are, or copied.
        converter: The converter.
        low: The least int among them.
        high: The greatest.
    """
    _kinds[converter] = kind, low, high


def register_map(kind: str, cls: type[Any], empty: object) -> None:
    """Let the compiled part make mappings of a class, and use the empty one."""
    if core is not None:
        core.register_map(kind, cls, empty)


def register_class(
    cls: type[Any],
    fields: "Sequence[attrs.Attribute[Any]]",
    *,
    new: Callable[..., Any],
    kept_if: Sequence[str] | None,
) -> None:
    """
    Let the compiled part construct objects of a class, if it knows all its fields.

    Args:
        cls: The class.
        fields: Its fields.
        new: Its constructor in Python.
        kept_if: When the rule between its members is certainly kept: if the first of
            these members is None, or the second is not. Empty if it has no rule; None
            if only the rule itself can tell.
    """
    if core is None or kept_if is None:
        return
    facts = [_facts(field) for field in fields]
    if None in facts:
        return
    core.register_class(cls, tuple(facts), new, tuple(kept_if))
    _compiled.add(cls)


_compiled: Final[set[type[Any]]] = set()


def is_compiled(cls: type[Any]) -> bool:
    """Return whether the compiled part constructs objects of the class."""
    return cls in _compiled


def _facts(field: "attrs.Attribute[Any]") -> tuple[Any, ...] | None:
    """Return what the compiled part reads of a field; None if it knows no such."""
    found = _kinds.get(field.converter)
    if found is None:
        return None
    kind, low, high = found
    of = member_type(field)
    if get_args(of):
        *_, of = get_args(of)
    default: Any = field.default
    factory = None
    # To type checkers, `Factory` is a function.
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default, factory = attrs.NOTHING, default.factory
    is_required = default is attrs.NOTHING and factory is None
    return (
        field.name,
        kind,
        of if isinstance(of, type) else None,
        getattr(of, "_value2member_map_", None),
        low,
        high,
        None if is_required else (default,),
        factory,
        field.kw_only,
    )
