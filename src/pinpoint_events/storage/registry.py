"""
Objects of a process, for as long as anything else keeps them alive.

`weakref.WeakSet` does the same, but runs Python code while it is iterated: a thread
that adds an object meanwhile makes the iteration fail. A lock around both is no way
out, as a finalizer or a signal handler that adds one may run in the thread that holds
it. So here the plain set of the references is copied, which runs no Python code.
"""

import weakref
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """
    Objects that are alive. Safe to use from several threads, without a lock.

    The objects are told apart by identity, as those of classes without `__eq__` are.
    """

    def __init__(self) -> None:
        self._references: set[weakref.ref[T]] = set()

    def add(self, thing: T) -> None:
        """Add an object, until it ends."""
        self._references.add(weakref.ref(thing, self._references.discard))

    def __iter__(self) -> Iterator[T]:
        """Yield those that were there at the beginning and are still alive."""
        for reference in self._references.copy():
            thing = reference()
            if thing is not None:
                yield thing
