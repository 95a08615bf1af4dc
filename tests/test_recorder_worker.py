from collections.abc import Iterator
from pathlib import Path

import pytest

from pinpoint_events.errors import TransportError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders import MemorySender
from pinpoint_events.senders._accepted import accepted
from tests.recorders import OnDemandRecorder
from tests.samples import event


@pytest.fixture
def sender() -> MemorySender:
    """Make a sender that accepts everything."""
    return MemorySender()


@pytest.fixture(params=["file", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Name a file, or none."""
    return tmp_path / "spool.db" if request.param == "file" else None


class TestWhenToDeliver:
    """A recorder delivers when enough waits, or has waited for long enough."""

    @pytest.fixture
    def recorder(
        self, sender: MemorySender, spool: Path | None
    ) -> Iterator[OnDemandRecorder]:
        """Open a recorder that delivers three events, or after two seconds."""
        recorder = OnDemandRecorder(
            sender, spool=spool, flush_events=3, flush_seconds=2.0
        )
        yield recorder
        recorder.close()

    def test_waits_for_more(
        self, recorder: OnDemandRecorder, sender: MemorySender
    ) -> None:
        """One event alone waits for others."""
        recorder.record("e", event())
        recorder.step()
        recorder.step(1.0)
        assert sender.requests == ()

    def test_enough(self, recorder: OnDemandRecorder, sender: MemorySender) -> None:
        """The third is delivered together with those before it."""
        for number in range(3):
            recorder.record("e", event(), event_id=f"{number}")
        recorder.step()
        assert [request.event_count for request in sender.requests] == [3]

    def test_after_a_time(
        self, recorder: OnDemandRecorder, sender: MemorySender
    ) -> None:
        """What has waited for `flush_seconds` is delivered, however little it is."""
        recorder.step()
        recorder.record("e", event())
        for _ in range(9):
            recorder.step(0.25)
        assert [request.event_count for request in sender.requests] == [1]


class TestOnDemand:
    """Without a thread, `flush` and `close` deliver in the thread that calls them."""

    def test_flush(self, sender: MemorySender, spool: Path | None) -> None:
        """All that was recorded is delivered, and no time passes."""
        recorder = OnDemandRecorder(sender, spool=spool)
        recorder.record("e", event(), event_id="v")
        assert recorder.flush()
        assert list(sender.events) == [("e", "v")]
        assert recorder._time.waits == []
        recorder.close()

    def test_flush_waits_for_the_sender(
        self, sender: MemorySender, spool: Path | None
    ) -> None:
        """An outage is waited for; what is left then is pending."""
        answers = iter([TransportError("down"), TransportError("down")])

        def answer(request: EventsRequest) -> EventsResponse:
            for error in answers:
                raise error
            return accepted(request)

        sender.answer = answer
        recorder = OnDemandRecorder(sender, spool=spool)
        recorder.record("e", event())
        assert not recorder.flush(0.4)
        assert recorder.stats().pending == 1
        assert recorder.flush(5)
        assert (recorder.stats().delivered, recorder.stats().pending) == (1, 0)
        recorder.close()

    def test_hook_that_flushes(self, spool: Path | None) -> None:
        """A hook that calls `flush` does not wait for itself."""
        flushed: list[bool] = []
        sender = MemorySender(answer=lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
        recorder: OnDemandRecorder = OnDemandRecorder(
            sender,
            spool=spool,
            on_error=lambda _: flushed.append(recorder.flush(9.0)),
        )
        recorder.record("e", event())
        recorder.step(5)
        assert flushed == [False]
        assert recorder._time.waits == []
        sender.answer = accepted
        recorder.close()

    def test_full(self, sender: MemorySender) -> None:
        """What blocks for room delivers what takes it."""
        recorder = OnDemandRecorder(sender, spool=None, max_bytes=100_000)
        large = event(attributes={f"k{number}": "x" * 200 for number in range(40)})
        for _ in range(20):
            recorder.record("e", large)
        assert recorder.close()
        assert len(sender.events) == 20
