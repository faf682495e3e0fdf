"""What single texts become, for callers who ask: tokens with their positions, and texts of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text."""

    id: int
    text: str
    """The characters it stands for, or its name where it is special."""

    special: bool
    start: int
    """Index of its first character; 0 where it is special."""

    end: int
    """Index after its last character; 0 where it is special."""


class Vocabulary(Protocol):
    """Tokenises single texts in full, and puts tokens together again."""

    def tokens_of(self, text: str, *, special_tokens: bool) -> list[Token]:
        """Tokenise one text.

        Args:
            text: Any string.
            special_tokens: Whether to add what surrounds a single text.
        """
        ...

    def text_of(self, ids: Sequence[int], *, skips_special: bool) -> str:
        """Put tokens together again.

        Args:
            ids: Token ids.
            skips_special: Whether special tokens are left out.
        """
        ...
