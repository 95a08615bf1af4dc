"""The protocol of senders, and the base of those in this package."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import (
    Any,
    Final,
    NoReturn,
    Protocol,
    Self,
    SupportsIndex,
    cast,
    runtime_checkable,
)

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import ConfigurationError, SenderError, ValidationError
from pinpoint_events.model._converters import (
    instance_of,
    required_text,
    texts,
    wrong_type,
)
from pinpoint_events.model._immutable import Refused, raise_if_invalid
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.problems import Expected, Problem, ProblemCode
from pinpoint_events.quotas import Quotas, refuse_over_quota

__all__ = [
    "DEFAULT_APPLICATION_ID",
    "BaseSender",
    "ChecksReadiness",
    "Sender",
    "checked_application_id",
    "keeps_repeats",
    "named_application_of",
]

# Of senders to a place of the user's own, where nothing names an application.
DEFAULT_APPLICATION_ID: Final = "local"


@runtime_checkable
class Sender(Protocol):
    """
    Sends requests of one application, and returns the outcome of every item.

    Senders are safe to use from several threads and keep working after a `fork`. To
    write another one, implement `put_events`, `close`, `__enter__` and `__exit__`;
    there is no base class to inherit.
    """

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """
        Send one request.

        Raises:
            QuotaExceededError: If the request, or an item of it, is over a quota.
            SenderError: If its outcome is unknown, or it was refused as a whole.
        """
        ...

    def close(self) -> None:
        """Release connections and files; calling it again does nothing."""
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


@runtime_checkable
class ChecksReadiness(Protocol):
    """
    A sender that can say whether it would keep a request now.

    `SqliteSender` can, and `MultiSender` and `ShadowSender` if their first sender can.
    The endpoint (`pinpoint_events.server`) asks for `GET /readyz`, once a second at
    most; a sender without this method counts as ready.
    """

    def check_ready(self) -> None:
        """
        Raise an error if a request could not be kept now; change nothing.

        Raises:
            SenderError: Why; the endpoint tells the code of a `StoreError`.
        """
        ...


class BaseSender(ABC):
    """
    Checks requests against the quotas, and closes once.

    Subclasses implement `_put_events` and, where they hold resources, `_close`.

    Args:
        quotas: The limits.

    Raises:
        ConfigurationError: If `quotas` is of another type.
    """

    quotas: Quotas

    def __init__(self, quotas: Quotas) -> None:
        given: object = quotas
        if not isinstance(given, Quotas):
            raise ConfigurationError(
                f"quotas is of type {type(given).__name__}; pass a Quotas"
            )
        self.quotas = quotas
        self._is_closed = False

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """
        Send one request, and return the outcome of each of its items.

        Raises:
            QuotaExceededError: If the request, or an item of it, is over a quota.
            ValidationError: If it is not an `EventsRequest`.
            SenderError: If the sender is closed, if the outcome of the request is
                unknown, or if it was refused as a whole.
        """
        if self._is_closed:
            raise SenderError(f"this {type(self).__name__} is closed; open a new one")
        given: object = request
        if isinstance(given, BatchBuilder):
            raise ValidationError(
                [Problem(ProblemCode.BUILDER_NOT_BUILT, ("request",))]
            )
        if isinstance(given, list | tuple):
            kind = type(given).__qualname__
            problem = Problem(ProblemCode.SEVERAL_REQUESTS, ("request",), actual=kind)
            raise ValidationError([problem])
        raise_if_invalid(request=instance_of(EventsRequest, request))
        self._refuse_over_quota(request)
        return self._put_events(request)

    def put_all(
        self, source: BatchBuilder | EventsRequest | Iterable[EventsRequest]
    ) -> tuple[EventsResponse, ...]:
        """
        Send several requests, one after the other, and return the answer to each.

        Args:
            source: A builder, which is split by its quotas, or the requests. Of an
                empty one nothing is sent.

        Raises:
            QuotaExceededError: If a request is over a quota; nothing is sent.
            ValidationError: If there is anything but requests; nothing is sent.
            SenderError: As `put_events` raises it. Then no more is sent, and its
                `responses` are the answers to the requests before the one that failed.
        """
        requests = _requests_of(source)
        for request in requests:
            self._refuse_over_quota(request)
        responses: list[EventsResponse] = []
        for request in requests:
            try:
                responses.append(self.put_events(request))
            except SenderError as error:
                error.responses = tuple(responses)
                raise
        return tuple(responses)

    def _refuse_over_quota(self, request: EventsRequest) -> None:
        """Check the request as it will be written, by default by `to_json`."""
        refuse_over_quota(request, self.quotas)

    @abstractmethod
    def _put_events(self, request: EventsRequest) -> EventsResponse:
        """Send a request that is within the quotas."""

    def close(self) -> None:
        """Release connections and files; calling it again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._close()

    def _close(self) -> None:  # noqa: B027 - most senders hold nothing
        """Release what the sender holds: nothing by default."""

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
        """Refuse to pickle or copy: connections and locks cannot be."""
        name = type(self).__name__
        raise TypeError(f"cannot pickle or copy a {name}; open one where it is needed")


def _requests_of(source: object) -> tuple[EventsRequest, ...]:
    """
    Return the requests to send.

    Raises:
        ValidationError: If there is anything else.
    """
    if isinstance(source, BatchBuilder):
        return source.build_all() if source else ()
    if isinstance(source, EventsRequest):
        return (source,)
    if not isinstance(source, Iterable):
        raise_if_invalid(requests=wrong_type(source, Expected.LIST))
    requests = tuple(cast("Iterable[Any]", source))
    problems: list[Problem] = []
    for position, request in enumerate(requests):
        checked: Any = instance_of(EventsRequest, request)
        if type(checked) is Refused:
            problems += [each.below("requests", position) for each in checked.problems]
    if problems:
        raise ValidationError(problems)
    return requests


def check_lists(**lists: object) -> None:
    """
    Check what endpoints are looked for by.

    Raises:
        ValidationError: If one of them is no collection of `str`.
    """
    raise_if_invalid(**{name: texts(given) for name, given in lists.items()})


def checked_application_id(application_id: str) -> str:
    """
    Return the application id.

    Raises:
        ConfigurationError: If it is not text, or empty.
    """
    # Any: the converter is typed as if it never returned `Refused`.
    checked: Any = required_text(application_id)
    if type(checked) is Refused:
        (problem,) = checked.problems
        from pinpoint_events.problems.catalogues import sentence  # noqa: PLC0415 - slow

        found = sentence(problem.below("application_id"), has_remedy=False)
        raise ConfigurationError(f"{found}; pass that of your Pinpoint project")
    name: str = checked
    return name


def named_application_of(sender: object) -> str | None:
    """
    Return the application that a sender sends to.

    None if it does not say, or if it has the default, which no one chose.
    """
    application_id = getattr(sender, "application_id", None)
    if application_id == DEFAULT_APPLICATION_ID:
        return None
    return application_id if isinstance(application_id, str) else None


def keeps_repeats(sender: object) -> bool:
    """Return whether a sender says that what arrives twice is kept twice."""
    return getattr(sender, "keeps_repeats", False) is True
