"""
The compiled part of `pinpoint_events`, which finds and uses it by itself.

Nothing here is public: what `pinpoint_events` calls changes with its interface number.
"""

from pinpoint_events_speedups._core import (
    INTERFACE,
    claim,
    limited_writer,
    name_fields,
    read_item,
    register_class,
    register_map,
    set_number_writer,
    text_of,
    time_text,
)

__version__ = "0.1.0"

__all__ = [
    "INTERFACE",
    "claim",
    "limited_writer",
    "name_fields",
    "read_item",
    "register_class",
    "register_map",
    "set_number_writer",
    "text_of",
    "time_text",
]
