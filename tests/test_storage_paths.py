"""Tests of paths that callers give."""

from pathlib import Path
from typing import Any

import pytest

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.storage.paths import path_text


class TestPathText:
    """A path is text that the system takes for one."""

    @pytest.mark.parametrize("path", ["a/ü.db", Path("a/ü.db")])
    def test_paths(self, path: str | Path) -> None:
        """Text and path objects are taken."""
        assert path_text(path) == str(Path("a/ü.db"))

    @pytest.mark.parametrize("path", ["planted\0", Path("planted\ud800")])
    def test_character_that_no_path_has(self, path: str | Path) -> None:
        """It is refused, and not shown: it may be data."""
        with pytest.raises(ConfigurationError) as caught:
            path_text(path)
        assert caught.value.__cause__ is None
        assert str(caught.value) == (
            "path has a character that no path can have; pass another path"
        )

    def test_other_type(self) -> None:
        """It is named by its type."""
        wrong: Any = 5
        with pytest.raises(ConfigurationError) as caught:
            path_text(wrong)
        assert str(caught.value) == "path is of type int; pass a str or Path"
