"""
What Hypothesis runs when it is imported, wherever this package is installed.

It tells `st.from_type` about our classes, so that nobody has to import anything for it.
The classes have to be there for that, which takes attrs, cattrs and our own core; what
makes their instances is loaded when one is asked for.
"""

from functools import partial
from typing import Any, Final

__all__ = ["register"]

_STRATEGIES: Final = {
    "builder": {"BatchBuilder": "batch_builders"},
    "problems": {"Problem": "problems"},
    "model.endpoint": {
        "ChannelType": "channel_types",
        "Demographic": "demographics",
        "Endpoint": "endpoints",
        "EndpointStatus": "endpoint_statuses",
        "Location": "locations",
        "OptOut": "opt_outs",
        "User": "users",
    },
    "model.event": {"Event": "events", "Session": "sessions"},
    "model.request": {
        "EventsBatch": "events_batches",
        "EventsRequest": "events_requests",
    },
    "model.response": {
        "EndpointItemResponse": "endpoint_item_responses",
        "EventItemResponse": "event_item_responses",
        "EventsResponse": "events_responses",
        "ItemOutcome": "item_outcomes",
        "ItemResponse": "item_responses",
        "Outcome": "outcomes",
    },
    "quotas": {"Quotas": "quotas"},
    "senders.memory": {"MemorySender": "memory_senders"},
    "senders.protocol": {"Sender": "memory_senders"},
    "retry": {"Retry": "retries"},
}


def register() -> None:
    """Tell Hypothesis which strategy makes instances of which of our classes."""
    from importlib import import_module  # noqa: PLC0415 - Hypothesis is being imported

    from hypothesis.strategies import register_type_strategy  # noqa: PLC0415 - the same

    for module, names in _STRATEGIES.items():
        classes = vars(import_module(f"pinpoint_events.{module}"))
        for name, strategy in names.items():
            cls = classes[name]
            register_type_strategy(cls, partial(_made_by, strategy, cls))
    for cls in vars(import_module("pinpoint_events.errors")).values():
        if isinstance(cls, type) and issubclass(cls, Exception):
            register_type_strategy(cls, partial(_made_by, "errors", cls))


def _made_by(name: str, ours: type[Any], asked_for: type[Any]) -> Any:
    if asked_for is not ours:
        # For `object` or `Exception`, as in tests of other packages, Hypothesis asks
        # for all classes below. Ours are not meant there.
        return NotImplemented
    from pinpoint_events.testing import strategies  # noqa: PLC0415 - needed here only

    return strategies.errors(ours) if name == "errors" else vars(strategies)[name]()
