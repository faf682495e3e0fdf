"""Haystack's rankers."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from typing import Any

from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.rankers.cohere import CohereRanker
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
from haystack_integrations.components.rankers.jina import JinaRanker
from haystack_integrations.components.rankers.nvidia import NvidiaRanker
from haystack_integrations.components.rankers.vllm import VLLMRanker

from .driving import KEY, MODEL, Driver, Hit, Question, drive


def cohere(question: Question) -> list[Hit]:
    return hits(CohereRanker(MODEL, api_key=Secret.from_token(KEY), **question.options), question)


def jina(question: Question) -> list[Hit]:
    return hits(JinaRanker(MODEL, api_key=Secret.from_token(KEY), **question.options), question)


def vllm(question: Question) -> list[Hit]:
    return hits(VLLMRanker(model=MODEL, api_key=Secret.from_token(KEY), **question.options), question)


def nvidia(question: Question) -> list[Hit]:
    # Without a name, it takes the first model that the server lists.
    return hits(NvidiaRanker(api_key=Secret.from_token(KEY), **question.options), question)


def tei(question: Question) -> list[Hit]:
    return hits(HuggingFaceTEIRanker(token=Secret.from_token(KEY), **question.options), question)


def hits(ranker: Any, question: Question) -> list[Hit]:
    documents = [Document(id=str(index), content=text) for index, text in enumerate(question.documents)]
    if hasattr(ranker, "warm_up"):
        ranker.warm_up()
    answer = ranker.run(query=question.query, documents=documents, top_k=question.top_n)
    return [Hit(int(document.id), document.score) for document in answer["documents"]]


DRIVERS: dict[str, Driver] = {
    "haystack-cohere": cohere,
    "haystack-jina": jina,
    "haystack-vllm": vllm,
    "haystack-nvidia": nvidia,
    "haystack-tei": tei,
}

if __name__ == "__main__":
    drive(DRIVERS)
