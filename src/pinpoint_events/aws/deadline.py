"""
The deadline of an exchange.

A timeout bounds one wait for the network; the deadline of an exchange bounds all of
them, interim answers and a body that arrives byte by byte included.
"""

import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Deadline", "exchange"]

A = TypeVar("A")
R = TypeVar("R")


class Deadline:
    """
    When an exchange must be over, by the monotonic clock.

    Args:
        seconds: From now on; infinity for no deadline.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._end

    def bounded(self, timeout: float | None) -> float | None:
        """
        Return a timeout that does not go beyond the deadline.

        Raises:
            TimeoutError: If no time is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left == math.inf:
            return timeout
        return left if timeout is None else min(timeout, left)

    def bound(self, sock: socket.socket, operation: Callable[[A], R], argument: A) -> R:
        """
        Return the result of one operation on a socket, in time.

        Args:
            sock: With the timeout of one operation.
            operation: Sends or receives.
            argument: What the operation takes.

        Raises:
            TimeoutError: If the operation takes longer than either bound.
        """
        timeout = sock.gettimeout()
        bounded = self.bounded(timeout)
        if bounded == timeout:
            return operation(argument)
        # Only near the deadline: the call takes as long as the reading itself.
        sock.settimeout(bounded)
        try:
            return operation(argument)
        finally:
            sock.settimeout(timeout)


class _Exchange(threading.local):
    deadline: Deadline


exchange: Final = _Exchange()
"""The deadline of the exchange in each thread: urllib3 makes its responses itself."""
