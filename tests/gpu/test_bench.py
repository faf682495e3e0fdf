"""The benchmark itself, with a small network on the CPU."""

from __future__ import annotations

import pytest

from bge_reranker.engine.batch import Pair

from .bench import BATCH_TOKENS, LOADS, batches, measure, work
from .networks import LARGE, SMALL, random_pairs


def test_work_of_a_token_is_what_is_published_for_this_shape() -> None:
    (pair,) = random_pairs(LARGE, [1])
    assert abs(work(LARGE, [pair]) / 0.604e9 - 1) < 0.002


def test_batches_hold_every_pair_once_and_no_more_than_the_budget() -> None:
    pairs: list[Pair] = random_pairs(SMALL, LOADS[0].lengths(500))
    made = batches(pairs)
    assert sum(len(batch) for batch in made) == 500
    assert max(batch.total_tokens for batch in made) <= BATCH_TOKENS
    assert min(batch.total_tokens for batch in made[:-1]) > BATCH_TOKENS - 512


@pytest.mark.slow
def test_every_row_of_the_table_is_there_or_skipped_by_name() -> None:
    rows = list(measure(SMALL, "cpu", pairs=8, rounds=1))
    said = {row.what: row for row in rows}
    for precision in ("bfloat16", "int8_weights"):
        assert {f"{precision}, {load.name}" for load in LOADS} <= said.keys()
        assert said[f"{precision}, 100 documents of 256 tokens, without HTTP"].figure
    assert said["int8_weights beside bfloat16"].figure
    assert said["ours in bf16 beside it"].figure
    assert all(row.remark for row in rows if row.figure is None)
