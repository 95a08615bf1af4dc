"""
The plugin, as pytest finds it: by the entry point of what is installed.

Runs of pytest that load what no one has loaded before take a separate process: in
this one, pytest's `pytester` would make Python forget it again.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, ClassVar

import attrs
import boto3
import pytest
from botocore.credentials import Credentials

from pinpoint_events import (
    BatchBuilder,
    Endpoint,
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    ForbiddenError,
    ItemResponse,
    MemorySender,
    OptOut,
    Outcome,
    PinpointSender,
    Recorder,
    RecorderStats,
    Retry,
    SpoolFullError,
    TooManyRequestsError,
    TransportError,
    open_sender,
)
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import FailCall, FailItem
from pinpoint_events.testing import (
    PinpointServer,
    RecordingRecorder,
    RecordingSender,
    SentEvent,
    plugin,
)
from pinpoint_events.testing._serving import serving
from tests.aws import aws
from tests.commands import takes_long
from tests.samples import ROOT
from tests.test_public_names import loaded_by
from tests.threads import BegunThreads

__all__ = ["aws"]

pytest_plugins = ["pytester"]

TIMESTAMP = "2026-09-21T12:00:00.123Z"
EVENT = Event("tapped", timestamp=TIMESTAMP, attributes={"where": "menu"})
ONE = {
    "BatchItem": {
        "ada": {
            "Endpoint": {},
            "Events": {
                "v-1": {
                    "EventType": "tapped",
                    "Timestamp": TIMESTAMP,
                    "Attributes": {"where": "menu"},
                }
            },
        }
    }
}
REQUEST = BatchBuilder().add("ada", EVENT, event_id="v-1").build()
STRICT = """
[pytest]
strict = true
filterwarnings = error
"""


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> Iterator[None]:
    """Without anyone's settings; what boto3 keeps of a test goes with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield


def put(client: Any) -> Any:
    """Send one event with boto3's client."""
    return client.put_events(ApplicationId="shop", EventsRequest=ONE)


class TestEntryPoint:
    """pytest finds the plugin, and hardly notices."""

    def test_installed(self) -> None:
        """The distribution names the module."""
        points = [
            point
            for point in metadata.entry_points(group="pytest11")
            if point.value == "pinpoint_events.testing.plugin"
        ]
        assert [point.name for point in points] == ["pinpoint_events"]
        assert points[0].load() is plugin

    def test_light(self) -> None:
        """It loads nothing but itself, beside pytest."""
        code = (
            "import pytest, sys; before = set(sys.modules)\n"
            "import pinpoint_events.testing.plugin\n"
            "loaded = sorted(set(sys.modules) - before)\n"
            "assert loaded == ['pinpoint_events', 'pinpoint_events.testing', "
            "'pinpoint_events.testing.plugin'], loaded"
        )
        assert loaded_by(code, ("asyncio.events", "attrs", "botocore")) == []

    def test_without_fixtures(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run that uses no fixture of it loads no more, to its end."""
        pytester.makepyfile(
            """
            import sys

            def test_something_else():
                names = {n for n in sys.modules if n.startswith("pinpoint_events.")}
                assert names == {
                    "pinpoint_events.testing", "pinpoint_events.testing.plugin"
                }
            """
        )
        # Hypothesis has a plugin, too, which loads another module. So may a
        # conftest.py in a directory above.
        pytester.makeini("[pytest]")
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        plugin = "pinpoint_events.testing.plugin"
        result = pytester.runpytest_subprocess("-p", plugin)
        result.assert_outcomes(passed=1)

    def test_fixtures_are_listed(self, pytester: pytest.Pytester) -> None:
        """`pytest --fixtures` tells what they are."""
        result = pytester.runpytest_inprocess("--fixtures")
        result.stdout.re_match_lines(
            [
                r"pinpoint_sender -- .*plugin\.py:\d+",
                r"    A sender that keeps events in memory.*",
                r"pinpoint_recorder -- .*plugin\.py:\d+",
                r"    A recorder in memory without a thread.*",
                r"pinpoint_server -- .*plugin\.py:\d+",
                r"    A PutEvents endpoint on this machine.*",
            ]
        )


class TestPinpointSender:
    """The fixture `pinpoint_sender`."""

    def test_sender(self, pinpoint_sender: RecordingSender) -> None:
        """It is a sender with nothing in it, which tells what it was sent."""
        assert isinstance(pinpoint_sender, MemorySender)
        pinpoint_sender.assert_nothing_sent()
        pinpoint_sender.put_events(REQUEST)
        pinpoint_sender.assert_sent("tapped", endpoint_id="ada", times=1)

    def test_failure_is_readable(self, pytester: pytest.Pytester) -> None:
        """It points at the line of the test, and at nothing of ours."""
        pytester.makepyfile(
            """
            def test_sent(pinpoint_sender):
                pinpoint_sender.assert_sent("bought")
            """
        )
        result = pytester.runpytest_inprocess()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                '>       pinpoint_sender.assert_sent("bought")',
                "E       AssertionError: expected at least 1 event 'bought', found 0",
                "E       no event was sent and accepted",
                "",
                "test_failure_is_readable.py:2: AssertionError",
            ],
            consecutive=True,
        )

    def test_isolation(self, pytester: pytest.Pytester) -> None:
        """Each test has its own, and it is closed after the test."""
        pytester.makeini(STRICT)
        pytester.makepyfile(
            """
            import pytest
            from pinpoint_events import BatchBuilder, Event, SenderError

            request = BatchBuilder().add("ada", Event("tapped")).build()
            kept = []

            def test_one(pinpoint_sender):
                pinpoint_sender.put_events(request)
                kept.append(pinpoint_sender)

            def test_another(pinpoint_sender):
                pinpoint_sender.assert_nothing_sent()
                with pytest.raises(SenderError, match="closed"):
                    kept[0].put_events(request)
                kept[0].assert_sent("tapped")
            """
        )
        pytester.runpytest_inprocess().assert_outcomes(passed=2)


class TestPinpointRecorder:
    """The fixture `pinpoint_recorder`."""

    def test_recorder(self, pinpoint_recorder: RecordingRecorder) -> None:
        """It is a recorder, and delivers when the test looks."""
        assert isinstance(pinpoint_recorder, Recorder)
        pinpoint_recorder.assert_nothing_sent()
        pinpoint_recorder.record("ada", EVENT, event_id="v-1")
        assert pinpoint_recorder.sender.requests == ()
        (sent,) = pinpoint_recorder.assert_sent("tapped", endpoint_id="ada", times=1)
        assert sent == SentEvent("local", "ada", "v-1", EVENT)
        assert pinpoint_recorder.stats() == RecorderStats(recorded=1, delivered=1)

    def test_endpoints(self, pinpoint_recorder: RecordingRecorder) -> None:
        """Updates of endpoints are delivered, too."""
        pinpoint_recorder.identify("ada", Endpoint(opt_out=OptOut.ALL))
        assert pinpoint_recorder.sent == ()
        assert pinpoint_recorder.sender.endpoints == {"ada": Endpoint(opt_out="ALL")}

    def test_failures(self, pinpoint_recorder: RecordingRecorder) -> None:
        """A sender that fails is tested without a wait; the message tells of both."""
        pinpoint_recorder.sender.answer = rejecting
        pinpoint_recorder.record("ada", EVENT, event_id="v-1")
        with pytest.raises(AssertionError) as caught:
            pinpoint_recorder.assert_sent("tapped")
        assert (
            str(caught.value).splitlines()[-1] == "1 event was sent, and not accepted"
        )
        assert pinpoint_recorder.stats() == RecorderStats(recorded=1, rejected=1)

    def test_dropped(self, pinpoint_recorder: RecordingRecorder) -> None:
        """The message tells what was recorded too late, too."""
        pinpoint_recorder.close()
        pinpoint_recorder.record("ada", EVENT, event_id="v-1")
        with pytest.raises(AssertionError) as caught:
            pinpoint_recorder.assert_sent("tapped")
        assert str(caught.value).splitlines() == [
            "expected at least 1 event 'tapped', found 0",
            "no event was sent and accepted",
            "1 event was dropped: closed",
        ]

    def test_many(self, pinpoint_recorder: RecordingRecorder) -> None:
        """All that was recorded is delivered, in as many requests as it takes."""
        for _ in range(250):
            pinpoint_recorder.record("ada", EVENT)
        pinpoint_recorder.assert_sent("tapped", times=250)
        assert len(pinpoint_recorder.sender.requests) == 3

    def test_has_no_thread(self, pinpoint_recorder: RecordingRecorder) -> None:
        """No test waits for another thread."""
        begun = BegunThreads()
        pinpoint_recorder.record("ada", EVENT)
        assert pinpoint_recorder.flush(0)
        assert len(begun) == 0


class TestTimeOfARecorder:
    """A `RecordingRecorder` never sleeps: its time passes by waiting."""

    @pytest.fixture(autouse=True)
    def takes_no_time(self) -> Iterator[None]:
        """Compare the real time with the minutes that the waits are long."""
        started = time.monotonic()
        yield
        assert time.monotonic() - started < 60

    def test_event_fails(self) -> None:
        """`flush` sends an event again that failed, after its wait of a second."""
        for _ in range(40):
            recorder = RecordingRecorder(RecordingSender(answer=failing_once("v-1")))
            recorder.record("ada", EVENT, event_id="v-1")
            recorder.record("ada", EVENT, event_id="v-2")
            assert [each.event_id for each in recorder.sent] == ["v-2"]
            assert recorder.stats().pending == 1
            assert not recorder.flush(0.5)
            assert recorder.flush(1)
            assert [each.event_id for each in recorder.sent] == ["v-2", "v-1"]

    def test_throttled(self) -> None:
        """`flush` waits for as long as `Retry-After` says."""
        errors = [TooManyRequestsError(429, "x", retry_after_seconds=60.0)]

        def answer(request: EventsRequest) -> EventsResponse:
            if errors:
                raise errors.pop()
            return accepted(request)

        recorder = RecordingRecorder(RecordingSender(answer=answer))
        recorder.record("ada", EVENT)
        assert recorder.sent == ()
        assert not recorder.flush(50)
        assert recorder.flush(50)
        recorder.assert_sent("tapped", times=1)

    def test_outage(self) -> None:
        """At the end of `with`, too, the waits of an outage take no time."""
        for _ in range(10):
            with RecordingRecorder(RecordingSender(answer=away)) as recorder:
                recorder.record("ada", EVENT)
                assert recorder.sent == ()
                assert not recorder.flush(600)
                assert recorder.stats().pending == 1
            assert 10 < len(recorder.sender.requests) < 40
            assert recorder.stats().dropped == {"exit": 1}

    def test_full(self) -> None:
        """Nor does `record` sleep where it blocks for room."""
        recorder = RecordingRecorder(
            RecordingSender(answer=away), max_bytes=100_000, block_seconds=600
        )
        with pytest.raises(SpoolFullError):
            fill(recorder)

    def test_age(self) -> None:
        """The waits do not make older what is recorded after them."""
        recorder = RecordingRecorder(
            RecordingSender(answer=away), max_age=timedelta(seconds=300)
        )
        recorder.record("ada", EVENT)
        assert not recorder.flush(600)
        recorder.sender.answer = accepted
        recorder.record("ada", EVENT)
        recorder.assert_sent("tapped", times=2)


def fill(recorder: Recorder) -> None:
    """Record for ever."""
    while True:
        recorder.record("ada", EVENT)


def away(request: EventsRequest) -> EventsResponse:
    """Answer nothing, as a network that is down."""
    raise TransportError("the network is down", is_retry_safe=True)


def failing_once(event_id: str) -> Callable[[EventsRequest], EventsResponse]:
    """Return an answer by which one event fails at first, and all else is accepted."""
    failures = [EventItemResponse(status_code=500)]

    def answer(request: EventsRequest) -> EventsResponse:
        found = accepted(request)
        if not failures:
            return found
        item = found.results["ada"]
        events = {**item.events_item_response, event_id: failures.pop()}
        item = attrs.evolve(item, events_item_response=events)
        return attrs.evolve(found, results={"ada": item})

    return answer


def rejecting(request: EventsRequest) -> EventsResponse:
    """Reject everything."""
    return EventsResponse(
        results={name: ItemResponse(status_code=400) for name in request.batch_item}
    )


class TestPinpointServer:
    """The fixture `pinpoint_server`."""

    def test_boto3(self, pinpoint_server: PinpointServer) -> None:
        """boto3 finds it without any settings; what it sends is there, typed."""
        answer = put(boto3.client("pinpoint"))
        accepted = {"StatusCode": 202, "Message": "Accepted"}
        assert answer["EventsResponse"]["Results"] == {
            "ada": {
                "EndpointItemResponse": accepted,
                "EventsItemResponse": {"v-1": accepted},
            }
        }
        assert pinpoint_server.sent == (SentEvent("shop", "ada", "v-1", EVENT),)
        assert pinpoint_server.events_of("tapped") == (EVENT,)
        pinpoint_server.assert_sent("tapped", application_id="shop", times=1)

    @pytest.mark.parametrize("is_by_url", [False, True])
    def test_this_library(
        self, pinpoint_server: PinpointServer, *, is_by_url: bool
    ) -> None:
        """So do the senders here."""
        sender = open_sender("pinpoint://shop") if is_by_url else PinpointSender("shop")
        with sender:
            sender.put_events(REQUEST).raise_for_failures(REQUEST)
        assert pinpoint_server.sent == (SentEvent("shop", "ada", "v-1", EVENT),)

    def test_other_clients(self, pinpoint_server: PinpointServer) -> None:
        """URL, key and region are attributes, for clients that read no environment."""
        client = boto3.Session().client(
            "pinpoint",
            aws_access_key_id=pinpoint_server.credentials.access_key_id,
            aws_secret_access_key=pinpoint_server.credentials.secret_access_key,
            endpoint_url=pinpoint_server.url,
            region_name=pinpoint_server.region,
        )
        put(client)
        assert repr(pinpoint_server) == (
            f"<PinpointServer at {pinpoint_server.url}: 1 events>"
        )

    def test_signatures_are_verified(self, pinpoint_server: PinpointServer) -> None:
        """Another key is refused."""
        other = Credentials(pinpoint_server.credentials.access_key_id, "another")
        with (
            PinpointSender("shop", credentials=other) as sender,
            pytest.raises(ForbiddenError),
        ):
            sender.put_events(REQUEST)
        pinpoint_server.assert_nothing_sent()

    def test_applications(self, pinpoint_server: PinpointServer) -> None:
        """Each application has its own endpoints and events."""
        for name in ("shop", "forum", "shop"):
            with PinpointSender(name) as sender:
                sender.put_events(REQUEST).raise_for_failures(REQUEST)
        assert pinpoint_server.sent == (
            SentEvent("shop", "ada", "v-1", EVENT),
            SentEvent("forum", "ada", "v-1", EVENT),
        )
        forum = pinpoint_server.application("forum")
        assert isinstance(forum, RecordingSender)
        assert (len(forum.requests), list(forum.endpoints)) == (1, ["ada"])
        forum.assert_sent("tapped", times=1)

    def test_many_applications(self, pinpoint_server: PinpointServer) -> None:
        """Each keeps what it was sent, of however many there are."""
        names = [f"a{number}" for number in range(101)]
        client = boto3.client("pinpoint")
        for name in (*names, "a0"):
            client.put_events(ApplicationId=name, EventsRequest=ONE)
        assert [each.application_id for each in pinpoint_server.sent] == names
        assert len(pinpoint_server.application("a0").requests) == 2

    def test_answer(self, pinpoint_server: PinpointServer) -> None:
        """What is behind an application can be told how to answer, before any call."""

        def busy(_: object) -> Any:
            raise TooManyRequestsError(429, "TooManyRequestsException", "slower")

        pinpoint_server.application("shop").answer = busy
        with (
            PinpointSender("shop", retry=None) as sender,
            pytest.raises(TooManyRequestsError),
        ):
            sender.put_events(REQUEST)
        assert len(pinpoint_server.application("shop").requests) == 1

    def test_faults(self, pinpoint_server: PinpointServer) -> None:
        """What shall go wrong is scripted within the test."""
        pinpoint_server.faults.add(FailCall(status=503, calls=[1]), FailItem(items=[1]))
        once = Retry(attempts=2)
        with PinpointSender("shop", retry=once) as sender:
            response = sender.put_events(REQUEST)
        assert [each.outcome for each in response.outcomes(REQUEST)] == [
            Outcome.ACCEPTED,
            Outcome.RETRYABLE,
        ]
        pinpoint_server.assert_nothing_sent()

    def test_with_sender(
        self, pinpoint_server: PinpointServer, pinpoint_sender: RecordingSender
    ) -> None:
        """A test may have both."""
        pinpoint_sender.put_events(REQUEST)
        pinpoint_server.assert_nothing_sent()

    def test_isolation(self, pytester: pytest.Pytester) -> None:
        """Each test has its own, which is gone after the test; nothing warns."""
        pytester.makeini(STRICT)
        pytester.makepyfile(
            """
            import socket
            from urllib.parse import urlsplit

            import pytest
            from pinpoint_events import BatchBuilder, Event, PinpointSender

            kept = []

            def test_one(pinpoint_server):
                request = BatchBuilder().add("ada", Event("tapped")).build()
                with PinpointSender("shop") as sender:
                    sender.put_events(request).raise_for_failures(request)
                pinpoint_server.faults.clear()
                pinpoint_server.assert_sent("tapped")
                kept.append(pinpoint_server)

            def test_another(pinpoint_server):
                pinpoint_server.assert_nothing_sent()
                assert pinpoint_server is not kept[0]
                assert pinpoint_server.faults is not kept[0].faults
                kept[0].assert_sent("tapped")

            def test_gone():
                parts = urlsplit(kept[0].url)
                with pytest.raises(ConnectionError):
                    socket.create_connection((parts.hostname, parts.port))
            """
        )
        pytester.runpytest_subprocess().assert_outcomes(passed=3)

    def test_key(self, pinpoint_server: PinpointServer) -> None:
        """Its key has the form of AWS's keys, and the ends of AWS's examples."""
        key = pinpoint_server.credentials
        assert re.fullmatch("AKIA[A-Z2-7]{9}EXAMPLE", key.access_key_id)
        assert re.fullmatch("[A-Za-z0-9]{30}EXAMPLEKEY", key.secret_access_key)
        with serving() as other:
            assert other.credentials == key

    def test_other_process(self, pinpoint_server: PinpointServer) -> None:
        """A client of another process is refused there, and its client here."""
        code = """
import sys
from pinpoint_events.testing._serving import serving

with serving() as server:
    key = server.credentials
    print(server.url, key.access_key_id, key.secret_access_key, flush=True)
    sys.stdin.read()
    server.assert_nothing_sent()
"""
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            url, *other = process.stdout.readline().split()
            settings: list[dict[str, Any]] = [
                {"endpoint_url": url},
                {"credentials": Credentials(*other)},
            ]
            for setting in settings:
                with (
                    PinpointSender("shop", **setting) as sender,
                    pytest.raises(ForbiddenError) as caught,
                ):
                    sender.put_events(REQUEST)
                assert caught.value.code == "UnrecognizedClientException"
            process.communicate(timeout=60)
        assert process.returncode == 0
        pinpoint_server.assert_nothing_sent()

    @takes_long
    def test_kept_client(self, pytester: pytest.Pytester) -> None:
        """A client that an application keeps goes on working in the next test."""
        pytester.makeini(STRICT)
        pytester.makepyfile(
            """
            from functools import cache

            import boto3
            import pytest
            from pinpoint_events import BatchBuilder, Event, PinpointSender, to_wire

            request = BatchBuilder().add("ada", Event("tapped")).build()
            wire = to_wire(request)
            client = cache(lambda: boto3.client("pinpoint"))
            sender = cache(lambda: PinpointSender("forum"))

            @pytest.mark.parametrize("number", range(3))
            def test_sent(pinpoint_server, number):
                client().put_events(ApplicationId="shop", EventsRequest=wire)
                sender().put_events(request).raise_for_failures(request)
                pinpoint_server.assert_sent("tapped", application_id="shop", times=1)
                pinpoint_server.assert_sent("tapped", application_id="forum", times=1)

            def test_closed():
                sender().close()
                client().close()
            """
        )
        pytester.runpytest_subprocess().assert_outcomes(passed=4)

    def test_port_is_taken(self, pinpoint_server: PinpointServer) -> None:
        """Where someone else has the port by now, it is another one."""
        taken = int(pinpoint_server.url.rpartition(":")[2])
        with serving(taken) as other:
            assert other.url != pinpoint_server.url
            put(boto3.client("pinpoint", endpoint_url=other.url))
            other.assert_sent("tapped", times=1)
        pinpoint_server.assert_nothing_sent()

    def test_failure_is_readable(self, pinpoint_server: PinpointServer) -> None:
        """It tells of events that an application's sender has refused."""
        pinpoint_server.application("shop").answer = lambda _: EventsResponse()
        put(boto3.client("pinpoint"))
        with pytest.raises(AssertionError) as caught:
            pinpoint_server.assert_sent("tapped")
        assert str(caught.value).splitlines() == [
            "expected at least 1 event 'tapped', found 0",
            "no event was sent and accepted",
            "1 event was sent, and not accepted",
        ]

    @takes_long
    def test_missing_extra(self, pytester: pytest.Pytester) -> None:
        """Tests that need it fail with what to install; others run."""
        pytester.makepyfile(
            uvicorn="raise ImportError('not installed')",
            test_it="""
            from pinpoint_events.testing import PinpointServer

            def test_served(pinpoint_server: PinpointServer):
                pass

            def test_in_memory(pinpoint_sender):
                pinpoint_sender.assert_nothing_sent()
            """,
        )
        pytester.syspathinsert()
        result = pytester.runpytest_subprocess("-W", "error")
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(
            [
                (
                    "E * pinpoint_events.errors.ConfigurationError: the endpoint needs "
                    "the extra `server`; run: pip install 'pinpoint-events[[]server]'"
                )
            ]
        )


class TestOtherStyles(unittest.TestCase):
    """Tests that are no plain functions."""

    @pytest.fixture(autouse=True)
    def _take(
        self, pinpoint_server: PinpointServer, pinpoint_sender: RecordingSender
    ) -> None:
        self.server = pinpoint_server
        self.sender = pinpoint_sender

    def test_of_unittest(self) -> None:
        """A class of unittest gets the fixtures by one of its own."""
        put(boto3.client("pinpoint"))
        self.server.assert_sent("tapped", times=1)
        self.sender.assert_nothing_sent()

    def test_asynchronous(self) -> None:
        """A loop that is blocked by a call does not block the endpoint."""

        async def report() -> None:
            put(boto3.client("pinpoint"))
            await asyncio.to_thread(put, boto3.client("pinpoint"))

        asyncio.run(report())
        assert len(self.server.application("shop").requests) == 2


class TestEnvironment:
    """The environment leads to the endpoint, and is afterwards as it was before."""

    MISLEADING: ClassVar = {
        "AWS_ACCESS_KEY_ID": "AKIDOTHER",
        "AWS_CREDENTIAL_EXPIRATION": "2026-01-01T00:00:00Z",
        "AWS_DEFAULT_PROFILE": "other",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_PINPOINT": "http://127.0.0.1:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PROFILE": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SECURITY_TOKEN": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }

    def test_variables(
        self, pytester: pytest.Pytester, aws: pytest.MonkeyPatch
    ) -> None:
        """Whatever was set before: keys, profile, URLs, a proxy."""
        for name, value in self.MISLEADING.items():
            aws.setenv(name, value)
        pytester.makepyfile(
            """
            import os

            import boto3
            from pinpoint_events import BatchBuilder, Event, PinpointSender, to_wire

            request = BatchBuilder().add("ada", Event("tapped")).build()
            before = dict(os.environ)

            def test_found(pinpoint_server, monkeypatch):
                monkeypatch.undo()
                with PinpointSender("shop") as sender:
                    sender.put_events(request).raise_for_failures(request)
                pinpoint_server.assert_sent("tapped", application_id="shop", times=1)
                boto3.client("pinpoint").put_events(
                    ApplicationId="forum", EventsRequest=to_wire(request)
                )
                pinpoint_server.assert_sent("tapped", application_id="forum", times=1)
                assert os.environ["AWS_MAX_ATTEMPTS"] == "1"

            def test_restored():
                assert dict(os.environ, PYTEST_CURRENT_TEST="") == dict(
                    before, PYTEST_CURRENT_TEST=""
                )

            def test_failed(pinpoint_server):
                raise ValueError

            def test_restored_after_failure():
                test_restored()
            """
        )
        pytester.runpytest_subprocess().assert_outcomes(passed=3, failed=1)

    def test_files(
        self, tmp_path: Path, aws: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        """Whatever stands in AWS's files."""
        config = tmp_path / "config"
        config.write_text(
            "[default]\nendpoint_url = http://127.0.0.1:1\nuse_fips_endpoint = true\n"
        )
        aws.setenv("AWS_CONFIG_FILE", str(config))
        aws.setenv("AWS_SHARED_CREDENTIALS_FILE", str(config))
        server: PinpointServer = request.getfixturevalue("pinpoint_server")
        with PinpointSender("shop", retry=None) as sender:
            sender.put_events(REQUEST)
        server.assert_sent("tapped", times=1)

    @pytest.mark.parametrize(
        "before, within",
        [
            ({}, {}),
            (
                {"HTTPS_PROXY": "http://127.0.0.1:1"},
                {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            ),
            (
                {"NO_PROXY": "example.com"},
                {
                    "NO_PROXY": "example.com,127.0.0.1",
                    "no_proxy": "example.com,127.0.0.1",
                },
            ),
        ],
    )
    def test_proxies(
        self,
        aws: pytest.MonkeyPatch,
        request: pytest.FixtureRequest,
        before: dict[str, str],
        within: dict[str, str],
    ) -> None:
        """Proxies are passed by, as they are for hosts that go without one already."""
        for name, value in before.items():
            aws.setenv(name, value)
        request.getfixturevalue("pinpoint_server")
        names = ("NO_PROXY", "no_proxy")
        assert {n: os.environ[n] for n in names if n in os.environ} == within


class TestDefaultSession:
    """`boto3.client` goes through one session, which keeps the keys it found first."""

    def test_of_before(self, request: pytest.FixtureRequest) -> None:
        """One with other keys is not in the way."""
        boto3.setup_default_session(
            aws_access_key_id="AKIDOTHER", aws_secret_access_key="other"
        )
        server: PinpointServer = request.getfixturevalue("pinpoint_server")
        put(boto3.client("pinpoint"))
        server.assert_sent("tapped", times=1)

    def test_is_put_back(self, pinpoint_server: PinpointServer) -> None:
        """After the test it is there again."""
        boto3.setup_default_session(region_name="eu-west-1")
        before = boto3.DEFAULT_SESSION
        with plugin._client_environment("PINPOINT", pinpoint_server):
            assert boto3.client("pinpoint").meta.region_name == "us-east-1"
            assert boto3.DEFAULT_SESSION is not before
        assert boto3.DEFAULT_SESSION is before

    def test_boto3_is_loaded_late(
        self, pinpoint_server: PinpointServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that was made within a test goes with it."""
        monkeypatch.delitem(sys.modules, "boto3")
        with plugin._client_environment("PINPOINT", pinpoint_server):
            anew = import_module("boto3")
            anew.setup_default_session()
            assert anew.DEFAULT_SESSION is not None
        assert anew.DEFAULT_SESSION is None


@takes_long
class TestHowTo:
    """docs/how-to/test-your-application.md."""

    def test_page(self, pytester: pytest.Pytester) -> None:
        """Its tests that use the fixtures pass, in a module of all its examples."""
        page = ROOT / "docs" / "how-to" / "test-your-application.md"
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.+?)^```$", text, re.DOTALL | re.MULTILINE)
        # On the page, tests that take nothing are called.
        module = re.sub(r"^test_\w+\(\)$", "", "".join(blocks), flags=re.MULTILINE)
        pytester.makepyfile(module)
        names = re.findall(r"^def (test_\w+)\(pinpoint_", module, re.MULTILINE)
        result = pytester.runpytest_subprocess("-W", "error", "-k", " or ".join(names))
        assert len(names) == 6
        result.assert_outcomes(passed=6, deselected=5)
