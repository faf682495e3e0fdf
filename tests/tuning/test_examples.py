import json
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.tuning.examples import InvalidTrainingData, read_examples

GOOD = {"query": "q", "pos": ["right"], "neg": ["wrong"]}


def write(path: Path, lines: list[Any], good: int = 40) -> Path:
    """Lines after as many good ones, each with a query of its own."""
    before = [json.dumps({**GOOD, "query": f"q{number}"}) for number in range(good)]
    after = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file = path / "texts.jsonl"
    file.write_text("\n".join([*before, *after]) + "\n", encoding="utf-8")
    return file


def test_flagembedding_s_lines_are_read_with_their_teacher_s_scores(tmp_path: Path) -> None:
    line = {"query": "q", "pos": ["a", "b"], "neg": ["c"], "pos_scores": [3, 2.5], "neg_scores": [-1], "type": "x"}
    example = read_examples(write(tmp_path, [line])).examples[-1]
    assert (example.line, example.positives, example.negatives) == (41, ["a", "b"], ["c"])
    assert example.teacher == {"a": 3.0, "b": 2.5, "c": -1.0}


def test_graded_candidates_and_the_gate_s_own_form_are_read(tmp_path: Path) -> None:
    graded = {"query": "q", "candidates": [{"text": "a", "grade": 2}, {"text": "b", "grade": 0}]}
    golden = {"query": "q", "positive": ["a"], "negative": ["b"]}
    first, second = read_examples(write(tmp_path, [graded, golden])).examples[-2:]
    assert (first.grades, second.grades) == ({"a": 2, "b": 0}, {"a": 1, "b": 0})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is no JSON"),
        ([], "is no JSON object"),
        ({"pos": ["a"]}, "has no text as query"),
        ({"query": " ", "pos": ["a"]}, "has no text as query"),
        ({"query": "q"}, "has neither pos, positive nor candidates"),
        ({"query": "q", "pos": []}, "has no relevant document"),
        ({"query": "q", "pos": "a text"}, "needs a list of texts as pos"),
        ({"query": "q", "pos": ["a", ""]}, "needs a list of texts as pos"),
        ({"query": "q", "pos": ["a"], "neg": ["a"]}, "has a text in both pos and neg: 'a'"),
        ({**GOOD, "pos_scores": [1], "neg_scores": []}, "needs as many neg_scores as texts"),
        ({**GOOD, "pos_scores": [1], "neg_scores": [True]}, "has a value in neg_scores that is no number"),
        ('{"query": "q", "pos": ["a"], "pos_scores": [NaN]}', "has a value in pos_scores that is no number"),
        ({"query": "q", "candidates": [{"text": "a", "grade": 1.5}]}, "needs a text and a whole grade"),
        (
            {"query": "q", "candidates": [{"text": "a", "grade": 1}, {"text": "a", "grade": 0}]},
            "grades the text of candidate 2 twice",
        ),
    ],
)
def test_a_bad_line_is_left_out_by_number_and_reason(tmp_path: Path, line: Any, reason: str) -> None:
    texts = read_examples(write(tmp_path, [line]))
    assert len(texts.examples) == 40
    (problem,) = texts.problems
    assert str(problem).startswith(f"line 41 {reason}")


def test_a_file_with_many_bad_lines_is_another_kind_of_file(tmp_path: Path) -> None:
    file = write(tmp_path, ["{", "{", "{", "{", "{"])
    with pytest.raises(InvalidTrainingData, match="5 of 45 lines cannot be used: line 41 is no JSON; line 42"):
        read_examples(file)


def test_too_few_queries_are_refused_with_the_number_that_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InvalidTrainingData, match=r"has 9 queries .* at least 10"):
        read_examples(write(tmp_path, [], good=9))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidTrainingData, match=r"texts\.jsonl"):
        read_examples(file)
