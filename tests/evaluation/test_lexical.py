import math

import pytest

from bge_reranker.evaluation.lexical import Bm25Index, split_words


def test_words_are_lower_case_and_without_stopwords() -> None:
    assert split_words("The Cat is on the MAT") == ["cat", "mat"]


def test_chinese_words_are_found_without_blanks() -> None:
    words = split_words("我们学习人工智能和Python编程")

    assert {"学习", "人工智能", "python", "编程"} <= set(words)
    assert "和" not in words


def test_bm25_equals_its_formula_on_a_hand_computed_example() -> None:
    index = Bm25Index(["red apple", "red red car", "blue train"])

    apple, car, train = index.score("apple", index.documents)

    # One of three documents holds the word once; lengths are 2, 3, 2 with mean 7 / 3.
    inverse_frequency = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 2 / (7 / 3))
    assert apple == pytest.approx(inverse_frequency / (1 + norm), rel=1e-4)
    assert car == train == 0


def test_best_documents_come_first() -> None:
    index = Bm25Index(["苹果是水果", "汽车有四个轮子", "火车很长"])

    assert index.best("汽车的轮子", 1) == ["汽车有四个轮子"]


def test_every_score_is_zero_when_no_word_is_known() -> None:
    index = Bm25Index(["red apple", "blue train"])

    assert index.score("zebra", ["blue train", "red apple"]) == [0.0, 0.0]
