"""Metrics by OpenTelemetry's API, measured by its SDK."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials
from opentelemetry import context, metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.attributes import messaging_attributes as names
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE

from pinpoint_events import (
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    FirehoseSender,
    ItemResponse,
    KinesisSender,
    TransportError,
)
from pinpoint_events.recorder.items import Settlement
from pinpoint_events.recorder.metrics import Metrics
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.testing import (
    FirehoseStream,
    KinesisStream,
    RecordingRecorder,
    RecordingSender,
)
from tests.recorders import OnDemandRecorder


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


def sent_to(system: str, name: str) -> dict[str, str]:
    """Return the attributes of what is sent there."""
    return {
        names.MESSAGING_SYSTEM: system,
        names.MESSAGING_DESTINATION_NAME: name,
        names.MESSAGING_OPERATION_NAME: "send",
    }


OPERATION = {names.MESSAGING_OPERATION_TYPE: "send"}


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
        send = sent_to("aws_pinpoint", "local")
        assert points(reader) == {
            "messaging.client.sent.messages": [
                (2, send),
                (2, {**send, ERROR_TYPE: "400"}),
            ],
            "messaging.client.operation.duration": [
                (1, {**send, **OPERATION, ERROR_TYPE: "TransportError"}),
                (1, {**send, **OPERATION}),
            ],
        }

    def test_streams(
        self,
        reader: InMemoryMetricReader,
        kinesis_stream: KinesisStream,
        firehose_stream: FirehoseStream,
    ) -> None:
        """It is said which stream; a call takes as many events as the service takes."""
        for kind, stream in (
            (KinesisSender, kinesis_stream),
            (FirehoseSender, firehose_stream),
        ):
            key = stream.credentials
            sender = kind(
                stream.name,
                region=stream.region,
                endpoint_url=stream.url,
                credentials=Credentials(key.access_key_id, key.secret_access_key),
            )
            with OnDemandRecorder(sender, spool=None) as recorder:
                for number in range(1_000):
                    recorder.record("user-1", Event("one"), event_id=f"{number}")
                assert recorder.flush()
            assert len(stream.records) == 1_000
            system = {"KinesisSender": "aws_kinesis", "FirehoseSender": "aws_firehose"}
            send = sent_to(system[kind.__name__], stream.name)
            found = points(reader)
            assert (1_000, send) in found["messaging.client.sent.messages"]
            operations = found["messaging.client.operation.duration"]
            assert (2, {**send, **OPERATION}) in operations

    def test_foreign_sender(self, reader: InMemoryMetricReader) -> None:
        """A sender that has no name of its destination needs none."""
        Metrics(is_installed=True).sent(object(), Settlement(), 0.1, None)
        found = points(reader)["messaging.client.operation.duration"]
        assert {
            names.MESSAGING_SYSTEM: "aws_pinpoint",
            names.MESSAGING_OPERATION_NAME: "send",
            **OPERATION,
        } in [attributes for _, attributes in found]


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
        absent.sent(RecordingSender(), Settlement(), 0.1, None)
        with absent.without_tracing():
            assert context.get_value("suppress_instrumentation") is None
