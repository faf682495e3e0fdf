"""Keys of callers: one line each, kept as digests, compared in constant time, re-read when their file changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final, cast

from ..errors import SettingsError
from ..errors.printable import printable
from ..settings import GuardSettings
from ..text_files import NotText, read_text
from .caller import SCOPES, Caller, CallerKind, Scope

MIN_KEY_CHARACTERS: Final = 8
"""Shortest key: below it the first guesses would hit."""

HASHED: Final = "sha256:"
"""Before the digest of a key that is not to stand in the file itself. A digest this fast protects only what nobody can
guess: keys as `bge-reranker keys make` prints them, not words that people choose."""

DEFAULT_SCOPES: Final[frozenset[Scope]] = frozenset({"rerank"})
"""What a key may do whose line does not say."""

_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
"""What a header can hold: printable ASCII without spaces; a comma separates keys."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_QUOTES: Final = "\"'"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key."""

    digest: bytes
    """SHA-256 of the key."""

    caller: Caller

    @property
    def fingerprint(self) -> str:
        """By which people tell keys apart."""
        return self.digest.hex()[:8]


class ApiKeys:
    """Some keys; immutable, so that a changed file is a new object.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.keys = tuple({key.digest: key for key in keys}.values())

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, offered: str) -> Caller | None:
        """Whose key this is; None where it is nobody's."""
        digest = sha256(offered.encode()).digest()
        found = None
        # Every known key is looked at, so that the time does not tell which one came near.
        for key in self.keys:
            if compare_digest(digest, key.digest):
                found = key.caller
        return found


def read_keys(text: str, source: str, kind: CallerKind = "key") -> ApiKeys:
    """Read keys, one a line or several with commas between them.

    A line may say more of its one key: `KEY name=search scopes=rerank,metrics`, and `sha256:DIGEST` stands for a key
    whose digest it is. Lines that start with `#` are comments.

    Args:
        text: The lines.
        source: Where they come from, for errors.
        kind: How callers with these keys are known.

    Raises:
        SettingsError: If there are none, or one cannot be a key.
    """
    entries = list(_entries(text))
    if not entries:
        # Whoever names a place for keys does not mean to let everybody in.
        raise SettingsError(f"{source} holds no API key.", remedy="Put one there, or unset the setting.")
    if _is_quoted(text.strip()):
        raise _quoted(f"Key 1 in {source}")
    keys: dict[bytes, ApiKey] = {}
    for number, words in enumerate(entries, 1):
        where = f"Key {number} in {source}"
        key = _key(words, where, kind)
        if keys.setdefault(key.digest, key).caller != key.caller:
            raise SettingsError(
                f"{where} stands there before, with another name or other scopes.", remedy="Leave one of the lines."
            )
    return ApiKeys(keys.values())


def load_internal_token(settings: GuardSettings) -> str | None:
    """Read the token by which servers of one service ask each other; None without one.

    Raises:
        SettingsError: If the file cannot be read, or holds anything but one token that a header can hold.
    """
    if settings.internal_token_file is None:
        return None
    source = f"The file {settings.internal_token_file} (internalTokenFile)"
    try:
        entries = list(_entries(read_text(Path(settings.internal_token_file))))
    except NotText as error:
        raise SettingsError(
            f"{source} {error}.", remedy="Mount it there, in UTF-8, or correct internalTokenFile."
        ) from None
    if len(entries) != 1 or len(entries[0]) != 1:
        raise SettingsError(f"{source} holds {len(entries)} tokens.", remedy="Leave one, and nothing beside it.")
    token = entries[0][0]
    if token.startswith(HASHED):
        raise SettingsError(f"{source} holds a digest.", remedy="The token itself is sent, so put that there.")
    _digest(token, f"The token in {source}")
    return token


def internal_keys(token: str) -> ApiKeys:
    """The token as a key of the servers' own."""
    return ApiKeys([ApiKey(sha256(token.encode()).digest(), Caller("internal", "internal", DEFAULT_SCOPES))])


def hashed(key: str) -> str:
    """A key as a file holds it that must not give it away."""
    return HASHED + sha256(key.encode()).hexdigest()


def check_name(name: str) -> bool:
    """Whether a key may be called so."""
    return _NAME.fullmatch(name) is not None


def _entries(text: str) -> Iterator[list[str]]:
    """The words of each entry, the key first."""
    for line in re.split(r"[\r\n]", text):
        stripped = line.strip()
        words = stripped.split()
        if not words or stripped.startswith("#"):
            continue
        if len(words) > 1 and all("=" in word for word in words[1:]) and "," not in words[0]:
            yield words
        else:
            yield from ([key.strip()] for key in stripped.split(",") if key.strip())


def _key(words: list[str], where: str, kind: CallerKind) -> ApiKey:
    digest = _digest(words[0], where)
    name, scopes = digest.hex()[:8], DEFAULT_SCOPES
    attributes = [word.partition("=")[0] for word in words[1:]]
    for word in words[1:]:
        attribute, _, value = word.partition("=")
        if attributes.count(attribute) > 1:
            raise SettingsError(f"{where} has {printable(attribute)[:40]} more than once.", remedy="Leave one of them.")
        if attribute == "name":
            name = _checked_name(value, where)
        elif attribute == "scopes":
            scopes = _checked_scopes(value, where)
        else:
            raise SettingsError(
                f"{where} has an attribute {printable(attribute)[:40]!r}, which is none of name and scopes.",
                remedy="Write `KEY name=search scopes=rerank,metrics`.",
            )
    return ApiKey(digest, Caller(name, kind, scopes))


def _digest(key: str, where: str) -> bytes:
    if key.lower().startswith(HASHED):
        digest = key[len(HASHED) :].lower()
        if not _DIGEST.fullmatch(digest):
            raise SettingsError(
                f"{where} is no SHA-256 of 64 hexadecimal digits.", remedy="`bge-reranker keys make` prints such lines."
            )
        return bytes.fromhex(digest)
    if len(key) < MIN_KEY_CHARACTERS or not _KEY.fullmatch(key):
        raise SettingsError(
            f"{where} must have at least {MIN_KEY_CHARACTERS} printable ASCII characters and no "
            f"space; it has {len(key)}.",
            remedy="`bge-reranker keys make` makes a good one.",
        )
    if _is_quoted(key):
        raise _quoted(where)
    return sha256(key.encode()).digest()


def _checked_name(name: str, where: str) -> str:
    if not check_name(name):
        raise SettingsError(
            f"{where} has a name that is not 1 to 64 letters, digits, dots, dashes and underscores.",
            remedy="Choose one such as `search-team`; logs, limits and metrics show it.",
        )
    return name


def _checked_scopes(text: str, where: str) -> frozenset[Scope]:
    scopes = {scope.strip() for scope in text.split(",")}
    if unknown := sorted(scopes - SCOPES):
        raise SettingsError(
            f"{where} has a scope {printable(unknown[0])[:40]!r}, which does not exist.",
            remedy=f"Scopes: {', '.join(sorted(SCOPES))}.",
        )
    return cast("frozenset[Scope]", frozenset(scopes))


def _is_quoted(text: str) -> bool:
    return text[0] in _QUOTES and text[-1] == text[0]


def _quoted(where: str) -> SettingsError:
    # Docker's --env-file and a mounted file keep what a shell takes away; no caller would send them.
    return SettingsError(f"{where} stands in quotation marks, which would be part of it.", remedy="Take them away.")
