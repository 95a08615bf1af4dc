"""
Text that is no JSON Lines, by its first lines.

Most forms are recognised by the beginning of the first line, others only by the fact
that no line is a record. For those, more lines are read: one faulty line at the
beginning does not make the whole file unreadable.
"""

import re
from typing import Final

from pinpoint_events.errors import LoadErrorCode
from pinpoint_events.loader.findings import Finding
from pinpoint_events.loader.records import first_record, scalar

__all__ = ["MOST_LINES", "form_of_line", "form_of_lines"]

MOST_LINES: Final = 20
"""So many lines that are no records, at the beginning of a file, make it no file of
records."""

_NOT_JSON: Final = LoadErrorCode.INPUT_NOT_JSON
_WRAPPED: Final = LoadErrorCode.INPUT_WRAPPED
_EVENT: Final = (
    'write each record on a line, as {"EndpointId": ..., "Event": {"EventType": ..., '
    '"Timestamp": ...}}'
)
_OBJECT: Final = rb"\[?\s*\{\s*"
_FROM_PYTHON: Final = (
    'python3 -c "import ast, json, sys; [print(json.dumps(ast.literal_eval({0}))) for '
    '{0} in {1} if {0}.strip()]"'
)

_STARTS: Final = (
    (
        rb"\x1e",
        Finding(
            LoadErrorCode.INPUT_CONCATENATED,
            "holds a JSON text sequence (RFC 7464): a control character before each "
            "record",
            r"write one record per line, as `tr -d '\036' | jq -c .` does",
        ),
    ),
    (
        rb"\x1b\[",
        Finding(
            _NOT_JSON,
            "holds the colours of a terminal",
            "write it without, as with jq -M, or remove them, as "
            r"`sed 's/\x1b\[[0-9;]*m//g'` does",
        ),
    ),
    (
        rb"<",
        Finding(
            _NOT_JSON,
            "is an HTML or XML page",
            "fetch the file itself: such pages say why a download was refused",
        ),
    ),
    (
        rb"version https://git-lfs",
        Finding(
            _NOT_JSON, "is a pointer of Git LFS", "fetch the file, as with git lfs pull"
        ),
    ),
    (
        rb"(?=(eyJ|W3si))[A-Za-z0-9+/]{76}$",
        Finding(_WRAPPED, "is in base64", "decode it, as `base64 -d` does"),
    ),
    (
        rb"(eyJ|W3si)[A-Za-z0-9+/]*=*$",
        Finding(
            _WRAPPED,
            "holds records in base64",
            "decode each line, as `jq -rR @base64d` does",
        ),
    ),
    (
        rb"H4sI[A-Za-z0-9+/]*=*$",
        Finding(_WRAPPED, "is in base64", "decode it, as `base64 -d` does"),
    ),
    (
        rb"".join((_OBJECT, rb"'.*[}\]]$")),
        Finding(
            _NOT_JSON,
            "holds Python literals, as str() and print() write them",
            "write it with json.dumps(), or convert it, as "
            f"`{_FROM_PYTHON.format('line', 'sys.stdin')}` does",
        ),
    ),
    (
        rb"".join((_OBJECT, rb"'")),
        Finding(
            _NOT_JSON,
            "holds a Python literal, as pprint() writes it",
            "write it with json.dumps(), or convert it, as "
            f"`{_FROM_PYTHON.format('text', '[sys.stdin.read()]')}` does",
        ),
    ),
    (
        rb"".join((_OBJECT, "(\u201c|\u201d|\u201e|\u2018|\u2019)".encode())),
        Finding(
            _NOT_JSON,
            "has typographic quotes, as word processors write them",
            "write plain ones, as `sed 's/[\u201c\u201d\u201e]/\"/g'` does",
        ),
    ),
    (
        rb"".join((_OBJECT, rb"[A-Za-z_$][\w$]*\s*[:=]")),
        Finding(
            _NOT_JSON,
            "has names without quotes, as JavaScript's console.log() and Java's "
            "toString() write them",
            "write it with JSON.stringify() or another writer of JSON",
        ),
    ),
)
_IN_STRINGS: Final = Finding(
    _WRAPPED,
    "holds records as strings of JSON",
    "take the text out of the strings, as `jq -r .` does",
)
_AFTER_TEXT: Final = re.compile(rb'[^{\["][^{]*\{\s*"')


def form_of_line(first: bytes) -> Finding | None:
    """Return what a file is whose first line is this; None if that is not yet clear."""
    for start, finding in _STARTS:
        if re.match(start, first):
            return finding
    is_of_json = any(text.startswith(("{", "[{")) for text in scalar(first))
    return _IN_STRINGS if is_of_json else None


def form_of_lines(lines: list[bytes]) -> Finding | None:
    """
    Return what a file is whose first lines are no records; None if one of them is.

    Args:
        lines: Its first lines that are not blank, `MOST_LINES` if it has so many. The
            first is no JSON.
    """
    first = lines[0]
    if len(lines) == 1 or any(is_record(line) for line in lines):
        return None
    if all(_AFTER_TEXT.match(line) for line in lines):
        return Finding(
            _WRAPPED,
            "has other text before each record, as logs do",
            "remove it, as `sed 's/^[^{]*//'` does",
        )
    if first.startswith((b"{", b"[")):
        return Finding(
            _NOT_JSON,
            f"holds no JSON Lines: none of its first {len(lines)} lines is a JSON "
            "object",
            f"{_EVENT}; or name the file of one JSON document, if this is part of one",
        )
    return Finding(
        _NOT_JSON,
        "is no JSON; a table (CSV, TSV), a log or YAML cannot be loaded as it is",
        _EVENT,
    )


def is_record(line: bytes) -> bool:
    """Return whether a line is a JSON object, or several that run together."""
    found = first_record(line)
    if found is None or not isinstance(found[0], dict):
        return False
    return not found[1] or found[1].startswith("{")
