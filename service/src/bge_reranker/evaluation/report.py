"""Evaluation of a reranker beside BM25, as figures and as a table."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .cases import RankingCase
from .lexical import Bm25Index
from .measures import RankingMeasures, measure_rankings

ScoreDocuments = Callable[[str, list[str]], Sequence[float]]
"""Scores documents for a query, one number per document in their order, higher is better."""

BM25_NAME = "BM25"
"""How the baseline is called in reports."""


@dataclass(frozen=True)
class GroupResult:
    """One ranker's measures on one group of cases."""

    group: str
    ranker: str
    queries: int
    measures: RankingMeasures


@dataclass(frozen=True)
class EvaluationReport:
    """All results, groups in the order of the input, the reranker before the baseline."""

    results: tuple[GroupResult, ...]

    def result(self, group: str, ranker: str) -> GroupResult:
        """Finds one result.

        Raises:
            KeyError: There is no such group or ranker.
        """
        for result in self.results:
            if (result.group, result.ranker) == (group, ranker):
                return result
        raise KeyError((group, ranker))

    def save(self, path: Path) -> None:
        """Writes the results as a JSON object with one list, `results`."""
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def evaluate_rankings(
    score: ScoreDocuments, cases: Sequence[RankingCase], *, ranker: str = "model", with_bm25: bool = True
) -> EvaluationReport:
    """Measures a reranker on judged queries, beside BM25.

    BM25's document frequencies come from all documents of the group, not from a query's few candidates.

    Args:
        score: The reranker; called once per case.
        cases: Judged queries of any number of groups.
        ranker: How the reranker is called in the report.
        with_bm25: Also measure the baseline.
    """
    results: list[GroupResult] = []
    for group in dict.fromkeys(case.group for case in cases):
        members = [case for case in cases if case.group == group]
        rankers: dict[str, ScoreDocuments] = {ranker: score}
        if with_bm25:
            collection = dict.fromkeys(document for case in members for document in case.documents)
            rankers[BM25_NAME] = Bm25Index(list(collection)).score
        for name, function in rankers.items():
            steps = track(members, description=f"{group}: {name}", console=Console(stderr=True), transient=True)
            scores = [list(function(case.query, case.documents)) for case in steps]
            results.append(GroupResult(group, name, len(members), measure_rankings(members, scores)))
    return EvaluationReport(tuple(results))


def print_report(report: EvaluationReport, console: Console, *, title: str = "Ranking quality") -> None:
    """Prints a report as a table."""
    table = Table(title=title)
    table.add_column("group")
    table.add_column("ranker")
    for column in ("queries", "nDCG@10", "MRR@10"):
        table.add_column(column, justify="right")
    previous = ""
    for result in report.results:
        if previous and result.group != previous:
            table.add_section()
        group = "" if result.group == previous else result.group
        measures = (f"{result.measures.ndcg_at_10:.4f}", f"{result.measures.mrr_at_10:.4f}")
        table.add_row(group, result.ranker, str(result.queries), *measures)
        previous = result.group
    console.print(table)
