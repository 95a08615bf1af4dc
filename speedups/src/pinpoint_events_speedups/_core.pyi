# What `pinpoint_events` calls; described where it is written, in `src/core`.

from collections.abc import Callable
from datetime import datetime
from typing import Any

INTERFACE: int

def claim() -> bool: ...
def register_map(kind: str, cls: type[Any], empty: object, /) -> None: ...
def register_class(
    cls: type[Any],
    fields: tuple[tuple[Any, ...], ...],
    python_new: Callable[..., Any],
    kept_if: tuple[str, ...],
    /,
) -> None: ...
def name_fields(cls: type[Any], names: dict[str, str], /) -> None: ...
def set_number_writer(function: Callable[[Any], bytes], /) -> None: ...
def time_text(moment: datetime, /) -> str: ...
def text_of(obj: object, /) -> bytes | None: ...
def limited_writer(
    cls: type[Any],
    most_bytes: int,
    most_names: int,
    longest_key: int,
    longest_value: int,
    most_values: int,
    /,
) -> Callable[..., bytes | None]: ...
def read_item(answer: object, cls: type[Any], /) -> Any: ...
