from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bge_reranker.cli.finetune import loss_warning
from bge_reranker.cli.main import program
from bge_reranker.errors import SettingsError
from bge_reranker.evaluation.cases import RankingCase
from bge_reranker.evaluation.report import report_of


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"query": "q", "pos": ["a"]}', encoding="utf-8")
    return file


def test_without_its_packages_the_command_says_what_to_install(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    for name in [name for name in sys.modules if name.startswith("bge_reranker.tuning.")]:
        monkeypatch.delitem(sys.modules, name)

    outcome = CliRunner().invoke(program, ["finetune", str(texts), "--base", "demo"])

    assert isinstance(outcome.exception, SettingsError)
    assert "sentence_transformers" in outcome.exception.message
    assert "bge-reranker[tuning]" in outcome.exception.remedy


def test_an_output_that_exists_is_refused_before_anything_is_imported(texts: Path, tmp_path: Path) -> None:
    outcome = CliRunner().invoke(program, ["finetune", str(texts), "--base", "demo", "--output", str(tmp_path)])

    assert isinstance(outcome.exception, SettingsError)
    assert "exists already" in outcome.exception.message


@pytest.mark.parametrize(("new", "expected"), [(0.0, True), (0.9, False), (1.0, False)])
def test_a_model_that_is_worse_than_its_base_is_said_to_be(new: float, expected: bool) -> None:  # noqa: FBT001
    cases = [RankingCase(f"q{number}", {"right": 1, "wrong": 0, "other": 0}) for number in range(20)]
    right = [[float(case.grades[document]) for document in case.documents] for case in cases]
    # Of the new model so many queries are right.
    mixed = [row if number < new * 20 else [-score for score in row] for number, row in enumerate(right)]

    warning = loss_warning(report_of(cases, {"new": mixed, "base": right}, with_bm25=False))

    assert (warning is not None and "worse than its base: nDCG@10 -" in warning) is expected
