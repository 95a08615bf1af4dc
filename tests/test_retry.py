import copy
import logging
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    PinpointEventsError,
    SenderError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.retry import (
    Done,
    GiveUp,
    Retry,
    RetryBudget,
    RetryCall,
    Send,
    Step,
    Wait,
)
from pinpoint_events.senders._blocking import ClockCorrected, NotSent, Time, run
from tests.fake_time import FakeTime
from tests.samples import event, facts_of, request

REQUEST = request(e={"v": event(), "w": event()})
PATIENT = Retry(attempts=9, deadline_seconds=1e6)
BUSY = InternalServerError(503, "Unavailable")
CUT = TransportError("cut", is_retry_safe=True)
THROTTLED = TooManyRequestsError(429, "TooManyRequestsException")


class Service:
    """Answers as it is told, and remembers what it was sent."""

    def __init__(self, *answers: EventsResponse | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[EventsRequest] = []
        self.attempts: list[int] = []
        self.left: list[float] = []

    def __call__(
        self, part: EventsRequest, attempt: int, seconds: float
    ) -> EventsResponse:
        """Take note, and give the next answer."""
        self.sent.append(part)
        self.attempts.append(attempt)
        self.left.append(seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(endpoint: int | None = 202, **codes: int) -> EventsResponse:
    """Return the answer with these codes for the endpoint `e` and its events."""
    return EventsResponse(
        results={
            "e": ItemResponse(
                endpoint_item_response=(
                    None
                    if endpoint is None
                    else EndpointItemResponse(status_code=endpoint)
                ),
                events_item_response={
                    name: EventItemResponse(status_code=code)
                    for name, code in codes.items()
                },
            )
        }
    )


class Calls:
    """Calls of one sender, which share a budget."""

    def __init__(self, retry: Retry | None, time: Time) -> None:
        self._retry = retry
        self._time = time
        self.budget = RetryBudget()
        self.is_closed = False

    def answer(self, sent: EventsRequest, service: Service) -> EventsResponse:
        """Return the answer to a request, after all attempts."""
        now = self._time.monotonic()
        call = RetryCall(sent, self._retry, self.budget, now=now)
        return run(call, service, self._time, lambda: self.is_closed)


def failure_of(
    service: Service, retry: Retry | None, time: Time
) -> PinpointEventsError:
    """Return what a call that is never answered raises."""
    with pytest.raises(PinpointEventsError) as caught:
        Calls(retry, time).answer(REQUEST, service)
    return caught.value


class TestRetry:
    """How often and how long is checked where it is said."""

    def test_has_defaults(self) -> None:
        """Three attempts, within what servers wait for."""
        assert Retry() == Retry(attempts=3, deadline_seconds=20.0)

    def test_is_frozen(self) -> None:
        """No one changes the patience of a sender behind its back."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Retry().attempts = 4  # type: ignore[misc]
        retry = Retry(attempts=2)
        retry.__init__(attempts=4)
        assert retry == Retry(attempts=2)
        assert copy.deepcopy(retry) is retry
        assert hash(pickle.loads(pickle.dumps(retry))) == hash(Retry(attempts=2))

    @pytest.mark.parametrize(
        "attempts, facts",
        [
            (0, "attempts_not_positive 0 not attempts"),
            (-1, "attempts_not_positive -1 not attempts"),
            (-(10**5000), "integer_too_large 16610 bits"),
            (10**5000, "integer_too_large 16610 bits"),
        ],
        ids=range(4),
    )
    def test_needs_an_attempt(self, attempts: int, facts: str) -> None:
        """Not to send at all is no way of sending; nor are more than 2**53 attempts."""
        assert facts_of(lambda: Retry(attempts=attempts)) == [f"attempts: {facts}"]

    @pytest.mark.parametrize(
        "attempts, name", [(True, "bool"), (2.0, "float"), (None, "NoneType")]
    )
    def test_counts_whole_attempts(self, attempts: Any, name: str) -> None:
        """Attempts are a whole number."""
        assert facts_of(lambda: Retry(attempts=attempts)) == [
            f"attempts: wrong_type {name} not attempts"
        ]

    @pytest.mark.parametrize(
        "seconds, facts",
        [
            (0, "seconds_not_positive 0 not seconds"),
            (-1.5, "seconds_not_positive -1.5 not seconds"),
            (float("inf"), "seconds_not_positive inf not seconds"),
            (float("nan"), "seconds_not_positive nan not seconds"),
            (10**5000, "integer_too_large 16610 bits"),
        ],
        ids=range(5),
    )
    def test_needs_a_time_that_ends(self, seconds: float, facts: str) -> None:
        """A deadline is a finite time, and not over already."""
        assert facts_of(lambda: Retry(deadline_seconds=seconds)) == [
            f"deadline_seconds: {facts}"
        ]

    @pytest.mark.parametrize("seconds, name", [(True, "bool"), ("9", "str")])
    def test_counts_seconds(self, seconds: Any, name: str) -> None:
        """A deadline is a number."""
        assert facts_of(lambda: Retry(deadline_seconds=seconds)) == [
            f"deadline_seconds: wrong_type {name} not seconds"
        ]

    def test_tells_both(self) -> None:
        """All that is wrong is told at once."""
        assert len(facts_of(lambda: Retry(attempts=0, deadline_seconds=0))) == 2


class TestWholeRequest:
    """A request that nothing is known of is sent again, whole."""

    @pytest.mark.parametrize(
        "failure", [BUSY, THROTTLED, TransportError("cut", is_retry_safe=True)]
    )
    def test_is_sent_again(self, failure: PinpointEventsError) -> None:
        """429, 5xx and no answer are worth another attempt."""
        service = Service(failure, failure, answer(v=202, w=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)
        assert service.sent == [REQUEST] * 3
        assert service.attempts == [1, 2, 3]

    @pytest.mark.parametrize(
        "failure",
        [
            BadRequestError(400, "BadRequestException"),
            ForbiddenError(403, "SignatureDoesNotMatch"),
            InvalidResponseError("no JSON"),
            TransportError("not trusted"),
            ConfigurationError("no credentials"),
        ],
    )
    def test_is_not_sent_again(self, failure: PinpointEventsError) -> None:
        """What another attempt would not change is told at once."""
        time = FakeTime()
        assert failure_of(Service(failure), PATIENT, time) is failure
        assert time.waits == []

    def test_is_given_up_after_the_last_attempt(self) -> None:
        """The last failure is the one that is told."""
        last = InternalServerError(500, "x", request_id="r-3")
        service = Service(BUSY, BUSY, last)
        assert failure_of(service, Retry(attempts=3), FakeTime()) is last

    def test_is_sent_once_without_a_retry(self) -> None:
        """`retry=None` sends once."""
        time = FakeTime()
        assert failure_of(Service(BUSY), None, time) is BUSY
        assert time.waits == []


class TestWaits:
    """Full jitter under a doubling bound, as the SDK reference has it."""

    @pytest.mark.parametrize(
        "failure, waits",
        [
            (BUSY, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0, 20.0]),
            (THROTTLED, [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0]),
        ],
    )
    def test_double_up_to_a_ceiling(
        self, failure: PinpointEventsError, waits: list[float]
    ) -> None:
        """Throttling waits from a second on, the rest from 50 ms, 20 s at most."""
        time = FakeTime()
        failure_of(
            Service(*[failure] * 12), Retry(attempts=12, deadline_seconds=1e6), time
        )
        assert time.waits == pytest.approx(waits)

    @pytest.mark.parametrize("random", [0.0, 0.25])
    def test_are_shortened_at_random(self, random: float) -> None:
        """Any part of the bound may be the wait."""
        time = FakeTime(random)
        failure_of(Service(*[THROTTLED] * 3), Retry(attempts=3), time)
        assert time.waits == [1.0 * random, 2.0 * random]

    def test_are_as_long_as_the_service_asks(self) -> None:
        """`Retry-After` is the least."""
        asking = TooManyRequestsError(429, "x", retry_after_seconds=7.5)
        brief = TooManyRequestsError(429, "x", retry_after_seconds=0.1)
        time = FakeTime()
        failure_of(Service(asking, brief, BUSY), Retry(attempts=3), time)
        assert time.waits == [7.5, 2.0]

    def test_never_go_beyond_the_deadline(self) -> None:
        """A wait that would end too late is not begun, and the failure told."""
        asking = TooManyRequestsError(429, "x", retry_after_seconds=10.0)
        time = FakeTime()
        retry = Retry(attempts=9, deadline_seconds=25.0)
        service = Service(*[asking] * 9)
        assert failure_of(service, retry, time) is asking
        assert time.waits == [10.0, 10.0]

    def test_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Each further attempt is one line, with numbers beside it."""
        caplog.set_level(logging.INFO)
        failure_of(Service(BUSY, BUSY), Retry(attempts=2), FakeTime())
        (record,) = caplog.records
        assert (record.name, record.levelname) == ("pinpoint_events", "INFO")
        assert record.getMessage() == "sending again"
        assert vars(record)["pinpoint_events.attempt"] == 2
        assert vars(record)["pinpoint_events.wait_seconds"] == 0.05

    def test_may_end_with_the_deadline(self) -> None:
        """The deadline itself is not too late."""
        asking = TooManyRequestsError(429, "x", retry_after_seconds=10.0)
        time = FakeTime()
        failure_of(
            Service(*[asking] * 9), Retry(attempts=9, deadline_seconds=20.0), time
        )
        assert time.waits == [10.0, 10.0]


class TestBudget:
    """Failures cost, success gives back, and who is broke sends once."""

    @pytest.mark.parametrize("failure, again", [(BUSY, 35), (THROTTLED, 100)])
    def test_is_spent_by_failures(
        self, failure: PinpointEventsError, again: int
    ) -> None:
        """500 are there; a failure costs 14, throttling 5."""
        calls = Calls(Retry(attempts=1000, deadline_seconds=1e6), FakeTime())
        service = Service(*[failure] * 2000)
        with pytest.raises(PinpointEventsError):
            calls.answer(REQUEST, service)
        assert len(service.sent) == 1 + again
        with pytest.raises(PinpointEventsError):
            calls.answer(REQUEST, service)
        assert len(service.sent) == 1 + again + 1

    def test_is_filled_by_success(self) -> None:
        """A call that succeeds gives back what its last failure cost, else one."""
        calls = Calls(Retry(attempts=1000, deadline_seconds=1e6), FakeTime())
        with pytest.raises(PinpointEventsError):
            calls.answer(REQUEST, Service(*[BUSY] * 2000))
        left = calls.budget.left
        good = answer(v=202, w=202)
        for _ in range(4):
            calls.answer(REQUEST, Service(good))
        assert calls.budget.left == left + 4
        calls.answer(REQUEST, Service(BUSY, good))
        assert calls.budget.left == left + 4

    def test_is_never_more_than_full(self) -> None:
        """Success alone saves nothing up."""
        calls = Calls(PATIENT, FakeTime())
        calls.answer(REQUEST, Service(answer(v=202, w=202)))
        assert calls.budget.left == 500


class TestItems:
    """Items that came back retryable are sent again, alone."""

    def test_are_sent_alone(self) -> None:
        """The answers are one in the end."""
        service = Service(answer(v=500, w=202), answer(v=503), answer(v=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)
        alone = request(e={"v": event()})
        assert service.sent == [REQUEST, alone, alone]
        assert service.attempts == [1, 2, 3]

    @pytest.mark.parametrize("code, wait", [(500, 0.05), (429, 1.0)])
    def test_wait_as_whole_requests_do(self, code: int, wait: float) -> None:
        """Throttling of one item is throttling."""
        time = FakeTime()
        service = Service(answer(v=code, w=202), answer(v=202))
        Calls(PATIENT, time).answer(REQUEST, service)
        assert time.waits == [wait]

    def test_share_the_attempts_with_the_whole_request(self) -> None:
        """`attempts` counts all that is sent for a call."""
        service = Service(BUSY, answer(v=500, w=202), answer(v=500))
        got = Calls(Retry(attempts=3), FakeTime()).answer(REQUEST, service)
        assert got == answer(v=500, w=202)

    @pytest.mark.parametrize(
        "failure",
        [
            BadRequestError(400, "BadRequestException"),
            ForbiddenError(403, "ExpiredTokenException"),
            TransportError("refused", code=TransportErrorCode.CONNECT),
            InternalServerError(500, "InternalServerErrorException"),
            NotSent(ConfigurationError("no credentials any more")),
            ClockCorrected(ForbiddenError(403, "RequestExpired")),
        ],
    )
    def test_stay_retryable_when_that_fails(self, failure: Exception) -> None:
        """Once something was answered, nothing is raised any more."""
        service = Service(answer(v=500, w=202), *[failure] * 20)
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=500, w=202)
        outcomes = [item.outcome for item in got.outcomes(REQUEST)]
        assert outcomes == [Outcome.ACCEPTED, Outcome.RETRYABLE, Outcome.ACCEPTED]

    @pytest.mark.parametrize(
        "failure",
        [
            InvalidResponseError("no JSON"),
            TransportError("cut", is_retry_safe=True),
            TransportError("silent", code=TransportErrorCode.READ_TIMEOUT),
        ],
    )
    def test_are_unreported_when_they_may_be_taken(
        self, failure: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Then `request.retry` does not send them a third time; and it is logged."""
        service = Service(answer(endpoint=429, v=500, w=202), *[failure] * 20)
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(endpoint=None, w=202)
        assert REQUEST.retry(got) is None
        outcomes = [item.outcome for item in got.outcomes(REQUEST)]
        assert outcomes == [Outcome.UNREPORTED, Outcome.UNREPORTED, Outcome.ACCEPTED]
        record = caplog.records[-1]
        assert record.message == "not sent again"
        assert record.__dict__["pinpoint_events.problem"] == type(failure).__name__

    def test_are_certain_again_when_accepted(self) -> None:
        """After a failure in between, acceptance settles them."""
        cut = TransportError("cut", is_retry_safe=True)
        service = Service(answer(v=500, w=202), cut, answer(v=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)

    @pytest.mark.parametrize(
        "answers",
        [
            [answer(v=500, w=202), CUT, answer(v=500)],
            [answer(v=500, w=202), CUT, BUSY],
            [answer(v=500, w=202), CUT, answer(v=500), answer(v=503)],
            [CUT, answer(v=500, w=202), answer(v=500)],
            [CUT, answer(v=500, w=202)],
        ],
    )
    def test_are_unreported_when_an_earlier_sending_may_be_taken(
        self, answers: list[EventsResponse | Exception]
    ) -> None:
        """A later refusal says nothing of the sending that had no answer."""
        service = Service(*answers)
        retry = Retry(attempts=len(answers))
        got = Calls(retry, FakeTime()).answer(REQUEST, service)
        assert got == answer(w=202)
        assert REQUEST.retry(got) is None
        assert service.answers == []

    def test_are_unreported_one_by_one(self) -> None:
        """What was not sent without an answer stays retryable."""
        service = Service(answer(v=500, w=202), CUT, answer(v=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)
        whole = EventsResponse(results={"e": ItemResponse(status_code=503)})
        got = Calls(Retry(attempts=2), FakeTime()).answer(REQUEST, Service(CUT, whole))
        assert [item.outcome for item in got.outcomes(REQUEST)] == [
            Outcome.UNREPORTED
        ] * 3

    @pytest.mark.parametrize(
        "second",
        [
            EventsResponse(),
            EventsResponse(results={"e": ItemResponse()}),
            EventsResponse(results={"other": ItemResponse(status_code=202)}),
        ],
    )
    def test_are_unreported_when_the_answer_leaves_them_out(
        self, second: EventsResponse
    ) -> None:
        """They may have been accepted, and are not sent a third time."""
        service = Service(answer(endpoint=429, v=500, w=202), second)
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert [item.outcome for item in got.outcomes(REQUEST)] == [
            Outcome.UNREPORTED,
            Outcome.UNREPORTED,
            Outcome.ACCEPTED,
        ]
        assert len(service.sent) == 2

    def test_outlive_failures_in_between(self) -> None:
        """A re-send that fails is itself sent again."""
        service = Service(answer(v=500, w=202), BUSY, THROTTLED, answer(v=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)
        assert len(service.sent) == 4

    def test_that_are_rejected_or_unreported_are_left(self) -> None:
        """What was refused stays refused; what is unknown may have been accepted."""
        service = Service(answer(v=400))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=400)

    @given(st.lists(st.sampled_from([202, 400, 429, 500]), min_size=1, max_size=6))
    def test_end_with_the_last_code(self, codes: list[int]) -> None:
        """An event has the last code that it got, and is sent until that is final."""
        one = request(e={"v": event()})
        service = Service(*[answer(v=code) for code in [*codes, 202]])
        got = Calls(Retry(attempts=20, deadline_seconds=1e6), FakeTime()).answer(
            one, service
        )
        first = next(code for code in [*codes, 202] if code in {202, 400})
        assert got == answer(v=first)


class TestClockCorrected:
    """A call goes on once the clock was corrected."""

    def test_sends_again_at_once(self) -> None:
        """A corrected clock waits for nothing."""
        time = FakeTime()
        corrected = ClockCorrected(ForbiddenError(403, "RequestExpired"))
        service = Service(corrected, answer(v=202, w=202))
        got = Calls(PATIENT, time).answer(REQUEST, service)
        assert got == answer(v=202, w=202)
        assert time.waits == [0.0]

    @pytest.mark.parametrize("retry, sent", [(PATIENT, 2), (None, 1)])
    def test_is_corrected_once_in_a_call(self, retry: Retry | None, sent: int) -> None:
        """Then what the service says is the answer; without attempts it is at once."""
        refused = ForbiddenError(403, "RequestExpired")
        service = Service(*[ClockCorrected(refused)] * 3)
        assert failure_of(service, retry, FakeTime()) is refused
        assert len(service.sent) == sent


class TestNotSent:
    """An attempt that cannot be made, as without credentials."""

    EXPIRED = NotSent(ConfigurationError("the login has expired"))
    PASSING = NotSent(SenderError("no credentials now", is_retry_safe=True))

    def test_first_attempt(self) -> None:
        """It is what the call ends with; what may pass is tried again."""
        assert (
            failure_of(Service(self.EXPIRED), PATIENT, FakeTime()) is self.EXPIRED.error
        )
        service = Service(self.PASSING, answer(v=202, w=202))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202, w=202)

    @pytest.mark.parametrize("failure", [EXPIRED, PASSING], ids=["stays", "passes"])
    def test_after_an_attempt(self, failure: NotSent) -> None:
        """The error of the attempt is raised: the events may have been accepted."""
        silent = TransportError("no answer", is_retry_safe=True)
        service = Service(silent, *[failure] * 20)
        assert failure_of(service, PATIENT, FakeTime()) is silent


class TestRefusedLater:
    """A request or an item that is refused after an attempt without an answer."""

    SILENT = TransportError("no answer", is_retry_safe=True)

    @pytest.mark.parametrize(
        "refused",
        [
            BadRequestError(400, "InvalidArgumentException"),
            ForbiddenError(403, "ExpiredTokenException"),
            InternalServerError(500, "InternalServerErrorException"),
            TransportError(
                "no connection", is_retry_safe=True, code=TransportErrorCode.CONNECT
            ),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_stays_uncertain(self, refused: SenderError) -> None:
        """The events may have been accepted: the error says so."""
        service = Service(self.SILENT, refused)
        once_again = Retry(attempts=2)
        assert failure_of(service, once_again, FakeTime()) is self.SILENT

    def test_last_uncertain(self) -> None:
        """Of several attempts without an answer, it is the error of the last."""
        last = TransportError("no answer again", is_retry_safe=True)
        refused = BadRequestError(400, "InvalidArgumentException")
        service = Service(self.SILENT, last, refused)
        assert failure_of(service, PATIENT, FakeTime()) is last

    def test_item(self) -> None:
        """Of one that is refused, nothing is known."""
        service = Service(self.SILENT, answer(v=202, w=400))
        got = Calls(PATIENT, FakeTime()).answer(REQUEST, service)
        assert got == answer(v=202)

    def test_refused_first(self) -> None:
        """Where no attempt may have been accepted, it is the last error."""
        refused = BadRequestError(400, "InvalidArgumentException")
        service = Service(BUSY, refused)
        assert failure_of(service, PATIENT, FakeTime()) is refused


class TestClosed:
    """A sender that is closed by another thread sends nothing again."""

    def test_ends_with_the_error(self) -> None:
        """That of the attempt which was made."""
        calls = Calls(PATIENT, FakeTime())
        calls.is_closed = True
        service = Service(BUSY, answer(v=202, w=202))
        with pytest.raises(InternalServerError) as caught:
            calls.answer(REQUEST, service)
        assert caught.value is BUSY
        assert len(service.sent) == 1

    def test_keeps_what_was_answered(self) -> None:
        """Items that were not sent again stay retryable."""
        calls = Calls(PATIENT, FakeTime())
        calls.is_closed = True
        got = calls.answer(REQUEST, Service(answer(v=500, w=202)))
        assert got == answer(v=500, w=202)

    def test_ends_a_wait(self) -> None:
        """A wait is over at once, as soon as it is closed."""
        looks = iter([False, True])
        Time().wait(3600, lambda: next(looks))


class TestMachine:
    """The steps of a call, whatever happens: the invariants of the module."""

    @given(
        attempts=st.integers(1, 8),
        deadline=st.floats(0.1, 60),
        happenings=st.lists(
            st.tuples(
                st.one_of(
                    st.sampled_from(
                        [
                            BUSY,
                            THROTTLED,
                            TransportError("cut", is_retry_safe=True),
                            TooManyRequestsError(429, "x", retry_after_seconds=3.0),
                            ForbiddenError(403, "x"),
                            ClockCorrected(ForbiddenError(403, "RequestExpired")),
                        ]
                    ),
                    st.fixed_dictionaries(
                        dict.fromkeys(("v", "w"), st.sampled_from([202, 400, 429, 500]))
                    ),
                ),
                st.floats(0, 20),
                st.floats(0, 1),
            ),
            min_size=20,
            max_size=20,
        ),
    )
    def test_invariants(
        self,
        attempts: int,
        deadline: float,
        happenings: list[tuple[Any, float, float]],
    ) -> None:
        """Attempts and waits are bounded, and every item has its last answer."""
        retry = Retry(attempts=attempts, deadline_seconds=deadline)
        now = 5.0
        call = RetryCall(REQUEST, retry, RetryBudget(), now=now)
        known: dict[str, int] = {}
        uncertain: set[str] = set()  # sent again, and perhaps taken
        sent = 0
        step: Step = call.start()
        for happening, seconds, random in happenings:
            if isinstance(step, Wait):
                assert now + step.seconds <= call.deadline == 5.0 + deadline
                assert step.attempt == sent + 1
                now += step.seconds
                step = call.waited()
            if not isinstance(step, Send):
                break
            sent += 1  # noqa: SIM113 - not of each
            assert step.attempt == sent <= attempts
            events = step.request.batch_item["e"].events
            assert not any(known.get(name) in {202, 400} for name in events)
            now += seconds
            if isinstance(happening, ClockCorrected):
                step = call.clock_corrected(happening.error, now=now)
            elif isinstance(happening, PinpointEventsError):
                if isinstance(happening, TransportError):
                    uncertain.update(events)
                step = call.failed(happening, now=now, random=random)
            else:
                codes = {name: happening[name] for name in events}
                known |= codes
                uncertain -= {name for name, code in codes.items() if code == 202}
                step = call.answered(answer(**codes), now=now, random=random)
        assert isinstance(step, Done | GiveUp)
        if isinstance(step, GiveUp):
            assert not known
        else:
            responses = dict(step.response.results["e"].events_item_response)
            assert {name: one.status_code for name, one in responses.items()} == {
                name: code for name, code in known.items() if name not in uncertain
            }


class TestTime:
    """The time of this machine."""

    def test_passes(self) -> None:
        """Its clocks run, its waits end, and its numbers are from 0 up to 1."""
        time = Time()
        clocks: list[Callable[[], float]] = [time.now, time.monotonic]
        before = [clock() for clock in clocks]
        time.wait(0.001, lambda: False)
        time.wait(3600, lambda: True)
        assert all(clock() >= then for clock, then in zip(clocks, before, strict=True))
        assert 0 <= time.random() < 1
