"""AWS credentials: looked up by botocore's chain at the first request, never before."""

import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import botocore
from botocore.exceptions import PartialCredentialsError

from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode

__all__ = ["CredentialsProvider", "FrozenCredentials", "credentials_provider"]


class FrozenCredentials(NamedTuple):
    """The credentials of one signature, as botocore's frozen credentials have them."""

    access_key: str
    secret_key: str
    token: str | None


CredentialsProvider = Callable[[], FrozenCredentials]


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
        return lambda: _frozen(given)
    if hasattr(given, "access_key") and hasattr(given, "secret_key"):
        frozen = FrozenCredentials(
            given.access_key, given.secret_key, getattr(given, "token", None)
        )
        return lambda: frozen
    raise ConfigurationError(
        f"credentials is of type {type(given).__name__}; pass botocore's Credentials, "
        "or leave it out"
    )


class _CredentialChain:
    """botocore's credential chain, which is run at the first request."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._credentials: Any = None
        # By process id: after a `fork`, a parent's lock may stay locked in the child.
        self._locks: dict[int, threading.Lock] = {}

    def __call__(self) -> FrozenCredentials:
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self._credentials is None:
                find = self._session.get_credentials
                self._credentials = _or_configuration_error(find)
        if self._credentials is None:
            raise ConfigurationError(
                "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role",
                ConfigurationErrorCode.NO_CREDENTIALS,
            )
        return _frozen(self._credentials)


def _frozen(credentials: Any) -> FrozenCredentials:
    frozen = _or_configuration_error(credentials.get_frozen_credentials)
    return FrozenCredentials(frozen.access_key, frozen.secret_key, frozen.token)


def _or_configuration_error(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except PartialCredentialsError as error:
        message = f"{error}; set both, or neither"  # it names the missing variable
        raise ConfigurationError(message) from None
    except Exception as error:  # noqa: BLE001 - see below
        # botocore lets through whatever error a credential process or a token file
        # causes. From None: the error may quote what the process printed.
        message = (
            f"the AWS credentials cannot be loaded ({type(error).__name__}); check the "
            "profile and what it refers to, and that its login is still valid"
        )
        raise ConfigurationError(message) from None
