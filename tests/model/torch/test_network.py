from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bge_reranker.engine.batch import pack
from bge_reranker.model.checkpoint.folder import read_checkpoint
from bge_reranker.model.torch.attention import PlainAttention
from bge_reranker.model.torch.linear import PlainLinear
from bge_reranker.model.torch.network import Blocks, Bodies
from bge_reranker.model.torch.packing import pack_tokens
from bge_reranker.model.torch.weights import load_network

from ..checkpoints import packed_model, random_pairs, save

CPU = torch.device("cpu")
PLAIN = Bodies(PlainLinear(), PlainAttention())


def logits(directory: Path, *, shortcut: bool, block_sizes: tuple[int, ...]) -> Tensor:
    checkpoint = read_checkpoint(directory)
    assert checkpoint.geometry is not None
    files, geometry = checkpoint.weight_files, checkpoint.geometry
    network = load_network(files, geometry, torch.float32, CPU, block_sizes, shortcut=shortcut)
    packed = pack_tokens(pack(random_pairs([5, 9, 40, 9, 60])), geometry, network.blocks.granularity_rows, CPU)
    with torch.inference_mode():
        out: Tensor = network(packed, PLAIN)
    return out


@pytest.mark.parametrize("family", ["xlm-roberta", "bert"])
@pytest.mark.parametrize("layers", [1, 3])
def test_last_layer_of_first_tokens_equals_the_full_layer(tmp_path: Path, family: str, layers: int) -> None:
    save(packed_model(family, scale=4.0, num_hidden_layers=layers), tmp_path)
    short = logits(tmp_path, shortcut=True, block_sizes=())
    full = logits(tmp_path, shortcut=False, block_sizes=())
    torch.testing.assert_close(short, full, atol=1e-5, rtol=0)


def test_blocks_change_nothing_but_rounding(tmp_path: Path) -> None:
    save(packed_model("roberta", scale=4.0), tmp_path)
    whole = logits(tmp_path, shortcut=True, block_sizes=())
    cut = logits(tmp_path, shortcut=True, block_sizes=(64, 16))
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)


def test_blocks_take_the_largest_size_that_is_left() -> None:
    seen = []

    def work(rows: Tensor) -> Tensor:
        seen.append(len(rows))
        return rows * 2

    rows = torch.arange(112.0)[:, None]
    assert torch.equal(Blocks((64, 32, 16)).apply(work, rows), rows * 2)
    assert seen == [64, 32, 16]
