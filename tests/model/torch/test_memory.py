"""The memory of a GPU, played on a CPU."""

from __future__ import annotations

import math
import queue
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from bge_reranker.engine.batch import pack
from bge_reranker.engine.calibration import warm_up
from bge_reranker.engine.engine import Engine
from bge_reranker.engine.ticket import Outcome
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.torch.attention import PaddedAttention
from bge_reranker.model.torch.linear import OneDnnLinear
from bge_reranker.model.torch.network import Bodies
from bge_reranker.model.torch.packing import Spans
from bge_reranker.model.torch.placement import Placement
from bge_reranker.model.torch.preparation import free_gpu_bytes
from bge_reranker.model.torch.scorer import TorchScorer
from bge_reranker.model.torch.weights import load_network
from bge_reranker.precision import FLOAT32
from bge_reranker.settings import EngineSettings

from ..checkpoints import packed_model, random_pairs, save

CPU = torch.device("cpu")


class PlayedGpu(Placement):
    """A device apart, as far as the scorer asks."""

    @property
    @override
    def is_cpu(self) -> bool:
        return False


class SmallMemoryAttention(PaddedAttention):
    """Has room for so many rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    @override
    def __call__(self, query: Tensor, key: Tensor, value: Tensor, queries: Spans, keys: Spans) -> Tensor:
        if keys.rows > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().__call__(query, key, value, queries, keys)


def scorer_on_played_gpu(directory: Path, attention: SmallMemoryAttention) -> TorchScorer:
    checkpoint = read_checkpoint(save(packed_model("xlm-roberta", scale=8.0), directory))
    assert checkpoint.geometry is not None
    network = load_network(checkpoint.weight_files, checkpoint.geometry, torch.float32, CPU, ())
    return TorchScorer(network, PlayedGpu(CPU, FLOAT32), checkpoint.architecture, Bodies(OneDnnLinear(), attention))


def scores(engine: Engine, lengths: list[int]) -> Outcome:
    outcomes = queue.Queue[Outcome]()
    engine.submit(engine.reserve(sum(lengths), math.inf), random_pairs(lengths), outcomes.put)
    return outcomes.get(timeout=60)


def test_budget_of_tokens_is_what_warm_up_found_room_for(tmp_path: Path) -> None:
    scorer = scorer_on_played_gpu(tmp_path, SmallMemoryAttention(rows=1200))
    assert warm_up(scorer, 4096) == 1024
    assert scorer.description.bodies == {"linear": "onednn", "attention": "padded", "norm": "plain"}
    (note,) = scorer.description.notes
    assert "2048 tokens does not fit" in str(note)
    pairs = random_pairs([40] * 8)
    alone = np.concatenate([scorer.score(pack([pair])) for pair in pairs])
    np.testing.assert_allclose(scorer.score(pack(pairs)), alone, atol=1e-5, rtol=0)


def test_engine_halves_its_budget_when_memory_shrinks_and_regains_it(tmp_path: Path) -> None:
    attention = SmallMemoryAttention(rows=10_000)
    engine = Engine(scorer_on_played_gpu(tmp_path, attention), EngineSettings(max_batch_tokens=1024))
    engine.start()
    try:
        engine.wait_until_ready(60)
        assert engine.budget_tokens == 1024
        attention.rows = 600
        assert not scores(engine, [64] * 16).errors
        shrunk = engine.budget_tokens
        assert shrunk <= 600
        attention.rows = 10_000
        for _ in range(100):
            assert not scores(engine, [64] * 16).errors
            if engine.budget_tokens > shrunk:
                break
        assert shrunk < engine.budget_tokens <= 1024
    finally:
        engine.close(30)


@dataclass
class PlayedMemory:
    free: int
    total: int
    fraction: float
    reserved: int

    def mem_get_info(self, device: torch.device) -> tuple[int, int]:
        assert device == torch.device("cuda:1")
        return self.free, self.total

    def get_per_process_memory_fraction(self, _device: torch.device) -> float:
        return self.fraction

    def memory_reserved(self, _device: torch.device) -> int:
        return self.reserved


def test_free_memory_is_no_more_than_the_part_that_the_process_may_take() -> None:
    device = torch.device("cuda:1")
    assert free_gpu_bytes(device, PlayedMemory(70, 100, 1.0, 10)) == 70
    assert free_gpu_bytes(device, PlayedMemory(70, 100, 0.5, 10)) == 40
    assert free_gpu_bytes(device, PlayedMemory(20, 100, 0.5, 10)) == 20
    assert free_gpu_bytes(device, PlayedMemory(70, 100, 0.1, 15)) == 0
