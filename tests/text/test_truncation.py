"""Truncation as arithmetic: equal to the library's for every pair of lengths, wherever it is promised."""

from __future__ import annotations

from typing import get_args

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from bge_reranker.settings import Direction, Truncation
from bge_reranker.text.truncation import (
    comparable_tokens,
    document_tokens_needed,
    kept_slice,
    kept_tokens,
    query_tokens_needed,
)

SPECIAL_TOKENS = 3


def word_tokenizer(max_pair_tokens: int, truncation: Truncation, direction: Direction) -> Tokenizer:
    """One token per word: `q0 q1 ...` and `d0 d1 ...`, so that ids tell which positions stayed."""
    words = [f"{side}{index}" for side in "qd" for index in range(40)]
    vocabulary = {word: index for index, word in enumerate(["<s>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.enable_truncation(max_pair_tokens, strategy=truncation, direction=direction)
    return tokenizer


def words(side: str, count: int) -> list[str]:
    """The first words of one side."""
    return [f"{side}{index}" for index in range(count)]


@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("budget", [2, 5, 6, 9, 13])
def test_longest_first_keeps_what_the_library_keeps_for_all_lengths(budget: int, direction: Direction) -> None:
    tokenizer = word_tokenizer(budget + SPECIAL_TOKENS, "longest_first", direction)
    for query_tokens in range(2 * budget + 3):
        for document_tokens in range(2 * budget + 6):
            query, document = words("q", query_tokens), words("d", document_tokens)
            reference = tokenizer.encode(" ".join(query), " ".join(document)).tokens
            kept_query, kept_document = kept_tokens(query_tokens, document_tokens, budget, "longest_first")
            ours = [
                "<s>",
                *query[kept_slice(query_tokens, kept_query, direction)],
                "</s>",
                *document[kept_slice(document_tokens, kept_document, direction)],
                "</s>",
            ]
            assert ours == reference, (query_tokens, document_tokens)


@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("budget", [2, 5, 6])
def test_only_second_keeps_what_the_library_keeps_when_the_query_leaves_room(budget: int, direction: Direction) -> None:
    tokenizer = word_tokenizer(budget + SPECIAL_TOKENS, "only_second", direction)
    for query_tokens in range(budget):
        for document_tokens in range(20):
            document = words("d", document_tokens)
            reference = tokenizer.encode(" ".join(words("q", query_tokens)), " ".join(document)).tokens
            _, kept = kept_tokens(query_tokens, document_tokens, budget, "only_second")
            assert reference[query_tokens + 2 : -1] == document[kept_slice(document_tokens, kept, direction)]


@pytest.mark.parametrize("truncation", get_args(Truncation))
@pytest.mark.parametrize("budget", [2, 5, 6, 9])
def test_tokens_beyond_those_needed_change_nothing(budget: int, truncation: Truncation) -> None:
    for query_tokens in range(query_tokens_needed(budget, truncation, None) + 1):
        if truncation == "only_second" and query_tokens >= budget:
            continue
        needed = document_tokens_needed(query_tokens, budget, truncation)
        at_need = kept_tokens(query_tokens, needed, budget, truncation)
        assert query_tokens + needed > budget, "fewer tokens would not tell that something is dropped"
        for more in (needed + 1, needed + 2, 10 * budget):
            assert kept_tokens(query_tokens, more, budget, truncation) == at_need


def test_the_odd_place_goes_to_the_document_when_both_texts_are_beyond_comparison() -> None:
    budget = 5
    query_tokens = query_tokens_needed(budget, "longest_first", None)
    assert query_tokens == comparable_tokens(budget)
    needed = document_tokens_needed(query_tokens, budget, "longest_first")
    assert kept_tokens(query_tokens, needed, budget, "longest_first") == (2, 3)


def test_one_query_token_more_than_the_limit_is_needed_to_know_that_it_is_exceeded() -> None:
    assert query_tokens_needed(100, "longest_first", 10) == 11


def test_nothing_is_kept_from_the_left_when_nothing_may_stay() -> None:
    assert list(range(5))[kept_slice(5, 0, "left")] == []
    assert list(range(5))[kept_slice(5, 2, "left")] == [3, 4]
