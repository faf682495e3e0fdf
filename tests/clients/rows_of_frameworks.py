"""Rows of LangChain, Haystack, LlamaIndex, LiteLLM and LightRAG."""

from __future__ import annotations

from typing import Final

from .client_row import ClientRow, Family, FixedClient

_LITELLM: Final[tuple[tuple[str, Family, str], ...]] = (
    ("cohere", "Cohere v2", "{server}"),
    ("jina_ai", "Jina", "{server}"),
    ("hosted_vllm", "vLLM", "{server}"),
    ("infinity", "infinity", "{server}/dialects/infinity"),
    ("huggingface", "TEI", "{server}"),
    ("voyage", "Voyage", "{server}"),
    ("nvidia_nim", "NIM", "{server}"),
    ("nvidia_nim/ranking", "NIM", "{server}"),
)
"""Prefixes of LiteLLM's model names, with the family that each speaks and its address."""

ROWS: Final = (
    ClientRow(
        key="langchain-cohere",
        client="langchain_cohere.CohereRerank",
        package="langchain-cohere",
        environment="langchain",
        family="Cohere v2",
        options={"base_url": "{server}"},
        asked_when_full=True,
    ),
    ClientRow(
        key="langchain-infinity",
        client="langchain_community.document_compressors.InfinityRerank",
        package="langchain-community",
        environment="langchain-community",
        family="infinity",
        options={"base_url": "{server}"},
        shown="{client}(client=infinity_client.Client({options}))",
        limit="Does not look for an error: it shows as a missing key.",
    ),
    ClientRow(
        key="langchain-nvidia",
        client="langchain_nvidia_ai_endpoints.NVIDIARerank",
        package="langchain-nvidia-ai-endpoints",
        environment="langchain",
        family="NIM",
        options={"base_url": "{server}/v1"},
        scores="logit",
        asked_when_full=True,
    ),
    ClientRow(
        key="langchain-voyageai",
        client="langchain_voyageai.VoyageAIRerank",
        package="langchain-voyageai",
        environment="langchain",
        family="Voyage",
        options={"base_url": "{server}/v1"},
    ),
    ClientRow(
        key="haystack-cohere",
        client="CohereRanker",
        package="cohere-haystack",
        environment="haystack",
        family="Cohere v2",
        options={"api_base_url": "{server}"},
    ),
    ClientRow(
        key="haystack-jina",
        client="JinaRanker",
        package="jina-haystack",
        environment="haystack",
        family="Jina",
        options={"base_url": "{server}/v1/rerank"},
        asked_when_full=True,
    ),
    ClientRow(
        key="haystack-vllm",
        client="VLLMRanker",
        package="vllm-haystack",
        environment="haystack",
        family="vLLM",
        options={"api_base_url": "{server}/v1"},
        asked_when_full=True,
    ),
    ClientRow(
        key="haystack-nvidia",
        client="NvidiaRanker",
        package="nvidia-haystack",
        environment="haystack",
        family="NIM",
        options={"api_url": "{server}/v1"},
        scores="logit",
    ),
    ClientRow(
        key="haystack-tei",
        client="HuggingFaceTEIRanker",
        package="huggingface-api-haystack",
        environment="haystack",
        family="TEI",
        options={"url": "{server}"},
        limit="Drops any path of the address.",
    ),
    ClientRow(
        key="llama-index-tei",
        client="TextEmbeddingInference",
        package="llama-index-postprocessor-tei-rerank",
        environment="llama-index",
        family="TEI",
        options={"base_url": "{server}"},
        limit="Does not look at the status: an error shows as a failed assertion.",
    ),
    ClientRow(
        key="llama-index-cohere",
        client="CohereRerank",
        package="llama-index-postprocessor-cohere-rerank",
        environment="llama-index",
        family="Cohere v2",
        options={"base_url": "{server}"},
    ),
    ClientRow(
        key="llama-index-jinaai",
        client="JinaRerank",
        package="llama-index-postprocessor-jinaai-rerank",
        environment="llama-index",
        family="Jina",
        options={"base_url": "{server}/v1"},
    ),
    ClientRow(
        key="llama-index-nvidia",
        client="NVIDIARerank",
        package="llama-index-postprocessor-nvidia-rerank",
        environment="llama-index",
        family="NIM",
        options={"base_url": "{server}/v1"},
        scores="logit",
        limit="Shows the status of an error, not its words.",
    ),
    ClientRow(
        key="llama-index-siliconflow",
        client="SiliconFlowRerank",
        package="llama-index-postprocessor-siliconflow-rerank",
        environment="llama-index",
        family="Cohere v1",
        options={"base_url": "{server}/v1/rerank"},
    ),
    ClientRow(
        key="llama-index-xinference",
        client="XinferenceRerank",
        package="llama-index-postprocessor-xinference-rerank",
        environment="llama-index",
        family="Jina",
        options={"base_url": "{server}"},
        key_in_address=True,
    ),
    ClientRow(
        key="llama-index-mixedbread",
        client="MixedbreadAIRerank",
        package="llama-index-postprocessor-mixedbreadai-rerank",
        environment="llama-index",
        family="mixedbread",
        variables={"MIXEDBREAD_BASE_URL": "{server}"},
    ),
    *(
        ClientRow(
            key=f"litellm-{provider.replace('/', '-')}",
            client="litellm.rerank",
            package="litellm",
            environment="litellm",
            family=family,
            options={"model": f"{provider}/any-name", "api_base": base},
            scores="logit" if family == "NIM" else "sigmoid",
            # The text-embeddings-inference protocol has no such option, and LiteLLM does not cut the answer itself.
            honours_top_n=family != "TEI",
            returns_documents=True,
            asked_when_full=provider == "jina_ai",
        )
        for provider, family, base in _LITELLM
    ),
    ClientRow(
        key="lightrag-cohere",
        client="lightrag.rerank.cohere_rerank",
        package="lightrag-hku",
        environment="lightrag",
        family="Cohere v2",
        options={"base_url": "{server}/v2/rerank"},
    ),
    ClientRow(
        key="lightrag-jina",
        client="lightrag.rerank.jina_rerank",
        package="lightrag-hku",
        environment="lightrag",
        family="Jina",
        options={"base_url": "{server}/v1/rerank"},
    ),
)
"""In the order of the matrix."""

FIXED: Final = (
    FixedClient(
        client="langchain_community.document_compressors.JinaRerank",
        package="langchain-community",
        environment="langchain-community",
        reason="posts to the module's constant JINA_API_URL; no argument or variable changes it",
    ),
    FixedClient(
        client="VoyageAIRerank",
        package="llama-index-postprocessor-voyageai-rerank",
        environment="llama-index",
        reason="makes its voyageai.Client from the key alone, without a base_url",
    ),
)
"""Clients whose address is fixed in their code."""
