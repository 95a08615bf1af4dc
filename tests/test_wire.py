"""Tests of the model as the service writes it: names, units, omissions, JSON."""

import json
import random
import subprocess
import sys
import threading
from collections import UserDict
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import attrs
import botocore.loaders
import botocore.model
import botocore.validate
import pytest

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._immutable import Immutable
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    Location,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire import from_json, from_wire, to_json, to_wire
from pinpoint_events.wire.json_text import _standard_encoder, decode, decode_request
from pinpoint_events.wire.writing import _PLAIN_WRITERS, time_text
from tests.samples import (
    EVENT_TEXT,
    MODEL_OBJECTS,
    NOON,
    REQUEST,
    event,
    example,
    fact_text,
    facts_of,
    golden,
    problems_of,
    request,
)

STAMP = "2026-09-21T12:00:00.123Z"
EVENT_MEMBERS = (
    "EventType, Timestamp, Attributes, Metrics, Session, ClientSdkVersion, "
    "AppPackageName, AppTitle, AppVersionCode, SdkName"
)

each_object = pytest.mark.parametrize(
    "obj", MODEL_OBJECTS, ids=lambda obj: type(obj).__name__
)


def is_plain(data: object) -> bool:
    """Return whether the data are of Python's own types, through and through."""
    if type(data) is dict:
        return all(type(key) is str and is_plain(value) for key, value in data.items())
    if type(data) is list:
        return all(map(is_plain, data))
    return type(data) in {str, int, float}


def loose_event(**members: Any) -> dict[str, Any]:
    """Return an event as wire data, with more members."""
    return {"EventType": "tapped", "Timestamp": STAMP, **members}


class TestOut:
    """What is written, and what is left out."""

    def test_golden_request(self) -> None:
        """Every member has its name, unit and place, to the byte."""
        assert to_json(REQUEST) == golden("request.json")

    @each_object
    def test_is_plain(self, obj: Immutable) -> None:
        """Dicts, lists, texts and numbers of Python's own types, and nothing else."""
        assert is_plain(to_wire(obj))

    @each_object
    def test_text_says_the_same(self, obj: Immutable) -> None:
        """The JSON text says what the plain data say."""
        assert json.loads(to_json(obj)) == to_wire(obj)

    @each_object
    def test_data_are_a_copy(self, obj: Immutable) -> None:
        """Whoever changes what came out changes no object."""
        before = repr(obj)

        def clear(data: Any) -> None:
            for value in data.values() if isinstance(data, dict) else data:
                if isinstance(value, dict | list):
                    clear(value)
            data.clear()

        clear(to_wire(obj))
        assert repr(obj) == before
        assert to_wire(obj) == to_wire(type(obj)(**attrs.asdict(obj, recurse=False)))  # type: ignore[arg-type]

    def test_omissions(self) -> None:
        """None and empty mappings are left out."""
        assert to_wire(event()) == {"EventType": "tapped", "Timestamp": STAMP}
        assert to_wire(Endpoint()) == {}
        assert to_wire(Endpoint(attributes={}, metrics=None)) == {}
        assert to_wire(Session(id="s", start_timestamp=NOON)) == {
            "Id": "s",
            "StartTimestamp": STAMP,
        }

    def test_what_is_empty_and_written(self) -> None:
        """Empty texts, empty lists, and objects of which no member is set."""
        assert to_wire(
            Endpoint(
                attributes={"gone": [], "": [""]},
                demographic=Demographic(),
                location=Location(city=""),
                user=User(),
            )
        ) == {
            "Attributes": {"gone": [], "": [""]},
            "Demographic": {},
            "Location": {"City": ""},
            "User": {},
        }
        assert to_wire(event(client_sdk_version=""))["ClientSdkVersion"] == ""

    def test_always_written(self) -> None:
        """A batch has both its members, a request its one, and zero is a number."""
        assert to_wire(request(e={})) == {
            "BatchItem": {"e": {"Endpoint": {}, "Events": {}}}
        }
        assert to_wire(EventsRequest(batch_item={})) == {"BatchItem": {}}
        assert to_wire(Location(latitude=0, longitude=0.0)) == {
            "Latitude": 0,
            "Longitude": 0.0,
        }

    def test_numbers(self) -> None:
        """An int stays an int, and a float a float."""
        metrics: dict[str, int | float] = {"int": 3, "float": 3.0, "large": 2**53}
        written = json.loads(to_json(event(metrics=metrics)))["Metrics"]
        assert written == metrics
        assert [type(number) for number in written.values()] == [int, float, int]

    @pytest.mark.parametrize(
        "moment, text",
        [
            (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
            (datetime(987, 12, 31, 23, 59, 59, 9_000, UTC), "0987-12-31T23:59:59.009Z"),
            (datetime(2024, 2, 29, 9, 8, 7, 60_000, UTC), "2024-02-29T09:08:07.060Z"),
            (
                datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
                "9999-12-31T23:59:59.999Z",
            ),
        ],
        ids=range(4),
    )
    def test_times(self, moment: datetime, text: str) -> None:
        """In UTC, with three digits of a second and Z: `+00:00` was seen refused."""
        assert to_wire(Event("t", timestamp=moment))["Timestamp"] == text
        assert time_text(moment) == text

    def test_time_of_a_subclass(self) -> None:
        """While freezegun is at work, its own class stands in the place of datetime."""

        class Frozen(datetime):
            """A datetime of someone else."""

        frozen = Frozen(2026, 9, 21, 12, 0, 0, 123_000, UTC)
        assert _PLAIN_WRITERS[datetime](frozen) == STAMP

    def test_odd_text(self) -> None:
        """Every text that UTF-8 can hold arrives as it was."""
        text = (
            '"\\/\b\f\n\r\t\0\x1f\x7f\x80\u2028\u2029\ufeff\uffff\U0001f600\U0010ffff'
        )
        written = to_json(event(attributes={text: text}))
        assert json.loads(written)["Attributes"] == {text: text}
        assert from_json(Event, written) == event(attributes={text: text})

    @pytest.mark.parametrize("interpreter", ["CPython", "one without C"])
    @each_object
    def test_standard_encoder(
        self, obj: Immutable, interpreter: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What writes without the accelerator writes the same, on every Python."""
        if interpreter != "CPython":
            monkeypatch.setattr("json.encoder.c_make_encoder", None)
        data = to_wire(obj)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        assert _standard_encoder()(data) == text.encode()
        assert json.loads(text) == json.loads(to_json(obj))

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
    def test_standard_encoder_writes_no_constants(self, number: float) -> None:
        """NaN and infinities are not JSON, though Python would write them."""
        with pytest.raises(ValueError, match="not JSON compliant"):
            _standard_encoder()({"Price": number})

    def test_bare_code(self) -> None:
        """An answer that was a bare number is one again."""
        response = EventsResponse(results={"e": ItemResponse(status_code=202)})
        assert to_wire(response) == {"Results": {"e": 202}}
        assert to_json(response) == b'{"Results":{"e":202}}'
        assert to_wire(ItemResponse(status_code=400)) == 400

    def test_request_id_of_an_answer(self) -> None:
        """It came by a header, and is no part of the body."""
        assert to_wire(EventsResponse(request_id="8f3c")) == {}

    @pytest.mark.parametrize("other", [5, {}, None, Quotas(), Event], ids=range(5))
    def test_no_object_of_the_model(self, other: Any) -> None:
        """Anything else is a mistake in the program."""
        for write in (to_wire, to_json):
            with pytest.raises(TypeError) as caught:
                write(other)
            assert str(caught.value) == (
                f"{type(other).__qualname__} is no class of the model; pass one, as "
                "EventsRequest"
            )


class TestRoundTrip:
    """What is written and read again is what it was."""

    @each_object
    def test_objects(self, obj: Immutable) -> None:
        """By plain data and by text."""
        assert from_wire(type(obj), to_wire(obj)) == obj
        assert from_json(type(obj), to_json(obj)) == obj
        assert from_json(type(obj), to_json(obj).decode()) == obj

    def test_android_request(self) -> None:
        """A real client's request says the same again, but for empty mappings."""
        data = example("request-android-2022.json")
        ((endpoint_id, batch),) = data["BatchItem"].items()
        ((event_id, one),) = batch["Events"].items()
        written = to_wire(from_wire(EventsRequest, data))
        assert batch["Endpoint"].pop("Attributes") == {}
        assert batch["Endpoint"].pop("Metrics") == {}
        assert one.pop("Metrics") == {}
        assert written == data
        assert list(written["BatchItem"]) == [endpoint_id]
        assert list(written["BatchItem"][endpoint_id]["Events"]) == [event_id]

    def test_request_of_all_members(self) -> None:
        """The example with every member goes through, to the letter."""
        data = example("request-all-members.json")
        assert to_wire(from_wire(EventsRequest, data)) == data

    def test_data_stay_as_they_were(self) -> None:
        """What is read is not changed."""
        data = example("request-all-members.json")
        from_wire(EventsRequest, data)
        assert data == example("request-all-members.json")

    @pytest.mark.parametrize(
        "built",
        [
            REQUEST,
            request(),
            request(e={}),
            request(e={"v": event(metrics={"i": 1, "f": 0.5, "n": -(2**53)})}),
            from_wire(EventsRequest, example("request-android-2022.json")),
            from_wire(EventsRequest, example("request-all-members.json")),
        ],
        ids=range(6),
    )
    def test_botocore_takes_it(self, built: EventsRequest) -> None:
        """The plain data pass the validator that a boto3 client has."""
        loader = botocore.loaders.Loader()
        model = botocore.model.ServiceModel(
            loader.load_service_model("pinpoint", "service-2")
        )
        shape = model.operation_model("PutEvents").input_shape
        report = botocore.validate.ParamValidator().validate(
            {"ApplicationId": "app", "EventsRequest": to_wire(built)}, shape
        )
        assert report.generate_report() == ""


class TestRequestsIn:
    """Requests are read strictly: every mistake is reported."""

    def test_unknown_keys(self) -> None:
        """A typo is reported with the nearest name, at any depth."""
        data = {
            "BatchItem": {
                "e1": {
                    "Endpoint": {"Adress": "x", "User": {"UserID": "u"}},
                    "Events": {"v1": loose_event(Attribute={}, timestamp=STAMP)},
                    "Extra": 1,
                }
            }
        }
        batch = "BatchItem['e1']"
        problems = problems_of(lambda: from_wire(EventsRequest, data))
        assert list(map(fact_text, problems)) == [
            f"{batch}.Extra: unknown_key",
            f"{batch}.Endpoint.Adress: unknown_key near Address",
            f"{batch}.Endpoint.User.UserID: unknown_key near UserId",
            f"{batch}.Events['v1'].Attribute: unknown_key near Attributes",
            f"{batch}.Events['v1'].timestamp: unknown_key near Timestamp",
        ]
        assert problems[3].allowed == tuple(EVENT_MEMBERS.split(", "))

    @pytest.mark.parametrize(
        "key", ["event_type", "eventType", "EVENTTYPE", "EventTyp"]
    )
    def test_names_are_exact(self, key: str) -> None:
        """Other case, or Python's name, is not taken for it."""
        assert facts_of(lambda: from_wire(Event, {key: "t", "Timestamp": STAMP})) == [
            f"{key}: unknown_key near EventType",
            "EventType: missing",
        ]

    def test_only_some_get_a_suggestion(self) -> None:
        """To find the nearest name takes time, which no one shall be able to use up."""
        data = loose_event(**{f"Metric{number}": 1 for number in range(99)})
        data["Metrix"] = 1
        problems = problems_of(lambda: from_wire(Event, data))
        assert problems.pop().nearest == ()
        assert len(problems) == 99
        assert sum("Metrics" in problem.nearest for problem in problems) == 20
        # The next reading has its own; words of enums take from the same.
        batches = {
            str(number): {
                "Endpoint": {"ChannelType": "EMIAL", "OptOt": 1},
                "Events": {},
            }
            for number in range(100)
        }
        problems = problems_of(lambda: from_wire(EventsRequest, {"BatchItem": batches}))
        assert sum(bool(problem.nearest) for problem in problems) == 20
        last = "BatchItem['99'].Endpoint.ChannelType: unknown_value ChannelType"
        assert last in map(fact_text, problems)

    @pytest.mark.parametrize(
        "text, path",
        [
            ({f"Other{number}": 1 for number in range(1_000)}, ""),
            ({"Attributes": {f"{number}": 1 for number in range(1_000)}}, "Attributes"),
            ({"Attributes": {"k": [1] * 1_000}}, "Attributes['k']"),
            ({"Metrics": {f"{number}": "1" for number in range(1_000)}}, "Metrics"),
        ],
        ids=range(4),
    )
    def test_many_problems(self, text: dict[str, Any], path: str) -> None:
        """At most a hundred of one object, list or mapping: all would take long."""
        *lines, last = facts_of(lambda: from_wire(Endpoint, text))
        assert len(lines) == 100
        assert last == (f"{path}: more_problems" if path else "more_problems")

    def test_many_problems_of_items(self) -> None:
        """Each endpoint and each event has its own problem all the same."""
        events: dict[str, Any] = {f"{number}": {} for number in range(1_000)}
        batches = {
            "e": {"Endpoint": {}, "Events": events},
            **{f"{number}": {"Events": {}} for number in range(1_000)},
        }
        lines = facts_of(lambda: from_wire(EventsRequest, {"BatchItem": batches}))
        assert len(lines) == 2_000 + 1_000

    @pytest.mark.parametrize(
        "members, expected",
        [
            (["EventsRequest"], ["EventsRequest: wrapped_request"]),
            (
                ["ApplicationId", "EventsRequest"],
                ["ApplicationId: wrapped_request", "EventsRequest: wrapped_request"],
            ),
            (["ApplicationId"], ["ApplicationId: unknown_key"]),
        ],
    )
    def test_wrappers_of_boto3(self, members: list[str], expected: list[str]) -> None:
        """The arguments of boto3's call are not what is sent."""
        data: Any = {key: {} for key in [*members, "BatchItem"]}
        assert facts_of(lambda: from_wire(EventsRequest, data)) == expected

    def test_odd_keys(self) -> None:
        """A key may be of any type in a dict; texts of a subclass are texts."""
        data: Any = {1: "x", None: None, ChannelType.SMS: 1, **loose_event()}
        assert facts_of(lambda: from_wire(Event, data)) == [
            "wrong_key_type int not text",
            "wrong_key_type NoneType not text",
            "SMS: unknown_key",
        ]

        class Name(str):
            __slots__ = ()

        named = {Name(key): value for key, value in loose_event().items()}
        assert from_wire(Event, named) == event()

    @pytest.mark.parametrize(
        "cls, missing",
        [
            (Event, ["EventType", "Timestamp"]),
            (Session, ["Id", "StartTimestamp"]),
            (EventsBatch, ["Endpoint", "Events"]),
            (EventsRequest, ["BatchItem"]),
            (Endpoint, []),
        ],
    )
    def test_missing(self, cls: type[Immutable], missing: list[str]) -> None:
        """Required members are those of the service's model; null is no value."""
        for data in ({}, dict.fromkeys(missing)):
            if not missing:
                assert from_wire(cls, data) == Endpoint()
                continue
            assert facts_of(lambda data=data: from_wire(cls, data)) == [  # type: ignore[misc]
                f"{name}: missing" for name in missing
            ]

    def test_no_defaults(self) -> None:
        """The time of reading is not the time of the event."""
        assert facts_of(lambda: from_wire(Event, {"EventType": "tapped"})) == [
            "Timestamp: missing"
        ]

    def test_null_is_left_out(self) -> None:
        """A member that is null says nothing, in a faulty object as well."""
        data = loose_event(Session=None, Attributes=None)
        assert from_wire(Event, data) == event()
        (line,) = facts_of(lambda: from_wire(Event, {**data, "Extra": None}))
        assert line.startswith("Extra: unknown_key")

    def test_members_in_any_order(self) -> None:
        """The order of members says nothing, however many orders were read before."""
        whole = Demographic(
            app_version="1", locale="en_GB", make="m", model="n", platform="ios"
        )
        members = to_wire(whole).items()
        for ordered in permutations(members):
            assert from_wire(Demographic, dict(ordered)) == whole
        for ordered in permutations(members, 3):
            some = dict(ordered)
            assert to_wire(from_wire(Demographic, some)) == some

    @pytest.mark.parametrize(
        "data, facts",
        [
            (None, "not_an_object NoneType"),
            ([], "not_an_object list"),
            ("text", "not_an_object str"),
            (5, "not_an_object int"),
            (event(), "already_an_object Event"),
            (
                EventsBatch(endpoint=Endpoint(), events={}),
                "already_an_object EventsBatch",
            ),
        ],
        ids=range(6),
    )
    def test_no_object(self, data: object, facts: str) -> None:
        """The members that an object would have are among the facts."""
        (problem,) = problems_of(lambda: from_wire(EventsBatch, data))
        assert fact_text(problem) == f"{facts} EventsBatch"
        assert problem.allowed == ("Endpoint", "Events")

    def test_all_problems_at_once(self) -> None:
        """Paths are in the service's names, from the top."""
        data: Any = {
            "BatchItem": {
                "e1": {
                    "Endpoint": {
                        "Address": "x",
                        "ChannelType": "email",
                        "User": {"UserAttributes": {"tier": "gold"}},
                    },
                    "Events": {
                        "v1": {
                            "EventType": "",
                            "Timestamp": "2026-09-21",
                            "Metrics": {"n": True},
                            "Session": {
                                "Id": "s",
                                "StartTimestamp": STAMP,
                                "StopTimestamp": "2026-09-21T11:00:00Z",
                            },
                        },
                        "v2": None,
                    },
                },
                "": {"Endpoint": {}, "Events": []},
            }
        }
        first = "BatchItem['e1'].Events['v1']"
        channel = "BatchItem['e1'].Endpoint.ChannelType"
        assert facts_of(lambda: from_wire(EventsRequest, data)) == [
            f"{channel}: unknown_value email ChannelType near EMAIL",
            "BatchItem['e1'].Endpoint.User.UserAttributes['tier']: bare_text str",
            f"{first}.EventType: empty",
            f"{first}.Timestamp: no_time_of_day",
            f"{first}.Metrics['n']: wrong_type bool not number",
            f"{first}.Session.StopTimestamp: stop_before_start 3600123 ms",
            "BatchItem['e1'].Events['v2']: not_an_object NoneType Event",
            "BatchItem['']: empty_key",
            "BatchItem[''].Events: wrong_type list not mapping",
        ]

    @pytest.mark.parametrize(
        "member, value, facts",
        [
            ("Session", [], "not_an_object list Session"),
            ("Attributes", [], "wrong_type list not mapping"),
            ("AppTitle", {}, "wrong_type dict not text"),
            ("Timestamp", 5, "number_as_time int s"),
        ],
    )
    def test_wrong_shapes(self, member: str, value: object, facts: str) -> None:
        """What should be an object, a text or a time, and is none."""
        data = loose_event(**{member: value})
        assert facts_of(lambda: from_wire(Event, data)) == [f"{member}: {facts}"]

    def test_python_values(self) -> None:
        """Times and enums may be Python's, and mappings of any kind."""
        data = UserDict(
            {"ChannelType": ChannelType.SMS, "EffectiveDate": NOON, "User": UserDict()}
        )
        assert from_wire(Endpoint, data) == Endpoint(
            channel_type="SMS", effective_date=NOON, user=User()
        )

    def test_duration_is_derived(self) -> None:
        """What a session's stop implies is no default; the service insists on it."""
        data = {"Id": "s", "StartTimestamp": STAMP, "StopTimestamp": STAMP}
        assert to_wire(from_wire(Session, data)) == {**data, "Duration": 0}

    @pytest.mark.parametrize(
        "other", [int, Quotas, ValidationError, "Event"], ids=range(4)
    )
    def test_no_class_of_the_model(self, other: Any) -> None:
        """Anything else is a mistake in the program."""
        message = "no class of the model; pass "
        with pytest.raises(TypeError) as caught:
            from_wire(other, {})
        assert message in str(caught.value)
        with pytest.raises(TypeError) as caught:
            from_json(other, b"{}")
        assert message in str(caught.value)

    def test_swapped_arguments(self) -> None:
        """The data is not shown, whichever of the two it was given for."""
        data: Any = {"BatchItem": {"planted": {}}}
        request: Any = EventsRequest
        for read in (from_wire, from_json):
            with pytest.raises(TypeError) as caught:
                read(data, request)
            assert str(caught.value) == (
                "an object of type dict is no class of the model; pass the "
                "class first, "
                "as in from_wire(EventsRequest, data)"
            )


class TestAnswersIn:
    """Answers are read leniently: whatever comes, there is an answer to look at."""

    def test_golden_answer(self) -> None:
        """The answer to the Android request: everything was accepted."""
        sent = from_wire(EventsRequest, example("request-android-2022.json"))
        response = from_json(EventsResponse, golden("response-2022.json"))
        assert [outcome.outcome for outcome in response.outcomes(sent)] == [
            Outcome.ACCEPTED,
            Outcome.ACCEPTED,
        ]
        assert {
            outcome.response.message
            for outcome in response.outcomes(sent)
            if outcome.response
        } == {"Accepted"}

    def test_every_shape(self) -> None:
        """Nothing crashes, what is a code is read, and all else says nothing."""
        response = from_json(EventsResponse, golden("response-every-shape.json"))

        def of_endpoint(
            code: int | None = None, message: str | None = None
        ) -> EndpointItemResponse:
            return EndpointItemResponse(status_code=code, message=message)

        def of_event(
            code: int | None = None, message: str | None = None
        ) -> EventItemResponse:
            return EventItemResponse(status_code=code, message=message)

        assert response == EventsResponse(
            results={
                "usual": ItemResponse(
                    endpoint_item_response=of_endpoint(202, "Accepted"),
                    events_item_response={
                        "accepted": of_event(202, "Accepted"),
                        "rejected": of_event(
                            400, "Event attribute key length should be less than 50."
                        ),
                        "throttled": of_event(429),
                        "failed": of_event(500),
                    },
                ),
                "bare number": ItemResponse(status_code=202),
                "bare text": ItemResponse(status_code=400),
                "bare null": ItemResponse(),
                "empty": ItemResponse(),
                "nulls": ItemResponse(),
                "deeper nulls": ItemResponse(
                    endpoint_item_response=of_endpoint(),
                    events_item_response={"null": of_event(), "empty": of_event()},
                ),
                "numbers for objects": ItemResponse(
                    endpoint_item_response=of_endpoint(500),
                    events_item_response={
                        "number": of_event(429),
                        "text": of_event(202),
                    },
                ),
                "codes as text": ItemResponse(
                    endpoint_item_response=of_endpoint(202, "Accepted"),
                    events_item_response={
                        "text": of_event(400),
                        "float": of_event(429),
                        "no code": of_event(),
                        "signed": of_event(),
                        "other digits": of_event(),
                        "long": of_event(),
                        "true": of_event(),
                        "half": of_event(),
                        "huge": of_event(),
                        "negative": of_event(-500),
                        "list": of_event(),
                    },
                ),
                "unknown members": ItemResponse(
                    endpoint_item_response=of_endpoint(202, "Accepted"),
                    events_item_response={"v": of_event(202)},
                ),
                "lists for objects": ItemResponse(endpoint_item_response=of_endpoint()),
                "texts for objects": ItemResponse(endpoint_item_response=of_endpoint()),
                "list": ItemResponse(),
                "true": ItemResponse(),
                "": ItemResponse(events_item_response={"": of_event(202)}),
            }
        )
        assert from_wire(EventsResponse, to_wire(response)) == response

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"Results": None},
            {"Results": []},
            {"Results": 202},
            {"Added": {}},
            UserDict(),
        ],
        ids=range(6),
    )
    def test_nothing_is_known(self, data: object) -> None:
        """An answer without results leaves everything unreported."""
        assert from_wire(EventsResponse, data) == EventsResponse()

    def test_answer_of_boto3(self) -> None:
        """boto3 wraps the answer; what it returns may be passed whole."""
        results = {"e": {"EndpointItemResponse": {"StatusCode": 202}}}
        whole = {
            "ResponseMetadata": {"RequestId": "8f3c", "HTTPStatusCode": 202},
            "EventsResponse": {"Results": results},
        }
        assert from_wire(EventsResponse, whole) == from_wire(
            EventsResponse, {"Results": results}
        )
        assert from_wire(EventsResponse, {"EventsResponse": {}}) == EventsResponse()

    @pytest.mark.parametrize("data", [None, [], "text", 202], ids=range(4))
    def test_no_object(self, data: object) -> None:
        """An answer that is no object is none."""
        (problem,) = problems_of(lambda: from_wire(EventsResponse, data))
        assert problem.code is ProblemCode.NOT_AN_OBJECT
        assert problem.allowed == ("Results",)

    def test_many_events_told_alike(self) -> None:
        """Each has its own answer, be it equal to the one before or only nearly so."""
        alike: list[Any] = [
            *[{"StatusCode": 202, "Message": "Accepted"}] * 2,
            {"StatusCode": 202.0, "Message": "Accepted"},
            *[{"StatusCode": 400, "Message": "Accepted"}] * 2,
            *[{"StatusCode": 1}, {"StatusCode": True}, {"StatusCode": 1}],
            *[{"StatusCode": False}, {"StatusCode": 0}],
            *[202, 202, "202", 400, True, None, None],
        ]
        data = {str(number): value for number, value in enumerate(alike)}
        read = from_wire(ItemResponse, {"EventsItemResponse": data})
        responses = read.events_item_response
        assert list(responses) == list(data)
        codes = [202, 202, 202, 400, 400, 1, None, 1, None, 0]
        codes += [202, 202, 202, 400, None, None, None]
        assert [responses[key].status_code for key in data] == codes
        messages = ["Accepted"] * 5 + [None] * 12
        assert [responses[key].message for key in data] == messages

    def test_odd_keys_and_words(self) -> None:
        """Ids that are no text are passed over, lone surrogates replaced."""
        data = {
            "Results": {
                1: 202,
                "a\ud800": {
                    "EventsItemResponse": {
                        2: {"StatusCode": 202},
                        "ü": {"StatusCode": 400, "Message": "x\udfffü"},
                    }
                },
            }
        }
        assert from_wire(EventsResponse, data) == EventsResponse(
            results={
                "a?": ItemResponse(
                    events_item_response={
                        "ü": EventItemResponse(status_code=400, message="x?ü")
                    }
                )
            }
        )

    def test_single_classes(self) -> None:
        """The parts of an answer can be read by themselves."""
        taken = {"StatusCode": 202, "Message": "Accepted"}
        assert from_wire(EventItemResponse, taken) == EventItemResponse(
            status_code=202, message="Accepted"
        )
        assert from_wire(EndpointItemResponse, 202) == EndpointItemResponse(
            status_code=202
        )
        assert from_wire(ItemResponse, "429") == ItemResponse(status_code=429)

    @pytest.mark.parametrize("seed", range(40))
    def test_any_json(self, seed: int) -> None:
        """Any JSON under Results is read as an answer."""
        chance = random.Random(seed)
        response = from_wire(EventsResponse, {"Results": any_json(chance, 5)})
        assert from_wire(EventsResponse, to_wire(response)) == response
        assert len(response.outcomes(REQUEST)) == 2


def any_json(chance: random.Random, depth: int) -> Any:
    """Return JSON data of any shape, in the service's words as often as not."""
    words = (
        "EndpointItemResponse",
        "EventsItemResponse",
        "StatusCode",
        "Message",
        "e-1",
        "v-1",
        "202",
        "é",
        "",
    )
    leaf: list[Any] = [None, True, 202, 400, -1, 2**70, 1.5, 1e308, *words]
    kind = chance.randrange(6) if depth else 5
    if kind < 4:
        return {
            chance.choice(words): any_json(chance, depth - 1)
            for _ in range(chance.randrange(6))
        }
    if kind == 4:
        return [any_json(chance, depth - 1) for _ in range(chance.randrange(4))]
    return chance.choice(leaf)


class TestJsonIn:
    """The text of JSON, as it may come from anywhere."""

    @pytest.mark.parametrize(
        "text, facts",
        [
            (b"", "not_json Expecting value at (1, 1)"),
            ("", "not_json Expecting value at (1, 1)"),
            (b"<html>", "not_json Expecting value at (1, 1)"),
            (b'{"a":1}}', "not_json Extra data at (1, 8)"),
            (b'\n{"a"}', "not_json Expecting ':' delimiter at (2, 5)"),
            (b'{"a":NaN}', "json_constant NaN"),
            (b'{"a":-Infinity}', "json_constant -Infinity"),
            (b'{"a":"\xff"}', "not_utf8 at (6,)"),
            (b"[" * 200_000, "json_too_deep"),
            (b"9" * 10_000, "json_number_too_long"),
        ],
        ids=range(10),
    )
    @pytest.mark.parametrize("cls", [EventsRequest, EventsResponse])
    def test_no_json(self, cls: type[Immutable], text: bytes | str, facts: str) -> None:
        """The problem has the place where it stops being JSON, and no content."""
        assert facts_of(lambda: from_json(cls, text)) == [facts]

    def test_errors_do_not_hold_the_text(self) -> None:
        """The reader's own errors have all of it; none is chained."""
        for text in (b'{"secret"', b'"secret\xff"', b'["secret",NaN]'):
            with pytest.raises(ValidationError) as caught:
                from_json(Event, text)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            assert "secret" not in str(caught.value)

    def test_large_numbers(self) -> None:
        """No number is rounded or capped on its way to the check that refuses it."""
        numbers = "[1e400,123456789012345678901234567890,-0.0,1E2,9007199254740993]"
        for data in (numbers, numbers.encode()):
            for read in (decode, decode_request):
                assert read(data) == [
                    float("inf"),
                    123456789012345678901234567890,
                    -0.0,
                    100.0,
                    9007199254740993,
                ]
        metrics = f'{{"a":1e400,"b":1{"0" * 30}}}'
        text = f'{{"EventType":"t","Timestamp":"{STAMP}","Metrics":{metrics}}}'
        assert facts_of(lambda: from_json(Event, text)) == [
            "Metrics['a']: not_finite inf",
            "Metrics['b']: metric_too_large 100 bits",
        ]

    @pytest.mark.parametrize("code", ["1e400", "123456789012345678901234567890"])
    def test_large_numbers_in_an_answer(self, code: str) -> None:
        """They are no status codes, and no reason to give the answer up."""
        item = f'{{"EndpointItemResponse":{{"StatusCode":{code}}}}}'
        text = f'{{"Results":{{"a":{code},"b":{item}}}}}'
        assert from_json(EventsResponse, text) == EventsResponse(
            results={
                "a": ItemResponse(),
                "b": ItemResponse(endpoint_item_response=EndpointItemResponse()),
            }
        )

    def test_escaped_surrogates(self) -> None:
        """A pair is a character; a lone one is a problem, or in an answer a ?."""
        text = f'{{"EventType":"\\ud83d\\ude00","Timestamp":"{STAMP}"}}'
        assert from_json(Event, text) == event("\U0001f600")
        lone = text.replace("\\ude00", "").replace("}", ',"Attributes":{"\\udc00":""}}')
        assert facts_of(lambda: from_json(Event, lone)) == [
            "EventType: lone_surrogate",
            "Attributes['\\udc00']: lone_surrogate_in_key",
        ]
        answer = (
            '{"Results":{"\\ud83d":{"EndpointItemResponse":{"Message":"\\udc00"}}}}'
        )
        assert from_json(EventsResponse, answer) == EventsResponse(
            results={
                "?": ItemResponse(
                    endpoint_item_response=EndpointItemResponse(message="?")
                )
            }
        )

    @pytest.mark.parametrize(
        "data",
        [
            EVENT_TEXT,
            EVENT_TEXT.encode(),
            b"\xef\xbb\xbf" + EVENT_TEXT.encode(),
            f" \n\t{EVENT_TEXT}\r\n",
        ],
        ids=["text", "bytes", "byte order mark", "white space"],
    )
    def test_forms(self, data: bytes | str) -> None:
        """Text or bytes, with the marks and spaces that files have."""
        assert from_json(Event, data) == event("_session.start")

    def test_keys_that_stand_twice(self) -> None:
        """In a request neither may vanish, at any depth; each is one problem."""
        text = f"""{{"BatchItem": {{
            "e": {{"Endpoint": {{"OptOut": "ALL", "OptOut": "NONE", "OptOut": "ALL"}},
                   "Events": {{"v": {EVENT_TEXT}, "w": 5, "v": {EVENT_TEXT}}}}},
            "f": {{"Endpoint": {{"User": {{"UserAttributes": {{"a": [], "a": []}}}}}},
                   "Events": {{"x": {{"EventType": {{"a": 1, "a": 2}},
                                      "Timestamp": "{STAMP}"}}}}}},
            "e": {{"Endpoint": {{}}, "Events": {{}}}}
        }}}}"""
        assert facts_of(lambda: from_json(EventsRequest, text)) == [
            "BatchItem['e']: duplicate_key",
            "BatchItem['f'].Endpoint.User.UserAttributes['a']: duplicate_key",
            "BatchItem['f'].Events['x'].EventType: wrong_type dict not name",
        ]
        one = text.replace(
            '"e": {"Endpoint": {}, "Events": {}}', '"g": {"Endpoint": {}, "Events": {}}'
        )
        assert facts_of(lambda: from_json(EventsRequest, one.encode()))[:3] == [
            "BatchItem['e'].Endpoint.OptOut: duplicate_key",
            "BatchItem['e'].Events['v']: duplicate_key",
            "BatchItem['e'].Events['w']: not_an_object int Event",
        ]

    @pytest.mark.parametrize(
        "attributes, line",
        [
            ('{"a":"1","a":"1"}', "Attributes['a']: duplicate_key"),
            ('{"a":":","a":":"}', "Attributes['a']: duplicate_key"),
            ('{"a":"::","\\u0061":""}', "Attributes['a']: duplicate_key"),
            ('{"\\u003a":"","b":"1","b":""}', "Attributes['b']: duplicate_key"),
            ('{"a\\\\":"1","a\\\\":":"}', r"Attributes['a\\']: duplicate_key"),
            ('{"":1,"":{"a":1}}', "Attributes['']: duplicate_key"),
        ],
        ids=range(6),
    )
    def test_keys_that_stand_twice_however_written(
        self, attributes: str, line: str
    ) -> None:
        """Escapes and colons do not hide it, whichever reader is at work."""
        text = f'{{"EventType":"t","Timestamp":"{STAMP}","Attributes":{attributes}}}'
        for data in (text, text.encode()):
            found = facts_of(lambda data=data: from_json(Event, data))  # type: ignore[misc]
            assert found == [line]

    def test_colons_are_no_keys(self) -> None:
        """Texts may have any number of them, escaped or not."""
        text = (
            f'{{"EventType":":\\u003a","Timestamp":"{STAMP}","Attributes":{{":":":"}}}}'
        )
        for data in (text, text.encode()):
            assert from_json(Event, data) == event("::", attributes={":": ":"})

    def test_keys_that_stand_twice_in_an_answer(self) -> None:
        """An answer is what it is: the last one counts, as everywhere in JSON."""
        text = '{"Results":{"e":400,"e":202}}'
        assert from_json(EventsResponse, text) == EventsResponse(
            results={"e": ItemResponse(status_code=202)}
        )

    def test_many_repeated_keys_take_no_time(self) -> None:
        """Their number is counted once, not once for each: that takes minutes."""
        keys = ",".join(f'"k{number}":1' for number in range(6_000))
        lines = facts_of(lambda: from_json(Event, f'{{{keys},"k1":2}}'))
        assert lines[0] == "k1: duplicate_key"

    @pytest.mark.parametrize("data", [None, 5, {}], ids=range(3))
    def test_no_text(self, data: Any) -> None:
        """What is no text at all is a mistake in the program."""
        for cls in (Event, EventsResponse):
            with pytest.raises(TypeError):
                from_json(cls, data)


class TestReaders:
    """The accelerator and the standard library read alike."""

    @pytest.mark.parametrize(
        "text",
        [
            b'{"a":[1,-2.5,true,false,null,"\\u00fc"]}',
            b' {"a" : { } , "b":[ ]} ',
            b'{"a":1,"a":2}',
            b'"\\ud83d\\ude00"',
            b'"\\ud83d"',
            b"1e400",
            b"-0",
            b"1.0",
            b"0.1e-7",
            b"\xef\xbb\xbf{}",
            b"9007199254740993",
        ],
        ids=range(11),
    )
    def test_same_meaning(self, text: bytes) -> None:
        """Whatever is installed, `decode` gives what `json.loads` gives."""
        read, wanted = decode(text), json.loads(text)
        assert read == wanted
        assert type(read) is type(wanted)

    @pytest.mark.parametrize("read", [decode, decode_request])
    def test_byte_order_mark(self, read: Callable[[bytes], object]) -> None:
        """That of UTF-8, as Windows puts it before a text, says nothing."""
        assert read(b"\xef\xbb\xbf" + '{"a":"ü"}'.encode()) == {"a": "ü"}

    @pytest.mark.parametrize("read", [decode, decode_request])
    @pytest.mark.parametrize("text", ['{"a":"ü"}', "[1]", "1"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize(
        "encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
    )
    def test_utf8_only(
        self, read: Callable[[bytes], object], text: str, mark: str, encoding: str
    ) -> None:
        """UTF-16 and UTF-32 are refused, which `json.loads` would read."""
        data = (mark + text).encode(encoding)
        assert json.loads(data) == json.loads(text)
        assert facts_of(lambda: read(data)) == ["not_utf8 at (0,)"]

    @pytest.mark.parametrize("read", [decode, decode_request])
    def test_surrogates_in_utf8(self, read: Callable[[bytes], object]) -> None:
        """UTF-8 has none (RFC 3629); `json.loads` would read them."""
        data = '"\ud800"'.encode(errors="surrogatepass")
        assert json.loads(data) == "\ud800"
        assert facts_of(lambda: read(data)) == ["not_utf8 at (1,)"]


class TestThreads:
    """The converter is made when first needed, by whichever thread comes first."""

    def test_first_use_by_many_threads(self) -> None:
        """A fresh process writes and reads in many threads at once, all alike."""
        code = """
import threading
from pinpoint_events import EventsRequest, from_json, to_json
from tests.samples import REQUEST, golden
start, results = threading.Barrier(8), []
def work():
    start.wait()
    text = to_json(REQUEST)
    again = from_json(EventsRequest, text)
    results.append((text == golden("request.json"), again == REQUEST))
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert results == [(True, True)] * 8, results
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_one_object_in_many_threads(self) -> None:
        """An object may be hashed, written and compared by any number of threads."""
        built = request(e={str(number): event() for number in range(50)})
        seen: list[tuple[int, bytes]] = []
        threads = [
            threading.Thread(target=lambda: seen.append((hash(built), to_json(built))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(seen) == {(hash(built), to_json(built))}
        assert len(seen) == 8
