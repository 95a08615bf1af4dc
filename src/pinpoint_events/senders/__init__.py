"""
Where requests go. All senders answer alike, with one typed response.

Each is loaded when first used: what sends to AWS loads botocore, the others do not.
"""

from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.endpoints.merge import merged as merged
    from pinpoint_events.endpoints.protocol import FindsEndpoints as FindsEndpoints
    from pinpoint_events.endpoints.protocol import (
        WritesExclusively as WritesExclusively,
    )
    from pinpoint_events.http_messages import HttpResponse as HttpResponse
    from pinpoint_events.retry import Retry as Retry
    from pinpoint_events.senders._record_writers import Arrival as Arrival
    from pinpoint_events.senders._several import SenderAnswer as SenderAnswer
    from pinpoint_events.senders.client import ClientSender as ClientSender
    from pinpoint_events.senders.firehose import FirehoseSender as FirehoseSender
    from pinpoint_events.senders.kinesis import KinesisSender as KinesisSender
    from pinpoint_events.senders.memory import MemorySender as MemorySender
    from pinpoint_events.senders.multi import MultiSender as MultiSender
    from pinpoint_events.senders.observer import Attempt as Attempt
    from pinpoint_events.senders.observer import AttemptObserver as AttemptObserver
    from pinpoint_events.senders.pinpoint import PinpointSender as PinpointSender
    from pinpoint_events.senders.protocol import ChecksReadiness as ChecksReadiness
    from pinpoint_events.senders.protocol import Sender as Sender
    from pinpoint_events.senders.shadow import OutcomeDifference as OutcomeDifference
    from pinpoint_events.senders.shadow import ShadowReport as ShadowReport
    from pinpoint_events.senders.shadow import ShadowSender as ShadowSender
    from pinpoint_events.senders.sqlite import SqliteSender as SqliteSender
    from pinpoint_events.senders.url import open_sender as open_sender

__all__ = [
    "Arrival",
    "Attempt",
    "AttemptObserver",
    "ChecksReadiness",
    "ClientSender",
    "FindsEndpoints",
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
    "WritesExclusively",
    "merged",
    "open_sender",
]

_MODULE_OF = {
    "Arrival": "senders._record_writers",
    "Attempt": "senders.observer",
    "AttemptObserver": "senders.observer",
    "ChecksReadiness": "senders.protocol",
    "ClientSender": "senders.client",
    "FindsEndpoints": "endpoints.protocol",
    "WritesExclusively": "endpoints.protocol",
    "FirehoseSender": "senders.firehose",
    "HttpResponse": "http_messages",
    "KinesisSender": "senders.kinesis",
    "MemorySender": "senders.memory",
    "MultiSender": "senders.multi",
    "OutcomeDifference": "senders.shadow",
    "PinpointSender": "senders.pinpoint",
    "Retry": "retry",
    "Sender": "senders.protocol",
    "SenderAnswer": "senders._several",
    "ShadowReport": "senders.shadow",
    "ShadowSender": "senders.shadow",
    "SqliteSender": "senders.sqlite",
    "merged": "endpoints.merge",
    "open_sender": "senders.url",
}


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
