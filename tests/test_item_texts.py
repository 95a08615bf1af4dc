"""Tests of `pinpoint_events.item_texts`; those of the compiled part are in speedups."""

from typing import Any

from pinpoint_events.item_texts import endpoint_writer_in_python, event_writer_in_python
from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire import to_json
from tests.samples import EVENT


class TestWriters:
    """They write what is certainly within the quotas, and leave all else."""

    def test_events(self) -> None:
        """An event, alone or after a plain id."""
        write = event_writer_in_python(Quotas(event_bytes=1_000))
        text = to_json(EVENT)
        assert write(EVENT) == text
        assert write(EVENT, "v") == b'"v":' + text
        others: list[tuple[Any, Any]] = [
            *((EVENT, ""), (EVENT, "\u00e9"), (EVENT, 1), (Endpoint(), "v"))
        ]
        large = Event("x" * 1_000, timestamp=EVENT.timestamp)
        for item, event_id in (*others, (large, "v")):
            assert write(item, event_id) is None

    def test_endpoints(self) -> None:
        """An endpoint."""
        write = endpoint_writer_in_python(Quotas(endpoint_bytes=20))
        assert write(Endpoint()) == b"{}"
        assert write(Endpoint(user=User(user_id="u" * 20))) is None
