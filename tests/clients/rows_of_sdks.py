"""Rows of the vendors' own libraries, of AnswerDotAI's rerankers and of Agno."""

from __future__ import annotations

from typing import Final

from .client_row import ClientRow, Family

_RERANKERS: Final[tuple[tuple[str, Family, str], ...]] = (
    ("cohere", "Cohere v1", "{server}/v1/rerank"),
    ("jina", "Jina", "{server}/v1/rerank"),
    ("voyage", "Voyage", "{server}/v1/rerank"),
    ("mixedbread.ai", "mixedbread", "{server}/v1/reranking"),
    ("text-embeddings-inference", "TEI", "{server}/rerank"),
    ("pinecone", "Pinecone", "{server}/dialects/pinecone/rerank"),
)
"""Providers of the rerankers library, with the family that each speaks and its address."""

ROWS: Final = (
    ClientRow(
        key="cohere-v1",
        client="cohere.Client",
        package="cohere",
        environment="sdks",
        family="Cohere v1",
        options={"base_url": "{server}"},
        returns_documents=True,
        asked_when_full=True,
    ),
    ClientRow(
        key="cohere-v2",
        client="cohere.ClientV2",
        package="cohere",
        environment="sdks",
        family="Cohere v2",
        options={"base_url": "{server}"},
        asked_when_full=True,
    ),
    ClientRow(
        key="cohere-v2-by-variable",
        client="cohere.ClientV2",
        package="cohere",
        environment="sdks",
        family="Cohere v2",
        variables={"CO_API_URL": "{server}"},
    ),
    ClientRow(
        key="cohere-ovms",
        client="cohere.Client",
        package="cohere",
        environment="sdks",
        family="OVMS",
        options={"base_url": "{server}/v3"},
        returns_documents=True,
    ),
    ClientRow(
        key="voyageai",
        client="voyageai.Client",
        package="voyageai",
        environment="sdks",
        family="Voyage",
        options={"base_url": "{server}/v1"},
        asked_when_full=True,
    ),
    ClientRow(
        key="mixedbread",
        client="mixedbread.Mixedbread",
        package="mixedbread",
        environment="sdks",
        family="mixedbread",
        options={"base_url": "{server}"},
        returns_documents=True,
        asked_when_full=True,
    ),
    ClientRow(
        key="infinity-client",
        client="infinity_client.Client",
        package="infinity-client",
        environment="sdks",
        family="infinity",
        options={"base_url": "{server}"},
    ),
    ClientRow(
        key="infinity-client-by-prefix",
        client="infinity_client.Client",
        package="infinity-client",
        environment="sdks",
        family="infinity",
        options={"base_url": "{server}/dialects/infinity"},
        returns_documents=True,
    ),
    ClientRow(
        key="xinference-client",
        client="xinference_client.RESTfulClient",
        package="xinference-client",
        environment="sdks",
        family="Jina",
        options={"base_url": "{server}"},
        returns_documents=True,
        asked_when_full=True,
    ),
    ClientRow(
        key="pinecone",
        client="pinecone.Pinecone",
        package="pinecone",
        environment="sdks",
        family="Pinecone",
        options={"host": "{server}/dialects/pinecone"},
        returns_documents=True,
        asked_when_full=True,
    ),
    ClientRow(
        key="together",
        client="together.Together",
        package="together",
        environment="sdks",
        family="Cohere v1",
        options={"base_url": "{server}"},
        returns_documents=True,
        asked_when_full=True,
    ),
    ClientRow(
        key="agno-infinity",
        client="agno.knowledge.reranker.infinity.InfinityReranker",
        package="agno",
        environment="sdks",
        family="infinity",
        options={"url": "{server}"},
        limit="Drops any path of the address; on an error it gives the documents back as they were.",
    ),
    ClientRow(
        key="contextual-client",
        client="contextual.ContextualAI",
        package="contextual-client",
        environment="sdks",
        family="Jina",
        options={"base_url": "{server}/v1"},
        asked_when_full=True,
    ),
    ClientRow(
        key="lexilux",
        client="lexilux.Rerank",
        package="lexilux",
        environment="sdks",
        family="Jina",
        options={"base_url": "{server}/v1"},
        returns_documents=True,
        limit="Shows the status of an error, not its words.",
    ),
    *(
        ClientRow(
            key=f"rerankers-{provider}",
            client="rerankers.models.api_rankers.APIRanker",
            package="rerankers",
            environment="sdks",
            family=family,
            options={"api_provider": provider, "url": url},
            shown='{client}("any-name", "KEY", {options})',
            limit="Does not look at the status: an error shows as a missing key.",
        )
        for provider, family, url in _RERANKERS
    ),
)
"""In the order of the matrix."""
