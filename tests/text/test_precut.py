"""Cutting before tokenising: it changes nothing, and it spares the tokenizer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from bge_reranker.errors import DocumentTooLong, QueryTooLong
from bge_reranker.settings import Direction, Truncation
from bge_reranker.text.encoder import PairEncoder
from bge_reranker.text.policy import TextPolicy
from bge_reranker.text.precut import Precut, TokenizedText, leading_tokens, without_lone_surrogates
from bge_reranker.text.tokenizer_folder import TokenizerFolder

from .conftest import FolderOf
from .reference import policy
from .trained import FAMILIES, HANZI, SCRIPTS, sample_text

CASES = 10_000
"""Documents per script with the tokenizer of the default model's family, which is the hardest to cut."""

DOCUMENTS_PER_REQUEST = 50

EARLY = Precut(characters_per_token=2, margin_characters=64, boundary_search_characters=24)
"""Cuts so early that short test texts are cut, and often must be doubled."""

WHOLE = Precut(characters_per_token=1_000_000)
"""Never cuts a test text."""

MILLION = 1_000_000


class RecordingTokenizer:
    """Keeps the texts that reach the tokenizer and counts their characters."""

    def __init__(self, folder: TokenizerFolder) -> None:
        self._tokenizer = folder.tokenizer
        self.characters = 0
        self.texts: set[str] = set()

    def encode_batch(self, texts: Sequence[str], /) -> Sequence[TokenizedText]:
        self._record(texts)
        return self._tokenizer.encode_batch(texts)

    def encode_whole(self, texts: Sequence[str], /) -> Sequence[list[int]]:
        self._record(texts)
        return self._tokenizer.encode_whole(texts)

    def _record(self, texts: Sequence[str]) -> None:
        self.texts.update(texts)
        self.characters += sum(len(text) for text in texts)


def recording(path: Path, precut: Precut | None = None) -> tuple[PairEncoder, RecordingTokenizer]:
    """An encoder and the recorder inside it."""
    folder = TokenizerFolder.read(path)
    tokenizer = RecordingTokenizer(folder)
    return PairEncoder(tokenizer, folder.template, precut or folder.precut), tokenizer


def draw_policy(generator: random.Random) -> TextPolicy:
    """One of the limits, sides and ends, odd and even budgets, windows and query limits among them."""
    limit = generator.choice((8, 9, 16, 23, 32))
    return replace(
        policy(limit, generator.choice(get_args(Truncation)), generator.choice(get_args(Direction))),
        long_documents=generator.choice(("cut", "cut", "windows_max")),
        max_query_tokens=generator.choice((None, None, 3)),
    )


def differences(path: Path, script: str, precut: Precut, *, cases: int, max_characters: int, seed: int) -> list[str]:
    """Compare cut and full tokenisation on random requests and describe every difference, the shortest text first."""
    generator = random.Random(f"{script} {seed}")
    cutting, recorder = recording(path, precut)
    whole, _ = recording(path, WHOLE)
    shortened = 0
    found: list[tuple[int, str]] = []
    for _ in range(cases // DOCUMENTS_PER_REQUEST):
        rules = draw_policy(generator)
        query = sample_text(generator, script, 100 if rules.truncation == "longest_first" else 3)
        documents = [sample_text(generator, script, max_characters) for _ in range(DOCUMENTS_PER_REQUEST)]
        recorder.texts.clear()
        ours = outcome(cutting, query, documents, rules)
        shortened += sum(document not in recorder.texts for document in documents)
        theirs = outcome(whole, query, documents, rules)
        for document, mine, reference in zip(documents, ours, theirs, strict=True):
            if mine != reference:
                found.append((len(document), f"{rules}\nquery {query!r}\ndocument {document!r}"))
    assert shortened > cases // 5, "hardly anything was cut, so hardly anything was tested"
    return [text for _, text in sorted(found)]


def outcome(encoder: PairEncoder, query: str, documents: Sequence[str], rules: TextPolicy) -> list[object]:
    """Everything that must be equal, per document: the bytes of each pair's ids and the flags, or the refusal."""
    try:
        encoded = encoder.encode(query, documents, rules)
    except QueryTooLong as error:
        return [error.message] * len(documents)
    return [([pair.tokens.tobytes() for pair in document.pairs], document.truncated) for document in encoded.documents]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(("family", "cases"), [("xlm_roberta", CASES), ("bert", CASES // 10), ("roberta", CASES // 10)])
def test_cut_texts_give_the_tokens_of_whole_texts_in_every_script(
    folder_of: FolderOf, family: str, cases: int, script: str
) -> None:
    found = differences(
        folder_of(family), script, EARLY, cases=cases, max_characters=240 if cases == CASES else 600, seed=1
    )
    assert not found, f"{len(found)} of {cases} differ, seed 1; the shortest:\n{found[0]}"


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_cut_texts_give_the_tokens_of_whole_texts_with_the_default_cut(
    folder_of: FolderOf, family: str, script: str
) -> None:
    found = differences(folder_of(family), script, Precut(), cases=100, max_characters=3000, seed=2)
    assert not found, f"{len(found)} differ, seed 2; the shortest:\n{found[0]}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("direction", ["right", "left"])
@pytest.mark.parametrize("sort", ["with spaces", "without spaces", "one word"])
def test_a_million_characters_are_not_tokenised_when_512_tokens_matter(
    folder_of: FolderOf, family: str, direction: Direction, sort: str
) -> None:
    generator = random.Random(3)
    if sort == "with spaces":
        document = "the panda eats bamboo, quietly. " * (MILLION // 32)
    else:
        document = "".join(generator.choices(HANZI if sort == "without spaces" else "abcdefg,.", k=MILLION))
    encoder, recorder = recording(folder_of(family))
    rules = policy(512, direction=direction)
    encoded = encoder.encode("a query", [document], rules).documents[0]
    assert encoded.truncated
    assert encoded.tokens == 512
    assert recorder.characters < 3 * 512 * 32


def test_a_million_characters_are_refused_without_being_tokenised_when_the_policy_rejects(folder_of: FolderOf) -> None:
    encoder, recorder = recording(folder_of("xlm_roberta"))
    with pytest.raises(DocumentTooLong, match="document 1 has more than"):
        encoder.encode("a query", ["short", "word " * (MILLION // 5)], replace(policy(512), long_documents="reject"))
    assert recorder.characters < 2 * 512 * 32


def test_a_query_of_a_million_characters_is_not_tokenised_whole(folder_of: FolderOf) -> None:
    encoder, recorder = recording(folder_of("xlm_roberta"))
    encoded = encoder.encode("word " * (MILLION // 5), ["short"], policy(512))
    assert encoded.documents[0].truncated
    assert recorder.characters < 3 * 512 * 32


def test_a_part_is_doubled_until_it_gives_enough_tokens_when_characters_vanish(folder_of: FolderOf) -> None:
    encoder, recorder = recording(folder_of("xlm_roberta"))
    document = " " * 5_000 + "the panda eats bamboo " * 500
    tokens = encoder.encode("a", [document], policy(32)).documents[0].pairs[0].tokens
    trimmed = encoder.encode("a", [document.strip()], policy(32)).documents[0].pairs[0].tokens
    assert tokens.tolist() == trimmed.tolist()
    assert recorder.characters < 4 * len(document)


@pytest.mark.parametrize("text", [" ", "\0", "\u0301", "👨\u200d"], ids=["blank", "NUL", "combining mark", "joiner"])
def test_a_text_that_gives_no_tokens_for_its_characters_is_given_up_and_said_to_be(
    folder_of: FolderOf, text: str
) -> None:
    encoder, recorder = recording(folder_of("xlm_roberta"))
    encoded = encoder.encode("a", [text * MILLION], policy(32)).documents[0]
    assert encoded.truncated
    assert recorder.characters < 2 * 32 * Precut().max_characters_per_token + 10_000


def test_a_checkpoint_stops_the_tokenising_of_further_documents(folder_of: FolderOf) -> None:
    encoder, recorder = recording(folder_of("xlm_roberta"))
    calls = iter([None, None])
    documents = [f"{number} " + "word " * 2_000 for number in range(500)]
    with pytest.raises(StopIteration):
        encoder.encode("a", documents, policy(512), lambda _tokens: next(calls))
    assert 0 < recorder.characters < 500_000


@pytest.mark.parametrize("direction", ["right", "left"])
def test_a_word_too_long_for_wordpiece_stays_unknown_when_the_cut_falls_inside_it(
    folder_of: FolderOf, direction: Direction
) -> None:
    text = "panda " * 90 + "a" * 150 + " panda" * 90
    cutting, whole = recording(folder_of("bert"), Precut(characters_per_token=1))[0], recording(folder_of("bert"))[0]
    for limit in range(8, 400, 3):
        rules = policy(limit, direction=direction)
        assert outcome(cutting, "a", [text], rules) == outcome(whole, "a", [text], rules)


def test_an_endless_run_of_one_character_is_segmented_as_its_part_is(folder_of: FolderOf) -> None:
    """The documented exception: only the segmentation may differ, never the text that is covered or the flags."""
    encoder, recorder = recording(folder_of("xlm_roberta"))
    encoded = encoder.encode("a", ["n" * MILLION], policy(32)).documents[0]
    assert encoded.truncated
    assert encoded.tokens == 32
    assert recorder.characters < 3 * 32 * 32 + 1000


def test_no_cut_is_trusted_when_the_pre_tokenizer_does_not_split_at_spaces(folder_of: FolderOf) -> None:
    folder = TokenizerFolder.read(folder_of("xlm_roberta"))
    recorder = RecordingTokenizer(folder)
    text = "the panda eats bamboo " * 40
    for splits, fewest in ((True, 10), (False, 74)):
        precut = Precut(characters_per_token=1, margin_characters=64, splits_at_spaces=splits)
        recorder.characters = 0
        (found,) = leading_tokens(recorder, [text], 10, "right", precut)
        tokens = found.ids
        assert len(tokens) == 10
        assert recorder.characters >= fewest
        assert (recorder.characters > 100) is not splits


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("plain", "plain"),
        ("竹子😀", "竹子😀"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83dx\ude00", "\ufffdx\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ],
)
def test_lone_surrogates_become_replacement_characters(text: str, repaired: str) -> None:
    assert without_lone_surrogates(text) == repaired


def test_a_text_with_lone_surrogates_scores_like_its_repaired_form(folder_of: FolderOf) -> None:
    encoder, _ = recording(folder_of("xlm_roberta"))
    broken = encoder.encode("q\ud83d", ["panda \udc00 " * 300], policy(32)).documents[0].pairs[0]
    repaired = encoder.encode("q\ufffd", ["panda \ufffd " * 300], policy(32)).documents[0].pairs[0]
    assert broken.tokens.tolist() == repaired.tokens.tolist()
