"""
When the machine itself is slow.

A virtual machine can run slower for a moment without a trace in its own accounts: on
those of our CI, all cores together fall to a tenth of their speed and recover within 50
ms, every second or so, with nothing running. (Measured with a loop that counts, alone
on each core.) A call that meets such a moment says nothing about its server.
"""

import asyncio
import statistics
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Final

__all__ = ["MachineSpeed"]

_PAUSE_SECONDS: Final = 0.002
_NUMBERS: Final = 2_000  # about 30 us
# Another process on the same core's second thread, or in its caches, costs less.
_SLOW: Final = 2.5
# What has piled up in a slow moment is worked off by then, at half of the capacity. A
# call that was long overdue before such a moment is not excused by it.
_RECOVERY_SECONDS: Final = 0.1
_RECENT: Final = 1_000
_RECENT_BETWEEN: Final = 100


class MachineSpeed:
    """
    Watches how much processor time the same work takes, and when it takes more.

    Args:
        slow_moments: When it was slow, by `time.monotonic`, so far.
    """

    def __init__(self, slow_moments: Iterable[float] = ()) -> None:
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._usual = 0.0
        self._slow_moments = list(slow_moments)

    async def watch(self) -> None:
        """Look at it, until cancelled."""
        count = 0
        while True:
            started = time.thread_time()
            sum(range(_NUMBERS))
            took = time.thread_time() - started
            self._recent.append(took)
            if count % _RECENT_BETWEEN == 0:
                self._usual = statistics.median(self._recent)
            if took > _SLOW * self._usual:
                self._slow_moments.append(time.monotonic())
            count += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    def has_disturbed(self, due: float, answered: float) -> bool:
        """Return whether it was slow when a call was due, or soon before or after."""
        until = min(answered, due + _RECOVERY_SECONDS)
        place = bisect_left(self._slow_moments, due - _RECOVERY_SECONDS)
        return place < len(self._slow_moments) and self._slow_moments[place] <= until
