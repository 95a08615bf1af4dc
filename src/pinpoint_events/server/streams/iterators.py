"""
Shard iterators: positions in shards, as opaque texts.

An iterator holds its whole state, so the endpoint keeps none, and an iterator stays
valid over a restart with a store. It expires five minutes after it was made.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pinpoint_events.server.streams.limits import ITERATOR_SECONDS
from pinpoint_events.server.streams.refusals import expired_iterator, invalid_argument

__all__ = ["Position", "read_iterator", "written_iterator"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIFETIME: Final = timedelta(seconds=ITERATOR_SECONDS)


class Position(NamedTuple):
    """
    A position in a shard.

    Attributes:
        stream: The name of the stream.
        shard: The index of the shard.
        number: The records from this number of the stream's counter on are next.
    """

    stream: str
    shard: int
    number: int


def written_iterator(position: Position, now: datetime) -> str:
    """Return the iterator of a position."""
    text = json.dumps([*position, (now - _EPOCH) // timedelta(milliseconds=1)])
    return base64.b64encode(text.encode()).decode()


def read_iterator(text: str, now: datetime) -> Position:
    """
    Return the position of an iterator.

    Raises:
        RequestError: If it is invalid or has expired.
    """
    try:
        stream, shard, number, made = json.loads(base64.b64decode(text, validate=True))
        position = Position(str(stream), int(shard), int(number))
        age = now - _EPOCH - timedelta(milliseconds=int(made))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise invalid_argument("Invalid ShardIterator.") from None
    if age > _LIFETIME:
        message = (
            f"Iterator expired. It was made {age.total_seconds():.0f} seconds ago, and "
            f"is valid for {ITERATOR_SECONDS}; get another"
        )
        raise expired_iterator(message)
    return position
