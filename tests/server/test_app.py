import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError
from tests.aws import aws
from tests.server.clients import (
    ACCEPTED,
    EVENT,
    KEY,
    ONE,
    PATH,
    SECONDS,
    TIMESTAMP,
    Got,
    answer,
    batch_item,
    boto3_client,
    connected,
    post,
    request,
    rest,
)
from tests.server.signing import sent

from pinpoint_events import MemorySender, Quotas, SqliteSender
from pinpoint_events import server as server_module
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    InvalidResponseError,
    QuotaExceededError,
    ServiceError,
    StoreError,
    TransportError,
    ValidationError,
)
from pinpoint_events.model.endpoint import Endpoint, EndpointStatus, OptOut
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, ItemResponse
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import (
    App,
    BareStatus,
    Credentials,
    Cut,
    Delay,
    DropIds,
    FailCall,
    FailItem,
    Faults,
    Keys,
    Served,
    ShiftClock,
    Throttle,
    create_app,
    served,
)

__all__ = ["aws"]

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
TOO_LARGE = Problem(ProblemCode.REQUEST_TOO_LARGE, actual=5, allowed=4, unit="bytes")
TOO_MANY = Problem(ProblemCode.TOO_MANY_EVENTS, actual=5, allowed=4, unit="events")
MISSING = Problem(ProblemCode.MISSING, ("EventType",))
NOT_KEPT = "the events could not be kept; the log of the endpoint says why"
NO_ID = "no such application; check its id: printable and at most 256 characters"
TAKEN = {"e": {"EndpointItemResponse": ACCEPTED, "EventsItemResponse": {"v": ACCEPTED}}}
HEADERS_OF_ALL = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "date, retry-after, x-amzn-errortype, "
    "x-amzn-requestid",
}


class Place:
    """An endpoint that takes calls from anyone, and what is behind it."""

    def __init__(self, server: Served, sender: MemorySender) -> None:
        self.server = server
        self.sender = sender

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.server.app.faults

    def post(self, data: Any = ONE, *more: str, **where: str) -> Got:
        """Send a call."""
        return post(self.server, data, *more, **where)


@pytest.fixture
def place() -> Iterator[Place]:
    """An endpoint for anyone."""
    sender = MemorySender()
    with served(create_app(sender, credentials=None)) as server:
        yield Place(server, sender)


class TestCall:
    """A call is answered with 202 and with what became of each item."""

    def test_accepted(self, place: Place) -> None:
        """What is sound is taken, and answered in the service's words."""
        got = place.post()
        assert (got.status, got.json) == (202, {"Results": TAKEN})
        assert list(place.sender.events) == [("e", "v")]

    def test_headers(self, place: Place) -> None:
        """Each answer has the headers that clients look for."""
        headers = dict(place.post().headers)
        assert len(headers.pop("x-amzn-requestid")) == 36
        assert headers.pop("date").endswith(" GMT")
        assert headers == {
            **HEADERS_OF_ALL,
            "content-type": "application/json",
            "content-length": "149",
        }

    def test_each_call_has_an_id(self, place: Place) -> None:
        """No two calls have one request id."""
        ids = {place.post().headers["x-amzn-requestid"] for _ in range(3)}
        assert len(ids) == 3

    def test_kept_alive(self, place: Place) -> None:
        """A connection serves one call after the other, sent ahead or not."""
        body = json.dumps(ONE).encode()
        with connected(place.server) as connection:
            for _ in range(2):
                connection.sendall(request(body))
                assert answer(connection).status == 202
            connection.sendall(request(b"{}") + request(body, method="GET"))
            lines = rest_of_two(connection)
        assert lines == [
            b"HTTP/1.1 400 Bad Request",
            b"HTTP/1.1 405 Method Not Allowed",
        ]

    def test_bad_items(self, place: Place) -> None:
        """What is bad is refused by itself, the rest is taken."""
        data = batch_item(e={"v": EVENT, "bad": {}})
        data["BatchItem"]["f"] = {"Endpoint": {"Address": "x"}, "Events": {"w": EVENT}}
        results = place.post(data).json["Results"]
        assert results["e"]["EventsItemResponse"]["bad"]["StatusCode"] == 400
        assert results["f"]["EndpointItemResponse"] == {
            "StatusCode": 400,
            "Message": "Missing ChannelType",
        }
        assert list(place.sender.events) == [("e", "v"), ("f", "w")]
        assert place.sender.endpoints["f"] == Endpoint()

    def test_nothing_left(self, place: Place) -> None:
        """A call of which nothing can be taken is not sent."""
        data = {"BatchItem": {"e": {"Endpoint": {"OptOut": ""}, "Events": {}}}}
        assert place.post(data).status == 202
        assert place.sender.requests == ()

    def test_empty(self, place: Place) -> None:
        """A call of nothing has results of nothing."""
        assert place.post({"BatchItem": {}}).json == {"Results": {}}

    @pytest.mark.parametrize("path", ["/v1/apps/shop/events/legacy", PATH])
    def test_paths(self, place: Place, path: str) -> None:
        """The beacon's path is served like the other."""
        assert place.post(path=path).json == {"Results": TAKEN}

    def test_quotas(self) -> None:
        """The limits can be set."""
        quotas = Quotas(events_per_request=1, request_bytes=200)
        app = create_app(MemorySender(), credentials=None, quotas=quotas)
        with served(app) as server:
            assert post(server, batch_item(e={"v": 1, "w": 1})).error == (
                400,
                "BadRequestException",
                "2 events; at most 1; send it in several requests",
            )
            assert post(server, b" " * 201).error == (
                413,
                "PayloadTooLargeException",
                (
                    "the request is larger than 200 bytes; send its events in several "
                    "calls"
                ),
            )
            assert post(server, b" " * 200).status == 400

    def test_quotas_of_what_arrived(self, tmp_path: Path) -> None:
        """Members that the rules add count for no quota, of a call or an endpoint."""
        endpoint = b'{"ChannelType":"EMAIL","Address":"a"}'
        body = b'{"BatchItem":{"e":{"Endpoint":%b,"Events":{}}}}' % endpoint
        quotas = Quotas(request_bytes=len(body), endpoint_bytes=len(endpoint))
        for sender in (
            MemorySender(quotas=quotas),
            SqliteSender(tmp_path / "events.db", quotas=quotas),
        ):
            app = create_app(sender, credentials=None, quotas=quotas)
            with sender, served(app) as server:
                (item,) = post(server, body).json["Results"].values()
                (stored,) = sender.find_endpoints(ids=["e"]).values()
            assert item["EndpointItemResponse"] == ACCEPTED
            assert (stored.endpoint_status, stored.opt_out) == ("ACTIVE", "ALL")

    def test_naive_times(self) -> None:
        """Times without a zone are refused, or read as UTC."""
        naive = {**EVENT, "Timestamp": TIMESTAMP.removesuffix("Z")}
        data = batch_item(e={"v": naive})
        found = []
        for app in (
            create_app(MemorySender(), credentials=None),
            create_app(MemorySender(), credentials=None, naive_times="utc"),
        ):
            with served(app) as server:
                (item,) = post(server, data).json["Results"].values()
                found.append(item["EventsItemResponse"]["v"]["StatusCode"])
        assert found == [400, 202]

    @pytest.mark.parametrize("region", ["", "eu west", "eu-west-1\n", "é", "-a"])
    def test_other_regions(self, region: str) -> None:
        """What no region can be called is refused, and not shown."""
        with pytest.raises(ConfigurationError) as caught:
            create_app(MemorySender(), credentials=None, region=region)
        assert (caught.value.code, str(caught.value)) == (
            ConfigurationErrorCode.INVALID_REGION,
            (
                "the region has a name that no region has; pass one that calls are "
                "signed for, such as eu-west-1, or None for any"
            ),
        )

    def test_other_naive_times(self) -> None:
        """There is no other way to read them."""
        with pytest.raises(ConfigurationError) as caught:
            create_app(MemorySender(), naive_times="local")  # type: ignore[arg-type]
        assert str(caught.value) == (
            "naive_times is another value than 'utc' or None; pass one of them"
        )

    def test_no_limit_of_bytes(self) -> None:
        """Where the quota is switched off, a larger limit guards the memory."""
        quotas = Quotas(request_bytes=None)
        app = create_app(MemorySender(), credentials=None, quotas=quotas)
        with served(app) as server, connected(server) as connection:
            connection.sendall(
                b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                % (PATH.encode(), 64 * 1024 * 1024 + 1)
            )
            assert answer(connection).error[2] == (
                "the request is larger than 67,108,864 bytes; send its events in "
                "several calls"
            )


def rest_of_two(connection: Any) -> list[bytes]:
    """Read two answers, and return the first line of each."""
    lines = []
    with connection.makefile("rb") as stream:
        for _ in range(2):
            lines.append(stream.readline().strip())
            length = 0
            while (line := stream.readline().strip()) != b"":
                if line.startswith(b"content-length: "):
                    length = int(line[16:])
            stream.read(length)
    return lines


class TestRefusedCalls:
    """What is no call is refused in the service's form, and nothing of it is taken."""

    def test_not_found(self, place: Place) -> None:
        """There are three paths, and no more."""
        for path in ("/", "/v1/apps//events", "/v1/apps/a/b/events", f"{PATH}/"):
            message = "no such path; events go to /v1/apps/APPLICATION-ID/events"
            expected = (404, "NotFoundException", message)
            assert place.post(path=path).error == expected

    @pytest.mark.parametrize(
        "name, message",
        [
            ("%ff", "the application id is not UTF-8; percent-encode it in UTF-8"),
            ("a%00", NO_ID),
            ("a" * 257, NO_ID),
        ],
    )
    def test_application_ids(self, place: Place, name: str, message: str) -> None:
        """What cannot be an application's id names no application."""
        got = place.post(path=f"/v1/apps/{name}/events")
        assert got.error == (404, "NotFoundException", message)

    def test_method(self, place: Place) -> None:
        """Events are posted."""
        got = place.post(b"", method="PUT")
        assert got.error == (
            405,
            "MethodNotAllowedException",
            "'PUT' is not allowed here, POST or OPTIONS is",
        )
        assert got.headers["allow"] == "POST, OPTIONS"
        got = place.post(b"", method="DELETE", path="/healthz")
        assert got.error == (
            405,
            "MethodNotAllowedException",
            "'DELETE' is not allowed here, GET is",
        )
        assert got.headers["allow"] == "GET"

    @pytest.mark.parametrize(
        "header, message",
        [
            ("Content-Type: text/xml", "send application/json"),
            ("Content-Type: text/plain", "send application/json"),
            ("Content-Type: application/json; charset=latin-1", "send JSON in UTF-8"),
            (
                "Content-Encoding: gzip",
                "send the body without a content encoding",
            ),
        ],
    )
    def test_media_type(self, place: Place, header: str, message: str) -> None:
        """The body is JSON in UTF-8, and said to be nothing else."""
        got = place.post(ONE, header)
        assert got.error == (415, "UnsupportedMediaTypeException", message)

    @pytest.mark.parametrize(
        "header",
        [
            "Content-Type: application/json",
            'Content-Type: Application/JSON ; charset="UTF-8"',
            "Content-Type: application/x-amz-json-1.1",
            "Content-Encoding: identity",
        ],
    )
    def test_media_types(self, place: Place, header: str) -> None:
        """So real clients say."""
        assert place.post(ONE, header).status == 202

    def test_beacon(self, place: Place) -> None:
        """A beacon cannot say that it carries JSON."""
        path = "/v1/apps/shop/events/legacy"
        more = "Content-Type: text/plain;charset=UTF-8"
        assert place.post(ONE, more, path=path).status == 202

    def test_headers(self, place: Place) -> None:
        """A request with very many headers is refused, and its connection ended."""
        with connected(place.server) as connection:
            connection.sendall(request(b"{}", *[f"x-{n}: 1" for n in range(100)]))
            got = answer(connection)
            assert rest(connection) == b""
        assert got.headers["connection"] == "close"
        assert got.error == (
            431,
            "RequestHeaderFieldsTooLargeException",
            "the request has more than 100 headers; leave some out",
        )

    def test_nothing_is_taken(self, place: Place) -> None:
        """A call that is refused reaches no sender."""
        assert place.post(b"{").status == 400
        assert place.sender.requests == ()

    def test_websocket(self) -> None:
        """An ASGI server that offers anything but HTTP is told no."""
        app = create_app(MemorySender(), credentials=None)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nothing is asked for")

        run_once(app({"type": "websocket"}, receive, send))
        assert sent == [{"type": "websocket.close"}]


def run_once(awaitable: Any) -> None:
    """Run what awaits nothing that takes time."""
    with pytest.raises(StopIteration):
        awaitable.send(None)


class TestBrowsers:
    """Pages of any origin may call; signatures, not origins, say who may."""

    def test_preflight(self) -> None:
        """A browser may ask first, without a signature."""
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            got = self.preflight(server)
        headers = dict(got.headers)
        assert (got.status, got.body) == (200, b"")
        allowed = headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "content-type", "x-amz-date"} < set(allowed)
        assert headers["access-control-allow-methods"] == "OPTIONS, POST"
        assert headers["access-control-max-age"] == "86400"
        assert HEADERS_OF_ALL.items() < headers.items()

    def preflight(self, server: Served) -> Got:
        """Ask as a browser does."""
        return post(
            server,
            b"",
            "Origin: https://shop.example",
            "Access-Control-Request-Method: POST",
            method="OPTIONS",
        )

    def test_errors_can_be_read(self, place: Place) -> None:
        """A page can read what is wrong, too."""
        assert HEADERS_OF_ALL.items() < place.post(b"{").headers.items()


class TestHealth:
    """Whoever watches over the endpoint can ask whether it serves."""

    def test_get(self, place: Place) -> None:
        """It says so, without a signature."""
        got = place.post(b"", method="GET", path="/healthz")
        assert (got.status, got.json) == (200, {"status": "ok"})

    def test_head(self, place: Place) -> None:
        """Its head says the same."""
        with connected(place.server) as connection:
            more = "Connection: close"
            connection.sendall(request(b"", more, method="HEAD", path="/healthz"))
            assert rest(connection).startswith(b"HTTP/1.1 200 OK\r\n")


class TestApplications:
    """Each application has its sender."""

    def test_by_id(self) -> None:
        """A function opens one for each application, once, and they are closed."""
        opened: dict[str, MemorySender] = {}

        def senders(name: str) -> MemorySender:
            opened[name] = MemorySender(application_id=name)
            return opened[name]

        app = create_app(senders, credentials=None, any_application_id=True)
        with served(app) as server:
            for name in ("shop", "%C3%BC%2F1", "shop"):
                assert post(server, ONE, path=f"/v1/apps/{name}/events").status == 202
        assert {name: len(sender.requests) for name, sender in opened.items()} == {
            "shop": 2,
            "ü/1": 1,
        }
        assert all(sender._is_closed for sender in opened.values())

    @pytest.mark.parametrize(
        "name", ["..%2F..%2Fescaped", "a.b", "%C3%BC", "a%20b", "a" * 65, "a%5Cb"]
    )
    def test_plain_ids(self, name: str) -> None:
        """A function may make a path of an id; so it sees only ids that are no path."""
        opened: list[str] = []

        def senders(name: str) -> MemorySender:
            opened.append(name)
            return MemorySender(application_id=name)

        with served(create_app(senders, credentials=None)) as server:
            got = post(server, ONE, path=f"/v1/apps/{name}/events")
            assert post(server, ONE, path="/v1/apps/a_b-1/events").status == 202
        assert got.error == (
            404,
            "NotFoundException",
            "no such application; check its id: at most 64 letters, digits, _ and -",
        )
        assert opened == ["a_b-1"]

    def test_listed(self, tmp_path: Path) -> None:
        """Only applications that are permitted get a store."""

        def senders(name: str) -> SqliteSender:
            return SqliteSender(tmp_path / f"{name}.db", application_id=name)

        app = create_app(senders, credentials=None, applications=["shop", "a/b"])
        with served(app) as server:
            statuses = [
                post(server, ONE, path=f"/v1/apps/{name}/events").status
                for name in ("shop", "shop2", "Shop", "a%2Fb")
            ]
        assert statuses == [202, 404, 404, 404]
        assert {each.name for each in tmp_path.iterdir()} == {"shop.db"}

    def test_listed_of_one(self) -> None:
        """A list is for one sender, too; ids of any form may be on it."""
        sender = MemorySender()
        app = create_app(sender, credentials=None, applications=["a/b"])
        with served(app) as server:
            assert post(server, ONE, path="/v1/apps/a%2Fb/events").status == 202
            assert post(server, ONE).error == (
                404,
                "NotFoundException",
                "no such application; check its id",
            )

    def test_class(self) -> None:
        """A class that makes senders is no sender itself."""

        class Opened(MemorySender):
            def __init__(self, application_id: str) -> None:
                super().__init__(application_id=application_id)

        with served(create_app(Opened, credentials=None)) as server:
            assert post(server, ONE).status == 202

    def test_one_for_all(self, place: Place) -> None:
        """One sender serves every application, and is not closed."""
        for name in ("shop", "forum"):
            assert place.post(path=f"/v1/apps/{name}/events").status == 202
        assert len(place.sender.requests) == 2

    def test_unknown(self) -> None:
        """An application that there is none of is not found."""
        known = {"shop": MemorySender()}
        app = create_app(known.__getitem__, credentials=None)
        with served(app) as server:
            assert post(server, ONE).status == 202
            got = post(server, ONE, path="/v1/apps/forum/events")
            message = "no such application; check its id"
            assert got.error == (404, "NotFoundException", message)

    def test_bound(self) -> None:
        """Of so many that are open, the one that was not used for longest is closed."""
        opened: list[MemorySender] = []

        def senders(name: str) -> MemorySender:
            opened.append(MemorySender(application_id=name))
            return opened[-1]

        names = [*map(str, range(100)), "0", "100", "1"]
        with served(create_app(senders, credentials=None)) as server:
            with connected(server) as connection:
                body = json.dumps(ONE).encode()
                for name in names:
                    connection.sendall(request(body, path=f"/v1/apps/{name}/events"))
                    assert answer(connection).status == 202
            closed = [each.application_id for each in opened if each._is_closed]
        assert closed == ["1", "2"]
        last = [each.application_id for each in opened[-3:]]
        assert last == ["99", "100", "1"]
        assert all(each._is_closed for each in opened)

    def test_opening_concerns_one(self) -> None:
        """While a store takes its time to open, other applications are served."""
        entered, gate = threading.Event(), threading.Event()

        def senders(name: str) -> MemorySender:
            if name == "shop":
                entered.set()
                assert gate.wait(SECONDS)
            return MemorySender(application_id=name)

        app = create_app(senders, credentials=None)
        with served(app) as server, connected(server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            assert entered.wait(SECONDS)
            assert post(server, ONE, path="/v1/apps/forum/events").status == 202
            gate.set()
            assert answer(connection).status == 202

    def test_closing_concerns_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        """What an idle store fails with when it is closed is logged, without words."""

        class Stuck(MemorySender):
            def close(self) -> None:
                raise OSError("planted words")

        def senders(name: str) -> MemorySender:
            kind = Stuck if name == "0" else MemorySender
            return kind(application_id=name)

        app = create_app(senders, credentials=None)
        with served(app) as server, connected(server) as connection:
            for number in range(101):
                body = json.dumps(ONE).encode()
                connection.sendall(request(body, path=f"/v1/apps/{number}/events"))
                assert answer(connection).status == 202
        (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
        message = vars(record)["pinpoint_events.problem"]
        assert message.startswith("unexpected OSError in line ")
        assert "planted" not in message

    def test_bound_at_work(self) -> None:
        """One that is at work is not closed, whatever is opened meanwhile."""
        entered, gate = threading.Event(), threading.Event()
        opened: dict[str, MemorySender] = {}

        def wait(request: EventsRequest) -> EventsResponse:
            entered.set()
            gate.wait(SECONDS)
            return accepted(request)

        def senders(name: str) -> MemorySender:
            answers = wait if name == "shop" else accepted
            opened[name] = MemorySender(application_id=name, answer=answers)
            return opened[name]

        app = create_app(senders, credentials=None)
        with served(app) as server, connected(server) as connection:
            body = json.dumps(ONE).encode()
            connection.sendall(request(body))
            assert entered.wait(SECONDS)
            with connected(server) as other:
                for number in range(101):
                    path = f"/v1/apps/{number}/events"
                    other.sendall(request(body, path=path))
                    assert answer(other).status == 202
            closed = [name for name, each in opened.items() if each._is_closed]
            gate.set()
            assert answer(connection).status == 202
        assert closed == ["0", "1"]

    def test_all_at_work(self) -> None:
        """Where each is at work, there may be as many as there are workers."""
        at_work = threading.Semaphore(0)
        gate = threading.Event()

        def wait(request: EventsRequest) -> EventsResponse:
            at_work.release()
            gate.wait(SECONDS)
            return accepted(request)

        def senders(name: str) -> MemorySender:
            return MemorySender(application_id=name, answer=wait)

        app = create_app(senders, credentials=None, workers=101)
        with served(app) as server, ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in range(101)]
            for number, client in enumerate(clients):
                path = f"/v1/apps/{number}/events"
                client.sendall(request(json.dumps(ONE).encode(), path=path))
            assert all(at_work.acquire(timeout=SECONDS) for _ in clients)
            gate.set()
            assert {answer(client).status for client in clients} == {202}


class TestEndpointRules:
    """What a call says of an endpoint has the consequences that are documented."""

    @pytest.fixture(params=["sqlite", "memory"])
    def sender(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[MemorySender | SqliteSender]:
        """Each sender that knows its endpoints."""
        with (
            SqliteSender(tmp_path / "events.db")
            if request.param == "sqlite"
            else MemorySender()
        ) as sender:
            yield sender

    def test_address(self, sender: MemorySender | SqliteSender) -> None:
        """The last one that was updated has the address."""
        endpoint = {"Address": "a", "ChannelType": "SMS"}
        with served(create_app(sender, credentials=None)) as server:
            for name in ("e", "f"):
                data = {"BatchItem": {name: {"Endpoint": endpoint, "Events": {}}}}
                assert list(post(server, data).json["Results"]) == [name]
        found = sender.find_endpoints(addresses=["a"])
        assert {name: one.endpoint_status for name, one in found.items()} == {
            "e": EndpointStatus.INACTIVE,
            "f": EndpointStatus.ACTIVE,
        }
        assert found["f"].opt_out is OptOut.ALL

    def test_sixteenth(self, sender: MemorySender | SqliteSender) -> None:
        """The 16th endpoint of a user is refused, its events are taken."""
        endpoint = {"ChannelType": "EMAIL", "User": {"UserId": "u"}}
        data = {
            "BatchItem": {
                f"e{n}": {"Endpoint": endpoint, "Events": {"v": EVENT}}
                for n in range(16)
            }
        }
        with served(create_app(sender, credentials=None)) as server:
            results = post(server, data).json["Results"]
        assert results.pop("e15") == {
            "EndpointItemResponse": {
                "StatusCode": 400,
                "Message": "Exceeded maximum endpoint per user count:15",
            },
            "EventsItemResponse": {"v": ACCEPTED},
        }
        assert {json.dumps(each) for each in results.values()} == {
            json.dumps(TAKEN["e"])
        }
        assert len(sender.find_endpoints(user_ids=["u"])) == 15
        assert sender.find_endpoints(ids=["e15"]) == {"e15": Endpoint()}

    def test_many(self, sender: MemorySender | SqliteSender) -> None:
        """In a call of many endpoints, too, the last one at an address is active."""
        update = {"Address": "a@example.com", "ChannelType": "EMAIL"}
        names = [f"e-{number:03}" for number in range(250)]
        batch: dict[str, Any] = {
            name: {"Endpoint": update, "Events": {}} for name in names
        }
        for name in names[::3]:
            batch[name]["Events"] = {f"v-{name}": EVENT}
        with served(create_app(sender, credentials=None)) as server:
            got = post(server, {"BatchItem": batch})
        results = got.json["Results"]
        assert list(results) == names
        assert all(
            each["EndpointItemResponse"] == ACCEPTED for each in results.values()
        )
        events = [each.get("EventsItemResponse", {}) for each in results.values()]
        assert sum(map(len, events)) == 84
        assert all(item == ACCEPTED for each in events for item in each.values())
        found = sender.find_endpoints(ids=names)
        active = [
            name
            for name, each in found.items()
            if each.endpoint_status is EndpointStatus.ACTIVE
        ]
        assert (len(found), active) == (250, [names[-1]])

    def test_two_at_a_time(self, tmp_path: Path) -> None:
        """Calls that come at once cannot each add the last endpoint."""
        endpoint = {"ChannelType": "EMAIL", "User": {"UserId": "u"}}
        refused: list[int] = []

        def add(number: int) -> None:
            item = {"Endpoint": endpoint, "Events": {}}
            got = post(server, {"BatchItem": {f"e{number}": item}}).json
            if got["Results"][f"e{number}"]["EndpointItemResponse"] != ACCEPTED:
                refused.append(number)

        with (
            SqliteSender(tmp_path / "events.db") as sender,
            served(create_app(sender, credentials=None)) as server,
        ):
            threads = [threading.Thread(target=add, args=(n,)) for n in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SECONDS)
            assert len(sender.find_endpoints(user_ids=["u"])) == 15
        assert len(refused) == 5

    def test_sender_that_cannot_be_asked(self) -> None:
        """For such, the rules hold for what this process has seen accepted."""

        class Blind:
            """Takes everything but endpoint `no`."""

            def __init__(self) -> None:
                self.said: list[dict[str, Endpoint]] = []

            def put_events(self, request: EventsRequest) -> EventsResponse:
                batches = request.batch_item.items()
                self.said.append({name: batch.endpoint for name, batch in batches})
                codes = {name: 400 if name == "no" else 202 for name, _ in batches}
                return EventsResponse(
                    results={
                        name: ItemResponse(status_code=code)
                        for name, code in codes.items()
                    }
                )

            def close(self) -> None:
                raise AssertionError("no one closes what was handed in")

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                self.said.clear()

        blind = Blind()
        endpoint = {"Address": "a", "ChannelType": "SMS"}
        with served(create_app(blind, credentials=None)) as server:
            for name in ("no", "e", "f"):
                data = {"BatchItem": {name: {"Endpoint": endpoint, "Events": {}}}}
                post(server, data)
        active = Endpoint(
            address="a", channel_type="SMS", endpoint_status=EndpointStatus.ACTIVE
        )
        inactive = Endpoint(endpoint_status=EndpointStatus.INACTIVE)
        assert blind.said == [
            {"no": active},
            {"e": active},
            {"f": active, "e": inactive},
        ]

    def test_nothing_left(self) -> None:
        """What the rules reject is not sent, and nothing is if that was all."""

        class Blind:
            def __init__(self) -> None:
                self.names: list[str] = []

            def put_events(self, request: EventsRequest) -> EventsResponse:
                self.names += request.batch_item
                return accepted(request)

            def close(self) -> None:
                """Nothing is open."""

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                """Nothing is open."""

        blind = Blind()
        update = {"ChannelType": "EMAIL", "Address": "a", "User": {"UserId": "u"}}
        statuses = []
        with served(create_app(blind, credentials=None)) as server:
            for number in range(16):
                one = {**update, "Address": f"a-{number}"}
                batch = {f"e-{number}": {"Endpoint": one, "Events": {}}}
                (result,) = post(server, {"BatchItem": batch}).json["Results"].values()
                statuses.append(result["EndpointItemResponse"]["StatusCode"])
        assert statuses == [202] * 15 + [400]
        assert blind.names == [f"e-{number}" for number in range(15)]


class TestSenders:
    """What becomes of a call behind the endpoint is told as it is."""

    def answered(self, place: Place, act: Callable[[], EventsResponse]) -> Got:
        """Return the answer to a call after which the sender does this."""
        place.sender.answer = lambda _: act()
        return place.post()

    @staticmethod
    def raising(error: Exception) -> Callable[[], EventsResponse]:
        """Return what raises an error."""

        def act() -> EventsResponse:
            raise error

        return act

    def test_items(self, place: Place) -> None:
        """What the sender says of items goes through."""
        bare = EventsResponse(results={"e": ItemResponse(status_code=202)})
        assert self.answered(place, lambda: bare).json == {"Results": {"e": 202}}

    @pytest.mark.parametrize(
        "error, expected, wait",
        [
            (
                ServiceError(429, "TooManyRequestsException", "slow", "id", 2.5),
                (429, "TooManyRequestsException", "slow"),
                "3",
            ),
            (
                ServiceError(403, "403", "no"),
                (403, "ForbiddenException", "no"),
                None,
            ),
            (
                ServiceError(410, "410", ""),
                (410, "BadRequestException", ""),
                None,
            ),
            (
                ServiceError(502, "502", ""),
                (502, "InternalServerErrorException", ""),
                None,
            ),
            (
                ServiceError(400, "No\nName", "\ud800"),
                (400, "BadRequestException", "?"),
                None,
            ),
            (
                ServiceError(302, "302", "elsewhere"),
                (500, "InternalServerErrorException", NOT_KEPT),
                None,
            ),
            (
                QuotaExceededError([TOO_LARGE]),
                (413, "PayloadTooLargeException", str(TOO_LARGE)),
                None,
            ),
            (
                QuotaExceededError([TOO_MANY]),
                (400, "BadRequestException", str(TOO_MANY)),
                None,
            ),
            (
                ValidationError([MISSING]),
                (400, "BadRequestException", str(MISSING)),
                None,
            ),
            (
                TransportError("the network is down", is_retry_safe=True),
                (
                    503,
                    "ServiceUnavailableException",
                    "the events could not be kept; send them again",
                ),
                "1",
            ),
            (
                StoreError("locked", is_retry_safe=True, retry_after_seconds=4.0),
                (
                    503,
                    "ServiceUnavailableException",
                    "the events could not be kept; send them again",
                ),
                "4",
            ),
            (
                InvalidResponseError("no answer"),
                (500, "InternalServerErrorException", NOT_KEPT),
                None,
            ),
            (
                RuntimeError("someone@example.com"),
                (500, "InternalServerErrorException", NOT_KEPT),
                None,
            ),
        ],
    )
    def test_errors(
        self,
        place: Place,
        error: Exception,
        expected: tuple[int, str, str],
        wait: str | None,
    ) -> None:
        """Each error has its answer; 503 where the call is worth sending again."""
        got = self.answered(place, self.raising(error))
        assert got.error == expected
        assert got.headers.get("retry-after") == wait

    def test_logged(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """The log says what went wrong behind the endpoint, and holds no data."""
        self.answered(
            place, self.raising(StoreError("the store is locked", is_retry_safe=True))
        )
        self.answered(place, self.raising(RuntimeError("someone@example.com")))
        first, second = [
            str(vars(record)["pinpoint_events.problem"])
            for record in caplog.records
            if record.levelno == logging.ERROR
        ]
        assert first == "the store is locked"
        assert second.startswith("unexpected RuntimeError in line ")
        assert "someone" not in caplog.text

    def test_store_that_is_gone(self, tmp_path: Path) -> None:
        """A real store that cannot be used any more makes no call look taken."""
        path = tmp_path / "events.db"
        with (
            SqliteSender(path) as sender,
            served(create_app(sender, credentials=None)) as server,
        ):
            assert post(server, ONE).status == 202
            for each in tmp_path.iterdir():
                each.unlink()
            assert post(server, ONE).status == 503


class TestCredentials:
    """Calls are signed with a key that is known."""

    @pytest.fixture(autouse=True)
    def _apart(self, aws: pytest.MonkeyPatch) -> None:
        """No one's own settings take part."""

    def test_boto3(self, tmp_path: Path) -> None:
        """boto3 sends, and reads the answer."""
        with (
            SqliteSender(tmp_path / "events.db", application_id="shop") as sender,
            served(create_app(sender, credentials=KEY, region="eu-west-1")) as server,
        ):
            client = boto3_client(server)
            answered = client.put_events(
                ApplicationId="shop",
                EventsRequest=batch_item(
                    e={"v": EVENT, "bad": {**EVENT, "EventType": ""}}
                ),
            )
            found = sender.find_endpoints(ids=["e"])
        assert answered["ResponseMetadata"]["HTTPStatusCode"] == 202
        results = answered["EventsResponse"]["Results"]["e"]
        assert results["EventsItemResponse"]["v"] == ACCEPTED
        assert results["EventsItemResponse"]["bad"]["StatusCode"] == 400
        assert list(found) == ["e"]

    def test_boto3_names(self) -> None:
        """boto3 knows the errors by name."""
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            client = boto3_client(server)
            many = {str(number): EVENT for number in range(101)}
            with pytest.raises(client.exceptions.BadRequestException) as raised:
                client.put_events(
                    ApplicationId="shop", EventsRequest=batch_item(e=many)
                )
            said = raised.value.response
            assert said["Message"].startswith("101 events; at most 100; ")
            assert said["RequestID"] == said["ResponseMetadata"]["RequestId"]
            large = {**EVENT, "Attributes": {"k": "v" * 4_000_000}}
            with pytest.raises(client.exceptions.PayloadTooLargeException):
                client.put_events(
                    ApplicationId="shop", EventsRequest=batch_item(e={"v": large})
                )
            client.put_events(ApplicationId="shop", EventsRequest=ONE)

    def test_wrong_secret(self) -> None:
        """Who signs with another secret is refused, and nothing is taken."""
        sender = MemorySender()
        wrong = Credentials(KEY.access_key_id, "another-secret")
        with (
            served(create_app(sender, credentials=[KEY])) as server,
            pytest.raises(ClientError) as raised,
        ):
            boto3_client(server, wrong).put_events(
                ApplicationId="shop", EventsRequest=ONE
            )
        assert raised.value.response["Error"]["Code"] == "InvalidSignatureException"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert sender.requests == ()

    def test_unsigned(self) -> None:
        """Who does not sign is refused before anything is read."""
        with served(create_app(MemorySender(), credentials=Keys([KEY]))) as server:
            assert post(server, ONE).error == (
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            )

    def test_environment(self, aws: pytest.MonkeyPatch) -> None:
        """The key in the environment is the one, if nothing else is said."""
        aws.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
        aws.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
        app = create_app(MemorySender())
        assert not app.is_open_to_anyone
        with served(app) as server:
            boto3_client(server).put_events(ApplicationId="shop", EventsRequest=ONE)

    def test_no_key(self) -> None:
        """Without any key, there is no endpoint; that takes a word."""
        with pytest.raises(ConfigurationError) as raised:
            create_app(MemorySender())
        assert str(raised.value) == (
            "no key in the environment: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY; or pass credentials=Keys.from_file(...), or None "
            "to accept calls from anyone"
        )
        assert create_app(MemorySender(), credentials=None).is_open_to_anyone

    def test_clock(self) -> None:
        """The endpoint's clock decides whether a signature is of now."""
        app = create_app(MemorySender(), credentials=KEY, clock=lambda: NOON)
        with served(app) as server:
            with pytest.raises(ClientError, match="Signature not yet current"):
                boto3_client(server).put_events(ApplicationId="shop", EventsRequest=ONE)
            got = post(server, ONE)
        assert got.headers["date"] == "Mon, 21 Sep 2026 12:00:00 GMT"


class TestFaults:
    """What a script says goes wrong."""

    def test_fail_call(self, place: Place) -> None:
        """A call is refused as asked, and not taken."""
        place.faults.add(
            FailCall(status=429, message="slow", retry_after_seconds=7, calls=[1]),
            FailCall(status=500, code="Odd", calls=[2]),
        )
        first, second, third = place.post(), place.post(), place.post()
        assert first.error == (429, "TooManyRequestsException", "slow")
        assert first.headers["retry-after"] == "7"
        assert second.error == (500, "Odd", "a fault was asked for")
        assert third.status == 202
        assert len(place.sender.requests) == 1

    def test_fail_item(self, place: Place) -> None:
        """An item is refused as asked, and not taken."""
        place.faults.add(FailItem(items=[2], status_code=503, message="later"))
        got = place.post(batch_item(e={"v": EVENT, "w": EVENT}))
        assert got.json["Results"]["e"]["EventsItemResponse"] == {
            "v": ACCEPTED,
            "w": {"StatusCode": 503, "Message": "later"},
        }
        assert list(place.sender.events) == [("e", "v")]

    def test_drop_ids(self, place: Place) -> None:
        """An item is left out of the answer, though it is taken."""
        place.faults.add(DropIds(items=[1]), DropIds(of="endpoint"))
        got = place.post(batch_item(e={"v": EVENT, "w": EVENT}))
        taken = {"EventsItemResponse": {"w": ACCEPTED}}
        assert got.json == {"Results": {"e": taken}}
        assert list(place.sender.events) == [("e", "v"), ("e", "w")]

    @pytest.mark.parametrize("code, taken", [(202, 1), (400, 0)])
    def test_bare_status(self, place: Place, code: int, taken: int) -> None:
        """Each endpoint is answered with a bare number."""
        place.faults.add(BareStatus(status_code=code))
        assert place.post().json == {"Results": {"e": code}}
        assert len(place.sender.requests) == taken

    def test_delay(self, place: Place) -> None:
        """A call is judged later than others that came after it."""
        place.faults.add(Delay(seconds=0.3, calls=[1]))
        order = []

        def send(name: str) -> None:
            assert place.post().status == 202
            order.append(name)

        with connected(place.server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            while place.faults._active[0].count < 1:
                assert place.post(b"", method="GET", path="/healthz").status == 200
            send("later")
            assert answer(connection).status == 202
            order.append("delayed")
        assert order == ["later", "delayed"]

    def test_throttle(self) -> None:
        """Above a rate, calls are refused; the endpoint's clock tells the rate."""
        now = [NOON]
        app = create_app(
            MemorySender(),
            credentials=None,
            clock=lambda: now[0],
            faults=Faults([Throttle(calls_per_second=1)]),
        )
        with served(app) as server:
            statuses = [post(server, ONE).status for _ in range(2)]
            now[0] += timedelta(seconds=1)
            statuses.append(post(server, ONE).status)
        assert statuses == [202, 429, 202]

    @pytest.mark.parametrize("is_taken", [True, False])
    def test_cut_before(self, place: Place, *, is_taken: bool) -> None:
        """The connection ends instead of an answer, whether the call is done or not."""
        place.faults.add(Cut(where="before", is_taken=is_taken))
        with connected(place.server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            assert rest(connection) == b""
        assert len(place.sender.requests) == is_taken

    def test_cut_inside(self, place: Place) -> None:
        """The connection ends inside of the answer."""
        place.faults.add(Cut(where="inside"))
        with connected(place.server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            head, _, body = rest(connection).partition(b"\r\n\r\n")
        assert b"content-length: 149" in head
        assert (
            body == json.dumps({"Results": TAKEN}, separators=(",", ":")).encode()[:74]
        )

    def test_cut_after(self, place: Place) -> None:
        """The connection ends after an answer that does not say so."""
        place.faults.add(Cut(where="after", calls=[1]))
        with connected(place.server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            got = answer(connection)
            assert rest(connection) == b""
        assert got.json == {"Results": TAKEN}
        assert "connection" not in got.headers
        assert place.post().status == 202

    @pytest.mark.parametrize("where", ["before", "inside", "after"])
    def test_cut_ahead(self, where: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A call that was sent ahead ends with the connection, and holds up nothing."""
        faults = Faults([Cut(where=where, calls=[1])])
        app = create_app(MemorySender(), credentials=None, faults=faults)
        with served(app) as server, connected(server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()) * 2)
            assert rest(connection).count(b"HTTP/1.1") == (where != "before")
        # Where something still waits for the end, stopping tears it off, and says so.
        assert not [each for each in caplog.records if each.levelno >= logging.ERROR]

    def test_cut_of_a_refusal(self, place: Place) -> None:
        """A call that is refused can be cut, too."""
        place.faults.add(Cut(where="before"), FailCall())
        with connected(place.server) as connection:
            connection.sendall(request(b"{}"))
            assert rest(connection) == b""

    def test_shift_clock(self) -> None:
        """The endpoint's clock is wrong, and its answers say what it thinks it is."""
        app = create_app(MemorySender(), credentials=None, clock=lambda: NOON)
        with served(app) as server:
            app.faults.add(ShiftClock(seconds=-3600))
            got = post(server, ONE)
        assert got.headers["date"] == "Mon, 21 Sep 2026 11:00:00 GMT"

    def test_other_asgi_servers(self) -> None:
        """A server that cannot end a connection is told to by an error."""
        faults = Faults([Cut(where="before")])
        app = create_app(MemorySender(), credentials=None, faults=faults)
        with pytest.raises(ConnectionError) as raised:
            sent_by_hand(app, json.dumps(ONE).encode())
        assert str(raised.value) == "a fault asked for the end of this connection"


def sent_by_hand(app: App, body: bytes, **scope: Any) -> list[Any]:
    """Give a request to the application as a server does; return what it sends."""
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    headers = [(b"host", b"localhost"), *scope.pop("headers", ())]
    whole = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
    whole.update(scope)
    try:
        asyncio.run(app(whole, receive, send))
    finally:
        app.close()
    return sent


class TestAsgi:
    """The application is at home in any ASGI server."""

    def test_ended(self) -> None:
        """What comes after its end is worth sending elsewhere."""
        app = create_app(MemorySender(), credentials=None)
        app.close()
        start, body = sent_by_hand(app, b"")
        assert start["status"] == 503
        message = "this endpoint has ended; send it to another"
        assert json.loads(body["body"])["Message"] == message

    def test_defect(self, caplog: pytest.LogCaptureFixture) -> None:
        """What fails within is answered in the service's form, and told to the log."""
        asked: list[None] = []

        def clock() -> datetime:
            asked.append(None)
            if len(asked) == 1:
                raise OSError("word")
            return NOON

        app = create_app(MemorySender(), credentials=None, clock=clock)
        with served(app) as server:
            got = post(server, ONE)
        assert got.error == (
            500,
            "InternalServerErrorException",
            "the events could not be kept; the log of the endpoint says why",
        )
        (record,) = [each for each in caplog.records if each.msg == "not sent"]
        problem = vars(record)["pinpoint_events.problem"]
        assert problem.startswith("unexpected OSError in line ")
        assert "word" not in caplog.text

    def test_headers(self) -> None:
        """The number of headers is limited there, too."""
        app = create_app(MemorySender(), credentials=None)
        headers = [(b"x-%d" % number, b"1") for number in range(100)]
        start, _ = sent_by_hand(app, b"{}", headers=headers)
        assert start["status"] == 431

    def test_cancelled(self) -> None:
        """A server may cancel a request; that is no failure of a call."""
        import asyncio

        app = create_app(MemorySender(), credentials=None)

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(_: Any) -> None:
            raise AssertionError("nothing is answered")

        async def run() -> None:
            headers = [(b"host", b"localhost")]
            scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
            task = asyncio.create_task(app(scope, receive, send))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        try:
            asyncio.run(run())
        finally:
            app.close()

    def test_mounted(self) -> None:
        """It may be mounted below a path, and be told that path only decoded."""
        app = create_app(MemorySender(), credentials=None)
        sent = sent_by_hand(
            app,
            json.dumps(ONE).encode(),
            path=f"/pinpoint{PATH}",
            root_path="/pinpoint",
        )
        assert sent[0]["status"] == 202

    @pytest.mark.parametrize("length, status", [(b"x", 202), (b"9" * 5000, 413)])
    def test_odd_length(self, length: bytes, status: int) -> None:
        """A length that is none says nothing; one of many digits is too large."""
        app = create_app(MemorySender(), credentials=None)
        headers = [(b"content-length", length)]
        sent = sent_by_hand(app, json.dumps(ONE).encode(), headers=headers)
        assert sent[0]["status"] == status


class TestRoom:
    """There are so many calls at a time, and no more."""

    def test_full(self) -> None:
        """A call beyond them is refused, and worth sending again."""
        gate = threading.Event()
        sender = MemorySender()

        def wait(request: EventsRequest) -> EventsResponse:
            gate.wait(SECONDS)
            return EventsResponse()

        sender.answer = wait
        app = create_app(sender, credentials=None, workers=1, waiting=1)
        body = json.dumps(ONE).encode()
        with served(app) as server:
            with connected(server) as one, connected(server) as two:
                one.sendall(request(body))
                two.sendall(request(body))
                while (got := post(server, ONE)).status == 202:
                    raise AssertionError("nothing is answered before the gate opens")
                assert got.error == (
                    503,
                    "ServiceUnavailableException",
                    "there are 2 calls at a time, and no more; send it again later",
                )
                assert got.headers["retry-after"] == "1"
                gate.set()
                assert answer(one).status == 202
                assert answer(two).status == 202
            assert post(server, ONE).status == 202


class TestReading:
    """Bodies are parsed apart from the workers that wait for senders."""

    def test_while_a_sender_waits(self) -> None:
        """A call that no sender gets is answered while all workers wait."""
        entered, gate = threading.Event(), threading.Event()

        def wait(request: EventsRequest) -> EventsResponse:
            entered.set()
            assert gate.wait(SECONDS)
            return accepted(request)

        app = create_app(MemorySender(answer=wait), credentials=None, workers=1)
        with served(app) as server, connected(server) as connection:
            connection.sendall(request(json.dumps(ONE).encode()))
            assert entered.wait(SECONDS)
            assert post(server, {"BatchItem": 1}).status == 400
            gate.set()
            assert answer(connection).status == 202

    def test_few_at_a_time(self) -> None:
        """Two threads parse, however many calls there are and whatever is wrong."""
        app = create_app(MemorySender(), credentials=None, workers=1)
        with served(app) as server, ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in range(20)]
            for client in clients:
                client.sendall(request(b"{"))
            assert {answer(client).status for client in clients} == {400}
            assert post(server, ONE).status == 202
            names = [thread.name for thread in threading.enumerate()]
        assert 1 <= sum("pinpoint-events-reader" in name for name in names) <= 2


class Failing(MemorySender):
    """A sender that raises an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Fail."""
        raise self._error


class TestLog:
    """The log tells of each answer, and never of the payload."""

    def test_answered(self, caplog: pytest.LogCaptureFixture) -> None:
        """One line for an answer, with ids and sizes."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        data = batch_item(e={"v": {**EVENT, "Attributes": {"secret": "word"}}})
        with served(create_app(MemorySender(), credentials=None)) as server:
            got = post(server, data)
        (record,) = [each for each in caplog.records if each.msg == "answered"]
        details = {
            name.removeprefix("pinpoint_events."): value
            for name, value in vars(record).items()
            if name.startswith("pinpoint_events.")
        }
        assert details.pop("seconds") > 0
        assert details.pop("peer").startswith("127.0.0.1:")
        assert details == {
            "application_id": "shop",
            "bytes": 149,
            "method": "POST",
            "request_id": got.headers["x-amzn-requestid"],
            "status": 202,
        }
        assert TIMESTAMP not in str(vars(record))
        assert "word" not in str(vars(record))

    def details_of(
        self, caplog: pytest.LogCaptureFixture, message: str
    ) -> dict[str, Any]:
        """Return the details of the one record with a message."""
        (record,) = [each for each in caplog.records if each.msg == message]
        return {
            name.removeprefix("pinpoint_events."): value
            for name, value in vars(record).items()
            if name.startswith("pinpoint_events.")
        }

    def test_refused(self, caplog: pytest.LogCaptureFixture) -> None:
        """A refusal has its code and its reason, without what should have been."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        wrong = Credentials(KEY.access_key_id, "another-secret")
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            client = boto3_client(server, wrong)
            with pytest.raises(client.exceptions.ClientError):
                client.put_events(ApplicationId="shop", EventsRequest=ONE)
        details = self.details_of(caplog, "answered")
        assert details["access_key_id"] == KEY.access_key_id
        assert details["code"] == "InvalidSignatureException"
        assert details["reason"].startswith("The request signature we calculated does")
        assert "\n" not in details["reason"]
        assert KEY.secret_access_key not in str(details)

    def test_refused_by_its_head(self, caplog: pytest.LogCaptureFixture) -> None:
        """The key is named, too, where the head alone shows that it was not used."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        wrong = Credentials(KEY.access_key_id, "another-secret")
        forged = sent(key=wrong, tells_hash=True, moment=datetime.now(UTC))
        app = create_app(MemorySender(), credentials=KEY)
        with served(app) as server, connected(server) as connection:
            connection.sendall(forged.raw)
            assert answer(connection).status == 403
        details = self.details_of(caplog, "answered")
        assert details["access_key_id"] == KEY.access_key_id
        assert details["code"] == "InvalidSignatureException"

    def test_unknown_key(self, caplog: pytest.LogCaptureFixture) -> None:
        """What is no known key id may be a secret by mistake, and is not shown."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        swapped = Credentials(KEY.secret_access_key.replace("/", ""), "another-secret")
        with served(create_app(MemorySender(), credentials=KEY)) as server:
            client = boto3_client(server, swapped)
            with pytest.raises(client.exceptions.ClientError):
                client.put_events(ApplicationId="shop", EventsRequest=ONE)
        details = self.details_of(caplog, "answered")
        assert "access_key_id" not in details
        assert details["code"] == "UnrecognizedClientException"
        assert swapped.access_key_id not in str(details)

    def test_of_another_server(self, caplog: pytest.LogCaptureFixture) -> None:
        """What another endpoint says may hold anything: only its code is logged."""
        caplog.set_level(logging.INFO, "pinpoint_events")
        refused = ServiceError(400, "OddException", "word")
        app = create_app(Failing(refused), credentials=None)
        with served(app) as server:
            assert post(server, ONE).error == (400, "OddException", "word")
        details = self.details_of(caplog, "answered")
        assert details["code"] == "OddException"
        assert "word" not in str(details)

    def test_failed(self, caplog: pytest.LogCaptureFixture) -> None:
        """What cannot be kept is told with the ids of its call."""
        app = create_app(Failing(StoreError("full")), credentials=None)
        with served(app) as server:
            got = post(server, ONE)
        details = self.details_of(caplog, "not sent")
        assert details["problem"] == "full"
        assert details["request_id"] == got.headers["x-amzn-requestid"]
        assert details["peer"].startswith("127.0.0.1:")


class TestPublic:
    """The names that users may import from `pinpoint_events.server`."""

    def test_names(self) -> None:
        """Each is there, and each is listed."""
        names = {name: getattr(server_module, name) for name in server_module.__all__}
        assert names.keys() <= set(dir(server_module))
        assert list(names) == sorted(names)

    def test_no_other(self) -> None:
        """Another name is an attribute error, as everywhere."""
        with pytest.raises(AttributeError) as raised:
            _ = server_module.nothing
        message = "module 'pinpoint_events.server' has no attribute 'nothing'"
        assert str(raised.value) == message

    def test_light(self) -> None:
        """To import it loads neither the server nor what reads calls."""
        code = (
            "import sys, pinpoint_events.server\n"
            "print({'uvicorn', 'cattrs', 'botocore', 'asyncio'} & set(sys.modules))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert ran.stdout == "set()\n"
