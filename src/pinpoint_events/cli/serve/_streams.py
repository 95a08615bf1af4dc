"""The Kinesis and the Firehose."""

import re
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.problems import shortened

if TYPE_CHECKING:
    from pinpoint_events.server import Firehose, Kinesis

__all__ = ["firehose_of", "kinesis_of"]

_STREAM: Final = re.compile(r"([a-zA-Z0-9_.-]{1,128})(?::(\d{1,5}))?", re.ASCII)
_DELIVERY_STREAM: Final = re.compile(r"([a-zA-Z0-9_.-]{1,64})", re.ASCII)
_MAX_SHARDS: Final = 500  # here; CreateStream takes more


def kinesis_of(
    names: list[str] | None, store: str | None, region: str
) -> "Kinesis | None":
    """
    Return a Kinesis with the streams that options name; None without an option.

    Raises:
        UsageError: If a name is invalid.
        StoreError: If the store cannot be used.
    """
    if not names:
        return None
    from pinpoint_events.server import Kinesis  # noqa: PLC0415 - not for help

    wanted = []
    for name in filter(None, names):
        found = _STREAM.fullmatch(name)
        shards = int(found[2] or 1) if found is not None else 0
        if found is None or not 0 < shards <= _MAX_SHARDS:
            message = f"argument --kinesis: {shortened(name)} names no stream"
            raise UsageError(
                f"{message}; write 1 to 128 letters, digits, _ . -, and if needed a "
                f"colon and 1 to {_MAX_SHARDS} shards"
            )
        wanted.append((found[1], shards))
    kinesis = Kinesis(store, region=region)
    for name, shards in wanted:
        kinesis.create_stream(name, shards=shards)
    return kinesis


def firehose_of(
    names: list[str] | None, store: str | None, region: str
) -> "Firehose | None":
    """
    Return a Firehose with the streams that options name; None without an option.

    Raises:
        UsageError: If a name is invalid.
        StoreError: If the store cannot be used.
    """
    if not names:
        return None
    from pinpoint_events.server import Firehose  # noqa: PLC0415 - not for help

    wanted = [*filter(None, names)]
    for name in wanted:
        if not _DELIVERY_STREAM.fullmatch(name):
            message = f"argument --firehose: {shortened(name)} names no stream"
            raise UsageError(f"{message}; write 1 to 64 letters, digits, _ . -")
    firehose = Firehose(store, region=region)
    for name in wanted:
        firehose.create_stream(name)
    return firehose
