"""Words that are looked up: the same tokens as the tokenizer's own, or none at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from tokenizers import AddedToken, Encoding, Regex, Tokenizer, normalizers, pre_tokenizers

from bge_reranker.text.known_words import MAX_WORD_CHARACTERS, KnownWords, known_words

from .trained import EXPANDING, SCRIPTS, bert_json, roberta_json, sample_text, xlm_roberta_json

PREPENDS = "\u0600", "\u06dd", "\u0d4e", "\U000110bd"
"""Characters that join the one after them, be it a space."""


def _metaspace_alone() -> str:
    """The words of XLM-RoBERTa, separated as in later conversions of SentencePiece's files."""
    tokenizer = Tokenizer.from_str(xlm_roberta_json())
    spaces = normalizers.Replace(Regex(" {2,}"), "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Nmt(), normalizers.Strip(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer.to_str()


INDEPENDENT: Mapping[str, Callable[[], str]] = {
    "xlm_roberta": xlm_roberta_json,
    "bert": bert_json,
    "metaspace alone": _metaspace_alone,
}


def _words(tokenizer: Tokenizer) -> KnownWords:
    found = known_words(tokenizer)
    assert found is not None
    return found


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [found.ids for found in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _compare(tokenizer: Tokenizer, words: KnownWords, texts: Sequence[str]) -> int:
    """Assert that what is looked up is what the tokenizer says; how many were."""
    found = words.look_up(texts)
    wrong = [
        (text, ids)
        for text, ids, expected in zip(texts, found, _ids(tokenizer, texts), strict=True)
        if ids is not None and ids != expected
    ]
    assert not wrong
    return sum(ids is not None for ids in found)


@pytest.mark.parametrize("family", INDEPENDENT)
def test_what_is_looked_up_is_what_the_tokenizer_says_in_every_script(family: str) -> None:
    tokenizer, generator = Tokenizer.from_str(INDEPENDENT[family]()), random.Random(family)
    words = _words(tokenizer)

    for script in SCRIPTS:
        texts = [sample_text(generator, script, 120) for _ in range(400)]
        found = _compare(tokenizer, words, texts)
        assert found > (300 if script == "latin" else 0)


@pytest.mark.parametrize("family", INDEPENDENT)
def test_no_character_beside_a_space_changes_that(family: str) -> None:
    tokenizer = Tokenizer.from_str(INDEPENDENT[family]())
    words = _words(tokenizer)
    parts = [*EXPANDING, *PREPENDS, "\u0301", "\u093e", "\u1161", "\u2581", "`", "¨", "panda", "<s>", "[SEP]", "?"]

    texts = [
        pattern.format(one, other) for one in parts for other in parts for pattern in ("{} {}", "a{} {}b", " {}{} ")
    ]

    assert _compare(tokenizer, words, texts) > len(parts)


@pytest.mark.parametrize("family", INDEPENDENT)
def test_blanks_only_separate_and_other_invisible_characters_are_left_to_the_tokenizer(family: str) -> None:
    tokenizer = Tokenizer.from_str(INDEPENDENT[family]())
    words = _words(tokenizer)

    blank = ["the  panda", " the panda\n", "the\r\n\r\npanda\t", "\n", ""]
    assert _compare(tokenizer, words, blank) == len(blank)
    assert words.look_up(["the\u00a0panda", "the\x1cpanda", "the\u200bpanda", "the \ud800", "the\x00"]) == [None] * 5


def test_a_word_with_an_added_token_is_never_looked_up() -> None:
    tokenizer = Tokenizer.from_str(xlm_roberta_json())
    tokenizer.add_tokens([AddedToken("panda", lstrip=True, rstrip=True)])
    words = _words(tokenizer)

    assert words.look_up(["the panda eats", "the pandas", "the bamboo"])[:2] == [None, None]
    assert words.look_up(["the bamboo"]) == _ids(tokenizer, ["the bamboo"])


@pytest.mark.parametrize(
    ("json", "change"),
    [
        (roberta_json, lambda _tokenizer: None),
        (xlm_roberta_json, lambda tokenizer: tokenizer.add_tokens(["the panda"])),
        (xlm_roberta_json, lambda tokenizer: setattr(tokenizer, "pre_tokenizer", None)),
        (
            xlm_roberta_json,
            lambda tokenizer: setattr(tokenizer, "pre_tokenizer", pre_tokenizers.Metaspace(prepend_scheme="first")),
        ),
        (
            xlm_roberta_json,
            lambda tokenizer: setattr(tokenizer, "normalizer", normalizers.Replace(Regex(r"(?<=a )b"), "c")),
        ),
        (
            # Without a normalizer that takes them together, several spaces are tokens.
            xlm_roberta_json,
            lambda tokenizer: setattr(tokenizer, "pre_tokenizer", pre_tokenizers.Metaspace(prepend_scheme="always")),
        ),
    ],
    ids=["words with their spaces", "an added token of two words", "no words", "a first word", "context", "spaces"],
)
def test_where_words_depend_on_what_stands_beside_them_none_is_known(
    json: Callable[[], str], change: Callable[[Tokenizer], object]
) -> None:
    tokenizer = Tokenizer.from_str(json())
    change(tokenizer)

    assert known_words(tokenizer) is None


class _Counting:
    """Counts the texts that a tokenizer is given."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer.from_str(xlm_roberta_json())
        self.texts: list[str] = []

    def __call__(self, texts: list[str]) -> Sequence[Encoding]:
        self.texts += texts
        return self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)

    def with_places(self, texts: list[str]) -> Sequence[Encoding]:
        self.texts += [word for text in texts for word in text.split()]
        return self._tokenizer.encode_batch(texts, add_special_tokens=False)


def test_a_word_is_learned_once_also_one_that_may_not_be_looked_up() -> None:
    counting = _Counting()
    words = KnownWords(counting, counting.with_places, frozenset(range(5)))

    for _ in range(3):
        words.look_up(["the panda", "a panda <mask>"])

    assert counting.texts.count("panda") == counting.texts.count("<mask>") == 1


def test_words_that_are_used_stay_and_their_number_is_bounded() -> None:
    counting = _Counting()
    words = KnownWords(counting, counting.with_places, frozenset(), max_words=50)

    for number in range(1_000):
        words.look_up([f"panda word{number}"])

    assert counting.texts.count("panda") == 1
    assert len(words) <= 100


def test_a_text_with_more_new_words_than_are_kept_is_left_to_the_tokenizer() -> None:
    counting = _Counting()
    words = KnownWords(counting, counting.with_places, frozenset(), max_words=3)

    assert words.look_up(["the panda eats bamboo in a quiet forest"]) == [None]
    assert words.look_up(["the panda eats"]) == _ids(Tokenizer.from_str(xlm_roberta_json()), ["the panda eats"])


def test_a_stretch_without_spaces_is_not_kept() -> None:
    words = _words(Tokenizer.from_str(xlm_roberta_json()))

    found = words.look_up(["a" * MAX_WORD_CHARACTERS, "a" * (MAX_WORD_CHARACTERS + 1)])

    assert [ids is None for ids in found] == [False, True]
