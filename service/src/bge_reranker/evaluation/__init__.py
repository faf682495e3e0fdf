"""How well a reranker orders documents: measures, judged sets and a lexical baseline.

A reranker is only ever a callable from a query and documents to scores.
"""

from .cases import RankingCase, load_cases, load_trec_cases
from .report import EvaluationReport, evaluate_rankings, print_report

__all__ = [
    "EvaluationReport",
    "RankingCase",
    "evaluate_rankings",
    "load_cases",
    "load_trec_cases",
    "print_report",
]
