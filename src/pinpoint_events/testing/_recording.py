"""A sender with assertions about the events that were sent."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import raise_if_invalid
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Expected
from pinpoint_events.senders import MemorySender

__all__ = ["RecordingSender", "SentEvent", "SentEvents", "count_not_accepted"]

_MAX_SHOWN: Final = 10  # events in a message


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
        """The events that were accepted, in the order of arrival."""

    @property
    @abstractmethod
    def _not_accepted(self) -> int:
        """The number of events that were sent and not accepted."""

    @property
    def _dropped(self) -> Mapping[str, int]:
        """The numbers of events that were recorded and given up, by reason."""
        return {}

    def events_of(
        self, event_type: str, *, endpoint_id: str | None = None
    ) -> tuple[Event, ...]:
        """
        Return the events of a type, in the order of arrival.

        Args:
            event_type: The exact type.
            endpoint_id: The endpoint that they belong to; any by default.

        Raises:
            ValidationError: If an argument is of another type.
        """
        raise_if_invalid(
            event_type=to.required_text(event_type), endpoint_id=to.text(endpoint_id)
        )
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
        Fail unless a matching event was sent and accepted; return the matching events.

        Args:
            event_type: The exact type.
            attributes: Attributes that the event has; it may have others.
            metrics: Metrics that the event has; it may have others.
            endpoint_id: The endpoint that it belongs to; any by default.
            application_id: The application that it was sent to; any by default.
            times: The number of matching events; at least one by default.

        Raises:
            AssertionError: With the differences of the events that were sent.
            ValidationError: If an argument is of another type.
        """
        __tracebackhide__ = True
        raise_if_invalid(
            event_type=to.required_text(event_type),
            attributes=_mapping(attributes),
            metrics=_mapping(metrics),
            endpoint_id=to.text(endpoint_id),
            application_id=to.text(application_id),
            times=to.integer(times),
        )
        expected = _Expected(
            event_type,
            {} if attributes is None else attributes,
            {} if metrics is None else metrics,
            endpoint_id,
            application_id,
        )
        found = [(each, tuple(_differences(expected, each))) for each in self.sent]
        matching = tuple(each for each, differences in found if not differences)
        if not matching if times is None else len(matching) != times:
            count = "at least 1 event" if times is None else _events(times)
            message = (
                f"expected {count} {_description(expected)}, found {len(matching)}"
            )
            _fail(message, found, self._not_accepted, self._dropped)
        return matching

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
        Fail if a matching event was sent and accepted.

        Args:
            event_type: The exact type.
            attributes: Attributes that the event has; it may have others.
            metrics: Metrics that the event has; it may have others.
            endpoint_id: The endpoint that it belongs to; any by default.
            application_id: The application that it was sent to; any by default.

        Raises:
            AssertionError: With the events that were sent.
            ValidationError: If an argument is of another type.
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
        Fail if any event was sent and accepted.

        Raises:
            AssertionError: With the events that were sent.
        """
        __tracebackhide__ = True
        if self.sent:
            found = [(each, ()) for each in self.sent]
            _fail("expected no events", found, self._not_accepted, self._dropped)


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
    """  # noqa: E501 - quotes the message

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, in the order of arrival."""
        return tuple(
            SentEvent(self.application_id, endpoint_id, event_id, event)
            for endpoint_id, event_id, event in self.accepted_events
        )

    @property
    def _not_accepted(self) -> int:
        return count_not_accepted(self)


def count_not_accepted(sender: MemorySender) -> int:
    """Return the number of events that a sender received and did not accept."""
    arrived = {each for request in sender.requests for each in request.events()}
    return len(arrived.difference(sender.accepted_events))


class _Expected(NamedTuple):
    event_type: str
    attributes: Mapping[str, str]
    metrics: Mapping[str, float]
    endpoint_id: str | None
    application_id: str | None


def _mapping(value: object) -> Any:
    is_mapping = value is None or isinstance(value, Mapping)
    return value if is_mapping else to.wrong_type(value, Expected.MAPPING)


def _shown(values: Mapping[str, object]) -> str:
    """Return attributes or metrics."""
    pairs = (f"{_plain(key)}: {_plain(value)}" for key, value in values.items())
    return f"{{{', '.join(pairs)}}}"


def _plain(value: object) -> str:
    """Return a text or number as it is, and the type alone of what events have not."""
    kind = type(value)
    return repr(value) if kind in _PLAIN else f"an object of type {kind.__qualname__}"


_PLAIN: Final = frozenset({str, int, float})


def _description(expected: _Expected) -> str:
    """Describe the expected event."""
    shown = [repr(expected.event_type)]
    if expected.attributes:
        shown.append(f"with attributes {_shown(expected.attributes)}")
    if expected.metrics:
        shown.append(f"with metrics {_shown(expected.metrics)}")
    if expected.endpoint_id is not None:
        shown.append(f"of endpoint {expected.endpoint_id!r}")
    if expected.application_id is not None:
        shown.append(f"in application {expected.application_id!r}")
    return " ".join(shown)


def _differences(expected: _Expected, sent: SentEvent) -> Iterator[str]:
    """Yield the differences between an event and the expected one."""
    event = sent.event
    if event.event_type != expected.event_type:
        yield "another type"
    if expected.endpoint_id not in {None, sent.endpoint_id}:
        yield "another endpoint"
    if expected.application_id not in {None, sent.application_id}:
        yield "another application"
    pairs: list[tuple[str, Mapping[str, object], Mapping[str, object]]] = [
        ("attributes", expected.attributes, event.attributes),
        ("metrics", expected.metrics, event.metrics),
    ]
    for name, values, present in pairs:
        for key, value in values.items():
            if key not in present:
                yield f"{name}[{_plain(key)}] is missing"
            elif present[key] != value:
                yield f"{name}[{key!r}] is {present[key]!r}"


def _fail(
    message: str,
    found: Sequence[tuple[SentEvent, tuple[str, ...]]],
    not_accepted: int,
    dropped: Mapping[str, int],
) -> NoReturn:
    """Raise, and list the events that were sent, with fewest differences first."""
    __tracebackhide__ = True
    lines = [message, "no event was sent and accepted"]
    if found:
        lines[1] = f"{_counted(len(found))} sent and accepted:"
    nearest = sorted(found, key=lambda each: len(each[1]))
    lines += [_line(*each) for each in nearest[:_MAX_SHOWN]]
    if len(found) > _MAX_SHOWN:
        lines.append(f"  and {len(found) - _MAX_SHOWN} more")
    if not_accepted:
        lines.append(f"{_counted(not_accepted)} sent, and not accepted")
    lines += [f"{_counted(count)} dropped: {why}" for why, count in dropped.items()]
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
