"""
Everything that CI runs; a bare `nox` runs all of it.

Tests run against the wheel that the session `build` makes, never against the tree.
`nox -j 2` runs two sessions at a time.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import nox
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv|virtualenv"
# A Python that is not here is skipped, in plain sight, and never downloaded.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
# Every session writes to separate places.
nox.options.allow_parallel = True

# Without compiled files each of the processes that tests start would compile all of its
# modules anew: twice the time, all in all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["UV_COMPILE_BYTECODE"] = "1"

ROOT = Path(__file__).parent
PACKAGE = "pinpoint_events"
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
LOWEST_PYTHON = PYTHONS[0]
NEWEST_PYTHON = next(
    (each for each in reversed(PYTHONS) if shutil.which(f"python{each}")), LOWEST_PYTHON
)  # of those that are here
CONSTRAINTS = ROOT / "constraints.txt"
DIST = ROOT / "dist"
COVERAGE_DATA = ROOT / ".nox" / "coverage-data"

SPEEDUPS = ROOT / "speedups"

ALL_EXTRAS = "cli,fast,server,testing"

# Programs that tests run. Each pins a botocore, and so has a separate environment.
# Of the AWS CLI it is version 1: there is no newer one as a Python package.
PROGRAMS = {
    "aws": "awscli==1.46.3",
    "ministack": "ministack==1.5.33",
    "moto_server": "moto[server]==5.2.5",
}
JAVASCRIPT = ROOT / "tests" / "interop" / "js"

# Each botocore release has its own boto3, and that its own s3transfer: where botocore
# is not the one in constraints.txt, neither are they.
FOLLOW_BOTOCORE = {"boto3", "s3transfer"}


def install(
    session: nox.Session,
    *,
    extras: str = "",
    groups: tuple[str, ...] = (),
    constraints: Path = CONSTRAINTS,
) -> None:
    """Installs the wheel, with extras, and groups of tools at exact versions."""
    (wheel,) = DIST.glob("*.whl")
    named = f"pinpoint-events[{extras}]" if extras else "pinpoint-events"
    options = [option for group in groups for option in ("--group", group)]
    session.install("-c", str(constraints), f"{named} @ {wheel.as_uri()}", *options)


def run_pytest(
    session: nox.Session, *paths: str, measured: bool = False, is_slow: bool = True
) -> None:
    """
    Runs all tests, or those in `paths`, under coverage if it is to be `measured`.

    With `is_slow`, also those that the README's command leaves out.
    """
    where = f"import {PACKAGE}; print({PACKAGE}.__file__)"
    path = session.run("python", "-I", "-c", where, silent=True)
    if "site-packages" not in str(path):
        session.error(f"The tests would not see the installed wheel but {path}")
    env = {"PINPOINT_EVENTS_SLOW": "1"} if is_slow else {}
    if not measured:
        session.run("pytest", *paths, *session.posargs, env=env)
        return
    COVERAGE_DATA.mkdir(parents=True, exist_ok=True)
    data = COVERAGE_DATA / f".coverage.{session.name}"
    command = ["coverage", "run", f"--data-file={data}", "-m", "pytest"]
    session.run(*command, *paths, *session.posargs, env=env)


def lowest_versions() -> dict[str, str]:
    """The lower bound of every dependency, as pyproject.toml states it."""
    project = PYPROJECT["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    lowest: dict[str, str] = {}
    for text in [
        *project["dependencies"],
        *(d for each in extras.values() for d in each),
    ]:
        requirement = Requirement(text)
        (bound,) = [s.version for s in requirement.specifier if s.operator == ">="]
        lowest[canonicalize_name(requirement.name)] = bound
    return lowest


def readme_command(name: str) -> str:
    """The one line of the README's shell block under `<!-- command: name -->`."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = rf"^<!-- command: {name} -->\n+```shell\n([^\n]+)\n```$"
    (command,) = re.findall(block, text, flags=re.MULTILINE)
    return str(command)


def run_readme_command(session: nox.Session, name: str) -> None:
    """Runs a command of the README, to the letter, in a fresh copy of the tree."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(listing, cwd=ROOT, text=True).split("\0")
    with tempfile.TemporaryDirectory(prefix="pinpoint-events-readme-") as copy:
        for file in filter(None, names):
            if (ROOT / file).is_file():
                target = Path(copy, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, target)
        with session.chdir(copy):
            session.run("bash", "-c", readme_command(name), external=True)


@nox.session
def build(session: nox.Session) -> None:
    """Builds sdist and wheel, once, and checks what is in them."""
    shutil.rmtree(DIST, ignore_errors=True)
    session.install("-c", str(CONSTRAINTS), "uv")
    # The wheel is made from the sdist: what the sdist lacks, the wheel check finds.
    options = ["--build-constraints", str(CONSTRAINTS), "--python", sys.executable]
    session.run("uv", "build", "--quiet", *options, "--out-dir", str(DIST))
    (wheel,) = DIST.glob("*.whl")
    (sdist,) = DIST.glob("*.tar.gz")
    problems = [*wheel_problems(wheel), *sdist_problems(sdist)]
    if problems:
        session.error("\n".join(problems))
    session.log(f"{wheel.name} and {sdist.name} hold what they should")


def source_files() -> set[str]:
    """Every file of the package in the tree, as a wheel names it."""
    source = ROOT / "src"
    return {
        path.relative_to(source).as_posix()
        for path in (source / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def wheel_problems(wheel: Path) -> list[str]:
    """What is missing from the wheel, or wrong, or should not be there."""
    project = PYPROJECT["project"]
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (info,) = {n.split("/")[0] for n in names if ".dist-info/" in n}
        metadata = Metadata.from_email(archive.read(f"{info}/METADATA"))
        entry_points = archive.read(f"{info}/entry_points.txt").decode()

    expected = source_files() | {
        f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
    }
    expected.add(f"{info}/licenses/LICENSE")
    problems = [f"not in the wheel: {name}" for name in sorted(expected - names)]
    problems += [f"unwanted in the wheel: {name}" for name in sorted(names - expected)]
    problems += [
        f"not in the wheel: {name}"
        for name in (f"{PACKAGE}/py.typed", f"{PACKAGE}/__init__.py")
        if name not in names
    ]
    if not wheel.name.endswith("-py3-none-any.whl"):
        problems.append(f"no wheel for every system: {wheel.name}")
    # Until both are on an index: no extra may name what cannot be installed.
    problems += [
        f"needs the compiled part: {text}"
        for text in metadata.requires_dist or ()
        if canonicalize_name(text.name) == "pinpoint-events-speedups"
    ]

    stated = {
        "name": (metadata.name, project["name"]),
        "version": (str(metadata.version), source_version()),
        "license": (metadata.license_expression, project["license"]),
        "Python": (str(metadata.requires_python), project["requires-python"]),
        "extras": (
            sorted(metadata.provides_extra or ()),
            sorted(project["optional-dependencies"]),
        ),
        "dependencies": (
            {str(r) for r in metadata.requires_dist or () if r.marker is None},
            {str(Requirement(text)) for text in project["dependencies"]},
        ),
        "classifiers": (set(metadata.classifiers or ()), set(project["classifiers"])),
        "README": (
            (metadata.description or "").strip(),
            (ROOT / "README.md").read_text(encoding="utf-8").strip(),
        ),
    }
    problems += [
        f"metadata, {what}: {found!r} instead of {wanted!r}"
        for what, (found, wanted) in stated.items()
        if found != wanted
    ]
    problems += [
        f"no entry point: {line}"
        for table in (project["scripts"], *project["entry-points"].values())
        for line in (f"{name} = {target}" for name, target in table.items())
        if line not in entry_points.splitlines()
    ]
    return problems


def source_version() -> str:
    """The version as the package's source states it."""
    text = (ROOT / "src" / PACKAGE / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__(?:: \w+)? = "(.+)"$', text, re.MULTILINE)
    return str(version)


def sdist_problems(sdist: Path) -> list[str]:
    """What a packager needs and the sdist lacks."""
    with tarfile.open(sdist) as archive:
        names = {str(PurePosixPath(*Path(n).parts[1:])) for n in archive.getnames()}
    wanted = {f"src/{name}" for name in source_files()}
    wanted |= {f"speedups/{name}" for name in speedups_sources()}
    wanted |= {
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "conftest.py",
        "constraints.txt",
        "noxfile.py",
        "pyproject.toml",
        "tests/test_packaging.py",
    }
    return [f"not in the sdist: {name}" for name in sorted(wanted - names)]


@nox.session(venv_backend="none")
def readme_test(session: nox.Session) -> None:
    """The README's test command, in a fresh copy of the tree."""
    run_readme_command(session, "test")


@nox.session(venv_backend="none")
def readme_run(session: nox.Session) -> None:
    """The README's command that installs the project and runs its main job."""
    run_readme_command(session, "run")


# Of each Python one session without the compiled part, and one with it: each takes
# minutes. On the Pythons between, that without it is also the one without `fast`.
@nox.session(python=[PYTHONS[0], PYTHONS[-1]], requires=["build"])
def tests(session: nox.Session) -> None:
    """All tests against the wheel, on the lowest and the newest Python."""
    install(session, extras=ALL_EXTRAS, groups=("test",))
    is_lowest = session.python == LOWEST_PYTHON
    run_pytest(session, measured=is_lowest, is_slow=is_lowest)


@nox.session(python=PYTHONS[1:-1], requires=["build"])
def tests_without_fast(session: nox.Session) -> None:
    """All tests with the standard library's JSON, on the Pythons between."""
    install(session, extras="cli,server,testing", groups=("test",))
    session.run("python", "-c", "import msgspec", success_codes=[1], silent=True)
    run_pytest(session, measured=True, is_slow=False)


@nox.session(python=PYTHONS[1:], requires=["build"])
def tests_speedups(session: nox.Session) -> None:
    """The tests with the compiled part; on the lowest Python, `tests_lowest` has it."""
    install(session, extras=ALL_EXTRAS, groups=("test",))
    install_speedups(session)
    run_long_tests_of_speedups(session)
    run_pytest(session, is_slow=False)


def install_speedups(session: nox.Session) -> None:
    """Builds the compiled part, checks what is in it, and installs it."""
    session.install("-c", str(CONSTRAINTS), "uv")
    place = Path(session.create_tmp()).resolve() / "speedups"
    shutil.rmtree(place, ignore_errors=True)
    # From a copy: sessions build at the same time, and compilers leave their files.
    source = place / "source"
    shutil.copytree(SPEEDUPS, source, ignore=shutil.ignore_patterns("build", "*.egg-*"))
    # The wheel is made from the sdist: what the sdist lacks, the compiler misses.
    session.run(
        *("uv", "build", "--quiet", "--build-constraints", str(CONSTRAINTS)),
        *("--python", str(Path(session.bin) / "python"), "--out-dir", str(place)),
        str(source),
        env={"CFLAGS": " ".join(C_FLAGS)},
    )
    (wheel,) = place.glob("*.whl")
    (sdist,) = place.glob("*.tar.gz")
    problems = speedups_problems(wheel, sdist)
    if problems:
        session.error("\n".join(problems))
    session.install("--no-deps", str(wheel))
    used = (
        "import pinpoint_events as p; print(p.speedups()); assert p.speedups().is_used"
    )
    session.run("python", "-I", "-W", "error", "-X", "dev", "-c", used)


def run_long_tests_of_speedups(session: nox.Session) -> None:
    """What takes long and meets C: a million events, leaks, and the laws of streams."""
    long = ("speedups/test_memory.py", "test_leaks.py", "test_stream_laws.py")
    env = {"PINPOINT_EVENTS_SLOW": "1"}
    session.run("pytest", *(f"tests/{name}" for name in long), env=env)


C_FLAGS = (
    *("-O3", "-Werror", "-Wall", "-Wextra"),  # in place of those of Python itself
    "-Wno-missing-field-initializers",  # the rest of a struct is zero
    "-Wno-cast-function-type",  # Python's own way to declare fast calls
)


def speedups_sources() -> set[str]:
    """What the compiled part is built from, relative to its folder."""
    source = SPEEDUPS / "src"
    files = {
        *(SPEEDUPS / name for name in ("LICENSE", "README.md", "pyproject.toml")),
        *(source / "core").glob("*.[ch]"),
        *(source / f"{PACKAGE}_speedups").glob("*.py"),
        *(source / f"{PACKAGE}_speedups").glob("*.pyi"),
        source / f"{PACKAGE}_speedups" / "py.typed",
    }
    return {path.relative_to(SPEEDUPS).as_posix() for path in files}


def speedups_problems(wheel: Path, sdist: Path) -> list[str]:
    """What is missing from the distribution of the compiled part, or unwanted."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (info,) = {n.split("/")[0] for n in names if ".dist-info/" in n}
        metadata = Metadata.from_email(archive.read(f"{info}/METADATA"))
    with tarfile.open(sdist) as archive:
        sources = {str(PurePosixPath(*Path(n).parts[1:])) for n in archive.getnames()}
    package = SPEEDUPS / "src" / f"{PACKAGE}_speedups"
    modules = {f"{package.name}/{path.name}" for path in package.glob("[!.]*.*")}
    modules |= {name for name in names if re.fullmatch(r"\w+/_core\.[\w.-]+", name)}
    wanted = modules | {
        f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "top_level.txt")
    }
    wanted.add(f"{info}/licenses/LICENSE")
    missing = sorted(speedups_sources() - sources)
    version = re.search(r'__version__ = "(.+)"', (package / "__init__.py").read_text())
    problems = [f"not in the wheel: {name}" for name in sorted(wanted - names)]
    problems += [f"unwanted in the wheel: {name}" for name in sorted(names - wanted)]
    problems += [f"not in the sdist: {name}" for name in missing]
    if "-linux_" not in wheel.name and sys.platform == "linux":
        problems.append(f"no wheel for this system: {wheel.name}")
    if version is None or str(metadata.version) != version[1]:
        problems.append(f"version {metadata.version}, but the source says {version}")
    return problems


@nox.session(python=LOWEST_PYTHON, requires=["build"])
def tests_lowest(session: nox.Session) -> None:
    """The tests with the compiled part, and the lowest versions that are allowed."""
    lowest = lowest_versions()
    replaced = lowest.keys() | FOLLOW_BOTOCORE
    pins = [
        line
        for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
        if canonicalize_name(Requirement(line).name) not in replaced
    ]
    pins += [f"{name}=={version}" for name, version in lowest.items()]
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    install(session, extras=ALL_EXTRAS, groups=("test",), constraints=constraints)
    session.log("Lowest: " + ", ".join(f"{n} {v}" for n, v in lowest.items()))
    install_speedups(session)
    run_long_tests_of_speedups(session)
    run_pytest(session, measured=True, is_slow=False)


@nox.session(python=LOWEST_PYTHON, requires=["build"])
def interop(session: nox.Session) -> None:
    """
    Unmodified AWS clients against our endpoints, our senders against foreign engines.

    And the AWS CLI beside our command.
    """
    install(session, extras=ALL_EXTRAS, groups=("interop",))
    settings = {
        "PINPOINT_EVENTS_AWS": install_program(session, "aws"),
        "PINPOINT_EVENTS_MINISTACK": install_program(session, "ministack"),
        "PINPOINT_EVENTS_MOTO": install_program(session, "moto_server"),
        "PINPOINT_EVENTS_SLOW": "1",
    }
    if shutil.which("npm"):
        settings["PINPOINT_EVENTS_NODE_MODULES"] = install_javascript_sdk(session)
        settings["PINPOINT_EVENTS_INTEROP"] = "required"
    else:  # .ci/run fails over these words
        session.warn("NO NODE: tests with AWS SDK for JavaScript are skipped")
    paths = ("tests/interop", "tests/test_cli_differential.py")
    session.run("pytest", *paths, *session.posargs, env=settings)


def install_program(session: nox.Session, name: str) -> str:
    """Installs one of `PROGRAMS`, and returns its path."""
    place = Path(session.create_tmp()).resolve() / name
    session.run("python", "-m", "venv", "--clear", str(place))
    programs = place / ("Scripts" if sys.platform == "win32" else "bin")
    command = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    session.run(*command, "--disable-pip-version-check", PROGRAMS[name], external=True)
    return str(programs / name)


def install_javascript_sdk(session: nox.Session) -> str:
    """Installs what the lock file names, and returns the path of node_modules."""
    place = Path(session.create_tmp()).resolve() / "js"
    place.mkdir(exist_ok=True)
    for name in (".npmrc", "package.json", "package-lock.json"):
        shutil.copy2(JAVASCRIPT / name, place)
    with session.chdir(place):
        options = ["--ignore-scripts", "--no-audit", "--no-fund"]
        session.run("npm", "ci", *options, external=True)
    return str(place / "node_modules")


# Alone: sessions beside it would take the processor time whose lack it measures.
@nox.session(python=LOWEST_PYTHON, requires=["build"], allow_parallel=False)
def soak(session: nox.Session) -> None:
    """
    The endpoint among attackers, for a minute.

    Or for as many seconds as `PINPOINT_EVENTS_SOAK_SECONDS` says.
    """
    install(session, extras=ALL_EXTRAS, groups=("test",))
    name = "PINPOINT_EVENTS_SOAK_SECONDS"
    env = {name: os.environ.get(name, "60")}
    session.run("pytest", "tests/server/test_soak.py", *session.posargs, env=env)


@nox.session(python=LOWEST_PYTHON, requires=["build"])
def crashes(session: nox.Session) -> None:
    """
    Processes that record are killed at random: 10 for each destination.

    Or as many as `PINPOINT_EVENTS_CRASH_KILLS` says.
    """
    install(session, extras=ALL_EXTRAS, groups=("test",))
    name = "PINPOINT_EVENTS_CRASH_KILLS"
    env = {name: os.environ.get(name, "10")}
    session.run("pytest", "tests/recorder/test_crashes.py", *session.posargs, env=env)


# Not in CI, where `tests` has a short one: this takes some minutes.
@nox.session(python=LOWEST_PYTHON, requires=["build"], default=False)
def endurance(session: nox.Session) -> None:
    """
    A recorder over a million events and a thousand outages (not part of CI).

    Other numbers: `nox -s endurance -- --events 50000 --outages 100`.
    """
    install(session, extras=ALL_EXTRAS, groups=("test",))
    for spool in ("file", "none"):
        command = ["python", "-m", "tests.recorder.endurance", "--spool", spool]
        session.run(*command, *session.posargs)


# `tests` has these on the lowest Python only, and newer ones end in another way.
@nox.session(python=NEWEST_PYTHON, requires=["build"])
def exits(session: nox.Session) -> None:
    """
    Processes that record and end in every way, on the newest Python that is here.

    With the compiled part: those of `tests` have none.
    """
    install(session, extras=ALL_EXTRAS, groups=("test",))
    install_speedups(session)
    paths = ("tests/recorder/test_exits.py", "tests/recorder/test_exits_in_memory.py")
    run_pytest(session, *paths)


MEASURED = (
    f"tests-{LOWEST_PYTHON}",
    "tests_lowest",
    *(f"tests_without_fast-{python}" for python in PYTHONS[1:-1]),
)


@nox.session(requires=[*MEASURED])
def coverage(session: nox.Session) -> None:
    """Branch coverage with and without accelerator and compiled part, together."""
    session.install("-c", str(CONSTRAINTS), "coverage")
    data = f"--data-file={Path(session.create_tmp()) / 'coverage'}"
    runs = [str(COVERAGE_DATA / f".coverage.{name}") for name in MEASURED]
    session.run("coverage", "combine", "--quiet", "--keep", data, *runs)
    session.run("coverage", "report", data)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the order of the modules."""
    session.install("-c", str(CONSTRAINTS), "--group", "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": str(ROOT / "src")})


@nox.session(requires=["build"])
def typing(session: nox.Session) -> None:
    """Types: mypy is the gate, pyright tells whether the public ones are complete."""
    install(session, extras=ALL_EXTRAS, groups=("typing",))
    session.run("mypy")
    session.run("python", "docs/type_check.py")
    # The first call fetches pyright itself, and says so.
    session.run("pyright", "--version")
    output = session.run(
        *("pyright", "--verifytypes", PACKAGE, "--ignoreexternal", "--outputjson"),
        success_codes=[0, 1],
        silent=True,
    )
    report = json.loads(str(output)[str(output).index("{") :])
    show_type_completeness(session, report["typeCompleteness"])


def show_type_completeness(session: nox.Session, report: dict[str, Any]) -> None:
    """Fails, with the list, if a public name has no whole type."""
    for symbol in report["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            session.warn(f"{symbol['category']} {symbol['name']}: type not known")
            for diagnostic in symbol["diagnostics"]:
                session.warn(f"    {diagnostic['message']}")
    score = report["completenessScore"]
    counts = report["exportedSymbolCounts"]
    session.log(f"Types of the public names: {score:.2%} complete, {counts}")
    if score < 1 or not counts["withKnownType"]:
        session.error("The types of the public names are not complete")


@nox.session(requires=["build"])
def docs(session: nox.Session) -> None:
    """The documentation, every warning an error."""
    install(session, extras="server,testing", groups=("docs",))
    output = ROOT / "docs" / "_build"
    shutil.rmtree(output, ignore_errors=True)
    options = ["--nitpicky", "--fail-on-warning", "--keep-going", "--quiet"]
    session.run("sphinx-build", *options, "-b", "html", "docs", str(output))
    session.log(f"See {(output / 'index.html').relative_to(ROOT)}")


@nox.session(default=False)
def constraints(session: nox.Session) -> None:
    """Writes constraints.txt anew, with the newest versions (not part of CI)."""
    session.install("uv")
    header = "# Exact versions for development and CI. Made by: nox -s constraints\n"
    resolved = session.run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--upgrade"),
        *("--python-version", LOWEST_PYTHON, "--fork-strategy", "fewest"),
        *("--all-extras", "--group", "dev", "--no-header", "--no-emit-index-url"),
        "pyproject.toml",
        silent=True,
    )
    CONSTRAINTS.write_text(header + str(resolved), encoding="utf-8")
