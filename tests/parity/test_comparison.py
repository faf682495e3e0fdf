"""The verdict can fall both ways, and the pairs are what they are called."""

from __future__ import annotations

import pytest

from .comparison import Comparison, compare
from .peers import PEERS, ROOT
from .texts import PAIRS, varied_pairs


def compared(ours: list[float], *, is_control: bool = False) -> Comparison:
    names = [f"pair {index}" for index in range(len(ours))]
    return compare(names, ours, [0.0, 1.0, 2.0], shape="tiny", peer="peer", preset="tei", is_control=is_control)


def test_a_comparison_passes_when_the_largest_difference_is_within_the_limit() -> None:
    comparison = compared([0.001, 1.0, 2.002])
    assert comparison.passed
    assert comparison.worst_pair == "pair 2"
    assert comparison.mean_difference == pytest.approx(0.001)


@pytest.mark.parametrize("wrong", [2.1, float("nan"), float("inf")])
def test_a_comparison_fails_when_one_logit_is_off(wrong: float) -> None:
    comparison = compared([0.0, 1.0, wrong])
    assert not comparison.passed
    assert comparison.verdict == "FAILED"
    assert comparison.worst_pair == "pair 2"


def test_a_control_fails_when_the_wrong_preset_agrees() -> None:
    assert not compared([0.0, 1.0, 2.0], is_control=True).passed
    assert compared([0.0, 1.0, 2.1], is_control=True).passed


def test_lists_of_different_lengths_are_reported_as_a_bug() -> None:
    with pytest.raises(ValueError, match="this is a bug"):
        compared([0.0, 1.0])


def test_the_pairs_have_every_kind_that_is_promised() -> None:
    pairs = varied_pairs()
    assert len(pairs) == PAIRS
    assert any(not pair.document for pair in pairs)
    assert any(not pair.query for pair in pairs)
    assert any(pair.query == pair.document for pair in pairs)
    assert any(len(pair.query) > 10_000 < len(pair.document) for pair in pairs)
    assert any("🐼" in pair.query for pair in pairs)
    assert any("\u4e00" <= pair.document[:1] <= "\u9fff" for pair in pairs)
    assert pairs == varied_pairs(), "the pairs change from call to call"


def test_every_reference_has_a_lock_with_hashes_and_without_addresses() -> None:
    for peer in PEERS:
        text = (ROOT / peer.lock).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
