"""What has arrived somewhere in a test, and assertions about it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

from pinpoint_events.model.event import Event
from pinpoint_events.senders import MemorySender

__all__ = ["RecordingSender", "SentEvent", "SentEvents", "count_not_accepted"]

_MOST_SHOWN: Final = 10  # of the events in a message


class SentEvent(NamedTuple):
    """
    One event that was sent and accepted.

    Attributes:
        application_id: The application that it was sent to.
        endpoint_id: The endpoint that it belongs to.
        event_id: Its id.
        event: The event itself.
    """

    application_id: str
    endpoint_id: str
    event_id: str
    event: Event


class SentEvents(ABC):
    """Assertions about the events that were sent and accepted."""

    @property
    @abstractmethod
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, in the order in which they came."""

    @property
    @abstractmethod
    def _not_accepted(self) -> int:
        """How many events were sent, and not accepted."""

    def events_of(
        self, event_type: str, *, endpoint_id: str | None = None
    ) -> tuple[Event, ...]:
        """
        Return the events of a type, in the order in which they came.

        Args:
            event_type: The type, whole.
            endpoint_id: The endpoint they belong to; any if left out.
        """
        return tuple(
            each.event
            for each in self.sent
            if each.event.event_type == event_type
            and endpoint_id in {None, each.endpoint_id}
        )

    def assert_sent(
        self,
        event_type: str,
        *,
        attributes: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        endpoint_id: str | None = None,
        application_id: str | None = None,
        times: int | None = None,
    ) -> tuple[SentEvent, ...]:
        """
        Fail unless such an event was sent, and accepted; return those that were.

        Args:
            event_type: The type, whole.
            attributes: What is among its attributes; it may have others.
            metrics: What is among its metrics; it may have others.
            endpoint_id: The endpoint that it belongs to; any if left out.
            application_id: The application that it was sent to; any if left out.
            times: How many of them there are; at least one if left out.

        Raises:
            AssertionError: With how the events that were sent differ.
        """
        __tracebackhide__ = True
        wanted = _Wanted(
            event_type,
            {} if attributes is None else attributes,
            {} if metrics is None else metrics,
            endpoint_id,
            application_id,
        )
        found = [(each, tuple(_differences(wanted, each))) for each in self.sent]
        such = tuple(each for each, differences in found if not differences)
        if not such if times is None else len(such) != times:
            many = "at least 1 event" if times is None else _events(times)
            message = f"expected {many} {_shown_wanted(wanted)}, found {len(such)}"
            _fail(message, found, self._not_accepted)
        return such

    def assert_not_sent(
        self,
        event_type: str,
        *,
        attributes: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        endpoint_id: str | None = None,
        application_id: str | None = None,
    ) -> None:
        """
        Fail if such an event was sent, and accepted.

        Args:
            event_type: The type, whole.
            attributes: What is among its attributes.
            metrics: What is among its metrics.
            endpoint_id: The endpoint that it belongs to; any if left out.
            application_id: The application that it was sent to; any if left out.

        Raises:
            AssertionError: With the events that were sent.
        """
        __tracebackhide__ = True
        self.assert_sent(
            event_type,
            attributes=attributes,
            metrics=metrics,
            endpoint_id=endpoint_id,
            application_id=application_id,
            times=0,
        )

    def assert_nothing_sent(self) -> None:
        """
        Fail if any event was sent, and accepted.

        Raises:
            AssertionError: With the events that were sent.
        """
        __tracebackhide__ = True
        if self.sent:
            found = [(each, ()) for each in self.sent]
            _fail("expected no events", found, self._not_accepted)


class RecordingSender(SentEvents, MemorySender):
    """
    A `MemorySender` with assertions about what was sent.

    >>> from pinpoint_events import BatchBuilder, Event
    >>> from pinpoint_events.testing import RecordingSender
    >>> sender = RecordingSender()
    >>> event = Event("purchase", attributes={"sku": "A-1", "color": "red"})
    >>> request = BatchBuilder().add("user-1", event, event_id="v-1").build()
    >>> _ = sender.put_events(request)
    >>> (sent,) = sender.assert_sent("purchase", attributes={"sku": "A-1"}, times=1)
    >>> sent.endpoint_id, sent.event_id
    ('user-1', 'v-1')
    >>> sender.assert_sent("purchase", attributes={"sku": "A-2"})
    Traceback (most recent call last):
    AssertionError: expected at least 1 event 'purchase' with attributes {'sku': 'A-2'}, found 0
    1 event was sent and accepted:
      'purchase' 'v-1' of endpoint 'user-1' in application 'local': attributes['sku'] is 'A-1'
    """  # noqa: E501 - the message, as it is

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, in the order in which they came."""
        return tuple(
            SentEvent(self.application_id, endpoint_id, event_id, event)
            for endpoint_id, event_id, event in self.accepted_events
        )

    @property
    def _not_accepted(self) -> int:
        return count_not_accepted(self)


def count_not_accepted(sender: MemorySender) -> int:
    """Return how many events a sender was sent that it did not accept."""
    arrived = {each for request in sender.requests for each in request.events()}
    return len(arrived.difference(sender.accepted_events))


class _Wanted(NamedTuple):
    event_type: str
    attributes: Mapping[str, str]
    metrics: Mapping[str, float]
    endpoint_id: str | None
    application_id: str | None


def _shown_wanted(wanted: _Wanted) -> str:
    """Return what is looked for, in words."""
    shown = [repr(wanted.event_type)]
    if wanted.attributes:
        shown.append(f"with attributes {dict(wanted.attributes)!r}")
    if wanted.metrics:
        shown.append(f"with metrics {dict(wanted.metrics)!r}")
    if wanted.endpoint_id is not None:
        shown.append(f"of endpoint {wanted.endpoint_id!r}")
    if wanted.application_id is not None:
        shown.append(f"in application {wanted.application_id!r}")
    return " ".join(shown)


def _differences(wanted: _Wanted, sent: SentEvent) -> Iterator[str]:
    """Yield in what respects an event is another than the one looked for."""
    event = sent.event
    if event.event_type != wanted.event_type:
        yield "another type"
    if wanted.endpoint_id not in {None, sent.endpoint_id}:
        yield "another endpoint"
    if wanted.application_id not in {None, sent.application_id}:
        yield "another application"
    pairs: list[tuple[str, Mapping[str, object], Mapping[str, object]]] = [
        ("attributes", wanted.attributes, event.attributes),
        ("metrics", wanted.metrics, event.metrics),
    ]
    for name, values, present in pairs:
        for key, value in values.items():
            if key not in present:
                yield f"{name}[{key!r}] is missing"
            elif present[key] != value:
                yield f"{name}[{key!r}] is {present[key]!r}"


def _fail(
    message: str,
    found: Sequence[tuple[SentEvent, tuple[str, ...]]],
    not_accepted: int,
) -> NoReturn:
    """Raise, with the events that were sent: those that differ least come first."""
    __tracebackhide__ = True
    lines = [message, "no event was sent and accepted"]
    if found:
        lines[1] = f"{_counted(len(found))} sent and accepted:"
    nearest = sorted(found, key=lambda each: len(each[1]))
    lines += [_line(*each) for each in nearest[:_MOST_SHOWN]]
    if len(found) > _MOST_SHOWN:
        lines.append(f"  and {len(found) - _MOST_SHOWN} more")
    if not_accepted:
        lines.append(f"{_counted(not_accepted)} sent, and not accepted")
    raise AssertionError("\n".join(lines))


def _line(sent: SentEvent, differences: tuple[str, ...]) -> str:
    shown = (
        f"  {sent.event.event_type!r} {sent.event_id!r} of endpoint "
        f"{sent.endpoint_id!r} in application {sent.application_id!r}"
    )
    return f"{shown}: {', '.join(differences)}" if differences else shown


def _events(number: int) -> str:
    return f"{number} event" if number == 1 else f"{number} events"


def _counted(number: int) -> str:
    return f"{_events(number)} {'was' if number == 1 else 'were'}"
