"""
A sender from a URL, as in a configuration file, an environment variable or a shell.

The URL is not split by `urllib.parse.urlsplit`, which turns a host into lower case and
silently drops some characters. Credentials are not allowed in a URL; messages repeat
nothing that might be one: no user-info, and no value of the query.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model._problem_counts import nearest
from pinpoint_events.problems import shortened
from pinpoint_events.senders.protocol import DEFAULT_APPLICATION_ID, Sender

__all__ = ["application_of", "is_region_name", "open_sender", "sqlite_path"]

_GROUP: Final = "pinpoint_events.senders"


def open_sender(url: str, *, application_id: str | None = None) -> Sender:
    """
    Return the sender for a URL.

    - `pinpoint://APPLICATION_ID?region=REGION&endpoint_url=URL`: the service, or
      another endpoint of PutEvents, by `PinpointSender`. What the query leaves out is
      read from AWS' environment variables and config files.
    - `kinesis://STREAM` and `firehose://STREAM`: a stream, by `KinesisSender` and
      `FirehoseSender`. The query may have `region`, `endpoint_url`, `stream_arn` (the
      stream's ARN, in place of its name or with it), `format`, `event_id_attribute`
      and `endpoints` (a URL), as these senders take them.
    - `sqlite:///events.db`, `sqlite:////var/lib/events.db`, `sqlite:///C:/events.db`: a
      file, by relative or absolute path, by `SqliteSender`.
    - `memory:`: `MemorySender`, for tests.
    - a scheme of another package, which has an entry point of the scheme's name in the
      group `pinpoint_events.senders`: a callable that takes `url` and `application_id`
      as this function does, and returns a sender.

    Reserved characters are percent-encoded in names: `/` in an application id as `%2F`,
    `?` and `#` in a path as `%3F` and `%23`, and `%` everywhere as `%25`. Credentials
    are not allowed in the URL: they are found where AWS' tools find them.

        >>> from pinpoint_events import open_sender
        >>> with open_sender("sqlite:///events.db", application_id="shop") as sender:
        ...     print(type(sender).__name__, sender.application_id)
        SqliteSender shop

    Args:
        url: Where to send.
        application_id: The application that the requests are for, where the URL does
            not name it; by default `local`, except for `pinpoint:`.

    Raises:
        ConfigurationError: If any part of the URL is invalid, or it names another
            application than the argument does.
        StoreError: As `SqliteSender` does.
    """
    opener = _foreign_opener(url)
    if opener is not None:
        return opener(url, application_id=application_id)
    parts = _parts(url)
    return _OPENERS[parts.scheme](parts, application_id)


def _foreign_opener(url: object) -> Callable[..., Sender] | None:
    """Return what opens URLs of a scheme that is not ours, if a package has it."""
    scheme, colon, _ = url.partition(":") if isinstance(url, str) else ("", "", "")
    name = scheme.lower()
    if not colon or name in _OPENERS or _SCHEME.fullmatch(scheme) is None:
        return None
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import

    for entry_point in entry_points(group=_GROUP, name=name):
        opener: Callable[..., Sender] = entry_point.load()
        return opener
    return None


def sqlite_path(url: str) -> str | None:
    """
    Return the path in an SQLite URL, relative or absolute; None for another URL.

    Raises:
        ConfigurationError: If the URL is invalid.
    """
    if _foreign_opener(url) is not None:
        return None
    parts = _parts(url)
    return _file_of(parts) if parts.scheme == "sqlite" else None


def application_of(url: str, application_id: str | None) -> str | None:
    """
    Return the application of the sender that a URL would open, and open nothing.

    Args:
        url: Where to send.
        application_id: As `open_sender` takes it.

    Returns:
        The application; `application_id` for a scheme of another package.

    Raises:
        ConfigurationError: If the URL is invalid.
    """
    if _foreign_opener(url) is not None:
        return application_id
    parts = _parts(url)
    match parts.scheme:
        case "pinpoint":
            return _named_application(parts, application_id)
        case "sqlite":
            _file_of(parts)
        case "memory":
            _check_memory(parts)
        case _:
            _stream(parts)
    return _or_local(application_id)


def kinesis_stream(url: str) -> tuple[str, Mapping[str, str]]:
    """
    Return the stream that a `kinesis:` URL names, by name or ARN, and its options.

    Raises:
        ConfigurationError: If the URL is invalid, or has another scheme.
    """
    parts = _parts(url)
    if parts.scheme != "kinesis":
        problem = "names no stream that can be read"
        raise _refused(parts.scheme, problem, "write kinesis://STREAM?region=REGION")
    return _stream(parts)


def is_region_name(name: str) -> bool:
    """Return whether a region may have the name, which is a part of a host's name."""
    return _REGION.fullmatch(name) is not None


# At least two characters: a single letter is the drive of a Windows path.
_SCHEME: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_REGION: Final = re.compile("(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


class _Parts(NamedTuple):
    """
    The parts of a URL.

    Attributes:
        scheme: A known one, in lower case.
        authority: The text between `//` and the next `/`, not decoded; None if there is
            no `//`.
        path: The text after that, not decoded, with its `/`.
        options: The query, decoded.
    """

    scheme: str
    authority: str | None
    path: str
    options: Mapping[str, str]


def _parts(url: str) -> _Parts:
    given: object = url
    if not isinstance(given, str):
        raise ConfigurationError(
            f"the URL is of type {type(given).__name__}; write one of {_FORMS}"
        )
    written, colon, rest = url.partition(":")
    if not colon or _SCHEME.fullmatch(written) is None:
        raise ConfigurationError(
            f"this is no URL; write one of {_FORMS}; a file is sqlite:///FILE"
        )
    scheme = written.lower()
    if scheme not in _OPENERS:
        raise _unknown_scheme(written, rest)
    if _CONTROL.search(rest):
        raise _refused(scheme, "has a control character in it", "percent-encode it")
    if "#" in rest:
        raise _refused(scheme, "has a fragment", "write # as %23")
    path, _, query = rest.partition("?")
    authority = None
    if path.startswith("//"):
        authority, slash, path = path[2:].partition("/")
        path = slash + path
    if "@" in (authority or ""):
        remedy = (
            "credentials never stand in a URL: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; write @ in a name as %40"
        )
        raise _refused(scheme, "has an @ before its path", remedy)
    return _Parts(scheme, authority, path, _options(scheme, query))


def _options(scheme: str, query: str) -> dict[str, str]:
    known = _OPTIONS[scheme]
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, equals, raw = pair.partition("=")
        key = _decoded(scheme, name)
        if not equals:
            problem = "has a part of its query without ="
            raise _refused(scheme, problem, "write NAME=VALUE, and & as %26")
        if not known:
            problem = f"has the query key {shortened(key)}, and takes none"
            raise _refused(scheme, problem, "leave out what follows ?")
        if key not in known:
            near = nearest(key, known)
            shown = f"the query key {shortened(key)}" if near else "a query key"
            problem = f"has {shown}, which is not known"
            takes = " and ".join(filter(None, (", ".join(known[:-1]), known[-1])))
            remedy = "; ".join((f"it takes {takes}", *_guess(near)))
            raise _refused(scheme, problem, remedy)
        if key in options:
            raise _refused(scheme, f"has {key} twice", "leave one out")
        if not raw:
            raise _refused(scheme, f"has an empty {key}", "leave it out, or give it")
        options[key] = _decoded(scheme, raw)
    return options


def _decoded(scheme: str, text: str) -> str:
    """Return the text without its percent-encoding."""
    remedy = "percent-encode names in UTF-8, and % itself as %25"
    if _BAD_ESCAPE.search(text):
        raise _refused(scheme, "has a % that begins no escape", remedy)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        # From None: the error holds the text.
        raise _refused(scheme, "has escapes that are no UTF-8", remedy) from None


def _memory(parts: _Parts, application_id: str | None) -> Sender:
    from pinpoint_events.senders.memory import MemorySender  # noqa: PLC0415

    _check_memory(parts)
    return MemorySender(application_id=_or_local(application_id))


def _check_memory(parts: _Parts) -> None:
    if parts.authority or parts.path:
        raise _refused("memory", "names something", "write memory: and nothing more")


def _sqlite(parts: _Parts, application_id: str | None) -> Sender:
    from pinpoint_events.senders.sqlite import SqliteSender  # noqa: PLC0415

    return SqliteSender(_file_of(parts), application_id=_or_local(application_id))


def _file_of(parts: _Parts) -> str:
    if parts.authority != "" or not parts.path.startswith("/"):
        problem = "does not begin with sqlite:///"
        remedy = "write sqlite:///relative.db or sqlite:////absolute/path.db"
        raise _refused("sqlite", problem, remedy)
    path = _decoded("sqlite", parts.path[1:])
    if path in {"", ":memory:"}:
        remedy = "write sqlite:///FILE, or memory: to keep nothing"
        raise _refused("sqlite", "names no file", remedy)
    return path


def _or_local(application_id: str | None) -> str:
    return DEFAULT_APPLICATION_ID if application_id is None else application_id


def _pinpoint(parts: _Parts, application_id: str | None) -> Sender:
    from pinpoint_events.senders.pinpoint import PinpointSender  # noqa: PLC0415

    named = _named_application(parts, application_id)
    region = parts.options.get("region")
    endpoint_url = parts.options.get("endpoint_url")
    return PinpointSender(named, region=region, endpoint_url=endpoint_url)


def _named_application(parts: _Parts, application_id: str | None) -> str:
    """Return the application in a `pinpoint:` URL, which is checked."""
    if parts.authority is None or parts.path not in {"", "/"} or ":" in parts.authority:
        problem = "is not pinpoint://APPLICATION_ID?region=REGION&endpoint_url=URL"
        remedy = "write / in the id as %2F, and : as %3A"
        raise _refused("pinpoint", problem, remedy)
    named = _decoded("pinpoint", parts.authority) or application_id
    if named is None:
        remedy = "write pinpoint://APPLICATION_ID, or pass application_id"
        raise _refused("pinpoint", "names no application", remedy)
    if application_id not in {None, named}:
        other = shortened(application_id or "")
        problem = f"names the application {shortened(named)}, and the argument {other}"
        raise _refused("pinpoint", problem, "leave one of them out")
    _check_region(parts)
    return named


def _kinesis(parts: _Parts, application_id: str | None) -> Sender:
    from pinpoint_events.senders.kinesis import KinesisSender  # noqa: PLC0415

    stream, options = _stream(parts)
    return KinesisSender(stream, application_id=_or_local(application_id), **options)


def _firehose(parts: _Parts, application_id: str | None) -> Sender:
    from pinpoint_events.senders.firehose import FirehoseSender  # noqa: PLC0415

    stream, options = _stream(parts)
    return FirehoseSender(stream, application_id=_or_local(application_id), **options)


def _stream(parts: _Parts) -> tuple[str, dict[str, Any]]:
    """Return the stream that a URL names, and the other options of its sender."""
    options: dict[str, Any] = dict(parts.options)
    arn = options.pop("stream_arn", None)
    if parts.authority is None or parts.path not in {"", "/"}:
        problem = f"is not {parts.scheme}://STREAM?region=REGION"
        remedy = "name the stream after //, or its ARN in stream_arn"
        raise _refused(parts.scheme, problem, remedy)
    name = _decoded(parts.scheme, parts.authority)
    if not (name or arn):
        remedy = f"write {parts.scheme}://STREAM, or its ARN in stream_arn"
        raise _refused(parts.scheme, "names no stream", remedy)
    if name and arn and arn.rpartition("/")[2] != name:
        problem = "names a stream that is not the one of stream_arn"
        raise _refused(parts.scheme, problem, "leave one of them out")
    _check_region(parts)
    return arn or name, options


def _check_region(parts: _Parts) -> None:
    region = parts.options.get("region")
    if region is not None and not is_region_name(region):
        # Checked here, because botocore's error repeats the value.
        problem = "has a region that is none"
        raise _refused(parts.scheme, problem, "write eu-west-1, say")


_STREAM_OPTIONS: Final = (
    "region",
    "endpoint_url",
    "stream_arn",
    "format",
    "event_id_attribute",
    "endpoints",
)

_OPENERS: Final[Mapping[str, Callable[[_Parts, str | None], Sender]]] = {
    "firehose": _firehose,
    "kinesis": _kinesis,
    "memory": _memory,
    "pinpoint": _pinpoint,
    "sqlite": _sqlite,
}
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "firehose": _STREAM_OPTIONS,
    "kinesis": _STREAM_OPTIONS,
    "memory": (),
    "pinpoint": ("region", "endpoint_url"),
    "sqlite": (),
}
_FORMS: Final = (
    "memory:, pinpoint://APPLICATION_ID, sqlite:///FILE, kinesis://STREAM, "
    "firehose://STREAM"
)


def _unknown_scheme(scheme: str, rest: str) -> ConfigurationError:
    # Without // after it, it may be a user name before a password, and is not shown.
    shown = f"the scheme {shortened(scheme)}" if rest.startswith("//") else "its scheme"
    if scheme.lower() in {"http", "https"}:
        remedy = "a PutEvents endpoint is pinpoint://APPLICATION_ID?endpoint_url=URL"
    else:
        remedy = "".join(_guess(nearest(scheme, list(_OPENERS))))
    message = f"this URL is not understood: {shown} is not known"
    write = f"write one of {_FORMS}"
    return ConfigurationError("; ".join(filter(None, (message, write, remedy))))


def _guess(near: Sequence[str]) -> tuple[str, ...]:
    return (f"did you mean {' or '.join(near)}?",) if near else ()


def _refused(scheme: str, problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"this {scheme} URL {problem}; {remedy}")
