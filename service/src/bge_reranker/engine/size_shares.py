"""How often requests of each size are admitted, and which sizes go short."""

from __future__ import annotations

_SHORT = 1 / 3
"""A size goes short when it is admitted less often than this part of the share of all requests."""

_MEMORY = 1 - 1 / 16
"""Weight that a size's earlier requests keep with each further one of its size."""

_MEMORY_OF_ALL = 1 - 1 / 64
"""The same over all sizes, which come more often."""


class SizeShares:
    """The moving share of requests that are admitted, of each power of two of tokens and of all."""

    def __init__(self) -> None:
        self._share = 1.0
        self._by_size: dict[int, float] = {}

    def note(self, tokens: int, *, is_admitted: bool) -> None:
        """Take note of one request."""
        size = tokens.bit_length()
        self._share = self._share * _MEMORY_OF_ALL + is_admitted * (1 - _MEMORY_OF_ALL)
        self._by_size[size] = self._by_size.get(size, 1.0) * _MEMORY + is_admitted * (1 - _MEMORY)

    def largest_short_tokens(self, most_tokens: float) -> int:
        """A typical request of the largest size that goes short, up to a limit: its tokens, or 0 when none does."""
        sizes = (size for size, share in self._by_size.items() if share < _SHORT * self._share)
        return max((tokens for size in sizes if (tokens := 3 << size >> 2) <= most_tokens), default=0)
