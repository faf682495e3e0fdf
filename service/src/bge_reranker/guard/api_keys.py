"""The keys of callers: read once, kept as digests, compared in constant time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from ..errors import SettingsError, Unauthenticated
from ..settings import GuardSettings
from ..text_files import NotText, read_text
from .caller import ANONYMOUS, Caller
from .credentials import Headers, offered_keys

MIN_KEY_CHARACTERS: Final = 8
"""Shortest key: below it the first guesses would hit."""

_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
"""What a header can hold: printable ASCII without spaces; a comma separates keys."""

_QUOTES: Final = "\"'"

_REMEDY: Final = "Send it as `Authorization: Bearer KEY`, or in the header `api-key` or `x-api-key`."


class ApiKeys:
    """The keys of one server; without any, everybody may ask.

    Args:
        keys: The keys themselves; only their digests are kept.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = sorted({sha256(key.encode()).digest() for key in keys})

    def __len__(self) -> int:
        return len(self._digests)

    def check(self, headers: Headers) -> Caller:
        """Let a request pass, by its headers alone.

        Returns:
            Who asks, by the first 8 hexadecimal digits of the key's SHA-256; anonymous where no key is needed.

        Raises:
            Unauthenticated: If it holds no key, or none of this server's.
        """
        if not self._digests:
            return ANONYMOUS
        offered = list(offered_keys(headers))
        for key in offered:
            digest = sha256(key.encode()).digest()
            # Every known key is looked at, so that the time does not tell which one came near.
            if sum(compare_digest(digest, known) for known in self._digests):
                return Caller(digest.hex()[:8], "key", frozenset({"rerank"}))
        if offered:
            raise Unauthenticated("The API key is none of this server's.", remedy="Check it for typing errors.")
        raise Unauthenticated("This server wants an API key, and none was sent.", remedy=_REMEDY)


def load_keys(settings: GuardSettings) -> ApiKeys:
    """Read the keys that the settings name.

    Raises:
        SettingsError: If the file cannot be read or holds none, or a key is too short or cannot stand in a header.
    """
    keys: list[str] = []
    if settings.api_keys is not None:
        keys += _keys_in(settings.api_keys.get_secret_value(), "apiKeys")
    if settings.keys_file is not None:
        keys += _keys_in(_content(Path(settings.keys_file)), f"The file {settings.keys_file} (keysFile)")
    token = load_internal_token(settings)
    # Where everybody may call, a key of the servers' own must not keep callers out.
    return ApiKeys([*keys, token] if keys and token else keys)


def load_internal_token(settings: GuardSettings) -> str | None:
    """Read the token by which servers of one service ask each other; None without one.

    Raises:
        SettingsError: If the file cannot be read, or holds anything but one token that a header can hold.
    """
    if settings.internal_token_file is None:
        return None
    source = f"The file {settings.internal_token_file} (internalTokenFile)"
    tokens = _keys_in(_content(Path(settings.internal_token_file), "internalTokenFile"), source)
    if len(tokens) > 1:
        raise SettingsError(f"{source} holds {len(tokens)} tokens.", remedy="Leave one.")
    return tokens[0]


def _content(file: Path, setting: str = "keysFile") -> str:
    """The file's text without its comments."""
    try:
        lines = read_text(file).split("\n")
    except NotText as error:
        raise SettingsError(
            f"The file of API keys {file} {error}.", remedy=f"Mount it there, in UTF-8, or correct {setting}."
        ) from None
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _keys_in(text: str, source: str) -> list[str]:
    keys = [key.strip() for key in re.split(r"[,\r\n]", text) if key.strip()]
    if not keys:
        # Whoever names a place for keys does not mean to let everybody in.
        raise SettingsError(f"{source} holds no API key.", remedy="Put one there, or unset the setting.")
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_KEY_CHARACTERS or not _KEY.fullmatch(key):
            raise SettingsError(
                f"Key {number} in {source} must have at least {MIN_KEY_CHARACTERS} printable ASCII characters and no "
                f"space; it has {len(key)}.",
                remedy="`openssl rand -hex 32` makes a good one.",
            )
        if _is_quoted(key) or _is_quoted(text.strip()):
            # Docker's --env-file and a mounted file keep what a shell takes away; no caller would send them.
            raise SettingsError(
                f"Key {number} in {source} stands in quotation marks, which would be part of it.",
                remedy="Take them away.",
            )
    return keys


def _is_quoted(text: str) -> bool:
    return text[0] in _QUOTES and text[-1] == text[0]
