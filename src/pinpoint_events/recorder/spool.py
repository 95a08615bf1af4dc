"""What recorder and deliverer ask of a spool, whatever keeps its items."""

from typing import Protocol

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.recorder.items import Books, DropReason, Item, Settlement

__all__ = ["Spool"]


class Spool(Protocol):
    """
    Keeps items, in the order of recording, until they are settled.

    All methods may raise a `StoreError` if they use a file.
    """

    def add(
        self,
        endpoint_id: str,
        event_id: str | None,
        text: str,
        model: Event | Endpoint,
    ) -> None:
        """
        Keep an event, or, without an event id, the update of an endpoint.

        Args:
            endpoint_id: The endpoint's id.
            event_id: The event's id.
            text: Event or endpoint as JSON.
            model: What the text was written from.

        Raises:
            SpoolFullError: If there is no room.
        """
        ...

    def count_dropped(self, event_id: str | None, reason: DropReason) -> None:
        """Count an item that was recorded, and dropped before it was kept."""
        ...

    def oldest(self) -> list[Item]:
        """Return the items to drop first, to make room; none if there are none."""
        ...

    @property
    def highest_id(self) -> int:
        """The number of the newest item; 0 if there never was one."""
        ...

    def claim(self) -> bool:
        """Claim the delivery, which one process at a time has; return whether."""
        ...

    @property
    def claims(self) -> int:
        """How often it was claimed after another process had claimed it."""
        ...

    def release_claim(self) -> None:
        """Let other processes have the claim, until it is claimed again."""
        ...

    def ask_for_flush(self, up_to: int) -> None:
        """Ask the process that delivers for items up to this number."""
        ...

    def take_flush_request(self) -> int:
        """Return the highest number that was asked for since; 0 if none was."""
        ...

    def read(self, after: int, limit: int) -> list[Item]:
        """Return items with greater numbers, the oldest first."""
        ...

    def settle(self, settlement: Settlement) -> Settlement:
        """
        Write down what became of items.

        Returns:
            What was written: nothing of items that have ended meanwhile, as those that
            were dropped while they were sent.
        """
        ...

    def has_pending(self, up_to: int) -> bool:
        """Return whether an item with a number up to this one waits."""
        ...

    def books(self) -> Books:
        """Return what became of all items."""
        ...
