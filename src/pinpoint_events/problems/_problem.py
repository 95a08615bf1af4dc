"""One thing that is wrong: its code, its place and the facts."""

from typing import NamedTuple

from pinpoint_events.problems._codes import Audience, ProblemCode
from pinpoint_events.problems._paths import Path

__all__ = ["Fact", "Problem", "Words"]

Fact = int | float | str | tuple[str, ...] | tuple[float, float] | None


class Words(NamedTuple):
    """
    What a problem says to people.

    Attributes:
        problem: What is wrong, with its measure, as in "201 characters".
        limit: What would be right, as in "at most 200"; may be empty. The fact behind
            it is `Problem.allowed`.
        remedy: What to do; may be empty.
    """

    problem: str
    limit: str = ""
    remedy: str = ""


# A named tuple: an import of the errors should not have to load attrs.
class Problem(NamedTuple):
    """
    One thing that is wrong, and what to do about it.

    Attributes:
        code: What kind of fault it is; programs branch on it.
        path: Where: names of members, keys of mappings (`str`), positions (`int`).
            Python names for objects, the service's names for wire data.
        actual: What was found: a measure, the name of a type, a refused word.
        allowed: What would be right: the largest measure, the type, the known names.
        unit: What is measured, such as `characters`.
        nearest: Known names that resemble a refused one, or the path at which a member
            belongs, as in `User.UserId`.
        at: Where in a text: its line and column (both from 1), its column alone, or its
            byte (from 0).
        audience: Whose words `str()` of it uses.
        kind: What kind of value was found, such as `enum`, where remedies go by it.
    """

    code: ProblemCode
    path: Path = ()
    actual: Fact = None
    allowed: Fact = None
    unit: str = ""
    nearest: tuple[str, ...] = ()
    at: tuple[int, ...] = ()
    audience: Audience = Audience.PYTHON
    kind: str = ""

    @property
    def words(self) -> Words:
        """What is wrong, what would be right, and what to do, for its audience."""
        # Imported here: most processes never show a problem.
        from pinpoint_events.problems.catalogues import words  # noqa: PLC0415

        return words(self)

    @property
    def problem(self) -> str:
        """What is wrong, with its measure, as in "201 characters"."""
        return self.words.problem

    @property
    def limit(self) -> str:
        """What would be right, as in "at most 200"; empty where nothing is."""
        return self.words.limit

    @property
    def remedy(self) -> str:
        """What to do; empty where the limit says it all."""
        return self.words.remedy

    def __str__(self) -> str:
        """Return path, problem, limit and remedy in one line."""
        from pinpoint_events.problems.catalogues import sentence  # noqa: PLC0415

        return sentence(self)

    def below(self, *path: str | int) -> "Problem":
        """Return the same problem with this path before its own."""
        return self._replace(path=(*path, *self.path))
