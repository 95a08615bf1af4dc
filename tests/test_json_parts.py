from hypothesis import given

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.senders._json_parts import BatchTexts, batch_texts
from pinpoint_events.testing import strategies
from pinpoint_events.wire import from_json, to_json
from tests.samples import BATCH, ENDPOINT, EVENT, REQUEST


class TestBatchTexts:
    """The text of a request is split into those of its endpoints and events."""

    def test_of_one_batch(self) -> None:
        """Each part has the text that `to_json` gives for it."""
        assert list(batch_texts(REQUEST)) == [
            BatchTexts(
                endpoint_id="e-1",
                endpoint=ENDPOINT,
                endpoint_text=to_json(ENDPOINT).decode(),
                event_texts={"v-1": to_json(EVENT).decode()},
            )
        ]

    def test_order(self) -> None:
        """Batches and events are in the order of the request."""
        batch_item = dict.fromkeys(["z", "a", "ü"], BATCH)
        texts = list(batch_texts(EventsRequest(batch_item=batch_item)))
        assert [each.endpoint_id for each in texts] == ["z", "a", "ü"]

    def test_of_nothing(self) -> None:
        """An empty request has no parts."""
        assert list(batch_texts(EventsRequest(batch_item={}))) == []

    @given(
        endpoint_id=strategies.names(),
        endpoint=strategies.endpoints(),
        event_id=strategies.names(),
        event=strategies.events(),
    )
    def test_of_anything(
        self, endpoint_id: str, endpoint: Endpoint, event_id: str, event: Event
    ) -> None:
        """Each text reads back as its part, however it was written."""
        batch = EventsBatch(endpoint=endpoint, events={event_id: event})
        (texts,) = batch_texts(EventsRequest(batch_item={endpoint_id: batch}))
        assert texts.endpoint_id == endpoint_id
        assert from_json(Endpoint, texts.endpoint_text) == endpoint
        assert list(texts.event_texts) == [event_id]
        assert from_json(Event, texts.event_texts[event_id]) == event
