"""
A lock to hold while a thread imports modules.

A fork copies a module that another thread is importing as it is: half loaded, and
locked by a thread that does not exist in the child. So forks wait for this lock.
"""

from typing import Final

from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["loading"]

loading: Final = ForkLock()
