import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar

import pytest
from tests.server.clients import ACCEPTED, EVENT, TIMESTAMP, batch_item

from pinpoint_events.model.endpoint import ChannelType, Endpoint, EndpointStatus
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.problems import Problem
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._request_reader import ParsedRequest, RequestReader
from pinpoint_events.wire import to_wire

READER = RequestReader(Quotas())
TWICE = "occurs twice; each key once; rename one, or put both into one object"


def read(data: Any, reader: RequestReader = READER) -> ParsedRequest:
    """Return the call that a body makes; what is no bytes, as JSON."""
    return reader.read(data if isinstance(data, bytes) else json.dumps(data).encode())


def answered(parsed: ParsedRequest, updates: dict[str, Endpoint] | None = None) -> Any:
    """Return the answer to a call of which everything sent is accepted."""
    sent = parsed.request_to_send(updates or {})
    response = EventsResponse() if sent is None else accepted(sent)
    return to_wire(parsed.response(response)).get("Results", {})


def of_events(data: Any, reader: RequestReader = READER) -> dict[str, str]:
    """Return event id to message of the events of endpoint `e`."""
    item = answered(read(data, reader))["e"]
    assert item["EndpointItemResponse"] == ACCEPTED
    return {
        event_id: response["Message"]
        for event_id, response in item["EventsItemResponse"].items()
        if response["StatusCode"] in {202, 400}
    }


def of_endpoint(endpoint: Any) -> tuple[int, str]:
    """Return what is answered of an endpoint, beside an event that is accepted."""
    data = {"BatchItem": {"e": {"Endpoint": endpoint, "Events": {"v": EVENT}}}}
    item = answered(read(data))["e"]
    assert item["EventsItemResponse"] == {"v": ACCEPTED}
    response = item["EndpointItemResponse"]
    return response["StatusCode"], response["Message"]


def refused(data: Any, reader: RequestReader = READER) -> tuple[int, str, str]:
    """Return status, code and message of a call that is refused as a whole."""
    with pytest.raises(RequestError) as raised:
        read(data, reader)
    return raised.value.status, raised.value.code, raised.value.message


def event(**members: Any) -> dict[str, Any]:
    """Return an event as it stands on the wire."""
    return {**EVENT, **members}


class TestEvents:
    """A bad event has its own 400; the others of the call are accepted."""

    def test_sound(self) -> None:
        """A sound event is sent as it is."""
        parsed = read(batch_item(e={"v": EVENT}))
        sent = parsed.request_to_send({})
        assert sent is not None
        assert to_wire(sent) == batch_item(e={"v": EVENT})
        assert answered(parsed) == {
            "e": {
                "EndpointItemResponse": ACCEPTED,
                "EventsItemResponse": {"v": ACCEPTED},
            }
        }

    def test_neighbours(self) -> None:
        """The events beside a bad one are sent, and answered in the call's order."""
        events = {"a": EVENT, "b": event(EventType=""), "c": EVENT}
        parsed = read(batch_item(e=events))
        sent = parsed.request_to_send({})
        assert sent is not None
        assert list(sent.batch_item["e"].events) == ["a", "c"]
        assert list(answered(parsed)["e"]["EventsItemResponse"].items()) == [
            ("a", ACCEPTED),
            (
                "b",
                {
                    "StatusCode": 400,
                    "Message": "EventType: is empty; at least 1 character; give it a "
                    "name",
                },
            ),
            ("c", ACCEPTED),
        ]

    @pytest.mark.parametrize(
        "bad, message",
        [
            (
                event(Attributes={str(n): "" for n in range(41)}),
                "Number of attributes per event submitted should be less than 40.",
            ),
            (
                event(Metrics={str(n): n for n in range(41)}),
                "Number of attributes per event submitted should be less than 40.",
            ),
            (
                event(Attributes={"k" * 51: ""}),
                "Event attribute key length should be less than 50.",
            ),
            (
                event(Attributes={"k": "v" * 201, "l": "v" * 202}),
                "Event attribute value length should be less than 200",
            ),
            (
                event(
                    Session={
                        "Id": "s",
                        "StartTimestamp": "2026-09-21T12:00:00.000Z",
                        "StopTimestamp": "2026-09-21T12:00:20.009Z",
                        "Duration": 20_008,
                    }
                ),
                (
                    "Session duration in milliseconds must be equal to the "
                    "difference of start and stop timestamp"
                ),
            ),
            (
                event(
                    Session={
                        "Id": "s",
                        "StartTimestamp": TIMESTAMP,
                        "StopTimestamp": TIMESTAMP,
                    }
                ),
                "Session start and stop timestamp's exist but duration is null",
            ),
            (
                event(
                    Session={"Id": "s", "StartTimestamp": TIMESTAMP, "Duration": "1"}
                ),
                (
                    "Session.Duration: is a string; expected a whole number "
                    "of milliseconds; "
                    "write it without quotes and decimal point"
                ),
            ),
            (
                {"EventType": "tapped"},
                "Timestamp: is missing; a required member; add it",
            ),
            (
                event(Metrics={"m": True}),
                (
                    "Metrics['m']: is a boolean; expected a number; write 1 "
                    "or 0, or make it an "
                    "attribute"
                ),
            ),
            ("text", None),
            (event(Session="text"), None),
        ],
    )
    def test_words(self, bad: Any, message: str | None) -> None:
        """The service's words are used where someone has seen them, ours elsewhere."""
        found = of_events(batch_item(e={"good": EVENT, "bad": bad}))
        assert found["good"] == "Accepted"
        if message is None:
            assert "is a string; expected an object with members of" in found["bad"]
        else:
            assert found["bad"] == message

    def test_all_kinds_at_once(self) -> None:
        """Unsound events and events over a quota are each told of."""
        long = event(Attributes={"k": "v" * 201})
        found = of_events(batch_item(e={"a": {}, "b": long, "c": long, "d": EVENT}))
        message = "Event attribute value length should be less than 200"
        assert (found["b"], found["c"], found["d"]) == (message, message, "Accepted")

    def test_bounds_are_inclusive(self) -> None:
        """What is at the limit of each quota is accepted."""
        texts = {f"{n:050}": "v" * 200 for n in range(40)}
        data = batch_item(e={"v": event(Attributes=texts)})
        assert of_events(data) == {"v": "Accepted"}

    def test_quotas_can_be_set(self) -> None:
        """Messages tell the limit that holds here."""
        reader = RequestReader(Quotas(event_attribute_key_characters=3))
        data = batch_item(e={"v": event(Attributes={"four": ""})})
        assert of_events(data, reader) == {
            "v": "Event attribute key length should be less than 3."
        }

    def test_bytes(self) -> None:
        """An event is measured by its own text, in a call that is small, too."""
        reader = RequestReader(Quotas(event_bytes=70))
        data = batch_item(e={"long": event(Attributes={"k": "v" * 20}), "v": EVENT})
        assert of_events(data, reader) == {
            "long": "103 bytes; at most 70; shorten its values, or make it several "
            "events",
            "v": "Accepted",
        }

    def test_no_limit_of_bytes(self) -> None:
        """The limit of bytes can be switched off."""
        reader = RequestReader(Quotas(event_bytes=None))
        assert of_events(batch_item(e={"v": EVENT}), reader) == {"v": "Accepted"}

    def test_several_problems(self) -> None:
        """All that is wrong with an event is told, up to a bound."""
        found = of_events(batch_item(e={"v": {f"Key{n}": 1 for n in range(9)}}))
        assert found["v"].count("is not known") == 5
        assert found["v"].endswith("; and 6 more")

    def test_long_message(self) -> None:
        """A message has at most 1,000 characters."""
        keys = [f"{n}{'key' * 20}" for n in range(5)]
        found = of_events(batch_item(e={"v": dict.fromkeys(keys, 1)}))
        assert len(found["v"]) == 1_000
        assert found["v"].endswith("…")

    def test_escaped_name(self) -> None:
        """A stop without a duration is refused however its name is written."""
        session = {"Id": "s", "StartTimestamp": TIMESTAMP, "StopTimestamp": TIMESTAMP}
        text = json.dumps(batch_item(e={"v": event(Session=session)}))
        escaped = text.replace("StopTimestamp", "\\u0053topTimestamp")
        message = "Session start and stop timestamp's exist but duration is null"
        assert of_events(escaped.encode()) == of_events(text.encode()) == {"v": message}

    def test_key_twice(self) -> None:
        """A key that occurs twice in an event is its own problem."""
        text = json.dumps(batch_item(e={"v": EVENT, "w": EVENT}))
        bad = text.replace('"EventType"', '"EventType": "x", "EventType"', 1)
        assert of_events(bad.encode()) == {
            "v": f"EventType: {TWICE}",
            "w": "Accepted",
        }

    def test_id_twice(self) -> None:
        """An event id that occurs twice is refused, and the others are looked at."""
        text = json.dumps(
            batch_item(e={"v": EVENT, "w": EVENT, "x": event(EventType="")})
        )
        bad = text.replace('"w"', f'"v": {json.dumps(EVENT)}, "w"')
        assert of_events(bad.encode()) == {
            "v": TWICE,
            "w": "Accepted",
            "x": "EventType: is empty; at least 1 character; give it a name",
        }

    def test_empty_id(self) -> None:
        """An empty event id is refused under that id."""
        assert of_events(batch_item(e={"": EVENT})) == {
            "": "the key is empty; at least 1 character; give it a name"
        }


class TestEndpoints:
    """A bad endpoint has its own 400; its events are accepted all the same."""

    @pytest.mark.parametrize(
        "endpoint, message",
        [
            ({"Address": "someone@example.com"}, "Missing ChannelType"),
            (
                {"OptOut": "none"},
                (
                    "OptOut: is no known value; expected one of ALL, NONE; write "
                    "one of them"
                ),
            ),
            (
                {"Attributes": {"k" * 51: []}},
                (
                    f"Attributes['{'k' * 51}']: 51 characters in the key; at most 50; "
                    "shorten it"
                ),
            ),
            (
                {"User": {"UserAttributes": {"metrics": ["", "v" * 101]}}},
                (
                    "User.UserAttributes['metrics'][1]: 101 characters; at most 100; "
                    "shorten the value or drop the key"
                ),
            ),
        ],
    )
    def test_words(self, endpoint: Any, message: str) -> None:
        """The service's words, or ours with the wire's names."""
        assert of_endpoint(endpoint) == (400, message)

    def test_sound(self) -> None:
        """An endpoint within rules and quotas is accepted."""
        endpoint = {"Address": "someone@example.com", "ChannelType": "EMAIL"}
        assert of_endpoint(endpoint) == (202, "Accepted")

    def test_text_for_an_endpoint(self) -> None:
        """What is no object is the endpoint's own problem."""
        status, message = of_endpoint("text")
        assert (status, message[:36]) == (400, "is a string; expected an object with")

    def test_member_twice(self) -> None:
        """An endpoint that occurs twice is the endpoint's own problem."""
        text = json.dumps(batch_item(e={"v": EVENT}))
        bad = text.replace('"Endpoint": {}', '"Endpoint": {}, "Endpoint": {}')
        item = answered(read(bad.encode()))["e"]
        assert item == {
            "EndpointItemResponse": {
                "StatusCode": 400,
                "Message": TWICE,
            },
            "EventsItemResponse": {"v": ACCEPTED},
        }

    def test_alone(self) -> None:
        """A bad endpoint without events is not sent at all."""
        data = {"BatchItem": {"e": {"Endpoint": {"OptOut": "x"}, "Events": {}}}}
        parsed = read(data)
        assert parsed.request_to_send({}) is None
        assert answered(parsed)["e"]["EndpointItemResponse"]["StatusCode"] == 400

    def test_untouched(self) -> None:
        """An endpoint of which nothing is said is sent, without events, too."""
        parsed = read(batch_item(e={}))
        sent = parsed.request_to_send({})
        assert sent is not None
        assert to_wire(sent) == batch_item(e={})


class TestWholeCalls:
    """What is no item's fault is the call's: nothing of it is taken."""

    @pytest.mark.parametrize(
        "data, message",
        [
            (b"", "is not JSON: Expecting value at line 1 column 1"),
            (
                b"{",
                (
                    "is not JSON: Expecting property name enclosed in double quotes "
                    "at line 1 column 2"
                ),
            ),
            (b'{"a": "\xff"}', "is not UTF-8 at byte 7"),
            (b'{"a": NaN}', "is not JSON: NaN is no number"),
            (b"[" * 100_000, "is JSON nested too deeply"),
            (b"[]", "is an array; expected an object with members of BatchItem"),
            ({}, "BatchItem: is missing; a required member; add it"),
            (
                {"EventsRequest": {"BatchItem": {}}, "BatchItem": {}},
                (
                    "EventsRequest: is not known; expected one of BatchItem; "
                    "send the value "
                    "of EventsRequest"
                ),
            ),
            (
                {"BatchItem": []},
                "BatchItem: is an array; expected an object; write it as {...}",
            ),
            (
                {"BatchItem": {"e": 1}},
                (
                    "BatchItem['e']: is a number; expected an object with members of "
                    "Endpoint, Events"
                ),
            ),
            (
                {"BatchItem": {"e": {"Events": {}}}},
                "BatchItem['e'].Endpoint: is missing; a required member; add it",
            ),
            (
                {"BatchItem": {"e": {"Endpoint": {}}}},
                "BatchItem['e'].Events: is missing; a required member; add it",
            ),
            (
                {"BatchItem": {"e": {"Endpoint": {}, "Events": []}}},
                (
                    "BatchItem['e'].Events: is an array; expected an object; "
                    "write it as {...}"
                ),
            ),
            (
                {"BatchItem": {"": {"Endpoint": {}, "Events": {}}}},
                "BatchItem['']: the key is empty; at least 1 character",
            ),
        ],
    )
    def test_shape(self, data: Any, message: str) -> None:
        """A call that has not the shape of one is refused with 400."""
        found = refused(data)
        assert found[:2] == (400, "BadRequestException")
        assert found[2].startswith(message)

    def test_key_twice(self) -> None:
        """An endpoint id that occurs twice is no one's own fault."""
        text = json.dumps({"BatchItem": {"e": {"Endpoint": {}, "Events": {}}}})
        bad = text.replace('"e":', '"e": {}, "e":')
        assert f"BatchItem['e']: {TWICE}" in refused(bad.encode())[2]

    def test_id_that_no_answer_can_name(self) -> None:
        """An event id that UTF-8 cannot hold makes the whole call bad."""
        data = json.dumps(batch_item(e={"v": EVENT})).replace('"v"', '"\\ud800"')
        assert refused(data.encode()) == (
            400,
            "BadRequestException",
            (
                "BatchItem['e'].Events['\\ud800']: the key has a lone surrogate; text "
                "that UTF-8 can hold; correct its \\u escapes"
            ),
        )

    def test_too_many_events(self) -> None:
        """More than 100 events, over all endpoints, are refused unread."""
        half = {str(n): 1 for n in range(51)}
        assert refused(batch_item(e=half, f=half)) == (
            400,
            "BadRequestException",
            "102 events; at most 100; send it in several requests",
        )

    @pytest.mark.parametrize("batch", [1, {}, {"Endpoint": {}, "Events": {}}])
    def test_too_many_endpoints(self, batch: Any) -> None:
        """More than 1,000 endpoints are refused unread, whatever they are."""
        assert refused({"BatchItem": dict.fromkeys(map(str, range(1_001)), batch)}) == (
            400,
            "BadRequestException",
            "1,001 endpoints; at most 1,000; send it in several requests",
        )

    def test_as_many_endpoints_as_allowed(self) -> None:
        """1,000 are accepted; another limit can be set."""
        batch: dict[str, Any] = {"Endpoint": {}, "Events": {}}
        data = {"BatchItem": dict.fromkeys(map(str, range(1_000)), batch)}
        assert len(answered(read(data))) == 1_000
        found = refused(data, RequestReader(Quotas(endpoints_per_request=999)))
        assert found[2].startswith("1,000 endpoints; at most 999; ")
        data["BatchItem"]["1000"] = batch
        unlimited = RequestReader(Quotas(endpoints_per_request=None))
        assert len(answered(read(data, unlimited))) == 1_001

    def test_longest_ids(self) -> None:
        """Ids of 256 characters are accepted, a character may be long in UTF-8."""
        name = "\U0001f9ed" * 256
        assert list(answered(read(batch_item(**{name: {name: EVENT}})))) == [name]

    def test_long_ids(self) -> None:
        """Longer ones are refused unread, a few are shown, the others counted."""
        data = batch_item(e={"v" * 257 + str(n): 1 for n in range(3)})
        data["BatchItem"].update({"e" * 300 + str(n): 1 for n in range(4)})
        status, _, message = refused(data)
        long = f"BatchItem['{'e' * 59}…']: 301 characters in the key; at most 256"
        assert status == 400
        assert message.startswith(f"{long}; shorten it; {long}; shorten it; ")
        assert message.endswith("; and 2 more")

    def test_as_many_as_allowed(self) -> None:
        """100 events are accepted."""
        data = batch_item(e={str(n): EVENT for n in range(100)})
        assert set(of_events(data).values()) == {"Accepted"}

    def test_empty(self) -> None:
        """A call of nothing is answered with nothing, and not sent."""
        parsed = read({"BatchItem": {}})
        assert parsed.request_to_send({}) is None
        assert answered(parsed) == {}


class TestRequest:
    """What is sent is what was asked for, and what follows from it."""

    def test_as_read(self) -> None:
        """Where nothing is changed, the request is the one that was read."""
        parsed = read(batch_item(e={"v": EVENT}))
        assert parsed.request_to_send({}) is parsed.request_to_send({})

    def test_says(self) -> None:
        """What is to be said of an endpoint replaces what the call updates."""
        parsed = read(batch_item(e={"v": EVENT}, f={}))
        active = Endpoint(endpoint_status=EndpointStatus.ACTIVE)
        sent = parsed.request_to_send({"e": active})
        assert sent is not None
        assert to_wire(sent) == {
            "BatchItem": {
                "e": {"Endpoint": {"EndpointStatus": "ACTIVE"}, "Events": {"v": EVENT}},
                "f": {"Endpoint": {}, "Events": {}},
            }
        }

    def test_others(self) -> None:
        """Endpoints that the call does not name come last, and are not answered."""
        parsed = read(batch_item(e={"v": EVENT}))
        other = {"o": Endpoint(channel_type=ChannelType.SMS)}
        sent = parsed.request_to_send(other)
        assert sent is not None
        assert list(sent.batch_item) == ["e", "o"]
        assert list(answered(parsed, other)) == ["e"]


class TestResponse:
    """The sender's answer goes through, item by item."""

    CALL = batch_item(e={"v": EVENT, "bad": {}}, f={"w": EVENT})

    def test_outcomes(self) -> None:
        """Codes and messages of the sender stay as they are."""
        throttled = EventItemResponse(status_code=429, message="slow down")
        sent = EventsResponse(
            results={
                "e": ItemResponse(
                    endpoint_item_response=EndpointItemResponse(status_code=500),
                    events_item_response={"v": throttled},
                ),
                "f": ItemResponse(events_item_response={"w": throttled}),
            }
        )
        slow_down = {"StatusCode": 429, "Message": "slow down"}
        found = to_wire(read(self.CALL).response(sent))["Results"]
        bad = found["e"]["EventsItemResponse"].pop("bad")
        assert bad["StatusCode"] == 400
        assert found == {
            "e": {
                "EndpointItemResponse": {"StatusCode": 500},
                "EventsItemResponse": {"v": slow_down},
            },
            "f": {"EventsItemResponse": {"w": slow_down}},
        }

    def test_bare_number(self) -> None:
        """A bare number stands for all items; beside one refused here, for each."""
        bare = ItemResponse(status_code=202)
        sent = EventsResponse(results={"e": bare, "f": bare})
        found = to_wire(read(self.CALL).response(sent))["Results"]
        assert found["f"] == 202
        assert found["e"]["EndpointItemResponse"] == {"StatusCode": 202}
        assert found["e"]["EventsItemResponse"]["v"] == {"StatusCode": 202}
        assert found["e"]["EventsItemResponse"]["bad"]["StatusCode"] == 400

    def test_unreported(self) -> None:
        """What the sender leaves out, the answer leaves out."""
        found = to_wire(read(self.CALL).response(EventsResponse()))["Results"]
        assert list(found) == ["e"]
        assert list(found["e"]["EventsItemResponse"]) == ["bad"]

    def test_dropped(self) -> None:
        """Items can be left out of the answer."""
        parsed = read(batch_item(e={"v": EVENT, "w": EVENT}))
        sent = parsed.request_to_send({})
        assert sent is not None
        dropped = {("e", None), ("e", "w")}
        found = to_wire(parsed.response(accepted(sent), dropped))["Results"]
        assert found == {"e": {"EventsItemResponse": {"v": ACCEPTED}}}

    def test_first_rejection_counts(self) -> None:
        """An item that is rejected twice has the first reason."""
        parsed = read(batch_item(e={"v": EVENT}))
        for reason in ("first", "second"):
            parsed.reject(("e", "v"), reason, 503)
            parsed.reject(("e", None), reason, 503)
        response = {"StatusCode": 503, "Message": "first"}
        assert answered(parsed) == {
            "e": {
                "EndpointItemResponse": response,
                "EventsItemResponse": {"v": response},
            }
        }

    def test_items(self) -> None:
        """Items are each endpoint, then its events, in order."""
        assert list(read(self.CALL).items) == [
            ("e", None),
            ("e", "v"),
            ("e", "bad"),
            ("f", None),
            ("f", "w"),
        ]


def problems_made(function: Callable[[], object]) -> int:
    """Return how many problems a function makes, copies with longer paths included."""
    made = 0
    makers = {Problem.__new__.__code__, Problem._make.__func__.__code__}  # type: ignore[attr-defined]

    def count(frame: FrameType, kind: str, _: object) -> None:
        nonlocal made
        made += kind == "call" and frame.f_code in makers

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return made


def numbered(count: int, value: Any) -> dict[str, Any]:
    """Return so many names, each with the same value."""
    return {f"name-{number}": value for number in range(count)}


class TestCost:
    """What is wrong with a call does not make it expensive."""

    EMPTY = batch_item(e={})["BatchItem"]["e"]
    # Whether a further value is wrong is not looked at.
    UNCOUNTED = "; and at least 1 more"
    WRONG: ClassVar[Any] = {
        "attribute": ({"Attributes": numbered(200, 1)}, UNCOUNTED),
        "user attribute": ({"User": {"UserAttributes": numbered(200, 1)}}, UNCOUNTED),
        "values": ({"Attributes": {"k": [1] * 200}}, UNCOUNTED),
        "metrics": ({"Metrics": numbered(200, "x")}, UNCOUNTED),
        "unknown": (numbered(200, 1), "; and 195 more"),
        "several": ({**numbered(200, 1), "Address": 1}, "; and 197 more"),
        "both": ({**numbered(200, 1), "Metrics": numbered(9, "x")}, UNCOUNTED),
        "long values": ({"Attributes": {"k": ["v" * 101] * 200}}, UNCOUNTED),
        "long user values": (
            {"User": {"UserAttributes": numbered(200, ["v" * 101])}},
            UNCOUNTED,
        ),
    }

    @pytest.mark.parametrize("wrong, more", WRONG.values(), ids=WRONG)
    def test_endpoint(self, wrong: Any, more: str) -> None:
        """Of an endpoint, as many problems are made as are shown, however many are."""
        batch = {"Endpoint": wrong, "Events": {}}
        data = json.dumps({"BatchItem": numbered(100, batch)}).encode()
        assert problems_made(lambda: READER.read(data)) < 100 * 100
        (message, *_) = {
            item["EndpointItemResponse"]["Message"]
            for item in answered(READER.read(data)).values()
        }
        assert message.count("; and ") == 1
        assert message.endswith(more)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"Attributes": numbered(500, 1)},
            {"Metrics": numbered(500, "x")},
            numbered(500, 1),
            {"Attributes": numbered(500, "v" * 201)},
        ],
    )
    def test_event(self, wrong: Any) -> None:
        """The same holds of an event."""
        bad = {**EVENT, **wrong}
        data = json.dumps(batch_item(e=dict.fromkeys("abcdefgh", bad))).encode()
        assert problems_made(lambda: READER.read(data)) < 8 * 100
        assert all(len(message) < 1_000 for message in of_events(data).values())

    @pytest.mark.parametrize(
        "batch, more",
        [(1, "; and 995 more"), ({}, "; and 1995 more")],
    )
    def test_call(self, batch: Any, more: str) -> None:
        """Of a call, what is not shown is counted."""
        data = {"BatchItem": numbered(1_000, batch)}
        assert refused(data)[2].endswith(more)

    def test_unknown_members_of_batches(self) -> None:
        """Those of each batch are reported up to what is shown."""
        data = {"BatchItem": numbered(100, {**self.EMPTY, **numbered(200, 1)})}
        body = json.dumps(data).encode()
        assert problems_made(lambda: refused(body)) < 100 * 100

    def test_answer(self) -> None:
        """The answer has at most 1,000 characters for each item, beside its id."""
        name = "n" * 250
        wrong = {f"{name}{number}": 1 for number in range(4)}
        batch = {"Endpoint": {"Attributes": wrong}, "Events": {}}
        data = {"BatchItem": {f"{name}{n}": batch for n in range(1_000)}}
        assert len(json.dumps(answered(read(data)))) < 1_000 * (1_000 + 256 + 100)
