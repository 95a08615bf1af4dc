"""Records of Pinpoint's event stream, loaded from the files that it left."""

import gzip
import io
import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events import (
    Endpoint,
    Event,
    MemorySender,
    Quotas,
    SqliteSender,
    from_stream_record,
    to_amplify_envelope,
    to_stream_record,
)
from pinpoint_events.loader import LoadProgress, Totals, load
from pinpoint_events.loader.pieces import Pieces
from pinpoint_events.loader.records import MAX_BYTES
from pinpoint_events.testing import strategies
from tests.commands import run, takes_long
from tests.http_server import HttpServer
from tests.samples import ROOT
from tests.test_cli import needs_posix
from tests.test_cli_load import account, line, loaded, stored, write, written
from tests.test_cli_load import numbers as stored_numbers
from tests.test_loader_engine import TestMemory as Memory
from tests.test_loader_runs import Gateway, end, start, to

STREAMS: Final = ROOT / "tests" / "data" / "streams"
APP: Final = "0123456789abcdef0123456789abcdef"
UNLIMITED: Final = Quotas(**{each.name: None for each in attrs.fields(Quotas)})
ARRIVED: Final = "2026-09-21T12:00:01Z"


def record(number: int, **more: Any) -> dict[str, Any]:
    """Return a record of one event, of one of ten endpoints."""
    event = Event(
        "tapped",
        timestamp="2026-09-21T12:00:00.123Z",
        attributes={"number": str(number), "text": "}{ ü😀"},
    )
    found = to_stream_record(
        f"e-{number % 10}", event, application_id=APP, arrived_at=ARRIVED
    )
    return {**found, **more}


def records(count: int) -> list[dict[str, Any]]:
    """Return so many of them."""
    return [record(number) for number in range(count)]


def sent(sender: MemorySender) -> list[tuple[str, Endpoint, Event]]:
    """Return endpoint id, endpoint and event of all that was sent, in order."""
    return [
        (endpoint_id, batch.endpoint, event)
        for request in sender.requests
        for endpoint_id, batch in request.batch_item.items()
        for event in batch.events.values()
    ]


def numbers(sender: MemorySender) -> list[int]:
    """Return the numbers of all events that were sent, sorted."""
    return sorted(int(event.attributes["number"]) for _, _, event in sent(sender))


def messages(path: Path) -> list[str]:
    """Return why each line was not accepted."""
    return [each["Message"] for each in written(path)]


Layout = Callable[[Iterable[Any]], str]
LAYOUTS: Final[list[Layout]] = [
    lambda all_: "".join(f"{json.dumps(each)}\n" for each in all_),
    lambda all_: "".join(map(json.dumps, all_)),
    lambda all_: "".join(map(json.dumps, all_)) + "\n",
    lambda all_: " ".join(json.dumps(each, ensure_ascii=False) for each in all_),
    lambda all_: "\ufeff" + "".join(map(json.dumps, all_)),
    lambda all_: "\n".join(f"{json.dumps(each)}" * 1 for each in all_),
    lambda all_: "\r\n".join(
        "".join(f"{json.dumps(each)}\t" for each in part)
        for part in (list(all_)[:2], list(all_)[2:])
    ),
    lambda all_: json.dumps(list(all_)),
    lambda all_: json.dumps(list(all_), indent=2),
]


class TestRecords:
    """What becomes of a record."""

    @pytest.mark.parametrize(
        "name",
        [
            "stream-app",
            "stream-record-web-2022",
            "stream-record-every-member",
            "amplify-envelope",
        ],
    )
    @pytest.mark.parametrize("indent", [None, 2])
    def test_event(self, tmp_path: Path, name: str, indent: int | None) -> None:
        """An event of an application is sent, with its endpoint."""
        data = json.loads((STREAMS / f"{name}.json").read_bytes())
        path = tmp_path / "a"
        path.write_text(json.dumps(data, indent=indent))
        sender = MemorySender()
        assert load([path], sender).events.to_wire() == account(1)
        found = from_stream_record(data)
        assert sent(sender) == [(found.endpoint_id, found.endpoint, found.event)]

    @pytest.mark.parametrize(
        "kind, what",
        [
            ("_campaign.send", "a campaign"),
            ("_journey.send", "a journey"),
            ("_email.delivered", "an e-mail"),
            ("_SMS.SUCCESS", "a text message"),
            ("_test.event_stream", "the setting up of a stream"),
        ],
    )
    def test_of_pinpoint(self, tmp_path: Path, kind: str, what: str) -> None:
        """What Pinpoint itself wrote is counted, named and kept, and not sent."""
        other = record(1, event_type=kind)
        path = write(tmp_path / "a", [record(0), other, record(2)])
        sender = MemorySender()
        totals = load([path], sender, rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(2, rejected=1)
        assert numbers(sender) == [0, 2]
        (note,) = written(tmp_path / "r")
        assert note["Message"].startswith(f"is a record of {what}, ")
        assert (note["Line"], note.items() >= other.items()) == (2, True)

    @pytest.mark.parametrize("name", ["stream-campaign", "stream-email", "stream-sms"])
    def test_sample_of_pinpoint(self, tmp_path: Path, name: str) -> None:
        """So are those of the documentation."""
        totals = load([STREAMS / f"{name}.json"], MemorySender())
        assert totals.events.to_wire() == account(rejected=1)

    def test_command(self, tmp_path: Path) -> None:
        """The command says the same, and that not all was accepted."""
        write(tmp_path / "a", [record(0), record(1, event_type="_email.open")])
        ran = run("load", "a", "--to", "sqlite:///events.db", cwd=tmp_path)
        found = loaded(*ran)
        assert (found.code, found.events) == (3, account(1, rejected=1))
        assert found.err == (
            (
                "'a', line 2: rejected (400): is a record of an e-mail, which Pinpoint "
                "itself wrote; expected a record of an event that an application sent; "
                "keep it elsewhere: it is no event to send again"
            ),
        )

    def test_opened_message(self, tmp_path: Path) -> None:
        """What an application said of a campaign is an event of the application."""
        kind = "_campaign.opened_notification"
        path = write(tmp_path / "a", [record(0, event_type=kind)])
        assert load([path], MemorySender()).events.to_wire() == account(1)

    def test_wrong(self, tmp_path: Path) -> None:
        """What is no sound record is refused with its problems."""
        wrong = [
            record(0, event_timestamp="x"),
            record(1, client={}, application={}),
            record(2, endpoint={"Attributes": {"a": ["x" * 101]}}),
            json.loads((STREAMS / "stream-legacy-mobile-analytics.json").read_bytes()),
            {**record(4), "attributes": {"a": "x" * 201}},
        ]
        path = write(tmp_path / "a", [record(9), *wrong])
        totals = load([path], MemorySender(), rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(1, rejected=5)
        assert [each.split(";")[0] for each in messages(tmp_path / "r")] == [
            "event_timestamp: is a string",
            "application.app_id: is missing",
            "endpoint.Attributes['a'][0]: 101 characters",
            "is a record of Mobile Analytics, Pinpoint's predecessor",
            "Event.Attributes['a']: 201 characters",
        ]

    def test_another_application(self, tmp_path: Path) -> None:
        """As with a call, nothing is sent to an application that it is not for."""
        path = write(tmp_path / "a", records(2))
        other = MemorySender(application_id="other")
        totals = load([path], other, rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(rejected=2)
        assert messages(tmp_path / "r")[0].startswith("application.app_id: is another ")
        for sender in (MemorySender(application_id=APP), MemorySender()):
            assert load([path], sender).events.to_wire() == account(2)

    def test_endpoints_in_order(self, tmp_path: Path) -> None:
        """The endpoint of the last record is what a store keeps."""
        path = write(
            tmp_path / "a",
            [record(0, endpoint={"OptOut": each}) for each in ("NONE", "ALL", "NONE")],
        )
        with SqliteSender(tmp_path / "events.db") as sender:
            totals = load([path], sender)
            (found,) = sender.find_endpoints(ids=["e-0"]).values()
        assert totals.endpoints.to_wire() == account(3)
        assert found.opt_out == "NONE"

    @given(
        events=st.lists(
            st.tuples(strategies.endpoints(), strategies.events()), max_size=5
        ),
        layout=st.sampled_from(LAYOUTS),
    )
    def test_written(
        self, events: list[tuple[Endpoint, Event]], layout: Layout
    ) -> None:
        """What was written as records comes back, as far as the format carries it."""
        written_ = [
            to_stream_record(
                f"e-{n}", event, end, application_id=APP, arrived_at=ARRIVED
            )
            for n, (end, event) in enumerate(events)
        ]
        app = [e for e in written_ if from_stream_record(e).kind == "app"]
        text = layout(written_)
        sender = MemorySender(quotas=UNLIMITED)
        totals = load([io.BytesIO(text.encode())], sender)
        assert totals.events.read == len(written_)
        expected = [from_stream_record(each) for each in app]
        found = {key: (endpoint, event) for key, endpoint, event in sent(sender)}
        assert found == {
            each.endpoint_id: (each.endpoint or Endpoint(), each.event)
            for each in expected
        }


class TestLayouts:
    """Records on lines, run together as Firehose leaves them in S3, and in arrays."""

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    @pytest.mark.parametrize("layout", LAYOUTS, ids=range(len(LAYOUTS)))
    def test_loaded(
        self, tmp_path: Path, layout: Layout, compress: Callable[[bytes], bytes]
    ) -> None:
        """Each is read, and a second time makes no second copy."""
        path = tmp_path / "a"
        path.write_bytes(compress(layout(records(5)).encode()))
        for _ in range(2):
            with SqliteSender(tmp_path / "events.db") as sender:
                assert load([path], sender).events.to_wire() == account(5)
            found = [int(number) for *_, number in stored(tmp_path / "events.db")]
            assert found == [0, 1, 2, 3, 4]

    def test_sample(self) -> None:
        """The sample of an object in S3 is read."""
        totals = load([STREAMS / "firehose-s3-object.json"], MemorySender())
        count = (STREAMS / "firehose-s3-object.json").read_text().count("event_version")
        assert totals.events.read == count > 1

    def test_equal_records(self, tmp_path: Path) -> None:
        """Two events that are equal are two."""
        path = tmp_path / "a"
        path.write_text(json.dumps(record(0)) * 3)
        with SqliteSender(tmp_path / "events.db") as sender:
            assert load([path], sender).events.to_wire() == account(3)
        assert len(stored(tmp_path / "events.db")) == 3

    def test_other_lines(self, tmp_path: Path) -> None:
        """Events in the form of lines may run together, and both on one line."""
        path = tmp_path / "a"
        path.write_text(f"{json.dumps(line(0))}{json.dumps(record(1))}{{}}\n")
        sender = MemorySender()
        assert load([path], sender).events.to_wire() == account(2, rejected=1)
        assert numbers(sender) == [0, 1]

    def test_after_lines(self, tmp_path: Path) -> None:
        """A later line may hold several records."""
        texts = [json.dumps(each) for each in records(6)]
        path = write(tmp_path / "a", [texts[0], "".join(texts[1:5]), "7", texts[5]])
        sender = MemorySender()
        totals = load([path], sender, rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(6, rejected=1)
        assert numbers(sender) == [0, 1, 2, 3, 4, 5]
        assert [each["Line"] for each in written(tmp_path / "r")] == [3]

    @pytest.mark.parametrize(
        "wrong, count",
        [
            ('{"event_type": "a}{b"', 1),
            ('{"event_type": "a}{", "b": }', 1),
            ('{"a": 1, }', 1),
            ('{"a": 1}}', 1),
            ('{"a": "x', 1),
            ("{", 1),
            ("{\x01}", 1),
            ('{"a": 1} x', 1),
            ('{"a": 1},', 1),
            ('{"a": "\udcff"}', 1),
            ('{"a": }{"b": }{}', 3),
        ],
    )
    @pytest.mark.parametrize("end", ["", "\n"])
    def test_damaged(self, tmp_path: Path, wrong: str, count: int, end: str) -> None:
        """A record with a fault is refused by itself; those around it are read."""
        before, *behind = (json.dumps(each) for each in records(3))
        path = tmp_path / "a"
        text = f"{before}{wrong}{''.join(behind)}{end}"
        path.write_bytes(text.encode(errors="surrogateescape"))
        sender = MemorySender()
        totals = load([path], sender)
        # What has no end takes the next record with it, or ends where that begins.
        assert totals.events.not_accepted == count
        assert numbers(sender) == [0, 1, 2]

    def test_more_than_a_line(self, tmp_path: Path) -> None:
        """A line of records may be longer than any line; records may not."""
        texts = [
            json.dumps(record(number, padding="ü" * 300_000), ensure_ascii=False)
            for number in range(40)
        ]
        path = tmp_path / "a"
        path.write_text("".join(texts))
        assert path.stat().st_size > 2 * MAX_BYTES
        sender = MemorySender()
        assert load([path], sender).events.to_wire() == account(40)
        assert numbers(sender) == list(range(40))
        path.write_text(f"{texts[0]}{'{'}{'x' * MAX_BYTES}\n{texts[1]}")
        sender = MemorySender()
        assert load([path], sender).events.to_wire() == account(2, rejected=1)

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    def test_goes_on(self, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
        """A run that is ended goes on from its checkpoint, within the line."""
        data = records(450)
        for wrong in (10, 300):
            data[wrong]["event_type"] = "_SMS.SUCCESS"
        path = tmp_path / "a"
        path.write_bytes(compress("".join(map(json.dumps, data)).encode()))
        once = MemorySender()
        load([path], once)
        store = MemorySender()

        def stop(_: LoadProgress) -> None:
            raise LookupError

        def more(progress: Callable[[LoadProgress], object] | None) -> Totals:
            return load(
                [path],
                store,
                checkpoint=tmp_path / "c",
                rejected=tmp_path / "r",
                in_flight=1,
                progress=progress,
            )

        with pytest.raises(LookupError):
            more(stop)
        assert 0 < len(store.requests) < 5
        for _ in range(2):
            assert more(None).events.to_wire() == account(448, rejected=2)
        assert len(written(tmp_path / "r")) == 2
        assert ids(store) == ids(once)

    @needs_posix
    @takes_long
    def test_killed(self, tmp_path: Path) -> None:
        """After `kill -9` in the middle of the line, nothing is lost or there twice."""
        data = records(2000)
        for number, each in enumerate(data):
            each["application"]["app_id"] = "app"
            if number % 100 == 0:
                each["event_type"] = "_SMS.SUCCESS"
        texts = [json.dumps(each) for each in data]
        (tmp_path / "a").write_text("".join(texts[:700]))
        (tmp_path / "b").write_bytes(gzip.compress("".join(texts[700:]).encode()))
        options = ("a", "b", "--rejected", "r", "--checkpoint", "c", "--to")
        with SqliteSender(tmp_path / "events.db") as store:
            gateway = Gateway(store)
            with HttpServer(default=gateway) as server:
                for kill_at, kill_before in ((1, True), (3, False), (4, True)):
                    gateway.kill_at, gateway.kill_before = kill_at, kill_before
                    gateway.process = start(tmp_path, *options, to(server))
                    with gateway.process as process:
                        process.communicate(timeout=60)
                    assert process.returncode == -signal.SIGKILL
                with start(tmp_path, *options, to(server)) as process:
                    found = end(process)
        assert (found.code, found.events) == (3, account(1980, rejected=20))
        assert stored_numbers(tmp_path / "events.db") == [
            n for n in range(2000) if n % 100
        ]
        assert len(written(tmp_path / "r")) == 20

    def test_grown(self, tmp_path: Path) -> None:
        """What was added to the line is loaded, with the ids of the whole."""
        texts = [json.dumps(each) for each in records(5)]
        path, store, whole = tmp_path / "a", MemorySender(), MemorySender()
        for size in (1, 3, 5):
            path.write_text("".join(texts[:size]))
            load([path], store, checkpoint=tmp_path / "c")
        load([path], whole)
        assert ids(store) == ids(whole)

    def test_amplify(self, tmp_path: Path) -> None:
        """Envelopes of Amplify may run together as well."""
        event = Event("tapped", timestamp="2026-09-21T12:00:00Z")
        envelope = to_amplify_envelope("e", event, Endpoint(), application_id="shop")
        path = tmp_path / "a"
        path.write_text(json.dumps(envelope) * 2)
        assert load([path], MemorySender()).events.to_wire() == account(2)


def ids(sender: MemorySender) -> set[str]:
    """Return the ids of all events that were sent."""
    return {
        event_id
        for request in sender.requests
        for batch in request.batch_item.values()
        for event_id in batch.events
    }


JSON: Final[st.SearchStrategy[dict[str, Any]]] = st.dictionaries(
    st.text(max_size=3),
    st.text(max_size=4) | st.integers() | st.just("}{") | st.just({"a": [{}]}),
    max_size=3,
)


class TestPieces:
    """A line of records is taken apart between them, and nothing is lost."""

    @given(
        data=st.lists(st.tuples(JSON, st.sampled_from(["", " ", "\t", "\n", "\r\n"]))),
        ascii_only=st.booleans(),
    )
    def test_records(self, data: list[tuple[Any, str]], *, ascii_only: bool) -> None:
        """Each piece is one record, and all together are the file."""
        text = "".join(
            json.dumps(each, ensure_ascii=ascii_only) + end for each, end in data
        ).encode()
        pieces = Pieces(io.BytesIO(text))
        found = []
        while (piece := pieces.read())[0]:
            assert not piece[1]
            found.append(piece[0])
        assert b"".join(found) == text
        assert [json.loads(each) for each in found if each.strip()] == [
            each for each, _ in data
        ]

    def test_no_names(self) -> None:
        """Objects without members, and what is none, are taken apart as well."""
        pieces = Pieces(io.BytesIO(b"{x}{}{ }"))
        assert [pieces.read()[0] for _ in range(4)] == [b"{x}", b"{}", b"{ }", b""]

    @given(data=st.binary() | st.text('{}"\\\n [],:a1').map(str.encode))
    def test_anything(self, data: bytes) -> None:
        """Whatever a file holds, no byte of it is lost."""
        pieces = Pieces(io.BytesIO(data))
        found = b""
        while (piece := pieces.read())[0]:
            found += piece[0]
        assert found == data


@needs_posix
class TestRunTogetherMemory(Memory):
    """The size of a line of records does not matter, if it is more than is read."""

    COUNTS = (10_000, 20_000)

    def write(self, path: Path, count: int) -> None:
        """Write records of 2.6 KB, without anything between them."""
        text = json.dumps(record(0, padding="x" * 2000))
        with path.open("w") as file:
            for _ in range(count):
                file.write(text)
