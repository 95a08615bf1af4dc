"""Tests of Pinpoint's stream record: golden files, both ways, and laws."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pinpoint_events import (
    Demographic,
    Endpoint,
    Event,
    Location,
    Problem,
    ProblemCode,
    Session,
    StreamRecord,
    StreamRecordKind,
    User,
    ValidationError,
    from_stream_record,
    from_wire,
    to_stream_record,
)
from pinpoint_events.formats.stream_record import StreamRecordWriter
from pinpoint_events.testing import strategies
from pinpoint_events.wire.json_text import encode
from tests.drawn import costly
from tests.samples import (
    DATA,
    ENDPOINT,
    EVENT,
    NOON,
    SESSION,
    event,
    facts_of,
    golden,
    problems_of,
)

C: Final = ProblemCode
APPLICATION: Final = "0123456789abcdef0123456789abcdef"
ARRIVED: Final = datetime(2026, 9, 21, 12, 0, 1, 187_000, tzinfo=UTC)


def stream(name: str) -> Any:
    """Return a record of `tests/data/streams`."""
    return json.loads(golden(f"streams/{name}.json"))


def record(**members: Any) -> dict[str, Any]:
    """Return a small record with these members."""
    return {
        "event_type": "tapped",
        "event_timestamp": 1790000000123,
        "arrival_timestamp": 1790000001187,
        "application": {"app_id": "a"},
        "client": {"client_id": "c"},
        **members,
    }


def written(found: StreamRecord) -> dict[str, Any]:
    """Return the record that is written of what a record says."""
    return to_stream_record(
        found.endpoint_id,
        found.event,
        found.endpoint,
        application_id=found.application_id,
        arrived_at=found.arrived_at or NOON,
        account_id=found.account_id,
    )


def plain(value: Any) -> Any:
    """Return JSON data of `extra` with dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def merged(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both objects in one, recursively; the values of the other win."""
    found = dict(one)
    for key, value in other.items():
        old: Any = found.get(key)
        is_object = isinstance(old, dict) and isinstance(value, dict)
        found[key] = merged(old, value) if is_object else value
    return found


class TestWriting:
    """
    The record is field by field what Pinpoint wrote.

    Amazon Pinpoint developer guide, "Streaming app event data"; a record of 2022.
    """

    def test_golden(self) -> None:
        """From the model of a record comes the record, but for what only AWS knew."""
        expected = stream("stream-record-every-member")
        del expected["endpoint"]["CohortId"], expected["endpoint"]["CreationDate"]
        found = from_stream_record(stream("stream-record-every-member"))
        assert written(found) == expected
        assert json.loads(encode(written(found))) == expected

    def test_every_member(self) -> None:
        """All members of event and endpoint are in their places."""
        wrote = to_stream_record(
            "e-1",
            EVENT,
            ENDPOINT,
            application_id=APPLICATION,
            arrived_at=ARRIVED,
            account_id="111122223333",
        )
        endpoint = wrote.pop("endpoint")
        assert wrote == {
            "event_type": "catalog.item_viewed",
            "event_timestamp": 1789992000123,
            "arrival_timestamp": 1789992001187,
            "event_version": "3.1",
            "application": {
                "app_id": APPLICATION,
                "package_name": "com.example.shop",
                "sdk": {"name": "example-sender", "version": "0.1.0"},
                "title": "Shop",
                "version_name": "4.2.0",
                "version_code": "420",
            },
            "client": {"client_id": "e-1"},
            "device": {
                "locale": {"code": "de_DE", "country": "DE", "language": "de"},
                "make": "Acme",
                "model": "A1",
                "platform": {"name": "android", "version": "15"},
            },
            "session": {
                "session_id": "c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77",
                "start_timestamp": 1789991980115,
                "stop_timestamp": 1789992000123,
                "duration": 20008,
            },
            "attributes": {"item": "sku-17", "note": ""},
            "metrics": {"price": 12.5, "position": 3},
            "awsAccountId": "111122223333",
        }
        assert endpoint.pop("ApplicationId") == APPLICATION
        assert endpoint.pop("Id") == "e-1"
        assert from_wire(Endpoint, endpoint) == ENDPOINT

    def test_nothing_known(self) -> None:
        """What is not known is left out; some objects are always there, empty."""
        wrote = to_stream_record("e", event(), application_id="a", arrived_at=NOON)
        assert wrote == {
            "event_type": "tapped",
            "event_timestamp": 1789992000123,
            "arrival_timestamp": 1789992000123,
            "event_version": "3.1",
            "application": {"app_id": "a", "sdk": {}},
            "client": {"client_id": "e"},
            "device": {"platform": {}},
            "session": {},
            "attributes": {},
            "metrics": {},
        }

    def test_endpoint_of_which_only_the_id_is_known(self) -> None:
        """Its ids are written, as for every endpoint."""
        wrote = to_stream_record(
            "e", event(), Endpoint(), application_id="a", arrived_at=NOON
        )
        assert wrote["endpoint"] == {"ApplicationId": "a", "Id": "e"}

    def test_numbers(self) -> None:
        """Whole metrics of events stay whole; those of endpoints have a fraction."""
        wrote = to_stream_record(
            "e",
            event(metrics={"whole": 3, "one": 1.0}),
            Endpoint(metrics={"visits": 4}),
            application_id="a",
            arrived_at=NOON,
        )
        assert encode(wrote["metrics"]) == b'{"whole":3,"one":1.0}'
        assert encode(wrote["endpoint"]["Metrics"]) == b'{"visits":4.0}'

    @pytest.mark.parametrize(
        "code, country, language",
        [
            ("en_US", "US", "en"),
            ("en_gb", "GB", "en"),
            ("pt-br", "BR", "pt"),
            ("de", None, "de"),
            ("zh_Hans_CN", "CN", "zh"),
            ("es_419", "419", "es"),
            ("en_US.UTF-8", "US", "en"),
            ("en_", None, "en"),
            ("", None, None),
        ],
    )
    def test_locale(self, code: str, country: str | None, language: str | None) -> None:
        """The code is kept; country and language are split off."""
        wrote = to_stream_record(
            "e",
            event(),
            Endpoint(demographic=Demographic(locale=code)),
            application_id="a",
            arrived_at=NOON,
        )
        expected = {"code": code, "country": country, "language": language}
        assert wrote["device"]["locale"] == {
            name: value for name, value in expected.items() if value is not None
        }

    def test_empty_texts_are_kept(self) -> None:
        """A version that is empty is written, as in the record of 2022."""
        demographic = Demographic(app_version="", platform="")
        wrote = to_stream_record(
            "e",
            event(app_title=""),
            Endpoint(demographic=demographic),
            application_id="a",
            arrived_at=NOON,
        )
        assert wrote["application"] == {
            "app_id": "a",
            "sdk": {},
            "title": "",
            "version_name": "",
        }
        assert wrote["device"] == {"platform": {"name": ""}}

    def test_arguments(self) -> None:
        """All problems of the arguments are reported together."""
        loose: Any = to_stream_record
        assert facts_of(
            lambda: loose(
                "",
                {},
                {},
                application_id="",
                arrived_at=datetime(2026, 9, 21),  # noqa: DTZ001 - refused
                account_id=5,
                event_id_attribute=5,
            )
        ) == [
            "endpoint_id: empty",
            "event: plain_data dict Event",
            "endpoint: plain_data dict Endpoint",
            "application_id: empty",
            "arrived_at: no_time_zone",
            "account_id: wrong_type int not text",
            "event_id: wrong_type NoneType not name",
            "event_id_attribute: wrong_type int not text",
        ]

    def test_the_result_is_the_callers(self) -> None:
        """Changing a record changes no event and no endpoint."""
        wrote = to_stream_record(
            "e", EVENT, ENDPOINT, application_id="a", arrived_at=NOON
        )
        before = json.dumps(wrote)
        wrote["attributes"].clear()
        wrote["metrics"].clear()
        wrote["endpoint"]["Attributes"]["interests"].clear()
        wrote["endpoint"]["User"]["UserAttributes"].clear()
        again = to_stream_record(
            "e", EVENT, ENDPOINT, application_id="a", arrived_at=NOON
        )
        assert json.dumps(again) == before


class TestEventId:
    """The event id reaches consumers in an attribute, if that is wanted."""

    def test_in_an_attribute(self) -> None:
        """It is written with the other attributes."""
        wrote = to_stream_record(
            "e",
            event(attributes={"a": "b"}),
            application_id="a",
            arrived_at=NOON,
            event_id="v-1",
            event_id_attribute="event_id",
        )
        assert wrote["attributes"] == {"a": "b", "event_id": "v-1"}

    def test_off_by_default(self) -> None:
        """An event id alone is not written."""
        wrote = to_stream_record(
            "e", event(), application_id="a", arrived_at=NOON, event_id="v-1"
        )
        assert "v-1" not in json.dumps(wrote)

    def test_taken(self) -> None:
        """An attribute with another value is not replaced."""
        taken = event(attributes={"event_id": "mine"})
        calls = (
            lambda: to_stream_record(
                "e",
                taken,
                application_id="a",
                arrived_at=NOON,
                event_id="v-1",
                event_id_attribute="event_id",
            ),
            lambda: StreamRecordWriter("a", event_id_attribute="event_id").records(
                "e", None, {"v-1": taken}, NOON
            ),
        )
        for call in calls:
            assert problems_of(call) == [
                Problem(C.ATTRIBUTE_TAKEN, ("attributes", "event_id"))
            ]


class TestGolden:
    """Records that are documented, or were seen."""

    def test_of_a_web_application(self) -> None:
        """The record of 2022 is read whole; its Cognito ids and more are kept aside."""
        data = stream("stream-record-web-2022")
        found = from_stream_record(data)
        assert found.kind is StreamRecordKind.APP
        assert found.endpoint is not None
        assert found.endpoint.attributes["DeviceModel"] == ("iPhone",)
        assert found.event.metrics["year"] == 2022
        assert found.account_id == "111122223333"
        client_id = "a1a1a1a1-0adf-46cf-853f-ac46d8e74bc9"
        assert found.endpoint_id == client_id
        assert found.extra == {
            "application": {
                "cognito_identity_pool_id": (
                    "eu-west-1:00000000-1111-2222-3333-444444444444"
                )
            },
            "client": {"cognito_id": f"eu-west-1:{client_id}"},
            "endpoint": {
                "CohortId": "48",
                "CreationDate": "2022-02-01T00:05:11.400Z",
            },
        }
        assert merged(written(found), plain(found.extra)) == data

    def test_documented(self) -> None:
        """The record of the developer guide has no endpoint; its device becomes one."""
        data = stream("stream-app")
        found = from_stream_record(data)
        assert found.endpoint == Endpoint(
            demographic=Demographic(
                app_version="1.0",
                locale="en_US",
                make="generic web browser",
                model="Unknown",
                platform="android",
                platform_version="10.10",
            )
        )
        again = merged(written(found), plain(found.extra))
        # It stops a session without saying how long it was; the model derives that.
        assert again["session"].pop("duration") == 599_976
        del again["endpoint"]
        assert again == data

    @pytest.mark.parametrize(
        "name, kind",
        [
            ("stream-campaign", StreamRecordKind.CAMPAIGN),
            ("stream-email", StreamRecordKind.EMAIL),
            ("stream-sms", StreamRecordKind.SMS),
        ],
    )
    def test_of_other_kinds(self, name: str, kind: StreamRecordKind) -> None:
        """They are recognised; type, times, ids and attributes are read."""
        data = stream(name)
        found = from_stream_record(data)
        assert found.kind is kind
        assert found.event.event_type == data["event_type"]
        assert found.event.attributes == data["attributes"]
        assert found.event.metrics == data.get("metrics", {})
        assert found.endpoint_id == data["client"]["client_id"]
        assert found.application_id == data["application"]["app_id"]
        assert plain(found.extra) == (
            {"facets": data["facets"]} if "facets" in data else {}
        )

    def test_endpoint_of_a_campaign(self) -> None:
        """It is JSON text within the context of the client."""
        found = from_stream_record(golden("streams/stream-campaign.json"))
        assert found.endpoint == Endpoint(
            channel_type="GCM",
            endpoint_status="ACTIVE",
            opt_out="NONE",
            request_id="r",
            effective_date="2019-07-02T23:12:54.836Z",
            user=User(),
        )

    def test_of_mobile_analytics(self) -> None:
        """The record of Pinpoint's predecessor is refused, and nothing else said."""
        data = golden("streams/stream-legacy-mobile-analytics.json")
        assert facts_of(lambda: from_stream_record(data)) == ["mobile_analytics_record"]

    @pytest.mark.parametrize(
        "event_type, kind",
        [
            ("_journey.send", StreamRecordKind.JOURNEY),
            ("_campaign.opened_notification", StreamRecordKind.APP),
            ("_journey.received_foreground", StreamRecordKind.APP),
            ("_session.start", StreamRecordKind.APP),
            ("_test.event_stream", StreamRecordKind.TEST),
            ("tapped", StreamRecordKind.APP),
        ],
    )
    def test_kinds(self, event_type: str, kind: StreamRecordKind) -> None:
        """The type of the event says what a record is about."""
        found = from_stream_record(record(event_type=event_type))
        assert found.kind is kind

    def test_of_a_test(self) -> None:
        """It need not say anything but its type and time."""
        data = {"event_type": "_test.event_stream", "event_timestamp": 1541433434000}
        found = from_stream_record(data)
        assert found.kind is StreamRecordKind.TEST
        assert (found.application_id, found.endpoint_id) == ("", "")
        assert found.arrived_at is None


class TestEndpoint:
    """The endpoint is found wherever it is, in whichever form."""

    @pytest.mark.parametrize("is_text", [True, False])
    @pytest.mark.parametrize("is_top", [True, False])
    def test_places(self, *, is_top: bool, is_text: bool) -> None:
        """As an object or as text, at the top or in the context of the client."""
        form: Any = {"ChannelType": "EMAIL", "CohortId": "48"}
        form = json.dumps(form) if is_text else form
        place = (
            {"endpoint": form}
            if is_top
            else {"client_context": {"custom": {"endpoint": form}}}
        )
        found = from_stream_record(record(**place))
        assert found.endpoint == Endpoint(channel_type="EMAIL")
        aside: Any = {"endpoint": {"CohortId": "48"}}
        assert found.extra == (
            aside if is_top else {"client_context": {"custom": aside}}
        )

    def test_both_places(self) -> None:
        """The one at the top is the endpoint; the other is kept aside."""
        other = {"custom": {"endpoint": "{}", "legacy_identifier": "x"}}
        found = from_stream_record(record(endpoint={}, client_context=other))
        assert found.endpoint == Endpoint()
        assert found.extra == {"client_context": other}

    @pytest.mark.parametrize("form", ["no JSON", "[]", 5, ["a"]])
    def test_no_endpoint(self, form: Any) -> None:
        """What is none is kept aside."""
        found = from_stream_record(record(endpoint=form))
        assert found.endpoint is None
        assert plain(found.extra) == {"endpoint": form}

    def test_ids(self) -> None:
        """Where the record lacks an id, it is the endpoint's."""
        ids = {"ApplicationId": "a-2", "Id": "c-2"}
        found = from_stream_record(record(application={}, client={}, endpoint=ids))
        assert (found.application_id, found.endpoint_id) == ("a-2", "c-2")
        assert found.extra == {}
        found = from_stream_record(record(endpoint=ids))
        assert (found.application_id, found.endpoint_id) == ("a", "c")
        assert found.extra == {"endpoint": ids}

    def test_what_the_model_refuses(self) -> None:
        """Each faulty member is kept aside, the others are read."""
        found = from_stream_record(
            record(
                endpoint={
                    "Address": "a@example.com",
                    "ChannelType": "PIGEON",
                    "Attributes": {"good": ["x"], "bad": [5]},
                    "Demographic": {"Make": "Acme", "Model": 5, "Colour": "red"},
                    "Location": "Bonn",
                    "Metrics": {"good": 1, "bad": True},
                    "OptOut": None,
                    "User": {"UserId": "u", "UserAttributes": {"plain": "gold"}},
                }
            )
        )
        assert found.endpoint == Endpoint(
            attributes={"good": ["x"]},
            demographic=Demographic(make="Acme"),
            metrics={"good": 1},
            user=User(user_id="u", user_attributes={"plain": ["gold"]}),
        )
        assert plain(found.extra) == {
            "endpoint": {
                "Address": "a@example.com",
                "ChannelType": "PIGEON",
                "Attributes": {"bad": [5]},
                "Demographic": {"Model": 5, "Colour": "red"},
                "Location": "Bonn",
                "Metrics": {"bad": True},
            }
        }

    def test_attributes_that_are_none(self) -> None:
        """What should be an object and is none is kept aside."""
        found = from_stream_record(
            record(endpoint={"Attributes": 5}, attributes="x", metrics=[])
        )
        assert found.endpoint == Endpoint()
        assert plain(found.extra) == {
            "endpoint": {"Attributes": 5},
            "attributes": "x",
            "metrics": [],
        }

    def test_device_beside_the_endpoint(self) -> None:
        """It fills what the endpoint leaves out; what differs is kept aside."""
        found = from_stream_record(
            record(
                application={"app_id": "a", "version_name": "2"},
                device={
                    "locale": {"code": "en_US", "country": "US", "language": "fr"},
                    "make": "Other",
                    "platform": {"name": "android", "version": "15"},
                },
                endpoint={"Demographic": {"Make": "Acme", "Platform": "ANDROID"}},
            )
        )
        assert found.endpoint == Endpoint(
            demographic=Demographic(
                app_version="2",
                locale="en_US",
                make="Acme",
                platform="ANDROID",
                platform_version="15",
            )
        )
        assert found.extra == {
            "device": {"locale": {"language": "fr"}, "make": "Other"}
        }

    def test_parts_that_are_no_objects(self) -> None:
        """Such parts are kept aside."""
        parts = {"device": "phone", "session": 5, "client_context": []}
        found = from_stream_record(record(**parts))
        assert found.endpoint is None
        assert plain(found.extra) == parts


class TestSession:
    """A session is read in each form that consumers and archives have."""

    @pytest.mark.parametrize("name", ["session_id", "id"])
    @pytest.mark.parametrize(
        "start, stop, duration",
        [
            pytest.param(1789991980115, 1789992000123, 20008, id="numbers"),
            (1789991980115.0, 1789992000123, 20008.0),
            ("1789991980115", "1789992000123", "20008"),
            ("2026-09-21T11:59:40.115Z", "2026-09-21T12:00:00.123Z", None),
        ],
    )
    def test_forms(self, name: str, start: Any, stop: Any, duration: Any) -> None:
        """Times are numbers, numbers in text, or ISO 8601; the id has two names."""
        data = {
            name: SESSION.id,
            "start_timestamp": start,
            "stop_timestamp": stop,
            "duration": duration,
        }
        found = from_stream_record(record(session=data))
        assert found.event.session == SESSION
        assert found.extra == {}

    @pytest.mark.parametrize(
        "data",
        [
            {"session_id": "s"},
            {"start_timestamp": 1},
            {"session_id": "", "start_timestamp": 1},
            {"session_id": "s", "start_timestamp": "yesterday"},
            {"session_id": "s", "start_timestamp": 10**15},
            {"session_id": "s", "start_timestamp": "1" * 17},
            {"session_id": "s", "start_timestamp": "--1"},
            {"session_id": "s", "start_timestamp": True},
        ],
    )
    def test_incomplete(self, data: dict[str, Any]) -> None:
        """Without an id or a beginning it is kept aside."""
        found = from_stream_record(record(session=data))
        assert found.event.session is None
        assert found.extra == {"session": data}

    @pytest.mark.parametrize(
        "rest",
        [
            {"stop_timestamp": 999},
            {"stop_timestamp": 1010, "duration": 9},
            {"stop_timestamp": "never"},
            {"duration": "long"},
            {"duration": -5},
            {"colour": "red"},
        ],
    )
    def test_faulty_end(self, rest: dict[str, Any]) -> None:
        """What does not fit is kept aside; id and beginning are read."""
        data = {"session_id": "s", "start_timestamp": 1000, **rest}
        found = from_stream_record(record(session=data))
        start = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        assert found.event.session == Session(id="s", start_timestamp=start)
        assert found.extra == {"session": rest}


class TestTimes:
    """Timestamps are milliseconds, or the seconds that AWS' transformation leaves."""

    def test_seconds(self) -> None:
        """Both divided by 1,000 are recognised."""
        data = record(event_timestamp=1541433434, arrival_timestamp=1541433435)
        found = from_stream_record(data)
        assert found.event.timestamp == datetime(2018, 11, 5, 15, 57, 14, tzinfo=UTC)
        assert found.arrived_at == datetime(2018, 11, 5, 15, 57, 15, tzinfo=UTC)

    def test_milliseconds_of_1970(self) -> None:
        """One alone is not divided."""
        found = from_stream_record(record(event_timestamp=1541433434))
        assert found.event.timestamp.year == 1970

    @pytest.mark.parametrize("value", [None, "x", 10**18, True, 1.5])
    def test_no_arrival(self, value: Any) -> None:
        """A time of arrival that cannot be read is kept aside."""
        found = from_stream_record(record(arrival_timestamp=value))
        assert found.arrived_at is None
        aside = {} if value is None else {"arrival_timestamp": value}
        assert found.extra == aside


class TestRefused:
    """What is no record at all is refused, in the record's own names."""

    @pytest.mark.parametrize(
        "data, facts",
        [
            (b"{", ["not_json at (1, 2)"]),
            (b"\xff", ["not_utf8 at (0,)"]),
            ("[]", ["not_an_object list"]),
            (None, ["not_an_object NoneType"]),
            (
                {},
                ["event_type: missing", "event_timestamp: missing"],
            ),
            (
                {"event_type": "t", "event_timestamp": 1},
                ["application.app_id: missing", "client.client_id: missing"],
            ),
            (
                record(event_type=5, event_timestamp="1"),
                [
                    "event_type: wrong_type int not name",
                    "event_timestamp: wrong_type str not integer",
                ],
            ),
            (record(event_type=""), ["event_type: empty"]),
            (record(event_timestamp=10**18), ["event_timestamp: time_out_of_range"]),
            (record(client={"client_id": ""}), ["client.client_id: missing"]),
            (record(facets={5: 1}), ["facets: wrong_key_type int not text"]),
            (
                record(facets=[object()]),
                ["facets[0]: wrong_type object not json"],
            ),
        ],
    )
    def test_problems(self, data: Any, facts: list[str]) -> None:
        """All problems come at once."""
        if isinstance(data, bytes) and data == b"{":
            (problem,) = problems_of(lambda: from_stream_record(data))
            assert problem.code is C.NOT_JSON
            return
        assert facts_of(lambda: from_stream_record(data)) == facts

    def test_too_deep(self) -> None:
        """What is nested too deeply to be kept aside is refused."""
        deep: Any = 1
        for _ in range(10_000):
            deep = [deep]
        (problem,) = problems_of(lambda: from_stream_record(record(facets=deep)))
        assert problem.code is C.JSON_TOO_DEEP

    def test_texts(self) -> None:
        """Text, bytes and bytearrays are read alike."""
        text = json.dumps(record())
        loose: Any = from_stream_record
        expected = from_stream_record(record())
        for form in (text, text.encode(), bytearray(text.encode())):
            assert loose(form) == expected


class TestStreamRecord:
    """A record is a value."""

    def test_arguments(self) -> None:
        """All problems of the arguments are reported together."""
        loose: Any = StreamRecord
        assert facts_of(
            lambda: loose(
                application_id=5,
                endpoint_id=None,
                endpoint={},
                event="t",
                arrived_at=5,
                account_id=5,
                extra=[],
            )
        ) == [
            "application_id: wrong_type int not name",
            "endpoint_id: wrong_type NoneType not name",
            "endpoint: plain_data dict Endpoint",
            "event: not_an_instance str Event",
            "arrived_at: number_as_time int s",
            "account_id: wrong_type int not text",
            "extra: wrong_type list not mapping",
        ]

    def test_extra(self) -> None:
        """It is immutable, and may be left out."""
        made = StreamRecord(
            application_id="a", endpoint_id="e", event=EVENT, extra=None
        )
        assert made.extra == {}
        nested = attrs.evolve(made, extra={"a": {"b": [1, {"c": None}]}})
        assert nested.extra["a"]["b"] == (1, {"c": None})
        assert attrs.evolve(nested, extra=nested.extra) == nested
        assert len({nested, made}) == 2


def objects(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each object whose members have fixed names."""
    yield path
    free = {"attributes", "metrics", "Attributes", "Metrics", "UserAttributes"}
    for key, value in data.items():
        if isinstance(value, dict) and key not in free:
            yield from objects(value, (*path, key))


records = strategies.stream_records(extras=st.just({}), arrivals=strategies.times())
endpoints = st.none() | strategies.endpoints()


class TestLaws:
    """What holds for every event and endpoint."""

    @given(made=records)
    def test_round_trip(self, made: StreamRecord) -> None:
        """
        What is written and read again is the same: the record carries all of it.

        It has no place for an event id, and arrives in seconds if both times are in the
        first years after 1970, when there was no Pinpoint.
        """
        assume(made.event.timestamp.year not in range(1970, 1974))
        wrote = written(made)
        assert from_stream_record(wrote) == made
        assert from_stream_record(encode(wrote)) == made
        assert from_stream_record(json.dumps(wrote)) == made

    @given(made=records)
    def test_stable(self, made: StreamRecord) -> None:
        """The same values give the same text."""
        assert encode(written(made)) == encode(written(made))

    @costly
    @given(
        endpoint=endpoints,
        events=st.dictionaries(strategies.names(), strategies.events(), max_size=3),
        arrived=strategies.times(),
        account=st.none() | strategies.texts(),
        attribute=st.none() | strategies.names(),
    )
    def test_writer(
        self,
        endpoint: Endpoint | None,
        events: dict[str, Event],
        arrived: datetime,
        account: str | None,
        attribute: str | None,
    ) -> None:
        """What the fast writer writes is the text of what the function returns."""
        writer = StreamRecordWriter("a", account, attribute)
        moment = Event("t", timestamp=arrived).timestamp
        assume(not any(attribute in each.attributes for each in events.values()))
        twice = {**events, **{f"again-{key}": each for key, each in events.items()}}
        assert writer.records("e", endpoint, twice, moment) == [
            encode(
                to_stream_record(
                    "e",
                    each,
                    endpoint,
                    application_id="a",
                    arrived_at=arrived,
                    account_id=account,
                    event_id=event_id,
                    event_id_attribute=attribute,
                )
            )
            for event_id, each in twice.items()
        ]

    @costly
    @given(data=st.data(), made=records)
    def test_unknown_members(self, data: st.DataObject, made: StreamRecord) -> None:
        """A member that is added anywhere is kept aside, and changes nothing else."""
        assume(made.event.timestamp.year not in range(1970, 1974))
        wrote = written(made)
        *path, last = ("root", *data.draw(st.sampled_from([*objects(wrote)])))
        name = data.draw(st.sampled_from(["unknown", "Unknown", "", "é"]))
        value = data.draw(st.sampled_from([5, "text", [1], {"a": [None]}, {}, False]))
        holder: dict[str, Any] = {"root": wrote}
        for part in (*path, last):
            holder = holder[part]
        holder[name] = value
        found = from_stream_record(wrote)
        assert attrs.evolve(found, extra={}) == made
        aside: Any = {name: value}
        for part in reversed((*path, last)[1:]):
            aside = {part: aside}
        assert plain(found.extra) == aside

    @given(
        data=st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: st.dictionaries(
                st.sampled_from(
                    [*record(), "id", "app_id", "endpoint", "session", "custom"]
                ),
                inner,
            ),
        )
    )
    def test_robustness(self, data: Any) -> None:
        """Whatever comes in, there is a record or a ValidationError."""
        merged_data = merged(record(), data) if isinstance(data, dict) else data
        for each in (data, merged_data):
            try:
                found = from_stream_record(each)
            except ValidationError:
                continue
            assert type(found) is StreamRecord

    def test_every_file_is_read(self) -> None:
        """Each record of the golden files is a record, or refused for its format."""
        for path in sorted((DATA / "streams").glob("stream-*.json")):
            if "legacy" not in path.name:
                assert type(from_stream_record(path.read_bytes())) is StreamRecord


def test_location_is_not_the_locale() -> None:
    """The country of the location has nothing to do with that of the locale."""
    endpoint = Endpoint(
        demographic=Demographic(locale="en_US"), location=Location(country="USA")
    )
    wrote = to_stream_record(
        "e", event(), endpoint, application_id="a", arrived_at=NOON
    )
    assert wrote["device"]["locale"]["country"] == "US"
    assert wrote["endpoint"]["Location"]["Country"] == "USA"
