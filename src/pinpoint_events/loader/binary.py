"""
Files that are no text in UTF-8, by their first bytes.

A file begins with what its format prescribes, or its bytes show that they are text in
another encoding: then all of them decode in it, and to no control characters.
"""

import codecs
import re
from typing import Final

from pinpoint_events.errors import LoadErrorCode
from pinpoint_events.loader.findings import Finding

__all__ = ["HEAD_BYTES", "binary"]

HEAD_BYTES: Final = 512  # a block of a tar archive, the longest head to look at

_COMPRESSED: Final = LoadErrorCode.INPUT_COMPRESSED
_NOT_TEXT: Final = LoadErrorCode.INPUT_NOT_TEXT
_READS: Final = "load reads text, compressed by gzip or not"
_CONVERT: Final = "write its records as JSON Lines"

# How each begins, from the specification of its format; those of text are not here.
_FORMATS: Final = (
    (_COMPRESSED, rb"PK(\x03\x04|\x05\x06|\x07\x08)", "is a ZIP archive", "unpack it"),
    (_COMPRESSED, rb"7z\xbc\xaf\x27\x1c", "is a 7z archive", "unpack it"),
    (_COMPRESSED, rb"Rar!\x1a\x07", "is a RAR archive", "unpack it"),
    (_COMPRESSED, rb".{257}ustar", "is a tar archive", "unpack it"),
    (_COMPRESSED, rb"MSCF\0", "is a cabinet archive", "unpack it"),
    (_COMPRESSED, rb"!<arch>\n", "is an ar archive", "unpack it"),
    (
        _COMPRESSED,
        rb"\x1f\x8b",  # behind a first layer of it, which is read
        "is compressed by gzip twice",
        "decompress it once, as `gunzip` does",
    ),
    (
        _COMPRESSED,
        rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18",
        "is compressed by zstd",
        "decompress it, as `zstd -d` does",
    ),
    (
        _COMPRESSED,
        rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18",
        "is compressed by LZ4",
        "decompress it, as `lz4 -d` does",
    ),
    (
        _COMPRESSED,
        rb"BZh[1-9]",
        "is compressed by bzip2",
        "decompress it, as `bunzip2` does",
    ),
    (
        _COMPRESSED,
        rb"\xfd7zXZ\0",
        "is compressed by xz",
        "decompress it, as `unxz` does",
    ),
    (
        _COMPRESSED,
        # Properties, size of the dictionary, and size of the content, if it is known.
        rb"[\x01-\xe0]\0[\0\x10-\xf0].{2}(\xff{8}|.{5}\0{3})",
        "is compressed by LZMA",
        "decompress it, as `unlzma` does",
    ),
    (_COMPRESSED, rb"LZIP\x01", "is compressed by lzip", "decompress it"),
    (_COMPRESSED, rb"\x89LZO\0", "is compressed by lzop", "decompress it"),
    (
        _COMPRESSED,
        rb"\x1f\x9d",
        "is compressed by compress",
        "decompress it, as `uncompress` does",
    ),
    (
        _COMPRESSED,
        rb"\xff\x06\0\0sNaPpY",
        "is compressed by Snappy",
        "decompress it",
    ),
    (
        _COMPRESSED,
        rb"x[\x01\x5e\x9c\xda][^\t -~]",
        "is compressed by zlib",
        "inflate it",
    ),
    (_COMPRESSED, rb"PAR[1E][^ -~]", "is a Parquet file", _CONVERT),
    (_COMPRESSED, rb"Obj\x01", "is an Avro file", _CONVERT),
    (_COMPRESSED, rb"ORC[^ -~]", "is an ORC file", _CONVERT),
    (_COMPRESSED, rb"(ARROW1|FEA1)\0", "is an Arrow file", _CONVERT),
    (_COMPRESSED, rb"SEQ[\x04-\x06]", "is a Hadoop sequence file", _CONVERT),
    (_COMPRESSED, rb"RCF\x01", "is an RCFile", _CONVERT),
    (_NOT_TEXT, rb"SQLite format 3\0", "is an SQLite database", _CONVERT),
    (_NOT_TEXT, rb"\x89HDF\r\n", "is an HDF5 file", _CONVERT),
    (_NOT_TEXT, rb"%PDF-", "is a PDF", _CONVERT),
    (_NOT_TEXT, rb"\xd0\xcf\x11\xe0", "is an Office document", _CONVERT),
    (_NOT_TEXT, rb"\{\\rtf", "is rich text (RTF)", "save it as plain text"),
    (_NOT_TEXT, rb"\x89PNG|GIF8[79]a|\xff\xd8\xff", "is an image", "name another file"),
    (_NOT_TEXT, rb"\x7fELF|MZ.{2,10}\0", "is a program", "name another file"),
    (_NOT_TEXT, rb"\x80[\x02-\x05]", "is a pickle", _CONVERT),
    (_NOT_TEXT, rb"\xac\xed\0\x05", "is a serialized Java object", _CONVERT),
    (_NOT_TEXT, rb"bplist0", "is a binary property list", _CONVERT),
    (
        _NOT_TEXT,
        rb"\xf3\x89\x9a\xc2",
        "is a record of the Kinesis Producer Library, which holds others",
        "take it apart with pinpoint_events.deaggregate_record()",
    ),
    (
        _NOT_TEXT,
        rb"\0\x05\x16\x07",
        "is what macOS keeps beside a file",
        "name the file without ._ before its name",
    ),
    (
        _NOT_TEXT,
        rb"Salted__|age-encryption\.org/|-----BEGIN (AGE|PGP)",
        "is encrypted",
        "decrypt it",
    ),
)
_NUL_BYTES: Final = Finding(
    _NOT_TEXT,
    "has NUL bytes, as a file that was not written to its end before a crash",
    r"drop them, as `tr -d '\000'` does, or fetch the file anew",
)
_ENCODED: Final = "is in {}, as Windows PowerShell writes files"
_ENCODE: Final = (
    "save it in UTF-8, as with Out-File -Encoding utf8, or convert it, as "
    "`iconv -f {} -t UTF-8` does"
)
_UNKNOWN: Final = Finding(
    _NOT_TEXT,
    "is no text in UTF-8",
    f"if it is compressed, decompress it: {_READS}",
)
_CONTROL: Final = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
# Without those that separate fields and records in some text, and the escape.
_BINARY: Final = re.compile(r"[\0\x02-\x08\x0e-\x1a\x7f]")
_BEFORE_A_RECORD: Final = re.compile(rb"[^{\[]{0,16}[{\[]?")
_MARKS: Final = (
    # Those of UTF-32 first: one begins with the one of UTF-16.
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def binary(head: bytes, first: bytes) -> Finding | None:
    """
    Return what a file is that is no text in UTF-8; None if it is text.

    Args:
        head: Its first bytes, `HEAD_BYTES` if it has so many.
        first: Its first line that is not blank.
    """
    for code, start, what, remedy in _FORMATS:
        if re.match(start, head, re.DOTALL):
            return Finding(code, what, remedy)
    encoding = _encoding(head)
    if encoding is not None:
        name = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
        return Finding(_NOT_TEXT, _ENCODED.format(name[:6]), _ENCODE.format(name))
    has_nul = b"\0" in head
    # Of text in another encoding, only the lines that are not ASCII are refused.
    before = _BEFORE_A_RECORD.match(first)
    start = b"" if before is None else before[0]
    if has_nul and _is_text("utf-8", head.replace(b"\0", b"")):
        return _NUL_BYTES
    if has_nul or not _is_text("utf-8", start, _BINARY):
        return _UNKNOWN
    return None


def _encoding(head: bytes) -> str | None:
    """Return the encoding of text in UTF-16 or UTF-32; None if it is in neither."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding[:6] if _is_text(encoding, head) else None
    if b"\0" in head:
        for _, encoding in _MARKS:
            # Of the characters that a text of JSON begins with, all are ASCII.
            start = _decoded(encoding, head[:16])
            if start is not None and start.isascii() and _is_text(encoding, head):
                return encoding
    return None


def _is_text(encoding: str, data: bytes, control: re.Pattern[str] = _CONTROL) -> bool:
    """Return whether bytes are the beginning of text in an encoding."""
    text = _decoded(encoding, data)
    return text is not None and not control.search(text)


def _decoded(encoding: str, data: bytes) -> str | None:
    """Return bytes as text; None if they are none. The last character may be cut."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None
