from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bge_reranker.model.torch.attention import (
    Attention,
    EqualLengthAttention,
    PaddedAttention,
    PlainAttention,
    VariableLengthAttention,
    pinned_length,
)
from bge_reranker.model.torch.packing import Spans, spans_of

CPU = torch.device("cpu")
BODIES: list[Attention] = [PlainAttention(), EqualLengthAttention(), PaddedAttention()]
NAMES = [body.name for body in BODIES]


def spans(*lengths: int) -> Spans:
    return spans_of(np.array(lengths, dtype=np.int64), CPU)


@pytest.mark.parametrize("body", BODIES, ids=NAMES)
def test_attention_equals_the_sum_worked_out_by_hand(body: Attention) -> None:
    # One sequence of two tokens, one head of size 4, so the scale is 1/2. The first query meets keys with products
    # 2 ln 3 and 0, hence weights 3/4 and 1/4; the second is zero, hence 1/2 and 1/2.
    query = torch.tensor([[[2 * math.log(3), 0, 0, 0]], [[0.0, 0, 0, 0]]])
    key = torch.tensor([[[1.0, 0, 0, 0]], [[0.0, 5, 0, 0]]])
    value = torch.tensor([[[4.0, 0, 8, 0]], [[0.0, 4, 0, 8]]])
    expected = torch.tensor([[3.0, 1, 6, 2], [2.0, 2, 4, 4]])
    torch.testing.assert_close(body(query, key, value, spans(2), spans(2)), expected)


@pytest.mark.parametrize("body", BODIES[1:], ids=NAMES[1:])
@pytest.mark.parametrize("is_first_only", [False, True])
def test_fast_attention_equals_the_plain_one_and_leaves_zeros_behind(body: Attention, is_first_only: bool) -> None:  # noqa: FBT001 - parametrised
    keys = spans(1, 3, 3, 8, 20, 20, 33)
    queries = spans(*[1] * len(keys)) if is_first_only else keys
    generator = torch.Generator().manual_seed(5)

    def rows(spans: Spans) -> Tensor:
        return torch.randn(spans.rows + 4, 2, 8, generator=generator)

    query, key, value = rows(queries), rows(keys), rows(keys)
    found = body(query, key, value, queries, keys)
    torch.testing.assert_close(found, PlainAttention()(query, key, value, queries, keys), atol=1e-6, rtol=1e-5)
    assert not found[queries.rows :].any()


@pytest.mark.parametrize("body", BODIES, ids=NAMES)
def test_attention_never_looks_into_another_sequence(body: Attention) -> None:
    both = spans(4, 4)
    query, key, value = torch.randn(3, 8, 2, 8, generator=torch.Generator().manual_seed(6)).unbind(0)
    before = body(query, key, value, both, both)[:4]
    key[4:], value[4:] = 1e4, float("nan")
    assert torch.equal(body(query, key, value, both, both)[:4], before)


def test_variable_length_attention_pins_lengths_splits_and_kernel() -> None:
    told: list[tuple[object, ...]] = []

    def kernel(query: Tensor, *rest: object, num_splits: int | None = None) -> Tensor:
        cuda = torch.backends.cuda
        enabled = (cuda.flash_sdp_enabled(), cuda.cudnn_sdp_enabled(), cuda.mem_efficient_sdp_enabled())
        told.append((*rest[-2:], num_splits, *enabled))
        return query

    def older_kernel(query: Tensor, *rest: object) -> Tensor:
        told.append(rest[-2:])
        return query

    keys, firsts = spans(3, 5), spans(1, 1)
    rows, queries = torch.ones(10, 2, 8), torch.ones(4, 2, 8)
    out = VariableLengthAttention(kernel)(queries, rows, rows, firsts, keys)
    assert told == [(1, 512, 1, True, False, False)]
    assert out[:2].all()
    assert not out[2:].any()
    VariableLengthAttention(older_kernel)(rows, rows, rows, keys, keys)
    assert told[1] == (512, 512)


@pytest.mark.parametrize(("longest", "pinned"), [(1, 1), (2, 512), (512, 512), (513, 2048), (8192, 8192)])
def test_longest_length_is_rounded_up_to_one_of_a_few(longest: int, pinned: int) -> None:
    assert pinned_length(longest) == pinned


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_variable_length_attention_equals_the_plain_one() -> None:
    keys = spans_of(np.array([1, 3, 33, 64], dtype=np.int64), torch.device("cuda"))
    query, key, value = torch.randn(3, keys.rows, 2, 64, device="cuda", dtype=torch.float16).unbind(0)
    found = VariableLengthAttention()(query, key, value, keys, keys)
    torch.testing.assert_close(found, PlainAttention()(query, key, value, keys, keys), atol=5e-3, rtol=5e-3)
