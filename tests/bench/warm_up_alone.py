"""`python -m tests.bench.warm_up_alone FOLDER`: prints the seconds that a loaded model's warm-up takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bge_reranker.engine.engine import Engine
from bge_reranker.model.load import load_scorer
from bge_reranker.settings import EngineSettings, ModelSettings


def main(folder: Path) -> None:
    """Load a model, then time its warm-up and calibration."""
    engine = Engine(load_scorer(folder, ModelSettings()), EngineSettings())
    began = time.perf_counter()
    engine.start()
    engine.wait_until_ready()
    sys.stdout.write(f"{time.perf_counter() - began}\n")
    engine.close(10.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
