"""Public names that are bound when they are first used, so that imports stay cheap."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

__all__ = ["accessors"]


def accessors(
    names: dict[str, Any], public: Collection[str], module_of: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """
    Return the `__getattr__` and the `__dir__` of a package (PEP 562).

    Args:
        names: Its `globals()`.
        public: Its `__all__`.
        module_of: A public name to the module that defines it, below
            `pinpoint_events`.
    """

    def bind(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            message = f"module {names['__name__']!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module  # noqa: PLC0415 - needed on first use only

        value = getattr(import_module(f"pinpoint_events.{module}"), name)
        names[name] = value
        return value

    return bind, lambda: sorted({*names, *public})
