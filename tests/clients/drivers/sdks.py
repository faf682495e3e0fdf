"""The vendors' own libraries, AnswerDotAI's rerankers and Agno."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from functools import partial

import cohere
import pinecone
import together
import voyageai
import xinference_client
from agno.knowledge.document import Document as AgnoDocument
from agno.knowledge.reranker.infinity import InfinityReranker
from contextual import ContextualAI
from infinity_client import AuthenticatedClient as InfinityClient
from infinity_client.api.default import rerank as infinity_rerank
from infinity_client.models import RerankInput, ReRankResult
from lexilux import Rerank as LexiluxRerank
from mixedbread import Mixedbread
from rerankers.models.api_rankers import APIRanker

from .driving import KEY, MODEL, Driver, ErrorReturned, Hit, Question, drive

PROVIDERS = ("cohere", "jina", "voyage", "mixedbread.ai", "text-embeddings-inference", "pinecone")


def cohere_v1(question: Question) -> list[Hit]:
    answer = cohere.Client(api_key=KEY, **question.options).rerank(
        model=MODEL,
        query=question.query,
        documents=question.documents,
        top_n=question.top_n,
        return_documents=True,
    )
    return [Hit(result.index, result.relevance_score, result.document.text) for result in answer.results]


def cohere_v2(question: Question) -> list[Hit]:
    answer = cohere.ClientV2(api_key=KEY, **question.options).rerank(
        model=MODEL, query=question.query, documents=question.documents, top_n=question.top_n
    )
    return [Hit(result.index, result.relevance_score) for result in answer.results]


def voyage(question: Question) -> list[Hit]:
    answer = voyageai.Client(api_key=KEY, **question.options).rerank(
        question.query, question.documents, MODEL, top_k=question.top_n
    )
    assert answer.total_tokens > 0
    return [Hit(result.index, result.relevance_score) for result in answer.results]


def mixedbread(question: Question) -> list[Hit]:
    answer = Mixedbread(api_key=KEY, **question.options).rerank(
        model=MODEL, query=question.query, input=question.documents, top_k=question.top_n, return_input=True
    )
    assert answer.usage.total_tokens > 0
    return [Hit(result.index, result.score, result.input) for result in answer.data]


def infinity(question: Question, *, with_documents: bool) -> list[Hit]:
    body = RerankInput(
        query=question.query, documents=question.documents, top_n=question.top_n, return_documents=with_documents
    )
    answer = infinity_rerank.sync(client=InfinityClient(token=KEY, **question.options), body=body)
    if not isinstance(answer, ReRankResult):
        raise ErrorReturned(answer)
    texts = [result.document if with_documents else None for result in answer.results]
    return [Hit(result.index, result.relevance_score, text) for result, text in zip(answer.results, texts, strict=True)]


def xinference(question: Question) -> list[Hit]:
    model = xinference_client.RESTfulClient(api_key=KEY, **question.options).get_model(MODEL)
    answer = model.rerank(question.documents, question.query, top_n=question.top_n, return_documents=True)
    return [Hit(result["index"], result["relevance_score"], result["document"]["text"]) for result in answer["results"]]


def pinecone_inference(question: Question) -> list[Hit]:
    answer = pinecone.Pinecone(api_key=KEY, **question.options).inference.rerank(
        model=MODEL, query=question.query, documents=question.documents, top_n=question.top_n
    )
    return [Hit(result.index, result.score, result.document["text"]) for result in answer.data]


def together_rerank(question: Question) -> list[Hit]:
    answer = together.Together(api_key=KEY, **question.options).rerank.create(
        model=MODEL,
        query=question.query,
        documents=question.documents,
        top_n=question.top_n,
        return_documents=True,
    )
    return [Hit(result.index, result.relevance_score, result.document.text) for result in answer.results]


def agno(question: Question) -> list[Hit]:
    documents = [AgnoDocument(id=str(index), content=text) for index, text in enumerate(question.documents)]
    ranked = InfinityReranker(api_key=KEY, top_n=question.top_n, **question.options).rerank(question.query, documents)
    return [Hit(int(document.id), document.reranking_score) for document in ranked]


def contextual(question: Question) -> list[Hit]:
    answer = ContextualAI(api_key=KEY, **question.options).rerank.create(
        model=MODEL, query=question.query, documents=question.documents, top_n=question.top_n
    )
    return [Hit(result.index, result.relevance_score) for result in answer.results]


def lexilux(question: Question) -> list[Hit]:
    with LexiluxRerank(api_key=KEY, model=MODEL, **question.options) as client:
        answer = client(question.query, question.documents, top_k=question.top_n, include_docs=True)
    return [Hit(*result) for result in answer.results]


def rerankers(question: Question) -> list[Hit]:
    answer = APIRanker(MODEL, KEY, **question.options).rank(question.query, question.documents)
    return [Hit(result.document.doc_id, result.score) for result in answer.top_k(question.top_n)]


DRIVERS: dict[str, Driver] = {
    "cohere-v1": cohere_v1,
    "cohere-v2": cohere_v2,
    "cohere-v2-by-variable": cohere_v2,
    "cohere-ovms": cohere_v1,
    "voyageai": voyage,
    "mixedbread": mixedbread,
    "infinity-client": partial(infinity, with_documents=False),
    "infinity-client-by-prefix": partial(infinity, with_documents=True),
    "xinference-client": xinference,
    "pinecone": pinecone_inference,
    "together": together_rerank,
    "agno-infinity": agno,
    "contextual-client": contextual,
    "lexilux": lexilux,
    **{f"rerankers-{provider}": rerankers for provider in PROVIDERS},
}

if __name__ == "__main__":
    drive(DRIVERS)
