"""The base of enums whose members are words."""

from enum import EnumType, StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["WordEnum"]


class _OfOneWord(EnumType):
    """
    Enums that are called with one word.

    Python 3.11 takes further arguments for the definition of another enum, and its
    error shows the first one.
    """

    # Type checkers would take it for the signature of each enum.
    if TYPE_CHECKING:
        ...
    else:

        def __call__(cls, *words: Any, **options: Any) -> Any:
            if cls.__members__ and len(words) + len(options) != 1:
                raise TypeError(f"{cls.__name__} takes one argument, a word")
            return super().__call__(*words, **options)


class WordEnum(StrEnum, metaclass=_OfOneWord):
    """
    An enum of words that refuses other values without showing them.

    Python's own error quotes the value, which may be a secret in the wrong place.
    """

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        # Imported here: the codes of problems are such enums.
        from pinpoint_events.problems._codes import ProblemCode  # noqa: PLC0415
        from pinpoint_events.problems._problem import Problem  # noqa: PLC0415

        name, words = cls.__name__, tuple(map(str, cls))
        problem = Problem(ProblemCode.UNKNOWN_VALUE, (name,), allowed=words, unit=name)
        if not issubclass(type(value), str):
            problem = problem._replace(
                code=ProblemCode.WRONG_TYPE_OF_VALUE,
                actual=type(value).__qualname__,
                nearest=tuple(cls.__members__)[:1],
            )
        raise ValueError(str(problem))
