"""Tests of what the package says about itself."""

import importlib
import re
import tomllib
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pinpoint_events

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads(
    (ROOT / "pyproject.toml").read_text(encoding="utf-8")
)
PROJECT: dict[str, Any] = PYPROJECT["project"]


def bounded_requirements() -> list[Requirement]:
    """What users are made to install, extras included."""
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    texts = [*PROJECT["dependencies"], *(d for each in extras.values() for d in each)]
    # Extras may share a package, with the same bound.
    return [Requirement(text) for text in dict.fromkeys(texts)]


def constraint_lines() -> list[str]:
    """The pins in constraints.txt, without comments."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def markdown_files() -> list[Path]:
    """The README, and the pages of the docs."""
    pages = (ROOT / "docs").rglob("*.md")
    return [ROOT / "README.md", *(p for p in pages if "_build" not in p.parts)]


class TestDistribution:
    """The installed distribution and the source agree."""

    def test_version(self) -> None:
        """The package's own version is the distribution's."""
        assert metadata.version("pinpoint-events") == pinpoint_events.__version__

    def test_is_typed(self) -> None:
        """Type checkers find the marker file."""
        assert resources.files("pinpoint_events").joinpath("py.typed").is_file()

    def test_requirements(self) -> None:
        """The installed metadata asks for what pyproject.toml asks for."""
        installed = metadata.requires("pinpoint-events") or []
        required = {
            str(requirement)
            for requirement in map(Requirement, installed)
            if requirement.marker is None
        }
        assert required == {str(Requirement(text)) for text in PROJECT["dependencies"]}

    @pytest.mark.parametrize("group", ["console_scripts", "hypothesis"])
    def test_entry_points(self, group: str) -> None:
        """Every entry point leads to a function."""
        (point,) = (
            point
            for point in metadata.entry_points(group=group)
            if point.dist is not None and point.dist.name == "pinpoint-events"
        )
        assert callable(point.load())

    @pytest.mark.parametrize("name", ["errors", "senders", "testing"])
    def test_public_modules(self, name: str) -> None:
        """The modules that users may import from say what is public in them."""
        module = importlib.import_module(f"pinpoint_events.{name}")
        assert [each for each in module.__all__ if not hasattr(module, each)] == []


class TestBounds:
    """Versions are stated once, and every statement is used."""

    @pytest.mark.parametrize("requirement", bounded_requirements(), ids=str)
    def test_each_dependency_has_one_lower_bound(
        self, requirement: Requirement
    ) -> None:
        """`nox -s tests_lowest` can pin it, and nothing newer is shut out."""
        assert [each.operator for each in requirement.specifier] == [">="]

    def test_each_dependency_is_stated_with_one_bound(self) -> None:
        """Extras that share a package agree on it."""
        names = [canonicalize_name(each.name) for each in bounded_requirements()]
        assert sorted(set(names)) == sorted(names)

    def test_each_constraint_is_one_exact_version(self) -> None:
        """A pin is a name and a version, without address, so any index serves."""
        pins = [Requirement(line) for line in constraint_lines()]
        assert pins
        assert [
            str(pin)
            for pin in pins
            if pin.url or [each.operator for each in pin.specifier] != ["=="]
        ] == []

    @pytest.mark.parametrize("requirement", bounded_requirements(), ids=str)
    def test_constraints_allow_the_dependencies(self, requirement: Requirement) -> None:
        """Each dependency is pinned, within its own bounds."""
        pins = [
            next(iter(pin.specifier)).version
            for pin in map(Requirement, constraint_lines())
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
        ]
        assert pins
        assert all(requirement.specifier.contains(version) for version in pins)


class TestReadme:
    """The README holds what CI takes from it."""

    @pytest.mark.parametrize("name", ["run", "test"])
    def test_commands(self, name: str) -> None:
        """Each command is there once, one line alone in its shell block."""
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        block = rf"^<!-- command: {name} -->\n+```shell\n([^\n]+)\n```$"
        (command,) = re.findall(block, text, flags=re.MULTILINE)
        assert command.startswith("python3 -m venv ")

    @pytest.mark.parametrize(
        "page", markdown_files(), ids=lambda page: page.relative_to(ROOT).as_posix()
    )
    def test_every_python_example_is_run(self, page: Path) -> None:
        """No block has a tag that shows as Python but is not collected as a test."""
        text = page.read_text(encoding="utf-8")
        tags = re.findall(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*([^\s`]+)", text, re.MULTILINE)
        assert not {"py", "python3", "pycon", "{code-block}"}.intersection(tags)
