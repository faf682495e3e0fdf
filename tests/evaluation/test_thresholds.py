from __future__ import annotations

from hashlib import sha256

from bge_reranker.evaluation.thresholds import CutOff, Thresholds, gate_hash, parse_cut_offs


def test_cut_offs_are_names_with_scores_and_perhaps_a_drift() -> None:
    assert parse_cut_offs("answers=0.35:0.05, faq.v2=.5") == (CutOff("answers", 0.35, 0.05), CutOff("faq.v2", 0.5))
    assert parse_cut_offs(None) == ()


def test_the_hash_is_of_golden_set_and_thresholds_in_one_spelling() -> None:
    thresholds = Thresholds(0.7, None, -0.5, (CutOff("a", 0.35, 0.05), CutOff("b", 0.5)))
    lines = [
        f"goldenSet {'0' * 64}",
        "minNdcgAt10 0.700000",
        "maxNdcgLoss -",
        "minKendallTau -0.500000",
        "cutOff a 0.350000 0.050000",
        "cutOff b 0.500000 -",
    ]
    assert gate_hash("0" * 64, thresholds) == sha256(("\n".join(lines) + "\n").encode()).hexdigest()


def test_every_part_of_the_input_is_in_the_hash() -> None:
    inputs = [
        ("0" * 64, Thresholds()),
        ("1" * 64, Thresholds()),
        ("0" * 64, Thresholds(min_ndcg_at_10=0.0)),
        ("0" * 64, Thresholds(max_ndcg_loss=0.0)),
        ("0" * 64, Thresholds(min_kendall_tau=0.0)),
        ("0" * 64, Thresholds(cut_offs=(CutOff("a", 0.5),))),
        ("0" * 64, Thresholds(cut_offs=(CutOff("a", 0.5, 0.0),))),
    ]
    assert len({gate_hash(*each) for each in inputs}) == len(inputs)


def test_only_an_absolute_threshold_needs_no_reference() -> None:
    assert not Thresholds(min_ndcg_at_10=0.5).needs_reference
    for thresholds in (
        Thresholds(max_ndcg_loss=0),
        Thresholds(min_kendall_tau=0),
        Thresholds(cut_offs=(CutOff("a", 0.5),)),
    ):
        assert thresholds.needs_reference
