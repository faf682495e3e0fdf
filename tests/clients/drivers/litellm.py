"""LiteLLM's providers."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import litellm

from .driving import KEY, Driver, Hit, Question, drive

PROVIDERS = (
    "cohere",
    "jina_ai",
    "hosted_vllm",
    "infinity",
    "huggingface",
    "voyage",
    "nvidia_nim",
    "nvidia_nim-ranking",
)


def rerank(question: Question) -> list[Hit]:
    answer = litellm.rerank(
        api_key=KEY,
        query=question.query,
        documents=question.documents,
        top_n=question.top_n,
        return_documents=True,
        **question.options,
    )
    return [
        Hit(result["index"], result["relevance_score"], (result.get("document") or {}).get("text"))
        for result in answer.results
    ]


DRIVERS: dict[str, Driver] = {f"litellm-{provider}": rerank for provider in PROVIDERS}

if __name__ == "__main__":
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    drive(DRIVERS)
