"""The tokenizers library's own truncation, as the reference to agree with; it uses none of our own steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tokenizers import Encoding, Tokenizer

from bge_reranker.settings import Direction, Truncation
from bge_reranker.text.policy import TextPolicy


def policy(
    max_pair_tokens: int, truncation: Truncation = "longest_first", direction: Direction = "right"
) -> TextPolicy:
    """A policy that cuts, with every other limit out of the way."""
    return TextPolicy(
        truncation=truncation,
        direction=direction,
        max_pair_tokens=max_pair_tokens,
        max_query_tokens=None,
        long_documents="cut",
        window_overlap_tokens=2,
        max_windows=4,
    )


@dataclass(frozen=True)
class LibraryPairs:
    """Full tokenisation, then truncation by the library; one tokenizer per setting, since the setting is its state."""

    serialised: str
    tokenizers: dict[tuple[int, Truncation, Direction], Tokenizer] = field(default_factory=dict)

    @cached_property
    def _plain(self) -> Tokenizer:
        return Tokenizer.from_str(self.serialised)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts without special tokens."""
        encodings = self._plain.encode_batch(texts, add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def encode(self, query: str, documents: Sequence[str], rules: TextPolicy) -> list[Encoding]:
        """Encode pairs.

        Raises:
            Exception: If `only_second` cannot make the pair fit, as the library does.
        """
        key = (rules.max_pair_tokens, rules.truncation, rules.direction)
        if key not in self.tokenizers:
            tokenizer = Tokenizer.from_str(self.serialised)
            tokenizer.enable_truncation(key[0], strategy=key[1], direction=key[2])
            self.tokenizers[key] = tokenizer
        return self.tokenizers[key].encode_batch([(query, document) for document in documents])
