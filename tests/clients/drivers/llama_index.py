"""LlamaIndex's postprocessors."""

# The libraries are installed in the environment that runs this, and not where types are checked.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.mixedbreadai_rerank import MixedbreadAIRerank
from llama_index.postprocessor.nvidia_rerank import NVIDIARerank
from llama_index.postprocessor.siliconflow_rerank import SiliconFlowRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
from llama_index.postprocessor.xinference_rerank import XinferenceRerank

from .driving import KEY, MODEL, Driver, Hit, Question, drive


def tei(question: Question) -> list[Hit]:
    # It sends the token as it is, without the word Bearer.
    return hits(TextEmbeddingInference(top_n=question.top_n, auth_token=KEY, **question.options), question)


def cohere(question: Question) -> list[Hit]:
    return hits(CohereRerank(model=MODEL, api_key=KEY, top_n=question.top_n, **question.options), question)


def jina(question: Question) -> list[Hit]:
    return hits(JinaRerank(model=MODEL, api_key=KEY, top_n=question.top_n, **question.options), question)


def nvidia(question: Question) -> list[Hit]:
    # Without a name, it takes the first model that the server lists.
    return hits(NVIDIARerank(api_key=KEY, top_n=question.top_n, **question.options), question)


def siliconflow(question: Question) -> list[Hit]:
    return hits(SiliconFlowRerank(model=MODEL, api_key=KEY, top_n=question.top_n, **question.options), question)


def xinference(question: Question) -> list[Hit]:
    return hits(XinferenceRerank(model=MODEL, top_n=question.top_n, **question.options), question)


def mixedbread(question: Question) -> list[Hit]:
    return hits(MixedbreadAIRerank(model=MODEL, api_key=KEY, top_n=question.top_n, **question.options), question)


def hits(postprocessor: BaseNodePostprocessor, question: Question) -> list[Hit]:
    nodes = [
        NodeWithScore(node=TextNode(text=text, id_=str(index)), score=0.5)
        for index, text in enumerate(question.documents)
    ]
    ranked = postprocessor.postprocess_nodes(nodes, QueryBundle(question.query))
    return [Hit(int(node.node.node_id), node.score) for node in ranked]


DRIVERS: dict[str, Driver] = {
    "llama-index-tei": tei,
    "llama-index-cohere": cohere,
    "llama-index-jinaai": jina,
    "llama-index-nvidia": nvidia,
    "llama-index-siliconflow": siliconflow,
    "llama-index-xinference": xinference,
    "llama-index-mixedbread": mixedbread,
}

if __name__ == "__main__":
    drive(DRIVERS)
