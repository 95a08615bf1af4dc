"""
Records of other services: what Pinpoint streamed, Amplify's envelope, aggregation.

All of it is sans-IO: functions of values, without a clock.

    record              `StreamRecord`: what both readers return
    stream_record       the record that Pinpoint wrote to Kinesis and Firehose
    amplify_envelope    the record of Amplify's event clients, which resembles it
    event_ids           the event id copied into an attribute
    kpl                 several records in one: the aggregation format of the KPL

    _writing            the members that both records write alike
    _reading            the members that both readers read alike
"""

from pinpoint_events.formats.amplify_envelope import (
    from_amplify_envelope,
    to_amplify_envelope,
)
from pinpoint_events.formats.kpl import (
    KinesisRecord,
    aggregate_records,
    deaggregate_record,
)
from pinpoint_events.formats.record import StreamRecord, StreamRecordKind
from pinpoint_events.formats.stream_record import from_stream_record, to_stream_record

__all__ = [
    "KinesisRecord",
    "StreamRecord",
    "StreamRecordKind",
    "aggregate_records",
    "deaggregate_record",
    "from_amplify_envelope",
    "from_stream_record",
    "to_amplify_envelope",
    "to_stream_record",
]
