"""Tests of the events of reserved types."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events import Event, ProblemCode, from_json, to_json
from pinpoint_events.events import Store, auth_failed, purchase, sign_in, sign_up
from pinpoint_events.problems import Problem
from tests.samples import NOON, SESSION, facts_of, problems_of

NEEDED: Final[dict[str, Any]] = {"product_id": "sku-17", "quantity": 2, "store": "Shop"}
PRICED: Final[dict[str, Any]] = {**NEEDED, "price": 9.99, "currency": "EUR"}
ATTRIBUTES: Final = {
    "product_id": "_product_id",
    "store": "_store",
    "currency": "_currency",
    "formatted_price": "_item_price_formatted",
    "transaction_id": "_transaction_id",
    "locale": "_locale",
}
METRICS: Final = {"quantity": "_quantity", "price": "_item_price"}
ARGUMENTS: Final = ATTRIBUTES | METRICS
AUTHENTICATION: Final = {
    sign_in: "_userauth.sign_in",
    sign_up: "_userauth.sign_up",
    auth_failed: "_userauth.auth_fail",
}
BUILDERS: Final = [*AUTHENTICATION, lambda **members: purchase(**PRICED, **members)]

# Text that UTF-8 can hold.
texts = st.text(st.characters(exclude_categories=["Cs"]))
names = texts.filter(bool)
free_names = texts.filter(lambda text: text not in ARGUMENTS.values())
numbers = st.integers(-(2**53), 2**53) | st.floats(
    allow_nan=False, allow_infinity=False
)


class Key(StrEnum):
    """Names of attributes, as an application may keep them."""

    STORE = "_store"


class TestPurchase:
    """A purchase has the type and the names that the SDKs write."""

    def test_all_arguments(self) -> None:
        """Each argument is an attribute or a metric, beside those of the caller."""
        event = purchase(
            "sku-17",
            quantity=2,
            store=Store.APPLE,
            price=9.99,
            currency="EUR",
            formatted_price="9,99 €",
            transaction_id="t-1",
            locale="de_DE",
            timestamp=NOON,
            attributes={"campaign": "spring"},
            metrics={"discount": 0.5},
            session=SESSION,
        )
        assert event == Event(
            "_monetization.purchase",
            timestamp=NOON,
            attributes={
                "campaign": "spring",
                "_product_id": "sku-17",
                "_store": "Apple",
                "_currency": "EUR",
                "_item_price_formatted": "9,99 €",
                "_transaction_id": "t-1",
                "_locale": "de_DE",
            },
            metrics={"discount": 0.5, "_quantity": 2, "_item_price": 9.99},
            session=SESSION,
        )

    def test_what_is_not_given_is_not_there(self) -> None:
        """An argument that is left out has no attribute and no metric."""
        event = purchase("sku-17", quantity=1, store="Shop", formatted_price="$1")
        assert event.attributes == {
            "_product_id": "sku-17",
            "_store": "Shop",
            "_item_price_formatted": "$1",
        }
        assert event.metrics == {"_quantity": 1}
        assert event.session is None

    def test_price_of_nothing(self) -> None:
        """Zero is a price, and a whole number stays whole."""
        event = purchase(**NEEDED, price=0, currency="Gold")
        assert event.metrics["_item_price"] == 0
        assert type(event.metrics["_item_price"]) is int

    def test_empty_text(self) -> None:
        """As in the SDKs, a transaction id and a locale may be empty."""
        event = purchase(**PRICED, transaction_id="", locale="")
        assert event.attributes["_transaction_id"] == ""
        assert event.attributes["_locale"] == ""

    @pytest.mark.parametrize("text", ["9.99", "9.990", "1E+2"])
    def test_decimal_price(self, text: str) -> None:
        """A Decimal becomes the float that is written the same."""
        event = purchase(**NEEDED, price=Decimal(text), currency="EUR")
        assert event.metrics["_item_price"] == float(text)
        assert type(event.metrics["_item_price"]) is float

    def test_decimal_that_is_no_float(self) -> None:
        """A Decimal is never rounded."""
        price: Any = Decimal("0.10000000000000000001")
        assert facts_of(lambda: purchase(**NEEDED, price=price, currency="EUR")) == [
            "price: wrong_type Decimal not measure"
        ]

    @given(
        given=st.fixed_dictionaries(
            {
                "product_id": names,
                "quantity": numbers,
                "store": st.sampled_from(Store) | names,
                "price": numbers,
                "currency": names,
            },
            optional={
                "formatted_price": names,
                "transaction_id": texts,
                "locale": texts,
            },
        ),
        attributes=st.dictionaries(free_names, texts),
        metrics=st.dictionaries(free_names, numbers),
    )
    def test_keeps_everything(
        self,
        given: dict[str, Any],
        attributes: dict[str, str],
        metrics: dict[str, float],
    ) -> None:
        """Whatever is given is in the event once, under its name, and on the wire."""
        event = purchase(
            **given, timestamp=NOON, attributes=attributes, metrics=metrics
        )
        own = {ARGUMENTS[name]: value for name, value in given.items()}
        assert event.attributes == attributes | {
            name: own[name] for name in ATTRIBUTES.values() if name in own
        }
        assert event.metrics == metrics | {name: own[name] for name in METRICS.values()}
        assert from_json(Event, to_json(event)) == event


class TestStore:
    """The SDKs know four stores; an application may have another."""

    def test_names(self) -> None:
        """They are written as the SDKs write them."""
        assert list(Store) == ["Apple", "Google Play", "Amazon", "Virtual"]

    @pytest.mark.parametrize("store", [*Store, "Shop"])
    def test_is_kept_as_text(self, store: str) -> None:
        """The event has the plain text, not the member of the enum."""
        kept = purchase(**{**PRICED, "store": store}).attributes["_store"]
        assert kept == store
        assert type(kept) is str


class TestPrice:
    """
    A purchase has price and currency, or a formatted price.

    (aws-sdk-android, `MonetizationEventBuilder`.)
    """

    @pytest.mark.parametrize(
        "prices",
        [
            {"price": 1, "currency": "EUR"},
            {"formatted_price": "$1"},
            {"formatted_price": "$1", "price": 1},
            {"formatted_price": "$1", "currency": "USD"},
            {"formatted_price": "$1", "price": 1, "currency": "USD"},
        ],
    )
    def test_is_enough(self, prices: dict[str, Any]) -> None:
        """With a formatted price, a part of the other may be there, too."""
        event = purchase(**NEEDED, **prices)
        own = {ARGUMENTS[name]: value for name, value in prices.items()}
        assert own.items() <= {**event.attributes, **event.metrics}.items()

    @pytest.mark.parametrize(
        "prices, missing",
        [
            ({}, "price"),
            ({"currency": "EUR"}, "price"),
            ({"price": 1}, "currency"),
            ({"price": 0}, "currency"),
        ],
    )
    def test_is_missing(self, prices: dict[str, Any], missing: str) -> None:
        """The problem is at the first argument that is missing."""
        assert problems_of(lambda: purchase(**NEEDED, **prices)) == [
            Problem(ProblemCode.MISSING_PRICE, (missing,))
        ]

    @pytest.mark.parametrize("price", ["price", "currency", "formatted_price"])
    def test_invalid_is_not_missing(self, price: str) -> None:
        """An argument that is refused is not reported as missing, too."""
        prices = {**PRICED, price: b"1"}
        assert [
            problem.path for problem in problems_of(lambda: purchase(**prices))
        ] == [(price,)]

    @given(
        price=st.none() | numbers,
        currency=st.none() | names,
        formatted_price=st.none() | names,
    )
    def test_rule(
        self, price: float | None, currency: str | None, formatted_price: str | None
    ) -> None:
        """A purchase is refused if, and only if, it has neither."""

        def act() -> object:
            return purchase(
                **NEEDED,
                price=price,
                currency=currency,
                formatted_price=formatted_price,
            )

        if formatted_price is None and (price is None or currency is None):
            (problem,) = problems_of(act)
            assert problem.code is ProblemCode.MISSING_PRICE
        else:
            act()


class TestReservedNames:
    """What the caller adds never replaces what an argument sets."""

    @pytest.mark.parametrize("argument, name", ARGUMENTS.items())
    @pytest.mark.parametrize("member, value", [("attributes", "v"), ("metrics", 1)])
    def test_are_refused(
        self, argument: str, name: str, member: str, value: object
    ) -> None:
        """In attributes and in metrics, whether the argument is given or not."""
        more: dict[str, Any] = {member: {"mine": value, name: value}}
        assert problems_of(lambda: purchase(**PRICED, **more)) == [
            Problem(ProblemCode.SET_BY_ARGUMENT, (member, name), nearest=(argument,))
        ]

    def test_equal_value(self) -> None:
        """The same value is refused as any other: the rule is about names."""
        attributes = {"_store": NEEDED["store"]}
        assert facts_of(lambda: purchase(**PRICED, attributes=attributes)) == [
            "attributes['_store']: set_by_argument near store"
        ]

    @pytest.mark.parametrize(
        "attributes", [{Key.STORE: "v"}, MappingProxyType({"_store": "v"})]
    )
    def test_in_other_classes(self, attributes: Any) -> None:
        """Mappings and names of other classes are found, too."""
        (problem,) = problems_of(lambda: purchase(**PRICED, attributes=attributes))
        assert problem.path == ("attributes", "_store")

    @pytest.mark.parametrize("build", AUTHENTICATION)
    def test_are_free_elsewhere(self, build: Callable[..., Event]) -> None:
        """Events of authentication have no arguments that set a name."""
        assert build(attributes={"_store": "v"}).attributes == {"_store": "v"}

    def test_other_underscores(self) -> None:
        """Other names with an underscore are as any other."""
        assert purchase(**PRICED, metrics={"_tax": 1}).metrics["_tax"] == 1


class TestProblems:
    """All problems of a purchase come at once."""

    def test_every_argument(self) -> None:
        """Each is at the name of its argument, in their order; then the rules."""
        wrong: Any = 5
        assert facts_of(
            lambda: purchase(
                "",
                quantity=float("nan"),
                store="",
                price=True,
                formatted_price=None,
                transaction_id=wrong,
                locale=wrong,
                timestamp="yesterday",
                attributes={"_store": wrong},
                metrics={"n": float("inf"), "_quantity": 1},
                session=wrong,
            )
        ) == [
            "product_id: empty",
            "quantity: not_finite nan",
            "store: empty",
            "price: wrong_type bool not measure",
            "transaction_id: wrong_type int not text",
            "locale: wrong_type int not text",
            "timestamp: not_iso_8601",
            "attributes['_store']: wrong_type int not text",
            "metrics['n']: not_finite inf",
            "session: not_an_instance int Session",
            "currency: missing_price",
            "attributes['_store']: set_by_argument near store",
            "metrics['_quantity']: set_by_argument near quantity",
        ]

    @pytest.mark.parametrize("name", ["currency", "formatted_price"])
    def test_empty_price(self, name: str) -> None:
        """The SDKs take an empty one for a missing one; here it is refused."""
        assert facts_of(lambda: purchase(**{**PRICED, name: ""})) == [f"{name}: empty"]

    @pytest.mark.parametrize("name", NEEDED)
    def test_needed(self, name: str) -> None:
        """What each purchase needs may not be None."""
        (problem,) = problems_of(lambda: purchase(**{**PRICED, name: None}))
        assert (problem.code, problem.path) == (ProblemCode.WRONG_TYPE, (name,))

    @pytest.mark.parametrize("member", ["attributes", "metrics"])
    def test_no_mapping(self, member: str) -> None:
        """What is no mapping is refused as such."""
        more: dict[str, Any] = {member: [("_store", 1)]}
        assert facts_of(lambda: purchase(**PRICED, **more)) == [
            f"{member}: wrong_type list not mapping"
        ]

    def test_keys_of_other_types(self) -> None:
        """A key that is no text is refused, and hides no other problem."""
        more: dict[str, Any] = {"attributes": {5: "v", "_store": "v"}}
        assert facts_of(lambda: purchase(**PRICED, **more)) == [
            "attributes: wrong_key_type int not text",
            "attributes['_store']: set_by_argument near store",
        ]


class TestAuthentication:
    """Signing in, signing up, and failing to."""

    @pytest.mark.parametrize("build, event_type", AUTHENTICATION.items())
    def test_type(self, build: Callable[..., Event], event_type: str) -> None:
        """The event has the SDKs' type, and nothing that was not given."""
        assert build(timestamp=NOON) == Event(event_type, timestamp=NOON)

    @pytest.mark.parametrize("build, event_type", AUTHENTICATION.items())
    def test_members(self, build: Callable[..., Event], event_type: str) -> None:
        """What is given is kept as `Event` keeps it."""
        members: dict[str, Any] = {
            "timestamp": "2026-11-24T09:30:00Z",
            "attributes": {"provider": "Google"},
            "metrics": {"attempts": 3},
            "session": SESSION,
        }
        assert build(**members) == Event(event_type, **members)

    @pytest.mark.parametrize("build", AUTHENTICATION)
    def test_problems(self, build: Callable[..., Event]) -> None:
        """All problems come at once, as those of `Event`."""
        assert facts_of(lambda: build(attributes={"n": 1}, session="s")) == [
            "attributes['n']: wrong_type int not text",
            "session: not_an_instance str Session",
        ]


class TestTime:
    """The time is that of `Event`."""

    @pytest.mark.parametrize("build", BUILDERS)
    def test_now(self, build: Callable[..., Event]) -> None:
        """Without a time, an event happens now."""
        before = datetime.now(UTC).replace(microsecond=0)
        assert before <= build().timestamp <= datetime.now(UTC)

    @pytest.mark.parametrize("build", BUILDERS)
    def test_none(self, build: Callable[..., Event]) -> None:
        """None is not now: a time that is missing in some data is a mistake."""
        assert facts_of(lambda: build(timestamp=None)) == [
            "timestamp: wrong_type NoneType not time"
        ]
