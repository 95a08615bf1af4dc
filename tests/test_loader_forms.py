"""Files in other forms than JSON Lines: calls, documents, and what is not read."""

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events import MemorySender, SqliteSender
from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader import LoadProgress, Totals, load
from pinpoint_events.loader.records import MAX_BYTES
from tests.commands import run
from tests.samples import ROOT
from tests.test_cli_load import (
    TAP,
    Loaded,
    account,
    line,
    lines,
    loaded,
    numbers,
    stored,
    write,
    written,
)

STREAMS = ROOT / "tests" / "data" / "streams"
C = LoadErrorCode
RECORD: dict[str, Any] = json.loads((STREAMS / "stream-sms.json").read_bytes())


def call(*numbers_: int, **members: object) -> dict[str, Any]:
    """Return a call with these events, as boto3 and the AWS CLI take it."""
    events = {f"v-{number}": line(number)["Event"] for number in numbers_}
    batch = {"e": {"Endpoint": {}, "Events": events}}
    return {**members, "EventsRequest": {"BatchItem": batch}}


def refused(path: Path, *more: Path) -> LoadError:
    """Return why a file is not loaded; nothing of it is sent, or written down."""
    sender = MemorySender()
    rejected = path.with_suffix(".rejected")
    with pytest.raises(LoadError) as caught:
        load([*more, path], sender, rejected=rejected)
    assert rejected.read_bytes() == b""
    assert len(sender.requests) == len(more)
    assert caught.value.path == str(path)
    return caught.value


class TestCalls:
    """A line in the shape of boto3's call, as in `--cli-input-json`."""

    @pytest.mark.parametrize(
        "members", [{}, {"ApplicationId": "shop"}, {"ApplicationId": None}]
    )
    def test_loaded(self, tmp_path: Path, members: dict[str, Any]) -> None:
        """The request in it is loaded, of as many events as it has."""
        path = write(tmp_path / "a", [call(*range(120), **members), line(120)])
        sender = MemorySender(application_id="shop")
        assert load([path], sender).events.to_wire() == account(121)

    def test_another_application(self, tmp_path: Path) -> None:
        """
        Nothing is sent to an application that the line is not for.

        What is written down names it still, and is loaded where it belongs.
        """
        data = call(1, 2, ApplicationId="shop")
        path = write(tmp_path / "a", [data, call(3, ApplicationId="other")])
        rejected = tmp_path / "r"
        sender = MemorySender(application_id="other")
        totals = load([path], sender, rejected=rejected)
        assert totals.events.to_wire() == account(1, rejected=2)
        batch = data["EventsRequest"]["BatchItem"]["e"]
        notes = [
            {key: each[key] for key in ("ApplicationId", "EventsRequest", "Line")}
            for each in written(rejected)
        ]
        assert notes == [
            {
                "ApplicationId": "shop",
                "EventsRequest": {
                    "BatchItem": {"e": {**batch, "Events": {event_id: event}}}
                },
                "Line": 1,
            }
            for event_id, event in batch["Events"].items()
        ]
        shop = MemorySender(application_id="shop")
        assert load([rejected], shop).events.to_wire() == account(2)

    def test_application_beside_batches(self, tmp_path: Path) -> None:
        """A line that is half a call says so, and either remedy works."""
        batches = call(1)["EventsRequest"]
        path = write(tmp_path / "a", [{"ApplicationId": "shop", **batches}])
        rejected = tmp_path / "r"
        load([path], MemorySender(), rejected=rejected)
        (note,) = written(rejected)
        assert note["Message"] == (
            "ApplicationId: is not known here; expected it beside EventsRequest; leave "
            "it out, or put BatchItem into EventsRequest"
        )
        path = write(path, [batches, {"ApplicationId": "a", "EventsRequest": batches}])
        assert load([path], MemorySender()).events.to_wire() == account(2)

    def test_sender_that_names_no_application(self, tmp_path: Path) -> None:
        """Where it is not known which one events go to, none is compared."""
        store = MemorySender()

        class Other:
            def put_events(self, request: Any) -> Any:
                return store.put_events(request)

        path = write(tmp_path / "a", [call(1, ApplicationId="shop")])
        sender: Any = Other()
        assert load([path], sender).events.to_wire() == account(1)

    def test_command(self, tmp_path: Path) -> None:
        """It is the application of `--application-id`."""
        write(tmp_path / "a", [call(1, ApplicationId="shop")])
        to = ("--to", "sqlite:///events.db")
        named = run("load", "a", *to, "--application-id", "shop", cwd=tmp_path)
        assert loaded(*named).events == account(1)
        other = loaded(*run("load", "a", *to, "--application-id", "b", cwd=tmp_path))
        assert (other.code, other.events) == (3, account(rejected=1))
        assert other.err == (
            (
                "'a', line 1: rejected (400): ApplicationId: is another application "
                "than events are sent to; expected the application id of the "
                "destination; load it to that application, as with --application-id"
            ),
        )
        assert numbers(tmp_path / "events.db") == [1]
        unnamed = loaded(*run("load", "a", "--to", "sqlite:///other.db", cwd=tmp_path))
        assert unnamed.events == account(1)
        assert numbers(tmp_path / "other.db") == [1]


Layout = Callable[[Any], str]
LAYOUTS: list[Layout] = [
    json.dumps,
    lambda data: json.dumps(data, indent=2),
    lambda data: json.dumps(data, indent="\t").replace("\n", "\r\n") + "\r\n\r\n",
    lambda data: "\n \n" + json.dumps(data, indent=4),
    lambda data: "\ufeff" + json.dumps(data, indent=0, ensure_ascii=False),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=range(len(LAYOUTS)))
class TestDocuments:
    """A file that is one JSON document, however it is laid out."""

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    @pytest.mark.parametrize(
        "data, expected",
        [
            (line(0), [0]),
            (call(0, 1)["EventsRequest"], [0, 1]),
            (call(0, 1, ApplicationId="local"), [0, 1]),
            ([line(0)], [0]),
            ([line(0), call(1), call(2)["EventsRequest"]], [0, 1, 2]),
            ([line(0, EndpointId="ü😀"), line(0)], [0, 0]),
            (lines(250), list(range(250))),
            ([], []),
        ],
        ids=range(8),
    )
    def test_loaded(
        self,
        tmp_path: Path,
        layout: Layout,
        compress: Callable[[bytes], bytes],
        data: Any,
        expected: list[int],
    ) -> None:
        """Events, requests and calls are loaded; twice makes no second copy."""
        path = tmp_path / "a"
        path.write_bytes(compress(layout(data).encode()))
        store = tmp_path / "events.db"
        for _ in range(2):
            with SqliteSender(store) as sender:
                totals = load([path], sender)
            assert totals.events.to_wire() == account(len(expected))
            assert numbers(store) == expected

    def test_goes_on(self, tmp_path: Path, layout: Layout) -> None:
        """A run that is ended goes on from its checkpoint, within the document."""
        data: list[Any] = lines(450)
        for wrong in (10, 300):
            data[wrong] = {"EndpointId": f"ü-{wrong}"}
        path = tmp_path / "a"
        path.write_bytes(layout(data).encode())
        store = MemorySender()

        def stop(_: LoadProgress) -> None:
            raise LookupError

        def once(progress: Callable[[LoadProgress], object] | None) -> Totals:
            return load(
                [path],
                store,
                checkpoint=tmp_path / "c",
                rejected=tmp_path / "r",
                in_flight=1,
                progress=progress,
            )

        with pytest.raises(LookupError):
            once(stop)
        sent = len(store.requests)
        assert 0 < sent < 5
        for _ in range(2):
            totals = once(None)
            assert totals.events.to_wire() == account(448, rejected=2)
        assert len(store.requests) == 5
        assert [each["EndpointId"] for each in written(tmp_path / "r")] == [
            "ü-10",
            "ü-300",
        ]

    def test_changed(self, tmp_path: Path, layout: Layout) -> None:
        """What a checkpoint knows must still be in the file."""
        path = tmp_path / "a"
        path.write_bytes(layout(lines(3)).encode())
        load([path], MemorySender(), checkpoint=tmp_path / "c")
        path.write_bytes(layout(lines(2)).encode())
        with pytest.raises(LoadError) as caught:
            load([path], MemorySender(), checkpoint=tmp_path / "c")
        assert caught.value.code is C.INPUT_CHANGED


class TestRecordsOfDocuments:
    """What the elements of an array are known by."""

    def test_lines(self, tmp_path: Path) -> None:
        """What is refused has the line on which it begins."""
        (tmp_path / "a").write_text(
            '\n[ {"EndpointId": "e"},\n\n  7, {\n"Bogus": 1}\n, []]\n'
        )
        write(tmp_path / "b", [json.dumps({"EndpointId": "e"}, indent=1)])
        load(
            [tmp_path / "a", tmp_path / "b"],
            MemorySender(),
            rejected=tmp_path / "r",
        )
        assert [each["Line"] for each in written(tmp_path / "r")] == [2, 4, 4, 6, 1]

    def test_ids(self, tmp_path: Path) -> None:
        """An array has the ids of the same records as lines, and when it has grown."""
        records = lines(120)
        texts = [json.dumps(each) for each in records]
        layouts = {
            "lines": "\n".join(texts),
            "array": f"[{', '.join(texts)}]",
            "indented": "[\n  " + ",\n  ".join(texts) + "\n]\n",
            "grown": f"[{', '.join([*texts, json.dumps(line(120))])}]",
        }
        with SqliteSender(tmp_path / "events.db") as sender:
            for name, text in layouts.items():
                (tmp_path / name).write_text(text)
                load([tmp_path / name], sender)
        assert numbers(tmp_path / "events.db") == list(range(121))
        event_ids = [event_id for _, event_id, _ in stored(tmp_path / "events.db")]
        assert len(set(event_ids)) == 121

    def test_all_problems(self, tmp_path: Path) -> None:
        """A document is refused as a line is, with all that is wrong with it."""
        data = {"EndpointId": 7, "Event": {"EventType": "t", "Bogus": 1}}
        write(tmp_path / "a", [data])
        (tmp_path / "b").write_text(json.dumps(data, indent=2))
        (tmp_path / "c").write_text(json.dumps([data]))
        files = [tmp_path / name for name in "abc"]
        load(files, MemorySender(), rejected=tmp_path / "r")
        first, *others = [each["Message"] for each in written(tmp_path / "r")]
        assert [text.split(":")[0] for text in first.splitlines()] == [
            "EndpointId",
            "Event.Bogus",
            "Event.Timestamp",
        ]
        assert others == [first, first]

    def test_command(self, tmp_path: Path) -> None:
        """The command loads a document, and again without a second copy."""
        (tmp_path / "a").write_text(json.dumps(lines(3), indent=2))
        for _ in range(2):
            ran = run("load", "a", "--to", "sqlite:///events.db", cwd=tmp_path)
            assert loaded(*ran) == Loaded(0, account(3), account())
            assert numbers(tmp_path / "events.db") == [0, 1, 2]

    def test_largest(self, tmp_path: Path) -> None:
        """A document may have as many bytes as a line, and no more."""
        text = json.dumps(lines(2), indent=2)
        path = tmp_path / "a"
        path.write_text(text + " " * (MAX_BYTES - len(text)))
        assert load([path], MemorySender()).events.to_wire() == account(2)
        path.write_text(text + " " * (MAX_BYTES - len(text)) + "\n")
        assert refused(path).code is C.INPUT_DOCUMENT_TOO_LARGE


class TestLinesOfWhichTheFirstIsAtFault:
    """They are lines all the same: that line is refused, and the run goes on."""

    @pytest.mark.parametrize(
        "first",
        ['{"EndpointId": "e",', "{", "[]", "x", '{"a', "[2026-09] INFO"],
    )
    @pytest.mark.parametrize("spaces", [0, MAX_BYTES // 2])
    def test_goes_on(self, tmp_path: Path, first: str, spaces: int) -> None:
        """However much follows, none of it is lost."""
        texts = [json.dumps(each) + " " * spaces for each in lines(3)]
        path = write(tmp_path / "a", ["", first, "", *texts])
        totals = load([path], MemorySender(), rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(3, rejected=1)
        assert [each["Line"] for each in written(tmp_path / "r")] == [2]

    @pytest.mark.parametrize("first", ["{", "[", '{"EndpointId": "e",', '["a'])
    def test_alone(self, tmp_path: Path, first: str) -> None:
        """Half a line that is all there is, is half a line."""
        path = write(tmp_path / "a", [first])
        assert load([path], MemorySender()).events.to_wire() == account(rejected=1)

    def test_blank_lines(self, tmp_path: Path) -> None:
        """Where a file begins with more blank lines than are read at once."""
        path = tmp_path / "a"
        text = write(path, lines(3)).read_bytes()
        blank = b" " * 999 + b"\n"
        path.write_bytes(blank * (MAX_BYTES // len(blank) + 10) + text)
        assert load([path], MemorySender()).events.to_wire() == account(3)


def zipped() -> bytes:
    """Return a ZIP archive of a file of events."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("events.jsonl", json.dumps(line(1)))
    return file.getvalue()


TEXT = json.dumps(line(1)).encode() + b"\n"


class TestOtherPrograms:
    """What another program has compressed or encoded."""

    @pytest.mark.parametrize(
        "data, code",
        [
            (zipped(), C.INPUT_COMPRESSED),
            (bz2.compress(TEXT), C.INPUT_COMPRESSED),
            # Snappy without a frame, and as Hadoop frames it
            (b"\x82\x01\xf0\x81" + TEXT, C.INPUT_NOT_TEXT),
            (b"\x00\x00\x00\x82\x00\x00\x00\x85\x82\x01" + TEXT, C.INPUT_NOT_TEXT),
            (TEXT.rstrip() + b"\0" * 100, C.INPUT_NOT_TEXT),
        ],
        ids=range(5),
    )
    def test_compressed(self, tmp_path: Path, data: bytes, code: C) -> None:
        """It is refused once; the file before it is loaded."""
        path = tmp_path / "a"
        path.write_bytes(data)
        before = write(tmp_path / "before", lines(2))
        assert refused(path).code is code
        error = refused(path, before)
        assert error.code is code
        assert error.totals is not None
        assert error.totals.events.to_wire() == account(2)

    @pytest.mark.parametrize("text", ['"ü"\n', 'ü {"a": 1}\n', '{"EndpointId": "ü"\n'])
    def test_latin_1(self, tmp_path: Path, text: str) -> None:
        """Of text in an encoding that looks like UTF-8, single lines are refused."""
        path = tmp_path / "a"
        path.write_bytes(f"{json.dumps('x' * 20)}\n{text}".encode("latin-1") + TEXT)
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(1, rejected=2)

    def test_command(self, tmp_path: Path) -> None:
        """It tells once what the file is, and what to do."""
        data = "".join(f"{json.dumps(each)}\r\n" for each in lines(50))
        (tmp_path / "a").write_bytes(("\ufeff" + data).encode("utf-16-le"))
        ran = run("load", "a", "--to", "sqlite:///events.db", cwd=tmp_path)
        found = loaded(*ran)
        assert (found.code, found.events, found.is_all_read) == (252, account(), False)
        assert found.err == (
            (
                "'a' is in UTF-16, as Windows PowerShell writes files; save it in "
                "UTF-8, as with Out-File -Encoding utf8, or convert it, as `iconv -f "
                "UTF-16 -t UTF-8` does"
            ),
        )
        assert stored(tmp_path / "events.db") == []


class TestOtherRecords:
    """Records that are no events to send, or not each on a line."""

    @pytest.mark.parametrize(
        "layout",
        [
            json.dumps,
            lambda record: json.dumps(record, indent=2),
            lambda record: f"{json.dumps(record)}\n" * 3,
            lambda record: json.dumps([record] * 3),
            lambda record: json.dumps([record] * 3, indent=2),
        ],
        ids=range(5),
    )
    def test_mobile_analytics(self, tmp_path: Path, layout: Layout) -> None:
        """What Pinpoint's predecessor streamed is refused once."""
        path = STREAMS / "stream-legacy-mobile-analytics.json"
        copy = tmp_path / "a"
        copy.write_text(layout(json.loads(path.read_bytes())))
        assert refused(copy).code is C.INPUT_STREAM_RECORDS

    @pytest.mark.parametrize(
        "text",
        [
            json.dumps([line(1)]) * 2,
            json.dumps(line(1), indent=2) * 2,
            f"{json.dumps(line(1), indent=2)}\n" * 2,
            f"{json.dumps([line(1)], indent=2)}\n" * 2,
        ],
        ids=range(4),
    )
    def test_several(self, tmp_path: Path, text: str) -> None:
        """Several documents in a file are refused once."""
        path = tmp_path / "a"
        path.write_text(text)
        assert refused(path).code is C.INPUT_CONCATENATED

    def test_on_a_later_line(self, tmp_path: Path) -> None:
        """That line is refused, and says what it is; the others are sent."""
        one = json.dumps(line(1))
        wrong = [f"[{one}]" * 2, RECORD, f"{one},", f"{one}, {one}"]
        path = write(tmp_path / "a", [line(0), *wrong, line(3)])
        totals = load([path], MemorySender(), rejected=tmp_path / "r")
        assert totals.events.to_wire() == account(2, rejected=4)
        several, stream, comma, commas = written(tmp_path / "r")
        assert comma["Message"].endswith("; remove the comma")
        assert commas["Message"] == several["Message"]
        assert several["Message"].startswith("is several JSON values;")
        assert stream["Message"].startswith("is a record of a text message,")
        assert (several["Line"], stream["Line"]) == (2, 3)
        assert stream["client"] == RECORD["client"]

    def test_event_of_another_service(self, tmp_path: Path) -> None:
        """What has an event type alone is no record of a stream."""
        path = write(tmp_path / "a", [{"event_type": "t", "timestamp": 1}, line(1)])
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(1, rejected=1)

    @pytest.mark.parametrize(
        "text",
        [
            '{\n"EndpointId": "e",\n"Event": }\n',
            '{\n"EndpointId": "e"\n',
            '[\n{"EndpointId": "e"},\n{"EndpointId": "f"},\n]\n',
            "[\n1,\n]",
            "[\n1\n] x",
            '{\n"EndpointId": "\u00fc"}\n'.encode().decode("latin-1") + "\udcff",
        ],
        ids=range(6),
    )
    def test_invalid(self, tmp_path: Path, text: str) -> None:
        """A document that is not JSON is refused once, not line by line."""
        path = tmp_path / "a"
        path.write_bytes(text.encode(errors="surrogateescape"))
        assert refused(path).code is C.INPUT_DOCUMENT_INVALID

    def test_too_deep(self, tmp_path: Path) -> None:
        """One that no reader takes is refused as well."""
        path = tmp_path / "a"
        path.write_text("[\n" + "[" * 200_000)
        assert refused(path).code is C.INPUT_DOCUMENT_INVALID
        path.write_text("[" * 200_000)
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(rejected=1)

    def test_numbers(self, tmp_path: Path) -> None:
        """A number that Python does not read is the matter of one record."""
        path = tmp_path / "a"
        path.write_text(f"[\n{'9' * 10_000}, NaN,\n{json.dumps(line(1))}]")
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(1, rejected=2)

    def test_message(self, tmp_path: Path) -> None:
        """It says where the document stops being JSON, and none of it."""
        path = tmp_path / "a"
        path.write_text('{\n  "EndpointId": secret\n}')
        assert refused(path).message == (
            f"{str(path)!r} holds one JSON document that has a fault; it is not JSON: "
            "Expecting value at line 2 column 17; a JSON text in UTF-8; correct it "
            "there, or fetch the whole of it"
        )


class TestStreams:
    """Files that are open already."""

    def test_document(self) -> None:
        """A document may be in a file that is open already."""
        data = json.dumps({"EndpointId": "e", "Event": TAP}, indent=2).encode()
        assert load([io.BytesIO(data)], MemorySender()).events.to_wire() == account(1)
