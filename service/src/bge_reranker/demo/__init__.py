"""The embedded demonstration models: tiny ones for trying things out, not for production.

The programs `tools/demo_model` and `tools/demo_clip` train them.
"""

import importlib.resources
from pathlib import Path


def demo_model_directory() -> Path:
    """Returns the folder of the demonstration model, a checkpoint that `transformers` loads as it is."""
    return Path(str(importlib.resources.files(__name__))) / "model"


def demo_clip_directory() -> Path:
    """Returns the folder of the demonstration dual encoder, which knows generated pictures of shapes."""
    return Path(str(importlib.resources.files(__name__))) / "clip"
