"""
The trackers, each set up as its quick start says, with only the address changed.

Runs in two environments: that of the peers, which has no `pinpoint_events`, and that of
this library, which has no peers. So each is imported when it is made, the peers by
name: they ship no types, and type checkers have no need of them.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final, NamedTuple

FLUSH_SECONDS: Final = 30.0


class Purchase(NamedTuple):
    """
    The content of one event: 3 attributes and 1 metric.

    Attributes:
        user_id: The endpoint or user that it belongs to.
        serial: Its number, which the server finds in what it receives.
        campaign: The second attribute.
        referrer: The third one.
        price: The metric.
    """

    user_id: str
    serial: str
    campaign: str
    referrer: str
    price: float

    def properties(self) -> dict[str, Any]:
        """Return the attributes and the metric as one dict."""
        return {
            "serial": self.serial,
            "campaign": self.campaign,
            "referrer": self.referrer,
            "price": self.price,
        }


def purchases(first: int, count: int) -> Iterator[Purchase]:
    """Yield different purchases, numbered from `first` on."""
    for number in range(first, first + count):
        yield Purchase(
            f"user-{number % 1_000}",
            f"serial-{number:09}",
            f"autumn-{number % 7}",
            f"newsletter-{number % 11}",
            number % 10_000 / 100,
        )


WARM_UP: Final = Purchase("user-0", "warm-up", "autumn-0", "newsletter-0", 9.99)
"""A purchase that no server counts."""


class Tracker(NamedTuple):
    """
    A tracker, ready for use.

    Attributes:
        record: Records one purchase, as the quick start does.
        flush: Sends what is left. The peers' own, so it may wait for ever.
    """

    record: Callable[[Purchase], Any]
    flush: Callable[[], Any]


def _segment(url: str, _: str) -> Tracker:
    analytics = import_module("segment.analytics")
    analytics.write_key = "key"  # type: ignore[attr-defined]
    analytics.host = url  # type: ignore[attr-defined]
    track = analytics.track
    return Tracker(
        lambda each: track(each.user_id, "purchase", each.properties()), analytics.flush
    )


def _rudderstack(url: str, _: str) -> Tracker:
    analytics = import_module("rudderstack.analytics")
    analytics.write_key = "key"  # type: ignore[attr-defined]
    analytics.dataPlaneUrl = url  # type: ignore[attr-defined]
    track = analytics.track
    return Tracker(
        lambda each: track(each.user_id, "purchase", each.properties()), analytics.flush
    )


def _posthog(url: str, _: str) -> Tracker:
    posthog = import_module("posthog").Posthog("key", host=url)
    capture = posthog.capture
    return Tracker(
        lambda each: capture(
            "purchase", distinct_id=each.user_id, properties=each.properties()
        ),
        posthog.flush,
    )


_SCHEMA: Final = "iglu:com.example/purchase/jsonschema/1-0-0"


def _snowplow(url: str, _: str) -> Tracker:
    snowplow = import_module("snowplow_tracker")
    tracker = snowplow.Snowplow.create_tracker(namespace="bench", endpoint=url)
    return _snowplow_tracker(snowplow, tracker)


def _snowplow_async(url: str, _: str) -> Tracker:
    snowplow = import_module("snowplow_tracker")
    tracker = snowplow.Tracker("bench", snowplow.AsyncEmitter(url))
    return _snowplow_tracker(snowplow, tracker)


def _snowplow_tracker(snowplow: Any, tracker: Any) -> Tracker:
    event, data, track = (
        snowplow.SelfDescribing,
        snowplow.SelfDescribingJson,
        tracker.track,
    )
    return Tracker(
        lambda each: track(
            event(data(_SCHEMA, {"user": each.user_id, **each.properties()}))
        ),
        tracker.flush,
    )


def _amplitude(url: str, _: str) -> Tracker:
    amplitude = import_module("amplitude")
    client, event = amplitude.Amplitude("key"), amplitude.BaseEvent
    client.configuration.server_url = f"{url}/2/httpapi"
    track = client.track

    def flush() -> None:
        for future in client.flush():
            if future is not None:
                future.result()

    return Tracker(
        lambda each: track(
            event(
                event_type="purchase",
                user_id=each.user_id,
                event_properties=each.properties(),
            )
        ),
        flush,
    )


def _mixpanel(url: str, _: str) -> Tracker:
    mixpanel = import_module("mixpanel")
    consumer = mixpanel.Consumer(events_url=f"{url}/track")
    return _mixpanel_tracker(mixpanel, consumer, lambda: None)


def _mixpanel_buffered(url: str, _: str) -> Tracker:
    mixpanel = import_module("mixpanel")
    consumer = mixpanel.BufferedConsumer(events_url=f"{url}/track")
    return _mixpanel_tracker(mixpanel, consumer, consumer.flush)


def _mixpanel_tracker(
    mixpanel: Any, consumer: Any, flush: Callable[[], Any]
) -> Tracker:
    track = mixpanel.Mixpanel("token", consumer=consumer).track
    return Tracker(
        lambda each: track(each.user_id, "purchase", each.properties()), flush
    )


def _opentelemetry(url: str, _: str) -> Tracker:
    trace = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    provider = trace.TracerProvider()
    provider.add_span_processor(
        export.BatchSpanProcessor(
            exporter.OTLPSpanExporter(endpoint=f"{url}/v1/traces")
        )
    )
    start = provider.get_tracer("bench").start_span

    def record(each: Purchase) -> None:
        start("purchase", attributes={"user": each.user_id, **each.properties()}).end()

    return Tracker(record, provider.force_flush)


def _durable(url: str, spool: str) -> Tracker:
    return _recorder(url, spool)


def _volatile(url: str, _: str) -> Tracker:
    return _recorder(url, None)


def _recorder(url: str, spool: str | None) -> Tracker:
    from pinpoint_events import Recorder  # noqa: PLC0415 - not among the peers

    return of_recorder(Recorder(destination(url), spool=spool))


def of_recorder(recorder: Any) -> Tracker:
    """Return the tracker that records by a recorder of this library."""
    from pinpoint_events import Event  # noqa: PLC0415 - not among the peers

    record = recorder.record
    return Tracker(
        lambda each: record(
            each.user_id,
            Event(
                "purchase",
                attributes={
                    "serial": each.serial,
                    "campaign": each.campaign,
                    "referrer": each.referrer,
                },
                metrics={"price": each.price},
            ),
        ),
        lambda: recorder.flush(FLUSH_SECONDS),
    )


def destination(url: str) -> str:
    """Return what the recorder sends to, where the server has this URL."""
    return f"pinpoint://bench?endpoint_url={url}&region=eu-west-1"


SEGMENT: Final = "Segment"
DURABLE: Final = "Recorder, file spool"
VOLATILE: Final = "Recorder, volatile"

Factory = Callable[[str, str], Tracker]
"""Makes a tracker that sends to a URL, with a path for a spool."""

PEERS: Final[dict[str, Factory]] = {
    SEGMENT: _segment,
    "PostHog": _posthog,
    "RudderStack": _rudderstack,
    "Snowplow": _snowplow,
    "Snowplow, `AsyncEmitter`": _snowplow_async,
    "Amplitude": _amplitude,
    "Mixpanel": _mixpanel,
    "Mixpanel, `BufferedConsumer`": _mixpanel_buffered,
    "OpenTelemetry, `BatchSpanProcessor`": _opentelemetry,
}
OURS: Final[dict[str, Factory]] = {DURABLE: _durable, VOLATILE: _volatile}


def make(name: str, url: str, spool: str) -> Tracker:
    """Make the tracker of that name."""
    return (PEERS | OURS)[name](url, spool)
