"""Arguments of a wrong type are refused by errors of the package."""

import inspect
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest

from pinpoint_events import (
    BatchBuilder,
    ConfigurationError,
    Endpoint,
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    SqliteSender,
    ValidationError,
)
from pinpoint_events.errors import PinpointEventsError
from pinpoint_events.loader import load
from pinpoint_events.problems import Expected, ProblemCode
from pinpoint_events.server import Credentials, Keys, create_app, served
from tests.commands import takes_long
from tests.samples import request
from tests.test_silence import ENUMS, FUNCTIONS, Failing

C: Final = ProblemCode
LOOSE: Final[Any] = load
KEY: Final = Credentials("AKID", "secret")
REQUEST: Final = request(e={"v": Event("t")})

# Values of all kinds, of which each argument takes only some.
VALUES: Final[tuple[Any, ...]] = (
    "text",
    b"bytes",
    5,
    1.5,
    True,
    None,
    object(),
    Failing(),
    [],
    ["text"],
    (5,),
    {"a": 1},
    {1, 2},
    iter([5]),
    Event,
    Event("t"),
    Endpoint(),
    REQUEST,
    EventsResponse(),
    BatchBuilder(),
    MemorySender(),
)
# What a required argument is given while another one is wrong.
SOUND: Final[dict[str, Any]] = {
    "access_key_id": "AKID",
    "application_id": "app",
    "authoritative": MemorySender(),
    "candidate": MemorySender(),
    "current": MemorySender(),
    "arrived_at": "2026-11-24T09:30:00Z",
    "batch_item": {},
    "client": MemorySender(),
    "data": b"",
    "endpoint": Endpoint(),
    "endpoint_id": "e",
    "event": Event("t"),
    "event_type": "t",
    "events": {},
    "files": [],
    "id": "s",
    "partition_key": "k",
    "path": "store.db",
    "product_id": "p",
    "quantity": 1,
    "records": [],
    "report": print,
    "request": REQUEST,
    "response": EventsResponse(),
    "secret_access_key": "secret",
    "seconds": 1,
    "sender": MemorySender(),
    "senders": MemorySender(),
    "source": REQUEST,
    "spool": None,
    "start_timestamp": "2026-11-24T09:30:00Z",
    "status": 500,
    "store": "Apple",
    "stream": "s",
    "url": "memory:",
    "where": "before",
    "calls_per_second": 1,
    "envelope": {},
    "record": {},
    "credentials": [KEY],
}
# A sender that is given none makes one, which takes most of the time of its making.
SESSION: Final = botocore.session.Session()
# Their errors are TypeErrors, as they document, with a message of the package.
OF_CLASSES: Final = {"from_json", "from_wire", "to_json", "to_wire"}
# Results and errors, which the package makes; protocols; and what only tests call.
MADE: Final = {
    "App",
    "Attempt",
    "Arrival",
    "AttemptObserver",
    "ChecksReadiness",
    "DeliveryRecord",
    "DroppedItem",
    "ItemCounts",
    "RecorderStats",
    "RejectedItem",
    "SessionRecorder",
    "FindsEndpoints",
    "FrozenMap",
    "HttpResponse",
    "ItemOutcome",
    "Limits",
    "LoadProgress",
    "OutcomeCounts",
    "OutcomeDifference",
    "Problem",
    "Sender",
    "SenderAnswer",
    "SentEvent",
    "Served",
    "ShadowReport",
    "Speedups",
    "ShardRecord",
    "Totals",
    "WritesExclusively",
}


def is_tested(name: str, function: Any) -> bool:
    """Return whether users call it with their values."""
    if isinstance(function, type) and issubclass(function, BaseException):
        return False
    module = getattr(function, "__module__", "") or ""
    is_strategy = module.startswith("pinpoint_events.testing._") and "." not in name
    is_other = name in MADE or name in OF_CLASSES or name in ENUMS
    return not (is_strategy or is_other)


TESTED: Final = {
    name: function for name, function in FUNCTIONS.items() if is_tested(name, function)
}


def calls(function: Callable[..., Any], value: Any) -> Iterator[dict[str, Any]]:
    """Yield arguments, with the value in each place in turn."""
    parameters = inspect.signature(function).parameters.values()
    several = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    named = [each for each in parameters if each.kind not in several]
    required = {
        each.name: SOUND[each.name] for each in named if each.default is each.empty
    }
    # Those of events are of the model, and may be left out.
    if {"region", "session"} <= {each.name for each in named}:
        required["session"] = SESSION
    for each in named:
        yield {**required, each.name: value}


@takes_long
@pytest.mark.parametrize("name", TESTED)
def test_values_of_all_kinds(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are taken, or refused by an error of the package, never by Python's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    function = TESTED[name]
    for value in VALUES:
        for arguments in calls(function, value):
            try:
                made = function(**arguments)
            except (PinpointEventsError, AssertionError):
                continue
            if hasattr(made, "close"):
                made.close()


def problem_of(call: Callable[[], object]) -> tuple[ProblemCode, Any, Any]:
    """Return code, path and what was expected of the only problem of a call."""
    with pytest.raises(ValidationError) as caught:
        call()
    (problem,) = caught.value.problems
    return problem.code, problem.path, problem.allowed


class TestLoad:
    """What `load` takes is checked before anything is opened."""

    @pytest.mark.parametrize(
        "files", ["events.jsonl", Path("events.jsonl"), b"a", io.BytesIO(), 5, None]
    )
    def test_files(self, files: Any) -> None:
        """One path in place of a list would be read letter by letter."""
        assert problem_of(lambda: LOOSE(files, MemorySender())) == (
            C.WRONG_TYPE,
            ("files",),
            Expected.FILES,
        )

    @pytest.mark.parametrize("file", [5, b"a", io.StringIO(), None])
    def test_file(self, file: Any) -> None:
        """A file that is open as text is none that can be read here."""
        assert problem_of(lambda: LOOSE([file], MemorySender())) == (
            C.WRONG_TYPE,
            ("files", 0),
            Expected.FILE,
        )

    @pytest.mark.parametrize("sender", ["memory:", MemorySender, None])
    def test_sender(self, sender: Any) -> None:
        """A URL is opened first, and a class called."""
        code, path, expected = problem_of(lambda: LOOSE([], sender))
        assert (code, path, expected) == (C.WRONG_TYPE, ("sender",), Expected.SENDER)

    @pytest.mark.parametrize(
        "name, value, code",
        [
            ("in_flight", "4", C.WRONG_TYPE),
            ("in_flight", None, C.WRONG_TYPE),
            ("in_flight", 65, C.NUMBER_OUT_OF_RANGE),
            ("checkpoint", b"c", C.WRONG_TYPE),
            ("rejected", 5, C.WRONG_TYPE),
            ("progress", 5, C.WRONG_TYPE),
            ("source_id", 5, C.WRONG_TYPE),
            ("source_id", "", C.EMPTY),
            ("destination", None, C.WRONG_TYPE),
        ],
    )
    def test_options(self, name: str, value: Any, code: ProblemCode) -> None:
        """The problem has the name of the argument."""
        found = problem_of(lambda: LOOSE([], MemorySender(), **{name: value}))
        assert found[:2] == (code, (name,))

    def test_source_id_of_several(self) -> None:
        """Ids that are made from one text would be the same in both files."""
        with pytest.raises(ValueError, match="single file"):
            load(["a", "b"], MemorySender(), source_id="s")


class TestCreateApp:
    """Settings are checked when the endpoint is made, and not at the first call."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                {"senders": "sqlite:///x.db"},
                (
                    "senders: is of type str; expected a sender; open it, as in "
                    "open_sender(value)"
                ),
            ),
            (
                {"credentials": ("a", "b")},
                (
                    "credentials[0]: is of type str; expected a Credentials; build it "
                    "with Credentials(...); credentials[1]: is of type str; expected a "
                    "Credentials; build it with Credentials(...)"
                ),
            ),
            (
                {"credentials": "a"},
                "credentials: is of type str; expected a list; pass a list",
            ),
            (
                {"workers": 0},
                "workers: is 0; a whole number from 1 to 1,000,000; correct it",
            ),
            (
                {"workers": None},
                "workers: is None; expected an int; pass a whole number",
            ),
            (
                {"head_seconds": float("inf")},
                (
                    "head_seconds: is inf; a finite number of seconds, above 0; "
                    "correct it, or leave it out"
                ),
            ),
            (
                {"body_seconds": "5", "region": 5},
                (
                    "region: is of type int; expected a str; convert it with str(); "
                    "body_seconds: is of type str; expected a finite number of "
                    "seconds, above 0; pass a number, or leave it out"
                ),
            ),
            (
                {"clock": 5},
                "clock: is of type int; expected a function; pass one, or leave it out",
            ),
        ],
    )
    def test_refused(self, arguments: dict[str, Any], message: str) -> None:
        """All problems at once, each with the name of its argument."""
        loose: Any = create_app
        given = {"senders": MemorySender(), "credentials": None, **arguments}
        with pytest.raises(ConfigurationError) as caught:
            loose(given.pop("senders"), **given)
        assert str(caught.value) == message

    def test_one_key(self) -> None:
        """A list of them, one of them, and a function that opens senders are taken."""
        create_app(lambda _: MemorySender(), credentials=KEY, waiting=0)
        assert Keys([KEY]).find("AKID") == KEY


class TestServed:
    """So are its place and the endpoint itself."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                {"app": MemorySender()},
                "app is of type MemorySender; make it with create_app()",
            ),
            (
                {"host": 5, "port": "80"},
                (
                    "host: is of type int; expected a str; convert it with str(); "
                    "port: is of type str; expected an int; pass a whole number"
                ),
            ),
        ],
        ids=range(2),
    )
    def test_refused(self, arguments: dict[str, Any], message: str) -> None:
        """Nothing is opened."""
        loose: Any = served
        given = {"app": create_app(MemorySender(), credentials=None), **arguments}
        with pytest.raises(ConfigurationError) as caught, loose(**given):
            pass
        assert str(caught.value) == message


class TestAnswers:
    """A request and the answer to it are not taken for each other."""

    @pytest.mark.parametrize(
        "name",
        ["outcomes", "rejected", "retryable", "unreported", "raise_for_failures"],
    )
    @pytest.mark.parametrize("given", [None, EventsResponse(), {}])
    def test_request(self, name: str, given: Any) -> None:
        """Each method of an answer takes the request."""
        code, path, _ = problem_of(lambda: getattr(EventsResponse(), name)(given))
        assert code in {C.NOT_AN_INSTANCE, C.PLAIN_DATA}
        assert path == ("request",)

    @pytest.mark.parametrize("given", [None, REQUEST])
    def test_response(self, given: Any) -> None:
        """A retry takes the answer."""
        empty = EventsRequest(batch_item={})
        code, path, _ = problem_of(lambda: empty.retry(given))
        assert (code, path) == (C.NOT_AN_INSTANCE, ("response",))


class TestFindEndpoints:
    """A text is not a collection of its letters."""

    @pytest.mark.parametrize(
        "given, code, path",
        [
            ("e", C.BARE_TEXT, ("ids",)),
            (5, C.WRONG_TYPE, ("ids",)),
            ([5], C.WRONG_TYPE, ("ids", 0)),
            (b"e", C.WRONG_TYPE, ("ids",)),
        ],
    )
    def test_ids(
        self, given: Any, code: ProblemCode, path: tuple[Any, ...], tmp_path: Path
    ) -> None:
        """Both senders refuse it in the same way."""
        with SqliteSender(tmp_path / "x.db") as stored:
            for sender in (MemorySender(), stored):
                found = problem_of(lambda: sender.find_endpoints(ids=given))  # noqa: B023 - called at once
                assert found[:2] == (code, path)

    def test_any_collection(self, tmp_path: Path) -> None:
        """Sets and views of dicts too."""
        with SqliteSender(tmp_path / "x.db") as stored:
            for sender in (MemorySender(), stored):
                sender.put_events(REQUEST)
                assert sender.find_endpoints(ids={"e"}) == {"e": Endpoint()}
                assert sender.find_endpoints(ids={"e": 1}.keys()) == {"e": Endpoint()}
