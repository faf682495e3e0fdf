"""The embedded demonstration model: a tiny reranker for trying things out, not for production.

Belongs here: the checkpoint folder with its card, and where it lies. Must not be here: its training, which is the
program `tools/demo_model`.
"""

import importlib.resources
from pathlib import Path


def demo_model_directory() -> Path:
    """Returns the folder of the demonstration model, a checkpoint that `transformers` loads as it is."""
    return Path(str(importlib.resources.files(__name__))) / "model"
