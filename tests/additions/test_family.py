"""A packed family costs one module and its registration: a toy with another norm and other positions is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from .tree import TreeCopy

FAMILIES = "service/src/bge_reranker/model/families"
DEMO = "service/src/bge_reranker/demo/model"

TOY = '''"""A toy: root mean square norms, positions counted from the end, no segments, and names of its own."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from .family import Family
from .geometry import Geometry
from .names import Table


class Toy(Family):
    """Checkpoints of `ToyForSequenceClassification`."""

    model_type = "toy"
    encoder = "trunk"
    layer_path = "blocks"
    dense = "classifier.first"
    logit = "classifier.last"
    norm_parts = ("weight",)
    default_pad_token_id = 1

    @override
    def positions(
        self,
        geometry: Geometry,
        tokens: NDArray[np.int64],
        offsets: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Count from the end of each sequence."""
        return np.repeat(lengths, lengths) - 1 - offsets

    @override
    def norm(self, nn: ModuleType, size: int, eps: float) -> Any:
        return nn.RMSNorm(size, eps=eps)

    @override
    def tables(self, geometry: Geometry) -> tuple[Table, ...]:
        return tuple(table for table in super().tables(geometry) if table.index != "types")
'''

CONFIG = {
    "architectures": ["ToyForSequenceClassification"],
    "model_type": "toy",
    "vocab_size": 36_577,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 128,
    "layer_norm_eps": 1e-6,
    "pad_token_id": 1,
    "num_labels": 1,
}
HIDDEN, WIDE, LAYERS, HEADS, EPS = 32, 48, 2, 2, 1e-6

QUERY = "what do pandas eat?"
DOCUMENTS = ["Bamboo.", "Paris is the capital of France.", "The giant panda eats bamboo, mostly, and sleeps a lot."]


def toy_tensors() -> dict[str, Tensor]:
    """Random weights, large enough to tell layers, norms and positions apart."""
    torch.manual_seed(7)
    shapes: dict[str, tuple[int, ...]] = {
        "trunk.embeddings.word_embeddings.weight": (36_577, HIDDEN),
        "trunk.embeddings.position_embeddings.weight": (128, HIDDEN),
        "trunk.embeddings.LayerNorm.weight": (HIDDEN,),
    }
    for index in range(LAYERS):
        start = f"trunk.blocks.{index}"
        linears = {f"attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        linears |= {"attention.output.dense": (HIDDEN, HIDDEN)}
        linears |= {"intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
        for name, shape in linears.items():
            shapes |= {f"{start}.{name}.weight": shape, f"{start}.{name}.bias": shape[:1]}
        shapes |= {f"{start}.{name}.LayerNorm.weight": (HIDDEN,) for name in ("attention.output", "output")}
    for name, shape in {"classifier.first": (HIDDEN, HIDDEN), "classifier.last": (1, HIDDEN)}.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    tensors = {
        name: torch.randn(shape) * (2 / HIDDEN**0.5) if len(shape) == 2 else torch.rand(shape) + 0.5
        for name, shape in shapes.items()
    }
    tensors["classifier.last.weight"] *= 8
    return tensors


def toy_checkpoint(tree: TreeCopy, folder: Path, tensors: dict[str, Tensor]) -> Path:
    folder.mkdir()
    shutil.copy(tree.root / DEMO / "tokenizer.json", folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file(tensors, folder / "model.safetensors")
    return folder


def reference(tensors: dict[str, Tensor], tokenizer: Tokenizer) -> list[float]:
    """The network as transformers would compute it: padded to the longest pair, with a mask."""
    encoded = [tokenizer.encode(QUERY, document).ids for document in DOCUMENTS]
    lengths = torch.tensor(list(map(len, encoded)))
    tokens = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in encoded], batch_first=True, padding_value=1)
    offsets = torch.arange(tokens.shape[1])
    masked = (offsets >= lengths[:, None])[:, None, None, :] * torch.finfo(torch.float32).min
    positions = (lengths[:, None] - 1 - offsets).clamp(min=0)

    def linear(rows: Tensor, name: str) -> Tensor:
        return functional.linear(rows, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def norm(rows: Tensor, name: str) -> Tensor:
        return rows * torch.rsqrt(rows.pow(2).mean(-1, keepdim=True) + EPS) * tensors[f"{name}.LayerNorm.weight"]

    def heads(rows: Tensor) -> Tensor:
        return rows.view(*rows.shape[:2], HEADS, -1).transpose(1, 2)

    start = "trunk.embeddings"
    words, places = tensors[f"{start}.word_embeddings.weight"], tensors[f"{start}.position_embeddings.weight"]
    hidden = norm(words[tokens] + places[positions], start)
    for index in range(LAYERS):
        name = f"trunk.blocks.{index}"
        query, key, value = (
            heads(linear(hidden, f"{name}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        weights = torch.softmax(query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + masked, dim=-1)
        context = (weights @ value).transpose(1, 2).flatten(2)
        attended = norm(linear(context, f"{name}.attention.output.dense") + hidden, f"{name}.attention.output")
        wide = functional.gelu(linear(attended, f"{name}.intermediate.dense"))
        hidden = norm(linear(wide, f"{name}.output.dense") + attended, f"{name}.output")
    state = torch.tanh(linear(hidden[:, 0], "classifier.first"))
    logits: list[float] = linear(state, "classifier.last")[:, 0].tolist()
    return logits


@contextmanager
def served(tree: TreeCopy, model: Path) -> Iterator[str]:
    """The copy's own server, on a free port."""
    packages = os.pathsep.join(str(tree.root / name) for name in ("service/src", "."))
    flags = "--port 0 --management-port 0 --drain-delay-s 0 --log-level warning --device cpu --threads 1".split()
    command = [sys.executable, "-m", "bge_reranker", "serve", "--model", str(model), *flags]
    environment = os.environ | {"PYTHONPATH": packages}
    with subprocess.Popen(command, cwd=tree.root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(line.split()[-1] for line in process.stdout if line.startswith("Ready:"))
        finally:
            process.terminate()


def test_packed_family_with_another_norm_and_positions_costs_a_module_and_its_registration(
    tree: TreeCopy, tmp_path: Path
) -> None:
    tree.write(f"{FAMILIES}/toy.py", TOY)
    tree.insert(f"{FAMILIES}/registry.py", "from .roberta import", "from .toy import Toy")
    tree.insert(
        f"{FAMILIES}/registry.py", '"BertForSequenceClassification"', '    "ToyForSequenceClassification": Toy(),'
    )
    assert len(tree.touched) == 2

    tensors = toy_tensors()
    model = toy_checkpoint(tree, tmp_path / "model", tensors)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    with served(tree, model) as address:
        info = httpx.get(f"{address}/info", timeout=60).json()["scorer"]
        body = {"query": QUERY, "candidates": DOCUMENTS, "raw_scores": True}
        results = httpx.post(f"{address}/rerank", json=body, timeout=60).json()["results"]

    assert (info["architecture"], info["packed"], info["notes"]) == ("ToyForSequenceClassification", True, [])
    assert info["runtime"].startswith("torch")
    found = {result["index"]: result["score"] for result in results}
    expected = reference(tensors, tokenizer)
    assert [found[index] for index in range(len(DOCUMENTS))] == pytest.approx(expected, abs=1e-4)
    assert max(expected) - min(expected) > 0.5
