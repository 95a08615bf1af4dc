"""`ListShards`, its filters, and how a shard is described."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pinpoint_events.server.streams.members import NAME, Members
from pinpoint_events.server.streams.refusals import invalid_argument
from pinpoint_events.server.streams.shard import Shard, sequence_number, shard_id_of
from pinpoint_events.server.streams.stream import Stream

__all__ = ["list_shards", "shard_description"]

_MAX_RESULTS: Final = 10_000
_DEFAULT_RESULTS: Final = 1000
_AFTER_SHARD: Final = "AFTER_SHARD_ID"
_OPEN_AT: Final = "AT_TIMESTAMP"
_OPEN_SINCE: Final = "FROM_TIMESTAMP"
_OPEN_NOW: Final = "AT_LATEST"
_OPEN_FIRST: Final = "AT_TRIM_HORIZON"
_ALL: Final = "FROM_TRIM_HORIZON"
_TYPES: Final = (_AFTER_SHARD, _OPEN_FIRST, _ALL, _OPEN_NOW, _OPEN_AT, _OPEN_SINCE)


def shard_description(shard: Shard) -> dict[str, Any]:
    """Return a shard as `DescribeStream` and `ListShards` show it."""
    numbers = {"StartingSequenceNumber": sequence_number(shard.first)}
    if shard.last is not None:
        numbers["EndingSequenceNumber"] = sequence_number(shard.last)
    names = ("ParentShardId", "AdjacentParentShardId")
    parents = dict(zip(names, map(shard_id_of, shard.parents), strict=False))
    return {
        **parents,
        "HashKeyRange": shard.hash_keys.shown,
        "SequenceNumberRange": numbers,
        "ShardId": shard.id,
    }


class _Filter(NamedTuple):
    """Which shards to list: those behind a shard, open at some time."""

    kind: str
    time: datetime | None
    after: str | None


def list_shards(
    stream_of: Callable[[Members], Stream], members: Members
) -> dict[str, Any]:
    """Serve `ListShards`."""
    limit = members.integer("MaxResults", least=1, most=_MAX_RESULTS)
    token = members.text("NextToken")
    wanted = _read_filter(members)
    if token is not None:
        if any(map(members.has, ("StreamName", "StreamARN", "ExclusiveStartShardId"))):
            message = "NextToken names the stream; leave out the stream and the shard"
            raise invalid_argument(message)
        members.check()
        name, wanted = _read_token(token)
        members = Members({"StreamName": name})
    stream = stream_of(members)
    shards = [shard for shard in stream.shards if _is_in(shard, wanted)]
    shown = shards[: limit or _DEFAULT_RESULTS]
    found: dict[str, Any] = {"Shards": [shard_description(each) for each in shown]}
    if len(shown) < len(shards):
        following = wanted._replace(after=shown[-1].id)
        found["NextToken"] = _written_token(stream.name, following)
    return found


def _read_filter(members: Members) -> _Filter:
    after = members.text("ExclusiveStartShardId", longest=128, pattern=NAME)
    given = members.object("ShardFilter")
    if given is None:
        return _Filter(_ALL, None, after)
    kind = given.required_text("Type", choices=_TYPES)
    time = given.time("Timestamp")
    shard_id = given.text("ShardId", longest=128, pattern=NAME)
    members.check()
    if (kind == _AFTER_SHARD) != (shard_id is not None):
        message = f"ShardId of ShardFilter goes with {_AFTER_SHARD} only, and must then"
        raise invalid_argument(message)
    if (kind in {_OPEN_AT, _OPEN_SINCE}) != (time is not None):
        message = (
            f"Timestamp of ShardFilter goes with {_OPEN_AT} and {_OPEN_SINCE} only, "
            "and must then"
        )
        raise invalid_argument(message)
    return _Filter(kind, time, after if shard_id is None else shard_id)


def _is_in(shard: Shard, wanted: _Filter) -> bool:
    if wanted.after is not None and shard.id <= wanted.after:
        return False
    kind, time = wanted.kind, wanted.time
    if kind == _OPEN_NOW:
        return shard.is_open
    if kind == _OPEN_FIRST:
        return not shard.parents
    if time is None:
        return True
    was_open = shard.closed_at is None or shard.closed_at >= time
    return was_open and (kind == _OPEN_SINCE or shard.opened_at <= time)


def _written_token(name: str, wanted: _Filter) -> str:
    time = None if wanted.time is None else wanted.time.timestamp()
    text = json.dumps([name, wanted.kind, time, wanted.after])
    return base64.b64encode(text.encode()).decode()


def _read_token(token: str) -> tuple[str, _Filter]:
    try:
        name, kind, seconds, after = json.loads(base64.b64decode(token, validate=True))
        time = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        pass
    else:
        return str(name), _Filter(str(kind), time, str(after))
    raise invalid_argument("NextToken is invalid; list the shards anew")
