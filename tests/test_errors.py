"""Tests of the errors: their messages, what they carry, and that they travel."""

import copy
import inspect
import pickle
import traceback
from collections.abc import Callable
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events import errors
from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ConfigurationErrorCode,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    InvalidResponseErrorCode,
    ItemsFailedError,
    LoadError,
    LoadErrorCode,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PinpointEventsError,
    QuotaExceededError,
    Redaction,
    SenderError,
    ServiceError,
    SpoolFullError,
    StoreError,
    StoreErrorCode,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
    ValidationError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.loader import Totals
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemOutcome,
    ItemResponse,
    Outcome,
)
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.service_errors import service_error
from tests.samples import EVENT, event, request

PROBLEMS = (
    Problem(
        ProblemCode.VALUE_TOO_LONG, ("attributes", "note"), actual=201, allowed=200
    ),
    Problem(ProblemCode.EMPTY, ("event_type",)),
)
OUTCOMES = (
    ItemOutcome(
        "e-1",
        "v-1",
        EVENT,
        EventItemResponse(status_code=400, message="Missing x"),
        Outcome.REJECTED,
    ),
)
SERVICE_ERRORS = (
    ServiceError,
    BadRequestError,
    ForbiddenError,
    InternalServerError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    TooManyRequestsError,
)
SENDER_ERRORS = (SenderError, TransportError, InvalidResponseError, StoreError)
ALL = (
    ConfigurationError("no region", ConfigurationErrorCode.NO_REGION),
    ItemsFailedError(OUTCOMES),
    LoadError(LoadErrorCode.INPUT_UNREADABLE, "no such file", "a", None, Totals()),
    PinpointEventsError("something"),
    QuotaExceededError(PROBLEMS),
    SpoolFullError(30_000, 100_000, 120_000),
    ValidationError(PROBLEMS),
    *(
        cls("no answer", is_retry_safe=True, retry_after_seconds=2.5, request_id="r-1")
        for cls in SENDER_ERRORS
    ),
    *(cls(503, "Busy", "later", "r-1", 1.5) for cls in SERVICE_ERRORS),
)


CODED = (
    *(ConfigurationError("message", code) for code in ConfigurationErrorCode),
    *(InvalidResponseError("message", code=code) for code in InvalidResponseErrorCode),
    *(TransportError("message", code=code) for code in TransportErrorCode),
)


class TestCodes:
    """A code tells programs what the message tells people."""

    @pytest.mark.parametrize("error", CODED, ids=lambda error: str(error.code))
    def test_travel(
        self, error: ConfigurationError | InvalidResponseError | TransportError
    ) -> None:
        """Codes survive pickling; they are not part of the message."""
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.code) == (type(error), error.code)
        assert (str(again), again.message) == ("message", "message")

    def test_defaults(self) -> None:
        """Code outside this package may raise these errors without a code."""
        assert ConfigurationError("message").code is None
        answer = InvalidResponseError("message")
        assert answer.code is InvalidResponseErrorCode.UNREADABLE
        assert TransportError("message").code is TransportErrorCode.OTHER

    @pytest.mark.parametrize(
        "codes",
        [ConfigurationErrorCode, InvalidResponseErrorCode, TransportErrorCode],
        ids=lambda codes: codes.__name__,
    )
    def test_each_is_documented(self, codes: type[StrEnum]) -> None:
        """The docstring of the enum explains each member."""
        assert all(
            f"    {code.name}: " in (inspect.getdoc(codes) or "") for code in codes
        )


class TestTree:
    """One tree: whoever catches the root catches all."""

    def test_tree(self) -> None:
        """Each class stands where the module's docstring draws it."""
        drawn = [
            line
            for line in (errors.__doc__ or "").splitlines()
            if "Error" in line and line.startswith(("P", "    "))
        ]
        parents = {
            name: (len(line) - len(line.lstrip())) // 4
            for line in drawn
            for name in line.split()
            if name.endswith("Error")
        }
        depths = {
            name: len(getattr(errors, name).__mro__) - len(PinpointEventsError.__mro__)
            for name in errors.__all__
            if name.endswith("Error")
        }
        validation = {"ValidationError", "QuotaExceededError"}  # ValueErrors as well
        assert {
            name: depth - (name in validation) for name, depth in depths.items()
        } == parents

    def test_all_of_them_are_tested_here(self) -> None:
        """Each class of the tree is among those that the tests below go through."""
        assert {type(error).__name__ for error in ALL} == {
            name for name in errors.__all__ if name.endswith("Error")
        }

    def test_invalid_input_is_a_value_error(self) -> None:
        """Code that knows nothing of this package may catch it so."""
        assert isinstance(ValidationError(PROBLEMS), ValueError)


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
class TestTravel:
    """An error goes to another process, or into a copy, whole."""

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickles(self, error: PinpointEventsError, protocol: int) -> None:
        """Class, message, attributes and notes stay."""
        noted = copy.copy(error)
        noted.add_note("seen in a worker")
        again = pickle.loads(pickle.dumps(noted, protocol))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(noted)
        assert again.args == error.args

    def test_copies(self, error: PinpointEventsError) -> None:
        """A copy says the same."""
        for again in (copy.copy(error), copy.deepcopy(error)):
            assert str(again) == str(error)
            assert vars(again) == vars(error)

    def test_shows_in_a_traceback(self, error: PinpointEventsError) -> None:
        """What Python prints of it ends with its message."""
        shown = "".join(traceback.format_exception_only(error))
        assert shown == f"pinpoint_events.errors.{type(error).__name__}: {error}\n"


class TestStoreError:
    """Its code tells programs what its message tells people."""

    @pytest.mark.parametrize("code", StoreErrorCode)
    def test_travels(self, code: StoreErrorCode) -> None:
        """The code survives pickling and copying; it is not part of the message."""
        error = StoreError("a message", is_retry_safe=True, code=code)
        for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
            assert (again.code, again.is_retry_safe) == (code, True)
            assert str(again) == "a message"

    def test_default(self) -> None:
        """A sender outside this package may raise it without a code."""
        assert StoreError("a message").code is StoreErrorCode.OTHER

    @pytest.mark.parametrize("code", StoreErrorCode)
    def test_is_documented(self, code: StoreErrorCode) -> None:
        """The docstring of the enum explains each code, and its value is its name."""
        assert f"    {code.name}: " in (inspect.getdoc(StoreErrorCode) or "")
        assert code == code.name.lower()


class TestValidationError:
    """All problems of the input, in one error."""

    def test_one_problem(self) -> None:
        """It is the whole message."""
        assert str(ValidationError(PROBLEMS[1:])) == str(PROBLEMS[1])

    def test_many_problems(self) -> None:
        """They are counted, and each has a separate line."""
        assert str(ValidationError(PROBLEMS)) == (
            f"2 problems:\n  {PROBLEMS[0]}\n  {PROBLEMS[1]}"
        )

    def test_problems_are_kept(self) -> None:
        """In a tuple, whatever they came in."""
        assert ValidationError(iter(PROBLEMS)).problems == PROBLEMS


class TestItemsFailedError:
    """What was not accepted, item by item, without the items."""

    @pytest.mark.parametrize(
        "outcomes, message",
        [
            (
                OUTCOMES,
                (
                    "not everything was accepted (1 rejected):\n"
                    "  BatchItem['e-1'].Events['v-1']: rejected (400): Missing x"
                ),
            ),
            (
                (
                    ItemOutcome(
                        "e-1",
                        None,
                        None,
                        EndpointItemResponse(status_code=503),
                        Outcome.RETRYABLE,
                    ),
                    ItemOutcome("e-1", "v", None, None, Outcome.UNREPORTED),
                    ItemOutcome(
                        "e-1",
                        "w",
                        None,
                        EventItemResponse(message="a\n b\x1b[2J"),
                        Outcome.UNREPORTED,
                    ),
                ),
                (
                    "not everything was accepted (1 retryable, 2 unreported):\n"
                    "  BatchItem['e-1'].Endpoint: retryable (503)\n"
                    "  BatchItem['e-1'].Events['v']: unreported\n"
                    "  BatchItem['e-1'].Events['w']: unreported: a b\ufffd[2J\n"
                    "EventsRequest.retry(response) holds what is worth sending again"
                ),
            ),
        ],
        ids=["one", "three"],
    )
    def test_message(self, outcomes: tuple[ItemOutcome, ...], message: str) -> None:
        """Counts, then each with code and the service's words, in one line."""
        assert str(ItemsFailedError(outcomes)) == message

    def test_message_of_many(self) -> None:
        """The first five are named, the rest counted; long words are cut."""
        sent = request(e={str(number): event() for number in range(1_000)})
        response = EventsResponse(
            results={
                "e": ItemResponse(
                    endpoint_item_response=EndpointItemResponse(
                        status_code=400, message="x" * 5_000
                    )
                )
            }
        )
        with pytest.raises(ItemsFailedError) as caught:
            response.raise_for_failures(sent)
        assert str(caught.value).splitlines() == [
            "not everything was accepted (1 rejected, 1000 unreported):",
            f"  BatchItem['e'].Endpoint: rejected (400): {'x' * 199}…",
            *(
                f"  BatchItem['e'].Events['{number}']: unreported"
                for number in range(4)
            ),
            "  and 996 more",
        ]

    def test_has_no_items(self) -> None:
        """Payload is taken out of the outcomes before they are kept."""
        error = ItemsFailedError(OUTCOMES)
        assert error.outcomes == tuple(each._replace(item=None) for each in OUTCOMES)
        assert error.args == (error.outcomes,)


class TestSenderErrors:
    """What went wrong on the way, and what to do next."""

    @pytest.mark.parametrize("cls", SENDER_ERRORS)
    def test_defaults(self, cls: type[SenderError]) -> None:
        """Nothing is known unless it is told; a second try is not safe."""
        error = cls("no answer")
        assert str(error) == error.message == "no answer"
        assert (error.is_retry_safe, error.retry_after_seconds, error.request_id) == (
            False,
            None,
            None,
        )

    @pytest.mark.parametrize("cls", SENDER_ERRORS)
    def test_request_id_is_shown(self, cls: type[SenderError]) -> None:
        """It is what the service's support asks for first."""
        error = cls("no answer", request_id="8f3c")
        assert str(error) == "no answer (request id 8f3c)"

    def test_service_errors_message(self) -> None:
        """Status, code, the service's words, what to do, and the request id."""
        error = TooManyRequestsError(
            429, "TooManyRequestsException", "Slow down", "8f3c", 2
        )
        assert str(error) == (
            "TooManyRequestsException (HTTP 429): Slow down; send later, slower, and "
            "more events in each request (the service's quota is 15 requests a "
            "second); request 8f3c"
        )
        assert (error.status, error.code, error.message) == (
            429,
            "TooManyRequestsException",
            "Slow down",
        )
        assert error.is_retry_safe
        assert error.retry_after_seconds == 2
        assert error.request_id == "8f3c"

    def test_service_errors_words_are_one_line(self) -> None:
        """They stay as they came in `message`; what is shown steers no terminal."""
        error = ServiceError(418, "Teapot", "short\n and\x1b[31m stout")
        assert error.message == "short\n and\x1b[31m stout"
        assert str(error) == (
            "Teapot (HTTP 418): short and\ufffd[31m stout; look the code up in the "
            "service's documentation"
        )

    def test_service_error_that_says_little(self) -> None:
        """Status and remedy are always there."""
        assert str(ServiceError(302, "302")) == (
            "302 (HTTP 302); look the code up in the service's documentation"
        )

    @pytest.mark.parametrize("status", [400, 403])
    def test_expired_credentials(self, status: int) -> None:
        """The remedy is to renew them, whatever the status."""
        error = service_error(
            HttpResponse(
                status=status,
                headers={"x-amzn-errortype": "ExpiredTokenException"},
                body=b'{"message": "The security token included is expired"}',
            )
        )
        assert error.remedy in str(error)
        assert error.remedy == "renew the credentials: their session token has expired"
        assert pickle.loads(pickle.dumps(error)).remedy == error.remedy

    @pytest.mark.parametrize("cls", SERVICE_ERRORS)
    def test_each_service_error_has_a_remedy(self, cls: type[ServiceError]) -> None:
        """The message says what to do next."""
        assert cls.remedy
        assert str(cls(400, "X")) == f"X (HTTP 400); {cls.remedy}"

    @pytest.mark.parametrize(
        "status, is_retry_safe",
        [
            (400, False),
            (403, False),
            (404, False),
            (413, False),
            (302, False),
            (429, True),
            (500, True),
            (503, True),
            (599, True),
            (600, False),
        ],
    )
    def test_retry_safe_by_status(self, status: int, *, is_retry_safe: bool) -> None:
        """Throttling and the service's own failures are worth another try."""
        assert ServiceError(status, "X").is_retry_safe is is_retry_safe


def raised_by(act: Callable[[], object]) -> BaseException:
    """Return the error that the act raises."""
    try:
        act()
    except PinpointEventsError as error:
        return error
    raise AssertionError("nothing was raised")


class TestHidden:
    """What the service quotes of a request is hidden in its words."""

    def test_each_place(self) -> None:
        """Every secret, wherever it stands."""
        words = "a@example.com and 12345, a@example.com"
        text = Redaction(["a@example.com", "12345"])(words)
        assert text == "[hidden] and [hidden], [hidden]"

    def test_short_texts(self) -> None:
        """What has three characters is part of ordinary words."""
        assert Redaction(["e", "eq", "Req"])("Bad Request") == "Bad Request"
        assert Redaction(["Requ"])("Bad Request") == "Bad [hidden]est"
        assert Redaction(["Requester"])("Bad Requests") == "Bad Requests"
        assert Redaction(["Requests1"])("Bad Requisition") == "Bad Requisition"

    def test_cut_within_the_secret(self) -> None:
        """Its start is hidden too, where the words end with it."""
        hide = Redaction(["someone@example.com", "someone@example.org"])
        assert hide("for someone@exa") == "for [hidden]"
        assert hide("for someone") == "for someone"

    def test_longest_first(self) -> None:
        """A secret that begins with another one is hidden whole."""
        assert Redaction(["secret", "secret2"])("a secret2!") == "a [hidden]!"

    @given(
        secrets=st.lists(st.text("abc", min_size=1, max_size=12), max_size=9),
        text=st.text("abc ", max_size=60),
    )
    def test_nothing_is_left(self, secrets: list[str], text: str) -> None:
        """No secret of at least four characters is in what comes out."""
        hidden = Redaction(secrets)(text)
        assert not any(len(each) > 3 and each in hidden for each in secrets)
        assert Redaction(())(text) == text


class TestSilence:
    """No error holds a value of the caller's."""

    def test_no_value_in_a_traceback(self) -> None:
        """Neither its message nor what it came from shows what was refused."""
        secret = "hunter2\ud800"
        error = raised_by(lambda: event(attributes={"pin": secret, "n": "fine"}))
        shown = "".join(traceback.format_exception(error, limit=0))
        assert "pin" in shown
        assert "hunter2" not in shown
        assert error.__cause__ is None
        assert error.__context__ is None
