"""`python -m tests.bench.bare_loop FOLDER SECONDS BATCH_TOKENS`: the same scorer without server or queue.

Tokens are ready before the clock starts, batches are as the engine would make them at best. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bge_reranker.engine.batch import Batch, Pair, pack
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import ModelSettings, TextSettings
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import resolve_policy

from .documents import Texts

_REQUESTS = 8
"""Requests whose pairs are scored round and round."""


def main(folder: Path, seconds: float, batch_tokens: int) -> None:
    scorer = load_scorer(folder, ModelSettings(source=str(folder)))
    scorer.warm_up(batch_tokens)
    batches = _batches(folder, scorer.description.max_pair_tokens, batch_tokens)
    tokens, began, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        for batch in batches:
            scorer.score(batch)
            tokens += batch.total_tokens
            if time.perf_counter() - began >= seconds:
                break
    speed = {
        "tokens_per_second": tokens / (time.perf_counter() - began),
        "tokens_per_cpu_second": tokens / (time.process_time() - cpu),
    }
    sys.stdout.write(json.dumps(speed) + "\n")


def _batches(folder: Path, max_pair_tokens: int, batch_tokens: int) -> list[Batch]:
    encoder, texts = PairEncoder.from_directory(folder), Texts(folder, seed=1)
    policy = resolve_policy(TextSettings(), max_pair_tokens)
    batches: list[Batch] = []
    waiting: list[Pair] = []
    for _ in range(_REQUESTS):
        request = texts.request()
        encoded = encoder.encode(str(request["query"]), list(request["candidates"]), policy)  # type: ignore[call-overload] # a request's own list
        for document in encoded.documents:
            for pair in document.pairs:
                if waiting and sum(map(len, waiting)) + len(pair) > batch_tokens:
                    batches.append(pack(waiting))
                    waiting = []
                waiting.append(pair)
    return [*batches, pack(waiting)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
