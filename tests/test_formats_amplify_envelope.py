"""Tests of Amplify's envelope: the golden file, both ways, and laws."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import attrs
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events import (
    Demographic,
    Endpoint,
    Event,
    Problem,
    ProblemCode,
    Session,
    StreamRecord,
    User,
    from_amplify_envelope,
    from_stream_record,
    to_amplify_envelope,
)
from pinpoint_events.formats.amplify_envelope import AmplifyEnvelopeWriter
from pinpoint_events.testing import strategies
from pinpoint_events.wire.json_text import encode
from tests.drawn import costly
from tests.samples import ENDPOINT, EVENT, NOON, event, facts_of, golden, problems_of

C: Final = ProblemCode
START: Final = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
EXPECTED: Final = StreamRecord(
    application_id="app-123",
    endpoint_id="client-123",
    endpoint=Endpoint(
        demographic=Demographic(
            app_version="1.0.0",
            locale="en_US",
            make="Apple",
            model="iPhone15,2",
            platform="iOS",
            platform_version="17.0",
        ),
        user=User(user_id="user-456"),
    ),
    event=Event(
        "test_event",
        timestamp=START,
        attributes={"key": "value"},
        metrics={"count": 1},
        session=Session(id="session-123", start_timestamp=START),
        client_sdk_version="2.58.0",
        app_package_name="com.example.app",
        app_version_code="1",
        sdk_name="amplify-swift",
    ),
    arrived_at=START,
)


def written(found: StreamRecord) -> dict[str, Any]:
    """Return the envelope that is written of what a record says."""
    return to_amplify_envelope(
        found.endpoint_id,
        found.event,
        found.endpoint,
        application_id=found.application_id,
    )


def carried(endpoint: Endpoint | None) -> Endpoint | None:
    """Return of an endpoint what an envelope carries; None if that is nothing."""
    user_id = endpoint and endpoint.user and endpoint.user.user_id
    demographic = endpoint and endpoint.demographic
    if demographic:
        demographic = attrs.evolve(demographic, model_version=None, timezone=None)
    if demographic == Demographic():
        demographic = None
    if user_id is None and demographic is None:
        return None
    user = None if user_id is None else User(user_id=user_id)
    return Endpoint(demographic=demographic or None, user=user)


class TestGolden:
    """The envelope of Amplify's own unit test."""

    def test_reading(self) -> None:
        """All of it is read."""
        assert (
            from_amplify_envelope(golden("streams/amplify-envelope.json")) == EXPECTED
        )

    def test_writing(self) -> None:
        """It is written member by member."""
        data = json.loads(golden("streams/amplify-envelope.json"))
        assert written(EXPECTED) == data

    def test_by_the_other_reader(self) -> None:
        """Each reader takes the other's form of a session."""
        data = golden("streams/amplify-envelope.json")
        assert from_stream_record(data).event == EXPECTED.event


class TestWriting:
    """What Amplify's clients leave out is left out."""

    def test_nothing_known(self) -> None:
        """Attributes, metrics, platform and locale are left out if there are none."""
        assert to_amplify_envelope("e", event(), application_id="a") == {
            "event_type": "tapped",
            "event_timestamp": 1789992000123,
            "arrival_timestamp": 1789992000123,
            "event_version": "3.1",
            "application": {"app_id": "a", "sdk": {}},
            "client": {"client_id": "e"},
            "device": {},
            "session": {},
        }

    def test_session(self) -> None:
        """Its times are ISO 8601; its duration is in milliseconds."""
        wrote = to_amplify_envelope("e", EVENT, ENDPOINT, application_id="a")
        assert wrote["session"] == {
            "id": "c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77",
            "start_timestamp": "2026-09-21T11:59:40.115Z",
            "stop_timestamp": "2026-09-21T12:00:00.123Z",
            "duration": 20008,
        }
        assert wrote["device"]["platform"] == {"name": "ANDROID", "version": "15"}
        assert wrote["client"] == {"client_id": "e", "user_id": "u-1"}

    def test_event_id(self) -> None:
        """It is written into an attribute if that is wanted."""
        wrote = to_amplify_envelope(
            "e",
            event(),
            application_id="a",
            event_id="v-1",
            event_id_attribute="event_id",
        )
        assert wrote["attributes"] == {"event_id": "v-1"}
        taken = event(attributes={"event_id": "mine"})
        writer = AmplifyEnvelopeWriter("a", "event_id")
        assert problems_of(lambda: writer.records("e", None, {"v": taken}, NOON)) == [
            Problem(C.ATTRIBUTE_TAKEN, ("attributes", "event_id"))
        ]

    def test_arguments(self) -> None:
        """All problems of the arguments are reported together."""
        loose: Any = to_amplify_envelope
        assert facts_of(lambda: loose(None, 5, application_id="")) == [
            "endpoint_id: wrong_type NoneType not name",
            "event: not_an_instance int Event",
            "application_id: empty",
        ]


class TestReading:
    """An envelope is read as leniently as a record."""

    def test_user_beside_an_endpoint(self) -> None:
        """The id fills the user that an endpoint leaves out; another is kept aside."""
        data = written(EXPECTED)
        data["endpoint"] = {"User": {"UserAttributes": {"tier": ["gold"]}}}
        found = from_amplify_envelope(data)
        assert found.endpoint is not None
        assert found.endpoint.user == User(
            user_id="user-456", user_attributes={"tier": ["gold"]}
        )
        data["endpoint"] = {"User": {"UserId": "other"}}
        found = from_amplify_envelope(data)
        assert found.endpoint is not None
        assert found.endpoint.user == User(user_id="other")
        assert found.extra == {"client": {"user_id": "user-456"}}

    def test_no_envelope(self) -> None:
        """What is none is refused."""
        assert facts_of(lambda: from_amplify_envelope("{}")) == [
            "event_type: missing",
            "event_timestamp: missing",
        ]


records = strategies.stream_records(extras=st.just({}))


class TestLaws:
    """What holds for every event and endpoint."""

    @given(made=records)
    def test_round_trip(self, made: StreamRecord) -> None:
        """
        What is written and read again is the same, but for what it cannot carry.

        That is the event id, the account, the time of arrival, and of the endpoint all
        but its demographic, without model version and time zone, and its user's id.
        """
        if made.event.timestamp.year in range(1970, 1974):
            return  # seconds of later years; see `TestTimes` of stream records
        expected = attrs.evolve(
            made,
            endpoint=carried(made.endpoint),
            account_id=None,
            arrived_at=made.event.timestamp,
        )
        assert from_amplify_envelope(written(made)) == expected
        assert from_amplify_envelope(json.dumps(written(made))) == expected

    @costly
    @given(made=records, attribute=st.none() | st.just("event_id"))
    def test_writer(self, made: StreamRecord, attribute: str | None) -> None:
        """The writer's text is that of what the function returns."""
        writer = AmplifyEnvelopeWriter(made.application_id, attribute)
        wrote = writer.records(made.endpoint_id, made.endpoint, {"v": made.event}, NOON)
        assert wrote == [
            encode(
                to_amplify_envelope(
                    made.endpoint_id,
                    made.event,
                    made.endpoint,
                    application_id=made.application_id,
                    event_id="v",
                    event_id_attribute=attribute,
                )
            )
        ]
