"""Which threads a test begins."""

import threading

__all__ = ["BegunThreads"]


class BegunThreads:
    """Those that began after this was made, and have not ended, whatever others do."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def __len__(self) -> int:
        """How many they are."""
        return len(set(threading.enumerate()) - self._before)
