from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bge_reranker.cli.main import program
from bge_reranker.errors import GateFailed, SettingsError

LINES = [
    {"query": "red apple", "positive": ["an apple that is red"], "negative": ["a blue train", "the green sea"]},
    {"query": "blue train", "positive": ["a train painted blue"], "negative": ["an apple that is red", "the moon"]},
    {"query": "green sea", "positive": ["the sea looks green"], "negative": ["a blue train", "the moon"]},
]


@pytest.fixture
def judgements(tmp_path: Path) -> Path:
    file = tmp_path / "judged.jsonl"
    file.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    return file


def evaluate(judgements: Path, *options: str) -> Result:
    return CliRunner().invoke(program, ["evaluate", str(judgements), *options], env={"COLUMNS": "140"})


def test_two_models_are_compared_in_a_table_a_file_and_a_picture(judgements: Path, tmp_path: Path) -> None:
    file, picture = tmp_path / "report.json", tmp_path / "report.svg"
    options = ("--against", "demo", "--cut-off-precision", "0.9", "--json", str(file), "--picture", str(picture))
    outcome = evaluate(judgements, *options)

    assert outcome.exit_code == 0, outcome.output
    assert "0 queries rank better, 0 worse, 3 the same" in outcome.output
    report = json.loads(file.read_text(encoding="utf-8"))
    (comparison,) = report["comparisons"]
    assert comparison["differences"]["ndcg_at_10"]["mean"] == 0
    assert {each["query"] for each in comparison["queries"]} == {line["query"] for line in LINES}
    (cut_off,) = report["cut_offs"]
    assert f"--cut-offs precision-90={cut_off['score']:.6f}" in outcome.output
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_a_picture_in_an_unknown_format_is_refused_before_the_work(judgements: Path, tmp_path: Path) -> None:
    outcome = evaluate(judgements, "--picture", str(tmp_path / "report.gif"))
    assert isinstance(outcome.exception, SettingsError)
    assert ".svg" in outcome.exception.message


def test_another_model_that_is_not_there_is_said(judgements: Path) -> None:
    outcome = evaluate(judgements, "--against", "/nowhere")
    assert outcome.exception is not None
    assert not isinstance(outcome.exception, SettingsError)
    assert "/nowhere" in str(outcome.exception)


def test_what_a_precision_costs_is_printed(judgements: Path) -> None:
    outcome = evaluate(judgements, "--price", "--precision", "int8_weights", "--device", "cpu", "--threads", "1")
    assert outcome.exit_code == 0, outcome.output
    assert "int8_weights beside float32, 9 pairs: logits differ by " in outcome.output


def test_a_precision_that_turns_the_order_of_texts_around_is_refused_with_its_price(tmp_path: Path) -> None:
    # Nearly equal texts, so that the fewer bits decide about their order.
    alike = {"query": "how to build a container image", "positive": ["word 0 alike"]}
    alike["negative"] = [f"word {number} alike" for number in range(1, 80)]
    file = tmp_path / "alike.jsonl"
    file.write_text(json.dumps(alike), encoding="utf-8")

    outcome = evaluate(
        file, "--price", "--precision", "bfloat16", "--runtime", "torch", "--device", "cpu", "--threads", "1"
    )

    assert isinstance(outcome.exception, GateFailed)
    assert "Kendall tau is" in outcome.exception.message
    assert "another precision" in outcome.exception.remedy
