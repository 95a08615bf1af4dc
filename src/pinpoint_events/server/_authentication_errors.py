"""
Errors for requests whose signature is missing or invalid.

Names and statuses are those of API Gateway, which was in front of the service: real
errors of the service have the header `x-amz-apigw-id` (aws-amplify/aws-sdk-ios issue
861). API Gateway answers each of these with 403, where older services answer 400:

- `MissingAuthenticationTokenException`, and those of signatures and tokens: developer
  guide, "Gateway response types", `MISSING_AUTHENTICATION_TOKEN`, `INVALID_SIGNATURE`,
  `EXPIRED_TOKEN`, each with the default 403.
- `InvalidSignatureException`, from Pinpoint itself, for clock skew:
  aws-amplify/amplify-js issues 3699 and 9281; with 403: cognitect-labs/aws-api 255.
  `SignatureDoesNotMatch` is its name in the older query and S3 protocols.
- `IncompleteSignatureException` with 403 for a malformed header: aws/chalice 828.
- `UnrecognizedClientException` with 403, and its header `x-amzn-ErrorType`:
  badslug/Paw-AWSSignature4DynamicValue 5. `InvalidClientTokenId` is its older name.

Most messages, and the order of the checks, are those that mhart/dynalite recorded from
a real service, in the comments of its `index.js`. That service repeats headers and key
ids in its messages; these messages do not, because people mix up key id and secret
(boto/boto3 issue 1752, mhart/aws4 issue 97), and answers end up in logs.
"""

from typing import Final

from pinpoint_events.server._answers import RequestError

__all__ = [
    "AuthenticationError",
    "incomplete_signature",
    "invalid_signature",
    "missing_token",
    "unrecognized_client",
]

_FORBIDDEN: Final = 403


class AuthenticationError(RequestError):
    """
    A request is rejected because its signature is missing or invalid.

    The message is for the signer. It contains no secret, no session token, no whole
    access key id, and no header value that may be private.

    Attributes:
        access_key_id: The whole access key id, for the log, if it is a known one.
    """

    access_key_id: str | None = None

    def __str__(self) -> str:
        """Return status, code and message in one text."""
        return f"HTTP {self.status}, {self.code}: {self.message}"


def missing_token() -> AuthenticationError:
    """Return the error for a request without a signature."""
    code = "MissingAuthenticationTokenException"
    return AuthenticationError(_FORBIDDEN, "Missing Authentication Token", code=code)


def incomplete_signature(message: str) -> AuthenticationError:
    """Return the error for a malformed signature."""
    return AuthenticationError(_FORBIDDEN, message, code="IncompleteSignatureException")


def invalid_signature(message: str) -> AuthenticationError:
    """Return the error for a well-formed signature that is not valid."""
    return AuthenticationError(_FORBIDDEN, message, code="InvalidSignatureException")


def unrecognized_client(remark: str) -> AuthenticationError:
    """Return the error for an unknown access key or a wrong session token."""
    message = f"The security token included in the request is invalid. {remark}"
    return AuthenticationError(_FORBIDDEN, message, code="UnrecognizedClientException")
