"""The service's names of members, and paths in those names."""

from pinpoint_events.problems import Audience, Problem, keys_in

__all__ = ["in_wire_names", "wire_name"]


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
