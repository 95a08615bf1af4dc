"""Which known names a word resembles."""

from collections.abc import Iterable
from typing import Final

__all__ = ["similar"]

_WORD_CHARACTERS: Final = 60
_MOST: Final = 3
# Of 1: `EMIAL` is 0.8 like `EMAIL`, `MMS` 0.67 like `SMS`, `WEB` 0.25 like `VOICE`.
_SIMILAR: Final = 0.75


def similar(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that the word resembles, at most three, most similar first."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    # Compared without case, so that `email` finds EMAIL. The word is cut, because the
    # time of the comparison grows with the square of its length.
    folded = {str(name).casefold(): str(name) for name in names}
    if word.casefold() in folded:
        return (folded[word.casefold()],)
    # A whole word of some names: VOIP is in APNS_VOIP, and VOICE is something else.
    parts = [name for key, name in folded.items() if word.casefold() in key.split("_")]
    if parts:
        return tuple(parts[:_MOST])
    start = word[:_WORD_CHARACTERS].casefold()
    found = difflib.get_close_matches(start, folded, n=_MOST, cutoff=_SIMILAR)
    return tuple(folded[name] for name in found)
