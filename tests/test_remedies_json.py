"""Every remedy that those who write JSON read is followed once, with its own value."""

import json
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest

from pinpoint_events import (
    Endpoint,
    Event,
    EventsBatch,
    EventsRequest,
    EventsResponse,
    MemorySender,
    QuotaExceededError,
    Session,
    ValidationError,
    from_json,
    from_wire,
    to_wire,
)
from pinpoint_events.problems import Audience, Expected, ProblemCode
from pinpoint_events.problems.catalogues import CATALOGUES
from pinpoint_events.server import Faults
from tests.samples import event, request
from tests.test_remedies import PLAIN

C: Final = ProblemCode
JSON: Final = CATALOGUES[Audience.JSON]
TIME: Final = '"2026-11-24T09:30:00.000Z"'
LATER: Final = '"2026-11-24T09:30:01.000Z"'


class Written(NamedTuple):
    """
    A mistake in JSON, and what its remedy says to write.

    Attributes:
        read: Reads the text.
        mistake: A text that is refused.
        remedy: A text as the remedy says; it is not refused.
    """

    read: Callable[[str], object]
    mistake: str
    remedy: str


def event_of(members: str) -> Event:
    """Return an event with these members, one after the other."""
    given = dict.fromkeys(json.loads(f"{{{members}}}"))
    rest = [
        f'"{name}": {text}'
        for name, text in (("EventType", '"t"'), ("Timestamp", TIME))
        if name not in given
    ]
    return from_json(Event, f"{{{', '.join([*rest, members])}}}")


def endpoint_of(members: str) -> Endpoint:
    """Return an endpoint with these members."""
    return from_json(Endpoint, f"{{{members}}}")


def session_of(members: str) -> Session:
    """Return a session with these members beside id and start."""
    return from_json(Session, f'{{"Id": "s", "StartTimestamp": {TIME}, {members}}}')


def attribute(value: str) -> Event:
    """Return an event with an attribute."""
    return event_of(f'"Attributes": {{"k": {value}}}')


def metric(value: str) -> Event:
    """Return an event with a metric."""
    return event_of(f'"Metrics": {{"k": {value}}}')


def texts(value: str) -> Endpoint:
    """Return an endpoint with an attribute."""
    return endpoint_of(f'"Attributes": {{"k": {value}}}')


def request_of(text: str) -> EventsRequest:
    """Return the request in a text."""
    return from_json(EventsRequest, text)


def code_of(value: str) -> EventsResponse:
    """Return an answer with a status code."""
    text = (
        f'{{"Results": {{"e": {{"EndpointItemResponse": {{"StatusCode": {value}}}}}}}}}'
    )
    return from_json(EventsResponse, text)


def faults(members: str) -> Faults:
    """Return the faults of a file with one, of these members."""
    return Faults.from_json(f'{{"faults": [{{{members}}}]}}')


def sent(text: str) -> list[object]:
    """Send the requests of a list, each by itself."""
    sender = MemorySender()
    return [
        sender.put_events(from_wire(EventsRequest, each)) for each in json.loads(text)
    ]


def wire_text(*requests: EventsRequest) -> str:
    """Return requests as a list in JSON."""
    return json.dumps([to_wire(each) for each in requests])


MANY: Final = request(e={f"v-{number}": event() for number in range(150)})
WIDE: Final = EventsRequest(
    batch_item=dict.fromkeys(
        map(str, range(1_500)), EventsBatch(endpoint=Endpoint(), events={})
    )
)
LARGE: Final = request(
    e={
        f"v-{number}": Event(
            "t", attributes={f"k{key}": "x" * 200 for key in range(40)}
        )
        for number in range(100)
    }
)
HUGE: Final = EventsRequest(
    batch_item={f"e-{number}": LARGE.batch_item["e"] for number in range(6)}
)

# By what is expected and the type or kind of value that was found.
TYPES: Final[dict[tuple[Expected, str | None], Written]] = {
    (Expected.BOOLEAN, None): Written(
        faults,
        '"fault": "cut", "where": "after", "is_taken": "true"',
        '"fault": "cut", "where": "after", "is_taken": true',
    ),
    (Expected.DURATION, "float"): Written(
        session_of, '"Duration": 1.5', '"Duration": 15'
    ),
    (Expected.DURATION, "str"): Written(
        session_of, '"Duration": "15.0"', '"Duration": 15'
    ),
    (Expected.DURATION, None): Written(
        session_of, '"Duration": [15]', '"Duration": 15'
    ),
    (Expected.INTEGER, "float"): Written(
        faults,
        '"fault": "fail_call", "status": 503.0',
        '"fault": "fail_call", "status": 503',
    ),
    (Expected.INTEGER, "str"): Written(
        faults,
        '"fault": "fail_call", "status": "503"',
        '"fault": "fail_call", "status": 503',
    ),
    (Expected.INTEGER, None): Written(
        faults,
        '"fault": "fail_call", "status": [503]',
        '"fault": "fail_call", "status": 503',
    ),
    (Expected.INTEGERS, None): Written(
        faults,
        '"fault": "fail_call", "calls": 2',
        '"fault": "fail_call", "calls": [1, 2]',
    ),
    (Expected.LIST, None): Written(
        Faults.from_json,
        '{"faults": {"fault": "fail_call"}}',
        '{"faults": [{"fault": "fail_call"}]}',
    ),
    (Expected.MAPPING, None): Written(
        event_of, '"Attributes": ["k", "v"]', '"Attributes": {"k": "v"}'
    ),
    (Expected.MEASURE, "str"): Written(
        endpoint_of,
        '"Location": {"Latitude": "9.5"}',
        '"Location": {"Latitude": 9.5}',
    ),
    (Expected.MEASURE, None): Written(
        endpoint_of,
        '"Location": {"Latitude": true}',
        '"Location": {"Latitude": 1}',
    ),
    (Expected.NAME, "NoneType"): Written(
        faults,
        '"fault": "fail_call", "message": null',
        '"fault": "fail_call", "message": "m"',
    ),
    (Expected.NAME, "dict"): Written(
        event_of, '"EventType": {"a": 1}', '"EventType": "t"'
    ),
    (Expected.NAME, "list"): Written(
        event_of, '"EventType": ["t"]', '"EventType": "t"'
    ),
    (Expected.NAME, None): Written(event_of, '"EventType": 5', '"EventType": "5"'),
    (Expected.NUMBER, "NoneType"): Written(metric, "null", "1"),
    (Expected.NUMBER, "bool"): Written(metric, "true", "1"),
    (Expected.NUMBER, "str"): Written(metric, '"9.99"', "9.99"),
    (Expected.NUMBER, None): Written(metric, "[1]", "1"),
    (Expected.TEXT, "NoneType"): Written(attribute, "null", '"v"'),
    (Expected.TEXT, "dict"): Written(attribute, '{"a": "b"}', '"b"'),
    (Expected.TEXT, "list"): Written(attribute, '["a", "b"]', '"a, b"'),
    (Expected.TEXT, None): Written(attribute, "5", '"5"'),
    (Expected.TEXTS, "NoneType"): Written(texts, "null", "[]"),
    (Expected.TEXTS, None): Written(texts, "5", '["5"]'),
    (Expected.TIME, None): Written(
        event_of, '"Timestamp": [2026]', f'"Timestamp": {TIME}'
    ),
}
# What no JSON text holds: a tuple, bytes, a value that is not JSON, and settings that
# only Python callers give.
NEVER: Final = {
    (Expected.BYTES, None),
    (Expected.JSON, None),
    (Expected.NAME, "tuple"),
    (Expected.TEXT, "tuple"),
    *((Expected.ATTEMPTS, kind) for kind in JSON.type_remedies[Expected.ATTEMPTS]),
    *(
        (expected, kind)
        for expected in (
            Expected.FILE,
            Expected.FILES,
            Expected.FUNCTION,
            Expected.PATH,
            Expected.SENDER,
        )
        for kind in JSON.type_remedies[expected]
    ),
    *((Expected.SECONDS, kind) for kind in JSON.type_remedies[Expected.SECONDS]),
}

CODES: Final[dict[ProblemCode, Written]] = {
    C.WRONG_TYPE_OF_VALUE: Written(
        endpoint_of, '"ChannelType": 5', '"ChannelType": "EMAIL"'
    ),
    C.BARE_TEXT: Written(texts, '"gold"', '["gold"]'),
    C.NUMBER_AS_TIME: Written(
        event_of, '"Timestamp": 1795512600000', f'"Timestamp": {TIME}'
    ),
    C.LONE_SURROGATE: Written(attribute, r'"\ud83d"', r'"\ud83d\ude00"'),
    C.LONE_SURROGATE_IN_KEY: Written(
        event_of,
        r'"Attributes": {"\ud83d": "v"}',
        r'"Attributes": {"\ud83d\ude00": "v"}',
    ),
    C.NO_TIME_OF_DAY: Written(
        event_of, '"Timestamp": "2026-11-24"', f'"Timestamp": {TIME}'
    ),
    C.NOT_ISO_8601: Written(
        event_of, '"Timestamp": "24/11/2026 09:30"', f'"Timestamp": {TIME}'
    ),
    C.NEGATIVE_DURATION: Written(session_of, '"Duration": -5', '"Duration": 5'),
    C.INTEGER_TOO_LARGE: Written(session_of, f'"Duration": {2**60}', '"Duration": 60'),
    C.NUMBER_OUT_OF_RANGE: Written(
        faults,
        '"fault": "fail_call", "status": 200',
        '"fault": "fail_call", "status": 500',
    ),
    C.MISSING_CHANNEL_TYPE: Written(
        endpoint_of,
        '"Address": "a@example.com"',
        '"Address": "a@example.com", "ChannelType": "EMAIL"',
    ),
    C.DURATION_MISMATCH: Written(
        session_of,
        f'"StopTimestamp": {LATER}, "Duration": 999',
        f'"StopTimestamp": {LATER}, "Duration": 1000',
    ),
    C.STOP_BEFORE_START: Written(
        lambda text: from_json(Session, text),
        f'{{"Id": "s", "StartTimestamp": {LATER}, "StopTimestamp": {TIME}}}',
        f'{{"Id": "s", "StartTimestamp": {TIME}, "StopTimestamp": {LATER}}}',
    ),
    C.WRAPPED_REQUEST: Written(
        request_of, '{"EventsRequest": {"BatchItem": {}}}', '{"BatchItem": {}}'
    ),
    C.NOT_AN_OBJECT: Written(request_of, "[]", '{"BatchItem": {}}'),
    C.UNKNOWN_VALUE: Written(
        endpoint_of, '"ChannelType": "email"', '"ChannelType": "EMAIL"'
    ),
    C.SET_BY_SERVICE: Written(endpoint_of, '"CohortId": "7"', ""),
    C.NOT_A_FAULT: Written(
        Faults.from_json,
        '{"faults": ["fail_call"]}',
        '{"faults": [{"fault": "fail_call"}]}',
    ),
    C.TOO_MANY_EVENTS: Written(sent, wire_text(MANY), wire_text(*MANY.split())),
    C.TOO_MANY_ENDPOINTS: Written(sent, wire_text(WIDE), wire_text(*WIDE.split())),
    C.REQUEST_TOO_LARGE: Written(sent, wire_text(HUGE), wire_text(*HUGE.split())),
}
# Faults of objects in Python, of which no JSON text can be guilty.
PYTHON_ONLY: Final = {
    C.ALREADY_AN_OBJECT,
    C.ATTEMPTS_NOT_POSITIVE,
    C.BUILDER_NOT_BUILT,
    C.EMPTY_BUILDER,
    C.ENDPOINT_DIFFERS,
    C.EVENT_ID_TAKEN,
    C.LIMIT_NOT_POSITIVE,
    C.MISSING_PRICE,
    C.NOT_AN_INSTANCE,
    C.NO_CURRENT_ENDPOINT,
    C.PLAIN_DATA,
    C.SET_BY_ARGUMENT,
    C.SEVERAL_REQUESTS,
    C.STATUS_CODE_NOT_ALONE,
    C.WRONG_KEY_TYPE,
}
# With several remedies, each in a test of its own below.
SEVERAL: Final = {C.METRIC_TOO_LARGE, C.NO_TIME_ZONE, C.NOT_UTF8, C.WRONG_TYPE}


def refused(written: Written) -> ValidationError:
    """Return the error that the mistake is refused with."""
    with pytest.raises(ValidationError) as caught:
        written.read(written.mistake)
    return caught.value


class TestRemedies:
    """What a remedy says to write is read without another mistake."""

    @pytest.mark.parametrize(
        "expected, kind", TYPES, ids=lambda part: str(part or "other")
    )
    def test_wrong_types(self, expected: Expected, kind: str | None) -> None:
        """The remedy goes by the type of what is written."""
        written = TYPES[expected, kind]
        (problem,) = refused(written).problems
        assert (problem.code, problem.audience) == (C.WRONG_TYPE, Audience.JSON)
        assert problem.remedy == JSON.type_remedies[expected][kind]
        written.read(written.remedy)

    def test_wrong_types_are_complete(self) -> None:
        """Each entry of the catalogue is there."""
        assert TYPES.keys() | NEVER == {
            (expected, kind)
            for expected, remedies in JSON.type_remedies.items()
            for kind in remedies
        }

    @pytest.mark.parametrize("code", CODES)
    def test_codes(self, code: ProblemCode) -> None:
        """What the remedy says is read."""
        written = CODES[code]
        assert code in {problem.code for problem in refused(written).problems}
        written.read(written.remedy)

    def test_codes_are_complete(self) -> None:
        """Each code is there, or its remedy is plain."""
        assert set(ProblemCode) == CODES.keys() | PLAIN | PYTHON_ONLY | SEVERAL

    @pytest.mark.parametrize("time", ["2026-11-24T09:30:00", "2026-11-24 09:30"])
    @pytest.mark.parametrize("end", ["Z", "+02:00"])
    def test_time_zone(self, time: str, end: str) -> None:
        """Z, or the offset, makes it whole."""
        (problem,) = refused(Written(event_of, f'"Timestamp": "{time}"', "")).problems
        assert problem.code is C.NO_TIME_ZONE
        event_of(f'"Timestamp": "{time}{end}"')

    def test_large_metric(self) -> None:
        """With a decimal point, or as an attribute."""
        (problem,) = refused(Written(metric, str(2**60), "")).problems
        assert problem.code is C.METRIC_TOO_LARGE
        assert metric(f"{2**60}.0").metrics["k"] == float(2**60)
        assert attribute(f'"{2**60}"').attributes["k"] == str(2**60)

    def test_encoding(self) -> None:
        """In UTF-8 the same text is read."""
        text = '{"Attributes": {"k": ["ü"]}}'
        with pytest.raises(ValidationError) as caught:
            from_json(Endpoint, text.encode("latin-1"))
        (problem,) = caught.value.problems
        assert problem.code is C.NOT_UTF8
        assert from_json(Endpoint, text.encode()).attributes["k"] == ("ü",)

    def test_boolean_metric_as_attribute(self) -> None:
        """The other way that the remedy names."""
        assert attribute('"true"').attributes["k"] == "true"

    def test_quotas(self) -> None:
        """What is sent in several requests is within the quotas, and whole."""
        for whole in (MANY, HUGE):
            with pytest.raises(QuotaExceededError):
                MemorySender().put_events(whole)
            events = [each for part in whole.split() for each in part.events()]
            assert events == list(whole.events())
