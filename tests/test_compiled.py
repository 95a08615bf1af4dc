"""Tests of `pinpoint_events.compiled`: whether the compiled part is used, or why."""

import json
import os
import pickle
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pinpoint_events
from pinpoint_events import Event, Speedups, SpeedupsState
from pinpoint_events.compiled import _INTERFACE, _found, core
from tests.samples import REQUEST

ROOT = Path(__file__).parent.parent
FOUND = pinpoint_events.speedups()
PURE = {"PINPOINT_EVENTS_PURE": "1"}
NAME = "pinpoint_events_speedups"

ASK = (
    "import json, pinpoint_events as p; s = p.speedups(); "
    "made = len(p.Event('e').event_type); "
    "print(json.dumps([s.state.name, s.version, s.is_used, made]))"
)


def answer(
    code: str, settings: Mapping[str, str] = {}, path: Path | None = None
) -> Any:
    """Return what a new process prints, as JSON."""
    found = {name: value for name, value in os.environ.items() if name not in PURE}
    if path is not None:
        found["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**found, **settings},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def package(place: Path, source: str) -> Path:
    """Make a package in place of the compiled part, and return its directory."""
    (place / "pinpoint_events_speedups").mkdir()
    (place / "pinpoint_events_speedups" / "__init__.py").write_text(source)
    return place


class TestState:
    """Why it is used or not; either way everything works, and nothing is printed."""

    def test_of_this_process(self) -> None:
        """What is said is what is done."""
        assert FOUND.is_used == (core is not None)
        assert pickle.loads(pickle.dumps(FOUND)) == FOUND
        assert isinstance(FOUND, Speedups)

    def test_not_installed(self) -> None:
        """Without it Python does all the work."""
        hidden = "import sys; sys.modules['pinpoint_events_speedups'] = None; "
        assert answer(hidden + ASK) == ["NOT_INSTALLED", None, False, 1]

    @pytest.mark.parametrize("source", ["raise RuntimeError", "def ("])
    def test_damaged(self, tmp_path: Path, source: str) -> None:
        """One that cannot be read, as after a full disk, is not used."""
        found = answer(ASK, path=package(tmp_path, source))
        assert found == ["NOT_LOADABLE", None, False, 1]

    def test_switched_off(self) -> None:
        """So it does where the environment says so."""
        assert answer(ASK, PURE) == ["SWITCHED_OFF", None, False, 1]

    def test_switched_on(self) -> None:
        """Any other value of the variable says nothing."""
        state = answer(ASK, {"PINPOINT_EVENTS_PURE": "0"})[0]
        assert state != "SWITCHED_OFF"

    def test_other_interface(self, tmp_path: Path) -> None:
        """One of another release is left alone."""
        path = package(tmp_path, "INTERFACE = 0\n__version__ = '0.0.1'\n")
        assert answer(ASK, path=path) == ["OTHER_INTERFACE", "0.0.1", False, 1]

    def test_no_interface(self, tmp_path: Path) -> None:
        """What only has the name, as a folder left behind, is no compiled part."""
        path = package(tmp_path, "")
        assert answer(ASK, path=path) == ["NOT_INSTALLED", None, False, 1]

    @pytest.mark.parametrize(
        "source",
        ["raise ImportError('no such symbol')", "import a_part_that_is_not_there"],
    )
    def test_not_loadable(self, tmp_path: Path, source: str) -> None:
        """So is one that is built for another Python."""
        path = package(tmp_path, source)
        assert answer(ASK, path=path) == ["NOT_LOADABLE", None, False, 1]

    def test_words(self) -> None:
        """The command line shows each state in words."""
        assert [str(state) for state in SpeedupsState] == [
            "used",
            "not installed",
            "switched off",
            "of another release",
            "not loadable",
            "used by another interpreter",
        ]

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    def test_other_interpreter(self) -> None:
        """The second interpreter of a process works by Python."""
        name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
        legacy = "'legacy'" if sys.version_info >= (3, 13) else "isolated=False"
        inner = (
            "import json, pinpoint_events as p; "
            "made = dict(p.Event('e', attributes={'a': 'b'}).attributes); "
            "print(json.dumps([p.speedups().state.name, made]))"
        )
        code = (
            f"import {name} as i, pinpoint_events as p; e = p.Event('e'); "
            f"n = i.create({legacy}); i.run_string(n, {inner!r}); i.destroy(n); "
            "assert p.Event('e', attributes={'a': 'b'}).attributes == {'a': 'b'}"
        )
        assert answer(code) == ["OTHER_INTERPRETER", {"a": "b"}]

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    @pytest.mark.skipif(sys.version_info < (3, 12), reason="all share one lock")
    def test_isolated_interpreter(self) -> None:
        """One with its own lock cannot load it, nor harm the process by trying."""
        if sys.version_info >= (3, 13):
            create = "import _interpreters as i; n = i.create('isolated'); "
        else:
            create = "import _xxsubinterpreters as i; n = i.create(isolated=True); "
        inner = (
            "try: import pinpoint_events_speedups\n"
            "except ImportError: print('[\"refused\"]')"
        )
        code = (
            f"{create}i.run_string(n, {inner!r}); i.destroy(n); "
            "import pinpoint_events as p; assert p.speedups().is_used"
        )
        assert answer(code) == ["refused"]

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    @pytest.mark.skipif(
        sys.version_info < (3, 13), reason="importing datetime there may abort 3.12"
    )
    def test_works_in_isolated_interpreter(self) -> None:
        """There Python does all the work."""
        inner = (
            # msgspec cannot be loaded either, and aborts 3.13.0.
            "import sys; sys.modules['msgspec'] = None; "
            "import json, pinpoint_events as p; "
            "e = p.Event('e', attributes={'a': 'b'}); made = p.to_json(e); "
            'print(json.dumps([p.speedups().state.name, b\'"a":"b"\' in made]))'
        )
        code = (
            "import _interpreters as i; n = i.create('isolated'); "
            f"i.run_string(n, {inner!r}); i.destroy(n); "
            "import pinpoint_events as p; assert p.speedups().is_used"
        )
        assert answer(code) == ["NOT_LOADABLE", True]

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    def test_second_copy(self) -> None:
        """A second copy of the package has classes of its own."""
        code = (
            "import sys, json, pinpoint_events as p; first = p.Event; first('e'); "
            "[sys.modules.pop(n) for n in list(sys.modules) if n.split('.')[0] == "
            "'pinpoint_events']; import pinpoint_events as q; second = q.Event; "
            "a = first('e', attributes={'a': 'b'}); "
            "b = second('e', attributes={'a': 'b'}); "
            "print(json.dumps([first is second, type(a) is first, type(b) is second, "
            "type(a.attributes) is type(b.attributes), "
            "b'Attributes' in q.to_json(b)]))"
        )
        assert answer(code) == [False, True, True, False, True]

    @pytest.mark.skipif(core is None, reason="the compiled part is not used")
    def test_imported_anew(self) -> None:
        """So does a second copy of both distributions, and the first goes on."""
        code = (
            "import sys, json, pinpoint_events as p; first = p.Event; first('e'); "
            "[sys.modules.pop(n) for n in list(sys.modules) if n.split('.')[0] in "
            "('pinpoint_events', 'pinpoint_events_speedups')]; "
            "import pinpoint_events as q; at = '2026-09-21T12:00:00.123Z'; "
            "made = [cls('e', timestamp=at, attributes={'a': 'b'}) "
            "for cls in (first, q.Event)]; "
            "print(json.dumps([q.speedups().state.name, type(made[0]) is first, "
            "type(made[1]) is q.Event, repr(made[0]) == repr(made[1])]))"
        )
        assert answer(code) == ["USED", True, True, True]


class TestFound:
    """The same in this process: each way in which the look for it ends."""

    @pytest.fixture(autouse=True)
    def is_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the environment say nothing."""
        monkeypatch.delenv("PINPOINT_EVENTS_PURE", raising=False)

    def test_switched_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment says so."""
        monkeypatch.setenv("PINPOINT_EVENTS_PURE", "1")
        assert _found() == (None, "SWITCHED_OFF", None)

    def test_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is no such package."""
        monkeypatch.setitem(sys.modules, NAME, None)
        assert _found() == (None, "NOT_INSTALLED", None)

    @pytest.mark.parametrize("source", ["raise ImportError", "import a_part_not_there"])
    def test_not_loadable(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
    ) -> None:
        """It, or a part of it, cannot be loaded."""
        monkeypatch.delitem(sys.modules, NAME, raising=False)
        monkeypatch.syspath_prepend(package(tmp_path, source))
        assert _found() == (None, "NOT_LOADABLE", None)

    @pytest.mark.parametrize(
        "interface, claimed, state",
        [
            (0, True, "OTHER_INTERFACE"),
            (_INTERFACE, False, "OTHER_INTERPRETER"),
            (_INTERFACE, True, "USED"),
        ],
    )
    def test_found(
        self,
        monkeypatch: pytest.MonkeyPatch,
        interface: int,
        claimed: bool,  # noqa: FBT001 - pytest passes it by name
        state: str,
    ) -> None:
        """It is used if it has this interface, and this interpreter may."""
        facts = {"INTERFACE": interface, "claim": lambda: claimed, "__version__": "9"}
        part = SimpleNamespace(**facts)
        monkeypatch.setitem(sys.modules, NAME, part)
        used = part if state == "USED" else None
        assert _found() == (used, state, "9")


class TestWheels:
    """What cibuildwheel does with the wheels of a release."""

    CONFIG: Mapping[str, Any] = tomllib.loads(
        (ROOT / "speedups" / "pyproject.toml").read_text(encoding="utf-8")
    )["tool"]["cibuildwheel"]

    def test_environment(self) -> None:
        """The environment of the tests has pip, which installs what they need."""
        assert self.CONFIG["before-test"].startswith("pip install ")
        assert self.CONFIG["build-frontend"] == "build"

    def test_description(self) -> None:
        """An index shows the README, and there are no files beside it."""
        text = (ROOT / "speedups" / "README.md").read_text(encoding="utf-8")
        assert re.findall(r"\]\((?!https://)", text) == []

    def test_used(self) -> None:
        """A wheel that cannot be loaded fails, though its tests would be skipped."""
        program, *arguments = shlex.split(self.CONFIG["test-command"][0])
        assert program == "python"
        command = [sys.executable, *arguments]
        if core is not None:
            subprocess.run(command, check=True)
        env = {**os.environ, **PURE}
        done = subprocess.run(
            command, env=env, capture_output=True, check=False, text=True
        )
        assert done.returncode == 1
        assert "AssertionError: Speedups(state=" in done.stderr


class TestPickles:
    """Processes with and without it understand each other."""

    @pytest.mark.parametrize("settings", [PURE, {}])
    def test_reads(self, settings: dict[str, str]) -> None:
        """An object of this process is the same in another."""
        data = pickle.dumps(REQUEST).hex()
        code = (
            "import json, pickle; from pinpoint_events import to_json; "
            f"print(json.dumps(to_json(pickle.loads(bytes.fromhex('{data}'))).decode()))"
        )
        assert answer(code, settings).encode() == pinpoint_events.to_json(REQUEST)

    @pytest.mark.parametrize("settings", [PURE, {}])
    def test_is_read(self, settings: dict[str, str]) -> None:
        """So is one of another process here."""
        code = (
            "import json, pickle; from pinpoint_events import Event; "
            "e = Event('e', timestamp='2026-09-21T12:00:00Z', attributes={'a': 'b'}); "
            "print(json.dumps([pickle.dumps(e).hex(), repr(e)]))"
        )
        data, shown = answer(code, settings)
        event = pickle.loads(bytes.fromhex(data))
        assert event == Event(
            "e", timestamp="2026-09-21T12:00:00Z", attributes={"a": "b"}
        )
        assert repr(event) == shown
