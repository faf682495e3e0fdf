"""Where clients put their key: every place that a rerank client in the field uses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final, Protocol

KEY_HEADERS: Final = ("api-key", "x-api-key")
"""Headers that hold nothing but a key: Azure's and Pinecone's clients send the one, many gateways the other."""

_SCHEMES: Final = frozenset({"bearer", "token", "api-key", "apikey"})
"""Words before a key in `Authorization`."""


class Headers(Protocol):
    """The headers of a request, by name in any case."""

    def getlist(self, key: str) -> list[str]:
        """Every value of a header, none where it is absent."""
        ...


def offered_keys(headers: Headers) -> Iterator[str]:
    """Whatever the headers hold that may be a key; nothing where no header of the kind was sent."""
    for value in headers.getlist("authorization"):
        yield from _authorized(value.strip())
    for name in KEY_HEADERS:
        for value in headers.getlist(name):
            if value.strip():
                yield value.strip()


def _authorized(value: str) -> Iterator[str]:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "basic":
        yield from _password(rest)
    elif scheme.lower() not in _SCHEMES:
        # LlamaIndex sends its key without any word before it.
        yield from [value] if value else []
    elif rest:
        # A client that was given no key may still send the word before it.
        yield rest.strip()


def _password(encoded: str) -> Iterator[str]:
    """The password of a pair; what clients send that can be given nothing but an address: `http://any:KEY@host`."""
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    _, _, password = pair.partition(":")
    if password:
        yield password
