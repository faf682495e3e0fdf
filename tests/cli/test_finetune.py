from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bge_reranker.cli.main import program
from bge_reranker.errors import SettingsError


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
