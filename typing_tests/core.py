"""What users rely on of the core's types; read by type checkers, never run."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_type

import attrs

from pinpoint_events import (
    Arrival,
    BadRequestError,
    BatchBuilder,
    ChannelType,
    Demographic,
    Endpoint,
    EndpointItemResponse,
    EndpointStatus,
    Event,
    EventItemResponse,
    EventsBatch,
    EventsRequest,
    EventsResponse,
    FirehoseSender,
    FrozenMap,
    ItemOutcome,
    ItemResponse,
    ItemsFailedError,
    KinesisRecord,
    KinesisSender,
    Location,
    MemorySender,
    MultiSender,
    OptOut,
    Outcome,
    OutcomeDifference,
    Problem,
    ProblemCode,
    QuotaExceededError,
    Quotas,
    Retry,
    Sender,
    SenderAnswer,
    SenderError,
    ServiceError,
    Session,
    ShadowReport,
    ShadowSender,
    SqliteSender,
    StreamRecord,
    StreamRecordKind,
    User,
    ValidationError,
    __version__,
    aggregate_records,
    check_quotas,
    deaggregate_record,
    from_amplify_envelope,
    from_json,
    from_stream_record,
    from_wire,
    to_amplify_envelope,
    to_json,
    to_stream_record,
    to_wire,
)
from pinpoint_events.events import Store, auth_failed, purchase, sign_in, sign_up
from pinpoint_events.problems import Audience, Fact, Words

# What constructors take, beside what is kept.
moment = datetime(2026, 9, 21, tzinfo=UTC)
session = Session(id="s", start_timestamp="2026-09-21T12:00:00Z", stop_timestamp=moment)
Session(id="s", start_timestamp=moment, duration=5)
Session(id="s", start_timestamp=moment, duration=timedelta(seconds=5))
whole_numbers: dict[str, int] = {}
numbers: dict[str, float] = {}
either: Mapping[str, int | float] = {}
lists: dict[str, list[str]] = {}
tuples: dict[str, tuple[str, ...]] = {}
event = Event("tapped")
Event(event_type="tapped", timestamp=moment, session=session)
Event("tapped", attributes={"a": "b"}, metrics=whole_numbers)
Event("tapped", attributes=None, metrics=numbers)
Event("tapped", metrics=either, attributes=event.attributes)
endpoint = Endpoint(address="a@example.com", channel_type="EMAIL", opt_out="ALL")
Endpoint(channel_type=ChannelType.SMS, attributes=lists, effective_date=moment)
Endpoint(attributes=tuples, user=User(user_attributes=lists), metrics=None)
Endpoint(demographic=Demographic(make="Acme"), location=Location(latitude=1))

# What does not pass.
Event()  # type: ignore[call-arg]
Event("tapped", moment)  # type: ignore[call-arg]
Event("tapped", colour="red")  # type: ignore[call-arg]
Event("tapped", attributes={"a": 1})  # type: ignore[dict-item]
Event("tapped", metrics={"a": "1"})  # type: ignore[dict-item]
Endpoint(attributes={"a": 5})  # type: ignore[dict-item]
Endpoint(location={"City": "Bonn"})  # type: ignore[arg-type]
event.event_type = "other"  # type: ignore[misc]
event.attributes["a"] = "b"  # type: ignore[index]

# What is kept.
assert_type(event.event_type, str)
assert_type(event.timestamp, datetime)
assert_type(event.attributes, FrozenMap[str])
assert_type(event.attributes | {"b": "2"}, dict[str, str])
assert_type({"b": "2"} | event.attributes, dict[str, str])
assert_type(event.metrics, FrozenMap[int | float])
assert_type(event.session, Session | None)
assert_type(session.start_timestamp, datetime)
assert_type(session.stop_timestamp, datetime | None)
assert_type(session.duration, int | None)
assert_type(endpoint.attributes, FrozenMap[tuple[str, ...]])
assert_type(endpoint.channel_type, ChannelType | None)
assert_type(endpoint.endpoint_status, EndpointStatus | None)
assert_type(endpoint.opt_out, OptOut | None)
assert_type(endpoint.effective_date, datetime | None)
assert_type(endpoint.user, User | None)
assert_type(endpoint.demographic, Demographic | None)
assert_type(endpoint.location, Location | None)
assert_type(Location().latitude, int | float | None)
assert_type(attrs.evolve(event, event_type="other"), Event)
assert_type({event: 1}, dict[Event, int])

# Events of the SDKs.
assert_type(purchase("p", quantity=1, store=Store.AMAZON, price=Decimal(1)), Event)
purchase("p", quantity=1.5, store="Shop", price=9.99, currency="EUR")
purchase("p", quantity=1, store="Shop", formatted_price="$1", metrics=whole_numbers)
assert_type(sign_in(timestamp=moment, session=session), Event)
assert_type(sign_up(timestamp="2026-09-21T12:00:00Z", metrics=numbers), Event)
assert_type(auth_failed(attributes=event.attributes), Event)
purchase("p", quantity=1)  # type: ignore[call-arg]
purchase("p", quantity="1", store="Shop")  # type: ignore[arg-type]
sign_in(timestamp=None)  # type: ignore[arg-type]

# Building.
builder = BatchBuilder(quotas=Quotas(events_per_request=10), new_event_id=lambda: "id")
assert_type(builder.endpoint("e", endpoint).event(event, event_id="v"), BatchBuilder)
assert_type(builder.add("e", event).clear(), BatchBuilder)
assert_type(builder.events(), Iterator[tuple[str, str, Event]])
assert_type(builder.size_bytes, int)
assert_type(builder.build_all(), tuple[EventsRequest, ...])
request = builder.build()
assert_type(request, EventsRequest)
assert_type(request.batch_item, FrozenMap[EventsBatch])
assert_type(request.batch_item["e"].endpoint, Endpoint)
assert_type(request.batch_item["e"].events["v"], Event)
assert_type(check_quotas(request, Quotas()), tuple[Problem, ...])
assert_type(Quotas().event_bytes, int | None)

# Wire.
assert_type(to_wire(request), Any)
assert_type(to_json(request), bytes)
assert_type(from_wire(EventsRequest, {}), EventsRequest)
assert_type(from_json(Event, b"{}"), Event)

# Formats.
record = to_stream_record("e", event, endpoint, application_id="a", arrived_at=moment)
assert_type(record, dict[str, Any])
to_stream_record("e", event, application_id="a", arrived_at="2026-09-21T12:00:00Z")
to_stream_record("e", event)  # type: ignore[call-arg]
envelope = to_amplify_envelope("e", event, application_id="a", event_id_attribute="i")
assert_type(envelope, dict[str, Any])
read = from_stream_record(record)
assert_type(read, StreamRecord)
assert_type(from_stream_record(b"{}"), StreamRecord)
assert_type(from_amplify_envelope("{}"), StreamRecord)
assert_type(read.application_id, str)
assert_type(read.endpoint_id, str)
assert_type(read.endpoint, Endpoint | None)
assert_type(read.event, Event)
assert_type(read.arrived_at, datetime | None)
assert_type(read.account_id, str | None)
assert_type(read.extra, FrozenMap[Any])
assert_type(read.kind, StreamRecordKind)
packed = aggregate_records([KinesisRecord(partition_key="k", data=b"")], max_bytes=10)
assert_type(packed, tuple[KinesisRecord, ...])
assert_type(deaggregate_record(packed[0]), tuple[KinesisRecord, ...])
assert_type(packed[0].data, bytes)
assert_type(from_json(EventsResponse, "{}"), EventsResponse)

# Answers.
response = EventsResponse(results=None, request_id="8f3c")
assert_type(response.results["e"], ItemResponse)
assert_type(response.request_id, str | None)
item = response.results["e"]
assert_type(item.endpoint_item_response, EndpointItemResponse | None)
assert_type(item.events_item_response["v"], EventItemResponse)
assert_type(item.status_code, int | None)
assert_type(EventItemResponse().status_code, int | None)
assert_type(EventItemResponse().message, str | None)
assert_type(EventItemResponse().outcome, Outcome)
assert_type(EndpointItemResponse().outcome, Outcome)
assert_type(request.retry(response, unreported=True), EventsRequest | None)
for outcome in response.outcomes(request):
    assert_type(outcome, ItemOutcome)
    assert_type(outcome.endpoint_id, str)
    assert_type(outcome.event_id, str | None)
    assert_type(outcome.item, Endpoint | Event | None)
    assert_type(outcome.response, EndpointItemResponse | EventItemResponse | None)
    assert_type(outcome.outcome, Outcome)


# Senders.
def flat(arrival: Arrival) -> dict[str, object]:
    """Take what a format of the user's own takes."""
    assert_type(arrival.event, Event)
    assert_type(arrival.account_id, str | None)
    return {"id": arrival.event_id}


def compared(report: ShadowReport) -> None:
    """Take what the report of a shadow takes."""
    assert_type(report.differences, tuple[OutcomeDifference, ...])
    assert_type(report.candidate.response, EventsResponse | None)
    assert_type(report.differences[0].candidate, Outcome | None)


def answered(answer: SenderAnswer) -> None:
    """Take what the report of several senders takes."""
    assert_type(answer.sender, Sender)


def by_type(_endpoint_id: str, event: Event) -> str:
    """Return a partition key."""
    return event.event_type


stream: Sender = KinesisSender(
    "s",
    application_id="shop",
    partition_key=by_type,
    format=flat,
    endpoints=SqliteSender("endpoints.db"),
    event_id_attribute="event_id",
    retry=Retry(attempts=2),
)
archive = FirehoseSender("s", format="put_events", newline=False)
assert_type(archive.put_events(request), EventsResponse)
assert_type(archive.put_all([request]), tuple[EventsResponse, ...])
both: Sender = MultiSender(stream, archive, MemorySender(), report=answered)
assert_type(ShadowSender(stream, archive, report=compared).application_id, str)

# Errors.
try:
    response.raise_for_failures(request)
except ItemsFailedError as failed:
    assert_type(failed.outcomes, tuple[ItemOutcome, ...])
except QuotaExceededError as exceeded:
    assert_type(exceeded.problems, tuple[Problem, ...])
except ValidationError as invalid:
    problem = invalid.problems[0]
    assert_type(problem.code, ProblemCode)
    assert_type(problem.path, tuple[str | int, ...])
    assert_type(problem.actual, Fact)
    assert_type(problem.allowed, Fact)
    assert_type(problem.unit, str)
    assert_type(problem.nearest, tuple[str, ...])
    assert_type(problem.at, tuple[int, ...])
    assert_type(problem.audience, Audience)
    assert_type(problem.words, Words)
    assert_type((problem.problem, problem.limit, problem.remedy), tuple[str, str, str])
    assert_type(problem.below("batch_item", "e", 1), Problem)
    caught_as: ValueError = invalid
except BadRequestError as refused:
    service_error: ServiceError = refused
    assert_type(refused.status, int)
    assert_type(refused.code, str)
except SenderError as unsent:
    assert_type(unsent.message, str)
    assert_type(unsent.is_retry_safe, bool)
    assert_type(unsent.retry_after_seconds, float | None)
    assert_type(unsent.request_id, str | None)

assert_type(__version__, str)
