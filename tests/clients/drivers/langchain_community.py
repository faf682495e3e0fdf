"""LangChain's community package."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from infinity_client import Client as InfinityClient
from langchain_community.document_compressors import InfinityRerank
from langchain_core.documents import Document

from .driving import KEY, MODEL, Driver, Hit, Question, drive


def infinity(question: Question) -> list[Hit]:
    # LangChain takes no other class of client, and this one has no argument for a key.
    client = InfinityClient(headers={"Authorization": f"Bearer {KEY}"}, **question.options)
    documents = [Document(text, metadata={"index": index}) for index, text in enumerate(question.documents)]
    ranked = InfinityRerank(client=client, model=MODEL, top_n=question.top_n).compress_documents(
        documents, question.query
    )
    return [Hit(document.metadata["index"], document.metadata["relevance_score"]) for document in ranked]


DRIVERS: dict[str, Driver] = {"langchain-infinity": infinity}

if __name__ == "__main__":
    drive(DRIVERS)
