"""`python -m tests.bench.paced_server FOLDER`: a server whose scorer takes as long as the file FOLDER/rate says.

The file holds tokens a second and is read before every batch, so that the true rate is known and can be changed.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import uvloop
from numpy.typing import NDArray
from typing_extensions import override

from bge_reranker.api.application import create_api, create_management
from bge_reranker.configuration import load_settings
from bge_reranker.engine.batch import Batch
from bge_reranker.guard.guard import create_guard
from bge_reranker.observe.logs import configure_logs
from bge_reranker.observe.start import create_metrics, start_tracing
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.serving.descriptors import Descriptors, raise_limit
from bge_reranker.serving.listeners import open_listeners
from bge_reranker.serving.process import ServerProcess
from bge_reranker.serving.state import ServingState
from tests.live.scripted_scorer import ScriptedScorer
from tests.live.server import model_of


class PacedScorer(ScriptedScorer):
    """Takes its time over every batch."""

    def __init__(self, rate: Path) -> None:
        super().__init__()
        self._rate = rate

    @override
    def score(self, batch: Batch) -> NDArray[np.float32]:
        ends_at = time.monotonic() + batch.total_tokens / float(self._rate.read_text(encoding="utf-8"))
        logits = super().score(batch)
        time.sleep(max(0.0, ends_at - time.monotonic()))
        return logits


def main(folder: Path) -> int:
    settings = load_settings(flags={"port": 0, "management_port": 0, "drain_delay_s": 0, "log_level": "error"})
    configure_logs(settings.observe)
    state, executor, metrics = ServingState(), ThreadPoolExecutor(2), create_metrics(settings.observe)
    guard, tracing = create_guard(settings.guard, metrics), start_tracing(settings.observe, metrics)
    api, management = open_listeners(
        create_api(state, settings, guard, metrics, tracing, executor),
        create_management(state, settings, guard, metrics),
        settings.http,
        Descriptors.divide(raise_limit(), settings.http.max_connections),
        metrics.refused,
    )

    def load() -> ServedModel:
        return model_of(folder, settings, PacedScorer(folder / "rate"), metrics, executor)

    def ready(_model: ServedModel) -> None:
        sys.stdout.write(f"Ready: {api.address}\n")
        sys.stdout.flush()

    async def run() -> int:
        return await ServerProcess(state, api, management, load, settings.http, metrics, tracing, ready).run()

    return uvloop.run(run())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
