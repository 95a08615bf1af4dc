"""The service's names of members, and problems in those names."""

from typing import Any

from pinpoint_events.model._immutable import Immutable, fields_of
from pinpoint_events.problems import Audience, Problem, ProblemCode, keys_in
from pinpoint_events.wire.json_text import json_problem

__all__ = ["in_wire_names", "no_object", "wire_name"]


def wire_name(name: str) -> str:
    """Return the service's name of a member: the PascalCase of ours."""
    return "".join(word.capitalize() for word in name.split("_"))


def in_wire_names(problem: Problem) -> Problem:
    """Return a problem of an object as one of the JSON form of the object."""
    path = tuple(
        part if is_key or isinstance(part, int) else wire_name(part)
        for part, is_key in keys_in(problem.path)
    )
    return problem._replace(path=path, audience=Audience.JSON)


def no_object(cls: type[Immutable], data: Any) -> Problem:
    """Return the problem of data that should be an object and is none."""
    is_model = isinstance(data, Immutable)
    return json_problem(
        ProblemCode.ALREADY_AN_OBJECT if is_model else ProblemCode.NOT_AN_OBJECT,
        actual=type(data).__qualname__,
        allowed=tuple(wire_name(field.name) for field in fields_of(cls) if field.eq),
        unit=cls.__name__,
    )
