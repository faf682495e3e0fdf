"""What requests say about known scores, and what their answers say."""

from __future__ import annotations

from collections.abc import Iterable

from ..guard.score_cache.cache import Use
from ..ranking.ranking import Ranking


def cache_use(cache_control: Iterable[str]) -> Use:
    """What a request wants of the cache.

    Args:
        cache_control: Every value of its header `Cache-Control`.
    """
    directives = {word.partition("=")[0].strip().lower() for value in cache_control for word in value.split(",")}
    if "no-store" in directives:
        return "bypass"
    return "refresh" if "no-cache" in directives else "look_up"


def cache_headers(ranking: Ranking) -> dict[str, str]:
    """How many of an answer's scores were known; nothing where nobody looked."""
    known = ranking.known_documents
    if known is None:
        return {}
    status = "MISS" if not known else "HIT" if known == len(ranking.logits) else "PARTIAL"
    return {"X-Cache": status, "X-Cache-Hits": str(known)}
