"""
The access keys that an endpoint accepts.

They are read from the environment variables that AWS clients read, or from a file in
the format of AWS's shared credentials file (`~/.aws/credentials`):

```ini
[web]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

[nightly-job]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY
aws_session_token = AQoDYXdzEJr...
```

The key of every profile is accepted, whatever the profile's name. Other settings, and
profiles without a key, are ignored. An access key id must not have two different
secrets or session tokens.
"""

import configparser
import logging
import os
import stat
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model import _converters as to
from pinpoint_events.problems import Expected, file_text, shortened
from pinpoint_events.server._settings import check_settings, list_of, seconds
from pinpoint_events.storage.paths import path_text

__all__ = ["Credentials", "FileKeys", "Keys", "redacted_key_id"]

_log = logging.getLogger("pinpoint_events")

DEFAULT_STALE_SECONDS: Final = 60.0
"""A minute is enough to mend a file, and short for a key that was to be revoked."""
_MAX_BYTES: Final = 1_048_576  # read in some 0.15 s
_SECONDS_BETWEEN_TRIES: Final = 1.0
_SECONDS_BETWEEN_LINES: Final = 60.0  # of the log, while reading fails

_SHOWN_CHARACTERS: Final = 4  # the last of a key id, at most a quarter of it

# The session token has two names. The older comes first, as in botocore.
_ID: Final = "aws_access_key_id"
_SECRET: Final = "aws_secret_access_key"  # noqa: S105 - a name
_TOKENS: Final = ("aws_security_token", "aws_session_token")

# They separate the scope and the parameters of an Authorization header.
_SEPARATORS: Final = frozenset("/,=;")


def redacted_key_id(access_key_id: str) -> str:
    """Return the end of an access key id, enough to recognize it, in quotes."""
    count = min(_SHOWN_CHARACTERS, len(access_key_id) // 4)
    return repr("…" + access_key_id[len(access_key_id) - count :])


def _none_if_empty(text: str | None) -> str | None:
    return text or None


@attrs.frozen
class Credentials:
    """
    An access key, with which requests may be signed.

    Attributes:
        access_key_id: The id of the key.
        secret_access_key: The secret; left out of the `repr`.
        session_token: The token that each request must have, as with temporary
            credentials of AWS; an empty text is None. Left out of the `repr`.

    Raises:
        ConfigurationError: If no request can be signed with it.
    """

    access_key_id: str
    secret_access_key: str = attrs.field(repr=False)
    session_token: str | None = attrs.field(
        default=None, repr=False, converter=_none_if_empty
    )

    def __attrs_post_init__(self) -> None:
        """Reject values that no request can contain."""
        check_settings(
            access_key_id=_text(self.access_key_id),
            secret_access_key=_text(self.secret_access_key),
            session_token=_text(self.session_token or ""),
        )
        remedy = "copy it again"
        if any(map(_is_quoted, (self.access_key_id, self.secret_access_key))):
            message = "the key is in quotation marks; remove them"
            raise ConfigurationError(message)
        if not _is_sound(self.access_key_id) or _SEPARATORS & set(self.access_key_id):
            message = (
                "the access key id is empty or holds white space or one of / , = ;"
            )
            raise ConfigurationError(f"{message}; {remedy}")
        if not _is_sound(self.secret_access_key):
            message = "the secret access key is empty or holds white space"
            raise ConfigurationError(f"{message}; {remedy}")
        if self.session_token is not None and not _is_sound(self.session_token):
            raise ConfigurationError(f"the session token holds white space; {remedy}")


def _text(value: object) -> Any:
    return value if isinstance(value, str) else to.wrong_type(value, Expected.NAME)


def _is_quoted(text: str) -> bool:
    # The file may have been written for a shell. Other readers take the quotation marks
    # for a part of the key, and then no signature is valid.
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def _is_sound(text: str) -> bool:
    return text.isascii() and text.isprintable() and text != "" and " " not in text


class Keys:
    """
    A set of access keys.

    Safe to use from several threads.

    Args:
        credentials: The only keys that are accepted.

    Raises:
        ConfigurationError: If there are none, or two different ones have the same id.
    """

    def __init__(self, credentials: Iterable[Credentials]) -> None:
        found = list_of(Credentials, credentials)
        check_settings(credentials=found)
        self._known = _by_id(found)

    def __repr__(self) -> str:
        """Show only the number of keys, because ids should not be logged."""
        return f"<{type(self).__name__} of {len(self._known)}>"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Keys":
        """
        Return the key in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.

        Its session token is that in `AWS_SECURITY_TOKEN` or `AWS_SESSION_TOKEN`, if one
        of them is set.

        Args:
            environment: The environment variables; None reads those of this process.

        Raises:
            ConfigurationError: If one of the two is missing, or the key is unusable.
        """
        source = os.environ if environment is None else environment
        found = {name: source.get(name.upper(), "") for name in (_ID, _SECRET)}
        missing = [name.upper() for name, value in found.items() if not value]
        if missing:
            message = f"no key in the environment: set {' and '.join(missing)}"
            raise ConfigurationError(message)
        tokens = [source.get(name.upper(), "") for name in _TOKENS]
        token = next(filter(None, tokens), None)
        try:
            return Keys([Credentials(found[_ID], found[_SECRET], token)])
        except ConfigurationError as error:
            message = f"the key in the environment is of no use: {error}"
            raise ConfigurationError(message) from None

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        stale_seconds: float | None = DEFAULT_STALE_SECONDS,
    ) -> "FileKeys":
        """
        Return the keys of every profile in a credentials file.

        Args:
            path: The file.
            stale_seconds: How long the previous keys stay accepted while the file
                cannot be read; None for ever.

        Raises:
            ConfigurationError: If the file cannot be read, or contains no key.
        """
        return FileKeys(path, stale_seconds=stale_seconds)

    def find(self, access_key_id: str) -> Credentials | None:
        """Return the key with this id; None if it is not accepted."""
        return self._known.get(access_key_id)

    @property
    def is_due(self) -> bool:
        """Whether the keys are to be read again, by `refresh`, before they are used."""
        return False

    @property
    def is_stale(self) -> bool:
        """Whether no key is accepted, as the keys could not be read for too long."""
        return False

    @property
    def is_failing(self) -> bool:
        """Whether the keys could not be read the last time."""
        return False

    def refresh(self) -> None:
        """Read the keys again from their source, if that is due."""

    def reload(self) -> bool:
        """Read the keys again from their source; return whether that was done."""
        return False


class FileKeys(Keys):
    """
    The keys of a file, read again when the file changes.

    Each look-up compares the file's times and size with those of the last reading, so
    that a key that was removed is rejected from then on. If the file cannot be read, or
    is invalid, that is tried again at each look-up, once a second at most. Meanwhile
    the previous keys stay accepted for a time; then none is. The log says when reading
    fails, each minute while it does, and when it succeeds.

    Replace the file by renaming another one over it: a half-written file may be valid,
    but lack keys.

    Args:
        path: A regular file of at most 1 MiB, some 7,000 keys. It is read at once.
        stale_seconds: How long the previous keys stay accepted while the file cannot be
            read; None for ever.

    Raises:
        ConfigurationError: If the file cannot be read, or contains no key.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        stale_seconds: float | None = DEFAULT_STALE_SECONDS,
    ) -> None:
        self._path = Path(path_text(path))
        check_settings(
            stale_seconds=None if stale_seconds is None else seconds(stale_seconds)
        )
        self._stale_seconds = stale_seconds
        self._lock = threading.Lock()
        self._failing_since: float | None = None
        self._tried_at = self._logged_at = 0.0
        self._line = ""  # of the log, that was written last
        # Before reading: a later change then differs, and is read at the next look-up.
        self._state = _state(self._path)
        super().__init__(_read(self._path).values())

    @staticmethod
    def _monotonic() -> float:
        return time.monotonic()

    def find(self, access_key_id: str) -> Credentials | None:
        """Return the key with this id in the current file; None if there is none."""
        self.refresh()
        return None if self.is_stale else super().find(access_key_id)

    @property
    def is_due(self) -> bool:
        """Whether the file has changed, or its reading failed a while ago."""
        if _state(self._path) != self._state:
            return True
        is_failing = self._failing_since is not None
        return (
            is_failing and self._monotonic() - self._tried_at >= _SECONDS_BETWEEN_TRIES
        )

    @property
    def is_stale(self) -> bool:
        """Whether the file could not be read for longer than old keys are accepted."""
        since, most = self._failing_since, self._stale_seconds
        if since is None or most is None:
            return False
        return self._monotonic() - since > most

    @property
    def is_failing(self) -> bool:
        """Whether the file could not be read the last time."""
        return self._failing_since is not None

    def refresh(self) -> None:
        """Read the file again, if that is due."""
        if self.is_due:
            with self._lock:
                if self.is_due:  # or another thread has read it
                    self._reload(logs=False)

    def reload(self) -> bool:
        """
        Read the file again, even if it seems unchanged.

        Returns:
            Whether its keys are accepted now. If not, the previous keys stay accepted
            for a time, and a log line states the reason.
        """
        with self._lock:
            return self._reload(logs=True)

    def _reload(self, *, logs: bool) -> bool:
        """Read the file; log a failure if that is wanted, or if it is time to."""
        now = self._tried_at = self._monotonic()
        self._state = _state(self._path)
        try:
            self._known = _read(self._path)
        except ConfigurationError as error:
            if self._failing_since is None:
                self._failing_since = now
            message = (
                "keys not reloaded; none is accepted"
                if self.is_stale
                else "keys not reloaded; those known before stay accepted"
            )
            line = f"{message}: {error}"
            is_old = (
                line == self._line and now - self._logged_at < _SECONDS_BETWEEN_LINES
            )
            if logs or not is_old:
                self._line, self._logged_at = line, now
                _log.warning(message, extra={"pinpoint_events.problem": str(error)})
            return False
        self._failing_since, self._line = None, ""
        _log.info(
            "keys reloaded",
            extra={
                "pinpoint_events.path": str(self._path),
                "pinpoint_events.count": len(self._known),
            },
        )
        return True


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    # The inode also reveals a file that was renamed over this one in the same tick; the
    # time of change, other permissions and content whose time was set back.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _by_id(credentials: Iterable[Credentials]) -> Mapping[str, Credentials]:
    known: dict[str, Credentials] = {}
    for key in credentials:
        if known.setdefault(key.access_key_id, key) != key:
            shown = redacted_key_id(key.access_key_id)
            message = f"access key id {shown} is there with two secrets or tokens"
            raise ConfigurationError(f"{message}; keep one of them")
    if not known:
        raise ConfigurationError("no key to accept; add one")
    return known


def _read(path: Path) -> Mapping[str, Credentials]:
    parser = _parsed(path)
    found = []
    for profile in parser.sections():
        try:
            found += _keys_of(parser[profile])
        except ConfigurationError as error:
            place = f"{file_text(str(path))}, profile {shortened(profile)}"
            message = f"credentials file {place}: {error}"
            raise ConfigurationError(message) from None
    if not found:
        message = f"holds no key; give a profile {_ID} and {_SECRET}"
        raise ConfigurationError(f"credentials file {file_text(str(path))} {message}")
    try:
        return _by_id(found)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"credentials file {file_text(str(path))}: {error}"
        ) from None


def _content(path: Path) -> bytes:
    named = f"credentials file {file_text(str(path))}"
    # Without waiting: to open a pipe that no one writes would take for ever.
    descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigurationError(f"{named} is no regular file; name one")
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        message = f"has more than {_MAX_BYTES:,} bytes; take out what is no key"
        raise ConfigurationError(f"{named} {message}")
    return content


_WITHOUT_WAITING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _parsed(path: Path) -> configparser.RawConfigParser:
    # Messages quote only the names of profiles. Errors that quote a line of the file,
    # which may be a secret, are not chained.
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(_content(path).decode("utf-8-sig"))
    except OSError as error:
        message = (
            f"credentials file {file_text(str(path))} cannot be read: {error.strerror}"
        )
        raise ConfigurationError(
            f"{message}; name another, or let this user read it"
        ) from error
    except UnicodeDecodeError:
        message = (
            f"credentials file {file_text(str(path))} is not UTF-8; save it as that"
        )
        raise ConfigurationError(message) from None
    except configparser.MissingSectionHeaderError as error:
        message = "is in no profile; begin one, with its name in brackets: [default]"
        raise _fault(path, error.lineno, message) from None
    except configparser.DuplicateSectionError as error:
        message = "begins a profile a second time; give it another name"
        raise _fault(path, error.lineno, message) from None
    except configparser.DuplicateOptionError as error:
        message = "sets what its profile has set already; leave one of them out"
        raise _fault(path, error.lineno, message) from None
    except configparser.ParsingError as error:
        message = "is no setting; write NAME = VALUE"
        raise _fault(path, error.errors[0][0], message) from None
    return parser


def _fault(path: Path, line: int | None, message: str) -> ConfigurationError:
    return ConfigurationError(
        f"credentials file {file_text(str(path))}: line {line} {message}"
    )


def _keys_of(profile: Mapping[str, str]) -> list[Credentials]:
    access_key_id = profile.get(_ID)
    secret = profile.get(_SECRET)
    if access_key_id is None and secret is None:
        return []  # the profile refers to another one, or has no key
    if access_key_id is None or secret is None:
        missing = _ID if access_key_id is None else _SECRET
        raise ConfigurationError(f"{missing} is missing; add it")
    token = next((profile[name] for name in _TOKENS if name in profile), None)
    return [Credentials(access_key_id, secret, token)]
