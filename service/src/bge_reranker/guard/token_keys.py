"""Keys that verify tokens, each bound to the one algorithm that it may be used with."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from ..errors import SettingsError

PUBLIC_ALGORITHMS: Final = ("RS256", "ES256")
"""Algorithms of the keys in a JWKS. A key that two sides share is no part of one: whoever reads it could sign."""

SECRET_ALGORITHM: Final = "HS256"  # noqa: S105 - the name of an algorithm
"""Algorithm of a secret that is shared with whoever issues tokens."""

ALGORITHMS: Final = (SECRET_ALGORITHM, *PUBLIC_ALGORITHMS)

MIN_SECRET_BYTES: Final = 32
"""Shortest shared secret. Source: RFC 7518, 3.2."""

_MOST_KEYS: Final = 100
"""Most keys that are read of one set; providers publish a handful."""

_KINDS: Final = ((["RSA", None], "RS256"), (["EC", "P-256"], "ES256"))
"""Kinds of keys (`kty`, `crv`), each with the one algorithm that it is used with."""

_PUBLIC_MEMBERS: Final = frozenset({"kty", "kid", "n", "e", "crv", "x", "y"})
"""Members of a key that are read: whatever else stands there, a private part included, is left alone."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key."""

    identifier: str | None
    """Its `kid`."""

    algorithm: str

    jwk: PyJWK


class TokenKeys:
    """Some keys; immutable, so that a changed set is a new object.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[TokenKey] = ()) -> None:
        self.keys = tuple(keys)

    def fitting(self, algorithm: str, identifier: str | None) -> list[TokenKey]:
        """Keys that may have signed a token, by what its header says; all of its algorithm where it names none.

        Args:
            algorithm: Its `alg`, by which a key is never used that belongs to another.
            identifier: Its `kid`.
        """
        return [
            key
            for key in self.keys
            if key.algorithm == algorithm and (identifier is None or key.identifier in {None, identifier})
        ]


def read_secrets(text: str, source: str) -> TokenKeys:
    """Read shared secrets, one a line, so that a new one can stand beside the old one for a while.

    Args:
        text: The lines; those that start with `#` are comments.
        source: Where they come from, for errors.

    Raises:
        SettingsError: If there are none, or one is too short.
    """
    secrets = [line.strip() for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not secrets:
        raise SettingsError(f"{source} holds no secret.", remedy="Put one there, or unset the setting.")
    for number, secret in enumerate(secrets, 1):
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise SettingsError(
                f"Secret {number} in {source} has {len(secret.encode())} bytes; "
                f"{SECRET_ALGORITHM} needs {MIN_SECRET_BYTES}.",
                remedy="`openssl rand -hex 32` makes a good one.",
            )
    return TokenKeys(TokenKey(None, SECRET_ALGORITHM, _of_secret(secret)) for secret in secrets)


def read_jwks(text: str, source: str) -> TokenKeys:
    """Read a JSON Web Key Set (RFC 7517): what in it can verify tokens here.

    Args:
        text: Its JSON.
        source: Where it comes from, for errors.

    Raises:
        SettingsError: If it is none, or holds no such key.
    """
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError(f"{source} is not JSON.", remedy="Put a JSON Web Key Set there (RFC 7517).") from None
    entries = parsed.get("keys") if isinstance(parsed, Mapping) else None
    if not isinstance(entries, list):
        raise SettingsError(f"{source} has no list `keys`.", remedy="Put a JSON Web Key Set there (RFC 7517).")
    keys = [key for entry in entries[:_MOST_KEYS] if (key := _public_key(entry)) is not None]
    if not keys:
        raise SettingsError(
            f"{source} holds no key for {' or '.join(PUBLIC_ALGORITHMS)}.",
            remedy="RSA keys of 2048 bits or more, and EC keys on P-256, are read.",
        )
    return TokenKeys(keys)


def _public_key(entry: Any) -> TokenKey | None:
    if not isinstance(entry, Mapping) or entry.get("use", "sig") != "sig":
        return None
    kind = [entry.get("kty"), entry.get("crv")]
    algorithm = next((algorithm for known, algorithm in _KINDS if kind == known), None)
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        jwk = PyJWK({name: value for name, value in entry.items() if name in _PUBLIC_MEMBERS}, algorithm)
    except (PyJWTError, ValueError, TypeError):
        return None
    identifier = entry.get("kid")
    is_short = jwk.Algorithm.check_key_length(jwk.key) is not None
    return None if is_short or not isinstance(identifier, str | None) else TokenKey(identifier, algorithm, jwk)


def _of_secret(secret: str) -> PyJWK:
    encoded = urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    return PyJWK({"kty": "oct", "k": encoded}, SECRET_ALGORITHM)
