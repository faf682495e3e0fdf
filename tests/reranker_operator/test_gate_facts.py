"""The gate's verdict on its way from a pod into the status."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reranker_operator.pod_info import facts_of
from reranker_operator.rollout import Stage
from reranker_operator.situation import Situation
from reranker_operator.status import status_of

from .bodies import reranker
from .situations import DONE, NOW

DIGEST, HASH = "d" * 64, "a" * 64
GATE: dict[str, Any] = {
    "hash": HASH,
    "verdict": "passed",
    "figures": {"ndcg_at_10": 0.91234567, "queries": 10, "worst": [{"query": "q"}], "is_relative": True},
    "cut_offs": [
        {"name": "answers", "score": 0.35, "equivalent": 0.31},
        {"name": "other", "score": 1, "equivalent": None},
    ],
    "reference_digest": DIGEST,
}


def said(gate: Any) -> bytes:
    return json.dumps({"model": {"name": "m", "digest": DIGEST}, "gate": gate}).encode()


def test_the_status_has_the_verdict_with_its_figures_and_equivalent_cut_offs() -> None:
    facts = facts_of(said(GATE))
    assert facts is not None
    found = Situation(stage=Stage.COMPLETE, count=2, deployment=DONE, facts=(facts,))
    gate = status_of(reranker(), found, NOW)["model"]["active"]["gate"]
    assert gate == {
        "verdict": "passed",
        "hash": HASH,
        "figures": {"ndcg_at_10": 0.912346, "queries": 10.0},
        "cutOffs": [{"name": "answers", "score": 0.35, "equivalent": 0.31}, {"name": "other", "score": 1.0}],
        "referenceDigest": DIGEST,
    }
    without = replace(found, facts=(replace(facts, gate=None),))
    assert "gate" not in status_of(reranker(), without, NOW)["model"]["active"]


@pytest.mark.parametrize(
    "gate",
    [
        {**GATE, "verdict": "splendid"},
        {**GATE, "hash": "short"},
        {**GATE, "figures": {"x" * 65: 1}},
        {**GATE, "figures": {f"f{number}": 1 for number in range(65)}},
        {**GATE, "cut_offs": [{"name": "a\u202e", "score": 1}]},
    ],
)
def test_a_verdict_of_another_shape_is_not_believed(gate: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="gate"):
        facts_of(said(gate))


def test_a_figure_that_is_no_number_is_left_out() -> None:
    facts = facts_of(said(GATE).replace(b"0.91234567", b"1e999"))
    assert facts is not None
    assert facts.gate is not None
    assert dict(facts.gate.figures) == {"queries": 10.0}
