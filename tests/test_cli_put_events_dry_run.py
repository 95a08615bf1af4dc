import json
from typing import Any

import pytest

from pinpoint_events import (
    BatchBuilder,
    Endpoint,
    EventsBatch,
    EventsRequest,
    to_json,
    to_wire,
)
from pinpoint_events.cli.put_events._dry_run import plan
from tests.samples import REQUEST, event, request
from tests.test_cli_put_events import Put, put

__all__ = ["put"]

MANY = request(
    e={f"v{number}": event() for number in range(150)},
    f={f"v{number}": event() for number in range(60)},
)


def measures(sent: EventsRequest) -> dict[str, int]:
    """Return what a plan says of one request."""
    batches = sent.batch_item.values()
    return {
        "Endpoints": len(batches),
        "Events": sum(len(batch.events) for batch in batches),
        "Bytes": len(to_json(sent)),
    }


class TestPlan:
    """What would be sent, and what would be wrong with it."""

    @pytest.mark.parametrize("sent", [REQUEST, request(), request(e={})])
    def test_of_one(self, sent: EventsRequest) -> None:
        """A request within the quotas is sent as it is."""
        assert plan(sent) == {"Requests": [measures(sent)], "Faults": []}

    def test_of_several(self) -> None:
        """What is too much for one is reported, and what `build_all` makes of it."""
        builder = BatchBuilder()
        for endpoint_id, batch in MANY.batch_item.items():
            for event_id, each in batch.events.items():
                builder.add(endpoint_id, each, event_id=event_id)
        parts = [measures(part) for part in builder.build_all()]
        assert [part["Events"] for part in parts] == [100, 100, 10]
        assert plan(MANY) == {
            "Requests": parts,
            "Faults": [
                (
                    "210 events; at most 100; send it in parts, or as JSON Lines with "
                    "`pinpoint-events load`"
                )
            ],
        }

    def test_of_unsound_items(self) -> None:
        """An item that is over a quota is reported by the service's names."""
        long = event(attributes={"attributes": "x" * 201})
        endpoint = Endpoint(attributes={"events": ["x" * 101]})
        sent = BatchBuilder(quotas=_unlimited()).endpoint("batch_item", endpoint)
        found = plan(sent.event(long, event_id="v").build())
        assert found["Faults"] == [
            (
                "BatchItem.batch_item.Endpoint.Attributes.events[0]: 101 "
                "characters; at most 100; shorten the value or drop the key"
            ),
            (
                "BatchItem.batch_item.Events.v.Attributes.attributes: 201 "
                "characters; at most 200; shorten the value or drop the key"
            ),
        ]
        assert len(found["Requests"]) == 1

    def test_of_what_cannot_be_split(self) -> None:
        """One event that no request can hold leaves none to send."""
        huge = event(attributes={"a": "x" * 4_000_000})
        found = plan(request(e={"v": huge}))
        assert found["Requests"] == []
        assert any(
            "shorten the event or its endpoint" in each for each in found["Faults"]
        )


def _unlimited() -> Any:
    from pinpoint_events import Quotas

    return Quotas(
        event_attribute_value_characters=None, endpoint_attribute_value_characters=None
    )


class TestDryRun:
    """`--dry-run` prints it, and needs no place to send to."""

    def test_is_printed(self, put: Put) -> None:
        """It is JSON, as every output."""
        code, out, err = put(
            "--dry-run", "--events-request", json.dumps(to_wire(REQUEST))
        )
        assert (code, json.loads(out), err) == (0, {"Plan": plan(REQUEST)}, [])

    def test_with_faults(self, put: Put) -> None:
        """Faults are the input's, so the exit code says; all of them are printed."""
        text = json.dumps(to_wire(MANY))
        code, out, err = put(
            "--dry-run", "--cli-input-json", f'{{"EventsRequest": {text}}}'
        )
        assert (code, json.loads(out), err) == (252, {"Plan": plan(MANY)}, [])

    def test_in_part(self, put: Put) -> None:
        """Format and query are those of an answer."""
        arguments = ("--events-request", json.dumps(to_wire(MANY)), "--dry-run")
        query = ("--query", "Plan.Requests[].Events", "--output", "text")
        assert put(*arguments, *query) == (252, "100\t100\t10\n", [])

    def test_of_what_is_no_request(self, put: Put) -> None:
        """What cannot be read is reported as ever."""
        code, out, err = put("--dry-run", "--events-request", '{"Bogus": 1}')
        assert (code, out, err[0]) == (252, "", "Parameter validation failed:")

    def test_of_what_is_over_a_quota_as_well(self, put: Put) -> None:
        """A problem of the input hides no quota; both are reported at once."""
        item = {"EventType": "t", "Timestamp": "x", "Attributes": {"a": "x" * 300}}
        batch = {"e": {"Endpoint": {}, "Events": {"v": item}}}
        arguments = ("--events-request", json.dumps({"BatchItem": batch}))
        code, out, err = put(*arguments, "--application-id", "", "--dry-run")
        assert (code, out, err[0]) == (252, "", "Parameter validation failed:")
        event_path = "EventsRequest.BatchItem.e.Events.v"
        paths = [each.partition(":")[0] for each in err[1:]]
        assert paths == [
            "ApplicationId",
            f"{event_path}.Timestamp",
            f"{event_path}.Attributes.a",
        ]

    def test_of_too_many_events_as_well(self, put: Put) -> None:
        """A quota of the whole request has no path."""
        text = json.dumps(to_wire(MANY))
        code, _, err = put("--events-request", text, "--application-id=", "--dry-run")
        assert (code, err[2].partition(";")[0]) == (252, "210 events")

    def test_of_too_many_endpoints(self) -> None:
        """The plan splits them."""
        batch = EventsBatch(endpoint=Endpoint(), events={})
        many = EventsRequest(batch_item=dict.fromkeys(map(str, range(1_500)), batch))
        found = plan(many)
        assert [part["Endpoints"] for part in found["Requests"]] == [1_000, 500]
        assert len(found["Faults"]) == 1

    def test_opens_nothing(self, put: Put) -> None:
        """A URL is not opened."""
        to = ("--to", "sqlite:///no/such/events.db")
        code, _, err = put("--dry-run", "--events-request", "BatchItem={}", *to)
        assert (code, err) == (0, [])
