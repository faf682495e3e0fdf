"""`python -m tests.bench.peers.operators CHECKPOINT LENGTHS`: where the time of a call goes, as JSON.

LENGTHS are those of a batch's pairs, in tokens and as a JSON list. One thread runs the calls that the scorer would make
of them; the shares say how much faster a graph could become without faster linear layers.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from bge_reranker.model.checkpoint.arrays import map_tensors
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.load import load_scorer
from bge_reranker.model.openvino.buckets import split
from bge_reranker.model.openvino.graph import HIDDEN, MASK, build_graph
from bge_reranker.model.openvino.runtime import openvino
from bge_reranker.model.openvino.scorer import CALL_TOKENS_PER_THREAD
from bge_reranker.settings import ModelSettings

_ATTENTION = {"Subgraph", "MatMul", "Softmax", "MHA", "ScaledDotProductAttention"}
"""What the runtime calls the parts of attention, fused or not. Linear layers are fully connected to it."""


def operator_shares(folder: Path, lengths: list[int]) -> dict[str, float]:
    """Measure the shares of linear layers, attention and the rest.

    Args:
        folder: A checkpoint of the packed family.
        lengths: Tokens of each pair.
    """
    checkpoint = read_checkpoint(folder)
    if checkpoint.geometry is None:
        raise ValueError("the shapes are of the packed family; this is a bug")
    graph = build_graph(map_tensors(checkpoint.weight_files, checkpoint.geometry), checkpoint.geometry)
    hint = load_scorer(folder, ModelSettings(source=str(folder), device="cpu")).description.precision_hint
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERF_COUNT": True}
    request = openvino.Core().compile_model(graph, "CPU", options).create_infer_request()
    source, spent = np.random.default_rng(0), Counter[str]()
    for block in split(np.array(lengths), checkpoint.geometry.max_pair_tokens, CALL_TOKENS_PER_THREAD):
        rows, length = block.shape
        hidden = source.standard_normal((rows, length, checkpoint.geometry.hidden_size), dtype=np.float32)
        inputs = {HIDDEN: hidden, MASK: np.zeros((rows, 1, 1, length), np.float32)}
        # The first call of a shape builds kernels.
        request.infer(inputs)
        request.infer(inputs)
        for step in request.profiling_info:
            spent[_kind(step.node_type)] += step.real_time.total_seconds()
    return {kind: seconds / spent.total() for kind, seconds in spent.items()}


def _kind(operator: str) -> str:
    if operator.startswith("FullyConnected"):
        return "linear"
    return "attention" if operator in _ATTENTION else "rest"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(operator_shares(Path(sys.argv[1]), json.loads(sys.argv[2]))) + "\n")
