"""
Every limit that the service documents for PutEvents: number, unit, source, date read.

One limit is this package's: the endpoints of a request, which the service does not
document. All are inclusive, 1 KB is 1,000 bytes, and bytes are those of `to_json`.
Where sources disagree, the default is the documented number and the attribute's
description states the disagreement; set your own in a `Quotas`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, cast, final

import attrs

from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model._converters import instance_of, limit
from pinpoint_events.model._immutable import Immutable, dict_inside, raise_if_invalid
from pinpoint_events.model._problem_counts import MORE_PROBLEMS
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.wire import to_json

__all__ = ["Quotas", "check_quotas"]

_EVENTS: Final = 'Amazon Pinpoint quotas, "Event ingestion quotas", of May 2023'
_ENDPOINTS: Final = 'Amazon Pinpoint quotas, "Endpoint quotas", of May 2023'
# An endpoint can cost a request a hundred times what its bytes cost.
_OF_THIS_PACKAGE: Final = (
    "this package: the service documents none; ten times the endpoints that the events "
    "of a request can have"
)
_READ: Final = "2026-11-23"


def _quota(number: int, unit: str, source: str) -> Any:
    return attrs.field(
        default=number,
        converter=limit,
        metadata={"unit": unit, "source": source, "read": _READ},
    )


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Quotas(Immutable):
    """
    The limits of a request and its items; each can be set, and None switches it off.

    Attributes:
        events_per_request: Events in one request, over all its endpoints.
        endpoints_per_request: Endpoints in one request, with and without events. The
            service documents no such limit; an endpoint takes time and memory even if
            its text is short.
        request_bytes: Bytes of one request.
        event_bytes: Bytes of one event.
        event_attributes_and_metrics: Attributes and metrics of one event, together.
            The service's own message says "less than 40", so 40 may be refused.
        event_attribute_key_characters: Characters of an event attribute's name. The
            service's own message says "less than 50".
        event_attribute_value_characters: Characters of an event attribute's value. The
            service's own message says "less than 200".
        endpoint_bytes: Bytes of one endpoint.
        endpoint_attributes_and_metrics: Attributes, metrics and user attributes of one
            endpoint, together. One place in the documentation counts them for each
            application, another for each endpoint.
        endpoint_attribute_key_characters: Characters of the name of an endpoint's or
            user's attribute.
        endpoint_attribute_value_characters: Characters of each value of an endpoint's
            or user's attribute.
        endpoint_attribute_values: Values of one attribute of an endpoint or user.

    Raises:
        ValidationError: If a limit is neither None nor a whole number above zero.
    """

    events_per_request: int | None = _quota(100, "events", _EVENTS)
    endpoints_per_request: int | None = _quota(1_000, "endpoints", _OF_THIS_PACKAGE)
    request_bytes: int | None = _quota(4_000_000, "bytes", _EVENTS)
    event_bytes: int | None = _quota(1_000_000, "bytes", _EVENTS)
    event_attributes_and_metrics: int | None = _quota(40, "names", _EVENTS)
    event_attribute_key_characters: int | None = _quota(50, "characters", _EVENTS)
    event_attribute_value_characters: int | None = _quota(200, "characters", _EVENTS)
    endpoint_bytes: int | None = _quota(15_000, "bytes", _ENDPOINTS)
    endpoint_attributes_and_metrics: int | None = _quota(250, "names", _ENDPOINTS)
    endpoint_attribute_key_characters: int | None = _quota(50, "characters", _ENDPOINTS)
    endpoint_attribute_value_characters: int | None = _quota(
        100, "characters", _ENDPOINTS
    )
    endpoint_attribute_values: int | None = _quota(50, "values", _ENDPOINTS)


def check_quotas(
    request: EventsRequest,
    quotas: Quotas = Quotas(),
) -> tuple[Problem, ...]:
    """
    Return a problem for each quota that the request exceeds; none if it is within all.

    Those of the whole request come first, then those of each endpoint and its events.

    Raises:
        ValidationError: If an argument is of the wrong type.
    """
    raise_if_invalid(
        request=instance_of(EventsRequest, request), quotas=instance_of(Quotas, quotas)
    )
    size = len(to_json(request))
    over = (
        *request_problems(
            request.event_count, size, quotas, endpoints=len(request.batch_item)
        ),
        *item_problems(request, size, quotas),
    )
    if not over:
        remember_quotas(request, quotas)
    return over


def refuse_over_quota(request: EventsRequest, quotas: Quotas) -> None:
    """
    Raise if a request exceeds a quota, as a whole or in one of its items.

    Raises:
        QuotaExceededError: With all problems.
    """
    if not is_within(request, quotas):
        over = check_quotas(request, quotas)
        if over:
            raise QuotaExceededError(over)


def item_problems(
    request: EventsRequest, size: int, quotas: Quotas
) -> Iterator[Problem]:
    """
    Yield the quotas that endpoints and events exceed.

    Args:
        request: The request.
        size: Its bytes; an item is only measured if it could be too large.
        quotas: The limits.
    """
    check = event_check(quotas)
    are_small = size <= bound(quotas.event_bytes)
    is_small = size <= bound(quotas.endpoint_bytes)
    for endpoint_id, batch in request.batch_item.items():
        measure = 0 if is_small else len(to_json(batch.endpoint))
        for problem in endpoint_problems(batch.endpoint, measure, quotas):
            yield problem.below("batch_item", endpoint_id, "endpoint")
        for event_id, event in batch.events.items():
            for problem in check(event, 0 if are_small else len(to_json(event))):
                yield problem.below("batch_item", endpoint_id, "events", event_id)


def remember_quotas(request: EventsRequest, quotas: Quotas) -> None:
    """Remember that a request is within these quotas."""
    _set_quotas(request, quotas)


def quotas_of(sender: object) -> Quotas:
    """Return the quotas that a sender checks; the default ones if it has none."""
    quotas = getattr(sender, "quotas", None)
    return quotas if isinstance(quotas, Quotas) else Quotas()


def is_within(request: EventsRequest, quotas: Quotas) -> bool:
    """Return whether a request is known to be within these quotas."""
    known = getattr(request, "_quotas", None)
    return known is quotas or (known is not None and _is_implied(quotas, known))


@lru_cache
def _is_implied(quotas: Quotas, by: Quotas) -> bool:
    """Return whether what is within other quotas is within these in any case."""
    limits = attrs.asdict(quotas)
    return all(
        bound(known) <= bound(limits[name]) for name, known in attrs.asdict(by).items()
    )


def packing_quotas(sender: object) -> Quotas:
    """
    Return the quotas to pack requests by, for a sender.

    Those that it checks; where it has no limit of a request, what one of its calls
    takes, and the usual limits of endpoints and bytes, so that no request is too large
    to hold.
    """
    quotas = quotas_of(sender)
    usual = Quotas()
    events = getattr(sender, "events_per_call", usual.events_per_request)
    return attrs.evolve(
        quotas,
        events_per_request=quotas.events_per_request or events,
        endpoints_per_request=quotas.endpoints_per_request
        or max(bound(usual.endpoints_per_request), events or 0),
        request_bytes=quotas.request_bytes or usual.request_bytes,
    )


_set_quotas = cast("Any", EventsRequest)._quotas.__set__


def request_problems(
    count: int, size: int, quotas: Quotas, *, endpoints: int = 0
) -> list[Problem]:
    """Return the quotas that a request of so many items and bytes exceeds."""
    problems = []
    if _is_over(count, quotas.events_per_request):
        code = ProblemCode.TOO_MANY_EVENTS
        problems.append(_over(code, count, quotas.events_per_request, "events"))
    most = quotas.endpoints_per_request
    if _is_over(endpoints, most):
        code = ProblemCode.TOO_MANY_ENDPOINTS
        problems.append(_over(code, endpoints, most, "endpoints"))
    if _is_over(size, quotas.request_bytes):
        code = ProblemCode.REQUEST_TOO_LARGE
        problems.append(_over(code, size, quotas.request_bytes, "bytes"))
    return problems


def event_check(
    quotas: Quotas, *, each_once: bool = False
) -> Callable[[Event, int], Sequence[Problem]]:
    """
    Return a function of an event and its size that returns the exceeded quotas.

    Args:
        quotas: The limits.
        each_once: Whether to report each quota once, however many attributes exceed it.
    """
    most_bytes = bound(quotas.event_bytes)
    most_names = bound(quotas.event_attributes_and_metrics)
    longest_key = bound(quotas.event_attribute_key_characters)
    longest_value = bound(quotas.event_attribute_value_characters)

    def check(event: Event, size: int) -> Sequence[Problem]:
        # Nearly every event passes here; only the others are examined in detail.
        texts = dict_inside(event.attributes)
        names = len(texts) + len(dict_inside(event.metrics))
        if size <= most_bytes and names <= most_names:
            for key, value in texts.items():
                if len(key) > longest_key or len(value) > longest_value:
                    break
            else:
                return ()
        return _event_problems(event, size, quotas, each_once=each_once)

    return check


def bound(most: int | None) -> int:
    """Return a limit as a number; a very large one if there is no limit."""
    return sys.maxsize if most is None else most


def _event_problems(
    event: Event, size: int, quotas: Quotas, *, each_once: bool
) -> list[Problem]:
    problems = []
    if _is_over(size, quotas.event_bytes):
        code = ProblemCode.EVENT_TOO_LARGE
        problems.append(_over(code, size, quotas.event_bytes, "bytes"))
    count = len(event.attributes) + len(event.metrics)
    most = quotas.event_attributes_and_metrics
    if _is_over(count, most):
        problems.append(_over(ProblemCode.TOO_MANY_ATTRIBUTES, count, most, "names"))
    longest_key = quotas.event_attribute_key_characters
    longest = quotas.event_attribute_value_characters
    for key, value in event.attributes.items():
        if _is_over(len(key), longest_key):
            problem = _over_characters(ProblemCode.KEY_TOO_LONG, key, longest_key)
            problems.append(problem.below("attributes", key))
            longest_key = None if each_once else longest_key
        if _is_over(len(value), longest):
            problem = _over_characters(ProblemCode.VALUE_TOO_LONG, value, longest)
            problems.append(problem.below("attributes", key))
            longest = None if each_once else longest
    return problems


def endpoint_problems(
    endpoint: Endpoint, size: int, quotas: Quotas, *, most: int | None = None
) -> list[Problem]:
    """
    Return the quotas that one endpoint of so many bytes exceeds.

    Args:
        endpoint: The endpoint.
        size: Its bytes.
        quotas: The limits.
        most: How many problems to report, and that there are more; None for all.
    """
    if is_endpoint_within(endpoint, size, quotas):
        return []  # nearly every endpoint
    found = _endpoint_problems(endpoint, size, quotas)
    problems = list(islice(found, most))
    if most is not None and next(found, None) is not None:
        problems.append(MORE_PROBLEMS)
    return problems


def is_endpoint_within(endpoint: Endpoint, size: int, quotas: Quotas) -> bool:
    """Return whether an endpoint of so many bytes is certainly within the quotas."""
    texts = dict_inside(endpoint.attributes)
    names = len(texts) + len(dict_inside(endpoint.metrics))
    user = endpoint.user
    of_user = dict_inside(user.user_attributes) if user is not None else {}
    names += len(of_user)
    if size > bound(quotas.endpoint_bytes):
        return False
    if names == 0:
        return True
    if names > bound(quotas.endpoint_attributes_and_metrics):
        return False
    longest_key = bound(quotas.endpoint_attribute_key_characters)
    longest = bound(quotas.endpoint_attribute_value_characters)
    most = bound(quotas.endpoint_attribute_values)
    for key, values in (*texts.items(), *of_user.items()):
        if len(key) > longest_key or len(values) > most:
            return False
        if values and max(map(len, values)) > longest:
            return False
    return True


def _endpoint_problems(
    endpoint: Endpoint, size: int, quotas: Quotas
) -> Iterator[Problem]:
    # An empty endpoint is always allowed: every batch must have one.
    if size > len(b"{}") and _is_over(size, quotas.endpoint_bytes):
        code = ProblemCode.ENDPOINT_TOO_LARGE
        yield _over(code, size, quotas.endpoint_bytes, "bytes")
    count = len(dict_inside(endpoint.attributes)) + len(dict_inside(endpoint.metrics))
    if endpoint.user is not None:
        count += len(endpoint.user.user_attributes)
    if count == 0:
        return
    most = quotas.endpoint_attributes_and_metrics
    if _is_over(count, most):
        yield _over(ProblemCode.TOO_MANY_ATTRIBUTES, count, most, "names")
    yield from _texts_problems(endpoint.attributes, quotas, "attributes")
    if endpoint.user is not None:
        texts = endpoint.user.user_attributes
        yield from _texts_problems(texts, quotas, "user", "user_attributes")


def _texts_problems(
    texts: Mapping[str, Sequence[str]], quotas: Quotas, *path: str
) -> Iterator[Problem]:
    longest_key = quotas.endpoint_attribute_key_characters
    longest = quotas.endpoint_attribute_value_characters
    most = quotas.endpoint_attribute_values
    for key, values in texts.items():
        if _is_over(len(key), longest_key):
            problem = _over_characters(ProblemCode.KEY_TOO_LONG, key, longest_key)
            yield problem.below(*path, key)
        if _is_over(len(values), most):
            problem = _over(ProblemCode.TOO_MANY_VALUES, len(values), most, "values")
            yield problem.below(*path, key)
        for position, value in enumerate(values):
            if _is_over(len(value), longest):
                problem = _over_characters(ProblemCode.VALUE_TOO_LONG, value, longest)
                yield problem.below(*path, key, position)


def _is_over(measure: int, most: int | None) -> bool:
    return most is not None and measure > most


def _over(code: ProblemCode, measure: int, most: int | None, unit: str) -> Problem:
    return Problem(code, actual=measure, allowed=most, unit=unit)


def _over_characters(code: ProblemCode, text: str, most: int | None) -> Problem:
    return _over(code, len(text), most, "characters")
