"""Networks with random weights, made on the device, without a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from bge_reranker.engine.batch import Pair
from bge_reranker.model.families.geometry import Geometry
from bge_reranker.model.families.xlm_roberta import XlmRoberta
from bge_reranker.model.torch.graphs import CudaGraphRecorder
from bge_reranker.model.torch.loading import fast_bodies
from bge_reranker.model.torch.network import PackedClassifier
from bge_reranker.model.torch.placement import Placement
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.precision import PRECISIONS
from bge_reranker.settings import BodyChoice

LARGE = Geometry(XlmRoberta(), 250_002, 1024, 24, 16, 4096, 514, 1, 1e-5, 1)
"""XLM-RoBERTa-large, and BERT-Large but for the vocabulary."""

SMALL = Geometry(XlmRoberta(), 1000, 64, 2, 2, 128, 514, 1, 1e-5, 1)
"""For trying the program itself."""


def random_network(geometry: Geometry, placement: Placement) -> PackedClassifier:
    """Make a network whose activations neither vanish nor overflow."""
    with torch.device("meta"):
        network = PackedClassifier(geometry, ())
    network.set_precision(placement.dtype)
    network.to_empty(device=placement.device)
    generator = torch.Generator(placement.device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.fill_(float(name.endswith("weight")))
            else:
                parameter.normal_(0.0, 0.5 / parameter.shape[-1] ** 0.5, generator=generator)
    return network.train(mode=False)


def random_scorer(geometry: Geometry, device: str, precision: str, choice: BodyChoice = "auto") -> TorchScorer:
    """Make a scorer as `load_torch_scorer` does, not warmed up."""
    placement = Placement(torch.device(device), PRECISIONS[precision])
    recorder = None if placement.is_cpu or choice == "plain" else CudaGraphRecorder(placement.device)
    network = random_network(geometry, placement)
    return TorchScorer(network, placement, "random", fast_bodies(placement, choice), choice, recorder)


def random_pairs(geometry: Geometry, lengths: Sequence[int], seed: int = 0) -> list[Pair]:
    """Make pairs of random tokens."""
    generator = np.random.default_rng(seed)
    return [
        Pair(generator.integers(3, geometry.vocabulary_size, length, dtype=np.int32), np.zeros(length, dtype=np.int8))
        for length in lengths
    ]
