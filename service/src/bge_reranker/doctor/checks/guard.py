"""What the guard reads: files of keys and tokens, and the issuer's key set, each as the server reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import SettingsError
from ...guard.api_keys import load_internal_token, read_keys
from ...guard.observer import Source
from ...guard.remote_keys import fetch_from
from ...guard.token_keys import read_jwks, read_secrets
from ...guard.watched_file import WatchedFile
from ...settings import GuardSettings
from ..finding import Finding, green, red, yellow
from ..subject import Subject

Reading = Callable[[], object]


class _Nobody:
    """Counts nothing: what is read here is read once."""

    def credentials_read(self, source: Source, *, is_ok: bool) -> None:
        pass

    def authenticated(self, kind: str) -> None:
        pass


def look(subject: Subject) -> Iterator[Finding]:
    """Read all that is named; nothing of what it holds is said."""
    guard = subject.settings.guard
    readings = list(_readings(guard))
    for name, read in readings:
        yield _judge(name, read)
    if guard.jwks_url is not None:
        yield _judge_fetch(guard.jwks_url, guard.ca_file)
    if not readings and guard.jwks_url is None:
        yield green("guard", "no keys and no tokens are configured: everybody may call")


def _readings(guard: GuardSettings) -> Iterator[tuple[str, Reading]]:
    keys = guard.api_keys
    if keys is not None:
        yield "apiKeys", lambda: read_keys(keys.get_secret_value(), "apiKeys")
    if guard.keys_file is not None:
        yield f"keysFile {guard.keys_file}", _file(guard.keys_file, "keysFile", "keys", read_keys)
    if guard.internal_token_file is not None:
        yield f"internalTokenFile {guard.internal_token_file}", lambda: load_internal_token(guard)
    if guard.jwt_secret_file is not None:
        secrets = _file(guard.jwt_secret_file, "jwtSecretFile", "jwt_secrets", read_secrets)
        yield f"jwtSecretFile {guard.jwt_secret_file}", secrets
    if guard.jwks_file is not None:
        yield f"jwksFile {guard.jwks_file}", _file(guard.jwks_file, "jwksFile", "jwks_file", read_jwks)


def _file(path: str, setting: str, source: Source, parse: Callable[[str, str], object]) -> Reading:
    return lambda: WatchedFile(Path(path), setting, source, parse, _Nobody())


def _judge(name: str, read: Reading) -> Finding:
    try:
        read()
    except SettingsError as error:
        return red("guard", error.message.rstrip("."), error.remedy)
    return green("guard", f"{name} can be read")


def _judge_fetch(url: str, ca_file: str | None) -> Finding:
    """Judge the issuer's key set, without which a server starts and takes no token."""
    remedy = "Check address, network and the authorities that this machine trusts; until then no token is taken."
    try:
        read_jwks(fetch_from(url, ca_file)(), "The answer of jwksUrl")
    except SettingsError as error:
        return yellow("guard", error.message.rstrip("."), error.remedy)
    except (OSError, ValueError) as error:
        # The kind of error alone: the address may hold a password.
        return yellow("guard", f"the key set at jwksUrl cannot be fetched ({error})", remedy)
    return green("guard", "the key set at jwksUrl can be fetched")
