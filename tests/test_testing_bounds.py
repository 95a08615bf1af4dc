"""What strategies are made of, where chance alone would rarely lead."""

import json

from hypothesis import strategies as st

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing._invalid import _with_key_twice
from pinpoint_events.testing._objects import sized
from pinpoint_events.testing._quotas import fitted_endpoint, fitted_request
from tests.samples import BATCH, ENDPOINT, REQUEST

NO_ROOM = Quotas(endpoint_bytes=1)


class TestFitted:
    """Where nothing may be said of an endpoint, nothing is."""

    def test_endpoint(self) -> None:
        """What says nothing is within any quota."""
        assert fitted_endpoint(NO_ROOM, ENDPOINT) == Endpoint()

    def test_request(self) -> None:
        """A request keeps its events then."""
        untouched = EventsBatch(endpoint=Endpoint(), events=BATCH.events)
        wanted = EventsRequest(batch_item={"e-1": untouched})
        assert fitted_request(NO_ROOM, REQUEST) == wanted


class TestSized:
    """Objects are as large as a quota of bytes now and then."""

    def test_without_limit(self) -> None:
        """Where there is none, they are as they come."""
        endpoints = st.just(Endpoint())
        assert sized(endpoints, "address", None, within=False) is endpoints


class TestKeyTwice:
    """A key that is to stand twice does, and nothing else changes."""

    def test_stand_in_is_taken(self) -> None:
        """The data may hold the text that keeps the place."""
        data = {"a": "twice", "b": 1}
        text = _with_key_twice(data, data, "a")
        members = json.loads(text, object_pairs_hook=list)
        assert members == [("a", "twice"), ("b", 1), ("a", "twice")]
