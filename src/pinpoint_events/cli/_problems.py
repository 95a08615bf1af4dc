"""Problems as a shell's user reads them: in the AWS CLI's words where it has some."""

from string import ascii_letters, digits
from typing import Final

from pinpoint_events._json_words import in_json_words
from pinpoint_events.errors import Problem, shortened

__all__ = ["problem_text"]


def problem_text(problem: Problem) -> str:
    """Return a problem in one line."""
    problem = in_json_words(problem)
    if not problem.path:
        return str(problem)
    where = _path_text(problem.path)
    told = f"{where}: {problem.problem}"
    rest: tuple[str, ...] = problem[2:]
    parent = _path_text(problem.path[:-1]) or "input"
    name = f'"{shortened(str(problem.path[-1]))[1:-1]}"'
    if problem.problem == "is missing":
        told = f"Missing required parameter in {parent}: {name}"
    elif problem.problem == "is not known":
        choices = problem.limit.removeprefix("one of ")
        told = f"Unknown parameter in {parent}: {name}, must be one of: {choices}"
        rest = (problem.remedy,)
    elif problem.problem.startswith("is of type "):
        kind = problem.problem.removeprefix("is of type ")
        told = f"Invalid type for parameter {where}, type: <class '{kind}'>"
    return "; ".join(part for part in (told, *rest) if part)


# What needs no quotes to be told from what stands around it.
_PLAIN: Final = frozenset(ascii_letters + digits + "_-:@")
_MOST_CHARACTERS: Final = 60


def _path_text(path: tuple[str | int, ...]) -> str:
    """Return a path as the AWS CLI does: `EventsRequest.BatchItem.e1.Events.v1`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif part and len(part) <= _MOST_CHARACTERS and _PLAIN.issuperset(part):
            shown += f".{part}" if shown else part
        else:
            shown += f"[{shortened(part)}]"
    return shown
