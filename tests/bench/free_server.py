"""`python -m tests.bench.free_server`: a server whose scorer costs nothing, so that all its time is the front end's.

Tokenizer and text policy are the embedded model's.
"""

from __future__ import annotations

import sys
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from bge_reranker.demo import demo_model_directory
from bge_reranker.engine.batch import Batch
from bge_reranker.observe.metrics import Metrics
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.settings import Settings
from bge_reranker.text.encoder import PairEncoder
from tests.live.process import run_process
from tests.live.scripted_scorer import ScriptedScorer
from tests.live.server import model_with

_PAIR_TOKENS = 512
"""Longest pair, as of bge-reranker-large."""


class FreeScorer(ScriptedScorer):
    """Gives every pair the same logit."""

    def __init__(self) -> None:
        super().__init__(_PAIR_TOKENS)

    @override
    def score(self, batch: Batch) -> NDArray[np.float32]:
        return np.zeros(len(batch), dtype=np.float32)


def main() -> int:
    def load(settings: Settings, metrics: Metrics, executor: Executor) -> ServedModel:
        encoder = PairEncoder.from_directory(demo_model_directory())
        return model_with(encoder, settings, FreeScorer(), metrics, executor)

    def ready(api: str, _management: str) -> None:
        sys.stdout.write(f"Ready: {api}\n")
        sys.stdout.flush()

    return run_process({"drain_delay_s": 0, "log_level": "error"}, load, ready)


if __name__ == "__main__":
    sys.exit(main())
