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
    """Requests, and the tokens of the pairs of each; no contestant's padding counts."""

    requests: list[dict[str, object]]
    tokens: list[int]
    attended_tokens: float
    """Tokens that a token attends to, on average over the tokens of all pairs."""


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
    every = [length for request in lengths for length in request]
    return Workload(requests, [sum(request) for request in lengths], sum(n * n for n in every) / sum(every))
