"""
The key that signs: derived from a secret for a day, a region and a service.

AWS Signature Version 4, "Calculate the signature". Signers and verifiers keep it for as
long as the day lasts: to derive it takes longer than to sign with it.
"""

import hmac
from collections.abc import Iterable

__all__ = ["signing_mac"]


def signing_mac(secret: str, scope: Iterable[str]) -> hmac.HMAC:
    """
    Return the code that signs texts; copy it for each.

    Args:
        secret: The secret access key.
        scope: The parts of the scope: day, region, service, and `aws4_request`.
    """
    key = b"AWS4" + secret.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")
