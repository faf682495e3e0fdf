"""`bge-reranker plan`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bge_reranker.cli.main import program
from bge_reranker.errors import RerankerError


@pytest.fixture
def capacity(tmp_path: Path) -> Path:
    file = tmp_path / "capacity.json"
    file.write_text('{"tokens_per_second": 100000, "batch_ms": 2, "request_ms": 2, "gpus": 1}')
    return file


def plan(capacity: Path, *options: str) -> Result:
    usual = ("--qps", "300", "--documents", "10", "--tokens", "100", "--requests", "300", "--from", str(capacity))
    return CliRunner().invoke(program, ["plan", *usual, *options])


def test_a_plan_is_a_table_a_file_and_a_picture(capacity: Path, tmp_path: Path) -> None:
    report, picture = tmp_path / "plan.json", tmp_path / "plan.svg"
    outputs = ("--json", str(report), "--plot", str(picture))
    done = plan(capacity, "--p95-ms", "50", "--quick", "--fleet", "--replica-price", "2", *outputs)
    assert done.exit_code == 0, done.output
    found = json.loads(report.read_text())
    assert found["gpus"] == found["replicas"] >= 4
    assert found["p95_ms"] <= 50
    assert found["fleet"]["replicas"] >= found["replicas"]
    assert found["cost"]["per_month"] >= 2 * 730 * found["replicas"]
    assert f"replicas     {found['replicas']}" in done.stdout
    assert "nodes fail a week" in done.stdout
    assert picture.read_text().startswith("<?xml")


def test_too_few_replicas_end_with_1_and_say_what_they_give(capacity: Path) -> None:
    done = plan(capacity, "--p95-ms", "50", "--replicas", "2")
    assert done.exit_code == 1
    assert "not kept" in done.stdout


def test_lengths_come_from_a_file_of_tokens_or_of_texts(capacity: Path, tmp_path: Path) -> None:
    tokens, texts = tmp_path / "tokens.jsonl", tmp_path / "texts.jsonl"
    tokens.write_text('{"tokens": [100, 100]}\n')
    texts.write_text('{"query": "deep learning", "documents": ["a neural network", "a chain of blocks"]}\n')
    common = ["plan", "--qps", "10", "--requests", "200", "--replicas", "1", "--from", str(capacity)]
    for file in (tokens, texts):
        done = CliRunner().invoke(program, [*common, "--lengths", str(file)])
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(program, [*common, "--lengths", str(tokens)])
    assert "of 200 tokens on average" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--documents", "few"), "lognormal"),
        (("--tokens", "2000000"), "at most 1000000"),
        (("--lengths", __file__), "either --lengths"),
        (("--fleet", "--replicas", "3"), "leave out --replicas"),
        (("--p95-ms", "1"), "alone takes"),
        (("--plot", "/nowhere/plan.png"), "there is no folder"),
        (("--qps", "0"), "0.001"),
        (("--documents", "lognormal:20:100"), "sigma 0 to 3"),
        (("--plot", "plan.bmp"), "ends in none of .png"),
    ],
)
def test_what_cannot_be_planned_says_what_to_change(capacity: Path, options: tuple[str, ...], said: str) -> None:
    done = plan(capacity, *options)
    assert done.exit_code != 0
    refusal = done.exception.sentence() if isinstance(done.exception, RerankerError) else done.stderr
    assert said in refusal
