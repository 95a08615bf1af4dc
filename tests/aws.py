"""An environment in which AWS settings come from nowhere but the test itself."""

import os
from pathlib import Path

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """
    Empty the environment of settings, move home into an empty directory.

    Returns what sets variables for the rest of the test.
    """
    for name in os.environ:
        lower = name.lower()
        if lower.startswith(("aws_", "boto")) or lower.endswith(("_proxy", "_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch
