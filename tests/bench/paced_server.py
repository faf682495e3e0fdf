"""`python -m tests.bench.paced_server FOLDER [SETTINGS [TOKENIZER]]`: a scorer that takes as long as FOLDER/rate says.

The file holds tokens a second and is read ten times a second, so that the true rate is known and can be changed.
SETTINGS are further ones by field name, in JSON. TOKENIZER is a folder with one; else words are
tokens, and pairs short.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from bge_reranker.engine.batch import Batch
from bge_reranker.observe.metrics import Metrics
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.settings import Settings
from bge_reranker.text.encoder import PairEncoder
from tests.live.process import run_process
from tests.live.scripted_scorer import MAX_PAIR_TOKENS, ScriptedScorer
from tests.live.server import model_of, model_with

_MAX_PAIR_TOKENS = 512
"""Of a model as they are served."""

_RATE_HOLDS_S = 0.1
"""Seconds for which a rate is not read again: a fast device would have its file opened hundreds of times a second."""


class PacedScorer(ScriptedScorer):
    """Takes its time over every batch."""

    def __init__(self, rate: Path, max_pair_tokens: int = MAX_PAIR_TOKENS) -> None:
        super().__init__(max_pair_tokens)
        self._file = rate
        self._rate, self._read_until = 1.0, 0.0

    @override
    def score(self, batch: Batch) -> NDArray[np.float32]:
        began = time.monotonic()
        if began >= self._read_until:
            self._rate = float(self._file.read_text(encoding="utf-8"))
            self._read_until = began + _RATE_HOLDS_S
        ends_at = began + batch.total_tokens / self._rate
        time.sleep(max(0.0, ends_at - time.monotonic()))
        # Whatever the words are: those that the scripted scorer obeys may occur in anybody's texts.
        return np.zeros(len(batch), dtype=np.float32)


def main(folder: Path, flags: dict[str, Any], tokenizer: Path | None = None) -> int:
    def load(settings: Settings, metrics: Metrics, executor: Executor) -> ServedModel:
        if tokenizer is None:
            return model_of(folder, settings, PacedScorer(folder / "rate"), metrics, executor)
        scorer = PacedScorer(folder / "rate", _MAX_PAIR_TOKENS)
        return model_with(PairEncoder.from_directory(tokenizer), settings, scorer, metrics, executor)

    def ready(api: str, management: str) -> None:
        sys.stdout.write(f"Management: {management}\nReady: {api}\n")
        sys.stdout.flush()

    return run_process({"drain_delay_s": 0, "log_level": "error", **flags}, load, ready)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2]) if sys.argv[2:] else {}, *map(Path, sys.argv[3:])))
