"""
The Hypothesis entry point: called when Hypothesis is imported.

It registers strategies for our classes with `st.from_type`, so that tests need no
import for that. Registration imports the classes, and so attrs, cattrs and our core;
the strategies are imported when `st.from_type` first needs one.
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
    """Register the strategy of each of our classes with Hypothesis."""
    from importlib import import_module  # noqa: PLC0415 - Hypothesis is being imported

    from hypothesis.strategies import register_type_strategy  # noqa: PLC0415 - the same

    for module, names in _STRATEGIES.items():
        classes = vars(import_module(f"pinpoint_events.{module}"))
        for name, strategy in names.items():
            cls = classes[name]
            register_type_strategy(cls, partial(_strategy, strategy, cls))
    for cls in vars(import_module("pinpoint_events.errors")).values():
        if isinstance(cls, type) and issubclass(cls, Exception):
            register_type_strategy(cls, partial(_strategy, "errors", cls))


def _strategy(name: str, registered: type[Any], requested: type[Any]) -> Any:
    if requested is not registered:
        # For `object` or `Exception`, Hypothesis tries all registered subclasses. Tests
        # of other packages should not get ours.
        return NotImplemented
    from pinpoint_events.testing import strategies  # noqa: PLC0415 - needed here only

    if name == "errors":
        return strategies.errors(registered)
    return vars(strategies)[name]()
