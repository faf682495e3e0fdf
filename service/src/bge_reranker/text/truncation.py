"""How many tokens of a query and a document survive, as plain arithmetic on lengths.

A budget is the room for both texts: the longest pair less its special tokens.
"""

from __future__ import annotations

from ..settings import Direction, Truncation


def comparable_tokens(budget_tokens: int) -> int:
    """The length beyond which two texts count as equally long.

    `longest_first` cuts two texts that are both longer than half the budget to half of it each; where the budget is
    odd, the longer text gets the odd place. To know which one is longer would take the whole of both. So lengths are
    counted up to twice the budget: if both reach that, the odd place goes to the document. This is the one exception
    to agreement with the references: two texts of such length, an odd budget, and the query the longer one.
    """
    return 2 * budget_tokens


def kept_tokens(query_tokens: int, document_tokens: int, budget_tokens: int, truncation: Truncation) -> tuple[int, int]:
    """Count what is kept of both texts.

    Source: `truncate_encodings` of tokenizers 0.23 (`longest_first`, the odd place included); `only_second` is the same
    there and in transformers' `prepare_for_model`.

    Args:
        query_tokens: Length of the query.
        document_tokens: Length of the document; longer than `document_tokens_needed` makes no difference.
        budget_tokens: Room for both.
        truncation: Which side is cut. With `only_second` the query must leave room, which the caller checks.

    Returns:
        Tokens kept of the query and of the document.
    """
    if query_tokens + document_tokens <= budget_tokens:
        return query_tokens, document_tokens
    if truncation == "only_second":
        return query_tokens, max(0, budget_tokens - query_tokens)
    shorter = min(query_tokens, document_tokens)
    if 2 * shorter <= budget_tokens:
        shorter_kept, longer_kept = shorter, budget_tokens - shorter
    else:
        shorter_kept, longer_kept = budget_tokens // 2, budget_tokens - budget_tokens // 2
    return (longer_kept, shorter_kept) if query_tokens > document_tokens else (shorter_kept, longer_kept)


def query_tokens_needed(budget_tokens: int, truncation: Truncation, max_query_tokens: int | None) -> int:
    """Count the query tokens that can matter: those kept, and enough more to know that something is dropped."""
    if max_query_tokens is not None:
        return max_query_tokens + 1
    return budget_tokens + 1 if truncation == "only_second" else comparable_tokens(budget_tokens)


def document_tokens_needed(query_tokens: int, budget_tokens: int, truncation: Truncation) -> int:
    """Count the document tokens after which neither the cut nor the fact of a cut can change.

    One more than fits tells that something is dropped. With `longest_first` and a long query, as many as the query has
    tell which of the two is longer.
    """
    beyond = max(1, budget_tokens - query_tokens + 1)
    return beyond if truncation == "only_second" else max(beyond, query_tokens)


def kept_slice(length: int, kept: int, direction: Direction) -> slice:
    """The part of a sequence that stays when it is cut at one end."""
    return slice(0, kept) if direction == "right" else slice(max(0, length - kept), length)
