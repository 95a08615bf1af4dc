import re
from datetime import UTC, datetime
from typing import Any

import pytest

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server.streams.members import NAME, Members, read_body


def refused(read: Any) -> tuple[str, str]:
    """Return code and message of the error that reading raises."""
    with pytest.raises(RequestError) as caught:
        read()
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


class TestReadBody:
    """A body is a JSON object."""

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"secret"', b"\xff"])
    def test_refused(self, body: bytes) -> None:
        """Anything else is refused, and not quoted."""
        code, message = refused(lambda: read_body(body))
        assert code == "SerializationException"
        assert "secret" not in message


class TestMembers:
    """Members are checked by the constraints of the service model."""

    def test_sound(self) -> None:
        """Sound members are returned."""
        data = {"T": "a", "N": 1, "W": 1.5, "O": {"T": "b"}, "L": [{"D": "YQ=="}]}
        members = Members(data)
        assert members.text("T", pattern=NAME, choices=("a",)) == "a"
        assert members.integer("N", least=1, most=1) == 1
        assert members.time("W") == datetime.fromtimestamp(1.5, UTC)
        inner = members.object("O")
        assert inner is not None
        assert inner.required_text("T") == "b"
        (entry,) = members.objects("L", most=1)
        assert entry.data("D", longest=1) == b"a"
        assert members.has("T")
        members.check()

    def test_absent(self) -> None:
        """Members that are absent, or null, are None; required ones are reported."""
        members = Members({"T": None})
        assert members.text("T") is None
        assert members.integer("N", least=1, most=2) is None
        assert members.time("W") is None
        assert members.object("O") is None
        assert members.hash_key("H") is None
        assert members.sequence_number("S") is None
        assert not members.has("T")
        members.check()
        assert members.required_text("StreamName") == ""
        assert members.required_integer("N", least=1, most=2) == 1
        assert members.required_hash_key("H") == 0
        assert members.objects("L", most=1) == []
        assert members.data("D", longest=1) == b""
        assert refused(members.check) == (
            "ValidationException",
            "5 validation errors detected: "
            + "; ".join(
                f"Value at '{name}' failed to satisfy constraint: Member must not be "
                "null"
                for name in ("streamName", "n", "h", "l", "d")
            ),
        )

    def test_constraints(self) -> None:
        """Each value outside its constraints is reported, without the value."""
        data = {
            "A": "secret",
            "B": "",
            "C": "a b",
            "D": "x",
            "E": 0,
            "F": 9,
            "G": [],
            "H": [{}, {}],
            "I": "YWI=",
            "J": "01",
        }
        members = Members(data)
        members.text("A", longest=5)
        members.text("B")
        members.text("C", pattern=NAME)
        members.text("D", choices=("y", "z"))
        members.integer("E", least=1, most=2)
        members.integer("F", least=1, most=2)
        members.objects("G", most=1)
        assert members.objects("H", most=1) == []
        members.data("I", longest=1)
        assert members.hash_key("J") is None
        code, message = refused(members.check)
        assert code == "ValidationException"
        assert "secret" not in message
        found = re.findall(r"at '(\w)' .+? Member must (.+?)(?:;|$)", message)
        assert found == [
            ("a", "have length less than or equal to 5"),
            ("b", "have length greater than or equal to 1"),
            ("c", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
            ("d", "satisfy enum value set: [y, z]"),
            ("e", "have value greater than or equal to 1"),
            ("f", "have value less than or equal to 2"),
            ("g", "have length greater than or equal to 1"),
            ("h", "have length less than or equal to 1"),
            ("i", "have length less than or equal to 1"),
            ("j", r"satisfy regular expression pattern: 0|([1-9]\d{0,38})"),
        ]

    def test_wrong_type(self) -> None:
        """A wrong type ends the reading, with the path of the member."""
        data = {
            "Huge": 1e300,
            "L": [{}, 1],
            "N": 1,
            "O": {"N": 1},
            "T": "secret?",
            "Y": True,
        }
        members = Members(data)
        inner = members.object("O")
        assert inner is not None
        reads: list[tuple[str, Any]] = [
            ("n", lambda: members.text("N")),
            ("t", lambda: members.integer("T", least=1, most=2)),
            ("y", lambda: members.integer("Y", least=0, most=2)),
            ("t", lambda: members.time("T")),
            ("huge", lambda: members.time("Huge")),
            ("t", lambda: members.object("T")),
            ("t", lambda: members.objects("T", most=1)),
            ("l.2.member", lambda: members.objects("L", most=9)),
            ("n", lambda: members.data("N", longest=1)),
            ("t", lambda: members.data("T", longest=1)),
            ("o.n", lambda: inner.text("N")),
        ]
        for path, read in reads:
            code, message = refused(read)
            assert code == "SerializationException"
            assert message.startswith(f"'{path}' is ")
            assert "secret" not in message
