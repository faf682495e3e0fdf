"""Tokens (JWT, RFC 7519): whose they are, if they were signed by a known key for this server and are still valid."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import jwt
from cachetools import LRUCache
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from ..errors import TokenKeysUnavailable, Unauthenticated
from ..errors.printable import printable
from .api_keys import DEFAULT_SCOPES
from .caller import SCOPES, Caller, Scope
from .remote_keys import RemoteKeys
from .token_keys import ALGORITHMS, TokenKey, TokenKeys

MAX_TOKEN_CHARACTERS: Final = 16_384
"""Longest token that is looked at."""

_MAX_NAME_CHARACTERS: Final = 256
"""Longest name of a caller; subjects are identifiers."""

_MOST_CANDIDATES: Final = 64
"""Most keys that are tried on one token: one, unless it names none."""

_MOST_REMEMBERED: Final = 1_000
"""Tokens that are known to open; the one that was used longest ago is verified anew."""

_FOREVER_S: Final = 2**53
"""Seconds since 1970 that no server sees; an issuer may write any number of digits."""

_SUBJECTS: Final = ("sub", "client_id", "azp")
"""Claims that name the caller, the first that is there."""

_SCOPE_CLAIMS: Final = ("scope", "scp")
"""Claims that say what a caller may do: OAuth's, and Microsoft's."""

_REASONS: Final[Mapping[type[PyJWTError], str]] = {
    ExpiredSignatureError: "has expired",
    ImmatureSignatureError: "is not valid yet",
    InvalidAudienceError: "is meant for another audience",
    InvalidIssuerError: "is from another issuer",
    InvalidSignatureError: "is not signed by a known key",
}
"""What is wrong with a token, in words that repeat nothing of it."""


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a token must say."""

    issuer: str
    audience: str

    skew_s: float
    """Seconds by which the clocks of issuer and server may differ."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that opened."""

    caller: Caller

    key: TokenKey
    """What it was signed by; without that among the known keys it opens no more."""

    ends_at: float
    """When it has expired, in seconds since 1970."""


class Tokens:
    """Verifies tokens, each once while it stays valid: callers send the same one for minutes.

    Args:
        terms: What they must say.
        local: Give the keys that are at hand; each is asked every time.
        remote: The keys at an address, if there is one.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        terms: TokenTerms,
        local: tuple[Callable[[], TokenKeys], ...] = (),
        remote: RemoteKeys | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.terms = terms
        self._local = local
        self._remote = remote
        self._clock = clock
        self._remembered: LRUCache[bytes, _Verified] = LRUCache(_MOST_REMEMBERED)
        """By digests, so that memory holds no token that would open."""

    async def identify(self, credential: str) -> Caller | None:
        """Whose token this is; None where it is no token at all.

        Raises:
            Unauthenticated: If it is one that does not open.
            TokenKeysUnavailable: If nothing can be said about it, since its key could not be fetched.
        """
        digest = sha256(credential.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and await self._still_opens(remembered):
            return remembered.caller
        header = _header(credential)
        if header is None:
            return None
        algorithm, identifier = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            # `none` included. The word is the caller's, who is told what would do instead.
            raise Unauthenticated(
                "The token is signed in a way that this server does not take.", remedy=f"It takes {_listed()}."
            )
        claims, key = await self._opened(credential, algorithm, identifier if isinstance(identifier, str) else None)
        caller = _caller(claims)
        self._remembered[digest] = _Verified(caller, key, min(int(claims["exp"]), _FOREVER_S) + self.terms.skew_s)
        return caller

    async def _still_opens(self, verified: _Verified) -> bool:
        """Whether a token opens that did before: it has not expired, and its key is one of those that are known now."""
        if self._clock() >= verified.ends_at:
            return False
        if any(verified.key in keys().keys for keys in self._local):
            return True
        return self._remote is not None and verified.key in (await self._remote.current()).keys

    def known_keys(self) -> list[TokenKey]:
        """Every key that is at hand now."""
        return [key for keys in self._sets() for key in keys.keys]

    def _sets(self) -> list[TokenKeys]:
        return [keys() for keys in self._local] + ([self._remote.known] if self._remote else [])

    async def _opened(self, token: str, algorithm: str, identifier: str | None) -> tuple[Mapping[str, Any], TokenKey]:
        """Claims of a token and the key that signed it, be it one that was published a moment ago."""
        keys = await self._fitting(algorithm, identifier)
        found = self._verified(token, keys)
        if found is None and self._remote is not None:
            newer = [key for key in (await self._remote.renew()).fitting(algorithm, identifier) if key not in keys]
            found = self._verified(token, newer[:_MOST_CANDIDATES])
        if found is None:
            raise Unauthenticated(
                "The token is not signed by a known key.",
                remedy="Get a token from the issuer that this server trusts.",
            )
        return found

    async def _fitting(self, algorithm: str, identifier: str | None) -> list[TokenKey]:
        """Keys of every place that may have signed a token.

        Raises:
            TokenKeysUnavailable: If there is none at hand, and those of the address cannot be fetched.
        """
        found = [key for keys in self._local for key in keys().fitting(algorithm, identifier)]
        if self._remote is not None:
            try:
                found += (await self._remote.current()).fitting(algorithm, identifier)
            except TokenKeysUnavailable:
                if not found:
                    raise
        return found[:_MOST_CANDIDATES]

    def _verified(self, token: str, keys: list[TokenKey]) -> tuple[Mapping[str, Any], TokenKey] | None:
        """Claims of a token and which of the keys signed it; None where none of them did.

        Raises:
            Unauthenticated: If one did, and the token does not open all the same.
        """
        failure: PyJWTError | None = None
        for key in keys:
            try:
                claims = jwt.decode(
                    token,
                    key.jwk,
                    algorithms=[key.algorithm],
                    issuer=self.terms.issuer,
                    audience=self.terms.audience,
                    leeway=self.terms.skew_s,
                    options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
                )
            except (OverflowError, ValueError):
                # A date beyond all calendars.
                failure = failure or PyJWTError()
            except PyJWTError as error:
                # Another key may have signed it; one that has, and then says no, is heard.
                failure = error if failure is None or not isinstance(error, InvalidSignatureError) else failure
            else:
                return claims, key
        if failure is None or isinstance(failure, InvalidSignatureError):
            return None
        raise Unauthenticated(
            f"The token {_reason(failure)}.", remedy="Get another one, and send it while it is valid."
        )


def _header(credential: str) -> Mapping[str, Any] | None:
    if credential.count(".") != 2 or len(credential) > MAX_TOKEN_CHARACTERS:  # noqa: PLR2004 - header, claims, signature
        return None
    try:
        return jwt.get_unverified_header(credential)
    except (PyJWTError, ValueError, RecursionError):
        return None


def _reason(failure: PyJWTError | None) -> str:
    if isinstance(failure, MissingRequiredClaimError):
        return f"has no claim `{failure.claim}`"
    return _REASONS.get(type(failure), "is malformed") if failure is not None else "is malformed"


def _caller(claims: Mapping[str, Any]) -> Caller:
    named = (claims.get(claim) for claim in _SUBJECTS)
    name = next((printable(value) for value in named if isinstance(value, str) and value), "")
    if not name or len(name) > _MAX_NAME_CHARACTERS:
        raise Unauthenticated(
            "The token names nobody.",
            remedy=f"One of {', '.join(_SUBJECTS)} must be a text of 1 to {_MAX_NAME_CHARACTERS} characters.",
        )
    return Caller(name, "token", _scopes(claims))


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    """What a token allows; as a key without scopes where it says nothing."""
    said = next((claims[claim] for claim in _SCOPE_CLAIMS if claim in claims), None)
    if said is None:
        return DEFAULT_SCOPES
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return SCOPES.intersection(word for word in words if isinstance(word, str))


def _listed() -> str:
    return f"{', '.join(ALGORITHMS[:-1])} and {ALGORITHMS[-1]}"
