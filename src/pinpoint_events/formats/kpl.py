"""
Several records in one Kinesis record: the aggregation format of the KPL.

The Kinesis Producer Library packs records so, and consumers that use the Kinesis Client
Library take them apart. A record of Kinesis costs and counts the same, whether it holds
one small event or a thousand.

The format: 4 bytes of magic, a message of Protocol Buffers (proto2), and the 16 bytes
of the message's MD5. The message has three repeated fields:

    1  string  partition keys, each once
    2  string  explicit hash keys, each once
    3  message records: 1 varint, the number of its partition key; 2 varint, optional,
       the number of its explicit hash key; 3 bytes, the data; 4 messages, tags, which
       no implementation uses

Source: `aggregation-format.md` in github.com/awslabs/amazon-kinesis-producer, read
2026-11-28. The message is simple enough to be written here, without Protocol Buffers.
"""

from collections.abc import Iterable, Iterator
from hashlib import md5
from typing import Any, Final, final

import attrs

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import Immutable, Refused, raise_if_invalid
from pinpoint_events.problems import Expected

__all__ = [
    "MAX_BYTES",
    "KinesisRecord",
    "KplAggregator",
    "aggregate_records",
    "deaggregate_record",
]

MAX_BYTES: Final = 1_048_576
"""
Bytes of a record, data and partition key together: what every stream takes.

Amazon Kinesis Data Streams, "Quotas and limits", read 2026-11-28; a stream can be set
to take more.
"""

_MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES: Final = 16
_ENDS_BYTES: Final = len(_MAGIC) + _DIGEST_BYTES

# A tag is the field's number times 8, plus the wire type: 0 varint, 2 counted bytes.
_PARTITION_KEY: Final = b"\x0a"
_HASH_KEY: Final = b"\x12"
_RECORD: Final = b"\x1a"
_KEY_INDEX: Final = b"\x08"
_HASH_KEY_INDEX: Final = b"\x10"
_DATA: Final = b"\x1a"


def _data(value: bytes) -> bytes:
    found: bytes = _sound_bytes(value)
    return found


def _sound_bytes(value: Any) -> Any:
    is_bytes = isinstance(value, bytes | bytearray)
    return bytes(value) if is_bytes else to.wrong_type(value, Expected.BYTES)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class KinesisRecord(Immutable):
    """
    A record to put into a Kinesis stream, or one that was read from it.

    Attributes:
        partition_key: By its hash, Kinesis chooses the shard. Not empty; Kinesis takes
            256 characters at most.
        data: The content.
        explicit_hash_key: The hash to use in place of the key's, as a decimal number;
            None for none.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    partition_key: str = attrs.field(converter=to.required_text)
    data: bytes = attrs.field(converter=_data)
    explicit_hash_key: str | None = attrs.field(default=None, converter=to.text)


def _varint(number: int) -> bytes:
    """Return a number of Protocol Buffers: seven bits a byte, the lowest first."""
    found = bytearray()
    while number > _LOW_BITS:
        found.append(number & _LOW_BITS | _MORE)
        number >>= 7
    found.append(number)
    return bytes(found)


_LOW_BITS: Final = 0x7F
_MORE: Final = 0x80


def _counted(tag: bytes, data: bytes) -> bytes:
    return tag + _varint(len(data)) + data


class _KeyTable:
    """The keys of one kind in a message, each once."""

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._numbers: dict[str, int] = {}
        self.parts: list[bytes] = []

    def find(self, key: str) -> tuple[int, bytes]:
        """Return the number of a key, and what is to be added for it, if anything."""
        number = self._numbers.get(key)
        if number is not None:
            return number, b""
        return len(self._numbers), _counted(self._tag, key.encode())

    def add(self, key: str, part: bytes) -> None:
        """Add a key for which `find` returned something."""
        if part:
            self._numbers[key] = len(self._numbers)
            self.parts.append(part)


class KplAggregator:
    """
    Packs records into one record, as long as they fit.

    Not thread-safe.

    Args:
        max_bytes: The most bytes of a packed record, data and partition key together,
            as Kinesis counts them.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Begin with no record."""
        self._max_bytes = max_bytes
        self._begin()

    def _begin(self) -> None:
        self._first: KinesisRecord | None = None
        self._keys = _KeyTable(_PARTITION_KEY)
        self._hash_keys = _KeyTable(_HASH_KEY)
        self._records: list[bytes] = []
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size_bytes(self) -> int:
        """Bytes of the packed record, data and partition key; 0 without a record."""
        return self._size_bytes

    def add(self, record: KinesisRecord) -> bool:
        """
        Pack a record; return False, and change nothing, if it does not fit.

        The first record always fits: `take` returns a single record as it is.
        """
        number, key_part = self._keys.find(record.partition_key)
        message = _KEY_INDEX + _varint(number)
        hash_key, hash_part = record.explicit_hash_key, b""
        if hash_key is not None:
            number, hash_part = self._hash_keys.find(hash_key)
            message += _HASH_KEY_INDEX + _varint(number)
        part = _counted(_RECORD, message + _counted(_DATA, record.data))
        size = self._size_bytes + len(part) + len(key_part) + len(hash_part)
        if self._first is None:
            self._first = record
            size += _ENDS_BYTES + len(record.partition_key.encode())
        elif size > self._max_bytes:
            return False
        self._keys.add(record.partition_key, key_part)
        if hash_key is not None:
            self._hash_keys.add(hash_key, hash_part)
        self._records.append(part)
        self._size_bytes = size
        return True

    def packed(self) -> bytes:
        """Return the data of the packed record."""
        message = b"".join((*self._keys.parts, *self._hash_keys.parts, *self._records))
        return _MAGIC + message + md5(message, usedforsecurity=False).digest()

    def take(self) -> KinesisRecord:
        """
        Return the packed record, and begin another.

        It has the keys of the first record in it, and so goes to that record's shard. A
        single record is returned as it is, as the KPL does. There must be one.
        """
        first = self._first
        if first is None:
            raise RuntimeError("no record was added")
        packed = first
        if len(self._records) > 1:
            packed = attrs.evolve(first, data=self.packed())
        self._begin()
        return packed


def aggregate_records(
    records: Iterable[KinesisRecord], *, max_bytes: int = MAX_BYTES
) -> tuple[KinesisRecord, ...]:
    """
    Return the records packed into as few as their order allows.

    Consecutive records are packed together, whatever their keys: pass records of one
    shard. A record that is packed with no other is returned as it is, even one that is
    too large.

    Args:
        records: The records.
        max_bytes: The most bytes of a packed record, data and partition key together.

    Raises:
        ValidationError: If one is no `KinesisRecord`, or the limit is no number above
            zero.
    """
    given = _listed(records)
    raise_if_invalid(max_bytes=_limit(max_bytes), records=_checked(given))
    found = []
    aggregator = KplAggregator(max_bytes)
    for record in given:
        if not aggregator.add(record):
            found.append(aggregator.take())
            aggregator.add(record)
    if aggregator:
        found.append(aggregator.take())
    return tuple(found)


def _listed(records: Any) -> tuple[Any, ...]:
    if not isinstance(records, Iterable):
        raise_if_invalid(records=to.wrong_type(records, Expected.LIST))
    return tuple(records)


def _limit(value: Any) -> Any:
    if value is None:  # which `to.limit` takes for no limit
        return to.wrong_type(value, Expected.INTEGER)
    return to.limit(value)


def _checked(records: tuple[Any, ...]) -> Any:
    problems = [
        problem.below(position)
        for position, record in enumerate(records)
        if type(found := to.instance_of(KinesisRecord, record)) is Refused
        for problem in found.problems
    ]
    return Refused(*problems) if problems else records


def deaggregate_record(record: KinesisRecord) -> tuple[KinesisRecord, ...]:
    """
    Return the records that are packed into a record.

    Args:
        record: Any record of a stream. One that is not packed, or damaged, is returned
            as it is, alone, so that nothing is lost.

    Raises:
        ValidationError: If it is no `KinesisRecord`.
    """
    raise_if_invalid(record=to.instance_of(KinesisRecord, record))
    data = record.data
    message = data[len(_MAGIC) : -_DIGEST_BYTES]
    digest = md5(message, usedforsecurity=False).digest()
    if not data.startswith(_MAGIC) or data[-_DIGEST_BYTES:] != digest:
        return (record,)
    try:
        return tuple(_unpacked(message))
    except (IndexError, KeyError, TypeError, ValueError):
        return (record,)  # the digest is right, the message is not one of these


def _unpacked(message: bytes) -> Iterator[KinesisRecord]:
    """Yield the records of a message; raise one of many errors if it is none."""
    keys: list[str] = []
    hash_keys: list[str] = []
    records: list[dict[int, int | bytes]] = []
    for number, value in _fields(message):
        if number == 1:
            keys.append(_counted_value(value).decode())
        elif number == 2:  # noqa: PLR2004 - the numbers of the fields, as listed above
            hash_keys.append(_counted_value(value).decode())
        elif number == 3:  # noqa: PLR2004 - the same
            records.append(dict(_fields(_counted_value(value))))
    for fields in records:
        hash_key = fields.get(2)
        yield KinesisRecord(
            partition_key=keys[_number(fields[1])],
            data=_counted_value(fields[3]),
            explicit_hash_key=None
            if hash_key is None
            else hash_keys[_number(hash_key)],
        )


def _counted_value(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where bytes are expected")
    return value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise TypeError("bytes where a number is expected")
    return value


_FIXED_BYTES: Final = {1: 8, 5: 4}  # by wire type


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if wire_type == 2:  # noqa: PLR2004 - counted bytes
            size, at = _read_varint(message, at)
        else:
            size = _FIXED_BYTES[wire_type]
        if at + size > len(message):
            raise ValueError("the message ends within a field")
        yield number, message[at : at + size]
        at += size


_MAX_SHIFT: Final = 63  # a varint has 64 bits


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & _LOW_BITS) << shift
        if byte < _MORE:
            return number, at
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError("a number of more than 64 bits")
