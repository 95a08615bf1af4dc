"""Tests of the event id as an attribute."""

from hypothesis import given

from pinpoint_events import Endpoint, EventsBatch, EventsRequest, Problem, ProblemCode
from pinpoint_events.formats.event_ids import with_event_id, with_event_ids
from pinpoint_events.quotas import check_quotas
from pinpoint_events.testing import strategies
from tests.samples import event, facts_of, problems_of, request


class TestWithEventId:
    """One event gets its id as an attribute."""

    def test_added(self) -> None:
        """The other attributes stay, and so does the event that was given."""
        given_event = event(attributes={"a": "b"})
        assert with_event_id(given_event, "v", "id") == event(
            attributes={"a": "b", "id": "v"}
        )
        assert given_event == event(attributes={"a": "b"})

    def test_already_there(self) -> None:
        """An event that has it is returned as it is."""
        once = with_event_id(event(), "v", "id")
        assert with_event_id(once, "v", "id") is once

    def test_taken(self) -> None:
        """Another value is not replaced, an empty one either."""
        for value in ("other", ""):
            taken = event(attributes={"id": value})
            assert problems_of(lambda: with_event_id(taken, "v", "id")) == [  # noqa: B023 - called at once
                Problem(ProblemCode.ATTRIBUTE_TAKEN, ("attributes", "id"))
            ]


class TestWithEventIds:
    """A whole request gets them, so that quotas are checked with them."""

    @given(requested=strategies.events_requests())
    def test_every_event(self, requested: EventsRequest) -> None:
        """Each event has its id, and nothing else changes."""
        name = "an attribute that no strategy draws"
        found = with_event_ids(requested, name)
        assert [*found.batch_item] == [*requested.batch_item]
        for endpoint_id, batch in requested.batch_item.items():
            events = {
                key: with_event_id(each, key, name)
                for key, each in batch.events.items()
            }
            assert found.batch_item[endpoint_id] == EventsBatch(
                endpoint=batch.endpoint, events=events
            )

    def test_counts_towards_quotas(self) -> None:
        """The fortieth attribute is within the quota, the id is the next one."""
        full = event(attributes={f"name-{number}": "" for number in range(40)})
        requested = request(e={"v": full})
        assert check_quotas(requested) == ()
        (problem,) = check_quotas(with_event_ids(requested, "id"))
        assert problem.code is ProblemCode.TOO_MANY_ATTRIBUTES

    def test_all_problems(self) -> None:
        """Each event in which the attribute is taken is named."""
        taken = event(attributes={"id": "mine"})
        batch = EventsBatch(endpoint=Endpoint(), events={"v": taken, "w": event()})
        requested = EventsRequest(batch_item={"e": batch, "f": batch})
        assert facts_of(lambda: with_event_ids(requested, "id")) == [
            "batch_item['e'].events['v'].attributes['id']: attribute_taken",
            "batch_item['f'].events['v'].attributes['id']: attribute_taken",
        ]
