import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.cli.put_events._values import (
    json_object,
    read_value,
    text_value,
)

SECRET = "someone@example.com"
TOO_LARGE = (
    "more than 64,000,000 bytes, the most that is read; split it, or make JSON Lines "
    "of it for `pinpoint-events load`"
)
WHAT_TO_PASS = "pass a JSON object, or file:// and the path of a file that holds one"


def refusal_of(act: Callable[[], object]) -> str:
    """Return what the error says, after a look at what it holds."""
    with pytest.raises(UsageError) as caught:
        act()
    error = caught.value
    assert SECRET not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert error.usage == ""
    return error.message


def json_value(option: str, given: str) -> dict[str, Any]:
    """Return the JSON object that an option's value is."""
    return json_object(option, read_value(option, given))


def file_of(directory: Path, content: bytes, name: str = "value.json") -> str:
    """Write a file, and return the option's value that names it."""
    path = directory / name
    path.write_bytes(content)
    return f"file://{path}"


class TestTextValue:
    """An option's value is the text itself, or that of the file that it names."""

    @pytest.mark.parametrize(
        "text", ["my-app", "", "~/my-app", "$HOME", "/file://x", "FILE://x", "bücher"]
    )
    def test_stands_for_itself(self, text: str) -> None:
        """Nothing is expanded in a text."""
        assert text_value("--application-id", text) == text

    @pytest.mark.parametrize(
        "content",
        ["bücher\r\n".encode(), b"\xef\xbb\xbf" + "bücher\r\n".encode()],
        ids=["plain", "with a byte order mark"],
    )
    def test_of_a_file(self, tmp_path: Path, content: bytes) -> None:
        """A file is read as UTF-8, with or without a mark of it, and kept as it is."""
        assert text_value("--x", file_of(tmp_path, content)) == "bücher\r\n"

    def test_of_a_relative_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A path without a leading slash starts at the current directory."""
        file_of(tmp_path, b"my-app", "id.txt")
        monkeypatch.chdir(tmp_path)
        assert text_value("--x", "file://id.txt") == "my-app"

    @pytest.mark.parametrize("path", ["~/id.txt", "$WHERE/id.txt", "${WHERE}/id.txt"])
    def test_expands_paths(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        """The shell does not look behind `file://`, so the home is found here."""
        file_of(tmp_path, b"my-app", "id.txt")
        for name in ("HOME", "USERPROFILE", "WHERE"):
            monkeypatch.setenv(name, str(tmp_path))
        assert text_value("--x", f"file://{path}") == "my-app"

    def test_of_a_file_of_bytes(self, tmp_path: Path) -> None:
        """The AWS CLI's sign for binary files names a file like any other."""
        given = file_of(tmp_path, b"my-app").replace("file://", "fileb://")
        assert text_value("--x", given) == "my-app"

    def test_of_no_file(self, tmp_path: Path) -> None:
        """A missing file is reported in the AWS CLI's words."""
        given = f"file://{tmp_path / 'nope.json'}"
        message = refusal_of(lambda: text_value("--application-id", given))
        assert message == (
            "Error parsing parameter '--application-id': Unable to load paramfile "
            f"{given}: [Errno 2] No such file or directory: {str(given[7:])!r}"
        )

    def test_of_a_directory(self, tmp_path: Path) -> None:
        """A directory is no file."""
        message = refusal_of(lambda: text_value("--x", f"file://{tmp_path}"))
        prefix = "Error parsing parameter '--x': Unable to load paramfile "
        assert message.startswith(f"{prefix}file://{tmp_path}: [Errno ")

    def test_of_the_empty_path(self) -> None:
        """No path is the current directory, which is no file."""
        message = refusal_of(lambda: text_value("--x", "file://"))
        prefix = "Error parsing parameter '--x': Unable to load paramfile file://: "
        assert message.startswith(f"{prefix}[Errno ")

    def test_of_an_impossible_path(self) -> None:
        """No file's name has a null character."""
        message = refusal_of(lambda: text_value("--x", "file://a\0b"))
        assert message.startswith(
            "Error parsing parameter '--x': Unable to load paramfile file://a\0b: "
        )

    def test_of_a_stranger(self) -> None:
        """An unknown user has no home directory."""
        message = refusal_of(lambda: text_value("--x", "file://~no-such-user/id.txt"))
        prefix = "Error parsing parameter '--x': Unable to load paramfile file://~no-"
        assert message.startswith(prefix)

    def test_of_another_encoding(self, tmp_path: Path) -> None:
        """What Windows' shell writes by itself is UTF-16."""
        given = file_of(tmp_path, b"\xff\xfe" + SECRET.encode("utf-16-le"))
        message = refusal_of(lambda: text_value("--x", given))
        assert message == (
            f"Error parsing parameter '--x': Unable to load paramfile {given}: its "
            "text is not UTF-8 at byte 0; save it as UTF-8"
        )

    def test_of_an_endless_file(self, tmp_path: Path) -> None:
        """Reading ends where no request can be that large."""
        path = tmp_path / "large.json"
        with path.open("wb") as file:
            os.truncate(file.fileno(), 64_000_001)
        message = refusal_of(lambda: text_value("--x", f"file://{path}"))
        assert message == (
            f"Error parsing parameter '--x': Unable to load paramfile file://{path}: "
            f"it has {TOO_LARGE}"
        )


class TestStandardInput:
    """`-` stands for it."""

    def given(
        self, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> Callable[[], str]:
        """Return what reads an option when this stands on standard input."""
        stream = io.TextIOWrapper(io.BytesIO(content), encoding="ascii")
        monkeypatch.setattr(sys, "stdin", stream)
        return lambda: read_value("--x", "-")

    def test_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is UTF-8, whatever the locale says, with or without a mark of it."""
        content = b"\xef\xbb\xbf" + "bücher\n".encode()
        assert self.given(monkeypatch, content)() == "bücher\n"

    def test_is_nothing_else(self) -> None:
        """Another text stands for itself, or names a file."""
        assert read_value("--x", "--") == "--"
        assert text_value("--x", "-") == "-"

    def test_of_another_encoding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is no UTF-8 is reported, and not repeated."""
        read = self.given(monkeypatch, b"\xff" + SECRET.encode())
        assert refusal_of(read) == (
            "Error parsing parameter '--x': Unable to read standard input: its text is "
            "not UTF-8 at byte 0; save it as UTF-8"
        )

    def test_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Reading ends where no request can be that large."""
        read = self.given(monkeypatch, bytes(64_000_001))
        assert refusal_of(read) == (
            "Error parsing parameter '--x': Unable to read standard input: it has "
            f"{TOO_LARGE}"
        )

    def test_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process may have none, as below pythonw."""
        monkeypatch.setattr(sys, "stdin", None)
        message = refusal_of(lambda: read_value("--x", "-"))
        assert message == (
            "Error parsing parameter '--x': there is no standard input; pass file:// "
            "and the path of a file"
        )


class TestJsonValue:
    """An option's value is a JSON object."""

    def test_of_a_text(self) -> None:
        """Text within the object stays as it is."""
        assert json_value("--x", '{"a": ["file://x", "bü\\u00e9"]}') == {
            "a": ["file://x", "büé"]
        }

    def test_of_a_file(self, tmp_path: Path) -> None:
        """A file holds the same as a text."""
        assert json_value("--x", file_of(tmp_path, b'\n{"a": 1}\n')) == {"a": 1}

    def test_keeps_what_stands_twice(self) -> None:
        """Where a key occurs twice, the object knows, so that reading it refuses."""
        twice = json_value("--x", '{"a": {"b": 1, "b": 2}}')["a"]
        assert twice.keys_twice == ("b",)

    @pytest.mark.parametrize(
        "text, message",
        [
            ("", "Expecting value at line 1 column 1"),
            ("{bad", "Expecting property name enclosed in double quotes at line 1 "),
            (f'{{"a": "{SECRET}', "Unterminated string starting at line 1 column 7"),
            ('{"a": 1}\n{}', "Extra data at line 2 column 1"),
            ('{"a": NaN}', "NaN is no number"),
            ('{"a": -Infinity}', "-Infinity is no number"),
            (f'{{"a": {"1" * 5000}}}', "it has a number of thousands of digits"),
            ("[" * 100_000, "nested too deeply"),
            ("BatchItem={e-1={}}", "Expecting value at line 1 column 1"),
            ("\ufeff{}", "Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1 "),
        ],
        ids=lambda text: text[:20],
    )
    def test_of_other_text(self, text: str, message: str) -> None:
        """What is no JSON is reported with its place, and not repeated."""
        refusal = refusal_of(lambda: json_value("--x", text))
        assert refusal.startswith(
            f"Error parsing parameter '--x': Invalid JSON: {message}"
        )
        assert refusal.endswith(f"; {WHAT_TO_PASS}")

    @pytest.mark.parametrize(
        "text, kind",
        [("[]", "list"), ("1", "int"), ('"{}"', "str"), ("null", "NoneType")],
    )
    def test_of_other_json(self, text: str, kind: str) -> None:
        """What is no object is reported in the AWS CLI's words."""
        with pytest.raises(UsageError) as caught:
            json_value("--x", text)
        assert caught.value.message == (
            "Error parsing parameter '--x': Invalid type: expecting map, received "
            f"<class '{kind}'>; {WHAT_TO_PASS}"
        )
