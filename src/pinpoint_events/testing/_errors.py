"""Strategies for problems and errors."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    InvalidResponseError,
    InvalidResponseErrorCode,
    ItemsFailedError,
    LoadError,
    LoadErrorCode,
    PinpointEventsError,
    QuotaExceededError,
    SenderError,
    ServiceError,
    SpoolFullError,
    StoreError,
    StoreErrorCode,
    TransportError,
    TransportErrorCode,
    ValidationError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model.response import Outcome
from pinpoint_events.problems import Audience, Expected, Problem, ProblemCode
from pinpoint_events.service_errors import service_error
from pinpoint_events.testing._answers import outcomes_without_items
from pinpoint_events.testing._values import (
    ANY_TEXT,
    either,
    name_of,
    one_each,
    optional,
    texts,
)
from pinpoint_events.wire.json_text import encode

__all__ = ["errors", "problems"]

E = TypeVar("E", bound=PinpointEventsError)


def problems(
    *, paths: SearchStrategy[tuple[str | int, ...]] | None = None
) -> SearchStrategy[Problem]:
    """
    Any problem of an input.

    Args:
        paths: Paths of problems: names of members, keys of mappings, positions.
    """
    members = st.sampled_from(["batch_item", "events", "attributes", "BatchItem"])
    parts: SearchStrategy[str | int] = st.one_of(members, ANY_TEXT, st.integers(0, 99))
    any_paths = st.lists(parts, max_size=6).map(tuple)
    measures = st.one_of(st.none(), st.integers(0, 10**9))
    names = st.lists(texts(min_size=1), max_size=3).map(tuple)
    return st.builds(
        Problem,
        st.sampled_from(ProblemCode),
        either(paths, any_paths),
        actual=st.one_of(measures, texts()),
        allowed=st.one_of(measures, names, st.sampled_from(Expected)),
        unit=texts(),
        nearest=names,
        at=st.lists(st.integers(1, 99), max_size=2).map(tuple),
        audience=st.sampled_from(Audience),
    )


def errors(kind: type[E]) -> SearchStrategy[E]:
    """
    Any error of this class or of a subclass, with consistent attributes.

    `errors(PinpointEventsError)` is any error that this package raises,
    `errors(SenderError)` any that `put_events` of a sender raises, except for
    `QuotaExceededError`.

    Args:
        kind: The class.
    """
    strategies = [make(cls) for cls, make in _MAKERS.items() if issubclass(cls, kind)]
    statuses = [
        status for status in _STATUSES if isinstance(_service_error(status), kind)
    ]
    if statuses:
        strategies.append(_service_errors(statuses))
    if not strategies:
        raise TypeError(f"{name_of(kind)} is no error of this package")
    return cast("SearchStrategy[E]", one_each(strategies))


def _of_problems(cls: type[ValidationError]) -> SearchStrategy[ValidationError]:
    return st.builds(cls, st.lists(problems(), min_size=1, max_size=8))


def _of_message(cls: type[ConfigurationError]) -> SearchStrategy[ConfigurationError]:
    codes = st.sampled_from(ConfigurationErrorCode)
    return st.builds(cls, texts(min_size=1), st.none() | codes)


def _of_files(cls: type[LoadError]) -> SearchStrategy[LoadError]:
    names = optional(texts(min_size=1))
    codes = st.sampled_from(LoadErrorCode)
    return st.builds(cls, codes, texts(min_size=1), names, names, st.none())


def _of_spool(cls: type[SpoolFullError]) -> SearchStrategy[SpoolFullError]:
    sizes = st.integers(0, 2**53)
    return st.builds(cls, sizes, sizes, optional(sizes))


def _of_outcomes(cls: type[ItemsFailedError]) -> SearchStrategy[ItemsFailedError]:
    failed = st.sampled_from([one for one in Outcome if one is not Outcome.ACCEPTED])
    items = st.lists(outcomes_without_items(outcomes=failed), min_size=1, max_size=8)
    return st.builds(cls, items)


def _of_sender(cls: type[SenderError]) -> SearchStrategy[SenderError]:
    codes = _CODES.get(cls)
    code = {} if codes is None else {"code": st.sampled_from(codes)}
    return st.builds(
        cls,
        texts(min_size=1),
        # Unsafe: the service accepted the request, only its response cannot be read.
        is_retry_safe=st.sampled_from(
            [False] if cls is InvalidResponseError else _EITHER
        ),
        retry_after_seconds=optional(st.floats(0, 1e6)),
        request_id=optional(texts(min_size=1)),
        **code,
    )


_CODES: Final[Mapping[type[SenderError], list[StrEnum]]] = {
    InvalidResponseError: list(InvalidResponseErrorCode),
    TransportError: list(TransportErrorCode),
    StoreError: list(StoreErrorCode),
}
_EITHER: Final = [False, True]

_MAKERS: Final[Mapping[type[PinpointEventsError], Callable[[Any], Any]]] = {
    ConfigurationError: _of_message,
    ValidationError: _of_problems,
    QuotaExceededError: _of_problems,
    ItemsFailedError: _of_outcomes,
    LoadError: _of_files,
    SpoolFullError: _of_spool,
    SenderError: _of_sender,
    TransportError: _of_sender,
    InvalidResponseError: _of_sender,
    StoreError: _of_sender,
}

# Redirects are not followed, so they are errors; lower statuses never are.
_STATUSES: Final = range(300, 600)
_EDGE_CASE_STATUSES: Final = (400, 403, 404, 405, 413, 429, 500, 503)


def _service_errors(statuses: list[int]) -> SearchStrategy[ServiceError]:
    edge_cases = [status for status in _EDGE_CASE_STATUSES if status in statuses]
    codes = [
        "",
        "BadRequestException",
        "AccessDeniedException",
        "TooManyRequestsException:http://internal.amazon.com/coral/com.amazonaws/",
    ]
    return st.builds(
        _service_error,
        st.sampled_from([*edge_cases, *statuses])
        | st.sampled_from(edge_cases or statuses),
        st.sampled_from(codes) | ANY_TEXT,
        ANY_TEXT,
        ANY_TEXT,
        st.none() | st.integers(0, 1000),
    )


def _service_error(
    status: int,
    code: str = "",
    message: str = "",
    request_id: str = "",
    retry_after: int | None = None,
) -> ServiceError:
    """Return the error for an HTTP response, from the code that reads responses."""
    headers = {"x-amzn-errortype": code, "x-amzn-requestid": request_id}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    body = encode({"Message": message})
    return service_error(HttpResponse(status=status, headers=headers, body=body))
