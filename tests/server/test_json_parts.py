"""JSON text of very many parts is rejected before it is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.clients import ONE, post

from pinpoint_events import MemorySender
from pinpoint_events.server import Kinesis, create_app, served
from pinpoint_events.server._answers import RequestError
from pinpoint_events.server._json_parts import MAX_PARTS, _marks, check_json_parts

MESSAGE = (
    "the body has more than 250,000 names, values and lists; send its items in "
    "several calls"
)
MANY = b'{"BatchItem":{' + b",".join(b'"%d":1' % n for n in range(200_000)) + b"}}"
EMPTY = b'{"BatchItem":[' + b",".join([b"[]"] * 200_000) + b"]}"
NESTED = b"[" * 300_000
ESCAPED = b'["' + b'\\"' * 300_000 + b'"' + b",1" * 250_001 + b"]"


class TestParts:
    """Parts are counted, and what is within strings is not."""

    @pytest.mark.parametrize("body", [MANY, EMPTY, NESTED, ESCAPED])
    def test_too_many(self, body: bytes) -> None:
        """Names, lists, nested lists, and numbers behind a long string."""
        with pytest.raises(RequestError) as raised:
            check_json_parts(body)
        assert (raised.value.status, raised.value.message) == (400, MESSAGE)

    @pytest.mark.parametrize(
        "text", ["[{,:" * 200_000, '\\"[{,:' * 100_000, "\\" * 300_001 + '"' + ",," * 9]
    )
    def test_texts(self, text: str) -> None:
        """A text may say anything."""
        check_json_parts(json.dumps({"text": text, "other": [text]}).encode())

    def test_bound(self) -> None:
        """The limit is inclusive."""
        check_json_parts(b"[" + b"," * (MAX_PARTS - 1))
        with pytest.raises(RequestError):
            check_json_parts(b"[" + b"," * MAX_PARTS)

    @given(st.recursive(st.text(), st.lists))
    def test_marks(self, value: Any) -> None:
        """A text without strings has as many marks as its value has parts."""

        def parts(value: Any) -> int:
            if isinstance(value, str):
                return 0
            return 1 + max(len(value) - 1, 0) + sum(map(parts, value))

        def without_texts(value: Any) -> Any:
            return [*map(without_texts, value)] if isinstance(value, list) else 0

        text = json.dumps(without_texts(value)).encode()
        assert _marks(text) == parts(value)

    def test_calls(self) -> None:
        """So it is with calls of PutEvents and of Kinesis."""
        app = create_app(MemorySender(), credentials=None, kinesis=Kinesis())
        lines = (
            "Content-Type: application/x-amz-json-1.1",
            "X-Amz-Target: Kinesis_20131202.PutRecords",
        )
        with served(app) as server:
            assert post(server, MANY).error == (400, "BadRequestException", MESSAGE)
            got = post(server, EMPTY, *lines, path="/")
            assert (got.status, got.json["message"]) == (400, MESSAGE)
            assert post(server, ONE).status == 202
