"""Requests of made-up words, whose lengths in tokens are known."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tokenizers import Tokenizer

from .vocabulary import words, zipf_weights

_QUERY_TOKENS = 8
_TEXTS = 16_384
"""Different documents: about as many as are asked for in a run. The same words come back, as they do in a language."""

_SEED = 5


@dataclass(frozen=True)
class Workload:
    """What is asked, again and again."""

    documents: int
    document_tokens: int
    bodies: list[dict[str, object]]

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"{self.documents} documents of {self.document_tokens} tokens"

    def write(self, folder: Path) -> Path:
        """Write one request a line, as the load generator reads them."""
        file = folder / f"{self.documents}-{self.document_tokens}.jsonl"
        lines = [json.dumps(body, ensure_ascii=False, separators=(",", ":")) for body in self.bodies]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


class Texts:
    """Makes texts of a number of tokens.

    Args:
        tokenizer: Folder with a tokenizer.
    """

    def __init__(self, tokenizer: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        self._words = words()
        self._cumulated = list(accumulate(zipf_weights(len(self._words))))
        self._source = random.Random(_SEED)

    def workload(self, documents: int, document_tokens: int) -> Workload:
        """Requests with so many documents of so many tokens each."""
        bodies: list[dict[str, object]] = []
        for _ in range(_TEXTS // documents):
            query, *texts = (self._text(tokens) for tokens in (_QUERY_TOKENS, *[document_tokens] * documents))
            bodies.append({"query": query, "candidates": texts})
        return Workload(documents, document_tokens, bodies)

    def _text(self, tokens: int) -> str:
        """Words by Zipf's law, cut where the text has so many tokens."""
        text = " ".join(self._source.choices(self._words, cum_weights=self._cumulated, k=tokens))
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return text[: encoding.offsets[tokens - 1][1]]
