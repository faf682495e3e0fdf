import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.measures import MEASURES
from bge_reranker.evaluation.report import BM25_NAME, evaluate_rankings, print_report

CASES = [
    RankingCase("red apple", {"an apple that is red": 1, "a blue train": 0}, "English"),
    RankingCase("quick car", {"a fast automobile": 1, "a quick train": 0}, "English"),
    RankingCase("苹果", {"红色的苹果": 1, "蓝色的火车": 0}, "Chinese"),
]


def score_by_known_answers(query: str, documents: list[str]) -> list[float]:
    answers = {
        document for case in CASES if case.query == query for document in case.documents if case.grades[document]
    }
    return [float(document in answers) for document in documents]


def test_groups_are_reported_apart_with_the_baseline_beside() -> None:
    report = evaluate_rankings(score_by_known_answers, CASES, ranker="perfect")

    order = [(result.group, result.ranker, result.queries) for result in report.results]
    assert order == [
        ("English", "perfect", 2),
        ("English", BM25_NAME, 2),
        ("Chinese", "perfect", 1),
        ("Chinese", BM25_NAME, 1),
    ]
    assert report.result("English", "perfect").measures.mrr_at_10 == 1
    assert report.result("English", BM25_NAME).measures.mrr_at_10 == pytest.approx(0.75)


def test_the_baseline_is_left_out_when_not_wanted() -> None:
    report = evaluate_rankings(score_by_known_answers, CASES, with_bm25=False)

    assert {result.ranker for result in report.results} == {"model"}


def test_an_unknown_result_is_a_key_error() -> None:
    report = evaluate_rankings(score_by_known_answers, CASES, with_bm25=False)

    with pytest.raises(KeyError):
        report.result("English", BM25_NAME)


def test_the_table_and_the_file_show_the_figures(tmp_path: Path) -> None:
    report = evaluate_rankings(score_by_known_answers, CASES, ranker="perfect")
    console = Console(file=io.StringIO(), width=100)

    print_report(report, console)
    report.save(tmp_path / "report.json")

    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert "nDCG@10" in printed
    assert "1.0000" in printed
    saved = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved["results"][0]["measures"] == dict.fromkeys(MEASURES, 1.0)
