"""
Runs the examples in the README, the docs and the docstrings as tests.

Each document is run in a separate, empty directory, offline, and without anyone's AWS
settings; its examples share one namespace, from top to bottom. What is run:

- fenced blocks tagged `python` in Markdown files (also in doctest style);
- doctests in the docstrings under `src/`.

The programs for Django and Celery, which are not among the tools for tests, are run by
`tests/interop/test_recorder_how_to.py` instead.

The examples of a page must leave no file behind: users run them more than once.
"""

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

# So that the README's command takes less than four minutes; CI draws more, too.
_EXAMPLES = 100 if os.environ.get("PINPOINT_EVENTS_SLOW") else 20

# The slowest machine that runs the tests must not decide whether they pass.
settings.register_profile("dev", deadline=None, max_examples=_EXAMPLES)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=_EXAMPLES,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

# Shells start background jobs with SIGINT ignored, which children inherit. Tests of
# Ctrl-C need the signal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_CONTEXT = "__example_context__"


def _enter(namespace: dict[str, Any]) -> None:
    directory = tempfile.TemporaryDirectory(prefix="pinpoint-events-example-")
    patch = pytest.MonkeyPatch()
    patch.chdir(directory.name)
    for name in os.environ:
        if name.startswith("AWS_"):
            patch.delenv(name)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    namespace[_CONTEXT] = directory, patch


def _leave(namespace: dict[str, Any]) -> None:
    directory, patch = namespace.pop(_CONTEXT)
    patch.undo()
    directory.cleanup()


def _leave_empty(namespace: dict[str, Any]) -> None:
    left = [path.name for path in Path(namespace[_CONTEXT][0].name).iterdir()]
    _leave(namespace)
    if left:
        pytest.fail(f"the examples leave files behind: {', '.join(left)}")


_markdown = Sybil(
    parsers=[PythonCodeBlockParser()],
    pattern="*.md",
    excludes=["**/use-with-celery.md", "**/use-with-django.md"],
    setup=_enter,
    teardown=_leave_empty,
)
_docstrings = Sybil(
    parsers=[DocTestParser()],
    path="src",
    pattern="*.py",
    setup=_enter,
    teardown=_leave,
)

pytest_collect_file = (_markdown + _docstrings).pytest()
