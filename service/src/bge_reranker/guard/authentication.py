"""Who asks: whatever the headers of a request hold is shown to each source of credentials in turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from ..errors import CapacityError, Forbidden, Unauthenticated
from ..settings import GuardSettings
from .api_keys import ApiKey, ApiKeys, internal_keys, load_internal_token, read_keys
from .caller import ANONYMOUS, Caller, Scope
from .credentials import Headers, offered_keys
from .observer import GuardObserver
from .remote_keys import RemoteKeys, fetch_from
from .token_keys import read_jwks, read_secrets
from .tokens import Tokens, TokenTerms
from .watched_file import WatchedFile

_MOST_OFFERED: Final = 8
"""Most credentials of one request that are looked at; clients send one."""

_REMEDY: Final = "Send it as `Authorization: Bearer KEY`, or in the header `api-key` or `x-api-key`."


class CredentialSource(Protocol):
    """Knows some callers by their credentials."""

    async def identify(self, credential: str) -> Caller | None:
        """Who has this credential; None where it is none of this source's kind.

        Raises:
            Unauthenticated: If it is of its kind, and does not open.
            CapacityError: If that cannot be told now.
        """
        ...


class KeySource:
    """Callers with keys.

    Args:
        fixed: Keys that stay as they are.
        files: Keys that change with their files.
    """

    def __init__(self, fixed: ApiKeys, files: Sequence[WatchedFile[ApiKeys]] = ()) -> None:
        self._fixed = fixed
        self._files = files

    async def identify(self, credential: str) -> Caller | None:
        """Whose key this is; None where it is nobody's."""
        found = [keys.find(credential) for keys in (self._fixed, *(file.content for file in self._files))]
        return next((caller for caller in found if caller is not None), None)

    def known_keys(self) -> list[ApiKey]:
        """Every key."""
        return [key for keys in (self._fixed, *(file.content for file in self._files)) for key in keys.keys]


class Authenticator:
    """Finds out who asks, and whether they may.

    Args:
        keys: Callers with keys, if any have one.
        tokens: Callers with tokens, if those are taken.
        observer: Where callers are counted.
    """

    def __init__(self, keys: KeySource | None, tokens: Tokens | None, observer: GuardObserver) -> None:
        self._keys = keys
        self._tokens = tokens
        self._sources: list[CredentialSource] = [source for source in (keys, tokens) if source is not None]
        self._observer = observer

    @property
    def is_required(self) -> bool:
        """Whether callers must say who they are."""
        return bool(self._sources)

    async def identify(self, headers: Headers, scope: Scope) -> Caller:
        """Let a request pass, by its headers alone.

        Args:
            headers: Of the request.
            scope: What it takes to do what it asks for.

        Raises:
            Unauthenticated: If they hold no credential, or none that opens.
            Forbidden: If whoever asks may not do that.
            TokenKeysUnavailable: If a token cannot be verified now.
        """
        caller = await self._caller(headers)
        if scope not in caller.scopes:
            raise Forbidden(
                f"This needs the scope `{scope}`, which this caller does not have.",
                remedy="Ask whoever runs this server for a key, or a token, with that scope.",
            )
        self._observer.authenticated(caller.kind)
        return caller

    def counts(self) -> dict[str, int]:
        """How many keys there are of each kind, for the log."""
        keys = 0 if self._keys is None else len(self._keys.known_keys())
        return {"keys": keys, "token_keys": 0 if self._tokens is None else len(self._tokens.known_keys())}

    def facts(self) -> dict[str, Any]:
        """What is known of callers, without anything that would open: for whoever wonders whether a change arrived."""
        facts: dict[str, Any] = {"required": self.is_required}
        if self._keys is not None:
            facts["keys"] = [
                {"name": key.caller.name, "fingerprint": key.fingerprint, "scopes": sorted(key.caller.scopes)}
                for key in self._keys.known_keys()
            ]
        if self._tokens is not None:
            facts["tokens"] = {
                "issuer": self._tokens.terms.issuer,
                "audience": self._tokens.terms.audience,
                "keys": [{"kid": key.identifier, "algorithm": key.algorithm} for key in self._tokens.known_keys()],
            }
        return facts

    async def _caller(self, headers: Headers) -> Caller:
        if not self._sources:
            return ANONYMOUS
        offered = list(islice(offered_keys(headers), _MOST_OFFERED))
        reason: Unauthenticated | CapacityError | None = None
        for credential in offered:
            for source in self._sources:
                try:
                    caller = await source.identify(credential)
                except (Unauthenticated, CapacityError) as error:
                    # Another header may hold one that opens.
                    reason = reason or error
                else:
                    if caller is not None:
                        return caller
        if reason is not None:
            raise reason
        if offered:
            raise Unauthenticated("The API key is none of this server's.", remedy="Check it for typing errors.")
        raise Unauthenticated("This server wants an API key, and none was sent.", remedy=_REMEDY)


def create_authenticator(settings: GuardSettings, observer: GuardObserver) -> Authenticator:
    """Read what the settings name.

    Args:
        settings: Which keys and tokens are taken.
        observer: Where readings and callers are counted.

    Raises:
        SettingsError: If a file cannot be read, or holds no key.
    """
    tokens = _tokens(settings, observer)
    return Authenticator(_key_source(settings, observer, takes_tokens=tokens is not None), tokens, observer)


def _key_source(settings: GuardSettings, observer: GuardObserver, *, takes_tokens: bool) -> KeySource | None:
    token = load_internal_token(settings)
    if settings.api_keys is None and settings.keys_file is None and not takes_tokens:
        # Where everybody may call, a key of the servers' own must not keep callers out.
        return None
    fixed = ApiKeys() if settings.api_keys is None else read_keys(settings.api_keys.get_secret_value(), "apiKeys")
    if token is not None:
        fixed = ApiKeys([*fixed.keys, *internal_keys(token).keys])
    files = []
    if settings.keys_file is not None:
        files.append(WatchedFile(Path(settings.keys_file), "keysFile", "keys", read_keys, observer))
    return KeySource(fixed, files)


def _tokens(settings: GuardSettings, observer: GuardObserver) -> Tokens | None:
    # One needs the other, and a source of keys, by the rules of settings.
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    local = []
    if settings.jwt_secret_file is not None:
        secrets = WatchedFile(Path(settings.jwt_secret_file), "jwtSecretFile", "jwt_secrets", read_secrets, observer)
        local.append(lambda: secrets.content)
    if settings.jwks_file is not None:
        jwks = WatchedFile(Path(settings.jwks_file), "jwksFile", "jwks_file", read_jwks, observer)
        local.append(lambda: jwks.content)
    remote = None
    if settings.jwks_url is not None:
        remote = RemoteKeys(fetch_from(settings.jwks_url, settings.ca_file), "The answer of jwksUrl", observer)
    terms = TokenTerms(settings.jwt_issuer, settings.jwt_audience, settings.jwt_skew_s)
    return Tokens(terms, tuple(local), remote)
