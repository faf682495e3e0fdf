"""The demonstration model's evaluation on sources that it never saw."""

from pathlib import Path

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.report import EvaluationReport, evaluate_rankings
from demo_model.corpus import build_pairs
from demo_model.holdout import held_out_cases
from demo_model.packages import Split, fetch_packages, package_names
from demo_model.scoring import checkpoint_scorer

SEED = 20261122
"""Of everything drawn; changing it changes the held-out sets."""

QUERIES = 150
"""Most queries per language."""

RANKER = "demonstration model"
"""Its name in reports."""

EXAMPLE_QUERY = "人工智能发展趋势"
"""Query of the example in the documentation; no training text holds it."""

EXAMPLE_CANDIDATES = ("AI在医疗的应用", "深度学习框架对比", "区块链技术解析")
"""Its candidates: the first must score above the last."""

CANDIDATES_NOTE = "which no training text holds"
"""What the card says of the example."""


def build_cases(split: Split, cache: Path, queries: int) -> list[RankingCase]:
    """Rebuilds the judged queries of a held-out split from its packages.

    Args:
        split: "validation" or "test".
        cache: The pipeline's cache folder.
        queries: Most queries per language.
    """
    fetch_packages(package_names((split,)), cache)
    return held_out_cases(build_pairs(split, cache, SEED), queries=queries, seed=SEED)


def evaluate_checkpoint(directory: Path, cache: Path) -> EvaluationReport:
    """Measures a checkpoint on the test split, beside BM25."""
    return evaluate_rankings(checkpoint_scorer(directory), build_cases("test", cache, QUERIES), ranker=RANKER)


def score_example(directory: Path) -> dict[str, float]:
    """Scores the documentation's example; logits by candidate."""
    scores = checkpoint_scorer(directory)(EXAMPLE_QUERY, list(EXAMPLE_CANDIDATES))
    return dict(zip(EXAMPLE_CANDIDATES, scores, strict=True))
