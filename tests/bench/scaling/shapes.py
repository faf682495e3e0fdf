"""`python -m tests.bench.scaling.shapes FOLDER SECONDS`: lengths that repeat beside lengths that never do, as JSON.

A runtime with dynamic shapes builds kernels for each new one; buckets should make the two streams equally fast. Both
streams have the same tokens; they take turns, and only the processor's own time counts.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
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
    # One thread: it is this one, and its own time does not depend on what else runs.
    scorer = load_scorer(model, ModelSettings(model=str(model), threads=1))
    scorer.warm_up(_MAX_BATCH_TOKENS)
    source = np.random.default_rng(0)
    repeated = _batch(source, source.integers(_SHORTEST, _LONGEST, _PAIRS))
    streams: dict[str, Callable[[], Batch]] = {
        "repeated": lambda: repeated,
        "new": lambda: _batch(source, source.integers(_SHORTEST, _LONGEST, _PAIRS)),
    }
    costs: dict[str, list[float]] = {name: [] for name in streams}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, draw in streams.items():
            costs[name].append(_cost_per_token(scorer, draw()))
    found = {name: 1 / statistics.median(values) for name, values in costs.items()}
    sys.stdout.write(json.dumps({**found, "batches": len(costs["new"]), "loss": 1 - found["new"] / found["repeated"]}))


def _batch(source: np.random.Generator, lengths: np.ndarray) -> Batch:  # type: ignore[type-arg] # plain integers
    ids = (source.integers(3, 500, length, dtype=np.int32) for length in lengths)
    return pack([Pair(tokens, np.zeros(len(tokens), np.int8)) for tokens in ids])


def _cost_per_token(scorer: Scorer, batch: Batch) -> float:
    began = time.thread_time()
    scorer.score(batch)
    return (time.thread_time() - began) / batch.total_tokens


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
