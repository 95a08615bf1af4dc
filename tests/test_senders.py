"""All senders under one contract, and what they have in common."""

import inspect
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from pinpoint_events import senders
from pinpoint_events.endpoints.merge import merged
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.senders import (
    ClientSender,
    MemorySender,
    PinpointSender,
    Sender,
    SqliteSender,
)
from pinpoint_events.senders.protocol import BaseSender, checked_application_id
from tests.aws import KEYS, aws
from tests.clients import client
from tests.http_server import HttpServer
from tests.samples import REQUEST, event, request
from tests.sender_contract import Place, SenderContract, in_child, needs_fork

__all__ = ["aws"]


class Opened(ExitStack):
    """Closes the senders that it opened."""

    def opened(self, sender: BaseSender) -> Sender:
        """Return the sender, which is closed at the end."""
        return self.enter_context(sender)


class ServerPlace(Opened):
    """A server on loopback."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__()
        self.server = server

    def arrived(self) -> list[tuple[str, str]]:
        """Return the events in the bodies of the requests."""
        batches = [json.loads(each.body)["BatchItem"] for each in self.server.received]
        return sorted(
            (endpoint_id, event_id)
            for batch in batches
            for endpoint_id, item in batch.items()
            for event_id in item["Events"]
        )


class ServicePlace(ServerPlace):
    """A server on loopback, to which `PinpointSender` sends."""

    def sender(self, **options: Any) -> Sender:
        """Open a sender with the keys in the environment."""
        url = self.server.url
        return self.opened(
            PinpointSender("app-1", region="x-1", endpoint_url=url, **options)
        )


class ClientPlace(ServerPlace):
    """A server on loopback, to which a boto3 client sends."""

    def sender(self, **options: Any) -> Sender:
        """Open a sender with a new client."""
        new = client(self.server.url)
        self.callback(new.close)
        return self.opened(ClientSender(new, "app-1", **options))


class FilePlace(Opened):
    """A file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def sender(self, **options: Any) -> Sender:
        """Open a sender into the file."""
        return self.opened(SqliteSender(self.path, application_id="app-1", **options))

    def arrived(self) -> list[tuple[str, str]]:
        """Return the events in the file."""
        with closing(sqlite3.connect(self.path)) as store:
            return sorted(store.execute("SELECT endpoint_id, event_id FROM events"))


class MemoryPlace(Opened):
    """The memory of the sender opened last."""

    def sender(self, **options: Any) -> Sender:
        """Open a sender."""
        self.last = MemorySender(application_id="app-1", **options)
        return self.opened(self.last)

    def arrived(self) -> list[tuple[str, str]]:
        """Return the events that the sender has kept."""
        return sorted(each[:2] for each in self.last.accepted_events)


class TestPinpointSender(SenderContract):
    """The sender to the service keeps the contract."""

    @pytest.fixture
    def place(self, aws: pytest.MonkeyPatch) -> Iterator[Place]:
        """Serve on loopback, with keys in the environment."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        with HttpServer() as server, ServicePlace(server) as place:
            yield place


class TestClientSender(SenderContract):
    """The sender through a client keeps the contract."""

    @pytest.fixture
    def place(self, aws: pytest.MonkeyPatch) -> Iterator[Place]:
        """Serve on loopback, with keys in the environment."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        with HttpServer() as server, ClientPlace(server) as place:
            yield place


class TestSqliteSender(SenderContract):
    """The sender to a file keeps the contract."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """Name a file."""
        with FilePlace(tmp_path / "events.db") as place:
            yield place


class TestMemorySender(SenderContract):
    """The sender to memory keeps the contract."""

    @pytest.fixture
    def place(self) -> Iterator[Place]:
        """Return no place yet."""
        with MemoryPlace() as place:
            yield place

    @needs_fork
    def test_fork(self, sender: Sender, place: Place) -> None:
        """Each process has its own copy."""
        sender.put_events(request(e={"before": event()}))

        def send_in_child() -> None:
            sender.put_events(request(e={"child": event()}))
            assert place.arrived() == [("e", "before"), ("e", "child")]

        assert in_child(send_in_child)
        sender.put_events(request(e={"parent": event()}))
        assert place.arrived() == [("e", "before"), ("e", "parent")]


class NullSender:
    """A sender of another project, without a base class."""

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Return an empty answer."""
        return EventsResponse()

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class TestProtocol:
    """A sender is an object with four methods."""

    def test_needs_no_base_class(self) -> None:
        """Type checker and `isinstance` agree that this is one."""
        with NullSender() as own:
            sender: Sender = own
            assert isinstance(sender, Sender)
            assert sender.put_events(REQUEST) == EventsResponse()

    def test_takes_an_exit_of_any_names(self) -> None:
        """`def __exit__(self, *args)`, as most people write it, fits the protocol."""
        parameters = inspect.signature(Sender.__exit__).parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        assert kinds == {inspect.Parameter.POSITIONAL_ONLY}

    def test_needs_all_methods(self) -> None:
        """An object that has only `put_events`, as a boto3 client, is not a sender."""
        assert not isinstance(object(), Sender)


class TestApplicationId:
    """Every sender is bound to one application."""

    def test_is_returned(self) -> None:
        """A valid id is kept unchanged."""
        assert checked_application_id("App/1") == "App/1"

    def test_subclass_of_str(self) -> None:
        """Of a subclass of `str` only the text is kept."""

        class Name(str):
            __slots__ = ()

        assert type(checked_application_id(Name("app"))) is str

    @pytest.mark.parametrize(
        "wrong, message",
        [
            ("", "application_id: is empty; at least 1 character"),
            (7, "application_id: is of type int; expected a str"),
            (
                "\ud800",
                "application_id: has a lone surrogate; text that UTF-8 can hold",
            ),
        ],
    )
    def test_is_refused(self, wrong: str, message: str) -> None:
        """Anything else is refused, with the remedy."""
        with pytest.raises(ConfigurationError) as caught:
            checked_application_id(wrong)
        remedy = "pass that of your Pinpoint project"
        assert str(caught.value) == f"{message}; {remedy}"


class TestNames:
    """`pinpoint_events.senders` is public."""

    def test_are_sorted_and_bound(self) -> None:
        """Each name in `__all__` exists, in alphabetical order."""
        assert sorted(senders.__all__) == senders.__all__
        assert set(senders.__all__) <= set(dir(senders))
        assert [name for name in senders.__all__ if not hasattr(senders, name)] == []

    def test_merged(self) -> None:
        """The function by which stores merge endpoints is public."""
        assert senders.merged is merged

    def test_unknown(self) -> None:
        """An unknown name is Python's own error."""
        with pytest.raises(AttributeError) as caught:
            _ = senders.KafkaSender
        assert str(caught.value) == (
            "module 'pinpoint_events.senders' has no attribute 'KafkaSender'"
        )
