"""
The immutable base class of the model, and its immutable mapping.

Frozen attrs classes alone are not immutable. Their `__init__` can be called a second
time, `__setstate__` is public, and a `dict` in a field can be changed by its owner (a
`dict` subclass too, by `dict.__setitem__`). Therefore

- `__new__` fills an object, and its `__init__` does nothing,
- pickling goes through the constructor, and copying returns the object itself,
- mappings are of a class that only this package fills, and sequences are tuples,
- classes of the model have no subclasses, which could add mutable state.

`object.__setattr__` remains, as for every object in Python.

attrs gives the classes their fields, slots, comparison and frozen attributes, and tells
type checkers how they are built. The constructor is generated from the same fields; see
`_generated`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, ClassVar, NoReturn, Self, TypeVar, cast, final

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._generated import constructor
from pinpoint_events.model._registration import register_class
from pinpoint_events.problems import Problem

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
W = TypeVar("W")
M = TypeVar("M", bound="FrozenMap[Any]")


@final
class Refused:
    """
    What a converter returns for an invalid value.

    Converters do not raise, so that one error can report all problems of an object.
    """

    __slots__ = ("problems",)

    def __init__(self, *problems: Problem) -> None:
        """Keep the problems; their paths start below the field."""
        self.problems = problems


class Immutable:
    """Base of all model classes."""

    # `__weakref__` is here because a draft cannot become an object of a class that adds
    # it.
    __slots__ = ("__weakref__", "_hash")

    _hash: int | None
    _compared: ClassVar[Callable[[Any], Any]]
    # When `_broken_rule` certainly finds no problem: if the first of these members is
    # None, or the second is not. None if only the rule itself can tell.
    _rule_kept_if: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls) -> None:
        # attrs makes each class twice, from the same bases, to give it slots.
        for base in cls.__bases__:
            if attrs.has(base):
                remedy = "write a function that returns one, or a class that holds one"
                raise TypeError(f"{base.__name__} has no subclasses; {remedy}")

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        names = [field.name for field in fields_of(cls) if field.eq]
        cls._compared = attrgetter(*names)
        build: Any = cls
        has_rule = cls._broken_rule is not Immutable._broken_rule
        new = _new_of(cls, has_rule=has_rule)
        build.__new__ = new
        del build.__init__
        build.__hash__ = Immutable.__hash__  # attrs' own is computed at each call
        kept_if = cls._rule_kept_if if has_rule else ()
        register_class(cls, fields_of(cls), new=new, kept_if=kept_if)

    def _broken_rule(self) -> Problem | None:
        """
        Return the problem between members, if there is one; ignore invalid members.

        Called on a draft, whose members can still be set.
        """
        return None

    def __hash__(self) -> int:
        if self._hash is None:
            _set_hash(self, hash((type(self), type(self)._compared(self))))
        return cast("int", self._hash)

    def __repr__(self) -> str:
        shown = []
        for field in fields_of(type(self)):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            shown.append(
                f"{field.name}={value!r}" if field.kw_only else repr(value),
            )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        fields = fields_of(type(self))
        return _rebuilt, (
            type(self),
            {field.name: getattr(self, field.name) for field in fields},
        )


_set_hash = cast("Any", Immutable)._hash.__set__


def fields_of(cls: type[Immutable]) -> "tuple[attrs.Attribute[Any], ...]":
    """Return the fields of a model class."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(
        cast("type[attrs.AttrsInstance]", cls)
    )
    return fields


def _new_of(cls: type[Immutable], *, has_rule: bool) -> Any:
    """Return the generated `__new__` of a class."""
    new = constructor(
        cls,
        fields_of(cls),
        refused=Refused,
        refuse=_refuse,
        has_rule=has_rule,
    )
    # Python shows it: `Event() missing 1 required positional argument`.
    new.__qualname__ = cls.__qualname__
    new.__module__ = cls.__module__
    new.__annotations__ = {**cls.__init__.__annotations__, "return": cls}
    return new


def _refuse(cls: type[Immutable], draft: Any) -> NoReturn:
    problems = problems_of(
        {field.name: getattr(draft, field.name) for field in fields_of(cls)}
    )
    broken = cls._broken_rule(draft)
    raise ValidationError([*problems, broken] if broken else problems)


def raise_if_invalid(**arguments: object) -> None:
    """Raise an error with all problems if a converter has refused an argument."""
    problems = problems_of(arguments)
    if problems:
        raise ValidationError(problems)


def problems_of(converted: Mapping[str, object]) -> list[Problem]:
    """Return the problems of all refused values, each below its name."""
    return [
        problem.below(name)
        for name, value in converted.items()
        if type(value) is Refused
        for problem in value.problems
    ]


def _rebuilt(cls: type[Any], members: dict[str, Any]) -> object:
    # Names that come from a pickle are other objects than those of the fields, and the
    # compiled part knows the fields by those alone.
    return cls(**{sys.intern(name): member for name, member in members.items()})


class FrozenMap(Mapping[str, V_co]):
    """
    An immutable mapping of immutable values.

    It equals any mapping of equal content, a plain dict included. `|` with another
    mapping gives a dict, for the constructor. It never passes its inner dict to foreign
    code, which could change it.
    """

    __slots__ = ("_data", "_hash")

    _data: dict[str, V_co]
    _hash: int | None

    def __new__(cls, *_: object, **__: object) -> Self:
        """Refuse: the caller could still change the mapping that it is made of."""
        raise TypeError(f"pass a dict: only the model makes {cls.__name__} objects")

    def __getitem__(self, key: str) -> V_co:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __eq__(self, other: object) -> bool:
        if type(other) is type(self):
            return self._data == other._data
        if isinstance(other, Mapping):
            return self._data == dict(other)
        return NotImplemented

    def __or__(self, other: Mapping[str, W]) -> dict[str, V_co | W]:
        """Return a dict of both; where both have a key, the value is the other's."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**self._data, **other}

    def __ror__(self, other: Mapping[str, W]) -> dict[str, V_co | W]:
        """Return a dict of both; where both have a key, the value is this one's."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**other, **self._data}

    def __hash__(self) -> int:
        if self._hash is None:
            _set_map_hash(self, hash(frozenset(self._data.items())))
        return cast("int", self._hash)

    def __repr__(self) -> str:
        return repr(self._data)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError

    def __delattr__(self, name: str) -> NoReturn:
        raise attrs.exceptions.FrozenInstanceError

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return frozen_map, (type(self), dict(self._data))


_set_data = cast("Any", FrozenMap)._data.__set__
_set_map_hash = cast("Any", FrozenMap)._hash.__set__


def dict_inside(values: Mapping[str, V]) -> dict[str, V]:
    """
    Return the dict inside a mapping of the model, to read it in a loop.

    Python iterates over it three times as fast as over a mapping written in Python.
    """
    inside: Any = values
    data: dict[str, V] = inside._data
    return data


def frozen_map(kind: type[M], data: dict[str, Any]) -> M:
    """Return a mapping of `data`, which must be valid and kept by no one else."""
    made: M = object.__new__(kind)
    _set_data(made, data)
    _set_map_hash(made, None)
    return made
