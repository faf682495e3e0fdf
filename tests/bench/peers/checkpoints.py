"""The checkpoints of the comparison: the shapes with random weights, and our int8 of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bge_reranker.engine.batch import Pair
from bge_reranker.model.checkpoint.arrays import map_tensors
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.checkpoint.int8 import FLOAT_PARTS
from bge_reranker.model.openvino.quantise import choose_int8, observe_inputs
from bge_reranker.model.openvino.quantise import write_checkpoint as write_quantised

from ..checkpoint import BASE, Shape, write_checkpoint

SHAPES = {"base": BASE, "large": Shape(layers=24, hidden=1024, heads=16, feed_forward=4096)}
"""XLM-RoBERTa's two shapes, by name."""

_CALIBRATION_TOKENS = (40, 80, 160, 300)


def float_checkpoint(shape: str, cache: Path) -> Path:
    """Make the float32 checkpoint of a shape unless it is there."""
    return write_checkpoint(cache / f"xlm-roberta-{shape}-shape", SHAPES[shape])


def int8_checkpoint(shape: str, cache: Path) -> Path:
    """Quantise every layer as `bge-reranker quantise` does; random weights have no ranking for a gate to judge."""
    folder = cache / f"xlm-roberta-{shape}-shape-int8"
    if folder.exists():
        return folder
    checkpoint = read_checkpoint(float_checkpoint(shape, cache))
    if checkpoint.geometry is None:
        raise ValueError("the shapes are of the packed family; this is a bug")
    tensors, source = map_tensors(checkpoint.weight_files, checkpoint.geometry), np.random.default_rng(0)
    pairs = [
        Pair(source.integers(3, checkpoint.geometry.vocabulary_size, n, dtype=np.int32), np.zeros(n, np.int8))
        for n in _CALIBRATION_TOKENS
    ]
    seen = observe_inputs(tensors, checkpoint.geometry, pairs)
    layers = {
        name: choose_int8(tensors[f"{name}.weight"].floats(), seen[name])
        for name in checkpoint.geometry.family.linear_names(checkpoint.geometry)
    }
    unfinished = folder.with_suffix(".unfinished")
    unfinished.mkdir(exist_ok=True)
    write_quantised(checkpoint, tensors, layers, {"bits": 8, "static": True, FLOAT_PARTS: "bfloat16"}, unfinished)
    return unfinished.rename(folder)
