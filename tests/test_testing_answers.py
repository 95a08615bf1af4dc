"""Tests of the strategies for answers, errors, and senders that give them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    ItemsFailedError,
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    ServiceError,
    StoreError,
    StoreErrorCode,
    TransportError,
    ValidationError,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemOutcome,
    ItemResponse,
    Outcome,
)
from pinpoint_events.problems import Problem
from pinpoint_events.senders import MemorySender
from pinpoint_events.testing import strategies
from tests.drawn import costly, drawn, minimal, missing
from tests.samples import ENDPOINT, EVENT, REQUEST, RESPONSE

TWO = EventsRequest(
    batch_item={
        "e": EventsBatch(endpoint=ENDPOINT, events={"v": EVENT, "w": EVENT}),
        "f": EventsBatch(endpoint=Endpoint(), events={}),
    }
)
MANY = EventsRequest(
    batch_item={
        "e": EventsBatch(
            endpoint=ENDPOINT, events={f"v{number}": EVENT for number in range(100)}
        )
    }
)


class TestAnswers:
    """Anything that an answer may say."""

    def test_outcomes(self) -> None:
        """All four outcomes."""
        found = drawn(strategies.outcomes(), lambda outcome: outcome)
        assert found == {*Outcome}

    def test_status_codes(self) -> None:
        """The codes of the service, those beside them, and any other int."""
        codes = strategies.status_codes()
        wanted = {202, 400, 428, 429, 430, 499, 500, 599, 600, 0, -1, 201, 203}
        assert not missing(codes, lambda code: code, wanted)
        assert not missing(codes, lambda code: abs(code) > 10**9, {True, False})

    @costly
    @given(data=st.data(), outcome=strategies.outcomes())
    def test_status_codes_of_outcomes(self, data: DataObject, outcome: Outcome) -> None:
        """Codes that mean what they were asked to mean."""
        code = data.draw(strategies.status_codes(outcomes=st.just(outcome)))
        assert Outcome.of(code) is outcome

    @costly
    @given(
        of_endpoint=strategies.endpoint_item_responses(
            status_codes=st.just(202), messages=st.just("m")
        ),
        of_event=strategies.event_item_responses(
            status_codes=st.just(202), messages=st.just("m")
        ),
        bare=strategies.item_responses(
            endpoint_item_responses=st.nothing(), status_codes=st.just(202)
        ),
        whole=strategies.item_responses(
            endpoint_item_responses=st.none(),
            events_item_responses=st.just({}),
            status_codes=st.nothing(),
        ),
        response=strategies.events_responses(
            results=st.just({"e": ItemResponse()}), request_ids=st.just("r")
        ),
    )
    def test_parts(
        self,
        of_endpoint: EndpointItemResponse,
        of_event: EventItemResponse,
        bare: ItemResponse,
        whole: ItemResponse,
        response: EventsResponse,
    ) -> None:
        """Every member is drawn from what is given for it."""
        assert of_endpoint == EndpointItemResponse(status_code=202, message="m")
        assert of_event == EventItemResponse(status_code=202, message="m")
        assert bare == ItemResponse(status_code=202)
        assert whole == ItemResponse()
        assert response == EventsResponse(results={"e": ItemResponse()})
        assert response.request_id == "r"

    def test_every_kind(self) -> None:
        """Bare codes, and responses of the endpoint, of events, of both, of neither."""

        def kind(item: ItemResponse) -> tuple[bool, bool, bool]:
            return (
                item.status_code is not None,
                item.endpoint_item_response is not None,
                bool(item.events_item_response),
            )

        kinds = {(True, False, False)}
        kinds |= {(False, one, two) for one in (True, False) for two in (True, False)}
        assert not missing(strategies.item_responses(), kind, kinds)

    def test_item_outcomes(self) -> None:
        """Outcomes of endpoints and events, with and without the item and an answer."""

        def kind(item: ItemOutcome) -> tuple[object, ...]:
            is_event = item.event_id is not None
            of_event = isinstance(item.response, EventItemResponse)
            assert item.item is None or isinstance(item.item, Event) == is_event
            assert item.response is None or of_event == is_event
            code = None if item.response is None else item.response.status_code
            assert Outcome.of(code) is item.outcome
            return is_event, item.item is None, item.response is None

        of_both = {(is_event, False, False) for is_event in (True, False)}
        lacking = {(False, True, False)}
        assert not missing(strategies.item_outcomes(), kind, of_both | lacking)
        rejected = strategies.item_outcomes(outcomes=st.just(Outcome.REJECTED))
        assert drawn(rejected, lambda item: item.outcome) == {Outcome.REJECTED}


class TestResponsesTo:
    """Any answer to a request."""

    def test_any_mix(self) -> None:
        """Each item has each outcome, whatever the others have."""

        def mix(response: EventsResponse) -> tuple[Outcome, ...]:
            return tuple(item.outcome for item in response.outcomes(REQUEST))

        mixes = {(one, two) for one in Outcome for two in Outcome}
        assert not missing(strategies.responses_to(REQUEST), mix, mixes)

    def test_every_shape(self) -> None:
        """Items are missing, bare, whole, or not of the request."""

        def shapes(response: EventsResponse) -> tuple[str, bool]:
            item = response.results.get("e")
            is_unasked = bool({*response.results} - {"e", "f"})
            if item is None:
                return "missing", is_unasked
            if item.status_code is not None:
                return "bare", is_unasked
            if {*item.events_item_response} - {"v", "w"}:
                return "with another event", is_unasked
            known = len(item.events_item_response)
            return f"with {known} of 2 events", is_unasked

        wanted = {("missing", False), ("bare", True), ("with another event", False)}
        wanted |= {("with 0 of 2 events", False), ("with 2 of 2 events", False)}
        assert not missing(strategies.responses_to(TWO), shapes, wanted)

    @pytest.mark.parametrize("outcome", Outcome)
    def test_outcomes(self, outcome: Outcome) -> None:
        """Every item has an outcome that was asked for."""
        answers = strategies.responses_to(TWO, outcomes=st.just(outcome))
        found = drawn(
            answers, lambda answer: {*map(_outcome, answer.outcomes(TWO))} == {outcome}
        )
        assert found == {True}

    def test_many(self) -> None:
        """A full request is answered too, its events in more than one way."""
        mixed = strategies.responses_to(MANY)
        numbers = drawn(
            mixed,
            lambda answer: len({*map(_outcome, answer.outcomes(MANY))}),
        )
        assert numbers >= {1, 2, 3, 4}

    @costly
    @given(response=strategies.responses_to(REQUEST, request_ids=st.just("r")))
    def test_request_ids(self, response: EventsResponse) -> None:
        """The id of the call is the one that was given."""
        assert response.request_id == "r"

    def test_minimal(self) -> None:
        """What is left of a failing example says as little as can be."""
        response = minimal(
            strategies.responses_to(REQUEST),
            lambda answer: Outcome.RETRYABLE in map(_outcome, answer.outcomes(REQUEST)),
        )
        assert response.request_id is None
        assert len(response.results) == 1


def _outcome(item: ItemOutcome) -> Outcome:
    return item.outcome


class TestWireForms:
    """Every form in which the service may write an answer."""

    def test_of_a_whole_answer(self) -> None:
        """Codes as ints, floats, digits and bare; members unknown, missing and null."""

        def form(data: dict[str, Any]) -> str:
            response = data["Results"]["e-1"]["EventsItemResponse"]["v-1"]
            return type(response["StatusCode"]).__name__

        forms = strategies.wire_forms(RESPONSE)
        assert not missing(forms, form, {"int", "float", "str"})
        assert not missing(forms, lambda data: len(data), {1, 2})  # noqa: PLW0108 - a str would fit too

        def empty(data: dict[str, Any]) -> str:
            return json.dumps(data["Results"]["e-2"])

        wanted = {"null", "{}", '{"EndpointItemResponse": null}', "2.5", "[]"}
        wanted |= {'{"EventsItemResponse": {}}', '{"EventsItemResponse": null}'}
        assert not missing(forms, empty, wanted)

    def test_of_an_empty_answer(self) -> None:
        """Results that are missing, null or empty."""
        forms = strategies.wire_forms(EventsResponse())
        wanted = {"{}", '{"Results": null}', '{"Results": {}}', '{"": null}'}
        assert not missing(forms, json.dumps, wanted)

    def test_of_bare_codes(self) -> None:
        """A code stands for an endpoint and its events, or for one event."""
        of_event = EventItemResponse(status_code=202)
        response = EventsResponse(
            results={
                "bare": ItemResponse(status_code=202),
                "event": ItemResponse(events_item_response={"v": of_event}),
            }
        )

        def form(data: dict[str, Any]) -> str:
            results = data["Results"]
            responses = results["bare"], results["event"]["EventsItemResponse"]["v"]
            return json.dumps(responses)

        wanted = {"[202, 202]", '["202", 202]', "[202.0, 202]", '[202, "202"]'}
        wanted |= {'[202, {"StatusCode": 202}]'}
        assert not missing(strategies.wire_forms(response), form, wanted)

    def test_are_not_shared(self) -> None:
        """What a test does to one form is not seen in another."""

        def spoil(data: dict[str, Any]) -> bool:
            was_spoilt = "spoilt" in json.dumps(data)
            for value in (data, *data.values()):
                if isinstance(value, dict):
                    value["spoilt"] = None
                    for inner in value.values():
                        if isinstance(inner, dict):
                            inner["spoilt"] = None
            return was_spoilt

        assert drawn(strategies.wire_responses_to(TWO), spoil) == {False}
        assert drawn(strategies.wire_forms(EventsResponse()), spoil) == {False}

    @costly
    @given(
        data=strategies.wire_responses_to(
            EventsRequest(batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={})}),
            outcomes=st.just(Outcome.ACCEPTED),
        )
    )
    def test_wire_responses_to(self, data: dict[str, Any]) -> None:
        """Answers to a request, in any form, with the outcomes that were asked for."""
        assert "202" in json.dumps(data["Results"]["e"])


class TestErrors:
    """Any error of a class or below it."""

    def test_every_class(self) -> None:
        """All that the package raises, the service's by their statuses."""
        kinds: set[type[Exception]] = {
            ConfigurationError,
            ItemsFailedError,
            QuotaExceededError,
            StoreError,
            TransportError,
            ValidationError,
        }
        assert not missing(strategies.errors(PinpointEventsError), type, kinds)
        kinds = {*ServiceError.__subclasses__(), ServiceError}
        assert len(kinds) == 8
        assert not missing(strategies.errors(ServiceError), type, kinds)

    @pytest.mark.parametrize(
        "kind, kinds",
        [
            (QuotaExceededError, {QuotaExceededError}),
            (ValidationError, {ValidationError, QuotaExceededError}),
            (ConfigurationError, {ConfigurationError}),
            (ItemsFailedError, {ItemsFailedError}),
            (StoreError, {StoreError}),
            (BadRequestError, {BadRequestError}),
            (InternalServerError, {InternalServerError}),
        ],
    )
    def test_kind(
        self, kind: type[PinpointEventsError], kinds: set[type[Exception]]
    ) -> None:
        """Only of the class that was asked for, and those below it."""
        assert drawn(strategies.errors(kind), type, count=30) == kinds

    def test_codes_of_stores(self) -> None:
        """A store fails with any code."""
        codes = set(StoreErrorCode)
        assert not missing(strategies.errors(StoreError), lambda e: e.code, codes)

    def test_foreign_class(self) -> None:
        """Errors of others are not made here."""
        foreign: Any = KeyError
        with pytest.raises(TypeError) as caught:
            strategies.errors(foreign)
        assert str(caught.value) == "KeyError is no error of this package"

    @costly
    @given(error=strategies.errors(ServiceError))
    def test_service_errors(self, error: ServiceError) -> None:
        """Status and class fit, and what follows of the status does."""
        is_server_error = error.status // 100 == 5
        assert isinstance(error, InternalServerError) == is_server_error
        assert error.is_retry_safe == (is_server_error or error.status == 429)
        assert error.code

    @costly
    @given(error=strategies.errors(ItemsFailedError))
    def test_items_failed(self, error: ItemsFailedError) -> None:
        """It has items, none of which was accepted."""
        assert Outcome.ACCEPTED not in {item.outcome for item in error.outcomes}
        assert error.outcomes

    @given(problem=strategies.problems(paths=st.just(("a", 0))))
    def test_problems(self, problem: Problem) -> None:
        """A problem is reported, at the place that was given."""
        assert problem.path == ("a", 0)
        assert problem.problem


class TestMemorySenders:
    """Senders that answer in any way."""

    @costly
    @given(sender=strategies.memory_senders(failures=st.nothing()))
    def test_answers(self, sender: MemorySender) -> None:
        """Without failures, each request is answered, and kept."""
        response = sender.put_events(TWO)
        accepted = {
            item.event_id
            for item in response.outcomes(TWO)
            if item.outcome is Outcome.ACCEPTED and item.event_id is not None
        }
        assert {event_id for _, event_id in sender.events} == accepted
        assert sender.requests == (TWO,)

    def test_every_way(self) -> None:
        """A sender accepts all, or a part, or nothing, or it fails."""

        def way(sender: MemorySender) -> str:
            try:
                response = sender.put_events(REQUEST)
            except SenderError:
                return "fails"
            outcomes = {item.outcome for item in response.outcomes(REQUEST)}
            return "accepts" if outcomes == {Outcome.ACCEPTED} else "does not"

        ways = {"fails", "accepts", "does not"}
        assert not missing(strategies.memory_senders(), way, ways)

    @costly
    @given(
        data=st.data(),
        sender=strategies.memory_senders(
            outcomes=st.just(Outcome.ACCEPTED),
            failures=strategies.errors(TransportError),
        ),
    )
    def test_parts(self, data: DataObject, sender: MemorySender) -> None:
        """Outcomes and failures are those that were given; no two answers depend."""
        for _ in range(data.draw(st.integers(1, 3))):
            try:
                sender.put_events(REQUEST).raise_for_failures(REQUEST)
            except TransportError:
                continue
        assert len(sender.requests) >= 1
