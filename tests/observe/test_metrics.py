from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from bge_reranker.engine.engine import Engine
from bge_reranker.engine.notes import Note, NoteKind
from bge_reranker.observe.metrics import Metrics
from bge_reranker.settings import EngineSettings
from tests.engine.fakes import FakeScorer


@pytest.mark.parametrize(
    ("kinds", "count"),
    [
        ((), 0),
        ((NoteKind.PAIRS_APART, NoteKind.NO_INT8_PRODUCTS), 0),
        ((NoteKind.BODY_REPLACED, NoteKind.BODY_REPLACED), 2),
        ((NoteKind.RUNTIME_REPLACED, NoteKind.PAIRS_APART), 1),
    ],
)
def test_replaced_computations_are_counted_by_kind(kinds: tuple[NoteKind, ...], count: int) -> None:
    scorer, metrics = FakeScorer(), Metrics()
    description = replace(scorer.description, notes=tuple(map(Note, kinds)))
    metrics.serve("model", "d" * 64, description, Engine(scorer, EngineSettings(), clock=scorer.clock))
    assert f"bge_reranker_replaced_bodies {count}.0" in generate_latest(metrics.registry).decode()
