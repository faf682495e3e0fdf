from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bge_reranker.model.openvino.buckets import all_buckets, bucket_step, rows_within, split

LIMIT = 78


@pytest.mark.parametrize(("length", "tokens", "rows"), [(160, 640, 4), (160, 0, 1), (512, 100, 1), (16, 640, 32)])
def test_rows_are_the_power_of_two_that_the_tokens_allow(length: int, tokens: int, rows: int) -> None:
    assert rows_within(length, tokens) == rows


def test_seven_pairs_of_a_bucket_become_four_two_and_one_without_an_empty_row() -> None:
    blocks = split(np.array([30] * 7), LIMIT, 128)
    assert [block.shape for block in blocks] == [(4, 32), (2, 32), (1, 32)]


@given(lengths=st.lists(st.integers(1, LIMIT), min_size=1, max_size=60), tokens=st.sampled_from([0, 64, 512]))
def test_every_pair_is_in_one_block_that_it_fits_and_that_others_do_not_choose(lengths: list[int], tokens: int) -> None:
    blocks = split(np.array(lengths), LIMIT, tokens)
    assert sorted(index for block in blocks for index in block.pairs.tolist()) == list(range(len(lengths)))
    for block in blocks:
        for pair in block.pairs:
            assert block.length == split(np.array([lengths[pair]]), LIMIT, tokens)[0].length >= lengths[pair]
            assert block.length in all_buckets(LIMIT, bucket_step(tokens))


def test_pairs_that_are_computed_alone_are_padded_less_than_those_that_share_calls() -> None:
    assert [split(np.array([17]), LIMIT, tokens)[0].length for tokens in (0, 512)] == [20, 32]


@pytest.mark.parametrize(("limit", "step", "buckets"), [(78, 32, [32, 64, 78]), (64, 32, [32, 64]), (20, 32, [20])])
def test_the_last_bucket_ends_at_the_model_s_limit(limit: int, step: int, buckets: list[int]) -> None:
    assert all_buckets(limit, step) == buckets
