"""TLS contexts, set up as in botocore."""

import ssl

from pinpoint_events.aws._botocore import create_urllib3_context, get_cert_path
from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode

__all__ = ["tls_context"]


def tls_context(
    verify: bool | str,  # noqa: FBT001 - botocore's own name and values
    client_cert: str | tuple[str, str] | None,
    *,
    checks_host: bool,
) -> ssl.SSLContext:
    """
    Return what a connection needs to speak TLS.

    Args:
        verify: Whether to verify certificates, or by which bundle.
        client_cert: What to show: a path, or one of the certificate and of its key.
        checks_host: Whether the certificate must name the host.

    Raises:
        ConfigurationError: If certificates cannot be read.
    """
    context: ssl.SSLContext = create_urllib3_context()
    context.set_alpn_protocols(["http/1.1"])
    if verify:
        context.check_hostname = checks_host
        path = get_cert_path(verify)
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise ConfigurationError(
                f"the CA bundle {path!r} cannot be read; correct AWS_CA_BUNDLE",
                ConfigurationErrorCode.CA_BUNDLE_UNREADABLE,
            ) from error
    else:
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        paths = (client_cert,) if isinstance(client_cert, str) else client_cert
        try:
            context.load_cert_chain(*paths)
        except OSError as error:
            raise ConfigurationError(
                f"the client certificate {paths[0]!r} cannot be read; correct "
                "client_cert"
            ) from error
    return context
