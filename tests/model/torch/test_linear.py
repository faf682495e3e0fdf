from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bge_reranker.model.torch.linear import LinearBody, OneDnnLinear, PlainLinear, UnpackingLinear

BODIES: list[LinearBody[Tensor]] = [PlainLinear(), OneDnnLinear(), UnpackingLinear(OneDnnLinear())]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_linear_equals_the_product_worked_out_by_hand(body: LinearBody[Tensor]) -> None:
    rows = torch.tensor([[1.0, 2, 3, 4], [0.0, -1, 0, 1]])
    weight = torch.tensor([[1.0, 0, 0, 1], [0.0, 0.5, 0, -0.5]])
    bias = torch.tensor([10.0, -1])
    found = body.apply(rows, body.pack(weight), bias, gelu=False)
    torch.testing.assert_close(found, torch.tensor([[15.0, -2], [11.0, -2]]))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_gelu_is_the_erf_form_and_not_its_tanh_approximation(body: LinearBody[Tensor]) -> None:
    inputs = [-3.0, -1.7, -0.5, 0.0, 0.4, 1.3, 2.6]
    rows, one, zero = torch.tensor(inputs)[:, None], torch.ones(1, 1), torch.zeros(1)
    found = body.apply(rows, body.pack(one), zero, gelu=True)[:, 0]
    expected = torch.tensor([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in inputs])
    # The approximation is off by up to 5e-4 at these points.
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


def test_onednn_weight_comes_back_to_the_bit_when_unpacked() -> None:
    weight = torch.randn(37, 50, generator=torch.Generator().manual_seed(1))
    body = OneDnnLinear()
    assert torch.equal(body.unpack(body.pack(weight)), weight)
