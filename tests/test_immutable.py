"""Tests of what makes the model immutable."""

import copy
import inspect
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._immutable import Immutable, fields_of
from pinpoint_events.model.endpoint import Demographic, Endpoint, Location, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.quotas import Quotas
from tests.samples import (
    BATCH,
    ENDPOINT,
    EVENT,
    NOON,
    OBJECTS,
    REQUEST,
    RESPONSE,
    SESSION,
    event,
    facts_of,
    problems_of,
)

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MAPS = (
    EVENT.attributes,
    EVENT.metrics,
    ENDPOINT.attributes,
    BATCH.events,
    REQUEST.batch_item,
    RESPONSE.results,
)

each_object = pytest.mark.parametrize(
    "obj", OBJECTS, ids=lambda obj: type(obj).__name__
)
each_map = pytest.mark.parametrize(
    "mapping", MAPS, ids=["texts", "numbers", "lists", "events", "batches", "results"]
)


def members_of(obj: Immutable) -> dict[str, Any]:
    """Return the members of an object, by name."""
    return {field.name: getattr(obj, field.name) for field in fields_of(type(obj))}


@each_object
class TestObjects:
    """Objects of every class are values: they never change, and compare by content."""

    def test_sample_is_whole(self, obj: Immutable) -> None:
        """The sample that these tests go by differs from an object of defaults."""
        members = members_of(obj)
        assert any(value not in ({}, None) for value in members.values())

    def test_members_cannot_be_set(self, obj: Immutable) -> None:
        """No member can be set, or deleted."""
        before = repr(obj)
        for name in members_of(obj):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(obj, name, None)
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                delattr(obj, name)
        assert repr(obj) == before

    @pytest.mark.parametrize("name", ["anything", "_hash", "__class__", "__dict__"])
    def test_nothing_else_can_be_set(self, obj: Immutable, name: str) -> None:
        """Neither can anything that is no member."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(obj, name, type(obj))

    def test_init_changes_nothing(self, obj: Immutable) -> None:
        """Calling `__init__` from outside, with arguments or without, does nothing."""
        before = repr(obj)
        # Any: what mypy would not let pass is what is tested.
        loose: Any = obj
        others = dict.fromkeys(members_of(obj))
        loose.__init__(**others)
        loose.__init__("other")
        type(loose).__init__(loose, **others)
        assert repr(obj) == before

    def test_there_is_no_other_way_in(self, obj: Immutable) -> None:
        """There is no state to set, and no dict of attributes to change."""
        assert not hasattr(obj, "__setstate__")
        assert not hasattr(obj, "__dict__")

    def test_what_reduce_gives_is_a_copy(self, obj: Immutable) -> None:
        """Changing what pickle would get does not change the object."""
        before = repr(obj)
        _, (_, members) = obj.__reduce__()
        members.clear()
        assert repr(obj) == before

    def test_equal_content_is_equal(self, obj: Immutable) -> None:
        """A second object of the same members is equal, and has the same hash."""
        twin = type(obj)(**members_of(obj))
        assert twin is not obj
        assert twin == obj
        assert hash(twin) == hash(obj)
        assert {obj: "found"}[twin] == "found"

    def test_other_content_is_not(self, obj: Immutable) -> None:
        """An object with one member changed is not equal."""
        name = next(
            name for name, value in members_of(obj).items() if value not in ({}, None)
        )
        other = {
            "batch_item": {},
            "endpoint": Endpoint(),
            "endpoint_item_response": EndpointItemResponse(),
            "event_type": "other",
            "events_per_request": 7,
            "id": "other",
            "results": {},
            "status_code": 500,
        }.get(name, "other")
        assert attrs.evolve(obj, **{name: other}) != obj  # type: ignore[misc]

    def test_hash_stays(self, obj: Immutable) -> None:
        """The hash is the same each time, and that of content."""
        assert hash(obj) == hash(obj)
        assert hash(obj) == hash(pickle.loads(pickle.dumps(obj)))

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_pickles(self, obj: Immutable, protocol: int) -> None:
        """Every protocol of pickle gives an equal object."""
        again = pickle.loads(pickle.dumps(obj, protocol))
        assert again == obj
        assert type(again) is type(obj)
        assert repr(again) == repr(obj)

    def test_copies_are_the_object(self, obj: Immutable) -> None:
        """A copy of what cannot change is itself."""
        assert copy.copy(obj) is obj
        assert copy.deepcopy(obj) is obj
        assert copy.deepcopy([obj])[0] is obj

    def test_evolve(self, obj: Immutable) -> None:
        """`attrs.evolve` goes through the constructor and all its checks."""
        loose: Any = obj
        assert attrs.evolve(loose) == obj
        for name in members_of(obj):
            with pytest.raises(ValidationError):
                attrs.evolve(loose, **{name: object()})

    @pytest.mark.skipif(
        sys.version_info < (3, 13), reason="copy.replace is of Python 3.13"
    )
    def test_replace(self, obj: Immutable) -> None:
        """So does `copy.replace`."""
        loose: Any = obj
        replace: Callable[..., Any] = vars(copy)["replace"]
        assert replace(loose) == obj
        for name in members_of(obj):
            with pytest.raises(ValidationError):
                replace(loose, **{name: object()})

    def test_asdict(self, obj: Immutable) -> None:
        """`attrs.asdict` gives the members by their Python names."""
        loose: Any = obj
        assert attrs.asdict(loose, recurse=False) == members_of(obj)
        assert list(attrs.asdict(loose)) == list(members_of(obj))

    def test_weak_reference(self, obj: Immutable) -> None:
        """Objects can be referred to weakly, as caches need it."""
        twin: Any = type(obj)(**members_of(obj))
        reference = weakref.ref(twin)
        assert reference() is twin
        del twin
        assert reference() is None

    def test_has_no_subclasses(self, obj: Immutable) -> None:
        """A subclass could bring anything along, and would not be written."""
        name = type(obj).__name__
        with pytest.raises(TypeError) as caught:
            type("Mine", (type(obj),), {})
        assert str(caught.value) == (
            f"{name} has no subclasses; write a function that returns one, or a class "
            "that holds one"
        )

    def test_has_no_order(self, obj: Immutable) -> None:
        """Objects have no order that anyone could mean."""
        loose: Any = obj
        with pytest.raises(TypeError):
            assert loose < loose  # noqa: PLR0124 - there is no order to go by

    def test_other_classes_are_not_equal(self, obj: Immutable) -> None:
        """An object of another class is never equal, be its members the same."""
        lookalike = attrs.make_class(type(obj).__name__, list(members_of(obj)))
        assert obj != lookalike(**members_of(obj))

    def test_signature_names_the_members(self, obj: Immutable) -> None:
        """What `help()` and editors show are the members, with their types."""
        parameters = inspect.signature(type(obj)).parameters
        assert list(parameters) == list(members_of(obj))
        assert all(
            parameter.annotation is not inspect.Parameter.empty
            for parameter in parameters.values()
        )


class TestEquality:
    """Equal means equal content."""

    def test_numbers_compare_as_in_python(self) -> None:
        """1 and 1.0 are equal metrics, and hash alike, though written differently."""
        one, same = event(metrics={"n": 1}), event(metrics={"n": 1.0})
        assert one == same
        assert hash(one) == hash(same)

    def test_same_members_of_two_classes(self) -> None:
        """What became of an endpoint does not equal what became of an event."""
        of_endpoint: object = EndpointItemResponse(status_code=202)
        of_event: object = EventItemResponse(status_code=202)
        assert of_endpoint != of_event
        assert len({of_endpoint, of_event}) == 2

    def test_order_of_keys_does_not_count(self) -> None:
        """Mappings are compared without regard to order."""
        one, same = (
            event(attributes={"a": "1", "b": "2"}),
            event(attributes={"b": "2", "a": "1"}),
        )
        assert one == same
        assert hash(one) == hash(same)

    def test_request_id_does_not_count(self) -> None:
        """Two calls that were answered alike have equal answers."""
        assert EventsResponse(request_id="one") == EventsResponse(request_id="two")


class TestConstructor:
    """What is missing or unknown among the arguments is Python's own TypeError."""

    @pytest.mark.parametrize(
        "cls, positional, named, message",
        [
            (Event, [], {}, "missing 1 required positional argument: 'event_type'"),
            (
                Event,
                ["tapped"],
                {"colour": "red"},
                "got an unexpected keyword argument 'colour'",
            ),
            (
                Session,
                [],
                {"id": "s"},
                "missing 1 required keyword-only argument: 'start_timestamp'",
            ),
            (
                EventsBatch,
                [],
                {},
                "missing 2 required keyword-only arguments: 'endpoint' and 'events'",
            ),
            (Endpoint, ["e-1"], {}, "takes 1 positional argument but 2 were given"),
        ],
        ids=["missing", "unknown", "missing keyword", "two missing", "positional"],
    )
    def test_type_error(
        self, cls: Any, positional: list[str], named: dict[str, str], message: str
    ) -> None:
        """The message names the class, as it is written."""
        with pytest.raises(TypeError) as caught:
            cls(*positional, **named)
        assert str(caught.value) == f"{cls.__name__}() {message}"

    def test_all_problems_at_once(self) -> None:
        """One error has all problems, member by member."""
        loose: Any = Event
        assert facts_of(
            lambda: loose("", timestamp=1, attributes={"a": 1, "b": None}, session="s")
        ) == [
            "event_type: empty",
            "timestamp: number_as_time int s",
            "attributes['a']: wrong_type int not text",
            "attributes['b']: wrong_type NoneType not text",
            "session: not_an_instance str Session",
        ]

    def test_rule_between_members_beside_their_own(self) -> None:
        """A broken rule between members is reported together with other problems."""
        loose: Any = Endpoint
        assert [
            problem.path
            for problem in problems_of(lambda: loose(address="a@example.com", user=1))
        ] == [("user",), ("channel_type",)]

    def test_new_makes_a_whole_object(self) -> None:
        """`__new__`, called by itself, is the constructor."""
        loose: Any = Event
        assert loose.__new__(Event, "tapped", timestamp=NOON) == event()

    def test_pattern_matching(self) -> None:
        """Objects match by keyword, an event's type by position as well."""
        found = None
        match EVENT:
            case Event("catalog.item_viewed", session=None):
                found = "no session"
            case Event(kind, attributes={"item": item}, session=Session(id=session)):
                found = f"{kind} {item} {session}"
        assert found == f"catalog.item_viewed sku-17 {SESSION.id}"


class TestRepr:
    """A repr is whole and readable: what is left out is the default."""

    @pytest.mark.parametrize(
        "obj, text",
        [
            (Endpoint(), "Endpoint()"),
            (Location(latitude=0, city=""), "Location(city='', latitude=0)"),
            (Demographic(make="A"), "Demographic(make='A')"),
            (User(user_attributes={"a": ["b"]}), "User(user_attributes={'a': ('b',)})"),
            (
                event(session=Session(id="s", start_timestamp=NOON)),
                (
                    f"Event('tapped', timestamp={NOON!r}, session=Session(id='s', "
                    f"start_timestamp={NOON!r}))"
                ),
            ),
            (
                EventsBatch(endpoint=Endpoint(), events={}),
                "EventsBatch(endpoint=Endpoint(), events={})",
            ),
            (EventsRequest(batch_item={}), "EventsRequest(batch_item={})"),
            (
                EventsResponse(results={"e": ItemResponse(status_code=202)}),
                "EventsResponse(results={'e': ItemResponse(status_code=202)})",
            ),
            (
                Quotas(events_per_request=100, event_bytes=None, request_bytes=5),
                "Quotas(request_bytes=5, event_bytes=None)",
            ),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Immutable) else "",
    )
    def test_repr(self, obj: Immutable, text: str) -> None:
        """It reads like the call that makes it."""
        assert repr(obj) == text


class Greedy(dict[str, Any]):
    """A dict that changes whatever it is compared with, and says it is equal."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        loose: Any = other
        loose["planted"] = "here"
        return True


class GreedyMapping(Mapping[str, Any]):
    """The same, without being a dict."""

    def __getitem__(self, key: str) -> Any:
        return {"planted": "here"}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["planted"])

    def __len__(self) -> int:
        return 1

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        loose: Any = other
        loose["planted"] = "here"
        return True


@each_map
class TestMappings:
    """A mapping in a member is read like a dict, and cannot be changed."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda mapping: mapping.update({"new": "value"}),
            lambda mapping: mapping.setdefault("new", "value"),
            lambda mapping: mapping.pop("new", None),
            lambda mapping: mapping.popitem(),
            lambda mapping: mapping.clear(),
            lambda mapping: mapping.__setitem__("new", "value"),
            lambda mapping: mapping.__delitem__(next(iter(mapping))),
            lambda mapping: mapping.__ior__({"new": "value"}),
            lambda mapping: mapping.__setstate__({"new": "value"}),
            lambda mapping: dict.__setitem__(mapping, "new", "value"),
            lambda mapping: dict.update(mapping, new="value"),
            dict.clear,
            lambda mapping: dict.__init__(mapping, new="value"),
            lambda mapping: mapping.__dict__.update(new="value"),
            lambda mapping: setattr(mapping, "_data", {}),
            lambda mapping: setattr(mapping, "__class__", dict),
            lambda mapping: delattr(mapping, "_data"),
        ],
        ids=range(17),
    )
    def test_nothing_changes_it(
        self, mapping: Mapping[str, Any], change: Callable[[Any], object]
    ) -> None:
        """There is no method that does, neither of its own nor of dict."""
        before = dict(mapping)
        with pytest.raises((AttributeError, TypeError)):
            change(mapping)
        assert dict(mapping) == before

    def test_init_changes_nothing(self, mapping: Mapping[str, Any]) -> None:
        """Calling `__init__` from outside does nothing."""
        before = dict(mapping)
        loose: Any = mapping
        loose.__init__({"new": "value"})
        assert dict(mapping) == before

    @pytest.mark.parametrize("greedy", [Greedy(), GreedyMapping()], ids=["dict", "map"])
    def test_comparing_hands_nothing_out(
        self, mapping: Mapping[str, Any], greedy: object
    ) -> None:
        """What it is compared with never gets hold of what is inside."""
        before = dict(mapping)
        assert mapping != greedy
        for view in (mapping.keys(), mapping.items()):
            with pytest.raises(TypeError):
                assert view == greedy
        assert dict(mapping) == before

    def test_views_hand_nothing_out(self, mapping: Mapping[str, Any]) -> None:
        """A view knows the mapping alone, and not the dict inside."""
        for view in (mapping.keys(), mapping.items(), mapping.values()):
            assert not hasattr(view, "mapping")

    def test_nobody_else_makes_one(self, mapping: Mapping[str, Any]) -> None:
        """One made of a caller's dict would change with the dict, unchecked."""
        loose: Any = type(mapping)
        with pytest.raises(TypeError) as caught:
            loose({"new": "value"})
        assert str(caught.value) == (
            f"pass a dict: only the model makes {loose.__name__} objects"
        )

    def test_equals_a_mapping_of_equal_content(
        self, mapping: Mapping[str, Any]
    ) -> None:
        """A plain dict, either way round, or any other mapping."""
        plain = dict(mapping)
        other = dict(mapping, other=1)
        assert mapping == plain
        assert plain == mapping
        assert mapping == MappingProxyType(plain)
        assert mapping != other
        assert other != mapping
        pairs: object = list(mapping.items())
        assert mapping != pairs

    def test_reads_like_a_dict(self, mapping: Mapping[str, Any]) -> None:
        """Keys, values, order, lookup, length and repr are those of the dict."""
        plain = dict(mapping)
        assert list(mapping) == list(plain)
        loose: Any = mapping
        assert list(reversed(loose)) == list(reversed(plain))
        assert list(mapping.items()) == list(plain.items())
        assert list(mapping.values()) == list(plain.values())
        assert len(mapping) == len(plain)
        assert repr(mapping) == repr(plain)
        for key, value in plain.items():
            assert key in mapping
            assert mapping[key] == value
            assert mapping.get(key) == value
        assert "missing" not in mapping
        assert mapping.get("missing", "default") == "default"
        with pytest.raises(KeyError):
            mapping["missing"]

    def test_hashes_by_content(self, mapping: Mapping[str, Any]) -> None:
        """Equal mappings hash alike, whatever the order of their keys."""
        backwards = pickle.loads(pickle.dumps(mapping))
        assert hash(backwards) == hash(mapping)
        assert {mapping: "found"}[backwards] == "found"

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_pickles(self, mapping: Mapping[str, Any], protocol: int) -> None:
        """Every protocol of pickle gives an equal mapping of the same class."""
        again = pickle.loads(pickle.dumps(mapping, protocol))
        assert again == mapping
        assert type(again) is type(mapping)

    def test_copies_are_the_mapping(self, mapping: Mapping[str, Any]) -> None:
        """A copy of what cannot change is itself."""
        assert copy.copy(mapping) is mapping
        assert copy.deepcopy(mapping) is mapping

    def test_what_reduce_gives_is_a_copy(self, mapping: Mapping[str, Any]) -> None:
        """Changing what pickle would get does not change the mapping."""
        before = dict(mapping)
        loose: Any = mapping
        _, (_, data) = loose.__reduce__()
        data.clear()
        assert dict(mapping) == before


class TestUnions:
    """`|` of mappings."""

    def test_union(self) -> None:
        """`|` with any mapping gives a dict, and takes the right one's values."""
        built = event(attributes={"a": "1", "b": "2"})
        one = built.attributes | {"b": "3", "c": "4"}
        assert one == {"a": "1", "b": "3", "c": "4"}
        assert {"a": "0", "z": "9"} | built.attributes == {"a": "1", "z": "9", "b": "2"}
        assert built.attributes | event(attributes={"b": "x"}).attributes == {
            "a": "1",
            "b": "x",
        }
        assert type(one) is dict
        evolved = attrs.evolve(built, attributes=one)
        assert evolved.attributes == one
        assert built.attributes == {"a": "1", "b": "2"}
        for wrong in ([("a", "1")], 5, None):
            with pytest.raises(TypeError):
                built.attributes | wrong  # type: ignore[operator]
            with pytest.raises(TypeError):
                wrong | built.attributes  # type: ignore[operator]


class TestCopies:
    """What is passed in is copied; who passed it may go on changing it."""

    def test_dicts(self) -> None:
        """A dict that changes later changes no event."""
        attributes, metrics = {"a": "1"}, {"n": 1}
        built = event(attributes=attributes, metrics=metrics)
        attributes["a"] = "2"
        metrics.clear()
        assert built == event(attributes={"a": "1"}, metrics={"n": 1})

    def test_lists_within_dicts(self) -> None:
        """A list that changes later changes no endpoint: it became a tuple."""
        names = ["one"]
        built = Endpoint(attributes={"names": names})
        names.append("two")
        assert built.attributes["names"] == ("one",)

    def test_dicts_of_objects(self) -> None:
        """A dict of events that changes later changes no batch."""
        events = {"v": event()}
        batch = EventsBatch(endpoint=Endpoint(), events=events)
        events["w"] = event()
        assert list(batch.events) == ["v"]

    def test_a_mapping_of_ours_is_kept(self) -> None:
        """What cannot change is not copied, nor checked again."""
        attributes = event(attributes={"a": "1"}).attributes
        metrics = event(metrics={"n": 1}).metrics
        lists = Endpoint(attributes={"names": ["one"]}).attributes
        again = event(attributes=attributes, metrics=metrics)
        assert again.attributes is attributes
        assert again.metrics is metrics
        assert Endpoint(attributes=lists).attributes is lists
        assert attrs.evolve(REQUEST).batch_item is REQUEST.batch_item
        assert attrs.evolve(BATCH, endpoint=Endpoint()).events is BATCH.events

    def test_a_mapping_of_another_kind_is_checked(self) -> None:
        """Metrics are no attributes, though both are mappings of ours."""
        loose: Any = Event
        events: Any = BATCH.events
        metrics = event(metrics={"n": 1}).metrics
        assert facts_of(lambda: loose("x", attributes=metrics)) == [
            "attributes['n']: wrong_type int not text"
        ]
        assert facts_of(lambda: EventsRequest(batch_item=events)) == [
            "batch_item['v-1']: not_an_instance Event EventsBatch"
        ]

    def test_empty_mappings_of_two_kinds_are_equal(self) -> None:
        """No attributes and no metrics are equal, and hash alike, as empty dicts."""
        attributes: object = event().attributes
        metrics: object = event().metrics
        assert attributes == metrics
        assert hash(attributes) == hash(metrics)
