"""LightRAG's two rerank functions."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
from typing import Any

from lightrag.rerank import cohere_rerank, generic_rerank_api, jina_rerank
from tenacity import stop_after_attempt

from .driving import KEY, MODEL, Driver, Hit, Question, drive


def cohere(question: Question) -> list[Hit]:
    return hits(
        asyncio.run(
            cohere_rerank(
                question.query,
                question.documents,
                top_n=question.top_n,
                api_key=KEY,
                model=MODEL,
                **question.options,
            )
        )
    )


def jina(question: Question) -> list[Hit]:
    return hits(
        asyncio.run(
            jina_rerank(
                question.query,
                question.documents,
                top_n=question.top_n,
                api_key=KEY,
                model=MODEL,
                **question.options,
            )
        )
    )


def hits(results: list[dict[str, Any]]) -> list[Hit]:
    return [Hit(result["index"], result["relevance_score"]) for result in results]


DRIVERS: dict[str, Driver] = {"lightrag-cohere": cohere, "lightrag-jina": jina}

if __name__ == "__main__":
    # It tries every error three times, seconds apart; the last error is what counts here.
    generic_rerank_api.retry.stop = stop_after_attempt(1)
    generic_rerank_api.retry.reraise = True
    drive(DRIVERS)
