"""Freed memory is given back, where the C library can be told to."""

from pinpoint_events.server._memory import trimmer


class TestTrimmer:
    """It works, or does nothing."""

    def test_here(self) -> None:
        """Here it may be called at any time."""
        assert trimmer()(0) in {0, 1}

    def test_none(self) -> None:
        """Without such a library, it does nothing."""
        assert trimmer("no-such-library")(0) == 0
