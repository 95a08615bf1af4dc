"""Metrics by OpenTelemetry's API, measured by its SDK."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context, metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from pinpoint_events import (
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    ItemResponse,
    TransportError,
)
from pinpoint_events.recorder.items import Settlement
from pinpoint_events.recorder.metrics import Metrics
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.testing import RecordingRecorder, RecordingSender


@pytest.fixture(scope="module")
def reader() -> Iterator[InMemoryMetricReader]:
    """Return what reads the metrics of the process, which has one provider."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    metrics.set_meter_provider(provider)
    yield reader
    provider.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[Any, dict[str, Any]]]]:
    """Return the values and attributes of each metric, by name."""
    data: Any = reader.get_metrics_data()
    return {
        metric.name: [
            (getattr(point, "value", getattr(point, "count", None)), point.attributes)
            for point in metric.data.data_points
        ]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


SEND = {"messaging.system": "aws_pinpoint", "messaging.operation.name": "send"}


def rejecting_one_user(request: EventsRequest) -> EventsResponse:
    """Reject the events of the second user."""
    results = dict(accepted(request).results)
    if "user-2" in results:
        refused = dict.fromkeys(
            request.batch_item["user-2"].events, EventItemResponse(status_code=400)
        )
        results["user-2"] = ItemResponse(events_item_response=refused)
    return EventsResponse(results=results)


class TestMetrics:
    """What is delivered is counted, and each request measured."""

    def test_sent(self, reader: InMemoryMetricReader) -> None:
        """The names are those of the semantic conventions for messaging."""

        def away(request: EventsRequest) -> EventsResponse:
            raise TransportError("the network is down")

        sender = RecordingSender(answer=away)
        recorder = RecordingRecorder(sender)
        recorder.record("user-1", Event("one"))
        assert not recorder.flush(0)
        sender.answer = rejecting_one_user
        recorder.record("user-1", Event("two"))
        recorder.record("user-2", Event("three"))
        recorder.record("user-2", Event("three"))
        assert recorder.flush()
        assert points(reader) == {
            "messaging.client.sent.messages": [
                (2, SEND),
                (2, {**SEND, "error.type": "400"}),
            ],
            "messaging.client.operation.duration": [
                (1, {**SEND, "error.type": "TransportError"}),
                (1, SEND),
            ],
        }


class TestTracing:
    """The calls of the recorder are not traced."""

    def test_suppressed(self) -> None:
        """While a request is sent, instrumentations are told to leave it alone."""
        seen: list[object] = []

        def look(request: EventsRequest) -> EventsResponse:
            seen.extend(
                context.get_value(key)
                for key in ("suppress_instrumentation", "suppress_http_instrumentation")
            )
            return accepted(request)

        recorder = RecordingRecorder(RecordingSender(answer=look))
        recorder.record("user-1", Event("one"))
        assert recorder.flush()
        assert seen == [True, True]
        assert context.get_value("suppress_instrumentation") is None


class TestFailures:
    """A meter provider that fails harms no delivery."""

    def test_provider_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was accepted is settled; nothing more is measured."""

        def fail(*_: object) -> None:
            raise RuntimeError("no such provider")

        monkeypatch.setattr(metrics, "get_meter", fail)
        recorder = RecordingRecorder()
        for _ in range(2):
            recorder.record("user-1", Event("one"))
            assert recorder.flush()
        assert recorder.stats().delivered == 2
        assert len(recorder.sender.requests) == 2


class TestWithoutOpenTelemetry:
    """Nothing of it is needed."""

    def test_not_installed(self) -> None:
        """Without the API, nothing is measured, and nothing fails."""
        code = (
            "import sys; sys.modules['opentelemetry'] = None\n"
            "from pinpoint_events import Event\n"
            "from pinpoint_events.testing import RecordingRecorder\n"
            "recorder = RecordingRecorder()\n"
            "recorder.record('user-1', Event('one'))\n"
            "print(recorder.flush())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == "True\n"

    def test_is_looked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A package that cannot be imported counts as absent."""
        monkeypatch.delitem(sys.modules, "opentelemetry.metrics")
        monkeypatch.setitem(sys.modules, "opentelemetry", None)
        assert not Metrics()._is_installed()

    def test_does_nothing(self) -> None:
        """Its instruments are not made."""
        absent = Metrics(is_installed=False)
        absent.sent(Settlement(), 0.1, None)
        with absent.without_tracing():
            assert context.get_value("suppress_instrumentation") is None
