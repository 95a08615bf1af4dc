"""Limits of a run; apart, because the command's help needs them and nothing else."""

from typing import Final

__all__ = ["IN_FLIGHT", "MAX_IN_FLIGHT"]

IN_FLIGHT: Final = 4
"""Requests in flight at a time, if nothing else is given."""

MAX_IN_FLIGHT: Final = 64
"""The most that may be given: each is a thread."""
