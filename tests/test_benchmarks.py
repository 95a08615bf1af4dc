"""The benchmarks compare like with like; how fast, no test asks."""

import gc
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import building, encoding, shortcuts, streams, whole_way
from benchmarks.cold_start import COLD_STARTS
from benchmarks.environment import (
    KEYS,
    PROFILE,
    PURE_VARIABLE,
    environment,
    speedups_version,
    write_profile,
)
from benchmarks.service import service
from benchmarks.table import Bar, Result, Row, markdown
from benchmarks.timing import Lap, Pair, Side, lap
from benchmarks.without_shortcuts import ALTERNATIVES
from benchmarks.worker import COMPILED, PURE, WITHOUT_FAST, worker
from benchmarks.workload import BATCHES, built, modelled, values

from pinpoint_events import EventsResponse, MemorySender, from_wire, to_json, to_wire
from pinpoint_events.server import Credentials, create_app, served
from tests.commands import takes_long
from tests.http_server import Answer, HttpServer

ATTRIBUTES = ("sku", "campaign", "referrer")

needs_compiled = pytest.mark.skipif(
    speedups_version() is None, reason="the compiled part is not installed"
)


@pytest.fixture(scope="module", name="url")
def stand_in() -> Iterator[str]:
    """Run the stand-in for the service."""
    with service() as url:
        yield url


class TestWorkload:
    """The input of all rows."""

    def test_is_as_large_as_said(self) -> None:
        """100 events at 10 endpoints, 3 attributes, 2 metrics, a session: 36 KB."""
        request = built(values(0)).build()
        batches = request.batch_item.values()
        events = [event for batch in batches for event in batch.events.values()]
        assert (len(batches), len(events)) == (10, 100)
        assert {len(event.attributes) for event in events} == {3}
        assert {len(event.metrics) for event in events} == {2}
        assert all(event.session is not None for event in events)
        assert 35_000 < len(to_json(request)) < 37_000

    def test_repeats_nothing(self) -> None:
        """Every event of every batch has ids, times and values of its own."""
        events = [
            event
            for number in range(BATCHES)
            for endpoint in values(number)
            for event in endpoint.events
        ]
        assert len(events) == BATCHES * 100
        distinct: list[set[Any]] = [
            {event.event_id for event in events},
            {event.timestamp for event in events},
            {event.session_id for event in events},
            {event.session_start for event in events},
            {event.metrics["price"] for event in events},
            *[{event.attributes[key] for event in events} for key in ATTRIBUTES],
        ]
        assert {len(found) for found in distinct} == {len(events)}

    def test_model_and_builder_say_the_same(self) -> None:
        """Constructors alone and the builder make the same request, byte by byte."""
        endpoints = values(1)
        assert to_json(modelled(endpoints)) == to_json(built(endpoints).build())


@pytest.fixture(name="keys")
def keys_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS's SDKs find keys and a region, and nothing else."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, text in environment(tmp_path, KEYS).items():
        monkeypatch.setenv(name, text)


class TestWholeWay:
    """This library and boto3 send the same and are answered the same."""

    def test_same_requests_and_answers(self, keys: None) -> None:
        """Both sides send all batches to one path, and learn the same of each."""
        with HttpServer() as server, whole_way.sides(server.url) as (ours, theirs):
            answers, dicts = ours.run(), theirs.run()
            received = server.received
        batches = [to_wire(built(values(number)).build()) for number in range(BATCHES)]
        assert [json.loads(request.body) for request in received] == batches * 2
        assert len({request.target for request in received}) == 1
        assert all("Authorization" in request.headers for request in received)
        assert answers == [from_wire(EventsResponse, data) for data in dicts]

    def test_stand_in_answers_each_batch(self, keys: None, url: str) -> None:
        """The stand-in's answers fit the batches, call by call, on each connection."""
        with whole_way.sides(url) as (ours, theirs):
            answers, dicts = ours.run(), theirs.run()
        assert answers == [from_wire(EventsResponse, data) for data in dicts]
        for number, answer in enumerate(answers):
            answer.raise_for_failures(built(values(number)).build())

    @takes_long
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param((COMPILED,), marks=needs_compiled),
            (PURE,),
            (PURE, WITHOUT_FAST),
        ],
        ids=" ".join,
    )
    def test_accelerators(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        """A worker sends the same content with accelerators and without them."""
        with (
            HttpServer() as server,
            worker(tmp_path, "whole_way", *options, "--url", server.url) as child,
        ):
            pairs = child.round()
        batches = [to_wire(built(values(number)).build()) for number in range(BATCHES)]
        bodies = [json.loads(request.body) for request in server.received]
        assert bodies == batches * 4  # to warm up, and one pair of laps
        assert len(pairs) == 1


class TestLimit:
    """The minimal client is honest: it does all that the service asks for."""

    @pytest.fixture(name="limit")
    def limit_module(self) -> Any:
        """Return the module; it needs orjson, of the dependency group `bench`."""
        pytest.importorskip("orjson")
        from benchmarks import limit

        return limit

    def test_same_bytes(self, limit: Any) -> None:
        """Its dicts are the same JSON as ours, byte by byte."""
        import orjson

        for batch in map(values, range(BATCHES)):
            body = orjson.dumps(limit.request_dict(batch))
            assert body == encoding.built_body(batch)

    @pytest.mark.parametrize("from_values", [True, False])
    def test_accepted(self, keys: None, limit: Any, *, from_values: bool) -> None:
        """An endpoint that verifies signatures accepts the requests of both sides."""
        key = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
        store = MemorySender()
        with (
            served(create_app(store, credentials=key)) as server,
            limit.sides(server.url, from_values=from_values) as (ours, theirs),
        ):
            typed, decoded = ours.run(), theirs.run()
        untyped = [from_wire(EventsResponse, data) for data in decoded]
        assert [each.results for each in typed] == [each.results for each in untyped]
        # The endpoint completes the attributes of endpoints, with the time of arrival.
        events = [
            {key: batch.events for key, batch in request.batch_item.items()}
            for request in store.requests
        ]
        sent = [
            {key: batch.events for key, batch in request.batch_item.items()}
            for request in (modelled(values(number)) for number in range(BATCHES))
        ]
        assert events == sent * 2

    def test_other_secret(self, limit: Any) -> None:
        """A signature with another secret is refused, so the one above was checked."""
        key = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
        with served(create_app(MemorySender(), credentials=key)) as server:
            client = limit.LimitClient(server.url, key.access_key_id, "x", "us-east-1")
            with pytest.raises(RuntimeError, match="HTTP 403"):
                client.put_events(limit.request_dict(values(0)))
            client.close()

    def test_stand_in_answers_each_batch(
        self, keys: None, limit: Any, url: str
    ) -> None:
        """The stand-in's answers fit the batches, call by call."""
        with limit.sides(url, from_values=True) as (ours, theirs):
            typed, decoded = ours.run(), theirs.run()
        untyped = [from_wire(EventsResponse, data) for data in decoded]
        assert [each.results for each in typed] == [each.results for each in untyped]
        for number, answer in enumerate(typed):
            answer.raise_for_failures(built(values(number)).build())

    @needs_compiled
    @pytest.mark.parametrize("name", ["limit_from_values", "limit_from_dicts"])
    def test_rows(self, limit: Any, tmp_path: Path, url: str, name: str) -> None:
        """Both rows run."""
        with worker(tmp_path, name, COMPILED, "--url", url) as child:
            assert len(child.round()) == 1


class TestEncoding:
    """This library and pydantic write the same."""

    @pytest.mark.parametrize(
        "option", [pytest.param(COMPILED, marks=needs_compiled), PURE]
    )
    @pytest.mark.parametrize("name", ["encoding_by_model", "encoding_by_builder"])
    def test_rows(self, tmp_path: Path, name: str, option: str) -> None:
        """All rows run, after a look at whether both sides say the same."""
        with worker(tmp_path, name, option) as child:
            assert len(child.round()) == 1


class TestMain:
    """Rows that need the compiled part."""

    @staticmethod
    def rows_left_out() -> int:
        """Return how many rows are left out here."""
        from benchmarks import __main__

        return len(__main__._left_out())

    @needs_compiled
    def test_all_rows(self) -> None:
        """No row is left out where it is installed."""
        assert self.rows_left_out() == 0

    @pytest.mark.skipif(
        speedups_version() is not None, reason="the compiled part is installed"
    )
    def test_rows_left_out(self) -> None:
        """Those that need it are left out where it is not."""
        assert self.rows_left_out() == 5


class TestStreams:
    """Ours and boto3 put the same records."""

    @pytest.mark.parametrize(
        "sides",
        [
            streams.kinesis,
            streams.firehose,
        ],
    )
    def test_same_records(self, keys: None, sides: Any) -> None:
        """Byte by byte, but for the time of arrival, with as many in a call."""
        results = {"SequenceNumber": "1", "RecordId": "1"}
        answer = {
            "Records": [results] * streams.RECORDS,
            "RequestResponses": [results] * streams.RECORDS,
        }
        body = json.dumps(answer).encode()
        with (
            HttpServer(default=lambda _: Answer(200, body)) as server,
            sides(server.url) as (ours, theirs),
        ):
            for number, response in enumerate(ours.run()):
                response.raise_for_failures(streams.request(number))
            theirs.run()
            calls = [json.loads(each.body)["Records"] for each in server.received]
        assert len(calls) == 2 * streams.CALLS
        for our_call, their_call in zip(
            calls[: streams.CALLS], calls[streams.CALLS :], strict=True
        ):
            assert len(our_call) == streams.RECORDS
            for one, other in zip(our_call, their_call, strict=True):
                assert one.get("PartitionKey") == other.get("PartitionKey")
                assert arrived(one) == arrived(other)

    def test_bare(self, keys: None, url: str) -> None:
        """The least sends as many bodies."""
        with streams.bare(url) as (ours, theirs):
            assert len(ours.run()) == streams.CALLS
            answers = theirs.run()
        assert [each.status for each in answers] == [202] * streams.CALLS

    def test_at_length(self, keys: None, url: str) -> None:
        """What each call costs, and the memory after it."""
        costs, sizes = streams._sent(url, 3)
        assert len(costs) == len(sizes) == 3
        assert min(*costs, *sizes) > 0


def arrived(record: Any) -> Any:
    """Return the content of a record, without when it arrived."""
    data = b64decode(record["Data"])
    found = json.loads(data)
    del found["arrival_timestamp"]
    return found, data[-1:]


class TestColdStart:
    """Each program does what its row says."""

    @takes_long
    def test_programs_run(self, tmp_path: Path, url: str) -> None:
        """They end well, with keys and region from where their row says."""
        names, encode, send, record, _ = COLD_STARTS
        write_profile(tmp_path)
        variables = environment(tmp_path, PROFILE)
        for program in (
            names.ours,
            encode.ours,
            send.ours,
            send.theirs,
            record.ours,
            record.theirs,
        ):
            command = [sys.executable, "-c", program, url]
            subprocess.run(command, env=variables, check=True)

    def test_environment_has_no_settings_of_the_caller(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What AWS's SDKs and the package read in the caller's is left out."""
        monkeypatch.setenv("AWS_PROFILE", "mine")
        monkeypatch.setenv(PURE_VARIABLE, "1")
        found = environment(tmp_path, KEYS)
        assert PURE_VARIABLE not in found
        assert found["HOME"] == str(tmp_path)
        assert {name for name in found if name.startswith("AWS_")} == set(KEYS)


class TestBuilding:
    """Large builders."""

    def test_both_sides_build_all_events(self) -> None:
        """One builder of many events and many of 1,000 make as many requests."""
        with building.sides(2_000) as (ours, theirs):
            assert ours.run() == 20
            assert theirs.run() == [10, 10]
        assert (ours.events, theirs.events) == (2_000, 2_000)

    def test_bytes_per_event(self) -> None:
        """What is held is counted by the event; what is let go of is not."""
        held = building.bytes_per_event(200, lambda _: [bytes(1_000)] * 200)
        assert held < 100
        held = building.bytes_per_event(
            200, lambda _: [bytes(1_000 + n) for n in range(200)]
        )
        assert 1_100 < held < 1_200


class TestShortcuts:
    """What the package does by functions of its own, in the usual way."""

    @takes_long
    @pytest.mark.parametrize("place", range(len(ALTERNATIVES)))
    def test_does_the_same(self, place: int, tmp_path: Path) -> None:
        """Without a shortcut the same is read and written; it ends in a ratio."""
        found = shortcuts.ratios_of(place, "reading", "no service", tmp_path, rounds=1)
        assert len(found) == 1
        assert found[0] > 0


class TestTiming:
    """Laps."""

    def test_runs_once(self) -> None:
        """A lap runs its side once, with the garbage collector as asked for."""
        seen: list[bool] = []
        side = Side(lambda: seen.append(gc.isenabled()), 10)
        lap(side)
        lap(side, collects=False)
        assert seen == [True, False]
        assert gc.isenabled()

    def test_cost_of_an_event(self) -> None:
        """A lap tells the cost of one event: ten of them share it."""
        work = lambda: sum(range(300_000))  # noqa: E731
        one, ten = lap(Side(work, 1)), lap(Side(work, 1_000_000))
        assert ten.cpu_seconds < one.cpu_seconds
        assert ten.wall_seconds < one.wall_seconds


PAIRS = [
    Pair(Lap(10, 11), Lap(40, 40)),
    Pair(Lap(20, 22), Lap(50, 48)),
    Pair(Lap(30, 33), Lap(60, 99)),
]


class TestTable:
    """What is printed."""

    def test_medians(self) -> None:
        """A ratio is the median of ratios, not the ratio of medians."""
        row = Row("work", "peer", "ms", 1e3)
        assert Result.of(row, PAIRS) == Result(
            row, 20_000, 22_000, 50_000, 48_000, 20 / 50, 33 / 99
        )

    def test_markdown(self) -> None:
        """A row has its costs, its ratios, its bar, and whether it holds."""
        results = [
            Result.of(Row("a", "p", "s", 1, Bar.times_less(2)), PAIRS),
            Result.of(Row("b", "p", "s", 1, Bar.within(0.35)), PAIRS),
            Result.of(Row("c", "p", "s", 1), PAIRS),
        ]
        costs = "20.0 | 50.0 | 0.40 | 22.0 | 48.0 | 0.33"
        less = "20.0 | 50.0 | 2.5 times less | 22.0 | 48.0 | 3.0 times less"
        assert markdown(results).splitlines()[2:] == [
            f"| a | p | s | {less} | at least 2 times less | yes |",
            f"| b | p | s | {costs} | at most 0.35 | **no** |",
            f"| c | p | s | {costs} |  |  |",
        ]
