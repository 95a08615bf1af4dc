"""AWS credentials: looked up by botocore's chain at the first request, never before."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import botocore
from botocore import exceptions
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    PartialCredentialsError,
)

from pinpoint_events.aws._botocore import credentials_of, renew_refresh_lock
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    SenderError,
    is_retryable,
)

__all__ = ["CredentialsProvider", "FrozenCredentials", "credentials_provider"]


class FrozenCredentials(NamedTuple):
    """The credentials of one signature, as botocore's frozen credentials have them."""

    access_key: str
    secret_key: str
    token: str | None


CredentialsProvider = Callable[[], FrozenCredentials]

# The network, or a service that does not answer. (It is no `HTTPClientError` where no
# connection is made.)
_PASSING: Final = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.MetadataRetrievalError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
)

# Error codes of services that give credentials, which they answer with status 400.
# Source: botocore 1.44, `retries/standard.py` and the retry rules of STS.
_PASSING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "IDPCommunicationError",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def credentials_provider(
    session: Any, given: Any, signature_version: Any
) -> CredentialsProvider | None:
    """
    Return a function that returns current credentials; None to send unsigned requests.

    Args:
        session: A botocore session, whose chain is used if none are given.
        given: botocore's `Credentials`, or None.
        signature_version: As in a botocore client's config.

    Raises:
        ConfigurationError: If `given` are no credentials, or the signature is not v4.
    """
    if signature_version is botocore.UNSIGNED:
        return None
    if signature_version != "v4":
        raise ConfigurationError(
            "signature_version in the config or profile is not one that the service "
            "accepts; leave it out, or pass botocore.UNSIGNED"
        )
    if given is None:
        return _CredentialChain(session)
    if hasattr(given, "get_frozen_credentials"):
        return _GivenCredentials(given)
    if hasattr(given, "access_key") and hasattr(given, "secret_key"):
        frozen = FrozenCredentials(
            given.access_key, given.secret_key, getattr(given, "token", None)
        )
        return lambda: frozen
    raise ConfigurationError(
        f"credentials is of type {type(given).__name__}; pass botocore's Credentials, "
        "or leave it out"
    )


class _GivenCredentials:
    """
    The credentials that the caller passed.

    botocore's refresh holds a lock, which a `fork` may leave locked in the child: there
    it is renewed, once.
    """

    def __init__(self, given: Any) -> None:
        self._given = given
        self._process = os.getpid()

    def __call__(self) -> FrozenCredentials:
        process = os.getpid()
        if process != self._process:
            renew_refresh_lock(self._given)
            self._process = process
        return _frozen(self._given)


class _CredentialChain:
    """
    botocore's credential chain, which is run at the first request of each process.

    Credentials that the chain found in a parent process are not used in its child: a
    `fork` may leave them half refreshed, and their lock locked. Those that the session
    had before were set on it by the caller, as boto3's `Session` does with the keys
    that it is given: they stay in force.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._process = os.getpid()
        self._in_chain: Any = None  # what the session keeps of the chain's
        # By process id.
        self._credentials: dict[int, Any] = {}
        self._locks: dict[int, threading.Lock] = {}

    def __call__(self) -> FrozenCredentials:
        process = os.getpid()
        credentials = self._credentials.get(process) or self._found(process)
        if credentials is None:
            raise ConfigurationError(
                "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role",
                ConfigurationErrorCode.NO_CREDENTIALS,
            )
        return _frozen(credentials)

    def _found(self, process: int) -> Any:
        lock = self._locks.setdefault(process, threading.Lock())
        if not lock.acquire(timeout=_LOOKUP_SECONDS):
            raise SenderError(
                f"the AWS credentials are being looked up for {_LOOKUP_SECONDS:g} s; "
                "check the profile and what it refers to, then try again",
                is_retry_safe=True,
            )
        try:
            found = self._credentials.get(process)
            if found is None:
                found = _loaded(self._find if process == self._process else self._anew)
                self._credentials[process] = found
            return found
        finally:
            lock.release()

    def _find(self) -> Any:
        is_set = credentials_of(self._session) is not None
        found = self._session.get_credentials()
        if not is_set:
            self._in_chain = found
        return found

    def _anew(self) -> Any:
        kept = credentials_of(self._session)
        if kept is None or kept is self._in_chain:
            chain = self._session.get_component("credential_provider")
            return chain.load_credentials()
        renew_refresh_lock(kept)
        return kept


_LOOKUP_SECONDS: Final = 120.0  # botocore tries most sources for a minute or less


def _frozen(credentials: Any) -> FrozenCredentials:
    frozen = _loaded(credentials.get_frozen_credentials)
    return FrozenCredentials(frozen.access_key, frozen.secret_key, frozen.token)


def _loaded(get: Callable[[], Any]) -> Any:
    """
    Return what a function of botocore returns.

    Raises:
        SenderError: If a later attempt may succeed: a service of AWS did not answer.
        ConfigurationError: If it fails for another reason.
    """
    try:
        return get()
    except PartialCredentialsError as error:
        message = f"{error}; set both, or neither"  # it names the missing variable
        raise ConfigurationError(message) from None
    except Exception as error:  # noqa: BLE001 - see below
        # botocore lets through whatever error a credential process or a token file
        # causes. From None, all of them: the error may quote what was answered or
        # printed.
        raise (_later if _is_passing(error) else _never)(error) from None


def _is_passing(error: BaseException) -> bool:
    """Return whether the same look-up may succeed later."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code")
        return is_retryable(status) or code in _PASSING_CODES
    if isinstance(error, CredentialRetrievalError):
        # For a container that gives none now, and for a program that prints none.
        cause = error.__cause__ or error.__context__
        return cause is not None and _is_passing(cause)
    return isinstance(error, _PASSING)


def _later(error: Exception) -> SenderError:
    message = (
        f"the AWS credentials cannot be loaded now ({type(error).__name__}); check the "
        "network, then try again"
    )
    return SenderError(message, is_retry_safe=True)


def _never(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the AWS credentials cannot be loaded ({type(error).__name__}); check the "
        "profile and what it refers to, and that its login is still valid"
    )
