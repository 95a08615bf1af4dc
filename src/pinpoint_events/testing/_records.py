"""Strategies for records of streams: those of events, and those of Kinesis."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.formats.kpl import KinesisRecord
from pinpoint_events.formats.record import StreamRecord, StreamRecordKind
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.senders import Arrival
from pinpoint_events.testing._endpoints import endpoints as any_endpoints
from pinpoint_events.testing._events import events as any_events
from pinpoint_events.testing._values import (
    ANY_NAME,
    ANY_TEXT,
    ANY_TIME,
    either,
    integers,
    mostly,
    optional,
)

__all__ = ["arrivals", "kinesis_records", "stream_record_kinds", "stream_records"]

_JSON: Final[SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(ANY_TEXT, inner, max_size=2)
    ),
    max_leaves=4,
)
_EXTRA: Final = mostly(st.just({}), st.dictionaries(ANY_TEXT, _JSON, max_size=2))
_TYPES: Final = st.sampled_from(
    [
        "_campaign.send",
        "_journey.send",
        "_email.open",
        "_SMS.SUCCESS",
        "_test.event_stream",
        "_campaign.opened_notification",
    ]
)
_EVENT: Final = mostly(any_events(), any_events(event_types=_TYPES))


def stream_record_kinds() -> SearchStrategy[StreamRecordKind]:
    """Any kind of record of an event stream."""
    return st.sampled_from(StreamRecordKind)


def stream_records(
    *,
    application_ids: SearchStrategy[str] | None = None,
    endpoint_ids: SearchStrategy[str] | None = None,
    endpoints: SearchStrategy[Endpoint | None] | None = None,
    events: SearchStrategy[Event] | None = None,
    arrivals: SearchStrategy[datetime | None] | None = None,
    account_ids: SearchStrategy[str | None] | None = None,
    extras: SearchStrategy[Mapping[str, Any]] | None = None,
) -> SearchStrategy[StreamRecord]:
    """
    Any record of an event stream, of any kind.

    Args:
        application_ids: Ids of the application, not empty.
        endpoint_ids: Ids of the endpoint, not empty.
        endpoints: Endpoints.
        events: Events; by default some are of campaigns, e-mail and others.
        arrivals: Times with a time zone.
        account_ids: AWS accounts.
        extras: Mappings of names to JSON data.
    """
    return st.builds(
        StreamRecord,
        application_id=either(application_ids, ANY_NAME),
        endpoint_id=either(endpoint_ids, ANY_NAME),
        endpoint=either(endpoints, optional(any_endpoints())),
        event=either(events, _EVENT),
        arrived_at=either(arrivals, optional(ANY_TIME)),
        account_id=either(account_ids, optional(ANY_TEXT)),
        extra=either(extras, _EXTRA),
    )


def arrivals(
    *,
    application_ids: SearchStrategy[str] | None = None,
    endpoint_ids: SearchStrategy[str] | None = None,
    endpoints: SearchStrategy[Endpoint] | None = None,
    event_ids: SearchStrategy[str] | None = None,
    events: SearchStrategy[Event] | None = None,
    times: SearchStrategy[datetime] | None = None,
    account_ids: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[Arrival]:
    """
    Any event on its way into a stream, for a `format` of your own.

    Args:
        application_ids: Ids of the application, not empty.
        endpoint_ids: Ids of the endpoint, not empty.
        endpoints: Endpoints.
        event_ids: Ids of the event, not empty.
        events: Events.
        times: When the sender got it, with a time zone.
        account_ids: AWS accounts.
    """
    return st.builds(
        Arrival,
        application_id=either(application_ids, ANY_NAME),
        endpoint_id=either(endpoint_ids, ANY_NAME),
        endpoint=either(endpoints, any_endpoints()),
        event_id=either(event_ids, ANY_NAME),
        event=either(events, any_events()),
        arrived_at=either(times, ANY_TIME),
        account_id=either(account_ids, optional(ANY_TEXT)),
    )


_HASH_KEY: Final = st.integers(0, 2**128 - 1).map(str)


def kinesis_records(
    *,
    partition_keys: SearchStrategy[str] | None = None,
    data: SearchStrategy[bytes] | None = None,
    explicit_hash_keys: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[KinesisRecord]:
    """
    Any record of a Kinesis stream, its key not longer than Kinesis takes.

    Args:
        partition_keys: Partition keys, not empty.
        data: Contents.
        explicit_hash_keys: Decimal numbers below 2**128, as text.
    """
    return st.builds(
        KinesisRecord,
        partition_key=either(partition_keys, _PARTITION_KEY),
        data=either(data, _DATA),
        explicit_hash_key=either(explicit_hash_keys, _OPTIONAL_HASH_KEY),
    )


_PARTITION_KEY: Final = st.sampled_from(["a", "b", "\U0001f600" * 256]) | (
    ANY_NAME.map(lambda name: name[:256])
)
# Lengths of which the count takes one byte more.
_DATA: Final = st.binary(max_size=40) | st.builds(
    bytes, st.sampled_from([0, 127, 128, 16_383, 16_384])
)
_OPTIONAL_HASH_KEY: Final = optional(_HASH_KEY)
