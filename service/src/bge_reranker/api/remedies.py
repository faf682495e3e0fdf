"""What a caller can do about an error, in the words of its dialect: no other family's fields are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import DocumentTooLong, QueryTooLong, RerankerError

_TEI: Final = "Shorten it, or send `truncate`: true."
_VLLM: Final = "Shorten it, or send `truncate_prompt_tokens`: -1."

_LONG_DOCUMENT: Final[Mapping[str, str]] = {
    "native": "Shorten it, or send another `long_documents`: cut, windows_max or windows_mean.",
    "tei": _TEI,
    "tei-predict": _TEI,
    "tei-vertex": _TEI,
    "vllm": _VLLM,
    "vllm-score": _VLLM,
    "nim": 'Shorten it, or send `truncate`: "END".',
    "voyage": "Shorten it, or send `truncation`: true.",
    "pinecone": 'Shorten it, or send `parameters`: {"truncate": "END"}.',
}
"""How to ask for a long document to be cut."""

_LONG_DOCUMENT_ELSEWHERE: Final = "Shorten it, or set the server's longDocuments to cut, windows_max or windows_mean."

_LIMITED_QUERY: Final = "Shorten it, or send `max_tokens_per_query`."
_LONG_QUERY: Final[Mapping[str, str]] = {
    "native": "Shorten it, send `max_query_tokens`, or `truncation`: longest_first with `long_documents`: cut.",
    "vllm": _LIMITED_QUERY,
    "vllm-score": _LIMITED_QUERY,
}
"""How to ask for a long query to be cut."""

_LONG_QUERY_ELSEWHERE: Final = "Shorten it, or set the server's maxQueryTokens."

_VLLM_DIALECTS: Final = frozenset({"vllm", "vllm-score"})


def sentence_in(error: RerankerError, dialect: str, max_pair_tokens: int) -> str:
    """An error with its remedy as one text for people, some of whom are programs that look for a phrase.

    Args:
        error: What happened.
        dialect: In whose words.
        max_pair_tokens: Longest pair that the served model reads; 0 while none is served.
    """
    if not isinstance(error, DocumentTooLong | QueryTooLong):
        return error.sentence()
    if isinstance(error, DocumentTooLong):
        remedy = _LONG_DOCUMENT.get(dialect, _LONG_DOCUMENT_ELSEWHERE)
    else:
        remedy = _LONG_QUERY.get(dialect, _LONG_QUERY_ELSEWHERE)
    if dialect in _VLLM_DIALECTS:
        # Clients of vLLM know by these words that a text is too long, and read the number behind them.
        return f"This model's maximum context length is {max_pair_tokens} tokens: {error.message} {remedy}"
    return f"{error.message} {remedy}"
