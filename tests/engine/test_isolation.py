"""Which pairs of a failed batch fail, and what finding them costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bge_reranker.engine.isolation import Isolation
from bge_reranker.engine.scorer import ScorerLost
from bge_reranker.errors import WorkerDied

LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=130)


@dataclass
class PartScorer:
    """Scores a pair as its index; raises on a part that holds a culprit."""

    culprits: set[int]
    calls: list[list[int]] = field(default_factory=list)
    checks: int = 0

    def score(self, pairs: Sequence[int]) -> NDArray[np.float32]:
        self.calls.append(list(pairs))
        if not self.culprits.isdisjoint(pairs):
            raise ValueError(f"on {min(self.culprits.intersection(pairs))}")
        return np.array(pairs, dtype=np.float32)

    def check(self) -> None:
        self.checks += 1


def isolated(lengths: Sequence[int], scorer: PartScorer) -> Isolation:
    isolation = Isolation(lengths, scorer.score, scorer.check)
    isolation.run(ValueError("the whole batch"))
    return isolation


@given(lengths=LENGTHS, place=st.floats(0, 1, exclude_max=True))
def test_one_culprit_costs_two_calls_a_halving_and_three_times_the_tokens_whatever_the_lengths(
    lengths: list[int], place: float
) -> None:
    scorer = PartScorer({int(place * len(lengths))})
    isolation = isolated(lengths, scorer)
    assert set(isolation.errors) == scorer.culprits
    assert len(scorer.calls) <= 2 * math.ceil(math.log2(len(lengths)))
    assert sum(lengths) + sum(lengths[pair] for call in scorer.calls for pair in call) <= 3 * sum(lengths)
    assert scorer.checks == 0


@given(lengths=LENGTHS, culprits=st.sets(st.integers(0, 129)))
def test_any_culprits_fail_alone_and_all_others_are_scored(lengths: list[int], culprits: set[int]) -> None:
    pairs = range(len(lengths))
    scorer = PartScorer(culprits.intersection(pairs))
    isolation = isolated(lengths, scorer)
    # What failed together and passes in every part may have been a passing trouble: only a pair that fails alone fails.
    expected = scorer.culprits if len(lengths) > 1 else {0}
    assert set(isolation.errors) == expected
    assert [int(logit) for pair, logit in enumerate(isolation.logits) if pair not in expected] == [
        pair for pair in pairs if pair not in expected
    ]
    assert scorer.checks <= 1


def test_each_pair_is_told_what_the_scorer_raised_on_it() -> None:
    isolation = isolated([4] * 8, PartScorer({1, 6}))
    assert {pair: str(error) for pair, error in isolation.errors.items()} == {1: "on 1", 6: "on 6"}


def test_a_scorer_that_fails_both_halves_on_two_levels_is_checked_and_a_broken_one_costs_no_more() -> None:
    scorer = PartScorer(set(range(64)))

    def refuse() -> None:
        raise WorkerDied("broken")

    with pytest.raises(WorkerDied):
        Isolation([4] * 64, scorer.score, refuse).run(ValueError())
    assert [len(call) for call in scorer.calls] == [32, 32, 16, 16]


def test_a_device_that_is_lost_meanwhile_ends_the_search() -> None:
    calls = 0

    def lose(_: Sequence[int]) -> NDArray[np.float32]:
        nonlocal calls
        calls += 1
        raise ScorerLost("gone")

    with pytest.raises(ScorerLost):
        Isolation([4] * 64, lose, lambda: None).run(ValueError())
    assert calls == 1
