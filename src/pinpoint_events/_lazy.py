"""Public names that are bound when they are first used, so that imports stay cheap."""

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["bound", "known"]


def bound(name: str, names: dict[str, Any], module_of: Mapping[str, str]) -> Any:
    """
    Bind a name of a package, and return its value: the work of its `__getattr__`.

    Args:
        name: The name.
        names: The package's `globals()`.
        module_of: A public name to the module that defines it, below
            `pinpoint_events`.

    Raises:
        AttributeError: If the package has no such name.
    """
    module = module_of.get(name)
    if module is None:
        raise AttributeError(f"module {names['__name__']!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed on first use only

    value = getattr(import_module(f"pinpoint_events.{module}"), name)
    names[name] = value
    return value


def known(names: dict[str, Any], public: Collection[str]) -> list[str]:
    """Return the names of a package, bound or not: the work of its `__dir__`."""
    return sorted({*names, *public})
