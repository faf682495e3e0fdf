"""`python -m tests.live.slow_server FOLDER [FLAG=VALUE...]`: a whole server process, for tests of its end.

Its scorer waits until the file FOLDER/open exists.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop

from bge_reranker.api.application import create_api, create_management
from bge_reranker.configuration import load_settings
from bge_reranker.guard.guard import create_guard
from bge_reranker.observe.logs import configure_logs
from bge_reranker.observe.start import create_metrics, start_tracing
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.serving.descriptors import Descriptors, raise_limit
from bge_reranker.serving.listeners import open_listeners
from bge_reranker.serving.process import ServerProcess
from bge_reranker.serving.state import ServingState

from .scripted_scorer import ScriptedScorer
from .server import model_of


def main(folder: Path, flags: dict[str, str]) -> int:
    settings = load_settings(flags={"port": 0, "management_port": 0, **flags})
    configure_logs(settings.observe)
    scorer, state, executor = ScriptedScorer(), ServingState(), ThreadPoolExecutor(2)
    metrics = create_metrics(settings.observe)
    tracing = start_tracing(settings.observe, metrics)
    guard = create_guard(settings.guard, metrics)
    api, management = open_listeners(
        create_api(state, settings, guard, metrics, tracing, executor),
        create_management(state, settings, guard, metrics),
        settings.http,
        Descriptors.divide(raise_limit(), settings.http.max_connections),
        metrics.refused,
    )

    def load() -> ServedModel:
        model = model_of(folder, settings, scorer, metrics, executor)
        scorer.gate.clear()
        threading.Thread(target=_open_gate, args=(folder / "open", scorer.gate), daemon=True).start()
        return model

    def ready(_model: ServedModel) -> None:
        sys.stdout.write(f"{api.address} {management.address}\n")
        sys.stdout.flush()

    async def run() -> int:
        return await ServerProcess(state, api, management, load, settings.http, metrics, tracing, ready).run()

    return uvloop.run(run())


def _open_gate(file: Path, gate: threading.Event) -> None:
    while not file.exists():
        time.sleep(0.01)
    gate.set()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])))
