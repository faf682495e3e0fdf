"""`python -m search_pod.ask URL`: every question on standard input, by each of three client libraries."""

# The libraries are in the pod's image, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import cohere
import voyageai
from mixedbread import Mixedbread

Ask = Callable[[str, list[str]], list[tuple[int, float]]]
"""Query and documents to (index, score), best first, as the library gives them."""


def askers(url: str) -> dict[str, Ask]:
    """One function a library; a client is made once, as an application would."""
    by_cohere = cohere.ClientV2(api_key="any-key", base_url=url)
    by_voyage = voyageai.Client(api_key="any-key", base_url=f"{url}/v1")
    by_mixedbread = Mixedbread(api_key="any-key", base_url=url)

    def ask_cohere(query: str, documents: list[str]) -> list[tuple[int, float]]:
        answer = by_cohere.rerank(model="any", query=query, documents=documents)
        return [(found.index, found.relevance_score) for found in answer.results]

    def ask_voyage(query: str, documents: list[str]) -> list[tuple[int, float]]:
        answer = by_voyage.rerank(query, documents, "any")
        return [(found.index, found.relevance_score) for found in answer.results]

    def ask_mixedbread(query: str, documents: list[str]) -> list[tuple[int, float]]:
        answer = by_mixedbread.rerank(model="any", query=query, input=list(documents), top_k=len(documents))
        return [(found.index, found.score) for found in answer.data]

    return {"cohere": ask_cohere, "voyageai": ask_voyage, "mixedbread": ask_mixedbread}


def main() -> None:
    questions = json.load(sys.stdin)
    answers = {
        name: [ask(question["query"], question["documents"]) for question in questions]
        for name, ask in askers(sys.argv[1]).items()
    }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
