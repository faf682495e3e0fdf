from __future__ import annotations

import torch

from bge_reranker.engine.batch import pack
from bge_reranker.model.families.geometry import Geometry
from bge_reranker.model.families.xlm_roberta import XlmRoberta
from bge_reranker.model.torch.packing import Run, lay_out, pack_tokens

from ..checkpoints import random_pairs

XLMR = Geometry(XlmRoberta(), 97, 32, 1, 2, 48, 80, 1, 1e-5, 1)
CPU = torch.device("cpu")


def test_packing_sorts_by_length_and_joins_equal_lengths_into_runs() -> None:
    pairs = random_pairs([5, 2, 5, 3])
    layout = lay_out(pack(pairs), XLMR, 0)
    packed = layout.place(torch.from_numpy(layout.numbers))
    assert layout.order.tolist() == [1, 3, 0, 2]
    assert packed.spans.runs == (Run(0, 0, 1, 2), Run(1, 2, 1, 3), Run(2, 5, 2, 5))
    assert packed.firsts.runs == (Run(0, 0, 4, 1),)
    assert packed.tokens.tolist() == [token for index in (1, 3, 0, 2) for token in pairs[index].tokens.tolist()]


def test_packing_fills_the_last_block_with_padding() -> None:
    packed = pack_tokens(pack(random_pairs([5, 2])), XLMR, 16, CPU)
    assert packed.tokens.shape == packed.types.shape == packed.positions.shape == (16,)
    assert packed.tokens[7:].tolist() == [1] * 9
    assert packed.spans.rows == 7


def test_packing_counts_positions_from_the_padding_token() -> None:
    packed = pack_tokens(pack(random_pairs([4, 2])), XLMR, 0, CPU)
    assert packed.positions.tolist() == [2, 3, 2, 3, 4, 5]
