"""A Firehose stream: a name, a destination that is only described, and its records."""

from datetime import datetime
from typing import Any

import attrs

__all__ = ["DeliveryRecord", "DeliveryStream"]


@attrs.frozen(kw_only=True)
class DeliveryRecord:
    """
    One record of a Firehose stream.

    Attributes:
        number: Its place in the stream, from 0.
        data: Its data.
        arrived_at: When it was taken.
    """

    number: int
    data: bytes = attrs.field(repr=False)
    arrived_at: datetime

    @property
    def record_id(self) -> str:
        """The id in the answer to the call that put it."""
        return f"{self.number:056}"


class DeliveryStream:
    """
    One Firehose stream.

    Args:
        name: Its name.
        created_at: When it was created.
        destination: Its destination, as `DescribeDeliveryStream` shows it.

    Attributes:
        name: Its name.
        created_at: When it was created.
        destination: Its destination.
        records: Its records, in order.
        unsaved_records: Records that were taken and not written yet.
    """

    name: str
    created_at: datetime
    destination: dict[str, Any] | None
    records: list[DeliveryRecord]
    unsaved_records: list[DeliveryRecord]

    def __init__(
        self,
        name: str,
        created_at: datetime,
        destination: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.created_at = created_at
        self.destination = destination
        self.records = []
        self.unsaved_records = []

    def take(self, data: bytes, now: datetime) -> DeliveryRecord:
        """Append a record."""
        record = DeliveryRecord(number=len(self.records), data=data, arrived_at=now)
        self.records.append(record)
        self.unsaved_records.append(record)
        return record
