"""How long ago something was, as in `10m`."""

import re
from datetime import timedelta
from typing import Final

__all__ = ["length_of"]

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def length_of(text: str) -> timedelta | None:
    """Return the length of a time as in 30s, 10m, 2h and 1d; None if it is none."""
    found = _AGO.fullmatch(text)
    return None if found is None else timedelta(**{_UNITS[found[2]]: int(found[1])})
