"""
Reads the heads of ordinary answers by httptools.

An ordinary answer is what AWS services send: HTTP/1.1, a final status, each header
once, the length of the body stated. Its head came at once, and httptools, which is
strict, finds no fault with it. All other answers are left to `http.client`, which reads
them from their first byte. So there is one opinion of what is unusual: interim answers,
chunks, bodies without a length, old versions, faults. A differential test holds the two
readers to the same results.
"""

import re
from collections.abc import Callable
from typing import Final

from httptools import HttpParserError, HttpResponseParser

from pinpoint_events.aws.answer_reader import Head

__all__ = ["read_head"]

_END: Final = b"\r\n\r\n"
# A final status. A reason of other characters is left to http.client, which takes some
# of them for spaces.
_FIRST_LINE: Final = re.compile(rb"HTTP/1\.1 [2-9][0-9][0-9](?: [ -~]*)?\r\n")
_BODILESS: Final = frozenset({204, 304})  # whatever length they state
# http.client refuses 100, a number that releases of Python may change.
_MAX_HEADERS: Final = 64


class _Callbacks:
    """What httptools calls: a function written in C, which takes no Python frame."""

    __slots__ = ("on_header",)

    def __init__(self, on_header: Callable[[bytes, bytes], None]) -> None:
        self.on_header = on_header


def read_head(received: bytes) -> Head | None:
    """Return the head of an ordinary answer; None if it may be another one."""
    end = received.find(_END)
    if end < 0 or _FIRST_LINE.match(received) is None:
        return None
    start = end + len(_END)
    head = received[:start]
    fields: dict[bytes, bytes] = {}
    # A new one each time: nothing of an answer gets into the next one.
    parser = HttpResponseParser(_Callbacks(fields.__setitem__))
    try:
        parser.feed_data(head)
    except HttpParserError:
        return None
    status = parser.get_status_code()
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in fields.items()
    }
    length = headers.get("content-length")
    if (
        length is None
        or status in _BODILESS
        # Else a name occurs twice: http.client uses the first value of some.
        or len(headers) != head.count(b"\n") - 2
        or len(headers) > _MAX_HEADERS
    ):
        return None
    is_last = "close" in headers.get("connection", "").lower()
    return Head(status, headers, start, int(length), is_last)
