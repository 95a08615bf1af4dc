"""The version, as `--version` and reports of defects show it."""

from pinpoint_events import __version__

__all__ = ["version_text"]


def version_text() -> str:
    """Return the version of the package, and whether the compiled part is used."""
    # Imported here: most commands do not ask.
    from pinpoint_events.compiled_state import speedups  # noqa: PLC0415 - when asked for

    found = speedups()
    shown = f" {found.version}" if found.is_used else f": {found.state}"
    return f"pinpoint-events {__version__} (speedups{shown})"
