"""Queries and documents of known lengths in tokens."""

from __future__ import annotations

import random
from pathlib import Path

from tokenizers import Tokenizer

DOCUMENTS_PER_REQUEST = 16
_SHORTEST, _LONGEST, _MEAN = 20, 400, 160
"""Lengths of documents in tokens."""

_QUERY_TOKENS = 8


class Texts:
    """Makes texts out of a tokenizer's own words, so that a length in words is nearly one in tokens.

    Args:
        folder: A folder with tokenizer.json.
        seed: The same seed makes the same texts.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._source = random.Random(seed)
        vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
        self._words = sorted(piece[1:] for piece in vocabulary if piece.startswith("▁") and piece[1:].isalpha())

    def request(self, documents: int = DOCUMENTS_PER_REQUEST) -> dict[str, object]:
        """A native request."""
        return {
            "query": self.text(_QUERY_TOKENS),
            "candidates": [self.text(self._length()) for _ in range(documents)],
        }

    def _length(self) -> int:
        # A beta distribution between the bounds with the wanted mean: many short, few long.
        share = (_MEAN - _SHORTEST) / (_LONGEST - _SHORTEST)
        return _SHORTEST + round(self._source.betavariate(2 * share, 2 * (1 - share)) * (_LONGEST - _SHORTEST))

    def text(self, words: int) -> str:
        """A text of so many words."""
        return " ".join(self._source.choices(self._words, k=words))
