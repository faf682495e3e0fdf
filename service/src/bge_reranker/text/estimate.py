"""How many tokens a request will have, guessed from lengths alone, for reserving capacity before it is tokenised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .policy import TextPolicy


def estimate_tokens(queries: Sequence[str], documents: Sequence[str], policy: TextPolicy, special_tokens: int) -> int:
    """Estimate the tokens of all pairs.

    Real text stays below the estimate: ASCII text has more than two characters per token, other text more than one;
    only expanding characters and dense symbols can exceed it.

    Args:
        queries: One for all documents, or one for each.
        documents: Any strings.
        policy: How they are cut.
        special_tokens: Tokens that every pair has besides its texts.

    Returns:
        Tokens, at least 1.
    """
    query_tokens = _most_tokens(queries)
    if policy.max_query_tokens is not None:
        query_tokens = np.minimum(query_tokens, policy.max_query_tokens)
    windows = policy.max_windows if policy.long_documents.startswith("windows") else 1
    longest = policy.max_pair_tokens
    overhead = np.minimum(query_tokens, longest) + special_tokens
    # A window advances by at least half of the room that the query leaves, and that is at least half the pair.
    step = np.maximum(1, (longest - np.minimum(overhead, longest // 2)) // 2)
    document_tokens = _most_tokens(documents)
    if policy.max_document_tokens is not None:
        document_tokens = np.minimum(document_tokens, policy.max_document_tokens)
    pairs = overhead + document_tokens
    in_windows = longest * np.minimum(windows, 1 + document_tokens // step)
    return max(1, int(np.where(pairs <= longest, pairs, in_windows).sum()))


def _most_tokens(texts: Sequence[str]) -> NDArray[np.int64]:
    """Estimate the tokens of texts by their lengths: int64 (N,).

    The event loop waits for this: both looks at a text take constant time, and no Python runs for a single one.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    are_ascii = np.fromiter(map(str.isascii, texts), dtype=np.bool_, count=len(texts))
    return np.where(are_ascii, lengths // 2, lengths) + 2
