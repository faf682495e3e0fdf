"""`python -m tests.live.slow_server FOLDER [FLAG=VALUE...]`: a whole server process, for tests of its end.

Its scorer waits until the file FOLDER/open exists.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import Executor
from pathlib import Path

from bge_reranker.observe.metrics import Metrics
from bge_reranker.ranking.served_model import ServedModel
from bge_reranker.settings import Settings

from .process import run_process
from .scripted_scorer import ScriptedScorer
from .server import model_of


def main(folder: Path, flags: dict[str, str]) -> int:
    scorer = ScriptedScorer()

    def load(settings: Settings, metrics: Metrics, executor: Executor) -> ServedModel:
        model = model_of(folder, settings, scorer, metrics, executor)
        scorer.gate.clear()
        threading.Thread(target=_open_gate, args=(folder / "open", scorer.gate), daemon=True).start()
        return model

    def ready(api: str, management: str) -> None:
        sys.stdout.write(f"{api} {management}\n")
        sys.stdout.flush()

    return run_process(flags, load, ready)


def _open_gate(file: Path, gate: threading.Event) -> None:
    while not file.exists():
        time.sleep(0.01)
    gate.set()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])))
