"""
Hypothesis strategies for every public class, for responses, and for invalid input.

By default each draws every valid value, and often one at a bound: of a type, of JSON,
or of a documented quota. Values are one under, at, and one over a quota, because the
model itself has no quotas; pass `within=Quotas()` for what the service accepts. Parts
are passed as strategies.

    >>> from hypothesis import given
    >>> from pinpoint_events import check_quotas, from_json, Quotas, to_json
    >>> from pinpoint_events.testing import strategies

    >>> @given(request=strategies.events_requests(within=Quotas()))
    ... def test_what_is_sent(request):
    ...     assert not check_quotas(request)
    ...     assert from_json(type(request), to_json(request)) == request
    >>> test_what_is_sent()

`st.from_type` draws the classes of this package wherever it is installed, without an
import; with `HYPOTHESIS_NO_PLUGINS` set, once this module is imported. Needs the extra
`testing`.
"""

from pinpoint_events import errors as _errors

try:
    import hypothesis as _hypothesis  # noqa: F401 - imported here to name the extra
except ImportError as _missing:
    _message = (
        "the strategies need the extra `testing`; "
        "run: pip install 'pinpoint-events[testing]'"
    )
    raise _errors.ConfigurationError(_message) from _missing

from pinpoint_events.testing._answers import (
    endpoint_item_responses,
    event_item_responses,
    events_responses,
    item_outcomes,
    item_responses,
    outcomes,
    responses_to,
    status_codes,
    wire_forms,
    wire_responses_to,
)
from pinpoint_events.testing._endpoints import (
    channel_types,
    demographics,
    endpoint_statuses,
    endpoints,
    locations,
    opt_outs,
    users,
)
from pinpoint_events.testing._errors import errors, problems
from pinpoint_events.testing._events import events, sessions
from pinpoint_events.testing._hypothesis_entry_point import (
    register_once as _register_once,
)
from pinpoint_events.testing._invalid import (
    InvalidInput,
    invalid_arguments,
    invalid_json_requests,
    invalid_wire_data,
    invalid_wire_requests,
)
from pinpoint_events.testing._over_quota import over_quota_requests
from pinpoint_events.testing._quotas import quotas
from pinpoint_events.testing._recorder_stats import item_counts, recorder_stats
from pinpoint_events.testing._records import (
    arrivals,
    kinesis_records,
    stream_record_kinds,
    stream_records,
)
from pinpoint_events.testing._requests import (
    batch_builders,
    events_batches,
    events_requests,
)
from pinpoint_events.testing._senders import memory_senders, retries
from pinpoint_events.testing._values import (
    attribute_lists,
    attributes,
    metrics,
    names,
    texts,
    times,
)

__all__ = [
    "InvalidInput",
    "arrivals",
    "attribute_lists",
    "attributes",
    "batch_builders",
    "channel_types",
    "demographics",
    "endpoint_item_responses",
    "endpoint_statuses",
    "endpoints",
    "errors",
    "event_item_responses",
    "events",
    "events_batches",
    "events_requests",
    "events_responses",
    "invalid_arguments",
    "invalid_json_requests",
    "invalid_wire_data",
    "invalid_wire_requests",
    "item_counts",
    "item_outcomes",
    "item_responses",
    "kinesis_records",
    "locations",
    "memory_senders",
    "metrics",
    "names",
    "opt_outs",
    "outcomes",
    "over_quota_requests",
    "problems",
    "quotas",
    "recorder_stats",
    "responses_to",
    "retries",
    "sessions",
    "status_codes",
    "stream_record_kinds",
    "stream_records",
    "texts",
    "times",
    "users",
    "wire_forms",
    "wire_responses_to",
]

_register_once()
