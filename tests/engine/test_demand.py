"""Sums of tokens by deadline, against plain ones."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bge_reranker.engine.demand import Demand

DEADLINES = st.sampled_from([math.inf, *(number / 4 for number in range(100))])
ADDED = st.lists(st.tuples(DEADLINES, st.integers(1, 9), st.booleans()), max_size=200)


@given(added=ADDED, kept=st.integers(0, 200), deadline=DEADLINES)
def test_demand_sums_what_is_left_before_and_after_a_deadline(
    added: list[tuple[float, int, bool]], kept: int, deadline: float
) -> None:
    demand, left = Demand(), Counter[float]()
    for due, tokens, is_reserved in added:
        demand.add(due, **{"reserved_tokens" if is_reserved else "waiting_tokens": tokens})
    for due, tokens, is_reserved in added[kept:]:
        demand.add(due, **{"reserved_tokens" if is_reserved else "waiting_tokens": -tokens})
    for due, tokens, is_reserved in added[:kept]:
        left[due] += tokens if is_reserved else 2 * tokens
    assert len(demand) == len(left)
    assert 2 * demand.until(deadline, 0.5) == sum(tokens for due, tokens in left.items() if due <= deadline)
    deadlines, tokens_after = demand.after(deadline, 0.5)
    assert list(zip(deadlines.tolist(), (2 * tokens_after).tolist(), strict=True)) == sorted(
        (due, tokens) for due, tokens in left.items() if due > deadline
    )
