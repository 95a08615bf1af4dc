"""
Typed, immutable, checked batches of events for Amazon Pinpoint's PutEvents.

Build a batch once, with types and limits checked; send it to PutEvents, to your own
endpoint or into SQLite; know what became of every single event.

Names are bound when first used, so that importing this package loads nothing heavy.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinpoint_events.builder import BatchBuilder as BatchBuilder
    from pinpoint_events.compiled_state import Speedups as Speedups
    from pinpoint_events.compiled_state import SpeedupsState as SpeedupsState
    from pinpoint_events.compiled_state import speedups as speedups
    from pinpoint_events.errors import BadRequestError as BadRequestError
    from pinpoint_events.errors import ConfigurationError as ConfigurationError
    from pinpoint_events.errors import ConfigurationErrorCode as ConfigurationErrorCode
    from pinpoint_events.errors import ForbiddenError as ForbiddenError
    from pinpoint_events.errors import InternalServerError as InternalServerError
    from pinpoint_events.errors import InvalidResponseError as InvalidResponseError
    from pinpoint_events.errors import (
        InvalidResponseErrorCode as InvalidResponseErrorCode,
    )
    from pinpoint_events.errors import ItemsFailedError as ItemsFailedError
    from pinpoint_events.errors import LoadError as LoadError
    from pinpoint_events.errors import LoadErrorCode as LoadErrorCode
    from pinpoint_events.errors import MethodNotAllowedError as MethodNotAllowedError
    from pinpoint_events.errors import NotFoundError as NotFoundError
    from pinpoint_events.errors import PayloadTooLargeError as PayloadTooLargeError
    from pinpoint_events.errors import PinpointEventsError as PinpointEventsError
    from pinpoint_events.errors import QuotaExceededError as QuotaExceededError
    from pinpoint_events.errors import SenderError as SenderError
    from pinpoint_events.errors import ServiceError as ServiceError
    from pinpoint_events.errors import SpoolFullError as SpoolFullError
    from pinpoint_events.errors import StoreError as StoreError
    from pinpoint_events.errors import StoreErrorCode as StoreErrorCode
    from pinpoint_events.errors import TooManyRequestsError as TooManyRequestsError
    from pinpoint_events.errors import TransportError as TransportError
    from pinpoint_events.errors import TransportErrorCode as TransportErrorCode
    from pinpoint_events.errors import ValidationError as ValidationError
    from pinpoint_events.formats.amplify_envelope import (
        from_amplify_envelope as from_amplify_envelope,
    )
    from pinpoint_events.formats.amplify_envelope import (
        to_amplify_envelope as to_amplify_envelope,
    )
    from pinpoint_events.formats.kpl import KinesisRecord as KinesisRecord
    from pinpoint_events.formats.kpl import aggregate_records as aggregate_records
    from pinpoint_events.formats.kpl import deaggregate_record as deaggregate_record
    from pinpoint_events.formats.record import StreamRecord as StreamRecord
    from pinpoint_events.formats.record import StreamRecordKind as StreamRecordKind
    from pinpoint_events.formats.stream_record import (
        from_stream_record as from_stream_record,
    )
    from pinpoint_events.formats.stream_record import (
        to_stream_record as to_stream_record,
    )
    from pinpoint_events.model._immutable import FrozenMap as FrozenMap
    from pinpoint_events.model.endpoint import ChannelType as ChannelType
    from pinpoint_events.model.endpoint import Demographic as Demographic
    from pinpoint_events.model.endpoint import Endpoint as Endpoint
    from pinpoint_events.model.endpoint import EndpointStatus as EndpointStatus
    from pinpoint_events.model.endpoint import Location as Location
    from pinpoint_events.model.endpoint import OptOut as OptOut
    from pinpoint_events.model.endpoint import User as User
    from pinpoint_events.model.event import Event as Event
    from pinpoint_events.model.event import Session as Session
    from pinpoint_events.model.request import EventsBatch as EventsBatch
    from pinpoint_events.model.request import EventsRequest as EventsRequest
    from pinpoint_events.model.response import (
        EndpointItemResponse as EndpointItemResponse,
    )
    from pinpoint_events.model.response import EventItemResponse as EventItemResponse
    from pinpoint_events.model.response import EventsResponse as EventsResponse
    from pinpoint_events.model.response import ItemOutcome as ItemOutcome
    from pinpoint_events.model.response import ItemResponse as ItemResponse
    from pinpoint_events.model.response import Outcome as Outcome
    from pinpoint_events.problems import Problem as Problem
    from pinpoint_events.problems import ProblemCode as ProblemCode
    from pinpoint_events.quotas import Quotas as Quotas
    from pinpoint_events.quotas import check_quotas as check_quotas
    from pinpoint_events.recorder import DroppedItem as DroppedItem
    from pinpoint_events.recorder import DropReason as DropReason
    from pinpoint_events.recorder import ItemCounts as ItemCounts
    from pinpoint_events.recorder import Recorder as Recorder
    from pinpoint_events.recorder import RecorderStats as RecorderStats
    from pinpoint_events.recorder import RejectedItem as RejectedItem
    from pinpoint_events.recorder import SessionRecorder as SessionRecorder
    from pinpoint_events.senders import Arrival as Arrival
    from pinpoint_events.senders import Attempt as Attempt
    from pinpoint_events.senders import AttemptObserver as AttemptObserver
    from pinpoint_events.senders import ClientSender as ClientSender
    from pinpoint_events.senders import FirehoseSender as FirehoseSender
    from pinpoint_events.senders import HttpResponse as HttpResponse
    from pinpoint_events.senders import KinesisSender as KinesisSender
    from pinpoint_events.senders import MemorySender as MemorySender
    from pinpoint_events.senders import MultiSender as MultiSender
    from pinpoint_events.senders import OutcomeDifference as OutcomeDifference
    from pinpoint_events.senders import PinpointSender as PinpointSender
    from pinpoint_events.senders import Retry as Retry
    from pinpoint_events.senders import Sender as Sender
    from pinpoint_events.senders import SenderAnswer as SenderAnswer
    from pinpoint_events.senders import ShadowReport as ShadowReport
    from pinpoint_events.senders import ShadowSender as ShadowSender
    from pinpoint_events.senders import SqliteSender as SqliteSender
    from pinpoint_events.senders import open_sender as open_sender
    from pinpoint_events.wire import from_json as from_json
    from pinpoint_events.wire import from_wire as from_wire
    from pinpoint_events.wire import to_json as to_json
    from pinpoint_events.wire import to_wire as to_wire

__version__ = "0.1.0"

__all__ = [
    "Arrival",
    "Attempt",
    "AttemptObserver",
    "BadRequestError",
    "BatchBuilder",
    "ChannelType",
    "ClientSender",
    "ConfigurationError",
    "ConfigurationErrorCode",
    "Demographic",
    "DropReason",
    "DroppedItem",
    "Endpoint",
    "EndpointItemResponse",
    "EndpointStatus",
    "Event",
    "EventItemResponse",
    "EventsBatch",
    "EventsRequest",
    "EventsResponse",
    "FirehoseSender",
    "ForbiddenError",
    "FrozenMap",
    "HttpResponse",
    "InternalServerError",
    "InvalidResponseError",
    "InvalidResponseErrorCode",
    "ItemCounts",
    "ItemOutcome",
    "ItemResponse",
    "ItemsFailedError",
    "KinesisRecord",
    "KinesisSender",
    "LoadError",
    "LoadErrorCode",
    "Location",
    "MemorySender",
    "MethodNotAllowedError",
    "MultiSender",
    "NotFoundError",
    "OptOut",
    "Outcome",
    "OutcomeDifference",
    "PayloadTooLargeError",
    "PinpointEventsError",
    "PinpointSender",
    "Problem",
    "ProblemCode",
    "QuotaExceededError",
    "Quotas",
    "Recorder",
    "RecorderStats",
    "RejectedItem",
    "Retry",
    "Sender",
    "SenderAnswer",
    "SenderError",
    "ServiceError",
    "Session",
    "SessionRecorder",
    "ShadowReport",
    "ShadowSender",
    "Speedups",
    "SpeedupsState",
    "SpoolFullError",
    "SqliteSender",
    "StoreError",
    "StoreErrorCode",
    "StreamRecord",
    "StreamRecordKind",
    "TooManyRequestsError",
    "TransportError",
    "TransportErrorCode",
    "User",
    "ValidationError",
    "__version__",
    "aggregate_records",
    "check_quotas",
    "deaggregate_record",
    "from_amplify_envelope",
    "from_json",
    "from_stream_record",
    "from_wire",
    "open_sender",
    "speedups",
    "to_amplify_envelope",
    "to_json",
    "to_stream_record",
    "to_wire",
]

_MODULES = {
    "builder": {"BatchBuilder"},
    "compiled_state": {"Speedups", "SpeedupsState", "speedups"},
    "errors": {name for name in __all__ if name.endswith(("Error", "ErrorCode"))},
    "formats.amplify_envelope": {"from_amplify_envelope", "to_amplify_envelope"},
    "formats.kpl": {"KinesisRecord", "aggregate_records", "deaggregate_record"},
    "formats.record": {"StreamRecord", "StreamRecordKind"},
    "formats.stream_record": {"from_stream_record", "to_stream_record"},
    "model._immutable": {"FrozenMap"},
    "model.endpoint": {
        "ChannelType",
        "Demographic",
        "Endpoint",
        "EndpointStatus",
        "Location",
        "OptOut",
        "User",
    },
    "model.event": {"Event", "Session"},
    "model.request": {"EventsBatch", "EventsRequest"},
    "model.response": {
        "EndpointItemResponse",
        "EventItemResponse",
        "EventsResponse",
        "ItemOutcome",
        "ItemResponse",
        "Outcome",
    },
    "problems": {"Problem", "ProblemCode"},
    "quotas": {"Quotas", "check_quotas"},
    "recorder": {
        "DropReason",
        "DroppedItem",
        "ItemCounts",
        "Recorder",
        "RecorderStats",
        "RejectedItem",
        "SessionRecorder",
    },
    "senders": {
        "Arrival",
        "Attempt",
        "AttemptObserver",
        "ClientSender",
        "FirehoseSender",
        "HttpResponse",
        "KinesisSender",
        "MemorySender",
        "MultiSender",
        "OutcomeDifference",
        "PinpointSender",
        "Retry",
        "Sender",
        "SenderAnswer",
        "ShadowReport",
        "ShadowSender",
        "SqliteSender",
        "open_sender",
    },
    "wire": {"from_json", "from_wire", "to_json", "to_wire"},
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def _bound(name: str, names: dict[str, Any], module_of: dict[str, str]) -> Any:
    """
    Bind a public name of a package, and return its value.

    Here, and not in another module, because the pytest plugin loads no more.

    Args:
        name: The name.
        names: The package's `globals()`.
        module_of: A public name to the module that defines it, without the leading
            `pinpoint_events`.
    """
    module = module_of.get(name)
    if module is None:
        raise AttributeError(f"module {names['__name__']!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed on first use only

    value = getattr(import_module(f"{__name__}.{module}"), name)
    names[name] = value
    return value


def _known_names(names: dict[str, Any]) -> list[str]:
    """Return the names of a package, bound or not."""
    return sorted({*names, *names["__all__"]})


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
