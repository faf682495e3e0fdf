"""What a scorer must compute before it serves, on a clock that only the fake scorer moves."""

from __future__ import annotations

import math

import pytest

from bge_reranker.engine.acceptance import AcceptedScorer, trial_lengths
from bge_reranker.engine.batch import Pair
from bge_reranker.engine.scorer import ScorerLost
from bge_reranker.errors import CorruptFile, OutOfMemory, RerankerError, WrongArchitecture

from .fakes import FakeScorer, make_pair

FAST = 1e6


def trial(tokens: int) -> Pair:
    return make_pair(tokens, tokens)


def accepted(scorer: FakeScorer, longest_tokens: int = 512) -> AcceptedScorer:
    return AcceptedScorer(scorer, trial, longest_tokens, scorer.clock)


@pytest.mark.parametrize(
    ("longest", "lengths"),
    [(8, [8]), (32, [32]), (78, [32, 78]), (512, [32, 512]), (1024, [32, 512, 1024]), (8192, [32, 512, 2048, 8192])],
)
def test_the_longest_pair_is_tried_last_after_shorter_ones(longest: int, lengths: list[int]) -> None:
    assert trial_lengths(longest) == lengths
    scorer = FakeScorer(tokens_per_second=FAST)
    tried = accepted(scorer, longest)
    tried.warm_up(1024)
    assert scorer.batches == [[length] for length in lengths]
    assert scorer.warmed_up_tokens == [1024]
    assert tried.description == scorer.description


def test_a_pair_that_would_take_too_long_is_said_not_to_have_been_tried() -> None:
    scorer = FakeScorer(tokens_per_second=512)
    tried = accepted(scorer, 8192)
    tried.warm_up(1024)
    assert scorer.batches == [[32], [512]]
    (note,) = tried.description.notes
    assert "more than 512 tokens were not tried" in str(note)
    assert "8192 tokens" in str(note)


def test_a_pair_of_the_usual_length_is_tried_on_the_slowest_device_too() -> None:
    scorer = FakeScorer(tokens_per_second=1)
    accepted(scorer, 1024).warm_up(1024)
    assert scorer.batches == [[32], [512], [1024]]


@pytest.mark.parametrize(
    ("scorer", "error", "words"),
    [
        (FakeScorer(logits_on={32: math.nan}), CorruptFile, "logit of a pair of 32 tokens is nan"),
        (FakeScorer(logits_on={512: math.inf}), CorruptFile, "logit of a pair of 512 tokens is inf"),
        (FakeScorer(raises_on={32: IndexError("secret")}), WrongArchitecture, r"Fake .* 32 tokens \(IndexError\)\."),
        (FakeScorer(raises_on={512: IndexError("secret")}), CorruptFile, r"512 tokens.*\(IndexError\).*32 tokens"),
        (FakeScorer(warm_up_error=TypeError("secret")), WrongArchitecture, r"two texts \(TypeError\)"),
        (FakeScorer(raises_on={512: MemoryError()}), OutOfMemory, r"pair of 512 tokens .*\. One of 256 fits\."),
        (FakeScorer(memory_tokens=100), OutOfMemory, r"pair of 512 tokens .*\. One of 64 fits\."),
        (FakeScorer(raises_on={32: CorruptFile("known")}), CorruptFile, "known"),
    ],
)
def test_a_scorer_that_fails_a_pair_is_refused_with_that_pair_named(
    scorer: FakeScorer, error: type[RerankerError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        accepted(scorer).warm_up(64)
    assert type(caught.value) is error
    assert caught.value.remedy
    assert "secret" not in caught.value.sentence()


def test_a_device_that_is_lost_is_not_taken_for_a_wrong_model() -> None:
    with pytest.raises(ScorerLost):
        accepted(FakeScorer(raises_on={32: ScorerLost("gone")})).warm_up(64)
