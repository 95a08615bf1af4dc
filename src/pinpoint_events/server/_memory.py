"""
Gives freed memory back to the system.

The GNU C library keeps what was freed below something that is still used: after a call
of 4 MB, some 20 MB may stay. `malloc_trim` gives it back, in less than a millisecond.
"""

import ctypes
from collections.abc import Callable
from typing import Any

__all__ = ["trimmer"]


def trimmer(library: str | None = None) -> Callable[[int], Any]:
    """
    Return what gives memory back, but for so many bytes.

    Args:
        library: The C library; None for that of this process. If it cannot do so, as on
            systems without the GNU library, what is returned does nothing.
    """
    try:
        trim: Callable[[int], Any] = ctypes.CDLL(library).malloc_trim
    except (AttributeError, OSError, TypeError):  # the last one on Windows
        return bool
    return trim
