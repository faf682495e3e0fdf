"""Evaluation of a reranker, beside another one and BM25: figures with their intervals, as JSON and as tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from .cases import RankingCase
from .cut_off_advice import CutOffAdvice
from .intervals import Estimate, estimate_mean
from .lexical import Bm25Index
from .measures import MEASURES, RankingMeasures, Scores, mean_measures, measures_by_case
from .query_comparison import Comparison, compare

ScoreDocuments = Callable[[str, list[str]], Sequence[float]]
"""Scores documents for a query, one number per document in their order, higher is better."""

Logits = Sequence[Sequence[float]]
"""For each case one score per document, in the order of `case.documents`."""

BM25_NAME = "BM25"
"""How the baseline is called in reports."""

COLUMNS: Mapping[str, str] = dict(zip(MEASURES, ("nDCG@10", "MRR@10", "MAP", "recall@10"), strict=True))
"""Measures as people write them."""

_SHOWN_QUERIES = 5
"""Queries that the table names on either side."""


@dataclass(frozen=True)
class GroupResult:
    """One ranker's measures on one group of cases."""

    group: str
    ranker: str
    queries: int
    measures: RankingMeasures
    intervals: Mapping[str, Estimate] = field(default_factory=dict)
    """The measures again, by name, with their confidence intervals."""


@dataclass(frozen=True)
class EvaluationReport:
    """All results, groups in the order of the input, the reranker before what it is compared with."""

    results: tuple[GroupResult, ...]
    comparisons: tuple[Comparison, ...] = ()
    """The reranker beside another one, for each group."""

    cut_offs: tuple[CutOffAdvice, ...] = ()

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
        """Writes the report as a JSON object: `results`, `comparisons` with every query, and `cut_offs`."""
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def evaluate_rankings(
    score: ScoreDocuments, cases: Sequence[RankingCase], *, ranker: str = "model", with_bm25: bool = True
) -> EvaluationReport:
    """Measures a reranker on judged queries, beside BM25.

    Args:
        score: The reranker; called once per case.
        cases: Judged queries of any number of groups.
        ranker: How the reranker is called in the report.
        with_bm25: Also measure the baseline.
    """
    return report_of(cases, {ranker: score_cases(score, cases, name=ranker)}, with_bm25=with_bm25)


def score_cases(score: ScoreDocuments, cases: Sequence[RankingCase], *, name: str) -> list[list[float]]:
    """Scores every case, with a progress bar on standard error.

    Args:
        score: The reranker; called once per case.
        cases: Judged queries.
        name: What the bar is called.
    """
    steps = track(cases, description=escape(name), console=Console(stderr=True), transient=True)
    return [list(score(case.query, case.documents)) for case in steps]


def report_of(
    cases: Sequence[RankingCase],
    scores: Mapping[str, Logits],
    *,
    with_bm25: bool = True,
    cut_offs: tuple[CutOffAdvice, ...] = (),
) -> EvaluationReport:
    """Measures what was scored.

    BM25's document frequencies come from all documents of the group, not from a query's few candidates.

    Args:
        cases: Judged queries of any number of groups.
        scores: Of one or two models; the first is compared with the second.
        with_bm25: Also measure the baseline.
        cut_offs: What was found out about scores.
    """
    results: list[GroupResult] = []
    comparisons: list[Comparison] = []
    for group in dict.fromkeys(case.group for case in cases):
        places = [place for place, case in enumerate(cases) if case.group == group]
        members = [cases[place] for place in places]
        rankers: dict[str, Logits] = {name: [logits[place] for place in places] for name, logits in scores.items()}
        if with_bm25:
            rankers[BM25_NAME] = _bm25(members)
        by_case = {name: measures_by_case(members, logits) for name, logits in rankers.items()}
        results += [_result(group, name, found) for name, found in by_case.items()]
        first, *others = (by_case[name] for name in scores)
        comparisons += [compare(members, first, other, group=group) for other in others]
    return EvaluationReport(tuple(results), tuple(comparisons), cut_offs)


def _bm25(cases: Sequence[RankingCase]) -> list[list[float]]:
    index = Bm25Index(list(dict.fromkeys(document for case in cases for document in case.documents)))
    return score_cases(index.score, cases, name=BM25_NAME)


def _result(group: str, ranker: str, by_case: Mapping[str, Scores]) -> GroupResult:
    intervals = {name: estimate_mean(values) for name, values in by_case.items()}
    return GroupResult(group, ranker, len(by_case["ndcg_at_10"]), mean_measures(by_case), intervals)


def print_report(report: EvaluationReport, console: Console, *, title: str = "Ranking quality") -> None:
    """Prints a report as tables; below each figure stands its 95 % confidence interval."""
    table = Table("group", "ranker", title=title)
    for column in ("queries", *COLUMNS.values()):
        table.add_column(column, justify="right")
    previous = ""
    for result in report.results:
        if previous and result.group != previous:
            table.add_section()
        group = "" if result.group == previous else result.group
        figures = (_shown(result.intervals[name]) for name in COLUMNS)
        table.add_row(escape(group), escape(result.ranker), str(result.queries), *figures)
        previous = result.group
    console.print(table)
    for comparison in report.comparisons:
        console.print(_differences(comparison))
        for line in _queries(comparison):
            console.print(line, highlight=False, soft_wrap=True)
    for line in _advice(report.cut_offs):
        console.print(line, highlight=False, soft_wrap=True)


def _shown(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.4f}"
    # As wide as the name of a measure: four columns of them fit a terminal.
    return f"{estimate.mean:.4f}\n{_short(estimate.low)}-{_short(estimate.high)}"


def _short(share: float) -> str:
    shown = f"{share:.3f}".removeprefix("0")
    return "1" if shown == "1.000" else shown


def _differences(comparison: Comparison) -> Table:
    table = Table("measure", title=escape(f"{comparison.group}: difference, paired by query"))
    table.add_column("mean (95 % interval)", justify="right")
    table.add_column("", justify="left")
    for name, column in COLUMNS.items():
        estimate = comparison.differences[name]
        table.add_row(column, estimate.signed(), _judgement(estimate))
    return table


def _judgement(estimate: Estimate) -> str:
    if estimate.mean == estimate.low == estimate.high == 0:
        return "none"
    return "" if estimate.excludes_zero else "may be chance"


def _queries(comparison: Comparison) -> Iterator[str]:
    yield (
        f"{comparison.better} queries rank better, {comparison.worse} worse, {comparison.equal} the same, by nDCG@10."
    )
    lost = [outcome for outcome in comparison.queries[:_SHOWN_QUERIES] if outcome.gain < 0]
    gained = [outcome for outcome in comparison.queries[: -_SHOWN_QUERIES - 1 : -1] if outcome.gain > 0]
    for title, outcomes in (("Lost most:", lost), ("Gained most:", gained)):
        if outcomes:
            yield title
        for each in outcomes:
            yield f"  {each.against_ndcg_at_10:.4f} -> {each.ndcg_at_10:.4f}  {escape(each.query)}"


def _advice(cut_offs: Sequence[CutOffAdvice]) -> Iterator[str]:
    found = [each for each in cut_offs if each.value is not None]
    for each in cut_offs:
        if each.objection is not None:
            yield each.objection
        else:
            yield f"From a score of {each.score:.4f} on, precision is {each.precision} and recall {each.recall:.4f}."
    if found:
        yield "As values of the gate:"
        yield "gate:"
        yield "  cutOffs:"
        yield from (f"    - {each.value}" for each in found)
        yield f"or --cut-offs {','.join(each.option or '' for each in found)}"
