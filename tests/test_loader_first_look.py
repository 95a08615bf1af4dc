"""Files that `load` does not read: refused once, and the remedy makes them readable."""

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import pprint
import re
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from pinpoint_events import MemorySender
from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader import load
from pinpoint_events.loader.records import MAX_BYTES
from tests.commands import takes_long
from tests.test_cli import needs_posix
from tests.test_cli_load import account, line, lines

C = LoadErrorCode

TEXTS: Final = [json.dumps(each) for each in lines(3)]
TEXT: Final = "".join(f"{text}\n" for text in TEXTS).encode()


def refused(path: Path) -> LoadError:
    """Return why a file is refused; nothing of it is sent, or written down."""
    sender = MemorySender()
    rejected = path.with_suffix(".rejected")
    rejected.unlink(missing_ok=True)
    with pytest.raises(LoadError) as caught:
        load([path], sender, rejected=rejected)
    assert rejected.read_bytes() == b""
    assert not sender.requests
    assert caught.value.path == str(path)
    assert caught.value.totals is not None
    assert caught.value.totals.events.read == 0
    return caught.value


def numbers(sender: MemorySender) -> list[int]:
    """Return the numbers of all events, in the order in which they came."""
    return [
        int(event.attributes["number"])
        for request in sender.requests
        for batch in request.batch_item.values()
        for event in batch.events.values()
    ]


def command_in(error: LoadError) -> str:
    """Return the command that an error names."""
    (command,) = re.findall("`([^`]+)`", error.message)
    return str(command)


def repaired(path: Path, command: str) -> Path:
    """Return what the command writes, when it reads the file."""
    if shutil.which(command.split(maxsplit=1)[0].lstrip("(")) is None or (
        "jq" in command and shutil.which("jq") is None
    ):
        pytest.skip("there is no such program on this machine")
    ran = subprocess.run(
        ["sh", "-c", command], input=path.read_bytes(), capture_output=True, check=True
    )
    found = path.with_suffix(".repaired")
    found.write_bytes(ran.stdout)
    return found


def zipped() -> bytes:
    """Return a ZIP archive of a file of events."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("events.jsonl", TEXT)
    return file.getvalue()


def tarred() -> bytes:
    """Return a tar archive of a file of events, whose name has a line break."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("events\n.jsonl")
        member.size = len(TEXT)
        archive.addfile(member, io.BytesIO(TEXT))
    return file.getvalue()


def database(path: Path) -> bytes:
    """Return an SQLite database."""
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE event (id TEXT)")
        store.commit()
    return path.read_bytes()


def base64_of(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


def packed(command: str) -> bytes:
    """Return the events as a program packs them."""
    program = command.split(maxsplit=1)[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")
    ran = subprocess.run(command.split(), input=TEXT, capture_output=True, check=True)
    return ran.stdout


class TestBinary:
    """Files of other formats, by their first bytes."""

    @needs_posix
    @pytest.mark.parametrize(
        "pack, what",
        [
            (lambda: gzip.compress(gzip.compress(TEXT)), "gzip twice"),
            (lambda: bz2.compress(TEXT), "bzip2"),
            (lambda: lzma.compress(TEXT), "xz"),
            (lambda: lzma.compress(TEXT, lzma.FORMAT_ALONE), "LZMA"),
            (lambda: lzma.compress(TEXT, lzma.FORMAT_ALONE, preset=0), "LZMA"),
            (lambda: packed("zstd -c"), "zstd"),
            (lambda: packed("lz4 -c"), "LZ4"),
            (lambda: packed("lz4 -lc"), "LZ4"),
        ],
        ids=range(8),
    )
    def test_compressed(
        self, tmp_path: Path, pack: Callable[[], bytes], what: str
    ) -> None:
        """What is compressed names its program, which unpacks it."""
        path = tmp_path / "a"
        path.write_bytes(pack())
        error = refused(path)
        assert error.code is C.INPUT_COMPRESSED
        assert what in error.message
        sender = MemorySender()
        load([repaired(path, command_in(error))], sender)
        assert numbers(sender) == [0, 1, 2]

    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    @pytest.mark.parametrize(
        "data, what, code",
        [
            (zipped(), "a ZIP archive", C.INPUT_COMPRESSED),
            (tarred(), "a tar archive", C.INPUT_COMPRESSED),
            (b"7z\xbc\xaf\x27\x1c\0\x04" + TEXT, "a 7z archive", C.INPUT_COMPRESSED),
            (b"\x1f\x9d\x90" + TEXT, "by compress", C.INPUT_COMPRESSED),
            (b"LZIP\x01\x0c" + TEXT, "by lzip", C.INPUT_COMPRESSED),
            (b"\x89LZO\0\r\n\x1a\n" + TEXT, "by lzop", C.INPUT_COMPRESSED),
            (b"\xff\x06\0\0sNaPpY\x01" + TEXT, "by Snappy", C.INPUT_COMPRESSED),
            (zlib.compress(TEXT, 9), "zlib", C.INPUT_COMPRESSED),
            (zlib.compress(TEXT, 1), "zlib", C.INPUT_COMPRESSED),
            (zlib.compress(TEXT), "zlib", C.INPUT_COMPRESSED),
            (b"PAR1\x15\x04\x15" + TEXT, "a Parquet file", C.INPUT_COMPRESSED),
            (b"Obj\x01\x04\x16avro.schema", "an Avro file", C.INPUT_COMPRESSED),
            (b"ORC\n\x03\0\0" + TEXT, "an ORC file", C.INPUT_COMPRESSED),
            (b"ARROW1\0\0" + TEXT, "an Arrow file", C.INPUT_COMPRESSED),
            (b"SEQ\x06\x19org" + TEXT, "a Hadoop sequence", C.INPUT_COMPRESSED),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF", C.INPUT_NOT_TEXT),
            (b"\x89PNG\r\n\x1a\n\0", "an image", C.INPUT_NOT_TEXT),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Office document", C.INPUT_NOT_TEXT),
            (b"{\\rtf1\\ansi " + TEXT, "rich text", C.INPUT_NOT_TEXT),
            (pickle.dumps(lines(3)), "a pickle", C.INPUT_NOT_TEXT),
            (b"bplist00\xd1\x01" + TEXT, "property list", C.INPUT_NOT_TEXT),
            (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "macOS", C.INPUT_NOT_TEXT),
            (b"\xf3\x89\x9a\xc2\n\x01" + TEXT, "Kinesis Producer", C.INPUT_NOT_TEXT),
            (b"Salted__\x01\x02" + TEXT, "is encrypted", C.INPUT_NOT_TEXT),
            (b"-----BEGIN PGP MESSAGE-----\n\n", "is encrypted", C.INPUT_NOT_TEXT),
            # Snappy without a frame, and as Hadoop frames it; Protobuf, MessagePack
            (b"\x82\x01\xf0\x81" + TEXT, "no text in UTF-8", C.INPUT_NOT_TEXT),
            (b"\0\0\0\x82\0\0\0\x85\x82" + TEXT, "no text", C.INPUT_NOT_TEXT),
            (b"\n\x06user-1\x12\x03tap", "no text in UTF-8", C.INPUT_NOT_TEXT),
            (b"\x82\xaaEndpointId\xa1e", "no text in UTF-8", C.INPUT_NOT_TEXT),
        ],
        ids=range(29),
    )
    def test_format(
        self,
        tmp_path: Path,
        data: bytes,
        what: str,
        code: C,
        compress: Callable[[bytes], bytes],
    ) -> None:
        """It is named, compressed by gzip or not."""
        path = tmp_path / "a"
        path.write_bytes(compress(data))
        error = refused(path)
        assert (error.code, what in error.message) == (code, True)

    def test_database(self, tmp_path: Path) -> None:
        """So is a store."""
        path = tmp_path / "a"
        path.write_bytes(database(tmp_path / "store.db"))
        assert "an SQLite database" in refused(path).message

    @pytest.mark.parametrize("text", ["ORC,", "MZ\t", "PAR1,", "x^2", "Obj"])
    def test_text(self, tmp_path: Path, text: str) -> None:
        """Text that begins like one of them is text."""
        path = tmp_path / "a"
        path.write_bytes(text.encode() + b"Type\n" + TEXT)
        assert load([path], MemorySender()).events.to_wire() == account(3, rejected=1)


class TestEncodings:
    """UTF-16 and UTF-32, and NUL bytes that are neither."""

    @needs_posix
    @pytest.mark.parametrize("start", ["", "\ufeff"])
    @pytest.mark.parametrize("before", ["", "\r\n", "\n \n"])
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize(
        "encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
    )
    def test_encoded(
        self, tmp_path: Path, start: str, before: str, indent: int | None, encoding: str
    ) -> None:
        """They are named, and the command that converts them."""
        path = tmp_path / "a"
        text = start + before + json.dumps(line(1, Endpoint={}), indent=indent)
        path.write_bytes(text.encode(encoding))
        error = refused(path)
        assert error.code is C.INPUT_NOT_TEXT
        assert f" is in {encoding[:6].upper()}, " in error.message
        sender = MemorySender()
        load([repaired(path, command_in(error))], sender)
        assert numbers(sender) == [1]

    @needs_posix
    @pytest.mark.parametrize(
        "data, expected",
        [
            (b"\0" * 5_000 + TEXT, [0, 1, 2]),
            (b"\0" + TEXT, [0, 1, 2]),
            (b"\0\n" + TEXT, [0, 1, 2]),
            (TEXTS[0].encode() + b"\0" * 9, [0]),
            (b"\0" * 4_096, []),
            (b"\0" * (MAX_BYTES + 10) + b"\n" + TEXT, [0, 1, 2]),
        ],
        ids=range(6),
    )
    def test_nul(self, tmp_path: Path, data: bytes, expected: list[int]) -> None:
        """A block of them is what a crash leaves; without it, the rest is loaded."""
        path = tmp_path / "a"
        path.write_bytes(data)
        error = refused(path)
        assert error.code is C.INPUT_NOT_TEXT
        assert " has NUL bytes" in error.message
        sender = MemorySender()
        load([repaired(path, command_in(error))], sender)
        assert numbers(sender) == expected

    @pytest.mark.parametrize("data", [b"\xff\xfe\x01\0\xff\xff", b"\xfe\xff\0\0\0\0"])
    def test_mark_of_other_data(self, tmp_path: Path, data: bytes) -> None:
        """A mark alone makes no text."""
        path = tmp_path / "a"
        path.write_bytes(data)
        assert "is no text in UTF-8" in refused(path).message


Event = dict[str, Any]


def sequence(records: list[Event]) -> str:
    """Return a JSON text sequence."""
    return "".join(f"\x1e{json.dumps(each)}\n" for each in records)


COLOURS: Final = '\x1b[1;39m{\x1b[0m\x1b[34;1m"EndpointId"\x1b[0m: "e", '
KINESIS: Final = {"kinesisSchemaVersion": "1.0", "partitionKey": "e"}

LAYOUTS: Final[list[tuple[C, Callable[[list[Event]], str]]]] = [
    # 0: records that something else separates
    (C.INPUT_CONCATENATED, sequence),
    (C.INPUT_CONCATENATED, lambda all_: "".join(f"{json.dumps(e)},\n" for e in all_)),
    (
        C.INPUT_CONCATENATED,
        lambda all_: "".join(f"{json.dumps(e)} , \r\n" for e in all_),
    ),
    (C.INPUT_CONCATENATED, lambda all_: ",\n".join(map(json.dumps, all_))),
    (C.INPUT_CONCATENATED, lambda all_: ",".join(map(json.dumps, all_))),
    (C.INPUT_CONCATENATED, lambda all_: ", ".join(map(json.dumps, all_)) + ",\n"),
    (
        C.INPUT_CONCATENATED,
        lambda all_: ",\n".join(json.dumps(e, indent=2) for e in all_),
    ),
    (C.INPUT_CONCATENATED, lambda all_: "".join(f"[{json.dumps(e)}]\n" for e in all_)),
    (C.INPUT_CONCATENATED, lambda all_: f"{json.dumps(all_)}\n[]\n"),
    (C.INPUT_CONCATENATED, lambda all_: f"[]\n\n{json.dumps(all_)}\n"),
    (C.INPUT_CONCATENATED, lambda all_: f"[{''.join(map(json.dumps, all_))}]"),
    (C.INPUT_CONCATENATED, lambda all_: f" [ {' '.join(map(json.dumps, all_))} ]\n"),
    (
        C.INPUT_CONCATENATED,
        lambda all_: "[\n" + "\n".join(json.dumps(e, indent=1) for e in all_) + "\n]\n",
    ),
    # 13: text that is not JSON
    (C.INPUT_NOT_JSON, lambda all_: "".join(f"{each}\n" for each in all_)),
    (C.INPUT_NOT_JSON, lambda all_: f"\n{all_}"),
    (C.INPUT_NOT_JSON, pprint.pformat),
    (
        C.INPUT_NOT_JSON,
        lambda all_: "".join(
            json.dumps(e).replace(' "', " \u201c").replace('"', "\u201d") + "\n"
            for e in all_
        ),
    ),
    (
        C.INPUT_NOT_JSON,
        lambda all_: "".join(
            json.dumps(e).replace("{", "\x1b[1;39m{\x1b[0m") + "\n" for e in all_
        ),
    ),
    # 18: something around the records
    (
        C.INPUT_WRAPPED,
        lambda all_: "".join(f"12:00 INFO {json.dumps(e)}\n" for e in all_),
    ),
    (C.INPUT_WRAPPED, lambda all_: "".join(f"data: {json.dumps(e)}\n\n" for e in all_)),
    (
        C.INPUT_WRAPPED,
        lambda all_: "".join(f"{json.dumps(json.dumps(e))}\n" for e in all_),
    ),
    (
        C.INPUT_WRAPPED,
        lambda all_: "".join(f"{base64_of(json.dumps(e))}\n" for e in all_),
    ),
    (
        C.INPUT_WRAPPED,
        lambda all_: base64.encodebytes(json.dumps(all_).encode()).decode(),
    ),
    (
        C.INPUT_WRAPPED,
        lambda all_: base64.b64encode(
            gzip.compress(json.dumps(all_).encode())
        ).decode(),
    ),
]


def messages(
    *wraps: Callable[[list[Event]], Any],
) -> list[Callable[[list[Event]], Any]]:
    """Return ways to put records into messages, with their types."""
    return list(wraps)


MESSAGES: Final = messages(
    lambda all_: {
        "Records": [
            {"kinesis": {**KINESIS, "data": base64_of(json.dumps(e))}} for e in all_
        ]
    },
    lambda all_: {
        "invocationId": "i",
        "records": [
            {"recordId": "r", "data": base64_of(json.dumps(e) + "\n")} for e in all_
        ],
    },
    lambda all_: {
        "MillisBehindLatest": 0,
        "Records": [
            {"SequenceNumber": "1", "Data": base64_of(json.dumps(e))} for e in all_
        ],
    },
    lambda all_: {"Records": [{"messageId": "m", "body": json.dumps(e)} for e in all_]},
    lambda all_: {"Records": [{"Sns": {"Message": json.dumps(e)}} for e in all_]},
    lambda all_: {"Messages": [{"Body": json.dumps(e)} for e in all_]},
    lambda all_: {
        "messageType": "DATA_MESSAGE",
        "logEvents": [{"id": "1", "message": json.dumps(e)} for e in all_],
    },
    lambda all_: {"events": all_},
    lambda all_: {"count": 3, "items": all_},
)
SINGLE: Final[list[Callable[[Event], Any]]] = [
    lambda each: {"kinesis": {**KINESIS, "data": base64_of(json.dumps(each))}},
    lambda each: {"Data": base64_of(json.dumps(each)), "PartitionKey": "e"},
    lambda each: {"recordId": "r", "data": base64_of(json.dumps(each))},
    lambda each: {"TopicArn": "arn", "Message": json.dumps(each)},
    lambda each: {"MessageId": "m", "Body": json.dumps(each)},
    lambda each: {"messageId": "m", "body": json.dumps(each)},
    lambda each: {"detail-type": "t", "source": "s", "detail": each},
    lambda each: {"requestContext": {}, "body": json.dumps(each)},
    lambda each: {"httpMethod": "POST", "body": json.dumps(each)},
    lambda each: {"errorCode": "1", "rawData": base64_of(json.dumps(each))},
    lambda each: {"level": "info", "payload": each},
    lambda each: {"log": json.dumps(each) + "\n", "stream": "stdout"},
]


@needs_posix
class TestRemedies:
    """The command in the message makes a file that is loaded whole, in its order."""

    def check(self, path: Path, code: C) -> None:
        """Follow the commands until the file is loaded: at most two of them."""
        error = refused(path)
        assert error.code is code
        fixed = repaired(path, command_in(error))
        sender = MemorySender()
        assert load([fixed], sender).events.to_wire() == account(3)
        assert numbers(sender) == [0, 1, 2]

    @takes_long
    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("code, layout", LAYOUTS, ids=range(len(LAYOUTS)))
    def test_layout(
        self,
        tmp_path: Path,
        code: C,
        layout: Callable[[list[Event]], str],
        mark: str,
        compress: Callable[[bytes], bytes],
    ) -> None:
        """Records in another layout, or in something else."""
        text = layout(lines(3))
        path = tmp_path / "a"
        path.write_bytes(compress((mark + text).encode()))
        assert refused(path).code is code
        # The commands read what is decompressed, and know of no byte order mark.
        path.write_text(text)
        self.check(path, code)

    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("wrap", MESSAGES, ids=range(len(MESSAGES)))
    def test_messages(
        self, tmp_path: Path, wrap: Callable[[list[Event]], Any], indent: int | None
    ) -> None:
        """Messages of services with many records, one or more, or an array of them."""
        first, second = wrap(lines(2)), wrap([line(2)])
        dump = json.JSONEncoder(indent=indent).encode
        path = tmp_path / "a"
        path.write_text(dump(wrap(lines(3))))
        self.check(path, C.INPUT_WRAPPED)
        path.write_text(dump([first, second]))
        self.check(path, C.INPUT_WRAPPED)
        if indent is None:
            path.write_text(f"{dump(first)}\n{dump(second)}\n")
            self.check(path, C.INPUT_WRAPPED)

    @pytest.mark.parametrize("wrap", SINGLE, ids=range(len(SINGLE)))
    def test_single(self, tmp_path: Path, wrap: Callable[[Event], Any]) -> None:
        """Messages with one record each."""
        path = tmp_path / "a"
        path.write_text("".join(f"{json.dumps(wrap(each))}\n" for each in lines(3)))
        self.check(path, C.INPUT_WRAPPED)
        path.write_text(json.dumps([wrap(each) for each in lines(3)], indent=1))
        self.check(path, C.INPUT_WRAPPED)

    @takes_long
    @pytest.mark.parametrize("wrap", [list, *MESSAGES[:1]], ids=range(2))
    @pytest.mark.parametrize("indent", [None, 2])
    def test_large(
        self, tmp_path: Path, wrap: Callable[[list[Event]], Any], indent: int | None
    ) -> None:
        """An array over the limit, in one line or many, by itself or in a message."""
        records = lines(3)
        records[2]["Endpoint"] = {"Attributes": {"a": ["x" * 100] * 10}}
        filled = [
            {**records[0], "Event": {**records[0]["Event"], "AppTitle": "x" * 900_000}}
        ] * 10
        path = tmp_path / "a"
        path.write_text(json.dumps(wrap(filled), indent=indent))
        error = refused(path)
        expected = C.INPUT_DOCUMENT_TOO_LARGE if wrap is list else C.INPUT_WRAPPED
        assert error.code is expected
        sender = MemorySender()
        load([repaired(path, command_in(error))], sender)
        assert numbers(sender) == [0] * 10

    @pytest.mark.parametrize("is_call", [False, True])
    def test_large_request(self, tmp_path: Path, *, is_call: bool) -> None:
        """A request over the limit becomes lines of one event each."""
        events = {
            f"v-{number}": {**line(number)["Event"], "AppTitle": "x" * 900_000}
            for number in range(10)
        }
        request: Any = {
            "BatchItem": {
                "e": {"Endpoint": {"OptOut": "NONE"}, "Events": events},
                "f": {"Endpoint": {"OptOut": "ALL"}, "Events": {}},
            }
        }
        if is_call:
            request = {"ApplicationId": "shop", "EventsRequest": request}
        path = tmp_path / "a"
        path.write_text(json.dumps(request, indent=1))
        error = refused(path)
        assert error.code is C.INPUT_DOCUMENT_TOO_LARGE
        sender = MemorySender()
        totals = load([repaired(path, command_in(error))], sender)
        assert totals.events.to_wire() == account(10)
        assert numbers(sender) == list(range(10))
        sent = [each for request in sender.requests for each in request.batch_item]
        assert sent[-1] == "f"


class TestOtherText:
    """Text that no command makes records of."""

    @pytest.mark.parametrize(
        "text, what",
        [
            ("EndpointId,EventType\ne,tap\nf,tap\n", "is no JSON"),
            ('"EndpointId","EventType"\n"e","tap"\n', "is no JSON"),
            ("EndpointId\tEventType\ne\ttap\n", "is no JSON"),
            ("e\x01tap\nf\x01tap\n", "is no JSON"),
            ("---\nEndpointId: e\nEvent:\n  EventType: tap\n", "is no JSON"),
            ("x\ny\n", "is no JSON"),
            ("tapped " * 30 + "\n\n-\n", "is no JSON"),
            ('["e", "tap"]\n["f", "tap"]\n', "without the names of members"),
            ("<!DOCTYPE html>\n<html></html>\n", "an HTML or XML page"),
            ('<?xml version="1.0"?><Error/>', "an HTML or XML page"),
            ("version https://git-lfs.github.com/spec/v1\noid x\n", "Git LFS"),
            ("{EndpointId: 'e', Event: {}}\n", "names without quotes"),
            ("{EndpointId=e, Event={EventType=tap}}\n", "names without quotes"),
            ("{ “EndpointId”: 1 }", "typographic quotes"),
            ('{ "EndpointId": e,\n "Event": {}\n}\n', "no JSON Lines"),
            ('{"EndpointId": "e",}\n{"EndpointId": "f",}\n', "no JSON Lines"),
            ("[2026-09] INFO a\n[2026-09] INFO b\n", "no JSON Lines"),
        ],
        ids=range(17),
    )
    def test_refused(self, tmp_path: Path, text: str, what: str) -> None:
        """It is refused once, however many lines it has."""
        path = tmp_path / "a"
        path.write_text(text)
        error = refused(path)
        assert (error.code, what in error.message) == (C.INPUT_NOT_JSON, True)
        path.write_text(text * 1_000)
        assert refused(path).code is C.INPUT_NOT_JSON

    @pytest.mark.parametrize(
        "text, what",
        [
            (
                json.dumps(
                    {"Records": [{"eventSource": "aws:s3", "s3": {"object": {}}}]}
                ),
                "notifications of S3",
            ),
            (
                json.dumps({"Results": {"e": {"EventsItemResponse": {}}}}, indent=2),
                "an answer of PutEvents",
            ),
        ],
    )
    def test_message_without_records(
        self, tmp_path: Path, text: str, what: str
    ) -> None:
        """A message that has none says where they are."""
        path = tmp_path / "a"
        path.write_text(text)
        error = refused(path)
        assert (error.code, what in error.message) == (C.INPUT_WRAPPED, True)

    @pytest.mark.parametrize("count", [1, 19])
    @pytest.mark.parametrize("wrong", ["# events", "x,y", "[2026-09] INFO"])
    def test_lines_before(self, tmp_path: Path, wrong: str, count: int) -> None:
        """A few lines of something else before the records are refused alone."""
        path = tmp_path / "a"
        path.write_text(f"{wrong}\n\n" * count + TEXT.decode())
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(3, rejected=count)

    def test_more_lines_before(self, tmp_path: Path) -> None:
        """Twenty are no accident."""
        path = tmp_path / "a"
        path.write_text("x,y\n" * 20 + TEXT.decode())
        assert refused(path).code is C.INPUT_NOT_JSON

    @pytest.mark.parametrize(
        "text",
        [
            "7\n8\n",
            '"note"\n',
            "null\n",
            '{"EndpointId": "e"}\n',
            '{"Data": 7}\n',
            '{"Records": []}\n',
            '{"Records": [7]}\n',
            '{"items": {"a": 1}, "7": {"Event": {}}}\n',
            '{"Results": 7}\n',
            '{"body": "x"}\n',
            '{"log": "{x", "message": "{}", "text": "\\ud800"}\n',
            "x\n",
            "12:00 INFO {}",
            '"EndpointId",',
        ],
    )
    def test_lines(self, tmp_path: Path, text: str) -> None:
        """Lines that are JSON, and a line that is all there is, are judged as lines."""
        path = tmp_path / "a"
        path.write_text(text)
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(rejected=len(text.splitlines()))

    @pytest.mark.parametrize("first", ["{", '{"a": "', "x", '"x'])
    def test_long_line(self, tmp_path: Path, first: str) -> None:
        """A first line over the limit is refused alone."""
        path = tmp_path / "a"
        path.write_text(f"{first}{'y' * MAX_BYTES}\n{TEXT.decode()}")
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(3, rejected=1)

    def test_long_second_line(self, tmp_path: Path) -> None:
        """What may be a record that is cut is no reason to refuse a file."""
        path = tmp_path / "a"
        path.write_text(f"x,y\n{TEXTS[0]}{' ' * MAX_BYTES}\n{TEXT.decode()}")
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(3, rejected=2)

    def test_large_object(self, tmp_path: Path) -> None:
        """An event over the limit, in several lines, is refused as a file."""
        path = tmp_path / "a"
        path.write_text(json.dumps(line(0, Bogus="x" * MAX_BYTES), indent=1))
        error = refused(path)
        assert error.code is C.INPUT_DOCUMENT_TOO_LARGE
        assert command_in(error) == "jq -c ."

    def test_too_deep(self, tmp_path: Path) -> None:
        """A line that no reader takes is the fault of that line."""
        path = tmp_path / "a"
        path.write_text('{"a": ' + "[" * 200_000 + f"\n{TEXT.decode()}")
        totals = load([path], MemorySender())
        assert totals.events.to_wire() == account(3, rejected=1)

    @pytest.mark.parametrize(
        "text", [f"[{TEXTS[0]}, ]", f"[{TEXTS[0]}, {{]", f"[{TEXTS[0]}"]
    )
    def test_faulty_array(self, tmp_path: Path, text: str) -> None:
        """An array of records on one line, with a fault, is refused once."""
        path = tmp_path / "a"
        path.write_text(text)
        assert refused(path).code is C.INPUT_DOCUMENT_INVALID
