"""Where the sender of a recorder comes from: a URL, a function, or a sender."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.senders.protocol import (
    DEFAULT_APPLICATION_ID,
    Sender,
    checked_application_id,
    named_application_of,
)
from pinpoint_events.senders.url import application_of, open_sender, sqlite_path

__all__ = ["SenderSource", "sender_source"]


class SenderSource(NamedTuple):
    """
    Where the sender comes from.

    Attributes:
        open: Returns it.
        application_id: The application that it sends to.
        is_ours: Whether the recorder opens it, and closes it.
        url: Its URL, that of a store with its absolute path; None if it has none.
    """

    open: Callable[[], Sender]
    application_id: str
    is_ours: bool
    url: str | None = None


def sender_source(sender: object, application_id: str | None) -> SenderSource:
    """
    Return where the sender comes from.

    Args:
        sender: A URL, a function that returns a sender, or a sender.
        application_id: The application, where neither URL nor sender names one.

    Raises:
        ConfigurationError: If one of them is invalid, or they do not agree.
    """
    if application_id is not None:
        application_id = checked_application_id(application_id)
    if isinstance(sender, str):
        named = application_of(sender, application_id) or DEFAULT_APPLICATION_ID
        path = sqlite_path(sender)
        if path is None:
            url = sender
            opener = partial(open_sender, sender, application_id=application_id)
        else:  # relative to this directory, whatever it is when the thread opens it
            absolute = Path(path).absolute()
            url = f"sqlite:///{absolute}"
            opener = partial(_sqlite_sender, absolute, application_id=named)
        return SenderSource(opener, named, is_ours=True, url=url)
    if isinstance(sender, Sender) and not isinstance(sender, type):
        named_by_it = named_application_of(sender)
        if application_id not in {None, named_by_it or application_id}:
            raise ConfigurationError(
                "application_id is not that of the sender; leave it out"
            )
        named = application_id or named_by_it or DEFAULT_APPLICATION_ID
        return SenderSource(lambda: sender, named, is_ours=False)
    if callable(sender):
        named = application_id or DEFAULT_APPLICATION_ID
        return SenderSource(partial(_called, sender, named), named, is_ours=True)
    raise ConfigurationError(
        f"sender is of type {type(sender).__qualname__}; pass a URL, a function that "
        "returns a sender, or a sender"
    )


def _sqlite_sender(path: Path, *, application_id: str) -> Sender:
    from pinpoint_events.senders.sqlite import SqliteSender  # noqa: PLC0415

    return SqliteSender(path, application_id=application_id)


def _called(factory: Callable[[], object], application_id: str) -> Sender:
    sender = factory()
    if not isinstance(sender, Sender):
        raise ConfigurationError(
            f"the function returned a value of type {type(sender).__qualname__}; "
            "return a sender"
        )
    if named_application_of(sender) not in {None, application_id}:
        raise ConfigurationError(
            "the function returned a sender of another application; pass its id as "
            "application_id"
        )
    return sender
