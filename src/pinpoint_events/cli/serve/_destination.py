"""Where events of PutEvents go."""

import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli._destination import destination_errors
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.cli.serve._options import DEFAULT_TO, PLACEHOLDER, has_streams
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import shortened

if TYPE_CHECKING:
    from pinpoint_events.senders.protocol import Sender

__all__ = ["opener"]

_BRACES: Final = re.compile(r"\{.*?\}")


def opener(options: Namespace) -> "Callable[[str], Sender] | None":
    """Return what opens the sender of an application; None not to serve PutEvents."""
    to = options.to or (None if has_streams(options) else DEFAULT_TO)
    if to is None:
        return None
    with destination_errors(to):
        return _sender_factory(to)


def _sender_factory(url: str) -> "Callable[[str], Sender]":
    """
    Return a function that opens the sender of an application.

    Raises:
        ConfigurationError: If the URL is unusable for every application.
        StoreError: If its store cannot be used.
    """
    from pinpoint_events.senders import open_sender  # noqa: PLC0415 - not for help

    def open_by_name(application_id: str) -> "Sender":
        named = url.replace(PLACEHOLDER, application_id)
        return open_sender(named, application_id=application_id)

    def open_for(application_id: str) -> "Sender":
        try:
            return open_sender(url, application_id=application_id)
        except ConfigurationError as error:
            # The URL was checked below, so it must name another application.
            raise LookupError(application_id) from error

    unknown = next((each for each in _BRACES.findall(url) if each != PLACEHOLDER), None)
    if unknown is not None:
        message = f"argument --to: {shortened(unknown)} is no known placeholder"
        raise UsageError(f"{message}; write {PLACEHOLDER}, or {{ as %7B in a name")
    if PLACEHOLDER in url:
        _check_url(url)
        return open_by_name
    # Reports an error in the URL before clients connect.
    open_sender(url).close()
    return open_for


def _check_url(url: str) -> None:
    """
    Check a URL with a placeholder before the first request.

    Raises:
        ConfigurationError: If the URL is unusable for every application.
    """
    from pinpoint_events.senders.url import (  # noqa: PLC0415 - not for help
        open_sender,
        sqlite_path,
    )

    path = sqlite_path(url)
    if path is None:
        named = url.replace(PLACEHOLDER, "any")
        open_sender(named, application_id="any").close()
        return
    # Opening it would create a store for an application that may not exist.
    directory = Path(path).parent
    if PLACEHOLDER not in str(directory) and not directory.is_dir():
        message = f"argument --to: the directory {str(directory)!r} is not there"
        raise UsageError(f"{message}; make it, or name another")
