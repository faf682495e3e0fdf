import pytest

from bge_reranker.tuning.examples import InvalidTrainingData, TrainingExample
from bge_reranker.tuning.rows import chosen_loss, rows

TAUGHT = TrainingExample(1, "q", {"a": 1, "b": 0}, {"a": 2.0, "b": -1.0})
GRADED = TrainingExample(2, "q", {"a": 3, "b": 1, "c": 0}, {})


def test_a_teacher_on_every_line_is_distilled_and_else_lists_are_compared() -> None:
    assert chosen_loss("auto", [TAUGHT, TAUGHT]) == "distil"
    assert chosen_loss("auto", [TAUGHT, GRADED]) == "listwise"
    with pytest.raises(InvalidTrainingData, match="line 2 has none"):
        chosen_loss("distil", [TAUGHT, GRADED])


def test_labels_are_grades_scores_or_shares_of_the_highest_grade() -> None:
    (listwise,) = rows([GRADED], "listwise", 8, seed=0)
    labels = dict(zip(listwise["documents"], listwise["labels"], strict=True))
    assert labels == pytest.approx({"a": 10, "b": 10 / 3, "c": 0})
    (plain,) = rows([GRADED], "lambda", 8, seed=0)
    assert dict(zip(plain["documents"], plain["labels"], strict=True)) == GRADED.grades
    (distil,) = rows([TAUGHT], "distil", 8, seed=0)
    assert dict(zip(distil["documents"], distil["labels"], strict=True)) == TAUGHT.teacher
    labels = {row["document"]: row["label"] for row in rows([GRADED], "binary", 8, seed=0)}
    assert labels == pytest.approx({"a": 1, "b": 1 / 3, "c": 0})


def test_of_many_documents_half_the_places_are_for_relevant_ones() -> None:
    many = {f"good {n}": 1 for n in range(10)} | {f"bad {n}": 0 for n in range(10)}
    (row,) = rows([TrainingExample(1, "q", many, {})], "listwise", 6, seed=0)
    assert sorted(row["labels"]) == [0, 0, 0, 10, 10, 10]


def test_places_that_negatives_leave_free_are_for_relevant_ones() -> None:
    many = {f"good {n}": 1 for n in range(10)} | {"bad": 0}
    (row,) = rows([TrainingExample(1, "q", many, {})], "listwise", 6, seed=0)
    assert sorted(row["labels"]) == [0, 10, 10, 10, 10, 10]


def test_queries_without_a_difference_are_refused_where_all_are_such() -> None:
    with pytest.raises(InvalidTrainingData, match="differ in relevance"):
        rows([TrainingExample(1, "q", {"a": 1}, {})], "listwise", 8, seed=0)
