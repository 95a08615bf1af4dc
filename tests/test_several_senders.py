"""`MultiSender` and `ShadowSender`: several senders behind one."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import (
    ConfigurationError,
    SenderError,
    StoreError,
    TransportError,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders import (
    MemorySender,
    MultiSender,
    OutcomeDifference,
    Sender,
    SenderAnswer,
    ShadowReport,
    ShadowSender,
    SqliteSender,
)
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.senders.protocol import keeps_repeats
from pinpoint_events.storage.waiting import seconds_left, waiting_until
from pinpoint_events.testing import strategies
from tests.samples import REQUEST, event, request
from tests.sender_contract import Place, SenderContract
from tests.test_senders import Opened

UNLIMITED = Quotas(**{each.name: None for each in attrs.fields(Quotas)})
LATER = EventItemResponse(status_code=503, message="later")
NO = EventItemResponse(status_code=400, message="no")
YES = EventItemResponse(status_code=202, message="Accepted")

THREE = request(e={"good": event(), "bad": event(), "late": event(), "lost": event()})


def some(endpoint: EndpointItemResponse | None = None) -> EventsResponse:
    """Return an answer of each outcome to the events of `THREE`."""
    return EventsResponse(
        results={
            "e": ItemResponse(
                endpoint_item_response=endpoint,
                events_item_response={"good": YES, "bad": NO, "late": LATER},
            )
        },
        request_id="id-1",
    )


class Broken(MemorySender):
    """A sender with a defect."""

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        raise ZeroDivisionError(request)


def down(request: EventsRequest) -> EventsResponse:
    """Answer nothing."""
    raise TransportError("the network is down", is_retry_safe=True)


def sent(sender: MemorySender) -> list[tuple[str, str]]:
    """Return the ids of the events that a sender got, in order."""
    return [each[:2] for asked in sender.requests for each in asked.events()]


class TestMultiContract(SenderContract):
    """It keeps the contract of all senders."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Write into a file, and into memory."""
        with FilesPlace(MultiSender, tmp_path / "events.db") as place:
            yield place


class TestShadowContract(SenderContract):
    """It keeps the contract of all senders."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Write into a file, and into memory."""
        reports: list[ShadowReport] = []
        path = tmp_path / "events.db"
        with FilesPlace(ShadowSender, path, report=reports.append) as place:
            yield place
        assert not any(each.differences for each in reports)


class FilesPlace(Opened):
    """A file, which the first of two senders writes."""

    def __init__(self, cls: Any, path: Path, **more: Any) -> None:
        super().__init__()
        self.cls = cls
        self.path = path
        self.more = more

    def sender(self, **options: Any) -> Sender:
        """Open both, and the sender to both."""
        # The quotas of all are those of the one that is tested.
        file = self.enter_context(
            SqliteSender(self.path, application_id="app-1", quotas=UNLIMITED)
        )
        other = MemorySender(quotas=UNLIMITED)
        options = {"quotas": Quotas(), **self.more, **options}
        return self.opened(self.cls(file, other, **options))

    def arrived(self) -> list[tuple[str, str]]:
        """Return the events in the file."""
        with closing(sqlite3.connect(self.path)) as store:
            try:
                return sorted(store.execute("SELECT endpoint_id, event_id FROM events"))
            except sqlite3.OperationalError:
                return []  # no sender has been made


class TestMultiSender:
    """One is authoritative."""

    def test_all_get_it(self) -> None:
        """What is accepted reaches each; the answer is that of the first."""
        first, second, third = MemorySender(), MemorySender(), MemorySender()
        with MultiSender(first, second, third) as sender:
            response = sender.put_events(REQUEST)
        assert second.requests == third.requests == (REQUEST,)
        assert second.requests[0] is REQUEST
        assert response == MemorySender().put_events(REQUEST)

    def test_others_get_what_was_accepted(self) -> None:
        """Not what was rejected, will be sent again, or is not reported."""
        other = MemorySender()
        with MultiSender(MemorySender(answer=lambda _: some()), other) as sender:
            assert sender.put_events(THREE) == some()
        assert sent(other) == [("e", "good")]

    def test_nothing_accepted(self) -> None:
        """Then the others are not called."""
        other = MemorySender()
        nothing = EventsResponse()
        with MultiSender(MemorySender(answer=lambda _: nothing), other) as sender:
            assert sender.put_events(THREE) == nothing
        assert other.requests == ()

    def test_error(self) -> None:
        """An error of the authoritative sender is raised; the others get nothing."""
        other = MemorySender()
        with (
            MultiSender(MemorySender(answer=down), other) as sender,
            pytest.raises(TransportError),
        ):
            sender.put_events(THREE)
        assert other.requests == ()

    def test_report(self) -> None:
        """Answers and errors of the others are data, and hinder none of them."""
        reports: list[SenderAnswer] = []
        picky = MemorySender(answer=lambda _: some())
        others = (MemorySender(answer=down), Broken(), picky)
        with MultiSender(MemorySender(), *others, report=reports.append) as sender:
            response = sender.put_events(THREE)
        response.raise_for_failures(THREE)
        assert tuple(each.sender for each in reports) == others
        assert [each.request for each in reports] == [THREE] * 3
        assert [each.response for each in reports] == [None, None, some()]
        network, defect, none = (each.error for each in reports)
        assert isinstance(network, TransportError)
        assert type(defect) is SenderError
        assert isinstance(defect.__cause__, ZeroDivisionError)
        assert str(defect).startswith("unexpected ZeroDivisionError in line ")
        assert none is None

    def test_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Without a report, what the others did not accept is logged, without data."""
        others = (
            MemorySender(answer=down),
            MemorySender(answer=lambda _: some()),
            MemorySender(),
        )
        with MultiSender(MemorySender(), *others) as sender:
            sender.put_events(THREE)
        found = [
            (
                record.levelno,
                record.getMessage(),
                vars(record)["pinpoint_events.sender"],
                vars(record)["pinpoint_events.problem"],
            )
            for record in caplog.records
        ]
        kind = "MemorySender"
        assert found == [
            (logging.WARNING, "other sender failed", kind, "TransportError"),
            (logging.WARNING, "other sender failed", kind, "4 items not accepted"),
        ]

    def test_report_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        """An exception of the report changes nothing; its text is not logged."""

        def report(answer: SenderAnswer) -> None:
            raise KeyError(answer)

        second, third = MemorySender(), MemorySender()
        with MultiSender(MemorySender(), second, third, report=report) as sender:
            sender.put_events(REQUEST).raise_for_failures(REQUEST)
        assert second.requests == third.requests == (REQUEST,)
        assert [each.getMessage() for each in caplog.records] == ["report failed"] * 2
        for record in caplog.records:
            problem = vars(record)["pinpoint_events.problem"]
            assert problem.startswith("unexpected KeyError in line ")

    def test_settings_of_the_first(self) -> None:
        """Application and quotas are those of the authoritative sender."""
        quotas = Quotas(events_per_request=7)
        first = MemorySender(application_id="shop", quotas=quotas)
        with MultiSender(first, MemorySender(application_id="other")) as sender:
            assert (sender.application_id, sender.quotas) == ("shop", quotas)
            assert repr(sender).startswith("<MultiSender of <MemorySender of 'shop'")
        with MultiSender(MemorySender()) as sender:
            assert (sender.application_id, sender.quotas) == ("local", Quotas())

    def test_keeps_repeats(self) -> None:
        """One sender that keeps what arrives twice is enough for `load` to care."""

        class Stream(MemorySender):
            keeps_repeats = True

        for others, kept in (((MemorySender(),), False), ((Stream(),), True)):
            with MultiSender(MemorySender(), *others) as sender:
                assert keeps_repeats(sender) is kept
        assert not keeps_repeats(MemorySender())

    def test_closes_all(self, tmp_path: Path) -> None:
        """All are closed, even if closing one of them fails."""

        class Stuck(MemorySender):
            def _close(self) -> None:
                raise StoreError("cannot be closed")

        senders = MemorySender(), Stuck(), SqliteSender(tmp_path / "a.db")
        sender = MultiSender(*senders)
        with pytest.raises(StoreError):
            sender.close()
        sender.close()
        for each in senders:
            with pytest.raises(SenderError, match="is closed"):
                each.put_events(REQUEST)

    @pytest.mark.parametrize(
        "arguments, options, message",
        [
            ((5,), {}, "authoritative is of type int; pass a sender"),
            (
                (MemorySender(), "memory:"),
                {},
                "a sender of others is of type str; pass a sender",
            ),
            (
                (MemorySender(),),
                {"report": 5},
                "report is of type int; pass a function",
            ),
        ],
    )
    def test_refused(
        self, arguments: Any, options: dict[str, Any], message: str
    ) -> None:
        """Arguments are checked when it is made."""
        with pytest.raises(ConfigurationError) as caught:
            MultiSender(*arguments, **options)
        assert str(caught.value) == message

    @given(strategies.events_requests(), st.data())
    def test_others_have_exactly_what_was_accepted(
        self, request: EventsRequest, data: st.DataObject
    ) -> None:
        """Law: an item reaches the others if and only if its answer was accepted."""
        answer = data.draw(strategies.responses_to(request))
        other = MemorySender(quotas=UNLIMITED)
        first = MemorySender(answer=lambda _: answer, quotas=UNLIMITED)
        with MultiSender(first, other) as sender:
            sender.put_events(request)
        accepted = {
            (each.endpoint_id, each.event_id)
            for each in answer.outcomes(request)
            if each.outcome is Outcome.ACCEPTED
        }
        events = [pair for pair in accepted if pair[1] is not None]
        assert sorted(sent(other)) == sorted(events)
        whole = {
            endpoint_id
            for asked in other.requests
            for endpoint_id, batch in asked.batch_item.items()
            if batch.endpoint != type(batch.endpoint)()
        }
        assert all((endpoint_id, None) in accepted for endpoint_id in whole)


class TestShadowSender:
    """A candidate beside the current sender."""

    def shadow(
        self, current: MemorySender, candidate: MemorySender, asked: EventsRequest
    ) -> tuple[EventsResponse | BaseException, ShadowReport]:
        """Send a request; return answer or error, and the report."""
        reports: list[ShadowReport] = []
        with ShadowSender(current, candidate, report=reports.append) as sender:
            try:
                found: EventsResponse | BaseException = sender.put_events(asked)
            except TransportError as error:
                found = error
        (report,) = reports
        assert report.current.sender is current
        assert report.candidate.sender is candidate
        assert report.current.request == report.candidate.request == asked
        return found, report

    def test_alike(self) -> None:
        """Both get all; there is no difference."""
        candidate = MemorySender()
        found, report = self.shadow(MemorySender(), candidate, REQUEST)
        assert found is report.current.response
        assert report.differences == ()
        assert candidate.requests == (REQUEST,)

    def test_outcomes_differ(self) -> None:
        """Each item with another outcome is a difference."""
        taken = EndpointItemResponse(status_code=202, message="Accepted")
        current = MemorySender(answer=lambda _: some(taken))
        found, report = self.shadow(current, MemorySender(), THREE)
        assert found == some(taken)
        accepted = Outcome.ACCEPTED
        assert report.differences == (
            OutcomeDifference("e", "bad", Outcome.REJECTED, accepted),
            OutcomeDifference("e", "late", Outcome.RETRYABLE, accepted),
            OutcomeDifference("e", "lost", Outcome.UNREPORTED, accepted),
        )

    def test_candidate_fails(self) -> None:
        """Its error is in the report, and is not raised."""
        found, report = self.shadow(MemorySender(), MemorySender(answer=down), THREE)
        assert isinstance(found, EventsResponse)
        assert isinstance(report.candidate.error, TransportError)
        assert {each.current for each in report.differences} == {Outcome.ACCEPTED}
        assert {each.candidate for each in report.differences} == {None}
        assert len(report.differences) == 5

    def test_candidate_is_broken(self) -> None:
        """Nor is any other exception."""
        found, report = self.shadow(MemorySender(), Broken(), THREE)
        assert isinstance(found, EventsResponse)
        assert isinstance(report.candidate.error, SenderError)

    def test_current_fails(self) -> None:
        """Its error is raised; the candidate gets the request nevertheless."""
        candidate = MemorySender()
        found, report = self.shadow(MemorySender(answer=down), candidate, THREE)
        assert found is report.current.error
        assert {each.current for each in report.differences} == {None}
        assert candidate.requests == (THREE,)

    def test_both_fail(self) -> None:
        """Then no item differs."""
        down_too = MemorySender(answer=down)
        found, report = self.shadow(MemorySender(answer=down), down_too, THREE)
        assert isinstance(found, TransportError)
        assert report.differences == ()

    def test_current_is_broken(self) -> None:
        """A defect of the current sender is raised as it is."""
        candidate = MemorySender()
        with (
            ShadowSender(Broken(), candidate, report=print) as sender,
            pytest.raises(ZeroDivisionError),
        ):
            sender.put_events(THREE)
        assert candidate.requests == ()

    def test_quotas_of_the_candidate(self) -> None:
        """A request that is too large for the candidate alone is a difference."""
        narrow = MemorySender(quotas=Quotas(events_per_request=2))
        found, report = self.shadow(MemorySender(), narrow, THREE)
        assert isinstance(found, EventsResponse)
        assert type(report.candidate.error).__name__ == "QuotaExceededError"

    def test_repr(self) -> None:
        """It names both."""
        with ShadowSender(MemorySender(), MemorySender(), report=print) as sender:
            assert repr(sender) == (
                f"<ShadowSender of {MemorySender()!r} and {MemorySender()!r}>"
            )

    def test_refused(self) -> None:
        """Arguments are checked when it is made."""
        wrong: Any = None
        with pytest.raises(ConfigurationError, match="candidate is of type NoneType"):
            ShadowSender(MemorySender(), wrong, report=print)


class TestTime:
    """The time of a call limits the first sender, and not those after it."""

    def test_others(self) -> None:
        """The first may use it up; then the others still have theirs."""
        waits: list[float] = []

        def answer(request: EventsRequest) -> EventsResponse:
            waits.append(seconds_left(5.0))
            return accepted(request)

        first, other = MemorySender(answer=answer), MemorySender(answer=answer)
        with waiting_until(time.monotonic()):
            MultiSender(first, other).put_events(REQUEST)
            ShadowSender(first, other, report=bool).put_events(REQUEST)
        assert waits == [0.0, 5.0] * 2
