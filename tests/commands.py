"""Running `pinpoint-events` as a separate process, as a shell does."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.samples import ROOT

COMMAND = (sys.executable, "-m", "pinpoint_events")


takes_long = pytest.mark.skipif(
    not os.environ.get("PINPOINT_EVENTS_SLOW"),
    reason="PINPOINT_EVENTS_SLOW is not set, as CI does",
)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")


class Ran(NamedTuple):
    """What came of a process."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anyone's AWS settings, and more."""
    kept = {key: value for key, value in os.environ.items() if key[:4] != "AWS_"}
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def piped(command: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a process that imports from here, with pipes to all it reads and writes."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    *arguments: str, command: tuple[str, ...] = COMMAND, cwd: Path, **env: str
) -> Ran:
    """Run the command to its end."""
    ran = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())
