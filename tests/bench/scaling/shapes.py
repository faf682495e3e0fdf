"""`python -m tests.bench.scaling.shapes FOLDER SECONDS`: batches of lengths that came never before, as JSON.

A runtime with dynamic shapes builds kernels for each new one; buckets should make that rare. Every batch is scored
twice, so that the first time differs from the second in nothing but that its lengths are new. Only the processor's own
time counts.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from bge_reranker.engine.batch import Batch, Pair, pack
from bge_reranker.engine.scorer import Scorer
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings

_PAIRS = 8
_SHORTEST, _LONGEST = 20, 400
_MAX_BATCH_TOKENS = 2_048


def main(model: Path, seconds: float) -> None:
    # One thread that computes: the time of the process does not depend on what else runs.
    scorer = load_scorer(model, ModelSettings(source=str(model), threads=1))
    scorer.warm_up(_MAX_BATCH_TOKENS)
    source = np.random.default_rng(0)
    spent, tokens, batches = {"new": 0.0, "repeated": 0.0}, 0, 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        batch = _batch(source, source.integers(_SHORTEST, _LONGEST, _PAIRS))
        for turn in spent:
            spent[turn] += _cost_s(scorer, batch)
        tokens, batches = tokens + batch.total_tokens, batches + 1
    rates = {turn: tokens / cost for turn, cost in spent.items()}
    answer = {**rates, "batches": batches, "loss": 1 - rates["new"] / rates["repeated"]}
    sys.stdout.write(json.dumps(answer))


def _batch(source: np.random.Generator, lengths: np.ndarray) -> Batch:
    ids = (source.integers(3, 500, length, dtype=np.int32) for length in lengths)
    return pack([Pair(tokens, np.zeros(len(tokens), np.int8)) for tokens in ids])


def _cost_s(scorer: Scorer, batch: Batch) -> float:
    began = time.process_time()
    scorer.score(batch)
    return time.process_time() - began


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
