"""
Events of the types that Pinpoint's own SDKs write.

Reports on Pinpoint's events find these by type, and read their attributes and metrics
by name. The names and the rule about prices are those of `MonetizationEventBuilder` in
aws-sdk-android; the SDKs for iOS have the same, without the locale. The types of
authentication are those of the Amazon Pinpoint developer guide, page
`analytics-streaming`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import problems_of
from pinpoint_events.model.event import Event, Session
from pinpoint_events.problems import Problem, ProblemCode, WordEnum

__all__ = ["Store", "auth_failed", "purchase", "sign_in", "sign_up"]

# None is no default for a time: a time that is missing in your data must not become the
# current one.
_NOW: Final[Any] = attrs.NOTHING

# Arguments of `purchase`, and the names under which the SDKs write them.
_ATTRIBUTES: Final = {
    "product_id": "_product_id",
    "store": "_store",
    "currency": "_currency",
    "formatted_price": "_item_price_formatted",
    "transaction_id": "_transaction_id",
    "locale": "_locale",
}
_METRICS: Final = {"quantity": "_quantity", "price": "_item_price"}


class Store(WordEnum):
    """A store that the SDKs name in `_store`."""

    APPLE = "Apple"
    GOOGLE_PLAY = "Google Play"
    AMAZON = "Amazon"
    VIRTUAL = "Virtual"


def purchase(  # noqa: PLR0913 - each is a part of the event
    product_id: str,
    *,
    quantity: float,
    store: Store | str,
    price: float | Decimal | None = None,
    currency: str | None = None,
    formatted_price: str | None = None,
    transaction_id: str | None = None,
    locale: str | None = None,
    timestamp: datetime | str = _NOW,
    attributes: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    session: Session | None = None,
) -> Event:
    """
    Return an event of type `_monetization.purchase`: a user bought a product.

    As in the SDKs, a purchase needs `price` and `currency`, or `formatted_price`.
    Source: aws-sdk-android, `MonetizationEventBuilder`.

    Args:
        product_id: Which product; not empty.
        quantity: How many of it.
        store: Where it was bought: a `Store`, or another name that is not empty.
            `Store.VIRTUAL` is a store within the application.
        price: What one of it costs. A `Decimal` becomes the float that is written the
            same.
        currency: The currency of `price`: its ISO 4217 code, or the name of a virtual
            one; not empty.
        formatted_price: What one of it costs, as the store shows it, such as `$9.99`;
            not empty.
        transaction_id: The store's id of the purchase.
        locale: The locale of the purchase.
        timestamp: When it happened; now, if left out. As in `Event`.
        attributes: Further attributes. Names that an argument sets are refused, here
            and in `metrics`.
        metrics: Further metrics.
        session: The session in which it happened.

    Raises:
        ValidationError: With all problems of the arguments.
    """
    given: dict[str, Any] = {
        "product_id": to.required_text(product_id),
        "quantity": to.measure(quantity),
        "store": to.required_text(store),
        "price": None if price is None else to.measure(price),
        "currency": None if currency is None else to.required_text(currency),
        "formatted_price": (
            None if formatted_price is None else to.required_text(formatted_price)
        ),
        "transaction_id": to.text(transaction_id),
        "locale": to.text(locale),
        "timestamp": to.now() if timestamp is _NOW else to.time(timestamp),
        "attributes": to.text_map(attributes),
        "metrics": to.number_map(metrics),
        "session": None if session is None else to.instance_of(Session, session),
    }
    problems = [
        *problems_of(given),
        *_price_problems(given),
        *_name_problems("attributes", attributes),
        *_name_problems("metrics", metrics),
    ]
    if problems:
        raise ValidationError(problems)
    return Event(
        "_monetization.purchase",
        timestamp=given["timestamp"],
        attributes=given["attributes"] | _named(_ATTRIBUTES, given),
        metrics=given["metrics"] | _named(_METRICS, given),
        session=given["session"],
    )


def _price_problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problem of a purchase without a whole price."""
    if given["formatted_price"] is None:
        missing = [name for name in ("price", "currency") if given[name] is None]
        if missing:
            yield Problem(ProblemCode.MISSING_PRICE, (missing[0],))


def _name_problems(member: str, values: object) -> Iterator[Problem]:
    """Yield a problem for each name in a mapping that an argument sets."""
    if not isinstance(values, Mapping):
        return
    names = {str.__str__(key) for key in list(values) if issubclass(type(key), str)}
    for argument, name in (_ATTRIBUTES | _METRICS).items():
        if name in names:
            yield Problem(
                ProblemCode.SET_BY_ARGUMENT, (member, name), nearest=(argument,)
            )


def _named(names: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that were given, under the names of the SDKs."""
    return {
        name: given[argument]
        for argument, name in names.items()
        if given[argument] is not None
    }


def sign_in(
    *,
    timestamp: datetime | str = _NOW,
    attributes: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    session: Session | None = None,
) -> Event:
    """
    Return an event of type `_userauth.sign_in`: a user has signed in.

    Args:
        timestamp: When it happened; now, if left out. As in `Event`.
        attributes: Attributes of your own; the type has none.
        metrics: Metrics of your own; the type has none.
        session: The session in which it happened.

    Raises:
        ValidationError: With all problems of the arguments.
    """
    return _event("_userauth.sign_in", timestamp, attributes, metrics, session)


def sign_up(
    *,
    timestamp: datetime | str = _NOW,
    attributes: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    session: Session | None = None,
) -> Event:
    """
    Return an event of type `_userauth.sign_up`: a new user has registered.

    Args:
        timestamp: When it happened; now, if left out. As in `Event`.
        attributes: Attributes of your own; the type has none.
        metrics: Metrics of your own; the type has none.
        session: The session in which it happened.

    Raises:
        ValidationError: With all problems of the arguments.
    """
    return _event("_userauth.sign_up", timestamp, attributes, metrics, session)


def auth_failed(
    *,
    timestamp: datetime | str = _NOW,
    attributes: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    session: Session | None = None,
) -> Event:
    """
    Return an event of type `_userauth.auth_fail`: a user tried to sign in, and failed.

    Args:
        timestamp: When it happened; now, if left out. As in `Event`.
        attributes: Attributes of your own; the type has none.
        metrics: Metrics of your own; the type has none.
        session: The session in which it happened.

    Raises:
        ValidationError: With all problems of the arguments.
    """
    return _event("_userauth.auth_fail", timestamp, attributes, metrics, session)


def _event(
    event_type: str,
    timestamp: datetime | str,
    attributes: Mapping[str, str] | None,
    metrics: Mapping[str, float] | None,
    session: Session | None,
) -> Event:
    return Event(
        event_type,
        timestamp=to.now() if timestamp is _NOW else timestamp,
        attributes=attributes,
        metrics=metrics,
        session=session,
    )
