from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bge_reranker.cli.main import program
from bge_reranker.errors import GateFailed, ReferenceUnavailable, SettingsError
from tests.live.server import LiveServer

LINES = [
    {"query": "q", "positive": ["good good"], "negative": ["bad", "neither"]},
    # The scripted server counts words; the embedded model prefers what has the query's own.
    {"query": "[red]marked", "positive": ["good"], "negative": ["[red]marked bad", "marked red bad bad"]},
]


@pytest.fixture
def golden_set(tmp_path: Path) -> Path:
    file = tmp_path / "golden.jsonl"
    file.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    return file


def gate(golden_set: Path, *options: str) -> Result:
    return CliRunner().invoke(program, ["gate", str(golden_set), "--model", "demo", *options], env={"COLUMNS": "120"})


def test_a_model_that_passes_is_shown_with_its_figures(golden_set: Path, tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    outcome = gate(golden_set, "--min-ndcg-at-10", "0", "--json", str(file))
    assert outcome.exit_code == 0, outcome.output
    assert "at least 0" in outcome.output
    written = json.loads(file.read_text(encoding="utf-8"))
    assert (written["verdict"], written["reference_digest"], written["problems"]) == ("passed", None, [])


def test_against_a_server_the_queries_that_got_worse_are_named(
    golden_set: Path, tmp_path: Path, server: LiveServer
) -> None:
    file = tmp_path / "verdict.json"
    options = ["--against", server.url, "--min-kendall-tau", "1", "--cut-offs", "answers=0.6", "--json", str(file)]
    outcome = gate(golden_set, *options)
    assert isinstance(outcome.exception, GateFailed)
    written = json.loads(file.read_text(encoding="utf-8"))
    assert (written["verdict"], written["reference_digest"]) == ("failed", "d" * 64)
    assert {change["query"] for change in written["changes"]} == {line["query"] for line in LINES}
    worse = [each["query"] for each in written["figures"]["worse"]]
    assert worse
    assert [query for query in worse if query not in outcome.output.partition("got worse")[2]] == []
    assert "answers" in outcome.output


def test_a_model_against_itself_got_worse_nowhere(golden_set: Path) -> None:
    outcome = gate(golden_set, "--against", "demo", "--max-ndcg-loss", "0", "--min-kendall-tau", "1")
    assert outcome.exit_code == 0, outcome.output
    assert "No query got worse." in outcome.output


def test_a_comparison_without_another_version_is_refused(golden_set: Path) -> None:
    outcome = gate(golden_set, "--max-ndcg-loss", "0.01")
    assert isinstance(outcome.exception, SettingsError)
    assert "--against" in outcome.exception.remedy


def test_an_address_without_such_a_server_is_said(golden_set: Path) -> None:
    outcome = gate(golden_set, "--against", "http://127.0.0.1:9")
    assert isinstance(outcome.exception, ReferenceUnavailable)
