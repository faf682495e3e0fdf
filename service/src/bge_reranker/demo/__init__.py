"""The embedded demonstration model: a small checkpoint in English and Chinese, for trying things out.

What belongs here: the checkpoint and where it lies. What must not: how it was trained, which is a program of its own.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def demo_model_directory() -> Path:
    """Give the folder of the embedded model's checkpoint.

    It is a folder on disk wherever the package is installed as files, which the tokenizer and the memory-mapped weights
    need; a zipped package is not supported.
    """
    return Path(str(files(__package__))) / "model"
