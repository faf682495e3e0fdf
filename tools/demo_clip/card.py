"""The card beside the weights: what the model is, how it was made, and what was measured."""

from __future__ import annotations

import platform
from pathlib import Path

import torch
import transformers

from .evaluate import Evaluation

_CARD = """---
language: [en]
library_name: transformers
pipeline_tag: zero-shot-image-classification
---
# Demonstration dual encoder

**This is a demonstration model, not for production.** It exists so that ranking of pictures has something real to score
with before anyone fetches a model. It was trained from scratch on pictures that a program draws: one to four circles,
squares, triangles or crosses of one of six colours on one of three backgrounds, each with a caption in one of four
wordings. It knows nothing else.

CLIP in miniature: pictures of 48 pixels in patches of 8, three layers of width 96; captions of up to 16 tokens, one
layer of width 64; float16 weights. `pair_calibration` in config.json says how a cosine becomes a logit for each kind of
pair.

`make demo-clip` made it with {steps} batches over {pictures} pictures in {minutes:.0f} CPU minutes ({processor}, Python
{python}, torch {torch}, transformers {transformers}). The same command on the same machine and versions makes the same
weights.

Of {lists} lists of ten pictures, for captions of scenes that no training picture and no training caption showed, the
right picture came first in {share:.1%}; five of the ten differ from it in a single attribute. A colour histogram that
was shown another picture of the right scene has {histogram:.1%}. `make demo-clip TASK=evaluate` measures it again.
"""


def write_card(folder: Path, found: Evaluation, steps: int, pictures: int, cpu_s: float) -> None:
    """Write README.md.

    Args:
        folder: Of the model.
        found: What was measured.
        steps: Batches of the training.
        pictures: How many were drawn for it.
        cpu_s: CPU seconds of the whole program.
    """
    filled = _CARD.format(
        steps=steps,
        pictures=pictures,
        minutes=cpu_s / 60,
        processor=_processor(),
        python=platform.python_version(),
        torch=torch.__version__.partition("+")[0],
        transformers=transformers.__version__,
        lists=found.lists,
        share=found.share,
        histogram=found.histogram_share,
    )
    (folder / "README.md").write_text(filled, encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
