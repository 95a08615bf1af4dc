"""Which known names a word resembles."""

from collections.abc import Iterable
from typing import Final

__all__ = ["similar"]

_WORD_CHARACTERS: Final = 60
_SIMILAR: Final = 0.65  # of 1; `WEB` is 0.25 like `VOICE`, `EMIAL` 0.8 like `EMAIL`


def similar(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that the word resembles, at most three, most similar first."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    # Compared without case, so that `email` finds EMAIL. The word is cut, because the
    # time of the comparison grows with the square of its length.
    folded = {str(name).casefold(): str(name) for name in names}
    if word.casefold() in folded:
        return (folded[word.casefold()],)
    start = word[:_WORD_CHARACTERS].casefold()
    found = difflib.get_close_matches(start, folded, n=3, cutoff=_SIMILAR)
    return tuple(folded[name] for name in found)
