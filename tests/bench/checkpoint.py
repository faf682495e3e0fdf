"""A checkpoint of XLM-RoBERTa's base shape with random weights: the right amount of work, no meaning."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bge_reranker.demo import demo_model_directory


@dataclass(frozen=True)
class Shape:
    """The dimensions that decide the work per token."""

    layers: int
    hidden: int
    heads: int
    feed_forward: int


BASE = Shape(layers=12, hidden=768, heads=12, feed_forward=3072)
"""XLM-RoBERTa base: 85 M parameters in its layers, 0.17 GFLOP a token in its linear layers."""

_POSITIONS = 514
_STANDARD_DEVIATION = 0.02


def write_checkpoint(folder: Path, shape: Shape = BASE, vocabulary: int | None = None) -> Path:
    """Write the checkpoint with the embedded model's tokenizer, unless it is there already.

    Args:
        folder: Where to.
        shape: Its dimensions.
        vocabulary: Rows of the word embedding; by default as many as the tokenizer needs.
    """
    if (folder / "model.safetensors").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(demo_model_directory() / name, folder / name)
    words = vocabulary or len(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]) + 1
    config = {
        "architectures": ["XLMRobertaForSequenceClassification"],
        "model_type": "xlm-roberta",
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": words,
        "max_position_embeddings": _POSITIONS,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    tensors = dict(_tensors(shape, words, np.random.default_rng(0)))
    save_file(tensors, folder / "unfinished", metadata={"format": "pt"})
    (folder / "unfinished").rename(folder / "model.safetensors")
    return folder


def _tensors(shape: Shape, words: int, source: np.random.Generator) -> Iterator[tuple[str, NDArray[np.float32]]]:
    hidden = shape.hidden

    def linear(name: str, rows: int, columns: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        weight = source.standard_normal((rows, columns), dtype=np.float32) * np.float32(_STANDARD_DEVIATION)
        yield f"{name}.weight", weight
        yield f"{name}.bias", np.zeros(rows, dtype=np.float32)

    def norm(name: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
        yield f"{name}.weight", np.ones(hidden, dtype=np.float32)
        yield f"{name}.bias", np.zeros(hidden, dtype=np.float32)

    root = "roberta.embeddings"
    for name, rows in (("word_embeddings", words), ("position_embeddings", _POSITIONS), ("token_type_embeddings", 1)):
        table = source.standard_normal((rows, hidden), dtype=np.float32) * np.float32(_STANDARD_DEVIATION)
        yield f"{root}.{name}.weight", table
    yield from norm(f"{root}.LayerNorm")
    for number in range(shape.layers):
        layer = f"roberta.encoder.layer.{number}"
        for name in ("query", "key", "value"):
            yield from linear(f"{layer}.attention.self.{name}", hidden, hidden)
        yield from linear(f"{layer}.attention.output.dense", hidden, hidden)
        yield from norm(f"{layer}.attention.output.LayerNorm")
        yield from linear(f"{layer}.intermediate.dense", shape.feed_forward, hidden)
        yield from linear(f"{layer}.output.dense", hidden, shape.feed_forward)
        yield from norm(f"{layer}.output.LayerNorm")
    yield from linear("classifier.dense", hidden, hidden)
    yield from linear("classifier.out_proj", 1, hidden)
