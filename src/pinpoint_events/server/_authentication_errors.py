"""
What the endpoint answers to a request that it does not trust.

Names and statuses are those of API Gateway, which stood before the service: its real
errors carry `x-amz-apigw-id` (aws-amplify/aws-sdk-ios issue 861). It answers each of
these with 403, where older services say 400:

- `MissingAuthenticationTokenException`, and the signature and token ones: developer
  guide, "Gateway response types", `MISSING_AUTHENTICATION_TOKEN`, `INVALID_SIGNATURE`,
  `EXPIRED_TOKEN`, each with the default 403.
- `InvalidSignatureException`, of Pinpoint itself, for a clock that is off:
  aws-amplify/amplify-js issues 3699 and 9281; with 403: cognitect-labs/aws-api 255.
  `SignatureDoesNotMatch` is its name in the older query and S3 protocols.
- `IncompleteSignatureException` with 403 for a malformed header: aws/chalice 828.
- `UnrecognizedClientException` with 403, and its header `x-amzn-ErrorType`:
  badslug/Paw-AWSSignature4DynamicValue 5. `InvalidClientTokenId` is its older name.

Most sentences, and the order of the checks, are those that mhart/dynalite recorded from
a real service, in the comments of its `index.js`. Where that service repeats a header
or a key id in its sentence, these do not: people mix up key id and secret (boto/boto3
issue 1752, mhart/aws4 issue 97), and answers end in logs.
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
    A request that is not to be served, because its signature is missing or wrong.

    Its message is for the one who signed. It holds no secret, no session token, no
    whole access key id, and no header value that may be private.
    """

    def __str__(self) -> str:
        """Return status, code and message in one text."""
        return f"HTTP {self.status}, {self.code}: {self.message}"


def missing_token() -> AuthenticationError:
    """Return the answer to a request that is not signed at all."""
    code = "MissingAuthenticationTokenException"
    return AuthenticationError(_FORBIDDEN, "Missing Authentication Token", code=code)


def incomplete_signature(message: str) -> AuthenticationError:
    """Return the answer to a signature that cannot be read."""
    return AuthenticationError(_FORBIDDEN, message, code="IncompleteSignatureException")


def invalid_signature(message: str) -> AuthenticationError:
    """Return the answer to a signature that can be read and does not hold."""
    return AuthenticationError(_FORBIDDEN, message, code="InvalidSignatureException")


def unrecognized_client(remark: str) -> AuthenticationError:
    """Return the answer to a key, or its session token, that is not known here."""
    message = f"The security token included in the request is invalid. {remark}"
    return AuthenticationError(_FORBIDDEN, message, code="UnrecognizedClientException")
