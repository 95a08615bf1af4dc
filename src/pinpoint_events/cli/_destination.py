"""Errors of AWS settings, where the URL of `--to` says where to send."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode

__all__ = ["destination_errors"]

# They begin with the AWS CLI's words; the library's name arguments of Python.
_MESSAGES: Final = {
    ConfigurationErrorCode.INVALID_REGION: (
        "Provided region_name doesn't match a supported format; correct region in the "
        "URL, AWS_REGION or the profile"
    ),
    ConfigurationErrorCode.NO_CREDENTIALS: (
        "Unable to locate credentials: set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
    ),
    ConfigurationErrorCode.NO_REGION: (
        "You must specify a region: add {separator}region=eu-west-1 to the URL, or set "
        "AWS_REGION, or region in the profile of the AWS config file"
    ),
}


@contextmanager
def destination_errors(url: str) -> Iterator[None]:
    """
    Raise errors of AWS settings with remedies for the command line.

    Args:
        url: The destination.
    """
    try:
        yield
    except ConfigurationError as error:
        code = error.code
        if code not in _MESSAGES:
            raise
    else:
        return
    # Raised outside the `except` block so that the original error, which may quote a
    # line of a file, is not attached as `__context__`.
    separator = "&" if "?" in url else "?"
    raise ConfigurationError(_MESSAGES[code].format(separator=separator), code)
