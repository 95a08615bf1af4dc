"""
The virtual environment of the other trackers, made when it is missing.

It uses the Python that runs the benchmarks, so that no side runs on a faster one.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PACKAGES: Final = Path(__file__).with_name("peers.txt")
"""The packages with their versions."""


class PeersError(Exception):
    """The environment cannot be made."""


def peers_python(directory: Path) -> Path:
    """
    Return the interpreter of the environment, which has all packages.

    Args:
        directory: Where the environment is. It is replaced if it does not have the
            packages, or has other versions of them.

    Raises:
        PeersError: If a step fails, with what the failed command printed last.
    """
    installed = directory / PACKAGES.name
    python = directory / "bin" / "python"
    if python.exists() and installed.exists() and _same(installed, PACKAGES):
        return python
    if directory.exists() and not (directory / "pyvenv.cfg").exists():
        raise PeersError(f"{directory} exists and is no virtual environment.")
    print(f"installing the other trackers into {directory}", file=sys.stderr)
    _run([sys.executable, "-m", "venv", "--clear", str(directory)])
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--quiet", "--retries", "1", "--requirement", str(PACKAGES)])
    # Last: an environment without it is incomplete.
    shutil.copyfile(PACKAGES, installed)
    return python


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    raise PeersError(
        "The other trackers cannot be installed; is the package index reachable? "
        "With `--only ours` it runs without them. The last line of the failed command: "
        f"{lines[-1] if lines else f'exit status {done.returncode}'}"
    )
