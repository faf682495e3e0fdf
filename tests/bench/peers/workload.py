"""The documents that every contestant gets, with their lengths in tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bge_reranker.settings import TextSettings
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy

from ..documents import Texts

_REQUESTS = 64
_MAX_PAIR_TOKENS = 512


@dataclass(frozen=True)
class Workload:
    """Requests, and how long their pairs are; no contestant's padding counts."""

    requests: list[dict[str, object]]
    lengths: list[list[int]]
    """Tokens of each pair of each request."""

    @property
    def tokens(self) -> list[int]:
        """Tokens of each request."""
        return [sum(request) for request in self.lengths]

    @property
    def attended_tokens(self) -> float:
        """Tokens that a token attends to, on average over the tokens of all pairs."""
        every = [length for request in self.lengths for length in request]
        return sum(length * length for length in every) / sum(every)


def make_workload(folder: Path) -> Workload:
    """Make the requests from the words of a checkpoint's tokenizer."""
    texts, encoder = Texts(folder, seed=1), PairEncoder.from_directory(folder)
    policy = resolve_policy(TextSettings(), _MAX_PAIR_TOKENS)
    requests: list[dict[str, object]] = []
    lengths: list[list[int]] = []
    for _ in range(_REQUESTS):
        made = texts.request()
        query, documents = str(made["query"]), [str(text) for text in made["candidates"]]  # type: ignore[attr-defined] # a request's own list
        encoded = encoder.encode(query, documents, policy)
        requests.append({"query": query, "documents": documents})
        lengths.append([len(pair) for document in encoded.documents for pair in document.pairs])
    return Workload(requests, lengths)
