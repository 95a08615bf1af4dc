"""
Items of a spool as lines of JSON, in the forms that the loader reads.

An event is a line of one event, the update of an endpoint a request without events.
"""

import io
import json
from collections.abc import Sequence
from typing import Any

from pinpoint_events.loader.items import EVENT_MEMBERS, NOTES
from pinpoint_events.loader.requests import REQUEST_MEMBER
from pinpoint_events.model.response import Outcome
from pinpoint_events.recorder.items import Item, Refusal
from pinpoint_events.recorder.operators import Selection, SpoolFile

__all__ = ["DeadLetterLines", "line_of"]

_OUTCOME, _CODE, _MESSAGE = NOTES[:3]
_ENDPOINT_ID, _EVENT_ID, _ENDPOINT, _EVENT = EVENT_MEMBERS


def line_of(item: Item, refusal: Refusal | None = None) -> bytes:
    """
    Return an item as a line, without the line break.

    Args:
        item: The item.
        refusal: Why it was rejected, which the loader passes over; None if it was not.
    """
    members: list[tuple[str, str]] = []
    if refusal is not None:
        code = int(refusal.code) if refusal.code.isdecimal() else refusal.code
        members += [
            (_OUTCOME, _json(Outcome.REJECTED)),
            (_CODE, _json(code)),
            (_MESSAGE, _json(refusal.message)),
        ]
    # A line break can only be between two parts of the JSON.
    text = item.text.replace("\n", " ")
    if item.event_id is None:
        batch = f'{{{_json(item.endpoint_id)}:{{"Endpoint":{text},"Events":{{}}}}}}'
        members.append((REQUEST_MEMBER, batch))
    else:
        members += [
            (_ENDPOINT_ID, _json(item.endpoint_id)),
            (_EVENT_ID, _json(item.event_id)),
            (_EVENT, text),
        ]
    inside = ",".join(f'"{name}":{value}' for name, value in members)
    return f"{{{inside}}}".encode()


def _json(value: str | int) -> str:
    return json.dumps(value)


class DeadLetterLines(io.RawIOBase):
    """
    The dead letters of a spool as a file for the loader, and what keeps them.

    Each dead letter stays in the spool until it is accepted. Between its acceptance and
    that, a kill leaves it there: then it is sent again, with the same event id.

    Args:
        spool: The spool.
        chosen: Which dead letters.
    """

    def __init__(self, spool: SpoolFile, chosen: Selection) -> None:
        super().__init__()
        self._spool = spool
        self._dead_letters = spool.rejected(chosen)
        self._rest = b""
        self._lines = 0
        self._sent: dict[int, Item] = {}  # by the number of the line

    def readable(self) -> bool:
        """Return that it is open for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read a part of a line."""
        if not self._rest:
            dead_letter = next(self._dead_letters, None)
            if dead_letter is None:
                return 0
            self._lines += 1
            self._sent[self._lines] = dead_letter.item
            self._rest = line_of(dead_letter.item) + b"\n"
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def settle(self, accepted: Sequence[int], up_to: int) -> None:
        """
        Count the items of lines that were accepted as delivered.

        Raises:
            StoreError: If the file cannot be used.
        """
        items = [self._sent[line] for line in accepted]
        for line in [line for line in self._sent if line <= up_to]:
            del self._sent[line]
        if items:
            self._spool.settle(items)
