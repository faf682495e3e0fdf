"""The certificate of the API's listener: whether it and its key can be used, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from ...errors import SettingsError
from ...serving.certificates import certificates_of
from ..finding import Finding, green, red, yellow
from ..subject import Subject

_SOON = timedelta(days=7)
"""What renews certificates has done so long before."""


def look(subject: Subject) -> Iterator[Finding]:
    """Load the pair as the listener does."""
    http = subject.settings.http
    try:
        if certificates_of(http) is None or http.tls_cert_file is None:
            yield green("tls", "not configured: the API speaks plain HTTP")
            return
    except SettingsError as error:
        yield red("tls", error.message.rstrip("."), error.remedy)
        return
    certificate = x509.load_pem_x509_certificate(Path(http.tls_cert_file).read_bytes())
    yield judge(http.tls_cert_file, certificate.not_valid_after_utc, datetime.now(UTC))


def judge(file: str, end: datetime, now: datetime) -> Finding:
    """Judge by how long the certificate is still valid."""
    remedy = "Renew it; running servers read it again by themselves."
    if end < now:
        return red("tls", f"the certificate {file} expired on {end:%Y-%m-%d}, and clients refuse it", remedy)
    if end - now < _SOON:
        return yellow("tls", f"the certificate {file} expires on {end:%Y-%m-%d}", remedy)
    return green("tls", f"the certificate {file} and its key can be used until {end:%Y-%m-%d}")
