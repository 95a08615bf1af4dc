"""What kind of value an argument is, by which catalogues choose a remedy."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import islice
from typing import Any, Final

__all__ = [
    "CLASSES_BY_KIND",
    "KIND_BY_NAME",
    "kind_of_naive",
    "kind_of_type",
    "value_kind",
]


def value_kind(value: object) -> str:
    """Return what kind of value it is, by which catalogues choose a remedy."""
    kind = kind_of_type(type(value))
    if kind == "datetime":
        return "aware_datetime" if _has_zone(value) else kind_of_naive(type(value))
    if kind == "sequence":
        return _kind_of_sequence(value)
    return kind or _kind_by_text(type(value))


def kind_of_type(kind: type[Any]) -> str:
    """Return the kind of all values of a class; empty if it depends on the value."""
    if kind.__name__ in KIND_BY_NAME:
        return KIND_BY_NAME[kind.__name__]
    names = (
        name for name, classes in CLASSES_BY_KIND.items() if issubclass(kind, classes)
    )
    return next(names, "") or _kind_of_number(kind)


def _kind_of_number(kind: type[Any]) -> str:
    # Imported here: it is for errors alone. NumPy's numbers are registered there.
    from numbers import Real  # noqa: PLC0415

    return "number" if issubclass(kind, Real) else ""


def _kind_by_text(kind: type[Any]) -> str:
    """Return `plain` for a class that says how its objects are written as text."""
    written: Any = kind.__str__
    is_mock = hasattr(kind, "assert_called")
    return "" if is_mock or written is object.__str__ else "plain"


def kind_of_naive(kind: type[Any]) -> str:
    """Return the kind of a datetime without a zone; pandas' takes itself for UTC."""
    return "naive_timestamp" if hasattr(kind, "to_pydatetime") else "naive_datetime"


def _has_zone(value: Any) -> bool:
    try:
        return datetime.utcoffset(value) is not None
    except Exception:  # noqa: BLE001 - a broken tzinfo, which may raise anything
        return False


def _kind_of_sequence(value: Any) -> str:
    """Return `mixed` for a sequence of which `str()` of an item may be no fit text."""
    try:
        some = list(islice(value, _LOOKED_AT))
    except Exception:  # noqa: BLE001 - code of the caller's, as of an array of one
        return _kind_by_text(type(value))
    kinds = {kind_of_type(type(item)) or _kind_by_text(type(item)) for item in some}
    return "sequence" if kinds <= {"number", "plain", "text"} else "mixed"


_LOOKED_AT: Final = 100
CLASSES_BY_KIND: Final[Mapping[str, tuple[type[Any], ...]]] = {
    "enum": (Enum,),
    "buffer": (memoryview,),
    "bytes": (bytes, bytearray),
    "text": (str,),
    "number": (int, float),
    "mapping": (Mapping,),
    "sequence": (Collection,),
    "datetime": (datetime,),
    "date": (date,),
    "timedelta": (timedelta,),
}
# Not imported: the packages are not ours, and the modules are slow to import.
KIND_BY_NAME: Final = {
    "Decimal": "number",
    "NAType": "missing",
    "NaTType": "missing",
}
