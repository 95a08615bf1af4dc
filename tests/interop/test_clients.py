"""
Unmodified clients cannot tell `pinpoint-events serve` from the service.

Each test is run with each of them. `clients.py` tells where they come from.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.aws import aws
from tests.commands import takes_long
from tests.interop.clients import Client, Refused, opened
from tests.interop.serving import KEY, Endpoint, serving

from pinpoint_events.server import Credentials

__all__ = ["aws"]

TIMESTAMP = "2026-09-21T12:00:00.123Z"
ACCEPTED = {"StatusCode": 202, "Message": "Accepted"}
CLIENTS = ["boto3", "aws", "javascript", "requests"]
THROTTLED = {"fault": "fail_call", "status": 429, "calls": [1]}
AN_HOUR_AHEAD = {"fault": "shift_clock", "seconds": 3600}


def event(event_type: str = "tapped", **members: Any) -> dict[str, Any]:
    """Return an event as it is sent."""
    return {"EventType": event_type, "Timestamp": TIMESTAMP, **members}


def batch(endpoint: object = None, **events: object) -> dict[str, Any]:
    """Return an endpoint and events of it as they are sent."""
    return {"Endpoint": {} if endpoint is None else endpoint, "Events": events}


def one() -> dict[str, Any]:
    """Return a request with one event."""
    return {"BatchItem": {"ada": batch(v=event())}}


def accepted(*event_ids: str) -> dict[str, Any]:
    """Return the answer to an endpoint and events that were accepted."""
    return {
        "EndpointItemResponse": ACCEPTED,
        "EventsItemResponse": dict.fromkeys(event_ids, ACCEPTED),
    }


def large(endpoints: int) -> dict[str, Any]:
    """Return a request with so many endpoints of 14,700 bytes; they may have 15,000."""
    values = ["x" * 100] * 7
    attributes = {f"attribute-{n:02}": values for n in range(20)}
    batches = {f"e-{n:03}": batch({"Attributes": attributes}) for n in range(endpoints)}
    return {"BatchItem": batches}


@pytest.fixture(scope="module", params=CLIENTS)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Each client, started once."""
    with opened(request.param, tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint without faults; each test has a separate application there."""
    with serving(tmp_path_factory.mktemp("endpoint")) as found:
        yield found


@pytest.fixture
def application_id(request: pytest.FixtureRequest) -> str:
    """An application that no other test has."""
    return str(request.node.name)


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


class TestItems:
    """What is taken, and what is reported of each item."""

    def test_accepted(
        self, client: Client, endpoint: Endpoint, application_id: str
    ) -> None:
        """Endpoints and events are accepted one by one, and stand in the store."""
        known = {
            "Address": f"ada-{client.name}@example.com",
            "Attributes": {"interests": ["chess", "rowing"]},
            "ChannelType": "EMAIL",
            "Location": {"Latitude": 51.5, "Country": "GB"},
            "Metrics": {"logins": 3.0},
            "User": {"UserId": f"u-{client.name}"},
        }
        session = {
            "Duration": 1000,
            "Id": "s",
            "StartTimestamp": "2026-09-21T12:00:00.000Z",
            "StopTimestamp": "2026-09-21T12:00:01.000Z",
        }
        bought = event("bought", Attributes={"sku": "A-1"}, Metrics={"price": 9.5})
        request = {
            "BatchItem": {
                "ada": batch(known, a=bought, b=event("left", Session=session)),
                "ben": batch(a=event("opened")),
            }
        }
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.refused is None
        assert outcome.results == {"ada": accepted("a", "b"), "ben": accepted("a")}
        assert endpoint.stored(application_id) == [
            ("ada", "a", "bought"),
            ("ada", "b", "left"),
            ("ben", "a", "opened"),
        ]

    def test_refused(
        self, client: Client, endpoint: Endpoint, application_id: str
    ) -> None:
        """What breaks a rule is refused, in the service's words; the rest is taken."""
        many = {f"attribute-{n}": "x" for n in range(41)}
        session = {
            "Duration": 20008,
            "Id": "s",
            "StartTimestamp": "2026-09-21T12:00:00.000Z",
            "StopTimestamp": "2026-09-21T12:00:20.009Z",
        }
        request = {
            "BatchItem": {
                "ada": batch(
                    {"Address": "ada@example.com"},
                    many=event(Attributes=many),
                    long=event(Attributes={"note": "x" * 201}),
                    name=event(Attributes={"x" * 51: "note"}),
                    session=event(Session=session),
                    sound=event(),
                )
            }
        }
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.refused is None
        assert outcome.results == {
            "ada": {
                "EndpointItemResponse": {
                    "StatusCode": 400,
                    "Message": "Missing ChannelType",
                },
                "EventsItemResponse": {
                    "many": {
                        "StatusCode": 400,
                        "Message": (
                            "Number of attributes per event submitted should be less "
                            "than 40."
                        ),
                    },
                    "long": {
                        "StatusCode": 400,
                        "Message": (
                            "Event attribute value length should be less than 200"
                        ),
                    },
                    "name": {
                        "StatusCode": 400,
                        "Message": "Event attribute key length should be less than 50.",
                    },
                    "session": {
                        "StatusCode": 400,
                        "Message": (
                            "Session duration in milliseconds must be equal to the "
                            "difference of start and stop timestamp"
                        ),
                    },
                    "sound": ACCEPTED,
                },
            }
        }
        assert endpoint.stored(application_id) == [("ada", "sound", "tapped")]

    def test_unicode(self, client: Client, endpoint: Endpoint) -> None:
        """Ids may have any signs; that of the application stands in the path."""
        name = f"Läden/№ 1+2%41 ~{client.name}"
        request = {
            "BatchItem": {
                "Zoë ☃/'\"\\": {
                    "Endpoint": {},
                    "Events": {"事件 #1?&=": event("größe.geändert")},
                }
            }
        }
        outcome = client.put_events(endpoint.url, KEY, name, request)
        assert outcome.refused is None
        assert outcome.results == {"Zoë ☃/'\"\\": accepted("事件 #1?&=")}
        assert endpoint.stored(name) == [
            ("Zoë ☃/'\"\\", "事件 #1?&=", "größe.geändert")
        ]


class TestLimits:
    """How large a call may be."""

    def test_events(
        self, client: Client, endpoint: Endpoint, application_id: str
    ) -> None:
        """More than 100 events are refused as a whole, with 400."""
        events = {f"v-{n}": event() for n in range(101)}
        request = {"BatchItem": {"ada": batch(**events)}}
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.refused is not None
        assert outcome.refused.name == "BadRequestException"
        assert outcome.refused.status in {400, None}
        assert "at most 100" in outcome.refused.message
        del events["v-100"]
        request = {"BatchItem": {"ada": batch(**events)}}
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.results == {"ada": accepted(*events)}
        assert len(endpoint.stored(application_id)) == 100

    def test_just_within(
        self, client: Client, endpoint: Endpoint, application_id: str
    ) -> None:
        """A call of nearly 4 MB is taken whole."""
        request = large(266)
        size = len(json.dumps(request))
        assert 3_900_000 < size < 4_000_000
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.refused is None
        names = list(request["BatchItem"])
        item = {"EndpointItemResponse": ACCEPTED}
        assert outcome.results == dict.fromkeys(names, item)
        assert endpoint.endpoint_ids(application_id) == names

    def test_beyond(
        self, client: Client, endpoint: Endpoint, application_id: str
    ) -> None:
        """A call of more than 4 MB is refused, with 413."""
        request = large(275)
        size = len(json.dumps(request, separators=(",", ":")))
        assert 4_000_000 < size < 4_100_000
        outcome = client.put_events(endpoint.url, KEY, application_id, request)
        assert outcome.refused == Refused(
            "PayloadTooLargeException",
            (
                "the request is larger than 4,000,000 bytes; send its events in "
                "several calls"
            ),
            None if client.name == "aws" else 413,
        )
        assert endpoint.endpoint_ids(application_id) == []


class TestKeys:
    """Who may call."""

    @pytest.mark.parametrize(
        "key, name",
        [
            (
                Credentials(KEY.access_key_id, "another-secret"),
                "InvalidSignatureException",
            ),
            (
                Credentials("AKIDUNKNOWN", KEY.secret_access_key),
                "UnrecognizedClientException",
            ),
        ],
        ids=["secret", "id"],
    )
    def test_wrong(
        self, client: Client, endpoint: Endpoint, key: Credentials, name: str
    ) -> None:
        """Another secret, or an id that is not known, is refused with 403."""
        outcome = client.put_events(endpoint.url, key, "forbidden", one())
        assert outcome.refused is not None
        assert outcome.refused.name == name
        assert outcome.refused.status == (None if client.name == "aws" else 403)
        assert endpoint.stored("forbidden") == []


class TestFaults:
    """What clients do by themselves when something goes wrong."""

    @takes_long
    def test_throttled(self, client: Client, tmp_path: Path) -> None:
        """SDKs send again what was throttled; it is taken once."""
        with serving(tmp_path, faults=[THROTTLED], is_key_in_file=True) as endpoint:
            outcome = client.put_events(endpoint.url, KEY, "shop", one())
            if client.name == "requests":
                assert outcome.refused is not None
                assert outcome.refused.name == "TooManyRequestsException"
                assert endpoint.stored("shop") == []
                return
            assert outcome.refused is None
            assert outcome.results == {"ada": accepted("v")}
            assert outcome.attempts == (None if client.name == "aws" else 2)
            assert endpoint.stored("shop") == [("ada", "v", "tapped")]

    def test_clock(self, client: Client, tmp_path: Path) -> None:
        """AWS SDK for JavaScript corrects its clock; the others tell of it."""
        with serving(tmp_path, faults=[AN_HOUR_AHEAD]) as endpoint:
            outcome = client.put_events(endpoint.url, KEY, "shop", one())
            if client.name == "javascript":
                assert outcome == ({"ada": accepted("v")}, None, 2)
                return
            assert outcome.refused is not None
            assert outcome.refused.name == "InvalidSignatureException"
            assert outcome.refused.message.startswith("Signature expired: ")
            assert endpoint.stored("shop") == []
