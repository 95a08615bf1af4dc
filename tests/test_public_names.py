"""Tests of what is public, and of what importing it costs."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import pinpoint_events
from pinpoint_events import errors, events, senders, testing
from pinpoint_events.compiled import core

HEAVY = (
    "asyncio",
    "attr",
    "attrs",
    "botocore",
    "cattrs",
    "http.client",
    "hypothesis",
    "msgspec",
    "pinpoint_events.model",
    "socket",
    "sqlite3",
    "ssl",
    "urllib3",
)


FOR_AUTHORS = {"ChecksReadiness", "FindsEndpoints", "WritesExclusively", "merged"}


def loaded_by(code: str, names: tuple[str, ...] = HEAVY) -> list[str]:
    """Return which of the modules a fresh Python has loaded after running the code."""
    report = f"import sys; print(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


class TestNames:
    """A name is public or it is not, and says so in one place."""

    @pytest.mark.parametrize(
        "module", [pinpoint_events, errors, events, senders, testing]
    )
    def test_sorted(self, module: ModuleType) -> None:
        """`__all__` is in order and names nothing twice."""
        names = module.__all__
        assert names == sorted(set(names))

    @pytest.mark.parametrize("name", pinpoint_events.__all__)
    def test_each_can_be_had(self, name: str) -> None:
        """By attribute and by import, and it is the same thing."""
        value = getattr(pinpoint_events, name)
        scope: dict[str, object] = {}
        exec(f"from pinpoint_events import {name} as found", scope)
        assert scope["found"] is value

    def test_nothing_else_is_there(self) -> None:
        """What the root has without an underscore is public, or a module of ours."""
        star: dict[str, object] = {}
        exec("from pinpoint_events import *", star)
        assert sorted(star.keys() - {"__builtins__"}) == pinpoint_events.__all__
        others = {
            name
            for name, value in vars(pinpoint_events).items()
            if not name.startswith("_")
            and name not in pinpoint_events.__all__
            and not isinstance(value, ModuleType)
        }
        assert others <= {"Any", "TYPE_CHECKING"}

    @pytest.mark.parametrize("name", errors.__all__)
    def test_errors_are_at_the_root(self, name: str) -> None:
        """Each error can be caught by the root's name for it."""
        assert getattr(pinpoint_events, name) is getattr(errors, name)

    @pytest.mark.parametrize("name", sorted({*senders.__all__} - FOR_AUTHORS))
    def test_senders_are_at_the_root(self, name: str) -> None:
        """So can each sender be made; the rest is for authors of senders."""
        assert getattr(pinpoint_events, name) is getattr(senders, name)

    @pytest.mark.parametrize("module", [pinpoint_events, senders, testing])
    def test_dir(self, module: ModuleType) -> None:
        """`dir()` and editors know the names before they are bound."""
        assert set(module.__all__) <= set(dir(module))
        assert dir(module) == sorted(dir(module))

    @pytest.mark.parametrize("module", [pinpoint_events, senders, testing])
    def test_unknown_name(self, module: ModuleType) -> None:
        """It is Python's own error, in Python's own words."""
        with pytest.raises(AttributeError) as caught:
            module.Recieve  # noqa: B018 - no such name
        assert str(caught.value) == (
            f"module {module.__name__!r} has no attribute 'Recieve'"
        )

    def test_classes_say_where_they_are(self) -> None:
        """Each name leads to a module of this package, for pickles and for readers."""
        for name in pinpoint_events.__all__:
            value = getattr(pinpoint_events, name)
            if name != "__version__":
                home = importlib.import_module(value.__module__)
                assert value.__module__.startswith("pinpoint_events.")
                assert getattr(home, name) is value


class TestImports:
    """What is not needed is not loaded."""

    @pytest.mark.parametrize(
        "code",
        [
            "import pinpoint_events",
            "import pinpoint_events; dir(pinpoint_events); pinpoint_events.__version__",
            "import pinpoint_events.senders",
            "import pinpoint_events.testing",
            "import pinpoint_events.errors",
        ],
    )
    def test_light(self, code: str) -> None:
        """These load nothing but themselves."""
        assert loaded_by(code) == []

    def test_model(self) -> None:
        """The model needs attrs, and no more."""
        code = "from pinpoint_events import Event, Endpoint, EventsRequest\nEvent('t')"
        assert loaded_by(code) == ["attr", "attrs", "pinpoint_events.model"]

    def test_events(self) -> None:
        """Builders of reserved events load the model, and no more."""
        code = "from pinpoint_events.events import sign_in\nsign_in()"
        assert loaded_by(code) == ["attr", "attrs", "pinpoint_events.model"]

    def test_building_and_writing(self) -> None:
        """A request is built and written without a socket, or anything of AWS."""
        code = (
            "from pinpoint_events import BatchBuilder, Event, to_json\n"
            "to_json(BatchBuilder().endpoint('e').event(Event('t')).build())"
        )
        names = tuple(
            set(HEAVY) - {"attr", "attrs", "cattrs", "msgspec", "pinpoint_events.model"}
        )
        assert loaded_by(code, names) == []

    def test_answers(self) -> None:
        """They are read without the converter, which takes longer to load."""
        code = (
            "from pinpoint_events import EventsResponse, from_json\n"
            'answer = from_json(EventsResponse, b\'{"Results": {"e": 202}}\')\n'
            "assert answer.results['e'].status_code == 202"
        )
        assert loaded_by(code, ("cattrs",)) == []

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    def test_writing_by_the_compiled_part(self) -> None:
        """Requests and records are written without the converter, too."""
        code = (
            "from pinpoint_events import BatchBuilder, Endpoint, Event, to_json\n"
            "from pinpoint_events.formats.stream_record import StreamRecordWriter\n"
            "event, endpoint = Event('t'), Endpoint(metrics={'logins': 1})\n"
            "to_json(BatchBuilder().endpoint('e', endpoint).event(event).build())\n"
            "writer = StreamRecordWriter('app-1')\n"
            "writer.records('e', endpoint, {'1': event}, event.timestamp)"
        )
        assert loaded_by(code, ("cattrs",)) == []

    def test_is_bound_when_first_used(self) -> None:
        """After that it is an attribute as any other."""
        code = (
            "import pinpoint_events\n"
            "assert 'Event' not in vars(pinpoint_events)\n"
            "first = pinpoint_events.Event\n"
            "assert vars(pinpoint_events)['Event'] is first is pinpoint_events.Event"
        )
        assert "attrs" in loaded_by(code)
