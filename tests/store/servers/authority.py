"""A certificate authority of one's own and a certificate that it gave, as a company's servers have them.

The package that makes them comes with moto.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = dt.timedelta(days=1)


def write_authority(folder: Path, *addresses: str) -> tuple[Path, Path]:
    """Make both; the certificate is good for loopback, and for these addresses.

    Returns:
        The authority's certificate, and the server's with its key.
    """
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name("authority"), _name("localhost")
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    authority = _builder(issuer, issuer, authority_key).add_extension(constraints, critical=True)
    hosts = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", *addresses)]
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), *hosts])
    certificate = _builder(subject, issuer, key).add_extension(names, critical=False)
    authority_file, server_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(_signed(authority, authority_key))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server_file.write_bytes(secret + _signed(certificate, authority_key))
    return authority_file, server_file


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(tz=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - _LIFE).not_valid_after(now + _LIFE)


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
