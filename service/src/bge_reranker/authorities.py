"""Who may sign the certificates of other servers: a file of authorities, or those of the system."""

from __future__ import annotations

import ssl

from .errors import SettingsError


def trusting(file: str, setting: str) -> ssl.SSLContext:
    """What verifies servers by the authorities in a file, and by no others.

    Args:
        file: Certificates in PEM.
        setting: What names the file, for errors.

    Raises:
        SettingsError: If it cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        # One that holds no certificate has the reason of the library, one that is absent that of the system.
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(
            f"{setting} is {file}, which cannot be used: {reason}.",
            remedy="Mount the CA bundle there, in PEM, or unset it.",
        ) from None
