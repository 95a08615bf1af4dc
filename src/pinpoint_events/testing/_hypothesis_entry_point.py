"""
The Hypothesis entry point: called when Hypothesis is imported.

It tells `st.from_type` which strategies make instances of our classes, so that tests
need not import anything for it. Hypothesis wants the classes themselves for that, and
importing them takes as long as importing half of Hypothesis. So the classes of a module
are registered when that module is imported: until then, no one can ask for them. The
strategies are imported when the first of them is needed.

A finder at the head of `sys.meta_path` notices the import. It asks the other finders,
and wraps the loader that they found until the module has been executed.
"""

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["register", "register_once"]

_STRATEGIES: Final[dict[str, dict[str, str]]] = {
    "pinpoint_events.builder": {"BatchBuilder": "batch_builders"},
    "pinpoint_events.errors": {},  # all its exceptions
    "pinpoint_events.formats.kpl": {"KinesisRecord": "kinesis_records"},
    "pinpoint_events.formats.record": {
        "StreamRecord": "stream_records",
        "StreamRecordKind": "stream_record_kinds",
    },
    "pinpoint_events.problems": {"Problem": "problems"},
    "pinpoint_events.model.endpoint": {
        "ChannelType": "channel_types",
        "Demographic": "demographics",
        "Endpoint": "endpoints",
        "EndpointStatus": "endpoint_statuses",
        "Location": "locations",
        "OptOut": "opt_outs",
        "User": "users",
    },
    "pinpoint_events.model.event": {"Event": "events", "Session": "sessions"},
    "pinpoint_events.model.request": {
        "EventsBatch": "events_batches",
        "EventsRequest": "events_requests",
    },
    "pinpoint_events.model.response": {
        "EndpointItemResponse": "endpoint_item_responses",
        "EventItemResponse": "event_item_responses",
        "EventsResponse": "events_responses",
        "ItemOutcome": "item_outcomes",
        "ItemResponse": "item_responses",
        "Outcome": "outcomes",
    },
    "pinpoint_events.quotas": {"Quotas": "quotas"},
    "pinpoint_events.recorder.api": {"RecorderStats": "recorder_stats"},
    "pinpoint_events.recorder.items": {"ItemCounts": "item_counts"},
    "pinpoint_events.senders._record_writers": {"Arrival": "arrivals"},
    "pinpoint_events.senders.memory": {"MemorySender": "memory_senders"},
    "pinpoint_events.senders.protocol": {"Sender": "memory_senders"},
    "pinpoint_events.retry": {"Retry": "retries"},
}


def register() -> None:
    """Register the classes of all modules, once the modules are imported."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    for name in _STRATEGIES:
        if name in sys.modules:
            # If another thread is executing the module, this waits for it.
            _register_classes(import_module(name))


def register_once() -> None:
    """Do the same if Hypothesis has not, because its plugins are switched off."""
    if _FINDER not in sys.meta_path:
        register()


class _Finder:
    """Finds the modules of `_STRATEGIES`, to register their classes."""

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """Return what the next finder finds, with another loader (PEP 451)."""
        if name not in _STRATEGIES:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None:
            loader: Any = _Loader(spec.loader)
            spec.loader = loader
        return spec


_FINDER: Final = _Finder()


class _Loader:
    """Loads a module as its own loader does, then registers its classes."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        """Return what else the loader has, such as the source of the module."""
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Create the module (PEP 451)."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the module, under its own loader."""
        module.__loader__ = self._loader
        spec: Any = module.__spec__
        spec.loader = self._loader
        self._loader.exec_module(module)
        _register_classes(module)


def _register_classes(module: "ModuleType") -> None:
    from hypothesis.strategies import register_type_strategy  # noqa: PLC0415 - it runs

    classes = vars(module)
    for name, strategy in _STRATEGIES[module.__name__].items():
        cls = classes[name]
        register_type_strategy(cls, partial(_strategy, strategy, cls))
    if module.__name__ == "pinpoint_events.errors":
        for cls in classes.values():
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
