"""Input that changes while it is read, and objects that were tampered with."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from pinpoint_events import Endpoint, Event, EventsBatch, EventsResponse, from_wire
from pinpoint_events.compiled import core
from pinpoint_events.model._converters import ObjectMap, TextMap
from pinpoint_events.wire import to_json

pytestmark = pytest.mark.skipif(core is None, reason="the compiled part is not used")


class OtherKey(str):
    """A key whose comparison runs other code."""

    __slots__ = ("run",)
    run: Callable[[], object]
    __hash__ = str.__hash__

    def __new__(cls, text: str, run: Callable[[], object]) -> Self:
        """Keep what to run."""
        key = super().__new__(cls, text)
        key.run = run
        return key

    def __eq__(self, other: object) -> bool:
        self.run()
        return str.__eq__(self, other)


class Cycle:
    """What the garbage collector frees, and whose end runs other code."""

    def __init__(self, run: Callable[[], object]) -> None:
        """Refer to itself."""
        self.itself = self
        self.run = run

    def __del__(self) -> None:
        self.run()


class TestChanges:
    """What was read stays, though the input has let it go."""

    def test_code_is_removed(self) -> None:
        """Of an answer, while its message is looked up."""
        code = int("2100001999")  # no small number, and no constant
        answer: dict[Any, Any] = {"StatusCode": code}
        kept: list[bytes] = []

        def remove() -> None:
            if answer.pop("StatusCode", None):
                kept.extend(bytes(40) for _ in range(200))

        answer[OtherKey("Message", remove)] = "ok"
        code = 0
        results = {"e": {"EndpointItemResponse": answer, "EventsItemResponse": {}}}
        response = from_wire(EventsResponse, {"Results": results})
        found = response.results["e"].endpoint_item_response
        assert found is not None
        assert (found.status_code, found.message, code) == (2_100_001_999, "ok", 0)

    def test_events_are_removed(self) -> None:
        """Of an item, while the answer of its endpoint is read."""
        item: dict[Any, Any] = {}
        answer = {"StatusCode": 202, OtherKey("Message", item.clear): "ok"}
        item["EndpointItemResponse"] = answer
        item["EventsItemResponse"] = {"v": {"StatusCode": 400, "Message": "no"}}
        response = from_wire(EventsResponse, {"Results": {"e": item}})
        events = response.results["e"].events_item_response
        assert {name: one.status_code for name, one in events.items()} == {"v": 400}

    @pytest.fixture
    def eager_collector(self) -> Iterator[None]:
        """Run the garbage collector for nearly each object that is made."""
        before = gc.get_threshold()
        gc.set_threshold(1, 1_000, 1_000)
        yield
        gc.set_threshold(*before)

    @pytest.mark.usefixtures("eager_collector")
    def test_attributes_are_removed(self) -> None:
        """Of an endpoint, by the end of an object that the collector frees."""
        for number in range(100):
            # More values than the tuples have that Python keeps for later use: to make
            # one of those does not run the collector.
            texts = {
                f"k{number}-{i}": [f"v{number}-{i}-{n}" for n in range(25)]
                for i in range(20)
            }
            whole = {key: tuple(values) for key, values in texts.items()}
            Cycle(texts.clear)
            assert Endpoint(attributes=texts).attributes in (whole, {})

    @pytest.mark.usefixtures("eager_collector")
    def test_values_are_removed(self) -> None:
        """Of an attribute of an endpoint, in the same way."""
        for number in range(100):
            values = [f"v{number}-{i}" for i in range(20)]
            whole = tuple(values)
            Cycle(values.clear)
            assert Endpoint(attributes={"k": values}).attributes["k"] in {whole, ()}


class TestTampered:
    """A mapping that lacks its content, or has another, is an error as in Python."""

    def test_of_objects(self) -> None:
        """It is no valid argument."""
        empty: Any = object.__new__(ObjectMap)
        with pytest.raises(AttributeError, match="_data"):
            EventsBatch(endpoint=Endpoint(), events=empty)

    def test_of_texts(self) -> None:
        """It cannot be written."""
        empty: Any = object.__new__(TextMap)
        with pytest.raises(AttributeError, match="_data"):
            to_json(Event("x", attributes=empty))

    def test_other_content(self) -> None:
        """What is no dict is left to Python."""
        event = Event("x", attributes={"a": "b"})
        object.__setattr__(event.attributes, "_data", 5)
        assert b'"Attributes":5' in to_json(event)


class TestMemory:
    """What runs out of memory is done again by the next call."""

    def test_names_of_answers(self) -> None:
        """The names of an answer's members are made by the first call that can."""
        pytest.importorskip("_testcapi")
        code = """if True:
            from _testcapi import remove_mem_hooks, set_nomemory
            from pinpoint_events import ItemResponse
            from pinpoint_events.compiled import core
            taken = {"StatusCode": 202, "Message": "Accepted"}
            item = {"EndpointItemResponse": taken, "EventsItemResponse": {"e": taken}}
            failures = 0
            for number in range(10):
                for _ in range(10):
                    set_nomemory(number, number + 1)
                    try:
                        core.read_item(item, ItemResponse)
                    except MemoryError:
                        failures += 1
                    finally:
                        remove_mem_hooks()
            read = core.read_item(item, ItemResponse)
            assert read.events_item_response["e"].status_code == 202
            assert failures > 10
            """
        subprocess.run([sys.executable, "-c", code], check=True)
