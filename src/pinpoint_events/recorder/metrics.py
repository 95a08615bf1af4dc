"""
Metrics by OpenTelemetry, if its API is installed; else none.

The names are those of its semantic conventions for messaging, version 1.44 (status:
development). What this package alone knows is named after it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from pinpoint_events.recorder._loading import loading
from pinpoint_events.recorder.items import Settlement

__all__ = ["Metrics"]

_SYSTEM: Final = "aws_pinpoint"  # of all senders that take its requests as they are
# By which OpenTelemetry's instrumentations of HTTP clients know not to trace a call.
_SUPPRESSED: Final = ("suppress_instrumentation", "suppress_http_instrumentation")


class Metrics:
    """
    The instruments of one recorder, made when the first request is sent.

    The application's meter provider is asked for; without one OpenTelemetry's own
    instruments do nothing.

    If they raise an error, nothing more is measured.

    Args:
        is_installed: Whether to use the API; None to look for it when it is needed.
    """

    def __init__(self, *, is_installed: bool | None = None) -> None:
        self._installed = is_installed
        self._sent: Any = None
        self._duration: Any = None

    def sent(
        self,
        sender: object,
        settlement: Settlement,
        seconds: float,
        error: BaseException | None,
    ) -> None:
        """
        Count the items that have ended, and measure the request.

        Args:
            sender: What sent it.
            settlement: The items that were accepted and those that were refused.
            seconds: How long the request took.
            error: The error that it raised, if it did.
        """
        if self._is_installed():
            try:
                self._measure(_destination(sender), settlement, seconds, error)
            except Exception:  # noqa: BLE001 - of a provider of the application
                self._installed = False

    def _is_installed(self) -> bool:
        # In the thread that delivers, never in `record()`: to look is to import, and a
        # signal handler that raises in an import leaves the import lock locked.
        if self._installed is None:
            self._installed = _has_open_telemetry()
        return self._installed

    def _measure(
        self,
        destination: dict[str, str],
        settlement: Settlement,
        seconds: float,
        error: BaseException | None,
    ) -> None:
        if self._sent is None:
            self._create()
        attributes = {**destination, "messaging.operation.name": "send"}
        if settlement.delivered:
            self._sent.add(len(settlement.delivered), attributes)
        # What is sent again is counted when it has ended: each item once.
        codes = Counter(refusal.code for _, refusal in settlement.refused)
        for code, count in codes.items():
            self._sent.add(count, {**attributes, "error.type": code})
        attributes["messaging.operation.type"] = "send"
        if error is not None:
            attributes["error.type"] = type(error).__name__
        self._duration.record(seconds, attributes)

    def _create(self) -> None:
        with loading():
            metrics = import_module("opentelemetry.metrics")
        meter = metrics.get_meter("pinpoint_events")
        self._sent = meter.create_counter(
            "messaging.client.sent.messages",
            unit="{message}",
            description="Events and endpoints that were accepted or rejected.",
        )
        self._duration = meter.create_histogram(
            "messaging.client.operation.duration",
            unit="s",
            description="Duration of a request.",
        )

    @contextmanager
    def without_tracing(self) -> Iterator[None]:
        """Let no instrumentation of HTTP clients trace the calls of this thread."""
        if not self._is_installed():
            yield
            return
        context = import_module("opentelemetry.context")
        current = context.get_current()
        for key in _SUPPRESSED:
            current = context.set_value(key, value=True, context=current)
        token = context.attach(current)
        try:
            yield
        finally:
            context.detach(token)


def _destination(sender: object) -> dict[str, str]:
    """Return the attributes that say where a sender sends to."""
    system = getattr(sender, "messaging_system", _SYSTEM)
    name = getattr(sender, "stream", None) or getattr(sender, "application_id", None)
    attributes = {"messaging.system": system}
    if name is not None:
        attributes["messaging.destination.name"] = name
    return attributes


def _has_open_telemetry() -> bool:
    try:
        return find_spec("opentelemetry.metrics") is not None
    except (ImportError, ValueError):  # not installed, or made unavailable
        return False
