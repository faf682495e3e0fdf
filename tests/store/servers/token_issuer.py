"""Who gives a registry's callers their tokens, as the token server of a company or a cloud does."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .container_registry import PASSWORD, USER
from .faulty import FaultyServer, Handler

_NAME = "tests"
_KEY_BYTES = 32


class TokenIssuer:
    """Signs what it is asked for, if whoever asks has the password.

    Args:
        certificate: Its certificate and key.
        authority: What that is signed with.
    """

    def __init__(self, certificate: Path, authority: Path) -> None:
        pem = certificate.read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
        self._authority = authority
        self.server = FaultyServer()
        self.server.answers.append(self._answer)

    @property
    def auth(self) -> str:
        """The `auth` part of the configuration of a registry that believes it."""
        realm = f"{self.server.url}/token"
        return (
            f"auth: {{token: {{realm: '{realm}', service: {_NAME}, issuer: {_NAME}, "
            f"rootcertbundle: {self._authority}}}}}\n"
        )

    def _answer(self, handler: Handler) -> bool:
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if handler.headers.get("Authorization") != f"Basic {expected}":
            handler.send_plain(401)
            return True
        scopes = parse_qs(urlsplit(handler.path).query).get("scope", [])
        handler.send_plain(200, json.dumps({"token": self._token(scopes)}).encode(), Content_Type="application/json")
        return True

    def _token(self, scopes: list[str]) -> str:
        chain = base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()
        now = time.time()
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for kind, name, actions in (scope.split(":") for scope in scopes)
        ]
        claims: dict[str, Any] = {"iss": _NAME, "aud": _NAME, "sub": USER, "access": access}
        claims |= {"iat": int(now), "nbf": int(now) - 1, "exp": int(now) + 60, "jti": str(now)}
        signed = f"{_packed({'typ': 'JWT', 'alg': 'ES256', 'x5c': [chain]})}.{_packed(claims)}"
        numbers = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(b''.join(number.to_bytes(_KEY_BYTES, 'big') for number in numbers))}"


def _packed(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running_issuer(certificate: Path, authority: Path) -> Iterator[TokenIssuer]:
    issuer = TokenIssuer(certificate, authority)
    with issuer.server.running():
        yield issuer
