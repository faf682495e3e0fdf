"""LangChain's own packages for vendors."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from langchain_cohere import CohereRerank
from langchain_core.documents import Document
from langchain_nvidia_ai_endpoints import NVIDIARerank
from langchain_voyageai import VoyageAIRerank

from .driving import KEY, MODEL, Driver, Hit, Question, drive


def cohere(question: Question) -> list[Hit]:
    return hits(CohereRerank(model=MODEL, cohere_api_key=KEY, top_n=question.top_n, **question.options), question)


def nvidia(question: Question) -> list[Hit]:
    # Without a name, it takes the first model that the server lists.
    return hits(NVIDIARerank(api_key=KEY, top_n=question.top_n, **question.options), question)


def voyage(question: Question) -> list[Hit]:
    return hits(VoyageAIRerank(model=MODEL, api_key=KEY, top_k=question.top_n, **question.options), question)


def hits(compressor: CohereRerank | NVIDIARerank | VoyageAIRerank, question: Question) -> list[Hit]:
    documents = [Document(text, metadata={"index": index}) for index, text in enumerate(question.documents)]
    ranked = compressor.compress_documents(documents, question.query)
    return [Hit(document.metadata["index"], document.metadata["relevance_score"]) for document in ranked]


DRIVERS: dict[str, Driver] = {
    "langchain-cohere": cohere,
    "langchain-nvidia": nvidia,
    "langchain-voyageai": voyage,
}

if __name__ == "__main__":
    drive(DRIVERS)
