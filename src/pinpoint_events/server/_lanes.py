"""
The threads that read and serve calls: some for most calls, and one each for large ones.

Without separate threads, calls would wait for large ones, which take up to a hundred
times as long. As Python runs one thread at a time, several large calls would also take
the processor's time from the others. So large calls are read one at a time, and served
one at a time. If other calls arrived meanwhile, the thread then pauses for as long as
it worked.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, ParamSpec, TypeVar

from pinpoint_events.server._memory import trimmer
from pinpoint_events.server._workers import Workers

__all__ = ["READERS", "Lanes"]

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2  # one parses while the other waits to hand over

# More than 100 events with their endpoints have; they take 30 ms.
_LARGE_BYTES: Final = 256 * 1024
_LARGE_ITEMS: Final = 250
# Small endpoints take more time than their bytes tell. So many JSON objects, in 500 of
# them, take 5 ms; 100 events with all that each may have are 1,300 objects.
_LARGE_OBJECTS: Final = 1_500
_MAX_REST_SECONDS: Final = 0.5


class Lanes:
    """
    The threads of an endpoint.

    Args:
        workers: How many calls are served at a time, without a large one.
    """

    def __init__(self, workers: int) -> None:
        self._readers = Workers(READERS, "pinpoint-events-reader")
        self._workers = Workers(workers, "pinpoint-events-endpoint")
        self._reader_of_large = Workers(1, "pinpoint-events-reader-large")
        self._worker_of_large = Workers(1, "pinpoint-events-endpoint-large")
        self._others = 0  # calls that are not large, so far
        self._is_closing = threading.Event()
        self._trim = trimmer()

    def read(
        self,
        body: bytes,
        function: Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Future[T]:
        """
        Read a body of JSON text.

        Raises:
            RequestError: If the lanes are closed.
        """
        if len(body) > _LARGE_BYTES or body.count(b"{") > _LARGE_OBJECTS:
            rested = self._rested(function)
            return self._reader_of_large.submit(rested, *args, **kwargs)
        self._others += 1
        return self._readers.submit(function, *args, **kwargs)

    def serve(
        self,
        size: int,
        items: int,
        function: Callable[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Future[T]:
        """
        Serve a call of so many bytes and items.

        Raises:
            RequestError: If the lanes are closed.
        """
        if size > _LARGE_BYTES or items > _LARGE_ITEMS:
            return self._worker_of_large.submit(self._rested(function), *args, **kwargs)
        self._others += 1
        return self._workers.submit(function, *args, **kwargs)

    def _rested(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return a function that works, frees memory, and rests if others are there."""

        def work(*args: P.args, **kwargs: P.kwargs) -> T:
            others, started = self._others, time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                self._trim(0)
                if self._others != others:
                    took = time.monotonic() - started
                    self._is_closing.wait(min(took, _MAX_REST_SECONDS))

        return work

    def close(self, ends_at: float) -> int:
        """
        Accept no more calls, and finish those that were accepted.

        Args:
            ends_at: How long to wait for them, by `time.monotonic`.

        Returns:
            How many are not finished.
        """
        self._is_closing.set()
        # Readers first: they hand calls over to the workers.
        lanes = (
            self._readers,
            self._reader_of_large,
            self._workers,
            self._worker_of_large,
        )
        return sum(each.close(ends_at) for each in lanes)
