"""What a sender is, and what all senders of this package share."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self, SupportsIndex, runtime_checkable

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import ConfigurationError, SenderError, ValidationError
from pinpoint_events.model._converters import instance_of, required_text
from pinpoint_events.model._immutable import Refused, refuse_unsound
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.put_events import refuse_over_quota
from pinpoint_events.quotas import Quotas

__all__ = ["BaseSender", "Sender", "checked_application_id"]


@runtime_checkable
class Sender(Protocol):
    """
    Takes requests of one application, and says what became of every item.

    Senders are safe to use from several threads and go on working after a `fork`.
    Write your own by these four methods; there is no base class to inherit.
    """

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """
        Send one request.

        Raises:
            QuotaExceededError: If the request as a whole is over a quota.
            SenderError: If nothing is known of what became of it, or all was refused.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files; calling it again does nothing."""
        ...

    def __enter__(self) -> Self:
        """Return the sender itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the sender."""
        ...


class BaseSender(ABC):
    """
    What the senders here do alike: refuse what is too large, and close once.

    Subclasses implement `_put_events` and, where they hold something, `_close`.
    """

    def __init__(self) -> None:
        self._is_closed = False

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """
        Send one request, and return what became of each of its items.

        Raises:
            QuotaExceededError: If the request as a whole is over a quota.
            ValidationError: If it is no `EventsRequest`.
            SenderError: If the sender is closed, if nothing is known of what became of
                the request, or if all of it was refused.
        """
        if self._is_closed:
            raise SenderError(f"this {type(self).__name__} is closed; open a new one")
        given: object = request
        if isinstance(given, BatchBuilder):
            raise ValidationError(
                [Problem(ProblemCode.BUILDER_NOT_BUILT, ("request",))]
            )
        refuse_unsound(request=instance_of(EventsRequest, request))
        self._refuse_over_quota(request)
        return self._put_events(request)

    def _refuse_over_quota(self, request: EventsRequest) -> None:
        """Measure the request as it will be written, by default as `to_json` does."""
        refuse_over_quota(request, _QUOTAS)

    @abstractmethod
    def _put_events(self, request: EventsRequest) -> EventsResponse:
        """Send a request that is within the quotas."""

    def close(self) -> None:
        """Let go of connections and files; calling it again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._close()

    def _close(self) -> None:  # noqa: B027 - not abstract, because most have no need
        """Let go of what the sender holds: nothing, unless a subclass does."""

    def __enter__(self) -> Self:
        """Return the sender itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the sender."""
        self.close()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to pickle or copy: connections and locks are no data."""
        name = type(self).__name__
        raise TypeError(f"cannot pickle or copy a {name}; open one where it is needed")


_QUOTAS = Quotas()


def checked_application_id(application_id: str) -> str:
    """
    Return the application id.

    Raises:
        ConfigurationError: If it is no text, or empty.
    """
    # Any: the converter may have refused, which no type of a built object shows.
    checked: Any = required_text(application_id)
    if type(checked) is Refused:
        (problem,) = checked.problems
        raise ConfigurationError(
            f"application_id: {problem.problem}; {problem.limit}; pass that of your "
            "Pinpoint project"
        )
    name: str = checked
    return name
