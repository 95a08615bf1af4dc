"""The environment of all processes that are measured: keys, a region, nothing else."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""Where `python -m benchmarks` is run: the repository's root."""

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "us-east-1",
}
PROFILE = {"AWS_PROFILE": "bench"}

SPEEDUPS = "pinpoint-events-speedups"
"""The distribution with the compiled part."""
PURE_VARIABLE = "PINPOINT_EVENTS_PURE"
"""Set to 1, it switches the compiled part off."""


def environment(home: Path, settings: dict[str, str]) -> dict[str, str]:
    """
    Return the environment of a process: this one's, without what AWS's SDKs read.

    The compiled part is used where it is installed, whatever this process uses.

    Args:
        home: The user's directory, where configuration files are looked for.
        settings: What is set beside it.
    """
    kept = {
        key: text
        for key, text in os.environ.items()
        if key[:4] != "AWS_" and key != PURE_VARIABLE
    }
    return kept | {"HOME": str(home), "USERPROFILE": str(home)} | settings


def speedups_version() -> str | None:
    """Return the version of the compiled part; None where it is not installed."""
    try:
        return version(SPEEDUPS)
    except PackageNotFoundError:
        return None


def write_profile(home: Path) -> None:
    """Put configuration files with the profile below a user's directory."""
    directory = home / ".aws"
    directory.mkdir()
    (directory / "config").write_text(
        "[default]\nregion = eu-west-1\n\n[profile bench]\nregion = us-east-1\n"
    )
    (directory / "credentials").write_text(
        "[bench]\n"
        f"aws_access_key_id = {KEYS['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {KEYS['AWS_SECRET_ACCESS_KEY']}\n"
    )
