"""What each client in the field sends, and how it reads the answer: the table behind `test_client_rows`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DOCUMENTS = ["bad", "good good", "good"]
BEST_FIRST = [1, 2, 0]
OBJECTS = [{"text": text} for text in DOCUMENTS]
PAIRS = [["q", text] for text in DOCUMENTS]
LIMITS = {"truncate_prompt_tokens": 32, "truncation_side": "right", "max_tokens_per_doc": 16, "max_tokens_per_query": 8}

Read = Callable[[Any], list[Any]]
"""The list in which a client looks for its scores."""


@dataclass(frozen=True)
class Row:
    """One client's request."""

    client: str
    path: str
    body: dict[str, Any]
    read: Read
    score: str = "relevance_score"
    order: list[int] = field(default_factory=lambda: BEST_FIRST)
    text: Callable[[dict[str, Any]], Any] | None = None
    """Where the client looks for an item's text, if it does."""

    needs: Callable[[Any], bool] = lambda _answer: True
    """What else must hold of the answer, or the client fails."""

    headers: dict[str, str] = field(default_factory=dict)


def results(answer: Any) -> list[Any]:
    return list(answer["results"])


def data(answer: Any) -> list[Any]:
    return list(answer["data"])


def rankings(answer: Any) -> list[Any]:
    return list(answer["rankings"])


def array(answer: Any) -> list[Any]:
    assert isinstance(answer, list)
    return answer


def has_usage(answer: Any) -> bool:
    return answer["usage"]["total_tokens"] > 0 and answer["usage"]["prompt_tokens"] > 0 and "model" in answer


def documents_are_objects_or_absent(answer: Any) -> bool:
    return all(isinstance(item.get("document", {"text": ""})["text"], str) for item in answer["results"])


def of_object(item: dict[str, Any]) -> Any:
    return item["document"]["text"]


def of_string(item: dict[str, Any]) -> Any:
    return item["document"]


def of_text(item: dict[str, Any]) -> Any:
    return item["text"]


ASKED = {"model": "m", "query": "q", "documents": DOCUMENTS}
TEI = {"query": "q", "texts": DOCUMENTS}
NIM = {"model": "m", "query": {"text": "q"}, "passages": OBJECTS}

ROWS = [
    Row(
        "LangChain CohereRerank",
        "/v2/rerank",
        {**ASKED, "top_n": 3, "max_tokens_per_doc": None},
        results,
    ),
    Row("LangChain JinaRerank", "/v1/rerank", {**ASKED, "top_n": 3}, results),
    Row(
        "LangChain InfinityRerank",
        "/rerank",
        {**ASKED, "return_documents": False, "raw_scores": False},
        results,
        needs=lambda answer: answer["object"] == "rerank" and has_usage(answer),
    ),
    Row("LangChain NVIDIARerank", "/v1/ranking", {**NIM, "truncate": "END"}, rankings, "logit"),
    Row("LlamaIndex TextEmbeddingInference", "/rerank", TEI, array, "score", headers={"Authorization": "bare-token"}),
    Row("LlamaIndex Cohere", "/v1/rerank", {**ASKED, "top_n": 3}, results),
    Row("LlamaIndex Jina", "/v1/rerank", {**ASKED, "top_n": 3, "return_documents": False}, results),
    Row(
        "Haystack HuggingFaceTEIRanker",
        "/rerank",
        {**TEI, "raw_scores": False, "truncate": True, "truncation_direction": "Right"},
        array,
        "score",
    ),
    Row("Haystack JinaRanker", "/v1/rerank", {**ASKED, "top_n": 3}, results, needs=has_usage),
    Row("Haystack VLLMRanker", "/rerank", ASKED, results, needs=has_usage),
    Row("Haystack CohereRanker", "/v2/rerank", {**ASKED, "top_n": 10}, results),
    Row("Dify huggingface_tei", "/rerank", {**TEI, "return_text": True}, array, "score", text=of_text),
    Row("Dify openai_api_compatible", "/v1/rerank", {**ASKED, "top_n": 0}, results),
    Row("Dify jina", "/v1/rerank", {**ASKED, "documents": OBJECTS, "top_n": None}, results),
    Row("Dify localai", "/rerank", {**ASKED, "top_n": 3}, results, needs=documents_are_objects_or_absent),
    Row("Dify gpustack", "/v1/rerank", {**ASKED, "top_n": 3}, results, needs=documents_are_objects_or_absent),
    Row("Dify cohere", "/v1/rerank", {**ASKED, "top_n": 3, "return_documents": True}, results, text=of_object),
    Row("RAGFlow Jina", "/v1/rerank", {**ASKED, "top_n": 3}, results, needs=has_usage),
    Row("RAGFlow LocalAI", "/rerank", {**ASKED, "top_n": 3}, results, needs=has_usage),
    Row("RAGFlow GPUStack", "/v1/rerank", {**ASKED, "top_n": 3}, results),
    Row(
        "RAGFlow Xinference",
        "/v1/rerank",
        {**ASKED, "return_documents": "true", "return_len": "true"},
        results,
        text=of_object,
    ),
    Row("RAGFlow VLLM and Cohere", "/v1/rerank", {**ASKED, "top_n": 3, "return_documents": False}, results),
    Row("RAGFlow HuggingFace", "/rerank", {**TEI, "raw_scores": False, "truncate": True}, array, "score"),
    Row("RAGFlow NVIDIA", "/v1/reranking", {**NIM, "truncate": "END", "top_n": 3}, rankings, "logit"),
    Row(
        "LiteLLM huggingface",
        "/rerank",
        {**TEI, "return_text": True, "top_n": 3, "truncate": False, "truncation_direction": "Right"},
        array,
        "score",
        text=of_text,
    ),
    Row(
        "LiteLLM hosted_vllm",
        "/rerank",
        {**ASKED, "top_n": 3, "return_documents": True, **LIMITS},
        results,
        text=of_object,
        headers={"Authorization": "Bearer fake"},
    ),
    Row(
        "LiteLLM infinity",
        "/dialects/infinity/rerank",
        {**ASKED, "return_documents": True},
        results,
        text=of_string,
    ),
    Row("LiteLLM cohere, v2", "/v2/rerank", {**ASKED, "top_n": 3, "return_documents": True}, results, text=of_object),
    Row(
        "LiteLLM cohere, v1",
        "/v1/rerank",
        {**ASKED, "return_documents": True, "max_chunks_per_doc": 2},
        results,
        text=of_object,
    ),
    Row("LiteLLM nvidia_nim", "/v1/retrieval/nvidia/some-model/reranking", NIM, rankings, "logit"),
    Row(
        "Open WebUI external",
        "/v1/rerank",
        {**ASKED, "top_n": 3},
        results,
        headers={"X-OpenWebUI-User-Name": "n", "Authorization": "Bearer k"},
    ),
    Row(
        "Elasticsearch hugging_face", "/rerank", {**TEI, "return_text": True, "top_n": 3}, array, "score", text=of_text
    ),
    Row("Elasticsearch hugging_face, older", "/rerank", {"query": "q", "documents": DOCUMENTS}, results),
    Row("Elasticsearch custom", "/v1/rerank", {"query": "q", "documents": DOCUMENTS, "model": "m"}, results),
    Row("OpenSearch ml-commons", "/v1/rerank", {**ASKED, "top_n": 3}, results),
    Row("Milvus tei", "/rerank", {**TEI, "truncate": True, "truncation_direction": "Right"}, array, "score"),
    Row("Milvus vllm", "/rerank", {"query": "q", "documents": DOCUMENTS, "truncate_prompt_tokens": 32}, results),
    Row("Milvus sglang", "/dialects/sglang/v1/rerank", ASKED, array, "score"),
    Row(
        "rerankers APIRanker, cohere",
        "/v1/rerank",
        {**ASKED, "top_n": 3, "return_documents": True},
        results,
    ),
    Row("rerankers APIRanker, tei", "/rerank", {**TEI, "top_n": 3, "return_text": True}, array, "score"),
    Row("rerankers APIRanker, voyage", "/v1/rerank", {**ASKED, "top_k": 3, "return_documents": True}, data),
    Row(
        "rerankers APIRanker, mixedbread",
        "/v1/reranking",
        {"model": "m", "query": "q", "input": DOCUMENTS, "top_k": 3, "return_input": True},
        data,
        "score",
        text=lambda item: item["input"],
    ),
    Row(
        "Voyage SDK",
        "/v1/rerank",
        {**ASKED, "top_k": None, "truncation": True},
        data,
        needs=has_usage,
    ),
    Row(
        "Pinecone SDK",
        "/dialects/pinecone/rerank",
        {**ASKED, "documents": OBJECTS, "return_documents": True, "parameters": {}, "rank_fields": ["text"]},
        data,
        "score",
        text=of_object,
        needs=lambda answer: isinstance(answer["usage"]["rerank_units"], int),
        headers={"Api-Key": "k"},
    ),
    Row(
        "xinference-client",
        "/v1/rerank",
        {
            **ASKED,
            "top_n": None,
            "max_chunks_per_doc": None,
            "return_documents": None,
            "return_len": None,
            "kwargs": "{}",
        },
        results,
    ),
    Row("OpenVINO Model Server's clients", "/v3/rerank", ASKED, results),
    Row("Cohere SDK at /v3", "/v3/v1/rerank", ASKED, results),
    Row("llama.cpp's clients", "/dialects/llamacpp/v1/rerank", {"query": "q", "documents": DOCUMENTS}, results),
    Row("llama.cpp's clients, TEI words", "/dialects/llamacpp/rerank", TEI, array, "score"),
    Row("vLLM on /v1/rerank", "/v1/rerank", {**ASKED, "use_activation": True}, results, text=of_object),
    Row("vLLM on /v2/rerank", "/v2/rerank", {**ASKED, "truncate_prompt_tokens": -1}, results, text=of_object),
]
"""Every client whose answer names the documents by index."""
