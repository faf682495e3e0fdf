import json
import os
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bge_reranker.tuning.examples import InvalidTrainingData, LineProblem, read_examples, summary

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
        ({**GOOD, "pos_scores": [10**400], "neg_scores": [1]}, "has a value in pos_scores that is no number"),
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
    with pytest.raises(InvalidTrainingData, match=r"5 of 45 lines cannot be used: each of lines 41-45 is no JSON\."):
        read_examples(file)


def test_every_bad_line_is_named_those_with_one_fault_together(tmp_path: Path) -> None:
    lines: list[Any] = ["{", GOOD, "{", "{", [], {"query": "q"}]
    problems = read_examples(write(tmp_path, lines, good=100)).problems

    assert summary(problems) == [
        "each of lines 101, 103-104 is no JSON",
        "line 105 is no JSON object",
        "line 106 has neither pos, positive nor candidates",
    ]


def test_a_long_file_of_another_kind_is_described_in_a_few_lines() -> None:
    scattered = [LineProblem(2 * number, "is no JSON") for number in range(500)]
    different = [LineProblem(number, f"has fault {number}") for number in range(60)]

    assert summary(scattered)[0].endswith("196, 198 and 400 more is no JSON")
    assert summary(different)[-1] == "10 lines have other faults"


def test_a_line_with_bytes_that_are_no_text_is_left_out_by_number(tmp_path: Path) -> None:
    file = write(tmp_path, [])
    latin, null = (json.dumps({**GOOD, "query": mark}, ensure_ascii=False) for mark in ("\xe9", "\0"))
    file.write_bytes(file.read_bytes() + latin.encode("latin-1") + b"\n" + null.replace("\\u0000", "\0").encode())

    assert [str(problem) for problem in read_examples(file).problems] == [
        "line 41 holds a byte that is not UTF-8: 0xe9",
        "line 42 holds bytes of value 0, as UTF-16 without a byte order mark does",
    ]


def test_texts_from_a_pipe_are_read_once_and_known_by_what_they_were(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", write(tmp_path, [])
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writer.start()
    texts = read_examples(pipe)
    writer.join()
    assert (len(texts.examples), texts.sha256) == (40, sha256(file.read_bytes()).hexdigest())


def test_too_few_queries_are_refused_with_the_number_that_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InvalidTrainingData, match=r"has 9 queries .* at least 10"):
        read_examples(write(tmp_path, [], good=9))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidTrainingData, match=r"texts\.jsonl"):
        read_examples(file)
