"""The embedded demonstration model: a tiny reranker for trying things out, not for production.

The program `tools/demo_model` trains it.
"""

import importlib.resources
from pathlib import Path


def demo_model_directory() -> Path:
    """Returns the folder of the demonstration model, a checkpoint that `transformers` loads as it is."""
    return Path(str(importlib.resources.files(__name__))) / "model"
