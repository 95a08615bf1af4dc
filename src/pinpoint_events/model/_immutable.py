"""
What makes the model immutable: one base class, and one mapping.

Frozen attrs classes alone are not enough. Their `__init__` can be called a second
time, `__setstate__` is a public way in, and a `dict` in a field can be changed by
whoever holds it (a `dict` subclass too, by `dict.__setitem__`). So here

- an object is filled by `__new__`, and its `__init__` does nothing,
- pickling and copying go through the constructor, or hand out the object itself,
- mappings are a class of their own, which only this package fills, and sequences are
  tuples,
- no class of the model has subclasses, which could bring anything along.

What is left is Python's own back door: `object.__setattr__`, and what it calls.

attrs gives the classes their fields, slots, comparison and frozen attributes, and tells
type checkers how they are built. `__new__` is made here from the same fields: it runs
all converters, then the rule between fields, and raises one error for all that they
refused. It fills a *draft*, an object of the same layout whose attributes can still be
set the ordinary way, and then makes it an object of the frozen class. That takes half
the time of setting frozen attributes one by one, which for small objects is most of it.
Mappings are made in the same way.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, ClassVar, NoReturn, Self, TypeVar, cast, final

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.problems import Problem

V = TypeVar("V")
M = TypeVar("M", bound="FrozenMap[Any]")


@final
class Refused:
    """
    What a converter returns for a value that the field does not take.

    Converters do not raise, so that one error can tell all problems of an object.
    """

    __slots__ = ("problems",)

    def __init__(self, *problems: Problem) -> None:
        """Keep what is wrong; the paths start below the field."""
        self.problems = problems


def passes_if(converter: Callable[[Any], Any], test: str, **names: object) -> None:
    """
    Have constructors test whether a converter would return the value as it is.

    Only if not, they call it: a call takes as long as the test itself. Worth it for
    what nearly every object has.

    Args:
        converter: The converter.
        test: An expression, with `{0}` for the value.
        names: What else the expression mentions.
    """
    _TESTS[converter] = test, names


_TESTS: dict[object, tuple[str, dict[str, object]]] = {}


class Immutable:
    """Base of all model classes."""

    # Weak references here: drafts could not become objects of a class that adds them.
    __slots__ = ("__weakref__", "_hash")

    _hash: int | None
    _compared: ClassVar[Callable[[Any], Any]]

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
        build.__new__ = _constructor(cls)
        del build.__init__
        build.__hash__ = Immutable.__hash__  # attrs would reckon it each time

    def _broken_rule(self) -> Problem | None:
        """
        Return what is wrong between fields; refused fields are passed over.

        Called on a draft, in which a field may still be set.
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


def _constructor(cls: type[Immutable]) -> Any:
    """Return the `__new__` of a frozen class, made from its attrs fields."""
    fields = fields_of(cls)
    slots = cast("Any", cls).__slots__
    names: dict[str, Any] = {
        "Draft": type(f"{cls.__name__}Draft", cls.__bases__, {"__slots__": slots}),
        "Refused": Refused,
        "refuse": _refuse,
        "this": cls,
    }
    parameters = ["cls"]
    lines = ["draft = Draft()", "draft._hash = None", "is_refused = False"]
    for field in fields:
        name = field.name
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        names[f"convert_{name}"] = field.converter
        steps = [
            f"{name} = convert_{name}({name})",
            f"if type({name}) is Refused: is_refused = True",
        ]
        if field.converter in _TESTS:
            test, mentioned = _TESTS[field.converter]
            names.update(mentioned)
            steps = [f"if not ({test.format(name)}):"] + [f"    {x}" for x in steps]
        default: Any = field.default
        if default is attrs.NOTHING:
            parameters.append(name)
            lines += steps
        else:
            # What the class itself gives is sound.
            if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
                names[f"make_{name}"] = default.factory
                default = attrs.NOTHING
                lines += [f"if {name} is default_{name}: {name} = make_{name}()"]
                lines += ["else:"]
            else:
                lines += [f"if {name} is not default_{name}:"]
            names[f"default_{name}"] = default
            parameters.append(f"{name}=default_{name}")
            lines += [f"    {step}" for step in steps]
        lines += [f"draft.{name} = {name}"]
    if cls._broken_rule is not Immutable._broken_rule:
        names["broken_rule"] = cls._broken_rule
        lines.append(
            "if is_refused or broken_rule(draft) is not None: refuse(this, draft)"
        )
    else:
        lines.append("if is_refused: refuse(this, draft)")
    lines += ["draft.__class__ = this", "return draft"]
    body = "".join(f"    {line}\n" for line in lines)
    exec(f"def __new__({', '.join(parameters)}):\n{body}", names)  # noqa: S102
    new = names["__new__"]
    # It stands in messages: `Event() missing 1 required positional argument`.
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


def refuse_unsound(**arguments: object) -> None:
    """Raise if a converter has refused one of the arguments; with all problems."""
    problems = problems_of(arguments)
    if problems:
        raise ValidationError(problems)


def problems_of(converted: Mapping[str, object]) -> list[Problem]:
    """Return the problems of all that converters have refused, each below its name."""
    return [
        problem.below(name)
        for name, value in converted.items()
        if type(value) is Refused
        for problem in value.problems
    ]


def _rebuilt(cls: type[Any], members: dict[str, Any]) -> object:
    return cls(**members)


class FrozenMap(Mapping[str, V]):
    """
    A mapping that nobody can change, of values that nobody can change.

    Equal to any mapping of equal content, a plain dict included. It never hands its
    inner dict to foreign code, which could change it.
    """

    __slots__ = ("_data", "_hash")

    _data: dict[str, V]
    _hash: int | None

    def __new__(cls, *_: object, **__: object) -> Self:
        """Refuse: what it would be made of, the caller could still change."""
        raise TypeError(f"pass a dict: only the model makes {cls.__name__} objects")

    def __getitem__(self, key: str) -> V:
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


_set_map_hash = cast("Any", FrozenMap)._hash.__set__
_MapDraft: Any = type(
    "MapDraft",
    cast("Any", FrozenMap).__bases__,
    {"__slots__": cast("Any", FrozenMap).__slots__},
)
_MapDraft.__abstractmethods__ = frozenset()


def inner_dict(values: Mapping[str, V]) -> dict[str, V]:
    """
    Return what is inside a mapping of the model, for loops: to be read, and not kept.

    Python goes through it three times as fast as through any mapping made in Python.
    """
    inside: Any = values
    data: dict[str, V] = inside._data
    return data


def frozen_map(kind: type[M], data: dict[str, Any]) -> M:
    """Take over `data`, which the caller must not keep, and whose values fit."""
    draft = _MapDraft()
    draft._data = data
    draft._hash = None
    draft.__class__ = kind
    made: M = draft
    return made
