from __future__ import annotations

import torch
from torch import Tensor, nn

from bge_reranker.model.torch.residual_norm import CompiledResidualNorm, PlainResidualNorm, ResidualNorm

HIDDEN = 32


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, HIDDEN, generator=torch.Generator().manual_seed(seed))


def compiled() -> ResidualNorm:
    # What the graph holds is the same for every backend, and fullgraph raises where Python breaks it.
    return CompiledResidualNorm(backend="eager")


def test_norm_of_a_sum_is_as_worked_out_by_hand() -> None:
    norm = nn.LayerNorm(2, eps=0.0)
    for body in (PlainResidualNorm(), compiled()):
        # The sum is (1, 3): mean 2, deviation 1.
        found = body(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 2.0]]), norm)
        assert torch.equal(found, torch.tensor([[-1.0, 1.0]]))


def test_compiled_norm_is_one_graph_for_all_layers_and_numbers_of_rows() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    body, plain = compiled(), PlainResidualNorm()
    with torch.inference_mode():
        for count in (64, 7, 512):
            for layer in range(3):
                norm = nn.LayerNorm(HIDDEN)
                norm.weight.data += layer
                left, right = rows(count, layer), rows(count, layer + 10)
                torch.testing.assert_close(body(left, right, norm), plain(left, right, norm), atol=0, rtol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_compiled_norm_leaves_other_norms_to_their_own_operators() -> None:
    norm = nn.RMSNorm(HIDDEN)
    left, right = rows(4, 1), rows(4, 2)
    assert torch.equal(compiled()(left, right, norm), norm(left + right))
