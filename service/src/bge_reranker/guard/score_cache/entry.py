"""What is kept of a document's score, as bytes that are the same in this process and in Redis."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

import numpy as np

_LAYOUT: Final = struct.Struct("<fI?")
"""The logit with every bit of its float32, tokens, and whether something was cut."""

_MOST_TOKENS: Final = 2**31 - 1
"""More than a document can have; whoever may write to Redis may write more."""

_CHECK_BYTES: Final = 6
"""Length of the check by which anything else under the same key is told from a score."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome of one document under one query."""

    logit: np.float32
    tokens: int
    truncated: bool

    def packed(self) -> bytes:
        """The entry as bytes."""
        return _LAYOUT.pack(self.logit, self.tokens, self.truncated)

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """The entry of bytes that `packed` made."""
        logit, tokens, truncated = _LAYOUT.unpack(packed)
        return cls(np.float32(logit), tokens, truncated)


def sealed(key: bytes, packed: bytes) -> bytes:
    """An entry's bytes with a check that binds them to their key."""
    return packed + _check(key, packed)


def unsealed(key: bytes, found: object) -> bytes | None:
    """The bytes of an entry, or None for anything that `sealed` did not make of this key."""
    if not isinstance(found, bytes) or len(found) != _LAYOUT.size + _CHECK_BYTES:
        return None
    packed = found[: _LAYOUT.size]
    if found[_LAYOUT.size :] != _check(key, packed):
        return None
    logit, tokens, _ = _LAYOUT.unpack(packed)
    return packed if math.isfinite(logit) and tokens <= _MOST_TOKENS else None


def _check(key: bytes, packed: bytes) -> bytes:
    return blake2b(packed, key=key, digest_size=_CHECK_BYTES).digest()
