"""
What each shortcut in the package's own code saves: `python -m benchmarks.shortcuts`.

For each shortcut there is the package as it is, and the package with only that shortcut
taken out (`benchmarks.without_shortcuts`). Both run in one process, in laps that take
turns, and a ratio is that of two laps next to each other: without the shortcut to with
it. At 1.03, the way takes 3 % longer without the shortcut. Before the first lap, both
variants are compared: they write the same bytes, read the same objects, refuse the same
data with the same problems, and keep the same promises (a second `__init__` changes
nothing, `attrs.evolve`, pickling, signatures).

Where a process puts its code and data in memory can make a variant faster or slower by
a percent or two for as long as it lives. So each comparison runs in several processes,
in turns with all others; the spread is that of their medians. The row that compares the
package with itself shows what is noise.

Three ways are measured, in CPU time:

    whole way   constructor calls, builder, JSON, signed request over loopback, answer
    endpoint    the ASGI application in this process, signatures verified, new events
                into an SQLite store, the garbage collector as `serve` sets it
    reading     `from_json` of a request alone

With `--instructions`, Callgrind counts the instructions of the whole way, or of the
reading for readers: the same number each time, but each instruction counts the same.
"""

import argparse
import asyncio
import gc
import inspect
import json
import os
import pickle
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.environment import KEYS, PURE_VARIABLE, ROOT, environment
from benchmarks.service import service
from benchmarks.timing import Side, lap
from benchmarks.without_shortcuts import (
    ALTERNATIVES,
    NOTHING,
    Alternative,
    Modules,
    installed,
    variant,
)

_APPLICATION_ID: Final = "0123456789abcdef0123456789abcdef"
_CREDENTIALS: Final = Credentials("AKIDBENCHMARK", "a-secret-that-is-no-secret")
_HOST: Final = "http://127.0.0.1:8080"
_PATH: Final = f"/v1/apps/{_APPLICATION_ID}/events"
_PREFIX: Final = b"(serial)-"
# The shortcuts are those of the code in Python.
_PURE: Final = {PURE_VARIABLE: "1"}
_BATCHES: Final = 8
_EVENTS: Final = 100


class Way(NamedTuple):
    """
    One way of data, in one variant of the package.

    Attributes:
        prepare: Makes what the next lap works on; not timed.
        run: Goes the way once, with 800 events.
    """

    prepare: Callable[[], None]
    run: Callable[[], Any]


# --- Ways -----------------------------------------------------------------------------


def whole_way(modules: Modules, stack: ExitStack, url: str) -> Way:
    """Return the way of the row `whole way` in `python -m benchmarks`."""
    workload: Any = modules["benchmarks.workload"]
    senders: Any = modules["pinpoint_events.senders"]
    sender = stack.enter_context(
        senders.PinpointSender(_APPLICATION_ID, endpoint_url=url)
    )
    batches = [workload.values(number) for number in range(_BATCHES)]
    return Way(
        lambda: None,
        lambda: [sender.put_events(workload.built(each).build()) for each in batches],
    )


def reading(modules: Modules, _stack: ExitStack, _url: str) -> Way:
    """Return the way from JSON text to a request."""
    bodies = _bodies(modules)
    from_json: Any = modules["pinpoint_events.wire"].from_json
    cls: Any = modules["pinpoint_events.model.request"].EventsRequest
    return Way(lambda: None, lambda: [from_json(cls, body) for body in bodies])


def endpoint(modules: Modules, stack: ExitStack, _url: str) -> Way:
    """Return the way from an ASGI server through the application and back."""
    create_app: Any = modules["pinpoint_events.server.app_factory"].create_app
    keys: Any = modules["pinpoint_events.server.keys"]
    senders: Any = modules["pinpoint_events.senders"]
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    store = stack.enter_context(senders.SqliteSender(Path(directory, "events.db")))
    credentials = keys.Credentials(_CREDENTIALS.access_key, _CREDENTIALS.secret_key)
    app = create_app(store, credentials=[credentials])
    stack.callback(app.close)
    loop = stack.enter_context(asyncio.Runner())
    stack.callback(gc.set_threshold, *gc.get_threshold())
    gc.set_threshold(50_000, 20, 20)  # as `serve` does
    bodies = _bodies(modules, _PREFIX)
    calls: list[tuple[dict[str, Any], bytes]] = []
    serial = 0

    def prepare() -> None:
        nonlocal serial
        calls.clear()
        for body in bodies:
            serial += 1
            calls.append(_signed(body.replace(_PREFIX, b"%08x-" % serial)))

    async def serve() -> None:
        for scope, body in calls:
            answer = await _answer(app, scope, body)
            if b'"StatusCode":4' in answer or b'"StatusCode":202' not in answer:
                raise AssertionError(answer)

    return Way(prepare, lambda: loop.run(serve()))


def _bodies(modules: Modules, prefix: bytes = b"") -> list[bytes]:
    workload: Any = modules["benchmarks.workload"]
    to_wire: Any = modules["pinpoint_events.wire"].to_wire
    bodies = []
    for number in range(_BATCHES):
        wire = to_wire(workload.built(workload.values(number)).build())
        for each in wire["BatchItem"].values():
            each["Events"] = {
                f"{prefix.decode()}{event_id[9:]}": event
                for event_id, event in each["Events"].items()
            }
        bodies.append(json.dumps(wire).encode())
    return bodies


def _signed(body: bytes) -> tuple[dict[str, Any], bytes]:
    headers = {"Content-Type": "application/json", "User-Agent": "Boto3/1.44.5"}
    request = AWSRequest("POST", _HOST + _PATH, headers=headers, data=body)
    SigV4Auth(_CREDENTIALS, "mobiletargeting", "us-east-1").add_auth(request)
    lines = [("host", _HOST.removeprefix("http://"))]
    lines += [(name.lower(), value) for name, value in request.headers.items()]
    lines.append(("content-length", str(len(body))))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": _PATH,
        "raw_path": _PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in lines],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
    }
    return scope, body


async def _answer(app: Any, scope: dict[str, Any], body: bytes) -> bytes:
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


WAYS: Final = {"whole way": whole_way, "endpoint": endpoint, "reading": reading}


# --- Both variants do the same --------------------------------------------------------

_FAULTY: Final[Sequence[Any]] = (
    {"BatchItem": {"e": {"Endpoint": {"Adress": "a", "Address": "b"}, "Events": {}}}},
    {
        "BatchItem": {
            "e": {
                "Endpoint": {"Attributes": {"a": "no list"}, "ChannelType": "EMIAL"},
                "Events": {
                    "1": {"EventType": "", "Metrics": {"m": None}, "Odd": 1},
                    "2": {
                        "EventType": "a",
                        "Timestamp": "2026-11-24T09:30:00.000Z",
                        "Session": {"Id": 5, "StartTimestamp": "yesterday"},
                    },
                    "3": {"EventType": None, "Timestamp": "2026-11-24T09:30:00"},
                    "4": [],
                },
            }
        }
    },
    {"BatchItem": {"e": {"Endpoint": None}}, "EventsRequest": {}},
    [],
)
_SOUND: Final[Any] = {
    "BatchItem": {
        "e": {
            "Endpoint": {
                "Address": "ada@example.com",
                "Attributes": {"likes": ["tea", "caf\u00e9"]},
                "ChannelType": "EMAIL",
                "Demographic": {"Make": "m", "Timezone": "Europe/Berlin"},
                "EffectiveDate": "2026-11-24T09:30:00+01:00",
                "Location": {"City": "c", "Latitude": 52.5},
                "Metrics": {"age": 36},
                "OptOut": "NONE",
                "User": {"UserId": "u", "UserAttributes": {}},
            },
            "Events": {
                "1": {
                    "EventType": "a",
                    "Timestamp": "2026-11-24T09:30:00.000Z",
                    "AppTitle": None,
                    "Session": {
                        "Id": "s",
                        "StartTimestamp": "2026-11-24T09:30:00.000Z",
                        "StopTimestamp": "2026-11-24T09:30:07.001Z",
                    },
                }
            },
        },
        "f": {"Endpoint": {}, "Events": {}},
    }
}


def observed(modules: Modules) -> list[Any]:
    """Return what a variant of the package writes, reads, and refuses."""
    workload: Any = modules["benchmarks.workload"]
    wire: Any = modules["pinpoint_events.wire"]
    cls: Any = modules["pinpoint_events.model.request"].EventsRequest
    error_type: Any = modules["pinpoint_events.errors"].ValidationError
    request = workload.modelled(workload.values(0))
    sound = wire.from_wire(cls, _SOUND)
    found: list[Any] = [
        wire.to_json(workload.built(workload.values(0)).build()),
        wire.to_json(request),
        wire.to_json(sound),
        wire.to_wire(sound),
        repr(sound),
        wire.from_json(cls, wire.to_json(request)) == request,
    ]
    found += _promises(modules, sound)
    for faulty in _FAULTY:
        try:
            found.append(wire.from_wire(cls, faulty))
        except error_type as error:
            found.append([tuple(problem) for problem in error.problems])
    return found


def _promises(modules: Modules, request: Any) -> list[Any]:
    event_type: Any = modules["pinpoint_events.model.event"].Event
    (event,) = request.batch_item["e"].events.values()
    with suppress(attrs.exceptions.FrozenInstanceError):
        event.__init__("another")
    copied = pickle.loads(pickle.dumps(request))
    renamed = attrs.evolve(event, event_type="b")
    return [
        repr(event),
        (copied == request, hash(copied) == hash(request), copied is request),
        repr(renamed),
        list(map(str, inspect.signature(event_type).parameters.values())),
    ]


@contextmanager
def both(alternative: Alternative, way: str, url: str) -> Iterator[list[Any]]:
    """
    Yield the modules and the way of each variant, with the shortcut and without.

    Raises:
        AssertionError: If the two do not do the same.
    """
    with ExitStack() as stack:
        sides = []
        seen = []
        for each in (NOTHING, alternative):
            modules = variant(each)
            with installed(modules):
                seen.append(observed(modules))
                side = WAYS[way](modules, stack, url)
                side.prepare()
                side.run()
            sides.append((modules, side))
        if seen[0] != seen[1]:
            raise AssertionError("the two variants do not do the same")
        yield sides


# --- One process ----------------------------------------------------------------------


def compared(alternative: Alternative, way: str, url: str, rounds: int) -> list[float]:
    """Return the ratios of laps next to each other: without the shortcut to with it."""
    ratios = []
    with both(alternative, way, url) as sides:
        gc.collect()
        gc.freeze()  # modules and input: collections in the laps see what laps make
        for number in range(-3, rounds):
            seconds = [0.0, 0.0]
            for place in (0, 1) if number % 2 else (1, 0):
                modules, side = sides[place]
                with installed(modules):
                    side.prepare()
                    seconds[place] = lap(Side(side.run, 1)).cpu_seconds
            if number >= 0:  # the first laps warm up
                ratios.append(seconds[1] / seconds[0])
        gc.unfreeze()
    return ratios


def run_laps(alternative: Alternative, way: str, url: str, laps: int) -> None:
    """Run one variant alone, for a count of its instructions."""
    modules = variant(alternative)
    gc.disable()
    with ExitStack() as stack, installed(modules):
        side = WAYS[way](modules, stack, url)
        for _ in range(laps):
            side.prepare()
            side.run()


# --- All of them ----------------------------------------------------------------------


def _command(place: int, way: str, url: str, *arguments: object) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.shortcuts", "--url", url),
        *("--only", str(place), "--way", way),
        *map(str, arguments),
    ]


def ratios_of(place: int, way: str, url: str, home: Path, rounds: int) -> list[float]:
    """
    Return the ratios of one alternative, measured in a separate process.

    Args:
        place: Which of the alternatives.
        way: What is measured.
        url: Of the stand-in for the service.
        home: The user's directory.
        rounds: How often.
    """
    found: list[float] = json.loads(
        subprocess.run(
            _command(place, way, url, "--rounds", rounds),
            cwd=ROOT,
            env=environment(home, KEYS) | _PURE,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    )
    return found


_FEW: Final = 4
_MANY: Final = 14


def _instructions(place: int, way: str, url: str, home: Path) -> float:
    """Return how many instructions an event takes: many laps, less a few."""
    counts = []
    for laps in (_FEW, _MANY):
        done = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
                *_command(place, way, url, "--laps", laps),
            ],
            cwd=ROOT,
            env=environment(home, KEYS) | _PURE | {"PYTHONHASHSEED": "0"},
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        collected = re.search(r"Collected : (\d+)", done.stderr)
        assert collected is not None
        counts.append(int(collected[1]))
    return (counts[1] - counts[0]) / ((_MANY - _FEW) * _BATCHES * _EVENTS)


def _cell(processes: list[list[float]]) -> str:
    medians = [statistics.median(ratios) for ratios in processes]
    middle = statistics.median([ratio for ratios in processes for ratio in ratios])
    return f"{middle:.3f} ({min(medians):.3f} to {max(medians):.3f})"


def _machine() -> str:
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("attrs", "cattrs", "msgspec", "botocore")
    )
    return (
        f"Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores; {libraries}"
    )


def _measure(url: str, processes: int, rounds: int) -> None:
    found: dict[tuple[int, str], list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as home:
        for number in range(processes):
            print(f"process {number + 1} of {processes}", file=sys.stderr)
            for place in range(len(ALTERNATIVES)):
                for way in WAYS:
                    ratios = ratios_of(place, way, url, Path(home), rounds)
                    found.setdefault((place, way), []).append(ratios)
    print(f"{_machine()}; {processes} processes of {rounds} pairs of laps each.\n")
    print(f"| shortcut | instead | {' | '.join(WAYS)} |")
    print(f"| --- | --- |{' ---: |' * len(WAYS)}")
    for place, (shortcut, instead, _) in enumerate(ALTERNATIVES):
        cells = " | ".join(_cell(found[place, way]) for way in WAYS)
        print(f"| {shortcut} | {instead} | {cells} |")


def _count(url: str) -> None:
    print("| shortcut | instead | way | instructions an event | ratio |")
    print("| --- | --- | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as home:
        for way in ("whole way", "reading"):
            base = 0.0
            for place, (shortcut, instead, _) in enumerate(ALTERNATIVES):
                count = _instructions(place, way, url, Path(home))
                base = base or count
                ratio = count / base
                print(
                    f"| {shortcut} | {instead} | {way} | {count:,.0f} | {ratio:.3f} |",
                    flush=True,
                )


def main() -> None:
    """Print the table, or run one comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts")
    parser.add_argument("--processes", type=int, default=5, help="of each comparison")
    parser.add_argument("--rounds", type=int, default=60, help="in each process")
    parser.add_argument("--instructions", action="store_true", help="count them")
    parser.add_argument("--only", type=int, help="one comparison, in this process")
    parser.add_argument("--way", choices=WAYS, default="whole way")
    parser.add_argument("--laps", type=int, help="of one variant alone")
    parser.add_argument("--url", help="of the stand-in for the service")
    options = parser.parse_args()
    if options.only is None:
        with service() as url:
            if options.instructions:
                _count(url)
            else:
                _measure(url, options.processes, options.rounds)
        return
    alternative = ALTERNATIVES[options.only]
    if options.laps is not None:
        run_laps(alternative, options.way, options.url, options.laps)
    else:
        found = compared(alternative, options.way, options.url, options.rounds)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
