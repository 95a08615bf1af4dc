"""
How many parts the JSON text of a body has, without reading it.

A reader makes an object of every name, value and list, of a hundred bytes or so: text
of 4 MB that is nothing but `[]` becomes 200 MB. So what has more parts than any call
needs is rejected before it is read. Counting takes a few milliseconds.
"""

import re
from typing import Final

from pinpoint_events.server._answers import bad_request

__all__ = ["MAX_PARTS", "check_json_parts"]

MAX_PARTS: Final = 250_000
"""
Three times what 1,000 endpoints with 20 attributes each have, and far more than 100
events can have. They take about 30 MB of memory and 50 ms of the processor.
"""

# Each begins a part, or ends one that another follows.
_NOT_COUNTED: Final = bytes({*range(256)} - {*b"[{,:"})
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def check_json_parts(body: bytes) -> None:
    """
    Reject JSON text with too many parts; whether it is JSON is not looked at.

    Raises:
        RequestError: If there are more than `MAX_PARTS`.
    """
    if _marks(body) <= MAX_PARTS:
        return
    # Marks inside of strings do not count. Each string is a part, so many
    # strings are too many parts; few strings are removed fast.
    strings = (body.count(b'"') - body.count(b'\\"')) // 2
    if strings > MAX_PARTS or _marks(_STRING.sub(b"", body)) > MAX_PARTS:
        raise bad_request(
            f"the body has more than {MAX_PARTS:,} names, values and lists; send its "
            "items in several calls"
        )


def _marks(text: bytes) -> int:
    return len(text.translate(None, _NOT_COUNTED))
