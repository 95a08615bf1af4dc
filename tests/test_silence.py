"""No error of any public function shows a value that it was given."""

import inspect
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import pinpoint_events
from pinpoint_events import (
    BatchBuilder,
    Endpoint,
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    SqliteSender,
    errors,
    events,
    from_amplify_envelope,
    from_stream_record,
    loader,
    problems,
    server,
    testing,
)
from pinpoint_events.testing import RecordingSender, strategies
from tests.commands import takes_long

SECRET: Final = "s3cr3t-PLANTED"


class Shown:
    """An object that is its secret, however it is shown."""

    def __repr__(self) -> str:
        return SECRET

    __str__ = __repr__


class Failing:
    """An object that raises its secret, whatever number it is to be."""

    def __index__(self) -> int:
        raise LookupError(SECRET)

    def __float__(self) -> float:
        raise LookupError(SECRET)


REQUEST: Final = BatchBuilder().add("e", Event(SECRET), event_id="v").build()
FILE: Final = Path("file")
# No keys: those are in the paths of problems.
VALUES: Final[tuple[Any, ...]] = (
    SECRET,
    SECRET.encode(),
    f'{{"{SECRET}": 1}}',
    {"a": SECRET},
    [SECRET],
    (SECRET,),
    {SECRET},
    Shown(),
    Failing(),
    [Failing()],
    {"a": Failing()},
    {"a": [SECRET.encode()]},
    Event(SECRET),
    Endpoint(address=SECRET, channel_type="EMAIL"),
    BatchBuilder().add("e", Event(SECRET), event_id="v"),
    REQUEST,
    [REQUEST],
)
# Names that messages are about: of files, and of what a test looks for.
NAMES: Final = {
    ("FileKeys", "path"): FILE,
    ("SqliteSender", "path"): FILE,
    ("load", "checkpoint"): FILE,
    ("load", "files"): FILE,
    ("load", "rejected"): FILE,
    ("RecordingSender.assert_sent", "event_type"): "tapped",
    ("RecordingSender.assert_sent", "endpoint_id"): "e",
    ("RecordingSender.assert_sent", "application_id"): "app",
}
# Attributes and metrics that a test looks for.
LOOKED_FOR: Final = {"attributes", "metrics"}
SERVING: Final = {"PinpointServer", "served"}
ENUMS: Final = {
    name: value
    for module in (errors, events, problems)
    for name, value in vars(module).items()
    if getattr(value, "__members__", None)
}


def member_of(enum: Any) -> Callable[[Any], Any]:
    """Return the call that looks up a member; Python's takes more than the value."""

    def call(value: Any) -> Any:
        return enum(value)

    return call


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield each public function and class, and methods that take data."""
    modules: tuple[ModuleType, ...] = (
        pinpoint_events,
        events,
        loader,
        server,
        testing,
        strategies,
    )
    for module in modules:
        for name in module.__all__:
            value = getattr(module, name)
            is_enum = hasattr(value, "__members__")
            if callable(value) and not is_enum and name not in SERVING:
                yield name, value
    for name, enum in ENUMS.items():
        yield name, member_of(enum)
    for owner, names in (
        (MemorySender(), ("put_events", "put_all", "find_endpoints")),
        (BatchBuilder(), ("add", "event", "endpoint", "add_request")),
        (EventsRequest(batch_item={}), ("retry", "split")),
        (
            EventsResponse(),
            ("outcomes", "rejected", "retryable", "unreported", "raise_for_failures"),
        ),
        (RecordingSender(), ("assert_sent", "assert_not_sent", "events_of")),
    ):
        for name in names:
            yield f"{type(owner).__name__}.{name}", getattr(owner, name)


FUNCTIONS: Final = dict(functions())


def shown(error: BaseException | None) -> str:
    """Return all that an error shows, without the lines of source."""
    lines = traceback.format_exception(error)
    text = "".join(line for line in lines if not line.startswith("  File"))
    return f"{text}{error!r}{error}"


def raised(call: Callable[[], Any]) -> BaseException | None:
    """Return what a call raises; close what it returns."""
    try:
        made = call()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    if isinstance(made, SqliteSender | server.Kinesis | server.Firehose):
        made.close()
    return None


def calls(
    function: Callable[..., Any], value: Any, others: Any
) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    """Yield each position with arguments that have the value there."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    taken = [each for each in parameters if each.kind not in kinds]
    for place in taken:
        named: dict[str, Any] = {}
        positional: list[Any] = []
        for each in taken:
            if each is not place and each.default is not each.empty:
                continue
            given = value if each is place else others
            if each.kind is each.POSITIONAL_ONLY:
                positional.append(given)
            else:
                named[each.name] = given
        yield place.name, named, positional


RECORD: Final[dict[str, Any]] = {
    "event_type": "tapped",
    "event_timestamp": 1790000000123,
    "arrival_timestamp": 1790000001187,
    "application": {"app_id": "a", "sdk": {}},
    "client": {"client_id": "c"},
    "device": {"locale": {"code": "en_US"}, "platform": {"name": "ios"}},
    "session": {"session_id": "s", "start_timestamp": 1790000000000},
    "attributes": {"a": "b"},
    "metrics": {"n": 1},
    "endpoint": {"User": {"UserId": "u"}, "Attributes": {"a": ["b"]}},
    "awsAccountId": "111122223333",
    "facets": {"email_channel": {}},
}


def planted(data: Any, value: Any) -> Iterator[Any]:
    """Yield the data with the value in place of each of its parts."""
    yield value
    if isinstance(data, dict):
        for key, inside in data.items():
            for each in planted(inside, value):
                yield {**data, key: each}


@pytest.mark.parametrize("read", [from_stream_record, from_amplify_envelope])
def test_planted_in_records(read: Callable[[Any], object]) -> None:
    """Whatever is in whichever part of a record, an error does not show it."""
    for value in VALUES:
        for data in planted(RECORD, value):
            assert SECRET not in shown(raised(lambda: read(data)))  # noqa: B023 - called at once


@takes_long
@pytest.mark.parametrize("name", FUNCTIONS)
def test_planted_secrets(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is given in whichever position, an error does not show it."""
    monkeypatch.chdir(tmp_path)
    function = FUNCTIONS[name]
    for value in VALUES:
        for others in VALUES[:4]:
            for place, named, positional in calls(function, value, others):
                if place in LOOKED_FOR and value == {"a": SECRET}:
                    continue
                arguments = {
                    each: NAMES.get((name, each), given)
                    for each, given in named.items()
                }
                error = raised(lambda: function(*positional, **arguments))  # noqa: B023 - called at once
                assert SECRET not in shown(error), (place, type(value))
