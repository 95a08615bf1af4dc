"""
Endpoints that you run yourself, for any AWS client: PutEvents, Kinesis, Firehose.

`create_app` returns one, an ASGI 3 application. `served` runs it for tests, the command
`pinpoint-events serve` as a program. Both need the extra `server`.

Names are bound when first used, so that the import loads no heavy modules.
"""

from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.endpoints.protocol import FindsEndpoints as FindsEndpoints
    from pinpoint_events.endpoints.protocol import (
        WritesExclusively as WritesExclusively,
    )
    from pinpoint_events.server._active_faults import Faults as Faults
    from pinpoint_events.server._limits import Limits as Limits
    from pinpoint_events.server.app import App as App
    from pinpoint_events.server.app_factory import create_app as create_app
    from pinpoint_events.server.faults import BareStatus as BareStatus
    from pinpoint_events.server.faults import Cut as Cut
    from pinpoint_events.server.faults import Delay as Delay
    from pinpoint_events.server.faults import DropIds as DropIds
    from pinpoint_events.server.faults import DropRecord as DropRecord
    from pinpoint_events.server.faults import FailCall as FailCall
    from pinpoint_events.server.faults import FailItem as FailItem
    from pinpoint_events.server.faults import FailRecord as FailRecord
    from pinpoint_events.server.faults import Fault as Fault
    from pinpoint_events.server.faults import Reshard as Reshard
    from pinpoint_events.server.faults import ShiftClock as ShiftClock
    from pinpoint_events.server.faults import Throttle as Throttle
    from pinpoint_events.server.faults import ThrottleShard as ThrottleShard
    from pinpoint_events.server.keys import Credentials as Credentials
    from pinpoint_events.server.keys import FileKeys as FileKeys
    from pinpoint_events.server.keys import Keys as Keys
    from pinpoint_events.server.running import Served as Served
    from pinpoint_events.server.running import served as served
    from pinpoint_events.server.streams.delivery_stream import (
        DeliveryRecord as DeliveryRecord,
    )
    from pinpoint_events.server.streams.firehose import Firehose as Firehose
    from pinpoint_events.server.streams.kinesis import Kinesis as Kinesis
    from pinpoint_events.server.streams.limits import ShardLimits as ShardLimits
    from pinpoint_events.server.streams.shard import ShardRecord as ShardRecord

__all__ = [
    "App",
    "BareStatus",
    "Credentials",
    "Cut",
    "Delay",
    "DeliveryRecord",
    "DropIds",
    "DropRecord",
    "FailCall",
    "FailItem",
    "FailRecord",
    "Fault",
    "Faults",
    "FileKeys",
    "FindsEndpoints",
    "Firehose",
    "Keys",
    "Kinesis",
    "Limits",
    "Reshard",
    "Served",
    "ShardLimits",
    "ShardRecord",
    "ShiftClock",
    "Throttle",
    "ThrottleShard",
    "WritesExclusively",
    "create_app",
    "served",
]

_MODULES = {
    "server._active_faults": {"Faults"},
    "server._limits": {"Limits"},
    "server.app": {"App"},
    "server.app_factory": {"create_app"},
    "endpoints.protocol": {"FindsEndpoints", "WritesExclusively"},
    "server.faults": {
        "BareStatus",
        "Cut",
        "Delay",
        "DropIds",
        "DropRecord",
        "FailCall",
        "FailItem",
        "FailRecord",
        "Fault",
        "Reshard",
        "ShiftClock",
        "Throttle",
        "ThrottleShard",
    },
    "server.keys": {"Credentials", "FileKeys", "Keys"},
    "server.running": {"Served", "served"},
    "server.streams.delivery_stream": {"DeliveryRecord"},
    "server.streams.firehose": {"Firehose"},
    "server.streams.kinesis": {"Kinesis"},
    "server.streams.limits": {"ShardLimits"},
    "server.streams.shard": {"ShardRecord"},
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
