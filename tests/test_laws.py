"""
What holds for all values: the property tests of the package, by its own strategies.

Those of the builder are in `test_laws_builder.py`.
"""

import copy
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import given, reject
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.errors import ItemsFailedError, ValidationError
from pinpoint_events.model.endpoint import Demographic, Endpoint, Location, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemOutcome,
    ItemResponse,
    Outcome,
)
from pinpoint_events.put_events import merged_response
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.testing import strategies
from pinpoint_events.testing.strategies import InvalidInput
from pinpoint_events.wire import from_json, from_wire, to_json, to_wire
from tests.drawn import costly
from tests.samples import ENDPOINT, EVENT, event, problems_of

SENT: Final = (
    EventsRequest,
    EventsBatch,
    Endpoint,
    Demographic,
    Location,
    User,
    Event,
    Session,
)
ANSWERED: Final = (
    EventsResponse,
    ItemResponse,
    EndpointItemResponse,
    EventItemResponse,
)
MODEL: Final = (*SENT, *ANSWERED)

sent_classes = st.sampled_from(SENT)
model_classes = st.sampled_from(MODEL)
objects: SearchStrategy[Any] = model_classes.flatmap(st.from_type)

NAMES: Final = (
    "Attributes",
    "BatchItem",
    "Endpoint",
    "EndpointItemResponse",
    "Events",
    "EventsItemResponse",
    "EventsResponse",
    "EventType",
    "Message",
    "Results",
    "StatusCode",
)
plain_data: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=12,
)
"""Anything that JSON may hold, often under names that mean something."""

anything: SearchStrategy[Any] = plain_data | st.sampled_from(
    [b"x", (), set(), object(), Decimal(1), Endpoint(), "2026-11-24T09:30:00Z"]
)
"""Anything that a caller in Python may pass."""


def paths_of(act: Callable[[], object]) -> list[tuple[str | int, ...]]:
    """Return the paths of the problems of the one error; each has all its words."""
    problems = problems_of(act)
    for problem in problems:
        assert all((problem.problem, problem.limit, problem.remedy)), problem
    return [problem.path for problem in problems]


class TestRoundTrip:
    """
    `from_wire(type(x), to_wire(x)) == x`.

    Design, "Wire".
    """

    @given(obj=objects)
    def test_plain_data(self, obj: Any) -> None:
        """Every object is read from its plain data as an equal one."""
        assert from_wire(type(obj), to_wire(obj)) == obj

    @costly
    @given(obj=objects)
    def test_json(self, obj: Any) -> None:
        """Every object is read from its JSON as an equal one; any reader reads it."""
        text = to_json(obj)
        assert from_json(type(obj), text) == obj
        assert from_json(type(obj), text.decode()) == obj
        assert json.loads(text) == to_wire(obj)

    @costly
    @given(data=st.data(), response=strategies.events_responses())
    def test_every_form_of_an_answer(
        self, data: DataObject, response: EventsResponse
    ) -> None:
        """In whatever form the service writes an answer, it is read as the same."""
        form = data.draw(strategies.wire_forms(response))
        assert from_wire(EventsResponse, form) == response
        assert from_json(EventsResponse, json.dumps(form)) == response


class TestValue:
    """
    Objects are values: equal by content, and never another.

    Design, "The model".
    """

    @given(obj=objects | strategies.quotas())
    def test_copies(self, obj: Any) -> None:
        """Copies of all kinds are equal, of the same hash, and shown alike."""
        members = {f.name: getattr(obj, f.name) for f in attrs.fields(type(obj))}
        for each in (
            pickle.loads(pickle.dumps(obj)),
            copy.copy(obj),
            copy.deepcopy(obj),
            attrs.evolve(obj),
            type(obj)(**members),
        ):
            assert type(each) is type(obj)
            assert each == obj
            assert hash(each) == hash(obj)
            assert repr(each) == repr(obj)

    @given(data=st.data(), cls=model_classes)
    def test_equality(self, data: DataObject, cls: type[Any]) -> None:
        """Two objects are equal if and only if what is written of them is."""
        one, other = data.draw(st.tuples(st.from_type(cls), st.from_type(cls)))
        name = data.draw(st.sampled_from([field.name for field in attrs.fields(cls)]))
        try:
            other = attrs.evolve(one, **{name: getattr(other, name)})
        except ValidationError:
            reject()  # the member does not go with the others
        assert (one == other) == (to_wire(one) == to_wire(other))
        assert one != to_wire(one)
        if one == other:
            assert hash(one) == hash(other)

    @costly
    @given(endpoint=strategies.endpoints(), event=strategies.events())
    def test_what_was_given_may_change(self, endpoint: Endpoint, event: Event) -> None:
        """An object has copies of the dicts and lists that it was built with."""
        attributes = {key: list(texts) for key, texts in endpoint.attributes.items()}
        metrics = dict(endpoint.metrics)
        built = attrs.evolve(endpoint, attributes=attributes, metrics=metrics)
        for texts in attributes.values():
            texts.append("more")
        attributes["more"] = []
        metrics["more"] = 1
        assert built == endpoint
        events = {"v": event}
        batch = EventsBatch(endpoint=endpoint, events=events)
        events.clear()
        assert dict(batch.events) == {"v": event}

    @given(stored=strategies.endpoints(), update=strategies.endpoints())
    def test_merging_twice(self, stored: Endpoint, update: Endpoint) -> None:
        """An update that is merged again changes nothing, nor does an empty one."""
        once = merged(stored, update)
        assert merged(once, update) == once
        assert merged(stored, Endpoint()) == stored
        assert merged(Endpoint(), update) == update


class TestInvalidInput:
    """
    Bad input gets one error that names the place.

    Issue 2, section 2.
    """

    @given(data=st.data(), cls=st.sampled_from((*MODEL, Quotas)))
    def test_arguments(self, data: DataObject, cls: type[Any]) -> None:
        """A constructor reports the one fault of its arguments, and no other."""
        invalid = data.draw(strategies.invalid_arguments(cls))
        assert paths_of(lambda: cls(**invalid.data)) == [invalid.path]

    @given(data=st.data(), cls=sent_classes)
    def test_wire_data(self, data: DataObject, cls: type[Any]) -> None:
        """`from_wire` reports the one fault of its data, in one short line."""
        invalid = data.draw(strategies.invalid_wire_data(cls))
        (problem,) = problems_of(lambda: from_wire(cls, invalid.data))
        assert len(str(problem)) < 1_000
        assert str(problem).isprintable()
        assert paths_of(lambda: from_wire(cls, invalid.data)) == [invalid.path]

    @costly
    @given(invalid=strategies.invalid_json_requests())
    def test_json(self, invalid: InvalidInput[bytes]) -> None:
        """`from_json` reports the one fault of its text, and no other."""
        paths = paths_of(lambda: from_json(EventsRequest, invalid.data))
        assert paths == [invalid.path]

    @costly
    @given(invalid=strategies.over_quota_requests())
    def test_quotas(self, invalid: InvalidInput[EventsRequest]) -> None:
        """`check_quotas` reports the one quota that is exceeded, and its number."""
        (problem,) = check_quotas(invalid.data)
        most = getattr(Quotas(), invalid.kind)
        assert problem.path == invalid.path
        assert (problem.actual, problem.allowed) == (most + 1, most)
        raised = attrs.evolve(Quotas(), **{invalid.kind: most + 1})
        assert check_quotas(invalid.data, raised) == ()

    @costly
    @given(
        one=strategies.invalid_arguments(Endpoint),
        two=strategies.invalid_wire_data(Event),
    )
    def test_all_at_once(
        self, one: InvalidInput[dict[str, Any]], two: InvalidInput[dict[str, Any]]
    ) -> None:
        """Faults in several places are reported together."""
        wire = {"BatchItem": {"e": {"Endpoint": 1, "Events": {"v": two.data}}}}
        assert paths_of(lambda: from_wire(EventsRequest, wire)) == [
            ("BatchItem", "e", "Endpoint"),
            ("BatchItem", "e", "Events", "v", *two.path),
        ]
        arguments = {**one.data, "request_id": 1}
        paths = paths_of(lambda: Endpoint(**arguments))
        assert {*paths} - {one.path} == {("request_id",)} - {one.path}


class TestRobustness:
    """Whatever comes in, there is an object or a ValidationError."""

    @given(data=plain_data)
    def test_wire_data(self, data: Any) -> None:
        """Any plain data is read as any class, or refused."""
        for cls in MODEL:
            assert_read_or_refused(cls, lambda: from_wire(cls, data))  # noqa: B023

    @costly
    @given(data=st.binary() | st.text() | plain_data.map(json.dumps))
    def test_json(self, data: bytes | str) -> None:
        """Any bytes and any text are read as any class, or refused."""
        for cls in MODEL:
            assert_read_or_refused(cls, lambda: from_json(cls, data))  # noqa: B023

    @costly
    @given(data=st.dictionaries(st.sampled_from(NAMES), plain_data))
    def test_any_object_is_an_answer(self, data: dict[str, Any]) -> None:
        """An answer that is an object at all is read."""
        for cls in ANSWERED:
            assert type(from_wire(cls, data)) is cls

    @given(data=st.data(), cls=st.sampled_from((*MODEL, Quotas)))
    def test_arguments(self, data: DataObject, cls: type[Any]) -> None:
        """Any arguments make an object, or are refused."""
        fields = attrs.fields(cls)
        needed = {f.name: anything for f in fields if f.default is attrs.NOTHING}
        others = {f.name: anything for f in fields if f.name not in needed}
        arguments = data.draw(st.fixed_dictionaries(needed, optional=others))
        assert_read_or_refused(cls, lambda: cls(**arguments))


def assert_read_or_refused(cls: type[Any], act: Callable[[], Any]) -> None:
    """Assert that the act gives an object of the class, or a ValidationError."""
    try:
        obj = act()
    except ValidationError as refusal:
        error = refusal
    else:
        assert type(obj) is cls
        return
    assert error.problems
    assert str(error)


class Botocore:
    """What botocore knows of PutEvents, read without anyone's configuration."""

    def __init__(self) -> None:
        """Load the service's model."""
        loader = Loader(
            extra_search_paths=[Loader.BUILTIN_DATA_PATH],
            include_default_search_paths=False,
        )
        description = loader.load_service_model("pinpoint", "service-2")
        self.operation = ServiceModel(description, "pinpoint").operation_model(
            "PutEvents"
        )
        self.serializer = create_serializer("rest-json")

    def report(self, arguments: dict[str, Any]) -> str:
        """Return what is wrong with the arguments of a call; empty for nothing."""
        shape = self.operation.input_shape
        return str(ParamValidator().validate(arguments, shape).generate_report())

    def body(self, arguments: dict[str, Any]) -> bytes:
        """Return the body of the call."""
        made = self.serializer.serialize_to_request(arguments, self.operation)
        return bytes(made["body"])


BOTOCORE: Final = Botocore()


class TestBotocore:
    """
    A user can adopt the model alone.

    Design, "Wire".
    """

    @costly
    @given(request=strategies.events_requests())
    def test_accepts_every_request(self, request: EventsRequest) -> None:
        """Botocore's validator takes the dict, and its serialiser means the same."""
        arguments = {"ApplicationId": "a", "EventsRequest": to_wire(request)}
        assert BOTOCORE.report(arguments) == ""
        assert json.loads(BOTOCORE.body(arguments)) == json.loads(to_json(request))


# Of what is in them, only that one is not like the other matters here.
items: Final = strategies.events_batches(
    endpoints=st.sampled_from([Endpoint(), ENDPOINT, Endpoint(request_id="r-1")]),
    events=st.sampled_from([EVENT, event("first"), event("second")]),
)


def answered(
    *, outcomes: SearchStrategy[Outcome] | None = None
) -> SearchStrategy[tuple[EventsRequest, EventsResponse]]:
    """Return requests with answers to them."""
    return strategies.events_requests(batches=items).flatmap(
        lambda request: st.tuples(
            st.just(request), strategies.responses_to(request, outcomes=outcomes)
        )
    )


Key = tuple[str, str | None]


def keys(request: EventsRequest) -> list[Key]:
    """Return the items of a request in order: each endpoint, then its events."""
    return [
        (endpoint_id, event_id)
        for endpoint_id, batch in request.batch_item.items()
        for event_id in (None, *batch.events)
    ]


def by_key(response: EventsResponse, request: EventsRequest) -> dict[Key, ItemOutcome]:
    """Return what became of each item."""
    return {(item[0], item[1]): item for item in response.outcomes(request)}


class TestOutcomes:
    """
    Nothing is lost silently.

    Design, promise 1; "Answers".
    """

    @costly
    @given(pair=answered())
    def test_each_item_once(self, pair: tuple[EventsRequest, EventsResponse]) -> None:
        """There is one outcome for each item, in the order of the request."""
        request, response = pair
        outcomes = response.outcomes(request)
        assert [item[:2] for item in outcomes] == keys(request)
        for item in outcomes:
            batch = request.batch_item[item.endpoint_id]
            is_endpoint = item.event_id is None
            sent = batch.endpoint if is_endpoint else batch.events[str(item.event_id)]
            assert item.item == sent
            code = None if item.response is None else item.response.status_code
            assert item.outcome is Outcome.of(code)

    @costly
    @given(data=st.data(), pair=answered())
    def test_every_form_says_the_same(
        self, data: DataObject, pair: tuple[EventsRequest, EventsResponse]
    ) -> None:
        """The outcomes are those of the answer, however it was written."""
        request, response = pair
        form = data.draw(strategies.wire_forms(response))
        read = from_wire(EventsResponse, form)
        assert read.outcomes(request) == response.outcomes(request)

    @costly
    @given(pair=answered())
    def test_raise_for_failures(
        self, pair: tuple[EventsRequest, EventsResponse]
    ) -> None:
        """It raises if and only if something was not accepted, with all of that."""
        request, response = pair
        failed = [
            item._replace(item=None)
            for item in response.outcomes(request)
            if item.outcome is not Outcome.ACCEPTED
        ]
        if not failed:
            response.raise_for_failures(request)
            return
        with pytest.raises(ItemsFailedError) as caught:
            response.raise_for_failures(request)
        assert caught.value.outcomes == (*failed,)


class TestRetry:
    """
    What is sent again is what is worth it, and no more.

    Design, "Answers".
    """

    @costly
    @given(pair=answered(), unreported=st.booleans())
    def test_only_what_is_worth_it(
        self, pair: tuple[EventsRequest, EventsResponse], *, unreported: bool
    ) -> None:
        """It has the wanted items in order; other endpoints are empty, or not there."""
        request, response = pair
        wanted = {Outcome.RETRYABLE, *([Outcome.UNREPORTED] if unreported else [])}
        outcomes = by_key(response, request)
        again = [key for key in keys(request) if outcomes[key].outcome in wanted]
        expected = {
            endpoint_id: EventsBatch(
                endpoint=batch.endpoint if (endpoint_id, None) in again else Endpoint(),
                events={
                    event_id: event
                    for event_id, event in batch.events.items()
                    if (endpoint_id, event_id) in again
                },
            )
            for endpoint_id, batch in request.batch_item.items()
            if endpoint_id in {key[0] for key in again}
        }
        retry = request.retry(response, unreported=unreported)
        if not again:
            assert retry is None
        else:
            assert retry is not None
            assert [*retry.batch_item.items()] == [*expected.items()]
            for endpoint_id, batch in retry.batch_item.items():
                assert [*batch.events] == [*expected[endpoint_id].events]

    @costly
    @given(
        pair=answered(outcomes=st.sampled_from([Outcome.ACCEPTED, Outcome.REJECTED]))
    )
    def test_nothing_after_a_final_answer(
        self, pair: tuple[EventsRequest, EventsResponse]
    ) -> None:
        """What was accepted or rejected is not sent again."""
        request, response = pair
        assert request.retry(response, unreported=True) is None

    @costly
    @given(data=st.data(), pair=answered(), unreported=st.booleans())
    def test_merged_answers(
        self,
        data: DataObject,
        pair: tuple[EventsRequest, EventsResponse],
        *,
        unreported: bool,
    ) -> None:
        """The second answer counts, also where it leaves out what was sent again."""
        request, first = pair
        again = request.retry(first, unreported=unreported)
        if again is None:
            reject()
        second = data.draw(strategies.responses_to(again))
        both = merged_response(request, first, again, second)
        before, after = by_key(first, request), by_key(second, again)
        for key, item in by_key(both, request).items():
            expected = before[key].response
            # An endpoint may go along empty, with its events: only if it is empty
            # anyway, and nothing final was said of it, the second answer tells of it.
            is_sent = key in after and after[key].item == before[key].item
            is_final = before[key].outcome in {Outcome.ACCEPTED, Outcome.REJECTED}
            is_left_out = key in after and after[key].response is None
            if is_left_out and before[key].outcome is not Outcome.RETRYABLE:
                assert item.response == expected  # nothing is known of it, as before
                continue
            if is_sent and not is_final:
                expected = after[key].response
            assert item.response == expected
        unasked = {*first.results} - {*request.batch_item}
        assert {key: both.results[key] for key in unasked} == {
            key: first.results[key] for key in unasked
        }
