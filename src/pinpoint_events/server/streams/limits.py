"""
Every limit of Kinesis and Firehose that the endpoint applies: number, unit, source.

All are inclusive. A KiB has 1,024 bytes; sizes are those of the decoded data, with the
partition key in UTF-8 for Kinesis.
"""

from typing import Final

import attrs

from pinpoint_events.errors import ConfigurationError

__all__ = [
    "ACCOUNT_SHARDS",
    "BODY_BYTES",
    "CALL_RECORDS",
    "DEFAULT_RECORD_KIB",
    "DELIVERY_CALL_BYTES",
    "DELIVERY_RECORD_BYTES",
    "HASH_KEYS",
    "ITERATOR_SECONDS",
    "KIB",
    "LARGEST_RECORD_KIB",
    "ON_DEMAND_SHARDS",
    "PARTITION_KEY_CHARACTERS",
    "READ_BYTES",
    "READ_RECORDS",
    "STREAM_CALL_BYTES",
    "ShardLimits",
]

KIB: Final = 1024

# Kinesis API reference, "PutRecords", and the service model of botocore 1.44.5; both
# read on 2026-11-28, as are the numbers below.
CALL_RECORDS: Final = 500  # also of Firehose's PutRecordBatch
STREAM_CALL_BYTES: Final = 10 * 1024 * KIB
PARTITION_KEY_CHARACTERS: Final = 256
HASH_KEYS: Final = 2**128  # they go from 0 to one less

# Kinesis API reference, "UpdateMaxRecordSize".
DEFAULT_RECORD_KIB: Final = 1024
LARGEST_RECORD_KIB: Final = 10_240

# Kinesis API reference, "GetRecords" and "GetShardIterator".
READ_RECORDS: Final = 10_000
READ_BYTES: Final = 10 * 1024 * KIB
ITERATOR_SECONDS: Final = 300

# Kinesis developer guide, "Quotas and limits": of an account in the largest regions.
ACCOUNT_SHARDS: Final = 20_000
ON_DEMAND_SHARDS: Final = 4  # that a stream on demand begins with

# Firehose API reference, "PutRecordBatch" and "PutRecord".
DELIVERY_CALL_BYTES: Final = 4 * 1024 * KIB
DELIVERY_RECORD_BYTES: Final = 1000 * KIB

# Of an HTTP body. The largest valid call needs less: 10 MiB in Base64 are 14.0 MB, and
# 500 records add at most 1.7 MB of escaped keys and of names.
BODY_BYTES: Final = 16 * 1024 * KIB


@attrs.frozen(kw_only=True)
class ShardLimits:
    """
    What one shard takes in; None switches a limit off.

    Attributes:
        records_per_second: Records a second. (Kinesis quotas, read on 2026-11-28.)
        bytes_per_second: Bytes a second, with partition keys: the documented 1 MB/s,
            where 1 MB is 1,024 KiB.

    Raises:
        ConfigurationError: If one is no number above 0.
    """

    records_per_second: float | None = 1000.0
    bytes_per_second: float | None = 1024.0 * KIB

    def __attrs_post_init__(self) -> None:
        """Check both."""
        for name, value in attrs.asdict(self, recurse=False).items():
            is_number = type(value) in {int, float} and 0 < value < float("inf")
            if value is not None and not is_number:
                raise ConfigurationError(
                    f"{name} is no number above 0; pass one, or None for no limit"
                )
