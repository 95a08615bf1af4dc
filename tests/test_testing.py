"""Tests of `pinpoint_events.testing` as a whole: names, and Hypothesis' plug-in."""

import importlib
import inspect
import json
import os
import subprocess
import sys
from importlib.util import module_from_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import pinpoint_events
from pinpoint_events import testing
from pinpoint_events.errors import (
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    PinpointEventsError,
    ServiceError,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.recorder import ItemCounts, RecorderStats
from pinpoint_events.retry import Retry
from pinpoint_events.senders import MemorySender
from pinpoint_events.testing import strategies
from pinpoint_events.testing._hypothesis_entry_point import (
    _FINDER,
    register,
    register_once,
)
from tests.commands import takes_long
from tests.drawn import drawn, missing

# What tests of others do not draw: senders to somewhere, and a protocol of callbacks.
# What is outside of the process, and what only the model makes.
OUTWARD = {
    "AttemptObserver",
    "ClientSender",
    "FirehoseSender",
    "FrozenMap",
    "KinesisSender",
    "PinpointSender",
    "Recorder",
    "SessionRecorder",
    "SqliteSender",
}

CLASSES = {
    name
    for name in pinpoint_events.__all__
    if isinstance(getattr(pinpoint_events, name), type) and name not in OUTWARD
}

# What is asked of strategies that are about something.
ABOUT: dict[str, tuple[Any, ...]] = {
    "errors": (PinpointEventsError,),
    "invalid_arguments": (Endpoint,),
    "invalid_wire_data": (Endpoint,),
    "responses_to": (EventsRequest(batch_item={}),),
    "wire_forms": (EventsResponse(),),
    "wire_responses_to": (EventsRequest(batch_item={}),),
}

# Hypothesis warns of `example()`, which is for interactive use.
NO_HYPOTHESIS = (
    "the strategies need the extra `testing`; "
    "run: pip install 'pinpoint-events[testing]'"
)
QUIET = "import warnings; warnings.simplefilter('ignore')"


def python(code: str, **env: str) -> Any:
    """Return what a fresh interpreter prints, as JSON, when it runs the code."""
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(
        command, check=True, env={**os.environ, **env}, stdout=subprocess.PIPE
    )
    return json.loads(ran.stdout)


class TestNames:
    """What the module offers."""

    def test_public_names(self) -> None:
        """It offers strategies, senders that keep all, and the classes of fixtures."""
        assert testing.__all__ == [
            "FirehoseStream",
            "KinesisStream",
            "MemorySender",
            "PinpointServer",
            "RecordingRecorder",
            "RecordingSender",
            "SentEvent",
            "strategies",
        ]
        assert testing.MemorySender is MemorySender
        assert testing.strategies is strategies
        assert {*testing.__all__} <= {*dir(testing)}

    def test_unknown_name(self) -> None:
        """Another name is no attribute."""
        with pytest.raises(AttributeError) as caught:
            testing.fakes  # noqa: B018 - the access is the test
        message = "module 'pinpoint_events.testing' has no attribute 'fakes'"
        assert str(caught.value) == message

    def test_without_hypothesis(self) -> None:
        """The sender is there where Hypothesis is not installed."""
        code = """
import json, sys
sys.modules["hypothesis"] = None
from pinpoint_events.testing import MemorySender
print(json.dumps(MemorySender.__name__))
"""
        assert python(code) == "MemorySender"

    def test_strategies_without_hypothesis(self) -> None:
        """The error names the extra, as those of the endpoint and the command do."""
        code = """
import json, sys
sys.modules["hypothesis"] = None
from pinpoint_events import ConfigurationError
try:
    from pinpoint_events.testing import strategies
except ConfigurationError as error:
    print(json.dumps(str(error)))
"""
        assert python(code) == NO_HYPOTHESIS

    def test_strategies_without_hypothesis_here(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So does an import of the module by its name."""
        monkeypatch.delitem(sys.modules, "pinpoint_events.testing.strategies")
        monkeypatch.setitem(sys.modules, "hypothesis", None)
        with pytest.raises(ConfigurationError) as caught:
            importlib.import_module("pinpoint_events.testing.strategies")
        assert str(caught.value) == NO_HYPOTHESIS

    @pytest.mark.parametrize("name", strategies.__all__)
    def test_strategy(self, name: str) -> None:
        """Each says what it gives; its parts are given by name, or left out."""
        make = getattr(strategies, name)
        assert inspect.getdoc(make)
        if name == "InvalidInput":
            return
        about = ABOUT.get(name, ())
        parameters = [*inspect.signature(make).parameters.values()]
        for parameter in parameters[: len(about)]:
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        for parameter in parameters[len(about) :]:
            assert parameter.kind in {parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD}
            assert f"{parameter.name}: " in str(inspect.getdoc(make))
        strategy = make(*about)
        assert isinstance(strategy, SearchStrategy)
        assert len(repr(strategy)) < 10_000

    def test_all_strategies(self) -> None:
        """Nothing public is missing from `__all__`, which is sorted."""
        public = {
            name
            for name, value in vars(strategies).items()
            # pytest rewrites the asserts of packages with a plugin, by names with an @.
            if not name.startswith(("_", "@"))
            and getattr(value, "__module__", "") != "types"
        }
        assert public == {*strategies.__all__}
        assert strategies.__all__ == sorted(strategies.__all__)


class TestRecorderStats:
    """Stats of recorders."""

    @given(stats=strategies.recorder_stats())
    def test_balance(self, stats: RecorderStats) -> None:
        """They balance."""
        assert stats.balances
        assert stats.endpoints.balances

    @given(
        stats=strategies.recorder_stats(
            endpoints=st.just(ItemCounts()), spool_errors=st.none()
        )
    )
    def test_parts(self, stats: RecorderStats) -> None:
        """Parts can be given."""
        assert stats.endpoints == ItemCounts()
        assert stats.spool_error is None


class TestEntryPoint:
    """`st.from_type` knows our classes wherever the package is installed."""

    def test_importing_hypothesis(self) -> None:
        """Importing Hypothesis loads nothing but the entry point, and no model."""
        code = """
import json, sys
import hypothesis.strategies
ours = sorted(name for name in sys.modules if name.startswith("pinpoint_events"))
heavy = sorted({"attrs", "botocore", "cattrs", "sqlite3", "urllib3"} & {*sys.modules})
print(json.dumps([ours, heavy]))
"""
        assert python(code) == [
            [
                "pinpoint_events",
                "pinpoint_events.testing",
                "pinpoint_events.testing._hypothesis_entry_point",
            ],
            [],
        ]

    @takes_long
    @pytest.mark.parametrize(
        "imports",
        [
            "import hypothesis, pinpoint_events",
            "import pinpoint_events, hypothesis",
            "from pinpoint_events import Endpoint, Sender; import hypothesis",
            "import hypothesis; from pinpoint_events.senders import Sender",
            "import pinpoint_events.errors; import hypothesis",
        ],
    )
    def test_order_of_imports(self, imports: str) -> None:
        """It does not matter which is imported first, and from where."""
        code = f"""
import json
{imports}
import pinpoint_events.errors, pinpoint_events.senders
from hypothesis import strategies as st

classes = [
    pinpoint_events.Endpoint,
    pinpoint_events.senders.Sender,
    pinpoint_events.errors.StoreError,
]
print(json.dumps([type(st.from_type(cls).example()).__name__ for cls in classes]))
"""
        assert python(QUIET + code) == ["Endpoint", "MemorySender", "StoreError"]

    def test_loader(self) -> None:
        """What is imported after Hypothesis has its own loader; it can be reloaded."""
        code = """
import hypothesis.strategies as st, importlib.util, inspect, json
name = "pinpoint_events.retry"
loader = importlib.util.find_spec(name).loader
found = ["class Retry" in loader.get_source(name)]
from pinpoint_events import retry
before = retry.Retry
found += [type(retry.__loader__).__name__, type(retry.__spec__.loader).__name__]
found.append("class Retry" in inspect.getsource(retry))
importlib.reload(retry)
found.append(retry.Retry is before)
found.append(type(st.from_type(retry.Retry).example()).__name__)
print(json.dumps(found))
"""
        names = ["SourceFileLoader", "SourceFileLoader"]
        assert python(QUIET + code) == [True, *names, True, False, "Retry"]

    def test_finder(self) -> None:
        """It finds what the others find, and registers what its loader executes."""
        name = "pinpoint_events.retry"
        register()
        found = _FINDER.find_spec(name, pinpoint_events.__path__)
        assert found is not None
        assert found.loader is not None
        assert not hasattr(found.loader, "something_else")
        assert _FINDER.find_spec(name, []) is None
        assert _FINDER.find_spec("json") is None
        # Another module of that name, which no one else uses.
        module = module_from_spec(found)
        found.loader.exec_module(module)
        assert found.loader is module.__loader__
        # The strategy is of the class that everyone uses.
        assert drawn(st.from_type(module.Retry), type, count=3) == {Retry}

    def test_registered_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It registers where nothing has yet, and adds one finder."""
        others = [finder for finder in sys.meta_path if finder is not _FINDER]
        monkeypatch.setattr(sys, "meta_path", others.copy())
        register_once()
        register_once()
        assert sys.meta_path == [_FINDER, *others]

    def test_without_plugins(self) -> None:
        """Without Hypothesis' plugins, importing the strategies is enough."""
        code = """
import json, sys
from hypothesis import strategies as st
from pinpoint_events import Event
loaded = "pinpoint_events.testing" in sys.modules
from pinpoint_events.testing import strategies
print(json.dumps([loaded, type(st.from_type(Event).example()).__name__]))
"""
        assert python(QUIET + code, HYPOTHESIS_NO_PLUGINS="1") == [False, "Event"]

    def test_other_strategy(self) -> None:
        """A strategy that a test registers stays, whatever is imported later."""
        code = """
import json
from hypothesis import strategies as st
from pinpoint_events import Event
st.register_type_strategy(Event, st.just("mine"))
from pinpoint_events.testing import strategies
print(json.dumps(st.from_type(Event).example()))
"""
        assert python(QUIET + code) == "mine"

    def test_every_class(self) -> None:
        """Every public class can be drawn in a fresh interpreter, without an import."""
        code = f"""
import json
from hypothesis import given, settings, strategies as st
import pinpoint_events

made = {{}}
for name in {sorted(CLASSES)!r}:
    cls = getattr(pinpoint_events, name)

    @settings(database=None, deadline=None, derandomize=True, max_examples=1)
    @given(st.from_type(cls))
    def note(value):
        made[name] = [kind.__name__ for kind in type(value).__mro__]

    note()
print(json.dumps(made))
"""
        made = python(code)
        assert made.keys() == CLASSES
        # A sender of tests stands for the protocol, which has no instances of its own.
        for name, kinds in made.items():
            assert ("MemorySender" if name == "Sender" else name) in kinds

    @pytest.mark.parametrize("name", ["Endpoint", "Problem", "Sender", "ServiceError"])
    def test_exact_class(self, name: str) -> None:
        """What is drawn is of the class itself, or an error below it."""
        strategy = st.from_type(getattr(pinpoint_events, name))
        kinds = drawn(strategy, type)
        if name == "ServiceError":
            wanted = {ForbiddenError, InternalServerError, ServiceError}
            assert missing(strategy, type, wanted) == set()
            assert all(issubclass(kind, ServiceError) for kind in kinds)
        else:
            name = "MemorySender" if name == "Sender" else name
            assert kinds == {getattr(pinpoint_events, name)}

    def test_classes_above(self) -> None:
        """Asked for any exception, Hypothesis gives what it gave before."""
        kinds = drawn(st.from_type(Exception), type)
        assert kinds
        assert not {kind for kind in kinds if kind.__module__.startswith("pinpoint")}
