import json
import uuid
from typing import Any

import pytest

from pinpoint_events import Endpoint, Quotas, to_wire
from pinpoint_events.loader.content import EventIds, content
from pinpoint_events.loader.items import Content, Item, Rejection
from pinpoint_events.loader.lines import Line
from pinpoint_events.loader.records import MAX_BYTES
from tests.samples import ENDPOINT, EVENT, event

TAP = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00.123Z"}
IDS = EventIds("")
QUOTAS = Quotas()
OBJECT = (
    "expected an object with members of EndpointId, EventId, Endpoint, Event, "
    "BatchItem, EventsRequest; write it as {...}"
)
REQUIRED = "a required member; add it"


def parsed(data: object) -> Content:
    """Return what a line of this JSON says."""
    return content(Line(1, json.dumps(data).encode(), is_cut=False), IDS, QUOTAS)


def messages(data: object) -> list[str]:
    """Return why all that a line says is refused."""
    items, rejections = parsed(data)
    assert items == ()
    assert {refusal.code for refusal in rejections} == {400}
    return [refusal.message for refusal in rejections]


class TestEventIds:
    """Ids for events that have none."""

    def test_is_a_uuid5(self) -> None:
        """Python's own module makes the same of the same parts."""
        namespace = uuid.uuid5(
            uuid.UUID("8b5f2d4e-6c1a-4f7b-9a33-0d2e57c1f6b8"), "the file"
        )
        line = Line(1234, b'{"a": 1}', is_cut=False)
        expected = uuid.uuid5(namespace, '1234 {"a": 1}')
        assert EventIds("the file").of(line) == str(expected)

    def test_differ(self) -> None:
        """Another file, another number or another text makes another id."""
        line = Line(1, b"{}", is_cut=False)
        made = [
            EventIds("a").of(line),
            EventIds("b").of(line),
            EventIds("a").of(line._replace(number=2)),
            EventIds("a").of(line._replace(text=b"[]")),
        ]
        assert len(set(made)) == 4
        assert EventIds("a").of(line) == made[0]


class TestEvent:
    """A line with one event."""

    def test_whole(self) -> None:
        """All four members are read."""
        found = parsed(
            {
                "EndpointId": "e-1",
                "EventId": "v-1",
                "Endpoint": to_wire(ENDPOINT),
                "Event": to_wire(EVENT),
            }
        )
        assert found == Content((Item("e-1", ENDPOINT, {"v-1": EVENT}),))

    @pytest.mark.parametrize("more", [{}, {"EventId": None, "Endpoint": None}])
    def test_least(self, more: dict[str, Any]) -> None:
        """An event id is made, and nothing is said of the endpoint."""
        line = Line(
            1,
            json.dumps({"EndpointId": "e", "Event": TAP, **more}).encode(),
            is_cut=False,
        )
        expected = Item("e", None, {IDS.of(line): event()})
        assert content(line, IDS, QUOTAS) == Content((expected,))

    def test_empty_endpoint(self) -> None:
        """It says nothing either."""
        found = parsed(
            {"EndpointId": "e", "EventId": "v", "Endpoint": {}, "Event": TAP}
        )
        assert found.items == (Item("e", None, {"v": event()}),)

    def test_notes(self) -> None:
        """What stands beside an event that was not accepted is passed over."""
        notes = {"Outcome": "rejected", "Code": 1, "Message": "", "File": "", "Line": 7}
        found = parsed({"EndpointId": "e", "EventId": "v", "Event": TAP, **notes})
        assert found == Content((Item("e", None, {"v": event()}),))

    def test_all_problems(self) -> None:
        """All that is wrong is reported, each thing with its path in the line."""
        data = {
            "EndpointId": "",
            "EventId": 7,
            "Endpoint": {"ChannelType": "email"},
            "Event": {"EventType": "tapped"},
            "Evnt": {},
        }
        assert parsed(data) == Content(
            (),
            (
                Rejection(
                    400,
                    "Evnt: is not known; expected one of EndpointId, "
                    "EventId, Endpoint, Event, "
                    "BatchItem, EventsRequest; did you mean Event?\n"
                    "EndpointId: is empty; at least 1 character; give it a name\n"
                    "EventId: is a number; expected a string; write it in "
                    "quotes\n"
                    "Endpoint.ChannelType: is 'email'; expected one of PUSH, "
                    "GCM, APNS, "
                    "APNS_SANDBOX, APNS_VOIP, APNS_VOIP_SANDBOX, ADM, SMS, VOICE, "
                    "EMAIL, BAIDU, CUSTOM, IN_APP; did you mean EMAIL?\n"
                    f"Event.Timestamp: is missing; {REQUIRED}",
                    data,
                ),
            ),
        )

    @pytest.mark.parametrize(
        "data, message",
        [
            (
                {},
                f"EndpointId: is missing; {REQUIRED}\nEvent: is missing; {REQUIRED}",
            ),
            (
                {"EndpointId": "e", "Event": 7},
                (
                    "Event: is a number; expected an object with members of EventType, "
                    "Timestamp, Attributes, Metrics, Session, ClientSdkVersion, "
                    "AppPackageName, AppTitle, AppVersionCode, SdkName; write it as "
                    "{...}"
                ),
            ),
            (
                {
                    "EndpointId": "e",
                    "Event": TAP,
                    "Endpoint": {
                        "Attributes": {"note": ["x" * 101]},
                        "User": {"UserAttributes": {"k" * 51: []}},
                    },
                },
                (
                    "Endpoint.Attributes['note'][0]: 101 characters; at most 100; "
                    "shorten the value or drop the key\n"
                    f"Endpoint.User.UserAttributes['{'k' * 51}']: 51 characters in the "
                    "key; at most 50; shorten it"
                ),
            ),
            (
                [],
                f"is an array; {OBJECT}",
            ),
            (
                None,
                f"is null; {OBJECT}",
            ),
        ],
    )
    def test_reported(self, data: object, message: str) -> None:
        """What is wrong has a path, a limit and a remedy."""
        assert messages(data) == [message]

    @pytest.mark.parametrize(
        "text, message",
        [
            (b"{", "is not JSON: "),
            (b"\xff", "is not UTF-8 at byte 0; a JSON text in UTF-8"),
            (b'{"EndpointId": NaN}', "is not JSON: NaN is no number; "),
        ],
    )
    def test_no_json(self, text: bytes, message: str) -> None:
        """The message has none of the text, and no number of another line."""
        (refusal,) = content(Line(7, text, is_cut=False), IDS, QUOTAS).rejections
        assert refusal.message.startswith(message)
        assert "line" not in refusal.message
        assert (refusal.code, refusal.members) == (400, {})

    def test_twice(self) -> None:
        """A member that occurs twice is refused: which of the two is meant?"""
        line = Line(
            1, b'{"Event": {}, "EndpointId": "a", "EndpointId": "b"}', is_cut=False
        )
        (refusal,) = content(line, IDS, QUOTAS).rejections
        message = "EndpointId: occurs twice; each member once; drop one"
        assert refusal.message.splitlines()[0] == message

    def test_too_long(self) -> None:
        """The beginning of a line that is too long is not even looked at."""
        assert content(Line(1, b"{}", is_cut=True), IDS, QUOTAS).rejections == (
            Rejection(
                413,
                "more than 8,000,000 bytes; at most 8,000,000; write one event in a "
                "line",
                {},
            ),
        )
        assert MAX_BYTES == 8_000_000


class TestRequest:
    """A line with a whole request."""

    def test_whole(self) -> None:
        """Endpoints and events are those of the request."""
        found = parsed(
            {
                "BatchItem": {
                    "a": {"Endpoint": to_wire(ENDPOINT), "Events": {"v": TAP}},
                    "b": {"Endpoint": {}, "Events": {"v": TAP, "w": TAP}},
                    "c": {"Endpoint": {}, "Events": {}},
                }
            }
        )
        assert found == Content(
            (
                Item("a", ENDPOINT, {"v": event()}),
                Item("b", None, {"v": event(), "w": event()}),
                Item("c", Endpoint(), {}),
            )
        )

    def test_wrong_event(self) -> None:
        """It is refused alone; the others of its endpoint are not."""
        items, rejections = parsed(
            {
                "BatchItem": {
                    "a": {"Endpoint": {}, "Events": {"v": TAP, "w": {}}},
                    "b": {"Endpoint": {}, "Events": {"v": 7}},
                    "c": {"Endpoint": {}, "Events": {}},
                }
            }
        )
        assert items == (Item("a", None, {"v": event()}), Item("c", Endpoint(), {}))
        at = "BatchItem['a'].Events['w']"
        first, second = rejections
        assert first == Rejection(
            400,
            f"{at}.EventType: is missing; {REQUIRED}\n"
            f"{at}.Timestamp: is missing; {REQUIRED}",
            {"EndpointId": "a", "EventId": "w", "Endpoint": {}, "Event": {}},
        )
        assert second.members == {
            "EndpointId": "b",
            "EventId": "v",
            "Endpoint": {},
            "Event": 7,
        }

    def test_wrong_endpoint(self) -> None:
        """Its events are refused with it, each by itself."""
        wrong = {"Address": "someone"}
        items, rejections = parsed(
            {
                "BatchItem": {
                    "a": {"Endpoint": wrong, "Events": {"v": TAP, "w": {}}},
                    "b": {"Endpoint": wrong, "Events": {}},
                    "c": {"Endpoint": {}, "Events": {"v": TAP}},
                    "d": {"Events": {"v": TAP}},
                    "e": 7,
                }
            }
        )
        assert items == (Item("c", None, {"v": event()}),)
        assert [(each.members, each.is_event) for each in rejections] == [
            (
                {"EndpointId": "a", "EventId": "v", "Endpoint": wrong, "Event": TAP},
                True,
            ),
            ({"EndpointId": "a", "EventId": "w", "Endpoint": wrong, "Event": {}}, True),
            ({"BatchItem": {"b": {"Endpoint": wrong, "Events": {}}}}, False),
            ({"EndpointId": "d", "EventId": "v", "Endpoint": {}, "Event": TAP}, True),
            ({"BatchItem": {"e": 7}}, False),
        ]
        assert rejections[0].message == (
            "BatchItem['a'].Endpoint.ChannelType: is missing; an address needs its "
            'channel; say which, as in "ChannelType": "EMAIL"'
        )

    def test_endpoint_over_quota(self) -> None:
        """Its events are refused with it; the others are not."""
        wrong = {"Attributes": {"note": ["x" * 101]}}
        items, rejections = parsed(
            {
                "BatchItem": {
                    "a": {"Endpoint": wrong, "Events": {"v": TAP}},
                    "b": {"Endpoint": {}, "Events": {"v": TAP}},
                }
            }
        )
        assert items == (Item("b", None, {"v": event()}),)
        assert rejections == (
            Rejection(
                400,
                "BatchItem['a'].Endpoint.Attributes['note'][0]: 101 characters; at "
                "most 100; shorten the value or drop the key",
                {"EndpointId": "a", "EventId": "v", "Endpoint": wrong, "Event": TAP},
            ),
        )

    @pytest.mark.parametrize("batches", [7, None, {}])
    def test_wrong_line(self, batches: object) -> None:
        """A line that is wrong as a whole, and has no event in it, counts as one."""
        data = {"BatchItem": batches, "Bogus": 1}
        (refusal,) = parsed(data).rejections
        assert refusal.message.splitlines()[0] == (
            "Bogus: is not known; expected one of BatchItem; leave it out"
        )
        assert (refusal.members, refusal.is_event) == (data, True)

    def test_wrong_line_with_events(self) -> None:
        """Each of its events is refused, and each endpoint that has none."""
        tap = {"Endpoint": {}, "Events": {"v": TAP, "w": TAP}}
        data = {"BatchItem": {"a": tap, "b": 7, "c": {"Events": 7}}, "Bogus": 1}
        found = parsed(data)
        assert found.items == ()
        assert [(each.members, each.is_event) for each in found.rejections] == [
            ({"EndpointId": "a", "EventId": "v", "Endpoint": {}, "Event": TAP}, True),
            ({"EndpointId": "a", "EventId": "w", "Endpoint": {}, "Event": TAP}, True),
            ({"BatchItem": {"b": 7}}, False),
            ({"BatchItem": {"c": {"Events": 7}}}, False),
        ]

    def test_twice(self) -> None:
        """An event id that occurs twice is refused."""
        tap = json.dumps(TAP)
        batch = (
            f'{{"Endpoint": {{}}, "Events": {{"v": {tap}, "v": {tap}, "w": {tap}}}}}'
        )
        text = f'{{"BatchItem": {{"a": {batch}}}}}'.encode()
        items, rejections = content(Line(1, text, is_cut=False), IDS, QUOTAS)
        assert items == (Item("a", None, {"w": event()}),)
        (refusal,) = rejections
        assert refusal.message == (
            "BatchItem['a'].Events['v']: occurs twice; each key once; rename one, or "
            "put both into one object"
        )


def codes(data: object) -> list[list[str]]:
    """Return path and problem of each message for each refused part of a line."""
    (*_, rejections) = parsed(data)
    return [
        [each.split(";")[0] for each in refusal.message.splitlines()]
        for refusal in rejections
    ]


LONG_TEXT = {"Attributes": {"note": "x" * 201}}
LONG_TEXTS = {"Attributes": {"note": ["x" * 101]}}


class TestAllProblems:
    """All problems of a line are reported at once."""

    def test_half_a_request(self) -> None:
        """
        The problems of the endpoint and of the event are reported together.

        (https://github.com/aws/aws-sdk-net/issues/1817)
        """
        event = {"Attributes": {"event_type": "screen"}}
        assert codes({"BatchItem": {"BatchItem": {"Events": {"Events": event}}}}) == [
            [
                "BatchItem['BatchItem'].Endpoint: is missing",
                "BatchItem['BatchItem'].Events['Events'].EventType: is missing",
                "BatchItem['BatchItem'].Events['Events'].Timestamp: is missing",
            ]
        ]

    @pytest.mark.parametrize("is_call", [False, True])
    def test_request(self, *, is_call: bool) -> None:
        """Those of the line, of the endpoint and of each event, and quotas."""
        request: dict[str, Any] = {
            "BatchItem": {
                "a": {
                    "Endpoint": {"OptOut": "YES", **LONG_TEXTS},
                    "Bogus": 1,
                    "Events": {"v": {**TAP, **LONG_TEXT}, "w": {"Bogus": 1}},
                },
                "b": {
                    "Endpoint": LONG_TEXTS,
                    "Events": {"v": {"EventType": "", **LONG_TEXT}, "w": TAP},
                },
                "c": {"Endpoint": {}, "Events": {}},
            },
            "Bogus": 1,
        }
        data = {"EventsRequest": request} if is_call else request
        line = "EventsRequest." if is_call else ""
        unknown = f"{line}Bogus: is not known"
        a, b = f"{line}BatchItem['a']", f"{line}BatchItem['b']"
        of_a = [
            unknown,
            f"{a}.Bogus: is not known",
            f"{a}.Endpoint.OptOut: is no known value",
            f"{a}.Endpoint.Attributes['note'][0]: 101 characters",
        ]
        of_b = [unknown, f"{b}.Endpoint.Attributes['note'][0]: 101 characters"]
        assert codes(data) == [
            [*of_a, f"{a}.Events['v'].Attributes['note']: 201 characters"],
            [
                *of_a,
                f"{a}.Events['w'].Bogus: is not known",
                f"{a}.Events['w'].EventType: is missing",
                f"{a}.Events['w'].Timestamp: is missing",
            ],
            [
                *of_b,
                f"{b}.Events['v'].EventType: is empty",
                f"{b}.Events['v'].Timestamp: is missing",
                f"{b}.Events['v'].Attributes['note']: 201 characters",
            ],
            of_b,
            [unknown],
        ]

    def test_call(self) -> None:
        """Those of the call come before those of the request in it."""
        data = {
            "ApplicationId": 7,
            "BatchItem": {},
            "EventsRequest": {
                "BatchItem": {"a": {"Endpoint": {}, "Events": {"v": {}, "w": TAP}}}
            },
        }
        of_call = ["BatchItem: is not known", "ApplicationId: is a number"]
        at = "EventsRequest.BatchItem['a'].Events['v']"
        assert codes(data) == [
            [*of_call, f"{at}.EventType: is missing", f"{at}.Timestamp: is missing"],
            of_call,
        ]

    @pytest.mark.parametrize("request_", [7, None, [], {}, {"BatchItem": 7}])
    def test_call_without_a_request(self, request_: object) -> None:
        """It counts as one event, and is written down whole."""
        data = {"ApplicationId": "", "EventsRequest": request_}
        (refusal,) = parsed(data).rejections
        paths = [each.split(":")[0] for each in refusal.message.splitlines()]
        assert paths[0] == "ApplicationId"
        assert paths[1].startswith("EventsRequest")
        assert (refusal.members, refusal.is_event) == (data, True)

    def test_event(self) -> None:
        """So it is with a line of one event."""
        data = {
            "EndpointId": "e",
            "Bogus": 1,
            "Endpoint": {"OptOut": "YES", "User": {"UserAttributes": {"k" * 51: []}}},
            "Event": {"EventType": 7, **LONG_TEXT, "Metrics": {"m" * 51: "1"}},
        }
        assert codes(data) == [
            [
                "Bogus: is not known",
                "Endpoint.OptOut: is no known value",
                f"Endpoint.User.UserAttributes['{'k' * 51}']: 51 characters in the key",
                "Event.EventType: is a number",
                "Event.Timestamp: is missing",
                f"Event.Metrics['{'m' * 51}']: is a string",
                "Event.Attributes['note']: 201 characters",
            ]
        ]

    def test_quotas_of_both(self) -> None:
        """Where nothing else is wrong, endpoint and event are measured all the same."""
        data = {
            "EndpointId": "e",
            "Endpoint": LONG_TEXTS,
            "Event": {**TAP, **LONG_TEXT},
        }
        assert codes(data) == [
            [
                "Endpoint.Attributes['note'][0]: 101 characters",
                "Event.Attributes['note']: 201 characters",
            ]
        ]

    def test_of_anything(self) -> None:
        """What no quota can be of is not measured."""
        wrong = {"Attributes": {"": "\ud800", "a": 7}, "Metrics": 7}
        endpoint = {"Attributes": {"": ["\ud800", 7], "a": 7}, "User": 7}
        data = {"EndpointId": "e", "Endpoint": endpoint, "Event": wrong}
        assert not any(
            "characters;" in each for [messages] in [codes(data)] for each in messages
        )

    def test_more_than_a_hundred(self) -> None:
        """Each of many wrong events has its own message; the sound ones are sent."""
        events: dict[str, Any] = {f"w-{number}": {} for number in range(150)}
        batch = {"Endpoint": {}, "Events": {**events, "v": TAP}}
        batches = {
            f"e-{number}": {"Endpoint": 7, "Events": {}} for number in range(150)
        }
        items, rejections = parsed({"BatchItem": {"a": batch, **batches}})
        assert items == (Item("a", None, {"v": event()}),)
        assert len(rejections) == 300
        assert {len(each.message.splitlines()) for each in rejections} == {2, 1}

    def test_repeated_keys(self) -> None:
        """Also where there are more of them than are reported."""
        one = '{"Endpoint": {}, "Events": {}}'
        members = ", ".join(f'"e-{number % 120}": {one}' for number in range(240))
        text = f'{{"BatchItem": {{{members}}}}}'.encode()
        items, rejections = content(Line(1, text, is_cut=False), IDS, QUOTAS)
        assert items == ()
        assert len(rejections) == 120
