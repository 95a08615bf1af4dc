"""
Events that are recorded at once, delivered in the background, and accounted for.

`Recorder` stores each event in a spool, from which a thread delivers it by a sender.

    api             `Recorder`
    options         what its arguments may be
    sender_source   where its sender comes from
    sessions        sessions as Pinpoint's SDKs write them
    items           what a spool holds, and its books
    spool           what recorder and worker ask of a spool
    file_spool      ... in an SQLite file that several processes share
    ledger          ... what is written and read there in one transaction
    spool_place     ... where the file is
    memory_spool    ... in memory
    operators       what operators do to the file
    spool_lines     items as lines for the loader
    safe_spool      the file, and memory while the file cannot be used
    worker          the thread that delivers
    dispatcher      delivers what is due, in whatever thread
    delivery        what to send next, and what an answer means: no I/O
    packing         items packed into requests
    pace            when the next request may be sent: no clock
    reports         calls of hooks, and log lines
    metrics         OpenTelemetry, if it is installed
    process_end     what runs when the process ends
    aws_lambda      what a handler of AWS Lambda does before it returns
"""

from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.recorder.api import Recorder as Recorder
    from pinpoint_events.recorder.api import RecorderStats as RecorderStats
    from pinpoint_events.recorder.aws_lambda import LambdaContext as LambdaContext
    from pinpoint_events.recorder.aws_lambda import flush_in_time as flush_in_time
    from pinpoint_events.recorder.items import DropReason as DropReason
    from pinpoint_events.recorder.items import ItemCounts as ItemCounts
    from pinpoint_events.recorder.options import OnFull as OnFull
    from pinpoint_events.recorder.reports import DroppedItem as DroppedItem
    from pinpoint_events.recorder.reports import RejectedItem as RejectedItem
    from pinpoint_events.recorder.sessions import SessionRecorder as SessionRecorder

__all__ = [
    "DropReason",
    "DroppedItem",
    "ItemCounts",
    "LambdaContext",
    "OnFull",
    "Recorder",
    "RecorderStats",
    "RejectedItem",
    "SessionRecorder",
    "flush_in_time",
]

_MODULE_OF = {
    "DropReason": "recorder.items",
    "DroppedItem": "recorder.reports",
    "ItemCounts": "recorder.items",
    "LambdaContext": "recorder.aws_lambda",
    "OnFull": "recorder.options",
    "Recorder": "recorder.api",
    "RecorderStats": "recorder.api",
    "RejectedItem": "recorder.reports",
    "SessionRecorder": "recorder.sessions",
    "flush_in_time": "recorder.aws_lambda",
}


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
